//! Alerts of `cla serve`: requests of a declared semaphore that wait, or are busy, for too long.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cla_tests::redis;
use common::Folder;
use common::http::{Client, Service};
use serde_json::{Value, json};

const SLOT: &str = "/api/v1/semaphores/slot";

/// A server for webhooks. Its first answers are those of the list, and then 204.
struct Hook {
    url: String,
    bodies: mpsc::Receiver<Value>,
}

impl Hook {
    fn start(first: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "http://{}/alerts?key=secret",
            listener.local_addr().unwrap()
        );
        let (sender, bodies) = mpsc::channel();
        thread::spawn(move || {
            let answers = first
                .iter()
                .copied()
                .chain(std::iter::repeat("204 No Content"));
            for (client, answer) in listener.incoming().zip(answers) {
                let _ = sender.send(answered(client.unwrap(), answer));
            }
        });
        Self { url, bodies }
    }

    fn next(&self) -> Value {
        self.bodies.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

/// Reads one request, answers it, and gives its body.
fn answered(mut client: TcpStream, answer: &str) -> Value {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let (mut length, mut is_json, mut line) = (0, false, String::new());
    reader.read_line(&mut line).unwrap();
    assert_eq!(line, "POST /alerts?key=secret HTTP/1.1\r\n");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let lower = line.to_ascii_lowercase();
        is_json |= lower.trim_end() == "content-type: application/json";
        if let Some(value) = lower.strip_prefix("content-length: ") {
            length = value.trim_end().parse().unwrap();
        }
    }
    assert!(is_json);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    write!(
        client,
        "HTTP/1.1 {answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
    .unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn acquire(client: &Client, wish: Value) -> thread::JoinHandle<Value> {
    let client = client.clone();
    thread::spawn(move || client.post(&format!("{SLOT}/acquire"), &wish).ok())
}

fn release(client: &Client, lease: &Value) {
    let body = json!({"lease": lease["lease"]});
    let released = client.post(&format!("{SLOT}/release"), &body);
    assert_eq!(released.status, 204, "{released:?}");
}

#[track_caller]
fn measured(client: &Client, line: &str) {
    redis::eventually(line, || {
        let metrics = client.get("/metrics").body;
        metrics.lines().any(|found| found == line)
    });
}

#[test]
fn a_request_that_waits_or_holds_for_too_long_is_told_once() {
    // The first attempt fails: the alert is sent again.
    let hook = Hook::start(&["500 Internal Server Error"]);
    let declared = format!(
        "[semaphores.slot]\nalert_after = '300ms'\nalert_held_after = '1s'\n[alerts]\nwebhook = '{}'\n",
        hook.url
    );
    let folder = Folder::with(&[("cla.toml", &declared)]);
    let mut service = Service::start(&folder, &["--log-format", "json"]);
    let operator = service.client(&folder, "operator", &[]);
    let mut events = operator.events("?semaphore=slot");
    let holder = acquire(&operator, json!({"who": "holder\u{1b}[31m", "wait": 0}))
        .join()
        .unwrap();
    let waits = acquire(&operator, json!({"who": "waits", "wait": 60}));

    let alert = events.until(|event| event.name == "alert").data;
    assert_eq!(
        (
            &alert["kind"],
            &alert["semaphore"],
            &alert["request"]["who"],
            &alert["limit"]
        ),
        (
            &json!("waiting"),
            &json!("slot"),
            &json!("waits"),
            &json!(0.3)
        )
    );
    assert!(alert["seconds"].as_f64().unwrap() > 0.3, "{alert}");
    assert!(
        alert["text"]
            .as_str()
            .unwrap()
            .starts_with("waits waits for slot, for "),
        "{alert}"
    );
    assert_eq!(hook.next(), alert, "the attempt that failed");
    assert_eq!(hook.next(), alert, "the one that did not");
    let held = events.until(|event| event.name == "alert").data;
    assert_eq!(
        (&held["kind"], &held["request"]["id"]),
        (&json!("held"), &holder["request"])
    );
    let text = held["text"].as_str().unwrap();
    assert!(
        text.starts_with("holder") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert_eq!(hook.next(), held);

    // Both are marked for as long as it is so.
    let view = operator.get(SLOT).ok();
    assert_eq!(
        (&view["overdue"], &view["overheld"]),
        (
            &json!([alert["request"]["id"]]),
            &json!([holder["request"]])
        )
    );
    assert_eq!(view["declared"]["alert_held_after"], 1.0);
    for line in [
        "cla_alerts_total{semaphore=\"slot\",kind=\"waiting\"} 1",
        "cla_alerts_total{semaphore=\"slot\",kind=\"held\"} 1",
        "cla_semaphore_overdue{semaphore=\"slot\"} 1",
        "cla_semaphore_overheld{semaphore=\"slot\"} 1",
        "cla_alert_webhook_total{outcome=\"sent\"} 2",
    ] {
        measured(&operator, line);
    }

    // The next alert is about the next request: the two above are told once, however long they last.
    release(&operator, &holder);
    let next = waits.join().unwrap();
    let held = events.until(|event| event.name == "alert").data;
    assert_eq!(
        (&held["kind"], &held["request"]["who"]),
        (&json!("held"), &json!("waits"))
    );
    release(&operator, &next);
    measured(&operator, "cla_semaphore_overheld{semaphore=\"slot\"} 0");

    // The log tells all of them, and never the key of the webhook.
    service.running.send(nix::sys::signal::Signal::SIGTERM);
    let log = service.running.rest_of_stderr();
    let alerts = log
        .lines()
        .filter(|line| line.contains("\"message\":\"alert: "));
    assert_eq!(alerts.count(), 3, "{log}");
    assert!(
        log.contains("an alert is sent again") && !log.contains("secret"),
        "{log}"
    );
    assert_eq!(service.running.exit_code(), Some(0));
}

#[test]
fn a_webhook_that_does_not_answer_stops_nothing() {
    // It takes connections, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let declared = format!(
        "[semaphores.slot]\nalert_after = '100ms'\n[alerts]\nwebhook = 'http://{}/'\n",
        silent.local_addr().unwrap()
    );
    let folder = Folder::with(&[("cla.toml", &declared)]);
    let service = Service::start(&folder, &[]);
    let operator = service.client(&folder, "operator", &[]);
    let mut events = operator.events("");
    let holder = acquire(&operator, json!({"wait": 0})).join().unwrap();
    let waits: Vec<_> = (0..3)
        .map(|_| acquire(&operator, json!({"wait": 60})))
        .collect();
    for _ in 0..3 {
        events.until(|event| event.name == "alert");
    }
    operator
        .post(&format!("{SLOT}/slots"), &json!({"slots": "unlimited"}))
        .ok();
    for lease in waits {
        release(&operator, &lease.join().unwrap());
    }
    release(&operator, &holder);
    // Nor does it keep the service from ending.
    service.running.send(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(service.running.end().code, Some(0));
}

#[test]
fn a_wrong_webhook_is_refused_with_its_place() {
    let folder = Folder::with(&[("cla.toml", "[alerts]\nwebhook = 'example.com'\n")]);
    let ended = folder.cla(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cla.toml:2:11"), "{ended:?}");
    assert!(ended.stderr.contains("a webhook is a URL"), "{ended:?}");
}
