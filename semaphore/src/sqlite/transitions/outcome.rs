//! What became of a request, and the way from the session that decides it to the session that waits for it.

use rusqlite::{Row, params};

use super::{RequestRow, Transition};
use crate::cycle_json;
use crate::error::DeadlockError;
use crate::id::RequestId;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::{Columns as _, Db};
use crate::sqlite::message::Message;
use crate::sqlite::problem::Problem;

/// What became of a request.
#[derive(Debug)]
pub(in crate::sqlite) enum Outcome {
    Admitted(Admission),
    /// Its slot id has a slot already: that of this request.
    Shares(RequestId, Admission),
    Cancelled,
    TimedOut,
    Deadlock(DeadlockError),
    /// It was busy, and is no longer: expired, or ended by an administrator. With what it had got, which its session may not
    /// know yet.
    Lost(Option<Admission>),
    /// Its session was reaped.
    Killed,
}

/// What a request got when it was admitted.
#[derive(Clone, Copy, Debug)]
pub(in crate::sqlite) struct Admission {
    pub(in crate::sqlite) token: u64,
    pub(in crate::sqlite) requested: Moment,
    pub(in crate::sqlite) started: Moment,
    pub(in crate::sqlite) granted: bool,
}

impl Transition<'_> {
    /// Sends its session what became of a request.
    pub(super) fn send_outcome(
        &mut self,
        row: &RequestRow,
        outcome: Outcome,
    ) -> Result<(), Problem> {
        if let Outcome::Admitted(admission) = outcome
            && row.session != self.session
            && let Some(secret) = self.peer(row.session)?.secret
        {
            // All of it stands in the request's row, where the session finds it should the message be lost.
            let message = Message {
                secret,
                request: row.uuid,
                admission,
                has_deadline: row.ttl.is_some(),
            };
            let messages = self.effects.messages.entry(row.session);
            messages.or_default().push(message);
            return Ok(());
        }
        self.send_outcome_to(row.session, row.uuid, outcome)
    }

    /// Sends its session that a busy request has ended.
    pub(super) fn send_lost(&mut self, row: &RequestRow) -> Result<(), Problem> {
        self.send_outcome(row, Outcome::Lost(Some(row.admission())))
    }

    pub(super) fn send_outcome_to(
        &mut self,
        session: i64,
        uuid: RequestId,
        outcome: Outcome,
    ) -> Result<(), Problem> {
        if session == self.session {
            self.effects.outcomes.push((uuid, outcome));
            return Ok(());
        }
        self.effects.wake.insert(session);
        let notice = OutcomeRow::of(&outcome);
        self.db
            .prepare_cached(
                "INSERT INTO notice (session, uuid, verdict, token, requested, started, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                session,
                Db(&uuid),
                notice.code,
                notice.admission.map(|admission| admission.token as i64),
                notice.admission.map(|admission| admission.requested),
                notice.admission.map(|admission| admission.started),
                notice.detail,
            ])?;
        Ok(())
    }
}

/// An [`Outcome`] as a row of `notice`, on its way to another session.
pub(in crate::sqlite) struct OutcomeRow {
    /// As the column `verdict` has it.
    pub(super) code: i64,
    pub(super) admission: Option<Admission>,
    pub(super) detail: Option<String>,
}

impl OutcomeRow {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let (code, admission, detail) = match outcome {
            Outcome::Admitted(admission) if admission.granted => (1, Some(*admission), None),
            Outcome::Admitted(admission) => (0, Some(*admission), None),
            Outcome::Cancelled => (2, None, None),
            Outcome::TimedOut => (3, None, None),
            Outcome::Deadlock(error) => (4, None, Some(cycle_json::write(error.cycle()))),
            Outcome::Lost(admission) => (5, *admission, None),
            Outcome::Killed => (6, None, None),
            Outcome::Shares(holder, admission) => {
                let code = if admission.granted { 8 } else { 7 };
                (code, Some(*admission), Some(holder.to_string()))
            }
        };
        Self {
            code,
            admission,
            detail,
        }
    }

    /// A row of `uuid, verdict, token, requested, started, detail`, from `at` on.
    pub(in crate::sqlite) fn read(
        row: &Row<'_>,
        at: usize,
    ) -> rusqlite::Result<(RequestId, Outcome)> {
        let code: i64 = row.get(at + 1)?;
        let admission = |granted| -> rusqlite::Result<Admission> {
            Ok(Admission {
                token: row.get::<_, i64>(at + 2)? as u64,
                requested: row.get(at + 3)?,
                started: row.get(at + 4)?,
                granted,
            })
        };
        let outcome = match code {
            0 | 1 => Outcome::Admitted(admission(code == 1)?),
            7 | 8 => match row.get_ref(at + 5)?.as_str().unwrap_or_default().parse() {
                Ok(holder) => Outcome::Shares(holder, admission(code == 8)?),
                Err(_) => Outcome::Cancelled,
            },
            2 => Outcome::Cancelled,
            3 => Outcome::TimedOut,
            4 => row
                .get_ref(at + 5)?
                .as_str()
                .ok()
                .and_then(cycle_json::read)
                .map(DeadlockError::new)
                .map_or(Outcome::Cancelled, Outcome::Deadlock),
            5 => Outcome::Lost(match row.get::<_, Option<i64>>(at + 2)? {
                Some(_) => Some(admission(false)?),
                None => None,
            }),
            _ => Outcome::Killed,
        };
        Ok((row.value(at)?, outcome))
    }
}
