//! Functions of the library that go through large data: the run's limits and its neighbours reach into them.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RunOptions, Script};

/// How long a run of these may take.
const LIMIT: Duration = Duration::from_millis(700);

/// How late its end may be, on a machine that does other things as well and in a build that is not optimized.
const LATE: Duration = Duration::from_secs(3);

/// Work that takes much longer than the limit: how the data are made, and what is done with them again and again.
const WORK: [(&str, &str); 17] = [
    (
        "const v = Array.from({ length: 3e5 }, (_, i) => ({ i }))",
        "structuredClone(v)",
    ),
    (
        "const v = new Map(Array.from({ length: 3e5 }, (_, i) => [i, i]))",
        "structuredClone(v)",
    ),
    ("const v = { a: [1, { b: 2 }] }", "structuredClone(v)"),
    (
        "const v = Array.from({ length: 2e5 }, () => 'a ${x} b')",
        "cla.parseVars(v, { x: 1 })",
    ),
    (
        "const v = 'a ${x} b'.repeat(2e5)",
        "cla.parseVars(v, { x: 1 })",
    ),
    (
        "const v = Array.from({ length: 2e5 }, (_, i) => ({ i }))",
        "util.dumpYAML(v)",
    ),
    (
        "const v = Array.from({ length: 20 }, () => 'x y\\n'.repeat(1e5))",
        "util.dumpYAML(v)",
    ),
    (
        "const v = '\"' + 'x'.repeat(32e6) + '\"'",
        "util.loadYAML(v)",
    ),
    (
        "const v = '\"' + 'x '.repeat(16e6) + '\"'",
        "util.loadYAML(v)",
    ),
    (
        "const v = \"'\" + \"x''\".repeat(1e7) + \"'\"",
        "util.loadYAML(v)",
    ),
    ("const v = '- a: 1\\n'.repeat(1e6)", "util.loadYAML(v)"),
    (
        "const v = '[' + '1,'.repeat(1e6) + '1]'",
        "util.loadJSON(v)",
    ),
    ("const v = 'é'.repeat(2e6)", "new TextEncoder().encode(v)"),
    (
        "const v = new Uint8Array(4e7).fill(0xff)",
        "new TextDecoder().decode(v)",
    ),
    (
        "const v = '%5d|'.repeat(5e4), a = new Array(5e4).fill(1)",
        "cla.sprintf(v, ...a)",
    ),
    (
        "const v = Array.from({ length: 1e4 }, (_, i) => ({ i }))",
        "print(v, v, v)",
    ),
    ("const v = 'éa'.repeat(2e6)", "util.unaccent(v)"),
];

fn engine() -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .limits(Limits::default().timeout(LIMIT).memory(512 << 20))
        .with(cla_stdlib::install)
        .build()
}

#[test]
fn a_time_limit_ends_long_work_of_the_library() {
    let engine = engine();
    for (make, work) in WORK {
        let code = format!("const util = require('cla/util'); {make}; for (;;) {{ {work} }}");
        let started = Instant::now();
        let ran = support::run_with(&engine, &code, RunOptions::new());
        let took = started.elapsed();
        let error = ran.value.unwrap_err();
        assert!(
            error.contains("time limit") || error.contains("longer"),
            "{work}: {error}"
        );
        assert!(took < LIMIT + LATE, "{make}; {work}: {took:?}");
    }
}

#[test]
fn a_cancelled_run_leaves_long_work_of_the_library() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .build();
    let code = "const util = require('cla/util'); const v = '\"' + 'x'.repeat(32e6) + '\"'; print('ready'); for (;;) util.loadYAML(v)";
    let handle = engine.run(Script::new("rule.js", code), RunOptions::new());
    handle.cancel();
    let started = Instant::now();
    let error = handle.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(started.elapsed() < LATE);
}

#[test]
fn a_long_yaml_scalar_is_read_in_full() {
    for text in [
        "'\"' + 'x'.repeat(1e5) + '\"'",
        "\"'\" + 'x y'.repeat(1e5) + \"'\"",
        "'a'.repeat(1e5)",
    ] {
        let code = format!(
            "const t = {text}; const y = require('cla/util').loadYAML(t); y === t.replace(/^['\"]|['\"]$/g, '')"
        );
        assert_eq!(support::value(&code), true, "{text}");
    }
}

#[test]
fn a_text_is_decoded_across_pieces_as_at_once() {
    // Characters of two to four bytes lie across every border.
    let code = "
        const text = 'aé€😀'.repeat(60000);
        const bytes = new TextEncoder().encode(text);
        const decoder = new TextDecoder();
        let parts = '';
        for (let i = 0; i < bytes.length; i += 100_001)
            parts += decoder.decode(bytes.subarray(i, i + 100_001), { stream: true });
        parts += decoder.decode();
        let fatal;
        try { new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, bytes.length - 1)) } catch (e) { fatal = e.name }
        [new TextDecoder().decode(bytes) === text, parts === text, fatal,
         new TextDecoder('utf-16le').decode(new Uint8Array(new Uint16Array([0x61, 0xd83d, 0xde00]).buffer)),
         new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])), new TextDecoder().decode(new DataView(new ArrayBuffer(1))) === '\\0',
         new TextDecoder().decode()]";
    assert_eq!(
        support::value(code),
        serde_json::json!([true, true, "TypeError", "a😀", "a", true, ""])
    );
}

#[test]
fn accents_come_off_across_pieces() {
    let code = "
        const unaccent = require('cla/util').unaccent;
        const marks = 'e\\u0301 o\\u0308x'.repeat(1e5);
        [unaccent('é ö ß') , unaccent('é'.repeat(3e5)) === 'e'.repeat(3e5), unaccent(marks) === 'e ox'.repeat(1e5)]";
    assert_eq!(
        support::value(code),
        serde_json::json!(["e o ß", true, true])
    );
}

#[test]
fn a_neighbour_has_its_turns_meanwhile() {
    let engine = engine();
    let work = WORK[7];
    let code = format!(
        "const util = require('cla/util'); {}; for (;;) {{ {} }}",
        work.0, work.1
    );
    let long = engine.run(Script::new("long.js", code), RunOptions::new());
    let nap = "let worst = 0;
        for (let i = 0; i < 20; i++) {
            const start = Date.now();
            require('cla/util').sleep(0.001);
            worst = Math.max(worst, Date.now() - start);
        }
        worst";
    let neighbour = engine.run(
        Script::new("neighbour.js", nap),
        RunOptions::new().limits(Limits::default()),
    );
    let worst = neighbour.wait().result.unwrap().as_f64().unwrap();
    assert!(worst < 500.0, "a nap of 1 ms took {worst} ms");
    assert_eq!(long.wait().result.unwrap_err().kind, ErrorKind::TimedOut);
}
