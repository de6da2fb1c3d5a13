//! Secrets at the prompt, in the service, and where `cla.toml` names them: masked in all that is shown and kept.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use std::path::Path;
use std::process::Stdio;

use common::http::Service;
use common::screen::Screen;
use common::{Ended, Folder, Running};
use serde_json::{Value, json};

const TOKEN: &str = "s3cret&token";

/// Parts of the secret, and of what it is in other ways of writing it.
const PARTS: [&str; 5] = ["s3cret", "cret&tok", "czNjcmV0", "%26token", "733363726574"];

/// Nothing of the secret is in the text, and it was masked there.
#[track_caller]
fn is_masked(what: &str, text: &str) {
    assert!(text.contains("***"), "{what}: {text}");
    is_nowhere(what, text);
}

#[track_caller]
fn is_nowhere(what: &str, text: &str) {
    for part in PARTS {
        assert!(!text.contains(part), "{part} in {what}: {text}");
    }
}

/// All that the program said.
fn all_of(ended: &Ended) -> String {
    format!("{}{}", ended.stdout, ended.stderr)
}

/// All files of a folder and below it, as one text.
fn all_texts(folder: &Path) -> String {
    let mut text = String::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return text; // nothing was kept
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&all_texts(&path));
        } else if path.is_file() {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    text
}

/// Runs `cla repl` with the secret, and this on its standard input.
fn piped(folder: &Folder, input: &str) -> Ended {
    let mut command = folder.command(&["repl", "--secret", "TOKEN"]);
    command.env("TOKEN", TOKEN).stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
    drop(stdin);
    running.end()
}

#[test]
fn inputs_read_a_secret_and_never_show_it() {
    let folder = Folder::with(&[("leak.js", "print(cla.secret('TOKEN')); cla.secret('TOKEN')")]);
    let length = piped(&folder, "cla.secret('TOKEN').length\n");
    assert_eq!(length.printed(), "12\n");
    for (input, shown) in [
        ("cla.secret('TOKEN')", "***"),
        ("({ token: [cla.secret('TOKEN')] })", "***"),
        ("btoa('me:' + cla.secret('TOKEN'))", "***"),
        ("print(cla.secret('TOKEN'))", "***"),
        // What is held back because it may be the beginning of a secret is there before the next input.
        ("cla.printf('s3')", "s3"),
        (".output yaml\n({ token: cla.secret('TOKEN') })", "***"),
        (".output json\n({ token: cla.secret('TOKEN') })", "***"),
        (".output table\n[{ token: cla.secret('TOKEN') }]", "***"),
        (".mode yaml\n- echo: has ${secret.TOKEN}\n\n", "has ***"),
        (
            "setTimeout(() => { throw new Error(cla.secret('TOKEN')) }, 1)\nawait new Promise((done) => setTimeout(done, 50))",
            "***",
        ),
        (
            "Promise.reject(new Error('no ' + cla.secret('TOKEN'))); 1\nawait new Promise((done) => setTimeout(done, 20))",
            "no ***",
        ),
        (".spawn leak.js\nrequire('cla/util').sleep(0.5)", "***"),
    ] {
        let ended = piped(&folder, &format!("{input}\n"));
        let all = all_of(&ended);
        assert!(all.contains(shown), "{input}: {all}");
        if shown.contains("***") {
            is_nowhere(input, &all);
        }
    }
    let ended = piped(&folder, "throw new Error('no ' + cla.secret('TOKEN'))\n");
    assert_eq!(ended.code, Some(1));
    is_masked("an error", &ended.stderr);
    let ended = piped(&folder, &format!("const x = '{TOKEN}'\n.save x\n"));
    assert!(
        ended.stderr.contains("has a secret in it"),
        "{}",
        ended.stderr
    );
    is_nowhere("the folder of the program", &all_texts(&folder.home()));
}

#[test]
fn a_secret_that_is_typed_is_not_in_the_history() {
    let folder = Folder::with(&[("token", TOKEN)]);
    let mut screen = Screen::start(
        &folder.command(&["repl", "--secret", "TOKEN=@token"]),
        100,
        30,
    );
    screen.shows("js> ");
    screen.types(&format!("'{TOKEN}'.length\r"));
    // What is typed before the prompt is there may be lost with the change of the terminal.
    screen.shows("12\njs>");
    screen.types("cla.secret('TOKEN') + ' is masked'\r");
    screen.shows("'*** is masked'\njs>");
    screen.types("\x04");
    assert_eq!(screen.ends(), 0);
    let kept = all_texts(&folder.home());
    assert!(kept.contains("'***'.length"), "{kept}");
    is_nowhere("what the program keeps", &kept);
}

#[test]
fn a_value_on_the_command_line_is_refused_everywhere() {
    let folder = Folder::with(&[("rule.js", "1")]);
    for words in [&["run", "rule.js"][..], &["repl", "-e", "1"], &["serve"]] {
        let ended = folder.cla(&[words, &["--secret", "TOKEN=s3cret&token"]].concat());
        assert_eq!(ended.code, Some(2), "{words:?}");
        assert!(ended.stderr.contains("TOKEN=@FILE"), "{}", ended.stderr);
        is_nowhere("the error", &ended.stderr);
    }
}

