//! `--allow-...`, `--deny-...`, `--sandbox`, `--explain` and `[permissions]` in `cla.toml`.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use common::Folder;
use serde_json::Value;

/// Reads a file, runs a command, looks at a variable, steers; says what of it the rule may not.
const RULE: &str = "
    const tried = (name, work) => { try { work(); return name } catch (error) {
        const cause = error.cause ?? error;
        return cause.name === 'PermissionError' ? 'no ' + name : String(error) } };
    const rule = ops => require('cla/rule').create({ name: 'x' }, ops).run({});
    print([
        tried('read', () => rule([{ read_file: 'data/a.txt' }])),
        tried('write', () => rule([{ write_file: { path: 'data/b.txt', text: 'x' } }])),
        tried('run', () => rule([{ shell: 'true' }])),
        tried('env', () => require('cla/process').env.HOME),
        tried('steer', () => require('cla/sem').slots('db', 2)),
        tried('store', () => require('cla/sem').take('db', () => 1)),
    ].join(', '))";

fn folder() -> Folder {
    let folder = Folder::with(&[("rule.js", RULE), ("lib/x.js", "1")]);
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/a.txt"), "a").unwrap();
    folder
}

#[track_caller]
fn may(folder: &Folder, options: &[&str], expected: &str) {
    let ended = folder.cla(&[&["run", "--store", "memory:"], options, &["rule.js"]].concat());
    assert_eq!(ended.printed(), format!("{expected}\n"), "{options:?}");
}

#[test]
fn rules_may_what_the_user_may_until_an_option_says_otherwise() {
    let folder = folder();
    let all = "read, write, run, env, steer, store";
    may(&folder, &[], all);
    may(&folder, &["--allow-all"], all);
    may(&folder, &["-A"], all);
    let nothing = "no read, no write, no run, no env, no steer, store";
    may(&folder, &["--sandbox"], nothing);
    may(&folder, &["--allow-net=example.com"], nothing);
    may(
        &folder,
        &["--allow-read=data", "--allow-env"],
        "read, no write, no run, env, no steer, store",
    );
    may(
        &folder,
        &["--allow-read=lib,data/a.txt", "--deny-store=d*"],
        "read, no write, no run, no env, no steer, no store",
    );
    may(
        &folder,
        &["--deny-run", "--deny-env=HOME"],
        "read, write, no run, no env, steer, store",
    );
    may(
        &folder,
        &["-A", "--deny-write=data"],
        "read, no write, run, env, steer, store",
    );
    may(
        &folder,
        &["--allow-store=other", "--allow-steer"],
        "no read, no write, no run, no env, steer, no store",
    );
}

