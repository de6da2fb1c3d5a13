//! Rule 9 across servers: finds waits that can never end, from what the server says, and has one of them refused.
//!
//! Who holds what and waits for what is spread over many keys, in a cluster over many servers, so no script can see it
//! at once. It is read twice. Requests are told apart by ids that never come back, so what is the same in both
//! readings was so all the time in between: a circle in it existed at one moment, and a circle never ends by itself.
//! Of two runs that close one, both have said that they wait before they look, so at least one sees it; if both do, both
//! choose the same victim, the last comer.

use std::collections::HashMap;

use super::desk::{Desk, What};
use super::keys::Names;
use super::reply::{self, Asker, array, digits, integer, natural, text};
use super::scripts::{self, Script};
use crate::deadlock::graph::{Graph, Holder, Node, needed};
use crate::error::{DeadlockLink, StoreError};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// Something moves all the time where so many readings differ: then nobody is stuck.
const READINGS: usize = 8;

/// What a run waits for.
#[derive(Clone, Debug, PartialEq)]
struct Wait {
    id: RequestId,
    name: SemaphoreName,
    /// When its run began to wait for nothing else.
    since: u64,
    /// It has no timeout.
    for_ever: bool,
    who: String,
}

#[derive(Debug, PartialEq)]
struct Held {
    id: RequestId,
    run: Option<RunId>,
    who: String,
    /// If that is all its run waits for, and for ever.
    wait: Option<Wait>,
}

#[derive(Debug, PartialEq)]
struct Seen {
    name: SemaphoreName,
    slots: Slots,
    taken: usize,
    holders: Vec<Held>,
}

/// All semaphores on which the first one depends, and those in its line who may be stuck, the last comer first.
#[derive(Debug, Default, PartialEq)]
struct Picture {
    semaphores: Vec<Seen>,
    candidates: Vec<(RunId, Wait)>,
}

/// The request `id` waits for `name`: if that can never end, has the last comer refused of all who are stuck with it.
pub(super) async fn check(desk: Desk, name: SemaphoreName, id: RequestId) {
    // A store that fails tells those who wait for an answer; here nobody does.
    let _ = resolve(&desk, &name, Some(id)).await;
}

/// Slots were taken away: has those in line refused whose wait can now never end.
pub(super) async fn recheck(desk: &Desk, name: &SemaphoreName) -> Result<(), StoreError> {
    resolve(desk, name, None).await
}

async fn resolve(
    desk: &Desk,
    name: &SemaphoreName,
    only: Option<RequestId>,
) -> Result<(), StoreError> {
    let mut unlike = 0;
    while unlike < READINGS {
        let picture = read(desk, name, only).await?;
        let Some((victim, circle)) = judge(&picture, only.is_some()) else {
            return Ok(());
        };
        if read(desk, name, only).await? != picture {
            unlike += 1;
            continue;
        }
        let keys = desk.settings.names.admin_keys(&victim.name);
        let mut command = scripts::run(Script::Steer, &keys);
        command
            .arg(&desk.settings.names.prefix)
            .arg("refuse")
            .arg(digits(victim.id))
            .arg(write(&circle));
        desk.ask(What::Script(Script::Steer, command.into()), true)
            .await?;
        if only == Some(victim.id) {
            return Ok(());
        }
    }
    Ok(())
}

/// Who is to be refused, and why, if anybody is: the last comer of `any` who are stuck, or one of the candidates.
fn judge(picture: &Picture, any: bool) -> Option<(Wait, Vec<DeadlockLink>)> {
    let graph = graph(picture);
    let circle_of = |run: RunId, wait: &Wait| {
        let here = picture
            .semaphores
            .iter()
            .position(|seen| seen.name == wait.name)?;
        graph.cycle(here, run, &wait.who)
    };
    let (wait, circle) = picture
        .candidates
        .iter()
        .find_map(|(run, wait)| Some((wait.clone(), circle_of(*run, wait)?)))?;
    if !any {
        return Some((wait, circle));
    }
    // Of all who are stuck in a circle, not only in this one: whoever looks, and whenever, chooses the same.
    let stuck = picture.semaphores.iter().flat_map(|seen| &seen.holders);
    let last = stuck
        .filter_map(|held| Some((held.run?, held.wait.as_ref().filter(|wait| wait.for_ever)?)))
        .filter(|(_, other)| (other.since, other.id) > (wait.since, wait.id))
        .filter_map(|(run, other)| Some((other.clone(), circle_of(run, other)?)))
        .max_by_key(|(other, _)| (other.since, other.id));
    Some(last.unwrap_or((wait, circle)))
}