/// What the service shows and keeps of a rule that shows its secret in every way that it can.
#[test]
fn the_service_masks_what_it_answers_sends_and_keeps() {
    let leak = "
        const token = cla.secret('TOKEN'), sem = require('cla/sem');
        print(token); console.error({ token });
        require('cla/log').warn(token, { token });
        sem.take('db', { who: 'by ' + token }, () => print(sem.list()[0].requests));
        cla.stash('token', token);
        export default () => ({ [token]: token, base64: btoa(token) });";
    let folder = Folder::with(&[
        ("leak.mjs", leak),
        (
            "fails.js",
            "throw new Error('no ' + cla.secret('TOKEN'), { cause: encodeURIComponent(cla.secret('TOKEN')) })",
        ),
        (
            "book.yml",
            "inputs:\n  n: {type: integer}\ndo:\n  - echo: ${secret.TOKEN} and ${n}\n  - fail: no ${secret.TOKEN}\n",
        ),
        ("token", TOKEN),
        // One that is not there harms no rule that does not read it.
        ("cla.toml", "secrets = ['TOKEN=@token', 'OTHER']"),
        ("other.js", "cla.secret('OTHER')"),
    ]);
    let service = Service::start(&folder, &["--repl"]);
    let admin = service.client(&folder, "admin", &[]);
    let mut events = admin.events("");
    for rule in ["leak.mjs", "fails.js", "book.yml"] {
        let wish = json!({"rule": rule, "stash": {"n": 1}, "wait": true});
        let run = admin.post("/api/v1/runs", &wish).ok();
        is_masked(rule, &run.to_string());
        let id = run["id"].as_str().unwrap();
        let output = admin.get(&format!("/api/v1/runs/{id}/output")).ok();
        if rule != "fails.js" {
            is_masked("the output", &output.to_string());
        }
        let page = admin.get(&format!("/runs/{id}"));
        is_nowhere("the page of the run", &page.body);
    }
    let ended = events.until(|event| {
        event.name == "run" && event.data["rule"] == "book.yml" && event.data["status"] == "failed"
    });
    is_nowhere("an event", &ended.data.to_string());
    let wish = json!({"rule": "book.yml", "stash": {"n": TOKEN}});
    is_nowhere("a refusal", &admin.post("/api/v1/runs", &wish).body);
    let wish = json!({"rule": "other.js", "wait": true});
    let run = admin.post("/api/v1/runs", &wish).ok().to_string();
    assert!(
        run.contains("cla.toml names it, but the variable OTHER is not set"),
        "{run}"
    );
    // Code at the panel, and what the audit keeps of it.
    let code = format!("[cla.secret('TOKEN'), '{TOKEN}']");
    let shown = admin.post("/panel/repl", &json!({ "code": code })).body;
    is_masked("the result of code", &shown);
    let saved = admin.post(
        "/panel/repl/snippets",
        &json!({ "name": "x", "code": code }),
    );
    assert_eq!(saved.status, 422);
    let audit = format!(
        "{}{}",
        admin.get("/api/v1/audit/service").body,
        admin.get("/audit").body
    );
    is_masked("the audit", &audit);
    for path in [
        "/api/v1/semaphores",
        "/api/v1/semaphores/db/history",
        "/api/v1/runs",
        "/metrics",
        "/",
        "/runs",
    ] {
        is_nowhere(path, &admin.get(path).body);
    }
    service.running.send(nix::sys::signal::Signal::SIGTERM);
    let ended = service.running.end();
    is_nowhere("the log", &all_of(&ended));
    is_nowhere("what the program keeps", &all_texts(&folder.home()));
}

