//! The command line of `cla`: what goes in, what comes out, and the exit codes.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::process::Stdio;

use common::{Folder, Running};

#[test]
fn a_single_rule_prints_what_it_prints() {
    let folder = Folder::with(&[("hello.js", "print('hello'); console.error('oh'); 42")]);
    let ended = folder.cla(&["run", "hello.js"]);
    assert_eq!(ended.printed(), "hello\n");
    assert_eq!(ended.stderr, "oh\n");
}

#[test]
fn a_rule_that_throws_exits_1_and_shows_where() {
    let folder = Folder::with(&[(
        "broken.js",
        "print('before');\n\n    undefinedFunction();\n",
    )]);
    let ended = folder.cla(&["run", "broken.js"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout, "before\n");
    for part in [
        "error: undefinedFunction is not defined",
        "broken.js:3:5",
        "^^^^",
    ] {
        assert!(ended.stderr.contains(part), "{part} in {}", ended.stderr);
    }
}

#[test]
fn a_name_that_is_not_there_has_one_good_hint() {
    for (file, code, hint) in [
        (
            "a.js",
            "sem.take('db', () => 1)",
            "it is a module: const sem = require(\"cla/sem\");",
        ),
        (
            "a.js",
            "fs.readFile('x')",
            "it is a module: const fs = require(\"cla/fs\");",
        ),
        (
            "a.mjs",
            "fs.readFile('x')",
            "it is a module: import fs from \"cla/fs\";",
        ),
        (
            "a.js",
            "import log from 'cla/log'; fs.readFile('x')",
            "it is a module: import fs from \"cla/fs\";",
        ),
        (
            "a.js",
            "$`ls`",
            "cla/shell exports it: const { $ } = require(\"cla/shell\");",
        ),
        (
            "a.ts",
            "const n: number = 1; $`ls`",
            "cla/shell exports it: import { $ } from \"cla/shell\";",
        ),
        (
            "a.js",
            "sleep(1)",
            "cla/util exports it: const { sleep } = require(\"cla/util\");",
        ),
        (
            "a.js",
            "const s = new Semaphore(2)",
            "require(\"cla/sem\").take(\"prod-db\", () => { ... });",
        ),
        ("a.js", "parseVars('${a}')", "write cla.parseVars"),
        ("a.js", "secret('TOKEN')", "write cla.secret"),
        ("a.js", "fetsh('http://127.0.0.1/')", "did you mean fetch?"),
        (
            "a.js",
            "new AbortContoller()",
            "did you mean AbortController?",
        ),
        ("a.js", "Deno.readTextFile('x')", "this is no Deno"),
        ("a.js", "window.fetch('x')", "a rule runs in no browser"),
        (
            "a.js",
            "Temporal.Now.instant()",
            "there is no Temporal: Intl.DateTimeFormat writes",
        ),
        (
            "a.js",
            "new Intl.DisplayNames('en', { type: 'region' })",
            "a table of the rule's own",
        ),
        (
            "a.js",
            "Intl.DurationFormat.supportedLocalesOf('en')",
            "Intl.NumberFormat writes a number with its unit",
        ),
        ("a.js", "require('cla/fss')", "did you mean 'cla/fs'?"),
        ("a.mjs", "import 'cla/shel';", "did you mean 'cla/shell'?"),
        (
            "a.mjs",
            "import _ from 'npm:lodash@4';",
            "import it by its name: 'lodash'",
        ),
        (
            "a.mjs",
            "import x from 'npm:@scope/one@1.2.3/deep';",
            "import it by its name: '@scope/one'",
        ),
        (
            "a.mjs",
            "import path from 'jsr:@std/path';",
            "`npx jsr add @std/path`",
        ),
        (
            "a.mjs",
            "import x from 'https://example.com/x.js';",
            "nothing is imported over the network",
        ),
    ] {
        let folder = Folder::with(&[(file, code)]);
        let ended = folder.cla(&["run", "--store", "memory:", file]);
        assert_eq!(ended.code, Some(1), "{code}");
        assert!(ended.stderr.contains(hint), "{code}: {}", ended.stderr);
        // No module that is not for rules, and no long list of those that are.
        for inner in ["native", "cla/shell/words", "cla/time-span"] {
            assert!(!ended.stderr.contains(inner), "{inner}: {}", ended.stderr);
        }
        let checked = folder.cla(&["check", file]);
        assert!(checked.stdout.contains(hint), "{code}: {}", checked.stdout);
    }
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["repl", "-p", "sem.list()"]);
    assert!(
        ended.stderr.contains("const sem = require(\"cla/sem\");"),
        "{}",
        ended.stderr
    );
    for (code, never) in [
        ("depoly()", "help"),
        ("x", "help"),
        ("undefinedFunction()", "help"),
    ] {
        let ended = folder.cla(&["repl", "-e", code]);
        assert!(!ended.stderr.contains(never), "{}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_fails_its_run_alone() {
    let folder = Folder::with(&[("hello.js", "print('hello')")]);
    let ended = folder.cla(&["run", "nope.js", "hello.js"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout, "[hello.js] hello\n");
    assert!(
        ended
            .stderr
            .contains("[nope.js] error: cannot read nope.js"),
        "{}",
        ended.stderr
    );
    assert!(
        ended.stderr.ends_with("error: 1 of 2 runs failed\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn wrong_usage_exits_2_and_says_what_would_be_right() {
    let folder = Folder::with(&[("a.js", "print('must not run')")]);
    for (arguments, hint) in [
        (&["run"][..], "<FILE>"),
        (&["run", "--copies", "0", "a.js"], "1..=100000"),
        (&["run", "--timeout", "soon", "a.js"], "30s"),
        (&["run", "--timeout", "0s", "a.js"], "from 1ms to 365d"),
        (&["run", "--memory", "1K", "a.js"], "from 1 MiB"),
        (&["run", "--stack", "1G", "a.js"], "from 64 KiB to 16 MiB"),
        (&["run", "--store", "mamory:", "a.js"], "sqlite:PATH"),
        (&["run", "--stash", "novalue", "a.js"], "KEY=VALUE"),
        (
            &["run", "--stash", "a=1", "--stash", "/a/b=2", "a.js"],
            "\"a\" is no object",
        ),
        (&["run", "--workers", "0", "a.js"], "1..=1024"),
        (&["run", "--json", "--print", "a.js"], "cannot be used with"),
        (&["run", "--copy", "2", "a.js"], "--copies"),
        (&["runs", "a.js"], "'run'"),
    ] {
        let ended = folder.cla(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(
            ended.stderr.contains(hint),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn a_script_on_standard_input_runs_as_if_it_lay_in_the_current_folder() {
    let folder = Folder::with(&[("lib.mjs", "export const answer = 42")]);
    let mut command = folder.command(&["run", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.feed("import { answer } from './lib.mjs'; print(answer)");
    assert_eq!(running.end().printed(), "42\n");
}

#[test]
fn an_error_in_a_script_on_standard_input_names_it() {
    let mut command = Folder::with(&[]).command(&["run", "-"]);
    command
        .stdin(Stdio::piped())
        .current_dir(std::env::temp_dir());
    let mut running = Running::start(command);
    running.feed("let a = 1;\nnope();");
    let ended = running.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("<stdin>:2:1"), "{}", ended.stderr);
}

#[test]
fn a_rule_imports_below_its_own_folder_and_the_current_one_and_nowhere_else() {
    let folder = Folder::with(&[
        ("secret.js", "module.exports = 'secret'"),
        ("work/rules/near.js", "module.exports = 'near'"),
        ("work/shared/far.js", "module.exports = 'far'"),
        (
            "work/rules/ok.js",
            "print(require('./near.js'), require('../shared/far.js'))",
        ),
        ("work/rules/no.js", "require('../../secret.js')"),
    ]);
    let run = |file| {
        let mut command = folder.command(&["run", file]);
        command.current_dir(folder.path().join("work"));
        Running::start(command).end()
    };
    assert_eq!(run("rules/ok.js").printed(), "near far\n");
    let ended = run("rules/no.js");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("outside"), "{}", ended.stderr);
}

#[test]
fn a_value_is_printed_when_asked_for() {
    let folder = Folder::with(&[("sum.js", "print('adding'); ({ sum: 1 + 2 })")]);
    assert_eq!(folder.cla(&["run", "sum.js"]).printed(), "adding\n");
    assert_eq!(
        folder.cla(&["run", "--print", "sum.js"]).printed(),
        "adding\n{\"sum\":3}\n"
    );
}

#[test]
fn the_stash_reaches_the_rule() {
    let folder = Folder::with(&[(
        "rule.js",
        "export default stash => [stash.user, stash.server.port, stash['a.b']]",
    )]);
    let ended = folder.cla(&[
        "run",
        "-p",
        "--stash",
        "user=root",
        "--stash",
        "/server/port=22",
        "--stash",
        "a.b=[1]",
        "rule.js",
    ]);
    assert_eq!(ended.printed(), "[\"root\",22,[1]]\n");
}

#[test]
fn arguments_after_two_dashes_are_the_rules() {
    let folder = Folder::with(&[("args.js", "require('cla/process').args")]);
    let ended = folder.cla(&["run", "-p", "args.js", "--", "--fast", "x.js"]);
    assert_eq!(ended.printed(), "[\"--fast\",\"x.js\"]\n");
}

#[test]
fn limits_end_a_run() {
    let folder = Folder::with(&[
        ("forever.js", "while (true) {}"),
        (
            "greedy.js",
            "let a = []; while (true) a.push('x'.repeat(1000) + a.length)",
        ),
        ("deep.js", "function f() { return 1 + f() } f()"),
    ]);
    for (arguments, reason) in [
        (["run", "--timeout", "50ms", "forever.js"], "50ms"),
        (["run", "--memory", "2M", "greedy.js"], "2 MiB"),
        (["run", "--stack", "64K", "deep.js"], "64 KiB"),
    ] {
        let ended = folder.cla(&arguments);
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(
            ended.stderr.contains(reason),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn errors_are_coloured_only_where_that_is_wanted() {
    let folder = Folder::with(&[("broken.js", "nope()")]);
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = folder.command(arguments);
        command.envs(variables.iter().copied());
        Running::start(command).end().stderr.contains('\x1b')
    };
    assert!(
        !coloured(&["run", "broken.js"], &[]),
        "a pipe shows no colours"
    );
    assert!(coloured(&["run", "--color", "always", "broken.js"], &[]));
    assert!(coloured(&["run", "broken.js"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(
        &["run", "broken.js"],
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]
    ));
    assert!(!coloured(
        &["run", "--color", "never", "broken.js"],
        &[("CLICOLOR_FORCE", "1")]
    ));
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    // A device that is always full; where there is none, there is nothing to see.
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let folder = Folder::with(&[
        ("loops.js", "print('lost'); while (true) {}"),
        ("ends.js", "print('lost')"),
        ("silent.js", "42"),
    ]);
    for arguments in [
        &["run", "loops.js"][..],
        &["run", "ends.js"],
        &["run", "--print", "silent.js"],
        &["run", "--json", "silent.js"],
        &["run", "loops.js", "ends.js"],
    ] {
        let mut command = folder.command(arguments);
        command.stdout(full.try_clone().unwrap());
        let ended = Running::start(command).end();
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        let complaint = "error: cannot write to standard output";
        assert!(
            ended.stderr.starts_with(complaint),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = Folder::with(&[("spam.js", "while (true) print('line')")]);
    for files in [&["run", "spam.js"][..], &["run", "spam.js", "spam.js"]] {
        let mut running = Running::start(folder.command(files));
        assert!(running.stdout_line().ends_with("line\n"));
        running.stop_reading();
        let ended = running.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(141), ""));
    }
}

#[test]
fn types_are_printed_or_written() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["types"]);
    let printed = ended.printed();
    assert!(printed.starts_with("// file: "), "{printed}");
    assert!(printed.contains("declare module \"cla/sem\""), "{printed}");

    folder.cla(&["types", "new/types"]).printed();
    let mut written = 0;
    for entry in std::fs::read_dir(folder.path().join("new/types")).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("rulebook.schema.json") || path.ends_with("tsconfig.json") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        assert!(printed.contains(&text));
        written += 1;
    }
    assert_eq!(written, printed.matches("// file: ").count());
}

fn json_file(folder: &Folder, name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn types_come_with_a_configuration_and_one_of_the_users_own_is_kept() {
    let folder = Folder::with(&[]);
    folder.cla(&["types", "types/"]).printed();
    let config = json_file(&folder, "types/tsconfig.json");
    assert_eq!(
        config["include"],
        serde_json::json!(["./*.d.ts", "../**/*"])
    );
    assert_eq!(
        json_file(&folder, "tsconfig.json"),
        serde_json::json!({ "extends": "./types/tsconfig.json" })
    );
    assert_eq!(folder.cla(&["types", "types"]).printed(), "");

    let own = "{ \"include\": [\"rules\"] }";
    for name in ["tsconfig.json", "jsconfig.json"] {
        let folder = Folder::with(&[(name, own)]);
        let ended = folder.cla(&["types", "types"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
        assert!(
            ended
                .stderr
                .contains("begin it with { \"extends\": \"./types/tsconfig.json\" }"),
            "{ended:?}"
        );
        let kept = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(kept, own);
    }

    // Into the folder of the rules themselves.
    let folder = Folder::with(&[]);
    folder.cla(&["types", "."]).printed();
    let config = json_file(&folder, "tsconfig.json");
    assert_eq!(config["include"], serde_json::json!(["./*.d.ts", "./**/*"]));
}

#[test]
fn a_folder_is_started_and_nothing_is_ever_overwritten() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["init", "rules"]);
    assert!(ended.printed().starts_with("wrote rules/deploy.ts\n"));
    assert!(ended.printed().contains("\n  cd rules\n"));
    let rules = folder.path().join("rules");
    let run = |arguments: &[&str]| {
        let command = common::command(&rules, &folder.home(), arguments);
        Running::start(command).end()
    };
    assert_eq!(
        run(&["run", "deploy.ts", "--stash", "version=2"]).printed(),
        "2 is on localhost\n"
    );
    assert_eq!(
        run(&["run", "nightly.yml", "--stash", "env=prod"]).printed(),
        "backing up prod to backup\nsaved\n"
    );
    assert!(
        run(&["run", "deploy.test.ts"])
            .printed()
            .ends_with("1..2\n")
    );
    assert_eq!(
        run(&["check", "deploy.ts", "deploy.test.ts", "nightly.yml"]).printed(),
        "3 rules checked: 0 errors, 0 warnings\n"
    );
    let broken = std::fs::read_to_string(rules.join("cla.toml")).unwrap();
    std::fs::write(rules.join("cla.toml"), broken.replace("localhost", "web9")).unwrap();
    let failed = run(&["run", "deploy.test.ts"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stdout.contains("not ok 1 - the hosts"), "{failed:?}");

    // What is in the way is named, and nothing is written.
    std::fs::remove_file(rules.join("deploy.ts")).unwrap();
    let refused = folder.cla(&["init", "rules"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(
        refused
            .stderr
            .contains("in the way in rules: cla.toml; nothing was written"),
        "{refused:?}"
    );
    assert!(!rules.join("deploy.ts").exists());
    let forced = folder.cla(&["init", "rules", "--force", "--json"]);
    let forced: serde_json::Value = serde_json::from_str(forced.printed()).unwrap();
    assert_eq!(
        forced["written"],
        serde_json::json!(["deploy.ts", "cla.toml"])
    );
    assert!(forced["unchanged"].as_array().unwrap().len() > 40);
    assert_eq!(
        folder.cla(&["init", "rules"]).printed(),
        "all files are there already\n"
    );

    std::fs::create_dir(folder.path().join("other")).unwrap();
    std::fs::create_dir(folder.path().join("other/README.md")).unwrap();
    let refused = folder.cla(&["init", "other"]);
    assert!(
        refused.stderr.contains("in the way in other: README.md"),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path().join("other"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn rules_have_the_settings_of_the_files_near_them_and_nothing_else_of_those() {
    let show = "print(JSON.stringify(cla.config()))";
    let folder = Folder::with(&[
        (
            "home/config/cla/cla.toml",
            "[config]\nwho = 'user'\n[config.a]\nx = 1\n",
        ),
        (
            "cla.toml",
            "store = 'memory:'\n[config]\nhere = true\n[config.a]\nx = 2\ny = 2.5\n",
        ),
        ("show.js", show),
        ("deep/cla.toml", "[config.a]\ny = ['three', 2026-01-02]\n"),
        ("deep/er/show.js", show),
        (
            "book.yml",
            "do:\n  - echo: ${config.a.x} {{ config.a.y + 1 }} {{ Object.keys(config).join() }}\n",
        ),
        (
            "own.yml",
            "vars: {config: {a: own}}\ndo:\n  - echo: ${config.a}\n",
        ),
    ]);
    let above = r#"{"who":"user","a":{"x":2,"y":2.5},"here":true}"#;
    let deep = r#"{"who":"user","a":{"x":2,"y":["three","2026-01-02"]},"here":true}"#;
    for (rule, expected) in [
        ("show.js", above),
        ("./show.js", above),
        ("deep/er/show.js", deep),
        ("book.yml", "2 3.5 who,a,here"),
        ("own.yml", "own"),
    ] {
        let ended = folder.cla(&["run", rule]);
        assert_eq!(ended.printed(), format!("{expected}\n"), "{rule}");
    }
    let ended = folder.cla(&["repl", "-p", "cla.config('a.y')"]);
    assert_eq!(ended.printed(), "2.5\n");

    std::fs::write(folder.path().join("deep/cla.toml"), "[config]\na = inf\n").unwrap();
    let ended = folder.cla(&["run", "deep/er/show.js"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("a setting is a finite number")
            && ended.stderr.contains("cla.toml:2:5"),
        "{ended:?}"
    );
}

#[test]
fn the_schema_of_rulebooks_is_printed_or_written() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["types", "--schema"]);
    let schema: serde_json::Value = serde_json::from_str(ended.printed()).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["do"].is_object());

    folder.cla(&["types", "with-declarations"]).printed();
    folder.cla(&["types", "--schema", "alone"]).printed();
    for written in ["with-declarations", "alone"] {
        let file = folder.path().join(written).join("rulebook.schema.json");
        assert_eq!(std::fs::read_to_string(file).unwrap(), ended.printed());
    }
    let alone = std::fs::read_dir(folder.path().join("alone")).unwrap();
    assert_eq!(alone.count(), 1);

    let help = folder.cla(&["types", "--help"]);
    for told in [
        "cla types --schema  ",
        "# yaml-language-server: $schema=types/rulebook.schema.json",
    ] {
        assert!(help.printed().contains(told), "{}", help.printed());
    }
}

#[test]
fn shells_get_completions() {
    let folder = Folder::with(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = folder.cla(&["completions", shell]);
        assert!(
            ended.printed().contains("--copies") || ended.printed().contains("copies"),
            "{shell}"
        );
    }
}

#[test]
fn help_shows_examples_everywhere() {
    let folder = Folder::with(&[]);
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["types", "--help"],
        &["init", "--help"],
        &["completions", "--help"],
    ] {
        let ended = folder.cla(arguments);
        assert!(
            ended.printed().contains("Examples:\n  cla "),
            "{arguments:?}"
        );
    }
    let version = folder.cla(&["--version"]);
    assert_eq!(
        version.printed(),
        concat!("cla ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

/// What came of a command with this on its standard input.
fn with_input(folder: &Folder, arguments: &[&str], text: &str) -> common::Ended {
    let mut command = folder.command(arguments);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.feed(text);
    running.end()
}

#[test]
fn the_language_of_standard_input_can_be_said() {
    let folder = Folder::with(&[("lib.ts", "export const n: number = 41")]);
    for (lang, text, printed) in [
        ("ts", "const n: number = 41; print(n + 1)", "42\n"),
        (
            "mts",
            "import { n } from './lib.ts'; print(n + 1 as number)",
            "42\n",
        ),
        (
            "cts",
            "const { n } = require('./lib'); print(n + 1 as number); return",
            "42\n",
        ),
        (
            "js",
            "print(typeof require, typeof module)",
            "function object\n",
        ),
        ("mjs", "print(this, import.meta.main)", "undefined true\n"),
        (
            "cjs",
            "print(typeof module.exports); return; throw 1",
            "object\n",
        ),
        ("yaml", "do: [{echo: hello}]", "hello\n"),
        ("yml", "do: [{echo: hello}]", "hello\n"),
    ] {
        let ended = with_input(&folder, &["run", "-", "--lang", lang], text);
        assert_eq!(ended.printed(), printed, "{lang}: {ended:?}");
    }
    for (arguments, hint) in [
        (
            &["run", "lib.ts", "--lang", "ts"][..],
            "the end of a file's name",
        ),
        (&["run", "-", "--lang", "lua"], "[possible values: js, "),
    ] {
        let ended = folder.cla(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(hint), "{}", ended.stderr);
    }
    let ended = with_input(
        &folder,
        &["run", "-", "--lang", "ts"],
        "let a: number =\n  <b/>",
    );
    assert!(
        ended.stderr.contains("JSX is not supported"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("<stdin>:2:3"), "{}", ended.stderr);
}

#[test]
fn a_rule_gets_the_arguments_behind_two_dashes() {
    let folder = Folder::with(&[(
        "rule.js",
        "#!/usr/bin/env -S cla run --\nprint(require('cla/process').args.join(' '))",
    )]);
    for arguments in [
        &["run", "rule.js", "--", "a", "--store", "x"][..],
        &["run", "--", "rule.js", "a", "--store", "x"],
    ] {
        assert_eq!(
            folder.cla(arguments).printed(),
            "a --store x\n",
            "{arguments:?}"
        );
    }
}

#[test]
fn scripts_are_strict_where_a_cla_toml_says_so() {
    let folder = Folder::with(&[
        ("rule.js", "totl = 1; print(totl)"),
        ("lib.js", "other = 1"),
        ("uses.js", "require('./lib.js')"),
        ("loose/rule.js", "totl = 1; print(totl)"),
        ("fine.js", "'x'; const a = 1; print(typeof nothing, a)"),
    ]);
    assert_eq!(folder.cla(&["run", "rule.js"]).printed(), "1\n");
    std::fs::write(folder.path().join("cla.toml"), "strict = true\n").expect("the folder is there");
    for rule in ["rule.js", "uses.js"] {
        let ended = folder.cla(&["run", rule]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("is not defined"), "{}", ended.stderr);
    }
    assert_eq!(folder.cla(&["run", "fine.js"]).printed(), "undefined 1\n");
    std::fs::write(folder.path().join("cla.toml"), "strict = 1\n").expect("the folder is there");
    let ended = folder.cla(&["run", "rule.js"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("`strict` is true or false, not a number"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_check_names_what_is_declared_nowhere() {
    let folder = Folder::with(&[
        (
            "rule.js",
            "const list = [1];\ntotal = lsit.length;\nfetch; Buffer; module.exports = typeof nothing;\nrequire('./lib')",
        ),
        ("lib.js", "exports.f = () => missing"),
    ]);
    let ended = folder.cla(&["check", "rule.js"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = &ended.stdout;
    for part in [
        "total is given a value, and declared nowhere",
        "rule.js:2:1",
        "lsit is declared nowhere",
        "did you mean list?",
        "missing is declared nowhere",
        "lib.js:1:19",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for known in ["fetch is", "module is", "nothing is", "require is"] {
        assert!(!said.contains(known), "{known} in {said}");
    }
}

#[test]
fn a_check_of_a_rulebook_says_what_the_run_says_of_a_name() {
    let folder = Folder::with(&[
        (
            "code.yml",
            "do:\n  - js: |\n      const a = 1;\n      print(a, sem.list())\n",
        ),
        ("template.yml", "do:\n  - echo: 'of {{ sem.list() }}'\n"),
        ("hole.yml", "do:\n  - echo: ${sem}\n"),
        (
            "fine.yml",
            "vars: {path: x}\ndo:\n  - js: |\n      const sleep = 1; print(path, sleep, env, own, fetch, url.split(1), log.level)\n\
             on:\n  pushed:\n    - js: print(log)\n",
        ),
    ]);
    let hint = "it is a module: const sem = require(\"cla/sem\")";
    for (file, place) in [
        ("code.yml", "code.yml:4:16"),
        ("template.yml", "template.yml:2:18"),
        ("hole.yml", "hole.yml:2:13"),
    ] {
        let ran = folder.cla(&["run", "--store", "memory:", file]);
        assert!(ran.stderr.contains(hint), "{ran:?}");
        let checked = folder.cla(&["check", file]);
        for part in [hint, place, "nothing in this rulebook sets sem"] {
            assert!(checked.stdout.contains(part), "{part}: {checked:?}");
        }
    }
    let checked = folder.cla(&["check", "fine.yml"]);
    assert!(checked.stdout.contains("0 warnings"), "{checked:?}");
}

/// A check that lets pass what the run refuses is none.
#[test]
fn a_check_refuses_what_the_run_refuses_and_nothing_else() {
    let files = [
        ("node_modules/up/index.js", "exports.a = 1"),
        ("lib/shared.js", "exports.b = 2"),
        ("rules/node_modules/own/index.js", "exports.c = 3"),
        ("rules/node_modules/net/package.json", r#"{"type": "module", "exports": "./index.js"}"#),
        ("rules/node_modules/net/index.js", "import './deep.js'"),
        ("rules/node_modules/net/deep.js", "import http from 'http'"),
        (
            "rules/node_modules/tries/index.js",
            "try { require('http') } catch {} exports.d = 4",
        ),
        ("rules/module.mjs", "export const there = 1; export default 2; export interface Not {}"),
        ("rules/types.ts", "export interface Shape { a: number } export const one = 1"),
        ("rules/common.js", "exports.there = 1; module.exports.also = 2"),
        ("rules/all.mjs", "export * from './types.ts'"),
        ("rules/text.txt", "a text"),
        ("rules/up.js", "require('up')"),
        ("rules/up.mjs", "import 'up'"),
        ("rules/shared.mjs", "import '../lib/shared.js'"),
        ("rules/net.mjs", "import 'net'"),
        ("rules/net.js", "require('net')"),
        ("rules/kind.mjs", "import a from './text.txt' with { type: 'yaml' }"),
        ("rules/kind2.mjs", "import a from 'cla/sem' with { type: 'text' }"),
        ("rules/name.mjs", "import { nothing } from './common.js'"),
        ("rules/name2.mjs", "import { nothing } from 'own'"),
        ("rules/name3.mjs", "import one from './types.ts'"),
        ("rules/name4.mjs", "export { nothing } from './types.ts'"),
        ("rules/own.mjs", "import { c } from 'own'; import all from 'own'; all.c + c"),
        ("rules/tries.js", "require('tries')"),
        ("rules/tries.mjs", "import 'tries'"),
        ("rules/text.mjs", "import a from './text.txt' with { type: 'text' }; a"),
        (
            "rules/fine.ts",
            "import { Shape, one } from './types.ts'; import { Missing } from './types.ts'; import { Gone } from './gone.ts'; // cla-ignore: unused-variable
             import { there, also } from './common.js'; import { anything } from './all.mjs'; // cla-ignore: unused-variable
             let a: Shape | Gone | undefined; [one, there, also, a]",
        ),
    ];
    let folder = Folder::with(&files);
    let rules = folder.path().join("rules");
    let cla = |arguments: &[&str]| {
        let mut command = folder.command(arguments);
        command.current_dir(&rules);
        Running::start(command).end()
    };
    let agree = |file: &str, options: &[&str], is_refused: bool| {
        let [run, check] =
            ["run", "check"].map(|command| cla(&[&[command], options, &[file]].concat()));
        assert_eq!(run.code, Some(i32::from(is_refused)), "{file}: {run:?}");
        // What is required, and not declared, is a warning.
        let is_named = !check.stdout.contains(" 0 errors, 0 warnings");
        assert_eq!(is_named, is_refused, "{file}: {check:?}");
        if file.ends_with(".mjs") {
            assert_eq!(check.code, run.code, "{file}: {check:?}");
        }
    };
    for file in [
        "up.js",
        "up.mjs",
        "shared.mjs",
        "net.mjs",
        "net.js",
        "kind.mjs",
        "kind2.mjs",
        "name.mjs",
        "name2.mjs",
        "name3.mjs",
        "name4.mjs",
    ] {
        agree(file, &[], true);
    }
    for file in ["own.mjs", "tries.js", "tries.mjs", "text.mjs", "fine.ts"] {
        agree(file, &[], false);
    }
    // What an option allows, it allows to both.
    for file in ["up.js", "up.mjs", "shared.mjs"] {
        agree(file, &["--allow-all", "--allow-import=.."], false);
    }
    agree(
        "own.mjs",
        &["--allow-all", "--deny-import=node_modules"],
        true,
    );
    std::fs::write(
        rules.join("cla.toml"),
        "[permissions]\ndeny-import = [\"node_modules\"]\n",
    )
    .unwrap();
    agree("own.mjs", &[], true);
}
