//! What is to be noted of each slot that a run takes: for those who listen, and for the limits on regions.
//!
//! Most runs have none of this, and then taking a slot costs a comparison more.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_semaphore::SemaphoreName;

use crate::clock::Clock;
use crate::family::Family;
use crate::limits::Limits;
use crate::observe::{HitLimit, Observation};

/// See the module.
#[derive(Debug)]
pub(crate) struct SlotWatch {
    clock: Clock,
    observation: Option<Arc<Observation>>,
    family: Arc<Family>,
    /// In how many regions the run may be at once.
    most: u32,
    is_bounded: bool,
    /// How many slots it holds, and how many it waits for.
    held: Cell<u32>,
    waiting: Cell<u32>,
}

// All of it is out of the way of runs without a watch.
impl SlotWatch {
    /// The watch of a run; `None` if it needs none.
    pub(crate) fn of(
        observation: Option<&Arc<Observation>>,
        family: &Arc<Family>,
        limits: &Limits,
        clock: &Clock,
    ) -> Option<Rc<Self>> {
        let is_bounded = limits.regions.is_some() || limits.region_depth.is_some();
        (observation.is_some() || is_bounded).then(|| {
            Rc::new(Self {
                clock: clock.clone(),
                observation: observation.cloned(),
                family: Arc::clone(family),
                most: limits.region_depth.unwrap_or(u32::MAX),
                is_bounded,
                held: Cell::default(),
                waiting: Cell::default(),
            })
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.is_bounded
    }

    #[cold]
    pub(crate) fn enter_region(&self) -> Result<(), String> {
        let inside = self.held.get().saturating_add(self.waiting.get());
        let refused = if inside >= self.most {
            let most = self.most;
            format!("the run may be in {most} regions at once, and this is one more")
        } else {
            match self.family.may_enter_region() {
                Ok(()) => return Ok(()),
                Err(most) => format!(
                    "the run may enter {most} regions, with all that it starts, and this is one more"
                ),
            }
        };
        if let Some(observation) = &self.observation {
            observation.hits(HitLimit::Regions);
        }
        Err(refused)
    }

    #[cold]
    pub(crate) fn taken(&self, semaphore: &SemaphoreName) {
        self.held.set(self.held.get().saturating_add(1));
        self.family.note_region();
        if let Some(observation) = &self.observation {
            observation.taken(semaphore);
        }
    }

    #[cold]
    pub(crate) fn released(&self, semaphore: &SemaphoreName, held: Duration) {
        self.held.set(self.held.get().saturating_sub(1));
        if let Some(observation) = &self.observation {
            observation.released(semaphore, held);
        }
    }

    #[cold]
    pub(crate) fn waits(&self, semaphore: &SemaphoreName) {
        self.waiting.set(self.waiting.get().saturating_add(1));
        if let Some(observation) = &self.observation {
            observation.waits(semaphore);
        }
    }

    #[cold]
    pub(crate) fn waited(&self, semaphore: &SemaphoreName, waited: Duration) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
        if let Some(observation) = &self.observation {
            observation.waited(semaphore, waited);
        }
    }
}
