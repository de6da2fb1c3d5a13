//! What is found in rules without running them.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::path::PathBuf;

use cla_rulebook::{Finding, Severity, check, check_text};

/// Checks files with these texts; shortens what is found to severity, name, file and line.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let shorten = |finding: Finding| {
        let at = finding.error.location.unwrap();
        let file = PathBuf::from(at.file);
        let file = file.file_name().unwrap().to_str().unwrap().to_owned();
        let name = finding.error.name;
        format!(
            "{:?} {name} {file}:{}:{}",
            finding.severity, at.line, at.column
        )
    };
    findings(files).into_iter().map(shorten).collect()
}

fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect();
    check(&paths)
}

#[test]
fn mistakes_of_the_rulebook_are_all_found() {
    let book = "do:\n  - ecoh: hi\n  - greet: {}\ndef: {greet: {args: [who], do: []}}\n";
    assert_eq!(
        found(&[("a.yml", book)]),
        ["Error SyntaxError a.yml:2:5", "Error SyntaxError a.yml:3:5"]
    );
}

#[test]
fn javascript_that_does_not_parse_is_found_where_it_stands() {
    let book = "do:
  - when: 1 +* 2
    echo: '{{ [1, 2 }}'
  - do: |
      const a = 1;
      if (a { echo() }
  - n =: 0
  - while: n < 3
    do: [{do: 'n++; await later()'}]
";
    let found = found(&[("a.yml", book)]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].starts_with("Error SyntaxError a.yml:2:"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("Error SyntaxError a.yml:3:"),
        "{found:?}"
    );
    assert!(
        found[2].starts_with("Error SyntaxError a.yml:6:"),
        "{found:?}"
    );
}

#[test]
fn a_semaphore_of_one_slot_within_itself_is_a_deadlock_also_through_a_def() {
    let book = "do:
  - semaphore: x
    do:
      - semaphore: x
        do: []
      - inner:
      - semaphore: {key: x, slots: 2}
        do: []
      - semaphore: {key: x, timeout: 1s}
        do: []
      - parallel: leave
        semaphore: x
        do: []
      - semaphore: y
        do: []
  - semaphore: x
    do: []
def:
  inner: {do: [{semaphore: x, do: []}]}
";
    assert_eq!(
        found(&[("a.yml", book)]),
        ["Error Deadlock a.yml:4:20", "Error Deadlock a.yml:19:28"]
    );
}

#[test]
fn a_def_that_calls_itself_within_its_semaphore_is_a_deadlock() {
    let book = "do: [again: ]\ndef: {again: {do: [{semaphore: x, do: [again: ]}]}}\n";
    assert_eq!(found(&[("a.yml", book)]), ["Error Deadlock a.yml:2:32"]);
    let harmless = "do: [again: ]\ndef: {again: {do: [{semaphore: x, do: []}, again: ]}}\n";
    assert_eq!(found(&[("a.yml", harmless)]), [""; 0]);
}

#[test]
fn defs_and_aliases_that_multiply_take_neither_time_nor_memory() {
    let mut book = "do: [f0: ]\ndef:\n".to_owned();
    for nth in 0..40 {
        let next = nth + 1;
        let body = format!("[f{next}: , {{semaphore: s{nth}, do: [f{next}: ]}}]");
        book += &format!("  f{nth}: {{do: {body}}}\n");
    }
    book += "  f40: {do: []}\n";
    assert_eq!(check_text("a.yml", &book).len(), 0);

    let (begin, end) = ("[{do: ".repeat(25), "}]".repeat(25));
    let deep = |nth| format!("  f{nth}: {{do: {begin}[f{}: ]{end}}}\n", nth + 1);
    let defs: String = (0..1000).map(deep).collect();
    let book = format!("do: [f0: ]\ndef:\n{defs}  f1000: {{do: []}}\n");
    assert_eq!(check_text("a.yml", &book).len(), 0);

    let text = "x".repeat(1500);
    let times = |alias: &str| vec![alias; 80].join(", ");
    let (a, b) = (times("*a"), times("*b"));
    let book = format!("vars: {{a: &a {text}, b: &b [{a}], c: [{b}]}}\ndo: []\n");
    let findings = check_text("a.yml", &book);
    assert!(
        findings[0].error.message.contains("200000 values"),
        "{findings:?}"
    );
}

#[test]
fn semaphores_taken_in_opposite_orders_are_found_across_files() {
    let one = "do: [{semaphore: x, do: [{semaphore: y, do: []}]}]";
    let other = "do: [{semaphore: y, do: [{semaphore: x, do: []}]}]";
    assert_eq!(found(&[("a.yml", one), ("b.yml", one)]), [""; 0]);
    assert_eq!(
        found(&[("a.yml", one), ("b.yml", other)]),
        ["Warning Order a.yml:1:38", "Warning Order b.yml:1:38"]
    );
    let message = &findings(&[("a.yml", one), ("b.yml", other)])[0]
        .error
        .message;
    assert!(
        message.starts_with(r#"this takes "y" while it holds "x", and "#),
        "{message}"
    );
    let end = "b.yml:1 takes them in the opposite order: each may wait for the other";
    assert!(message.ends_with(end), "{message}");
}

#[test]
fn variables_that_nothing_sets_are_told() {
    let book = "
vars: {a: 1}
def: {greet: {args: [who], do: [{echo: '${who}'}]}}
on: {pushed: [{echo: '${branch}'}]}
do:
  - b =: '${a}'
  - out = shell: ls
  - do: later = 1; count++
  - foreach: [1]
    do: [{echo: '${it} ${b} ${out.rc} ${later} ${count}'}]
  - try: [{fail: x}]
    catch: [{echo: '${error_message}'}]
  - echo: 'hello ${nobody.name}'
";
    assert_eq!(found(&[("a.yml", book)]), ["Warning Unset a.yml:13:20"]);
}

#[test]
fn scripts_are_parsed_and_what_cannot_be_read_is_told() {
    let ts = "export default (n: number) => n +* 1;\n";
    assert_eq!(found(&[("a.ts", ts)]), ["Error SyntaxError a.ts:1:34"]);
    assert_eq!(
        found(&[
            ("a.js", "const x = 1;\nx;\n"),
            ("b.mjs", "export default 1")
        ]),
        [""; 0]
    );
    assert_eq!(
        found(&[("a.cjs", "if (true) return;\nmodule.exports = 1;\n")]),
        [""; 0]
    );
    let json = findings(&[("a.json", "{}")]);
    assert!(json[0].error.message.contains("not a rule"), "{json:?}");
    let missing = check(&[PathBuf::from("no/such.yml")]);
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].severity, Severity::Error);
}

