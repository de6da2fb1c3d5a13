//! Making a connection: to a server, to a cluster, or to the master that Sentinels name.
//!
//! One connection carries commands and what the server pushes (RESP3), so that both come in the order in which they
//! happened. It knows nothing of semaphores, and does not try again: the desk does.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo,
    ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind,
    TlsCertificates, Value,
};
use tokio::sync::mpsc;

use super::Settings;
use super::reply::{integer, text};
use super::scripts::{self, Script};
use super::url::{Node, Topology};
use crate::error::StoreError;

/// Connecting takes no longer, or has failed.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// A Sentinel that takes longer is passed over.
const SENTINEL_LIMIT: Duration = Duration::from_millis(800);
/// An empty server that has been up for less may have lost its data a moment ago: those who used it before have until
/// then to say so. They try to reconnect several times in that.
const SETTLED_AFTER_SECONDS: u32 = 1;
/// How often to look whether it has.
const SETTLING: Duration = Duration::from_millis(50);
/// Commands on their way to the socket. More would wait in the desk instead, at a higher price.
const PIPELINE: usize = 64 * 1024;

/// A connection. Clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::One(connection) => connection.send_packed_command(command).await?,
            Self::Cluster(connection) => {
                redis::aio::ConnectionLike::req_packed_command(connection, command).await?
            }
        };
        answer.extract_error()
    }

    pub(super) async fn subscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::One(connection) => connection.subscribe(channel).await,
            Self::Cluster(connection) => connection.subscribe(channel).await,
        }
    }

    pub(super) async fn unsubscribe(&mut self, channel: &str) -> RedisResult<()> {
        match self {
            Self::One(connection) => connection.unsubscribe(channel).await,
            Self::Cluster(connection) => connection.unsubscribe(channel).await,
        }
    }
}

/// What a client knows of the data set: see `lua/mark.lua`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: String,
    /// Semaphores made before this, in microseconds of the server's clock, admit nobody until then. 0: data was
    /// never lost.
    pub(super) guard: u64,
}

impl Mark {
    /// What the script answered; `None` if the server has yet to settle.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let Value::Array(fields) = answer else {
            return None;
        };
        let id = text(fields.first()?)?.to_owned();
        let guard = u64::try_from(integer(fields.get(1)?)?).ok()?;
        (!id.is_empty()).then_some(Self { id, guard })
    }

    /// The command that asks for it, for a client that knows `known`.
    pub(super) fn question(settings: &Settings, known: &str) -> Cmd {
        let mut command = scripts::run(Script::Mark, &[settings.names.mark.as_str()]);
        command
            .arg(known)
            .arg(super::unique_text())
            .arg(settings.lease.as_micros() as u64)
            .arg(SETTLED_AFTER_SECONDS);
        scripts::with_text(&command, Script::Mark)
    }
}

/// A connection that is ready for use.
pub(super) struct Connected {
    pub(super) connection: Connection,
    pub(super) pushes: mpsc::UnboundedReceiver<PushInfo>,
    pub(super) mark: Mark,
}

/// Why there is no connection.
pub(super) enum Trouble {
    /// Nobody is there, for now.
    Away(StoreError),
    /// It will not work, however often one tries.
    Hopeless(StoreError),
}

