//! The store of one process: a lock and wakers around the pure [`queue`](crate::queue).
//!
//! # How it hangs together
//!
//! ```text
//! MemoryStore ── registry: name ─► Entry ── lock ─► Queue, with the waiters' wakers
//!      └──────────── Shared ◄────────┘              (clock, ids, events, timer, waiting runs)
//! ```
//!
//! An [`Entry`] is one semaphore. Handles, permits and acquire futures keep theirs alive; the registry
//! lets go of an entry only when nothing else refers to it, so there are never two for one name, and a
//! handle never points to one that was removed. (Forgetting a semaphore empties its queue; the entry stays as long as
//! something refers to it.)
//!
//! Every transition locks one entry, reads the clock once, runs the queue, and carries out the effects:
//! events go to the hub under the lock, so they keep their order; wakers are called after it is released.
//!
//! Futures and permits know their request by its ticket, and nothing else: what it is, and became, they ask
//! the queue. So waiting allocates nothing, and a permit is cheap to move. What the queue knows no more (a wait
//! that failed, a permit that was lost) is kept beside it until they have asked or are gone.
//!
//! A waker belongs to a task, and dropping it may drop the task, with permits and futures of this very
//! semaphore in it. Therefore none is dropped under a lock.
//!
//! Locks are taken in this order: registry, entries (several only by `deadlock`, in order of address),
//! then waiting runs, timer. Neither of the last two is held while the other is taken.

mod abandoned;
mod acquire;
mod administer;
mod audit;
mod cipher;
mod clock;
mod deadlock;
mod entry;
mod permit;
mod timer;
mod view;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use slab::Slab;

use self::abandoned::Abandoned;
pub(crate) use self::acquire::Acquiring;
use self::audit::AuditLog;
use self::cipher::Cipher;
use self::clock::Clock;
pub use self::clock::ManualClock;
use self::deadlock::WaitingRuns;
pub(crate) use self::entry::Entry;
pub(crate) use self::permit::{MemoryPermit, SlotPermit};
use self::timer::Timer;
use crate::audit::{AuditEntry, AuditQuery};
use crate::diagnosis::{ClientView, Diagnosis};
use crate::error::AdminError;
use crate::event::EventHub;
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::queue::HistoryRoom;
use crate::sweep::{CROWDED, SWEPT_ABOVE, SWEPT_AFTER};
use crate::sync::Mutex;
use crate::view::{RequestView, SemaphoreView, Status};

/// Pinned semaphores are kept for ever, also idle ones: so many, then setting the slots of another is refused.
const MOST_PINNED: usize = 100_000;

/// What all entries of a store share.
pub(crate) struct Shared {
    clock: Clock,
    ids: Cipher,
    pub(crate) hub: EventHub,
    timer: Arc<Timer>,
    pub(crate) runs: WaitingRuns,
    /// How many semaphores are pinned.
    pinned: AtomicUsize,
    abandoned: Abandoned,
    audit: AuditLog,
    history: HistoryRoom,
}

impl Shared {
    fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            timer: Timer::new(clock.clone()),
            clock,
            ids: Cipher::random(),
            hub: EventHub::new(),
            runs: WaitingRuns::default(),
            pinned: AtomicUsize::new(0),
            abandoned: Abandoned::default(),
            audit: AuditLog::default(),
            history: HistoryRoom::default(),
        })
    }

    /// Counts one more pinned semaphore; `false` if there are too many.
    fn count_pinned(&self) -> bool {
        // The number guards nothing else, so no order with other memory is needed.
        let counted = self
            .pinned
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |pinned| {
                (pinned < MOST_PINNED).then_some(pinned + 1)
            });
        counted.is_ok()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.timer.close();
    }
}

/// All semaphores of one process. See the module page.
pub(crate) struct MemoryStore {
    /// Made at the first use: to measure how fast the processor's clock ticks takes a good part of a
    /// millisecond, and a program that never names a semaphore should start without it.
    shared: OnceLock<Arc<Shared>>,
    registry: Mutex<Registry>,
}

