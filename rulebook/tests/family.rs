//! A run with all that it starts has one budget of memory, one limit of time, and one grace.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, Limits, RuleError, RunOptions, RunReport, Script};
use cla_tests::output::Printed;

const MIB: usize = 1024 * 1024;

/// What must happen in the end has so long, once.
const GRACE: Duration = Duration::from_secs(10);

/// Machines are busy.
const SLACK: Duration = Duration::from_secs(8);

fn engine() -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(2)
        .with(cla_rulebook::install)
        .build()
}

/// Runs a rulebook to its end, and all that it left.
fn run(book: &str, limits: Limits) -> (RunReport, Arc<Printed>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.yml");
    std::fs::write(&file, book).unwrap();
    let (engine, lines) = (engine(), Arc::new(Printed::default()));
    let options = RunOptions::new().limits(limits).output(lines.clone());
    let report = engine.run(Script::file(file), options).wait();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(engine.idle());
    (report, lines)
}

/// The last of an error's causes.
fn innermost(error: &RuleError) -> &RuleError {
    error.cause.as_deref().map_or(error, innermost)
}

/// The most memory that this process has ever had, in bytes; `None` where the system does not say.
fn most_resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: usize = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

const FORKS: &str = "
do:
  - foreach: '{{ Array.from({length: 60}, (_, n) => n) }}'
    do:
      - parallel: wait
        do:
          - do: 'kept = Array.from({length: 200000}, (_, n) => n)'
          - sleep: 1h
";

const GENERATIONS: &str = "
do:
  - do: 'kept = Array.from({length: 200000}, (_, n) => n)'
  - call: ./book.yml
";

#[test]
fn forks_and_children_share_one_limit_of_memory() {
    for book in [FORKS, GENERATIONS] {
        let limits = Limits::default().memory(32 * MIB);
        let (report, _) = run(book, limits);
        let error = report.result.unwrap_err();
        let innermost = innermost(&error);
        assert!(
            innermost.message.contains("32 MiB") && innermost.message.contains("memory"),
            "{error}"
        );
        assert!(
            report.peak_memory > 16 * MIB && report.peak_memory <= 48 * MIB,
            "{}",
            report.peak_memory
        );
    }
    // Each of the 60 and the 50 would have taken several megabytes. The tests of this file run side by side.
    if let Some(most) = most_resident() {
        assert!(most < 500 * MIB, "{} MiB", most / MIB);
    }
}

#[test]
fn a_fork_that_takes_too_much_fails_and_the_others_go_on() {
    let book = "
do:
  - parallel: wait
    on_error: ignore
    do: [{do: 'const a = []; for (;;) a.push({})'}]
  - parallel: wait
    do:
      - foreach: '{{ Array.from({length: 20}, (_, n) => n) }}'
        do: [{sleep: 5ms}, {do: 'kept = [1].concat([2])'}]
      - echo: the other has ended
  - wait_children:
  - echo: all has ended
";
    let (report, lines) = run(book, Limits::default().memory(32 * MIB));
    // Out of memory is nothing that the fork itself can ignore.
    let error = report.result.unwrap_err();
    assert!(error.message.contains("32 MiB"), "{error}");
    let book = book.replace("  - wait_children:\n", "").replace(
        "  - echo: all has ended",
        "  - try: [{wait_children: }]\n    catch: [{echo: 'caught ${error_message}'}]\n  - echo: all has ended",
    );
    drop(lines);
    let (report, lines) = run(&book, Limits::default().memory(32 * MIB));
    report.result.unwrap();
    assert_eq!(lines.count("caught"), 1);
    assert_eq!(lines.count("all has ended"), 1);
}

#[test]
fn values_of_forks_count_until_they_are_looked_at() {
    let book = "
do:
  - foreach: '{{ Array.from({length: 40}, (_, n) => n) }}'
    do:
      - {parallel: wait, register: 'r${it}', do: [{return: '{{ \"x\".repeat(1000000) }}'}]}
      - sleep: 10ms
  - do: 'while (true) {}'
";
    let limits = Limits::default()
        .memory(16 * MIB)
        .timeout(Duration::from_secs(3));
    let (report, _) = run(book, limits);
    let error = report.result.unwrap_err();
    assert!(
        error.kind == ErrorKind::TimedOut || innermost(&error).message.contains("16 MiB"),
        "{error}"
    );
    assert!(report.peak_memory > 8 * MIB, "{}", report.peak_memory);
}

