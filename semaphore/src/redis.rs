//! The store of many machines: semaphores in a Redis or Valkey server.
//!
//! # How it hangs together
//!
//! ```text
//! RedisStore, leases ── orders ─► driver ── one connection ─► server: Lua scripts, which decide everything
//!                                   ▲                            │
//!                                   └── answers, verdicts, events (pushed on the same connection)
//! ```
//!
//! The scripts in `lua/` are the transitions of [`queue`](crate::queue) in Lua, on the server's clock: no client's clock
//! is ever sent. Each touches the keys of one semaphore, which share a hash tag. The *driver* (`desk`) is one task on a
//! thread of its own, so futures make progress under any executor. It pipelines what is asked concurrently; a free
//! slot costs one round trip, giving it back none that anybody waits for.
//!
//! What a script does to requests of another store (it admits one, ends one) it publishes to that store's own channel,
//! so a waiter learns its turn without asking. The store of a waiter also sets an alarm for the earliest deadline that
//! the server told, so what is due happens without anybody coming by.
//!
//! # Slot ids
//!
//! A request's slot id stands in front of who asks, and a field of the semaphore's state leads from the id to the
//! request that holds it. When another session asks with the same id, it is noted beside the request, told of its end
//! and of new deadlines, and holds it *for another*: it renews, but gives nothing back when it goes. Data of a version
//! without slot ids are read as they are. Programs of such a version may share a server with this one's, but must not
//! use semaphores whose slots have ids: they would not tell those who share one.
//!
//! # Who listens
//!
//! Events are published only while somebody listens, as the server's own list of subscribers tells. A semaphore notes for
//! a second that nobody does (`qu` in its state), so that the short ways need not ask; who subscribes removes that note
//! everywhere before it sends what was asked after the subscription. In a cluster, where no node knows who listens at
//! another, everything is published. What waiting sessions are told is always published.
//!
//! # Sessions and leases
//!
//! An open store is a *session* with one lease (15 s unless the URL says otherwise), noted at every semaphore at which
//! it has requests and renewed there three times within it. Every script first lets deadlines and leases pass. A
//! holder counts its lease from when the last renewal that was answered was *sent*, on its own monotonic clock: it
//! therefore knows that it lost a permit before the server gives it to another.
//!
//! Renewals also ask what became of requests, in case what was published was lost (in a cluster, it may be).
//!
//! # When the server cannot be reached
//!
//! New requests wait until their timeout, which the store then enforces; administrators and `try_acquire` wait four
//! seconds. Holders go on until their lease may have passed; then their permits are lost. Everything that is sent
//! again after a reconnect carries its request's id, made by the client, and is done once. After a reconnect the store
//! asks what became of all that it holds and waits for.
//!
//! # When the server lost its data
//!
//! Each semaphore is born with a number. When it is there no more, or with another number, its data were lost, for a
//! semaphore in use is never removed. Then holders whose lease still stands come back, each with its id and token,
//! whether or not there are slots for them (they do hold), and waiters stand where they stood: places in line are
//! numbered by the server's clock, so a place from before is before all later ones. Tokens begin at the server's clock
//! and above the largest that any of them knew, so they do not go back.
//!
//! Newcomers must not take the slot of a holder that has yet to come back. The key `PREFIX:data` marks the data set.
//! A client that knew another mark than it finds says there that data were lost, and since when; for the longest lease
//! from then, semaphores that are made admit nobody but who comes back. Outside a cluster, every script that makes a
//! semaphore looks at the mark, so no client that knew the data set can make one by mistake; all clients are told at
//! once when the mark changes or goes (`CLIENT TRACKING`).
//!
//! *Limits.* A client that never used the data set cannot know that one was there before. It can be wrong in two
//! moments: after a restart without data, for which a client that finds no mark waits until the server has been up
//! for a second, in which the others try to reconnect at least five times; and in the milliseconds between a
//! `FLUSHALL` and the moment when the other clients hear of it. In a cluster, scripts cannot see the mark, and only the
//! node that has it counts: there a newcomer that makes a semaphore relies on what its own store has heard. When
//! a failover loses the last writes, permits that the new master does not know of are lost: their holders are
//! told at the reconnect. A semaphore's unpinned idle keys expire after a day, and leave nothing behind.
//!
//! # What the server sends
//!
//! `redis` keeps whatever the server announces. So this crate opens the sockets itself (`socket`), also those of a
//! cluster's client, and follows every reply before `redis` sees it (`replies`): one that would take more than 64 MiB ends
//! the connection. What an administrator asked fails with the reason; for all else it is an outage.
//!
//! # Why redis-rs
//!
//! Of the two well-kept clients, this store wants little, but that exactly: to write in order, to see what is pushed
//! in order with what is answered, and to decide itself what to send again. `redis`' multiplexed connection is just
//! that, over RESP3: it pipelines whatever is sent concurrently, delivers pushes through a channel, and ends when it
//! breaks. `fred` 10 has more: it reconnects, resubscribes and resends by policies of its own, which
//! would resend releases and acquires behind the back of a store that must know what is in doubt, and it talks to its
//! router task through one more queue. Both do clusters and TLS; `redis` is released every few weeks, `fred` last in
//! early 2025.

