//! What a host sees of its runs: reports and errors as JSON and as text, checks and plans, events, spans, logs, limits.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "observed/spans.rs"]
mod spans;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::observe::EngineEvent;
use cla_runtime::output::{LogRecord, OutputStream};
use cla_runtime::permissions::Permission;
use cla_runtime::plan::{Plan, PlannedFork};
use cla_runtime::trace::{Trace, TracedRun};
use cla_runtime::value::Wanted;
use cla_runtime::{Engine, Limits, Output, Permissions, RuleError, RunOptions, RunReport, Script};
use cla_tests::output::Printed;
use cla_tests::redis::eventually;
use serde_json::{Value, json};

fn engine() -> Engine {
    Engine::builder()
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn report(text: &str) -> RunReport {
    let script = Script::javascript("rule", text);
    engine().run(script, RunOptions::new()).wait()
}

/// Every error that a host can meet crosses threads, outlives what it is about, and fits into `Box<dyn Error>`.
#[test]
fn every_public_error_is_an_error_that_threads_can_share() {
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    fn is_shared<T: Send + Sync + 'static>() {}

    is_error::<cla_runtime::RuleError>();
    is_error::<cla_runtime::permissions::PermissionDenied>();
    is_error::<cla_runtime::permissions::FileError>();
    is_error::<cla_runtime::permissions::InvalidPermission>();
    // It is made of any error, so it cannot be one.
    is_shared::<cla_runtime::host::HostError>();

    is_error::<cla_semaphore::AcquireError>();
    is_error::<cla_semaphore::AdminError>();
    is_error::<cla_semaphore::ChangeError>();
    is_error::<cla_semaphore::DeadlockError>();
    is_error::<cla_semaphore::EventsError>();
    is_error::<cla_semaphore::GlobError>();
    is_error::<cla_semaphore::IdError>();
    is_error::<cla_semaphore::NameError>();
    is_error::<cla_semaphore::RefreshError>();
    is_error::<cla_semaphore::ReleaseError>();
    is_error::<cla_semaphore::SlotIdError>();
    is_error::<cla_semaphore::SlotsError>();
    is_error::<cla_semaphore::StoreError>();
    is_error::<cla_semaphore::StoreUrlError>();
    is_error::<cla_semaphore::TtlError>();
    is_error::<cla_semaphore::provider::Error>();
    is_error::<cla_semaphore::ConnectError>();
    is_error::<cla_semaphore::ReplyError>();
    is_error::<cla_semaphore::RequestError>();

    is_error::<cla_rulebook::InputError>();
    is_error::<cla_rulebook::ServiceNameError>();
    is_error::<cla_stdlib::UnknownModule>();
}

#[test]
fn a_report_comes_back_from_json_as_it_was() {
    let rule = "const sem = require('cla/sem');
        sem.take('db', () => sem.take('disk', () => 1));
        ({list: [1, 'two', null], deep: {n: 1.5}})";
    let trace = Trace::start();
    let options = RunOptions::new().trace(trace.clone());
    let report = engine()
        .run(Script::javascript("rule", rule), options)
        .wait();
    let text = serde_json::to_string(&report).unwrap();
    let read: RunReport = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (read.id, &read.name, read.status()),
        (report.id, &report.name, "ok")
    );
    assert_eq!(
        read.result.as_ref().unwrap()["list"],
        json!([1, "two", null])
    );
    assert_eq!((read.waited, read.ran), (report.waited, report.ran));
    assert_eq!(
        (&read.semaphores, &read.regions),
        (&report.semaphores, &report.regions)
    );
    assert_eq!(read.regions.len(), 2);
    assert_eq!(read.peak_memory, report.peak_memory);
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    // The program's shape is the same, with the file.
    let mut line: Value = serde_json::from_str(&report.to_json("a/rule.js")).unwrap();
    assert_eq!(
        line.as_object_mut().unwrap().remove("file"),
        Some("a/rule.js".into())
    );
    assert_eq!(line, serde_json::to_value(&report).unwrap());

    let runs: Vec<TracedRun> = serde_json::from_value(json!(trace)).unwrap();
    assert_eq!(runs, trace.runs());
}

