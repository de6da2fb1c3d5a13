//! The connection of a bus: a task of the worker's event loop that carries out orders, one after the other.
//!
//! Events are published over the connection that is subscribed, each batch followed by a `PING`: its answer comes
//! behind the messages that the server pushed until then, so a run is told its own events before it is told that they
//! were published.
//!
//! The connection is made for the first order and kept while there is a channel to listen to, or for a moment after
//! the last order. When it is lost, it is made again, in ever longer intervals, and subscribed as before. What was
//! published meanwhile is lost: pub/sub keeps nothing.
//!
//! What the server sends has a limit. More of it ends the connection, and all who wait for something hear why; so does the
//! run, if it listens: an event that it waits for may have been among what is lost.
#![expect(
    clippy::disallowed_methods,
    reason = "the server answers in the time of the machine"
)]

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{
    ConnectError, RedisConnection, RedisPush, RedisUrl, ReplyError, RequestError,
};
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::arrivals::{Inbox, Outlet, inbox};

/// An order is carried out within this, or has failed.
pub(super) const LIMIT: Duration = Duration::from_secs(4);

/// After so long, a connection that is no longer needed is closed.
const LINGER: Duration = Duration::from_secs(1);

/// Between one attempt to connect and the next: twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the server sends at once may take so many bytes, and no more than may wait for the run: there is no use in a
/// message for which there is never room.
const LARGEST: usize = 16 * 1024 * 1024;

/// What a server tells at connecting has room in this, however little memory the run has left.
const SMALLEST: usize = 64 * 1024;

/// How many orders are taken at once.
const BATCH: usize = 1024;

/// What is asked of the connection.
pub(super) enum Order {
    Subscribe {
        channel: String,
        answer: Answer,
    },
    Unsubscribe {
        channel: String,
        answer: Answer,
    },
    Publish {
        channel: String,
        text: String,
        answer: Answer,
    },
    /// To put this mark behind what was published until now.
    Mark(u64),
}

/// Who waits for an order to be carried out, and until when.
pub(super) struct Answer {
    sender: oneshot::Sender<Result<(), String>>,
    until: Instant,
}

impl Answer {
    pub(super) fn new(sender: oneshot::Sender<Result<(), String>>) -> Self {
        Self {
            sender,
            until: Instant::now() + LIMIT,
        }
    }

    /// Whether there is no waiter left.
    fn is_late(&self) -> bool {
        self.sender.is_closed()
    }

    fn give(self, outcome: Result<(), String>) {
        // Who gave up in this very moment does not hear of it.
        let _ = self.sender.send(outcome);
    }
}

/// The task, as the run sees it. Dropping it closes the connection.
pub(super) struct Task {
    orders: UnboundedSender<Order>,
    outlet: RefCell<Outlet>,
    marks: Cell<u64>,
    trouble: Arc<Mutex<Option<String>>>,
    handle: JoinHandle<()>,
}

impl Task {
    /// Starts it. It connects when there is something to do. Messages that wait for the run may take `room` bytes. Must be
    /// called on a worker.
    pub(super) fn start(url: RedisUrl, room: usize) -> Self {
        let (orders, taken) = mpsc::unbounded_channel();
        let (inbox, outlet) = inbox(room);
        let trouble = Arc::<Mutex<Option<String>>>::default();
        let link = Link {
            url,
            reply_limit: room.clamp(SMALLEST, LARGEST) as u64,
            orders: taken,
            inbox,
            trouble: Arc::clone(&trouble),
            channels: BTreeSet::new(),
            connection: None,
            known: false,
            pause: FIRST_PAUSE,
            next_attempt: Instant::now(),
            used: Instant::now(),
        };
        Self {
            orders,
            outlet: RefCell::new(outlet),
            marks: Cell::default(),
            trouble,
            // On the thread's stack: a TLS handshake nests deeper than a fiber's should have to hold.
            handle: tokio::spawn(link.serve()),
        }
    }

    pub(super) fn give(&self, order: Order) {
        // A task that is gone drops the answer, which tells.
        let _ = self.orders.send(order);
    }

