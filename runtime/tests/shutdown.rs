//! How a host ends runs: with the handle of one, and with the engine.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, RunHandle, RunOptions, Script};

/// More than any test needs.
const LONG: Duration = Duration::from_secs(60);

/// An engine whose rules can tell the test something, and what they tell.
fn engine() -> (Engine, Receiver<String>) {
    let (sender, told) = channel();
    let module = HostModule::new("test")
        .function("tell", move |(text,): (String,)| {
            sender.send(text).map_err(|error| error.to_string())
        })
        .blocking_function("sleep", |(seconds,): (f64,)| async move {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            Ok::<_, String>(())
        });
    let engine = Engine::builder().workers(1).module(module).build();
    (engine, told)
}

fn start(engine: &Engine, text: &str) -> RunHandle {
    let text = format!("const {{ tell, sleep }} = require('test'); {text}");
    engine.run(Script::javascript("rule", text), RunOptions::new())
}

/// A rule that says when it runs and when it ends, and never returns.
const ENDLESS: &str = "tell('runs'); try { sleep(3600) } finally { tell('ended') }";

#[test]
fn dropping_a_handle_cancels_the_run_if_the_host_wants_that() {
    let (engine, told) = engine();
    let handle = start(&engine, ENDLESS).cancel_on_drop();
    assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    drop(handle);
    block_on(engine.idle());
    assert!(engine.runs().is_empty());
}

#[test]
fn a_run_that_has_ended_is_not_cancelled_by_its_handle() {
    let (engine, _told) = engine();
    let report = start(&engine, "42").cancel_on_drop().wait();
    assert_eq!(report.result.unwrap(), 42);
    let report = block_on(start(&engine, "43").cancel_on_drop());
    assert_eq!(report.result.unwrap(), 43);
}

#[tokio::test]
async fn a_future_that_is_dropped_with_its_handle_cancels_the_run() {
    let (engine, told) = engine();
    let handle = start(&engine, ENDLESS).cancel_on_drop();
    let request = tokio::spawn(handle);
    let told =
        tokio::task::spawn_blocking(move || told.recv_timeout(LONG).map(|first| (first, told)));
    let (first, _told) = told.await.unwrap().unwrap();
    assert_eq!(first, "runs");
    // The client hangs up.
    request.abort();
    engine.idle().await;
}

#[test]
fn a_shutdown_waits_for_what_runs() {
    let (engine, told) = engine();
    let handle = start(&engine, "tell('runs'); sleep(0.05); 42");
    assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    assert_eq!(block_on(engine.shutdown(LONG)), 0);
    assert_eq!(handle.wait().result.unwrap(), 42);
}

#[test]
fn a_shutdown_cancels_what_goes_on_after_the_grace() {
    let (engine, told) = engine();
    let handles = [start(&engine, ENDLESS), start(&engine, ENDLESS)];
    for _ in &handles {
        assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    }
    let since = Instant::now();
    let cancelled = block_on(engine.shutdown(Duration::from_millis(50)));
    assert_eq!(cancelled, 2);
    assert!(since.elapsed() >= Duration::from_millis(50));
    for handle in handles {
        assert_eq!(handle.wait().status(), "cancelled");
    }
}

#[test]
fn an_engine_that_shuts_down_starts_no_more_runs() {
    let (engine, told) = engine();
    let going_on = start(&engine, "tell('runs'); sleep(0.2); 42");
    assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    let shutdown = {
        let engine = engine.clone();
        std::thread::spawn(move || block_on(engine.shutdown(LONG)))
    };
    // Until the other thread has closed the engine, runs may start.
    let error = loop {
        match start(&engine, "1").wait().result {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert_eq!(
        error.message,
        "the engine is shutting down, so it starts no more runs"
    );
    assert_eq!(going_on.wait().result.unwrap(), 42);
    assert_eq!(shutdown.join().unwrap(), 0);
    assert!(start(&engine, "1").wait().result.is_err());
    // Again: there is nothing left to wait for.
    assert_eq!(block_on(engine.shutdown(LONG)), 0);
}

#[test]
fn a_shutdown_without_grace_cancels_at_once() {
    let (engine, told) = engine();
    let handle = start(&engine, ENDLESS);
    assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    assert_eq!(block_on(engine.shutdown(Duration::ZERO)), 1);
    assert!(!handle.wait().is_ok());
}

#[test]
fn a_shutdown_that_is_given_up_lets_the_runs_go_on() {
    let (engine, told) = engine();
    let handle = start(&engine, "tell('runs'); sleep(0.1); 42");
    assert_eq!(told.recv_timeout(LONG).unwrap(), "runs");
    let given_up = poll_once(engine.shutdown(Duration::from_millis(20)));
    assert!(given_up.is_none());
    assert_eq!(handle.wait().result.unwrap(), 42);
    assert!(
        start(&engine, "1").wait().result.is_err(),
        "it stays closed"
    );
}

/// Waits for a future on a plain thread, without any runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        let mut context = std::task::Context::from_waker(&waker);
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

/// Polls a future once, and drops it.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
