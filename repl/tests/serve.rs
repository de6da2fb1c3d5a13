//! `cla serve` as a user and a program meet it: real HTTP, rules in other processes, on SQLite and on Redis.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_tests::redis;
use common::http::{Answer, Client, SentEvent, Service};
use common::{Folder, HOLD, QUEUE, Running, let_in};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const SLOT: &str = "/api/v1/semaphores/slot";

/// The folder, a service in it, and an operator.
fn served(files: &[(&str, &str)]) -> (Folder, Service, Client) {
    let folder = Folder::with(files);
    let service = Service::start(&folder, &[]);
    let operator = service.client(&folder, "operator", &[]);
    (folder, service, operator)
}

fn is_about(event: &SentEvent, kind: &str, semaphore: &str) -> bool {
    event.name == "transition" && event.data["kind"] == kind && event.data["semaphore"] == semaphore
}

/// The story of the document, by HTTP, while the rules run in processes of their own.
fn the_line_is_seen_and_steered(folder: &Folder, store: &[&str]) {
    let service = Service::start(folder, store);
    let operator = service.client(folder, "operator", &[]);
    let mut events = operator.events("");
    assert_eq!(events.next().unwrap().name, "hello");
    let start = |file| {
        let mut arguments = vec!["run", file];
        arguments.extend(store);
        folder.start(&arguments)
    };
    let mut holder = start("hold.js");
    assert_eq!(holder.stdout_line(), "in\n");
    let queue = |count: usize| {
        let running = start("queue.js");
        let waiting = loop {
            let view = operator.get(SLOT).ok();
            if view["waiting"] == count {
                break view;
            }
        };
        let rows = waiting["requests"].as_array().unwrap();
        let id = rows[count]["id"].as_str().unwrap().to_owned();
        (running, id)
    };
    let (granted, granted_id) = queue(1);
    let (cancelled, cancelled_id) = queue(2);
    let (last, _) = queue(3);
    events.until(|event| is_about(event, "queued", "slot"));

    let row = operator.post(&format!("/api/v1/requests/{granted_id}/grant"), &json!({}));
    assert_eq!(row.ok()["semaphore"], "slot");
    assert_eq!(let_in(&granted.end()).0, "granted");
    let short = &cancelled_id[..13];
    operator
        .post(&format!("/api/v1/requests/{short}/cancel"), &json!({}))
        .ok();
    let ended = cancelled.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("Semaphore cancel"), "{ended:?}");
    events.until(|event| is_about(event, "cancelled", "slot"));

    operator
        .post(&format!("{SLOT}/slots"), &json!({"slots": "+1"}))
        .ok();
    assert_eq!(let_in(&last.end()).0, "in");
    let again = operator.post(
        &format!("/api/v1/requests/{cancelled_id}/grant"),
        &json!({}),
    );
    assert!(
        ["not-waiting", "unknown-request"].contains(&&*again.refused(match again.status {
            404 => 404,
            _ => 409,
        }))
    );
    operator
        .post("/api/v1/semaphores/stop/slots", &json!({"slots": 1}))
        .ok();
    assert_eq!(holder.end().code, Some(0));
}

#[test]
fn rules_of_other_processes_are_seen_and_steered_on_sqlite() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    the_line_is_seen_and_steered(&folder, &[]);
}

#[test]
fn rules_of_other_processes_are_seen_and_steered_on_redis() {
    let server = redis::Server::start();
    let folder = Folder::with(&[HOLD, QUEUE]);
    the_line_is_seen_and_steered(&folder, &["--store", &server.url()]);
}

#[test]
fn names_have_any_characters() {
    let (_folder, _service, operator) = served(&[]);
    for (name, path) in [
        ("a/b", "a%2Fb"),
        ("../etc/passwd", "..%2Fetc%2Fpasswd"),
        ("100 %?#&", "100%20%25%3F%23%26"),
        ("語", "%E8%AA%9E"),
        ("slots", "slots"),
        ("<script>", "%3Cscript%3E"),
    ] {
        let set = operator.post(
            &format!("/api/v1/semaphores/{path}/slots"),
            &json!({"slots": 2}),
        );
        assert_eq!(set.ok()["name"], name);
        assert_eq!(
            operator.get(&format!("/api/v1/semaphores/{path}")).ok()["slots"],
            2
        );
    }
    // What no path can name, a body can.
    let dots = json!({"action": "slots", "semaphores": ["..", "."], "slots": "unlimited"});
    assert_eq!(operator.post("/api/v1/actions", &dots).ok()["done"], 2);
    let list = operator.get("/api/v1/semaphores?requests=false");
    assert_eq!(list.ok().as_array().unwrap().len(), 8);
    assert_eq!(
        operator.get("/api/v1/semaphores/two%0Alines").refused(422),
        "invalid-request"
    );
    assert_eq!(operator.get("/api/v1/semaphores/%FF").status, 400);
}

