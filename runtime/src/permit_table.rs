//! What a run has taken and holds.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cla_semaphore::{Permit, RequestId, Semaphore, SemaphoreName, Semaphores};

use crate::memory_reservation::MemoryReservation;
use crate::slot_watch::SlotWatch;
use crate::sys::memory::MemoryGauge;

/// What a run has taken from each semaphore, and the permits that outlive the call that took them.
///
/// The run owns every permit in here: when it ends, however it ends, they are given back before its
/// result is reported.
pub struct PermitTable {
    gauge: Rc<MemoryGauge>,
    /// `None` if nothing listens, and nothing is bounded.
    watch: Option<Rc<SlotWatch>>,
    usages: RefCell<HashMap<SemaphoreName, Rc<Usage>>>,
    /// With so many usages, unused ones are closed.
    close_at: Cell<usize>,
    /// What was taken from semaphores whose usages were closed to make room.
    closed: Rc<Cell<Totals>>,
    /// By address: entries are only ever found by the very permit they hold.
    registered: RefCell<HashMap<*const HeldPermit, Rc<HeldPermit>>>,
    /// The holder of the permit that was given back last, to be used again if it has no other owner.
    spare: Cell<Option<Rc<HeldPermit>>>,
}

impl fmt::Debug for PermitTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitTable")
            .field("usages", &self.usages)
            .field("registered", &self.registered)
            .finish_non_exhaustive()
    }
}

/// How many unused usages a run keeps open. A rule that makes up names as it goes has about as many.
const MAX_ACCOUNTS: usize = 1024;

/// What a usage counts for against the run's memory limit, in bytes: its own data, and the semaphore in a store of this
/// process.
const ACCOUNT_BYTES: usize = 768;

/// What a permit that outlives its call counts for against the run's memory limit, in bytes: its own
/// data, and its request in the store.
const PERMIT_BYTES: usize = 512;

/// Sums over several semaphores.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) semaphores: u64,
    pub(crate) taken: u64,
    pub(crate) waited: Duration,
    pub(crate) held: Duration,
}

/// What a run has taken from one semaphore.
#[derive(Debug)]
pub struct Usage {
    /// The handle to the semaphore.
    pub semaphore: Semaphore,
    taken: Cell<u64>,
    waited: Cell<Duration>,
    held: Cell<Duration>,
    /// Where its sums go with its end, if the permit table does not list it.
    sums: Option<Rc<Cell<Totals>>>,
    watch: Option<Rc<SlotWatch>>,
    _charge: MemoryReservation,
}

