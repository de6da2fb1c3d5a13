//! What we measure of ourselves. Each function is one side of a row of `cargo xtask bench`; its peer stands in
//! [`crate::peers`] and does the same work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use cla_runtime::{Engine, RunHandle, RunOptions, Script};
use cla_semaphore::{Owner, RunId, Semaphore, SemaphoreName, Semaphores};
use tokio::runtime::Builder;

use crate::sample::{Effort, ROUNDS, resident_bytes};
use crate::tasks;

/// Nanoseconds of one `sem.take` with a free slot: one rule that does it again and again, timed from its start to its
/// report.
pub(crate) fn take(effort: Effort) -> Result<f64> {
    let takes = effort.times(200_000);
    let engine = engine(&Semaphores::memory());
    let rule = Script::new(
        "take.js",
        format!(
            "const {{ take }} = require('cla/sem');
             const nothing = () => {{}};
             for (let i = 0; i < {takes}; i++) take('free', nothing);"
        ),
    );
    effort.nanoseconds(takes, || {
        finish([engine.run(rule.clone(), RunOptions::new())])
    })
}

/// Nanoseconds of one awaited `runOrFail` with a free slot, on the adapter in memory, timed as [`take`] is. `work` is what
/// it does.
pub(crate) fn run_or_fail(work: &str, effort: Effort) -> Result<f64> {
    let times = effort.times(200_000);
    let engine = engine(&Semaphores::memory());
    let rule = Script::new(
        "run-or-fail.mjs",
        format!(
            "import {{ MemorySemaphoreAdapter, SemaphoreProvider }} from 'cla/semaphore';
             const semaphore = new SemaphoreProvider({{ adapter: new MemorySemaphoreAdapter() }}).create('free');
             const work = {work};
             for (let i = 0; i < {times}; i++) await semaphore.runOrFail(work);"
        ),
    );
    effort.nanoseconds(times, || {
        finish([engine.run(rule.clone(), RunOptions::new())])
    })
}

/// Nanoseconds of one hand-over with `waiting` rules in line, all on one worker thread, as
/// [`crate::peers::thread_hand_over`] measures it.
pub(crate) fn rule_hand_over(waiting: usize, effort: Effort) -> Result<f64> {
    let rounds = effort.times(ROUNDS);
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let queue = SemaphoreName::new("queue")?;
    let gate = SemaphoreName::new("gate")?;
    let first = semaphores.semaphore(&queue).acquire().blocking()?;
    let last = semaphores.semaphore(&gate).acquire().blocking()?;
    let rule = Script::new(
        "hand-over.js",
        format!(
            "const {{ take }} = require('cla/sem');
             for (let i = 0; i < {rounds}; i++) take('queue', () => {{}});
             take('gate', () => {{}});"
        ),
    );
    let runs: Vec<_> = (0..waiting)
        .map(|_| engine.run(rule.clone(), RunOptions::new()))
        .collect();
    wait_for_waiters(&semaphores, &queue, waiting)?;
    let started = Instant::now();
    drop(first);
    wait_for_waiters(&semaphores, &gate, waiting)?;
    let time = started.elapsed();
    drop(last);
    finish(runs)?;
    Ok(time.as_nanos() as f64 / (waiting as f64 * f64::from(rounds)))
}

/// Resident bytes of each of `count` rules that are blocked in `take`.
pub(crate) fn rule_memory(count: usize) -> Result<f64> {
    let semaphores = Semaphores::memory();
    let engine = engine(&semaphores);
    let queue = SemaphoreName::new("queue")?;
    let rule = Script::new("blocked.js", "require('cla/sem').take('queue', () => {});");
    // The worker threads and what all rules share are not the rules' own.
    finish([engine.run(rule.clone(), RunOptions::new())])?;
    let first = semaphores.semaphore(&queue).acquire().blocking()?;
    let before = resident_bytes()?;
    let runs: Vec<_> = (0..count)
        .map(|_| engine.run(rule.clone(), RunOptions::new()))
        .collect();
    wait_for_waiters(&semaphores, &queue, count)?;
    let bytes = (resident_bytes()? - before) / count as f64;
    drop(first);
    finish(runs)?;
    Ok(bytes)
}

/// Nanoseconds to acquire and release a free slot of the memory store.
pub(crate) fn acquire(effort: Effort) -> Result<f64> {
    let semaphore = semaphore()?;
    tasks::free(effort, || semaphore.acquire())
}

/// Hand-overs a second between `waiting` tasks.
pub(crate) fn task_hand_overs(waiting: usize, effort: Effort) -> Result<f64> {
    let semaphore = semaphore()?;
    tasks::hand_overs(waiting, effort, move || semaphore.acquire())
}

/// Nanoseconds of one hand-over, `waiting` in line.
pub(crate) fn queue(waiting: usize, effort: Effort) -> Result<f64> {
    let semaphore = semaphore()?;
    tasks::queue(waiting, effort, || semaphore.acquire())
}

/// As [`queue`], but each waiter is a run, so that every one that joins the line is looked at for a deadlock.
pub(crate) fn run_queue(waiting: usize, effort: Effort) -> Result<f64> {
    let semaphore = semaphore()?;
    // One run holds the slot, the others wait; who was released first comes back first.
    let runs: Vec<Owner> = (0..=waiting)
        .map(|_| Owner::new("bench").with_run(RunId::unique()))
        .collect();
    let turns = Cell::new(0);
    tasks::queue(waiting, effort, || {
        let turn = turns.replace(turns.get() + 1);
        let owner = runs[turn % runs.len()].clone();
        semaphore.acquire().owner(owner)
    })
}

/// A handle to a semaphore with one slot in memory, as a host keeps it.
fn semaphore() -> Result<Semaphore> {
    Ok(Semaphores::memory().semaphore(&SemaphoreName::new("queue")?))
}

/// An engine with one worker thread and the standard library, as the `cla` program has it.
fn engine(semaphores: &Semaphores) -> Engine {
    Engine::builder()
        .permissions(cla_runtime::Permissions::all())
        .workers(1)
        .semaphores(semaphores.clone())
        .with(cla_stdlib::install)
        .build()
}

/// Waits for the reports; an error if a rule failed.
fn finish(runs: impl IntoIterator<Item = RunHandle>) -> Result<()> {
    for run in runs {
        run.wait().result.map_err(|error| anyhow!("{error}"))?;
    }
    Ok(())
}

/// Waits until `count` requests wait for the semaphore `name`.
fn wait_for_waiters(semaphores: &Semaphores, name: &SemaphoreName, count: usize) -> Result<()> {
    /// Seldom enough that looking costs nothing, often enough that its delay is lost in what is measured.
    const LOOK: Duration = Duration::from_millis(1);
    /// Ten thousand rules start in a few seconds.
    const PATIENCE: Duration = Duration::from_secs(120);
    let runtime = Builder::new_current_thread().build()?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let shown = runtime.block_on(semaphores.show(name))?;
        if shown.is_some_and(|semaphore| semaphore.waiting >= count) {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    bail!("there never were {count} requests waiting for {name}")
}