#[test]
fn a_failure_comes_back_from_json_with_its_frames_its_line_and_its_cause() {
    let rule = "function inner() { throw new RangeError('no') }
        try { inner() } catch (cause) { throw new Error('out', { cause }) }";
    let report = report(rule);
    let error = report.result.as_ref().unwrap_err();
    assert!(!error.frames.is_empty() && error.snippet.is_some());
    let read: RunReport = serde_json::from_value(json!(report)).unwrap();
    let read = read.result.unwrap_err();
    assert_eq!(&read, error);
    assert_eq!(read.cause.unwrap().frames.len(), 2);
}

#[test]
fn a_value_that_json_does_not_know_is_in_the_report_as_json() {
    let options = RunOptions::new().wanted(Wanted::Value);
    let script = Script::javascript("rule", "({bytes: new Uint8Array([1, 2])})");
    let report = engine().run(script, options).wait();
    assert_eq!(json!(report)["value"], json!({"bytes": [1, 2]}));
}

#[test]
fn what_is_no_report_is_refused_with_the_field_that_is_wrong() {
    let report = report("1");
    for (field, wrong, said) in [
        ("waited", json!(-1), "negative"),
        ("ran", json!("long"), "expected f64"),
        ("semaphores", json!([{"name": ""}]), "name"),
        ("error", json!({"kind": "bad luck"}), "bad luck"),
    ] {
        let mut json = json!(report);
        json[field] = wrong;
        let refused = serde_json::from_value::<RunReport>(json)
            .unwrap_err()
            .to_string();
        assert!(refused.contains(said), "{field}: {refused}");
    }
}

#[test]
fn an_error_is_shown_in_a_line_with_its_place_or_with_its_source() {
    let error = report("const a = 1;\n\nb();").result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule:3:1: ReferenceError: b is not defined"
    );
    assert_eq!(error.summary(), "ReferenceError: b is not defined");
    let framed = format!("{error:#}");
    assert!(
        framed.contains("┌─ rule:3:1") && framed.contains("3 │ b();"),
        "{framed}"
    );
    assert_eq!(framed, error.render(false).trim_end());
    // What an author wrote steers no terminal.
    let hostile = Script::javascript(
        "\u{1b}[31mred\nline",
        "throw new Error('\\x1b[2J\\n' + 'gone')",
    );
    let error: RuleError = engine()
        .run(hostile, RunOptions::new())
        .wait()
        .result
        .unwrap_err();
    let line = error.to_string();
    assert!(!line.contains(['\u{1b}', '\n']), "{line:?}");
}

#[test]
fn debug_output_is_short_whatever_the_rule_is() {
    let text = "// a long line of source\n".repeat(1000);
    let script = Script::javascript("rule", text);
    let options = RunOptions::new().stash(json!({"secret": "x".repeat(10_000)}));
    let engine = engine();
    let mut shown = vec![
        format!("{engine:?}"),
        format!("{script:?}"),
        format!("{options:?}"),
    ];
    let handle = engine.run(script, options);
    shown.push(format!("{handle:?}"));
    for shown in &shown {
        assert!(shown.len() < 200 && !shown.contains("long line"), "{shown}");
    }
    assert!(shown[1].contains("25000"), "{}", shown[1]);
    assert!(handle.wait().ran < Duration::from_secs(60));
}

