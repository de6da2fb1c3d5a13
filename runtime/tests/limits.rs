//! Limits hold: whatever a rule does, it fails alone, with an error that says why.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RuleError, RunOptions, Script};
use common::report;
use serde_json::json;

const MIB: usize = 1024 * 1024;

/// Runs a hostile script on the only worker of an engine, beside a rule that measures how late its
/// 10 ms timers are, and gives the hostile one's error.
fn beside_a_punctual_rule(hostile: &str, limits: Limits) -> RuleError {
    let engine = Engine::builder().workers(1).build();
    let options = RunOptions::new().limits(limits);
    let hostile_run = engine.run(Script::new("hostile.js", hostile), options);
    let punctual = engine.run(
        Script::new(
            "punctual.js",
            "let beats = 0;
             await new Promise(done => {
                 const id = setInterval(() => { if (++beats === 5) { clearInterval(id); done() } }, 10);
             });
             beats",
        ),
        RunOptions::new(),
    );
    assert_eq!(punctual.wait().result.unwrap(), 5);
    let error = hostile_run.wait().result.unwrap_err();
    assert_eq!(
        report(&engine, "after.js", "'fine'").result.unwrap(),
        "fine"
    );
    error
}

fn short() -> Limits {
    Limits::default()
        .timeout(Duration::from_millis(300))
        .memory(32 * MIB)
}

#[test]
fn an_endless_loop_ends_at_the_time_limit() {
    for text in [
        "while (true) {}",
        "for (;;) { try { for (;;); } catch (e) {} finally { continue } }",
        "function f() { Promise.resolve().then(f) } f()",
        "setInterval(() => {}, 1)",
        "async function f() { for (;;) await null } f()",
        "await new Promise(done => setTimeout(done, 60_000))",
        "'a'.repeat(30).replace(/(a+)+b/, '')",
        "[1, 2].sort(() => { for (;;); })",
        "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        "new Proxy({}, { get() { for (;;); } }).x",
        "JSON.stringify({ toJSON() { for (;;); } })",
        "({ get x() { for (;;); } }).x",
        "function* g() { for (;;) yield 1 } for (const x of g());",
    ] {
        let error = beside_a_punctual_rule(text, short());
        assert_eq!(error.kind, ErrorKind::TimedOut, "{text}: {error}");
    }
}

#[test]
fn endless_allocation_ends_at_the_memory_limit() {
    for text in [
        "const a = []; for (;;) a.push({})",
        "const a = []; for (;;) a.push('x'.repeat(100000) + a.length)",
        "let s = 'x'; for (;;) { s += s; s.charCodeAt(0) }",
        "const a = []; for (;;) { try { for (;;) a.push([1, 2, 3]) } catch (e) { a.push(e) } }",
        "async function f(a) { await null; a.push(new Array(1000).fill(0)); await f(a) } f([])",
        "const a = []; (async function f() { for (;;) { a.push(new Uint8Array(4096)); await null } })()",
        "const a = []; for (;;) a.push(new ArrayBuffer(1 << 20))",
        "const a = []; function f() { a.push(Promise.resolve(new Array(100)).then(f)) } f(); f(); for (;;) f()",
        "let o = {}; for (let i = 0; ; i++) o['k' + i] = i",
        "new Map(function* () { for (let i = 0; ; i++) yield [i, {}] }())",
        "const a = []; for (;;) a.push(2n ** 100000n + BigInt(a.length))",
        "Array.from({ length: 1e9 }, () => ({}))",
        "'x'.repeat(2 ** 29)",
        "JSON.parse('[' + '{},'.repeat(2000000) + '1]')",
    ] {
        let limits = Limits::default()
            .memory(32 * MIB)
            .timeout(Duration::from_secs(60));
        let error = beside_a_punctual_rule(text, limits);
        assert_eq!(error.kind, ErrorKind::OutOfMemory, "{text}: {error}");
        assert!(error.message.contains("32 MiB"), "{error}");
    }
}

