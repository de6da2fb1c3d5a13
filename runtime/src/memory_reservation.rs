//! Memory that Rust keeps for a rule, as long as it keeps it.

use std::rc::Rc;

use crate::sys::memory::MemoryGauge;

/// Memory that the Rust side keeps for a rule; see [`Run::count_memory`](crate::host::Run::count_memory).
#[derive(Debug)]
pub struct MemoryReservation {
    gauge: Rc<MemoryGauge>,
    bytes: usize,
}

impl MemoryReservation {
    pub(crate) fn new(gauge: &Rc<MemoryGauge>, bytes: usize) -> Self {
        gauge.count_memory(bytes);
        Self {
            gauge: Rc::clone(gauge),
            bytes,
        }
    }

    /// From now on it counts for so many bytes.
    pub fn resize(&mut self, bytes: usize) {
        self.gauge.count_memory(bytes);
        self.gauge.refund(self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.gauge.refund(self.bytes);
    }
}