#[test]
fn the_list_is_filtered_sorted_and_cut_into_pages() {
    let (folder, _service, operator) = served(&[HOLD, QUEUE]);
    for name in ["alpha", "beta", "gamma"] {
        operator
            .post(&format!("/api/v1/semaphores/{name}/pin"), &json!({}))
            .ok();
    }
    let mut holder = folder.hold();
    let names = |query: &str| -> Vec<String> {
        let list = operator.get(&format!("/api/v1/semaphores?{query}")).ok();
        let list = list.as_array().unwrap().iter();
        list.map(|view| view["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(""), ["alpha", "beta", "gamma", "slot"]);
    assert_eq!(names("order=desc&limit=2&offset=1"), ["gamma", "beta"]);
    assert_eq!(names("state=busy"), ["slot"]);
    assert_eq!(names("sort=busy&limit=1"), ["slot"]);
    assert_eq!(names("state=pinned&q=ALPH"), ["alpha"]);
    assert_eq!(names("q=hold.js"), ["slot"], "who asks is found, too");
    let page = operator.get("/api/v1/semaphores?limit=1");
    assert_eq!(page.header("x-total-count"), Some("4"));
    assert_eq!(operator.get("/api/v1/semaphores?sort=colour").status, 400);
    assert_eq!(
        operator.get("/api/v1/requests?status=busy").ok()[0]["semaphore"],
        "slot"
    );
    // The same JSON as the command line's.
    let printed = folder.cla(&["sem", "show", "beta", "--json"]);
    let printed: Value = serde_json::from_str(printed.printed()).unwrap();
    assert_eq!(operator.get("/api/v1/semaphores/beta").ok(), printed);
    folder.stop_holding();
    assert_eq!(holder.exit_code(), Some(0));
}

#[test]
fn locking_and_cancelling_all_that_wait_is_one_action() {
    let (folder, _service, operator) = served(&[HOLD, QUEUE]);
    let mut holder = folder.hold();
    let waiting: Vec<_> = (0..3).map(|_| folder.start(&["run", "queue.js"])).collect();
    folder.until_waiting(3);
    let hit = operator.post(&format!("{SLOT}/lock"), &json!({"cancel_waiting": true}));
    let hit = hit.ok();
    assert_eq!(hit["requests"], 3);
    assert_eq!(
        (&hit["semaphore"]["slots"], &hit["semaphore"]["waiting"]),
        (&json!(0), &json!(0))
    );
    for waiter in waiting {
        let ended = waiter.end();
        assert!(ended.stderr.contains("Semaphore cancel"), "{ended:?}");
    }
    assert_eq!(operator.ask("DELETE", SLOT, None).refused(409), "in-use");
    folder.stop_holding();
    assert_eq!(holder.exit_code(), Some(0));
}

#[test]
fn each_of_several_is_done_or_refused_for_itself() {
    let (folder, _service, operator) = served(&[HOLD, QUEUE]);
    let mut holder = folder.hold();
    let waiting: Vec<_> = (0..2).map(|_| folder.start(&["run", "queue.js"])).collect();
    let view = folder.until_waiting(2);
    let ids: Vec<_> = view["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    let outcome = operator
        .post(
            "/api/v1/actions",
            &json!({"action": "grant", "requests": ids}),
        )
        .ok();
    assert_eq!(
        (&outcome["done"], &outcome["failed"]),
        (&json!(2), &json!(1))
    );
    let refused = &outcome["results"][0];
    assert_eq!(refused["problem"]["type"], "urn:cla:problem:not-waiting");
    for waiter in waiting {
        assert_eq!(let_in(&waiter.end()).0, "granted");
    }
    let wrong = operator.post(
        "/api/v1/actions",
        &json!({"action": "explode", "requests": []}),
    );
    assert_eq!(wrong.refused(422), "invalid-request");
    folder.stop_holding();
    assert_eq!(holder.exit_code(), Some(0));
}

#[test]
fn a_stream_goes_on_where_it_was_and_says_when_it_cannot() {
    let (_folder, _service, operator) = served(&[]);
    let mut stream = operator.events("");
    let hello = stream.next().unwrap();
    operator
        .post("/api/v1/semaphores/one/slots", &json!({"slots": 1}))
        .ok();
    let first = stream.until(|event| is_about(event, "created", "one"));
    drop(stream);
    for name in ["two", "three"] {
        operator
            .post(
                &format!("/api/v1/semaphores/{name}/slots"),
                &json!({"slots": 1}),
            )
            .ok();
    }
    let mut stream = operator.with("Last-Event-ID", &first.id).events("");
    assert_eq!(stream.next().unwrap().name, "hello");
    let missed = stream.next().unwrap();
    assert!(
        missed.id != first.id && missed.data["semaphore"] == "one",
        "{missed:?}"
    );
    stream.until(|event| is_about(event, "created", "two"));
    stream.until(|event| is_about(event, "created", "three"));

    let mut stream = operator.events(&format!("?after={}&semaphore=three", hello.id));
    assert_eq!(stream.next().unwrap().name, "hello");
    assert!(is_about(&stream.next().unwrap(), "created", "three"));

    let mut stream = operator.events(&format!("?after={}&coalesce=50", hello.id));
    assert_eq!(stream.next().unwrap().name, "hello");
    let changes = stream.next().unwrap();
    let changed: Vec<_> = changes
        .data
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["semaphore"].as_str().unwrap())
        .collect();
    assert_eq!(
        (&*changes.name, changed),
        ("changes", vec!["one", "two", "three"])
    );

    for gone in ["0-1", "nonsense", &format!("{}9", hello.id)] {
        let mut stream = operator.with("Last-Event-ID", gone).events("");
        stream.next().unwrap();
        assert_eq!(stream.next().unwrap().name, "reset", "{gone}");
    }
}

#[test]
fn a_client_in_another_language_stands_in_the_same_line() {
    let (folder, _service, operator) = served(&[QUEUE]);
    let take = |wait: f64| {
        operator.post(
            &format!("{SLOT}/acquire"),
            &json!({"wait": wait, "who": "backup.py", "pid": 4711}),
        )
    };
    let first = take(1.0).ok();
    assert_eq!(first["granted"], false);
    let row = &operator.get(SLOT).ok()["requests"][0];
    assert_eq!(
        (&row["who"], &row["pid"], &row["host"]),
        (&json!("backup.py"), &json!(4711), &json!("127.0.0.1"))
    );
    assert_eq!(take(0.0).refused(409), "timed-out");

    let rule = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    let lease = json!({"lease": first["lease"]});
    let refreshed = operator.post(&format!("{SLOT}/refresh"), &lease).ok();
    assert_eq!(refreshed["token"], first["token"]);
    assert_eq!(
        operator
            .post("/api/v1/semaphores/other/release", &lease)
            .refused(410),
        "unknown-lease"
    );
    assert_eq!(
        operator.post(&format!("{SLOT}/release"), &lease).status,
        204
    );
    assert_eq!(
        let_in(&rule.end()).1,
        first["token"].as_u64().unwrap() + 1,
        "the rule was next"
    );
    assert_eq!(
        operator
            .post(&format!("{SLOT}/release"), &lease)
            .refused(410),
        "unknown-lease"
    );
}

#[test]
fn a_client_that_goes_away_has_left_the_line_and_its_lease_runs_out() {
    let (folder, _service, operator) = served(&[QUEUE]);
    let path = format!("{SLOT}/acquire");
    let first = operator.post(&path, &json!({"ttl": "400ms"}));
    first.ok();
    let waits = operator.send(
        "POST",
        &path,
        Some(&json!({"wait": 600, "who": "gone"}).to_string()),
    );
    folder.until_waiting(1);
    waits.shutdown(Shutdown::Both).unwrap();
    drop(waits);
    folder.until_waiting(0);
    // The lease is not refreshed: the rule gets the slot.
    assert_eq!(let_in(&folder.start(&["run", "queue.js"]).end()).0, "in");
}

#[test]
fn a_rule_of_the_folder_is_run_watched_and_remembered() {
    let files = [
        (
            "deep/sum.js",
            "print('adding'); console.warn('careful'); cla.stash('a') + cla.stash('b')",
        ),
        ("fails.js", "throw new TypeError('no')"),
        ("secret.txt", "x"),
    ];
    let (folder, service, operator) = served(&files);
    let rules = operator.get("/api/v1/rules").ok();
    let rules: Vec<_> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| &rule["rule"])
        .collect();
    assert_eq!(rules, ["deep/sum.js", "fails.js"]);
    let mut events = operator.events("");
    let wish =
        json!({"rule": "deep/sum.js", "stash": {"a": 2, "b": 3}, "wait": true, "key": "once"});
    let run = operator.post("/api/v1/runs", &wish).ok();
    assert_eq!(
        (&run["status"], &run["report"]["value"]),
        (&json!("ok"), &json!(5))
    );
    let id = run["id"].as_str().unwrap();
    events.until(|event| event.name == "run" && event.data["status"] == "running");
    let ended = events.until(|event| event.name == "run" && event.data["status"] == "ok");
    assert_eq!(ended.data["id"], id);
    let output = operator.get(&format!("/api/v1/runs/{id}/output")).ok();
    let lines: Vec<_> = output["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["level"], &line["text"]))
        .collect();
    assert_eq!(
        lines,
        [
            (&json!("out"), &json!("adding")),
            (&json!("err"), &json!("careful"))
        ]
    );

    let again = operator.post("/api/v1/runs", &wish).ok();
    assert_eq!(again["id"], id, "the same wish is the same run");
    let other = json!({"rule": "fails.js", "key": "once"});
    assert_eq!(
        operator.post("/api/v1/runs", &other).refused(409),
        "key-reused"
    );
    let failed = operator
        .post("/api/v1/runs", &json!({"rule": "fails.js", "wait": "10s"}))
        .ok();
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["report"]["error"]["message"], "no");

    service.running.send(Signal::SIGTERM);
    assert_eq!(service.running.end().code, Some(0));
    let service = Service::start(&folder, &[]);
    let viewer = service.client(&folder, "viewer", &[]);
    let all = viewer.get("/api/v1/runs").ok();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!(
        viewer.get(&format!("/api/v1/runs/{id}")).ok()["report"]["value"],
        5
    );
    assert_eq!(
        viewer
            .get("/api/v1/runs?status=failed")
            .header("x-total-count"),
        Some("1")
    );
}

#[test]
fn rules_are_strict_where_the_cla_toml_of_the_folder_says_so() {
    let rule = ("rule.js", "totl = 1; totl");
    for (files, error) in [
        (vec![rule], Value::Null),
        (
            vec![rule, ("cla.toml", "strict = true\n")],
            json!("totl is not defined"),
        ),
    ] {
        let (_folder, _service, operator) = served(&files);
        let wish = json!({"rule": "rule.js", "wait": true});
        let run = operator.post("/api/v1/runs", &wish).ok();
        assert_eq!(run["report"]["error"]["message"], error, "{run}");
    }
}

#[test]
fn only_rules_below_the_folder_are_run() {
    let folder = Folder::with(&[("rules/ok.js", "1"), ("outside.js", "print('never')")]);
    std::os::unix::fs::symlink("../outside.js", folder.path().join("rules/link.js")).unwrap();
    let service = Service::start(&folder, &["rules"]);
    let operator = service.client(&folder, "operator", &[]);
    let outside = folder.path().join("outside.js");
    for rule in [
        "../outside.js",
        "./../outside.js",
        outside.to_str().unwrap(),
        "link.js",
        "no.js",
        "",
        ".",
        "ok.js/../../outside.js",
        "ok.js\0",
        "/dev/zero",
        "https://example.com/x.js",
    ] {
        let answer = operator.post("/api/v1/runs", &json!({"rule": rule, "wait": true}));
        assert_eq!(answer.refused(404), "unknown-rule", "{rule:?}");
    }
    assert_eq!(operator.get("/api/v1/runs").ok(), json!([]));
    let ok = operator
        .post("/api/v1/runs", &json!({"rule": "ok.js", "wait": true}))
        .ok();
    assert_eq!(ok["status"], "ok");
}

#[test]
fn a_run_is_stopped_and_gives_back_what_it_holds() {
    let (folder, _service, operator) = served(&[HOLD]);
    let run = operator.post("/api/v1/runs", &json!({"rule": "hold.js"}));
    assert_eq!(run.status, 202);
    let id = run.ok()["id"].as_str().unwrap().to_owned();
    folder.until("slot", |slot| slot["busy"] == 1);
    let row = folder.semaphore("slot")["requests"][0].clone();
    assert_eq!((&row["run"], &row["who"]), (&json!(id), &json!("hold.js")));
    assert_eq!(
        operator
            .post(&format!("/api/v1/runs/{id}/stop"), &json!({}))
            .status,
        202
    );
    folder.until("slot", |slot| slot["busy"] == 0);
    let status = || operator.get(&format!("/api/v1/runs/{id}")).ok()["status"].clone();
    redis::eventually("it is cancelled", || status() == "cancelled");
    let again = operator.post(&format!("/api/v1/runs/{id}/stop"), &json!({}));
    assert_eq!(again.refused(409), "not-running");
}

#[test]
fn runs_have_the_run_grace_for_their_finally_when_their_time_is_over() {
    let rule = "do: [{try: [sleep: 1h], finally: [{semaphore: marked, do: []}]}]";
    for (grace, is_marked) in [("0", false), ("10s", true)] {
        let folder = Folder::with(&[("slow.yml", rule)]);
        let limits = ["--timeout", "200ms", "--run-grace", grace];
        let service = Service::start(&folder, &limits);
        let operator = service.client(&folder, "operator", &[]);
        let run = operator
            .post("/api/v1/runs", &json!({"rule": "slow.yml"}))
            .ok();
        let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
        while operator.get(&path).ok()["status"] == "running" {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(operator.get(&path).ok()["status"], "timed_out");
        assert_eq!(!folder.semaphore("marked").is_null(), is_marked, "{grace}");
    }
}

#[test]
fn at_the_end_runs_get_some_time_and_everything_is_given_back() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let service = Service::start(&folder, &["--grace", "300ms"]);
    let operator = service.client(&folder, "operator", &[]);
    let mut events = operator.events("");
    operator
        .post("/api/v1/runs", &json!({"rule": "hold.js"}))
        .ok();
    folder.until("slot", |slot| slot["busy"] == 1);
    operator
        .post("/api/v1/semaphores/leased/acquire", &json!({"ttl": 3600}))
        .ok();
    let waits = operator.send("POST", &format!("{SLOT}/acquire"), Some("{\"wait\": 600}"));
    folder.until_waiting(1);

    service.running.send(Signal::SIGTERM);
    assert_eq!(Answer::read(waits).refused(503), "shutting-down");
    while events.next().is_some() {}
    let ended = service.running.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for name in ["slot", "leased"] {
        let semaphore = folder.semaphore(name);
        assert_eq!(
            (&semaphore["busy"], &semaphore["waiting"]),
            (&json!(0), &json!(0)),
            "{name}"
        );
    }
    let again = Service::start(&folder, &[]);
    let viewer = again.client(&folder, "viewer", &[]);
    assert_eq!(viewer.get("/api/v1/runs").ok()[0]["status"], "cancelled");
}

#[test]
fn without_a_right_token_nothing_is_seen_or_changed() {
    let (folder, service, _operator) = served(&[]);
    let stranger = service.stranger();
    let set = json!({"slots": 0});
    assert_eq!(
        stranger.get("/api/v1/semaphores").refused(401),
        "unauthenticated"
    );
    assert_eq!(
        stranger.post(&format!("{SLOT}/slots"), &set).refused(401),
        "unauthenticated"
    );
    for value in [
        "Bearer cla_abc_def",
        "Bearer",
        "Basic YTpi",
        "Bearer \u{e9}",
    ] {
        let client = stranger.with("Authorization", value);
        assert_eq!(
            client.post(&format!("{SLOT}/slots"), &set).refused(401),
            "wrong-token"
        );
    }
    let viewer = service.client(&folder, "viewer", &[]);
    assert_eq!(
        viewer.post(&format!("{SLOT}/slots"), &set).refused(403),
        "forbidden"
    );
    assert_eq!(
        viewer.get("/api/v1/semaphores").ok(),
        json!([]),
        "nothing was changed"
    );

    let some = service.client(&folder, "operator", &["--semaphores", "shop-*"]);
    some.post("/api/v1/semaphores/shop-db/slots", &set).ok();
    assert_eq!(
        some.post(&format!("{SLOT}/slots"), &set).refused(404),
        "unknown-semaphore"
    );
    assert_eq!(
        some.post("/api/v1/runs", &json!({"rule": "x.js"}))
            .refused(403),
        "restricted"
    );
    let names = json!({"action": "slots", "semaphores": ["slot", "shop-x"], "slots": 2});
    assert_eq!(some.post("/api/v1/actions", &names).ok()["failed"], 1);
    assert_eq!(
        viewer
            .get("/api/v1/semaphores")
            .ok()
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_token_that_is_revoked_or_expired_is_refused_at_once() {
    let (folder, service, _operator) = served(&[]);
    let viewer = service.client(&folder, "viewer", &["--name", "laptop"]);
    viewer.get("/api/v1/semaphores").ok();
    let list = folder.cla(&["token", "list", "--json"]);
    let list: Value = serde_json::from_str(list.printed()).unwrap();
    let of_laptop = list
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == "laptop");
    let id = of_laptop.unwrap()["id"].as_str().unwrap();
    folder.cla(&["token", "revoke", id]).printed();
    assert_eq!(viewer.get("/api/v1/semaphores").refused(401), "wrong-token");
    assert_eq!(folder.cla(&["token", "revoke", id]).code, Some(1));
    let brief = service.client(&folder, "viewer", &["--expires", "1ms"]);
    assert_eq!(brief.get("/api/v1/semaphores").refused(401), "wrong-token");
}

#[test]
fn what_a_rulebook_is_given_is_described_and_checked_before_it_runs() {
    let release = "inputs:\n  env: {choices: [test, prod], required: true}\n  copies: {type: integer, default: 2}\n\
                   do:\n  - return: ${env} ${copies}\non:\n  pushed:\n    - return: ${copies}";
    let files = [
        ("deep/release.yml", release),
        ("wrong.yml", "inputs: {a: {type: text}}\ndo: []"),
        ("a.js", "1"),
    ];
    let (_folder, service, operator) = served(&files);
    let declared = operator.get("/api/v1/rules/inputs?rule=deep/release.yml");
    assert_eq!(
        declared.ok(),
        json!([
            {"name": "env", "description": null, "type": null, "default": null, "required": true, "choices": ["test", "prod"]},
            {"name": "copies", "description": null, "type": "integer", "default": 2, "required": false, "choices": null},
        ])
    );
    assert_eq!(
        operator.get("/api/v1/rules/inputs?rule=a.js").ok(),
        json!([])
    );
    for (rule, status, kind) in [
        ("../x.yml", 404, "unknown-rule"),
        ("b.yml", 404, "unknown-rule"),
        ("wrong.yml", 422, "unreadable-rule"),
    ] {
        let refused = operator.get(&format!("/api/v1/rules/inputs?rule={rule}"));
        assert_eq!(refused.refused(status), kind);
    }
    assert_eq!(
        service
            .stranger()
            .get("/api/v1/rules/inputs?rule=a.js")
            .status,
        401
    );

    for (stash, input, says) in [
        (json!({}), "env", "is required"),
        (json!({"env": "live"}), "env", "must be one of"),
        (
            json!({"env": "test", "copies": "2"}),
            "copies",
            "must be an integer",
        ),
        (json!({"evn": "test"}), "env", "did you mean env?"),
    ] {
        let answer = operator.post(
            "/api/v1/runs",
            &json!({"rule": "deep/release.yml", "stash": stash}),
        );
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer.refused(422), "wrong-input");
        assert_eq!(problem["input"], input, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains(says),
            "{problem}"
        );
    }
    // Nothing has run.
    assert_eq!(operator.get("/api/v1/runs").ok(), json!([]));
    let run = |wish: Value| operator.post("/api/v1/runs", &wish).ok()["report"]["value"].clone();
    let wish = json!({"rule": "deep/release.yml", "stash": {"env": "prod"}, "wait": true});
    assert_eq!(run(wish), "prod 2");
    let pushed = json!({"rule": "deep/release.yml", "event": "pushed", "wait": true});
    assert_eq!(run(pushed), 2);
    // What is wrong with a rulebook, its run says.
    let wish = json!({"rule": "wrong.yml", "wait": true});
    let report = operator.post("/api/v1/runs", &wish).ok()["report"].clone();
    assert_eq!(report["error"]["message"], "there is no type \"text\"");
}

#[test]
fn the_list_of_tokens_says_when_each_was_last_used_and_from_where() {
    let (folder, service, _operator) = served(&[]);
    let used = service.client(&folder, "viewer", &["--name", "laptop"]);
    service.client(&folder, "viewer", &["--name", "spare"]);
    let listed = || {
        let list = folder.cla(&["token", "list", "--json"]);
        let list: Value = serde_json::from_str(list.printed()).unwrap();
        move |name: &str| {
            let mut tokens = list.as_array().unwrap().iter();
            tokens.find(|token| token["name"] == name).unwrap().clone()
        }
    };
    assert_eq!(listed()("laptop")["last_used_at"], Value::Null);
    used.get("/api/v1/semaphores").ok();
    // It is written down while the answer is on its way.
    let deadline = Instant::now() + Duration::from_secs(30);
    let laptop = loop {
        let laptop = listed()("laptop");
        if laptop["last_used_at"].is_number() {
            break laptop;
        }
        assert!(Instant::now() < deadline, "{laptop}");
    };
    assert!(laptop["last_used_at"].as_f64() >= laptop["created_at"].as_f64());
    assert_eq!(laptop["last_used_from"], "127.0.0.1");
    assert_eq!(listed()("spare")["last_used_at"], Value::Null);
    let list = folder.cla(&["token", "list"]);
    let line = |name: &str| {
        let mut lines = list.printed().lines();
        lines.find(|line| line.contains(name)).unwrap().trim_end()
    };
    assert!(line("laptop").ends_with("Z from 127.0.0.1"), "{list:?}");
    assert!(line("spare").ends_with("never"), "{list:?}");
    // A use within the same minute writes nothing.
    let file = folder.home().join("tokens-used.json");
    let before = std::fs::read(&file).unwrap();
    for _ in 0..100 {
        used.get("/api/v1/semaphores").ok();
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn the_link_signs_one_browser_in_and_its_cookie_is_for_own_pages_only() {
    let (_folder, service, _operator) = served(&[]);
    let stranger = service.stranger();
    let path = service.link.split_once(&service.address).unwrap().1;
    assert_eq!(stranger.ask("HEAD", path, None).status, 200);
    let signed_in = stranger.get(path);
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (303, Some("/"))
    );
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "plain HTTP: {cookie}");
    let browser = stranger.with("Cookie", cookie.split(';').next().unwrap());
    assert_eq!(browser.get("/").status, 200);
    assert_eq!(stranger.get(path).status, 403, "the link is used up");
    assert_eq!(stranger.get("/").header("location"), Some("/login"));

    let set = json!({"slots": 0});
    let change = |client: &Client| client.post(&format!("{SLOT}/slots"), &set);
    let origin = format!("http://{}", service.address);
    let own = browser.with("Origin", &origin);
    for foreign in [
        browser.clone(),
        browser.with("Origin", "http://evil.example"),
        browser.with("Origin", "null"),
        browser.with("Origin", "http://localhost:1"),
        browser.with("Sec-Fetch-Site", "cross-site"),
        own.with("Sec-Fetch-Site", "same-site"),
    ] {
        assert_eq!(change(&foreign).refused(403), "foreign-origin");
    }
    assert_eq!(
        own.get(SLOT).refused(404),
        "unknown-semaphore",
        "nothing was changed"
    );
    change(&own).ok();
    change(&browser.with("Sec-Fetch-Site", "same-origin")).ok();

    assert_eq!(own.ask("POST", "/logout", None).status, 303);
    assert_eq!(browser.get(SLOT).refused(401), "unauthenticated");
}

#[test]
fn requests_for_other_hosts_are_refused() {
    let (folder, service, operator) = served(&[]);
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1",
        "127.0.0.1:1",
        "",
    ] {
        let answer = operator.with("Host", host).get("/api/v1/semaphores");
        assert_eq!(answer.refused(421), "foreign-host", "{host:?}");
    }
    let port = service.address.rsplit(':').next().unwrap();
    operator
        .with("Host", &format!("localhost:{port}"))
        .get("/api/v1/semaphores")
        .ok();
    let mut none = operator;
    none.headers.retain(|(name, _)| name != "Host");
    assert!(none.get("/api/v1/semaphores").status >= 400);
    let named = Service::start(
        &folder,
        &["--host", "cla.example.com", "--history", "other.db"],
    );
    let viewer = named.client(&folder, "viewer", &[]);
    viewer
        .with("Host", "cla.example.com")
        .get("/api/v1/semaphores")
        .ok();
}

#[test]
fn oversized_slow_and_crooked_requests_are_refused() {
    let (_folder, service, operator) = served(&[]);
    let large = format!("{{\"slots\": 1, \"x\": \"{}\"}}", "x".repeat(2 << 20));
    let answer = operator.ask("POST", &format!("{SLOT}/slots"), Some(&large));
    assert_eq!(answer.refused(413), "too-large");
    let wrong = operator.ask("POST", &format!("{SLOT}/slots"), Some("{\"slots\": "));
    assert_eq!(wrong.refused(400), "invalid-request");
    let plain = operator.with("Content-Type", "text/plain");
    let answer = plain.ask("POST", &format!("{SLOT}/slots"), Some("{\"slots\": 1}"));
    assert_eq!(answer.refused(415), "not-json");
    for (method, path, status) in [
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/assets/..%2f..%2fsrc%2flib.rs", 404),
        ("GET", "/assets/%2e%2e/panel.css", 404),
        ("GET", "/api/v1/semaphores/", 404),
        ("TRACE", "/", 405),
        ("PUT", SLOT, 405),
    ] {
        assert_eq!(
            operator.ask(method, path, None).status,
            status,
            "{method} {path}"
        );
    }
    let headers = operator.with("X-Long", &"x".repeat(200_000));
    assert_eq!(headers.get("/").status, 431);

    // Headers that never end.
    let start = Instant::now();
    let mut slow = service.stranger().connect();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(start.elapsed() < Duration::from_secs(30), "it is cut off");
    assert_eq!(
        operator.get(SLOT).refused(404),
        "unknown-semaphore",
        "nothing was changed"
    );
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let (_folder, _service, operator) = served(&[]);
    let mut slow = operator.connect();
    let mut head = format!("POST {SLOT}/slots HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in &operator.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"slots\"");
    slow.write_all(head.as_bytes()).unwrap();
    assert_eq!(Answer::read(slow).refused(408), "too-slow");
    assert_eq!(operator.get(SLOT).refused(404), "unknown-semaphore");
}

#[test]
fn an_address_that_tries_tokens_is_stopped() {
    let (folder, service, operator) = served(&[]);
    operator.get("/api/v1/semaphores").ok();
    let late = service.client(&folder, "admin", &[]);
    let wrong = service
        .stranger()
        .with("Authorization", "Bearer cla_000000000000_0");
    let refusals = (0..20).map(|_| wrong.get("/api/v1/semaphores").status);
    assert_eq!(refusals.filter(|status| *status == 429).count(), 10);
    let refused = wrong.get("/api/v1/semaphores");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.refused(429), "too-many-failures");
    // A token that is right would be found by trying, too; one that is known already is let in.
    assert_eq!(late.get("/api/v1/semaphores").status, 429);
    operator.get("/api/v1/semaphores").ok();
}