#[test]
fn endless_recursion_ends_at_the_stack_limit() {
    for text in [
        "function f() { f() } f()",
        "function f() { return f() + f.call() } f()",
        "const o = { get x() { return this.x } }; o.x",
        "const p = new Proxy({}, { get(t, k, r) { return r[k] } }); p.x",
        "let a = []; for (let i = 0; i < 1e6; i++) a = [a]; JSON.stringify(a)",
        "JSON.parse('['.repeat(1e6))",
        "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)",
        "const o = { toString() { return `${o}` } }; `${o}`",
        "eval('['.repeat(1e6))",
        "eval('('.repeat(1e6))",
        "eval('!'.repeat(1e6) + '1')",
        "eval('a=>'.repeat(1e5) + '1')",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))",
        "[1].map(function f(x) { return [x].map(f) })",
        "class A { constructor() { new A } } new A",
        "function f(...a) { f(...a, 1) } f()",
        "async function f() { await f() } f()",
        "async function f() { try { await f() } finally { await f() } } f()",
        "function* g() { yield* g() } [...g()]",
        "async function* g() { yield* g() } (async () => { for await (const x of g()); })()",
        "const a = [1]; a.sort = 1; a.toString = () => a.join(); a.push(a); `${a}`; \
         (function f() { [3, 2].sort(f) })()",
        "'x'.replace(/x/, function f() { return 'x'.replace(/x/, f) })",
        "Reflect.apply(function f() { Reflect.apply(f, null, []) }, null, [])",
        "new (function F() { return new F })",
        "function f() { require('x-' + f()) } f()",
    ] {
        let error = beside_a_punctual_rule(
            text,
            Limits::default()
                .memory(256 * MIB)
                .timeout(Duration::from_secs(60)),
        );
        assert!(
            matches!(
                error.kind,
                ErrorKind::StackOverflow | ErrorKind::OutOfMemory
            ) || error.name == "SyntaxError",
            "{text}: {:?} {error}",
            error.kind
        );
    }
}

#[test]
fn a_deep_source_is_an_error_not_a_crash() {
    let deep = "[".repeat(1_000_000);
    for name in ["deep.js", "deep.mjs", "deep.ts"] {
        let error = report(&Engine::new(), name, &deep).result.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::StackOverflow | ErrorKind::Syntax),
            "{name}: {error}"
        );
    }
}

#[test]
fn recursion_can_be_caught_and_survived() {
    assert_eq!(
        common::value("function f() { f() } try { f() } catch (e) { e instanceof RangeError }"),
        true
    );
}

#[test]
fn the_stack_limit_decides_how_deep_calls_nest() {
    let depth = |bytes: usize| {
        let text = "let n = 0; function f() { n++; f() } try { f() } catch {} n";
        let options = RunOptions::new().limits(Limits::default().stack(bytes));
        let report = Engine::new()
            .run(Script::new("deep.js", text), options)
            .wait();
        report.result.unwrap().as_u64().unwrap()
    };
    let (small, large) = (depth(64 * 1024), depth(4 * MIB));
    assert!(small > 20 && large > 20 * small, "{small} {large}");
}

