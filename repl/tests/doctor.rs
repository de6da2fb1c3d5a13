//! `cla doctor`: which store, why, and how it is.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use common::{Ended, Folder, HOLD, QUEUE, Running};
use serde_json::Value;

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn doctor(folder: &Folder, arguments: &[&str]) -> Value {
    let ended = folder.cla(&[&["doctor", "--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    report(&ended)
}

#[test]
fn it_says_who_chose_the_store() {
    let folder = Folder::with(&[("home/config/cla/cla.toml", "")]);
    let found = doctor(&folder, &[]);
    assert_eq!(found["chosen_by"], "default");
    assert_eq!(found["file"], Value::Null);
    let url = format!("sqlite:{}", folder.home().join("semaphores.db").display());
    assert_eq!(found["store"], url);
    assert_eq!(found["reachable"], true);
    assert!(found["latency"].as_f64().unwrap() > 0.0, "{found}");

    let config = folder.path().join("cla.toml");
    std::fs::write(&config, "store = 'sqlite:project.db'").unwrap();
    let found = doctor(&folder, &[]);
    assert_eq!(found["chosen_by"], "file");
    let named = std::fs::canonicalize(found["file"].as_str().unwrap()).unwrap();
    assert_eq!(named, std::fs::canonicalize(&config).unwrap());
    assert!(
        found["store"].as_str().unwrap().ends_with("project.db"),
        "{found}"
    );

    let mut command = folder.command(&["doctor", "--json"]);
    command.env("CLA_STORE", "memory:");
    assert_eq!(
        report(&Running::start(command).end())["chosen_by"],
        "environment"
    );

    let found = doctor(&folder, &["--store", "sqlite:flag.db"]);
    assert_eq!(found["chosen_by"], "flag");
}

#[test]
fn people_read_the_same() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["doctor"]);
    let printed = ended.printed();
    for part in [
        "by default: no --store, no CLA_STORE, no cla.toml names one",
        "semaphores.db",
        "yes, in ",
        concat!("cla ", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
}

#[test]
fn it_knows_the_processes_that_share_the_store() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let holder = folder.hold();
    let waiter = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    let found = doctor(&folder, &[]);
    let client = |pid: u32| {
        let clients = found["clients"].as_array().unwrap();
        let client = clients.iter().find(|client| client["pid"] == pid);
        client.unwrap_or_else(|| panic!("{pid} in {found}")).clone()
    };
    let holder = client(holder.child.id());
    assert_eq!(
        (&holder["alive"], &holder["busy"]),
        (&true.into(), &1.into())
    );
    assert_eq!(client(waiter.child.id())["waiting"], 1);
    let shown = folder.cla(&["doctor"]);
    assert!(shown.printed().contains("alive"), "{shown:?}");
}

#[cfg(unix)]
#[test]
fn an_owner_that_was_killed_is_stale() {
    let folder = Folder::with(&[HOLD]);
    let mut holder = folder.hold();
    holder.send(nix::sys::signal::Signal::SIGKILL);
    holder.exit_code();
    let found = doctor(&folder, &[]);
    let clients = found["clients"].as_array().unwrap();
    let stale: Vec<_> = clients
        .iter()
        .filter(|client| client["alive"] == false)
        .collect();
    assert_eq!(stale.len(), 1, "{found}");
    assert_eq!(
        (&stale[0]["pid"], &stale[0]["busy"]),
        (&holder.child.id().into(), &1.into())
    );
    assert!(
        found["hints"][0]
            .as_str()
            .unwrap()
            .contains("1 stale owner left 1 request"),
        "{found}"
    );
}

#[test]
fn memory_comes_with_a_hint() {
    let folder = Folder::with(&[]);
    let found = doctor(&folder, &["--store", "memory:"]);
    assert!(
        found["hints"][0]
            .as_str()
            .unwrap()
            .contains("only this process"),
        "{found}"
    );
    let shown = folder.cla(&["doctor", "--store", "memory:"]);
    assert!(
        shown.printed().contains("hint: only this process"),
        "{shown:?}"
    );
}

#[test]
fn a_store_that_cannot_be_used_exits_1() {
    let folder = Folder::with(&[("file", "no folder")]);
    let ended = folder.cla(&["doctor", "--json", "--store", "sqlite:file/x.db"]);
    assert_eq!(ended.code, Some(1));
    let found = report(&ended);
    assert_eq!(found["reachable"], false);
    assert!(found["error"].as_str().unwrap().contains("x.db"), "{found}");
    assert_eq!(found["latency"], Value::Null);
    let ended = folder.cla(&["doctor", "--store", "sqlite:file/x.db"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("no: "), "{ended:?}");
}
