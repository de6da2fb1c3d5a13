//! What this session has in the file and waits for: a state machine without I/O and without a clock.
//!
//! Commands and their answers, outcomes, failures and the time go in; answers to callers come out, and what is still to be
//! written. The [worker](super) does the rest: it moves bytes and time.
//!
//! Nothing that a caller gave back is lost: what could not be written stays in `pending_releases` and `pending_marks` until
//! it is. No caller waits for longer than it wants to, also while the file is locked: its request is `postponed`, up to its
//! own limit.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::{Command, CommandResult, Reply};
use crate::error::{AcquireError, StoreError};
use crate::event::EventHub;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::request::Request;
use crate::sqlite::clock::{Moment, WallClock};
use crate::sqlite::message::Message;
use crate::sqlite::permit::PermitState;
use crate::sqlite::transitions::Outcome;

/// A request with a shorter limit than this may still wait so long for this process's turn to write: without a turn the
/// worker cannot see whether a slot is free.
const LEAST_LIMIT: Duration = Duration::from_secs(1);

/// A request of this session that waits.
struct Waiting {
    /// In the order of asking.
    nth: u64,
    name: SemaphoreName,
    request: Request,
    /// It does not want to wait for longer.
    until: Moment,
    reply: Reply,
}

impl Waiting {
    fn run(&self) -> Option<RunId> {
        self.request.get_owner().and_then(Owner::run)
    }
}

/// See the module page.
pub(super) struct Session {
    /// For events that are missed.
    hub: Arc<EventHub>,
    last_nth: u64,
    waiting: HashMap<RequestId, Waiting>,
    held: HashMap<RequestId, Arc<PermitState>>,
    /// Commands for which it was not this process's turn in time. They are carried out with the next batch.
    postponed: Vec<Command>,
    /// When the requests among them were made.
    postponed_since: HashMap<RequestId, Instant>,
    /// Requests that were given back or given up, while that could not be written: the disk was full, or the file locked.
    pending_releases: Vec<RequestId>,
    /// The last marks of runs that could not be written.
    pending_marks: HashMap<RunId, Option<Instant>>,
}

/// What is left to do after the answers to a batch.
pub(super) struct Answered {
    /// Requests that are over, for [`Session::forget`].
    pub(super) over: Vec<RequestId>,
    /// Whether there are more requests that wait.
    pub(super) has_joined: bool,
}

impl Session {
    pub(super) fn new(hub: Arc<EventHub>) -> Self {
        Self {
            hub,
            last_nth: 0,
            waiting: HashMap::new(),
            held: HashMap::new(),
            postponed: Vec::new(),
            postponed_since: HashMap::new(),
            pending_releases: Vec::new(),
            pending_marks: HashMap::new(),
        }
    }

    // ---- what there is

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The semaphores for which requests of this session wait.
    pub(super) fn waited_for(&self) -> HashSet<&SemaphoreName> {
        self.waiting.values().map(|waiting| &waiting.name).collect()
    }

    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether it has anything in the file that it must keep alive.
    pub(super) fn is_active(&self) -> bool {
        self.is_waiting() || self.is_holding()
    }

    pub(super) fn is_postponed(&self) -> bool {
        !self.postponed.is_empty()
    }

    /// Whether there is anything to do but to wait.
    pub(super) fn is_to_do(&self) -> bool {
        self.is_postponed() || self.is_pending()
    }

    /// Whether something is still to be written.
    pub(super) fn is_pending(&self) -> bool {
        !self.pending_releases.is_empty() || !self.pending_marks.is_empty()
    }

    pub(super) fn held(&self) -> &HashMap<RequestId, Arc<PermitState>> {
        &self.held
    }

    pub(super) fn pending_releases(&self) -> &[RequestId] {
        &self.pending_releases
    }

    pub(super) fn pending_marks(&self) -> &HashMap<RunId, Option<Instant>> {
        &self.pending_marks
    }

    /// The permits of the run whose slots stay taken although it is over.
    pub(super) fn left_by(&self, run: RunId) -> HashSet<RequestId> {
        // A permit that is admitted in the very batch that ends the run was not left: its holder has not got it yet.
        let left = self
            .held
            .iter()
            .filter(|(_, permit)| permit.is_left_by(run));
        left.map(|(id, _)| *id).collect()
    }

    // ---- commands

    /// The batch with what was postponed before it: what was asked for earlier comes first.
    pub(super) fn with_postponed(&mut self, batch: Vec<Command>) -> Vec<Command> {
        if self.postponed.is_empty() {
            return batch;
        }
        let mut all = std::mem::take(&mut self.postponed);
        all.extend(batch);
        all
    }

