//! Making a connection: to one server, or to the master that Sentinels name.
//!
//! Knows nothing of semaphores. It carries commands and what the server pushes (RESP3), so that both come in the order in
//! which they happened.

use std::io;
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind, TlsCertificates, Value,
};

use super::reply::text;
use super::url::{Node, RedisUrl, Topology};

/// Connecting takes no longer, or has failed.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// A Sentinel that takes longer is passed over.
const SENTINEL_LIMIT: Duration = Duration::from_millis(800);
/// Commands on their way to the socket. More would wait in the desk instead, at a higher price.
const PIPELINE: usize = 64 * 1024;
/// After so long in which nothing came, the system asks whether the server is still there, so that who only listens
/// learns that it is not.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// And again, until it gives up after a few.
const KEEPALIVE_PAUSE: Duration = Duration::from_secs(5);

/// Why there is no connection to a Redis server: see [`RedisUrl::connect`].
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ConnectError {
    /// What went wrong.
    #[source]
    pub cause: RedisError,
    /// Whether it may be otherwise in a moment: the server starts, or fails over. If not, its name, its user or its
    /// certificate is wrong.
    pub may_pass: bool,
}

impl RedisUrl {
    /// A connection of one's own to the server: for what else than semaphores a program wants of it, such as pub/sub.
    /// In a cluster, it is to the first node that answers.
    ///
    /// It speaks RESP3. What the server pushes goes to `pushed`, in order with what is answered: before an answer that
    /// the server sent later can be seen. When the connection is lost, that is the last push. Takes up to four seconds.
    /// Must be awaited in a tokio runtime, which then drives the connection.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(
        &self,
        pushed: impl AsyncPushSender + Clone,
    ) -> Result<MultiplexedConnection, ConnectError> {
        prepare(self);
        let work = async {
            match &self.topology {
                Topology::Standalone(node) => one(self, node, pushed).await,
                Topology::Cluster(nodes) => {
                    let mut failure = None;
                    for node in nodes {
                        match one(self, node, pushed.clone()).await {
                            Ok(connection) => return Ok(connection),
                            Err(error) => failure = Some(error),
                        }
                    }
                    Err(failure.unwrap_or_else(|| timed_out("no node answers")))
                }
                Topology::Sentinel { sentinels, service } => {
                    let node = master(self, sentinels, service).await?;
                    one(self, &node, pushed).await
                }
            }
        };
        tokio::time::timeout(CONNECT_LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(timed_out("it does not answer")))
            .map_err(|cause| ConnectError {
                may_pass: may_pass(&cause),
                cause,
            })
    }
}

fn timed_out(what: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, what).into()
}

/// Makes TLS possible, if the URL wants it.
pub(super) fn prepare(url: &RedisUrl) {
    if url.tls && rustls::crypto::CryptoProvider::get_default().is_none() {
        // The host has chosen none. Should it do so at this very moment, its choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Whether trouble with a server that has never answered may pass.
pub(super) fn may_pass(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => {
            error.is_connection_refusal() || error.is_timeout() || error.is_connection_dropped()
        }
        kind => is_passing(kind) || error.to_string().contains("max number of clients"),
    }
}

/// Connects to a server.
pub(super) async fn one(
    url: &RedisUrl,
    node: &Node,
    pushed: impl AsyncPushSender,
) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_LIMIT))
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_push_sender(pushed);
    client(url, node, true)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// Asks the Sentinels, one after the other, who the master is.
pub(super) async fn master(url: &RedisUrl, sentinels: &[Node], service: &str) -> RedisResult<Node> {
    let mut failure = None;
    for sentinel in sentinels {
        let ask = async {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(SENTINEL_LIMIT))
                .set_response_timeout(None);
            let mut connection = client(url, sentinel, false)?
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
    Err(failure.unwrap_or_else(|| timed_out("no Sentinel answers")))
}

/// With `whole`, for the server itself; else for a Sentinel, which has neither users nor databases of ours.
fn client(url: &RedisUrl, node: &Node, whole: bool) -> RedisResult<Client> {
    let mut redis = RedisConnectionInfo::default();
    if whole {
        redis = redis
            .set_protocol(ProtocolVersion::RESP3)
            .set_db(url.database);
        if let Some(user) = &url.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &url.password {
            redis = redis.set_password(password);
        }
    }
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_PAUSE);
    let info = address(url, node)
        .into_connection_info()?
        .set_redis_settings(redis)
        .set_tcp_settings(
            TcpSettings::default()
                .set_nodelay(true)
                .set_keepalive(keepalive),
        );
    match certificates(url)? {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

pub(super) fn address(url: &RedisUrl, (host, port): &Node) -> ConnectionAddr {
    if url.tls {
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
pub(super) fn certificates(url: &RedisUrl) -> RedisResult<Option<TlsCertificates>> {
    let Some(path) = &url.ca else {
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