struct Registry {
    by_name: HashMap<SemaphoreName, u32>,
    /// By number; the only references of the registry.
    entries: Slab<Arc<Entry>>,
    sweep_at: usize,
    /// Above all tickets and tokens of entries that are gone.
    floor: u64,
}

impl MemoryStore {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shared: OnceLock::new(),
            registry: Mutex::new(Registry {
                by_name: HashMap::new(),
                entries: Slab::new(),
                sweep_at: SWEPT_ABOVE,
                floor: 0,
            }),
        })
    }

    pub(crate) fn with_clock(clock: &ManualClock) -> Arc<Self> {
        let store = Self::new();
        let shared = store.shared.get_or_init(|| Shared::new(clock.clock()));
        clock.drives(&shared.timer);
        store
    }

    /// Whether its time is that of this clock.
    pub(crate) fn follows(&self, clock: &ManualClock) -> bool {
        let shared = self.shared.get();
        shared.is_some_and(|shared| clock.is_of(&shared.clock))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.shared.get_or_init(|| Shared::new(Clock::real()))
    }

    /// The entry of that name; makes one (of a semaphore that does not exist yet) if there is none.
    pub(crate) fn entry(&self, name: &SemaphoreName) -> Arc<Entry> {
        let mut registry = self.registry.lock();
        if let Some(&number) = registry.by_name.get(name) {
            return Arc::clone(&registry.entries[number as usize]);
        }
        if registry.entries.len() >= registry.sweep_at {
            registry.sweep(self.shared());
        }
        let floor = registry.floor;
        let vacant = registry.entries.vacant_entry();
        // More than 2^32 entries do not fit in memory.
        let number = vacant.key() as u32;
        let entry = Arc::new_cyclic(|me| {
            Entry::new(
                me.clone(),
                name.clone(),
                number,
                Arc::clone(self.shared()),
                floor,
            )
        });
        vacant.insert(Arc::clone(&entry));
        registry.by_name.insert(name.clone(), number);
        entry
    }

    /// The entry of that name, if its semaphore exists.
    pub(crate) fn existing(&self, name: &SemaphoreName) -> Result<Arc<Entry>, AdminError> {
        let registry = self.registry.lock();
        registry
            .by_name
            .get(name)
            .map(|&number| Arc::clone(&registry.entries[number as usize]))
            .filter(|entry| entry.state.lock().queue.exists())
            .ok_or_else(|| AdminError::UnknownSemaphore { name: name.clone() })
    }

    /// Forgets a semaphore that is idle and not pinned, without a word of it in the audit.
    pub(crate) fn let_go(&self, name: &SemaphoreName) {
        if let Ok(entry) = self.existing(name) {
            entry.transact(|queue, now, fx| !queue.is_pinned() && queue.forget(now, fx));
            drop(entry);
            self.registry.lock().remove_unused(name);
        }
    }

    /// Commands that changed something, newest first.
    pub(crate) fn audit(&self, query: &AuditQuery) -> Vec<AuditEntry> {
        let shared = self.shared();
        shared.audit.read(query, shared.clock.wall())
    }

    /// Requests that ended, newest first.
    pub(crate) fn history(&self, name: &SemaphoreName, query: &HistoryQuery) -> Vec<RequestView> {
        match self.existing(name) {
            Ok(entry) => entry.history(query),
            Err(_) => Vec::new(),
        }
    }

    /// The run was given up: ends all that it waits for and holds.
    pub(crate) fn abandon(&self, run: RunId) {
        for entry in self.entries() {
            entry.transact(|queue, now, fx| queue.abandon_run(run, now, fx));
        }
    }

    /// The run does not answer since then, or answers again: marks all that it waits for and holds.
    pub(crate) fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        for entry in self.entries() {
            entry.transact(|queue, now, fx| {
                let since = since.map(|since| now.before(since.elapsed()));
                queue.mark_unresponsive(run, since, now, fx);
            });
        }
    }

    /// These wait for the end of the run from now on.
    pub(crate) fn note_dependents(&self, run: RunId, dependents: &Arc<[NamedRun]>) {
        // Nothing waits in a store that was never used.
        if let Some(shared) = self.shared.get() {
            deadlock::note_dependents(&shared.runs, run, dependents);
        }
    }

    pub(crate) fn list(&self) -> Vec<SemaphoreView> {
        let mut views: Vec<_> = self
            .entries()
            .iter()
            .filter_map(|entry| entry.view())
            .collect();
        views.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        views
    }

    pub(crate) fn show(&self, name: &SemaphoreName) -> Option<SemaphoreView> {
        self.existing(name).ok()?.view()
    }

    /// The one live request whose id begins with `prefix`; if none does, the one that just ended.
    pub(crate) fn find(&self, prefix: &str) -> Result<RequestId, AdminError> {
        let digits = prefix.trim().chars().filter(|c| *c != '-');
        let wanted: String = digits.map(|c| c.to_ascii_lowercase()).collect();
        let (mut live, mut ended) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            entry.transact(|queue, now, _| {
                for row in queue.rows(now) {
                    let id = entry.id(row.ticket);
                    if id.begins_with(&wanted) {
                        let found = if row.ended_at.is_none() {
                            &mut live
                        } else {
                            &mut ended
                        };
                        found.push(id);
                    }
                }
            });
        }
        let found = if live.is_empty() { ended } else { live };
        AdminError::only_match(prefix, &found)
    }

    pub(crate) fn diagnose(&self) -> Diagnosis {
        let asked = std::time::Instant::now();
        let views = self.list();
        let client = ClientView {
            id: "this process".to_owned(),
            host: None,
            pid: Some(std::process::id()),
            alive: true,
            lease_left: None,
            busy: views
                .iter()
                .flat_map(|view| &view.requests)
                .filter(|row| row.status == Status::Busy)
                .count(),
            waiting: views.iter().map(|view| view.waiting).sum(),
        };
        Diagnosis::new("memory:", asked.elapsed())
            .fact("semaphores", views.len().to_string())
            .clients(vec![client])
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        let registry = self.registry.lock();
        registry
            .entries
            .iter()
            .map(|(_, entry)| Arc::clone(entry))
            .collect()
    }
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl Registry {
    /// Lets go of semaphores that were not used for long and nothing refers to.
    fn sweep(&mut self, shared: &Shared) {
        let now = shared.clock.now();
        let crowded = self.entries.len() >= CROWDED;
        let stale: Vec<SemaphoreName> = self
            .entries
            .iter()
            .filter(|(_, entry)| {
                let state = entry.state.lock();
                let queue = &state.queue;
                let long_idle = now.since(queue.touched_at()) >= SWEPT_AFTER;
                let dispensable = crowded || long_idle || !queue.exists();
                queue.is_idle() && !queue.is_pinned() && dispensable
            })
            .map(|(_, entry)| entry.name.clone())
            .collect();
        for name in &stale {
            self.remove_unused(name);
        }
        self.sweep_at = SWEPT_ABOVE.max(2 * self.entries.len());
    }

    /// Removes an idle entry, unless something refers to it.
    fn remove_unused(&mut self, name: &SemaphoreName) {
        let Some(&number) = self.by_name.get(name) else {
            return;
        };
        let entry = &self.entries[number as usize];
        // References are only made from other references or under the registry's lock, which we have:
        // a count of one stays one. (The timer and the deadlock check may upgrade a weak reference for
        // a moment; then the entry just stays.)
        if Arc::strong_count(entry) > 1 {
            return;
        }
        let forgotten = entry.transact(|queue, now, fx| queue.is_idle() && queue.forget(now, fx));
        if forgotten {
            self.floor = self.floor.max(entry.state.lock().queue.floor());
            self.by_name.remove(name);
            self.entries.remove(number as usize);
        }
    }
}
