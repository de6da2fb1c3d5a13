//! How long the worker may sleep before it looks around, although nothing wakes it.

use std::time::Duration;

use super::open_file::OpenFile;
use super::session::Session;
use crate::sqlite::clock::Moment;

/// How often the change counter is looked at by a session that is woken when there is something: a wake-up may be lost.
pub(super) const WATCH_FOR_LOST: Duration = Duration::from_secs(1);
/// How often by a session that cannot be woken, while it waits: soon after something happened ...
const WATCH_ACTIVE: Duration = Duration::from_millis(1);
/// ... and when nothing has happened for a while.
const WATCH_IDLE: Duration = Duration::from_millis(4);
const ACTIVE_FOR: Duration = Duration::from_secs(2);
/// How often by one that cannot be woken, while it observes.
const WATCH_EVENTS: Duration = Duration::from_millis(10);
/// How often by one that cannot be woken, while it only holds permits, which others might end.
const WATCH_HELD: Duration = Duration::from_millis(50);
/// How soon, and how often, the first in line looks whether the holders live, where the system does not say when one of
/// them ends.
pub(super) const HOLDER_CHECK: Duration = Duration::from_millis(250);
/// How often the others in line look whether they have become the first, of which nothing wakes them.
pub(super) const HOLDER_CHECK_BEHIND: Duration = Duration::from_secs(2);
/// How often the others look whether the holders live: the process of the first may be stopped.
pub(super) const HOLDER_CHECK_AT_LEAST: Duration = Duration::from_secs(6);
/// A process looks at most so often whether the file is still the one that it opened. As soon as it is not, other processes
/// may be admitted in a new file.
pub(super) const INSPECTION: Duration = Duration::from_millis(250);
/// It looks at least so often, also while it neither holds anything nor waits.
const INSPECTION_IDLE: Duration = Duration::from_secs(1);
/// How soon a write that failed is tried again.
pub(super) const RETRY: Duration = Duration::from_millis(100);

/// How long to wait for a command before looking around; `None`: there is nothing to look for. `watches_read_only`: a file
/// that can only be read is observed.
pub(super) fn timeout(
    session: &Session,
    open: Option<&OpenFile>,
    watches_read_only: bool,
    now: Moment,
) -> Option<Duration> {
    if session.is_postponed() {
        return Some(Duration::ZERO);
    }
    let Some(open) = open else {
        return watches_read_only.then_some(INSPECTION);
    };
    let watch = if open.pipe.is_some() {
        if session.is_pending() {
            RETRY
        } else if session.is_waiting() {
            open.check_holders_every
        } else if open.observing || session.is_holding() {
            WATCH_FOR_LOST
        } else {
            return Some(INSPECTION_IDLE);
        }
    } else if session.is_waiting() {
        if now.since(open.active) < ACTIVE_FOR {
            WATCH_ACTIVE
        } else {
            WATCH_IDLE
        }
    } else if open.observing {
        WATCH_EVENTS
    } else if session.is_holding() {
        WATCH_HELD
    } else if session.is_pending() {
        RETRY
    } else {
        return Some(INSPECTION_IDLE);
    };
    // A deadline wakes no one by itself.
    Some(watch.min(open.next_deadline.since(now)))
}
