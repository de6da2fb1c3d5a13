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

mod administer;
mod outlived;
mod unresponsive;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::clock::{Moment, WallClock};
use super::columns::{Columns as _, Db};
use super::file::{Problem, SEEN_FOR};
use super::order;
use super::presence::Witness;
use super::process::Process;
use super::records;
use crate::actor::Actor;
use crate::error::{AdminError, DeadlockError, DeadlockLink};
use crate::event::EventKind;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::queue::{ENDED_KEPT, ENDED_SHOWN};
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::sweep::{CROWDED, SWEPT_ABOVE, SWEPT_AFTER};
use crate::view::Status;

/// Tokens are made to leap by this at a reboot: a power cut may have undone the last transactions, and no
/// more of them than fit into the write-ahead log (4 MB, a few thousand).
const TOKEN_LEAP: i64 = 1 << 20;
/// New names between two looks at how many there are.
const SWEEP_EVERY: i64 = 256;
/// As many events as are kept for a process that is slow to read them; as many as it then keeps for its subscribers.
const EVENTS_KEPT: i64 = 65_536;
/// New events between two looks.
const EVENTS_PRUNED_EVERY: i64 = 512;

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

/// A statement that notes which requests to end at once, for [`Transition::end_plain`]. The planner must not choose
/// the order of the tables: it would go through all requests there are.
macro_rules! plain_ends {
    ($from:literal, $which:literal) => {
        concat!(
            "INSERT INTO temp.ending (request, semaphore, phase, nth, of)
             SELECT r.id, r.semaphore, r.phase,
                 row_number() OVER (PARTITION BY r.semaphore ORDER BY r.token),
                 count(*) OVER (PARTITION BY r.semaphore)
             FROM ",
            $from,
            " CROSS JOIN semaphore AS s ON s.id = r.semaphore
             WHERE r.phase > 0 AND r.slot IS NULL AND s.waiting = 0 AND s.due > :now
                 AND s.wanted = s.declared AND ",
            $which
        )
    };
}

pub(super) use {requests, semaphores};

/// What [`plain_ends`] writes to. To be made once for each connection.
pub(super) const ENDING: &str = "CREATE TEMP TABLE IF NOT EXISTS ending (
    request INTEGER PRIMARY KEY, semaphore INTEGER NOT NULL, phase INTEGER NOT NULL,
    nth INTEGER NOT NULL, of INTEGER NOT NULL
)";

/// Ids as a statement reads them: with `json_each`, in hexadecimal digits.
fn list_of<'a>(uuids: impl IntoIterator<Item = &'a RequestId>) -> String {
    let mut list = String::from("[");
    for uuid in uuids {
        let comma = if list.len() > 1 { "," } else { "" };
        let _ = write!(list, "{comma}\"{:032x}\"", uuid.as_u128());
    }
    list.push(']');
    list
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    Admitted(Admission),
    /// Its slot id holds a slot already: that of this request.
    Shares(RequestId, Admission),
    Cancelled,
    TimedOut,
    Deadlock(DeadlockError),
    /// It was busy, and is no longer: expired, or ended by an administrator.
    Lost,
    /// Its session was taken for dead.
    Killed,
}

/// What a request got when it was admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    pub(super) token: u64,
    pub(super) requested: Moment,
    pub(super) started: Moment,
    pub(super) granted: bool,
}

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

/// One semaphore, while a transition works on it.
#[derive(Debug)]
pub(super) struct Semaphore {
    pub(super) id: i64,
    pub(super) name: SemaphoreName,
    pub(super) slots: Slots,
    declared: Slots,
    wanted: Slots,
    pub(super) pinned: bool,
    pub(super) taken: usize,
    granted: usize,
    pub(super) waiting: usize,
    token: i64,
    sequence: i64,
    due: Moment,
    ended: i64,
    touched: Moment,
}

impl Semaphore {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            name: row.word(1)?,
            slots: row.word(2)?,
            declared: row.word(3)?,
            wanted: row.word(4)?,
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

    const fn is_idle(&self) -> bool {
        self.taken == 0 && self.granted == 0 && self.waiting == 0
    }

