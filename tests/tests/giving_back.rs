//! What a run has piled up is given back at once, in every store: tens of thousands of permits, of one semaphore
//! and of as many as there are permits.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::time::{Duration, Instant};

use cla_semaphore::{
    Owner, Permit, RedisStore, Request, RunId, SemaphoreName, Semaphores, Slots, SqliteStore,
};
use cla_tests::redis::Server;
use futures_util::future::join_all;

const MANY: usize = 20_000;
/// What it may cost in memory, in computing time. Without optimization it is a sixth of this.
const LIMIT: Duration = Duration::from_millis(600);
/// In a file, it costs at most this part of what it costs to give back one after the other.
const SHARE: u32 = 3;
/// The same where a server does it, one after the other, and tells of each.
const REMOTE_LIMIT: Duration = Duration::from_secs(8);

/// What this process has computed so far, on all its threads: other programs keep the processors busy, too. Elsewhere
/// than on Linux, the time.
fn computed() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<u64> = fields
        .split(' ')
        .skip(12)
        .take(2)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    match ticks[..] {
        [user, system] => Duration::from_millis((user + system) * 10),
        _ => START.elapsed(),
    }
}

/// What the tests of this file compute is counted for all of them: one at a time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn names(distinct: bool, many: usize) -> Vec<SemaphoreName> {
    (0..many)
        .map(|nth| if distinct { nth } else { 0 })
        .map(|nth| SemaphoreName::new(format!("n{nth}")).unwrap())
        .collect()
}

async fn take_all(semaphores: &Semaphores, names: &[SemaphoreName], run: RunId) -> Vec<Permit> {
    let owner = Owner::process("hoarder.js").with_run(run);
    let mut permits = Vec::with_capacity(names.len());
    for names in names.chunks(10_000) {
        let asked = names.iter().map(|name| {
            let request = Request::new().slots(Slots::Unlimited).owner(owner.clone());
            semaphores.semaphore(name).acquire().with(request)
        });
        let taken = join_all(asked).await;
        permits.extend(taken.into_iter().map(Result::unwrap));
    }
    permits
}

/// How long it takes until nothing is held any more.
async fn until_free(
    what: &str,
    semaphores: &Semaphores,
    names: &[SemaphoreName],
    limit: Duration,
    begin: impl FnOnce(),
) {
    let asked = computed();
    begin();
    let patience = Instant::now() + Duration::from_secs(120);
    // What is asked later is mostly done later.
    for name in names.iter().rev().step_by(97) {
        // A server that has so much to do may not answer within the time that an administrator waits.
        while !matches!(semaphores.show(name).await, Ok(Some(view)) if view.busy == 0) {
            assert!(Instant::now() < patience, "{what}: {name} is never free");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let took = computed().saturating_sub(asked);
    println!("{what}: {took:?}");
    assert!(took < limit, "{what}: {took:?}");
}

async fn all_ways(store: &str, many: usize, limit: Duration, open: impl Fn() -> Semaphores) {
    for distinct in [true, false] {
        let names = names(distinct, many);
        let of = if distinct {
            "of as many semaphores"
        } else {
            "of one semaphore"
        };
        let semaphores = open();
        let run = RunId::unique();
        let permits = take_all(&semaphores, &names, run).await;
        until_free(
            &format!("{store}: dropped, {of}"),
            &semaphores,
            &names,
            limit,
            || drop(permits),
        )
        .await;
        let permits = take_all(&semaphores, &names, run).await;
        until_free(
            &format!("{store}: given up, {of}"),
            &semaphores,
            &names,
            limit,
            || semaphores.abandon(run),
        )
        .await;
        let known = |is: fn(&Permit) -> bool| permits.iter().filter(|permit| is(permit)).count();
        let lost = (known(Permit::is_lost), known(Permit::lease_passed));
        assert_eq!(lost, (many, many), "{store}, {of}");
        drop(permits);
        // The session ends with all that it has.
        let permits = take_all(&semaphores, &names, run).await;
        let asked = computed();
        semaphores.close().await.unwrap();
        let took = computed().saturating_sub(asked);
        println!("{store}: closed, {of}: {took:?}");
        assert!(took < limit, "{store}: closed, {of}: {took:?}");
        drop(permits);
        semaphores.close().await.unwrap();
    }
}

#[tokio::test]
async fn in_memory() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let semaphores = Semaphores::memory();
    for distinct in [true, false] {
        let names = names(distinct, MANY);
        let run = RunId::unique();
        let permits = take_all(&semaphores, &names, run).await;
        until_free("memory: dropped", &semaphores, &names, LIMIT, || {
            drop(permits);
        })
        .await;
        let permits = take_all(&semaphores, &names, run).await;
        until_free("memory: given up", &semaphores, &names, LIMIT, || {
            semaphores.abandon(run);
        })
        .await;
        assert!(permits.iter().all(Permit::lease_passed));
    }
}

/// What it costs to give back so many permits one after the other, as far as a tenth of them tells.
async fn one_by_one(semaphores: &Semaphores, many: usize) -> Duration {
    let names = names(false, many / 10);
    let permits = take_all(semaphores, &names, RunId::unique()).await;
    let asked = computed();
    for permit in permits {
        permit.release().await.unwrap();
    }
    let took = (computed() - asked) * 10;
    println!("one by one: {took:?}");
    took
}

#[tokio::test]
async fn in_sqlite() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("semaphores.db");
    let semaphores = Semaphores::with_store(SqliteStore::open(path.clone()));
    let limit = one_by_one(&semaphores, MANY).await / SHARE;
    semaphores.close().await.unwrap();
    all_ways("sqlite", MANY, limit, || {
        Semaphores::with_store(SqliteStore::open(path.clone()))
    })
    .await;
}

#[tokio::test]
async fn in_redis() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let server = Server::start();
    let url = server.url();
    all_ways("redis", MANY / 10, REMOTE_LIMIT, || {
        Semaphores::with_store(RedisStore::open(url.parse().unwrap()))
    })
    .await;
}
