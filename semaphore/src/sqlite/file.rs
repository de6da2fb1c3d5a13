//! The file: finding out whether it can be used, opening it, giving it its tables, and saying in words what
//! is wrong with it. Knows nothing of what the tables mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::turn::{Turn, Turns};
use super::wake::Sessions;
use crate::error::StoreError;

/// "cla1", so that the file says whose it is.
const APPLICATION: i32 = 0x636c_6131;
/// What makes the tables, each from those of the version before.
const UPGRADES: [&str; 4] = [
    include_str!("schema.sql"),
    include_str!("upgrade_2.sql"),
    include_str!("upgrade_3.sql"),
    include_str!("upgrade_4.sql"),
];
/// A file with a higher one was made by a newer version of the program.
const VERSION: i32 = UPGRADES.len() as i32;

/// Transactions of this store take well under a millisecond. When nothing was written for so long while somebody holds
/// the lock, that process has stopped in the middle, or is another kind of program.
const LOCKED_FOR: Duration = Duration::from_secs(5);
/// Between two attempts to get the lock: about as long as a transaction.
const LOCK_RETRY: Duration = Duration::from_micros(200);

/// As many as the store has statements.
const STATEMENTS: usize = 128;

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}")]
    Io(String),
    #[error(
        "it is on a network file system ({0}), whose locks do not keep processes apart; \
             put it on a local disk, or use a Redis server"
    )]
    NetworkFileSystem(&'static str),
    #[error("it is a SQLite database of another program; choose another file")]
    NotOurs,
    #[error(
        "a newer version of this program wrote it (schema {found}, this one knows {VERSION}); \
             upgrade this program, or choose another file"
    )]
    Newer { found: i32 },
    #[error("it is damaged or no SQLite database ({0}); move it away, and a new one will be made")]
    Damaged(String),
    #[error("{} keeps it locked, and has written nothing for {} s; it is stopped or stuck: let it go on (kill -CONT), \
             or end it",
            .0.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")),
            LOCKED_FOR.as_secs())]
    Locked(Option<u32>),
    /// The limit of a caller passed before it was this process's turn.
    #[error("too many other processes use it at this moment")]
    Late,
    #[error("it cannot be written: {0}; check the permissions of the file and of its folder")]
    ReadOnly(String),
    #[error("the disk is full")]
    Full,
    #[error("it was moved or deleted while it was in use")]
    Replaced,
    #[error("{0}")]
    Other(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        let said = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(said),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(None),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly(said)
            }
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Other(said),
        }
    }
}

impl Problem {
    /// Whether nothing at all can be done with the file.
    pub(super) const fn is_of_the_file(&self) -> bool {
        matches!(
            self,
            Self::Io(_)
                | Self::NetworkFileSystem(_)
                | Self::NotOurs
                | Self::Newer { .. }
                | Self::Locked(_)
                | Self::Late
                | Self::ReadOnly(_)
        )
    }

