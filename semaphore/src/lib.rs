//! Named, fair semaphores that people can watch and steer while programs wait for them.
//!
//! A [`Semaphore`] has a name and a number of [`Slots`]. Who holds a slot is *busy*; who finds none waits
//! in line, and a slot that frees is handed to the first in line, never up for grabs. That much every fair
//! semaphore does. This one is also *listed* (who is busy, who waits, since when), *steered* (more slots, fewer,
//! none; let this one through, cancel that one), *time-limited* where wanted, and it *refuses to deadlock*.
//! It works from async code under any executor, and from plain threads.
//!
//! # Taking a slot
//!
//! [`Semaphores`] is the store of all semaphores; the first request that names one creates it. [`Permit`]s give
//! their slot back when dropped, so also when the work fails.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use std::time::Duration;
//! use cla_semaphore::Semaphores;
//!
//! let semaphores = Semaphores::memory();
//! let prod_db = semaphores.get("prod-db")?;
//!
//! let permit = prod_db.acquire().timeout(Duration::from_secs(60)).await?;
//! // ... one at a time here ...
//! drop(permit);
//!
//! // A plain thread blocks instead of awaiting.
//! std::thread::spawn(move || prod_db.acquire().blocking().map(drop)).join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How many slots
//!
//! One, unless the code that first names the semaphore declares another number. What an administrator sets is
//! *pinned*: it outranks the code. `0` locks the semaphore, [`Slots::Unlimited`] disables it.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::{Semaphores, Slots};
//!
//! let semaphores = Semaphores::memory();
//! let printers = semaphores.get("printers")?;
//! let _one = printers.acquire().slots(2).await?;
//! let _two = printers.acquire().slots(2).await?;
//! assert!(printers.acquire().if_free().await?.is_none());
//!
//! semaphores.set_slots(printers.name(), Slots::Limited(3)).await?;
//! assert!(printers.acquire().if_free().await?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waiting, and giving up
//!
//! A request may have a timeout and a priority. Dropping the [`Acquire`] future gives up at once: there is no
//! way to wait that outlives the one who waits, and no way to lose a slot in between.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use std::time::Duration;
//! use cla_semaphore::{AcquireError, Semaphores};
//!
//! let x = Semaphores::memory().get("x")?;
//! let _held = x.acquire().await?;
//! let outcome = x.acquire().timeout(Duration::from_millis(5)).priority(10).await;
//! assert!(matches!(outcome, Err(AcquireError::TimedOut { .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Permits that expire
//!
//! A permit with a [`Ttl`] is lost when that has passed, unless it is refreshed; the next in line is woken without
//! any command. Every permit has a fencing [token](Permit::token) that only grows, so what it protects can
//! refuse a holder that does not know yet that it is one no longer.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use std::time::Duration;
//! use cla_semaphore::{Semaphores, Ttl};
//!
//! let x = Semaphores::memory().get("x")?;
//! let slow = x.acquire().ttl(Ttl::new(Duration::from_millis(5))?).await?;
//! let next = x.acquire().await?; // 5 ms later
//! assert!(slow.is_lost());
//! assert!(next.token() > slow.token());
//! assert!(slow.release().await.is_err(), "says so, and does no harm");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Slots with a name
//!
//! A request may name its slot. Who knows that [`SlotId`] can [release](Semaphore::release_slot) and
//! [refresh](Semaphore::refresh_slot) the slot and [look at it](Semaphore::slot_state), from any process that shares
//! the store; asking again with an id that holds a slot takes no second one. [`Permit::leave`] lets a permit go while
//! its slot stays, for programs that hand out slots and not permits.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::{Semaphores, SlotId};
//!
//! let x = Semaphores::memory().get("x")?;
//! let slot = SlotId::new("order-4711")?;
//! x.acquire().slot(slot.clone()).await?.leave();
//! assert!(x.slot_state(&slot).await?.held.is_some());
//! // ... elsewhere, later ...
//! assert!(x.release_slot(&slot).await?);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Semaphores without permits
//!
//! A [`Provider`] goes all the way: its [semaphores](provider::Semaphore) are acquired and released by slot id, and can
//! be serialized in between. They expire, unless refreshed, say their state, and tell what happens to them. Underneath
//! is the same queue, so both ways of asking meet in one line.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::provider::{Provider, Settings};
//! use cla_semaphore::Semaphores;
//!
//! let provider = Provider::new(Semaphores::memory());
//! let semaphore = provider.create("shared-resource", Settings::new().limit(2))?;
//! semaphore.run_or_fail(|| async { /* at most two at a time here */ }).await?;
//!
//! semaphore.acquire_or_fail().await?;
//! let serialized = serde_json::to_string(&semaphore)?;
//! // ... elsewhere, later ...
//! provider.revive(serde_json::from_str(&serialized)?)?.release_or_fail().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Watching and steering
//!
//! [`Semaphores::list`] shows every request as a row, in the JSON shape of [`SemaphoreView`]. A row that waits can be
//! [granted](Semaphores::grant), [cancelled](Semaphores::cancel) or [moved](Semaphores::move_to); what is busy can be
//! [released by force](Semaphores::force_release). [`Semaphores::subscribe`] gives every transition as it happens,
//! and costs nothing while there is no listener.
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().build()?.block_on(async {
//! use cla_semaphore::{EventKind, Owner, Semaphores};
//!
//! let semaphores = Semaphores::memory();
//! let x = semaphores.get("x")?;
//! let _held = x.acquire().owner(Owner::process("nightly.js")).await?;
//!
//! let mut events = semaphores.subscribe();
//! let urgent = tokio::spawn({
//!     let x = x.clone();
//!     async move { x.acquire().owner(Owner::process("hotfix.js")).await }
//! });
//! let queued = events.recv().await?;
//! assert_eq!(queued.kind, EventKind::Queued);
//!
//! semaphores.grant(queued.request.expect("a request queued")).await?;
//! assert!(urgent.await??.granted(), "it did not wait for the slot");
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Waits that could never end
//!
//! An [`Owner`] with a [`RunId`] is one thread of control. When runs hold what the others wait for, the one that
//! closes the cycle gets a [`DeadlockError`] that names all runs in it, instead of hanging.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::{AcquireError, Owner, RunId, Semaphores};
//!
//! let x = Semaphores::memory().get("x")?;
//! let me = Owner::process("nested.js").with_run(RunId::unique());
//! let _held = x.acquire().owner(me.clone()).await?;
//! let again = x.acquire().owner(me).await;
//! assert!(matches!(again, Err(AcquireError::Deadlock(_))));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Shared by processes and machines
//!
//! The same semaphores can live in a file, for all processes of a machine (feature `sqlite`), or in a Redis or Valkey
//! server, for many machines (feature `redis`). Every store keeps the same rules; which one it is, a URL says
//! ([`StoreUrl`]). A process that vanishes loses its permits and its places in line: in a file as soon as a process
//! looks, in Redis within the lease.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("semaphores.db").display().to_string();
//! use cla_semaphore::Semaphores;
//!
//! let semaphores = Semaphores::connect(&format!("sqlite:{path}"))?;
//! let permit = semaphores.get("prod-db")?.acquire().await?;
//! // ... one process at a time here ...
//! permit.release().await?;
//! semaphores.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the stores need and promise is told in [`pages`]: [files](pages::files), [processes](pages::sqlite),
//! [servers](pages::redis), [leases](pages::leases), and [what is kept](pages::records).
//!
//! A [`Store`] of another kind can be held to the suite that these ones pass: the crate `cla-conformance`.
//!
//! # Features
//!
//! None is on by default: semaphores in memory need no more than two dozen small crates.
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `sqlite` | the store in a file: `SqliteStore`, `sqlite:` |
//! | `redis` | the store on a Redis or Valkey server: `RedisStore`, `redis:` and its relatives |
//!
//! # How it is built
//!
//! [`queue`] is the whole of the rules: a pure state machine without a lock, a clock or a future. The memory store
//! puts a lock and wakers around it; a shared [`Store`] does the same transitions in its own language. Time
//! can be moved by hand in tests: [`ManualClock`].

mod acquire;
mod actor;
mod audit;
mod block_on;
mod change;
mod command;
mod connect;
#[cfg(any(feature = "redis", feature = "sqlite"))]
mod cycle_json;
mod defaults;
#[doc(hidden)]
pub mod descriptors;
mod diagnosis;
mod error;
mod event;
mod file_url;
mod glob;
#[cfg(test)]
mod interleavings;
mod memory;
pub mod pages;
mod permit;
pub mod provider;
mod redact;
#[cfg(feature = "redis")]
mod redis;
mod semaphore;
mod semaphores;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod store_url_error;
mod sweep;
mod sync;

// The pure core is a crate of its own. Inside of this one its modules have the paths of our own.
pub use cla_queue::queue;
use cla_queue::{display, history, id, name, owner, request, slot, slots, time, view};

// The wait-for graph, for stores that look for cycles themselves.
mod deadlock {
    pub(crate) use cla_queue::graph;
}

pub use acquire::Acquire;
pub use actor::Actor;
pub use audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry, AuditQuery, AuditState};
pub use change::{ChangeError, PlaceChange, SlotsChange};
pub use command::{AdminAction, AdminCommand};
pub use connect::{StoreUrl, StoreUrlError};
pub use defaults::Defaults;
pub use diagnosis::{ClientView, Diagnosis, Fact};
pub use display::{is_unprintable, printable, printable_lines};
pub use error::{
    AcquireError, AdminError, DeadlockError, DeadlockLink, RefreshError, ReleaseError, StoreError,
    lost_message,
};
pub use event::{Event, EventHub, EventKind, Events, EventsError};
pub use file_url::SqliteUrl;
pub use glob::{Glob, GlobError};
pub use history::{HISTORY_AGE, HISTORY_KEPT, HistoryQuery};
pub use id::{IdError, RequestId, RunId};
pub use memory::ManualClock;
pub use name::{NameError, SemaphoreName};
pub use owner::{NamedRun, Owner};
pub use permit::Permit;
pub use provider::Provider;
#[cfg(feature = "redis")]
pub use redis::{
    AddressCheck, ConnectError, RedisConnection, RedisPush, RedisStore, RedisUrl, ReplyError,
    RequestError,
};
pub use request::{Priority, Request, Ttl, TtlError};
pub use semaphore::Semaphore;
pub use semaphores::Semaphores;
pub use slot::{SlotHolder, SlotId, SlotIdError, SlotState, TakenSlot};
pub use slots::{Slots, SlotsError};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::{BoxFuture, Store, StorePermit};
pub use time::Timestamp;
pub use view::{RequestView, SemaphoreView, Status};
