//! The store on a Redis or Valkey server keeps every promise of the conformance suite; its clients are two stores with
//! connections of their own. One of them gives up a server that was never reached, after a while, and the promises hold
//! for it, too.

use std::time::Duration;

use cla_conformance::Fresh;
use cla_semaphore::{RedisStore, RedisUrl, Semaphores};

cla_conformance::conformance_tests!(|| {
    let (server, url) = cla_tests::redis::shared();
    let patient = Semaphores::connect(&url).expect("the store is built in");
    let url: RedisUrl = url.parse().expect("it is a URL");
    let store = RedisStore::open(url.reach_within(Duration::from_secs(30)));
    let impatient = Semaphores::with_store(store);
    Fresh::clients(patient, impatient).keep(server)
});
