//! The file: finds out whether it can be used, opens it, and makes its tables. Knows nothing of what the tables mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::problem::Problem;
use super::turn::{Turn, Turns};
use super::wake::Sessions;
use crate::file_url::{Access, SqliteUrl};

/// "cla1", so that the file says whose it is.
const APPLICATION: i32 = 0x636c_6131;
/// What makes the tables, each from those of the version before.
const UPGRADES: [&str; 9] = [
    include_str!("schema.sql"),
    include_str!("upgrade_2.sql"),
    include_str!("upgrade_3.sql"),
    include_str!("upgrade_4.sql"),
    include_str!("upgrade_5.sql"),
    include_str!("upgrade_6.sql"),
    include_str!("upgrade_7.sql"),
    include_str!("upgrade_8.sql"),
    include_str!("upgrade_9.sql"),
];

/// A file with a higher one was made by a newer version of the program.
pub(super) const VERSION: i32 = UPGRADES.len() as i32;

/// Transactions of this store take well under a millisecond. When nothing was written for so long while a process
/// holds the lock, that process has stopped in the middle, or is another program.
pub(super) const LOCKED_FOR: Duration = Duration::from_secs(5);
/// How long a machine is taken to use a file on a shared file system after its last sign of life.
pub(super) const SEEN_FOR: Duration = Duration::from_secs(30);
/// Between two attempts to get the lock: about as long as a transaction.
const LOCK_RETRY: Duration = Duration::from_micros(200);

/// Bytes of a page in a new file. A transaction changes a few bytes each in some ten pages, and writes all of these:
/// small ones take less time, for the writer and for those who read them then.
const PAGE: i64 = 1024;
/// When the log has so many bytes, what is in it goes into the file. That takes two calls of `fsync`.
const LOG: i64 = 4 << 20;

/// As many as the store has statements.
const STATEMENTS: usize = 160;

/// Makes the tables of this version from those of `version`.
pub(super) fn upgrade(connection: &Connection, version: i32) -> rusqlite::Result<()> {
    for upgrade in UPGRADES.iter().skip(usize::try_from(version).unwrap_or(0)) {
        connection.execute_batch(upgrade)?;
    }
    Ok(())
}

/// The open file.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    /// Which files they were when they were opened: the database, its log, the log's index. A process that finds others
    /// there shares nothing with this one.
    identities: [Option<Identity>; 3],
    /// How the file looked when it was last known to be as it should be.
    looks: Looks,
    /// The sessions of all processes that have it open.
    pub(super) sessions: Sessions,
    turns: Turns,
    /// Until when the callers of the next transaction want to wait for it.
    pub(super) limit: Option<Instant>,
}

/// How long a process waits for its turn: it goes on while others write.
struct TurnTimeout {
    log: PathBuf,
    written: Option<(u64, Option<SystemTime>)>,
    until: Instant,
    limit: Option<Instant>,
}

