//! Forty processes take turns at one slot and are killed at random, as by `kill -9`, for a while: never two
//! holders, never an order that is not that of the line, never a line that is stuck, and in the end nothing is
//! left.
//!
//! Ten seconds for each store; `CLA_STRESS_SECONDS=60` makes it a minute.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cla_semaphore::{
    EventKind, Events, EventsError, Owner, Request, RequestId, SemaphoreName, Semaphores,
};
use futures_util::FutureExt;

const PROCESSES: usize = 40;

/// Longer than any lease here: whoever waits longer than this waits behind the dead.
const PATIENCE: Duration = Duration::from_secs(60);

/// What tells a process that it is one of the forty: the store, and the file of the witness.
const STORE: &str = "CLA_TEST_STORE";
const WITNESS: &str = "CLA_TEST_WITNESS";

fn x() -> SemaphoreName {
    SemaphoreName::new("x").unwrap()
}

/// Not a test, but one of the forty processes: takes the slot again and again, until it is killed.
///
/// The witness is a file that each holder locks, which has nothing to do with the store: the system gives the lock to one
/// process at a time and takes it from the dead. In it stands the last token.
#[test]
fn one_of_the_forty() {
    let (Ok(store), Ok(witness)) = (std::env::var(STORE), std::env::var(WITNESS)) else {
        return;
    };
    let semaphores = Semaphores::connect(&store).unwrap();
    let accuse = |what: String| {
        std::fs::write(Path::new(&witness).with_extension("accusation"), what).unwrap();
        std::process::exit(1);
    };
    for turn in 0_u64.. {
        let request = Request::new().owner(Owner::process("one of the forty"));
        let permit = semaphores
            .semaphore(&x())
            .acquire()
            .with(request)
            .blocking()
            .unwrap();
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(&witness)
            .unwrap();
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if permit.is_lost() => continue,
            Err(TryLockError::WouldBlock) => {
                accuse(format!("token {}: there is another holder", permit.token()));
            }
            Err(TryLockError::Error(error)) => panic!("{error}"),
        }
        let mut last = String::new();
        file.read_to_string(&mut last).unwrap();
        let last: u64 = last.trim().parse().unwrap_or(0);
        if permit.token() <= last {
            accuse(format!("token {} after {last}", permit.token()));
        }
        file.rewind().unwrap();
        // As long as any, so that one overwrites the other whole.
        write!(file, "{:020}", permit.token()).unwrap();
        // Some hold it for longer, so that many are killed while they do.
        std::thread::sleep(Duration::from_micros(turn % 7 * 300));
        file.unlock().unwrap();
        drop(permit);
    }
}

struct Forty {
    store: String,
    witness: std::path::PathBuf,
    processes: Vec<Child>,
}

impl Forty {
    fn start(store: &str, witness: &Path) -> Self {
        let mut forty = Self {
            store: store.to_owned(),
            witness: witness.to_owned(),
            processes: Vec::new(),
        };
        for _ in 0..PROCESSES {
            let process = forty.one();
            forty.processes.push(process);
        }
        forty
    }

