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
//! handle never points to a dead one. (Forgetting a semaphore empties its queue; the entry stays as long as
//! somebody refers to it.)
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

mod administer;
mod audit;
mod cipher;
mod clock;
mod deadlock;
mod timer;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use slab::Slab;

use self::audit::AuditLog;
use self::cipher::{Address, Cipher};
use self::clock::Clock;
pub use self::clock::ManualClock;
use self::deadlock::WaitingRuns;
use self::timer::Timer;
use crate::audit::{AuditEntry, AuditQuery};
use crate::diagnosis::{ClientView, Diagnosis};
use crate::error::{AcquireError, AdminError, DeadlockError, RefreshError, ReleaseError};
use crate::event::{Event, EventHub};
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::queue::{
    self, Admission, Attempt, Effects, HistoryRoom, NotHeld, Queue, RefreshRefused, Row, Ticket,
    Way,
};
use crate::request::{Request, Ttl};
use crate::semaphores::Permit;
use crate::slot::SlotId;
use crate::store::{BoxFuture, StorePermit};
use crate::sweep::{CROWDED, SWEPT_ABOVE, SWEPT_AFTER};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;
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

/// The permits that were taken from runs which were given up. Nearly always there are none, and no command looks.
#[derive(Default)]
struct Abandoned {
    any: AtomicBool,
    /// By number of the entry and sequence number of the request. A permit of a slot with an id stays in here: others
    /// may have it, too.
    permits: Mutex<HashSet<(u32, u64)>>,
}

impl Abandoned {
    fn note(&self, entry: u32, ticket: Ticket) {
        self.permits.lock().insert((entry, ticket.sequence()));
        self.any.store(true, Ordering::Release);
    }

    #[inline]
    fn contains(&self, entry: u32, ticket: Ticket) -> bool {
        self.any.load(Ordering::Acquire)
            && self.permits.lock().contains(&(entry, ticket.sequence()))
    }

    fn forget(&self, entry: u32, ticket: Ticket) {
        if self.any.load(Ordering::Acquire) {
            self.permits.lock().remove(&(entry, ticket.sequence()));
        }
    }
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

/// One semaphore.
pub(crate) struct Entry {
    me: Weak<Entry>,
    name: SemaphoreName,
    number: u32,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

/// What an entry's lock protects.
pub(crate) struct State {
    pub(crate) queue: Queue<Waiter>,
    pub(crate) fx: Effects<Waiter>,
    /// What waits came to whose futures do not know yet, by sequence number of the request. Not those that were simply
    /// admitted: see [`State::take_outcome`].
    outcomes: HashMap<u64, Outcome>,
    /// What permits were given that were lost and are still there, by the same. Nearly always nothing.
    lost: HashMap<u64, Admission>,
    /// When the timer comes by; never later than the queue's next deadline.
    alarm: Timestamp,
    /// Who wants to know that a permit is lost. Nearly always there is none.
    watchers: Vec<(Ticket, Waker)>,
}

impl State {
    #[inline]
    fn has_effects(&self) -> bool {
        !self.fx.outcomes.is_empty() || self.has_rare_effects()
    }

    #[inline]
    fn has_rare_effects(&self) -> bool {
        !self.fx.lost.is_empty()
            || !self.fx.transitions.is_empty()
            || self.queue.next_deadline() < self.alarm
    }

    /// Whom to wake, if that is all there is to do: the next in line has its turn.
    #[inline]
    fn hand_over(&mut self) -> Option<Waker> {
        match self.fx.outcomes.as_slice() {
            [(_, queue::Outcome::Admitted(_))] if !self.has_rare_effects() => {
                self.fx.outcomes.pop().map(|(waiter, _)| waiter.waker)
            }
            _ => None,
        }
    }

    /// Notes what a wait came to. Hands back whom to wake.
    pub(crate) fn note_outcome(&mut self, waiter: Waiter, outcome: Outcome) -> Waker {
        // A hand-over must not allocate, so nothing is written down for the most frequent outcome.
        if !matches!(outcome, Outcome::Admitted) {
            self.outcomes.insert(waiter.sequence, outcome);
        }
        waiter.waker
    }

