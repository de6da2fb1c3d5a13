//! Two `cla serve` on one Redis: they show and steer the same, one goes on when the other is killed, and neither loses or
//! doubles anything while the store is away.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::thread;
use std::time::{Duration, Instant};

use cla_tests::redis;
use common::Folder;
use common::http::{Answer, Client, SentEvent, Service, Stream};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const SLOT: &str = "/api/v1/semaphores/slot";

/// A service with a folder of its own, as on another machine, and an operator whose name is that of the service.
struct One {
    folder: Folder,
    service: Service,
    operator: Client,
}

impl One {
    fn start(name: &str, url: &str) -> Self {
        let folder = Folder::with(&[("cla.toml", &format!("store = '{url}'\n"))]);
        let service = Service::start(&folder, &[]);
        let operator = service.client(&folder, "operator", &["--name", name]);
        Self {
            folder,
            service,
            operator,
        }
    }

    /// A stream from now on.
    fn events(&self) -> Stream {
        let mut events = self.operator.events("");
        let hello = events.next().unwrap();
        assert_eq!(
            (&*hello.name, &hello.data["reachable"]),
            ("hello", &json!(true))
        );
        events
    }

    fn slots(&self, slots: u32) -> Answer {
        self.operator
            .post(&format!("{SLOT}/slots"), &json!({"slots": slots}))
    }

    /// Asks for a slot; answers when there is one, or it is known that there is none.
    fn acquire(&self, who: &str) -> thread::JoinHandle<Answer> {
        let (operator, wish) = (self.operator.clone(), json!({"wait": 60, "who": who}));
        thread::spawn(move || operator.post(&format!("{SLOT}/acquire"), &wish))
    }

    /// The semaphore, as soon as it is so.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        redis::eventually(what, || {
            let answer = self.operator.get(SLOT);
            last = if answer.status == 200 {
                answer.ok()
            } else {
                Value::Null
            };
            is_so(&last)
        });
        last
    }

    /// The id of the request of `who`, once this service shows that it waits.
    #[track_caller]
    fn waiting(&self, who: &str) -> String {
        let row = |view: &Value| {
            let rows = view["requests"].as_array()?.iter();
            let mut rows = rows.filter(|row| row["who"] == who && row["status"] == "waiting");
            Some(rows.next()?["id"].as_str()?.to_owned())
        };
        let view = self.until(&format!("{who} waits"), |view| row(view).is_some());
        row(&view).unwrap()
    }

    fn release(&self, lease: &Answer) {
        let body = json!({"lease": lease.ok()["lease"]});
        let released = self.operator.post(&format!("{SLOT}/release"), &body);
        assert_eq!(released.status, 204, "{released:?}");
    }
}

fn is_about(event: &SentEvent, kind: &str) -> bool {
    event.name == "transition" && event.data["kind"] == kind && event.data["semaphore"] == "slot"
}

fn token(lease: &Answer) -> u64 {
    lease.ok()["token"].as_u64().unwrap()
}

/// What does not change between two looks.
fn lasting(view: &Value) -> Value {
    let rows = view["requests"].as_array().unwrap().iter();
    let rows: Vec<_> = rows
        .map(|row| json!([row["id"], row["who"], row["status"], row["place"]]))
        .collect();
    json!([view["slots"], view["pinned"], view["busy"], rows])
}

#[test]
fn two_servers_on_one_store_see_and_steer_the_same() {
    let server = redis::Server::start();
    let (one, two) = (
        One::start("one", &server.url()),
        One::start("two", &server.url()),
    );
    let (mut of_one, mut of_two) = (one.events(), two.events());
    let holder = one.acquire("holder").join().unwrap();
    let (granted, cancelled) = (two.acquire("granted"), one.acquire("cancelled"));
    let ids = [one.waiting("granted"), two.waiting("cancelled")];
    let last = two.acquire("last");
    one.waiting("last");
    assert_eq!(
        lasting(&one.operator.get(SLOT).ok()),
        lasting(&two.operator.get(SLOT).ok())
    );
    for events in [&mut of_one, &mut of_two] {
        for _ in 0..3 {
            events.until(|event| is_about(event, "queued"));
        }
    }

    // Each steers what waits at the other.
    let act = |at: &One, id: &str, what: &str| {
        at.operator
            .post(&format!("/api/v1/requests/{id}/{what}"), &json!({}))
            .ok();
    };
    act(&one, &ids[0], "grant");
    act(&two, &ids[1], "cancel");
    let granted = granted.join().unwrap();
    assert_eq!(granted.ok()["granted"], true);
    assert_eq!(cancelled.join().unwrap().refused(409), "cancelled");
    for events in [&mut of_one, &mut of_two] {
        events.until(|event| is_about(event, "granted"));
        events.until(|event| is_about(event, "cancelled"));
    }
    two.slots(2).ok();
    let last = last.join().unwrap();
    one.until("the new number", |view| view["slots"] == 2);
    one.release(&holder);
    two.release(&granted);
    two.release(&last);
    one.until("all is given back", |view| view["busy"] == 0);

    let tokens = [&holder, &granted, &last].map(token);
    assert!(tokens.is_sorted_by(|a, b| a < b), "each is new: {tokens:?}");
    let audits = [&one, &two].map(|at| at.operator.get("/api/v1/audit").ok());
    assert_eq!(audits[0], audits[1]);
    let by = |login| {
        let entries = audits[0].as_array().unwrap().iter();
        entries
            .filter(|entry| entry["actor"]["login"] == login)
            .count()
    };
    assert_eq!((by("one"), by("two")), (1, 2), "{}", audits[0]);
}

