//! What a run is: its value, its event loop, how it fails.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, Limits, RunOptions, Script};
use common::{failure, report, value};
use serde_json::json;

#[test]
fn the_value_of_a_script_is_its_last_expression() {
    assert_eq!(value("1 + 2"), 3);
    assert_eq!(value("var x = 4; x * 2;"), 8);
    assert_eq!(value("if (true) { 'a' } else { 'b' }"), "a");
    assert_eq!(value("var x = 1;"), json!(null));
    assert_eq!(
        value("({ a: [1, undefined], b: undefined })"),
        json!({ "a": [1, null] })
    );
    assert_eq!(value(""), json!(null));
    assert_eq!(value("#!/usr/bin/env cla\n7"), 7);
}

#[test]
fn a_value_that_is_a_promise_is_awaited() {
    assert_eq!(value("Promise.resolve(5).then(x => x + 1)"), 6);
    assert_eq!(
        value("(async () => { await null; return 'later' })()"),
        "later"
    );
}

#[test]
fn a_script_may_await_at_its_top_level() {
    assert_eq!(value("const x = await Promise.resolve(20); x + 1"), 21);
    assert_eq!(
        value("await new Promise(done => setTimeout(done, 5)); 'slept'"),
        "slept"
    );
}

#[test]
fn the_value_of_a_module_is_its_default_export() {
    assert_eq!(value("export default 1 + 2"), 3);
    assert_eq!(value("const x = await 5; export default x"), 5);
    assert_eq!(value("export const a = 1"), json!(null));
    assert_eq!(value("export default import.meta.main"), true);
}

#[test]
fn a_default_export_that_is_a_function_is_called_with_the_stash() {
    let engine = Engine::new();
    let run = |text: &str| {
        let options = RunOptions::new().stash(json!({ "who": "world" }));
        engine
            .run(Script::new("rule.js", text), options)
            .wait()
            .result
            .unwrap()
    };
    assert_eq!(
        run("export default stash => `hello ${stash.who}`"),
        "hello world"
    );
    assert_eq!(
        run("export default async function (stash) { await null; return stash.who.length }"),
        5
    );
    assert_eq!(run("export default class A {}"), json!(null));
}

#[test]
fn a_value_that_json_cannot_hold_is_given_as_text_or_refused() {
    assert_eq!(value("10n"), "10");
    let error = failure("var a = {}; a.self = a; a");
    assert!(
        error.message.starts_with("value.self refers back to value"),
        "{error}"
    );
}

#[test]
fn timers_fire_in_the_order_of_their_times() {
    assert_eq!(
        value(
            "const log = [];
             setTimeout(x => log.push(x), 20, 'c');
             setTimeout(() => log.push('b'), 10);
             setImmediate(() => log.push('a'));
             queueMicrotask(() => log.push('microtask'));
             Promise.resolve().then(() => log.push('job'));
             new Promise(done => setTimeout(() => done(log), 30))"
        ),
        json!(["microtask", "job", "a", "b", "c"])
    );
}

#[test]
fn an_interval_repeats_until_it_is_cleared() {
    assert_eq!(
        value(
            "new Promise(done => {
                 let beats = 0;
                 const id = setInterval(() => { if (++beats === 3) { clearInterval(id); done(beats) } }, 1);
             })"
        ),
        3
    );
}

#[test]
fn a_run_ends_when_nothing_is_pending() {
    let slow = report(
        &Engine::new(),
        "slow.js",
        "setTimeout(() => {}, 30); 'value'",
    );
    assert_eq!(slow.result.unwrap(), "value");
    assert!(slow.ran >= Duration::from_millis(30));
    assert_eq!(value("clearTimeout(setTimeout(() => {}, 60_000)); 1"), 1);
}

#[test]
fn what_nobody_catches_fails_the_run() {
    assert_eq!(failure("throw new TypeError('no')").name, "TypeError");
    assert_eq!(
        failure("setTimeout(() => { throw new Error('late') }, 1)").message,
        "late"
    );
    assert_eq!(
        failure("queueMicrotask(() => { throw new Error('job') })").message,
        "job"
    );
    assert_eq!(
        failure("Promise.reject(new Error('unhandled'))").message,
        "unhandled"
    );
    assert_eq!(
        failure("void Promise.reject(new Error('lost')); 1").message,
        "lost"
    );
    assert_eq!(
        failure("(async () => { await 1; throw new RangeError('deep') })(); 0").name,
        "RangeError"
    );
    assert_eq!(
        failure("export default () => { throw new Error('default') }").message,
        "default"
    );
}

#[test]
fn a_rejection_that_is_handled_in_the_same_turn_is_fine() {
    assert_eq!(
        value("const p = Promise.reject(1); p.catch(() => {}); 'ok'"),
        "ok"
    );
}