#[test]
fn a_check_knows_the_modules_of_the_engine_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        Script::file(folder.path().join(name))
    };
    std::fs::create_dir(folder.path().join("in")).unwrap();
    write(
        "lib.mjs",
        "import { tkae } from 'cla/sem'; export const a = 1;",
    );
    write("broken.mjs", "export const = 1;");
    let rule = write(
        "in/rule.mjs",
        "import fs from '../lib.mjs';
import { take, region as r, slepe } from 'cla/sem';
import './missing.mjs';
const { display, sleep } = require('cla/util');
const maybe = require('cla/smm');
throw new Error('it was run', { cause: [fs, take, r, slepe, maybe, display, sleep] });",
    );
    let outer = write("rule.mjs", "import './lib.mjs'; import './broken.mjs';");
    let book = write(
        "book.yml",
        "do: [{ecoh: x}, {semaphore: a, do: [{semaphore: b, echo: '{{ 1 + }}'}]}]",
    );
    let other = write(
        "other.js",
        "const sem = require('cla/sem'); sem.take('b', () => sem.take('a', () => 1))",
    );
    let good = write(
        "good.yml",
        "do: [{semaphore: a, do: [{semaphore: b, echo: '{{ 1 + 2 }}'}]}]",
    );
    let engine = engine();
    let check = |scripts: &[Script]| {
        let found = block_on(engine.check_all(scripts, RunOptions::new()));
        let lines = found.iter().map(|finding| {
            let at = finding.error.location.as_ref().unwrap();
            let file = at.file.rsplit('/').next().unwrap();
            let message = finding.error.message.split([';', ':']).next().unwrap();
            format!(
                "{:?} {file}:{}:{} {message}",
                finding.severity, at.line, at.column
            )
        });
        lines.collect::<Vec<_>>()
    };
    let found = check(&[rule]);
    assert_eq!(
        found,
        [
            "Error rule.mjs:1:16 module '../lib.mjs' lies outside of the rule's folder",
            "Error rule.mjs:2:16 cla/sem exports no region",
            "Error rule.mjs:2:29 cla/sem exports no slepe",
            "Error rule.mjs:3:8 cannot find module './missing.mjs'",
            "Warning rule.mjs:4:9 cla/util exports no display",
            "Warning rule.mjs:5:23 there is no module 'cla/smm'",
        ],
        "{found:#?}"
    );
    let found = check(&[outer]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found
            .iter()
            .any(|line| line.ends_with("lib.mjs:1:10 cla/sem exports no tkae")),
        "{found:#?}"
    );
    let found = check(&[book]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].ends_with("there is no op \"ecoh\""), "{found:?}");
    // Each of both is fine, but they do not go together.
    let found = check(&[good, other]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found
            .iter()
            .all(|line| line.starts_with("Warning") && line.contains("while it holds")),
        "{found:#?}"
    );
}

#[test]
fn a_check_has_the_limits_and_the_permissions_of_its_engine() {
    let folder = tempfile::tempdir().unwrap();
    let lib = folder.path().join("lib.mjs");
    std::fs::write(&lib, "export const a = 1;").unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let rule = folder.path().join("in/rule.mjs");
    std::fs::write(&rule, "import '../lib.mjs';").unwrap();
    let permitted = Permissions::default()
        .allow(Permission::Import, folder.path())
        .unwrap();
    let engine = Engine::builder().permissions(permitted).build();
    assert_eq!(block_on(engine.check(&Script::file(&rule))), []);
    let options = RunOptions::new().permissions(Permissions::default());
    let found = block_on(engine.check_all(&[Script::file(&rule)], options));
    assert!(
        found[0]
            .error
            .message
            .contains("outside of the rule's folder"),
        "{found:?}"
    );
    // A file that is not there, and an engine that is shut down.
    let found = block_on(engine.check(&Script::file("no/such.js")));
    assert!(
        found[0].error.message.starts_with("cannot read no/such.js"),
        "{found:?}"
    );
    block_on(engine.shutdown(Duration::ZERO));
    let found = block_on(engine.check(&Script::file(&rule)));
    assert!(
        found[0].error.message.contains("shutting down"),
        "{found:?}"
    );
}

