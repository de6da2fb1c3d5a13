//! A web service that answers requests by running a rule, and lets operators see and steer what its rules wait for.
//!
//! ```console
//! $ cargo run -p cla-examples --example service
//! listening on 127.0.0.1:7070
//! $ curl -d '{"document": "report.pdf"}' localhost:7070/print          # in another terminal
//! {"printed":"report.pdf","token":1}
//! $ curl -d '{}' localhost:7070/print
//! {"detail":"which document?","kind":"exception","place":"print:6:58","status":422,"title":"The rule failed","type":"about:blank"}
//! $ curl -X PUT -d '5' localhost:7070/semaphores/printer/slots
//! $ curl localhost:7070/semaphores
//! [{"name":"printer","slots":5,"pinned":true,"busy":0,"waiting":0,"requests":[...]}]
//! ```
//!
//! What to take from it:
//!
//! - One [`Engine`] serves the whole program. A run is a future: no thread waits for it, however many
//!   rules are blocked.
//! - Each request is a run of its own, with [`Limits`]: a rule that loops for ever or eats memory fails
//!   alone.
//! - All runs share the engine's semaphores. The printer has two slots; the third request waits for its
//!   turn, in the order in which they came.
//! - A client that hangs up cancels its run ([`cancel_on_drop`](cla_runtime::RunHandle::cancel_on_drop)), so that its slot,
//!   or its place in the line, is free at once: axum drops the handler's future, and with it the handle.
//! - An error becomes a problem (RFC 9457): what the rule says is for the client, what the service got wrong is for its log.
//! - At the end, runs have some time left ([`shutdown`](Engine::shutdown)).
//!
//! A real service would let only operators steer: put its own check in front of those routes.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use cla_runtime::error::ErrorKind;
use cla_runtime::semaphore::{AdminError, RequestId, SemaphoreName, SemaphoreView, Slots};
use cla_runtime::{Engine, Limits, RuleError, RunOptions, Script};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a request does. A real service would read it from a file: [`Script::file`].
const RULE: &str = r#"
    import { take } from "cla/sem";
    import { sleep } from "cla/util";

    export default function (request) {
        if (typeof request.document !== "string") throw new TypeError("which document?");
        return take("printer", { slots: 2, timeout: "30s" }, (permit) => {
            sleep(request.seconds ?? 0.05);
            return { printed: request.document, token: permit.token };
        });
    }
"#;

/// How long the runs may go on after Ctrl-C.
const LAST_PRINTS: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let engine = printing_engine();
    let listener = TcpListener::bind("127.0.0.1:7070").await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::select! {
        result = axum::serve(listener, routes(engine.clone())).into_future() => result,
        _ = tokio::signal::ctrl_c() => {
            engine.shutdown(LAST_PRINTS).await;
            Ok(())
        }
    }
}

