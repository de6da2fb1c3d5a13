//! Values in commands and conditions: they are data, whatever stands in them, and names are what the author set.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(unix)]

use std::sync::Arc;

use cla_runtime::check::Severity;
use cla_runtime::{RuleError, RunOptions, Script};
use cla_tests::engine::with_library;
use cla_tests::output::Printed;
use serde_json::{Value, json};

fn run_with(book: &str, stash: Value) -> (Result<Value, RuleError>, String) {
    let output = Arc::new(Printed::default());
    let options = RunOptions::new().output(output.clone()).stash(stash);
    let report = with_library()
        .run(Script::new("book.yml", book), options)
        .wait();
    (report.result, output.text())
}

#[track_caller]
fn printed(book: &str, stash: Value) -> String {
    let (result, printed) = run_with(book, stash);
    if let Err(error) = result {
        panic!("{book}\n{}", error.render(false));
    }
    printed
}

#[track_caller]
fn value(book: &str, stash: Value) -> Value {
    let (result, _) = run_with(book, stash);
    result.unwrap_or_else(|error| panic!("{book}\n{}", error.render(false)))
}

/// What a check finds: severity, message and help.
fn found(book: &str) -> Vec<(Severity, String, String)> {
    let findings = cla_rulebook::check_text("book.yml", book);
    let one = |finding: cla_rulebook::Finding| {
        let error = finding.error;
        (
            finding.severity,
            error.message,
            error.help.unwrap_or_default(),
        )
    };
    findings.into_iter().map(one).collect()
}

/// What a check refuses, and so does a run.
#[track_caller]
fn refused(book: &str) -> (String, String) {
    let error = run_with(book, json!({})).0.expect_err(book);
    let mut found = found(book).into_iter();
    let (severity, message, help) = found
        .next()
        .unwrap_or_else(|| panic!("{book}: check takes it"));
    assert_eq!(severity, Severity::Error, "{book}: {message}");
    assert_eq!(error.message, message, "{book}");
    (message, help)
}

/// A text that a stranger would write, for a folder in which nothing must appear.
fn strangers(folder: &std::path::Path) -> Vec<String> {
    let run = format!("touch {}", folder.join("pwned").display());
    [
        "; @",
        "$(@)",
        "`@`",
        "'; @; '",
        "\"; @; \"",
        "\n@\n",
        "a b",
        "*",
        "-n x",
        "\\",
        "' \"$(@)",
        "| @ #",
        "é'",
        "",
    ]
    .into_iter()
    .map(|text| text.replace('@', &run))
    .collect()
}

#[test]
fn a_value_in_a_command_is_data_in_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let values = strangers(folder.path());
    let commands = [
        "printf '%s|' ${v}",
        "printf '%s|' \"${v}\"",
        "printf '%s|' '${v}'",
        "printf '%s|' {{ v }}",
        "printf '%s|' \"$(printf %s ${v})\"",
        "printf '%s|' \"$(printf %s \"${v}\")\"",
        "printf '%s|' \"`printf %s ${v}`\"",
        "X=${v}; printf '%s|' \"$X\"",
        "sh -c 'printf \"%s|\" \"$1\"' sh ${v}",
        "sh -c 'printf \"%s|\" ${v|quote}'",
    ];
    let mut book = "do:\n- foreach: values\n  do:\n  - v = js: it\n".to_owned();
    for (nth, command) in commands.iter().enumerate() {
        let command = json!(command);
        book.push_str(&format!(
            "  - {command}\n  - shell: {{cmd: {command}, shell: {}}}\n",
            ["sh", "bash", "dash"][nth % 3]
        ));
    }
    book.push_str("  - shell: {run: [printf, '%s|', '${v}'], env: {V: '${v}'}, stdin: '${v}'}\n");
    book.push_str("  - shell: {cmd: 'printf \"%s|\" \"$V\"', env: {V: '${v}'}}\n");
    book.push_str("  - shell: {cmd: 'printf \"%s|\" \"$1\"', args: ['${v}']}\n");
    book.push_str("  - out = shell: {cmd: cat, stdin: '${v}'}\n");
    let printed = printed(&book, json!({"values": values}));
    let expected: String = values
        .iter()
        // A `$(...)` takes line feeds at the end away.
        .map(|value| {
            let trimmed = value.trim_end_matches('\n');
            let one = |nth: usize| {
                if (4..7).contains(&nth) {
                    trimmed
                } else {
                    value.as_str()
                }
            };
            let twice = (0..commands.len()).map(|nth| format!("{0}|{0}|", one(nth)));
            twice.collect::<String>() + &format!("{value}|").repeat(3)
        })
        .collect();
    assert_eq!(printed, expected);
    assert!(!folder.path().join("pwned").exists(), "a value was run");
}

