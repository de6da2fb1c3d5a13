//! The HTTP client for one `cla serve`: requests with the token, answers as JSON, refusals as [`Refusal`].

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cla_runtime::semaphore::StoreError;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A server that does not take a connection within this time is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// How long an answer may take, beyond what the request itself waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer: a hundred thousand requests in line are some 50 MB.
const LONGEST_ANSWER: usize = 512 << 20;

/// What a problem's `type` begins with.
const TYPES: &str = "urn:cla:problem:";

/// One server. Cheap to clone; all clones share their connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// Why there is no answer to a request.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Nothing, or no `cla serve`, answers.
    #[error("{0}")]
    Unreachable(String),
    /// It answers, and refuses.
    #[error("{detail}")]
    Problem {
        status: u16,
        /// Stable, such as `not-waiting`.
        kind: String,
        detail: String,
    },
}

/// A refusal as it is sent.
#[derive(Deserialize)]
struct ProblemJson {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    detail: String,
}

impl Refusal {
    /// Whether it is a problem of this kind.
    pub(crate) fn is(&self, kind: &str) -> bool {
        matches!(self, Self::Problem { kind: known, .. } if known == kind)
    }

    fn no_service(what: &str) -> Self {
        Self::Unreachable(format!("what answers is no `cla serve`: {what}"))
    }
}

impl Client {
    /// A client for the server at this URL.
    ///
    /// # Errors
    /// The token cannot be sent.
    pub(crate) fn new(base: Url, token: Option<&str>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value = value.map_err(|_| "the token has characters that no token has")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls().clone())
            .user_agent(concat!("cla/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(CONNECT)
            .referer(false)
            // The interface has no redirects, and another server must not get the token.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| format!("cannot speak HTTP: {error}"))?;
        Ok(Self { http, base })
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &Url {
        &self.base
    }

    /// A request for the path `/api/v1/` with these parts, each of which may have any characters.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.path(path))
    }

    fn path(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    /// Sends a request without a body, and reads what it answers.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Refusal> {
        let mut url = self.path(path);
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let request = self.http.get(url).timeout(PATIENCE);
        read(&answer(request).await?)
    }

    /// Sends a request that changes something. It may take this long, beyond the usual.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &Value,
        wait: Duration,
    ) -> Result<T, Refusal> {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .timeout(PATIENCE.saturating_add(wait));
        let bytes = answer(request).await?;
        // Some answers have only a status.
        read(if bytes.is_empty() { b"null" } else { &bytes })
    }

    /// As an error of a store.
    pub(crate) fn failed(&self, refusal: Refusal) -> StoreError {
        let store = self.base.to_string();
        let is_away = matches!(refusal, Refusal::Unreachable(_));
        let cause = Arc::new(refusal);
        if is_away {
            StoreError::Unreachable { store, cause }
        } else {
            StoreError::Failed { store, cause }
        }
    }
}

/// Sends a request, and takes the whole answer.
async fn answer(request: RequestBuilder) -> Result<Vec<u8>, Refusal> {
    let mut response = open(request.header(ACCEPT, "application/json")).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| away(&error))? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Refusal::no_service("its answer is too long"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Sends a request, and gives the answer's head, if it was not refused.
pub(crate) async fn open(request: RequestBuilder) -> Result<Response, Refusal> {
    let response = request.send().await.map_err(|error| away(&error))?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.bytes().await.unwrap_or_default();
    let problem: Option<ProblemJson> = serde_json::from_slice(&text).ok();
    let Some(kind) = problem
        .as_ref()
        .and_then(|problem| problem.r#type.strip_prefix(TYPES))
    else {
        return Err(Refusal::no_service(&format!("it says {status}")));
    };
    let detail = problem.as_ref().map_or("", |problem| &problem.detail);
    Err(Refusal::Problem {
        status: status.as_u16(),
        kind: kind.to_owned(),
        detail: match status {
            StatusCode::UNAUTHORIZED => match kind {
                "unauthenticated" => "it wants to know who you are: give a token with --token-file or CLA_TOKEN; `cla \
                                      token create` makes one"
                    .to_owned(),
                _ => format!("it refuses the token: {detail}"),
            },
            StatusCode::FORBIDDEN => format!("not allowed: {detail}"),
            _ => detail.to_owned(),
        },
    })
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::no_service(&format!("its answer is not as expected ({error})")))
}

fn away(error: &reqwest::Error) -> Refusal {
    if error.is_timeout() {
        return Refusal::Unreachable("it does not answer in time".to_owned());
    }
    // The last cause says most; those before it only name the layers.
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    Refusal::Unreachable(last.to_string())
}

/// How connections are secured: by the system's certificates, as those of rules are.
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
