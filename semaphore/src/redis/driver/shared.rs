//! A driver as its own thread and the callers that wait for it share it.
//!
//! A command that goes through the driver's thread costs two hops: the caller wakes the thread, and the thread wakes the
//! caller. Each costs as much as the server's whole answer. So a caller that wants an answer at once *drives*: it
//! takes the lock, gives its command to the session, writes it to the socket, and reads until its answer is there. It does
//! so for [`DRIVE_FOR`] at most, as it may be a worker that others need; then it sleeps, and the driver's
//! thread goes on. It does not even begin if the last request had to wait in a line.
//!
//! The driver's futures cannot tell who polls them. They always get the same waker, the [`Alarm`]. While a caller
//! drives, the alarm only notes that there is something to do; otherwise it wakes the driver's thread.
//!
//! # Callers that come one after the other
//!
//! A thread that sleeps until the socket has something is woken by each answer, also by those that a caller reads. And it
//! is woken by each permit that is dropped, although the next request often follows within a microsecond and could
//! take the release along. When requests are answered at once again and again, the thread therefore *stands by*: it sleeps
//! for [`TICK`] at a time, without a look at the socket, and then does what is left to do. It does so only while nothing
//! waits for it: no request in a line, no subscriber of events, no question. Any of these wakes it, and when no caller has
//! driven for a few ticks, it sleeps as usual again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::Driver;
use crate::redis::session::Command;

/// How long a caller drives: a server that is not busy answers within some ten microseconds. To sleep and to be woken
/// can take twice as long, above all on a virtual machine.
const DRIVE_FOR: Duration = Duration::from_micros(50);

/// How long a caller waits for the lock. What the driver does at a time is seldom longer; if it is, its thread is awake and
/// takes the command as well.
const LOCK_WITHIN: Duration = Duration::from_micros(20);

/// How long a thread that stands by sleeps: a permit that was dropped is given back after that at the latest. A shorter
/// time would cost more than a few percent of a core.
const TICK: Duration = Duration::from_micros(200);

/// After so many ticks in which no caller drove, the thread no longer stands by.
const IDLE_TICKS: u32 = 5;

/// When so many requests were answered at once, each within [`SOON`] of the one before, the thread stands by.
const STREAK: u32 = 8;
const SOON: Duration = Duration::from_millis(1);

/// Wakes the driver's thread, unless a caller drives.
#[derive(Default)]
struct Alarm {
    /// How many drive at this moment. A thread that stands by counts as one.
    driving: AtomicUsize,
    /// Something is to be done.
    rung: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    // All accesses are sequential: either this sees that nothing drives any more, or the last that drove sees the ring.
    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
        if self.driving.load(Ordering::SeqCst) == 0 {
            self.task.wake();
        }
    }
}

/// Counts one that drives, for as long as it exists.
struct Driving<'a>(&'a Alarm);

impl<'a> Driving<'a> {
    fn start(alarm: &'a Alarm) -> Self {
        alarm.driving.fetch_add(1, Ordering::SeqCst);
        Self(alarm)
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        let is_last = self.0.driving.fetch_sub(1, Ordering::SeqCst) == 1;
        // If this panicked, the driver has ended, and its thread has to see that.
        if is_last && self.0.rung.load(Ordering::SeqCst) || thread::panicking() {
            self.0.task.wake();
        }
    }
}

/// What is behind the lock.
struct Seat {
    /// `None`: it has ended. Taken out while it is polled, so that a panic ends it.
    driver: Option<Box<Driver>>,
    /// How many requests in a row were answered at once, and when the last was.
    streak: u32,
    last: Instant,
}

