//! The table of all routes: what answers, and who may ask. Nothing is reachable that is not in it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn_with_state, map_response};

use super::gate::{Gate, gate};
use super::headers::surround;
use super::route::{Route, route};
use crate::api::problem::Problem;
use crate::api::{
    self, actions, events, health, leases, metrics, openapi, records, requests, runs, semaphores,
    tokens,
};
use crate::auth::{Access, Role};
use crate::panel::{self, oidc};
use crate::service::Service;

/// The longest body of a request.
const LONGEST_BODY: usize = 1 << 20;

/// All routes.
#[rustfmt::skip] // a table is read by its columns
pub(crate) fn table() -> Vec<Route> {
    use Access::{Page, Public, Role as Needs, Whole};
    use Role::{Admin, Operator, Viewer};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const DELETE: Method = Method::DELETE;
    vec![
        route(GET, "/", Page(Viewer), panel::home::home),
        route(GET, "/semaphores/{name}", Page(Viewer), panel::home::semaphore),
        route(GET, "/runs", Page(Viewer), panel::runs::all),
        route(GET, "/runs/{id}", Page(Viewer), panel::runs::show),
        route(GET, "/panel/runs", Whole(Viewer), panel::runs::table::rows),
        route(GET, "/panel/run", Whole(Viewer), panel::runs::one::one),
        route(GET, "/panel/inputs", Whole(Operator), panel::runs::inputs::fields),
        route(GET, "/panel/output", Whole(Viewer), panel::runs::output::lines),
        route(GET, "/audit", Page(Viewer), panel::records::audit),
        route(GET, "/panel/audit", Needs(Viewer), panel::records::audit_rows),
        route(GET, "/panel/history", Needs(Viewer), panel::records::history),
        route(GET, "/repl", Page(Admin), panel::repl::show),
        route(POST, "/panel/repl", Whole(Admin), panel::repl::run),
        route(POST, "/panel/repl/stop", Whole(Admin), panel::repl::stop),
        route(POST, "/panel/repl/end", Whole(Admin), panel::repl::end),
        route(POST, "/panel/repl/tidy", Whole(Admin), panel::repl::tidy),
        route(GET, "/panel/repl/output", Whole(Admin), panel::repl::output),
        route(POST, "/panel/repl/snippets", Whole(Admin), panel::repl::snippets::save),
        route(POST, "/panel/repl/snippets/delete", Whole(Admin), panel::repl::snippets::delete),
        route(GET, "/tokens", Page(Admin), panel::tokens::show),
        route(GET, "/docs", Page(Viewer), panel::docs::show),
        route(GET, "/panel/tokens", Whole(Admin), panel::tokens::token_rows),
        route(GET, "/panel/here", Needs(Viewer), panel::here),
        route(GET, "/panel/semaphores", Needs(Viewer), panel::explorer::rows),
        route(GET, "/panel/queue", Needs(Viewer), panel::queue::queue),
        route(GET, "/login", Public, panel::sign_in::page),
        route(POST, "/login", Public, panel::sign_in::with_token),
        route(GET, "/login/oidc", Public, oidc::begin),
        route(GET, "/login/oidc/callback", Public, oidc::back),
        route(POST, "/logout", Public, panel::sign_in::out),
        route(GET, "/assets/{name}", Public, panel::assets::asset),

        route(GET, "/healthz", Public, health::health),
        route(GET, "/readyz", Public, health::ready),
        route(GET, "/metrics", Whole(Viewer), metrics::metrics),
        route(GET, "/openapi.json", Public, openapi::show),

        route(GET, "/api/v1/events", Needs(Viewer), events::stream),
        route(GET, "/api/v1/semaphores", Needs(Viewer), semaphores::list),
        route(GET, "/api/v1/semaphores/{name}", Needs(Viewer), semaphores::show),
        route(GET, "/api/v1/semaphores/{name}/history", Needs(Viewer), records::history),
        route(DELETE, "/api/v1/semaphores/{name}", Needs(Operator), actions::forget),
        route(POST, "/api/v1/semaphores/{name}/slots", Needs(Operator), actions::slots),
        route(POST, "/api/v1/semaphores/{name}/pin", Needs(Operator), actions::pin),
        route(POST, "/api/v1/semaphores/{name}/unpin", Needs(Operator), actions::unpin),
        route(POST, "/api/v1/semaphores/{name}/lock", Needs(Operator), actions::lock),
        route(POST, "/api/v1/semaphores/{name}/purge", Needs(Operator), actions::purge),
        route(POST, "/api/v1/semaphores/{name}/force-release", Needs(Operator), actions::force_release),
        route(POST, "/api/v1/semaphores/{name}/acquire", Needs(Operator), leases::acquire),
        route(POST, "/api/v1/semaphores/{name}/refresh", Needs(Operator), leases::refresh),
        route(POST, "/api/v1/semaphores/{name}/release", Needs(Operator), leases::release),
        route(GET, "/api/v1/requests", Needs(Viewer), requests::list),
        route(GET, "/api/v1/requests/{id}", Needs(Viewer), requests::show),
        route(POST, "/api/v1/requests/{id}/grant", Needs(Operator), requests::grant),
        route(POST, "/api/v1/requests/{id}/cancel", Needs(Operator), requests::cancel),
        route(POST, "/api/v1/requests/{id}/move", Needs(Operator), requests::move_to),
        route(POST, "/api/v1/requests/{id}/release", Needs(Operator), requests::release),
        route(GET, "/api/v1/audit", Needs(Viewer), records::audit),
        route(POST, "/api/v1/actions", Needs(Operator), actions::several),

        route(GET, "/api/v1/service-audit", Whole(Admin), records::service_audit),
        route(GET, "/api/v1/tokens", Whole(Admin), tokens::list),
        route(POST, "/api/v1/tokens", Whole(Admin), tokens::create),
        route(DELETE, "/api/v1/tokens/{id}", Whole(Admin), tokens::revoke),

        route(GET, "/api/v1/rules", Whole(Viewer), runs::rules),
        route(GET, "/api/v1/rules/inputs", Whole(Viewer), runs::inputs),
        route(GET, "/api/v1/runs", Whole(Viewer), runs::list),
        route(POST, "/api/v1/runs", Whole(Operator), runs::start),
        route(GET, "/api/v1/runs/{id}", Whole(Viewer), runs::show),
        route(GET, "/api/v1/runs/{id}/output", Whole(Viewer), runs::output),
        route(POST, "/api/v1/runs/{id}/stop", Whole(Operator), runs::stop),
    ]
}

