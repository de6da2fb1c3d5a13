//! A service that answers every request by running a rule.
//!
//! ```console
//! $ cargo run -p cla-examples --example service
//! listening on 127.0.0.1:7070
//! $ echo '{"document": "report.pdf"}' | nc -N localhost 7070      # in another terminal
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

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::{Engine, Limits, RunOptions, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let engine = printing_engine();
    let listener = TcpListener::bind("127.0.0.1:7070").await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::select! {
        result = serve(&engine, listener) => result,
        // Whatever still runs is cancelled by the end of the program; what it held was in its memory.
        _ = tokio::signal::ctrl_c() => Ok(()),
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
    let script = Script::new("print.mjs", RULE);
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

/// Answers each line, a JSON object, with one.
async fn answer(
    engine: &Engine,
    script: &Script,
    name: Arc<str>,
    mut client: TcpStream,
) -> std::io::Result<()> {
    let (requests, mut answers) = client.split();
    let mut requests = BufReader::new(requests).lines();
    while let Some(line) = requests.next_line().await? {
        let Ok(request) = serde_json::from_str::<Value>(&line) else {
            answers.write_all(b"{\"error\":\"not JSON\"}\n").await?;
            continue;
        };
        // The run is shown under this name to whoever looks at the printer's queue.
        let options = RunOptions::new().name(Arc::clone(&name)).stash(request);
        let report = engine.run(script.clone(), options).await;
        let answer = report
            .result
            .unwrap_or_else(|error| json!({ "error": error.to_string() }));
        answers.write_all(format!("{answer}\n").as_bytes()).await?;
    }
    Ok(())
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
}
