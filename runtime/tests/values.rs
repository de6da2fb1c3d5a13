//! Values that leave a run and enter one: by one rule, within the run's limits, and never silently different.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::value::{MAX_DEPTH, RuleValue, Wanted};
use cla_runtime::{Engine, HostModule, Limits, RunOptions, RunReport, Script};
use cla_tests::output::{Discarded, Printed};
use common::{failure, report, value};
use serde_json::{Value, json};

/// What an expression is as JSON, or the message of why it is none.
type Case = (&'static str, Result<Value, &'static str>);

/// Every kind of value.
fn cases() -> Vec<Case> {
    let ok = |code, value| (code, Ok(value));
    vec![
        ok("null", json!(null)),
        ok(
            "({ a: undefined, b: [undefined, , 1] })",
            json!({ "b": [null, null, 1] }),
        ),
        ok("[true, false]", json!([true, false])),
        ok(
            "[0, -0, 1.5, -7, 2 ** 53, 1e300]",
            json!([0, 0, 1.5, -7, 9_007_199_254_740_992_u64, 1e300]),
        ),
        ok("[NaN, Infinity, -Infinity]", json!([null, null, null])),
        ok("'é\\0\"\\\\'", json!("é\0\"\\")),
        ok(
            "['\\ud800a', '\\u{1f600}', 'b\\udc00']",
            json!(["\u{fffd}a", "\u{1f600}", "b\u{fffd}"]),
        ),
        ok("({ '\\ud800': 1 })", json!({ "\u{fffd}": 1 })),
        ok(
            "({ n: 10n, m: -(2n ** 70n) })",
            json!({ "n": "10", "m": "-1180591620717411303424" }),
        ),
        ok(
            "({ b: 2, a: 1, 10: 3, 9: 4 })",
            json!({ "9": 4, "10": 3, "b": 2, "a": 1 }),
        ),
        ok(
            "JSON.parse('{\"__proto__\": 1, \"constructor\": 2}')",
            json!({ "__proto__": 1, "constructor": 2 }),
        ),
        ok("({ [Symbol('s')]: 1, a: 1 })", json!({ "a": 1 })),
        ok(
            "Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })",
            json!({ "a": 1 }),
        ),
        ok(
            "({ get a() { return [this.b] }, b: 2 })",
            json!({ "a": [2], "b": 2 }),
        ),
        ok(
            "Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true } })",
            json!({ "own": 2 }),
        ),
        ok(
            "new (class Point { constructor() { this.x = 1 } get y() { return 2 } })",
            json!({ "x": 1 }),
        ),
        ok("new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ok("[new Date(NaN)]", json!([null])),
        ok(
            "({ when: { toJSON(key) { return key + '!' } } })",
            json!({ "when": "when!" }),
        ),
        ok(
            "[{ toJSON() { return { toJSON: 1 } } }]",
            json!([{ "toJSON": 1 }]),
        ),
        ok("/a+/gi", json!("/a+/gi")),
        ok(
            "new Map([['a', 1], ['b', new Map()]])",
            json!({ "a": 1, "b": {} }),
        ),
        ok(
            "new Map([[1, 'a'], ['b', [2]]])",
            json!([[1, "a"], ["b", [2]]]),
        ),
        ok(
            "new Set([1, 'a', new Set([null])])",
            json!([1, "a", [null]]),
        ),
        ok("new Uint8Array([1, 2, 255])", json!([1, 2, 255])),
        ok(
            "[new Uint8ClampedArray([7]), new Uint8Array(4).fill(1).subarray(1, 3)]",
            json!([[7], [1, 1]]),
        ),
        ok("new Uint8Array([1, 2, 3]).buffer", json!([1, 2, 3])),
        ok(
            "new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)",
            json!([2, 3]),
        ),
        ok("[new ArrayBuffer(0), new Uint8Array()]", json!([[], []])),
        ok(
            "[new Float64Array([1.5, -2]), new Int8Array([-1]), new BigInt64Array([5n])]",
            json!([[1.5, -2], [-1], ["5"]]),
        ),
        ok(
            "Object.assign(new RangeError('too much', { cause: 'x' }), { code: 7 })",
            json!({ "name": "RangeError", "message": "too much", "cause": "x", "code": 7 }),
        ),
        ok(
            "new AggregateError([new Error('a')], 'all')",
            json!({ "name": "AggregateError", "message": "all", "errors": [{ "name": "Error", "message": "a" }] }),
        ),
        ok(
            "[Object(1), Object('a'), Object(true), Object(2n)]",
            json!([1, "a", true, "2"]),
        ),
        ok(
            "new Proxy({ a: 1 }, { get: (o, k) => k === 'toJSON' ? undefined : o[k] * 2 })",
            json!({ "a": 2 }),
        ),
        ok("new Proxy([1, 2], {})", json!([1, 2])),
        ok(
            "(s => [s, s])({ shared: true })",
            json!([{ "shared": true }, { "shared": true }]),
        ),
        ok(
            "(function () { return arguments })(1, 'a')",
            json!({ "0": 1, "1": "a" }),
        ),
        (
            "({ a: { f() {} } })",
            Err("value.a.f is the function f, which is no data"),
        ),
        (
            "[1, () => 1]",
            Err("value[1] is a function, which is no data"),
        ),
        (
            "({ s: Symbol('x') })",
            Err("value.s is a symbol, which is no data"),
        ),
        (
            "[Object(Symbol('x'))]",
            Err("value[0] is a symbol, which is no data"),
        ),
        (
            "(v => { v.items = [{}, v.items = { next: v }] , v.items[1].next = v.items; return v })({})",
            Err("value.items[1].next refers back to value.items"),
        ),
        (
            "(m => m.set('me', m))(new Map())",
            Err("value.me refers back to value"),
        ),
        (
            "(e => { e.cause = e; return e })(new Error())",
            Err("value.cause refers back to value"),
        ),
        (
            "[Promise.resolve(1)]",
            Err("value[0] is a promise; await it first"),
        ),
        (
            "[new WeakMap()]",
            Err("value[0] is a weak collection or reference, which is no data"),
        ),
        (
            "({ 'a b': { '1': [, new WeakRef({})] } })",
            Err("value[\"a b\"][\"1\"][1] is a weak collection or reference, which is no data"),
        ),
        (
            "({ '\\ud800': 1, '\\ud801': 2 })",
            Err(
                "value[\"\u{fffd}\"] has the name of another property, when surrogates without their other half are replaced",
            ),
        ),
        (
            "({ get bad() { throw new RangeError('from the getter') } })",
            Err("from the getter"),
        ),
        (
            "[{ toJSON() { throw new Error('from toJSON') } }]",
            Err("from toJSON"),
        ),
        (
            "new Proxy({}, { ownKeys() { throw new Error('from the trap') } })",
            Err("from the trap"),
        ),
        (
            "(p => { p.revoke(); return [p.proxy] })(Proxy.revocable({}, {}))",
            Err("revoked"),
        ),
        (
            "(b => { b.transfer(); return { b } })(new ArrayBuffer(8))",
            Err("value.b has given its bytes away"),
        ),
    ]
}

/// What came out, against what a case says; `what` is what errors call the value there.
fn assert_case(place: &str, what: &str, case: &Case, got: Result<Value, String>) {
    let (code, expected) = case;
    match (expected, got) {
        (Ok(expected), Ok(got)) => assert_eq!(got, *expected, "{place}: {code}"),
        (Err(expected), Err(got)) => {
            let expected = expected.replace("value", what);
            assert!(
                got.contains(&expected),
                "{place}: {code}\n  got {got}\n  not {expected}"
            );
        }
        (expected, got) => panic!("{place}: {code}\n  got {got:?}\n  not {expected:?}"),
    }
}

fn message(report: RunReport) -> Result<Value, String> {
    report.result.map_err(|error| error.message)
}

#[test]
fn the_value_of_a_run() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .build();
    for case in cases() {
        let got = message(report(&engine, "rule.js", &format!("({})", case.0)));
        assert_case("value", "value", &case, got);
    }
}

