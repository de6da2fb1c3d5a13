//! What the two seed documents say about the semaphore itself, sentence by sentence. The headings are
//! theirs; what they say about the JavaScript, HTTP and CLI surfaces is tested where those are.

mod common;

use cla_semaphore::{AcquireError, RefreshError, ReleaseError, Request, Slots, SlotsError, Status};
use common::{Stage, Waiter, name, now, seconds, ttl};

// ---- Clarive: "Semaphores"

/// *Creating a semaphore*: "Initially, when no semaphores have been yet created by any rule, the interface will
/// contain no data."; "If a part of a rule ... has been tagged with the semaphore, the semaphore entry
/// will be created in the system."
#[test]
fn there_is_no_semaphore_until_the_first_request_names_it() {
    let stage = Stage::new();
    assert!(now(stage.semaphores.list()).unwrap().is_empty());
    let mysem = stage.semaphores.semaphore(&name("mysem"));
    assert!(
        now(stage.semaphores.list()).unwrap().is_empty(),
        "a handle is no request"
    );
    drop(now(mysem.acquire(Request::new())).unwrap());
    let list = now(stage.semaphores.list()).unwrap();
    assert_eq!(
        list.iter()
            .map(|view| view.name.as_str())
            .collect::<Vec<_>>(),
        ["mysem"]
    );
}

/// *Managing slots*: "Default is `1`, which means only one process can use the semaphore at once", busy:
/// "Default is `0`", waiting: "number of enqueued processes waiting for available slots".
#[test]
fn slots_busy_and_waiting_count_what_they_say() {
    let stage = Stage::new();
    drop(stage.take());
    assert_eq!(stage.counts(), (Slots::ONE, 0, 0));
    let _busy = stage.take();
    let _waiting = [stage.wait(), stage.wait()];
    assert_eq!(stage.counts(), (Slots::ONE, 1, 2));
}

/// *Increasing available slots*: "Lowering the number of available slots once they are already taken won't
/// have any effect on ongoing processes, only on new incoming semaphore requests."
#[test]
fn the_arrows_change_the_number_of_slots() {
    let stage = Stage::new();
    let first = stage.take();
    stage.slots(stage.counts().0.raise());
    let second = stage.take();
    stage.slots(stage.counts().0.lower());
    assert_eq!(stage.counts(), (Slots::ONE, 2, 0));
    let mut incoming = stage.wait();
    drop(first);
    assert!(incoming.still_waits());
    drop(second);
    drop(incoming.permit());
}

/// *Global semaphore lock*: "Setting the number of slots to `0` will force enqueuing of all processes that use
/// that semaphore."
#[test]
fn zero_slots_enqueue_everybody() {
    let stage = Stage::new();
    let busy = stage.take();
    stage.slots(0);
    let mut waiters = [stage.wait(), stage.wait_as(Request::new().priority(99))];
    drop(busy);
    assert!(waiters.iter_mut().all(Waiter::still_waits));
    assert_eq!(stage.counts(), (Slots::LOCKED, 0, 2));
}

/// *Infinite slots*: "If the number of slots is lowered (down arrow) beyond `0`, _infinite_ slots will be available
/// and an infinity sign will be shown."
#[test]
fn one_below_zero_is_infinite() {
    let stage = Stage::new();
    stage.slots(0);
    let waiters = [stage.wait(), stage.wait(), stage.wait()];
    stage.slots(stage.counts().0.lower());
    assert_eq!(stage.counts().0, Slots::Unlimited);
    let _permits = waiters.map(Waiter::permit);
    assert_eq!("∞".parse(), Ok(Slots::Unlimited));
    assert_eq!("-1".parse(), Ok(Slots::Unlimited));
    assert!("-2".parse::<Slots>().is_err() && "1.5".parse::<Slots>().is_err());
    let refused: SlotsError = "many".parse::<Slots>().unwrap_err();
    assert!(refused.to_string().contains("unlimited"), "{refused}");
}

/// *Live semaphore management*: "Once a process is either queued to take a semaphore, or is busy within a
/// semaphore section, the process will be visible as a row"; statuses waiting, busy, cancelled; others
/// "will last a fraction of a second until it disappears from the list".
#[test]
fn every_process_at_the_semaphore_is_a_row_with_its_status() {
    let stage = Stage::new();
    let busy = stage.take();
    let waiting = stage.wait();
    let statuses = |stage: &Stage| -> Vec<Status> {
        stage.view().requests.iter().map(|row| row.status).collect()
    };
    assert_eq!(statuses(&stage), [Status::Busy, Status::Waiting]);
    now(stage.semaphores.cancel(stage.last_in_line())).unwrap();
    drop((busy, waiting.error()));
    assert_eq!(statuses(&stage), [Status::Cancelled, Status::Done]);
    stage.clock.advance(seconds(5));
    assert!(statuses(&stage).is_empty());
}

/// *Grant*: the example with A, B and C, to the letter.
#[test]
fn b_is_granted_and_c_starts_when_a_finishes_even_though_b_is_still_running() {
    let stage = Stage::new();
    let a = stage.take();
    let (b, mut c) = (stage.wait(), stage.wait());
    now(stage.semaphores.grant(stage.line()[0])).unwrap();
    let b = b.permit();
    assert_eq!(stage.counts().1, 1, "B does not consume any slots");
    assert!(c.still_waits());
    drop(a);
    let _c = c.permit();
    assert!(!b.is_lost(), "B is still running");
}

