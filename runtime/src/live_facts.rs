//! What a run that goes on says of itself to other threads: its memory, and the regions that it is in.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cla_semaphore::SemaphoreName;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::trace::RegionRecord;

/// A region that a run is in, or waits for.
///
/// See [`Engine::live_runs`](crate::Engine::live_runs) for an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveRegion {
    /// The semaphore.
    pub semaphore: SemaphoreName,
    /// The rule and the part of it, as administrators see them.
    pub who: String,
    /// The line of its source, from 1.
    pub line: u32,
    /// How long ago it asked for the slot.
    pub since: Duration,
    /// For how long it has held the slot; `None` while it waits.
    pub held: Option<Duration>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LiveFacts {
    clock: Clock,
    /// In bytes, as of the run's last wait or checkpoint.
    memory: AtomicUsize,
    regions: Mutex<Regions>,
}

#[derive(Debug, Default)]
struct Regions {
    next: u32,
    /// The innermost last.
    inside: Vec<Inside>,
}

#[derive(Debug)]
struct Inside {
    key: u32,
    semaphore: SemaphoreName,
    who: String,
    line: u32,
    asked: Instant,
    admitted: Option<Instant>,
}

impl LiveFacts {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            ..Self::default()
        }
    }

    #[inline]
    pub(crate) fn note_memory(&self, bytes: usize) {
        self.memory.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn memory(&self) -> usize {
        self.memory.load(Ordering::Relaxed)
    }

    /// The run asks for the slot of a region. Gives the key of this stay.
    pub(crate) fn begin(&self, region: &RegionRecord) -> u32 {
        let mut regions = self.regions.lock();
        let key = regions.next;
        regions.next = key.wrapping_add(1);
        regions.inside.push(Inside {
            key,
            semaphore: region.semaphore.clone(),
            who: region.who.clone(),
            line: region.line,
            asked: self.clock.now(),
            admitted: None,
        });
        key
    }

    /// It has the slot.
    pub(crate) fn admit(&self, key: u32) {
        let mut regions = self.regions.lock();
        // Nearly always the last.
        let mut inside = regions.inside.iter_mut().rev();
        if let Some(region) = inside.find(|region| region.key == key) {
            region.admitted = Some(self.clock.now());
        }
    }

    /// It is not in the region any more.
    pub(crate) fn end(&self, key: u32) {
        let mut regions = self.regions.lock();
        if let Some(at) = regions.inside.iter().rposition(|region| region.key == key) {
            regions.inside.remove(at);
        }
    }

    /// The regions that the run is in now, the innermost last.
    pub(crate) fn regions(&self) -> Vec<LiveRegion> {
        let now = self.clock.now();
        let regions = self.regions.lock();
        let inside = regions.inside.iter().map(|region| LiveRegion {
            semaphore: region.semaphore.clone(),
            who: region.who.clone(),
            line: region.line,
            since: now.saturating_duration_since(region.asked),
            held: region
                .admitted
                .map(|admitted| now.saturating_duration_since(admitted)),
        });
        inside.collect()
    }
}
