//! What ops mean: loops within loops, what is tried again, what is caught, and what is said of mistakes.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;

use cla_runtime::{RuleError, RunOptions, Script};
use cla_tests::engine::with_library;
use cla_tests::output::Printed;
use serde_json::{Value, json};

fn run(book: &str) -> (Result<Value, RuleError>, String) {
    let output = Arc::new(Printed::default());
    let options = RunOptions::new().output(output.clone());
    let report = with_library()
        .run(Script::new("book.yml", book), options)
        .wait();
    (report.result, output.text())
}

#[track_caller]
fn value(book: &str) -> Value {
    let (result, _) = run(book);
    result.unwrap_or_else(|error| panic!("{book}\n{}", error.render(false)))
}

#[track_caller]
fn printed(book: &str) -> String {
    let (result, printed) = run(book);
    if let Err(error) = result {
        panic!("{book}\n{}", error.render(false));
    }
    printed
}

/// The first thing that a check finds, with its help; a run says the same.
#[track_caller]
fn refused(book: &str) -> (String, String) {
    let found = cla_rulebook::check_text("book.yml", book);
    let error = &found
        .first()
        .unwrap_or_else(|| panic!("{book}: check takes it"))
        .error;
    assert_eq!(
        run(book).0.expect_err(book).message,
        error.message,
        "{book}"
    );
    (
        error.message.clone(),
        error.help.clone().unwrap_or_default(),
    )
}

#[test]
fn a_loop_in_a_loop_keeps_the_item_of_the_outer_one() {
    let book = "
do:
- foreach: [a, b]
  do:
  - foreach: [1, 2]
    do: [{foreach: {x: y}, do: [{echo: '${it.key}'}]}, {echo: '${it}'}]
  - {foreach: [1], do: [{break: }]}
  - {foreach: [1], do: [{continue: }]}
  - matrix: {n: [3]}
    do: [{echo: '${it.n}'}]
  - try: [{foreach: [1], do: [{fail: no}]}]
    catch: [{echo: '${error_message} ${it}'}]
  - echo: ${it}
- foreach: {var: a, in: [1], do: [{foreach: {var: b, in: [2], do: [{echo: '${a}${b}'}]}}]}
";
    let turn = "x\n1\nx\n2\n3\n";
    assert_eq!(printed(book), format!("{turn}no a\na\n{turn}no b\nb\n12\n"));
}

#[test]
fn loops_are_left_and_go_on() {
    let book = "
vars: {n: 0}
do:
- foreach: [1, 2, 3, 4, 5]
  do:
  - {when: it === 2, continue: }
  - if: it === 4
    then: [{try: [{break: }], finally: [{echo: bye}]}]
  - echo: ${it}
- while: true
  do: [{do: n++}, {when: n < 3, continue: }, {do: [{break: }]}]
- until: n >= 6
  every: 1ms
  do: [{do: n++}]
- until: true
  do: [{echo: once}, {break: }]
- return: ${n}
";
    assert_eq!(printed(book), "1\n3\nbye\nonce\n");
    assert_eq!(value(book), 6);
    for book in [
        "do: [{break: }]",
        "do: [{when: true, continue: }]",
        "do: [{foreach: [1], do: [{parallel: wait, do: [{break: }]}]}]",
        "do: [{foreach: [1], parallel: 2, do: [{break: }]}]",
        "def: {a: {do: [{continue: }]}}\ndo: [{foreach: [1], do: [{a: }]}]",
    ] {
        assert!(refused(book).0.contains("stands in no loop"), "{book}");
    }
    assert!(
        refused("do: [{while: true, do: [{break: 2}]}]")
            .0
            .contains("takes nothing")
    );
}

