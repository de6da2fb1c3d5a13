//! The lock file beside the database (`PATH-lock`): whether a process has the database open, and which sessions live. Knows
//! files and locks; never asks the database.
//!
//! The kernel keeps the locks, and takes them away when the last process that has them ends, however it ends. They are
//! seen by processes that cannot see each other: of another user under `hidepid`, of another container.
//!
//! * Each open store shares the lock of the first byte. So a process that finds no database sees
//!   whether others still use the one that was there before.
//! * Each session has a byte of its own. Its lock belongs to an open file that child processes can inherit: `cla sem
//!   exec` lets its command have it, as flock(1) does. Should `exec` be killed, the session lives on with the command.
//!
//! The locks are those of open file descriptions (`F_OFD_SETLK`), which only Linux has. Elsewhere, and where the file
//! cannot be written, sessions have no lock, and their processes are looked at instead.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::clock::Moment;
use super::problem::Problem;
use super::process::{Life, Process};
use crate::id::RequestId;

/// Where the lock file of the database `path` is.
pub(super) fn lock_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    name.into()
}

/// This store's place in the lock file.
#[derive(Debug)]
pub(super) struct Presence {
    database: PathBuf,
    /// Has the lock that says that this store is open. The locks of others are asked for through it, too.
    open: system::LockFile,
    /// Has the lock of the session.
    life: Option<system::LockFile>,
    /// The number of the session's byte.
    byte: i64,
    /// Whether the lock file was there before this store: then there has been a database.
    pub(super) was_there: bool,
}

impl Presence {
    /// Opens the lock file of the database `path`, or makes it with the rights of the database. `None`: the system gives none.
    pub(super) fn open(path: &Path) -> Option<Self> {
        /// The first byte is for all; the last that a file can have is less than 2^63.
        const BYTES: i64 = 1 << 62;
        let was_there = lock_file(path).exists();
        Some(Self {
            open: system::LockFile::open(path).ok()?,
            was_there,
            life: None,
            byte: 1 + (RequestId::unique().as_u128() as i64).rem_euclid(BYTES - 1),
            database: path.to_owned(),
        })
    }

    /// Whether another store has the database open.
    pub(super) fn is_in_use(&self) -> bool {
        self.open.is_locked_by_another(0)
    }

    /// From now on others see that this store has the database open.
    pub(super) fn enter(&self) {
        // Without the lock, other processes see less of this one. That does no harm.
        let _ = self.open.share(0);
    }

    /// Locks the byte of a new session, and gives its number.
    pub(super) fn live(&mut self) -> Option<i64> {
        let life = system::LockFile::open(&self.database).ok()?;
        life.lock(self.byte).ok()?;
        self.life = Some(life);
        Some(self.byte)
    }

    /// Child processes that are started from now on inherit the lock of the session. Says whether there is one.
    pub(super) fn share_with_children(&self) -> io::Result<bool> {
        match &self.life {
            Some(life) => life.inherit().map(|()| true),
            None => Ok(false),
        }
    }

    /// Makes the lock file again if it was deleted or replaced: other processes do not see the locks of the old one.
    pub(super) fn renew(&mut self) {
        if self.open.is_the_one_of(&self.database) {
            return;
        }
        if let Ok(open) = system::LockFile::open(&self.database) {
            self.open = open;
            self.enter();
            if self.life.is_some() {
                self.life = None;
                self.live();
            }
        }
    }

    /// Lets `connection` ask for the locks of sessions, with the function `is_locked(byte)` of SQL.
    pub(super) fn answer(this: Option<&Self>, connection: &Connection) -> Result<(), Problem> {
        let eyes = this.and_then(|this| system::LockFile::open(&this.database).ok());
        let database = this.map(|this| this.database.clone());
        let eyes = parking_lot::Mutex::new(eyes);
        connection.create_scalar_function(
            "is_locked",
            1,
            FunctionFlags::SQLITE_UTF8,
            move |context| {
                let Some(byte) = context.get::<Option<i64>>(0)? else {
                    return Ok(None);
                };
                let mut eyes = eyes.lock();
                let is_locked = |eyes: &Option<system::LockFile>| {
                    eyes.as_ref().map(|eyes| eyes.is_locked_by_another(byte))
                };
                let locked = is_locked(&eyes);
                // A lock proves that its session lives, in whichever file it is. That there is none says something only in
                // the file that is there now.
                if locked == Some(false)
                    && let (Some(file), Some(database)) = (&*eyes, &database)
                    && !file.is_the_one_of(database)
                {
                    *eyes = system::LockFile::open(database).ok();
                    return Ok(is_locked(&eyes));
                }
                Ok(locked)
            },
        )?;
        Ok(())
    }
}

impl Drop for Presence {
    /// A session that ends in order has given back all that it had, so children that have inherited the lock keep nothing.
    fn drop(&mut self) {
        if let Some(life) = &self.life {
            let _ = life.unlock(self.byte);
        }
    }
}

/// The part of a session's row that shows whether it lives: see [`Witness::COLUMNS`].
#[derive(Debug)]
pub(super) struct Witness {
    pub(super) process: Process,
    pub(super) lease: Moment,
    /// Whether its byte is locked; `None` if it has none, or that is not to be seen.
    locked: Option<bool>,
}

