//! What becomes of semaphores when the server, the network or a client fails: as the module page of the store says.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[path = "redis/common.rs"]
mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cla_runtime::{Engine, RunOptions, Script};
use cla_semaphore::{
    AcquireError, AdminError, EventKind, EventsError, Owner, ReleaseError, Request, SlotId, Slots,
    Status, StoreError,
};
use cla_tests::redis::{Server, eventually};
use common::{acquire, line, name, soon, store, until_waiting};

fn short_lease(server: &Server) -> String {
    format!("{}?lease=1s", server.url())
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_that_the_server_forgot_are_brought_again() {
    let server = Server::start();
    let semaphores = store(&server.url());
    let x = name("x");
    let held = soon(semaphores.semaphore(&x).acquire()).await.unwrap();
    let waiting = acquire(&semaphores, &x, Request::new());
    until_waiting(&semaphores, &x, 1).await;
    server.forget_scripts();
    held.release().await.unwrap();
    server.forget_scripts();
    drop(soon(waiting).await.unwrap().unwrap());
    assert!(
        soon(semaphores.semaphore(&x).acquire().if_free())
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_lose_nothing_but_events_of_which_subscribers_are_told() {
    let server = Server::start();
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    let mut events = here.subscribe();
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    assert_eq!(soon(events.recv()).await.unwrap().kind, EventKind::Created);
    let first = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    let second = acquire(&here, &x, Request::new());
    until_waiting(&here, &x, 2).await;
    for _ in 0..3 {
        server.cut();
        assert_eq!(line(&here, &x).await.len(), 2);
        assert!(!held.is_lost());
    }
    held.release().await.unwrap();
    let first = soon(first).await.unwrap().unwrap();
    server.cut();
    drop(first);
    drop(soon(second).await.unwrap().unwrap());
    let missed = soon(async {
        loop {
            if let Err(error) = events.recv().await {
                return error;
            }
        }
    });
    assert_eq!(missed.await, EventsError::Missed(0));
}

/// A holder, two waiters in two stores, and then the data are lost by `lose`. Nobody who came before is overtaken, and
/// tokens grow.
async fn all_come_back_after(server: &mut Server, lose: impl FnOnce(&mut Server)) {
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    here.set_slots(&x, Slots::Limited(2)).await.unwrap();
    let owner = |who: &str| Request::new().owner(Owner::new(who));
    let one = soon(here.semaphore(&x).acquire().with(owner("one")))
        .await
        .unwrap();
    let two = soon(there.semaphore(&x).acquire().with(owner("two")))
        .await
        .unwrap();
    let three = acquire(&there, &x, owner("three"));
    until_waiting(&here, &x, 1).await;
    let four = acquire(&here, &x, owner("four"));
    until_waiting(&here, &x, 2).await;
    let tokens = (one.token(), two.token());

    lose(server);
    // One that was never here before comes at once.
    let newcomer = store(&server.url());
    let five = acquire(&newcomer, &x, owner("five"));
    let whos = |rows: Vec<cla_semaphore::RequestView>| -> Vec<String> {
        rows.into_iter().filter_map(|row| row.who).collect()
    };
    soon(async {
        loop {
            let view = here.show(&x).await.unwrap();
            if view.is_some_and(|view| (view.busy, view.waiting) == (2, 3)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let view = newcomer.show(&x).await.unwrap().unwrap();
    assert_eq!((view.slots, view.pinned), (Slots::Limited(2), true));
    assert_eq!(whos(view.requests), ["one", "two", "three", "four", "five"]);
    assert!(!one.is_lost() && !two.is_lost());
    assert_eq!((one.token(), two.token()), tokens);

    two.release().await.unwrap();
    let three = soon(three).await.unwrap().unwrap();
    assert!(three.token() > tokens.0.max(tokens.1));
    one.release().await.unwrap();
    let four = soon(four).await.unwrap().unwrap();
    drop(three);
    let five = soon(five).await.unwrap().unwrap();
    assert!(five.token() > four.token());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_flushall_holders_hold_and_waiters_stand_where_they_stood() {
    let mut server = Server::start();
    all_come_back_after(&mut server, |server| server.flush()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_without_data_holders_hold_and_waiters_stand_where_they_stood() {
    let mut server = Server::start();
    all_come_back_after(&mut server, |server| {
        server.kill();
        server.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_keeps_its_id_when_data_are_lost_and_who_shares_it_is_told_that_nobody_knows() {
    let server = Server::start();
    let (here, there) = (store(&short_lease(&server)), store(&short_lease(&server)));
    let x = name("x");
    let slot = SlotId::new("a|slot%").unwrap();
    let asking = || Request::new().slots(3).slot(slot.clone());
    let held = soon(here.semaphore(&x).acquire().with(asking()))
        .await
        .unwrap();
    let shared = soon(there.semaphore(&x).acquire().with(asking()))
        .await
        .unwrap();
    assert_eq!(shared.id(), held.id());
    server.flush();
    // Only the session that took it can bring it back.
    soon(shared.lost()).await;
    assert!(shared.lease_passed());
    drop(shared);
    let state = soon(there.slot_state(&x, &slot)).await.unwrap();
    assert_eq!(state.held.map(|slot| slot.request), Some(held.id()));
    assert!(!held.is_lost());
    assert!(soon(there.release_slot(&x, &slot)).await.unwrap());
    soon(held.lost()).await;
    assert!(!held.lease_passed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_a_killed_process_left_is_free_within_its_lease() {
    let server = Server::start();
    let x = name("x");
    let there = store(&short_lease(&server));
    let slot = SlotId::new("mine").unwrap();
    let asking = || Request::new().slots(2).slot(slot.clone());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["a_program_that_leaves_a_slot", "--exact", "--nocapture"])
        .env("CLA_TEST_LEAVES_AT", short_lease(&server))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("left")));
    let shared = soon(there.semaphore(&x).acquire().with(asking()))
        .await
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    soon(shared.lost()).await;
    assert!(shared.lease_passed());
    let next = soon(there.semaphore(&x).acquire().with(asking()))
        .await
        .unwrap();
    assert_ne!(next.id(), shared.id());
    drop(shared);
    assert!(!next.is_lost());
}

#[test]
fn a_program_that_leaves_a_slot() {
    let Ok(url) = std::env::var("CLA_TEST_LEAVES_AT") else {
        return;
    };
    let semaphores = store(&url);
    let slot = SlotId::new("mine").unwrap();
    let request = Request::new().slots(2).slot(slot);
    let permit = semaphores
        .semaphore(&name("x"))
        .acquire()
        .with(request)
        .blocking()
        .unwrap();
    permit.leave();
    println!("left");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_for_less_than_the_lease_costs_nobody_anything() {
    let server = Server::start();
    let url = format!("{}?lease=6s", server.url());
    let (here, there) = (store(&url), store(&url));
    let x = name("x");
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    server.freeze();
    let asked = Instant::now();
    let impatient = Request::new().timeout(Duration::from_millis(300));
    let refused = soon(here.semaphore(&x).acquire().with(impatient)).await;
    assert!(
        matches!(refused, Err(AcquireError::TimedOut { .. })),
        "{refused:?}"
    );
    assert!(asked.elapsed() < Duration::from_secs(5));
    server.thaw();
    assert!(!held.is_lost());
    held.release().await.unwrap();
    let next = soon(waiting).await.unwrap().unwrap();
    next.release().await.unwrap();
    let view = soon(here.show(&x)).await.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stands_still_for_longer_than_the_lease_loses_permits_and_holders_are_told() {
    let server = Server::start();
    let (here, there) = (store(&short_lease(&server)), store(&short_lease(&server)));
    let x = name("x");
    let mut events = here.subscribe();
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    server.freeze();
    soon(held.lost()).await;
    assert!(held.is_lost() && held.lease_passed());
    soon(async { while events.recv().await.map(|event| event.kind) != Ok(EventKind::Lost) {} })
        .await;
    let released = soon(held.release()).await;
    assert!(
        matches!(released, Err(ReleaseError::Lost { .. })),
        "{released:?}"
    );
    server.thaw();
    // The other one's place is gone, too, and it takes a new one.
    let next = soon(waiting).await.unwrap().unwrap();
    assert!(!next.is_lost());
    next.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_script_the_server_has_forgotten_is_done_although_the_request_seems_left_over()
 {
    let server = Server::start();
    let (here, there) = (store(&short_lease(&server)), store(&server.url()));
    let x = name("x");
    let two = || Request::new().slots(2);
    let held = soon(here.semaphore(&x).acquire().with(two()))
        .await
        .unwrap();
    let also_held = soon(here.semaphore(&x).acquire().with(two()))
        .await
        .unwrap();
    server.forget_scripts();
    // Now it learns those again by which a request is given up, and a session renewed.
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    waiting.abort();
    until_waiting(&here, &x, 0).await;
    let known = || {
        let told = server.command(&["INFO", "memory"]);
        let count = told
            .lines()
            .find_map(|line| line.strip_prefix("number_of_cached_scripts:"));
        count.is_some_and(|count| count.parse::<u32>().unwrap() >= 5)
    };
    eventually("mark, acquire, show, abandon and renew are known", known);
    // The renewal after the cut tells of the request that is being released.
    server.cut();
    soon(held.release()).await.unwrap();
    soon(also_held.release()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_lost_its_slot_to_an_outage_fails_when_it_is_through() {
    let server = Server::start();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .semaphores(store(&short_lease(&server)))
        .with(cla_stdlib::install)
        .build();
    let watching = store(&server.url());
    let blocking = "p => { while (!p.lost) util.sleep(0.01); return p.held }";
    let promising =
        "async p => { while (!p.lost) await new Promise(r => setTimeout(r, 10)); return p.held }";
    for function in [blocking, promising] {
        let text = format!(
            "const sem = require('cla/sem'), util = require('cla/util');
             sem.take('x', {{ who: 'rule' }}, {function})"
        );
        let run = engine.run(Script::new("rule.js", text), RunOptions::new());
        soon(async {
            while watching
                .show(&name("x"))
                .await
                .unwrap()
                .is_none_or(|view| view.busy == 0)
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        server.freeze();
        let error = soon(run).await.result.unwrap_err();
        server.thaw();
        assert_eq!(error.name, "SemaphoreLostError");
        assert!(error.message.contains("\"x\""), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_requests_wait_and_administrators_are_told() {
    let mut server = Server::start();
    let semaphores = store(&server.url());
    let x = name("x");
    drop(soon(semaphores.semaphore(&x).acquire()).await.unwrap());
    server.kill();
    let patient = acquire(&semaphores, &x, Request::new());
    let limit = Duration::from_millis(200);
    let asked = Instant::now();
    let impatient = soon(
        semaphores
            .semaphore(&x)
            .acquire()
            .with(Request::new().timeout(limit)),
    )
    .await;
    assert!(matches!(impatient, Err(AcquireError::TimedOut { after, .. }) if after == limit));
    assert!(asked.elapsed() >= limit);
    let (listed, tried) = tokio::join!(
        soon(semaphores.list()),
        soon(semaphores.semaphore(&x).acquire().if_free())
    );
    assert!(
        matches!(listed, Err(StoreError::Unreachable { .. })),
        "{listed:?}"
    );
    assert!(
        matches!(tried, Err(StoreError::Unreachable { .. })),
        "{tried:?}"
    );
    let said = listed.unwrap_err().to_string();
    assert!(said.contains("refused"), "{said}");
    let cancelled = soon(semaphores.set_slots(&x, Slots::ONE)).await;
    assert!(matches!(cancelled, Err(AdminError::Store(_))));
    assert!(!patient.is_finished());
    server.restart();
    drop(soon(patient).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_request_waits_for_a_server_that_is_not_there_yet() {
    let mut server = Server::start();
    server.kill();
    let semaphores = store(&server.url());
    let waiting = acquire(&semaphores, &name("x"), Request::new());
    let timeout = Request::new().timeout(Duration::from_millis(50));
    assert!(
        soon(semaphores.semaphore(&name("x")).acquire().with(timeout))
            .await
            .is_err()
    );
    server.restart();
    drop(soon(waiting).await.unwrap().unwrap());
}

/// Not a test by itself: the program that the next one kills.
#[test]
fn a_program_that_holds_and_waits() {
    let Ok(url) = std::env::var("CLA_TEST_HOLDS") else {
        return;
    };
    let semaphores = store(&url);
    let held = semaphores
        .semaphore(&name("x"))
        .acquire()
        .blocking()
        .unwrap();
    std::thread::spawn(move || semaphores.semaphore(&name("y")).acquire().blocking());
    println!("\nholds {}", held.token());
    std::io::stdout().flush().unwrap();
    // Until it is killed.
    let _ = std::io::stdin().read_line(&mut String::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_held_and_waited_for_is_gone_within_its_lease() {
    let server = Server::start();
    let semaphores = store(&server.url());
    let (x, y) = (name("x"), name("y"));
    let y_held = soon(semaphores.semaphore(&y).acquire()).await.unwrap();
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_holds_and_waits", "--nocapture"])
        .env("CLA_TEST_HOLDS", short_lease(&server))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let said = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with("holds"));
    assert!(said.is_some());
    until_waiting(&semaphores, &y, 1).await;
    let waiting = acquire(&semaphores, &x, Request::new());
    until_waiting(&semaphores, &x, 1).await;
    program.kill().unwrap();
    program.wait().unwrap();
    let killed = Instant::now();
    // Nobody comes by: the waiter's own store has set an alarm.
    let held = soon(waiting).await.unwrap().unwrap();
    assert!(
        killed.elapsed() < Duration::from_secs(10),
        "a lease of one second"
    );
    until_waiting(&semaphores, &y, 0).await;
    let rows = semaphores.show(&y).await.unwrap().unwrap().requests;
    assert!(
        rows.iter().any(|row| row.status == Status::Killed),
        "{rows:?}"
    );
    drop((held, y_held));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_gives_everything_back_and_a_later_request_opens_anew() {
    let server = Server::start();
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let waiting = acquire(&here, &x, Request::new());
    until_waiting(&there, &x, 1).await;
    soon(here.close()).await.unwrap();
    assert!(held.is_lost());
    assert!(soon(waiting).await.unwrap().is_err());
    drop(
        soon(there.semaphore(&x).acquire().if_free())
            .await
            .unwrap()
            .unwrap(),
    );
    let again = soon(here.semaphore(&x).acquire()).await.unwrap();
    assert!(held.release().await.is_err());
    again.release().await.unwrap();
    let clients = there.diagnose().await.unwrap().clients;
    assert!(clients.iter().all(|client| client.busy == 0), "{clients:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_leaves_nothing_behind() {
    let server = Server::start();
    let there = store(&server.url());
    let x = name("x");
    let here = store(&server.url());
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    drop(here);
    assert!(!held.is_lost(), "a permit keeps its store");
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&there, &x, 1).await;
    drop(held);
    drop(soon(waiting).await.unwrap().unwrap());
}