    fn has_room(&self) -> bool {
        self.slots.admits(self.taken)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting = 0,
    Busy = 1,
    BusyGranted = 2,
}

/// A live request.
#[derive(Clone, Debug)]
pub(super) struct RequestRow {
    id: i64,
    pub(super) uuid: RequestId,
    pub(super) semaphore: i64,
    session: i64,
    pub(super) phase: Phase,
    class: i32,
    place: Vec<u8>,
    pub(super) priority: i32,
    pub(super) who: Option<String>,
    pub(super) run: Option<RunId>,
    pub(super) host: Option<String>,
    pub(super) pid: Option<u32>,
    ttl: Option<i64>,
    pub(super) deadline: Option<Moment>,
    pub(super) token: Option<i64>,
    pub(super) requested: Moment,
    pub(super) started: Option<Moment>,
    pub(super) slot: Option<SlotId>,
    /// Which administrator steered it last.
    pub(super) by: Option<Actor>,
    /// Since when its run does not answer.
    pub(super) unresponsive: Option<Moment>,
}

impl RequestRow {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            uuid: row.word(1)?,
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
            run: row.word_if_any(9)?,
            host: row.get(10)?,
            pid: row.get(11)?,
            ttl: row.get(12)?,
            deadline: row.get(13)?,
            token: row.get(14)?,
            requested: row.get(15)?,
            started: row.get(16)?,
            slot: row.word_if_any(17)?,
            by: row.word_if_any(18)?,
            unresponsive: row.get(19)?,
        })
    }

    /// What it got, if it is busy.
    fn admission(&self) -> Admission {
        Admission {
            token: self.token.unwrap_or(0) as u64,
            requested: self.requested,
            started: self.started.unwrap_or(self.requested),
            granted: self.phase == Phase::BusyGranted,
        }
    }
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

    // ---- what the code asks for

    /// Rule 1: takes a slot if one is free (then no request waits), else joins the line.
    pub(super) fn acquire(
        &mut self,
        uuid: RequestId,
        name: &SemaphoreName,
        request: &Request,
    ) -> Result<(), Problem> {
        let mut semaphore = self.arrive(name, request.get_slots())?;
        if !semaphore.has_room() || self.is_held_by_the_dead(&semaphore, request)? {
            semaphore = self.without_dead_holders(semaphore)?;
        }
        if semaphore.has_room() {
            self.start_or_share(&mut semaphore, uuid, request)?;
            return self.save(&semaphore);
        }
        let asked = self.join(&mut semaphore, uuid, request)?;
        if request.get_timeout() == Some(Duration::ZERO) {
            self.end_waiting(
                &mut semaphore,
                &asked,
                Status::TimedOut,
                EventKind::TimedOut,
            )?;
            self.effects.told.push((uuid, Outcome::TimedOut));
            return self.save(&semaphore);
        }
        self.happen(EventKind::Queued, &semaphore, Some(&asked))?;
        self.save(&semaphore)?;
        if asked.run.is_some() && asked.deadline.is_none() {
            self.check_deadlock(&asked)?;
        }
        Ok(())
    }

    /// Takes a slot if one is free. Says whether it did.
    pub(super) fn try_acquire(
        &mut self,
        uuid: RequestId,
        name: &SemaphoreName,
        request: &Request,
    ) -> Result<bool, Problem> {
        let mut semaphore = self.arrive(name, request.get_slots())?;
        if !semaphore.has_room() || self.is_held_by_the_dead(&semaphore, request)? {
            semaphore = self.without_dead_holders(semaphore)?;
        }
        let free = semaphore.has_room();
        if free {
            self.start_or_share(&mut semaphore, uuid, request)?;
        }
        self.save(&semaphore)?;
        Ok(free)
    }

    /// A slot is free: the request takes it, or shares the one that its slot id holds.
    fn start_or_share(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<(), Problem> {
        if let Some(slot) = request.get_slot()
            && let Some(holder) = self.holder(semaphore.id, slot)?
        {
            return self.attach(&holder, uuid, self.me);
        }
        let admission = self.start_new(semaphore, uuid, request)?;
        self.effects.told.push((uuid, Outcome::Admitted(admission)));
        Ok(())
    }

    /// Whether what the request's slot id holds is the slot of somebody who is dead.
    fn is_held_by_the_dead(
        &mut self,
        semaphore: &Semaphore,
        request: &Request,
    ) -> Result<bool, Problem> {
        let Some(slot) = request.get_slot() else {
            return Ok(false);
        };
        match self.holder(semaphore.id, slot)? {
            Some(holder) => Ok(!self.lives(holder.session)?),
            None => Ok(false),
        }
    }

    /// Ends a busy request; its slot goes to the first in line. Says whether it was still held.
    pub(super) fn release(&mut self, uuid: RequestId) -> Result<bool, Problem> {
        let Some((mut semaphore, asked)) = self.live(uuid)? else {
            self.let_go(uuid)?;
            return Ok(false);
        };
        let held = asked.phase != Phase::Waiting;
        if held {
            if asked.session != self.me {
                self.tell(&asked, Outcome::Lost)?;
            }
            self.end_busy(&mut semaphore, &asked, Status::Done, EventKind::Released)?;
            self.settle(&mut semaphore)?;
        }
        self.save(&semaphore)?;
        Ok(held)
    }

    /// The same for many, of which nobody asks whether they were still held.
    pub(super) fn release_all(&mut self, uuids: &[RequestId]) -> Result<(), Problem> {
        let plain = plain_ends!(
            "json_each(:list) AS l CROSS JOIN request AS r ON r.uuid = unhex(l.value)",
            "r.session = :session AND :run IS NULL"
        );
        let list = list_of(uuids);
        let which = (self.me, None, list.as_str());
        self.end_plain(plain, which, Status::Done, false)?;
        let mut left = self.db.prepare_cached(
            "SELECT r.uuid FROM json_each(?1) AS l JOIN request AS r ON r.uuid = unhex(l.value)",
        )?;
        let left: Vec<RequestId> = left
            .query_map([list], |row| row.word(0))?
            .collect::<Result<_, _>>()?;
        for uuid in left {
            self.release(uuid)?;
        }
        Ok(())
    }

    /// Ends those of the busy requests that a statement selects whose end changes nothing for others: at semaphores at
    /// which nobody waits and nothing is due, without a slot id, and while there is no observer. All of them in a handful of
    /// statements, however many they are; the others are left as they are. `tell`: they are this session's, which
    /// does not know.
    fn end_plain(
        &mut self,
        select: &str,
        (session, run, list): (i64, Option<RunId>, &str),
        status: Status,
        tell: bool,
    ) -> Result<(), Problem> {
        if self.is_observed()? {
            return Ok(());
        }
        let found = self.db.prepare_cached(select)?.execute(named_params! {
            ":session": session, ":now": self.now, ":list": list, ":run": Db(run.as_ref()),
        })?;
        if found == 0 {
            return Ok(());
        }
        if tell {
            let mut ending = self.db.prepare_cached(
                "SELECT r.uuid FROM temp.ending AS e JOIN request AS r ON r.id = e.request",
            )?;
            let mut rows = ending.query([])?;
            while let Some(row) = rows.next()? {
                self.effects.told.push((row.word(0)?, Outcome::Killed));
            }
        }
        let at = self.clock.seconds(self.now);
        records::keep_ending(self.db, ended_code(status), self.now, at)?;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO ended (semaphore, nth, uuid, status, granted, priority, who, run, host,
                     pid, token, requested, started, ended, steered_by, at)
                 SELECT e.semaphore, (s.ended + e.nth - 1) % :kept, r.uuid, :status, r.phase = 2, r.priority, r.who,
                     r.run, r.host, r.pid, r.token, r.requested, r.started, :now, r.steered_by, :at
                 FROM temp.ending AS e CROSS JOIN request AS r ON r.id = e.request
                     CROSS JOIN semaphore AS s ON s.id = e.semaphore
                 WHERE e.nth > e.of - :kept",
            )?
            .execute(named_params! {
                ":kept": ENDED_KEPT as i64, ":status": ended_code(status), ":now": self.now, ":at": at,
            })?;
        self.db
            .prepare_cached(
                "UPDATE semaphore SET taken = taken - e.on_slots, granted = granted - e.on_grants,
                     ended = ended + e.on_slots + e.on_grants, touched = ?1
                 FROM (SELECT semaphore AS at, sum(phase = 1) AS on_slots, sum(phase = 2) AS on_grants
                       FROM temp.ending GROUP BY semaphore) AS e
                 WHERE semaphore.id = e.at",
            )?
            .execute([self.now])?;
        self.db
            .prepare_cached("DELETE FROM request WHERE id IN (SELECT request FROM temp.ending)")?
            .execute([])?;
        self.db
            .prepare_cached("DELETE FROM temp.ending")?
            .execute([])?;
        Ok(())
    }

    /// Ends the busy request with that slot id; its slot goes to the first in line. Says whether there was one.
    pub(super) fn release_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<bool, Problem> {
        let Some((mut semaphore, asked)) = self.live_slot(name, slot)? else {
            return Ok(false);
        };
        self.tell(&asked, Outcome::Lost)?;
        self.end_busy(&mut semaphore, &asked, Status::Done, EventKind::Released)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        Ok(true)
    }

    /// The slot that the id holds now expires `ttl` from now.
    pub(super) fn refresh_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
        ttl: Ttl,
    ) -> Result<Refreshed, Problem> {
        match self.live_slot(name, slot)? {
            Some((semaphore, asked)) => self.refresh_live(semaphore, &asked, ttl),
            None => Ok(Refreshed::NotHeld),
        }
    }

    /// Rule 7: the permit now expires `ttl` from now.
    pub(super) fn refresh(&mut self, uuid: RequestId, ttl: Ttl) -> Result<Refreshed, Problem> {
        match self.live(uuid)? {
            Some((semaphore, asked)) => self.refresh_live(semaphore, &asked, ttl),
            None => Ok(Refreshed::NotHeld),
        }
    }

    fn refresh_live(
        &mut self,
        mut semaphore: Semaphore,
        asked: &RequestRow,
        ttl: Ttl,
    ) -> Result<Refreshed, Problem> {
        if asked.phase == Phase::Waiting || asked.ttl.is_none() {
            self.save(&semaphore)?;
            return Ok(if asked.ttl.is_none() && asked.phase != Phase::Waiting {
                Refreshed::NoTtl
            } else {
                Refreshed::NotHeld
            });
        }
        let deadline = self.now.after(ttl.duration());
        semaphore.due = semaphore.due.min(deadline);
        self.db
            .prepare_cached("UPDATE request SET ttl = ?2, deadline = ?3 WHERE id = ?1")?
            .execute(params![asked.id, nanos(ttl.duration()), deadline])?;
        self.happen(EventKind::Refreshed, &semaphore, Some(asked))?;
        self.save(&semaphore)?;
        Ok(Refreshed::Yes)
    }

    /// Rule 8: the maker of the request has given it up.
    pub(super) fn abandon(&mut self, uuid: RequestId) -> Result<(), Problem> {
        let Some((mut semaphore, asked)) = self.live(uuid)? else {
            return self.let_go(uuid);
        };
        if asked.phase == Phase::Waiting {
            self.end_waiting(&mut semaphore, &asked, Status::Left, EventKind::Left)?;
        } else {
            self.end_busy(
                &mut semaphore,
                &asked,
                Status::Released,
                EventKind::Released,
            )?;
        }
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        self.waits_no_more(&asked)
    }

    /// A run of this session was given up: ends all that it waits for and holds, but for what was `left`.
    pub(super) fn abandon_run(
        &mut self,
        run: RunId,
        left: &HashSet<RequestId>,
    ) -> Result<(), Problem> {
        let plain = plain_ends!(
            "request AS r",
            "r.session = :session AND r.run = :run
                 AND r.uuid NOT IN (SELECT unhex(value) FROM json_each(:list))"
        );
        let list = list_of(left);
        let which = (self.me, Some(run), list.as_str());
        self.end_plain(plain, which, Status::Killed, true)?;
        self.let_go_of_run(run)?;
        let all: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE session = ?1 AND run = ?2 ORDER BY semaphore, phase, sequence"
            ))?
            .query_map(params![self.me, Db(&run)], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(mut semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            // What waits comes first: it must be given nothing.
            for asked in of_one {
                if asked.phase == Phase::Waiting {
                    self.end_waiting(&mut semaphore, asked, Status::Killed, EventKind::Killed)?;
                } else if left.contains(&asked.uuid) {
                    continue;
                } else {
                    self.end_busy(&mut semaphore, asked, Status::Killed, EventKind::Killed)?;
                }
                self.tell(asked, Outcome::Killed)?;
            }
            self.advance(&mut semaphore)?;
            self.settle(&mut semaphore)?;
            self.save(&semaphore)?;
        }
        Ok(())
    }

    // ---- time

    /// Lets every deadline up to now happen.
    pub(super) fn advance_all(&mut self) -> Result<(), Problem> {
        let due: Vec<i64> = self
            .db
            .prepare_cached("SELECT DISTINCT semaphore FROM request WHERE deadline <= ?1")?
            .query_map([self.now], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in due {
            if let Some(mut semaphore) = self.load(id)? {
                self.advance(&mut semaphore)?;
                self.save(&semaphore)?;
            }
        }
        Ok(())
    }

    /// When [`advance_all`](Self::advance_all) next has something to do.
    pub(super) fn next_deadline(db: &Connection) -> Result<Moment, Problem> {
        let earliest: Option<Moment> = db
            .prepare_cached("SELECT min(deadline) FROM request WHERE deadline IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(earliest.unwrap_or(Moment::NEVER))
    }

    // ---- sessions

    /// Registers this process; `lease` is for those who cannot see that it lives. Gives its number.
    pub(super) fn register(
        db: &Connection,
        host: Option<&str>,
        lease: Moment,
        lock: Option<i64>,
        is_shared: bool,
    ) -> Result<i64, Problem> {
        let this = Process::this();
        let boot: String =
            db.query_row("SELECT value FROM setting WHERE name = 'boot'", [], |row| {
                row.get(0)
            })?;
        if this.boot.is_empty() {
            // Without `/proc` nothing is known of boots, and nothing to be concluded.
        } else if boot.is_empty() {
            // A new file.
            db.execute(
                "UPDATE setting SET value = ?1 WHERE name = 'boot'",
                [&this.boot],
            )?;
        } else if boot != this.boot {
            if is_shared
                && let Some(ago) = seen_ago(db)?
                && ago < SEEN_FOR
            {
                return Err(Problem::OtherMachine(boot));
            }
            // No process lived through that; times of the other boot mean nothing in this one.
            records::keep_all(db)?;
            db.execute_batch(
                "DELETE FROM request; DELETE FROM ended; DELETE FROM notice; DELETE FROM event;
                 DELETE FROM share; DELETE FROM session; DELETE FROM outlived;",
            )?;
            db.execute(
                "UPDATE semaphore SET taken = 0, granted = 0, waiting = 0, due = :never, touched = 0,
                     token = token + :leap, declared = wanted,
                     slots = CASE WHEN pinned THEN slots ELSE wanted END",
                named_params! { ":never": Moment::NEVER, ":leap": TOKEN_LEAP },
            )?;
            db.execute(
                "UPDATE setting SET value = value + ?1 WHERE name = 'floor'",
                [TOKEN_LEAP],
            )?;
            db.execute(
                "UPDATE setting SET value = ?1 WHERE name = 'boot'",
                [&this.boot],
            )?;
        }
        if is_shared {
            show(db)?;
        }
        db.execute(
            "INSERT INTO session (pid, started, boot, namespace, host, lease, lock)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                this.pid,
                this.started,
                this.boot,
                this.namespace,
                host,
                lease,
                lock
            ],
        )?;
        Ok(db.last_insert_rowid())
    }

    /// Whether a session lives.
    fn lives(&mut self, session: i64) -> Result<bool, Problem> {
        if session == self.me {
            return Ok(true);
        }
        if let Some(&lives) = self.living.get(&session) {
            return Ok(lives);
        }
        let found = self
            .db
            .prepare_cached(&format!(
                "SELECT {} FROM session WHERE id = ?1",
                Witness::COLUMNS
            ))?
            .query_row([session], |row| Witness::read(row, 0))
            .optional()?;
        let lives = found.is_some_and(|found| found.is_alive(self.now));
        self.living.insert(session, lives);
        if !lives {
            self.dead.push(session);
        }
        Ok(lives)
    }

    /// Looks at all sessions, and ends what the dead ones have.
    pub(super) fn bury_the_dead(&mut self) -> Result<(), Problem> {
        let sessions: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM session WHERE id <> ?1")?
            .query_map([self.me], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for session in sessions {
            self.lives(session)?;
        }
        self.reap()
    }

    /// Ends what the sessions that turned out to be dead have. To be called while no semaphore is being
    /// worked on.
    pub(super) fn reap(&mut self) -> Result<(), Problem> {
        while let Some(session) = self.dead.pop() {
            self.end_session(session)?;
        }
        Ok(())
    }

    /// Ends a session and all that it has.
    pub(super) fn end_session(&mut self, session: i64) -> Result<(), Problem> {
        let plain = plain_ends!(
            "request AS r",
            "r.session = :session AND :list = '' AND :run IS NULL"
        );
        self.end_plain(plain, (session, None, ""), Status::Killed, false)?;
        let all: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE session = ?1 ORDER BY semaphore, phase, sequence"
            ))?
            .query_map([session], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        // Whoever waits goes first: nothing must be handed to the dead.
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(mut semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            for asked in of_one {
                if asked.phase == Phase::Waiting {
                    self.end_waiting(&mut semaphore, asked, Status::Killed, EventKind::Killed)?;
                } else {
                    self.end_busy(&mut semaphore, asked, Status::Killed, EventKind::Killed)?;
                }
            }
            self.settle(&mut semaphore)?;
            self.save(&semaphore)?;
        }
        for gone in [
            "DELETE FROM share WHERE session = ?1",
            "DELETE FROM notice WHERE session = ?1",
            "DELETE FROM outlived WHERE session = ?1",
        ] {
            self.db.prepare_cached(gone)?.execute([session])?;
        }
        self.db
            .prepare_cached("DELETE FROM session WHERE id = ?1")?
            .execute([session])?;
        if session != self.me {
            self.effects.gone.push(session);
        }
        Ok(())
    }

    /// The semaphore once those who hold its slots were looked at: it is full, or a dead one has what is asked for.
    fn without_dead_holders(&mut self, semaphore: Semaphore) -> Result<Semaphore, Problem> {
        let holders: Vec<i64> = self
            .db
            .prepare_cached(
                "SELECT DISTINCT session FROM request WHERE semaphore = ?1 AND phase > 0 AND session <> ?2",
            )?
            .query_map([semaphore.id, self.me], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut all_live = true;
        for session in holders {
            all_live &= self.lives(session)?;
        }
        if all_live {
            return Ok(semaphore);
        }
        self.save(&semaphore)?;
        self.reap()?;
        match self.load(semaphore.id)? {
            Some(semaphore) => Ok(semaphore),
            None => unreachable!("a semaphore that is in use is not forgotten"),
        }
    }

    // ---- reading and writing

    /// The semaphore of that name, with what is due done.
    fn existing(&mut self, name: &SemaphoreName) -> Result<Option<Semaphore>, Problem> {
        let found = self
            .db
            .prepare_cached(semaphores!("WHERE name = ?1"))?
            .query_row([Db(name)], Semaphore::read)
            .optional()?;
        let Some(mut semaphore) = found else {
            return Ok(None);
        };
        self.advance(&mut semaphore)?;
        Ok(Some(semaphore))
    }

    fn load(&self, id: i64) -> Result<Option<Semaphore>, Problem> {
        let found = self
            .db
            .prepare_cached(semaphores!("WHERE id = ?1"))?
            .query_row([id], Semaphore::read)
            .optional()?;
        Ok(found)
    }

    fn save(&self, semaphore: &Semaphore) -> Result<(), Problem> {
        self.db
            .prepare_cached(
                "UPDATE semaphore SET slots = ?2, declared = ?3, wanted = ?4, pinned = ?5, taken = ?6,
                     granted = ?7, waiting = ?8, token = ?9, sequence = ?10, due = ?11, ended = ?12,
                     touched = ?13
                 WHERE id = ?1",
            )?
            .execute(params![
                semaphore.id,
                Db(&semaphore.slots),
                Db(&semaphore.declared),
                Db(&semaphore.wanted),
                semaphore.pinned,
                semaphore.taken as i64,
                semaphore.granted as i64,
                semaphore.waiting as i64,
                semaphore.token,
                semaphore.sequence,
                semaphore.due,
                semaphore.ended,
                semaphore.touched,
            ])?;
        Ok(())
    }

    fn request(&self, uuid: RequestId) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!("WHERE uuid = ?1"))?
            .query_row([Db(&uuid)], RequestRow::read)
            .optional()?)
    }

    /// A live request and its semaphore, with what is due done.
    fn live(&mut self, uuid: RequestId) -> Result<Option<(Semaphore, RequestRow)>, Problem> {
        let Some(asked) = self.request(uuid)? else {
            return Ok(None);
        };
        let Some(mut semaphore) = self.load(asked.semaphore)? else {
            return Ok(None);
        };
        if semaphore.due > self.now {
            return Ok(Some((semaphore, asked)));
        }
        self.advance(&mut semaphore)?;
        // It may have been what was due.
        match self.request(uuid)? {
            Some(asked) => Ok(Some((semaphore, asked))),
            None => {
                self.save(&semaphore)?;
                Ok(None)
            }
        }
    }

    /// The busy request with that slot id.
    fn holder(&self, semaphore: i64, slot: &SlotId) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND slot = ?2 AND phase > 0 AND slot IS NOT NULL"
            ))?
            .query_row(params![semaphore, Db(slot)], RequestRow::read)
            .optional()?)
    }

    /// The busy request with that slot id, of a session that lives, and its semaphore, with what is due done.
    fn live_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<Option<(Semaphore, RequestRow)>, Problem> {
        let Some(semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let holder = self.holder(semaphore.id, slot)?;
        if let Some(asked) = holder
            && self.lives(asked.session)?
        {
            return Ok(Some((semaphore, asked)));
        }
        self.save(&semaphore)?;
        Ok(None)
    }

    /// A waiting request and its semaphore, or why there is none.
    fn waiting(
        &mut self,
        uuid: RequestId,
    ) -> Result<Result<(Semaphore, RequestRow), AdminError>, Problem> {
        if let Some((semaphore, asked)) = self.live(uuid)? {
            if asked.phase == Phase::Waiting {
                return Ok(Ok((semaphore, asked)));
            }
            self.save(&semaphore)?;
            return Ok(Err(AdminError::NotWaiting {
                id: uuid,
                status: Status::Busy,
            }));
        }
        Ok(Err(match self.ended_as(uuid)? {
            Some(status) => AdminError::NotWaiting { id: uuid, status },
            None => AdminError::UnknownRequest {
                id: uuid.to_string(),
            },
        }))
    }

    /// How a request ended, if that is still known.
    fn ended_as(&self, uuid: RequestId) -> Result<Option<Status>, Problem> {
        let status: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT status FROM ended WHERE uuid = ?1
                 UNION ALL SELECT ?2 FROM outlived WHERE uuid = ?1 LIMIT 1",
            )?
            .query_row(params![Db(&uuid), ended_code(Status::Released)], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(status.map(ended_status))
    }

    /// Whose turn is next.
    fn first(&self, semaphore: &Semaphore) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND phase = 0 ORDER BY class DESC, place LIMIT 1"
            ))?
            .query_row([semaphore.id], RequestRow::read)
            .optional()?)
    }

    // ---- the machine

    /// Somebody names the semaphore: it comes into being, what is due happens, and what the code declares
    /// is noted.
    fn arrive(
        &mut self,
        name: &SemaphoreName,
        declared: Option<Slots>,
    ) -> Result<Semaphore, Problem> {
        let mut semaphore = match self.existing(name)? {
            Some(semaphore) => semaphore,
            None => self.create(name, declared)?,
        };
        semaphore.touched = self.now;
        if let Some(declared) = declared {
            semaphore.wanted = declared;
        }
        self.adopt_wanted(&mut semaphore)?;
        Ok(semaphore)
    }

    fn create(
        &mut self,
        name: &SemaphoreName,
        declared: Option<Slots>,
    ) -> Result<Semaphore, Problem> {
        let slots = declared.unwrap_or_default();
        let floor: i64 = self
            .db
            .prepare_cached("SELECT value FROM setting WHERE name = 'floor'")?
            .query_row([], |row| row.get(0))?;
        self.db
            .prepare_cached(
                "INSERT INTO semaphore (name, slots, declared, wanted, pinned, taken, granted, waiting, token,
                     sequence, due, ended, touched)
                 VALUES (?1, ?2, ?2, ?2, 0, 0, 0, 0, ?3, 0, ?4, 0, ?5)",
            )?
            .execute(params![Db(name), Db(&slots), floor, Moment::NEVER, self.now])?;
        let id = self.db.last_insert_rowid();
        // The number may have been another's, and a program of before leaves the past of what it forgets.
        records::forget(self.db, id)?;
        if id % SWEEP_EVERY == 0 {
            self.sweep(id)?;
        }
        let Some(semaphore) = self.load(id)? else {
            unreachable!("it was made a moment ago")
        };
        self.happen(EventKind::Created, &semaphore, None)?;
        Ok(semaphore)
    }

    /// Lets go of semaphores that were not used for long: names are often generated.
    fn sweep(&self, keep: i64) -> Result<(), Problem> {
        let known: i64 = self
            .db
            .query_row("SELECT count(*) FROM semaphore", [], |row| row.get(0))?;
        if known <= SWEPT_ABOVE as i64 {
            return Ok(());
        }
        let untouched_since = if known > CROWDED as i64 {
            self.now
        } else {
            Moment(self.now.0.saturating_sub(nanos(SWEPT_AFTER)))
        };
        let swept = "taken = 0 AND granted = 0 AND waiting = 0 AND NOT pinned AND touched <= ?1 AND id <> ?2";
        let floor: Option<i64> = self.db.query_row(
            &format!("SELECT max(token) FROM semaphore WHERE {swept}"),
            params![untouched_since, keep],
            |row| row.get(0),
        )?;
        self.raise_floor(floor.unwrap_or(0))?;
        for past in ["ended", "history", "outlived"] {
            self.db.execute(
                &format!(
                    "DELETE FROM {past} WHERE semaphore IN (SELECT id FROM semaphore WHERE {swept})"
                ),
                params![untouched_since, keep],
            )?;
        }
        self.db.execute(
            &format!("DELETE FROM semaphore WHERE {swept}"),
            params![untouched_since, keep],
        )?;
        Ok(())
    }

    /// Tokens of semaphores to come are above `token`.
    fn raise_floor(&self, token: i64) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE setting SET value = max(value, ?1) WHERE name = 'floor'")?
            .execute([token])?;
        Ok(())
    }

    /// Rule 3: another limit counts once no request is busy or waiting.
    fn adopt_wanted(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        if semaphore.wanted != semaphore.declared && semaphore.is_idle() {
            semaphore.declared = semaphore.wanted;
            if !semaphore.pinned {
                self.change_slots(semaphore, semaphore.wanted)?;
            }
        }
        Ok(())
    }

    fn change_slots(&mut self, semaphore: &mut Semaphore, slots: Slots) -> Result<(), Problem> {
        if semaphore.slots != slots {
            semaphore.slots = slots;
            self.happen(EventKind::SlotsChanged, semaphore, None)?;
        }
        Ok(())
    }

    /// What every command that frees something ends with.
    fn settle(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        self.admit(semaphore)?;
        self.adopt_wanted(semaphore)
    }

    /// Restores the invariant: while somebody waits, no slot is free.
    fn admit(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        while semaphore.waiting > 0 && semaphore.has_room() {
            let Some(first) = self.first(semaphore)? else {
                return Err(Problem::Damaged(
                    "a line is shorter than its length".to_owned(),
                ));
            };
            if self.lives(first.session)? {
                self.start_waiting(semaphore, &first, Phase::Busy)?;
            } else {
                self.end_waiting(semaphore, &first, Status::Killed, EventKind::Killed)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        if semaphore.due > self.now {
            return Ok(());
        }
        let actor = self.actor.take();
        let advanced = self.let_happen(semaphore);
        self.actor = actor;
        advanced
    }

    /// Lets all happen at the semaphore that is due.
    fn let_happen(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        loop {
            let due = self
                .db
                .prepare_cached(requests!(
                    "WHERE semaphore = ?1 AND deadline <= ?2 ORDER BY deadline, sequence LIMIT 1"
                ))?
                .query_row(params![semaphore.id, self.now], RequestRow::read)
                .optional()?;
            let Some(asked) = due else { break };
            if asked.phase == Phase::Waiting {
                self.end_waiting(semaphore, &asked, Status::TimedOut, EventKind::TimedOut)?;
                self.tell(&asked, Outcome::TimedOut)?;
            } else {
                self.end_busy(semaphore, &asked, Status::Expired, EventKind::Expired)?;
                self.tell(&asked, Outcome::Lost)?;
            }
            self.admit(semaphore)?;
        }
        semaphore.due = self
            .db
            .prepare_cached(
                "SELECT min(deadline) FROM request WHERE semaphore = ?1 AND deadline IS NOT NULL",
            )?
            .query_row([semaphore.id], |row| row.get::<_, Option<Moment>>(0))?
            .unwrap_or(Moment::NEVER);
        self.settle(semaphore)
    }

    /// A new request takes a slot at once.
    fn start_new(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<Admission, Problem> {
        semaphore.taken += 1;
        semaphore.token += 1;
        semaphore.touched = self.now;
        let deadline = request.get_ttl().map(|ttl| self.now.after(ttl.duration()));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        let place = self.next_place(semaphore);
        let asked = self.asked(semaphore, uuid, request, place);
        let asked = RequestRow {
            phase: Phase::Busy,
            deadline,
            token: Some(semaphore.token),
            started: Some(self.now),
            ..asked
        };
        self.insert(semaphore, &asked)?;
        self.happen(EventKind::Acquired, semaphore, Some(&asked))?;
        Ok(Admission {
            token: semaphore.token as u64,
            requested: self.now,
            started: self.now,
            granted: false,
        })
    }

    /// A new request joins the line.
    fn join(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<RequestRow, Problem> {
        semaphore.waiting += 1;
        let deadline = request.get_timeout().map(|limit| self.now.after(limit));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        let place = self.next_place(semaphore);
        let asked = RequestRow {
            deadline,
            ..self.asked(semaphore, uuid, request, place)
        };
        let id = self.insert(semaphore, &asked)?;
        Ok(RequestRow { id, ..asked })
    }

    fn next_place(&self, semaphore: &mut Semaphore) -> Vec<u8> {
        semaphore.sequence += 1;
        order::joined(semaphore.sequence as u64)
    }

    fn asked(
        &self,
        semaphore: &Semaphore,
        uuid: RequestId,
        request: &Request,
        place: Vec<u8>,
    ) -> RequestRow {
        let owner = request.get_owner();
        let priority = request.get_priority().0;
        RequestRow {
            id: 0,
            uuid,
            semaphore: semaphore.id,
            session: self.me,
            phase: Phase::Waiting,
            class: priority,
            place,
            priority,
            who: owner.map(|owner| owner.who().to_owned()),
            run: owner.and_then(|owner| owner.run()),
            host: owner.and_then(|owner| owner.host()).map(str::to_owned),
            pid: owner.and_then(|owner| owner.pid()),
            ttl: request.get_ttl().map(|ttl| nanos(ttl.duration())),
            deadline: None,
            token: None,
            requested: self.now,
            started: None,
            slot: request.get_slot().cloned(),
            by: None,
            unresponsive: None,
        }
    }

    fn insert(&self, semaphore: &Semaphore, asked: &RequestRow) -> Result<i64, Problem> {
        self.db
            .prepare_cached(
                "INSERT INTO request (uuid, semaphore, session, phase, sequence, class, place, priority, who,
                     run, host, pid, ttl, deadline, token, requested, started, slot)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(params![
                Db(&asked.uuid),
                semaphore.id,
                asked.session,
                asked.phase as i64,
                semaphore.sequence,
                asked.class,
                asked.place,
                asked.priority,
                asked.who,
                Db(asked.run.as_ref()),
                asked.host,
                asked.pid,
                asked.ttl,
                asked.deadline,
                asked.token,
                asked.requested,
                asked.started,
                Db(asked.slot.as_ref()),
            ])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Takes a request out of the line and starts it.
    fn start_waiting(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        phase: Phase,
    ) -> Result<(), Problem> {
        if let Some(slot) = &asked.slot
            && let Some(holder) = self.holder(semaphore.id, slot)?
        {
            if self.lives(holder.session)? {
                self.end_waiting(semaphore, asked, Status::Done, EventKind::Reacquired)?;
                return self.attach(&holder, asked.uuid, asked.session);
            }
            self.end_busy(semaphore, &holder, Status::Killed, EventKind::Killed)?;
        }
        semaphore.waiting -= 1;
        semaphore.token += 1;
        semaphore.touched = self.now;
        let granted = phase == Phase::BusyGranted;
        if granted {
            semaphore.granted += 1;
        } else {
            semaphore.taken += 1;
        }
        let deadline = asked.ttl.map(|ttl| Moment(self.now.0.saturating_add(ttl)));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        self.db
            .prepare_cached(
                "UPDATE request SET phase = ?2, token = ?3, started = ?4, deadline = ?5, steered_by = ?6 WHERE id = ?1",
            )?
            .execute(params![
                asked.id,
                phase as i64,
                semaphore.token,
                self.now,
                deadline,
                Db(asked.by.as_ref()),
            ])?;
        let kind = if granted {
            EventKind::Granted
        } else {
            EventKind::Acquired
        };
        self.happen(kind, semaphore, Some(asked))?;
        let admission = Admission {
            token: semaphore.token as u64,
            requested: asked.requested,
            started: self.now,
            granted,
        };
        self.tell(asked, Outcome::Admitted(admission))
    }

    /// A request of that session gets the slot that its slot id holds.
    fn attach(
        &mut self,
        holder: &RequestRow,
        uuid: RequestId,
        session: i64,
    ) -> Result<(), Problem> {
        if session != holder.session {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO share (uuid, session) VALUES (?1, ?2)")?
                .execute(params![Db(&holder.uuid), session])?;
        }
        self.tell_session(
            session,
            uuid,
            Outcome::Shares(holder.uuid, holder.admission()),
        )
    }

    /// Tells the sessions that share the slot of a request, which is about to end, that they do no longer.
    fn detach(&mut self, asked: &RequestRow, status: Status) -> Result<(), Problem> {
        let sharing: Vec<i64> = self
            .db
            .prepare_cached("SELECT session FROM share WHERE uuid = ?1")?
            .query_map([Db(&asked.uuid)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for session in sharing {
            let outcome = match status {
                Status::Killed => Outcome::Killed,
                _ => Outcome::Lost,
            };
            self.tell_session(session, asked.uuid, outcome)?;
        }
        self.db
            .prepare_cached("DELETE FROM share WHERE uuid = ?1")?
            .execute([Db(&asked.uuid)])?;
        Ok(())
    }

    /// Ends a busy request. The caller settles.
    fn end_busy(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        if asked.phase == Phase::BusyGranted {
            semaphore.granted -= 1;
        } else {
            semaphore.taken -= 1;
        }
        if asked.slot.is_some() {
            self.detach(asked, status)?;
        }
        self.remember(semaphore, asked, status, kind)
    }

    /// Takes a request out of the line for good. The caller settles.
    fn end_waiting(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.waiting -= 1;
        self.remember(semaphore, asked, status, kind)
    }

    fn end_all_busy(
        &mut self,
        semaphore: &mut Semaphore,
        kind: EventKind,
    ) -> Result<usize, Problem> {
        let mut busy: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND phase > 0 ORDER BY token"
            ))?
            .query_map([semaphore.id], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for asked in &mut busy {
            self.end_by_force(semaphore, asked, kind)?;
        }
        Ok(busy.len())
    }

    /// Ends a busy request whose work goes on. The caller settles.
    fn end_by_force(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &mut RequestRow,
        kind: EventKind,
    ) -> Result<(), Problem> {
        self.note_actor(asked);
        self.tell(asked, Outcome::Lost)?;
        self.end_busy(semaphore, asked, Status::Released, kind)?;
        self.outlives(asked)
    }

    /// An administrator does something to the request: that is kept with it.
    fn note_actor(&self, asked: &mut RequestRow) {
        if self.actor.is_some() {
            asked.by.clone_from(&self.actor);
        }
    }

    /// Deletes a live request, and keeps what is worth showing.
    fn remember(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.touched = self.now;
        self.db
            .prepare_cached("DELETE FROM request WHERE id = ?1")?
            .execute([asked.id])?;
        self.happen(kind, semaphore, Some(asked))?;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO ended (semaphore, nth, uuid, status, granted, priority, who, run, host,
                     pid, token, requested, started, ended, slot, steered_by, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                semaphore.id,
                semaphore.ended % ENDED_KEPT as i64,
                Db(&asked.uuid),
                ended_code(status),
                asked.phase == Phase::BusyGranted,
                asked.priority,
                asked.who,
                Db(asked.run.as_ref()),
                asked.host,
                asked.pid,
                asked.token,
                asked.requested,
                asked.started,
                self.now,
                Db(asked.slot.as_ref()),
                Db(asked.by.as_ref()),
                self.clock.seconds(self.now),
            ])?;
        semaphore.ended += 1;
        if semaphore.ended % ENDED_KEPT as i64 == 0 {
            records::keep(self.db, semaphore.id)?;
        }
        Ok(())
    }

    /// Takes a waiting request out of the line because its wait could never end.
    pub(super) fn refuse(
        &mut self,
        asked: &RequestRow,
        error: DeadlockError,
    ) -> Result<(), Problem> {
        let Some(mut semaphore) = self.load(asked.semaphore)? else {
            return Ok(());
        };
        self.end_waiting(
            &mut semaphore,
            asked,
            Status::Cancelled,
            EventKind::Deadlocked,
        )?;
        self.tell(asked, Outcome::Deadlock(error))?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)
    }

    /// Tells the session of a request what became of it.
    fn tell(&mut self, asked: &RequestRow, outcome: Outcome) -> Result<(), Problem> {
        self.tell_session(asked.session, asked.uuid, outcome)
    }

    fn tell_session(
        &mut self,
        session: i64,
        uuid: RequestId,
        outcome: Outcome,
    ) -> Result<(), Problem> {
        if session == self.me {
            self.effects.told.push((uuid, outcome));
            return Ok(());
        }
        self.effects.wake.insert(session);
        let notice = OutcomeRow::of(&outcome);
        self.db
            .prepare_cached(
                "INSERT INTO notice (session, uuid, verdict, token, requested, started, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                session,
                Db(&uuid),
                notice.verdict,
                notice.admission.map(|admission| admission.token as i64),
                notice.admission.map(|admission| admission.requested),
                notice.admission.map(|admission| admission.started),
                notice.detail,
            ])?;
        Ok(())
    }

    /// This session wants to know what happens from now on, also in this transaction. Gives the number of the last event
    /// before.
    pub(super) fn observe(&mut self) -> Result<i64, Problem> {
        self.db
            .prepare_cached("UPDATE session SET observes = 1 WHERE id = ?1")?
            .execute([self.me])?;
        // Who else does is looked up again.
        self.observed = None;
        // Not the largest that is there: events are deleted.
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// This session wants to know nothing any more. Events that no session wants go.
    pub(super) fn observe_no_more(&mut self) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE session SET observes = 0 WHERE id = ?1")?
            .execute([self.me])?;
        self.db
            .prepare_cached(
                "DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM session WHERE observes)",
            )?
            .execute([])?;
        self.observed = None;
        Ok(())
    }

    fn is_observed(&mut self) -> Result<bool, Problem> {
        if let Some(observed) = self.observed {
            return Ok(observed);
        }
        let observers: Vec<i64> = self
            .db
            .prepare_cached("SELECT id FROM session WHERE observes")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let observed = *self.observed.insert(!observers.is_empty());
        self.observers = observers;
        Ok(observed)
    }

    /// Something happened: those who observe will want to know.
    fn happen(
        &mut self,
        kind: EventKind,
        semaphore: &Semaphore,
        asked: Option<&RequestRow>,
    ) -> Result<(), Problem> {
        if !self.is_observed()? {
            return Ok(());
        }
        if !self.effects.happened {
            self.effects.happened = true;
            let others = self.observers.iter().filter(|session| **session != self.me);
            self.effects.wake.extend(others);
        }
        let by = self.actor.as_ref().filter(|_| kind.is_of_a_command());
        let kind = serde_json::to_value(kind)
            .ok()
            .and_then(|kind| kind.as_str().map(str::to_owned));
        self.db
            .prepare_cached(
                "INSERT INTO event (kind, semaphore, uuid, who, run, busy, waiting, slots, at, steered_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                kind,
                Db(&semaphore.name),
                Db(asked.map(|asked| &asked.uuid)),
                asked.and_then(|asked| asked.who.as_deref()),
                Db(asked.and_then(|asked| asked.run.as_ref())),
                semaphore.taken as i64,
                semaphore.waiting as i64,
                Db(&semaphore.slots),
                self.clock.seconds(self.now),
                Db(by),
            ])?;
        let id = self.db.last_insert_rowid();
        if id % EVENTS_PRUNED_EVERY == 0 {
            self.db
                .prepare_cached("DELETE FROM event WHERE id <= ?1")?
                .execute([id - EVENTS_KEPT])?;
        }
        Ok(())
    }
}

/// What came of an attempt to refresh a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    Yes,
    NotHeld,
    NoTtl,
}

