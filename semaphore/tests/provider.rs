//! Semaphores without permits: every method of a provider's semaphores, on every store.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::any::Any;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use cla_semaphore::provider::{
    Error, Event, EventKind, KeyError, Namespace, Provider, Semaphore, SerializedSemaphore,
    Settings, State,
};
use cla_semaphore::{
    Events, EventsError, ManualClock, Owner, RefreshError, Request, RequestId, RunId,
    SemaphoreView, Semaphores, SlotId, Slots, Status, TakenSlot, Ttl,
};
use common::{name, now, seconds, ttl};
use serde::de::DeserializeSeed;
use serde_json::json;

/// No test needs a tenth of this.
const TIME_LIMIT: Duration = Duration::from_secs(60);

// ---- where

/// Two clients of one empty store.
struct Place {
    one: Semaphores,
    other: Semaphores,
    /// What the store lives in.
    _keep: Box<dyn Any>,
}

impl Place {
    fn memory() -> Self {
        let one = Semaphores::memory();
        let other = one.clone();
        let _keep = Box::new(());
        Self { one, other, _keep }
    }

    #[cfg(feature = "sqlite")]
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("semaphores.db").display());
        Self::connect(&url, folder)
    }

    #[cfg(feature = "redis")]
    fn redis() -> Self {
        let (server, url) = cla_tests::redis::shared();
        Self::connect(&url, server)
    }

    #[cfg(any(feature = "sqlite", feature = "redis"))]
    fn connect(url: &str, keep: impl Any) -> Self {
        let open = || Semaphores::connect(url).unwrap();
        Self {
            one: open(),
            other: open(),
            _keep: Box::new(keep),
        }
    }

    fn provider(&self) -> Provider {
        Provider::new(self.one.clone())
    }

    /// Another semaphore `x` each time.
    fn x(&self, settings: Settings) -> Semaphore {
        self.provider().create("x", settings).unwrap()
    }

    /// That of the other client.
    fn other_x(&self, settings: Settings) -> Semaphore {
        let provider = Provider::new(self.other.clone());
        provider.create("x", settings).unwrap()
    }

    async fn view(&self) -> SemaphoreView {
        self.one.show(&name("x")).await.unwrap().unwrap()
    }

    /// Waits until so many are busy and wait.
    async fn becomes(&self, busy: usize, waiting: usize) -> SemaphoreView {
        let since = Instant::now();
        loop {
            let seen = self.one.show(&name("x")).await.unwrap();
            let counts = |seen: &SemaphoreView| (seen.busy, seen.waiting);
            if let Some(seen) = seen.as_ref().filter(|seen| counts(seen) == (busy, waiting)) {
                return seen.clone();
            }
            assert!(since.elapsed() < TIME_LIMIT, "it never came: {seen:#?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The one that waits.
    async fn waiter(&self) -> RequestId {
        let rows = self.view().await.requests.into_iter();
        let mut rows = rows.filter(|row| row.status == Status::Waiting);
        rows.next().unwrap().id
    }
}

/// Runs a case to its end.
fn run<F: Future<Output = ()>>(case: impl FnOnce(Place) -> F, place: Place) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(case(place));
}

/// The cases, each a test on each store.
macro_rules! on_every_store {
    ($($case:ident)*) => {
        mod memory {
            $(#[test] fn $case() { super::run(super::$case, super::Place::memory()); })*
        }
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(#[test] fn $case() { super::run(super::$case, super::Place::sqlite()); })*
        }
        #[cfg(feature = "redis")]
        mod redis {
            $(#[test] fn $case() { super::run(super::$case, super::Place::redis()); })*
        }
    };
}

on_every_store! {
    a_free_slot_is_acquired_and_released
    nobody_is_let_in_at_the_limit
    acquiring_again_takes_no_second_slot
    a_slot_expires_and_its_holder_is_told
    refreshing_moves_the_deadline
    what_cannot_be_refreshed_says_why
    who_blocks_gets_the_slot_that_frees
    who_blocks_gives_up_in_time
    a_cancelled_wait_is_an_error
    a_granted_wait_has_acquired_outside_the_slots
    pinned_slots_outrank_the_limit
    another_limit_counts_once_the_semaphore_is_idle
    all_slots_are_released_by_force
    running_holds_the_slot_and_gives_it_back
    a_run_that_panics_or_is_dropped_gives_the_slot_back
    a_run_may_manage_its_slot_itself
    a_dropped_acquire_leaves_nothing_behind
    a_dropped_wait_for_a_slot_that_is_held_leaves_it_held
    the_slot_outlives_the_semaphore_and_is_released_elsewhere
    permits_and_providers_meet_in_one_line
    namespaces_keep_keys_apart
    owners_are_seen_and_cannot_deadlock
    events_are_told_in_order
}

// ---- what

fn limit(limit: impl Into<Slots>) -> Settings {
    Settings::new().limit(limit)
}

fn slot(id: &str) -> SlotId {
    SlotId::new(id).unwrap()
}

/// Lets a future begin.
async fn begin<F: Future>(future: &mut Pin<&mut F>) {
    let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx)));
    assert!(polled.await.is_pending(), "it must wait");
}

fn shown(slots: &[TakenSlot]) -> Vec<String> {
    slots.iter().map(ToString::to_string).collect()
}