#[test]
fn a_cla_toml_says_what_the_rules_of_its_folder_may() {
    let folder = folder();
    let config = folder.path().join("cla.toml");
    std::fs::write(
        &config,
        "[permissions]\nread = ['data']\nenv = true\ndeny-steer = ['*']\n",
    )
    .unwrap();
    may(&folder, &[], "read, no write, no run, env, no steer, store");
    may(
        &folder,
        &["--allow-run=sh"],
        "read, no write, run, env, no steer, store",
    );
    may(
        &folder,
        &["--sandbox"],
        "no read, no write, no run, no env, no steer, store",
    );
    may(&folder, &["-A"], "read, write, run, env, steer, store");
    // A relative path begins at the file.
    let below = folder.path().join("lib");
    let mut command = folder.command(&["run", "--store", "memory:", "../rule.js"]);
    command.current_dir(&below);
    let ended = common::Running::start(command).end();
    assert!(
        ended.printed().contains("no write") && !ended.stdout.contains("no env"),
        "{}",
        ended.stdout
    );
    for (text, said) in [
        ("[permissions]\nraed = true", "did you mean \"read\""),
        (
            "[permissions]\nread = 3",
            "a permission is true (all), false (none) or a list",
        ),
        ("[permissions]\nnet = ['a b']", "is no host"),
    ] {
        std::fs::write(&config, text).unwrap();
        let ended = folder.cla(&["run", "--store", "memory:", "rule.js"]);
        assert_eq!(ended.code, Some(2));
        assert!(
            ended.stderr.contains(said) && ended.stderr.contains("cla.toml:2"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn what_rules_may_is_shown_before_they_run() {
    let folder = folder();
    let explain = |options: &[&str]| {
        let options = [
            &["run", "--explain", "--json", "--store", "memory:"],
            options,
            &["rule.js"],
        ];
        let ended = folder.cla(&options.concat());
        serde_json::from_str::<Value>(ended.printed()).unwrap()
    };
    let given = |explained: &Value, name: &str| {
        let permissions = explained["permissions"].as_array().unwrap();
        let found = permissions.iter().find(|shown| shown["permission"] == name);
        found.unwrap()["given"].as_str().unwrap().to_owned()
    };
    let open = explain(&[]);
    assert_eq!(open["permissions_by"], "default");
    assert_eq!(given(&open, "read"), "all");
    assert_eq!(given(&open, "import"), "the rule's folder, the current one");
    let some = explain(&["--allow-net=example.com,10.0.0.0/8", "--deny-net=10.0.0.1"]);
    assert_eq!(some["permissions_by"], "options");
    assert_eq!(
        given(&some, "net"),
        "example.com, 10.0.0.0/8 but not 10.0.0.1"
    );
    assert_eq!(given(&some, "read"), "none");
    let ended = folder.cla(&[
        "run",
        "--explain",
        "--sandbox",
        "--store",
        "memory:",
        "rule.js",
    ]);
    assert!(
        ended.printed().contains("steer           none"),
        "{}",
        ended.stdout
    );
    let doctor = folder.cla(&["doctor", "--store", "memory:", "--sandbox"]);
    assert!(
        doctor.printed().contains("rules may") && doctor.stdout.contains("store: all"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn an_option_that_is_no_permission_is_wrong_usage() {
    let folder = folder();
    let ended = folder.cla(&["run", "--store", "memory:", "--allow-net=a b", "rule.js"]);
    assert_eq!(ended.code, Some(2));
    let said = "--allow-net: \"a b\" is no host";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let ended = folder.cla(&["run", "--sandbox", "-A", "rule.js"]);
    assert_eq!(ended.code, Some(2));
    let ended = folder.cla(&[
        "run",
        "--server",
        "http://127.0.0.1:1",
        "--sandbox",
        "rule.js",
    ]);
    assert!(
        ended.code == Some(2) && ended.stderr.contains("the service says"),
        "{}",
        ended.stderr
    );
}

/// What the library does to throw the error is no place of the rule's.
#[test]
fn a_denial_is_shown_where_the_rule_asks_and_nowhere_inside_of_the_library() {
    let folder = Folder::with(&[
        ("op.yml", "do:\n  - shell: echo hi\n"),
        (
            "env.js",
            "const { env } = require('cla/process');\nprint(env.HOME)",
        ),
        ("get.js", "\nrequire('cla/http').get('http://127.0.0.1:9/')"),
    ]);
    for (file, place) in [
        ("op.yml", "op.yml:2:5"),
        ("env.js", "env.js:2:"),
        ("get.js", "get.js:2:1"),
    ] {
        let ended = folder.cla(&["run", "--store", "memory:", "--sandbox", file]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(place), "{}", ended.stderr);
        for inner in ["cla/permissions", "eval_script"] {
            assert!(!ended.stderr.contains(inner), "{}", ended.stderr);
        }
    }
}

#[test]
fn imports_stay_with_the_folder_of_the_rule_and_the_current_one() {
    let folder = Folder::with(&[
        ("a/rule.js", "print(require('../b/lib.js'))"),
        ("b/lib.js", "module.exports = 'imported'"),
    ]);
    let run = |options: &[&str]| {
        folder.cla(&[&["run", "--store", "memory:"], options, &["a/rule.js"]].concat())
    };
    assert_eq!(
        run(&[]).printed(),
        "imported\n",
        "the current folder has both"
    );
    let outside = run(&["--sandbox"]);
    assert_eq!(outside.code, Some(1));
    assert!(
        outside.stderr.contains("outside of the rule's folder"),
        "{}",
        outside.stderr
    );
    assert_eq!(run(&["--allow-import=b"]).printed(), "imported\n");
    assert_eq!(run(&["--deny-import=b"]).code, Some(1));
}

/// A rule that shows its secret in every way that it can.
const LEAK: &str = "
    const token = cla.secret('TOKEN');
    print(token); console.error([token], { token });
    cla.printf('%s', token.slice(0, 4)); cla.printf('%s\\n', token.slice(4));
    require('cla/log').warn(token, { token });
    require('cla/rule').create({ name: 'x' }, [{ shell: `echo '${token}'` }]).run({});
    require('cla/sem').take('db', { who: 'by ' + token }, () => print(require('cla/sem').list()[0].requests));
    try { require('cla/sem').take(token, () => 1) } catch (error) { print(error.message) }
    throw new Error('refused: ' + token, { cause: new Error(encodeURIComponent(token)) });";

const TOKEN: &str = "s3cret&token";

#[test]
fn a_secret_never_leaves_a_run() {
    let folder = Folder::with(&[
        ("leak.js", LEAK),
        (
            "value.js",
            "export default () => ({ [cla.secret('TOKEN')]: [cla.secret('TOKEN')] })",
        ),
        (
            "book.yml",
            "do:\n  - echo: token ${secret.TOKEN}\n  - shell: printf %s \"${secret.TOKEN}\" | wc -c\n  - fail: no ${secret.TOKEN}\n",
        ),
        ("token", &format!("{TOKEN}\n")),
        ("env", &format!("# ours\nexport TOKEN='{TOKEN}'\n")),
    ]);
    let gives: [&[&str]; 3] = [
        &["--secret", "TOKEN"],
        &["--secret", "TOKEN=@token"],
        &["--secrets-from", "env"],
    ];
    for give in gives {
        for rule in ["leak.js", "value.js", "book.yml"] {
            for format in ["--json", "--print"] {
                let arguments = [&["run", "--store", "memory:", format], give, &[rule]].concat();
                let mut command = folder.command(&arguments);
                if give == ["--secret", "TOKEN"] {
                    command.env("TOKEN", TOKEN);
                }
                let out = command.output().unwrap();
                let text = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
                assert!(text.contains("***"), "{rule} {format}: {text}");
                for part in ["s3cret", "cret&tok", "czNjcmV0", "%26token"] {
                    assert!(!text.contains(part), "{rule} {format}: {text}");
                }
            }
        }
    }
}

#[test]
fn rulebooks_read_secrets_as_they_are() {
    let book = "do:\n  - shell: printf %s '${secret.TOKEN}' | wc -c\n  - if: secret.TOKEN.length === 12\n    then:\n      - echo: whole\n";
    let folder = Folder::with(&[("book.yml", book), ("token", TOKEN)]);
    let ended = folder.cla(&[
        "run",
        "--store",
        "memory:",
        "--secret",
        "TOKEN=@token",
        "book.yml",
    ]);
    assert_eq!(ended.printed(), "12\nwhole\n");
}

#[test]
fn a_secret_that_is_not_there_is_an_error_that_says_how_to_give_it() {
    let folder = Folder::with(&[("rule.js", "cla.secret('TOKEN')"), ("short", "abc")]);
    let run = |options: &[&str]| {
        let ended = folder.cla(&[&["run", "--store", "memory:"], options, &["rule.js"]].concat());
        (ended.code.unwrap(), ended.stderr)
    };
    let (code, said) = run(&[]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("there is no secret \"TOKEN\"") && said.contains("--secret NAME"),
        "{said}"
    );
    for (options, expected) in [
        (&["--secret", "TOKEN"][..], "no variable TOKEN"),
        (&["--secret", "TOKEN=hunter22"], "--secret TOKEN=@FILE"),
        (
            &["--secret", "TOKEN=@nowhere"],
            "cannot read the secrets in nowhere",
        ),
        (&["--secret", "TOKEN=@short"], "fewer than 4 characters"),
        (&["--secret", "a b"], "no name of a secret"),
        (&["--secrets-from", "rule.js"], "rule.js, line 1"),
    ] {
        let (code, said) = run(options);
        assert_eq!(code, 2, "{options:?}: {said}");
        assert!(
            said.contains(expected) && !said.contains("hunter22"),
            "{options:?}: {said}"
        );
    }
}
