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

use super::parts::icon;
use super::{Tab, page as frame};
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
    /// Where to go on.
    next: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Entered {
    token: String,
    next: Option<String>,
}

/// `GET /login`: the page where a token is entered; with `?token=`, the link that the server printed.
pub(crate) async fn page(
    State(service): State<Arc<Service>>,
    peer: Peer,
    method: Method,
    headers: HeaderMap,
    link: Result<Query<Link>, QueryRejection>,
) -> Response {
    let Link { token, next } = link.map(|Query(link)| link).unwrap_or_default();
    let next = own_path(next);
    // A program that only checks that the link works does not use it up.
    let Some(token) = token.filter(|_| method == Method::GET) else {
        return form(&service, StatusCode::OK, None, next.as_deref());
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
            begin(&person, cookie, None)
        }
        None => {
            service.rate.note_failure(peer);
            let why = "This link was used already, or is too old. Enter a token, or start the server again.";
            form(&service, StatusCode::FORBIDDEN, Some(why), None)
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
    let next = own_path(entered.next);
    let signed_in = service.auth.sign_in(entered.token.trim(), peer, secure);
    match signed_in.await {
        Some((person, cookie)) => begin(&person, cookie, next),
        None => {
            service.rate.note_failure(peer);
            form(
                &service,
                StatusCode::FORBIDDEN,
                Some("This token is wrong, or was revoked, or has expired."),
                next.as_deref(),
            )
        }
    }
}

/// `POST /logout`.
pub(crate) async fn out(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    super::repl::sign_out(&service, &headers).await;
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

fn begin(person: &Person, cookie: String, next: Option<String>) -> Response {
    let role = person.role().as_str();
    tracing::info!(login = person.login(), role, "signed in");
    let next = next.unwrap_or_else(|| "/".to_owned());
    ([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response()
}

pub(crate) fn form(
    service: &Service,
    status: StatusCode,
    problem: Option<&str>,
    next: Option<&str>,
) -> Response {
    let provider = service.auth.oidc.is_some().then(|| match next {
        Some(next) => format!("/login/oidc?next={}", super::escaped(next)),
        None => "/login/oidc".to_owned(),
    });
    let content = html! {
        section.sign-in {
            h1 { (icon("brand")) "Sign in" }
            @if let Some(problem) = problem {
                p.problem role="alert" { (problem) }
            }
            @if let Some(provider) = &provider {
                p { a.primary href=(provider) { "Sign in with OpenID Connect" } }
            }
            form method="post" action="/login" {
                @if let Some(next) = next { input type="hidden" name="next" value=(next); }
                label for="token" { "Token" }
                input id="token" name="token" type="password" autocomplete="current-password" required autofocus;
                button.primary { "Sign in" }
            }
            p.quiet { "The server printed a link when it started. " code { "cla token create" } " makes a token." }
        }
    };
    (status, frame(service, "Sign in", Tab::None, None, &content)).into_response()
}

/// A path of this service to go on to; of anything else, nothing.
pub(crate) fn own_path(next: Option<String>) -> Option<String> {
    next.filter(|next| {
        let mut bytes = next.bytes();
        // Browsers read `//host` and `/\\host` as other hosts.
        bytes.next() == Some(b'/')
            && bytes
                .next()
                .is_none_or(|second| !matches!(second, b'/' | b'\\'))
            && next.bytes().all(|byte| byte.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn only_paths_of_this_service_are_gone_on_to() {
        for path in ["/", "/semaphores/a%2Fb?q=x"] {
            assert_eq!(own_path(Some(path.to_owned())).as_deref(), Some(path));
        }
        for other in [
            "",
            "x",
            "//evil",
            "/\\evil",
            "https://evil",
            "/a b",
            "/a\r\nb",
        ] {
            assert_eq!(own_path(Some(other.to_owned())), None, "{other:?}");
        }
    }
}
