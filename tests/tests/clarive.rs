//! What Clarive documents of JavaScript and of rulebooks: the snippet of the document that this began with, alone and against another run that has the
//! semaphore; and the code blocks of its other pages.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

#[path = "clarive/books.rs"]
mod books;
#[path = "clarive/pages.rs"]
mod pages;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use books::{BOOK_PAGES, BookCase};
use cla_rulebook::RulebookScript;
use cla_runtime::{Engine, RunHandle, RunOptions, Script};
use cla_tests::output::Printed;
use common::{engine, show};
use pages::{Missing, PAGES};
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

#[cfg(unix)]
#[test]
fn the_blocks_about_rulebooks_run_as_they_mean() {
    let mut failed = Vec::new();
    for page in BOOK_PAGES {
        for case in page.runs {
            if let Some(problem) = problem_of(case) {
                failed.push(format!("{} {:?}: {problem}", page.name, case.blocks));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// What is wrong with a rulebook that stands for blocks.
#[cfg(unix)]
fn problem_of(case: &BookCase) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().canonicalize().unwrap();
    for (name, text) in case.files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        if text.starts_with("#!") {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    std::fs::write(dir.join("book.yml"), case.book).unwrap();
    let output = Arc::new(Printed::default());
    let mut stash = json!({"dir": dir});
    if let Some((name, value)) = case.given {
        stash[name] = value.into();
    }
    let mut options = RunOptions::new().output(output.clone()).stash(stash);
    if let Some(event) = case.event {
        options = options.event(event);
    }
    let text = case.book;
    let name = dir.join("book.yml").display().to_string();
    let script = Script::rulebook(name, text).in_folder(&dir);
    let report = documented().run(script, options).wait();
    let as_expected = match case.fails {
        None => report.result.is_ok(),
        Some(part) => matches!(&report.result, Err(error) if error.to_string().contains(part)
            || error.help.as_ref().is_some_and(|help| help.contains(part))),
    };
    let printed = output.stdout();
    (!as_expected || printed != case.prints).then(|| {
        format!(
            "{:?}, and printed\n{printed}instead of\n{}",
            report.result, case.prints
        )
    })
}

#[test]
fn each_block_is_accounted_for() {
    for (name, blocks, run, not) in rows() {
        let not = not.iter().flat_map(|missing| missing.blocks.clone());
        let mut numbers: Vec<usize> = run.into_iter().chain(not).collect();
        numbers.sort_unstable();
        let all: Vec<usize> = (1..=blocks).collect();
        assert_eq!(numbers, all, "{name}");
    }
}

/// The name of each page, how many blocks it has, which of them run, and which do not.
type Row = (&'static str, usize, Vec<usize>, &'static [Missing]);

fn rows() -> Vec<Row> {
    scripts().into_iter().chain(rulebooks()).collect()
}

fn scripts() -> Vec<Row> {
    let rows = PAGES.iter().map(|page| {
        let run = page
            .runs
            .iter()
            .flat_map(|case| case.blocks.iter().copied());
        (page.name, page.blocks, run.collect(), page.not)
    });
    rows.collect()
}

fn rulebooks() -> Vec<Row> {
    let rows = BOOK_PAGES.iter().map(|page| {
        let run = page
            .runs
            .iter()
            .flat_map(|case| case.blocks.iter().copied());
        (page.name, page.blocks, run.collect(), page.not)
    });
    rows.collect()
}

#[test]
fn the_page_about_it_has_the_tables() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/clarive.md");
    let page = std::fs::read_to_string(file).unwrap();
    for table in [table(&scripts()), table(&rulebooks())] {
        assert!(
            page.contains(&table),
            "docs/clarive.md is not what the table says; it should have:\n{table}"
        );
    }
}

/// What the page says of each page of the documentation.
fn table(pages: &[Row]) -> String {
    let (mut all, mut running) = (0, 0);
    let mut rows = String::new();
    for (name, blocks, run, missing) in pages {
        let not: Vec<String> = missing
            .iter()
            .map(|one| {
                let count = one.blocks.clone().count();
                match run.is_empty() && missing.len() == 1 {
                    true => one.why.to_owned(),
                    false => format!("{count}: {}", one.why),
                }
            })
            .collect();
        (all, running) = (all + blocks, running + run.len());
        rows += &format!(
            "| {name} | {blocks} | {} | {} |\n",
            run.len(),
            not.join("; ")
        );
    }
    format!(
        "Of its {all} code blocks, {running} run.\n\n| page | blocks | run | what does not, and why |\n| --- | --- | --- | --- |\n{rows}"
    )
}