impl TurnTimeout {
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
    /// Opens the file, once it was [prepared](Self::prepare).
    pub(super) fn open(path: &Path, limit: Option<Instant>) -> Result<Self, Problem> {
        // As SQLite does for its own files. All who use the file by one name or another have to meet.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let sessions = Sessions::beside(&real);
        let turns = Turns::open(&sessions);
        // One at a time: hundreds of processes may open the file at once.
        let _turn = take_turn(&turns, &real, limit)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Otherwise SQLite prepares statements anew whenever a value is bound that may matter to the choice of an index.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.busy_handler(Some(wait_for_lock))?;
        // Nothing may be written before it is known that the file is this program's.
        let version = version(&connection)?;
        if version == 0 {
            connection.pragma_update(None, "page_size", PAGE)?;
        }
        switch_to_wal(&connection)?;
        // NORMAL: the file survives a power cut whole, without the last transactions; tokens leap over what
        // may have been lost (see `Transition::register`).
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL;
             PRAGMA temp_store = MEMORY;",
        )?;
        // A read makes the log and its index.
        marks(&connection)?;
        // An older version of this program made larger pages.
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG / page.max(1))?;
        let database = Self {
            connection,
            path: path.to_owned(),
            identities: identities(path),
            looks: Looks::of(path),
            sessions,
            turns,
            limit,
        };
        if version < VERSION {
            database.transaction_in_turn(|connection| {
                // Another process may have upgraded it meanwhile.
                let (_, version) = marks(connection)?;
                if version < VERSION {
                    upgrade(connection, version)?;
                    connection.pragma_update(None, "application_id", APPLICATION)?;
                    connection.pragma_update(None, "user_version", VERSION)?;
                }
                Ok(())
            })?;
        }
        Ok(database)
    }

    /// Makes the folder and the empty file, where they are missing, with the rights they should have. SQLite gives its
    /// other files the rights of this one.
    /// Says whether they are on a file system that other machines may share.
    pub(super) fn prepare(file: &SqliteUrl) -> Result<bool, Problem> {
        prepare(file)
    }

    /// Gives the files beside the database its group: SQLite does that only for root. The first process makes
    /// them, with its own user's group.
    pub(super) fn share_with_its_group(&self) {
        for beside in [beside(&self.path, "-wal"), beside(&self.path, "-shm")] {
            give_its_group(&self.path, &beside);
        }
    }

    /// Opens the file only to read: what this needs is the right to read it.
    pub(super) fn open_to_read(path: &Path, is_immutable: bool) -> Result<Connection, Problem> {
        if !path.exists() {
            return Err(Problem::Io("it is not there".to_owned()));
        }
        let open = |is_immutable: bool| -> Result<Connection, Problem> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut connection = if is_immutable {
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(format!("{}?immutable=1", uri(path)), flags)?
            } else {
                Connection::open_with_flags(path, flags)?
            };
            connection.busy_handler(Some(wait_for_lock))?;
            match version(&connection)? {
                VERSION => Ok(connection),
                _ => Err(Problem::Older),
            }
        };
        match open(is_immutable) {
            // A process that may not write cannot make the log. Where there is none, no process has the file open, and all is
            // in the file.
            Err(Problem::ReadOnly(_)) if !beside(path, "-wal").exists() => open(true),
            opened => opened,
        }
    }

    /// Changes whenever something is written.
    pub(super) fn looks(path: &Path) -> Looks {
        Looks::of(path)
    }

    /// Whether others may have the file open already: it and its log are there.
    pub(super) fn is_in_use(path: &Path) -> bool {
        path.metadata().is_ok_and(|file| file.len() > 0) && beside(path, "-wal").exists()
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
            // If even this fails, SQLite has undone everything by itself.
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

    /// A file that is deleted stays open in the processes that use it: they would go on in a file that no other process
    /// sees. That also holds for its log and for the log's index, which has the locks.
    pub(super) fn must_be_in_place(&self) -> Result<(), Problem> {
        if identities(&self.path) == self.identities {
            Ok(())
        } else {
            Err(Problem::Replaced)
        }
    }

    /// Whether the file was written by anything but a transaction, as far as that shows: only checkpoints write it, and
    /// nothing makes it shorter. To be confirmed by [`seen_by_a_newcomer`](Self::seen_by_a_newcomer).
    pub(super) fn looks_different(&self) -> Option<Looks> {
        let looks = Looks::of(&self.path);
        looks.differ_from(&self.looks).then_some(looks)
    }

    /// The file is as it should be, and looks so.
    pub(super) fn is_as_it_should_be(&mut self, looks: Looks) {
        self.looks = looks;
    }

    /// Looks into the file through a connection of its own, which has read nothing before: what is found is what another
    /// process would find. This connection may go on for long with what it has in memory.
    pub(super) fn seen_by_a_newcomer<T>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_handler(Some(wait_for_lock))?;
        connection.execute_batch("BEGIN")?;
        look(&connection)
    }

    /// Lets the files be as they are when this is closed: they are not those of this connection any more.
    pub(super) fn leave_files(&self) {
        // It can fail only for a connection that is no connection.
        let _ = self
            .connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

/// The name of one of the files that SQLite has beside the database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn identities(path: &Path) -> [Option<Identity>; 3] {
    [
        identity(path),
        identity(&beside(path, "-wal")),
        identity(&beside(path, "-shm")),
    ]
}

/// What shows that the file was written, or its log cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Looks {
    size: u64,
    written: Option<SystemTime>,
    log: u64,
    logged: Option<SystemTime>,
}

impl Looks {
    /// Whether something else than the next transaction of a log has made these of `before`.
    fn differ_from(&self, before: &Self) -> bool {
        (self.size, self.written) != (before.size, before.written) || self.log < before.log
    }
}