#[test]
fn a_plan_of_a_rulebook_is_its_ops_and_that_of_a_script_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("defs.yml"),
        "def: {greet: {args: [who], do: [{echo: 'hi ${who}'}]}}",
    )
    .unwrap();
    let book = "import: ./defs.yml\nvars: {env: test}\ndo:\n  - {semaphore: 'deploy-${env}', greet: me, parallel: wait}\n";
    let path = folder.path().join("book.yml");
    std::fs::write(&path, book).unwrap();
    let engine = engine();
    let options = RunOptions::new().stash(json!({"env": "prod"}));
    let plan = block_on(engine.plan(&Script::file(&path), options)).unwrap();
    assert_eq!(plan.semaphores[0].name, "deploy-prod");
    assert_eq!(
        (plan.imports[0].specifier.as_str(), plan.imports[0].line),
        ("./defs.yml", 1)
    );
    let op = &plan.ops.as_ref().unwrap()[0];
    assert_eq!(
        (op.line, op.op.as_str(), op.parallel),
        (4, "greet", Some(PlannedFork::Wait))
    );
    let read: Plan = serde_json::from_value(json!(plan)).unwrap();
    assert_eq!(read, plan);
    let options = RunOptions::new().event("never");
    let error = block_on(engine.plan(&Script::file(&path), options)).unwrap_err();
    assert!(error.message.contains("has no event \"never\""), "{error}");

    let script = "import { take } from 'cla/sem';\nimport { x } from './x.js';\n\
                  export default () => take('a', () => take({key: 'b'}, () => take('a', () => x)));";
    let script = Script::new("rule.mjs", script).in_folder(folder.path());
    let plan = block_on(engine.plan(&script, RunOptions::new())).unwrap();
    assert_eq!(plan.ops, None);
    let names: Vec<_> = plan
        .semaphores
        .iter()
        .map(|semaphore| semaphore.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    let imports: Vec<_> = plan
        .imports
        .iter()
        .map(|import| import.module.as_deref())
        .collect();
    assert_eq!(imports, [Some("cla/sem"), None]);

    // What it exports is taken too, and also by a rule that imports nothing.
    let script = "export const semaphore = {key: 'db', slots: 2};\nexport default () => 1;";
    let script = Script::javascript("rule.mjs", script);
    let plan = block_on(engine.plan(&script, RunOptions::new())).unwrap();
    assert_eq!(plan.semaphores[0].name, "db");
}

/// An engine whose events are written down in a few words.
fn told() -> (Engine, Arc<Mutex<Vec<String>>>) {
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let hears = Arc::clone(&said);
    let listener = move |event: &EngineEvent<'_>| {
        let line = match event {
            EngineEvent::RunStarted { run } => format!("{} starts", run.name),
            EngineEvent::RunEnded { run, report } => {
                format!("{} ends {}", run.name, report.status())
            }
            EngineEvent::RunRefused { run, .. } => format!("{} refused", run.name),
            EngineEvent::WaitStarted { run, semaphore } => {
                format!("{} waits {semaphore}", run.name)
            }
            EngineEvent::WaitEnded {
                run,
                semaphore,
                waited,
            } => {
                assert!(!waited.is_zero());
                format!("{} waited {semaphore}", run.name)
            }
            EngineEvent::Taken { run, semaphore } => format!("{} takes {semaphore}", run.name),
            EngineEvent::Released {
                run,
                semaphore,
                held,
            } => {
                assert!(!held.is_zero());
                format!("{} releases {semaphore}", run.name)
            }
            EngineEvent::LimitHit { run, limit } => format!("{} hits {}", run.name, limit.name()),
            other => format!("{other:?}"),
        };
        hears.lock().unwrap().push(line);
    };
    let engine = Engine::builder()
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .on_event(listener)
        .build();
    (engine, said)
}

fn of(said: &Mutex<Vec<String>>, run: &str) -> Vec<String> {
    let said = said.lock().unwrap();
    let own = said
        .iter()
        .filter_map(|line| line.strip_prefix(run)?.strip_prefix(' '));
    own.map(str::to_owned).collect()
}

#[test]
fn a_host_hears_of_starts_waits_slots_and_ends() {
    let (engine, said) = told();
    let hold = "require('cla/sem').take('db', () => { while (!globalThis.done) require('cla/util').sleep(0.001) })";
    let holder = engine.run(Script::javascript("holder", hold), RunOptions::new());
    eventually("the slot is taken", || of(&said, "holder").len() == 2);
    let wait = "require('cla/sem').take('db', () => 1)";
    let waiter = engine.run(Script::javascript("waiter", wait), RunOptions::new());
    eventually("the other one waits", || of(&said, "waiter").len() == 2);
    holder.cancel();
    assert_eq!(holder.wait().status(), "cancelled");
    assert!(waiter.wait().is_ok());
    assert_eq!(
        of(&said, "holder"),
        ["starts", "takes db", "releases db", "ends cancelled"]
    );
    assert_eq!(
        of(&said, "waiter"),
        [
            "starts",
            "waits db",
            "waited db",
            "takes db",
            "releases db",
            "ends ok"
        ]
    );
    // A rulebook's regions and forks, and a run that is not started.
    let book = "do: [{semaphore: disk, parallel: wait, echo: hi}]";
    let book = Script::in_language("yml", "book", book);
    let options = RunOptions::new().output(Arc::new(Printed::default()));
    assert!(engine.run(book, options).wait().is_ok());
    let all = said.lock().unwrap().join("\n");
    assert_eq!(all.matches("takes disk").count(), 1, "{all}");
    assert_eq!(all.matches("releases disk").count(), 1, "{all}");
    assert_eq!(
        all.matches(" starts").count(),
        all.matches(" ends ").count(),
        "{all}"
    );
    // A check is no run.
    let events = said.lock().unwrap().len();
    assert_eq!(
        block_on(engine.check(&Script::javascript("checked", "1"))),
        []
    );
    assert_eq!(said.lock().unwrap().len(), events);
    block_on(engine.shutdown(Duration::ZERO));
    let late = engine
        .run(Script::javascript("late", "1"), RunOptions::new())
        .wait();
    assert_eq!(late.status(), "cancelled");
    assert_eq!(of(&said, "late"), ["refused"]);
}