    /// When the first of these requests would rather give up than wait for the file.
    pub(super) fn limit(&self, batch: &[Command], now: Instant) -> Option<Instant> {
        let limits = batch.iter().filter_map(|command| match command {
            Command::Acquire { id, request, .. } => {
                Some(self.since(*id, now) + request.get_timeout()?.max(LEAST_LIMIT))
            }
            _ => None,
        });
        limits.min()
    }

    fn since(&self, id: RequestId, now: Instant) -> Instant {
        self.postponed_since.get(&id).copied().unwrap_or(now)
    }

    /// It was not this process's turn in time. Requests wait on, each up to its own limit. The other commands wait on, too;
    /// they fail if the process that has the turn is `stuck`.
    pub(super) fn postpone(
        &mut self,
        batch: Vec<Command>,
        (is_stuck, error): (bool, &StoreError),
        is_open: bool,
        now: Instant,
    ) {
        for command in batch {
            let Command::Acquire {
                id, name, request, ..
            } = &command
            else {
                if is_stuck {
                    self.fail(command, error, is_open);
                } else {
                    self.postponed.push(command);
                }
                continue;
            };
            let (id, since) = (*id, self.since(*id, now));
            let waited = now.saturating_duration_since(since);
            let limit = request.get_timeout();
            let late = limit.filter(|limit| waited >= (*limit).max(LEAST_LIMIT));
            let timed_out = late.map(|after| AcquireError::TimedOut {
                name: name.clone(),
                after,
            });
            match (command, timed_out) {
                (Command::Acquire { reply, .. }, Some(error)) => {
                    self.postponed_since.remove(&id);
                    drop(reply.send(Err(error)));
                }
                (Command::Acquire { reply, .. }, None) if reply.is_closed() => {
                    self.postponed_since.remove(&id);
                }
                (command, _) => {
                    self.postponed_since.insert(id, since);
                    self.postponed.push(command);
                }
            }
        }
    }

    /// Answers the commands of a batch that is committed. Requests begin to wait for their outcomes, which come
    /// [separately](Self::outcome).
    pub(super) fn answer(
        &mut self,
        batch: Vec<Command>,
        answers: Vec<CommandResult>,
        now: Moment,
    ) -> Answered {
        let before = self.last_nth;
        let mut over = Vec::new();
        for (command, answer) in batch.into_iter().zip(answers) {
            match (command, answer) {
                (
                    Command::Acquire {
                        id,
                        name,
                        request,
                        reply,
                    },
                    _,
                ) => self.await_outcome(id, name, request, Reply::Acquire(reply), now),
                (
                    Command::TryAcquire {
                        id,
                        name,
                        request,
                        reply,
                    },
                    CommandResult::Tried(true),
                ) => self.await_outcome(id, name, request, Reply::TryAcquire(reply), now),
                (Command::TryAcquire { reply, .. }, _) => drop(reply.send(Ok(None))),
                (Command::Abandon(id), _) => over.push(id),
                (Command::MarkUnresponsive(run, _), _) => {
                    self.pending_marks.remove(&run);
                }
                (Command::Release(id, reply), CommandResult::Released(held)) => {
                    over.push(id);
                    if let Some(reply) = reply {
                        let _ = reply.send(Ok(held));
                    }
                }
                (Command::ReleaseSlot(_, _, reply), CommandResult::Released(held)) => {
                    let _ = reply.send(Ok(held));
                }
                (
                    Command::Refresh(_, _, reply) | Command::RefreshSlot(_, _, _, reply),
                    CommandResult::Refreshed(refreshed),
                ) => {
                    let _ = reply.send(Ok(refreshed));
                }
                (Command::Administer(_, _, reply), CommandResult::Administered(outcome)) => {
                    drop(reply.send(outcome));
                }
                (Command::Show(_, reply), CommandResult::Views(views)) => {
                    drop(reply.send(Ok(views)));
                }
                (Command::Audit(_, reply), CommandResult::Audit(entries)) => {
                    let _ = reply.send(Ok(entries));
                }
                (Command::History(_, _, reply), CommandResult::History(ended)) => {
                    let _ = reply.send(Ok(ended));
                }
                (Command::Find(_, reply), CommandResult::Found(found)) => drop(reply.send(found)),
                (Command::ShareWithChildren(reply), CommandResult::Shared(shared)) => {
                    drop(reply.send(shared));
                }
                (Command::Diagnose(reply), CommandResult::Diagnosis(diagnosis)) => {
                    let _ = reply.send(Ok(*diagnosis));
                }
                (_, _) => {}
            }
        }
        Answered {
            over,
            has_joined: self.last_nth > before,
        }
    }

