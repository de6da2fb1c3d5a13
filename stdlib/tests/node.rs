//! Node's names: what its modules do, compared with what Node does.
//!
//! `node.json` has expressions and what Node 20 makes of them. To add one, put it there with what the functions `SHOW` and
//! `NAMES` below give in Node.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

use std::fmt::Write;

use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, Permissions, RunOptions, Script};
use serde_json::{Value, json};
use support::{engine, run, run_script, run_with, value};

/// How values are compared: as JSON, with what JSON does not know as texts.
const SHOW: &str = "
    const show = (value) => value instanceof Uint8Array ? `bytes:${Array.from(value)}` : typeof value === 'bigint' ? `${value}n` :
        typeof value === 'function' ? 'function' : value === undefined ? 'undefined' :
        JSON.stringify(value, (key, part) => typeof part === 'bigint' ? `${part}n` : part === undefined ? 'undefined' : part);";

/// What the expressions may name.
const NAMES: &str = "
    const names = { Buffer, process, consumers: require('stream/consumers') };
    for (const name of ['path', 'querystring', 'url', 'util', 'string_decoder', 'assert', 'stream', 'events', 'os', 'crypto', 'timers',
        'readline', 'module']) names[name] = require(name);";

/// What an expression throws, or what its promise is rejected with.
#[track_caller]
fn thrown(expression: &str) -> Value {
    value(&format!(
        "(async () => {{
             try {{ await ({expression}); return 'nothing' }}
             catch (error) {{ return `${{error?.name}} ${{error?.code}}: ${{error?.message ?? error}}` }}
         }})()"
    ))
}

#[test]
fn modules_do_what_they_do_in_node() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("node.json")).unwrap();
    assert!(cases.len() > 300);
    let source = format!(
        "{SHOW} {NAMES}
         process.removeAllListeners();
         const differing = [];
         (async () => {{
             for (const {{ source, shown }} of {}) {{
                 let got;
                 try {{ got = show(await new Function(...Object.keys(names), 'return ' + source)(...Object.values(names))) }}
                 catch (error) {{ got = `${{error.name}} ${{error.code}} ${{error.message}}` }}
                 if (got !== shown) differing.push(`${{source}}\\n  is ${{got}}\\n  not ${{shown}}`);
             }}
             return differing.join('\\n');
         }})()",
        Value::Array(cases)
    );
    let differing = value(&source);
    let differing = differing.as_str().unwrap();
    assert!(differing.is_empty(), "{differing}");
}

#[test]
fn modules_come_by_both_names_and_in_both_ways() {
    for (name, module) in cla_stdlib::aliases().filter(|(_, to)| to.starts_with("node:")) {
        let text = format!(
            "import * as all from '{module}'; import one from '{name}';
             import {{ createRequire }} from 'module';
             const given = require('{name}');
             export default [one === given, given === require('{module}'), createRequire('/x/y.js')('{name}') === given,
                 Object.keys(given).filter((key) => key !== 'default' && /^[\\w$]+$/.test(key) && !(key in all))]"
        );
        let ran = run_script(&engine(), Script::new("rule.mjs", text), RunOptions::new());
        assert_eq!(ran.value, Ok(json!([true, true, true, []])), "{name}");
    }
}

#[test]
fn a_timer_holds_its_run_until_it_is_told_not_to() {
    let timers = |code: &str| {
        let source = format!(
            "const {{ setTimeout: later, setInterval: every, setImmediate: soon, promises }} = require('node:timers'); {code}"
        );
        run(&source).value
    };
    for (code, expected) in [
        // These would last for ever.
        (
            "later(() => 1, 1e9).unref(); every(() => 1, 1e9).unref(); promises.setTimeout(1e9, 0, { ref: false }); 'ends'",
            json!("ends"),
        ),
        (
            "const t = later(() => 1, 1e9); t.unref(); t.refresh(); 'ends'",
            json!("ends"),
        ),
        (
            "const t = later(() => 1, 1e9); t.unref(); t.unref(); clearTimeout(t); later(() => 1, 1e9).unref(); 'ends'",
            json!("ends"),
        ),
        ("{ using t = later(() => 1, 1e9); } 'ends'", json!("ends")),
        // These come.
        (
            "new Promise((done) => { const t = later(() => done('comes'), 1); t.unref(); t.ref() })",
            json!("comes"),
        ),
        (
            "const seen = []; later(() => seen.push('loose'), 1).unref(); new Promise((done) => later(() => done(seen), 20))",
            json!(["loose"]),
        ),
        (
            "new Promise((done) => { let n = 0; const t = every(() => { if (++n === 3) { t.unref(); done(n) } }, 1) })",
            json!(3),
        ),
        ("new Promise((done) => soon(done, 'soon'))", json!("soon")),
    ] {
        assert_eq!(timers(code), Ok(expected), "{code}");
    }
    let error = timers("new Promise((done) => later(done, 1e9).unref())").unwrap_err();
    assert!(error.contains("never"), "{error}");
    assert_eq!(value("typeof setTimeout(() => 1, 1)"), "number");
}