#[test]
fn one_server_is_killed_and_the_other_goes_on() {
    let server = redis::Server::start();
    let url = format!("{}?lease=1s", server.url());
    let (mut one, two) = (One::start("one", &url), One::start("two", &url));
    let (mut of_one, mut of_two) = (one.events(), two.events());
    let holder = one.acquire("holder").join().unwrap();
    let lost = one.acquire("lost");
    two.waiting("lost");
    let next = two.acquire("next");
    one.waiting("next");
    let seen = of_one.until(|event| is_about(event, "queued"));

    one.service.running.send(Signal::SIGKILL);
    one.service.running.exit_code();
    // Its clients notice at once, and what it held and waited for is gone with its lease: the next in line has its turn.
    assert!(lost.join().is_err(), "there is no answer");
    let start = Instant::now();
    let next = next.join().unwrap();
    assert!(token(&next) > token(&holder));
    assert!(start.elapsed() < Duration::from_secs(30));
    of_two.until(|event| is_about(event, "killed"));
    let view = two.operator.get(SLOT).ok();
    assert_eq!(
        (&view["busy"], &view["waiting"]),
        (&json!(1), &json!(0)),
        "nothing is left of the other: {view}"
    );

    // Started again, it shows what the other does; who comes back with an old place reads the state anew.
    let address = one.service.address.clone();
    one.service = Service::at(&one.folder, &address);
    let mut events = one.operator.with("Last-Event-ID", &seen.id).events("");
    assert_eq!(events.next().unwrap().name, "hello");
    assert_eq!(events.next().unwrap().name, "reset");
    assert_eq!(
        lasting(&one.operator.get(SLOT).ok()),
        lasting(&two.operator.get(SLOT).ok())
    );
    two.release(&next);
    events.until(|event| is_about(event, "released"));
    // A lease of the killed server is not known any more.
    let body = json!({"lease": holder.ok()["lease"]});
    let released = one.operator.post(&format!("{SLOT}/release"), &body);
    assert_eq!(released.refused(410), "unknown-lease");
}

/// Both say that the store is away, refuse what they cannot do, and then go on as if nothing had been.
fn the_store_is_away(
    mut server: redis::Server,
    away: fn(&mut redis::Server),
    back: fn(&mut redis::Server),
) {
    // The lease outlasts the time without the store, on a slow machine, too.
    let url = format!("{}?lease=120s", server.url());
    let both = [One::start("one", &url), One::start("two", &url)];
    let [one, two] = &both;
    let mut streams = both.each_ref().map(One::events);
    one.slots(1).ok();
    let holder = one.acquire("holder").join().unwrap();
    let waits = two.acquire("waits");
    one.waiting("waits");
    let before = lasting(&one.operator.get(SLOT).ok());

    away(&mut server);
    for (at, events) in both.iter().zip(&mut streams) {
        let said = events.until(|event| event.name == "store");
        assert_eq!(said.data, json!({"reachable": false}));
        let ready = at.operator.get("/readyz");
        assert!(ready.header("retry-after").is_some(), "{ready:?}");
        assert_eq!(ready.refused(503), "store-unreachable");
        assert_eq!(at.operator.get("/healthz").status, 200);
        // Reading and steering both fail, and say when to try again. Asking for the number that is there already changes
        // nothing if it is carried out later all the same.
        for refused in [at.operator.get(SLOT), at.slots(1)] {
            assert!(refused.header("retry-after").is_some(), "{refused:?}");
            assert_eq!(refused.refused(503), "store-unreachable");
        }
        assert!(at.operator.get("/metrics").body.contains("cla_store_up 0"));
        // A stream that begins now says so, too.
        let hello = at.operator.events("").next().unwrap();
        assert_eq!(hello.data["reachable"], false);
    }

    back(&mut server);
    for (at, events) in both.iter().zip(&mut streams) {
        let said = events.until(|event| event.name == "store");
        assert_eq!(said.data, json!({"reachable": true}));
        redis::eventually("it is ready", || at.operator.get("/readyz").status == 200);
        let after = at.until("it is as before", |view| {
            !view.is_null() && lasting(view) == before
        });
        assert_eq!(after["busy"], 1);
    }
    // The wait went on, and is over when the slot is free: once.
    one.release(&holder);
    let waited = waits.join().unwrap();
    assert!(token(&waited) > token(&holder));
    for events in &mut streams {
        let acquired =
            events.until(|event| is_about(event, "acquired") && event.data["who"] == "waits");
        assert_eq!(acquired.data["busy"], 1);
    }
    two.release(&waited);
    let history = one.operator.get(&format!("{SLOT}/history")).ok();
    let ended = history.as_array().unwrap().iter();
    let ended: Vec<_> = ended.map(|row| (&row["who"], &row["status"])).collect();
    let done = json!("done");
    assert_eq!(
        ended,
        [(&json!("waits"), &done), (&json!("holder"), &done)],
        "each once"
    );
}

#[test]
fn a_store_that_hangs_for_a_while_is_said_and_nothing_is_doubled_or_lost() {
    let server = redis::Server::start();
    the_store_is_away(server, |server| server.freeze(), |server| server.thaw());
}

#[test]
fn a_store_that_is_killed_and_started_again_is_said_and_nothing_is_doubled_or_lost() {
    let server = redis::Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    the_store_is_away(server, redis::Server::kill, redis::Server::restart);
}
