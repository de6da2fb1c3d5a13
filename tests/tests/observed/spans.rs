//! Runs as spans of `tracing`, seen by a subscriber of one thread, as a host's test has it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, Once};
use std::thread::ThreadId;

use cla_runtime::secrets::Secrets;
use cla_runtime::{Engine, RunOptions, Script};
use cla_tests::output::Printed;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Event, Metadata, Subscriber};

/// Writes down spans and events, and finds out if a span is left open between two polls.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The spans by their ids: their text, and their parents.
    spans: HashMap<u64, (String, Option<u64>)>,
    /// What is entered on each thread.
    entered: HashMap<ThreadId, Vec<u64>>,
    /// How deep spans were nested at most, on the workers' threads.
    deepest: usize,
    open: usize,
    events: Vec<String>,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl State {
    fn path(&self, mut id: Option<u64>) -> String {
        let mut path = String::new();
        while let Some((text, parent)) = id.and_then(|id| self.spans.get(&id)) {
            path = format!("{text} > {path}");
            id = *parent;
        }
        path
    }

    fn current(&self) -> Option<u64> {
        self.entered
            .get(&std::thread::current().id())?
            .last()
            .copied()
    }
}

impl Subscriber for &'static Seen {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cla" || metadata.target() == "host"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields(span.metadata().name().to_owned());
        span.record(&mut fields);
        let mut state = self.state.lock().unwrap();
        let id = state.spans.len() as u64 + 1;
        let parent = match span.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if span.is_contextual() => state.current(),
            None => None,
        };
        state.spans.insert(id, (fields.0, parent));
        state.open += 1;
        Id::from_u64(id)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        let mut state = self.state.lock().unwrap();
        let path = state.path(state.current());
        state.events.push(format!("{path}{}", fields.0));
    }

    fn enter(&self, span: &Id) {
        let mut state = self.state.lock().unwrap();
        let entered = state
            .entered
            .entry(std::thread::current().id())
            .or_default();
        entered.push(span.into_u64());
        let depth = entered.len();
        state.deepest = state.deepest.max(depth);
    }

    fn exit(&self, span: &Id) {
        let mut state = self.state.lock().unwrap();
        let entered = state
            .entered
            .entry(std::thread::current().id())
            .or_default();
        assert_eq!(
            entered.pop(),
            Some(span.into_u64()),
            "spans are left in order"
        );
    }

    fn try_close(&self, _: Id) -> bool {
        self.state.lock().unwrap().open -= 1;
        true
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.state.lock().unwrap().open += 1;
        id.clone()
    }
}

fn with_subscriber(work: impl FnOnce()) -> (Vec<String>, State) {
    // While there is only one subscriber, `tracing` asks that of the thread which comes first to a place whether the place is
    // of interest at all. Other tests run rules on threads that have none.
    static BESIDE: Once = Once::new();
    BESIDE.call_once(|| {
        tracing::subscriber::set_global_default(NoSubscriber::new()).unwrap();
    });
    let seen: &'static Seen = Box::leak(Box::default());
    tracing::subscriber::with_default(seen, work);
    cla_tests::redis::eventually("every span is closed", || {
        seen.state.lock().unwrap().open == 0
    });
    let state = std::mem::take(&mut *seen.state.lock().unwrap());
    (state.events.clone(), state)
}

