//! What went wrong, as `application/problem+json` (RFC 9457): [`Problem`].
//!
//! `type` is stable, so that programs can distinguish problems; `title` and `detail` are for people and may change.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use cla_runtime::semaphore::{AdminError, StoreError};
use serde::Serialize;

use crate::auth::Role;

/// The number of seconds after which a client whose request the store did not answer tries again.
const STORE_PAUSE: u32 = 2;

/// What a problem's `type` begins with.
const TYPES: &str = "urn:cla:problem:";

/// A request that was not carried out, and why.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Cow<'static, str>,
    /// The input of a rule that it is about.
    input: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// As it is sent.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemJson {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            input: None,
            headers: Vec::new(),
        }
    }

    /// A problem with this input of a rule.
    pub(crate) fn about_input(mut self, input: &str) -> Self {
        self.input = Some(input.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.headers.push((name, value));
        }
        self
    }

    /// As it stands in a list of outcomes.
    pub(crate) fn json(&self) -> ProblemJson {
        ProblemJson {
            r#type: format!("{TYPES}{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            input: self.input.clone(),
        }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "Not signed in",
            "sign in, or send a token: `Authorization: Bearer TOKEN`; `cla token create` makes one",
        )
        .header(axum::http::header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(crate) fn wrong_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "wrong-token",
            "The token is wrong",
            "the token is none of this service's, or it was revoked, or it has expired",
        )
    }

    pub(crate) fn forbidden(has: Role, needed: Role) -> Self {
        let detail = format!("this needs the role {needed}; you have the role {has}");
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    pub(crate) fn restricted() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "restricted",
            "Not allowed",
            "this concerns all semaphores, and your token sees only some",
        )
    }

    pub(crate) fn foreign_host() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "foreign-host",
            "Another host is asked for",
            "this service does not go by the host name of the request; if it should, allow the name when it is started",
        )
    }

    pub(crate) fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign-origin",
            "A page of another site asks",
            "changes are asked for by pages of this service, or by programs with a token",
        )
    }

    pub(crate) fn too_many(wait: Duration) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            "ask less often",
        );
        problem.header(RETRY_AFTER, wait.as_secs() + 1)
    }

    pub(crate) fn too_many_failures(wait: Duration) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-failures",
            "Too many wrong tokens",
            "too many wrong tokens came from this address; wait a while",
        );
        problem.header(RETRY_AFTER, wait.as_secs() + 1)
    }

    pub(crate) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-path",
            "Nothing is here",
            "there is nothing at this path; /openapi.json lists what there is",
        )
    }

    pub(crate) fn no_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "no-such-method",
            "Not this method",
            "this path does not know the method; /openapi.json lists those it knows",
        )
    }

    /// A request that cannot be understood.
    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-request",
            "The request is not valid",
            detail,
        )
    }

    pub(crate) fn unknown_semaphore(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-semaphore",
            "No such semaphore",
            detail,
        )
    }

    pub(crate) fn slow_body() -> Self {
        let status = StatusCode::REQUEST_TIMEOUT;
        let title = "The request did not come in time";
        Self::new(
            status,
            "too-slow",
            title,
            "the body of the request did not come in time",
        )
    }

    pub(crate) fn draining() -> Self {
        let problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "shutting-down",
            "The service is ending",
            "the service is about to end and begins nothing new",
        );
        problem.header(RETRY_AFTER, 5)
    }

    /// The store did not answer the last question.
    pub(crate) fn store_away() -> Self {
        Self::unreachable("the semaphore store does not answer".to_owned())
    }

    fn unreachable(detail: String) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-unreachable",
            "The store does not answer",
            detail,
        )
        .header(RETRY_AFTER, STORE_PAUSE)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.json())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable { .. } => Self::unreachable(error.to_string()),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "store-failed",
                "The store failed",
                error.to_string(),
            )
            .header(RETRY_AFTER, STORE_PAUSE),
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, kind, title) = match &error {
            AdminError::Store(error) => return error.clone().into(),
            AdminError::UnknownSemaphore { .. } => (
                StatusCode::NOT_FOUND,
                "unknown-semaphore",
                "No such semaphore",
            ),
            AdminError::UnknownRequest { .. } => {
                (StatusCode::NOT_FOUND, "unknown-request", "No such request")
            }
            AdminError::AmbiguousId { .. } => (
                StatusCode::CONFLICT,
                "ambiguous-id",
                "Several requests have such an id",
            ),
            AdminError::NotWaiting { .. } => (
                StatusCode::CONFLICT,
                "not-waiting",
                "The request does not wait",
            ),
            AdminError::NotBusy { .. } => {
                (StatusCode::CONFLICT, "not-busy", "The request is not busy")
            }
            AdminError::InUse { .. } => (StatusCode::CONFLICT, "in-use", "The semaphore is in use"),
            AdminError::TooManyPinned { .. } => (
                StatusCode::CONFLICT,
                "too-many-pinned",
                "Too many pinned semaphores",
            ),
            _ => (StatusCode::CONFLICT, "refused", "Not carried out"),
        };
        Self::new(status, kind, title, error.to_string())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::rejected(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::rejected(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::rejected(rejection.status(), rejection.body_text())
    }
}

impl Problem {
    /// What the framework says of a request that it cannot read.
    fn rejected(status: StatusCode, detail: String) -> Self {
        let (kind, title) = match status {
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The request is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("not-json", "The request is no JSON"),
            _ => ("invalid-request", "The request is not valid"),
        };
        Self::new(status, kind, title, detail)
    }
}

/// Answers that the framework gives by itself become problems, too.
pub(crate) async fn plain_refusals(response: Response) -> Response {
    let status = response.status();
    let is_plain = response
        .headers()
        .get(CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || !is_plain {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    /// What the framework says is shorter.
    const LONGEST: usize = 4096;
    let text = axum::body::to_bytes(body, LONGEST)
        .await
        .unwrap_or_default();
    let detail = String::from_utf8_lossy(&text).into_owned();
    let problem = Problem::rejected(status, detail);
    parts.headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    parts.headers.remove(axum::http::header::CONTENT_LENGTH);
    let body = serde_json::to_vec(&problem.json()).unwrap_or_default();
    Response::from_parts(parts, Body::from(body))
}
