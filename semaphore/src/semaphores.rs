//! [`Semaphores`]: all semaphores of one store.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::defaults::Defaults;
use crate::diagnosis::Diagnosis;
use crate::error::{AdminError, RefreshError, StoreError};
use crate::event::Events;
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::memory::{ManualClock, MemoryStore};
use crate::name::{NameError, SemaphoreName};
use crate::owner::NamedRun;
use crate::request::Ttl;
use crate::semaphore::Semaphore;
use crate::slot::{SlotId, SlotState};
use crate::slots::Slots;
use crate::store::Store;
use crate::view::{RequestView, SemaphoreView};

/// All semaphores of one store. Cheap to clone; all clones are the same store.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{SemaphoreName, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let mysem = SemaphoreName::new("mysem")?;
///
/// let permit = semaphores.semaphore(&mysem).acquire().await?;
/// // ... at most one of us is here at a time ...
/// permit.release().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Semaphores {
    backend: Backend,
    /// The administrator who gives the commands, if that was said.
    actor: Option<Actor>,
    /// What requests have that do not say otherwise.
    defaults: Option<Arc<Defaults>>,
}

#[derive(Clone)]
enum Backend {
    Memory(Arc<MemoryStore>),
    Remote(Arc<dyn Store>),
}

impl Semaphores {
    const fn over(backend: Backend) -> Self {
        Self {
            backend,
            actor: None,
            defaults: None,
        }
    }

