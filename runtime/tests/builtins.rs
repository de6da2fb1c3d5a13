//! Built-in functions do what they always did, also where ours stand in for the interpreter's, and can be stopped.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RunOptions, Script};

fn value_of(code: &str) -> serde_json::Value {
    let report = Engine::new()
        .run(Script::new("rule.js", code), RunOptions::new())
        .wait();
    serde_json::to_value(
        report
            .result
            .unwrap_or_else(|error| panic!("{code}: {error}")),
    )
    .unwrap()
}

/// Each works on `o`, an array or an object with the same elements, and gives something to compare.
const ON_LISTS: &[&str] = &[
    "A.concat.call([0], o).length",
    "A.concat.call(o, [1, 2], 3).length",
    "A.copyWithin.call(o, 5, 10, 900); o",
    "A.copyWithin.call(o, 10, 5, 900); o",
    "A.copyWithin.call(o, -5, 0); o",
    "A.join.call(o)",
    "A.join.call(o, '--')",
    "A.join.call(o, undefined)",
    "A.toLocaleString.call(o)",
    "[A.shift.call(o), o]",
    "[A.unshift.call(o, 'x', 'y'), o]",
    "A.unshift.call(o); o",
    "A.reverse.call(o); o",
    "A.slice.call(o, 3, -7)",
    "A.slice.call(o, -9)",
    "A.slice.call(o, 8, 2)",
    "[A.splice.call(o, 10, 3), o]",
    "[A.splice.call(o, 10, 2, 'a', 'b', 'c', 'd'), o]",
    "[A.splice.call(o, -4), o]",
    "[A.splice.call(o), o]",
    "A.sort.call(o); o",
    "A.sort.call(o, (a, b) => b - a); o",
    "A.toReversed.call(o)",
    "A.toSorted.call(o)",
    "A.toSorted.call(o, (a, b) => b - a)",
    "A.toSpliced.call(o, 3, 2, 'a')",
    "A.toSpliced.call(o, 3)",
    "A.with.call(o, -2, 'w')",
    "A.flatMap.call(o, (x) => [x, [x]])",
];

#[test]
fn what_lists_do_is_the_same_for_those_that_are_no_arrays() {
    let prelude = "
        const A = Array.prototype;
        const plain = (o) => {
            if (!o || typeof o !== 'object') return o;
            const all = [];
            for (let k = 0; k < o.length; k++) all.push(k in o ? plain(o[k]) : 'hole');
            return all;
        };
        const elements = Array.from({ length: 1500 }, (_, i) => (i * 7919) % 1009);
    ";
    for holes in ["", "delete o[7]; delete o[1400]; delete o[1499];"] {
        for code in ON_LISTS {
            let of = |list: &str| {
                let last = code.rsplit(';').next().unwrap().trim();
                let first = &code[..code.len() - last.len()];
                let code = format!(
                    "{prelude} const o = {list}; {holes} {first} const result = {last};
                     JSON.stringify([plain(result), plain(o)])"
                );
                let value = value_of(&code);
                value
                    .as_str()
                    .unwrap_or_else(|| panic!("{code}"))
                    .to_owned()
            };
            let array = of("elements.slice()");
            // Without `isConcatSpreadable`, concat takes an object for one element.
            let object =
                "Object.assign({ length: 1500, [Symbol.isConcatSpreadable]: true }, elements)";
            assert!(of(object) == array, "{holes} {code} of an object");
            let proxy = "new Proxy(elements.slice(), {})";
            assert!(of(proxy) == array, "{holes} {code} of a proxy");
        }
    }
}

#[test]
fn arrays_flatten_as_the_standard_has_it() {
    let cases = [
        ("[1, [2, [3, [4]]]].flat()", "[1,2,[3,[4]]]"),
        ("[1, [2, [3, [4]]]].flat(Infinity)", "[1,2,3,4]"),
        ("[1, [2, [3]]].flat(0)", "[1,[2,[3]]]"),
        ("[1, , [2, , 3]].flat()", "[1,2,3]"),
        ("[[1], 2].flatMap((x, i) => [x, i])", "[[1],0,2,1]"),
        (
            "[1].flatMap(function () { return this.x }, { x: [5] })",
            "[5]",
        ),
        (
            "Array.prototype.flat.length + Array.prototype.flatMap.length",
            "1",
        ),
        (
            "Array.prototype.concat.name + String.raw.name",
            "\"concatraw\"",
        ),
    ];
    for (code, expected) in cases {
        assert_eq!(
            value_of(&format!("JSON.stringify({code})")),
            expected,
            "{code}"
        );
    }
}

