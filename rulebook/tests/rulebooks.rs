//! Rulebooks: what their ops do, and what holds whatever ends them.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::semaphore::{HistoryQuery, Priority, SemaphoreName, Slots};
use cla_runtime::trace::RegionOutcome;
use cla_runtime::{Engine, RuleError, RunOptions, Script};
use cla_tests::engine::with_rulebooks as engine;
use cla_tests::output::Printed;
use futures_util::FutureExt;
use serde_json::{Value, json};

/// What a rulebook gives, and what it printed.
fn run_with(
    engine: &Engine,
    book: &str,
    options: RunOptions,
) -> (Result<Value, RuleError>, String) {
    let output = Arc::new(Printed::default());
    let options = options.output(output.clone());
    let report = engine.run(Script::new("book.yml", book), options).wait();
    (report.result, output.text())
}

fn run(book: &str) -> (Result<Value, RuleError>, String) {
    run_with(&engine(), book, RunOptions::new())
}

#[track_caller]
fn printed(book: &str) -> String {
    let (result, printed) = run(book);
    if let Err(error) = result {
        panic!("{}", error.render(false));
    }
    printed
}

#[track_caller]
fn failure(book: &str) -> RuleError {
    run(book).0.expect_err("it fails")
}

fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).expect("a name")
}

/// How many are busy and wait at a semaphore.
fn counts(engine: &Engine, semaphore: &str) -> (usize, usize) {
    let view = engine.semaphores().show(&name(semaphore)).now_or_never();
    let view = view.expect("at once").expect("it answers");
    view.map_or((0, 0), |view| (view.busy, view.waiting))
}

#[test]
fn variables_templates_and_values() {
    let book = "
vars: {hosts: [web1, web2], n: 2}
do:
  - echo: 'n is ${n}, ${hosts[1]}, {{ n * 21 }}, $${n}'
  - copy =: ${hosts}
  - set: {a.b: '{{ n + 1 }}'}
  - do: n = n + a.b
  - return: {n: '${n}', list: '${copy}', text: 'n=${n}', same: '{{ copy === hosts }}'}
";
    let (result, printed) = run(book);
    assert_eq!(printed, "n is 2, web2, 42, ${n}\n");
    let expected = json!({"n": 5, "list": ["web1", "web2"], "text": "n=5", "same": true});
    assert_eq!(result.unwrap(), expected);
}

#[test]
fn the_stash_outranks_vars() {
    let book = "{vars: {who: nobody}, do: [{return: '${who}'}]}";
    let options = RunOptions::new().stash(json!({"who": "root"}));
    assert_eq!(run_with(&engine(), book, options).0.unwrap(), "root");
    assert_eq!(run(book).0.unwrap(), "nobody");
}

#[test]
fn events_run_their_section_with_the_stash_as_their_data() {
    let book = "
on:
  pushed: [echo: 'built ${branch}']
do: [echo: plain]
";
    let options = || RunOptions::new().stash(json!({"branch": "main"}));
    let (_, printed) = run_with(&engine(), book, options().event("pushed"));
    assert_eq!(printed, "built main\n");
    let error = run_with(&engine(), book, options().event("pushd"))
        .0
        .unwrap_err();
    assert!(error.message.contains("pushed"), "{error}");
    let script = Script::new("rule.js", "1");
    let report = engine()
        .run(script, RunOptions::new().event("pushed"))
        .wait();
    assert!(report.result.is_err(), "a script has no events");
}

#[test]
fn branches_and_loops() {
    let book = "
do:
  - foreach: {var: n, in: '{{ [1, 2, 3] }}'}
    do:
      - if: n === 1
        then: [echo: one]
      - elsif: '{{ n === 2 }}'
        then: [echo: two]
      - else: [echo: many]
  - foreach: {a: 1, b: 2}
    do: [echo: '${it.key}=${it.value}']
  - n =: 2
  - while: n > 0
    do: [echo: 'left ${n}', do: n--]
  - if: false
    then: [echo: never]
    elsif: {if: true, then: [echo: nested]}
  - when: n > 0
    echo: never
";
    let expected = "one\ntwo\nmany\na=1\nb=2\nleft 2\nleft 1\nnested\n";
    // Two ops in one map would be a mistake.
    let book = book.replace(
        "do: [echo: 'left ${n}', do: n--]",
        "do: [{echo: 'left ${n}'}, {do: n--}]",
    );
    assert_eq!(printed(&book), expected);
}

