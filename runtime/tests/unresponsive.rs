//! A run that keeps its worker inside one native function harms no other run, and is reported once it is past its limit.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cla_runtime::semaphore::{Request, SemaphoreName};
use cla_runtime::{Engine, ErrorKind, Extension, HostModule, Limits, Run, RunOptions, Script, js};

/// Takes a slot of "x" for the run until its end.
struct Take;

impl Extension for Take {
    fn install<'js>(&self, ctx: &js::Ctx<'js>, run: &std::rc::Rc<Run>) -> js::Result<()> {
        let run = std::rc::Rc::clone(run);
        let take = js::Function::new(ctx.clone(), move |ctx: js::Ctx<'js>| -> js::Result<()> {
            let name = SemaphoreName::new("x").map_err(|_| js::Error::Unknown)?;
            let account = run.ledger().account(run.semaphores(), &name);
            let request = Request::new().owner(run.owner().clone());
            if let Ok(permit) = run.acquire(&ctx, &account, request)? {
                run.ledger().entrust(&run.ledger().hold(permit, account));
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
