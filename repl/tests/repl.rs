//! `cla repl` at a real terminal, and without one.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::io::Write;
use std::process::Stdio;

use common::screen::Screen;
use common::{Ended, Folder, Running};
use nix::sys::signal::Signal;

/// The snippet of the Clarive document, but for how long it sleeps.
const SNIPPET: &str = "var sem = require(\"cla/sem\");
var util = require(\"cla/util\");
var ret = sem.take('mysem', function(){
    print(\"mine\");
    util.sleep(1000); // will lock the semaphore
});
";

/// A prompt in this folder.
fn prompt(folder: &Folder, arguments: &[&str]) -> Screen {
    let mut words = vec!["repl"];
    words.extend(arguments);
    let mut screen = Screen::start(&folder.command(&words), 100, 30);
    screen.shows("js> ");
    screen
}

/// Waits until the prompt is there, with nothing typed yet.
#[track_caller]
fn ready(screen: &mut Screen) {
    screen.until("at its prompt", |screen| {
        let contents = screen.contents();
        let last = contents.trim_end().lines().last().unwrap_or_default();
        matches!(last.trim_end(), "js>" | "yaml>")
    });
}

/// Types a line when the prompt is there.
#[track_caller]
fn enters(screen: &mut Screen, line: &str) {
    ready(screen);
    screen.types(&format!("{line}\r"));
}

/// Types a line and waits for what it gives, below it.
#[track_caller]
fn gives(screen: &mut Screen, input: &str, output: &str) {
    enters(screen, input);
    let (input, output) = (input.to_owned(), output.to_owned());
    screen.until(&format!("{output:?} below {input:?}"), |screen| {
        let contents = screen.contents();
        contents
            .rfind(&input)
            .is_some_and(|at| contents[at + input.len()..].contains(&output))
    });
}

/// Types something at the prompt, and waits until it is there: a hint shows more, but behind the cursor.
#[track_caller]
fn typed(screen: &mut Screen, text: &str) {
    ready(screen);
    screen.types(text);
    at_cursor(screen, text);
}

#[track_caller]
fn at_cursor(screen: &mut Screen, text: &str) {
    let before = format!("js> {text}");
    screen.until(&format!("{before:?} before the cursor"), |screen| {
        let (row, column) = screen.cursor_position();
        let line = screen.rows(0, column).nth(row.into()).unwrap_or_default();
        usize::from(column) == before.len() && line == before
    });
}

/// Types something, and completes it: a tab that comes along with other keys is none of the user's.
#[track_caller]
fn completes(screen: &mut Screen, text: &str, completed: &str) {
    typed(screen, text);
    screen.types("\t");
    at_cursor(screen, completed);
}

/// Ctrl-D at the prompt.
#[track_caller]
fn leaves(screen: &mut Screen) {
    ready(screen);
    screen.types("\x04");
    assert_eq!(screen.ends(), 0);
}

/// Pastes as a terminal does that was asked to mark what is pasted.
fn paste(screen: &mut Screen, text: &str) {
    screen.types(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
}

/// Runs `cla repl` with this on its standard input.
fn piped(folder: &Folder, arguments: &[&str], input: &str) -> Ended {
    let mut words = vec!["repl"];
    words.extend(arguments);
    let mut command = folder.command(&words);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    running.end()
}

#[test]
fn what_is_declared_stays_and_may_be_declared_again() {
    let folder = Folder::with(&[("lib.js", "export const seven = 7;")]);
    let mut screen = prompt(&folder, &[]);
    gives(&mut screen, "const a = 1; a + 1", "2");
    gives(&mut screen, "const a = 'again'; a", "'again'");
    gives(&mut screen, "_ + '!'", "'again!'");
    gives(&mut screen, "await Promise.resolve(21) * 2", "42");
    gives(&mut screen, "import { seven } from './lib.js'; seven", "7");
    gives(
        &mut screen,
        "{ x: new Map([[1, { y: 2 }]]) }",
        "{ x: Map(1) { 1 => { y: 2 } } }",
    );
    gives(&mut screen, "const n: number = 3; n", "3");
    gives(&mut screen, "null.x", "TypeError");
    gives(&mut screen, "_error.constructor.name", "'TypeError'");
    leaves(&mut screen);
}

#[test]
fn an_unfinished_input_goes_on_in_the_next_line_and_a_mistake_shows_at_once() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    enters(&mut screen, "function twice(n) {");
    screen.types("return 2 * n\r");
    screen.types("}\r");
    gives(&mut screen, "twice(4)", "8");
    enters(&mut screen, "f(1))");
    screen.shows("^");
    screen.types("\x03");
    gives(&mut screen, "1 + 1", "2");
    enters(&mut screen, ".exit");
    assert_eq!(screen.ends(), 0);
}

#[test]
fn ctrl_c_stops_what_runs_and_keeps_the_session_and_its_variables() {
    let folder = Folder::with(&[common::HOLD]);
    let holder = folder.hold();
    let mut screen = prompt(&folder, &[]);
    gives(
        &mut screen,
        "var kept = 5, sem = require('cla/sem'), util = require('cla/util'); kept",
        "5",
    );
    gives(&mut screen, "print('sleeps'); util.sleep(60)", "\nsleeps");
    screen.types("\x03");
    screen.shows("interrupted");
    enters(&mut screen, "sem.take('slot', () => print('never'))");
    folder.until_waiting(1);
    screen.types("\x03");
    folder.until_waiting(0);
    gives(&mut screen, "kept", "5");
    gives(&mut screen, "print('loops'); while (true) {}", "\nloops");
    screen.types("\x03");
    gives(&mut screen, "kept + 1", "6");
    leaves(&mut screen);
    folder.stop_holding();
    assert_eq!(holder.end().code, Some(0));
}

#[test]
fn the_clarive_snippet_is_pasted_whole_and_looked_at_from_a_second_prompt() {
    let folder = Folder::with(&[("snippet.js", SNIPPET)]);
    let mut first = prompt(&folder, &[]);
    paste(&mut first, SNIPPET);
    first.types("\r");
    first.shows("\nmine");
    folder.until("mysem", |mysem| mysem["busy"] == 1);
    let mut second = prompt(&folder, &[]);
    enters(&mut second, ".spawn snippet.js");
    folder.until("mysem", |mysem| mysem["waiting"] == 1);
    enters(&mut second, ".sem");
    second.shows("mysem: 1 slot, 1 busy, 1 waiting");
    second.shows_line(&["busy", "repl"]);
    second.shows_line(&["waiting", "snippet.js", "1"]);
    let id = folder.semaphore("mysem")["requests"][1]["id"]
        .as_str()
        .unwrap()[..8]
        .to_owned();
    enters(&mut second, &format!(".cancel {id}"));
    second.shows("Semaphore cancel");
    enters(&mut second, ".spawn snippet.js");
    folder.until("mysem", |mysem| mysem["waiting"] == 1);
    let id = folder.semaphore("mysem")["requests"][1]["id"]
        .as_str()
        .unwrap()[..8]
        .to_owned();
    enters(&mut second, &format!(".grant {id}"));
    second.shows("[2 snippet.js] mine");
    enters(&mut second, ".runs");
    second.shows_line(&["2", "snippet.js", "running"]);
    enters(&mut second, ".stop 2");
    second.shows("[2 snippet.js] stopped");
    leaves(&mut second);
    // Leaving frees what the session holds.
    first.types("\x03");
    first.shows("interrupted");
    enters(&mut first, "sem.acquire('mine'); 0");
    folder.until("mine", |mine| mine["busy"] == 1);
    leaves(&mut first);
    folder.until("mine", |mine| mine["busy"] == 0);
}

#[test]
fn slots_move_and_purge_steer_the_queue_of_three_at_one_prompt() {
    let folder = Folder::with(&[(
        "work.js",
        "const { args } = require('cla/process'); require('cla/sem').take('x', () => { print('in'); require('cla/util').sleep(60) })",
    )]);
    let mut screen = prompt(&folder, &[]);
    for count in 1..=3 {
        enters(&mut screen, ".spawn work.js");
        folder.until("x", |x| {
            x["requests"]
                .as_array()
                .is_some_and(|all| all.len() == count)
        });
    }
    screen.shows("[1 work.js] in");
    let last = folder.semaphore("x")["requests"][2]["id"].as_str().unwrap()[..8].to_owned();
    enters(&mut screen, &format!(".move {last} 1"));
    folder.until("x", |x| {
        x["requests"][1]["id"]
            .as_str()
            .is_some_and(|id| id.starts_with(&last))
    });
    enters(&mut screen, ".slots x +");
    screen.shows("[3 work.js] in");
    enters(&mut screen, ".slots x unlimited");
    screen.shows("[2 work.js] in");
    enters(&mut screen, ".sem show x");
    screen.shows("x: ∞ slots (pinned), 3 busy, 0 waiting");
    leaves(&mut screen);
}

#[test]
fn tab_completes_and_the_history_is_there_in_the_next_session() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    gives(
        &mut screen,
        "const holder = { property: 11, get trap() { print('ran'); return 1 } }; 0",
        "0",
    );
    completes(&mut screen, "holder.prop", "holder.property");
    screen.types("\r");
    screen.shows("\n11");
    typed(&mut screen, "holder.trap.");
    screen.types("\t");
    screen.types("\x15");
    completes(&mut screen, "require(\"cla/ut", "require(\"cla/util\"");
    screen.types("\x15");
    gives(
        &mut screen,
        "var sem = require('cla/sem'); sem.take('some-semaphore', () => 12)",
        "12",
    );
    completes(
        &mut screen,
        "sem.take(\"some",
        "sem.take(\"some-semaphore\"",
    );
    screen.types("\x15");
    completes(&mut screen, ".snip", ".snippets");
    assert!(!screen.text().contains("\nran"), "{}", screen.text());
    screen.types("\x15");
    leaves(&mut screen);

    let history = folder.home().join("history");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&history).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let mut screen = prompt(&folder, &[]);
    screen.types("\x1b[A");
    screen.shows("js> var sem = require('cla/sem'); sem.take('some-semaphore', () => 12)");
    screen.types("\x15\x12trap()");
    screen.shows("property: 11");
    screen.types("\x03");
    leaves(&mut screen);
}

