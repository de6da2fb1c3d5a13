//! `dumpYAML` and `loadYAML` of `cla/util`.

mod support;

use support::{thrown, value};

/// What `dumpYAML` makes of an expression.
fn dumped(expression: &str) -> String {
    let text = value(&format!("require('cla/util').dumpYAML({expression})"));
    text.as_str().expect("YAML is text").to_owned()
}

#[test]
fn data_are_written_for_people_to_read() {
    let text = dumped(
        "{ name: 'web', ports: [80, 443], hosts: [{ ip: '10.0.0.1', up: true }, { ip: null }], matrix: [[1, 2], []],
           empty: {}, notes: 'first\\nsecond\\n', more: 'no end\\nhere', 'a key: odd': 1 }",
    );
    assert_eq!(
        text,
        "name: web\n\
         ports:\n  - 80\n  - 443\n\
         hosts:\n  - ip: 10.0.0.1\n    up: true\n  - ip: null\n\
         matrix:\n  - - 1\n    - 2\n  - []\n\
         empty: {}\n\
         notes: |\n  first\n  second\n\
         more: |-\n  no end\n  here\n\
         'a key: odd': 1\n"
    );
}

#[test]
fn what_json_leaves_out_is_left_out() {
    assert_eq!(
        dumped("{ a: undefined, b() {}, c: Symbol('s'), d: [undefined, () => 1], e: new Date(0) }"),
        "d:\n  - null\n  - null\ne: '1970-01-01T00:00:00.000Z'\n"
    );
    assert_eq!(
        dumped("[{ a: undefined }, { b: { c: undefined } }]"),
        "- {}\n- b: {}\n"
    );
    assert_eq!(dumped("{ toJSON() { return [1] } }"), "- 1\n");
    assert_eq!(dumped("undefined"), "null\n");
}

#[test]
fn numbers_maps_and_sets_have_their_own_forms() {
    assert_eq!(
        dumped(
            "[NaN, Infinity, -Infinity, -0, 1e21, 123456789012345678901234567890n, new Number(5)]"
        ),
        "- .nan\n- .inf\n- -.inf\n- -0.0\n- 1e+21\n- 123456789012345678901234567890\n- 5\n"
    );
    assert_eq!(
        dumped("{ map: new Map([['k', 1], [2, new Set(['a'])]]), none: new Map() }"),
        "map:\n  k: 1\n  2:\n    - a\nnone: {}\n"
    );
}

#[test]
fn strings_come_back_as_they_were() {
    let same = value(
        r#"const util = require('cla/util');
        const strings = ['', ' ', 'yes', 'No', 'on', 'off', 'y', 'null', '~', 'Null', 'true', 'FALSE', '1', '-1', '1.5', '1e3', '.5',
          '0x1F', '0o7', '0b1', '1_000', '012', '12:30:45', '2001-12-14', '2001-12-14T21:59:43Z', '.inf', '-.INF', '.nan', '<<', '=',
          '- a', '-', '--', '---', '...', '? a', ': a', 'a: b', 'a:', 'a #b', '#a', 'a#b', '[a]', '{a}', '&a', '*a', '!a', '|', '>', "'a'", '"a"',
          '%a', '@a', '`a', 'a,b', 'a\nb', 'a\n', 'a\n\n', '\n', '\n\na', ' a\nb', 'a\n b\n', 'a\n\nb', 'a \nb', 'a\n  ', 'a\tb', '\ta', 'a\r\nb', 'a\rb',
          'é', '日本', '\u{1f600}', '\u0000', '\u007f', '\u0085', '\u2028', '\ufeff', 'a\\b', "it's", 'say "hi"', 'x'.repeat(2000), '1.2.3',
          'a: b\nc: d\n', '# a\nb', '--- a\nb', '\\n', 'line\n# no comment\n', 'key: |', "''", 'a\n\n\n'];
        const bad = [];
        for (const string of strings) {
          for (const value of [string, [string], { k: string }, { [string]: 1 }, [[string], { a: [string, { b: string }] }]]) {
            const text = util.dumpYAML(value);
            const back = util.loadYAML(text);
            if (JSON.stringify(back) !== JSON.stringify(value)) bad.push([value, text, back]);
          }
        }
        bad"#,
    );
    assert_eq!(same, serde_json::json!([]));
}