    fn await_outcome(
        &mut self,
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Reply,
        now: Moment,
    ) {
        self.last_nth += 1;
        self.postponed_since.remove(&id);
        let limit = request.get_timeout();
        let waiting = Waiting {
            nth: self.last_nth,
            name,
            until: limit.map_or(Moment::NEVER, |limit| now.after(limit)),
            request,
            reply,
        };
        self.waiting.insert(id, waiting);
    }

    /// Answers a command that could not be carried out. What it gave back is given back later, if the file is open: without
    /// an open file this session has nothing.
    pub(super) fn fail(&mut self, command: Command, error: &StoreError, is_open: bool) {
        let error = error.clone();
        match command {
            Command::Acquire { reply, .. } => drop(reply.send(Err(error.into()))),
            Command::TryAcquire { reply, .. } => drop(reply.send(Err(error))),
            Command::Abandon(id) => self.release_later(id, is_open),
            // The request is shown until this session ends.
            Command::DropOutlived(_) => {}
            // What waits goes on waiting, and that it can never end is not seen. It may have a time limit.
            Command::NoteDependents(..) => {}
            Command::AbandonRun(run) => self.abandon_later(run, is_open),
            Command::MarkUnresponsive(run, since) => {
                self.pending_marks.insert(run, since);
            }
            Command::Release(id, reply) => {
                self.release_later(id, is_open);
                if let Some(reply) = reply {
                    let _ = reply.send(Err(error));
                }
            }
            Command::Refresh(_, _, reply) | Command::RefreshSlot(_, _, _, reply) => {
                drop(reply.send(Err(error)));
            }
            Command::ReleaseSlot(_, _, reply) => drop(reply.send(Err(error))),
            Command::Administer(_, _, reply) => drop(reply.send(Err(error.into()))),
            Command::Audit(_, reply) => drop(reply.send(Err(error))),
            Command::History(_, _, reply) => drop(reply.send(Err(error))),
            Command::Show(_, reply) => drop(reply.send(Err(error))),
            Command::Find(_, reply) => drop(reply.send(Err(error.into()))),
            Command::Observe => self.hub.gap(),
            Command::Diagnose(reply) => drop(reply.send(Err(error))),
            Command::ShareWithChildren(reply) => drop(reply.send(Err(error))),
            Command::Close(reply) => drop(reply.send(Err(error))),
        }
    }

    /// What could not be given back now is given back later.
    fn release_later(&mut self, id: RequestId, is_open: bool) {
        self.forget(id);
        if is_open {
            self.pending_releases.push(id);
        }
    }

