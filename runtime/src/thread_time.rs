//! How long a thread has computed.

use std::time::Duration;

/// How long this thread has computed, if the system tells.
#[cfg(unix)]
pub(crate) fn thread_time() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    Some(time.into())
}

/// How long this thread has computed, if the system tells.
#[cfg(not(unix))]
pub(crate) fn thread_time() -> Option<Duration> {
    None
}
