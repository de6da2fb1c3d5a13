//! Semaphores spread over a cluster, and over the servers that Sentinels watch.

#[path = "redis/common.rs"]
mod common;

use std::time::Duration;

use cla_semaphore::{Request, Slots};
use cla_tests::redis::{Cluster, Watched, eventually};
use common::{acquire, name, soon, store, until_waiting};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_names_are_spread_over_the_cluster() {
    let cluster = Cluster::start();
    let (here, there) = (store(&cluster.url()), store(&cluster.url()));
    let names: Vec<_> = (0..1000)
        .map(|nth| name(&format!("deploy-{nth} {{to}} 100%")))
        .collect();
    let asked: Vec<_> = names
        .iter()
        .map(|name| acquire(&here, name, Request::new()))
        .collect();
    let mut held = Vec::new();
    for permit in asked {
        held.push(soon(permit).await.unwrap().unwrap());
    }
    let listed = soon(there.list()).await.unwrap();
    assert_eq!(listed.len(), 1000);
    assert!(listed.iter().all(|view| view.busy == 1));
    for node in cluster.nodes() {
        let answer = node.command(&["DBSIZE"]);
        let keys: usize = answer.trim_start_matches(':').trim().parse().unwrap();
        assert!(keys > 300, "a third of 1,000 semaphores or so: {keys} keys");
    }
    let diagnosis = soon(there.diagnose()).await.unwrap();
    let mode = diagnosis
        .facts
        .iter()
        .find(|fact| fact.name == "mode")
        .unwrap();
    assert_eq!(mode.value, "cluster of 3");
    assert_eq!(
        diagnosis
            .clients
            .iter()
            .map(|client| client.busy)
            .sum::<usize>(),
        1000
    );

    let waiting: Vec<_> = names
        .iter()
        .map(|name| acquire(&there, name, Request::new()))
        .collect();
    until_waiting(&here, &names[999], 1).await;
    drop(held);
    for permit in waiting {
        drop(soon(permit).await.unwrap().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_master_dies_the_next_one_goes_on_where_it_was() {
    let mut watched = Watched::start();
    let (here, there) = (store(&watched.url()), store(&watched.url()));
    let x = name("x");
    here.set_slots(&x, Slots::ONE).await.unwrap();
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let token = held.token();
    let waiting = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    let offset = |server: &cla_tests::redis::Server| {
        let info = server.command(&["INFO", "replication"]);
        let line = info
            .lines()
            .find(|line| line.starts_with("master_repl_offset:"));
        line.unwrap_or_default().to_owned()
    };
    eventually("the replica has all", || {
        offset(&watched.servers[0]) == offset(&watched.servers[1])
    });
    watched.servers[0].kill();
    eventually("the replica is promoted", || {
        watched.servers[1].command(&["ROLE"]).contains("master")
    });
    held.release().await.unwrap();
    let next = soon(waiting).await.unwrap().unwrap();
    assert!(next.token() > token);
    assert!(next.waited() < Duration::from_secs(60));
    next.release().await.unwrap();
}
