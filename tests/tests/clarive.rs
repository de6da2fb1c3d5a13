//! The Clarive document's own snippet: alone, and against another run that has the semaphore.

mod common;

use std::time::Duration;

use cla_runtime::{Engine, RunHandle, RunOptions, Script};
use common::{engine, show};

/// As in the document, with a hundredth of the sleep.
const SNIPPET: &str = r#"
var sem = require("cla/sem");
var util = require("cla/util");
var ret = sem.take('mysem', function(){
    util.sleep(0.1); // will lock the semaphore for 10 seconds
});
"#;

fn snippet(engine: &Engine, name: &str) -> RunHandle {
    engine.run(Script::new(name, SNIPPET), RunOptions::new())
}

#[test]
fn alone_it_takes_the_semaphore_and_returns_after_the_sleep() {
    let engine = engine();
    let report = snippet(&engine, "alone.js").wait();
    assert!(report.is_ok(), "{:?}", report.result);
    assert_eq!(report.waited, Duration::ZERO);
    assert!(report.ran >= Duration::from_millis(100));
    assert_eq!(report.semaphores[0].taken, 1);
}

#[test]
fn running_it_creates_the_semaphore_with_one_slot() {
    let engine = engine();
    let run = snippet(&engine, "first.js");
    assert!(run.wait().is_ok());
    let mysem = show(&engine, "mysem");
    assert_eq!(
        (mysem.slots.to_string().as_str(), mysem.busy, mysem.waiting),
        ("1", 0, 0)
    );
}

#[test]
fn against_a_second_run_it_waits_its_turn() {
    let engine = engine();
    let (first, second) = (snippet(&engine, "first.js"), snippet(&engine, "second.js"));
    let (first, second) = (first.wait(), second.wait());
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(first.waited, Duration::ZERO);
    // It started a little later than the first one, and so waited a little less than that slept.
    assert!(
        second.waited > Duration::from_millis(50),
        "{:?}",
        second.waited
    );
    assert!(second.ran >= Duration::from_millis(100));
}
