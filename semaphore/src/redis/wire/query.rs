//! Questions that are answered once and change nothing that the session knows: each with what reads its answer.

use redis::{Cmd, Value};

use super::audit::{self, write_actor};
use super::facts::{Facts, save_points};
use super::keys::{Names, encode};
use super::payload::{Payload, micros};
use super::reply::Refreshed;
use super::rows::{self, Asker, Shown, digits};
use super::scripts::{self, Script};
use super::value::{array, integer, natural, scored, text, texts};
use crate::actor::Actor;
use crate::audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry};
use crate::command::AdminAction;
use crate::cycle_json;
use crate::error::DeadlockLink;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::request::Ttl;
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::view::{RequestView, Status};

/// Reads an answer. `None`: this version does not understand it.
pub(crate) type Read<R> = Box<dyn FnOnce(&Value) -> Option<R> + Send>;

/// A question, and how its answer is read.
pub(crate) struct Query<R> {
    pub(crate) payload: Payload,
    /// It does no harm to ask again when the connection was lost before the answer.
    pub(crate) repeatable: bool,
    pub(crate) read: Read<R>,
}

impl<R> Query<R> {
    fn plain(command: Cmd, read: impl FnOnce(&Value) -> Option<R> + Send + 'static) -> Self {
        Self {
            payload: Payload::Query(None, command),
            repeatable: true,
            read: Box::new(read),
        }
    }

    fn script(
        script: Script,
        command: Cmd,
        read: impl FnOnce(&Value) -> Option<R> + Send + 'static,
    ) -> Self {
        Self {
            payload: Payload::Query(Some(script), command),
            repeatable: true,
            read: Box::new(read),
        }
    }

    fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }
}

/// A script on the semaphore `name`.
fn on(script: Script, names: &Names, name: &SemaphoreName) -> Cmd {
    let mut command = scripts::run(script, &names.keys(name));
    command.arg(&names.prefix);
    command
}

/// A command on the set `set` and the first key of the semaphore `name`.
fn in_set(word: &str, set: &str, names: &Names, name: &SemaphoreName) -> Query<()> {
    let mut command = redis::cmd(word);
    command.arg(set).arg(&*names.keys(name)[0]);
    Query::plain(command, |_| Some(()))
}

fn members(set: &str) -> Query<Vec<String>> {
    Query::plain(redis::cmd("SMEMBERS").arg(set).take(), |answer| {
        Some(texts(answer).map(str::to_owned).collect())
    })
}

fn exists(key: &str) -> Query<bool> {
    Query::plain(redis::cmd("EXISTS").arg(key).take(), |answer| {
        Some(integer(answer) == Some(1))
    })
}

/// The first keys of all semaphores, in no order.
pub(crate) fn all_names(names: &Names) -> Query<Vec<String>> {
    members(&names.index)
}

/// Takes the name of a semaphore out of the names of all.
pub(crate) fn remove_name(names: &Names, name: &SemaphoreName) -> Query<()> {
    in_set("SREM", &names.index, names, name)
}

/// Adds the name of a semaphore to the names of all.
pub(crate) fn add_name(names: &Names, name: &SemaphoreName) -> Query<()> {
    in_set("SADD", &names.index, names, name)
}

/// Whether there is such a semaphore.
pub(crate) fn is_there(names: &Names, name: &SemaphoreName) -> Query<bool> {
    exists(&names.keys(name)[0])
}

/// All there is to see of a semaphore; nothing if there is none.
pub(crate) fn show(names: &Names, name: &SemaphoreName) -> Query<Option<Shown>> {
    let command = on(Script::Show, names, name);
    let name = name.clone();
    Query::script(Script::Show, command, move |answer| match answer {
        Value::Nil => Some(None),
        answer => rows::shown_semaphore(&name, answer).map(Some),
    })
}

/// Requests of one semaphore whose ids begin so.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) live: Vec<RequestId>,
    /// They ended a moment ago.
    pub(crate) ended: Vec<RequestId>,
}

pub(crate) fn find(names: &Names, name: &SemaphoreName, prefix: &str) -> Query<Found> {
    let mut command = on(Script::Find, names, name);
    command
        .arg(prefix)
        .arg(crate::queue::ENDED_SHOWN.as_micros() as u64);
    Query::script(Script::Find, command, |answer| {
        let ids = |at: usize| {
            let list = array(answer).and_then(|both| both.get(at));
            list.into_iter()
                .flat_map(texts)
                .filter_map(rows::id)
                .collect()
        };
        Some(Found {
            live: ids(0),
            ended: ids(1),
        })
    })
}