#[test]
fn a_text_is_checked_as_a_file_of_that_name_would_be() {
    for (name, text) in [
        (
            "a.yml",
            "do:\n  - semaphore: x\n    do: [{semaphore: x, ecoh: hi}]\n",
        ),
        (
            "a.yaml",
            "- semaphore: x\n  do: [{semaphore: x, do: 1 +* 2}]\n- echo: ${nobody}\n",
        ),
        (
            "a.yml",
            "- semaphore: a\n  do: [{semaphore: b, do: [{semaphore: a, do: []}]}]\n",
        ),
        ("a.ts", "export default (n: number) => n +* 1;\n"),
        ("a.cjs", "return return;\n"),
        ("a.json", "{}"),
        ("a.js", "print(1);\n"),
    ] {
        let plain = |finding: Finding| {
            let error = finding.error;
            let at = error.location.map(|at| (at.line, at.column));
            (finding.severity, error.name, error.help, at)
        };
        let of_file: Vec<_> = findings(&[(name, text)]).into_iter().map(plain).collect();
        let of_text = check_text(name, text);
        assert!(of_text.iter().all(|finding| {
            finding
                .error
                .location
                .as_ref()
                .is_none_or(|at| at.file == name)
        }));
        let of_text: Vec<_> = of_text.into_iter().map(plain).collect();
        assert_eq!(of_text, of_file, "{name}: {text}");
        assert_eq!(of_text.is_empty(), name == "a.js", "{name}: {text}");
    }
}

