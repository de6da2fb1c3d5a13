//! The store of one machine: semaphores in a SQLite file, shared by all processes that open it.
//!
//! # How it hangs together
//!
//! ```text
//! SqliteStore, permits, futures ─ commands ─► worker thread ── turn ── transactions ─► file
//!                              ◄─ what became of requests ─┘ ◄── wake-ups ── workers of others
//! ```
//!
//! * [`transitions`] are the rules of the queue in SQL. Each runs in a transaction that excludes all
//!   other processes, and leaves the invariant in place: while a request waits, no slot is free.
//! * [`worker`] is the one thread of an open store, and owns its connection. It takes the commands that have
//!   come together into one transaction, and answers once that is committed. So no caller gets a permit before the
//!   whole machine can see it.
//! * A process queues for its [`turn`] to write. The system keeps that queue, so hundreds of processes neither
//!   disturb each other nor fail.
//! * A process that admits a request of another one sends it the admission as a [`message`], once that is committed. Any
//!   other outcome it leaves as a *notice* in the file, and then [`wake`]s that process. It does so for events, too. Both can
//!   get lost, so each process also looks at the file's change counter once a second.
//! * A [`process`] that is killed leaves its permits and places behind in the file. Other sessions reap them where they are
//!   in the way: a new request that would have to wait behind them, the one that would be admitted next, and an
//!   administrator who looks. The first in line learns from the system when a holder [`ends`], or looks a few times a
//!   second; the others in line look every few seconds.
//!
//! No process can leave anything half done in the file: what a transaction did not commit has not happened.
//!
//! # Limits
//!
//! Processes of different containers may share the file. One that lives is seen by its lock. What a killed one held is
//! free when its lease of 15 s has passed. File systems that several machines share are refused unless the user
//! accepts them: their locks do not keep the machines apart. What is done then is described at [`SqliteUrl`].
//!
//! If the file, its log or the log's index is deleted, replaced or overwritten, those who use it notice within about a
//! second; their permits are lost, and their waits go on in the new file. A newcomer waits until they have noticed. What is deleted together with the lock file, as by the
//! removal of the whole folder, is not to be seen, and there a newcomer may be let in before the holder has noticed.

mod clock;
mod columns;
mod ends;
mod file;
mod file_system;
mod inbox;
#[cfg_attr(
    not(unix),
    allow(dead_code, reason = "without pipes there are no messages")
)]
mod message;
mod order;
mod permit;
mod presence;
mod problem;
mod process;
mod records;
mod transitions;
mod turn;
mod view;
mod wake;
mod worker;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use self::inbox::Outbox;
use self::permit::SqlitePermit;
use self::transitions::Refreshed;
use self::worker::{Command, Worker};
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditQuery};
use crate::command::AdminCommand;
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, RefreshError, StoreError};
use crate::event::{EventHub, Events};
use crate::file_url::SqliteUrl;
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::store::{BoxFuture, Store, StorePermit};
use crate::view::{RequestView, SemaphoreView};

/// Semaphores in a SQLite file. See [`StoreUrl`](crate::StoreUrl) and the crate's page.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("semaphores.db");
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Request, SemaphoreName, Semaphores, SqliteStore};
///
/// // Two programs would do the same.
/// let one = Semaphores::with_store(SqliteStore::open(path.clone()));
/// let other = Semaphores::with_store(SqliteStore::open(path));
/// let mysem = SemaphoreName::new("mysem")?;
///
/// let permit = one.semaphore(&mysem).acquire().await?;
/// assert!(other.semaphore(&mysem).acquire().if_free().await?.is_none());
/// permit.release().await?;
/// assert!(other.semaphore(&mysem).acquire().if_free().await?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore {
    link: Arc<Link>,
}

/// The way to the worker. When the last clone is dropped, the worker ends and gives back all that the store has.
struct Link {
    file: Arc<SqliteUrl>,
    hub: Arc<EventHub>,
    /// Made, with the thread, at the first use.
    worker: OnceLock<Outbox>,
    /// Why there is none, if the system refused it; the next use tries again.
    refused: Mutex<Option<String>>,
}

