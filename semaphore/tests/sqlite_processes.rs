//! Processes that share a file wake each other and queue for it: what that costs, which are late, and what happens when
//! one of them stops in the middle.
//!
//! `CLA_CROWD=400` makes the crowd larger.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;
#[path = "sqlite_processes/messages.rs"]
mod messages;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, EventKind, Owner, Request, SemaphoreName, Semaphores, Status};
use common::name;
use futures::executor::block_on;

/// No test needs a tenth of this.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The variable by which a child process knows that it is one, and what it is to do.
const ROLE: &str = "CLA_TEST_ROLE";
const STORE: &str = "CLA_TEST_STORE";

struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("semaphores.db")
    }

    fn open(&self) -> Semaphores {
        open(&self.path())
    }

    /// Where sessions have their pipes.
    fn sessions(&self) -> PathBuf {
        self.0.path().join("semaphores.db-sessions")
    }

    /// The pipes that are there.
    fn pipes(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.sessions()).unwrap();
        let all = all.map(|entry| entry.unwrap().path());
        all.filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .parse::<i64>()
                .is_ok()
        })
        .collect()
    }

    fn start(&self, role: &str) -> Process {
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["the_other_process", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(STORE, self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Process(process)
    }
}

fn open(path: &Path) -> Semaphores {
    Semaphores::connect(&format!("sqlite:{}", path.display())).unwrap()
}

/// Ends with the test, however that ends.
struct Process(Child);

impl Process {
    fn signal(&self, signal: &str) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it says this.
    fn says(&mut self, wanted: &str) {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with(wanted)));
    }

    fn ends_well(&mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test, but the other process.
#[test]
fn the_other_process() {
    let (Ok(role), Some(path)) = (std::env::var(ROLE), std::env::var_os(STORE)) else {
        return;
    };
    let path = PathBuf::from(path);
    let request = || Request::new().owner(Owner::process("other"));
    match role.as_str() {
        "takes and gives back" => {
            drop(
                open(&path)
                    .semaphore(&name("x"))
                    .acquire()
                    .with(request())
                    .blocking()
                    .unwrap(),
            );
        }
        // Each holder writes its token while it holds the slot.
        "writes its token" => {
            let store = open(&path);
            let permit = store
                .semaphore(&name("x"))
                .acquire()
                .with(request())
                .blocking()
                .unwrap();
            let tokens = path.with_extension("tokens");
            let file = OpenOptions::new().append(true).create(true).open(tokens);
            writeln!(file.unwrap(), "{}", permit.token()).unwrap();
            block_on(permit.release()).unwrap();
        }
        "takes and keeps" => {
            let _permit = open(&path)
                .semaphore(&name("x"))
                .acquire()
                .with(request())
                .blocking()
                .unwrap();
            println!("it has it");
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        "takes turns" => {
            let store = open(&path);
            for _ in 0..TURNS {
                drop(
                    store
                        .semaphore(&name("x"))
                        .acquire()
                        .with(request())
                        .blocking()
                        .unwrap(),
                );
            }
        }
        "keeps its turn to write" => {
            let turn = File::open(path.with_file_name("semaphores.db-sessions/turn")).unwrap();
            turn.lock().unwrap();
            println!("it has it");
            let _ = std::io::stdin().read_line(&mut String::new());
        }
        other => panic!("no role {other}"),
    }
}

/// Waits until so many wait.
fn until_waiting(store: &Semaphores, x: &SemaphoreName, waiting: usize) {
    let since = Instant::now();
    while block_on(store.show(x))
        .unwrap()
        .map_or(0, |view| view.waiting)
        != waiting
    {
        assert!(since.elapsed() < TIME_LIMIT, "they never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn hundreds_of_processes_at_once_all_get_their_turn_in_order() {
    let crowd = std::env::var("CLA_CROWD").map_or(60, |crowd| crowd.parse().unwrap());
    let store = Store::new();
    let mut all: Vec<_> = (0..crowd)
        .map(|_| store.start("writes its token"))
        .collect();
    for process in &mut all {
        process.ends_well();
    }
    let tokens = std::fs::read_to_string(store.path().with_extension("tokens")).unwrap();
    let tokens: Vec<u64> = tokens.lines().map(|token| token.parse().unwrap()).collect();
    assert_eq!(tokens.len(), crowd);
    assert!(
        tokens.is_sorted(),
        "tokens are given in the order of the line"
    );
    // A process that ends without closing its store leaves its pipe to the next one that looks.
    let looks = store.open();
    block_on(looks.list()).unwrap();
    assert_eq!(store.pipes().len(), 1, "that is its own");
}

/// Nanoseconds on a processor, of all threads.
#[cfg(target_os = "linux")]
fn processor_time(process: &Process) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.0.id())).unwrap();
    let of_threads = tasks.map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(of_threads.sum())
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_waits_costs_next_to_nothing() {
    const WAITING: usize = 20;
    /// Looking every few milliseconds costs ten times as much.
    const COST: Duration = Duration::from_millis(20);
    const WHILE: Duration = Duration::from_secs(3);
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut waiting: Vec<_> = (0..WAITING)
        .map(|_| store.start("takes and gives back"))
        .collect();
    until_waiting(&semaphores, &x, WAITING);
    let before: Vec<_> = waiting.iter().map(processor_time).collect();
    // Not to wait for something, but for as long as is measured.
    std::thread::sleep(WHILE);
    let mut costs: Vec<_> = waiting.iter().map(processor_time).collect();
    for (cost, before) in costs.iter_mut().zip(before) {
        *cost -= before;
    }
    costs.sort_unstable();
    // The first in line looks more often than the others, whether the holder lives.
    assert!(costs[WAITING / 2] < COST, "{costs:?}");
    assert!(costs[WAITING - 1] < 3 * COST, "{costs:?}");
    drop(held);
    for process in &mut waiting {
        process.ends_well();
    }
}

/// Whether the system reports the end of another process.
#[cfg(target_os = "linux")]
fn watches_another(process: &Process) -> bool {
    let open = std::fs::read_dir(format!("/proc/{}/fd", process.0.id())).unwrap();
    open.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok())
        .any(|file| file.to_string_lossy().contains("pidfd"))
}

/// How often its threads have gone to sleep.
#[cfg(target_os = "linux")]
fn sleeps(process: &Process) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.0.id())).unwrap();
    let of_threads = tasks.map(|task| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse::<u64>().unwrap()
    });
    of_threads.sum()
}

