//! The open file, and where this process stands in it: its session, what it has read, and what it has to look at next.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::params;

use super::poll::WATCH_FOR_LOST;
use super::session::Session;
use crate::file_url::SqliteUrl;
use crate::id::RequestId;
use crate::owner::this_host;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::ends::Ends;
use crate::sqlite::file::{Database, LOCKED_FOR};
use crate::sqlite::message::{Secret, written};
use crate::sqlite::permit::PermitState;
use crate::sqlite::presence::{Presence, Witness};
use crate::sqlite::problem::Problem;
use crate::sqlite::process::Process;
use crate::sqlite::transitions::{ENDING, Effects, Outcome, OutcomeRow, Predecessor, Transition};
use crate::sqlite::wake::WakePipe;

/// How long a session in another container is taken to live after its last sign of life.
pub(super) const LEASE: Duration = Duration::from_secs(15);
/// How often a process that finds the file missing looks whether those who used it before have noticed.
const NEWCOMER: Duration = Duration::from_millis(5);
/// How often a pipe is looked for that other sessions need to wake this one.
const PIPE_CHECK: Duration = Duration::from_secs(1);

/// What other sessions have written.
pub(super) enum News {
    /// Nothing.
    None,
    /// Something; and what became of requests of this session, if anything did.
    Outcomes(Vec<(RequestId, Outcome)>),
    /// They found no sign of life of this session, and reaped it.
    Reaped,
}

/// The open file, and where this process stands in it.
pub(super) struct OpenFile {
    pub(super) database: Database,
    /// Dropped after the database: a newcomer may come in once this process is not seen any more, so the file must be
    /// closed by then.
    pub(super) presence: Option<Presence>,
    /// Other machines may share the file system.
    pub(super) is_shared: bool,
    pub(super) inspected: Moment,
    /// When this session last looked what there is to do.
    pub(super) looked: Moment,
    /// There is something to look at.
    pub(super) must_look: bool,
    pub(super) session: i64,
    /// How other sessions wake this one. `None`: the system gives no pipe, so this session looks every few milliseconds.
    pub(super) pipe: Option<WakePipe>,
    /// By this it knows that a message in the pipe is for it.
    pub(super) secret: Secret,
    /// Messages may be missing: what was admitted is looked up.
    pub(super) misses_messages: bool,
    /// Something was written since that was last looked up.
    admissions_changed: bool,
    admissions_seen: Moment,
    /// When the pipe was last known to be in its place.
    pub(super) pipe_seen: Moment,
    /// The file's change counter when news were last read.
    pub(super) counter: i64,
    pub(super) last_notice: i64,
    /// Notices up to here are deleted.
    pub(super) deleted_notice: i64,
    pub(super) observing: bool,
    pub(super) last_event: i64,
    /// The earliest deadline in the whole file.
    pub(super) next_deadline: Moment,
    /// Whether `next_deadline` must be looked up again.
    pub(super) deadlines_changed: bool,
    pub(super) renewed: Moment,
    pub(super) holders_checked: Moment,
    pub(super) check_holders_every: Duration,
    /// The ends of the processes that hold what this session is the first to wait for.
    pub(super) ends: Ends,
    /// When this session last saw whether holders live.
    pub(super) saw_holders: Moment,
    pub(super) active: Moment,
}

impl OpenFile {
    /// `has_lost_file`: this store had another file open, which is gone.
    pub(super) fn new(
        file: &SqliteUrl,
        limit: Option<Instant>,
        mut has_lost_file: bool,
    ) -> Result<Self, Problem> {
        let path = file.path();
        let was_in_use = Database::is_in_use(path);
        let is_shared = Database::prepare(file)?;
        let mut presence = Presence::open(path);
        if let Some(presence) = &presence {
            has_lost_file |= wait_for_predecessors(path, was_in_use, presence)?;
            presence.enter();
        }
        let database = Database::open(path, limit)?;
        database.share_with_its_group();
        let now = Moment::now();
        let host = this_host();
        database.connection.execute_batch(ENDING)?;
        Presence::answer(presence.as_ref(), &database.connection)?;
        let lock = presence.as_mut().and_then(Presence::live);
        let secret = Secret::new();
        let predecessor = match (has_lost_file, presence.as_ref()) {
            (true, _) => Predecessor::Known,
            (false, Some(presence)) if presence.was_there => Predecessor::Likely,
            _ => Predecessor::None,
        };
        let session = database.transaction(|connection| {
            Transition::register(
                connection,
                host.as_deref(),
                now.after(LEASE),
                lock,
                secret,
                is_shared,
                predecessor,
            )
        })?;
        let mut open = Self {
            presence,
            is_shared,
            inspected: now,
            looked: now,
            must_look: true,
            counter: database.change_counter()?,
            // Made before this session has any request, so that no wake-up finds it missing.
            pipe: database.sessions.pipe(session).ok(),
            secret,
            misses_messages: false,
            admissions_changed: false,
            admissions_seen: now,
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
            holders_checked: now,
            check_holders_every: super::poll::HOLDER_CHECK,
            ends: Ends::default(),
            saw_holders: now,
            active: now,
        };
        if open.pipe.is_none() {
            open.transact(|transition| transition.read_notices_only())?;
        }
        Ok(open)
    }