    /// Semaphores of this process, in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::over(Backend::Memory(MemoryStore::new()))
    }

    /// Semaphores of this process whose time a test moves by hand.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::Duration;
    /// use cla_semaphore::{ManualClock, Semaphores, Ttl};
    ///
    /// let clock = ManualClock::new();
    /// let db = Semaphores::memory_with_clock(&clock).get("db")?;
    /// let permit = db.acquire().ttl(Ttl::from_secs(3600)?).await?;
    /// clock.advance(Duration::from_secs(3600));
    /// assert!(permit.is_lost());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn memory_with_clock(clock: &ManualClock) -> Self {
        Self::over(Backend::Memory(MemoryStore::with_clock(clock)))
    }

    /// Whether the time of these semaphores is that of `clock`: they were made with [`memory_with_clock`](Self::memory_with_clock)
    /// of it. A store that processes share has the time of its machine, which no clock moves.
    ///
    /// ```
    /// use cla_semaphore::{ManualClock, Semaphores};
    ///
    /// let clock = ManualClock::new();
    /// assert!(Semaphores::memory_with_clock(&clock).follows(&clock));
    /// assert!(!Semaphores::memory().follows(&clock));
    /// ```
    #[must_use]
    pub fn follows(&self, clock: &ManualClock) -> bool {
        match &self.backend {
            Backend::Memory(store) => store.follows(clock),
            Backend::Remote(_) => false,
        }
    }

    /// Semaphores that live in a shared store.
    #[must_use]
    pub fn with_store(store: Arc<dyn Store>) -> Self {
        Self::over(Backend::Remote(store))
    }

    /// The same store, for the commands of `actor`: the audit, the events and the rows of what they do say who did it.
    /// Cheap, so a program that gives commands for many people makes one for each command.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Actor, SemaphoreName, Semaphores, Slots};
    ///
    /// let semaphores = Semaphores::memory();
    /// let mut events = semaphores.subscribe();
    /// let anna = Actor::new("anna", "db1", "panel");
    /// semaphores.acting_as(anna.clone()).set_slots(&SemaphoreName::new("x")?, Slots::LOCKED).await?;
    /// assert_eq!(events.recv().await?.by, Some(anna));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self {
            actor: Some(actor),
            ..self.clone()
        }
    }

    /// The same store, for requests that have `defaults` where they say nothing. They take the place of those that were
    /// given before. Cheap, so a host can make one for each of its tenants.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Defaults, Owner, Semaphores, Ttl};
    ///
    /// let semaphores = Semaphores::memory().with_defaults(
    ///     Defaults::new()
    ///         .namespace("shop")
    ///         .ttl(Ttl::from_secs(60)?)
    ///         .owner(Owner::process("checkout")),
    /// );
    /// let stock = semaphores.get("stock")?;
    /// assert_eq!(stock.name().as_str(), "shop/stock");
    /// let _permit = stock.acquire().await?;
    /// let view = semaphores.show(stock.name()).await?.expect("it is held");
    /// assert_eq!(view.requests[0].who.as_deref(), Some("checkout"));
    /// assert!(view.requests[0].expires_at.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_defaults(&self, defaults: Defaults) -> Self {
        Self {
            defaults: Some(Arc::new(defaults)),
            ..self.clone()
        }
    }

    /// A handle to the semaphore `name`, in the namespace of the [defaults](Self::with_defaults) if they have one. Creates
    /// nothing that others could see.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::Duration;
    /// use cla_semaphore::Semaphores;
    ///
    /// let semaphores = Semaphores::memory();
    /// let permit = semaphores.get("db")?.acquire().slots(2).timeout(Duration::from_secs(10)).await?;
    /// permit.release().await?;
    /// assert!(semaphores.get("").is_err(), "no semaphore has this name");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NameError`] when no semaphore can have this name.
    pub fn get(&self, name: &str) -> Result<Semaphore, NameError> {
        let name = match &self.defaults {
            Some(defaults) => defaults.name(name)?,
            None => SemaphoreName::new(name)?,
        };
        Ok(self.semaphore(&name))
    }

    /// The administrator who gives the commands, if that was [said](Self::acting_as).
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// A handle to the semaphore with this whole name. Creates nothing: the first request does.
    #[must_use]
    pub fn semaphore(&self, name: &SemaphoreName) -> Semaphore {
        match &self.backend {
            Backend::Memory(store) => Semaphore::memory(store, name, self.defaults.clone()),
            Backend::Remote(store) => Semaphore::remote(store, name.clone(), self.defaults.clone()),
        }
    }

    /// Gives back the slot of the semaphore `name` that `slot` holds. See [`Semaphore::release_slot`].
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn release_slot(
        &self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<bool, StoreError> {
        self.semaphore(name).release_slot(slot).await
    }

    /// Lets the slot of the semaphore `name` that `slot` holds live `ttl` longer, from now. See
    /// [`Semaphore::refresh_slot`].
    ///
    /// # Errors
    /// [`RefreshError::NotHeld`], [`RefreshError::NoTtl`]; [`RefreshError::Store`].
    pub async fn refresh_slot(
        &self,
        name: &SemaphoreName,
        slot: &SlotId,
        ttl: Ttl,
    ) -> Result<(), RefreshError> {
        self.semaphore(name).refresh_slot(slot, ttl).await
    }

    /// What is known of `slot` at the semaphore `name`. See [`Semaphore::slot_state`].
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn slot_state(
        &self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<SlotState, StoreError> {
        self.semaphore(name).slot_state(slot).await
    }

    /// Gives up a run that is past its limit and does not end, because its thread is stuck: what it holds is lost, as if
    /// its lease had passed ([`Permit::lease_passed`](crate::Permit::lease_passed)), and the next in line have their turn; what it waits for ends
    /// with [`AcquireError::Abandoned`](crate::AcquireError::Abandoned). Concerns the requests that were made with this run as [owner](crate::Owner)
    /// through this store as this process has it open. A slot that was [left](crate::Permit::leave) stays.
    ///
    /// Can be called from any thread, waits for nothing, and changes nothing for a run that has nothing. In a shared
    /// store, what was asked before is done first; if the store cannot be reached, it is done as soon as that is
    /// possible. Should the run go on after all, it finds its permits lost, and does no harm by giving them back.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Owner, RunId, SemaphoreName, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let x = SemaphoreName::new("x")?;
    /// let stuck = RunId::unique();
    /// let owner = Owner::process("stuck.js").with_run(stuck);
    /// let permit = semaphores.semaphore(&x).acquire().owner(owner).await?;
    ///
    /// semaphores.abandon(stuck);
    /// assert!(permit.is_lost() && permit.lease_passed());
    /// assert!(semaphores.semaphore(&x).acquire().if_free().await?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abandon(&self, run: RunId) {
        match &self.backend {
            Backend::Memory(store) => store.abandon(run),
            Backend::Remote(store) => store.abandon(run),
        }
    }

    /// Notes that a run does not answer since then, or answers again (`None`), for those who look: all that it holds and
    /// waits for through this store, as this process has it open, is shown with
    /// [`unresponsive_since`](RequestView::unresponsive_since), and each such request has an event,
    /// [`Unresponsive`](crate::EventKind::Unresponsive) or [`Responsive`](crate::EventKind::Responsive). Nothing else
    /// changes: to give up what the run has, there is [`abandon`](Self::abandon).
    ///
    /// Can be called from any thread, and again: a request that is marked keeps its time and has no second event. It waits
    /// for nothing; calls take effect in their order. While a shared store cannot be reached, a mark may get lost, so who
    /// watches a run marks it again from time to time.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::{Duration, Instant};
    ///
    /// use cla_semaphore::{Owner, RunId, SemaphoreName, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let x = SemaphoreName::new("x")?;
    /// let run = RunId::unique();
    /// let owner = Owner::process("stuck.js").with_run(run);
    /// let permit = semaphores.semaphore(&x).acquire().owner(owner).await?;
    ///
    /// semaphores.mark_unresponsive(run, Some(Instant::now()));
    /// let view = semaphores.show(&x).await?.expect("it is held");
    /// assert!(view.requests[0].unresponsive_for() < Some(Duration::from_secs(5)));
    /// assert!(!permit.is_lost());
    ///
    /// semaphores.mark_unresponsive(run, None);
    /// let view = semaphores.show(&x).await?.expect("it is held");
    /// assert_eq!(view.requests[0].unresponsive_since, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        match &self.backend {
            Backend::Memory(store) => store.mark_unresponsive(run, since),
            Backend::Remote(store) => store.mark_unresponsive(run, since),
        }
    }

    /// Notes that these runs wait for the end of `run` from now on, the nearest first: what it waits for in line holds them
    /// up, too. If a wait of it can now never end, because one of them holds the slot, it ends with
    /// [`AcquireError::Deadlock`](crate::AcquireError::Deadlock). Requests that `run` makes later say so by themselves:
    /// see [`Owner::with_dependents`](crate::Owner::with_dependents).
    ///
    /// Concerns the requests that were made through this store as this process has it open. Can be called from any thread,
    /// and waits for nothing. They wait until `run` has ended, so there is no way back.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{AcquireError, NamedRun, Owner, RunId, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let x = semaphores.get("x")?;
    /// let parent = NamedRun { run: RunId::unique(), who: "parent.js".to_owned() };
    /// let _held = x.acquire().owner(Owner::new(&*parent.who).with_run(parent.run)).await?;
    ///
    /// // It has started another run, which waits for the slot. The parent works, and may release it.
    /// let child = RunId::unique();
    /// let waiting = tokio::spawn(x.acquire().owner(Owner::new("child.js").with_run(child)));
    /// # while semaphores.list().await?[0].waiting == 0 { tokio::task::yield_now().await; }
    ///
    /// // Now it waits for the child.
    /// semaphores.note_dependents(child, &[parent]);
    /// assert!(matches!(waiting.await?, Err(AcquireError::Deadlock(_))));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn note_dependents(&self, run: RunId, dependents: &[NamedRun]) {
        match &self.backend {
            Backend::Memory(store) => store.note_dependents(run, &dependents.into()),
            Backend::Remote(store) => store.note_dependents(run, dependents.into()),
        }
    }

    /// Carries out a command of an administrator: what each does stands at the method of its name. Says how many
    /// requests it concerned: those that a purge or a forced release ended or let through, one for a grant, a cancel
    /// or a move, none for the others.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{AdminCommand, SemaphoreName, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let x = SemaphoreName::new("x")?;
    /// let permit = semaphores.semaphore(&x).acquire().await?;
    /// let command = AdminCommand::ForceRelease { semaphore: x };
    /// assert_eq!(semaphores.administer(command).await?, 1);
    /// assert!(permit.is_lost());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of the command's method.
    pub async fn administer(&self, command: AdminCommand) -> Result<usize, AdminError> {
        match &self.backend {
            Backend::Memory(store) => store.administer(&command, self.actor.as_ref()),
            Backend::Remote(store) => store.administer(command, self.actor.clone()).await,
        }
    }

    /// Sets the number of slots and pins it: it outranks what the code declares, until
    /// [`unpin`](Self::unpin). Creates the semaphore if it is not there.
    ///
    /// Raising it admits waiters at once, in order. Lowering it "won't have any effect on ongoing
    /// processes, only on new incoming semaphore requests" (README: *Steering*).
    /// 0 "will force enqueuing of all processes" (README: *Steering*); unlimited admits
    /// every request (README: *Steering*).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Semaphores, Slots};
    ///
    /// let semaphores = Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// semaphores.set_slots(db.name(), Slots::LOCKED).await?;
    /// // What an administrator sets outranks the code.
    /// assert!(db.acquire().slots(5).if_free().await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::Store`] when a shared store failed; [`AdminError::TooManyPinned`] when the store of this process keeps
    /// 100,000 pinned semaphores already.
    pub async fn set_slots(&self, name: &SemaphoreName, slots: Slots) -> Result<(), AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::SetSlots { semaphore, slots })
            .await?;
        Ok(())
    }

    /// Pins the number of slots as it is now. Creates the semaphore if it is not there.
    ///
    /// # Errors
    /// As of [`Semaphores::set_slots`].
    pub async fn pin(&self, name: &SemaphoreName) -> Result<(), AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::Pin { semaphore }).await?;
        Ok(())
    }

    /// Lets what the code declared count again, at once.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Semaphores, Slots};
    ///
    /// let semaphores = Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// semaphores.set_slots(db.name(), Slots::LOCKED).await?;
    /// semaphores.unpin(db.name()).await?;
    /// assert!(db.acquire().if_free().await?.is_some(), "the code decides again");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::UnknownSemaphore`]; [`AdminError::Store`].
    pub async fn unpin(&self, name: &SemaphoreName) -> Result<(), AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::Unpin { semaphore }).await?;
        Ok(())
    }

    /// Starts a waiting request now, outside the slots; when it ends, no slot frees (README: *Steering*).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let semaphores = cla_semaphore::Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// let _held = db.acquire().await?;
    /// let waiting = tokio::spawn(db.acquire());
    /// tokio::task::yield_now().await;
    /// let view = semaphores.show(db.name()).await?.expect("it is used");
    /// semaphores.grant(view.requests[1].id).await?;
    /// assert!(waiting.await??.granted());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::UnknownRequest`], [`AdminError::NotWaiting`]; [`AdminError::Store`].
    pub async fn grant(&self, id: RequestId) -> Result<(), AdminError> {
        self.administer(AdminCommand::Grant { request: id }).await?;
        Ok(())
    }

    /// Makes a waiting request fail with [`AcquireError::Cancelled`](crate::AcquireError::Cancelled) (README: *Steering*).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{AcquireError, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// let _held = db.acquire().await?;
    /// let waiting = tokio::spawn(db.acquire());
    /// tokio::task::yield_now().await;
    /// let view = semaphores.show(db.name()).await?.expect("it is used");
    /// semaphores.cancel(view.requests[1].id).await?;
    /// assert!(matches!(waiting.await?, Err(AcquireError::Cancelled { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::UnknownRequest`], [`AdminError::NotWaiting`]; [`AdminError::Store`].
    pub async fn cancel(&self, id: RequestId) -> Result<(), AdminError> {
        self.administer(AdminCommand::Cancel { request: id })
            .await?;
        Ok(())
    }

    /// Puts a waiting request at `place` in line: 1 is next, a number beyond the end is last. It is
    /// then served with those around it, whatever its priority.
    ///
    /// # Errors
    /// [`AdminError::UnknownRequest`], [`AdminError::NotWaiting`]; [`AdminError::Store`].
    pub async fn move_to(&self, id: RequestId, place: usize) -> Result<(), AdminError> {
        self.administer(AdminCommand::Move { request: id, place })
            .await?;
        Ok(())
    }

    /// Frees the slot of one busy request, whose work goes on; the line goes on in order. Its permit is lost.
    ///
    /// # Errors
    /// [`AdminError::UnknownRequest`], [`AdminError::NotBusy`]; [`AdminError::Store`].
    pub async fn release_request(&self, id: RequestId) -> Result<(), AdminError> {
        self.administer(AdminCommand::Release { request: id })
            .await?;
        Ok(())
    }

    /// Frees every held slot and grants every waiter at once. Says to how many requests that happened.
    /// The permits of those that were busy are lost.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let semaphores = cla_semaphore::Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// let held = db.acquire().await?;
    /// let waiting = tokio::spawn(db.acquire());
    /// tokio::task::yield_now().await;
    /// semaphores.purge(db.name()).await?;
    /// assert!(held.is_lost());
    /// assert!(waiting.await??.granted());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::UnknownSemaphore`]; [`AdminError::Store`].
    pub async fn purge(&self, name: &SemaphoreName) -> Result<usize, AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::Purge { semaphore }).await
    }

    /// Frees every held slot; the line goes on in order. Says how many requests that ended: their
    /// permits are lost (README: *Semaphores as objects*, `forceReleaseAll`).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let semaphores = cla_semaphore::Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// let held = db.acquire().await?;
    /// assert_eq!(semaphores.force_release(db.name()).await?, 1);
    /// assert!(held.is_lost());
    /// assert!(db.acquire().if_free().await?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`AdminError::UnknownSemaphore`]; [`AdminError::Store`].
    pub async fn force_release(&self, name: &SemaphoreName) -> Result<usize, AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::ForceRelease { semaphore })
            .await
    }

    /// Forgets an idle semaphore, with its pinned slots. Its fencing tokens go on from where they were
    /// should it come back.
    ///
    /// # Errors
    /// [`AdminError::InUse`], [`AdminError::UnknownSemaphore`]; [`AdminError::Store`].
    pub async fn forget(&self, name: &SemaphoreName) -> Result<(), AdminError> {
        let semaphore = name.clone();
        self.administer(AdminCommand::Forget { semaphore }).await?;
        Ok(())
    }

    /// Commands that changed something, newest first: who gave them, when, and what was before and after. The last
    /// [`AUDIT_KEPT`](crate::AUDIT_KEPT) are kept, for [`AUDIT_AGE`](crate::AUDIT_AGE).
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditEntry>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.audit(&query)),
            Backend::Remote(store) => store.audit(query).await,
        }
    }

    /// The requests of the semaphore `name` that ended, newest first: who held it and who waited, how long, and how it
    /// ended. The last [`HISTORY_KEPT`](crate::HISTORY_KEPT) are kept, for [`HISTORY_AGE`](crate::HISTORY_AGE). They go
    /// with their semaphore: when it is forgotten, or it was not used for so long that the store lets go of it.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn history(
        &self,
        name: &SemaphoreName,
        query: HistoryQuery,
    ) -> Result<Vec<RequestView>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.history(name, &query)),
            Backend::Remote(store) => store.history(name.clone(), query).await,
        }
    }

    /// Lets go of an idle semaphore of this process's memory, as the store by itself does with those that were not used for
    /// long. It is no administrator's command, so it is in no audit. Does nothing in a shared store, or if the semaphore is in
    /// use. For programs that make up names, and know when they are done with one.
    pub fn let_go(&self, name: &SemaphoreName) {
        if let Backend::Memory(store) = &self.backend {
            store.let_go(name);
        }
    }

    /// All semaphores, by name, each with all its requests.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn list(&self) -> Result<Vec<SemaphoreView>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.list()),
            Backend::Remote(store) => store.list().await,
        }
    }

    /// One semaphore with all its requests; `None` if it was never named.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn show(&self, name: &SemaphoreName) -> Result<Option<SemaphoreView>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.show(name)),
            Backend::Remote(store) => store.show(name.clone()).await,
        }
    }

    /// How the store is doing: whether it answers, what it is, who shares it.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn diagnose(&self) -> Result<Diagnosis, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.diagnose()),
            Backend::Remote(store) => store.diagnose().await,
        }
    }

    /// Lets the child processes that this one starts from now on keep what it holds: should it be killed, that stays held
    /// until the last of them has ended, as with flock(1). Says whether the store can do that: a SQLite file on Linux can.
    /// What is given back is given back all the same.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed.
    pub async fn share_with_children(&self) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Memory(_) => Ok(false),
            Backend::Remote(store) => store.share_with_children().await,
        }
    }

    /// What is not as it should be with the place where the semaphores are, in sentences for people: a Redis server that evicts
    /// keys or keeps nothing on disk, a lease that is shorter than the pauses of a network. Ends when the store was used for the
    /// first time and has looked, or is closed before that; it is never itself a reason to connect. Asked once in a program,
    /// it may be said once.
    pub async fn cautions(&self) -> Vec<String> {
        match &self.backend {
            Backend::Memory(_) => Vec::new(),
            Backend::Remote(store) => store.cautions().await,
        }
    }

    /// Waits until a shared store has heard all that was given back so far, and gives back what is still
    /// held or waits. For the end of a program, which else might be gone before the last release is: the
    /// store would find that out by itself, a little later. In memory there is nothing to wait for.
    ///
    /// # Errors
    /// [`StoreError`] when the store failed. Its lease frees what it did not hear of.
    pub async fn close(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Memory(_) => Ok(()),
            Backend::Remote(store) => store.close().await,
        }
    }

    /// The one request whose id begins with `prefix`, so that people need not type all of it. Live
    /// requests come before those that ended a moment ago.
    ///
    /// # Errors
    /// [`AdminError::UnknownRequest`], [`AdminError::AmbiguousId`]; [`AdminError::Store`].
    pub async fn find(&self, prefix: &str) -> Result<RequestId, AdminError> {
        /// No id is as long, however it is written.
        const MAX_CHARS: usize = 64;
        if let Some((end, _)) = prefix.char_indices().nth(MAX_CHARS) {
            let id = format!("{}…", &prefix[..end]);
            return Err(AdminError::UnknownRequest { id });
        }
        match &self.backend {
            Backend::Memory(store) => store.find(prefix),
            Backend::Remote(store) => store.find(prefix).await,
        }
    }

    /// Everything that happens from now on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{EventKind, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let mut events = semaphores.subscribe();
    /// let _permit = semaphores.get("db")?.acquire().await?;
    /// assert_eq!(events.recv().await?.kind, EventKind::Created);
    /// assert_eq!(events.recv().await?.kind, EventKind::Acquired);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Events {
        match &self.backend {
            Backend::Memory(store) => store.shared().hub.subscribe(),
            Backend::Remote(store) => store.subscribe(),
        }
    }
}

impl fmt::Debug for Semaphores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphores").finish_non_exhaustive()
    }
}
