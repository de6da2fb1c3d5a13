//! Ten thousand rules blocked at once.

mod common;

use std::sync::Arc;

use cla_runtime::{Engine, RunOptions, Script};
use cla_tests::output::Printed;
use common::{counts, start, value};

const CROWD: usize = 10_000;

/// How many threads this process has; `None` where the system does not tell.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

#[test]
fn ten_thousand_blocked_rules_need_a_handful_of_threads_and_are_let_in_in_the_order_of_arrival() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(4)
        .with(cla_stdlib::install)
        .build();
    let gate = start(
        &engine,
        "gate.js",
        "sem.take('crowd', () => until(() => sem.show('seen')))",
    );
    value(start(
        &engine,
        "gate-is-shut.js",
        "until(() => sem.show('crowd')?.busy === 1); null",
    ));
    let lines = Arc::new(Printed::default());
    let script = Script::new(
        "crowd.js",
        "require('cla/sem').take('crowd', (permit) => print(permit.id))",
    );
    let handles: Vec<_> = (0..CROWD)
        .map(|_| engine.run(script.clone(), RunOptions::new().output(lines.clone())))
        .collect();

    // Who asked in which order is what the queue itself says, once all of them stand in it.
    let look = format!(
        "while (waiting('crowd') < {CROWD}) util.sleep(0.1);
         const ids = waiters('crowd').map((request) => request.id);
         sem.slots('seen', 1); // opens the gate
         ids"
    );
    let arrived = value(start(&engine, "look.js", &look));
    let running = threads();
    value(gate);
    for handle in handles {
        value(handle);
    }

    let arrived = arrived.as_array().expect("a list of ids").iter();
    let lines = lines.lines();
    assert_eq!(lines.len(), CROWD);
    assert!(
        lines
            .iter()
            .map(|line| Some(line.as_str()))
            .eq(arrived.map(|id| id.as_str()))
    );
    assert_eq!(counts(&engine, "crowd"), (0, 0));
    if let Some(running) = running {
        // Four workers, the test harness, and the timer of the semaphores.
        assert!(running <= 10, "{running} threads");
    }
}