#[test]
fn plain_scalars_are_numbers_where_these_come_back_as_they_were_written() {
    assert_eq!(
        value(
            "require('cla/util').loadYAML('[null, ~, , true, False, 12, -7, 0x1F, 0o17, 1e3, 1.5, yes, no, 012, 1_000, 12:30, 2001-12-14]'.replace(', ,', ', ~,'))"
        ),
        serde_json::json!([
            null,
            null,
            null,
            true,
            false,
            12,
            -7,
            "0x1F",
            "0o17",
            "1e3",
            1.5,
            "yes",
            "no",
            "012",
            "1_000",
            "12:30",
            "2001-12-14"
        ])
    );
    assert_eq!(
        value(
            "require('cla/util').loadYAML('a: !!str 12\\nb: !!float 1\\nc: \"12\"\\nd: !mine 5\\ne:\\n')"
        ),
        serde_json::json!({ "a": "12", "b": 1, "c": "12", "d": 5, "e": null })
    );
    assert_eq!(
        value(
            "const { loadYAML } = require('cla/util'); [loadYAML('.inf'), loadYAML('-.Inf'), loadYAML('.nan'), loadYAML('')].map(String)"
        ),
        serde_json::json!(["Infinity", "-Infinity", "NaN", "null"])
    );
}

#[test]
fn aliases_share_their_object_and_merges_fill_gaps() {
    assert_eq!(
        value(
            "const data = require('cla/util').loadYAML('base: &b {x: 1, y: 2}\\nsame: *b\\nderived:\\n  <<: *b\\n  y: 3\\nmany: {<<: [{a: 1}, {a: 2, b: 3}]}');
             [data.base === data.same, data.derived, data.many]"
        ),
        serde_json::json!([true, { "y": 3, "x": 1 }, { "a": 1, "b": 3 }])
    );
}

#[test]
fn keys_never_reach_the_prototype() {
    assert_eq!(
        value(
            "const data = require('cla/util').loadYAML('__proto__: {polluted: 1}\\nconstructor: 2\\n1: one');
             [Object.keys(data), {}.polluted, data.polluted, Object.getPrototypeOf(data) === Object.prototype]"
        ),
        serde_json::json!([["1", "__proto__", "constructor"], null, null, true])
    );
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases = [
        ("util.loadYAML('a: [1\\nb: 2')", "at line 2, column"),
        (
            "util.loadYAML('a: 1\\na: 2')",
            "the key \"a\" is there twice at line 2, column 1",
        ),
        (
            "util.loadYAML('a: 1\\n---\\nb: 2')",
            "a second document starts; only one can be loaded at line 2, column 1",
        ),
        ("util.loadYAML('x: *nope')", "at line 1, column 4"),
        (
            "util.loadYAML('&a [*a]')",
            "the alias stands inside of what it names at line 1, column 5",
        ),
        (
            "util.loadYAML('? [a]\\n: b')",
            "a key must be no sequence or mapping at line 1, column 3",
        ),
        (
            "util.loadYAML('!!int x')",
            "\"x\" is no int at line 1, column",
        ),
        (
            "util.loadYAML('<<: 5')",
            "<< must name a mapping or a sequence of them",
        ),
    ];
    for (expression, message) in cases {
        let thrown = thrown(expression);
        assert!(
            thrown.starts_with("SyntaxError: util.loadYAML: "),
            "{thrown}"
        );
        assert!(thrown.contains(message), "{thrown}");
    }
    assert_eq!(
        thrown("util.loadYAML(5)"),
        "TypeError: util.loadYAML: text must be a string, not 5"
    );
}

#[test]
fn no_input_is_too_deep_or_too_long_to_refuse() {
    let cases = [
        ("util.loadYAML('['.repeat(1e5))", "SyntaxError: util.loadYAML: "),
        ("util.loadYAML('{a: '.repeat(1e5))", "SyntaxError: util.loadYAML: "),
        ("util.loadYAML('- '.repeat(1e5) + 'x')", "SyntaxError: util.loadYAML: nested more than 1000 levels deep"),
        (
            "let s = 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]\\n';
             for (let i = 1; i < 12; i++) s += `a${i}: &a${i} [${Array(10).fill('*a' + (i - 1)).join(', ')}]\\n`;
             util.loadYAML(s)",
            "SyntaxError: util.loadYAML: aliases stand for more than 1000000 values",
        ),
        (
            "let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep]; util.dumpYAML(deep)",
            "RangeError: util.dumpYAML: the value is nested more than 1000 levels deep",
        ),
        (
            "const circle = {}; circle.a = [circle]; util.dumpYAML(circle)",
            "TypeError: util.dumpYAML: the value contains itself",
        ),
        (
            "let wide = ['x'.repeat(1000)]; for (let i = 0; i < 40; i++) wide = [wide, wide]; util.dumpYAML(wide)",
            "RangeError: util.dumpYAML: more than 32 MiB of YAML",
        ),
        (
            "util.dumpYAML(new Map([[{}, 1]]))",
            "TypeError: util.dumpYAML: a key of a Map must be no object",
        ),
    ];
    for (expression, message) in cases {
        let thrown = thrown(expression);
        assert!(thrown.starts_with(message), "{thrown}");
    }
}
