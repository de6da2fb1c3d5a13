//! The conformance suite, held to account: a store that does everything later, as one across a network would,
//! passes it; and each of some that are wrong in one way is caught.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cla_conformance::{self as conformance, Fresh};
use cla_semaphore::{
    Acquire, AcquireError, Actor, AdminCommand, AdminError, AuditEntry, AuditQuery, BoxFuture,
    Diagnosis, EventHub, EventKind, Events, HistoryQuery, NamedRun, Permit, RefreshError,
    ReleaseError, Request, RequestId, RequestView, RunId, SemaphoreName, SemaphoreView, Semaphores,
    SlotId, Store, StoreError, StorePermit, Ttl,
};
use futures::executor::block_on;
use tokio::sync::oneshot;

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing: it only does everything later.
    Nothing,
    /// All are served in order of arrival, whatever their priority.
    IgnoresPriority,
    /// A freed slot goes to whoever came last.
    ServesNewcomersFirst,
    /// A permit must be released by hand.
    KeepsWhatIsDropped,
    /// Every permit has the same fencing token.
    RepeatsTokens,
    /// A future that is dropped still waits.
    KeepsWhoGaveUp,
    /// Nobody hears of anything.
    Silent,
    /// Nobody hears of moves.
    SilentAboutMoves,
    /// Granting takes a slot, if it is free.
    GrantsNothing,
    /// Refreshing says that it worked, and does nothing.
    RefreshesNothing,
    /// Forced release ends nobody.
    ReleasesNothing,
    /// A permit that is let go gives its slot back.
    GivesBackWhatIsLeft,
    /// A slot id means nothing.
    IgnoresSlotIds,
    /// A run that was given up keeps what it has.
    AbandonsNothing,
    /// It is not shown that a run does not answer.
    MarksNothing,
}

fn without_slot(request: &Request) -> Request {
    let bare = Request::new().priority(request.get_priority());
    let bare = request
        .get_slots()
        .map_or(bare.clone(), |slots| bare.slots(slots));
    request
        .get_owner()
        .map_or(bare.clone(), |owner| bare.owner(owner.clone()))
}

/// How long what is sent is under way.
const LAG: Duration = Duration::from_millis(2);

/// One client of a store across a network: what it sends arrives later, in order, and so do the events. The store
/// itself is one in memory, of which it passes everything on but for its fault.
struct Delegate {
    inner: Semaphores,
    fault: Fault,
    arrivals: AtomicI32,
    line: Line,
    hub: OnceLock<Arc<EventHub>>,
}

/// The way to the store.
#[derive(Clone)]
struct Line(mpsc::Sender<(Instant, Errand)>);

type Errand = Box<dyn FnOnce() + Send>;

impl Line {
    fn new() -> Self {
        let (sender, receiver) = mpsc::channel::<(Instant, Errand)>();
        thread::spawn(move || {
            for (arrives, errand) in receiver {
                thread::sleep(arrives.saturating_duration_since(Instant::now()));
                errand();
            }
        });
        Self(sender)
    }

    /// Has something done when it arrives, and does not wait for that.
    fn send(&self, errand: impl FnOnce() + Send + 'static) {
        let sent = self.0.send((Instant::now() + LAG, Box::new(errand)));
        assert!(sent.is_ok(), "the other end is there as long as this one");
    }

    /// There and back, behind everything that was sent before.
    async fn round_trip(&self) {
        let (there, back) = oneshot::channel();
        // Whoever does not wait any longer does not need the answer.
        self.send(move || {
            let _ = there.send(());
        });
        back.await.expect("the other end answers");
    }
}

/// A request that has arrived, until it is decided. Dropped before, it takes a while until the store knows.
struct Asking {
    acquire: Option<Acquire>,
    line: Line,
    /// The fault of never telling.
    keeps: bool,
}

impl Asking {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Permit, AcquireError>> {
        let acquire = self.acquire.as_mut().expect("it is not decided yet");
        let outcome = Pin::new(acquire).poll(cx);
        if outcome.is_ready() {
            self.acquire = None;
        }
        outcome
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let Some(acquire) = self.acquire.take() else {
            return;
        };
        if self.keeps {
            std::mem::forget(acquire);
        } else {
            self.line.send(move || drop(acquire));
        }
    }
}

struct DelegateLease {
    permit: Option<Permit>,
    fault: Fault,
    line: Line,
}

