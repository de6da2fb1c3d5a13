//! The desk: what callers hand their orders to, and the driver behind it, which owns the connection and knows every
//! request of this store until it is given back.
//!
//! The driver is one task on a thread of its own. It decides nothing that a script decides; what it decides is when to
//! ask again, whom to tell, and when a holder has heard nothing for so long that its lease may have passed.

mod cautions;
mod succession;
mod unresponsive;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::{Cmd, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::{mpsc, oneshot};

use self::cautions::Caution;
use super::circle;
use super::dial;
use super::keys::Keys;
use super::lease::Hold;
use super::link::{self, Connected, Connection, Mark, Trouble};
use super::pushes::Pushes;
use super::records;
use super::replies::ReplyError;
use super::reply::{self, array, digits, integer, natural, text};
use super::scripts::{self, Script};
use super::succession::Succession;
use super::{Closed, Damaged, Settings};
use crate::actor::Actor;
use crate::audit::{AUDIT_AGE, AUDIT_KEPT};
use crate::command::AdminAction;
use crate::error::{AcquireError, DeadlockError, StoreError};
use crate::event::{Event, EventKind};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::slots::Slots;

/// Administrators do not wait longer for a server that cannot be reached.
const ADMIN_LIMIT: Duration = Duration::from_secs(4);
/// Nor does the end of a program ...
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// ... unless so much is given back that the server is busy with it: it waits as long as answers come, up to this.
const LONGEST_CLOSE: Duration = Duration::from_secs(20);
/// A request whose timeout has passed gives the server this long to say so itself.
const GRACE: Duration = Duration::from_millis(500);
/// The pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);
/// How long what a cluster's node did not answer waits before it is asked again.
const AGAIN: Duration = Duration::from_millis(100);
/// Of how many requests a renewal asks what became of them, so that it stays short however long the line is.
const ASKED_PER_RENEWAL: usize = 256;
/// How many requests a script is told of at once when all are.
const CHUNK: usize = 1000;
/// How many renewals after a reconnect look for requests that only the server knows.
const SUSPICIOUS: u8 = 3;
/// What a run waits for is remembered this long, in seconds: a week. Whoever reads it asks the semaphore.
const RUN_KEPT: u64 = 7 * 24 * 3600;
/// Longer times, in microseconds, do not fit into what Lua counts exactly: 120 years are for ever.
const LONGEST: u64 = 3_800_000_000_000_000;

/// What callers ask for. Answers that never come say that the desk is closed.
pub(super) enum Order {
    Acquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        joins: bool,
        answer: oneshot::Sender<Result<Option<Arc<Hold>>, AcquireError>>,
    },
    Abandon(RequestId),
    /// A run was given up.
    AbandonRun(RunId),
    /// A run does not answer since then, or answers again.
    MarkUnresponsive(RunId, Option<Instant>),
    Release {
        id: RequestId,
        /// Whether it was still held.
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    },
    Refresh {
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    },
    Manage(Management),
    Ask {
        what: What,
        /// Whether it does no harm to be asked twice.
        again: bool,
        answer: oneshot::Sender<Result<Value, StoreError>>,
    },
    /// What another process needs to go on with a request.
    Succession {
        id: RequestId,
        answer: oneshot::Sender<Option<Succession>>,
    },
    /// Goes on with what another process held.
    Succeed {
        from: Box<Succession>,
        answer: oneshot::Sender<Option<Arc<Hold>>>,
    },
    /// Somebody wants to hear what is not as it should be with the server, once there is a connection.
    Caution(oneshot::Sender<Vec<String>>),
    /// Somebody subscribes.
    Observe,
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// What administrators do to a semaphore that may have to be made.
pub(super) struct Management {
    pub(super) name: SemaphoreName,
    pub(super) action: AdminAction,
    pub(super) value: String,
    /// Who gives the command.
    pub(super) by: Option<Actor>,
    pub(super) answer: oneshot::Sender<Result<Value, StoreError>>,
}

/// What became of an attempt to move a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refreshed {
    Moved,
    Lost,
    NoTtl,
}

/// What is sent.
#[derive(Clone)]
pub(super) enum What {
    Script(Script, Arc<Cmd>),
    Plain(Arc<Cmd>),
    Subscribe(String),
    Unsubscribe(String),
}

/// Takes orders. Cheap to clone. The driver ends when the last is gone.
#[derive(Clone)]
pub(super) struct Desk {
    orders: mpsc::UnboundedSender<Order>,
    pub(super) settings: Arc<Settings>,
}

impl Desk {
    pub(super) fn give(&self, order: Order) {
        // If the driver is gone, so is the answer's sender, which tells.
        let _ = self.orders.send(order);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.orders.is_closed()
    }

    pub(super) fn gone(&self) -> StoreError {
        self.settings.failed(Closed)
    }

    /// Asks the server, through the driver. Fails after a few seconds when it cannot be reached.
    pub(super) async fn ask(&self, what: What, again: bool) -> Result<Value, StoreError> {
        self.asking(what, again).await
    }

    /// The same; asked at once, whether or not the future is polled.
    pub(super) fn asking(
        &self,
        what: What,
        again: bool,
    ) -> impl Future<Output = Result<Value, StoreError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        self.give(Order::Ask {
            what,
            again,
            answer,
        });
        let settings = Arc::clone(&self.settings);
        async move {
            answered
                .await
                .unwrap_or_else(|_| Err(settings.failed(Closed)))
        }
    }

    pub(super) async fn manage(
        &self,
        name: SemaphoreName,
        action: AdminAction,
        value: String,
        by: Option<Actor>,
    ) -> Result<Value, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.give(Order::Manage(Management {
            name,
            action,
            value,
            by,
            answer,
        }));
        answered.await.unwrap_or_else(|_| Err(self.gone()))
    }
}

/// Starts a driver on its own thread.
pub(super) fn open(settings: Arc<Settings>) -> std::io::Result<Desk> {
    let (sender, orders) = mpsc::unbounded_channel();
    crate::descriptors::for_an_event_loop()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let weak = sender.downgrade();
    let desk = Desk {
        orders: sender,
        settings: Arc::clone(&settings),
    };
    std::thread::Builder::new()
        .name("cla-redis".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let mut driver = Driver::new(settings, orders, weak);
                // As a task it runs right after that of the connection, which wakes it. What `block_on` itself polls is
                // woken by way of the system.
                let work = tokio::spawn(std::future::poll_fn(move |cx| driver.poll(cx)));
                // If it panicked, its callers hear that it is closed.
                let _ = work.await;
            });
        })
        .map_err(|error| {
            let message = format!("cannot start a thread: {error}");
            std::io::Error::new(error.kind(), message)
        })?;
    Ok(desk)
}

/// A request of this store, from asking to its end.
struct Asked {
    name: SemaphoreName,
    declared: Option<Slots>,
    ttl: Option<Ttl>,
    priority: i32,
    limit: Option<Duration>,
    joins: bool,
    owner: Option<Owner>,
    slot: Option<SlotId>,
    /// Another session made it, and this one has permits of it: the same slot id was asked for.
    anothers: bool,
    asked_at: Instant,
    /// Taken when it is answered.
    answer: Option<oneshot::Sender<Result<Option<Arc<Hold>>, AcquireError>>>,
    /// The server may know of it.
    sent: bool,
    /// Of the semaphore, as the server numbers it.
    birth: u64,
    stage: Stage,
    /// Its alarm, if it has one.
    alarm: Option<Instant>,
    /// Its timeout has passed, and the server was asked to say so.
    overdue: bool,
    /// How it ended, if that came before the answer that it is admitted: what is pushed and what is answered come by
    /// different ways.
    ended: Option<String>,
}

/// What a request got whose slot id holds a slot already.
struct Shared {
    /// The request that holds it.
    holder: RequestId,
    token: u64,
    /// When it was asked for and given.
    times: (u64, u64),
    granted: bool,
    birth: u64,
    /// How long it is still held, in microseconds, if it expires.
    left: Option<u64>,
}

enum Stage {
    /// No answer yet.
    Asking,
    Waiting {
        requested: u64,
        key: String,
        class: String,
    },
    Held(Arc<Hold>),
}

impl Asked {
    fn run(&self) -> Option<RunId> {
        self.owner.as_ref().and_then(Owner::run)
    }

    const fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waiting { .. })
    }
}

/// A semaphore, as far as this store has to do with it.
struct Sem {
    keys: Keys,
    /// Its requests of this store.
    ids: HashSet<RequestId>,
    waiting: usize,
    held: usize,
    /// Permits of this store that were lost and not dropped yet: what was ended by force is shown until then.
    outlived: usize,
    /// Until then, what is held is surely held.
    leased_until: Instant,
    /// Of the semaphore in which our requests are.
    birth: u64,
    /// Of the semaphore when its name was last put into the index, where no script does that.
    indexed: u64,
    /// In force, declared, wanted; whether they are pinned. As last heard.
    slots: (i64, i64, i64, bool),
    /// The largest token that was heard of.
    token: u64,
    /// When to look whether something is due.
    due: Option<Instant>,
    suspicious: u8,
    /// Where the next renewal goes on asking.
    turn: usize,
    used: Instant,
}

/// Something sent, or to be sent.
struct Call {
    what: What,
    purpose: Purpose,
}

enum Purpose {
    Acquire(RequestId),
    /// Gives a request back and makes another. Its serial number and the one before are of this call alone.
    Exchange {
        returned: Returned,
        acquired: RequestId,
    },
    Release {
        id: RequestId,
        /// Its lease has passed by then.
        until: Instant,
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    },
    Refresh {
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    },
    Renew {
        name: SemaphoreName,
        birth: u64,
        ids: Vec<RequestId>,
    },
    Restore {
        name: SemaphoreName,
        ids: Vec<RequestId>,
    },
    Tick(SemaphoreName),
    Manage(Management),
    Ask {
        again: bool,
        answer: oneshot::Sender<Result<Value, StoreError>>,
    },
    Mark,
    /// Events are to come.
    Subscribe,
    /// The names of the semaphores, which have to hear that somebody listens.
    Listen,
    /// The name of the semaphore is in the index of all: now this answer counts.
    Indexed(Box<(Call, Instant, Value)>),
    Caution(Box<Caution>),
    /// Whatever it answers. `lasting`: it is asked again on another connection.
    Nothing {
        lasting: bool,
    },
}