#[test]
fn a_wait_of_asynchronous_code_is_heard_of_also_if_it_is_given_up() {
    let (engine, said) = told();
    let rule = "import { SemaphoreProvider } from 'cla/semaphore';
        import { TimeSpan } from 'cla/time-span';
        const provider = new SemaphoreProvider();
        const one = provider.create('one', { limit: 1 }), two = provider.create('one', { limit: 1 });
        await one.acquire();
        export default await two.acquireBlocking({ time: TimeSpan.fromMilliseconds(20), interval: TimeSpan.fromMilliseconds(5) });";
    let report = engine
        .run(Script::new("rule.mjs", rule), RunOptions::new())
        .wait();
    assert_eq!(report.result.unwrap(), false);
    let heard = of(&said, "rule.mjs");
    let count = |what: &str| heard.iter().filter(|line| line.starts_with(what)).count();
    assert_eq!((count("takes"), count("releases")), (1, 1), "{heard:?}");
    assert_eq!((count("waits"), count("waited")), (1, 1), "{heard:?}");
}

#[test]
fn limits_that_are_hit_are_heard_of() {
    let (engine, said) = told();
    let limits = Limits::default();
    for (name, limits, rule) in [
        (
            "time",
            limits.timeout(Duration::from_millis(20)),
            "for (;;);",
        ),
        (
            "memory",
            limits.memory(2 << 20),
            "const all = []; for (;;) all.push('x'.repeat(1000) + all.length)",
        ),
        ("stack", limits, "(function deep() { deep() + 1 })()"),
        ("output", limits.output(10), "print('x'.repeat(20))"),
        (
            "runs",
            limits.runs(0),
            "require('cla/rule').create({name: 'child'}, [{return: 1}]).run({})",
        ),
        (
            "regions",
            limits.regions(0),
            "require('cla/sem').take('a', () => 1)",
        ),
    ] {
        let options = RunOptions::new()
            .limits(limits)
            .output(Arc::new(Printed::default()));
        let report = engine.run(Script::javascript(name, rule), options).wait();
        assert!(!report.is_ok(), "{name}");
        let heard = of(&said, name);
        assert!(heard.contains(&format!("hits {name}")), "{name}: {heard:?}");
    }
}

