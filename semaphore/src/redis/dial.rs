//! Making a connection: to one server, or to the master that Sentinels name.
//!
//! Knows nothing of semaphores. It carries commands and what the server pushes (RESP3), so that both come in the order in
//! which they happened.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::AsyncPushSender;
use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError,
    RedisResult, ServerErrorKind, Value,
};

use super::bounded::Refusals;
use super::connection::{BoundedConnection, Transfer};
use super::replies::ReplyError;
use super::socket::{self, Address, EagerReads, Trust};
use super::url::{Node, RedisUrl};
use super::wire::master_address;

/// Connecting takes no longer, or has failed.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(4);
/// A Sentinel that takes longer is passed over.
const SENTINEL_LIMIT: Duration = Duration::from_millis(800);
/// Commands on their way to the socket. More would wait in the session instead, at a higher price.
const PIPELINE: usize = 64 * 1024;
/// A Sentinel's answer is a host and a port: it may take so many bytes.
const SENTINEL_REPLY: u64 = 64 * 1024;

pub(super) fn timed_out(what: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, what).into()
}

/// Whether trouble with a server that has never answered may pass.
pub(super) fn may_pass(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io => {
            error.is_connection_refusal() || error.is_timeout() || error.is_connection_dropped()
        }
        _ => is_passing(error) || error.to_string().contains("max number of clients"),
    }
}

/// The reply that was refused, if that is what the error is about.
pub(super) fn refused(error: &RedisError) -> Option<ReplyError> {
    let source = std::error::Error::source(error)?;
    // The client library shares its errors.
    let io = source.downcast_ref::<io::Error>().or_else(|| {
        let shared = source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
        shared.downcast_ref()
    })?;
    io.get_ref()?.downcast_ref().copied()
}

/// Connects to a server.
pub(super) async fn one(
    url: &RedisUrl,
    address: Address<'_>,
    trust: &Trust,
    pushed: impl AsyncPushSender,
    limit: (u64, Arc<Refusals>),
) -> RedisResult<BoundedConnection> {
    let (login, config) = introduction(url, pushed);
    BoundedConnection::open(address, trust, &login, config, limit, CONNECT_LIMIT).await
}

/// As [`one`], but the caller polls what moves the bytes.
pub(super) async fn untended(
    url: &RedisUrl,
    address: Address<'_>,
    trust: &Trust,
    pushed: impl AsyncPushSender,
    limit: (u64, Arc<Refusals>),
    eager: EagerReads,
) -> RedisResult<(BoundedConnection, Transfer)> {
    let (login, config) = introduction(url, pushed);
    let within = CONNECT_LIMIT;
    BoundedConnection::open_untended(address, trust, &login, config, limit, within, eager).await
}

/// What a connection to the server says first, and how it works.
fn introduction(
    url: &RedisUrl,
    pushed: impl AsyncPushSender,
) -> (RedisConnectionInfo, AsyncConnectionConfig) {
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_push_sender(pushed);
    let mut login = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP3)
        .set_db(url.database);
    if let Some(user) = &url.user {
        login = login.set_username(user);
    }
    if let Some(password) = &url.password {
        login = login.set_password(password);
    }
    (login, config)
}

/// Asks the Sentinels, one after the other, who the master is.
pub(super) async fn master(
    url: &RedisUrl,
    sentinels: &[Node],
    service: &str,
    trust: &Trust,
) -> RedisResult<Node> {
    let mut failure = None;
    for sentinel in sentinels {
        let ask = async {
            let config = AsyncConnectionConfig::new().set_response_timeout(None);
            // Its users are not the server's, and it has no databases.
            let mut login = RedisConnectionInfo::default();
            if let Some(known) = &url.sentinel_login {
                if let Some(user) = &known.user {
                    login = login.set_username(user);
                }
                if let Some(password) = &known.password {
                    login = login.set_password(password);
                }
            }
            let limit = (SENTINEL_REPLY, Arc::<Refusals>::default());
            let mut connection = BoundedConnection::open(
                Address::Node(sentinel),
                trust,
                &login,
                config,
                limit,
                SENTINEL_LIMIT,
            )
            .await?;
            let mut question = redis::cmd("SENTINEL");
            question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
            connection.send_packed_command(&question).await
        };
        match tokio::time::timeout(SENTINEL_LIMIT, ask).await {
            Ok(Ok(answer @ Value::Array(_))) => {
                if let Some(node) = master_address(&answer) {
                    return Ok(node);
                }
            }
            Ok(Ok(Value::ServerError(error))) if error.code() == "NOAUTH" => {
                failure = Some(socket::misconfigured(
                    "the Sentinel wants a password of its own",
                    "write sentinel_password= into the URL".to_owned(),
                ));
            }
            Ok(Ok(_)) => {
                failure = Some(RedisError::from((
                    ErrorKind::MasterNameNotFoundBySentinel,
                    "the Sentinel knows no service of this name",
                    service.to_owned(),
                )));
            }
            Ok(Err(error)) if error.code() == Some("NOAUTH") => {
                failure = Some(socket::misconfigured(
                    "the Sentinel wants a password of its own",
                    "write sentinel_password= into the URL".to_owned(),
                ));
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => {}
        }
    }
    Err(failure.unwrap_or_else(|| timed_out("no Sentinel answers")))
}

/// Whether what the server said will pass: it starts, fails over, is not in charge, is full, cannot write to its disk, or
/// does something long.
pub(super) fn is_passing(error: &RedisError) -> bool {
    let code = error.code().unwrap_or_default();
    matches!(code, "BUSY" | "OOM" | "MISCONF" | "NOREPLICAS")
        || matches!(
            error.kind(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_reply_is_found_in_the_error_that_the_client_library_makes_of_it() {
        let reply = ReplyError::TooDeep;
        let error = RedisError::from(io::Error::from(reply));
        assert_eq!(refused(&error), Some(reply));
        assert_eq!(error.to_string(), reply.to_string());
        assert!(!may_pass(&error));
        assert_eq!(refused(&timed_out("it does not answer")), None);
    }
}