/// What became of an administrator's command on a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Steered {
    Done,
    /// The request is not so that the command makes sense.
    Is(Status),
    /// The semaphore does not know it.
    Unknown,
}

/// An administrator's command on a request. `place` is for `move`.
pub(crate) fn steer(
    names: &Names,
    name: &SemaphoreName,
    id: RequestId,
    (action, place): (AdminAction, usize),
    by: Option<&Actor>,
) -> Query<Steered> {
    let mut command = scripts::run(Script::Steer, &names.admin_keys(name));
    command
        .arg(&names.prefix)
        .arg(action.as_str())
        .arg(digits(id))
        .arg(place)
        .arg(write_actor(by))
        .arg(AUDIT_KEPT)
        .arg(AUDIT_AGE.as_secs());
    // Done again, it might say that it failed, as it was done before.
    Query::script(Script::Steer, command, |answer| {
        Some(match text(answer) {
            Some("ok") => Steered::Done,
            Some(status) => Steered::Is(rows::status(status).unwrap_or(Status::Done)),
            None => Steered::Unknown,
        })
    })
    .once()
}

/// Refuses a waiting request, as its wait can never end.
pub(crate) fn refuse(
    names: &Names,
    name: &SemaphoreName,
    id: RequestId,
    cycle: &[DeadlockLink],
) -> Query<()> {
    let mut command = scripts::run(Script::Steer, &names.admin_keys(name));
    command
        .arg(&names.prefix)
        .arg("refuse")
        .arg(digits(id))
        .arg(cycle_json::write(cycle));
    Query::script(Script::Steer, command, |_| Some(()))
}

/// Releases the slot that a slot id holds. Says whether it held one.
pub(crate) fn release_slot(names: &Names, name: &SemaphoreName, slot: &SlotId) -> Query<bool> {
    let mut command = on(Script::Slot, names, name);
    command.arg(encode(slot.as_str())).arg("");
    // Asked again, it might release what was acquired anew.
    Query::script(Script::Slot, command, |answer| {
        Some(integer(answer) == Some(1))
    })
    .once()
}

/// Moves the deadline of what a slot id holds.
pub(crate) fn refresh_slot(
    names: &Names,
    name: &SemaphoreName,
    slot: &SlotId,
    ttl: Ttl,
) -> Query<Refreshed> {
    let mut command = on(Script::Slot, names, name);
    command
        .arg(encode(slot.as_str()))
        .arg(micros(ttl.duration()));
    Query::script(Script::Slot, command, |answer| {
        Some(Refreshed::read(answer))
    })
}

/// Requests that ended, the newest first, and what time it is, in seconds since the Unix epoch.
pub(crate) fn history(
    names: &Names,
    name: &SemaphoreName,
    most: usize,
) -> Query<(f64, Vec<RequestView>)> {
    let mut command = on(Script::History, names, name);
    command.arg(most.max(1));
    Query::script(Script::History, command, |answer| {
        let [now, ended] = array(answer)? else {
            return None;
        };
        let ended = array(ended)?.iter().filter_map(text);
        Some((
            rows::seconds(natural(now)?),
            ended.filter_map(rows::ended_row).collect(),
        ))
    })
}

/// The newest entries of a semaphore's audit, the newest first. `None`: it has none.
pub(crate) fn audit(
    names: &Names,
    name: &SemaphoreName,
    most: usize,
) -> Query<Option<Vec<AuditEntry>>> {
    let mut command = redis::cmd("LRANGE");
    // A range without any cannot be asked for.
    command
        .arg(names.audit(name))
        .arg(0)
        .arg(most.saturating_sub(1));
    let name = name.clone();
    Query::plain(command, move |answer| {
        let rows = array(answer).unwrap_or_default();
        let entries = rows.iter().filter_map(text);
        Some(
            (!rows.is_empty())
                .then(|| entries.filter_map(|row| audit::entry(&name, row)).collect()),
        )
    })
}

/// The first keys of all semaphores that have an audit, in no order.
pub(crate) fn audited_names(names: &Names) -> Query<Vec<String>> {
    members(&names.audited)
}

/// Adds a semaphore to those that have an audit.
pub(crate) fn add_audited(names: &Names, name: &SemaphoreName) -> Query<()> {
    in_set("SADD", &names.audited, names, name)
}

/// Takes a semaphore out of those that have an audit.
pub(crate) fn remove_audited(names: &Names, name: &SemaphoreName) -> Query<()> {
    in_set("SREM", &names.audited, names, name)
}

/// Whether a semaphore has an audit.
pub(crate) fn has_audit(names: &Names, name: &SemaphoreName) -> Query<bool> {
    exists(&names.audit(name))
}

