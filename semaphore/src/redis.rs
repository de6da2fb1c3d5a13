//! The store of many machines: semaphores in a Redis or Valkey server.
//!
//! # How it hangs together
//!
//! ```text
//! RedisStore, permits ── commands ─► driver ── one connection ─► server: Lua scripts, which decide everything
//!                                      ▲ │                         │
//!             session (decides when) ◄─┴─┘ ◄── answers, messages, events (pushed on the same connection)
//! ```
//!
//! The scripts in `lua/` are the transitions of [`queue`](crate::queue) in Lua, on the server's clock: no client's clock
//! is ever sent. Each touches the keys of one semaphore, which share a hash tag.
//!
//! `wire` has every message to and from the server as a type, and nothing else knows how one is written. `session` is a
//! pure state machine: what callers ask, what the server says and what time it is go in, and what is to be sent and
//! answered comes out. The `driver` is one task on a thread of its own, so futures make progress under any executor. It
//! moves bytes and time, and decides nothing. A caller that waits for an answer drives it itself for a moment, so a free
//! slot costs no hop from thread to thread. `link` and `dial` make connections.
//!
//! What is asked concurrently is pipelined. A free slot costs one round trip; giving it back costs none that a caller
//! waits for.
//!
//! When a script changes a request of another session (it admits it, or ends it), it publishes that to the session's own
//! channel. So a waiter learns its turn without asking. The session of a waiter also sets a timer for the earliest
//! deadline that the server said, so what is due happens even if no other client does anything.
//!
//! # Slot ids
//!
//! A request's slot id stands in front of who asks, and a field of the semaphore's state leads from the id to the
//! request that holds it. When another session asks with the same id, that session is noted beside the request. It hears of
//! the request's end and of new deadlines, and renews its own lease, but gives nothing back when it goes. Data of a version
//! without slot ids are read as they are. Programs of such a version may share a server with this one's, but must not
//! use semaphores whose slots have ids: they would not say so to the sessions that share one.
//!
//! # Who listens
//!
//! Events are published only while there is a listener, as the server's own list of subscribers says. A semaphore notes for
//! a second that there is none (`qu` in its state), so that the short ways need not ask; a session that subscribes removes that note
//! everywhere before it sends what was asked after the subscription. In a cluster, where no node knows who listens at
//! another, everything is published. What concerns waiting sessions is always published.
//!
//! Leases, what happens when the server cannot be reached, and when it lost its data: [`pages::leases`](crate::pages::leases).
//!
//! # What the server sends
//!
//! `redis` makes room for all that the server announces. So this crate opens the sockets itself (`socket`), also those of a
//! cluster's client, and follows every reply before `redis` sees it (`replies`): one that would take more than 64 MiB ends
//! the connection. What an administrator asked fails with the reason; for all else it is an outage.
//!
//! # Why redis-rs
//!
//! Of the two well-kept clients, this store wants little, but that exactly: to write in order, to see what is pushed
//! in order with what is answered, and to decide itself what to send again. `redis`' multiplexed connection is just
//! that, over RESP3: it pipelines what is sent concurrently, delivers pushes through a channel, and ends when it
//! breaks. `fred` 10 has more: it reconnects, resubscribes and resends by policies of its own, which
//! would resend releases and acquires behind the back of a store that must know what is in doubt, and it talks to its
//! router task through one more queue. Both do clusters and TLS; `redis` is released every few weeks, `fred` last in
//! early 2025.

mod address_check;
mod bounded;
mod connection;
mod deadlock;
mod diagnose;
mod dial;
mod driver;
mod link;
mod permit;
mod pubsub;
mod pushes;
mod records;
mod replies;
mod session;
mod socket;
mod steering;
mod succession;
mod url;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;

pub use self::address_check::AddressCheck;
pub use self::pubsub::{ConnectError, RedisConnection, RedisPush, RequestError};
pub use self::replies::ReplyError;
pub use self::url::RedisUrl;
use self::url::Topology;
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, RefreshError, StoreError};
use crate::event::{EventHub, Events};
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::{NamedRun, Owner};
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::store::{BoxFuture, Store, StorePermit};
use crate::view::{RequestView, SemaphoreView};
use driver::DriverHandle;
use permit::{PermitState, RedisPermit};
use session::Command;
use steering::KnownNames;
use succession::Succession;
use wire::keys::{self, Names};
use wire::{Refreshed, Shown, query};

