//! One of the processes that take slots.
//!
//! What it does is in its file, a line for each step, each written at once: a process that is killed leaves whole lines.
//! Times are of the system's monotonic clock, which all processes of a machine share.

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use cla_semaphore::{AcquireError, Owner, SemaphoreName, Semaphores};
use nix::time::{ClockId, clock_gettime};

/// The first argument of a worker.
pub(crate) const WORKER: &str = "a-worker-of-the-chaos";

/// The semaphores there are, and their slots.
pub(crate) const SEMAPHORES: [(&str, u32); 2] = [("one", 1), ("three", 3)];

/// The file whose presence ends the work.
pub(crate) const ENOUGH: &str = "enough";

/// Set where the disk is full: the process ends while there is still room for its history.
pub(crate) const SMALL: &str = "CLA_CHAOS_SMALL";

/// How much it writes then, in bytes.
const SMALL_HISTORY: usize = 16_000;

/// How often a holder looks whether it still holds.
const LOOK: Duration = Duration::from_millis(1);

/// Nanoseconds of the monotonic clock.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// `STORE FOLDER NUMBER SEED`: works until it is told that it is enough.
pub(crate) fn work(arguments: &[String]) {
    let [store, folder, number, seed] = arguments else {
        panic!("a worker needs its store, folder, number and seed");
    };
    let folder = Path::new(folder);
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(folder.join(format!("{number}.history")))
        .unwrap();
    let is_small = std::env::var_os(SMALL).is_some();
    let written = Cell::new(0);
    let mut note = |line: String| {
        written.set(written.get() + line.len() + 1);
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    };
    let mut random = fastrand::Rng::with_seed(seed.parse().unwrap());
    let Ok(semaphores) = Semaphores::connect(store) else {
        // A server that is down, a file that cannot be opened now.
        return;
    };
    let is_enough = || {
        let has_no_room = is_small && written.get() > SMALL_HISTORY;
        has_no_room || folder.join(ENOUGH).exists()
    };
    while !is_enough() {
        let (name, slots) = random.choice(SEMAPHORES).unwrap();
        let semaphore = semaphores.semaphore(&SemaphoreName::new(name).unwrap());
        let owner = Owner::process(format!("worker {number}"));
        let mut request = semaphore.acquire().slots(slots).owner(owner);
        if random.u8(..4) == 0 {
            request = request.timeout(Duration::from_millis(random.u64(..200)));
        }
        note(format!("ask {} {name}", now()));
        match request.blocking() {
            Ok(permit) => {
                note(format!("enter {} {name} {}", now(), permit.token()));
                let mut lost = false;
                // Some stay for long, so that faults meet them.
                let looks = match random.u8(..16) {
                    0 => random.u64(100..400),
                    _ => random.u64(..8),
                };
                for _ in 0..looks {
                    std::thread::sleep(LOOK);
                    if permit.is_lost() {
                        lost = true;
                        break;
                    }
                }
                lost |= permit.is_lost();
                let how = if lost { "lost" } else { "leave" };
                note(format!("{how} {} {name} {}", now(), permit.token()));
                drop(permit);
                note(format!("left {} {name}", now()));
            }
            Err(AcquireError::TimedOut { .. }) => note(format!("late {} {name}", now())),
            Err(error) => {
                let error = error.to_string().replace('\n', " ");
                note(format!("error {} {name} {error}", now()));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    note(format!("end {} -", now()));
}
