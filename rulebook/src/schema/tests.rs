#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use jsonschema::Validator;

use super::*;
use crate::yaml::{self, Node, Yaml};

static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::draft7::new(&rulebook_schema()).unwrap());

pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(value) if value.fract() == 0.0 && value.abs() < 1e15 => json!(*value as i64),
        Yaml::Number(value) => json!(value),
        // An editor takes a number for one also where a rulebook keeps how it is written.
        Yaml::Text(text) => match text.number() {
            Some(number) => json(&Node {
                at: node.at,
                value: Yaml::Number(number),
            }),
            None => json!(text.text),
        },
        Yaml::List(items) => items.iter().map(json).collect(),
        Yaml::Map(entries) => entries
            .iter()
            .map(|(key, node)| (key.text.clone(), json(node)))
            .collect(),
    }
}

/// What the schema says against a rulebook.
pub(super) fn refused(text: &str) -> Vec<String> {
    let document = json(&yaml::read(text, &mut || false).unwrap());
    VALIDATOR
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// What the parser says against a rulebook, beside which lies what the examples import.
fn parsed(text: &str) -> Result<(), Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hosts.yml"), "def: {ping: {do: []}}").unwrap();
    std::fs::write(
        folder.path().join("prices.js"),
        "export const price = () => 1;",
    )
    .unwrap();
    match crate::check::read("book.yml", Some(folder.path()), &Arc::from(text)) {
        Ok(_) => Ok(()),
        Err(error) => Err(std::iter::once(&error)
            .chain(&error.errors)
            .map(|error| error.message.clone())
            .collect()),
    }
}

fn names<'k>(keys: impl IntoIterator<Item = &'k str>) -> BTreeSet<String> {
    keys.into_iter().map(str::to_owned).collect()
}

#[test]
fn it_is_a_valid_schema_of_draft_7() {
    assert!(jsonschema::draft7::meta::is_valid(&rulebook_schema()));
}

#[test]
fn it_has_the_keys_that_the_parser_reads_and_no_others() {
    let schema = rulebook_schema();
    let of = |place: &str| {
        let map = schema.pointer(place).unwrap().as_object().unwrap();
        names(map.keys().map(String::as_str))
    };
    assert_eq!(of("/properties"), names(TOP_KEYS));
    let companions = OPS.ops.iter().flat_map(|op| op.companions.iter().copied());
    let known = OPS.names().chain(ATTRIBUTES).chain(companions);
    assert_eq!(of("/definitions/keys/properties"), names(known));
    // What stands beside an op is read with it, so the op alone is not enough.
    for op in OPS.ops {
        let needs = (op.schema)().needs;
        assert!(op.companions.is_empty() || needs.is_some(), "{}", op.name);
    }
}

#[test]
fn every_key_is_explained_with_an_example_that_is_right() {
    let keys = top_keys().into_iter().chain(beside());
    let keys = keys.chain(ops().into_iter().map(|op| op.key));
    for key in keys {
        assert!(key.about.ends_with('.'), "{}", key.name);
        assert!(key.example.contains(key.name), "{}", key.name);
        assert_eq!(refused(key.example), [""; 0], "{}", key.example);
        assert_eq!(parsed(key.example), Ok(()), "{}", key.example);
    }
}