fn engine() -> Engine {
    Engine::builder()
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

fn options() -> RunOptions {
    RunOptions::new()
        .label("tenant 7")
        .output(Arc::new(Printed::default()))
}

#[test]
fn a_run_is_a_span_in_that_of_its_host_and_its_regions_are_spans_in_it() {
    let (events, state) = with_subscriber(|| {
        let request = tracing::info_span!(target: "host", "request");
        let engine = engine();
        let book = "do: [{semaphore: db, do: [{shell: nothing-like-this}]}]";
        let book = Script::in_language("yml", "book\u{1b}[31m", book);
        let run = request.in_scope(|| engine.run(book, options().name("deploy")));
        assert!(!run.wait().is_ok());
        cla_tests::redis::eventually("its worker is done", || engine.live_runs().is_empty());
    });
    let said = events.join("\n");
    let takes = events
        .iter()
        .find(|event| event.contains("takes a slot"))
        .unwrap();
    assert!(takes.starts_with("request > run id="), "{said}");
    for part in [
        "name=\"deploy\"",
        "label=\"tenant 7\"",
        "> region semaphore=\"db\"",
        "line=1 > DEBUG",
        "semaphore=\"db\"",
    ] {
        assert!(takes.contains(part), "{part}: {said}");
    }
    let failed = events
        .iter()
        .find(|event| event.contains("the run failed"))
        .unwrap();
    assert!(
        failed.contains("> INFO")
            && failed.contains("status=\"failed\"")
            && failed.contains("error="),
        "{said}"
    );
    assert!(!failed.contains("region"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    assert!(
        state.entered.values().all(Vec::is_empty),
        "every span is left"
    );
}

#[test]
fn spans_are_never_held_while_others_run_on_the_thread() {
    let (events, state) = with_subscriber(|| {
        let engine = engine();
        let rule = "const sem = require('cla/sem'), util = require('cla/util');
            for (let i = 0; i < 3; i++) sem.take('one', () => { util.sleep(0.001); 1 })";
        let runs: Vec<_> = (0..4)
            .map(|nth| {
                engine.run(
                    Script::javascript("rule", rule),
                    options().name(format!("run {nth}")),
                )
            })
            .collect();
        for run in runs {
            assert!(run.wait().is_ok());
        }
        cla_tests::redis::eventually("the worker is done", || engine.live_runs().is_empty());
    });
    let said = events.join("\n");
    for nth in 0..4 {
        let own = |what: &str| {
            let name = format!("name=\"run {nth}\"");
            events
                .iter()
                .filter(|event| event.contains(&name) && event.contains(what))
                .count()
        };
        assert_eq!(
            (
                own("takes a slot"),
                own("gives a slot back"),
                own("the run has ended")
            ),
            (3, 3, 1),
            "{said}"
        );
        assert_eq!(own("waits for a slot"), own("does not wait any more"));
    }
    // Each event is in the span of one run.
    assert!(
        events
            .iter()
            .all(|event| event.matches("run id=").count() == 1),
        "{said}"
    );
    assert_eq!(state.deepest, 1, "one span at a time");
    assert!(state.entered.values().all(Vec::is_empty));
}

#[test]
fn a_child_is_a_span_in_that_of_the_run_that_started_it() {
    let (events, _) = with_subscriber(|| {
        let engine = engine();
        let rule =
            "require('cla/rule').create({name: 'child'}, [{semaphore: 'x', return: 1}]).run({})";
        let report = engine
            .run(Script::javascript("parent", rule), options())
            .wait();
        assert!(report.is_ok(), "{:?}", report.result);
    });
    let takes = events
        .iter()
        .find(|event| event.contains("semaphore=\"x\"") && event.contains("takes"))
        .unwrap();
    assert_eq!(takes.matches("run id=").count(), 2, "{takes}");
    assert_eq!(takes.matches("label=\"tenant 7\"").count(), 2, "{takes}");
}

#[test]
fn no_secret_is_in_a_span_an_event_or_the_list_of_runs() {
    let (events, state) = with_subscriber(|| {
        let engine = engine();
        let rule = "const { region } = require('cla/rule'), { sleep } = require('cla/util');
            region({key: 'db', name: 'with hunter22'}, () => { while (!globalThis.done) sleep(0.001) })";
        let secrets = || Secrets::new().with("KEY", "hunter22").unwrap();
        let run = engine.run(
            Script::javascript("rule", rule),
            options().secrets(secrets()),
        );
        let inside = || {
            engine
                .live_runs()
                .first()
                .is_some_and(|run| !run.regions.is_empty())
        };
        cla_tests::redis::eventually("it is in the region", inside);
        let who = engine.live_runs()[0].regions[0].who.clone();
        assert!(who.contains("with ***"), "{who}");
        run.cancel();
        assert_eq!(run.wait().status(), "cancelled");
        let fails = Script::javascript("fails", "throw new Error('it is hunter22')");
        assert!(
            !engine
                .run(fails, options().secrets(secrets()))
                .wait()
                .is_ok()
        );
    });
    let said = events.join("\n");
    let spans: Vec<_> = state
        .spans
        .values()
        .map(|(text, _)| text.as_str())
        .collect();
    assert!(
        !said.contains("hunter22") && !spans.join(" ").contains("hunter22"),
        "{said}"
    );
    assert!(said.contains("it is ***"), "{said}");
}
