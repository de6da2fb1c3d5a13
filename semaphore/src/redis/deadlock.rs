//! Rule 9 across servers: finds waits that can never end, from what the server says, and has one of them refused.
//!
//! Who holds what and waits for what is spread over many keys, in a cluster over many servers, so no script can see it
//! at once. It is read twice. Requests have ids that never come back, so what is the same in both
//! readings was so all the time in between: a cycle in it existed at one moment, and a cycle never ends by itself.
//! Of two runs that close one, both have said that they wait before they look, so at least one sees it; if both do, both
//! choose the same victim, the last comer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::driver::DriverHandle;
use super::wire::query::{self, InLine, Look, NotedWait};
use crate::deadlock::graph::{self, Asker, Graph, Holder, Node, needed, through};
use crate::error::{DeadlockLink, StoreError};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::slots::Slots;

/// Where so many readings differ, something moves all the time, and so no request is stuck.
const READINGS: usize = 8;

/// What a run waits for.
#[derive(Clone, Debug, PartialEq)]
struct Wait {
    id: RequestId,
    run: RunId,
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
    /// What its run waits for, if that is one thing, and what those wait for whose end it awaits; each with the runs
    /// through which it waits.
    waits: Vec<(Wait, Vec<NamedRun>)>,
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
    candidates: Vec<Wait>,
}

impl Picture {
    fn holders(&self) -> impl Iterator<Item = &Held> {
        self.semaphores.iter().flat_map(|seen| &seen.holders)
    }

    /// All waits of holders that last for ever.
    fn waits(&self) -> impl Iterator<Item = &Wait> {
        let all = self.holders().flat_map(|held| &held.waits);
        all.map(|(wait, _)| wait).filter(|wait| wait.for_ever)
    }

    /// Those who hold something here and wait for the end of the run that makes this wait, with all between, the nearest
    /// first.
    fn dependents(&self, wait: &Wait) -> Vec<NamedRun> {
        let mut longest = Vec::new();
        for held in self.holders() {
            let Some(run) = held.run else { continue };
            for (_, through) in held.waits.iter().filter(|(its, _)| its.id == wait.id) {
                if through.len() > longest.len() {
                    let who = held.who.clone();
                    // From the nearest to the holder itself. The last is the run that waits in line.
                    longest = through.iter().rev().skip(1).cloned().collect();
                    longest.push(NamedRun { run, who });
                }
            }
        }
        longest
    }
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
    let cycle_of = |wait: &Wait| {
        let here = picture
            .semaphores
            .iter()
            .position(|seen| seen.name == wait.name)?;
        let asker = Asker {
            run: wait.run,
            who: &wait.who,
            dependents: &picture.dependents(wait),
        };
        graph.cycle(here, &asker)
    };
    let (wait, cycle) = picture
        .candidates
        .iter()
        .find_map(|wait| Some((wait.clone(), cycle_of(wait)?)))?;
    if !any {
        return Some((wait, cycle));
    }
    // Of all that are stuck in a cycle, not only in this one: so every client, at any time, chooses the same.
    let last = picture
        .waits()
        .filter(|other| (other.since, other.id) > (wait.since, wait.id))
        .filter_map(|other| Some((other.clone(), cycle_of(other)?)))
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
                    .waits
                    .iter()
                    .filter(|(wait, _)| wait.for_ever)
                    .filter_map(|(wait, through)| {
                        let at = place(&wait.name)?;
                        let through = through.clone();
                        Some(graph::Wait { at, through })
                    })
                    .collect(),
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
    let mut known = Known::default();
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
                held.waits = waits_of(driver, &mut known, run, only).await?;
            }
            for (wait, _) in held.waits.iter().filter(|(wait, _)| wait.for_ever) {
                if !names.contains(&wait.name) {
                    names.push(wait.name.clone());
                }
            }
        }
        if at == 1 {
            let for_ever = line.into_iter().rev().filter(|wait| wait.for_ever);
            picture.candidates.extend(for_ever);
        }
        picture.semaphores.push(seen);
    }
    // A run that holds nothing of all this, and on whose end nothing waits that does, is in no cycle. One that waits for
    // several things is not stuck.
    let holding: HashSet<RunId> = picture.holders().filter_map(|held| held.run).collect();
    let holding_up: HashSet<RequestId> = picture.waits().map(|wait| wait.id).collect();
    picture.candidates.retain_mut(|wait| {
        let its_only = known.waits.get(&wait.run).and_then(Option::as_ref);
        let Some(only) = its_only.filter(|only| only.id == wait.id) else {
            return false;
        };
        wait.since = only.since;
        holding.contains(&wait.run) || holding_up.contains(&wait.id)
    });
    Ok(picture)
}

