//! Runs that do not answer: their requests are marked, for administrators who look.

use rusqlite::params;

use super::Transition;
use super::rows::{RequestRow, requests};
use crate::event::EventKind;
use crate::id::RunId;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;

impl Transition<'_> {
    /// A run of this session does not answer since `since`, or answers again (`None`): marks what it holds and waits for,
    /// or removes the marks. A request that is marked already keeps its time.
    pub(in crate::sqlite) fn mark_unresponsive(
        &mut self,
        run: RunId,
        since: Option<Moment>,
    ) -> Result<(), Problem> {
        // A request whose deadline has passed is ended first, so that it gets no event after its end.
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
            .query_map(params![self.session, Db(&run), since.is_some()], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            for row in of_one {
                self.db
                    .prepare_cached("UPDATE request SET unresponsive = ?2 WHERE id = ?1")?
                    .execute(params![row.id, since])?;
                self.emit(kind, &semaphore, Some(row))?;
            }
        }
        Ok(())
    }
}
