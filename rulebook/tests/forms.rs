//! What rulebooks took over from Clarive's language: signatures, events as sections, labels, files in many formats, archives.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cla_runtime::secrets::Secrets;
use cla_runtime::{Engine, RuleError, RunOptions, Script};
use cla_tests::output::Printed;
use serde_json::{Value, json};

fn engine() -> Engine {
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

/// A folder with a rulebook in it.
struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.file(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run_with(&self, book: &str, options: RunOptions) -> (Result<Value, RuleError>, String) {
        let output = Arc::new(Printed::default());
        let path = self.file("book.yml", book);
        let script = Script::new(path.display().to_string(), book).in_folder(&self.path);
        let report = engine().run(script, options.output(output.clone())).wait();
        (report.result, output.text())
    }

    fn run(&self, book: &str) -> (Result<Value, RuleError>, String) {
        let options = RunOptions::new().stash(json!({"dir": self.path, "hostile": HOSTILE}));
        self.run_with(book, options)
    }

    #[track_caller]
    fn value(&self, book: &str) -> Value {
        let (result, printed) = self.run(book);
        result.unwrap_or_else(|error| panic!("{book}\n{printed}\n{}", error.render(false)))
    }

    #[track_caller]
    fn fails(&self, book: &str, with: &str) {
        let (result, _) = self.run(book);
        let error = result.expect_err(book);
        assert!(error.message.contains(with), "{book}\n{}", error.message);
    }
}

/// A text that is none of a path, a pattern, a command or a document.
const HOSTILE: &str = "'\"`$(touch pwned)\n;]]>\\..\\{{ x }}<!--";

#[test]
fn what_is_wrong_is_refused_by_check_and_run_at_its_place() {
    for (book, line, column, message) in [
        (
            "vars: [a]\ndo: []",
            1,
            8,
            "an item of vars is a name with a value",
        ),
        (
            "vars:\n  - a: 1\n  - a: 2\ndo: []",
            3,
            5,
            "the variable \"a\" is there twice",
        ),
        ("def:\n  f (a:\n    - ls", 2, 5, "this ( is not closed"),
        (
            "def:\n  f (a) b:\n    - ls",
            2,
            9,
            "something stands behind the arguments",
        ),
        (
            "def:\n  f (a, ):\n    - ls",
            2,
            8,
            "here must stand the name of an argument",
        ),
        (
            "def:\n  f (a b):\n    - ls",
            2,
            6,
            "\"a b\" is no name for a variable",
        ),
        (
            "def:\n  f (a, a):\n    - ls",
            2,
            9,
            "the argument \"a\" is there twice",
        ),
        (
            "def:\n  f (a =):\n    - ls",
            2,
            8,
            "here must stand a value",
        ),
        (
            "def:\n  (a): [ls]",
            2,
            3,
            "there is no name before the arguments",
        ),
        (
            "def:\n  f (a): [ls]\n  f: [ls]",
            3,
            3,
            "the def \"f\" is there twice",
        ),
        (
            "def:\n  f (a):\n    args: [b]\n    do: []",
            3,
            5,
            "the arguments stand behind the name already",
        ),
        (
            "def:\n  f (a = 1):\n    required: a\n    do: []",
            3,
            15,
            "\"a\" has a default, so it is not required",
        ),
        (
            "def:\n  f:\n    required: 5\n    do: []",
            3,
            15,
            "required is a name, or a list of names",
        ),
        (
            "def:\n  f:\n    returning: [[a]]\n    do: []",
            3,
            17,
            "returning is a name, or a list of names",
        ),
        (
            "def:\n  f: ls",
            2,
            6,
            "a def is a list of ops, or a map with `args` and `do`",
        ),
        (
            "def:\n  - f",
            2,
            5,
            "an item of def is a name with what it does",
        ),
        (
            "def:\n  f (a): [ls]\ndo:\n  - f: {b: 1}",
            4,
            5,
            "\"f\" needs the argument \"a\"",
        ),
        (
            "def:\n  f (): [ls]\ndo:\n  - f: 1",
            4,
            8,
            "the def \"f\" takes no argument",
        ),
        ("vras:\n  - ls\ndo: []", 1, 1, "a rulebook has no \"vras\""),
        ("deploy: ls\ndo: []", 1, 1, "a rulebook has no \"deploy\""),
        (
            "deploy: [ls]\non: {deploy: [ls]}",
            2,
            6,
            "the event \"deploy\" is there twice",
        ),
        (
            "deploy:\n  branches: {a: 1}\n  do: []",
            2,
            13,
            "the filter \"branches\" is a text or a list of them, of which one must fit",
        ),
        (
            "deploy:\n  semaphor: x\n  do: []",
            2,
            3,
            "\"semaphor\" cannot stand beside \"do\"",
        ),
        (
            "do:\n  - echo [a]: b\n    name: c",
            2,
            11,
            "an op has one name: `name`, or a label",
        ),
        ("do:\n  - echo [ ]: b", 2, 11, "the label is empty"),
        (
            "do:\n  - echo [${a]: b",
            2,
            11,
            "this ${ is not closed: } is missing",
        ),
        (
            "do:\n  - parse: {text: a, body: b}",
            2,
            12,
            "`text` and `body` mean the same here: write one of them",
        ),
        (
            "do:\n  - parse: {text: a, file: b}",
            2,
            12,
            "parse has a `text` or a `file`, not both",
        ),
        (
            "do:\n  - parse: {text: a, type: xls}",
            2,
            12,
            "the format is json, yaml, text, csv, ini, properties, toml or xml, not \"xls\"",
        ),
        (
            "do:\n  - parse: {text: a, options: {x: 1}}",
            2,
            32,
            "this format has no options",
        ),
        (
            "do:\n  - parse: {file: a.csv, options: {head: 1}}",
            2,
            36,
            "this format has no \"head\"",
        ),
        (
            "do:\n  - parse: {text: a, options: [b]}",
            2,
            31,
            "options is a map of names and values",
        ),
        (
            "do:\n  - parse: {text: a, returning: a b}",
            2,
            33,
            "\"a b\" names no variable",
        ),
        (
            "do:\n  - parse_file: {type: ini}",
            2,
            17,
            "this op needs a `file`",
        ),
        (
            "do:\n  - parse_file: {file: a, text: b}",
            2,
            27,
            "this op has no \"text\"",
        ),
        (
            "do:\n  - write_file: {file: a, path: b, text: c}",
            2,
            17,
            "`path` and `file` mean the same here: write one of them",
        ),
        (
            "do:\n  - log: {msg: a, level: loud}",
            2,
            10,
            "the level is one of debug, info, warn, warning, error",
        ),
        (
            "do:\n  - log: {msg: a, file: b}",
            2,
            19,
            "this op has no \"file\"",
        ),
        (
            "do:\n  - set: {var: a b, value: 1}",
            2,
            16,
            "\"a b\" names no variable",
        ),
        (
            "do:\n  - zip: a",
            2,
            10,
            "zip is a map with from, to, base, include, exclude, time",
        ),
        ("do:\n  - zip: {from: a}", 2, 10, "this op needs a `to`"),
        (
            "do:\n  - zip: {from: a, to: b, base: ../c}",
            2,
            10,
            "base is a folder within the archive, without ..",
        ),
        (
            "do:\n  - tar: {from: a, to: b, time: soon}",
            2,
            10,
            "time is such as 2026-01-31 12:00:00, or seconds since 1970",
        ),
        (
            "do:\n  - untar: {from: a, to: b, most: -1}",
            2,
            12,
            "most is a whole number of bytes",
        ),
        (
            "do:\n  - sed: {path: a, replace: {}}",
            2,
            10,
            "replace is a map: {OLD: NEW}",
        ),
        (
            "do:\n  - sed: {path: a, replace: {'': b}}",
            2,
            10,
            "an empty text cannot be replaced",
        ),
        (
            "do:\n  - import_vars: [a]",
            2,
            5,
            "import_vars stands in a function of `def`; elsewhere all variables are there",
        ),
        (
            "def:\n  f:\n    - import_vars: {a: 1}",
            3,
            20,
            "import_vars is a name, or a list of names",
        ),
        (
            "secrets: [a b]\ndo: []",
            1,
            11,
            "\"a b\" is no name for a variable",
        ),
        (
            "secrets: [A, A]\ndo: []",
            1,
            14,
            "the secret \"A\" is there twice",
        ),
        (
            "secrets: [A]\nvars: {A: 1}\ndo: []",
            1,
            11,
            "\"A\" is a secret, and no other variable besides",
        ),
    ] {
        let findings = cla_rulebook::check_text("book.yml", book);
        let found = findings
            .first()
            .unwrap_or_else(|| panic!("{book}: check takes it"));
        let at = found.error.location.as_ref().unwrap();
        let expected = (message, line, column);
        let error = (found.error.message.as_str(), at.line, at.column);
        assert_eq!(error, expected, "{book}");
        let error = Place::new().run(book).0.expect_err(book);
        let at = error.location.as_ref().unwrap();
        assert_eq!(
            (error.message.as_str(), at.line, at.column),
            expected,
            "{book}"
        );
    }
}

#[test]
fn a_signature_has_defaults_of_each_kind() {
    let book = "def:
  f (a, b = 2, c = 'x, (y)', d = true, e = null, g = \"${a}!\", h = 07):
    - return: ['${a}', '${b}', '${c}', '${d}', '${e}', '${g}', '${h}']
do:
  - x = f: one
  - y = f: {a: two, b: [3], h: 1}
  - return: ['${x}', '${y}']
";
    let value = Place::new().value(book);
    let one = json!(["one", 2, "x, (y)", true, null, "one!", "07"]);
    let two = json!(["two", [3], "x, (y)", true, null, "two!", 1]);
    assert_eq!(value, json!([one, two]));
}

#[test]
fn a_function_keeps_what_it_promises() {
    let place = Place::new();
    let book = |returned: &str| {
        format!("def:\n  f:\n    returning: [a, b]\n    do:\n      - return: {returned}\ndo:\n  - return: '{{{{ 1 }}}}'\n  - f:\n")
            .replace("  - return: '{{ 1 }}'\n", "")
    };
    assert_eq!(
        place.value(&book("{a: 1, b: null, c: 2}")),
        json!({"a": 1, "b": null, "c": 2})
    );
    for other in ["{a: 1}", "[a, b]", "5", "null"] {
        place.fails(&book(other), "promises to return");
    }
}

#[test]
fn an_event_runs_for_what_its_filters_name() {
    let place = Place::new();
    let book = "deploy:\n  branches: [main, 'release/*', '${more}']\n  sizes: [1, 2]\n  do:\n    - return: done\non test:\n  - return: tested\n/hook: [return: hooked]\n";
    let run = |event: &str, stash: Value| {
        let options = RunOptions::new().event(event).stash(stash);
        let (result, printed) = place.run_with(book, options);
        (result.unwrap(), printed)
    };
    for (branch, size) in [
        (json!("main"), json!(1)),
        (json!("release/1.0"), json!("2")),
        (json!("x"), json!([5, 2])),
        (json!(["a", "main"]), json!(1)),
    ] {
        let stash = json!({"branch": branch, "size": size, "more": "x"});
        assert_eq!(run("deploy", stash.clone()).0, "done", "{stash}");
    }
    for (branch, size) in [
        (json!("maine"), json!(1)),
        (json!("release/1/2"), json!(1)),
        (json!("main"), json!(3)),
        (json!(null), json!(1)),
        (json!([]), json!(1)),
        (json!({"a": 1}), json!(1)),
        (json!(HOSTILE), json!(1)),
    ] {
        let stash = json!({"branch": branch, "size": size, "more": "x"});
        let (value, printed) = run("deploy", stash.clone());
        assert_eq!(value, Value::Null, "{stash}");
        assert!(printed.contains("deploy: nothing is done"), "{printed}");
    }
    let (_, printed) = run("deploy", json!({}));
    assert!(
        printed.contains("branches, or branch is not set"),
        "{printed}"
    );
    assert_eq!(run("test", json!({})).0, "tested");
    assert_eq!(run("/hook", json!({})).0, "hooked");
}

#[test]
fn a_label_is_the_name_of_an_op() {
    let book = "do:\n  - try:\n      - fail [to ${dir}]: no\n  - x = shell [list = all]: echo a\n  - return: ${x.output}\n";
    let book = book.replace("  - try:\n      - fail [to ${dir}]: no\n", "");
    assert_eq!(Place::new().value(&book), "a");
    let (result, _) = Place::new().run("do:\n  - do [outer ${dir}]:\n      - fail: no\n");
    let error = result.unwrap_err().render(false);
    assert!(error.contains("outer /"), "{error}");
}

#[test]
fn texts_are_read_in_all_formats() {
    let place = Place::new();
    for (format, text, value) in [
        ("json", "\u{feff}{\"a\": [1]}", json!({"a": [1]})),
        ("yaml", "a: [1]", json!({"a": [1]})),
        ("text", "a: [1]", json!("a: [1]")),
        ("toml", "a = [1]", json!({"a": [1]})),
        (
            "ini",
            "a = 1\n[s]\nb: x",
            json!({"a": "1", "s": {"b": "x"}}),
        ),
        ("properties", "a=1\n#b\nc d", json!({"a": "1", "c": "d"})),
        (
            "properties",
            "__proto__=1\na=1\na=2",
            json!({"__proto__": "1", "a": "2"}),
        ),
        ("csv", "a,b\n1,2", json!([{"a": "1", "b": "2"}])),
        (
            "xml",
            "<r a='1'><b>2</b></r>",
            json!({"r": {"a": "1", "b": "2"}}),
        ),
        ("properties", "", json!({})),
    ] {
        let path = place.file(&format!("file.{format}"), text);
        let by_name = format!("- parse_file: {}", path.display());
        assert_eq!(place.value(&by_name), value, "{format}");
        let path = place.file("file", text);
        let named = format!(
            "- parse: {{file: {}, type: {format}, returning: x.y}}\n- return: ${{x.y}}",
            path.display()
        );
        assert_eq!(place.value(&named), value, "{format}");
    }
    for (format, options, text, value) in [
        (
            "csv",
            "{separator: ';', header: false}",
            "a;b",
            json!([["a", "b"]]),
        ),
        ("xml", "{root: false}", "<r><b>2</b></r>", json!({"b": "2"})),
        ("xml", "{KeepRoot: 1}", "<r>2</r>", json!("2")),
        ("xml", "{KeepRoot: 0}", "<r>2</r>", json!({"r": "2"})),
        (
            "xml",
            "{attributes: '@'}",
            "<r a='1'><a>2</a></r>",
            json!({"r": {"@a": "1", "a": "2"}}),
        ),
        (
            "xml",
            "{lists: [b], root: false}",
            "<r><b>2</b></r>",
            json!({"b": ["2"]}),
        ),
    ] {
        let path = place.file("file", text);
        let book = format!(
            "- parse: {{file: {}, type: {format}, options: {options}}}",
            path.display()
        );
        assert_eq!(place.value(&book), value, "{book}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let place = Place::new();
    for (name, text, message) in [
        ("a.json", HOSTILE, "is no JSON"),
        ("a.toml", HOSTILE, "line 1"),
        ("a.ini", HOSTILE, "line 1"),
        ("a.xml", HOSTILE, "line 1"),
        (
            "a.xml",
            "<r a='1'><a>2</a></r>",
            "an attribute and an element a",
        ),
        ("a.csv", "a,b\n1", "line 2"),
        (
            "a.properties",
            "ok=1\na=\\u12",
            "\\u12 is no character at line 2",
        ),
    ] {
        let path = place.file(name, text);
        place.fails(&format!("- parse_file: {}", path.display()), message);
    }
    place.fails("- parse_file: ${dir}/none.ini", "No such file");
    place.fails("- parse_file: ${dir}", "only files are read");
    place.fails("- parse_file: '${hostile}'", "No such file");
    place.fails(
        "- parse: {text: a, format: '${hostile}'}",
        "the format is json",
    );
    place.fails(
        "- parse: {text: '{}', format: json, options: '${dir}'}",
        "options is a map",
    );
    place.fails(
        "- parse: {text: a, format: '${f}', options: {x: 1}}",
        "f is not set",
    );
}

#[test]
fn files_are_written_in_formats_and_with_their_folders() {
    let place = Place::new();
    let book = "- write_file: {file: '${dir}/a/b/c.ini', data: {x: 1, s: {y: z}}, format: ini}
- write_file: {path: '${dir}/a/d.csv', data: [{a: 1}], format: csv}
- write_file: {path: '${dir}/e', body: '${hostile}'}
- i = parse_file: ${dir}/a/b/c.ini
- c = parse_file: ${dir}/a/d.csv
- t = parse: {file: '${dir}/e', type: text}
- return: ['${i}', '${c}', '${t}']";
    let expected = json!([{"x": "1", "s": {"y": "z"}}, [{"a": "1"}], HOSTILE]);
    assert_eq!(place.value(book), expected);
    place.fails(
        "- write_file: {path: '${dir}/x', data: {a: 1}, format: properties}",
        "only read",
    );
    place.file("plain", "");
    let (result, _) = place.run("- write_file: {path: '${dir}/plain/x', text: a}");
    assert!(result.is_err());
}

#[test]
fn a_variable_is_set_by_a_name_that_a_value_has() {
    let place = Place::new();
    assert_eq!(
        place.value("- n =: a\n- set: {var: 'x.${n}', value: [1]}\n- return: ${x}"),
        json!({"a": [1]})
    );
    // Each other map is names and values.
    assert_eq!(
        place.value("- set: {var: a, value: 1, other: 2}\n- return: ['${var}', '${value}']"),
        json!(["a", 1])
    );
    assert_eq!(
        place.value("- var: {var: a, value: 1}\n- return: ['${var}', '${value}']"),
        json!(["a", 1])
    );
}

#[test]
fn a_record_has_its_level_and_its_data() {
    let place = Place::new();
    let (result, printed) = place.run(
        "- log: {msg: 'a ${dir}', level: warning, data: {x: 1}}\n- log: {msg: }\n- log: {other: 1}",
    );
    result.unwrap();
    assert!(printed.contains("WARN"), "{printed}");
    assert!(
        printed.contains("x: 1") && printed.contains("INFO"),
        "{printed}"
    );
    assert!(printed.contains("{\"other\":1}"), "{printed}");
    place.fails(
        "- log: {msg: a, level: '${hostile}'}",
        "the level is one of",
    );
}

#[test]
fn texts_in_files_are_replaced() {
    let place = Place::new();
    let text = "a ${name} ${name.x} ${none} ${stash} ${secret.T} $${name} ${na\nme} ${";
    place.file("f/a.txt", text);
    place.file("f/deep/b.txt", "${name}");
    place.file("f/no.bin", "\0${name}");
    place.file("f/c.md", "${name}");
    std::os::unix::fs::symlink(
        place.file("out.txt", "${name}"),
        place.path.join("f/link.txt"),
    )
    .unwrap();
    let book = "- name =: '${hostile}'\n- c = sed: {path: '${dir}/f', exclude: ['\\.md$']}\n- return: ${c}";
    let changed = place.value(book);
    let path = |name: &str| place.path.join(name).display().to_string();
    assert_eq!(changed, json!([path("f/a.txt"), path("f/deep/b.txt")]));
    let read = |name: &str| fs::read_to_string(place.path.join(name)).unwrap();
    let expected = format!(
        "a {HOSTILE} ${{name.x}} ${{none}} ${{stash}} ${{secret.T}} ${HOSTILE} ${{na\nme}} ${{"
    );
    assert_eq!(read("f/a.txt"), expected);
    assert_eq!(read("f/deep/b.txt"), HOSTILE);
    for untouched in ["f/c.md", "out.txt"] {
        assert_eq!(read(untouched), "${name}");
    }
    assert_eq!(read("f/no.bin"), "\0${name}");
    let book = "- sed: {path: '${dir}/f/c.md', replace: {name: other, '$${': '<', '}': '>'}}";
    assert_eq!(place.value(book), json!([path("f/c.md")]));
    assert_eq!(read("f/c.md"), "<other>");
    place.fails("- sed: ${dir}/none", "No such file");
    place.fails("- sed: {path: '${dir}', include: ['${hostile}']}", "regex");
}

#[test]
fn archives_are_made_of_what_is_permitted_and_named() {
    let place = Place::new();
    place.file("in/a.txt", "a");
    let book = "- z = zip: {from: '${dir}/in', to: '${dir}/x/a.zip', time: 86400}
- t = tar: {from: '${dir}/in/a.txt', to: '${dir}/x/a.tgz', base: '${b}'}
- u = untar: {from: '${dir}/x/a.tgz', to: '${dir}/y'}
- v = unzip: {from: '${dir}/x/a.zip', to: '${dir}/y', most: '${m}'}
- return: ['${z}', '${t}', '${u}', '${v}']";
    let run = |base: &str, most: Value| {
        let stash = json!({"dir": place.path, "b": base, "m": most});
        place.run_with(book, RunOptions::new().stash(stash)).0
    };
    assert_eq!(run("/b/c/", json!(1)).unwrap(), json!([1, 1, 1, 1]));
    assert!(place.path.join("y/b/c/a.txt").exists());
    assert!(place.path.join("y/a.txt").exists());
    let error = |base: &str, most: Value| run(base, most).unwrap_err().message;
    assert!(error("a/../..", json!(1)).contains("base is a folder"));
    assert!(error("", json!(0)).contains("more than 0 bytes"));
    assert!(error("", json!("many")).contains("most is a whole number"));
    // In the folder itself, it does not hold itself.
    let book = "- zip: {from: '${dir}/in', to: '${dir}/in/a.zip'}\n- zip: {from: '${dir}/in', to: '${dir}/in/a.zip'}";
    assert_eq!(place.value(book), 1);
    place.fails(
        "- zip: {from: '${dir}/none', to: '${dir}/b.zip'}",
        "cannot be made",
    );
    place.fails(
        "- unzip: {from: '${dir}/in/a.txt', to: '${dir}/z'}",
        "a.txt",
    );
    place.fails(
        "- zip: {from: '${hostile}', to: '${dir}/b.zip'}",
        "cannot be made",
    );
    assert!(!Path::new("pwned").exists());
    // A run that may write nothing makes none.
    let engine = Engine::builder()
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let to = place.path.join("no.zip");
    let book = format!(
        "- zip: {{from: {}, to: {}}}",
        place.path.join("in").display(),
        to.display()
    );
    let error = engine
        .run(Script::new("book.yml", book), RunOptions::new())
        .wait()
        .result;
    assert_eq!(error.unwrap_err().name, "PermissionError");
    assert!(!to.exists());
}

#[test]
fn executable_files_are_ops() {
    let place = Place::new();
    place.program(
        "ops/echoes",
        "IFS= read -r line; printf '{\"%s\": %s}\\n' \"$CLA_RETURN\" \"$line\"; echo said",
    );
    place.program("ops/json.py", "cat");
    place.program("ops/says.rb", "cat > /dev/null; echo plain; echo aside >&2");
    place.program("ops/breaks.sh", "echo why >&2; exit 3");
    place.file("ops/no.txt", "none");
    let imported = |rest: &str| format!("import: ./ops\ndo:\n{rest}");
    let book = imported("  - x = echoes: {a: '${hostile}', b: [1]}\n  - return: ${x}\n");
    let (result, printed) = place.run(&book);
    assert_eq!(result.unwrap(), json!({"a": HOSTILE, "b": [1]}));
    assert_eq!(printed, "said\n");
    assert_eq!(
        place.value(&imported("  - json: [1, null]\n")),
        json!([1, null])
    );
    assert_eq!(place.value(&imported("  - json:\n")), json!({}));
    let (result, printed) = place.run(&imported("  - says: 1\n"));
    assert_eq!(result.unwrap(), Value::Null);
    assert!(
        printed.contains("plain\n") && printed.contains("aside\n"),
        "{printed}"
    );
    let book =
        imported("  - try: [breaks: ]\n    catch: [return: '${error.rc}: ${error.stderr}']\n");
    assert_eq!(place.value(&book), "3: why");
    place.fails(&imported("  - no: 1\n"), "there is no op \"no\"");
    let book = "import: {path: ./ops/json.py, into: my}\ndo:\n  - my/json: {a: 1}\n";
    assert_eq!(place.value(book), json!({"a": 1}));
    let book = "import: {from: ./ops, as: my}\ndo:\n  - my.json: {a: 1}\n";
    assert_eq!(place.value(book), json!({"a": 1}));
    place.fails(
        "import: [{path: ./ops, image: ruby}]\ndo: []",
        "in no image",
    );
    // Two of one name, and one with the name of an op.
    place.program("ops/json.sh", "cat");
    place.fails(
        &imported("  - json: 1\n"),
        "has the name of something else that was imported",
    );
    place.program("other/echo.sh", "cat");
    place.fails("import: ./other\ndo: []", "has the name of an op");
    place.fails("import: ../../../../usr/bin\ndo: []", "");
    fs::create_dir(place.path.join("empty")).unwrap();
    place.fails("import: ./empty\ndo: []", "cannot find module");
}

#[test]
fn a_program_needs_the_permission_to_run() {
    let place = Place::new();
    place.program("ops/json", "cat; touch ran");
    let book = "import: ./ops\ndo:\n  - json: 1\n";
    let path = place.file("book.yml", book);
    let engine = Engine::builder()
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let script = Script::new(path.display().to_string(), book).in_folder(&place.path);
    let error = engine.run(script, RunOptions::new()).wait().result;
    assert_eq!(error.unwrap_err().name, "PermissionError");
}

#[test]
fn a_function_takes_over_variables_of_its_caller() {
    let place = Place::new();
    let book = "def:\n  f:\n    - import_vars: [a, b]\n    - a =: changed\n    - return: ['${a}', '${b}']\n  g (b): [f: ]\ndo:\n  - a =: 1\n  - b =: [2]\n  - x = f:\n  - return: ['${x}', '${a}']\n";
    assert_eq!(place.value(book), json!([["changed", [2]], 1]));
    // The caller is the function that calls, and not the rulebook.
    let book = book.replace("  - x = f:\n", "  - x = g: 5\n");
    place.fails(&book, "a is not set where this function was called");
    let book = "def:\n  f: [import_vars: toString]\ndo: [f: ]\n";
    place.fails(book, "toString is not set");
}

#[test]
fn a_secret_is_a_variable_and_is_masked() {
    let place = Place::new();
    let book =
        "secrets: [TOKEN]\ndo:\n  - echo: it is ${TOKEN}\n  - return: '{{ TOKEN.length }}'\n";
    let secrets = Secrets::new().with("TOKEN", "hunter2222").unwrap();
    let options = RunOptions::new().secrets(secrets.clone());
    let (result, printed) = place.run_with(book, options);
    assert_eq!(result.unwrap(), 10);
    assert_eq!(printed, "it is ***\n");
    let (result, _) = place.run_with(book, RunOptions::new());
    let error = result.unwrap_err();
    assert!(
        error.message.contains("there is no secret \"TOKEN\""),
        "{}",
        error.message
    );
    assert_eq!(error.location.unwrap().line, 1);
    let options = RunOptions::new()
        .secrets(secrets)
        .stash(json!({"TOKEN": "x"}));
    let (result, _) = place.run_with(book, options);
    assert!(result.unwrap_err().message.contains("--secret TOKEN"));
}
