//! `import` and `require()`: files of every kind, TypeScript, and errors that say where.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::fs;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, RuleError, RunOptions, RunReport, Script};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn engine() -> Engine {
    let module = HostModule::new("host/math")
        .function("double", |(n,): (f64,)| Ok::<_, String>(n * 2.0))
        .function("half", |(n,): (f64,)| Ok::<_, String>(n / 2.0));
    Engine::builder().workers(1).module(module).build()
}

/// Runs `main` of a folder with these files.
fn run(main: &str, files: &[(&str, &str)]) -> RunReport {
    let folder = folder(files);
    let script = Script::file(folder.path().join(main));
    engine().run(script, RunOptions::new()).wait()
}

fn value(main: &str, files: &[(&str, &str)]) -> Value {
    run(main, files)
        .result
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

fn failure(main: &str, files: &[(&str, &str)]) -> RuleError {
    run(main, files).result.unwrap_err()
}

#[test]
fn built_in_modules_can_be_imported_and_required() {
    assert_eq!(
        value("a.js", &[("a.js", "require('host/math').double(21)")]),
        42
    );
    assert_eq!(
        value(
            "a.js",
            &[(
                "a.js",
                "import math, { double as twice } from 'host/math'; export default twice(math.half(10))"
            )]
        ),
        10
    );
    let same = "import math from 'host/math'; export default math === require('host/math')";
    assert_eq!(value("a.js", &[("a.js", same)]), true);
    let dynamic = "const { default: math } = await import('host/math'); math.double(1)";
    assert_eq!(value("a.js", &[("a.js", dynamic)]), 2);
}

#[test]
fn modules_import_files_of_every_kind() {
    let main = "
        import data from './data.json';
        import { name } from './lib/esm.mjs';
        import common, { word } from './lib/common.cjs';
        import { typed } from './lib/typed';
        import './lib/effect.js';
        export default [data.list[1], name, common.word, word, typed, globalThis.effect];
    ";
    assert_eq!(
        value(
            "main.js",
            &[
                ("main.js", main),
                ("data.json", "{\"list\": [1, 2]}"),
                (
                    "lib/esm.mjs",
                    "export const name = import.meta.filename.split('/').pop()"
                ),
                ("lib/common.cjs", "exports.word = require('./word.js')"),
                ("lib/word.js", "module.exports = 'common'"),
                (
                    "lib/typed.ts",
                    "interface A { b: number } export const typed: A = { b: 1 as number }"
                ),
                ("lib/effect.js", "globalThis.effect = true"),
            ]
        ),
        json!([2, "esm.mjs", "common", "common", { "b": 1 }, true])
    );
}

#[test]
fn require_runs_files_of_every_kind() {
    let main = "
        var a = require('./a'), b = require('./b.mjs'), c = require('./c.json'), d = require('./d.ts');
        [a.name, a === require('./a.js'), b.default, b.named, c.x, d.total, typeof __filename]
    ";
    assert_eq!(
        value(
            "main.js",
            &[
                ("main.js", main),
                (
                    "a.js",
                    "exports.name = module.id === __filename && require('./deep/er').up"
                ),
                ("deep/er/index.js", "exports.up = require('../../c').x"),
                (
                    "b.mjs",
                    "await null; export default 'esm'; export const named = 2"
                ),
                ("c.json", "{\"x\": 5}"),
                (
                    "d.ts",
                    "enum E { A = 1, B } const total: number = E.A + E.B; export { total }"
                ),
            ]
        ),
        json!([5, true, "esm", 2, 5, 3, "string"])
    );
}

#[test]
fn circular_requires_see_what_is_there_so_far() {
    assert_eq!(
        value(
            "main.js",
            &[
                ("main.js", "require('./a.js').seen"),
                (
                    "a.js",
                    "exports.early = 1; exports.seen = require('./b.js').saw; exports.late = 2"
                ),
                (
                    "b.js",
                    "const a = require('./a.js'); exports.saw = [a.early, a.late === undefined]"
                ),
            ]
        ),
        json!([1, true])
    );
}

#[test]
fn circular_imports_work() {
    assert_eq!(
        value(
            "main.mjs",
            &[
                (
                    "main.mjs",
                    "import { a } from './a.mjs'; export default a()"
                ),
                (
                    "a.mjs",
                    "import { b } from './b.mjs'; export function a() { return b() + 1 }"
                ),
                (
                    "b.mjs",
                    "import { a } from './a.mjs'; export function b() { return typeof a === 'function' ? 1 : 0 }"
                ),
            ]
        ),
        2
    );
}

#[test]
fn a_module_runs_once_per_run_and_anew_in_the_next() {
    let folder = folder(&[
        (
            "main.js",
            "import './count.js'; import { n } from './count.js'; require('./count.js'); export default n()",
        ),
        (
            "count.js",
            "globalThis.n = (globalThis.n ?? 0) + 1; export const n = () => globalThis.n",
        ),
    ]);
    let engine = engine();
    for _ in 0..3 {
        let script = Script::file(folder.path().join("main.js"));
        assert_eq!(
            engine.run(script, RunOptions::new()).wait().result.unwrap(),
            1
        );
    }
}

#[test]
fn a_changed_file_is_compiled_anew() {
    let folder = folder(&[
        ("main.js", "import './lib.js'; export default globalThis.v"),
        ("lib.js", "globalThis.v = 1"),
    ]);
    let engine = engine();
    let run = || {
        let script = Script::file(folder.path().join("main.js"));
        engine.run(script, RunOptions::new()).wait().result.unwrap()
    };
    assert_eq!(run(), 1);
    fs::write(folder.path().join("lib.js"), "globalThis.v = 2").unwrap();
    assert_eq!(run(), 2);
}

#[test]
fn typescript_runs_as_script_and_as_module() {
    assert_eq!(
        value(
            "a.ts",
            &[("a.ts", "const n: number = 20; type T = string; n + 1")]
        ),
        21
    );
    let module = "
        import type { X } from './nowhere';
        export default function (stash: Record<string, unknown>): number {
            const list = [1, 2, 3] satisfies number[];
            return list.map((x): number => x! * 2)[2]!;
        }";
    assert_eq!(value("a.ts", &[("a.ts", module)]), 6);
    assert_eq!(
        value(
            "a.mts",
            &[(
                "a.mts",
                "export default await (5 as any as Promise<number>)"
            )]
        ),
        5
    );
    assert_eq!(
        value("a.cts", &[("a.cts", "module.exports = (1 as number) + 1")]),
        2
    );
}

#[test]
fn an_import_that_fails_shows_where_it_is_written() {
    let error = failure(
        "main.js",
        &[(
            "main.js",
            "import a from 'host/math';\nimport b from './nope.js';",
        )],
    );
    assert_eq!(error.kind, ErrorKind::Load);
    let shown = error.render(false);
    assert!(shown.contains("main.js:2:15"), "{shown}");
    assert!(shown.contains("cannot find module './nope.js'"), "{shown}");
    assert!(shown.contains("^^^^^^^^^^^"), "{shown}");

    let error = failure("main.js", &[("main.js", "\n  require('host/maths')")]);
    assert_eq!(error.kind, ErrorKind::Load);
    let shown = error.render(false);
    assert!(shown.contains("did you mean 'host/math'?"), "{shown}");
    assert!(shown.contains("main.js:2"), "{shown}");

    let error = failure(
        "main.mjs",
        &[
            ("main.mjs", "import './a.mjs'"),
            ("a.mjs", "\n\nimport '../../etc/passwd'"),
        ],
    );
    assert!(
        error.render(false).contains("a.mjs:3:8"),
        "{}",
        error.render(false)
    );
}

#[test]
fn nothing_outside_of_the_folder_can_be_imported_unless_the_host_allows_it() {
    let outside = folder(&[("lib.mjs", "export const secret = 7")]);
    let path = outside.path().canonicalize().unwrap().join("lib.mjs");
    let text = format!(
        "import {{ secret }} from '{}'; export default secret",
        path.display()
    );
    let rule = folder(&[("rule.mjs", &text)]);
    let run = |options| {
        engine()
            .run(Script::file(rule.path().join("rule.mjs")), options)
            .wait()
            .result
    };
    let error = run(RunOptions::new()).unwrap_err();
    assert!(
        error.message.contains("outside of the rule's folder"),
        "{error}"
    );
    assert_eq!(
        run(RunOptions::new().allow_folder(outside.path())).unwrap(),
        7
    );
}

#[test]
fn a_rule_in_memory_imports_from_its_folder_only() {
    let folder = folder(&[("lib.mjs", "export const x = 3")]);
    let text = "import { x } from './lib.mjs'; export default x";
    let script = Script::new("memory.js", text);
    let error = engine()
        .run(script.clone(), RunOptions::new())
        .wait()
        .result
        .unwrap_err();
    assert!(error.message.contains("has no folder"), "{error}");
    let script = script.in_folder(folder.path());
    assert_eq!(
        engine()
            .run(script, RunOptions::new())
            .wait()
            .result
            .unwrap(),
        3
    );
}

#[test]
fn errors_point_into_the_file_that_threw() {
    let error = failure(
        "main.ts",
        &[
            (
                "main.ts",
                "import { check } from './lib.ts';\n\nexport default () => check({ a: 1 } as any);",
            ),
            (
                "lib.ts",
                "interface Shape { a: number }\ntype Other = {\n  b: string\n}\nexport function check(shape: Shape & Other): number {\n    return shape.b.length;\n}",
            ),
        ],
    );
    let shown = error.render(false);
    assert!(shown.contains("lib.ts:6:"), "{shown}");
    assert!(shown.contains("return shape.b.length;"), "{shown}");
    assert!(shown.contains("main.ts:3:"), "{shown}");
    assert_eq!(error.name, "TypeError");
}

#[test]
fn commonjs_errors_have_the_column_of_the_first_line() {
    let error = failure(
        "main.js",
        &[
            ("main.js", "require('./a.js')"),
            ("a.js", "exports.x = 1; nope()"),
        ],
    );
    let location = error.location.unwrap();
    assert_eq!((location.line, location.column), (1, 16));
}

#[test]
fn the_cause_chain_is_shown() {
    let error = failure(
        "main.js",
        &[(
            "main.js",
            "function low() { throw new Error('disk full') }\ntry { low() } catch (cause) { throw new Error('cannot save', { cause }) }",
        )],
    );
    assert_eq!(error.cause.as_ref().unwrap().message, "disk full");
    let shown = error.render(false);
    assert!(
        shown.contains("cannot save") && shown.contains("disk full"),
        "{shown}"
    );
    assert!(shown.contains("main.js:1:"), "{shown}");
}

#[test]
fn syntax_errors_of_imported_files_name_them() {
    for (name, text) in [
        ("lib.mjs", "export const a = ;"),
        ("lib.ts", "const a: number = ;\nexport {}"),
    ] {
        let main = format!("import './{name}'");
        let error = failure("main.mjs", &[("main.mjs", &main), (name, text)]);
        let shown = error.render(false);
        assert!(
            shown.contains(name) && shown.contains("SyntaxError"),
            "{shown}"
        );
    }
}

#[test]
fn a_missing_main_file_is_a_load_error() {
    let error = failure("nope.js", &[]);
    assert_eq!(error.kind, ErrorKind::Load);
    assert!(error.message.contains("nope.js"), "{error}");
}