impl Usage {
    fn new(
        gauge: &Rc<MemoryGauge>,
        semaphore: Semaphore,
        sums: Option<Rc<Cell<Totals>>>,
        watch: Option<Rc<SlotWatch>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            _charge: MemoryReservation::new(gauge, ACCOUNT_BYTES),
            semaphore,
            taken: Cell::default(),
            waited: Cell::default(),
            held: Cell::default(),
            sums,
            watch,
        })
    }

    /// Notes that a slot was taken. [`Run::acquire`](crate::host::Run::acquire) does so by itself.
    #[inline]
    pub fn note_taken(&self) {
        self.taken.set(self.taken.get() + 1);
        if let Some(watch) = &self.watch {
            watch.taken(self.semaphore.name());
        }
    }

    /// A region is about to be entered: code that takes a slot asks first.
    ///
    /// # Errors
    ///
    /// Says how many the run may enter, if it may not enter one more.
    #[doc(hidden)]
    #[inline]
    pub fn enter_region(&self) -> Result<(), String> {
        match &self.watch {
            None => Ok(()),
            Some(watch) => watch.enter_region(),
        }
    }

    /// Whether there is a limit on the regions of the run.
    #[doc(hidden)]
    #[inline]
    pub fn is_bounded(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_bounded())
    }

    /// A request waits from now on.
    pub(crate) fn note_waits(&self) {
        if let Some(watch) = &self.watch {
            watch.waits(self.semaphore.name());
        }
    }

    /// Waits for a slot in the way of asynchronous code. The run itself goes on, so this is not time that it waits; but
    /// who listens hears of it, also of a wait that is given up.
    #[doc(hidden)]
    pub async fn observed_wait<F: Future>(&self, acquire: F) -> F::Output {
        struct Wait<'a>(&'a Usage, Option<Instant>);
        impl Drop for Wait<'_> {
            fn drop(&mut self) {
                let (Some(watch), Some(since)) = (&self.0.watch, self.1) else {
                    return;
                };
                let waited = watch.now().saturating_duration_since(since);
                self.0.note_wait_ended(waited);
            }
        }
        let mut acquire = pin!(acquire);
        // A slot that is free is not waited for.
        if let Poll::Ready(outcome) = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await {
            return outcome;
        }
        self.note_waits();
        let _wait = Wait(self, self.watch.as_ref().map(|watch| watch.now()));
        acquire.await
    }

    /// A request does not wait any more.
    fn note_wait_ended(&self, time: Duration) {
        if let Some(watch) = &self.watch {
            watch.waited(self.semaphore.name(), time);
        }
    }

    /// Notes that a request waited so long. [`Run::acquire`](crate::host::Run::acquire) does so by itself.
    pub(crate) fn note_waited(&self, time: Duration) {
        self.waited.set(self.waited.get() + time);
        self.note_wait_ended(time);
    }

    /// How many slots were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }

    /// Time spent waiting so far.
    pub fn waited(&self) -> Duration {
        self.waited.get()
    }

    /// Time that permits were held, summed over those that were given back.
    pub fn held(&self) -> Duration {
        self.held.get()
    }

    fn add_to(&self, sums: &Cell<Totals>) {
        let Totals {
            semaphores,
            taken,
            waited,
            held,
        } = sums.get();
        sums.set(Totals {
            semaphores: semaphores + 1,
            taken: taken + self.taken(),
            waited: waited + self.waited(),
            held: held + self.held(),
        });
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        if let Some(sums) = &self.sums
            && self.taken() > 0
        {
            self.add_to(sums);
        }
    }
}

impl PermitTable {
    pub(crate) fn new(gauge: Rc<MemoryGauge>, watch: Option<Rc<SlotWatch>>) -> Self {
        Self {
            gauge,
            watch,
            usages: RefCell::default(),
            close_at: Cell::new(MAX_ACCOUNTS),
            closed: Rc::default(),
            registered: RefCell::default(),
            spare: Cell::default(),
        }
    }

    /// The usage of a semaphore; opened at the first call.
    pub fn usage(&self, semaphores: &Semaphores, name: &SemaphoreName) -> Rc<Usage> {
        if let Some(usage) = self.usages.borrow().get(name) {
            return Rc::clone(usage);
        }
        let semaphore = semaphores.semaphore(name);
        let usage = Usage::new(&self.gauge, semaphore, None, self.watch.clone());
        let mut usages = self.usages.borrow_mut();
        if usages.len() >= self.close_at.get() {
            self.close_unused(&mut usages);
            // Of many that are in use, not all are looked at for each new one.
            self.close_at.set(MAX_ACCOUNTS.max(2 * usages.len()));
        }
        usages.insert(name.clone(), Rc::clone(&usage));
        usage
    }

    /// A usage that the run's report does not list by itself, for a semaphore of another store.
    pub fn account_elsewhere(&self, semaphore: Semaphore) -> Rc<Usage> {
        let sums = Some(Rc::clone(&self.closed));
        Usage::new(&self.gauge, semaphore, sums, self.watch.clone())
    }

    /// Closes the usages that are not in use at the moment, and keeps their sums.
    fn close_unused(&self, usages: &mut HashMap<SemaphoreName, Rc<Usage>>) {
        usages.retain(|_, usage| {
            let used = Rc::strong_count(usage) > 1;
            if !used {
                usage.add_to(&self.closed);
            }
            used
        });
    }

