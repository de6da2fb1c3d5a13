//! Real threads, real time, real executors. Nothing here sleeps to wait for something.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cla_semaphore::{AcquireError, Semaphores, Ttl};
use common::{name, ttl};

const MILLIS_10: Duration = Duration::from_millis(10);

#[test]
fn plain_threads_take_turns() {
    let semaphores = Semaphores::memory();
    let x = semaphores.semaphore(&name("x"));
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (x, inside) = (x.clone(), Arc::clone(&inside));
            thread::spawn(move || {
                for _ in 0..1_000 {
                    let permit = x.acquire().blocking().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn an_expired_permit_wakes_a_plain_thread_though_nobody_comes_by() {
    let x = Semaphores::memory().semaphore(&name("x"));
    let lost = x
        .acquire()
        .ttl(Ttl::new(MILLIS_10).unwrap())
        .blocking()
        .unwrap();
    // Ends only if the timer rings.
    let next = x.acquire().blocking().unwrap();
    assert!(next.waited() > Duration::ZERO);
    assert!(lost.is_lost());
}

#[test]
fn a_waiter_times_out_on_a_plain_thread() {
    let x = Semaphores::memory().semaphore(&name("x"));
    let _held = x.acquire().blocking().unwrap();
    let outcome = x.acquire().timeout(MILLIS_10).blocking();
    assert!(matches!(outcome, Err(AcquireError::TimedOut { after, .. }) if after == MILLIS_10));
}

#[test]
fn an_earlier_deadline_that_comes_later_rings_first() {
    let semaphores = Semaphores::memory();
    let (x, y) = (
        semaphores.semaphore(&name("x")),
        semaphores.semaphore(&name("y")),
    );
    let _long = x.acquire().ttl(ttl(3_600)).blocking().unwrap();
    let _short = y
        .acquire()
        .ttl(Ttl::new(MILLIS_10).unwrap())
        .blocking()
        .unwrap();
    drop(y.acquire().blocking().unwrap());
}

#[test]
fn it_works_under_an_executor_that_is_not_tokio() {
    futures::executor::block_on(async {
        let x = Semaphores::memory().semaphore(&name("x"));
        let held = x.acquire().ttl(Ttl::new(MILLIS_10).unwrap()).await.unwrap();
        drop(x.acquire().await.unwrap());
        held.lost().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tasks_of_a_runtime_with_many_threads_all_have_their_turn() {
    let x = Semaphores::memory().semaphore(&name("x"));
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10_000 {
        let (x, inside) = (x.clone(), Arc::clone(&inside));
        tasks.spawn(async move {
            let permit = x.acquire().slots(3).await.unwrap();
            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            permit.release().await.unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[test]
fn the_timer_thread_ends_with_the_store() {
    let semaphores = Semaphores::memory();
    let x = semaphores.semaphore(&name("x"));
    let held = x.acquire().ttl(ttl(3_600)).blocking().unwrap();
    let mut events = semaphores.subscribe();
    // The last reference goes with the permit; the hub, and with it the subscription, follows.
    drop((semaphores, x));
    drop(held);
    let closed = std::iter::repeat_with(|| events.try_recv()).find_map(Result::err);
    assert_eq!(closed, Some(cla_semaphore::EventsError::Closed));
}
