//! The audit of administrators' commands, and the history of ended requests. Runs inside of a transaction that its caller
//! has begun.
//!
//! The ring `ended` has the last [`ENDED_KEPT`] requests of each semaphore, and every end of a request writes one row of
//! it. Whenever it has gone round, all of it becomes one row of `history`, a *round*: of a semaphore with `n` ends, those
//! up to the last multiple of [`ENDED_KEPT`] are in `history`, and the others in the ring alone. To write 32 rows of
//! their own, each with its place in an index, would make every end of a request slower by a tenth.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::clock::WallClock;
use super::columns::{Columns as _, Db};
use super::problem::Problem;
use super::transitions::{count, ended_status};
use crate::actor::{Actor, ActorText as _};
use crate::audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry, AuditQuery, AuditState};
use crate::command::AdminAction;
use crate::history::{HISTORY_AGE, HISTORY_KEPT, HISTORY_KEPT_OF_ALL, HistoryQuery};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::queue::ENDED_KEPT;
use crate::request::Priority;
use crate::slot::SlotId;
use crate::view::RequestView;

/// How many rounds are kept of a semaphore: twice as many as hold the history when all are full, as some are not.
const ROUNDS_KEPT: usize = 2 * HISTORY_KEPT.div_ceil(ENDED_KEPT);
/// How many rounds are kept of all semaphores together.
const ROUNDS_KEPT_OF_ALL: usize = HISTORY_KEPT_OF_ALL / ENDED_KEPT;

/// A row of `ended`, or of a query with its columns, in a round.
macro_rules! ended_as_json {
    () => {
        "json_array(hex(uuid), status, granted, priority, who, hex(run), host, pid, token,
             coalesce(started, ended) - requested, ended - started, CAST(at * 1e6 AS INTEGER), slot, steered_by)"
    };
}

/// How many rows that are too old are deleted with each new one. More than one, so that old ones become fewer.
const DROPPED_AT_ONCE: i64 = 64;

