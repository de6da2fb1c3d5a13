//! Who runs out of time when: a binary heap whose members know where they stand, so that a deadline
//! can be moved or taken back in O(log n) and nothing stale is ever left behind.
//!
//! Members are named by small numbers of the caller's choosing, each with at most one deadline.

use crate::time::Timestamp;

/// Not in the heap.
const ABSENT: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Deadline {
    at: Timestamp,
    /// Breaks ties: the same deadlines always fall in the same order.
    order: u64,
    member: u32,
}

/// See the module page.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    heap: Vec<Deadline>,
    /// Where in `heap` each member stands, or `ABSENT`.
    places: Vec<u32>,
}

impl Deadlines {
    /// Without any.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heap: Vec::new(),
            places: Vec::new(),
        }
    }

    /// The earliest deadline; [`Timestamp::NEVER`] without any.
    #[inline]
    #[must_use]
    pub fn earliest(&self) -> Timestamp {
        self.heap.first().map_or(Timestamp::NEVER, |first| first.at)
    }

    /// Sets, or moves, the deadline of `member`.
    #[inline]
    pub fn set(&mut self, member: u32, at: Timestamp, order: u64) {
        let deadline = Deadline { at, order, member };
        if self.places.len() <= member as usize {
            self.places.resize(member as usize + 1, ABSENT);
        }
        let place = self.places[member as usize];
        if place == ABSENT {
            self.heap.push(deadline);
            self.rise(self.heap.len() - 1);
        } else {
            self.heap[place as usize] = deadline;
            let place = self.rise(place as usize);
            self.sink(place);
        }
    }

    /// Takes back the deadline of `member`, if it has one.
    #[inline]
    pub fn clear(&mut self, member: u32) {
        if let Some(&place) = self.places.get(member as usize)
            && place != ABSENT
        {
            self.take(place as usize);
        }
    }

    /// Takes out the earliest deadline if it is at or before `now`.
    #[inline]
    pub fn pop_due(&mut self, now: Timestamp) -> Option<u32> {
        let first = *self.heap.first()?;
        (first.at <= now).then(|| {
            self.take(0);
            first.member
        })
    }

    /// Gives memory back. Only when no permit has a deadline.
    pub fn shrink(&mut self) {
        debug_assert!(self.heap.is_empty());
        *self = Self::new();
    }

    fn take(&mut self, place: usize) {
        let taken = self.heap.swap_remove(place);
        self.places[taken.member as usize] = ABSENT;
        if place < self.heap.len() {
            let place = self.rise(place);
            self.sink(place);
        }
    }

    /// Moves the deadline at `place` towards the root as far as it belongs; returns where it ended.
    fn rise(&mut self, mut place: usize) -> usize {
        let moving = self.heap[place];
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent] <= moving {
                break;
            }
            self.put(place, self.heap[parent]);
            place = parent;
        }
        self.put(place, moving);
        place
    }

    /// Moves the deadline at `place` away from the root as far as it belongs.
    fn sink(&mut self, mut place: usize) {
        let moving = self.heap[place];
        loop {
            let mut child = 2 * place + 1;
            if child >= self.heap.len() {
                break;
            }
            if child + 1 < self.heap.len() && self.heap[child + 1] < self.heap[child] {
                child += 1;
            }
            if moving <= self.heap[child] {
                break;
            }
            self.put(place, self.heap[child]);
            place = child;
        }
        self.put(place, moving);
    }

    fn put(&mut self, place: usize, deadline: Deadline) {
        self.heap[place] = deadline;
        // A heap of more than u32::MAX members would need members that do not fit u32.
        self.places[deadline.member as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn deadlines_fall_due_in_order_whatever_was_moved_or_taken_back(
            steps in prop::collection::vec((0..3_u8, 0..12_u32, 0..50_u64), 1..200),
        ) {
            let mut deadlines = Deadlines::new();
            let mut model: BTreeMap<u32, Timestamp> = BTreeMap::new();
            for (what, member, at) in steps {
                let at = Timestamp::from_nanos(at);
                match what {
                    0 => {
                        deadlines.set(member, at, u64::from(member));
                        model.insert(member, at);
                    }
                    1 => {
                        deadlines.clear(member);
                        model.remove(&member);
                    }
                    _ => {
                        let due = model
                            .iter()
                            .map(|(member, at)| (*at, *member))
                            .min()
                            .filter(|(due, _)| *due <= at)
                            .map(|(_, member)| member);
                        prop_assert_eq!(deadlines.pop_due(at), due);
                        if let Some(member) = due {
                            model.remove(&member);
                        }
                    }
                }
                let earliest = model.values().min().copied().unwrap_or(Timestamp::NEVER);
                prop_assert_eq!(deadlines.earliest(), earliest);
            }
        }
    }
}