/// What all parts of a store share.
struct Settings {
    url: RedisUrl,
    names: Names,
    /// Names this open store: host, process, and something that no other has.
    session: String,
    /// The channel on which it hears what became of its requests.
    channel: String,
    lease: Duration,
    lease_micros: u64,
    /// A server that answers nothing for so long is not there.
    response_limit: Duration,
    hub: Arc<EventHub>,
}

impl Settings {
    /// `session`: that of another process, if this one goes on with what that held.
    fn new(url: RedisUrl, session: Option<String>, hub: Arc<EventHub>) -> Self {
        let names = Names::new(&url.prefix, !matches!(url.topology, Topology::Cluster(_)));
        let me = Owner::process("");
        let host = me.host().unwrap_or_default().replace(['|', '/'], "-");
        let session =
            session.unwrap_or_else(|| format!("{host}/{}/{}", std::process::id(), unique_text()));
        let lease = url.lease;
        Self {
            channel: names.session(&session),
            names,
            session,
            lease,
            lease_micros: lease.as_micros() as u64,
            response_limit: (lease / 3).clamp(Duration::from_millis(250), Duration::from_secs(5)),
            url,
            hub,
        }
    }

    fn unreachable(&self, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Unreachable {
            store: self.url.to_string(),
            cause: Arc::new(cause),
        }
    }

    fn failed(&self, cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        StoreError::Failed {
            store: self.url.to_string(),
            cause: Arc::new(cause),
        }
    }
}

/// A text that comes only once.
fn unique_text() -> String {
    format!("{:016x}", (RequestId::unique().as_u128() >> 64) as u64)
}

/// A key of a semaphore holds something else.
#[derive(Debug, thiserror::Error)]
#[error(
    "a key of this semaphore holds what cla did not write ({said}); `cla sem forget NAME` or `cla sem purge NAME` removes it"
)]
struct Damaged {
    said: String,
}

/// The store was closed while something was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("it was closed")]
struct Closed;

/// The server answered, but not in a shape that this version knows.
#[derive(Debug, thiserror::Error)]
#[error(
    "it gave an answer that this version does not understand; do all programs have the same version?"
)]
struct Unreadable;

/// Semaphores in a Redis or Valkey server. [Their page](crate::pages::redis) says how they behave.
///
/// ```
/// use cla_semaphore::{RedisStore, RedisUrl, Semaphores};
///
/// let url: RedisUrl = "redis://127.0.0.1:6379/0?prefix=shop&lease=30s".parse()?;
/// // Nothing is connected before the first use.
/// let semaphores = Semaphores::with_store(RedisStore::open(url));
/// assert_eq!(semaphores.get("db")?.name().as_str(), "db");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RedisStore {
    url: RedisUrl,
    /// Of another process, if this one goes on with what that held.
    session: Option<String>,
    hub: Arc<EventHub>,
    /// Made at the first use.
    driver: Mutex<Option<DriverHandle>>,
    /// Where requests may be found.
    known_names: KnownNames,
    /// They want to hear what is not as it should be, once the driver is made.
    cautions: Mutex<Vec<oneshot::Sender<Vec<String>>>>,
}

impl RedisStore {
    /// A store on the server that `url` names. Connects at its first use.
    #[must_use]
    pub fn open(url: RedisUrl) -> Arc<Self> {
        Self::open_as(url, None)
    }

    fn open_as(url: RedisUrl, session: Option<String>) -> Arc<Self> {
        Arc::new(Self {
            url,
            session,
            hub: Arc::new(EventHub::new()),
            driver: Mutex::new(None),
            known_names: KnownNames::default(),
            cautions: Mutex::default(),
        })
    }