    pub(super) fn outlet(&self) -> RefMut<'_, Outlet> {
        self.outlet.borrow_mut()
    }

    /// A number that no mark has had.
    pub(super) fn next_mark(&self) -> u64 {
        self.marks.set(self.marks.get() + 1);
        self.marks.get()
    }

    /// Why there is no connection, while there is none.
    pub(super) fn trouble(&self) -> &Arc<Mutex<Option<String>>> {
        &self.trouble
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

struct Link {
    url: RedisUrl,
    reply_limit: u64,
    orders: UnboundedReceiver<Order>,
    inbox: Inbox,
    trouble: Arc<Mutex<Option<String>>>,
    /// Those that are subscribed, or will be as soon as there is a connection.
    channels: BTreeSet<String>,
    connection: Option<Connection>,
    /// Whether there was a connection before: then its name and password are right, and all trouble may pass.
    known: bool,
    pause: Duration,
    next_attempt: Instant,
    /// When it was last needed.
    used: Instant,
}

struct Connection {
    redis: RedisConnection,
    lost: Arc<Notify>,
}

impl Connection {
    fn is_lost(&self) -> bool {
        pin!(self.lost.notified()).enable()
    }
}

impl Link {
    async fn serve(mut self) {
        let mut orders = Vec::new();
        loop {
            let connected = self.connection.is_some();
            let needed = !self.channels.is_empty();
            tokio::select! {
                biased;
                () = lost(self.connection.as_ref()) => {
                    self.drop_connection();
                }
                count = self.orders.recv_many(&mut orders, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.carry_out(orders.drain(..)).await;
                    self.used = Instant::now();
                }
                () = sleep_until(self.next_attempt), if !connected && needed => {
                    // What went wrong is told to who asks for something. But what was refused was for the run.
                    if let Err(ConnectError { refused: Some(reply), .. }) = self.connect().await {
                        self.inbox.refuse(self.too_large(reply));
                    }
                }
                () = sleep_until(self.used + LINGER), if connected && !needed => {
                    self.drop_connection();
                }
            }
        }
    }

    async fn carry_out(&mut self, orders: impl Iterator<Item = Order>) {
        let mut events = Vec::new();
        for order in orders {
            if let Order::Publish {
                channel,
                text,
                answer,
            } = order
            {
                events.push((channel, text, answer));
                continue;
            }
            self.publish(std::mem::take(&mut events)).await;
            match order {
                Order::Subscribe { channel, answer } if !answer.is_late() => {
                    let outcome = self.subscribe(channel, answer.until).await;
                    answer.give(outcome);
                }
                Order::Unsubscribe { channel, answer } => {
                    self.unsubscribe(&channel, answer.until).await;
                    answer.give(Ok(()));
                }
                Order::Mark(number) => {
                    self.wait_for_pushes().await;
                    self.inbox.mark(number);
                }
                Order::Subscribe { .. } | Order::Publish { .. } => {}
            }
        }
        self.publish(events).await;
    }

    /// Publishes events, in this order, with one question.
    async fn publish(&mut self, mut events: Vec<(String, String, Answer)>) {
        events.retain(|(_, _, answer)| !answer.is_late());
        let Some(until) = events.last().map(|(_, _, answer)| answer.until) else {
            return;
        };
        let answers = match self.connected(until).await {
            Err(problem) => Err(problem),
            Ok(mut connection) => {
                let messages = events
                    .iter()
                    .map(|(channel, text, _)| (channel.as_str(), text.as_str()));
                let sent = connection.publish(messages);
                match timeout_at(until, sent).await {
                    Ok(Ok(answers)) => Ok(answers),
                    failed => {
                        let reason = match self.drop_connection() {
                            Some(refused) => refused.to_string(),
                            None => reason(failed.map(|sent| sent.err())),
                        };
                        Err(format!(
                            "{} was lost while the event was sent, so it may have been told or not: {reason}",
                            self.url
                        ))
                    }
                }
            }
        };
        match answers {
            Ok(answers) => {
                for ((_, _, answer), outcome) in events.into_iter().zip(answers) {
                    answer.give(outcome.map_err(|error| self.refused(&error)));
                }
            }
            Err(problem) => {
                for (_, _, answer) in events {
                    answer.give(Err(problem.clone()));
                }
            }
        }
    }

    async fn subscribe(&mut self, channel: String, until: Instant) -> Result<(), String> {
        loop {
            let mut connection = self.connected(until).await?;
            match timeout_at(until, connection.subscribe(&[&channel])).await {
                Ok(Ok(())) => {
                    self.channels.insert(channel);
                    return Ok(());
                }
                Ok(Err(error)) => {
                    if connection.refused().is_none() && !error.is_lost() {
                        return Err(self.refused(&error));
                    }
                    if let Some(reply) = self.drop_connection() {
                        return Err(self.too_large(reply));
                    }
                    // Once more cannot hurt.
                }
                Err(_) => {
                    self.drop_connection();
                    return Err(self.silent());
                }
            }
        }
    }

    async fn unsubscribe(&mut self, channel: &str, until: Instant) {
        self.channels.remove(channel);
        if let Some(connection) = &mut self.connection {
            let done = timeout_at(until, connection.redis.unsubscribe(channel)).await;
            if !matches!(done, Ok(Ok(()))) {
                self.drop_connection();
            }
        }
    }

    /// Waits until what the server has pushed until now is in the inbox.
    async fn wait_for_pushes(&mut self) {
        if let Some(connection) = &mut self.connection {
            let done = timeout(LIMIT, connection.redis.ping()).await;
            if !matches!(done, Ok(Ok(()))) {
                self.drop_connection();
            }
        }
    }

    /// Closes the connection, if there is one. Gives the reply that was too large, if that ended it; a run that listens
    /// hears of it.
    fn drop_connection(&mut self) -> Option<ReplyError> {
        let reply = self.connection.take()?.redis.refused()?;
        if !self.channels.is_empty() {
            self.inbox.refuse(self.too_large(reply));
        }
        Some(reply)
    }

    /// The connection, made if there is none.
    async fn connected(&mut self, until: Instant) -> Result<RedisConnection, String> {
        if self.connection.as_ref().is_some_and(Connection::is_lost) {
            self.drop_connection();
        }
        loop {
            if let Some(connection) = &self.connection {
                return Ok(connection.redis.clone());
            }
            let attempt = timeout_at(until, self.connect()).await;
            let Err(error) = attempt.map_err(|_| self.silent())? else {
                continue;
            };
            let problem = self.unconnected(&error);
            let passes = error.may_pass || self.known && error.refused.is_none();
            if !passes || self.next_attempt >= until {
                return Err(problem);
            }
            sleep_until(self.next_attempt).await;
        }
    }

    /// Tries to connect, and to subscribe to what was subscribed.
    async fn connect(&mut self) -> Result<(), ConnectError> {
        let attempt = self.attempt().await;
        match attempt {
            Ok(connection) => {
                self.connection = Some(connection);
                self.known = true;
                self.pause = FIRST_PAUSE;
                self.used = Instant::now();
                *self.trouble.lock() = None;
                Ok(())
            }
            Err(error) => {
                self.next_attempt = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                *self.trouble.lock() = Some(self.unconnected(&error));
                Err(error)
            }
        }
    }

    async fn attempt(&self) -> Result<Connection, ConnectError> {
        let lost = Arc::new(Notify::new());
        let (inbox, notify) = (self.inbox.clone(), Arc::clone(&lost));
        let pushed = move |push| match push {
            RedisPush::Message { channel, text } => inbox.put(channel, text),
            RedisPush::Disconnected => notify.notify_one(),
            _ => {}
        };
        let mut redis = self.url.connect(pushed, self.reply_limit).await?;
        if !self.channels.is_empty() {
            let channels: Vec<&str> = self.channels.iter().map(String::as_str).collect();
            let subscribed = timeout(LIMIT, redis.subscribe(&channels)).await;
            let outcome = subscribed.unwrap_or_else(|_| Err(RequestError::timed_out()));
            outcome.map_err(|cause| ConnectError {
                cause,
                may_pass: true,
                refused: redis.refused(),
            })?;
        }
        Ok(Connection { redis, lost })
    }

    fn unconnected(&self, error: &ConnectError) -> String {
        match error.refused {
            Some(reply) => self.too_large(reply),
            None => format!("{} cannot be reached: {}", self.url, error.cause),
        }
    }

    fn too_large(&self, reply: ReplyError) -> String {
        format!("the connection to {} was closed: {reply}", self.url)
    }

    fn refused(&self, error: &RequestError) -> String {
        format!("{} refused it: {error}", self.url)
    }

    fn silent(&self) -> String {
        format!(
            "{} does not answer within {} seconds",
            self.url,
            LIMIT.as_secs()
        )
    }
}

/// Waits until the connection is lost; for ever if there is none.
async fn lost(connection: Option<&Connection>) {
    match connection {
        Some(connection) => connection.lost.notified().await,
        None => std::future::pending().await,
    }
}

/// Why nothing was answered.
fn reason(failed: Result<Option<RequestError>, tokio::time::error::Elapsed>) -> String {
    match failed {
        Ok(Some(error)) => error.to_string(),
        _ => "it does not answer".to_owned(),
    }
}
