//! Every rulebook in `examples/rulebooks/` runs as its own first lines say, and prints what they say.
#![cfg(unix)] // they use a shell
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::path::PathBuf;

use common::{Folder, Running, command, examples};

/// One `$ cla run ...` of a rulebook's first lines.
#[derive(Debug, Default)]
struct Promise {
    arguments: Vec<String>,
    printed: String,
    code: i32,
}

/// What the comment at the beginning of a rulebook promises.
fn promises(text: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut open = false;
    for line in text.lines().map_while(|line| line.strip_prefix('#')) {
        let line = line.strip_prefix(' ').unwrap_or(line);
        if let Some(command) = line.strip_prefix("$ cla ") {
            promises.push(Promise {
                arguments: shell_words::split(command).unwrap(),
                ..Promise::default()
            });
            open = true;
        } else if line.is_empty() {
            open = false;
        } else if let Some(promise) = promises.last_mut().filter(|_| open) {
            match line.strip_prefix("exit code ") {
                Some(code) => promise.code = code.parse().unwrap(),
                None => promise.printed += &format!("{line}\n"),
            }
        }
    }
    promises
}

fn rulebooks() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(examples().join("rulebooks"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yml"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_rulebook_does_what_it_says() {
    let folder = examples().join("rulebooks");
    let files = rulebooks();
    assert!(files.len() >= 10, "{}", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let promises = promises(&text);
        assert!(!promises.is_empty(), "{} says nothing", file.display());
        for promise in promises {
            let home = Folder::with(&[]);
            let started = command(&folder, &home.home(), &promise.arguments);
            let ended = Running::start(started).end();
            assert_eq!(
                ended.stdout, promise.printed,
                "{promise:?}: {}",
                ended.stderr
            );
            assert_eq!(
                ended.code,
                Some(promise.code),
                "{promise:?}: {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn a_mistake_is_shown_with_the_way_there() {
    let folder = examples().join("rulebooks");
    let home = Folder::with(&[]);
    let ended = Running::start(command(&folder, &home.home(), &["run", "mistake.yml"])).end();
    for expected in [
        "error: lookup is not set",
        "mistake.yml:13:27",
        "at connect (mistake.yml:12:9)",
        "at check (mistake.yml:18:9)",
        "at morning round (mistake.yml:17:5)",
    ] {
        assert!(
            ended.stderr.contains(expected),
            "{expected}: {}",
            ended.stderr
        );
    }
}

#[test]
fn administrators_see_where_a_rulebook_waits() {
    let folder = Folder::with(&[
        common::HOLD,
        (
            "book.yml",
            "do:\n  - name: deploy\n    do:\n      - name: migrate\n        semaphore: slot\n        echo: in\n",
        ),
    ]);
    let holder = folder.hold();
    let waiter = folder.start(&["run", "book.yml"]);
    let semaphore = folder.until_waiting(1);
    assert_eq!(
        semaphore["requests"][1]["who"],
        "book.yml › deploy › migrate, line 5"
    );
    folder.stop_holding();
    assert_eq!(waiter.end().printed(), "in\n");
    assert_eq!(holder.end().code, Some(0));
}

#[test]
fn ctrl_c_frees_what_a_rulebook_and_its_forks_hold_and_runs_finally() {
    let folder = Folder::with(&[(
        "book.yml",
        "do:
  - semaphore: slot
    do:
      - parallel: wait
        semaphore: other
        sleep: 1h
      - try: [{echo: in}, {shell: sleep 1000}]
        finally: [{echo: cleaned}]
",
    )]);
    let mut running = folder.start(&["run", "book.yml"]);
    assert_eq!(running.stdout_line(), "in\n");
    folder.until("other", |semaphore| semaphore["busy"] == 1);
    running.send(nix::sys::signal::Signal::SIGINT);
    let ended = running.end();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(130), "cleaned\n")
    );
    for name in ["slot", "other"] {
        assert_eq!(folder.semaphore(name)["busy"], 0, "{name}");
    }
}

#[test]
fn an_event_that_is_not_there_is_told_with_those_that_are() {
    let folder = Folder::with(&[("book.yml", "on: {pushed: [], closed: []}\n")]);
    let ended = folder.cla(&["run", "book.yml", "--event", "pushd"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("it has pushed, closed"),
        "{}",
        ended.stderr
    );
    let ended = folder.cla(&["run", "book.yml"]);
    assert!(ended.stderr.contains("has no `do`"), "{}", ended.stderr);
}
