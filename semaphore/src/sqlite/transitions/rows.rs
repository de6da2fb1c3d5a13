//! The rows of the tables as Rust types, and the statements that read them.

use rusqlite::Row;

use super::outcome::Admission;
use crate::actor::Actor;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Columns as _;

/// A statement that reads semaphores, for [`Semaphore::read`].
macro_rules! semaphores {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, slots, declared, wanted, pinned, taken, granted, waiting, token, sequence, \
             due, ended, touched FROM semaphore ",
            $rest
        )
    };
}

/// A statement that reads live requests, for [`RequestRow::read`].
macro_rules! requests {
    ($rest:literal) => {
        concat!(
            "SELECT id, uuid, semaphore, session, phase, class, place, priority, who, run, host, pid, ttl, \
             deadline, token, requested, started, slot, steered_by, unresponsive FROM request ",
            $rest
        )
    };
}

pub(in crate::sqlite) use {requests, semaphores};

/// One semaphore, while a transition works on it.
#[derive(Debug)]
pub(in crate::sqlite) struct Semaphore {
    pub(in crate::sqlite) id: i64,
    pub(in crate::sqlite) name: SemaphoreName,
    pub(in crate::sqlite) slots: Slots,
    pub(super) declared: Slots,
    pub(super) wanted: Slots,
    pub(in crate::sqlite) pinned: bool,
    pub(in crate::sqlite) taken: usize,
    pub(super) granted: usize,
    pub(in crate::sqlite) waiting: usize,
    pub(super) token: i64,
    pub(super) sequence: i64,
    pub(super) due: Moment,
    pub(super) ended: i64,
    pub(super) touched: Moment,
}

impl Semaphore {
    pub(in crate::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.value(1)?,
            slots: row.value(2)?,
            declared: row.value(3)?,
            wanted: row.value(4)?,
            pinned: row.get(5)?,
            taken: count(row, 6)?,
            granted: count(row, 7)?,
            waiting: count(row, 8)?,
            token: row.get(9)?,
            sequence: row.get(10)?,
            due: row.get(11)?,
            ended: row.get(12)?,
            touched: row.get(13)?,
        })
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.taken == 0 && self.granted == 0 && self.waiting == 0
    }

    pub(super) fn has_room(&self) -> bool {
        self.slots.admits(self.taken)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Phase {
    Waiting = 0,
    Busy = 1,
    BusyGranted = 2,
}

/// A live request.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct RequestRow {
    pub(super) id: i64,
    pub(in crate::sqlite) uuid: RequestId,
    pub(in crate::sqlite) semaphore: i64,
    pub(super) session: i64,
    pub(in crate::sqlite) phase: Phase,
    pub(super) class: i32,
    pub(super) place: Vec<u8>,
    pub(in crate::sqlite) priority: i32,
    pub(in crate::sqlite) who: Option<String>,
    pub(in crate::sqlite) run: Option<RunId>,
    pub(in crate::sqlite) host: Option<String>,
    pub(in crate::sqlite) pid: Option<u32>,
    pub(super) ttl: Option<i64>,
    pub(in crate::sqlite) deadline: Option<Moment>,
    pub(in crate::sqlite) token: Option<i64>,
    pub(in crate::sqlite) requested: Moment,
    pub(in crate::sqlite) started: Option<Moment>,
    pub(in crate::sqlite) slot: Option<SlotId>,
    /// Which administrator steered it last.
    pub(in crate::sqlite) by: Option<Actor>,
    /// Since when its run does not answer.
    pub(in crate::sqlite) unresponsive: Option<Moment>,
}

impl RequestRow {
    pub(in crate::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            uuid: row.value(1)?,
            semaphore: row.get(2)?,
            session: row.get(3)?,
            phase: match row.get(4)? {
                0 => Phase::Waiting,
                1 => Phase::Busy,
                _ => Phase::BusyGranted,
            },
            class: row.get(5)?,
            place: row.get(6)?,
            priority: row.get(7)?,
            who: row.get(8)?,
            run: row.optional_value(9)?,
            host: row.get(10)?,
            pid: row.get(11)?,
            ttl: row.get(12)?,
            deadline: row.get(13)?,
            token: row.get(14)?,
            requested: row.get(15)?,
            started: row.get(16)?,
            slot: row.optional_value(17)?,
            by: row.optional_value(18)?,
            unresponsive: row.get(19)?,
        })
    }

    /// What it got, if it is busy.
    pub(super) fn admission(&self) -> Admission {
        Admission {
            token: self.token.unwrap_or(0) as u64,
            requested: self.requested,
            started: self.started.unwrap_or(self.requested),
            granted: self.phase == Phase::BusyGranted,
        }
    }
}

/// A number of things, which the tables count in 64 bits.
pub(in crate::sqlite) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get::<_, i64>(column)
        .map(|count| usize::try_from(count).unwrap_or(0))
}
