//! Commands for a whole semaphore: its slots, purge, forced release, forget.

use super::Transition;
use super::rows::Phase;
use crate::error::AdminError;
use crate::event::EventKind;
use crate::name::SemaphoreName;
use crate::slots::Slots;
use crate::sqlite::problem::Problem;
use crate::sqlite::records;

impl Transition<'_> {
    /// Rules 2 and 3: sets the number of slots, or leaves it, and pins it.
    pub(super) fn pin(
        &mut self,
        name: &SemaphoreName,
        slots: Option<Slots>,
    ) -> Result<(), Problem> {
        let mut semaphore = self.arrive(name, None)?;
        if !semaphore.pinned {
            semaphore.pinned = true;
            self.emit(EventKind::Pinned, &semaphore, None)?;
        }
        let slots = slots.unwrap_or(semaphore.slots);
        self.change_slots(&mut semaphore, slots)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        self.recheck_deadlocks(semaphore.id)
    }

    /// Rule 3: what the code declared counts again. Says whether there is such a semaphore.
    pub(super) fn unpin(&mut self, name: &SemaphoreName) -> Result<bool, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(false);
        };
        if semaphore.pinned {
            semaphore.pinned = false;
            self.emit(EventKind::Unpinned, &semaphore, None)?;
            let declared = semaphore.declared;
            self.change_slots(&mut semaphore, declared)?;
            self.settle(&mut semaphore)?;
        }
        self.save(&semaphore)?;
        self.recheck_deadlocks(semaphore.id)?;
        Ok(true)
    }

    /// Rule 6: ends every busy request and grants every request in line. Says how many that were.
    pub(super) fn purge(&mut self, name: &SemaphoreName) -> Result<Option<usize>, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let mut through = Vec::new();
        let freed = self.end_all_busy(&mut semaphore, EventKind::Purged)?;
        while let Some(mut first) = self.first(&semaphore)? {
            self.note_actor(&mut first);
            self.start_waiting(&mut semaphore, &first, Phase::BusyGranted)?;
            through.push(first);
        }
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        for row in &through {
            self.waits_no_more(row)?;
        }
        Ok(Some(freed + through.len()))
    }

    /// Rule 6: ends every busy request; the line goes on in order. Says how many that were.
    pub(super) fn force_release(&mut self, name: &SemaphoreName) -> Result<Option<usize>, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let freed = self.end_all_busy(&mut semaphore, EventKind::ForceReleased)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        Ok(Some(freed))
    }

    /// Forgets an idle semaphore.
    pub(super) fn forget(
        &mut self,
        name: &SemaphoreName,
    ) -> Result<Result<(), AdminError>, Problem> {
        self.reap_sessions()?;
        let Some(semaphore) = self.existing(name)? else {
            return Ok(Err(AdminError::UnknownSemaphore { name: name.clone() }));
        };
        if !semaphore.is_idle() {
            self.save(&semaphore)?;
            return Ok(Err(AdminError::InUse {
                name: name.clone(),
                busy: semaphore.taken + semaphore.granted,
                waiting: semaphore.waiting,
            }));
        }
        self.emit(EventKind::Forgotten, &semaphore, None)?;
        self.raise_floor(semaphore.token)?;
        records::forget(self.db, semaphore.id)?;
        self.db
            .prepare_cached("DELETE FROM semaphore WHERE id = ?1")?
            .execute([semaphore.id])?;
        Ok(Ok(()))
    }
}