    /// Does `work` in a transaction, together with what every transaction does; wakes other sessions once it is committed.
    pub(super) fn transact<T>(
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
        for (session, messages) in &effects.messages {
            self.database.sessions.send(*session, &written(messages));
        }
        for session in &effects.wake {
            self.database.sessions.wake(*session);
        }
        for session in &effects.gone {
            // Its process may live after all, and has to learn that its permits are lost.
            self.database.sessions.wake(*session);
            self.database.sessions.forget(*session);
        }
        self.deleted_notice = read;
        self.deadlines_changed = true;
        self.next_deadline = self.next_deadline.min(effects.due.unwrap_or(Moment::NEVER));
        self.active = Moment::now();
        Ok((done, effects))
    }

    /// What other sessions have written since the last call. Begins a transaction that reads: what else is looked up at the
    /// same moment costs less inside of it. To be followed by [`end_of_news`](Self::end_of_news).
    pub(super) fn news(&mut self, session: &Session) -> Result<News, Problem> {
        let connection = &self.database.connection;
        connection.prepare_cached("BEGIN")?.execute([])?;
        let read = self.read_news(session);
        if read.is_err() {
            self.stop_reading()?;
        }
        read
    }

    /// Looks up the next deadline, if it may have changed and this session is `concerned`. Then ends the transaction.
    pub(super) fn end_of_news(&mut self, concerned: bool) -> Result<(), Problem> {
        if self.deadlines_changed && concerned {
            match Transition::next_deadline(&self.database.connection) {
                Ok(next) => self.next_deadline = next,
                Err(problem) => {
                    self.stop_reading()?;
                    return Err(problem);
                }
            }
            self.deadlines_changed = false;
        } else if !concerned {
            self.next_deadline = Moment::NEVER;
            self.deadlines_changed = true;
        }
        self.stop_reading()
    }