fn remaining(state: &State) -> Option<Duration> {
    let State::Acquired { remaining, .. } = state else {
        panic!("it must be acquired: {state:?}");
    };
    *remaining
}

fn kinds(events: &mut Events<Event>) -> Vec<&'static str> {
    std::iter::from_fn(|| events.try_recv().unwrap())
        .map(|event| event.kind.as_str())
        .collect()
}

async fn a_free_slot_is_acquired_and_released(place: Place) {
    let x = place.x(Settings::new());
    assert_eq!(x.limit(), Slots::ONE);
    assert_eq!(x.get_state().await.unwrap(), State::Expired);
    assert!(x.acquire().await.unwrap());
    let state = x.get_state().await.unwrap();
    let left = remaining(&state).unwrap();
    assert!(left > seconds(240) && left <= seconds(300), "{left:?}");
    assert!(matches!(
        &state,
        State::Acquired { limit: Slots::ONE, free: Some(0), acquired: 1, acquired_slots, .. }
            if shown(acquired_slots) == [x.id().as_str()]
    ));
    assert!(x.release().await.unwrap());
    assert_eq!(x.get_state().await.unwrap(), State::Expired);
    assert!(!x.release().await.unwrap());
    let error = x.release_or_fail().await.unwrap_err();
    assert!(matches!(error, Error::FailedRelease { .. }));
    assert!(error.to_string().contains(x.id().as_str()), "{error}");

    x.acquire_or_fail().await.unwrap();
    x.release_or_fail().await.unwrap();
    x.acquire_blocking_or_fail(None).await.unwrap();
    x.release_or_fail().await.unwrap();
}

async fn nobody_is_let_in_at_the_limit(place: Place) {
    let first = place.x(limit(2).slot_id(slot("first")).ttl(None));
    let second = place.other_x(limit(2).slot_id(slot("second")));
    let third = place.x(limit(2));
    assert!(first.acquire().await.unwrap());
    assert_eq!(remaining(&first.get_state().await.unwrap()), None);
    let taken = match third.get_state().await.unwrap() {
        State::Unacquired {
            limit: Slots::Limited(2),
            free: Some(1),
            acquired: 1,
            acquired_slots,
        } => acquired_slots,
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(&taken), ["first"]);

    second.acquire_or_fail().await.unwrap();
    assert!(!third.acquire().await.unwrap());
    let error = third.acquire_or_fail().await.unwrap_err();
    assert!(matches!(&error, Error::LimitReached { waited, .. } if waited.is_zero()));
    assert!(error.to_string().contains("\"x\""), "{error}");
    let taken = match third.get_state().await.unwrap() {
        State::LimitReached {
            limit: Slots::Limited(2),
            acquired_slots,
        } => acquired_slots,
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(&taken), ["first", "second"]);
    assert!(matches!(
        first.get_state().await.unwrap(),
        State::Acquired { .. }
    ));

    first.release_or_fail().await.unwrap();
    assert!(third.acquire().await.unwrap());

    let locked = Provider::new(place.one.clone());
    let locked = locked.create("locked", limit(Slots::LOCKED)).unwrap();
    assert!(!locked.acquire().await.unwrap());
    let open = Provider::new(place.one.clone());
    let open = |_| open.create("open", limit(Slots::Unlimited)).unwrap();
    for semaphore in [1, 2, 3].map(open) {
        semaphore.acquire_or_fail().await.unwrap();
    }
    assert!(matches!(
        open(4).get_state().await.unwrap(),
        State::Unacquired {
            limit: Slots::Unlimited,
            free: None,
            acquired: 3,
            ..
        }
    ));
}

async fn acquiring_again_takes_no_second_slot(place: Place) {
    let mine = || limit(2).slot_id(slot("mine"));
    let first = place.x(mine());
    let clone = first.clone();
    let elsewhere = place.other_x(mine());
    for same in [&first, &clone, &elsewhere, &first] {
        assert!(same.acquire().await.unwrap());
        assert!(same.acquire_blocking(None).await.unwrap());
        assert_eq!(place.view().await.busy, 1);
    }
    let other = place.x(limit(2));
    other.acquire_or_fail().await.unwrap();
    for holder in [&first, &elsewhere, &other] {
        assert!(!holder.acquire().await.unwrap(), "the limit is reached");
    }
    assert!(elsewhere.release().await.unwrap());
    assert!(!clone.release().await.unwrap(), "it was one slot");
    assert_eq!(place.view().await.busy, 1);
}

async fn a_slot_expires_and_its_holder_is_told(place: Place) {
    let brief = Ttl::new(Duration::from_millis(30)).unwrap();
    let slow = place.x(Settings::new().ttl(brief));
    let next = place.other_x(Settings::new());
    slow.acquire_or_fail().await.unwrap();
    assert!(next.acquire_blocking(TIME_LIMIT).await.unwrap());
    assert!(matches!(
        slow.get_state().await.unwrap(),
        State::LimitReached { .. }
    ));
    assert!(!slow.release().await.unwrap());
    assert!(!slow.refresh(None).await.unwrap());
    assert_eq!(slow.ttl(), Some(brief));
    assert!(next.release().await.unwrap(), "nobody was harmed");
}