    /// As callers see it.
    pub(super) fn error(self, path: &Path) -> StoreError {
        let store = format!("sqlite:{}", path.display());
        let unreachable = matches!(
            self,
            Self::Io(_)
                | Self::NetworkFileSystem(_)
                | Self::Locked(_)
                | Self::Late
                | Self::ReadOnly(_)
        );
        let cause: Arc<dyn std::error::Error + Send + Sync> = Arc::new(self);
        if unreachable {
            StoreError::Unreachable { store, cause }
        } else {
            StoreError::Failed { store, cause }
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    /// Which file it was when it was opened.
    identity: Option<Identity>,
    /// Those who have it open.
    pub(super) sessions: Sessions,
    turns: Turns,
    /// Longer than this the callers of the next transaction do not want to wait for it.
    pub(super) limit: Option<Instant>,
}

/// Who waits for a turn goes on while others write.
struct Patience {
    log: PathBuf,
    written: Option<(u64, Option<SystemTime>)>,
    until: Instant,
    limit: Option<Instant>,
}

impl Patience {
    fn new(path: &Path, limit: Option<Instant>) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self {
            log: log.into(),
            written: None,
            until: Instant::now() + LOCKED_FOR,
            limit,
        }
    }

    /// How much longer to wait.
    fn left(&mut self) -> Option<Duration> {
        let now = Instant::now();
        let written = fs::metadata(&self.log)
            .ok()
            .map(|log| (log.len(), log.modified().ok()));
        if written != self.written {
            self.written = written;
            self.until = now + LOCKED_FOR;
        }
        let until = self.limit.map_or(self.until, |limit| limit.min(self.until));
        until.checked_duration_since(now)
    }
}

impl Database {
    /// Opens the file, or makes it: readable by its owner only, its folder too.
    pub(super) fn open(path: &Path, limit: Option<Instant>) -> Result<Self, Problem> {
        prepare(path)?;
        // As SQLite does for its own files. All who use the file by one name or another have to meet.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let sessions = Sessions::beside(&real);
        let turns = Turns::open(&sessions);
        // Hundreds that open the file at once would be in each other's way.
        let _turn = take_turn(&turns, &real, limit)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.busy_handler(Some(wait_for_lock))?;
        // In this order: whose file it is is found out before anything is written.
        let version = version(&connection)?;
        switch_to_wal(&connection)?;
        // NORMAL: the file survives a power cut whole, without the last transactions; tokens leap over what
        // may have been lost (see `Transition::register`).
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA temp_store = MEMORY;",
        )?;
        let database = Self {
            connection,
            path: path.to_owned(),
            identity: identity(path),
            sessions,
            turns,
            limit,
        };
        if version < VERSION {
            database.transaction_in_turn(|connection| {
                // Another process may have been quicker.
                let (_, version) = marks(connection)?;
                if version < VERSION {
                    for upgrade in UPGRADES.iter().skip(usize::try_from(version).unwrap_or(0)) {
                        connection.execute_batch(upgrade)?;
                    }
                    connection.pragma_update(None, "application_id", APPLICATION)?;
                    connection.pragma_update(None, "user_version", VERSION)?;
                }
                Ok(())
            })?;
        }
        Ok(database)
    }

    /// Does `work` as one transaction that excludes all other processes; what it did is undone when it
    /// fails.
    pub(super) fn transaction<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let _turn = take_turn(&self.turns, &self.path, self.limit)?;
        self.transaction_in_turn(work)
    }

    fn transaction_in_turn<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.must_be_in_place()?;
        self.connection
            .prepare_cached("BEGIN IMMEDIATE")?
            .execute([])?;
        let done = work(&self.connection).and_then(|done| {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(done)
        });
        if done.is_err() && !self.connection.is_autocommit() {
            // Should even this fail, SQLite has undone everything by itself.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        done
    }

    /// A number that changes with every transaction of another connection. Costs a few microseconds.
    pub(super) fn change_counter(&self) -> Result<i64, Problem> {
        Ok(self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?)
    }

    /// Somebody who deletes the file in use does not stop those who have it open: they would go on in a
    /// file that nobody else sees.
    fn must_be_in_place(&self) -> Result<(), Problem> {
        if identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(Problem::Replaced)
        }
    }
}

impl Drop for Database {
    /// The last process that closes the file clears it up, and nobody should come then.
    fn drop(&mut self) {
        // It ends with `turns`, which is dropped after the connection.
        if let Ok(turn) = take_turn(&self.turns, &self.path, self.limit) {
            std::mem::forget(turn);
        }
    }
}

fn take_turn(turns: &Turns, path: &Path, limit: Option<Instant>) -> Result<Turn, Problem> {
    let mut patience = Patience::new(path, limit);
    turns.take(|| patience.left()).ok_or_else(|| {
        if limit.is_some_and(|limit| limit <= Instant::now()) {
            Problem::Late
        } else {
            Problem::Locked(turns.holder())
        }
    })
}

