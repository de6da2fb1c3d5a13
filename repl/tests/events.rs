//! `cla sem events` whose reader is slow: it says what it has missed, and misses nothing that is still kept.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use cla_runtime::semaphore::{Permit, SemaphoreName, Semaphores, Slots};
use common::{Folder, Running};
use nix::sys::signal::Signal;
use serde_json::Value;

/// As many events as a store keeps for a reader.
const KEPT: u64 = 65_536;

/// `cla sem events` of one semaphore, and a client of the same store.
struct Scene {
    _folder: Folder,
    events: Running,
    semaphores: Semaphores,
    name: SemaphoreName,
    runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::with(&[]);
        let store = format!("sqlite:{}", folder.path().join("events.db").display());
        let events = folder.start(&["sem", "events", "--json", "--store", &store]);
        let mut scene = Self {
            _folder: folder,
            events,
            semaphores: Semaphores::connect(&store).unwrap(),
            name: SemaphoreName::new("crowd").unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        };
        scene.until_it_listens();
        scene
    }

    /// Names another semaphore until that is told.
    fn until_it_listens(&mut self) {
        let probe = SemaphoreName::new("probe").unwrap();
        let listens = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (semaphores, listens) = (self.semaphores.clone(), &listens);
            let probe = &probe;
            scope.spawn(move || {
                while !listens.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(semaphores.semaphore(probe).acquire().blocking().unwrap());
                }
            });
            self.line();
            listens.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        self.runtime.block_on(self.semaphores.pin(&probe)).unwrap();
        while self.line()["kind"] != "pinned" {}
    }

    fn line(&mut self) -> Value {
        serde_json::from_str(&self.events.stdout_line()).unwrap()
    }

    /// So many take a slot, and a purge frees all of them: two events each.
    fn purge(&self, many: usize) {
        let semaphore = self.semaphores.semaphore(&self.name);
        self.runtime.block_on(async {
            let acquire = || semaphore.acquire().slots(Slots::Unlimited);
            // Together, so that they share transactions.
            let permits: Vec<Permit> =
                futures_util::future::try_join_all((0..many).map(|_| acquire()))
                    .await
                    .unwrap();
            assert_eq!(self.semaphores.purge(&self.name).await.unwrap(), many);
            drop(permits);
        });
    }

    /// The last event of a test.
    fn pin(&self) {
        let pinned = self.semaphores.pin(&self.name);
        self.runtime.block_on(pinned).unwrap();
    }
}

#[test]
fn a_purge_of_two_thousand_is_told_in_full_to_a_reader_that_reads_later() {
    const MANY: usize = 2_000;
    let mut scene = Scene::new();
    scene.purge(MANY);
    scene.pin();
    // Only now is the first line of it read: far more was printed than a pipe takes.
    let mut before: Option<u64> = None;
    let mut kinds = std::collections::HashMap::new();
    loop {
        let event = scene.line();
        let sequence = event["sequence"].as_u64().unwrap();
        assert!(
            before.is_none_or(|before| before + 1 == sequence),
            "{event}"
        );
        before = Some(sequence);
        let kind = event["kind"].as_str().unwrap().to_owned();
        if kind == "pinned" {
            break;
        }
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert_eq!((kinds["acquired"], kinds["purged"]), (MANY, MANY));
}

#[test]
fn a_reader_that_was_stopped_for_too_long_is_told_how_much_it_missed_and_since_when() {
    const MANY: usize = 8_192;
    const TIMES: usize = 5;
    let mut scene = Scene::new();
    scene.purge(1);
    scene.pin();
    let mut last = scene.line();
    while last["kind"] != "pinned" {
        last = scene.line();
    }
    scene.events.send(Signal::SIGSTOP);
    for _ in 0..TIMES {
        scene.purge(MANY);
    }
    let unpinned = scene.semaphores.unpin(&scene.name);
    scene.runtime.block_on(unpinned).unwrap();
    scene.events.send(Signal::SIGCONT);

    let missed = scene.line();
    let mut count = missed["missed"]
        .as_u64()
        .unwrap_or_else(|| panic!("{missed}"));
    assert_eq!(missed["since"], last["at"]);
    let mut before = last["sequence"].as_u64().unwrap() + count;
    let mut told = 0;
    loop {
        let event = scene.line();
        // A busy machine prints more slowly than the store gives events, so it may fall behind once more.
        if let Some(more) = event["missed"].as_u64() {
            count += more;
            before += more;
            continue;
        }
        before += 1;
        assert_eq!(event["sequence"], before, "{event}");
        told += 1;
        if event["kind"] == "unpinned" {
            break;
        }
    }
    assert_eq!(count + told, (2 * MANY * TIMES + 1) as u64);
    assert!(told <= KEPT + 512, "no more is kept than that: {told}");
    let history = scene.semaphores.history(&scene.name, Default::default());
    let history = scene.runtime.block_on(history).unwrap();
    assert_eq!(history.len(), 1_000, "where the ends are still to be read");
}
