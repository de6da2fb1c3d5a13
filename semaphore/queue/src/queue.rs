//! The pure state machine of **one** semaphore: a state, a command and the time go in, the next state
//! and the effects come out. It does no I/O, takes no lock, reads no clock and knows no `async`.
//!
//! # The algorithm
//!
//! A semaphore has a number of *slots*, a set of *busy* requests and a *line* of waiting ones. Every
//! command changes one of the three and then restores one invariant:
//!
//! > **While somebody waits, no slot is free.**
//!
//! It is restored in exactly one place, `admit`: as long as a slot is free and the line is not empty,
//! the first in line takes the slot, within the same command, before anybody else can look. A new
//! request that finds somebody waiting therefore finds no slot either, and joins the line. That is the
//! whole of the fairness argument:
//!
//! * *There is no overtaking.* A freed slot is **handed** to the first waiter, it is never up for grabs. There is
//!   no moment at which a newcomer and a waiter compete, so there is nothing to win by being quick.
//! * *No request starves.* Within a priority the line is in order of arrival, and each slot that frees moves
//!   everybody one place on. (Across priorities the higher one goes first: who gives out priorities
//!   decides who may starve.)
//! * *No request is forgotten.* A waiter leaves the line only by being admitted, granted, cancelled, timed
//!   out or killed; each of these yields a verdict for it in the same command. There is no signal that could
//!   be lost between "a slot is free" and "the waiter knows".
//!
//! What an administrator does bends the order, never the invariant: *grant* takes a request out of the
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
//! Every command is given `now`, and first of all lets the deadlines up to then happen, in order: TTLs of busy
//! requests and timeouts of waiting ones ([`Queue::advance`]). What a caller sees at time *t* is
//! therefore the same whether or not a timer came by in between; a timer is only needed to wake waiters
//! when no command comes by, and [`Queue::next_deadline`] says for when to set it.
//!
//! # Cost
//!
//! Joining, being admitted, leaving, moving and finding a place are O(log n) in the length of the line
//! (`waitlist`; O(1) while no request has a priority or was moved), deadlines likewise (`deadlines`), everything else is O(1). Purge and force release
//! are linear in what they free. A request that finds a slot free touches neither tree nor heap.

mod deadlines;
mod history;
#[cfg(test)]
mod model;
mod remarks;
mod waitlist;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::actor::Actor;
use crate::event::EventKind;
use crate::id::RunId;
use crate::owner::Owner;
use crate::request::{Priority, Request, Ttl};
use crate::slot_id::SlotId;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

#[doc(hidden)]
pub use deadlines::Deadlines;
use history::History;
pub use history::HistoryRoom;
use remarks::Remarks;
use waitlist::Waitlist;

/// How many ended requests are shown with a semaphore, so that a screen can show them leave. It remembers more: see
/// [`Queue::history`].
pub const ENDED_KEPT: usize = 32;
/// How long an ended request is shown with its semaphore at most: such rows are to be ephemeral (README: *Steering*), yet must stay long enough to be read.
pub const ENDED_SHOWN: Duration = Duration::from_secs(5);

/// A line or a set of records longer than this is given back to the allocator once it is empty.
const SPARE_RECORDS: usize = 64;

/// No record.
const NIL: u32 = u32::MAX;
/// The sequence number of no request.
const NOBODY: u64 = u64::MAX;

/// Names a request within its semaphore: a place in memory and a sequence number that is never used twice,
/// so a ticket of a request that is gone is recognised for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    index: u32,
    sequence: u64,
}

impl Ticket {
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn new(index: u32, sequence: u64) -> Self {
        Self { index, sequence }
    }

    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.sequence
    }
}

/// What a request got when it was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The request, for releasing and refreshing. Of several that ask with the same slot id, the first.
    pub ticket: Ticket,
    /// Fencing token: grows with every admission of this semaphore.
    pub token: u64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was given.
    pub started_at: Timestamp,
    /// On what it is busy.
    pub way: Way,
}

/// On what a request is busy.
// A whole word: an admission with a byte and padding in it is copied piecemeal, and a free take is little
// more than copying an admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Way {
    /// On a slot.
    Slot,
    /// On an administrator's word: it takes no slot.
    Grant,
}

/// What became of a request at once.
#[derive(Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A slot was free.
    Admitted(Admission),
    /// It waits in line. A [`Outcome`] will come.
    Queued(Ticket),
    /// It was not willing to wait, and no slot was free.
    TimedOut,
}

