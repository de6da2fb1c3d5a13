//! Calls every function that a rule can reach with odd values: each call gives something or throws, and nothing panics.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RunOptions, Script};
use cla_tests::output::Discarded;
use serde_json::{Value, json};

/// How long the calls of one function may take: those that wait end by this limit.
const LIMIT: Duration = Duration::from_millis(400);

/// How many functions are called at once.
const AT_ONCE: usize = 16;

/// Finds the functions below a value: paths of property names, ending in `get` or `set` for accessors.
const FIND: &str = r#"
    const found = [], seen = new Set();
    const visit = (value, path) => {
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
        if (typeof value === 'function') found.push(path);
        if (seen.has(value) || path.length > 6) return;
        seen.add(value);
        for (const key of Reflect.ownKeys(value)) {
            if (typeof key === 'symbol' || (key === 'constructor' && path.length)) continue;
            const { get, set, value: inner } = Object.getOwnPropertyDescriptor(value, key);
            if (get || set) {
                if (get) found.push([...path, key, '(get)']);
                if (set) found.push([...path, key, '(set)']);
                if (path.length) continue;
                // A global that is made when it is first named.
                try { visit(value[key], [...path, key]) } catch { }
                continue;
            }
            visit(inner, [...path, key]);
        }
    };
    visit(ROOT, []);
    found"#;

/// Calls one function with each odd value, alone and in the company of others.
const CALL: &str = r#"
    let at = ROOT;
    for (const key of PATH) {
        if (key === '(get)' || key === '(set)') at = last[key.slice(1, 4)];
        else {
            var last = Object.getOwnPropertyDescriptor(at, key);
            at = last.get ? (() => { try { return at[key] } catch { } })() : last.value;
        }
    }
    const f = at;
    const apply = Reflect.apply, construct = Reflect.construct;
    const circular = {}; circular.self = circular;
    const detached = new ArrayBuffer(8); detached.transfer();
    const revoked = Proxy.revocable({}, {}); revoked.revoke();
    const thrower = () => { throw new Error('odd') };
    const odd = [
        undefined, null, true, false, 0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 53, 1e300, 10n, -(2n ** 70n),
        '', 'x', 'a\0b', '\ud800', '../x', 'redis://x', 'x'.repeat(10000), Symbol('s'), Symbol.iterator, {}, [], [1, [2]],
        circular, Object.create(null), () => 1, thrower, class A { }, new Date(NaN), /x/g, new Map([[{}, 1]]), new Set([NaN]),
        new Uint8Array(8), detached, new Proxy({}, { get: thrower }), revoked.proxy, { get x() { throw 1 } }, { then(done) { done(1) } },
        { toString: thrower, valueOf: thrower }, new Error('odd'),
    ];
    let calls = 0;
    for (const value of odd) {
        for (const [self, ...given] of [[undefined, value], [value], [value, value, value], [{}, 'x', value], [last?.value, value, 'x', value]]) {
            try { const r = apply(f, self, given); if (r instanceof Promise) r.catch(() => { }) } catch { }
            calls++;
        }
        try { construct(f, [value, value]) } catch { }
    }
    calls"#;

#[test]
fn every_function_stands_odd_values() {
    // Some make and remove files of the names that they are given, also in the folder above.
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::env::set_current_dir(inner).unwrap();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(2)
        .limits(Limits::default().timeout(LIMIT).memory(48 << 20))
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let start = |code: String| {
        let options = RunOptions::new().output(Arc::new(Discarded));
        engine.run(Script::new("walk.js", code), options)
    };
    let mut roots = vec!["globalThis".to_owned()];
    // Modules of the library's own are nobody's to import.
    let public = cla_stdlib::modules()
        .chain(cla_rulebook::modules())
        .filter(|name| !name.ends_with("/native"));
    roots.extend(public.map(|name| format!("require('{name}')")));
    let mut calls = Vec::new();
    let mut known = HashSet::new();
    for root in &roots {
        let found = start(FIND.replace("ROOT", root)).wait().result;
        let found = found.unwrap_or_else(|error| panic!("{root}: {error}"));
        for path in found.as_array().unwrap() {
            // Aliases of a module are the same functions.
            if known.insert((root.clone(), path.to_string())) {
                calls.push((root.clone(), path.clone()));
            }
        }
    }
    assert!(
        calls.len() > 800,
        "only {} functions were found",
        calls.len()
    );
    let (mut ended, mut waited) = (0, 0);
    for some in calls.chunks(AT_ONCE) {
        let runs: Vec<_> = some
            .iter()
            .map(|(root, path): &(String, Value)| {
                let code = CALL
                    .replace("ROOT", root)
                    .replace("PATH", &path.to_string());
                (root, path, start(code))
            })
            .collect();
        for (root, path, run) in runs {
            match run.wait().result {
                Ok(calls) => ended += usize::from(calls.is_number()),
                Err(error) if error.kind == ErrorKind::Panic => {
                    panic!("{root} {path}: {error}")
                }
                Err(error) => {
                    waited += usize::from(error.kind == ErrorKind::TimedOut);
                }
            }
        }
    }
    // Most give an answer at once.
    assert!(
        ended > calls.len() / 2,
        "{ended} of {} ended, {waited} by the limit",
        calls.len()
    );
    let next = Engine::new().run(Script::new("next.js", "1"), RunOptions::new());
    assert_eq!(next.wait().result.unwrap(), json!(1));
}