/// Connects, and learns what `known` has become of.
pub(super) async fn connect(
    settings: Arc<Settings>,
    known: String,
    before: bool,
) -> Result<Connected, Trouble> {
    if settings.url.tls && rustls::crypto::CryptoProvider::get_default().is_none() {
        // The host has chosen none. Should it do so at this very moment, its choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let work = async {
        let (pushed, pushes) = mpsc::unbounded_channel();
        let mut connection = match &settings.url.topology {
            Topology::Standalone(node) => Connection::One(one(&settings, node, pushed).await?),
            Topology::Cluster(nodes) => {
                Connection::Cluster(cluster(&settings, nodes, pushed).await?)
            }
            Topology::Sentinel { sentinels, service } => {
                let node = master(&settings, sentinels, service).await?;
                Connection::One(one(&settings, &node, pushed).await?)
            }
        };
        connection.subscribe(&settings.channel).await?;
        if settings.names.together {
            // So that the server says at once when the mark is gone. One that cannot is none the worse: what
            // touches a semaphore that is gone, or a renewal, finds out, too.
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
        let question = Mark::question(&settings, &known);
        loop {
            if let Some(mark) = Mark::read(&connection.send(&question).await?) {
                return Ok(Connected {
                    connection,
                    pushes,
                    mark,
                });
            }
            tokio::time::sleep(SETTLING).await;
        }
    };
    match tokio::time::timeout(CONNECT_LIMIT, work).await {
        Ok(Ok(connected)) => Ok(connected),
        Ok(Err(error)) => Err(trouble(&settings, error, before)),
        Err(_) => {
            let slow = io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
            Err(Trouble::Away(settings.unreachable(slow)))
        }
    }
}

async fn one(
    settings: &Settings,
    node: &Node,
    pushed: mpsc::UnboundedSender<PushInfo>,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_LIMIT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_push_sender(pushed);
    client(settings, node, true)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

async fn cluster(
    settings: &Settings,
    nodes: &[Node],
    pushed: mpsc::UnboundedSender<PushInfo>,
) -> RedisResult<ClusterConnection> {
    let addresses = nodes
        .iter()
        .map(|node| address(settings, node).into_connection_info())
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
    if let Some(certificates) = certificates(settings)? {
        builder = builder.certs(certificates);
    }
    builder.build()?.get_async_connection().await
}

/// Asks the Sentinels, one after the other, who the master is.
async fn master(settings: &Settings, sentinels: &[Node], service: &str) -> RedisResult<Node> {
    let mut failure = None;
    for sentinel in sentinels {
        let ask = async {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(SENTINEL_LIMIT))
                .set_response_timeout(None);
            let mut connection = client(settings, sentinel, false)?
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            let mut question = redis::cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
            connection.send_packed_command(&question).await
        };
        match tokio::time::timeout(SENTINEL_LIMIT, ask).await {
            Ok(Ok(Value::Array(parts))) => {
                let port = parts
                    .get(1)
                    .and_then(text)
                    .and_then(|port| port.parse().ok());
                if let (Some(host), Some(port)) = (parts.first().and_then(text), port) {
                    return Ok((host.to_owned(), port));
                }
            }
            Ok(Ok(_)) => {
                failure = Some(RedisError::from((
                    ErrorKind::MasterNameNotFoundBySentinel,
                    "the Sentinel knows no service of this name",
                    service.to_owned(),
                )));
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => {}
        }
    }
    Err(failure
        .unwrap_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no Sentinel answers").into()))
}

/// With `whole`, for the server itself; else for a Sentinel, which has neither users nor databases of ours.
fn client(settings: &Settings, node: &Node, whole: bool) -> RedisResult<Client> {
    let mut redis = RedisConnectionInfo::default();
    if whole {
        redis = redis
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(settings.url.database);
        if let Some(user) = &settings.url.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &settings.url.password {
            redis = redis.set_password(password);
        }
    }
    let info = address(settings, node)
        .into_connection_info()?
        .set_redis_settings(redis)
        .set_tcp_settings(redis::io::tcp::TcpSettings::default().set_nodelay(true));
    match certificates(settings)? {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

fn address(settings: &Settings, (host, port): &Node) -> ConnectionAddr {
    if settings.url.tls {
        ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host.clone(), *port)
    }
}

/// The certificates that the URL names.
fn certificates(settings: &Settings) -> RedisResult<Option<TlsCertificates>> {
    let Some(path) = &settings.url.ca else {
        return Ok(None);
    };
    let root_cert = std::fs::read(path).map_err(|error| {
        RedisError::from((
            ErrorKind::InvalidClientConfig,
            "the file of ca= cannot be read",
            format!("{}: {error}", path.display()),
        ))
    })?;
    Ok(Some(TlsCertificates {
        client_tls: None,
        root_cert: Some(root_cert),
    }))
}

/// What went wrong, and whether it may pass. `before`: the server was there once, so its name is right.
fn trouble(settings: &Settings, error: RedisError, before: bool) -> Trouble {
    let passes = match error.kind() {
        // Any other trouble with a host that was there before may pass, too; at first, it is a name that nobody knows, a
        // certificate that TLS does not trust, or a server without TLS.
        ErrorKind::Io => {
            before
                || error.is_connection_refusal()
                || error.is_timeout()
                || error.is_connection_dropped()
        }
        kind => is_passing(kind) || error.to_string().contains("max number of clients"),
    };
    if passes {
        Trouble::Away(settings.unreachable(error))
    } else if error.kind() == ErrorKind::Io {
        Trouble::Hopeless(settings.unreachable(error))
    } else {
        Trouble::Hopeless(settings.failed(error))
    }
}

/// Whether what the server said will pass: it starts, fails over, or is not in charge.
pub(super) fn is_passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ClusterConnectionNotFound
            | ErrorKind::Server(
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask
            )
    )
}
