//! A panic of the host's code ends the run that called it, wherever in the run that was, and nothing in the rule holds it.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::host::{Extension, NativeModule, Run};
use cla_runtime::js::{Ctx, Function, Object, Result};
use cla_runtime::output::OutputStream;
use cla_runtime::{Engine, HostModule, Limits, Output, RunOptions, Script, Session};
use common::report;

/// A module whose exports cannot be made.
struct Broken;

impl NativeModule for Broken {
    fn name(&self) -> &str {
        "broken"
    }

    fn exports<'js>(&self, _: &Ctx<'js>, _: &Rc<Run>) -> Result<Object<'js>> {
        panic!("in the host")
    }
}

/// The global `raw()`: a function that rquickjs calls without anything of ours in between.
struct Raw;

impl Extension for Raw {
    fn install<'js>(&self, ctx: &Ctx<'js>, _: &Rc<Run>) -> Result<()> {
        let raw = Function::new(ctx.clone(), || -> i32 { panic!("in the host") })?;
        ctx.globals().set("raw", raw)
    }
}

/// An engine whose `after()` counts what goes on after a panic.
fn engine(after: &Arc<AtomicU32>) -> Engine {
    let after = Arc::clone(after);
    let module = HostModule::new("host")
        .function("boom", |(): ()| -> std::result::Result<(), String> {
            panic!("in the host")
        })
        .blocking_function("blocking", |(): ()| async {
            tokio::task::yield_now().await;
            let text = String::from("in the host");
            if !text.is_empty() {
                panic!("{text}");
            }
            Ok::<_, String>(())
        })
        .async_function("later", |(): ()| async {
            tokio::task::yield_now().await;
            let text = String::from("in the host");
            if !text.is_empty() {
                panic!("{text}");
            }
            Ok::<_, String>(())
        })
        .function("after", move |(): ()| {
            after.fetch_add(1, Ordering::Relaxed);
            Ok::<_, String>(())
        });
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .limits(Limits::default().timeout(Duration::from_secs(20)))
        .module(module)
        .module(Broken)
        .extension(Raw)
        .with(cla_rulebook::install)
        .build()
}

/// Where a panic happens. `CALL` is the call that panics; what follows it must not go on.
const PLACES: [(&str, &str); 16] = [
    ("plain", "CALL; after()"),
    ("try and catch", "try { CALL } catch { after() } after()"),
    ("try and finally", "try { CALL } finally { after() }"),
    (
        "finally that returns",
        "(() => { try { CALL } finally { return 1 } })(); after()",
    ),
    ("a loop that catches", "for (;;) { try { CALL } catch { } }"),
    (
        "a promise's reaction",
        "Promise.resolve().then(() => { CALL }).catch(() => after()).then(after)",
    ),
    (
        "a promise's executor",
        "new Promise(() => { CALL }).catch(after).finally(after)",
    ),
    (
        "an async function",
        "(async () => { try { await null; CALL } catch { after() } })()",
    ),
    (
        "a microtask",
        "queueMicrotask(() => { try { CALL } catch { after() } })",
    ),
    (
        "a timer",
        "setTimeout(() => { try { CALL } catch { after() } }, 1)",
    ),
    (
        "an immediate",
        "setImmediate(() => { CALL }); setTimeout(after, 5)",
    ),
    (
        "a getter",
        "try { ({ get x() { CALL } }).x } catch { after() }",
    ),
    (
        "toJSON",
        "try { JSON.stringify({ toJSON() { CALL } }) } catch { after() }",
    ),
    (
        "the run's value",
        "({ toJSON() { try { CALL } catch { after() } } })",
    ),
    (
        "a callback of a built-in",
        "try { [1, 2].map(() => { CALL }) } catch { after() } after()",
    ),
    (
        "a proxy",
        "try { Object.keys(new Proxy({}, { ownKeys() { CALL } })) } catch { after() }",
    ),
];

#[test]
fn nothing_in_a_rule_holds_a_panic_of_the_host() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    for call in ["boom()", "blocking()", "require('broken')"] {
        for (place, code) in PLACES {
            let text = format!(
                "const {{ boom, blocking, later, after }} = require('host');\n{}",
                code.replace("CALL", call)
            );
            let error = report(&engine, "rule.js", &text).result.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Panic, "{call} in {place}: {error}");
            assert!(
                error.message.contains("in the host"),
                "{call} in {place}: {error}"
            );
            assert_eq!(
                after.swap(0, Ordering::Relaxed),
                0,
                "{call} in {place} went on"
            );
        }
    }
    // The neighbours have noticed nothing.
    assert_eq!(report(&engine, "next.js", "1").result.unwrap(), 1);
}

