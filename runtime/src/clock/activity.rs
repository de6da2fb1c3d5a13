//! What a test clock knows of runs, and of the host: whether they can go on at the time that it shows.
//!
//! A run is a task. It can go on from its start, or from when its waker is called, until it is polled and waits again; what it
//! waits for then, it has said before ([`Activity::waits`]). With the time of the machine there is none of this.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::Clock;
use super::test_clock::{State, TestClock};
use crate::thread_time::thread_time;

/// A run that has computed for so long without a wait lets others go first, and is not waited for when its clock is advanced.
const COMPUTING_AFTER: Duration = Duration::from_millis(250);

/// A run that has computed for so long without a wait sees its limits of time come nearer by what it computes.
pub(crate) const COUNTED_AFTER: Duration = Duration::from_secs(1);

/// What a run waits for, should it wait now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wait {
    /// Its turn: it can go on.
    Turn = 0,
    /// Something that the clock does not know of: I/O, a function of the host's.
    Outside = 1,
    /// The time, a semaphore or another run: a durable wait.
    Durable = 2,
    /// What is pending in its event loop: a wait outside if a host future is one, and else a durable one.
    EventLoop = 3,
}

impl Wait {
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Outside,
            2 => Self::Durable,
            3 => Self::EventLoop,
            _ => Self::Turn,
        }
    }
}

/// Where a task is. Changes under the lock of the clock.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Status {
    /// In nothing that counts: not started, or over.
    Away = 0,
    Runnable = 1,
    Polled = 2,
    /// Woken while it is polled.
    PolledAgain = 3,
    WaitsOutside = 4,
    WaitsDurably = 5,
}

impl Status {
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Runnable,
            2 => Self::Polled,
            3 => Self::PolledAgain,
            4 => Self::WaitsOutside,
            5 => Self::WaitsDurably,
            _ => Self::Away,
        }
    }

    /// What it counts as.
    fn count(self, state: &mut State) -> Option<&mut usize> {
        match self {
            Self::Away => None,
            Self::Runnable | Self::Polled | Self::PolledAgain => Some(&mut state.runnable),
            Self::WaitsOutside => Some(&mut state.outside),
            Self::WaitsDurably => None,
        }
    }
}

/// Whether a run can go on.
#[derive(Debug)]
pub(crate) struct Activity {
    clock: TestClock,
    status: AtomicU8,
    wait: AtomicU8,
    /// How many host futures in its event loop wait outside.
    futures: AtomicUsize,
    /// It has computed for long.
    is_computing: AtomicBool,
    /// How long it computed since it last waited, without the time since it was polled, in nanoseconds.
    computed: AtomicU64,
    /// The time of its thread when it was polled, in nanoseconds.
    polled_at: AtomicU64,
}

impl Activity {
    /// Says what the run waits for from now on, should it wait; gives what it said before.
    pub(crate) fn waits(&self, wait: Wait) -> Wait {
        Wait::of(self.wait.swap(wait as u8, Ordering::Relaxed))
    }

    /// A function of the host's, which the run waits for, sleeps by the clock and waits for nothing else. Gives what it was to
    /// the clock until now, for [`goes_on`](Self::goes_on).
    pub(crate) fn sleeps(&self) -> Option<Wait> {
        // Only as part of the run: the host may poll it elsewhere.
        if !TestClock::is_in_run() {
            return None;
        }
        let wait = Wait::of(self.wait.load(Ordering::Relaxed));
        match wait {
            Wait::Outside => _ = self.waits(Wait::Durable),
            Wait::EventLoop => _ = self.futures.fetch_sub(1, Ordering::Relaxed),
            Wait::Turn | Wait::Durable => return None,
        }
        Some(wait)
    }

    /// The function goes on, or is dropped.
    pub(crate) fn goes_on(&self, before: Wait) {
        match before {
            Wait::EventLoop => _ = self.futures.fetch_add(1, Ordering::Relaxed),
            wait => _ = self.waits(wait),
        }
    }

    /// Awaits `future`, which is a wait of this kind.
    pub(crate) async fn during<F: Future>(&self, wait: Wait, future: F) -> F::Output {
        let before = self.waits(wait);
        let output = future.await;
        self.waits(before);
        output
    }

