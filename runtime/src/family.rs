//! A run with all that it starts, directly or through others: one family. Its runs share one budget of memory, and there
//! is a bound on how many of them live at once.
//!
//! Runs of one family are on several threads. So that an allocation costs no atomic operation, each run reserves memory
//! from the family in advance, in steps, and counts by itself within what it has reserved (see
//! [`MemoryGauge`](crate::sys::memory::MemoryGauge)).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use cla_semaphore::NamedRun;

use crate::dependents::Dependents;
use crate::error::bytes;
use crate::limits::Limits;

/// What a run reserves before it starts, in bytes: about what an empty isolate takes.
pub(crate) const SEAT_BYTES: usize = 128 * 1024;

/// The shared limits of a run with all that it starts.
#[derive(Debug)]
pub(crate) struct Family {
    /// How much memory its living runs may take together, in bytes.
    memory: usize,
    /// How many runs may live at once, the first included.
    most: usize,
    /// What its living runs have reserved, in bytes; never more than `memory`.
    reserved: AtomicUsize,
    /// The most that `reserved` ever was.
    peak: AtomicUsize,
    living: AtomicUsize,
    /// How many bytes of output they have written, and how many they may.
    written: AtomicU64,
    most_output: u64,
    /// How many regions they have entered, and how many they may.
    regions: AtomicU64,
    most_regions: u64,
    /// How many have been started so far.
    started: AtomicUsize,
    /// Which of them wait for the end of which.
    dependents: Dependents,
}

/// Why a family gets no further run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// So many runs live already.
    TooMany(usize),
    /// The family's memory is used up; `living` runs use it.
    NoMemory { limit: usize, living: usize },
}

impl fmt::Display for NoSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(most) => write!(
                f,
                "a run cannot have more than {most} runs at once that it started, directly or through others; \
                 wait until some of them have ended, or raise the limit of runs"
            ),
            Self::NoMemory { limit, living } => write!(
                f,
                "there is no memory left to start another run: a run and all that it starts share its limit of {}, and \
                 {living} of them use it; start fewer at once, or raise the run's memory limit",
                bytes(*limit)
            ),
        }
    }
}

impl Family {
    fn new(limits: &Limits, dependents: Dependents) -> Arc<Self> {
        Arc::new(Self {
            memory: limits.memory,
            most: limits.runs.saturating_add(1),
            reserved: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            living: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            most_output: limits.output.unwrap_or(u64::MAX),
            regions: AtomicU64::new(0),
            most_regions: limits.regions.unwrap_or(u64::MAX),
            started: AtomicUsize::new(0),
            dependents,
        })
    }

    /// Counts output, if so much more may be written; else says how much all of it may be.
    pub(crate) fn write(&self, bytes: usize) -> Result<(), u64> {
        if self.most_output == u64::MAX {
            return Ok(());
        }
        let more = |written: u64| {
            let all = written.saturating_add(bytes as u64);
            (all <= self.most_output).then_some(all)
        };
        let counted = self
            .written
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.map(drop).map_err(|_| self.most_output)
    }

    /// Whether one more region may be entered; if not, says how many may.
    ///
    /// It counts when its slot is [taken](Self::note_region), so runs that ask at the same time may exceed the limit by as
    /// many as they are; a wait that is given up costs nothing.
    pub(crate) fn may_enter_region(&self) -> Result<(), u64> {
        match self.regions.load(Ordering::Relaxed) < self.most_regions {
            true => Ok(()),
            false => Err(self.most_regions),
        }
    }

    /// A region is entered.
    pub(crate) fn note_region(&self) {
        self.regions.fetch_add(1, Ordering::Relaxed);
    }

    /// Which of its runs wait for the end of which.
    pub(crate) fn dependents(&self) -> &Dependents {
        &self.dependents
    }

    /// The place of a run that no other run starts, in a family of its own.
    pub(crate) fn first(limits: &Limits) -> Seat {
        Self::first_waited_for(limits, Arc::default())
    }

    /// As [`first`](Self::first), for a run whose process these wait for, the nearest first.
    pub(crate) fn first_waited_for(limits: &Limits, around: Arc<[NamedRun]>) -> Seat {
        let family = Self::new(limits, Dependents::around(around));
        family.living.store(1, Ordering::Relaxed);
        family.started.store(1, Ordering::Relaxed);
        let mut seat = Seat {
            family,
            reserved: 0,
        };
        // A limit is never as small as that; if one were, the run would end by it.
        let _ = seat.reserve(SEAT_BYTES, SEAT_BYTES);
        seat
    }