/// What became of a request that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is its turn.
    Admitted(Admission),
    /// It is its turn, and it has a slot id: this is what the id holds, be it since an earlier request.
    Slot(Admission),
    /// An administrator told it to fail.
    Cancelled,
    /// It waited as long as it was willing to.
    TimedOut,
    /// Its run was given up.
    Abandoned,
}

/// One [`EventKind`], with the counts right after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What happened.
    pub kind: EventKind,
    /// To which request, if to one.
    pub ticket: Option<Ticket>,
    /// Whose request it is.
    pub owner: Option<Owner>,
    /// Slots taken.
    pub busy: usize,
    /// Length of the line.
    pub waiting: usize,
    /// Slots there are.
    pub slots: Slots,
    /// Who did it, if an administrator did.
    pub by: Option<Actor>,
}

/// What a command asks its caller to do, in order.
///
/// Kept by the caller from command to command, so that its memory is reused.
#[derive(Debug)]
pub struct Effects<W> {
    /// Waiters that must be told, each with what became of it.
    pub outcomes: Vec<(W, Outcome)>,
    /// Permits that were taken from their holders.
    pub lost: Vec<Lost>,
    /// What happened; only filled while `observed`.
    pub transitions: Vec<Transition>,
    /// Whether anybody wants to know `transitions`.
    pub observed: bool,
    /// Who gives the command, while an administrator does.
    pub actor: Option<Actor>,
}

impl<W> Default for Effects<W> {
    fn default() -> Self {
        Self {
            outcomes: Vec::new(),
            lost: Vec::new(),
            transitions: Vec::new(),
            observed: false,
            actor: None,
        }
    }
}

/// A permit that was taken from its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// As it had been given.
    pub admission: Admission,
    /// Whether its one holder may still ask what it had been given. Not so when it is gone
    /// ([`Queue::leave`]), nor with a slot id, whose holders are any number and remember for themselves.
    pub asked: bool,
    /// Whether that is so because its run was given up ([`Queue::abandon_run`]).
    pub abandoned: bool,
}

/// The permit is not (or no longer) held: it expired, or an administrator took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHeld;

/// Why a permit's deadline could not be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefused {
    /// See [`NotHeld`].
    NotHeld,
    /// It never expires.
    NoTtl,
}

/// The request does not wait; it is in this status, if it is still known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWaiting(pub Option<Status>);

/// The request is not busy; it is in this status, if it is still known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBusy(pub Option<Status>);

/// One request as [`Queue::rows`] shows it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The request.
    pub ticket: Ticket,
    /// Where it is in its life.
    pub status: Status,
    /// Let through by an administrator.
    pub granted: bool,
    /// Whose it is.
    pub owner: Option<&'a Owner>,
    /// Its place in line, from 1, if it waits.
    pub place: Option<usize>,
    /// The priority it asked for.
    pub priority: Priority,
    /// The id of the slot that it takes, if it has one.
    pub slot: Option<&'a SlotId>,
    /// Its fencing token, if it was admitted.
    pub token: Option<u64>,
    /// When it was made.
    pub requested_at: Timestamp,
    /// When it was admitted.
    pub started_at: Option<Timestamp>,
    /// When its permit expires, if it is busy and has a TTL.
    pub expires_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Which administrator granted, cancelled, moved or ended it last.
    pub by: Option<&'a Actor>,
    /// Since when its run does not answer, if it does not.
    pub unresponsive_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The record is unused.
    Free,
    Waiting,
    Busy,
    BusyGranted,
}

/// A live request: waiting or busy. (Or the room for one.)
#[derive(Debug)]
struct Record<W> {
    sequence: u64,
    requested_at: Timestamp,
    /// Meaningless while waiting.
    started_at: Timestamp,
    /// Of the wait while waiting, of the permit while busy; `NEVER` for none.
    deadline: Timestamp,
    /// Meaningless while waiting.
    token: u64,
    ttl: Option<Ttl>,
    owner: Option<Owner>,
    slot: Option<SlotId>,
    /// Whom to tell; there while waiting.
    waiter: Option<W>,
    priority: Priority,
    /// Neighbours in the list of busy records, which is in order of start. `next` is also the link of
    /// the list of free ones.
    previous: u32,
    next: u32,
    phase: Phase,
    /// Its own sequence number, if its permit is gone. What a number of before says needs no undoing.
    left: u64,
}

