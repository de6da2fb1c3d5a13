//! What nests beyond the stack all the same ends the process with a report, not by a signal.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::process::Command;

use cla_runtime::{Engine, HostModule, RunOptions, Script};

const CHILD: &str = "CLA_TEST_OVERFLOW";

/// Uses up any stack.
#[expect(unconditional_recursion, reason = "the stack is to be used up")]
#[inline(never)]
fn nest(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    frame[7] + nest(std::hint::black_box(depth + 1))
}

#[test]
fn a_stack_that_is_used_up_is_reported_with_the_name_of_the_run() {
    if std::env::var_os(CHILD).is_some() {
        cla_runtime::internal::report_stack_overflow();
        let deep = HostModule::new("app/deep")
            .function("nest", |(): ()| Ok::<_, std::convert::Infallible>(nest(0)));
        let engine = Engine::builder().module(deep).build();
        let script = Script::new("deep.js", "require('app/deep').nest()");
        let _ = engine
            .run(script, RunOptions::new().name("too deep"))
            .wait();
        return;
    }
    let test = "a_stack_that_is_used_up_is_reported_with_the_name_of_the_run";
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("the run too deep used up its stack"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(70));
}
