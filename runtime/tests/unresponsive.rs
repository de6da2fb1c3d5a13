//! A run that keeps its worker inside one native function harms no other run, and is reported once it is past its limit.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::host::{Extension, Run};
use cla_runtime::semaphore::EventKind::{Acquired, Created, Released, Responsive, Unresponsive};
use cla_runtime::semaphore::{Request, RequestView, SemaphoreName, Semaphores, Status};
use cla_runtime::{Engine, HostModule, Limits, RunOptions, Script, js};

/// Takes a slot of "x" for the run until its end.
struct Take;

impl Extension for Take {
    fn install<'js>(&self, ctx: &js::Ctx<'js>, run: &std::rc::Rc<Run>) -> js::Result<()> {
        let run = std::rc::Rc::clone(run);
        let take = js::Function::new(ctx.clone(), move |ctx: js::Ctx<'js>| -> js::Result<()> {
            let name = SemaphoreName::new("x").map_err(|_| js::Error::Unknown)?;
            let usage = run.permits().usage(run.semaphores(), &name);
            let request = Request::new().owner(run.owner().clone());
            if let Ok(permit) = run.acquire(&ctx, &usage, request)? {
                run.permits().register(&run.permits().hold(permit, usage));
            }
            Ok(())
        })?;
        ctx.globals().set("take", take)
    }
}

#[test]
fn a_run_that_does_not_answer_is_given_up_and_the_others_go_on() {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::new(AtomicUsize::new(0));
    let stuck = {
        let stop = Arc::clone(&stop);
        HostModule::new("app/stuck").function("stay", move |(): ()| {
            while !stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Ok::<_, Infallible>(())
        })
    };
    let engine = {
        let heard = Arc::clone(&heard);
        Engine::builder()
            .workers(1)
            .module(stuck)
            .extension(Take)
            .on_unresponsive(move |run| {
                assert_eq!(&*run.name, "stuck.js");
                heard.fetch_add(1, Ordering::Relaxed);
            })
            .build()
    };
    let limits = Limits::default().timeout(Duration::from_millis(200));
    let begun = Instant::now();
    let script = Script::new("stuck.js", "take(); require('app/stuck').stay()");
    let hostile = engine.run(script, RunOptions::new().limits(limits));
    // The only worker is stuck: this one runs elsewhere, and waits for the slot that the first one holds.
    while heard.load(Ordering::Relaxed) == 0 {
        std::thread::yield_now();
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the host is informed"
        );
    }
    let next = engine.run(Script::new("next.js", "take(); 'took'"), RunOptions::new());

    let report = hostile.wait();
    let error = report.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TimedOut);
    assert!(error.message.contains("cannot be stopped"), "{error}");
    assert_eq!(next.wait().result.unwrap(), "took");
    assert!(
        !stop.load(Ordering::Relaxed),
        "all of that while it was stuck"
    );

    // Once the function ends, so does the run, and its worker serves others again.
    stop.store(true, Ordering::Relaxed);
    let after = engine.run(Script::new("after.js", "take(); 1"), RunOptions::new());
    assert_eq!(after.wait().result.unwrap(), 1);
    assert_eq!(heard.load(Ordering::Relaxed), 1);
}

/// Looks until the first request at "x" is as it should be.
#[track_caller]
fn until(semaphores: &Semaphores, what: &str, is: impl Fn(&RequestView) -> bool) -> RequestView {
    let (begun, x) = (Instant::now(), SemaphoreName::new("x").unwrap());
    let looking = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    loop {
        let view = looking.block_on(semaphores.show(&x)).unwrap();
        if let Some(row) = view.as_ref().and_then(|view| view.requests.first())
            && is(row)
        {
            return row.clone();
        }
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what}: {view:#?}"
        );
        std::thread::yield_now();
    }
}

#[test]
fn what_a_run_holds_that_does_not_answer_is_marked_in_the_store_until_it_answers() {
    let stop = Arc::new(AtomicBool::new(false));
    let stuck = {
        let stop = Arc::clone(&stop);
        HostModule::new("app/stuck").function("stay", move |(): ()| {
            while !stop.swap(false, Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Ok::<_, Infallible>(())
        })
    };
    let semaphores = Semaphores::memory();
    let mut events = semaphores.subscribe();
    let engine = Engine::builder()
        .workers(1)
        .semaphores(semaphores.clone())
        .module(stuck)
        .extension(Take)
        .build();
    // Between the two it answers, and still holds the slot.
    let script = "take(); const { stay } = require('app/stuck'); stay(); stay(); 'through'";
    let run = engine.run(Script::new("stuck.js", script), RunOptions::new());
    let id = run.id();
    for _ in 0..2 {
        let row = until(&semaphores, "it is marked", |row| {
            row.unresponsive_since.is_some()
        });
        assert_eq!((row.status, row.run), (Status::Busy, Some(id)));
        let silent = row.unresponsive_for().unwrap();
        assert!(silent >= Duration::from_secs(1), "{row:#?}");
        stop.store(true, Ordering::Relaxed);
        until(&semaphores, "it is unmarked", |row| {
            row.unresponsive_since.is_none()
        });
    }
    assert_eq!(run.wait().result.unwrap(), "through");
    let mut kinds = Vec::new();
    while kinds.last() != Some(&Released) {
        kinds.extend(events.try_recv().unwrap().map(|event| event.kind));
    }
    let beginning = [Created, Acquired, Unresponsive, Responsive, Unresponsive];
    assert_eq!(kinds[..5], beginning);
    // The run may end before the last mark is taken back; then that goes with its request.
    assert!(
        matches!(kinds[5..], [Responsive, Released] | [Released]),
        "{kinds:?}"
    );
}
