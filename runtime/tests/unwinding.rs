//! How the code of a run that is stopped is left: its `finally` blocks are executed, within a grace.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, Limits, RunOptions, RunReport, Script};

/// Nothing of a test takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An engine whose rules say how far they came, and wait for what never comes: as a call that blocks, and as a promise.
fn engine() -> (Engine, Receiver<String>) {
    let (sender, said) = mpsc::channel();
    let module = HostModule::new("host")
        .function_with("say", move |_, (text,): (String,)| {
            sender.send(text)?;
            Ok(())
        })
        .blocking_function_with("block", |_, (): ()| async move {
            std::future::pending::<()>().await;
            Ok(())
        })
        .blocking_function_with("nap", |_, (): ()| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(())
        })
        .async_function_with("never", |_, (): ()| async move {
            std::future::pending::<()>().await;
            Ok(())
        });
    (Engine::builder().module(module).build(), said)
}

/// Runs a text until it has said `ready`, cancels it, and gives its end and what it said after that.
fn cancelled(text: &str, grace: Duration) -> (RunReport, Vec<String>) {
    let (engine, said) = engine();
    let limits = Limits::default().grace(grace);
    let text = format!("const {{ say, block, nap, never }} = require('host');\n{text}");
    let options = RunOptions::new().limits(limits);
    let handle = engine.run(Script::javascript("rule", text), options);
    assert_eq!(said.recv_timeout(PATIENCE).unwrap(), "ready");
    handle.canceller().cancel();
    let report = handle.wait();
    (report, said.try_iter().collect())
}

#[test]
fn finally_is_executed_wherever_a_run_is_cancelled() {
    for work in [
        // In a call that blocks, in a loop, in a built-in function's callback, in nested functions.
        "block()",
        "for (;;);",
        "for (;;) [1].forEach(() => {})",
        "const f = () => { try { for (;;); } finally { say('inner') } }; f()",
        // In promises: of the host, and of timers.
        "await never()",
        "await new Promise(done => setTimeout(done, 3_600_000))",
        "await Promise.all([never(), never()])",
        "for (;;) await null",
    ] {
        let text = format!(
            "try {{ say('ready'); {work} }} finally {{ nap(); say('outer') }}\nsay('after')"
        );
        let text = format!("(async () => {{ {text} }})()");
        let (report, said) = cancelled(&text, PATIENCE);
        assert_eq!(
            report.result.unwrap_err().kind,
            ErrorKind::Cancelled,
            "{work}"
        );
        let expected: &[&str] = match work.contains("inner") {
            true => &["inner", "outer"],
            false => &["outer"],
        };
        assert_eq!(said, expected, "{work}");
    }
}

#[test]
fn every_function_that_waits_is_left() {
    let text = "const one = async (name) => { try { await never() } finally { say(name) } };\n\
                one('a'); one('b'); say('ready'); await one('c')";
    let (report, mut said) = cancelled(text, PATIENCE);
    assert_eq!(report.status(), "cancelled");
    said.sort();
    assert_eq!(said, ["a", "b", "c"]);
}

#[test]
fn what_is_awaited_in_finally_is_waited_for() {
    let text = "try { say('ready'); await never() } finally {\n\
                await new Promise(done => setTimeout(done, 30)); say('cleaned') }";
    let (report, said) = cancelled(text, PATIENCE);
    assert_eq!(report.status(), "cancelled");
    assert_eq!(said, ["cleaned"]);
}

#[test]
fn the_time_limit_leaves_the_code_in_the_same_way() {
    let (engine, said) = engine();
    let limits = Limits::default()
        .timeout(Duration::from_millis(50))
        .grace(PATIENCE);
    let text = "const { say } = require('host'); try { for (;;); } finally { say('cleaned') }";
    let report = engine
        .run(
            Script::javascript("rule", text),
            RunOptions::new().limits(limits),
        )
        .wait();
    assert_eq!(report.status(), "timed_out");
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["cleaned"]);
}

#[test]
fn catch_sees_the_end_once_and_does_not_undo_it() {
    let text = "try { say('ready'); block() } catch (error) { say(`${error.name}: ${error.message}`) }\nsay('goes on'); 7";
    let (report, said) = cancelled(text, PATIENCE);
    assert_eq!(report.status(), "cancelled");
    assert_eq!(said, ["Cancelled: the run was cancelled", "goes on"]);
    let text =
        "say('ready'); try { for (;;); } catch (error) { say(`${error.name}: ${error.message}`) }";
    let (report, said) = cancelled(text, PATIENCE);
    assert_eq!(report.status(), "cancelled");
    assert_eq!(said, ["Cancelled: the run was cancelled"]);
}

#[test]
fn nothing_goes_on_for_longer_than_the_grace() {
    for work in [
        "for (;;) { try { for (;;); } catch {} finally { continue } }",
        "for (;;) { try { block() } catch {} }",
        "for (;;) { try { await never() } catch {} }",
        "const again = () => { setTimeout(again, 1) }; try { await never() } catch { again() }",
        "for (;;) { try { nap() } catch {} }",
    ] {
        let text = format!("say('ready'); {work}");
        let (report, _) = cancelled(&text, Duration::from_millis(100));
        assert_eq!(report.status(), "cancelled", "{work}");
    }
}

#[test]
fn without_a_grace_no_more_code_is_executed() {
    for work in ["block()", "for (;;);", "await never()"] {
        let text = format!(
            "try {{ say('ready'); {work} }} catch {{ say('caught') }} finally {{ say('finally') }}"
        );
        let (report, said) = cancelled(&text, Duration::ZERO);
        assert_eq!(report.status(), "cancelled", "{work}");
        assert!(said.is_empty(), "{work}: {said:?}");
    }
}

#[test]
fn a_rule_that_has_nothing_to_clean_up_ends_at_once() {
    // The grace is longer than a test may take.
    for work in [
        "block()",
        "await never()",
        "await new Promise(() => {})",
        "await new Promise(done => setTimeout(() => done(), 3_600_000))",
        "setInterval(() => {}, 1)",
    ] {
        let text = format!("setInterval(() => {{}}, 3_600_000); say('ready'); {work}");
        let (report, _) = cancelled(&text, Duration::from_secs(24 * 3600));
        assert_eq!(report.status(), "cancelled", "{work}");
    }
}

#[test]
fn an_error_hook_of_the_rule_stays_and_is_not_called_for_the_end() {
    let text = "Error.prepareStackTrace = (error) => { say('hook: ' + error.message); return 'mine' };\n\
                say('ready'); try { for (;;); } finally { say(new Error('own').stack) }";
    let (report, said) = cancelled(text, PATIENCE);
    assert_eq!(report.status(), "cancelled");
    assert_eq!(said, ["hook: own", "mine"]);
}
