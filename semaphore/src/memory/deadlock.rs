//! Rule 9: a wait that can never end is an error, not a hang.
//!
//! A run is one thread of control: while it waits it releases nothing. A semaphore's line can move on
//! if enough of those who hold its slots can go on. A holder can go on unless its run waits (for one
//! thing, without a timeout) for a semaphore whose line cannot move on. What "can" is the least set that
//! these rules give, so a cycle holds nothing up unless all its ways out are closed.
//!
//! What may end by itself is no deadlock: a permit with a TTL, a wait with a timeout, an owner without a run,
//! a run that waits for two things at once. Neither are 0 slots: that is an administrator's lock.
//!
//! The check runs when a request with a run has to queue (and when an administrator takes slots
//! away). First a glance at the direct holders, one of which is nearly always running: that is all an ordinary
//! wait costs. Only if that does not settle it, every semaphore that is involved is locked, in order of
//! address, and the cycle is found and broken while nothing can change.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Weak};

use super::entry::{Entry, Outcome, State, Waiter, Wakes};
use crate::deadlock::graph::{Graph, Holder, Node, needed};
use crate::error::DeadlockError;
use crate::id::RunId;
use crate::owner::Owner;
use crate::queue::{Queue, Ticket};
use crate::sync::{Mutex, MutexGuard};

/// What each waiting run waits for. Kept by the waiters: an entry may outlive its wait by a moment, so
/// its reader asks the queue.
///
/// By [`key`] of the run. Where a run is in here is random, so with many waiting each access is a miss of the
/// caches: a key of one word, and no list for a single wait, let two share a line. Should two runs ever have
/// the same key, they pass for one that waits for two things.
#[derive(Default)]
pub(crate) struct WaitingRuns(Mutex<Runs>);

#[derive(Default)]
struct Runs(HashMap<u64, Waits, BuildHasherDefault<KeyHasher>>);

enum Waits {
    /// As nearly always.
    One(Wait),
    /// At least two.
    Several(Box<[Wait]>),
}

#[derive(Clone)]
struct Wait {
    entry: Weak<Entry>,
    ticket: Ticket,
}

/// Runs are numbered at random, or by the host in some order of its own: all bits must count.
const fn key(run: RunId) -> u64 {
    let run = run.as_u128();
    let mixed = (run as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (run >> 64) as u64;
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed ^ (mixed >> 32)
}

/// A [`key`] is a hash already.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a key is one word")
    }

    #[inline]
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

impl WaitingRuns {
    /// The only wait of `run`; `None` if it does not wait, or for several things.
    fn only_wait(&self, run: RunId) -> Option<Wait> {
        self.0.lock().only_wait(run, Wait::clone)
    }
}

impl Runs {
    /// Notes that `run` waits.
    fn register(&mut self, run: RunId, ticket: Ticket, entry: &Entry) {
        let wait = Wait {
            entry: entry.weak(),
            ticket,
        };
        match self.0.entry(key(run)) {
            Slot::Vacant(slot) => {
                slot.insert(Waits::One(wait));
            }
            Slot::Occupied(mut slot) => {
                let mut waits = match slot.get_mut() {
                    Waits::One(first) => vec![first.clone()],
                    Waits::Several(waits) => std::mem::take(waits).into_vec(),
                };
                waits.push(wait);
                slot.insert(Waits::Several(waits.into()));
            }
        }
    }

    /// Asks about the only wait of `run`; `None` if it does not wait, or for several things.
    fn only_wait<R>(&self, run: RunId, ask: impl FnOnce(&Wait) -> R) -> Option<R> {
        match self.0.get(&key(run))? {
            Waits::One(wait) => Some(ask(wait)),
            Waits::Several(_) => None,
        }
    }

    /// The glance: are enough direct holders not waiting at all?
    ///
    /// A holder that was admitted a moment ago may still be registered as waiting for this very semaphore;
    /// its queue knows better. (Were that not looked at, every take in a loop would come to the slow path.)
    fn surely_move_on(&self, entry: &Entry, queue: &Queue<Waiter>) -> bool {
        let needed = needed(queue.slots(), queue.busy());
        let is_free = |run: RunId| {
            self.only_wait(run, |wait| {
                std::ptr::eq(wait.entry.as_ptr(), entry) && !queue.is_waiting(wait.ticket)
            })
            .unwrap_or(true)
        };
        let free = queue
            .holders()
            .filter(|(owner, expires)| *expires || owner.and_then(Owner::run).is_none_or(is_free));
        free.take(needed).count() == needed
    }

    /// Notes that a wait of `run` is over. If then one is left, gives that.
    fn remove(&mut self, run: RunId, ticket: Ticket, entry: &Entry) -> Option<Wait> {
        let Slot::Occupied(mut slot) = self.0.entry(key(run)) else {
            return None;
        };
        let Waits::Several(waits) = slot.get_mut() else {
            slot.remove();
            return None;
        };
        let mut waits = std::mem::take(waits).into_vec();
        waits.retain(|wait| wait.ticket != ticket || !std::ptr::eq(wait.entry.as_ptr(), entry));
        if let [left] = waits.as_slice() {
            let left = left.clone();
            slot.insert(Waits::One(left.clone()));
            Some(left)
        } else {
            slot.insert(Waits::Several(waits.into()));
            None
        }
    }
}

/// The run's wait is over. If one other is left, that is now the only thing it waits for.
pub(crate) fn waits_no_more(entry: &Entry, run: RunId, ticket: Ticket) {
    let left = entry.shared().runs.0.lock().remove(run, ticket, entry);
    if let Some(left) = left
        && let Some(entry) = left.entry.upgrade()
    {
        check(&entry, left.ticket);
    }
}

