//! Waits for a future on a plain thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::sync::thread;

/// A shared store answers within some ten microseconds if nothing is in the way, and a slot that two processes hand to and
/// fro comes back within less than a hundred. To sleep and to be woken can take as long, above all on a virtual machine. So
/// a thread that waits first looks for so long, and lets others run meanwhile.
pub(crate) const LOOK_FOR: Duration = Duration::from_micros(100);

/// Drives a future on this thread, which looks for `look_for` whether it may go on, and then sleeps.
pub(crate) fn block_on<F: Future>(future: F, look_for: Duration) -> F::Output {
    struct Sleeper {
        thread: thread::Thread,
        is_woken: AtomicBool,
    }

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            self.is_woken.store(true, Ordering::Release);
            self.thread.unpark();
        }
    }

    let mut future = pin!(future);
    // Ready at once needs no waker that works.
    if let Poll::Ready(output) = future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        return output;
    }
    let sleeper = Arc::new(Sleeper {
        thread: thread::current(),
        is_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&sleeper));
    let mut cx = Context::from_waker(&waker);
    let begun = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        while begun.elapsed() < look_for && !sleeper.is_woken.load(Ordering::Acquire) {
            thread::yield_now();
        }
        if !sleeper.is_woken.swap(false, Ordering::AcqRel) {
            thread::park();
        }
    }
}
