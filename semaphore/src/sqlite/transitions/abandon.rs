//! A request, or all of a run, is given up by those who made it.

use std::collections::HashSet;

use rusqlite::params;

use super::Transition;
use super::bulk::{list_of, plain_ends};
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, requests};
use crate::event::EventKind;
use crate::id::{RequestId, RunId};
use crate::sqlite::columns::Db;
use crate::sqlite::file::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Rule 8: the maker of the request has given it up.
    pub(in crate::sqlite) fn abandon(&mut self, uuid: RequestId) -> Result<(), Problem> {
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
}