#[test]
fn nothing_in_the_rule_can_catch_the_end() {
    let started = Instant::now();
    let engine = Engine::builder().workers(1).build();
    let limits = Limits::default()
        .timeout(Duration::from_millis(50))
        .grace(Duration::from_millis(100));
    let options = RunOptions::new().limits(limits);
    let text = "
        globalThis.log = [];
        function persist() {
            try { for (;;); } catch (e) { persist() } finally { persist() }
        }
        process = new Promise(() => { persist() }).catch(persist).finally(persist);
        persist();
    ";
    let error = engine
        .run(Script::new("stubborn.js", text), options)
        .wait()
        .result
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("50"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_cancelled_run_stops_whether_it_computes_or_waits() {
    let engine = Engine::builder().workers(1).build();
    for text in [
        "for (;;);",
        "await new Promise(done => setTimeout(done, 60_000))",
    ] {
        let handle = engine.run(Script::new("a.js", text), RunOptions::new());
        let beside = report(&engine, "b.js", "await null; 1");
        assert_eq!(beside.result.unwrap(), json!(1));
        handle.cancel();
        assert_eq!(handle.wait().result.unwrap_err().kind, ErrorKind::Cancelled);
    }
    let handle = engine.run(Script::new("a.js", "1"), RunOptions::new());
    let late = handle.canceller();
    assert!(handle.wait().is_ok());
    late.cancel();
}

#[test]
fn memory_that_was_used_and_freed_does_not_count() {
    let options = RunOptions::new().limits(Limits::default().memory(16 * MIB));
    let text = "for (let i = 0; i < 200; i++) 'x'.repeat(2 ** 20 + i).length; 'ok'";
    let report = Engine::new().run(Script::new("a.js", text), options).wait();
    assert_eq!(report.result.unwrap(), "ok");
    assert!(report.peak_memory > MIB && report.peak_memory < 16 * MIB);
}

/// A bit of everything that allocates, suspends or calls back, for ever.
const EVERYTHING: &str = r#"
    class Base { #secret = 1; static make() { return new this() } get secret() { return this.#secret } }
    class Derived extends Base { constructor() { super(); this.list = [...'abc'] } *[Symbol.iterator]() { yield* this.list } }
    const registry = new FinalizationRegistry(() => {}), weak = new WeakMap();
    const wait = ms => new Promise(done => setTimeout(done, ms));
    async function* numbers(n) { for (let i = 0; i < n; i++) { if (i % 7 === 0) await null; yield i } }
    async function work(round) {
        const map = new Map(Array.from({ length: 20 }, (_, i) => [`k${i}-${round}`, { i, text: 'x'.repeat(i * 50) }]));
        const { a = 1, ...rest } = Object.fromEntries(map);
        const text = JSON.stringify(rest, (k, v) => v, 1);
        const back = JSON.parse(text, (k, v) => v);
        const sorted = Object.keys(back).sort((x, y) => x < y ? 1 : -1).map(k => `${k}`.replace(/(\d+)/g, m => +m + 1));
        const proxy = new Proxy(back, { get: (t, k) => Reflect.get(t, k), ownKeys: t => Reflect.ownKeys(t) });
        for (const key of Object.keys(proxy)) void proxy[key];
        const instance = Derived.make(); registry.register(instance, round); weak.set(instance, [...instance]);
        try { null.x } catch (e) { try { throw new AggregateError([e], 'more', { cause: e }) } catch {} } finally { a + 1 }
        let sum = 0n; for await (const n of numbers(15)) sum += BigInt(n) ** 3n;
        await Promise.all([wait(0), Promise.any([Promise.reject(1), 2]), Promise.allSettled([Promise.reject(3)])]);
        const bytes = new Uint8Array(4096).fill(round).subarray(1).map(b => b + 1);
        const circle = { sorted, bytes }; circle.self = circle;
        new Function('x', `return x + ${round}`)(eval('1 + 1'));
        const lines = text.split('\n').flatMap(l => [l, l.trim()]);
        return KEEP ? [circle, sum, lines, map] : lines.length;
    }
    let kept = [];
    for (let round = 0; ; round++) { kept.push(await work(round % 250)); if (!KEEP && kept.length > 5) kept = [] }
"#;

#[test]
fn a_run_can_be_stopped_at_any_moment() {
    let engine = Engine::builder().workers(2).build();
    let handles: Vec<_> = (0..400u64)
        .map(|n| {
            let limits = Limits::default().timeout(Duration::from_micros(200 + n * 53));
            let options = RunOptions::new().limits(limits);
            let text = format!("const KEEP = 0; {EVERYTHING}");
            engine.run(Script::new("everything.js", text), options)
        })
        .collect();
    for handle in handles {
        assert_eq!(handle.wait().result.unwrap_err().kind, ErrorKind::TimedOut);
    }
}

#[test]
fn a_run_can_be_out_of_memory_at_any_moment() {
    let engine = Engine::builder().workers(2).build();
    let handles: Vec<_> = (0..200usize)
        .map(|n| {
            let limits = Limits::default().memory(MIB + n * 7777);
            let options = RunOptions::new().limits(limits);
            let text = format!("const KEEP = 1; {EVERYTHING}");
            engine.run(Script::new("everything.js", text), options)
        })
        .collect();
    for handle in handles {
        let error = handle.wait().result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutOfMemory, "{error}");
    }
}

#[test]
fn whatever_a_script_makes_of_the_limit_of_stack_traces_the_process_lives() {
    let engine = Engine::builder().workers(1).build();
    for code in [
        "Error.stackTraceLimit = {}; Error.stackTraceLimit = []; Error.stackTraceLimit = 'x'; 1",
        "for (const v of [() => 1, Symbol(), 10n, null, undefined, new Proxy({}, {}), NaN, -1, 1e9]) Error.stackTraceLimit = v; 1",
        "const { set } = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit'); set.call({}, {}); set.call({}, {}); 1",
        "Error.stackTraceLimit = 1; const f = () => new Error('x').stack.trim().split('\\n').length; f()",
    ] {
        let run = report(&engine, "trace.js", code);
        assert_eq!(run.result.unwrap(), 1, "{code}");
    }
}

#[test]
fn an_object_that_grows_until_a_resize_is_refused_ends_its_run_alone() {
    // Each limit has another resize refused; some of them make the interpreter look for garbage at that moment.
    let engine = Engine::new();
    let grow = [
        "const o = {}; for (let i = 0; ; i++) o['k' + i] = i",
        "const all = []; for (let n = 0; ; n++) { const o = {}; all.push(o); for (let i = 0; i < 3000; i++) o['k' + n + i] = [o] }",
    ];
    for code in grow {
        let script = Script::new("grow.js", code);
        for step in 0..150 {
            let limits = Limits::default().memory(2 * 1024 * 1024 + step * 28 * 1024);
            let report = engine
                .run(script.clone(), RunOptions::new().limits(limits))
                .wait();
            assert_eq!(report.result.unwrap_err().kind, ErrorKind::OutOfMemory);
        }
    }
}

/// Work of built-in functions that makes many objects, each of which can be refused its memory.
const MAKERS: [&str; 30] = [
    "Promise.allSettled(list)",
    "Promise.all(list)",
    "Promise.any(list)",
    "Promise.race(list)",
    "keep.push(Promise.allSettled(list), Promise.any(list))",
    "keep.push(Array.fromAsync(list))",
    "keep.push(list.map(x => Promise.resolve(x).then(x => [x])))",
    "keep.push(list.map(async x => { await x; return [x] }))",
    "keep.push(list.map(function* (x) { yield [x] }).map(it => it.next()))",
    "keep.push(list.map(async function* (x) { yield [x] }).map(it => it.next()))",
    "keep.push(Object.fromEntries(list.map(x => ['k' + x + keep.length, { x }])))",
    "keep.push(Object.groupBy(list, x => 'g' + x), Map.groupBy(list, x => x))",
    "keep.push(new Map(list.map(x => [{ x }, { x }])), new Set(list.map(x => [x])))",
    "keep.push(new WeakMap(list.map(x => [{ x }, { x }])))",
    "keep.push(list.map(x => new WeakRef({ x })))",
    "keep.push(JSON.parse(JSON.stringify(list.map(x => ({ x, y: [x] })))))",
    "keep.push(list.map(x => new Proxy({ x }, {})))",
    "keep.push(list.map(x => function () { return x }.bind(null, x)))",
    "keep.push(list.map(x => new RegExp('a' + x + '(?<n>b)')))",
    "keep.push('a,b;c'.repeat(1000).split(/[,;]/).map(x => x.split('')))",
    "keep.push(['a1b2'.repeat(2000)].map(x => [...x.matchAll(/(?<l>[a-z])(\\d)/g)]))",
    "keep.push(list.map(x => new Error('e' + x, { cause: { x } })))",
    "keep.push(list.map(x => new Function('return ' + x)))",
    "keep.push(list.map(x => class { #p = x; get p() { return this.#p } }).map(C => new C()))",
    "keep.push(list.map(x => new Date(x).toISOString()))",
    "keep.push(list.map(x => BigInt(x) ** 40n))",
    "keep.push(list.map(x => new Uint8Array(x % 99).map(y => y + 1)))",
    "keep.push(list.values().map(x => [x]).filter(x => x).toArray())",
    "keep.push(list.flatMap(x => [[x], [x]]), list.toSorted((a, b) => b - a))",
    "keep.push(list.map(x => Symbol('s' + x)), list.map(x => 'k' + x + keep.length))",
];

#[test]
fn a_built_in_function_that_gets_no_memory_ends_its_run_alone() {
    let engine = Engine::builder().workers(2).build();
    let handles: Vec<_> = MAKERS
        .iter()
        .flat_map(|make| (0..12_usize).map(move |step| (make, step)))
        .map(|(make, step)| {
            let limits = Limits::default()
                .memory(MIB + step * 345_678)
                .timeout(Duration::from_millis(400));
            let code = format!(
                "const list = Array.from({{ length: 3000 }}, (_, i) => i), keep = []; for (;;) {make}"
            );
            (make, engine.run(Script::new("make.js", code), RunOptions::new().limits(limits)))
        })
        .collect();
    for (make, handle) in handles {
        let error = handle.wait().result.unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::OutOfMemory | ErrorKind::TimedOut),
            "{make}: {error}"
        );
    }
}
