//! Admissions that come through a session's pipe: what a message can do wrong.

use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::thread::JoinHandle;

use cla_semaphore::{Permit, RequestId, Slots, Ttl};
use rusqlite::Connection;

use super::*;

/// A semaphore whose holder and first waiter are sessions of this process.
struct Scene {
    store: Store,
    x: SemaphoreName,
    holder: Semaphores,
    waiter: Semaphores,
    raw: Connection,
}

impl Scene {
    fn new() -> Self {
        let (store, x) = (Store::new(), name("x"));
        let (holder, waiter) = (store.open(), store.open());
        // In this order: the waiter is session 2.
        block_on(holder.list()).unwrap();
        block_on(waiter.list()).unwrap();
        Self {
            raw: Connection::open(store.path()).unwrap(),
            x,
            holder,
            waiter,
            store,
        }
    }

    fn hold(&self) -> Permit {
        self.holder.semaphore(&self.x).acquire().blocking().unwrap()
    }

    /// A request of the waiter that waits.
    fn wait(&self, request: Request) -> Wait {
        let (waiter, x) = (self.waiter.clone(), self.x.clone());
        let ends =
            std::thread::spawn(move || waiter.semaphore(&x).acquire().with(request).blocking());
        until_waiting(&self.holder, &self.x, 1);
        let view = block_on(self.holder.show(&self.x)).unwrap().unwrap();
        let mut rows = view.requests.iter();
        let id = rows
            .find(|row| row.status == Status::Waiting)
            .map(|row| row.id)
            .unwrap();
        Wait { id, ends }
    }

    /// By which the waiter knows that a message is for it.
    fn secret(&self) -> [u8; 16] {
        self.raw
            .query_row("SELECT secret FROM session WHERE id = 2", [], |row| {
                row.get(0)
            })
            .unwrap()
    }

    /// Writes into the waiter's pipe, and waits until the waiter has read that.
    fn send(&self, bytes: &[u8]) {
        let mut pipe = self.pipe();
        pipe.write_all(bytes).unwrap();
        block_on(self.waiter.list()).unwrap();
    }

    fn pipe(&self) -> File {
        open_pipe(&self.store.sessions().join("2"))
    }

    fn waiting(&self) -> usize {
        block_on(self.holder.show(&self.x))
            .unwrap()
            .unwrap()
            .waiting
    }
}

fn open_pipe(path: &Path) -> File {
    let mut options = OpenOptions::new();
    let options = options.write(true);
    options
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(path)
        .unwrap()
}

struct Wait {
    id: RequestId,
    ends: JoinHandle<Result<Permit, AcquireError>>,
}

impl Wait {
    fn still_waits(&self) -> bool {
        !self.ends.is_finished()
    }

    fn permit(self) -> Permit {
        self.ends.join().unwrap().unwrap()
    }
}

/// An admission as it goes through the pipe: see `message.rs`.
fn admission(secret: [u8; 16], request: RequestId) -> Vec<u8> {
    const TOKEN: u64 = 4711;
    let mut bytes = vec![b'A'];
    bytes.extend(secret);
    bytes.extend(request.as_u128().to_le_bytes());
    bytes.extend(TOKEN.to_le_bytes());
    bytes.extend([0; 17]);
    bytes
}

#[test]
fn a_message_that_is_no_ones_or_of_a_replaced_file_admits_no_request() {
    let scene = Scene::new();
    let held = scene.hold();
    let wait = scene.wait(Request::new());
    let secret = scene.secret();
    // Of a session that had the same number in a file that was there before.
    let mut other = secret;
    other[0] ^= 1;
    scene.send(&admission(other, wait.id));
    // For a request that never was.
    scene.send(&admission(secret, RequestId::unique()));
    // No message at all, and a part of one.
    scene.send(b"Attack at dawn!");
    scene.send(&admission(secret, wait.id)[..57]);
    assert!(wait.still_waits());
    assert_eq!(scene.waiting(), 1);
    drop(held);
    assert_eq!(wait.permit().token(), 2);
}

