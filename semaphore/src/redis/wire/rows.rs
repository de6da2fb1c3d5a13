//! How requests, events and semaphores are written: by the scripts that keep and publish them, and by clients.

use std::time::{Duration, SystemTime};

use redis::Value;

use super::audit::read_actor;
use super::keys::{Names, decode, encode};
use super::value::{array, integer, natural, text};
use crate::event::{Event, EventKind};
use crate::id::{RequestId, RunId};
use crate::owner::{NamedRun, Owner};
use crate::request::Priority;
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::view::{RequestView, SemaphoreView, Status};

/// What the field of a semaphore's state begins with that says who steered a request: see `lua/lib.lua`.
const STEERED: &str = "the administrator who steered ";
/// And what says since when the run of a request does not answer.
const UNRESPONSIVE: &str = "since when the run does not answer of ";
/// And what it begins with before the id of a request that was ended by force and whose permit is not dropped yet.
const OUTLIVED: &str = "still at work after its end ";

/// Within the tail of `queue.rs`: what ended longer ago is shown no more.
const ENDED_SHOWN: Duration = crate::queue::ENDED_SHOWN;

/// An id as scripts have it: 32 digits.
pub(crate) fn digits(id: RequestId) -> String {
    format!("{:032x}", id.as_u128())
}

pub(crate) fn id(text: &str) -> Option<RequestId> {
    (text.len() == 32)
        .then(|| u128::from_str_radix(text, 16).ok())?
        .map(RequestId::from_u128)
}

/// -1 is unlimited.
pub(super) fn slots(text: &str) -> Option<Slots> {
    Slots::try_from(text.parse::<i64>().ok()?).ok()
}

/// As [`slots`] reads them.
pub(super) fn write_slots(slots: Slots) -> String {
    match slots {
        Slots::Limited(slots) => slots.to_string(),
        Slots::Unlimited => "-1".to_owned(),
    }
}

/// A moment of the server's clock, in microseconds since the epoch, in seconds.
pub(crate) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

pub(crate) fn system_time(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// Who asks: `run|pid|host|who`, with nothing where nothing is known. The scripts keep and publish this without looking at
/// it. If the request names its slot, `@slot id|` stands in front, and the scripts do look for that.
pub(crate) fn write_asker(owner: Option<&Owner>, slot: Option<&SlotId>) -> String {
    let whose = whose(owner);
    match slot {
        None => whose,
        Some(slot) => format!("@{}|{whose}", encode(slot.as_str())),
    }
}

fn whose(owner: Option<&Owner>) -> String {
    let Some(owner) = owner else {
        return String::new();
    };
    let run = owner.run().map(|run| format!("{:032x}", run.as_u128()));
    let pid = owner.pid().map(|pid| pid.to_string());
    let host = owner.host().map(|host| host.replace('|', " "));
    format!(
        "{}|{}|{}|{}",
        run.unwrap_or_default(),
        pid.unwrap_or_default(),
        host.unwrap_or_default(),
        owner.who()
    )
}

/// Reads what [`write_asker`] wrote.
#[derive(Debug, Default)]
pub(crate) struct Asker {
    pub(crate) run: Option<RunId>,
    pub(crate) pid: Option<u32>,
    pub(crate) host: Option<String>,
    pub(crate) who: Option<String>,
    pub(crate) slot: Option<SlotId>,
}

impl Asker {
    pub(super) fn read(blob: &str) -> Self {
        // No run begins so, and programs of before know no slot ids.
        if let Some((slot, whose)) = blob.strip_prefix('@').and_then(|it| it.split_once('|')) {
            return Self {
                slot: decode(slot).and_then(|slot| SlotId::new(slot).ok()),
                ..Self::read_whose(whose)
            };
        }
        Self::read_whose(blob)
    }

    fn read_whose(blob: &str) -> Self {
        let mut parts = blob.splitn(4, '|');
        let (Some(run), Some(pid), Some(host), Some(who)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Self::default();
        };
        Self {
            run: u128::from_str_radix(run, 16).ok().map(RunId::from_u128),
            pid: pid.parse().ok(),
            host: (!host.is_empty()).then(|| host.to_owned()),
            who: Some(who.to_owned()),
            slot: None,
        }
    }
}

/// How a wait is noted, for those who look for deadlocks: `id|first key of the semaphore`. If the run only waits for the end
/// of the one that is in line: `id~those between|key`, in which programs of before find no id.
pub(super) fn write_wait(id: RequestId, key: &str, between: Option<&[NamedRun]>) -> String {
    let id = digits(id);
    match between {
        None => format!("{id}|{key}"),
        Some(between) => {
            // Texts and ids can always be written.
            let between = serde_json::to_string(between).unwrap_or_default();
            format!("{id}~{}|{key}", encode(&between))
        }
    }
}

/// Reads what [`write_wait`] wrote.
pub(super) fn read_wait(member: &str) -> Option<(RequestId, &str, Option<Vec<NamedRun>>)> {
    let (head, key) = member.split_once('|')?;
    let (digits, between) = match head.split_once('~') {
        None => (head, None),
        Some((digits, between)) => (digits, Some(serde_json::from_str(&decode(between)?).ok()?)),
    };
    Some((id(digits)?, key, between))
}

/// What was published for those who watch: `kind|id|busy|waiting|slots|at|key|blob`; behind the id, after a `~`, which
/// administrator did it.
pub(super) fn event(names: &Names, message: &str) -> Option<Event> {
    let mut parts = message.splitn(8, '|');
    let mut next = || parts.next();
    let kind = kind(next()?)?;
    let request = next()?;
    let (request, by) = request.split_once('~').unwrap_or((request, ""));
    let busy = next()?.parse().ok()?;
    let waiting = next()?.parse().ok()?;
    let slots = slots(next()?)?;
    let at = seconds(next()?.parse().ok()?);
    let semaphore = names.name(next()?)?;
    let asker = Asker::read(next()?);
    Some(Event {
        sequence: 0,
        kind,
        semaphore,
        request: id(request),
        who: asker.who,
        run: asker.run,
        busy,
        waiting,
        slots,
        at,
        by: read_actor(by),
    })
}

fn kind(word: &str) -> Option<EventKind> {
    Some(match word {
        "created" => EventKind::Created,
        "queued" => EventKind::Queued,
        "acquired" => EventKind::Acquired,
        "granted" => EventKind::Granted,
        "reacquired" => EventKind::Reacquired,
        "released" => EventKind::Released,
        "expired" => EventKind::Expired,
        "cancelled" => EventKind::Cancelled,
        "deadlocked" => EventKind::Deadlocked,
        "timed_out" => EventKind::TimedOut,
        "left" => EventKind::Left,
        "killed" => EventKind::Killed,
        "refreshed" => EventKind::Refreshed,
        "unresponsive" => EventKind::Unresponsive,
        "responsive" => EventKind::Responsive,
        "force_released" => EventKind::ForceReleased,
        "purged" => EventKind::Purged,
        "moved" => EventKind::Moved,
        "slots_changed" => EventKind::SlotsChanged,
        "pinned" => EventKind::Pinned,
        "unpinned" => EventKind::Unpinned,
        "forgotten" => EventKind::Forgotten,
        _ => return None,
    })
}

pub(super) fn status(word: &str) -> Option<Status> {
    Some(match word {
        "waiting" => Status::Waiting,
        "busy" => Status::Busy,
        "done" => Status::Done,
        "cancelled" => Status::Cancelled,
        "expired" => Status::Expired,
        "killed" => Status::Killed,
        "timed_out" => Status::TimedOut,
        "released" => Status::Released,
        "left" => Status::Left,
        _ => return None,
    })
}

/// One session's part in a semaphore.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Share {
    /// When its lease ends, in microseconds from now; negative if it ended.
    pub(crate) left: Option<i64>,
    pub(crate) busy: usize,
    pub(crate) waiting: usize,
}

