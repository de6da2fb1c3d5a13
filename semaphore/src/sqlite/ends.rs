//! The ends of processes: the system wakes the worker when one of those ends that hold what it waits for. Knows
//! processes and descriptors; never asks the database.
//!
//! Linux has a descriptor of a process (`pidfd_open`), which becomes readable when the process ends. The worker waits for
//! it together with its other descriptors, and so need not look whether the process lives. Elsewhere, and for processes
//! that this one cannot see, it has to look.

use super::process::{Life, Process};

/// Processes whose end wakes the worker.
#[derive(Debug, Default)]
pub(super) struct Ends {
    watched: Vec<system::Watched>,
    has_come: bool,
}

impl Ends {
    /// How many processes are watched: each takes a descriptor.
    const MOST: usize = 32;

    /// Watches these processes, and no others. Says whether all of them are watched.
    pub(super) fn watch(&mut self, processes: &[Process]) -> bool {
        self.watched
            .retain(|watched| processes.contains(watched.process()));
        for process in processes {
            if self
                .watched
                .iter()
                .any(|watched| watched.process() == process)
            {
                continue;
            }
            if self.watched.len() == Self::MOST {
                return false;
            }
            let Some(watched) = system::Watched::new(process) else {
                return false;
            };
            // Another process may have had its id when the descriptor was opened.
            if process.life() != Life::Alive {
                return false;
            }
            self.watched.push(watched);
        }
        true
    }

    /// Watches none.
    pub(super) fn clear(&mut self) {
        self.watched.clear();
        self.has_come = false;
    }

    /// Whether one of them has ended since [`has_come`](Self::has_come) was last asked.
    pub(super) const fn is_to_be_asked(&self) -> bool {
        self.has_come
    }

    /// Whether one of them has ended since this was last asked.
    pub(super) fn has_come(&mut self) -> bool {
        std::mem::take(&mut self.has_come)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::{Ends, Process};

    #[derive(Debug)]
    pub(super) struct Watched {
        process: Process,
        descriptor: OwnedFd,
    }

    impl Watched {
        pub(super) fn new(process: &Process) -> Option<Self> {
            let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw)?;
            Some(Self {
                process: process.clone(),
                descriptor: pidfd_open(pid, PidfdFlags::empty()).ok()?,
            })
        }

        pub(super) const fn process(&self) -> &Process {
            &self.process
        }
    }

    impl Ends {
        /// What to wait for.
        pub(in super::super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
            self.watched
                .iter()
                .map(|watched| watched.descriptor.as_fd())
        }

        /// Notes which of them have ended, in the order of `descriptors`.
        pub(in super::super) fn have_ended(&mut self, ended: &[bool]) {
            let mut ended = ended.iter();
            let before = self.watched.len();
            // A descriptor that is readable stays so: every later wait would end at once.
            self.watched
                .retain(|_| !ended.next().copied().unwrap_or(false));
            self.has_come |= self.watched.len() < before;
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    #[cfg(unix)]
    use std::os::fd::BorrowedFd;

    #[cfg(unix)]
    use super::Ends;
    use super::Process;

    /// There is no such descriptor here.
    #[derive(Debug)]
    pub(super) enum Watched {}

    impl Watched {
        pub(super) fn new(_: &Process) -> Option<Self> {
            None
        }

        pub(super) fn process(&self) -> &Process {
            match *self {}
        }
    }

    #[cfg(unix)]
    impl Ends {
        pub(in super::super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
            std::iter::empty()
        }

        pub(in super::super) fn have_ended(&mut self, _: &[bool]) {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    #[test]
    fn the_end_of_a_process_is_heard_of_once() {
        let mut ends = Ends::default();
        let this = Process::this();
        assert!(ends.watch(std::slice::from_ref(this)));
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let other = Process::of(child.id());
        assert!(ends.watch(&[this.clone(), other.clone()]));
        assert_eq!(ends.descriptors().count(), 2);
        child.kill().unwrap();
        // Nothing waits for it: the end of a process is seen before its parent has asked.
        let descriptors: Vec<_> = ends.descriptors().collect();
        let mut wanted: Vec<_> = descriptors
            .iter()
            .map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
            .collect();
        assert_eq!(poll(&mut wanted, None), Ok(1));
        let ended: Vec<bool> = wanted
            .iter()
            .map(|wanted| !wanted.revents().is_empty())
            .collect();
        assert_eq!(ended, [false, true]);
        drop(wanted);
        ends.have_ended(&ended);
        assert!(ends.has_come());
        assert!(!ends.has_come());
        assert_eq!(ends.descriptors().count(), 1);
        assert!(!ends.watch(&[other]), "it has ended");
        child.wait().unwrap();
    }
}
