//! A permit as its holder has it: [`Hold`] is what the desk and the holder share, [`RedisLease`] the holder's end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::desk::{Desk, Order, Refreshed};
use super::reply;
use crate::error::{RefreshError, ReleaseError};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Ttl;
use crate::store::{BoxFuture, StorePermit};

/// One permit, and whether it is still one.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) id: RequestId,
    pub(super) name: SemaphoreName,
    pub(super) token: u64,
    /// Of the server's clock, in microseconds.
    pub(super) requested: u64,
    /// The same.
    pub(super) started: u64,
    pub(super) granted: bool,
    /// When it was heard of.
    pub(super) heard: Instant,
    /// When it has surely expired; never sooner than the server sees it.
    pub(super) expires: Mutex<Option<Instant>>,
    lost: AtomicBool,
    /// By accident: see [`StorePermit::lease_passed`].
    lease_passed: AtomicBool,
    /// Its slot stays taken although nobody has the permit.
    pub(super) left: AtomicBool,
    bell: Notify,
}

impl Hold {
    pub(super) fn new(
        id: RequestId,
        name: SemaphoreName,
        token: u64,
        (requested, started): (u64, u64),
        granted: bool,
        ttl: Option<Ttl>,
    ) -> Self {
        let heard = Instant::now();
        Self {
            id,
            name,
            token,
            requested,
            started,
            granted,
            heard,
            expires: Mutex::new(ttl.and_then(|ttl| heard.checked_add(ttl.duration()))),
            lost: AtomicBool::new(false),
            lease_passed: AtomicBool::new(false),
            left: AtomicBool::new(false),
            bell: Notify::new(),
        }
    }

    /// Tells the holder.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.bell.notify_waiters();
    }

    /// Tells the holder that it is no decision of anybody's.
    pub(super) fn lease_passes(&self) {
        self.lease_passed.store(true, Ordering::Release);
        self.lose();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
            || self.expires.lock().is_some_and(|at| at <= Instant::now())
    }
}

/// See the module page. Dropping it gives the slot back.
pub(super) struct RedisLease {
    hold: std::sync::Arc<Hold>,
    desk: Desk,
    released: bool,
}

impl RedisLease {
    pub(super) const fn new(hold: std::sync::Arc<Hold>, desk: Desk) -> Self {
        Self {
            hold,
            desk,
            released: false,
        }
    }
}

impl StorePermit for RedisLease {
    fn id(&self) -> RequestId {
        self.hold.id
    }

    fn token(&self) -> u64 {
        self.hold.token
    }

    fn waited(&self) -> Duration {
        Duration::from_micros(self.hold.started.saturating_sub(self.hold.requested))
    }

    fn started_at(&self) -> SystemTime {
        reply::system_time(self.hold.started)
    }

    fn held(&self) -> Duration {
        self.hold.heard.elapsed()
    }

    fn granted(&self) -> bool {
        self.hold.granted
    }

    fn is_lost(&self) -> bool {
        self.hold.is_lost()
    }

    fn succession(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            let id = self.hold.id;
            self.desk.give(Order::Succession { id, answer });
            let succession = answered.await.ok().flatten()?;
            serde_json::to_string(&succession).ok()
        })
    }

    fn lease_passed(&self) -> bool {
        self.hold.lease_passed.load(Ordering::Acquire)
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                // Listens before it looks, so that nothing is missed in between.
                let rung = self.hold.bell.notified();
                if self.hold.is_lost() {
                    return;
                }
                rung.await;
            }
        })
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let id = self.hold.id;
            self.desk.give(Order::Refresh { id, ttl, answer });
            let name = self.hold.name.clone();
            match answered.await {
                Ok(Ok(Refreshed::Moved)) => Ok(()),
                Ok(Ok(Refreshed::NoTtl)) => Err(RefreshError::NoTtl { name }),
                Ok(Ok(Refreshed::Lost)) => Err(RefreshError::Lost { name }),
                Ok(Err(error)) => Err(error.into()),
                // The store was closed, and gave it back.
                Err(_) => Err(RefreshError::Lost { name }),
            }
        })
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.released = true;
            self.desk.give(Order::Release {
                id: self.hold.id,
                answer: Some(answer),
            });
            match answered.await {
                Ok(Ok(true)) => Ok(()),
                Ok(Err(error)) => Err(error.into()),
                // The store was closed, and gave it back before.
                Ok(Ok(false)) | Err(_) => Err(ReleaseError::Lost {
                    name: self.hold.name.clone(),
                }),
            }
        })
    }

    /// The driver goes on holding it for this session.
    fn leave(mut self: Box<Self>) {
        self.released = true;
        self.hold.left.store(true, Ordering::Release);
    }
}

impl Drop for RedisLease {
    fn drop(&mut self) {
        if !self.released {
            self.desk.give(Order::Release {
                id: self.hold.id,
                answer: None,
            });
        }
    }
}
