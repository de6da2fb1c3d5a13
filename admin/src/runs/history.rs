//! The runs that there were, in a SQLite file: [`History`]. Bounded by age and size.
//!
//! One thread has the file. It writes what has come in together, in one transaction.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cla_runtime::semaphore::{IdError, RunId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use super::output::Lines;
use super::record::Record;
use super::{RunError, RunView};

/// Runs that ended longer ago are forgotten.
const LONGEST_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When their reports and output take more bytes together, the oldest are forgotten.
const MOST_BYTES: i64 = 256 << 20;

/// How many runs end between two looks at the bounds.
const BETWEEN_LOOKS: u32 = 200;

/// The most commands in one transaction.
const AT_ONCE: usize = 256;

/// Changes when a table changes; a new table does no harm to older programs.
const VERSION: i64 = 1;

const SCHEMA: &str = "
    create table if not exists runs (
        id text primary key,
        rule text not null,
        by text not null,
        status text not null,
        started_at real not null,
        ended_at real,
        waited real,
        ran real,
        key text unique,
        fingerprint text not null,
        report text,
        output text,
        bytes integer not null default 0
    ) without rowid;
    create index if not exists by_start on runs (started_at);
    create index if not exists by_rule on runs (rule, started_at);
    create table if not exists snippets (
        name text primary key,
        code text not null,
        by text not null,
        saved_at real not null
    ) without rowid;
    create table if not exists service_audit (
        id integer primary key,
        at real not null,
        login text not null,
        host text,
        program text not null,
        action text not null,
        detail text not null
    );
";

const COLUMNS: &str = "id, rule, by, status, started_at, ended_at, waited, ran, key, fingerprint";

/// Which runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub(crate) rule: Option<String>,
    pub(crate) status: Option<String>,
    /// Started at or after this time.
    pub(crate) since: Option<f64>,
    pub(crate) until: Option<f64>,
    /// Took at least so many seconds, waiting included.
    pub(crate) took: Option<f64>,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

/// The runs that there were.
pub(super) struct History {
    /// Until the end.
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

enum Command {
    Begin(Box<Record>),
    End(Box<Record>, String, Lines),
    /// Reads what was written before.
    Read(Job),
}

impl History {
    /// Opens the file, or keeps all in memory.
    pub(super) fn open(file: Option<&Path>) -> io::Result<Self> {
        let failed = |problem: &dyn std::fmt::Display| {
            let file = file.map_or_else(|| "memory".into(), |file| file.display().to_string());
            io::Error::other(format!(
                "cannot use the history of runs in {file}: {problem}"
            ))
        };
        let lock = file.map(lock).transpose().map_err(|error| failed(&error))?;
        let connection = connect(file).map_err(|error| failed(&error))?;
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("cla-history".to_owned())
            .spawn(move || {
                work(connection, &receiver);
                drop(lock);
            })?;
        Ok(Self {
            commands: Some(sender),
            thread: Some(thread),
        })
    }

    /// A run has begun.
    pub(super) fn begin(&self, record: Record) {
        self.send(Command::Begin(Box::new(record)));
    }

    /// A run has ended.
    pub(super) fn end(&self, record: Record, report: String, output: Lines) {
        self.send(Command::End(Box::new(record), report, output));
    }

    fn send(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread ends after the last sender only.
            let _ = commands.send(command);
        }
    }

    /// Waits until all is written.
    pub(super) async fn flush(&self) {
        let _ = self.read(|_| Ok(())).await;
    }

    pub(super) async fn by_key(&self, key: String) -> Result<Option<Record>, RunError> {
        self.read(move |connection| {
            let text = format!("select {COLUMNS} from runs where key = ?1");
            let mut statement = connection.prepare_cached(&text)?;
            statement.query_row([key], record).optional()
        })
        .await
    }

    pub(super) async fn show(&self, id: RunId) -> Result<Option<RunView>, RunError> {
        self.read(move |connection| {
            let text = format!("select {COLUMNS}, report from runs where id = ?1");
            let mut statement = connection.prepare_cached(&text)?;
            let found = statement.query_row([id.to_string()], |row| {
                let report: Option<String> = row.get(10)?;
                Ok(RunView {
                    record: record(row)?,
                    report: report.and_then(|text| RawValue::from_string(text).ok()),
                })
            });
            found.optional()
        })
        .await
    }