#[test]
fn an_address_that_asks_more_often_than_it_may_has_to_wait() {
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &["--rate", "1"]);
    let operator = service.client(&folder, "operator", &[]);
    let mut answers = (0..20).map(|_| operator.get("/api/v1/semaphores"));
    let refused = answers.find(|answer| answer.status != 200).unwrap();
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.refused(429), "too-many-requests");
}

#[test]
fn a_stream_ends_when_its_token_is_revoked() {
    let (folder, service, _operator) = served(&[]);
    let viewer = service.client(&folder, "viewer", &["--name", "tv"]);
    let mut events = viewer.events("");
    events.next().unwrap();
    let list = folder.cla(&["token", "list", "--json"]);
    let list: Value = serde_json::from_str(list.printed()).unwrap();
    let mut tokens = list.as_array().unwrap().iter();
    let id = tokens.find(|token| token["name"] == "tv").unwrap()["id"].clone();
    folder
        .cla(&["token", "revoke", id.as_str().unwrap()])
        .printed();
    assert!(events.next().is_none(), "the stream is over");
}

#[test]
fn a_thousand_streams_hear_of_a_change() {
    let (_folder, _service, operator) = served(&[]);
    let mut streams: Vec<_> = (0..1000).map(|_| operator.events("")).collect();
    operator
        .post(&format!("{SLOT}/slots"), &json!({"slots": 1}))
        .ok();
    for stream in &mut streams {
        stream.until(|event| is_about(event, "created", "slot"));
    }
}

