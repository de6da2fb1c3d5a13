//! How long the memory store remembers, and how much. What it remembers, the conformance suite says.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::time::Duration;

use cla_semaphore::{AuditQuery, HistoryQuery, SemaphoreName, Semaphores, Slots};
use common::{Fixture, name, now};

const DAY: Duration = Duration::from_secs(86_400);

fn history(semaphores: &Semaphores, name: &SemaphoreName) -> usize {
    now(semaphores.history(name, HistoryQuery::new()))
        .unwrap()
        .len()
}

fn audit(semaphores: &Semaphores) -> usize {
    now(semaphores.audit(AuditQuery::new())).unwrap().len()
}

#[test]
fn the_history_is_kept_for_a_week_and_the_audit_for_a_quarter() {
    let stage = Fixture::new();
    let x = name("x");
    now(stage.semaphores.set_slots(&x, Slots::Limited(2))).unwrap();
    drop(stage.take());
    stage.clock.advance(7 * DAY);
    drop(stage.take());
    assert_eq!(history(&stage.semaphores, &x), 2);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(history(&stage.semaphores, &x), 1);
    let lately = HistoryQuery::new().since(Duration::from_millis(500));
    assert!(
        now(stage.semaphores.history(&x, lately))
            .unwrap()
            .is_empty()
    );
    stage.clock.advance(82 * DAY);
    assert_eq!(audit(&stage.semaphores), 1);
    stage.clock.advance(2 * DAY);
    assert_eq!(audit(&stage.semaphores), 0);
}

#[test]
fn ten_thousand_commands_are_kept() {
    let semaphores = Semaphores::memory();
    let x = name("x");
    for nth in 1..=10_010 {
        now(semaphores.set_slots(&x, Slots::Limited(nth))).unwrap();
    }
    let entries = now(semaphores.audit(AuditQuery::new().limit(usize::MAX))).unwrap();
    assert_eq!(entries.len(), 10_000);
    assert_eq!(entries[0].sequence, 10_010);
    assert_eq!(entries.last().map(|entry| entry.sequence), Some(11));
}

#[test]
fn only_so_many_semaphores_have_a_long_history_and_one_that_is_forgotten_makes_room() {
    let semaphores = Semaphores::memory();
    let names: Vec<_> = (0..257).map(|nth| name(&format!("s{nth}"))).collect();
    let use_it = |name: &SemaphoreName, times: usize| {
        for _ in 0..times {
            drop(now(semaphores.semaphore(name).acquire()).unwrap());
        }
    };
    for name in &names {
        use_it(name, 40);
    }
    let lengths: Vec<_> = names
        .iter()
        .map(|name| history(&semaphores, name))
        .collect();
    assert!(
        lengths[..256].iter().all(|length| *length == 40),
        "{lengths:?}"
    );
    assert_eq!(lengths[256], 32);
    now(semaphores.forget(&names[0])).unwrap();
    use_it(&names[256], 100);
    let longer = history(&semaphores, &names[256]);
    assert!(longer > 100, "{longer}");
    use_it(&names[0], 40);
    assert_eq!(history(&semaphores, &names[0]), 32);
}
