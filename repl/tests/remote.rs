//! `cla sem --server` and `cla run --server`: the same commands, spoken over HTTP to a `cla serve`.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use common::http::Service;
use common::{Ended, Folder, HOLD, QUEUE, let_in};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A service with the files, and somebody elsewhere who has only its URL and a token.
struct Remote {
    folder: Folder,
    elsewhere: Folder,
    service: Service,
    token: String,
}

impl Remote {
    fn start(files: &[(&str, &str)], role: &str) -> Self {
        let folder = Folder::with(files);
        let service = Service::start(&folder, &[]);
        let token = folder.cla(&["token", "create", "--role", role, "--name", "anna"]);
        let token = token.printed().trim().to_owned();
        let elsewhere = Folder::with(&[("token", &token)]);
        Self {
            folder,
            elsewhere,
            service,
            token,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.service.address)
    }

    fn arguments<'a>(&self, url: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec![arguments[0], "--server", url, "--token-file", "token"];
        all.extend(&arguments[1..]);
        all
    }

    fn cla(&self, arguments: &[&str]) -> Ended {
        let url = self.url();
        self.elsewhere.cla(&self.arguments(&url, arguments))
    }

    fn start_there(&self, arguments: &[&str]) -> common::Running {
        let url = self.url();
        self.elsewhere.start(&self.arguments(&url, arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(self.cla(arguments).printed()).unwrap()
    }

    /// The id of the request with this place in line, once it is there.
    fn waiting(&self, place: u64) -> String {
        loop {
            let view = self.json(&["sem", "show", "slot", "--json"]);
            let rows = view["requests"].as_array().unwrap().clone();
            if let Some(row) = rows.iter().find(|row| row["place"] == place) {
                return row["id"].as_str().unwrap().to_owned();
            }
        }
    }
}

#[test]
fn semaphores_are_seen_and_steered_through_a_server_as_through_a_store() {
    let there = Remote::start(&[HOLD, QUEUE], "operator");
    let mut holder = there.folder.start(&["run", "hold.js"]);
    assert_eq!(holder.stdout_line(), "in\n");
    let mut events = there.start_there(&["sem", "events", "--json"]);
    // The stream is open when something is seen of it.
    let seen = std::thread::scope(|scope| {
        let first = scope.spawn(|| events.stdout_line());
        while !first.is_finished() {
            there.cla(&["sem", "slots", "noise", "3"]).printed();
            there.cla(&["sem", "slots", "noise", "4"]).printed();
        }
        first.join().unwrap()
    });
    assert!(seen.contains("\"noise\""), "{seen}");

    let granted = there.folder.start(&["run", "queue.js"]);
    let id = there.waiting(1);
    let said = there.cla(&["sem", "grant", &id[..13]]);
    assert!(
        said.printed().contains("goes ahead at \"slot\""),
        "{said:?}"
    );
    assert_eq!(let_in(&granted.end()).0, "granted");
    let again = there.cla(&["sem", "grant", &id]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("only a waiting request") || again.stderr.contains("no request"),
        "{again:?}"
    );

    let cancelled = there.folder.start(&["run", "queue.js"]);
    let first = there.waiting(1);
    let second = there.folder.start(&["run", "queue.js"]);
    let id = there.waiting(2);
    let moved = there.cla(&["sem", "move", &id, "first"]);
    assert!(moved.printed().contains("from place 2 to 1"), "{moved:?}");
    there.cla(&["sem", "cancel", &first]).printed();
    assert!(cancelled.end().stderr.contains("Semaphore cancel"));

    let view = there.json(&["sem", "slots", "slot", "2", "--json"]);
    assert_eq!((&view["slots"], &view["pinned"]), (&json!(2), &json!(true)));
    assert_eq!(let_in(&second.end()).0, "in");
    let view = there.json(&["sem", "slots", "slot", "default", "--json"]);
    assert_eq!(
        (&view["slots"], &view["pinned"]),
        (&json!(1), &json!(false))
    );

    let history = there.json(&["sem", "history", "slot", "--json"]);
    let statuses: Vec<&str> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect();
    assert!(
        statuses.contains(&"cancelled") && statuses.contains(&"done"),
        "{history}"
    );
    let audit = there.json(&[
        "sem", "audit", "slot", "--since", "1h", "--limit", "2", "--json",
    ]);
    let audit = audit.as_array().unwrap();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[0]["command"], "unpin");
    assert!(
        audit[0]["actor"]["login"]
            .as_str()
            .unwrap()
            .contains("anna"),
        "{audit:?}"
    );

    // Names that no path can have are steered all the same.
    there.cla(&["sem", "slots", "..", "4"]).printed();
    assert_eq!(there.json(&["sem", "show", "..", "--json"])["slots"], 4);
    there.cla(&["sem", "forget", "..", "--yes"]).printed();
    let gone = there.cla(&["sem", "show", ".."]);
    assert_eq!(gone.code, Some(1));

    let purged = there.cla(&["sem", "purge", "slot", "--yes"]);
    assert_eq!(purged.printed(), "purged \"slot\": 1 request\n");
    there.cla(&["sem", "slots", "stop", "1"]).printed();
    holder.end();
    events.send(Signal::SIGINT);
    let ended = events.end();
    assert_eq!(ended.code, Some(130));
    let kinds: Vec<String> = ended
        .stdout
        .lines()
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["kind"].as_str().unwrap_or_default().to_owned()
        })
        .collect();
    for kind in [
        "queued",
        "granted",
        "moved",
        "cancelled",
        "pinned",
        "purged",
    ] {
        assert!(
            kinds.iter().any(|known| known == kind),
            "{kind} in {kinds:?}"
        );
    }
}

