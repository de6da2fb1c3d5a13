//! Threads for what blocks, such as reading a file: a few for the whole process, which come when they are needed and
//! go when they are idle.
//!
//! Unlike the event loop's own, they can be refused by the system without a panic: then the work is not done, and the
//! error says why.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

/// No more than these at once. What they do waits for a disk, mostly.
const MOST_THREADS: usize = 32;
/// An idle one ends after this.
const IDLE: Duration = Duration::from_secs(5);

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    queue: VecDeque::new(),
    threads: 0,
    idle: 0,
});
static BELL: Condvar = Condvar::new();

/// Does `work` on another thread. Dropping the future does not stop it.
///
/// # Errors
///
/// The system gives no thread.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    submit(Box::new(move || {
        // The waiter is gone; that is fine.
        let _ = done.send(work());
    }))?;
    result
        .await
        .map_err(|_| io::Error::other("what was to be done there failed"))
}

fn submit(work: Work) -> io::Result<()> {
    let mut state = STATE.lock();
    state.queue.push_back(work);
    if state.idle >= state.queue.len() {
        BELL.notify_one();
        return Ok(());
    }
    if state.threads < MOST_THREADS {
        let started = std::thread::Builder::new()
            .name("cla-blocking".to_owned())
            .spawn(serve);
        match started {
            Ok(_) => state.threads += 1,
            // Those that there are will come to it.
            Err(_) if state.threads > 0 => {}
            Err(error) => {
                state.queue.pop_back();
                return Err(no_thread(&error));
            }
        }
    }
    Ok(())
}

/// Says that a thread cannot be started, and why.
pub(crate) fn no_thread(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot start a thread: {error}"))
}

fn serve() {
    let mut state = STATE.lock();
    loop {
        if let Some(work) = state.queue.pop_front() {
            drop(state);
            // A panic has been reported, and its future says that it failed.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            state = STATE.lock();
            continue;
        }
        state.idle += 1;
        let waited = BELL.wait_for(&mut state, IDLE);
        state.idle -= 1;
        if waited.timed_out() && state.queue.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_THREADS, STATE, blocking};

    #[test]
    fn a_thousand_things_are_done_by_a_few_threads() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let done = runtime.block_on(async {
            let all = (0..1000).map(|nth| blocking(move || nth));
            futures_util::future::join_all(all).await
        });
        let sum: i32 = done.into_iter().map(Result::unwrap).sum();
        assert_eq!(sum, 499_500);
        assert!(STATE.lock().threads <= MOST_THREADS);
    }

    #[test]
    fn a_panic_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let failed = runtime.block_on(blocking(|| panic!("as it should")));
        assert!(failed.is_err());
        assert_eq!(runtime.block_on(blocking(|| 7)).unwrap(), 7);
    }
}
