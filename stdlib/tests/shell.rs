//! `cla/shell`: commands and programs.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(unix)]

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, Limits, Permissions, RunOptions, Script};
use serde_json::{Value, json};
use support::{Ran, engine, run_script};

fn run_with(engine: &Engine, code: &str, options: RunOptions) -> Ran {
    let script = format!("import {{ $, sh, ShellError }} from 'cla/shell';\n{code}");
    run_script(engine, Script::new("test.mjs", script), options)
}

fn run(code: &str) -> Ran {
    run_with(&engine(), code, RunOptions::new())
}

#[track_caller]
fn value(code: &str) -> Value {
    let ran = run(code);
    ran.value
        .unwrap_or_else(|error| panic!("{code}\nfailed: {error}"))
}

#[test]
fn reading_a_result_blocks_and_awaiting_does_not() {
    let value = value(
        "const { rc, output, error } = $`printf 'a\\nb\\n'; echo oops >&2`;
         const later = await $`printf '{\"n\": 1}'`;
         const c = $`printf 'x\\ny\\n'`;
         export default [rc, output, error, later.json().n, later.ok, c.lines(), c.text(), c.bytes().length, [...c.bytes()].at(-1), `${later}`];",
    );
    assert_eq!(
        value,
        json!([
            0,
            "a\nb",
            "oops",
            1,
            true,
            ["x", "y"],
            "x\ny",
            4,
            10,
            "{\"n\": 1}"
        ])
    );
}

#[test]
fn awaited_commands_run_beside_each_other() {
    let value = value(
        "const begun = performance.now();
         const all = await Promise.all(['a', 'b', 'c'].map(name => $`sleep 0.4; echo ${name}`));
         export default [all.map(one => one.output), performance.now() - begun < 1100];",
    );
    assert_eq!(value, json!([["a", "b", "c"], true]));
}

#[test]
fn a_command_that_fails_throws_what_it_said() {
    let value = value(
        "let seen;
         const look = e => [e instanceof ShellError, e instanceof Error, e.name, e.rc, e.output, e.error, e.signal, e.message];
         try { $`echo out; echo one >&2; echo two >&2; exit 3`.output } catch (e) { seen = look(e) }
         const later = await $`kill -9 $$`.catch(look);
         const { rc } = $`exit 4`.nothrow();
         export default [seen, later, rc, (await $`exit 5`.nothrow()).rc];",
    );
    assert_eq!(
        value,
        json!([
            [
                true,
                true,
                "ShellError",
                3,
                "out",
                "one\ntwo",
                "",
                "the command exited with 3: echo out; echo one >&2; echo two >&2; exit 3\none\ntwo"
            ],
            [
                true,
                true,
                "ShellError",
                137,
                "",
                "",
                "SIGKILL",
                "the command was ended by SIGKILL: kill -9 $$"
            ],
            4,
            5
        ])
    );
    let script = "import { $ } from 'cla/shell';\nfunction deploy() {\n  return $`exit 3`.output;\n}\ndeploy();";
    let report = engine()
        .run(Script::new("rule.mjs", script), RunOptions::new())
        .wait();
    let error = report.result.unwrap_err();
    assert_eq!(
        (error.name.as_str(), error.location.unwrap().line),
        ("ShellError", 3)
    );
    let script = "import { $ } from 'cla/shell';\nawait 1;\nawait $`exit 3`;\n";
    let report = engine()
        .run(Script::new("rule.mjs", script), RunOptions::new())
        .wait();
    assert_eq!(report.result.unwrap_err().location.unwrap().line, 3);
}