    /// A run was given up, and that could not be written: its callers learn it now, the other sessions later.
    fn abandon_later(&mut self, run: RunId, is_open: bool) {
        let held = self.held.iter();
        let held = held.filter(|(_, permit)| permit.run == Some(run) && !permit.is_left());
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|(_, waiting)| waiting.run() == Some(run));
        let ended: Vec<RequestId> = held
            .map(|(id, _)| *id)
            .chain(waiting.map(|(id, _)| *id))
            .collect();
        for id in ended {
            self.end_killed(id);
            self.release_later(id, is_open);
        }
    }

    /// What was pending is written.
    pub(super) fn flushed(&mut self) {
        self.pending_releases.clear();
        self.pending_marks.clear();
    }

    /// There is no session in the file, and nothing in it to be marked.
    pub(super) fn drop_marks(&mut self) {
        self.pending_marks.clear();
    }

    // ---- outcomes

    /// A request is over by a command of its own caller. With a slot id there may be other permits of the same slot.
    pub(super) fn forget(&mut self, id: RequestId) {
        self.waiting.remove(&id);
        if let Some(permit) = self.held.remove(&id) {
            permit.loss.set();
        }
    }

    /// What became of a request of this session.
    pub(super) fn outcome(&mut self, id: RequestId, outcome: Outcome, clock: &WallClock) {
        match outcome {
            Outcome::Lost(admission) => {
                if let Some(permit) = self.held.remove(&id) {
                    permit.loss.set();
                } else if let Some(waiting) = self.waiting.remove(&id) {
                    // It was admitted, and that was over before this session had looked.
                    let run = waiting.run();
                    waiting.reply.send(match admission {
                        Some(admission) => {
                            let permit = PermitState::new(id, waiting.name, run, &admission, clock);
                            permit.loss.set();
                            Ok(Arc::new(permit))
                        }
                        // A program of before has ended it, which says no more.
                        None => Err(AcquireError::Cancelled { name: waiting.name }),
                    });
                }
            }
            Outcome::Killed => self.end_killed(id),
            Outcome::Admitted(admission) => {
                // A caller that gave up meanwhile has sent a command that gives the slot back.
                if let Some(waiting) = self.waiting.remove(&id) {
                    let run = waiting.run();
                    let permit = PermitState::new(id, waiting.name, run, &admission, clock);
                    let permit = Arc::new(permit);
                    self.held.insert(id, Arc::clone(&permit));
                    waiting.reply.send(Ok(permit));
                }
            }
            Outcome::Shares(holder, admission) => {
                if let Some(waiting) = self.waiting.remove(&id) {
                    // A holder that is not in the map is of another session: its run is not known here, and the end of a
                    // run of this session must not end it.
                    let permit = self.held.entry(holder).or_insert_with(|| {
                        let name = waiting.name;
                        Arc::new(PermitState::new(holder, name, None, &admission, clock))
                    });
                    waiting.reply.send(Ok(Arc::clone(permit)));
                }
            }
            Outcome::Cancelled | Outcome::TimedOut | Outcome::Deadlock(_) => {
                if let Some(waiting) = self.waiting.remove(&id) {
                    let name = waiting.name;
                    waiting.reply.send(Err(match outcome {
                        Outcome::Deadlock(error) => error.into(),
                        Outcome::TimedOut => AcquireError::TimedOut {
                            name,
                            after: waiting.request.get_timeout().unwrap_or_default(),
                        },
                        _ => AcquireError::Cancelled { name },
                    }));
                }
            }
        }
    }

    /// Another session has sent the admission of a request. Says whether that request waited.
    pub(super) fn admitted(&mut self, message: &Message, clock: &WallClock) -> bool {
        let waits = self.waiting.contains_key(&message.request);
        if waits {
            self.outcome(message.request, Outcome::Admitted(message.admission), clock);
        }
        waits
    }

    fn end_killed(&mut self, id: RequestId) {
        if let Some(permit) = self.held.remove(&id) {
            permit.loss.set_lease_passed();
        }
        // The run of the request was given up. Were the session reaped, the file would not have it any more.
        if let Some(Waiting { name, reply, .. }) = self.waiting.remove(&id) {
            reply.send(Err(AcquireError::Abandoned { name }));
        }
    }

    /// The file cannot be read: no request waits for longer than it wants to. Those whose time is over fail, and leave the
    /// line later.
    pub(super) fn time_out(&mut self, now: Moment, clock: &WallClock, is_open: bool) {
        let over = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.until <= now);
        let over: Vec<RequestId> = over.map(|(id, _)| *id).collect();
        for id in over {
            self.outcome(id, Outcome::TimedOut, clock);
            self.release_later(id, is_open);
        }
    }

    /// The session is not in the file any more: others reaped it, or the file was deleted. Its permits are lost. Returns the
    /// commands by which its waiters queue again, in their order.
    pub(super) fn lost(&mut self) -> Vec<Command> {
        // There is nothing in the file that could be given back.
        self.flushed();
        self.lose_permits();
        self.hub.gap();
        let mut waiting: Vec<_> = self.waiting.drain().collect();
        waiting.sort_unstable_by_key(|(_, waiting)| waiting.nth);
        let mut batch: Vec<Command> = waiting
            .into_iter()
            .filter_map(|(id, waiting)| match waiting.reply {
                Reply::Acquire(reply) => Some(Command::Acquire {
                    id,
                    name: waiting.name,
                    request: waiting.request,
                    reply,
                }),
                Reply::TryAcquire(reply) => {
                    let _ = reply.send(Ok(None));
                    None
                }
            })
            .collect();
        if self.hub.is_observed() {
            batch.push(Command::Observe);
        }
        batch
    }

    /// The worker ends without giving anything back: no holder may go on believing that it has a slot.
    pub(super) fn lose_permits(&mut self) {
        for (_, permit) in self.held.drain() {
            permit.loss.set_lease_passed();
        }
    }

    /// The store is about to be closed: what was postponed is not done any more.
    pub(super) fn fail_postponed(&mut self, error: &StoreError, is_open: bool) {
        for command in std::mem::take(&mut self.postponed) {
            self.fail(command, error, is_open);
        }
        self.postponed_since.clear();
    }

    /// The store is closed, and has given back everything.
    pub(super) fn closed(&mut self, error: &StoreError) {
        for (_, permit) in self.held.drain() {
            permit.loss.set();
        }
        self.flushed();
        for (_, waiting) in self.waiting.drain() {
            waiting.reply.send(Err(error.clone().into()));
        }
    }
}
