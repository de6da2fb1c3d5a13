//! A connection to one server: how all of them are made, those of a cluster included.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::Connect;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline, RedisConnectionInfo,
    RedisFuture, RedisResult, Value,
};
use tokio::task::JoinHandle;

use super::bounded::{Bounded, Refusals};
use super::dial::{CONNECT_LIMIT, timed_out};
use super::replies::ReplyError;
use super::socket::{Address, EagerReads, Socket, Trust};

/// A reply to a store may take so many bytes. The largest tells of all requests of a semaphore: 64 MiB are more than
/// 100,000 of them.
pub(super) const STORE_REPLY: u64 = 64 * 1024 * 1024;

/// A cluster's client makes a connection that is lost again at once, and subscribes as before. It waits so long if a reply
/// was refused lately: should the server send as much again, this is not all that the two do.
const PAUSE: Duration = Duration::from_millis(200);

/// A connection to a server, whose replies have a limit.
///
/// Clones share it. It is closed when the last is dropped.
#[derive(Clone)]
pub(super) struct BoundedConnection {
    redis: MultiplexedConnection,
    refusals: Arc<Refusals>,
    /// `None`: what made the connection moves its bytes itself.
    _task: Option<Arc<Task>>,
}

/// Moves the bytes of a connection. It ends when the connection does; dropping it closes the connection.
pub(super) type Transfer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task that moves the bytes. It ends with the connection, even if the server reads nothing.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl BoundedConnection {
    /// Connects, and introduces itself to the server. Each reply may take `limit` bytes; `refusals` says which took more.
    /// A task moves the bytes.
    pub(super) async fn open(
        address: Address<'_>,
        trust: &Trust,
        login: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
        limit: (u64, Arc<Refusals>),
        patience: Duration,
    ) -> RedisResult<Self> {
        let eager = EagerReads::default();
        let (mut connection, transfer) =
            Self::open_untended(address, trust, login, config, limit, patience, eager).await?;
        connection._task = Some(Arc::new(Task(tokio::spawn(transfer))));
        Ok(connection)
    }

    /// As [`open`](Self::open), but the caller polls what moves the bytes.
    pub(super) async fn open_untended(
        address: Address<'_>,
        trust: &Trust,
        login: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
        (limit, refusals): (u64, Arc<Refusals>),
        patience: Duration,
        eager: EagerReads,
    ) -> RedisResult<(Self, Transfer)> {
        let work = async {
            let socket = Socket::open(address, trust, eager).await?;
            let stream = Bounded::new(socket, limit, Arc::clone(&refusals));
            let (redis, transfer) =
                MultiplexedConnection::new_with_config(login, stream, config).await?;
            let connection = Self {
                redis,
                refusals,
                _task: None,
            };
            Ok((connection, Box::pin(transfer) as Transfer))
        };
        tokio::time::timeout(patience, work)
            .await
            .unwrap_or_else(|_| Err(timed_out("it does not answer")))
    }

    /// Which reply ended the connection, if one did. The errors of requests do not always say so: those that were behind
    /// it only hear that the connection is closed.
    pub(super) fn refused(&self) -> Option<ReplyError> {
        self.refusals.last()
    }
}

impl Deref for BoundedConnection {
    type Target = MultiplexedConnection;

    fn deref(&self) -> &MultiplexedConnection {
        &self.redis
    }
}

impl DerefMut for BoundedConnection {
    fn deref_mut(&mut self) -> &mut MultiplexedConnection {
        &mut self.redis
    }
}

impl fmt::Debug for BoundedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedConnection")
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for BoundedConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.redis.req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.redis.req_packed_commands(commands, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.redis.get_db()
    }
}

thread_local! {
    /// For the connections of this thread's cluster: which certificates they trust, and where they say what was refused.
    static CLUSTER: RefCell<(Trust, Arc<Refusals>)> = RefCell::default();
}

/// From now on, connections that a cluster's client makes on this thread are made with these.
///
/// The client makes them when it likes, by a function that gets an address and nothing of ours. But a store has a thread
/// of its own, on which all of its client's tasks run.
pub(super) fn prepare_cluster(trust: Trust, refusals: Arc<Refusals>) {
    CLUSTER.set((trust, refusals));
}

impl Connect for BoundedConnection {
    fn connect_with_config<'a, T>(info: T, config: AsyncConnectionConfig) -> RedisFuture<'a, Self>
    where
        T: IntoConnectionInfo + Send + 'a,
    {
        async move {
            let info = info.into_connection_info()?;
            let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) =
                info.addr()
            else {
                return Err(super::socket::misconfigured(
                    "a node of a cluster has a host and a port",
                    info.addr().to_string(),
                ));
            };
            let (trust, refusals) = CLUSTER.with_borrow(Clone::clone);
            if refusals.within(10 * PAUSE) {
                tokio::time::sleep(PAUSE).await;
            }
            let (node, login) = ((host.clone(), *port), info.redis_settings());
            let (limit, patience) = ((STORE_REPLY, refusals), CONNECT_LIMIT / 2);
            Self::open(Address::Node(&node), &trust, login, config, limit, patience).await
        }
        .boxed()
    }
}
