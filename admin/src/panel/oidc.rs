//! To the provider, and back: the two routes that a browser takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{COOKIE, HOST, HeaderMap, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use cla_runtime::semaphore::printable;
use maud::{DOCTYPE, html};
use serde::Deserialize;

use super::sign_in::{form, own_path};
use crate::api::problem::Problem;
use crate::auth::oidc::{Begun, Flow, Oidc, Refused};
use crate::service::Service;

type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    /// Where to go on.
    next: Option<String>,
}

/// What the provider says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Return {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

fn configured(service: &Service) -> Result<&Oidc, Problem> {
    service.auth.oidc.as_ref().ok_or_else(Problem::no_route)
}

/// `GET /login/oidc`: leads to the provider.
pub(crate) async fn begin(
    State(service): State<Arc<Service>>,
    peer: Peer,
    wish: Result<Query<Wish>, QueryRejection>,
) -> Result<Response, Problem> {
    let oidc = configured(&service)?;
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    service.rate.may_sign_in(peer)?;
    let Wish { next } = wish.map(|Query(wish)| wish).unwrap_or_default();
    let Begun {
        url,
        state,
        nonce,
        verifier,
    } = match oidc.provider.begin().await {
        Ok(begun) => begun,
        Err(refused) => return Ok(refusal(&service, &refused)),
    };
    let cookie = oidc.flows.keep(Flow {
        state,
        nonce,
        verifier,
        next: own_path(next),
        began: Instant::now(),
    });
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&url)).into_response())
}

/// `GET /login/oidc/callback`: the browser comes back with a code.
pub(crate) async fn back(
    State(service): State<Arc<Service>>,
    peer: Peer,
    headers: HeaderMap,
    returned: Result<Query<Return>, QueryRejection>,
) -> Result<Response, Problem> {
    let oidc = configured(&service)?;
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    service.rate.may_sign_in(peer)?;
    let Return { code, state, error } = returned.map(|Query(it)| it).unwrap_or_default();
    let mut cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let flow = cookies.find_map(|cookies| oidc.flows.take(cookies));
    let flow = flow.filter(|flow| state.as_deref().is_some_and(|state| flow.has_state(state)));
    let Some(flow) = flow else {
        service.rate.note_failure(peer);
        tracing::warn!(?peer, "refused: a sign-in that did not begin here");
        let why = "This sign-in has not begun in this browser, or took too long. Begin again.";
        return Ok(form(&service, StatusCode::FORBIDDEN, Some(why), None));
    };
    let Some(code) = code.filter(|_| error.is_none()) else {
        let error = error.unwrap_or_default();
        tracing::warn!(?peer, error = %printable(&error), "the provider refuses the sign-in");
        let why = format!("The provider did not sign you in: {}", printable(&error));
        return Ok(form(
            &service,
            StatusCode::FORBIDDEN,
            Some(&why),
            flow.next.as_deref(),
        ));
    };
    let person = match oidc.provider.finish(code, &flow.nonce, flow.verifier).await {
        Ok(person) => person,
        Err(refused) => return Ok(refusal(&service, &refused)),
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let secure = host.is_some_and(|host| service.hosts.is_secure(host));
    let (login, role) = (person.login(), person.role().as_str());
    tracing::info!(login = %printable(login), role, "signed in by the provider");
    let session = service.auth.sessions.begin_short(person, secure);
    let next = flow.next.as_deref().unwrap_or("/");
    // Not a redirect: a browser that another site has sent here would follow it without the `Strict` cookie of the
    // session. What a page of this service leads to has it.
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                title { "Signed in" }
                meta http-equiv="refresh" content=(format!("0;url={next}"));
            }
            body { a href=(next) { "Go on" } }
        }
    };
    let mut response = page.into_response();
    for cookie in [session, oidc.flows.forget()] {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    Ok(response)
}

/// The page for a person who could not be signed in.
fn refusal(service: &Service, refused: &Refused) -> Response {
    let detail = refused.to_string();
    tracing::warn!(error = %printable(&detail), "not signed in");
    match refused {
        Refused::Provider(_) => {
            let why = "The provider that signs people in does not answer as it should. The log of the service says more.";
            form(service, StatusCode::BAD_GATEWAY, Some(why), None)
        }
        Refused::NoRole { .. } => {
            let why = "The provider knows you, but you are in no group that may use this service.";
            form(service, StatusCode::FORBIDDEN, Some(why), None)
        }
    }
}
