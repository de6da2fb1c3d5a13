//! Odd rulebooks, and what three judges say of each: the schema, a check, and a run.
//!
//! Whatever a run refuses before its first op, a check refuses, and the schema where it can. What the schema refuses, and what
//! a check calls an error, no run accepts.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::path::Path;

use cla_runtime::check::Severity;
use cla_runtime::clock::TestClock;
use cla_runtime::{Engine, RunOptions, Script};
use cla_tests::output::Printed;
use serde_json::Value as Json;

use super::OPS;
use super::tests::{json, refused};
use crate::parse::TOP_KEYS;
use crate::tree::ATTRIBUTES;
use crate::yaml;

/// Odd values for each key.
const ODD: [&str; 28] = [
    "",
    "5",
    "-1",
    "2.5",
    "0",
    "true",
    "null",
    "''",
    "' '",
    "x",
    "a.b",
    "'a b'",
    "stash",
    "class",
    "./no.yml",
    "'${x}'",
    "'${5}'",
    "'{{ x }}'",
    "'{{ 1 +* }}'",
    "[]",
    "[x]",
    "[[x]]",
    "[5]",
    "{}",
    "{x: 1}",
    "{x: {y: [1]}}",
    "5s",
    "no",
];

/// How many rulebooks are looked at, unless the environment variable `CLA_ODD` says `all`.
const SOME: usize = 700;

/// What only a run can know: these errors come from the work of an op that was rightly begun.
const AT_WORK: [&str; 8] = [
    " is not set",
    "permission for",
    "this does not hold",
    "it is circular",
    "the disk is full",
    "must be given",
    "is required",
    "no such input",
];

