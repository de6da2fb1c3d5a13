//! What `cla run` does with the value of a run: shows it if that is asked for, and leaves it alone otherwise.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use common::Folder;
use serde_json::{Value, json};

/// A value of few bytes that would be millions of values elsewhere.
const DOUBLING: &str = "let a = [1]; for (let i = 0; i < 24; i++) a = [a, a]; a";

#[test]
fn a_value_that_is_not_shown_is_not_converted() {
    let folder = Folder::with(&[
        ("doubling.js", DOUBLING),
        ("circular.js", "const a = {}; a.a = a"),
        (
            "getter.js",
            "({ get x() { print('asked'); throw new Error('asked') } })",
        ),
        ("forever.js", "({ toJSON() { for (;;); } })"),
    ]);
    let ended = folder.cla(&[
        "run",
        "doubling.js",
        "circular.js",
        "getter.js",
        "forever.js",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.printed(), "");
}

#[test]
fn json_shows_a_value_by_one_rule_and_says_where_it_is_none() {
    let shown = |code: &str| -> Value {
        let folder = Folder::with(&[("rule.js", code)]);
        let ended = folder.cla(&["run", "--json", "rule.js"]);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
    };
    for (code, value) in [
        (
            "[new Map([['a', new Set([1n])]]), new Uint8Array([1, 2]), new Date(0), /x/, '\\ud800', NaN]",
            json!([{ "a": ["1"] }, [1, 2], "1970-01-01T00:00:00.000Z", "/x/", "\u{fffd}", null]),
        ),
        ("function f() {}", json!(null)),
        (
            "let a = 1; for (let i = 0; i < 126; i++) a = [a]; [[a]].length",
            json!(1),
        ),
    ] {
        let object = shown(code);
        assert_eq!(
            (&object["status"], &object["value"]),
            (&json!("ok"), &value),
            "{code}"
        );
    }
    for (code, status, message) in [
        (
            "const v = { items: [0, {}] }; v.items[1].next = v.items; v",
            "failed",
            "value.items[1].next refers back to value.items",
        ),
        (
            "({ a: { b() {} } })",
            "failed",
            "value.a.b is the function b",
        ),
        (
            "({ toJSON() { throw new TypeError('not me') } })",
            "failed",
            "not me",
        ),
        (
            DOUBLING,
            "out_of_memory",
            "value needs more memory than the run has left",
        ),
    ] {
        let object = shown(code);
        assert_eq!(object["status"], status, "{code}: {object}");
        assert_eq!(object["value"], json!(null));
        let said = object["error"]["message"].as_str().unwrap();
        assert!(said.contains(message), "{code}: {said}");
    }
}

#[test]
fn print_shows_the_value_too() {
    let folder = Folder::with(&[
        ("rule.js", "({ a: [1] })"),
        ("bad.js", "const a = {}; a.a = a"),
    ]);
    let ended = folder.cla(&["run", "--print", "rule.js"]);
    assert_eq!((ended.code, ended.printed()), (Some(0), "{\"a\":[1]}\n"));
    let ended = folder.cla(&["run", "--print", "bad.js"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stderr.contains("value.a refers back to value"),
        "{ended:?}"
    );
}
