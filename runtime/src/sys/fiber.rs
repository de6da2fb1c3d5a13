//! A fiber: blocking code on a small stack of its own, driven as a [`Future`].
//!
//! JavaScript that calls `sem.take()` must simply block, yet a blocked rule must not hold an OS
//! thread. So the whole interpreter of a run lives on a second stack. [`Fiber`] is a future whose
//! `poll` switches to that stack; code running there calls [`block_on`], which polls a future with
//! the waker of the current `poll` and, while it is pending, switches back and lets the thread do
//! other work. To the code on the fiber, it has just blocked.
//!
//! Invariants, on which the safety of this module rests:
//!
//! 1. A fiber never leaves its thread: [`Fiber`] is `!Send`, and QuickJS's stack limit, thread
//!    locals and `Rc`s on its stack stay valid.
//! 2. `CURRENT` points to the frame of the innermost fiber that is running on this thread, and to
//!    nothing while none runs. It is set right before a switch to the fiber and restored right
//!    after the switch back, so it never outlives the `poll` that set it.
//! 3. A suspended fiber is never unwound. QuickJS's C frames lie on its stack, and unwinding through
//!    them is undefined behaviour. Dropping one that has started but not finished leaks its stack
//!    instead, and whatever the stack owns. The engine never does it: it stops a run by resuming it
//!    until it returns.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use corosensei::stack::{DefaultStack, Stack};
use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::overflow::{self, Running};

/// What a `poll` hands to the fiber it resumes: its own task context, with the lifetime erased.
///
/// It is valid from the switch to the fiber until the switch back; [`block_on`] reads it only
/// in between.
type ErasedContext = NonNull<Context<'static>>;

/// The address of a local of the function that suspends: everything in use lies above it, but for the
/// few frames that switch stacks.
type StackDepth = usize;

/// The fiber that is running on this thread.
#[derive(Clone, Copy)]
struct Frame {
    yielder: NonNull<Yielder<ErasedContext, StackDepth>>,
    context: ErasedContext,
}

thread_local! {
    static CURRENT: Cell<Option<Frame>> = const { Cell::new(None) };
}

/// Restores the outer fiber's frame, also when the inner one panics.
struct RestoreFrame(Option<Frame>);

impl Drop for RestoreFrame {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Blocking code on a stack of its own, as a future of its result.
pub(crate) struct Fiber<T> {
    coroutine: Option<Coroutine<ErasedContext, StackDepth, T, DefaultStack>>,
    /// The lowest address of the stack, its guard page included.
    lowest: usize,
    trimmed: bool,
    /// Whose stack it is, for the report should it be used up.
    name: Arc<str>,
}

impl<T: 'static> Fiber<T> {
    /// Prepares `body` to run on a new stack of at least `stack_size` bytes.
    ///
    /// Nothing runs until the fiber is polled. The stack is reserved, not committed: only pages that
    /// are touched cost memory. A guard page below it turns an overflow into a crash rather than
    /// into corruption; QuickJS's own limit is set well above it.
    ///
    /// # Errors
    ///
    /// The operating system has no more room for stacks. On Linux every fiber takes two memory
    /// mappings, and `vm.max_map_count` (65,530 by default) bounds them.
    pub(crate) fn new(
        name: Arc<str>,
        stack_size: usize,
        body: impl FnOnce() -> T + 'static,
    ) -> std::io::Result<Self> {
        let stack = DefaultStack::new(stack_size)?;
        let lowest = stack.limit().get();
        let coroutine = Coroutine::with_stack(stack, move |yielder, context: ErasedContext| {
            CURRENT.set(Some(Frame {
                yielder: NonNull::from(yielder),
                context,
            }));
            body()
        });
        Ok(Self {
            coroutine: Some(coroutine),
            lowest,
            trimmed: false,
            name,
        })
    }
}

impl<T> Future for Fiber<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let Some(coroutine) = this.coroutine.as_mut() else {
            panic!("a fiber was polled after it had finished");
        };
        // Invariant 2. The body sets CURRENT itself when it starts and `suspend` does whenever it is
        // resumed; here we only remember what to restore.
        let _restore = RestoreFrame(CURRENT.take());
        // Only the lifetime changes. The fiber may use the pointer until it switches back, which
        // happens before this function returns, while `cx` is still borrowed.
        let context: ErasedContext = NonNull::from(cx).cast();
        let outer = overflow::set(Some(Running {
            lowest: this.lowest,
            name: &raw const *this.name,
        }));
        let result = coroutine.resume(context);
        overflow::set(outer);
        match result {
            CoroutineResult::Yield(depth) => {
                if !std::mem::replace(&mut this.trimmed, true) {
                    // SAFETY: the fiber is suspended, so nothing below `depth` is in use but the
                    // frames of the switch, for which `trim` leaves room; `lowest` is its stack's end.
                    unsafe { trim(this.lowest, depth) };
                }
                Poll::Pending
            }
            CoroutineResult::Return(value) => {
                this.coroutine = None;
                Poll::Ready(value)
            }
        }
    }
}

impl<T> Drop for Fiber<T> {
    fn drop(&mut self) {
        if let Some(coroutine) = self.coroutine.take()
            && coroutine.started()
            && !coroutine.done()
        {
            // Invariant 3: leaking is the only sound choice left.
            std::mem::forget(coroutine);
        }
    }
}

/// Whether the code that asks runs on a fiber, so that it can block.
pub(crate) fn is_running() -> bool {
    CURRENT.get().is_some()
}