/// The router of a service.
pub(crate) fn router(service: &Arc<Service>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let gate_state = Gate {
            service: Arc::clone(service),
            access: route.access,
        };
        let answers = route.answers.layer(from_fn_with_state(gate_state, gate));
        router = router.route(route.path, answers);
    }
    router
        .fallback(async || Problem::no_route())
        .method_not_allowed_fallback(async || Problem::no_method())
        .layer(map_response(api::problem::plain_refusals))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(from_fn_with_state(Arc::clone(service), surround))
        .with_state(Arc::clone(service))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use cla_runtime::semaphore::{SemaphoreName, Semaphores, Slots};
    use tower_service::Service as _;

    use super::*;
    use crate::auth::Person;
    use crate::builder::Admin;

    /// What a request with an empty body is answered, by the role of the one who asks.
    async fn status(router: &Router, route: &Route, person: Option<Person>) -> StatusCode {
        // A semaphore for each route, so that what one does to it is nothing to the next.
        let name = route.path.rsplit('/').next().unwrap();
        let path = route.path.replace("{name}", name).replace("{id}", "x");
        let mut request = Request::builder()
            .method(route.method.clone())
            .uri(path)
            .header("host", "127.0.0.1:7007");
        if let Some(person) = person {
            request = request.extension(person);
        }
        let request = request.body(Body::empty()).unwrap();
        router.clone().call(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn every_route_admits_the_roles_of_the_table_and_no_others() {
        let semaphores = Semaphores::memory();
        // No request of this test waits for a slot.
        let acquire = SemaphoreName::new("acquire").unwrap();
        let unlimited = semaphores.set_slots(&acquire, Slots::Unlimited).await;
        unlimited.unwrap();
        let admin = Admin::builder(semaphores)
            .listening_on("127.0.0.1:7007".parse().unwrap())
            .build()
            .unwrap();
        let router = admin.into_router();
        for route in table() {
            let at = format!("{} {}", route.method, route.path);
            let anonymous = status(&router, &route, None).await;
            let needed = match route.access {
                Access::Public => {
                    assert!(anonymous != StatusCode::UNAUTHORIZED, "{at}");
                    continue;
                }
                Access::Page(role) => {
                    assert_eq!(anonymous, StatusCode::SEE_OTHER, "{at}");
                    role
                }
                Access::Role(role) | Access::Whole(role) => {
                    assert_eq!(anonymous, StatusCode::UNAUTHORIZED, "{at}");
                    role
                }
            };
            for role in Role::ALL {
                let answer = status(&router, &route, Some(Person::new("me", role))).await;
                let refused = answer == StatusCode::FORBIDDEN;
                assert_eq!(refused, role < needed, "{at} as {role}: {answer}");
                let some = Person::new("me", role).only("y*".parse().unwrap());
                let answer = status(&router, &route, Some(some)).await;
                let whole = matches!(route.access, Access::Whole(_));
                assert_eq!(
                    answer == StatusCode::FORBIDDEN,
                    role < needed || whole,
                    "{at}"
                );
                // A cookie, and no word from the browser about whose page asks.
                let browser = Person::new("me", role).by_cookie();
                let answer = status(&router, &route, Some(browser)).await;
                let changes = route.method != Method::GET;
                assert_eq!(
                    answer == StatusCode::FORBIDDEN,
                    role < needed || changes,
                    "{at}"
                );
            }
            // What changes something is not for those who only see.
            assert!(route.method == Method::GET || needed > Role::Viewer, "{at}");
        }
    }
}
