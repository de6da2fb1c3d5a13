//! What Clarive documents of JavaScript: the snippet of the document that this began with, alone and against another run that has the
//! semaphore; and the code blocks of its other pages.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

#[path = "clarive/pages.rs"]
mod pages;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::{Engine, RunHandle, RunOptions, Script};
use cla_tests::output::Printed;
use common::{engine, show};
use pages::PAGES;
use serde_json::json;

/// As in the document, with a hundredth of the sleep.
const SNIPPET: &str = r#"
var sem = require("cla/sem");
var util = require("cla/util");
var ret = sem.take('mysem', function(){
    util.sleep(0.1); // will lock the semaphore for 10 seconds
});
"#;

fn snippet(engine: &Engine, name: &str) -> RunHandle {
    engine.run(Script::new(name, SNIPPET), RunOptions::new())
}

#[test]
fn alone_it_takes_the_semaphore_and_returns_after_the_sleep() {
    let engine = engine();
    let report = snippet(&engine, "alone.js").wait();
    assert!(report.is_ok(), "{:?}", report.result);
    assert_eq!(report.waited, Duration::ZERO);
    assert!(report.ran >= Duration::from_millis(100));
    assert_eq!(report.semaphores[0].taken, 1);
}

#[test]
fn running_it_creates_the_semaphore_with_one_slot() {
    let engine = engine();
    let run = snippet(&engine, "first.js");
    assert!(run.wait().is_ok());
    let mysem = show(&engine, "mysem");
    assert_eq!(
        (mysem.slots.to_string().as_str(), mysem.busy, mysem.waiting),
        ("1", 0, 0)
    );
}

#[test]
fn against_a_second_run_it_waits_its_turn() {
    let engine = engine();
    let (first, second) = (snippet(&engine, "first.js"), snippet(&engine, "second.js"));
    let (first, second) = (first.wait(), second.wait());
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(first.waited, Duration::ZERO);
    // It started a little later than the first one, and so waited a little less than that slept.
    assert!(
        second.waited > Duration::from_millis(50),
        "{:?}",
        second.waited
    );
    assert!(second.ran >= Duration::from_millis(100));
}

#[test]
fn the_blocks_of_its_documentation_run_as_they_mean() {
    let server = server();
    let mut failed = Vec::new();
    for page in PAGES {
        for case in page.runs {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path().canonicalize().unwrap();
            let script = format!(
                "const dir = {}, base = {};\n{}",
                json!(dir.display().to_string()),
                json!(server),
                case.script
            );
            let output = Arc::new(Printed::default());
            // A directive stands at the beginning of a script.
            let script = match case.script.starts_with(['"', '\'']) {
                true => case.script.to_owned(),
                false => script,
            };
            let script = Script::javascript("block", script).in_folder(&dir);
            let options = RunOptions::new().output(output.clone());
            let report = documented().run(script, options).wait();
            let expected = match case.fails {
                None => report.result.is_ok(),
                Some(part) => matches!(&report.result, Err(error) if error.message.contains(part)),
            };
            let printed = output.stdout();
            // How long a benchmark took.
            let is_timed = case.prints.starts_with("<time>");
            let printed = match printed.split_once('\n') {
                Some((_, rest)) if is_timed => format!("<time>{rest}"),
                _ => printed,
            };
            if !expected || printed != case.prints {
                failed.push(format!(
                    "{} {:?}: {:?}, and printed\n{printed}instead of\n{}",
                    page.name, case.blocks, report.result, case.prints
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// An engine with the settings that the blocks read.
fn documented() -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .config(json!({
            "workers": 4, "mongo": {"dbname": "tests"}, "git": {"home": "/opt/git"}, "test": {"variableOne": "one"},
            "loc": {"es": {"Run %1 of %2": "Paso %1 de %2"}},
        }))
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

/// A server with a list at `/posts`, which has not changed since anybody got it, and the request itself at `/echo`.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = Vec::new();
            for line in stream.by_ref().lines().map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
                head.push(line.to_ascii_lowercase());
            }
            let field = |name: &str| {
                let field = head.iter().find_map(|line| line.strip_prefix(name));
                field.map(|value| value.trim().to_owned())
            };
            let length = field("content-length:").map_or(0, |length| length.parse().unwrap());
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let request: Vec<&str> = head.first().map_or("", String::as_str).split(' ').collect();
            let (status, text) = match request.as_slice() {
                ["get", "/posts", _] if field("if-modified-since:").is_some() => {
                    ("304 Not Modified", String::new())
                }
                ["get", "/posts", _] => {
                    let posts = json!([{"title": "first"}, {"title": "second"}]);
                    ("200 OK", posts.to_string())
                }
                [method, "/echo", _] => {
                    let kind = field("content-type:").unwrap_or_default();
                    (
                        "200 OK",
                        format!("{} {kind} {body}", method.to_ascii_uppercase()),
                    )
                }
                _ => ("404 Not Found", "nothing".to_owned()),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\nConnection: close\r\n\r\n{text}",
                text.len()
            );
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    base
}

#[test]
fn each_block_is_accounted_for() {
    for page in PAGES {
        let run = page
            .runs
            .iter()
            .flat_map(|case| case.blocks.iter().copied());
        let not = page.not.iter().flat_map(|missing| missing.blocks.clone());
        let mut numbers: Vec<usize> = run.chain(not).collect();
        numbers.sort_unstable();
        let all: Vec<usize> = (1..=page.blocks).collect();
        assert_eq!(numbers, all, "{}", page.name);
    }
}

#[test]
fn the_page_about_it_has_the_table() {
    let table = table();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/clarive.md");
    let page = std::fs::read_to_string(file).unwrap();
    assert!(
        page.contains(&table),
        "docs/clarive.md is not what the table says; it should have:\n{table}"
    );
}

/// What the page says of each page of the documentation.
fn table() -> String {
    let (mut all, mut running) = (0, 0);
    let mut rows = String::new();
    for page in PAGES {
        let run: usize = page.runs.iter().map(|case| case.blocks.len()).sum();
        let not: Vec<String> = page
            .not
            .iter()
            .map(|missing| {
                let count = missing.blocks.clone().count();
                match run == 0 && page.not.len() == 1 {
                    true => missing.why.to_owned(),
                    false => format!("{count}: {}", missing.why),
                }
            })
            .collect();
        (all, running) = (all + page.blocks, running + run);
        rows += &format!(
            "| {} | {} | {run} | {} |\n",
            page.name,
            page.blocks,
            not.join("; ")
        );
    }
    format!(
        "Of its {all} code blocks, {running} run.\n\n| page | blocks | run | what does not, and why |\n| --- | --- | --- | --- |\n{rows}"
    )
}
