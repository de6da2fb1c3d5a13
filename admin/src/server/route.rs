//! One route of the service: [`Route`].

use std::sync::Arc;

use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::auth::Access;
use crate::service::Service;

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(super) answers: MethodRouter<Arc<Service>>,
}

/// A route that `handler` answers.
pub(super) fn route<H, T>(method: Method, path: &'static str, access: Access, handler: H) -> Route
where
    H: Handler<T, Arc<Service>>,
    T: 'static,
{
    let filter = match method {
        Method::POST => MethodFilter::POST,
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
