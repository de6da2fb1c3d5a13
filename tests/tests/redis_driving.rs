//! Callers that drive the connection of their store themselves, while others use the same store.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cla_semaphore::{EventKind, SemaphoreName, Semaphores};
use cla_tests::redis::{Server, eventually};

/// Longer than any of this takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn store(server: &Server) -> Semaphores {
    Semaphores::connect(&server.url()).unwrap()
}

fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).unwrap()
}

fn wait_for<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

/// Takes a free slot and gives it back, again and again.
fn hurry(semaphores: &Semaphores, text: &str, times: usize) {
    let handle = semaphores.get(text).unwrap();
    for _ in 0..times {
        drop(handle.acquire().timeout(PATIENCE).blocking().unwrap());
    }
}

#[test]
fn the_last_permit_of_many_is_given_back_as_well() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    hurry(&here, "x", 500);
    let released = Instant::now();
    drop(
        there
            .get("x")
            .unwrap()
            .acquire()
            .timeout(PATIENCE)
            .blocking()
            .unwrap(),
    );
    // Its lease lasts 15 s. If nothing had given it back, this would take as long.
    assert!(released.elapsed() < Duration::from_secs(5));
}

#[test]
fn many_threads_of_one_store_are_never_in_the_same_slot() {
    let server = Server::start();
    let semaphores = store(&server);
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for own in ["a", "b", "c", "d"] {
            let (semaphores, inside) = (&semaphores, &inside);
            scope.spawn(move || {
                let shared = semaphores.get("shared").unwrap();
                for _ in 0..50 {
                    hurry(semaphores, own, 5);
                    let permit = shared.acquire().timeout(PATIENCE).blocking().unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        }
    });
}

#[test]
fn a_request_in_a_line_gets_its_turn_while_another_thread_drives() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    let held = there.semaphore(&name("x")).acquire().blocking().unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                hurry(&here, "free", 20);
            }
        });
        let waits = scope.spawn(|| {
            here.get("x")
                .unwrap()
                .acquire()
                .timeout(PATIENCE)
                .blocking()
        });
        eventually("a request waits", || {
            let shown = wait_for(there.show(&name("x"))).unwrap();
            shown.is_some_and(|view| view.waiting == 1)
        });
        drop(held);
        let outcome = waits.join().unwrap();
        is_over.store(true, Ordering::SeqCst);
        drop(outcome.unwrap());
    });
}

#[test]
fn a_subscriber_hears_all_that_a_thread_does_that_drives() {
    let server = Server::start();
    let semaphores = store(&server);
    hurry(&semaphores, "x", 50);
    let mut events = semaphores.subscribe();
    let times = 200;
    hurry(&semaphores, "x", times);
    let mut acquired = 0;
    while acquired < times {
        let event = wait_for(events.recv()).unwrap();
        acquired += usize::from(event.kind == EventKind::Acquired);
    }
}

#[test]
fn a_released_permit_is_free_for_others_when_the_release_has_ended() {
    let server = Server::start();
    let (here, there) = (store(&server), store(&server));
    hurry(&here, "x", 50);
    for _ in 0..50 {
        let permit = here.semaphore(&name("x")).acquire().blocking().unwrap();
        wait_for(permit.release()).unwrap();
        let taken = wait_for(there.semaphore(&name("x")).acquire().if_free());
        drop(taken.unwrap().expect("it is free"));
        // The other store does not wait for its own release.
        drop(there.semaphore(&name("x")).acquire().blocking().unwrap());
    }
}
