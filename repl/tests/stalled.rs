//! A reader that stalls, resumes, or goes away: for real, with pipes.
#![cfg(unix)]

mod common;

use std::time::{Duration, Instant};

use common::{Folder, HOLD, Running};
use nix::sys::signal::Signal;

/// Longer than an ending takes that is not held up by the reader, also on a busy machine.
const SOON: Duration = Duration::from_secs(10);

const FLOOD: &str =
    "require('cla/sem').take('slot', () => { for (let i = 0; ; i++) print('line', i) })";

/// Says on standard error how many timers it had.
const NEIGHBOUR: &str = "
    let ticks = 0;
    const timer = setInterval(() => {
        if (++ticks === 30) { clearInterval(timer); console.error('ticked') }
    }, 10)";

/// Waits until the program has filled the pipe: until it has the slot for a while, and prints no more.
fn stalls(running: &mut Running) {
    running.begins_to_print();
}

#[test]
fn a_time_limit_ends_what_nobody_reads_and_its_neighbours_go_on() {
    let folder = Folder::with(&[("flood.js", FLOOD), ("neigh.js", NEIGHBOUR), HOLD]);
    let started = Instant::now();
    let mut running = folder.start(&["run", "--timeout", "2s", "flood.js", "neigh.js"]);
    stalls(&mut running);
    assert_eq!(running.stderr_line(), "[neigh.js] ticked\n");
    assert!(
        running
            .stderr_line()
            .starts_with("[flood.js] error: the rule took longer")
    );
    assert_eq!(running.exit_code(), Some(1));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(folder.semaphore("slot")["busy"], 0);
}

#[test]
fn a_slot_is_free_for_another_process_as_soon_as_the_limit_has_passed() {
    let folder = Folder::with(&[
        ("flood.js", FLOOD),
        (
            "next.js",
            "require('cla/sem').take('slot', () => print('in'))",
        ),
    ]);
    let mut running = folder.start(&["run", "--timeout", "1s", "flood.js"]);
    stalls(&mut running);
    let next = folder.cla(&["run", "--timeout", "30s", "next.js"]);
    assert_eq!(next.printed(), "in\n");
    assert_eq!(running.exit_code(), Some(1));
}

#[test]
fn signals_end_what_nobody_reads() {
    let programs: &[&[&str]] = &[
        &["run", "flood.js"],
        &["run", "--print", "--copies", "3", "flood.js"],
        &["run", "echo.yml"],
        &["run", "shell.yml"],
        &["repl", "-e", "for (;;) print('line')"],
        &["repl", "-p", "'x'.repeat(3e6)"],
    ];
    for arguments in programs {
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            let folder = Folder::with(&[
                ("flood.js", "for (;;) console.log('line')"),
                ("echo.yml", "do:\n  - while: true\n    do: [echo: line]\n"),
                (
                    "shell.yml",
                    "do: [shell: 'while true; do echo line; done']\n",
                ),
            ]);
            let mut running = folder.start(arguments);
            stalls(&mut running);
            let started = Instant::now();
            running.send(signal);
            let ended = running.child.wait().unwrap();
            let by_signal = std::os::unix::process::ExitStatusExt::signal(&ended);
            let ended = ended.code().or(by_signal.map(|signal| 128 + signal));
            assert_eq!(ended, Some(code), "{arguments:?} {signal}");
            assert!(
                started.elapsed() < SOON,
                "{arguments:?} {signal}: {:?}",
                started.elapsed()
            );
        }
    }
}

#[test]
fn a_reader_that_resumes_gets_every_line_in_order() {
    let folder = Folder::with(&[("count.js", "for (let i = 0; i < 60_000; i++) print(i)")]);
    let expected: String = (0..60_000).map(|i| format!("{i}\n")).collect();
    for arguments in [
        &["run", "count.js"][..],
        &["repl", "-e", "for (let i = 0; i < 60_000; i++) print(i)"],
    ] {
        let mut running = folder.start(arguments);
        stalls(&mut running);
        // It has not been read on for as long as this takes.
        folder.cla(&["sem", "list"]);
        assert_eq!(running.end().printed(), expected, "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    for arguments in [
        &["run", "flood.js"][..],
        &["repl", "-e", "for (;;) print('line')"],
    ] {
        let folder = Folder::with(&[("flood.js", FLOOD)]);
        let mut running = folder.start(arguments);
        stalls(&mut running);
        running.stop_reading();
        assert_eq!(running.exit_code(), Some(141), "{arguments:?}");
        assert_eq!(running.rest_of_stderr(), "", "{arguments:?}");
    }
}

#[test]
fn both_streams_to_one_place_stay_in_order() {
    let folder = Folder::with(&[(
        "both.js",
        "for (let i = 0; i < 20_000; i++) { print('out', i); console.error('err', i) }",
    )]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = folder.command(&["run", "both.js"]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut running = Running::start(command);
    let text = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    // The command, which holds the pipe too, is gone.
    assert_eq!(running.exit_code(), Some(0));
    let expected: String = (0..20_000).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(text.join().unwrap(), expected);
}

#[test]
fn events_that_nobody_reads_do_not_keep_the_program() {
    let folder = Folder::with(&[]);
    let mut running = folder.start(&["sem", "events"]);
    folder.until_known(running.child.id());
    for _ in 0..3 {
        folder.cla(&["sem", "slots", "x", "2"]).printed();
    }
    stalls(&mut running);
    running.send(Signal::SIGINT);
    assert_eq!(running.exit_code(), Some(130));
}
