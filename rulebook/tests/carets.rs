//! What is marked in a rulebook when its JavaScript fails: `⟦` and `⟧` stand around it, and are taken out before it runs.

#![cfg(feature = "typescript")]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use cla_runtime::{RuleError, RunOptions, Script};
use cla_tests::engine::with_library;

/// Line and column from 1, the column in characters, and what is marked.
fn wanted(marked: &str) -> (String, (u32, u32, String)) {
    let (before, rest) = marked.split_once('⟦').unwrap();
    let (inside, after) = rest.split_once('⟧').unwrap();
    let line = before.matches('\n').count() as u32 + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let at = (line, last.chars().count() as u32 + 1, inside.to_owned());
    (format!("{before}{inside}{after}"), at)
}

fn found(error: &RuleError) -> (u32, u32, String) {
    let (Some(at), Some(snippet)) = (&error.location, &error.snippet) else {
        return (0, 0, format!("no place: {error}"));
    };
    let shown = snippet.text.chars().skip(snippet.column as usize - 1);
    let shown = shown.take(snippet.length as usize).collect();
    (at.line, at.column, shown)
}

fn ran(text: &str) -> RuleError {
    let script = Script::new("book.yml", text);
    let report = with_library().run(script, RunOptions::new()).wait();
    report.result.map(drop).expect_err(text)
}

fn checked(text: &str) -> RuleError {
    let found = cla_rulebook::check_text("book.yml", text);
    let first = found.into_iter().next();
    first
        .unwrap_or_else(|| panic!("{text}: nothing found"))
        .error
}

/// Its name, and what it says of a source.
type Judge = (&'static str, fn(&str) -> RuleError);

/// What each judge says of each source, on the first lines of a file and further down.
#[track_caller]
fn all(cases: &[&str], judges: &[Judge]) {
    let mut wrong = String::new();
    for case in cases {
        for before in ["", "# ☕ a comment\n\n"] {
            let (text, at) = wanted(&format!("{before}{case}"));
            for (name, judge) in judges {
                let error = judge(&text);
                let is = found(&error);
                if is != at {
                    wrong.push_str(&format!(
                        "{name}: {before}{case}\n  wanted {at:?}\n  is     {is:?}: {}\n",
                        error.message
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_failed_is_marked_where_it_stands() {
    all(
        &[
            // in one line
            "- js: ⟦null.a⟧",
            "- js: const o = {}; ⟦o.nope⟧(1, o)",
            "- {js: 'const o = {}; ⟦o.nope⟧(1, o)'}",
            "- when: ⟦stash.nope⟧(1) > 2\n  echo: x",
            "- {when: ⟦stash.nope⟧(1), echo: x}",
            "- echo: a {{ ⟦stash.a.b⟧ }} b",
            "- echo: ☕ {{ 1 }} {{ ⟦stash.a.b⟧ }}",
            "- {echo: '☕ {{ 1 }}', name: 'x {{ ⟦stash.a.b⟧ }}'}",
            "- if: ⟦stash.a.b⟧ > 1\n  then: []",
            "- foreach: ⟦stash.f⟧()\n  do: []",
            "- while: ⟦stash.f⟧()\n  do: []",
            "- until: ⟦stash.f⟧()\n  do: []",
            "- assert: ⟦stash.f⟧()",
            "- a =: '{{ ⟦stash.f⟧() }}'",
            "do: throw ⟦new RangeError⟧('no')",
            // several in one line
            "- {when: 1 > 0, js: ⟦stash.f⟧(), timeout: 5}",
            "- echo: [a, '{{ 1 }}', '{{ ⟦stash.f⟧() }}']",
            // quotes and their escapes
            "- js: 'const a = ''x''; ⟦stash.f⟧(a)'",
            "- js: \"const a = \\\"x\\\"; ⟦stash.f⟧(a)\"",
            "- js: \"const a = '\\u2615\\t\\x41'; ⟦stash.f⟧(a)\"",
            "- js: \"const a = 1;\\n const b = 2;\\n ⟦stash.f⟧(a)\"\n- js: a\n- js: b\n- js: c",
            "- echo: \"\\\"{{ ⟦stash.a.b⟧ }}\\\"\"",
            "- echo: 'it''s {{ ⟦stash.a.b⟧ }}'",
            // several lines
            "- js: |\n    const a = 1;\n    const t = `\n    x`;\n    ⟦stash.f⟧(a);\n- js: five",
            "- js: |2\n    const a = 1;\n      ⟦stash.f⟧(a);",
            "- js: |\n\n    const a = 1;\n    ⟦stash.f⟧(a);",
            "- js: >\n    const a = 1;\n    const b = a;\n    ⟦stash.f⟧(a)",
            "- js: >-\n    const a = 1;\n\n    const b = a;\n\n    ⟦stash.f⟧(a)\n- js: seven",
            "- js: const a = 1;\n    const b = a;\n    ⟦stash.f⟧(a)",
            "- js: 'const a = 1;\n    const b = ''x'';\n\n    ⟦stash.f⟧(a)'\n- js: three",
            "- js: \"const a = 1;\n    const b = \\\"x\\\"; \\\n    ⟦stash.f⟧(a)\"",
            "- echo: |\n    a {{ 1 }}\n    b {{ ⟦stash.a.b⟧ }}",
            "- echo: |\n    a {{ 1 +\n      ⟦stash.a.b⟧ }}",
            "- echo: >\n    a {{ 1 }}\n    b {{ ⟦stash.a.b⟧ }}",
            // flow style over several lines
            "- {js: 'const a = 1;', name: x}\n- {\n    js: ⟦stash.f⟧(),\n    name: y}",
            "[{echo: x}, {js: 'const a = 1; ⟦stash.f⟧(a)'}, {js: 'stash.g()'}]",
            // statements whose last value counts
            "- echo: '{{ const a = 1; ⟦stash.f⟧(a) }}'",
            "- echo: '{{ stash.b = 1; ⟦stash.f⟧(1) }}'",
            // functions
            "- js: |\n    const f = x => ⟦x.a.b⟧;\n    f({})",
            "- js: await Promise.reject(⟦new TypeError⟧('x'))",
            // names
            "- js: const a = 1; ⟦nope⟧ + a",
            "- js: |\n    const a = 1;\n    a + ⟦nope⟧",
            "- when: 1 < ⟦nope⟧\n  echo: x",
            "- set: {a: '{{ 1 + ⟦nope⟧ }}'}",
        ],
        &[("run", ran)],
    );
}

#[test]
fn what_does_not_parse_is_marked_where_it_stands_in_a_check_and_in_a_run() {
    all(
        &[
            "- js: 1 +⟦*⟧ 2",
            "- when: a⟦ ⟧b\n  echo: x",
            "- echo: '{{ [1, 2⟦)⟧ }}'",
            "- js: \"const a = \\\"x\\\"; 1 +⟦*⟧ 2\"",
            "- js: |\n    const a = 1;\n    a +⟦*⟧ 2",
            "- js: >\n    const a = 1;\n    a +⟦*⟧ 2",
            "- {when: 1, js: 'f(⟦;⟧)'}",
        ],
        &[("check", checked), ("run", ran)],
    );
}