#[test]
fn a_list_is_several_words_and_nothing_is_one_empty_word() {
    let stash = json!({"list": ["a b", "c'd", 3], "none": null, "map": {"a": [1]}, "flag": true});
    let book = "do:\n- shell: printf '<%s>' ${list} ${none} ${map} ${flag} \"${list}\"\n";
    assert_eq!(
        printed(book, stash.clone()),
        "<a b><c'd><3><><{\"a\":[1]}><true><a b c'd 3>"
    );
    let book = "do:\n- shell: {run: [printf, '<%s>', '${list}', '${none}']}\n";
    assert_eq!(printed(book, stash), "<a b><c'd><3><>");
}

#[test]
fn where_no_value_may_stand_is_refused_before_anything_runs_and_the_safe_way_is_said() {
    for (command, place, way) in [
        (
            "|\n    cat <<E\n    ${x}\n    E",
            "here-document",
            "env: {NAME: '${x}'}",
        ),
        ("eval echo ${x}", "what eval runs", "${x|quote}"),
        ("sh -c 'echo ${x}'", "what sh -c runs", "${x|quote}"),
        (
            "sh -c 'echo \"${x|quote}\"'",
            "in quotes within the text",
            "run: [program, '${x|quote}']",
        ),
        ("ssh web1 rm ${x}", "what ssh runs", "${x|quote}"),
        ("\"true # ${x}\"", "in a comment", "run: [program, '${x}']"),
        ("echo $((${x} + 1))", "$((...))", "env: {NAME: '${x}'}"),
        ("echo $'${x}'", "$'...'", "run:"),
        ("echo $$\\{{ x }}", "behind a backslash", "{{ x }}"),
        (
            "python3 -c 'print(\"${x}\")'",
            "program text of python",
            "env:",
        ),
        ("echo $(case a in a) echo ${x};; esac)", "case", "env:"),
        ("{cmd: 'eval ${x}'}", "what eval runs", "${x|quote}"),
        ("[ls, 'eval ${x}']", "what eval runs", "${x|quote}"),
    ] {
        let book = format!("vars: {{x: 1}}\ndo:\n- echo: begins\n- shell: {command}\n");
        let (message, help) = refused(&book);
        assert!(message.contains(place), "{command}: {message}");
        assert!(help.contains(way), "{command}: {help}");
        let (_, printed) = run_with(&book, json!({}));
        assert_eq!(printed, "", "{command}");
    }
    // So are commands without a key.
    refused("vars: {x: 1}\ndo:\n- eval ${x}\n");
    // What a value makes of the command is known when it runs.
    let (result, _) = run_with(
        "do:\n- shell: '${a} ${b}'\n",
        json!({"a": "eval", "b": "echo no"}),
    );
    let error = result.unwrap_err();
    assert!(error.message.contains("eval"), "{}", error.message);
    assert_eq!(error.location.unwrap().column, 18);
}

#[test]
fn raw_is_inserted_as_it_is_and_the_check_warns() {
    let book = "vars: {flags: 'a  b; echo c'}\ndo:\n- shell: echo ${flags|raw}\n";
    assert_eq!(printed(book, json!({})), "a b\nc\n");
    let found = found(book);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Severity::Warning);
    assert!(found[0].1.contains("as it is"), "{found:?}");
    // A place that only the raw text decides is looked at when it is known.
    let book = "vars: {q: '# '}\ndo:\n- shell: echo a ${q|raw}${q}\n";
    assert!(
        run_with(book, json!({}))
            .0
            .unwrap_err()
            .message
            .contains("comment")
    );
}

#[test]
fn a_shell_has_options() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().canonicalize().unwrap();
    let stash = json!({"at": at.to_str().unwrap()});
    let book = "