/// How long ago the machine that uses the file was last seen. By the clock of the wall: another there is not between
/// machines. `None`: it was never on a shared file system, or a clock is wrong.
fn seen_ago(db: &Connection) -> Result<Option<Duration>, Problem> {
    let seen: Option<i64> = db
        .query_row("SELECT value FROM setting WHERE name = 'seen'", [], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(seen.and_then(|seen| {
        let ago = seconds_of_the_wall().checked_sub(seen)?;
        // Clocks of machines differ by a few seconds.
        u64::try_from(ago.max(0)).ok().map(Duration::from_secs)
    }))
}

/// This machine uses the file, on a file system that others can share.
pub(super) fn show(db: &Connection) -> Result<(), Problem> {
    db.prepare_cached("INSERT OR REPLACE INTO setting VALUES ('seen', ?1)")?
        .execute([seconds_of_the_wall()])?;
    Ok(())
}

fn seconds_of_the_wall() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
}

/// A [`Outcome`] on its way to another session.
pub(super) struct OutcomeRow {
    verdict: i64,
    admission: Option<Admission>,
    detail: Option<String>,
}

impl OutcomeRow {
    fn of(outcome: &Outcome) -> Self {
        let (verdict, admission, detail) = match outcome {
            Outcome::Admitted(admission) if admission.granted => (1, Some(*admission), None),
            Outcome::Admitted(admission) => (0, Some(*admission), None),
            Outcome::Cancelled => (2, None, None),
            Outcome::TimedOut => (3, None, None),
            Outcome::Deadlock(error) => (4, None, Some(cycle_to_json(error))),
            Outcome::Lost => (5, None, None),
            Outcome::Killed => (6, None, None),
            Outcome::Shares(holder, admission) => {
                let verdict = if admission.granted { 8 } else { 7 };
                (verdict, Some(*admission), Some(holder.to_string()))
            }
        };
        Self {
            verdict,
            admission,
            detail,
        }
    }