#[test]
fn defs_see_their_arguments_and_nothing_else() {
    let book = "
vars: {secret: 1}
def:
  greet:
    args: [who, {greeting: hello}]
    do: [{return: '${greeting}, ${who}'}]
  peek: {do: [{return: '{{ typeof stash.secret }}'}]}
  endless: {do: [{endless: }]}
do:
  - a = greet: bob
  - b = greet: {who: eve, greeting: bye}
  - c = peek:
  - try: [{endless: }]
    catch: [{d =: '${error_message}'}]
  - return: ['${a}', '${b}', '${c}', '${d}']
";
    let value = run(book).0.unwrap();
    assert_eq!(value[0], "hello, bob");
    assert_eq!(value[1], "bye, eve");
    assert_eq!(value[2], "undefined");
    assert!(
        value[3].as_str().unwrap().contains("ops nest too deep"),
        "{value}"
    );
}

#[test]
fn failures_are_caught_ignored_and_retried() {
    let book = "
vars: {n: 0}
do:
  - try: [{fail: 'broken ${n}'}]
    catch: [{echo: 'caught ${error_message}, {{ error instanceof Error }}'}]
    finally: [{echo: finally}]
  - on_error: ignore
    fail: nobody hears
  - on_error: {retry: 3, delay: 1ms, backoff: 2}
    do:
      - do: n++
      - when: n < 3
        fail: not yet
  - echo: 'after ${n} attempts'
";
    let expected = "caught broken 0, true\nfinally\nafter 3 attempts\n";
    assert_eq!(printed(book), expected);
}

#[test]
#[cfg(unix)]
fn shell_commands_stream_or_give_their_output() {
    let book = "
do:
  - echo $((1 + 2)); echo oh >&2
  - out = shell: 'printf a; printf b >&2; exit 3'
  - return: ${out}
";
    let (result, printed) = run(book);
    assert_eq!(
        result.unwrap(),
        json!({"rc": 3, "output": "a", "error": "b"})
    );
    assert_eq!(printed.matches('3').count(), 1, "{printed}");
    assert!(printed.contains("oh\n"));
    let error = failure("do: [{shell: exit 4}]");
    assert!(error.message.contains("exited with 4"), "{error}");
    let killed = run("do: [{out = shell: 'kill -9 $$'}, {return: '${out.rc}'}]");
    assert_eq!(killed.0.unwrap(), 128 + 9);
}

#[test]
fn an_error_points_into_the_rulebook_and_tells_the_way() {
    let book = "
do:
  - name: deploy
    do:
      - name: build
        do: |
          const fine = 1;
            depoly(fine);
";
    let error = failure(book);
    let location = error.location.clone().unwrap();
    assert_eq!((location.line, location.column), (8, 13));
    assert_eq!(error.name, "ReferenceError");
    let way: Vec<_> = error
        .frames
        .iter()
        .filter_map(|frame| frame.function.clone())
        .collect();
    assert_eq!(way, ["build", "deploy"]);

    let error = failure("do:\n  - echo: 'a ${missing.part} b'");
    let location = error.location.unwrap();
    assert_eq!((location.line, location.column), (2, 16));
    assert!(
        error.message.contains("missing is not set"),
        "{}",
        error.message
    );
}