    pub(super) async fn output(&self, id: RunId) -> Result<Option<Lines>, RunError> {
        self.read(move |connection| {
            let text = "select output from runs where id = ?1";
            let mut statement = connection.prepare_cached(text)?;
            let found = statement.query_row([id.to_string()], |row| row.get(0));
            let output: Option<Option<String>> = found.optional()?;
            Ok(output.map(|output| {
                let lines = output.and_then(|text| serde_json::from_str(&text).ok());
                // Nothing is known of the end of a lost run.
                lines.unwrap_or(Lines {
                    ended: true,
                    ..Lines::default()
                })
            }))
        })
        .await
    }

    pub(super) async fn list(&self, search: Search) -> Result<(usize, Vec<Record>), RunError> {
        self.read(move |connection| {
            let condition = "(?1 is null or rule = ?1) and (?2 is null or status = ?2)
                 and (?3 is null or started_at >= ?3) and (?4 is null or started_at < ?4)
                 and (?5 is null or coalesce(ran, 0) + coalesce(waited, 0) >= ?5)";
            let wanted = params![
                search.rule,
                search.status,
                search.since,
                search.until,
                search.took
            ];
            let text = format!("select count(*) from runs where {condition}");
            let mut statement = connection.prepare_cached(&text)?;
            let total: i64 = statement.query_row(wanted, |row| row.get(0))?;
            let limit = i64::try_from(search.limit).unwrap_or(i64::MAX);
            let offset = i64::try_from(search.offset).unwrap_or(i64::MAX);
            let text = format!(
                "select {COLUMNS} from runs where {condition}
                 order by started_at desc, id limit {limit} offset {offset}"
            );
            // Not cached: the numbers differ.
            let mut statement = connection.prepare(&text)?;
            let rows = statement.query_map(wanted, record)?;
            let records = rows.collect::<Result<_, _>>()?;
            Ok((usize::try_from(total).unwrap_or_default(), records))
        })
        .await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, RunError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // A caller that does not wait any more needs no answer.
            let _ = answer.send(job(connection));
        });
        self.send(Command::Read(job));
        match answered.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(RunError::History(error.to_string())),
            Err(_) => Err(RunError::History("its thread has ended".to_owned())),
        }
    }
}

impl Drop for History {
    /// Writes down what is left, so that the next service finds it and may use the file.
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Makes the file one that only its owner may read, and sees that no other service uses it.
fn lock(file: &Path) -> io::Result<std::fs::File> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?;
    // A separate lock file: SQLite has its own locks on the database.
    let lock = options.open(file.with_extension("lock"))?;
    lock.try_lock().map_err(|error| match error {
        std::fs::TryLockError::WouldBlock => io::Error::other("another service uses it"),
        std::fs::TryLockError::Error(error) => error,
    })?;
    Ok(lock)
}

fn connect(file: Option<&Path>) -> rusqlite::Result<Connection> {
    let connection = match file {
        Some(file) => Connection::open(file)?,
        None => Connection::open_in_memory()?,
    };
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        let message = "a newer version of the program has made it".to_owned();
        return Err(rusqlite::Error::InvalidColumnName(message));
    }
    connection.execute_batch(SCHEMA)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    // The service before this one has ended, and with it its runs.
    connection.execute(
        "update runs set status = 'lost', ended_at = started_at where status = 'running'",
        [],
    )?;
    forget(&connection)?;
    Ok(connection)
}

/// Carries out commands until the last sender is gone.
fn work(mut connection: Connection, commands: &Receiver<Command>) {
    let mut ended = 0;
    while let Ok(first) = commands.recv() {
        let more = std::iter::from_fn(|| commands.try_recv().ok());
        let mut writes = Vec::new();
        // A read sees only what is on the disk: it comes after the commit, so it ends a batch.
        let mut read = None;
        for command in std::iter::once(first).chain(more).take(AT_ONCE) {
            match command {
                Command::Begin(record) => writes.push(Write::Begin(record)),
                Command::End(record, report, output) => {
                    ended += 1;
                    writes.push(Write::End(record, report, output));
                }
                Command::Read(job) => {
                    read = Some(job);
                    break;
                }
            }
        }
        if let Err(error) = write_all(&mut connection, writes) {
            tracing::error!(%error, "cannot write down runs");
        }
        if let Some(job) = read {
            job(&connection);
        }
        if ended >= BETWEEN_LOOKS {
            ended = 0;
            if let Err(error) = forget(&connection) {
                tracing::error!(%error, "cannot forget old runs");
            }
        }
    }
}

enum Write {
    Begin(Box<Record>),
    End(Box<Record>, String, Lines),
}

fn write_all(connection: &mut Connection, writes: Vec<Write>) -> rusqlite::Result<()> {
    if writes.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for write in writes {
        // A command that fails is reported, and the others go on.
        if let Err(error) = carry_out(&transaction, write) {
            tracing::error!(%error, "cannot write down a run");
        }
    }
    transaction.commit()
}

