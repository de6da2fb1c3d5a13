//! What administrators see: the rows, their order, whose they are, their times, their ids; and under which names.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Subject;
use super::stage::{Fixture, by, done, ms, name, refused, ttl};
use cla_semaphore::AdminError;
use cla_semaphore::Owner;
use cla_semaphore::RunId;
use cla_semaphore::SemaphoreName;
use cla_semaphore::Slots;
use cla_semaphore::{Priority, Request};
use cla_semaphore::{RequestView, Status};

/// How far the store's clock may be from this one, in seconds.
const CLOCKS_DIFFER: f64 = 60.0;
/// How much two measurements of one duration may differ, in seconds: a store may count in milliseconds.
const ROUNDING: f64 = 0.02;

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// That a time, in seconds since the epoch, is one.
#[track_caller]
pub(super) fn is_about_now(at: f64) {
    assert!(
        (at - now()).abs() < CLOCKS_DIFFER,
        "{at} is far from {}",
        now()
    );
}

/// Everything that is always true of a row.
#[track_caller]
fn is_plausible(row: &RequestView) {
    is_about_now(row.requested_at);
    assert!(row.waited >= 0.0, "{row:#?}");
    assert_eq!(row.started_at.is_some(), row.token.is_some(), "{row:#?}");
    assert_eq!(row.started_at.is_some(), row.ran.is_some(), "{row:#?}");
    assert_eq!(
        row.place.is_some(),
        row.status == Status::Waiting,
        "{row:#?}"
    );
    if let (Some(started), Some(ran)) = (row.started_at, row.ran) {
        assert!(row.requested_at <= started + 1e-6, "{row:#?}");
        assert!(ran >= 0.0, "{row:#?}");
        let waited = started - row.requested_at;
        assert!((row.waited - waited).abs() < ROUNDING, "{row:#?}");
        is_about_now(started + ran);
    }
    if let Some(expires) = row.expires_at {
        assert_eq!(row.status, Status::Busy, "{row:#?}");
        assert!(row.started_at < Some(expires), "{row:#?}");
    }
}

/// The fields of a row, for a busy request with everything that a request can have.
pub(super) fn a_busy_request_shows_all_that_is_known_of_it(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let owner = Owner::new("deploy.js: restart")
        .with_run(run)
        .with_process("web1", 4711);
    let request = Request::new().priority(-3).slots(2).owner(owner);
    let permit = a.take_as(request.ttl(ttl(ms(60_000))));
    for view in [a.view(), b.view()] {
        assert_eq!(view.name, a.name);
        assert_eq!((view.slots, view.pinned), (Slots::Limited(2), false));
        assert_eq!((view.busy, view.waiting, view.requests.len()), (1, 0, 1));
        let row = &view.requests[0];
        is_plausible(row);
        assert_eq!(row.id, permit.id());
        assert_eq!(
            (row.status, row.granted, row.place),
            (Status::Busy, false, None)
        );
        assert_eq!(row.who.as_deref(), Some("deploy.js: restart"));
        assert_eq!(row.run, Some(run));
        assert_eq!(row.host.as_deref(), Some("web1"));
        assert_eq!(row.pid, Some(4711));
        assert_eq!(row.priority, Priority(-3));
        assert_eq!(row.token, Some(permit.token()));
        assert!(permit.token() > 0);
        let lives = row.expires_at.unwrap_or(0.0) - row.started_at.unwrap_or(0.0);
        assert!((lives - 60.0).abs() < ROUNDING, "{row:#?}");
    }
}

/// What is absent is absent.
pub(super) fn a_waiting_request_without_an_owner_shows_what_there_is(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _busy = a.take();
    let waiter = a.wait_as(Request::new().priority(3).ttl(ttl(ms(60_000))));
    let row = b.row(waiter.id);
    is_plausible(&row);
    assert_eq!(
        (row.status, row.granted, row.place),
        (Status::Waiting, false, Some(1))
    );
    assert_eq!(
        (row.who, row.run, row.host, row.pid),
        (None, None, None, None)
    );
    assert_eq!(row.priority, Priority(3));
    assert_eq!((row.token, row.started_at, row.ran), (None, None, None));
    assert_eq!(row.expires_at, None, "only a permit expires");
}

