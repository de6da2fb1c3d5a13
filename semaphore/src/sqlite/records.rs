//! What is kept of the past: the audit of administrators' commands, and the history of ended requests. Runs inside of a
//! transaction that another part began.
//!
//! The ring `ended` has the last [`ENDED_KEPT`] requests of each semaphore, and every end of a request writes one row of
//! it. Whenever it has gone round, all of it is copied into `history` by one statement: of a semaphore with `n` ends,
//! the rows up to the last multiple of [`ENDED_KEPT`] are in `history`, and the others in the ring alone.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::clock::WallClock;
use super::file::Problem;
use super::transitions::{count, ended_status};
use crate::actor::Actor;
use crate::audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry, AuditQuery, AuditState};
use crate::command::AdminAction;
use crate::history::{HISTORY_AGE, HISTORY_KEPT, HISTORY_KEPT_OF_ALL, HistoryQuery};
use crate::name::SemaphoreName;
use crate::queue::ENDED_KEPT;
use crate::request::Priority;
use crate::view::RequestView;

/// So many rows that are too old go with each new one: more than come, so that none stay.
const DROPPED_AT_ONCE: i64 = 64;

/// Writes an entry of the audit, whose number the table gives.
pub(super) fn audit(db: &Connection, entry: &AuditEntry) -> Result<(), Problem> {
    db.prepare_cached(
        "INSERT INTO audit (at, actor, command, semaphore, uuid, who, before, after, hits)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        entry.at,
        entry.actor,
        entry.command.as_str(),
        entry.semaphore,
        entry.request,
        entry.who,
        entry.before,
        entry.after,
        i64::try_from(entry.hits).unwrap_or(i64::MAX),
    ])?;
    let id = db.last_insert_rowid();
    db.prepare_cached("DELETE FROM audit WHERE id <= ?1")?
        .execute([id - AUDIT_KEPT as i64])?;
    db.prepare_cached(
        "DELETE FROM audit WHERE at < ?1 AND id IN (SELECT id FROM audit ORDER BY id LIMIT ?2)",
    )?
    .execute(params![entry.at - AUDIT_AGE.as_secs_f64(), DROPPED_AT_ONCE])?;
    Ok(())
}

/// Entries of the audit, newest first.
pub(super) fn read_audit(db: &Connection, query: &AuditQuery) -> Result<Vec<AuditEntry>, Problem> {
    const COLUMNS: &str =
        "SELECT id, at, actor, command, semaphore, uuid, who, before, after, hits FROM audit";
    let oldest = query.oldest(now());
    let most = query.most() as i64;
    let mut statement = db.prepare_cached(&match query.semaphore {
        Some(_) => {
            format!("{COLUMNS} WHERE at >= ?1 AND semaphore = ?3 ORDER BY id DESC LIMIT ?2")
        }
        None => format!("{COLUMNS} WHERE at >= ?1 ORDER BY id DESC LIMIT ?2"),
    })?;
    let mut rows = match &query.semaphore {
        Some(name) => statement.query(params![oldest, most, name])?,
        None => statement.query(params![oldest, most])?,
    };
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        // A command that only a newer version knows cannot be shown.
        let Some(command) = AdminAction::parse(row.get_ref(3)?.as_str().unwrap_or_default()) else {
            continue;
        };
        entries.push(AuditEntry {
            sequence: row.get::<_, i64>(0)? as u64,
            at: row.get(1)?,
            actor: row.get(2)?,
            command,
            semaphore: row.get(4)?,
            request: row.get(5)?,
            who: row.get(6)?,
            before: row.get(7)?,
            after: row.get(8)?,
            hits: count(row, 9)?,
        });
    }
    Ok(entries)
}