#[derive(Clone, Debug)]
struct Ended {
    ticket: Ticket,
    requested_at: Timestamp,
    /// `NEVER` if it was never admitted.
    started_at: Timestamp,
    ended_at: Timestamp,
    token: u64,
    owner: Option<Owner>,
    slot: Option<SlotId>,
    priority: Priority,
    status: Status,
    granted: bool,
    by: Option<Actor>,
}

/// One semaphore. `W` is what the caller attaches to a waiter and gets back with its [`Outcome`].
#[derive(Debug)]
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
    /// Requests that were ended by force and whose work goes on: somebody has their permits still. In the order of their
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

    /// Takes a slot if one is free; `None` if none is, which is always so when somebody waits. If the request's slot
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
            "while somebody waits, no slot is free"
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
    /// is handed back to be told why.
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

    // ---- what administrators do

    /// Rule 4: a waiting request starts now, outside the slots.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn grant(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        self.start_waiting(ticket.index, Phase::BusyGranted, now, fx);
        Ok(())
    }

    /// Rule 5: a waiting request fails.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn cancel(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        if let Some(waiter) = self.end_waiting(
            ticket.index,
            Status::Cancelled,
            EventKind::Cancelled,
            now,
            fx,
        ) {
            fx.outcomes.push((waiter, Outcome::Cancelled));
        }
        self.settle(now, fx);
        Ok(())
    }

    /// Rule 6: a waiting request goes to `place`, from 1 (next) to the length of the line (last; so do
    /// higher numbers). It is served with those around it, whatever priority it asked for.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn move_to(
        &mut self,
        ticket: Ticket,
        place: usize,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        let class = self.records[ticket.index as usize].priority.0;
        self.line.remove(ticket.index);
        self.line
            .insert(ticket.index, place.saturating_sub(1), class);
        self.note(EventKind::Moved, ticket.index, fx);
        Ok(())
    }

    /// Rule 6: ends every busy request and grants everybody in line. Says how many it freed and how
    /// many it let through.
    pub fn purge(&mut self, now: Timestamp, fx: &mut Effects<W>) -> (usize, usize) {
        self.advance(now, fx);
        let freed = self.end_all_busy(EventKind::Purged, now, fx);
        let mut through = 0;
        while let Some(first) = self.line.first() {
            self.note_actor(first, fx);
            self.start_waiting(first, Phase::BusyGranted, now, fx);
            through += 1;
        }
        self.settle(now, fx);
        (freed, through)
    }

    /// Rule 6: ends every busy request; the line goes on in order. Says how many it freed.
    pub fn force_release(&mut self, now: Timestamp, fx: &mut Effects<W>) -> usize {
        self.advance(now, fx);
        let freed = self.end_all_busy(EventKind::ForceReleased, now, fx);
        self.settle(now, fx);
        freed
    }

    /// Rule 6, for one request: it is busy no more, although its work goes on.
    ///
    /// # Errors
    /// [`NotBusy`] when it is not busy.
    pub fn release_by_force(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotBusy> {
        self.advance(now, fx);
        match self.status(ticket) {
            Some(Status::Busy) => {}
            other => return Err(NotBusy(other)),
        }
        self.end_by_force(ticket.index, EventKind::ForceReleased, now, fx);
        self.settle(now, fx);
        Ok(())
    }

    /// Rules 2 and 3: sets the number of slots, and pins it.
    pub fn set_slots(&mut self, slots: Slots, now: Timestamp, fx: &mut Effects<W>) {
        self.arrive(None, now, fx);
        if !self.pinned {
            self.pinned = true;
            self.note_all(EventKind::Pinned, fx);
        }
        self.change_slots(slots, fx);
        self.settle(now, fx);
    }

    /// Rule 3: the number of slots stays as it is, whatever the code says.
    pub fn pin(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        // What is due happens first: with it another limit may come to count.
        self.arrive(None, now, fx);
        self.set_slots(self.slots, now, fx);
    }

    /// Rule 3: what the code declared counts again.
    pub fn unpin(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        self.advance(now, fx);
        if self.pinned {
            self.pinned = false;
            self.note_all(EventKind::Unpinned, fx);
            self.change_slots(self.declared, fx);
            self.settle(now, fx);
        }
    }

    /// The semaphore is no longer there, until a request names it again. Only what is idle can be
    /// forgotten: `false` otherwise.
    pub fn forget(&mut self, now: Timestamp, fx: &mut Effects<W>) -> bool {
        self.advance(now, fx);
        if !self.is_idle() {
            return false;
        }
        if self.exists {
            self.note_all(EventKind::Forgotten, fx);
        }
        *self = Self::with_history(self.floor(), self.ended.of_all().clone());
        true
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

    /// Whom to tell about the request, if it waits.
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

    /// The status of the request, if it is live or remembered.
    #[must_use]
    pub fn status(&self, ticket: Ticket) -> Option<Status> {
        match self.phase(ticket) {
            Some(Phase::Waiting) => Some(Status::Waiting),
            Some(Phase::Busy | Phase::BusyGranted) => Some(Status::Busy),
            None | Some(Phase::Free) => self
                .ended
                .newest_first()
                .find(|ended| ended.ticket == ticket)
                .map(|ended| ended.status),
        }
    }

    /// The status at `now` of everything that is live or remembered: busy ones in order of start, then
    /// the line, then what ended, oldest first. What was ended by force is there until its permit is dropped.
    pub fn rows(&self, now: Timestamp) -> impl Iterator<Item = Row<'_>> {
        let busy = self.busy_records().map(|index| self.row(index, None));
        let waiting = self
            .line
            .iter()
            .zip(1..)
            .map(|(index, place)| self.row(index, Some(place)));
        let recent = move || {
            let shown = self.ended.shown();
            shown.filter(move |ended| now.since(ended.ended_at) < ENDED_SHOWN)
        };
        let outlived = self
            .outlived
            .iter()
            .filter(move |ended| recent().all(|recent| recent.ticket != ended.ticket));
        let ended = outlived.chain(recent()).map(Ended::row);
        busy.chain(waiting).chain(ended)
    }

    /// The requests that ended, newest first: the last thousand of a semaphore that is used much.
    pub fn history(&self) -> impl Iterator<Item = Row<'_>> {
        self.ended.newest_first().map(Ended::row)
    }

    /// Those who hold a slot, with whether that may end without them: it expires, or anybody may release it by its
    /// id. In order of start.
    pub fn holders(&self) -> impl Iterator<Item = (Option<&Owner>, bool)> {
        self.busy_records()
            .map(|index| &self.records[index as usize])
            .filter(|record| record.phase == Phase::Busy)
            .map(|record| {
                let ends = record.ttl.is_some() || record.slot.is_some();
                (record.owner.as_ref(), ends)
            })
    }

    /// Those who wait, in the order of the line.
    pub fn waiters(&self) -> impl Iterator<Item = Ticket> {
        self.line
            .iter()
            .map(|index| Ticket::new(index, self.records[index as usize].sequence))
    }

    // ---- the machine
    //
    // What a free take and its release go through is always inlined: each step is a few stores, and a call
    // costs as much.

    /// Somebody names the semaphore: what is due happens, and what the code declares is noted.
    #[inline]
    fn arrive(&mut self, declared: Option<Slots>, now: Timestamp, fx: &mut Effects<W>) {
        self.advance(now, fx);
        self.touched_at = now;
        if let Some(declared) = declared {
            self.wanted = declared;
        }
        if !self.exists {
            self.exists = true;
            self.slots = self.wanted;
            self.declared = self.wanted;
            self.note_all(EventKind::Created, fx);
        }
        self.adopt_wanted(fx);
    }

    /// Rule 3: another limit counts once no request is busy or waiting.
    #[inline]
    fn adopt_wanted(&mut self, fx: &mut Effects<W>) {
        if self.wanted != self.declared && self.is_idle() {
            self.declared = self.wanted;
            if !self.pinned {
                self.change_slots(self.declared, fx);
            }
        }
    }

    fn change_slots(&mut self, slots: Slots, fx: &mut Effects<W>) {
        if self.slots != slots {
            self.slots = slots;
            self.note_all(EventKind::SlotsChanged, fx);
        }
    }

    /// What every command that frees something ends with.
    #[inline(always)]
    fn settle(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        self.admit(now, fx);
        if self.is_idle() {
            self.adopt_wanted(fx);
            if self.records.len() > SPARE_RECORDS {
                // Nothing is live, so nothing is lost; see `SPARE_RECORDS`.
                self.records = Vec::new();
                self.first_free = NIL;
                self.line.shrink();
                self.deadlines.shrink();
            }
        }
    }

    /// Restores the invariant: while somebody waits, no slot is free.
    #[inline]
    fn admit(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        while let Some(first) = self.line.first()
            && self.slots.admits(self.taken as usize)
        {
            self.start_waiting(first, Phase::Busy, now, fx);
        }
    }

    /// Fills a record. The request's owner moves into it, its slot id does not: a free record has none.
    #[inline]
    fn record(&mut self, request: &mut Request, now: Timestamp) -> u32 {
        let index = self.first_free;
        let index = if index == NIL {
            self.more_records()
        } else {
            index
        };
        let record = &mut self.records[index as usize];
        self.first_free = record.next;
        record.sequence = self.next_sequence;
        self.next_sequence += 1;
        record.requested_at = now;
        record.deadline = Timestamp::NEVER;
        record.ttl = request.get_ttl();
        record.owner = request.take_owner();
        record.priority = request.get_priority();
        index
    }

    #[cold]
    fn more_records(&mut self) -> u32 {
        // 2^32 live requests of one semaphore would take 400 GB: memory runs out first.
        let index = self.records.len() as u32;
        self.records.push(Record {
            sequence: 0,
            requested_at: Timestamp::NEVER,
            started_at: Timestamp::NEVER,
            deadline: Timestamp::NEVER,
            token: 0,
            ttl: None,
            owner: None,
            slot: None,
            waiter: None,
            priority: Priority(0),
            previous: NIL,
            next: NIL,
            phase: Phase::Free,
            left: NOBODY,
        });
        index
    }

    /// Takes a request out of the line and starts it.
    fn start_waiting(&mut self, index: u32, phase: Phase, now: Timestamp, fx: &mut Effects<W>) {
        self.line.remove(index);
        let record = &mut self.records[index as usize];
        if record.deadline != Timestamp::NEVER {
            record.deadline = Timestamp::NEVER;
            self.deadlines.clear(index);
        }
        let waiter = record.waiter.take();
        if record.slot.is_some() {
            self.start_waiting_slot(index, waiter, phase, now, fx);
            return;
        }
        self.start(index, phase, now, fx);
        if let Some(waiter) = waiter {
            // Not from the record, to which it was just written: it would be read together with what
            // stands beside it, and such a read has to wait for the write.
            let started_at = now;
            let admission = Admission {
                started_at,
                ..self.admitted(index)
            };
            fx.outcomes.push((waiter, Outcome::Admitted(admission)));
        }
    }

    /// The same for a request with a slot id, which has left the line.
    #[cold]
    fn start_waiting_slot(
        &mut self,
        index: u32,
        waiter: Option<W>,
        phase: Phase,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        let slot = self.records[index as usize].slot.as_ref();
        let admission = match slot.and_then(|slot| self.holder(slot)) {
            Some(holder) => {
                self.remember(index, Status::Done, EventKind::Reacquired, now, fx);
                self.admitted(holder)
            }
            None => {
                self.start_slot(index, phase, now, fx);
                self.admitted(index)
            }
        };
        if let Some(waiter) = waiter {
            fx.outcomes.push((waiter, Outcome::Slot(admission)));
        }
    }

    /// The busy request with that slot id.
    fn holder(&self, slot: &SlotId) -> Option<u32> {
        self.held_slots.get(slot).copied()
    }

    fn ticket(&self, index: u32) -> Ticket {
        Ticket::new(index, self.records[index as usize].sequence)
    }

    /// Makes a request with a slot id, which holds none, busy.
    fn start_slot(&mut self, index: u32, phase: Phase, now: Timestamp, fx: &mut Effects<W>) {
        if let Some(slot) = &self.records[index as usize].slot {
            self.held_slots.insert(slot.clone(), index);
        }
        self.start(index, phase, now, fx);
    }

    /// A busy request is about to end, and its holders do not know yet; with a slot id it always comes here.
    #[cold]
    fn lose(&mut self, index: u32, fx: &mut Effects<W>) {
        let record = &self.records[index as usize];
        fx.lost.push(Lost {
            admission: self.admitted(index),
            asked: record.slot.is_none() && record.left != record.sequence,
            abandoned: false,
        });
        if let Some(slot) = &record.slot {
            self.held_slots.remove(slot);
        }
    }

    /// Makes a request that stands in no line busy.
    #[inline(always)]
    fn start(&mut self, index: u32, phase: Phase, now: Timestamp, fx: &mut Effects<W>) {
        self.last_token += 1;
        self.touched_at = now;
        let last = self.last_busy;
        let record = &mut self.records[index as usize];
        record.phase = phase;
        record.started_at = now;
        record.token = self.last_token;
        record.previous = last;
        record.next = NIL;
        if let Some(ttl) = record.ttl {
            record.deadline = now.after(ttl.duration());
            self.deadlines.set(index, record.deadline, record.sequence);
        }
        self.last_busy = index;
        if last == NIL {
            self.first_busy = index;
        } else {
            self.records[last as usize].next = index;
        }
        if phase == Phase::BusyGranted {
            self.note(EventKind::Granted, index, fx);
        } else {
            self.taken += 1;
            self.note(EventKind::Acquired, index, fx);
        }
    }

    /// What a busy request got when it was admitted.
    #[inline]
    fn admitted(&self, index: u32) -> Admission {
        let record = &self.records[index as usize];
        Admission {
            ticket: Ticket::new(index, record.sequence),
            token: record.token,
            requested_at: record.requested_at,
            started_at: record.started_at,
            way: if record.phase == Phase::BusyGranted {
                Way::Grant
            } else {
                Way::Slot
            },
        }
    }

    /// Ends a busy request; see [`lose`](Self::lose). The caller settles.
    #[inline(always)]
    fn end_busy(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        let record = &self.records[index as usize];
        let Record { previous, next, .. } = *record;
        if record.phase == Phase::Busy {
            self.taken -= 1;
        }
        if record.deadline != Timestamp::NEVER {
            self.deadlines.clear(index);
        }
        if previous == NIL {
            self.first_busy = next;
        } else {
            self.records[previous as usize].next = next;
        }
        if next == NIL {
            self.last_busy = previous;
        } else {
            self.records[next as usize].previous = previous;
        }
        self.remember(index, status, kind, now, fx);
    }

    /// Takes a request out of the line for good. The caller settles.
    fn end_waiting(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Option<W> {
        self.line.remove(index);
        let record = &mut self.records[index as usize];
        if record.deadline != Timestamp::NEVER {
            self.deadlines.clear(index);
        }
        let waiter = record.waiter.take();
        self.remember(index, status, kind, now, fx);
        waiter
    }

    fn end_all_busy(&mut self, kind: EventKind, now: Timestamp, fx: &mut Effects<W>) -> usize {
        let mut freed = 0;
        while self.first_busy != NIL {
            self.end_by_force(self.first_busy, kind, now, fx);
            freed += 1;
        }
        freed
    }

    /// Ends a busy request whose work goes on. The caller settles.
    fn end_by_force(&mut self, index: u32, kind: EventKind, now: Timestamp, fx: &mut Effects<W>) {
        let record = &self.records[index as usize];
        let is_left = record.left == record.sequence;
        self.note_actor(index, fx);
        self.lose(index, fx);
        self.end_busy(index, Status::Released, kind, now, fx);
        // Of one that was left nobody would say that its work has ended.
        if !is_left {
            self.outlived.extend(self.ended.newest().cloned());
        }
    }

    /// Frees a record that is in no list, and keeps what is worth showing.
    #[inline(always)]
    fn remember(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        self.touched_at = now;
        self.note(kind, index, fx);
        // Written in place, field by field: building it and moving it in costs twice.
        let record = &mut self.records[index as usize];
        let ended = self.ended.next();
        ended.ticket = Ticket::new(index, record.sequence);
        ended.requested_at = record.requested_at;
        ended.started_at = if record.phase == Phase::Waiting {
            Timestamp::NEVER
        } else {
            record.started_at
        };
        ended.ended_at = now;
        ended.token = record.token;
        ended.owner = record.owner.take();
        if record.slot.is_some() || ended.slot.is_some() {
            ended.slot = record.slot.take();
        }
        ended.priority = record.priority;
        ended.status = status;
        ended.granted = record.phase == Phase::BusyGranted;
        if ended.by.is_some() || !self.remarks.is_empty() {
            ended.by = self.remarks.take_actor(record.sequence);
        }
        record.phase = Phase::Free;
        record.next = self.first_free;
        self.first_free = index;
    }

    /// An administrator does something to the request: that is remembered with it.
    fn note_actor(&mut self, index: u32, fx: &Effects<W>) {
        if let Some(actor) = &fx.actor {
            let sequence = self.records[index as usize].sequence;
            self.remarks.note_actor(sequence, actor.clone());
        }
    }

    #[cold]
    fn fall_due(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        while let Some(index) = self.deadlines.pop_due(now) {
            let record = &mut self.records[index as usize];
            record.deadline = Timestamp::NEVER;
            if record.phase == Phase::Waiting {
                let waiter =
                    self.end_waiting(index, Status::TimedOut, EventKind::TimedOut, now, fx);
                if let Some(waiter) = waiter {
                    fx.outcomes.push((waiter, Outcome::TimedOut));
                }
            } else {
                self.lose(index, fx);
                self.end_busy(index, Status::Expired, EventKind::Expired, now, fx);
            }
            self.admit(now, fx);
        }
        self.settle(now, fx);
    }

    #[inline]
    fn live(&self, ticket: Ticket) -> Option<&Record<W>> {
        self.records
            .get(ticket.index as usize)
            .filter(|record| record.sequence == ticket.sequence && record.phase != Phase::Free)
    }

    #[inline]
    fn phase(&self, ticket: Ticket) -> Option<Phase> {
        self.live(ticket).map(|record| record.phase)
    }

    fn must_wait(&self, ticket: Ticket) -> Result<(), NotWaiting> {
        match self.status(ticket) {
            Some(Status::Waiting) => Ok(()),
            other => Err(NotWaiting(other)),
        }
    }

    fn busy_records(&self) -> impl Iterator<Item = u32> {
        let first = (self.first_busy != NIL).then_some(self.first_busy);
        std::iter::successors(first, |&index| {
            let next = self.records[index as usize].next;
            (next != NIL).then_some(next)
        })
    }

    fn row(&self, index: u32, place: Option<usize>) -> Row<'_> {
        let record = &self.records[index as usize];
        let busy = record.phase != Phase::Waiting;
        Row {
            ticket: Ticket::new(index, record.sequence),
            status: if busy { Status::Busy } else { Status::Waiting },
            granted: record.phase == Phase::BusyGranted,
            owner: record.owner.as_ref(),
            place,
            priority: record.priority,
            slot: record.slot.as_ref(),
            token: busy.then_some(record.token),
            requested_at: record.requested_at,
            started_at: busy.then_some(record.started_at),
            expires_at: (busy && record.deadline != Timestamp::NEVER).then_some(record.deadline),
            ended_at: None,
            by: self.remarks.actor(record.sequence),
            unresponsive_since: self.remarks.unresponsive_since(record.sequence),
        }
    }

    #[inline]
    fn note(&self, kind: EventKind, index: u32, fx: &mut Effects<W>) {
        if fx.observed {
            let record = &self.records[index as usize];
            let ticket = Ticket::new(index, record.sequence);
            let transition = self.transition(kind, Some(ticket), record.owner.clone(), fx);
            fx.transitions.push(transition);
        }
    }

    #[inline]
    fn note_all(&self, kind: EventKind, fx: &mut Effects<W>) {
        if fx.observed {
            let transition = self.transition(kind, None, None, fx);
            fx.transitions.push(transition);
        }
    }

    #[cold]
    fn transition(
        &self,
        kind: EventKind,
        ticket: Option<Ticket>,
        owner: Option<Owner>,
        fx: &Effects<W>,
    ) -> Transition {
        Transition {
            kind,
            ticket,
            owner,
            busy: self.busy(),
            waiting: self.waiting(),
            slots: self.slots,
            by: fx.actor.clone().filter(|_| kind.is_of_a_command()),
        }
    }
}

impl Default for Ended {
    /// Room for one.
    fn default() -> Self {
        Self {
            ticket: Ticket::new(NIL, NOBODY),
            requested_at: Timestamp::NEVER,
            started_at: Timestamp::NEVER,
            ended_at: Timestamp::NEVER,
            token: 0,
            owner: None,
            slot: None,
            priority: Priority(0),
            status: Status::Done,
            granted: false,
            by: None,
        }
    }
}

impl Ended {
    fn row(&self) -> Row<'_> {
        let started = self.started_at != Timestamp::NEVER;
        Row {
            ticket: self.ticket,
            status: self.status,
            granted: self.granted,
            owner: self.owner.as_ref(),
            place: None,
            priority: self.priority,
            slot: self.slot.as_ref(),
            token: started.then_some(self.token),
            requested_at: self.requested_at,
            started_at: started.then_some(self.started_at),
            expires_at: None,
            ended_at: Some(self.ended_at),
            by: self.by.as_ref(),
            unresponsive_since: None,
        }
    }
}
