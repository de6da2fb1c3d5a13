//! Whose turn it is to write: processes queue for the file one behind the other, and the system keeps the queue.
//!
//! # The decision
//!
//! SQLite has no queue. A process that finds the file locked tries again after a while. With hundreds of processes, some
//! never get through. So a process takes a lock of the system (`flock`) before it begins a
//! transaction. A process that waits for such a lock sleeps, and the system wakes one at a time. The system takes the lock
//! from a process that ends, however it ends.
//!
//! One such lock is not fair: between its release and the moment in which the next in line runs, another process can take
//! it. Hence two. A process takes `next`, then `turn`, and then gives `next` back. So only one process at a
//! time waits for `turn`, and all who come later queue for `next`.
//!
//! The locks only keep order. SQLite's own locks see to it that there is never more than one writer, also when the files of
//! these locks are deleted, or an older version of this program does not know them.
//!
//! A process that is stopped (SIGSTOP, a debugger) in the middle of its turn keeps it, as it keeps SQLite's lock: to go
//! on without it would break the file. The others wait, up to the limits that their callers gave; what has no limit of
//! its own fails after some seconds in which nothing was written, with the number of that process.

use std::cell::OnceCell;
use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::wake::Sessions;

/// How often a process that waits asks whether to go on.
const ASK: Duration = Duration::from_secs(1);

/// The locks and the queue of one open file.
#[derive(Debug)]
pub(super) struct Turns {
    locks: Option<Arc<Locks>>,
    queue: OnceCell<Arc<Queue>>,
}

#[derive(Debug)]
struct Locks {
    next: File,
    turn: File,
}

impl Locks {
    fn try_lock(&self) -> Result<(), TryLockError> {
        self.next.try_lock()?;
        let got = self.turn.try_lock();
        let _ = self.next.unlock();
        got
    }

    fn lock(&self) -> io::Result<()> {
        self.next.lock()?;
        let got = self.turn.lock();
        let _ = self.next.unlock();
        got
    }
}

/// This turn. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Locks>>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(locks) = &self.0 {
            let _ = locks.turn.unlock();
        }
    }
}

impl Turns {
    /// Where the system gives no such locks, there is no order, and only SQLite's own lock.
    pub(super) fn open(sessions: &Sessions) -> Self {
        let locks = sessions.prepare().and_then(|()| {
            Ok(Locks {
                next: sessions.lock_file("next")?,
                turn: sessions.lock_file("turn")?,
            })
        });
        Self {
            locks: locks.ok().map(Arc::new),
            queue: OnceCell::new(),
        }
    }

    /// Waits for this process's turn. `poll_timeout` says how long to wait on, or to give up; it is asked every second.
    pub(super) fn take(&self, mut poll_timeout: impl FnMut() -> Option<Duration>) -> Option<Turn> {
        let Some(locks) = &self.locks else {
            return Some(Turn(None));
        };
        let queue = self.queue.get();
        // Not while the queue's thread waits: it would be overtaken.
        if queue.is_none_or(|queue| queue.is_idle()) {
            match locks.try_lock() {
                Ok(()) => return Some(Turn(Some(Arc::clone(locks)))),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return Some(Turn(None)),
            }
        }
        let queue = match queue {
            Some(queue) => queue,
            None => {
                let Ok(queue) = Queue::start(locks) else {
                    return Some(Turn(None));
                };
                self.queue.get_or_init(|| queue)
            }
        };
        match queue.wait(&mut poll_timeout)? {
            true => Some(Turn(Some(Arc::clone(locks)))),
            false => Some(Turn(None)),
        }
    }

    /// The process that has the turn, where the system says so.
    pub(super) fn holder(&self) -> Option<u32> {
        system::holder(&self.locks.as_ref()?.turn)
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.get() {
            queue.state.lock().over = true;
            queue.changed.notify_all();
        }
        if let Some(locks) = &self.locks {
            // The queue's thread may have the file open for a while yet.
            let _ = locks.turn.unlock();
        }
    }
}

/// A thread that waits for locks: the system has no wait for one with a time limit.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    wanted: bool,
    /// Whether the lock was taken.
    came: Option<bool>,
    /// The thread waits for the lock, or is about to.
    busy: bool,
    over: bool,
}