/// The server's clock, in seconds since the Unix epoch.
pub(crate) fn time() -> Query<f64> {
    Query::plain(redis::cmd("TIME"), |answer| {
        let [whole, micros] = array(answer)? else {
            return None;
        };
        Some(rows::seconds(
            natural(whole)? * 1_000_000 + natural(micros)?,
        ))
    })
}

/// Which requests of the line `look` asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InLine {
    All,
    One(RequestId),
    None,
}

/// A semaphore for those who look for deadlocks.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) slots: Slots,
    /// How many slots are taken.
    pub(crate) taken: usize,
    pub(crate) holders: Vec<HolderRow>,
    pub(crate) line: Vec<WaitingRow>,
}

/// A request that takes a slot.
#[derive(Debug)]
pub(crate) struct HolderRow {
    pub(crate) id: RequestId,
    pub(crate) asker: Asker,
    /// It expires by itself.
    pub(crate) expires: bool,
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct WaitingRow {
    pub(crate) id: RequestId,
    pub(crate) asker: Asker,
    pub(crate) has_timeout: bool,
}

/// Who holds slots of a semaphore, and who waits. Nothing if there is no such semaphore.
pub(crate) fn look(names: &Names, name: &SemaphoreName, whom: InLine) -> Query<Option<Look>> {
    let mut command = on(Script::Look, names, name);
    command.arg(match whom {
        InLine::All => "*".to_owned(),
        InLine::One(id) => digits(id),
        InLine::None => String::new(),
    });
    Query::script(Script::Look, command, |answer| Some(read_look(answer)))
}

fn read_look(answer: &Value) -> Option<Look> {
    let [slots, taken, holders, line] = array(answer)? else {
        return None;
    };
    let holder = |parts: &[Value]| {
        Some(HolderRow {
            id: rows::id(text(&parts[0])?)?,
            expires: text(&parts[1])? == "1",
            asker: Asker::read(text(&parts[2])?),
        })
    };
    let waiting = |parts: &[Value]| {
        let (asker, has_timeout) = rows::waiting_asker(text(&parts[1])?)?;
        Some(WaitingRow {
            id: rows::id(text(&parts[0])?)?,
            asker,
            has_timeout,
        })
    };
    Some(Look {
        slots: rows::slots(text(slots)?)?,
        taken: usize::try_from(integer(taken)?).ok()?,
        holders: array(holders)?.chunks_exact(3).filter_map(holder).collect(),
        line: array(line)?.chunks_exact(2).filter_map(waiting).collect(),
    })
}

/// One thing that a run waits for, as it was noted.
#[derive(Debug)]
pub(crate) struct NotedWait {
    pub(crate) id: RequestId,
    /// The first key of the semaphore.
    pub(crate) key: String,
    /// Since when, on the server's clock.
    pub(crate) since: u64,
    /// If the run only waits for the end of the one that is in line: those between the two, from that one on.
    pub(crate) between: Option<Vec<NamedRun>>,
}

/// What a run waits for.
pub(crate) fn waits_of(names: &Names, run: RunId) -> Query<Vec<NotedWait>> {
    let mut command = redis::cmd("ZRANGE");
    command
        .arg(names.run(&format!("{:032x}", run.as_u128())))
        .arg(&["0", "-1", "WITHSCORES"]);
    Query::plain(command, |answer| {
        let noted = scored(answer).into_iter();
        let noted = noted.filter_map(|(member, since)| {
            let (id, key, between) = rows::read_wait(member)?;
            Some(NotedWait {
                id,
                key: key.to_owned(),
                since,
                between,
            })
        });
        Some(noted.collect())
    })
}

pub(crate) fn ping() -> Query<()> {
    Query::plain(redis::cmd("PING"), |_| Some(()))
}

/// What the server says of itself.
pub(crate) fn facts() -> Query<Facts> {
    Query::plain(redis::cmd("INFO"), |answer| Some(Facts::read(answer)))
}

/// When it saves snapshots; `None` if it does not say.
pub(crate) fn saves() -> Query<Option<String>> {
    let command = redis::cmd("CONFIG").arg("GET").arg("save").take();
    Query::plain(command, |answer| Some(save_points(answer)))
}

/// Tries what a take needs, on a key of its own. Gives what the server refused.
pub(crate) fn probe(names: &Names, unique: &str) -> Query<Vec<String>> {
    let key = format!("{}:probe:{unique}", names.prefix);
    let mut command = scripts::run(Script::Probe, &[&key]);
    command.arg(format!("{}:probe", names.events));
    Query::plain(scripts::with_text(&command, Script::Probe), |answer| {
        Some(texts(answer).map(str::to_owned).collect())
    })
}