/// Writes an entry of the audit, whose number the table gives.
pub(super) fn audit(db: &Connection, entry: &AuditEntry) -> Result<(), Problem> {
    db.prepare_cached(
        "INSERT INTO audit (at, actor, command, semaphore, uuid, who, before, after, hits)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        entry.at,
        Db(entry.actor.as_ref()),
        entry.command.as_str(),
        Db(&entry.semaphore),
        Db(entry.request.as_ref()),
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
        Some(name) => statement.query(params![oldest, most, Db(name)])?,
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
            actor: row.optional_value(2)?,
            command,
            semaphore: row.value(4)?,
            request: row.optional_value(5)?,
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
    db.prepare_cached(concat!(
        "INSERT INTO history (semaphore, at, requests)
         SELECT semaphore, max(at), json_group_array(",
        ended_as_json!(),
        " ORDER BY nth)
         FROM ended WHERE semaphore = ?1 AND at IS NOT NULL HAVING count(*) > 0"
    ))?
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
        db.prepare_cached(concat!(
            "INSERT INTO history (semaphore, at, requests)
             SELECT semaphore, max(at), json_group_array(",
            ended_as_json!(),
            " ORDER BY nth)
             FROM ended WHERE semaphore = ?1 AND at IS NOT NULL
                 AND nth < (SELECT ended % ?2 FROM semaphore WHERE id = ?1)
             HAVING count(*) > 0"
        ))?
        .execute([semaphore, round])?;
        db.prepare_cached(concat!(
            "INSERT INTO history (semaphore, at, requests)
             SELECT semaphore, at, json_group_array(",
            ended_as_json!(),
            " ORDER BY nth)
             FROM (SELECT e.semaphore, e.nth, (s.ended + e.nth - 1) / :round AS round, r.uuid, :status AS status,
                     r.phase = 2 AS granted, r.priority, r.who, r.run, r.host, r.pid, r.token, r.requested, r.started,
                     :now AS ended, :at AS at, r.slot, r.steered_by
                 FROM temp.ending AS e CROSS JOIN request AS r ON r.id = e.request
                     CROSS JOIN semaphore AS s ON s.id = e.semaphore
                 WHERE e.semaphore = :semaphore AND e.nth > e.of - :most
                     AND s.ended + e.nth <= (s.ended + e.of) / :round * :round)
             GROUP BY round ORDER BY round"
        ))?
        .execute(named_params! {
            ":semaphore": semaphore, ":status": status, ":now": now, ":at": at, ":round": round,
            ":most": HISTORY_KEPT as i64,
        })?;
        prune(db, semaphore)?;
    }
    Ok(())
}

/// There was a reboot, so the times in the rings mean nothing any more: all their rows go into the history, which has times
/// of the wall's clock.
pub(super) fn keep_all(db: &Connection) -> Result<(), Problem> {
    db.execute(
        concat!(
            "INSERT INTO history (semaphore, at, requests)
             SELECT semaphore, max(at), json_group_array(",
            ended_as_json!(),
            " ORDER BY nth)
             FROM ended WHERE at IS NOT NULL
                 AND nth < (SELECT s.ended % ?1 FROM semaphore AS s WHERE s.id = ended.semaphore)
             GROUP BY semaphore"
        ),
        [ENDED_KEPT as i64],
    )?;
    Ok(())
}

/// A semaphore is gone, and with it all rows about it.
pub(super) fn forget(db: &Connection, semaphore: i64) -> Result<(), Problem> {
    for gone in [
        "DELETE FROM ended WHERE semaphore = ?1",
        "DELETE FROM history WHERE semaphore = ?1",
        "DELETE FROM outlived WHERE semaphore = ?1",
        "DELETE FROM line_section WHERE semaphore = ?1",
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
    .execute([semaphore, ROUNDS_KEPT as i64])?;
    let newest: Option<i64> = db
        .prepare_cached("SELECT max(id) FROM history")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten();
    if let Some(newest) = newest {
        db.prepare_cached("DELETE FROM history WHERE id <= ?1")?
            .execute([newest - ROUNDS_KEPT_OF_ALL as i64])?;
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
        .query_row([Db(name)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((semaphore, ended)) = semaphore else {
        return Ok(Vec::new());
    };
    let in_ring = ended % ENDED_KEPT as i64;
    // Written as a round, so that there is one way to read both.
    let ring: String = db
        .prepare_cached(concat!(
            "SELECT json_group_array(",
            ended_as_json!(),
            " ORDER BY nth)
             FROM ended WHERE semaphore = ?1 AND at >= ?2 AND nth < ?3"
        ))?
        .query_row(params![semaphore, oldest, in_ring], |row| row.get(0))?;
    let ring: Vec<RoundRow> = serde_json::from_str(&ring).unwrap_or_default();
    let mut views: Vec<RequestView> = ring.into_iter().rev().filter_map(RoundRow::view).collect();
    let mut older = db.prepare_cached(
        "SELECT requests FROM history WHERE semaphore = ?1 AND at >= ?2 ORDER BY id DESC",
    )?;
    let mut rounds = older.query(params![semaphore, oldest])?;
    while views.len() < most
        && let Some(round) = rounds.next()?
    {
        // A round that cannot be read was written by a newer version.
        let round: Vec<RoundRow> =
            serde_json::from_str(round.get_ref(0)?.as_str().unwrap_or("[]")).unwrap_or_default();
        let newest_first = round.into_iter().rev().filter_map(RoundRow::view);
        views.extend(newest_first.filter(|row| row.ended_at >= Some(oldest)));
    }
    views.truncate(most);
    Ok(views)
}

/// A request in a round: see [`ended_as_json`].
#[derive(serde::Deserialize)]
struct RoundRow(
    String,
    i64,
    i64,
    i32,
    Option<String>,
    String,
    Option<String>,
    Option<u32>,
    Option<i64>,
    i64,
    Option<i64>,
    i64,
    Option<String>,
    Option<String>,
);

impl RoundRow {
    fn view(self) -> Option<RequestView> {
        let Self(
            uuid,
            status,
            granted,
            priority,
            who,
            run,
            host,
            pid,
            token,
            waited,
            ran,
            at,
            slot,
            by,
        ) = self;
        let seconds = |nanos: i64| nanos.max(0) as f64 / 1e9;
        let (waited, ran, at) = (seconds(waited), ran.map(seconds), at as f64 / 1e6);
        let number = |digits: &str| u128::from_str_radix(digits, 16).ok();
        Some(RequestView {
            id: RequestId::from_u128(number(&uuid)?),
            status: ended_status(status),
            granted: granted != 0,
            who,
            run: number(&run).map(RunId::from_u128),
            host,
            pid,
            place: None,
            priority: Priority(priority),
            slot: slot.and_then(|slot| SlotId::new(slot).ok()),
            token: token.map(|token| token as u64),
            requested_at: at - ran.unwrap_or(0.0) - waited,
            started_at: ran.map(|ran| at - ran),
            expires_at: None,
            waited,
            ran,
            ended_at: Some(at),
            by: by.and_then(|by| Actor::from_text(&by)),
            unresponsive_since: None,
        })
    }
}

/// Seconds since the Unix epoch.
fn now() -> f64 {
    WallClock::read().seconds(super::clock::Moment::now())
}

// ---- audit states as columns

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
