//! `cla/sem`, as rules and administrators' scripts use it.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::semaphore::{Permit, Request, SemaphoreName, Semaphores, Slots};
use cla_runtime::{Engine, Limits, RunHandle, RunOptions, RunReport, Script};
use cla_tests::output::Printed;
use serde_json::{Value, json};

/// An engine with its semaphores at hand, and everything its rules print in one list.
struct House {
    engine: Engine,
    printed: Arc<Printed>,
    /// For the test's own looks at the semaphores.
    looks: tokio::runtime::Runtime,
}

impl House {
    fn new() -> Self {
        Self::with_workers(1)
    }

    fn with_workers(workers: usize) -> Self {
        Self {
            engine: Engine::builder()
                .permissions(cla_tests::engine::permissions())
                .workers(workers)
                .with(cla_stdlib::install)
                .build(),
            printed: Arc::default(),
            looks: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn start(&self, name: &str, text: &str) -> RunHandle {
        self.start_with(name, text, RunOptions::new())
    }

    fn start_with(&self, name: &str, text: &str, options: RunOptions) -> RunHandle {
        let text = format!("var sem = require('cla/sem'), util = require('cla/util'); {text}");
        let options = options.name(name).output(self.printed.clone());
        self.engine.run(Script::new(name, text), options)
    }

    fn run(&self, text: &str) -> RunReport {
        self.start("test.js", text).wait()
    }

    fn value(&self, text: &str) -> Value {
        let report = self.run(text);
        report
            .result
            .unwrap_or_else(|error| panic!("{}\nin: {text}", error.render(false)))
    }

    fn semaphores(&self) -> &Semaphores {
        self.engine.semaphores()
    }

    /// Takes the only slot, from outside of any rule.
    fn hold(&self, name: &str) -> Permit {
        let request = Request::new();
        self.semaphores()
            .semaphore(&semaphore(name))
            .acquire()
            .with(request)
            .blocking()
            .unwrap()
    }

    /// Busy and waiting, of a semaphore that may not exist.
    fn counts(&self, name: &str) -> (usize, usize) {
        let view = self
            .looks
            .block_on(self.semaphores().show(&semaphore(name)))
            .unwrap();
        view.map_or((0, 0), |view| (view.busy, view.waiting))
    }

    /// Waits until so many wait for the semaphore.
    fn until_waiting(&self, name: &str, count: usize) {
        self.until(
            || self.counts(name).1 == count,
            &format!("{count} wait for {name}"),
        );
    }

    fn until(&self, condition: impl Fn() -> bool, what: &str) {
        let started = std::time::Instant::now();
        while !condition() {
            assert!(started.elapsed() < Duration::from_secs(60), "never: {what}");
            std::thread::yield_now();
        }
    }

    fn printed(&self) -> Vec<String> {
        self.printed.take_lines()
    }

    /// The id of the first waiting request.
    fn first_waiting(&self, name: &str) -> String {
        let view = self
            .looks
            .block_on(self.semaphores().show(&semaphore(name)))
            .unwrap()
            .unwrap();
        let waiting = view
            .requests
            .iter()
            .find(|request| request.place == Some(1));
        waiting.unwrap().id.to_string()
    }
}

fn semaphore(name: &str) -> SemaphoreName {
    SemaphoreName::new(name).unwrap()
}

// ---- Creating a semaphore with the REPL (the Clarive document's own snippet)

#[test]
fn the_documents_snippet_returns_after_the_sleep_and_leaves_the_semaphore_free() {
    let house = House::new();
    let report = house.run(
        "var ret = sem.take('mysem', function(){
             util.sleep(0.05);
         });",
    );
    assert!(report.is_ok());
    assert!(report.ran >= Duration::from_millis(50));
    assert_eq!(report.semaphores.len(), 1);
    assert_eq!(report.semaphores[0].taken, 1);
    assert!(report.semaphores[0].held >= Duration::from_millis(50));
    assert_eq!(house.counts("mysem"), (0, 0));
}