    /// A place for one more run, with `extra` bytes beside what every run needs.
    pub(crate) fn seat(self: &Arc<Self>, extra: usize) -> Result<Seat, NoSeat> {
        // Counted first, so that two that come at the same time cannot both be the last.
        let living = self.living.fetch_add(1, Ordering::Relaxed);
        // From here on, dropping the seat takes it back.
        let mut seat = Seat {
            family: Arc::clone(self),
            reserved: 0,
        };
        if living >= self.most {
            return Err(NoSeat::TooMany(self.most - 1));
        }
        let needed = SEAT_BYTES.saturating_add(extra);
        seat.reserved = self.reserve(needed, needed);
        if seat.reserved == 0 {
            return Err(NoSeat::NoMemory {
                limit: self.memory,
                living,
            });
        }
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(seat)
    }

    /// Reserves `least` bytes or more, up to `wish`; 0 if there is not that much left.
    fn reserve(&self, least: usize, wish: usize) -> usize {
        let mut got = 0;
        // The number guards nothing else, so no order with other memory is needed.
        let reserved =
            self.reserved
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
                    let left = self.memory.saturating_sub(reserved);
                    got = if left < least { 0 } else { wish.min(left) };
                    (got > 0).then_some(reserved + got)
                });
        match reserved {
            Ok(before) => {
                self.peak.fetch_max(before + got, Ordering::Relaxed);
                got
            }
            Err(_) => 0,
        }
    }

    /// Room for `bytes` that no run has, such as the value of a run that has ended; `None` if there is not that much left.
    pub(crate) fn room(self: &Arc<Self>, bytes: usize) -> Option<Room> {
        (bytes == 0 || self.reserve(bytes, bytes) > 0).then(|| Room {
            family: Arc::clone(self),
            bytes,
        })
    }

    /// What could still be reserved, in bytes.
    pub(crate) fn left(&self) -> usize {
        self.memory
            .saturating_sub(self.reserved.load(Ordering::Relaxed))
    }

    /// How many of its runs have been started and have not ended.
    pub(crate) fn living(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }

    /// The most memory that its runs had reserved at once, in bytes; `None` if there was only ever one run.
    pub(crate) fn peak(&self) -> Option<usize> {
        let several = self.started.load(Ordering::Relaxed) > 1;
        several.then(|| self.peak.load(Ordering::Relaxed))
    }
}

/// A run's place in its family, and the memory that it has reserved. Dropped, both are given back.
#[derive(Debug)]
pub(crate) struct Seat {
    family: Arc<Family>,
    reserved: usize,
}

impl Seat {
    pub(crate) fn family(&self) -> &Arc<Family> {
        &self.family
    }

    /// How much the run has reserved, in bytes.
    pub(crate) fn reserved(&self) -> usize {
        self.reserved
    }

    /// Reserves `least` bytes more, and up to `wish` if there are as many. Says whether there were enough.
    pub(crate) fn reserve(&mut self, least: usize, wish: usize) -> bool {
        let got = self.family.reserve(least, wish.max(least));
        self.reserved += got;
        got > 0
    }

    /// Gives back what is reserved beyond `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        if let Some(spare) = self.reserved.checked_sub(bytes) {
            self.family.reserved.fetch_sub(spare, Ordering::Relaxed);
            self.reserved = bytes;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.shrink_to(0);
        self.family.living.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Memory that is reserved until this is dropped: see [`Family::room`].
#[derive(Debug)]
pub(crate) struct Room {
    family: Arc<Family>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.family
            .reserved
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Dependents, Family, NoSeat, SEAT_BYTES};
    use crate::limits::Limits;

    #[test]
    fn what_runs_reserve_is_never_more_than_the_limit_and_comes_back() {
        let limit = 4 * 1024 * 1024;
        let family = Family::new(&Limits::default().memory(limit), Dependents::default());
        let mut first = family.seat(0).unwrap();
        assert_eq!(family.peak(), None, "there was only one run");
        assert!(first.reserve(1, limit), "as much as there is");
        assert_eq!((first.reserved(), family.left()), (limit, 0));
        assert!(!first.reserve(1, 1));
        let refused = family.seat(0).unwrap_err();
        assert!(matches!(refused, NoSeat::NoMemory { living: 1, .. }));
        first.shrink_to(limit / 2);
        let room = family.room(limit / 2);
        assert!(room.is_some() && family.left() == 0 && family.room(1).is_none());
        drop(room);
        let second = family.seat(100).unwrap();
        assert_eq!(second.reserved(), SEAT_BYTES + 100);
        assert_eq!((family.living(), family.peak()), (2, Some(limit)));
        drop((first, second));
        assert_eq!((family.living(), family.left()), (0, limit));
    }

    #[test]
    fn so_many_runs_live_at_once_and_no_more() {
        let family = Family::new(&Limits::default().runs(2), Dependents::default());
        let seats: Vec<_> = (0..3).map(|_| family.seat(0).unwrap()).collect();
        assert_eq!(family.seat(0).unwrap_err(), NoSeat::TooMany(2));
        assert_eq!(family.living(), 3);
        drop(seats);
        assert!(family.seat(0).is_ok());
    }
}