    /// A row of `uuid, verdict, token, requested, started, detail`, from `at` on.
    pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<(RequestId, Outcome)> {
        let verdict: i64 = row.get(at + 1)?;
        let admission = |granted| -> rusqlite::Result<Admission> {
            Ok(Admission {
                token: row.get::<_, i64>(at + 2)? as u64,
                requested: row.get(at + 3)?,
                started: row.get(at + 4)?,
                granted,
            })
        };
        let outcome = match verdict {
            0 | 1 => Outcome::Admitted(admission(verdict == 1)?),
            7 | 8 => match row.get_ref(at + 5)?.as_str().unwrap_or_default().parse() {
                Ok(holder) => Outcome::Shares(holder, admission(verdict == 8)?),
                Err(_) => Outcome::Cancelled,
            },
            2 => Outcome::Cancelled,
            3 => Outcome::TimedOut,
            4 => row
                .get_ref(at + 5)?
                .as_str()
                .ok()
                .and_then(cycle_from_json)
                .map_or(Outcome::Cancelled, Outcome::Deadlock),
            5 => Outcome::Lost,
            _ => Outcome::Killed,
        };
        Ok((row.word(at)?, outcome))
    }
}

fn cycle_to_json(error: &DeadlockError) -> String {
    let links: Vec<_> = error
        .cycle()
        .iter()
        .map(|link| (link.run, &link.who, &link.holds, &link.waits_for))
        .collect();
    serde_json::to_string(&links).unwrap_or_default()
}

