//! All that can happen, not a sample of it: every order in which a few owners and an administrator can act on one or two
//! semaphores is tried, and what must always hold is looked at after each step.
//!
//! Two worlds in which the same can happen from now on are one state, so the search comes to an end by itself: then the
//! promises hold for paths of any length. What is compared is kept apart from the queue: who stands in line in which order,
//! who holds what. Whether a run is stuck is found out by trying: all who can act give back all that they hold, again and
//! again, until nothing changes.
//!
//! `CLA_EXPLORE=whole` lifts the limits on the depth of the largest worlds (see [`WORLDS`]).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::graph::{self, Asker, Graph, Holder, Node};
use crate::name::SemaphoreName;

/// Time goes in steps of this length.
const STEP: Duration = Duration::from_secs(1);

/// How many steps a permit with a TTL lasts.
const TTL: u64 = 2;

/// What can happen in a world, and how far it is followed.
struct Rules {
    name: &'static str,
    owners: usize,
    semaphores: usize,
    /// How many slots, and places in line, an owner may have at once.
    each: usize,
    /// The numbers of slots that an administrator sets.
    slots: &'static [Slots],
    /// Requests with a TTL, requests that wait for one step only, and the time that ends them.
    time: bool,
    /// Administrators move requests, free all slots, and let the whole line through.
    force: bool,
    /// The most steps from the start that are followed, if there is a limit.
    depth: Option<usize>,
}