mod bounded;
mod circle;
mod connection;
mod desk;
mod diagnose;
mod dial;
mod keys;
mod lease;
mod link;
mod pushes;
mod records;
mod replies;
mod reply;
mod scripts;
mod socket;
mod succession;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::Cmd;
use tokio::sync::oneshot;

pub use self::connection::RedisConnection;
pub use self::dial::ConnectError;
pub use self::replies::ReplyError;
pub use self::url::RedisUrl;
use self::url::Topology;
use crate::actor::Actor;
use crate::audit::{AUDIT_AGE, AUDIT_KEPT, AuditEntry, AuditQuery};
use crate::command::{AdminAction, AdminCommand};
use crate::diagnosis::Diagnosis;
use crate::error::{AcquireError, AdminError, RefreshError, StoreError};
use crate::event::{EventHub, Events};
use crate::history::HistoryQuery;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::store::{BoxFuture, Store, StorePermit};
use crate::view::{RequestView, SemaphoreView, Status};
use desk::{Desk, Order, What};
use keys::Names;
use lease::{Hold, RedisLease};
use reply::{Shown, array, digits, integer, natural, text};
use scripts::Script;
use succession::Succession;

/// What all parts of a store share.
struct Settings {
    url: RedisUrl,
    names: Names,
    /// Names this open store: host, process, and something that no other has.
    session: String,
    /// Where it is told what became of its requests.
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

/// A text that nobody else has.
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

/// Semaphores in a Redis or Valkey server. See the module page.
pub struct RedisStore {
    url: RedisUrl,
    /// Of another process, if this one goes on with what that held.
    session: Option<String>,
    hub: Arc<EventHub>,
    /// Made at the first use.
    desk: Mutex<Option<Desk>>,
    /// Who wants to hear what is not as it should be, once it is made.
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
            desk: Mutex::new(None),
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
        let desk = store.desk()?;
        let (answer, answered) = oneshot::channel();
        desk.give(Order::Succeed { from, answer });
        let hold = answered.await.map_err(|_| desk.gone())?;
        let lease = hold.map(|hold| {
            let name = hold.name.clone();
            let lease: Box<dyn StorePermit> = Box::new(RedisLease::new(hold, desk));
            (name, lease)
        });
        Ok((store, lease))
    }

    fn desk(&self) -> Result<Desk, StoreError> {
        let mut desk = self.desk.lock();
        if let Some(open) = desk.as_ref().filter(|desk| !desk.is_closed()) {
            return Ok(open.clone());
        }
        let (url, session) = (self.url.clone(), self.session.clone());
        let settings = Arc::new(Settings::new(url, session, Arc::clone(&self.hub)));
        let open = desk::open(Arc::clone(&settings)).map_err(|error| settings.failed(error))?;
        if self.hub.is_observed() {
            open.give(Order::Observe);
        }
        for answer in std::mem::take(&mut *self.cautions.lock()) {
            open.give(Order::Caution(answer));
        }
        Ok(desk.insert(open).clone())
    }

