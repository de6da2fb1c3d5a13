//! How much processor time was used: the one corner of the library that asks the operating system.

use std::time::Duration;

/// Processor time, in the rule's own code and in the kernel on its behalf.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

/// The time used so far by this thread on Linux, and by the process on other Unix systems.
///
/// A run shares its thread with others; while it is blocked or has used up its slice, they use it too.
/// `None` where the system does not tell.
#[cfg(unix)]
pub(crate) fn times() -> Option<Times> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;

    #[cfg(target_os = "linux")]
    const WHO: UsageWho = UsageWho::RUSAGE_THREAD;
    #[cfg(not(target_os = "linux"))]
    const WHO: UsageWho = UsageWho::RUSAGE_SELF;

    let usage = getrusage(WHO).ok()?;
    let duration = |time: TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let microseconds = u64::try_from(time.tv_usec()).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_micros(microseconds)
    };
    Some(Times {
        user: duration(usage.user_time()),
        system: duration(usage.system_time()),
    })
}

/// This system does not tell.
#[cfg(not(unix))]
pub(crate) fn times() -> Option<Times> {
    None
}