#[test]
fn turns_run_beside_each_other_and_their_results_are_in_order() {
    let book = "
vars: {it: kept, pauses: [30, 1, 20, 2, 10]}
do:
- all = foreach: {var: n, in: pauses, parallel: 2, do: [{semaphore: {key: s, slots: 9}, sleep: '${n}ms'}, {return: '{{ n * 2 }}'}]}
- map = foreach: {in: {a: 1, b: 2}, parallel: 9, do: [{return: '${it.key}${it.value}'}]}
- foreach: [x, y]
  parallel: 1
  register: beside
  do: [{return: '${it}!'}]
- matrix: {os: [linux, mac], node: [20, 22]}
  parallel: 4
  register: matrix
  do: [{return: '${it.os}-${it.node}'}]
- return: ['${all}', '${map}', '${beside}', '${matrix}', '${it}']
";
    assert_eq!(
        value(book),
        json!([
            [60, 2, 40, 4, 20],
            ["a1", "b2"],
            ["x!", "y!"],
            ["linux-20", "linux-22", "mac-20", "mac-22"],
            "kept"
        ])
    );
    let book = "
do:
- foreach: [a, b, c]
  parallel: 3
  do: [{when: it === 'b', fail: no}, {sleep: 1h}]
";
    let error = run(book).0.unwrap_err();
    assert_eq!(error.message, "the turn \"b\" failed: no");
    for (book, message) in [
        (
            "do: [{foreach: [1], parallel: 0, do: []}]",
            "a whole number from 1",
        ),
        ("do: [{echo: a, parallel: 3}]", "for foreach and matrix"),
        ("do: [{matrix: [1], do: []}]", "a map of names and lists"),
        ("do: [{matrix: {a: 1}, do: []}]", "a map of names and lists"),
    ] {
        assert!(
            refused(book).0.contains(message),
            "{book}: {}",
            refused(book).0
        );
    }
}

#[cfg(unix)]
#[test]
fn a_command_whose_result_is_assigned_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("n");
    let book = format!(
        "
vars: {{f: {}}}
do:
- on_error: {{retry: 5}}
  out = shell: 'echo x >> ${{f}}; test $(wc -l < ${{f}}) = 3 && echo done'
- on_error: {{retry: 1}}
  register: again
  shell: 'test $(wc -l < ${{f}}) = 3'
- try: [{{on_error: {{retry: 2}}, lost = shell: 'exit 4'}}]
  catch: [{{return: ['${{out.output}}', '${{again.rc}}', '${{error.rc}}']}}]
",
        file.display()
    );
    assert_eq!(value(&book), json!(["done", 0, 4]));
}

#[test]
fn what_is_caught_is_what_was_thrown() {
    let book = "
do:
- set: {found: '{{ [] }}'}
- try: [{js: 'throw new RangeError(`far`)'}]
  catch: [{do: 'found.push(error instanceof RangeError, error.name, error_message)'}]
- try: [{fail: {code: 3, why: [a]}}]
  catch: [{do: 'found.push(error, error_message)'}]
- try: [{fail: 'plain ${found.length}'}]
  catch: [{do: 'found.push(error instanceof Error, error.message)'}]
- try: [{js: 'throw `text`'}]
  catch: [{do: 'found.push(error, error_message)'}]
- try:
  - semaphore: held
    do:
    - {parallel: wait, try: [{semaphore: {key: held, timeout: 10ms}, do: []}], catch: [{return: 1}]}
    - {try: [{semaphore: {key: other, slots: 0, timeout: 10ms}, do: []}],
       catch: [{do: 'found.push(error.name, error instanceof require(`cla/sem`).SemaphoreTimeoutError, error.semaphore)'}]}
  catch: []
- return: ${found}
";
    assert_eq!(
        value(book),
        json!([
            true, "RangeError", "far",
            {"code": 3, "why": ["a"]}, "{\"code\":3,\"why\":[\"a\"]}",
            true, "plain 5",
            "text", "text",
            "SemaphoreTimeoutError", true, "other",
        ])
    );
    let error = run("do: [{fail: {code: 3, message: the disk}}]")
        .0
        .unwrap_err();
    assert!(error.message.contains("the disk"), "{}", error.message);
    let error = run("do: [{fail: {code: 3}}]").0.unwrap_err();
    assert!(error.message.contains('3'), "{}", error.message);
    assert_eq!(error.location.unwrap().line, 1);
}

