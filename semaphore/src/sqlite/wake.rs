//! How one process wakes another: a named pipe for each session, in the folder `FILE-sessions` beside the store's file.
//!
//! # The decision
//!
//! A process that waits must cost nothing, so the process that admits it has to wake it. That must work between users,
//! between containers that share the folder, and without a service. A named pipe does:
//!
//! * A process that may write the store's file may write the pipe: it has the file's group and rights.
//! * Its path may be long. The path of a Unix socket may have 108 bytes, on some systems 104.
//! * What was written before the reader looks stays in it. So a wake-up between "nothing there" and "sleep" is not lost.
//! * To open it for writing fails when its reader is gone, so the pipe of a killed process wakes no other one.
//!
//! A futex in shared memory needs `unsafe`, and `inotify` wakes every process at each change.
//!
//! What happened stands in the file; a wake-up says that there is something, or repeats an admission
//! ([`message`](super::message)). One can get lost (a process was killed between its
//! commit and the wake-up, the folder was deleted), so each process also looks once a second. Where there can be no pipe
//! (a folder that is read-only, Windows), the worker looks at the file every few milliseconds.

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

#[cfg(unix)]
pub(super) use self::unix::WakePipe;

/// The folder beside the store's file in which sessions have their pipes.
#[derive(Debug)]
pub(super) struct Sessions {
    folder: PathBuf,
    /// The store's file; pipes get its rights.
    store: PathBuf,
    /// Pipes that were written to a moment ago: processes that take turns wake each other again and again.
    #[cfg(unix)]
    open: parking_lot::Mutex<Vec<unix::OpenPipe>>,
}

impl Sessions {
    /// The sessions of the store's file with this path, in which there are no links.
    pub(super) fn beside(store: &Path) -> Self {
        let mut folder = OsString::from(store);
        folder.push("-sessions");
        Self {
            folder: folder.into(),
            store: store.to_owned(),
            #[cfg(unix)]
            open: parking_lot::Mutex::default(),
        }
    }

    fn path(&self, session: i64) -> PathBuf {
        self.folder.join(session.to_string())
    }

