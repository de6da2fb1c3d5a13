//! The queue against a model that is too simple to be wrong: two `Vec`s and `sort`.
//!
//! Random commands run through both; after each, every verdict, every lost permit, every row that an
//! administrator would see and the next deadline must agree.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Command {
    Acquire {
        declared: Option<Slots>,
        priority: i32,
        timeout: Option<u64>,
        ttl: Option<u64>,
        slot: Option<u8>,
    },
    TryAcquire(Option<u8>),
    ReleaseSlot(u8),
    RefreshSlot(u8, u64),
    Leave(usize),
    // The numbers pick one of all requests ever made, so also those that are gone.
    Release(usize),
    Refresh(usize, u64),
    Abandon(usize),
    Refuse(usize),
    Grant(usize),
    Cancel(usize),
    Move(usize, usize),
    Purge,
    ForceRelease,
    SetSlots(Slots),
    Pin,
    Unpin,
    Forget,
    /// Time passes, and a timer comes by.
    Advance(u64),
    /// Time passes, and nothing notices until the next command.
    Wait(u64),
}

fn slots() -> impl Strategy<Value = Slots> {
    prop_oneof![
        8 => (0..4_u32).prop_map(Slots::Limited),
        1 => Just(Slots::Unlimited),
    ]
}

/// The slot ids there are: few, so that they meet.
const SLOT_IDS: std::ops::Range<u8> = 0..3;

fn slot() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.3, SLOT_IDS)
}

fn slot_id(slot: u8) -> SlotId {
    SlotId::new(format!("slot {slot}")).unwrap()
}

fn command() -> impl Strategy<Value = Command> {
    let acquire = (
        prop::option::weighted(0.2, slots()),
        -1..2_i32,
        prop::option::weighted(0.3, 0..20_u64),
        prop::option::weighted(0.3, 1..20_u64),
        slot(),
    );
    prop_oneof![
        12 => acquire.prop_map(|(declared, priority, timeout, ttl, slot)| Command::Acquire {
            declared, priority, timeout, ttl, slot,
        }),
        2 => slot().prop_map(Command::TryAcquire),
        2 => SLOT_IDS.prop_map(Command::ReleaseSlot),
        1 => (SLOT_IDS, 1..20_u64).prop_map(|(slot, ttl)| Command::RefreshSlot(slot, ttl)),
        1 => any::<usize>().prop_map(Command::Leave),
        8 => any::<usize>().prop_map(Command::Release),
        2 => (any::<usize>(), 1..20_u64).prop_map(|(who, ttl)| Command::Refresh(who, ttl)),
        2 => any::<usize>().prop_map(Command::Abandon),
        1 => any::<usize>().prop_map(Command::Refuse),
        3 => any::<usize>().prop_map(Command::Grant),
        2 => any::<usize>().prop_map(Command::Cancel),
        3 => (any::<usize>(), 0..8_usize).prop_map(|(who, place)| Command::Move(who, place)),
        1 => Just(Command::Purge),
        1 => Just(Command::ForceRelease),
        2 => slots().prop_map(Command::SetSlots),
        1 => Just(Command::Pin),
        1 => Just(Command::Unpin),
        1 => Just(Command::Forget),
        3 => (0..15_u64).prop_map(Command::Advance),
        3 => (0..8_u64).prop_map(Command::Wait),
    ]
}

/// A request of the model. Its number is also what the queue was given as waiter.
#[derive(Clone, Debug)]
struct ModelRequest {
    number: usize,
    priority: i32,
    /// Whose place it has: its priority, unless it was moved.
    class: i32,
    ttl: Option<u64>,
    deadline: Option<u64>,
    granted: bool,
    token: u64,
    slot: Option<SlotId>,
    left: bool,
}

#[derive(Default)]
struct Model {
    slots: Option<u32>,
    declared: Option<u32>,
    wanted: Option<u32>,
    pinned: bool,
    exists: bool,
    busy: Vec<ModelRequest>,
    line: Vec<ModelRequest>,
    /// Number, status, when.
    ended: Vec<(usize, Status, u64)>,
    tokens: u64,
    outcomes: Vec<(usize, &'static str)>,
    /// Those who got the slot of another request, which is named second.
    shared: Vec<(usize, usize)>,
    /// Whose permits were taken, and whether they may ask.
    lost: Vec<(usize, bool)>,
}

const fn plain(slots: Slots) -> Option<u32> {
    match slots {
        Slots::Limited(slots) => Some(slots),
        Slots::Unlimited => None,
    }
}

impl Model {
    fn new() -> Self {
        Self {
            slots: Some(1),
            declared: Some(1),
            wanted: Some(1),
            ..Self::default()
        }
    }