fn cycle_from_json(text: &str) -> Option<DeadlockError> {
    let links: Vec<(RunId, String, SemaphoreName, SemaphoreName)> =
        serde_json::from_str(text).ok()?;
    if links.is_empty() {
        return None;
    }
    let cycle: Vec<_> = links
        .into_iter()
        .map(|(run, who, holds, waits_for)| DeadlockLink {
            run,
            who,
            holds,
            waits_for,
        })
        .collect();
    Some(DeadlockError::new(cycle))
}

/// How an ended request is remembered.
pub(super) fn ended_code(status: Status) -> i64 {
    match status {
        Status::Cancelled => 1,
        Status::Expired => 2,
        Status::Killed => 3,
        Status::TimedOut => 4,
        Status::Released => 5,
        Status::Left => 6,
        _ => 0,
    }
}

pub(super) fn ended_status(code: i64) -> Status {
    match code {
        1 => Status::Cancelled,
        2 => Status::Expired,
        3 => Status::Killed,
        4 => Status::TimedOut,
        5 => Status::Released,
        6 => Status::Left,
        _ => Status::Done,
    }
}

/// How long ended requests are shown.
pub(super) fn shown_since(now: Moment) -> Moment {
    Moment(now.0.saturating_sub(nanos(ENDED_SHOWN)))
}

/// A number of things, which the tables count in 64 bits.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    row.get::<_, i64>(column)
        .map(|count| usize::try_from(count).unwrap_or(0))
}

pub(super) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