impl Looks {
    fn of(path: &Path) -> Self {
        let file = path.metadata().ok();
        let log = beside(path, "-wal").metadata().ok();
        Self {
            size: file.as_ref().map_or(0, fs::Metadata::len),
            written: file.and_then(|file| file.modified().ok()),
            log: log.as_ref().map_or(0, fs::Metadata::len),
            logged: log.and_then(|log| log.modified().ok()),
        }
    }
}

impl Drop for Database {
    /// The last process that closes the file clears it up, and no other process should come then.
    fn drop(&mut self) {
        // It ends with `turns`, which is dropped after the connection.
        if let Ok(turn) = take_turn(&self.turns, &self.path, self.limit) {
            std::mem::forget(turn);
        }
    }
}

fn take_turn(turns: &Turns, path: &Path, limit: Option<Instant>) -> Result<Turn, Problem> {
    let mut poll_timeout = TurnTimeout::new(path, limit);
    turns.take(|| poll_timeout.left()).ok_or_else(|| {
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
/// time together, all but one get the error that it is locked.
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

/// SQLite's own busy handler waits up to 100 ms between two attempts, so a process that tries more often would win.
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
fn prepare(file: &SqliteUrl) -> Result<bool, Problem> {
    let io = |what: &str, error: io::Error| Problem::Io(format!("{what}: {error}"));
    let path = file.path();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let group = file.group().map(group_id).transpose()?;
    if !folder.is_dir() && file.access() == Access::Create {
        make_folder(folder, file.mode(), group).map_err(|error| {
            io(
                &format!("its folder {} cannot be made", folder.display()),
                error,
            )
        })?;
    }
    let shared = super::file_system::shared_by_kernels(folder);
    let is_shared = shared.is_some();
    if let Some(kind) = shared
        && !file.accepts_shared()
    {
        return Err(Problem::SharedFileSystem(kind));
    }
    match fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(Problem::Io("it is a folder".to_owned())),
        Ok(_) => Ok(is_shared),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && file.access() == Access::Create =>
        {
            match make_file(path, file.mode(), group) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    Err(io("it cannot be made", error))
                }
                _ => Ok(is_shared),
            }
        }
        Err(error) => Err(io("it cannot be read", error)),
    }
}

/// The path as a URI of SQLite.
fn uri(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            byte => {
                // A text takes all that is written to it.
                let _ = write!(uri, "%{byte:02x}");
            }
        }
    }
    uri
}

/// The number of a group.
#[cfg(unix)]
fn group_id(name: &str) -> Result<u32, Problem> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match nix::unistd::Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(Problem::Io(format!("there is no group {name:?}"))),
        Err(error) => Err(Problem::Io(format!(
            "the group {name:?} cannot be looked up: {error}"
        ))),
    }
}

/// What is made in the folder gets the folder's group, if the files have one of their own.
#[cfg(unix)]
fn make_folder(folder: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
    const SET_GROUP_ID: u32 = 0o2000;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Who may read the file may enter the folder.
    let rights = mode | (mode & 0o444) >> 2;
    let rights = match group {
        Some(group) => {
            chown(folder, None, Some(group))?;
            rights | SET_GROUP_ID
        }
        None => rights,
    };
    fs::set_permissions(folder, fs::Permissions::from_mode(rights))
}

#[cfg(unix)]
fn make_file(path: &Path, mode: u32, group: Option<u32>) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
    // The rights come last: no process must be let in before the group is right.
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let made = match group {
        Some(group) => fchown(&file, None, Some(group)),
        None => Ok(()),
    };
    let made = made.and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)));
    if made.is_err() {
        // Better none than one that the others cannot use.
        let _ = fs::remove_file(path);
    }
    made
}

#[cfg(unix)]
fn give_its_group(database: &Path, beside: &Path) {
    use std::os::unix::fs::{MetadataExt, chown};
    if let (Ok(database), Ok(file)) = (database.metadata(), beside.metadata())
        && database.gid() != file.gid()
    {
        // Only the owner may, and only to a group of its own.
        let _ = chown(beside, None, Some(database.gid()));
    }
}

#[cfg(not(unix))]
fn group_id(_: &str) -> Result<u32, Problem> {
    Err(Problem::Io("files have no group here".to_owned()))
}

#[cfg(not(unix))]
fn make_folder(folder: &Path, _: u32, _: Option<u32>) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn make_file(path: &Path, _: u32, _: Option<u32>) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map(drop)
}

#[cfg(not(unix))]
fn give_its_group(_: &Path, _: &Path) {}

/// Distinguishes a file from another with the same name.
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
