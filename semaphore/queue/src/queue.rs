//! The pure state machine of **one** semaphore: a state, a command and the time go in, the next state
//! and the effects come out. It does no I/O, takes no lock, reads no clock and knows no `async`.
//!
//! # The algorithm
//!
//! A semaphore has a number of *slots*, a set of *busy* requests and a *line* of waiting ones. Every
//! command changes one of the three and then restores one invariant:
//!
//! > **While a request waits, no slot is free.**
//!
//! It is restored in exactly one place, `admit`: as long as a slot is free and the line is not empty,
//! the first in line takes the slot, within the same command, before any other command. A new
//! request that finds a line therefore finds no free slot either, and joins the line. That is the
//! whole of the fairness argument:
//!
//! * *There is no overtaking.* A freed slot is **handed** to the first waiter, it is never up for grabs. There is
//!   no moment at which a new request and a waiter compete, so it does not matter which one is quicker.
//! * *No request starves.* Within a priority the line is in order of arrival, and each slot that frees moves
//!   every request one place on. (Across priorities the higher one goes first: those who set the priorities
//!   decide which requests may starve.)
//! * *No request is forgotten.* A waiter leaves the line only by being admitted, granted, cancelled, timed
//!   out or killed; each of these yields an outcome for it in the same command. There is no signal that could
//!   be lost between "a slot is free" and "the waiter knows".
//!
//! A command of an administrator may bend the order, never the invariant: *grant* takes a request out of the
//! line and lets it start without a slot, so nothing frees when it ends; *move* changes a place; *purge*
//! frees every slot and grants the whole line; *force release* frees every slot and runs `admit`.
//!
//! # Slot ids
//!
//! A request may name the slot that it takes. `held_slots` keeps a second invariant: *an id holds at most one slot.*
//! A request that would be admitted while its id holds a slot is given that one, and takes none: a newcomer in
//! [`Queue::try_acquire`], a waiter in `start_waiting`, which then goes on with the next in line.
//!
//! # Time
//!
//! Every command takes `now`, and first of all does what is due by then, in order: TTLs of busy
//! requests and timeouts of waiting ones ([`Queue::advance`]). What a caller sees at time *t* is
//! therefore the same whether or not a timer came by in between; a timer is only needed to wake waiters
//! when no command comes by, and [`Queue::next_deadline`] says for when to set it.
//!
//! # Cost
//!
//! Joining, being admitted, leaving, moving and finding a place are O(log n) in the length of the line
//! (`waitlist`; O(1) while no request has a priority or was moved), deadlines likewise (`deadlines`), everything else is O(1). Purge and force release
//! are linear in what they free. A request that finds a slot free touches neither tree nor heap.

mod administer;
mod admit;
mod answers;
mod deadlines;
mod end;
#[cfg(test)]
mod explorer;
mod history;
#[cfg(test)]
mod model;
mod record;
mod remarks;
mod rows;
mod transitions;
mod waitlist;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::EventKind;
use crate::id::RunId;
use crate::owner::Owner;
use crate::request::{Request, Ttl};
use crate::slot_id::SlotId;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

pub use answers::{
    Admission, Attempt, Effects, Lost, NotBusy, NotHeld, NotWaiting, Outcome, RefreshRefused,
    Transition, Way,
};
#[doc(hidden)]
pub use deadlines::Deadlines;
pub use history::HistoryRoom;
use history::{Ended, History};
pub use record::Ticket;
use record::{NIL, Phase, Record};
use remarks::Remarks;
pub use rows::Row;
use waitlist::Waitlist;

/// How many ended requests are shown with a semaphore, so that a screen can show them leave. It remembers more: see
/// [`Queue::history`].
///
/// See [`Row`] for an example of how it is shown.
pub const ENDED_KEPT: usize = 32;
/// How long an ended request is shown with its semaphore at most: such rows are to be ephemeral (README: *Steering*), yet must stay long enough to be read.
///
/// See [`Row`] for an example of how it is shown.
pub const ENDED_SHOWN: Duration = Duration::from_secs(5);

/// A line or a set of records longer than this is given back to the allocator once it is empty.
const SPARE_RECORDS: usize = 64;

