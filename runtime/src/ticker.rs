//! The clock that makes questions depend on time.
//!
//! The interpreter asks its host whether to stop by counting steps, and a step can be a built-in function that takes
//! milliseconds. So one thread of the process looks every [`TICK`] at what each worker executes. A run that has kept its
//! worker since the last look is *due*: its countdown is set to zero, so that the interpreter asks at its next step, and
//! a flag tells the allocator to ask at its next request, which reaches the inside of long built-in functions.
//!
//! The thread starts with the first run, and parks while no worker executes anything. It decides nothing else; what a
//! run that does not answer means is up to [`watch`](crate::watch).
#![expect(
    clippy::disallowed_methods,
    reason = "it guards the host, so it is in the time of the machine"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::sys::countdown::Countdown;

/// How often the clock looks. Two looks make less than a time slice.
const TICK: Duration = Duration::from_millis(2);

/// After so many ticks without anything to look at, the thread parks.
const IDLE_TICKS: u32 = 25;

/// What the clock can do to one run. Shared between the run, on its worker, and the clock.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// The run should ask, and has not done so yet.
    due: AtomicBool,
    /// How often the run has asked.
    asked: AtomicU64,
    /// The interpreter's countdown, as long as the run's context exists.
    countdown: Mutex<Option<Countdown>>,
}

impl Pulse {
    /// Whether the run should ask now.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Ordering::Relaxed)
    }

    /// The run asks.
    pub(crate) fn note_asked(&self) {
        self.due.store(false, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets or, before the context is freed, forgets the interpreter's countdown.
    pub(crate) fn set_countdown(&self, countdown: Option<Countdown>) {
        *self.countdown.lock() = countdown;
    }

    fn ring(&self) {
        self.due.store(true, Ordering::Relaxed);
        self.expire();
    }

    /// Has the interpreter ask at its next step.
    pub(crate) fn expire(&self) {
        // The lock keeps the context alive for as long as this writes into it.
        if let Some(countdown) = &*self.countdown.lock() {
            countdown.expire();
        }
    }
}

/// What one worker executes now.
pub(crate) struct Lane<T> {
    active: AtomicBool,
    /// How often a run was resumed on this worker.
    resumes: AtomicU64,
    current: Mutex<Option<(Arc<Pulse>, Arc<T>)>>,
    /// The current run was reported, as it does not answer.
    reported: AtomicBool,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            active: AtomicBool::new(false),
            resumes: AtomicU64::new(0),
            current: Mutex::new(None),
            reported: AtomicBool::new(false),
        }
    }
}

impl<T: Answerable> Lane<T> {
    /// The worker is about to resume this run.
    pub(crate) fn enter(&self, pulse: &Arc<Pulse>, run: &Arc<T>) {
        {
            let mut current = self.current.lock();
            if !current
                .as_ref()
                .is_some_and(|(old, _)| Arc::ptr_eq(old, pulse))
            {
                *current = Some((Arc::clone(pulse), Arc::clone(run)));
            }
        }
        self.resumes.fetch_add(1, Ordering::Relaxed);
        // Sequentially consistent with the clock's last look before it parks: either it sees this lane, or this
        // sees that it parks.
        self.active.store(true, Ordering::SeqCst);
        if let Some(clock) = CLOCK.get()
            && clock.parked.load(Ordering::SeqCst)
        {
            clock.wake();
        }
    }

    /// The run is suspended, or has ended.
    pub(crate) fn leave(&self) {
        self.active.store(false, Ordering::Release);
        if self.reported.load(Ordering::Relaxed) {
            self.withdraw();
        }
    }

    #[cold]
    fn withdraw(&self) {
        let current = self.current.lock().clone();
        if let Some((_, run)) = current
            && self.reported.swap(false, Ordering::Relaxed)
        {
            run.answers();
        }
    }

    /// The worker is at its end, or at its next run: nothing of the last one is needed.
    pub(crate) fn forget(&self, pulse: &Arc<Pulse>) {
        let mut current = self.current.lock();
        if current
            .as_ref()
            .is_some_and(|(old, _)| Arc::ptr_eq(old, pulse))
        {
            *current = None;
        }
    }
}

/// A lane as the clock sees it.
trait Look: Send + Sync {
    /// Rings if the same run is on since the last look; `seen` is what the clock remembers of it.
    fn look(&self, seen: &mut Seen) -> bool;
    fn is_active(&self) -> bool;
}

