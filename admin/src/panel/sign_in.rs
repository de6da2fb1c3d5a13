//! Signing in and out.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::Form;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequest as _, Query, Request, State};
use axum::http::header::{COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;
use tokio::time::timeout;

use super::page as frame;
use crate::api::body::PATIENCE;
use crate::api::problem::Problem;
use crate::auth::Person;
use crate::service::Service;

/// What the client's address is, where the server says it.
type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    token: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Entered {
    token: String,
}

/// `GET /login`: the page where a token is entered; with `?token=`, the link that the server printed.
pub(crate) async fn page(
    State(service): State<Arc<Service>>,
    peer: Peer,
    method: Method,
    headers: HeaderMap,
    link: Result<Query<Link>, QueryRejection>,
) -> Response {
    let token = link.ok().and_then(|Query(link)| link.token);
    // A program that only looks whether the link leads anywhere does not use it up.
    let Some(token) = token.filter(|_| method == Method::GET) else {
        return form(StatusCode::OK, None);
    };
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    if let Err(problem) = service.rate.may_sign_in(peer) {
        return problem.into_response();
    }
    match service.auth.sessions.accept(&token) {
        Some(person) => {
            let secure = is_secure(&service, &headers);
            let sessions = &service.auth.sessions;
            let cookie = sessions.begin(person.clone(), None, secure);
            begin(&person, cookie)
        }
        None => {
            service.rate.note_failure(peer);
            let why = "This link was used already, or is too old. Enter a token, or start the server again.";
            form(StatusCode::FORBIDDEN, Some(why))
        }
    }
}

/// `POST /login`: a token that `cla token create` made.
pub(crate) async fn with_token(
    State(service): State<Arc<Service>>,
    peer: Peer,
    request: Request,
) -> Response {
    let peer = peer.map(|Extension(ConnectInfo(address))| address.ip());
    if let Err(problem) = service.rate.may_sign_in(peer) {
        return problem.into_response();
    }
    let secure = is_secure(&service, request.headers());
    let Ok(entered) = timeout(PATIENCE, Form::<Entered>::from_request(request, &())).await else {
        return Problem::slow_body().into_response();
    };
    let Ok(Form(entered)) = entered else {
        return Problem::invalid("send the field `token` of a form").into_response();
    };
    match service.auth.sign_in(entered.token.trim(), secure).await {
        Some((person, cookie)) => begin(&person, cookie),
        None => {
            service.rate.note_failure(peer);
            form(
                StatusCode::FORBIDDEN,
                Some("This token is wrong, or was revoked, or has expired."),
            )
        }
    }
}

/// `POST /logout`.
pub(crate) async fn out(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    let cookies = headers
        .get(COOKIE)
        .and_then(|cookies| cookies.to_str().ok());
    let forget = service.auth.sessions.end(cookies.unwrap_or_default());
    ([(SET_COOKIE, forget)], Redirect::to("/login")).into_response()
}

/// Whether the browser speaks TLS, by the host that it names.
fn is_secure(service: &Service, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| service.hosts.is_secure(host))
}

fn begin(person: &Person, cookie: String) -> Response {
    let role = person.role().as_str();
    tracing::info!(login = person.login(), role, "signed in");
    ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

fn form(status: StatusCode, problem: Option<&str>) -> Response {
    let content = html! {
        @if let Some(problem) = problem {
            p role="alert" { (problem) }
        }
        form method="post" action="/login" {
            label for="token" { "Token" }
            input id="token" name="token" type="password" autocomplete="current-password" required;
            button { "Sign in" }
        }
        p { "The server printed a link when it started. " code { "cla token create" } " makes a token." }
    };
    (status, frame("Sign in", None, &content)).into_response()
}
