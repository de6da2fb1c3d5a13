//! Opens the socket to a server: TCP, TLS over it, or a Unix socket.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::select_ok;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{ErrorKind, RedisError, RedisResult};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::address_check::AddressCheck;
use super::url::{Node, RedisUrl};

/// After so long in which nothing came, the system asks whether the server is still there. So a client that only listens
/// learns when it is not.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// And again, until it gives up after a few.
const KEEPALIVE_PAUSE: Duration = Duration::from_secs(5);

/// A PEM file may be so long, in bytes. All authorities that systems trust need a tenth of that.
const LONGEST_PEM: u64 = 4 * 1024 * 1024;

/// Which servers are connected to, and which of them are trusted.
#[derive(Clone, Default)]
pub(super) struct Trust {
    /// Without, there is no TLS.
    tls: Option<Arc<ClientConfig>>,
    /// Without, every address is connected to.
    addresses: Option<AddressCheck>,
}

/// What connections to this URL trust.
pub(super) fn trust(url: &RedisUrl) -> RedisResult<Trust> {
    Ok(Trust {
        tls: if url.tls { Some(tls(url)?) } else { None },
        addresses: url.addresses.clone(),
    })
}

fn tls(url: &RedisUrl) -> RedisResult<Arc<ClientConfig>> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // The host has chosen none. Should it do so at this very moment, its choice stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let roots = match &url.ca {
        None => of_the_system()?,
        Some(path) => pem("ca", path, named)?,
    };
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = match url.identity.as_deref() {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let chain = pem("cert", cert, chain)?;
            let secret = pem("key", key, |text| {
                PrivateKeyDer::from_pem_slice(text).map_err(|error| error.to_string())
            })?;
            config
                .with_client_auth_cert(chain, secret)
                .map_err(|error| {
                    misconfigured("cert= and key= do not fit together", error.to_string())
                })?
        }
    };
    Ok(Arc::new(config))
}

/// What a PEM file that the URL names has in it.
fn pem<T>(
    parameter: &str,
    path: &Path,
    make: impl FnOnce(&[u8]) -> Result<T, String>,
) -> RedisResult<T> {
    let made = read(path)
        .map_err(|error| error.to_string())
        .and_then(|text| make(&text));
    made.map_err(|problem| {
        misconfigured(
            "a file that the URL names cannot be used",
            format!("{parameter}={}: {problem}", path.display()),
        )
    })
}

/// What the file has in it. A rule may name any: one that has no end, or waits for a writer, would keep its thread.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = Vec::new();
    let read = File::open(path)?
        .take(LONGEST_PEM + 1)
        .read_to_end(&mut text)?;
    if read as u64 > LONGEST_PEM {
        return Err(io::Error::other("it is longer than 4 MiB"));
    }
    Ok(text)
}

fn of_the_system() -> RedisResult<RootCertStore> {
    let mut found = rustls_native_certs::load_native_certs();
    if let Some(error) = found.errors.pop() {
        return Err(io::Error::other(error).into());
    }
    let mut roots = RootCertStore::empty();
    for certificate in found.certs {
        roots.add(certificate).map_err(io::Error::other)?;
    }
    Ok(roots)
}

fn named(text: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("it has no block CERTIFICATE".to_owned());
    }
    Ok(roots)
}

fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err("it has no block CERTIFICATE".to_owned()),
        chain => chain.map_err(|error| error.to_string()),
    }
}

/// It does not work until the URL is changed.
pub(super) fn misconfigured(what: &'static str, detail: String) -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, what, detail))
}

/// An open socket.
pub(super) enum Socket {
    Plain(Eager<TcpStream>),
    Tls(Box<TlsStream<Eager<TcpStream>>>),
    #[cfg(unix)]
    Unix(Eager<UnixStream>),
}

/// Has a socket ask the system whether there is something to read.
///
/// Otherwise the socket waits until the event loop of its runtime says so. That loop sleeps on another thread, so a
/// caller that reads the answer itself would have to wait until that thread is awake.
#[derive(Clone, Debug, Default)]
pub(super) struct EagerReads(Arc<AtomicBool>);

impl EagerReads {
    /// The next time that something reads from the socket, it asks the system.
    pub(super) fn read_next(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        // Only the one that holds the driver's lock does this.
        let on = self.0.load(Ordering::Relaxed);
        if on {
            self.0.store(false, Ordering::Relaxed);
        }
        on
    }
}

/// A stream that can be asked so.
pub(super) struct Eager<S> {
    stream: S,
    eager: EagerReads,
}

/// How much is read at once then. Most answers are shorter.
const EAGER_READ: usize = 4096;

impl<S> AsyncRead for Eager<S>
where
    S: AsyncRead + Unpin,
    for<'a> SockRef<'a>: From<&'a S>,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0 && self.eager.take() {
            let length = buffer.remaining().min(EAGER_READ);
            let socket = SockRef::from(&self.stream);
            // The socket does not block. If anything goes wrong, the ordinary way finds out as well.
            if let Ok(count) = (&*socket).read(buffer.initialize_unfilled_to(length)) {
                buffer.advance(count);
                return Poll::Ready(Ok(()));
            }
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Eager<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Address<'a> {
    Node(&'a Node),
    Unix(&'a Path),
}

impl Socket {
    /// Connects.
    pub(super) async fn open(
        address: Address<'_>,
        trust: &Trust,
        eager: EagerReads,
    ) -> RedisResult<Self> {
        match address {
            Address::Node(node) => Self::to_node(node, trust, eager).await,
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = UnixStream::connect(path).await?;
                Ok(Self::Unix(Eager { stream, eager }))
            }
            #[cfg(not(unix))]
            Address::Unix(path) => Err(misconfigured(
                "this system has no Unix sockets",
                path.display().to_string(),
            )),
        }
    }

    /// Connects to the first address of the node that answers.
    async fn to_node((host, port): &Node, trust: &Trust, eager: EagerReads) -> RedisResult<Self> {
        let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), *port))
            .await?
            .collect();
        if let Some(check) = &trust.addresses {
            let mut refusal = None;
            addresses.retain(|at| match check.allows(host, *port, at.ip()) {
                Ok(()) => true,
                Err(problem) => {
                    refusal = Some(problem);
                    false
                }
            });
            if let (true, Some(problem)) = (addresses.is_empty(), refusal) {
                return Err(misconfigured("the server may not be connected to", problem));
            }
        }
        if addresses.is_empty() {
            return Err(misconfigured("the host has no address", host.clone()));
        }
        let Some(config) = &trust.tls else {
            let attempts = addresses.into_iter().map(|at| Box::pin(connect(at)));
            let (stream, _) = select_ok(attempts).await?;
            return Ok(Self::Plain(Eager { stream, eager }));
        };
        let name = ServerName::try_from(host.as_str())
            .map_err(|error| misconfigured("the host has no name for TLS", error.to_string()))?;
        let attempts = addresses.into_iter().map(|at| {
            let (connector, name) = (TlsConnector::from(Arc::clone(config)), name.to_owned());
            let eager = eager.clone();
            Box::pin(async move {
                let stream = connect(at).await?;
                connector.connect(name, Eager { stream, eager }).await
            })
        });
        Ok(Self::Tls(Box::new(select_ok(attempts).await?.0)))
    }
}

async fn connect(at: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE_PAUSE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(unix)]
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