#[test]
fn what_is_left_out_says_what_to_use_instead() {
    for (name, instead) in [
        ("http", "use fetch or cla/http"),
        ("node:http", "use fetch or cla/http"),
        ("worker_threads", "a run has one thread"),
        ("node:test", "cla test"),
        ("zlib", "CompressionStream"),
    ] {
        for source in [
            format!("require('{name}')"),
            format!("import '{name}'; export default 1"),
        ] {
            let ran = run_script(&engine(), Script::new("rule.js", source), RunOptions::new());
            let error = ran.value.unwrap_err();
            assert!(
                error.contains(&format!("there is no module '{name}' here: {instead}"))
                    || error.contains(instead),
                "{name}: {error}"
            );
        }
    }
    assert_eq!(
        thrown("process.chdir('/')"),
        "Error ERR_FEATURE_UNAVAILABLE_ON_PLATFORM: process.chdir is not for rules: all rules share one current folder; give the \
         folder to what needs one (cwd of a command, path.join)"
    );
    assert_eq!(
        value("try { require('http') } catch (error) { error.code }"),
        "MODULE_NOT_FOUND"
    );
    // A name that Node does not know either.
    let error = run("require('node:nothing')").value.unwrap_err();
    assert!(
        error.contains("there is no module 'node:nothing'"),
        "{error}"
    );
    // Not all of them are listed.
    assert!(!error.contains("node:fs,"), "{error}");
}

#[test]
fn a_rule_that_names_nothing_of_it_has_nothing_of_it() {
    assert_eq!(
        value(
            "[Object.keys(globalThis).includes('process'), typeof process, typeof Buffer, global === globalThis, typeof nothing]"
        ),
        json!([false, "object", "function", true, "undefined"])
    );
}

#[test]
fn buffers_are_shown_as_in_node() {
    assert_eq!(
        run("print(Buffer.from('hi'), { a: Buffer.alloc(60) }, Buffer.alloc(0)); class Buffer2 extends Uint8Array {}; print(new Buffer2(1))").stdout,
        format!(
            "<Buffer 68 69> {{\n  a: <Buffer{} ... 10 more bytes>\n}} <Buffer>\nBuffer2(1) [Uint8Array] [ 0 ]\n",
            " 00".repeat(50)
        )
    );
}

#[test]
fn a_rule_ends_its_run_with_a_code() {
    let ended = |source: &str| {
        let report = engine()
            .run(Script::new("rule.js", source), RunOptions::new())
            .wait();
        let kind = report.result.as_ref().err().map(|error| error.kind);
        (report.exit_code, kind, report.is_ok())
    };
    use cla_runtime::error::ErrorKind::{Exception, Exited};
    assert_eq!(
        ended("process.exit(3); while (true);"),
        (Some(3), Some(Exited), false)
    );
    assert_eq!(
        ended("process.exit(); print('never')"),
        (Some(0), None, true)
    );
    assert_eq!(ended("process.exitCode = 4; 1"), (Some(4), None, true));
    assert_eq!(
        ended("process.exitCode = 4; process.exit()"),
        (Some(4), Some(Exited), false)
    );
    assert_eq!(ended("process.exit('7')"), (Some(7), Some(Exited), false));
    assert_eq!(
        ended("try { process.exit(2) } catch { } process.exitCode = 9; 1"),
        (Some(2), Some(Exited), false)
    );
    assert_eq!(
        ended("setTimeout(() => process.exit(5)); setInterval(() => {}, 10)"),
        (Some(5), Some(Exited), false)
    );
    assert_eq!(
        ended("Promise.resolve().then(() => process.exit(6)); new Promise(() => {})"),
        (Some(6), Some(Exited), false)
    );
    assert_eq!(ended("process.exit({})"), (None, Some(Exception), false));
    assert_eq!(
        ended("process.exitCode = 1.5"),
        (None, Some(Exception), false)
    );
    assert_eq!(ended("1"), (None, None, true));
}