#[test]
fn long_texts_are_sorted_as_short_ones_are() {
    let prelude = "
        const tail = 'x'.repeat(400);
        const short = Array.from({ length: 3000 }, (_, i) => i % 50 ? String((i * 7919) % 1009) : i % 100 ? i : undefined);
        const long = short.map((x) => (typeof x === 'string' ? x + tail : x));
        const cut = (list) => JSON.stringify(list.map((x) => (typeof x === 'string' ? x.slice(0, -400) : x)));
        const want = JSON.stringify(short.map((x) => (typeof x === 'string' ? x + 'x' : x)).sort()
            .map((x) => (typeof x === 'string' ? x.slice(0, -1) : x)));
    ";
    for code in [
        "cut(long.toSorted()) === want",
        "cut(long.slice().sort()) === want",
    ] {
        assert_eq!(value_of(&format!("{prelude} {code}")), true, "{code}");
    }
    let engine = Engine::builder().workers(1).build();
    let limits = Limits::default().timeout(Duration::from_millis(200));
    let code = "Array(2 ** 20).fill('a'.repeat(2 ** 16)).sort()";
    let run = engine.run(
        Script::new("rule.js", code),
        RunOptions::new().limits(limits),
    );
    let begun = Instant::now();
    assert_eq!(run.wait().result.unwrap_err().kind, ErrorKind::TimedOut);
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_long_text_is_found_in_a_long_text() {
    let prelude = "
        const pattern = 'ab'.repeat(4000) + 'c';
        const gap = 'ab'.repeat(20000);
        const text = gap + pattern + gap + pattern + 'end';
        const first = gap.length, second = gap.length * 2 + pattern.length;
    ";
    let cases = [
        "text.indexOf(pattern) === first",
        "text.indexOf(pattern, first + 1) === second",
        "text.indexOf(pattern, second + 1) === -1",
        "text.indexOf(pattern, -5) === first",
        "text.lastIndexOf(pattern) === second",
        "text.lastIndexOf(pattern, second) === second",
        "text.lastIndexOf(pattern, second - 1) === first",
        "text.lastIndexOf(pattern, 3) === -1",
        "text.includes(pattern) && !text.includes(pattern + 'x')",
        "text.indexOf({ toString: () => pattern }) === first",
        "JSON.stringify(text.split(pattern)) === JSON.stringify([gap, gap, 'end'])",
        "text.split(pattern, 1).length === 1 && text.split(pattern, 0).length === 0",
        "text.replace(pattern, '[$$$&$`$\\'$1]') === gap + '[$' + pattern + gap + gap + pattern + 'end$1]' + gap + pattern + 'end'",
        "text.replaceAll(pattern, (found, at) => at) === gap + first + gap + second + 'end'",
        "('\u{20ac}' + text).indexOf(pattern) === first + 1",
        "String.raw`a\\n${1}b` === 'a\\\\n1b' && String.raw({ raw: 'xyz' }, 1, 2, 3) === 'x1y2z'",
    ];
    for code in cases {
        assert_eq!(value_of(&format!("{prelude} {code}")), true, "{code}");
    }
}

#[test]
fn what_no_rule_needs_is_refused_and_names_the_limit() {
    let cases = [
        (
            "'a'.concat('\\u0301\\u0327'.repeat(20000)).normalize()",
            "combining marks in a row",
        ),
        (
            "'a'.localeCompare('\\u0301'.repeat(20000))",
            "combining marks in a row",
        ),
        ("new Uint8Array(5000000).sort()", "4194304"),
        ("new Float32Array(5000000).toSorted()", "4194304"),
        ("[1].values().drop(1e9).next()", "10000000"),
    ];
    for (code, limit) in cases {
        let code = format!("try {{ {code} }} catch (e) {{ `${{e.name}} ${{e.message}}` }}");
        let said = value_of(&code);
        let said = said.as_str().unwrap_or_default();
        assert!(
            said.starts_with("RangeError") && said.contains(limit),
            "{code}: {said}"
        );
    }
}

#[test]
fn calls_without_end_are_ended_by_the_time_limit() {
    let lists = [
        "{ length: 2 ** 53 - 1 }",
        "{ length: 2 ** 31 }",
        "new Array(4e9)",
    ];
    let calls = [
        "reverse.call(o)",
        "join.call(o)",
        "sort.call(o)",
        "slice.call(o, 1)",
        "shift.call(o)",
        "splice.call(o, 0, 1)",
        "copyWithin.call(o, 0, 5)",
        "unshift.call(o, 1)",
        "flat.call([o])",
        "concat.call([], o)",
        "toLocaleString.call(o)",
        "flatMap.call([1], () => o)",
    ];
    let engine = Engine::builder().workers(2).build();
    let limits = Limits::default().timeout(Duration::from_millis(100));
    for list in lists {
        for call in calls {
            let code = format!(
                "const o = {list}; o[Symbol.isConcatSpreadable] = true;
                 try {{ Array.prototype.{call} }} catch (e) {{ if (!/length|long/.test(e.message)) throw e }}"
            );
            let begun = Instant::now();
            let report = engine
                .run(
                    Script::new("rule.js", &*code),
                    RunOptions::new().limits(limits),
                )
                .wait();
            match report.result {
                Ok(_) => {}
                Err(error) => assert!(
                    matches!(error.kind, ErrorKind::TimedOut | ErrorKind::OutOfMemory),
                    "{code}: {error}"
                ),
            }
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{code}: {:?}",
                begun.elapsed()
            );
        }
    }
}