impl Delegate {
    fn new(inner: &Semaphores, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            inner: inner.clone(),
            fault,
            arrivals: AtomicI32::new(0),
            line: Line::new(),
            hub: OnceLock::new(),
        })
    }

    fn request(&self, request: Request) -> Request {
        match self.fault {
            Fault::IgnoresPriority => request.priority(0),
            Fault::IgnoresSlotIds => without_slot(&request),
            Fault::ServesNewcomersFirst => {
                request.priority(self.arrivals.fetch_add(1, Ordering::Relaxed))
            }
            _ => request,
        }
    }

    fn lease(&self, permit: Permit) -> Box<dyn StorePermit> {
        Box::new(DelegateLease {
            permit: Some(permit),
            fault: self.fault,
            line: self.line.clone(),
        })
    }

    /// Passes on what happens, later.
    fn hub(&self) -> &Arc<EventHub> {
        self.hub.get_or_init(|| {
            let hub = Arc::new(EventHub::new());
            let fault = self.fault;
            let (heard, mut events) = (Arc::downgrade(&hub), self.inner.subscribe());
            thread::spawn(move || {
                while let Ok(event) = block_on(events.recv()) {
                    thread::sleep(LAG / 20);
                    if fault == Fault::SilentAboutMoves && event.kind == EventKind::Moved {
                        continue;
                    }
                    let Some(hub) = heard.upgrade() else { return };
                    hub.emit(event);
                }
            });
            hub
        })
    }
}

impl Store for Delegate {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>> {
        let request = self.request(request);
        Box::pin(async move {
            let (there, back) = oneshot::channel();
            let mut asking = Asking {
                acquire: Some(self.inner.semaphore(&name).acquire().with(request)),
                line: self.line.clone(),
                keeps: self.fault == Fault::KeepsWhoGaveUp,
            };
            self.line.send(move || {
                let decided = asking.poll(&mut Context::from_waker(Waker::noop()));
                // If nobody waits for it any longer, it is dropped.
                let _ = there.send((decided, asking));
            });
            let (decided, mut asking) = back.await.expect("the other end answers");
            let outcome = match decided {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => std::future::poll_fn(|cx| asking.poll(cx)).await,
            };
            Ok(self.lease(outcome?))
        })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            let permit = self
                .inner
                .semaphore(&name)
                .acquire()
                .with(request)
                .if_free()
                .await?;
            Ok(permit.map(|permit| self.lease(permit)))
        })
    }

    fn release_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.release_slot(&name, &slot).await
        })
    }

    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.refresh_slot(&name, &slot, ttl).await
        })
    }

    fn administer(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(async move {
            let inner = match by {
                Some(by) => self.inner.acting_as(by),
                None => self.inner.clone(),
            };
            self.line.round_trip().await;
            match (self.fault, command) {
                (Fault::GrantsNothing, AdminCommand::Grant { request }) => {
                    inner.move_to(request, 1).await.map(|()| 1)
                }
                (Fault::ReleasesNothing, AdminCommand::ForceRelease { .. }) => Ok(0),
                (_, command) => inner.administer(command).await,
            }
        })
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.audit(query).await
        })
    }

    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.history(&name, query).await
        })
    }

    fn abandon(&self, run: RunId) {
        if self.fault == Fault::AbandonsNothing {
            return;
        }
        let inner = self.inner.clone();
        self.line.send(move || inner.abandon(run));
    }

    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        if self.fault == Fault::MarksNothing {
            return;
        }
        let inner = self.inner.clone();
        self.line.send(move || inner.mark_unresponsive(run, since));
    }

    fn note_dependents(&self, run: RunId, dependents: Arc<[NamedRun]>) {
        let inner = self.inner.clone();
        self.line
            .send(move || inner.note_dependents(run, &dependents));
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.list().await
        })
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.show(&name).await
        })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.find(prefix).await
        })
    }

    fn subscribe(&self) -> Events {
        match self.fault {
            Fault::Silent => EventHub::new().subscribe(),
            _ => self.hub().subscribe(),
        }
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move {
            self.line.round_trip().await;
            self.inner.diagnose().await
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        // What is still held stays: see `Fresh::of_one_process`.
        Box::pin(async move {
            self.line.round_trip().await;
            Ok(())
        })
    }
}

impl DelegateLease {
    fn permit(&self) -> &Permit {
        self.permit
            .as_ref()
            .expect("it is there until it is released")
    }
}