do:
- shell: [echo a, 'echo b; exit 0', echo c]
- all = shell: [echo a, 'echo b >&2; exit 3', echo c]
- cmd = shell: {cmd: [pwd, 'echo $0 $1 $# $V'], cwd: '${at}', args: [one, 'two three'], env: {V: '${at|basename}', HOME: null}, shell: bash}
- run = shell: {run: pwd, cwd: '${at}'}
- home = shell: {cmd: 'echo ${nothing-}$HOME', env: {HOME: null}}
- out = shell: {cmd: 'printf x; cat', stdin: {a: 1}, pipe_out: true}
- return: ['${all}', '${cmd.output}', '${run.output}', '${home.output}', '${out}']
";
    let book = book.replace("${nothing-}", "");
    let (result, printed) = run_with(&book, stash);
    let result = result.unwrap();
    assert_eq!(printed, "a\nb\nc\nx{\"a\":1}");
    assert_eq!(result[0], json!({"rc": 3, "output": "a", "error": "b"}));
    let at = at.to_str().unwrap();
    let base = at.rsplit('/').next().unwrap();
    assert_eq!(result[1], format!("{at}\nbash one 2 {base}"));
    assert_eq!(result[2], at);
    assert_eq!(result[3], "");
    assert_eq!(
        result[4],
        json!({"rc": 0, "output": "x{\"a\":1}", "error": ""})
    );
    for (shell, message) in [
        ("{}", "`cmd` or `run`"),
        ("{cmd: a, run: [b]}", "not both"),
        ("{cmd: a, host: b}", "no `host`"),
        ("{cmd: a, shell: fish}", "one of sh"),
        ("{cmd: a, timeout: soon}", "duration"),
        ("{cmd: 5}", "a command is a text"),
        ("{run: []}", "a program with its arguments"),
        ("{run: {a: 1}}", "a program with its arguments"),
        ("{cmd: a, env: [b]}", "a map"),
        ("{cmd: a, pipe_out: maybe}", "true or false"),
        ("{cmd: a, cdw: b}", "no \"cdw\""),
        ("[]", "a command is a text"),
        ("5", "shell is a command"),
    ] {
        let (found, _) = refused(&format!("do:\n- shell: {shell}\n"));
        assert!(found.contains(message), "{shell}: {found}");
    }
    let late = run_with("do:\n- shell: {cmd: sleep 60, timeout: 100ms}\n", json!({}));
    let error = late.0.unwrap_err();
    assert!(
        error.message.contains("did not end within 100ms"),
        "{}",
        error.message
    );
}

#[test]
fn what_failed_says_how() {
    let book = "
do:
- try:
    - shell: printf 'so far'; echo oops >&2; exit 3
  catch:
    - return: ['${error.name}', '${error.rc}', '${error.output}', '${error.stderr}', '${error.command}', '{{ error instanceof Error }}']
";
    assert_eq!(
        value(book, json!({})),
        json!([
            "ShellError",
            3,
            "so far",
            "oops",
            "printf 'so far'; echo oops >&2; exit 3",
            true
        ])
    );
}

#[test]
fn a_condition_is_code_and_a_value_in_it_a_variable() {
    for (condition, right) in [
        ("\"'${role}' === 'admin'\"", "role === 'admin'"),
        (
            "'\"${user.role}\" === \"admin\"'",
            "user.role === \"admin\"",
        ),
        ("${n} > 3", "n > 3"),
        ("\"{{ role }} === 'admin'\"", "role === 'admin'"),
        ("\"'{{ a.b() }}' == '${c}'\"", "(a.b()) == c"),
        ("\"!${done}\"", "!done"),
    ] {
        for op in [
            "- {when: @, echo: a}",
            "- {if: @, then: []}",
            "- {while: @, do: []}",
            "- if: false\n  then: []\n  elsif: {if: @, then: []}",
        ] {
            let quoted = if condition.starts_with(['"', '\'']) {
                condition.to_owned()
            } else {
                format!("\"{condition}\"")
            };
            let (message, help) = refused(&format!("do:\n{}\n", op.replace('@', &quoted)));
            assert!(message.contains("always hold"), "{condition}: {message}");
            assert!(help.ends_with(right), "{condition}: {help}");
        }
    }
    let book = "do:\n- {when: \"role === 'admin'\", return: let in}\n- return: no\n";
    assert_eq!(value(book, json!({"role": "' || true || '"})), "no");
    assert_eq!(
        value("do:\n- {when: '${ok}', return: 1}\n", json!({"ok": true})),
        1
    );
    let (_, help) = refused("vars: {a: 1}\ndo:\n- return: '{{ ${a} + 1 }}'\n");
    assert!(help.contains("write a without"), "{help}");
    let (message, _) = refused("do:\n- {foreach: '${a}, ${b}', do: []}\n");
    assert!(message.contains("no list"), "{message}");
}