#[test]
fn all_mistakes_of_a_rulebook_are_told_with_what_was_meant() {
    let book = "
do:
  - ecoh: hi
  - semafore: x
    echo: hi
  - sleep: 3 parsecs
  - greet: {whom: x}
  - echo: '${a b}'
  - elsif: true
    then: []
def: {greet: {args: [who], do: []}}
vras: {}
";
    let error = failure(book);
    assert_eq!(error.kind, ErrorKind::Syntax);
    let told: Vec<_> = std::iter::once(&error)
        .chain(&error.errors)
        .map(|error| {
            let line = error.location.as_ref().unwrap().line;
            (line, error.help.clone().unwrap_or_default())
        })
        .collect();
    let lines: Vec<u32> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [3, 4, 6, 7, 8, 9, 12]);
    assert_eq!(told[0].1, "did you mean echo?");
    assert_eq!(told[1].1, "did you mean semaphore?");
    assert_eq!(told[6].1, "did you mean vars?");
    for (book, expected) in [
        ("do: [", "no valid YAML"),
        ("{do: [], do: []}", "twice"),
        ("42", "a map with `do`"),
        ("{}", "nothing to run"),
    ] {
        let error = failure(book);
        assert!(error.message.contains(expected), "{book}: {error}");
    }
}

/// Runs a rulebook while the slot of `x` is held, and looks at who waits.
#[test]
fn administrators_see_the_rule_the_ops_and_the_line() {
    let engine = engine();
    let held = engine
        .semaphores()
        .semaphore(&name("x"))
        .acquire()
        .blocking()
        .unwrap();
    let book = "
do:
  - name: deploy
    do:
      - name: migrate
        semaphore: '{{ \"x\" }}'
        do: [{return: done}]
";
    let handle = engine.run(Script::new("book.yml", book), RunOptions::new());
    while counts(&engine, "x").1 == 0 {
        std::thread::yield_now();
    }
    let view = engine.semaphores().show(&name("x")).now_or_never();
    let view = view.unwrap().unwrap().unwrap();
    let who = view.requests[1].who.clone().unwrap();
    assert_eq!(who, "book.yml › deploy › migrate, line 6");
    held.release().now_or_never();
    let report = handle.wait();
    assert_eq!(report.result.unwrap(), "done");
    assert_eq!(report.semaphores[0].taken, 1);
    assert_eq!(counts(&engine, "x"), (0, 0));
}

#[test]
fn a_wait_that_times_out_or_is_cancelled_fails_its_op_and_can_be_caught() {
    let engine = engine();
    let held = engine
        .semaphores()
        .semaphore(&name("x"))
        .acquire()
        .blocking()
        .unwrap();
    let book = "
do:
  - try: [{semaphore: {key: x, timeout: 5ms}, do: [{echo: never}]}]
    catch: [{echo: 'first: ${error_message}'}]
  - try: [{semaphore: x, do: [{echo: never}]}]
    catch: [{echo: 'second: ${error_message}'}]
";
    let output = Arc::new(Printed::default());
    let options = RunOptions::new().output(output.clone());
    let handle = engine.run(Script::new("book.yml", book), options);
    while !output.text().contains("first: ") || counts(&engine, "x").1 == 0 {
        std::thread::yield_now();
    }
    let view = engine.semaphores().show(&name("x")).now_or_never();
    let rows = view.unwrap().unwrap().unwrap().requests;
    let waiting = rows.iter().find(|row| row.place.is_some()).unwrap();
    engine
        .semaphores()
        .cancel(waiting.id)
        .now_or_never()
        .unwrap()
        .unwrap();
    let report = handle.wait();
    report.result.unwrap();
    assert!(
        output.text().contains("second: Semaphore cancel"),
        "{}",
        output.text()
    );
    assert!(!output.text().contains("never"), "{}", output.text());
    let outcomes: Vec<_> = report.regions.iter().map(|region| region.outcome).collect();
    assert_eq!(
        outcomes,
        [RegionOutcome::TimedOut, RegionOutcome::Cancelled]
    );
    drop(held);
}