#[test]
fn an_argument_of_a_hosts_function_and_its_result() {
    let module = HostModule::new("host")
        .function("same", |(value,): (Value,)| Ok::<_, Infallible>(value))
        .blocking_function("later", |(value,): (Value,)| async move {
            Ok::<_, Infallible>(value)
        })
        .async_function("promised", |(value,): (Value,)| async move {
            Ok::<_, Infallible>(value)
        });
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .module(module)
        .build();
    for function in ["same", "later", "promised"] {
        for case in cases() {
            let code = format!("require('host').{function}({})", case.0);
            let got = message(report(&engine, "rule.js", &code));
            assert_case(function, &format!("{function}: argument 1"), &case, got);
        }
    }
}

/// Runs a rulebook whose functions come from this module.
fn book(engine: &Engine, folder: &std::path::Path, module: &str, book: &str) -> RunReport {
    std::fs::write(folder.join("lib.mjs"), module).unwrap();
    std::fs::write(folder.join("rule.yml"), book).unwrap();
    let script = Script::file(folder.join("rule.yml"));
    engine.run(script, RunOptions::new()).wait()
}

#[test]
fn the_stash_and_the_result_of_another_rule() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let child = "export default stash => stash.given";
    std::fs::write(folder.path().join("child.mjs"), child).unwrap();
    for case in cases() {
        let module = format!("export const give = () => ({{ given: ({}) }});", case.0);
        let text = "
import: [./lib.mjs]
do:
  - give: x
    register: stash
  - call: {file: child.mjs, stash: '${stash}'}
    register: back
  - return: ${back}
";
        let got = message(book(&engine, folder.path(), &module, text));
        assert_case("stash", "stash.given", &case, got);
    }
}