#[test]
fn a_run_enters_as_many_regions_as_it_may_and_no_more() {
    let engine = engine();
    let run = |limits: Limits, rule: &str| {
        let options = RunOptions::new()
            .limits(limits)
            .output(Arc::new(Printed::default()));
        let rule = format!("const sem = require('cla/sem'); {rule}");
        engine
            .run(Script::javascript("rule", rule), options)
            .wait()
            .result
    };
    let refused = |limits, rule: &str, says: &str| {
        let error = run(limits, rule).unwrap_err();
        assert_eq!(error.name, "RangeError", "{rule}: {error}");
        assert!(error.message.contains(says), "{rule}: {error}");
    };
    let limits = Limits::default();
    let nested = "sem.take('a', () => sem.take('b', () => 1))";
    assert_eq!(run(limits.region_depth(2), nested).unwrap(), 1);
    refused(limits.region_depth(1), nested, "in 1 regions at once");
    // One after the other is not deep, and what is given back counts no more.
    let loop_ = "for (let i = 0; i < 5; i++) sem.take('a', () => 1); sem.acquire('b').release(); 2";
    assert_eq!(run(limits.region_depth(1).regions(6), loop_).unwrap(), 2);
    refused(limits.regions(5), loop_, "may enter 5 regions");
    // The provider, and a rulebook with what it forks.
    let provider = "import { SemaphoreProvider } from 'cla/semaphore';
        import sem from 'cla/sem';
        const held = new SemaphoreProvider().create('x', { limit: 9 });
        export default await held.runOrFail(() => sem.take('a', () => 1));";
    let provider = |limits| {
        let options = RunOptions::new().limits(limits);
        engine
            .run(Script::new("rule.mjs", provider), options)
            .wait()
            .result
    };
    assert_eq!(provider(limits.region_depth(2)).unwrap(), 1);
    let error = provider(limits.region_depth(1)).unwrap_err();
    assert!(error.message.contains("in 1 regions at once"), "{error}");
    let book = "do: [{semaphore: a, parallel: wait, echo: 1}, {wait_children: {}}, {semaphore: b, echo: 2}]";
    let book = |limits| {
        let options = RunOptions::new()
            .limits(limits)
            .output(Arc::new(Printed::default()));
        engine
            .run(Script::in_language("yml", "book", book), options)
            .wait()
            .result
    };
    book(limits.regions(2)).unwrap();
    let error = book(limits.regions(1)).unwrap_err();
    assert!(error.message.contains("may enter 1 regions"), "{error}");
    // What a rule was refused it can go on without.
    let caught = "try { sem.take('a', () => 1) } catch (error) { error.message.length > 9 }";
    assert_eq!(run(limits.regions(0), caught).unwrap(), true);
}