#[test]
fn what_a_run_holds_is_given_back_when_it_ends_itself() {
    let engine = engine();
    let ran = run_with(
        &engine,
        "require('cla/sem').take('db', () => process.exit(0))",
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(Value::Null));
    let ran = run_with(
        &engine,
        "require('cla/sem').take('db', { timeout: 1 }, () => 'free')",
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(json!("free")));
    // A rule that another one runs ends alone.
    let ran = run_with(
        &engine,
        "const rule = require('cla/rule').create({ name: 'inner' }, [{ js: 'process.exit(3)' }]);
         try { rule.run({}) } catch (error) { print(error.name) } 'went on'",
        RunOptions::new(),
    );
    assert_eq!(
        (ran.value, ran.stdout.as_str()),
        (Ok(json!("went on")), "RuleError\n")
    );
}

#[test]
fn listeners_hear_of_the_end() {
    let said = |source: &str| run(source).stdout;
    assert_eq!(
        said(
            "process.on('exit', (code) => print('exit', code)); process.once('beforeExit', () => setTimeout(() => print('late'), 1)); print('end')"
        ),
        "end\nlate\nexit 0\n"
    );
    assert_eq!(
        said(
            "process.on('exit', (code) => print('exit', code, process.exitCode)); process.exit(3)"
        ),
        "exit 3 3\n"
    );
}

#[test]
fn the_process_is_that_of_the_run() {
    let options = RunOptions::new()
        .name("nightly")
        .arguments(["--fast".to_owned()]);
    let ran = run_with(
        &engine(),
        "[process.argv, process.argv0, process.platform === require('os').platform(), process.pid === require('cla/process').pid(),
          process.cwd() === require('path').resolve(), process.uptime() >= 0, process.memoryUsage().heapUsed > 0,
          process.release.name, typeof process.versions.cla, process.stdout.isTTY, String(process)]",
        options,
    );
    assert_eq!(
        ran.value,
        Ok(json!([
            ["cla", "nightly", "--fast"],
            "cla",
            true,
            true,
            true,
            true,
            true,
            "cla",
            "string",
            false,
            "[object process]"
        ]))
    );
    let ran = run("process.stdout.write('a'); process.stderr.write(Buffer.from('é').subarray(0, 1)); process.stderr.write(Buffer.from('é').subarray(1));
         process.stdout.write('b\\n', () => print('written')); require('stream').Readable.from(['c', 'd']).pipe(process.stdout)");
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("ab\nwritten\ncd", "é")
    );
    let warned = run(
        "process.on('warning', (warning) => print(warning.name)); process.emitWarning('old', 'DeprecationWarning', 'DEP1')",
    );
    assert_eq!(
        (warned.stdout.as_str(), warned.stderr.as_str()),
        (
            "DeprecationWarning\n",
            "(cla) [DEP1] DeprecationWarning: old\n"
        )
    );
}

#[test]
fn the_standard_input_is_what_the_host_gives() {
    let read = |source: &str, input: Option<&'static str>| {
        let options = RunOptions::new();
        let options = match input {
            Some(text) => options.data(cla_stdlib::Input::new(text.as_bytes())),
            None => options,
        };
        run_with(&engine(), source, options).value.unwrap()
    };
    let text = Some("one\ntwo\n");
    let lines = "(async () => { const lines = []; for await (const line of require('readline').createInterface({ input: process.stdin })) lines.push(line); return lines })()";
    assert_eq!(read(lines, text), json!(["one", "two"]));
    assert_eq!(read(lines, None), json!([]));
    assert_eq!(
        read(
            "[require('fs').readFileSync(0, 'utf8'), require('fs').readFileSync('/dev/stdin', 'utf8')]",
            text
        ),
        json!(["one\ntwo\n", ""])
    );
    let answer = "(async () => { const lines = require('readline/promises').createInterface({ input: process.stdin, output: process.stdout }); const answer = await lines.question('name? '); lines.close(); return answer })()";
    assert_eq!(read(answer, text), json!("one"));
    // What nobody reads keeps no run from ending.
    assert_eq!(read("process.stdin.isTTY", text), json!(false));
}