impl StorePermit for DelegateLease {
    fn id(&self) -> RequestId {
        self.permit().id()
    }
    fn token(&self) -> u64 {
        match self.fault {
            Fault::RepeatsTokens => 1,
            _ => self.permit().token(),
        }
    }
    fn waited(&self) -> Duration {
        self.permit().waited()
    }
    fn started_at(&self) -> SystemTime {
        self.permit().started_at()
    }
    fn held(&self) -> Duration {
        self.permit().held()
    }
    fn granted(&self) -> bool {
        self.permit().granted()
    }
    fn is_lost(&self) -> bool {
        self.permit().is_lost()
    }
    fn lease_passed(&self) -> bool {
        self.permit().lease_passed()
    }
    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.permit().lost())
    }
    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        match self.fault {
            Fault::RefreshesNothing => Box::pin(async { Ok(()) }),
            _ => Box::pin(async move {
                self.line.round_trip().await;
                self.permit().refresh(ttl).await
            }),
        }
    }
    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        let permit = self.permit.take().expect("it is released once");
        let line = self.line.clone();
        Box::pin(async move {
            line.round_trip().await;
            permit.release().await
        })
    }
    fn leave(mut self: Box<Self>) {
        let permit = self.permit.take().expect("it is let go once");
        if self.fault != Fault::GivesBackWhatIsLeft {
            permit.leave();
        }
    }
}

impl Drop for DelegateLease {
    fn drop(&mut self) {
        let permit = self.permit.take();
        if self.fault == Fault::KeepsWhatIsDropped {
            std::mem::forget(permit);
        } else {
            self.line.send(move || drop(permit));
        }
    }
}

fn store(fault: Fault) -> Fresh {
    let inner = Semaphores::memory();
    let client = || Semaphores::with_store(Delegate::new(&inner, fault));
    Fresh::clients(client(), client()).of_one_process()
}

mod everything_later {
    use super::{Fault, store};

    cla_conformance::conformance_tests!(|| store(Fault::Nothing));
}

/// The names of the cases, of those that begin so, that a store with this fault fails. They wait only briefly
/// for what never comes; random sequences do so again and again, to find the shortest.
fn caught(fault: Fault, which: &[&str]) -> Vec<&'static str> {
    let patience = if matches!(which, [SEQUENCES | EVENTS]) {
        50
    } else {
        300
    };
    let subject = || store(fault).poll_timeout(Duration::from_millis(patience));
    let cases = conformance::cases().into_iter();
    let cases = cases.filter(|case| which.iter().any(|begin| case.name().starts_with(begin)));
    cases
        .filter(|case| catch_unwind(AssertUnwindSafe(|| case.run(&subject))).is_err())
        .map(|case| case.name())
        .collect()
}

#[track_caller]
fn is_caught_by(fault: Fault, case: &str) {
    assert_eq!(caught(fault, &[case]), [case], "{fault:?} was not caught");
}

/// The random sequences: what they show, and the events of them.
const SEQUENCES: &str = "sequences::random_commands_do_what_they_do_to_the_pure_queue";
const EVENTS: &str = "sequences::what_random_commands_do_is_told_as_the_pure_queue_tells_it";

#[test]
fn a_store_that_ignores_priorities_is_caught() {
    let fault = Fault::IgnoresPriority;
    is_caught_by(
        fault,
        "rules::a_higher_priority_goes_first_and_arrival_decides_among_equals",
    );
    is_caught_by(fault, SEQUENCES);
}

#[test]
fn a_store_that_hands_a_freed_slot_to_a_newcomer_is_caught() {
    let fault = Fault::ServesNewcomersFirst;
    is_caught_by(
        fault,
        "rules::waiters_are_served_in_the_order_in_which_they_came",
    );
    is_caught_by(
        fault,
        "rules::a_freed_slot_is_the_first_waiters_before_it_even_looks_and_no_newcomer_gets_it",
    );
    is_caught_by(fault, SEQUENCES);
}

#[test]
fn a_store_that_forgets_to_release_what_is_dropped_is_caught() {
    let fault = Fault::KeepsWhatIsDropped;
    is_caught_by(
        fault,
        "rules::a_permit_is_given_back_when_it_is_dropped_also_by_a_panic",
    );
    is_caught_by(fault, "seeds::a_failing_function_leaves_the_semaphore_free");
    is_caught_by(fault, "clients::closing_waits_until_all_is_given_back");
    is_caught_by(fault, SEQUENCES);
}