#[test]
fn no_file_is_read_for_a_text() {
    let name = "no/such/folder/a.yml";
    assert_eq!(check_text(name, "- echo: hi\n").len(), 0);
    let findings = check_text(name, "- ecoh: hi\n");
    assert_eq!(findings[0].error.location.as_ref().unwrap().file, name);
}

/// The line and the column of the one thing that is found in a rulebook.
fn place(book: &str) -> (u32, u32) {
    let findings = check_text("a.yml", book);
    assert_eq!(findings.len(), 1, "{book}: {findings:?}");
    let at = findings[0].error.location.as_ref().unwrap();
    (at.line, at.column)
}

#[test]
fn what_is_missing_at_the_end_is_missed_in_the_last_line() {
    assert_eq!(place("[\t"), (1, 3));
    assert_eq!(place("- {echo: hi,"), (1, 13));
    assert_eq!(place(":\t:\t>\ninf"), (2, 4));
    assert_eq!(place(""), (1, 1));
}

#[test]
fn a_carriage_return_ends_a_line() {
    assert_eq!(place("# one\r# two\r- ecoh: hi\r"), (3, 3));
    assert_eq!(place("- echo: hi\r\n- ecoh: hi\r\n"), (2, 3));
    let findings = check_text("a.yml", "# one\r# two\r- ecoh: hi\r");
    assert_eq!(
        findings[0].error.snippet.as_ref().unwrap().text,
        "- ecoh: hi"
    );
}

#[test]
fn other_line_ends_of_javascript_are_none_in_a_rulebook() {
    let findings = check_text("a.yml", "- echo: one\u{2028}two\n- ecoh: hi\n");
    assert_eq!(findings[0].error.location.as_ref().unwrap().line, 2);
    assert_eq!(
        findings[0].error.snippet.as_ref().unwrap().text,
        "- ecoh: hi"
    );
}

#[test]
fn holes_in_texts_of_several_lines_are_found_in_their_lines() {
    assert_eq!(place("- echo: one\n    two ${three\n"), (2, 9));
    assert_eq!(
        place("- echo: 'one\n\n\n    two\n    three ${four'\n"),
        (5, 11)
    );
    assert_eq!(place("- echo: \"one\n    two ${}\"\n"), (2, 9));
    assert_eq!(
        place("- echo: >\n    one\n    two\n\n    three ${4}\n"),
        (5, 11)
    );
    assert_eq!(place("- echo: |2\n     one ${2}\n"), (2, 10));
    assert_eq!(place("- echo: \"\\x41\n    ${a\"\n"), (2, 5));
    assert_eq!(place("- echo: \"\\x41\\n\\u00e4 ${a\"\n"), (1, 23));
}

#[test]
fn empty_lines_at_the_beginning_of_a_block_count() {
    assert_eq!(place("- echo: |\n\n\n    one ${\n"), (4, 9));
    assert_eq!(place("- echo: >\n\n    one\n    two ${\n"), (4, 9));
    assert_eq!(place("- js: |\n\n    a = 1;\n    b = = 2;\n"), (4, 9));
    assert_eq!(place("- echo: &x |\n\n    one ${\n"), (3, 9));
    let deep = "[".repeat(50_000);
    assert_eq!(place(&format!("- js: |\n\n    {deep}\n")), (3, 5));
    assert_eq!(place("- echo: |\n    | one ${\n"), (2, 11));
}

#[test]
fn an_anchor_and_a_tag_come_before_the_text() {
    assert_eq!(place("- echo: &x one ${\n"), (1, 16));
    assert_eq!(place("- echo: &x !!str 'one ${'\n"), (1, 23));
    assert_eq!(place("- echo: &x |\n    one ${\n"), (2, 9));
    assert_eq!(place("- echo: !!str # why\n    &x\n    one ${\n"), (3, 9));
    assert_eq!(place("- js: &x |\n    a = 1;\n    b = = 2;\n"), (3, 9));
}