/// Refuses the waiting request `ticket` if its wait can never end.
fn check(entry: &Arc<Entry>, ticket: Ticket) {
    let settled = {
        let state = entry.lock();
        !state.queue.is_waiting(ticket) || surely_moves_on(entry, &state.queue)
    };
    if !settled {
        resolve(entry, Some(ticket));
    }
}

/// Slots were taken away: refuses those in line whose wait can now never end.
pub(crate) fn recheck(entry: &Arc<Entry>) {
    loop {
        let settled = {
            let state = entry.lock();
            state.queue.waiting() == 0 || surely_moves_on(entry, &state.queue)
        };
        if settled || !resolve(entry, None) {
            return;
        }
    }
}

/// The run has joined the line of `entry`. Says whether it needs no closer look: see [`resolve`].
///
/// Called under the entry's lock: of two runs that close a cycle, the second one to come here sees the first. One lock for
/// both, the note and the glance: it is a good part of what a hand-over between rules costs.
pub(crate) fn begins_to_wait(
    entry: &Entry,
    run: RunId,
    ticket: Ticket,
    has_limit: bool,
    queue: &Queue<Waiter>,
) -> bool {
    let mut runs = entry.shared().runs.0.lock();
    runs.register(run, ticket, entry);
    has_limit || runs.surely_move_on(entry, queue)
}

/// The glance by itself.
fn surely_moves_on(entry: &Entry, queue: &Queue<Waiter>) -> bool {
    entry.shared().runs.0.lock().surely_move_on(entry, queue)
}

/// Locks all that is involved and decides. Refuses `only`, or a request in the line of `start` that is part of
/// a cycle, the last in line first. Says whether it refused one.
pub(crate) fn resolve(start: &Arc<Entry>, only: Option<Ticket>) -> bool {
    let runs = &start.shared().runs;
    let mut involved = vec![Arc::clone(start)];
    loop {
        involved.sort_unstable_by_key(Arc::as_ptr);
        let mut guards: Vec<_> = involved.iter().map(|entry| entry.lock()).collect();
        let (graph, more) = snapshot(&involved, &guards, runs);
        if !more.is_empty() {
            drop(guards);
            involved.extend(more);
            continue;
        }
        let Some(here) = involved.iter().position(|entry| Arc::ptr_eq(entry, start)) else {
            unreachable!("`start` is among those involved")
        };
        let queue = &guards[here].queue;
        // The last comer first, unless it is one request that asks.
        let mut waiting: Vec<Ticket> = match only {
            Some(only) => vec![only],
            None => queue.waiters().collect(),
        };
        waiting.reverse();
        let mut candidates = waiting
            .into_iter()
            .filter(|ticket| queue.waits_for_ever(*ticket))
            .filter_map(|ticket| {
                let owner = queue.owner(ticket)?;
                Some((ticket, owner.run()?, owner.who().to_owned()))
            })
            // A run that waits for several things is not stuck.
            .filter(|(_, run, _)| runs.only_wait(*run).is_some());
        let found = candidates.find_map(|(ticket, run, who)| {
            let cycle = graph.cycle(here, run, &who)?;
            Some((ticket, DeadlockError::new(cycle)))
        });
        let mut wakes = Wakes::default();
        let refused = found.is_some();
        if let Some((ticket, error)) = found {
            let state = &mut *guards[here];
            let now = start.begin(state);
            let waiter = state.queue.refuse(ticket, now, &mut state.fx);
            start.carry_out(state, &mut wakes);
            if let Some(waiter) = waiter {
                wakes.push(state.note_outcome(waiter, Outcome::Deadlock(error)));
            }
        }
        drop(guards);
        wakes.wake();
        return refused;
    }
}

/// Who holds what and waits for what among `entries`. Also gives the entries that turn out to be involved but are not locked yet.
fn snapshot(
    entries: &[Arc<Entry>],
    guards: &[MutexGuard<'_, State>],
    runs: &WaitingRuns,
) -> (Graph, Vec<Arc<Entry>>) {
    let mut more: Vec<Arc<Entry>> = Vec::new();
    let semaphores = entries
        .iter()
        .zip(guards)
        .map(|(entry, guard)| Node {
            name: entry.name().clone(),
            needed: needed(guard.queue.slots(), guard.queue.busy()),
            holders: guard
                .queue
                .holders()
                .map(|(owner, expires)| {
                    let run = owner.and_then(Owner::run).filter(|_| !expires);
                    let wait = run.and_then(|run| runs.only_wait(run));
                    let target = wait.and_then(|wait| Some((wait.entry.upgrade()?, wait)));
                    let waits_for = target.and_then(|(target, wait)| {
                        let Some(at) = entries.iter().position(|e| Arc::ptr_eq(e, &target)) else {
                            if !more.iter().any(|known| Arc::ptr_eq(known, &target)) {
                                more.push(target);
                            }
                            return None;
                        };
                        let queue = &guards[at].queue;
                        // Unless it is the wait of another run with the same key.
                        let is_its = queue.owner(wait.ticket).and_then(Owner::run) == run;
                        (is_its && queue.waits_for_ever(wait.ticket)).then_some(at)
                    });
                    Holder {
                        run: run.unwrap_or(RunId::from_u128(0)),
                        who: owner.map_or_else(String::new, |owner| owner.who().to_owned()),
                        waits_for,
                    }
                })
                .collect(),
        })
        .collect();
    (Graph::new(semaphores), more)
}
