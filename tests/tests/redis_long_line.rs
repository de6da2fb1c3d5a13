//! Ten thousand requests wait for one semaphore: administrators notice nothing of it.

#[path = "redis/common.rs"]
mod common;

use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, Request, Slots, Status};
use cla_tests::redis::Server;
use common::{acquire, line, name, soon, store, until_waiting};

const LENGTH: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_may_wait() {
    let server = Server::start();
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    there.set_slots(&x, Slots::LOCKED).await.unwrap();
    let asked = Instant::now();
    let mut waiting: Vec<_> = (0..LENGTH)
        .map(|_| acquire(&here, &x, Request::new()))
        .collect();
    until_waiting(&there, &x, LENGTH).await;
    println!("{LENGTH} joined the line: {:?}", asked.elapsed());

    let timed =
        async |what: &str, limit: Duration, done: &mut (dyn Future<Output = ()> + Unpin)| {
            let start = Instant::now();
            done.await;
            println!("{what}: {:?}", start.elapsed());
            assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
        };
    // Measured in milliseconds on a quiet machine, allowed in seconds on a busy one.
    let limit = Duration::from_secs(5);
    let ids = line(&there, &x).await;
    assert_eq!(ids.len(), LENGTH);
    timed(
        "list",
        limit,
        &mut Box::pin(async {
            assert_eq!(there.list().await.unwrap()[0].requests.len(), LENGTH);
        }),
    )
    .await;
    timed(
        "cancel in the middle",
        limit,
        &mut Box::pin(async {
            there.cancel(ids[LENGTH / 2]).await.unwrap();
        }),
    )
    .await;
    timed(
        "move the last to the front",
        limit,
        &mut Box::pin(async {
            there.move_to(ids[LENGTH - 1], 1).await.unwrap();
        }),
    )
    .await;
    timed(
        "move the first to the middle",
        limit,
        &mut Box::pin(async {
            there.move_to(ids[0], LENGTH / 2).await.unwrap();
        }),
    )
    .await;
    let now = line(&there, &x).await;
    assert_eq!(
        (now.len(), now[0], now[LENGTH / 2 - 1]),
        (LENGTH - 1, ids[LENGTH - 1], ids[0])
    );
    assert!(!now.contains(&ids[LENGTH / 2]));

    // One of them was told, and the first in line has its turn.
    there.set_slots(&x, Slots::ONE).await.unwrap();
    let mut permit = None;
    let mut cancelled = 0;
    soon(async {
        while permit.is_none() || cancelled == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            for at in (0..waiting.len()).rev() {
                if waiting[at].is_finished() {
                    match waiting.swap_remove(at).await.unwrap() {
                        Ok(its) => permit = Some(its),
                        Err(AcquireError::Cancelled { .. }) => cancelled += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
    })
    .await;
    assert_eq!(permit.map(|permit| permit.id()), Some(ids[LENGTH - 1]));
    timed(
        "purge",
        Duration::from_secs(20),
        &mut Box::pin(async {
            there.purge(&x).await.unwrap();
        }),
    )
    .await;
    let start = Instant::now();
    for waiter in waiting {
        drop(soon(waiter).await.unwrap().unwrap());
    }
    soon(async {
        while there
            .show(&x)
            .await
            .unwrap()
            .is_some_and(|view| view.requests.iter().any(|row| row.status == Status::Busy))
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    println!("all are gone again: {:?}", start.elapsed());
}
