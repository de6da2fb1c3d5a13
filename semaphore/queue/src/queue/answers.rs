//! What a queue answers: the result of a command, and the effects that its caller has to carry out.

use super::record::Ticket;
use crate::actor::Actor;
use crate::event::EventKind;
use crate::owner::Owner;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

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
    /// By a grant of an administrator: it takes no slot.
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
    /// It was admitted.
    Admitted(Admission),
    /// It was admitted, and it has a slot id: this is the slot that the id has, perhaps since an earlier request.
    Slot(Admission),
    /// An administrator cancelled it.
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
    /// Waiters to wake, each with what became of it.
    pub outcomes: Vec<(W, Outcome)>,
    /// Permits that were taken from their holders.
    pub lost: Vec<Lost>,
    /// What happened; only filled while `observed`.
    pub transitions: Vec<Transition>,
    /// Whether there is a subscriber, so that `transitions` are wanted.
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
    /// ([`Queue::leave`](super::Queue::leave)), nor with a slot id, whose holders are any number and remember for themselves.
    pub asked: bool,
    /// Whether that is so because its run was given up ([`Queue::abandon_run`](super::Queue::abandon_run)).
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
