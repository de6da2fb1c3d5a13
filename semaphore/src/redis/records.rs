//! What the server keeps of the past: the audit of administrators' commands, and the history of ended requests.

use super::RedisStore;
use super::driver::DriverHandle;
use super::wire::query;
use crate::audit::{AuditEntry, AuditQuery};
use crate::error::StoreError;
use crate::history::HistoryQuery;
use crate::name::SemaphoreName;
use crate::view::RequestView;

/// So many rows of the audit are in memory at once, or ten thousand of each of four semaphores.
const ROWS_AT_ONCE: usize = 20_000;

impl RedisStore {
    /// Entries of the audit, newest first.
    pub(super) async fn read_audit(
        &self,
        query: AuditQuery,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let driver = self.driver()?;
        let names = match &query.semaphore {
            Some(name) => vec![name.clone()],
            None => audited_names(&driver).await?,
        };
        let oldest = query.oldest(driver.ask(query::time()).await?);
        let most = query.most();
        let mut entries = Vec::new();
        for some in names.chunks((ROWS_AT_ONCE / most.max(1)).clamp(4, 256)) {
            // All of these are asked before the first answer is awaited.
            let asked: Vec<_> = some
                .iter()
                .map(|name| {
                    let names = &driver.settings.names;
                    (name, driver.ask(query::audit(names, name, most)))
                })
                .collect();
            for (name, answered) in asked {
                match answered.await? {
                    Some(found) => {
                        entries.extend(found.into_iter().take_while(|entry| entry.at >= oldest));
                    }
                    None if query.semaphore.is_none() => forget_audited(&driver, name).await?,
                    None => {}
                }
            }
            entries.sort_by(|a, b| {
                let newer = b.at.total_cmp(&a.at);
                newer.then_with(|| b.sequence.cmp(&a.sequence))
            });
            entries.truncate(most);
        }
        Ok(entries)
    }

    /// Requests that ended, newest first.
    pub(super) async fn read_history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> Result<Vec<RequestView>, StoreError> {
        let driver = self.driver()?;
        let most = query.most();
        let history = query::history(&driver.settings.names, &name, most);
        let (now, ended) = driver.ask(history).await?;
        let oldest = now - query.age().as_secs_f64();
        Ok(ended
            .into_iter()
            .take_while(|row| row.ended_at.is_some_and(|at| at >= oldest))
            .take(most)
            .collect())
    }

    /// Puts a semaphore into the set of those that have an audit: where the scripts cannot.
    pub(super) async fn note_audited(
        driver: &DriverHandle,
        name: &SemaphoreName,
    ) -> Result<(), StoreError> {
        let names = &driver.settings.names;
        if !names.together {
            driver.ask(query::add_audited(names, name)).await?;
        }
        Ok(())
    }
}

/// The names of all semaphores that have an audit, in no order.
async fn audited_names(driver: &DriverHandle) -> Result<Vec<SemaphoreName>, StoreError> {
    let names = &driver.settings.names;
    let keys = driver.ask(query::audited_names(names)).await?;
    Ok(keys.iter().filter_map(|key| names.name(key)).collect())
}

/// The audit of a semaphore has expired: takes its name out of the set, unless it comes back meanwhile. A client that
/// writes an entry adds the name after that. So either this sees the entry, or the name comes after it was taken out.
async fn forget_audited(driver: &DriverHandle, name: &SemaphoreName) -> Result<(), StoreError> {
    let names = &driver.settings.names;
    driver.ask(query::remove_audited(names, name)).await?;
    if driver.ask(query::has_audit(names, name)).await? {
        driver.ask(query::add_audited(names, name)).await?;
    }
    Ok(())
}