#[test]
fn forks_share_the_slots_in_order_and_are_joined_at_the_end_of_their_block() {
    let engine = engine();
    let book = "
do:
  - do:
      - foreach: '{{ Array.from({length: 50}, (_, n) => n) }}'
        do:
          - parallel: wait
            name: fork ${it}
            semaphore: {key: three, slots: 3}
            do:
              - echo: in ${it}
              - sleep: 1ms
              - echo: out ${it}
  - echo: joined
";
    let (result, printed) = run_with(&engine, book, RunOptions::new());
    result.unwrap();
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.last(), Some(&"joined"));
    let (mut inside, mut order) = (0, Vec::new());
    for line in &lines {
        if let Some(n) = line.strip_prefix("in ") {
            inside += 1;
            order.push(n.parse::<u32>().unwrap());
        } else if line.starts_with("out") {
            inside -= 1;
        }
        assert!(inside <= 3, "{printed}");
    }
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
    // They get their slots in order, as the tokens say. Which of three that have one says so first is the machine's choice.
    let history = engine
        .semaphores()
        .history(&name("three"), HistoryQuery::new())
        .now_or_never();
    let mut admitted = history.expect("at once").expect("it answers");
    admitted.sort_by_key(|request| request.token);
    let forks: Vec<String> = admitted
        .into_iter()
        .map(|request| request.who.unwrap_or_default())
        .collect();
    assert_eq!(forks.len(), 50);
    for (nth, who) in forks.iter().enumerate() {
        assert!(who.contains(&format!("fork {nth},")), "{nth}: {forks:?}");
    }
    assert_eq!(counts(&engine, "three"), (0, 0));
}

#[test]
fn forks_have_copies_of_the_variables_and_their_results_come_back() {
    let book = "
vars: {n: 1}
do:
  - parallel: wait
    register: answer
    do: [{do: n = n + 41}, {return: '${n}'}]
  - do: n = 7
  - wait_children:
  - return: ['${n}', '${answer}']
";
    assert_eq!(run(book).0.unwrap(), json!([7, 42]));
}

#[test]
fn a_failed_fork_fails_its_block_and_cancels_the_others() {
    let engine = engine();
    let book = "
do:
  - parallel: wait
    semaphore: long
    sleep: 1h
  - name: bad
    parallel: wait
    fail: broken
";
    let error = run_with(&engine, book, RunOptions::new()).0.unwrap_err();
    assert!(error.message.contains("broken"), "{error}");
    assert!(error.cause.is_some());
    assert_eq!(counts(&engine, "long"), (0, 0));
    assert!(engine.runs().is_empty());
}