async fn refreshing_moves_the_deadline(place: Place) {
    let x = place.x(Settings::new().ttl(ttl(60)).slot_id(slot("mine")));
    let clone = x.clone();
    x.acquire_or_fail().await.unwrap();
    assert!(x.refresh(ttl(1000)).await.unwrap());
    assert_eq!(clone.ttl(), Some(ttl(1000)));
    let left = remaining(&x.get_state().await.unwrap()).unwrap();
    assert!(left > seconds(900) && left <= seconds(1000), "{left:?}");

    clone.refresh_or_fail(None).await.unwrap();
    assert_eq!(x.ttl(), Some(ttl(300)));
    let elsewhere = place.other_x(Settings::new().slot_id(slot("mine")));
    assert!(elsewhere.refresh(ttl(5000)).await.unwrap());
    assert_eq!(x.ttl(), Some(ttl(300)), "that is another value");
    let left = remaining(&x.get_state().await.unwrap()).unwrap();
    assert!(left > seconds(4900), "{left:?}");

    let impatient = place.provider().with_default_refresh_time(ttl(7));
    let impatient = impatient.create("x", Settings::new().slot_id(slot("mine")));
    let impatient = impatient.unwrap();
    impatient.refresh_or_fail(None).await.unwrap();
    assert_eq!(impatient.ttl(), Some(ttl(7)));
}

async fn what_cannot_be_refreshed_says_why(place: Place) {
    let x = place.x(Settings::new().ttl(None));
    assert!(!x.refresh(ttl(60)).await.unwrap());
    let error = x.refresh_or_fail(None).await.unwrap_err();
    assert!(matches!(
        error,
        Error::FailedRefresh(RefreshError::NotHeld { .. })
    ));
    x.acquire_or_fail().await.unwrap();
    assert!(!x.refresh(ttl(60)).await.unwrap());
    let error = x.refresh_or_fail(None).await.unwrap_err();
    assert!(matches!(
        error,
        Error::FailedRefresh(RefreshError::NoTtl { .. })
    ));
    assert_eq!(x.ttl(), None);
    assert!(x.release().await.unwrap(), "it is still held");
}

async fn who_blocks_gets_the_slot_that_frees(place: Place) {
    let holder = place.x(Settings::new());
    holder.acquire_or_fail().await.unwrap();
    let (first, second) = (place.other_x(Settings::new()), place.x(Settings::new()));
    let mut waiting = pin!(first.acquire_blocking(TIME_LIMIT));
    begin(&mut waiting).await;
    place.becomes(1, 1).await;
    let mut last = pin!(second.acquire_blocking_or_fail(None));
    begin(&mut last).await;
    place.becomes(1, 2).await;
    assert!(holder.release().await.unwrap());
    assert!(!holder.acquire().await.unwrap(), "nobody overtakes");
    assert!(waiting.await.unwrap());
    assert!(first.release().await.unwrap());
    last.await.unwrap();
    assert!(second.release().await.unwrap());
}

async fn who_blocks_gives_up_in_time(place: Place) {
    let holder = place.x(Settings::new());
    holder.acquire_or_fail().await.unwrap();
    let x = place.other_x(Settings::new());
    let brief = Duration::from_millis(20);
    let since = Instant::now();
    assert!(!x.acquire_blocking(brief).await.unwrap());
    assert!(since.elapsed() >= brief / 2, "it waited");
    assert!(!x.acquire_blocking(Duration::ZERO).await.unwrap());
    let error = x.acquire_blocking_or_fail(brief).await.unwrap_err();
    assert!(matches!(&error, Error::LimitReached { waited, .. } if *waited == brief));
    assert!(error.to_string().contains("20ms"), "{error}");
    let impatient = place.provider().with_default_blocking_time(brief);
    let impatient = impatient.create("x", Settings::new()).unwrap();
    assert!(!impatient.acquire_blocking(None).await.unwrap());
    place.becomes(1, 0).await;
}

async fn a_cancelled_wait_is_an_error(place: Place) {
    let holder = place.x(Settings::new());
    holder.acquire_or_fail().await.unwrap();
    let x = place.x(Settings::new());
    for or_fail in [false, true] {
        let mut waiting = pin!(async {
            match or_fail {
                true => x.acquire_blocking_or_fail(None).await,
                false => x.acquire_blocking(None).await.map(drop),
            }
        });
        begin(&mut waiting).await;
        place.becomes(1, 1).await;
        place.other.cancel(place.waiter().await).await.unwrap();
        let error = waiting.await.unwrap_err();
        assert!(matches!(error, Error::Cancelled { .. }), "{error}");
        assert!(error.to_string().starts_with("Semaphore cancel"), "{error}");
    }
    place.becomes(1, 0).await;
}

async fn a_granted_wait_has_acquired_outside_the_slots(place: Place) {
    let holder = place.x(Settings::new());
    holder.acquire_or_fail().await.unwrap();
    let x = place.x(Settings::new());
    let mut waiting = pin!(x.acquire_blocking(None));
    begin(&mut waiting).await;
    place.becomes(1, 1).await;
    place.other.grant(place.waiter().await).await.unwrap();
    assert!(waiting.await.unwrap());
    let state = x.get_state().await.unwrap();
    assert!(matches!(
        &state,
        State::Acquired { acquired: 1, acquired_slots, .. }
            if shown(acquired_slots) == [holder.id().as_str()]
    ));
    assert!(x.refresh(None).await.unwrap());
    assert!(x.release().await.unwrap());
    assert!(holder.release().await.unwrap());
}

