//! A store's connection: to a server, to a cluster, or to the master that Sentinels name.
//!
//! One connection carries commands and what the server pushes (RESP3), so that both come in the order in which they
//! happened. It does not try again: the session does.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use redis::aio::AsyncPushSender;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, RedisError, RedisResult,
    Value,
};

use super::Settings;
use super::bounded::Refusals;
use super::connection::{self, BoundedConnection, STORE_REPLY, Transfer};
use super::dial::{self, CONNECT_LIMIT};
use super::pushes::{Pushes, pushes};
use super::replies::ReplyError;
use super::socket::{self, Address, EagerReads};
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
    /// What moves its bytes, and the way to have its socket read. A cluster's client has tasks of its own.
    pub(super) transfer: Option<(Transfer, EagerReads)>,
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
        let url = &settings.url;
        let trust = socket::trust(url)?;
        let limit = (STORE_REPLY, Arc::clone(&refusals));
        let (pushed, pushes) = pushes();
        let master;
        let address = match &url.topology {
            Topology::Standalone(node) => Address::Node(node),
            Topology::Unix(path) => Address::Unix(path),
            Topology::Sentinel { sentinels, service } => {
                master = dial::master(url, sentinels, service, &trust).await?;
                Address::Node(&master)
            }
            Topology::Cluster(nodes) => {
                connection::prepare_cluster(trust, Arc::clone(&refusals));
                let cluster = cluster(&settings, nodes, pushed).await?;
                let mut connection = Connection::Cluster(cluster, Arc::clone(&refusals));
                let data_set = prepare(&settings, &mut connection, known).await?;
                return Ok(Connected {
                    connection,
                    transfer: None,
                    pushes,
                    data_set,
                });
            }
        };
        let eager = EagerReads::default();
        let (one, mut transfer) =
            dial::untended(url, address, &trust, pushed, limit, eager.clone()).await?;
        let mut connection = Connection::One(one);
        let data_set = {
            let prepared = pin!(prepare(&settings, &mut connection, known));
            match select(prepared, &mut transfer).await {
                Either::Left((prepared, _)) => prepared?,
                // The connection has ended, so this does, too.
                Either::Right(((), prepared)) => prepared.await?,
            }
        };
        Ok(Connected {
            connection,
            transfer: Some((transfer, eager)),
            pushes,
            data_set,
        })
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

/// Makes a new connection ready for use. Gives the data set of the server.
async fn prepare(
    settings: &Settings,
    connection: &mut Connection,
    known: DataSet,
) -> RedisResult<DataSet> {
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
        if let Encoded::Command(command) = question.encode(settings, false)
            && let Some(Reply::DataSet(Some(data_set))) =
                question.read(connection.send(&command).await?)
        {
            return Ok(data_set);
        }
        tokio::time::sleep(SETTLING).await;
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
