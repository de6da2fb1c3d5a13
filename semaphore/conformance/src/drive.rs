//! Drives futures on this thread, which sleeps in between, and gives up after a while.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// How long to wait before looking at a view again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

struct Alarm {
    thread: Thread,
    rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Polls `future` when it asks to be polled, and only then; `None` if it is not ready within `poll_timeout`.
pub(super) fn within<F: Future>(poll_timeout: Duration, future: F) -> Option<F::Output> {
    let deadline = Instant::now() + poll_timeout;
    let alarm = Arc::new(Alarm {
        thread: thread::current(),
        rung: AtomicBool::new(true),
    });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if alarm.rung.swap(false, Ordering::AcqRel)
            && let Poll::Ready(output) = future.as_mut().poll(&mut cx)
        {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        if !alarm.rung.load(Ordering::Acquire) {
            thread::park_timeout(left);
        }
    }
}

/// Polls `future` once, for those that are not waited for.
pub(super) fn poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Looks until `look` finds what it looks for.
///
/// # Errors
/// What it saw last, if that was all within `poll_timeout`.
pub(super) fn until<T, L>(
    poll_timeout: Duration,
    mut look: impl FnMut() -> Result<T, L>,
) -> Result<T, L> {
    let deadline = Instant::now() + poll_timeout;
    let mut pause = FIRST_PAUSE;
    loop {
        let late = Instant::now() >= deadline;
        match look() {
            Ok(found) => return Ok(found),
            Err(last) if late => return Err(last),
            Err(_) => thread::sleep(pause),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