async fn pinned_slots_outrank_the_limit(place: Place) {
    place
        .other
        .set_slots(&name("x"), Slots::Limited(1))
        .await
        .unwrap();
    let (first, second) = (place.x(limit(3)), place.x(limit(3)));
    first.acquire_or_fail().await.unwrap();
    assert!(!second.acquire().await.unwrap());
    let state = second.get_state().await.unwrap();
    assert!(
        matches!(
            state,
            State::LimitReached {
                limit: Slots::ONE,
                ..
            }
        ),
        "{state:?}"
    );
    assert_eq!(second.limit(), Slots::Limited(3));
    place.other.unpin(&name("x")).await.unwrap();
    assert!(second.acquire().await.unwrap());

    place
        .other
        .set_slots(&name("x"), Slots::LOCKED)
        .await
        .unwrap();
    assert!(
        first.release().await.unwrap(),
        "who is busy is left in peace"
    );
    assert!(second.release().await.unwrap());
    assert!(!first.acquire().await.unwrap());
    assert_eq!(
        first.get_state().await.unwrap(),
        State::LimitReached {
            limit: Slots::LOCKED,
            acquired_slots: Vec::new()
        }
    );
}

async fn another_limit_counts_once_the_semaphore_is_idle(place: Place) {
    let (first, second) = (place.x(limit(1)), place.x(limit(2)));
    first.acquire_or_fail().await.unwrap();
    assert!(!second.acquire().await.unwrap());
    first.release_or_fail().await.unwrap();
    second.acquire_or_fail().await.unwrap();
    first.acquire_or_fail().await.unwrap();
    assert_eq!(place.view().await.slots, Slots::Limited(2));
}

async fn all_slots_are_released_by_force(place: Place) {
    let (first, second) = (place.x(limit(2)), place.other_x(limit(2)));
    assert!(!first.force_release_all().await.unwrap(), "nobody named it");
    first.acquire_or_fail().await.unwrap();
    second.acquire_or_fail().await.unwrap();
    let third = place.x(limit(2));
    let mut waiting = pin!(third.acquire_blocking(None));
    begin(&mut waiting).await;
    place.becomes(2, 1).await;
    assert!(second.force_release_all().await.unwrap());
    assert!(waiting.await.unwrap(), "the line goes on");
    assert!(!first.release().await.unwrap());
    assert!(!second.refresh(None).await.unwrap());
    assert!(third.release().await.unwrap());
    assert!(!third.force_release_all().await.unwrap(), "none is held");
}

async fn running_holds_the_slot_and_gives_it_back(place: Place) {
    let (x, other) = (place.x(Settings::new()), place.other_x(Settings::new()));
    let held = x.run_or_fail(|| async { !other.acquire().await.unwrap() });
    assert!(held.await.unwrap());
    assert!(other.acquire().await.unwrap(), "it is free again");

    let never = || async { panic!("there is no slot for it") };
    let refused: Result<(), _> = x.run_or_fail(never).await;
    assert!(matches!(refused, Err(Error::LimitReached { .. })));
    let brief = Duration::from_millis(5);
    let refused: Result<(), _> = x.run_blocking_or_fail(brief, never).await;
    assert!(matches!(refused, Err(Error::LimitReached { .. })));

    let mut waiting = pin!(x.run_blocking_or_fail(None, || async { Err::<(), _>("it failed") }));
    begin(&mut waiting).await;
    place.becomes(1, 1).await;
    other.release_or_fail().await.unwrap();
    assert_eq!(waiting.await.unwrap(), Err("it failed"));
    place.becomes(0, 0).await;
}

