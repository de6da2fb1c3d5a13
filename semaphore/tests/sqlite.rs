//! What is special about semaphores in a file: other stores and other processes, processes that vanish, and
//! files that cannot be used. What all stores have in common is in the conformance suite.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cla_semaphore::{
    AcquireError, AdminError, AuditQuery, EventKind, HistoryQuery, Owner, Permit, ReleaseError,
    Request, SemaphoreName, SemaphoreView, Semaphores, SlotId, Slots, Status, StoreError,
};
use common::name;
use futures::executor::block_on;

/// No test needs a tenth of this.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A folder with a file that is not there yet.
struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("state/semaphores.db")
    }

    /// Where processes that are to begin together say that they are there.
    fn ready(&self) -> PathBuf {
        self.0.path().join("ready")
    }

    /// A store of its own in the file, as another process would have.
    fn open(&self) -> Semaphores {
        Semaphores::connect(&format!("sqlite:{}", self.path().display())).unwrap()
    }
}

fn view(semaphores: &Semaphores, x: &SemaphoreName) -> SemaphoreView {
    block_on(semaphores.show(x)).unwrap().unwrap()
}

/// Waits until the semaphore looks as wanted.
#[track_caller]
fn until(
    semaphores: &Semaphores,
    x: &SemaphoreName,
    wanted: impl Fn(&SemaphoreView) -> bool,
) -> SemaphoreView {
    let since = Instant::now();
    loop {
        let seen = block_on(semaphores.show(x)).unwrap();
        if let Some(seen) = seen.as_ref().filter(|seen| wanted(seen)) {
            return seen.clone();
        }
        assert!(since.elapsed() < TIME_LIMIT, "it never came: {seen:#?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A thread that waits for a slot and keeps it until it is joined.
fn taker(
    semaphores: &Semaphores,
    x: &SemaphoreName,
    request: Request,
) -> std::thread::JoinHandle<Result<Permit, AcquireError>> {
    let (semaphores, x) = (semaphores.clone(), x.clone());
    std::thread::spawn(move || semaphores.semaphore(&x).acquire().with(request).blocking())
}

#[test]
fn stores_that_share_a_file_share_its_semaphores_and_keep_one_order() {
    let file = File::new();
    let (one, other) = (file.open(), file.open());
    let x = name("x");
    let held = one.semaphore(&x).acquire().blocking().unwrap();
    let mut waiting = Vec::new();
    for nth in 0..20 {
        let store = if nth % 2 == 0 { &one } else { &other };
        waiting.push(taker(store, &x, Request::new()));
        until(&one, &x, |view| view.waiting == nth + 1);
    }
    let mut last = held.token();
    drop(held);
    for next in waiting {
        let permit = next.join().unwrap().unwrap();
        assert!(permit.token() > last);
        last = permit.token();
    }
}

#[test]
fn nothing_is_opened_before_a_semaphore_is_used() {
    let file = File::new();
    let semaphores = file.open();
    let handle = semaphores.semaphore(&name("x"));
    drop(semaphores.semaphore(&name("x")).acquire());
    block_on(semaphores.close()).unwrap();
    assert!(!file.path().parent().unwrap().exists());
    drop(handle.acquire().blocking().unwrap());
    assert!(file.path().exists());
}

#[cfg(unix)]
#[test]
fn the_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new();
    drop(
        file.open()
            .semaphore(&name("x"))
            .acquire()
            .blocking()
            .unwrap(),
    );
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut folders = vec![file.path().parent().unwrap().to_owned()];
    while let Some(folder) = folders.pop() {
        assert_eq!(rights(&folder), 0o700, "{}", folder.display());
        for found in std::fs::read_dir(folder).unwrap() {
            let path = found.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(rights(&path), 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn what_an_administrator_set_survives_and_what_was_held_does_not() {
    let file = File::new();
    let x = name("x");
    let token = {
        let semaphores = file.open();
        block_on(semaphores.set_slots(&x, Slots::Limited(3))).unwrap();
        let permit = semaphores.semaphore(&x).acquire().blocking().unwrap();
        let token = permit.token();
        block_on(semaphores.close()).unwrap();
        assert!(permit.is_lost());
        token
    };
    let semaphores = file.open();
    let seen = view(&semaphores, &x);
    assert_eq!(
        (seen.slots, seen.pinned, seen.busy),
        (Slots::Limited(3), true, 0)
    );
    let permit = semaphores.semaphore(&x).acquire().blocking().unwrap();
    assert!(permit.token() > token);
}

#[test]
fn a_store_that_is_dropped_leaves_nothing_behind() {
    let file = File::new();
    let x = name("x");
    let watching = file.open();
    let gone = file.open();
    let handle = gone.semaphore(&x);
    let permit = handle.acquire().blocking().unwrap();
    drop((gone, handle, permit));
    until(&watching, &x, |view| view.busy == 0);
    let since = Instant::now();
    while block_on(watching.diagnose()).unwrap().clients.len() > 1 {
        assert!(since.elapsed() < TIME_LIMIT, "its session is still there");
    }
}

#[test]
fn what_one_store_decides_the_others_are_told() {
    let file = File::new();
    let (one, other) = (file.open(), file.open());
    let x = name("x");
    let mut events = other.subscribe();
    // What a store is asked after it was subscribed to comes after the subscription.
    assert!(block_on(other.list()).unwrap().is_empty());
    let held = one.semaphore(&x).acquire().blocking().unwrap();
    let granted = taker(&other, &x, Request::new());
    let first = until(&one, &x, |view| view.waiting == 1).requests[1].id;
    let cancelled = taker(&other, &x, Request::new());
    let second = until(&one, &x, |view| view.waiting == 2).requests[2].id;
    block_on(one.cancel(second)).unwrap();
    assert!(matches!(
        cancelled.join().unwrap(),
        Err(AcquireError::Cancelled { .. })
    ));
    block_on(one.grant(first)).unwrap();
    let granted = granted.join().unwrap().unwrap();
    assert!(granted.granted());
    assert_eq!(view(&one, &x).busy, 1);
    assert_eq!(block_on(other.force_release(&x)).unwrap(), 2);
    block_on(held.lost());
    block_on(granted.lost());
    assert!(matches!(
        block_on(held.release()),
        Err(ReleaseError::Lost { .. })
    ));
    let kinds: Vec<_> = (0..8)
        .map(|_| block_on(events.recv()).unwrap().kind)
        .collect();
    assert_eq!(
        kinds,
        [
            EventKind::Created,
            EventKind::Acquired,
            EventKind::Queued,
            EventKind::Queued,
            EventKind::Cancelled,
            EventKind::Granted,
            EventKind::ForceReleased,
            EventKind::ForceReleased,
        ]
    );
}

#[test]
fn a_waiter_is_told_when_a_deadline_of_another_store_passes() {
    let file = File::new();
    let (one, other) = (file.open(), file.open());
    let x = name("x");
    let ttl = cla_semaphore::Ttl::new(Duration::from_millis(50)).unwrap();
    let held = one
        .semaphore(&x)
        .acquire()
        .with(Request::new().ttl(ttl))
        .blocking()
        .unwrap();
    let next = other.semaphore(&x).acquire().blocking().unwrap();
    assert!(next.token() > held.token());
    block_on(held.lost());
}

// ---- processes

/// Not a test, but the other process of those below: with this variable set it does what that says.
const ROLE: &str = "CLA_TEST_ROLE";

#[test]
fn the_other_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let (role, url) = role.split_once(' ').unwrap();
    let semaphores = Semaphores::connect(url).unwrap();
    if role == "first" {
        // All at once, as soon as the folder is there.
        let folder = Path::new(url.strip_prefix("sqlite:").unwrap())
            .parent()
            .unwrap();
        let ready = folder.with_file_name("ready");
        std::fs::create_dir_all(&ready).unwrap();
        std::fs::write(ready.join(std::process::id().to_string()), "").unwrap();
        while !folder.exists() {
            std::hint::spin_loop();
        }
    }
    let mut request = Request::new().owner(Owner::process(role));
    if role == "leaver" {
        request = request.slots(2).slot(mine());
    }
    let permit = semaphores
        .semaphore(&name("x"))
        .acquire()
        .with(request)
        .blocking()
        .unwrap();
    if role == "cramped" {
        // The system lets this process write no more than a few pages.
        for n in 0.. {
            let crowded = semaphores
                .semaphore(&name(&format!("x{n}")))
                .acquire()
                .blocking();
            if let Err(error) = crowded {
                assert!(matches!(error, AcquireError::Store(_)), "{error}");
                assert!(n > 0, "{error}");
                // It is not left half done, and what is held is still held.
                assert!(!permit.is_lost());
                return;
            }
        }
    }
    if role == "leaver" {
        permit.leave();
        // Until it is killed.
        loop {
            std::thread::park();
        }
    }
    if role == "holder" {
        // Until it is killed.
        loop {
            std::thread::park();
        }
    }
    drop(permit);
    block_on(semaphores.close()).unwrap();
}

fn mine() -> SlotId {
    SlotId::new("mine").unwrap()
}

struct Process(Child);

impl Process {
    fn start(role: &str, file: &File) -> Self {
        Self(
            Command::new(std::env::current_exe().unwrap())
                .args(["the_other_process", "--exact"])
                .env(ROLE, format!("{role} sqlite:{}", file.path().display()))
                .stdout(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn row(who: &str) -> impl Fn(&SemaphoreView) -> bool {
    move |view| {
        view.requests
            .iter()
            .any(|row| row.who.as_deref() == Some(who) && row.ended().is_none())
    }
}

/// Whether a row is one that ended.
trait Ended {
    fn ended(&self) -> Option<Status>;
}

impl Ended for cla_semaphore::RequestView {
    fn ended(&self) -> Option<Status> {
        (!matches!(self.status, Status::Waiting | Status::Busy)).then_some(self.status)
    }
}

#[test]
fn a_killed_process_loses_what_it_holds_and_its_place_in_line() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    block_on(semaphores.set_slots(&x, Slots::ONE)).unwrap();
    let holder = Process::start("holder", &file);
    until(&semaphores, &x, row("holder"));
    let second = Process::start("second", &file);
    until(&semaphores, &x, row("second"));
    let last = taker(&semaphores, &x, Request::new());
    until(&semaphores, &x, |view| view.waiting == 2);
    second.kill();
    // A look at the semaphore shows it.
    let seen = view(&semaphores, &x);
    assert_eq!((seen.busy, seen.waiting), (1, 1), "{seen:#?}");
    holder.kill();
    // Without a look the next in line notices it.
    let permit = last.join().unwrap().unwrap();
    let seen = view(&semaphores, &x);
    let killed: Vec<_> = seen
        .requests
        .iter()
        .filter(|row| row.status == Status::Killed)
        .filter_map(|row| row.who.as_deref())
        .collect();
    assert!(killed.contains(&"holder"), "{seen:#?}");
    drop(permit);
}

#[test]
fn a_newcomer_does_not_wait_behind_a_dead_process() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    block_on(semaphores.set_slots(&x, Slots::ONE)).unwrap();
    let holder = Process::start("holder", &file);
    until(&semaphores, &x, row("holder"));
    holder.kill();
    let request = Request::new().timeout(Duration::ZERO);
    drop(
        semaphores
            .semaphore(&x)
            .acquire()
            .with(request)
            .blocking()
            .unwrap(),
    );
}

#[test]
fn a_slot_that_a_process_left_is_free_when_it_is_killed() {
    let file = File::new();
    let (x, slot) = (name("x"), mine());
    let semaphores = file.open();
    let leaver = Process::start("leaver", &file);
    until(&semaphores, &x, row("leaver"));
    let asking = || Request::new().slot(mine());
    let shared = semaphores
        .semaphore(&x)
        .acquire()
        .with(asking())
        .blocking()
        .unwrap();
    let seen = view(&semaphores, &x);
    assert_eq!((seen.busy, seen.requests[0].id), (1, shared.id()));
    leaver.kill();
    assert!(!block_on(semaphores.release_slot(&x, &slot)).unwrap());
    block_on(shared.lost());
    assert!(shared.lease_passed(), "nobody wanted that");
    let mine = semaphores
        .semaphore(&x)
        .acquire()
        .with(asking())
        .blocking()
        .unwrap();
    assert_ne!(mine.id(), shared.id());
    drop(shared);
    assert!(!mine.is_lost());
}

#[test]
fn nobody_shares_the_slot_of_a_dead_process() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    let leaver = Process::start("leaver", &file);
    let before = until(&semaphores, &x, row("leaver")).requests[0].id;
    leaver.kill();
    let asking = Request::new().slot(mine());
    let permit = block_on(semaphores.semaphore(&x).acquire().with(asking).if_free())
        .unwrap()
        .unwrap();
    assert_ne!(permit.id(), before);
    assert_eq!(view(&semaphores, &x).busy, 1);
    assert!(!permit.is_lost());
}

#[test]
fn a_waiter_does_not_get_the_slot_that_a_dead_process_has_under_its_id() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    let leaver = Process::start("leaver", &file);
    until(&semaphores, &x, row("leaver"));
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let waiter = taker(&semaphores, &x, Request::new().slot(mine()));
    let before = until(&semaphores, &x, |view| view.waiting == 1).requests[0].id;
    leaver.kill();
    drop(held);
    let permit = waiter.join().unwrap().unwrap();
    assert_ne!(permit.id(), before);
    until(&semaphores, &x, |view| view.busy == 1);
    assert!(!permit.is_lost());
}

#[test]
fn a_slot_is_not_handed_to_a_dead_process() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let dead = Process::start("dead", &file);
    until(&semaphores, &x, row("dead"));
    let last = taker(&semaphores, &x, Request::new());
    until(&semaphores, &x, |view| view.waiting == 2);
    dead.kill();
    drop(held);
    drop(last.join().unwrap().unwrap());
}

#[test]
fn many_processes_may_be_the_first_to_use_a_file() {
    const TOGETHER: usize = 6;
    for _ in 0..20 {
        let file = File::new();
        let mut first: Vec<_> = (0..TOGETHER)
            .map(|_| Process::start("first", &file))
            .collect();
        while file.ready().read_dir().map_or(0, Iterator::count) < TOGETHER {
            std::thread::yield_now();
        }
        std::fs::create_dir(file.path().parent().unwrap()).unwrap();
        for process in &mut first {
            assert!(process.0.wait().unwrap().success());
        }
    }
}

#[test]
fn processes_hand_slots_to_each_other() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut passing: Vec<_> = (0..4).map(|_| Process::start("passing", &file)).collect();
    until(&semaphores, &x, |view| view.waiting == 4);
    drop(held);
    for process in &mut passing {
        assert!(process.0.wait().unwrap().success());
    }
    until(&semaphores, &x, |view| view.busy == 0);
}

#[test]
fn nobody_and_nothing_but_what_is_pinned_lives_through_a_reboot() {
    let file = File::new();
    let x = name("x");
    let before = file.open();
    block_on(before.set_slots(&x, Slots::ONE)).unwrap();
    let permit = before.semaphore(&x).acquire().blocking().unwrap();
    // As the file looks after one.
    let raw = rusqlite::Connection::open(file.path()).unwrap();
    raw.execute_batch(
        "UPDATE setting SET value = 'another' WHERE name = 'boot';
         UPDATE session SET boot = 'another';",
    )
    .unwrap();
    let after = file.open();
    let next = after.semaphore(&x).acquire().blocking().unwrap();
    assert_eq!(permit.token(), 1);
    assert!(
        next.token() > permit.token() + 100_000,
        "tokens that a power cut may have undone are not given again"
    );
    assert!(view(&after, &x).pinned);
    block_on(permit.lost());
}

// ---- files that cannot be used

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_is_an_error_and_nobody_holds_what_was_not_written() {
    let file = File::new();
    let semaphores = file.open();
    let x = name("x");
    drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    // 1,000 blocks of 512 bytes: less than the log that these processes share grows to. The signal that
    // says so is ignored, so that the write fails as it does on a full disk.
    let cramped = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 1000; exec \"$0\" the_other_process --exact",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(ROLE, format!("cramped sqlite:{}", file.path().display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&cramped.stdout);
    assert!(cramped.status.success(), "{said}");
    for view in block_on(semaphores.list()).unwrap() {
        assert_eq!((view.busy, view.waiting), (0, 0), "{view:#?}");
    }
    drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
}

fn error(url: &str) -> StoreError {
    let semaphores = Semaphores::connect(url).unwrap();
    match semaphores.semaphore(&name("x")).acquire().blocking() {
        Err(AcquireError::Store(error)) => {
            let listed = block_on(semaphores.list()).unwrap_err();
            assert_eq!(listed.to_string(), error.to_string());
            error
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(path: &Path, because: &str) {
    let url = format!("sqlite:{}", path.display());
    let said = error(&url).to_string();
    assert!(said.contains(because) && said.contains(&url), "{said}");
}

#[test]
fn a_damaged_file_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), [b'x'; 8192]).unwrap();
    refused(file.path(), "damaged or no SQLite database");
    assert_eq!(
        std::fs::read(file.path()).unwrap(),
        [b'x'; 8192],
        "it is left alone"
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let theirs = rusqlite::Connection::open(file.path()).unwrap();
    theirs.execute_batch("CREATE TABLE t (x)").unwrap();
    drop(theirs);
    refused(file.path(), "of another program");
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let file = File::new();
    drop(
        file.open()
            .semaphore(&name("x"))
            .acquire()
            .blocking()
            .unwrap(),
    );
    let path = file.path();
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    refused(&path, "a newer version of this program wrote it (schema 99");
}

#[test]
fn a_file_of_the_version_without_slot_ids_goes_on_working() {
    let file = File::new();
    let path = file.path();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let old = rusqlite::Connection::open(&path).unwrap();
    // The tables of version 1 have stayed as they were.
    old.execute_batch(include_str!("../src/sqlite/schema.sql"))
        .unwrap();
    old.execute_batch(
        "INSERT INTO semaphore (name, slots, declared, wanted, pinned, taken, granted, waiting, token,
             sequence, due, ended, touched)
         VALUES ('x', 2, 1, 1, 1, 0, 0, 0, 41, 7, 9223372036854775807, 0, 0);",
    )
    .unwrap();
    // Row 3 of a ring that has been half round.
    let remembers = |nth: i64, token: i64| {
        let row = format!(
            "INSERT OR REPLACE INTO ended (semaphore, nth, uuid, status, granted, priority, token, requested, started,
                 ended)
             VALUES (1, {nth}, randomblob(16), 0, 0, 0, {token}, 1, 2, 3);
             UPDATE semaphore SET ended = {nth} + 1"
        );
        old.execute_batch(&row).unwrap();
    };
    remembers(3, 40);
    old.pragma_update(None, "application_id", 0x636c_6131)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    let x = name("x");
    let (one, other) = (file.open(), file.open());
    let seen = view(&one, &x);
    assert_eq!((seen.slots, seen.pinned), (Slots::Limited(2), true));
    let permit = one
        .semaphore(&x)
        .acquire()
        .with(Request::new().slot(mine()))
        .blocking()
        .unwrap();
    assert_eq!(permit.token(), 42);
    assert!(block_on(other.release_slot(&x, &mine())).unwrap());
    block_on(permit.lost());
    // A program of that version that has it open still may go on.
    old.execute_batch(
        "INSERT INTO request (uuid, semaphore, session, phase, sequence, class, place, priority, requested)
         VALUES (x'000102030405060708090a0b0c0d0e0f', 1, 1, 0, 8, 0, x'01', 0, 0);
         DELETE FROM request;",
    )
    .unwrap();
    let version = old.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
    assert_eq!(version.unwrap(), 9);
    // What such a program writes has no time of the wall's clock, and is no part of the history; all else is.
    remembers(7, 50);
    for _ in 0..40 {
        drop(one.semaphore(&x).acquire().blocking().unwrap());
    }
    let history = block_on(one.history(&x, HistoryQuery::new())).unwrap();
    let tokens: Vec<_> = history.iter().filter_map(|row| row.token).collect();
    assert_eq!(tokens, (42..=82).rev().collect::<Vec<_>>());
}

#[test]
fn the_past_survives_a_reboot_and_has_bounds() {
    const DAY: f64 = 86_400.0;
    let file = File::new();
    let x = name("x");
    let first = file.open();
    for _ in 0..40 {
        drop(first.semaphore(&x).acquire().blocking().unwrap());
    }
    let tokens = |semaphores: &Semaphores| -> Vec<_> {
        let history = block_on(semaphores.history(&x, HistoryQuery::new())).unwrap();
        history.iter().filter_map(|row| row.token).collect()
    };
    assert_eq!(tokens(&first), (1..=40).rev().collect::<Vec<_>>());
    block_on(first.close()).unwrap();
    let raw = rusqlite::Connection::open(file.path()).unwrap();
    raw.execute_batch("UPDATE setting SET value = 'another boot' WHERE name = 'boot'")
        .unwrap();
    let after = file.open();
    assert!(view(&after, &x).requests.is_empty(), "that was before");
    assert_eq!(tokens(&after), (1..=40).rev().collect::<Vec<_>>());
    let next = after.semaphore(&x).acquire().blocking().unwrap();
    let token = next.token();
    drop(next);
    assert_eq!(tokens(&after)[..2], [token, 40]);

    // What is too old goes with the next round.
    raw.execute("UPDATE history SET at = at - ?1 WHERE id = 1", [7.5 * DAY])
        .unwrap();
    assert_eq!(tokens(&after).last(), Some(&33), "it is not shown any more");
    let kept = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        raw.query_row(&count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(kept("history"), 2);
    for _ in 0..40 {
        drop(after.semaphore(&x).acquire().blocking().unwrap());
    }
    assert_eq!((tokens(&after).len(), kept("history")), (49, 2));

    for nth in 0..10_010 {
        block_on(after.set_slots(&x, Slots::Limited(1 + nth % 2))).unwrap();
    }
    assert_eq!(kept("audit"), 10_000);
    let audit = |semaphores: &Semaphores| block_on(semaphores.audit(AuditQuery::new())).unwrap();
    assert_eq!(audit(&after).len(), 10_000);
    raw.execute(
        "UPDATE audit SET at = at - ?1 WHERE id <= 10000",
        [91.0 * DAY],
    )
    .unwrap();
    assert_eq!(audit(&after).len(), 10);
    block_on(after.unpin(&x)).unwrap();
    assert_eq!((audit(&after).len(), kept("audit")), (11, 10_000 - 64));
    // A semaphore's history goes with it, and the audit stays.
    block_on(after.forget(&x)).unwrap();
    assert_eq!(
        (tokens(&after).len(), kept("history"), kept("ended")),
        (0, 0, 0)
    );
    assert_eq!(audit(&after).len(), 12);
}

#[test]
fn a_place_where_no_file_can_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), "it is a folder");
    let file = tempfile::NamedTempFile::new().unwrap();
    refused(&file.path().join("below/a.db"), "its folder");
    #[cfg(target_os = "linux")]
    refused(Path::new("/proc/semaphores.db"), "it cannot be made");
}

#[test]
fn a_file_that_stays_locked_is_an_error_and_not_a_hang() {
    let file = File::new();
    let semaphores = file.open();
    let x = name("x");
    let permit = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let impatient = taker(
        &semaphores,
        &x,
        Request::new().timeout(Duration::from_secs(1)),
    );
    until(&semaphores, &x, |view| view.waiting == 1);
    let locking = rusqlite::Connection::open(file.path()).unwrap();
    locking.execute_batch("BEGIN IMMEDIATE").unwrap();
    // A request without a limit waits.
    let patient = taker(&semaphores, &name("y"), Request::new());
    let error = block_on(semaphores.list()).unwrap_err();
    assert!(error.to_string().contains("locked"), "{error}");
    // Nor does anybody who waits wait for longer than it wants to.
    impatient.join().unwrap().unwrap_err();
    // What was given back meanwhile is not lost.
    drop(permit);
    assert!(!patient.is_finished());
    locking.execute_batch("COMMIT").unwrap();
    until(&semaphores, &x, |view| view.busy == 0);
    drop(patient.join().unwrap().unwrap());
}

#[test]
fn those_who_have_a_deleted_file_open_are_told_that_they_hold_nothing_any_more() {
    let file = File::new();
    let semaphores = file.open();
    let x = name("x");
    let permit = semaphores.semaphore(&x).acquire().blocking().unwrap();
    std::fs::remove_dir_all(file.path().parent().unwrap()).unwrap();
    let next = file.open().semaphore(&x).acquire().blocking().unwrap();
    block_on(permit.lost());
    drop(next);
    // And the store goes on in the new file.
    until(&semaphores, &x, |view| view.busy == 0);
    drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
}

/// What people and programs do to the file of a store that is in use.
#[cfg(target_os = "linux")]
#[test]
fn whatever_becomes_of_the_file_nobody_is_let_in_beside_a_holder_that_does_not_know() {
    type Damage = fn(&Path, &dyn Fn(&str) -> PathBuf);
    let damages: [(&str, Damage); 8] = [
        ("deleted", |db, _| std::fs::remove_file(db).unwrap()),
        ("its log deleted", |_, beside| {
            std::fs::remove_file(beside("-wal")).unwrap();
        }),
        ("its log and index deleted", |_, beside| {
            std::fs::remove_file(beside("-wal")).unwrap();
            std::fs::remove_file(beside("-shm")).unwrap();
        }),
        ("all deleted", |db, beside| {
            std::fs::remove_file(db).unwrap();
            std::fs::remove_file(beside("-wal")).unwrap();
            std::fs::remove_file(beside("-shm")).unwrap();
        }),
        ("moved", |db, beside| {
            std::fs::rename(db, beside(".old")).unwrap();
        }),
        ("emptied", |db, _| {
            let file = std::fs::OpenOptions::new().write(true).open(db).unwrap();
            file.set_len(0).unwrap();
        }),
        ("replaced by a backup", |db, beside| {
            std::fs::remove_file(beside("-wal")).unwrap();
            std::fs::remove_file(beside("-shm")).unwrap();
            std::fs::copy(beside(".backup"), beside(".new")).unwrap();
            std::fs::rename(beside(".new"), db).unwrap();
        }),
        ("overwritten by a backup", |db, beside| {
            std::fs::remove_file(beside("-wal")).unwrap();
            std::fs::remove_file(beside("-shm")).unwrap();
            std::fs::copy(beside(".backup"), db).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let file = File::new();
        let path = file.path();
        let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.display()));
        let x = name("x");
        let before = file.open();
        drop(before.semaphore(&x).acquire().blocking().unwrap());
        block_on(before.close()).unwrap();
        std::fs::copy(&path, beside(".backup")).unwrap();

        let semaphores = file.open();
        let permit = semaphores.semaphore(&x).acquire().blocking().unwrap();
        damage(&path, &beside);
        let since = Instant::now();
        let next = file.open().semaphore(&x).acquire().blocking();
        assert!(permit.is_lost(), "{what}: two in, {next:?}");
        assert!(permit.lease_passed(), "{what}");
        let next = next.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(since.elapsed() < Duration::from_secs(3), "{what}");
        let (token, before) = (next.token(), permit.token());
        assert!(token > before, "{what}: token {token} after {before}");
        // The store that was open before goes on in the new file.
        assert!(
            block_on(semaphores.semaphore(&x).acquire().if_free())
                .unwrap()
                .is_none()
        );
        drop(next);
        drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_holder_whose_lock_file_is_deleted_keeps_its_permit() {
    let file = File::new();
    let x = name("x");
    let one = file.open();
    let permit = one.semaphore(&x).acquire().blocking().unwrap();
    let locks = PathBuf::from(format!("{}-lock", file.path().display()));
    std::fs::remove_file(&locks).unwrap();
    let other = file.open();
    assert!(
        block_on(other.semaphore(&x).acquire().if_free())
            .unwrap()
            .is_none()
    );
    assert!(!permit.is_lost());
    block_on(permit.release()).unwrap();
}

#[test]
fn a_file_that_is_opened_to_read_is_read_and_not_changed() {
    let file = File::new();
    let x = name("x");
    let one = file.open();
    let permit = one.semaphore(&x).acquire().blocking().unwrap();
    let open = |parameter: &str| {
        Semaphores::connect(&format!("sqlite:{}?{parameter}", file.path().display())).unwrap()
    };
    let changes_nothing = |reading: &Semaphores| {
        let refused = reading.semaphore(&x).acquire().blocking().unwrap_err();
        assert!(
            refused.to_string().contains("opened only to read"),
            "{refused}"
        );
        let refused = block_on(reading.set_slots(&x, Slots::Limited(3))).unwrap_err();
        assert!(
            refused.to_string().contains("opened only to read"),
            "{refused}"
        );
        block_on(reading.close()).unwrap();
    };
    let reading = open("mode=ro");
    assert_eq!(view(&reading, &x).busy, 1);
    block_on(reading.find(&permit.id().to_string()[..8])).unwrap();
    assert!(!block_on(reading.diagnose()).unwrap().facts.is_empty());
    changes_nothing(&reading);
    drop(permit);
    until(&one, &x, |view| view.busy == 0);
    block_on(one.close()).unwrap();
    let reading = open("immutable=1");
    assert_eq!(view(&reading, &x).busy, 0);
    changes_nothing(&reading);
    let missing = File::new();
    for parameter in ["mode=ro", "mode=rw", "immutable=1"] {
        let reading =
            Semaphores::connect(&format!("sqlite:{}?{parameter}", missing.path().display()))
                .unwrap();
        block_on(reading.list()).unwrap_err();
        assert!(!missing.path().exists(), "{parameter}");
    }
}

#[test]
fn ten_thousand_wait_and_are_steered() {
    const WAITING: usize = 10_000;
    let file = File::new();
    let (one, other) = (file.open(), file.open());
    let x = name("x");
    let held = one.semaphore(&x).acquire().blocking().unwrap();
    let mut line: Vec<_> = (0..WAITING)
        .map(|_| {
            let mut acquire = one.semaphore(&x).acquire();
            assert!(common::poll(&mut acquire).is_none());
            acquire
        })
        .collect();
    let timed = |what: &str, since: Instant| println!("{what}: {:?}", since.elapsed());
    let since = Instant::now();
    let seen = until(&other, &x, |view| view.waiting == WAITING);
    timed("10,000 joined, and were listed", since);
    let since = Instant::now();
    let listed = view(&other, &x);
    timed("list", since);
    assert_eq!(listed.requests[WAITING].place, Some(WAITING));
    let since = Instant::now();
    block_on(other.cancel(seen.requests[WAITING / 2].id)).unwrap();
    timed("cancel in the middle", since);
    let last = seen.requests[WAITING].id;
    let since = Instant::now();
    block_on(other.move_to(last, 1)).unwrap();
    timed("move to the front", since);
    let since = Instant::now();
    block_on(other.move_to(seen.requests[1].id, WAITING / 2)).unwrap();
    timed("move to the middle", since);
    let since = Instant::now();
    drop(held);
    let permit = block_on(line.pop().unwrap()).unwrap();
    timed("hand-over", since);
    assert_eq!(permit.id(), last);
    let since = Instant::now();
    drop(line);
    until(&other, &x, |view| view.waiting == 0);
    timed("all gave up", since);
    let unknown = block_on(other.cancel(last)).unwrap_err();
    assert!(matches!(
        unknown,
        AdminError::NotWaiting {
            status: Status::Busy,
            ..
        }
    ));
}

#[test]
fn events_go_with_the_last_one_who_wants_them() {
    let file = File::new();
    let x = name("x");
    let semaphores = file.open();
    let mut events = semaphores.subscribe();
    drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    for kind in [EventKind::Created, EventKind::Acquired, EventKind::Released] {
        assert_eq!(block_on(events.recv()).unwrap().kind, kind);
    }
    drop(events);
    let raw = rusqlite::Connection::open(file.path()).unwrap();
    let kept = || {
        let count = "SELECT count(*) FROM event";
        raw.query_row(count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    while kept() > 0 {
        // With its next command it sees that there is no subscriber any more.
        drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    }
    let mut events = semaphores.subscribe();
    drop(semaphores.semaphore(&x).acquire().blocking().unwrap());
    assert_eq!(block_on(events.recv()).unwrap().kind, EventKind::Acquired);
}