#[test]
fn a_command_holds_a_slot_of_a_server_and_keeps_its_place_in_the_same_line() {
    let there = Remote::start(&[HOLD, QUEUE], "operator");
    let mut holder = there.folder.start(&["run", "hold.js"]);
    assert_eq!(holder.stdout_line(), "in\n");
    let late = there.cla(&["sem", "exec", "--timeout", "10ms", "slot", "--", "true"]);
    assert_eq!(late.code, Some(75), "{late:?}");
    let held = there.start_there(&[
        "sem",
        "exec",
        "slot",
        "--",
        "sh",
        "-c",
        "echo $CLA_SEMAPHORE $CLA_TOKEN; exit 7",
    ]);
    let id = there.waiting(1);
    let refused = there.start_there(&["sem", "exec", "slot", "--", "true"]);
    let second = there.waiting(2);
    there.cla(&["sem", "cancel", &second]).printed();
    let refused = refused.end();
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("Semaphore cancel"), "{refused:?}");
    there.cla(&["sem", "slots", "stop", "1"]).printed();
    assert_eq!(holder.end().code, Some(0));
    let held = held.end();
    assert_eq!(held.code, Some(7), "{held:?}");
    assert!(held.stdout.starts_with("slot "), "{held:?}");
    // It is given back: the history has it, and the next one gets it at once.
    let history = there.json(&["sem", "history", "slot", "--json"]);
    let row = history
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == *id)
        .unwrap();
    assert_eq!(
        (&row["status"], &row["who"]),
        (&json!("done"), &json!("sh"))
    );
    there
        .cla(&["sem", "exec", "--timeout", "5s", "slot", "--", "true"])
        .printed();
}

