//! What rulebooks import: functions of other rulebooks, exports of modules, services that these register.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::path::Path;

use cla_rulebook::RulebookScript;
use cla_runtime::semaphore::SemaphoreName;
use cla_runtime::{Engine, HostModule, RunOptions, RunReport, Script};
use serde_json::{Value, json};

fn engine() -> Engine {
    let host = HostModule::new("app/math").function("double", |(n,): (f64,)| {
        Ok::<_, std::convert::Infallible>(n * 2.0)
    });
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .module(host)
        .build()
}

/// Runs the first of the files.
fn report(files: &[(&str, &str)]) -> (RunReport, Engine) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let engine = engine();
    let script = Script::file(folder.path().join(files[0].0));
    let report = engine.run(script, RunOptions::new()).wait();
    (report, engine)
}

#[track_caller]
fn value(files: &[(&str, &str)]) -> Value {
    match report(files).0.result {
        Ok(value) => value,
        Err(error) => panic!("{}", error.render(false)),
    }
}

#[track_caller]
fn message(files: &[(&str, &str)]) -> String {
    match report(files).0.result {
        Ok(value) => panic!("{value}"),
        Err(error) => error.render(false),
    }
}

const LIB: &str =
    "def: {greet: {args: [who, {greeting: hello}], do: [return: '${greeting} ${who}']}}";

#[test]
fn defs_of_another_rulebook_are_ops() {
    let main = "{import: ./lib.yml, do: [{x = greet: you}, {return: '${x}'}]}";
    assert_eq!(value(&[("a.yml", main), ("lib.yml", LIB)]), "hello you");
    let main =
        "do: [{import: [./lib.yml]}, {x = greet: {who: me, greeting: hi}}, {return: '${x}'}]";
    assert_eq!(value(&[("a.yml", main), ("lib.yml", LIB)]), "hi me");
    let main = "{import: {from: ./lib.yml, as: l}, do: [{x = l.greet: you}, {return: '${x}'}]}";
    assert_eq!(value(&[("a.yml", main), ("lib.yml", LIB)]), "hello you");
}

#[test]
fn an_imported_def_uses_what_its_own_rulebook_imports_relative_to_its_own_folder() {
    let main = "{import: ./parts/b.yml, do: [{x = outer: 2}, {return: '${x}'}]}";
    let b = "{import: [./c.yml, ./d.js], def: {outer: {args: [n], do: [{m = inner: '${n}'}, {k = add: '${m}'}, {return: '${k}'}]}}}";
    let c = "def: {inner: {args: [n], do: [{return: '{{ n * 10 }}'}]}}";
    let d = "export const add = n => n + 1;";
    let files = [
        ("a.yml", main),
        ("parts/b.yml", b),
        ("parts/c.yml", c),
        ("parts/d.js", d),
    ];
    assert_eq!(value(&files), 21);
}

#[test]
fn exports_of_a_module_are_ops_that_get_their_argument_and_the_stash() {
    let main = "{import: [./m.js, {from: ./m.js, as: m}], vars: {base: 1}, do: [{x = plus: 2}, {y = m.later: {n: 5}}, {return: ['${x}', '${y}']}]}";
    let module = "export function plus(n, stash) { return stash.base + n; }
export const later = async ({ n }) => { await null; return n; };";
    assert_eq!(value(&[("a.yml", main), ("m.js", module)]), json!([3, 5]));
}

#[test]
fn a_default_export_is_called_as_its_file() {
    let main = "{import: [./twice.ts, {from: ./twice.ts, as: again}], do: [{x = twice: 4}, {y = again: 5}, {return: ['${x}', '${y}']}]}";
    let module = "export interface Unused { n: number }\nexport default (n: number) => 2 * n;";
    assert_eq!(
        value(&[("a.yml", main), ("twice.ts", module)]),
        json!([8, 10])
    );
}

#[test]
fn built_in_and_commonjs_modules_are_ops_too() {
    let main = "{import: [app/math, ./c.cjs], do: [{x = double: 4}, {y = half: 4}, {return: ['${x}', '${y}']}]}";
    let module = "module.exports = { half: n => n / 2 };";
    assert_eq!(value(&[("a.yml", main), ("c.cjs", module)]), json!([8, 2]));
}

