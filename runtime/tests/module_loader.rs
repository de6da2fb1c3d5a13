//! Modules that are no files: those of a host's loader.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cla_runtime::host::{Call, ModuleLoader, ModuleText};
use cla_runtime::{Engine, HostModule, RunOptions, Script};
use common::report;
use serde_json::json;

/// Whose rule runs.
struct Tenant(&'static str);

/// Modules of a table. Their names are paths below `db:`.
struct Table {
    texts: HashMap<&'static str, ModuleText>,
    loads: Arc<AtomicUsize>,
}

impl ModuleLoader for Table {
    fn resolve(
        &self,
        call: &Call,
        specifier: &str,
        importer: &str,
    ) -> Result<Option<String>, String> {
        if specifier == "db:mine" {
            let tenant = call.data::<Tenant>().ok_or("this run has no tenant")?;
            return Ok(Some(format!("db:of-{}", tenant.0)));
        }
        if let Some(relative) = specifier.strip_prefix("./")
            && importer.starts_with("db:")
        {
            return Ok(Some(format!("db:{relative}")));
        }
        match specifier {
            "db:secret" => Err(format!("'db:secret' is not for {importer}")),
            "db:path" => Ok(Some("/etc/passwd".to_owned())),
            "db:taken" => Ok(Some("host".to_owned())),
            "db:panic" => panic!("the loader's own mistake"),
            _ => Ok(specifier.starts_with("db:").then(|| specifier.to_owned())),
        }
    }

    fn load(&self, call: &Call, name: &str) -> Result<ModuleText, String> {
        if name == "db:path-of-run" {
            let path = call.permissions().read("/etc/passwd".as_ref());
            return Ok(js(&format!("export default {}", path.is_ok())));
        }
        self.loads.fetch_add(1, Ordering::SeqCst);
        assert_ne!(name, "db:broken");
        let text = self.texts.get(name).cloned();
        text.ok_or_else(|| format!("there is no module '{name}' in the table"))
    }
}

fn engine(texts: &[(&'static str, ModuleText)]) -> (Engine, Arc<AtomicUsize>) {
    let loads = Arc::<AtomicUsize>::default();
    let table = Table {
        texts: texts.iter().cloned().collect(),
        loads: Arc::clone(&loads),
    };
    let host = HostModule::new("host").function("one", |(): ()| Ok::<_, String>(1));
    (Engine::builder().module(host).loader(table).build(), loads)
}

fn js(text: &str) -> ModuleText {
    ModuleText::javascript(text)
}

#[test]
fn a_loader_learns_whose_run_asks_and_what_that_may() {
    let (engine, _) = engine(&[("db:of-acme", js("export default 'of acme'"))]);
    let rule = || {
        let text = "import mine from 'db:mine'; import may from 'db:path-of-run'; export default [mine, may]";
        Script::javascript("rule", text)
    };
    let report = engine
        .run(rule(), RunOptions::new().data(Tenant("acme")))
        .wait();
    assert_eq!(report.result.unwrap(), json!(["of acme", false]));
    let error = engine.run(rule(), RunOptions::new()).wait().result;
    assert!(
        error
            .unwrap_err()
            .message
            .contains("this run has no tenant")
    );
}

#[test]
fn every_kind_of_module_comes_from_the_loader_once_in_a_run() {
    let (engine, loads) = engine(&[
        (
            "db:a",
            ModuleText::typescript("import { b } from './b'; export const a: number = b + 1;"),
        ),
        (
            "db:b",
            js("import { one } from 'host'; export const b = one() + 1;"),
        ),
        ("db:c", js("module.exports = { c: require('./b').b * 10 };")),
        ("db:data", ModuleText::json("{ \"n\": 7 }")),
        (
            "db:circle",
            js(
                "import { other } from './circle2'; export const own = () => other; export const n = 5;",
            ),
        ),
        (
            "db:circle2",
            js("import { n } from './circle'; export const other = () => n;"),
        ),
    ]);
    let rule = "
        import { a } from 'db:a';
        import { b } from 'db:b';
        import c from 'db:c';
        import data from 'db:data';
        import typed from 'db:data' with { type: 'json' };
        import { own } from 'db:circle';
        const again = await import('db:a');
        export default [a, b, c.c, require('db:c').c, data, typed === data, again.a, require('db:data').n, own()()];";
    let seen = json!([3, 2, 20, 20, { "n": 7 }, true, 3, 7, 5]);
    assert_eq!(report(&engine, "rule.mjs", rule).result.unwrap(), seen);
    assert_eq!(loads.load(Ordering::SeqCst), 6);
    // Another run asks again: what the loader gives may have changed.
    assert_eq!(report(&engine, "rule.mjs", rule).result.unwrap(), seen);
    assert_eq!(loads.load(Ordering::SeqCst), 12);
}

#[test]
fn what_the_loader_refuses_is_an_error_at_the_import() {
    let (engine, _) = engine(&[(
        "db:files",
        js("import './../../etc/passwd'; import '/etc/passwd'"),
    )]);
    let cases = [
        ("db:secret", "'db:secret' is not for rule.mjs"),
        ("db:missing", "there is no module 'db:missing' in the table"),
        (
            "db:path",
            "gives the module a name that it cannot have: '/etc/passwd'",
        ),
        (
            "db:taken",
            "gives the module a name that it cannot have: 'host'",
        ),
        ("db:files", "cannot import '/etc/passwd'"),
        ("db:broken", "db:broken: "),
        ("other", "there is no module 'other'"),
    ];
    for (name, expected) in cases {
        let error = report(&engine, "rule.mjs", &format!("\nimport x from '{name}';"))
            .result
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        let rule = format!("try {{ require('{name}') }} catch (e) {{ e.code }}");
        assert_eq!(
            report(&engine, "rule.js", &rule).result.unwrap(),
            "MODULE_NOT_FOUND",
            "{name}"
        );
    }
}

#[test]
fn errors_in_modules_of_the_loader_show_their_own_lines() {
    let (engine, _) = engine(&[
        (
            "db:throws",
            ModuleText::typescript(
                "type T = 1;\nexport function fail(): never {\n    throw new Error('inside');\n}",
            ),
        ),
        ("db:wrong", js("export const = 1;")),
    ]);
    let error = report(
        &engine,
        "rule.mjs",
        "import { fail } from 'db:throws'; fail();",
    )
    .result
    .unwrap_err();
    let place = error.location.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("db:throws", 3));
    assert!(
        error
            .snippet
            .unwrap()
            .text
            .contains("throw new Error('inside')")
    );
    let error = report(&engine, "rule.mjs", "import 'db:wrong'")
        .result
        .unwrap_err();
    assert_eq!(error.name, "SyntaxError");
    assert!(error.to_string().contains("db:wrong"), "{error}");
}

#[test]
fn a_loader_that_panics_ends_the_run_alone() {
    let (engine, _) = engine(&[]);
    let error = report(&engine, "rule.js", "try { require('db:panic') } catch {}")
        .result
        .unwrap_err();
    assert!(
        error.to_string().contains("the loader's own mistake"),
        "{error}"
    );
    let script = Script::javascript("next", "require('host').one()");
    assert_eq!(
        engine.run(script, RunOptions::new()).wait().result.unwrap(),
        1
    );
}

#[test]
fn a_rulebook_imports_from_the_loader_too() {
    let table = Table {
        texts: HashMap::from([("db:tax", js("export const gross = net => net * 1.25;"))]),
        loads: Arc::default(),
    };
    let engine = Engine::builder()
        .with(cla_rulebook::install)
        .loader(table)
        .build();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("book.yml");
    let book = "{import: 'db:tax', do: [{x = gross: 8}, {return: '${x}'}]}";
    std::fs::write(&file, book).unwrap();
    let report = engine.run(Script::file(&file), RunOptions::new()).wait();
    assert_eq!(report.result.unwrap(), 10);
}