impl SqliteStore {
    /// The store in a file, named by its path or with parameters. Nothing is opened, and no thread started, before the
    /// first use; the file is made then if it is missing, for its owner only unless the parameters say otherwise.
    #[must_use]
    pub fn open(file: impl Into<SqliteUrl>) -> Arc<Self> {
        Arc::new(Self {
            link: Arc::new(Link {
                file: Arc::new(file.into()),
                hub: Arc::new(EventHub::new()),
                worker: OnceLock::new(),
                refused: Mutex::new(None),
            }),
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.link.send(command(reply));
        Box::pin(async move { answer.await.map_err(|_| self.link.gone()) })
    }
}

impl Link {
    /// Hands a command to the worker. Without one the command is dropped, and with it what would answer.
    fn send(&self, command: Command) {
        if let Some(worker) = self.worker.get().or_else(|| self.start()) {
            worker.send(command);
        }
    }

    #[cold]
    fn start(&self) -> Option<&Outbox> {
        let mut refused = self.refused.lock();
        if let Some(worker) = self.worker.get() {
            return Some(worker);
        }
        let started = inbox::channel().and_then(|(outbox, inbox)| {
            Worker::start(Arc::clone(&self.file), Arc::clone(&self.hub), inbox).map(|()| outbox)
        });
        match started {
            Ok(outbox) => Some(self.worker.get_or_init(|| outbox)),
            Err(error) => {
                *refused = Some(format!("cannot start a thread for it: {error}"));
                None
            }
        }
    }

    /// There was no answer: there is no worker, or it has panicked.
    fn gone(&self) -> StoreError {
        let why = match self.worker.get() {
            None => self.refused.lock().clone(),
            Some(_) => None,
        };
        let why = why.unwrap_or_else(|| "its thread has ended".to_owned());
        problem::Problem::Other(why).error(self.file.path())
    }
}

/// Gives up a request whose future is dropped.
struct Abandon {
    link: Arc<Link>,
    id: RequestId,
    armed: bool,
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if self.armed {
            self.link.send(Command::Abandon(self.id));
        }
    }
}

impl Store for SqliteStore {
    fn acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>> {
        Box::pin(async move {
            let id = RequestId::unique();
            // It is given up also when the answer has come and was not read: the slot goes back to the store.
            let (reply, mut answer) = oneshot::channel();
            let mut given_up = Abandon {
                link: Arc::clone(&self.link),
                id,
                armed: true,
            };
            self.link.send(Command::Acquire {
                id,
                name,
                request,
                reply,
            });
            let answer = (&mut answer).await;
            given_up.armed = false;
            let permit = answer.map_err(|_| self.link.gone())??;
            Ok(SqlitePermit::boxed(permit, &self.link))
        })
    }

    fn try_acquire(
        self: Arc<Self>,
        name: SemaphoreName,
        request: Request,
    ) -> BoxFuture<'static, Result<Option<Box<dyn StorePermit>>, StoreError>> {
        Box::pin(async move {
            let id = RequestId::unique();
            let (reply, mut answer) = oneshot::channel();
            let mut given_up = Abandon {
                link: Arc::clone(&self.link),
                id,
                armed: true,
            };
            self.link.send(Command::TryAcquire {
                id,
                name,
                request,
                reply,
            });
            let answer = (&mut answer).await;
            given_up.armed = false;
            let permit = answer.map_err(|_| self.link.gone())??;
            Ok(permit.map(|permit| SqlitePermit::boxed(permit, &self.link)))
        })
    }

    fn release_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let answer = self.ask(|reply| Command::ReleaseSlot(name, slot, reply));
        Box::pin(async move { answer.await? })
    }

    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        let asked = (name.clone(), slot.clone());
        let answer = self.ask(|reply| Command::RefreshSlot(asked.0, asked.1, ttl, reply));
        Box::pin(async move {
            match answer.await?? {
                Refreshed::Yes => Ok(()),
                Refreshed::NotHeld => Err(RefreshError::NotHeld { name, slot }),
                Refreshed::NoTtl => Err(RefreshError::NoTtl { name }),
            }
        })
    }

    fn administer(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> BoxFuture<'_, Result<usize, AdminError>> {
        let answer = self.ask(|reply| Command::Administer(command, by, reply));
        Box::pin(async move { answer.await? })
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'_, Result<Vec<AuditEntry>, StoreError>> {
        let answer = self.ask(|reply| Command::Audit(query, reply));
        Box::pin(async move { answer.await? })
    }

    fn history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> BoxFuture<'_, Result<Vec<RequestView>, StoreError>> {
        let answer = self.ask(|reply| Command::History(name, query, reply));
        Box::pin(async move { answer.await? })
    }

    fn abandon(&self, run: RunId) {
        // Nothing is held or waits in a store that was never used.
        if self.link.worker.get().is_some() {
            self.link.send(Command::AbandonRun(run));
        }
    }

    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        // Nothing is held or waits in a store that was never used.
        if self.link.worker.get().is_some() {
            self.link.send(Command::MarkUnresponsive(run, since));
        }
    }

    fn note_dependents(&self, run: RunId, dependents: Arc<[NamedRun]>) {
        // Nothing waits in a store that was never used.
        if self.link.worker.get().is_some() {
            self.link.send(Command::NoteDependents(run, dependents));
        }
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        let answer = self.ask(|reply| Command::Show(None, reply));
        Box::pin(async move { answer.await? })
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        let answer = self.ask(|reply| Command::Show(Some(name), reply));
        Box::pin(async move { Ok(answer.await??.pop()) })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        let answer = self.ask(|reply| Command::Find(prefix.to_owned(), reply));
        Box::pin(async move { answer.await? })
    }

    fn subscribe(&self) -> Events {
        let events = self.link.hub.subscribe();
        self.link.send(Command::Observe);
        events
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        let answer = self.ask(Command::Diagnose);
        Box::pin(async move { answer.await? })
    }

    fn share_with_children(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        let answer = self.ask(Command::ShareWithChildren);
        Box::pin(async move { answer.await? })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.link.worker.get().is_none() {
            return Box::pin(async { Ok(()) });
        }
        let answer = self.ask(Command::Close);
        Box::pin(async move { answer.await? })
    }
}
