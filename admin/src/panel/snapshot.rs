//! All semaphores as they were a moment ago, read once for all browsers that ask: [`Snapshots`].

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cla_runtime::semaphore::{SemaphoreView, Semaphores, StoreError};
use tokio::sync::Mutex;

use crate::live::Live;

/// A snapshot is this old at most, even if no event said that anything changed.
const OLDEST: Duration = Duration::from_millis(500);

/// All semaphores at one time.
pub(crate) struct Snapshot {
    pub(super) views: Vec<SemaphoreView>,
    /// When it was read, in seconds since the Unix epoch.
    pub(super) at: f64,
}

/// The last snapshot. Many browsers that ask after one change read the store once.
#[derive(Default)]
pub(crate) struct Snapshots(Mutex<Option<CachedSnapshot>>);

struct CachedSnapshot {
    /// The number of the newest event before it was read.
    number: u64,
    read: Instant,
    snapshot: Arc<Snapshot>,
}

impl Snapshots {
    /// How it is now.
    pub(super) async fn get(
        &self,
        semaphores: &Semaphores,
        live: &Live,
    ) -> Result<Arc<Snapshot>, StoreError> {
        // Held while the store is read: others who ask meanwhile wait for the same answer.
        let mut kept = self.0.lock().await;
        let number = live.newest();
        if let Some(kept) = &*kept
            && kept.number == number
            && kept.read.elapsed() < OLDEST
        {
            return Ok(Arc::clone(&kept.snapshot));
        }
        let read = Instant::now();
        let views = semaphores.list().await?;
        let snapshot = Arc::new(Snapshot { views, at: now() });
        *kept = Some(CachedSnapshot {
            number,
            read,
            snapshot: Arc::clone(&snapshot),
        });
        Ok(snapshot)
    }
}

/// Seconds since the Unix epoch.
pub(super) fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
