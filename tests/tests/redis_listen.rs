//! Events are published while somebody listens, and a slot that is given back and taken again at once costs one script.
//! Neither is to be noticed by who listens, waits or holds.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "redis/common.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cla_semaphore::{EventKind, Events, HistoryQuery, Request, SemaphoreName, Semaphores};
use cla_tests::redis::{Cluster, Server, eventually};
use common::{acquire, name, soon, store, until_waiting};

/// How often the server has carried out a command.
fn calls(server: &Server, command: &str) -> usize {
    let stats = server.command(&["INFO", "commandstats"]);
    let begins = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&begins));
    line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
}

async fn take_and_give_back(semaphores: &Semaphores, name: &SemaphoreName) {
    let held = soon(semaphores.semaphore(name).acquire()).await;
    soon(held.unwrap().release()).await.unwrap();
}

/// Waits for the next event of this semaphore.
async fn next(events: &mut Events, name: &SemaphoreName) -> EventKind {
    loop {
        let event = soon(events.recv()).await.unwrap();
        if event.semaphore == *name {
            return event.kind;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_while_nobody_listens() {
    let server = Server::start();
    let semaphores = store(&server.url());
    let x = name("x");
    for _ in 0..50 {
        take_and_give_back(&semaphores, &x).await;
    }
    assert_eq!(calls(&server, "publish"), 0);
    let _events = semaphores.subscribe();
    take_and_give_back(&semaphores, &x).await;
    assert_eq!(calls(&server, "publish"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_to_listen_hears_all_that_follows() {
    let server = Server::start();
    let busy = store(&server.url());
    let names: Vec<_> = (0..30).map(|n| name(&format!("s{n}"))).collect();
    for _ in 0..20 {
        // Each of them notes that nobody listens.
        for name in &names {
            take_and_give_back(&busy, name).await;
        }
        let listener = store(&server.url());
        let mut events = listener.subscribe();
        // What it asks afterwards comes after the subscription.
        soon(listener.list()).await.unwrap();
        for name in &names {
            take_and_give_back(&busy, name).await;
            assert_eq!(next(&mut events, name).await, EventKind::Acquired);
            assert_eq!(next(&mut events, name).await, EventKind::Released);
        }
        soon(listener.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_what_it_does_itself_right_after() {
    let server = Server::start();
    let x = name("x");
    take_and_give_back(&store(&server.url()), &x).await;
    for _ in 0..20 {
        let mine = store(&server.url());
        let mut events = mine.subscribe();
        take_and_give_back(&mine, &x).await;
        assert_eq!(next(&mut events, &x).await, EventKind::Acquired);
        assert_eq!(next(&mut events, &x).await, EventKind::Released);
        soon(mine.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_of_a_busy_semaphore_misses_none_in_between() {
    let server = Server::start();
    let (busy, x) = (store(&server.url()), name("x"));
    take_and_give_back(&busy, &x).await;
    let stop = Arc::new(AtomicBool::new(false));
    let turns = tokio::spawn({
        let (stop, x) = (Arc::clone(&stop), x.clone());
        async move {
            let mut held = busy.semaphore(&x).acquire().await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                drop(held);
                held = busy.semaphore(&x).acquire().await.unwrap();
            }
        }
    });
    for _ in 0..10 {
        let listener = store(&server.url());
        let mut events = listener.subscribe();
        let mut last = None;
        for _ in 0..200 {
            let kind = next(&mut events, &x).await;
            assert!(matches!(kind, EventKind::Acquired | EventKind::Released));
            assert_ne!(Some(kind), last, "one is missing");
            last = Some(kind);
        }
        soon(listener.close()).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    soon(turns).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_connection_was_cut_hears_what_happens_after_it_is_back() {
    let server = Server::start();
    let (busy, listener, x) = (store(&server.url()), store(&server.url()), name("x"));
    let mut events = listener.subscribe();
    soon(listener.list()).await.unwrap();
    take_and_give_back(&busy, &x).await;
    assert_eq!(next(&mut events, &x).await, EventKind::Created);
    server.cut();
    // Now nobody listens for a moment, and that is noted.
    take_and_give_back(&busy, &x).await;
    eventually("it listens again", || {
        let count = server.command(&["PUBSUB", "NUMSUB", "cla:e"]);
        count.trim_end().ends_with(":1")
    });
    soon(listener.list()).await.unwrap();
    let before = soon(listener.show(&x)).await.unwrap().unwrap();
    take_and_give_back(&busy, &x).await;
    let last = loop {
        match soon(events.recv()).await {
            Ok(event) if event.kind == EventKind::Released && event.at > last_end(&before) => {
                break event;
            }
            // It hears that it missed some.
            _ => {}
        }
    };
    assert_eq!(last.semaphore, x);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_user_may_not_ask_who_listens_everything_is_published() {
    let (server, x) = (Server::start(), name("x"));
    let user = ["ACL", "SETUSER", "me", "on", ">pw", "~*", "&*"];
    server.command(&[&user[..], &["+@all", "-pubsub"]].concat());
    let busy = store(&format!("redis://me:pw@127.0.0.1:{}", server.port()));
    take_and_give_back(&busy, &x).await;
    let listener = store(&server.url());
    let mut events = listener.subscribe();
    soon(listener.list()).await.unwrap();
    take_and_give_back(&busy, &x).await;
    assert_eq!(next(&mut events, &x).await, EventKind::Acquired);
    assert_eq!(next(&mut events, &x).await, EventKind::Released);
    assert!(calls(&server, "publish") > 2);
}

/// When the last request that it shows ended.
fn last_end(view: &cla_semaphore::SemaphoreView) -> f64 {
    let ends = view.requests.iter().filter_map(|row| row.ended_at);
    ends.fold(0.0, f64::max)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_cluster_who_listens_at_one_node_hears_of_all() {
    let cluster = Cluster::start();
    let busy = store(&cluster.url());
    let names: Vec<_> = (0..10).map(|n| name(&format!("s{n}"))).collect();
    for name in &names {
        take_and_give_back(&busy, name).await;
    }
    let listener = store(&cluster.url());
    let mut events = listener.subscribe();
    soon(listener.list()).await.unwrap();
    for name in &names {
        take_and_give_back(&busy, name).await;
        // From node to node, what happened before may still be on its way.
        while next(&mut events, name).await != EventKind::Acquired {}
        assert_eq!(next(&mut events, name).await, EventKind::Released);
    }
}

#[tokio::test]
async fn a_slot_that_is_given_back_and_taken_again_at_once_costs_one_script() {
    const TURNS: usize = 500;
    let server = Server::start();
    let (semaphores, x) = (store(&server.url()), name("x"));
    let mut held = soon(semaphores.semaphore(&x).acquire()).await.unwrap();
    let before = calls(&server, "evalsha");
    for _ in 0..TURNS {
        let token = held.token();
        drop(held);
        held = soon(semaphores.semaphore(&x).acquire()).await.unwrap();
        assert!(held.token() > token);
    }
    // The store's thread may see the first before there is the second.
    let scripts = calls(&server, "evalsha") - before;
    assert!(scripts < 2 * TURNS, "{scripts}");
    let view = soon(semaphores.show(&x)).await.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (1, 0));
    let ended = soon(semaphores.history(&x, HistoryQuery::new().limit(TURNS + 1))).await;
    assert_eq!(ended.unwrap().len(), TURNS);
    soon(held.release()).await.unwrap();
    let view = soon(semaphores.show(&x)).await.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_slot_again_at_once_stands_behind_who_waits() {
    let server = Server::start();
    let (here, there, x) = (store(&server.url()), store(&server.url()), name("x"));
    for _ in 0..50 {
        let held = soon(here.semaphore(&x).acquire()).await.unwrap();
        let waiting = acquire(&there, &x, Request::new());
        until_waiting(&here, &x, 1).await;
        drop(held);
        let again = acquire(&here, &x, Request::new());
        let first = soon(waiting).await.unwrap().unwrap();
        assert!(!again.is_finished());
        let first_token = first.token();
        drop(first);
        let again = soon(again).await.unwrap().unwrap();
        assert!(again.token() > first_token);
        soon(again.release()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_by_force_between_two_turns_does_not_seem_to_go_on() {
    let server = Server::start();
    let (mine, admin, x) = (store(&server.url()), store(&server.url()), name("x"));
    let stop = Arc::new(AtomicBool::new(false));
    let turns = tokio::spawn({
        let (mine, stop, x) = (mine.clone(), Arc::clone(&stop), x.clone());
        async move {
            let mut held = mine.semaphore(&x).acquire().await.unwrap();
            while !stop.load(Ordering::Relaxed) {
                drop(held);
                held = mine.semaphore(&x).acquire().await.unwrap();
            }
        }
    });
    for _ in 0..200 {
        // There may be no such semaphore yet.
        let _ = soon(admin.force_release(&x)).await;
    }
    stop.store(true, Ordering::Relaxed);
    soon(turns).await.unwrap();
    eventually(
        "nothing is left of those that were released by force",
        || {
            !server
                .command(&["HKEYS", "cla:{x}:s"])
                .contains("still at work")
        },
    );
    let view = soon(admin.show(&x)).await.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_closed_gives_back_all_that_it_holds() {
    let server = Server::start();
    let (mine, others) = (store(&server.url()), store(&server.url()));
    let (x, y) = (name("x"), name("y"));
    let mut held = Vec::new();
    for _ in 0..5 {
        for name in [&x, &y] {
            let request = Request::new().slots(cla_semaphore::Slots::Unlimited);
            held.push(
                soon(mine.semaphore(name).acquire().with(request))
                    .await
                    .unwrap(),
            );
        }
    }
    soon(mine.close()).await.unwrap();
    for name in [&x, &y] {
        let view = soon(others.show(name)).await.unwrap().unwrap();
        assert_eq!(view.busy, 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_connections_are_cut_no_slot_is_lost_and_none_is_held_twice() {
    let server = Server::start();
    let x = name("x");
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..3)
        .map(|_| {
            let (semaphores, x, inside) = (store(&server.url()), x.clone(), Arc::clone(&inside));
            tokio::spawn(async move {
                for _ in 0..300 {
                    let held = semaphores.semaphore(&x).acquire().await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(held);
                }
                semaphores.close().await.unwrap();
            })
        })
        .collect();
    while tasks.iter().any(|task| !task.is_finished()) {
        server.cut();
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
    let view = soon(store(&server.url()).show(&x)).await.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
}
