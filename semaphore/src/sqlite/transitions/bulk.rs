//! Ends many busy requests with a few statements, however many they are.
//!
//! That is possible where the end of a request changes nothing for others: at semaphores where no request waits and no
//! deadline has passed, without a slot id, and while no session observes. A process that drops thousands of permits at
//! once, or a session that ends, would otherwise keep all other processes waiting for its transaction.

use std::fmt::Write as _;

use rusqlite::named_params;

use super::Transition;
use super::end::ended_code;
use super::outcome::Outcome;
use crate::id::{RequestId, RunId};
use crate::queue::ENDED_KEPT;
use crate::sqlite::columns::{Columns as _, Db};
use crate::sqlite::problem::Problem;
use crate::sqlite::records;
use crate::view::Status;

/// A statement that notes which requests to end at once, for [`Transition::end_plain`].
///
/// `CROSS JOIN` keeps the order of the tables: the planner would choose to read all requests there are.
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

pub(super) use plain_ends;

/// What [`plain_ends`] writes to. To be made once for each connection.
pub(in crate::sqlite) const ENDING: &str = "CREATE TEMP TABLE IF NOT EXISTS ending (
    request INTEGER PRIMARY KEY, semaphore INTEGER NOT NULL, phase INTEGER NOT NULL,
    nth INTEGER NOT NULL, of INTEGER NOT NULL
)";

/// Ids as a statement reads them with `json_each`: in hexadecimal digits. One bound text, so that the statement stays the
/// same and is prepared once.
pub(super) fn list_of<'a>(uuids: impl IntoIterator<Item = &'a RequestId>) -> String {
    let mut list = String::from("[");
    for uuid in uuids {
        let comma = if list.len() > 1 { "," } else { "" };
        let _ = write!(list, "{comma}\"{:032x}\"", uuid.as_u128());
    }
    list.push(']');
    list
}

impl Transition<'_> {
    /// Ends those of the busy requests that a statement selects whose end changes nothing for others; see the module's
    /// page. The others stay as they are. `report`: they are requests of this session, which does not know yet that they
    /// end.
    pub(super) fn end_plain(
        &mut self,
        select: &str,
        (session, run, list): (i64, Option<RunId>, &str),
        status: Status,
        report: bool,
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
        if report {
            let mut ending = self.db.prepare_cached(
                "SELECT r.uuid FROM temp.ending AS e JOIN request AS r ON r.id = e.request",
            )?;
            let mut rows = ending.query([])?;
            while let Some(row) = rows.next()? {
                self.effects.outcomes.push((row.value(0)?, Outcome::Killed));
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
}
