//! The store on a cluster of three servers keeps every promise of the conformance suite.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use cla_conformance::Fresh;
use cla_semaphore::Semaphores;
use cla_tests::redis::Cluster;

/// The cluster that all cases share while any of them runs; each has a prefix of its own.
fn cluster() -> (Arc<Cluster>, String) {
    static CLUSTER: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut running = CLUSTER.lock().expect("no test panics while it has this");
    let cluster = running.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(Cluster::start());
        *running = Arc::downgrade(&cluster);
        cluster
    });
    let prefix = NEXT.fetch_add(1, Ordering::Relaxed);
    let url = format!("{}?prefix=test{prefix}", cluster.url());
    (cluster, url)
}

cla_conformance::conformance_tests!(|| {
    let (cluster, url) = cluster();
    let open = || Semaphores::connect(&url).expect("the store is built in");
    Fresh::clients(open(), open()).keep(cluster)
});
