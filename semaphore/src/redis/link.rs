//! A store's connection: to a server, to a cluster, or to the master that Sentinels name.
//!
//! One connection carries commands and what the server pushes (RESP3), so that both come in the order in which they
//! happened. It does not try again: the session does.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::AsyncPushSender;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult,
    Value,
};

use super::Settings;
use super::bounded::Refusals;
use super::connection::{self, BoundedConnection, STORE_REPLY};
use super::dial::{self, CONNECT_LIMIT};
use super::pushes::{Pushes, pushes};
use super::replies::ReplyError;
use super::socket::{self, Address};
use super::url::{Node, Topology};
use super::wire::{DataSet, Encoded, Payload, Reply, SETTLED_AFTER};
use crate::error::StoreError;

/// How often to look whether it has.
const SETTLING: Duration = Duration::from_millis(50);

/// A connection. Clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    One(BoundedConnection),
    /// And where its connections say which reply was refused.
    Cluster(ClusterConnection<BoundedConnection>, Arc<Refusals>),
}

impl Connection {
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::One(connection) => connection.send_packed_command(command).await?,
            Self::Cluster(connection, _) => {
                redis::aio::ConnectionLike::req_packed_command(connection, command).await?
            }
        };
        answer.extract_error()
    }

    pub(super) async fn subscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::One(connection) => connection.subscribe(channel).await,
            Self::Cluster(connection, _) => connection.subscribe(channel).await,
        }
    }

    pub(super) async fn unsubscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::One(connection) => connection.unsubscribe(channel).await,
            Self::Cluster(connection, _) => connection.unsubscribe(channel).await,
        }
    }

    /// Which reply was refused, if one was since the last question.
    pub(super) fn take_refused(&self) -> Option<ReplyError> {
        match self {
            Self::One(connection) => connection.refused(),
            Self::Cluster(_, refusals) => refusals.take(),
        }
    }
}

/// A connection that is ready for use.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) pushes: Pushes,
    pub(super) data_set: DataSet,
}

/// Why there is no connection.
pub(super) enum Trouble {
    /// The server is not there, for now.
    Away(StoreError),
    /// It will not work, however often one tries.
    Hopeless(StoreError),
}

/// Connects, and asks whether the server still has the data set `known`.
pub(super) async fn connect(
    settings: Arc<Settings>,
    known: DataSet,
    before: bool,
) -> Result<Connected, Trouble> {
    let refusals = Arc::<Refusals>::default();
    let work = async {
        let trust = socket::trust(&settings.url)?;
        let limit = (STORE_REPLY, Arc::clone(&refusals));
        let (pushed, pushes) = pushes();
        let mut connection = match &settings.url.topology {
            Topology::Standalone(node) => {
                let url = &settings.url;
                let address = Address::Node(node);
                Connection::One(dial::one(url, address, &trust, pushed, limit).await?)
            }
            Topology::Unix(path) => {
                let (url, address) = (&settings.url, Address::Unix(path));
                Connection::One(dial::one(url, address, &trust, pushed, limit).await?)
            }
            Topology::Cluster(nodes) => {
                connection::prepare_cluster(trust, Arc::clone(&refusals));
                let cluster = cluster(&settings, nodes, pushed).await?;
                Connection::Cluster(cluster, Arc::clone(&refusals))
            }
            Topology::Sentinel { sentinels, service } => {
                let url = &settings.url;
                let node = dial::master(url, sentinels, service, &trust).await?;
                let address = Address::Node(&node);
                Connection::One(dial::one(url, address, &trust, pushed, limit).await?)
            }
        };
        connection.subscribe(&settings.channel).await?;
        if settings.names.together {
            // So that the server says at once when the data-set id is gone. With a server that cannot say so, a
            // renewal or what touches a semaphore that is gone finds out, too.
            let mut track = redis::cmd("CLIENT");
            track.arg(&[
                "TRACKING",
                "ON",
                "BCAST",
                "PREFIX",
                settings.names.mark.as_str(),
            ]);
            let _ = connection.send(&track).await;
        }
        let began = Instant::now();
        loop {
            let waited = began.elapsed() > SETTLED_AFTER;
            let known = known.clone();
            let question = Payload::LookAtDataSet { known, waited };
            if let Encoded::Command(command) = question.encode(&settings, false)
                && let Some(Reply::DataSet(Some(data_set))) =
                    question.read(connection.send(&command).await?)
            {
                return Ok(Connected {
                    connection,
                    pushes,
                    data_set,
                });
            }
            tokio::time::sleep(SETTLING).await;
        }
    };
    let outcome = tokio::time::timeout(CONNECT_LIMIT, work).await;
    if !matches!(outcome, Ok(Ok(_)))
        // The client does not say so if nothing was asked, nor if it found no node of a cluster.
        && let Some(reply) = refusals.take()
    {
        return Err(trouble(&settings, io::Error::from(reply).into(), before));
    }
    match outcome {
        Ok(Ok(connected)) => Ok(connected),
        Ok(Err(error)) => Err(trouble(&settings, error, before)),
        Err(_) => {
            let slow = io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
            Err(Trouble::Away(settings.unreachable(slow)))
        }
    }
}

async fn cluster(
    settings: &Settings,
    nodes: &[Node],
    pushed: impl AsyncPushSender,
) -> RedisResult<ClusterConnection<BoundedConnection>> {
    let addresses = nodes
        .iter()
        .map(|(host, port)| ConnectionAddr::Tcp(host.clone(), *port).into_connection_info())
        .collect::<RedisResult<Vec<_>>>()?;
    let mut builder = ClusterClientBuilder::new(addresses)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(CONNECT_LIMIT / 2)
        .response_timeout(settings.response_limit)
        .retries(2)
        .push_sender(pushed);
    if let Some(user) = &settings.url.user {
        builder = builder.username(user);
    }
    if let Some(password) = &settings.url.password {
        builder = builder.password(password);
    }
    // The client's own connections have no limit for replies. So it makes ours, which also know whether to speak TLS.
    builder.build()?.get_async_generic_connection().await
}

/// What went wrong, and whether it may pass. `before`: the server was there once, so its name is right.
fn trouble(settings: &Settings, error: RedisError, before: bool) -> Trouble {
    // Any trouble with a host that was there before may pass; at first, it is an unknown name, a certificate that
    // TLS does not trust, or a server without TLS.
    let passes = dial::may_pass(&error) || before && error.kind() == ErrorKind::Io;
    if let Some(reply) = dial::refused(&error) {
        // It can be reached, but not be understood.
        let error = settings.failed(reply);
        return if before {
            Trouble::Away(error)
        } else {
            Trouble::Hopeless(error)
        };
    }
    if passes {
        Trouble::Away(settings.unreachable(error))
    } else if error.kind() == ErrorKind::Io {
        Trouble::Hopeless(settings.unreachable(error))
    } else {
        Trouble::Hopeless(settings.failed(error))
    }
}
