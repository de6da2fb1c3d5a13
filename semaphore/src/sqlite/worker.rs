//! The one thread of an open store. It owns the connection, takes commands into transactions, and watches
//! for what others decide. It never waits for anything but commands, wake-ups, time and its turn to write.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use tokio::sync::oneshot::Sender;

use super::clock::{Moment, WallClock};
use super::columns::Db;
use super::ends::Ends;
use super::file::{Database, LOCKED_FOR, Looks, Problem};
use super::inbox::{Closed, Inbox};
use super::presence::{Presence, Witness};
use super::process::Process;
use super::transitions::{
    Admission, ENDING, Effects, Outcome, OutcomeRow, Refreshed, Transition, show,
};
use super::wake::WakePipe;
use super::{HeldPermit, Lost, records, view};
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, StoreError};
use crate::event::EventHub;
use crate::file_url::{Access, SqliteUrl};
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::{Owner, this_host};
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::view::{RequestView, SemaphoreView};

/// As many commands as one transaction takes: some ten milliseconds' worth.
const BATCH: usize = 256;
/// So many permits more may be given back in it of which nobody asks whether they were still held. Whoever has piled
/// them up gives them back all at once, and then they cost next to nothing.
const MOST_DROPPED: usize = 8192;
/// From so many on, that is done by statements for all of them.
const MANY: usize = 32;

/// How long a process in another container is taken to live after its last sign of life.
const LEASE: Duration = Duration::from_secs(15);
const RENEWAL: Duration = Duration::from_secs(5);

/// How often the change counter is looked at by who is woken when there is something: a wake-up may be lost.
const WATCH_FOR_LOST: Duration = Duration::from_secs(1);
/// How often by who cannot be woken, while somebody waits: soon after something happened ...
const WATCH_ACTIVE: Duration = Duration::from_millis(1);
/// ... and when nothing has happened for a while.
const WATCH_IDLE: Duration = Duration::from_millis(4);
const ACTIVE_FOR: Duration = Duration::from_secs(2);
/// While somebody observes.
const WATCH_EVENTS: Duration = Duration::from_millis(10);
/// While permits are held, which somebody might end.
const WATCH_HELD: Duration = Duration::from_millis(50);
/// How soon the first in line sees whether those who hold the slots live, and how often if the system does not say when
/// one of them ends ...
const PATROL: Duration = Duration::from_millis(250);
/// A process looks at most so often whether the file is still the one that it opened: others may be let in as soon as it is not.
const INSPECTION: Duration = Duration::from_millis(250);
/// It looks at least so often, also while it neither holds anything nor waits.
const INSPECTION_IDLE: Duration = Duration::from_secs(1);
/// How often a newcomer looks whether those who use the file of before have noticed that it is gone.
const NEWCOMER: Duration = Duration::from_millis(5);
/// ... how often the others look whether they have become the first, of which they are not woken ...
const PATROL_BEHIND: Duration = Duration::from_secs(2);
/// ... and how often these see whether the holders live, as the first may be stopped.
const PATROL_FOR_ALL: Duration = Duration::from_secs(6);
/// A request with a shorter limit than this may still wait so long for its turn to write, which it needs to see whether a
/// slot is free.
const LEAST_LIMIT: Duration = Duration::from_secs(1);
/// After what was given back could not be written.
const RETRY: Duration = Duration::from_millis(100);

/// What the store asks of its worker.
pub(super) enum Command {
    Acquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Sender<Result<Arc<HeldPermit>, AcquireError>>,
    },
    TryAcquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Sender<Result<Option<Arc<HeldPermit>>, StoreError>>,
    },
    Abandon(RequestId),
    /// A run was given up.
    AbandonRun(RunId),
    /// A run does not answer since then, or answers again.
    MarkUnresponsive(RunId, Option<Instant>),
    Refresh(RequestId, Ttl, Sender<Result<Refreshed, StoreError>>),
    /// Answers whether it was still held.
    Release(RequestId, Option<Sender<Result<bool, StoreError>>>),
    /// A permit was dropped that is held no more.
    LetGo(RequestId),
    ReleaseSlot(SemaphoreName, SlotId, Sender<Result<bool, StoreError>>),
    RefreshSlot(
        SemaphoreName,
        SlotId,
        Ttl,
        Sender<Result<Refreshed, StoreError>>,
    ),
    Administer(
        AdminCommand,
        Option<Actor>,
        Sender<Result<usize, AdminError>>,
    ),
    Audit(AuditQuery, Sender<Result<Vec<AuditEntry>, StoreError>>),
    History(
        SemaphoreName,
        HistoryQuery,
        Sender<Result<Vec<RequestView>, StoreError>>,
    ),
    Show(
        Option<SemaphoreName>,
        Sender<Result<Vec<SemaphoreView>, StoreError>>,
    ),
    Find(String, Sender<Result<RequestId, AdminError>>),
    /// Somebody subscribed to events.
    Observe,
    Diagnose(Sender<Result<Diagnosis, StoreError>>),
    /// Children keep the session, too: says whether that is possible.
    ShareWithChildren(Sender<Result<bool, StoreError>>),
    Close(Sender<Result<(), StoreError>>),
}

impl Command {
    /// Which permit it gives back, if nobody asks what came of that.
    fn drops(&self) -> Option<RequestId> {
        match self {
            Self::Release(id, None) => Some(*id),
            _ => None,
        }
    }
}

