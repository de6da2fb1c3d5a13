//! Every kind of file, by every kind of reference, in every state: the right result or a clear error that names the file,
//! and the process lives.
//!
//! The engine runs in this very process, so that an assertion of the interpreter fails the test program.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::fs;
use std::path::Path;

use cla_runtime::{Engine, Limits, RunOptions, Script};
use serde_json::Value;

/// What a file is, and how its name ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Module,
    CommonJs,
    Json,
    Rulebook,
}

use Language::{CommonJs, Json, Module, Rulebook};

const KINDS: [(&str, Language); 11] = [
    ("js", CommonJs),
    ("js", Module),
    ("mjs", Module),
    ("cjs", CommonJs),
    ("ts", CommonJs),
    ("ts", Module),
    ("mts", Module),
    ("cts", CommonJs),
    ("json", Json),
    ("yml", Rulebook),
    ("yaml", Rulebook),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    Import,
    Dynamic,
    Require,
    /// By a rulebook's `import`.
    Book,
    /// As another rule, by the op `call`.
    Rule,
    /// It is the rule itself.
    Main,
}

const REFERENCES: [Reference; 6] = [
    Reference::Import,
    Reference::Dynamic,
    Reference::Require,
    Reference::Book,
    Reference::Rule,
    Reference::Main,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    SyntaxError,
    Throws,
    Missing,
    Empty,
    ByteOrderMark,
    Hashbang,
    Folder,
    /// It refers to itself as its kind does.
    Itself,
    /// It and another one of its kind refer to each other.
    Two,
    /// It refers to one of the other kind, which requires it back.
    Mixed,
    /// So it is, with one more in between.
    Down,
    /// It requires itself, whatever its kind.
    RequiresItself,
    /// What it imports lacks the name that it wants.
    WrongName,
    /// What it refers to has a syntax error.
    BrokenBelow,
    /// It awaits something at its top level, if it can.
    Awaits,
}

use State::*;

const STATES: [State; 16] = [
    Fine,
    SyntaxError,
    Throws,
    Missing,
    Empty,
    ByteOrderMark,
    Hashbang,
    Folder,
    Itself,
    Two,
    Mixed,
    Down,
    RequiresItself,
    WrongName,
    BrokenBelow,
    Awaits,
];

/// What the file exports, or gives when it is run, when all is well.
const VALUE: &str = "fine";

