//! The transitions of the [`queue`](crate::queue) in SQL: the same rules, decided in the same order, with the
//! semaphore and its requests in tables. Runs inside of a transaction that somebody else began; opens
//! nothing, waits for nothing, wakes no waiter, but says who is to get which message.
//!
//! The invariant is the queue's: while somebody waits, no slot is free. It is restored in [`admit`], before
//! the transaction ends, so no other process ever sees it broken.
//!
//! What the queue does not have is owners that vanish. A session whose process is dead is found when it
//! matters: when somebody would have to wait behind it, when it would be its turn, when somebody looks.
//!
//! [`admit`]: Transition::admit

mod abandon;
mod acquire;
mod administer;
mod admit;
mod bulk;
mod deadlines;
mod deadlock;
mod end;
mod events;
mod load;
mod outcome;
mod outlived;
mod refresh;
mod release;
mod rows;
mod semaphore;
mod session;
mod unresponsive;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rusqlite::Connection;

pub(super) use self::bulk::ENDING;
pub(super) use self::end::{ended_code, ended_status, shown_since};
pub(super) use self::outcome::{Admission, Outcome, OutcomeRow};
pub(super) use self::refresh::Refreshed;
pub(super) use self::rows::{Phase, RequestRow, Semaphore, count, requests, semaphores};
pub(super) use self::session::show;
use super::clock::{Moment, WallClock};
use crate::actor::Actor;
use crate::id::RequestId;

/// What to do once the transaction is committed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// What became of requests of this session.
    pub(super) told: Vec<(RequestId, Outcome)>,
    /// Whether there are events.
    pub(super) happened: bool,
    /// Other sessions that have notices to read, or events.
    pub(super) wake: BTreeSet<i64>,
    /// Other sessions that were ended.
    pub(super) gone: Vec<i64>,
}

/// Transitions of one session within one transaction.
pub(super) struct Transition<'a> {
    pub(super) db: &'a Connection,
    me: i64,
    pub(super) now: Moment,
    /// Read once, so that events keep their order.
    clock: WallClock,
    effects: &'a mut Effects,
    /// Who gives the command, while an administrator does.
    actor: Option<Actor>,
    /// Whether anybody wants to know what happens; found out when something does.
    observed: Option<bool>,
    /// The sessions that do.
    observers: Vec<i64>,
    /// Whether other sessions live, as far as they were asked.
    living: HashMap<i64, bool>,
    /// Sessions that turned out to be dead and still have requests.
    dead: Vec<i64>,
}

impl<'a> Transition<'a> {
    pub(super) fn new(db: &'a Connection, me: i64, effects: &'a mut Effects) -> Self {
        Self {
            db,
            me,
            now: Moment::now(),
            clock: WallClock::read(),
            effects,
            actor: None,
            observed: None,
            observers: Vec::new(),
            living: HashMap::new(),
            dead: Vec::new(),
        }
    }
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
