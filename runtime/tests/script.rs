//! Scripts in memory: their language is said, and their name is for people.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, RunOptions, RunReport, Script};
use serde_json::json;

/// Names that mean something where they are names of files.
const NAMES: &[&str] = &[
    "deploy to prod (eu)",
    "half.ts",
    "half.mts",
    "half.cjs",
    "half.json",
    "/etc/half.js",
    "../half",
    "half: 2",
    "",
];

fn run(script: Script) -> RunReport {
    Engine::new().run(script, RunOptions::new()).wait()
}

#[test]
fn the_name_of_a_javascript_says_nothing_about_its_text() {
    for name in NAMES {
        for text in ["40 + 2", "export default 40 + 2", "await 42"] {
            let report = run(Script::javascript(*name, text));
            assert_eq!(report.result.unwrap(), 42, "{name:?}, {text:?}");
        }
    }
    let typed = run(Script::javascript(
        "half.ts",
        "const half: number = 21; half",
    ));
    assert_eq!(typed.result.unwrap_err().kind, ErrorKind::Syntax);
}

#[test]
fn the_name_of_a_typescript_says_nothing_about_its_text() {
    for name in NAMES {
        for text in [
            "const half: number = 21; half * 2",
            "export default (stash: object): number => 42",
            "const half: number = await Promise.resolve(21); half * 2",
        ] {
            let report = run(Script::typescript(*name, text));
            assert_eq!(report.result.unwrap(), 42, "{name:?}, {text:?}");
        }
    }
}

#[test]
fn an_error_shows_the_name_and_the_place() {
    for text in [
        "let a = null;\na.x;",
        "let a = null;\nexport default a.x;",
        "let a = null;\nawait a.x;",
    ] {
        let report = run(Script::javascript("deploy to prod.yml", text));
        assert_eq!(report.name, "deploy to prod.yml");
        let place = report.result.unwrap_err().location.unwrap();
        assert_eq!((place.file.as_str(), place.line), ("deploy to prod.yml", 2));
    }
    let error = run(Script::typescript("typed", "const a: number = ;")).result;
    let place = error.unwrap_err().location.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("typed", 1));
}

#[test]
fn imports_resolve_against_the_folder_and_not_against_the_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lib.mjs"), "export default 42").unwrap();
    let text = "import answer from './lib.mjs'; export default answer";
    for name in ["/etc/rule.js", "rule", "a/b/c"] {
        let script = Script::javascript(name, text).in_folder(folder.path());
        assert_eq!(run(script).result.unwrap(), 42, "{name}");
    }
    let error = run(Script::javascript("/etc/rule.js", "require('./hostname')")).result;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Load);
}

#[test]
fn a_text_with_a_free_name_is_the_main_module() {
    let text = "export default [import.meta.main, import.meta.url, import.meta.filename]";
    let report = run(Script::javascript("/etc/rule.js", text));
    assert_eq!(report.result.unwrap(), json!([true, null, null]));
}

#[test]
fn a_language_that_the_engine_does_not_have_is_an_error_that_says_so() {
    let error = run(Script::in_language("lua", "greet", "print('hi')")).result;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Load);
    assert_eq!(
        error.message,
        "cannot run greet: the engine has no language \"lua\""
    );
    let help = error.help.unwrap();
    assert!(
        help.starts_with("it has JavaScript and TypeScript;"),
        "{help}"
    );
}

#[test]
fn a_script_that_is_named_like_a_file_is_what_its_extension_says() {
    assert_eq!(run(Script::new("a.ts", "1 as number")).result.unwrap(), 1);
    assert_eq!(run(Script::new("a.js", "1 + 1")).result.unwrap(), 2);
    assert!(run(Script::new("a.json", "1")).result.is_err());
}
