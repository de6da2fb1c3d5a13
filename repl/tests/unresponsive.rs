//! A run that is inside one long built-in function is seen by administrators in other processes.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::time::{Duration, Instant};

use common::Folder;
use serde_json::Value;

/// A rule that holds the slot while it is inside a built-in function that takes seconds, again and again.
const STUCK: (&str, &str) = (
    "stuck.js",
    "const large = (1n << 1000000n) - 1n;
     require('cla/sem').take('slot', () => {
         print('in');
         for (;;) String(large);
     })",
);

/// Looks until `find` has found something.
#[track_caller]
fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn stuck_row(folder: &Folder) -> Option<Value> {
    let slot = folder.semaphore("slot");
    let row = slot["requests"].get(0)?;
    (row["unresponsive_since"].is_f64()).then(|| row.clone())
}

#[test]
fn administrators_see_a_run_that_does_not_answer() {
    let folder = Folder::with(&[STUCK]);
    let mut events = folder.start(&["sem", "events", "slot", "--json"]);
    folder.until_known(events.child.id());
    let mut holder = folder.start(&["run", "stuck.js"]);
    assert_eq!(holder.stdout_line(), "in\n");
    let pid = holder.child.id();

    let row = until("the list says so", || stuck_row(&folder));
    assert_eq!((&row["status"], &row["pid"]), (&"busy".into(), &pid.into()));
    let since = row["unresponsive_since"].as_f64().unwrap();
    assert!(since >= row["started_at"].as_f64().unwrap(), "{row}");

    let shown = until("people read it", || {
        let shown = folder.cla(&["sem", "show", "slot"]);
        let printed = shown.printed().to_owned();
        printed.contains("does not answer (").then_some(printed)
    });
    assert!(shown.contains("busy, does not answer ("), "{shown}");

    let found = until("doctor names it", || {
        let ended = folder.cla(&["doctor", "--json"]);
        let found = json(ended.printed());
        (found["unresponsive"] != Value::Array(Vec::new())).then_some(found)
    });
    let stuck = &found["unresponsive"][0];
    assert_eq!(stuck["semaphore"], "slot");
    assert_eq!(stuck["who"], "stuck.js");
    assert_eq!((&stuck["pid"], &stuck["run"]), (&pid.into(), &row["run"]));
    assert!(stuck["silent"].as_f64().unwrap() >= 1.0, "{stuck}");
    let hint = found["hints"][0].as_str().unwrap();
    for part in ["`cla sem release slot`", &format!("`kill -KILL {pid}`")] {
        assert!(hint.contains(part), "{part} in {hint}");
    }
    let printed = until("doctor tells people", || {
        let ended = folder.cla(&["doctor"]);
        let printed = ended.printed().to_owned();
        printed.contains("DOES NOT ANSWER").then_some(printed)
    });
    assert!(
        printed.contains("stuck.js has not answered for"),
        "{printed}"
    );

    // Whoever listens has heard it, and that the run answered between two calls.
    let mut told = || loop {
        let event = json(&events.stdout_line());
        if event["run"] == row["run"] && event["kind"] != "acquired" {
            assert_eq!(event["request"], row["id"]);
            return event["kind"].clone();
        }
    };
    assert_eq!([told(), told()], ["unresponsive", "responsive"]);
}