#[test]
fn a_text_that_means_no_is_no_condition() {
    for word in ["no", "No", "NO", "off", "False", "false", "n", "0"] {
        for book in [
            "do:\n- {when: dry, return: ran}\n",
            "do:\n- {when: '${dry}', return: ran}\n",
        ] {
            let error = run_with(book, json!({"dry": word})).0.unwrap_err();
            assert!(
                error.message.contains("count as true"),
                "{word}: {}",
                error.message
            );
        }
    }
    for (word, meant) in [
        ("no", "false"),
        ("Off", "false"),
        ("yes", "true"),
        ("ON", "true"),
    ] {
        let (message, help) = refused(&format!("do:\n- {{when: {word}, echo: a}}\n"));
        assert!(message.contains("neither true nor false"), "{message}");
        assert!(help.contains(&format!("write {meant}")), "{help}");
    }
    assert_eq!(
        value(
            "do:\n- {when: 'dry === \"no\"', return: 1}\n",
            json!({"dry": "no"})
        ),
        1
    );
    let found =
        found("vars: {dry: no, on_call: 'off', list: [yes, maybe]}\ndo: [{when: dry, echo: a}]\n");
    let found: Vec<&str> = found
        .iter()
        .map(|(_, message, _)| message.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "no is a text here, which is true in a condition",
            "yes is a text here, which is true in a condition"
        ]
    );
}

#[test]
fn names_are_what_the_author_set_and_nothing_else() {
    for (hole, message) in [
        ("${toString}", "toString is not set"),
        ("${constructor}", "constructor is not set"),
        ("${__proto__}", "__proto__ is not set"),
        ("${hasOwnProperty}", "hasOwnProperty is not set"),
        ("${this}", "this is not set"),
        ("${console}", "console is not set"),
        ("${map.toString}", "map.toString is not set"),
        ("${map.a.constructor}", "map.a.constructor is not set"),
        ("${map.b.c.d}", "map.b is not set"),
        ("${text.trim}", "text.trim is not set"),
        ("${list[7]}", "list[7] is not set"),
        ("${none.a}", "none.a is not set"),
        ("${mpa}", "mpa is not set; did you mean map?"),
        ("${map.aa.x}", "map.aa is not set; did you mean a?"),
        ("{{ toString }}", "toString is not set"),
        ("{{ constructor }}", "constructor is not set"),
    ] {
        let book = format!(
            "vars: {{map: {{a: 1, other: 2}}, text: x, list: [1], none: null}}\ndo:\n- echo: 'a {hole}'\n"
        );
        let error = run_with(&book, json!({})).0.expect_err(hole);
        assert_eq!(error.message, message, "{hole}");
        let at = error.location.expect(hole);
        let column = if hole.starts_with('$') { 14 } else { 15 };
        assert_eq!((at.line, at.column), (3, column), "{hole}");
    }
    let book = "
vars: {class: 1, this: 2, new: {if: 3}, a-b: 4, length: 5}
do:
- return: ['${class}', '${this}', '${new.if}', 'x${class}', '${length}', '${stash.class}']
";
    assert_eq!(value(book, json!({})), json!([1, 2, 3, "x1", 5, 1]));
    let book = "vars: {text: abc, list: [1, [2]]}\ndo:\n- return: ['${text.length}', '${list.length}', '${list[1][0]}', '${config}']\n";
    assert_eq!(value(book, json!({})), json!([3, 2, 2, {}]));
}

#[test]
fn what_code_declares_stays_in_it() {
    let book = "
do:
- js: |
    var a = 1;
    let b = 2;
    const c = 3;
    function f() {}
    class D {}
    for (var i = 0; i < 2; i++) {}
    kept = a + b + c;
- js: var e = 1; await null; var g = 2; later = e + g
- return: '{{ Object.keys(stash) }}'
";
    assert_eq!(value(book, json!({})), json!(["kept", "later"]));
    let book = "
vars: {a: 1}
do:
- aw =: '{{ await null; 6 }}'
- set: {x: '{{ 5; }}', y: '{{ a; a + 1 }}', z: '{{ const q = a + 6; q * 2 }}', u: '{{ \"a;b\"; [1, \";\"].length }}', t: 'is {{ a; 9; }}!'}
- return: ['${x}', '${y}', '${z}', '${u}', '${t}', '{{ if (a) { 1 } }}', '{{ if (a) return 4; 5 }}', '${aw}', '{{ {a} }}']
";
    assert_eq!(
        value(book, json!({})),
        json!([5, 2, 14, 2, "is 9!", null, 4, 6, {"a": 1}])
    );
}

