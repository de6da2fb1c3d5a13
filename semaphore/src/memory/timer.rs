//! Wakes semaphores whose deadline comes when no other command comes.
//!
//! One thread per store, started by the first deadline, gone with the store. A semaphore has at most one
//! alarm, for the earliest of its deadlines, so a million takes with a TTL leave one alarm behind, which
//! finds nothing to do. Works under any executor, and under none.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::clock::Clock;
use super::entry::Entry;
use crate::queue::Deadlines;
use crate::sync::{Condvar, Mutex};
use crate::time::Timestamp;

/// See the module page.
pub(crate) struct Timer {
    clock: Clock,
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    /// By number of entry.
    alarms: Deadlines,
    entries: HashMap<u32, Weak<Entry>>,
    running: bool,
    closed: bool,
}

impl Timer {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
            bell: Condvar::new(),
        })
    }

    /// Sets the alarm of `entry`, in place of the one it had.
    pub(crate) fn arm(self: &Arc<Self>, entry: &Entry, at: Timestamp) {
        let mut state = self.state.lock();
        let number = entry.number();
        state.alarms.set(number, at, u64::from(number));
        state.entries.insert(number, entry.weak());
        if self.clock.is_manual() {
            return;
        }
        if !state.running {
            let timer = Arc::clone(self);
            // Should the system refuse a thread, the next alarm tries again; until then deadlines
            // pass with the next command.
            state.running = std::thread::Builder::new()
                .name("cla-semaphore-timer".into())
                .spawn(move || timer.run())
                .is_ok();
        } else if state.alarms.earliest() == at {
            self.bell.notify_one();
        }
    }

    /// The next alarm; [`Timestamp::NEVER`] without any.
    pub(crate) fn earliest(&self) -> Timestamp {
        self.state.lock().alarms.earliest()
    }

    /// Rings every alarm up to `now`.
    pub(crate) fn fire(&self, now: Timestamp) {
        loop {
            let entry = {
                let mut state = self.state.lock();
                let Some(number) = state.alarms.pop_due(now) else {
                    return;
                };
                state.entries.remove(&number)
            };
            if let Some(entry) = entry.and_then(|entry| entry.upgrade()) {
                entry.ring();
            }
        }
    }

    /// Ends the thread.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.bell.notify_one();
    }

    fn run(&self) {
        let mut state = self.state.lock();
        while !state.closed {
            let next = state.alarms.earliest();
            let now = self.clock.now();
            if next <= now {
                drop(state);
                self.fire(now);
                state = self.state.lock();
            } else if next == Timestamp::NEVER {
                self.bell.wait(&mut state);
            } else {
                self.bell.wait_for(&mut state, next.since(now));
            }
        }
    }
}

impl std::fmt::Debug for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}
