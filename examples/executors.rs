//! One engine under smol, under rayon, and under no executor at all.
//!
//! ```console
//! $ cargo run -p cla-examples --example executors
//! smol: 3 runs took turns, in 12 ms
//! rayon: 8 runs gave 204
//! threads: 3 waited for the slot
//! ```
//!
//! An engine has threads of its own, so a run makes progress wherever its handle is: it is an ordinary future, which needs no
//! timers and no reactor of the host's. What blocks is said by its name: [`RunHandle::wait`](cla_runtime::RunHandle::wait)
//! for a run, [`Acquire::blocking`](cla_runtime::semaphore::Acquire::blocking) for a slot.

use std::time::{Duration, Instant};

use cla_runtime::semaphore::AcquireError;
use cla_runtime::{Engine, RuleError, RunOptions, Script};
use rayon::prelude::*;
use serde_json::json;

const RULE: &str = "
    import { take } from 'cla/sem';
    import { sleep } from 'cla/util';
    export default ({ n }) => take('adder', () => { sleep(0.004); return n * n; });
";

fn engine() -> Engine {
    Engine::builder().with(cla_stdlib::install).build()
}

fn options(n: u64) -> RunOptions {
    RunOptions::new().stash(json!({ "n": n }))
}

/// Three runs at once on smol's executor. Its timers and the engine's do not meet.
fn under_smol(engine: &Engine) -> Result<Duration, RuleError> {
    let started = Instant::now();
    smol::block_on(async {
        let runs: Vec<_> = (0..3)
            .map(|n| {
                let run = engine.run(Script::javascript("square", RULE), options(n));
                smol::spawn(run)
            })
            .collect();
        for run in runs {
            run.await.value::<u64>()?;
        }
        Ok(started.elapsed())
    })
}

/// A run for each item, from the threads of a pool. Each thread waits for its run, so no more run at once than it has threads.
fn under_rayon(engine: &Engine) -> Result<u64, RuleError> {
    (1..=8_u64)
        .into_par_iter()
        .map(|n| {
            let run = engine.run(Script::javascript("square", RULE), options(n));
            run.wait().value::<u64>()
        })
        .sum()
}

/// Plain threads take slots of the engine's semaphores beside its rules.
fn on_threads(engine: &Engine) -> Result<usize, AcquireError> {
    let adder = engine.semaphores().get("adder");
    let adder = adder.expect("it is a name of a semaphore");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let permit = adder
                        .acquire()
                        .timeout(Duration::from_secs(10))
                        .blocking()?;
                    std::thread::sleep(Duration::from_millis(1)); // the work
                    drop(permit);
                    Ok::<_, AcquireError>(())
                })
            })
            .collect();
        let mut waited = 0;
        for thread in threads {
            thread.join().expect("it does not panic")?;
            waited += 1;
        }
        Ok(waited)
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let engine = engine();
    println!(
        "smol: 3 runs took turns, in {} ms",
        under_smol(&engine)?.as_millis()
    );
    println!("rayon: 8 runs gave {}", under_rayon(&engine)?);
    println!("threads: {} waited for the slot", on_threads(&engine)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn runs_under_smol_take_turns() {
        let elapsed = under_smol(&engine()).unwrap();
        assert!(elapsed >= Duration::from_millis(12), "{elapsed:?}");
    }

    #[test]
    fn a_pool_of_threads_waits_for_its_runs() {
        assert_eq!(under_rayon(&engine()).unwrap(), 204);
    }

    #[test]
    fn threads_without_an_executor_share_the_semaphores_of_rules() {
        let engine = engine();
        let held = engine.semaphores().get("adder").unwrap();
        let held = held.acquire().blocking().unwrap();
        let run = engine.run(Script::javascript("square", RULE), options(5));
        drop(held);
        assert_eq!(on_threads(&engine).unwrap(), 3);
        assert_eq!(run.wait().value::<u64>().unwrap(), 25);
    }
}