#[test]
fn what_is_left_goes_on_after_the_rule() {
    let engine = engine();
    let book = "do: [{parallel: leave, semaphore: x, sleep: 20ms}, {return: 1}]";
    let (result, _) = run_with(&engine, book, RunOptions::new());
    assert_eq!(result.unwrap(), 1);
    assert_eq!(engine.runs().len(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(engine.idle());
    assert!(engine.runs().is_empty());
    assert_eq!(counts(&engine, "x"), (0, 0));
}

#[test]
fn an_op_that_takes_too_long_fails_and_what_it_held_is_free() {
    let engine = engine();
    for work in [
        "sleep: 1h",
        "do: 'while (true) {}'",
        "while: true\n            do: []",
    ] {
        let book = format!(
            "
do:
  - try:
      - timeout: 20ms
        name: slow
        semaphore: x
        do:
          - try: [{{parallel: wait, semaphore: y, sleep: 1h}}]
            finally: [{{echo: cleaned}}]
          - {work}
    catch: [{{echo: '${{error_message}}'}}]
"
        );
        let (result, printed) = run_with(&engine, &book, RunOptions::new());
        result.unwrap();
        assert!(
            printed.contains("slow took longer than its 20ms"),
            "{printed}"
        );
        assert!(printed.contains("cleaned"), "{printed}");
        assert_eq!(counts(&engine, "x"), (0, 0));
        assert_eq!(counts(&engine, "y"), (0, 0));
    }
}

#[test]
fn a_finally_that_the_time_limit_overtakes_is_done_nevertheless() {
    let book = "
do:
  - try:
      - timeout: 20ms
        do:
          - try: []
            finally: [{sleep: 60ms}, {do: 'for (let n = 0; n < 1e5; n++);'}, {echo: cleaned}]
          - echo: never
    catch: [{echo: '${error_message}'}]
";
    let printed = printed(book);
    assert!(printed.starts_with("cleaned\n"), "{printed}");
    assert!(printed.contains("longer than its 20ms"), "{printed}");
    assert!(!printed.contains("never"), "{printed}");
}

#[test]
fn a_cancelled_run_runs_its_finally_and_frees_everything() {
    let engine = engine();
    let output = Arc::new(Printed::default());
    let book = "
do:
  - semaphore: x
    do:
      - parallel: wait
        semaphore: y
        sleep: 1h
      - try: [{echo: in}, {sleep: 1h}]
        finally: [{sleep: 1ms}, {echo: cleaned}]
      - echo: never
";
    let options = RunOptions::new().output(output.clone());
    let handle = engine.run(Script::new("book.yml", book), options);
    while !output.text().contains("in\n") || counts(&engine, "y").0 == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    handle.cancel();
    let error = handle.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert_eq!(output.text(), "in\ncleaned\n");
    assert_eq!(counts(&engine, "x"), (0, 0));
    assert_eq!(counts(&engine, "y"), (0, 0));
    assert!(engine.runs().is_empty());
}

#[test]
#[cfg(unix)]
fn a_command_dies_with_its_op() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let book = format!(
        "do: [{{timeout: 300ms, shell: 'sleep 1000 & echo $! > {}; wait'}}]",
        file.display()
    );
    failure(&book);
    let pid = std::fs::read_to_string(&file).unwrap();
    let alive = || {
        std::process::Command::new("kill")
            .args(["-0", pid.trim()])
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    while alive() {
        std::thread::yield_now();
    }
}

#[test]
fn nested_regions_of_one_slot_are_a_deadlock_and_not_a_hang() {
    let book = "do: [{semaphore: x, do: [{semaphore: x, do: []}]}]";
    let error = failure(book);
    assert!(error.message.contains("deadlock"), "{error}");
}

#[test]
fn a_javascript_rule_is_tagged_by_what_it_exports() {
    let engine = engine();
    let held = engine
        .semaphores()
        .semaphore(&name("x"))
        .acquire()
        .blocking()
        .unwrap();
    let rule = "import.meta;\nexport const semaphore = { key: 'x', priority: 2 };
        export default async stash => { await null; return stash.n + 1 }";
    let options = RunOptions::new().stash(json!({"n": 1}));
    let handle = engine.run(Script::new("rule.js", rule), options);
    while counts(&engine, "x").1 == 0 {
        std::thread::yield_now();
    }
    let view = engine.semaphores().show(&name("x")).now_or_never();
    let row = view.unwrap().unwrap().unwrap().requests.remove(1);
    assert_eq!(row.who.as_deref(), Some("rule.js, line 2"));
    held.release().now_or_never();
    let report = handle.wait();
    assert_eq!(report.result.unwrap(), 2);
    assert_eq!(report.regions.len(), 1);
    assert_eq!(counts(&engine, "x"), (0, 0));

    for (rule, expected) in [
        (
            "export const semaphore = 5; export default () => 1",
            "a name, or a map",
        ),
        (
            "export const semaphore = {key: 'x', slotz: 1}; export default () => 1",
            "slotz",
        ),
        (
            "export const semaphore = 'x'; export default () => { throw new Error('mine') }",
            "mine",
        ),
    ] {
        let report = engine
            .run(Script::new("rule.js", rule), RunOptions::new())
            .wait();
        let error = report.result.unwrap_err();
        assert!(error.message.contains(expected), "{error}");
        assert_eq!(counts(&engine, "x"), (0, 0));
    }
}

#[test]
fn a_javascript_rule_runs_for_the_events_that_it_exports() {
    let rule = "export const on = ['pushed']; export default () => 'ran'";
    let run = |event: &str| {
        let options = RunOptions::new().event(event);
        engine()
            .run(Script::new("rule.js", rule), options)
            .wait()
            .result
    };
    assert_eq!(run("pushed").unwrap(), "ran");
    assert!(run("closed").unwrap_err().message.contains("closed"));
}

#[test]
fn files_are_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let book = format!(
        "
do:
  - write_file: {{path: '{at}/a.json', data: {{n: [1, 2]}}}}
  - a = read_file: '{at}/a.json'
  - write_file: {{path: '{at}/b.txt', text: \"x\\n\"}}
  - write_file: {{path: '{at}/b.txt', text: 'n=${{a.n[1]}}', append: true}}
  - b = read_file: '{at}/b.txt'
  - c = parse: {{text: '[1]', format: json}}
  - try: [{{read_file: '{at}/none.txt'}}]
    catch: [{{e =: '${{error_message}}'}}]
  - try: [{{parse: {{text: '[1', format: json}}}}]
    catch: [{{f =: '${{error_message}}'}}]
  - return: ['${{a}}', '${{b}}', '${{c}}', '${{e}}', '${{f}}']
"
    );
    let value = run(&book).0.unwrap();
    assert_eq!(value[0], json!({"n": [1, 2]}));
    assert_eq!(value[1], "x\nn=2");
    assert_eq!(value[2], json!([1]));
    assert!(value[3].as_str().unwrap().contains("none.txt"), "{value}");
    assert!(value[4].as_str().unwrap().contains("no JSON"), "{value}");
}

#[test]
fn a_rule_calls_another_and_nothing_outside_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).unwrap();
    let write = |name: &str, text: &str| std::fs::write(rules.join(name), text).unwrap();
    std::fs::write(folder.path().join("outside.js"), "1").unwrap();
    write("add.js", "export default stash => stash.a + stash.b");
    write("hook.yml", "on: {pushed: [{return: 'hook ${branch}'}]}");
    write("bad.js", "throw new TypeError('no good')");
    write("endless.yml", "do: [{call: endless.yml}]");
    write(
        "main.yml",
        "
do:
  - sum = call: {file: add.js, stash: {a: 1, b: 2}}
  - hook = call: {file: ./hook.yml, event: pushed, stash: {branch: main}}
  - return: ['${sum}', '${hook}']
",
    );
    write("calls-bad.yml", "do: [{call: bad.js}]");
    write("calls-out.yml", "do: [{call: ../outside.js}]");
    let run = |name: &str| {
        let script = Script::file(rules.join(name));
        engine().run(script, RunOptions::new()).wait().result
    };
    assert_eq!(run("main.yml").unwrap(), json!([3, "hook main"]));
    let error = run("calls-bad.yml").unwrap_err();
    assert!(error.message.contains("bad.js failed: no good"), "{error}");
    assert_eq!(error.cause.unwrap().name, "TypeError");
    let error = run("calls-out.yml").unwrap_err();
    assert!(
        error.message.contains("outside of the rule's folder"),
        "{error}"
    );
    let mut error = run("endless.yml").unwrap_err();
    while let Some(cause) = error.cause.take() {
        error = *cause;
    }
    assert!(error.message.contains("levels deep"), "{error}");
}

#[test]
fn slots_and_priorities_are_passed_on() {
    let engine = engine();
    let book = "do: [{semaphore: {key: x, slots: 2, priority: 5, ttl: 1m}, do: []}]";
    run_with(&engine, book, RunOptions::new()).0.unwrap();
    let view = engine.semaphores().show(&name("x")).now_or_never();
    let view = view.unwrap().unwrap().unwrap();
    assert_eq!(view.slots, Slots::Limited(2));
    assert_eq!(view.requests[0].priority, Priority(5));
}
