//! The leases that the service keeps for clients: permits, each under a secret of its client's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{Permit, SemaphoreName, Ttl};
use parking_lot::Mutex;

/// How often leases that were lost are forgotten.
const SWEEP: Duration = Duration::from_secs(1);

/// The leases that clients have.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<String, Arc<Lease>>>);

/// A lease that a client has.
pub(crate) struct Lease {
    pub(crate) permit: tokio::sync::Mutex<Option<Permit>>,
    pub(crate) semaphore: SemaphoreName,
    pub(crate) ttl: Ttl,
}

impl Leases {
    /// The lease of this semaphore that a client names.
    pub(crate) fn find(&self, name: &SemaphoreName, lease: &str) -> Option<Arc<Lease>> {
        let leases = self.0.lock();
        let found = leases.get(lease).filter(|lease| lease.semaphore == *name);
        found.cloned()
    }

    /// Keeps a lease under the secret that names it.
    pub(crate) fn insert(&self, secret: String, lease: Lease) {
        self.0.lock().insert(secret, Arc::new(lease));
    }

    /// Forgets a lease.
    pub(crate) fn remove(&self, secret: &str) {
        self.0.lock().remove(secret);
    }

    /// Forgets leases that were lost, for as long as the service lives. `part` gives its leases.
    pub(crate) fn sweep<S: Send + Sync + 'static>(service: &Arc<S>, part: fn(&S) -> &Self) {
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(service) = service.upgrade() else {
                    return;
                };
                part(&service).0.lock().retain(|_, lease| {
                    // A lease that is in use right now is checked the next time.
                    let permit = lease.permit.try_lock();
                    permit.map_or(true, |permit| {
                        permit.as_ref().is_some_and(|permit| !permit.is_lost())
                    })
                });
            }
        });
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Gives all of them back.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}