    fn taken(&self) -> usize {
        self.busy.iter().filter(|asked| !asked.granted).count()
    }

    fn has_room(&self) -> bool {
        self.slots.is_none_or(|slots| self.taken() < slots as usize)
    }

    fn start(&mut self, mut asked: ModelRequest, granted: bool, now: u64) {
        self.tokens += 1;
        asked.token = self.tokens;
        asked.granted = granted;
        asked.deadline = asked.ttl.map(|ttl| now + ttl);
        self.busy.push(asked);
    }

    fn start_waiting(&mut self, at: usize, granted: bool, now: u64) {
        let asked = self.line.remove(at);
        if let Some(holder) = self.holder(asked.slot.as_ref()) {
            self.outcomes.push((asked.number, "shares"));
            self.shared.push((asked.number, holder));
            self.ended.push((asked.number, Status::Done, now));
            return;
        }
        let word = match asked.slot {
            Some(_) => "holds",
            None => "admitted",
        };
        self.outcomes.push((asked.number, word));
        self.start(asked, granted, now);
    }

    /// The busy request with that slot id.
    fn holder(&self, slot: Option<&SlotId>) -> Option<usize> {
        let its = |asked: &&ModelRequest| slot.is_some() && asked.slot.as_ref() == slot;
        self.busy.iter().find(its).map(|asked| asked.number)
    }

    fn lose(&mut self, number: usize) {
        let its = |asked: &&ModelRequest| asked.number == number;
        if let Some(asked) = self.busy.iter().find(its) {
            let asks = asked.slot.is_none() && !asked.left;
            self.lost.push((number, asks));
        }
    }

    fn settle(&mut self, now: u64) {
        while self.has_room() && !self.line.is_empty() {
            self.start_waiting(0, false, now);
        }
        self.adopt();
    }

    fn adopt(&mut self) {
        if self.busy.is_empty() && self.line.is_empty() && self.wanted != self.declared {
            self.declared = self.wanted;
            if !self.pinned {
                self.slots = self.declared;
            }
        }
    }

    fn pass(&mut self, now: u64) {
        loop {
            let all = self.busy.iter().chain(&self.line);
            let due = all
                .filter_map(|asked| Some((asked.deadline?, asked.number)))
                .min()
                .filter(|(deadline, _)| *deadline <= now);
            let Some((_, number)) = due else { return };
            if let Some(at) = self.line.iter().position(|asked| asked.number == number) {
                self.line.remove(at);
                self.outcomes.push((number, "timed out"));
                self.ended.push((number, Status::TimedOut, now));
            } else {
                self.lose(number);
                self.busy.retain(|asked| asked.number != number);
                self.ended.push((number, Status::Expired, now));
            }
            self.settle(now);
        }
    }

    fn arrive(&mut self, declared: Option<Slots>) {
        if let Some(declared) = declared {
            self.wanted = plain(declared);
        }
        if !self.exists {
            self.exists = true;
            self.declared = self.wanted;
            self.slots = self.wanted;
        }
        self.adopt();
    }

    fn end_busy(&mut self, number: usize, status: Status, now: u64) -> bool {
        let found = self.busy.iter().any(|asked| asked.number == number);
        if found {
            if self
                .busy
                .iter()
                .any(|it| it.number == number && it.slot.is_some())
            {
                self.lose(number);
            }
            self.busy.retain(|asked| asked.number != number);
            self.ended.push((number, status, now));
            self.settle(now);
        }
        found
    }

    fn end_waiting(&mut self, number: usize, status: Status, now: u64) -> bool {
        let found = self.line.iter().any(|asked| asked.number == number);
        if found {
            self.line.retain(|asked| asked.number != number);
            self.ended.push((number, status, now));
            self.settle(now);
        }
        found
    }

    fn refresh(&mut self, who: Option<usize>, ttl: u64, now: u64) -> Result<(), RefreshRefused> {
        let its = |asked: &&mut ModelRequest| Some(asked.number) == who;
        match self.busy.iter_mut().find(its) {
            None => Err(RefreshRefused::NotHeld),
            Some(ModelRequest { ttl: None, .. }) => Err(RefreshRefused::NoTtl),
            Some(asked) => {
                asked.ttl = Some(ttl);
                asked.deadline = Some(now + ttl);
                Ok(())
            }
        }
    }

