//! The exchange with the server: one request, the redirects that follow, and the whole answer.
//!
//! # One pool of connections per worker thread
//!
//! A connection that is kept for later belongs to the event loop that opened it, and each worker has its
//! own. So the clients live in the thread, where all its runs share them, and never outlive the loop for
//! long. What takes time to set up and holds no connection, the TLS configuration with the system's
//! certificates, is made once per process.
//!
//! # On the thread's stack
//!
//! A TLS handshake nests deeper than the small stack of a fiber should have to hold. The exchange is
//! a task of the event loop for that reason; the fiber merely waits for it, and aborts it when it stops
//! waiting, which closes the connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cla_runtime::Permissions;
use cla_runtime::host::Run;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, RequestBuilder, Response, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::failure::{Failure, Kind};
use super::gathered::Gathered;
use super::reach::Reach;

/// How many connections to one server are kept for later. Rules may wait by the thousand; their sockets
/// should not stay open without a use.
const IDLE_PER_HOST: usize = 16;

/// So many clients are kept: one for each set of permissions that runs of this thread had lately.
const MOST_CLIENTS: usize = 64;

/// Who asks, unless the rule says otherwise.
const USER_AGENT: &str = concat!("cla/", env!("CARGO_PKG_VERSION"));

thread_local! {
    /// This thread's clients.
    static CLIENTS: RefCell<HashMap<Sort, (Client, Option<Reach>)>> = RefCell::default();
}

/// What tells one client from another. A connection that was made with some permissions is never used with others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Sort {
    /// How many redirects it follows, which reqwest decides per client.
    redirects: usize,
    /// `None`: every server may be reached.
    permissions: Option<Permissions>,
}

/// A request, ready to be sent.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// User and password, in place of those in the URL.
    pub(crate) login: Option<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    /// How long all of it may take.
    pub(crate) timeout: Duration,
    pub(crate) redirects: usize,
    /// The most bytes of a body that the rule wants.
    pub(crate) max_body: usize,
}

/// Sends a request and takes the whole answer, whose body is at most `room` bytes.
///
/// Must be polled in the event loop of a worker.
pub(super) async fn perform(
    exchange: Exchange,
    room: usize,
    permissions: Option<Permissions>,
) -> Result<Answer, Failure> {
    on_the_loop(within_time(exchange, room, permissions)).await
}

async fn within_time(
    exchange: Exchange,
    room: usize,
    permissions: Option<Permissions>,
) -> Result<Answer, Failure> {
    let limit = exchange.timeout;
    #[expect(
        clippy::disallowed_methods,
        reason = "the server answers in the time of the machine"
    )]
    tokio::time::timeout(limit, send(exchange, room, permissions))
        .await
        .unwrap_or_else(|_| Err(Kind::Timeout(limit).into()))
}

/// Does a request as [`perform`] does; each piece of the body counts as memory of the run's from its arrival on.
pub(super) async fn perform_counted(
    exchange: Exchange,
    run: &Run,
    permissions: Option<Permissions>,
) -> Result<Answer, Failure> {
    let (limit, redirects) = (exchange.timeout, exchange.redirects);
    let (max_body, head) = (exchange.max_body, exchange.method == Method::HEAD);
    let all = async {
        let mut response = begin(exchange, permissions).await?;
        let mut body = Gathered::new(run);
        if response.content_length() > Some(max_body as u64) {
            return Err(Kind::TooLarge(max_body).into());
        }
        loop {
            let (rest, chunk) = next_chunk(response, redirects).await?;
            response = rest;
            let Some(chunk) = chunk else { break };
            if chunk.len() > max_body - body.len() {
                return Err(Kind::TooLarge(max_body).into());
            }
            body.push(&chunk)?;
        }
        Ok(Answer {
            status: response.status(),
            url: response.url().clone(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into_bytes().0,
            head,
        })
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the server answers in the time of the machine"
    )]
    tokio::time::timeout(limit, all)
        .await
        .unwrap_or_else(|_| Err(Kind::Timeout(limit).into()))
}

/// Sends a request; gives the answer as soon as its headers are there.
pub(crate) async fn begin(
    exchange: Exchange,
    permissions: Option<Permissions>,
) -> Result<Response, Failure> {
    on_the_loop(async move {
        let redirects = exchange.redirects;
        let response = request(exchange, permissions)?.send().await;
        let response = response.map_err(|error| Failure::of_client(&error, redirects))?;
        arrived(response, redirects)
    })
    .await
}

/// The answer, unless it is a redirect that was to be followed and leads to what is no http or https URL: the client takes
/// that for an answer like others.
fn arrived(response: Response, redirects: usize) -> Result<Response, Failure> {
    let leads_to = |response: &Response| {
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        response.url().join(location).ok()
    };
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let is_bad = |url: Url| !matches!(url.scheme(), "http" | "https");
    match redirects > 0 && is_redirect && leads_to(&response).is_some_and(is_bad) {
        true => Err(Kind::BadRedirect.into()),
        false => Ok(response),
    }
}