/// Texts of rulebooks that are right or nearly so, each odd in one place.
fn odd_books() -> Vec<String> {
    let mut books = Vec::new();
    for value in ODD {
        for op in OPS.ops {
            let name = op.name;
            books.push(format!("- {{{name}: {value}}}"));
            for companion in op.companions {
                // A loop without an end is no oddity.
                let body = if *companion == "do" {
                    "[{break: }]"
                } else {
                    "[]"
                };
                books.push(format!("- {{{name}: {value}, {companion}: {body}}}"));
                books.push(format!(
                    "- {{{name}: [1], {companion}: {value}, do: [{{break: }}]}}"
                ));
            }
            if !["while", "until"].contains(&name) {
                books.push(format!("- {{a = {name}: {value}}}"));
            }
        }
        for attribute in ATTRIBUTES {
            books.push(format!("- {{echo: a, {attribute}: {value}}}"));
            books.push(format!("- {{foreach: [1], {attribute}: {value}, do: []}}"));
        }
        for part in ["key", "slots", "timeout", "ttl", "priority", "other"] {
            books.push(format!(
                "- {{semaphore: {{key: a, {part}: {value}}}, do: []}}"
            ));
        }
        for part in ["retry", "delay", "backoff", "other"] {
            books.push(format!(
                "- {{on_error: {{retry: 1, {part}: {value}}}, echo: a}}"
            ));
        }
        for part in [
            "cmd", "run", "args", "env", "cwd", "stdin", "shell", "pipe_out", "timeout", "grace",
        ] {
            books.push(format!("- {{shell: {{{part}: {value}}}}}"));
            books.push(format!("- {{shell: {{cmd: a, {part}: {value}}}}}"));
        }
        for part in cla_stdlib::internal::http::OPTIONS {
            books.push(format!(
                "- {{http: {{url: 'http://127.0.0.1:9/', {part}: {value}}}}}"
            ));
        }
        for part in ["service", "config", "stash"] {
            books.push(format!("- {{launch: {{service: a, {part}: {value}}}}}"));
        }
        for part in ["text", "format"] {
            books.push(format!("- {{parse: {{text: 5, {part}: {value}}}}}"));
        }
        for part in ["path", "text", "data", "format", "append"] {
            books.push(format!("- {{read_file: {{path: a, {part}: {value}}}}}"));
            books.push(format!("- {{write_file: {{path: a, {part}: {value}}}}}"));
            books.push(format!(
                "- {{write_file: {{path: a, text: a, {part}: {value}}}}}"
            ));
        }
        for part in ["file", "stash", "event"] {
            books.push(format!("- {{call: {{{part}: {value}}}}}"));
            books.push(format!("- {{call: {{file: hosts.yml, {part}: {value}}}}}"));
            books.push(format!("- {{call: {{file: prices.js, {part}: {value}}}}}"));
        }
        for part in [
            "type",
            "default",
            "required",
            "choices",
            "description",
            "other",
        ] {
            books.push(format!("inputs: {{a: {{{part}: {value}}}}}\ndo: []"));
            books.push(format!(
                "inputs: {{a: {{type: integer, default: 3, {part}: {value}}}}}\ndo: []"
            ));
        }
        for part in ["from", "as"] {
            books.push(format!(
                "import: {{from: ./hosts.yml, {part}: {value}}}\ndo: []"
            ));
        }
        for key in TOP_KEYS {
            books.push(format!("{key}: {value}"));
            books.push(format!("do: []\n{key}: {value}"));
        }
        // The same oddities as names.
        let is_key = !value.starts_with(['[', '{']) && !value.is_empty();
        if is_key {
            books.extend([
                format!("{value}: {{}}\ndo: []"),
                format!("vars: {{{value}: 1}}\ndo: []"),
                format!("inputs: {{{value}: }}\ndo: []"),
                format!("def: {{{value}: {{do: []}}}}\ndo: []"),
                format!("def: {{f: {{args: [{value}], do: []}}}}\ndo: []"),
                format!("def: {{f: {{args: [{{{value}: 1}}], do: []}}}}\ndo: []"),
                format!("def: {{f: {{args: [a], do: []}}}}\ndo: [f: {{{value}: 1}}]"),
                format!("on: {{{value}: []}}"),
                format!("- {value}: {{}}"),
                format!("- {{echo: a, {value}: 1}}"),
                format!("- set: {{{value}: 1}}"),
                format!("- {value} =: 1"),
                format!("- {value} = echo: 1"),
                format!("- {{foreach: {{var: {value}, in: [1], do: []}}}}"),
                format!("- {{matrix: {{{value}: [1]}}, do: []}}"),
                format!("import: {{from: ./hosts.yml, as: {value}}}\ndo: []"),
                format!("- {{shell: {{cmd: a, env: {{{value}: 1}}}}}}"),
            ]);
        }
    }
    for op in OPS.ops {
        match json(&yaml::read(op.example, &mut || false).unwrap()) {
            // Each op on its own, so that no other one fails before it.
            Json::Array(ops) => {
                for op in ops {
                    books.extend(mutated(&Json::Array(vec![op])));
                }
            }
            book => books.extend(mutated(&book)),
        }
    }
    // One waits for a semaphore without slots until somebody gives it some.
    let waits = |text: &String| text.contains("slots: 0") || text.contains("\"slots\":0");
    books.retain(|text| !waits(text) && yaml::read(text, &mut || false).is_ok());
    books.sort();
    books.dedup();
    books
}

/// A rulebook with one value replaced, with one key missing, and with one key called otherwise, for each of them.
fn mutated(document: &Json) -> Vec<String> {
    let mut places = Vec::new();
    places_of(document, String::new(), &mut places);
    let mut books = Vec::new();
    let odd: Vec<Json> = ODD
        .iter()
        .filter_map(|value| Some(json(&yaml::read(value, &mut || false).ok()?)))
        .collect();
    for place in &places {
        for value in &odd {
            let mut book = document.clone();
            if let Some(at) = book.pointer_mut(place) {
                *at = value.clone();
            }
            books.push(book.to_string());
        }
        let Some((parent, key)) = place.rsplit_once('/') else {
            continue;
        };
        let key = key.replace("~1", "/").replace("~0", "~");
        for name in ["", " ", "nope", "a b", "name", "5"] {
            let mut book = document.clone();
            let Some(Json::Object(map)) = book.pointer_mut(parent) else {
                continue;
            };
            let Some(value) = map.remove(&key) else {
                continue;
            };
            books.push(book.to_string());
            if let Some(Json::Object(map)) = book.pointer_mut(parent) {
                map.insert(name.to_owned(), value);
            }
            books.push(book.to_string());
        }
    }
    // A loop without an end is no oddity.
    books.retain(|book| !book.contains("\"while\"") && !book.contains("\"until\""));
    books
}