#[test]
fn filters_make_other_values() {
    let stash = json!({
        "name": " Ähm b ", "list": ["a", 2, null], "map": {"b": 1, "a": [2]}, "path": "/srv/app/main.js",
        "empty": "", "none": null, "quoted": "it's",
    });
    for (hole, expected) in [
        ("${name|upper}", json!(" ÄHM B ")),
        ("${name|trim|lower}", json!("ähm b")),
        ("${name|trim|replace('b', '$&')}", json!("Ähm $&")),
        ("${list|join}", json!("a,2,")),
        ("${list|join(' - ')}", json!("a - 2 - ")),
        ("${list|length}", json!(3)),
        ("${map|length}", json!(2)),
        ("${name|length}", json!(7)),
        ("${map|json}", json!("{\"b\":1,\"a\":[2]}")),
        ("${map|yaml}", json!("b: 1\na:\n  - 2")),
        ("${name|trim|base64}", json!("w4RobSBi")),
        ("${path|basename}", json!("main.js")),
        ("${path|dirname}", json!("/srv/app")),
        ("${path|dirname|dirname|dirname|dirname}", json!("/")),
        ("${quoted|quote}", json!("'it'\\''s'")),
        ("${nothing|default('x')}", json!("x")),
        ("${nothing.at.all|default(5)}", json!(5)),
        ("${empty|default(path)|basename}", json!("main.js")),
        ("${none|default(null)}", json!(null)),
        ("${map.a|default([])}", json!([2])),
        ("a${list|length}b${name|trim|upper}c", json!("a3bÄHM Bc")),
        ("${path|raw}", json!("/srv/app/main.js")),
    ] {
        if hole.contains("[]") {
            continue; // brackets are no argument
        }
        let book = format!("do:\n- return: {}\n", json!(hole));
        assert_eq!(value(&book, stash.clone()), expected, "{hole}");
    }
    for (hole, message, help) in [
        (
            "${a|uper}",
            "there is no filter \"uper\"",
            "did you mean upper?",
        ),
        (
            "${a|defualt(1)}",
            "there is no filter \"defualt\"",
            "did you mean default?",
        ),
        ("${a|zzz}", "there is no filter \"zzz\"", "cla.filter"),
        (
            "${a|default}",
            "takes one argument, not 0",
            "default('none')",
        ),
        ("${a|upper(1)}", "takes no argument, not 1", ""),
        ("${a|replace('b')}", "takes 2 arguments, not 1", "replace("),
        ("${a:-y}", "names no variable", "${a|default('y')}"),
        ("${a % 2}", "names no variable", "{{ a % 2 }}"),
    ] {
        let (found, helped) = refused(&format!("vars: {{a: 1}}\ndo:\n- return: {}\n", json!(hole)));
        assert!(found.contains(message), "{hole}: {found}");
        assert!(helped.contains(help), "{hole}: {helped}");
    }
    assert_eq!(
        run_with("do:\n- echo: ${a|upper}\n", json!({}))
            .0
            .unwrap_err()
            .message,
        "a is not set"
    );
    // What is not set is no mistake where it has a default.
    assert_eq!(found("do:\n- echo: ${a|default(1)}\n"), []);
}

#[test]
fn a_rule_adds_filters() {
    let book = "
do:
- js: 'cla.filter(\"shout\", (text, sign = \"!\") => text.toUpperCase() + sign)'
- return: ['${who|shout}', 'to ${who|shout(\"?\")|length}']
";
    assert_eq!(
        value(book, json!({"who": "anna"})),
        json!(["ANNA!", "to 5"])
    );
    let book = "do:\n- js: 'cla.filter(\"a\", text => text)'\n- echo: ${who|b}\n";
    let error = run_with(book, json!({"who": 1})).0.unwrap_err();
    assert!(
        error.message.contains("there is no filter \"b\""),
        "{}",
        error.message
    );
    for code in [
        "cla.filter('a b', x => x)",
        "cla.filter('a')",
        "cla.filter(1, x => x)",
        "cla.filter('', x => x)",
    ] {
        let script = Script::javascript("rule", code);
        let error = with_library()
            .run(script, RunOptions::new())
            .wait()
            .result
            .unwrap_err();
        assert!(
            error.message.starts_with("cla.filter:"),
            "{code}: {}",
            error.message
        );
    }
}