/// *Cancel*: "The Cancel action will tell the waiting process to fail ... failing gracefully with a `Semaphore
/// cancel` error"; and the emergency procedure: slots to 0, then cancel everybody in the queue.
#[test]
fn slots_to_zero_and_cancelling_the_queue_stops_all_use() {
    let stage = Stage::new();
    let busy = stage.take();
    let waiters = [stage.wait(), stage.wait(), stage.wait()];
    stage.slots(0);
    for id in stage.line() {
        now(stage.semaphores.cancel(id)).unwrap();
    }
    for waiter in waiters {
        assert!(waiter.error().to_string().starts_with("Semaphore cancel"));
    }
    drop(busy);
    assert_eq!(stage.counts(), (Slots::LOCKED, 0, 0));
}

// ---- daiso-core: "Semaphore usage"

/// *Acquiring and releasing the semaphore*: with a limit of 2, two acquires succeed; the third "will log false
/// because the limit is reached".
#[test]
fn the_third_of_two_slots_is_refused_without_waiting() {
    let stage = Stage::new();
    let two = || Request::new().slots(2);
    let first = now(stage.x.try_acquire(two())).unwrap().expect("Acquired");
    let _second = now(stage.x.try_acquire(two())).unwrap().expect("Acquired");
    assert!(
        now(stage.x.try_acquire(two())).unwrap().is_none(),
        "Unable to acquire"
    );
    now(first.release()).unwrap();
    assert!(now(stage.x.try_acquire(two())).unwrap().is_some());
}

/// *Semaphore with custom TTL*.
#[test]
fn a_semaphore_taken_with_a_ttl_is_free_again_after_it() {
    let stage = Stage::new();
    let permit = stage.take_as(Request::new().slots(1).ttl(ttl(30)));
    stage.clock.advance(seconds(29));
    assert!(stage.x.try_acquire_now(Request::new()).is_err());
    stage.clock.advance(seconds(1));
    let _next = stage.x.try_acquire_now(Request::new()).unwrap();
    assert!(permit.is_lost());
}

/// *Checking semaphore state*: EXPIRED (there is none), UNACQUIRED, ACQUIRED, LIMIT_REACHED can all be told from
/// the view.
#[test]
fn the_view_tells_the_four_states_apart() {
    let stage = Stage::new();
    assert!(
        now(stage.semaphores.show(stage.x.name()))
            .unwrap()
            .is_none(),
        "expired"
    );
    drop(stage.take_as(Request::new().slots(2)));
    assert_eq!(stage.counts(), (Slots::Limited(2), 0, 0), "unacquired");
    let _one = stage.take();
    assert_eq!(stage.counts(), (Slots::Limited(2), 1, 0), "acquired");
    let _two = stage.take();
    let (slots, busy, _) = stage.counts();
    assert!(!slots.admits(busy), "limit reached");
}

/// *Acquire blocking*: "until either successful or a specified timeout is reached".
#[test]
fn a_wait_with_a_timeout_ends_in_a_permit_or_at_the_timeout() {
    let stage = Stage::new();
    let minute = || Request::new().timeout(seconds(60));
    let holder = stage.take();
    let (lucky, unlucky) = (stage.wait_as(minute()), stage.wait_as(minute()));
    stage.clock.advance(seconds(59));
    drop(holder);
    let _permit = lucky.permit();
    stage.clock.advance(seconds(1));
    assert!(matches!(unlucky.error(), AcquireError::TimedOut { .. }));
}

/// *Refreshing semaphores*: a long task with a short TTL refreshes it before it runs out, again and again.
#[test]
fn a_long_task_keeps_its_permit_by_refreshing_it() {
    let stage = Stage::new();
    let permit = stage.take_as(Request::new().ttl(ttl(60)));
    for _ in 0..10 {
        stage.clock.advance(seconds(59));
        now(permit.refresh(ttl(60))).expect("it is still held");
    }
    now(permit.release()).expect("it is still held");
}

/// *Refreshing semaphores*, warning: "You cannot refresh a semaphore that was created without an expiration".
#[test]
fn refreshing_what_never_expires_fails() {
    let stage = Stage::new();
    let refused = now(stage.take().refresh(ttl(60)));
    assert!(matches!(refused, Err(RefreshError::NoTtl { .. })));
}

/// *Additional methods*: `releaseOrFail` "throws an error when not enable to release the semaphore".
#[test]
fn releasing_what_is_no_longer_held_is_an_error_that_says_so() {
    let stage = Stage::new();
    let permit = stage.take_as(Request::new().ttl(ttl(1)));
    stage.clock.advance(seconds(1));
    let error = now(permit.release()).unwrap_err();
    assert!(matches!(error, ReleaseError::Lost { .. }));
    assert!(error.to_string().contains("\"x\""), "{error}");
}

/// *Additional methods*: "You can force release all the semaphore slots".
#[test]
fn all_slots_can_be_force_released() {
    let stage = Stage::new();
    let _holders = [stage.take_as(Request::new().slots(2)), stage.take()];
    assert_eq!(
        now(stage.semaphores.force_release(stage.x.name())).unwrap(),
        2
    );
    assert_eq!(stage.counts(), (Slots::Limited(2), 0, 0));
}

/// *Additional methods*, `runOrFail`: the semaphore is "always freed, even if an error occurs during execution".
#[test]
fn a_failing_function_leaves_the_semaphore_free() {
    let stage = Stage::new();
    let run = |stage: &Stage| -> Result<(), String> {
        let _permit = stage.take();
        Err("the work failed".into())
    };
    assert!(run(&stage).is_err());
    assert_eq!(stage.counts().1, 0);
}

/// *Namespacing*: the same key in two providers is two semaphores.
#[test]
fn two_stores_with_the_same_name_do_not_meet() {
    let (a, b) = (Stage::new(), Stage::new());
    let _held = a.take();
    let both = b.take();
    now(both.release()).unwrap();
    assert_eq!((a.counts().1, b.counts().1), (1, 0));
}