/// One semaphore. `W` is what the caller attaches to a waiter and gets back with its [`Outcome`].
///
/// ```
/// use cla_queue::queue::{Attempt, Effects, Outcome, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// let first = queue.acquire(&mut Request::new(), |_, _| "first", now, &mut fx);
/// let Attempt::Admitted(first) = first else { panic!("a slot is free") };
/// let second = queue.acquire(&mut Request::new(), |_, _| "second", now, &mut fx);
/// assert!(matches!(second, Attempt::Queued(_)));
///
/// // The slot is handed to the first in line in the same step.
/// queue.release(first.ticket, now, &mut fx).expect("it is held");
/// assert!(matches!(fx.outcomes[..], [("second", Outcome::Admitted(_))]));
/// ```
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Queue<W> {
    /// In force.
    slots: Slots,
    /// What the code said last, as far as it counts: in force unless pinned.
    declared: Slots,
    /// What the code said last. Becomes `declared` when no request is busy or waiting.
    wanted: Slots,
    pinned: bool,
    /// Whether the semaphore is there at all. It comes into being with its first request.
    exists: bool,
    /// Busy requests that take a slot.
    taken: u32,
    /// Reused in place: moving a record in and out would cost as much as all the rest of a free take.
    records: Vec<Record<W>>,
    first_free: u32,
    first_busy: u32,
    last_busy: u32,
    /// The busy requests with a slot id, by it.
    held_slots: BTreeMap<SlotId, u32>,
    line: Waitlist,
    deadlines: Deadlines,
    ended: History,
    /// Requests that were ended by force and whose work goes on: their holders have their permits still. In the order of their
    /// ends.
    outlived: Vec<Ended>,
    /// What few live requests have, and so is no field of a record.
    remarks: Remarks,
    next_sequence: u64,
    last_token: u64,
    /// The last time anything happened.
    touched_at: Timestamp,
}

impl<W> Queue<W> {
    /// A semaphore that is not there yet. Its tickets and tokens are numbered above `floor`, so that
    /// one which was forgotten and came back under the same name never repeats a token.
    #[must_use]
    pub fn new(floor: u64) -> Self {
        Self::with_history(floor, HistoryRoom::default())
    }

    /// As [`new`](Self::new), of a store that shares the room for long histories among its semaphores.
    #[must_use]
    pub fn with_history(floor: u64, room: HistoryRoom) -> Self {
        Self {
            slots: Slots::ONE,
            declared: Slots::ONE,
            wanted: Slots::ONE,
            pinned: false,
            exists: false,
            taken: 0,
            records: Vec::new(),
            first_free: NIL,
            first_busy: NIL,
            last_busy: NIL,
            held_slots: BTreeMap::new(),
            line: Waitlist::new(),
            deadlines: Deadlines::new(),
            ended: History::new(room),
            outlived: Vec::new(),
            remarks: Remarks::default(),
            next_sequence: floor,
            last_token: floor,
            touched_at: Timestamp::ZERO,
        }
    }

    // ---- what the code asks for

