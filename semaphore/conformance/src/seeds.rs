//! What the two seed documents say about the semaphore itself, statement by statement, in their order. The
//! headings are theirs. (What they say about the JavaScript, HTTP and command-line surfaces is tested where
//! those are.)

use std::time::Duration;

use super::Subject;
use super::stage::{Fixture, Waiter, by, done, ms, refused, ttl};
use cla_semaphore::EventKind;
use cla_semaphore::Request;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{AcquireError, RefreshError, ReleaseError};

// ---- Clarive: "Semaphores"

/// *Semaphores*: "If a part of a rule or rulebook has been tagged with the semaphore, the semaphore entry will
/// be created in the system." *Creating a semaphore with the REPL*: "Initially, when no semaphores have been
/// yet created by any rule, the interface will contain no data."
pub(super) fn there_is_no_semaphore_until_the_first_request_names_it(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    assert!(a.list().is_empty() && b.list().is_empty());
    let mysem = a.on("mysem");
    let handle = a.semaphores.semaphore(&mysem.name);
    assert!(b.list().is_empty(), "a handle is no request");
    drop(done(a.wait_for("acquire", handle.acquire())));
    let names: Vec<_> = b.list().into_iter().map(|view| view.name).collect();
    assert_eq!(names, [mysem.name]);
}