#[test]
fn values_are_shown_as_yaml_json_and_tables_and_times_when_asked() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    enters(&mut screen, ".output yaml");
    gives(&mut screen, "({ a: [1, { b: 2 }] })", "a:\n  - 1\n  - b: 2");
    enters(&mut screen, ".output json");
    gives(&mut screen, "({ a: [1] })", "{\n  \"a\": [\n    1\n  ]\n}");
    enters(&mut screen, ".output table");
    gives(&mut screen, "[{ a: 'one' }, { a: 'two' }]", "│ 'two' │");
    enters(&mut screen, ".output inspect");
    enters(&mut screen, ".time on");
    gives(&mut screen, "1 + 2", "took ");
    gives(&mut screen, ".outptu yaml", "did you mean .output?");
    enters(&mut screen, ".help");
    screen.shows(".export");
    leaves(&mut screen);
}

#[test]
fn rulebooks_are_evaluated_in_yaml_mode_and_keep_their_variables() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    enters(&mut screen, ".mode yaml");
    screen.shows("yaml> ");
    enters(&mut screen, "- n =: 20");
    ready(&mut screen);
    paste(&mut screen, "- n =: '{{ n + 1 }}'\n- echo: n is ${n}\n");
    screen.types("\r\r");
    screen.shows("n is 21");
    enters(&mut screen, "- ecoh: x");
    screen.shows("did you mean echo?");
    enters(&mut screen, ".mode js");
    gives(&mut screen, "cla.stash('n')", "21");
    leaves(&mut screen);
}

