//! Ways to the interpreter's assertions and to its freed modules: none of them ends the process.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;
use std::path::Path;

use cla_runtime::{Limits, RuleError, RunOptions, RunReport, Script};
use cla_tests::engine::bare as engine;
use serde_json::{Value, json};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Runs the first of the files.
fn report(files: &[(&str, &str)]) -> RunReport {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let script = Script::file(folder.path().join(files[0].0));
    engine().run(script, RunOptions::new()).wait()
}

#[track_caller]
fn value(files: &[(&str, &str)]) -> Value {
    let result = report(files).result;
    result.unwrap_or_else(|error| panic!("{}", error.render(false)))
}

#[track_caller]
fn failure(files: &[(&str, &str)]) -> RuleError {
    report(files).result.unwrap_err()
}

#[test]
fn a_syntax_error_in_a_required_file_is_caught_with_its_place() {
    let message = value(&[
        (
            "rule.js",
            "try { require('./lib.js') } catch (e) { e.message }",
        ),
        ("lib.js", "module.exports = { a: 1 }}"),
    ]);
    let message = message.as_str().unwrap();
    assert!(message.contains("lib.js:1:26"), "{message}");
}

#[test]
fn a_module_in_a_circle_that_cannot_be_loaded_leaves_nothing_behind() {
    // `d` is there, and points to `a`, which is not.
    for broken in ["import './missing.mjs';", "import './broken.mjs';"] {
        let a = format!("import './d.mjs';\n{broken}");
        let seen = value(&[
            (
                "main.js",
                "const seen = [];
                 for (const name of ['./a.mjs', './d.mjs', './a.mjs', './fine.mjs']) {
                     try { await import(name); seen.push('well') } catch (e) { seen.push(e.message) }
                     try { require(name); seen.push('well') } catch (e) { seen.push(e.message) }
                 }
                 seen",
            ),
            ("a.mjs", &a),
            ("d.mjs", "import './a.mjs';\nimport './fine.mjs'; export const d = 1;"),
            ("fine.mjs", "export const fine = 1;"),
            ("broken.mjs", "export const = 1;"),
        ]);
        let seen: Vec<&str> = seen
            .as_array()
            .unwrap()
            .iter()
            .map(|seen| seen.as_str().unwrap())
            .collect();
        let name = broken.split('\'').nth(1).unwrap().trim_start_matches("./");
        for message in &seen[..6] {
            assert!(message.contains(name), "{seen:?}");
        }
        assert_eq!(seen[6..], ["well", "well"]);
    }
}

#[test]
fn what_cannot_be_linked_is_not_linked_again_and_nothing_of_it_runs() {
    let seen = value(&[
        (
            "main.js",
            "const seen = [];
             for (const name of ['./a.mjs', './b.mjs', './a.mjs', './top.mjs', './other.mjs']) {
                 try { await import(name); seen.push('well') } catch (e) { seen.push(e.name) }
             }
             seen.push(globalThis.ran ?? 'nothing ran'); seen",
        ),
        ("top.mjs", "import './runs.mjs'; import './a.mjs';"),
        ("runs.mjs", "globalThis.ran = 'it ran';"),
        (
            "a.mjs",
            "import { b } from './b.mjs'; export const a = () => b;",
        ),
        (
            "b.mjs",
            "import { a } from './a.mjs'; import { nope } from './other.mjs'; export const b = () => a;",
        ),
        ("other.mjs", "export const other = 1;"),
    ]);
    assert_eq!(
        seen,
        json!([
            "SyntaxError",
            "SyntaxError",
            "SyntaxError",
            "SyntaxError",
            "well",
            "nothing ran"
        ])
    );
}

#[test]
fn a_missing_name_is_found_before_anything_runs() {
    let error = failure(&[
        (
            "main.mjs",
            "import './runs.mjs';\nimport { nope } from './other.mjs';",
        ),
        ("runs.mjs", "throw new Error('it ran');"),
        ("other.mjs", "export const other = 1;"),
    ]);
    assert_eq!(error.name, "SyntaxError");
    assert!(error.message.contains("nope"), "{error}");
}

