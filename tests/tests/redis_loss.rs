//! One key of a semaphore is gone, as a server evicts one or somebody deletes it; or something else wrote into it; or the
//! server refuses to write.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "redis/common.rs"]
mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use cla_semaphore::{Owner, Request, RequestView, SemaphoreView, Semaphores, Slots};
use cla_tests::redis::Server;
use common::{acquire, name, soon, store, until_waiting};

const KEYS: [&str; 6] = ["s", "q", "w", "d", "e", "l"];

fn url(server: &Server) -> String {
    format!("{}?lease=2s", server.url())
}

fn who(who: &str) -> Request {
    Request::new()
        .owner(Owner::new(who))
        .timeout(Duration::from_secs(60))
}

fn whos(rows: &[RequestView]) -> Vec<&str> {
    let live = rows.iter().filter(|row| row.ended_at.is_none());
    live.filter_map(|row| row.who.as_deref()).collect()
}

/// Waits until the semaphore is seen as `is_so` wants it.
async fn until(semaphores: &Semaphores, is_so: impl Fn(&SemaphoreView) -> bool) {
    soon(async {
        loop {
            if let Ok(Some(view)) = semaphores.show(&name("x")).await
                && is_so(&view)
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A holder and two that wait, in two processes as far as the server knows; then `lose` does its work, and somebody who was
/// never there comes. One after the other gets the slot, in order, and never two.
async fn all_go_on_after(lose: impl FnOnce(&Server)) {
    let server = Server::start();
    let (here, there) = (store(&url(&server)), store(&url(&server)));
    let x = name("x");
    let one = soon(here.semaphore(&x).acquire().with(who("one")))
        .await
        .unwrap();
    let two = acquire(&there, &x, who("two"));
    until_waiting(&here, &x, 1).await;
    let three = acquire(&here, &x, who("three"));
    until_waiting(&here, &x, 2).await;

    lose(&server);
    let newcomer = store(&url(&server));
    let four = acquire(&newcomer, &x, who("four"));
    until(&newcomer, |view| {
        whos(&view.requests) == ["one", "two", "three", "four"]
    })
    .await;
    assert!(!one.is_lost());
    soon(async {
        while newcomer.list().await.unwrap().len() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    one.release().await.unwrap();
    let two = soon(two).await.unwrap().unwrap();
    until(&newcomer, |view| {
        whos(&view.requests) == ["two", "three", "four"]
    })
    .await;
    two.release().await.unwrap();
    soon(three).await.unwrap().unwrap().release().await.unwrap();
    soon(four).await.unwrap().unwrap().release().await.unwrap();
    until(&newcomer, |view| view.busy == 0 && view.waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_key_is_lost_all_go_on_in_order() {
    let each = KEYS.map(|key| {
        tokio::spawn(all_go_on_after(move |server| {
            server.command(&["DEL", &format!("cla:{{x}}:{key}")]);
        }))
    });
    for lost in each {
        lost.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_and_the_index_may_be_lost_or_overwritten() {
    for spoil in [
        vec!["DEL", "cla:data"],
        vec!["SET", "cla:data", "nonsense"],
        vec!["DEL", "cla:names"],
    ] {
        all_go_on_after(|server| {
            server.command(&spoil);
        })
        .await;
    }
}

/// Not a test by itself: the program that the next one kills.
#[test]
fn a_program_that_holds() {
    let Ok(url) = std::env::var("CLA_TEST_HOLDS") else {
        return;
    };
    let held = store(&url).semaphore(&name("x")).acquire().blocking();
    println!("\nholds");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_gone_is_forgotten_although_its_lease_was_lost() {
    let server = Server::start();
    let here = store(&url(&server));
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_holds", "--nocapture"])
        .env("CLA_TEST_HOLDS", url(&server))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find(|line| line == "holds");
    assert!(said.is_some());
    let next = acquire(&here, &name("x"), Request::new());
    until_waiting(&here, &name("x"), 1).await;
    program.kill().unwrap();
    program.wait().unwrap();
    server.command(&["DEL", "cla:{x}:l"]);
    drop(soon(next).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_semaphore_whose_key_was_overwritten_says_so_and_the_others_go_on() {
    for key in KEYS {
        let server = Server::start();
        let semaphores = store(&url(&server));
        let (x, y) = (name("x"), name("y"));
        semaphores.set_slots(&x, Slots::Limited(1)).await.unwrap();
        let held = soon(semaphores.semaphore(&y).acquire()).await.unwrap();
        let full = format!("cla:{{x}}:{key}");
        server.command(&["DEL", &full]);
        server.command(&["SET", &full, "something else"]);
        if key == "s" {
            let said = soon(semaphores.semaphore(&x).acquire())
                .await
                .unwrap_err()
                .to_string();
            assert!(said.contains("cla sem forget"), "{key}: {said}");
        }
        let listed = soon(semaphores.list()).await.unwrap();
        assert!(listed.iter().any(|view| view.name == y), "{key}");
        let diagnosis = soon(semaphores.diagnose()).await.unwrap();
        assert!(!diagnosis.facts.is_empty());
        soon(semaphores.forget(&x)).await.unwrap();
        let one = soon(semaphores.semaphore(&x).acquire()).await.unwrap();
        assert!(
            soon(semaphores.semaphore(&x).acquire().if_free())
                .await
                .unwrap()
                .is_none()
        );
        one.release().await.unwrap();
        held.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_is_waited_for_as_one_that_is_away() {
    let server = Server::start();
    let semaphores = store(&server.url());
    let x = name("x");
    soon(semaphores.semaphore(&x).acquire())
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let asked = acquire(&semaphores, &x, Request::new());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!asked.is_finished());
    let diagnosis = soon(semaphores.diagnose()).await.unwrap();
    let take = diagnosis
        .facts
        .iter()
        .find(|fact| fact.name == "a take")
        .unwrap();
    assert!(take.value.contains("OOM"), "{take:?}");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    drop(soon(asked).await.unwrap().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diagnosis_tells_a_replica_and_a_missing_right() {
    let server = Server::start();
    let replica = Server::start();
    let port = server.port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]);
    let semaphores = store(&server.url());
    soon(semaphores.semaphore(&name("x")).acquire())
        .await
        .unwrap()
        .release()
        .await
        .unwrap();
    let there = store(&replica.url());
    let take = |facts: &[cla_semaphore::Fact]| {
        let take = facts.iter().find(|fact| fact.name == "a take");
        take.unwrap().value.clone()
    };
    soon(async {
        loop {
            if let Ok(diagnosis) = there.diagnose().await
                && take(&diagnosis.facts).contains("READONLY")
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    server.command(&[
        "ACL", "SETUSER", "quiet", "on", ">pw", "~cla:*", "&cla:*", "+@all", "-publish",
    ]);
    let quiet = store(&format!("redis://quiet:pw@127.0.0.1:{port}"));
    let said = take(&soon(quiet.diagnose()).await.unwrap().facts);
    assert!(said.to_lowercase().contains("publish"), "{said}");
}
