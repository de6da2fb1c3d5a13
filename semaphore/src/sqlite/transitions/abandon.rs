//! A request is given up by its caller, or all requests of a run are.

use std::collections::HashSet;

use rusqlite::params;

use super::Transition;
use super::bulk::{list_of, plain_ends};
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, requests};
use crate::event::EventKind;
use crate::id::{RequestId, RunId};
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Rule 8: the caller has given the request up.
    pub(in crate::sqlite) fn abandon(&mut self, uuid: RequestId) -> Result<(), Problem> {
        let Some((mut semaphore, row)) = self.live(uuid)? else {
            return self.drop_outlived(uuid);
        };
        if row.phase == Phase::Waiting {
            self.end_waiting(&mut semaphore, &row, Status::Left, EventKind::Left)?;
        } else {
            self.end_busy(&mut semaphore, &row, Status::Released, EventKind::Released)?;
        }
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        self.waits_no_more(&row)
    }

    /// A run of this session was given up: ends all that it waits for and holds, except for the permits that it `left` to
    /// others.
    pub(in crate::sqlite) fn abandon_run(
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
        let which = (self.session, Some(run), list.as_str());
        self.end_plain(plain, which, Status::Killed, true)?;
        self.drop_outlived_of_run(run)?;
        let all: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE session = ?1 AND run = ?2 ORDER BY semaphore, phase, sequence"
            ))?
            .query_map(params![self.session, Db(&run)], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for of_one in all.chunk_by(|a, b| a.semaphore == b.semaphore) {
            let Some(mut semaphore) = self.load(of_one[0].semaphore)? else {
                continue;
            };
            // The query sorts those that wait first: a slot that this run frees must not go to the run itself.
            for row in of_one {
                if row.phase == Phase::Waiting {
                    self.end_waiting(&mut semaphore, row, Status::Killed, EventKind::Killed)?;
                } else if left.contains(&row.uuid) {
                    continue;
                } else {
                    self.end_busy(&mut semaphore, row, Status::Killed, EventKind::Killed)?;
                }
                self.send_outcome(row, Outcome::Killed)?;
            }
            self.advance(&mut semaphore)?;
            self.settle(&mut semaphore)?;
            self.save(&semaphore)?;
        }
        Ok(())
    }
}
