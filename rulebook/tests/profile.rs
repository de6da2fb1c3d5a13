//! Where the time of a run goes: exact, by a clock that the tests move.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::sync::Arc;
use std::time::Duration;

use cla_rulebook::RulebookScript;
use cla_runtime::clock::TestClock;
use cla_runtime::profile::{Profile, ProfiledKind, ProfiledPlace};
use cla_runtime::{Engine, RunOptions, RunReport, Script};

fn engine(clock: &TestClock) -> Engine {
    Engine::builder()
        .clock(clock.clone())
        .permissions(cla_tests::engine::permissions())
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

async fn profiled(script: Script) -> (RunReport, Arc<Profile>) {
    let profile = Profile::start();
    let options = RunOptions::new().profile(Arc::clone(&profile));
    let report = engine(&TestClock::auto()).run(script, options).await;
    (report, profile)
}

fn place<'a>(report: &'a RunReport, what: &str) -> &'a ProfiledPlace {
    let places = report.profile.as_deref().unwrap();
    let found = places.iter().find(|place| place.what == what);
    found.unwrap_or_else(|| panic!("no {what} in {places:#?}"))
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_total_holds_what_is_within_and_own_time_does_not() {
    let text = "do:
  - name: outer
    do:
      - sleep: 1s
      - foreach: [1, 2, 4]
        do:
          - sleep: ${it}s
      - name: fails
        on_error: {retry: 2, delay: 10s}
        do:
          - sleep: 3s
          - fail: no disk
";
    let (report, _) = profiled(Script::rulebook("book.yml", text)).await;
    assert_eq!(report.status(), "failed");
    let outer = place(&report, "outer (do)");
    assert_eq!((outer.total, outer.own), (secs(37), Duration::ZERO));
    assert_eq!((outer.count, outer.failed), (1, 1));
    let retried = place(&report, "fails (do)");
    // The pauses between the attempts are the op's own.
    assert_eq!((retried.total, retried.own), (secs(29), secs(20)));
    let sleeps: Vec<_> = report
        .profile
        .iter()
        .flatten()
        .filter(|place| place.what == "sleep")
        .map(|place| (place.line, place.count, place.own, place.min, place.max))
        .collect();
    assert_eq!(
        sleeps,
        [
            (11, 3, secs(9), secs(3), secs(3)),
            (7, 3, secs(7), secs(1), secs(4)),
            (4, 1, secs(1), secs(1), secs(1)),
        ]
    );
    let fail = place(&report, "fail");
    assert_eq!(
        (fail.count, fail.failed, fail.average),
        (3, 3, Duration::ZERO)
    );
    let rule = place(&report, "book.yml");
    assert_eq!((rule.kind, rule.total), (ProfiledKind::Rule, secs(37)));
}

#[tokio::test]
async fn waits_for_slots_and_for_forks_are_no_work() {
    let text = "do:
  - name: fan out
    do:
      - foreach: [a, b, c]
        do:
          - semaphore: db
            parallel: wait
            name: job ${it}
            do: [sleep: 2s]
";
    let (report, profile) = profiled(Script::rulebook("book.yml", text)).await;
    assert_eq!(report.status(), "ok");
    let job = place(&report, "job ${it} (do)");
    assert_eq!(
        (job.count, job.total, job.own),
        (3, secs(12), Duration::ZERO)
    );
    assert_eq!((job.waited, job.average), (secs(6), secs(4)));
    assert_eq!((job.min, job.max), (secs(2), secs(6)));
    let region = place(&report, "db");
    assert_eq!((region.kind, region.line), (ProfiledKind::Region, 6));
    assert_eq!(
        (region.total, region.waited, region.own),
        (secs(12), secs(6), Duration::ZERO)
    );
    let fan = place(&report, "fan out (do)");
    // It waited for its forks all the time.
    assert_eq!(
        (fan.total, fan.own, fan.waited),
        (secs(6), Duration::ZERO, Duration::ZERO)
    );
    assert_eq!(place(&report, "sleep").own, secs(6));
    let stacks: Vec<_> = profile
        .stacks()
        .into_iter()
        .map(|stack| (stack.path.join(" "), stack.waits, stack.own))
        .collect();
    let above = "book.yml fan out (do):3 foreach:4 job ${it} (do):9";
    assert_eq!(
        stacks,
        [
            (format!("{above} waits for \"db\""), true, secs(6)),
            (format!("{above} sleep:9"), false, secs(6)),
        ]
    );
}