#[test]
fn waiting_for_what_can_never_happen_is_an_error() {
    let error = failure("await new Promise(() => {})");
    assert!(error.message.contains("never"), "{error}");
}

#[test]
fn a_syntax_error_says_where() {
    let error = failure("let a = 1;\nlet b = ;\n");
    assert_eq!(error.kind, ErrorKind::Syntax);
    assert_eq!(error.location.unwrap().line, 2);
}

#[test]
fn runs_do_not_see_each_other() {
    let engine = Engine::builder().workers(1).build();
    report(
        &engine,
        "a.js",
        "globalThis.leak = 1; Array.prototype.leak = 2",
    )
    .result
    .unwrap();
    let seen = report(&engine, "b.js", "[typeof leak, typeof [].leak]");
    assert_eq!(seen.result.unwrap(), json!(["undefined", "undefined"]));
}

#[test]
fn a_panic_in_a_host_function_fails_that_run_alone() {
    let module = HostModule::new("host").function("boom", |(): ()| -> Result<(), String> {
        panic!("in the host")
    });
    let engine = Engine::builder().workers(1).module(module).build();
    let error = report(&engine, "a.js", "require('host').boom()")
        .result
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Panic);
    assert!(error.message.contains("in the host"), "{error}");
    assert_eq!(report(&engine, "b.js", "1").result.unwrap(), 1);
}

#[test]
fn host_functions_block_return_promises_and_throw() {
    let module = HostModule::new("host")
        .function("add", |(a, b): (i64, Option<i64>)| {
            Ok::<_, String>(a + b.unwrap_or(100))
        })
        .function("fail", |(): ()| Err::<(), _>("not today"))
        .blocking_function("nap", |(ms,): (u64,)| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok::<_, String>("rested")
        })
        .async_function("later", |(ms,): (u64,)| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if ms == 1 { Err("rejected") } else { Ok(ms) }
        });
    let engine = Engine::builder().module(module).build();
    let text = "
        import host, { add } from 'host';
        const out = [add(1, 2), add(1), host.nap(5), await host.later(3)];
        try { host.fail() } catch (e) { out.push(e.message) }
        try { host.add('x') } catch (e) { out.push([e.name, e.message]) }
        out.push(await host.later(1).catch(e => e.message));
        export default out;
    ";
    assert_eq!(
        report(&engine, "rule.js", text).result.unwrap(),
        json!([
            3,
            101,
            "rested",
            3,
            "not today",
            [
                "TypeError",
                "add: argument 1 must be a whole number, not a string"
            ],
            "rejected"
        ])
    );
}

#[test]
fn timers_that_are_always_due_hold_up_no_host_function() {
    let module = HostModule::new("host").async_function("later", |(ms,): (u64,)| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, String>(ms)
    });
    let engine = Engine::builder().workers(1).module(module).build();
    let rule = "
        let done = null;
        const start = Date.now();
        require('host').later(5).then(ms => { done = ms });
        while (done === null && Date.now() < start + 20_000) {
            await new Promise(next => setTimeout(next, 0));
        }
        done";
    let report = engine
        .run(Script::new("rule.js", rule), RunOptions::new())
        .wait();
    assert_eq!(report.result.unwrap(), 5);
}

#[test]
fn many_runs_share_one_thread_while_they_wait() {
    let engine = Engine::builder().workers(1).build();
    let handles: Vec<_> = (0..200)
        .map(|i| {
            let text = format!("await new Promise(done => setTimeout(done, 50)); {i}");
            engine.run(Script::new("nap.js", text), RunOptions::new())
        })
        .collect();
    assert!(engine.runs().len() > 100);
    for (i, handle) in handles.into_iter().enumerate() {
        assert_eq!(handle.wait().result.unwrap(), i);
    }
    assert_eq!(engine.runs().len(), 0);
}

#[test]
fn dropping_the_handle_lets_the_run_go_on() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let module = HostModule::new("host").function("tell", move |(text,): (String,)| {
        sender.send(text).map_err(|error| error.to_string())
    });
    let engine = Engine::builder().module(module).build();
    drop(engine.run(
        Script::new("a.js", "setTimeout(() => require('host').tell('done'), 10)"),
        RunOptions::new().limits(Limits::default()),
    ));
    assert_eq!(
        receiver.recv_timeout(Duration::from_secs(10)).unwrap(),
        "done"
    );
}

#[tokio::test]
async fn a_handle_is_a_future() {
    let engine = Engine::new();
    let report = engine
        .run(Script::new("a.js", "'async'"), RunOptions::new())
        .await;
    assert_eq!(report.result.unwrap(), "async");
}