/// The ring of a semaphore has gone round: keeps what is in it, and drops what is too much or too old.
pub(super) fn keep(db: &Connection, semaphore: i64) -> Result<(), Problem> {
    db.prepare_cached(
        "INSERT INTO history (semaphore, uuid, status, granted, priority, who, run, host, pid, token, waited, ran,
             at, slot, steered_by)
         SELECT semaphore, uuid, status, granted, priority, who, run, host, pid, token,
             coalesce(started, ended) - requested, ended - started, at, slot, steered_by
         FROM ended WHERE semaphore = ?1 AND at IS NOT NULL ORDER BY nth",
    )?
    .execute([semaphore])?;
    prune(db, semaphore)
}

/// Rows of `temp.ending` are about to be written into the ring: keeps those of the ring and of them that have to be in the
/// history after that.
pub(super) fn keep_ending(
    db: &Connection,
    status: i64,
    now: super::clock::Moment,
    at: f64,
) -> Result<(), Problem> {
    let round = ENDED_KEPT as i64;
    let concerned: Vec<i64> = db
        .prepare_cached(
            "SELECT DISTINCT e.semaphore FROM temp.ending AS e CROSS JOIN semaphore AS s ON s.id = e.semaphore
             WHERE s.ended % ?1 + e.of >= ?1",
        )?
        .query_map([round], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for semaphore in concerned {
        db.prepare_cached(
            "INSERT INTO history (semaphore, uuid, status, granted, priority, who, run, host, pid, token, waited, ran,
                 at, slot, steered_by)
             SELECT e.semaphore, e.uuid, e.status, e.granted, e.priority, e.who, e.run, e.host, e.pid, e.token,
                 coalesce(e.started, e.ended) - e.requested, e.ended - e.started, e.at, e.slot, e.steered_by
             FROM semaphore AS s CROSS JOIN ended AS e ON e.semaphore = s.id
             WHERE s.id = ?1 AND e.nth < s.ended % ?2 AND e.at IS NOT NULL ORDER BY e.nth",
        )?
        .execute([semaphore, round])?;
        db.prepare_cached(
            "INSERT INTO history (semaphore, uuid, status, granted, priority, who, run, host, pid, token, waited, ran,
                 at, slot, steered_by)
             SELECT e.semaphore, r.uuid, :status, r.phase = 2, r.priority, r.who, r.run, r.host, r.pid, r.token,
                 coalesce(r.started, :now) - r.requested, :now - r.started, :at, r.slot, r.steered_by
             FROM temp.ending AS e CROSS JOIN request AS r ON r.id = e.request
                 CROSS JOIN semaphore AS s ON s.id = e.semaphore
             WHERE e.semaphore = :semaphore AND e.nth > e.of - :most
                 AND s.ended + e.nth <= (s.ended + e.of) / :round * :round
             ORDER BY e.nth",
        )?
        .execute(named_params! {
            ":semaphore": semaphore, ":status": status, ":now": now, ":at": at, ":round": round,
            ":most": HISTORY_KEPT as i64,
        })?;
        prune(db, semaphore)?;
    }
    Ok(())
}

/// The clock of the boot before means nothing any more: all that the rings have goes into the history.
pub(super) fn keep_all(db: &Connection) -> Result<(), Problem> {
    db.execute(
        "INSERT INTO history (semaphore, uuid, status, granted, priority, who, run, host, pid, token, waited, ran,
             at, slot, steered_by)
         SELECT e.semaphore, e.uuid, e.status, e.granted, e.priority, e.who, e.run, e.host, e.pid, e.token,
             coalesce(e.started, e.ended) - e.requested, e.ended - e.started, e.at, e.slot, e.steered_by
         FROM ended AS e JOIN semaphore AS s ON s.id = e.semaphore
         WHERE e.nth < s.ended % ?1 AND e.at IS NOT NULL ORDER BY e.at, e.nth",
        [ENDED_KEPT as i64],
    )?;
    Ok(())
}

/// A semaphore is gone, and its past with it.
pub(super) fn forget(db: &Connection, semaphore: i64) -> Result<(), Problem> {
    for gone in [
        "DELETE FROM ended WHERE semaphore = ?1",
        "DELETE FROM history WHERE semaphore = ?1",
    ] {
        db.prepare_cached(gone)?.execute([semaphore])?;
    }
    Ok(())
}

