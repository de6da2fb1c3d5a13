//! What Rust keeps for a run counts towards its memory limit, and its calls may use so much stack.

use rquickjs::{Ctx, Exception};

use super::Run;
use crate::control::Stop;
use crate::memory_reservation::MemoryReservation;

impl Run {
    /// How many more bytes the rule's values may take before it exceeds its memory limit.
    ///
    /// A host function that is about to make something large can refuse in words that the rule can
    /// catch, where exceeding the limit would end the run.
    pub fn memory_left(&self) -> usize {
        self.gauge.left()
    }

    /// Counts `bytes` that the Rust side keeps on behalf of the rule against its memory limit, as long as the
    /// result lives. They are never refused, but a rule that piles them up runs into its limit.
    pub fn count_memory(&self, bytes: usize) -> MemoryReservation {
        MemoryReservation::new(&self.gauge, bytes)
    }

    /// Counts `bytes` as [`Run::count_memory`] does, if there is room for them.
    ///
    /// A host function calls this before it makes something whose size a rule decides. `what` names that in the message.
    ///
    /// # Errors
    ///
    /// A `RangeError` that the rule can catch, if they are more than what is left of its memory limit.
    pub fn reserve(
        &self,
        ctx: &Ctx<'_>,
        what: &str,
        bytes: usize,
    ) -> rquickjs::Result<MemoryReservation> {
        let left = self.memory_left();
        if bytes > left {
            let message = format!(
                "{what} would take about {bytes} bytes; {left} are left of the run's memory limit"
            );
            return Err(Exception::throw_range(ctx, &message));
        }
        Ok(self.count_memory(bytes))
    }

    /// After something has used too much memory and is gone: whether there is room again.
    pub(crate) fn recover_memory(&self) -> bool {
        let recovered = self.gauge.recover();
        if recovered {
            self.control.forget(Stop::OutOfMemory);
        }
        recovered && self.control.reason().is_none()
    }

    /// See [`Run::set_stack_floor`].
    pub(crate) fn stack_floor(&self) -> usize {
        self.stack_floor.get()
    }

    /// Notes, from the fiber, that its calls may use `limit` bytes of stack from here on.
    pub(crate) fn set_stack_floor(&self, limit: usize) {
        let here = 0u8;
        self.stack_floor
            .set((&raw const here as usize).saturating_sub(limit));
    }

    /// How much stack the run's calls may use, in bytes.
    #[doc(hidden)]
    pub fn stack_limit(&self) -> usize {
        self.limits.stack
    }
}