#[test]
fn a_registered_service_is_an_op_also_in_a_fork() {
    let services = "import { register } from 'cla/reg';
register('shout', text => text.toUpperCase());";
    let main = "{import: ./s.js, do: [{x = shout: hi}, {parallel: wait, y = shout: ho}, {wait_children: }, {return: ['${x}', '${y}']}]}";
    assert_eq!(
        value(&[("a.yml", main), ("s.js", services)]),
        json!(["HI", "HO"])
    );
    // Registered underway, by the rulebook itself; by a name that is known only then.
    let main = "do:\n- js: require('cla/reg').register('n' + 1, (config, stash) => [config, stash])\n- n1: 3\n- launch: {service: 'n${one}', config: {a: 1}, stash: {b: 2}}\n  register: x\n- return: ${x}\nvars: {one: 1}";
    assert_eq!(value(&[("a.yml", main)]), json!([{"a": 1}, {"b": 2}]));
}

#[test]
fn what_no_module_has_is_told_before_anything_runs() {
    let services = "import { register } from 'cla/reg';
register('shout', text => text.toUpperCase());";
    let main = "import: ./s.js\ndo:\n- js: globalThis.ran()\n- shuot: hi";
    let message = message(&[("a.yml", main), ("s.js", services)]);
    assert!(message.contains("there is no op \"shuot\""), "{message}");
    assert!(message.contains("did you mean shout?"), "{message}");
    assert!(message.contains("a.yml:4:3"), "{message}");
}

#[test]
fn what_cannot_be_imported_is_told_where_it_stands() {
    let files = |import: &str| {
        let main = format!("import: {import}\ndef: {{mine: {{do: []}}}}\ndo: []");
        message(&[
            ("a.yml", &main),
            ("lib.yml", LIB),
            ("more.yml", LIB),
            ("wrong.yml", "do:\n- ecoh: x"),
            ("empty.yml", "do: []"),
            ("circle.yml", "{import: ./a.yml, def: {x: {do: []}}}"),
            ("ops.js", "export const echo = 1;"),
            ("mine.js", "export default () => 1;"),
            ("data.json", "{}"),
        ])
    };
    for (import, expected) in [
        ("./no.yml", "cannot find module './no.yml'"),
        ("../no-such-rulebook.yml", "outside of the rule's folder"),
        ("app/maths", "did you mean 'app/math'?"),
        ("./wrong.yml", "there is no op \"ecoh\""),
        ("./wrong.yml", "wrong.yml:2:3"),
        ("./empty.yml", "has no `def`"),
        ("./circle.yml", "imports itself"),
        ("./ops.js", "\"echo\" of ./ops.js has the name of an op"),
        ("./mine.js", "has the name of a def"),
        (
            "[./lib.yml, ./more.yml]",
            "something else that was imported",
        ),
        ("./data.json", "read_file"),
        ("./${x}.yml", "no templates"),
        ("{form: ./lib.yml}", "did you mean from?"),
        ("[3]", "an import names a file"),
    ] {
        let message = files(import);
        assert!(message.contains(expected), "{import}: {message}");
        assert!(message.contains("a.yml:1:"), "{import}: {message}");
    }
}

#[test]
fn an_error_in_an_imported_def_points_into_its_own_file() {
    let main = "import: ./lib.yml\ndo:\n- check: 3";
    let lib = "def:\n  check:\n    args: [n]\n    do:\n    - echo: ${n}\n    - fail: 'not ${n}'";
    let message = message(&[("a.yml", main), ("lib.yml", lib)]);
    assert!(message.contains("lib.yml:6:7"), "{message}");
    assert!(message.contains("a.yml:3:3"), "{message}");
}