fn graph(picture: &Picture) -> Graph {
    let place = |name: &SemaphoreName| {
        picture
            .semaphores
            .iter()
            .position(|seen| seen.name == *name)
    };
    let nodes = picture.semaphores.iter().map(|seen| Node {
        name: seen.name.clone(),
        needed: needed(seen.slots, seen.taken),
        holders: seen
            .holders
            .iter()
            .map(|held| Holder {
                run: held.run.unwrap_or(RunId::from_u128(0)),
                who: held.who.clone(),
                waits_for: held
                    .wait
                    .as_ref()
                    .filter(|wait| wait.for_ever)
                    .and_then(|wait| place(&wait.name)),
            })
            .collect(),
    });
    Graph::new(nodes.collect())
}

// ---- reading

async fn read(
    desk: &Desk,
    start: &SemaphoreName,
    only: Option<RequestId>,
) -> Result<Picture, StoreError> {
    let mut picture = Picture::default();
    let mut runs: HashMap<RunId, Option<Wait>> = HashMap::new();
    let mut names = vec![start.clone()];
    let mut at = 0;
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let whom = match (at, only) {
            (1, Some(id)) => digits(id),
            (1, None) => "*".to_owned(),
            _ => String::new(),
        };
        let Some((mut seen, line)) = look(desk, &name, &whom).await? else {
            continue;
        };
        for held in &mut seen.holders {
            if let Some(run) = held.run {
                held.wait = wait_of(desk, &mut runs, run).await?;
            }
            if let Some(wait) = held.wait.as_ref().filter(|wait| wait.for_ever)
                && !names.contains(&wait.name)
            {
                names.push(wait.name.clone());
            }
        }
        if at == 1 {
            for (run, wait) in line.into_iter().rev().filter(|(_, wait)| wait.for_ever) {
                if let Some(run) = run {
                    picture.candidates.push((run, wait));
                }
            }
        }
        picture.semaphores.push(seen);
    }
    // Whoever holds nothing of all this is in no circle; whoever waits for several things is not stuck.
    let holding: Vec<RunId> = picture
        .semaphores
        .iter()
        .flat_map(|seen| &seen.holders)
        .filter_map(|held| held.run)
        .collect();
    picture.candidates.retain_mut(|(run, wait)| {
        let its_only = runs.get(run).and_then(Option::as_ref);
        let Some(only) = its_only.filter(|only| only.id == wait.id) else {
            return false;
        };
        wait.since = only.since;
        holding.contains(run)
    });
    Ok(picture)
}

type Line = Vec<(Option<RunId>, Wait)>;

/// Who holds slots of `name`, and who waits: everybody (`*`), the request `whom`, or nobody.
async fn look(
    desk: &Desk,
    name: &SemaphoreName,
    whom: &str,
) -> Result<Option<(Seen, Line)>, StoreError> {
    let names: &Names = &desk.settings.names;
    let mut command = scripts::run(Script::Look, &names.keys(name));
    command.arg(&names.prefix).arg(whom);
    let answer = desk
        .ask(What::Script(Script::Look, command.into()), true)
        .await?;
    Ok(seen(name, &answer))
}