#[test]
fn the_variables_of_a_fork_and_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    for case in cases() {
        let module = format!("export const give = () => ({});", case.0);
        let text = "
import: [./lib.mjs]
do:
  - give: x
    register: given
  - parallel: wait
    register: back
    do: [{return: '${given}'}]
  - wait_children:
  - return: ${back}
";
        let report = book(&engine, folder.path(), &module, text);
        if matches!(case.1, Err(problem) if problem.contains("function") || problem.contains("symbol"))
        {
            // They stay behind, and the rest goes on.
            assert!(report.is_ok(), "{}: {:?}", case.0, report.result);
            continue;
        }
        assert_case("fork", "vars.given", &case, message(report));
    }
}

#[test]
fn between_rules_bytes_stay_bytes_and_big_ints_stay_big() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let module = "
        export const give = () => ({ bytes: new Uint8Array([1, 255]), big: 2n ** 64n, small: -5n, zero: -0, nan: NaN });
        export const look = ({ bytes, big, small, zero, nan }) =>
            [bytes instanceof Uint8Array, bytes[1], big === 2n ** 64n, small === -5n, Object.is(zero, -0), nan !== nan];
    ";
    let child = "export default stash => stash";
    std::fs::write(folder.path().join("child.mjs"), child).unwrap();
    let text = "
import: [./lib.mjs]
do:
  - give:
    register: given
  - call: {file: child.mjs, stash: '${given}'}
    register: back
  - parallel: wait
    register: forked
    do: [{return: '${given}'}]
  - wait_children:
  - look: ${back}
    register: one
  - look: ${forked}
    register: two
  - return: ['${one}', '${two}']
";
    let all = json!([true, 255, true, true, true, true]);
    let got = message(book(&engine, folder.path(), module, text));
    assert_eq!(got.unwrap(), json!([all, all]));
}

#[test]
fn a_host_gets_bytes_and_gives_them() {
    #[derive(serde::Deserialize)]
    struct Part {
        body: Vec<u8>,
        big: u64,
        exact: String,
        ratio: f64,
        missing: Option<u8>,
    }
    struct Bytes(Vec<u8>);
    impl serde::Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
    let module = HostModule::new("host").function("turn", |(part,): (Part,)| {
        assert_eq!(part.big, u64::MAX);
        assert_eq!(part.exact, "1180591620717411303424");
        assert!(part.ratio.is_infinite());
        assert!(part.missing.is_none());
        let mut body = part.body;
        body.reverse();
        Ok::<_, Infallible>((Bytes(body), vec![1_u8]))
    });
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .module(module)
        .build();
    let code = "
        const [bytes, list] = require('host').turn({
            body: new Uint8Array([1, 2, 3]), big: 2n ** 64n - 1n, exact: 2n ** 70n, ratio: Infinity,
        });
        [bytes instanceof Uint8Array, [...bytes], list]";
    let got = message(report(&engine, "rule.js", code));
    assert_eq!(got.unwrap(), json!([true, [3, 2, 1], [1]]));

    let options = RunOptions::new().wanted(Wanted::Value);
    let script = Script::new("bytes.js", "[new Uint8Array([1, 2]), 10n]");
    let run = engine.run(script, options).wait();
    let expected = [
        RuleValue::Bytes(vec![1, 2]),
        RuleValue::BigInt("10".to_owned()),
    ];
    assert_eq!(run.value, RuleValue::Array(expected.to_vec()));
    assert_eq!(run.result.unwrap(), json!(null));
}

#[test]
fn a_whole_value_that_is_no_data_by_chance_is_null() {
    for code in [
        "undefined",
        "() => 1",
        "class A {}",
        "Symbol('x')",
        "(function f() {})",
    ] {
        assert_eq!(value(&format!("({code})")), json!(null), "{code}");
    }
}