    /// Registers a permit with the run, which gives it back at its end if that was not done before.
    pub fn register(&self, permit: &Rc<HeldPermit>) {
        permit.registered.set(true);
        self.gauge.count_memory(PERMIT_BYTES);
        self.registered
            .borrow_mut()
            .insert(Rc::as_ptr(permit), Rc::clone(permit));
    }

    /// Puts a permit into a rule's hands.
    #[inline]
    pub fn hold(&self, permit: Permit, usage: Rc<Usage>) -> Rc<HeldPermit> {
        if let Some(mut spare) = self.spare.take()
            && let Some(held) = Rc::get_mut(&mut spare)
        {
            held.usage = usage;
            held.state = RefCell::new(PermitState::Held(permit));
            held.by_slot_id.set(false);
            return spare;
        }
        Rc::new(HeldPermit {
            usage,
            state: RefCell::new(PermitState::Held(permit)),
            registered: Cell::new(false),
            by_slot_id: Cell::new(false),
        })
    }

    /// Gives a permit back, unless that was done before. Says if it had been lost by accident: see
    /// [`Permit::lease_passed`].
    #[must_use = "a rule that relied on the slot should hear of it"]
    #[inline]
    pub(crate) fn close(&self, permit: Rc<HeldPermit>) -> Option<LostSlot> {
        let mut lost = None;
        if let Some(taken) = self.detach(&permit) {
            if taken.lease_passed() {
                lost = Some(LostSlot(Rc::clone(&permit.usage)));
            }
            permit.add_held(taken.close());
        }
        // A loop of takes needs no more than this one.
        self.spare.set(Some(permit));
        lost
    }

    /// Takes a permit out of its holder, to give it back; `None` when that was done before.
    pub fn take_permit(&self, permit: &Rc<HeldPermit>) -> Option<Permit> {
        let taken = self.detach(permit)?;
        permit.add_held(taken.held());
        Some(taken)
    }

    #[inline]
    fn detach(&self, permit: &Rc<HeldPermit>) -> Option<Permit> {
        if permit.registered.replace(false) {
            self.gauge.refund(PERMIT_BYTES);
            self.registered.borrow_mut().remove(&Rc::as_ptr(permit));
        }
        // Only those who can still ask what it was are worth the notes.
        permit.detach(Rc::strong_count(permit) > 1)
    }

    /// What is held now, for [`release_since`](Self::release_since).
    pub(crate) fn mark(&self) -> HashSet<*const HeldPermit> {
        self.registered.borrow().keys().copied().collect()
    }

    /// Gives back what was not held at the mark.
    pub(crate) fn release_since(&self, mark: &HashSet<*const HeldPermit>) {
        let since: Vec<_> = {
            let registered = self.registered.borrow();
            let since = registered.iter().filter(|(at, _)| !mark.contains(*at));
            since.map(|(_, held)| Rc::clone(held)).collect()
        };
        for held in since {
            if let Some(permit) = self.take_permit(&held) {
                drop(permit);
            }
        }
    }

    /// Gives back all that the run still holds.
    pub(crate) fn release_all(&self, mut between: impl FnMut()) {
        let registered = std::mem::take(&mut *self.registered.borrow_mut());
        for held in registered.into_values() {
            held.registered.set(false);
            self.gauge.refund(PERMIT_BYTES);
            if let Some(permit) = held.detach(true) {
                held.add_held(permit.close());
            }
            between();
        }
    }

    /// What was taken from semaphores that have no usage any more.
    pub(crate) fn closed(&self) -> Totals {
        self.closed.get()
    }

    /// Whether a slot of this very semaphore is held by a slot id.
    pub(crate) fn holds_by_slot_id(&self, usage: &Usage) -> bool {
        self.registered.borrow().values().any(|held| {
            held.by_slot_id.get()
                && std::ptr::eq(Rc::as_ptr(&held.usage), usage)
                && held.with(Permit::is_lost) == Some(false)
        })
    }