#[test]
fn a_second_run_waits_its_turn() {
    let house = House::new();
    let first = house.start(
        "first",
        "sem.take('mysem', () => { print('first in'); util.sleep('100ms'); print('first out') })",
    );
    house.until(|| house.counts("mysem").0 == 1, "the first is in");
    let second = house.start("second", "sem.take('mysem', () => print('second in'))");
    assert!(first.wait().is_ok());
    let second = second.wait();
    assert!(second.waited > Duration::ZERO);
    assert_eq!(house.printed(), ["first in", "first out", "second in"]);
}

// ---- take

#[test]
fn take_returns_what_its_function_returns_and_passes_a_permit() {
    let house = House::new();
    assert_eq!(house.value("sem.take('a', () => 42)"), 42);
    assert_eq!(
        house.value(
            "sem.take('a', { slots: 2, who: 'me' }, p => [p.name, typeof p.id, p.token, p.granted, p.held, p.waited >= 0])"
        ),
        json!(["a", "string", 2, false, true, true])
    );
    assert_eq!(
        house.value("let kept; sem.take('a', p => { kept = p }); [kept.held, kept.release(), kept.token, kept.name]"),
        json!([false, false, 3, "a"])
    );
}

#[test]
fn the_slot_is_free_after_every_way_out_of_take() {
    let house = House::new();
    for text in [
        "try { sem.take('a', () => { throw new Error('x') }) } catch (e) {}",
        "sem.take('a', () => { throw new Error('x') })",
        "await sem.take('a', async () => { await null; throw new Error('x') }).catch(() => 1)",
        "sem.take('a', () => Promise.reject(new Error('x')))",
        "sem.take('a', async () => { await null; return 1 })",
        "sem.take('a', () => sem.acquire('b'))",
        "sem.take('a', () => { function f() { f() } f() })",
        "sem.take('a', () => new Promise(() => {}))",
        "setTimeout(() => sem.take('a', () => { throw 1 }), 1)",
        "sem.take('a', p => { p.release(); p.release() })",
        "sem.acquire('a')",
        "sem.acquire('a'); throw new Error('x')",
        "globalThis.p = sem.acquire('a'); p.release()",
    ] {
        let report = house.run(text);
        assert_eq!(house.counts("a"), (0, 0), "{text}: {:?}", report.result);
        assert_eq!(house.counts("b"), (0, 0), "{text}");
    }
}

