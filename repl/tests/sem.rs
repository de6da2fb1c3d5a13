//! `cla sem` in one terminal, and rules that hold and wait in others: real processes on one store.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Folder, HOLD, QUEUE, Running, let_in};
use serde_json::Value;

/// The ids of those who wait for `slot`, in their order.
fn line(semaphore: &Value) -> Vec<String> {
    let requests = semaphore["requests"].as_array().unwrap().iter();
    requests
        .filter(|request| request["status"] == "waiting")
        .map(|request| request["id"].as_str().unwrap().to_owned())
        .collect()
}

/// A folder in which one rule holds the slot, and so many wait for it, each in a process of its own.
fn queue(waiting: usize) -> (Folder, Running, Vec<Running>) {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let holder = folder.hold();
    let waiters = (1..=waiting)
        .map(|count| {
            let waiter = folder.start(&["run", "queue.js"]);
            folder.until_waiting(count);
            waiter
        })
        .collect();
    (folder, holder, waiters)
}

fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn a_rule_that_holds_and_one_that_waits_are_seen_from_another_terminal() {
    let (folder, holder, waiters) = queue(1);
    let semaphore = folder.semaphore("slot");
    assert_eq!(
        keys(&semaphore),
        ["name", "slots", "pinned", "busy", "waiting", "requests"]
    );
    assert_eq!(semaphore["slots"], 1);
    assert_eq!(semaphore["pinned"], false);
    assert_eq!(semaphore["busy"], 1);
    assert_eq!(semaphore["waiting"], 1);
    let [busy, waiting] = &semaphore["requests"].as_array().unwrap()[..] else {
        panic!("two requests: {semaphore}");
    };
    assert_eq!(
        keys(busy),
        [
            "id",
            "status",
            "granted",
            "who",
            "run",
            "host",
            "pid",
            "place",
            "priority",
            "slot",
            "token",
            "requested_at",
            "started_at",
            "expires_at",
            "waited",
            "ran",
            "ended_at",
            "by",
            "unresponsive_since"
        ]
    );
    assert_eq!(busy["status"], "busy");
    assert_eq!(busy["who"], "hold.js");
    assert_eq!(busy["pid"], holder.child.id());
    assert!(busy["token"].as_u64().unwrap() > 0, "{busy}");
    assert_eq!(waiting["status"], "waiting");
    assert_eq!(waiting["who"], "queue.js");
    assert_eq!(waiting["pid"], waiters[0].child.id());
    assert_eq!(waiting["place"], 1);
    assert_eq!(waiting["token"], Value::Null);

    let shown = folder.cla(&["sem", "show", "slot", "--json"]);
    let shown: Value = serde_json::from_str(shown.printed()).unwrap();
    assert_eq!(shown["requests"][1]["id"], waiting["id"]);

    let list = folder.cla(&["sem", "list"]);
    let rows: Vec<Vec<&str>> = list
        .printed()
        .lines()
        .map(|row| row.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            ["NAME", "SLOTS", "BUSY", "WAITING"],
            ["slot", "1", "1", "1"]
        ]
    );

    let listed = folder.cla(&["sem", "list", "-v"]);
    let rows: Vec<&str> = listed.printed().lines().collect();
    assert_eq!(rows[0], "slot: 1 slot, 1 busy, 1 waiting");
    let id = &busy["id"].as_str().unwrap()[..4];
    assert!(
        rows[2].contains(&format!("●  {id}")) && rows[2].contains("hold.js"),
        "{rows:?}"
    );
    assert!(
        rows[3].starts_with("○") && rows[3].contains("waiting"),
        "{rows:?}"
    );
    let shown = folder.cla(&["sem", "show", "slot"]);
    assert_eq!(shown.printed().lines().next(), Some(rows[0]));
}

#[test]
fn grant_lets_one_through_at_once_and_takes_no_slot() {
    let (folder, holder, mut waiters) = queue(2);
    let last = line(&folder.semaphore("slot"))[1].clone();
    let granted = folder.cla(&["sem", "grant", &last[..6]]);
    assert!(granted.printed().starts_with("granted "), "{granted:?}");
    assert!(granted.printed().contains("(queue.js)"), "{granted:?}");
    assert_eq!(let_in(&waiters.remove(1).end()).0, "granted");

    let semaphore = folder.semaphore("slot");
    assert_eq!(
        (&semaphore["busy"], &semaphore["waiting"]),
        (&1.into(), &1.into())
    );
    folder.stop_holding();
    assert_eq!(holder.end().printed(), "out\n");
    assert_eq!(let_in(&waiters.remove(0).end()).0, "in");
}

