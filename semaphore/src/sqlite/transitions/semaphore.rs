//! A semaphore from the first request that names it until it is forgotten, and its slots.

use rusqlite::params;

use super::rows::Semaphore;
use super::{Transition, nanos};
use crate::event::EventKind;
use crate::name::SemaphoreName;
use crate::slots::Slots;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::sqlite::records;
use crate::sweep::{CROWDED, SWEPT_ABOVE, SWEPT_AFTER};

/// How many semaphores are created between two sweeps.
const SWEEP_EVERY: i64 = 256;

impl Transition<'_> {
    /// The semaphore of that name, which is created if there is none. What is due there is done, and what the code declares
    /// is noted.
    pub(super) fn arrive(
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

    pub(super) fn create(
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
        // SQLite uses numbers again, and an older version of this program leaves the history of what it forgets.
        records::forget(self.db, id)?;
        if id % SWEEP_EVERY == 0 {
            self.sweep(id)?;
        }
        let Some(semaphore) = self.load(id)? else {
            unreachable!("it was created a moment ago")
        };
        self.emit(EventKind::Created, &semaphore, None)?;
        Ok(semaphore)
    }

    /// Forgets semaphores that were not used for long. Names are often generated, so there may be very many.
    pub(super) fn sweep(&self, keep: i64) -> Result<(), Problem> {
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
        for past in ["ended", "history", "outlived", "line_section"] {
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

    /// Semaphores that are created later get tokens above `token`, so that tokens grow also for a name that is forgotten
    /// and used again.
    pub(super) fn raise_floor(&self, token: i64) -> Result<(), Problem> {
        self.db
            .prepare_cached("UPDATE setting SET value = max(value, ?1) WHERE name = 'floor'")?
            .execute([token])?;
        Ok(())
    }

    /// Rule 3: another limit counts once no request is busy or waiting.
    pub(super) fn adopt_wanted(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        if semaphore.wanted != semaphore.declared && semaphore.is_idle() {
            semaphore.declared = semaphore.wanted;
            if !semaphore.pinned {
                self.change_slots(semaphore, semaphore.wanted)?;
            }
        }
        Ok(())
    }

    pub(super) fn change_slots(
        &mut self,
        semaphore: &mut Semaphore,
        slots: Slots,
    ) -> Result<(), Problem> {
        if semaphore.slots != slots {
            semaphore.slots = slots;
            self.emit(EventKind::SlotsChanged, semaphore, None)?;
        }
        Ok(())
    }
}
