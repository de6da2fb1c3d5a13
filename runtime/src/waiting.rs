//! How many requests of an engine's runs may wait for slots at once, in all lines together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bound, which all runs of an engine share.
#[derive(Clone, Debug)]
pub(crate) struct WaitingBound {
    most: usize,
    waiting: Arc<AtomicUsize>,
}

/// A request that waits. Dropping it makes room for another one.
#[derive(Debug)]
pub struct WaitingPlace(Arc<AtomicUsize>);

impl Default for WaitingBound {
    /// There is none.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl WaitingBound {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            waiting: Arc::default(),
        }
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// A place for one more; `None` if there is none.
    pub(crate) fn enter(&self) -> Option<WaitingPlace> {
        // Counted first, so that two that come at the same time cannot both be the last.
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let place = WaitingPlace(Arc::clone(&self.waiting));
        (waiting < self.most).then_some(place)
    }
}

impl Drop for WaitingPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