    /// Rule 1: takes a slot if one is free (then no request waits), else joins the line. `waiter` is called
    /// only in the second case.
    pub fn acquire(
        &mut self,
        request: &mut Request,
        waiter: impl FnOnce(Ticket, Option<&Owner>) -> W,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Attempt {
        match self.try_acquire(request, now, fx) {
            Some(admission) => Attempt::Admitted(admission),
            None => self.join(request, waiter, now, fx),
        }
    }

    /// Takes a slot if one is free; `None` if none is, which is always so when a request waits. If the request's slot
    /// id holds a slot, it gets that one and takes none.
    #[inline]
    pub fn try_acquire(
        &mut self,
        request: &mut Request,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Option<Admission> {
        self.arrive(request.get_slots(), now, fx);
        if !self.slots.admits(self.taken as usize) {
            return None;
        }
        debug_assert!(
            self.line.is_empty(),
            "while a request waits, no slot is free"
        );
        if request.get_slot().is_some() {
            return Some(self.take_slot(request, now, fx));
        }
        let index = self.record(request, now);
        self.start(index, Phase::Busy, now, fx);
        Some(self.admitted(index))
    }

    /// A slot is free: a request with a slot id takes it, or gets the one that its id holds.
    #[cold]
    fn take_slot(
        &mut self,
        request: &mut Request,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Admission {
        if let Some(index) = request.get_slot().and_then(|slot| self.holder(slot)) {
            return self.admitted(index);
        }
        let index = self.record(request, now);
        self.records[index as usize].slot = request.take_slot();
        self.start_slot(index, Phase::Busy, now, fx);
        self.admitted(index)
    }

    /// Joins the line, right after [`try_acquire`](Self::try_acquire) found no slot.
    pub fn join(
        &mut self,
        request: &mut Request,
        waiter: impl FnOnce(Ticket, Option<&Owner>) -> W,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Attempt {
        let deadline = request
            .get_timeout()
            .map_or(Timestamp::NEVER, |timeout| now.after(timeout));
        let class = request.get_priority().0;
        let index = self.record(request, now);
        let record = &mut self.records[index as usize];
        record.slot = request.take_slot();
        record.phase = Phase::Waiting;
        let ticket = Ticket::new(index, record.sequence);
        self.line.join(index, class);
        if deadline <= now {
            self.end_waiting(index, Status::TimedOut, EventKind::TimedOut, now, fx);
            return Attempt::TimedOut;
        }
        record.waiter = Some(waiter(ticket, record.owner.as_ref()));
        if deadline != Timestamp::NEVER {
            record.deadline = deadline;
            self.deadlines.set(index, deadline, ticket.sequence);
        }
        self.note(EventKind::Queued, index, fx);
        Attempt::Queued(ticket)
    }

    /// Ends a busy request; its slot goes to the first in line.
    ///
    /// # Errors
    /// [`NotHeld`] when the permit was lost before; no harm is done (rule 7).
    #[inline]
    pub fn release(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotHeld> {
        self.advance(now, fx);
        if !self.is_held(ticket) {
            self.outlived.retain(|ended| ended.ticket != ticket);
            return Err(NotHeld);
        }
        if self.records[ticket.index as usize].slot.is_some() {
            // Others may have permits of it.
            self.lose(ticket.index, fx);
        }
        self.end_busy(ticket.index, Status::Done, EventKind::Released, now, fx);
        self.settle(now, fx);
        Ok(())
    }

    /// Ends the busy request with that slot id; its slot goes to the first in line.
    ///
    /// # Errors
    /// [`NotHeld`] when the id holds no slot.
    pub fn release_slot(
        &mut self,
        slot: &SlotId,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotHeld> {
        self.advance(now, fx);
        let index = self.holder(slot).ok_or(NotHeld)?;
        self.release(self.ticket(index), now, fx)
    }

    /// The slot that the id holds now expires `ttl` after `now`.
    ///
    /// # Errors
    /// [`RefreshRefused`] when it holds none, or one that never expires.
    pub fn refresh_slot(
        &mut self,
        slot: &SlotId,
        ttl: Ttl,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), RefreshRefused> {
        self.advance(now, fx);
        let index = self.holder(slot).ok_or(RefreshRefused::NotHeld)?;
        self.refresh(self.ticket(index), ttl, now, fx)
    }

    /// The request stays busy, and its permit is gone: it ends by its TTL, by its slot id, or by an
    /// administrator.
    pub fn leave(&mut self, ticket: Ticket) {
        if self.is_held(ticket) {
            self.records[ticket.index as usize].left = ticket.sequence;
        }
    }

    /// Rule 7: the permit now expires `ttl` after `now`.
    ///
    /// # Errors
    /// [`RefreshRefused`] when the permit was lost, or never expires (README: *Semaphores as objects*).
    pub fn refresh(
        &mut self,
        ticket: Ticket,
        ttl: Ttl,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), RefreshRefused> {
        self.advance(now, fx);
        if !self.is_held(ticket) {
            return Err(RefreshRefused::NotHeld);
        }
        let record = &mut self.records[ticket.index as usize];
        if record.ttl.is_none() {
            return Err(RefreshRefused::NoTtl);
        }
        record.ttl = Some(ttl);
        record.deadline = now.after(ttl.duration());
        self.deadlines
            .set(ticket.index, record.deadline, record.sequence);
        self.note(EventKind::Refreshed, ticket.index, fx);
        Ok(())
    }

    /// Rule 8: the owner of a request is gone before it heard what became of it. A waiting request
    /// leaves the line; one that had just been admitted gives its slot to the next.
    ///
    /// The waiter of a request that waited is handed back, for the caller to drop.
    pub fn abandon(&mut self, ticket: Ticket, now: Timestamp, fx: &mut Effects<W>) -> Option<W> {
        self.advance(now, fx);
        let waiter = match self.phase(ticket) {
            None | Some(Phase::Free) => return None,
            Some(Phase::Waiting) => {
                self.end_waiting(ticket.index, Status::Left, EventKind::Left, now, fx)
            }
            Some(Phase::Busy | Phase::BusyGranted) => {
                if self.records[ticket.index as usize].slot.is_some() {
                    self.lose(ticket.index, fx);
                }
                self.end_busy(ticket.index, Status::Released, EventKind::Released, now, fx);
                None
            }
        };
        self.settle(now, fx);
        waiter
    }

    /// The run was given up: it is past its limit and does not end. Ends all that it waits for and holds, but for
    /// what it [left](Self::leave); slots go to the next in line.
    pub fn abandon_run(&mut self, run: RunId, now: Timestamp, fx: &mut Effects<W>) {
        self.advance(now, fx);
        let of_run = |record: &Record<W>| record.owner.as_ref().and_then(Owner::run) == Some(run);
        let waiting: Vec<u32> = self
            .line
            .iter()
            .filter(|&index| of_run(&self.records[index as usize]))
            .collect();
        let busy: Vec<u32> = self
            .busy_records()
            .filter(|&index| {
                let record = &self.records[index as usize];
                of_run(record) && record.left != record.sequence
            })
            .collect();
        // What waits goes first: it must be given nothing.
        for index in waiting {
            let waiter = self.end_waiting(index, Status::Killed, EventKind::Killed, now, fx);
            if let Some(waiter) = waiter {
                fx.outcomes.push((waiter, Outcome::Abandoned));
            }
        }
        for index in busy {
            self.lose(index, fx);
            if let Some(lost) = fx.lost.last_mut() {
                lost.abandoned = true;
            }
            self.end_busy(index, Status::Killed, EventKind::Killed, now, fx);
        }
        self.outlived
            .retain(|ended| ended.owner.as_ref().and_then(Owner::run) != Some(run));
        self.settle(now, fx);
    }

    /// The run does not answer since then, or answers again (`None`): all that it holds and waits for is shown so. What is
    /// marked already keeps its time.
    pub fn mark_unresponsive(
        &mut self,
        run: RunId,
        since: Option<Timestamp>,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        self.advance(now, fx);
        let kind = match since {
            Some(_) => EventKind::Unresponsive,
            None => EventKind::Responsive,
        };
        let all: Vec<u32> = self.busy_records().chain(self.line.iter()).collect();
        for index in all {
            let record = &self.records[index as usize];
            if record.owner.as_ref().and_then(Owner::run) == Some(run)
                && self.remarks.note_unresponsive(record.sequence, since)
            {
                self.note(kind, index, fx);
            }
        }
    }

    /// Takes a waiting request out of the line because its wait could never end (rule 9). Its waiter
    /// is returned, so that the caller can say why.
    pub fn refuse(&mut self, ticket: Ticket, now: Timestamp, fx: &mut Effects<W>) -> Option<W> {
        if self.phase(ticket) != Some(Phase::Waiting) {
            return None;
        }
        let waiter = self.end_waiting(
            ticket.index,
            Status::Cancelled,
            EventKind::Deadlocked,
            now,
            fx,
        );
        self.settle(now, fx);
        waiter
    }

    // ---- time

    /// Lets every deadline up to `now` happen, in order.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        if self.deadlines.earliest() <= now {
            self.fall_due(now, fx);
        }
    }

    /// When [`advance`](Self::advance) next has something to do; [`Timestamp::NEVER`] if it has not.
    #[inline]
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        self.deadlines.earliest()
    }

    // ---- what it looks like

    /// Slots in force.
    #[must_use]
    pub const fn slots(&self) -> Slots {
        self.slots
    }

    /// Whether an administrator's number of slots is in force.
    #[must_use]
    pub const fn is_pinned(&self) -> bool {
        self.pinned
    }

    /// Slots taken.
    #[must_use]
    pub const fn busy(&self) -> usize {
        self.taken as usize
    }

    /// Length of the line.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.line.len()
    }

    /// No request is busy, granted or waiting.
    #[inline]
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.first_busy == NIL && self.line.is_empty()
    }

    /// Whether the semaphore is there: some request named it, or an administrator did.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.exists
    }