    fn of_store(&self) -> std::io::Result<Metadata> {
        std::fs::metadata(&self.store)
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io::{self, ErrorKind, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::{
        DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown,
    };
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use rustix::fs::OFlags;

    use super::Sessions;
    use crate::sqlite::message::{LOOK, Received};

    /// The pipe through which this session is woken. It goes when this is dropped.
    #[derive(Debug)]
    pub(in super::super) struct WakePipe {
        file: File,
        path: PathBuf,
        /// Which file it is: another one may have been put in its place.
        identity: (u64, u64),
    }

    impl WakePipe {
        /// Takes what has come.
        pub(in super::super) fn receive(&self) -> Received {
            let mut bytes = [0; SOME];
            match (&self.file).read(&mut bytes) {
                Ok(read) if read < SOME => Received::of(&bytes[..read]),
                Ok(_) => self.receive_many(bytes.to_vec()),
                Err(_) => Received::default(),
            }
        }

        /// More has come than usually does.
        #[cold]
        fn receive_many(&self, mut all: Vec<u8>) -> Received {
            let mut bytes = [0; SOME];
            while all.len() < FULL
                && let Ok(read @ 1..) = (&self.file).read(&mut bytes)
            {
                all.extend_from_slice(&bytes[..read]);
            }
            let mut received = Received::of(&all);
            // While a pipe is full, what is sent to it is lost.
            if all.len() >= FULL {
                received.look = true;
                received.is_incomplete = true;
            }
            received
        }

        /// Whether others still find it.
        pub(in super::super) fn is_in_place(&self) -> bool {
            std::fs::symlink_metadata(&self.path)
                .is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
        }
    }

    impl AsFd for WakePipe {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.file.as_fd()
        }
    }

    impl Drop for WakePipe {
        fn drop(&mut self) {
            if self.is_in_place() {
                let _ = std::fs::remove_file(&self.path);
            }
        }
    }

    /// As many bytes are read at a time: some messages.
    const SOME: usize = 512;
    /// From so many bytes on, a pipe may have been full: the smallest that a system gives has some more.
    const FULL: usize = 2048;

    /// The pipe of another session.
    #[derive(Debug)]
    pub(super) struct OpenPipe {
        session: i64,
        pipe: File,
        opened: Instant,
    }

    impl OpenPipe {
        /// How many pipes are kept open.
        const MOST: usize = 8;
        /// How long one is kept before it is opened again: the session may have another one, as the folder may have been moved.
        const KEPT: Duration = Duration::from_secs(1);

        /// Sends something to the session, and keeps its pipe open if that is safe.
        fn send(session: i64, path: &Path, message: &[u8]) -> Option<Self> {
            // Not for reading: then it opens only while the session has it open.
            let mut pipe = open(OpenOptions::new().write(true), path).ok()?;
            let found = pipe.metadata().ok()?;
            if !found.file_type().is_fifo() {
                return None;
            }
            // A pipe that is full wakes as well.
            let _ = pipe.write(message);
            // Opened for reading, too: then it always has a reader. A write to a pipe without one would end a program that
            // does not ignore SIGPIPE.
            let kept = open(OpenOptions::new().read(true).write(true), path).ok()?;
            let same = kept.metadata().ok()?;
            ((found.dev(), found.ino()) == (same.dev(), same.ino())).then(|| Self {
                session,
                pipe: kept,
                opened: Instant::now(),
            })
        }

        /// Sends something more to the session. Says whether this is still its pipe.
        fn send_more(&self, message: &[u8]) -> bool {
            if self.opened.elapsed() > Self::KEPT {
                return false;
            }
            match (&self.pipe).write_all(message) {
                Ok(()) => self.pipe.metadata().is_ok_and(|pipe| pipe.nlink() > 0),
                // A pipe that is full wakes as well.
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    impl Sessions {
        /// Makes the folder if it is missing.
        ///
        /// # Errors
        /// It cannot be made, or another user made it.
        pub(in super::super) fn prepare(&self) -> io::Result<()> {
            let store = self.of_store()?;
            match DirBuilder::new().mode(0o700).create(&self.folder) {
                Ok(()) => {
                    // A process that may read the file may look for pipes.
                    let rights = store.mode() & 0o666;
                    give(&self.folder, rights | ((rights & 0o444) >> 2), &store)?;
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let found = std::fs::symlink_metadata(&self.folder)?;
            let me = rustix::process::geteuid().as_raw();
            let known = [me, store.uid(), 0].contains(&found.uid()) || store.mode() & 0o022 != 0;
            if found.is_dir() && known {
                Ok(())
            } else {
                Err(io::Error::other(
                    "the folder of its sessions belongs to another user",
                ))
            }
        }

        /// Makes the pipe of a session.
        ///
        /// # Errors
        /// The folder cannot be written, or is not there.
        pub(in super::super) fn pipe(&self, session: i64) -> io::Result<WakePipe> {
            self.prepare()?;
            let path = self.path(session);
            // It gets its name last: other processes find it only with a reader and with its rights.
            let new = path.with_extension("new");
            let _ = std::fs::remove_file(&new);
            make_pipe(&new)?;
            let made = || {
                give(&new, self.of_store()?.mode() & 0o666, &self.of_store()?)?;
                let file = open(OpenOptions::new().read(true).write(true), &new)?;
                std::fs::rename(&new, &path)?;
                Ok(file)
            };
            let file: File = made().inspect_err(|_: &io::Error| {
                let _ = std::fs::remove_file(&new);
            })?;
            let found = file.metadata()?;
            Ok(WakePipe {
                identity: (found.dev(), found.ino()),
                file,
                path,
            })
        }

        /// Wakes a session, so that it looks. One that is gone, or looks by itself, is not woken.
        pub(in super::super) fn wake(&self, session: i64) {
            self.send(session, &[LOOK]);
        }

        /// Sends a message to a session, and so wakes it.
        pub(in super::super) fn send(&self, session: i64, message: &[u8]) {
            let mut open = self.open.lock();
            if let Some(at) = open.iter().position(|pipe| pipe.session == session) {
                if open[at].send_more(message) {
                    return;
                }
                open.swap_remove(at);
            }
            if let Some(pipe) = OpenPipe::send(session, &self.path(session), message) {
                if open.len() == OpenPipe::MOST {
                    open.remove(0);
                }
                open.push(pipe);
            }
        }

        /// The session is gone, and its process may have been killed.
        pub(in super::super) fn forget(&self, session: i64) {
            let path = self.path(session);
            let _ = std::fs::remove_file(path.with_extension("new"));
            let _ = std::fs::remove_file(path);
        }

        /// A file of that name in the folder, to be locked.
        ///
        /// # Errors
        /// The folder cannot be written, or is not there.
        pub(in super::super) fn lock_file(&self, name: &str) -> io::Result<File> {
            let path = self.folder.join(name);
            let mut options = OpenOptions::new();
            options.read(true).write(true).mode(0o600);
            match open(&mut options, &path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened,
            }
            match open(options.create_new(true), &path) {
                Ok(file) => {
                    let store = self.of_store()?;
                    give(&path, store.mode() & 0o666, &store)?;
                    Ok(file)
                }
                // Another process has made it meanwhile.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    open(options.create_new(false), &path)
                }
                Err(error) => Err(error),
            }
        }
    }

    /// Neither waits nor follows links: others may write the folder.
    fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        options.custom_flags(flags.bits() as i32).open(path)
    }

    /// Gives a new file the owner, the group and the rights that go with the store's file.
    fn give(path: &Path, mode: u32, store: &Metadata) -> io::Result<()> {
        // Only root may give files away, and not every user is of the group.
        let _ = chown(path, Some(store.uid()), None);
        let _ = chown(path, None, Some(store.gid()));
        match std::fs::set_permissions(path, Permissions::from_mode(mode)) {
            // Given away already.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
            done => done,
        }
    }

    #[cfg(not(target_vendor = "apple"))]
    fn make_pipe(path: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, Mode, mkfifoat};
        Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
    }

    #[cfg(target_vendor = "apple")]
    fn make_pipe(path: &Path) -> io::Result<()> {
        use nix::sys::stat::Mode;
        Ok(nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?)
    }
}

/// Without pipes every process looks by itself.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) enum WakePipe {}

#[cfg(not(unix))]
impl WakePipe {
    pub(super) fn is_in_place(&self) -> bool {
        match *self {}
    }

    pub(super) fn receive(&self) -> super::message::Received {
        match *self {}
    }
}

#[cfg(not(unix))]
impl Sessions {
    pub(super) fn prepare(&self) -> std::io::Result<()> {
        match std::fs::create_dir(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn pipe(&self, _: i64) -> std::io::Result<WakePipe> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    pub(super) fn wake(&self, _: i64) {}

    pub(super) fn send(&self, _: i64, _: &[u8]) {}

    pub(super) fn forget(&self, _: i64) {}

    pub(super) fn lock_file(&self, name: &str) -> std::io::Result<std::fs::File> {
        std::fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.folder.join(name))
    }
}