#[test]
fn snippets_are_kept_run_edited_and_written_out() {
    let folder = Folder::with(&[("edit.sh", "#!/bin/sh\nsed -i s/40/50/ \"$1\"\n")]);
    std::fs::set_permissions(
        folder.path().join("edit.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let mut command = folder.command(&["repl"]);
    command.env_remove("VISUAL");
    command.env("EDITOR", folder.path().join("edit.sh"));
    let mut screen = Screen::start(&command, 100, 30);
    screen.shows("js> ");
    gives(&mut screen, "40   +2", "42");
    enters(&mut screen, ".tidy");
    screen.shows("40 + 2;");
    enters(&mut screen, ".save sum");
    screen.shows("saved sum");
    enters(&mut screen, ".snippets");
    screen.shows_line(&["sum", "js", "40 + 2;"]);
    enters(&mut screen, ".edit sum");
    screen.shows("\n52");
    enters(&mut screen, ".run sum");
    screen.shows("52");
    enters(&mut screen, ".export out");
    screen.shows("wrote 1 to out");
    assert_eq!(
        std::fs::read_to_string(folder.path().join("out/sum.js")).unwrap(),
        "50 + 2;\n"
    );
    enters(&mut screen, ".load out/sum.js");
    enters(&mut screen, ".delete sum");
    enters(&mut screen, ".run sum");
    screen.shows("there is no snippet sum");
    leaves(&mut screen);
}

#[test]
fn a_pasted_file_of_2000_lines_is_one_input() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    let mut text = "function long() {\n\tlet sum = 0;\n".to_owned();
    for n in 0..2_000 {
        text += &format!("\tsum += {n}; // line {n}\n");
    }
    text += "\treturn sum;\n}";
    paste(&mut screen, &text);
    screen.types("\r");
    enters(&mut screen, "long()");
    screen.shows("\n1999000");
    leaves(&mut screen);
}

#[test]
fn the_line_that_is_typed_survives_resizing_and_output_of_others() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    enters(
        &mut screen,
        ".spawn require('cla/util').sleep(0.2); print('from beside')",
    );
    ready(&mut screen);
    screen.types("'half a li");
    screen.shows("[1 spawn1] from beside");
    screen.shows("js> 'half a li");
    screen.resize(60, 20);
    screen.types("ne'");
    screen.shows("js> 'half a line'");
    screen.types("\r");
    screen.shows("\n'half a line'");
    leaves(&mut screen);
}

