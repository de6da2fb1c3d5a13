//! Requests that were ended by force and whose work goes on: they are shown until their permits are dropped.

use rusqlite::params;

use super::Transition;
use super::rows::{Phase, RequestRow};
use crate::id::{RequestId, RunId};
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;

impl Transition<'_> {
    /// Shows a busy request that was ended by force just now, until its permit is dropped.
    pub(super) fn outlives(&self, row: &RequestRow) -> Result<(), Problem> {
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO outlived (uuid, session, semaphore, granted, priority, who, run, host, pid,
                     token, requested, started, ended, slot, steered_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            )?
            .execute(params![
                Db(&row.uuid),
                row.session,
                row.semaphore,
                row.phase == Phase::BusyGranted,
                row.priority,
                row.who,
                Db(row.run.as_ref()),
                row.host,
                row.pid,
                row.token,
                row.requested,
                row.started,
                self.now,
                Db(row.slot.as_ref()),
                Db(row.by.as_ref()),
            ])?;
        Ok(())
    }

    /// The permit of a request that was ended by force is dropped: its work has ended, so it is not shown any more.
    pub(in crate::sqlite) fn drop_outlived(&self, uuid: RequestId) -> Result<(), Problem> {
        self.db
            .prepare_cached("DELETE FROM outlived WHERE uuid = ?1")?
            .execute([Db(&uuid)])?;
        Ok(())
    }

    /// A run of this session was given up, and with it all that outlives its end.
    pub(super) fn drop_outlived_of_run(&self, run: RunId) -> Result<(), Problem> {
        self.db
            .prepare_cached("DELETE FROM outlived WHERE session = ?1 AND run = ?2")?
            .execute(params![self.session, Db(&run)])?;
        Ok(())
    }
}
