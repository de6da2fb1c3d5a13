//! An engine that is built without TypeScript, HTTP and Redis.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;

use cla_rulebook::RulebookScript;
use cla_runtime::host::value_to_json;
use cla_runtime::{Engine, RuleError, RunOptions, Script, Session};
use serde_json::{Value, json};

fn engine() -> Engine {
    Engine::builder()
        .source_module("app/prices", "export const gross = net => net * 1.25;")
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

async fn run(script: Script) -> Result<Value, RuleError> {
    engine().run(script, RunOptions::new()).await.result
}

async fn value(text: &str) -> Value {
    let report = run(Script::javascript("rule", text)).await;
    report.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[tokio::test]
async fn typescript_is_an_error_that_names_the_feature() {
    let error = run(Script::typescript("rule", "const n: number = 1; n"))
        .await
        .unwrap_err();
    assert_eq!(error.message, "this engine runs no TypeScript");
    let help = error.help.unwrap();
    assert!(
        help.contains("cla-runtime with its feature `typescript`"),
        "{help}"
    );

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("prices.ts"), "export const net = 8").unwrap();
    let importing = Script::javascript(
        "rule",
        "import { net } from './prices.ts'; export default net",
    );
    let error = run(importing.in_folder(folder.path())).await.unwrap_err();
    assert!(
        error.message.contains("this engine runs no TypeScript"),
        "{error}"
    );
    let place = error.location.as_ref().map(|at| at.file.as_str());
    assert!(
        place.is_some_and(|file| file.ends_with("prices.ts")),
        "{error}"
    );
}

#[tokio::test]
async fn scripts_and_modules_of_every_kind_run() {
    assert_eq!(value("1 + 1").await, 2);
    assert_eq!(value("const n = await Promise.resolve(2); n + 1").await, 3);
    assert_eq!(value("export default stash => 4").await, 4);
    assert_eq!(
        value("import { take } from 'cla/sem'; export default take('db', () => 5)").await,
        5
    );
    assert_eq!(
        value("require('cla/sem').take('db', { slots: 2 }, () => 6)").await,
        6
    );
    assert_eq!(
        value("import { gross } from 'app/prices'; export default gross(8)").await,
        10
    );

    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("common.js", "exports.a = 1;"),
        (
            "module.js",
            "import { a } from './common.js'; export const b = a + 1;",
        ),
        ("waits.mjs", "export const c = await Promise.resolve(3);"),
        ("data.json", "{\"d\": 4}"),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let rule = "import { b } from './module.js'; import { c } from './waits.mjs'; import data from './data.json';
                const { a } = await import('./common.js'); export default [a, b, c, data.d]";
    let report = run(Script::javascript("rule", rule).in_folder(folder.path())).await;
    assert_eq!(report.unwrap(), json!([1, 2, 3, 4]));
}

#[tokio::test]
async fn a_syntax_error_is_the_interpreters_own_with_its_place() {
    let error = run(Script::javascript("rule", "const a = 1;\nconst b = ;"))
        .await
        .unwrap_err();
    assert_eq!(error.name, "SyntaxError");
    assert_eq!(error.location.unwrap().line, 2);
}

#[tokio::test]
async fn modules_of_missing_features_are_not_there() {
    for name in [
        "cla/http",
        "cla/redis",
        "cla/semaphore",
        "@daiso-tech/core/semaphore",
    ] {
        assert!(cla_stdlib::modules().all(|known| known != name), "{name}");
        let error = run(Script::javascript("rule", format!("require({name:?})")))
            .await
            .unwrap_err();
        assert!(error.message.contains(name), "{error}");
    }
    assert!(cla_stdlib::install_only(["cla/http"]).is_err());
    let declared = cla_stdlib::TYPES.iter().map(|(file, _)| *file);
    let declared: Vec<_> = declared.collect();
    assert!(declared.contains(&"sem.d.ts"));
    assert!(!declared.contains(&"http.d.ts") && !declared.contains(&"redis.d.ts"));
}

#[tokio::test]
async fn rulebooks_run_without_the_op_http() {
    let book = "do: [{semaphore: db, do: [{return: '{{ 1 + 2 }}'}]}]";
    assert_eq!(run(Script::rulebook("book", book)).await.unwrap(), 3);
    let findings = cla_rulebook::check_text("book.yml", "do:\n  - http: https://example.com/\n");
    assert!(
        findings[0].error.message.contains("http"),
        "{}",
        findings[0].error
    );
    assert!(
        cla_rulebook::check_text("rule.js", "import './x.js'; sem.take('a', () => 1)").is_empty()
    );
}

#[tokio::test]
async fn a_prompt_takes_each_input_as_a_script() {
    let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
    session.evaluate("var n = 20", |_, _, _| ()).await.unwrap();
    let sum = session
        .evaluate("n + await Promise.resolve(1)", |ctx, _, value| {
            value_to_json(ctx, value)
        })
        .await;
    assert_eq!(sum.unwrap().unwrap(), 21);
    session.close().await;
}