/// See the module page.
pub(super) struct Shared {
    seat: Mutex<Seat>,
    alarm: Arc<Alarm>,
    waker: Waker,
    runtime: Handle,
    /// The last request was answered at once. If not, it waited in a line, and the next will probably as well.
    answers_at_once: AtomicBool,
    /// The driver's thread stands by, or is about to.
    stands_by: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Shared {
    pub(super) fn new(runtime: Handle) -> Self {
        let alarm = Arc::<Alarm>::default();
        Self {
            seat: Mutex::new(Seat {
                driver: None,
                streak: 0,
                last: Instant::now(),
            }),
            waker: Waker::from(Arc::clone(&alarm)),
            alarm,
            runtime,
            answers_at_once: AtomicBool::new(false),
            stands_by: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// Lets the driver work until it ends. For the task of its own thread.
    pub(super) async fn work(&self, driver: Driver) {
        *self.thread.lock() = Some(thread::current());
        self.seat.lock().driver = Some(Box::new(driver));
        poll_fn(|cx| {
            self.alarm.task.register(cx.waker());
            let _driving = Driving::start(&self.alarm);
            let mut seat = self.seat.lock();
            if self.stands_by.load(Ordering::SeqCst) && self.stand_by(&mut seat).is_ready() {
                return Poll::Ready(());
            }
            self.poll(&mut seat, None)
        })
        .await;
    }

    /// Sleeps and works in turn, while callers drive. Blocks the thread, which has nothing else to do: see the module page.
    /// Ready when the driver has ended.
    fn stand_by(&self, seat: &mut MutexGuard<'_, Seat>) -> Poll<()> {
        let mut last = seat.last;
        let mut idle = 0;
        while self.stands_by.load(Ordering::SeqCst) && idle < IDLE_TICKS {
            let quiet = seat.driver.as_ref().is_some_and(|driver| driver.is_quiet());
            if !quiet {
                break;
            }
            MutexGuard::unlocked(seat, || thread::park_timeout(TICK));
            if self.poll_eagerly(seat).is_ready() {
                return Poll::Ready(());
            }
            idle = if seat.last == last { idle + 1 } else { 0 };
            last = seat.last;
        }
        self.stands_by.store(false, Ordering::SeqCst);
        Poll::Pending
    }

    /// Does all there is to do. Ready when the driver has ended.
    fn poll(&self, seat: &mut Seat, mut command: Option<Command>) -> Poll<()> {
        let Some(mut driver) = seat.driver.take() else {
            return Poll::Ready(());
        };
        let mut cx = Context::from_waker(&self.waker);
        loop {
            self.alarm.rung.store(false, Ordering::SeqCst);
            if driver.poll(&mut cx, command.take()).is_ready() {
                return Poll::Ready(());
            }
            // Parts of it wake each other.
            if !self.alarm.rung.load(Ordering::SeqCst) {
                seat.driver = Some(driver);
                return Poll::Pending;
            }
        }
    }

    /// As [`poll`](Self::poll), and asks the system whether the socket has something.
    fn poll_eagerly(&self, seat: &mut Seat) -> Poll<()> {
        if let Some(eager) = seat.driver.as_ref().and_then(|driver| driver.eager_reads()) {
            eager.read_next();
        }
        self.poll(seat, None)
    }

    /// Lets a caller poll, which may be in another runtime or in none.
    fn as_caller(&self, poll: impl FnOnce() -> Poll<()>) -> Poll<()> {
        let _context = self.runtime.enter();
        let mut poll = Some(poll);
        let work = poll_fn(|_| poll.take().map_or(Poll::Pending, |poll| poll()));
        // How much the caller's task may do before others have their turn does not concern the driver.
        let work = pin!(tokio::task::unconstrained(work));
        let polled = work.poll(&mut Context::from_waker(Waker::noop()));
        if polled.is_ready() {
            self.alarm.task.wake();
        }
        polled
    }

    /// Gives the command to the session and drives until it is answered, for a short time. Gives the command back if this is
    /// not the moment to do that.
    pub(super) fn drive<T>(
        &self,
        command: Command,
        answered: &mut oneshot::Receiver<T>,
    ) -> Driven<T> {
        if !self.answers_at_once.load(Ordering::Relaxed) {
            return Driven::NotAsked(command);
        }
        let Some(mut seat) = self.seat.try_lock_for(LOCK_WITHIN) else {
            return Driven::NotAsked(command);
        };
        let can_be_driven = seat.driver.as_ref().and_then(|driver| driver.eager_reads());
        if can_be_driven.is_none() {
            return Driven::NotAsked(command);
        }
        let _driving = Driving::start(&self.alarm);
        let began = Instant::now();
        let mut polled = self.as_caller(|| self.poll(&mut seat, Some(command)));
        loop {
            let answer = match answered.try_recv() {
                Ok(answer) => Some(answer),
                Err(TryRecvError::Closed) => None,
                Err(TryRecvError::Empty) => {
                    let waits = seat.driver.as_ref().is_some_and(|driver| driver.waits());
                    if polled.is_ready() || !waits || began.elapsed() >= DRIVE_FOR {
                        drop(seat);
                        self.wake_thread();
                        return Driven::Asked;
                    }
                    MutexGuard::unlocked(&mut seat, thread::yield_now);
                    polled = self.as_caller(|| self.poll_eagerly(&mut seat));
                    continue;
                }
            };
            self.count(&mut seat, began);
            return Driven::Answered(answer);
        }
    }

    /// A request that was made at `began` was answered at once.
    fn count(&self, seat: &mut Seat, began: Instant) {
        let is_soon = began.saturating_duration_since(seat.last) < SOON;
        seat.streak = if is_soon { seat.streak + 1 } else { 0 };
        seat.last = began;
        if seat.streak >= STREAK && !self.stands_by.swap(true, Ordering::SeqCst) {
            self.alarm.task.wake();
        }
    }

    /// Something waits for the driver's thread: if it stands by, it does that no more.
    pub(super) fn wake_thread(&self) {
        if self.stands_by.swap(false, Ordering::SeqCst)
            && let Some(thread) = &*self.thread.lock()
        {
            thread.unpark();
        }
    }

    /// Notes whether a request was answered at once.
    pub(super) fn note(&self, at_once: bool) {
        self.answers_at_once.store(at_once, Ordering::Relaxed);
    }

    /// Ends the driver, if it has not ended.
    pub(super) fn end(&self) {
        let driver = self.seat.lock().driver.take();
        drop(driver);
    }
}

/// What came of driving.
pub(super) enum Driven<T> {
    /// Nothing was done.
    NotAsked(Command),
    /// The answer will come.
    Asked,
    /// `None`: the driver has ended.
    Answered(Option<T>),
}