fn prune(db: &Connection, semaphore: i64) -> Result<(), Problem> {
    db.prepare_cached(
        "DELETE FROM history WHERE semaphore = ?1 AND id <=
             (SELECT id FROM history WHERE semaphore = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute([semaphore, HISTORY_KEPT as i64])?;
    let newest: Option<i64> = db
        .prepare_cached("SELECT max(id) FROM history")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    if let Some(newest) = newest {
        db.prepare_cached("DELETE FROM history WHERE id <= ?1")?
            .execute([newest - HISTORY_KEPT_OF_ALL as i64])?;
        db.prepare_cached(
            "DELETE FROM history WHERE at < ?1 AND id IN (SELECT id FROM history ORDER BY id LIMIT ?2)",
        )?
        .execute(params![
            now() - HISTORY_AGE.as_secs_f64(),
            DROPPED_AT_ONCE
        ])?;
    }
    Ok(())
}

/// Requests of a semaphore that ended, newest first.
pub(super) fn history(
    db: &Connection,
    name: &SemaphoreName,
    query: &HistoryQuery,
) -> Result<Vec<RequestView>, Problem> {
    let oldest = now() - query.age().as_secs_f64();
    let most = query.most();
    let semaphore: Option<(i64, i64)> = db
        .prepare_cached("SELECT id, ended FROM semaphore WHERE name = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((semaphore, ended)) = semaphore else {
        return Ok(Vec::new());
    };
    let mut newest = db.prepare_cached(
        "SELECT uuid, status, granted, priority, who, run, host, pid, token,
             coalesce(started, ended) - requested, ended - started, at, slot, steered_by
         FROM ended WHERE semaphore = ?1 AND at >= ?2 AND nth < ?4 ORDER BY nth DESC LIMIT ?3",
    )?;
    let in_ring = ended % ENDED_KEPT as i64;
    let mut views: Vec<RequestView> = newest
        .query_map(params![semaphore, oldest, most as i64, in_ring], past_row)?
        .collect::<Result<_, _>>()?;
    let mut older = db.prepare_cached(
        "SELECT uuid, status, granted, priority, who, run, host, pid, token, waited, ran, at, slot, steered_by
         FROM history WHERE semaphore = ?1 AND at >= ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let left = most.saturating_sub(views.len()) as i64;
    for row in older.query_map(params![semaphore, oldest, left], past_row)? {
        views.push(row?);
    }
    Ok(views)
}

fn past_row(row: &Row<'_>) -> rusqlite::Result<RequestView> {
    let seconds = |nanos: i64| nanos.max(0) as f64 / 1e9;
    let waited = seconds(row.get(9)?);
    let ran = row.get::<_, Option<i64>>(10)?.map(seconds);
    let at: f64 = row.get(11)?;
    Ok(RequestView {
        id: row.get(0)?,
        status: ended_status(row.get(1)?),
        granted: row.get(2)?,
        who: row.get(4)?,
        run: row.get(5)?,
        host: row.get(6)?,
        pid: row.get(7)?,
        place: None,
        priority: Priority(row.get(3)?),
        slot: row.get(12)?,
        token: row.get::<_, Option<i64>>(8)?.map(|token| token as u64),
        requested_at: at - ran.unwrap_or(0.0) - waited,
        started_at: ran.map(|ran| at - ran),
        expires_at: None,
        waited,
        ran,
        ended_at: Some(at),
        by: row.get(13)?,
    })
}

/// Seconds since the Unix epoch.
fn now() -> f64 {
    WallClock::read().seconds(super::clock::Moment::now())
}

// ---- how our types look in the tables

impl ToSql for Actor {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_text().into())
    }
}

impl FromSql for Actor {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_text(value.as_str()?).ok_or(rusqlite::types::FromSqlError::InvalidType)
    }
}

impl ToSql for AuditState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(self)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(text.into())
    }
}

impl FromSql for AuditState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map_err(|error| rusqlite::types::FromSqlError::Other(error.into()))
    }
}