#[test]
fn a_store_whose_tokens_repeat_is_caught() {
    let fault = Fault::RepeatsTokens;
    is_caught_by(
        fault,
        "rules::fencing_tokens_only_grow_even_when_the_semaphore_was_forgotten_in_between",
    );
    is_caught_by(
        fault,
        "clients::many_threads_at_two_clients_never_share_a_slot",
    );
    is_caught_by(fault, SEQUENCES);
}

#[test]
fn a_store_in_which_those_who_gave_up_still_wait_is_caught() {
    let fault = Fault::KeepsWhoGaveUp;
    is_caught_by(fault, "rules::a_dropped_future_leaves_the_line");
    is_caught_by(fault, SEQUENCES);
}

#[test]
fn a_store_that_tells_nobody_is_caught() {
    let all = conformance::cases();
    let all = all.iter().map(conformance::Case::name);
    let all: Vec<_> = all.filter(|name| name.starts_with("events::")).collect();
    assert_eq!(caught(Fault::Silent, &["events::"]), all);
    is_caught_by(Fault::SilentAboutMoves, EVENTS);
    is_caught_by(
        Fault::SilentAboutMoves,
        "events::every_way_a_request_can_end_or_change_has_its_event",
    );
}

#[test]
fn a_store_that_only_says_that_it_did_something_is_caught() {
    is_caught_by(
        Fault::GrantsNothing,
        "rules::a_granted_request_starts_at_once_outside_the_slots_and_its_end_frees_none",
    );
    is_caught_by(
        Fault::GrantsNothing,
        "seeds::b_is_granted_and_c_starts_when_a_finishes_even_though_b_is_still_running",
    );
    is_caught_by(
        Fault::RefreshesNothing,
        "rules::a_refresh_moves_the_deadline_to_that_long_from_now",
    );
    is_caught_by(
        Fault::RefreshesNothing,
        "seeds::a_long_task_keeps_its_permit_by_refreshing_it",
    );
    is_caught_by(
        Fault::ReleasesNothing,
        "rules::a_forced_release_frees_the_slots_and_the_line_goes_on_in_order",
    );
    is_caught_by(Fault::ReleasesNothing, SEQUENCES);
}

#[test]
fn a_store_that_renews_for_a_run_that_was_given_up_is_caught() {
    let fault = Fault::AbandonsNothing;
    is_caught_by(
        fault,
        "abandoned::what_an_abandoned_run_holds_goes_to_the_next_in_line",
    );
    is_caught_by(fault, "abandoned::an_abandoned_run_waits_no_more");
}

#[test]
fn a_store_that_does_not_show_that_a_run_does_not_answer_is_caught() {
    is_caught_by(
        Fault::MarksNothing,
        "unresponsive::what_a_run_has_that_does_not_answer_is_shown_until_it_answers",
    );
}

#[test]
fn a_store_without_slot_ids_is_caught() {
    is_caught_by(
        Fault::IgnoresSlotIds,
        "slots::acquiring_again_takes_no_second_slot",
    );
    is_caught_by(Fault::IgnoresSlotIds, SEQUENCES);
    is_caught_by(
        Fault::GivesBackWhatIsLeft,
        "slots::a_permit_that_is_left_leaves_its_slot_taken",
    );
    is_caught_by(Fault::GivesBackWhatIsLeft, SEQUENCES);
}

#[test]
fn a_failing_sequence_is_shown_at_its_shortest() {
    // What goes wrong goes wrong at once: a slow machine makes no other sequence fail.
    let subject = || store(Fault::ReleasesNothing);
    let failed = catch_unwind(AssertUnwindSafe(|| conformance::run(SEQUENCES, &subject)));
    let message = failed.expect_err("it fails");
    let message = message.downcast_ref::<String>().expect("a text");
    let (_, shortest) = message
        .split_once("The shortest sequence that fails: ")
        .expect("it is shown");
    // Take, then release by force.
    assert!(shortest.contains("ForceRelease"), "{message}");
    assert!(shortest.matches(" at ").count() <= 2, "{message}");
}

#[test]
#[should_panic(expected = "no case nonsense")]
fn a_case_that_is_not_there_is_an_error() {
    conformance::run("nonsense", &|| Fresh::clones(Semaphores::memory()));
}