#[test]
fn statements_run_in_order_and_show_what_they_write() {
    let folder = tempfile::tempdir().unwrap();
    let at = json!(folder.path().join("log").to_str().unwrap());
    let ran = run(&format!(
        "$`sleep 0.1; echo one >> ${{{at}}}; echo shown; echo too >&2`;
         $`echo two >> ${{{at}}}`.quiet();
         export default $`cat ${{{at}}}`.lines();"
    ));
    assert_eq!(ran.value, Ok(json!(["one", "two"])));
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("shown\n", "too\n")
    );
    // Also if nothing is read at all, and before what is awaited.
    let ran = run("$`echo 1`; $`sleep 0.05; echo 2`; $`echo 3`; export default 0;");
    assert_eq!(
        (ran.value, ran.stdout.as_str()),
        (Ok(json!(0)), "1\n2\n3\n")
    );
    let ran = run(
        "$`sleep 0.05; echo 1`; const r = await $`echo 2`; console.log(r.output); export default 0;",
    );
    assert_eq!(ran.stdout, "1\n2\n");
    let ran =
        run("sh`echo kept`; sh({show: true})`echo shown`; $`echo 3`.show().rc; export default 0;");
    assert_eq!(ran.stdout, "shown\n3\n");
}

/// What a function with a slot leaves unread, or returns, is run while it has the slot.
#[test]
fn a_slot_is_held_until_the_commands_in_it_have_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = json!(folder.path().join("log").to_str().unwrap());
    // Each way of holding a slot, with a command that is left to itself; the log has whether the slot was free afterwards.
    for held in [
        "sem.take('db', () => { COMMAND; });",
        "sem.take('db', () => COMMAND);",
        "if (sem.take('db', () => COMMAND).rc !== 0) throw 1;",
        "sem.take('db', { slots: 1 }, () => { COMMAND; COMMAND.quiet(); });",
        "await sem.take('db', async () => { COMMAND; });",
        "await sem.take('db', async () => { await null; COMMAND; });",
        "await sem.take.async('db', () => { COMMAND; });",
        "await sem.take.async('db', () => COMMAND);",
        "await sem.take.async('db', async () => { COMMAND; });",
        "await sem.take.async('db', async () => COMMAND);",
        "const permit = sem.acquire('db'); COMMAND; permit.release();",
        "{ using permit = sem.acquire('db'); COMMAND; }",
        "try { sem.take('db', () => { COMMAND; throw new Error('x') }) } catch {}",
        "rule.region('db', () => { COMMAND; });",
    ] {
        let command = format!("$`sleep 0.02; echo run >> ${{{at}}}`");
        let code = format!(
            "import sem from 'cla/sem'; import rule from 'cla/rule'; import fs from 'cla/fs';
             {}
             const busy = sem.show('db').busy, log = fs.readFile({at});
             export default [busy, log.startsWith('run\\n')];",
            held.replace("COMMAND", &command)
        );
        let ran = run_with(&engine(), &code, RunOptions::new());
        assert_eq!(ran.value, Ok(json!([0, true])), "{held}");
        std::fs::remove_file(folder.path().join("log")).unwrap();
    }
}

/// Other objects with a `then`, as libraries of promises have them, hold the slot as well.
#[test]
fn a_slot_is_held_until_any_promise_is_settled() {
    let value = value(
        "const { take, show } = await import('cla/sem');
         const later = (value) => ({ then(done) { setTimeout(() => done([value, show('db').busy]), 10) } });
         export default [await take('db', () => later(1)), await take.async('db', () => later(2)), show('db').busy];",
    );
    assert_eq!(value, json!([[1, 1], [2, 1], 0]));
}

#[test]
fn the_failure_of_a_command_in_a_slot_is_that_of_the_take() {
    let value = value(
        "const { take, acquire, show } = await import('cla/sem'), seen = [];
         for (const use of [() => take('db', () => { $`exit 3`; }), () => take('db', () => $`exit 4`),
             () => { const permit = acquire('db'); $`exit 5`; permit.release() }]) {
             try { use() } catch (error) { seen.push(error.rc, show('db').busy) }
         }
         for (const use of [() => take.async('db', () => { $`exit 6`; }), () => take.async('db', async () => $`exit 7`)]) {
             try { await use() } catch (error) { seen.push(error.rc, show('db').busy) }
         }
         try { take('db', () => { $`exit 8`; throw new Error('first') }) } catch (error) { seen.push(error.message) }
         export default seen;",
    );
    assert_eq!(value, json!([3, 0, 4, 0, 5, 0, 6, 0, 7, 0, "first"]));
}