    /// Goes on with the permit of a process that was killed: `from` is what its [`StorePermit::succession`] was. The second is
    /// `None` when the text is none of this version.
    pub(crate) async fn succeed(
        url: RedisUrl,
        from: &str,
    ) -> Result<(Arc<Self>, Option<(SemaphoreName, Box<dyn StorePermit>)>), StoreError> {
        let from: Option<Box<Succession>> = serde_json::from_str(from).ok();
        let session = from.as_ref().map(|from| from.session.clone());
        let store = Self::open_as(url, session);
        let Some(from) = from else {
            return Ok((store, None));
        };
        let driver = store.driver()?;
        let (answer, answered) = oneshot::channel();
        driver.send(Command::Succeed { from, answer });
        let permit = answered.await.map_err(|_| driver.closed())?;
        let lease = permit.map(|permit| {
            let name = permit.name.clone();
            let lease: Box<dyn StorePermit> = Box::new(RedisPermit::new(permit, driver));
            (name, lease)
        });
        Ok((store, lease))
    }

    fn driver(&self) -> Result<DriverHandle, StoreError> {
        let mut driver = self.driver.lock();
        if let Some(open) = driver.as_ref().filter(|driver| !driver.is_closed()) {
            return Ok(open.clone());
        }
        let (url, session) = (self.url.clone(), self.session.clone());
        let settings = Arc::new(Settings::new(url, session, Arc::clone(&self.hub)));
        let open = driver::open(Arc::clone(&settings)).map_err(|error| settings.failed(error))?;
        if self.hub.is_observed() {
            open.send(Command::Observe);
        }
        for answer in std::mem::take(&mut *self.cautions.lock()) {
            open.send(Command::Caution(answer));
        }
        Ok(driver.insert(open).clone())
    }

    async fn take(
        &self,
        name: SemaphoreName,
        request: Request,
        joins: bool,
    ) -> Result<Option<Box<dyn StorePermit>>, AcquireError> {
        let mut asking = Asking {
            id: keys::request_id(&name),
            driver: self.driver()?,
            answered: false,
        };
        let (answer, answered) = oneshot::channel();
        let command = Command::Acquire {
            id: asking.id,
            name,
            request,
            joins,
            answer,
        };
        let outcome = asking.driver.call(command, answered).await;
        asking.answered = true;
        match outcome {
            Some(outcome) => Ok(outcome?.map(|permit: Arc<PermitState>| {
                asking
                    .driver
                    .note_answer(permit.started == permit.requested);
                Box::new(RedisPermit::new(permit, asking.driver.clone())) as Box<dyn StorePermit>
            })),
            None => Err(asking.driver.closed().into()),
        }
    }

    /// The names of all semaphores, in no order.
    async fn names(&self, driver: &DriverHandle) -> Result<Vec<SemaphoreName>, StoreError> {
        let names = &driver.settings.names;
        let keys = driver.ask(query::all_names(names)).await?;
        let all: Vec<_> = keys.iter().filter_map(|key| names.name(key)).collect();
        self.known_names.are(&all);
        Ok(all)
    }

    /// All semaphores that can be read, by name; and the names of those that cannot, as something else wrote into their
    /// keys.
    async fn shown(
        &self,
        driver: &DriverHandle,
    ) -> Result<(Vec<Shown>, Vec<SemaphoreName>), StoreError> {
        let names = &driver.settings.names;
        // All are asked before the first answer is awaited.
        let asked: Vec<_> = self
            .names(driver)
            .await?
            .into_iter()
            .map(|name| {
                let answered = driver.ask(query::show(names, &name));
                (name, answered)
            })
            .collect();
        let mut all = Vec::with_capacity(asked.len());
        let mut damaged = Vec::new();
        for (name, answered) in asked {
            match answered.await {
                Err(StoreError::Failed { cause, .. }) if cause.is::<Damaged>() => {
                    // `show` and `doctor` say so. The others can be seen.
                    damaged.push(name);
                }
                answer => match answer? {
                    Some(shown) => all.push(shown),
                    None if !names.together => Self::forget_name(driver, &name).await?,
                    None => {}
                },
            }
        }
        all.sort_unstable_by(|a, b| a.view.name.cmp(&b.view.name));
        Ok((all, damaged))
    }

    /// Takes the name of a semaphore that is gone out of the names of all, unless it comes back meanwhile. In a cluster,
    /// where no script sees both.
    async fn forget_name(driver: &DriverHandle, name: &SemaphoreName) -> Result<(), StoreError> {
        let names = &driver.settings.names;
        driver.ask(query::remove_name(names, name)).await?;
        if driver.ask(query::is_there(names, name)).await? {
            driver.ask(query::add_name(names, name)).await?;
        }
        Ok(())
    }
}

