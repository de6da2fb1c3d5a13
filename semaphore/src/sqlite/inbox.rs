//! How commands come to the worker, and how it waits for them and for wake-ups of other processes at once.
//!
//! A channel cannot be waited for together with a pipe. So the commands lie in a channel, and beside it there is a pipe
//! inside of the process: the sender writes a byte into it when the worker sleeps. The worker sleeps in `poll`, on that
//! pipe and on the [`WakePipe`] of its session.
//!
//! No byte is written while the worker is busy, and no command is missed: the worker says that it is about to sleep, and
//! looks into the channel once more; the sender puts the command into the channel, and then asks whether the worker
//! sleeps. At least one of the two sees what the other did.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use super::ends::Ends;
use super::wake::WakePipe;
use super::worker::Command;

/// For so long after a command the worker looks for the next one before it sleeps.
const LOOK_FOR: Duration = Duration::from_micros(50);

/// The sending half. The worker ends when it is dropped.
pub(super) struct Outbox {
    /// `None` only while it is dropped.
    queue: Option<Sender<Command>>,
    sleep: Arc<Sleep>,
}

/// The receiving half.
pub(super) struct Inbox {
    queue: Receiver<Command>,
    sleep: Arc<Sleep>,
    alarm: system::Alarm,
    /// When the last command came after which another one is likely.
    active: Cell<Option<Instant>>,
}

/// There will be no more commands.
pub(super) struct Closed;

/// Whether the worker sleeps, and what ends that.
struct Sleep {
    sleeps: AtomicBool,
    bell: system::Bell,
}

impl Sleep {
    fn end(&self) {
        fence(Ordering::SeqCst);
        if self.sleeps.swap(false, Ordering::SeqCst) {
            self.bell.ring();
        }
    }
}

/// # Errors
/// The process has no descriptors left.
pub(super) fn channel() -> io::Result<(Outbox, Inbox)> {
    let (sender, queue) = mpsc::channel();
    let (bell, alarm) = system::pair()?;
    let sleep = Arc::new(Sleep {
        sleeps: AtomicBool::new(false),
        bell,
    });
    let outbox = Outbox {
        queue: Some(sender),
        sleep: Arc::clone(&sleep),
    };
    let inbox = Inbox {
        queue,
        sleep,
        alarm,
        active: Cell::new(None),
    };
    Ok((outbox, inbox))
}

impl Outbox {
    /// A worker that has ended does not answer; its callers notice that their channels are closed.
    pub(super) fn send(&self, command: Command) {
        if let Some(queue) = &self.queue {
            let _ = queue.send(command);
            self.sleep.end();
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.queue = None;
        self.sleep.end();
    }
}

impl Inbox {
    /// A command if there is one.
    pub(super) fn try_recv(&self) -> Result<Option<Command>, Closed> {
        match self.queue.try_recv() {
            Ok(command) => {
                self.active.set(Some(Instant::now()));
                Ok(Some(command))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(Closed),
        }
    }

    /// A caller has got an answer for which it waited long, and will probably send a command soon.
    pub(super) fn expect_command(&self) {
        self.active.set(Some(Instant::now()));
    }

    /// The caller of the last command waits for other processes. To look for its next command would take a processor from
    /// those, who have to work for it.
    pub(super) fn expect_no_command(&self) {
        self.active.set(None);
    }

    /// Waits for a command, for something in `pipe`, for one of the `ends` of processes, or for as long as
    /// `poll_timeout`. `None`: there is no command.
    pub(super) fn recv(
        &self,
        poll_timeout: Option<Duration>,
        pipe: Option<&WakePipe>,
        ends: Option<&mut Ends>,
    ) -> Result<Option<Command>, Closed> {
        // One command is often followed by the next: a release by a request, a request by a release. It costs less to
        // look for that one than to sleep and to be woken.
        loop {
            if let Some(command) = self.try_recv()? {
                return Ok(Some(command));
            }
            if self
                .active
                .get()
                .is_none_or(|active| active.elapsed() > LOOK_FOR)
            {
                break;
            }
            std::thread::yield_now();
        }
        self.sleep.sleeps.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let early = self.try_recv();
        if matches!(early, Ok(None)) {
            self.alarm.wait(poll_timeout, pipe, ends);
        }
        self.sleep.sleeps.store(false, Ordering::SeqCst);
        match early {
            Ok(None) => self.try_recv(),
            early => early,
        }
    }
}

#[cfg(unix)]
mod system {
    use std::io::{self, PipeReader, PipeWriter, Read, Write};
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, ioctl_fionbio};

    use super::{Ends, WakePipe};

    /// Not longer than that where the system does not wait at all.
    const NO_POLL: Duration = Duration::from_millis(1);

    pub(super) struct Bell(PipeWriter);

    pub(super) struct Alarm(PipeReader);

    pub(super) fn pair() -> io::Result<(Bell, Alarm)> {
        let (reader, writer) = io::pipe()?;
        ioctl_fionbio(&reader, true)?;
        ioctl_fionbio(&writer, true)?;
        Ok((Bell(writer), Alarm(reader)))
    }

    impl Bell {
        pub(super) fn ring(&self) {
            // A pipe that is full wakes as well.
            let _ = (&self.0).write(b".");
        }
    }

    impl Alarm {
        pub(super) fn wait(
            &self,
            poll_timeout: Option<Duration>,
            pipe: Option<&WakePipe>,
            ends: Option<&mut Ends>,
        ) {
            let poll_timeout =
                poll_timeout.and_then(|poll_timeout| Timespec::try_from(poll_timeout).ok());
            let own = PollFd::new(&self.0, PollFlags::IN);
            let pipes = pipe.map(|pipe| PollFd::new(pipe, PollFlags::IN));
            let of_ends = ends.iter().flat_map(|ends| ends.descriptors());
            let mut all: Vec<PollFd<'_>> = std::iter::once(own)
                .chain(pipes)
                .chain(of_ends.map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN)))
                .collect();
            match poll(&mut all, poll_timeout.as_ref()) {
                Ok(0) | Err(Errno::INTR) => return,
                Ok(_) => {}
                Err(_) => std::thread::sleep(NO_POLL),
            }
            let come: Vec<bool> = all.iter().map(|one| !one.revents().is_empty()).collect();
            drop(all);
            let mut come = &come[..];
            let mut next = || come.split_off_first().copied().unwrap_or(false);
            if next() {
                // There can be one byte for each sleep, or two.
                let _ = (&self.0).read(&mut [0; 16]);
            }
            if pipe.is_some() {
                // The worker takes what is in it.
                next();
            }
            if let Some(ends) = ends {
                ends.have_ended(come);
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    use super::{Ends, WakePipe};

    pub(super) struct Bell(SyncSender<()>);

    pub(super) struct Alarm(Receiver<()>);

    pub(super) fn pair() -> io::Result<(Bell, Alarm)> {
        let (sender, receiver) = sync_channel(1);
        Ok((Bell(sender), Alarm(receiver)))
    }

    impl Bell {
        pub(super) fn ring(&self) {
            // One that is full wakes as well.
            let _ = self.0.try_send(());
        }
    }

    impl Alarm {
        pub(super) fn wait(
            &self,
            poll_timeout: Option<Duration>,
            _: Option<&WakePipe>,
            _: Option<&mut Ends>,
        ) {
            match poll_timeout {
                Some(poll_timeout) => drop(self.0.recv_timeout(poll_timeout)),
                None => drop(self.0.recv()),
            }
        }
    }
}
