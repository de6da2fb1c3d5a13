//! What administrators see of the tables. Only reads.

use rusqlite::{Connection, params};

use super::clock::{Moment, WallClock};
use super::columns::{Columns as _, Db};
use super::presence::Witness;
use super::problem::Problem;
use super::process::Process;
use super::transitions::{
    Phase, RequestRow, Semaphore, count, ended_code, ended_status, requests, semaphores,
    shown_since,
};
use crate::diagnosis::ClientView;
use crate::error::AdminError;
use crate::event::Event;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Priority;
use crate::view::{RequestView, SemaphoreView, Status};

/// One semaphore, or all of them by name.
pub(super) fn list(
    db: &Connection,
    name: Option<&SemaphoreName>,
) -> Result<Vec<SemaphoreView>, Problem> {
    let mut statement =
        db.prepare_cached(semaphores!("WHERE name = ?1 OR ?1 IS NULL ORDER BY name"))?;
    let found: Vec<Semaphore> = statement
        .query_map([Db(name)], Semaphore::read)?
        .collect::<Result<_, _>>()?;
    let clock = WallClock::read();
    found
        .into_iter()
        .map(|semaphore| view(db, semaphore, &clock))
        .collect()
}

fn view(
    db: &Connection,
    semaphore: Semaphore,
    clock: &WallClock,
) -> Result<SemaphoreView, Problem> {
    let now = Moment::now();
    let mut requests = Vec::new();
    let mut busy = db.prepare_cached(requests!(
        "WHERE semaphore = ?1 AND phase > 0 ORDER BY token"
    ))?;
    for asked in busy.query_map([semaphore.id], RequestRow::read)? {
        requests.push(live(asked?, None, now, clock));
    }
    let mut line = db.prepare_cached(requests!(
        "WHERE semaphore = ?1 AND phase = 0 ORDER BY class DESC, place"
    ))?;
    for (asked, place) in line.query_map([semaphore.id], RequestRow::read)?.zip(1..) {
        requests.push(live(asked?, Some(place), now, clock));
    }
    let mut ended = db.prepare_cached(
        "SELECT uuid, status, granted, priority, who, run, host, pid, token, requested, started, ended, slot,
                 steered_by, nth
             FROM ended WHERE semaphore = ?1 AND ended > ?2
         UNION ALL
         SELECT uuid, ?3, granted, priority, who, run, host, pid, token, requested, started, ended, slot, steered_by, -1
             FROM outlived WHERE semaphore = ?1
                 AND uuid NOT IN (SELECT uuid FROM ended WHERE semaphore = ?1 AND ended > ?2)
         ORDER BY ended, nth, token",
    )?;
    let released = ended_code(Status::Released);
    let which = params![semaphore.id, shown_since(now), released];
    let rows = ended.query_map(which, |row| {
        let requested: Moment = row.get(9)?;
        let started: Option<Moment> = row.get(10)?;
        let ended: Moment = row.get(11)?;
        Ok(RequestView {
            id: row.value(0)?,
            status: ended_status(row.get(1)?),
            granted: row.get(2)?,
            priority: Priority(row.get(3)?),
            slot: row.optional_value(12)?,
            who: row.get(4)?,
            run: row.optional_value(5)?,
            host: row.get(6)?,
            pid: row.get(7)?,
            place: None,
            token: row.get::<_, Option<i64>>(8)?.map(|token| token as u64),
            requested_at: clock.seconds(requested),
            started_at: started.map(|started| clock.seconds(started)),
            expires_at: None,
            waited: started.unwrap_or(ended).since(requested).as_secs_f64(),
            ran: started.map(|started| ended.since(started).as_secs_f64()),
            ended_at: Some(clock.seconds(ended)),
            by: row.optional_value(13)?,
            unresponsive_since: None,
        })
    })?;
    for row in rows {
        requests.push(row?);
    }
    Ok(SemaphoreView {
        name: semaphore.name,
        slots: semaphore.slots,
        pinned: semaphore.pinned,
        busy: semaphore.taken,
        waiting: semaphore.waiting,
        requests,
    })
}