#[test]
fn who_may_not_or_cannot_is_told_why() {
    let there = Remote::start(&[QUEUE], "viewer");
    assert_eq!(there.cla(&["sem", "list"]).code, Some(0));
    let refused = there.cla(&["sem", "slots", "slot", "2"]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("needs the role operator"),
        "{refused:?}"
    );
    let url = there.url();
    let nobody = there.elsewhere.cla(&["sem", "--server", &url, "list"]);
    assert_eq!(nobody.code, Some(1));
    assert!(
        nobody.stderr.contains("--token-file or CLA_TOKEN"),
        "{nobody:?}"
    );
    let wrong = there
        .elsewhere
        .cla(&["sem", "--server", &url, "--token", "cla_x_y", "list"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("refuses the token"), "{wrong:?}");
    let token = there.elsewhere.cla(&[
        "sem",
        "--server",
        &url,
        "--token",
        &there.token,
        "show",
        "nothing",
    ]);
    assert_eq!(token.code, Some(1));
    assert!(
        token.stderr.contains("there is no semaphore \"nothing\""),
        "{token:?}"
    );
    let away = there
        .elsewhere
        .cla(&["sem", "--server", "http://127.0.0.1:1", "list"]);
    assert_eq!(away.code, Some(1));
    assert!(away.stderr.contains("cannot be reached"), "{away:?}");
    let exec = there.elsewhere.cla(&[
        "sem",
        "--server",
        "http://127.0.0.1:1",
        "exec",
        "slot",
        "--",
        "true",
    ]);
    assert_eq!(exec.code, Some(69), "{exec:?}");
    for wrong in [
        &["sem", "--token", "x", "list"][..],
        &["sem", "--server", "ftp://x", "list"],
        &["sem", "--server", "http://x", "--store", "memory:", "list"],
        &["run", "--server", "http://x", "--memory", "64M", "a.js"],
        &["run", "--server", "http://x", "--stack", "2M", "a.js"],
        &["run", "--server", "http://x", "--workers", "2", "a.js"],
        &["run", "--server", "http://x", "a.js", "--timeline", "b.js"],
        &["run", "--server", "http://x", "a.js", "-"],
    ] {
        let ended = there.elsewhere.cla(wrong);
        assert_eq!(ended.code, Some(2), "{wrong:?}: {ended:?}");
    }
}

const SAYS: (&str, &str) = (
    "deep/says.js",
    "print('to', cla.stash('who')); console.error('careful'); ({answer: 42})",
);
const FAILS: (&str, &str) = ("fails.js", "const host = 'db1'; depoly(host);");

#[test]
fn a_rule_of_the_server_is_run_there_and_seen_here() {
    let there = Remote::start(&[HOLD, SAYS, FAILS], "operator");
    let said = there.cla(&["run", "deep/says.js", "--stash", "who=anna", "--print"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.stdout, "to anna\n{\"answer\":42}\n");
    assert_eq!(said.stderr, "careful\n");
    let report = there.json(&["run", "deep/says.js", "--json"]);
    assert_eq!(
        (&report["status"], &report["value"]),
        (&json!("ok"), &json!({"answer": 42}))
    );

    let failed = there.cla(&["run", "fails.js"]);
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stderr.contains("depoly is not defined") && failed.stderr.contains("fails.js:1:21"),
        "{failed:?}"
    );
    let unknown = there.cla(&["run", "../fails.js"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("there is no rule"), "{unknown:?}");

    // Ctrl-C here stops the run there.
    let mut running = there.start_there(&["run", "hold.js"]);
    assert_eq!(running.stdout_line(), "in\n");
    running.send(Signal::SIGINT);
    assert_eq!(running.end().code, Some(130));
    there.folder.until("slot", |view| view["busy"] == 0);
}

/// Takes its turn at `turns`, and says so.
const TURN: &str = "
    const sem = require('cla/sem'), util = require('cla/util');
    sem.take('turns', () => { print('in', cla.stash('who')); util.sleep(0.05); print('out'); });
    ({done: true})";

#[test]
fn several_rules_are_run_there_at_once_each_under_its_name() {
    let there = Remote::start(&[("a.js", TURN), ("deep/a.js", TURN), FAILS], "operator");
    let ran = there.cla(&["run", "a.js", "deep/a.js", "a.js", "--stash", "who=anna"]);
    let in_turn: String = ["a.js#1", "deep/a.js", "a.js#2"]
        .iter()
        .map(|name| format!("[{name}] in anna\n[{name}] out\n"))
        .collect();
    // They take their turns in the order in which they are named; their output comes here run by run.
    let mut lines: Vec<&str> = ran.printed().lines().collect();
    let mut wanted: Vec<&str> = in_turn.lines().collect();
    lines.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(lines, wanted);
    let history = there.json(&["sem", "history", "turns", "--json"]);
    let order: Vec<&Value> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["who"])
        .collect();
    assert_eq!(order, ["a.js", "deep/a.js", "a.js"]);

    // One that fails, and one that is not there, change nothing for the others.
    let some = there.cla(&["run", "--print", "fails.js", "missing.js", "a.js"]);
    assert_eq!(some.code, Some(1), "{some:?}");
    assert!(
        some.stdout.ends_with("[a.js] {\"done\":true}\n"),
        "{some:?}"
    );
    for said in [
        "[fails.js] error: depoly is not defined",
        "[missing.js] error: the server",
        "there is no rule \"missing.js\"",
        "error: 2 of 3 runs failed",
    ] {
        assert!(some.stderr.contains(said), "{said}: {some:?}");
    }

    // A line of JSON each, as it ends; what they say goes elsewhere.
    let json = there.cla(&["run", "--json", "--copies", "2", "a.js"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    let reports: Vec<Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_eq!(
            (&report["file"], &report["value"], &report["status"]),
            (&json!("a.js"), &json!({"done": true}), &json!("ok"))
        );
    }
    assert!(json.stderr.contains("[a.js#2] out\n"), "{json:?}");
    let failed = there.cla(&["run", "--json", "a.js", "fails.js"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert_eq!(failed.stdout.lines().count(), 2, "{failed:?}");
}

#[test]
fn ctrl_c_cancels_all_runs_on_the_server() {
    let there = Remote::start(&[HOLD, QUEUE], "operator");
    let mut running = there.start_there(&["run", "hold.js", "queue.js", "--copies", "3"]);
    assert!(running.stdout_line().ends_with("in\n"));
    there.folder.until_waiting(5);
    running.send(Signal::SIGINT);
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(ended.stderr, "cancelled 6 runs\n");
    // Their ends were waited for.
    let slot = there.json(&["sem", "show", "slot", "--json"]);
    assert_eq!((&slot["busy"], &slot["waiting"]), (&json!(0), &json!(0)));
    let history = there.json(&["sem", "history", "slot", "--json"]);
    assert_eq!(history.as_array().unwrap().len(), 6, "{history}");

    // So does an end of the output's reader.
    let mut running = there.start_there(&["run", "hold.js", "queue.js"]);
    assert_eq!(running.stdout_line(), "[hold.js] in\n");
    there.folder.until_waiting(1);
    running.stop_reading();
    there.cla(&["sem", "slots", "stop", "1"]).printed();
    assert_eq!(running.end().code, Some(141));
    there.folder.until("slot", |view| view["busy"] == 0);
}