#[test]
fn every_answer_has_the_headers_that_protect_a_browser() {
    let (_folder, service, operator) = served(&[]);
    for answer in [
        operator.get("/api/v1/semaphores"),
        service.stranger().get("/login"),
        service.stranger().get("/nothing"),
        service.stranger().with("Host", "evil").get("/"),
    ] {
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn an_address_that_others_reach_needs_a_word_for_plain_http() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--plain-http"), "{ended:?}");
    let ended = folder.cla(&["serve", "no/such/folder", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, Some(1));
}

/// What a client says that trusts this certificate only, and what the server answers.
fn over_tls(address: &str, trusted: &rcgen::Certificate, path: &str) -> Option<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = std::net::TcpStream::connect(address).unwrap();
    let mut stream = rustls::StreamOwned::new(client, socket);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Some(String::from_utf8(answer).unwrap())
}

#[test]
fn tls_is_spoken_and_a_new_certificate_is_shown_without_a_restart() {
    let folder = Folder::with(&[]);
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let issue = || {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::write(&cert, made.cert.pem()).unwrap();
        made.cert
    };
    let first = issue();
    let files = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let service = Service::start(&folder, &files);
    let address = service.address.strip_prefix("https://").unwrap();
    let answer = over_tls(address, &first, "/healthz").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let path = service.link.split_once(address).unwrap().1;
    let answer = over_tls(address, &first, path).unwrap();
    assert!(
        answer.contains("__Host-cla-session") && answer.contains("; Secure"),
        "{answer}"
    );
    let second = issue();
    redis::eventually("the new certificate is shown", || {
        over_tls(address, &second, "/healthz").is_some_and(|answer| answer.contains("200 OK"))
    });
    assert!(
        over_tls(address, &first, "/healthz").is_none(),
        "the old one is gone"
    );
    assert_eq!(
        folder.cla(&["serve", "--tls-cert", "cert.pem"]).code,
        Some(2)
    );
    let wrong = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "key.pem",
        "--tls-key",
        "key.pem",
    ];
    let ended = folder.cla(&wrong);
    assert!(
        ended.code == Some(1) && ended.stderr.contains("key.pem"),
        "{ended:?}"
    );
}