#[test]
fn a_granted_request_is_busy_while_busy_counts_one_slot() {
    let folder = Folder::with(&[HOLD]);
    let _holder = folder.hold();
    let mut other = folder.start(&["run", "hold.js"]);
    let id = line(&folder.until_waiting(1))[0].clone();
    let granted = folder.cla(&["sem", "grant", &id, "--json"]);
    assert_eq!(other.stdout_line(), "in\n");
    let granted: Value = serde_json::from_str(granted.printed()).unwrap();
    assert_eq!(
        (&granted["busy"], &granted["waiting"]),
        (&1.into(), &0.into())
    );
    let request = &granted["requests"][1];
    assert_eq!(
        (&request["status"], &request["granted"]),
        (&"busy".into(), &true.into())
    );
    let shown = folder.cla(&["sem", "show", "slot"]);
    assert!(shown.printed().contains("busy, granted"), "{shown:?}");
}

#[test]
fn cancel_makes_the_waiting_rule_fail() {
    let (folder, _holder, mut waiters) = queue(1);
    let id = line(&folder.semaphore("slot"))[0].clone();
    let cancelled = folder.cla(&["sem", "cancel", &id[..8]]);
    assert!(
        cancelled.printed().contains("no longer waits for \"slot\""),
        "{cancelled:?}"
    );
    let ended = waiters.remove(0).end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("Semaphore cancel"),
        "{}",
        ended.stderr
    );
    assert_eq!(folder.semaphore("slot")["waiting"], 0);
}

#[test]
fn several_requests_or_all_of_a_semaphore_are_cancelled_by_one_command() {
    let (folder, holder, waiters) = queue(4);
    let ids = line(&folder.semaphore("slot"));
    let both = folder.cla(&["sem", "cancel", &ids[1], "0000dead", &ids[3], "--json"]);
    assert_eq!(both.code, Some(1), "one is not there: {both:?}");
    assert!(both.stderr.contains("0000dead"), "{both:?}");
    assert_eq!(line(&folder.semaphore("slot")), [&*ids[0], &*ids[2]]);

    let asked = folder.cla(&["sem", "cancel", "--all", "slot"]);
    assert_eq!(asked.code, Some(2), "it is asked first: {asked:?}");
    let all = folder.cla(&["sem", "cancel", "--all", "slot", "--yes"]);
    assert_eq!(all.printed(), "cancelled 2 requests at \"slot\"\n");
    let semaphore = folder.semaphore("slot");
    assert_eq!(
        (&semaphore["busy"], &semaphore["waiting"]),
        (&1.into(), &0.into())
    );
    for waiter in waiters {
        assert!(waiter.end().stderr.contains("Semaphore cancel"));
    }
    drop(holder);
}