impl Queue {
    fn start(locks: &Arc<Locks>) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let (of_thread, locks) = (Arc::clone(&queue), Arc::clone(locks));
        std::thread::Builder::new()
            .name("cla-sqlite-turn".to_owned())
            .spawn(move || of_thread.run(&locks))?;
        Ok(queue)
    }

    fn is_idle(&self) -> bool {
        !self.state.lock().busy
    }

    fn run(&self, locks: &Locks) {
        let mut state = self.state.lock();
        loop {
            while !state.wanted && !state.over {
                state.busy = false;
                self.changed.wait(&mut state);
            }
            if state.over {
                return;
            }
            state.busy = true;
            drop(state);
            let came = locks.lock().is_ok();
            state = self.state.lock();
            if state.wanted && !state.over {
                state.wanted = false;
                state.busy = false;
                state.came = Some(came);
                self.changed.notify_all();
            } else if came {
                // Given up meanwhile.
                let _ = locks.turn.unlock();
            }
        }
    }

    fn wait(&self, poll_timeout: &mut impl FnMut() -> Option<Duration>) -> Option<bool> {
        let mut state = self.state.lock();
        state.wanted = true;
        state.busy = true;
        self.changed.notify_all();
        // Asking may take a moment, in which the lock is taken. The loop sees that first.
        let mut on = poll_timeout();
        loop {
            if let Some(came) = state.came.take() {
                return Some(came);
            }
            let Some(wait) = on else {
                state.wanted = false;
                return None;
            };
            self.changed.wait_for(&mut state, wait.min(ASK));
            if state.came.is_none() {
                on = poll_timeout();
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;

    pub(super) fn holder(file: &File) -> Option<u32> {
        let inode = file.metadata().ok()?.ino();
        holder_in(&std::fs::read_to_string("/proc/locks").ok()?, inode)
    }

    /// `1: FLOCK  ADVISORY  WRITE 4711 08:02:1048 0 EOF`; a process that waits has an arrow before the kind.
    pub(super) fn holder_in(locks: &str, inode: u64) -> Option<u32> {
        let inode = format!(":{inode}");
        locks.lines().find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let (kind, pid) = (fields.next()?, fields.nth(2)?);
            let of_file = fields.next()?.ends_with(&inode);
            let pid = pid.parse().ok().filter(|pid| *pid != 0);
            if kind == "FLOCK" && of_file {
                pid
            } else {
                None
            }
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn holder(_: &std::fs::File) -> Option<u32> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    use super::*;

    fn turns() -> (tempfile::TempDir, Sessions) {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a.db");
        std::fs::write(&store, "").unwrap();
        (folder, Sessions::beside(&store))
    }

    const FOR_EVER: fn() -> Option<Duration> = || Some(Duration::MAX);

    #[test]
    fn one_turn_follows_the_other() {
        const THREADS: usize = 8;
        const TIMES: usize = 100;
        let (_folder, sessions) = turns();
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let turns = Turns::open(&sessions);
                    for _ in 0..TIMES {
                        let turn = turns.take(FOR_EVER).unwrap();
                        assert!(turn.0.is_some(), "there are locks");
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                    }
                });
            }
        });
    }

    #[test]
    fn a_turn_that_was_given_up_is_not_kept() {
        let (_folder, sessions) = turns();
        let (one, other) = (Turns::open(&sessions), Turns::open(&sessions));
        let turn = one.take(FOR_EVER);
        assert!(other.take(|| None).is_none());
        drop(turn);
        // The other one may get it for an instant, and gives it back.
        assert!(one.take(FOR_EVER).is_some());
        assert!(other.take(FOR_EVER).is_some());
    }

    #[test]
    fn a_wait_ends_when_its_poll_timeout_does() {
        let (_folder, sessions) = turns();
        let (one, other) = (Turns::open(&sessions), Turns::open(&sessions));
        let _turn = one.take(FOR_EVER);
        let until = Instant::now() + Duration::from_millis(20);
        let poll_timeout = || until.checked_duration_since(Instant::now());
        assert!(other.take(poll_timeout).is_none());
        assert!(Instant::now() >= until);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_says_in_whose_turn_this_is() {
        let (_folder, sessions) = turns();
        let turns = Turns::open(&sessions);
        let _turn = turns.take(FOR_EVER);
        assert_eq!(turns.holder(), Some(std::process::id()));
        let locks = "1: -> FLOCK  ADVISORY  WRITE 1 08:02:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4711 08:02:7 0 EOF\n";
        assert_eq!(system::holder_in(locks, 7), Some(4711));
        assert_eq!(system::holder_in(locks, 17), None);
    }
}