#[test]
fn the_failure_of_a_statement_is_not_lost() {
    let ran = run("$`exit 3`; $`echo never`; export default 0;");
    assert!(ran.value.unwrap_err().contains("the command exited with 3"));
    assert_eq!(ran.stdout, "");
    let ran = run(
        "$`exit 3`; let seen = 'nothing'; try { $`echo never`.output } catch (e) { seen = e.rc } export default seen;",
    );
    assert_eq!((ran.value, ran.stdout.as_str()), (Ok(json!(3)), ""));
    let ran = run("$`exit 3`.start(); export default 0;");
    assert!(ran.value.unwrap_err().contains("exited with 3"));
    let ran =
        run("$`exit 3`.nothrow(); $`no-such-command-at-all`.nothrow().quiet(); export default 0;");
    assert_eq!(ran.value, Ok(json!(0)));
}

#[test]
fn a_command_is_told_where_what_and_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let value = value(&format!(
        "const where = {}, at = $({{ cwd: where }});
         const seen = [at`pwd`.output === where, $`pwd`.cwd(where).output === where, $`echo $A-$B`.env({{ A: 'x y', B: null }}).output,
             $`cat`.stdin('grün').output, [...$`cat`.stdin(new Uint8Array([1, 255])).bytes()], $`cat`.output,
             sh.run('printf', ['%s|', 'a b', '$HOME']).output, (await sh.promises.run('pwd', {{ cwd: where }})).output === where,
             sh({{ env: {{ A: '1' }} }})`echo $A`.output];
         const begun = performance.now();
         let late; try {{ $`sleep 100`.timeout('200ms').rc }} catch (e) {{ late = [e.timedOut, e.signal, e.message] }}
         seen.push(late, performance.now() - begun < 4000);
         const messages = [];
         for (const f of [() => $`pwd`.cwd(where + '/none').rc, () => sh.run('no-such-program'), () => $({{ cwdd: '' }}), () => $`x`.env({{ 'A=B': '' }}).rc,
             () => {{ const c = $`true`; c.rc; c.cwd('/') }}])
             try {{ f(); messages.push('nothing') }} catch (e) {{ messages.push(e.message.replace(where, 'WHERE')) }}
         export default [seen, messages];",
        json!(path.to_str().unwrap())
    ));
    assert_eq!(
        value[0],
        json!([
            true,
            true,
            "x y-",
            "grün",
            [1, 255],
            "",
            "a b|$HOME|",
            true,
            "1",
            [
                true,
                "SIGTERM",
                "the command did not end within 200ms: sleep 100"
            ],
            true
        ])
    );
    let messages = value[1].as_array().unwrap();
    assert!(
        messages[0]
            .as_str()
            .unwrap()
            .contains("there is no folder WHERE/none"),
        "{value}"
    );
    assert_eq!(messages[1], "there is no program no-such-program");
    assert!(
        messages[2]
            .as_str()
            .unwrap()
            .starts_with("$: unknown option \"cwdd\"")
    );
    assert!(
        messages[3]
            .as_str()
            .unwrap()
            .contains("is no name of a variable")
    );
    assert_eq!(messages[4], "$.cwd: the command has been started: true");
}

#[test]
fn commands_are_piped_and_any_failure_counts() {
    let value = value(
        "const seen = [$`printf 'b\\na\\n'`.pipe($`sort`).lines(), $`yes`.pipe($`head -n 2`).lines(), (await $`cat`.stdin('x').pipe($`tr x y`)).output,
             $`echo $A`.env({ A: '1' }).pipe($`cat; echo $A`.env({ A: '2' })).output];
         try { $`exit 3`.pipe($`cat`).output } catch (e) { seen.push(e.rc, e.message) }
         export default seen;",
    );
    assert_eq!(
        value,
        json!([
            ["a", "b"],
            ["y", "y"],
            "y",
            "1\n2",
            3,
            "the command exited with 3: exit 3 | cat"
        ])
    );
}

