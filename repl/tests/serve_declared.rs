//! Semaphores that `cla.toml` declares, as clients of `cla serve` see them.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use cla_tests::redis;
use common::http::{Client, Service};
use common::{Folder, HOLD, QUEUE, let_in};
use serde_json::{Value, json};

const DECLARED: &str = "\
[semaphores.slot]
slots = 2
description = 'The <one> slot'
labels = {team = 'db', tier = 'gold'}
ttl = '5m'
alert_after = '1ms'

[semaphores.closed]
slots = 0
labels = {team = 'web'}
";

/// The semaphore, as soon as it is so.
fn until(client: &Client, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let answer = client.get(&format!("/api/v1/semaphores/{name}"));
        if answer.status == 200 && is_so(&answer.ok()) {
            return answer.ok();
        }
    }
}

fn they_are_there_with_the_numbers_of_the_code(folder: &Folder, store: &[&str]) {
    let service = Service::start(folder, store);
    let operator = service.client(folder, "operator", &[]);
    let closed = until(&operator, "closed", |_| true);
    assert_eq!(closed["slots"], 0);
    let slot = until(&operator, "slot", |_| true);
    assert_eq!(
        (&slot["slots"], &slot["pinned"]),
        (&json!(2), &json!(false))
    );
    let declared = &slot["declared"];
    assert!(
        declared["by"].as_str().unwrap().ends_with("cla.toml"),
        "{declared}"
    );
    assert_eq!(declared["description"], "The <one> slot");
    assert_eq!(declared["labels"], json!({"team": "db", "tier": "gold"}));
    assert_eq!(
        (&declared["ttl"], &declared["slots"]),
        (&json!(300.0), &json!(2))
    );

    let names = |label: &str| {
        let list = operator
            .get(&format!("/api/v1/semaphores?label={label}"))
            .ok();
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("team%3Ddb"), ["slot"]);
    assert_eq!(names("team"), ["closed", "slot"]);
    assert!(names("tier%3Diron").is_empty());

    // An administrator's number outranks it, until it is unpinned.
    let to = |slots: Value| {
        operator
            .post("/api/v1/semaphores/slot/slots", &json!({"slots": slots}))
            .ok()
    };
    assert_eq!(to(json!(1))["slots"], 1);
    assert_eq!(to(json!("default"))["slots"], 2);

    // Whoever waits for too long is marked.
    to(json!(1));
    let acquire = || operator.post("/api/v1/semaphores/slot/acquire", &json!({"wait": 0}));
    let lease = acquire().ok();
    assert_eq!(
        lease["ttl"], 300.0,
        "the lease lives as long as it is declared"
    );
    let mut arguments = vec!["run", "queue.js"];
    arguments.extend(store);
    let waiting = folder.start(&arguments);
    let overdue = until(&operator, "slot", |view| view["overdue"] != json!([]));
    let row = overdue["requests"].as_array().unwrap().iter();
    let row = row
        .filter(|row| row["status"] == "waiting")
        .collect::<Vec<_>>();
    assert_eq!(overdue["overdue"], json!([row[0]["id"]]));
    let listed = operator.get("/api/v1/semaphores?state=overdue").ok();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let metrics = operator.get("/metrics").body;
    assert!(
        metrics.contains("cla_semaphore_overdue{semaphore=\"slot\"} 1"),
        "{metrics}"
    );
    let release = json!({"lease": lease["lease"]});
    operator
        .post("/api/v1/semaphores/slot/release", &release)
        .ok();
    assert_eq!(let_in(&waiting.end()).0, "in");
}

#[test]
fn declared_semaphores_are_there_with_the_numbers_of_the_code_on_sqlite() {
    let folder = Folder::with(&[HOLD, QUEUE, ("cla.toml", DECLARED)]);
    they_are_there_with_the_numbers_of_the_code(&folder, &[]);
}

#[test]
fn declared_semaphores_are_there_with_the_numbers_of_the_code_on_redis() {
    let server = redis::Server::start();
    let folder = Folder::with(&[HOLD, QUEUE, ("cla.toml", DECLARED)]);
    they_are_there_with_the_numbers_of_the_code(&folder, &["--store", &server.url()]);
}

#[test]
fn a_declaration_does_not_touch_a_number_that_an_administrator_set_nor_those_who_are_busy() {
    let folder = Folder::with(&[HOLD, QUEUE, ("cla.toml", DECLARED)]);
    folder.cla(&["sem", "slots", "closed", "5"]).printed();
    let mut holder = folder.start(&["run", "hold.js"]);
    assert_eq!(holder.stdout_line(), "in\n");
    let service = Service::start(&folder, &[]);
    let operator = service.client(&folder, "operator", &[]);
    let closed = operator.get("/api/v1/semaphores/closed").ok();
    assert_eq!(
        (&closed["slots"], &closed["pinned"]),
        (&json!(5), &json!(true))
    );
    // One slot was in use when two were declared: they count once nobody is busy.
    let slot = until(&operator, "slot", |view| !view["declared"].is_null());
    assert_eq!((&slot["slots"], &slot["busy"]), (&json!(1), &json!(1)));
    operator
        .post("/api/v1/semaphores/stop/slots", &json!({"slots": 1}))
        .ok();
    assert_eq!(holder.end().code, Some(0));
    until(&operator, "slot", |view| view["slots"] == 2);
    let unpinned = operator
        .post("/api/v1/semaphores/closed/unpin", &json!({}))
        .ok();
    assert_eq!(unpinned["slots"], 0);
}

#[test]
fn a_wrong_declaration_is_refused_with_its_place() {
    let folder = Folder::with(&[("cla.toml", "[semaphores.slot]\nslost = 2\n")]);
    let ended = folder.cla(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("did you mean \"slots\"?"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("cla.toml:2:1"), "{ended:?}");
}
