//! When semaphores that are no longer used are forgotten. Every store sweeps by the same numbers.
//!
//! Names are often generated (`deploy-${id}`). When more semaphores than [`SWEPT_ABOVE`] are known, those that were idle
//! for [`SWEPT_AFTER`], are not pinned and have no handle are forgotten; the next sweep comes when their number has
//! doubled, so the cost per new name stays constant.

use std::time::Duration;

/// With no more known than this, nothing is swept.
pub(crate) const SWEPT_ABOVE: usize = 1024;
/// How long a semaphore must have been idle to be swept.
pub(crate) const SWEPT_AFTER: Duration = Duration::from_secs(60);
/// With so many known, idle ones are swept however fresh: names come faster than anybody can look at them, and memory must
/// not grow with them.
pub(crate) const CROWDED: usize = 65_536;