/// *Semaphores*: "Every time the rule code execution enters the semaphored region, it will request exclusivity
/// before executing the op."
pub(super) fn every_entry_into_the_region_is_a_request_of_its_own(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let permit = a.take();
        assert!(b.try_take().is_none(), "it is exclusive");
        ids.push(permit.id());
        a.release(permit);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

/// *Managing slots*: "Default is `1`, which means only one process can use the semaphore at once"; busy:
/// "Default is `0` which means no process is using any slots"; waiting: "number of enqueued processes waiting
/// for available slots".
pub(super) fn slots_busy_and_waiting_count_what_they_say(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.release(a.take());
    assert_eq!(b.counts(), (Slots::ONE, 0, 0));
    let _busy = a.take();
    let _waiting = [a.wait(), b.wait()];
    assert_eq!(a.counts(), (Slots::ONE, 1, 2));
    assert_eq!(b.counts(), (Slots::ONE, 1, 2));
}

/// *Increasing available slots*: "the number of concurrent executions allowed can be increased by using the
/// up/down arrows"; "Lowering the number of available slots once they are already taken won't have any effect
/// on ongoing processes, only on new incoming semaphore requests."
pub(super) fn the_arrows_change_the_number_of_slots(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take();
    b.slots(b.counts().0.raise());
    let second = a.take();
    b.slots(b.counts().0.lower());
    assert_eq!(a.counts(), (Slots::ONE, 2, 0));
    let mut incoming = b.wait();
    a.release(first);
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    assert!(incoming.still_waits());
    a.release(second);
    drop(incoming.permit());
}

/// *Global semaphore lock*: "Setting the number of slots to `0` will force enqueuing of all processes that use
/// that semaphore."
pub(super) fn zero_slots_enqueue_everybody(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let busy = a.take();
    b.slots(0);
    let mut waiters = [
        a.wait(),
        b.wait_as(Request::new().priority(99)),
        a.wait_as(Request::new().slots(5)),
    ];
    a.release(busy);
    assert_eq!(b.counts(), (Slots::LOCKED, 0, 3));
    assert!(waiters.iter_mut().all(Waiter::still_waits));
}

/// *Infinite slots*: "If the number of slots is lowered (down arrow) beyond `0`, _infinite_ slots will be
/// available"; "That translates into disabling semaphore control entirely."
pub(super) fn one_below_zero_is_infinite(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    b.slots(0);
    let waiters = [a.wait(), b.wait(), a.wait()];
    b.slots(b.counts().0.lower());
    let _permits = waiters.map(Waiter::permit);
    let _more: Vec<_> = (0..10).map(|_| a.take()).collect();
    assert_eq!(b.counts(), (Slots::Unlimited, 13, 0));
    b.slots(b.counts().0.raise());
    assert_eq!(a.counts(), (Slots::LOCKED, 13, 0));
}

/// *Live semaphore management*: "Once a process is either queued to take a semaphore, or is busy within a
/// semaphore section, the process will be visible as a row"; the statuses *waiting*, *busy* and *cancelled*;
/// others "will last a fraction of a second until it disappears from the list".
pub(super) fn every_process_at_the_semaphore_is_a_row_with_its_status(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let busy = a.take_as(by("busy.js"));
    let waiting = a.wait_as(by("waiting.js"));
    let rows = |view: cla_semaphore::SemaphoreView| -> Vec<(Option<String>, Status)> {
        let rows = view.requests.into_iter();
        rows.map(|row| (row.who, row.status)).collect()
    };
    let named = |who: &str, status| (Some(who.to_owned()), status);
    let both = [
        named("busy.js", Status::Busy),
        named("waiting.js", Status::Waiting),
    ];
    assert_eq!(rows(a.view()), both);
    assert_eq!(rows(b.view()), both);
    done(b.cancel(waiting.id));
    drop(waiting.error());
    a.release(busy);
    let ended = [
        named("waiting.js", Status::Cancelled),
        named("busy.js", Status::Done),
    ];
    assert_eq!(rows(b.view()), ended);
    b.until("what ended disappears from the list", |view| {
        view.requests.is_empty()
    });
}

/// *Grant*: the example with A, B and C, to the letter: B "will start immediately _and will not consume any
/// slots_. Once process A finishes, process C will start _even though process B is already running_."
pub(super) fn b_is_granted_and_c_starts_when_a_finishes_even_though_b_is_still_running(
    subject: &dyn Subject,
) {
    let stage = &Fixture::new(subject);
    let (client, admin) = (&stage.a, &stage.b);
    let a = client.take_as(by("A"));
    let (b, mut c) = (client.wait_as(by("B")), client.wait_as(by("C")));
    done(admin.grant(b.id));
    let b = b.permit();
    assert_eq!(
        admin.counts(),
        (Slots::ONE, 1, 1),
        "B does not consume any slots"
    );
    assert!(c.still_waits());
    client.release(a);
    let c = c.permit();
    assert!(!b.is_lost(), "B is still running");
    assert_eq!(admin.row(b.id()).status, Status::Busy);
    assert_eq!(admin.row(c.id()).status, Status::Busy);
    assert_eq!(admin.counts(), (Slots::ONE, 1, 0));
}

/// *Grant*: "This action ignores the slot restriction, skipping over it entirely."
pub(super) fn grants_skip_over_any_number_of_slots_and_places(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _busy = a.take();
    let waiters = [a.wait(), b.wait(), a.wait(), b.wait()];
    let [first, second, third, last] = waiters;
    let mut tokens = Vec::new();
    for granted in [last, third, second] {
        done(b.grant(granted.id));
        tokens.push(granted.permit());
    }
    assert!(tokens.is_sorted_by_key(cla_semaphore::Permit::token));
    assert_eq!(a.line(), [first.id]);
    assert_eq!(a.counts(), (Slots::ONE, 1, 1));
}

/// *Cancel*: "The Cancel action will tell the waiting process to fail"; "failing gracefully with a `Semaphore
/// cancel` error". "In the above case, for instance, administrators should: 1. reduce the semaphore slot count
/// to `0` 2. cancel any pending processes in the queue."
pub(super) fn slots_to_zero_and_cancelling_the_queue_stops_all_use(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let busy = a.take();
    let waiters = [a.wait(), b.wait(), a.wait()];
    b.slots(0);
    for id in b.line() {
        done(b.cancel(id));
    }
    for waiter in waiters {
        let error = waiter.error();
        assert!(matches!(error, AcquireError::Cancelled { .. }));
        assert!(error.to_string().starts_with("Semaphore cancel"), "{error}");
    }
    assert!(!busy.is_lost(), "only what waits is cancelled");
    a.release(busy);
    assert_eq!(b.counts(), (Slots::LOCKED, 0, 0));
    assert!(a.try_take().is_none());
}

// ---- daiso-core: "Semaphore usage"

/// *Acquiring and releasing the semaphore*: with a limit of 2, "1 slot will be acquired", "2 slots will be
/// acquired", and the third "will log false because the limit is reached".
pub(super) fn the_third_of_two_slots_is_refused_without_waiting(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let two = || Request::new().slots(2);
    let first = a.try_take_as(two()).expect("Acquired");
    let _second = b.try_take_as(two()).expect("Acquired");
    assert!(a.try_take_as(two()).is_none(), "Unable to acquire");
    assert!(b.try_take_as(two()).is_none(), "Unable to acquire");
    a.release(first);
    assert!(b.try_take_as(two()).is_some());
}

/// *Semaphore with custom TTL*: "You can provide a custom TTL for the semaphore."
pub(super) fn a_semaphore_taken_with_a_ttl_is_free_again_after_it(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take_as(Request::new().slots(1).ttl(ttl(ms(150))));
    let _next = b.take_when_free();
    a.lost(&permit);
}

/// *Semaphore with custom TTL*: "If you set it to null it means semaphore will not expire and most be released
/// manually."
pub(super) fn a_permit_without_a_ttl_stays_while_others_expire(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let kept = a.take_as(Request::new().slots(2));
    let expiring = a.take_as(Request::new().ttl(ttl(ms(150))));
    b.row_becomes(expiring.id(), Status::Expired);
    assert!(!kept.is_lost());
    assert_eq!(b.row(kept.id()).expires_at, None);
    assert_eq!(b.counts(), (Slots::Limited(2), 1, 0));
    a.release(kept);
}

/// *Checking semaphore state*: EXPIRED ("doesnt exists"), UNACQUIRED ("There are avilable slots but the
/// semaphore is not acquired"), ACQUIRED and LIMIT_REACHED can all be seen in the view.
pub(super) fn the_view_tells_the_four_states_apart(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    assert!(b.shown().is_none(), "expired");
    a.release(a.take_as(Request::new().slots(2)));
    assert_eq!(b.counts(), (Slots::Limited(2), 0, 0), "unacquired");
    let _one = a.take();
    assert_eq!(b.counts(), (Slots::Limited(2), 1, 0), "acquired");
    let _two = a.take();
    let (slots, busy, _) = b.counts();
    assert!(!slots.admits(busy), "limit reached");
}

/// *Acquire blocking*: "You can acquire a semaphore at regular intervals until either successful or a specified
/// timeout is reached."
pub(super) fn a_wait_with_a_timeout_ends_in_a_permit_or_at_the_timeout(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let patient = Request::new().timeout(Duration::from_secs(600));
    let lucky = b.wait_as(patient);
    a.release(holder);
    let _permit = lucky.permit();
    let unlucky = refused(a.acquire(Request::new().timeout(ms(200))));
    assert!(
        matches!(unlucky, AcquireError::TimedOut { .. }),
        "{unlucky}"
    );
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
}

/// *Refreshing semaphores*: "The semaphore can be refreshed by the current owner before it expires. This is
/// particularly useful for long-running tasks."
pub(super) fn a_long_task_keeps_its_permit_by_refreshing_it(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    // Each deadline is far beyond the moment at which it is moved, so no slow machine can miss one.
    let short = ttl(Duration::from_secs(20));
    let permit = a.take_as(Request::new().slots(2).ttl(short));
    let deadline_now = || b.row(permit.id()).expires_at.expect("it has a deadline");
    let mut deadline = deadline_now();
    for _ in 0..5 {
        // The work of this round.
        let other = b.take_as(Request::new().ttl(ttl(ms(20))));
        b.lost(&other);
        done(a.wait_for("refresh", permit.refresh(short)));
        let moved = deadline_now();
        // Each round takes 20 ms at least. Microseconds could be those of a clock that is being set.
        assert!(moved > deadline + 0.01, "{moved:?} is after {deadline:?}");
        deadline = moved;
    }
    a.release(permit);
}

/// *Refreshing semaphores*, warning: "A semaphore must have an expiration (a `ttl` value) to be refreshed. You
/// cannot refresh a semaphore that was created without an expiration."
pub(super) fn refreshing_what_never_expires_fails(subject: &dyn Subject) {
    let Fixture { a, .. } = &Fixture::new(subject);
    let permit = a.take_as(Request::new().slots(2));
    let error = refused(a.wait_for("refresh", permit.refresh(ttl(ms(60_000)))));
    assert!(matches!(error, RefreshError::NoTtl { .. }), "{error}");
}

/// *Additional methods*: `releaseOrFail` "throws an error when not enable to release the semaphore".
pub(super) fn releasing_what_is_no_longer_held_is_an_error_that_says_so(subject: &dyn Subject) {
    let Fixture { a, .. } = &Fixture::new(subject);
    let permit = a.take_as(Request::new().ttl(ttl(ms(50))));
    a.lost(&permit);
    let error = refused(a.wait_for("release", permit.release()));
    assert!(matches!(error, ReleaseError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("\"x\""), "{error}");
}

/// *Additional methods*: "You can force release all the semaphore slots".
pub(super) fn all_slots_can_be_force_released(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holders = [a.take_as(Request::new().slots(2)), b.take()];
    assert_eq!(done(b.force_release()), 2);
    assert_eq!(a.counts(), (Slots::Limited(2), 0, 0));
    for holder in &holders {
        a.lost(holder);
    }
}

/// *Additional methods*: `refreshOrFail` "throws an error when not enable to refresh the semaphore".
pub(super) fn refreshing_what_was_force_released_is_an_error(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let hour = ttl(Duration::from_secs(3_600));
    let permit = a.take_as(Request::new().ttl(hour));
    done(b.force_release());
    let error = refused(a.wait_for("refresh", permit.refresh(hour)));
    assert!(matches!(error, RefreshError::Lost { .. }), "{error}");
    assert!(error.to_string().contains("\"x\""), "{error}");
}

/// *Additional methods*, `runOrFail`: "ensuring the semaphore is always freed, even if an error occurs during
/// execution".
pub(super) fn a_failing_function_leaves_the_semaphore_free(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = || -> Result<(), &str> {
        let _permit = a.take();
        Err("the work failed")
    };
    assert!(run().is_err());
    b.becomes(1, 0, 0);
}

/// *Semaphore instance variables*: the key, the id and the TTL of what was acquired can be read.
pub(super) fn a_permit_knows_its_name_and_its_id(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let resource = a.on("resource");
    let permit = resource.take_as(Request::new().slots(2).ttl(ttl(Duration::from_secs(60))));
    assert_eq!(permit.name().as_str(), "resource");
    let row = b.on("resource").row(permit.id());
    let lives = row.expires_at.unwrap_or(0.0) - row.started_at.unwrap_or(0.0);
    assert!((59.9..60.1).contains(&lives), "{row:?}");
}

/// *Namespacing*: the same key in two providers is two semaphores. Here: in two stores.
pub(super) fn two_stores_with_the_same_name_do_not_meet(subject: &dyn Subject) {
    let (one, other) = (Fixture::new(subject), Fixture::new(subject));
    let _held = one.a.take();
    let both = other.a.take();
    other.a.release(both);
    assert_eq!(one.b.counts(), (Slots::ONE, 1, 0));
    assert_eq!(other.b.counts(), (Slots::ONE, 0, 0));
}

/// *Retrying acquiring semaphore*: a try that failed leaves nothing in the way of the next.
pub(super) fn a_retry_finds_the_slot_that_became_free(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take_as(Request::new().slots(1));
    for _ in 0..4 {
        assert!(b.try_take().is_none());
    }
    a.release(holder);
    assert!(b.try_take().is_some());
}

/// *Serialization and deserialization of semaphore*: "acquire the semaphore on the main server, transfer it to
/// a queue worker server, and release it there": a permit is not bound to the thread that got it.
pub(super) fn a_permit_is_released_by_another_thread(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take();
    let there = a.clone();
    let worker = std::thread::spawn(move || there.release(permit));
    assert!(worker.join().is_ok());
    assert_eq!(b.counts(), (Slots::ONE, 0, 0));
}

/// *Semaphore events*: "You can listen to different semaphore events that are triggered by the `Semaphore`
/// instance": ACQUIRED and RELEASED come to listeners that only listen.
pub(super) fn a_listener_hears_acquired_and_released(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let mut listener = super::events::Listener::new(&stage.b, stage);
    stage.a.release(stage.a.take());
    let kinds = listener.kinds(3);
    assert_eq!(
        kinds,
        [EventKind::Created, EventKind::Acquired, EventKind::Released]
    );
}