    /// When anything happened last.
    #[must_use]
    pub const fn touched_at(&self) -> Timestamp {
        self.touched_at
    }

    /// No number of a ticket or token given out so far is above this.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        if self.next_sequence > self.last_token {
            self.next_sequence
        } else {
            self.last_token
        }
    }

    /// Whether the request is busy.
    #[inline]
    #[must_use]
    pub fn is_held(&self, ticket: Ticket) -> bool {
        matches!(self.phase(ticket), Some(Phase::Busy | Phase::BusyGranted))
    }

    /// What the request got when it was admitted, if it is busy.
    #[must_use]
    pub fn admission(&self, ticket: Ticket) -> Option<Admission> {
        self.is_held(ticket).then(|| self.admitted(ticket.index))
    }

    /// What the caller attached to the request, if it waits.
    pub fn waiter_mut(&mut self, ticket: Ticket) -> Option<&mut W> {
        self.records
            .get_mut(ticket.index as usize)
            .filter(|record| record.sequence == ticket.sequence)
            .and_then(|record| record.waiter.as_mut())
    }

    /// Whose request it is, if it is live and says so.
    #[must_use]
    pub fn owner(&self, ticket: Ticket) -> Option<&Owner> {
        self.live(ticket)?.owner.as_ref()
    }

    /// Whether the request waits, and would wait for ever.
    #[must_use]
    pub fn waits_for_ever(&self, ticket: Ticket) -> bool {
        self.live(ticket).is_some_and(|record| {
            record.phase == Phase::Waiting && record.deadline == Timestamp::NEVER
        })
    }

    /// The place in line of a waiting request, from 1. O(log n).
    #[must_use]
    pub fn place(&mut self, ticket: Ticket) -> Option<usize> {
        self.is_waiting(ticket)
            .then(|| self.line.rank(ticket.index) + 1)
    }

    /// Whether the request waits.
    #[must_use]
    pub fn is_waiting(&self, ticket: Ticket) -> bool {
        self.phase(ticket) == Some(Phase::Waiting)
    }
}
