//! Rule 9 in SQL: finds waits that can never end. All is read within one transaction, so at one moment.

use rusqlite::{OptionalExtension, params};

use super::Transition;
use super::outcome::Outcome;
use super::rows::{RequestRow, Semaphore, requests, semaphores};
use crate::deadlock::graph::{Asker, Graph, Holder, Node, Wait, needed, through};
use crate::error::DeadlockError;
use crate::event::EventKind;
use crate::id::RunId;
use crate::owner::NamedRun;
use crate::sqlite::columns::{Columns as _, Db};
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Refuses a request that has just joined the line if its wait can never end.
    pub(super) fn check_deadlock(&mut self, row: &RequestRow) -> Result<(), Problem> {
        if let Some(error) = self.cycle_of(row)? {
            self.refuse(row, error)?;
        }
        Ok(())
    }

    /// There are fewer slots: refuses the requests in line whose wait can now never end, the last in line first.
    pub(super) fn recheck_deadlocks(&mut self, semaphore: i64) -> Result<(), Problem> {
        loop {
            if self.graph(semaphore)?.is_none() {
                return Ok(());
            }
            let waiting: Vec<RequestRow> = self
                .db
                .prepare_cached(
                    requests!("WHERE semaphore = ?1 AND phase = 0 AND deadline IS NULL AND run IS NOT NULL ORDER BY class, place DESC"),
                )?
                .query_map([semaphore], RequestRow::read)?
                .collect::<Result<_, _>>()?;
            let mut refused = false;
            for row in waiting {
                if let Some(error) = self.cycle_of(&row)? {
                    self.refuse(&row, error)?;
                    refused = true;
                    break;
                }
            }
            if !refused {
                return Ok(());
            }
        }
    }

    /// Takes a waiting request out of the line because its wait could never end.
    fn refuse(&mut self, row: &RequestRow, error: DeadlockError) -> Result<(), Problem> {
        let Some(mut semaphore) = self.load(row.semaphore)? else {
            return Ok(());
        };
        self.end_waiting(
            &mut semaphore,
            row,
            Status::Cancelled,
            EventKind::Deadlocked,
        )?;
        self.send_outcome(row, Outcome::Deadlock(error))?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)
    }

    /// A wait of the run is over. If one other is left, the run now waits for that alone, and it may be part of a cycle.
    pub(super) fn waits_no_more(&mut self, ended: &RequestRow) -> Result<(), Problem> {
        let Some(run) = ended.run else {
            return Ok(());
        };
        if self.only_wait(run)?.is_none() {
            return Ok(());
        }
        let left = self
            .db
            .prepare_cached(requests!("WHERE run = ?1 AND phase = 0 LIMIT 1"))?
            .query_row([Db(&run)], RequestRow::read)
            .optional()?;
        match left {
            Some(left) => self.check_deadlock(&left),
            None => Ok(()),
        }
    }

    /// These wait for the end of `run` from now on: refuses what it waits for, if that can now never end.
    pub(in crate::sqlite) fn note_dependents(
        &mut self,
        run: RunId,
        dependents: &[NamedRun],
    ) -> Result<(), Problem> {
        // What is due ends first.
        self.advance_all()?;
        let waiting: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE run = ?1 AND phase = 0 AND session = ?2 ORDER BY id"
            ))?
            .query_map(params![Db(&run), self.session], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for row in &waiting {
            self.db
                .prepare_cached("DELETE FROM dependent WHERE request = ?1")?
                .execute([row.id])?;
            self.insert_dependents(row.id, dependents)?;
        }
        match waiting.as_slice() {
            [only] if only.deadline.is_none() => self.check_deadlock(only),
            _ => Ok(()),
        }
    }

    /// Notes the runs that a request in line holds up beside its own.
    pub(super) fn insert_dependents(
        &self,
        request: i64,
        dependents: &[NamedRun],
    ) -> Result<(), Problem> {
        for (nth, NamedRun { run, who }) in dependents.iter().enumerate() {
            self.db
                .prepare_cached(
                    "INSERT INTO dependent (request, nth, run, who) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![request, nth as i64, Db(run), who])?;
        }
        Ok(())
    }

    /// The runs that a request in line holds up beside its own, up to the one at `nth`.
    fn dependents(&self, request: i64, nth: i64) -> Result<Vec<NamedRun>, Problem> {
        let mut statement = self.db.prepare_cached(
            "SELECT run, who FROM dependent WHERE request = ?1 AND nth < ?2 ORDER BY nth",
        )?;
        let dependents = statement.query_map([request, nth], |row| {
            Ok(NamedRun {
                run: row.value(0)?,
                who: row.get(1)?,
            })
        })?;
        Ok(dependents.collect::<Result<_, _>>()?)
    }

    /// What holds `run` up: the semaphore for which it waits itself, and those for which the runs wait whose end it awaits.
    fn waits(&self, run: RunId) -> Result<Vec<(i64, Vec<NamedRun>)>, Problem> {
        let mut waits: Vec<(i64, Vec<NamedRun>)> = Vec::new();
        if let Some(semaphore) = self.only_wait(run)? {
            waits.push((semaphore, Vec::new()));
        }
        let mut statement = self.db.prepare_cached(
            "SELECT request.id, request.semaphore, request.run, request.who, nth
             FROM dependent JOIN request ON request.id = dependent.request
             WHERE dependent.run = ?1 AND phase = 0 AND deadline IS NULL ORDER BY request.id",
        )?;
        let mut rows = statement.query([Db(&run)])?;
        while let Some(row) = rows.next()? {
            let (request, semaphore): (i64, i64) = (row.get(0)?, row.get(1)?);
            if waits.iter().any(|(known, _)| *known == semaphore) {
                continue;
            }
            let waiter: RunId = row.value(2)?;
            if self.only_wait(waiter)? != Some(semaphore) {
                continue;
            }
            let who: Option<String> = row.get(3)?;
            let between = self.dependents(request, row.get(4)?)?;
            waits.push((
                semaphore,
                through(&between, waiter, who.as_deref().unwrap_or_default()),
            ));
        }
        Ok(waits)
    }

    /// The cycle of which the waiting request is part.
    fn cycle_of(&self, row: &RequestRow) -> Result<Option<DeadlockError>, Problem> {
        let Some(run) = row.run else {
            return Ok(None);
        };
        if self.only_wait(run)? != Some(row.semaphore) {
            return Ok(None);
        }
        let Some(graph) = self.graph(row.semaphore)? else {
            return Ok(None);
        };
        let asker = Asker {
            run,
            who: row.who.as_deref().unwrap_or_default(),
            dependents: &self.dependents(row.id, i64::MAX)?,
        };
        Ok(graph.cycle(0, &asker).map(DeadlockError::new))
    }

    /// What the run waits for, if it waits for one semaphore only, and without a time limit.
    fn only_wait(&self, run: RunId) -> Result<Option<i64>, Problem> {
        let mut statement = self.db.prepare_cached(
            "SELECT semaphore, deadline IS NULL FROM request WHERE run = ?1 AND phase = 0 LIMIT 2",
        )?;
        let waits: Vec<(i64, bool)> = statement
            .query_map([Db(&run)], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        Ok(match *waits {
            [(semaphore, true)] => Some(semaphore),
            _ => None,
        })
    }

    /// Who holds what and waits for what, beginning with the holders of `start`. `None`, after few reads: enough of them do
    /// not wait at all, so the line moves on.
    fn graph(&self, start: i64) -> Result<Option<Graph>, Problem> {
        let mut known = vec![start];
        let mut nodes: Vec<Node> = Vec::new();
        while let Some(&id) = known.get(nodes.len()) {
            let semaphore = self
                .db
                .prepare_cached(semaphores!("WHERE id = ?1"))?
                .query_row([id], Semaphore::read)?;
            let needed = needed(semaphore.slots, semaphore.taken);
            let mut holders = Vec::new();
            let mut statement = self.db.prepare_cached(
                "SELECT who, run, ttl IS NULL AND slot IS NULL FROM request WHERE semaphore = ?1 AND phase = 1 ORDER BY token",
            )?;
            let mut rows = statement.query(params![id])?;
            let mut free = 0;
            while let Some(row) = rows.next()? {
                let for_ever: bool = row.get(2)?;
                let run: Option<RunId> = row.optional_value(1)?;
                let run = run.filter(|_| for_ever);
                let waits = match run {
                    Some(run) => self.waits(run)?,
                    None => Vec::new(),
                };
                if waits.is_empty() {
                    free += 1;
                }
                if free >= needed {
                    break;
                }
                let waits_for = waits.into_iter().map(|(target, through)| {
                    let known_at = known.iter().position(|id| *id == target);
                    let at = known_at.unwrap_or_else(|| {
                        known.push(target);
                        known.len() - 1
                    });
                    Wait { at, through }
                });
                let waits_for = waits_for.collect();
                holders.push(Holder {
                    run: run.unwrap_or(RunId::from_u128(0)),
                    who: row.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    waits_for,
                });
            }
            let moves_on = free >= needed;
            if moves_on && id == start {
                return Ok(None);
            }
            nodes.push(Node {
                name: semaphore.name,
                needed: if moves_on { 0 } else { needed },
                holders,
            });
        }
        Ok(Some(Graph::new(nodes)))
    }
}