#[test]
fn what_is_thrown_again_has_failed_where_it_was_thrown_first() {
    let failed = |catch: &str| {
        let book = format!(
            "do:\n  - try:\n      - name: first\n        shell: exit 3\n    catch:\n      - {catch}\n"
        );
        let error = run(&book).0.unwrap_err();
        let frame = error.frames.first().map(|frame| frame.function.clone());
        let line = error.location.map(|at| at.line);
        (error.name, line, frame.flatten())
    };
    let first = ("ShellError".to_owned(), Some(4), Some("first".to_owned()));
    assert_eq!(failed("js: throw error"), first);
    assert_eq!(
        failed("try: [{fail: x}]\n        finally: [{echo: a}]").1,
        Some(6)
    );
    assert_eq!(failed("js: throw new Error('other')").1, Some(6));
}

#[test]
fn a_finally_that_fails_does_not_hide_why() {
    let (result, printed) = run("do:\n- try: [{fail: first}]\n  finally:\n  - fail: second\n");
    assert_eq!(result.unwrap_err().message, "first");
    assert!(
        printed.contains("the `finally` failed as well, in line 4: second"),
        "{printed}"
    );
    let (result, _) = run("do: [{try: [], finally: [{fail: second}]}]");
    assert_eq!(result.unwrap_err().message, "second");
    let book = "do: [{try: [{fail: a}], catch: [{fail: b}], finally: [{fail: c}]}]";
    assert_eq!(run(book).0.unwrap_err().message, "b");
}

#[test]
fn what_does_not_hold_fails() {
    assert_eq!(
        value("vars: {n: 3}\ndo: [{assert: n > 2}, {assert: '${n}', message: no}, {return: ok}]"),
        "ok"
    );
    let error = run("vars: {n: 3}\ndo:\n- assert: n > 5\n").0.unwrap_err();
    assert_eq!(error.message, "this does not hold: n > 5");
    assert_eq!(error.location.unwrap().line, 3);
    let error = run("vars: {n: 3}\ndo: [{assert: n > 5, message: 'only ${n}'}]")
        .0
        .unwrap_err();
    assert_eq!(error.message, "only 3");
}

#[test]
fn maps_are_merged_tags_are_known_and_anchors_have_a_place() {
    let book = "
x-parts:
  a: &a {one: 1, both: a}
  b: &b {two: 2, both: b}
x-more: [&c {three: 3}]
vars:
  all: {<<: [*a, *b, *c], own: 4}
  single: {<<: *b}
  text: !!str 5
  number: !!int 007
  float: !!float 1.0
  list: !!seq [1]
  map: !!map {a: !!null null, b: !!bool true}
do:
- return: ['${all}', '${single}', '${text}', '${number}', '${float}', '${list}', '${map}']
";
    assert_eq!(
        value(book),
        json!([
            {"one": 1, "both": "a", "two": 2, "three": 3, "own": 4},
            {"two": 2, "both": "b"}, "5", 7, 1, [1], {"a": null, "b": true}
        ])
    );
    for (text, message) in [
        ("!env X", "there is no tag !env"),
        ("!!binary aGk=", "there is no tag !!binary"),
        ("!!int x", "is no int"),
        ("!!float [1]", "there is no tag !!float"),
        ("!x {a: 1}", "there is no tag !x"),
        ("{<<: 5}", "only maps can be merged in"),
        ("{<<: [{a: 1}, 5]}", "only maps can be merged in"),
    ] {
        let (found, _) = refused(&format!("vars: {{a: {text}}}\ndo: []\n"));
        assert!(found.contains(message), "{text}: {found}");
    }
}

