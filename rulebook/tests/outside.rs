//! What rulebooks read and write outside of them is bounded, and ends with the op that asked for it.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(unix)]

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::output::OutputStream;
use cla_runtime::{Engine, Limits, Output, RuleError, RunOptions, Script};
use serde_json::Value;

/// Counts what a run prints, and keeps the beginning.
#[derive(Default)]
struct Counted {
    bytes: AtomicUsize,
    longest: AtomicUsize,
    text: Mutex<String>,
}

impl Output for Counted {
    fn write(&self, _: OutputStream, text: &str) {
        self.bytes.fetch_add(text.len(), Ordering::Relaxed);
        self.longest.fetch_max(text.len(), Ordering::Relaxed);
        let mut kept = self.text.lock().unwrap();
        if kept.len() < 1_000_000 {
            kept.push_str(text);
        }
    }
}

fn run(book: &str, limits: Limits) -> (Result<Value, RuleError>, Arc<Counted>) {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let output = Arc::new(Counted::default());
    let options = RunOptions::new().limits(limits).output(output.clone());
    let report = engine.run(Script::new("book.yml", book), options).wait();
    (report.result, output)
}

fn soon() -> Limits {
    Limits::default().timeout(Duration::from_secs(60))
}

#[track_caller]
fn fails_with(book: &str, limits: Limits, expected: &str) {
    let error = run(book, limits).0.expect_err(book);
    assert_eq!(error.kind, ErrorKind::Exception, "{book}: {error}");
    assert!(error.message.contains(expected), "{book}: {error}");
}

/// A file beside which a command notes who it is.
fn is_gone(pid_file: &Path) {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let there = Path::new("/proc").join(pid.trim());
    let patience = Instant::now() + Duration::from_secs(30);
    while there.exists() {
        // A zombie has ended.
        let stat = std::fs::read_to_string(there.join("stat")).unwrap_or_default();
        if stat.contains(") Z") {
            return;
        }
        assert!(Instant::now() < patience, "{pid} still runs");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_command_whose_output_is_kept_is_killed_when_it_writes_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    for endless in [
        "cat /dev/zero",
        "yes",
        "cat /dev/zero >&2",
        "cat /dev/zero & cat /dev/zero >&2",
        "head -c 17000000 /dev/zero",
    ] {
        let book = format!(
            "do:\n  - shell: 'echo $$ > {}; {endless}'\n    register: out\n",
            pid.display()
        );
        fails_with(&book, soon(), "the command writes more than 16777216 bytes");
        is_gone(&pid);
    }
}

#[test]
fn what_a_command_writes_counts_as_memory_of_the_run() {
    let small = || soon().memory(6 << 20);
    let book = "do:\n  - shell: head -c 5000000 /dev/zero\n    register: out\n";
    fails_with(book, small(), "more than the run's memory can hold");
    // It can go on.
    let book =
        "do:\n  - shell: cat /dev/zero\n    register: out\n    on_error: ignore\n  - echo: on\n";
    let (result, output) = run(book, small());
    result.unwrap();
    assert!(output.text.lock().unwrap().ends_with("on\n"));
}

#[test]
fn output_without_an_end_of_line_is_handed_on_in_pieces_until_the_run_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let book = format!(
        "do:\n  - shell: 'echo $$ > {}; cat /dev/zero'\n",
        pid.display()
    );
    let limits = Limits::default().timeout(Duration::from_millis(500));
    let (result, output) = run(&book, limits);
    assert_eq!(result.unwrap_err().kind, ErrorKind::TimedOut);
    assert!(output.bytes.load(Ordering::Relaxed) > 0);
    assert!(output.longest.load(Ordering::Relaxed) <= (64 << 10) + (16 << 10));
    is_gone(&pid);
}

#[test]
fn a_long_line_is_whole_when_its_pieces_are_put_together() {
    for (unit, count) in [("é", 100_000), ("日本", 40_000), ("🦀x", 50_000)] {
        let book = format!("do:\n  - shell: yes '{unit}' | head -n {count} | tr -d '\\n'\n");
        let (result, output) = run(&book, soon());
        result.unwrap();
        let text = output.text.lock().unwrap();
        assert!(*text == unit.repeat(count), "{unit}: {} bytes", text.len());
    }
}

#[test]
fn only_files_are_read_and_no_more_than_the_run_can_hold() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::fs::File::create(at("huge"))
        .unwrap()
        .set_len(10 << 30)
        .unwrap();
    std::fs::write(at("bytes"), b"\xff\xfe\xfd").unwrap();
    let folder = folder.path().display();
    for (path, expected) in [
        ("/dev/zero".to_owned(), "it is a device"),
        ("/dev/random".to_owned(), "it is a device"),
        (format!("{folder}"), "it is a folder"),
        (format!("{folder}/pipe"), "it is a named pipe"),
        (format!("{folder}/huge"), "it has more than"),
        (format!("{folder}/bytes"), "UTF-8"),
        (format!("{folder}/none"), "there is no such file"),
    ] {
        let book = format!("do:\n  - read_file: {{path: {path}}}\n    register: text\n");
        fails_with(&book, soon(), expected);
    }
    for (path, contents) in [("/dev/null", ""), ("/proc/self/comm", "cla")] {
        let book = format!(
            "do:\n  - read_file: {{path: {path}}}\n    register: text\n  - echo: ${{text}}\n"
        );
        let (result, output) = run(&book, soon());
        result.unwrap_or_else(|error| panic!("{path}: {error}"));
        let text = output.text.lock().unwrap();
        assert!(contents.is_empty() || !text.is_empty(), "{path}: {text}");
    }
}

#[test]
fn what_takes_nothing_is_written_to_no_longer_than_the_op_may_take() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // More than a pipe takes.
    let text = "x".repeat(300_000);
    let write = |path: &str| {
        format!("do:\n  - write_file: {{path: {path}, text: {text}}}\n    timeout: 100ms\n")
    };
    fails_with(&write("/dev/full"), soon(), "no room left");
    let path = pipe.display().to_string();
    // Nobody reads.
    fails_with(&write(&path), soon(), "ENXIO");
    // Somebody has it open, and takes nothing.
    let reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    for _ in 0..40 {
        let error = run(&write(&path), soon()).0.unwrap_err();
        assert!(!error.message.contains("(E"), "{error}");
    }
    drop(reader);
    // All threads are free again.
    let file = folder.path().join("file");
    let book = format!(
        "do:\n  - write_file: {{path: {0}, text: some text}}\n  - read_file: {{path: {0}}}\n",
        file.display()
    );
    run(&book, soon()).0.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "some text");
}