/// The files of a cell: their names without folder, and what is in them. The first is what is referred to.
fn files(extension: &str, language: Language, state: State) -> Vec<(String, String)> {
    let name = format!("target.{extension}");
    let fine = match language {
        Module => format!("export const value = '{VALUE}'; export default () => value;"),
        CommonJs => format!("exports.value = '{VALUE}';"),
        Json => format!("{{\"value\": \"{VALUE}\"}}"),
        Rulebook => format!("def: {{f: {{do: [return: {VALUE}]}}}}\ndo: [return: {VALUE}]"),
    };
    let one = |text: String| vec![(name.clone(), text)];
    let with = |text: String, others: &[(&str, &str)]| {
        let mut files = one(text);
        let others = others.iter().map(|(name, text)| {
            let text = text.replace("TARGET", &files_name(extension));
            ((*name).to_owned(), text)
        });
        files.extend(others);
        files
    };
    match (state, language) {
        (Missing, _) => Vec::new(),
        (Folder, _) => vec![(format!("{name}/nothing"), String::new())],
        (Empty, _) => one(String::new()),
        (ByteOrderMark, _) => one(format!("\u{feff}{fine}")),
        (Hashbang, Module | CommonJs | Rulebook) => one(format!("#!/usr/bin/env cla\n{fine}")),
        (Hashbang, Json) => one(format!("#!/usr/bin/env cla\n{fine}")),
        (SyntaxError, Module) => one("export const value = { a: 1 }}".to_owned()),
        (SyntaxError, CommonJs) => one("module.exports = { a: 1 }}".to_owned()),
        (SyntaxError, Json) => one("{\"a\": 1}}".to_owned()),
        (SyntaxError, Rulebook) => one("do: [return: 1}".to_owned()),
        (Throws, Module | CommonJs) => one(format!("{fine}\nthrow new Error('on purpose');")),
        (Throws, Rulebook) => one(format!("{fine}\non: {{x: []}}")
            .replace(&format!("do: [return: {VALUE}]"), "do: [fail: on purpose]")),
        (Itself, Module) => one(format!("import * as me from './{name}'; {fine} me;")),
        (Itself | RequiresItself, CommonJs) => one(format!(
            "const me = require('./{name}'); {fine} if (me !== exports) throw new Error('anew');"
        )),
        (RequiresItself, Module) => one(format!("{fine} require('./{name}');")),
        (Itself, Rulebook) => one(format!("import: ./{name}\n{fine}")),
        (Two, Module) => with(
            format!(
                "import {{ other }} from './other.mjs'; {fine} if (other() !== '{VALUE}') throw 1;"
            ),
            &[(
                "other.mjs",
                "import { value } from './TARGET'; export const other = () => value;",
            )],
        ),
        (Two, CommonJs) => with(
            format!("{fine} if (require('./other.cjs').seen !== '{VALUE}') throw 1;"),
            &[("other.cjs", "exports.seen = require('./TARGET').value;")],
        ),
        (Two, Rulebook) => with(
            format!("import: ./other.yml\n{fine}"),
            &[("other.yml", "import: ./TARGET\ndef: {g: {do: [return: 1]}}")],
        ),
        (Mixed, Module) => with(
            format!("import './other.cjs'; {fine}"),
            &[("other.cjs", "exports.back = require('./TARGET');")],
        ),
        (Mixed, CommonJs) => with(
            format!("{fine} require('./other.mjs');"),
            &[("other.mjs", "import back from './TARGET'; export { back };")],
        ),
        (Down, Module) => with(
            format!("import './middle.mjs'; {fine}"),
            &[
                ("middle.mjs", "import './other.cjs';"),
                ("other.cjs", "exports.back = require('./TARGET');"),
            ],
        ),
        (Down, CommonJs) => with(
            format!("{fine} require('./middle.cjs');"),
            &[
                ("middle.cjs", "require('./other.mjs');"),
                ("other.mjs", "import back from './TARGET'; export { back };"),
            ],
        ),
        (WrongName, Module) => with(
            format!("import {{ nope }} from './other.mjs'; {fine} nope;"),
            &[("other.mjs", "export const yes = 1; globalThis.ran = true;")],
        ),
        (WrongName, CommonJs) => with(
            format!("{fine} require('./other.mjs').nope();"),
            &[("other.mjs", "export const yes = 1;")],
        ),
        (BrokenBelow, Module) => with(
            format!("import './other.mjs'; {fine}"),
            &[("other.mjs", "import './TARGET';\nexport const a = ;")],
        ),
        (BrokenBelow, CommonJs) => with(
            format!("{fine} require('./other.js');"),
            &[("other.js", "require('./TARGET');\nexports.a = ;")],
        ),
        (BrokenBelow, Rulebook) => with(
            format!("import: ./other.yml\n{fine}"),
            &[("other.yml", "def: {g: {do: [nonsense: 1]}}")],
        ),
        (Awaits, Module) => one(format!("await null; {fine} await 0;")),
        // What a kind cannot be, it is not.
        (
            Fine | Awaits | Throws | Itself | Two | Mixed | Down | RequiresItself | WrongName
            | BrokenBelow,
            _,
        ) => one(fine),
    }
}

fn files_name(extension: &str) -> String {
    format!("target.{extension}")
}