#[test]
fn a_list_is_of_those_that_are_asked_for_and_in_the_order_that_is_asked_for() {
    let (folder, holder, waiters) = queue(1);
    folder.cla(&["sem", "slots", "another", "3"]).printed();
    let names = |arguments: &[&str]| -> Vec<String> {
        let arguments = [&["sem", "list", "--json"], arguments].concat();
        let listed: Value = serde_json::from_str(folder.cla(&arguments).printed()).unwrap();
        let names = listed.as_array().unwrap().iter();
        names
            .map(|view| view["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["another", "slot"]);
    assert_eq!(names(&["--busy"]), ["slot"]);
    assert_eq!(names(&["--waiting"]), ["slot"]);
    for by in ["busy", "waiting", "longest"] {
        assert_eq!(names(&["--sort", by]), ["slot", "another"], "{by}");
    }
    let fewer = folder.cla(&["sem", "slots", "another", "-4"]);
    assert_eq!(fewer.code, Some(2), "{fewer:?}");
    assert!(fewer.stderr.contains("not 4 slots but 3"), "{fewer:?}");
    assert_eq!(folder.semaphore("another")["slots"], 3);
    drop((holder, waiters));
}

#[test]
fn only_a_waiting_request_can_be_granted_or_cancelled() {
    let (folder, _holder, _) = queue(0);
    let semaphore = folder.semaphore("slot");
    let id = semaphore["requests"][0]["id"].as_str().unwrap();
    for command in ["grant", "cancel"] {
        let ended = folder.cla(&["sem", command, id]);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("is busy, not waiting"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn move_changes_the_order_in_which_they_are_let_in() {
    let (folder, _holder, waiters) = queue(3);
    let [a, b, c] = &line(&folder.semaphore("slot"))[..] else {
        panic!("three wait");
    };
    let order = |arguments: &[&str]| {
        let moved = folder.cla(&[&["sem", "move"], arguments, &["--json"]].concat());
        line(&serde_json::from_str(moved.printed()).unwrap())
    };
    assert_eq!(order(&[c, "first"]), [c, a, b].map(Clone::clone));
    assert_eq!(order(&[c, "down"]), [a, c, b].map(Clone::clone));
    assert_eq!(order(&[b, "up"]), [a, b, c].map(Clone::clone));
    assert_eq!(order(&[a, "last"]), [b, c, a].map(Clone::clone));
    assert_eq!(order(&[a, "2"]), [b, a, c].map(Clone::clone));
    assert_eq!(order(&[c, "up"]), [b, c, a].map(Clone::clone));
    folder.stop_holding();
    let tokens = waiters.into_iter().map(|waiter| let_in(&waiter.end()).1);
    let [a, b, c] = tokens.collect::<Vec<_>>()[..] else {
        panic!("three waited");
    };
    assert!(b < c && c < a, "{b} {c} {a}");
}

#[test]
fn slots_are_steered_while_rules_run() {
    let (folder, _holder, mut waiters) = queue(2);
    let headline = |slots: &str| {
        let ended = folder.cla(&["sem", "slots", "slot", slots]);
        ended.printed().split(',').next().unwrap().to_owned()
    };
    assert_eq!(headline("0"), "slot: 0 slots (locked");
    assert_eq!(headline("-"), "slot: ∞ slots (pinned)");
    assert_eq!(waiters.remove(0).end().code, Some(0));
    assert_eq!(waiters.remove(0).end().code, Some(0));
    assert_eq!(headline("+"), "slot: 0 slots (locked");
    assert_eq!(headline("+2"), "slot: 2 slots (pinned)");
    assert_eq!(headline("-1"), "slot: 1 slot (pinned)");
    assert_eq!(headline("inf"), "slot: ∞ slots (pinned)");
    assert_eq!(headline("5"), "slot: 5 slots (pinned)");
    assert_eq!(headline("default"), "slot: 1 slot");
    let json = folder.cla(&["sem", "slots", "slot", "unlimited", "--json"]);
    let json: Value = serde_json::from_str(json.printed()).unwrap();
    assert_eq!(
        (&json["slots"], &json["pinned"]),
        (&"unlimited".into(), &true.into())
    );
}

#[test]
fn slots_that_were_set_are_still_set_when_everybody_has_gone() {
    let folder = Folder::with(&[QUEUE]);
    folder.cla(&["sem", "slots", "slot", "0"]).printed();
    let waiter = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    folder.cla(&["sem", "slots", "slot", "1"]).printed();
    assert_eq!(let_in(&waiter.end()).0, "in");
}

#[test]
fn an_id_may_be_cut_as_long_as_it_is_one_requests() {
    // There are 16 digits an id can begin with: two of 18 begin alike.
    let folder = Folder::with(&[QUEUE]);
    folder.cla(&["sem", "slots", "slot", "0"]).printed();
    let waiters = folder.start(&["run", "--copies", "18", "queue.js"]);
    let ids = line(&folder.until_waiting(18));
    let alike = ids
        .iter()
        .find(|id| ids.iter().filter(|other| other[..1] == id[..1]).count() > 1)
        .unwrap();
    let ended = folder.cla(&["sem", "cancel", &alike[..1]]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("type more of it"), "{}", ended.stderr);

    let listed = folder.cla(&["sem", "show", "slot"]);
    let short: Vec<&str> = listed
        .printed()
        .lines()
        .skip(2)
        .map(|row| row.split_whitespace().nth(1).unwrap())
        .collect();
    assert_eq!(short.len(), 18);
    for (short, id) in short.into_iter().zip(&ids) {
        assert!(short.len() >= 4 && id.starts_with(short), "{short} of {id}");
        folder.cla(&["sem", "grant", short]).printed();
    }
    assert_eq!(waiters.end().printed().matches("granted").count(), 18);
}

#[test]
fn a_request_that_is_not_there_is_an_error() {
    let folder = Folder::with(&[]);
    for command in [
        &["sem", "grant", "abcd"][..],
        &["sem", "cancel", "abcd"],
        &["sem", "move", "abcd", "up"],
    ] {
        let ended = folder.cla(command);
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("there is no request abcd"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn an_unknown_semaphore_is_an_error_that_knows_what_was_meant() {
    let folder = Folder::with(&[]);
    folder
        .cla(&["sem", "slots", "deploy-target", "2"])
        .printed();
    for command in [
        &["sem", "show", "deploy-taget"][..],
        &["sem", "slots", "deploy-taget", "+"],
        &["sem", "slots", "deploy-taget", "default"],
        &["sem", "release", "deploy-taget", "--yes"],
        &["sem", "purge", "deploy-taget", "--yes"],
        &["sem", "forget", "deploy-taget", "--yes"],
    ] {
        let ended = folder.cla(command);
        assert_eq!(ended.code, Some(1), "{command:?}");
        assert!(
            ended.stderr.contains("did you mean \"deploy-target\"?"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(
        folder
            .cla(&["sem", "list", "--json"])
            .printed()
            .matches("\"name\"")
            .count(),
        1
    );
}

#[test]
fn slots_of_a_name_that_looks_mistyped_are_set_with_a_warning() {
    let folder = Folder::with(&[]);
    let slots = |name: &str| folder.cla(&["sem", "slots", name, "2"]);
    assert_eq!(slots("deploy-target").stderr, "");
    assert_eq!(slots("licence").stderr, "");
    let warned = slots("deploy-taget");
    assert_eq!(
        warned.printed(),
        "deploy-taget: 2 slots (pinned), 0 busy, 0 waiting\n"
    );
    assert!(
        warned.stderr.contains("if you meant \"deploy-target\""),
        "{warned:?}"
    );
    assert_eq!(slots("deploy-taget").stderr, "", "it is there now");
}

#[test]
fn wrong_usage_exits_2_and_says_what_would_be_right() {
    let folder = Folder::with(&[]);
    for (arguments, hint) in [
        (&["sem"][..], "Usage:"),
        (&["sem", "lst"], "'list'"),
        (&["sem", "slots", "x", "many"], "unlimited, +N, -N"),
        (&["sem", "slots", "x", "-1.5"], "unlimited, +N, -N"),
        (&["sem", "slots", "", "1"], "needs a name"),
        (&["sem", "move", "abcd", "0"], "from 1"),
        (&["sem", "grant", "xyz"], "hexadecimal"),
        (&["sem", "grant", ""], "hexadecimal"),
        (&["sem", "wait", "x", "--timeout", "soon"], "30s"),
        (&["sem", "exec", "x"], "<COMMAND>"),
        (
            &["sem", "exec", "x", "--ttl", "0", "--", "true"],
            "from 1ms",
        ),
    ] {
        let ended = folder.cla(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(hint),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn what_puts_work_at_risk_needs_yes_where_nobody_can_be_asked() {
    let (folder, _holder, _waiters) = queue(1);
    for command in ["purge", "release", "forget"] {
        let ended = folder.cla(&["sem", command, "slot"]);
        assert_eq!(ended.code, Some(2), "{command}");
        assert!(ended.stderr.contains("--yes"), "{}", ended.stderr);
    }
    let semaphore = folder.semaphore("slot");
    assert_eq!(
        (&semaphore["busy"], &semaphore["waiting"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn release_frees_the_slot_and_the_line_goes_on() {
    let (folder, _holder, mut waiters) = queue(1);
    let released = folder.cla(&["sem", "release", "slot", "--yes"]);
    assert_eq!(
        released.printed(),
        "released 1 request of \"slot\" by force\n"
    );
    assert_eq!(let_in(&waiters.remove(0).end()).0, "in");
}

#[test]
fn the_slot_of_one_request_is_released_by_force() {
    let (folder, holder, waiters) = queue(1);
    let busy = folder.semaphore("slot")["requests"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let asked = folder.cla(&["sem", "release", "--request", &busy[..8]]);
    assert_eq!(asked.code, Some(2), "it is asked first: {asked:?}");
    let released = folder.cla(&["sem", "release", "--request", &busy[..8], "--yes"]);
    assert!(
        released.printed().contains("of \"slot\" by force"),
        "{released:?}"
    );
    folder.until_waiting(0);
    let again = folder.cla(&["sem", "release", "--request", &busy, "--yes"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("is released, not busy"), "{again:?}");
    let audit = folder.cla(&["sem", "audit", "--json"]);
    let audit = audit.printed();
    assert!(audit.contains("\"command\":\"release\""), "{audit}");
    drop((holder, waiters));
}

/// A rule that takes the slot so often that no other request is among those that ended a moment ago.
const MANY: (&str, &str) = (
    "many.js",
    "const sem = require('cla/sem');
     for (let turn = 0; turn < 40; turn++) sem.take('slot', () => {});",
);

#[test]
fn what_was_released_by_force_is_shown_as_long_as_its_work_goes_on() {
    let folder = Folder::with(&[HOLD, MANY]);
    let holder = folder.hold();
    folder.cla(&["sem", "release", "slot", "--yes"]).printed();
    folder.cla(&["run", "many.js"]).printed();
    let released = || -> Vec<u64> {
        let semaphore = folder.semaphore("slot");
        let rows = semaphore["requests"].as_array().unwrap().iter();
        rows.filter(|row| row["status"] == "released")
            .map(|row| row["pid"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(released(), [u64::from(holder.child.id())]);
    for command in [&["sem", "show", "slot"][..], &["sem", "list", "-v"]] {
        let shown = folder.cla(command);
        let mut lines = shown.printed().lines();
        let is_it = |line: &str| line.contains("released") && line.contains("hold.js");
        assert!(lines.any(is_it), "{shown:?}");
    }
    folder.stop_holding();
    drop(holder.end());
    assert_eq!(released(), [0; 0]);
    let shown = folder.cla(&["sem", "show", "slot"]);
    assert!(!shown.printed().contains("released"), "{shown:?}");
}

#[test]
fn purge_lets_everybody_in() {
    let (folder, _holder, waiters) = queue(2);
    let purged = folder.cla(&["sem", "purge", "slot", "--yes"]);
    assert_eq!(purged.printed(), "purged \"slot\": 3 requests\n");
    for waiter in waiters {
        assert_eq!(let_in(&waiter.end()).0, "granted");
    }
}

#[test]
fn forget_removes_an_idle_semaphore_and_no_other() {
    let (folder, holder, _) = queue(0);
    let ended = folder.cla(&["sem", "forget", "slot", "--yes"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("only an idle one can be forgotten"),
        "{}",
        ended.stderr
    );
    folder.stop_holding();
    holder.end().printed();
    assert_eq!(
        folder.cla(&["sem", "forget", "slot", "--yes"]).printed(),
        "forgot \"slot\"\n"
    );
    assert_eq!(folder.semaphore("slot"), Value::Null);
}

#[test]
fn wait_ends_when_nobody_is_busy_any_more() {
    let (folder, holder, _) = queue(0);
    let ended = folder.cla(&["sem", "wait", "slot", "--timeout", "0"]);
    assert_eq!(ended.code, Some(75));
    assert!(
        ended.stderr.contains("(1 busy, 0 waiting)"),
        "{}",
        ended.stderr
    );
    let ended = folder.cla(&["sem", "wait", "slot", "--timeout", "50ms"]);
    assert_eq!(ended.code, Some(75));

    let mut waits = folder.start(&["sem", "wait", "slot", "--json"]);
    assert!(waits.child.try_wait().unwrap().is_none());
    folder.stop_holding();
    holder.end().printed();
    let idle: Value = serde_json::from_str(waits.end().printed()).unwrap();
    assert_eq!((&idle["name"], &idle["busy"]), (&"slot".into(), &0.into()));
}

#[test]
fn wait_ends_at_once_for_a_semaphore_that_is_not_there_and_says_so() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["sem", "wait", "nobody"]);
    assert_eq!(ended.printed(), "");
    assert!(
        ended.stderr.contains("there is no semaphore \"nobody\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_list_of_nothing_says_so_to_people_alone() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["sem", "list"]);
    assert_eq!(ended.printed(), "");
    assert!(
        ended.stderr.contains("no semaphores yet"),
        "{}",
        ended.stderr
    );
    assert_eq!(folder.cla(&["sem", "list", "--json"]).printed(), "[]\n");
}

#[test]
fn tables_are_coloured_only_where_that_is_wanted() {
    let folder = Folder::with(&[]);
    folder.cla(&["sem", "slots", "slot", "3"]).printed();
    assert!(!folder.cla(&["sem", "list"]).printed().contains('\x1b'));
    let coloured = folder.cla(&["--color", "always", "sem", "list"]);
    assert!(coloured.printed().contains("\x1b[1mslot"), "{coloured:?}");
    let mut command = folder.command(&["sem", "list"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    assert!(!Running::start(command).end().printed().contains('\x1b'));
}

/// Starts `cla sem events` and waits until it listens.
fn events(folder: &Folder, arguments: &[&str]) -> Running {
    let mut events = folder.start(&[&["sem", "events"], arguments].concat());
    let listens = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Until it says something, it may not have begun to listen.
            while !listens.load(Ordering::Relaxed) {
                folder.cla(&["sem", "slots", "slot", "+"]);
                folder.cla(&["sem", "slots", "slot", "5"]);
            }
        });
        let line = events.stdout_line();
        listens.store(true, Ordering::Relaxed);
        assert_ne!(line, "", "it ended");
    });
    // The last of what was done to wake it.
    folder.cla(&["sem", "slots", "slot", "default"]).printed();
    loop {
        let line = events.stdout_line();
        assert_ne!(line, "", "it ended");
        if line.contains("unpinned") {
            return events;
        }
    }
}

#[test]
fn events_are_told_as_they_happen_in_other_processes() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let mut events = events(&folder, &["slot", "--json"]);
    let _holder = folder.hold();
    let waiter = folder.start(&["run", "queue.js"]);
    let id = line(&folder.until_waiting(1))[0].clone();
    folder.cla(&["sem", "cancel", &id]).printed();
    assert_eq!(waiter.end().code, Some(1));
    let mut told = Vec::new();
    while told
        .last()
        .is_none_or(|event: &Value| event["kind"] != "cancelled")
    {
        told.push(serde_json::from_str::<Value>(&events.stdout_line()).unwrap());
    }
    let [.., acquired, queued, cancelled] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (&acquired["kind"], &acquired["who"]),
        (&"acquired".into(), &"hold.js".into())
    );
    assert_eq!(
        (&queued["kind"], &queued["request"]),
        (&"queued".into(), &id.clone().into())
    );
    assert_eq!(
        (&queued["busy"], &queued["waiting"]),
        (&1.into(), &1.into())
    );
    assert_eq!(cancelled["by"]["program"], "sem");
    assert_eq!(
        (&cancelled["request"], &cancelled["waiting"]),
        (&id.into(), &0.into())
    );
    assert_eq!(
        keys(cancelled),
        [
            "kind",
            "semaphore",
            "request",
            "who",
            "run",
            "busy",
            "waiting",
            "slots",
            "at",
            "by",
            "sequence"
        ]
    );
}

#[test]
fn a_reader_of_events_that_goes_away_ends_the_program_quietly() {
    let folder = Folder::with(&[QUEUE]);
    let mut events = events(&folder, &[]);
    events.stop_reading();
    let patience = Instant::now() + Duration::from_secs(30);
    while events.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < patience, "it does not end");
        folder.cla(&["run", "queue.js"]).printed();
    }
    let ended = events.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(141), ""));
}

#[cfg(unix)]
mod at_a_terminal {
    use nix::sys::signal::Signal;

    use super::common::terminal::Terminal;
    use super::*;

    #[test]
    fn what_puts_work_at_risk_is_asked_for() {
        let (folder, _holder, mut waiters) = queue(1);
        for (answer, command) in [
            ("n\r", "release"),
            ("\r", "purge"),
            ("what?\r", "forget"),
            ("\x04", "release"),
        ] {
            let mut terminal = Terminal::start(&folder.command(&["sem", command, "slot"]));
            terminal.shows("[y/N] ");
            terminal.types(answer);
            let (code, seen) = terminal.end();
            assert_eq!(code, 1, "{seen}");
            assert!(seen.contains("nothing was done"), "{seen}");
        }
        let semaphore = folder.semaphore("slot");
        assert_eq!(
            (&semaphore["busy"], &semaphore["waiting"]),
            (&1.into(), &1.into())
        );

        let mut terminal = Terminal::start(&folder.command(&["sem", "release", "slot"]));
        terminal.shows("Release \"slot\" by force? 1 busy would lose their permits");
        terminal.types("y\r");
        let (code, seen) = terminal.end();
        assert_eq!(code, 0, "{seen}");
        assert!(seen.contains("released 1 request"), "{seen}");
        assert_eq!(waiters.remove(0).end().code, Some(0));
    }

    #[test]
    fn yes_answers_before_the_question() {
        let folder = Folder::with(&[]);
        folder.cla(&["sem", "slots", "slot", "3"]).printed();
        let (code, seen) = Terminal::start(&folder.command(&["sem", "forget", "slot", "-y"])).end();
        assert_eq!(code, 0, "{seen}");
        assert!(!seen.contains("[y/N]"), "{seen}");
    }

    #[test]
    fn long_names_give_way_to_the_width_of_the_terminal() {
        let folder = Folder::with(&[]);
        let name = "long".repeat(60);
        folder.cla(&["sem", "slots", &name, "3"]).printed();
        let (_, seen) = Terminal::start(&folder.command(&["sem", "list"])).end();
        assert!(seen.contains("longlo") && seen.contains('…'), "{seen}");
        assert!(!seen.contains(&name), "{seen}");
    }

    #[test]
    fn ctrl_c_ends_what_waits_for_events_or_for_idleness() {
        let (folder, _holder, _) = queue(0);
        let mut terminal = Terminal::start(&folder.command(&["sem", "wait", "slot"]));
        folder.until_known(terminal.id());
        terminal.types("\x03");
        assert_eq!(terminal.end(), (130, "^C".to_owned()));

        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            let events = events(&folder, &[]);
            events.send(signal);
            let ended = events.end();
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), ""));
        }
    }

    #[test]
    fn a_rule_that_is_interrupted_leaves_its_slot_and_its_place_at_once() {
        let (folder, holder, waiters) = queue(2);
        for waiter in waiters {
            waiter.send(Signal::SIGINT);
            assert_eq!(waiter.end().code, Some(130));
        }
        assert_eq!(folder.semaphore("slot")["waiting"], 0);
        holder.send(Signal::SIGTERM);
        assert_eq!(holder.end().code, Some(143));
        assert_eq!(folder.semaphore("slot")["busy"], 0);
        // They took their leave: the store had nothing to find out.
        let doctor = folder.cla(&["doctor", "--json"]);
        assert!(doctor.printed().contains("\"hints\":[]"), "{doctor:?}");
        assert_eq!(
            doctor.printed().matches("\"alive\"").count(),
            1,
            "{doctor:?}"
        );
    }

    #[test]
    fn a_rule_that_is_killed_leaves_its_slot_to_the_next() {
        let (_folder, holder, mut waiters) = queue(1);
        holder.send(Signal::SIGKILL);
        assert_eq!(let_in(&waiters.remove(0).end()).0, "in");
    }
}

#[test]
fn the_audit_says_who_did_what_and_the_history_who_held_and_waited() {
    let (folder, holder, mut waiters) = queue(2);
    let [first, second] = &line(&folder.semaphore("slot"))[..] else {
        panic!("two wait");
    };
    folder.cla(&["sem", "cancel", first]).printed();
    folder.cla(&["sem", "grant", second]).printed();
    assert_eq!(waiters.remove(0).end().code, Some(1));
    assert_eq!(let_in(&waiters.remove(0).end()).0, "granted");
    folder.stop_holding();
    assert_eq!(holder.end().code, Some(0));
    folder.cla(&["sem", "slots", "slot", "3"]).printed();
    folder.cla(&["sem", "slots", "slot", "3"]).printed();
    folder.cla(&["sem", "slots", "other", "0"]).printed();

    let audit = folder.cla(&["sem", "audit", "slot", "--since", "1h", "--json"]);
    let audit: Value = serde_json::from_str(audit.printed()).unwrap();
    let entries = audit.as_array().unwrap();
    assert_eq!(
        keys(&entries[0]),
        [
            "sequence",
            "at",
            "actor",
            "command",
            "semaphore",
            "request",
            "who",
            "before",
            "after",
            "hits"
        ]
    );
    let commands: Vec<_> = entries.iter().map(|entry| &entry["command"]).collect();
    assert_eq!(commands, ["set_slots", "grant", "cancel"]);
    assert_eq!(&entries[1]["request"], &Value::from(second.as_str()));
    assert_eq!(entries[1]["who"], "queue.js");
    assert_eq!(keys(&entries[0]["actor"]), ["login", "host", "program"]);
    assert_eq!(entries[0]["actor"]["program"], "sem");
    assert_eq!(
        keys(&entries[0]["before"]),
        ["slots", "pinned", "busy", "waiting", "place"]
    );
    let all = folder.cla(&["sem", "audit", "--limit", "2"]);
    let lines: Vec<_> = all.printed().lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("TIME  "), "{lines:?}");
    assert!(
        lines[1].contains("set slots  other      new, 0 slots"),
        "{lines:?}"
    );
    assert!(lines[2].contains("1 → 3 slots, pinned"), "{lines:?}");
    assert!(lines[2].contains("(sem)"), "{lines:?}");

    let history = folder.cla(&["sem", "history", "slot", "--json"]);
    let history: Value = serde_json::from_str(history.printed()).unwrap();
    let rows: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let by = &row["by"]["program"];
            (&row["who"], &row["status"], &row["granted"], by)
        })
        .collect();
    let (yes, no) = (&Value::from(true), &Value::from(false));
    let (sem, nobody) = (&Value::from("sem"), &Value::Null);
    let texts = ["hold.js", "queue.js", "done", "cancelled"].map(Value::from);
    let [hold, queue, done, cancelled] = &texts;
    assert_eq!(
        rows,
        [
            (hold, done, no, nobody),
            (queue, done, yes, sem),
            (queue, cancelled, no, sem)
        ]
    );
    let table = folder.cla(&["sem", "history", "slot", "--since", "1h", "--limit", "1"]);
    let lines: Vec<_> = table.printed().lines().collect();
    assert!(
        lines[0].contains("ENDED") && lines[0].contains("HELD"),
        "{lines:?}"
    );
    assert!(
        lines[1].contains("done") && lines[1].contains("hold.js"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn there_is_no_past_where_nothing_was_done() {
    let folder = Folder::with(&[]);
    let audit = folder.cla(&["sem", "audit"]);
    assert_eq!((audit.code, &*audit.stdout), (Some(0), ""));
    assert!(
        audit.stderr.contains("no command has changed anything"),
        "{audit:?}"
    );
    assert_eq!(folder.cla(&["sem", "audit", "--json"]).printed(), "[]\n");
    let history = folder.cla(&["sem", "history", "slto"]);
    assert_eq!(history.code, Some(1));
    assert!(
        history.stderr.contains("there is no semaphore \"slto\""),
        "{history:?}"
    );
    folder.cla(&["sem", "slots", "slot", "1"]).printed();
    let history = folder.cla(&["sem", "history", "slot"]);
    assert_eq!((history.code, &*history.stdout), (Some(0), ""));
    assert!(
        history.stderr.contains("no request for \"slot\" has ended"),
        "{history:?}"
    );
    for wrong in [["--since", "soon"], ["--limit", "-1"], ["--since", "0"]] {
        let refused = folder.cla(&[&["sem", "audit"], &wrong[..]].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
}
