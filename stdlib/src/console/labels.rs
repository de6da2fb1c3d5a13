//! What `console` remembers between calls: [`ConsoleState`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Instant;

use cla_runtime::internal::MemoryReservation;

/// What `console` remembers between calls.
#[derive(Default)]
pub(crate) struct ConsoleState {
    pub(super) groups: Cell<usize>,
    pub(super) counts: RefCell<HashMap<String, (u64, MemoryReservation)>>,
    pub(super) timers: RefCell<HashMap<String, (Instant, MemoryReservation)>>,
}
