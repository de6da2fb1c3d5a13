//! Three people at three terminals: one runs the Clarive document's own snippet, one runs it too and waits, and
//! an administrator sees and steers both.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use common::Folder;
use common::terminal::Terminal;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// As in the document, but for what it prints and that it does not end before the test does.
const SNIPPET: (&str, &str) = (
    "snippet.js",
    r#"
var sem = require("cla/sem");
var util = require("cla/util");
var ret = sem.take('mysem', function(){
    print("mine");
    util.sleep(1000); // will lock the semaphore
});
"#,
);

/// The administrator's command at a terminal of its own, and what it printed.
fn administrator(folder: &Folder, arguments: &[&str]) -> String {
    let (code, printed) = Terminal::start(&folder.command(arguments)).end();
    assert_eq!(code, 0, "{printed}");
    printed
}

fn mysem(folder: &Folder) -> Value {
    let printed = administrator(folder, &["sem", "list", "--json"]);
    let mut list: Value = serde_json::from_str(&printed).unwrap();
    list[0].take()
}

/// One that runs the snippet and has the slot, one that runs it and waits; and the id of its request.
fn two_terminals(folder: &Folder) -> (Terminal, Terminal, String) {
    let mut first = Terminal::start(&folder.command(&["run", "snippet.js"]));
    first.shows("mine");
    let second = Terminal::start(&folder.command(&["run", "snippet.js"]));
    folder.until("mysem", |mysem| mysem["waiting"] == 1);
    let mysem = mysem(folder);
    assert_eq!((&mysem["busy"], &mysem["waiting"]), (&1.into(), &1.into()));
    let id = mysem["requests"][1]["id"].as_str().unwrap().to_owned();
    (first, second, id)
}

#[test]
fn grant_lets_the_second_through_at_once_while_busy_counts_one_slot() {
    let folder = Folder::with(&[SNIPPET]);
    let (first, mut second, id) = two_terminals(&folder);
    administrator(&folder, &["sem", "grant", &id[..8]]);
    second.shows("mine");
    let mysem = mysem(&folder);
    assert_eq!((&mysem["busy"], &mysem["waiting"]), (&1.into(), &0.into()));
    drop((first, second));
}

#[test]
fn cancel_makes_the_second_fail_with_semaphore_cancel_and_exit_code_1() {
    let folder = Folder::with(&[SNIPPET]);
    let (first, second, id) = two_terminals(&folder);
    // It puts nobody's work at risk, or asks.
    administrator(&folder, &["sem", "cancel", &id[..8]]);
    let (code, said) = second.end();
    assert_eq!(code, 1);
    assert!(said.contains("Semaphore cancel"), "{said}");
    drop(first);
}

/// What those see who wait at a terminal, and those whose program reads a pipe.
#[test]
fn who_waits_at_a_terminal_sees_who_holds_the_semaphore() {
    let folder = Folder::with(&[SNIPPET]);
    let mut holder = Terminal::start(&folder.command(&["run", "snippet.js"]));
    holder.shows("mine");
    let held = format!("held by snippet.js (pid {}) for ", holder.id());
    let mut waiting = Vec::new();
    for (words, expected) in [
        (
            &["run", "snippet.js"][..],
            format!("waiting for \"mysem\": place 1, {held}"),
        ),
        (
            &["sem", "exec", "mysem", "--", "echo", "mine"],
            format!("waiting for \"mysem\": place 2, {held}"),
        ),
        (
            &["sem", "wait", "mysem"],
            format!("waiting for \"mysem\": 2 in line, {held}"),
        ),
    ] {
        let mut terminal = Terminal::start(&folder.command(words));
        terminal.shows(&expected);
        waiting.push(terminal);
    }
    let quiet =
        Terminal::start(&folder.command(&["sem", "exec", "-q", "mysem", "--", "echo", "mine"]));
    folder.until("mysem", |mysem| mysem["waiting"] == 3);
    let piped = folder.start(&["sem", "exec", "mysem", "--", "echo", "mine"]);
    folder.until("mysem", |mysem| mysem["waiting"] == 4);
    // Longer than a notice takes.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    administrator(&folder, &["sem", "purge", "mysem", "--yes"]);
    // The line is erased, and what was waited for goes on.
    waiting[0].shows("\x1b[K");
    waiting[0].shows("mine");
    let exec = waiting.remove(1);
    let (code, said) = exec.end();
    assert_eq!(code, 0);
    let erased = said.rsplit("waiting for").next().unwrap();
    assert!(
        erased.contains("\r\x1b[K") && erased.trim_end().ends_with("mine"),
        "{said:?}"
    );
    let (code, said) = quiet.end();
    assert_eq!((code, said.trim_end()), (0, "mine"));
    let ended = piped.end();
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str()),
        ("mine\n", "")
    );
    drop((holder, waiting));
}

#[test]
fn one_that_is_killed_leaves_its_slot_to_the_next() {
    let folder = Folder::with(&[SNIPPET]);
    let (first, mut second, _) = two_terminals(&folder);
    let first_pid = Pid::from_raw(first.id().try_into().unwrap());
    // It cannot say goodbye.
    kill(first_pid, Signal::SIGKILL).unwrap();
    second.shows("mine");
    drop((first, second));
}
