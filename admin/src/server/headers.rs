//! What surrounds every route: which host is asked for, how often, and the headers that every answer has.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::api::problem::Problem;
use crate::service::Service;

/// Everything comes from the service itself, nothing is inline, and no page of another site frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // Without any, browsers would send forms with `Origin: null`, and signing in would be refused.
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Refuses requests for other hosts and from those who ask too often, and puts its headers on every answer.
pub(crate) async fn surround(
    State(service): State<Arc<Service>>,
    mut request: Request,
    next: Next,
) -> Response {
    let looked = service.proxies.look(&mut request);
    let mut response = match looked.and_then(|()| admit(&service, &request)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is said of semaphores is out of date at once. Assets say otherwise.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn admit(service: &Service, request: &Request) -> Result<(), Problem> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    service.rate.may_ask(peer)?;
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    // A proxy's form of a request names the host in its target.
    let host = host.or_else(|| {
        request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
    });
    if host.is_some_and(|host| service.hosts.is_own(host)) {
        Ok(())
    } else {
        tracing::warn!(?peer, "refused: another host is asked for");
        Err(Problem::foreign_host())
    }
}