/// An owner may be known in part only.
pub(super) fn an_owner_is_shown_as_far_as_it_is_known(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.slots(Slots::Unlimited);
    let run = RunId::unique();
    let odd = "a \"quoted\" {rule}:op\t\\ 'ü' 信号 \u{1f6a6} %s $1 --";
    let long = "w".repeat(2_000);
    let owners = [
        Owner::new("only who"),
        Owner::new("and a run").with_run(run),
        Owner::new(odd).with_process(odd, 0),
        Owner::new(&*long).with_process("h", u32::MAX),
        Owner::process("this process"),
    ];
    for owner in owners {
        let permit = a.take_as(Request::new().owner(owner.clone()));
        let row = b.row(permit.id());
        assert_eq!(row.who.as_deref(), Some(owner.who()));
        assert_eq!(row.run, owner.run());
        assert_eq!(row.host.as_deref(), owner.host());
        assert_eq!(row.pid, owner.pid());
        a.release(permit);
    }
}

/// "Busy ones in order of start, then the line, then those that ended a moment ago."
pub(super) fn busy_ones_come_first_by_start_then_the_line_then_those_that_ended(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let done_first = a.take();
    let done_id = done_first.id();
    let first = b.wait();
    a.release(done_first);
    let first = first.permit();
    let line = [a.wait(), b.wait_as(Request::new().priority(1)), a.wait()];
    let [last, next, granted] = line;
    done(b.grant(granted.id));
    let gone = b.wait();
    let gone_id = gone.id;
    done(a.cancel(gone_id));
    drop(gone.error());
    for view in [a.view(), b.view()] {
        let ids: Vec<_> = view.requests.iter().map(|row| row.id).collect();
        assert_eq!(
            ids,
            [first.id(), granted.id, next.id, last.id, done_id, gone_id]
        );
        let statuses: Vec<_> = view
            .requests
            .iter()
            .map(|row| row.status.as_str())
            .collect();
        assert_eq!(
            statuses,
            ["busy", "busy", "waiting", "waiting", "done", "cancelled"]
        );
        let places: Vec<_> = view.requests.iter().map(|row| row.place).collect();
        assert_eq!(places, [None, None, Some(1), Some(2), None, None]);
        assert!(view.requests[1].granted && !view.requests[0].granted);
        assert_eq!((view.busy, view.waiting), (1, 2), "a grant takes no slot");
        view.requests.iter().for_each(is_plausible);
    }
}

/// Times in seconds since the epoch, durations in seconds: asked before started, started before now.
pub(super) fn times_are_plausible_and_a_permit_tells_the_same(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let asked = Instant::now();
    let waiter = b.wait();
    a.until("it has waited for a while", |view| {
        view.requests.iter().all(is_at_least_that_old)
    });
    a.view().requests.iter().for_each(is_plausible);
    a.release(holder);
    let permit = waiter.permit();
    let (noted, waited) = (Instant::now(), permit.waited().as_secs_f64());
    assert!(
        waited <= asked.elapsed().as_secs_f64() + ROUNDING,
        "{waited} s"
    );
    let row = b.until("it has run for a while", |view| {
        view.requests
            .iter()
            .any(|row| row.id == permit.id() && row.ran > Some(0.05))
    });
    row.requests.iter().for_each(is_plausible);
    let row = a.row(permit.id());
    assert!(row.waited > 0.05, "{row:#?}");
    // The one who waited may know it a moment later than the store.
    assert!(row.waited <= waited + ROUNDING, "{row:#?}, {waited} s");
    let started = permit.started_at().duration_since(UNIX_EPOCH);
    is_about_now(started.map_or(0.0, |since| since.as_secs_f64()));
    let held = (noted.elapsed(), permit.held());
    assert!(held.1 + ms(20) >= held.0, "{held:?}");
    let id = permit.id();
    b.release(permit);
    let ended = a.row_becomes(id, Status::Done);
    is_plausible(&ended);
    assert!(ended.ran > Some(0.05), "{ended:#?}");
    // What ended runs no longer.
    assert_eq!(a.row(id).ran.map(milliseconds), ended.ran.map(milliseconds));
}

fn is_at_least_that_old(row: &RequestView) -> bool {
    row.waited > 0.05 || row.ran > Some(0.05)
}

fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1_000.0).round() as i64
}

/// The list is by name, each semaphore with all its requests.
pub(super) fn all_semaphores_are_listed_by_name_with_everybody_at_them(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let names = ["m", "b", "a", "B", "ä", "zz", "z"];
    let permits: Vec<_> = names.iter().map(|name| a.on(name).take()).collect();
    let waiter = b.on("z").wait();
    let mut wanted: Vec<_> = names.iter().map(|text| name(text)).collect();
    wanted.sort();
    for client in [a, b] {
        let list = client.list();
        let listed: Vec<_> = list.iter().map(|view| view.name.clone()).collect();
        assert_eq!(listed, wanted);
        for view in &list {
            let waiting = usize::from(view.name == name("z"));
            assert_eq!(
                (view.busy, view.waiting, view.requests.len()),
                (1, waiting, 1 + waiting)
            );
        }
    }
    drop((permits, waiter));
}

