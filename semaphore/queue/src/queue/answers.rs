//! What a queue answers: the result of a command, and the effects that its caller has to carry out.

use super::record::Ticket;
use crate::actor::Actor;
use crate::event::EventKind;
use crate::owner::Owner;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

/// What a request got when it was admitted.
///
/// ```
/// use cla_queue::queue::{Effects, Queue, Way};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let first = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// assert_eq!((first.requested_at, first.started_at, first.way), (now, now, Way::Slot));
/// queue.release(first.ticket, now, &mut fx).expect("it is held");
/// let next = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("it is free again");
/// assert!(next.token > first.token);
/// ```
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
///
/// ```
/// use cla_queue::queue::{Attempt, Effects, Queue, Way};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// queue.acquire(&mut Request::new(), |_, _| (), now, &mut fx);
/// let waiting = queue.acquire(&mut Request::new(), |_, _| (), now, &mut fx);
/// let Attempt::Queued(ticket) = waiting else { panic!("the only slot is taken") };
/// queue.grant(ticket, now, &mut fx).expect("it waits");
/// assert_eq!(queue.admission(ticket).map(|admission| admission.way), Some(Way::Grant));
/// assert_eq!(queue.busy(), 1, "a grant takes no slot");
/// ```
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
///
/// ```
/// use std::time::Duration;
/// use cla_queue::queue::{Attempt, Effects, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// let mut ask = |mut request: Request| queue.acquire(&mut request, |_, _| (), now, &mut fx);
/// assert!(matches!(ask(Request::new()), Attempt::Admitted(_)));
/// assert!(matches!(ask(Request::new()), Attempt::Queued(_)));
/// assert_eq!(ask(Request::new().timeout(Duration::ZERO)), Attempt::TimedOut);
/// ```
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
///
/// ```
/// use std::time::Duration;
/// use cla_queue::queue::{Effects, Outcome, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, start) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// queue.acquire(&mut Request::new(), |_, _| "first", start, &mut fx);
/// let wait = Duration::from_secs(5);
/// queue.acquire(&mut Request::new().timeout(wait), |_, _| "second", start, &mut fx);
/// queue.advance(start.after(wait), &mut fx);
/// assert_eq!(fx.outcomes, [("second", Outcome::TimedOut)]);
/// ```
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
///
/// ```
/// use cla_queue::event::EventKind;
/// use cla_queue::queue::{Effects, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx) = (Queue::<()>::new(0), Effects::default());
/// fx.observed = true;
/// queue.try_acquire(&mut Request::new(), Timestamp::ZERO, &mut fx);
/// let last = fx.transitions.last().expect("somebody wants to know");
/// assert_eq!((last.kind, last.busy, last.waiting), (EventKind::Acquired, 1, 0));
/// ```
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
///
/// See [`Queue`](super::Queue) for an example.
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
///
/// ```
/// use cla_queue::queue::{Effects, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let held = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// assert_eq!(queue.force_release(now, &mut fx), 1);
/// assert_eq!(fx.lost[0].admission, held);
/// ```
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
///
/// ```
/// use cla_queue::queue::{Effects, NotHeld, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let held = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// assert_eq!(queue.release(held.ticket, now, &mut fx), Ok(()));
/// assert_eq!(queue.release(held.ticket, now, &mut fx), Err(NotHeld));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHeld;

/// Why a permit's deadline could not be moved.
///
/// ```
/// use cla_queue::queue::{Effects, Queue, RefreshRefused};
/// use cla_queue::request::{Request, Ttl};
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let held = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// let refreshed = queue.refresh(held.ticket, Ttl::from_secs(60)?, now, &mut fx);
/// assert_eq!(refreshed, Err(RefreshRefused::NoTtl));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshRefused {
    /// See [`NotHeld`].
    NotHeld,
    /// It never expires.
    NoTtl,
}

/// The request does not wait; it is in this status, if it is still known.
///
/// ```
/// use cla_queue::queue::{Effects, NotWaiting, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
/// use cla_queue::view::Status;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let held = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// assert_eq!(queue.grant(held.ticket, now, &mut fx), Err(NotWaiting(Some(Status::Busy))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWaiting(pub Option<Status>);

/// The request is not busy; it is in this status, if it is still known.
///
/// ```
/// use cla_queue::queue::{Attempt, Effects, NotBusy, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
/// use cla_queue::view::Status;
///
/// let (mut queue, mut fx, now) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// queue.acquire(&mut Request::new(), |_, _| (), now, &mut fx);
/// let waiting = queue.acquire(&mut Request::new(), |_, _| (), now, &mut fx);
/// let Attempt::Queued(ticket) = waiting else { panic!("the only slot is taken") };
/// let released = queue.release_by_force(ticket, now, &mut fx);
/// assert_eq!(released, Err(NotBusy(Some(Status::Waiting))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBusy(pub Option<Status>);