#[test]
fn regions_and_forks_of_an_imported_def_belong_to_the_rule_that_calls_it() {
    let main = "import: ./lib.yml\ndo:\n- locked: ";
    let lib = "def:\n  locked:\n    do:\n    - parallel: wait\n      semaphore: s\n      echo: in\n    - parallel: wait\n      semaphore: s\n      echo: in";
    let trace = cla_runtime::trace::Trace::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.yml"), main).unwrap();
    std::fs::write(folder.path().join("lib.yml"), lib).unwrap();
    let engine = engine();
    let script = Script::file(folder.path().join("a.yml"));
    let report = engine
        .run(script, RunOptions::new().trace(trace.clone()))
        .wait();
    report.result.unwrap();
    let runs = trace.runs();
    let who: Vec<&str> = runs
        .iter()
        .flat_map(|run| &run.regions)
        .map(|region| region.who.as_str())
        .collect();
    assert_eq!(
        who,
        [
            "a.yml › locked › echo, lib.yml line 5",
            "a.yml › locked › echo, lib.yml line 8"
        ]
    );
    let name = SemaphoreName::new("s").unwrap();
    let view = futures_util::FutureExt::now_or_never(engine.semaphores().show(&name))
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!((view.busy, view.waiting), (0, 0));
    assert!(Path::new(folder.path()).exists());
}

#[test]
fn rulebooks_that_many_import_are_read_once() {
    // Two imports of the next one each: without memory, a million readings.
    let mut files = Vec::new();
    for n in 0..20 {
        let next = n + 1;
        let text = format!(
            "{{import: [{{from: ./{next}.yml, as: x}}, {{from: ./{next}.yml, as: y}}], def: {{f: {{do: [{{z = x.f: }}, {{return: '${{z}}'}}]}}}}, do: [{{z = f: }}, {{return: '${{z}}'}}]}}"
        );
        files.push((format!("{n}.yml"), text));
    }
    files.push(("20.yml".into(), "def: {f: {do: [return: 7]}}".into()));
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(value(&files), 7);
}

#[test]
fn http_without_the_module_says_what_is_missing() {
    let message = message(&[("a.yml", "do: [{http: 'http://localhost'}]")]);
    assert!(message.contains("needs the module cla/http"), "{message}");
    let message = self::message(&[(
        "a.yml",
        "do: [{http: {url: x, body: 1, json: 2, timeuot: 3}}]",
    )]);
    assert!(message.contains("did you mean timeout?"), "{message}");
    assert!(
        message.contains("one of `body`, `json` and `form`"),
        "{message}"
    );
}

#[test]
fn the_name_of_a_rulebook_in_memory_says_nothing_about_its_text() {
    let text = "do: [{echo: hello}, {return: '{{ 1 + 2 }}'}]";
    for name in ["deploy to prod (eu)", "deploy.js", "/etc/deploy", ""] {
        let report = engine().run(Script::rulebook(name, text), RunOptions::new());
        assert_eq!(report.wait().result.unwrap(), 3, "{name:?}");
    }
    let script = Script::javascript("deploy.yml", "export default 3");
    let report = engine().run(script, RunOptions::new()).wait();
    assert_eq!(report.result.unwrap(), 3);
    let wrong = Script::rulebook("deploy to prod", "do:\n  - frobnicate: 1");
    let error = engine().run(wrong, RunOptions::new()).wait().result;
    let place = error.unwrap_err().location.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("deploy to prod", 2));
}

#[test]
fn a_rulebook_in_memory_imports_from_its_folder_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lib.mjs"), "export const two = () => 2").unwrap();
    let text = "import: {from: ./lib.mjs, as: lib}\ndo: [{x = lib.two: []}, {return: '${x}'}]";
    for name in ["deploy", "/etc/deploy.yml"] {
        let script = Script::rulebook(name, text).in_folder(folder.path());
        let report = engine().run(script, RunOptions::new()).wait();
        assert_eq!(report.result.unwrap(), 2, "{name}");
    }
}

#[test]
fn an_engine_without_rulebooks_says_that_it_has_none() {
    let script = Script::rulebook("deploy", "do: []");
    let error = Engine::new().run(script, RunOptions::new()).wait().result;
    let message = error.unwrap_err().message;
    assert_eq!(
        message,
        "cannot run deploy: the engine has no language \"yml\""
    );
}

#[test]
fn a_rulebook_declares_its_inputs_whatever_its_name() {
    let text = "inputs: {env: {default: test}}\ndo: []";
    let inputs = |script| cla_rulebook::inputs(&script).unwrap().len();
    assert_eq!(inputs(Script::rulebook("deploy", text)), 1);
    assert_eq!(inputs(Script::new("deploy.yml", text)), 1);
    assert_eq!(inputs(Script::javascript("deploy.yml", "1")), 0);
}
