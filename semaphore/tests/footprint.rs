//! Memory: what was used and given back leaves no trace, and a free take allocates nothing.
//!
//! One test, as the counter is the process's own. What a free take does is counted in its thread alone: the test
//! harness allocates in another one, when it likes.
#![allow(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cla_semaphore::{Owner, Request, RunId, Semaphore, Semaphores, Ttl};
use common::{Waiter, name, now};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How often this thread has allocated, and how many bytes of it are not freed.
    static HERE: Cell<(usize, isize)> = const { Cell::new((0, 0)) };
}

fn note(calls: usize, bytes: isize) {
    // A thread that ends has no counter any more.
    let _ = HERE.try_with(|here| {
        let (called, live) = here.get();
        here.set((called + calls, live.wrapping_add(bytes)));
    });
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[allow(
    unsafe_code,
    reason = "there is no other way to count what is allocated"
)]
// SAFETY: passes everything on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        note(1, layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        note(0, -(layout.size() as isize));
        unsafe { System.dealloc(at, layout) }
    }
}

fn take(semaphore: &Semaphore, request: &Request) {
    drop(now(semaphore.acquire().with(request.clone())).unwrap());
}

/// Bytes more than before `work`, which runs once before to warm up.
fn grows_by(mut work: impl FnMut()) -> usize {
    work();
    let before = LIVE.load(Ordering::Relaxed);
    work();
    LIVE.load(Ordering::Relaxed).saturating_sub(before)
}

#[test]
fn memory_is_where_it_was_after_a_million_free_takes_and_a_hundred_thousand_contended_ones() {
    let x = Semaphores::memory().semaphore(&name("x"));
    let bare = Request::new();
    let owned = Request::new().owner(Owner::process("a.js").with_run(RunId::unique()));
    // Falling deadlines are the worst case for a timer that keeps what is stale.
    let lasting = |nth: u64| {
        let ttl = Ttl::new(Duration::from_secs(3_600) - Duration::from_nanos(nth)).unwrap();
        Request::new().ttl(ttl).timeout(Duration::from_secs(60))
    };

    for _ in 0..100 {
        take(&x, &owned);
    }
    let calls = HERE.get().0;
    for _ in 0..1_000 {
        take(&x, &bare);
        take(&x, &owned);
    }
    assert_eq!(HERE.get().0, calls, "a free take allocates nothing");

    let live = HERE.get().1;
    for nth in 0..1_000_000 {
        take(&x, if nth % 2 == 0 { &bare } else { &owned });
    }
    assert_eq!(HERE.get().1, live);

    let lasting = grows_by(|| {
        for nth in 0..500_000 {
            take(&x, &lasting(nth));
        }
    });
    assert!(lasting < 1_024, "{lasting} bytes");

    let contended = grows_by(|| {
        let holder = now(x.acquire()).unwrap();
        let waiters: Vec<_> = (0..100_000)
            .map(|nth| {
                let request = match nth % 3 {
                    0 => bare.clone(),
                    1 => Request::new().timeout(Duration::from_secs(3_600 - nth % 7)),
                    _ => Request::new().owner(Owner::new("b.js").with_run(RunId::unique())),
                };
                Waiter::new(x.acquire().with(request))
            })
            .collect();
        drop(holder);
        for waiter in waiters {
            drop(waiter.permit());
        }
    });
    assert!(contended < 1_024, "{contended} bytes");
}
