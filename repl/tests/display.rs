//! What cannot be seen, and what steers a terminal, is shown as an escape in everything that the program shows.

mod common;

use common::Folder;
use serde_json::Value;

/// Characters for the direction of text, without width, and (not in names of semaphores) control characters.
const HIDDEN: &str = "\u{61c}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{202a}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}";
const CONTROL: &str = "\u{1}\u{7}\u{1b}[2J\u{7f}\u{85}\u{9b}31m";

#[track_caller]
fn is_clean(text: &str, what: &str) {
    let raw = |c: char| c != '\n' && c != '\t' && (HIDDEN.contains(c) || c.is_control());
    assert!(!text.contains(raw), "{what}: {text:?}");
}

#[test]
fn lists_of_semaphores_show_no_name_raw() {
    let (name, who) = (format!("n{HIDDEN}m"), format!("w{HIDDEN}{CONTROL}"));
    let rule = format!(
        "require('cla/sem').acquire({name}, {{ who: {who} }});
         require('cla/sem').slots({name}, 3);
         print('in');
         while (!require('cla/sem').show('stop')) require('cla/util').sleep(0.02);",
        name = Value::from(name.as_str()),
        who = Value::from(who.as_str()),
    );
    let folder = Folder::with(&[("hold.js", &rule)]);
    let mut holder = folder.start(&["run", "hold.js"]);
    assert_eq!(holder.stdout_line(), "in\n");
    let shown: &[&[&str]] = &[
        &["sem", "list"],
        &["sem", "list", "-v"],
        &["sem", "show", &name],
        &["sem", "slots", &name, "4"],
        &["sem", "forget", "--yes", &name],
        &["sem", "show", "nobody"],
        &["sem", "wait", "--timeout", "0", &name],
        &["repl", "-e", ".sem"],
        &["doctor"],
        &["run", "--dry-run", "hold.js"],
    ];
    for arguments in shown {
        let ended = folder.cla(arguments);
        is_clean(&ended.stdout, &format!("{arguments:?}"));
        is_clean(&ended.stderr, &format!("{arguments:?}"));
        if arguments.last() == Some(&"-v") {
            assert!(ended.stdout.contains("n\\u{61c}"), "{}", ended.stdout);
            assert!(ended.stdout.contains("w\\u{61c}"), "{}", ended.stdout);
        }
    }
    // For programs, it is the exact text.
    let list = folder.cla(&["sem", "list", "--json"]);
    let list: Value = serde_json::from_str(list.printed()).unwrap();
    assert_eq!(list[0]["name"], name);
    assert_eq!(list[0]["requests"][0]["who"], who);
    folder.stop_holding();
    holder.end().printed();
}

#[cfg(unix)]
#[test]
fn errors_timelines_and_prefixes_show_no_file_function_or_message_raw() {
    let file = format!("f{HIDDEN}\u{1b}[2J.js");
    let rule = format!(
        "/* {HIDDEN} */ const sem = require('cla/sem'), name = {};
         const f = Object.defineProperty(() => {{ throw new Error({}) }}, 'name', {{ value: name }});
         sem.take(name, f)",
        Value::from(format!("n{HIDDEN}")),
        Value::from(format!("m{HIDDEN}{CONTROL}")),
    );
    let folder = Folder::with(&[(&file, &rule), ("a.js", "1")]);
    for arguments in [
        &["run", &file][..],
        &["run", "--timeline", &file, "a.js"],
        &[
            "run",
            "--timeline",
            "--trace",
            "trace.svg",
            "--copies",
            "2",
            &file,
        ],
        &["check", &file],
        &["run", "--dry-run", &file],
        &["run", &format!("nowhere{HIDDEN}{CONTROL}.js")],
        &["repl", "-e", &rule],
    ] {
        let ended = folder.cla(arguments);
        is_clean(&ended.stdout, &format!("{arguments:?}"));
        is_clean(&ended.stderr, &format!("{arguments:?}"));
    }
    let svg = std::fs::read_to_string(folder.path().join("trace.svg")).unwrap();
    is_clean(&svg, "the picture");
    assert!(svg.contains("n\\u{61c}"), "{svg}");
}
