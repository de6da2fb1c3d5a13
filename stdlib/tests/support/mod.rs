//! Runs a script in an engine with the standard library, and says what came of it.

#![allow(dead_code)] // not every test file needs all of it

use std::sync::Arc;

use cla_runtime::{Engine, RunOptions, Script};
pub(crate) use cla_tests::engine::with_library as engine;
use cla_tests::output::Printed;
use serde_json::Value;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What the script returned, or the text of its error.
    pub(crate) value: Result<Value, String>,
    /// What it wrote to the standard output.
    pub(crate) stdout: String,
    /// What it wrote to the standard error.
    pub(crate) stderr: String,
    /// The most memory it took.
    pub(crate) memory: usize,
}

/// Runs a script named `test.js`.
pub(crate) fn run(source: &str) -> Ran {
    run_with(&engine(), source, RunOptions::new())
}

/// Runs a script named `test.js` in a given engine, with options.
pub(crate) fn run_with(engine: &Engine, source: &str, options: RunOptions) -> Ran {
    run_script(engine, Script::new("test.js", source), options)
}

/// Runs any script.
pub(crate) fn run_script(engine: &Engine, script: Script, options: RunOptions) -> Ran {
    let output = Arc::new(Printed::default());
    let report = engine.run(script, options.output(output.clone())).wait();
    Ran {
        value: report.result.map_err(|error| error.summary()),
        stdout: output.stdout(),
        stderr: output.stderr(),
        memory: report.peak_memory,
    }
}

/// The value of a script that must not fail.
#[track_caller]
pub(crate) fn value(source: &str) -> Value {
    match run(source) {
        Ran {
            value: Ok(value), ..
        } => value,
        Ran {
            value: Err(error), ..
        } => panic!("{source}\nfailed: {error}"),
    }
}

/// What a script prints that must not fail.
#[track_caller]
pub(crate) fn printed(source: &str) -> String {
    let ran = run(source);
    assert!(ran.value.is_ok(), "{source}\nfailed: {ran:?}");
    ran.stdout
}

/// Name and message of what an expression throws.
#[track_caller]
pub(crate) fn thrown(expression: &str) -> String {
    let source = format!(
        "const util = require('cla/util'), log = require('cla/log');
         let thrown = null;
         try {{ {expression} }} catch (error) {{ thrown = `${{error.name}}: ${{error.message}}` }}
         thrown"
    );
    match value(&source) {
        Value::String(thrown) => thrown,
        _ => panic!("{expression} threw nothing"),
    }
}