/// What of runs was read already.
#[derive(Default)]
struct Known {
    noted: HashMap<RunId, Arc<[NotedWait]>>,
    /// The one thing that each waits for; nothing if it waits for several.
    waits: HashMap<RunId, Option<Wait>>,
}

/// The requests in line that runs have made.
type Line = Vec<Wait>;

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
        waits: Vec::new(),
    });
    let seen = Seen {
        name: name.clone(),
        slots: look.slots,
        taken: look.taken,
        holders: holders.collect(),
    };
    let line = look.line.into_iter().filter_map(|waiting| {
        Some(Wait {
            id: waiting.id,
            run: waiting.asker.run?,
            name: name.clone(),
            since: 0,
            for_ever: !waiting.has_timeout,
            who: waiting.asker.who.unwrap_or_default(),
        })
    });
    (seen, line.collect())
}

/// What is noted of the waits of `run`. It may be over.
async fn noted(
    driver: &DriverHandle,
    known: &mut Known,
    run: RunId,
) -> Result<Arc<[NotedWait]>, StoreError> {
    if let Some(noted) = known.noted.get(&run) {
        return Ok(Arc::clone(noted));
    }
    let noted = driver
        .ask(query::waits_of(&driver.settings.names, run))
        .await?;
    let noted: Arc<[NotedWait]> = noted.into();
    known.noted.insert(run, Arc::clone(&noted));
    Ok(noted)
}

/// The request of a noted wait, if it is still in line.
async fn in_line(driver: &DriverHandle, noted: &NotedWait) -> Result<Option<Wait>, StoreError> {
    let Some(name) = driver.settings.names.name(&noted.key) else {
        return Ok(None);
    };
    let looked = look(driver, &name, InLine::One(noted.id)).await?;
    let wait = looked.and_then(|(_, line)| line.into_iter().next());
    let since = noted.since;
    Ok(wait.map(|wait| Wait { since, ..wait }))
}

/// The one thing that `run` waits for; nothing if it waits for several.
async fn wait_of(
    driver: &DriverHandle,
    known: &mut Known,
    run: RunId,
) -> Result<Option<Wait>, StoreError> {
    if let Some(wait) = known.waits.get(&run) {
        return Ok(wait.clone());
    }
    let mut found = Vec::new();
    for noted in &*noted(driver, known, run).await? {
        if noted.between.is_none()
            && let Some(wait) = in_line(driver, noted).await?
            && wait.run == run
        {
            found.push(wait);
        }
    }
    let only = if found.len() == 1 { found.pop() } else { None };
    known.waits.insert(run, only.clone());
    Ok(only)
}

/// All that holds `run` up: what it waits for, if that is one thing, and what those wait for whose end it awaits, once for
/// each semaphore, and in any case the request `only`.
async fn waits_of(
    driver: &DriverHandle,
    known: &mut Known,
    run: RunId,
    only: Option<RequestId>,
) -> Result<Vec<(Wait, Vec<NamedRun>)>, StoreError> {
    let own = wait_of(driver, known, run).await?;
    let mut waits: Vec<(Wait, Vec<NamedRun>)> =
        own.map(|own| (own, Vec::new())).into_iter().collect();
    let mut names: HashSet<String> = HashSet::new();
    for noted in &*noted(driver, known, run).await? {
        let Some(between) = &noted.between else {
            continue;
        };
        if names.contains(&noted.key) && only != Some(noted.id) {
            continue;
        }
        let Some(waiting) = in_line(driver, noted).await? else {
            continue;
        };
        if let Some(wait) = wait_of(driver, known, waiting.run).await?
            && wait.id == noted.id
            && wait.for_ever
        {
            names.insert(noted.key.clone());
            let through = through(between, wait.run, &wait.who);
            waits.push((wait, through));
        }
    }
    Ok(waits)
}
