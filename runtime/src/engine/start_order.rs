//! Runs that are started together on one worker: they begin in order, and take turns with those that run.
//!
//! Each is a task of its own. The tasks are polled one after the other, without a look at the clock between two of them,
//! and the first poll of a run sets up its isolate. So sixty forks would keep the timers of their worker for as long as
//! setting up sixty isolates takes. Here, once those that began since the last look have used up a slice, the next one
//! first lets the worker look at what else is due, and all that come later wait behind it.
#![expect(
    clippy::disallowed_methods,
    reason = "how long runs keep their thread is measured by the machine"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Instant;

use crate::run::slice;

/// How many of those that wait are woken together. More would be woken in vain, again and again, when thousands wait.
const WINDOW: u64 = 64;

/// The runs of one worker that have not begun.
#[derive(Default)]
pub(crate) struct StartOrder {
    joined: Cell<u64>,
    /// The number of the one that begins next.
    next: Cell<u64>,
    /// When the first of those began that began since the worker looked at its timers.
    burst: Cell<Option<Instant>>,
    /// Those that were polled before their turn, by number.
    waiting: RefCell<BTreeMap<u64, Waker>>,
}

impl StartOrder {
    /// Joins the line now; the future is ready when the run may begin. It must be polled to its end. One that does not give way
    /// begins in its turn, however long the others took: its clock is a test's, and the time of the machine decides nothing.
    pub(crate) fn join(self: &Rc<Self>, gives_way: bool) -> impl Future<Output = ()> + use<> {
        let order = Rc::clone(self);
        let number = order.joined.replace(order.joined.get() + 1);
        async move { order.turn(number, gives_way).await }
    }

    async fn turn(&self, number: u64, gives_way: bool) {
        poll_fn(|cx| {
            if self.next.get() == number {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().insert(number, cx.waker().clone());
            Poll::Pending
        })
        .await;
        if gives_way && self.is_spent() {
            // Not a bare wake-up of itself: this lets the timers of others fire.
            tokio::task::yield_now().await;
            // Once more, behind those: a run that one of them lets in was there first, and goes on first.
            requeue().await;
            self.burst.set(None);
        }
        if self.burst.get().is_none() {
            self.burst.set(Some(Instant::now()));
        }
        self.next.set(number + 1);
        // They are polled after this one, in this order.
        self.wake(number + WINDOW);
    }

    fn is_spent(&self) -> bool {
        self.burst
            .get()
            .is_some_and(|since| since.elapsed() >= slice())
    }

    /// Wakes those that wait and have a number of up to `last`.
    fn wake(&self, last: u64) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(first) = waiting.first_entry()
            && *first.key() <= last
        {
            first.remove().wake();
        }
    }
}

/// Goes to the end of the worker's queue of tasks that are ready.
async fn requeue() {
    let mut queued = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut queued, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Starts so many runs, each of which keeps the thread for so long. Gives the order in which they began, and how
    /// often a neighbour had a turn meanwhile.
    fn start(count: usize, each: Duration) -> (Vec<usize>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("an event loop");
        let tasks = tokio::task::LocalSet::new();
        let (begun, turns) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
        runtime.block_on(tasks.run_until(async {
            let neighbour = Rc::clone(&turns);
            let neighbour = tokio::task::spawn_local(async move {
                loop {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    neighbour.set(neighbour.get() + 1);
                }
            });
            let order = Rc::new(StartOrder::default());
            let mut runs = Vec::new();
            for number in 0..count {
                let (turn, begun) = (order.join(true), Rc::clone(&begun));
                runs.push(tokio::task::spawn_local(async move {
                    turn.await;
                    begun.borrow_mut().push(number);
                    let since = Instant::now();
                    while since.elapsed() < each {}
                }));
            }
            for run in runs {
                run.await.expect("it does not panic");
            }
            neighbour.abort();
        }));
        (begun.take(), turns.get())
    }

    #[test]
    fn runs_begin_in_the_order_in_which_they_joined() {
        let (begun, _) = start(1000, Duration::from_micros(100));
        assert_eq!(begun, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_neighbour_has_its_turns_while_many_begin() {
        let (begun, turns) = start(60, Duration::from_millis(4));
        assert_eq!(begun, (0..60).collect::<Vec<_>>());
        assert!(turns >= 20, "{turns} turns while runs began for 240 ms");
    }
}