    async fn take(
        &self,
        name: SemaphoreName,
        request: Request,
        joins: bool,
    ) -> Result<Option<Box<dyn StorePermit>>, AcquireError> {
        let mut asking = Asking {
            id: keys::request_id(&name),
            desk: self.desk()?,
            answered: false,
        };
        let (answer, answered) = oneshot::channel();
        asking.desk.give(Order::Acquire {
            id: asking.id,
            name,
            request,
            joins,
            answer,
        });
        let outcome = answered.await;
        asking.answered = true;
        match outcome {
            Ok(outcome) => Ok(outcome?.map(|hold: Arc<Hold>| {
                Box::new(RedisLease::new(hold, asking.desk.clone())) as Box<dyn StorePermit>
            })),
            Err(_) => Err(asking.desk.gone().into()),
        }
    }

    /// A command on the semaphore `name`.
    fn command(
        desk: &Desk,
        script: Script,
        name: &SemaphoreName,
        arguments: impl FnOnce(&mut Cmd),
    ) -> What {
        let names = &desk.settings.names;
        let mut command = scripts::run(script, &names.keys(name));
        command.arg(&names.prefix);
        arguments(&mut command);
        What::Script(script, Arc::new(command))
    }

    /// The names of all semaphores, in no order.
    async fn names(&self, desk: &Desk) -> Result<Vec<SemaphoreName>, StoreError> {
        let names = &desk.settings.names;
        let mut command = redis::cmd("SMEMBERS");
        command.arg(&names.index);
        let members = desk.ask(What::Plain(Arc::new(command)), true).await?;
        let members = array(&members).unwrap_or_default();
        Ok(members
            .iter()
            .filter_map(text)
            .filter_map(|key| names.name(key))
            .collect())
    }

    /// All semaphores, by name.
    /// All that can be read; and the names of those that cannot, as something else wrote into their keys.
    async fn shown(&self, desk: &Desk) -> Result<(Vec<Shown>, Vec<SemaphoreName>), StoreError> {
        let names = self.names(desk).await?;
        // All are asked before the first answer is awaited.
        let asked: Vec<_> = names
            .into_iter()
            .map(|name| {
                let what = Self::command(desk, Script::Show, &name, |_| {});
                (name, desk.asking(what, true))
            })
            .collect();
        let mut all = Vec::with_capacity(asked.len());
        let mut damaged = Vec::new();
        for (name, answered) in asked {
            let answer = match answered.await {
                Err(StoreError::Failed { cause, .. }) if cause.is::<Damaged>() => {
                    // `show` and `doctor` tell of it; the others are to be seen.
                    damaged.push(name);
                    continue;
                }
                answer => answer?,
            };
            if answer != redis::Value::Nil {
                all.push(Self::read(desk, &name, &answer)?);
            } else if !desk.settings.names.together {
                Self::forget_name(desk, &name).await?;
            }
        }
        all.sort_unstable_by(|a, b| a.view.name.cmp(&b.view.name));
        Ok((all, damaged))
    }

    fn read(desk: &Desk, name: &SemaphoreName, answer: &redis::Value) -> Result<Shown, StoreError> {
        reply::shown_semaphore(name, answer).ok_or_else(|| desk.settings.failed(Unreadable))
    }