#[test]
fn a_cla_toml_names_secrets_for_each_command_and_a_sandbox_puts_it_aside() {
    let folder = Folder::with(&[
        ("cla.toml", "secrets = ['TOKEN=@keys/token', 'FROM_ENV']"),
        ("keys/token", TOKEN),
        (
            "rules/rule.js",
            "print(cla.secret('TOKEN').length, cla.secret('FROM_ENV').length)",
        ),
        ("typo.js", "cla.secret('TOKN')"),
    ]);
    let run = |options: &[&str], file: &str, from_env: Option<&str>| {
        let mut command =
            folder.command(&[&["run", "--store", "memory:"], options, &[file]].concat());
        if let Some(value) = from_env {
            command.env("FROM_ENV", value);
        }
        Running::start(command).end()
    };
    assert_eq!(run(&[], "rules/rule.js", Some("12345")).printed(), "12 5\n");
    let ended = run(&[], "rules/rule.js", None);
    let said = "there is no secret \"FROM_ENV\"";
    assert!(
        ended.stderr.contains(said) && ended.stderr.contains("the variable FROM_ENV is not set"),
        "{}",
        ended.stderr
    );
    assert!(
        run(&[], "typo.js", None)
            .stderr
            .contains("did you mean \"TOKEN\"?")
    );
    let ended = run(&["--sandbox"], "rules/rule.js", Some("12345"));
    assert!(
        ended.stderr.contains("the run has no secrets"),
        "{}",
        ended.stderr
    );
    // An option outranks the file.
    std::fs::write(folder.path().join("short"), "four").unwrap();
    assert_eq!(
        run(
            &["--secret", "TOKEN=@short"],
            "rules/rule.js",
            Some("12345")
        )
        .printed(),
        "4 5\n"
    );
    let explained = run(&["--explain", "--json"], "rules/rule.js", None);
    let explained: Value = serde_json::from_str(explained.printed()).unwrap();
    assert_eq!(explained["secrets"], json!(["TOKEN"]));
    assert_eq!(explained["missing_secrets"][0]["name"], "FROM_ENV");
    let shown = run(&["--explain"], "rules/rule.js", None);
    assert!(
        shown.printed().contains("secrets         TOKEN"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_dry_run_and_a_check_show_no_secret() {
    let book = "do:\n  - echo: token ${secret.TOKEN}\n  - shell: deploy ${where}\n  - semaphore: db-${where}\n    do:\n      - log: in\n";
    let folder = Folder::with(&[
        ("book.yml", book),
        ("token", TOKEN),
        ("wrong.yml", "do:\n  - ehco: ${secret.TOKEN}\n"),
    ]);
    for format in [&[][..], &["--json"]] {
        let ended = folder.cla(
            &[
                &[
                    "run",
                    "--store",
                    "memory:",
                    "--dry-run",
                    "--secret",
                    "TOKEN=@token",
                    "--stash",
                    "where=s3cret&token",
                ],
                format,
                &["book.yml"],
            ]
            .concat(),
        );
        is_masked("a dry run", ended.printed());
    }
    let ended = folder.cla(&["check", "book.yml", "wrong.yml"]);
    is_nowhere("a check", &all_of(&ended));
}

#[test]
fn forks_profiles_and_traces_show_no_secret() {
    let book = "do:
  - foreach: ['${secret.TOKEN}']
    do:
      - {parallel: wait, semaphore: db, do: []}
      - {parallel: wait, semaphore: db, name: 'job ${it}', do: [{js: \"require('cla/sem').take('x', () => 1)\"}]}
";
    let folder = Folder::with(&[("book.yml", book), ("token", TOKEN)]);
    let run = |arguments: &[&str]| {
        let always = ["run", "--store", "memory:", "--secret", "TOKEN=@token"];
        folder.cla(&[&always, arguments, &["book.yml"]].concat())
    };
    let ended = run(&[
        "--json",
        "--profile",
        "--flamegraph",
        "f.svg",
        "--trace",
        "t.json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\"forks\":[{"), "{ended:?}");
    is_nowhere("a report", &all_of(&ended));
    let ended = run(&["--profile", "--timeline", "--flamegraph", "f.txt"]);
    assert!(ended.stdout.contains("job "), "{ended:?}");
    is_nowhere("a timeline and a profile", &all_of(&ended));
    for file in ["f.svg", "f.txt", "t.json"] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        is_nowhere(file, &text);
    }
}

/// The password in the URL of a store, whoever shows the store.
#[test]
fn a_password_in_a_url_is_shown_nowhere() {
    let rule = "
        const process = require('cla/process'), { $ } = require('cla/shell'), http = require('cla/http');
        print(process.env.CLA_STORE);
        print($`echo $CLA_STORE`.output);
        for (const url of ['http://me:s3cret@127.0.0.1:1/?a=1', 'http://s3cret@127.0.0.1:1/']) {
            try { http.get(url) } catch (error) { print(String(error), error.message, JSON.stringify(error)) }
            fetch(url).catch(error => print(error, error.message, String(error.cause), JSON.stringify(error)));
        }
        const { SemaphoreProvider } = require('cla/semaphore');
        try {
            const { RedisSemaphoreAdapter } = require('cla/semaphore/redis');
            new SemaphoreProvider({ adapter: new RedisSemaphoreAdapter('redis://me:s3cret@127.0.0.1:1/') });
        } catch (error) { print(error) }";
    let folder = Folder::with(&[
        ("rule.js", rule),
        (
            "fails.js",
            "require('cla/http').get('http://me:s3cret@127.0.0.1:1/')",
        ),
        ("fetch.mjs", "await fetch('http://me:s3cret@127.0.0.1:1/')"),
    ]);
    let store = "redis://me:s3cret@127.0.0.1:1/?reach=100ms";
    for words in [
        &["run", "rule.js"][..],
        &["run", "fails.js"],
        &["run", "fetch.mjs"],
        &["run", "--explain", "rule.js"],
        &["doctor"],
        &["sem", "list"],
        &["repl", "-e", "1"],
        &["sem", "exec", "x", "--", "true"],
    ] {
        let mut command = folder.command(words);
        command.env("CLA_STORE", store);
        let ended = Running::start(command).end();
        is_nowhere(&words.join(" "), &all_of(&ended));
    }
    // On the command line, others see it, and that is said.
    let ended = folder.cla(&["sem", "list", "--store", store]);
    assert!(
        ended
            .stderr
            .contains("who lists the processes sees the password"),
        "{}",
        ended.stderr
    );
    is_nowhere("a warning", &ended.stderr);
}