#[test]
fn both_modules_share_one_environment() {
    assert_eq!(
        value(
            "const { env, pid } = require('cla/process');
             process.env.NEW_ONE = 7;
             const name = Object.keys(env).includes('NEW_ONE');
             const said = [env.NEW_ONE, env('NEW_ONE'), env('NO_SUCH') === undefined, name, JSON.parse(JSON.stringify(env)).NEW_ONE, pid() === pid + 0, `${pid}` === `${pid()}`];
             delete env.NEW_ONE;
             [said, process.env.NEW_ONE === undefined, { pid }.pid]"
        ),
        json!([["7", "7", true, true, "7", true, true], true, std::process::id()])
    );
    let shown = run("print(require('cla/process').pid)").stdout;
    assert_eq!(shown, format!("{}\n", std::process::id()));
    let options = RunOptions::new().environment([("TENANT", "acme")]);
    let ran = run_with(
        &engine(),
        "print(require('cla/process').env, process.env); require('child_process').execSync('echo $TENANT', { encoding: 'utf8' })",
        options,
    );
    assert_eq!(
        (ran.value, ran.stdout.as_str()),
        (
            Ok(json!("acme\n")),
            "{ TENANT: 'acme' } { TENANT: 'acme' }\n"
        )
    );
}

/// A folder, and an expression in which `dir` is its path.
fn in_folder(body: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().canonicalize().unwrap();
    let source = format!(
        "const fs = require('fs'), path = require('path'), dir = {};
         (async () => {{ {body} }})()",
        json!(dir)
    );
    value(&source)
}

#[test]
fn files_by_nodes_names() {
    assert_eq!(
        in_folder(
            "const file = path.join(dir, 'a.txt');
             fs.writeFileSync(file, 'héllo'); fs.appendFileSync(file, Buffer.from('!'));
             const said = [fs.readFileSync(file, 'utf8'), fs.readFileSync(file).toString('hex'), fs.readFileSync(file, { encoding: 'latin1' }).length];
             fs.mkdirSync(path.join(dir, 'x/y'), { recursive: true });
             fs.copyFileSync(file, path.join(dir, 'x/y/b.txt'));
             fs.renameSync(file, path.join(dir, 'x/c.txt'));
             fs.symlinkSync(path.join(dir, 'x/c.txt'), path.join(dir, 'link'));
             said.push(fs.readdirSync(dir), fs.readdirSync(dir, { recursive: true }), fs.readdirSync(path.join(dir, 'x'), { withFileTypes: true }).map((entry) => [entry.name, entry.isDirectory()]));
             said.push(fs.statSync(path.join(dir, 'link')).isFile(), fs.lstatSync(path.join(dir, 'link')).isSymbolicLink(), fs.realpathSync(path.join(dir, 'link')) === path.join(dir, 'x/c.txt'));
             said.push(fs.existsSync(file), fs.statSync(file, { throwIfNoEntry: false }) === undefined);
             try { fs.readFileSync(file) } catch (error) { said.push([error.code, error.syscall, error.path === file]) }
             try { fs.rmSync(path.join(dir, 'x')) } catch (error) { said.push(error.code) }
             try { fs.writeFileSync(path.join(dir, 'x/c.txt'), '', { flag: 'wx' }) } catch (error) { said.push(error.code) }
             fs.rmSync(path.join(dir, 'x'), { recursive: true }); fs.rmSync(path.join(dir, 'none'), { force: true }); fs.unlinkSync(path.join(dir, 'link'));
             return [...said, fs.readdirSync(dir)];"
        ),
        json!([
            "héllo!", "68c3a96c6c6f21", 7,
            ["link", "x"], ["link", "x", "x/c.txt", "x/y", "x/y/b.txt"], [["c.txt", false], ["y", true]],
            true, true, true, false, true,
            ["ENOENT", "open", true], "ERR_FS_EISDIR", "EEXIST", []
        ])
    );
}