#[test]
fn what_has_ended_takes_nothing_from_those_that_follow() {
    let book = "
do:
  - foreach: '{{ Array.from({length: 40}, (_, n) => n) }}'
    do:
      - parallel: wait
        do: [{do: 'kept = Array.from({length: 200000}, (_, n) => n).length'}]
      - wait_children:
";
    let (report, _) = run(book, Limits::default().memory(16 * MIB));
    report.result.unwrap();
}

#[test]
fn so_many_runs_live_at_once_and_no_more() {
    let book = "
do:
  - try:
      - foreach: '{{ Array.from({length: 6}, (_, n) => n) }}'
        do:
          - echo: fork ${it}
          - {parallel: leave, sleep: 1h}
    catch: [{echo: 'refused: ${error_message}'}]
  - return: 1
";
    let lines = Arc::new(Printed::default());
    let engine = engine();
    let options = RunOptions::new()
        .limits(Limits::default().runs(4))
        .output(lines.clone());
    let report = engine.run(Script::new("book.yml", book), options).wait();
    assert_eq!(report.result.unwrap(), 1);
    assert_eq!(lines.count("fork"), 5);
    assert_eq!(
        lines.count("refused: a run cannot have more than 4 runs at once"),
        1
    );
    assert_eq!(engine.runs().len(), 4);
    engine.cancel_all();
}

#[test]
fn forks_that_double_end_by_an_error() {
    for how in ["wait", "leave"] {
        let book = format!(
            "
def:
  double:
    do:
      - {{parallel: {how}, double: }}
      - {{parallel: {how}, double: }}
do:
  - double:
"
        );
        let limits = Limits::default()
            .memory(24 * MIB)
            .timeout(Duration::from_secs(60));
        let (report, lines) = run(&book, limits);
        let refused = "no memory left to start another run";
        match report.result {
            // Whether there was no memory to start with, or none left to go on.
            Err(error) => assert!(innermost(&error).message.contains("24 MiB"), "{error}"),
            Ok(_) => assert!(lines.count(refused) > 0, "{how}"),
        }
    }
}

#[test]
fn what_a_run_left_has_no_time_of_its_own() {
    let book = "
def:
  again:
    do:
      - echo: again
      - sleep: 100ms
      - {parallel: leave, again: }
do:
  - again:
";
    let start = Instant::now();
    let (report, lines) = run(book, Limits::default().timeout(Duration::from_millis(500)));
    report.result.unwrap();
    let seen = lines.count("again");
    assert!((2..12).contains(&seen), "{seen} generations of 50");
    assert!(start.elapsed() < SLACK, "{:?}", start.elapsed());
}

#[test]
fn a_rule_that_another_one_runs_has_what_is_left_of_its_time() {
    let book = "
do:
  - sleep: 100ms
  - call: ./book.yml
";
    let start = Instant::now();
    let (report, _) = run(book, Limits::default().timeout(Duration::from_millis(500)));
    assert_eq!(report.result.unwrap_err().kind, ErrorKind::TimedOut);
    assert!(start.elapsed() < SLACK);
}

