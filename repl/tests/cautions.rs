//! A Redis server that may lose what it keeps, and a lease that is easily lost: `cla run`, `cla sem exec` and `cla serve` say
//! so once, when they have used it, and not to those who do not want to hear it.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use cla_tests::redis::Server;
use common::{Ended, Folder, Running};

/// A rule that takes a slot three times.
const TAKES: (&str, &str) = (
    "takes.js",
    "const sem = require('cla/sem'); for (let n = 0; n < 3; n += 1) sem.take('slot', () => {});",
);

fn run(folder: &Folder, store: &str) -> Ended {
    folder.cla(&["run", "--store", store, "takes.js"])
}

fn exec(folder: &Folder, store: &str) -> Ended {
    folder.cla(&["sem", "exec", "--store", store, "slot", "--", "true"])
}

/// A server that keeps all.
fn safe() -> Server {
    Server::with(&["--appendonly", "yes"])
}

#[track_caller]
fn warns(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<_> = ended.stderr.lines().collect();
    let [line] = lines[..] else {
        panic!("not one line: {}", ended.stderr);
    };
    assert!(line.starts_with("warning: "), "{line}");
    for part in parts {
        assert!(line.contains(part), "{line}");
    }
}

#[track_caller]
fn is_silent(ended: &Ended) {
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_server_that_keeps_nothing_on_disk_is_warned_of_once() {
    let (server, folder) = (Server::start(), Folder::with(&[TAKES]));
    for ended in [run(&folder, &server.url()), exec(&folder, &server.url())] {
        warns(&ended, &["nothing on disk", &server.url(), "warnings=off"]);
    }
    let silenced = format!("{}?warnings=off", server.url());
    is_silent(&run(&folder, &silenced));
    is_silent(&exec(&folder, &silenced));
}

#[test]
fn a_server_that_evicts_keys_is_warned_of() {
    let evicts = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let (server, folder) = (Server::with(&evicts), Folder::with(&[TAKES]));
    let parts = ["evicts", "allkeys-lru", "noeviction", "nothing on disk"];
    warns(&run(&folder, &server.url()), &parts);
}

#[test]
fn a_safe_server_is_not_warned_of_but_a_short_lease_is() {
    let (server, folder) = (safe(), Folder::with(&[TAKES]));
    // Whatever a busy machine makes of the network.
    let long = format!("{}?lease=1h", server.url());
    is_silent(&run(&folder, &long));
    is_silent(&exec(&folder, &long));
    let short = format!("{}?lease=900ms", server.url());
    warns(&exec(&folder, &short), &["a lease of 900ms", "600ms"]);
}

#[test]
fn a_user_who_may_not_ask_can_do_all_the_rest() {
    let (server, folder) = (Server::start(), Folder::with(&[TAKES]));
    let user = ["ACL", "SETUSER", "me", "on", ">pw", "~*", "&*", "+@all"];
    server.command(&[&user[..], &["-info", "-config"]].concat());
    let store = format!("redis://me:pw@127.0.0.1:{}?lease=1h", server.port());
    // What has a password belongs into a variable.
    let by_variable = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.env("CLA_STORE", &store);
        Running::start(command).end()
    };
    is_silent(&by_variable(&["run", "takes.js"]));
    is_silent(&by_variable(&["sem", "exec", "slot", "--", "true"]));
}

#[test]
fn a_rule_that_takes_nothing_connects_to_nothing() {
    let folder = Folder::with(&[("nothing.js", "1 + 1")]);
    is_silent(&folder.cla(&["run", "--store", "redis://127.0.0.1:1", "nothing.js"]));
}

#[test]
fn a_service_says_it_in_its_log() {
    let (server, folder) = (Server::start(), Folder::with(&[TAKES]));
    let mut serving = folder.start(&[
        "serve",
        "--store",
        &server.url(),
        "--listen",
        "127.0.0.1:0",
        "--log",
        "warn",
    ]);
    let said = loop {
        let line = serving.stderr_line();
        if line.contains("nothing on disk") {
            break line;
        }
        assert!(!line.is_empty(), "it ended");
    };
    assert!(said.contains("WARN"), "{said}");
    serving.send(nix::sys::signal::Signal::SIGTERM);
    serving.end();
}

#[test]
fn a_store_in_a_file_has_words_that_fit_a_file() {
    let folder = Folder::with(&[]);
    std::fs::write(folder.path().join("file"), "").unwrap();
    let ended = folder.cla(&["sem", "list", "--store", "sqlite:file/semaphores.db"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("cannot be used"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("address"), "{}", ended.stderr);
}