#[test]
fn a_message_that_comes_again_or_late_admits_no_other_request() {
    let scene = Scene::new();
    let held = scene.hold();
    let first = scene.wait(Request::new());
    let message = admission(scene.secret(), first.id);
    drop(held);
    let permit = first.permit();
    scene.send(&message);
    assert!(!permit.is_lost());
    block_on(permit.release()).unwrap();
    scene.send(&message);

    let held = scene.hold();
    let cancelled = scene.wait(Request::new());
    let late = admission(scene.secret(), cancelled.id);
    block_on(scene.holder.cancel(cancelled.id)).unwrap();
    let error = cancelled.ends.join().unwrap().unwrap_err();
    assert!(matches!(error, AcquireError::Cancelled { .. }), "{error}");
    let second = scene.wait(Request::new());
    scene.send(&message);
    scene.send(&late);
    assert!(second.still_waits());
    drop(held);
    assert_eq!(second.permit().token(), 4);
}

#[test]
fn a_message_that_is_lost_is_found_in_the_file() {
    let scene = Scene::new();
    let held = scene.hold();
    let wait = scene.wait(Request::new().ttl(Ttl::from_secs(60).unwrap()));
    std::fs::remove_file(scene.store.sessions().join("2")).unwrap();
    drop(held);
    let permit = wait.permit();
    assert!(!permit.is_lost());
    assert_eq!(permit.token(), 2);
    block_on(permit.release()).unwrap();
}

#[test]
fn an_admission_that_ends_before_it_is_seen_is_not_waited_for() {
    let scene = Scene::new();
    let held = scene.hold();
    let wait = scene.wait(Request::new());
    std::fs::remove_file(scene.store.sessions().join("2")).unwrap();
    drop(held);
    // By force, maybe before the waiter has looked.
    while block_on(scene.holder.force_release(&scene.x)).unwrap() == 0 {}
    let permit = wait.permit();
    block_on(permit.lost());
}

#[test]
fn a_process_whose_pipe_was_full_looks_what_it_has_missed() {
    let (store, x) = (Store::new(), name("x"));
    let semaphores = store.open();
    let held = semaphores.semaphore(&x).acquire().blocking().unwrap();
    let mut other = store.start("takes and gives back");
    until_waiting(&semaphores, &x, 1);
    other.signal("-STOP");
    let mut pipe = open_pipe(&store.sessions().join("2"));
    let error = loop {
        if let Err(error) = pipe.write_all(&[b'.'; 512]) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    drop(held);
    // It is admitted, and does not know it.
    until_waiting(&semaphores, &x, 0);
    let behind = semaphores.semaphore(&x).acquire();
    other.signal("-CONT");
    drop(behind.blocking().unwrap());
    other.ends_well();
}

#[test]
fn a_session_of_a_program_of_before_gets_notices() {
    let scene = Scene::new();
    let held = scene.hold();
    let wait = scene.wait(Request::new());
    let changed = scene
        .raw
        .execute("UPDATE session SET secret = NULL WHERE id = 2", []);
    assert_eq!(changed.unwrap(), 1);
    drop(held);
    assert_eq!(wait.permit().token(), 2);
    let notices = scene
        .raw
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'notice'",
            [],
            |row| row.get::<_, i64>(0),
        )
        .unwrap();
    assert_eq!(notices, 1);
}

#[test]
fn a_crowd_of_one_session_is_admitted_at_once() {
    const CROWD: usize = 40;
    let scene = Scene::new();
    let held = scene.hold();
    let waits: Vec<_> = (0..CROWD)
        .map(|_| {
            let (waiter, x) = (scene.waiter.clone(), scene.x.clone());
            std::thread::spawn(move || waiter.semaphore(&x).acquire().blocking())
        })
        .collect();
    until_waiting(&scene.holder, &scene.x, CROWD);
    let since = Instant::now();
    block_on(scene.holder.set_slots(&scene.x, Slots::Limited(100))).unwrap();
    let permits: Vec<Permit> = waits
        .into_iter()
        .map(|wait| wait.join().unwrap().unwrap())
        .collect();
    // Woken, and not found by the look that makes good what was lost.
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
    drop((permits, held));
}