/// Runs `future` to its end, suspending the current fiber while it is pending.
///
/// A future that is ready at once costs one poll and no switch.
///
/// # Panics
///
/// When no fiber is running on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let Some(mut frame) = CURRENT.get() else {
            panic!("blocking calls are only possible inside a running rule");
        };
        // SAFETY: CURRENT names the innermost running fiber, which is the one that executes this
        // code, so the `poll` that set `context` has not returned yet (invariant 2). No other
        // reference to the context is live: `Fiber::poll` does not touch it during the switch,
        // and a nested fiber gets the context of the future that polls it, not this one.
        let context = unsafe { frame.context.as_mut() };
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return output;
        }
        suspend(frame);
    }
}

/// Switches back to the caller that polls the current fiber; returns when it is polled again.
fn suspend(frame: Frame) {
    // SAFETY: the yielder belongs to the fiber that executes this code and lives on its stack
    // until its body has returned.
    let yielder = unsafe { frame.yielder.as_ref() };
    let here = 0u8;
    let context = yielder.suspend(&raw const here as StackDepth);
    CURRENT.set(Some(Frame { context, ..frame }));
}

/// Gives the pages of a suspended fiber's stack that are not in use back to the system.
///
/// Setting up an isolate and compiling a rule reach deeper than most rules do while they wait, and ten
/// thousand of them may. Done at the first suspension only, so that it costs one system call per run.
///
/// # Safety
///
/// `lowest` is the lowest address of the stack, and nothing of it is in use below `depth`, apart from
/// [`SWITCH_FRAMES`] bytes.
#[cfg(target_os = "linux")]
unsafe fn trim(lowest: usize, depth: StackDepth) {
    /// Ample room for the two or three small frames between [`suspend`] and the other stack.
    const SWITCH_FRAMES: usize = 512;
    // SAFETY: asks for a constant of the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let Ok(page) = usize::try_from(page) else {
        return;
    };
    let from = (lowest + page).next_multiple_of(page); // the guard page stays as it is
    let to = (depth - SWITCH_FRAMES) & !(page - 1);
    if from < to {
        let start = std::ptr::with_exposed_provenance_mut(from);
        // SAFETY: the range lies within the stack and holds nothing that is needed, as demanded of
        // the caller. It reads as zeros afterwards. A failure leaves it as it is, which is fine.
        let _ = unsafe { libc::madvise(start, to - from, libc::MADV_DONTNEED) };
    }
}

/// Elsewhere the pages stay: the systems differ in how, and when, they take them back.
#[cfg(not(target_os = "linux"))]
unsafe fn trim(_lowest: usize, _depth: StackDepth) {}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::{Fiber, block_on};

    const STACK: usize = 64 * 1024;

    fn fiber<T: 'static>(
        stack: usize,
        body: impl FnOnce() -> T + 'static,
    ) -> std::io::Result<Fiber<T>> {
        Fiber::new("test".into(), stack, body)
    }

    fn on_local_set<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, future)
    }

    #[test]
    fn a_fiber_returns_what_its_body_returns() {
        assert_eq!(on_local_set(fiber(STACK, || 6 * 7).unwrap()), 42);
    }

    #[test]
    fn a_blocked_fiber_lets_others_on_its_thread_run() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let waiting = {
            let log = Rc::clone(&log);
            fiber(STACK, move || {
                log.borrow_mut().push("waits");
                let value: i32 = block_on(receiver).unwrap();
                log.borrow_mut().push("goes on");
                value
            })
        };
        let sending = {
            let log = Rc::clone(&log);
            fiber(STACK, move || {
                log.borrow_mut().push("sends");
                sender.send(7).unwrap();
            })
        };
        let (value, ()) = on_local_set(async {
            futures_util::future::join(waiting.unwrap(), sending.unwrap()).await
        });
        assert_eq!(value, 7);
        assert_eq!(*log.borrow(), ["waits", "sends", "goes on"]);
    }

    #[test]
    fn a_fiber_can_poll_another_fiber() {
        let outer = fiber(STACK, || {
            let inner = fiber(STACK, || {
                block_on(tokio::time::sleep(Duration::from_millis(1)));
                1
            });
            let first = block_on(inner.unwrap());
            block_on(tokio::time::sleep(Duration::from_millis(1)));
            first + 1
        });
        assert_eq!(on_local_set(outer.unwrap()), 2);
    }

    #[test]
    fn what_is_on_the_stack_survives_a_suspension_and_deep_calls_go_on_afterwards() {
        fn deep(n: u64) -> u64 {
            let noise = std::hint::black_box([n; 64]);
            if n == 0 { 0 } else { noise[63] + deep(n - 1) }
        }
        let fiber = fiber(512 * 1024, || {
            let before = deep(300);
            let kept = std::hint::black_box([7u8; 3000]);
            block_on(tokio::time::sleep(Duration::from_millis(1)));
            assert!(kept.iter().all(|byte| *byte == 7));
            (before, deep(300))
        });
        let (before, after) = on_local_set(fiber.unwrap());
        assert_eq!(before, after);
    }

    #[test]
    fn a_panic_on_a_fiber_reaches_whoever_polls_it() {
        let result = std::panic::catch_unwind(|| {
            on_local_set(fiber(STACK, || panic!("on the fiber")).unwrap());
        });
        assert!(result.is_err());
        assert_eq!(on_local_set(fiber(STACK, || 1).unwrap()), 1);
    }

    #[test]
    #[should_panic(expected = "only possible inside a running rule")]
    fn blocking_outside_of_a_fiber_is_refused() {
        block_on(async {});
    }
}
