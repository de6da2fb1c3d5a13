//! A permit: [`PermitState`] is what the session and the holder share, [`RedisPermit`] is the holder's end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::driver::DriverHandle;
use super::session::Command;
use super::wire::{self, Admission, Refreshed};
use crate::error::{RefreshError, ReleaseError};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Ttl;
use crate::store::{BoxFuture, StorePermit};

/// One permit, and whether it is still one.
#[derive(Debug)]
pub(super) struct PermitState {
    pub(super) id: RequestId,
    pub(super) name: SemaphoreName,
    pub(super) token: u64,
    /// Of the server's clock, in microseconds.
    pub(super) requested: u64,
    /// Of the server's clock, in microseconds.
    pub(super) started: u64,
    pub(super) granted: bool,
    /// When it was heard of.
    pub(super) heard: Instant,
    /// When it has expired for certain: never sooner than the server sees it.
    pub(super) expires: Mutex<Option<Instant>>,
    lost: AtomicBool,
    /// By accident: see [`StorePermit::lease_passed`].
    lease_passed: AtomicBool,
    left: AtomicBool,
    changed: Notify,
}

impl PermitState {
    /// `now`: when this process heard that it is admitted. `expires`: when its TTL passes.
    pub(super) fn new(
        id: RequestId,
        name: SemaphoreName,
        admission: &Admission,
        now: Instant,
        expires: Option<Instant>,
    ) -> Self {
        Self {
            id,
            name,
            token: admission.token,
            requested: admission.requested,
            started: admission.started,
            granted: admission.granted,
            heard: now,
            expires: Mutex::new(expires),
            lost: AtomicBool::new(false),
            lease_passed: AtomicBool::new(false),
            left: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// The holder learns that it has lost it.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// The holder learns that it has lost it by accident: no administrator decided that.
    pub(super) fn lease_passes(&self) {
        self.lease_passed.store(true, Ordering::Release);
        self.lose();
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost_at(Instant::now())
    }

    pub(super) fn is_lost_at(&self, now: Instant) -> bool {
        self.lost.load(Ordering::Acquire) || self.expires.lock().is_some_and(|at| at <= now)
    }

    /// Its slot stays taken although nothing has the permit any more.
    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }
}

/// See the module page. Dropping it gives the slot back.
pub(super) struct RedisPermit {
    state: std::sync::Arc<PermitState>,
    driver: DriverHandle,
    released: bool,
}

impl RedisPermit {
    pub(super) const fn new(state: std::sync::Arc<PermitState>, driver: DriverHandle) -> Self {
        Self {
            state,
            driver,
            released: false,
        }
    }
}

impl StorePermit for RedisPermit {
    fn id(&self) -> RequestId {
        self.state.id
    }

    fn token(&self) -> u64 {
        self.state.token
    }

    fn waited(&self) -> Duration {
        Duration::from_micros(self.state.started.saturating_sub(self.state.requested))
    }

    fn started_at(&self) -> SystemTime {
        wire::system_time(self.state.started)
    }

    fn held(&self) -> Duration {
        self.state.heard.elapsed()
    }

    fn granted(&self) -> bool {
        self.state.granted
    }

    fn is_lost(&self) -> bool {
        self.state.is_lost()
    }

    fn succession(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async {
            let (answer, answered) = oneshot::channel();
            let id = self.state.id;
            self.driver.send(Command::Succession { id, answer });
            let succession = answered.await.ok().flatten()?;
            serde_json::to_string(&succession).ok()
        })
    }

    fn lease_passed(&self) -> bool {
        self.state.lease_passed.load(Ordering::Acquire)
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                // Listens before it looks, so that nothing is missed in between.
                let changed = self.state.changed.notified();
                if self.state.is_lost() {
                    return;
                }
                changed.await;
            }
        })
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let id = self.state.id;
            let command = Command::Refresh { id, ttl, answer };
            let name = self.state.name.clone();
            match self.driver.call(command, answered).await {
                Some(Ok(Refreshed::Moved)) => Ok(()),
                Some(Ok(Refreshed::NoTtl)) => Err(RefreshError::NoTtl { name }),
                Some(Ok(Refreshed::Lost)) => Err(RefreshError::Lost { name }),
                Some(Err(error)) => Err(error.into()),
                // The store was closed, and gave it back.
                None => Err(RefreshError::Lost { name }),
            }
        })
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.released = true;
            let command = Command::Release {
                id: self.state.id,
                answer: Some(answer),
            };
            match self.driver.call(command, answered).await {
                Some(Ok(true)) => Ok(()),
                Some(Err(error)) => Err(error.into()),
                // The store was closed, and gave it back before.
                Some(Ok(false)) | None => Err(ReleaseError::Lost {
                    name: self.state.name.clone(),
                }),
            }
        })
    }

    /// The session goes on holding it.
    fn leave(mut self: Box<Self>) {
        self.released = true;
        self.state.left.store(true, Ordering::Release);
    }
}

impl Drop for RedisPermit {
    fn drop(&mut self) {
        if !self.released {
            self.driver.send(Command::Release {
                id: self.state.id,
                answer: None,
            });
        }
    }
}