    /// Whether something was ever taken, so that the run may hold it.
    pub(crate) fn may_hold(&self) -> bool {
        let has_taken = |usage: &Rc<Usage>| usage.taken() > 0;
        !self.registered.borrow().is_empty()
            || self.closed.get().taken > 0
            || self.usages.borrow().values().any(has_taken)
    }

    /// What was taken, for the report.
    pub(crate) fn usages(&self) -> Vec<Rc<Usage>> {
        self.usages.borrow().values().cloned().collect()
    }
}

/// A permit in the hands of a rule.
#[derive(Debug)]
pub struct HeldPermit {
    usage: Rc<Usage>,
    state: RefCell<PermitState>,
    registered: Cell<bool>,
    /// It has a slot id, by which anybody may release it.
    by_slot_id: Cell<bool>,
}

#[derive(Debug)]
enum PermitState {
    Held(Permit),
    /// Without facts if no owner was left that could ask for them.
    GivenBack(Option<PermitFacts>),
}

/// What a rule can ask of a permit, also after it was given back.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PermitFacts {
    /// The request's id.
    pub id: RequestId,
    /// The fencing token.
    pub token: u64,
    /// How long the request waited.
    pub waited: Duration,
    /// Whether an administrator let it through.
    pub granted: bool,
    /// Whether it is held now.
    pub held: bool,
    /// Whether it was lost before it was given back: its TTL or its lease passed, or an administrator released it.
    pub lost: bool,
}

impl PermitFacts {
    /// `given_back`: or about to be.
    fn of(permit: &Permit, given_back: bool) -> Self {
        let lost = permit.is_lost();
        Self {
            id: permit.id(),
            token: permit.token(),
            waited: permit.waited(),
            granted: permit.granted(),
            held: !lost && !given_back,
            lost,
        }
    }
}

impl HeldPermit {
    /// The semaphore's usage.
    pub fn usage(&self) -> &Rc<Usage> {
        &self.usage
    }

    /// What is known of the permit; `None` once it was given back while it had no other owner.
    pub fn facts(&self) -> Option<PermitFacts> {
        match &*self.state.borrow() {
            PermitState::Held(permit) => Some(PermitFacts::of(permit, false)),
            PermitState::GivenBack(facts) => facts.clone(),
        }
    }

    /// Notes that it has a slot id, by which anybody may release it: then it is no deadlock to wait for the same semaphore.
    pub fn has_slot_id(&self) {
        self.by_slot_id.set(true);
    }

    /// Calls `look` with the permit; `None` when it was given back.
    pub fn with<R>(&self, look: impl FnOnce(&Permit) -> R) -> Option<R> {
        match &*self.state.borrow() {
            PermitState::Held(permit) => Some(look(permit)),
            PermitState::GivenBack(_) => None,
        }
    }

    #[inline]
    fn detach(&self, keep_facts: bool) -> Option<Permit> {
        let mut state = self.state.borrow_mut();
        let PermitState::Held(permit) = &*state else {
            return None;
        };
        let facts = keep_facts.then(|| PermitFacts::of(permit, true));
        match std::mem::replace(&mut *state, PermitState::GivenBack(facts)) {
            PermitState::Held(permit) => Some(permit),
            PermitState::GivenBack(_) => None,
        }
    }

    fn add_held(&self, time: Duration) {
        self.usage.held.set(self.usage.held.get() + time);
        if let Some(watch) = &self.usage.watch {
            watch.released(self.usage.semaphore.name(), time);
        }
    }
}

/// A slot that was lost by accident: its lease or its TTL passed while the work relied on it. Displays as a message for
/// the rule's author.
#[derive(Debug)]
pub struct LostSlot(Rc<Usage>);

impl LostSlot {
    /// The name of its semaphore.
    #[must_use]
    pub fn semaphore(&self) -> &SemaphoreName {
        self.0.semaphore.name()
    }
}

impl fmt::Display for LostSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cla_semaphore::lost_message(self.semaphore()))
    }
}
