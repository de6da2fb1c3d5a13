//! The gate before every route: lets in who may, and refuses changes that a page of another site asks for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::proxy::ProxyUser;
use crate::api::problem::Problem;
use crate::auth::{Access, Credentials, Person};
use crate::service::Service;

/// What the gate before one route knows.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) service: Arc<Service>,
    pub(crate) access: Access,
}

/// Lets a request through, or answers it.
pub(crate) async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match admit(&gate, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

async fn admit(gate: &Gate, request: &mut Request) -> Result<(), Response> {
    let Gate { service, access } = gate;
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && is_foreign(request.headers(), service) {
        tracing::warn!(path = request.uri().path(), "refused: another site asks");
        return Err(Problem::foreign_origin().into_response());
    }
    let (needed, whole) = match access {
        Access::Public => return Ok(()),
        Access::Role(role) | Access::Page(role) => (*role, false),
        Access::Whole(role) => (*role, true),
    };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let known = request.extensions().get::<Person>().cloned();
    let known = known.or_else(|| {
        let user = request.extensions().get::<ProxyUser>();
        user.map(|ProxyUser(person)| person.clone())
    });
    let person = match known {
        Some(person) => person,
        None => {
            // A copy: a reference to the request, whose body only one thread may use, cannot be held across a wait.
            let headers = request.headers().clone();
            let path = request.uri().path_and_query();
            let path = path.map_or("/", |path| path.as_str()).to_owned();
            let identified = identify(service, peer, &headers).await;
            identified.map_err(|problem| {
                if matches!(access, Access::Page(_)) && problem.status == StatusCode::UNAUTHORIZED {
                    return to_sign_in(&path).into_response();
                }
                problem.into_response()
            })?
        }
    };
    if changes && person.is_by_cookie() && !is_own(request.headers()) {
        return Err(Problem::foreign_origin().into_response());
    }
    if person.role() < needed {
        return Err(Problem::forbidden(person.role(), needed).into_response());
    }
    if whole && person.is_restricted() {
        return Err(Problem::restricted().into_response());
    }
    request.extensions_mut().insert(person.at(peer));
    Ok(())
}

/// A redirect to the sign-in page, which leads back.
fn to_sign_in(path: &str) -> Redirect {
    if path == "/" {
        return Redirect::to("/login");
    }
    Redirect::to(&format!("/login?next={}", crate::panel::escaped(path)))
}

async fn identify(
    service: &Service,
    peer: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Person, Problem> {
    let person = match service.auth.recall(headers, peer) {
        // A known client is admitted even if others fail from the same address, such as that of a proxy.
        Credentials::Person(person) => return Ok(person),
        Credentials::None => return Err(Problem::unauthenticated()),
        Credentials::Wrong => {
            service.rate.may_sign_in(peer)?;
            None
        }
        Credentials::Unsure(text, token) => {
            service.rate.may_sign_in(peer)?;
            service.auth.verify(&text, token, peer).await
        }
    };
    person.ok_or_else(|| {
        service.rate.note_failure(peer);
        tracing::warn!(?peer, "a wrong token");
        Problem::wrong_token().header(WWW_AUTHENTICATE, "Bearer")
    })
}

/// Whether a page of another site asks, as far as the browser says.
fn is_foreign(headers: &HeaderMap, service: &Service) -> bool {
    let origin = headers.get(ORIGIN);
    if origin.is_some_and(|origin| !service.hosts.is_own_origin(origin.to_str().unwrap_or(""))) {
        return true;
    }
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whether the browser says that a page of this service asks. Every browser of the last years says one of the two.
fn is_own(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site")
}