/// What the clock remembers of a lane.
#[derive(Debug, Default)]
struct Seen {
    resumes: u64,
    asked: u64,
    since: Option<Instant>,
}

/// What is done about a run that does not answer.
pub(crate) trait Answerable: Send + Sync + 'static {
    /// The run has kept its worker for `silent` without asking. Called at every tick, on the clock's thread.
    fn does_not_answer(&self, silent: Duration);
    /// It answers again, after [`does_not_answer`](Self::does_not_answer) was called.
    fn answers(&self);
}

/// A run that has not asked for so long does not answer.
const PATIENCE: Duration = Duration::from_millis(100);

impl<T: Answerable> Look for Lane<T> {
    fn is_active(&self) -> bool {
        self.active.load(Ordering::SeqCst)
    }

    fn look(&self, seen: &mut Seen) -> bool {
        if !self.is_active() {
            seen.since = None;
            return false;
        }
        let current = self.current.lock().clone();
        let Some((pulse, run)) = current else {
            return true;
        };
        let now = (
            self.resumes.load(Ordering::Relaxed),
            pulse.asked.load(Ordering::Relaxed),
        );
        let same_resume = now.0 == seen.resumes;
        let silent = same_resume && now.1 == seen.asked;
        match seen.since {
            Some(since) if silent => {
                let silent = since.elapsed();
                if silent >= PATIENCE {
                    self.reported.store(true, Ordering::Relaxed);
                    run.does_not_answer(silent);
                }
            }
            _ => {
                seen.since = Some(Instant::now());
                if self.reported.load(Ordering::Relaxed) {
                    self.withdraw();
                }
            }
        }
        (seen.resumes, seen.asked) = now;
        if same_resume {
            pulse.ring();
        }
        true
    }
}

struct Clock {
    lanes: Mutex<Vec<Weak<dyn Look>>>,
    parked: AtomicBool,
    thread: OnceLock<Thread>,
}

static CLOCK: OnceLock<Clock> = OnceLock::new();

impl Clock {
    fn wake(&self) {
        if self.parked.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn run(&self) {
        // What is remembered of each lane, by its place in the list.
        let mut seen: Vec<Seen> = Vec::new();
        let mut idle = 0;
        loop {
            let mut busy = false;
            {
                let mut lanes = self.lanes.lock();
                if lanes.iter().any(|lane| lane.strong_count() == 0) {
                    lanes.retain(|lane| lane.strong_count() > 0);
                    seen.clear();
                }
                seen.resize_with(lanes.len(), Seen::default);
                for (lane, seen) in lanes.iter().zip(&mut seen) {
                    if let Some(lane) = lane.upgrade() {
                        busy |= lane.look(seen);
                    }
                }
            }
            idle = if busy { 0 } else { idle + 1 };
            if idle < IDLE_TICKS {
                std::thread::sleep(TICK);
                continue;
            }
            self.parked.store(true, Ordering::SeqCst);
            let lanes = self.lanes.lock().clone();
            let active = lanes
                .iter()
                .filter_map(Weak::upgrade)
                .any(|lane| lane.is_active());
            if active {
                self.parked.store(false, Ordering::SeqCst);
            }
            while self.parked.load(Ordering::SeqCst) {
                std::thread::park();
            }
            idle = 0;
        }
    }
}

/// Has the clock look at a worker's lane for as long as the lane lives. Starts the clock's thread if there is none yet.
///
/// # Errors
///
/// The system has no thread left.
pub(crate) fn watch<T: Answerable>(lane: &Arc<Lane<T>>) -> std::io::Result<()> {
    let clock = CLOCK.get_or_init(|| Clock {
        lanes: Mutex::default(),
        parked: AtomicBool::new(false),
        thread: OnceLock::new(),
    });
    let weak: Weak<dyn Look> = Arc::downgrade(&(Arc::clone(lane) as Arc<dyn Look>));
    let mut lanes = clock.lanes.lock();
    lanes.push(weak);
    if clock.thread.get().is_none() {
        let thread = std::thread::Builder::new()
            .name("cla-clock".to_owned())
            .spawn(|| {
                if let Some(clock) = CLOCK.get() {
                    clock.run();
                }
            })?;
        let _ = clock.thread.set(thread.thread().clone());
    }
    Ok(())
}
