//! The store on a Redis or Valkey server keeps every promise of the conformance suite; its clients are two stores with
//! connections of their own.

use cla_conformance::Fresh;
use cla_semaphore::Semaphores;

cla_conformance::conformance_tests!(|| {
    let (server, url) = cla_tests::redis::shared();
    let open = || Semaphores::connect(&url).expect("the store is built in");
    Fresh::clients(open(), open()).keep(server)
});
