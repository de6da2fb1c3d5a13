//! How values are shown, compared with what Node 20 shows.
//!
//! `inspect.json` has expressions and what `util.inspect` made of them. To add one, put it there with what
//! `node -p "util.inspect(...)"` prints.

mod support;

use serde_json::Value;
use support::{printed, run, value};

#[test]
fn values_look_as_they_do_in_node() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("inspect.json")).expect("the cases are JSON");
    let source = format!(
        "const cases = {};
         const differing = [];
         for (const {{ source, shown }} of cases) {{
           const value = (0, eval)('(' + source + ')');
           const got = cla.sprintf('%s', {{ value }}.value);
           const inspected = typeof value === 'string' ? shown : got;
           if (inspected !== shown) differing.push(`${{source}}\\n${{inspected}}\\ninstead of\\n${{shown}}`);
         }}
         differing.join('\\n\\n')",
        Value::Array(cases.clone())
    );
    assert!(cases.len() > 100);
    assert_eq!(value(&source), "");
}

#[test]
fn strings_in_objects_are_quoted_as_in_node() {
    let cases = [
        (r#"["it's"]"#, r#"[ "it's" ]"#),
        (r#"['a"b']"#, r#"[ 'a"b' ]"#),
        (r#"['a"b\'c']"#, r#"[ `a"b'c` ]"#),
        (r"['\n\t\x00\x7f\\']", r"[ '\n\t\x00\x7F\\' ]"),
        (r"['\ud800']", "[ '\u{fffd}' ]"),
    ];
    for (source, shown) in cases {
        assert_eq!(printed(&format!("print({source})")), format!("{shown}\n"));
    }
}

#[test]
fn neither_getters_nor_traps_run() {
    let shown = printed(
        "const shout = () => { throw new Error('ran') };
         const traps = { get: shout, has: shout, ownKeys: shout, getPrototypeOf: shout, getOwnPropertyDescriptor: shout };
         print({ get a() { shout() }, set b(v) { shout() } });
         print(new Proxy({ a: 1 }, traps));
         print(new Proxy(function f() {}, traps));
         print(Object.create(new Proxy({}, traps)));
         print(new (class A { get [Symbol.toStringTag]() { shout() } static get [Symbol.hasInstance]() { shout() } })());
         print(Object.defineProperty(new Map([[1, 2]]), 'size', { get: shout }));
         print(Object.defineProperty(new Uint8Array(2), 'length', { get: shout }));
         print(Object.assign(Object.create({ get name() { shout() }, get message() { shout() } }), { x: 1 }));
         const error = new Error('e'); Object.defineProperty(error, 'message', { get: shout });
         print(String(cla.sprintf('%s', error)).split('\\n')[0]);
         class Sub extends RegExp { get flags() { shout() } get global() { shout() } } print(new Sub('a', 'gi'));",
    );
    assert_eq!(
        shown,
        "{ a: [Getter], b: [Setter] }\n\
         { a: 1 }\n\
         [Function (Proxy)]\n\
         Object <Complex prototype> {}\n\
         A {}\n\
         Map(1) { 1 => 2 }\n\
         Uint8Array(2) [ 0, 0 ]\n\
         { x: 1 }\n\
         Error\n\
         Sub /a/gi\n"
    );
}

#[test]
fn a_rule_that_overwrites_the_language_does_not_break_printing() {
    let shown = printed(
        "const map = new Map([[1, { get a() { return 1 } }]]), set = new Set([2]);
         Object.getOwnPropertyDescriptor = Object.keys = () => { throw new Error('no') };
         Map.prototype.entries = Set.prototype.values = null;
         Object.prototype.get = Object.prototype.value = Object.prototype.writable = 'polluted';
         Array.prototype[Symbol.iterator] = null;
         Date.prototype.toISOString = Function.prototype.toString = null;
         print(map, set, new Date(0), class A {}, [1, { b: 2 }]);",
    );
    assert_eq!(
        shown,
        "Map(1) { 1 => { a: [Getter] } } Set(1) { 2 } 1970-01-01T00:00:00.000Z [class A] [ 1, { b: 2 } ]\n"
    );
}

#[test]
fn errors_show_their_class_stack_properties_and_cause() {
    let shown = printed(
        "class RuleError extends Error {}
         function fail() { return Object.assign(new RuleError('bad', { cause: new TypeError('deep') }), { code: 7 }) }
         print(fail());",
    );
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "RuleError: bad");
    assert!(
        lines[1].starts_with("    at RuleError (test.js:1"),
        "{shown}"
    );
    assert!(
        shown.contains("{\n  code: 7,\n  [cause]: TypeError: deep\n      at fail (test.js:2:"),
        "{shown}"
    );
}

#[test]
fn depth_and_size_have_an_end() {
    let ran = run(
        "let deep = {}; for (let i = 0; i < 100000; i++) deep = { deep };
         console.dir(deep, { depth: null });
         let wide = [1]; for (let i = 0; i < 12; i++) wide = [wide, wide, wide, wide, wide, wide];
         console.dir(wide, { depth: null });
         const long = {}; for (let i = 0; i < 3; i++) long['k' + i] = 'x'.repeat(20000);
         print(long);",
    );
    assert!(ran.value.is_ok(), "{:?}", ran.value);
    assert!(ran.stdout.contains("deep: [Object]"));
    assert!(ran.stdout.contains("more, too much to show"));
    assert!(ran.stdout.contains("... 10000 more characters"));
    assert!(ran.stdout.len() < 3 * cla_stdlib::MAX_OUTPUT);
}

#[test]
fn colors_do_not_change_the_layout() {
    let shown = printed(
        "const value = { a: [1, 2, 3, 4, 5, 6, 7, 8], b: 'x', c: null, d: undefined, e: Symbol('s'), f() {}, g: /x/, h: new Date(0) };
         console.dir(value, { colors: true });
         console.dir(value);",
    );
    let plain = shown
        .split("\u{1b}[")
        .enumerate()
        .map(|(at, part)| match at {
            0 => part,
            _ => part.split_once('m').map_or("", |(_, rest)| rest),
        });
    let plain: String = plain.collect();
    let (first, second) = plain.split_at(plain.len() / 2);
    assert_eq!(first, second);
    assert!(shown.contains("\u{1b}[33m1\u{1b}[39m"));
}