#[test]
fn files_in_all_three_forms_and_as_streams() {
    assert_eq!(
        in_folder(
            "const file = path.join(dir, 'a.txt'), util = require('util'), stream = require('stream');
             await fs.promises.writeFile(file, 'one\\ntwo\\n');
             const said = [await fs.promises.readFile(file, 'utf8'), await util.promisify(fs.readFile)(file, 'utf8')];
             said.push(await new Promise((done) => fs.stat(path.join(dir, 'no'), (error, stats) => done([error.code, stats === undefined]))));
             said.push(await new Promise((done) => fs.exists(file, done)));
             const fd = fs.openSync(file), bytes = Buffer.alloc(3);
             said.push(fs.readSync(fd, bytes, 0, 3, 4), bytes.toString(), fs.readSync(fd, bytes), bytes.toString(), fs.fstatSync(fd).size); fs.closeSync(fd);
             try { fs.closeSync(fd) } catch (error) { said.push(error.code) }
             const out = fs.createWriteStream(path.join(dir, 'b.txt'));
             await stream.promises.pipeline(fs.createReadStream(file, { start: 1, end: 4, highWaterMark: 2 }), out);
             said.push(fs.readFileSync(out.path, 'utf8'), out.bytesWritten);
             const lines = [];
             for await (const line of require('readline').createInterface({ input: fs.createReadStream(file) })) lines.push(line);
             const handle = await fs.promises.open(file, 'r+');
             said.push(lines, (await handle.read(Buffer.alloc(2))).bytesRead, (await handle.write('X')).bytesWritten); await handle.close();
             said.push(fs.readFileSync(file, 'utf8'));
             const failed = fs.createReadStream(path.join(dir, 'no'));
             said.push(await new Promise((done) => failed.on('error', (error) => done(error.code))));
             fs.truncateSync(file, 3); fs.utimesSync(file, 5, new Date(7000)); fs.chmodSync(file, 0o600);
             said.push(fs.readFileSync(file, 'utf8'), fs.statSync(file).mtimeMs, (fs.statSync(file).mode & 0o777).toString(8));
             said.push(fs.mkdtempSync(path.join(dir, 'tmp-')).length - dir.length, fs.accessSync(file, fs.constants.R_OK) === undefined);
             try { fs.accessSync(path.join(dir, 'no')) } catch (error) { said.push(error.code) }
             return said;"
        ),
        json!([
            "one\ntwo\n", "one\ntwo\n", ["ENOENT", true], true,
            3, "two", 3, "one", 8, "EBADF",
            "ne\nt", 4, ["one", "two"], 2, 1, "onX\ntwo\n", "ENOENT",
            "onX", 7000, "600", 11, true, "ENOENT"
        ])
    );
}

#[cfg(unix)]
#[test]
fn programs_by_nodes_names() {
    let said = value(
        "const { execSync, execFileSync, spawnSync, spawn, exec, execFile } = require('child_process'), util = require('util');
         (async () => {
             const said = [execSync('echo hi').toString(), execFileSync('echo', ['a b', '$HOME'], { encoding: 'utf8' })];
             try { execSync('echo no >&2; exit 3', { stdio: 'pipe' }) } catch (error) { said.push([error.status, error.stderr.toString(), error.message]) }
             const sync = spawnSync('cat', { input: 'in', encoding: 'utf8' });
             said.push([sync.status, sync.stdout, sync.stderr, sync.signal], spawnSync('no-such-program').error.code);
             said.push(await util.promisify(exec)('echo out; echo err >&2'));
             said.push(await new Promise((done) => execFile('sh', ['-c', 'exit 4'], (error) => done([error.code, error.killed]))));
             const child = spawn('cat'), parts = [], events = [];
             child.stdout.on('data', (part) => parts.push(String(part)));
             for (const name of ['spawn', 'exit', 'close']) child.on(name, (...values) => events.push([name, ...values]));
             child.stdin.write('one\\n'); child.stdin.end('two');
             await new Promise((done) => child.on('close', done));
             said.push(parts.join(''), events);
             const missing = spawn('no-such-program');
             said.push(await new Promise((done) => missing.on('error', (error) => done([error.code, error.syscall, error.path]))));
             const killed = spawn('sleep', ['60']); killed.kill();
             said.push(await new Promise((done) => killed.on('exit', (...values) => done([...values, killed.killed]))));
             said.push(spawnSync('sleep', ['60'], { timeout: 50 }).error.code);
             process.env.FROM_RULE = 'x';
             said.push(execSync('echo $FROM_RULE', { encoding: 'utf8' }), execSync('echo $HOME$FROM_RULE-$A', { encoding: 'utf8', env: { A: '1', PATH: process.env.PATH } }));
             said.push(execSync('pwd', { cwd: '/', encoding: 'utf8' }));
             return said;
         })()",
    );
    assert_eq!(
        said,
        json!([
            "hi\n", "a b $HOME\n", [3, "no\n", "Command failed: echo no >&2; exit 3\nno\n"],
            [0, "in", "", null], "ENOENT", { "stdout": "out\n", "stderr": "err\n" }, [4, false],
            "one\ntwo", [["spawn"], ["exit", 0, null], ["close", 0, null]],
            ["ENOENT", "spawn no-such-program", "no-such-program"], [null, "SIGTERM", true], "ETIMEDOUT",
            "x\n", "-1\n", "/\n"
        ])
    );
    let shown = run(
        "require('child_process').execSync('echo shown; echo bad >&2', { stdio: 'inherit' }); require('child_process').execSync('echo told >&2')",
    );
    assert_eq!(
        (shown.stdout.as_str(), shown.stderr.as_str()),
        ("shown\n", "bad\ntold\n")
    );
}

