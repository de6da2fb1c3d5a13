//! What a store is, drawn for remote ones: everything may take time and may fail, and what was given
//! may be lost.
//!
//! The memory store does not go through this interface: a free slot in memory is taken without a
//! boxed future. Whatever it does, a [`Store`] does the same, in whatever language its database
//! speaks: the transitions of [`queue`](crate::queue).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, RefreshError, ReleaseError, StoreError};
use crate::event::Events;
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::view::{RequestView, SemaphoreView};

/// A future on the heap.
///
/// See [`Store`] for an example.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A place that keeps semaphores, shared by processes or machines.
///
/// # What an implementation promises
/// - Its futures make progress under any executor, also one that only polls (a plain thread): what
///   needs a runtime of its own brings it along.
/// - Dropping the future of [`acquire`](Store::acquire) removes the request, or releases what it had just been
///   given, without being polled again; if the store cannot be reached then, its lease does it.
/// - A dead process's permits and places in line are gone within the lease.
/// - Events of one semaphore come in the order in which they happened.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::sync::Arc;
/// use cla_semaphore::{Request, SemaphoreName, Semaphores, SqliteStore, Store};
///
/// let folder = tempfile::tempdir()?;
/// let store: Arc<dyn Store> = SqliteStore::open(folder.path().join("semaphores.db"));
/// let name = SemaphoreName::new("db")?;
/// let permit = Arc::clone(&store).acquire(name.clone(), Request::new()).await?;
/// assert!(!permit.is_lost());
/// assert_eq!(store.list().await?[0].busy, 1);
/// permit.release().await?;
/// // Programs use it through the facade.
/// assert!(Semaphores::with_store(store).semaphore(&name).acquire().if_free().await?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Store: Send + Sync + 'static {
    /// Waits for a slot.
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>>;

    /// Takes a slot if one is free now; never joins the line.
    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>>;

    /// Gives back the slot that a slot id holds, no matter who took it; says whether it held one.
    fn release_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Moves the deadline of the slot that a slot id holds, no matter who took it.
    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>>;

    /// Carries out a command of an administrator. Says how many requests it concerned: those that a purge or a forced
    /// release ended or let through, one for a grant, a cancel or a move, none for the others.
    ///
    /// `by` is who gives it, if that is known. The store keeps it with the requests that the command concerns, tells it
    /// with the events of what the command does, and writes an [`AuditEntry`] in the same step as the change.
    fn administer(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>>;

    /// Commands that changed something, newest first.
    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>>;

    /// Requests of a semaphore that ended, newest first.
    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>>;

    /// Gives up a run: ends what this client holds and waits for on its behalf. The permits are lost as when the lease
    /// [passes](StorePermit::lease_passed), the waits end with [`AcquireError::Abandoned`]; slots that were
    /// [left](StorePermit::leave) stay. Does not block. What cannot be done now is done as soon as the store can be reached.
    fn abandon(&self, run: RunId);

    /// A run does not answer since then, or answers again (`None`): marks what this client holds and waits for on its
    /// behalf, or takes the marks back. Views show a mark as
    /// [`unresponsive_since`](RequestView::unresponsive_since), until the request ends. Each request that this changes has
    /// an event, [`Unresponsive`](crate::EventKind::Unresponsive) or [`Responsive`](crate::EventKind::Responsive); one that
    /// is marked already keeps its time. Does not block, and calls take effect in their order.
    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>);

    /// These runs wait for the end of `run` from now on, the nearest first: notes it with what `run` waits for in line through
    /// this client, and refuses a wait that can now never end. Does not block. A store that finds no deadlocks does
    /// nothing.
    fn note_dependents(&self, run: RunId, dependents: Arc<[NamedRun]>) {
        let _ = (run, dependents);
    }

    /// All semaphores, by name.
    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>>;

    /// One semaphore.
    fn show(&self, name: SemaphoreName)
    -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>>;

    /// The one request whose id begins with `prefix`.
    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>>;

    /// What happens from now on. A store that loses its connection says so with
    /// [`EventsError::Missed`](crate::EventsError::Missed), then and when it is back. What the same client asks
    /// after this comes after the subscription.
    fn subscribe(&self) -> Events;

    /// How the store is doing.
    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>>;

    /// Lets the child processes that this one starts from now on keep what it holds: should it be killed, that stays held
    /// until the last of them has ended. Says whether the store can do that. What is given back is given back all the
    /// same.
    fn share_with_children(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    /// What is not as it should be with the place where the semaphores are, in sentences for people: it may lose what it keeps,
    /// or it is set up so that holders lose their slots easily. Ends when the store was used for the first time and has
    /// looked, or when it is closed before that. Is never itself a reason to open the store, and never fails.
    fn cautions(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async { Vec::new() })
    }

    /// Ends when the store has heard all that was given back so far. What is still held or waits is given
    /// back, too; later requests open the store anew.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// One permit of a [`Store`]. Dropping it gives it back, without waiting for the store.
///
/// See [`Store`] for an example.
pub trait StorePermit: Send + Sync + 'static {
    /// The request that was admitted.
    fn id(&self) -> RequestId;
    /// Its fencing token.
    fn token(&self) -> u64;
    /// How long it waited.
    fn waited(&self) -> Duration;
    /// When it was admitted.
    fn started_at(&self) -> SystemTime;
    /// How long ago that is.
    fn held(&self) -> Duration;
    /// Whether an administrator let it through, outside the slots.
    fn granted(&self) -> bool;
    /// Whether it is known to be lost: its TTL or lease passed, or an administrator took it.
    fn is_lost(&self) -> bool;
    /// Whether it was lost by accident: the store could not be reached for longer than the lease, or
    /// took its process for dead, or lost what it knew; or its run was [given up](Store::abandon).
    fn lease_passed(&self) -> bool {
        false
    }
    /// What another process of this machine needs to go on holding it, should this one be killed: see
    /// [`Semaphores::succeed`](crate::Semaphores::succeed). Nothing if there is no such way.
    fn succession(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async { None })
    }
    /// Ends when it is lost.
    fn lost(&self) -> BoxFuture<'_, ()>;
    /// Moves its deadline.
    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>>;
    /// Gives it back, and says whether it was still held.
    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>>;
    /// Lets it go without giving the slot back, which stays until it is released by its slot id or by an
    /// administrator, its TTL passes, or the session ends.
    fn leave(self: Box<Self>);
}