#[test]
fn sem_watch_shows_all_until_a_key_is_pressed() {
    let folder = Folder::with(&[common::HOLD]);
    let holder = folder.hold();
    let mut screen = prompt(&folder, &[]);
    enters(&mut screen, ".sem --watch");
    screen.shows("any key leaves");
    screen.shows("slot: 1 slot, 1 busy");
    let waiter = folder.start(&["run", "hold.js"]);
    screen.shows("slot: 1 slot, 1 busy, 1 waiting");
    screen.types("q");
    screen.hides("any key leaves");
    gives(&mut screen, "1 + 1", "2");
    leaves(&mut screen);
    folder.stop_holding();
    assert_eq!(holder.end().code, Some(0));
    assert_eq!(waiter.end().code, Some(0));
}

#[test]
fn sigterm_gives_the_terminal_back_and_frees_what_was_held() {
    let folder = Folder::with(&[]);
    let mut screen = prompt(&folder, &[]);
    enters(&mut screen, "require('cla/sem').acquire('mine'); 'taken'");
    folder.until("mine", |mine| mine["busy"] == 1);
    screen.shows("'taken'\n");
    ready(&mut screen);
    screen.types("half a line");
    screen.shows("js> half a line");
    screen.send(Signal::SIGTERM);
    assert_eq!(screen.ends(), 143);
    folder.until("mine", |mine| mine["busy"] == 0);
}

#[test]
fn without_a_terminal_values_are_printed_plainly_up_to_the_first_error() {
    let folder = Folder::with(&[]);
    let ended = piped(
        &folder,
        &[],
        "const a = {\n  x: [1, 2],\n};\na\n'text'\nundefined\n.output json\na.x\nawait null\nthrow new Error('stop')\nprint('never')\n",
    );
    assert_eq!(
        ended.stdout,
        "{ x: [ 1, 2 ] }\ntext\n[\n  1,\n  2\n]\nnull\n"
    );
    assert!(ended.stderr.contains("error: stop"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(1));
    let ended = piped(&folder, &[], "f(");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("SyntaxError"), "{}", ended.stderr);
    let ended = piped(
        &folder,
        &["--mode", "yaml"],
        "- n =: 1\n- n =: '{{ n + 1 }}'\n\n- echo: ${n}\n",
    );
    assert_eq!((ended.stdout.as_str(), ended.code), ("2\n", Some(0)));
    let ended = piped(&folder, &[], "");
    assert_eq!((ended.stdout.as_str(), ended.code), ("", Some(0)));
}

#[test]
fn code_on_the_command_line_is_evaluated_and_printed() {
    let folder = Folder::with(&[]);
    assert_eq!(folder.cla(&["repl", "-e", "print(1); 2"]).printed(), "1\n");
    assert_eq!(
        folder.cla(&["repl", "-p", "[1, 'a']"]).printed(),
        "[ 1, 'a' ]\n"
    );
    assert_eq!(folder.cla(&["repl", "-p", "'a'"]).printed(), "a\n");
    let arguments = [
        "repl",
        "--stash",
        "n=4",
        "-p",
        "[cla.stash('n'), require('cla/process').args]",
        "--",
        "x",
    ];
    assert_eq!(folder.cla(&arguments).printed(), "[ 4, [ 'x' ] ]\n");
    assert_eq!(folder.cla(&["repl", "-e", "nope()"]).code, Some(1));
    assert_eq!(folder.cla(&["repl", "-e", "1", "-p", "2"]).code, Some(2));
}

