//! Requests that were ended by force and whose work goes on: they are shown until their permits are dropped.

use rusqlite::params;

use super::Transition;
use super::rows::{Phase, RequestRow};
use crate::id::{RequestId, RunId};
use crate::sqlite::columns::Db;
use crate::sqlite::file::Problem;

impl Transition<'_> {
    /// A busy request was ended by force just now.
    pub(super) fn outlives(&self, asked: &RequestRow) -> Result<(), Problem> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO outlived (uuid, session, semaphore, granted, priority, who, run, host, pid,
                     token, requested, started, ended, slot, steered_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                Db(&asked.uuid),
                asked.session,
                asked.semaphore,
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
            ])?;
        Ok(())
    }

    /// The permit of a request that is over was dropped: its work has ended.
    pub(in crate::sqlite) fn let_go(&self, uuid: RequestId) -> Result<(), Problem> {
        self.db
            .prepare_cached("DELETE FROM outlived WHERE uuid = ?1")?
            .execute([Db(&uuid)])?;
        Ok(())
    }

    /// The same for all of a run of this session that was given up.
    pub(super) fn let_go_of_run(&self, run: RunId) -> Result<(), Problem> {
        self.db
            .prepare_cached("DELETE FROM outlived WHERE session = ?1 AND run = ?2")?
            .execute(params![self.me, Db(&run)])?;
        Ok(())
    }
}