/// A request until it is answered. Dropped before, it gives up.
struct Asking {
    driver: DriverHandle,
    id: RequestId,
    answered: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.answered {
            self.driver.send(Command::Abandon(self.id));
        }
    }
}

impl Store for RedisStore {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>> {
        Box::pin(async move {
            match self.take(name, request, true).await? {
                Some(lease) => Ok(lease),
                None => unreachable!("a request that joins the line gets a slot or an error"),
            }
        })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>> {
        Box::pin(async move {
            match self.take(name, request, false).await {
                Ok(lease) => Ok(lease),
                Err(AcquireError::Store(error)) => Err(error),
                // A request that does not wait cannot be cancelled, time out, or be in a cycle.
                Err(_) => Ok(None),
            }
        })
    }

    fn release_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let driver = self.driver()?;
            let release = query::release_slot(&driver.settings.names, &name, &slot);
            driver.ask(release).await
        })
    }

    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            let driver = self.driver()?;
            let refresh = query::refresh_slot(&driver.settings.names, &name, &slot, ttl);
            match driver.ask(refresh).await? {
                Refreshed::Moved => Ok(()),
                Refreshed::NoTtl => Err(RefreshError::NoTtl { name }),
                Refreshed::Lost => Err(RefreshError::NotHeld { name, slot }),
            }
        })
    }

    fn administer(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>> {
        Box::pin(self.carry_out(command, by))
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        Box::pin(self.read_audit(query))
    }

    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>> {
        Box::pin(self.read_history(name, query))
    }

    fn abandon(&self, run: RunId) {
        // Nothing is held or waits in a store that was never used.
        if let Some(driver) = self.driver.lock().as_ref() {
            driver.send(Command::AbandonRun(run));
        }
    }

    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        // Nothing is held or waits in a store that was never used.
        if let Some(driver) = self.driver.lock().as_ref() {
            driver.send(Command::MarkUnresponsive(run, since));
        }
    }

    fn note_dependents(&self, run: RunId, dependents: Arc<[NamedRun]>) {
        // Nothing waits in a store that was never used.
        if let Some(driver) = self.driver.lock().as_ref() {
            driver.send(Command::NoteDependents(run, dependents));
        }
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            let driver = self.driver()?;
            let (all, _) = self.shown(&driver).await?;
            Ok(all.into_iter().map(|shown| shown.view).collect())
        })
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            let driver = self.driver()?;
            let shown = driver
                .ask(query::show(&driver.settings.names, &name))
                .await?;
            Ok(shown.map(|shown| shown.view))
        })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        Box::pin(self.find_id(prefix))
    }

    fn subscribe(&self) -> Events {
        let events = self.hub.subscribe();
        // A store that cannot be opened says so to those who ask it something.
        if let Ok(driver) = self.driver() {
            driver.send(Command::Observe);
        }
        events
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move {
            let driver = self.driver()?;
            let take = diagnose::probe(&driver).await?;
            // Where nothing can be written, nothing can be looked at either: what is due happens first.
            let (shown, damaged) = match &take {
                Ok(()) => self.shown(&driver).await?,
                Err(_) => (Vec::new(), Vec::new()),
            };
            diagnose::diagnose(&driver, take, &shown, &damaged).await
        })
    }

    fn cautions(&self) -> BoxFuture<'_, Vec<String>> {
        let (answer, answered) = oneshot::channel();
        if self.url.warnings {
            // Where nothing was asked yet, this is no reason to connect.
            let driver = self.driver.lock();
            match driver.as_ref().filter(|driver| !driver.is_closed()) {
                Some(driver) => driver.send(Command::Caution(answer)),
                None => self.cautions.lock().push(answer),
            }
        }
        Box::pin(async { answered.await.unwrap_or_default() })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.cautions.lock().clear();
            let open = self.driver.lock().take();
            let Some(driver) = open.filter(|driver| !driver.is_closed()) else {
                return Ok(());
            };
            let (answer, answered) = oneshot::channel();
            driver.send(Command::Close(answer));
            // The driver ends without an answer only when another close came before this one.
            answered.await.unwrap_or(Ok(()))
        })
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.url).finish()
    }
}