#[test]
fn nesting_is_bounded_and_the_error_stays_short() {
    let nested =
        |levels: usize| format!("let a = 1; for (let i = 0; i < {levels}; i++) a = {{ a }}; a");
    let mut whole = value(&nested(MAX_DEPTH));
    // What serde_json writes it reads again.
    assert!(serde_json::from_str::<Value>(&whole.to_string()).is_ok());
    for _ in 0..MAX_DEPTH {
        whole = whole["a"].take();
    }
    assert_eq!(whole, 1);
    for code in [
        nested(MAX_DEPTH + 1),
        nested(100_000),
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; a".to_owned(),
        "let a = 1; for (let i = 0; i < 1000; i++) a = new Map([['a', a]]); a".to_owned(),
        "let a = 1; for (let i = 0; i < 1000; i++) a = new Set([a]); a".to_owned(),
        "let a; for (let i = 0; i < 1000; i++) a = new Error('x', { cause: a }); a".to_owned(),
        "(function deeper() { return { toJSON() { return { next: deeper() } } } })()".to_owned(),
        "new Proxy([], { get: (o, k, r) => k === 'length' ? 1 : k === 'toJSON' ? undefined : new Proxy([], \
            { get: (o, k, r) => k === 'length' ? 1 : k === 'toJSON' ? undefined : r }) })"
            .replace("r })", "new Proxy([r], {}) })"),
    ] {
        let error = failure(&code);
        assert!(
            error.message.contains("levels deep") || error.message.contains("refers back"),
            "{code}: {error}"
        );
        assert!(error.message.len() < 300, "{error}");
    }
}

#[test]
fn a_deep_argument_is_read_by_any_type_and_from_deep_calls() {
    let module = HostModule::new("host").function("depth", |(value,): (Value,)| {
        let mut depth = 0;
        let mut at = &value;
        while let Some(next) = at.get("a") {
            depth += 1;
            at = next;
        }
        Ok::<_, Infallible>(depth)
    });
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .module(module)
        .build();
    let code = format!(
        "const {{ depth }} = require('host');
         let a = 1; for (let i = 0; i < {MAX_DEPTH}; i++) a = {{ a }};
         // As far down as calls go.
         const dive = () => {{ try {{ return dive() }} catch (e) {{ return depth(a) }} }};
         [depth(a), dive()]"
    );
    let got = message(report(&engine, "rule.js", &code)).unwrap();
    assert_eq!(got, json!([MAX_DEPTH, MAX_DEPTH]));
}

/// Values that are much larger than what they take in JavaScript.
const LARGE: [&str; 9] = [
    "let a=[1];for(let i=0;i<24;i++)a=[a,a];a",
    "let a={v:1};for(let i=0;i<24;i++)a={x:a,y:a};a",
    "let a=new Map([['a',1]]);for(let i=0;i<24;i++)a=new Map([['x',a],['y',a]]);a",
    "new Array(2**32-1)",
    "new Proxy([], { get: (o, k) => k === 'length' ? 2**53-1 : k === 'toJSON' ? undefined : 1 })",
    "const s='x'.repeat(1e6);Array.from({length: 1000}, () => s)",
    "const o={['k'.repeat(1e6)]:1};Array.from({length: 1000}, () => o)",
    "new Array(1e6).fill('').map((_, i) => i)",
    "new Uint8Array(1e7)",
];

#[test]
fn a_value_that_does_not_fit_the_limit_is_an_error_of_the_run() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .limits(Limits::default().memory(40 << 20))
        .build();
    for code in LARGE {
        let run = report(&engine, "large.js", code);
        assert!(run.peak_memory <= 110 << 20, "{code}: {}", run.peak_memory);
        let error = run.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutOfMemory, "{code}: {error}");
    }
    assert_eq!(report(&engine, "next.js", "1").result.unwrap(), 1);
}

#[test]
fn an_argument_that_does_not_fit_is_a_range_error_and_the_rule_goes_on() {
    let module = HostModule::new("host").function("take", |(_,): (Value,)| Ok::<_, Infallible>(()));
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .limits(Limits::default().memory(40 << 20))
        .module(module)
        .build();
    let code = "
        let a = [1]; for (let i = 0; i < 24; i++) a = [a, a];
        try { require('host').take(a) } catch (e) { e instanceof RangeError && e.message }";
    let got = message(report(&engine, "rule.js", code)).unwrap();
    let message = got.as_str().unwrap();
    assert!(
        message.contains("take: argument 1 needs more memory than the run has left"),
        "{message}"
    );
}

#[test]
fn what_is_not_wanted_is_not_converted() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .build();
    for code in LARGE
        .into_iter()
        .chain(["let a = {}; a.a = a", "({ get x() { throw 1 } })"])
    {
        let options = RunOptions::new().wanted(Wanted::Nothing);
        let run = engine.run(Script::new("rule.js", code), options).wait();
        assert_eq!(run.result.unwrap(), json!(null), "{code}");
    }
}

