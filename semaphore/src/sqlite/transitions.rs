//! The transitions of the [`queue`](crate::queue) in SQL: the same rules, decided in the same order, with the
//! semaphore and its requests in tables. One file for each command, and one for each thing that several commands do.
//!
//! All of it runs inside of a transaction that its caller has begun. It opens nothing, waits for nothing, and wakes no
//! session: what is to be done after the commit is collected in [`Effects`].
//!
//! The invariant is the queue's: while a request waits, no slot is free. [`Transition::admit`] restores it before the
//! transaction ends, so no other process ever sees it broken.
//!
//! The queue in memory has no owners that vanish; this store has. It looks whether a session lives only where that
//! matters: when a request would have to wait behind it, when its request would be admitted, and when an administrator
//! looks.

mod abandon;
mod acquire;
mod administer;
mod admit;
mod bulk;
mod deadlines;
mod deadlock;
mod end;
mod events;
mod line;
mod load;
mod manage;
mod outcome;
mod outlived;
mod refresh;
mod release;
mod rows;
mod semaphore;
mod session;
mod steer;
mod unresponsive;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rusqlite::Connection;

pub(super) use self::bulk::ENDING;
pub(super) use self::end::{ended_code, ended_status, shown_since};
pub(super) use self::outcome::{Admission, Outcome, OutcomeRow};
pub(super) use self::refresh::Refreshed;
pub(super) use self::rows::{Phase, RequestRow, Semaphore, count, requests, semaphores};
pub(super) use self::session::{Predecessor, show};
use super::clock::{Moment, WallClock};
use super::message::{Message, Secret};
use crate::actor::Actor;
use crate::id::RequestId;

/// What to do once the transaction is committed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// What became of requests of this session.
    pub(super) outcomes: Vec<(RequestId, Outcome)>,
    /// Whether there are events that this session wants to read.
    pub(super) has_events: bool,
    /// Admissions of requests of other sessions.
    pub(super) messages: BTreeMap<i64, Vec<Message>>,
    /// Other sessions that have outcomes or events to read.
    pub(super) wake: BTreeSet<i64>,
    /// The earliest deadline at the semaphores that were written.
    pub(super) due: Option<Moment>,
    /// Other sessions that were ended.
    pub(super) gone: Vec<i64>,
}

/// Another session.
#[derive(Clone, Copy, Debug)]
struct Peer {
    lives: bool,
    /// `None`: it understands no messages.
    secret: Option<Secret>,
}

/// Transitions of one session within one transaction.
pub(super) struct Transition<'a> {
    pub(super) db: &'a Connection,
    session: i64,
    pub(super) now: Moment,
    /// Read once for each transaction: if the wall's clock is set back in between, the events still have their order.
    clock: WallClock,
    effects: &'a mut Effects,
    /// The administrator whose command is carried out.
    actor: Option<Actor>,
    /// Whether a session observes; looked up at the first event.
    observed: Option<bool>,
    /// The sessions that observe.
    observers: Vec<i64>,
    /// What is known of other sessions, as far as it was looked up.
    peers: HashMap<i64, Peer>,
    /// Sessions whose process is gone, and which still have requests.
    to_reap: Vec<i64>,
}

impl<'a> Transition<'a> {
    pub(super) fn new(db: &'a Connection, session: i64, effects: &'a mut Effects) -> Self {
        Self {
            db,
            session,
            now: Moment::now(),
            clock: WallClock::read(),
            effects,
            actor: None,
            observed: None,
            observers: Vec::new(),
            peers: HashMap::new(),
            to_reap: Vec::new(),
        }
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