#[test]
fn the_interface_is_described_and_measured() {
    let (folder, service, operator) = served(&[("one.js", "1")]);
    let stranger = service.stranger();
    assert_eq!(stranger.get("/healthz").ok()["status"], "ok");
    assert_eq!(stranger.get("/readyz").ok()["status"], "ready");
    let api = stranger.get("/openapi.json").ok();
    assert!(api["openapi"].as_str().unwrap().starts_with("3."));
    let acquire = &api["paths"]["/api/v1/semaphores/{name}/acquire"]["post"];
    assert_eq!(acquire["security"][0]["token"], json!([]));

    operator
        .post(&format!("{SLOT}/acquire"), &json!({"ttl": 60}))
        .ok();
    operator
        .post("/api/v1/runs", &json!({"rule": "one.js", "wait": true}))
        .ok();
    assert_eq!(stranger.get("/metrics").refused(401), "unauthenticated");
    let measured = |line: &str| {
        operator
            .get("/metrics")
            .body
            .lines()
            .any(|found| found == line)
    };
    for line in [
        "cla_store_up 1",
        "cla_semaphore_busy{semaphore=\"slot\"} 1",
        "cla_semaphore_events_total{semaphore=\"slot\",kind=\"acquired\"} 1",
        "cla_semaphore_wait_seconds_count{semaphore=\"slot\"} 1",
        "cla_runs_total{rule=\"one.js\",status=\"ok\"} 1",
        "cla_leases 1",
    ] {
        redis::eventually(line, || measured(line));
    }
    drop(folder);
}

