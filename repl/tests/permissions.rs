//! `--allow-...`, `--deny-...`, `--sandbox`, `--explain` and `[permissions]` in `cla.toml`.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use common::Folder;
use serde_json::Value;

/// Reads a file, runs a command, looks at a variable, steers; says what of it the rule may not.
const RULE: &str = "
    const tried = (name, work) => { try { work(); return name } catch (error) {
        const cause = error.cause ?? error;
        return cause.name === 'PermissionError' ? 'no ' + name : String(error) } };
    const rule = ops => require('cla/rule').create({ name: 'x' }, ops).run({});
    print([
        tried('read', () => rule([{ read_file: 'data/a.txt' }])),
        tried('write', () => rule([{ write_file: { path: 'data/b.txt', text: 'x' } }])),
        tried('run', () => rule([{ shell: 'true' }])),
        tried('env', () => require('cla/process').env.HOME),
        tried('steer', () => require('cla/sem').slots('db', 2)),
        tried('store', () => require('cla/sem').take('db', () => 1)),
    ].join(', '))";

fn folder() -> Folder {
    let folder = Folder::with(&[("rule.js", RULE), ("lib/x.js", "1")]);
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/a.txt"), "a").unwrap();
    folder
}

#[track_caller]
fn may(folder: &Folder, options: &[&str], expected: &str) {
    let ended = folder.cla(&[&["run", "--store", "memory:"], options, &["rule.js"]].concat());
    assert_eq!(ended.printed(), format!("{expected}\n"), "{options:?}");
}

#[test]
fn rules_may_what_the_user_may_until_an_option_says_otherwise() {
    let folder = folder();
    let all = "read, write, run, env, steer, store";
    may(&folder, &[], all);
    may(&folder, &["--allow-all"], all);
    may(&folder, &["-A"], all);
    let nothing = "no read, no write, no run, no env, no steer, store";
    may(&folder, &["--sandbox"], nothing);
    may(&folder, &["--allow-net=example.com"], nothing);
    may(
        &folder,
        &["--allow-read=data", "--allow-env"],
        "read, no write, no run, env, no steer, store",
    );
    may(
        &folder,
        &["--allow-read=lib,data/a.txt", "--deny-store=d*"],
        "read, no write, no run, no env, no steer, no store",
    );
    may(
        &folder,
        &["--deny-run", "--deny-env=HOME"],
        "read, write, no run, no env, steer, store",
    );
    may(
        &folder,
        &["-A", "--deny-write=data"],
        "read, no write, run, env, steer, store",
    );
    may(
        &folder,
        &["--allow-store=other", "--allow-steer"],
        "no read, no write, no run, no env, steer, no store",
    );
}