const WORLDS: &[Rules] = &[
    Rules {
        name: "one semaphore, all commands",
        owners: 3,
        semaphores: 1,
        each: 2,
        slots: &[
            Slots::Limited(0),
            Slots::Limited(1),
            Slots::Limited(2),
            Slots::Unlimited,
        ],
        time: false,
        force: true,
        depth: None,
    },
    Rules {
        name: "one semaphore, with time",
        owners: 3,
        semaphores: 1,
        each: 1,
        slots: &[Slots::Limited(0), Slots::Limited(2)],
        time: true,
        force: true,
        depth: None,
    },
    Rules {
        name: "two semaphores, deadlocks",
        owners: 3,
        semaphores: 2,
        each: 2,
        slots: &[],
        time: false,
        force: false,
        depth: None,
    },
    Rules {
        name: "two owners, two semaphores, everything",
        owners: 2,
        semaphores: 2,
        each: 2,
        slots: &[Slots::Limited(0), Slots::Limited(2)],
        time: true,
        force: true,
        depth: Some(5),
    },
    Rules {
        name: "two semaphores, everything",
        owners: 3,
        semaphores: 2,
        each: 2,
        slots: &[Slots::Limited(0), Slots::Limited(1), Slots::Limited(2)],
        time: true,
        force: true,
        depth: Some(4),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Its permit expires.
    Ttl,
    /// It waits for one step only.
    Timeout,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Acquire(usize, usize, Kind),
    /// Gives back the slot that it has had for the longest time, or for the second longest.
    Release(usize, usize),
    /// The owner no longer wants what it waits for.
    Abandon(usize),
    /// The process of the owner is gone.
    Crash(usize),
    Grant(usize),
    Cancel(usize),
    MoveToFront(usize),
    SetSlots(usize, Slots),
    Unpin(usize),
    ForceRelease(usize),
    Purge(usize),
    /// A step of time goes by.
    Tick,
}

#[derive(Clone)]
struct Held {
    semaphore: usize,
    ticket: Ticket,
    expires: Option<u64>,
    granted: bool,
}

#[derive(Clone)]
struct Waiting {
    semaphore: usize,
    ticket: Ticket,
    kind: Kind,
    ends: Option<u64>,
}

/// The queues, and beside them what is known without them.
#[derive(Clone)]
struct World {
    queues: Vec<Queue<usize>>,
    /// In steps.
    now: u64,
    held: Vec<Vec<Held>>,
    waits: Vec<Option<Waiting>>,
    /// Who waits, in the order in which they must be served.
    lines: Vec<VecDeque<usize>>,
    last_tokens: Vec<u64>,
}

fn run(owner: usize) -> RunId {
    RunId::from_u128(owner as u128 + 1)
}

fn name(semaphore: usize) -> SemaphoreName {
    SemaphoreName::new(["a", "b"][semaphore]).unwrap()
}

impl World {
    fn new(rules: &Rules) -> Self {
        Self {
            queues: (0..rules.semaphores).map(|_| Queue::new(0)).collect(),
            now: 0,
            held: vec![Vec::new(); rules.owners],
            waits: vec![None; rules.owners],
            lines: vec![VecDeque::new(); rules.semaphores],
            last_tokens: vec![0; rules.semaphores],
        }
    }

    fn time(&self) -> Timestamp {
        Timestamp::ZERO.after(STEP * self.now as u32)
    }

    /// All that can happen now.
    fn actions(&self, rules: &Rules) -> Vec<Action> {
        let mut actions = Vec::new();
        let kinds: &[Kind] = if rules.time {
            &[Kind::Plain, Kind::Ttl, Kind::Timeout]
        } else {
            &[Kind::Plain]
        };
        for owner in 0..rules.owners {
            let held = self.held[owner].len();
            if self.waits[owner].is_some() {
                actions.push(Action::Abandon(owner));
                actions.push(Action::Grant(owner));
                actions.push(Action::Cancel(owner));
                if rules.force {
                    actions.push(Action::MoveToFront(owner));
                }
            } else {
                if held < rules.each {
                    for semaphore in 0..rules.semaphores {
                        let acquire = |&kind| Action::Acquire(owner, semaphore, kind);
                        actions.extend(kinds.iter().map(acquire));
                    }
                }
                actions.extend((0..held).map(|nth| Action::Release(owner, nth)));
            }
            if held > 0 || self.waits[owner].is_some() {
                actions.push(Action::Crash(owner));
            }
        }
        for semaphore in 0..rules.semaphores {
            let queue = &self.queues[semaphore];
            let others = rules.slots.iter().filter(|&&slots| slots != queue.slots());
            actions.extend(others.map(|&slots| Action::SetSlots(semaphore, slots)));
            if queue.is_pinned() {
                actions.push(Action::Unpin(semaphore));
            }
            if rules.force && !queue.is_idle() {
                actions.push(Action::ForceRelease(semaphore));
                actions.push(Action::Purge(semaphore));
            }
        }
        if rules.time
            && self
                .queues
                .iter()
                .any(|it| it.next_deadline() != Timestamp::NEVER)
        {
            actions.push(Action::Tick);
        }
        actions
    }

    /// The world after that; what does not hold in it is an error.
    fn after(&self, action: Action) -> Result<Self, String> {
        let mut world = self.clone();
        world.act(action)?;
        world.refuse_deadlocks(action)?;
        world.look()?;
        if let Some(stuck) = (0..world.waits.len()).find(|&owner| world.is_stuck(owner)) {
            return Err(format!("owner {stuck} waits for ever, and nobody said so"));
        }
        Ok(world)
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        // Tickets and tokens mean something within one semaphore.
        let mut effects: Vec<Effects<usize>> =
            self.queues.iter().map(|_| Effects::default()).collect();
        let mut now = self.time();
        let before: Vec<usize> = self.queues.iter().map(Queue::busy).collect();
        match action {
            Action::Acquire(owner, semaphore, kind) => {
                let mut request =
                    Request::new().owner(Owner::new(format!("{owner}")).with_run(run(owner)));
                match kind {
                    Kind::Plain => {}
                    Kind::Ttl => request = request.ttl(Ttl::new(STEP * TTL as u32).unwrap()),
                    Kind::Timeout => request = request.timeout(STEP),
                }
                let queue = &mut self.queues[semaphore];
                let was_free =
                    queue.slots().admits(queue.busy()) && self.lines[semaphore].is_empty();
                match queue.acquire(&mut request, |_, _| owner, now, &mut effects[semaphore]) {
                    Attempt::Admitted(admission) => {
                        if !was_free {
                            return Err(format!(
                                "owner {owner} overtook those who wait, or there was no slot"
                            ));
                        }
                        self.hold(owner, semaphore, kind, admission)?;
                    }
                    Attempt::Queued(ticket) => {
                        if was_free && self.queues[semaphore].slots().admits(before[semaphore]) {
                            return Err(format!("owner {owner} waits beside a free slot"));
                        }
                        let ends = (kind == Kind::Timeout).then_some(self.now + 1);
                        self.waits[owner] = Some(Waiting {
                            semaphore,
                            ticket,
                            kind,
                            ends,
                        });
                        self.lines[semaphore].push_back(owner);
                    }
                    Attempt::TimedOut => return Err("it was willing to wait".to_owned()),
                }
            }
            Action::Release(owner, nth) => {
                let held = self.held[owner].remove(nth);
                let queue = &mut self.queues[held.semaphore];
                queue
                    .release(held.ticket, now, &mut effects[held.semaphore])
                    .map_err(|_| format!("owner {owner} lost a slot, and heard nothing of it"))?;
            }
            Action::Abandon(owner) => {
                let waiting = self.leaves_line(owner);
                let queue = &mut self.queues[waiting.semaphore];
                if queue.abandon(waiting.ticket, now, &mut effects[waiting.semaphore])
                    != Some(owner)
                {
                    return Err(format!("owner {owner} did not get its waiter back"));
                }
            }
            Action::Crash(owner) => {
                for (queue, fx) in self.queues.iter_mut().zip(&mut effects) {
                    queue.abandon_run(run(owner), now, fx);
                }
            }
            Action::Grant(owner) => {
                let waiting = self.waits[owner].clone().unwrap();
                let granted = self.queues[waiting.semaphore].grant(
                    waiting.ticket,
                    now,
                    &mut effects[waiting.semaphore],
                );
                granted.map_err(|error| format!("{error:?}"))?;
            }
            Action::Cancel(owner) => {
                let waiting = self.waits[owner].clone().unwrap();
                let cancelled = self.queues[waiting.semaphore].cancel(
                    waiting.ticket,
                    now,
                    &mut effects[waiting.semaphore],
                );
                cancelled.map_err(|error| format!("{error:?}"))?;
            }
            Action::MoveToFront(owner) => {
                let waiting = self.waits[owner].clone().unwrap();
                let moved = self.queues[waiting.semaphore].move_to(
                    waiting.ticket,
                    1,
                    now,
                    &mut effects[waiting.semaphore],
                );
                moved.map_err(|error| format!("{error:?}"))?;
                let line = &mut self.lines[waiting.semaphore];
                line.retain(|&other| other != owner);
                line.push_front(owner);
            }
            Action::SetSlots(semaphore, slots) => {
                self.queues[semaphore].set_slots(slots, now, &mut effects[semaphore]);
            }
            Action::Unpin(semaphore) => self.queues[semaphore].unpin(now, &mut effects[semaphore]),
            Action::ForceRelease(semaphore) => {
                self.queues[semaphore].force_release(now, &mut effects[semaphore]);
            }
            Action::Purge(semaphore) => {
                self.queues[semaphore].purge(now, &mut effects[semaphore]);
            }
            Action::Tick => {
                self.now += 1;
                now = self.time();
                for (queue, fx) in self.queues.iter_mut().zip(&mut effects) {
                    queue.advance(now, fx);
                }
            }
        }
        for (semaphore, fx) in effects.into_iter().enumerate() {
            self.carry_out(semaphore, fx)?;
        }
        for (semaphore, before) in before.into_iter().enumerate() {
            let queue = &self.queues[semaphore];
            let most = match queue.slots() {
                Slots::Limited(slots) => before.max(slots as usize),
                Slots::Unlimited => usize::MAX,
            };
            if queue.busy() > most {
                return Err(format!(
                    "{} hold slots of {:?}, after {before}",
                    queue.busy(),
                    queue.slots()
                ));
            }
        }
        Ok(())
    }

    /// Notes what the queues say has become of others.
    fn carry_out(&mut self, semaphore: usize, fx: Effects<usize>) -> Result<(), String> {
        for lost in fx.lost {
            let is_it =
                |held: &Held| held.semaphore == semaphore && held.ticket == lost.admission.ticket;
            let mut all = self.held.iter_mut();
            let found = all.find_map(|held| {
                let at = held.iter().position(is_it)?;
                Some(held.remove(at))
            });
            if found.is_none() {
                return Err("a slot was lost that nobody held".to_owned());
            }
        }
        for (owner, outcome) in fx.outcomes {
            let waiting = self.waits[owner].clone();
            let Some(waiting) = waiting.filter(|waiting| waiting.semaphore == semaphore) else {
                return Err(format!(
                    "owner {owner} heard twice what became of its request: {outcome:?}"
                ));
            };
            match outcome {
                Outcome::Admitted(admission) => {
                    let first = self.lines[waiting.semaphore].front();
                    if admission.way == Way::Slot && first != Some(&owner) {
                        return Err(format!("owner {owner} overtook {first:?}"));
                    }
                    self.leaves_line(owner);
                    self.hold(owner, waiting.semaphore, waiting.kind, admission)?;
                }
                Outcome::TimedOut if waiting.ends != Some(self.now) => {
                    return Err(format!("owner {owner} timed out at another time"));
                }
                Outcome::Slot(_) => return Err("no request has a slot id".to_owned()),
                Outcome::Cancelled | Outcome::TimedOut | Outcome::Abandoned => {
                    self.leaves_line(owner);
                }
            }
        }
        Ok(())
    }

    fn leaves_line(&mut self, owner: usize) -> Waiting {
        let waiting = self.waits[owner].take().unwrap();
        self.lines[waiting.semaphore].retain(|&other| other != owner);
        waiting
    }

    fn hold(
        &mut self,
        owner: usize,
        semaphore: usize,
        kind: Kind,
        admission: Admission,
    ) -> Result<(), String> {
        if admission.token <= self.last_tokens[semaphore] {
            return Err(format!(
                "token {} came after {}",
                admission.token, self.last_tokens[semaphore]
            ));
        }
        self.last_tokens[semaphore] = admission.token;
        self.held[owner].push(Held {
            semaphore,
            ticket: admission.ticket,
            expires: (kind == Kind::Ttl).then_some(self.now + TTL),
            granted: admission.way == Way::Grant,
        });
        Ok(())
    }

    /// What a store does after a request has joined a line, or slots were taken away: rule 9.
    fn refuse_deadlocks(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Acquire(owner, ..) => {
                self.refuse_if_stuck(owner)?;
            }
            _ => {
                // The last in line first.
                let lines = self.lines.clone();
                for owner in lines.iter().flat_map(|line| line.iter().rev()) {
                    self.refuse_if_stuck(*owner)?;
                }
            }
        }
        Ok(())
    }

    fn refuse_if_stuck(&mut self, owner: usize) -> Result<(), String> {
        let Some(waiting) = self.waits[owner]
            .clone()
            .filter(|waiting| waiting.ends.is_none())
        else {
            return Ok(());
        };
        let who = format!("{owner}");
        let asker = Asker {
            run: run(owner),
            who: &who,
            dependents: &[],
        };
        let Some(cycle) = self.graph().cycle(waiting.semaphore, &asker) else {
            return Ok(());
        };
        if !self.is_stuck(owner) {
            return Err(format!(
                "owner {owner} was told of a deadlock that is none: {cycle:?}"
            ));
        }
        self.leaves_line(owner);
        let mut fx = Effects::default();
        let now = self.time();
        if self.queues[waiting.semaphore].refuse(waiting.ticket, now, &mut fx) != Some(owner) {
            return Err(format!("owner {owner} could not be refused"));
        }
        self.carry_out(waiting.semaphore, fx)
    }

    /// Who holds what and waits for what, as a store tells it.
    fn graph(&self) -> Graph {
        let holder = |owner: usize, ends: bool| {
            let waiting = self.waits[owner]
                .as_ref()
                .filter(|it| !ends && it.ends.is_none());
            let wait = |waiting: &Waiting| graph::Wait {
                at: waiting.semaphore,
                through: Vec::new(),
            };
            Holder {
                run: run(owner),
                who: format!("{owner}"),
                waits_for: waiting.map(wait).into_iter().collect(),
            }
        };
        let nodes = self.queues.iter().enumerate().map(|(at, queue)| Node {
            name: name(at),
            needed: graph::needed(queue.slots(), queue.busy()),
            holders: queue
                .holders()
                .map(|(owner, ends)| holder(owner.unwrap().who().parse().unwrap(), ends))
                .collect(),
        });
        Graph::new(nodes.collect())
    }

    /// Whether the owner would wait for ever if all others did what they could: found out by doing it.
    fn is_stuck(&self, owner: usize) -> bool {
        if self.waits[owner].is_none() {
            return false;
        }
        let mut future = self.clone();
        let mut fx = Effects::default();
        let now = future.time();
        for queue in &mut future.queues {
            // An administrator who locks a semaphore can open it again, with any number of slots.
            if queue.slots() == Slots::Limited(0) {
                queue.set_slots(Slots::Unlimited, now, &mut fx);
            }
        }
        loop {
            // What ends by itself ends.
            future.now += TTL + 1;
            let now = future.time();
            for queue in &mut future.queues {
                queue.advance(now, &mut fx);
            }
            let before = future.held.iter().map(Vec::len).sum::<usize>();
            for at in 0..future.held.len() {
                if future.waits[at].is_none() {
                    for held in std::mem::take(&mut future.held[at]) {
                        // It may have expired.
                        let _ = future.queues[held.semaphore].release(held.ticket, now, &mut fx);
                    }
                }
            }
            let outcomes = std::mem::take(&mut fx.outcomes);
            let is_settled =
                outcomes.is_empty() && before == future.held.iter().map(Vec::len).sum::<usize>();
            for (woken, outcome) in outcomes {
                let waiting = future.waits[woken].take().unwrap();
                if let Outcome::Admitted(admission) = outcome {
                    future.held[woken].push(Held {
                        semaphore: waiting.semaphore,
                        ticket: admission.ticket,
                        expires: None,
                        granted: false,
                    });
                }
            }
            if is_settled {
                return future.waits[owner].is_some();
            }
        }
    }

    /// What must always hold.
    fn look(&self) -> Result<(), String> {
        for (semaphore, queue) in self.queues.iter().enumerate() {
            let held = self
                .held
                .iter()
                .flatten()
                .filter(|it| it.semaphore == semaphore);
            let taken = held.clone().filter(|it| !it.granted).count();
            if taken != queue.busy() {
                return Err(format!(
                    "{taken} hold a slot, and {} are taken",
                    queue.busy()
                ));
            }
            if let Some(held) = held.clone().find(|it| !queue.is_held(it.ticket)) {
                return Err(format!(
                    "a slot was taken from its holder in silence: {:?}",
                    held.ticket
                ));
            }
            let line: Vec<Ticket> = queue.waiters().collect();
            let expected = self.lines[semaphore]
                .iter()
                .map(|&owner| self.waits[owner].as_ref().unwrap().ticket);
            if !expected.eq(line.iter().copied()) {
                return Err(format!(
                    "the line is {line:?}, and should be {:?}",
                    self.lines[semaphore]
                ));
            }
            if !line.is_empty() && queue.slots().admits(queue.busy()) {
                return Err("a slot is free, and a request waits".to_owned());
            }
        }
        Ok(())
    }

    /// The same for all worlds in which the same can happen from now on.
    fn key(&self) -> String {
        let mut key = String::new();
        for (semaphore, queue) in self.queues.iter().enumerate() {
            let _ = write!(
                key,
                "{:?}{}{:?}|",
                queue.slots(),
                queue.is_pinned(),
                self.lines[semaphore]
            );
        }
        for (held, waits) in self.held.iter().zip(&self.waits) {
            for held in held {
                let left = held.expires.map(|at| at - self.now);
                let _ = write!(key, "{}{}{left:?}", held.semaphore, held.granted);
            }
            if let Some(waits) = waits {
                let left = waits.ends.map(|at| at - self.now);
                let _ = write!(key, "w{}{:?}{left:?}", waits.semaphore, waits.kind);
            }
            key.push('|');
        }
        key
    }
}