    /// Takes the name of a semaphore that is gone out of the index, unless it comes back meanwhile. In a cluster, where
    /// no script sees both.
    async fn forget_name(desk: &Desk, name: &SemaphoreName) -> Result<(), StoreError> {
        let names = &desk.settings.names;
        let key = names.keys(name)[0].clone();
        let ask = |word: &str, keys: &[&str]| {
            let mut command = redis::cmd(word);
            command.arg(keys);
            desk.asking(What::Plain(Arc::new(command)), true)
        };
        ask("SREM", &[&names.index, &key]).await?;
        if integer(&ask("EXISTS", &[&key]).await?) == Some(1) {
            ask("SADD", &[&names.index, &key]).await?;
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let action = command.action();
        match command {
            AdminCommand::Grant { request }
            | AdminCommand::Cancel { request }
            | AdminCommand::Release { request } => self.steer(request, action, 0, by).await,
            AdminCommand::Move { request, place } => {
                let place = place.clamp(1, u32::MAX as usize);
                self.steer(request, action, place, by).await
            }
            AdminCommand::SetSlots { semaphore, slots } => {
                self.manage(semaphore, action, Some(slots), by).await
            }
            AdminCommand::Pin { semaphore }
            | AdminCommand::Unpin { semaphore }
            | AdminCommand::Purge { semaphore }
            | AdminCommand::ForceRelease { semaphore }
            | AdminCommand::Forget { semaphore } => self.manage(semaphore, action, None, by).await,
        }
    }

    /// Does something to a waiting request, or takes the slot of a busy one.
    async fn steer(
        &self,
        id: RequestId,
        action: AdminAction,
        value: usize,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let desk = self.desk()?;
        let names = self.names(&desk).await?;
        let by = records::actor(by.as_ref());
        for name in names.iter().filter(|name| keys::may_be_of(id, name)) {
            let keys = desk.settings.names.admin_keys(name);
            let mut command = scripts::run(Script::Steer, &keys);
            command
                .arg(&desk.settings.names.prefix)
                .arg(action.as_str())
                .arg(digits(id))
                .arg(value)
                .arg(&by)
                .arg(AUDIT_KEPT)
                .arg(AUDIT_AGE.as_secs());
            let what = What::Script(Script::Steer, Arc::new(command));
            let answer = desk.ask(what, false).await?;
            match text(&answer) {
                Some("ok") => {
                    Self::note_audited(&desk, name).await?;
                    return Ok(1);
                }
                Some(status) => {
                    let status = reply::status(status).unwrap_or(Status::Done);
                    return Err(match action {
                        AdminAction::Release => AdminError::NotBusy { id, status },
                        _ => AdminError::NotWaiting { id, status },
                    });
                }
                None => {}
            }
        }
        Err(AdminError::UnknownRequest { id: id.to_string() })
    }

    /// Does something to a semaphore. Says how many requests it concerned.
    async fn manage(
        &self,
        name: SemaphoreName,
        action: AdminAction,
        slots: Option<Slots>,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let desk = self.desk()?;
        let value = slots.map(reply::shown).unwrap_or_default();
        let answer = desk.manage(name.clone(), action, value, by).await?;
        let fields = array(&answer).unwrap_or_default();
        let field = |at: usize| {
            fields
                .get(at)
                .and_then(natural)
                .map(|number| number as usize)
        };
        if fields.first().and_then(integer) == Some(-1) {
            return Err(AdminError::UnknownSemaphore { name });
        }
        let (Some(answer), Some(busy), Some(waiting)) = (field(0), field(1), field(2)) else {
            return Err(desk.settings.failed(Unreadable).into());
        };
        match action {
            AdminAction::Forget if answer > 0 => {
                return Err(AdminError::InUse {
                    name,
                    busy,
                    waiting,
                });
            }
            _ => Self::note_audited(&desk, &name).await?,
        }
        match action {
            // Slots may have been taken away.
            AdminAction::SetSlots | AdminAction::Unpin if waiting > 0 => {
                circle::recheck(&desk, &name).await?;
            }
            _ => {}
        }
        Ok(answer)
    }

    async fn find_id(&self, prefix: &str) -> Result<RequestId, AdminError> {
        let desk = self.desk()?;
        let wanted: String = prefix
            .trim()
            .chars()
            .filter(|c| *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let names = self.names(&desk).await?;
        let whole = reply::id(&wanted);
        let asked: Vec<_> = names
            .iter()
            .filter(|name| whole.is_none_or(|id| keys::may_be_of(id, name)))
            .map(|name| {
                let what = Self::command(&desk, Script::Find, name, |command| {
                    command
                        .arg(&wanted)
                        .arg(crate::queue::ENDED_SHOWN.as_micros() as u64);
                });
                desk.asking(what, true)
            })
            .collect();
        let (mut live, mut ended) = (Vec::new(), Vec::new());
        for answered in asked {
            let answer = answered.await?;
            let ids = |at: usize| {
                let found = array(&answer).and_then(|both| array(both.get(at)?));
                found
                    .unwrap_or_default()
                    .iter()
                    .filter_map(text)
                    .filter_map(reply::id)
            };
            live.extend(ids(0));
            ended.extend(ids(1));
        }
        let found = if live.is_empty() { ended } else { live };
        match *found {
            [id] => Ok(id),
            [] => Err(AdminError::UnknownRequest {
                id: prefix.to_owned(),
            }),
            _ => Err(AdminError::AmbiguousId {
                prefix: prefix.to_owned(),
                matches: found.len(),
            }),
        }
    }
}

/// A request until it is answered. Dropped before, it gives up.
struct Asking {
    desk: Desk,
    id: RequestId,
    answered: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.answered {
            self.desk.give(Order::Abandon(self.id));
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
                // Whoever does not wait cannot be cancelled, time out, or be in a circle.
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
            let desk = self.desk()?;
            let what = Self::command(&desk, Script::Slot, &name, |command| {
                command.arg(keys::encode(slot.as_str())).arg("");
            });
            // Asked again, it might release what was acquired anew.
            let answer = desk.ask(what, false).await?;
            Ok(integer(&answer) == Some(1))
        })
    }

