//! A thousand forks of one rulebook that queue for one semaphore: what they took is given back, memory included.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::sync::Arc;

use cla_runtime::semaphore::SemaphoreName;
use cla_runtime::{Engine, RunOptions, Script};
use cla_tests::output::Printed;
use futures_util::FutureExt;
use peak_alloc::PeakAlloc;
use serde_json::json;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What may be kept: room of queues, tables and channels that grew.
const ROOM: usize = 512 * 1024;

/// The first keeps its slot until all others wait.
const BOOK: &str = "
do:
  - foreach: {var: n, in: '{{ Array.from({ length: count }, (_, n) => n) }}'}
    do:
      - parallel: wait
        semaphore: crowded
        do:
          - js: |
              const sem = require('cla/sem'), util = require('cla/util');
              while (n === 0 && sem.show('crowded').waiting < count - 1) util.sleep(0.005);
          - echo: ${n}
";

/// Runs the rulebook, and gives what it printed; how much memory was in use at most.
fn run(engine: &Engine, count: usize) -> (Vec<String>, usize) {
    MEMORY.reset_peak_usage();
    let lines = Arc::new(Printed::default());
    let options = RunOptions::new()
        .stash(json!({"count": count}))
        .output(lines.clone());
    let report = engine.run(Script::new("book.yml", BOOK), options).wait();
    report.result.unwrap();
    assert_eq!(
        report.regions.len(),
        0,
        "the forks have records of their own"
    );
    let peak = MEMORY.peak_usage();
    engine.idle().now_or_never().unwrap();
    let name = SemaphoreName::new("crowded").unwrap();
    let view = engine.semaphores().show(&name).now_or_never().unwrap();
    let view = view.unwrap().unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
    (lines.lines(), peak)
}

#[test]
fn a_thousand_forks_on_one_semaphore_leave_memory_where_it_was() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    // What is made once, and the room that stays, is there after this.
    run(&engine, 1_000);
    let before = MEMORY.current_usage();
    let mapped_before = mapped();
    let (lines, peak) = run(&engine, 1_000);
    let order: Vec<usize> = lines.iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!(order, (0..1_000).collect::<Vec<_>>());
    drop(lines);
    drop(order);
    let after = MEMORY.current_usage();
    assert!(
        peak > before + 100 * 1024 * 1024,
        "they did not wait all at once: {peak}"
    );
    assert!(after <= before + ROOM, "from {before} to {after} bytes");
    // The stacks of the forks are no part of that.
    if let (Some(before), Some(after)) = (mapped_before, mapped()) {
        assert!(
            after <= before + (64 << 20),
            "from {before} to {after} bytes mapped"
        );
    }
}

/// How much address space the process uses, where that can be told.
fn mapped() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').next()?.parse().ok()?;
    Some(pages * 4096)
}
