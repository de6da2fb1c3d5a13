//! Ctrl-C, SIGTERM and the terminal, for real. Other systems than unix have no such things.
#![cfg(unix)]

mod common;

use std::thread;
use std::time::{Duration, Instant};

use common::terminal::Terminal;
use common::{Folder, Running};
use nix::sys::signal::Signal;

/// The first copy says so when it has the slot; the others wait for it.
const HOLD: &str = "
    const sem = require('cla/sem'), util = require('cla/util');
    sem.take('slot', () => { print('ready'); util.sleep(3600) });
";

#[test]
fn ctrl_c_cancels_every_run_and_exits_130() {
    let folder = Folder::with(&[("hold.js", HOLD)]);
    let mut running = Running::start(folder.command(&["run", "--copies", "3", "hold.js"]));
    assert_eq!(running.stdout_line(), "[hold.js#1] ready\n");
    running.send(Signal::SIGINT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130));
    assert_eq!(ended.stderr, "cancelled 3 runs\n");
    assert_eq!(ended.stdout, "", "no other run got in");
}

#[test]
fn sigterm_does_the_same_and_exits_143() {
    let folder = Folder::with(&[("hold.js", HOLD)]);
    let mut running = Running::start(folder.command(&["run", "hold.js"]));
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGTERM);
    let ended = running.end();
    assert_eq!(ended.code, Some(143));
    assert_eq!(ended.stderr, "cancelled 1 run\n");
}

#[test]
fn ctrl_c_stops_a_rule_that_computes_and_catches_everything() {
    let folder = Folder::with(&[(
        "stubborn.js",
        "print('ready');
         while (true) { try { while (true) {} } catch {} finally { continue } }",
    )]);
    let mut running = Running::start(folder.command(&["run", "--grace", "200ms", "stubborn.js"]));
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGINT);
    assert_eq!(running.end().code, Some(130));
}

/// Says what it has cleaned up, however it ends.
const CLEANING: &str = "
    const util = require('cla/util');
    (async () => {
        try { print('ready'); await new Promise(done => setTimeout(done, 3600_000)) }
        finally { util.sleep(0.05); print('cleaned') }
    })()
";

#[test]
fn finally_is_executed_at_ctrl_c_and_sigterm() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let folder = Folder::with(&[("clean.js", CLEANING)]);
        let mut running = Running::start(folder.command(&["run", "clean.js"]));
        assert_eq!(running.stdout_line(), "ready\n");
        running.send(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(code));
        assert_eq!(ended.stdout, "cleaned\n");
        assert_eq!(ended.stderr, "cancelled 1 run\n");
    }
}

#[test]
fn a_grace_of_nothing_and_a_second_signal_end_at_once() {
    let stubborn = "print('ready'); try { for (;;); } finally { print('again'); for (;;); }";
    let folder = Folder::with(&[("stubborn.js", stubborn)]);
    let mut running = Running::start(folder.command(&["run", "--grace", "0", "stubborn.js"]));
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGTERM);
    let ended = running.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(143), ""));

    // The grace is longer than any test.
    let mut running = Running::start(folder.command(&["run", "--grace", "10h", "stubborn.js"]));
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGTERM);
    assert_eq!(running.stdout_line(), "again\n");
    running.send(Signal::SIGTERM);
    assert_eq!(running.end().code, Some(143));
}

#[test]
fn cancelled_runs_are_reported_as_json_too() {
    let folder = Folder::with(&[("hold.js", HOLD)]);
    let mut running =
        Running::start(folder.command(&["run", "--json", "--copies", "2", "hold.js"]));
    assert_eq!(running.stderr_line(), "[hold.js#1] ready\n");
    running.send(Signal::SIGINT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130));
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["status"], "cancelled", "{object}");
    }
}

#[test]
fn a_second_ctrl_c_exits_at_once_even_when_the_output_has_no_reader() {
    // One call that prints more than a pipe holds: it blocks in the middle. The other run fails then,
    // and to say so the program has to wait for the first.
    let folder = Folder::with(&[
        (
            "stuck.js",
            "require('cla/sem').acquire('printing');
             print('x'.repeat(1 << 22))",
        ),
        (
            "fails.js",
            "while (!require('cla/sem').show('printing')) require('cla/util').sleep(0.001);
             throw new Error('never seen')",
        ),
    ]);
    let arguments = ["run", "--workers", "2", "stuck.js", "fails.js"];
    let mut running = Running::start(folder.command(&arguments));
    running.begins_to_print();
    // An impatient user: any of these may be the first that the program notices.
    let patience = Instant::now() + Duration::from_secs(30);
    while running.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "it does not end");
        running.send(Signal::SIGINT);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.exit_code(), Some(130));
    let rest = running.rest_of_stderr();
    assert!(
        !rest.contains("cancelled"),
        "they never got to their end: {rest}"
    );
}

#[test]
fn a_status_line_appears_on_a_terminal_and_disappears_at_the_end() {
    let folder = Folder::with(&[("hold.js", HOLD)]);
    let mut command = folder.command(&["run", "--copies", "3", "hold.js"]);
    command.env("TERM", "xterm");
    let mut terminal = Terminal::start(&command);
    terminal.shows("1 running, 2 waiting for \"slot\", 0 done");
    terminal.types("\x03");
    let (code, all) = terminal.end();
    let (_, after_last_erase) = all.rsplit_once("\r\x1b[K").unwrap();
    assert_eq!(after_last_erase, "cancelled 3 runs\r\n");
    assert_eq!(code, 130);
}

#[test]
fn without_a_terminal_there_is_no_status_line() {
    let folder = Folder::with(&[("nap.js", "require('cla/util').sleep(1.5); print('rested')")]);
    let ended = folder.cla(&["run", "--copies", "2", "nap.js"]);
    assert_eq!(ended.printed(), "[nap.js#1] rested\n[nap.js#2] rested\n");
    assert_eq!(ended.stderr, "");
}