    fn refresh_slot(
        &self,
        name: SemaphoreName,
        slot: SlotId,
        ttl: Ttl,
    ) -> BoxFuture<'_, Result<(), RefreshError>> {
        Box::pin(async move {
            let desk = self.desk()?;
            let what = Self::command(&desk, Script::Slot, &name, |command| {
                let slot = keys::encode(slot.as_str());
                command.arg(slot).arg(desk::micros(ttl.duration()));
            });
            match integer(&desk.ask(what, true).await?) {
                Some(1) => Ok(()),
                Some(2) => Err(RefreshError::NoTtl { name }),
                _ => Err(RefreshError::NotHeld { name, slot }),
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
        if let Some(desk) = self.desk.lock().as_ref() {
            desk.give(Order::AbandonRun(run));
        }
    }

    fn mark_unresponsive(&self, run: RunId, since: Option<Instant>) {
        // Nothing is held or waits in a store that was never used.
        if let Some(desk) = self.desk.lock().as_ref() {
            desk.give(Order::MarkUnresponsive(run, since));
        }
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            let desk = self.desk()?;
            let (all, _) = self.shown(&desk).await?;
            Ok(all.into_iter().map(|shown| shown.view).collect())
        })
    }

    fn show(
        &self,
        name: SemaphoreName,
    ) -> BoxFuture<'_, Result<Option<SemaphoreView>, StoreError>> {
        Box::pin(async move {
            let desk = self.desk()?;
            let what = Self::command(&desk, Script::Show, &name, |_| {});
            match desk.ask(what, true).await? {
                redis::Value::Nil => Ok(None),
                answer => Ok(Some(Self::read(&desk, &name, &answer)?.view)),
            }
        })
    }

    fn find<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<RequestId, AdminError>> {
        Box::pin(self.find_id(prefix))
    }

    fn subscribe(&self) -> Events {
        let events = self.hub.subscribe();
        // A store that cannot be opened says so to those who ask it something.
        if let Ok(desk) = self.desk() {
            desk.give(Order::Observe);
        }
        events
    }

    fn diagnose(&self) -> BoxFuture<'_, Result<Diagnosis, StoreError>> {
        Box::pin(async move {
            let desk = self.desk()?;
            let take = diagnose::probe(&desk).await?;
            // Where nothing can be written, nothing can be looked at either: what is due happens first.
            let (shown, damaged) = match &take {
                Ok(()) => self.shown(&desk).await?,
                Err(_) => (Vec::new(), Vec::new()),
            };
            diagnose::diagnose(&desk, take, &shown, &damaged).await
        })
    }

    fn cautions(&self) -> BoxFuture<'_, Vec<String>> {
        let (answer, answered) = oneshot::channel();
        if self.url.warnings {
            // Where nothing was asked yet, this is no reason to connect.
            let desk = self.desk.lock();
            match desk.as_ref().filter(|desk| !desk.is_closed()) {
                Some(desk) => desk.give(Order::Caution(answer)),
                None => self.cautions.lock().push(answer),
            }
        }
        Box::pin(async { answered.await.unwrap_or_default() })
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.cautions.lock().clear();
            let open = self.desk.lock().take();
            let Some(desk) = open.filter(|desk| !desk.is_closed()) else {
                return Ok(());
            };
            let (answer, answered) = oneshot::channel();
            desk.give(Order::Close(answer));
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
