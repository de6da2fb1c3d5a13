//! What work on another thread knows of its run: what it may, whether it is still wanted, how much memory it may take.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cla_runtime::Permissions;
use parking_lot::{Condvar, Mutex};

/// Work for a run, on a thread that may wait.
#[derive(Clone)]
pub(crate) struct Job {
    pub(super) permissions: Permissions,
    wanted: Arc<AtomicBool>,
    budget: Budget,
    /// What the run's memory has room for, in bytes.
    pub(super) most: usize,
    _going_on: Arc<GoingOn>,
}

/// One more of the run's work goes on, until this is dropped.
struct GoingOn(Budget);

/// How much work of a run goes on, also such as nothing waits for any more.
#[derive(Default)]
struct Ongoing {
    count: Mutex<usize>,
    fewer: Condvar,
}

/// What all work of a run has in memory at the moment, in bytes. It becomes values of the run later, and the run's own
/// memory counts it only then.
#[derive(Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>, Arc<Ongoing>);

impl Budget {
    /// Waits until no work of the run goes on, but no longer than this.
    pub(super) fn until_idle(&self, most: Duration) {
        let mut count = self.1.count.lock();
        while *count > 0 {
            if self.1.fewer.wait_for(&mut count, most).timed_out() {
                return;
            }
        }
    }
}

/// Bytes of the budget, until this is dropped.
pub(crate) struct Taken {
    budget: Budget,
    bytes: usize,
}

/// When it is dropped, the work sees that the waiter is gone.
pub(crate) struct Wanted(Arc<AtomicBool>);

impl Job {
    /// Work that is wanted until the second part is dropped.
    pub(crate) fn new(permissions: &Permissions, budget: &Budget, most: usize) -> (Self, Wanted) {
        let wanted = Arc::new(AtomicBool::new(true));
        *budget.1.count.lock() += 1;
        let job = Self {
            permissions: permissions.clone(),
            wanted: Arc::clone(&wanted),
            budget: budget.clone(),
            most,
            _going_on: Arc::new(GoingOn(budget.clone())),
        };
        (job, Wanted(wanted))
    }

    /// To be called between two steps of long work.
    ///
    /// # Errors
    ///
    /// Nothing waits for it any more.
    pub(super) fn go_on(&self) -> io::Result<()> {
        match self.wanted.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(io::Error::other("the wait for it has ended")),
        }
    }

    /// A share of the memory that is still empty.
    pub(super) fn share(&self) -> Taken {
        Taken {
            budget: self.budget.clone(),
            bytes: 0,
        }
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    ///
    /// The run's memory has no room for them.
    pub(super) fn take(&self, taken: &mut Taken, bytes: usize) -> io::Result<()> {
        taken.bytes += bytes;
        let all = self.budget.0.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if all <= self.most {
            return Ok(());
        }
        let message = format!(
            "it has more than {} bytes, which is all that may be read here",
            self.most
        );
        Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
    }
}

impl Drop for GoingOn {
    fn drop(&mut self) {
        let ongoing = &self.0.1;
        *ongoing.count.lock() -= 1;
        ongoing.fewer.notify_all();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