#[test]
fn modules_run_in_the_order_of_the_language() {
    let files = [
        (
            "main.mjs",
            "import './a.mjs'; import './e.mjs'; import './late.mjs'; log.push('main'); export default log.join(' ');",
        ),
        (
            "a.mjs",
            "import './log.mjs'; import './b.mjs'; log.push('a');",
        ),
        (
            "b.mjs",
            "import './c.mjs'; import './a.mjs'; log.push('b');",
        ),
        ("c.mjs", "import './a.mjs'; log.push('c');"),
        ("e.mjs", "log.push('e1'); await null; log.push('e2');"),
        ("late.mjs", "log.push('late');"),
        ("log.mjs", "globalThis.log = [];"),
    ];
    assert_eq!(value(&files), "c b a e1 late e2 main");
}

#[test]
fn a_circle_of_cached_and_changed_files_is_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        (
            "main.mjs",
            "import { a } from './a.mjs'; export default a();",
        ),
        (
            "a.mjs",
            "import { b } from './b.mjs'; import './x.mjs'; export const a = () => b() + 1;",
        ),
        (
            "b.mjs",
            "import './x.mjs'; import { c } from './c.mjs'; import './y.mjs'; export const b = () => c() + 1;",
        ),
        (
            "c.mjs",
            "import { a } from './a.mjs'; import './y.mjs'; export const c = () => typeof a === 'function' ? 1 : 0;",
        ),
        ("x.mjs", "import './y.mjs';"),
        ("y.mjs", "export {};"),
    ];
    write(folder.path(), &files);
    let engine = engine();
    let run = || {
        let script = Script::file(folder.path().join("main.mjs"));
        let result = engine.run(script, RunOptions::new()).wait().result;
        result.unwrap_or_else(|error| panic!("{}", error.render(false)))
    };
    assert_eq!(run(), 3);
    assert_eq!(run(), 3);
    for (name, text) in files {
        fs::write(folder.path().join(name), format!("{text}\n// changed")).unwrap();
        assert_eq!(run(), 3, "{name}");
    }
}

#[test]
fn a_module_that_awaits_is_waited_for_where_that_is_possible() {
    assert_eq!(
        value(&[
            ("main.js", "require('./a.cjs').got"),
            ("a.cjs", "exports.got = require('./b.mjs').b"),
            (
                "b.mjs",
                "await new Promise((r) => setTimeout(r, 1)); export const b = 5;"
            ),
        ]),
        5
    );
    // Within a circle of modules that are being evaluated, others cannot go on: one of them might be due.
    let error = failure(&[
        ("main.mjs", "import './a.mjs';"),
        ("a.mjs", "import './b.mjs'; import './c.mjs';"),
        ("b.mjs", "import './a.mjs'; import './slow.mjs';"),
        ("c.mjs", "import './a.mjs'; require('./tla.mjs');"),
        ("slow.mjs", "await null;"),
        ("tla.mjs", "await new Promise((r) => setTimeout(r, 5));"),
    ]);
    assert!(
        error.message.contains("tla.mjs") && error.message.contains("circle"),
        "{error}"
    );
    // One that awaits itself never ends.
    let error = failure(&[("main.mjs", "await import('./main.mjs');")]);
    assert!(error.message.contains("never settled"), "{error}");
    let error = failure(&[
        ("main.mjs", "await null; require('./a.mjs');"),
        ("a.mjs", "import './main.mjs';"),
    ]);
    assert!(error.message.contains("a.mjs"), "{error}");
}

#[test]
fn jobs_that_run_meanwhile_reach_no_module_that_is_being_evaluated() {
    // While `main` is being evaluated, `require` waits, and the jobs of `import()` are due.
    let seen = value(&[
        (
            "main.mjs",
            "const seen = [];
             const note = (p) => p.then(() => seen.push('well'), (e) => seen.push(e.message));
             note(import('./main.mjs'));
             note(import('./back.mjs'));
             note(import('./fine.mjs'));
             require('./slow.mjs');
             export default seen;",
        ),
        ("back.mjs", "import './main.mjs';"),
        ("fine.mjs", "export {};"),
        ("slow.mjs", "await new Promise((r) => setTimeout(r, 5));"),
    ]);
    let seen = seen.as_array().unwrap();
    assert_eq!(seen.len(), 3);
    for (seen, expected) in seen.iter().zip(["main.mjs", "back.mjs", "well"]) {
        assert!(seen.as_str().unwrap().contains(expected), "{seen}");
    }
}