#[test]
fn a_live_run_shows_its_regions_and_its_memory() {
    let engine = engine();
    let text = "do: [{name: outer, semaphore: a, do: [{semaphore: b, sleep: 1h}]}]";
    let holder = engine.run(
        Script::in_language("yml", "holder", text),
        RunOptions::new().label("tenant 7"),
    );
    let live = |name: &str| {
        engine
            .live_runs()
            .into_iter()
            .find(|run| &*run.name == name)
    };
    let regions = |name: &str| {
        live(name).map_or(0, |run| {
            run.regions.iter().filter(|one| one.held.is_some()).count()
        })
    };
    eventually("it is in both", || regions("holder") == 2);
    let text = "do: [{semaphore: a, echo: 1}]";
    let waiter = engine.run(
        Script::in_language("yml", "waiter", text),
        RunOptions::new(),
    );
    eventually("it waits", || {
        live("waiter").is_some_and(|run| run.regions.len() == 1)
    });
    let (run, waits) = (live("holder").unwrap(), live("waiter").unwrap());
    assert_eq!(run.data.label(), Some("tenant 7"));
    let names: Vec<_> = run
        .regions
        .iter()
        .map(|region| region.semaphore.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
    assert!(run.regions[0].who.contains("outer"), "{:?}", run.regions);
    assert_eq!(run.regions[0].line, 1);
    assert!(
        run.memory > 50_000 && run.memory < 4 << 20,
        "{}",
        run.memory
    );
    assert!(waits.regions[0].held.is_none(), "{:?}", waits.regions);
    holder.cancel();
    assert_eq!(holder.wait().regions.len(), 2);
    assert_eq!(regions("holder"), 0);
    waiter.cancel();
    let _ = waiter.wait();
    // One that computes says it, too.
    let grows = "const all = []; for (;;) { if (all.length < 1e5) all.push('x' + all.length) }";
    let grows = engine.run(Script::javascript("grows", grows), RunOptions::new());
    eventually("its memory is seen", || {
        live("grows").is_some_and(|run| run.memory > 1 << 20)
    });
    grows.cancel();
}

/// Takes records, or lines.
#[derive(Default)]
struct Records {
    records: Mutex<Vec<LogRecord>>,
    text: Mutex<String>,
}

impl Output for Records {
    fn write(&self, _: OutputStream, text: &str) {
        self.text.lock().unwrap().push_str(text);
    }

    fn takes_records(&self) -> bool {
        true
    }

    fn log(&self, record: &LogRecord) {
        self.records.lock().unwrap().push(record.clone());
    }
}

#[test]
fn what_a_rule_logs_arrives_as_level_message_and_fields() {
    let output = Arc::new(Records::default());
    let rule = "const log = require('cla/log');
        let read = 0;
        log.info('deployed', {host: 'db', get seconds() { return ++read }, list: [1, null]});
        log.warn({not: 'a text'});
        log.error('broke', new RangeError('too far'));
        const circle = {name: 'round'}; circle.self = circle;
        log.debug('odd', circle);
        print('a line');
        try { log.fatal('the end', 7) } catch (error) { read + error.message }";
    let options = RunOptions::new().output(Arc::clone(&output) as Arc<dyn Output>);
    let report = engine()
        .run(Script::javascript("rule", rule), options)
        .wait();
    // A getter was called once.
    assert_eq!(report.result.unwrap(), "1the end");
    let records = output.records.lock().unwrap();
    let shown: Vec<_> = records
        .iter()
        .map(|record| {
            (
                record.level.name(),
                record.message.as_str(),
                record.fields.clone().into_json(),
            )
        })
        .collect();
    assert_eq!(
        shown[0],
        (
            "info",
            "deployed",
            json!({"host": "db", "seconds": 1, "list": [1, null]})
        )
    );
    assert_eq!((shown[1].0, &shown[1].2), ("warn", &Value::Null));
    assert_eq!(
        (shown[2].0, &shown[2].2["name"], &shown[2].2["message"]),
        ("error", &json!("RangeError"), &json!("too far"))
    );
    // What is no data arrives as a text.
    assert!(shown[3].2.as_str().unwrap().contains("round"), "{shown:?}");
    assert_eq!(shown[4], ("fatal", "the end", json!(7)));
    assert_eq!(*output.text.lock().unwrap(), "a line\n");
    // An output that knows lines only gets them as before.
    let printed = Arc::new(Printed::default());
    let options = RunOptions::new().output(Arc::clone(&printed) as Arc<dyn Output>);
    let rule = Script::javascript("rule", "require('cla/log').warn('disk', {free: 3})");
    assert!(engine().run(rule, options).wait().is_ok());
    let text = printed.stderr();
    assert!(text.contains(" WARN  disk\n    free: 3\n"), "{text}");
    // Records count as output.
    let options = RunOptions::new()
        .output(Arc::clone(&output) as Arc<dyn Output>)
        .limits(Limits::default().output(100));
    let rule = Script::javascript("rule", "require('cla/log').warn('x'.repeat(200))");
    let error = engine().run(rule, options).wait().result.unwrap_err();
    assert_eq!(error.name, "RangeError", "{error}");
}

/// The child answers by its exit code: in there, nothing else is sure to work.
#[cfg(unix)]
#[allow(unsafe_code)] // only a real fork shows what it leaves
#[test]
fn after_a_fork_an_engine_says_that_it_cannot_go_on() {
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    let engine = engine();
    let endless = engine.run(
        Script::javascript("endless", "for (;;);"),
        RunOptions::new(),
    );
    eventually("it runs", || engine.live_runs().len() == 1);
    let in_child = |engine: &Engine, inherited: cla_runtime::RunHandle| {
        let says = |report: RunReport| {
            let error = report.result.unwrap_err();
            error.kind == ErrorKind::Refused && error.message.contains("is a fork of")
        };
        let fresh = Engine::builder().workers(1).build();
        let tests = [
            says(
                engine
                    .run(Script::javascript("rule", "1"), RunOptions::new())
                    .wait(),
            ),
            says(inherited.wait()),
            says(
                fresh
                    .run(Script::javascript("rule", "1"), RunOptions::new())
                    .wait(),
            ),
            engine.live_runs().is_empty(),
        ];
        1 + tests
            .iter()
            .position(|passed| !passed)
            .map_or(99, |at| at as i32)
    };
    // SAFETY: the child only does what is tested, and ends without running anything of the test program.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                in_child(&engine, endless)
            }));
            // SAFETY: it ends the process at once.
            unsafe { nix::libc::_exit(code.unwrap_or(50)) }
        }
        ForkResult::Parent { child } => {
            let ended = std::thread::spawn(move || waitpid(child, None));
            eventually("the child does not hang", || ended.is_finished());
            assert_eq!(
                ended.join().unwrap().unwrap(),
                WaitStatus::Exited(child, 100)
            );
            // The parent goes on.
            endless.cancel();
            assert_eq!(endless.wait().status(), "cancelled");
        }
    }
}
