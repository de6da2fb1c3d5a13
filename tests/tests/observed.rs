//! What a host sees of its runs: reports and errors as JSON and as text, and short names of the engine's things.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::time::Duration;

use cla_runtime::permissions::Permission;
use cla_runtime::plan::{Plan, PlannedFork};
use cla_runtime::trace::{Trace, TracedRun};
use cla_runtime::value::Wanted;
use cla_runtime::{Engine, Permissions, RuleError, RunOptions, RunReport, Script};
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
throw new Error('it was run');",
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
}