fn places_of(value: &Json, at: String, places: &mut Vec<String>) {
    match value {
        Json::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                places_of(item, format!("{at}/{nth}"), places);
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                places_of(item, format!("{at}/{key}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}

/// What an engine says of a rulebook.
struct Judged {
    checked: Vec<String>,
    ran: Result<(), String>,
}

/// The event for which something is done, if nothing is done without one.
fn first_event(text: &str) -> Option<String> {
    let document = json(&yaml::read(text, &mut || false).unwrap());
    match (document.get("do"), document.get("on")) {
        (None, Some(Json::Object(events))) => events.keys().next().cloned(),
        _ => None,
    }
}

fn judged(engine: &Engine, folder: &Path, text: &str) -> Judged {
    let script = Script::new("book.yml", text).in_folder(folder);
    let handle = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let found = handle.block_on(engine.check(&script));
    let checked = found
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.error.message)
        .collect();
    let mut options = RunOptions::new().output(std::sync::Arc::new(Printed::default()));
    if let Some(event) = first_event(text) {
        options = options.event(event);
    }
    let report = engine.run(script, options).wait();
    Judged {
        checked,
        ran: report.result.map(drop).map_err(|error| error.message),
    }
}

#[test]
fn schema_check_and_run_agree_on_odd_rulebooks() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("hosts.yml"),
        "def: {ping: {do: []}}\ndo: []\n",
    )
    .unwrap();
    std::fs::write(
        folder.path().join("prices.js"),
        "export const price = () => 1;",
    )
    .unwrap();
    let engine = Engine::builder()
        .clock(TestClock::auto())
        .with(cla_stdlib::install)
        .with(crate::install)
        .build();
    let books = odd_books();
    let all = std::env::var_os("CLA_ODD").is_some_and(|which| which == "all");
    let step = if all { 1 } else { books.len() / SOME };
    let (mut wrong, mut taken, mut refused_by_all) = (Vec::new(), 0, 0);
    for text in books.iter().step_by(step.max(1)) {
        let schema = refused(text);
        let Judged { checked, ran } = judged(&engine, folder.path(), text);
        let begun = match &ran {
            Ok(()) => true,
            // These fail with what is written there.
            Err(_) if text.contains("fail") || text.contains("message: ") => true,
            Err(message) => AT_WORK.iter().any(|part| message.contains(part)),
        };
        // A run compiles JavaScript when it comes to it.
        let is_unreached = text.contains("try") || text.contains("until");
        match (checked.is_empty(), schema.is_empty(), &ran) {
            (true, true, Ok(())) => taken += 1,
            (false, false, Err(_)) => refused_by_all += 1,
            (false, _, Ok(())) if is_unreached => {}
            (false, _, Ok(())) => {
                wrong.push(format!("check refuses, run takes: {text}  {checked:?}"));
            }
            (_, false, Ok(())) => {
                wrong.push(format!("schema refuses, run takes: {text}  {schema:?}"));
            }
            (true, false, Err(message)) => wrong.push(format!(
                "schema refuses, check takes, run says {message}: {text}  {schema:?}"
            )),
            (true, true, Err(message)) if !begun => {
                wrong.push(format!("run refuses, check takes: {text}  {message}"));
            }
            _ => {}
        }
    }
    assert!(
        taken > 20 && refused_by_all > 50,
        "{taken} {refused_by_all}"
    );
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        books.len(),
        wrong.join("\n")
    );
}
