//! `cla/process`.

mod support;

use cla_runtime::RunOptions;
use support::{engine, run_with, value};

#[test]
fn it_tells_where_the_rule_runs() {
    assert_eq!(
        value(
            "const process = require('cla/process'); [process.pid, process.pid() + 0, process.title, Object.keys(process)]"
        ),
        serde_json::json!([
            std::process::id(),
            std::process::id(),
            "cla",
            ["pid", "title", "arch", "os", "env", "args", "argv"]
        ])
    );
    let names = value("const { os, arch } = require('cla/process'); [os, arch]");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_eq!(names, serde_json::json!(["linux", "x64"]));
    }
}

#[test]
fn arguments_follow_the_name_of_the_rule() {
    let options = RunOptions::new()
        .name("nightly")
        .arguments(["--fast".to_owned(), "é".to_owned()]);
    let ran = run_with(
        &engine(),
        "const { argv, args } = require('cla/process'); [argv, args]",
        options,
    );
    assert_eq!(
        ran.value,
        Ok(serde_json::json!([
            ["cla", "nightly", "--fast", "é"],
            ["--fast", "é"]
        ]))
    );
}

#[test]
fn the_environment_is_a_copy() {
    let path = std::env::var("PATH").expect("tests have a PATH");
    assert_eq!(
        value(
            "const { env } = require('cla/process'); const path = env.PATH; env.PATH = 'changed'; [path, env.NO_SUCH_VARIABLE]"
        ),
        serde_json::json!([path, null])
    );
    assert_eq!(std::env::var("PATH").ok(), Some(path));
}
