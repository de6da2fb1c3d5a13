//! Which store `cla` uses: `--store`, `CLA_STORE`, `cla.toml`, or the user's own file.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::path::Path;

use common::{Folder, HOLD, QUEUE, Running, let_in};

fn names(folder: &Folder, arguments: &[&str]) -> String {
    let ended = folder.cla(&[&["sem", "list", "--json"], arguments].concat());
    let list: serde_json::Value = serde_json::from_str(ended.printed()).unwrap();
    let names = list.as_array().unwrap().iter();
    names
        .map(|semaphore| semaphore["name"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn two_terminals_share_their_semaphores_with_nothing_to_set_up() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let holder = folder.hold();
    let waiter = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    assert!(folder.home().join("semaphores.db").exists());
    folder.stop_holding();
    holder.end().printed();
    assert_eq!(let_in(&waiter.end()).0, "in");
}

#[test]
fn users_with_different_homes_share_nothing() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let _holder = folder.hold();
    let mut command = folder.command(&["run", "queue.js"]);
    command.env("CLA_HOME", folder.path().join("another"));
    assert_eq!(let_in(&Running::start(command).end()).0, "in");
}

#[test]
fn a_rule_without_semaphores_leaves_no_file() {
    let folder = Folder::with(&[("hello.js", "print('hello')")]);
    folder.cla(&["run", "hello.js"]).printed();
    assert!(!folder.home().exists());
}

#[test]
fn the_command_line_outranks_the_environment_and_that_the_file() {
    let folder = Folder::with(&[
        ("cla.toml", "store = 'sqlite:file.db'"),
        ("rules/queue.js", QUEUE.1),
    ]);
    let run = |arguments: &[&str], variable: Option<&str>| {
        let mut command = folder.command(&[&["run"], arguments, &["queue.js"]].concat());
        command.current_dir(folder.path().join("rules"));
        command.envs(variable.map(|url| ("CLA_STORE", url)));
        let_in(&Running::start(command).end()).1
    };
    let exists = |path: &str| folder.path().join(path).exists();
    let first = run(&[], None);
    assert!(exists("file.db"), "a path in a file is relative to that");
    assert_eq!(run(&[], Some("sqlite:env.db")), first);
    assert!(exists("rules/env.db"));
    assert_eq!(
        run(&["--store", "sqlite:flag.db"], Some("sqlite:env.db")),
        first
    );
    assert!(exists("rules/flag.db"));
    assert_eq!(run(&[], Some("")), first + 1, "an empty variable is none");
    assert!(!Path::exists(&folder.home().join("semaphores.db")));
    assert_eq!(names(&folder, &[]), "slot");
}

#[test]
fn the_users_own_file_counts_where_no_other_does() {
    let folder = Folder::with(&[
        ("home/config/cla/cla.toml", "store = 'sqlite:own.db'"),
        QUEUE,
    ]);
    folder.cla(&["run", "queue.js"]).printed();
    assert!(folder.home().join("config/cla/own.db").exists());
}

#[test]
fn a_wrong_choice_exits_2_before_anything_runs() {
    let folder = Folder::with(&[("hello.js", "print('must not run')")]);
    let commands = [&["run", "hello.js"][..], &["sem", "list"], &["doctor"]];
    let refused = |hints: &[&str], variable: Option<&str>, arguments: &[&str]| {
        for command in commands {
            let mut command = folder.command(&[command, arguments].concat());
            command.envs(variable.map(|url| ("CLA_STORE", url)));
            let ended = Running::start(command).end();
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert_eq!(ended.stdout, "");
            for hint in hints {
                assert!(ended.stderr.contains(hint), "{hint} in {}", ended.stderr);
            }
        }
    };
    refused(
        &["--store <URL>", "sqlite:PATH"],
        None,
        &["--store", "mamory:"],
    );
    refused(&["CLA_STORE: ", "sqlite:PATH"], Some("mamory:"), &[]);
    std::fs::write(folder.path().join("cla.toml"), "\nstroe = 'memory:'\n").unwrap();
    refused(
        &["did you mean \"store\"?", "cla.toml:2:1", "^^^^^"],
        None,
        &[],
    );
    std::fs::write(folder.path().join("cla.toml"), "store = 'mamory:'\n").unwrap();
    refused(&["\"mamory:\" is no store", "cla.toml:1:9"], None, &[]);
    // What is not looked at cannot be wrong.
    for arguments in [
        ["sem", "list", "--store", "memory:"],
        ["sem", "--store", "memory:", "list"],
    ] {
        let ended = folder.cla(&arguments);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn a_password_is_never_on_the_screen_whatever_is_wrong_with_the_url() {
    let folder = Folder::with(&[]);
    for url in [
        "redis://:s3cret@127.0.0.1:1/",
        "redis://me:s3cret@h:x",
        "redis://me:s3/cret@h:x",
        "redis://me:s3?cret@h",
        "redis://me:s3%cret@h",
        "rediss://me:s3cret@h?ca=/nope",
        "redis:me:s3cret@h",
        "radis://me:s3cret@h",
        "redis://h/0?password=s3cret",
        "redis://h?auth=s3cret",
        "redis-sentinel://h/prod?sentinel_password=s3cret&x=y",
        "redis://s3cret:@127.0.0.1:1",
        "me:s3cret@host:6379",
        "http://me:s3cret@h",
    ] {
        let by_flag = folder.cla(&["doctor", "--store", url]);
        let file = folder.path().join("cla.toml");
        std::fs::write(&file, format!("store = \"{url}\"\n")).unwrap();
        let by_file = folder.cla(&["doctor"]);
        std::fs::remove_file(file).unwrap();
        for ended in [by_flag, by_file] {
            let said = format!("{ended:?}");
            assert_ne!(ended.code, Some(0), "{url}: {said}");
            for part in ["s3cret", "s3/cret", "s3?cret", "s3%cret"] {
                assert!(!said.contains(part), "{url}: {said}");
            }
        }
    }
}