/// What a command came to. Its caller gets it once the transaction is committed.
enum CommandResult {
    Nothing,
    Tried(bool),
    /// With the number of the last event before.
    Observed(i64),
    Released(bool),
    Refreshed(Refreshed),
    Administered(Result<usize, AdminError>),
    Views(Vec<SemaphoreView>),
    Audit(Vec<AuditEntry>),
    History(Vec<RequestView>),
    Found(Result<RequestId, AdminError>),
    Diagnosis(Box<Diagnosis>),
    Shared(std::io::Result<bool>),
}

/// A request of this store that waits.
struct Waiting {
    /// In the order of asking.
    nth: u64,
    name: SemaphoreName,
    request: Request,
    /// Longer it does not want to wait.
    until: Moment,
    reply: Reply,
}

impl Waiting {
    fn run(&self) -> Option<RunId> {
        self.request.get_owner().and_then(Owner::run)
    }
}

enum Reply {
    Acquire(Sender<Result<Arc<HeldPermit>, AcquireError>>),
    TryAcquire(Sender<Result<Option<Arc<HeldPermit>>, StoreError>>),
}

impl Reply {
    /// A caller that no longer listens has sent an [`Command::Abandon`].
    fn send(self, outcome: Result<Arc<HeldPermit>, AcquireError>) {
        match self {
            Self::Acquire(reply) => drop(reply.send(outcome)),
            Self::TryAcquire(reply) => {
                let outcome = match outcome {
                    Ok(hold) => Ok(Some(hold)),
                    Err(AcquireError::Store(error)) => Err(error),
                    Err(_) => Ok(None),
                };
                drop(reply.send(outcome));
            }
        }
    }
}

/// See the module page.
pub(super) struct Worker {
    file: Arc<SqliteUrl>,
    /// How the file looked when it was last read, while it can only be read and somebody observes.
    observed: Option<Looks>,
    hub: Arc<EventHub>,
    inbox: Inbox,
    open: Option<Open>,
    /// What it was not this process's turn for, in time. It is tried again.
    postponed: Vec<Command>,
    /// When the requests among that were made.
    postponed_since: HashMap<RequestId, Instant>,
    asked: u64,
    waiting: HashMap<RequestId, Waiting>,
    held: HashMap<RequestId, Arc<HeldPermit>>,
    /// Given back or given up, and not yet written: the disk was full.
    pending_releases: Vec<RequestId>,
    /// The last marks of runs that could not be written.
    pending_marks: HashMap<RunId, Option<Instant>>,
}

/// What others have written.
enum News {
    /// Nothing.
    None,
    /// Something; and what became of requests of this session, if anything did.
    Told(Vec<(RequestId, Outcome)>),
    /// They took this session for dead, and ended it.
    Dismissed,
}

/// The open file, and where this process stands in it.
struct Open {
    database: Database,
    /// After the database: others may come when that is closed.
    presence: Option<Presence>,
    /// Other machines may share the file system.
    is_shared: bool,
    inspected: Moment,
    session: i64,
    /// `None`: there can be none, and this session has to look.
    pipe: Option<WakePipe>,
    pipe_seen: Moment,
    counter: i64,
    last_notice: i64,
    /// Notices up to here are deleted.
    deleted_notice: i64,
    observing: bool,
    last_event: i64,
    /// The earliest in the whole file.
    next_deadline: Moment,
    /// Whether that must be looked up.
    deadlines_changed: bool,
    renewed: Moment,
    patrolled: Moment,
    patrol_every: Duration,
    /// The ends of the processes that hold what this session is the first to wait for.
    ends: Ends,
    /// When this session last saw whether holders live.
    saw_holders: Moment,
    active: Moment,
}

impl Open {
    fn new(file: &SqliteUrl, limit: Option<Instant>) -> Result<Self, Problem> {
        let path = file.path();
        let was_in_use = Database::is_in_use(path);
        let is_shared = Database::prepare(file)?;
        let mut presence = Presence::open(path);
        if let Some(presence) = &presence {
            wait_for_predecessors(path, was_in_use, presence)?;
            presence.enter();
        }
        let database = Database::open(path, limit)?;
        database.share_with_its_group();
        let now = Moment::now();
        let host = this_host();
        database.connection.execute_batch(ENDING)?;
        Presence::answer(presence.as_ref(), &database.connection)?;
        let lock = presence.as_mut().and_then(Presence::live);
        let session = database.transaction(|connection| {
            Transition::register(
                connection,
                host.as_deref(),
                now.after(LEASE),
                lock,
                is_shared,
            )
        })?;
        Ok(Self {
            presence,
            is_shared,
            inspected: now,
            counter: database.change_counter()?,
            // Before there is anything for which it is woken.
            pipe: database.sessions.pipe(session).ok(),
            pipe_seen: now,
            database,
            session,
            last_notice: 0,
            deleted_notice: 0,
            observing: false,
            last_event: 0,
            next_deadline: Moment::NEVER,
            deadlines_changed: true,
            renewed: now,
            patrolled: now,
            patrol_every: PATROL,
            ends: Ends::default(),
            saw_holders: now,
            active: now,
        })
    }