#[test]
fn iterator_helpers_nest_as_deep_as_the_stack_allows_and_no_deeper() {
    for step in [
        "map(x => x)",
        "filter(x => true)",
        "take(5)",
        "drop(0)",
        "flatMap(x => [x])",
    ] {
        for use_it in [
            "it.next()",
            "[...it]",
            "it.toArray()",
            "for (const x of it);",
            "it.reduce((a, b) => a, 0)",
        ] {
            let code = format!(
                "let it = [1].values(); for (let i = 0; i < 50000; i++) it = it.{step};
                 try {{ {use_it}; 'done' }} catch (e) {{ e.name + ': ' + e.message }}"
            );
            assert_eq!(
                value_of(&code),
                "RangeError: Maximum call stack size exceeded",
                "{code}"
            );
            let code = code.replace("50000", "50");
            assert_ne!(
                value_of(&code),
                "RangeError: Maximum call stack size exceeded",
                "{code}"
            );
        }
    }
}

#[test]
fn loops_of_built_in_functions_end_at_the_time_limit_and_let_others_go_on() {
    let loops = [
        "const s = JSON.stringify(Array(20000).fill({ a: 1 })); for (;;) JSON.parse(s)",
        "const a = Array.from({ length: 20000 }, (_, i) => (i * 7919) % 20011); for (;;) a.slice().sort()",
        "const t = 'line of a log\\n'.repeat(40000); for (;;) t.split('\\n')",
        "const a = Array.from({ length: 200000 }, (_, i) => 'host' + i); for (;;) a.indexOf('x')",
        "const o = Array(20000).fill({ a: 1 }); for (;;) JSON.stringify(o)",
        "let o = {}; for (let i = 0; ; i++) o = { ...o, [i]: i }",
    ];
    let neighbour = Script::new(
        "neighbour.js",
        "let worst = 0, last = Date.now(), left = 10;
         new Promise((done) => { const tick = () => {
             worst = Math.max(worst, Date.now() - last - 10); last = Date.now();
             if (--left > 0) setTimeout(tick, 10); else done(worst);
         }; setTimeout(tick, 10); })",
    );
    let limits = Limits::default().timeout(Duration::from_millis(500));
    for code in loops {
        let engine = Engine::builder().workers(1).build();
        let begun = Instant::now();
        let hostile = engine.run(
            Script::new("loop.js", code),
            RunOptions::new().limits(limits),
        );
        let late = engine.run(neighbour.clone(), RunOptions::new()).wait();
        let late = late.result.unwrap().as_f64().unwrap();
        assert!(
            late < 300.0,
            "{code}: the neighbour's timer was {late} ms late"
        );
        let error = hostile.wait().result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TimedOut, "{code}");
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{code}: {:?}",
            begun.elapsed()
        );
    }
}