#[test]
fn limits_reach_into_the_conversion() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .limits(Limits::default().timeout(Duration::from_millis(300)))
        .build();
    for code in [
        "({ get x() { for (;;); } })",
        "({ toJSON() { for (;;); } })",
        "new Proxy({}, { ownKeys() { for (;;); } })",
        "({ get x() { try { for (;;); } finally { return 1 } } })",
        "const m = new Map([[1, 1]]); m.entries = 1; Object.getPrototypeOf(new Map().entries()).next = () => ({ done: false }); m",
        "new Proxy([], { get: (o, k) => k === 'length' ? 1e6 : k === 'toJSON' ? undefined : { toJSON() { for (let i = 0; i < 1e5; i++); } } })",
    ] {
        let started = Instant::now();
        let run = report(&engine, "slow.js", code);
        let error = run.result.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::TimedOut | ErrorKind::OutOfMemory),
            "{code}: {error}"
        );
        assert!(started.elapsed() < Duration::from_secs(5), "{code}");
    }
    let script = Script::new("slow.js", "({ get x() { for (;;); } })");
    let handle = Engine::new().run(script, RunOptions::new());
    handle.cancel();
    assert_eq!(handle.wait().result.unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn a_neighbour_has_its_turns_while_a_value_is_converted() {
    let module = HostModule::new("host").blocking_function("nap", |(ms,): (u64,)| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, Infallible>(())
    });
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .module(module)
        .build();
    let large = engine.run(
        Script::new("large.js", "let a=[1];for(let i=0;i<19;i++)a=[a,a];a"),
        RunOptions::new().output(Arc::new(Discarded)),
    );
    let neighbour = engine.run(
        Script::new(
            "neighbour.js",
            "let worst = 0;
             for (let i = 0; i < 20; i++) {
                 const start = Date.now();
                 require('host').nap(1);
                 worst = Math.max(worst, Date.now() - start);
             }
             worst",
        ),
        RunOptions::new(),
    );
    let worst = neighbour.wait().result.unwrap().as_f64().unwrap();
    assert!(worst < 300.0, "a nap of 1 ms took {worst} ms");
    assert!(large.wait().is_ok());
}

#[test]
fn a_half_surrogate_in_a_text_of_a_rulebook_is_an_error_of_the_op() {
    let written = Arc::new(Printed::default());
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let book = "
vars: {half: x, list: []}
do:
  - do: half = String.fromCharCode(0xd800); list = [half]
  - echo: ${list}
  - dump: ${half}
  - echo: 'a${half}b'
";
    let options = RunOptions::new().output(written.clone());
    let run = engine.run(Script::new("rule.yml", book), options).wait();
    let error = run.result.unwrap_err();
    assert_eq!(
        (error.kind, &*error.name),
        (ErrorKind::Exception, "TypeError")
    );
    assert!(
        error
            .message
            .contains("half a character, \\ud800, at position 0"),
        "{error}"
    );
    // What is written as JSON has an escape for it.
    let text = written.text();
    assert!(text.to_lowercase().contains("\\ud800"), "{text}");
}

#[test]
fn a_host_reads_the_value_as_a_type_of_its_own() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Deployed {
        target: String,
        seconds: f64,
        notes: Option<Vec<u8>>,
    }
    let engine = Engine::new();
    let run = |text: &str, wanted| {
        let options = RunOptions::new().wanted(wanted);
        engine
            .run(Script::javascript("deploy", text), options)
            .wait()
    };
    let text = "({ target: 'prod', seconds: 2, notes: new Uint8Array([1, 2]) })";
    for wanted in [Wanted::Json, Wanted::Value] {
        let deployed: Deployed = run(text, wanted).value().unwrap();
        let notes = Some(vec![1, 2]);
        let expected = Deployed {
            target: "prod".to_owned(),
            seconds: 2.0,
            notes,
        };
        assert_eq!(deployed, expected, "{wanted:?}");
    }
    assert_eq!(run("null", Wanted::Json).value::<Option<u8>>(), Ok(None));
    assert_eq!(run("7", Wanted::Nothing).value::<()>(), Ok(()));
    let error = run("({ target: 7 })", Wanted::Json).value::<Deployed>();
    let error = error.unwrap_err();
    assert_eq!(error.name, "UnexpectedValue");
    assert!(error.message.contains("expected a string"), "{error}");
    let error = run("throw new RangeError('no')", Wanted::Json).value::<u8>();
    assert_eq!(error.unwrap_err().name, "RangeError");
}
