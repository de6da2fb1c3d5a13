//! A store of another kind behind the same `Semaphores`: everything boxed, everything later.
//!
//! The store of these tests passes everything on to one in memory, after making its caller wait a turn, as a
//! remote one would.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cla_semaphore::{
    AcquireError, Actor, AdminCommand, AdminError, AuditEntry, AuditQuery, BoxFuture, Diagnosis,
    EventKind, Events, HistoryQuery, NamedRun, Permit, RefreshError, ReleaseError, Request,
    RequestId, RequestView, RunId, SemaphoreName, SemaphoreView, Semaphores, SlotId, Slots, Store,
    StoreError, StorePermit, Ttl,
};
use common::{name, poll, ttl};
use futures::executor::block_on;

struct Faraway(Semaphores);

struct FarawayLease(Permit);

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

impl Store for Faraway {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>> {
        Box::pin(async move {
            later().await;
            let permit = self.0.semaphore(&name).acquire().with(request).await?;
            Ok(Box::new(FarawayLease(permit)) as Box<dyn StorePermit>)
        })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>> {
        Box::pin(async move {
            later().await;
            let permit = self
                .0
                .semaphore(&name)
                .acquire()
                .with(request)
                .if_free()
                .await?;
            Ok(permit.map(|permit| Box::new(FarawayLease(permit)) as Box<dyn StorePermit>))
        })
    }

    fn release_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.0.release_slot(&name, &slot).await })
    }

    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move { self.0.refresh_slot(&name, &slot, ttl).await })
    }

    fn administer(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(async move {
            match by {
                Some(by) => self.0.acting_as(by).administer(command).await,
                None => self.0.administer(command).await,
            }
        })
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        Box::pin(self.0.audit(query))
    }

    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>> {
        Box::pin(async move { self.0.history(&name, query).await })
    }

    fn abandon(&self, run: RunId) {
        self.0.abandon(run);
    }

    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        self.0.mark_unresponsive(run, since);
    }

    fn note_dependents(&self, run: RunId, dependents: Arc<[NamedRun]>) {
        self.0.note_dependents(run, &dependents);
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(self.0.list())
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move { self.0.show(&name).await })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        Box::pin(self.0.find(prefix))
    }

    fn subscribe(&self) -> Events {
        self.0.subscribe()
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(self.0.diagnose())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.0.close())
    }
}

impl StorePermit for FarawayLease {
    fn id(&self) -> RequestId {
        self.0.id()
    }
    fn token(&self) -> u64 {
        self.0.token()
    }
    fn waited(&self) -> Duration {
        self.0.waited()
    }
    fn started_at(&self) -> SystemTime {
        self.0.started_at()
    }
    fn held(&self) -> Duration {
        self.0.held()
    }
    fn granted(&self) -> bool {
        self.0.granted()
    }
    fn is_lost(&self) -> bool {
        self.0.is_lost()
    }
    fn lease_passed(&self) -> bool {
        self.0.lease_passed()
    }
    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.lost())
    }
    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(self.0.refresh(ttl))
    }
    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        Box::pin(self.0.release())
    }
    fn leave(self: Box<Self>) {
        self.0.leave();
    }
}

fn faraway() -> Semaphores {
    Semaphores::with_store(Arc::new(Faraway(Semaphores::memory())))
}

#[test]
fn a_remote_permit_does_all_that_one_in_memory_does() {
    block_on(async {
        let x = faraway().semaphore(&name("x"));
        let permit = x.acquire().ttl(ttl(60)).await.unwrap();
        assert_eq!(permit.name(), x.name());
        assert!(!permit.is_lost() && !permit.granted());
        permit.refresh(ttl(30)).await.unwrap();
        assert!(x.acquire().if_free().await.unwrap().is_none());
        permit.release().await.unwrap();
        drop(x.acquire().if_free().await.unwrap().unwrap());
        // Dropped means given back.
        let again = x.acquire().await.unwrap();
        assert!(again.token() > 1);
    });
}

#[test]
fn no_remote_slot_is_taken_without_asking_the_store() {
    let x = faraway().semaphore(&name("x"));
    assert!(x.try_acquire_now(Request::new()).is_err());
}

#[test]
fn a_plain_thread_can_wait_for_a_remote_slot() {
    let x = faraway().semaphore(&name("x"));
    let held = x.acquire().blocking().unwrap();
    let timeout = Duration::from_millis(10);
    let refused = x.acquire().timeout(timeout).blocking();
    assert!(matches!(refused, Err(AcquireError::TimedOut { .. })));
    drop(held);
}

#[test]
fn administrators_steer_a_remote_store() {
    block_on(async {
        let semaphores = faraway();
        let x = name("x");
        let mut events = semaphores.subscribe();
        semaphores.set_slots(&x, Slots::LOCKED).await.unwrap();
        let mut waiting: Vec<_> = (0..4)
            .map(|_| {
                let mut acquire = semaphores.semaphore(&x).acquire();
                // It asks at the second poll.
                assert!(poll(&mut acquire).is_none() && poll(&mut acquire).is_none());
                acquire
            })
            .collect();
        let ids: Vec<_> = semaphores.show(&x).await.unwrap().unwrap().requests;
        let ids: Vec<_> = ids.iter().map(|row| row.id).collect();
        semaphores.cancel(ids[0]).await.unwrap();
        semaphores.grant(ids[1]).await.unwrap();
        semaphores.move_to(ids[3], 1).await.unwrap();
        semaphores.set_slots(&x, Slots::ONE).await.unwrap();
        let cancelled = poll(&mut waiting[0]).unwrap();
        assert!(matches!(cancelled, Err(AcquireError::Cancelled { .. })));
        let granted = poll(&mut waiting[1]).unwrap().unwrap();
        assert!(granted.granted());
        assert!(poll(&mut waiting[2]).is_none());
        let moved = poll(&mut waiting[3]).unwrap().unwrap();
        assert_eq!(
            semaphores.find(&moved.id().to_string()).await.unwrap(),
            ids[3]
        );

        assert_eq!(semaphores.force_release(&x).await.unwrap(), 2);
        moved.lost().await;
        assert_eq!(semaphores.purge(&x).await.unwrap(), 1);
        drop((waiting, granted, moved));
        semaphores.unpin(&x).await.unwrap();
        semaphores.pin(&x).await.unwrap();
        assert_eq!(semaphores.list().await.unwrap().len(), 1);
        semaphores.forget(&x).await.unwrap();
        assert!(semaphores.list().await.unwrap().is_empty());
        assert_eq!(events.recv().await.unwrap().kind, EventKind::Created);
    });
}
