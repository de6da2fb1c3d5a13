//! Outputs whose reader is slow or gone: who waits, who goes on, and what arrives.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::output::{OutputStream, OutputWait, QueuedOutput};
use cla_runtime::semaphore::{Request, SemaphoreName, Semaphores};
use cla_runtime::{Engine, Limits, Output, RunOptions, Script};

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes one text, and is never ready again.
#[derive(Default)]
struct Full {
    taken: AtomicBool,
}

impl Output for Full {
    fn write(&self, _: OutputStream, _: &str) {
        self.taken.store(true, Ordering::Release);
    }

    fn ready(&self, _: OutputStream) -> Option<OutputWait<'_>> {
        let full = self.taken.load(Ordering::Acquire);
        full.then(|| Box::pin(std::future::pending()) as OutputWait<'_>)
    }
}

/// A writer that is held back until it is opened, and what it has written.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    open: bool,
    text: Vec<u8>,
}

impl Gate {
    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().text.clone()).unwrap()
    }
}

impl Write for Gate {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let mut written = self.0.0.lock().unwrap();
        while !written.open {
            written = self.0.1.wait(written).unwrap();
        }
        // A few bytes at a time, as a pipe may.
        let some = &text[..text.len().min(1000)];
        written.text.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated() -> (Gate, Arc<QueuedOutput>) {
    let gate = Gate::default();
    let output = Arc::new(QueuedOutput::new(gate.clone(), io::sink()));
    (gate, output)
}

fn engine(semaphores: &Semaphores) -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .semaphores(semaphores.clone())
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

fn limited(output: Arc<dyn Output>, limit: u64) -> RunOptions {
    let limits = Limits::default().timeout(Duration::from_millis(limit));
    RunOptions::new().limits(limits).output(output)
}

/// Everything that writes, without end, while the run holds the slot of `slot`.
const FLOODS: &[(&str, &str)] = &[
    ("print.js", "for (;;) print('line')"),
    ("log.js", "for (;;) console.log('line %s', { a: 1 })"),
    ("error.js", "for (;;) console.error('line')"),
    ("trace.js", "for (;;) console.trace('line')"),
    ("table.js", "for (;;) console.table([[1, 2], [3, 4]])"),
    ("count.js", "for (;;) console.count('label')"),
    ("time.js", "for (;;) console.timeEnd('label')"),
    ("assert.js", "for (;;) console.assert(false, 'line')"),
    ("group.js", "for (;;) console.group('line')"),
    ("dir.js", "for (;;) console.dir({ a: 1 })"),
    ("printf.js", "for (;;) cla.printf('%s', 'word ')"),
    ("dump.js", "for (;;) cla.dump({ a: 1 })"),
    (
        "logger.js",
        "const log = require('cla/log'); for (;;) log.info('line', { a: 1 })",
    ),
    (
        "bench.js",
        "const util = require('cla/util'); for (;;) util.benchmark(1, () => 1)",
    ),
    ("huge.js", "print('x'.repeat(50e6)); print('y'); print('z')"),
    ("timer.js", "setInterval(() => console.log('line'), 0)"),
    (
        "promise.js",
        "(async () => { for (;;) { await null; console.log('line') } })()",
    ),
    (
        "catches.js",
        "for (;;) { try { print('line') } catch {} finally { continue } }",
    ),
    (
        "echo.yml",
        "do:\n  - semaphore: slot\n    while: true\n    do: [echo: line]\n",
    ),
    (
        "log.yml",
        "do:\n  - semaphore: slot\n    while: true\n    do: [log: line]\n",
    ),
    (
        "shell.yml",
        "do:\n  - semaphore: slot\n    shell: 'while true; do echo line; done'\n",
    ),
    (
        "shout.yml",
        "do:\n  - semaphore: slot\n    shell: 'while true; do echo line >&2; done'\n",
    ),
    (
        "finally.yml",
        "do:\n  - semaphore: slot\n    try: [{while: true, do: [echo: line]}]\n    finally: [echo: a, echo: b, shell: echo c]\n",
    ),
];

#[test]
fn whatever_writes_to_a_full_output_ends_in_time_and_its_slot_is_free() {
    for (name, text) in FLOODS {
        let semaphores = Semaphores::memory();
        let engine = engine(&semaphores);
        let started = Instant::now();
        let text = match name.ends_with(".js") {
            true => format!("require('cla/sem').acquire('slot'); {text}"),
            false => (*text).to_owned(),
        };
        let script = Script::new(*name, text);
        let limits = Limits::default().timeout(Duration::from_millis(300));
        let limits = match name {
            // What holds the end of the run goes on until the grace is over.
            &"catches.js" => limits.grace(Duration::from_secs(1)),
            _ => limits,
        };
        let output = Arc::new(Full::default());
        let report = engine
            .run(script, RunOptions::new().limits(limits).output(output))
            .wait();
        let error = report.result.expect_err(name);
        assert_eq!(error.kind, ErrorKind::TimedOut, "{name}: {error}");
        // A `finally` has ten seconds; an output that takes nothing is not waited for so long.
        assert!(started.elapsed() < Duration::from_secs(8), "{name}");
        assert_eq!(report.semaphores[0].taken, 1, "{name}");
        assert!(is_free(&semaphores), "{name} keeps its slot");
    }
}

fn is_free(semaphores: &Semaphores) -> bool {
    let slot = SemaphoreName::new("slot").unwrap();
    let slot = semaphores.semaphore(&slot);
    slot.try_acquire_now(Request::new()).is_ok()
}

#[tokio::test(flavor = "current_thread")]
async fn a_host_on_one_thread_cancels_what_waits_for_its_output_and_neighbours_go_on() {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let flood = Script::new(
        "flood.js",
        "require('cla/sem').take('slot', () => { for (;;) print('x') })",
    );
    let flood = engine.run(flood, RunOptions::new().output(Arc::new(Full::default())));
    let neighbour = Script::new(
        "neighbour.js",
        "let ticks = 0;
         await new Promise((done) => {
             const timer = setInterval(() => { if (++ticks === 30) { clearInterval(timer); done() } }, 10);
         });
         ticks",
    );
    let report = engine.run(neighbour, RunOptions::new()).await;
    assert_eq!(report.result.unwrap(), 30);
    // Another waits for the slot, and gets it when the first is cancelled.
    let waiter = Script::new("waiter.js", "require('cla/sem').take('slot', () => 'in')");
    let waiter = engine.run(waiter, RunOptions::new());
    let started = Instant::now();
    flood.cancel();
    assert_eq!(waiter.await.result.unwrap(), "in");
    assert_eq!(flood.await.result.unwrap_err().kind, ErrorKind::Cancelled);
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_reader_that_resumes_gets_every_line_in_order() {
    let (gate, output) = gated();
    let engine = engine(&Semaphores::memory());
    let text = "for (let i = 0; i < 60_000; i++) print('line ' + i)";
    let options = RunOptions::new().output(output.clone());
    let run = engine.run(Script::new("flood.js", text), options);
    // It waits for room now, and others do not.
    while output.backlog() < 256 * 1024 {
        std::thread::yield_now();
    }
    let other = engine
        .run(Script::new("other.js", "1 + 1"), RunOptions::new())
        .wait();
    assert_eq!(other.result.unwrap(), 2);
    assert!(output.backlog() < 512 * 1024, "what is kept has a bound");
    gate.open();
    assert!(run.wait().is_ok());
    // The report is out when all is written.
    let expected: String = (0..60_000).map(|i| format!("line {i}\n")).collect();
    assert_eq!(gate.text(), expected);
}

#[test]
fn one_that_writes_little_does_not_wait_behind_one_that_floods() {
    let (gate, output) = gated();
    let engine = engine(&Semaphores::memory());
    let flood = "for (;;) print('flood')";
    let flood = engine.run(
        Script::new("flood.js", flood),
        limited(output.clone(), 60_000),
    );
    while output.backlog() < 256 * 1024 {
        std::thread::yield_now();
    }
    let options = RunOptions::new().output(output);
    let little = engine.run(Script::new("little.js", "print('little')"), options);
    gate.open();
    assert!(little.wait().is_ok());
    flood.cancel();
    assert_eq!(flood.wait().result.unwrap_err().kind, ErrorKind::Cancelled);
    assert!(gate.text().contains("\nlittle\n"));
}

#[test]
fn a_run_whose_text_nobody_takes_is_out_of_time_although_its_code_has_ended() {
    let (_gate, output) = gated();
    let engine = engine(&Semaphores::memory());
    let run = engine.run(
        Script::new("short.js", "print('short')"),
        limited(output, 200),
    );
    assert_eq!(run.wait().result.unwrap_err().kind, ErrorKind::TimedOut);
}

#[test]
fn a_long_text_arrives_whole() {
    let (gate, output) = gated();
    gate.open();
    let engine = engine(&Semaphores::memory());
    let text = "print('語'.repeat(100_000)); print('end')";
    let run = engine.run(
        Script::new("long.js", text),
        RunOptions::new().output(output),
    );
    assert!(run.wait().is_ok());
    assert_eq!(gate.text(), format!("{}\nend\n", "語".repeat(100_000)));
}

#[test]
fn a_writer_that_fails_or_panics_gets_no_more_and_the_run_goes_on() {
    for kind in [Some(io::ErrorKind::BrokenPipe), None] {
        let output = QueuedOutput::joined(move |stream, text| match (stream, kind) {
            (OutputStream::Stderr, _) => Ok(text.len()),
            (OutputStream::Stdout, Some(kind)) => Err(kind.into()),
            (OutputStream::Stdout, None) => panic!("the test's writer"),
        });
        let output = Arc::new(output);
        let text = "for (let i = 0; i < 100_000; i++) print('line'); console.error('end'); 1";
        let engine = engine(&Semaphores::memory());
        let run = engine.run(
            Script::new("a.js", text),
            RunOptions::new().output(output.clone()),
        );
        assert_eq!(run.wait().result.unwrap(), 1);
        let failure = output.failure(OutputStream::Stdout).unwrap();
        assert_eq!(failure.kind(), kind.unwrap_or(io::ErrorKind::Other));
        assert!(output.failure(OutputStream::Stderr).is_none());
        assert!(output.flush(PATIENCE));
    }
}

#[test]
fn what_is_abandoned_is_waited_for_no_more() {
    let (_gate, output) = gated();
    let engine = engine(&Semaphores::memory());
    let options = RunOptions::new().output(output.clone());
    let text = "for (let i = 0; i < 100_000; i++) print('line'); 'end'";
    let run = engine.run(Script::new("flood.js", text), options);
    while output.backlog() < 256 * 1024 {
        std::thread::yield_now();
    }
    assert!(!output.flush(Duration::from_millis(1)));
    assert!(output.stalled().is_some());
    output.abandon();
    assert_eq!(run.wait().result.unwrap(), "end");
    assert!(output.stalled().is_none());
    assert!(output.flush(Duration::ZERO));
}
