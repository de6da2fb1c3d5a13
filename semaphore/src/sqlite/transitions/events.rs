//! Events, for the sessions that observe.

use rusqlite::params;

use super::Transition;
use super::rows::{RequestRow, Semaphore};
use crate::event::EventKind;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;

/// As many events are kept for a process that is slow to read them. It then keeps as many for its own subscribers.
const EVENTS_KEPT: i64 = 65_536;
/// How many events are written between two deletions of old ones.
const EVENTS_PRUNED_EVERY: i64 = 512;

impl Transition<'_> {
    /// This session observes from now on, also in this transaction. Returns the number of the last event before.
    pub(in crate::sqlite) fn observe(&mut self) -> Result<i64, Problem> {
        self.db
            .prepare_cached("UPDATE session SET observes = 1 WHERE id = ?1")?
            .execute([self.session])?;
        // Otherwise this transaction would go on without the new observer.
        self.observed = None;
        // Not the largest number in the table: events are deleted.
        Ok(self
            .db
            .prepare_cached(
                "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)",
            )?
            .query_row([], |row| row.get(0))?)
    }

    /// This session observes no more. Events that no session wants are deleted.
    pub(in crate::sqlite) fn observe_no_more(&mut self) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE session SET observes = 0 WHERE id = ?1")?
            .execute([self.session])?;
        self.db
            .prepare_cached(
                "DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM session WHERE observes)",
            )?
            .execute([])?;
        self.observed = None;
        Ok(())
    }

    pub(super) fn is_observed(&mut self) -> Result<bool, Problem> {
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

    /// Writes an event, if a session observes.
    pub(super) fn emit(
        &mut self,
        kind: EventKind,
        semaphore: &Semaphore,
        row: Option<&RequestRow>,
    ) -> Result<(), Problem> {
        if !self.is_observed()? {
            return Ok(());
        }
        if !self.effects.has_events {
            self.effects.has_events = true;
            let others = self
                .observers
                .iter()
                .filter(|session| **session != self.session);
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
                Db(row.map(|row| &row.uuid)),
                row.and_then(|row| row.who.as_deref()),
                Db(row.and_then(|row| row.run.as_ref())),
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
