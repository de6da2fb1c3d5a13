//! A model of the server: the scripts' transitions on typed messages, without slot ids and TTLs. Its clock is a number.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{CLIENTS, LEASE};
use crate::id::RequestId;
use crate::redis::wire::{
    Acquire, Acquired, Admission, DataSet, Due, Message, Payload, Push, Refreshed, Renewed, Reply,
    RequestState, Restore, Restored, RestoredPlace, SessionLease, SlotCounts,
};
use crate::view::Status;

const MICROS: u64 = LEASE.as_micros() as u64;
/// When the clock starts, in microseconds.
pub(super) const FIRST_MOMENT: u64 = 1_000_000_000;

/// What is pushed, and to which client.
type Pushed = Vec<(usize, Push)>;

/// A request at the server.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    session: usize,
    requested: u64,
    /// When it times out.
    deadline: Option<u64>,
    /// Once it is busy.
    started: u64,
    token: u64,
    granted: bool,
}

#[derive(Debug)]
pub(super) struct Semaphore {
    generation: u64,
    slots: usize,
    token: u64,
    sequence: u64,
    guard: u64,
    pub(super) busy: BTreeMap<RequestId, Entry>,
    pub(super) waiting: BTreeMap<(i64, String, RequestId), Entry>,
    /// How requests ended, while that is remembered.
    ended: HashMap<RequestId, Status>,
    /// When the lease of each session ends.
    leases: BTreeMap<usize, u64>,
}

impl Semaphore {
    fn taken(&self) -> usize {
        self.busy.values().filter(|entry| !entry.granted).count()
    }

    fn has_room(&self) -> bool {
        self.guard == 0 && self.taken() < self.slots
    }

    fn place(&self, id: RequestId) -> Option<(i64, String, RequestId)> {
        let mut places = self.waiting.keys();
        places.find(|(_, _, waiting)| *waiting == id).cloned()
    }

    /// When something is due next.
    fn due(&self, now: u64) -> Due {
        let deadlines = self.waiting.values().filter_map(|entry| entry.deadline);
        let guard = (self.guard > 0).then_some(self.guard);
        let all = deadlines.chain(self.leases.values().copied()).chain(guard);
        Due(all.min().map(|at| at.saturating_sub(now)))
    }

    fn lease(&mut self, session: usize, now: u64, always: bool) -> SessionLease {
        let end = self.leases.entry(session).or_insert(0);
        if always || *end < now + MICROS * 2 / 3 {
            *end = now + MICROS;
        }
        SessionLease {
            left: *end - now,
            slots: SlotCounts::default(),
        }
    }
}

#[derive(Default)]
pub(super) struct Server {
    pub(super) now: u64,
    pub(super) semaphores: HashMap<String, Semaphore>,
    /// The data set: its id, and when data was found to be lost (0: never).
    data_set: Option<(Arc<str>, u64)>,
    data_sets: usize,
    /// Grows with each generation, so that none comes twice.
    generations: u64,
    pub(super) slots: usize,
    /// What is pushed to each client.
    pub(super) pushed: Pushed,
    /// Requests that an administrator ended.
    pub(super) forced: HashSet<RequestId>,
    pub(super) knows_scripts: bool,
}

