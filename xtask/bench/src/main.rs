//! Takes one measurement and prints it as JSON: `{"value": 257.1, "unit": "ns"}`.
//!
//! `cargo xtask bench` starts this program anew for every sample, ours and theirs in turn. A process of its own keeps
//! one measurement's heap, threads and warm caches out of the next one.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use serde_json::json;

mod admin;
mod crowd;
mod engine;
mod peers;
mod redis;
mod sample;
mod sqlite;
mod tasks;

use sample::Effort;

/// Take one measurement.
#[derive(Parser)]
struct Args {
    /// What to measure.
    #[arg(value_enum)]
    probe: Probe,
    /// How many wait, or how many there are, where that can be chosen.
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// Measure for a shorter time, less exactly.
    #[arg(long)]
    quick: bool,
    /// For the other process of a measurement: what the first one shares with it.
    #[arg(hide = true)]
    shared: Option<PathBuf>,
}

/// What can be measured. The `Our` ones are in `engine`, the others in `peers`.
#[derive(Clone, Copy, ValueEnum)]
enum Probe {
    /// `sem.take` with a free slot, from JavaScript.
    OurTake,
    /// `runOrFail` of `cla/semaphore` with a free slot.
    OurRunOrFail,
    /// The same, where the work is an `async` function.
    OurRunOrFailAsync,
    /// One hand-over from rule to rule, `--count` rules waiting.
    OurRuleHandOver,
    /// Memory of each of `--count` rules blocked in `take`.
    OurRuleMemory,
    /// `acquire` and `release` of a free slot, from Rust.
    OurAcquire,
    /// Hand-overs a second between `--count` tasks.
    OurTaskHandOvers,
    /// The queue's own share of one hand-over, `--count` waiting.
    OurQueue,
    /// The same, where the waiters are runs.
    OurRunQueue,
    /// A call from JavaScript to Rust and back into a JavaScript callback.
    BareCallback,
    /// One hand-over between rules that block an OS thread each.
    ThreadHandOver,
    /// Memory of each of `--count` QuickJS contexts.
    ContextMemory,
    /// `acquire` and drop of a free `tokio::sync::Semaphore`.
    TokioAcquire,
    /// Hand-overs a second between `--count` tasks on a `tokio::sync::Semaphore`.
    TokioHandOvers,
    /// The queue's own share of one hand-over of a `tokio::sync::Semaphore`, `--count` waiting.
    TokioQueue,
    /// `acquire` and drop of a free slot in a file.
    SqliteTake,
    /// Two small transactions of SQLite itself.
    SqliteTransactions,
    /// One hand-over in a file, from process to process.
    SqliteHandOver,
    /// A byte that goes from process to process through a pipe.
    PipeHandOver,
    /// The same, with one small transaction of SQLite before each byte.
    FileHandOver,
    /// CPU time of `--count` processes that wait at a semaphore in a file, in percent of a core.
    SqliteIdle,
    /// Until `--count` commands that begin together have had one slot in a file each.
    SqliteCommands,
    /// The same, on a Redis server.
    RedisCommands,
    /// The same, with flock(1).
    FlockCommands,
    /// `acquire` and drop of a free slot on a Redis server.
    RedisTake,
    /// Two round trips of a script that does nothing.
    RedisScripts,
    /// One hand-over between two clients of a Redis server.
    RedisHandOver,
    /// Hand-overs a second between 64 clients of a Redis server.
    RedisCrowd,
    /// `redis-hand-over`, by npm's redis-semaphore.
    NodeHandOver,
    /// `redis-crowd`, by npm's redis-semaphore.
    NodeCrowd,
    /// From a transition to its event at 100 clients that watch a service, 500 transitions a second: the 99th percentile.
    AdminEvent,
    /// Memory of a service that has nothing to do.
    AdminMemory,
    /// Memory that an open panel adds to a service.
    AdminPanel,
    /// Rules that a service runs over HTTP, in a second.
    AdminRuns,
    /// The same work by express.
    ExpressRuns,
    /// One hand-over between two clients of a service over HTTP, on a Redis server.
    AdminHandOver,
    /// The other process of `sqlite-hand-over`; measures nothing.
    #[value(hide = true)]
    SqlitePartner,
    /// The other process of `pipe-hand-over`; measures nothing.
    #[value(hide = true)]
    PipePartner,
    /// The other process of `file-hand-over`; measures nothing.
    #[value(hide = true)]
    FilePartner,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let measured = match args.probe {
        Probe::SqlitePartner => {
            sqlite::hand_over_partner(&args.shared.unwrap_or_default()).map(|()| None)
        }
        Probe::PipePartner => sqlite::pipe_partner().map(|()| None),
        Probe::FilePartner => sqlite::file_partner(&args.shared.unwrap_or_default()).map(|()| None),
        _ => measure(&args).map(Some),
    };
    match measured {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some((value, unit))) => {
            println!("{}", json!({ "value": value, "unit": unit }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<(f64, &'static str)> {
    let effort = Effort { quick: args.quick };
    Ok(match args.probe {
        Probe::OurTake => (engine::take(effort)?, "ns"),
        Probe::OurRunOrFail => (engine::run_or_fail("() => {}", effort)?, "ns"),
        Probe::OurRunOrFailAsync => (engine::run_or_fail("async () => {}", effort)?, "ns"),
        Probe::OurRuleHandOver => (engine::rule_hand_over(args.count, effort)?, "ns"),
        Probe::OurRuleMemory => (engine::rule_memory(args.count)?, "B"),
        Probe::OurAcquire => (engine::acquire(effort)?, "ns"),
        Probe::OurTaskHandOvers => (engine::task_hand_overs(args.count, effort)?, "/s"),
        Probe::OurQueue => (engine::queue(args.count, effort)?, "ns"),
        Probe::OurRunQueue => (engine::run_queue(args.count, effort)?, "ns"),
        Probe::BareCallback => (peers::bare_callback(effort)?, "ns"),
        Probe::ThreadHandOver => (peers::thread_hand_over(args.count, effort)?, "ns"),
        Probe::ContextMemory => (peers::context_memory(args.count)?, "B"),
        Probe::TokioAcquire => (peers::tokio_acquire(effort)?, "ns"),
        Probe::TokioHandOvers => (peers::tokio_hand_overs(args.count, effort)?, "/s"),
        Probe::TokioQueue => (peers::tokio_queue(args.count, effort)?, "ns"),
        Probe::SqliteTake => (sqlite::take(effort)?, "ns"),
        Probe::SqliteTransactions => (sqlite::two_transactions(effort)?, "ns"),
        Probe::SqliteHandOver => (sqlite::hand_over(effort)?, "ns"),
        Probe::PipeHandOver => (sqlite::pipe_hand_over(effort)?, "ns"),
        Probe::FileHandOver => (sqlite::file_hand_over(effort)?, "ns"),
        Probe::SqliteIdle => (crowd::idle(args.count, effort)?, "%"),
        Probe::SqliteCommands => (crowd::in_a_file(args.count)?, "ns"),
        Probe::RedisCommands => (crowd::on_redis(args.count)?, "ns"),
        Probe::FlockCommands => (crowd::with_flock(args.count)?, "ns"),
        Probe::RedisTake => (redis::take(effort)?, "ns"),
        Probe::RedisScripts => (redis::two_scripts(effort)?, "ns"),
        Probe::RedisHandOver => (redis::hand_over(effort)?, "ns"),
        Probe::RedisCrowd => (redis::crowd(effort)?, "/s"),
        Probe::NodeHandOver => (redis::node("hand-over", effort)?, "ns"),
        Probe::NodeCrowd => (redis::node("crowd", effort)?, "/s"),
        Probe::AdminEvent => (admin::event(effort)?, "ns"),
        Probe::AdminMemory => (admin::memory()?, "B"),
        Probe::AdminPanel => (admin::panel()?, "B"),
        Probe::AdminRuns => (admin::runs(effort)?, "/s"),
        Probe::ExpressRuns => (admin::express(effort)?, "/s"),
        Probe::AdminHandOver => (admin::hand_over(effort)?, "ns"),
        Probe::SqlitePartner | Probe::PipePartner | Probe::FilePartner => {
            unreachable!("they measure nothing")
        }
    })
}