#[test]
fn what_a_rule_may_not_it_may_not_by_these_names_either() {
    let engine = Engine::builder()
        .permissions(Permissions::none())
        .workers(1)
        .with(cla_stdlib::install)
        .build();
    for (what, permission) in [
        ("require('fs').readFileSync('/etc/hosts')", Permission::Read),
        ("require('fs').existsSync('/etc/hosts')", Permission::Read),
        ("require('fs').realpathSync('/etc/hosts')", Permission::Read),
        (
            "require('fs').promises.readFile('/etc/hosts')",
            Permission::Read,
        ),
        (
            "new Promise((done, failed) => require('fs').createReadStream('/etc/hosts').on('error', failed))",
            Permission::Read,
        ),
        (
            "require('fs').writeFileSync('/tmp/no', '')",
            Permission::Write,
        ),
        ("require('fs').openSync('/tmp/no', 'w')", Permission::Write),
        ("require('child_process').execSync('true')", Permission::Run),
        (
            "require('child_process').spawnSync('true')",
            Permission::Run,
        ),
        (
            "new Promise((done, failed) => require('child_process').spawn('true').on('error', failed))",
            Permission::Run,
        ),
        ("process.env.HOME", Permission::Env),
        ("require('os').homedir()", Permission::Env),
        ("require('cla/process').env('HOME')", Permission::Env),
    ] {
        let source = format!(
            "(async () => {{ try {{ await ({what}); return 'reached' }} catch (error) {{ return [error.name, error.permission] }} }})()"
        );
        let ran = run_with(&engine, &source, RunOptions::new());
        assert_eq!(
            ran.value,
            Ok(json!(["PermissionError", permission.name()])),
            "{what}"
        );
    }
}

#[test]
fn the_page_has_the_table_of_what_there_is() {
    let modules: Vec<&str> = cla_stdlib::modules()
        .filter(|name| name.starts_with("node:"))
        .collect();
    let source = format!(
        "{}.map((name) => {{
             const given = require(name), there = [], left = [];
             const list = (object, prefix) => {{
                 for (const key of Object.keys(object)) {{
                     if (key.startsWith('_') || (typeof given === 'function' && ['prototype', 'super_'].includes(key))) continue;
                     const member = Object.getOwnPropertyDescriptor(object, key).value;
                     (typeof member === 'function' && Symbol.for('cla.leftOut') in member ? left : there).push(key);
                 }}
             }};
             list(given);
             return [there, left];
         }})",
        json!(modules)
    );
    let found = value(&source);
    let mut table = String::from("| module | there | left out |\n| --- | --- | --- |\n");
    for (name, members) in modules.iter().zip(found.as_array().unwrap()) {
        // What is another one's is listed there.
        if matches!(
            *name,
            "node:sys" | "node:assert/strict" | "node:path/posix" | "node:constants"
        ) {
            continue;
        }
        let list = |at: usize| {
            let mut names: Vec<&str> = members[at]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            names.sort_by_key(|name| name.to_ascii_lowercase());
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(" ")
        };
        writeln!(table, "| `{name}` | {} | {} |", list(0), list(1)).unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/node.md");
    let page = std::fs::read_to_string(file).unwrap();
    assert!(
        page.contains(&table),
        "docs/node.md should have:\n\n{table}"
    );
}