    fn one(&self) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["one_of_the_forty", "--exact"])
            .env(STORE, &self.store)
            .env(WITNESS, &self.witness)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kills one, and starts another in its place.
    fn replace(&mut self, nth: usize) {
        let next = self.one();
        let mut killed = std::mem::replace(&mut self.processes[nth], next);
        killed.kill().unwrap();
        killed.wait().unwrap();
    }

    fn accusation(&self) -> Option<String> {
        std::fs::read_to_string(self.witness.with_extension("accusation")).ok()
    }

    fn last_token(&self) -> u64 {
        std::fs::read_to_string(&self.witness)
            .ok()
            .and_then(|token| token.trim().parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for Forty {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Follows the line by the events, and sees whether it is kept.
#[derive(Default)]
struct Order {
    line: VecDeque<RequestId>,
    handed_over: usize,
    /// After events were missed the line is not known, until it is empty again.
    lost_track: bool,
}

impl Order {
    fn follow(&mut self, events: &mut Events) {
        loop {
            let event = match events.recv().now_or_never() {
                None => return,
                Some(Ok(event)) => event,
                Some(Err(EventsError::Missed(_))) => {
                    self.lost_track = true;
                    continue;
                }
                Some(Err(error)) => panic!("{error}"),
            };
            let request = event.request;
            let place = self.line.iter().position(|id| Some(*id) == request);
            match event.kind {
                EventKind::Queued => self.line.extend(request),
                EventKind::Acquired => match place {
                    Some(place) => {
                        assert!(
                            place == 0 || self.lost_track,
                            "the {place}th overtook those before it"
                        );
                        self.line.remove(place);
                        self.handed_over += 1;
                    }
                    None => assert!(
                        self.line.is_empty() || self.lost_track,
                        "somebody who did not wait overtook a whole line"
                    ),
                },
                EventKind::Killed
                | EventKind::Left
                | EventKind::TimedOut
                | EventKind::Cancelled => {
                    if let Some(place) = place {
                        self.line.remove(place);
                    }
                }
                _ => {}
            }
            if event.waiting == 0 {
                self.line.clear();
                self.lost_track = false;
            }
        }
    }
}

fn seconds() -> Duration {
    let seconds = std::env::var("CLA_STRESS_SECONDS")
        .ok()
        .and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// A number that looks random enough to choose whom to kill.
fn next(state: &mut u64) -> usize {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

/// `peace` is the time between two kills.
fn forty_are_killed_at_random(store: &str, peace: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let witness = folder.path().join("witness");
    File::create(&witness).unwrap();
    let semaphores = Semaphores::connect(store).unwrap();
    let mut events = semaphores.subscribe();
    let mut order = Order::default();
    // What is asked after it comes after the subscription.
    look(&semaphores);
    let mut forty = Forty::start(store, &witness);
    let started = Instant::now();
    let (mut progressed, mut token) = (Instant::now(), 0);
    let (mut killed, mut random) = (0, 42);
    while started.elapsed() < seconds() {
        order.follow(&mut events);
        assert_eq!(forty.accusation(), None);
        if forty.last_token() > token {
            (progressed, token) = (Instant::now(), forty.last_token());
        }
        assert!(
            progressed.elapsed() < PATIENCE,
            "the line is stuck: {:#?}",
            look(&semaphores)
        );
        forty.replace(next(&mut random) % PROCESSES);
        killed += 1;
        std::thread::sleep(peace);
    }
    assert_eq!(forty.accusation(), None);
    drop(forty);
    order.follow(&mut events);
    assert!(order.handed_over > 100, "{}", order.handed_over);
    println!(
        "{killed} processes killed, {} hand-overs followed",
        order.handed_over
    );
    // All are dead. Whoever comes finds the slot free within the lease, and then nothing is left.
    let permit = semaphores
        .semaphore(&x())
        .acquire()
        .with(Request::new().timeout(PATIENCE))
        .blocking()
        .unwrap();
    assert!(permit.token() > token);
    drop(permit);
    let since = Instant::now();
    loop {
        let seen = look(&semaphores);
        if seen.contains("busy: 0") && seen.contains("waiting: 0") {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "something is left: {seen}");
    }
}

fn look(semaphores: &Semaphores) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    format!("{:#?}", runtime.block_on(semaphores.show(&x())))
}

#[test]
fn of_forty_processes_killed_at_random_one_at_a_time_has_a_slot_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("semaphores.db");
    let store = format!("sqlite:{}", path.display());
    forty_are_killed_at_random(&store, Duration::from_millis(30));
}

#[test]
fn of_forty_processes_killed_at_random_one_at_a_time_has_a_slot_on_a_server() {
    let server = cla_tests::redis::Server::start();
    // What the dead hold, and each of the dead whose turn it is, is free after the lease only: with a short one,
    // and not too many dead, more happens.
    let store = format!("{}?lease=1s", server.url());
    forty_are_killed_at_random(&store, Duration::from_millis(200));
}