    /// How long the run has computed without a wait, as far as its limits count it. For its own thread.
    pub(crate) fn counted(&self) -> Duration {
        let computed = self.computed_now();
        if computed < COUNTED_AFTER {
            return Duration::ZERO;
        }
        computed
    }

    /// Whether the run has computed for long without a wait. For its own thread.
    pub(crate) fn has_computed(&self) -> bool {
        self.computed_now() >= COMPUTING_AFTER
    }

    /// The run is computing. For its own thread.
    pub(crate) fn notice(&self) {
        if self.has_computed() {
            self.computes();
        }
    }

    /// The run has computed for long.
    pub(crate) fn computes(&self) {
        if !self.is_computing.load(Ordering::Relaxed) {
            self.clock.change(|state| {
                let goes_on = matches!(
                    self.status(),
                    Status::Runnable | Status::Polled | Status::PolledAgain
                );
                if goes_on && !self.is_computing.swap(true, Ordering::Relaxed) {
                    state.computing += 1;
                }
            });
        }
    }

    /// The run does not answer, and its end is reported: the clock does not wait for it any more.
    pub(crate) fn is_given_up(&self) {
        self.clock.change(|state| self.set(state, Status::Away));
    }

    fn computed_now(&self) -> Duration {
        let since = cpu_time().saturating_sub(self.polled_at.load(Ordering::Relaxed));
        Duration::from_nanos(self.computed.load(Ordering::Relaxed) + since)
    }

    fn status(&self) -> Status {
        Status::of(self.status.load(Ordering::Relaxed))
    }

    /// Under the clock's lock.
    fn set(&self, state: &mut State, status: Status) {
        if let Some(count) = self.status().count(state) {
            *count -= 1;
        }
        if let Some(count) = status.count(state) {
            *count += 1;
        }
        self.status.store(status as u8, Ordering::Relaxed);
        let waits = !matches!(
            status,
            Status::Runnable | Status::Polled | Status::PolledAgain
        );
        if waits && self.is_computing.swap(false, Ordering::Relaxed) {
            state.computing -= 1;
        }
    }

    fn is_polled(&self) {
        self.polled_at.store(cpu_time(), Ordering::Relaxed);
        self.clock
            .change_only(|state| self.set(state, Status::Polled));
    }

    fn is_pending(&self) {
        let now = cpu_time();
        let since = now.saturating_sub(self.polled_at.load(Ordering::Relaxed));
        self.computed.fetch_add(since, Ordering::Relaxed);
        self.polled_at.store(now, Ordering::Relaxed);
        self.clock.change(|state| {
            let wait = Wait::of(self.wait.load(Ordering::Relaxed));
            let status = match wait {
                _ if self.status() == Status::PolledAgain => Status::Runnable,
                Wait::Turn => Status::Runnable,
                Wait::Outside => Status::WaitsOutside,
                Wait::Durable => Status::WaitsDurably,
                Wait::EventLoop if self.futures.load(Ordering::Relaxed) > 0 => Status::WaitsOutside,
                Wait::EventLoop => Status::WaitsDurably,
            };
            if status != Status::Runnable {
                self.computed.store(0, Ordering::Relaxed);
            }
            self.set(state, status);
        });
    }

    fn is_woken(&self) {
        self.clock.change_only(|state| match self.status() {
            Status::WaitsDurably | Status::WaitsOutside => self.set(state, Status::Runnable),
            Status::Polled => self.set(state, Status::PolledAgain),
            Status::Away | Status::Runnable | Status::PolledAgain => {}
        });
    }
}

/// A host future in the event loop of a run that waits outside, until it is done or dropped.
pub(crate) struct OutsideFuture(Arc<Activity>);

impl OutsideFuture {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        activity.futures.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(activity))
    }
}

impl Drop for OutsideFuture {
    fn drop(&mut self) {
        self.0.futures.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long this thread has computed, in nanoseconds. Where the system does not tell, it is the time that has passed.
fn cpu_time() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a run computes is measured by the machine"
    )]
    let passed = || FIRST.get_or_init(Instant::now).elapsed();
    thread_time().unwrap_or_else(passed).as_nanos() as u64
}

/// The place of a run among those that its clock knows. It counts from the start of the run until this is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Activity>);

