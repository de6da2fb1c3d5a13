//! A real HTTP server on a free port of this machine, for the tests of `cla/http`.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::Response;
use serde_json::json;
use tokio::sync::oneshot;

/// A server, which is gone when this is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Starts a server with the given routes; any other path is answered by [`echo`].
    pub(crate) fn start(routes: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let service = routes.fallback(echo);
                let service = service.into_make_service_with_connect_info::<SocketAddr>();
                tokio::select! {
                    result = axum::serve(listener, service) => result.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            _stop: stop,
        }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    #[allow(dead_code)] // not every test file needs it
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Answers with the request as JSON, and with the port that it came from.
async fn echo(ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers: serde_json::Map<_, _> = parts
        .headers
        .keys()
        .map(|name| {
            let values = parts.headers.get_all(name).iter();
            let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
            (name.to_string(), json!(values.join("|")))
        })
        .collect();
    let echo = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
        "port": peer.port(),
    });
    answer("application/json", echo.to_string())
}

/// An answer of some content type.
pub(crate) fn answer(content_type: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder()
        .header("content-type", content_type)
        .body(body.into())
        .unwrap()
}