#[test]
fn inputs_and_rules_at_the_prompt_are_strict_where_a_cla_toml_says_so() {
    let folder = Folder::with(&[("rule.js", "totl = 1; print('ran', totl)")]);
    let inputs = "const a = 1\na = 2; a\nb = 3\nb\n.load rule.js\n";
    let loose = piped(&folder, &[], inputs);
    assert!(loose.stdout.contains("ran 1"), "{loose:?}");
    std::fs::write(folder.path().join("cla.toml"), "strict = true\n").unwrap();
    for (input, problem) in [
        ("b = 3", "b is not defined"),
        ("await null; b = 3", "b is not defined"),
        ("a = (() => { delete Object.freeze({ x: 1 }).x })()", "x"),
        (".load rule.js", "totl is not defined"),
        ("require('./rule.js')", "totl is not defined"),
    ] {
        let ended = piped(&folder, &[], &format!("{input}\n"));
        assert_eq!(ended.code, Some(1), "{input}: {ended:?}");
        assert!(ended.stderr.contains(problem), "{input}: {ended:?}");
    }
    // What is declared stays, and may be declared again.
    let ended = piped(&folder, &[], "const a = 1\nconst a = 2\na = 3; a\n");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("3\n"), "{ended:?}");
}

/// Packages that a prompt finds from the current folder.
const PACKAGES: [(&str, &str); 5] = [
    (
        "node_modules/under/index.js",
        "module.exports = (n) => n + 1; module.exports.two = 2",
    ),
    (
        "node_modules/modern/package.json",
        r#"{"type": "module", "exports": {".": "./main.js", "./sub": "./sub.js"}}"#,
    ),
    (
        "node_modules/modern/main.js",
        "import under from 'under'; export const three = under(2); export default class Made { n = 4 }",
    ),
    (
        "node_modules/modern/sub.js",
        "export const sub = await 'later'",
    ),
    ("node_modules/needs/index.js", "require('node:http')"),
];

#[test]
fn packages_are_imported_at_the_prompt() {
    let folder = Folder::with(&PACKAGES);
    for (input, printed) in [
        // The name of the last value is the input's own then.
        (
            "import _, { two } from 'under'\n_(1) + two\n_(5)\n_.two",
            "4\n6\n2\n",
        ),
        ("let _ = 1\n_ + 1\n_", "2\n1\n"),
        (
            "import Made, * as all from 'modern'\nimport { sub as below } from 'modern/sub'\n[new Made().n, all.three, below]",
            "[ 4, 3, 'later' ]\n",
        ),
        ("(await import('modern')).three\n_ + 1", "3\n4\n"),
        ("const { two } = require('under'); two", "2\n"),
        ("require('modern').three", "3\n"),
        // Again, after it was declared.
        (
            "import { three } from 'modern'\nimport { three } from 'modern'\nthree",
            "3\n",
        ),
    ] {
        let ended = piped(&folder, &[], input);
        assert_eq!(ended.code, Some(0), "{input}: {ended:?}");
        assert!(ended.stdout.ends_with(printed), "{input}: {ended:?}");
    }
    for (input, problem) in [
        ("import x from 'gone'", "npm install gone"),
        ("import 'modern/main.js'", "its package exports no"),
        (
            "require('needs')",
            "there is no module 'node:http' here: use fetch or cla/http",
        ),
    ] {
        let ended = piped(&folder, &[], input);
        assert_eq!(ended.code, Some(1), "{input}: {ended:?}");
        assert!(ended.stderr.contains(problem), "{input}: {ended:?}");
    }
}

#[test]
fn packages_are_imported_in_the_javascript_of_a_rulebook() {
    let mut files = PACKAGES.to_vec();
    files.push((
        "book.yml",
        "do:\n  - js: |\n      const under = require('under');\n      const { default: Made, three } = await import('modern');\n      \
         return [under(1), three, new Made().n, require('modern/sub').sub];\n    register: out\n  - echo: '{{ require(\"under\").two }}'\n  \
         - return: '{{ out }}'\n",
    ));
    files.push(("wrong.yml", "do:\n  - js: |\n      await import('gone')\n"));
    let folder = Folder::with(&files);
    let ended = folder.cla(&["run", "--print", "book.yml"]);
    assert_eq!(ended.printed(), "2\n[2,3,4,\"later\"]\n");
    assert_eq!(ended.stderr, "");
    let ended = folder.cla(&["run", "wrong.yml"]);
    assert!(ended.stderr.contains("npm install gone"), "{ended:?}");
    let checked = folder.cla(&["check", "book.yml"]);
    assert!(
        checked.stdout.contains("0 errors, 0 warnings"),
        "{checked:?}"
    );
}
