//! A run belongs to somebody: data, an environment of its own, and bounds for each engine and each of its host's customers.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::engine::WhenFull;
use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, Limits, Permissions, RunOptions, RunReport, Script};
use cla_tests::output::Printed;
use serde_json::json;

#[derive(Debug, PartialEq)]
struct Tenant(&'static str);

fn script(text: &str) -> Script {
    Script::javascript("rule", text)
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn refused(report: &RunReport) -> bool {
    matches!(&report.result, Err(error) if error.kind == ErrorKind::Refused)
}

#[test]
fn data_is_the_runs_and_of_all_that_it_starts_and_no_rule_sees_it() {
    let engine = Engine::builder()
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let create = "Object.keys(globalThis).concat(require('cla/rule').create({name: 'child'}, [{return: 1}]).run({}))";
    let options = RunOptions::new().data(Tenant("a")).data(7_u32);
    let report = block_on(engine.run(script(create), options));
    assert_eq!(report.data.get::<Tenant>().as_deref(), Some(&Tenant("a")));
    assert_eq!(report.data.get::<u32>().as_deref(), Some(&7));
    assert!(report.data.get::<String>().is_none());
    let said = format!("{:?} {:?}", report.result.unwrap(), report.data);
    assert!(!said.contains("Tenant"), "{said}");
    // What it starts has the same, as long as it runs.
    let long = engine.run(
        script("require('cla/rule').create({name: 'child'}, [{sleep: '1h'}]).run({})"),
        RunOptions::new().data(Tenant("b")),
    );
    let children = || {
        let live = engine.live_runs();
        live.iter()
            .filter(|run| run.data.get::<Tenant>().as_deref() == Some(&Tenant("b")))
            .count()
    };
    cla_tests::redis::eventually("both runs are the tenant's", || children() == 2);
    long.cancel();
    block_on(long);
}

#[test]
fn an_environment_that_is_given_is_all_there_is() {
    let engine = Engine::builder()
        .environment([("WHO", "engine"), ("ONLY", "1")])
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .permissions(
            Permissions::default()
                .allow(cla_runtime::permissions::Permission::Run, ["sh"])
                .unwrap(),
        )
        .build();
    let env = "JSON.stringify(require('cla/process').env)";
    let value = |options| block_on(engine.run(script(env), options)).result.unwrap();
    assert_eq!(
        value(RunOptions::new()),
        json!(r#"{"WHO":"engine","ONLY":"1"}"#)
    );
    let own = || RunOptions::new().environment([("WHO", "run")]);
    assert_eq!(value(own()), json!(r#"{"WHO":"run"}"#));
    let rule = "require('cla/rule').create({name: 'x'}, [{'x = shell': 'echo $WHO $HOME'}, {return: '${x.output}'}]).run({})";
    assert_eq!(
        block_on(engine.run(script(rule), own())).result.unwrap(),
        "run"
    );
}

#[test]
fn an_engine_runs_no_more_at_once_than_it_may() {
    let engine = Engine::builder()
        .max_runs(2, WhenFull::Refuse)
        .workers(1)
        .build();
    let endless = || engine.run(script("for (;;);"), RunOptions::new());
    let long = [endless(), endless()];
    cla_tests::redis::eventually("both run", || {
        refused(&block_on(engine.run(script("1"), RunOptions::new())))
    });
    let report = block_on(engine.run(script("1"), RunOptions::new()));
    assert_eq!(
        report.result.unwrap_err().message,
        "2 rules run at once already, which is all that may"
    );
    for run in long {
        run.cancel();
        block_on(run);
    }
    assert_eq!(
        block_on(engine.run(script("1"), RunOptions::new()))
            .result
            .unwrap(),
        1
    );
}

#[test]
fn who_waits_for_a_place_is_served_in_order_and_can_give_up() {
    let order = Arc::new(Printed::default());
    let engine = Engine::builder()
        .max_runs(1, WhenFull::Wait)
        .workers(1)
        .with(cla_stdlib::install)
        .build();
    let long = engine.run(script("for (;;);"), RunOptions::new());
    let mut waiting: Vec<_> = (0..5)
        .map(|n| {
            // The time limit begins when a run starts, so waiting does not use it up.
            let limits = Limits::default().timeout(Duration::from_secs(60));
            let options = RunOptions::new().output(order.clone()).limits(limits);
            engine.run(script(&format!("print({n})")), options)
        })
        .collect();
    let cancelled = waiting.remove(2);
    cancelled.cancel();
    assert_eq!(
        block_on(cancelled).result.unwrap_err().kind,
        ErrorKind::Cancelled
    );
    assert_eq!(order.text(), "");
    long.cancel();
    block_on(long);
    for run in waiting {
        assert!(block_on(run).is_ok());
    }
    assert_eq!(order.text(), "0\n1\n3\n4\n");
}

/// Runs are on several threads, and still it is the order in which they were started that counts.
#[test]
fn the_first_to_be_started_has_the_place() {
    for _ in 0..50 {
        let engine = Engine::builder()
            .max_runs(1, WhenFull::Refuse)
            .workers(4)
            .build();
        let first = engine.run(script("for (;;);"), RunOptions::new());
        for _ in 0..4 {
            assert!(refused(&block_on(
                engine.run(script("1"), RunOptions::new())
            )));
        }
        first.cancel();
        assert!(!refused(&block_on(first)));
    }
}

#[test]
fn a_customer_takes_no_more_places_than_its_own() {
    let key = |tenant: &Tenant| tenant.0.to_owned();
    let engine = Engine::builder()
        .max_runs_by(key, 1, WhenFull::Refuse)
        .workers(1)
        .build();
    let of = |name| RunOptions::new().data(Tenant(name));
    let long = engine.run(script("for (;;);"), of("a"));
    cla_tests::redis::eventually("it runs", || {
        refused(&block_on(engine.run(script("1"), of("a"))))
    });
    assert!(block_on(engine.run(script("1"), of("b"))).is_ok());
    assert!(
        block_on(engine.run(script("1"), RunOptions::new())).is_ok(),
        "nobody's"
    );
    let long_key = "x".repeat(1_000);
    let engine_of_long = Engine::builder()
        .max_runs_by(move |_: &u32| long_key.clone(), 1, WhenFull::Wait)
        .build();
    assert!(block_on(engine_of_long.run(script("1"), RunOptions::new().data(1_u32))).is_ok());
    long.cancel();
    block_on(long);
}

#[test]
fn a_run_writes_no_more_than_it_may() {
    let engine = Engine::builder()
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .permissions(Permissions::all())
        .build();
    let ran = |text: &str| {
        let output = Arc::new(Printed::default());
        let options = RunOptions::new()
            .output(output.clone())
            .limits(Limits::default().output(10));
        (
            block_on(engine.run(script(text), options)).result,
            output.text(),
        )
    };
    let (result, text) =
        ran("print('12345'); print('123'); try { print('x') } catch (e) { e.name }");
    assert_eq!(
        (result.unwrap(), text.as_str()),
        (json!("RangeError"), "12345\n123\n")
    );
    let (result, text) = ran("for (;;) console.log('1')");
    assert!(result.unwrap_err().message.contains("10 bytes of output"));
    assert_eq!(text, "1\n1\n1\n1\n1\n");
    // What it starts writes from the same account, and so do commands.
    let rule = |op: &str| format!("require('cla/rule').create({{name: 'x'}}, [{op}]).run({{}})");
    let (result, text) = ran(&rule("{echo: '123456789'}, {echo: '1'}"));
    assert!(result.is_err() && text == "123456789\n", "{text}");
    let (result, text) = ran(&rule("{shell: 'yes'}"));
    assert!(result.is_err() && text.len() <= 10, "{text}");
}

#[test]
fn no_more_requests_wait_than_may() {
    let module = HostModule::new("app/nothing");
    let engine = Engine::builder()
        .max_waiting(2)
        .workers(1)
        .module(module)
        .with(cla_stdlib::install)
        .build();
    let take = "const sem = require('cla/sem'); sem.take('x', () => { for (;;) require('cla/util').sleep(0.01) })";
    let runs: Vec<_> = (0..3)
        .map(|_| engine.run(script(take), RunOptions::new()))
        .collect();
    let waiting = || {
        block_on(engine.semaphores().list())
            .unwrap()
            .first()
            .map_or(0, |view| view.waiting)
    };
    cla_tests::redis::eventually("two wait", || waiting() == 2);
    let one_more =
        "try { require('cla/sem').take('x', () => 1) } catch (e) { [e.name, e.message] }";
    let said = block_on(engine.run(script(one_more), RunOptions::new()))
        .result
        .unwrap();
    let message = "2 requests of this engine wait for slots already, which is all that may";
    assert_eq!(said, json!(["RangeError", message]));
    // A free slot needs no place in a line.
    let free = "require('cla/sem').take('free', () => 1)";
    assert_eq!(
        block_on(engine.run(script(free), RunOptions::new()))
            .result
            .unwrap(),
        1
    );
    for run in runs {
        run.cancel();
        block_on(run);
    }
}