/// The rule that refers to the target.
fn main_file(name: &str, reference: Reference) -> Option<(&'static str, String)> {
    let value = "(m.value ?? m.default?.value ?? 'nothing')";
    Some(match reference {
        Reference::Import => (
            "main.mjs",
            format!("import * as m from './{name}'; export default {value};"),
        ),
        Reference::Dynamic => (
            "main.js",
            format!("const m = await import('./{name}'); {value}"),
        ),
        Reference::Require => ("main.js", format!("const m = require('./{name}'); {value}")),
        Reference::Book => (
            "main.yml",
            format!("import: {{from: ./{name}, as: m}}\ndo: [return: {VALUE}]"),
        ),
        Reference::Rule => (
            "main.yml",
            format!("do:\n  - x = call: ./{name}\n  - return: ${{x}}"),
        ),
        Reference::Main => return None,
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// It goes well, and gives the value.
    Value,
    /// It goes well; what it gives depends on the kind of file.
    Well,
    /// An error that has these words.
    Error(Vec<String>),
}

fn expected(extension: &str, language: Language, reference: Reference, state: State) -> Expected {
    use Expected::{Error, Value, Well};
    let name = files_name(extension);
    let error = |words: &[&str]| Error(words.iter().map(|word| (*word).to_owned()).collect());
    let by_import = matches!(
        reference,
        Reference::Import | Reference::Dynamic | Reference::Book
    );
    let runs = matches!(reference, Reference::Rule | Reference::Main);
    match (reference, language) {
        // What cannot be referred to in this way.
        (Reference::Rule | Reference::Main, Json) if !matches!(state, Missing | Folder) => {
            return error(&[&name, "JSON"]);
        }
        (Reference::Book, Json) if !matches!(state, Missing | Folder) => {
            return error(&[&name, "JSON"]);
        }
        (Reference::Import | Reference::Dynamic | Reference::Require, Rulebook)
            if !matches!(state, Missing | Folder) =>
        {
            return error(&[&name, "YAML"]);
        }
        _ => {}
    }
    match (state, language) {
        (Missing | Folder, _) => error(&[&name]),
        (SyntaxError, _) => error(&[&name]),
        (Hashbang, Json) | (Empty, Json) => error(&[&name]),
        (Empty, Rulebook) => error(&[&name]),
        (Empty, _) => Well,
        (Throws, Rulebook) if reference == Reference::Book => Value,
        (Throws, Module | CommonJs | Rulebook) => error(&["on purpose"]),
        (Itself | Two, Rulebook) => error(&[&name, "imports itself"]),
        (RequiresItself, Module) => error(&[&name, "being evaluated"]),
        (Mixed, Module) => error(&[&name, "other.cjs", "→"]),
        (Down, Module) => error(&[&name, "other.cjs", "middle.mjs", "→"]),
        // Imported, it is wrapped into an ES module, and that one is in the circle.
        (Mixed | Down, CommonJs) if by_import => error(&[&name, "other.mjs", "→"]),
        (WrongName, Module) => error(&["nope"]),
        (WrongName, CommonJs) => error(&["not a function"]),
        (BrokenBelow, Module | CommonJs | Rulebook) => error(&["other."]),
        (_, CommonJs) if runs => Well,
        _ => Value,
    }
}

fn write(folder: &Path, files: &[(String, String)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn check(engine: &Engine, options: &RunOptions, (extension, language): (&str, Language)) -> usize {
    let mut cells = 0;
    for state in STATES {
        for reference in REFERENCES {
            let cell = format!("{extension} ({language:?}) by {reference:?}, {state:?}");
            let folder = tempfile::tempdir().unwrap();
            let files = files(extension, language, state);
            write(folder.path(), &files);
            let name = files_name(extension);
            let main = match main_file(&name, reference) {
                Some((main, text)) => {
                    write(folder.path(), &[(main.to_owned(), text)]);
                    main.to_owned()
                }
                None => name,
            };
            let script = Script::file(folder.path().join(main));
            let result = engine.run(script, options.clone()).wait().result;
            match (expected(extension, language, reference, state), result) {
                (Expected::Value, Ok(value)) => assert_eq!(value, VALUE, "{cell}"),
                (Expected::Well, Ok(_)) => {}
                (Expected::Error(words), Err(error)) => {
                    let shown = error.render(false);
                    for word in words {
                        assert!(shown.contains(&word), "{cell}: no {word:?} in {shown}");
                    }
                }
                (expected, Ok(value)) => panic!("{cell}: {value}, not {expected:?}"),
                (expected, Err(error)) => {
                    panic!("{cell}: not {expected:?} but {}", error.render(false))
                }
            }
            cells += 1;
        }
    }
    cells
}

#[test]
fn every_file_by_every_reference_in_every_state() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let mut cells = 0;
    for kind in KINDS {
        cells += check(&engine, &RunOptions::new(), kind);
    }
    assert_eq!(cells, KINDS.len() * STATES.len() * REFERENCES.len());
}

#[test]
fn so_it_is_with_the_smallest_stack() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    let options = RunOptions::new().limits(Limits::default().stack(64 * 1024));
    for kind in KINDS {
        check(&engine, &options, kind);
    }
}

/// Tries each reference twice in one run, also those that fail, and goes on.
#[test]
fn a_second_try_gives_the_same_as_the_first() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build();
    for (extension, language) in KINDS {
        for state in STATES {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &files(extension, language, state));
            let name = files_name(extension);
            let main = format!(
                "const seen = [];
                 const other = async (f) => {{
                     try {{ const m = await f(); return [true, m.value ?? m.default?.value ?? null] }}
                     catch (e) {{ return [false, typeof e === 'object' ? e.message : e] }}
                 }};
                 for (let n = 0; n < 2; n++) {{
                     seen.push(await other(() => require('./{name}')));
                     seen.push(await other(() => import('./{name}')));
                 }}
                 seen"
            );
            write(folder.path(), &[("main.js".to_owned(), main)]);
            let script = Script::file(folder.path().join("main.js"));
            let result = engine.run(script, RunOptions::new()).wait().result;
            let cell = format!("{extension} ({language:?}), {state:?}");
            let seen = result.unwrap_or_else(|error| panic!("{cell}: {}", error.render(false)));
            let [a, b, c, d] = seen.as_array().unwrap().as_slice() else {
                panic!("{cell}: {seen}");
            };
            assert_eq!((a, b), (c, d), "{cell}");
            let is_fine = |seen: &Value| seen[0] == true;
            if let Expected::Error(_) = expected(extension, language, Reference::Require, state) {
                assert!(!is_fine(a), "{cell}: {a}");
            } else {
                assert!(is_fine(a), "{cell}: {a}");
            }
            assert_eq!(is_fine(a), is_fine(b), "{cell}: {a} {b}");
        }
    }
}