fn seen(name: &SemaphoreName, answer: &redis::Value) -> Option<(Seen, Line)> {
    let [slots, taken, holders, line] = array(answer)? else {
        return None;
    };
    let held = |parts: &[redis::Value]| {
        let asker = Asker::read(text(&parts[2])?);
        // What expires by itself holds nobody up for ever.
        let expires = text(&parts[1])? == "1";
        Some(Held {
            id: reply::id(text(&parts[0])?)?,
            run: asker.run.filter(|_| !expires),
            who: asker.who.unwrap_or_default(),
            wait: None,
        })
    };
    let waiting = |parts: &[redis::Value]| {
        let row: Vec<&str> = text(&parts[1])?.splitn(7, '|').collect();
        let asker = Asker::read(row.get(6)?);
        let wait = Wait {
            id: reply::id(text(&parts[0])?)?,
            name: name.clone(),
            since: 0,
            for_ever: row[2].is_empty(),
            who: asker.who.unwrap_or_default(),
        };
        Some((asker.run, wait))
    };
    let seen = Seen {
        name: name.clone(),
        slots: reply::slots(text(slots)?)?,
        taken: natural(taken).or_else(|| integer(taken)?.try_into().ok())? as usize,
        holders: array(holders)?.chunks_exact(3).filter_map(held).collect(),
    };
    Some((
        seen,
        array(line)?.chunks_exact(2).filter_map(waiting).collect(),
    ))
}

/// The one thing that `run` waits for; nothing if it waits for several.
async fn wait_of(
    desk: &Desk,
    known: &mut HashMap<RunId, Option<Wait>>,
    run: RunId,
) -> Result<Option<Wait>, StoreError> {
    if let Some(wait) = known.get(&run) {
        return Ok(wait.clone());
    }
    let names = &desk.settings.names;
    let mut command = redis::cmd("ZRANGE");
    command
        .arg(names.run(&format!("{:032x}", run.as_u128())))
        .arg(&["0", "-1", "WITHSCORES"]);
    let members = desk.ask(What::Plain(command.into()), true).await?;
    let mut found = Vec::new();
    for (member, since) in scored(&members) {
        let Some((id, key)) = member.split_once('|') else {
            continue;
        };
        // What was noted may be over.
        if let Some(name) = names.name(key)
            && let Some((_, line)) = look(desk, &name, id).await?
        {
            let its = line.into_iter().filter(|(its, _)| *its == Some(run));
            found.extend(its.map(|(_, wait)| Wait { since, ..wait }));
        }
    }
    let only = if found.len() == 1 { found.pop() } else { None };
    known.insert(run, only.clone());
    Ok(only)
}

/// Members and scores, which come as pairs or as a flat list.
fn scored(answer: &redis::Value) -> Vec<(&str, u64)> {
    let values = array(answer).unwrap_or_default();
    let flat: Vec<&redis::Value> = values
        .iter()
        .flat_map(|value| array(value).unwrap_or(std::slice::from_ref(value)))
        .collect();
    let score = |value: &redis::Value| match value {
        redis::Value::Double(score) => Some(*score as u64),
        other => natural(other),
    };
    flat.chunks_exact(2)
        .filter_map(|pair| Some((text(pair[0])?, score(pair[1])?)))
        .collect()
}

// ---- telling

/// A circle as it is sent to the one who is refused.
fn write(circle: &[DeadlockLink]) -> String {
    let links: Vec<_> = circle
        .iter()
        .map(|link| (link.run, &link.who, &link.holds, &link.waits_for))
        .collect();
    // Texts and ids make no trouble.
    serde_json::to_string(&links).unwrap_or_default()
}

/// What [`write`] made.
pub(super) fn read_sentence(text: &str) -> Option<Vec<DeadlockLink>> {
    let links: Vec<(RunId, String, SemaphoreName, SemaphoreName)> =
        serde_json::from_str(text).ok()?;
    let links: Vec<_> = links
        .into_iter()
        .map(|(run, who, holds, waits_for)| DeadlockLink {
            run,
            who,
            holds,
            waits_for,
        })
        .collect();
    (!links.is_empty()).then_some(links)
}