/// A request that is given back, and nobody waits for the answer.
struct Returned {
    id: RequestId,
    name: SemaphoreName,
    /// Its lease has passed by then.
    until: Instant,
}

struct Flying {
    call: Call,
    sent: Instant,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Alarm {
    /// A request's timeout or TTL passes.
    Request(RequestId),
    /// Something is due in a semaphore.
    Due(SemaphoreName),
    /// An administrator has waited long enough.
    Call(u64),
    /// What waits to be sent again, is.
    Flush,
    /// The server may have settled.
    Mark,
}

type Flight = Pin<Box<dyn Future<Output = (u64, RedisResult<Value>)> + Send>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Connected, Trouble>> + Send>>;

enum Link {
    /// Nobody has asked for anything yet, or it was hopeless.
    Idle,
    Connecting(Connecting),
    Up {
        connection: Connection,
        pushes: Pushes,
    },
    /// Until the next attempt.
    Away(Instant),
}

struct Driver {
    settings: Arc<Settings>,
    orders: mpsc::UnboundedReceiver<Order>,
    /// For tasks that give orders themselves.
    desk: mpsc::WeakUnboundedSender<Order>,
    link: Link,
    /// Whether there was ever a connection.
    before: bool,
    attempts: u32,
    /// Why there is no connection.
    trouble: Option<StoreError>,
    /// Which reply was refused, if nothing was answered since.
    refused: Option<StoreError>,
    mark: Mark,
    marking: bool,
    /// What the mark decides.
    unmarked: Vec<Purpose>,
    /// What is to be sent when it can be, by serial number.
    outbox: BTreeMap<u64, Call>,
    flying: BTreeMap<u64, Flying>,
    flights: FuturesUnordered<Flight>,
    next_serial: u64,
    requests: HashMap<RequestId, Asked>,
    sems: HashMap<SemaphoreName, Sem>,
    /// The waits of each run.
    runs: HashMap<RunId, Vec<RequestId>>,
    /// Permits that were lost and not dropped yet.
    outlived: HashMap<RequestId, SemaphoreName>,
    observing: bool,
    /// A subscription is on its way, and all else waits for it: the events of what was asked after subscribing must come.
    /// In a cluster, what is asked goes to other nodes. Elsewhere, semaphores do not publish until they hear that
    /// somebody listens.
    subscribing: bool,
    /// Given back by the last order. The next one may be to take the same again: then one script does both.
    returned: Option<Returned>,
    alarms: BTreeSet<(Instant, Alarm)>,
    renew_at: Option<Instant>,
    watch_at: Option<Instant>,
    /// No lease of ours passes before.
    lease_at: Option<Instant>,
    sleep: Pin<Box<tokio::time::Sleep>>,
    sleeping_until: Option<Instant>,
    closing: Option<Closing>,
    orders_ended: bool,
    /// Who wants to hear what is not as it should be, once there is a connection.
    cautions: Vec<oneshot::Sender<Vec<String>>>,
    /// When the server was last sent the text of a script.
    told: HashMap<Script, Instant>,
}

struct Closing {
    answer: Option<oneshot::Sender<Result<(), StoreError>>>,
    /// When to give up, unless something is answered.
    until: Instant,
    /// When to give up whatever comes.
    latest: Instant,
}

impl Driver {
    fn new(
        settings: Arc<Settings>,
        orders: mpsc::UnboundedReceiver<Order>,
        desk: mpsc::WeakUnboundedSender<Order>,
    ) -> Self {
        Self {
            settings,
            orders,
            desk,
            link: Link::Idle,
            before: false,
            attempts: 0,
            trouble: None,
            refused: None,
            mark: Mark::default(),
            marking: false,
            unmarked: Vec::new(),
            outbox: BTreeMap::new(),
            flying: BTreeMap::new(),
            flights: FuturesUnordered::new(),
            next_serial: 0,
            requests: HashMap::new(),
            sems: HashMap::new(),
            runs: HashMap::new(),
            outlived: HashMap::new(),
            observing: false,
            subscribing: false,
            returned: None,
            alarms: BTreeSet::new(),
            renew_at: None,
            watch_at: None,
            lease_at: None,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            sleeping_until: None,
            closing: None,
            orders_ended: false,
            cautions: Vec::new(),
            told: HashMap::new(),
        }
    }

    // ---- the loop

