//! Permits of this store.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, oneshot};

use super::Link;
use super::clock::{Moment, WallClock};
use super::transitions::{Admission, Refreshed};
use super::worker::Command;
use crate::error::{RefreshError, ReleaseError};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::request::Ttl;
use crate::store::{BoxFuture, StorePermit};

/// A permit, as the worker and its holder both know it.
pub(super) struct PermitState {
    id: RequestId,
    name: SemaphoreName,
    token: u64,
    waited: Duration,
    started: Moment,
    started_at: SystemTime,
    granted: bool,
    /// The run that asked for it.
    pub(super) run: Option<RunId>,
    pub(super) loss: Loss,
    /// Its slot stays taken although its permit was dropped.
    left: AtomicBool,
}

impl PermitState {
    pub(super) fn new(
        id: RequestId,
        name: SemaphoreName,
        run: Option<RunId>,
        admission: &Admission,
        clock: &WallClock,
    ) -> Self {
        Self {
            id,
            name,
            token: admission.token,
            waited: admission.started.since(admission.requested),
            started: admission.started,
            started_at: clock.system_time(admission.started),
            granted: admission.granted,
            run,
            loss: Loss::default(),
            left: AtomicBool::new(false),
        }
    }

    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    pub(super) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// Whether that run asked for it and left it.
    pub(super) fn is_left_by(&self, run: RunId) -> bool {
        self.run == Some(run) && self.is_left()
    }
}

/// Whether a permit is lost; set once.
#[derive(Default)]
pub(super) struct Loss {
    flag: AtomicBool,
    /// By accident: see [`StorePermit::lease_passed`].
    lease_passed: AtomicBool,
    changed: Notify,
}

impl Loss {
    pub(super) fn set(&self) {
        self.flag.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    pub(super) fn set_lease_passed(&self) {
        self.lease_passed.store(true, Ordering::Release);
        self.set();
    }

    pub(super) fn is_set(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    async fn wait(&self) {
        let mut changed = pin!(self.changed.notified());
        // From here on no notification is missed, also one between the look at the flag and the wait.
        changed.as_mut().enable();
        if !self.is_set() {
            changed.await;
        }
    }
}

/// A permit of this store.
pub(super) struct SqlitePermit {
    state: Arc<PermitState>,
    link: Arc<Link>,
    released: bool,
}

impl SqlitePermit {
    pub(super) fn boxed(state: Arc<PermitState>, link: &Arc<Link>) -> Box<dyn StorePermit> {
        Box::new(Self {
            state,
            link: Arc::clone(link),
            released: false,
        })
    }
}

impl StorePermit for SqlitePermit {
    fn id(&self) -> RequestId {
        self.state.id
    }

    fn token(&self) -> u64 {
        self.state.token
    }

    fn waited(&self) -> Duration {
        self.state.waited
    }

    fn started_at(&self) -> SystemTime {
        self.state.started_at
    }

    fn held(&self) -> Duration {
        Moment::now().since(self.state.started)
    }

    fn granted(&self) -> bool {
        self.state.granted
    }

    fn is_lost(&self) -> bool {
        self.state.loss.is_set()
    }

    fn lease_passed(&self) -> bool {
        self.state.loss.lease_passed.load(Ordering::Acquire)
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.state.loss.wait())
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        let (reply, answer) = oneshot::channel();
        if self.is_lost() {
            let name = self.state.name.clone();
            return Box::pin(async { Err(RefreshError::Lost { name }) });
        }
        self.link.send(Command::Refresh(self.state.id, ttl, reply));
        Box::pin(async move {
            let name = || self.state.name.clone();
            match answer.await.map_err(|_| self.link.gone())?? {
                Refreshed::Yes => Ok(()),
                Refreshed::NotHeld => Err(RefreshError::Lost { name: name() }),
                Refreshed::NoTtl => Err(RefreshError::NoTtl { name: name() }),
            }
        })
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        let (reply, answer) = oneshot::channel();
        self.released = true;
        if self.is_lost() {
            self.link.send(Command::DropOutlived(self.state.id));
            let name = self.state.name.clone();
            return Box::pin(async { Err(ReleaseError::Lost { name }) });
        }
        self.link.send(Command::Release(self.state.id, Some(reply)));
        Box::pin(async move {
            if answer.await.map_err(|_| self.link.gone())?? {
                Ok(())
            } else {
                Err(ReleaseError::Lost {
                    name: self.state.name.clone(),
                })
            }
        })
    }

    /// The worker keeps the slot for this session.
    fn leave(mut self: Box<Self>) {
        self.released = true;
        self.state.leave();
    }
}

impl Drop for SqlitePermit {
    fn drop(&mut self) {
        if self.released {
            return;
        }
        let id = self.state.id;
        // A lost permit has nothing to give back: its request has ended, or belongs to another session to which this one
        // was attached. If it was ended by force, it is shown up to now.
        self.link.send(if self.is_lost() {
            Command::DropOutlived(id)
        } else {
            Command::Release(id, None)
        });
    }
}