#[test]
fn a_store_that_is_away_is_said_and_comes_back() {
    let mut server = redis::Server::start();
    let folder = Folder::with(&[]);
    let url = server.url();
    let service = Service::start(&folder, &["--store", &url]);
    let operator = service.client(&folder, "operator", &[]);
    operator
        .post(&format!("{SLOT}/slots"), &json!({"slots": 2}))
        .ok();
    let mut events = operator.events("");
    events.next().unwrap();
    server.kill();
    assert_eq!(
        operator.get("/api/v1/semaphores").refused(503),
        "store-unreachable"
    );
    redis::eventually("it is not ready", || operator.get("/readyz").status == 503);
    assert_eq!(operator.get("/healthz").status, 200);
    server.restart();
    redis::eventually("it is ready again", || {
        operator.get("/readyz").status == 200
    });
    events.until(|event| event.name == "reset");
    operator
        .post(&format!("{SLOT}/slots"), &json!({"slots": 3}))
        .ok();
    events.until(|event| is_about(event, "slots_changed", "slot"));
}

#[test]
fn the_audit_says_who_changed_what_from_where() {
    let (folder, service, operator) = served(&[]);
    let ci = service.client(&folder, "operator", &["--name", "ci"]);
    ci.post(&format!("{SLOT}/slots"), &json!({"slots": 3})).ok();
    ci.post("/api/v1/semaphores/shop-db/pin", &json!({})).ok();
    let audit = operator.get("/api/v1/audit?semaphore=slot&since=1h").ok();
    let entry = &audit[0];
    let actor = json!({"login": "ci", "host": "127.0.0.1", "program": "api"});
    assert_eq!(
        (&entry["actor"], &entry["after"]["slots"]),
        (&actor, &json!(3))
    );
    let printed = folder.cla(&["sem", "audit", "slot", "--json"]);
    let printed: Value = serde_json::from_str(printed.printed()).unwrap();
    assert_eq!(printed, audit, "the same as the command line's");
    let some = service.client(&folder, "viewer", &["--semaphores", "shop-*"]);
    let seen = some.get("/api/v1/audit").ok();
    let seen: Vec<_> = seen.as_array().unwrap().iter().collect();
    assert!(!seen.is_empty() && seen.iter().all(|entry| entry["semaphore"] == "shop-db"));

    let lease = ci
        .post(&format!("{SLOT}/acquire"), &json!({"who": "backup.py"}))
        .ok();
    let released = ci.post(
        &format!("{SLOT}/release"),
        &json!({"lease": lease["lease"]}),
    );
    assert_eq!(released.status, 204);
    redis::eventually("it is in the history", || {
        let history = operator.get(&format!("{SLOT}/history")).ok();
        history[0]["who"] == "backup.py" && history[0]["status"] == "done"
    });
    assert_eq!(
        operator.get("/api/v1/semaphores/no/history").refused(404),
        "unknown-semaphore"
    );
    assert_eq!(
        operator.get("/api/v1/audit?since=soon").refused(422),
        "invalid-request"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_service_manager_hears_that_it_is_ready_that_it_works_and_that_it_ends() {
    let folder = Folder::with(&[]);
    let path = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut command = folder.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "100000");
    let running = Running::start(command);
    let hears = || {
        let mut text = [0; 64];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    assert_eq!(hears(), "READY=1");
    assert_eq!(hears(), "WATCHDOG=1");
    assert_eq!(hears(), "WATCHDOG=1");
    running.send(Signal::SIGTERM);
    let mut heard = hears();
    while heard == "WATCHDOG=1" {
        heard = hears();
    }
    assert_eq!(heard, "STOPPING=1");
    assert_eq!(running.end().code, Some(0));
}
