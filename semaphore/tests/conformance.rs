//! The conformance suite, held to account: a store that does everything later passes it, and each of some that are
//! wrong in one way is caught.
#![cfg(feature = "conformance")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, SystemTime};

use cla_semaphore::conformance::{self, Fresh};
use cla_semaphore::{
    AcquireError, AdminError, BoxFuture, Diagnosis, Events, Lease, Permit, RefreshError,
    ReleaseError, Request, RequestId, SemaphoreName, SemaphoreView, Semaphores, Slots, Store,
    StoreError, Ttl,
};

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
    /// Granting takes a slot, if it is free.
    GrantsNothing,
    /// Refreshing says that it worked, and does nothing.
    RefreshesNothing,
    /// Forced release ends nobody.
    ReleasesNothing,
}

/// Passes everything on to a store in memory, later, but for its fault.
struct Delegate {
    inner: Semaphores,
    fault: Fault,
    arrivals: AtomicI32,
}

struct DelegateLease {
    permit: Option<Permit>,
    fault: Fault,
}

/// Not at the first poll.
async fn later() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            std::task::Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    })
    .await;
}

impl Delegate {
    fn request(&self, request: Request) -> Request {
        match self.fault {
            Fault::IgnoresPriority => request.priority(0),
            Fault::ServesNewcomersFirst => {
                request.priority(self.arrivals.fetch_add(1, Ordering::Relaxed))
            }
            _ => request,
        }
    }

    fn lease(&self, permit: Permit) -> Box<dyn Lease> {
        Box::new(DelegateLease {
            permit: Some(permit),
            fault: self.fault,
        })
    }
}

impl Store for Delegate {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn Lease>, AcquireError>> {
        let request = self.request(request);
        Box::pin(async move {
            later().await;
            if self.fault == Fault::KeepsWhoGaveUp {
                let inner = self.inner.clone();
                let asking = tokio::sync::oneshot::channel();
                std::thread::spawn(move || asking.0.send(inner.blocking_acquire(&name, request)));
                let permit = asking.1.await.expect("the thread answers")?;
                return Ok(self.lease(permit));
            }
            let permit = self.inner.acquire(&name, request).await?;
            Ok(self.lease(permit))
        })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn Lease>>, StoreError>> {
        Box::pin(async move {
            later().await;
            let permit = self.inner.try_acquire(&name, request).await?;
            Ok(permit.map(|permit| self.lease(permit)))
        })
    }

    fn set_slots(
        &self,
        name: SemaphoreName,
        slots: Slots,
    ) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.set_slots(&name, slots).await
        })
    }

    fn pin(&self, name: SemaphoreName) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.pin(&name).await
        })
    }

    fn unpin(&self, name: SemaphoreName) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.unpin(&name).await
        })
    }

    fn grant(&self, id: RequestId) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            match self.fault {
                Fault::GrantsNothing => self.inner.move_to(id, 1).await,
                _ => self.inner.grant(id).await,
            }
        })
    }

    fn cancel(&self, id: RequestId) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.cancel(id).await
        })
    }

    fn move_to(&self, id: RequestId, place: usize) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.move_to(id, place).await
        })
    }

    fn purge(&self, name: SemaphoreName) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.purge(&name).await
        })
    }

    fn force_release(&self, name: SemaphoreName) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(async move {
            later().await;
            match self.fault {
                Fault::ReleasesNothing => Ok(0),
                _ => self.inner.force_release(&name).await,
            }
        })
    }

    fn forget(&self, name: SemaphoreName) -> BoxFuture<'_, Result<(), AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.forget(&name).await
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            later().await;
            self.inner.list().await
        })
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            later().await;
            self.inner.show(&name).await
        })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        Box::pin(async move {
            later().await;
            self.inner.find(prefix).await
        })
    }

    fn subscribe(&self) -> Events {
        match self.fault {
            Fault::Silent => Semaphores::memory().subscribe(),
            _ => self.inner.subscribe(),
        }
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(self.inner.diagnose())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.inner.close())
    }
}

impl DelegateLease {
    fn permit(&self) -> &Permit {
        self.permit
            .as_ref()
            .expect("it is there until it is released")
    }
}

impl Lease for DelegateLease {
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
    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.permit().lost())
    }
    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        match self.fault {
            Fault::RefreshesNothing => Box::pin(async { Ok(()) }),
            _ => Box::pin(self.permit().refresh(ttl)),
        }
    }
    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        let permit = self.permit.take().expect("it is released once");
        Box::pin(async move {
            later().await;
            permit.release().await
        })
    }
}

impl Drop for DelegateLease {
    fn drop(&mut self) {
        if self.fault == Fault::KeepsWhatIsDropped {
            std::mem::forget(self.permit.take());
        }
    }
}

fn store(fault: Fault) -> Semaphores {
    Semaphores::with_store(Arc::new(Delegate {
        inner: Semaphores::memory(),
        fault,
        arrivals: AtomicI32::new(0),
    }))
}

mod everything_later {
    use super::{Fault, Fresh, store};

    cla_semaphore::conformance_tests!(|| Fresh::clones(store(Fault::Nothing)));
}

/// The names of the cases, of those that begin so, that a store with this fault fails. They wait only briefly for what
/// never comes; random sequences do so again and again, to find the shortest.
fn caught(fault: Fault, which: &[&str]) -> Vec<&'static str> {
    let patience = if which == [SEQUENCES] { 50 } else { 300 };
    let subject = || Fresh::clones(store(fault)).patience(Duration::from_millis(patience));
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

const SEQUENCES: &str = "sequences::random_commands_do_what_they_do_to_the_pure_queue";

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
fn a_failing_sequence_is_shown_at_its_shortest() {
    // What goes wrong goes wrong at once: a slow machine makes no other sequence fail.
    let subject = || Fresh::clones(store(Fault::ReleasesNothing));
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