#[test]
fn a_run_that_is_stopped_gives_back_its_slots_and_places_before_it_reports() {
    let house = House::new();
    let limits = |kind| match kind {
        ErrorKind::TimedOut => Limits::default().timeout(Duration::from_millis(30)),
        _ => Limits::default().memory(16 << 20),
    };
    for (text, kind) in [
        ("sem.take('a', () => util.sleep(60))", ErrorKind::TimedOut),
        ("sem.take('a', () => { for (;;); })", ErrorKind::TimedOut),
        (
            "sem.take('a', async () => { for (;;) await null })",
            ErrorKind::TimedOut,
        ),
        (
            "sem.take('a', () => { try { for (;;); } finally { for (;;) sem.take('b', () => 1) } })",
            ErrorKind::TimedOut,
        ),
        (
            "sem.take('a', () => { const l = []; for (;;) l.push({}) })",
            ErrorKind::OutOfMemory,
        ),
        (
            "sem.take('b', () => sem.take('held', () => 1))",
            ErrorKind::TimedOut,
        ),
    ] {
        let permit = house.hold("held");
        let options = RunOptions::new().limits(limits(kind));
        let error = house
            .start_with("stopped", text, options)
            .wait()
            .result
            .unwrap_err();
        assert_eq!(error.kind, kind, "{text}: {error}");
        for name in ["a", "b"] {
            assert_eq!(house.counts(name), (0, 0), "{text}");
        }
        assert_eq!(house.counts("held"), (1, 0), "{text}");
        drop(permit);
    }
    let inside = house.start("inside", "sem.take('a', () => util.sleep(60))");
    house.until(|| house.counts("a").0 == 1, "it is inside");
    let waiting = house.start(
        "waiting",
        "try { sem.take('a', () => 1) } catch (e) { print('caught') }",
    );
    house.until_waiting("a", 1);
    waiting.cancel();
    assert_eq!(
        waiting.wait().result.unwrap_err().kind,
        ErrorKind::Cancelled
    );
    assert_eq!(house.counts("a"), (1, 0));
    inside.cancel();
    assert_eq!(inside.wait().result.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(house.counts("a"), (0, 0));
    // A `catch` sees the end, and does not undo it.
    assert_eq!(house.printed(), ["caught"]);
}

#[test]
fn a_promise_keeps_the_slot_until_it_settles() {
    let house = House::new();
    assert_eq!(
        house.value(
            "const busy = () => sem.show('a').busy;
             const inside = sem.take('a', async () => { await new Promise(d => setTimeout(d, 5)); return busy() });
             const before = busy();
             const during = await inside;
             [before, during, busy()]"
        ),
        json!([1, 1, 0])
    );
}

#[test]
fn a_promise_is_followed_whatever_its_class_has_become() {
    let house = House::new();
    assert_eq!(
        house.value(
            "Promise.prototype.then = () => { throw 'no' };
             let thrown; try { sem.take('a', () => Promise.resolve(1)) } catch (e) { thrown = e }
             const during = sem.show('a').busy; await 0; await 0; [thrown, during, sem.show('a').busy]"
        ),
        json!([null, 1, 0])
    );
}

#[test]
fn acquire_gives_a_permit_that_the_rule_gives_back() {
    let house = House::new();
    assert_eq!(
        house.value(
            "const p = sem.acquire('a', { ttl: '1h' });
             const out = [p.held, sem.show('a').busy, p.refresh('2h'), p.release(), p.release(), p.held, p.refresh(1), sem.show('a').busy];
             const forever = sem.acquire('b');
             out.push(forever.refresh('1s'));
             out"
        ),
        json!([true, 1, true, true, false, false, false, 0, false])
    );
}

#[test]
fn a_permit_with_a_ttl_expires_by_itself_and_wakes_the_next() {
    let house = House::new();
    assert_eq!(
        house.value(
            "const p = sem.acquire('a', { ttl: '20ms' });
             const q = sem.acquire('a');
             [q.waited > 0, p.held, p.release(), sem.show('a').requests.map(r => r.status)]"
        ),
        json!([true, false, false, ["busy", "expired"]])
    );
}

// ---- errors

#[test]
fn a_timeout_throws_a_semaphore_timeout_error() {
    let house = House::new();
    let held = house.hold("a");
    assert_eq!(
        house.value(
            "try { sem.take('a', { timeout: '5ms' }, () => 1) }
             catch (e) { [e instanceof sem.SemaphoreTimeoutError, e instanceof sem.SemaphoreError, e instanceof Error, e.name, e.semaphore] }"
        ),
        json!([true, true, true, "SemaphoreTimeoutError", "a"])
    );
    drop(held);
    let house = House::new();
    let _held = house.hold("a");
    let error = house
        .run("\nsem.take('a', { timeout: 0.005 }, () => 1)")
        .result
        .unwrap_err();
    assert_eq!(error.name, "SemaphoreTimeoutError");
    assert_eq!(error.location.unwrap().line, 2);
}

#[test]
fn unfit_arguments_are_type_errors_that_name_them() {
    let house = House::new();
    for (text, part) in [
        (
            "sem.take()",
            "sem.take: the semaphore's name must be a string, not undefined",
        ),
        ("sem.take('', () => 1)", "sem.take"),
        ("sem.take('x'.repeat(300), () => 1)", "sem.take"),
        ("sem.take('a\\u0000b', () => 1)", "sem.take"),
        ("sem.take(7, () => 1)", "must be a string, not 7"),
        ("sem.take('a')", "the last argument must be the function"),
        (
            "sem.take('a', {})",
            "the last argument must be the function",
        ),
        (
            "sem.take('a', 5, () => 1)",
            "sem.take: options must be an object",
        ),
        (
            "sem.take('a', { slot: 1 }, () => 1)",
            "unknown option \"slot\"; did you mean slots?",
        ),
        (
            "sem.take('a', { ['\\ud800']: 1 }, () => 1)",
            "unknown option \"\u{fffd}\"",
        ),
        (
            "sem.take('a', { limit: 1 }, () => 1)",
            "did you mean slots?",
        ),
        (
            "sem.take('a', { slots: 1.5 }, () => 1)",
            "option slots must be a whole number",
        ),
        ("sem.take('a', { slots: 'many' }, () => 1)", "option slots"),
        ("sem.take('a', { slots: -2 }, () => 1)", "option slots"),
        (
            "sem.take('a', { timeout: 'soon' }, () => 1)",
            "option timeout",
        ),
        ("sem.take('a', { timeout: -1 }, () => 1)", "option timeout"),
        ("sem.take('a', { ttl: 0 }, () => 1)", "option ttl"),
        (
            "sem.take('a', { priority: 0.5 }, () => 1)",
            "option priority must be a whole number",
        ),
        (
            "sem.take('a', { who: 1 }, () => 1)",
            "option who must be a string",
        ),
        (
            "sem.acquire('a', { nope: 1 })",
            "sem.acquire: unknown option",
        ),
        ("sem.slots('a')", "sem.slots: the number of slots"),
        ("sem.grant()", "sem.grant: the request's id"),
        ("sem.move('00', 0)", "sem.move: the place"),
        ("sem.show()", "sem.show: the semaphore's name"),
        ("sem.acquire('a').release.call({})", "permit.release"),
    ] {
        let error = house.run(text).result.unwrap_err();
        assert_eq!(error.name, "TypeError", "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    }
    assert_eq!(house.counts("a"), (0, 0));
}

// ---- deadlocks (design.md, rule 9)

#[test]
fn a_rule_that_nests_take_of_one_slot_is_told_at_once() {
    let house = House::new();
    let error = house
        .run("sem.take('a', () => sem.take('a', () => 1))")
        .result
        .unwrap_err();
    assert_eq!(error.name, "SemaphoreDeadlockError");
    assert!(error.message.contains("holds itself"), "{error}");
    assert_eq!(house.counts("a"), (0, 0));
    assert_eq!(
        house.value("sem.take('b', { slots: 2 }, () => sem.take('b', () => 'fine'))"),
        "fine"
    );
}

#[test]
fn two_runs_that_wait_for_each_other_are_untangled() {
    let house = House::new();
    let a = house.start("A", "sem.take('x', () => { sem.acquire('ready-a'); while (sem.show('ready-b') === null) util.sleep('1ms'); sem.take('y', () => 1) }); 'done'");
    let b = house.start("B", "sem.take('y', () => { sem.acquire('ready-b'); while (sem.show('ready-a') === null) util.sleep('1ms'); sem.take('x', () => 1) }); 'done'");
    let (a, b) = (a.wait().result, b.wait().result);
    let (error, fine) = match (a, b) {
        (Err(error), Ok(fine)) | (Ok(fine), Err(error)) => (error, fine),
        other => panic!("one must fail and the other go on: {other:?}"),
    };
    assert_eq!(fine, "done");
    assert_eq!(error.name, "SemaphoreDeadlockError");
    for part in ["A", "B", "\"x\"", "\"y\""] {
        assert!(error.message.contains(part), "{error}");
    }
}

// ---- Live semaphore management: Grant, Cancel, slots, move, purge

/// A semaphore that the test holds, and rules that wait for it in order.
fn with_queue(house: &House, count: usize) -> Vec<RunHandle> {
    (1..=count)
        .map(|n| {
            let handle = house.start(
                &format!("w{n}"),
                &format!("sem.take('q', p => {{ print('w{n}'); if (p.granted) util.sleep(0); }})"),
            );
            house.until_waiting("q", n);
            handle
        })
        .collect()
}

fn all_fine(handles: Vec<RunHandle>) {
    for handle in handles {
        handle.wait().result.unwrap();
    }
}

#[test]
fn a_granted_rule_starts_at_once_and_takes_no_slot() {
    let house = House::new();
    let held = house.hold("q");
    let mut waiting = with_queue(&house, 2);
    let id = house.first_waiting("q");
    house.value(&format!("sem.grant('{}')", &id[..8]));
    waiting.remove(0).wait().result.unwrap();
    assert_eq!(house.counts("q"), (1, 1));
    drop(held);
    all_fine(waiting);
    assert_eq!(house.printed(), ["w1", "w2"]);
}

#[test]
fn a_cancelled_rule_fails_with_semaphore_cancel() {
    let house = House::new();
    let held = house.hold("q");
    let mut waiting = with_queue(&house, 2);
    let id = house.first_waiting("q");
    house.value(&format!("sem.cancel('{id}')"));
    let error = waiting.remove(0).wait().result.unwrap_err();
    assert_eq!(error.name, "SemaphoreCancelError");
    assert!(error.message.starts_with("Semaphore cancel"), "{error}");
    drop(held);
    all_fine(waiting);
    assert_eq!(house.printed(), ["w2"]);
    let error = house
        .run(&format!("sem.cancel('{id}')"))
        .result
        .unwrap_err();
    assert_eq!(error.name, "SemaphoreError");
}

#[test]
fn slots_lock_raise_and_open_the_semaphore() {
    let house = House::new();
    house.value("sem.slots('q', 0)");
    let waiting = with_queue(&house, 5);
    assert_eq!(house.counts("q"), (0, 5));
    assert_eq!(
        house.value("const v = sem.show('q'); [v.slots, v.pinned, v.busy, v.waiting, v.requests.map(r => r.who)]"),
        json!([0, true, 0, 5, ["w1", "w2", "w3", "w4", "w5"]])
    );
    house.value("sem.slots('q', 1)");
    all_fine(waiting);
    assert_eq!(house.printed(), ["w1", "w2", "w3", "w4", "w5"]);

    house.value("sem.slots('q', 'unlimited')");
    assert_eq!(house.value("sem.show('q').slots"), "unlimited");
    assert_eq!(
        house.value("sem.take('q', () => sem.take('q', () => sem.show('q').busy))"),
        2
    );
    house.value("sem.slots('q', -1)");
    assert_eq!(house.value("sem.show('q').slots"), "unlimited");
    house.value("sem.slots('q', 1)");
    assert_eq!(
        house.value("[sem.show('q').slots, sem.show('q').pinned]"),
        json!([1, true])
    );
    house.value("sem.slots('q', 'default')");
    assert_eq!(house.value("sem.show('q').pinned"), false);
}

#[test]
fn move_changes_the_order_and_purge_lets_everybody_in() {
    let house = House::new();
    let held = house.hold("q");
    let waiting = with_queue(&house, 3);
    house.value("sem.move(sem.show('q').requests.find(r => r.who === 'w3').id, 1)");
    drop(held);
    all_fine(waiting);
    assert_eq!(house.printed(), ["w3", "w1", "w2"]);

    let held = house.hold("q");
    let waiting = with_queue(&house, 3);
    assert_eq!(house.value("sem.purge('q')"), 4);
    all_fine(waiting);
    assert!(held.is_lost());

    let _held = house.hold("q");
    let waiting = with_queue(&house, 2);
    house.printed();
    assert_eq!(house.value("sem.forceReleaseAll('q')"), 1);
    all_fine(waiting);
    assert_eq!(house.printed(), ["w1", "w2"]);
}

#[test]
fn priority_goes_first_and_equals_in_order() {
    let house = House::new();
    let held = house.hold("q");
    let mut handles = Vec::new();
    for (n, priority) in [0, 5, 0, 5, -1].into_iter().enumerate() {
        let text = format!("sem.take('q', {{ priority: {priority} }}, () => print('{n}'))");
        handles.push(house.start("p", &text));
        house.until_waiting("q", n + 1);
    }
    drop(held);
    all_fine(handles);
    assert_eq!(house.printed(), ["1", "3", "0", "2", "4"]);
}

#[test]
fn list_and_show_have_the_shape_that_every_interface_keeps() {
    let house = House::new();
    assert_eq!(
        house.value("[sem.show('nope'), sem.list()]"),
        json!([null, []])
    );
    let keys = house.value("sem.take('a', { slots: 3, ttl: 60, who: 'deploy' }, () => { const [v] = sem.list(); return [Object.keys(v), Object.keys(v.requests[0]), v.name, v.slots, v.requests[0].who, v.requests[0].status, v.requests[0].expires_at > v.requests[0].requested_at] })");
    assert_eq!(
        keys,
        json!([
            ["name", "slots", "pinned", "busy", "waiting", "requests"],
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
            ],
            "a",
            3,
            "deploy",
            "busy",
            true
        ])
    );
}

#[test]
fn both_import_and_require_give_the_module() {
    let house = House::new();
    let text = "import sem, { take, SemaphoreError } from 'cla/sem'; export default [take === sem.take, SemaphoreError.name, take('a', () => 1)]";
    let report = house
        .engine
        .run(Script::new("m.mjs", text), RunOptions::new())
        .wait();
    assert_eq!(report.result.unwrap(), json!([true, "SemaphoreError", 1]));
}

// ---- at scale

#[test]
fn ten_thousand_blocked_rules_are_let_in_in_the_order_of_their_arrival() {
    const COUNT: usize = 10_000;
    let house = House::with_workers(2);
    let held = house.hold("q");
    let before = threads();
    let handles: Vec<_> = (0..COUNT)
        .map(|_| {
            // No `cla/util`: what is measured here is a rule that waits.
            let text = "require('cla/sem').take('q', p => print(p.token))";
            self::start_plain(&house, text)
        })
        .collect();
    house.until_waiting("q", COUNT);
    let added = threads().saturating_sub(before);
    assert!(added <= 3, "{added} threads for {COUNT} waiting rules");
    let view = house
        .looks
        .block_on(house.semaphores().show(&semaphore("q")))
        .unwrap()
        .unwrap();
    let order: Vec<_> = view
        .requests
        .iter()
        .filter(|r| r.place.is_some())
        .map(|r| r.run.unwrap())
        .collect();
    assert_eq!(order.len(), COUNT);
    drop(held);
    let ids: std::collections::HashMap<_, _> =
        handles.iter().map(|handle| (handle.id(), ())).collect();
    assert!(order.iter().all(|run| ids.contains_key(run)));
    // Tokens grow with admission; each rule prints its own, so the printed order is the order inside.
    all_fine(handles);
    let printed: Vec<u64> = house
        .printed()
        .iter()
        .map(|line| line.parse().unwrap())
        .collect();
    let expected: Vec<u64> = (2..COUNT as u64 + 2).collect();
    assert_eq!(printed, expected);
}

fn start_plain(house: &House, text: &str) -> RunHandle {
    let options = RunOptions::new().output(house.printed.clone());
    house.engine.run(Script::new("waiting.js", text), options)
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[cfg(not(target_os = "linux"))]
fn threads() -> usize {
    0
}

#[test]
fn free_and_contended_takes_leave_the_memory_of_the_run_where_it_was() {
    let house = House::new();
    let options = || RunOptions::new().limits(Limits::default().memory(4 << 20));
    let text = "for (let i = 0; i < 100_000; i++) sem.take('free', p => p.token); sem.show('free').requests.length < 100";
    assert_eq!(
        house
            .start_with("free", text, options())
            .wait()
            .result
            .unwrap(),
        true
    );
    let contended = "for (let i = 0; i < 5_000; i++) { sem.take('c', () => util.sleep(0)); }";
    let handles: Vec<_> = (0..4)
        .map(|_| house.start_with("contended", contended, options()))
        .collect();
    for handle in handles {
        let report = handle.wait();
        report.result.unwrap();
        assert!(report.semaphores[0].taken == 5_000);
    }
    assert_eq!(house.counts("c"), (0, 0));
}

#[test]
fn what_the_code_declares_counts_until_an_administrator_says_otherwise() {
    let house = House::new();
    house.value("sem.take('a', { slots: 3 }, () => 1)");
    assert_eq!(house.value("sem.show('a').slots"), 3);
    house
        .looks
        .block_on(
            house
                .semaphores()
                .set_slots(&semaphore("a"), Slots::Limited(2)),
        )
        .unwrap();
    house.value("sem.take('a', { slots: 5 }, () => 1)");
    assert_eq!(
        house.value("[sem.show('a').slots, sem.show('a').pinned]"),
        json!([2, true])
    );
}

#[test]
fn what_the_engine_keeps_for_a_rule_counts_against_its_memory() {
    let house = House::new();
    let options = || RunOptions::new().limits(Limits::default().memory(8 << 20));
    for text in [
        "for (;;) sem.acquire('u', { slots: 'unlimited' })",
        "const f = () => {}; for (;;) setTimeout(f, 1e6)",
    ] {
        let error = house
            .start_with("hoarder", text, options())
            .wait()
            .result
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::OutOfMemory, "{text}: {error}");
    }
    assert_eq!(house.counts("u"), (0, 0));
}

#[test]
fn made_up_names_are_summed_up_in_the_report() {
    let house = House::new();
    let options = RunOptions::new().limits(Limits::default().memory(4 << 20));
    let text = "for (let i = 0; i < 20_000; i++) sem.take('name-' + i, () => {})";
    let report = house.start_with("names", text, options).wait();
    assert!(report.is_ok(), "{:?}", report.result);
    assert!(report.semaphores.len() <= 1024);
    let listed: u64 = report.semaphores.iter().map(|taken| taken.taken).sum();
    assert_eq!(listed + report.others.taken, 20_000);
}

#[test]
fn a_rules_commands_are_in_the_audit_with_the_rule_and_what_ended_is_in_the_history() {
    let house = House::new();
    let held = house.hold("q");
    let waiting = with_queue(&house, 1);
    house.value("sem.grant(sem.show('q').requests[1].id); sem.slots('q', 3); sem.slots('q', 3)");
    all_fine(waiting);
    drop(held);

    let audit = house.value("sem.audit({ semaphore: 'q', since: '1h', limit: 10 })");
    let entries = audit.as_array().unwrap();
    let commands: Vec<_> = entries.iter().map(|entry| &entry["command"]).collect();
    assert_eq!(commands, ["set_slots", "grant"], "newest first: {audit}");
    for entry in entries {
        let program = entry["actor"]["program"].as_str().unwrap();
        assert!(program.starts_with("rule "), "{program}");
        assert_ne!(entry["actor"]["login"], "");
    }
    assert_eq!(entries[0]["before"]["slots"], 1);
    assert_eq!(entries[0]["after"]["slots"], 3);
    assert_eq!(entries[1]["who"], "w1");
    assert_eq!(house.value("sem.audit({ limit: 1 }).length"), 1);
    assert_eq!(house.value("sem.audit({ semaphore: 'other' })"), json!([]));

    let ended = house.value(
        "sem.history('q', { since: '1h' }).map(r => [r.who, r.status, r.granted, r.by?.program.slice(0, 4), r.ended_at > 0])",
    );
    let rows = ended.as_array().unwrap();
    assert!(
        rows.contains(&json!(["w1", "done", true, "rule", true])),
        "{ended}"
    );
    assert_eq!(rows.len(), 2);
    assert_eq!(house.value("sem.history('q', { limit: 0 })"), json!([]));

    for (wrong, said) in [
        ("sem.audit({ sins: '1h' })", "did you mean since?"),
        ("sem.audit({ limit: -1 })", "a whole number from 0"),
        ("sem.audit('q')", "an object"),
        ("sem.history('q', { since: 'yesterday' })", "option since"),
        ("sem.history()", "the semaphore's name"),
    ] {
        let error = house.run(wrong).result.unwrap_err().to_string();
        assert!(error.contains(said), "{wrong}: {error}");
    }
}

#[test]
fn a_host_that_says_who_acts_is_believed() {
    use cla_runtime::semaphore::Actor;
    let semaphores = Semaphores::memory();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .semaphores(semaphores.acting_as(Actor::new("anna", "db1", "panel")))
        .with(cla_stdlib::install)
        .build();
    let text = "const sem = require('cla/sem'); sem.slots('q', 2); sem.audit()[0].actor";
    let report = engine
        .run(Script::new("a.js", text), RunOptions::new())
        .wait();
    assert_eq!(
        report.result.unwrap(),
        json!({ "login": "anna", "host": "db1", "program": "panel" })
    );
}