    /// What a wait came to that is over.
    #[inline]
    fn take_outcome(&mut self, ticket: Ticket) -> Outcome {
        take(&mut self.outcomes, ticket).unwrap_or(Outcome::Admitted)
    }
}

/// Whom to wake when a wait is over.
pub(crate) struct Waiter {
    sequence: u64,
    waker: Waker,
}

/// What a wait came to.
pub(crate) enum Outcome {
    /// The request is busy, or was until it was lost.
    Admitted,
    /// Its slot id holds this.
    Slot(Admission),
    Cancelled,
    TimedOut,
    Deadlock(DeadlockError),
    Abandoned,
}

impl From<queue::Outcome> for Outcome {
    fn from(outcome: queue::Outcome) -> Self {
        match outcome {
            // The future asks the queue what it was given.
            queue::Outcome::Admitted(_) => Self::Admitted,
            queue::Outcome::Slot(admission) => Self::Slot(admission),
            queue::Outcome::Cancelled => Self::Cancelled,
            queue::Outcome::TimedOut => Self::TimedOut,
            queue::Outcome::Abandoned => Self::Abandoned,
        }
    }
}

/// Takes something out of a map that is nearly always empty, and then gives its memory back.
fn take<T>(rare: &mut HashMap<u64, T>, ticket: Ticket) -> Option<T> {
    if rare.is_empty() {
        return None;
    }
    let taken = rare.remove(&ticket.sequence());
    if rare.is_empty() {
        *rare = HashMap::new();
    }
    taken
}

/// Whom to wake once the locks are released. One in nearly all cases, and then without an allocation.
#[derive(Default)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakes {
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.others.push(waker);
        }
    }

    #[inline]
    pub(crate) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
            for waker in self.others {
                waker.wake();
            }
        }
    }
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
        let entry = Arc::new_cyclic(|me| Entry {
            me: me.clone(),
            name: name.clone(),
            number,
            shared: Arc::clone(self.shared()),
            state: Mutex::new(State {
                queue: Queue::with_history(floor, self.shared().history.clone()),
                fx: Effects::default(),
                alarm: Timestamp::NEVER,
                watchers: Vec::new(),
                outcomes: HashMap::new(),
                lost: HashMap::new(),
            }),
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

impl Entry {
    pub(crate) const fn name(&self) -> &SemaphoreName {
        &self.name
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn id(&self, ticket: Ticket) -> RequestId {
        self.shared.ids.id(Address {
            entry: self.number,
            ticket,
        })
    }

    /// One transition: locks, reads the clock, runs `command`, carries out its effects.
    #[inline]
    pub(crate) fn transact<R>(
        &self,
        command: impl FnOnce(&mut Queue<Waiter>, Timestamp, &mut Effects<Waiter>) -> R,
    ) -> R {
        let mut state = self.state.lock();
        let now = self.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        let result = command(queue, now, fx);
        self.conclude(state);
        result
    }

    /// The first half of a transition: what the queue is to be told.
    #[inline]
    pub(crate) fn begin(&self, state: &mut State) -> Timestamp {
        state.fx.observed = self.shared.hub.is_observed();
        self.shared.clock.now()
    }

    /// The second half: carries out the effects, lets go of the lock, wakes.
    #[inline(always)]
    fn conclude(&self, mut state: MutexGuard<'_, State>) {
        if state.has_effects() {
            if let Some(waker) = state.hand_over() {
                drop(state);
                waker.wake();
            } else {
                self.conclude_rest(state);
            }
        }
    }

    #[inline(never)]
    fn conclude_rest(&self, mut state: MutexGuard<'_, State>) {
        let mut wakes = Wakes::default();
        self.carry_out(&mut state, &mut wakes);
        drop(state);
        wakes.wake();
    }

    /// Notes what waits came to, says to subscribers what happened, and sets the timer. `wakes` are to be called once
    /// the lock is released.
    pub(crate) fn carry_out(&self, state: &mut State, wakes: &mut Wakes) {
        // Taken out for the loop, and put back so that its memory is used again.
        let mut ended = std::mem::take(&mut state.fx.outcomes);
        for (waiter, outcome) in ended.drain(..) {
            wakes.push(state.note_outcome(waiter, outcome.into()));
        }
        state.fx.outcomes = ended;
        if !state.fx.lost.is_empty() {
            let queue = &state.queue;
            state
                .watchers
                .extract_if(.., |(ticket, _)| !queue.is_held(*ticket))
                .for_each(|(_, waker)| wakes.push(waker));
            for lost in state.fx.lost.drain(..) {
                let ticket = lost.admission.ticket;
                if lost.abandoned {
                    self.shared.abandoned.note(self.number, ticket);
                }
                if lost.asked {
                    state.lost.insert(ticket.sequence(), lost.admission);
                }
            }
        }
        if !state.fx.transitions.is_empty() {
            let at = self.shared.clock.wall();
            for transition in state.fx.transitions.drain(..) {
                self.shared.hub.emit(Event {
                    sequence: 0,
                    kind: transition.kind,
                    semaphore: self.name.clone(),
                    request: transition.ticket.map(|ticket| self.id(ticket)),
                    who: transition
                        .owner
                        .as_ref()
                        .map(|owner| owner.who().to_owned()),
                    run: transition.owner.as_ref().and_then(Owner::run),
                    busy: transition.busy,
                    waiting: transition.waiting,
                    slots: transition.slots,
                    at,
                    by: transition.by,
                });
            }
        }
        if state.queue.next_deadline() < state.alarm {
            state.alarm = state.queue.next_deadline();
            self.shared.timer.arm(self, state.alarm);
        }
    }

    /// The timer comes by.
    pub(crate) fn ring(&self) {
        let mut state = self.state.lock();
        state.alarm = Timestamp::NEVER;
        self.advance(&mut state);
        self.conclude(state);
    }

    /// Lets what is due happen.
    fn advance(&self, state: &mut State) {
        let now = self.begin(state);
        state.queue.advance(now, &mut state.fx);
    }

    #[inline]
    pub(crate) fn try_acquire(self: Arc<Self>, mut request: Request) -> Result<Permit, Request> {
        if request.get_slot().is_some() {
            let taken = self.transact(|queue, now, fx| take_slot(queue, &mut request, now, fx));
            return match taken {
                Some(admission) => Ok(self.slot_permit(admission)),
                None => Err(request),
            };
        }
        match self.transact(|queue, now, fx| queue.try_acquire(&mut request, now, fx)) {
            Some(admission) => Ok(Permit::memory(MemoryPermit {
                entry: self,
                ticket: admission.ticket,
            })),
            None => Err(request),
        }
    }

    /// One of the permits of a slot with an id.
    #[cold]
    fn slot_permit(self: Arc<Self>, admission: Admission) -> Permit {
        let name = self.name.clone();
        let held = MemoryPermit {
            entry: self,
            ticket: admission.ticket,
        };
        Permit::from_store(
            name,
            Box::new(SlotPermit {
                held,
                admission,
                done: false,
            }),
        )
    }

    pub(crate) fn release_slot(&self, slot: &SlotId) -> bool {
        self.transact(|queue, now, fx| queue.release_slot(slot, now, fx))
            .is_ok()
    }

    pub(crate) fn refresh_slot(&self, slot: &SlotId, ttl: Ttl) -> Result<(), RefreshError> {
        self.transact(|queue, now, fx| queue.refresh_slot(slot, ttl, now, fx))
            .map_err(|refused| {
                let name = self.name.clone();
                match refused {
                    RefreshRefused::NotHeld => RefreshError::NotHeld {
                        name,
                        slot: slot.clone(),
                    },
                    RefreshRefused::NoTtl => RefreshError::NoTtl { name },
                }
            })
    }

    /// Rule 8: the request has no waiter any longer. If it was admitted in the meantime, its slot
    /// goes to the next.
    fn abandon(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        let now = self.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        let waiter = queue.abandon(ticket, now, fx);
        let mut wakes = Wakes::default();
        self.carry_out(&mut state, &mut wakes);
        // The future that would ask for these is gone.
        let outcome = take(&mut state.outcomes, ticket);
        take(&mut state.lost, ticket);
        drop(state);
        drop((waiter, outcome));
        wakes.wake();
    }

    /// What the caller gets whose wait is over.
    #[inline]
    fn result(
        self: Arc<Self>,
        ticket: Ticket,
        outcome: Outcome,
        limit: Option<Duration>,
    ) -> Result<Permit, AcquireError> {
        Err(match outcome {
            Outcome::Admitted => {
                return Ok(Permit::memory(MemoryPermit {
                    entry: self,
                    ticket,
                }));
            }
            Outcome::Slot(admission) => return Ok(self.slot_permit(admission)),
            Outcome::Cancelled => AcquireError::Cancelled {
                name: self.name.clone(),
            },
            Outcome::TimedOut => self.timed_out(limit),
            Outcome::Deadlock(error) => AcquireError::Deadlock(error),
            Outcome::Abandoned => AcquireError::Abandoned {
                name: self.name.clone(),
            },
        })
    }

    #[cold]
    fn timed_out(&self, limit: Option<Duration>) -> AcquireError {
        AcquireError::TimedOut {
            name: self.name.clone(),
            after: limit.unwrap_or(Duration::MAX),
        }
    }

    pub(crate) fn view(&self) -> Option<SemaphoreView> {
        self.transact(|queue, now, fx| {
            queue.advance(now, fx);
            if !queue.exists() {
                return None;
            }
            let wall = self.shared.clock.wall();
            Some(SemaphoreView {
                name: self.name.clone(),
                slots: queue.slots(),
                pinned: queue.is_pinned(),
                busy: queue.busy(),
                waiting: queue.waiting(),
                requests: queue
                    .rows(now)
                    .map(|row| self.request_view(&row, now, wall))
                    .collect(),
            })
        })
    }

    fn request_view(&self, row: &Row<'_>, now: Timestamp, wall: f64) -> RequestView {
        let on_the_wall = |at: Timestamp| {
            // One of the two differences is zero.
            wall - now.since(at).as_secs_f64() + at.since(now).as_secs_f64()
        };
        let end = row.ended_at.unwrap_or(now);
        let owner = row.owner;
        RequestView {
            id: self.id(row.ticket),
            status: row.status,
            granted: row.granted,
            who: owner.map(|owner| owner.who().to_owned()),
            run: owner.and_then(Owner::run),
            host: owner.and_then(Owner::host).map(str::to_owned),
            pid: owner.and_then(Owner::pid),
            place: row.place,
            priority: row.priority,
            slot: row.slot.cloned(),
            token: row.token,
            requested_at: on_the_wall(row.requested_at),
            started_at: row.started_at.map(on_the_wall),
            expires_at: row.expires_at.map(on_the_wall),
            waited: row
                .started_at
                .unwrap_or(end)
                .since(row.requested_at)
                .as_secs_f64(),
            ran: row.started_at.map(|start| end.since(start).as_secs_f64()),
            ended_at: row.ended_at.map(on_the_wall),
            by: row.by.cloned(),
            unresponsive_since: row.unresponsive_since.map(on_the_wall),
        }
    }

    /// Requests that ended, newest first.
    fn history(&self, query: &HistoryQuery) -> Vec<RequestView> {
        self.transact(|queue, now, fx| {
            queue.advance(now, fx);
            let wall = self.shared.clock.wall();
            let is_wanted =
                |row: &Row<'_>| row.ended_at.is_some_and(|at| now.since(at) <= query.age());
            queue
                .history()
                .take_while(is_wanted)
                .take(query.most())
                .map(|row| self.request_view(&row, now, wall))
                .collect()
        })
    }
}

/// A request that is busy. Dropping it does nothing: its permit decides.
///
/// It has no details in it: few ask for them, and everybody moves a permit about.
pub(crate) struct MemoryPermit {
    entry: Arc<Entry>,
    ticket: Ticket,
}

impl MemoryPermit {
    pub(crate) fn name(&self) -> &SemaphoreName {
        &self.entry.name
    }

    pub(crate) fn id(&self) -> RequestId {
        self.entry.id(self.ticket)
    }

    /// What it was given, be it lost in the meantime.
    fn admission(&self) -> Admission {
        let state = self.entry.lock();
        let busy = state.queue.admission(self.ticket);
        match busy.or_else(|| state.lost.get(&self.ticket.sequence()).copied()) {
            Some(admission) => admission,
            None => unreachable!("what was admitted is busy until it is released or lost"),
        }
    }

    pub(crate) fn token(&self) -> u64 {
        self.admission().token
    }

    pub(crate) fn waited(&self) -> Duration {
        let admission = self.admission();
        admission.started_at.since(admission.requested_at)
    }

    pub(crate) fn granted(&self) -> bool {
        matches!(self.admission().way, Way::Grant)
    }

    pub(crate) fn held(&self) -> Duration {
        let started_at = self.admission().started_at;
        self.entry.shared.clock.now().since(started_at)
    }

    pub(crate) fn started_at(&self) -> SystemTime {
        let wall = self.entry.shared.clock.wall() - self.held().as_secs_f64();
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(wall.max(0.0))
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.entry.transact(|queue, now, fx| {
            queue.advance(now, fx);
            !queue.is_held(self.ticket)
        })
    }

    /// Whether it was lost because its run was given up.
    #[inline]
    pub(crate) fn lease_passed(&self) -> bool {
        let abandoned = &self.entry.shared.abandoned;
        abandoned.contains(self.entry.number, self.ticket)
    }

    /// It was lost, and will be asked no more.
    fn forget_lost(&self) {
        take(&mut self.entry.lock().lost, self.ticket);
        let abandoned = &self.entry.shared.abandoned;
        abandoned.forget(self.entry.number, self.ticket);
    }

    pub(crate) fn poll_lost(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ticket = self.ticket;
        let mut state = self.entry.state.lock();
        self.entry.advance(&mut state);
        let lost = !state.queue.is_held(ticket);
        if !lost
            && !state
                .watchers
                .iter()
                .any(|(watched, waker)| *watched == ticket && waker.will_wake(cx.waker()))
        {
            state.watchers.push((ticket, cx.waker().clone()));
        }
        self.entry.conclude(state);
        if lost { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn refresh(&self, ttl: Ttl) -> Result<(), RefreshError> {
        self.entry
            .transact(|queue, now, fx| queue.refresh(self.ticket, ttl, now, fx))
            .map_err(|refused| {
                let name = self.entry.name.clone();
                match refused {
                    RefreshRefused::NotHeld => RefreshError::Lost { name },
                    RefreshRefused::NoTtl => RefreshError::NoTtl { name },
                }
            })
    }

    #[inline]
    pub(crate) fn give_back(&self) -> Result<(), NotHeld> {
        let ticket = self.ticket;
        self.entry
            .transact(|queue, now, fx| queue.release(ticket, now, fx))
            .inspect_err(|NotHeld| self.forget_lost())
    }

    /// Gives it back, and says how long it was held: one lock and one look at the clock for both.
    #[inline]
    pub(crate) fn close(&self) -> Duration {
        let ticket = self.ticket;
        let closed = self.entry.transact(|queue, now, fx| {
            let held = queue
                .admission(ticket)
                .map_or(Duration::ZERO, |admission| now.since(admission.started_at));
            queue.release(ticket, now, fx).map(|()| held)
        });
        closed.unwrap_or_else(|NotHeld| {
            let held = self.held();
            self.forget_lost();
            held
        })
    }

    pub(crate) fn release(self) -> Result<(), ReleaseError> {
        self.give_back().map_err(|NotHeld| self.lost_error())
    }

    fn lost_error(&self) -> ReleaseError {
        ReleaseError::Lost {
            name: self.entry.name.clone(),
        }
    }

    /// The permit is gone, and the slot stays.
    pub(crate) fn leave(&self) {
        let mut state = self.entry.lock();
        state.queue.leave(self.ticket);
        take(&mut state.lost, self.ticket);
        drop(state);
        let abandoned = &self.entry.shared.abandoned;
        abandoned.forget(self.entry.number, self.ticket);
    }

    /// Gives back one of the permits of a slot with an id.
    fn give_back_slot(&self) -> Result<(), NotHeld> {
        let ticket = self.ticket;
        self.entry
            .transact(|queue, now, fx| queue.release(ticket, now, fx))
    }
}

/// One of any number of permits of the slot that a slot id holds. Each remembers what it was given: when one gives
/// the slot back, the others are there still.
struct SlotPermit {
    held: MemoryPermit,
    admission: Admission,
    /// It was given back, or let go.
    done: bool,
}

impl StorePermit for SlotPermit {
    fn id(&self) -> RequestId {
        self.held.id()
    }

    fn token(&self) -> u64 {
        self.admission.token
    }

    fn waited(&self) -> Duration {
        let Admission {
            started_at,
            requested_at,
            ..
        } = self.admission;
        started_at.since(requested_at)
    }

    fn started_at(&self) -> SystemTime {
        let wall = self.held.entry.shared.clock.wall() - self.held().as_secs_f64();
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(wall.max(0.0))
    }

    fn held(&self) -> Duration {
        let now = self.held.entry.shared.clock.now();
        now.since(self.admission.started_at)
    }

    fn granted(&self) -> bool {
        matches!(self.admission.way, Way::Grant)
    }

    fn is_lost(&self) -> bool {
        self.held.is_lost()
    }

    fn lease_passed(&self) -> bool {
        self.held.lease_passed()
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::poll_fn(|cx| self.held.poll_lost(cx)))
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        let refreshed = self.held.refresh(ttl);
        Box::pin(std::future::ready(refreshed))
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        self.done = true;
        let released = self.held.give_back_slot();
        let released = released.map_err(|NotHeld| self.held.lost_error());
        Box::pin(std::future::ready(released))
    }

    fn leave(mut self: Box<Self>) {
        self.done = true;
        self.held.entry.lock().queue.leave(self.held.ticket);
    }
}

impl Drop for SlotPermit {
    fn drop(&mut self) {
        if !self.done {
            // A permit that was lost does no harm when it is given back.
            let _ = self.held.give_back_slot();
        }
    }
}

/// The future behind [`Acquire`](crate::Acquire): enqueues at its first poll.
///
/// Small and flat: on the free path, moving it about is what costs.
pub(crate) struct Acquiring {
    /// Taken when it is done.
    entry: Option<Arc<Entry>>,
    state: AcquireState,
}

enum AcquireState {
    New(Request),
    Waiting(Wait),
}

/// What a waiting future remembers of its request.
struct Wait {
    ticket: Ticket,
    /// Whose it is, if that is a run, which then is registered as waiting.
    runner: Option<Owner>,
    limit: Option<Duration>,
}

impl Acquiring {
    #[inline]
    pub(crate) const fn new(entry: Arc<Entry>, request: Request) -> Self {
        Self {
            entry: Some(entry),
            state: AcquireState::New(request),
        }
    }

    /// The request, before the first poll.
    #[inline]
    pub(crate) const fn request(&mut self) -> Option<&mut Request> {
        match &mut self.state {
            AcquireState::New(request) => Some(request),
            AcquireState::Waiting(_) => None,
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Permit, AcquireError>> {
        let AcquireState::New(request) = &mut self.state else {
            return self.look(cx);
        };
        let Some(entry) = self.entry.take() else {
            panic!("an Acquire was polled after it had been ready")
        };
        let mut state = entry.state.lock();
        let now = entry.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        if request.get_slot().is_some() {
            if let Some(admission) = take_slot(queue, request, now, fx) {
                entry.conclude(state);
                return Poll::Ready(Ok(entry.slot_permit(admission)));
            }
        } else if let Some(admission) = queue.try_acquire(request, now, fx) {
            entry.conclude(state);
            let ticket = admission.ticket;
            return Poll::Ready(Ok(Permit::memory(MemoryPermit { entry, ticket })));
        }
        let joined = join(&entry, &mut self.state, state, now, cx);
        if let Joining::TooLate(limit) = joined {
            return Poll::Ready(Err(entry.timed_out(limit)));
        }
        self.entry = Some(entry);
        if let Joining::PerhapsRefused = joined {
            return self.look(cx);
        }
        Poll::Pending
    }

    /// Is the wait over?
    fn look(&mut self, cx: &mut Context<'_>) -> Poll<Result<Permit, AcquireError>> {
        let (Some(entry), AcquireState::Waiting(wait)) = (&self.entry, &self.state) else {
            panic!("an Acquire was polled after it had been ready")
        };
        let (ticket, limit) = (wait.ticket, wait.limit);
        let mut state = entry.lock();
        if let Some(waiter) = state.queue.waiter_mut(ticket) {
            if !waiter.waker.will_wake(cx.waker()) {
                let stale = std::mem::replace(&mut waiter.waker, cx.waker().clone());
                drop(state);
                drop(stale);
            }
            return Poll::Pending;
        }
        let outcome = state.take_outcome(ticket);
        drop(state);
        let Some((entry, ticket)) = self.finish() else {
            unreachable!("the entry is there until the future is done")
        };
        Poll::Ready(entry.result(ticket, outcome, limit))
    }

    /// It waits no longer: takes back what said that it does.
    fn finish(&mut self) -> Option<(Arc<Entry>, Ticket)> {
        let AcquireState::Waiting(wait) = &self.state else {
            return None;
        };
        let entry = self.entry.take()?;
        if let Some(run) = wait.runner.as_ref().and_then(Owner::run) {
            deadlock::waits_no_more(&entry, run, wait.ticket);
        }
        Some((entry, wait.ticket))
    }
}

/// [`Queue::try_acquire`] for requests with a slot id, apart from the way of the others, who only want the ticket: to
/// read all of an admission costs them.
#[cold]
fn take_slot(
    queue: &mut Queue<Waiter>,
    request: &mut Request,
    now: Timestamp,
    fx: &mut Effects<Waiter>,
) -> Option<Admission> {
    queue.try_acquire(request, now, fx)
}

/// How a request fared that found no slot.
enum Joining {
    Waits,
    /// It closed a cycle, as far as one could see at a glance.
    PerhapsRefused,
    /// It does not want to wait at all, but so long.
    TooLate(Option<Duration>),
}

/// No slot is free: waits in line, unless it does not want to wait at all.
#[cold]
fn join(
    entry: &Arc<Entry>,
    acquire: &mut AcquireState,
    mut state: MutexGuard<'_, State>,
    now: Timestamp,
    cx: &Context<'_>,
) -> Joining {
    let AcquireState::New(request) = acquire else {
        unreachable!("a request joins the line once")
    };
    let limit = request.get_timeout();
    let runner = request
        .get_owner()
        .filter(|owner| owner.run().is_some())
        .cloned();
    let run = runner.as_ref().and_then(Owner::run);
    let waiter = |ticket: Ticket, _: Option<&Owner>| {
        // Registered under the entry's lock: of two runs that close a cycle, the second one
        // to come here sees the first.
        if let Some(run) = run {
            entry.shared.runs.register(run, ticket, entry);
        }
        Waiter {
            sequence: ticket.sequence(),
            waker: cx.waker().clone(),
        }
    };
    let State { queue, fx, .. } = &mut *state;
    let outcome = queue.join(request, waiter, now, fx);
    let Attempt::Queued(ticket) = outcome else {
        entry.conclude(state);
        return Joining::TooLate(limit);
    };
    let settled =
        run.is_none() || limit.is_some() || deadlock::surely_moves_on(entry, &state.queue);
    entry.conclude(state);
    *acquire = AcquireState::Waiting(Wait {
        ticket,
        runner,
        limit,
    });
    if settled {
        Joining::Waits
    } else {
        deadlock::resolve(entry, Some(ticket));
        Joining::PerhapsRefused
    }
}

impl Drop for Acquiring {
    #[inline]
    fn drop(&mut self) {
        if let Some((entry, ticket)) = self.finish() {
            entry.abandon(ticket);
        }
    }
}