/// What the search has seen.
struct Found {
    states: usize,
    steps: usize,
    depth: usize,
    /// Whether all states that can be reached were reached.
    is_whole: bool,
}

/// Breadth first, so that a path to a fault is a shortest one.
fn explore(rules: &Rules, depth: Option<usize>) -> Found {
    let mut came_from: HashMap<String, Option<(String, Action)>> = HashMap::new();
    let start = World::new(rules);
    came_from.insert(start.key(), None);
    let mut level = vec![start];
    let (mut steps, mut reached) = (0, 0);
    while !level.is_empty() && depth.is_none_or(|most| reached < most) {
        let mut next = Vec::new();
        for world in level {
            let key = world.key();
            for action in world.actions(rules) {
                steps += 1;
                match world.after(action) {
                    Ok(after) => {
                        if let Entry::Vacant(entry) = came_from.entry(after.key()) {
                            entry.insert(Some((key.clone(), action)));
                            next.push(after);
                        }
                    }
                    Err(problem) => {
                        let mut path = vec![action];
                        let mut at = &key;
                        while let Some(Some((before, action))) = came_from.get(at) {
                            path.push(*action);
                            at = before;
                        }
                        path.reverse();
                        panic!("{}: {problem}, after {path:?}", rules.name);
                    }
                }
            }
        }
        level = next;
        reached += usize::from(!level.is_empty());
    }
    Found {
        states: came_from.len(),
        steps,
        depth: reached,
        is_whole: level.is_empty(),
    }
}

#[test]
fn nothing_that_can_happen_breaks_a_promise() {
    let whole = std::env::var("CLA_EXPLORE").is_ok_and(|how| how == "whole");
    for rules in WORLDS {
        let found = explore(rules, rules.depth.filter(|_| !whole));
        println!(
            "{}: {} states, {} steps, {} deep{}",
            rules.name,
            found.states,
            found.steps,
            found.depth,
            if found.is_whole { ", all" } else { "" },
        );
        assert_eq!(
            found.is_whole,
            whole || rules.depth.is_none(),
            "{}",
            rules.name
        );
        assert!(
            found.states > 100,
            "{}: next to nothing can happen",
            rules.name
        );
    }
}