#[test]
fn what_is_required_late_may_import_what_requires_it() {
    assert_eq!(
        value(&[
            (
                "main.mjs",
                "import { f } from './lib.mjs'; export default f();"
            ),
            (
                "lib.mjs",
                "export const x = 4; export const f = () => require('./late.mjs').y;"
            ),
            (
                "late.mjs",
                "import { x } from './lib.mjs'; export const y = x + 1;"
            ),
        ]),
        5
    );
    // In a module that is evaluated meanwhile, too.
    assert_eq!(
        value(&[
            (
                "main.mjs",
                "import './util.mjs'; import lib from './lib.cjs'; import './later.mjs'; export default lib;"
            ),
            (
                "lib.cjs",
                "module.exports = [require('./util.mjs').u, require('./later.mjs').l]"
            ),
            ("util.mjs", "export const u = 1;"),
            ("later.mjs", "export const l = 2;"),
        ]),
        json!([1, 2])
    );
}

#[test]
fn the_rule_itself_is_not_run_again() {
    for main in [
        "globalThis.n = (globalThis.n ?? 0) + 1; const me = require('./main.js'); [n, JSON.stringify(me)]",
        "globalThis.n = (globalThis.n ?? 0) + 1; const me = (await import('./main.js')).default; [n, JSON.stringify(me)]",
        "globalThis.n = (globalThis.n ?? 0) + 1; const { me } = require('./lib.js'); [n, JSON.stringify(me)]",
        "globalThis.n = (globalThis.n ?? 0) + 1; const { me } = await import('./lib.mjs'); [n, JSON.stringify(me)]",
    ] {
        let files = [
            ("main.js", main),
            ("lib.js", "exports.me = require('./main.js')"),
            ("lib.mjs", "import me from './main.js'; export { me };"),
        ];
        assert_eq!(value(&files), json!([1, "{}"]), "{main}");
    }
}

#[test]
fn hooks_of_a_script_load_nothing_while_something_is_loaded() {
    let seen = value(&[
        (
            "main.js",
            "const seen = [];
             let times = 0;
             Error.prepareStackTrace = (e) => {
                 if (times++ > 20) return '';
                 for (const name of ['./broken.mjs', './a.mjs', './b.cjs', './c.json']) {
                     try { require(name); seen.push('well') } catch { seen.push('refused') }
                     import(name).then(() => {}, () => {});
                 }
                 return '';
             };
             for (const name of ['./a.mjs', './broken.mjs', './b.cjs']) {
                 try { require(name) } catch {}
                 await import(name).then(() => {}, () => {});
             }
             Error.prepareStackTrace = undefined;
             seen.length > 0",
        ),
        ("a.mjs", "import './broken.mjs'; import './nowhere.mjs';"),
        ("b.cjs", "require('./nowhere.cjs'); exports = ;"),
        ("c.json", "{"),
        ("broken.mjs", "import './a.mjs'; export const = 1;"),
    ]);
    assert_eq!(seen, true);
}

