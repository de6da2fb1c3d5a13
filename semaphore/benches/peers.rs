//! `cargo bench -p cla-semaphore`: this crate beside `tokio::sync::Semaphore`, in the same run.
//!
//! Prints one table of ours, theirs, ratio and target. Every row is the median of several
//! rounds that alternate between the two, so a machine that changes its speed changes both. Numbers are
//! compared with each other, never with a clock on the wall: nothing here can fail.

use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cla_semaphore::{Owner, Request, RunId, Semaphore, SemaphoreName, Semaphores, Ttl};
use tokio::sync::Semaphore as TokioSemaphore;

const ROUNDS: usize = 21;

fn main() {
    println!(
        "{:<44} {:>10} {:>10} {:>7}  target",
        "", "ours", "theirs", "ratio"
    );
    let free = || time(100_000, ours_free(&Request::new()));
    row(
        "acquire + release, free: acquire_owned",
        free,
        || time(100_000, tokio_owned()),
        "≤ 2",
    );
    row(
        "acquire + release, free: acquire",
        free,
        || time(100_000, tokio_borrowed()),
        "≤ 2",
    );
    let owner = Owner::process("bench").with_run(RunId::unique());
    let owned = Request::new().owner(owner);
    row(
        "... with an owner, against a bare request",
        || time(100_000, ours_free(&owned)),
        free,
        "",
    );
    let lasting = Request::new().ttl(Ttl::from_secs(60).expect("60 is more than 0"));
    row(
        "... with a TTL, against a bare request",
        || time(100_000, ours_free(&lasting)),
        free,
        "",
    );
    for waiting in [100, 1_000, 100_000] {
        row(
            &format!("one hand-over, {waiting} futures waiting"),
            || ours_handover(waiting),
            || tokio_handover(waiting),
            "≤ 1",
        );
    }
    row(
        "our hand-over at 100,000, against at 100",
        || ours_handover(100_000),
        || ours_handover(100),
        "≤ 1.5",
    );
    row(
        "hand-overs between 1,000 tokio tasks",
        || ours_tasks(1_000),
        || tokio_tasks(1_000),
        "≤ 1",
    );
}

/// Nanoseconds per operation of both, alternating, and their ratio.
fn row(what: &str, ours: impl Fn() -> f64, theirs: impl Fn() -> f64, target: &str) {
    let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (ours(), theirs())).collect();
    let mut median = |key: fn(&(f64, f64)) -> f64| {
        rounds.sort_by(|a, b| key(a).total_cmp(&key(b)));
        key(&rounds[ROUNDS / 2])
    };
    let (ours, theirs, ratio) = (median(|r| r.0), median(|r| r.1), median(|r| r.0 / r.1));
    println!("{what:<44} {ours:>7.1} ns {theirs:>7.1} ns {ratio:>7.2}  {target}");
}

fn time(times: u32, mut operation: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        operation();
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

/// Polls once something that must be ready.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a free slot is taken at the first poll"),
    }
}

fn semaphore() -> Semaphore {
    let name = SemaphoreName::new("bench").expect("a name");
    Semaphores::memory().semaphore(&name)
}

fn ours_free(request: &Request) -> impl FnMut() {
    let semaphore = semaphore();
    let request = request.clone();
    move || {
        drop(black_box(
            ready(semaphore.acquire().with(request.clone())).expect("free"),
        ));
    }
}

fn tokio_owned() -> impl FnMut() {
    let semaphore = Arc::new(TokioSemaphore::new(1));
    move || {
        drop(black_box(
            ready(Arc::clone(&semaphore).acquire_owned()).expect("free"),
        ));
    }
}

fn tokio_borrowed() -> impl FnMut() {
    let semaphore = TokioSemaphore::new(1);
    move || drop(black_box(ready(semaphore.acquire()).expect("free")))
}

/// A line of `waiting` futures; per hand-over: the holder releases, the first in line is polled and
/// has it, a new one joins at the end. One thread, no runtime: the semaphore alone.
fn handover<F, P>(waiting: usize, new: impl Fn() -> F) -> f64
where
    F: Future<Output = P> + Unpin,
{
    let cx = &mut Context::from_waker(Waker::noop());
    let mut holder = Some(ready(new()));
    let mut line: std::collections::VecDeque<F> = (0..waiting)
        .map(|_| {
            let mut future = new();
            assert!(Pin::new(&mut future).poll(cx).is_pending());
            future
        })
        .collect();
    time(100_000, || {
        drop(holder.take());
        let mut first = line.pop_front().expect("the line is never empty");
        let Poll::Ready(permit) = Pin::new(&mut first).poll(cx) else {
            panic!("the first in line has the slot");
        };
        holder = Some(permit);
        let mut last = new();
        assert!(Pin::new(&mut last).poll(cx).is_pending());
        line.push_back(last);
    })
}

fn ours_handover(waiting: usize) -> f64 {
    let semaphore = semaphore();
    handover(waiting, || semaphore.acquire())
}

fn tokio_handover(waiting: usize) -> f64 {
    let semaphore = Arc::new(TokioSemaphore::new(1));
    // tokio's future must not move once it waits.
    handover(waiting, || Box::pin(Arc::clone(&semaphore).acquire_owned()))
}

/// Tasks of a single-threaded runtime that take turns.
fn turns<F, P>(tasks: usize, new: impl Fn() -> F + Clone + 'static) -> f64
where
    F: Future<Output = P>,
{
    const TURNS: usize = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers");
    let start = Instant::now();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                let new = new.clone();
                tokio::task::spawn_local(async move {
                    for _ in 0..TURNS / tasks {
                        let permit = new().await;
                        tokio::task::yield_now().await;
                        drop(permit);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
    });
    start.elapsed().as_nanos() as f64 / TURNS as f64
}

fn ours_tasks(tasks: usize) -> f64 {
    let semaphore = semaphore();
    turns(tasks, move || semaphore.acquire().timeout(Duration::MAX))
}

fn tokio_tasks(tasks: usize) -> f64 {
    let semaphore = Arc::new(TokioSemaphore::new(1));
    turns(tasks, move || Arc::clone(&semaphore).acquire_owned())
}