fn live(asked: RequestRow, place: Option<usize>, now: Moment, clock: &WallClock) -> RequestView {
    let busy = asked.phase != Phase::Waiting;
    RequestView {
        id: asked.uuid,
        status: if busy { Status::Busy } else { Status::Waiting },
        granted: asked.phase == Phase::BusyGranted,
        who: asked.who,
        run: asked.run,
        host: asked.host,
        pid: asked.pid,
        place,
        priority: Priority(asked.priority),
        slot: asked.slot,
        token: asked.token.map(|token| token as u64),
        requested_at: clock.seconds(asked.requested),
        started_at: asked.started.map(|started| clock.seconds(started)),
        expires_at: asked
            .deadline
            .filter(|_| busy)
            .map(|deadline| clock.seconds(deadline)),
        waited: asked
            .started
            .unwrap_or(now)
            .since(asked.requested)
            .as_secs_f64(),
        ran: asked
            .started
            .map(|started| now.since(started).as_secs_f64()),
        ended_at: None,
        by: asked.by,
        unresponsive_since: asked.unresponsive.map(|since| clock.seconds(since)),
    }
}

/// The only live request whose id begins with `prefix`; if there is none, the only one that ended a moment ago.
pub(super) fn find(
    db: &Connection,
    prefix: &str,
) -> Result<Result<RequestId, AdminError>, Problem> {
    let Some((lowest, highest)) = range(prefix) else {
        return Ok(AdminError::only_match(prefix, &[]));
    };
    let ids = |sql: &str, since: Option<Moment>| -> Result<Vec<RequestId>, Problem> {
        let mut statement = db.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| row.value(0);
        let ids = match since {
            None => statement.query_map(params![Db(&lowest), Db(&highest)], read)?,
            Some(since) => statement.query_map(params![Db(&lowest), Db(&highest), since], read)?,
        };
        Ok(ids.collect::<Result<_, _>>()?)
    };
    let mut found = ids(
        "SELECT uuid FROM request WHERE uuid BETWEEN ?1 AND ?2",
        None,
    )?;
    if found.is_empty() {
        found = ids(
            "SELECT uuid FROM ended WHERE uuid BETWEEN ?1 AND ?2 AND ended > ?3
             UNION SELECT uuid FROM outlived WHERE uuid BETWEEN ?1 AND ?2",
            Some(shown_since(Moment::now())),
        )?;
    }
    Ok(AdminError::only_match(prefix, &found))
}

/// The lowest and the highest id that begin with these digits.
fn range(prefix: &str) -> Option<(RequestId, RequestId)> {
    let digits: String = prefix.trim().chars().filter(|c| *c != '-').collect();
    if digits.len() > 32 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let filled = |with: char| {
        let all: String = digits
            .chars()
            .chain(std::iter::repeat(with))
            .take(32)
            .collect();
        u128::from_str_radix(&all, 16)
            .ok()
            .map(RequestId::from_u128)
    };
    Some((filled('0')?, filled('f')?))
}

/// The sessions, as `doctor` shows them.
pub(super) fn clients(db: &Connection) -> Result<Vec<ClientView>, Problem> {
    let now = Moment::now();
    let mut statement = db.prepare(&format!(
        "SELECT id, host,
             (SELECT count(*) FROM request WHERE session = session.id AND phase > 0),
             (SELECT count(*) FROM request WHERE session = session.id AND phase = 0),
             {}
         FROM session ORDER BY id",
        Witness::COLUMNS
    ))?;
    let clients = statement
        .query_map([], |row| {
            let witness = Witness::read(row, 4)?;
            let lease = witness.lease;
            let elsewhere = witness.process.namespace != Process::this().namespace;
            Ok(ClientView {
                id: row.get::<_, i64>(0)?.to_string(),
                host: row.get(1)?,
                pid: Some(witness.process.pid),
                alive: witness.is_alive(now),
                lease_left: elsewhere
                    .then(|| lease.since(now).as_secs_f64() - now.since(lease).as_secs_f64()),
                busy: count(row, 2)?,
                waiting: count(row, 3)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(clients)
}

/// Events after number `last`, each with its own number.
pub(super) fn events(db: &Connection, last: i64) -> Result<Vec<(i64, Event)>, Problem> {
    let mut statement = db.prepare_cached(
        "SELECT id, kind, semaphore, uuid, who, run, busy, waiting, slots, at, steered_by FROM event
         WHERE id > ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([last])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        // A newer version of the program wrote it, of a kind for which this one has no name.
        let Ok(kind) = serde_json::from_value(kind.into()) else {
            continue;
        };
        events.push((
            row.get(0)?,
            Event {
                sequence: 0,
                kind,
                semaphore: row.value(2)?,
                request: row.optional_value(3)?,
                who: row.get(4)?,
                run: row.optional_value(5)?,
                busy: count(row, 6)?,
                waiting: count(row, 7)?,
                slots: row.value(8)?,
                at: row.get(9)?,
                by: row.optional_value(10)?,
            },
        ));
    }
    Ok(events)
}