#[test]
fn a_module_runs_once_however_it_is_imported() {
    assert_eq!(
        value(&[
            (
                "main.mjs",
                "import a from './d.json' with { type: 'json' }; import b from './d.json';
                 const c = (await import('./d.json', { with: { type: 'json' } })).default;
                 export default [a.x, a === b, b === c, a === require('./d.json')];",
            ),
            ("d.json", "{\"x\": 7}"),
        ]),
        json!([7, true, true, true])
    );
    for (attributes, wanted) in [
        ("{ type: 'json' }", json!(["SyntaxError", "SyntaxError", 1])),
        ("{ type: 'text' }", json!([1])),
        ("{ type: 'css' }", json!(["TypeError", "TypeError", 1])),
        ("{ lang: 'x' }", json!(["TypeError", "TypeError", 1])),
    ] {
        let main = format!(
            "const seen = []; import('./lib.mjs');
             try {{ await import('./lib.mjs', {{ with: {attributes} }}) }} catch (e) {{ seen.push(e.name) }}
             try {{ require('./with.mjs') }} catch (e) {{ seen.push(e.name) }}
             seen.push(globalThis.n); seen"
        );
        let with = format!("import './lib.mjs' with {attributes};");
        let seen = value(&[
            ("main.js", &main),
            ("with.mjs", &with),
            ("lib.mjs", "globalThis.n = (globalThis.n ?? 0) + 1;"),
        ]);
        assert_eq!(seen, wanted, "{attributes}");
    }
}

#[test]
fn a_long_chain_of_modules_is_loaded_with_the_smallest_stack() {
    let folder = tempfile::tempdir().unwrap();
    let last = 400;
    for n in 0..last {
        let (this, next) = (format!("m{n}.mjs"), n + 1);
        let text = format!(
            "import {{ depth as d }} from './m{next}.mjs'; export const depth = d + 1; export default depth;"
        );
        write(folder.path(), &[(&this, &text)]);
    }
    let name = format!("m{last}.mjs");
    write(folder.path(), &[(&name, "export const depth = 0;")]);
    let engine = engine();
    for stack in [64 * 1024, 1024 * 1024] {
        let script = Script::file(folder.path().join("m0.mjs"));
        let options = RunOptions::new().limits(Limits::default().stack(stack));
        let result = engine.run(script, options).wait().result;
        let value = result.unwrap_or_else(|error| panic!("{}", error.render(false)));
        assert_eq!(value, last);
    }
    // A circle of them is too much at once, and says so.
    write(
        folder.path(),
        &[(&name, "import './m0.mjs'; export const depth = 0;")],
    );
    for stack in [64 * 1024, 1024 * 1024] {
        let script = Script::file(folder.path().join("m0.mjs"));
        let options = RunOptions::new().limits(Limits::default().stack(stack));
        let _ = engine.run(script, options).wait().result;
    }
}

#[test]
fn what_only_looks_like_a_module_is_none() {
    for text in [
        "exports.value = `\nimport x from 'y';\n`.length;",
        "/*\nimport nothing\nexport nothing\n*/ exports.value = 21;",
        "exports.value = 21; // export { value }",
        "exports.value = 21; const important = exports; function f() { return import('./x') }",
    ] {
        let files = [("main.js", "require('./lib.js').value"), ("lib.js", text)];
        assert!(value(&files).is_number(), "{text}");
        let files = [
            (
                "main.mjs",
                "import lib from './lib.js'; export default lib.value;",
            ),
            ("lib.js", text),
        ];
        assert!(value(&files).is_number(), "{text}");
    }
    for text in [
        "var a = 1; export { a as value }",
        "if (1) {} export const value = import.meta.filename.length",
        "/* x */ export let value = await 5;",
    ] {
        let files = [("main.js", "require('./lib.js').value"), ("lib.js", text)];
        assert!(value(&files).is_number(), "{text}");
    }
}

#[test]
fn a_run_that_is_stopped_while_it_loads_ends() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("main.mjs", "import './spin.mjs'; import './spin.cjs';"),
            ("spin.mjs", "import './main.mjs'; while (true) {}"),
            ("spin.cjs", "while (true) {}"),
            (
                "main.js",
                "try { require('./spin.cjs') } catch {} finally { require('./spin.mjs') }",
            ),
        ],
    );
    for main in ["main.mjs", "main.js"] {
        let script = Script::file(folder.path().join(main));
        let limits = Limits::default().timeout(std::time::Duration::from_millis(50));
        let error = engine()
            .run(script, RunOptions::new().limits(limits))
            .wait()
            .result
            .unwrap_err();
        assert_eq!(
            error.kind,
            cla_runtime::error::ErrorKind::TimedOut,
            "{error}"
        );
    }
}
