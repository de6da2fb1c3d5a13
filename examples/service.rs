//! A service that answers every request by running a rule.
//!
//! ```console
//! $ cargo run -p cla-examples --example service
//! listening on 127.0.0.1:7070
//! $ nc localhost 7070                          # in another terminal; this line is typed, the next one printed
//! {"document": "report.pdf"}
//! {"printed":"report.pdf","token":1}
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
//!   or its place in the line, is free at once.
//! - At the end, runs have some time left ([`shutdown`](Engine::shutdown)).

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::{Engine, Limits, RunOptions, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a request does. A real service would read it from a file: [`Script::file`].
const RULE: &str = r#"
    import { take } from "cla/sem";
    import { sleep } from "cla/util";

    export default function (request) {
        if (typeof request.document !== "string") throw new TypeError("which document?");
        return take("printer", { slots: 2, timeout: "5s" }, (permit) => {
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
        result = serve(&engine, listener) => result,
        _ = tokio::signal::ctrl_c() => {
            engine.shutdown(LAST_PRINTS).await;
            Ok(())
        }
    }
}

fn printing_engine() -> Engine {
    let limits = Limits::default()
        .memory(16 * 1024 * 1024)
        .timeout(Duration::from_secs(10));
    Engine::builder()
        .limits(limits)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

/// Accepts clients, for ever.
async fn serve(engine: &Engine, listener: TcpListener) -> std::io::Result<()> {
    let script = Script::javascript("print", RULE);
    loop {
        let (client, address) = listener.accept().await?;
        let (engine, script) = (engine.clone(), script.clone());
        let name: Arc<str> = format!("print for {address}").into();
        tokio::spawn(async move {
            // A client that has gone away needs no answer.
            let _ = answer(&engine, &script, name, client).await;
        });
    }
}

/// Answers each line, a JSON object, with one, until the client hangs up.
async fn answer(
    engine: &Engine,
    script: &Script,
    name: Arc<str>,
    mut client: TcpStream,
) -> std::io::Result<()> {
    let (requests, mut answers) = client.split();
    let mut requests = BufReader::new(requests);
    let mut line = String::new();
    loop {
        line.clear();
        if requests.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let Ok(request) = serde_json::from_str::<Value>(&line) else {
            answers.write_all(b"{\"error\":\"not JSON\"}\n").await?;
            continue;
        };
        // The run is shown under this name to whoever looks at the printer's queue.
        let options = RunOptions::new().name(Arc::clone(&name)).stash(request);
        let run = engine.run(script.clone(), options).cancel_on_drop();
        let report = tokio::select! {
            report = run => report,
            // Here the run's handle is dropped.
            () = hang_up(&mut requests) => return Ok(()),
        };
        let answer = report
            .result
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        answers.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

/// Waits until the client hangs up. One that has sent more requests already is not watched.
async fn hang_up(requests: &mut (impl AsyncBufRead + Unpin)) {
    match requests.fill_buf().await {
        Ok(more) if !more.is_empty() => std::future::pending().await,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends lines over one connection and returns the answers to them.
    async fn ask(address: std::net::SocketAddr, lines: &[Value]) -> Vec<Value> {
        let mut server = TcpStream::connect(address).await.unwrap();
        let (answers, mut requests) = server.split();
        let mut answers = BufReader::new(answers).lines();
        let mut all = Vec::new();
        for line in lines {
            requests
                .write_all(format!("{line}\n").as_bytes())
                .await
                .unwrap();
            let answer = answers.next_line().await.unwrap().unwrap();
            all.push(serde_json::from_str(&answer).unwrap());
        }
        all
    }

    #[tokio::test]
    async fn every_request_is_answered_by_its_own_run() {
        let engine = printing_engine();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = serve(&engine, listener);
        let requests = [
            json!({ "document": "a.pdf" }),
            json!({}),
            json!({ "document": "b.pdf" }),
        ];
        tokio::select! {
            _ = service => panic!("the service ended"),
            answers = ask(address, &requests) => {
                assert_eq!(answers[0], json!({ "printed": "a.pdf", "token": 1 }));
                assert!(answers[1]["error"].as_str().unwrap().contains("which document?"));
                assert_eq!(answers[2], json!({ "printed": "b.pdf", "token": 2 }));
            }
        }
    }

    #[tokio::test]
    async fn clients_that_hang_up_give_their_slots_and_places_back() {
        let engine = printing_engine();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = serve(&engine, listener);
        let clients = async {
            // Two print for longer than the test may take, and one waits.
            let mut clients = Vec::new();
            for _ in 0..3 {
                let mut client = TcpStream::connect(address).await.unwrap();
                let request = json!({ "document": "a.pdf", "seconds": 3600 });
                client
                    .write_all(format!("{request}\n").as_bytes())
                    .await
                    .unwrap();
                clients.push(client);
            }
            let one_waits = async || {
                let all = engine.semaphores().list().await.unwrap();
                all.iter().any(|printer| printer.waiting == 1)
            };
            while !one_waits().await {
                tokio::task::yield_now().await;
            }
            drop(clients);
            engine.idle().await;
            ask(address, &[json!({ "document": "b.pdf" })]).await
        };
        tokio::select! {
            _ = service => panic!("the service ended"),
            answers = clients => assert_eq!(answers[0]["printed"], "b.pdf"),
            () = tokio::time::sleep(Duration::from_secs(4)) => panic!("the runs went on"),
        }
    }
}