/// What `show.lua` says.
pub(crate) struct Shown {
    pub(crate) view: SemaphoreView,
    /// By session.
    pub(crate) shares: std::collections::HashMap<String, Share>,
}

/// Reads the answer of `show.lua` about the semaphore `name`.
pub(super) fn shown_semaphore(name: &crate::name::SemaphoreName, answer: &Value) -> Option<Shown> {
    let [
        now,
        n,
        pinned,
        busy,
        waiting,
        state,
        queued,
        line,
        ended,
        leases,
    ] = array(answer)?
    else {
        return None;
    };
    let now: u64 = text(now)?.parse().ok()?;
    let mut shares = std::collections::HashMap::<String, Share>::new();
    let mut held = Vec::new();
    let mut steered = std::collections::HashMap::new();
    let mut unresponsive = std::collections::HashMap::new();
    let mut outlived = Vec::new();
    for (id_text, row) in pairs(state)? {
        if let Some(id) = id_text.strip_prefix(STEERED).and_then(id) {
            steered.insert(id, row);
        }
        if let Some(id) = id_text.strip_prefix(UNRESPONSIVE).and_then(id) {
            unresponsive.insert(id, row.parse::<u64>().ok()?);
        }
        if id_text.starts_with(OUTLIVED) {
            outlived.extend(row.split_once('|').and_then(|(_, row)| ended_row(row)));
        }
        if let Some(id) = id(id_text) {
            let (session, view) = busy_row(id, row, now)?;
            shares.entry(session.to_owned()).or_default().busy += 1;
            held.push(view);
        }
    }
    held.sort_unstable_by_key(|row| row.token);
    let rows: std::collections::HashMap<&str, &str> = pairs(queued)?.collect();
    let mut requests = held;
    for (place, member) in (1..).zip(array(line)?) {
        let member = text(member)?;
        let digits = member.get(member.len().checked_sub(32)?..)?;
        let (session, view) = waiting_row(id(digits)?, rows.get(digits)?, place, now)?;
        shares.entry(session.to_owned()).or_default().waiting += 1;
        requests.push(view);
    }
    for request in &mut requests {
        request.by = steered.get(&request.id).and_then(|by| read_actor(by));
        request.unresponsive_since = unresponsive.get(&request.id).copied().map(seconds);
    }
    // The newest comes first.
    let shown_since = seconds(now) - ENDED_SHOWN.as_secs_f64();
    let ended = array(ended)?.iter().rev().filter_map(text);
    let recent: Vec<RequestView> = ended
        .filter_map(ended_row)
        .filter(|row| row.ended_at.is_some_and(|at| at > shown_since))
        .collect();
    outlived.retain(|row| recent.iter().all(|recent| recent.id != row.id));
    // Several end at once by one command, in the order of their tokens.
    outlived.sort_by(|a, b| {
        let at = |row: &RequestView| row.ended_at.unwrap_or_default();
        at(a).total_cmp(&at(b)).then(a.token.cmp(&b.token))
    });
    requests.extend(outlived);
    requests.extend(recent);
    for (session, end) in pairs(leases)? {
        let end: f64 = end.parse().ok()?;
        shares.entry(session.to_owned()).or_default().left = Some(end as i64 - now as i64);
    }
    Some(Shown {
        view: SemaphoreView {
            name: name.clone(),
            slots: slots(text(n)?)?,
            pinned: integer(pinned)? == 1,
            busy: natural(busy)? as usize,
            waiting: natural(waiting)? as usize,
            requests,
        },
        shares,
    })
}