#[test]
fn javascript_that_does_not_keep_its_lines_is_found_in_that_of_the_file() {
    assert_eq!(place("- do: >\n    a = 1;\n\n    b = = 2;"), (4, 9));
    assert_eq!(place("- do: >\n\n    a = = 1;\n"), (3, 9));
    assert_eq!(place("- do: \"a = 1;\\n\\n\\nb = = 2\""), (1, 24));
    assert_eq!(
        place("- do: \"a = 1;\\n\\nb = = 2\"\n# two\n# three"),
        (1, 22)
    );
}

#[test]
fn a_take_of_something_else_is_no_semaphore() {
    let twice = "list.take('a', () => list.take('a', () => 1))";
    assert_eq!(check_text("a.js", twice).len(), 0);
    let semaphore = format!("const list = require('cla/sem'); {twice}");
    assert_eq!(check_text("a.js", &semaphore).len(), 1);
}

#[test]
fn takes_within_takes_are_looked_at_in_scripts_too() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let one = write(
        "one.js",
        "const sem = require('cla/sem');\nsem.take('db', () => {\n  sem.take('db', () => 1);\n  sem.take('net', () => 2);\n});\n",
    );
    let two = write(
        "two.yml",
        "do:\n- semaphore: net\n  do:\n  - semaphore: db\n    echo: x\n",
    );
    let found = cla_rulebook::check(&[one, two]);
    let told: Vec<_> = found
        .iter()
        .map(|finding| {
            let at = finding.error.location.as_ref().unwrap();
            (
                finding.severity,
                finding.error.name.as_str(),
                at.line,
                at.column,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Severity::Error, "Deadlock", 3, 12),
            (Severity::Warning, "Order", 4, 12),
            (Severity::Warning, "Order", 4, 16),
        ]
    );
    assert!(
        found[0].error.message.contains("line 2 holds around it"),
        "{}",
        found[0].error.message
    );
    assert!(
        found[1].error.message.contains("two.yml:4"),
        "{}",
        found[1].error.message
    );
}

/// What is found in the first of these files.
fn deadlocks(files: &[(&str, &str)]) -> Vec<String> {
    let told = findings(files).into_iter().map(|finding| {
        let at = finding.error.location.unwrap();
        let file = PathBuf::from(at.file);
        let file = file.file_name().unwrap().to_str().unwrap().to_owned();
        format!("{file}:{}:{} {}", at.line, at.column, finding.error.message)
    });
    told.collect()
}

#[test]
fn a_slot_that_a_called_rule_takes_again_is_a_deadlock() {
    let outer = "do:\n  - semaphore: A\n    do:\n      - call: inner.yml\n";
    let inner = "do:\n  - echo: x\n  - semaphore: A\n    echo: in\n";
    assert_eq!(
        deadlocks(&[("outer.yml", outer), ("inner.yml", inner)]),
        [
            "outer.yml:4:9 this calls inner.yml, which waits in line 3 for the one slot of semaphore \"A\", while line 2 \
             holds it around the call: it can never go on"
        ]
    );
    // Through a rule that takes nothing, and by a fork that is joined.
    let outer = "do:\n  - semaphore: A\n    do:\n      - parallel: wait\n        call: {file: ./middle.yml}\n";
    let middle = "do:\n  - if: 'true'\n    then:\n      - call: inner.yml\n";
    assert_eq!(
        deadlocks(&[
            ("outer.yml", outer),
            ("middle.yml", middle),
            ("inner.yml", inner)
        ]),
        [
            "outer.yml:5:9 this calls ./middle.yml, which calls inner.yml in line 4, which waits in line 3 for the one slot \
             of semaphore \"A\", while line 2 holds it around the call: it can never go on"
        ]
    );
    // A called script, and what it exports as its semaphore.
    let script = "export const semaphore = 'A';\nexport default () => 1;\n";
    let outer = "do:\n  - semaphore: A\n    do:\n      - call: inner.js\n";
    let told = deadlocks(&[("outer.yml", outer), ("inner.js", script)]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("inner.js, which waits in line 1"),
        "{told:?}"
    );
}

