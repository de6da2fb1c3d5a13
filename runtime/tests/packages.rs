//! Packages in `node_modules`: how names resolve, CommonJS and ES modules together, what may be imported, and where errors
//! point.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;
use std::path::Path;

use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, Permissions, RuleError, RunOptions, RunReport, Script};
use serde_json::{Value, json};
use tempfile::TempDir;

type Files<'a> = &'a [(&'a str, &'a str)];

/// A folder with these files.
fn folder(files: Files<'_>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn run_in(folder: &Path, main: &str) -> RunReport {
    let engine = Engine::builder().workers(1).build();
    engine
        .run(Script::file(folder.join(main)), RunOptions::new())
        .wait()
}

fn value_in(folder: &Path, main: &str) -> Value {
    run_in(folder, main)
        .result
        .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

/// The value of a rule that exports what stands there, beside these files.
#[track_caller]
fn value(main: &str, files: Files<'_>) -> Value {
    let folder = folder(files);
    fs::write(folder.path().join("main.js"), main).unwrap();
    value_in(folder.path(), "main.js")
}

#[track_caller]
fn failure(main: &str, files: Files<'_>) -> RuleError {
    let folder = folder(files);
    fs::write(folder.path().join("main.js"), main).unwrap();
    run_in(folder.path(), "main.js").result.unwrap_err()
}

#[test]
fn names_resolve_as_in_node() {
    let packages: Files<'_> = &[
        ("node_modules/main/package.json", r#"{"main": "./lib/it"}"#),
        ("node_modules/main/lib/it.js", "module.exports = 'main'"),
        ("node_modules/main/other.js", "module.exports = 'other'"),
        ("node_modules/index/index.js", "module.exports = 'index'"),
        (
            "node_modules/main-folder/package.json",
            r#"{"main": "lib"}"#,
        ),
        (
            "node_modules/main-folder/lib/index.js",
            "module.exports = 'main-folder'",
        ),
        ("node_modules/data/package.json", r#"{"main": "a.json"}"#),
        ("node_modules/data/a.json", r#"{"data": 1}"#),
        (
            "node_modules/@scope/pkg/package.json",
            r#"{"exports": "./x.js"}"#,
        ),
        ("node_modules/@scope/pkg/x.js", "module.exports = 'scoped'"),
        (
            "node_modules/exports/package.json",
            r#"{"main": "no.js", "exports": {
                ".": {"types": "./t.d.ts", "import": "./i.mjs", "require": "./r.cjs"},
                "./sub": {"browser": "./no.js", "node": {"import": "./sub.mjs", "default": "./sub.cjs"}},
                "./features/*": "./f/*.js",
                "./features/private/*": null,
                "./list": [{"nothing": "./no.js"}, "./sub.cjs"],
                "./package.json": "./package.json"
            }}"#,
        ),
        ("node_modules/exports/i.mjs", "export default 'import'"),
        ("node_modules/exports/r.cjs", "module.exports = 'require'"),
        (
            "node_modules/exports/sub.mjs",
            "export default 'sub import'",
        ),
        (
            "node_modules/exports/sub.cjs",
            "module.exports = 'sub require'",
        ),
        (
            "node_modules/exports/f/a.js",
            "module.exports = 'feature a'",
        ),
        (
            "node_modules/exports/f/private/a.js",
            "module.exports = 'private'",
        ),
        (
            "node_modules/deep/index.js",
            "module.exports = require('inner')",
        ),
        (
            "node_modules/deep/node_modules/inner/index.js",
            "module.exports = 'nested'",
        ),
        ("node_modules/inner/index.js", "module.exports = 'outer'"),
        (
            "node_modules/self/package.json",
            r##"{"name": "self", "exports": {".": "./i.js", "./x": "./x.js"}, "imports": {"#own": "./x.js", "#dep": "inner", "#cond": {"import": "./i.js", "require": "./x.js"}}}"##,
        ),
        (
            "node_modules/self/i.js",
            "module.exports = [require('self/x'), require('#own'), require('#dep'), require('#cond')]",
        ),
        ("node_modules/self/x.js", "module.exports = 'x'"),
        ("node_modules/big.js/package.json", r#"{"main": "big"}"#),
        ("node_modules/big.js/big.js", "module.exports = 'big'"),
    ];
    for (expression, wanted) in [
        ("require('main')", json!("main")),
        ("require('main/other')", json!("other")),
        ("require('main/other.js')", json!("other")),
        ("require('index')", json!("index")),
        ("require('main-folder')", json!("main-folder")),
        ("require('data').data", json!(1)),
        ("require('@scope/pkg')", json!("scoped")),
        ("require('exports')", json!("require")),
        ("(await import('exports')).default", json!("import")),
        ("require('exports/sub')", json!("sub require")),
        ("(await import('exports/sub')).default", json!("sub import")),
        ("require('exports/features/a')", json!("feature a")),
        ("require('exports/list')", json!("sub require")),
        ("require('exports/package.json').main", json!("no.js")),
        ("require('deep')", json!("nested")),
        ("require('inner')", json!("outer")),
        ("require('self')", json!(["x", "x", "outer", "x"])),
        ("require('big.js')", json!("big")),
    ] {
        assert_eq!(value(expression, packages), wanted, "{expression}");
    }
    let declared = "import a from 'exports'; import b from 'exports/sub'; import c from 'main';\nexport default [a, b, c]";
    assert_eq!(
        value(declared, packages),
        json!(["import", "sub import", "main"])
    );
    for (expression, wanted) in [
        (
            "require('exports/f/a.js')",
            "exports no \"./f/a.js\" for `require`",
        ),
        (
            "require('exports/features/private/a')",
            "exports no \"./features/private/a\"",
        ),
        ("require('main/nope')", "node_modules/main has no such file"),
        ("await import('#own')", "under \"imports\""),
    ] {
        let error = failure(expression, packages).message;
        assert!(error.contains(wanted), "{expression}: {error}");
    }
}

#[test]
fn a_missing_package_is_an_error_that_says_where_it_was_looked_for() {
    let error = failure("require('lodash/fp')", &[]);
    let wanted = "; `npm install lodash` there gets the package";
    assert!(
        error.message.contains("there is no module 'lodash/fp'"),
        "{}",
        error.message
    );
    assert!(
        error
            .message
            .contains("there is no folder node_modules in "),
        "{}",
        error.message
    );
    assert!(error.message.ends_with(wanted), "{}", error.message);
    let error = failure("import '@a/b'", &[("node_modules/c/index.js", "")]);
    assert!(
        error.message.contains("there is no package @a/b in "),
        "{}",
        error.message
    );
    assert!(
        error
            .message
            .contains("/node_modules; `npm install @a/b` gets it"),
        "{}",
        error.message
    );
    assert_eq!(error.location.unwrap().column, 8);
    let caught = "try { require('lodash') } catch (error) { error.code }";
    assert_eq!(value(caught, &[]), "MODULE_NOT_FOUND");
    for (expression, files, wanted) in [
        (
            "require('native')",
            &[
                (
                    "node_modules/native/package.json",
                    r#"{"main": "build/it.node"}"#,
                ),
                ("node_modules/native/build/it.node", ""),
            ][..],
            "a native addon",
        ),
        ("require('./it.node')", &[("it.node", "")], "a native addon"),
        ("require('./it')", &[("it.wasm", "")], "WebAssembly"),
        (
            "require('broken')",
            &[("node_modules/broken/package.json", "{")],
            "package.json: no valid JSON",
        ),
        (
            "require('empty')",
            &[("node_modules/empty/package.json", "{}")],
            "no index.js",
        ),
        ("require('@/x')", &[], "no tsconfig.json declares it"),
        (
            "require('lib.js')",
            &[("lib.js", "")],
            "did you mean './lib.js'?",
        ),
    ] {
        let error = failure(expression, files).message;
        assert!(error.contains(wanted), "{expression}: {error}");
    }
    let text = Script::javascript("text", "require('lodash')");
    let error = Engine::new()
        .run(text, RunOptions::new())
        .wait()
        .result
        .unwrap_err();
    assert!(
        error.message.contains("there is no module 'lodash'"),
        "{error}"
    );
}

#[test]
fn commonjs_and_es_modules_import_each_other() {
    let files: Files<'_> = &[
        (
            "node_modules/cjs/index.js",
            "exports.a = 1; exports['b-c'] = 2; exports.default = 3; Object.defineProperty(exports, '__esModule', { value: true })",
        ),
        (
            "node_modules/re/index.js",
            "module.exports = { ...require('cjs'), d: 4 }; __exportStar(require('./more'), exports); function __exportStar() {}",
        ),
        ("node_modules/re/more.js", "exports.more = 1"),
        (
            "node_modules/getter/index.js",
            "Object.defineProperty(exports, 'bad', { enumerable: true, get() { throw 1 } }); exports.good = 1",
        ),
        ("node_modules/nothing/index.js", "module.exports = null"),
        (
            "node_modules/esm/package.json",
            r#"{"type": "module", "exports": "./index.js"}"#,
        ),
        (
            "node_modules/esm/index.js",
            "export default 'd'; export const n = 1; export const here = [typeof module, typeof exports]",
        ),
        ("node_modules/named/index.mjs", "export const only = 1"),
        (
            "node_modules/named/package.json",
            r#"{"main": "index.mjs"}"#,
        ),
        (
            "node_modules/whole/index.mjs",
            "const f = () => 'whole'; export { f as 'module.exports' }; export default 1",
        ),
        (
            "node_modules/whole/package.json",
            r#"{"main": "index.mjs"}"#,
        ),
        (
            "node_modules/dual/package.json",
            r#"{"exports": {"import": "./w.mjs", "require": "./c.cjs"}}"#,
        ),
        (
            "node_modules/dual/w.mjs",
            "import c from './c.cjs'; export default c; export const { x } = c",
        ),
        (
            "node_modules/dual/c.cjs",
            "globalThis.loads = (globalThis.loads ?? 0) + 1; exports.x = {}",
        ),
        (
            "node_modules/awaits/package.json",
            r#"{"main": "index.mjs"}"#,
        ),
        (
            "node_modules/awaits/index.mjs",
            "export const v = await Promise.resolve(7)",
        ),
        (
            "node_modules/sloppy/index.js",
            "module.exports = [this === exports, (function () { return this === globalThis })(), arguments.length]",
        ),
    ];
    for (body, wanted) in [
        (
            "import d, { a, 'b-c' as c, default as e } from 'cjs'; export default [d.a, a, c, e === d, d.default]",
            json!([1, 1, 2, true, 3]),
        ),
        (
            "import * as all from 'cjs'; export default Object.keys(all).sort()",
            json!(["__esModule", "a", "b-c", "default", "module.exports"]),
        ),
        (
            "import { a, d, more } from 're'; export default [a, d, more]",
            json!([1, 4, null]),
        ),
        (
            "import { bad, good } from 'getter'; export default [typeof bad, good]",
            json!(["undefined", 1]),
        ),
        (
            "import d from 'nothing'; export default d === null",
            json!(true),
        ),
        (
            "const e = require('esm'); [e.default, e.n, e.__esModule, e.here, e === require('esm')]",
            json!(["d", 1, true, ["undefined", "undefined"], true]),
        ),
        (
            "const e = require('named'); [e.only, '__esModule' in e]",
            json!([1, false]),
        ),
        ("require('whole')()", json!("whole")),
        (
            "import d, { x } from 'dual'; const r = require('dual'); export default [d === r, x === r.x, loads]",
            json!([true, true, 1]),
        ),
        ("require('awaits').v", json!(7)),
        ("require('sloppy')", json!([true, true, 5])),
    ] {
        assert_eq!(value(body, files), wanted, "{body}");
    }
}

#[test]
fn a_module_object_has_what_node_gives_it() {
    let files: Files<'_> = &[
        (
            "lib/a.js",
            "exports.m = module; exports.r = require; exports.child = require('./b')",
        ),
        (
            "lib/b.js",
            "module.exports = { parent: module.parent && module.parent.filename, n: (globalThis.n = (globalThis.n ?? 0) + 1) }",
        ),
        ("node_modules/p/index.js", ""),
    ];
    let main = "
        const { m, r, child } = require('./lib/a');
        const end = (path) => path.split('/').slice(-2).join('/');
        delete require.cache[require.resolve('./lib/b')];
        const again = require('./lib/b');
        let code; try { require.resolve('./nope') } catch (error) { code = error.code }
        [m.id === m.filename, end(m.filename), end(m.path), m.loaded, m.children.length, end(child.parent),
         m.paths[0].endsWith('lib/node_modules'), m.require('./b').n, r === m.require, again.n,
         end(r.resolve('p')), r.resolve('p', { paths: [m.path] }) === require.resolve('p'),
         r.main === require.main, require.main.id, require.main.parent, end(require.main.filename),
         Object.keys(r.cache).length === Object.keys(require.cache).length, code,
         r.resolve.paths('x').length > 0, r.resolve.paths('./x').map(end)]";
    let value = value(main, files);
    assert_eq!(
        value,
        json!([
            true,
            "lib/a.js",
            value[2],
            true,
            1,
            "lib/a.js",
            true,
            2,
            true,
            2,
            "p/index.js",
            true,
            true,
            ".",
            null,
            value[15],
            true,
            "MODULE_NOT_FOUND",
            true,
            value[19]
        ])
    );
    assert!(value[2].as_str().unwrap().ends_with("/lib"), "{value}");
    assert!(value[15].as_str().unwrap().ends_with("/main.js"), "{value}");
}