#[tokio::test]
async fn turns_beside_each_other_and_called_rules_are_within_what_started_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("part.yml"), "do: [{sleep: 4s}]").unwrap();
    let main = folder.path().join("main.yml");
    let text = "do:
  - call: part.yml
  - foreach: [1, 1]
    parallel: 2
    do: [call: part.yml]
";
    std::fs::write(&main, text).unwrap();
    let (report, profile) = profiled(Script::file(&main)).await;
    assert_eq!(report.status(), "ok", "{report:?}");
    let part = place(&report, "part.yml");
    assert_eq!(
        (part.kind, part.count, part.total),
        (ProfiledKind::Rule, 3, secs(12))
    );
    let calls: Vec<_> = report
        .profile
        .iter()
        .flatten()
        .filter(|place| place.what == "call")
        .map(|place| (place.line, place.total, place.own))
        .collect();
    assert_eq!(
        calls,
        [(5, secs(8), Duration::ZERO), (2, secs(4), Duration::ZERO)]
    );
    let stacks: Vec<_> = profile
        .stacks()
        .into_iter()
        .map(|stack| stack.path.join(" "))
        .collect();
    assert_eq!(
        stacks,
        [
            "main.yml call:2 part.yml sleep:1",
            "main.yml foreach:3 do:5 call:5 part.yml sleep:1"
        ]
    );
}

#[tokio::test]
async fn what_calls_itself_counts_once_in_its_total() {
    let text = "def:
  down:
    args: [n]
    do:
      - sleep: 1s
      - if: n > 1
        then: [down: {n: '{{ n - 1 }}'}]
do: [down: {n: 3}]
";
    let (report, _) = profiled(Script::rulebook("book.yml", text)).await;
    assert_eq!(report.status(), "ok", "{report:?}");
    let places = report.profile.as_deref().unwrap();
    let inner = places.iter().find(|p| p.what == "down" && p.line == 7);
    let inner = inner.unwrap();
    assert_eq!((inner.count, inner.total), (2, secs(2)));
    assert_eq!((inner.min, inner.max), (secs(1), secs(2)));
}

#[tokio::test]
async fn of_a_script_each_take_is_measured_with_what_is_within() {
    let text = "import * as sem from 'cla/sem';
import { sleep } from 'cla/util';
sem.take('outer', () => {
    sleep(1);
    sem.take('inner', () => sleep(2));
});
try { sem.take('inner', () => { sleep(4); throw new Error('no disk'); }); } catch {}
";
    let (report, _) = profiled(Script::javascript("rule.mjs", text)).await;
    assert_eq!(report.status(), "ok", "{report:?}");
    let outer = place(&report, "outer");
    assert_eq!((outer.line, outer.total, outer.own), (3, secs(3), secs(1)));
    let inner: Vec<_> = report
        .profile
        .iter()
        .flatten()
        .filter(|place| place.what == "inner")
        .map(|place| (place.line, place.own, place.failed))
        .collect();
    assert_eq!(inner, [(7, secs(4), 1), (5, secs(2), 0)]);
    assert_eq!(place(&report, "rule.mjs").own, Duration::ZERO);
}

#[tokio::test]
async fn nothing_is_measured_that_nobody_asked_for() {
    let report = engine(&TestClock::auto())
        .run(
            Script::rulebook("book.yml", "do: [sleep: 1s]"),
            RunOptions::new(),
        )
        .await;
    assert_eq!(report.profile, None);
    assert!(report.forks.is_empty());
}
