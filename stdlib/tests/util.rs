//! `cla/util`, besides YAML.

mod support;

use std::time::{Duration, Instant};

use cla_runtime::{RunOptions, Script};
use support::{engine, run, run_script, thrown, value};

#[test]
fn the_module_can_be_required_and_imported() {
    assert_eq!(
        value("var util = require('cla/util'); Object.keys(util)"),
        serde_json::json!([
            "sleep",
            "dumpYAML",
            "loadYAML",
            "dumpJSON",
            "loadJSON",
            "dumpTOML",
            "loadTOML",
            "dumpINI",
            "loadINI",
            "dumpXML",
            "loadXML",
            "unaccent",
            "benchmark"
        ])
    );
    let script = Script::new(
        "test.mjs",
        "import util, { sleep, unaccent } from 'cla/util'; export default [util.sleep === sleep, unaccent('é')];",
    );
    let ran = run_script(&engine(), script, RunOptions::new());
    assert_eq!(ran.value, Ok(serde_json::json!([true, "e"])));
}

#[test]
fn sleep_blocks_the_rule_and_not_its_thread() {
    let engine = engine();
    let started = Instant::now();
    let runs: Vec<_> = (0..20)
        .map(|_| {
            let script = Script::new("test.js", "require('cla/util').sleep('200ms')");
            engine.run(script, RunOptions::new())
        })
        .collect();
    for run in runs {
        assert!(run.wait().is_ok());
    }
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(200), "{took:?}");
    assert!(
        took < Duration::from_secs(3),
        "one after the other it would be four seconds: {took:?}"
    );
}

#[test]
fn sleep_takes_seconds_and_durations() {
    assert_eq!(
        value(
            "const { sleep } = require('cla/util'); const start = performance.now();
             [sleep(0), sleep(0.01), sleep('10ms'), sleep('0.01 seconds'), performance.now() - start >= 30]"
        ),
        serde_json::json!([null, null, null, null, true])
    );
}

#[test]
fn sleep_refuses_nonsense() {
    let cases = [
        (
            "",
            "a number or a duration such as \"250ms\", not undefined",
        ),
        ("null", "a number or a duration such as \"250ms\", not null"),
        (
            "{}",
            "a number or a duration such as \"250ms\", not an object",
        ),
        ("-1", "not be negative, not -1"),
        ("NaN", "be a finite number of seconds, not NaN"),
        ("Infinity", "be a finite number of seconds, not Infinity"),
        ("1e308", "be at most a hundred years, not 1e308"),
        (
            "'10'",
            "have a unit (as in \"10s\") or be a number, not \"10\"",
        ),
        ("'soon'", "not \"soon\""),
        (
            "'1 month'",
            "not count in months or years, whose length varies, not \"1 month\"",
        ),
        ("'-5s'", "not be negative, not \"-5s\""),
    ];
    for (argument, problem) in cases {
        let thrown = thrown(&format!("util.sleep({argument})"));
        assert!(
            thrown.starts_with("TypeError: util.sleep: seconds must "),
            "{thrown}"
        );
        assert!(thrown.ends_with(problem), "{thrown}");
    }
}

#[test]
fn a_cancelled_run_wakes_from_its_sleep() {
    let engine = engine();
    let script = Script::new(
        "test.js",
        "try { require('cla/util').sleep('1h') } catch {} 'caught'",
    );
    let run = engine.run(script, RunOptions::new());
    run.cancel();
    assert!(!run.wait().is_ok());
}

#[test]
fn json_is_written_and_read() {
    assert_eq!(
        value(
            "const util = require('cla/util');
             [util.dumpJSON({ a: [1], b: undefined }), util.dumpJSON({ a: 1 }, 2), util.dumpJSON({ a: 1 }, '\\t'), util.dumpJSON(), util.dumpJSON(() => 1),
              util.loadJSON('{\"a\": [1, null]}')]"
        ),
        serde_json::json!(["{\"a\":[1]}", "{\n  \"a\": 1\n}", "{\n\t\"a\": 1\n}", "null", "null", { "a": [1, null] }])
    );
    let cases = [
        (
            "util.loadJSON('{\"a\":\\n [1,\\n x]}')",
            "SyntaxError: util.loadJSON: expected value at line 3, column 2",
        ),
        (
            "util.loadJSON('')",
            "SyntaxError: util.loadJSON: EOF while parsing a value at line 1, column 0",
        ),
        (
            "util.loadJSON({})",
            "TypeError: util.loadJSON: text must be a string, not an object",
        ),
        (
            "util.dumpJSON({}, 11)",
            "TypeError: util.dumpJSON: indent must be a string or a whole number from 0 to 10, not 11",
        ),
    ];
    for (expression, message) in cases {
        assert_eq!(thrown(expression), message);
    }
    for hostile in [
        "util.loadJSON('['.repeat(1e6))",
        "const circle = {}; circle.a = circle; util.dumpJSON(circle)",
        "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; util.dumpJSON(deep)",
    ] {
        thrown(hostile);
    }
}

#[test]
fn unaccent_takes_off_accents_only() {
    assert_eq!(
        value(
            "const { unaccent } = require('cla/util'); ['résumé', 'Straße', 'æther', 'Ωμέγα', '日本語', ''].map((text) => unaccent(text))"
        ),
        serde_json::json!(["resume", "Straße", "æther", "Ωμεγα", "日本語", ""])
    );
    assert_eq!(
        thrown("util.unaccent(5)"),
        "TypeError: util.unaccent: text must be a string, not 5"
    );
}

#[test]
fn benchmark_prints_and_returns_times_and_rate() {
    let ran = run(
        "let runs = 0;
         const found = require('cla/util').benchmark(500, () => { for (let i = 0; i < 1000; i++) runs += 0.001 });
         [Math.round(runs), found.count, found.wall > 0, found.user + found.system > 0, Math.round(found.rate * found.wall)]",
    );
    assert_eq!(
        ran.value,
        Ok(serde_json::json!([500, 500, true, true, 500]))
    );
    let line = ran.stdout;
    assert!(line.starts_with("500 runs: 0."), "{line}");
    assert!(
        line.contains(" s wall (") && line.contains(" s user + ") && line.ends_with("/s\n"),
        "{line}"
    );
    for (argument, shown) in [("0", "0"), ("1.5", "1.5"), ("'3'", "\"3\"")] {
        assert_eq!(
            thrown(&format!("util.benchmark({argument}, () => 1)")),
            format!(
                "TypeError: util.benchmark: n must be a whole number of at least 1, not {shown}"
            )
        );
    }
    assert_eq!(
        thrown("util.benchmark(3)"),
        "TypeError: util.benchmark: fn must be a function, not undefined"
    );
    assert_eq!(
        thrown("util.benchmark(3, () => { throw new Error('mine') })"),
        "Error: mine"
    );
}