/// Names are any text without control characters; none is another's.
pub(super) fn semaphores_with_odd_names_are_semaphores_like_others(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let longest = "n".repeat(SemaphoreName::MAX_BYTES);
    let longest_wide = "信".repeat(SemaphoreName::MAX_BYTES / 3);
    let odd = [
        "x",
        "X",
        " x",
        "x ",
        "{x}",
        "{x}:y",
        "}{",
        "a:b",
        "a",
        ":",
        "*",
        "?",
        "[x]",
        "%",
        "%25",
        "_",
        "a/b",
        "../x",
        "'; drop table",
        "\"",
        "\\",
        "é",
        "e\u{301}",
        "信号",
        "\u{1f6a6}",
        "0",
        "-1",
        "null",
        "$",
        "#",
        "prod-db",
        &*longest,
        &*longest_wide,
    ];
    let permits: Vec<_> = odd
        .iter()
        .map(|text| {
            a.on(text)
                .try_take()
                .unwrap_or_else(|| panic!("{text:?} is another's"))
        })
        .collect();
    let list = b.list();
    assert_eq!(list.len(), odd.len());
    for (text, permit) in odd.iter().zip(permits) {
        let there = b.on(text);
        assert_eq!(permit.name().as_str(), *text);
        let waiter = there.wait();
        assert_eq!(there.counts(), (Slots::ONE, 1, 1), "{text:?}");
        assert_eq!(a.find(&waiter.id.to_string()).ok(), Some(waiter.id));
        a.release(permit);
        drop(waiter.permit());
        there.becomes(1, 0, 0);
        done(there.forget());
    }
    assert!(a.list().is_empty());
}

/// "The one request whose id begins with `prefix`, so that people need not type all of it."
pub(super) fn a_request_is_found_by_the_first_digits_of_its_id(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let waiter = b.on("y").take();
    let (id, other) = (holder.id().to_string(), waiter.id().to_string());
    let short = (1..id.len())
        .map(|digits| &id[..digits])
        .find(|prefix| !other.starts_with(prefix))
        .expect("two ids differ");
    for text in [
        short,
        &short.to_uppercase(),
        &id,
        &id.to_uppercase(),
        &id.replace('-', ""),
        &id[..9],
    ] {
        for client in [a, b] {
            // Nine digits may by chance be the other's first nine, too: one in 4,000,000,000.
            assert_eq!(client.find(text).ok(), Some(holder.id()), "{text}");
        }
    }
    let error = refused(b.find(""));
    assert!(
        matches!(&error, AdminError::AmbiguousId { prefix, matches: 2 } if prefix.is_empty()),
        "{error}"
    );
    let unknown = RunId::unique().to_string();
    for text in ["xyz", "%", "*", "'", &unknown] {
        let error = refused(b.find(text));
        assert!(
            matches!(&error, AdminError::UnknownRequest { id } if id == text),
            "{text}: {error}"
        );
    }
}

/// "Live requests come before those that ended a moment ago."
pub(super) fn what_lives_is_found_before_what_ended(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let ended = a.take_as(by("first"));
    let ended_id = ended.id();
    a.release(ended);
    assert_eq!(b.find("").ok(), Some(ended_id), "it is the only one");
    let live = a.take_as(by("second"));
    assert_eq!(b.find("").ok(), Some(live.id()), "the other one ended");
    assert_eq!(b.find(&ended_id.to_string()).ok(), Some(ended_id));
}

/// `find` leads to what an administrator does next.
pub(super) fn what_is_found_can_be_steered(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take();
    let waiter = a.wait();
    let id = b
        .find(&waiter.id.to_string()[..18])
        .expect("it is the only one");
    assert_eq!(id, waiter.id);
    done(b.grant(id));
    assert!(waiter.permit().granted());
}

/// A store says how it is, and which clients share it.
pub(super) fn the_diagnosis_counts_what_its_clients_hold_and_wait_for(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holders = [a.take(), b.on("y").take()];
    let _waiter = b.wait();
    let diagnosis = done(a.wait_for("diagnose", a.semaphores.diagnose()));
    assert!(!diagnosis.store.is_empty());
    assert!(diagnosis.latency >= 0.0);
    let sum = |count: fn(&cla_semaphore::ClientView) -> usize| -> usize {
        diagnosis.clients.iter().map(count).sum()
    };
    let clients = &diagnosis.clients;
    assert_eq!(
        (sum(|client| client.busy), sum(|client| client.waiting)),
        (2, 1),
        "{clients:#?}"
    );
    assert!(
        clients
            .iter()
            .any(|client| client.alive && client.pid == Some(std::process::id()))
    );
}