#[test]
fn lines_come_as_they_are_written() {
    let value = value(
        "const blocking = [], later = [];
         const begun = performance.now();
         for (const line of $`echo 1; echo 2; sleep 100`) { blocking.push(line); if (line === '2') break }
         for await (const line of $`echo 3; printf 4; sleep 0.1; printf '4\\r\\n5'`) later.push(line);
         let rc; try { for (const line of $`echo 6; exit 7`) later.push(line) } catch (e) { rc = e.rc }
         export default [blocking, later, rc, performance.now() - begun < 4000];",
    );
    assert_eq!(value, json!([["1", "2"], ["3", "44", "5", "6"], 7, true]));
    // A fast command is not read faster than its lines are taken.
    let ran = run_with(
        &engine(),
        "let n = 0; for (const line of $`yes 0123456789`) if (++n === 200000) break; export default n;",
        RunOptions::new().limits(Limits::default().memory(16 << 20)),
    );
    assert_eq!(ran.value, Ok(json!(200_000)));
}

/// Whether a process whose number stands in a file has ended, or does so soon.
fn is_gone(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let stat = Path::new("/proc").join(pid.trim()).join("stat");
    let patience = Instant::now() + Duration::from_secs(20);
    while Instant::now() < patience {
        match std::fs::read_to_string(&stat) {
            Ok(text) if !text.contains(") Z") => std::thread::sleep(Duration::from_millis(5)),
            _ => return true,
        }
    }
    false
}

#[test]
fn a_run_that_is_stopped_ends_its_commands_before_it_gives_back_its_permits() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // It takes a while to clean up, and what it has started ignores that it should end.
    let command = "trap 'sleep 0.2; date > ${dir}/cleaned; exit 0' TERM; (trap '' TERM; exec sleep 100) & echo $! > ${dir}/pid.new; mv ${dir}/pid.new ${dir}/pid; while :; do sleep 0.02; done";
    for how in ["blocking", "later"] {
        let call = match how {
            "blocking" => format!("$({{ grace: '500ms' }})`{command}`.rc"),
            _ => format!("await $({{ grace: '500ms' }})`{command}`"),
        };
        let script = format!(
            "import {{ $ }} from 'cla/shell';
             import sem from 'cla/sem'; const dir = {};
             sem.acquire('protected'); {call}; export default 0;",
            json!(folder.path().to_str().unwrap())
        );
        let engine = engine();
        let first = engine.run(Script::new("first.mjs", script), RunOptions::new());
        while !at("pid").exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let look = format!(
            "require('cla/sem').take('protected', () => require('cla/fs').exists({}))",
            json!(at("cleaned").to_str().unwrap())
        );
        let second = engine.run(Script::new("second.js", look), RunOptions::new());
        first.cancel();
        assert!(first.wait().result.is_err(), "{how}");
        let cleaned = second.wait().result.unwrap();
        assert_eq!(
            cleaned, true,
            "{how}: the permit is given back when the command has cleaned up"
        );
        assert!(is_gone(&at("pid")), "{how}");
        std::fs::remove_file(at("pid")).unwrap();
        std::fs::remove_file(at("cleaned")).unwrap();
    }
}

#[test]
fn a_signal_ends_a_command() {
    let value = value(
        "const listeners = new Set();
         const signal = { aborted: false, reason: 'enough', addEventListener: (_, f) => listeners.add(f), removeEventListener: (_, f) => listeners.delete(f) };
         setTimeout(() => { signal.aborted = true; listeners.forEach(f => f()) }, 20);
         const seen = [await $`sleep 100`.abort(signal).catch(e => e), listeners.size];
         try { $`sleep 100`.abort(signal).rc } catch (e) { seen.push(e) }
         export default seen;",
    );
    assert_eq!(value, json!(["enough", 0, "enough"]));
}