    fn stop_reading(&self) -> Result<(), Problem> {
        let connection = &self.database.connection;
        // Some errors end a transaction by themselves.
        if !connection.is_autocommit() {
            connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }

    fn read_news(&mut self, session: &Session) -> Result<News, Problem> {
        let counter = self.database.change_counter()?;
        let has_changed = counter != self.counter;
        self.admissions_changed |= has_changed;
        let mut admitted = Vec::new();
        if self.admissions_changed && session.is_waiting() && self.must_see_admissions() {
            admitted = self.admissions(session)?;
            self.admissions_changed = false;
            self.admissions_seen = Moment::now();
            self.misses_messages = false;
        }
        if !has_changed {
            return Ok(match admitted {
                none if none.is_empty() => News::None,
                admitted => News::Outcomes(admitted),
            });
        }
        let mut statement = self.database.connection.prepare_cached(
            "SELECT n.id, n.uuid, n.verdict, n.token, n.requested, n.started, n.detail
             FROM session AS s LEFT JOIN notice AS n ON n.session = s.id AND n.id > ?2
             WHERE s.id = ?1 ORDER BY n.id",
        )?;
        let mut rows = statement.query([self.session, self.last_notice])?;
        let mut is_known = false;
        // First: what is admitted may have ended since.
        let mut outcomes = admitted;
        while let Some(row) = rows.next()? {
            is_known = true;
            if let Some(id) = row.get(0)? {
                self.last_notice = id;
                outcomes.push(OutcomeRow::read(row, 1)?);
            }
        }
        self.counter = counter;
        Ok(if is_known {
            News::Outcomes(outcomes)
        } else {
            News::Reaped
        })
    }

    /// Whether to look which requests were admitted, although that comes as messages: one may be lost.
    fn must_see_admissions(&self) -> bool {
        self.misses_messages
            || self.pipe.is_none()
            || Moment::now().since(self.admissions_seen) >= WATCH_FOR_LOST
    }

    /// Which requests of this session are busy at the semaphores for which it waits.
    fn admissions(&self, session: &Session) -> Result<Vec<(RequestId, Outcome)>, Problem> {
        let mut statement = self.database.connection.prepare_cached(
            "SELECT r.uuid, r.phase - 1, r.token, r.requested, r.started, NULL
             FROM semaphore AS s CROSS JOIN request AS r ON r.semaphore = s.id AND r.phase > 0
             WHERE s.name = ?1 AND r.session = ?2",
        )?;
        let mut admitted = Vec::new();
        for name in session.waited_for() {
            let rows = statement.query_map(params![Db(name), self.session], |row| {
                OutcomeRow::read(row, 0)
            })?;
            for row in rows {
                admitted.push(row?);
            }
        }
        Ok(admitted)
    }

    /// Other sessions must find the pipe. Makes it again if it was deleted, or could not be made before.
    pub(super) fn keep_pipe(&mut self, now: Moment) {
        if now.since(self.pipe_seen) < PIPE_CHECK {
            return;
        }
        self.pipe_seen = now;
        if self.pipe.as_ref().is_none_or(|pipe| !pipe.is_in_place()) {
            self.pipe = self.database.sessions.pipe(self.session).ok();
        }
    }

    /// Whether one of the requests of this session is the next in its line.
    pub(super) fn is_first(&self) -> Result<bool, Problem> {
        let mut statement = self.database.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM request AS mine WHERE session = ?1 AND phase = 0 AND id =
                 (SELECT id FROM request WHERE semaphore = mine.semaphore AND phase = 0
                  ORDER BY class DESC, place LIMIT 1))",
        )?;
        Ok(statement.query_row([self.session], |row| row.get(0))?)
    }

    /// The processes of the sessions that hold what this one waits for. `None`: one of them is gone.
    pub(super) fn holders(&self) -> Result<Option<Vec<Process>>, Problem> {
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

    /// Makes sure that the file still is the one in which this session is, with the permits that it `held`.
    ///
    /// # Errors
    /// [`Problem::Replaced`] if it is another one.
    pub(super) fn inspect(
        &mut self,
        held: &HashMap<RequestId, Arc<PermitState>>,
    ) -> Result<(), Problem> {
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
                // A permit that another session ended has no request any more, but an outcome that this session has not yet
                // read.
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
            // A process that opens the file now finds no database, or not this one.
            Ok(false) | Err(_) => Err(Problem::Replaced),
        }
    }
}

/// The file is missing, or its log is, while other processes say that they use it: they hold permits that are not to be
/// seen here. They notice soon, and lose those permits. Until then this waits, so that no request is admitted beside them.
/// Says whether another file was put in its place.
fn wait_for_predecessors(
    path: &Path,
    was_in_use: bool,
    presence: &Presence,
) -> Result<bool, Problem> {
    let since = Instant::now();
    let is_there = path.metadata().is_ok_and(|file| file.len() > 0);
    let is_another = !was_in_use && is_there && presence.is_in_use();
    let mut is_in_use = was_in_use;
    while !is_in_use && presence.is_in_use() {
        if since.elapsed() > LOCKED_FOR {
            return Err(Problem::InUseElsewhere);
        }
        std::thread::sleep(NEWCOMER);
        // Another process may be making it just now.
        is_in_use = Database::is_in_use(path);
    }
    Ok(is_another)
}

impl Drop for OpenFile {
    /// Gives back all that this session has. If that fails, other sessions reap it once the process has ended.
    fn drop(&mut self) {
        if !self.database.connection.is_autocommit() {
            let _ = self.database.connection.execute_batch("ROLLBACK");
        }
        // First: without its session no process would remove the pipe, if this one ended in between.
        self.pipe = None;
        let session = self.session;
        if let Err(problem) = self.transact(|transition| transition.end_session(session))
            && problem.loses_all()
        {
            self.database.leave_files();
        }
    }
}
