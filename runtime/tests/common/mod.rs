//! What the engine's tests share.
#![allow(dead_code, unreachable_pub)] // each test program uses its own part of this

use cla_runtime::{Engine, RuleError, RunOptions, RunReport, Script};
use serde_json::Value;

/// Runs a text on an engine and waits for its report.
pub fn report(engine: &Engine, name: &str, text: &str) -> RunReport {
    engine
        .run(Script::new(name, text), RunOptions::new())
        .wait()
}

/// The value of a script that must not fail.
pub fn value(text: &str) -> Value {
    let report = report(&Engine::new(), "test.js", text);
    report
        .result
        .unwrap_or_else(|error| panic!("{error}\nin: {text}"))
}

/// The error of a script that must fail.
pub fn failure(text: &str) -> RuleError {
    match report(&Engine::new(), "test.js", text).result {
        Ok(value) => panic!("{text} did not fail but returned {value}"),
        Err(error) => error,
    }
}
