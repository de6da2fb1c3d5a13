//! The one thread of an open store. It owns the connection, takes commands into transactions, and watches for what other
//! sessions decide. It never waits for anything but commands, wake-ups, time and its turn to write.
//!
//! * [`command`]: what the store asks of it, and the answers.
//! * [`session`]: what this session has and waits for. It decides, without I/O.
//! * [`open_file`]: the open file, and what is read from it.
//! * [`perform`]: a command in a transaction.
//! * [`poll`]: how long it may sleep.
//! * Here: the driver, which moves bytes and time between them.

mod command;
mod open_file;
mod perform;
mod poll;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::params;

pub(super) use self::command::Command;
use self::command::CommandResult;
use self::open_file::{LEASE, News, OpenFile};
use self::perform::{Context, mark_unresponsive, perform, read};
use self::poll::{
    HOLDER_CHECK, HOLDER_CHECK_AT_LEAST, HOLDER_CHECK_BEHIND, INSPECTION, RETRY, WATCH_FOR_LOST,
};
use self::session::Session;
use super::clock::{Moment, WallClock};
use super::file::{Database, Looks};
use super::inbox::{Closed, Inbox};
use super::presence::Presence;
use super::problem::Problem;
use super::transitions::{Effects, show};
use super::view;
use crate::error::StoreError;
use crate::event::EventHub;
use crate::file_url::{Access, SqliteUrl};
use crate::id::RequestId;

/// As many commands as one transaction takes: some ten milliseconds' worth.
const BATCH: usize = 256;
/// So many permits more may be given back in it whose callers do not wait for the answer. A process that has piled them up
/// gives them back all at once, and then they cost next to nothing.
const MOST_DROPPED: usize = 8192;
/// From so many on, they are given back by statements for all of them.
const MANY: usize = 32;
/// How often a session shows those who cannot see its process that it lives.
const RENEWAL: Duration = Duration::from_secs(5);

/// See the module page.
pub(super) struct Worker {
    file: Arc<SqliteUrl>,
    hub: Arc<EventHub>,
    inbox: Inbox,
    session: Session,
    /// The file, from the first command that writes until the store is closed.
    open: Option<OpenFile>,
    /// Whether it had a file open that was deleted, moved or replaced, and has opened none since.
    has_lost_file: bool,
    /// How the file looked when it was last read, while it can only be read and is observed.
    observed: Option<Looks>,
}

