//! Every rule in `examples/` runs, and prints what it should.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;
#[cfg(unix)] // they use a shell
mod examples {
    pub(crate) mod rules;
}

use std::path::Path;

use common::{Ended, Folder, Running, command, examples};

fn run(arguments: &[&str]) -> Ended {
    let mut all = vec!["run"];
    all.extend(arguments);
    let home = Folder::with(&[]);
    Running::start(command(&examples(), &home.home(), &all)).end()
}

#[test]
fn first() {
    assert_eq!(run(&["first.js"]).printed(), "mysem is free again\n");
}

#[test]
fn first_waits_for_another_that_has_the_semaphore() {
    let ended = run(&["--json", "--copies", "2", "first.js"]);
    assert_eq!(ended.code, Some(0));
    let waited = |line: &str| {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        object["semaphores"][0]["waited"].as_f64().unwrap()
    };
    let waited: Vec<f64> = ended.stdout.lines().map(waited).collect();
    assert!(waited[0] < 0.4 && waited[1] >= 0.49, "{waited:?}");
}

#[cfg(unix)] // it uses a shell
#[test]
fn files() {
    assert_eq!(
        run(&["files.mjs"]).printed(),
        "greeting.txt: Hello, $(whoami); it's data\n"
    );
}

#[test]
fn queue() {
    let ended = run(&["--copies", "3", "queue.js"]);
    let lines: Vec<&str> = ended.printed().lines().collect();
    assert_eq!(lines[0], "[queue.js#1] took the slot after 0.0 s");
    assert_eq!(lines.len(), 3);
    for (line, name) in lines.iter().zip(["#1", "#2", "#3"]) {
        assert!(
            line.starts_with(&format!("[queue.js{name}] took the slot after ")),
            "{line}"
        );
    }
}

#[test]
fn steer() {
    let ended = run(&["queue.js", "queue.js", "queue.js", "queue.js", "steer.js"]);
    assert_eq!(ended.code, Some(1), "one was made to fail");
    assert_eq!(
        ended.lines_of("steer.js"),
        [
            "deploy-target: 1 slots, 1 busy, 3 waiting",
            "  - busy queue.js#1",
            "  1 waiting queue.js#2",
            "  2 waiting queue.js#3",
            "  3 waiting queue.js#4",
            "locked",
            "still waiting: 1",
            "unlocked",
        ]
    );
    let granted = ended.stdout.find("[queue.js#2] took the slot after 0.");
    let unlocked = ended.stdout.find("[queue.js#3] took the slot after 0.");
    assert!(granted.is_some() && granted < unlocked, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("[queue.js#4] error: Semaphore cancel"),
        "{}",
        ended.stderr
    );
}

#[test]
fn steer_alone_says_what_it_needs() {
    let ended = run(&["steer.js"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("run this together with queue.js"),
        "{}",
        ended.stderr
    );
}

#[test]
fn typed() {
    assert_eq!(run(&["typed.ts"]).printed(), "deployed to db1\n");
    let ended = run(&["--print", "--stash", "hosts=[\"a\",\"b\"]", "typed.ts"]);
    let [a, b, value] = ended.printed().lines().collect::<Vec<_>>()[..] else {
        panic!("three lines: {ended:?}");
    };
    assert_eq!((a, b), ("deployed to a", "deployed to b"));
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    for (at, host) in ["a", "b"].into_iter().enumerate() {
        assert_eq!(value[at]["host"], host);
        assert!(value[at]["token"].as_u64().unwrap() > 0, "{value}");
    }
}

#[test]
fn two_files() {
    assert_eq!(
        run(&["two-files/main.js"]).printed(),
        "the total is 49.75\n"
    );
}

#[test]
fn provider() {
    let said = "a has the licence\nb has the licence\na is done\nc has the licence\nc is done\nb is done\n\
                nobody has it any more\n";
    assert_eq!(run(&["provider.ts"]).printed(), said);
}

#[test]
fn no_rule_is_left_out() {
    let tests = include_str!("examples.rs");
    for entry in std::fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        let rule = path
            .extension()
            .is_some_and(|extension| extension == "js" || extension == "ts");
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        if rule || Path::new(&path).join("main.js").exists() {
            assert!(tests.contains(&format!("\"{name}")), "no test runs {name}");
        }
    }
}
