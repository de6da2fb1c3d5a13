//! Measures a semaphore for async Rust, ours or anybody's: all that it asks for is a function that starts to acquire,
//! and a permit that releases when dropped.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::sample::{Effort, ROUNDS};

fn error(error: impl Display) -> anyhow::Error {
    anyhow!("acquire failed: {error}")
}

/// Nanoseconds to take a free slot and to give it back.
pub(crate) fn free<F, P, E>(effort: Effort, acquire: impl Fn() -> F) -> Result<f64>
where
    F: Future<Output = Result<P, E>>,
    E: Display,
{
    let turns = effort.times(400_000);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    effort.nanoseconds(turns, || {
        runtime.block_on(async {
            for _ in 0..turns {
                drop(black_box(acquire().await.map_err(error)?));
            }
            Ok(())
        })
    })
}

/// Hand-overs a second between `waiting` tasks of one thread, each of which goes back to the end of the line.
pub(crate) fn hand_overs<F, P, E>(
    waiting: usize,
    effort: Effort,
    acquire: impl Fn() -> F + Clone + 'static,
) -> Result<f64>
where
    F: Future<Output = Result<P, E>> + 'static,
    P: 'static,
    E: Display + 'static,
{
    let rounds = effort.times(ROUNDS);
    let hand_overs = waiting as f64 * f64::from(rounds);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let batch = || {
        LocalSet::new().block_on(&runtime, async {
            let first = acquire().await.map_err(error)?;
            let arrived = Rc::new(Cell::new(0));
            let tasks: Vec<_> = (0..waiting)
                .map(|_| {
                    let (acquire, arrived) = (acquire.clone(), Rc::clone(&arrived));
                    tokio::task::spawn_local(async move {
                        arrived.set(arrived.get() + 1);
                        for _ in 0..rounds {
                            drop(black_box(acquire().await.map_err(error)?));
                        }
                        anyhow::Ok(())
                    })
                })
                .collect();
            while arrived.get() < waiting {
                tokio::task::yield_now().await;
            }
            let started = Instant::now();
            drop(first);
            for task in tasks {
                task.await??;
            }
            anyhow::Ok(started.elapsed().as_secs_f64())
        })
    };
    let mut best = f64::INFINITY;
    for _ in 0..effort.times(12) {
        best = best.min(batch()?);
    }
    Ok(hand_overs / best)
}

/// Nanoseconds of one hand-over with `waiting` in line, without a task or an executor: the holder drops the slot and
/// joins the line again at its end, then the first in line finds that the slot is its own. In that order, because
/// that is what a rule does that takes in a loop: it comes back before the next one has run.
pub(crate) fn queue<F, P, E>(waiting: usize, effort: Effort, acquire: impl Fn() -> F) -> Result<f64>
where
    F: Future<Output = Result<P, E>>,
    E: Display,
{
    let mut context = Context::from_waker(Waker::noop());
    let mut holder = Box::pin(acquire());
    let Poll::Ready(permit) = holder.as_mut().poll(&mut context) else {
        bail!("a free slot was not given at once");
    };
    let mut permit = Some(permit.map_err(error)?);

    let mut line: VecDeque<Pin<Box<F>>> = VecDeque::with_capacity(waiting);
    for _ in 0..waiting {
        let mut waiter = Box::pin(acquire());
        if waiter.as_mut().poll(&mut context).is_ready() {
            bail!("a busy slot was given away");
        }
        line.push_back(waiter);
    }

    // Once around the longest line that is measured, so that a short one gets no easier batch.
    let hand_overs = effort.times(200_000);
    effort.nanoseconds(hand_overs, || {
        for _ in 0..hand_overs {
            drop(permit.take());
            holder.set(acquire());
            if holder.as_mut().poll(&mut context).is_ready() {
                bail!("a slot was given to a task that came late");
            }
            let Some(next) = line.pop_front() else {
                bail!("no request waits");
            };
            line.push_back(std::mem::replace(&mut holder, next));
            let Poll::Ready(handed) = holder.as_mut().poll(&mut context) else {
                bail!("the slot was not handed to the first in line");
            };
            permit = Some(handed.map_err(error)?);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Semaphore;

    #[test]
    fn a_fair_semaphore_hands_its_slot_down_the_line() {
        let semaphore = Semaphore::new(1);
        let time = queue(10, Effort { quick: true }, || semaphore.acquire());
        assert!(time.expect("hand-overs in order") > 0.0);
    }
}