fn pairs(value: &Value) -> Option<impl Iterator<Item = (&str, &str)>> {
    let flat = array(value)?;
    Some(
        flat.chunks_exact(2)
            .filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?))),
    )
}

fn since(now: u64, then: u64) -> f64 {
    seconds(now.saturating_sub(then))
}

/// Without what only some rows have.
fn plain(id: RequestId, status: Status, priority: &str, requested: u64, blob: &str) -> RequestView {
    let asker = Asker::read(blob);
    RequestView {
        id,
        status,
        granted: false,
        who: asker.who,
        run: asker.run,
        host: asker.host,
        pid: asker.pid,
        place: None,
        priority: Priority(priority.parse().unwrap_or(0)),
        slot: asker.slot,
        token: None,
        requested_at: seconds(requested),
        started_at: None,
        expires_at: None,
        waited: 0.0,
        ran: None,
        ended_at: None,
        by: None,
        unresponsive_since: None,
    }
}

fn busy_row(id: RequestId, row: &str, now: u64) -> Option<(&str, RequestView)> {
    let mut parts = row.splitn(9, '|');
    let mut next = || parts.next();
    let (session, requested, started) = (next()?, next()?.parse().ok()?, next()?.parse().ok()?);
    let (token, _ttl, priority) = (next()?.parse().ok()?, next()?, next()?);
    let (granted, deadline, blob) = (next()? == "1", next()?.parse().ok(), next()?);
    let view = RequestView {
        granted,
        token: Some(token),
        started_at: Some(seconds(started)),
        expires_at: deadline.map(seconds),
        waited: since(started, requested),
        ran: Some(since(now, started)),
        ..plain(id, Status::Busy, priority, requested, blob)
    };
    Some((session, view))
}

fn waiting_row(id: RequestId, row: &str, place: usize, now: u64) -> Option<(&str, RequestView)> {
    let mut parts = row.splitn(7, '|');
    let mut next = || parts.next();
    let (session, requested) = (next()?, next()?.parse().ok()?);
    let (_deadline, _ttl, priority, _key, blob) = (next()?, next()?, next()?, next()?, next()?);
    let view = RequestView {
        place: Some(place),
        waited: since(now, requested),
        ..plain(id, Status::Waiting, priority, requested, blob)
    };
    Some((session, view))
}

/// Who asks for a request that waits, and whether it has a timeout.
pub(super) fn waiting_asker(row: &str) -> Option<(Asker, bool)> {
    let row: Vec<&str> = row.splitn(7, '|').collect();
    Some((Asker::read(row.get(6)?), !row.get(2)?.is_empty()))
}

/// What `remember` in `lua/lib.lua` wrote.
pub(super) fn ended_row(row: &str) -> Option<RequestView> {
    let mut parts = row.splitn(9, '|');
    let mut next = || parts.next();
    let (id, status, ended) = (id(next()?)?, status(next()?)?, next()?.parse().ok()?);
    let (requested, started, token) = (
        next()?.parse().ok()?,
        next()?.parse().ok(),
        next()?.parse().ok(),
    );
    let (priority, granted, blob) = (next()?, next()?, next()?);
    Some(RequestView {
        granted: granted.starts_with('1'),
        token,
        started_at: started.map(seconds),
        waited: since(started.unwrap_or(ended), requested),
        ran: started.map(|started| since(ended, started)),
        ended_at: Some(seconds(ended)),
        by: granted.get(1..).and_then(read_actor),
        ..plain(id, status, priority, requested, blob)
    })
}