#[test]
fn import_meta_says_where_a_module_is() {
    let main = "
        import { url, resolved } from './a b#.mjs';
        export default [url, resolved, import.meta.resolve('./x y.mjs'), import.meta.main]
            .map((it) => typeof it === 'string' ? it.replace(/.*\\//, '') : it)";
    let files: Files<'_> = &[
        (
            "a b#.mjs",
            "export const { url } = import.meta; export const resolved = import.meta.resolve('p')",
        ),
        ("x y.mjs", ""),
        ("node_modules/p/package.json", r#"{"main": "m.js"}"#),
        ("node_modules/p/m.js", ""),
    ];
    assert_eq!(
        value(main, files),
        json!(["a%20b%23.mjs", "m.js", "x%20y.mjs", true])
    );
    let by_url = "const { url } = (await import('./a b#.mjs')); (await import(url)).url === url";
    assert_eq!(value(by_url, files), true);
}

#[test]
fn the_type_of_a_package_decides_what_its_files_are() {
    let folder = folder(&[
        ("package.json", r#"{"type": "module"}"#),
        (
            "main.js",
            "export default [typeof require('./lib/c').x, this === undefined]; ",
        ),
        (
            "lib/c.js",
            "globalThis.strict = (function () { return this === undefined })(); export const x = strict",
        ),
        ("script.js", "var a = 1; a + 1"),
        ("sub/package.json", r#"{"type": "commonjs"}"#),
        (
            "sub/main.js",
            "module.exports = (function () { return this === globalThis })()",
        ),
    ]);
    assert_eq!(value_in(folder.path(), "main.js"), json!(["boolean", true]));
    assert_eq!(value_in(folder.path(), "script.js"), Value::Null);
    assert_eq!(value_in(folder.path(), "sub/main.js"), true);
}

#[test]
fn paths_of_a_tsconfig_count() {
    let folder = folder(&[
        (
            "tsconfig.json",
            "{\n// comment\n\"compilerOptions\": {\"baseUrl\": \".\", \"paths\": {\"@lib/*\": [\"./src/*\"], \"one\": [\"./src/one.ts\"]}, },}",
        ),
        ("src/a.ts", "export const a: number = 1"),
        ("src/one.ts", "export default 'one'"),
        (
            "main.ts",
            "import { a } from '@lib/a'; import { a as b } from '@lib/a.js'; import one from 'one'; import { a as c } from 'src/a';\nexport default [a, b, one, c]",
        ),
        ("bad/tsconfig.json", "{\"extends\": \"./nowhere.json\"}"),
        ("bad/main.ts", "import x from 'p'; export default x"),
        ("bad/node_modules/p/index.js", "module.exports = 'p'"),
    ]);
    assert_eq!(value_in(folder.path(), "main.ts"), json!([1, 1, "one", 1]));
    assert_eq!(value_in(folder.path(), "bad/main.ts"), "p");
}

#[cfg(unix)]
#[test]
fn nothing_outside_is_a_package() {
    let folder = folder(&[
        ("node_modules/above/index.js", "module.exports = 'above'"),
        ("store/linked/index.js", "module.exports = 'linked'"),
        ("store/linked/package.json", r#"{"name": "linked"}"#),
        ("rules/main.js", "require('above')"),
        ("rules/linked.js", "require('linked')"),
        ("rules/inside.js", "require('inside')"),
        ("rules/escape.js", "require('escape')"),
        (
            "rules/node_modules/.store/inside/index.js",
            "module.exports = require('dep')",
        ),
        (
            "rules/node_modules/.store/node_modules/dep/index.js",
            "module.exports = 'dep'",
        ),
        (
            "rules/node_modules/escape/package.json",
            r#"{"main": "../../../store/linked/index.js"}"#,
        ),
    ]);
    let top = folder.path().canonicalize().unwrap();
    let link =
        |from: &str, to: &str| std::os::unix::fs::symlink(top.join(from), top.join(to)).unwrap();
    link("store/linked", "rules/node_modules/linked");
    link(
        "rules/node_modules/.store/inside",
        "rules/node_modules/inside",
    );
    let error = |main: &str| run_in(&top, main).result.unwrap_err().message;
    assert!(
        error("rules/main.js").contains("there is no package above in "),
        "{}",
        error("rules/main.js")
    );
    let linked = error("rules/linked.js");
    assert!(
        linked.contains("link that leads out") && linked.contains("--allow-import"),
        "{linked}"
    );
    assert!(!linked.contains("store"), "{linked}");
    assert!(
        !error("rules/escape.js").contains("linked"),
        "{}",
        error("rules/escape.js")
    );
    assert_eq!(value_in(&top, "rules/inside.js"), "dep");
    let allowed = Permissions::none()
        .allow(Permission::Import, [&top])
        .unwrap();
    let engine = Engine::builder().workers(1).permissions(allowed).build();
    let value = |main: &str| {
        engine
            .run(Script::file(top.join(main)), RunOptions::new())
            .wait()
            .result
            .unwrap()
    };
    assert_eq!(value("rules/main.js"), "above");
    assert_eq!(value("rules/linked.js"), "linked");
    let denied = Permissions::all()
        .deny(Permission::Import, [top.join("rules/node_modules")])
        .unwrap();
    let engine = Engine::builder().workers(1).permissions(denied).build();
    let error = engine
        .run(Script::file(top.join("rules/inside.js")), RunOptions::new())
        .wait()
        .result
        .unwrap_err();
    assert!(error.message.contains("there is no"), "{error}");
}

#[test]
fn descriptions_of_packages_that_are_made_to_harm_do_none() {
    let deep = format!(
        "{{\"exports\": {}1{}}}",
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let long = format!("{{\"main\": \"{}\"}}", "a/".repeat(500_000));
    let stars = format!("{{\"exports\": {{\"./*\": \"./{}\"}}}}", "*/".repeat(300));
    let name = format!("require('{}')", "a/".repeat(2_000));
    let circle = r##"{"name": "circle", "exports": {".": "./a.js"}, "imports": {"#a": "circle", "#b": "#b"}}"##;
    for (main, package) in [
        ("require('p')", deep.as_str()),
        ("require('p')", &long),
        ("require('p/a/b/c')", &stars),
        (&name, "{}"),
        ("require('p')", "\u{0}"),
        ("require('p')", "[]"),
        ("require('p')", "{\"exports\": {\".\": 1, \"a\": 2}}"),
    ] {
        let error = failure(main, &[("node_modules/p/package.json", package)]);
        assert!(!error.message.is_empty());
    }
    let error = failure(
        "require('p/x')",
        &[
            ("node_modules/p/package.json", circle),
            ("node_modules/p/x.js", "require('#b')"),
        ],
    );
    assert!(!error.message.is_empty());
    let many = "for (let i = 0; i < 10000; i++) { try { require('missing' + i) } catch {} } 'done'";
    assert_eq!(value(many, &[]), "done");
}

#[test]
fn files_are_imported_as_text_and_bytes_and_json() {
    let folder = folder(&[
        ("a.txt", "let x = <text>"),
        ("b.bin", "\u{0}\u{1}"),
        ("c.js", "throw 1"),
        ("d.data", "{\"d\": [1]}"),
        ("e.json", "{\"e\": 1}"),
        (
            "main.js",
            "import text from './a.txt' with { type: 'text' };
             import bytes from './b.bin' with { type: 'bytes' };
             import code from './c.js' with { type: 'text' };
             import data from './d.data' with { type: 'json' };
             import e from './e.json' with { type: 'json' };
             import plain from './e.json';
             export { default as again } from './a.txt' with { type: 'text' };
             const { default: later } = await import('./a.txt', { with: { type: 'text' } });
             export default [text, [...bytes], bytes instanceof Uint8Array, code, data.d, e === plain, later === text]",
        ),
        ("unknown.js", "import css from './a.txt' with { type: 'css' }"),
        ("key.js", "import css from './a.txt' with { kind: 'css' }"),
        ("call.js", "await import('./a.txt', { with: { type: 'css' } })"),
        ("missing.js", "import a from './nope.txt' with { type: 'text' }"),
        ("caught.js", "try { await import('./a.txt', { with: { type: 'css' } }) } catch (e) { e.name }"),
    ]);
    let engine = Engine::builder().workers(1).build();
    let run = |main: &str| {
        let script = Script::file(folder.path().join(main));
        engine.run(script, RunOptions::new()).wait().result
    };
    // Compiled, and from the engine's compiled code.
    for _ in 0..2 {
        assert_eq!(
            run("main.js").unwrap(),
            json!(["let x = <text>", [0, 1], true, "throw 1", [1], true, true])
        );
    }
    for main in ["unknown.js", "call.js"] {
        let error = run(main).unwrap_err();
        for kind in ["\"css\"", "\"json\"", "\"text\"", "\"bytes\""] {
            assert!(error.message.contains(kind), "{main}: {error}");
        }
    }
    assert!(
        run("key.js")
            .unwrap_err()
            .message
            .contains("import attribute \"kind\"")
    );
    assert!(
        run("missing.js")
            .unwrap_err()
            .message
            .contains("./nope.txt")
    );
    assert_eq!(run("caught.js").unwrap(), "TypeError");
}

#[test]
fn the_entry_file_is_a_module_like_the_others() {
    let folder = folder(&[
        (
            "exports.js",
            "exports.a = 1; exports.b = [typeof module, __filename === module.filename]",
        ),
        (
            "function.js",
            "module.exports = (stash) => Object.keys(stash).length",
        ),
        (
            "names.js",
            "require.main === module && [__dirname.length > 1, module.id, this === globalThis]",
        ),
        (
            "returns.js",
            "const ok = true;\nif (ok) return { returned: __filename.endsWith('returns.js') };\nthrow 1",
        ),
        ("returns.cts", "const n: number = 2; return n + 1"),
        ("module.mts", "export default import.meta.main as boolean"),
        (
            "required.cjs",
            "exports.main = require.main === module; exports.lib = require('./lib.js')",
        ),
        (
            "lib.js",
            "module.exports = require.main !== module && require.main.filename.endsWith('required.cjs')",
        ),
        ("last.js", "const here = __dirname; here.length > 1"),
        (
            "esm.js",
            "import { seen } from './names.mjs'; export default seen",
        ),
        (
            "names.mjs",
            "export const seen = [typeof module, typeof exports, typeof __dirname]",
        ),
        (
            "leak.js",
            "var x = module; const { seen } = require('./names.mjs'); seen",
        ),
        ("error.js", "\n  return nope()"),
    ]);
    for (main, wanted) in [
        ("exports.js", json!({ "a": 1, "b": ["object", true] })),
        ("function.js", json!(0)),
        ("names.js", json!([true, ".", true])),
        ("returns.js", json!({ "returned": true })),
        ("returns.cts", json!(3)),
        ("module.mts", json!(true)),
        ("required.cjs", json!({ "main": true, "lib": true })),
        ("last.js", json!(true)),
        ("esm.js", json!(["undefined", "undefined", "undefined"])),
        ("leak.js", json!(["undefined", "undefined", "undefined"])),
    ] {
        assert_eq!(value_in(folder.path(), main), wanted, "{main}");
    }
    let error = run_in(folder.path(), "error.js").result.unwrap_err();
    let place = error.location.unwrap();
    assert_eq!((place.line, place.column), (2, 10), "{}", error.message);
}

#[test]
fn errors_point_into_what_the_author_of_a_package_wrote() {
    // `export function f(o: any) {\n  return o.a.b\n}` by the compiler of TypeScript.
    let code = "export function f(o) {\n    return o.a.b;\n}\n//# sourceMappingURL=index.js.map";
    let map = r#"{"version":3,"file":"index.js","sourceRoot":"","sources":["../src/index.ts"],"names":[],"mappings":"AAAA,MAAM,UAAU,CAAC,CAAC,CAAM;IACtB,OAAO,CAAC,CAAC,CAAC,CAAC,CAAC;AACd,CAAC"}"#;
    let source = "export function f(o: any) {\n  return o.a.b;\n}\n";
    let main = "import { f } from 'mapped';\nf({})";
    let package = r#"{"type": "module", "main": "dist/index.js"}"#;
    let shown = |files: Files<'_>| {
        let error = failure(main, files);
        let place = error.location.clone().unwrap();
        let file = Path::new(&place.file)
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        (file, place.line, error.render(false))
    };
    let all: Vec<(&str, &str)> = vec![
        ("node_modules/mapped/package.json", package),
        ("node_modules/mapped/dist/index.js", code),
        ("node_modules/mapped/dist/index.js.map", map),
        ("node_modules/mapped/src/index.ts", source),
    ];
    let (file, line, text) = shown(&all);
    assert_eq!((file.as_str(), line), ("index.ts", 2), "{text}");
    assert!(text.contains("  return o.a.b;"), "{text}");
    assert!(text.contains("main.js:2"), "{text}");
    // The map is broken, is too large, or leads elsewhere: the error points into what runs.
    let huge = format!(
        "{{\"version\":3,\"sources\":[],\"names\":[],\"mappings\":\"{}\"}}",
        "A".repeat(5 << 20)
    );
    for map in [
        "{",
        huge.as_str(),
        "{\"version\":3,\"sources\":[\"/etc/passwd\"],\"names\":[],\"mappings\":\"\"}",
    ] {
        let mut files = all.clone();
        files[2].1 = map;
        let (file, line, text) = shown(&files);
        assert_eq!((file.as_str(), line), ("index.js", 2), "{text}");
    }
}
