//! The store keeps every promise of the conformance suite, and survives a restart and cut connections, on the relatives of
//! Redis too. Each that is not installed is said to be not run.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "redis/common.rs"]
mod common;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cla_conformance::{self as conformance, Fresh};
use cla_semaphore::{Request, Semaphores};
use cla_tests::redis::{Server, is_installed};
use common::{acquire, name, soon, store, until_waiting};

/// So many cases run at once: they wait more than they work.
const AT_ONCE: usize = 4;

/// Whether the program is there. If not, says so past the test runner, which shows only what failed.
fn is_there(program: &str, test: &str) -> bool {
    let there = is_installed(program);
    if !there {
        let said = format!("NOT RUN: {test}: {program} is not installed\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    there
}

fn keeps_every_promise(program: &'static str, test: &str) {
    if !is_there(program, test) {
        return;
    }
    let server = Arc::new(Server::of(program, &[]));
    let prefix = AtomicUsize::new(0);
    let subject = || {
        let prefix = prefix.fetch_add(1, Ordering::Relaxed);
        let url = format!("{}?prefix=test{prefix}", server.url());
        let open = || Semaphores::connect(&url).unwrap();
        Fresh::clients(open(), open()).keep(Arc::clone(&server))
    };
    let (cases, next) = (conformance::cases(), AtomicUsize::new(0));
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = Vec::new();
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if catch_unwind(AssertUnwindSafe(|| case.run(&subject))).is_err() {
                            failed.push(case.name());
                        }
                    }
                    failed
                })
            })
            .collect();
        let ended = workers.into_iter().map(|worker| worker.join().unwrap());
        ended.flatten().collect()
    });
    assert!(failed.is_empty(), "{program} fails {failed:#?}");
}

async fn holders_and_waiters_survive(program: &'static str, test: &str) {
    if !is_there(program, test) {
        return;
    }
    let mut server = Server::of(program, &[]);
    let (here, there, x) = (store(&server.url()), store(&server.url()), name("x"));
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    server.cut();
    until_waiting(&here, &x, 1).await;
    // Without its data.
    server.kill();
    server.restart();
    until_waiting(&here, &x, 1).await;
    assert!(!held.is_lost());
    let token = held.token();
    soon(held.release()).await.unwrap();
    let next = soon(waiting).await.unwrap().unwrap();
    assert!(next.token() > token);
    // What a take needs, and what `cla doctor` tells.
    let diagnosis = soon(here.diagnose()).await.unwrap();
    let fact = |name: &str| diagnosis.facts.iter().find(|fact| fact.name == name);
    assert_eq!(fact("a take").unwrap().value, "works");
    assert!(fact("redis").or(fact("valkey")).is_some());
}

#[test]
fn valkey_keeps_every_promise() {
    keeps_every_promise("valkey-server", "valkey_keeps_every_promise");
}

#[test]
fn keydb_keeps_every_promise() {
    keeps_every_promise("keydb-server", "keydb_keeps_every_promise");
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_and_waiters_survive_a_restart_of_valkey() {
    let test = "holders_and_waiters_survive_a_restart_of_valkey";
    holders_and_waiters_survive("valkey-server", test).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_and_waiters_survive_a_restart_of_keydb() {
    let test = "holders_and_waiters_survive_a_restart_of_keydb";
    holders_and_waiters_survive("keydb-server", test).await;
}