#[test]
fn messages_say_what_to_do() {
    for (book, message, help) in [
        (
            "do:\n- echo: {{ x }}\n",
            "a key must be a text",
            "in quotes",
        ),
        ("do:\n- echo: a: b\n", "mapping values", "in quotes"),
        (
            "do:\n- if: a\n  do: [{echo: b}]\n",
            "an if has a `then`",
            "then",
        ),
        (
            "do:\n- shell: a\n  retry: 3\n",
            "\"retry\" cannot stand beside",
            "on_error: {retry: 3}",
        ),
        (
            "do:\n- loop: [1]\n  do: []\n",
            "cannot stand beside",
            "foreach",
        ),
        (
            "do:\n- wait_children\n",
            "is a shell command",
            "add a colon",
        ),
        ("do:\n- break\n", "is a shell command", "add a colon"),
        (
            "do:\n- echo: ${a|defualt(1)}\n",
            "no filter",
            "did you mean default?",
        ),
        (
            "do:\n- when: no\n  echo: a\n",
            "neither true nor false",
            "write false",
        ),
        (
            "do:\n- shell: {cmd: ls, cdw: /}\n",
            "has no \"cdw\"",
            "did you mean cwd?",
        ),
        ("do:\n- ecoh: a\n", "no op \"ecoh\"", "did you mean echo?"),
        (
            "do:\n- with_items: [1]\n  echo: a\n",
            "cannot stand beside",
            "foreach",
        ),
        ("do:\n- run: ls\n", "no op \"run\"", "shell"),
    ] {
        let (found, helped) = refused(book);
        assert!(found.contains(message), "{book}: {found}");
        assert!(helped.contains(help), "{book}: {helped}");
    }
    // A name that nothing sets, and one that is near.
    let found = cla_rulebook::check_text(
        "book.yml",
        "vars: {hostname: a}\ndo: [{echo: '${hostnme}'}]\n",
    );
    assert!(
        found[0]
            .error
            .help
            .as_ref()
            .unwrap()
            .contains("did you mean hostname?")
    );
}

#[test]
fn what_a_fork_sets_and_others_read_is_lost_with_a_warning() {
    let warned = |book: &str| -> Vec<String> {
        let found = cla_rulebook::check_text("book.yml", book);
        found
            .into_iter()
            .map(|finding| finding.error.message)
            .collect()
    };
    let book = "vars: {n: 0}\ndo:\n- parallel: wait\n  do: [{set: {n: 1}}]\n- {parallel: wait, do: n++}\n- echo: ${n}\n";
    assert_eq!(
        warned(book),
        [
            "n is set in a fork, which has a copy of the variables: what it sets is lost",
            "n is set in a fork, which has a copy of the variables: what it sets is lost"
        ]
    );
    for book in [
        "do:\n- {parallel: wait, register: n, do: [{return: 1}]}\n- wait_children:\n- echo: ${n}\n",
        "do:\n- parallel: wait\n  do: [{set: {own: 1}}, {echo: '${own}'}]\n",
    ] {
        assert_eq!(warned(book), [""; 0], "{book}");
    }
    // The turns of a loop that run beside each other are forks, too.
    for turns in ["foreach: [1, 2]", "matrix: {a: [1, 2]}"] {
        let book = |parallel: &str| {
            format!("vars: {{n: 0}}\ndo:\n- {turns}{parallel}\n  do: n++\n- echo: ${{n}}\n")
        };
        assert_eq!(
            warned(&book("\n  parallel: 2")),
            ["n is set in a fork, which has a copy of the variables: what it sets is lost"]
        );
        assert_eq!(warned(&book("")), Vec::<String>::new());
    }
}

#[test]
fn a_deadlock_has_its_own_name_also_through_forks() {
    let book = "
do:
- try:
  - semaphore: A
    do:
    - {parallel: wait, semaphore: A, echo: never}
  catch:
  - own =: '${error.name}'
- try:
  - semaphore: A
    do:
    - {semaphore: A, echo: never}
  catch:
  - return: ['${own}', '${error.name}']
";
    assert_eq!(
        value(book),
        json!(["SemaphoreDeadlockError", "SemaphoreDeadlockError"])
    );
}