    /// Does `work` in a transaction, and what is always to be done in one.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Transition<'_>) -> Result<T, Problem>,
    ) -> Result<(T, Effects), Problem> {
        let (session, read, deleted) = (self.session, self.last_notice, self.deleted_notice);
        let mut effects = Effects::default();
        let done = self.database.transaction(|connection| {
            if read > deleted {
                connection
                    .prepare_cached("DELETE FROM notice WHERE session = ?1 AND id <= ?2")?
                    .execute([session, read])?;
            }
            let mut transition = Transition::new(connection, session, &mut effects);
            let done = work(&mut transition)?;
            transition.reap()?;
            Ok(done)
        })?;
        for session in &effects.wake {
            self.database.sessions.wake(*session);
        }
        for session in &effects.gone {
            // It may live, and should know.
            self.database.sessions.wake(*session);
            self.database.sessions.forget(*session);
        }
        self.deleted_notice = read;
        self.deadlines_changed = true;
        self.active = Moment::now();
        Ok((done, effects))
    }

    /// What others have written since this was last asked. Begins a transaction that reads: what else is to be looked up
    /// at the same moment costs less inside of it. To be followed by [`end_of_news`](Self::end_of_news).
    fn news(&mut self) -> Result<News, Problem> {
        let connection = &self.database.connection;
        connection.prepare_cached("BEGIN")?.execute([])?;
        let read = self.read_news();
        if read.is_err() {
            self.stop_reading()?;
        }
        read
    }

    /// Looks up when the next deadline is, if that may have changed and this session is `concerned`; and ends the
    /// transaction.
    fn end_of_news(&mut self, concerned: bool) -> Result<(), Problem> {
        if self.deadlines_changed && concerned {
            match Transition::next_deadline(&self.database.connection) {
                Ok(next) => self.next_deadline = next,
                Err(problem) => {
                    self.stop_reading()?;
                    return Err(problem);
                }
            }
            self.deadlines_changed = false;
        }
        self.stop_reading()
    }

    fn stop_reading(&self) -> Result<(), Problem> {
        let connection = &self.database.connection;
        // Some errors end it by themselves.
        if !connection.is_autocommit() {
            connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }

    fn read_news(&mut self) -> Result<News, Problem> {
        let counter = self.database.change_counter()?;
        if counter == self.counter {
            return Ok(News::None);
        }
        let mut statement = self.database.connection.prepare_cached(
            "SELECT n.id, n.uuid, n.verdict, n.token, n.requested, n.started, n.detail
             FROM session AS s LEFT JOIN notice AS n ON n.session = s.id AND n.id > ?2
             WHERE s.id = ?1 ORDER BY n.id",
        )?;
        let mut rows = statement.query([self.session, self.last_notice])?;
        let mut is_known = false;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            is_known = true;
            if let Some(id) = row.get(0)? {
                self.last_notice = id;
                told.push(OutcomeRow::read(row, 1)?);
            }
        }
        self.counter = counter;
        Ok(if is_known {
            News::Told(told)
        } else {
            News::Dismissed
        })
    }

    /// Others must find the pipe: somebody may have deleted it, or it could not be made before.
    fn keep_pipe(&mut self, now: Moment) {
        if now.since(self.pipe_seen) < WATCH_FOR_LOST {
            return;
        }
        self.pipe_seen = now;
        if self.pipe.as_ref().is_none_or(|pipe| !pipe.is_in_place()) {
            self.pipe = self.database.sessions.pipe(self.session).ok();
        }
    }

    /// Whether one of the requests of this session is the next in its line.
    fn is_first(&self) -> Result<bool, Problem> {
        let mut statement = self.database.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM request AS mine WHERE session = ?1 AND phase = 0 AND id =
                 (SELECT id FROM request WHERE semaphore = mine.semaphore AND phase = 0
                  ORDER BY class DESC, place LIMIT 1))",
        )?;
        Ok(statement.query_row([self.session], |row| row.get(0))?)
    }

    /// The processes of those who hold what this session waits for. `None`: one of them is dead.
    fn holders(&self) -> Result<Option<Vec<Process>>, Problem> {
        let now = Moment::now();
        let mut statement = self.database.connection.prepare_cached(&format!(
            "SELECT {} FROM session WHERE id IN
                 (SELECT session FROM request WHERE phase > 0 AND session <> ?1 AND semaphore IN
                     (SELECT semaphore FROM request WHERE session = ?1 AND phase = 0))",
            Witness::COLUMNS
        ))?;
        let mut rows = statement.query([self.session])?;
        let mut processes = Vec::new();
        while let Some(row) = rows.next()? {
            let holder = Witness::read(row, 0)?;
            if !holder.is_alive(now) {
                return Ok(None);
            }
            processes.push(holder.process);
        }
        Ok(Some(processes))
    }

    /// Whether the file is still the one in which this session is, with what it `held`.
    fn inspect(&mut self, held: &HashMap<RequestId, Arc<HeldPermit>>) -> Result<(), Problem> {
        self.database.must_be_in_place()?;
        if let Some(presence) = &mut self.presence {
            presence.renew();
        }
        let Some(looks) = self.database.looks_different() else {
            return Ok(());
        };
        let session = self.session;
        let is_there = self.database.seen_by_a_newcomer(|connection| {
            let is_there = |sql: &str, id: &dyn rusqlite::ToSql| {
                connection
                    .prepare_cached(sql)?
                    .query_row([id], |row| row.get::<_, bool>(0))
            };
            if !is_there(
                "SELECT EXISTS (SELECT 1 FROM session WHERE id = ?1)",
                &session,
            )? {
                return Ok(false);
            }
            for id in held.keys() {
                // Of what others ended there is a notice, which this session has yet to read.
                let known = is_there(
                    "SELECT EXISTS (SELECT 1 FROM request WHERE uuid = ?1 AND phase > 0)
                         OR EXISTS (SELECT 1 FROM notice WHERE uuid = ?1)",
                    &Db(id),
                )?;
                if !known {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match is_there {
            Ok(true) => {
                self.database.is_as_it_should_be(looks);
                Ok(())
            }
            Err(problem @ Problem::Locked(_)) => Err(problem),
            // What a newcomer finds is no database, or not this one.
            Ok(false) | Err(_) => Err(Problem::Replaced),
        }
    }
}

/// Who finds no file, or one whose log is gone, while others say that they use it: those hold permits that are not to be
/// seen here. They notice soon, and lose them; until then no request must be let in beside them.
fn wait_for_predecessors(
    path: &Path,
    was_in_use: bool,
    presence: &Presence,
) -> Result<(), Problem> {
    let since = Instant::now();
    let mut is_in_use = was_in_use;
    while !is_in_use && presence.is_anybody_there() {
        if since.elapsed() > LOCKED_FOR {
            return Err(Problem::InUseElsewhere);
        }
        std::thread::sleep(NEWCOMER);
        // Another newcomer may be making it just now.
        is_in_use = Database::is_in_use(path);
    }
    Ok(())
}

impl Drop for Open {
    /// Gives back all that this session has. Should that fail, the end of the process does it.
    fn drop(&mut self) {
        if !self.database.connection.is_autocommit() {
            let _ = self.database.connection.execute_batch("ROLLBACK");
        }
        // First: without its session nothing would remove it, should the process end in between.
        self.pipe = None;
        let session = self.session;
        if let Err(problem) = self.transact(|transition| transition.end_session(session))
            && problem.loses_all()
        {
            self.database.let_go();
        }
    }
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
            file,
            observed: None,
            hub,
            inbox,
            open: None,
            postponed: Vec::new(),
            postponed_since: HashMap::new(),
            asked: 0,
            waiting: HashMap::new(),
            held: HashMap::new(),
            pending_releases: Vec::new(),
            pending_marks: HashMap::new(),
        };
        std::thread::Builder::new()
            .name("cla-sqlite".to_owned())
            .spawn(move || worker.run())
            .map(drop)
    }

    fn run(mut self) {
        loop {
            let poll_timeout = self.poll_timeout();
            let (pipe, ends) = match &mut self.open {
                Some(open) => (open.pipe.as_ref(), Some(&mut open.ends)),
                None => (None, None),
            };
            match self.inbox.recv(poll_timeout, pipe, ends) {
                Ok(Some(first)) => self.take(first),
                Ok(None) => self.try_again(),
                Err(Closed) => return,
            }
            if let Err(problem) = self.look() {
                self.look_failed(&problem);
            }
        }
    }

    /// How long to wait for a command before looking around; `None` if there is nothing to look for.
    fn poll_timeout(&self) -> Option<Duration> {
        if !self.postponed.is_empty() {
            return Some(Duration::ZERO);
        }
        let Some(open) = self.open.as_ref() else {
            return self.observed.is_some().then_some(INSPECTION);
        };
        let now = Moment::now();
        let owing = !self.pending_releases.is_empty() || !self.pending_marks.is_empty();
        let watch = if open.pipe.is_some() {
            if owing {
                RETRY
            } else if !self.waiting.is_empty() {
                open.patrol_every
            } else if open.observing || !self.held.is_empty() {
                WATCH_FOR_LOST
            } else {
                return Some(INSPECTION_IDLE);
            }
        } else if !self.waiting.is_empty() {
            if now.since(open.active) < ACTIVE_FOR {
                WATCH_ACTIVE
            } else {
                WATCH_IDLE
            }
        } else if open.observing {
            WATCH_EVENTS
        } else if !self.held.is_empty() {
            WATCH_HELD
        } else if owing {
            RETRY
        } else {
            return Some(INSPECTION_IDLE);
        };
        // No other command is needed when something is due.
        Some(watch.min(open.next_deadline.since(now)))
    }

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

    /// Carries out what the file was locked for.
    fn try_again(&mut self) {
        if !self.postponed.is_empty() {
            self.carry_out(Vec::new());
        }
    }

    fn carry_out(&mut self, mut batch: Vec<Command>) {
        if !self.postponed.is_empty() {
            // What was asked for earlier comes first.
            let later = std::mem::replace(&mut batch, std::mem::take(&mut self.postponed));
            batch.extend(later);
        }
        if self.open.is_none() {
            // There is nothing to be marked or let go, and no reason to open the file for it.
            batch.retain(|command| {
                !matches!(command, Command::MarkUnresponsive(..) | Command::LetGo(_))
            });
        }
        if batch.is_empty() {
            return;
        }
        if matches!(self.file.access(), Access::Read | Access::Immutable) {
            return self.only_read(batch, Problem::OnlyRead);
        }
        let outcome = self.perform(&batch);
        match outcome {
            Ok((answers, effects)) => self.answer(batch, answers, effects),
            Err(Problem::Replaced) => {
                self.session_lost();
                self.carry_out(batch);
            }
            Err(problem @ (Problem::Late | Problem::Locked(_))) => self.postpone(batch, problem),
            // Whose fault it was, each of them finds out alone. Not so when the file cannot be had at all: then
            // each would wait as long as this one did.
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
                    self.fail(command, &error);
                }
            }
        }
    }

    /// Carries out what only reads, and fails the rest with the problem: this process must not or cannot write the file.
    ///
    /// It is opened anew each time: a file that is opened as immutable never changes.
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
                // There is nothing to be given back.
                (Command::Close(reply), _) => drop(reply.send(Ok(()))),
                (command, Err(error)) => self.fail(command, &error),
            }
        }
    }

    /// Tells those who observe a file that can only be read that something has changed: nothing more is to be known of it.
    fn look_from_outside(&mut self) {
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

    /// When the first of these requests would rather give up than wait for the file.
    fn limit(&self, batch: &[Command]) -> Option<Instant> {
        let limits = batch.iter().filter_map(|command| match command {
            Command::Acquire { id, request, .. } => {
                Some(self.since(*id) + request.get_timeout()?.max(LEAST_LIMIT))
            }
            _ => None,
        });
        limits.min()
    }

    fn since(&self, id: RequestId) -> Instant {
        let since = self.postponed_since.get(&id);
        since.copied().unwrap_or_else(Instant::now)
    }

    /// It was not this process's turn. A request waits on, up to its own limit; the rest does when that is what passed,
    /// and fails when whoever has the turn does not go on.
    fn postpone(&mut self, batch: Vec<Command>, problem: Problem) {
        let stuck = matches!(problem, Problem::Locked(_));
        let error = problem.error(self.file.path());
        for command in batch {
            let Command::Acquire {
                id, name, request, ..
            } = &command
            else {
                if stuck {
                    self.fail(command, &error);
                } else {
                    self.postponed.push(command);
                }
                continue;
            };
            let (id, since) = (*id, self.since(*id));
            let limit = request.get_timeout();
            let late = limit.filter(|limit| since.elapsed() >= (*limit).max(LEAST_LIMIT));
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

    /// Carries out a batch in one transaction, so that all of it happens or nothing.
    fn perform(&mut self, batch: &[Command]) -> Result<(Vec<CommandResult>, Effects), Problem> {
        let limit = self.limit(batch);
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(Open::new(&self.file, limit)?),
        };
        open.database.limit = limit;
        let presence = open.presence.take();
        let here = Here {
            path: self.file.path(),
            held: &self.held,
            presence: presence.as_ref(),
            woken: open.pipe.is_some(),
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
                    answers.push(perform(transition, &here, command)?);
                    rest = &rest[1..];
                }
                transition.reap()?;
            }
            Ok(answers)
        });
        open.presence = presence;
        let done = done?;
        let before = done.0.iter().find_map(|answer| match answer {
            CommandResult::Observed(before) => Some(*before),
            _ => None,
        });
        if let Some(before) = before
            && !open.observing
        {
            open.observing = true;
            open.last_event = before;
        }
        Ok(done)
    }

    /// Tells everybody what came of a batch that is committed.
    fn answer(&mut self, batch: Vec<Command>, answers: Vec<CommandResult>, mut effects: Effects) {
        // First: who has an answer and then subscribes must not hear of what was before.
        self.tell_subscribers(&mut effects);
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
                ) => self.await_outcome(id, name, request, Reply::Acquire(reply)),
                (
                    Command::TryAcquire {
                        id,
                        name,
                        request,
                        reply,
                    },
                    CommandResult::Tried(true),
                ) => self.await_outcome(id, name, request, Reply::TryAcquire(reply)),
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
                    let shared = shared.map_err(|error| Problem::Io(error.to_string()));
                    drop(reply.send(shared.map_err(|problem| problem.error(self.file.path()))));
                }
                (Command::Diagnose(reply), CommandResult::Diagnosis(diagnosis)) => {
                    let _ = reply.send(Ok(*diagnosis));
                }
                (_, _) => {}
            }
        }
        self.carry_out_effects(effects);
        for id in over {
            self.waiting.remove(&id);
            self.let_go(id);
        }
    }

    /// A permit was given back. With a slot id there may be others of the same slot.
    fn let_go(&mut self, id: RequestId) {
        if let Some(hold) = self.held.remove(&id) {
            hold.lost.set();
        }
    }

    fn await_outcome(
        &mut self,
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        reply: Reply,
    ) {
        self.asked += 1;
        self.postponed_since.remove(&id);
        let waiting = Waiting {
            nth: self.asked,
            name,
            until: request
                .get_timeout()
                .map_or(Moment::NEVER, |limit| Moment::now().after(limit)),
            request,
            reply,
        };
        self.waiting.insert(id, waiting);
        if let Some(open) = &mut self.open {
            // Others may hold what it waits for than those whose ends are watched.
            open.patrol_every = PATROL;
        }
    }

    /// Tells the sender of the command that it could not be carried out.
    fn fail(&mut self, command: Command, error: &StoreError) {
        let error = error.clone();
        match command {
            Command::Acquire { reply, .. } => drop(reply.send(Err(error.into()))),
            Command::TryAcquire { reply, .. } => drop(reply.send(Err(error))),
            Command::Abandon(id) => self.release_later(id),
            // It is shown until this session ends.
            Command::LetGo(_) => {}
            Command::AbandonRun(run) => self.owe_all_of(run),
            Command::MarkUnresponsive(run, since) => {
                self.pending_marks.insert(run, since);
            }
            Command::Release(id, reply) => {
                self.release_later(id);
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
    fn release_later(&mut self, id: RequestId) {
        self.waiting.remove(&id);
        self.let_go(id);
        // Without an open file nothing was ever taken.
        if self.open.is_some() {
            self.pending_releases.push(id);
        }
    }

    /// A run was given up, and that could not be written: it learns it now, the others later.
    fn owe_all_of(&mut self, run: RunId) {
        let held = self.held.iter();
        let held =
            held.filter(|(_, hold)| hold.run == Some(run) && !hold.left.load(Ordering::Acquire));
        let held: Vec<RequestId> = held.map(|(id, _)| *id).collect();
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|(_, waiting)| waiting.run() == Some(run));
        let waiting: Vec<RequestId> = waiting.map(|(id, _)| *id).collect();
        for id in held.into_iter().chain(waiting) {
            self.outcome(id, Outcome::Killed);
            self.release_later(id);
        }
    }

    // ---- what others decide

    /// Sees what has happened, and does what is due.
    fn look(&mut self) -> Result<(), Problem> {
        self.look_from_outside();
        self.flush()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        // Also when others stop in the middle: the limits of requests are seen to between two attempts.
        open.database.limit = Some(Instant::now() + WATCH_FOR_LOST);
        let now = Moment::now();
        // Before it is read: what SQLite says of a file that is gone is not what happened.
        if now.since(open.inspected) >= INSPECTION {
            open.inspected = now;
            open.inspect(&self.held)?;
        }
        open.keep_pipe(now);
        let news = open.news()?;
        let changed = !matches!(news, News::None);
        if changed {
            open.deadlines_changed = true;
            open.active = now;
        }
        match news {
            News::None => {}
            // Before anything else: somebody waits for that.
            News::Told(told) => {
                for (id, outcome) in told {
                    self.outcome(id, outcome);
                }
            }
            News::Dismissed => {
                self.session_lost();
                return Ok(());
            }
        }
        let has_any = !self.waiting.is_empty() || !self.held.is_empty();
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.end_of_news(has_any || open.observing)?;
        if changed && open.observing {
            self.observe()?;
        }
        self.let_time_pass()?;
        self.check_session()?;
        self.keep_alive()
    }

    /// What to do when looking failed: look again later, and let nobody wait for longer than it wants to.
    fn look_failed(&mut self, problem: &Problem) {
        if problem.loses_all() {
            self.session_lost();
            return;
        }
        let now = Moment::now();
        let over: Vec<RequestId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.outcome(id, Outcome::TimedOut);
            self.release_later(id);
        }
        std::thread::sleep(RETRY);
    }

    fn flush(&mut self) -> Result<(), Problem> {
        if self.pending_releases.is_empty() && self.pending_marks.is_empty() {
            return Ok(());
        }
        let Some(open) = self.open.as_mut() else {
            self.pending_marks.clear();
            return Ok(());
        };
        let (pending_releases, marks) = (&self.pending_releases, &self.pending_marks);
        let ((), effects) = open.transact(|transition| {
            for id in pending_releases {
                transition.abandon(*id)?;
            }
            for (run, since) in marks {
                mark_unresponsive(transition, *run, *since)?;
            }
            Ok(())
        })?;
        self.pending_releases.clear();
        self.pending_marks.clear();
        self.carry_out_effects(effects);
        Ok(())
    }

    fn let_time_pass(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let concerned = !self.waiting.is_empty() || !self.held.is_empty() || open.observing;
        if concerned && open.next_deadline <= Moment::now() {
            let ((), effects) = open.transact(|transition| transition.advance_all())?;
            self.carry_out_effects(effects);
        }
        Ok(())
    }

    /// Those in line see whether those in front of them live.
    fn check_session(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if self.waiting.is_empty() {
            open.ends.clear();
            return Ok(());
        }
        let now = Moment::now();
        if !open.ends.has_come() && now.since(open.patrolled) < open.patrol_every {
            return Ok(());
        }
        open.patrolled = now;
        let is_first = open.is_first()?;
        if !is_first {
            open.ends.clear();
            open.patrol_every = PATROL_BEHIND;
            if now.since(open.saw_holders) < PATROL_FOR_ALL {
                return Ok(());
            }
        }
        open.saw_holders = now;
        let Some(holders) = open.holders()? else {
            // It may have to wait for the others still.
            open.patrol_every = PATROL;
            let ((), effects) = open.transact(|transition| transition.reap_sessions())?;
            self.carry_out_effects(effects);
            return Ok(());
        };
        if is_first {
            // Whose end is heard of need not be looked at. The holders of the first in line are the same until it is
            // admitted, or somebody goes in front of it.
            open.patrol_every = if open.ends.watch(&holders) {
                WATCH_FOR_LOST
            } else {
                PATROL
            };
        }
        Ok(())
    }

    /// A sign of life for those who cannot see this process, and no signs of interest when there is none.
    fn keep_alive(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let unobserved = open.observing && !self.hub.is_observed();
        let now = Moment::now();
        let active = !self.waiting.is_empty() || !self.held.is_empty();
        if !unobserved && (!active || now.since(open.renewed) < RENEWAL) {
            return Ok(());
        }
        open.observing &= !unobserved;
        open.renewed = now;
        let (session, is_shared) = (open.session, open.is_shared);
        let (known, effects) = open.transact(|transition| {
            if unobserved {
                transition.observe_no_more()?;
            }
            if is_shared {
                show(transition.db)?;
            }
            let known = transition
                .db
                .prepare_cached("UPDATE session SET lease = ?2 WHERE id = ?1")?
                .execute(params![session, now.after(LEASE)])?;
            Ok(known == 1)
        })?;
        self.carry_out_effects(effects);
        if !known {
            self.session_lost();
        }
        Ok(())
    }

    /// Passes events on.
    fn observe(&mut self) -> Result<(), Problem> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        for (id, event) in view::events(&open.database.connection, open.last_event)? {
            // They are numbered one by one: those in between were deleted, as this process was too slow.
            let missed = u64::try_from(id - open.last_event - 1).unwrap_or(0);
            if missed > 0 {
                self.hub.gap_of(missed);
            }
            open.last_event = id;
            self.hub.emit(event);
        }
        Ok(())
    }

    fn carry_out_effects(&mut self, mut effects: Effects) {
        self.tell_subscribers(&mut effects);
        for (id, outcome) in effects.outcomes {
            self.outcome(id, outcome);
        }
    }

    fn tell_subscribers(&mut self, effects: &mut Effects) {
        // Should that fail, it is tried again when the next thing happens.
        if std::mem::take(&mut effects.has_events) && self.observe().is_err() {
            self.hub.gap();
        }
    }

    /// A request of this session has come to something.
    fn outcome(&mut self, id: RequestId, outcome: Outcome) {
        match outcome {
            Outcome::Lost => {
                if let Some(hold) = self.held.remove(&id) {
                    hold.lost.set();
                }
            }
            Outcome::Killed => {
                if let Some(hold) = self.held.remove(&id) {
                    hold.lost.set_lease_passed();
                }
                // A session whose requests were killed by others is dismissed as a whole.
                if let Some(Waiting { name, reply, .. }) = self.waiting.remove(&id) {
                    reply.send(Err(AcquireError::Abandoned { name }));
                }
            }
            Outcome::Admitted(admission) => {
                // A caller that gave it up meanwhile has sent a command that takes it back.
                if let Some(waiting) = self.waiting.remove(&id) {
                    let run = waiting.run();
                    let hold = Arc::new(hold(id, waiting.name, run, &admission));
                    self.held.insert(id, Arc::clone(&hold));
                    waiting.reply.send(Ok(hold));
                }
            }
            Outcome::Shares(holder, admission) => {
                if let Some(waiting) = self.waiting.remove(&id) {
                    // Of another session, or it would be there: its run is not known, and it is not ours to end.
                    let hold = self
                        .held
                        .entry(holder)
                        .or_insert_with(|| Arc::new(hold(holder, waiting.name, None, &admission)));
                    waiting.reply.send(Ok(Arc::clone(hold)));
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

    /// This session is no longer there: others took it for dead, or the file was deleted. Its permits are
    /// lost; its waiters queue again, in their order.
    fn session_lost(&mut self) {
        // There is nothing left that this connection could give back.
        self.open = None;
        self.pending_releases.clear();
        self.pending_marks.clear();
        for (_, hold) in self.held.drain() {
            hold.lost.set_lease_passed();
        }
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
        self.carry_out(batch);
    }

    /// Gives back everything, and waits until that is written.
    fn close(&mut self) -> Result<(), StoreError> {
        let closed = Problem::Other("it was closed".to_owned()).error(self.file.path());
        for command in std::mem::take(&mut self.postponed) {
            self.fail(command, &closed);
        }
        self.postponed_since.clear();
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let session = open.session;
        open.pipe = None;
        let ended = open.transact(|transition| transition.end_session(session));
        for (_, hold) in self.held.drain() {
            hold.lost.set();
        }
        self.pending_releases.clear();
        self.pending_marks.clear();
        for (_, waiting) in self.waiting.drain() {
            waiting.reply.send(Err(closed.clone().into()));
        }
        self.open = None;
        match ended {
            // In a file that was deleted nothing is held.
            Ok(_) | Err(Problem::Replaced) => Ok(()),
            Err(problem) => Err(problem.error(self.file.path())),
        }
    }
}

impl Drop for Worker {
    /// Also when the thread panics: no holder may go on believing that it holds a slot.
    fn drop(&mut self) {
        for hold in self.held.values() {
            hold.lost.set_lease_passed();
        }
    }
}

/// What a command may have to know of this store.
struct Here<'a> {
    path: &'a Path,
    held: &'a HashMap<RequestId, Arc<HeldPermit>>,
    presence: Option<&'a Presence>,
    /// Whether others can wake it.
    woken: bool,
}

/// Carries out one command in a transaction.
fn perform(
    transition: &mut Transition<'_>,
    here: &Here<'_>,
    command: &Command,
) -> Result<CommandResult, Problem> {
    let Here { path, held, .. } = *here;
    Ok(match command {
        Command::Acquire {
            id, name, request, ..
        } => {
            transition.acquire(*id, name, request)?;
            CommandResult::Nothing
        }
        Command::TryAcquire {
            id, name, request, ..
        } => CommandResult::Tried(transition.try_acquire(*id, name, request)?),
        Command::Abandon(id) => {
            transition.abandon(*id)?;
            CommandResult::Nothing
        }
        Command::AbandonRun(run) => {
            // What was admitted in this very batch was not left: its holder has not heard of it.
            let left = held
                .iter()
                .filter(|(_, hold)| hold.run == Some(*run) && hold.left.load(Ordering::Acquire));
            let left: HashSet<RequestId> = left.map(|(id, _)| *id).collect();
            transition.abandon_run(*run, &left)?;
            CommandResult::Nothing
        }
        Command::MarkUnresponsive(run, since) => {
            mark_unresponsive(transition, *run, *since)?;
            CommandResult::Nothing
        }
        Command::LetGo(id) => {
            transition.drop_outlived(*id)?;
            CommandResult::Nothing
        }
        Command::Refresh(id, ttl, _) => CommandResult::Refreshed(transition.refresh(*id, *ttl)?),
        Command::Release(id, _) => CommandResult::Released(transition.release(*id)?),
        Command::ReleaseSlot(name, slot, _) => {
            CommandResult::Released(transition.release_slot(name, slot)?)
        }
        Command::RefreshSlot(name, slot, ttl, _) => {
            CommandResult::Refreshed(transition.refresh_slot(name, slot, *ttl)?)
        }
        Command::Administer(command, by, _) => {
            CommandResult::Administered(transition.administer(command, by.as_ref())?)
        }
        Command::Audit(query, _) => {
            CommandResult::Audit(records::read_audit(transition.db, query)?)
        }
        Command::History(name, query, _) => {
            transition.advance_all()?;
            CommandResult::History(records::history(transition.db, name, query)?)
        }
        Command::Show(name, _) => {
            transition.reap_sessions()?;
            transition.advance_all()?;
            CommandResult::Views(view::list(transition.db, name.as_ref())?)
        }
        Command::Find(prefix, _) => CommandResult::Found(view::find(transition.db, prefix)?),
        Command::Observe => CommandResult::Observed(transition.observe()?),
        Command::Diagnose(_) => {
            CommandResult::Diagnosis(Box::new(diagnose(transition.db, path, here.woken)?))
        }
        Command::ShareWithChildren(_) => CommandResult::Shared(match here.presence {
            Some(presence) => presence.share_with_children(),
            None => Ok(false),
        }),
        Command::Close(_) => unreachable!("it ends a batch, and is no part of it"),
    })
}

/// Carries out a command that only reads; `None`: it does not.
fn read(db: &Connection, path: &Path, command: &Command) -> Result<Option<CommandResult>, Problem> {
    Ok(Some(match command {
        Command::Audit(query, _) => CommandResult::Audit(records::read_audit(db, query)?),
        Command::History(name, query, _) => {
            CommandResult::History(records::history(db, name, query)?)
        }
        Command::Show(name, _) => CommandResult::Views(view::list(db, name.as_ref())?),
        Command::Find(prefix, _) => CommandResult::Found(view::find(db, prefix)?),
        Command::Diagnose(_) => CommandResult::Diagnosis(Box::new(diagnose(db, path, false)?)),
        Command::Observe => CommandResult::Nothing,
        _ => return Ok(None),
    }))
}

fn mark_unresponsive(
    transition: &mut Transition<'_>,
    run: RunId,
    since: Option<Instant>,
) -> Result<(), Problem> {
    let since = since.map(|since| transition.now.before(since.elapsed()));
    transition.mark_unresponsive(run, since)
}

fn hold(
    id: RequestId,
    name: SemaphoreName,
    run: Option<RunId>,
    admission: &Admission,
) -> HeldPermit {
    HeldPermit {
        id,
        name,
        token: admission.token,
        waited: admission.started.since(admission.requested),
        started: admission.started,
        started_at: WallClock::read().system_time(admission.started),
        granted: admission.granted,
        run,
        lost: Lost::default(),
        left: AtomicBool::new(false),
    }
}

fn diagnose(db: &Connection, path: &Path, woken: bool) -> Result<Diagnosis, Problem> {
    const QUESTIONS: usize = 5;
    let mut latencies = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let asked = Instant::now();
        let _: i64 = db.query_row("SELECT count(*) FROM session", [], |row| row.get(0))?;
        latencies.push(asked.elapsed());
    }
    latencies.sort_unstable();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(Diagnosis::new(
        format!("sqlite:{}", path.display()),
        latencies[QUESTIONS / 2],
    )
    .fact("file", path.display().to_string())
    .fact("SQLite", text("SELECT sqlite_version()")?)
    .fact("schema", number("PRAGMA user_version")?.to_string())
    .fact("journal", text("PRAGMA journal_mode")?)
    .fact("size", format!("{size} bytes"))
    .fact(
        "wake-ups",
        if woken {
            "pushed"
        } else {
            "none (the folder beside the file cannot be used); it looks every few milliseconds"
        },
    )
    .fact(
        "semaphores",
        number("SELECT count(*) FROM semaphore")?.to_string(),
    )
    .clients(view::clients(db)?))
}