#[cfg(target_os = "linux")]
#[test]
fn the_first_in_line_sleeps_until_the_system_tells_it_that_the_holder_is_gone() {
    const WHILE: Duration = Duration::from_secs(2);
    let (store, x) = (Store::new(), name("x"));
    let mut holder = store.start("takes and keeps");
    holder.says("it has it");
    let mut first = store.start("takes and gives back");
    let since = Instant::now();
    while !watches_another(&first) {
        assert!(since.elapsed() < TIME_LIMIT, "it never does");
        std::thread::sleep(Duration::from_millis(5));
    }
    let before = sleeps(&first);
    // Not to wait for something, but for as long as is measured.
    std::thread::sleep(WHILE);
    // With a look each quarter of a second, it would be eight times.
    let times = sleeps(&first) - before;
    assert!(times <= 4, "{times}");
    until_waiting(&store.open(), &x, 1);
    drop(holder);
    first.ends_well();
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_of_a_holder_is_heard_of_at_once() {
    const TIMES: usize = 7;
    let store = Store::new();
    let mut delays = Vec::new();
    for _ in 0..TIMES {
        let mut holder = store.start("takes and keeps");
        holder.says("it has it");
        let mut first = store.start("takes and gives back");
        let since = Instant::now();
        while !watches_another(&first) {
            assert!(since.elapsed() < TIME_LIMIT, "it never does");
            std::thread::sleep(Duration::from_millis(5));
        }
        let killed = Instant::now();
        holder.signal("-KILL");
        first.ends_well();
        delays.push(killed.elapsed());
    }
    delays.sort_unstable();
    assert!(delays[0] < AT_ONCE, "{delays:?}");
    assert!(delays[TIMES / 2] < 2 * AT_ONCE, "{delays:?}");
}

const TURNS: usize = 40;
/// Far more than a wake-up takes on a busy machine, and far less than the look that makes good a lost one.
const AT_ONCE: Duration = Duration::from_millis(150);

#[test]
fn a_process_that_waits_is_woken_by_the_one_that_gives_back() {
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let mut held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut other = store.start("takes turns");
    let mut waits = Vec::new();
    for _ in 0..TURNS {
        until_waiting(&semaphores, &x, 1);
        // This one waits behind the other process, whose turn is next.
        let behind = {
            let (semaphores, x) = (semaphores.clone(), x.clone());
            std::thread::spawn(move || semaphores.semaphore(&x).acquire().blocking())
        };
        until_waiting(&semaphores, &x, 2);
        let given_back = Instant::now();
        drop(held);
        held = behind.join().unwrap().unwrap();
        waits.push(given_back.elapsed());
    }
    drop(held);
    other.ends_well();
    waits.sort_unstable();
    assert!(waits[TURNS / 2] < AT_ONCE, "{waits:?}");
}

#[test]
fn events_of_another_process_come_at_once() {
    let (store, x) = (Store::new(), name("x"));
    let (semaphores, other) = (store.open(), store.open());
    let mut events = semaphores.subscribe();
    // Once this is answered, the subscription stands.
    block_on(semaphores.list()).unwrap();
    let mut delays = Vec::new();
    for _ in 0..TURNS {
        drop(other.semaphore(&x).acquire().blocking().unwrap());
        let asked = Instant::now();
        while block_on(events.recv()).unwrap().kind != EventKind::Released {}
        delays.push(asked.elapsed());
    }
    delays.sort_unstable();
    assert!(delays[TURNS / 2] < AT_ONCE, "{delays:?}");
}

#[test]
fn a_wake_up_that_is_lost_is_made_good() {
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut waiting: Vec<_> = (0..3)
        .map(|_| store.start("takes and gives back"))
        .collect();
    until_waiting(&semaphores, &x, 3);
    // As when the process that admits them is killed between its commit and the wake-up.
    for pipe in store.pipes() {
        std::fs::remove_file(pipe).unwrap();
    }
    drop(held);
    for process in &mut waiting {
        process.ends_well();
    }
}

#[test]
fn processes_wait_also_where_their_folder_was_deleted() {
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut first = store.start("takes and gives back");
    until_waiting(&semaphores, &x, 1);
    std::fs::remove_dir_all(store.sessions()).unwrap();
    let mut second = store.start("takes and gives back");
    until_waiting(&semaphores, &x, 2);
    drop(held);
    first.ends_well();
    second.ends_well();
}

#[test]
fn where_there_can_be_no_folder_processes_look_by_themselves() {
    let (store, x) = (Store::new(), name("x"));
    // A file is in its way.
    std::fs::write(store.sessions(), "").unwrap();
    let semaphores = store.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut waiting = store.start("takes and gives back");
    until_waiting(&semaphores, &x, 1);
    drop(held);
    waiting.ends_well();
}

#[test]
fn the_pipe_of_a_killed_process_goes_with_its_session() {
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let _held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let waiting = store.start("takes and gives back");
    until_waiting(&semaphores, &x, 1);
    assert_eq!(store.pipes().len(), 2);
    drop(waiting);
    until_waiting(&semaphores, &x, 0);
    assert_eq!(store.pipes().len(), 1);
}

#[test]
fn what_was_released_by_force_is_shown_until_its_process_is_gone() {
    let (store, x) = (Store::new(), name("x"));
    let mut holder = store.start("takes and keeps");
    holder.says("it has it");
    let semaphores = store.open();
    assert_eq!(block_on(semaphores.force_release(&x)).unwrap(), 1);
    let is_shown = || {
        let view = block_on(semaphores.show(&x)).unwrap().unwrap();
        let mut rows = view.requests.iter();
        rows.any(|row| row.status == Status::Released && row.pid == Some(holder.0.id()))
    };
    // Until it is not one of those that ended a moment ago.
    for _ in 0..40 {
        drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    }
    assert!(is_shown(), "its work goes on");
    holder.signal("-KILL");
    let since = Instant::now();
    while is_shown() {
        assert!(since.elapsed() < TIME_LIMIT, "its process is gone");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn pipes_have_the_rights_of_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    block_on(semaphores.list()).unwrap();
    block_on(semaphores.close()).unwrap();
    std::fs::remove_dir_all(store.sessions()).unwrap();
    std::fs::set_permissions(store.path(), PermissionsExt::from_mode(0o660)).unwrap();
    let _held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.sessions()), 0o770);
    for pipe in store.pipes() {
        assert_eq!(mode(&pipe), 0o660);
    }
    assert_eq!(mode(&store.sessions().join("turn")), 0o660);
}

#[test]
fn a_process_that_stops_in_its_turn_is_named_and_hangs_up_no_one_for_ever() {
    const LIMIT: Duration = Duration::from_secs(2);
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    block_on(semaphores.list()).unwrap();
    let mut stopped = store.start("keeps its turn to write");
    stopped.says("it has it");
    stopped.signal("-STOP");
    let take = |request: Request| {
        let (other, x) = (store.open(), x.clone());
        std::thread::spawn(move || {
            other
                .semaphore(&x)
                .acquire()
                .with(request)
                .blocking()
                .map(drop)
        })
    };
    let (patient, limited) = (take(Request::new()), take(Request::new().timeout(LIMIT)));

    let limited = limited.join().unwrap();
    assert!(
        matches!(limited, Err(AcquireError::TimedOut { .. })),
        "{limited:?}"
    );
    let error = block_on(semaphores.list()).unwrap_err();
    let said = format!("{error:#}");
    let named = cfg!(not(target_os = "linux")) || said.contains(&stopped.0.id().to_string());
    assert!(named, "{said}");
    assert!(!patient.is_finished(), "it has no limit");

    stopped.signal("-CONT");
    drop(stopped);
    patient.join().unwrap().unwrap();
}