    fn place(&self, number: usize) -> Option<usize> {
        self.line.iter().position(|asked| asked.number == number)
    }
}

fn named(request: Request, slot: Option<u8>) -> Request {
    match slot {
        Some(slot) => request.slot(slot_id(slot)),
        None => request,
    }
}

/// Both, side by side.
struct Pair {
    queue: Queue<usize>,
    fx: Effects<usize>,
    model: Model,
    tickets: Vec<Ticket>,
    now: u64,
}

impl Pair {
    fn ask(&mut self, request: &mut Request, queue_up: bool) {
        let number = self.tickets.len();
        let now = Timestamp::from_nanos(self.now);
        self.model.arrive(request.get_slots());
        let asked = ModelRequest {
            number,
            priority: request.get_priority().0,
            class: request.get_priority().0,
            ttl: request
                .get_ttl()
                .map(|ttl| ttl.duration().as_nanos() as u64),
            deadline: request
                .get_timeout()
                .map(|limit| self.now + limit.as_nanos() as u64),
            granted: false,
            token: 0,
            slot: request.get_slot().cloned(),
            left: false,
        };
        let outcome = if queue_up {
            self.queue
                .acquire(request, |_, _| number, now, &mut self.fx)
        } else {
            match self.queue.try_acquire(request, now, &mut self.fx) {
                Some(admission) => Attempt::Admitted(admission),
                None => {
                    assert!(!self.model.has_room());
                    return;
                }
            }
        };
        if self.model.has_room()
            && let Some(holder) = self.model.holder(asked.slot.as_ref())
        {
            let held = self.queue.admission(self.tickets[holder]);
            assert_eq!(outcome, Attempt::Admitted(held.expect("it is busy")));
            assert!(request.get_slot().is_some(), "it made no request");
        } else if self.model.has_room() {
            assert!(self.model.line.is_empty());
            self.model.start(asked, false, self.now);
            let Attempt::Admitted(admission) = outcome else {
                panic!("a slot is free, yet: {outcome:?}")
            };
            assert_eq!(admission.token, self.model.tokens);
            self.tickets.push(admission.ticket);
        } else if asked.deadline == Some(self.now) {
            assert_eq!(outcome, Attempt::TimedOut);
            self.model.ended.push((number, Status::TimedOut, self.now));
            // The queue does not tell its ticket; the row of what ended just now does.
            let last = self.queue.rows(now).last().map(|row| row.ticket);
            self.tickets.push(last.expect("it is shown for a while"));
        } else {
            let Attempt::Queued(ticket) = outcome else {
                panic!("no slot is free, yet: {outcome:?}")
            };
            let line = &mut self.model.line;
            let at = line.iter().position(|other| other.class < asked.class);
            line.insert(at.unwrap_or(line.len()), asked);
            self.tickets.push(ticket);
        }
    }