async fn a_run_that_panics_or_is_dropped_gives_the_slot_back(place: Place) {
    let x = place.x(Settings::new().ttl(None));
    let panicking = tokio::spawn({
        let x = x.clone();
        async move {
            let work = || async { panic!("as it should") };
            x.run_or_fail(work).await
        }
    });
    let outcome: Result<Result<(), _>, _> = panicking.await;
    assert!(outcome.unwrap_err().is_panic());
    place.becomes(0, 0).await;

    let panicking = tokio::spawn({
        let x = x.clone();
        async move {
            let work = || -> std::future::Ready<()> { panic!("before there is a future") };
            x.run_blocking_or_fail(None, work).await.unwrap();
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    place.becomes(0, 0).await;

    let dropped = tokio::spawn({
        let x = x.clone();
        async move { x.run_or_fail(std::future::pending::<()>).await.unwrap() }
    });
    place.becomes(1, 0).await;
    dropped.abort();
    assert!(dropped.await.unwrap_err().is_cancelled());
    place.becomes(0, 0).await;
    assert!(x.acquire().await.unwrap());
}

async fn a_run_may_manage_its_slot_itself(place: Place) {
    let provider = place.provider();
    let x = provider.create("x", Settings::new()).unwrap();
    let mut events = provider.subscribe();
    let running = x.run_or_fail(|| async { assert!(x.release().await.unwrap()) });
    running.await.unwrap();
    place.becomes(0, 0).await;
    let emitted = kinds(&mut events);
    assert_eq!(emitted, ["ACQUIRED", "RELEASED", "FAILED_RELEASE"]);

    let running = x.run_or_fail(|| async {
        assert!(x.refresh(ttl(60)).await.unwrap());
        assert!(x.release().await.unwrap());
        assert!(x.acquire().await.unwrap());
    });
    running.await.unwrap();
    place.becomes(0, 0).await;
    let emitted = kinds(&mut events);
    assert_eq!(
        emitted,
        ["ACQUIRED", "REFRESHED", "RELEASED", "ACQUIRED", "RELEASED"]
    );
}

async fn a_dropped_acquire_leaves_nothing_behind(place: Place) {
    let x = place.x(Settings::new().ttl(None));
    // In memory it is ready at once: then it is acquired.
    for _ in 0..10 {
        let mut acquire = Box::pin(x.acquire());
        let polled = poll_fn(|cx| Poll::Ready(acquire.as_mut().poll(cx))).await;
        drop(acquire);
        if polled.is_ready() {
            x.release_or_fail().await.unwrap();
        }
    }
    if place.one.show(&name("x")).await.unwrap().is_some() {
        place.becomes(0, 0).await;
    }
    let holder = place.x(Settings::new());
    holder.acquire_blocking_or_fail(TIME_LIMIT).await.unwrap();
    {
        let mut waiting = pin!(x.acquire_blocking(None));
        begin(&mut waiting).await;
        place.becomes(1, 1).await;
    }
    place.becomes(1, 0).await;
    {
        let mut waiting = pin!(x.acquire_blocking(None));
        begin(&mut waiting).await;
        place.becomes(1, 1).await;
        holder.release_or_fail().await.unwrap();
        // It is admitted, and does not know yet.
        place.becomes(1, 0).await;
    }
    place.becomes(0, 0).await;
    assert!(!x.release().await.unwrap());
}

async fn a_dropped_wait_for_a_slot_that_is_held_leaves_it_held(place: Place) {
    let (x, other) = (place.x(limit(2)), place.other_x(limit(2)));
    x.acquire_or_fail().await.unwrap();
    other.acquire_or_fail().await.unwrap();
    {
        let mut again = pin!(x.acquire_blocking(None));
        begin(&mut again).await;
        place.becomes(2, 1).await;
    }
    place.becomes(2, 0).await;
    {
        let mut again = pin!(x.acquire_blocking(None));
        begin(&mut again).await;
        place.becomes(2, 1).await;
        other.release_or_fail().await.unwrap();
        place.becomes(1, 0).await;
    }
    assert!(other.acquire().await.unwrap());
    assert!(x.release().await.unwrap(), "it is still held");
}

async fn the_slot_outlives_the_semaphore_and_is_released_elsewhere(place: Place) {
    let provider = place.provider();
    let settings = limit(2).ttl(ttl(90)).slot_id(slot("my-slot-id"));
    let x = provider.create("x", settings).unwrap();
    x.acquire_or_fail().await.unwrap();
    let serialized = serde_json::to_value(&x).unwrap();
    drop((x, provider));
    let shape = json!({
        "version": "1", "key": "x", "slotId": "my-slot-id", "limit": 2, "ttlInMs": 90_000,
    });
    assert_eq!(serialized, shape);

    let elsewhere = Provider::new(place.other.clone());
    let revived = elsewhere.deserialize(serialized.clone()).unwrap();
    assert_eq!(revived.key(), "x");
    assert_eq!(revived.limit(), Slots::Limited(2));
    assert_eq!(revived.ttl(), Some(ttl(90)));
    let left = remaining(&revived.get_state().await.unwrap()).unwrap();
    assert!(left <= seconds(90), "{left:?}");
    assert!(revived.acquire().await.unwrap());
    assert_eq!(place.view().await.busy, 1);
    revived.refresh_or_fail(ttl(120)).await.unwrap();
    let again = serde_json::to_value(&revived).unwrap();
    assert_eq!(again["ttlInMs"], 120_000);
    revived.release_or_fail().await.unwrap();

    let late = serde_json::from_value::<SerializedSemaphore>(serialized).unwrap();
    let late = elsewhere.revive(late).unwrap();
    assert!(!late.release().await.unwrap());
}

async fn permits_and_providers_meet_in_one_line(place: Place) {
    let permit = place.one.semaphore(&name("x")).acquire().await.unwrap();
    let x = place.x(Settings::new());
    assert!(!x.acquire().await.unwrap());
    let state = x.get_state().await.unwrap();
    assert!(matches!(
        &state,
        State::LimitReached { acquired_slots, .. }
            if shown(acquired_slots) == [permit.id().to_string()]
    ));
    let mut waiting = pin!(x.acquire_blocking(None));
    begin(&mut waiting).await;
    place.becomes(1, 1).await;
    permit.release().await.unwrap();
    assert!(waiting.await.unwrap());
    let refused = place.other.semaphore(&name("x")).acquire().if_free().await;
    assert!(refused.unwrap().is_none());
}

async fn namespaces_keep_keys_apart(place: Place) {
    let within = |root| {
        let provider = place
            .provider()
            .with_namespace(Namespace::new(root).unwrap());
        let settings = Settings::new().ttl(None).limit(1);
        provider.create("key", settings).unwrap()
    };
    let (a, b) = (within("@semaphore-a"), within("@semaphore-b"));
    assert!(a.acquire().await.unwrap());
    assert!(b.acquire().await.unwrap());
    assert!(b.release().await.unwrap());
    assert_eq!(remaining(&a.get_state().await.unwrap()), None);
    assert_eq!(b.get_state().await.unwrap(), State::Expired);
    let view = place.other.show(&name("@semaphore-a:_rt:key")).await;
    assert_eq!(view.unwrap().unwrap().busy, 1);
    let serialized = serde_json::to_value(&a).unwrap();
    assert_eq!(serialized["key"], "key");
    assert_eq!(serialized["ttlInMs"], json!(null));
}

async fn owners_are_seen_and_cannot_deadlock(place: Place) {
    let me = Owner::process("worker").with_run(RunId::unique());
    let provider = place.provider().with_owner(me.clone());
    let x = provider.create("x", Settings::new()).unwrap();
    x.acquire_or_fail().await.unwrap();
    let rows = place.view().await.requests;
    assert_eq!(rows[0].who.as_deref(), Some("worker"));
    assert_eq!(rows[0].slot.as_ref(), Some(x.id()));
    x.release_or_fail().await.unwrap();

    // A slot with an id may be released from elsewhere, and a wait with a time ends: only this is one without an end.
    let request = Request::new().owner(me);
    let _permit = place
        .one
        .semaphore(&name("x"))
        .acquire()
        .with(request)
        .await
        .unwrap();
    let error = x.acquire_blocking(Duration::MAX).await.unwrap_err();
    assert!(matches!(error, Error::Deadlock(_)), "{error}");
}

async fn events_are_told_in_order(place: Place) {
    let provider = place.provider();
    let settings = || limit(1).ttl(ttl(60));
    let before = provider.create("x", settings()).unwrap();
    before.acquire_or_fail().await.unwrap();
    let mut events = provider.clone().subscribe();
    assert_eq!(kinds(&mut events), [] as [&str; 0], "nobody listened");
    let x = provider.create("x", settings()).unwrap();
    assert!(!x.acquire().await.unwrap());
    assert!(!x.acquire_blocking(Duration::ZERO).await.unwrap());
    assert!(!x.release().await.unwrap());
    assert!(!x.refresh(None).await.unwrap());
    assert!(before.force_release_all().await.unwrap());
    assert!(!before.force_release_all().await.unwrap());
    x.acquire_or_fail().await.unwrap();
    x.get_state().await.unwrap();
    x.refresh_or_fail(None).await.unwrap();
    x.release_or_fail().await.unwrap();
    x.run_or_fail(|| async {}).await.unwrap();
    x.acquire_blocking_or_fail(None).await.unwrap();

    let mut emitted = Vec::new();
    while let Some(event) = events.try_recv().unwrap() {
        if let EventKind::AllForceReleased { has_released } = event.kind {
            assert_eq!(has_released, emitted.last() != Some(&"ALL_FORCE_RELEASED"));
            assert_eq!(event.semaphore.id(), before.id());
        } else {
            assert_eq!(event.semaphore.id(), x.id());
        }
        emitted.push(event.kind.as_str());
    }
    assert_eq!(
        emitted,
        [
            "LIMIT_REACHED",
            "LIMIT_REACHED",
            "FAILED_RELEASE",
            "FAILED_REFRESH",
            "ALL_FORCE_RELEASED",
            "ALL_FORCE_RELEASED",
            "ACQUIRED",
            "REFRESHED",
            "RELEASED",
            "ACQUIRED",
            "RELEASED",
            "ACQUIRED",
        ]
    );

    let waiter = provider.create("x", settings()).unwrap();
    let mut waiting = pin!(waiter.acquire_blocking(None));
    begin(&mut waiting).await;
    place.becomes(1, 1).await;
    place.other.cancel(place.waiter().await).await.unwrap();
    assert!(waiting.await.is_err());
    let event = events.try_recv().unwrap().unwrap();
    assert!(matches!(
        event.kind,
        EventKind::UnexpectedError(Error::Cancelled { .. })
    ));
}

// ---- what needs no store, or a special one

#[test]
fn a_run_that_is_dropped_says_so_to_those_who_listen() {
    let provider = Provider::new(Semaphores::memory());
    let x = provider.create("x", Settings::new()).unwrap();
    let mut events = provider.subscribe();
    {
        let mut running = pin!(x.run_or_fail(std::future::pending::<()>));
        now(begin(&mut running));
    }
    assert_eq!(kinds(&mut events), ["ACQUIRED", "RELEASED"]);
    {
        let mut running = pin!(x.run_or_fail(std::future::pending::<()>));
        now(begin(&mut running));
        assert!(now(x.force_release_all()).unwrap());
    }
    let emitted = kinds(&mut events);
    assert_eq!(
        emitted,
        ["ACQUIRED", "ALL_FORCE_RELEASED", "FAILED_RELEASE"]
    );
    assert_eq!(now(x.get_state()).unwrap(), State::Expired);
}

#[test]
fn a_slot_lives_to_its_deadline_and_no_longer() {
    let clock = ManualClock::new();
    let provider = Provider::new(Semaphores::memory_with_clock(&clock));
    let x = provider.create("x", Settings::new()).unwrap();
    now(x.acquire_or_fail()).unwrap();
    clock.advance(seconds(299));
    let state = now(x.get_state()).unwrap();
    assert_eq!(remaining(&state), Some(seconds(1)));
    now(x.refresh_or_fail(ttl(10))).unwrap();
    clock.advance(seconds(9));
    assert!(matches!(
        now(x.get_state()).unwrap(),
        State::Acquired { .. }
    ));
    clock.advance(seconds(1));
    assert_eq!(now(x.get_state()).unwrap(), State::Expired);
    now(x.acquire_or_fail()).unwrap();
    let state = now(x.get_state()).unwrap();
    assert_eq!(remaining(&state), Some(seconds(10)), "refreshing set it");

    // A minute is how long one waits by default.
    let other = provider.create("x", Settings::new()).unwrap();
    now(x.refresh_or_fail(None)).unwrap();
    let mut waiting = pin!(other.acquire_blocking(None));
    now(begin(&mut waiting));
    clock.advance(seconds(59));
    now(begin(&mut waiting));
    clock.advance(seconds(1));
    assert!(!now(waiting).unwrap());

    let lasting = provider.with_default_ttl(None);
    assert_eq!(lasting.create("x", Settings::new()).unwrap().ttl(), None);
}

#[test]
fn who_does_not_listen_in_time_hears_it_later_as_far_as_it_is_kept_and_slows_nobody_down() {
    let provider = Provider::new(Semaphores::memory());
    let mut events = provider.subscribe();
    let x = provider.create("x", Settings::new()).unwrap();
    for _ in 0..2000 {
        assert!(!now(x.release()).unwrap());
    }
    assert_eq!(kinds(&mut events).len(), 2000);
    for _ in 0..70_000 {
        assert!(!now(x.release()).unwrap());
    }
    let Err(EventsError::Missed(missed)) = events.try_recv() else {
        panic!("it must have missed some");
    };
    assert_eq!(missed as usize + kinds(&mut events).len(), 70_000);
    drop((x, provider));
    assert!(matches!(events.try_recv(), Err(EventsError::Closed)));
}

#[test]
fn a_provider_hears_its_clones_and_no_other() {
    let semaphores = Semaphores::memory();
    let provider = Provider::new(semaphores.clone());
    let mut own = provider.subscribe();
    let other = Provider::new(semaphores);
    let mut others = other.subscribe();
    let clone = provider.clone();
    let lasting = provider.with_default_ttl(None);
    for provider in [&clone, &lasting] {
        let x = provider.create("x", Settings::new().limit(2)).unwrap();
        now(x.acquire()).unwrap();
    }
    assert_eq!(kinds(&mut own), ["ACQUIRED", "ACQUIRED"]);
    assert_eq!(kinds(&mut others), [] as [&str; 0]);
}

#[test]
fn what_waits_may_move_between_threads() {
    fn moves<T: Send>(_: T) {}
    fn is_shared<T: Send + Sync>(_: &T) {}
    let provider = Provider::new(Semaphores::memory());
    let x = provider.create("x", Settings::new()).unwrap();
    is_shared(&provider);
    is_shared(&x);
    moves(x.acquire());
    moves(x.acquire_blocking_or_fail(None));
    moves(x.release());
    moves(x.force_release_all());
    moves(x.refresh(None));
    moves(x.get_state());
    moves(x.run_blocking_or_fail(None, || async {}));
    moves(provider.subscribe());
}

#[test]
fn every_semaphore_has_a_slot_id_of_its_own() {
    let provider = Provider::new(Semaphores::memory());
    let create = |provider: &Provider| provider.create("x", Settings::new()).unwrap();
    let x = create(&provider);
    assert_ne!(x.id(), create(&provider).id());
    assert_eq!(x.id(), x.clone().id());
    let text = x.id().as_str();
    assert_eq!(text.len(), 36);
    assert_eq!(&text[14..15], "4", "a random UUID: {text}");
    assert!("89ab".contains(&text[19..20]), "{text}");

    let made = Arc::new(AtomicU32::new(0));
    let numbered = provider.with_create_slot_id({
        let made = Arc::clone(&made);
        move || slot(&format!("slot-{}", made.fetch_add(1, Ordering::Relaxed)))
    });
    assert_eq!(create(&numbered).id().as_str(), "slot-0");
    assert_eq!(create(&numbered).id().as_str(), "slot-1");
    let settings = Settings::new().slot_id(slot("mine"));
    let mine = numbered.create("x", settings).unwrap();
    assert_eq!(mine.id().as_str(), "mine");
    assert_eq!(made.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_no_key_is_refused() {
    let provider = Provider::new(Semaphores::memory());
    let create = |provider: &Provider, key: &str| provider.create(key, Settings::new()).err();
    assert!(matches!(create(&provider, ""), Some(KeyError::Name(_))));
    assert!(matches!(create(&provider, "a\n"), Some(KeyError::Name(_))));
    assert_eq!(create(&provider, "a:_rt:b"), None, "there is no namespace");

    for reserved in ["_rt", "a:_rt", "_rt:b"] {
        let refused = Namespace::new(reserved).unwrap_err();
        assert!(matches!(&refused, KeyError::Reserved { text } if text == reserved));
    }
    let within = provider.with_namespace(Namespace::new("shop:eu_rt").unwrap());
    let refused = create(&within, "a:_rt:b").unwrap();
    assert!(refused.to_string().contains("\"_rt\""), "{refused}");
    let long = "k".repeat(250);
    assert!(matches!(create(&within, &long), Some(KeyError::Name(_))));
    let x = within.create("a:_rtb", Settings::new()).unwrap();
    assert_eq!(x.name().as_str(), "shop:eu_rt:_rt:a:_rtb");
}

#[test]
fn a_semaphore_survives_its_serialization_and_what_is_none_is_refused() {
    let provider = Provider::new(Semaphores::memory());
    let micros = |micros| Ttl::new(Duration::from_micros(micros)).unwrap();
    for (settings, limit, millis) in [
        (limit(0), json!(0), json!(300_000)),
        (
            limit(Slots::Unlimited).ttl(None),
            json!("unlimited"),
            json!(null),
        ),
        (limit(7).ttl(micros(1500)), json!(7), json!(1.5)),
        (limit(1).ttl(micros(250_000)), json!(1), json!(250)),
    ] {
        let x = provider.create("信号 \"x\"", settings).unwrap();
        let json = serde_json::to_value(&x).unwrap();
        assert_eq!((&json["limit"], &json["ttlInMs"]), (&limit, &millis));
        let text = json.to_string();
        let revived = provider.revive(serde_json::from_str(&text).unwrap());
        let revived = revived.unwrap();
        assert_eq!(
            (revived.key(), revived.id(), revived.limit(), revived.ttl()),
            (x.key(), x.id(), x.limit(), x.ttl())
        );
    }
    // No refusal changes more than one thing.
    let good = json!({"version": "1", "key": "x", "slotId": "s", "limit": 1, "ttlInMs": 0.5});
    assert!(provider.deserialize(good.clone()).is_ok());
    for (field, bad) in [
        ("version", json!("2")),
        ("version", json!(1)),
        ("key", json!("")),
        ("key", json!(null)),
        ("slotId", json!("")),
        ("limit", json!(-2)),
        ("limit", json!(1.5)),
        ("ttlInMs", json!(0)),
        ("ttlInMs", json!(-1)),
        ("ttlInMs", json!(1e-9)),
        ("ttlInMs", json!("5 min")),
    ] {
        let mut changed = good.clone();
        changed[field] = bad;
        let refused = provider.deserialize(changed.clone());
        assert!(refused.is_err(), "{changed}");
    }
    let mut for_ever = good;
    for_ever["ttlInMs"] = json!(1e300);
    assert!(provider.deserialize(for_ever).unwrap().ttl() > Some(ttl(1 << 33)));
}

#[cfg(feature = "sqlite")]
#[test]
fn a_store_that_fails_is_an_error_of_its_own_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    // A folder is no file.
    let url = format!("sqlite:{}", folder.path().display());
    let place = Place::connect(&url, folder);
    let case = |place: Place| async move {
        let provider = place.provider();
        let mut events = provider.subscribe();
        let x = provider.create("x", Settings::new()).unwrap();
        let mut emitted = 0;
        let mut failed = |error: Error| {
            assert!(matches!(error, Error::Store(_)), "{error}");
            let event = events.try_recv().unwrap().unwrap();
            assert!(matches!(
                event.kind,
                EventKind::UnexpectedError(Error::Store(_))
            ));
            assert!(events.try_recv().unwrap().is_none(), "it is emitted once");
            emitted += 1;
        };
        failed(x.acquire().await.unwrap_err().into());
        failed(x.acquire_or_fail().await.unwrap_err());
        failed(x.acquire_blocking(None).await.unwrap_err());
        failed(x.acquire_blocking_or_fail(None).await.unwrap_err());
        failed(x.release().await.unwrap_err().into());
        failed(x.release_or_fail().await.unwrap_err());
        failed(x.force_release_all().await.unwrap_err().into());
        failed(x.refresh(None).await.unwrap_err().into());
        failed(x.refresh_or_fail(None).await.unwrap_err());
        failed(x.run_or_fail(|| async {}).await.unwrap_err());
        let work = || async {};
        failed(x.run_blocking_or_fail(None, work).await.unwrap_err());
        failed(x.get_state().await.unwrap_err().into());
        assert_eq!(emitted, 12);
    };
    run(case, place);
}

/// Not a test, but the other process of the next one: with this variable set it releases the semaphore that it says.
#[cfg(feature = "sqlite")]
const RELEASE: &str = "CLA_TEST_RELEASE";

#[cfg(feature = "sqlite")]
#[test]
fn the_other_process() {
    let Ok(order) = std::env::var(RELEASE) else {
        return;
    };
    let (url, serialized) = order.split_once(' ').unwrap();
    let provider = Provider::new(Semaphores::connect(url).unwrap());
    let x = provider.revive(serde_json::from_str(serialized).unwrap());
    futures::executor::block_on(async {
        let x = x.unwrap();
        x.refresh_or_fail(None).await.unwrap();
        x.release_or_fail().await.unwrap();
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn what_one_process_acquired_another_releases() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("semaphores.db").display());
    let place = Place::connect(&url, folder);
    let case = |place: Place| async move {
        let x = place.x(Settings::new().ttl(ttl(60)));
        x.acquire_or_fail().await.unwrap();
        let serialized = serde_json::to_string(&x).unwrap();
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["the_other_process", "--exact"])
            .env(RELEASE, format!("{url} {serialized}"))
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        assert_eq!(x.get_state().await.unwrap(), State::Expired);
        assert!(!x.release().await.unwrap());
        let rows = place.view().await.requests;
        assert!(rows.iter().all(|row| row.status == Status::Done));
    };
    run(case, place);
}