impl Worker {
    /// Starts the thread. It ends when no sender of commands is left.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(
        file: Arc<SqliteUrl>,
        hub: Arc<EventHub>,
        inbox: Inbox,
    ) -> std::io::Result<()> {
        let worker = Self {
            session: Session::new(Arc::clone(&hub)),
            file,
            hub,
            inbox,
            open: None,
            has_lost_file: false,
            observed: None,
        };
        std::thread::Builder::new()
            .name("cla-sqlite".to_owned())
            .spawn(move || worker.run())
            .map(drop)
    }

    fn run(mut self) {
        loop {
            let poll_timeout = poll::timeout(
                &self.session,
                self.open.as_ref(),
                self.observed.is_some(),
                Moment::now(),
            );
            let (pipe, ends) = match &mut self.open {
                Some(open) => (open.pipe.as_ref(), Some(&mut open.ends)),
                None => (None, None),
            };
            let first = match self.inbox.recv(poll_timeout, pipe, ends) {
                Ok(first) => first,
                Err(Closed) => return,
            };
            // Callers wait for it.
            self.receive();
            match first {
                Some(first) => self.take(first),
                None => self.try_again(),
            }
            if self.must_look()
                && let Err(problem) = self.look()
            {
                self.look_failed(&problem);
            }
        }
    }

    /// Whether there may be more to do than what commands and messages of other sessions say. They wake this one for all
    /// that it has to read in the file, so without that it need not look each time.
    fn must_look(&self) -> bool {
        let Some(open) = &self.open else {
            return true;
        };
        let now = Moment::now();
        open.must_look
            || open.pipe.is_none()
            || open.observing
            || open.ends.is_to_be_asked()
            || open.next_deadline <= now
            || now.since(open.looked) >= INSPECTION
            || self.session.is_to_do()
    }

    /// Takes what other sessions have sent.
    fn receive(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let Some(pipe) = &open.pipe else {
            return;
        };
        let received = pipe.receive();
        open.misses_messages |= received.is_incomplete;
        open.must_look |= received.look;
        for message in received.messages {
            // See `message.rs` for who may have sent another one.
            let is_ours = message.secret == open.secret;
            if is_ours && self.session.admitted(&message, &WallClock::read()) {
                open.must_look |= message.has_deadline;
                open.deadlines_changed |= message.has_deadline;
                self.inbox.expect_command();
            } else {
                open.must_look = true;
            }
        }
    }

    // ---- commands

    /// Carries out a command, and those that have come meanwhile, up to the next [`Command::Close`].
    fn take(&mut self, first: Command) {
        let mut batch = vec![first];
        let mut cheap = 0;
        while batch.len() < BATCH + cheap
            && !matches!(batch.last(), Some(Command::Close(_)))
            && let Ok(Some(next)) = self.inbox.try_recv()
        {
            if next.drops().is_some() && cheap < MOST_DROPPED {
                cheap += 1;
            }
            batch.push(next);
        }
        let close = match batch.pop() {
            Some(Command::Close(reply)) => Some(reply),
            Some(last) => {
                batch.push(last);
                None
            }
            None => None,
        };
        self.carry_out(batch);
        if let Some(reply) = close {
            let _ = reply.send(self.close());
        }
    }

    /// Carries out the commands that were postponed.
    fn try_again(&mut self) {
        if self.session.is_postponed() {
            self.carry_out(Vec::new());
        }
    }

    fn carry_out(&mut self, batch: Vec<Command>) {
        let mut batch = self.session.with_postponed(batch);
        if self.open.is_none() {
            // There is nothing in the file to be marked or removed, and no reason to open it for that.
            batch.retain(|command| {
                !matches!(
                    command,
                    Command::MarkUnresponsive(..)
                        | Command::NoteDependents(..)
                        | Command::DropOutlived(_)
                )
            });
        }
        if batch.is_empty() {
            return;
        }
        if matches!(self.file.access(), Access::Read | Access::Immutable) {
            return self.only_read(batch, Problem::OnlyRead);
        }
        match self.perform(&batch) {
            Ok((answers, effects)) => self.answer(batch, answers, effects),
            Err(Problem::Replaced) => {
                self.has_lost_file = true;
                self.session_lost();
                self.carry_out(batch);
            }
            Err(problem @ (Problem::Late | Problem::Locked(_))) => {
                let is_stuck = matches!(problem, Problem::Locked(_));
                let error = problem.error(self.file.path());
                self.session.postpone(
                    batch,
                    (is_stuck, &error),
                    self.open.is_some(),
                    Instant::now(),
                );
            }
            // One command of the batch may be at fault: each is tried alone. Not so when the file cannot be had at all:
            // then each would wait as long as this batch did.
            Err(problem) if batch.len() > 1 && !problem.is_of_the_file() => {
                for command in batch {
                    self.carry_out(vec![command]);
                }
            }
            Err(problem @ Problem::ReadOnly(_)) if self.open.is_none() => {
                self.only_read(batch, problem);
            }
            Err(problem) => {
                let error = problem.error(self.file.path());
                for command in batch {
                    self.session.fail(command, &error, self.open.is_some());
                }
            }
        }
    }

    /// Carries out a batch in one transaction, so that all of it happens or nothing.
    fn perform(&mut self, batch: &[Command]) -> Result<(Vec<CommandResult>, Effects), Problem> {
        let limit = self.session.limit(batch, Instant::now());
        let open = match &mut self.open {
            Some(open) => open,
            None => self
                .open
                .insert(OpenFile::new(&self.file, limit, self.has_lost_file)?),
        };
        self.has_lost_file = false;
        open.database.limit = limit;
        let presence = open.presence.take();
        let context = Context {
            path: self.file.path(),
            session: &self.session,
            presence: presence.as_ref(),
            is_woken: open.pipe.is_some(),
        };
        let done = open.transact(|transition| {
            let mut answers = Vec::with_capacity(batch.len());
            let mut rest = batch;
            while let Some(command) = rest.first() {
                transition.now = Moment::now();
                let dropped: Vec<RequestId> = rest.iter().map_while(Command::drops).collect();
                if dropped.len() >= MANY {
                    transition.release_all(&dropped)?;
                    answers.extend(dropped.iter().map(|_| CommandResult::Released(true)));
                    rest = &rest[dropped.len()..];
                } else {
                    answers.push(perform(transition, &context, command)?);
                    rest = &rest[1..];
                }
                transition.reap()?;
            }
            Ok(answers)
        });
        open.presence = presence;
        let done = done?;
        let last_event = done.0.iter().find_map(|answer| match answer {
            CommandResult::Observed(last_event) => Some(*last_event),
            _ => None,
        });
        if let Some(last_event) = last_event
            && !open.observing
        {
            open.observing = true;
            open.last_event = last_event;
        }
        Ok(done)
    }

    /// Answers a batch that is committed.
    fn answer(&mut self, batch: Vec<Command>, answers: Vec<CommandResult>, mut effects: Effects) {
        // Events come before the answers: a caller that has its answer and then subscribes must not get events of what was
        // before.
        self.emit_events(&mut effects);
        let answered = self.session.answer(batch, answers, Moment::now());
        if answered.has_joined
            && let Some(open) = &mut self.open
        {
            // The new request may wait for other holders than those whose ends are watched.
            open.check_holders_every = HOLDER_CHECK;
        }
        self.carry_out_effects(effects);
        for id in answered.over {
            self.session.forget(id);
        }
        if answered.has_joined && self.session.is_waiting() {
            self.inbox.expect_no_command();
        }
    }

    /// Carries out the commands that only read, and fails the others with the problem: this process must not or cannot
    /// write the file.
    ///
    /// The file is opened anew each time: one that is opened as immutable never changes.
    fn only_read(&mut self, batch: Vec<Command>, problem: Problem) {
        let is_immutable = self.file.access() == Access::Immutable;
        let path = self.file.path();
        let connection = Database::open_to_read(path, is_immutable).and_then(|connection| {
            Presence::answer(None, &connection)?;
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        });
        let connection = connection.map_err(|problem| problem.error(path));
        let refused = problem.error(path);
        let mut done = Vec::with_capacity(batch.len());
        for command in batch {
            let answer = match &connection {
                Ok(connection) => read(connection, path, &command)
                    .map_err(|problem| problem.error(path))
                    .and_then(|answer| answer.ok_or_else(|| refused.clone())),
                Err(error) => Err(error.clone()),
            };
            done.push((command, answer));
        }
        for (command, answer) in done {
            match (command, answer) {
                (Command::Observe, Ok(_)) => {
                    self.observed = Some(Database::looks(self.file.path()));
                }
                (command, Ok(answer)) => {
                    self.answer(vec![command], vec![answer], Effects::default());
                }
                // This session has nothing in the file that could be given back.
                (Command::Close(reply), _) => drop(reply.send(Ok(()))),
                (command, Err(error)) => self.session.fail(command, &error, self.open.is_some()),
            }
        }
    }

    /// Gives back everything, and waits until that is written.
    fn close(&mut self) -> Result<(), StoreError> {
        let closed = Problem::Other("it was closed".to_owned()).error(self.file.path());
        self.session.fail_postponed(&closed, self.open.is_some());
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let session = open.session;
        open.pipe = None;
        let ended = open.transact(|transition| transition.end_session(session));
        self.session.closed(&closed);
        self.open = None;
        match ended {
            // In a file that was deleted nothing is held.
            Ok(_) | Err(Problem::Replaced) => Ok(()),
            Err(problem) => Err(problem.error(self.file.path())),
        }
    }

    // ---- what other sessions decide

    /// Sees what has happened, and does what is due.
    fn look(&mut self) -> Result<(), Problem> {
        self.look_at_read_only();
        self.flush()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.must_look = false;
        open.looked = Moment::now();
        // Another process may stop in the middle of its turn. The limits of requests are checked between two attempts.
        open.database.limit = Some(Instant::now() + WATCH_FOR_LOST);
        let now = Moment::now();
        // Before anything is read: what SQLite says of a file that is gone is not what happened.
        if now.since(open.inspected) >= INSPECTION {
            open.inspected = now;
            open.inspect(self.session.held())?;
        }
        open.keep_pipe(now);
        let news = open.news(&self.session)?;
        let changed = !matches!(news, News::None);
        if changed {
            open.deadlines_changed = true;
            open.active = now;
        }
        match news {
            News::None => {}
            // Before anything else: callers wait for it.
            News::Outcomes(outcomes) => {
                for (id, outcome) in outcomes {
                    self.session.outcome(id, outcome, &WallClock::read());
                }
            }
            News::Reaped => {
                self.session_lost();
                return Ok(());
            }
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.end_of_news(self.session.is_active() || open.observing)?;
        if changed && open.observing {
            self.read_events()?;
        }
        self.pass_deadlines()?;
        self.check_holders()?;
        self.keep_alive()
    }

    /// Looking failed: it is tried again later, and no request waits for longer than it wants to.
    fn look_failed(&mut self, problem: &Problem) {
        if problem.loses_all() {
            self.has_lost_file = true;
            self.session_lost();
            return;
        }
        if let Some(open) = &mut self.open {
            open.must_look = true;
        }
        self.session
            .time_out(Moment::now(), &WallClock::read(), self.open.is_some());
        std::thread::sleep(RETRY);
    }

    /// Reports a gap to those who observe a file that can only be read, when something has changed: more is not to be known
    /// of it.
    fn look_at_read_only(&mut self) {
        if !self.hub.is_observed() {
            self.observed = None;
        } else if let Some(observed) = &mut self.observed {
            let looks = Database::looks(self.file.path());
            if *observed != looks {
                *observed = looks;
                self.hub.gap();
            }
        }
    }

    /// Writes what could not be written before.
    fn flush(&mut self) -> Result<(), Problem> {
        if !self.session.is_pending() {
            return Ok(());
        }
        let Some(open) = self.open.as_mut() else {
            self.session.drop_marks();
            return Ok(());
        };
        let session = &self.session;
        let ((), effects) = open.transact(|transition| {
            for id in session.pending_releases() {
                transition.abandon(*id)?;
            }
            for (run, since) in session.pending_marks() {
                mark_unresponsive(transition, *run, *since)?;
            }
            Ok(())
        })?;
        self.session.flushed();
        self.carry_out_effects(effects);
        Ok(())
    }

    fn pass_deadlines(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let is_concerned = self.session.is_active() || open.observing;
        if is_concerned && open.next_deadline <= Moment::now() {
            let ((), effects) = open.transact(|transition| transition.advance_all())?;
            self.carry_out_effects(effects);
        }
        Ok(())
    }

    /// Requests in line see whether the sessions in front of them live.
    fn check_holders(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if !self.session.is_waiting() {
            open.ends.clear();
            return Ok(());
        }
        let now = Moment::now();
        if !open.ends.has_come() && now.since(open.holders_checked) < open.check_holders_every {
            return Ok(());
        }
        open.holders_checked = now;
        let is_first = open.is_first()?;
        if !is_first {
            // The first in line looks. If all did, a hundred waiters would read the file a hundred times as often.
            open.ends.clear();
            open.check_holders_every = HOLDER_CHECK_BEHIND;
            if now.since(open.saw_holders) < HOLDER_CHECK_AT_LEAST {
                return Ok(());
            }
        }
        open.saw_holders = now;
        let Some(holders) = open.holders()? else {
            // This session may have to wait for other holders still.
            open.check_holders_every = HOLDER_CHECK;
            let ((), effects) = open.transact(|transition| transition.reap_sessions())?;
            self.carry_out_effects(effects);
            return Ok(());
        };
        if is_first {
            // A process whose end the system reports need not be looked at. The holders stay the same until the first in
            // line is admitted, or another request is put in front of it.
            open.check_holders_every = if open.ends.watch(&holders) {
                WATCH_FOR_LOST
            } else {
                HOLDER_CHECK
            };
        }
        Ok(())
    }

    /// A sign of life, for those who cannot see this process. Also stops to observe when there is no subscriber any more.
    fn keep_alive(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let is_unobserved = open.observing && !self.hub.is_observed();
        let now = Moment::now();
        let is_due = self.session.is_active() && now.since(open.renewed) >= RENEWAL;
        if !is_unobserved && !is_due {
            return Ok(());
        }
        open.observing &= !is_unobserved;
        open.renewed = now;
        let (session, is_shared) = (open.session, open.is_shared);
        let (is_known, effects) = open.transact(|transition| {
            if is_unobserved {
                transition.observe_no_more()?;
            }
            if is_shared {
                show(transition.db)?;
            }
            let renewed = transition
                .db
                .prepare_cached("UPDATE session SET lease = ?2 WHERE id = ?1")?
                .execute(params![session, now.after(LEASE)])?;
            Ok(renewed == 1)
        })?;
        self.carry_out_effects(effects);
        if !is_known {
            self.session_lost();
        }
        Ok(())
    }

    /// This session is not in the file any more: others reaped it, or the file was deleted. Its waiters queue again.
    fn session_lost(&mut self) {
        self.open = None;
        let batch = self.session.lost();
        self.carry_out(batch);
    }

    // ---- effects

    fn carry_out_effects(&mut self, mut effects: Effects) {
        self.emit_events(&mut effects);
        for (id, outcome) in effects.outcomes {
            self.session.outcome(id, outcome, &WallClock::read());
        }
    }

    fn emit_events(&mut self, effects: &mut Effects) {
        // If that fails, it is tried again with the next event.
        if std::mem::take(&mut effects.has_events) && self.read_events().is_err() {
            self.hub.gap();
        }
    }

    /// Passes events on to subscribers.
    fn read_events(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        for (id, event) in view::events(&open.database.connection, open.last_event)? {
            // Their numbers have no gaps. Those in between were deleted, because this process was too slow.
            let missed = u64::try_from(id - open.last_event - 1).unwrap_or(0);
            if missed > 0 {
                self.hub.gap_of(missed);
            }
            open.last_event = id;
            self.hub.emit(event);
        }
        Ok(())
    }
}

impl Drop for Worker {
    /// Also when the thread panics: no holder may go on believing that it has a slot.
    fn drop(&mut self) {
        self.session.lose_permits();
    }
}