#[test]
fn the_cookbook_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/rulebooks");
    let mut seen = 0;
    let folders = [folder.clone(), folder.join("operations")];
    for entry in folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
    {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yml") {
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(refused(&text), [""; 0], "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 25, "{seen}");
}

#[test]
fn what_the_parser_refuses_it_refuses() {
    for wrong in [
        // the rulebook
        "",
        "5",
        "hello",
        "{}",
        "name: 5\ndo: []",
        "description: [a]\ndo: []",
        "vars: [a]\ndo: []",
        "vars: a\ndo: []",
        "inputs: [a]\ndo: []",
        "inputs: {a.b: }\ndo: []",
        "inputs: {a: 5}\ndo: []",
        "inputs: {a: {type: text}}\ndo: []",
        "inputs: {a: {required: maybe}}\ndo: []",
        "inputs: {a: {choices: []}}\ndo: []",
        "inputs: {a: {typ: string}}\ndo: []",
        "nmae: Deploy\ndo: []",
        "name: Deploy",
        "on: {}",
        "on: [pushed]",
        "def: {}",
        // defs
        "def: [greet]\ndo: []",
        "def: {greet: {args: [who]}}",
        "def: {greet: {args: who, do: []}}",
        "def: {greet: {args: ['not a name'], do: []}}",
        "def: {greet: {args: [{a.b: 1}], do: []}}",
        "def: {greet: {args: [1], do: []}}",
        "def: {greet: {arg: [who], do: []}}",
        "def: {echo: {do: []}}",
        "def: {timeout: {do: []}}",
        "def: {greet: {required: [5], do: []}}",
        "def: {greet: {returning: {a: 1}, do: []}}",
        "def: {greet: hello}",
        "def: {greet: }",
        "def: []",
        "def: {'greet (who': []}",
        "def: {'greet (who) now': []}",
        "def: {'(who)': []}",
        // sections
        "deploy: make",
        "deploy: {branches: [main]}",
        "deploy: {branches: [], do: []}",
        "deploy: {branches: [{a: 1}], do: []}",
        "on: {deploy: {branches: {a: 1}, do: []}}",
        "on: {deploy: {branches: , do: []}}",
        "deploy: {echo: hi, branches: [main], do: []}",
        // ops
        "- 5",
        "- [echo: hi]",
        "-",
        "- {}",
        "do: 5",
        "do: true",
        "- {echo: hi, print: hi}",
        "- {echo: hi, semaphor: x}",
        "- {echo: hi, do: []}",
        "- {shell: [[ls]]}",
        "- {shell: []}",
        "- {shell: 5}",
        "- {shell: {}}",
        "- {shell: {cmd: a, run: [b]}}",
        "- {shell: {cmd: 5}}",
        "- {shell: {cmd: a, host: b}}",
        "- {shell: {cmd: a, shell: fish}}",
        "- {shell: {cmd: a, timeout: soon}}",
        "- {shell: {cmd: a, pipe_out: maybe}}",
        "- {shell: {cmd: a, env: [b]}}",
        "- {shell: {run: []}}",
        "- js: {a: 1}",
        "- do: 5",
        "- set: count",
        "- var: [a]",
        "- sleep: soon",
        "- sleep: '10'",
        "- sleep: -1",
        "- sleep: true",
        "- sleep: 1 month",
        "- sleep: 5s 1m",
        "- parse:",
        "- parse: {format: json}",
        "- parse: {text: a, formt: json}",
        "- read_file: {format: json}",
        "- write_file: a.txt",
        "- write_file: {path: a.txt}",
        "- write_file: {path: a.txt, text: a, data: a}",
        "- write_file: {text: a}",
        "- parse: {text: a, body: b}",
        "- parse: {text: a, file: b}",
        "- parse: {text: a, type: xls}",
        "- parse: {text: a, options: [b]}",
        "- parse: {text: a, options: b}",
        "- parse: {text: a, returning: [b]}",
        "- parse_file: {type: ini}",
        "- parse_file: {file: a, path: b}",
        "- parse_file: {file: a, text: b}",
        "- parse_file: [a]",
        "- write_file: {path: a, file: b, text: c}",
        "- write_file: {path: a, text: b, body: c}",
        "- write_file: {file: a}",
        "- log: {msg: a, level: loud}",
        "- log: {msg: a, file: b}",
        "- zip: a",
        "- zip: {from: a}",
        "- zip: {from: a, to: b, bse: c}",
        "- tar: {from: a, to: b, include: {c: 1}}",
        "- untar: {from: a}",
        "- untar: {from: a, to: b, most: -1}",
        "- unzip: {from: a, to: b, most: lots}",
        "- sed: {replace: {a: b}}",
        "- sed: {path: a, replace: {}}",
        "- sed: {path: a, replace: {'': b}}",
        "- sed: {path: a, replace: [b]}",
        "def: {f: [import_vars: {a: 1}]}",
        "def: {f: [import_vars: []]}",
        "def: {f: [import_vars: a.b]}",
        "secrets: {a: 1}\ndo: []",
        "secrets: [a b]\ndo: []",
        "import: {as: a}\ndo: []",
        "import: {from: ./hosts.yml, image: a}\ndo: []",
        "- call: {stash: {}}",
        "- call: {file: a.yml, stsh: {}}",
        // structure
        "- if: a",
        "- {if: a, else: []}",
        "- {if: a, then: [], do: []}",
        "- {if: a, then: [], elsif: [{if: b}]}",
        "- {if: a, then: [], elsif: b}",
        "- {then: []}",
        "- {echo: hi, then: []}",
        "- {if: a, then: []}\n- {elsif: b}",
        "- {if: a, then: []}\n- {elsif: b, then: [], name: x}",
        "- {if: a, then: []}\n- {else: [], name: x}",
        "- foreach: [1]",
        "- {foreach: {in: [1]}}",
        "- {foreach: {in: [1], do: [], vr: x}}",
        "- {foreach: {in: [1], do: [], var: a.b}}",
        "- while: a",
        "- until: a",
        "- matrix: {a: [1]}",
        "- {matrix: [1], do: []}",
        "- {foreach: [1], parallel: 0, do: []}",
        "- {foreach: [1], parallel: 1.5, do: []}",
        "- {foreach: {in: [1], parallel: many, do: []}}",
        "- {foreach: [1], do: [{break: 5}]}",
        "- {echo: hi, message: x}",
        "- {while: a, every: 1s, do: []}",
        "- {until: a, every: soon, do: []}",
        "- try: []",
        "- {try: [], do: []}",
        "- {catch: []}",
        // attributes
        "- semaphore: x",
        "- {name: x, when: y}",
        "- {semaphore: 5, do: []}",
        "- {semaphore: [x], do: []}",
        "- {semaphore: {slots: 1}, do: []}",
        "- {semaphore: {key: x, slot: 1}, do: []}",
        "- {semaphore: {key: x, timeout: soon}, do: []}",
        "- {semaphore: '', do: []}",
        "- {semaphore: {key: x, slots: many}, do: []}",
        "- {semaphore: {key: x, slots: -2}, do: []}",
        "- {semaphore: {key: x, slots: 2.5}, do: []}",
        "- {semaphore: {key: x, priority: high}, do: []}",
        "- {semaphore: {key: x, priority: 1.5}, do: []}",
        "- parse: {text: a, format: xls}",
        "- read_file: {path: a, format: xls}",
        "- write_file: {path: a, text: a, format: xls}",
        "- {timeout: 10, parallel: maybe, echo: hi}",
        "- {parallel: true, echo: hi}",
        "- {timeout: soon, echo: hi}",
        "- {timeout: [1], echo: hi}",
        "- {name: 5, echo: hi}",
        "- {on_error: retry, echo: hi}",
        "- {on_error: {retry: 0}, echo: hi}",
        "- {on_error: {retry: 1.5}, echo: hi}",
        "- {on_error: {delay: 1s}, echo: hi}",
        "- {on_error: {retry: 1, backoff: 0}, echo: hi}",
        "- {on_error: {retry: 1, delay: soon}, echo: hi}",
        "- {on_error: {retry: 1, times: 2}, echo: hi}",
        "- {register: 'a b', echo: hi}",
        "- {register: 5, echo: hi}",
        // assignments
        "- {a = shell: ls, register: b}",
        "- a = shell: [[ls]]",
        "- a = sleep: soon",
        "- 1a = shell: ls",
        "- a b =: 1",
        "- {a = echo: hi, echo: hi}",
        "- {a = if: b, then: []}",
        "- {a = while: b, do: []}",
        "- {a = foreach: [1], do: []}",
        "- a = timeout: 1s",
        "- write_file: {path: a.txt, text: a, append: always}",
    ] {
        assert!(parsed(wrong).is_err(), "the parser accepts {wrong}");
        assert!(!refused(wrong).is_empty(), "the schema accepts {wrong}");
    }
}

#[test]
fn what_is_odd_but_right_both_accept() {
    for odd in [
        "[]",
        "do:",
        "do: count = 1",
        "do: {echo: hi}",
        "do: []\nvars:",
        "on: {pushed: , closed: log = 1}",
        "def: {greet: {args: {who: eve}, do: }}",
        "def: {greet: {args: [a, {b: 1, c: [2]}], do: [return: 1], description: greets}}\ndo: [greet: 1]",
        "def: {größe: {args: [straße, $x], do: []}}\ndo: [{größe: {straße: 1, $x: 2}, timeout: 1s}]",
        "vars: [a: 1, {b: '${a}', c: [1]}]\ndo: []",
        "def: {greet: [echo: hi]}",
        "def: {greet: []}\ndo: [greet: ]",
        "def: {'greet (who, greeting = hello)': [echo: '${who}']}\ndo: [greet: eve]",
        "def: {'greet()': {do: []}}\ndo: [greet: ]",
        "def: {'greet (who)': {required: who, returning: [a, b], do: []}}\ndo: [greet: eve]",
        "def: [{greet: []}, {'bye (who)': []}]\ndo: [greet: , bye: eve]",
        "deploy: [ls]",
        "deploy: {do: []}",
        "on deploy: [ls]\n/hello: [echo: hi]",
        "deploy: {branches: main, sizes: [1, true], semaphore: x, timeout: 1m, do: ls()}",
        "on: {deploy: {environments: [prod, '${more}'], do: [echo: hi]}, closed: {semaphore: x, do: []}}",
        "- $ echo hello",
        "- {'echo [say ${it}]': hi}",
        "- {'a = shell [list]': ls}",
        "- {'shell [a = b]': ls, register: x}",
        "- {'foreach [each]': [1], do: []}",
        "- {'try [it]': [], catch: []}",
        "- {'if [it]': a, then: []}",
        "- ls -l",
        "- echo:",
        "- echo: {a: [1, null, true]}",
        "- fail: 404",
        "- return:",
        "- wait_children:",
        "- sleep: ${pause}",
        "- sleep: '{{ 2 * pause }}'",
        "- sleep: 0.5",
        "- sleep: 1 day, 2 hours 5ms",
        "- do:\n    echo: hi",
        "- do:",
        "- read_file: 2024",
        "- parse: {text: '[]', format: '${format}'}",
        "- write_file: {path: a, data: }",
        "- parse: {body: a, type: ini}",
        "- parse: {file: a, type: '${t}', options: '${o}', returning: 'a.b[0]'}",
        "- parse: {text: '<a/>', type: xml, options: {root: false, lists: [a]}}",
        "- x = parse_file: a.csv",
        "- parse_file: {path: 5, format: csv, options: {header: false}}",
        "- write_file: {file: a, body: {b: 1}}",
        "- log: {msg: a}",
        "- log: {msg: [a], level: '${l}', data: {b: 1}}",
        "- log: {level: a}",
        "- set: {var: 'a.${b}', value: }",
        "- x = zip: {from: a, to: b, include: c, exclude: [d, e], time: 0}",
        "- tar: {from: 5, to: b, base: '${c}', time: 2026-01-31 12:00:00}",
        "- untar: {from: a, to: b, most: 0}",
        "- unzip: {from: a, to: b, most: '${m}'}",
        "- x = sed: a",
        "- sed: {path: a, include: b, replace: {a: 5}}",
        "def: {f: [import_vars: a, import_vars: [b, c]]}",
        "secrets: \ndo: []",
        "secrets: A\ndo: [echo: '${A}']",
        "import: {path: ./hosts.yml, into: h}\ndo: [h/ping: ]",
        "- {call: a.js, name: x, semaphore: x, timeout: 1m, parallel: leave, on_error: ignore, when: a, register: b}",
        // structure
        "- {if: true, then: echo('a')}",
        "- {if: a, then: [], elsif: {if: b, then: }, else: {echo: hi}}",
        "- {if: a, then: []}\n- {elsif: b, then: []}\n- {elsif: c, then: []}\n- else: []",
        "- {if: a, then: [], elsif: [{if: b, then: []}]}\n- else: []",
        "- {foreach: {a: 1}, do: []}",
        "- {foreach: {in: [1]}, do: []}",
        "- {foreach: list(), do: echo(it)}",
        "- {while: '${more}', do: {sleep: 1}, name: x}",
        "- {try: {shell: 'false'}, finally: }",
        "- {try: [], catch: [], finally: [], semaphore: x}",
        // attributes
        "- {semaphore: {key: x, slots: unlimited, ttl: 1h, priority: -5, timeout: 0}, do: []}",
        "- {semaphore: {key: '${x}', slots: '${n}', ttl: '${n}', priority: '{{ n }}'}, do: []}",
        "- {on_error: {retry: 3, backoff: 1.5, delay: '${pause}'}, echo: hi}",
        "- {when: , echo: hi}",
        "- {register: 'jobs[${it}].cost', echo: hi}",
        "- {register: 'a[0][1].b', echo: hi}",
        // assignments
        "- a =: 1",
        "- a.b[0] =: {c: 1}",
        "- a =shell: ls",
        "- {a = do: [return: 1], semaphore: x}",
        "- a = foreach: {in: [1], do: []}",
        "def: {f: {do: []}}\ndo: [a = f: ]",
        // YAML
        "- &x {echo: hi}\n- *x",
        "- &x {name: a, echo: hi}\n- {<<: *x, name: b}",
    ] {
        assert_eq!(parsed(odd), Ok(()), "{odd}");
        assert_eq!(refused(odd), [""; 0], "{odd}");
    }
}

/// Odd values for each key.
const ODD: [&str; 22] = [
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
    "'${x}'",
    "'{{ x }}'",
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

/// Parts of ops, and what else the op needs.
const PARTS: [(&str, &str, &str); 25] = [
    ("parse", "text", "format: json"),
    ("parse", "body", "format: json"),
    ("parse", "file", "format: json"),
    ("parse", "format", "text: a"),
    ("parse", "type", "text: a"),
    ("parse", "options", "text: a"),
    ("parse", "options", "text: a, format: xml"),
    ("parse", "returning", "text: a"),
    ("parse_file", "path", "format: json"),
    ("parse_file", "options", "file: a.csv"),
    ("write_file", "file", "text: a"),
    ("write_file", "body", "file: a"),
    ("log", "msg", "level: info"),
    ("log", "level", "msg: a"),
    ("log", "data", "msg: a"),
    ("set", "var", "value: a"),
    ("zip", "to", "from: a"),
    ("zip", "base", "from: a, to: b"),
    ("zip", "include", "from: a, to: b"),
    ("tar", "exclude", "from: a, to: b"),
    ("tar", "time", "from: a, to: b"),
    ("untar", "most", "from: a, to: b"),
    ("sed", "path", "include: a"),
    ("sed", "include", "path: a"),
    ("sed", "replace", "path: a"),
];

#[test]
fn the_schema_refuses_nothing_that_the_parser_takes() {
    let mut wrong = Vec::new();
    let (mut taken, mut refused_by_both) = (0, 0);
    let mut look = |text: String| {
        if yaml::read(&text, &mut || false).is_err() {
            return;
        }
        let (parsed, refused) = (parsed(&text), refused(&text));
        match (&parsed, refused.is_empty()) {
            (Ok(()), false) => wrong.push(format!("{text}  {}", refused.join("; "))),
            (Ok(()), true) => taken += 1,
            (Err(_), false) => refused_by_both += 1,
            // What only the parser can see.
            (Err(_), true) => {}
        }
    };
    for value in ODD {
        for op in OPS.ops {
            look(format!("- {{{}: {value}}}", op.name));
            for companion in op.companions {
                look(format!("- {{{}: {value}, {companion}: []}}", op.name));
                look(format!(
                    "- {{{}: [1], {companion}: {value}, do: []}}",
                    op.name
                ));
            }
            look(format!("- {{a = {}: {value}}}", op.name));
        }
        for attribute in ATTRIBUTES {
            look(format!("- {{echo: a, {attribute}: {value}}}"));
        }
        for part in ["key", "slots", "timeout", "ttl", "priority", "other"] {
            look(format!(
                "- {{semaphore: {{key: a, {part}: {value}}}, do: []}}"
            ));
        }
        for part in ["retry", "delay", "backoff", "other"] {
            look(format!(
                "- {{on_error: {{retry: 1, {part}: {value}}}, echo: a}}"
            ));
        }
        for part in [
            "cmd", "run", "args", "env", "cwd", "stdin", "shell", "pipe_out", "timeout", "grace",
        ] {
            look(format!("- {{shell: {{{part}: {value}}}}}"));
            look(format!("- {{shell: {{cmd: a, {part}: {value}}}}}"));
        }
        for (op, part, beside) in PARTS {
            look(format!("- {{{op}: {{{part}: {value}}}}}"));
            look(format!("- {{{op}: {{{beside}, {part}: {value}}}}}"));
        }
        for key in ["branches", "semaphore", "name", "echo", "a.b"] {
            look(format!("deploy: {{{key}: {value}, do: []}}"));
            look(format!("on: {{deploy: {{{key}: {value}, do: []}}}}"));
        }
        for part in ["args", "required", "returning", "do", "other"] {
            look(format!("def: {{'f (a)': {{{part}: {value}, do: []}}}}"));
            look(format!("def: {{f: {{{part}: {value}}}}}"));
        }
        look(format!("def: {{f: {value}}}"));
        look(format!("def: [{value}]\ndo: []"));
        look(format!("vars: [{value}]\ndo: []"));
        look(format!("deploy: {value}\ndo: []"));
        look(format!("on deploy: {value}"));
        look(format!("- {{'echo [a]': {value}}}"));
        look(format!("import: [{{path: {value}}}]\ndo: []"));
        for key in TOP_KEYS {
            look(format!("{key}: {value}"));
            look(format!("do: []\n{key}: {value}"));
        }
    }
    assert!(
        taken > 200 && refused_by_both > 500,
        "{taken} {refused_by_both}"
    );
    assert!(
        wrong.is_empty(),
        "{} of them:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn it_knows_the_durations_that_rules_can_write() {
    for duration in [
        "1ns",
        "1us",
        "1µs",
        "1usec",
        "1micro",
        "1ms",
        "1msec",
        "1milli",
        "1 millisecond",
        "1s",
        "1 sec",
        "2 secs",
        "1 second",
        "1m",
        "1min",
        "2 mins",
        "1h",
        "1hr",
        "1 hours",
        "1d",
        "2 days",
        "1w",
        "1wk",
        "2 weeks",
        "1h30m",
        "1h 30m",
        "1.5h",
        "1,5s",
        "+5s",
        "1:02:03",
        "1 day 1:02:03.5",
        "1m5ms",
        "2h, 5s",
        " 7s ",
    ] {
        assert!(cla_runtime::duration::parse(duration).is_ok(), "{duration}");
        let book = format!("- sleep: {duration:?}");
        assert_eq!(refused(&book), [""; 0], "{duration}");
    }
    for nonsense in [
        "", "5", "1e3", "inf", "-5s", "5s ago", "1y", "1mo", "5S", "5 5s", "1.5d", "5s 1m", "1:30",
    ] {
        assert!(
            cla_runtime::duration::parse(nonsense).is_err(),
            "{nonsense}"
        );
        let book = format!("- sleep: {nonsense:?}");
        assert!(!refused(&book).is_empty(), "{nonsense}");
    }
}
