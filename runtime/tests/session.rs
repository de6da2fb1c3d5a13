//! Sessions: inputs one after the other, and what stays between them.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cla_runtime::host::{NativeModule, Run, value_to_json};
use cla_runtime::semaphore::{Owner, Request, SemaphoreName};
use cla_runtime::{Engine, HostModule, Limits, RuleError, RunOptions, Session, js};
use serde_json::{Value, json};

/// Stands for the standard library's `cla/sem`.
struct Take;

impl NativeModule for Take {
    fn name(&self) -> &str {
        "app/take"
    }

    fn exports<'js>(
        &self,
        ctx: &js::Ctx<'js>,
        run: &std::rc::Rc<Run>,
    ) -> js::Result<js::Object<'js>> {
        let exports = js::Object::new(ctx.clone())?;
        let run = std::rc::Rc::clone(run);
        let take = move |ctx: js::Ctx<'js>, name: String| {
            let name = SemaphoreName::new(name).unwrap();
            let usage = run.permits().usage(run.semaphores(), &name);
            let request = Request::new().owner(Owner::process("session"));
            if let Ok(permit) = run.acquire(&ctx, &usage, request)? {
                let held = run.permits().hold(permit, usage);
                run.permits().register(&held);
            }
            js::Result::Ok(())
        };
        exports.set("take", js::Function::new(ctx.clone(), take)?)?;
        Ok(exports)
    }
}

fn engine() -> Engine {
    let sleep =
        HostModule::new("app/clock").blocking_function("sleep", |(seconds,): (f64,)| async move {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            Ok::<_, std::convert::Infallible>(())
        });
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .with(cla_rulebook::install)
        .workers(1)
        .module(Take)
        .module(sleep)
        .build()
}

fn session() -> Session {
    Session::start(&engine(), RunOptions::new(), None, |_| {})
}

async fn value(session: &Session, code: &str) -> Result<Value, RuleError> {
    session
        .evaluate(code, |ctx, _, value| value_to_json(ctx, value).unwrap())
        .await
}

#[tokio::test]
async fn what_an_input_declares_stays_and_may_be_declared_again() {
    let session = session();
    for (code, expected) in [
        (
            "const a = 1; let b = 2; var c = 3; function d() { return a + b } class E { f() { return c } }",
            json!(null),
        ),
        ("[a, b, c, d(), new E().f()]", json!([1, 2, 3, 3, 3])),
        (
            "const a = 10; let b; class E { f() { return 'new' } }",
            json!(null),
        ),
        (
            "[a, typeof b, new E().f(), _]",
            json!([10, "undefined", "new", null]),
        ),
        ("await Promise.resolve(5)", json!(5)),
        (
            "const later = await Promise.resolve(6), { x, y: [z] } = { x: 1, y: [2] }",
            json!(null),
        ),
        ("_ = later + x + z", json!(9)),
        ("_", json!(9)),
        ("{ a: 1 }", json!({"a": 1})),
        (
            "import { sleep } from 'app/clock'; typeof sleep",
            json!("function"),
        ),
        (
            "sleep(0); typeof require('app/clock').sleep",
            json!("function"),
        ),
        (
            "const n: number = 3; enum Color { Red = 7 } n + Color.Red",
            json!(10),
        ),
        ("Color.Red as number", json!(7)),
        ("export const exported = 4;", json!(null)),
        ("exported", json!(4)),
    ] {
        assert_eq!(value(&session, code).await.unwrap(), expected, "{code}");
    }
    assert!(session.close().await.is_ok());
}

#[tokio::test]
async fn an_error_points_into_its_input_and_is_kept() {
    let session = session();
    value(
        &session,
        "function fail() {\n  throw new RangeError('no');\n}",
    )
    .await
    .unwrap();
    let error = value(&session, "1;\n  fail()").await.unwrap_err();
    assert_eq!(error.message, "no");
    let at = error.location.as_ref().unwrap();
    assert_eq!((at.file.as_str(), at.line), ("REPL1", 2));
    assert!(
        error.render(false).contains("REPL2:2"),
        "{}",
        error.render(false)
    );
    assert_eq!(value(&session, "_error.name").await.unwrap(), "RangeError");
    let error = value(&session, "const x = ;").await.unwrap_err();
    let at = error.location.unwrap();
    assert_eq!((at.file.as_str(), at.line, at.column), ("REPL4", 1, 11));
    session.close().await;
}