/// The next piece of the body, and the answer to read on from; `None` at its end.
pub(crate) async fn next_chunk(
    mut response: Response,
    redirects: usize,
) -> Result<(Response, Option<Bytes>), Failure> {
    on_the_loop(async move {
        match response.chunk().await {
            Ok(chunk) => Ok((response, chunk)),
            Err(error) => Err(Failure::of_client(&error, redirects)),
        }
    })
    .await
}

/// Has a task of the event loop do something, and aborts it when this future is dropped.
async fn on_the_loop<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    let panic = match tasks.join_next().await {
        Some(Ok(result)) => return result,
        Some(Err(error)) => error.try_into_panic().ok(),
        None => None,
    };
    match panic {
        Some(panic) => std::panic::resume_unwind(panic),
        None => Err(Kind::Other("the engine is shutting down".to_owned()).into()),
    }
}

/// The request, ready to be sent by this thread's client.
fn request(
    exchange: Exchange,
    permissions: Option<Permissions>,
) -> Result<RequestBuilder, Failure> {
    let redirects = exchange.redirects;
    let failed = |error: reqwest::Error| Failure::of_client(&error, redirects);
    let sort = Sort {
        redirects,
        permissions,
    };
    let (client, reach) = client(sort).map_err(failed)?;
    if let Some(reach) = reach {
        reach.allows(&exchange.url).map_err(Kind::Denied)?;
    }
    let mut request = client
        .request(exchange.method, exchange.url)
        .headers(exchange.headers);
    if let Some((user, password)) = exchange.login {
        request = request.basic_auth(user, Some(password));
    }
    if let Some(body) = exchange.body {
        request = request.body(body);
    }
    Ok(request)
}

async fn send(
    exchange: Exchange,
    room: usize,
    permissions: Option<Permissions>,
) -> Result<Answer, Failure> {
    let (redirects, head) = (exchange.redirects, exchange.method == Method::HEAD);
    let max_body = exchange.max_body;
    let failed = |error: reqwest::Error| Failure::of_client(&error, redirects);
    let request = request(exchange, permissions)?;
    let mut response = arrived(request.send().await.map_err(failed)?, redirects)?;

    let most = max_body.min(room);
    let too_large = || {
        if room < max_body {
            Kind::NoMemory(room)
        } else {
            Kind::TooLarge(most)
        }
    };
    if response.content_length() > Some(most as u64) {
        return Err(too_large().into());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if chunk.len() > most - body.len() {
            return Err(too_large().into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status: response.status(),
        url: response.url().clone(),
        headers: std::mem::take(response.headers_mut()),
        body,
        head,
    })
}

/// This thread's client of that sort, with what it may reach.
fn client(sort: Sort) -> reqwest::Result<(Client, Option<Reach>)> {
    CLIENTS.with_borrow_mut(|clients| {
        if let Some(known) = clients.get(&sort) {
            return Ok(known.clone());
        }
        if clients.len() >= MOST_CLIENTS {
            // Their connections are closed; those that are in use, when that has ended.
            clients.retain(|sort, _| sort.permissions.is_none());
        }
        let reach = sort.permissions.clone().map(Reach::new);
        let mut builder = Client::builder();
        if let Some(reach) = &reach {
            // A proxy would look names up itself, and connect to what it likes.
            builder = builder.dns_resolver(Arc::new(reach.clone())).no_proxy();
        }
        let client = builder
            .tls_backend_preconfigured(tls().clone())
            .user_agent(HeaderValue::from_static(USER_AGENT))
            // A URL may have secrets in its query, which are not for the next server.
            .referer(false)
            .redirect(policy(sort.redirects, reach.clone()))
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build()?;
        clients.insert(sort, (client.clone(), reach.clone()));
        Ok((client, reach))
    })
}

/// So many redirects are followed, to servers within reach.
fn policy(redirects: usize, reach: Option<Reach>) -> redirect::Policy {
    let limited = match redirects {
        0 => redirect::Policy::none(),
        _ => redirect::Policy::limited(redirects),
    };
    let Some(reach) = reach else { return limited };
    redirect::Policy::custom(move |attempt| {
        // With none to follow, the answer that redirects is the answer.
        let denied = match redirects {
            0 => Ok(()),
            _ => reach.allows(attempt.url()),
        };
        match denied {
            Ok(()) => limited.redirect(attempt),
            Err(denied) => attempt.error(denied),
        }
    })
}

/// How connections are secured: by the system's certificates.
fn tls() -> &'static ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let builder = || {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring has the ciphers of TLS 1.2 and 1.3")
        };
        match builder().with_platform_verifier() {
            Ok(builder) => builder.with_no_client_auth(),
            // A machine without certificates can still speak plain HTTP; it trusts no server.
            Err(_) => builder()
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        }
    })
}
