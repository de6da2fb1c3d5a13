//! Built-in modules that are written in TypeScript, and other names for built-in modules.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, EngineBuilder, HostModule, RunOptions, Script};
use common::report;
use serde_json::{Value, json};

const SHAPES: &str = "\
import { double } from 'app/math';
export type Size = { width: number };
export class Box {
  constructor(readonly size: Size) {}
  get area(): number {
    return double(this.size.width);
  }
  open(): never {
    throw new RangeError('it is nailed shut');
  }
}
let made = 0;
export function count(): number {
  return ++made;
}
";

fn builder() -> EngineBuilder {
    let math =
        HostModule::new("app/math").function("double", |(n,): (f64,)| Ok::<_, String>(n * 2.0));
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .module(math)
        .source_module("app/shapes", SHAPES)
        .source_module("app/more", "export { Box as Crate } from 'app/shapes';")
        .source_module("app/broken", "export const x: number = ;")
        .source_module("app/reaches", "import './rule.js';")
        .alias("@app/shapes", "app/shapes")
        .alias("@app/math", "app/math")
        .alias("@app/none", "app/none")
        .with(cla_rulebook::install)
}

#[track_caller]
fn value(name: &str, text: &str) -> Value {
    let report = report(&builder().build(), name, text);
    report
        .result
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn failure(engine: &Engine, text: &str) -> cla_runtime::RuleError {
    report(engine, "rule.js", text).result.unwrap_err()
}

#[test]
fn a_module_in_typescript_is_imported_and_required() {
    let text = "import { Box } from 'app/shapes'; export default new Box({ width: 4 }).area";
    assert_eq!(value("rule.mjs", text), 8);
    let text = "const { Box } = require('app/shapes'); new Box({ width: 3 }).area";
    assert_eq!(value("rule.js", text), 6);
}

#[test]
fn it_is_the_same_module_however_it_is_reached() {
    let text = "
        import { Box, count } from 'app/shapes';
        import * as again from '@app/shapes';
        import { Crate } from 'app/more';
        count();
        const required = require('@app/shapes');
        export default [
            Box === Crate, Box === again.Box, Box === required.Box,
            required === require('app/shapes'), again.count(),
        ];
    ";
    assert_eq!(value("rule.mjs", text), json!([true, true, true, true, 2]));
}

#[test]
fn requiring_it_lets_nothing_else_run_first() {
    let text = "
        const log = [];
        Promise.resolve().then(() => log.push('job'));
        setTimeout(() => log.push('timer'));
        require('app/more');
        log.push('required');
        new Promise((resolve) => setTimeout(() => resolve(log), 5));
    ";
    assert_eq!(value("rule.js", text), json!(["required", "job", "timer"]));
}

#[test]
fn every_run_has_its_own_instance_of_it() {
    let engine = builder().build();
    for _ in 0..3 {
        let report = report(&engine, "rule.js", "require('app/shapes').count()");
        assert_eq!(report.result.unwrap(), 1);
    }
}

#[test]
fn its_mistakes_are_told_by_the_import_and_bother_nobody_else() {
    assert_eq!(value("rule.js", "1 + 1"), 2);
    let error = failure(&builder().build(), "require('app/broken')");
    assert_eq!(error.name, "SyntaxError");
    assert!(error.to_string().contains("app/broken:1:26"), "{error}");
}

#[test]
fn its_errors_point_at_the_line_that_called_it_and_name_its_own_place_below() {
    let text = "const { Box } = require('app/shapes');\nnew Box({ width: 1 }).open();";
    let error = failure(&builder().build(), text);
    assert_eq!(error.name, "RangeError");
    let location = error.location.as_ref().unwrap();
    assert_eq!((location.file.as_str(), location.line), ("rule.js", 2));
    let own = &error.frames[0].location;
    assert_eq!((own.file.as_str(), own.line), ("app/shapes", 9));
    let shown = error.render(false);
    assert!(shown.contains("new Box({ width: 1 }).open();"), "{shown}");
    assert!(shown.contains("app/shapes:9:"), "{shown}");
}

#[test]
fn it_imports_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let rule = folder.path().join("rule.js");
    std::fs::write(&rule, "require('app/reaches')").unwrap();
    let report = builder().build().run(Script::file(rule), RunOptions::new());
    let error = report.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Load);
    assert!(
        error.message.contains("cannot import './rule.js'"),
        "{error}"
    );
}

#[test]
fn a_later_module_of_the_same_name_replaces_it() {
    let double = HostModule::new("app/shapes").function("count", |(): ()| Ok::<_, String>(7));
    let engine = builder().module(double).build();
    let report = report(&engine, "rule.js", "require('app/shapes').count()");
    assert_eq!(report.result.unwrap(), 7);
}

#[test]
fn an_alias_is_another_name_for_a_built_in_module_of_either_kind() {
    assert_eq!(value("rule.js", "require('@app/math').double(2)"), 4);
    let text = "import { double } from '@app/math'; export default double(3)";
    assert_eq!(value("rule.mjs", text), 6);
    assert_eq!(value("rule.js", "(await import('@app/math')).double(4)"), 8);
    let book = "do:\n  - import: '@app/math'\n  - d = double: 5\n  - return: ${d}\n";
    assert_eq!(value("rule.yml", book), 10);
}

#[test]
fn errors_list_real_names_only() {
    let error = failure(&builder().build(), "require('@app/shape')");
    assert_eq!(error.kind, ErrorKind::Load);
    assert!(
        error
            .message
            .contains("'@app/shape'; did you mean 'app/shapes'?"),
        "{error}"
    );
    assert!(!error.message.contains("@app/math"), "{error}");
}

#[test]
fn an_alias_of_nothing_means_nothing() {
    let error = failure(&builder().build(), "require('@app/none')");
    assert!(
        error.message.contains("there is no module '@app/none'"),
        "{error}"
    );
}

#[test]
fn aliases_can_be_replaced_and_switched_off() {
    let engine = builder().alias("@app/shapes", "app/math").build();
    let report = report(&engine, "rule.js", "require('@app/shapes').double(1)");
    assert_eq!(report.result.unwrap(), 2);

    let engine = builder().without_aliases().alias("own", "app/math").build();
    let error = failure(&engine, "require('@app/math')");
    assert!(
        error.message.contains("there is no module '@app/math'"),
        "{error}"
    );
    let report = common::report(&engine, "rule.js", "require('own').double(1)");
    assert_eq!(report.result.unwrap(), 2);
}