impl Server {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            // A clock of the server that nothing else has.
            now: FIRST_MOMENT,
            slots,
            knows_scripts: true,
            ..Self::default()
        }
    }

    fn admission(semaphore: &Semaphore, entry: &Entry) -> Admission {
        Admission {
            token: entry.token,
            requested: entry.requested,
            started: entry.started,
            granted: entry.granted,
            generation: semaphore.generation,
        }
    }

    fn start(now: u64, semaphore: &mut Semaphore, id: RequestId, mut entry: Entry, granted: bool) {
        semaphore.token += 1;
        entry.token = semaphore.token;
        entry.started = now;
        entry.granted = granted;
        semaphore.busy.insert(id, entry);
    }

    fn admit(now: u64, semaphore: &mut Semaphore, pushed: &mut Pushed) {
        while semaphore.has_room()
            && let Some(((_, _, id), entry)) = semaphore.waiting.pop_first()
        {
            let session = entry.session;
            Self::start(now, semaphore, id, entry, false);
            let message = Message::Admitted(Self::admission(semaphore, &semaphore.busy[&id]));
            pushed.push((session, Push::Message(id, message)));
        }
    }

    /// Lets happen what is due in a semaphore. Gives it, with what is needed to change it.
    fn advance(&mut self, key: &str) -> Option<(u64, &mut Semaphore, &mut Pushed)> {
        let now = self.now;
        let pushed = &mut self.pushed;
        let semaphore = self.semaphores.get_mut(key)?;
        let mut late: Vec<_> = semaphore
            .waiting
            .iter()
            .filter(|(_, entry)| entry.deadline.is_some_and(|at| at <= now))
            .map(|(place, entry)| (place.clone(), entry.session))
            .collect();
        late.sort();
        for (place, session) in late {
            semaphore.waiting.remove(&place);
            semaphore.ended.insert(place.2, Status::TimedOut);
            let message = Message::Ended(Status::TimedOut);
            pushed.push((session, Push::Message(place.2, message)));
        }
        let dead: Vec<usize> = semaphore
            .leases
            .iter()
            .filter(|(_, end)| **end <= now)
            .map(|(session, _)| *session)
            .collect();
        for session in dead {
            semaphore.leases.remove(&session);
            let waiting = semaphore
                .waiting
                .extract_if(.., |_, entry| entry.session == session)
                .map(|((_, _, id), _)| id);
            let mut killed: Vec<RequestId> = waiting.collect();
            let busy = semaphore
                .busy
                .extract_if(.., |_, entry| entry.session == session);
            killed.extend(busy.map(|(id, _)| id));
            for id in killed {
                semaphore.ended.insert(id, Status::Killed);
                let message = Message::Ended(Status::Killed);
                pushed.push((session, Push::Message(id, message)));
            }
        }
        if now >= semaphore.guard {
            semaphore.guard = 0;
        }
        Self::admit(now, semaphore, pushed);
        Some((now, semaphore, pushed))
    }

    fn create(&mut self, key: &str, guard: u64) {
        self.generations = (self.generations + 1).max(self.now);
        self.semaphores.insert(
            key.to_owned(),
            Semaphore {
                generation: self.generations,
                slots: self.slots,
                token: self.now,
                sequence: self.now,
                guard: if guard > self.now { guard } else { 0 },
                busy: BTreeMap::new(),
                waiting: BTreeMap::new(),
                ended: HashMap::new(),
                leases: BTreeMap::new(),
            },
        );
    }

    pub(super) fn look_at_data_set(&mut self, known: &DataSet) -> DataSet {
        let before = self.data_set.clone();
        let is_new = known.id.is_empty();
        let (id, lost) = match &self.data_set {
            Some((id, 0)) if !is_new && known.id != *id => (Arc::clone(id), self.now),
            Some((id, lost)) => (Arc::clone(id), *lost),
            None => {
                self.data_sets += 1;
                let lost = if is_new { 0 } else { self.now };
                (format!("data set {}", self.data_sets).into(), lost)
            }
        };
        self.data_set = Some((Arc::clone(&id), lost));
        if self.data_set != before {
            self.push_to_all();
        }
        DataSet {
            id,
            guard: if lost == 0 { 0 } else { lost + MICROS },
        }
    }

    fn push_to_all(&mut self) {
        for client in 0..CLIENTS {
            self.pushed.push((client, Push::DataSetChanged));
        }
    }

    /// All data is gone.
    pub(super) fn wipe(&mut self) {
        // A server takes longer to admit a request than tokens grow by it: so they go on growing after a loss.
        self.now += 1000;
        self.semaphores.clear();
        self.data_set = None;
        self.push_to_all();
    }

    fn end_busy(&mut self, key: &str, id: RequestId, status: Status) -> bool {
        let Some((now, semaphore, pushed)) = self.advance(key) else {
            return false;
        };
        let was_busy = semaphore.busy.remove(&id).is_some();
        if was_busy {
            semaphore.ended.insert(id, status);
            Self::admit(now, semaphore, pushed);
        }
        was_busy
    }

    fn acquire(&mut self, client: usize, acquire: &Acquire) -> Acquired {
        let key = &*acquire.keys[0];
        if let Some(returned) = acquire.returned {
            self.end_busy(key, returned, Status::Done);
        }
        if let Some((now, semaphore, _)) = self.advance(key) {
            if let Some(entry) = semaphore.busy.get(&acquire.id).cloned() {
                let lease = semaphore.lease(client, now, false);
                return Acquired::Admitted(Self::admission(semaphore, &entry), lease);
            }
            if let Some(place) = semaphore.place(acquire.id) {
                return Acquired::Queued {
                    requested: semaphore.waiting[&place].requested,
                    key: place.1,
                    generation: semaphore.generation,
                    lease: semaphore.lease(client, now, false),
                    due: semaphore.due(now),
                };
            }
            if let (true, Some(status @ (Status::TimedOut | Status::Cancelled))) =
                (acquire.again, semaphore.ended.get(&acquire.id))
            {
                return Acquired::Ended(*status);
            }
        } else {
            let lost = match &self.data_set {
                Some((id, lost)) if *id == acquire.data_set.id => *lost,
                _ => return Acquired::OtherDataSet,
            };
            self.create(key, if lost == 0 { 0 } else { lost + MICROS });
        }
        let (now, semaphore, _) = self.advance(key).unwrap();
        let mut entry = Entry {
            session: client,
            requested: now,
            deadline: None,
            started: 0,
            token: 0,
            granted: false,
        };
        if semaphore.has_room() {
            Self::start(now, semaphore, acquire.id, entry, false);
            let lease = semaphore.lease(client, now, false);
            let admission = Self::admission(semaphore, &semaphore.busy[&acquire.id]);
            return Acquired::Admitted(admission, lease);
        }
        if !acquire.joins {
            return Acquired::NoSlot {
                generation: Some(semaphore.generation),
            };
        }
        let timeout = acquire.timeout.map(|timeout| timeout.as_micros() as u64);
        if timeout == Some(0) {
            semaphore.ended.insert(acquire.id, Status::TimedOut);
            return Acquired::Ended(Status::TimedOut);
        }
        semaphore.sequence += 1;
        let place = format!("{:016}5", semaphore.sequence);
        entry.deadline = timeout.map(|timeout| now + timeout);
        semaphore
            .waiting
            .insert((0, place.clone(), acquire.id), entry);
        Acquired::Queued {
            requested: now,
            key: place,
            generation: semaphore.generation,
            lease: semaphore.lease(client, now, false),
            due: semaphore.due(now),
        }
    }

    fn abandon(&mut self, key: &str, id: RequestId) {
        let Some((now, semaphore, pushed)) = self.advance(key) else {
            return;
        };
        if let Some(place) = semaphore.place(id) {
            semaphore.waiting.remove(&place);
            semaphore.ended.insert(id, Status::Left);
        } else if semaphore.busy.remove(&id).is_some() {
            semaphore.ended.insert(id, Status::Released);
        }
        Self::admit(now, semaphore, pushed);
    }

    fn renew(
        &mut self,
        client: usize,
        key: &str,
        known: u64,
        ids: &[RequestId],
        scan: bool,
    ) -> Renewed {
        let Some((now, semaphore, _)) = self.advance(key) else {
            return Renewed::OtherGeneration;
        };
        if semaphore.generation != known {
            return Renewed::OtherGeneration;
        }
        let states = ids.iter().map(|id| {
            Some(if let Some(entry) = semaphore.busy.get(id) {
                RequestState::Busy {
                    token: entry.token,
                    requested: entry.requested,
                    started: entry.started,
                    granted: entry.granted,
                }
            } else if let Some((_, key, _)) = semaphore.place(*id) {
                RequestState::Waiting { key }
            } else {
                match semaphore.ended.get(id) {
                    Some(status) => RequestState::Ended(*status),
                    None => RequestState::Unknown,
                }
            })
        });
        let states = states.collect();
        let mut others = Vec::new();
        if scan {
            let busy = semaphore.busy.iter().map(|(id, entry)| (*id, entry));
            let waiting = semaphore
                .waiting
                .iter()
                .map(|((_, _, id), entry)| (*id, entry));
            let ours = busy
                .chain(waiting)
                .filter(|(_, entry)| entry.session == client);
            others.extend(ours.map(|(id, _)| id));
        }
        Renewed::Renewed {
            lease: semaphore.lease(client, now, true),
            due: semaphore.due(now),
            states,
            others,
        }
    }

    fn restore(&mut self, client: usize, restore: &Restore) -> Restored {
        let key = &*restore.keys[0];
        if self.advance(key).is_none() {
            self.create(key, restore.guard);
        }
        let (now, semaphore, pushed) = self.advance(key).unwrap();
        semaphore.token = semaphore.token.max(restore.token);
        for request in &restore.requests {
            if semaphore.busy.contains_key(&request.id) || semaphore.place(request.id).is_some() {
                continue;
            }
            let left = request.left.map(|left| left.as_micros() as u64);
            let mut entry = Entry {
                session: client,
                requested: request.requested,
                deadline: None,
                started: 0,
                token: 0,
                granted: false,
            };
            match &request.place {
                RestoredPlace::Waiting { key, class } => {
                    entry.deadline = left.map(|left| now + left);
                    let place = (class.parse().unwrap(), key.clone(), request.id);
                    semaphore.waiting.insert(place, entry);
                }
                RestoredPlace::Busy {
                    started,
                    token,
                    granted,
                } => {
                    entry.started = *started;
                    entry.token = *token;
                    entry.granted = *granted;
                    semaphore.busy.insert(request.id, entry);
                }
            }
        }
        let left = semaphore.lease(client, now, true).left;
        Self::admit(now, semaphore, pushed);
        Restored {
            generation: semaphore.generation,
            left,
            due: semaphore.due(now),
        }
    }

    /// What the server makes of a message.
    pub(super) fn take(&mut self, client: usize, payload: &Payload) -> Reply {
        match payload {
            Payload::Acquire(acquire) => Reply::Acquired(self.acquire(client, acquire)),
            Payload::Release { keys, id } => {
                Reply::Released(self.end_busy(&keys[0], *id, Status::Done))
            }
            Payload::Abandon { keys, id, .. } => {
                self.abandon(&keys[0], *id);
                Reply::Done
            }
            Payload::Refresh { .. } => Reply::Refreshed(Refreshed::NoTtl),
            Payload::Renew {
                keys,
                generation,
                ids,
                scan,
            } => Reply::Renewed(self.renew(client, &keys[0], *generation, ids, *scan)),
            Payload::Restore(restore) => Reply::Restored(self.restore(client, restore)),
            Payload::Tick { keys } => Reply::Ticked(match self.advance(&keys[0]) {
                Some((now, semaphore, _)) => semaphore.due(now),
                None => Due(None),
            }),
            Payload::LookAtDataSet { known, .. } => {
                Reply::DataSet(Some(self.look_at_data_set(known)))
            }
            Payload::Leave { keys } => {
                if let Some(semaphore) = self.semaphores.get_mut(&*keys[0]) {
                    semaphore.leases.remove(&client);
                }
                Reply::Done
            }
            Payload::Names => Reply::Names(Vec::new()),
            _ => Reply::Done,
        }
    }

    // ---- administrators

    pub(super) fn cancel_first(&mut self, key: &str) {
        if let Some((_, semaphore, pushed)) = self.advance(key)
            && let Some(((_, _, id), entry)) = semaphore.waiting.pop_first()
        {
            semaphore.ended.insert(id, Status::Cancelled);
            let message = Message::Ended(Status::Cancelled);
            pushed.push((entry.session, Push::Message(id, message)));
        }
    }

    pub(super) fn grant_last(&mut self, key: &str) {
        if let Some((now, semaphore, pushed)) = self.advance(key)
            && let Some(((_, _, id), entry)) = semaphore.waiting.pop_last()
        {
            let session = entry.session;
            Self::start(now, semaphore, id, entry, true);
            let message = Message::Admitted(Self::admission(semaphore, &semaphore.busy[&id]));
            pushed.push((session, Push::Message(id, message)));
        }
    }

    pub(super) fn force_release(&mut self, key: &str) {
        let mut forced = Vec::new();
        if let Some((now, semaphore, pushed)) = self.advance(key) {
            for (id, entry) in std::mem::take(&mut semaphore.busy) {
                semaphore.ended.insert(id, Status::Released);
                let message = Message::Ended(Status::Done);
                pushed.push((entry.session, Push::Message(id, message)));
                forced.push(id);
            }
            Self::admit(now, semaphore, pushed);
        }
        self.forced.extend(forced);
    }
}
