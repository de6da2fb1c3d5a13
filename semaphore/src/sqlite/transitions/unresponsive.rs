//! Runs that do not answer: marks at their requests, for those who look.

use rusqlite::params;

use super::Transition;
use super::rows::{RequestRow, requests};
use crate::event::EventKind;
use crate::id::RunId;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::file::Problem;

impl Transition<'_> {
    /// A run of this session does not answer since then, or answers again: marks what it holds and waits for. What is
    /// marked already keeps its time.
    pub(in crate::sqlite) fn mark_unresponsive(
        &mut self,
        run: RunId,
        since: Option<Moment>,
    ) -> Result<(), Problem> {
        // What is over by now has no event any more.
        self.advance_all()?;
        let kind = match since {
            Some(_) => EventKind::Unresponsive,
            None => EventKind::Responsive,
        };
        let all: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE session = ?1 AND run = ?2 AND (unresponsive IS NULL) = ?3 ORDER BY semaphore, phase DESC, sequence"
            ))?
            .query_map(params![self.me, Db(&run), since.is_some()], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            for asked in of_one {
                self.db
                    .prepare_cached("UPDATE request SET unresponsive = ?2 WHERE id = ?1")?
                    .execute(params![asked.id, since])?;
                self.happen(kind, &semaphore, Some(asked))?;
            }
        }
        Ok(())
    }
}