    fn run(&mut self, command: Command) {
        if let Command::Wait(by) | Command::Advance(by) = command {
            self.now += by;
        }
        if let Command::Wait(_) = command {
            return;
        }
        let now = self.now;
        let at = Timestamp::from_nanos(now);
        if !matches!(command, Command::Refuse(_) | Command::Leave(_)) {
            self.model.pass(now);
        }
        let made = self.tickets.len();
        let pick = |who: usize| (made > 0).then(|| who % made);
        let Pair {
            queue,
            fx,
            model,
            tickets,
            ..
        } = self;
        match command {
            Command::Acquire {
                declared,
                priority,
                timeout,
                ttl,
                slot,
            } => {
                let mut request = Request::new().priority(priority);
                if let Some(declared) = declared {
                    request = request.slots(declared);
                }
                if let Some(timeout) = timeout {
                    request = request.timeout(Duration::from_nanos(timeout));
                }
                if let Some(ttl) = ttl {
                    request = request.ttl(Ttl::new(Duration::from_nanos(ttl)).unwrap());
                }
                self.ask(&mut named(request, slot), true);
            }
            Command::TryAcquire(slot) => self.ask(&mut named(Request::new(), slot), false),
            Command::ReleaseSlot(slot) => {
                let slot = slot_id(slot);
                let released = queue.release_slot(&slot, at, fx).is_ok();
                let holder = model.holder(Some(&slot));
                assert_eq!(released, holder.is_some());
                if let Some(holder) = holder {
                    model.end_busy(holder, Status::Done, now);
                }
            }
            Command::RefreshSlot(slot, ttl) => {
                let slot = slot_id(slot);
                let new = Ttl::new(Duration::from_nanos(ttl)).unwrap();
                let refreshed = queue.refresh_slot(&slot, new, at, fx);
                let holder = model.holder(Some(&slot));
                assert_eq!(refreshed, model.refresh(holder, ttl, now));
            }
            Command::Leave(who) => {
                let Some(who) = pick(who) else { return };
                queue.leave(tickets[who]);
                if let Some(asked) = model.busy.iter_mut().find(|asked| asked.number == who) {
                    asked.left = true;
                }
            }
            Command::Release(who) => {
                let Some(who) = pick(who) else { return };
                let released = queue.release(tickets[who], at, fx).is_ok();
                assert_eq!(released, model.end_busy(who, Status::Done, now));
            }
            Command::Refresh(who, ttl) => {
                let Some(who) = pick(who) else { return };
                let new = Ttl::new(Duration::from_nanos(ttl)).unwrap();
                let refreshed = queue.refresh(tickets[who], new, at, fx);
                assert_eq!(refreshed, model.refresh(Some(who), ttl, now));
            }
            Command::Abandon(who) => {
                let Some(who) = pick(who) else { return };
                queue.abandon(tickets[who], at, fx);
                let _ = model.end_waiting(who, Status::Left, now)
                    || model.end_busy(who, Status::Released, now);
            }
            Command::Refuse(who) => {
                let Some(who) = pick(who) else { return };
                let waiter = queue.refuse(tickets[who], at, fx);
                let refused = model.end_waiting(who, Status::Cancelled, now);
                assert_eq!(waiter, refused.then_some(who));
            }
            Command::Grant(who) => {
                let Some(who) = pick(who) else { return };
                let granted = queue.grant(tickets[who], at, fx);
                let place = model.place(who);
                assert_eq!(granted.is_ok(), place.is_some());
                if let Some(place) = place {
                    model.start_waiting(place, true, now);
                }
            }
            Command::Cancel(who) => {
                let Some(who) = pick(who) else { return };
                let cancelled = queue.cancel(tickets[who], at, fx);
                if model.place(who).is_some() {
                    model.outcomes.push((who, "cancelled"));
                }
                assert_eq!(
                    cancelled.is_ok(),
                    model.end_waiting(who, Status::Cancelled, now)
                );
            }
            Command::Move(who, place) => {
                let Some(who) = pick(who) else { return };
                let moved = queue.move_to(tickets[who], place, at, fx);
                let from = model.place(who);
                assert_eq!(moved.is_ok(), from.is_some());
                if let Some(from) = from {
                    let mut asked = model.line.remove(from);
                    let to = place.saturating_sub(1).min(model.line.len());
                    let near = model.line.get(to).or(model.line.last());
                    asked.class = near.map_or(asked.priority, |near| near.class);
                    model.line.insert(to, asked);
                }
            }
            Command::Purge => {
                let counts = queue.purge(at, fx);
                assert_eq!(counts, (model.busy.len(), model.line.len()));
                for asked in std::mem::take(&mut model.busy) {
                    let asks = asked.slot.is_none() && !asked.left;
                    model.lost.push((asked.number, asks));
                    model.ended.push((asked.number, Status::Released, now));
                }
                while !model.line.is_empty() {
                    model.start_waiting(0, true, now);
                }
                model.settle(now);
            }
            Command::ForceRelease => {
                assert_eq!(queue.force_release(at, fx), model.busy.len());
                for asked in std::mem::take(&mut model.busy) {
                    let asks = asked.slot.is_none() && !asked.left;
                    model.lost.push((asked.number, asks));
                    model.ended.push((asked.number, Status::Released, now));
                }
                model.settle(now);
            }
            Command::SetSlots(slots) => {
                queue.set_slots(slots, at, fx);
                model.arrive(None);
                model.pinned = true;
                model.slots = plain(slots);
                model.settle(now);
            }
            Command::Pin => {
                queue.pin(at, fx);
                let slots = model.slots;
                model.arrive(None);
                model.pinned = true;
                model.slots = slots;
                model.settle(now);
            }
            Command::Unpin => {
                queue.unpin(at, fx);
                if model.pinned {
                    model.pinned = false;
                    model.slots = model.declared;
                    model.settle(now);
                }
            }
            Command::Forget => {
                let idle = model.busy.is_empty() && model.line.is_empty();
                assert_eq!(queue.forget(at, fx), idle);
                if idle {
                    // Only the numbering goes on; see the check of tokens.
                    let mut fresh = Model::new();
                    fresh.outcomes = std::mem::take(&mut model.outcomes);
                    fresh.shared = std::mem::take(&mut model.shared);
                    fresh.lost = std::mem::take(&mut model.lost);
                    fresh.tokens = queue.last_token;
                    assert!(fresh.tokens >= model.tokens);
                    *model = fresh;
                }
            }
            Command::Advance(_) => queue.advance(at, fx),
            Command::Wait(_) => unreachable!("handled above"),
        }
    }

