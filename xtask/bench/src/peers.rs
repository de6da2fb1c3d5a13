//! What we are measured against, each built as its own users would build it.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, anyhow};
use rquickjs::{Context, Function, Runtime};
use tokio::sync::Semaphore;

use crate::sample::{Effort, ROUNDS, resident_bytes};
use crate::tasks;

/// The floor under `take`: JavaScript calls Rust with a name and a function, and Rust calls that function.
pub(crate) fn bare_callback(effort: Effort) -> Result<f64> {
    let calls = effort.times(200_000);
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        let call = |name: String, callback: Function<'_>| -> rquickjs::Result<()> {
            black_box(name);
            callback.call(())
        };
        ctx.globals()
            .set("call", Function::new(ctx.clone(), call)?)?;
        let many: Function<'_> = ctx
            .eval("(n) => { const f = () => {}; for (let i = 0; i < n; i++) call('free', f); }")?;
        effort.nanoseconds(calls, || Ok(many.call((calls,))?))
    })
}

/// Memory of each of `count` contexts that hold nothing but the language.
pub(crate) fn context_memory(count: usize) -> Result<f64> {
    let before = resident_bytes()?;
    let mut contexts = Vec::with_capacity(count);
    for _ in 0..count {
        let runtime = Runtime::new()?;
        contexts.push((Context::full(&runtime)?, runtime));
    }
    let bytes = (resident_bytes()? - before) / count as f64;
    drop(black_box(contexts));
    Ok(bytes)
}

/// A fair semaphore with one slot for threads that block: a line of condition variables, one per waiter, because a
/// shared one would wake either all threads or an arbitrary one.
#[derive(Default)]
struct ThreadSemaphore {
    line: Mutex<Line>,
    grew: Condvar,
}

#[derive(Default)]
struct Line {
    busy: bool,
    waiters: VecDeque<Arc<Waiter>>,
}

#[derive(Default)]
struct Waiter {
    woken: Condvar,
    /// Written and read under the line's lock only; a mutex of its own for the compiler's sake, never contended.
    admitted: Mutex<bool>,
}

impl Waiter {
    fn is_admitted(&self) -> bool {
        *self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ThreadSemaphore {
    fn acquire(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.busy {
            line.busy = true;
            return;
        }
        let waiter = Arc::new(Waiter::default());
        line.waiters.push_back(Arc::clone(&waiter));
        self.grew.notify_all();
        while !waiter.is_admitted() {
            line = waiter
                .woken
                .wait(line)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        match line.waiters.pop_front() {
            Some(next) => {
                *next.admitted.lock().unwrap_or_else(PoisonError::into_inner) = true;
                drop(line);
                next.woken.notify_one();
            }
            None => line.busy = false,
        }
    }

    fn wait_for_waiters(&self, count: usize) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        while line.waiters.len() < count {
            line = self.grew.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One hand-over between `waiting` rules, each of which blocks a thread of its own.
///
/// Every rule takes `queue` again and again and then blocks on `gate`, so that neither the start nor the end of a
/// rule is measured.
pub(crate) fn thread_hand_over(waiting: usize, effort: Effort) -> Result<f64> {
    /// Generous for QuickJS, and small enough for a thousand threads.
    const STACK_BYTES: usize = 1024 * 1024;
    let rounds = effort.times(ROUNDS);
    let queue = Arc::new(ThreadSemaphore::default());
    let gate = Arc::new(ThreadSemaphore::default());
    queue.acquire();
    gate.acquire();
    let threads = (0..waiting)
        .map(|_| {
            let (queue, gate) = (Arc::clone(&queue), Arc::clone(&gate));
            std::thread::Builder::new()
                .stack_size(STACK_BYTES)
                .spawn(move || thread_rule(&queue, &gate, rounds))
        })
        .collect::<Result<Vec<_>, _>>()?;
    queue.wait_for_waiters(waiting);
    let started = Instant::now();
    queue.release();
    gate.wait_for_waiters(waiting);
    let time = started.elapsed();
    gate.release();
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow!("a rule's thread panicked"))??;
    }
    Ok(time.as_nanos() as f64 / (waiting as f64 * f64::from(rounds)))
}

fn thread_rule(
    queue: &Arc<ThreadSemaphore>,
    gate: &Arc<ThreadSemaphore>,
    rounds: u32,
) -> Result<()> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        let (queue, gate) = (Arc::clone(queue), Arc::clone(gate));
        let take = move |name: String, callback: Function<'_>| -> rquickjs::Result<()> {
            let semaphore = if name == "queue" { &queue } else { &gate };
            semaphore.acquire();
            let returned = callback.call(());
            semaphore.release();
            returned
        };
        ctx.globals()
            .set("take", Function::new(ctx.clone(), take)?)?;
        ctx.eval::<(), _>(format!(
            "for (let i = 0; i < {rounds}; i++) take('queue', () => {{}});
             take('gate', () => {{}});"
        ))?;
        Ok(())
    })
}

/// A free slot, taken and given back.
pub(crate) fn tokio_acquire(effort: Effort) -> Result<f64> {
    let semaphore = Semaphore::new(1);
    tasks::free(effort, || semaphore.acquire())
}

/// Hand-overs a second between `waiting` tasks.
pub(crate) fn tokio_hand_overs(waiting: usize, effort: Effort) -> Result<f64> {
    let semaphore = Arc::new(Semaphore::new(1));
    tasks::hand_overs(waiting, effort, move || {
        Arc::clone(&semaphore).acquire_owned()
    })
}

/// Nanoseconds of one hand-over, `waiting` in line.
pub(crate) fn tokio_queue(waiting: usize, effort: Effort) -> Result<f64> {
    let semaphore = Semaphore::new(1);
    tasks::queue(waiting, effort, || semaphore.acquire())
}