#[test]
fn a_scalar_is_printed_as_it_was_written() {
    let scalars = [
        "61e9540",
        "9509425349e4",
        "680841e1",
        "12345678901234567891",
        "9223372036854775807",
        "3.10",
        "1.0",
        "02142",
        "0644",
        "+5",
        "0x1F",
        "0o17",
        "1e3",
        "1_000",
        "12:30",
        "7",
        "-7",
        "3.25",
        "0",
        "true",
        "no",
        "2026-11-29",
        ".5",
        "1e400",
        "0.10",
    ];
    for scalar in scalars {
        let book = format!(
            "vars: {{v: {scalar}, list: [{scalar}]}}\ndo:\n- x =: {scalar}\n- echo: ${{v}} ${{list[0]}} ${{x}} {scalar}\n- echo: {scalar}\n- shell: echo {scalar} ${{v}}\n"
        );
        let printed = printed(&book, json!({}));
        assert_eq!(
            printed,
            format!("{scalar} {scalar} {scalar} {scalar}\n{scalar}\n{scalar} {scalar}\n"),
            "{scalar}"
        );
        // So does what is read as data.
        let code = format!("String(require('cla/util').loadYAML('v: {scalar}').v)");
        let script = Script::javascript("rule", code);
        let read = with_library()
            .run(script, RunOptions::new())
            .wait()
            .result
            .unwrap();
        assert_eq!(read, scalar);
    }
    let book =
        "vars: {py: 3.10, n: 7, zip: '02142', id: 12345678901234567891}\ndo: [{echo: '${py}'}]\n";
    let found = found(book);
    let found: Vec<&str> = found
        .iter()
        .map(|(_, message, _)| message.as_str())
        .collect();
    assert_eq!(
        found,
        [
            "3.10 is a text here, as the number would be 3.1",
            "12345678901234567891 is a text here, as the number would be 12345678901234567000"
        ]
    );
    // Where a number is wanted, it is one.
    let book = "
inputs: {n: {type: number, default: 1.50}, i: {type: integer, choices: [1.0, 02], default: 2}}
do:
- timeout: 60.0
  on_error: {retry: 1, backoff: 2.0, delay: 0.0}
  semaphore: {key: a, slots: 2.0, timeout: 1.50}
  sleep: 0.0
- return: ['${n}', '${i}']
";
    assert_eq!(value(book, json!({})), json!([1.5, 2]));
    let script = "const {loadYAML, loadJSON, dumpYAML} = require('cla/util');
        const again = value => Object.is(loadYAML(dumpYAML(value)), value);
        [loadYAML('!!int 0x1F'), loadYAML('!!float 1.0'), loadYAML('!!int 02142'),
         [0, -0, 1.5, 1e21, 1e-7, 5e-324, 2 ** 53, -Infinity, NaN, '1.0', '02142', '1e3', 'no', '0x1F'].every(again),
         loadJSON('{\"a\": [12345678901234567891, -9007199254740993, 7, 1.5, \"12345678901234567891\", {\"__proto__\": 18446744073709551616}]}', {bigints: true}).a.map(String).join(),
         typeof loadJSON('12345678901234567891', {bigints: true}), typeof loadJSON('12345678901234567891'),
         loadJSON('\\ufeff[1]')[0], loadYAML('\\ufeffa: 1').a]";
    let script = Script::javascript("rule", script);
    let read = with_library()
        .run(script, RunOptions::new())
        .wait()
        .result
        .unwrap();
    assert_eq!(
        read,
        json!([
            31,
            1,
            2142,
            true,
            "12345678901234567891,-9007199254740993,7,1.5,12345678901234567891,[object Object]",
            "bigint",
            "number",
            1,
            1
        ])
    );
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let book = "vars: {a: 1}\ndo:\n- echo: ${a}\n- echo: ${b}\n";
    let (with, without) = (
        run_with(&format!("\u{feff}{book}"), json!({})),
        run_with(book, json!({})),
    );
    assert_eq!(with.1, without.1);
    let (with, without) = (with.0.unwrap_err(), without.0.unwrap_err());
    assert_eq!(with.message, without.message);
    let at = |error: &RuleError| error.location.as_ref().map(|at| (at.line, at.column));
    assert_eq!(at(&with), at(&without));
    assert_eq!(found("\u{feff}do: [echo: a]"), []);
    assert_eq!(
        cla_rulebook::rulebook_inputs("a.yml", "\u{feff}inputs: {a: {default: 1}}\ndo: []")
            .unwrap()
            .len(),
        1
    );
    let book = "do:\n- return: {parsed: '{{ 1 }}'}\n";
    assert_eq!(value(book, json!({}))["parsed"], 1);
}