#[test]
fn there_is_one_grace_for_a_run_with_all_that_it_started() {
    let nested = "
do:
  - try:
      - try:
          - try:
              - try: [{sleep: 1h}]
                finally: [{echo: end}, {sleep: 1h}]
            finally: [{echo: end}, {sleep: 1h}]
        finally: [{echo: end}, {sleep: 1h}]
    finally: [{echo: end}, {sleep: 1h}]
";
    let within = "
def:
  cleanup:
    do:
      - try: [{echo: end}, {sleep: 1h}]
        finally: [{try: [{sleep: 1h}], finally: [{sleep: 1h}]}]
do:
  - try: [{sleep: 1h}]
    finally: [{cleanup: }]
";
    let forks = "
def:
  cleanup:
    do:
      - try: [{parallel: wait, cleanup: }, {sleep: 1h}]
        finally: [{echo: end}, {sleep: 1h}]
do:
  - cleanup:
";
    let started_in_the_end = "
do:
  - try: [{sleep: 1h}]
    finally:
      - echo: end
      - parallel: wait
        do:
          - try: [{echo: started}, {sleep: 1h}]
            finally: [{parallel: wait, sleep: 1h}, {call: ./book.yml}]
";
    let ops = "
do:
  - try:
      - timeout: 10ms
        do:
          - try: [{sleep: 1h}]
            finally: [{echo: end}, {try: [{sleep: 1h}], finally: [{sleep: 1h}]}]
    finally: [{sleep: 1h}]
";
    let computing = "
do:
  - try: [{do: 'for (;;);'}]
    finally:
      - echo: end
      - try: [{do: 'for (;;);'}]
        finally: [{do: 'for (;;);'}]
";
    let limit = Duration::from_millis(200);
    std::thread::scope(|scope| {
        for book in [nested, within, forks, started_in_the_end, ops, computing] {
            scope.spawn(move || {
                let start = Instant::now();
                let (report, lines) = run(book, Limits::default().timeout(limit));
                let error = report.result.unwrap_err();
                let took = start.elapsed();
                assert_eq!(error.kind, ErrorKind::TimedOut, "{book}: {error}");
                assert!(lines.count("end") > 0, "{book}");
                assert!(took < limit + GRACE + SLACK, "{took:?}: {book}");
                if book == started_in_the_end {
                    assert_eq!(lines.count("started"), 1, "what cleans up may start runs");
                }
            });
        }
    });
}

#[test]
fn a_cancelled_run_shares_its_grace_with_its_forks() {
    let book = "
def:
  cleanup:
    do:
      - try: [{parallel: wait, cleanup: }, {echo: ready}, {sleep: 1h}]
        finally: [{echo: end}, {sleep: 1h}]
do:
  - cleanup:
";
    let (engine, lines) = (engine(), Arc::new(Printed::default()));
    let options = RunOptions::new()
        .limits(Limits::default().runs(6))
        .output(lines.clone());
    let handle = engine.run(Script::new("book.yml", book), options);
    let canceller = handle.canceller();
    while lines.count("ready") == 0 {
        std::thread::yield_now();
    }
    let start = Instant::now();
    canceller.cancel();
    assert!(handle.wait().result.is_err());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(engine.idle());
    assert!(start.elapsed() < GRACE + SLACK, "{:?}", start.elapsed());
}

#[test]
fn a_run_that_needs_no_grace_ends_at_its_limit() {
    let book = "
do:
  - try: [{parallel: wait, do: [{sleep: 1h}]}, {sleep: 1h}]
    finally: [{echo: end}]
";
    let start = Instant::now();
    let (report, lines) = run(book, Limits::default().timeout(Duration::from_millis(100)));
    assert_eq!(report.result.unwrap_err().kind, ErrorKind::TimedOut);
    assert_eq!(lines.count("end"), 1);
    assert!(start.elapsed() < GRACE / 2, "{:?}", start.elapsed());
}

#[test]
fn an_op_of_what_must_happen_in_the_end_has_its_own_time() {
    let book = "
do:
  - try: [{sleep: 1h}]
    finally:
      - try: [{timeout: 50ms, sleep: 1h}]
        catch: [{echo: 'caught ${error_message}'}]
      - echo: end
";
    let start = Instant::now();
    let (report, lines) = run(book, Limits::default().timeout(Duration::from_millis(100)));
    assert_eq!(report.result.unwrap_err().kind, ErrorKind::TimedOut);
    assert_eq!(lines.count("caught"), 1);
    assert_eq!(lines.count("end"), 1);
    assert!(start.elapsed() < GRACE / 2, "{:?}", start.elapsed());
}
