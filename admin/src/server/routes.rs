//! The table of all routes: what answers, and who may ask. Nothing is reachable that is not in it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::headers::surround;
use crate::api::problem::Problem;
use crate::api::{self, actions, events, leases, requests, runs, semaphores};
use crate::auth::{Access, Gate, Role, gate};
use crate::panel;
use crate::service::Service;

/// Longer bodies of requests are refused.
const LONGEST_BODY: usize = 1 << 20;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    answers: MethodRouter<Arc<Service>>,
}

fn route<H, T>(method: Method, path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, Arc<Service>>,
    T: 'static,
{
    let filter = match method {
        Method::POST => MethodFilter::POST,
        Method::PUT => MethodFilter::PUT,
        Method::DELETE => MethodFilter::DELETE,
        // The framework answers HEAD with it, too.
        _ => MethodFilter::GET,
    };
    Route {
        method,
        path,
        access,
        answers: on(filter, handler),
    }
}

/// All routes.
pub(crate) fn table() -> Vec<Route> {
    use Access::{Page, Public, Role as Needs, Whole};
    use Role::{Operator, Viewer};
    vec![
        route(Method::GET, "/", Page(Viewer), panel::home),
        route(Method::GET, "/login", Public, panel::sign_in::page),
        route(Method::POST, "/login", Public, panel::sign_in::with_token),
        route(Method::POST, "/logout", Public, panel::sign_in::out),
        route(Method::GET, "/assets/{name}", Public, panel::assets::asset),
        route(
            Method::GET,
            "/api/v1/semaphores",
            Needs(Viewer),
            semaphores::list,
        ),
        route(
            Method::GET,
            "/api/v1/semaphores/{name}",
            Needs(Viewer),
            semaphores::show,
        ),
        route(
            Method::GET,
            "/api/v1/requests",
            Needs(Viewer),
            requests::list,
        ),
        route(
            Method::GET,
            "/api/v1/requests/{id}",
            Needs(Viewer),
            requests::show,
        ),
        route(
            Method::DELETE,
            "/api/v1/semaphores/{name}",
            Needs(Operator),
            actions::forget,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/slots",
            Needs(Operator),
            actions::slots,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/pin",
            Needs(Operator),
            actions::pin,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/unpin",
            Needs(Operator),
            actions::unpin,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/lock",
            Needs(Operator),
            actions::lock,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/purge",
            Needs(Operator),
            actions::purge,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/force-release",
            Needs(Operator),
            actions::force_release,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/acquire",
            Needs(Operator),
            leases::acquire,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/refresh",
            Needs(Operator),
            leases::refresh,
        ),
        route(
            Method::POST,
            "/api/v1/semaphores/{name}/release",
            Needs(Operator),
            leases::release,
        ),
        route(
            Method::POST,
            "/api/v1/requests/{id}/grant",
            Needs(Operator),
            requests::grant,
        ),
        route(
            Method::POST,
            "/api/v1/requests/{id}/cancel",
            Needs(Operator),
            requests::cancel,
        ),
        route(
            Method::POST,
            "/api/v1/requests/{id}/move",
            Needs(Operator),
            requests::move_to,
        ),
        route(
            Method::POST,
            "/api/v1/requests/{id}/release",
            Needs(Operator),
            requests::release,
        ),
        route(
            Method::POST,
            "/api/v1/actions",
            Needs(Operator),
            actions::several,
        ),
        route(Method::GET, "/api/v1/rules", Whole(Viewer), runs::rules),
        route(Method::GET, "/api/v1/runs", Whole(Viewer), runs::list),
        route(Method::POST, "/api/v1/runs", Whole(Operator), runs::start),
        route(Method::GET, "/api/v1/runs/{id}", Whole(Viewer), runs::show),
        route(
            Method::GET,
            "/api/v1/runs/{id}/output",
            Whole(Viewer),
            runs::output,
        ),
        route(
            Method::POST,
            "/api/v1/runs/{id}/stop",
            Whole(Operator),
            runs::stop,
        ),
        route(Method::GET, "/api/v1/events", Needs(Viewer), events::stream),
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