    /// Does all there is to do; ready when the store is closed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut busy = false;
            while !self.orders_ended
                && let Poll::Ready(order) = self.orders.poll_recv(cx)
            {
                busy = true;
                match order {
                    Some(order) => self.order(order),
                    None => {
                        self.orders_ended = true;
                        self.send_returned();
                        if self.closing.is_none() {
                            self.close(None);
                        }
                    }
                }
            }
            self.send_returned();
            busy |= self.poll_link(cx);
            while let Poll::Ready(Some((serial, result))) = self.flights.poll_next_unpin(cx) {
                busy = true;
                // Not in there: its connection was given up.
                if let Some(Flying { call, sent }) = self.flying.remove(&serial) {
                    self.answered(serial, call, sent, result);
                }
            }
            if let Some(closing) = &mut self.closing
                && self.outbox.is_empty()
                && self.flying.is_empty()
            {
                if let Some(answer) = closing.answer.take() {
                    let _ = answer.send(Ok(()));
                }
                return Poll::Ready(());
            }
            busy |= self.poll_timer(cx);
            if let Some(closing) = &mut self.closing
                && closing.until <= Instant::now()
            {
                if let Some(answer) = closing.answer.take() {
                    let _ = answer.send(Err(match self.trouble.take() {
                        Some(error) => error,
                        None => self.settings.unreachable(Silent),
                    }));
                }
                return Poll::Ready(());
            }
            if !busy {
                return Poll::Pending;
            }
        }
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        match &mut self.link {
            Link::Connecting(attempt) => {
                if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                    busy = true;
                    match result {
                        Ok(connected) => self.up(connected),
                        Err(Trouble::Away(error)) => {
                            self.trouble = Some(error);
                            self.away();
                        }
                        Err(Trouble::Hopeless(error)) => self.give_up(&error),
                    }
                }
            }
            Link::Up { .. } => {
                while let Link::Up { pushes, .. } = &mut self.link
                    && let Poll::Ready(Some(push)) = pushes.poll(cx)
                {
                    busy = true;
                    self.pushed(&push);
                }
                if let Link::Up { pushes, .. } = &self.link
                    && pushes.were_dropped()
                {
                    busy = true;
                    self.missed();
                }
            }
            Link::Idle | Link::Away(_) => {}
        }
        busy
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let away = match self.link {
            Link::Away(until) => Some(until),
            _ => None,
        };
        let closing = self.closing.as_ref().map(|closing| closing.until);
        let first = self.alarms.first().map(|(at, _)| *at);
        let wake = [
            first,
            self.renew_at,
            self.watch_at,
            self.lease_at,
            away,
            closing,
        ]
        .into_iter()
        .flatten()
        .min();
        let Some(wake) = wake else {
            return false;
        };
        let now = Instant::now();
        if wake > now {
            if self.sleeping_until != Some(wake) {
                self.sleeping_until = Some(wake);
                self.sleep.as_mut().reset(wake.into());
            }
            if self.sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.sleeping_until = None;
        }
        self.fire(Instant::now());
        true
    }

    fn fire(&mut self, now: Instant) {
        while let Some((at, _)) = self.alarms.first()
            && *at <= now
            && let Some((_, alarm)) = self.alarms.pop_first()
        {
            match alarm {
                Alarm::Request(id) => self.request_due(id, now),
                Alarm::Due(name) => {
                    if let Some(sem) = self.sems.get_mut(&name) {
                        sem.due = None;
                        self.tick(&name);
                    }
                }
                Alarm::Call(serial) => self.too_late(serial),
                Alarm::Flush => self.flush(),
                Alarm::Mark => self.look_at_mark(),
            }
        }
        if self.lease_at.is_some_and(|at| at <= now) {
            self.leases_pass(now);
        }
        if let Link::Away(until) = self.link
            && until <= now
        {
            self.connect();
        }
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch(now);
        }
        if self.renew_at.is_some_and(|at| at <= now) {
            self.renew_all(false);
        }
    }

    // ---- orders

    fn order(&mut self, order: Order) {
        let exchanges = match &order {
            Order::Acquire { name, .. } => self
                .returned
                .as_ref()
                .is_some_and(|last| last.name == *name),
            _ => false,
        };
        if !exchanges {
            self.send_returned();
        }
        match order {
            Order::Acquire {
                id,
                name,
                mut request,
                joins,
                answer,
            } => {
                let limit = request.wait_limit();
                let mut asked = Asked {
                    declared: request.declared_slots(),
                    ttl: request.permit_ttl(),
                    priority: request.its_priority().0,
                    limit,
                    joins,
                    owner: request.take_owner(),
                    slot: request.take_slot(),
                    anothers: false,
                    asked_at: Instant::now(),
                    answer: Some(answer),
                    sent: false,
                    birth: 0,
                    stage: Stage::Asking,
                    alarm: None,
                    overdue: false,
                    ended: None,
                    name,
                };
                self.sem(&asked.name).ids.insert(id);
                let patience = if joins { limit } else { Some(ADMIN_LIMIT) };
                if let Some(at) = patience.and_then(|limit| asked.asked_at.checked_add(limit)) {
                    asked.alarm = Some(at);
                    self.alarms.insert((at, Alarm::Request(id)));
                }
                self.requests.insert(id, asked);
                match self.returned.take() {
                    Some(returned) => self.exchange(returned, id),
                    None => self.request(id),
                }
            }
            Order::Abandon(id) => {
                if let Some(asked) = self.take(id)
                    && asked.sent
                {
                    self.abandon(id, &asked.name);
                }
            }
            Order::AbandonRun(run) => self.abandon_run(run),
            Order::MarkUnresponsive(run, since) => self.mark_unresponsive(run, since),
            Order::Release { id, answer } => self.release(id, answer),
            Order::Refresh { id, ttl, answer } => self.refresh(id, ttl, answer),
            Order::Manage(management) => self.manage(management),
            Order::Ask {
                what,
                again,
                answer,
            } => {
                self.dated(Call {
                    what,
                    purpose: Purpose::Ask { again, answer },
                });
            }
            Order::Succession { id, answer } => {
                let _ = answer.send(self.succession(id));
            }
            Order::Succeed { from, answer } => {
                let _ = answer.send(self.succeed(&from));
            }
            Order::Caution(answer) => self.caution(answer),
            Order::Observe => self.observe(),
            Order::Close(answer) => self.close(Some(answer)),
        }
    }

    /// Sends what asks the server for the request `id`.
    fn request(&mut self, id: RequestId) {
        if let Some(command) = self.asking(id, Script::Acquire) {
            self.send(Call {
                what: What::Script(Script::Acquire, Arc::new(command)),
                purpose: Purpose::Acquire(id),
            });
        }
    }

    /// Gives one request back and asks for another, of the same semaphore. Two scripts cost nearly twice as much.
    fn exchange(&mut self, returned: Returned, id: RequestId) {
        let Some(mut command) = self.asking(id, Script::Exchange) else {
            return;
        };
        command.arg(digits(returned.id));
        // If the connection is lost, two calls take the place of this one.
        let _ = self.serial();
        self.send(Call {
            what: What::Script(Script::Exchange, Arc::new(command)),
            purpose: Purpose::Exchange {
                returned,
                acquired: id,
            },
        });
    }

    /// The command that asks for the request `id`.
    fn asking(&mut self, id: RequestId, script: Script) -> Option<Cmd> {
        let asked = self.requests.get_mut(&id)?;
        let sem = self.sems.get(&asked.name)?;
        asked.stage = Stage::Asking;
        asked.ended = None;
        let micros = |time: Duration| micros(time).to_string();
        let limit = asked.limit.map(|limit| {
            if asked.sent {
                limit.saturating_sub(asked.asked_at.elapsed())
            } else {
                limit
            }
        });
        let mut command = scripts::run(script, &sem.keys);
        command
            .arg(&self.settings.names.prefix)
            .arg(&self.settings.session)
            .arg(self.settings.lease_micros)
            .arg(digits(id))
            .arg(asked.declared.map(reply::shown).unwrap_or_default())
            .arg(
                asked
                    .ttl
                    .map(|ttl| micros(ttl.duration()))
                    .unwrap_or_default(),
            )
            .arg(asked.priority)
            .arg(limit.map(micros).unwrap_or_default())
            .arg(if asked.joins { "q" } else { "t" })
            .arg(reply::blob(asked.owner.as_ref(), asked.slot.as_ref()))
            .arg(&self.mark.id)
            .arg(self.mark.guard)
            .arg(if asked.sent { "1" } else { "" });
        Some(command)
    }

    fn release(
        &mut self,
        id: RequestId,
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    ) {
        let Some(asked) = self.take(id) else {
            // It was lost before.
            self.let_go(id);
            if let Some(answer) = answer {
                let _ = answer.send(Ok(false));
            }
            return;
        };
        if let (Some(_), Stage::Held(hold)) = (&asked.slot, &asked.stage) {
            // There may be other permits of it.
            hold.lose();
        }
        let until = self.sem(&asked.name).leased_until;
        let Asked { name, slot, .. } = asked;
        let at_once = matches!(self.link, Link::Up { .. }) && !self.subscribing;
        if answer.is_none() && slot.is_none() && at_once {
            // One that is kept already comes first.
            self.send_returned();
            self.returned = Some(Returned { id, name, until });
        } else {
            let what = self.releasing(id, &name);
            let purpose = Purpose::Release { id, until, answer };
            self.send(Call { what, purpose });
        }
    }

    fn releasing(&mut self, id: RequestId, name: &SemaphoreName) -> What {
        self.on(name, Script::Release, |command| {
            command.arg(digits(id));
        })
    }

    /// Sends what gives back the last request that was, if that was not sent yet.
    fn send_returned(&mut self) {
        if let Some(Returned { id, name, until }) = self.returned.take() {
            let what = self.releasing(id, &name);
            let purpose = Purpose::Release {
                id,
                until,
                answer: None,
            };
            self.send(Call { what, purpose });
        }
    }

    /// A permit that was lost is dropped: the work of its request has ended.
    fn let_go(&mut self, id: RequestId) {
        let Some(name) = self.outlived.remove(&id) else {
            return;
        };
        self.sem(&name).outlived -= 1;
        let what = self.on(&name, Script::Release, |command| {
            command.arg(digits(id));
        });
        let purpose = Purpose::Nothing { lasting: true };
        self.send(Call { what, purpose });
    }

    fn refresh(
        &mut self,
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    ) {
        let Some(asked) = self.requests.get(&id) else {
            let _ = answer.send(Ok(Refreshed::Lost));
            return;
        };
        let name = asked.name.clone();
        let what = self.on(&name, Script::Refresh, |command| {
            command.arg(digits(id)).arg(micros(ttl.duration()));
        });
        let purpose = Purpose::Refresh { id, ttl, answer };
        self.send(Call { what, purpose });
    }

    /// Whether it is on its way back. To abandon it as well might come first, if the server has to be told the script of
    /// the release: then it would seem lost.
    fn is_being_released(&self, id: RequestId) -> bool {
        let flying = self.flying.values().map(|flying| &flying.call);
        let mut calls = flying.chain(self.outbox.values());
        calls.any(|call| match &call.purpose {
            Purpose::Release { id: released, .. } => *released == id,
            Purpose::Exchange { returned, .. } => returned.id == id,
            _ => false,
        })
    }

    /// The owner of the request `id`, which this store knows no more, gives it up.
    fn abandon(&mut self, id: RequestId, name: &SemaphoreName) {
        self.end_elsewhere(id, name, false);
    }

    /// The same; or its run was given up.
    fn end_elsewhere(&mut self, id: RequestId, name: &SemaphoreName, run_is_lost: bool) {
        let what = self.on(name, Script::Abandon, |command| {
            command.arg(digits(id));
            if run_is_lost {
                command.arg("run");
            }
        });
        let purpose = Purpose::Nothing { lasting: true };
        self.send(Call { what, purpose });
    }

    /// The run was given up: ends all that it waits for and holds, but for what it left.
    fn abandon_run(&mut self, run: RunId) {
        let mut ids: Vec<(bool, RequestId)> = Vec::new();
        for (id, asked) in &self.requests {
            let left = match &asked.stage {
                Stage::Held(hold) => hold.left.load(Ordering::Acquire),
                Stage::Asking | Stage::Waiting { .. } => false,
            };
            if asked.run() == Some(run) && !asked.anothers && !left {
                ids.push((matches!(asked.stage, Stage::Held(_)), *id));
            }
        }
        // What waits goes first: it must be given nothing.
        ids.sort_unstable();
        for (_, id) in ids {
            let Some(mut asked) = self.take(id) else {
                continue;
            };
            if let Stage::Held(hold) = &asked.stage {
                hold.lease_passes();
            }
            if let Some(answer) = asked.answer.take() {
                let name = asked.name.clone();
                let _ = answer.send(Err(AcquireError::Abandoned { name }));
            }
            if asked.sent {
                self.end_elsewhere(id, &asked.name, true);
            }
        }
    }

    fn manage(&mut self, management: Management) {
        let Management {
            name,
            action,
            value,
            by,
            ..
        } = &management;
        let names = &self.settings.names;
        let mut command = scripts::run(Script::Manage, &names.admin_keys(name));
        command
            .arg(&names.prefix)
            .arg(action.as_str())
            .arg(value)
            .arg(&self.mark.id)
            .arg(self.mark.guard)
            .arg(records::actor(by.as_ref()))
            .arg(AUDIT_KEPT)
            .arg(AUDIT_AGE.as_secs());
        let what = What::Script(Script::Manage, Arc::new(command));
        self.sem(name).used = Instant::now();
        self.dated(Call {
            what,
            purpose: Purpose::Manage(management),
        });
    }

    fn tick(&mut self, name: &SemaphoreName) {
        let what = self.on(name, Script::Tick, |_| {});
        let purpose = Purpose::Tick(name.clone());
        self.send(Call { what, purpose });
    }

    fn observe(&mut self) {
        if !self.observing {
            self.observing = true;
            if matches!(self.link, Link::Up { .. }) {
                self.subscribe();
            } else {
                // Whatever connects will subscribe.
                self.wake();
            }
        }
    }

    /// Asks to be told what happens. What is asked after this comes after it.
    fn subscribe(&mut self) {
        self.subscribing = true;
        let events = self.settings.names.events.clone();
        self.send(Call {
            what: What::Subscribe(events),
            purpose: Purpose::Subscribe,
        });
        if self.settings.names.together {
            let mut command = redis::cmd("SMEMBERS");
            command.arg(&self.settings.names.index);
            self.send(Call {
                what: What::Plain(Arc::new(command)),
                purpose: Purpose::Listen,
            });
        }
    }

    /// There is a subscription. Takes the note that nobody listens out of every semaphore: see `lua/head.lua`. Those that
    /// are made from now on have none.
    fn listen(&mut self, keys: &Value) {
        let keys = array(keys).unwrap_or_default().iter().filter_map(text);
        for key in keys {
            if self.settings.names.name(key).is_some() {
                let mut command = redis::cmd("HDEL");
                command.arg(key).arg("qu");
                let serial = self.serial();
                self.launch(
                    serial,
                    Call {
                        what: What::Plain(Arc::new(command)),
                        purpose: Purpose::Nothing { lasting: false },
                    },
                );
            }
        }
        self.subscribed();
    }

    /// There is a subscription, or none can be had: what waited for it need wait no longer.
    fn subscribed(&mut self) {
        if std::mem::take(&mut self.subscribing) {
            self.flush();
        }
    }

    /// Gives everything back, then ends.
    fn close(&mut self, answer: Option<oneshot::Sender<Result<(), StoreError>>>) {
        let now = Instant::now();
        self.closing = Some(Closing {
            answer,
            until: now + CLOSE_LIMIT,
            latest: now + LONGEST_CLOSE,
        });
        self.orders.close();
        let ids: Vec<RequestId> = self.requests.keys().copied().collect();
        for id in ids {
            match self
                .requests
                .get(&id)
                .map(|asked| (&asked.stage, asked.anothers))
            {
                Some((Stage::Held(hold), anothers)) => {
                    hold.lose();
                    if anothers {
                        self.take(id);
                    } else {
                        self.release(id, None);
                    }
                }
                Some(_) => {
                    if let Some(mut asked) = self.take(id) {
                        if let Some(answer) = asked.answer.take() {
                            let _ = answer.send(Err(self.settings.failed(Closed).into()));
                        }
                        if asked.sent {
                            self.abandon(id, &asked.name);
                        }
                    }
                }
                None => {}
            }
        }
        self.send_returned();
        let outlived: Vec<RequestId> = self.outlived.keys().copied().collect();
        for id in outlived {
            self.let_go(id);
        }
        let names: Vec<SemaphoreName> = self.sems.keys().cloned().collect();
        for name in names {
            let what = self.on(&name, Script::Leave, |_| {});
            // `leave` wants only the session.
            let purpose = Purpose::Nothing { lasting: false };
            self.send(Call { what, purpose });
        }
        if !matches!(self.link, Link::Up { .. }) {
            // What was never sent need not be taken back, and the lease does the rest.
            self.outbox.retain(|_, call| {
                matches!(
                    call.purpose,
                    Purpose::Release { .. } | Purpose::Nothing { lasting: true }
                )
            });
        }
    }

    // ---- what is known here

    /// What is known of a semaphore.
    fn sem(&mut self, name: &SemaphoreName) -> &mut Sem {
        // Not `entry`: that would clone the name each time.
        if !self.sems.contains_key(name) {
            let keys = self.settings.names.keys(name);
            let now = Instant::now();
            self.sems.insert(
                name.clone(),
                Sem {
                    keys,
                    ids: HashSet::new(),
                    waiting: 0,
                    held: 0,
                    outlived: 0,
                    leased_until: now,
                    birth: 0,
                    indexed: 0,
                    slots: (1, 1, 1, false),
                    token: 0,
                    due: None,
                    suspicious: 0,
                    turn: 0,
                    used: now,
                },
            );
        }
        match self.sems.get_mut(name) {
            Some(sem) => sem,
            None => unreachable!("it was put there just now"),
        }
    }

    /// Adds a semaphore to the index of all. Only where the scripts cannot.
    fn index(&mut self, keys: &Keys, purpose: Purpose) {
        let mut command = redis::cmd("SADD");
        command.arg(&self.settings.names.index).arg(&*keys[0]);
        self.send(Call {
            what: What::Plain(Arc::new(command)),
            purpose,
        });
    }

    /// Whether the answer tells of a semaphore whose name has to be put into the index first: else whoever was answered
    /// might not find it in the list.
    fn unindexed(&mut self, purpose: &Purpose, answer: &Value) -> Option<Keys> {
        if self.settings.names.together {
            return None;
        }
        let fields = array(answer)?;
        let kind = fields.first().and_then(integer);
        let (name, at) = match purpose {
            Purpose::Acquire(id) | Purpose::Exchange { acquired: id, .. } => {
                let at = match kind {
                    Some(1) => 5,
                    Some(2) => 3,
                    Some(4) => 6,
                    Some(0) => 1,
                    _ => return None,
                };
                (self.requests.get(id)?.name.clone(), at)
            }
            Purpose::Manage(management) => (management.name.clone(), 3),
            Purpose::Restore { name, .. } => (name.clone(), 0),
            _ => return None,
        };
        let birth = natural(fields.get(at)?)?;
        let sem = self.sem(&name);
        (std::mem::replace(&mut sem.indexed, birth) != birth).then(|| Arc::clone(&sem.keys))
    }

    /// A command on a semaphore, with the prefix first.
    fn on(
        &mut self,
        name: &SemaphoreName,
        script: Script,
        arguments: impl FnOnce(&mut Cmd),
    ) -> What {
        let settings = Arc::clone(&self.settings);
        let sem = self.sem(name);
        sem.used = Instant::now();
        let mut command = scripts::run(script, &sem.keys);
        command.arg(&settings.names.prefix);
        if script == Script::Leave {
            command.arg(&settings.session);
        }
        arguments(&mut command);
        What::Script(script, Arc::new(command))
    }

    /// Forgets a request, with all that was noted of it.
    fn take(&mut self, id: RequestId) -> Option<Asked> {
        let asked = self.requests.remove(&id)?;
        if let Some(at) = asked.alarm {
            self.alarms.remove(&(at, Alarm::Request(id)));
        }
        if asked.waits() {
            self.waits_no_more(id, asked.run(), &asked.name);
        }
        if let Some(sem) = self.sems.get_mut(&asked.name) {
            sem.ids.remove(&id);
            sem.used = Instant::now();
            match asked.stage {
                Stage::Waiting { .. } => sem.waiting -= 1,
                Stage::Held(_) => sem.held -= 1,
                Stage::Asking => {}
            }
        }
        Some(asked)
    }

    /// A run waits: others may have to know.
    fn waits(&mut self, id: RequestId, run: RunId, name: &SemaphoreName) {
        self.runs.entry(run).or_default().push(id);
        // As the server said; whoever queued last is the last comer, however long this note takes.
        let since = match self.requests.get(&id).map(|asked| &asked.stage) {
            Some(Stage::Waiting { requested, .. }) => Some(*requested),
            _ => None,
        };
        self.note_wait(since, id, run, name);
    }

    /// Tells whoever looks for circles since when a wait of `run` lasts, or that it is over.
    fn note_wait(&mut self, since: Option<u64>, id: RequestId, run: RunId, name: &SemaphoreName) {
        let key = self.settings.names.run(&format!("{:032x}", run.as_u128()));
        let wait = format!("{}|{}", digits(id), self.sem(name).keys[0]);
        let mut command = scripts::run(Script::Wait, &[key]);
        command
            .arg(since.map_or_else(String::new, |since| since.to_string()))
            .arg(wait)
            .arg(RUN_KEPT);
        // A server of a cluster may not know the script yet. To be asked again with its text would have later notes
        // overtake this one.
        let what = if self.settings.names.together {
            What::Script(Script::Wait, Arc::new(command))
        } else {
            What::Plain(Arc::new(scripts::with_text(&command, Script::Wait)))
        };
        self.send(Call {
            what,
            purpose: Purpose::Nothing { lasting: false },
        });
    }

    fn waits_no_more(&mut self, id: RequestId, run: Option<RunId>, name: &SemaphoreName) {
        let Some(run) = run else { return };
        let Some(waits) = self.runs.get_mut(&run) else {
            return;
        };
        waits.retain(|wait| *wait != id);
        let left = match waits.as_slice() {
            [] => {
                self.runs.remove(&run);
                None
            }
            // Now it is the only thing that the run waits for.
            [left] => Some(*left),
            _ => None,
        };
        self.note_wait(None, id, run, name);
        if let Some(left) = left {
            self.check(left);
        }
    }

    /// Finds out, beside everything else, whether the wait can ever end.
    fn check(&self, id: RequestId) {
        let Some(asked) = self.requests.get(&id) else {
            return;
        };
        if asked.limit.is_some() || asked.run().is_none() {
            return;
        }
        if let Some(orders) = self.desk.upgrade() {
            let desk = Desk {
                orders,
                settings: Arc::clone(&self.settings),
            };
            tokio::spawn(circle::check(desk, asked.name.clone(), id));
        }
    }

    // ---- sending

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    fn send(&mut self, call: Call) {
        let serial = self.serial();
        self.dispatch(serial, call);
    }

    /// Sends what somebody waits for who does not wait for ever.
    fn dated(&mut self, call: Call) {
        let serial = self.serial();
        let at = Instant::now() + ADMIN_LIMIT;
        self.alarms.insert((at, Alarm::Call(serial)));
        self.dispatch(serial, call);
    }

    /// Sends it now, or keeps it until that is possible.
    fn dispatch(&mut self, serial: u64, call: Call) {
        let subscribes = matches!(call.purpose, Purpose::Subscribe | Purpose::Listen);
        if self.subscribing && !subscribes {
            self.keep(serial, call);
        } else {
            self.launch(serial, call);
        }
    }

    /// Keeps what is to be sent later.
    fn keep(&mut self, serial: u64, call: Call) {
        if let Purpose::Exchange { returned, acquired } = call.purpose {
            self.keep_exchange(serial, returned, acquired);
        } else {
            self.outbox.insert(serial, call);
        }
    }

    /// Keeps what gives a request back and what asks for another, as if they had not been one call.
    fn keep_exchange(&mut self, serial: u64, returned: Returned, acquired: RequestId) {
        let Returned { id, name, until } = returned;
        let what = self.releasing(id, &name);
        let answer = None;
        let purpose = Purpose::Release { id, until, answer };
        self.outbox.insert(serial - 1, Call { what, purpose });
        if let Some(command) = self.asking(acquired, Script::Acquire) {
            let what = What::Script(Script::Acquire, Arc::new(command));
            let purpose = Purpose::Acquire(acquired);
            self.outbox.insert(serial, Call { what, purpose });
        }
    }

    /// Sends it, if there is a connection.
    fn launch(&mut self, serial: u64, call: Call) {
        let Link::Up { connection, .. } = &self.link else {
            self.keep(serial, call);
            self.wake();
            return;
        };
        let mut connection = connection.clone();
        let flight: Flight = match &call.what {
            What::Script(_, command) | What::Plain(command) => {
                let command = Arc::clone(command);
                Box::pin(async move { (serial, connection.send(&command).await) })
            }
            What::Subscribe(channel) => {
                let channel = channel.clone();
                Box::pin(async move {
                    let done = connection.subscribe(&channel).await;
                    (serial, done.map(|()| Value::Okay))
                })
            }
            What::Unsubscribe(channel) => {
                let channel = channel.clone();
                Box::pin(async move {
                    let done = connection.unsubscribe(&channel).await;
                    (serial, done.map(|()| Value::Okay))
                })
            }
        };
        if let Purpose::Acquire(id) | Purpose::Exchange { acquired: id, .. } = call.purpose
            && let Some(asked) = self.requests.get_mut(&id)
        {
            asked.sent = true;
        }
        let sent = Instant::now();
        if self.watch_at.is_none() {
            self.watch_at = Some(sent + self.settings.response_limit);
        }
        self.flying.insert(serial, Flying { call, sent });
        // They are polled in the order in which they come, and so are sent in it.
        self.flights.push(flight);
    }

    /// Somebody needs a connection.
    fn wake(&mut self) {
        if matches!(self.link, Link::Idle) {
            self.connect();
        }
    }

    fn connect(&mut self) {
        let attempt = link::connect(
            Arc::clone(&self.settings),
            self.mark.id.clone(),
            self.before,
        );
        self.link = Link::Connecting(Box::pin(attempt));
    }

    /// Sends what waited.
    fn flush(&mut self) {
        for (serial, call) in std::mem::take(&mut self.outbox) {
            match call.purpose {
                // Time has passed, and there may be another mark.
                Purpose::Acquire(id) => self.request(id),
                _ => self.dispatch(serial, call),
            }
        }
    }

    // ---- the connection

    fn up(&mut self, connected: Connected) {
        let Connected {
            connection,
            pushes,
            mark,
        } = connected;
        let again = self.before;
        self.link = Link::Up { connection, pushes };
        self.before = true;
        if self.refused.is_none() {
            self.attempts = 0;
        }
        self.trouble = None;
        self.mark = mark;
        if self.observing {
            self.subscribe();
            if again {
                self.settings.hub.gap();
            }
        }
        self.renew_all(again);
        self.flush();
        self.decide_unmarked();
        self.ask_cautions();
    }

    /// There is no connection. Tries again after a while.
    fn away(&mut self) {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.attempts.min(10));
        self.attempts += 1;
        self.link = Link::Away(Instant::now() + pause.min(LONGEST_PAUSE));
        self.watch_at = None;
        self.renew_at = None;
        self.marking = false;
        self.subscribing = false;
    }

    /// The connection was lost. What was on its way is sent again if that does no harm.
    fn down(&mut self) {
        if let Link::Up { pushes, .. } = &mut self.link {
            if self.observing {
                // Whoever watches may want to know before it is back.
                self.settings.hub.gap();
            }
            // What had come still counts.
            let mut left = Vec::new();
            while let Some(push) = pushes.next() {
                left.push(push);
            }
            for push in left {
                if push.kind != PushKind::Disconnection {
                    self.pushed(&push);
                }
            }
        }
        let refused = self.note_refused();
        self.flights = FuturesUnordered::new();
        self.away();
        for (serial, Flying { call, .. }) in std::mem::take(&mut self.flying) {
            self.put_back(serial, call, refused);
        }
    }

    /// Which reply the connection has refused, if it has.
    fn note_refused(&mut self) -> Option<ReplyError> {
        let Link::Up { connection, .. } = &self.link else {
            return None;
        };
        let reply = connection.take_refused()?;
        self.refused = Some(self.settings.failed(reply));
        Some(reply)
    }

    /// Nobody knows whether it was carried out. `refused`: a reply was too large, maybe the one to this.
    fn put_back(&mut self, serial: u64, call: Call, refused: Option<ReplyError>) {
        match call.purpose {
            // Asked again, it might be answered with as much.
            Purpose::Ask { .. } | Purpose::Manage(_) if let Some(reply) = refused => {
                self.refuse(call.purpose, &self.settings.failed(reply));
            }
            // They are made anew.
            Purpose::Renew { .. } | Purpose::Tick(_) | Purpose::Mark => {}
            // A new connection subscribes anew. A cluster has no new one: there it is tried again, and meanwhile events
            // are missed, but nothing else waits.
            Purpose::Subscribe | Purpose::Listen if self.settings.names.together => {}
            Purpose::Subscribe | Purpose::Listen => {
                self.settings.hub.gap();
                self.outbox.insert(serial, call);
                self.subscribing = false;
            }
            Purpose::Nothing { lasting: false } => {}
            Purpose::Acquire(id) if !self.requests.contains_key(&id) => {}
            Purpose::Ask {
                again: false,
                answer,
            } => {
                let _ = answer.send(Err(self.settings.unreachable(InDoubt)));
            }
            Purpose::Manage(Management {
                action: AdminAction::Purge | AdminAction::ForceRelease | AdminAction::Forget,
                answer,
                ..
            }) => {
                let _ = answer.send(Err(self.settings.unreachable(InDoubt)));
            }
            _ => self.keep(serial, call),
        }
    }

    /// There is no use in trying.
    fn give_up(&mut self, error: &StoreError) {
        self.link = Link::Idle;
        self.attempts = 0;
        let calls = std::mem::take(&mut self.outbox);
        let ids: Vec<RequestId> = self.requests.keys().copied().collect();
        for id in ids {
            if let Some(asked) = self.requests.get(&id)
                && !matches!(asked.stage, Stage::Held(_))
            {
                self.fail(id, error.clone().into());
            }
        }
        for purpose in calls
            .into_values()
            .map(|call| call.purpose)
            .chain(std::mem::take(&mut self.unmarked))
        {
            self.refuse(purpose, error);
        }
        // Taking back what failed may have asked for a connection again.
        self.outbox.clear();
        self.link = Link::Idle;
        if !self.requests.is_empty() {
            // Holders go on for as long as they may, and somebody may put it right.
            self.away();
        }
    }

    /// It will not be done.
    fn refuse(&mut self, purpose: Purpose, error: &StoreError) {
        match purpose {
            Purpose::Acquire(id) | Purpose::Exchange { acquired: id, .. } => {
                self.fail(id, error.clone().into());
            }
            Purpose::Release { answer, .. } => {
                if let Some(answer) = answer {
                    let _ = answer.send(Err(error.clone()));
                }
            }
            Purpose::Refresh { answer, .. } => {
                let _ = answer.send(Err(error.clone()));
            }
            Purpose::Manage(Management { answer, .. }) | Purpose::Ask { answer, .. } => {
                let _ = answer.send(Err(error.clone()));
            }
            Purpose::Mark => self.marking = false,
            // It is done, only not listed. The next renewal tries again.
            Purpose::Indexed(later) => {
                let (call, sent, answer) = *later;
                self.done(call, sent, &answer);
            }
            Purpose::Subscribe | Purpose::Listen => {
                self.settings.hub.gap();
                self.subscribed();
            }
            Purpose::Caution(caution) => self.cautioned(*caution, Instant::now(), None),
            Purpose::Renew { .. }
            | Purpose::Restore { .. }
            | Purpose::Tick(_)
            | Purpose::Nothing { .. } => {}
        }
    }

    /// Somebody waited long enough for this.
    fn too_late(&mut self, serial: u64) {
        let error = self.silence();
        if let Some(call) = self.outbox.remove(&serial) {
            self.refuse(call.purpose, &error);
        } else if let Some(flying) = self.flying.get_mut(&serial) {
            // It stays on its way, and nobody listens.
            let nobody = Purpose::Nothing { lasting: false };
            let purpose = std::mem::replace(&mut flying.call.purpose, nobody);
            self.refuse(purpose, &error);
        }
    }

    /// Why nothing came back.
    fn silence(&self) -> StoreError {
        let known = self.trouble.as_ref().or(self.refused.as_ref());
        known
            .cloned()
            .unwrap_or_else(|| self.settings.unreachable(Silent))
    }

    /// Has the server been silent for too long?
    fn watch(&mut self, now: Instant) {
        self.watch_at = self
            .flying
            .first_key_value()
            .map(|(_, flying)| flying.sent + self.settings.response_limit);
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch_at = None;
            // In a cluster, one node is silent and the others are not: that is the client's business.
            if self.settings.names.together {
                self.down();
            }
        }
    }

    // ---- answers

    fn answered(&mut self, serial: u64, call: Call, sent: Instant, result: RedisResult<Value>) {
        match result {
            Ok(answer) => {
                self.refused = None;
                if let Some(closing) = &mut self.closing {
                    closing.until = (Instant::now() + CLOSE_LIMIT).min(closing.latest);
                }
                self.done(call, sent, &answer);
            }
            Err(error) => self.troubled(serial, call, sent, &error),
        }
        if self.closing.is_none()
            && self
                .alarms
                .first()
                .is_some_and(|(_, alarm)| matches!(alarm, Alarm::Call(_)))
        {
            self.drop_stale_alarms();
        }
    }

    /// Those who were answered wait no longer.
    fn drop_stale_alarms(&mut self) {
        while let Some((_, Alarm::Call(serial))) = self.alarms.first()
            && !self.outbox.contains_key(serial)
            && !self.flying.contains_key(serial)
        {
            self.alarms.pop_first();
        }
    }

    fn troubled(&mut self, serial: u64, call: Call, sent: Instant, error: &RedisError) {
        if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
            && let What::Script(script, command) = call.what
        {
            // Of many that were sent together, the first brings the text along for all. (In a cluster, there are
            // several servers to be told.)
            let told = self.told.get(&script).is_some_and(|told| sent < *told);
            let what = if told && self.settings.names.together {
                What::Script(script, command)
            } else {
                self.told.insert(script, Instant::now());
                What::Plain(Arc::new(scripts::with_text(&command, script)))
            };
            self.dispatch(serial, Call { what, ..call });
            return;
        }
        let lost = error.is_unrecoverable_error() || error.is_io_error();
        if !lost && !dial::is_passing(error) {
            let error = match error.to_string() {
                said if said.contains("WRONGTYPE") => self.settings.failed(Damaged { said }),
                _ => self.settings.failed(error.clone()),
            };
            self.refuse(call.purpose, &error);
            return;
        }
        let noted = self.note_refused();
        self.put_back(serial, call, dial::refused(error).or(noted));
        if self.settings.names.together {
            self.down();
        } else {
            // The client finds the other nodes, or the new master, by itself.
            self.alarms.insert((Instant::now() + AGAIN, Alarm::Flush));
        }
    }

    fn done(&mut self, call: Call, sent: Instant, answer: &Value) {
        if let Some(keys) = self.unindexed(&call.purpose, answer) {
            let later = Box::new((call, sent, answer.clone()));
            self.index(&keys, Purpose::Indexed(later));
            return;
        }
        match call.purpose {
            Purpose::Indexed(later) => {
                let (call, sent, answer) = *later;
                self.done(call, sent, &answer);
            }
            Purpose::Acquire(id) | Purpose::Exchange { acquired: id, .. } => {
                self.acquired(id, sent, answer);
            }
            Purpose::Release { answer: told, .. } => {
                if let Some(told) = told {
                    let _ = told.send(Ok(integer(answer) == Some(1)));
                }
            }
            Purpose::Refresh {
                id,
                ttl,
                answer: told,
            } => {
                let refreshed = match integer(answer) {
                    Some(1) => Refreshed::Moved,
                    Some(2) => Refreshed::NoTtl,
                    _ => Refreshed::Lost,
                };
                if refreshed == Refreshed::Moved
                    && let Some(asked) = self.requests.get_mut(&id)
                    && let Stage::Held(hold) = &asked.stage
                {
                    asked.ttl = Some(ttl);
                    *hold.expires.lock() = Instant::now().checked_add(ttl.duration());
                    self.arm_expiry(id);
                }
                let _ = told.send(Ok(refreshed));
            }
            Purpose::Renew { name, birth, ids } => self.renewed(&name, birth, &ids, sent, answer),
            Purpose::Restore { name, ids } => self.restored(&name, &ids, sent, answer),
            Purpose::Tick(name) => {
                if let Some(left) = integer(answer) {
                    self.arm_due(&name, left);
                }
            }
            Purpose::Manage(management) => {
                let first = array(answer).and_then(|fields| fields.first());
                if first.and_then(integer) == Some(-9) {
                    self.unmarked.push(Purpose::Manage(management));
                    self.look_at_mark();
                } else {
                    let _ = management.answer.send(Ok(answer.clone()));
                }
            }
            Purpose::Ask { answer: told, .. } => {
                let _ = told.send(Ok(answer.clone()));
            }
            Purpose::Mark => {
                self.marking = false;
                self.marked(answer);
            }
            // Elsewhere, the semaphores have to hear of it first.
            Purpose::Subscribe if self.settings.names.together => {}
            Purpose::Subscribe => self.subscribed(),
            Purpose::Listen => self.listen(answer),
            Purpose::Caution(caution) => self.cautioned(*caution, sent, Some(answer)),
            Purpose::Nothing { .. } => {}
        }
    }

    fn acquired(&mut self, id: RequestId, sent: Instant, answer: &Value) {
        let Some(fields) = array(answer) else { return };
        let field = |at: usize| fields.get(at).and_then(natural).unwrap_or(0);
        // Whoever gave up in the meantime has told the server.
        if !self.requests.contains_key(&id) {
            return;
        }
        match fields.first().and_then(integer) {
            Some(1) => {
                self.leased(id, sent, field(6), &fields[7..]);
                self.admitted(id, field(1), (field(2), field(3)), field(4) == 1, field(5));
                self.end_as_pushed(id);
            }
            Some(2) => {
                self.leased(id, sent, field(4), &fields[6..]);
                let key = fields.get(2).and_then(text).unwrap_or_default().to_owned();
                self.queued(id, field(1), key, field(3));
                self.end_as_pushed(id);
                let name = self.requests.get(&id).map(|asked| asked.name.clone());
                if let (Some(name), Some(left)) = (name, fields.get(5).and_then(integer)) {
                    self.arm_due(&name, left);
                }
                self.check(id);
            }
            Some(4) => {
                self.leased(id, sent, field(7), fields.get(9..).unwrap_or_default());
                if let Some(holder) = fields.get(1).and_then(text).and_then(reply::id) {
                    let shared = Shared {
                        holder,
                        token: field(2),
                        times: (field(3), field(4)),
                        granted: field(5) == 1,
                        birth: field(6),
                        left: fields.get(8).and_then(natural),
                    };
                    self.shares(id, &shared);
                }
            }
            Some(9) => {
                self.unmarked.push(Purpose::Acquire(id));
                self.look_at_mark();
            }
            Some(3) => {
                let timed_out = fields.get(1).and_then(text) == Some("timed_out");
                self.end(id, if timed_out { "timed_out" } else { "cancelled" });
            }
            // No slot is free, and it does not wait.
            _ => {
                if let Some(answer) = self.take(id).and_then(|mut asked| asked.answer.take()) {
                    let _ = answer.send(Ok(None));
                }
            }
        }
    }

    /// The lease covers the request's semaphore for `left` microseconds from when that was asked.
    fn leased(&mut self, id: RequestId, sent: Instant, left: u64, slots: &[Value]) {
        if let Some(asked) = self.requests.get(&id)
            && let Some(sem) = self.sems.get_mut(&asked.name)
        {
            sem.covered(sent, left);
            sem.heard(slots);
            let until = sem.leased_until;
            if self.lease_at.is_none_or(|at| until < at) {
                self.lease_at = Some(until);
            }
            if self.renew_at.is_none() {
                self.renew_at = Some(sent + self.settings.lease / 3);
            }
        }
    }

    fn admitted(
        &mut self,
        id: RequestId,
        token: u64,
        times: (u64, u64),
        granted: bool,
        birth: u64,
    ) {
        let Some(asked) = self.requests.get_mut(&id) else {
            return;
        };
        if matches!(asked.stage, Stage::Held(_)) {
            return;
        }
        let name = asked.name.clone();
        let hold = Arc::new(Hold::new(id, name, token, times, granted, asked.ttl));
        let waited = asked.waits();
        asked.stage = Stage::Held(Arc::clone(&hold));
        asked.birth = birth;
        if let Some(at) = asked.alarm.take() {
            self.alarms.remove(&(at, Alarm::Request(id)));
        }
        let answer = asked.answer.take();
        let run = asked.run().filter(|_| waited);
        if let Some(sem) = self.sems.get_mut(&asked.name) {
            sem.birth = birth;
            sem.token = sem.token.max(token);
            sem.held += 1;
            if waited {
                sem.waiting -= 1;
            }
        }
        if asked.ttl.is_some() {
            self.arm_expiry(id);
        }
        if let Some(answer) = answer {
            // Whoever does not listen any more says so, too.
            let _ = answer.send(Ok(Some(hold)));
        }
        if run.is_some() {
            let name = self.requests.get(&id).map(|asked| asked.name.clone());
            if let Some(name) = name {
                self.waits_no_more(id, run, &name);
            }
        }
    }

    /// The slot id of the request `id` holds a slot already: its holder gets a permit of that.
    fn shares(&mut self, id: RequestId, shared: &Shared) {
        let Some(mut asked) = self.take(id) else {
            return;
        };
        let answer = asked.answer.take();
        let holder = shared.holder;
        if self.requests.contains_key(&holder) {
            // If it did not know yet that it is one.
            let Shared {
                token,
                times,
                granted,
                birth,
                ..
            } = *shared;
            self.admitted(holder, token, times, granted, birth);
        } else {
            self.hold_anothers(asked, shared);
        }
        if let (Some(answer), Some(asked)) = (answer, self.requests.get(&holder))
            && let Stage::Held(hold) = &asked.stage
        {
            let _ = answer.send(Ok(Some(Arc::clone(hold))));
        }
    }

    /// Notes that this store has permits of a request that another made, as `asked` did with the same slot id.
    fn hold_anothers(&mut self, asked: Asked, shared: &Shared) {
        let Shared {
            holder,
            token,
            times,
            granted,
            birth,
            left,
        } = *shared;
        let hold = Hold::new(holder, asked.name.clone(), token, times, granted, None);
        *hold.expires.lock() =
            left.and_then(|left| hold.heard.checked_add(Duration::from_micros(left)));
        let sem = self.sem(&asked.name);
        sem.ids.insert(holder);
        sem.held += 1;
        sem.birth = birth;
        sem.token = sem.token.max(token);
        let asked = Asked {
            anothers: true,
            alarm: None,
            birth,
            stage: Stage::Held(Arc::new(hold)),
            ..asked
        };
        self.requests.insert(holder, asked);
        self.arm_expiry(holder);
    }

    fn queued(&mut self, id: RequestId, requested: u64, key: String, birth: u64) {
        let Some(asked) = self.requests.get_mut(&id) else {
            return;
        };
        if !matches!(asked.stage, Stage::Asking) {
            return;
        }
        asked.stage = Stage::Waiting {
            requested,
            key,
            class: (-i64::from(asked.priority)).to_string(),
        };
        asked.birth = birth;
        let (name, run) = (asked.name.clone(), asked.run());
        let sem = self.sem(&name);
        sem.birth = birth;
        sem.waiting += 1;
        if let Some(run) = run {
            self.waits(id, run, &name);
        }
    }

    /// What became of a request that is no more, in the server's word.
    fn end(&mut self, id: RequestId, status: &str) {
        let Some(asked) = self.requests.get(&id) else {
            return;
        };
        let name = asked.name.clone();
        if let Stage::Held(hold) = &asked.stage {
            // An administrator released it, or its TTL passed; or its lease did, or the server does not know.
            if matches!(status, "done" | "released" | "expired") {
                hold.lose();
                if !asked.anothers && !hold.left.load(Ordering::Acquire) {
                    self.outlived.insert(id, name.clone());
                    self.sem(&name).outlived += 1;
                }
            } else {
                hold.lease_passes();
            }
            self.take(id);
            return;
        }
        if matches!(asked.stage, Stage::Asking) && matches!(status, "done" | "released" | "killed")
        {
            // The answer that it was admitted is on its way.
            if let Some(asked) = self.requests.get_mut(&id) {
                asked.ended = Some(status.to_owned());
            }
            return;
        }
        match status {
            "cancelled" => self.fail(id, AcquireError::Cancelled { name }),
            "timed_out" => {
                let after = asked.limit.unwrap_or_default();
                self.fail(id, AcquireError::TimedOut { name, after });
            }
            // Its lease had passed, or nobody knows. It waits on, at the end of the line.
            _ => {
                if asked.waits() {
                    let run = asked.run();
                    self.sem(&name).waiting -= 1;
                    self.waits_no_more(id, run, &name);
                }
                self.request(id);
            }
        }
    }

    /// How it ended was heard before this answer.
    fn end_as_pushed(&mut self, id: RequestId) {
        let asked = self.requests.get_mut(&id);
        if let Some(status) = asked.and_then(|asked| asked.ended.take()) {
            self.end(id, &status);
        }
    }

    fn fail(&mut self, id: RequestId, error: AcquireError) {
        if let Some(answer) = self.take(id).and_then(|mut asked| asked.answer.take()) {
            let _ = answer.send(Err(error));
        }
    }

    // ---- what the server pushes

    fn pushed(&mut self, push: &PushInfo) {
        match push.kind {
            PushKind::Message => {
                if let [channel, message] = push.data.as_slice()
                    && let (Some(channel), Some(message)) = (text(channel), text(message))
                {
                    if channel == self.settings.channel {
                        self.told(message);
                    } else {
                        self.happened(message);
                    }
                }
            }
            // The mark has changed, or all data is gone.
            PushKind::Invalidate => self.look_at_mark(),
            PushKind::Disconnection => {
                if self.settings.names.together {
                    self.down();
                } else {
                    // One node of several.
                    self.note_refused();
                    self.missed();
                }
            }
            _ => {}
        }
    }

    /// Something that was pushed is lost, and nobody knows what it was.
    fn missed(&mut self) {
        if self.observing {
            self.settings.hub.gap();
        }
        self.renew_all(true);
    }

    fn happened(&mut self, message: &str) {
        if self.settings.hub.is_observed() {
            if let Some(event) = reply::event(&self.settings.names, message) {
                self.settings.hub.emit(event);
            }
        } else if self.observing {
            // The last one has left.
            self.observing = false;
            let events = self.settings.names.events.clone();
            self.send(Call {
                what: What::Unsubscribe(events),
                purpose: Purpose::Nothing { lasting: false },
            });
        }
    }

    /// A verdict on one of our requests.
    fn told(&mut self, message: &str) {
        let mut parts = message.split('|');
        let (Some(verdict), Some(id)) = (parts.next(), parts.next().and_then(reply::id)) else {
            return;
        };
        match verdict {
            "a" => {
                let mut next = || parts.next().and_then(|part| part.parse::<u64>().ok());
                if let (Some(token), Some(requested), Some(started), Some(granted), Some(birth)) =
                    (next(), next(), next(), next(), next())
                    && self.is_covered(id)
                {
                    self.admitted(id, token, (requested, started), granted == 1, birth);
                }
            }
            "s" => {
                let holder = parts.next().and_then(reply::id);
                let numbers: Vec<i64> = parts.flat_map(str::parse).collect();
                if let (Some(holder), &[token, requested, started, granted, birth, left]) =
                    (holder, numbers.as_slice())
                    && self.is_covered(id)
                {
                    let shared = Shared {
                        holder,
                        token: token.unsigned_abs(),
                        times: (requested.unsigned_abs(), started.unsigned_abs()),
                        granted: granted == 1,
                        birth: birth.unsigned_abs(),
                        left: u64::try_from(left).ok(),
                    };
                    self.shares(id, &shared);
                }
            }
            "d" => {
                let left = parts.next().and_then(|left| left.parse().ok());
                if let Some(asked) = self.requests.get_mut(&id)
                    && let Stage::Held(hold) = &asked.stage
                    && let Some(left) = left.map(Duration::from_micros)
                {
                    asked.ttl = Ttl::new(left).ok();
                    *hold.expires.lock() = Instant::now().checked_add(left);
                    self.arm_expiry(id);
                }
            }
            "c" => self.end(id, "cancelled"),
            "t" => self.end(id, "timed_out"),
            "k" => self.end(id, "killed"),
            "l" => self.end(id, "done"),
            "m" => {
                if let Some(asked) = self.requests.get_mut(&id)
                    && let Stage::Waiting { key, class, .. } = &mut asked.stage
                    && let (Some(new_key), Some(new_class)) = (parts.next(), parts.next())
                {
                    new_key.clone_into(key);
                    new_class.clone_into(class);
                }
            }
            "x" => {
                let circle = message
                    .splitn(3, '|')
                    .nth(2)
                    .and_then(circle::read_sentence);
                if let Some(links) = circle {
                    self.fail(id, DeadlockError::new(links).into());
                }
            }
            _ => {}
        }
    }

    /// Whether the lease covers the semaphore of a request that was admitted for long enough to give it away.
    ///
    /// After an outage it may end any moment, and the permit with it. Then this session must first say that it lives,
    /// and what became of the request is asked along with that.
    fn is_covered(&mut self, id: RequestId) -> bool {
        // The answer to what asks for it tells of a lease, and came before this, even if it is looked at after it.
        let Some(asked) = self.requests.get(&id).filter(|asked| asked.waits()) else {
            return true;
        };
        // Renewals come so often that no less is left, unless some were missed.
        let enough = Instant::now() + self.settings.lease / 3;
        let sem = self.sems.get(&asked.name);
        if sem.is_none_or(|sem| sem.leased_until >= enough) {
            return true;
        }
        let name = asked.name.clone();
        self.send_renewal(&name, &[id], false);
        false
    }

    // ---- time

    fn request_due(&mut self, id: RequestId, now: Instant) {
        let Some(asked) = self.requests.get_mut(&id) else {
            return;
        };
        asked.alarm = None;
        let name = asked.name.clone();
        if let Stage::Held(hold) = &asked.stage {
            if hold.is_lost() {
                hold.lose();
                // The server ends it, and tells everybody.
                self.tick(&name);
            } else {
                self.arm_expiry(id);
            }
            return;
        }
        let reachable = matches!(self.link, Link::Up { .. } | Link::Connecting(_));
        if asked.joins && reachable && !asked.overdue {
            asked.overdue = true;
            let at = now + GRACE;
            asked.alarm = Some(at);
            self.alarms.insert((at, Alarm::Request(id)));
            if asked.waits() {
                self.tick(&name);
            }
            return;
        }
        let sent = asked.sent;
        // If the store was never reached, it is not the holders that it has waited for.
        let error = if asked.joins && self.before {
            let after = asked.limit.unwrap_or_default();
            AcquireError::TimedOut {
                name: name.clone(),
                after,
            }
        } else {
            self.silence().into()
        };
        self.fail(id, error);
        if sent {
            self.abandon(id, &name);
        }
    }

    /// Sets the alarm for the TTL of a permit.
    fn arm_expiry(&mut self, id: RequestId) {
        let Some(asked) = self.requests.get_mut(&id) else {
            return;
        };
        let Stage::Held(hold) = &asked.stage else {
            return;
        };
        if let Some(at) = asked.alarm.take() {
            self.alarms.remove(&(at, Alarm::Request(id)));
        }
        let expires = *hold.expires.lock();
        if let Some(at) = expires {
            asked.alarm = Some(at);
            self.alarms.insert((at, Alarm::Request(id)));
        }
    }

    /// Sets the alarm for what is due in a semaphore in `left` microseconds, if anybody here waits for it.
    fn arm_due(&mut self, name: &SemaphoreName, left: i64) {
        let Some(sem) = self.sems.get_mut(name) else {
            return;
        };
        if let Some(at) = sem.due.take() {
            self.alarms.remove(&(at, Alarm::Due(name.clone())));
        }
        if sem.waiting > 0
            && let Ok(left) = u64::try_from(left)
            && let Some(at) = Instant::now().checked_add(Duration::from_micros(left))
        {
            sem.due = Some(at);
            self.alarms.insert((at, Alarm::Due(name.clone())));
        }
    }

    /// The leases of some semaphores may have passed: what we hold of them, we hold no more.
    fn leases_pass(&mut self, now: Instant) {
        let mut lost = Vec::new();
        let mut next = None;
        for sem in self.sems.values().filter(|sem| sem.held > 0) {
            if sem.leased_until <= now {
                lost.extend(&sem.ids);
            } else if next.is_none_or(|at| sem.leased_until < at) {
                next = Some(sem.leased_until);
            }
        }
        self.lease_at = next;
        for id in lost {
            if let Some(asked) = self.requests.get(&id)
                && let Stage::Held(hold) = &asked.stage
            {
                hold.lease_passes();
                let at = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(0.0, |since| since.as_secs_f64());
                let (owner, name) = (asked.owner.clone(), asked.name.clone());
                let anothers = asked.anothers;
                self.take(id);
                if !anothers {
                    self.abandon(id, &name);
                }
                let sem = self.sem(&name);
                let event = Event {
                    sequence: 0,
                    kind: EventKind::Lost,
                    request: Some(id),
                    who: owner.as_ref().map(|owner| owner.who().to_owned()),
                    run: owner.as_ref().and_then(Owner::run),
                    // As far as is known here.
                    busy: sem.held,
                    waiting: sem.waiting,
                    slots: Slots::try_from(sem.slots.0).unwrap_or_default(),
                    semaphore: name,
                    at,
                    by: None,
                };
                self.settings.hub.emit(event);
            }
        }
        // Releases that came too late.
        let late: Vec<u64> = self
            .outbox
            .iter()
            .filter(|(_, call)| matches!(&call.purpose, Purpose::Release { until, .. } if *until <= now))
            .map(|(serial, _)| *serial)
            .collect();
        for serial in late {
            if let Some(call) = self.outbox.get_mut(&serial)
                && let Purpose::Release { answer, .. } = &mut call.purpose
                && let Some(answer) = answer.take()
            {
                let _ = answer.send(Ok(false));
            }
        }
    }

    // ---- renewing

    /// Says that this session lives, wherever it has requests. `whole`: asks what became of every one of them.
    fn renew_all(&mut self, whole: bool) {
        let now = Instant::now();
        self.renew_at = None;
        if !matches!(self.link, Link::Up { .. }) {
            return;
        }
        self.renew_at = Some(now + self.settings.lease / 3);
        let lease = self.settings.lease;
        self.sems.retain(|_, sem| {
            !sem.ids.is_empty() || sem.outlived > 0 || now.duration_since(sem.used) < lease
        });
        let names: Vec<SemaphoreName> = self
            .sems
            .iter()
            .filter(|(_, sem)| sem.held + sem.waiting + sem.outlived > 0)
            .map(|(name, _)| name.clone())
            .collect();
        for name in &names {
            if whole {
                self.sem(name).suspicious = SUSPICIOUS;
            }
            self.renew(name, whole);
        }
        if names.is_empty() && self.flying.is_empty() && !whole {
            // Is the server still there? In a cluster the client asks that itself.
            self.send(Call {
                what: What::Plain(Arc::new(redis::cmd("PING"))),
                purpose: Purpose::Nothing { lasting: false },
            });
        }
    }

    fn renew(&mut self, name: &SemaphoreName, whole: bool) {
        let requests = &self.requests;
        let Some(sem) = self.sems.get_mut(name) else {
            return;
        };
        let known = sem.ids.iter().copied().filter(|id| {
            requests
                .get(id)
                .is_some_and(|asked| !matches!(asked.stage, Stage::Asking))
        });
        let ids: Vec<RequestId> = if whole || sem.ids.len() <= ASKED_PER_RENEWAL {
            known.collect()
        } else {
            // Some each time, until all had their turn.
            let turn = sem.turn;
            sem.turn = (turn + ASKED_PER_RENEWAL) % sem.ids.len();
            known.skip(turn).take(ASKED_PER_RENEWAL).collect()
        };
        let scan = sem.suspicious > 0;
        sem.suspicious = sem.suspicious.saturating_sub(1);
        let (keys, outlived) = (Arc::clone(&sem.keys), sem.outlived);
        if !self.settings.names.together {
            self.index(&keys, Purpose::Nothing { lasting: false });
        }
        if ids.is_empty() && outlived > 0 {
            self.send_renewal(name, &[], scan);
        }
        for (nth, ids) in ids.chunks(CHUNK).enumerate() {
            self.send_renewal(name, ids, scan && nth == 0);
        }
    }

    /// Says that this session lives, and asks what became of these requests. `scan`: and which others there are.
    fn send_renewal(&mut self, name: &SemaphoreName, ids: &[RequestId], scan: bool) {
        let (settings, birth) = (Arc::clone(&self.settings), self.sem(name).birth);
        let what = self.on(name, Script::Renew, |command| {
            command
                .arg(&settings.session)
                .arg(settings.lease_micros)
                .arg(birth)
                .arg(if scan { "1" } else { "" });
            for id in ids {
                command.arg(digits(*id));
            }
        });
        self.send(Call {
            what,
            purpose: Purpose::Renew {
                name: name.clone(),
                birth,
                ids: ids.to_vec(),
            },
        });
    }

    fn renewed(
        &mut self,
        name: &SemaphoreName,
        birth: u64,
        ids: &[RequestId],
        sent: Instant,
        answer: &Value,
    ) {
        let Some(fields) = array(answer) else { return };
        if fields.first().and_then(integer) != Some(1) {
            self.restore(name, birth, |_| true);
            return;
        }
        let mut unknown = Vec::new();
        let field = |at: usize| fields.get(at).and_then(natural).unwrap_or(0);
        let Some(sem) = self.sems.get_mut(name) else {
            return;
        };
        sem.covered(sent, field(1));
        sem.heard(fields.get(5..).unwrap_or_default());
        let states = fields.get(3).and_then(array).unwrap_or_default();
        for (id, state) in ids.iter().zip(states) {
            let Some((state, rest)) = text(state).and_then(|state| state.split_once('|')) else {
                continue;
            };
            let Some(asked) = self.requests.get_mut(id) else {
                continue;
            };
            match (&mut asked.stage, state) {
                (Stage::Waiting { .. }, "a") => {
                    let numbers: Vec<u64> = rest.split('|').flat_map(str::parse).collect();
                    if let [token, requested, started, granted] = numbers[..]
                        && self.is_covered(*id)
                    {
                        self.admitted(*id, token, (requested, started), granted == 1, birth);
                    }
                }
                (Stage::Waiting { key, .. }, "w") => rest.clone_into(key),
                // The server has lost it: it gets its place back.
                (Stage::Waiting { .. }, "e") if rest.is_empty() => unknown.push(*id),
                (Stage::Waiting { .. } | Stage::Held(_), "e") => self.end(*id, rest),
                _ => {}
            }
        }
        if !unknown.is_empty() {
            self.restore(name, birth, |id| unknown.contains(&id));
        }
        let others = fields.get(4).and_then(array).unwrap_or_default();
        for id in others.iter().filter_map(text).filter_map(reply::id) {
            if !self.requests.contains_key(&id) && !self.is_being_released(id) {
                self.abandon(id, name);
            }
        }
        if let Some(left) = fields.get(2).and_then(integer) {
            self.arm_due(name, left);
        }
    }

    // ---- data that was lost

    /// Asks whether the data are those that were known.
    fn look_at_mark(&mut self) {
        if !self.marking {
            self.marking = true;
            let question = Mark::question(&self.settings, &self.mark.id, true);
            self.send(Call {
                what: What::Plain(Arc::new(question)),
                purpose: Purpose::Mark,
            });
        }
    }

    fn marked(&mut self, answer: &Value) {
        let Some(mark) = Mark::read(answer) else {
            self.alarms.insert((Instant::now() + AGAIN, Alarm::Mark));
            return;
        };
        let lost = !self.mark.id.is_empty() && self.mark.id != mark.id;
        self.mark = mark;
        if lost {
            self.renew_all(true);
        }
        self.decide_unmarked();
    }

    fn decide_unmarked(&mut self) {
        for purpose in std::mem::take(&mut self.unmarked) {
            match purpose {
                Purpose::Acquire(id) => self.request(id),
                Purpose::Manage(management) => self.manage(management),
                _ => {}
            }
        }
    }

    /// The semaphore that was born at `birth` is gone, and with it what we hold and wait for: brings it back, as far as it
    /// is `wanted`.
    fn restore(&mut self, name: &SemaphoreName, birth: u64, wanted: impl Fn(RequestId) -> bool) {
        let now = Instant::now();
        let Some(sem) = self.sems.get(name) else {
            return;
        };
        // What is held no longer is lost elsewhere.
        let mut ids: Vec<RequestId> = sem
            .ids
            .iter()
            .copied()
            .filter(|id| {
                wanted(*id)
                    && self.requests.get(id).is_some_and(|asked| {
                        asked.birth == birth
                            && !asked.anothers
                            && match &asked.stage {
                                Stage::Asking => false,
                                Stage::Waiting { .. } => true,
                                Stage::Held(hold) => !hold.is_lost() && sem.leased_until > now,
                            }
                    })
            })
            .collect();
        // In the order in which they were given, so that tokens and places agree.
        ids.sort_unstable_by_key(|id| match self.requests.get(id).map(|asked| &asked.stage) {
            Some(Stage::Held(hold)) => (0, hold.token),
            Some(Stage::Waiting { requested, .. }) => (1, *requested),
            _ => (2, 0),
        });
        let slots = sem.slots;
        let token = sem.token;
        for ids in ids.chunks(CHUNK) {
            let mut rows: Vec<[String; 4]> = Vec::with_capacity(ids.len());
            for id in ids {
                rows.extend(self.row(*id));
                if let Some(asked) = self.requests.get_mut(id) {
                    // Not twice.
                    asked.birth = 0;
                }
            }
            let (settings, guard) = (Arc::clone(&self.settings), self.mark.guard);
            let what = self.on(name, Script::Restore, |command| {
                command
                    .arg(&settings.session)
                    .arg(settings.lease_micros)
                    .arg(guard)
                    .arg(token)
                    .arg(slots.0)
                    .arg(slots.1)
                    .arg(slots.2)
                    .arg(i32::from(slots.3));
                for row in &rows {
                    command.arg(row);
                }
            });
            self.send(Call {
                what,
                purpose: Purpose::Restore {
                    name: name.clone(),
                    ids: ids.to_vec(),
                },
            });
        }
    }

    /// A request as `lua/restore.lua` wants it: id, key in line, class, row without the session.
    fn row(&self, id: RequestId) -> Option<[String; 4]> {
        let asked = self.requests.get(&id)?;
        let blob = reply::blob(asked.owner.as_ref(), asked.slot.as_ref());
        let ttl = asked.ttl.map(|ttl| micros(ttl.duration()).to_string());
        let ttl = ttl.unwrap_or_default();
        let priority = asked.priority;
        Some(match &asked.stage {
            Stage::Asking => return None,
            Stage::Waiting {
                requested,
                key,
                class,
            } => {
                let left = asked.limit.map(|limit| {
                    micros(limit.saturating_sub(asked.asked_at.elapsed())).to_string()
                });
                let left = left.unwrap_or_default();
                let row = format!("{requested}|{left}|{ttl}|{priority}||{blob}");
                [digits(id), key.clone(), class.clone(), row]
            }
            Stage::Held(hold) => {
                let left = hold
                    .expires
                    .lock()
                    .map(|at| micros(at.saturating_duration_since(Instant::now())).to_string());
                let left = left.unwrap_or_default();
                let (requested, started, token) = (hold.requested, hold.started, hold.token);
                let granted = i32::from(hold.granted);
                let row = format!(
                    "{requested}|{started}|{token}|{ttl}|{priority}|{granted}|{left}|{blob}"
                );
                [digits(id), String::new(), String::new(), row]
            }
        })
    }

    fn restored(&mut self, name: &SemaphoreName, ids: &[RequestId], sent: Instant, answer: &Value) {
        let Some(fields) = array(answer) else { return };
        let field = |at: usize| fields.get(at).and_then(natural).unwrap_or(0);
        let birth = field(0);
        let sem = self.sem(name);
        sem.birth = birth;
        sem.suspicious = SUSPICIOUS;
        sem.covered(sent, field(1));
        for id in ids {
            let Some(asked) = self.requests.get_mut(id) else {
                // It was given back in the meantime, perhaps before it was restored.
                self.abandon(*id, name);
                continue;
            };
            asked.birth = birth;
            if let (true, Some(run)) = (asked.waits(), asked.run()) {
                // That is gone, too.
                if let Some(waits) = self.runs.get_mut(&run) {
                    waits.retain(|wait| wait != id);
                }
                self.waits(*id, run, name);
            }
        }
        if let Some(left) = fields.get(2).and_then(integer) {
            self.arm_due(name, left);
        }
    }
}

impl Sem {
    /// The lease was said to hold for `left` microseconds more, by an answer to what was sent then.
    fn covered(&mut self, sent: Instant, left: u64) {
        self.leased_until = self.leased_until.max(sent + Duration::from_micros(left));
    }

    /// The numbers of slots, as the scripts tell them.
    fn heard(&mut self, slots: &[Value]) {
        let number = |at: usize| slots.get(at).and_then(integer);
        if let Some(n) = number(0) {
            self.slots.0 = n;
        }
        if let (Some(declared), Some(wanted), Some(pinned)) = (number(1), number(2), number(3)) {
            self.slots = (self.slots.0, declared, wanted, pinned == 1);
        }
    }
}

/// In whole microseconds, rounded up, and no more than the scripts can count.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000))
        .unwrap_or(LONGEST)
        .min(LONGEST)
}

/// Nobody answers.
#[derive(Debug, thiserror::Error)]
#[error("it does not answer")]
struct Silent;

/// The connection was lost before the answer came.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost before the answer came, so it may or may not have been done")]
struct InDoubt;
