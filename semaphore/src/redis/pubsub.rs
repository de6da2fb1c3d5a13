//! A connection of a program's own to a server, for pub/sub. Semaphores do without it.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use redis::{PushInfo, PushKind, RedisError};

use super::bounded::Refusals;
use super::connection::BoundedConnection;
use super::dial::{self, CONNECT_LIMIT, may_pass, refused, timed_out};
use super::replies::ReplyError;
use super::socket::{self, Address};
use super::url::{RedisUrl, Topology};
use super::wire;

/// Why there is no connection to a Redis server: see [`RedisUrl::connect`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use cla_semaphore::RedisUrl;
///
/// let url: RedisUrl = "redis://127.0.0.1:1".parse()?; // nothing listens there
/// let error = url.connect(|_push| {}, 1 << 20).await.unwrap_err();
/// assert!(error.refused.is_none(), "no reply came: {}", error.cause);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ConnectError {
    /// What went wrong.
    #[source]
    pub cause: RequestError,
    /// Whether it may be otherwise in a moment: the server starts, or fails over. If not, its name, its user or its
    /// certificate is wrong.
    pub may_pass: bool,
    /// The reply that was too large, if that was it.
    pub refused: Option<ReplyError>,
}

/// Why a server did not do what a [`RedisConnection`] asked it.
///
/// See [`ConnectError`] for an example.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct RequestError {
    cause: RedisError,
}

impl RequestError {
    const fn new(cause: RedisError) -> Self {
        Self { cause }
    }

    /// It did not answer in time.
    #[must_use]
    pub fn timed_out() -> Self {
        Self::new(io::Error::from(io::ErrorKind::TimedOut).into())
    }

    /// Whether the connection is lost. If not, the server has refused it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.cause.is_unrecoverable_error()
    }
}

/// What a server sends by itself over a [`RedisConnection`].
///
/// See [`RedisConnection`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisPush {
    /// A message of a channel to which the connection is subscribed.
    Message {
        /// The channel.
        channel: String,
        /// What was published. What is not UTF-8 in it is replaced.
        text: String,
    },
    /// The connection is lost. Nothing comes after this.
    Disconnected,
}

impl RedisPush {
    fn read(push: PushInfo) -> Option<Self> {
        match push.kind {
            PushKind::Message => {
                let (channel, text) = wire::published(push.data)?;
                Some(Self::Message { channel, text })
            }
            PushKind::Disconnection => Some(Self::Disconnected),
            _ => None,
        }
    }
}

/// A connection to a Redis server, whose replies have a limit: see [`RedisUrl::connect`].
///
/// Clones share it. It is closed when the last is dropped.
///
/// ```no_run
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::sync::mpsc;
/// use cla_semaphore::{RedisPush, RedisUrl};
///
/// let url: RedisUrl = "redis://127.0.0.1".parse()?;
/// let (sender, receiver) = mpsc::channel();
/// let pushed = move |push| sender.send(push).expect("the receiver is there");
/// let mut connection = url.connect(pushed, 1 << 20).await?;
/// connection.subscribe(&["news"]).await?;
/// connection.publish([("news", "hello")]).await?;
/// assert!(matches!(receiver.try_recv()?, RedisPush::Message { text, .. } if text == "hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisConnection {
    connection: BoundedConnection,
}

impl RedisConnection {
    /// Subscribes to channels.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn subscribe(&mut self, channels: &[&str]) -> Result<(), RequestError> {
        let subscribed = self.connection.subscribe(channels).await;
        subscribed.map_err(RequestError::new)
    }

    /// Ends the subscription to a channel.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn unsubscribe(&mut self, channel: &str) -> Result<(), RequestError> {
        let unsubscribed = self.connection.unsubscribe(channel).await;
        unsubscribed.map_err(RequestError::new)
    }

    /// Publishes texts to channels, in this order. When this ends, all that the server has pushed before it published the
    /// last has been handed over. For each, says whether the server refused it.
    ///
    /// # Errors
    /// [`RequestError`], when it is not known what was published.
    pub async fn publish(
        &mut self,
        messages: impl IntoIterator<Item = (&str, &str)>,
    ) -> Result<Vec<Result<(), RequestError>>, RequestError> {
        let mut pipeline = redis::Pipeline::new();
        let mut count = 1;
        for (channel, text) in messages {
            pipeline.cmd("PUBLISH").arg(channel).arg(text);
            count += 1;
        }
        // Its answer comes behind what the server has pushed until then.
        pipeline.cmd("PING");
        let mut answers = self
            .connection
            .send_packed_commands(&pipeline, 0, count)
            .await
            .map_err(RequestError::new)?;
        answers.truncate(count - 1);
        let outcomes = answers.into_iter().map(|answer| {
            let refused = answer.extract_error();
            refused.map(drop).map_err(RequestError::new)
        });
        Ok(outcomes.collect())
    }

    /// Asks whether the server is there. When it has answered, all that it pushed before has been handed over.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn ping(&mut self) -> Result<(), RequestError> {
        let ping = redis::cmd("PING");
        let answer = self.connection.send_packed_command(&ping).await;
        answer.map(drop).map_err(RequestError::new)
    }

    /// Which reply ended the connection, if one did. The errors of requests do not always say so: those that were behind
    /// it only hear that the connection is closed.
    #[must_use]
    pub fn refused(&self) -> Option<ReplyError> {
        self.connection.refused()
    }
}

impl RedisUrl {
    /// A connection of one's own to the server: for what else than semaphores a program wants of it, such as pub/sub.
    /// In a cluster, it is to the first node that answers.
    ///
    /// What the server pushes goes to `pushed`, in order with what is answered: before an answer that the server sent
    /// later can be seen. When the connection is lost, that is the last push. Takes up to four seconds. Must be awaited in
    /// a tokio runtime, which then drives the connection.
    ///
    /// What the server sends at once, an answer or a push, may take `reply_limit` bytes of memory. More ends the connection:
    /// [`RedisConnection::refused`].
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(
        &self,
        pushed: impl Fn(RedisPush) + Clone + Send + Sync + 'static,
        reply_limit: u64,
    ) -> Result<RedisConnection, ConnectError> {
        let pushed = move |push: PushInfo| {
            if let Some(push) = RedisPush::read(push) {
                pushed(push);
            }
            Ok::<_, Infallible>(())
        };
        let limit = || (reply_limit, Arc::<Refusals>::default());
        let work = async {
            let trust = &socket::trust(self)?;
            match &self.topology {
                Topology::Standalone(node) => {
                    dial::one(self, Address::Node(node), trust, pushed, limit()).await
                }
                Topology::Unix(path) => {
                    dial::one(self, Address::Unix(path), trust, pushed, limit()).await
                }
                Topology::Cluster(nodes) => {
                    let mut failure = None;
                    for node in nodes {
                        let node = Address::Node(node);
                        match dial::one(self, node, trust, pushed.clone(), limit()).await {
                            Ok(connection) => return Ok(connection),
                            Err(error) => failure = Some(error),
                        }
                    }
                    Err(failure.unwrap_or_else(|| timed_out("no node answers")))
                }
                Topology::Sentinel { sentinels, service } => {
                    let node = dial::master(self, sentinels, service, trust).await?;
                    dial::one(self, Address::Node(&node), trust, pushed, limit()).await
                }
            }
        };
        let connection = tokio::time::timeout(CONNECT_LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(timed_out("it does not answer")))
            .map_err(|cause| ConnectError {
                may_pass: may_pass(&cause),
                refused: refused(&cause),
                cause: RequestError::new(cause),
            })?;
        Ok(RedisConnection { connection })
    }
}
