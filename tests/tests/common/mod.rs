//! What the tests share: an engine with everything, and short ways to run rules on it.
#![allow(dead_code, unreachable_pub, unused_imports)] // each test program uses its own part of this
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use cla_runtime::semaphore::{SemaphoreName, SemaphoreView};
use cla_runtime::{Engine, RuleError, RunHandle, RunOptions, RunReport, Script};
pub use cla_tests::engine::with_library as engine;
use futures_util::FutureExt;
use serde_json::Value;

/// Put in front of every rule: the modules, and `until`, which waits for something to be true.
const PRELUDE: &str = "
    const sem = require('cla/sem'), util = require('cla/util');
    function until(isTrue) { while (!isTrue()) util.sleep(0.001) }
    const waiting = (name) => sem.show(name)?.waiting ?? 0;
    const waiters = (name) => sem.show(name).requests.filter((r) => r.status === 'waiting');
    const idOf = (name, who) => waiters(name).find((r) => r.who === who).id;
";

/// Starts a rule.
pub fn start(engine: &Engine, name: &str, text: &str) -> RunHandle {
    start_with(engine, name, text, RunOptions::new())
}

/// Starts a rule with options.
pub fn start_with(engine: &Engine, name: &str, text: &str, options: RunOptions) -> RunHandle {
    engine.run(Script::new(name, format!("{PRELUDE}{text}")), options)
}

/// The report of a rule, run to its end.
pub fn report(engine: &Engine, name: &str, text: &str) -> RunReport {
    start(engine, name, text).wait()
}

/// The value of a run that must not fail.
#[track_caller]
pub fn value(handle: RunHandle) -> Value {
    let report = handle.wait();
    report
        .result
        .unwrap_or_else(|error| panic!("{}: {error}", report.name))
}

/// The error of a run that must fail.
#[track_caller]
pub fn failure(handle: RunHandle) -> RuleError {
    let report = handle.wait();
    match report.result {
        Ok(value) => panic!("{} did not fail but gave {value}", report.name),
        Err(error) => error,
    }
}

/// The semaphore as administrators see it.
pub fn show(engine: &Engine, name: &str) -> SemaphoreView {
    let name = SemaphoreName::new(name).unwrap();
    // In memory every answer is there at once.
    let view = engine.semaphores().show(&name).now_or_never();
    view.unwrap().unwrap().unwrap()
}

/// How many are busy and how many wait.
pub fn counts(engine: &Engine, name: &str) -> (usize, usize) {
    let view = show(engine, name);
    (view.busy, view.waiting)
}