#[test]
fn a_cla_toml_says_what_the_rules_of_its_folder_may() {
    let folder = folder();
    let config = folder.path().join("cla.toml");
    std::fs::write(
        &config,
        "[permissions]\nread = ['data']\nenv = true\ndeny-steer = ['*']\n",
    )
    .unwrap();
    may(&folder, &[], "read, no write, no run, env, no steer, store");
    may(
        &folder,
        &["--allow-run=sh"],
        "read, no write, run, env, no steer, store",
    );
    may(
        &folder,
        &["--sandbox"],
        "no read, no write, no run, no env, no steer, store",
    );
    may(&folder, &["-A"], "read, write, run, env, steer, store");
    // A relative path begins at the file.
    let below = folder.path().join("lib");
    let mut command = folder.command(&["run", "--store", "memory:", "../rule.js"]);
    command.current_dir(&below);
    let ended = common::Running::start(command).end();
    assert!(
        ended.printed().contains("no write") && !ended.stdout.contains("no env"),
        "{}",
        ended.stdout
    );
    for (text, said) in [
        ("[permissions]\nraed = true", "did you mean \"read\""),
        (
            "[permissions]\nread = 3",
            "a permission is true (all), false (none) or a list",
        ),
        ("[permissions]\nnet = ['a b']", "is no host"),
    ] {
        std::fs::write(&config, text).unwrap();
        let ended = folder.cla(&["run", "--store", "memory:", "rule.js"]);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains(said) && ended.stderr.contains("cla.toml:2"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn what_rules_may_is_shown_before_they_run() {
    let folder = folder();
    let explain = |options: &[&str]| {
        let options = [
            &["run", "--explain", "--json", "--store", "memory:"],
            options,
            &["rule.js"],
        ];
        let ended = folder.cla(&options.concat());
        serde_json::from_str::<Value>(ended.printed()).unwrap()
    };
    let given = |explained: &Value, name: &str| {
        let permissions = explained["permissions"].as_array().unwrap();
        let found = permissions.iter().find(|shown| shown["permission"] == name);
        found.unwrap()["given"].as_str().unwrap().to_owned()
    };
    let open = explain(&[]);
    assert_eq!(open["permissions_by"], "default");
    assert_eq!(given(&open, "read"), "all");
    assert_eq!(given(&open, "import"), "the rule's folder, the current one");
    let some = explain(&["--allow-net=example.com,10.0.0.0/8", "--deny-net=10.0.0.1"]);
    assert_eq!(some["permissions_by"], "options");
    assert_eq!(
        given(&some, "net"),
        "example.com, 10.0.0.0/8 but not 10.0.0.1"
    );
    assert_eq!(given(&some, "read"), "none");
    let ended = folder.cla(&[
        "run",
        "--explain",
        "--sandbox",
        "--store",
        "memory:",
        "rule.js",
    ]);
    assert!(
        ended.printed().contains("steer           none"),
        "{}",
        ended.stdout
    );
    let doctor = folder.cla(&["doctor", "--store", "memory:", "--sandbox"]);
    assert!(
        doctor.printed().contains("rules may") && doctor.stdout.contains("store: all"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn an_option_that_is_no_permission_is_wrong_usage() {
    let folder = folder();
    let ended = folder.cla(&["run", "--store", "memory:", "--allow-net=a b", "rule.js"]);
    assert_eq!(ended.code, Some(2));
    let said = "--allow-net: \"a b\" is no host";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let ended = folder.cla(&["run", "--sandbox", "-A", "rule.js"]);
    assert_eq!(ended.code, Some(2));
    let ended = folder.cla(&[
        "run",
        "--server",
        "http://127.0.0.1:1",
        "--sandbox",
        "rule.js",
    ]);
    assert!(
        ended.code == Some(2) && ended.stderr.contains("the service says"),
        "{}",
        ended.stderr
    );
}

/// What the library does to throw the error is no place of the rule's.
#[test]
fn a_denial_is_shown_where_the_rule_asks_and_nowhere_inside_of_the_library() {
    let folder = Folder::with(&[
        ("op.yml", "do:\n  - shell: echo hi\n"),
        (
            "env.js",
            "const { env } = require('cla/process');\nprint(env.HOME)",
        ),
        ("get.js", "\nrequire('cla/http').get('http://127.0.0.1:9/')"),
    ]);
    for (file, place) in [
        ("op.yml", "op.yml:2:5"),
        ("env.js", "env.js:2:"),
        ("get.js", "get.js:2:21"),
    ] {
        let ended = folder.cla(&["run", "--store", "memory:", "--sandbox", file]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(place), "{}", ended.stderr);
        for inner in ["cla/permissions", "eval_script"] {
            assert!(!ended.stderr.contains(inner), "{}", ended.stderr);
        }
    }
}

#[test]
fn imports_stay_with_the_folder_of_the_rule_and_the_current_one() {
    let folder = Folder::with(&[
        ("a/rule.js", "print(require('../b/lib.js'))"),
        ("b/lib.js", "module.exports = 'imported'"),
    ]);
    let run = |options: &[&str]| {
        folder.cla(&[&["run", "--store", "memory:"], options, &["a/rule.js"]].concat())
    };
    assert_eq!(
        run(&[]).printed(),
        "imported\n",
        "the current folder has both"
    );
    let outside = run(&["--sandbox"]);
    assert_eq!(outside.code, Some(1));
    assert!(
        outside.stderr.contains("outside of the rule's folder"),
        "{}",
        outside.stderr
    );
    assert_eq!(run(&["--allow-import=b"]).printed(), "imported\n");
    assert_eq!(run(&["--deny-import=b"]).code, Some(1));
}