impl Seat {
    /// `None` with the time of the machine.
    pub(crate) fn new(clock: &Clock) -> Option<Self> {
        let activity = Activity {
            clock: clock.as_test()?.clone(),
            status: AtomicU8::new(Status::Away as u8),
            wait: AtomicU8::new(Wait::Turn as u8),
            futures: AtomicUsize::new(0),
            is_computing: AtomicBool::new(false),
            computed: AtomicU64::new(0),
            polled_at: AtomicU64::new(0),
        };
        activity
            .clock
            .change_only(|state| activity.set(state, Status::Runnable));
        Some(Self(Arc::new(activity)))
    }

    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let activity = &self.0;
        activity
            .clock
            .change(|state| activity.set(state, Status::Away));
    }
}

pin_project_lite::pin_project! {
    /// The task of a run, whose clock sees when it can go on.
    pub(crate) struct Tracked<F> {
        #[pin]
        future: F,
        seat: Seat,
        // The waker that it was polled with last, and the one that it was given.
        wakers: Option<(Waker, Waker)>,
    }
}

impl<F: Future> Tracked<F> {
    pub(crate) fn new(seat: Seat, future: F) -> Self {
        Self {
            future,
            seat,
            wakers: None,
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let activity = &this.seat.0;
        if !matches!(this.wakers, Some((known, _)) if known.will_wake(cx.waker())) {
            let own = Waker::from(Arc::new(TaskWaker {
                activity: Arc::clone(activity),
                task: cx.waker().clone(),
            }));
            *this.wakers = Some((cx.waker().clone(), own));
        }
        let Some((_, own)) = this.wakers else {
            return Poll::Pending;
        };
        activity.clock.until_happened();
        activity.is_polled();
        let polled = TestClock::in_run(|| this.future.poll(&mut Context::from_waker(own)));
        if polled.is_pending() {
            activity.is_pending();
        }
        polled
    }
}

struct TaskWaker {
    activity: Arc<Activity>,
    task: Waker,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First: from here on, the run does not count as waiting.
        self.activity.is_woken();
        self.task.wake_by_ref();
    }
}

/// A place where the host waits, as its clock sees it. With the time of the machine it is nothing.
#[derive(Debug, Default)]
pub(crate) struct HostWait(Option<Arc<Host>>);

#[derive(Debug)]
struct Host {
    clock: TestClock,
    status: AtomicU8,
}

impl HostWait {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self(clock.as_test().map(|clock| {
            Arc::new(Host {
                clock: clock.clone(),
                status: AtomicU8::new(Status::Away as u8),
            })
        }))
    }

    /// Whether a test clock sees it.
    pub(crate) fn is_seen(&self) -> bool {
        self.0.is_some()
    }

    /// Polls what the host waits for.
    #[inline]
    pub(crate) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        match &self.0 {
            None => poll(cx),
            Some(host) => host.poll(cx, poll),
        }
    }

    /// Awaits `future` as what the host waits for.
    pub(crate) async fn wait<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.poll(cx, |cx| future.as_mut().poll(cx))).await
    }
}

impl Drop for HostWait {
    fn drop(&mut self) {
        if let Some(host) = &self.0 {
            host.clock
                .change_only(|state| host.set(state, Status::Away));
        }
    }
}

impl Host {
    fn poll<T>(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.clock
            .change_only(|state| self.set(state, Status::Polled));
        let waker = Waker::from(Arc::new(HostWaker {
            host: Arc::clone(self),
            task: cx.waker().clone(),
        }));
        let polled = poll(&mut Context::from_waker(&waker));
        self.clock.change(|state| {
            let status = match self.status() {
                Status::Polled if polled.is_pending() => Status::WaitsDurably,
                _ => Status::Away,
            };
            self.set(state, status);
        });
        polled
    }

    fn status(&self) -> Status {
        Status::of(self.status.load(Ordering::Relaxed))
    }

    /// Under the clock's lock.
    fn set(&self, state: &mut State, status: Status) {
        let waited = self.status() == Status::WaitsDurably;
        let waits = status == Status::WaitsDurably;
        state.hosts = state.hosts + usize::from(waits) - usize::from(waited);
        self.status.store(status as u8, Ordering::Relaxed);
    }
}

struct HostWaker {
    host: Arc<Host>,
    task: Waker,
}

impl Wake for HostWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let host = &self.host;
        // First: from here on, the host does not count as waiting.
        host.clock
            .change_only(|state| host.set(state, Status::Away));
        self.task.wake_by_ref();
    }
}
