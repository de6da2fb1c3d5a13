//! A request asks for a slot: it gets one that is free, or it joins the line.

use std::collections::HashSet;
use std::time::Duration;

use rusqlite::params;

use super::line::Spot;
use super::outcome::{Admission, Outcome};
use super::rows::{Phase, RequestRow, Semaphore};
use super::{Transition, nanos};
use crate::event::EventKind;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Request;
use crate::sqlite::columns::Db;
use crate::sqlite::order;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Rule 1: takes a slot if one is free (then no request waits), else joins the line.
    pub(in crate::sqlite) fn acquire(
        &mut self,
        uuid: RequestId,
        name: &SemaphoreName,
        request: &Request,
    ) -> Result<(), Problem> {
        let mut semaphore = self.arrive(name, request.get_slots())?;
        if !semaphore.has_room() || self.is_held_by_dead_session(&semaphore, request)? {
            semaphore = self.reap_holders(semaphore)?;
        }
        if semaphore.has_room() {
            self.start_or_attach(&mut semaphore, uuid, request)?;
            return self.save(&semaphore);
        }
        let row = self.join(&mut semaphore, uuid, request)?;
        if request.get_timeout() == Some(Duration::ZERO) {
            self.end_waiting(&mut semaphore, &row, Status::TimedOut, EventKind::TimedOut)?;
            self.effects.outcomes.push((uuid, Outcome::TimedOut));
            return self.save(&semaphore);
        }
        if let Some(owner) = request.get_owner().filter(|owner| owner.run().is_some()) {
            self.insert_dependents(row.id, owner.dependents())?;
        }
        self.emit(EventKind::Queued, &semaphore, Some(&row))?;
        self.save(&semaphore)?;
        if row.run.is_some() && row.deadline.is_none() {
            self.check_deadlock(&row)?;
        }
        Ok(())
    }

    /// Takes a slot if one is free. Says whether it did.
    pub(in crate::sqlite) fn try_acquire(
        &mut self,
        uuid: RequestId,
        name: &SemaphoreName,
        request: &Request,
    ) -> Result<bool, Problem> {
        let mut semaphore = self.arrive(name, request.get_slots())?;
        if !semaphore.has_room() || self.is_held_by_dead_session(&semaphore, request)? {
            semaphore = self.reap_holders(semaphore)?;
        }
        let free = semaphore.has_room();
        if free {
            self.start_or_attach(&mut semaphore, uuid, request)?;
        }
        self.save(&semaphore)?;
        Ok(free)
    }

    /// A slot is free: the request takes it, or gets the one that its slot id has already.
    pub(super) fn start_or_attach(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<(), Problem> {
        if let Some(slot) = request.get_slot()
            && let Some(holder) = self.holder(semaphore.id, slot)?
        {
            return self.attach(&holder, uuid, self.session);
        }
        let admission = self.start_new(semaphore, uuid, request)?;
        self.effects
            .outcomes
            .push((uuid, Outcome::Admitted(admission)));
        Ok(())
    }

    /// Whether a session whose process is gone has the slot of the request's slot id.
    pub(super) fn is_held_by_dead_session(
        &mut self,
        semaphore: &Semaphore,
        request: &Request,
    ) -> Result<bool, Problem> {
        let Some(slot) = request.get_slot() else {
            return Ok(false);
        };
        match self.holder(semaphore.id, slot)? {
            Some(holder) => Ok(!self.lives(holder.session)?),
            None => Ok(false),
        }
    }

    /// Ends the sessions among the semaphore's holders whose process is gone. Called when the semaphore is full, or when
    /// such a session has the slot id of the request; so only a request that would have to wait pays for it.
    pub(super) fn reap_holders(&mut self, semaphore: Semaphore) -> Result<Semaphore, Problem> {
        // Each once, which SQLite would do with a table of its own.
        let holders: HashSet<i64> = self
            .db
            .prepare_cached(
                "SELECT session FROM request WHERE semaphore = ?1 AND phase > 0 AND session <> ?2",
            )?
            .query_map([semaphore.id, self.session], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut all_live = true;
        for session in holders {
            all_live &= self.lives(session)?;
        }
        if all_live {
            return Ok(semaphore);
        }
        self.save(&semaphore)?;
        self.reap()?;
        match self.load(semaphore.id)? {
            Some(semaphore) => Ok(semaphore),
            None => unreachable!("a semaphore that is in use is not forgotten"),
        }
    }

    /// A new request takes a slot at once.
    pub(super) fn start_new(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<Admission, Problem> {
        semaphore.taken += 1;
        semaphore.token += 1;
        semaphore.touched = self.now;
        let deadline = request.get_ttl().map(|ttl| self.now.after(ttl.duration()));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        let place = self.next_place(semaphore);
        let row = self.new_row(semaphore, uuid, request, place);
        let row = RequestRow {
            phase: Phase::Busy,
            deadline,
            token: Some(semaphore.token),
            started: Some(self.now),
            ..row
        };
        self.insert(semaphore, &row)?;
        self.emit(EventKind::Acquired, semaphore, Some(&row))?;
        Ok(Admission {
            token: semaphore.token as u64,
            requested: self.now,
            started: self.now,
            granted: false,
        })
    }

    /// A new request joins the line.
    pub(super) fn join(
        &mut self,
        semaphore: &mut Semaphore,
        uuid: RequestId,
        request: &Request,
    ) -> Result<RequestRow, Problem> {
        semaphore.waiting += 1;
        let deadline = request.get_timeout().map(|limit| self.now.after(limit));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        let place = self.next_place(semaphore);
        let row = RequestRow {
            deadline,
            ..self.new_row(semaphore, uuid, request, place)
        };
        let id = self.insert(semaphore, &row)?;
        self.line_grew(semaphore, &Spot::of(&row))?;
        Ok(RequestRow { id, ..row })
    }

    pub(super) fn next_place(&self, semaphore: &mut Semaphore) -> Vec<u8> {
        semaphore.sequence += 1;
        order::joined(semaphore.sequence as u64)
    }

    pub(super) fn new_row(
        &self,
        semaphore: &Semaphore,
        uuid: RequestId,
        request: &Request,
        place: Vec<u8>,
    ) -> RequestRow {
        let owner = request.get_owner();
        let priority = request.get_priority().0;
        RequestRow {
            id: 0,
            uuid,
            semaphore: semaphore.id,
            session: self.session,
            phase: Phase::Waiting,
            class: priority,
            place,
            priority,
            who: owner.map(|owner| owner.who().to_owned()),
            run: owner.and_then(|owner| owner.run()),
            host: owner.and_then(|owner| owner.host()).map(str::to_owned),
            pid: owner.and_then(|owner| owner.pid()),
            ttl: request.get_ttl().map(|ttl| nanos(ttl.duration())),
            deadline: None,
            token: None,
            requested: self.now,
            started: None,
            slot: request.get_slot().cloned(),
            by: None,
            unresponsive: None,
        }
    }

    pub(super) fn insert(&self, semaphore: &Semaphore, row: &RequestRow) -> Result<i64, Problem> {
        self.db
            .prepare_cached(
                "INSERT INTO request (uuid, semaphore, session, phase, sequence, class, place, priority, who,
                     run, host, pid, ttl, deadline, token, requested, started, slot)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(params![
                Db(&row.uuid),
                semaphore.id,
                row.session,
                row.phase as i64,
                semaphore.sequence,
                row.class,
                row.place,
                row.priority,
                row.who,
                Db(row.run.as_ref()),
                row.host,
                row.pid,
                row.ttl,
                row.deadline,
                row.token,
                row.requested,
                row.started,
                Db(row.slot.as_ref()),
            ])?;
        Ok(self.db.last_insert_rowid())
    }
}