#[tokio::test]
async fn an_interrupt_ends_what_runs_and_keeps_the_session() {
    let engine = engine();
    let session = Session::start(&engine, RunOptions::new(), None, |_| {});
    value(&session, "var kept = 1; const { take } = require('app/take'), { sleep } = require('app/clock'); take('mine')")
        .await
        .unwrap();
    let name = SemaphoreName::new("held").unwrap();
    let holder = engine
        .semaphores()
        .semaphore(&name)
        .acquire()
        .await
        .unwrap();
    for code in [
        "while (true) {}",
        "sleep(3600)",
        "await new Promise(() => setTimeout(() => {}, 1e9))",
        "take('other'); take('held')",
        "try { sleep(3600) } catch { } finally { kept = 2 }",
    ] {
        let evaluated = value(&session, code);
        let mut evaluated = Box::pin(evaluated);
        // It has begun when it is no longer answered at once.
        let waited = tokio::time::timeout(Duration::from_millis(50), evaluated.as_mut()).await;
        assert!(waited.is_err(), "{code}");
        session.interrupt();
        let error = evaluated.await.unwrap_err();
        assert_eq!(error.name, "Interrupted", "{code}");
    }
    drop(holder);
    let busy = |name: &str| {
        let name = SemaphoreName::new(name).unwrap();
        let engine = engine.clone();
        async move {
            let view = engine.semaphores().show(&name).await.unwrap();
            view.map_or((0, 0), |view| (view.busy, view.waiting))
        }
    };
    assert_eq!(value(&session, "kept").await.unwrap(), 1);
    // What an earlier input holds, it keeps; what the interrupted one held and waited for is free.
    assert_eq!(busy("mine").await, (1, 0));
    assert_eq!(busy("other").await, (0, 0));
    assert_eq!(busy("held").await, (0, 0));
    session.close().await;
    assert_eq!(busy("mine").await, (0, 0));
}

#[tokio::test]
async fn an_interrupt_ends_promise_jobs_that_make_new_ones_for_ever() {
    for code in [
        "const again = () => queueMicrotask(again); again()",
        "const again = () => Promise.resolve().then(again); again(); 1",
        "const again = async () => { for (;;) await 0 }; again(); again(); 1",
    ] {
        let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
        let started = session.evaluate(code, |_, _, _| ());
        let interrupter = session.interrupter();
        let pressed = std::thread::spawn(move || {
            for _ in 0..20 {
                std::thread::sleep(std::time::Duration::from_millis(20));
                interrupter.interrupt();
            }
        });
        let _ = started.await;
        pressed.join().unwrap();
        let sum = session.evaluate("1 + 1", |ctx, _, value| value_to_json(ctx, value));
        assert_eq!(sum.await.unwrap().unwrap(), 2, "{code}");
        session.close().await;
    }
}

#[tokio::test]
async fn an_interrupt_while_nothing_runs_does_no_harm() {
    let session = session();
    session.interrupt();
    assert_eq!(value(&session, "1").await.unwrap(), 1);
    session.interrupt();
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(value(&session, "2").await.unwrap(), 2);
    session.close().await;
}

#[tokio::test]
async fn timers_and_promises_go_on_between_inputs() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let uncaught = {
        let told = Arc::clone(&told);
        move |error: &RuleError| told.lock().unwrap().push(error.message.clone())
    };
    let session = Session::start(&engine(), RunOptions::new(), None, uncaught);
    value(&session, "var ticks = 0; const timer = setInterval(() => { if (++ticks === 3) clearInterval(timer) }, 1);").await.unwrap();
    value(&session, "setTimeout(() => { throw new Error('late') }, 1); Promise.reject(new Error('rejected')); 0").await.ok();
    while value(&session, "ticks").await.unwrap() != 3 || told.lock().unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    let mut told = told.lock().unwrap().clone();
    told.sort();
    assert_eq!(told, ["late", "rejected"]);
    // A timer that is left keeps no session from its end.
    value(&session, "setInterval(() => {}, 1e6)").await.unwrap();
    assert!(session.close().await.is_ok());
}

#[tokio::test]
async fn too_much_memory_fails_the_input_alone() {
    let options = RunOptions::new().limits(Limits::default().memory(16 << 20));
    let session = Session::start(&engine(), options, None, |_| {});
    for _ in 0..3 {
        let error = value(
            &session,
            "(() => { const all = []; while (true) all.push('x'.repeat(1000) + all.length) })()",
        )
        .await
        .unwrap_err();
        assert_eq!(error.kind, cla_runtime::error::ErrorKind::OutOfMemory);
        assert_eq!(value(&session, "1 + 1").await.unwrap(), 2);
    }
    let error = value(&session, "(function f() { return f() + 1 })()")
        .await
        .unwrap_err();
    assert_eq!(error.kind, cla_runtime::error::ErrorKind::StackOverflow);
    assert_eq!(value(&session, "1 + 1").await.unwrap(), 2);
    session.close().await;
}

#[tokio::test]
async fn rulebooks_share_their_variables_with_the_session() {
    let session = session();
    let book = |text: &str| {
        session.run_text(".yml", text, None, |ctx, _, value| {
            value_to_json(ctx, value).unwrap()
        })
    };
    book("do: [{n =: 1}]").await.unwrap();
    assert_eq!(
        book("- n =: '{{ n + 1 }}'\n- return: ${n}").await.unwrap(),
        2
    );
    let error = book("- ecoh: x").await.unwrap_err();
    assert!(
        error.render(false).contains("REPL3.yml:1:3"),
        "{}",
        error.render(false)
    );
    let error = book("- echo: ${none}").await.unwrap_err();
    assert_eq!(error.message, "none is not set");
    session.close().await;
}

#[tokio::test]
async fn a_session_that_is_cancelled_answers_that_it_has_ended() {
    let engine = engine();
    let session = Session::start(&engine, RunOptions::new(), None, |_| {});
    value(&session, "1").await.unwrap();
    engine.cancel_all();
    engine.idle().await;
    let error = value(&session, "2").await.unwrap_err();
    assert!(error.message.contains("has ended"), "{}", error.message);
}
