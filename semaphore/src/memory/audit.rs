//! What administrators changed in this process's semaphores.

use std::collections::VecDeque;

use crate::audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry, AuditQuery};
use crate::sync::Mutex;

/// The last commands, oldest first. Its lock is taken last of all.
#[derive(Default)]
pub(super) struct AuditLog(Mutex<Log>);

#[derive(Default)]
struct Log {
    entries: VecDeque<AuditEntry>,
    last: u64,
}

impl AuditLog {
    /// Keeps an entry, which is numbered here.
    pub(super) fn add(&self, mut entry: AuditEntry) {
        let mut log = self.0.lock();
        log.last += 1;
        entry.sequence = log.last;
        let too_old = entry.at - AUDIT_AGE.as_secs_f64();
        while log.entries.len() >= AUDIT_KEPT
            || log.entries.front().is_some_and(|first| first.at < too_old)
        {
            log.entries.pop_front();
        }
        log.entries.push_back(entry);
    }

    /// Newest first.
    pub(super) fn read(&self, query: &AuditQuery, now: f64) -> Vec<AuditEntry> {
        let log = self.0.lock();
        let oldest = query.oldest(now);
        log.entries
            .iter()
            .rev()
            .filter(|entry| {
                let name = query.semaphore.as_ref();
                entry.at >= oldest && name.is_none_or(|name| *name == entry.semaphore)
            })
            .take(query.most())
            .cloned()
            .collect()
    }
}