#[test]
fn a_future_that_panics_ends_the_run_whoever_listens_to_its_promise() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    for code in [
        "later()",
        "later().catch(after).then(after)",
        "(async () => { try { await later() } catch { after() } finally { after() } })()",
        "Promise.allSettled([later(), later()]).then(after)",
        "Promise.race([later(), new Promise(done => setTimeout(done, 50))]).then(after)",
    ] {
        let text = format!("const {{ later, after }} = require('host');\n{code}");
        let error = report(&engine, "rule.js", &text).result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Panic, "{code}: {error}");
        assert!(error.message.contains("in the host"), "{code}: {error}");
        assert_eq!(after.swap(0, Ordering::Relaxed), 0, "{code} went on");
    }
}

#[test]
fn a_function_that_is_called_without_our_help_ends_the_run_soon() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    for (place, code) in PLACES {
        let text = format!(
            "const {{ after }} = require('host');\n{}",
            code.replace("CALL", "raw()")
        );
        let error = report(&engine, "rule.js", &text).result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Panic, "{place}: {error}");
        assert!(error.message.contains("in the host"), "{place}: {error}");
    }
}

#[test]
fn a_module_that_panics_while_it_is_evaluated_ends_the_run() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("static.mjs", "import x from 'broken'; export default 1");
    write(
        "calls.mjs",
        "import { boom } from 'host'; boom(); export default 1",
    );
    write("raw.mjs", "raw(); export default 1");
    write("common.cjs", "require('host').boom()");
    for module in ["static.mjs", "calls.mjs", "raw.mjs", "common.cjs"] {
        for code in [
            format!("import './{module}'; export default 1"),
            format!("export default await import('./{module}').catch(() => 1)"),
            format!(
                "let x = 1; try {{ await import('./{module}') }} catch {{ x = 2 }} finally {{ x = 3 }} export default x"
            ),
            format!(
                "import {{ createRequire }} from 'host'; export default 1; require('./{module}')"
            )
            .replace("import { createRequire } from 'host'; ", ""),
            format!("try {{ require('./{module}') }} catch {{ }} export default 1"),
        ] {
            write("rule.mjs", &code);
            let script = Script::file(folder.path().join("rule.mjs"));
            let error = engine
                .run(script, RunOptions::new())
                .wait()
                .result
                .unwrap_err();
            assert_eq!(error.kind, ErrorKind::Panic, "{code}: {error}");
        }
    }
}

#[test]
fn a_child_that_panics_is_an_error_that_its_parent_may_catch() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "child.js",
        "try { require('host').boom() } catch { require('host').after() }",
    );
    write(
        "parent.yml",
        "do:\n  - try:\n      - call: child.js\n    catch:\n      - return: caught\n",
    );
    let script = Script::file(folder.path().join("parent.yml"));
    let result = engine.run(script, RunOptions::new()).wait().result;
    assert_eq!(result.unwrap(), "caught");
    assert_eq!(after.load(Ordering::Relaxed), 0);
}

#[test]
fn a_rulebooks_finally_does_not_hold_a_panic() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    let text = "do:\n  - try:\n      - do: require('host').boom()\n    catch:\n      - do: require('host').after()\n    finally:\n      - do: require('host').after()\n";
    let error = report(&engine, "rule.yml", text).result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Panic, "{error}");
    assert_eq!(after.load(Ordering::Relaxed), 0);
}

#[test]
fn a_panic_that_the_host_catches_itself_is_none() {
    let module = HostModule::new("host").function("careful", |(): ()| {
        let caught = std::panic::catch_unwind(|| panic!("inside")).is_err();
        Ok::<_, String>(caught)
    });
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .module(module)
        .build();
    let code = "let n = 0; for (let i = 0; i < 3; i++) { n += require('host').careful(); for (let j = 0; j < 1e5; j++); } n";
    assert_eq!(report(&engine, "rule.js", code).result.unwrap(), 3);
}

#[test]
fn a_session_whose_input_panics_ends_with_it() {
    let after = Arc::new(AtomicU32::new(0));
    let engine = engine(&after);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let session = Session::start(&engine, RunOptions::new(), None, |_| {});
        let code = "try { require('host').boom() } catch { 1 }";
        let error = session.evaluate(code, |_, _, _| ()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Panic, "{error}");
        let report = session.close().await;
        assert_eq!(report.result.unwrap_err().kind, ErrorKind::Panic);
    });
}

/// An output that cannot be written to.
struct Torn;

impl Output for Torn {
    fn write(&self, _: OutputStream, _: &str) {
        panic!("in the host")
    }
}

#[test]
fn an_output_that_panics_ends_the_run() {
    struct Print;
    impl Extension for Print {
        fn install<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Result<()> {
            let run = Rc::clone(run);
            let print = Function::new(ctx.clone(), move |ctx: Ctx<'js>, text: String| {
                run.write(&ctx, OutputStream::Stdout, &text)
            })?;
            ctx.globals().set("print", print)
        }
    }
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .extension(Print)
        .build();
    let script = Script::new("rule.js", "try { print('x') } catch { } 1");
    let run = engine.run(script, RunOptions::new().output(Arc::new(Torn)));
    assert_eq!(run.wait().result.unwrap_err().kind, ErrorKind::Panic);
}