#[test]
fn a_command_that_writes_too_much_is_ended() {
    let options = || RunOptions::new().limits(Limits::default().memory(24 << 20));
    for command in ["cat /dev/zero", "yes >&2"] {
        let code = format!(
            "let m; try {{ $`{command}`.rc }} catch (e) {{ m = [e.name, e.message] }} export default m;"
        );
        let ran = run_with(&engine(), &code, options());
        let message = ran.value.unwrap();
        assert_eq!(message[0], "ShellError");
        assert!(
            message[1]
                .as_str()
                .unwrap()
                .contains("writes more than the run's memory can hold"),
            "{message}"
        );
    }
    let ran = run_with(&engine(), "const all = []; let m; try { for (;;) all.push($`sleep 60`.start()) } catch (e) { m = e.message }
        for (const c of all) { c.catch(() => {}); c.kill() } export default [all.length, m];", RunOptions::new());
    let value = ran.value.unwrap();
    assert_eq!(value[0], 256);
    assert!(
        value[1]
            .as_str()
            .unwrap()
            .contains("256 commands run already"),
        "{value}"
    );
}

#[test]
fn the_permission_is_for_the_shell_or_the_program() {
    let with = |programs: &[&str]| {
        let permissions = Permissions::default()
            .allow(Permission::Run, programs)
            .unwrap();
        Engine::builder()
            .workers(1)
            .permissions(permissions)
            .with(cla_stdlib::install)
            .build()
    };
    let code = "const seen = [];
        for (const f of [() => $`echo a`.output, () => sh`echo b`.output, () => sh.run('echo', ['c']).output, () => $`cat`.pipe($`cat`).output])
            try { seen.push(f()) } catch (e) { seen.push(e.name + ' ' + e.resource) }
        seen.push(await $`echo d`.catch(e => e.name));
        export default seen;";
    let none = "PermissionError sh";
    let ran = run_with(&with(&["echo"]), code, RunOptions::new());
    assert_eq!(
        ran.value,
        Ok(json!([none, none, "c", none, "PermissionError"]))
    );
    let ran = run_with(&with(&["sh"]), code, RunOptions::new());
    let value = ran.value.unwrap();
    assert_eq!(
        value,
        json!(["a", "b", "PermissionError echo", "", {"rc": 0, "signal": "", "output": "d", "error": ""}])
    );
    // A command sees of the environment what the rule sees.
    let ran = run_with(
        &with(&["sh"]),
        "export default $`env | grep -v '^\\\\(PWD\\\\|SHLVL\\\\|_\\\\|PATH\\\\|OLDPWD\\\\)=' || true`.output;",
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(json!("")));
}

/// What the shell writes that is given these commands, one after the other.
fn written_by_a_shell(commands: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, commands.join("\n")).unwrap();
    let output = Command::new("sh").arg(&script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Texts that a stranger would write: parts that mean something to a shell, put together at random.
fn hostile_texts(count: usize) -> Vec<String> {
    let parts = [
        "'",
        "\"",
        "`",
        "$",
        "\\",
        "\n",
        " ",
        "\t",
        "$(echo no)",
        "${HOME}",
        "$HOME",
        "`echo no`",
        ";",
        "&",
        "|",
        ">",
        "<",
        "#",
        "*",
        "?",
        "~",
        "!",
        "{a,b}",
        "[a-z]",
        "(",
        ")",
        "é",
        "🦀",
        "-n",
        "--",
        "a",
        "=",
        "'\\''",
        "\\'",
        "\"; echo no; \"",
        "' ; echo no ; '",
        "%s",
        "\r",
        "<<E",
        "\\\n",
    ];
    let mut seed = 12345_u64;
    let mut next = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % most
    };
    let mut texts = vec![String::new()];
    texts.extend(parts.map(str::to_owned));
    while texts.len() < count {
        let length = 1 + next(8);
        texts.push((0..length).map(|_| parts[next(parts.len())]).collect());
    }
    texts
}

#[test]
fn a_value_is_one_word_in_whatever_quotes_it_stands() {
    let texts = hostile_texts(2000);
    // Each value stands in many places of one command.
    let code = r#"
        import { commandOf } from 'cla/shell/words';
        import { sh } from 'cla/shell';
        const t = (strings, ...values) => commandOf(strings, values);
        export default TEXTS.map(v => t`printf '%s\\0' ${v} "${v}" '${v}' a${v}b "x ${v} y"'z ${v}' ${[v, v]} "${[v, v]}" # it's
            X=${v}; Y=$(printf '%s' ${v}x); printf '%s\\0' "$X" "$Y" \\
            ${v}#${v}` + ' ' + sh.quote(v));"#;
    let code = code.replace("TEXTS", &json!(texts).to_string());
    let script = Script::new("test.mjs", code);
    let commands = run_script(&engine(), script, RunOptions::new()).value;
    let commands: Vec<String> = serde_json::from_value(commands.unwrap()).unwrap();
    let written = written_by_a_shell(&commands);
    let mut words = written.split('\0');
    for text in &texts {
        let v = text.as_str();
        let expected = [
            v.to_owned(),
            v.to_owned(),
            v.to_owned(),
            format!("a{v}b"),
            format!("x {v} yz {v}"),
            v.to_owned(),
            v.to_owned(),
            format!("{v} {v}"),
            v.to_owned(),
            format!("{v}x"),
            format!("{v}#{v}"),
            v.to_owned(),
        ];
        for word in expected {
            assert_eq!(words.next(), Some(word.as_str()), "{v:?}");
        }
    }
    assert_eq!(words.next(), Some(""));
    assert_eq!(words.next(), None);
}

#[test]
fn where_no_quotes_hold_a_value_is_refused() {
    let refused = [
        ("`cat <<E\\n${v}\\nE`", "here-document"),
        ("`cat << ${v}`", "here-document"),
        ("`echo $((${v} + 1))`", "calculated"),
        ("`((${v}))`", "calculated"),
        ("`[[ ${v} -eq 1 ]]`", "calculated"),
        ("`echo \\${X:-${v}}`", "${...}"),
        ("`echo \"\\${X:-${v}}\"`", "${...}"),
        ("`true # ${v}`", "comment"),
        ("`true;# ${v}`", "comment"),
        ("`true >#${v}`", "comment"),
        ("`true \\\\\\n# ${v}`", "comment"),
        ("`echo \\\\${v}`", "backslash"),
        ("`echo \"\\\\${v}\"`", "backslash"),
        ("`echo $${v}`", "dollar"),
        ("`echo \"$${v}\"`", "dollar"),
        ("`echo $'a${v}'`", "$'...'"),
        ("`echo $'a\\\\'' ${v}`", "$'...'"),
    ];
    for (template, why) in refused {
        let code = format!(
            "const v = 'x'; let m; try {{ ${template}.rc; m = 'run' }} catch (e) {{ m = `${{e.name}}: ${{e.message}}` }} export default m;"
        );
        let message = value(&code);
        let message = message.as_str().unwrap();
        assert!(
            message.starts_with("TypeError: $: no value may stand") && message.contains(why),
            "{template}: {message}"
        );
    }
    for (value_text, why) in [
        ("undefined", "undefined"),
        ("null", "null"),
        ("{}", "object"),
        ("'a\\0b'", "zero"),
        ("'\\ud800'", "surrogate"),
        ("Symbol()", "symbol"),
        ("[['a']]", "object"),
    ] {
        let code = format!(
            "let m; try {{ $`echo ${{{value_text}}}`.rc; m = 'run' }} catch (e) {{ m = `${{e.name}}: ${{e.message}}` }} export default m;"
        );
        let message = value(&code);
        let message = message.as_str().unwrap();
        assert!(
            message.starts_with("TypeError") && message.contains(why),
            "{value_text}: {message}"
        );
    }
    assert_eq!(
        value("export default $`echo ${sh.raw('a | tr a b')}`.output;"),
        "b"
    );
    assert_eq!(
        value("export default $`echo ${[]} ${[1, true, 2n]} ${'*'}`.output;"),
        "1 true 2 *"
    );
}