fn carry_out(connection: &Connection, write: Write) -> rusqlite::Result<()> {
    match write {
        Write::Begin(record) => {
            let text = format!(
                "insert or ignore into runs ({COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            );
            connection.prepare_cached(&text)?.execute(params![
                record.id.to_string(),
                record.rule,
                record.by,
                record.status,
                record.started_at,
                record.ended_at,
                record.waited,
                record.ran,
                record.key,
                record.fingerprint,
            ])?;
        }
        Write::End(record, report, output) => {
            let output = serde_json::to_string(&output).unwrap_or_default();
            let bytes = i64::try_from(report.len() + output.len()).unwrap_or(i64::MAX);
            let text = "update runs set status = ?2, ended_at = ?3, waited = ?4, ran = ?5, report = ?6, output = ?7, \
                 bytes = ?8 where id = ?1";
            connection.prepare_cached(text)?.execute(params![
                record.id.to_string(),
                record.status,
                record.ended_at,
                record.waited,
                record.ran,
                report,
                output,
                bytes,
            ])?;
        }
    }
    Ok(())
}

/// Forgets runs that are too old, and the oldest when all take too much.
fn forget(connection: &Connection) -> rusqlite::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let oldest = now.unwrap_or_default().saturating_sub(LONGEST_AGE);
    connection.execute(
        "delete from runs where ended_at < ?1",
        [oldest.as_secs_f64()],
    )?;
    connection.execute(
        "delete from runs where ended_at is not null and id in (
             select id from (select id, sum(bytes) over (order by started_at desc, id) as total from runs)
             where total > ?1)",
        [MOST_BYTES],
    )?;
    Ok(())
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let id: String = row.get(0)?;
    let id = id.parse().map_err(|error: IdError| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Record {
        id,
        rule: row.get(1)?,
        by: row.get(2)?,
        status: row.get(3)?,
        started_at: row.get(4)?,
        ended_at: row.get(5)?,
        waited: row.get(6)?,
        ran: row.get(7)?,
        key: row.get(8)?,
        fingerprint: row.get(9)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    fn running(rule: &str, started_at: f64) -> Record {
        Record {
            id: RunId::unique(),
            rule: rule.to_owned(),
            by: "me".to_owned(),
            status: "running".to_owned(),
            started_at,
            ended_at: None,
            waited: None,
            ran: None,
            key: None,
            fingerprint: String::new(),
        }
    }

    fn now() -> f64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.unwrap().as_secs_f64()
    }

    #[tokio::test]
    async fn runs_are_found_after_the_service_was_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("runs.db");
        let (one, two) = (running("a.js", now()), running("b.js", now() + 1.0));
        {
            let history = History::open(Some(&file)).unwrap();
            history.begin(one.clone());
            history.begin(two.clone());
            let ended = Record {
                status: "ok".to_owned(),
                ended_at: Some(now()),
                ran: Some(2.5),
                ..one.clone()
            };
            history.end(ended, "{\"value\":1}".to_owned(), Lines::default());
            history.flush().await;
        }
        let history = History::open(Some(&file)).unwrap();
        let (total, all) = history
            .list(Search {
                limit: 10,
                ..Search::default()
            })
            .await
            .unwrap();
        let statuses: Vec<_> = all.iter().map(|run| run.status.as_str()).collect();
        assert_eq!((total, statuses), (2, vec!["lost", "ok"]));
        let shown = history.show(one.id).await.unwrap().unwrap();
        assert_eq!(shown.report.unwrap().get(), "{\"value\":1}");
        let slow = Search {
            took: Some(2.0),
            limit: 10,
            ..Search::default()
        };
        assert_eq!(history.list(slow).await.unwrap().0, 1);
        assert!(history.output(two.id).await.unwrap().unwrap().ended);
    }

    #[tokio::test]
    async fn old_and_large_runs_are_forgotten() {
        let history = History::open(None).unwrap();
        let old = running("old.js", 1.0);
        history.begin(old.clone());
        let ended = Record {
            ended_at: Some(2.0),
            ..old
        };
        history.end(ended, String::new(), Lines::default());
        for nth in 0..3 {
            let run = running("large.js", now() + f64::from(nth));
            history.begin(run.clone());
            let ended = Record {
                ended_at: Some(now()),
                ..run
            };
            history.end(ended, String::new(), Lines::default());
        }
        let left = history.read(|connection| {
            connection.execute("update runs set bytes = ?1", [MOST_BYTES / 2])?;
            forget(connection)?;
            connection.query_row("select count(*) from runs", [], |row| row.get::<_, i64>(0))
        });
        assert_eq!(left.await.unwrap(), 2);
    }
}