impl Witness {
    /// What [`read`](Self::read) reads, of the table `session`.
    pub(super) const COLUMNS: &str = "pid, started, boot, namespace, lease, is_locked(lock)";

    /// How many these are.
    pub(super) const COUNT: usize = 6;

    /// Reads them of one session, and its secret.
    pub(super) const AND_SECRET: &str = "SELECT pid, started, boot, namespace, lease, is_locked(lock), secret FROM session WHERE id = ?1";

    /// Of the columns from `at` on.
    pub(super) fn read(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            process: Process {
                pid: row.get(at)?,
                started: row.get(at + 1)?,
                boot: row.get(at + 2)?,
                namespace: row.get(at + 3)?,
            },
            lease: row.get(at + 4)?,
            locked: row.get(at + 5)?,
        })
    }

    /// Whether the session lives: by its lock, or else by its process, or else by its lease.
    pub(super) fn is_alive(&self, now: Moment) -> bool {
        if self.locked == Some(true) {
            return true;
        }
        match self.process.life() {
            Life::Alive => true,
            Life::Dead => false,
            // This process may not see more of it. To take it for dead might admit a second holder. If it had a lock and has
            // it no more, then either its process is gone and another one has its id, or the lock file was deleted.
            Life::Hidden => self.locked.is_none() || self.lease > now,
            Life::Unknown => self.lease > now,
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::Path;

    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::lock_file;

    /// An open file description of the lock file, with the locks that it has.
    #[derive(Debug)]
    pub(super) struct LockFile(File);

    impl LockFile {
        pub(super) fn open(database: &Path) -> io::Result<Self> {
            let path = lock_file(database);
            match OpenOptions::new().read(true).write(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(database),
                // The right to read is enough to ask for the locks of others.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    OpenOptions::new().read(true).open(&path).map(Self)
                }
                opened => opened.map(Self),
            }
        }

        /// It has the rights of the database: a process that may write that may write this file.
        fn make(database: &Path) -> io::Result<Self> {
            let path = lock_file(database);
            let database = database.metadata()?;
            let mode = database.permissions().mode() & 0o666;
            let made = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path);
            match made {
                Ok(file) => {
                    // In spite of the umask. Root gives it to the database's owner, as SQLite does with its own files.
                    let _ = file.set_permissions(std::fs::Permissions::from_mode(mode));
                    let (uid, gid) = (database.uid(), database.gid());
                    let _ = std::os::unix::fs::fchown(&file, Some(uid), Some(gid))
                        .or_else(|_| std::os::unix::fs::fchown(&file, None, Some(gid)));
                    Ok(Self(file))
                }
                // Another process has made it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(&path)
                    .map(Self),
                Err(error) => Err(error),
            }
        }

        pub(super) fn share(&self, byte: i64) -> io::Result<()> {
            self.set(libc::F_RDLCK, byte)
        }

        pub(super) fn lock(&self, byte: i64) -> io::Result<()> {
            self.set(libc::F_WRLCK, byte)
        }

        pub(super) fn unlock(&self, byte: i64) -> io::Result<()> {
            self.set(libc::F_UNLCK, byte)
        }

        fn set(&self, kind: i32, byte: i64) -> io::Result<()> {
            fcntl(self.0.as_fd(), FcntlArg::F_OFD_SETLK(&request(kind, byte)))?;
            Ok(())
        }

        /// Through another open file description, of this process or of another.
        pub(super) fn is_locked_by_another(&self, byte: i64) -> bool {
            let mut asked = request(libc::F_WRLCK, byte);
            fcntl(self.0.as_fd(), FcntlArg::F_OFD_GETLK(&mut asked)).is_ok()
                && i32::from(asked.l_type) != libc::F_UNLCK
        }

        pub(super) fn inherit(&self) -> io::Result<()> {
            Ok(rustix::io::fcntl_setfd(
                &self.0,
                rustix::io::FdFlags::empty(),
            )?)
        }

        /// Whether this is the file that is there now.
        pub(super) fn is_the_one_of(&self, database: &Path) -> bool {
            match (self.0.metadata(), lock_file(database).metadata()) {
                (Ok(this), Ok(there)) => (this.dev(), this.ino()) == (there.dev(), there.ino()),
                _ => false,
            }
        }
    }

    fn request(kind: i32, byte: i64) -> libc::flock {
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: byte,
            l_len: 1,
            l_pid: 0,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::Path;

    /// There are no such locks here.
    #[derive(Debug)]
    pub(super) enum LockFile {}

    impl LockFile {
        pub(super) fn open(_: &Path) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn share(&self, _: i64) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn lock(&self, _: i64) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn unlock(&self, _: i64) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn is_locked_by_another(&self, _: i64) -> bool {
            match *self {}
        }

        pub(super) fn inherit(&self) -> io::Result<()> {
            match *self {}
        }

        pub(super) fn is_the_one_of(&self, _: &Path) -> bool {
            match *self {}
        }
    }
}
