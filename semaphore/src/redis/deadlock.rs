//! Rule 9 across servers: finds waits that can never end, from what the server says, and has one of them refused.
//!
//! Who holds what and waits for what is spread over many keys, in a cluster over many servers, so no script can see it
//! at once. It is read twice. Requests have ids that never come back, so what is the same in both
//! readings was so all the time in between: a cycle in it existed at one moment, and a cycle never ends by itself.
//! Of two runs that close one, both have said that they wait before they look, so at least one sees it; if both do, both
//! choose the same victim, the last comer.

use std::collections::HashMap;

use super::driver::DriverHandle;
use super::wire::query::{self, InLine, Look};
use crate::deadlock::graph::{Graph, Holder, Node, needed};
use crate::error::{DeadlockLink, StoreError};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// Where so many readings differ, something moves all the time, and so no request is stuck.
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

/// The request `id` waits for `name`: if that can never end, refuses the last comer of all that are stuck with it.
pub(super) async fn check(driver: DriverHandle, name: SemaphoreName, id: RequestId) {
    // A store that fails says so to those who wait for an answer. Nothing waits for this one.
    let _ = resolve(&driver, &name, Some(id)).await;
}

/// Slots were taken away: refuses those in line whose wait can now never end.
pub(super) async fn recheck(driver: &DriverHandle, name: &SemaphoreName) -> Result<(), StoreError> {
    resolve(driver, name, None).await
}

async fn resolve(
    driver: &DriverHandle,
    name: &SemaphoreName,
    only: Option<RequestId>,
) -> Result<(), StoreError> {
    let mut unlike = 0;
    while unlike < READINGS {
        let picture = read(driver, name, only).await?;
        let Some((victim, cycle)) = judge(&picture, only.is_some()) else {
            return Ok(());
        };
        if read(driver, name, only).await? != picture {
            unlike += 1;
            continue;
        }
        let names = &driver.settings.names;
        let refuse = query::refuse(names, &victim.name, victim.id, &cycle);
        driver.ask(refuse).await?;
        if only == Some(victim.id) {
            return Ok(());
        }
    }
    Ok(())
}

/// Which wait is to be refused, and why: the last comer of all that are stuck, if `any` may be, or one of the candidates.
fn judge(picture: &Picture, any: bool) -> Option<(Wait, Vec<DeadlockLink>)> {
    let graph = graph(picture);
    let cycle_of = |run: RunId, wait: &Wait| {
        let here = picture
            .semaphores
            .iter()
            .position(|seen| seen.name == wait.name)?;
        graph.cycle(here, run, &wait.who)
    };
    let (wait, cycle) = picture
        .candidates
        .iter()
        .find_map(|(run, wait)| Some((wait.clone(), cycle_of(*run, wait)?)))?;
    if !any {
        return Some((wait, cycle));
    }
    // Of all that are stuck in a cycle, not only in this one: so every client, at any time, chooses the same.
    let stuck = picture.semaphores.iter().flat_map(|seen| &seen.holders);
    let last = stuck
        .filter_map(|held| Some((held.run?, held.wait.as_ref().filter(|wait| wait.for_ever)?)))
        .filter(|(_, other)| (other.since, other.id) > (wait.since, wait.id))
        .filter_map(|(run, other)| Some((other.clone(), cycle_of(run, other)?)))
        .max_by_key(|(other, _)| (other.since, other.id));
    Some(last.unwrap_or((wait, cycle)))
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
    driver: &DriverHandle,
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
            (1, Some(id)) => InLine::One(id),
            (1, None) => InLine::All,
            _ => InLine::None,
        };
        let Some((mut seen, line)) = look(driver, &name, whom).await? else {
            continue;
        };
        for held in &mut seen.holders {
            if let Some(run) = held.run {
                held.wait = wait_of(driver, &mut runs, run).await?;
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
    // A run that holds nothing of all this is in no cycle. One that waits for several things is not stuck.
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

/// Who holds slots of `name`, and who waits, as far as `whom` says.
async fn look(
    driver: &DriverHandle,
    name: &SemaphoreName,
    whom: InLine,
) -> Result<Option<(Seen, Line)>, StoreError> {
    let look = query::look(&driver.settings.names, name, whom);
    Ok(driver.ask(look).await?.map(|look| seen(name, look)))
}

fn seen(name: &SemaphoreName, look: Look) -> (Seen, Line) {
    let holders = look.holders.into_iter().map(|holder| Held {
        id: holder.id,
        // What expires by itself holds others up only for a time.
        run: holder.asker.run.filter(|_| !holder.expires),
        who: holder.asker.who.unwrap_or_default(),
        wait: None,
    });
    let seen = Seen {
        name: name.clone(),
        slots: look.slots,
        taken: look.taken,
        holders: holders.collect(),
    };
    let line = look.line.into_iter().map(|waiting| {
        let wait = Wait {
            id: waiting.id,
            name: name.clone(),
            since: 0,
            for_ever: !waiting.has_timeout,
            who: waiting.asker.who.unwrap_or_default(),
        };
        (waiting.asker.run, wait)
    });
    (seen, line.collect())
}

/// The one thing that `run` waits for; nothing if it waits for several.
async fn wait_of(
    driver: &DriverHandle,
    known: &mut HashMap<RunId, Option<Wait>>,
    run: RunId,
) -> Result<Option<Wait>, StoreError> {
    if let Some(wait) = known.get(&run) {
        return Ok(wait.clone());
    }
    let names = &driver.settings.names;
    let mut found = Vec::new();
    for noted in driver.ask(query::waits_of(names, run)).await? {
        // What was noted may be over.
        if let Some(name) = names.name(&noted.key)
            && let Some((_, line)) = look(driver, &name, InLine::One(noted.id)).await?
        {
            let since = noted.since;
            let its = line.into_iter().filter(|(its, _)| *its == Some(run));
            found.extend(its.map(|(_, wait)| Wait { since, ..wait }));
        }
    }
    let only = if found.len() == 1 { found.pop() } else { None };
    known.insert(run, only.clone());
    Ok(only)
}
