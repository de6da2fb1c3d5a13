//! The HTTP server: [`Server`]. It limits what a client can take, and ends in order.

mod connection;
mod gate;
pub(crate) mod headers;
pub(crate) mod hosts;
pub(crate) mod proxy;
pub(crate) mod rate;
pub(crate) mod route;
pub(crate) mod routes;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::connection::StallGuard;
use self::tls::Tls;
use crate::builder::Admin;

/// A client gets this long to send the headers of a request, and as long between two requests.
const HEADERS: Duration = Duration::from_secs(10);

/// The most bytes of headers; larger ones are refused. As much of a body is buffered.
const BUFFER: usize = 64 * 1024;

/// The most clients at once; further ones wait to be accepted.
const CONNECTIONS: usize = 10_000;

/// How long requests that are being answered at the end get. Streams end by themselves.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long to wait after an error of the system, such as too many open files.
const AGAIN: Duration = Duration::from_millis(100);

/// Asks a server to end. Cheap to clone; any clone asks.
///
/// See [`Server`] for an example.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// Not asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Asks. The server then accepts no one, finishes what it is answering, and ends.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    async fn asked(&self) {
        let mut asked = self.0.subscribe();
        // The sender is in `self`, so this does not fail.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// A listening server.
///
/// ```
/// use cla_admin::{Admin, Server, Shutdown};
/// use cla_runtime::semaphore::Semaphores;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::bind("127.0.0.1:0".parse()?).await?;
/// let admin = Admin::builder(Semaphores::memory()).listening_on(server.local_addr()?).build()?;
/// let shutdown = Shutdown::new();
/// let serving = tokio::spawn(server.serve(admin, shutdown.clone()));
/// shutdown.ask();
/// serving.await??;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Listens at this address; port 0 is any free one.
    ///
    /// # Errors
    /// What the system says: the address is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            tls: None,
        })
    }

    /// Speaks TLS with the certificate, and what vouches for it, and the key in these PEM files. They are read anew when
    /// they change. The [`Admin`] is to know, too: [`AdminBuilder::over_tls`](crate::AdminBuilder::over_tls).
    ///
    /// # Errors
    /// The files cannot be read, or do not belong together.
    pub fn with_tls(mut self, certificate: &Path, key: &Path) -> io::Result<Self> {
        self.tls = Some(Tls::watch(certificate, key)?);
        Ok(self)
    }

    /// The address, with the port.
    ///
    /// # Errors
    /// What the system says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is asked to end, then finishes in order: no further clients, streams end, requests that are being
    /// answered get a few seconds.
    ///
    /// # Errors
    /// None for now; what clients do wrong ends their connections only.
    pub async fn serve(self, admin: Admin, shutdown: Shutdown) -> io::Result<()> {
        let service = Arc::clone(admin.service());
        let router = admin.into_router();
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.asked() => break,
                accepted = async {
                    // The semaphore is never closed.
                    let room = Arc::clone(&room).acquire_owned().await;
                    (room, self.listener.accept().await)
                } => accepted,
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            };
            let (stream, peer, room) = match accepted {
                (room, Ok((stream, peer))) => (stream, peer, room),
                (_, Err(error)) => {
                    tracing::warn!(%error, "cannot accept a client");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            let router = router.clone().layer(axum::Extension(ConnectInfo(peer)));
            let shutdown = shutdown.clone();
            let acceptor = self.tls.as_ref().map(|tls| tls.acceptor());
            connections.spawn(async move {
                // Events are small and must arrive at once.
                let _ = stream.set_nodelay(true);
                let stream = StallGuard::new(stream);
                match acceptor {
                    None => attend(stream, router, shutdown).await,
                    Some(acceptor) => {
                        let greeted = tokio::time::timeout(HEADERS, acceptor.accept(stream)).await;
                        if let Ok(Ok(stream)) = greeted {
                            attend(stream, router, shutdown).await;
                        }
                    }
                }
                drop(room);
            });
        }
        drop(self.listener);
        service.draining.send_replace(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            connections.shutdown().await;
        }
        service.leases.clear();
        Ok(())
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .field("tls", &self.tls.is_some())
            .finish()
    }
}

/// Answers the requests of one client.
async fn attend(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    router: axum::Router,
    shutdown: Shutdown,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(BUFFER);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    // A client's mistake is not worth a line of the log.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}