#[test]
fn what_a_called_rule_takes_that_can_go_on_is_none() {
    let inner = |take: &str| format!("do:\n  - {take}\n    echo: in\n");
    let outer = |call: &str| format!("do:\n  - semaphore: A\n    do:\n      - {call}\n");
    let fine = [
        (
            outer("call: inner.yml"),
            inner("semaphore: {key: A, slots: 2}"),
        ),
        (
            outer("call: inner.yml"),
            inner("semaphore: {key: A, timeout: 1s}"),
        ),
        (outer("call: inner.yml"), inner("semaphore: '${config.A}'")),
        (outer("call: inner.yml"), inner("name: A")),
        (
            outer("call: '${file}.yml'")
                .replace("do:\n  - sem", "vars: {file: inner}\ndo:\n  - sem"),
            inner("semaphore: A"),
        ),
        (
            outer("call: '${missing}.yml'")
                .replace("do:\n  - sem", "vars: {missing: x}\ndo:\n  - sem"),
            inner("semaphore: A"),
        ),
        (
            outer("{parallel: leave, call: inner.yml}"),
            inner("semaphore: A"),
        ),
        (
            "do:\n  - semaphore: A\n    echo: x\n  - call: inner.yml\n".to_owned(),
            inner("semaphore: A"),
        ),
    ];
    for (outer, inner) in &fine {
        assert_eq!(
            found(&[("outer.yml", outer), ("inner.yml", inner)]),
            [""; 0],
            "{outer}\n{inner}"
        );
    }
    // Rules that call each other without end are each looked at once.
    let a = "do:\n  - semaphore: A\n    call: b.yml\n";
    let b = "do:\n  - call: a.yml\n";
    let told = deadlocks(&[("a.yml", a), ("b.yml", b)]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "a.yml:3:5 this calls b.yml, which calls a.yml in line 2, which waits in line 2"
        ),
        "{told:?}"
    );
}

#[test]
fn opposite_orders_are_found_through_calls() {
    let one = "do:\n  - semaphore: x\n    call: takes-y.yml\n";
    let takes = "do: [{semaphore: y, echo: in}]";
    let other = "do: [{semaphore: y, do: [{semaphore: x, do: []}]}]";
    assert_eq!(
        found(&[
            ("one.yml", one),
            ("takes-y.yml", takes),
            ("other.yml", other)
        ]),
        ["Warning Order one.yml:3:5", "Warning Order other.yml:1:38"]
    );
}

#[test]
fn what_a_call_of_a_rule_would_be_refused_for_is_found() {
    let called = "do: []\non: {closed: []}\n";
    let broken = "- ecoh: hi\n";
    let script = "export default () => 1;\n";
    let judge = |call: &str| {
        let main = format!("- call: {call}\n");
        let files = [
            ("main.yml", main.as_str()),
            ("called.yml", called),
            ("only.yml", "on: {closed: []}\n"),
            ("script.js", script),
        ];
        let mut found = findings(&files);
        found.retain(|finding| finding.severity == Severity::Error);
        found
            .into_iter()
            .map(|finding| finding.error.message)
            .collect::<Vec<_>>()
            .join("; ")
    };
    for right in [
        "called.yml",
        "./called.yml",
        "script.js",
        "{file: called.yml, event: closed}",
        "{file: called.yml, event: '${event}'}",
        "'${file}'",
    ] {
        assert_eq!(judge(right), "", "{right}");
    }
    for (wrong, said) in [
        ("missing.yml", "cannot find module './missing.yml'"),
        (
            "{file: called.yml, event: opened}",
            "called.yml has no event \"opened\"; it has closed",
        ),
        ("only.yml", "only.yml has no `do`; call it with an `event`"),
        (
            "{file: script.js, event: closed}",
            "script.js does not export `on`",
        ),
    ] {
        assert!(judge(wrong).contains(said), "{wrong}: {}", judge(wrong));
    }
    let found = findings(&[("main.yml", "- call: broken.yml\n"), ("broken.yml", broken)]);
    assert!(
        found[0].error.message.contains("there is no op \"ecoh\""),
        "{found:?}"
    );
}

/// What an engine finds: rule, line, column and the first line of each.
fn found_by_engine(text: &str) -> Vec<String> {
    let engine = cla_tests::engine::with_library();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let script = cla_runtime::Script::new("book.yml", text);
    let found = runtime.block_on(engine.check(&script));
    let shown = found.into_iter().map(|finding| {
        let at = finding.error.location.unwrap();
        let message = finding.error.message;
        format!("{} {}:{} {message}", finding.rule, at.line, at.column)
    });
    shown.collect()
}