/// The version of the tables in the file, 0 if it has none yet.
fn version(connection: &Connection) -> Result<i32, Problem> {
    // All is read at one moment: another process may be making the tables right now.
    connection.execute_batch("BEGIN")?;
    let read = marks(connection).and_then(|marks| {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((marks, tables))
    });
    connection.execute_batch("ROLLBACK")?;
    match read? {
        ((APPLICATION, version), _) if version > VERSION => Err(Problem::Newer { found: version }),
        ((APPLICATION, version), _) => Ok(version),
        ((0, _), 0) => Ok(0),
        _ => Err(Problem::NotOurs),
    }
}

fn marks(connection: &Connection) -> Result<(i32, i32), Problem> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

/// With a write-ahead log readers and the writer do not wait for each other.
///
/// For this statement SQLite does not ask the busy handler: when several processes use a new file for the first
/// time together, all but one are told that it is locked.
fn switch_to_wal(connection: &Connection) -> Result<(), Problem> {
    let since = Instant::now();
    loop {
        let switched = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| {
                row.get::<_, String>(0)
            })
            .map_err(Problem::from);
        match switched {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(Problem::Other(format!(
                    "it cannot have a write-ahead log there, only a journal of mode {mode}"
                )));
            }
            Err(Problem::Locked(_)) if since.elapsed() < LOCKED_FOR => {
                std::thread::sleep(LOCK_RETRY);
            }
            Err(problem) => return Err(problem),
        }
    }
}

/// SQLite's own waits up to 100 ms between two attempts, and then who comes often wins.
fn wait_for_lock(attempt: i32) -> bool {
    thread_local! {
        static SINCE: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
    }
    let since = SINCE.with(|since| {
        if attempt == 0 || since.get().is_none() {
            since.set(Some(Instant::now()));
        }
        since.get()
    });
    if since.is_some_and(|since| since.elapsed() > LOCKED_FOR) {
        return false;
    }
    std::thread::sleep(LOCK_RETRY);
    true
}

/// Makes the folder and the empty file, where they are missing, with the rights they should have.
/// SQLite gives its other files the rights of this one.
fn prepare(path: &Path) -> Result<(), Problem> {
    let io = |what: &str, error: io::Error| Problem::Io(format!("{what}: {error}"));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        make_folder(folder).map_err(|error| {
            io(
                &format!("its folder {} cannot be made", folder.display()),
                error,
            )
        })?;
    }
    if let Some(kind) = network_file_system(folder) {
        return Err(Problem::NetworkFileSystem(kind));
    }
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(Problem::Io("it is a folder".to_owned())),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match make_file(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(io("it cannot be made", error))
            }
            _ => Ok(()),
        },
        Err(error) => Err(io("it cannot be read", error)),
    }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(unix)]
fn make_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn make_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map(drop)
}

/// Tells one file from another of the same name.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere a file that is open cannot be deleted.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}

/// The name of the network file system on which `folder` is, if it is one that can be recognised.
#[cfg(target_os = "linux")]
fn network_file_system(folder: &Path) -> Option<&'static str> {
    /// From the kernel's magic.h and the sources of the file systems.
    const NETWORK: [(u32, &str); 13] = [
        (0x6969, "NFS"),
        (0x517b, "SMB"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x5346_414f, "AFS"),
        (0x6b41_4653, "AFS"),
        (0x7375_7245, "Coda"),
        (0x564c, "NCP"),
        (0x00c3_6400, "Ceph"),
        (0x0bd0_0bd0, "Lustre"),
        (0x7461_636f, "OCFS2"),
        (0x0116_1970, "GFS2"),
        (0x0102_1997, "9P"),
    ];
    // The type of the number differs from machine to machine; the magic is in its low 32 bits.
    let magic = rustix::fs::statfs(folder).ok()?.f_type as u32;
    NETWORK
        .iter()
        .find(|(known, _)| *known == magic)
        .map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}