    fn compare(&mut self) {
        let now = Timestamp::from_nanos(self.now);
        let Pair {
            queue,
            fx,
            model,
            tickets,
            ..
        } = self;
        // What waiters were told, in order.
        let mut shared = Vec::new();
        let told: Vec<_> = fx
            .outcomes
            .drain(..)
            .map(|(number, verdict)| {
                let word = match verdict {
                    Outcome::Admitted(admission) => {
                        assert_eq!(admission.ticket, tickets[number]);
                        "admitted"
                    }
                    Outcome::Slot(admission) if admission.ticket == tickets[number] => "holds",
                    Outcome::Slot(admission) => {
                        shared.push((number, admission.ticket));
                        "shares"
                    }
                    Outcome::Cancelled => "cancelled",
                    Outcome::TimedOut => "timed out",
                    Outcome::Abandoned => "abandoned",
                };
                (number, word)
            })
            .collect();
        assert_eq!(told, std::mem::take(&mut model.outcomes));
        let theirs: Vec<_> = std::mem::take(&mut model.shared)
            .into_iter()
            .map(|(number, holder)| (number, tickets[holder]))
            .collect();
        assert_eq!(shared, theirs);
        let lost: Vec<_> = std::mem::take(&mut model.lost)
            .into_iter()
            .map(|(number, asks)| (tickets[number], asks))
            .collect();
        let taken: Vec<_> = fx
            .lost
            .drain(..)
            .map(|lost| (lost.admission.ticket, lost.asked))
            .collect();
        assert_eq!(taken, lost);
        // What administrators see.
        assert_eq!(plain(queue.slots()), model.slots);
        assert_eq!(queue.is_pinned(), model.pinned);
        assert_eq!(queue.exists(), model.exists);
        assert_eq!(queue.busy(), model.taken());
        assert_eq!(queue.waiting(), model.line.len());
        let busy = model.busy.iter().map(|asked| {
            let status = Status::Busy;
            (
                tickets[asked.number],
                status,
                asked.granted,
                None,
                Some(asked.token),
            )
        });
        let line = model.line.iter().zip(1..).map(|(asked, place)| {
            (
                tickets[asked.number],
                Status::Waiting,
                false,
                Some(place),
                None,
            )
        });
        let rows: Vec<_> = queue
            .rows(now)
            .filter(|row| row.ended_at.is_none())
            .map(|row| (row.ticket, row.status, row.granted, row.place, row.token))
            .collect();
        assert_eq!(rows, busy.chain(line).collect::<Vec<_>>());
        for (asked, place) in model.line.iter().zip(1..) {
            assert_eq!(queue.place(tickets[asked.number]), Some(place));
        }
        let ended: Vec<_> = queue
            .rows(now)
            .filter_map(|row| Some((row.ticket, row.status, row.ended_at?.as_nanos())))
            .collect();
        let kept = model.ended.len().saturating_sub(ENDED_KEPT);
        let remembered: Vec<_> = model.ended[kept..]
            .iter()
            .map(|(number, status, at)| (tickets[*number], *status, *at))
            .collect();
        // What was ended by force is shown in front of them until its permit is dropped.
        let (outlived, ended) = ended.split_at(ended.len().saturating_sub(remembered.len()));
        assert_eq!(ended, remembered);
        for (ticket, status, at) in outlived {
            assert_eq!(*status, Status::Released);
            assert!(
                model.ended[..kept]
                    .iter()
                    .any(|(number, status, ended_at)| {
                        (tickets[*number], *status, *ended_at) == (*ticket, Status::Released, *at)
                    })
            );
        }
        let next = model
            .busy
            .iter()
            .chain(&model.line)
            .filter_map(|asked| asked.deadline)
            .min();
        assert_eq!(
            queue.next_deadline(),
            next.map_or(Timestamp::NEVER, Timestamp::from_nanos)
        );
        // The invariants of the module page.
        assert!(model.line.is_empty() || !model.has_room());
        let named = model.busy.iter().filter_map(|asked| {
            let slot = asked.slot.clone()?;
            Some((slot, tickets[asked.number].index()))
        });
        assert_eq!(queue.held_slots, named.collect());
        assert_eq!(
            queue.held_slots.len(),
            model
                .busy
                .iter()
                .filter(|asked| asked.slot.is_some())
                .count()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_two_lists_and_a_sort_would_do(
        commands in prop::collection::vec(command(), 1..120),
    ) {
        let mut pair = Pair {
            queue: Queue::new(0),
            fx: Effects::default(),
            model: Model::new(),
            tickets: Vec::new(),
            now: 0,
        };
        for command in commands {
            let unnoticed = matches!(command, Command::Wait(_));
            pair.run(command);
            if !unnoticed {
                pair.compare();
            }
        }
    }

    #[test]
    fn watching_changes_nothing_but_tells_every_change_of_counts(
        commands in prop::collection::vec(command(), 1..60),
    ) {
        let mut pair = Pair {
            queue: Queue::new(0),
            fx: Effects { observed: true, ..Effects::default() },
            model: Model::new(),
            tickets: Vec::new(),
            now: 0,
        };
        let (mut busy, mut waiting, mut slots) = (0, 0, Slots::ONE);
        for command in commands {
            if matches!(command, Command::Wait(_)) {
                pair.run(command);
                continue;
            }
            pair.run(command);
            pair.compare();
            for transition in pair.fx.transitions.drain(..) {
                // One thing at a time: no change of the counts goes untold.
                prop_assert!(transition.busy.abs_diff(busy) <= 1, "{transition:?}");
                prop_assert!(transition.waiting.abs_diff(waiting) <= 1, "{transition:?}");
                (busy, waiting, slots) = (transition.busy, transition.waiting, transition.slots);
                if transition.kind == EventKind::Forgotten {
                    slots = Slots::ONE;
                }
            }
            prop_assert_eq!(busy, pair.queue.busy());
            prop_assert_eq!(waiting, pair.queue.waiting());
            prop_assert_eq!(slots, pair.queue.slots());
        }
    }
}

#[test]
fn a_pin_pins_the_number_that_counts_once_what_is_due_has_happened() {
    let mut queue: Queue<()> = Queue::new(0);
    let mut fx = Effects::default();
    let second = Duration::from_secs(1);
    let start = Timestamp::ZERO;
    let mut lasting = Request::new().ttl(Ttl::new(second).unwrap());
    assert!(queue.try_acquire(&mut lasting, start, &mut fx).is_some());
    let mut other = Request::new().slots(5);
    assert!(
        queue.try_acquire(&mut other, start, &mut fx).is_none(),
        "not idle yet"
    );
    queue.pin(start.after(second), &mut fx);
    assert_eq!(queue.slots(), Slots::Limited(5));
}

#[test]
fn what_a_long_line_took_is_given_back_when_it_is_gone() {
    let mut queue: Queue<()> = Queue::new(0);
    let mut fx = Effects::default();
    let now = Timestamp::ZERO;
    let mut held = None;
    let tickets: Vec<_> = (0..100_000)
        .filter_map(|_| {
            let timeout = Duration::from_secs(1);
            match queue.acquire(
                &mut Request::new().timeout(timeout),
                |_, _| (),
                now,
                &mut fx,
            ) {
                Attempt::Queued(ticket) => Some(ticket),
                Attempt::Admitted(admission) => {
                    held = Some(admission.ticket);
                    None
                }
                Attempt::TimedOut => panic!("it has a second"),
            }
        })
        .collect();
    queue
        .release(held.expect("the first one"), now, &mut fx)
        .unwrap();
    for ticket in tickets {
        queue.release(ticket, now, &mut fx).unwrap();
    }
    assert!(queue.is_idle());
    assert_eq!(queue.records.capacity(), 0);
    assert_eq!(queue.next_deadline(), Timestamp::NEVER);
}