#[cfg(feature = "typescript")]
#[test]
fn javascript_in_a_rulebook_gets_the_hints_of_scripts() {
    let book = "do:
- js: |
    const sem = require('cla/sem');
    if (a = 1) { sem.tkae('x', () => 1) }
    return nopeFn(1);
    a + 1;
- when: stage = 'prod'
  echo: x
- js: \"const unread = 1;\\nstash.b = 2\"
- when: (stage = 'prod')
  echo: '{{ stash.c }}'
- js: \"stash.d = 1;\\nreturn stash.d;\\nstash.e = 1\"
";
    assert_eq!(
        found_by_engine(book),
        [
            "assignment-in-condition 4:9 this gives a value, and does not compare",
            "unknown-member 4:22 cla/sem has no tkae",
            "unset-variable 5:12 there is no function nopeFn",
            "unreachable-code 6:5 this never runs: line 5 leaves before it",
            "assignment-in-condition 7:9 this gives a value, and does not compare",
            "unused-variable 9:14 nothing reads the variable unread",
            "unreachable-code 12:39 this never runs: line 12 leaves before it",
        ]
    );
}

#[test]
fn what_is_too_deep_or_too_much_says_the_limit_and_the_way_out() {
    let mut blocks = String::from("do:\n");
    for level in 0..1000 {
        blocks.push_str(&format!("{}- do:\n", "  ".repeat(2 * level + 1)));
    }
    let mut loops = String::from("do:\n");
    for level in 0..1000 {
        let indent = "  ".repeat(2 * level + 1);
        loops.push_str(&format!("{indent}- foreach: [1]\n{indent}  do:\n"));
    }
    let brackets = |count: usize| format!("- echo: {}{}\n", "[".repeat(count), "]".repeat(count));
    let mut aliases = String::from("x-a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (name, before) in ('b'..='i').zip('a'..) {
        let many = vec![format!("*{before}"); 9].join(", ");
        aliases.push_str(&format!("x-{name}: &{name} [{many}]\n"));
    }
    aliases.push_str("do:\n- echo: *i\n");
    let deep = ("nested more than 64 levels deep", "`def`");
    let many = ("more than 200000 values", "foreach");
    for (text, (said, way_out)) in [
        (blocks, deep),
        (loops, deep),
        (brackets(1000), deep),
        (brackets(100_000), deep),
        ("- echo: x\n".repeat(100_000), many),
        (aliases, many),
    ] {
        let engine = cla_tests::engine::with_rulebooks();
        let script = cla_runtime::Script::new("book.yml", text.as_str());
        let ran = engine.run(script, cla_runtime::RunOptions::new()).wait();
        let planned = cla_rulebook::plan("book.yml", &text, None, &serde_json::Value::Null);
        let found = check_text("book.yml", &text);
        let errors = [
            ran.result.map(drop).unwrap_err(),
            planned.map(drop).unwrap_err(),
            found.into_iter().next().unwrap().error,
        ];
        for error in errors {
            let help = error.help.clone().unwrap_or_default();
            assert!(error.message.contains(said), "{error}");
            assert!(help.contains(way_out), "{help}");
        }
    }
}

#[test]
fn calls_that_are_deep_or_double_are_planned_in_bounds() {
    let mut book = String::from("def:\n");
    for nth in 0..1000 {
        let next = nth + 1;
        book.push_str(&format!(
            "  d{nth}: {{do: [{{d{next}: }}, {{d{next}: }}]}}\n"
        ));
    }
    book.push_str("  d1000: {do: []}\ndo: [{when: false, d0: }]\n");
    assert_eq!(check_text("book.yml", &book), []);
    let plan = cla_rulebook::plan("book.yml", &book, None, &serde_json::Value::Null).unwrap();
    let shown = serde_json::to_string(&plan).unwrap();
    assert!(shown.contains("deeper calls are not shown"));
    assert!(shown.matches("\"op\"").count() < 20_000);
}
