//! A body that arrives while its run goes on: what has come counts as the run's memory.

use cla_runtime::host::Run;
use cla_runtime::internal::MemoryReservation;

use super::failure::Kind;

/// How much of a run's memory a body must leave free, for what else an answer has and for the rule to go on with, in bytes.
pub(crate) const RESERVE: usize = 64 * 1024;

/// What has arrived so far.
pub(crate) struct Gathered<'r> {
    run: &'r Run,
    bytes: Vec<u8>,
    counted: MemoryReservation,
}

impl<'r> Gathered<'r> {
    pub(crate) fn new(run: &'r Run) -> Self {
        Self {
            run,
            bytes: Vec::new(),
            counted: run.count_memory(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// [`Kind::NoMemory`]: the run has no room for it, and for the copy of all that the rule will get.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), Kind> {
        let length = self.bytes.len() + piece.len();
        let left = self.run.memory_left().saturating_sub(RESERVE + length);
        let missing = length.saturating_sub(self.bytes.capacity());
        if missing > 0 {
            if missing > left {
                return Err(Kind::NoMemory(left + self.bytes.len()));
            }
            // Doubling, as vectors do, might be more than there is.
            let more = self.bytes.capacity().max(missing).min(left);
            self.bytes
                .reserve_exact(more + self.bytes.capacity() - self.bytes.len());
            self.counted.resize(self.bytes.capacity());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// All of it, and what it counts for.
    pub(crate) fn into_bytes(self) -> (Vec<u8>, MemoryReservation) {
        (self.bytes, self.counted)
    }
}
