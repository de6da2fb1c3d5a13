//! A hostile rule fails alone, with a clear error, while another on the same thread goes on.

mod common;

use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Limits, RunOptions};
use common::{engine, start, start_with, value};

/// What rules can do to hurt others, and what stops them.
const HOSTILE: [(&str, ErrorKind); 12] = [
    ("while (true) {}", ErrorKind::TimedOut),
    ("for (;;) try { for (;;); } catch {}", ErrorKind::TimedOut),
    (
        "(async () => { while (true) await null })()",
        ErrorKind::TimedOut,
    ),
    ("/(a+)+$/.test('a'.repeat(40) + 'b')", ErrorKind::TimedOut),
    (
        "const a = []; while (true) a.push({})",
        ErrorKind::OutOfMemory,
    ),
    (
        "const a = []; while (true) a.push(new Uint8Array(1e5))",
        ErrorKind::OutOfMemory,
    ),
    (
        "(function f() { return 1 + f() })()",
        ErrorKind::StackOverflow,
    ),
    (
        "(function f(n) { sem.take('nested' + n, () => f(n + 1)) })(0)",
        ErrorKind::StackOverflow,
    ),
    (
        "const o = { get x() { return this.x } }; o.x",
        ErrorKind::StackOverflow,
    ),
    (
        "let d = []; for (let i = 0; i < 1e5; i++) d = [d]; JSON.stringify(d)",
        ErrorKind::StackOverflow,
    ),
    (
        "const p = new Proxy({}, { get: (t, k, self) => self[k] }); p.x",
        ErrorKind::StackOverflow,
    ),
    ("eval('['.repeat(1e6))", ErrorKind::StackOverflow),
];

#[test]
fn a_hostile_rule_fails_alone_while_its_neighbours_timers_go_on() {
    let engine = engine();
    for (body, kind) in HOSTILE {
        let limits = Limits::default()
            .memory(16 << 20)
            .timeout(Duration::from_secs(2));
        let hostile = start_with(
            &engine,
            "hostile.js",
            body,
            RunOptions::new().limits(limits),
        );
        let neighbour = start(
            &engine,
            "neighbour.js",
            "sem.take('quiet', () => { for (let i = 0; i < 10; i++) util.sleep(0.01); return 'fine' })",
        );
        let canceller = hostile.canceller();
        assert_eq!(value(neighbour), "fine");
        // Those that nothing but their time limit ends have outlived ten timers of the neighbour.
        let still_there = engine.runs().len() == 1;
        assert_eq!(still_there, kind == ErrorKind::TimedOut, "{body}");
        if still_there {
            canceller.cancel();
        }
        let error = hostile.wait().result.expect_err(body);
        let expected = if still_there {
            ErrorKind::Cancelled
        } else {
            kind
        };
        assert_eq!(error.kind, expected, "{body}: {error}");
    }
    assert_eq!(value(start(&engine, "after.js", "'alive'")), "alive");
}