pub(crate) fn printing_engine() -> Engine {
    let limits = Limits::default()
        .memory(16 * 1024 * 1024)
        .timeout(Duration::from_secs(60));
    Engine::builder()
        .limits(limits)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

pub(crate) fn routes(engine: Engine) -> Router {
    Router::new()
        .route("/print", post(print))
        .route("/semaphores", get(list))
        .route("/semaphores/{name}/slots", put(set_slots))
        .route("/requests/{id}/grant", post(grant))
        .route("/requests/{id}/cancel", post(cancel))
        .with_state(engine)
}

/// Runs the rule. Its value is the answer.
async fn print(State(engine): State<Engine>, body: Bytes) -> Result<Json<Value>, Problem> {
    let request: Value = read(&body)?;
    // The run is shown under this name to all who look at the printer's queue.
    let name = format!("print {}", request["document"].as_str().unwrap_or("?"));
    let options = RunOptions::new().name(name).stash(request);
    let script = Script::javascript("print", RULE);
    let report = engine.run(script, options).cancel_on_drop().await;
    Ok(Json(report.result?))
}

async fn list(State(engine): State<Engine>) -> Result<Json<Vec<SemaphoreView>>, Problem> {
    let all = engine.semaphores().list().await.map_err(AdminError::from)?;
    Ok(Json(all))
}

/// The body is a number, or `"unlimited"`.
async fn set_slots(
    State(engine): State<Engine>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let name = SemaphoreName::new(&name).map_err(Problem::bad_request)?;
    let slots: Slots = read(&body)?;
    engine.semaphores().set_slots(&name, slots).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn grant(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.semaphores().grant(request(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    engine.semaphores().cancel(request(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn request(id: &str) -> Result<RequestId, Problem> {
    id.parse().map_err(Problem::bad_request)
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(Problem::bad_request)
}

/// What went wrong, as `application/problem+json`.
struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    /// What a rule's error adds.
    more: Value,
}

impl Problem {
    fn bad_request(error: impl std::fmt::Display) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "The request is not understood",
            detail: error.to_string(),
            more: json!({}),
        }
    }
}

impl From<RuleError> for Problem {
    fn from(error: RuleError) -> Self {
        let (status, title) = match error.kind {
            // The rule knows best when to come again.
            ErrorKind::Exception if error.name == "SemaphoreTimeoutError" => {
                (StatusCode::SERVICE_UNAVAILABLE, "All slots are busy")
            }
            ErrorKind::Exception => (StatusCode::UNPROCESSABLE_ENTITY, "The rule failed"),
            ErrorKind::Refused | ErrorKind::Cancelled => {
                (StatusCode::SERVICE_UNAVAILABLE, "The rule cannot run now")
            }
            ErrorKind::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "The rule took too long"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "The rule is broken"),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            eprintln!("{}", error.render(false));
        }
        let place = error.location.as_ref();
        let place = place.map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
        let more = json!({ "kind": error.kind, "place": place });
        Self {
            status,
            title,
            detail: error.message,
            more,
        }
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let (status, title) = match error {
            AdminError::UnknownSemaphore { .. } | AdminError::UnknownRequest { .. } => {
                (StatusCode::NOT_FOUND, "There is no such thing")
            }
            AdminError::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "The store does not answer"),
            _ => (StatusCode::CONFLICT, "That cannot be done now"),
        };
        Self {
            status,
            title,
            detail: error.to_string(),
            more: json!({}),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut problem = self.more;
        problem["type"] = "about:blank".into();
        problem["title"] = self.title.into();
        problem["status"] = self.status.as_u16().into();
        problem["detail"] = self.detail.into();
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, kind, problem.to_string()).into_response()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// The service, as clients see it.
    struct Service {
        engine: Engine,
        address: SocketAddr,
    }

    /// Status, content type, body.
    type Answer = (u16, String, Value);

    impl Service {
        async fn start() -> Self {
            let engine = printing_engine();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(axum::serve(listener, routes(engine.clone())).into_future());
            Self { engine, address }
        }

        /// Sends a request, and leaves its answer to be read.
        async fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
            let mut client = TcpStream::connect(self.address).await.unwrap();
            let length = body.len();
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            client.write_all(request.as_bytes()).await.unwrap();
            client
        }

        async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
            answer(self.send(method, path, body).await).await
        }

        /// The printer, once `is_wanted` holds of it.
        async fn printer(&self, is_wanted: impl Fn(&SemaphoreView) -> bool) -> SemaphoreView {
            let look = async {
                loop {
                    let (_, _, all) = self.ask("GET", "/semaphores", "").await;
                    let all: Vec<SemaphoreView> = serde_json::from_value(all).unwrap();
                    if let Some(printer) = all.into_iter().find(&is_wanted) {
                        return printer;
                    }
                }
            };
            let found = tokio::time::timeout(Duration::from_secs(10), look).await;
            found.expect("the printer came to the wanted state")
        }
    }

    async fn answer(mut client: TcpStream) -> Answer {
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let kind = head
            .lines()
            .find_map(|line| line.strip_prefix("content-type: "));
        let body = serde_json::from_str(body).unwrap_or_default();
        (status, kind.unwrap_or_default().to_owned(), body)
    }

    /// A request that prints for longer than any test takes.
    const LONG: &str = r#"{"document": "book.pdf", "seconds": 3600}"#;

    #[tokio::test]
    async fn every_request_is_answered_by_its_own_run() {
        let service = Service::start().await;
        let (status, kind, body) = service
            .ask("POST", "/print", r#"{"document": "a.pdf"}"#)
            .await;
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        assert_eq!(body, json!({ "printed": "a.pdf", "token": 1 }));
        let (_, _, body) = service
            .ask("POST", "/print", r#"{"document": "b.pdf"}"#)
            .await;
        assert_eq!(body, json!({ "printed": "b.pdf", "token": 2 }));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_a_problem() {
        let service = Service::start().await;
        let (status, kind, body) = service.ask("POST", "/print", "{}").await;
        assert_eq!((status, kind.as_str()), (422, "application/problem+json"));
        assert_eq!(body["detail"], "which document?");
        assert_eq!(body["kind"], "exception");
        assert!(body["place"].as_str().unwrap().starts_with("print:6:"));
        let (status, kind, _) = service.ask("POST", "/print", "no JSON").await;
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"));

        let (status, _, _) = service
            .ask("PUT", "/semaphores/printer/slots", "\"many\"")
            .await;
        assert_eq!(status, 400);
        let unknown = format!("/requests/{}/grant", RequestId::unique());
        assert_eq!(service.ask("POST", &unknown, "").await.0, 404);
        assert_eq!(service.ask("POST", "/requests/x/cancel", "").await.0, 400);
    }

    #[tokio::test]
    async fn operators_see_and_steer_the_line() {
        let service = Service::start().await;
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(service.send("POST", "/print", LONG).await);
        }
        service.printer(|printer| printer.busy == 2).await;
        let short = r#"{"document": "urgent.pdf", "seconds": 0}"#;
        let urgent = service.send("POST", "/print", short).await;
        service.printer(|printer| printer.waiting == 1).await;
        let unwanted = service.send("POST", "/print", LONG).await;
        let printer = service.printer(|printer| printer.waiting == 2).await;
        assert_eq!(printer.requests[2].who.as_deref(), Some("print urgent.pdf"));

        let (urgent_id, unwanted_id) = (printer.requests[2].id, printer.requests[3].id);
        let path = format!("/requests/{urgent_id}/grant");
        assert_eq!(service.ask("POST", &path, "").await.0, 204);
        assert_eq!(answer(urgent).await.2["printed"], "urgent.pdf");
        let path = format!("/requests/{unwanted_id}/cancel");
        assert_eq!(service.ask("POST", &path, "").await.0, 204);
        let (status, _, body) = answer(unwanted).await;
        assert_eq!(status, 422, "{body}");
        assert!(body["detail"].as_str().unwrap().contains("cancel"));
        assert_eq!(service.ask("POST", &path, "").await.0, 409, "it has ended");

        let third = service.send("POST", "/print", short).await;
        service.printer(|printer| printer.waiting == 1).await;
        assert_eq!(
            service.ask("PUT", "/semaphores/printer/slots", "3").await.0,
            204
        );
        assert_eq!(answer(third).await.0, 200);
    }

    #[tokio::test]
    async fn clients_that_hang_up_give_their_slots_and_places_back() {
        let service = Service::start().await;
        let mut clients = Vec::new();
        // Two print for longer than the test may take, and one waits.
        for _ in 0..3 {
            clients.push(service.send("POST", "/print", LONG).await);
        }
        service.printer(|printer| printer.waiting == 1).await;
        drop(clients);
        service.engine.idle().await;
        let body = r#"{"document": "b.pdf"}"#;
        assert_eq!(service.ask("POST", "/print", body).await.0, 200);
    }
}
