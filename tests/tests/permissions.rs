//! What rules may reach outside of their engine: nothing unless it is given, what is given, and no more by any way around.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cla_runtime::permissions::Permission;
use cla_runtime::semaphore::{Owner, Request, SemaphoreName, Semaphores};
use cla_runtime::{Engine, Limits, Permissions, RuleError, RunOptions, RunReport, Script};
use serde_json::{Value, json};

/// An engine with the standard library and with rulebooks, whose rules may this.
fn engine(permissions: Permissions) -> Engine {
    Engine::builder()
        .workers(1)
        .permissions(permissions)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

fn report(engine: &Engine, script: Script, options: RunOptions) -> RunReport {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(engine.run(script, options))
}

/// What the script comes to.
fn run(engine: &Engine, text: &str) -> Result<Value, RuleError> {
    report(engine, Script::new("rule.js", text), RunOptions::new()).result
}

fn allow(permission: Permission, items: &[&str]) -> Permissions {
    Permissions::default().allow(permission, items).unwrap()
}

/// A server that answers each request in the same way, and counts them.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(answer: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, answer) = (Arc::clone(&requests), answer.into());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.map(|stream| respond(stream, &answer));
            }
        });
        Self { port, requests }
    }

    fn ok() -> Self {
        Self::start("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn respond(mut stream: TcpStream, answer: &str) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut text = [0; 4096];
    let _ = stream.read(&mut text);
    let _ = stream.write_all(answer.as_bytes());
}

/// A folder with a file in it.
struct Canary {
    folder: tempfile::TempDir,
    file: PathBuf,
}

const SECRET: &str = "the-secret-of-the-canary";

impl Canary {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().canonicalize().unwrap().join("secret.txt");
        std::fs::write(&file, SECRET).unwrap();
        Self { folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Nothing was made, changed or removed.
    fn is_untouched(&self) -> bool {
        std::fs::read_dir(self.folder.path()).unwrap().count() == 1
            && std::fs::read_to_string(&self.file).unwrap() == SECRET
    }
}

/// All ways to the outside: the permission that each needs, and a script that takes it.
fn doors(canary: &Canary, server: &Server) -> Vec<(&'static str, String)> {
    let (file, url, port) = (json!(canary.path()), json!(server.url()), server.port);
    let new_file = json!(canary.folder.path().join("new").display().to_string());
    let op = |ops: Value| format!("require('cla/rule').create({{name: 'x'}}, {ops}).run({{}})");
    vec![
        (
            "read",
            op(json!([{"x = read_file": file}, {"return": "${x}"}])),
        ),
        (
            "write",
            op(json!([{"write_file": {"path": new_file, "text": "x"}}])),
        ),
        (
            "write",
            op(json!([{"write_file": {"path": file, "text": "x", "append": true}}])),
        ),
        (
            "run",
            op(json!([{"x = shell": "whoami; echo $DATABASE_URL"}, {"return": "${x.output}"}])),
        ),
        ("net", op(json!([{"x = http": url}, {"return": "${x}"}]))),
        ("net", format!("require('cla/http').get({url})")),
        ("net", format!("require('cla/http').post({url}, 'x')")),
        ("net", format!("require('cla/web').agent().get({url})")),
        ("net", format!("require('cla/web').agent().isOnline({{ url: {url} }})")),
        (
            "read",
            format!("require('cla/web').agent().mirror({url}, {new_file})"),
        ),
        (
            "net",
            format!(
                "const {{ Redis }} = require('cla/redis');
                 const {{ RedisPubSubEventBusAdapter }} = require('cla/event-bus/redis');
                 const serde = {{ serialize: String, deserialize: String }};
                 new RedisPubSubEventBusAdapter({{ serde, client: new Redis('redis://127.0.0.1:{port}') }})"
            ),
        ),
        (
            "net",
            format!(
                "const {{ RedisSemaphoreAdapter }} = require('cla/semaphore/redis');
                 new RedisSemaphoreAdapter('redis://127.0.0.1:{port}')"
            ),
        ),
        (
            "read",
            format!(
                "const {{ SqliteSemaphoreAdapter }} = require('cla/semaphore/sqlite');
                 new SqliteSemaphoreAdapter({new_file})"
            ),
        ),
        ("env", "require('cla/process').env.PATH".to_owned()),
        (
            "env",
            "require('cla/process').env['NO_SUCH_VARIABLE']".to_owned(),
        ),
        ("steer", "require('cla/sem').slots('x', 3)".to_owned()),
        ("steer", "require('cla/sem').purge('x')".to_owned()),
        (
            "steer",
            "require('cla/sem').forceReleaseAll('x')".to_owned(),
        ),
    ]
}

#[test]
fn an_engine_reaches_nothing_unless_it_is_given() {
    let (canary, server) = (Canary::new(), Server::ok());
    let engine = engine(Permissions::default());
    for (permission, script) in doors(&canary, &server) {
        let body = match script.rsplit_once(';') {
            Some((before, last)) => format!("{before}; return {}", last.trim()),
            None => format!("return {script}"),
        };
        // A rule that another one runs fails with a `RuleError`, whose cause says why.
        let caught = format!(
            "try {{ (() => {{ {body} }})(); 'reached' }} catch (e) {{
                const {{ name, message }} = e.cause ?? e;
                [e.cause !== undefined || e instanceof PermissionError && e.flag.startsWith('--allow-'), name, message.split(' for ')[0]] }}",
        );
        let caught = run(&engine, &caught).unwrap();
        let expected = json!([
            true,
            "PermissionError",
            format!("no {permission} permission")
        ]);
        assert_eq!(caught, expected, "{script}");
    }
    assert_eq!(server.requests(), 0);
    assert!(canary.is_untouched());
    // What it does have: semaphores of its own.
    assert_eq!(
        run(&engine, "require('cla/sem').take('x', () => 1)").unwrap(),
        1
    );
}

#[test]
fn a_rule_that_may_not_says_what_would_let_it() {
    let error = run(
        &engine(Permissions::default()),
        "require('cla/rule').create({name: 'x'}, [{read_file: '/etc/hosts'}]).run({})",
    )
    .unwrap_err();
    let text = error.render(false);
    assert!(text.contains("no read permission for /etc/hosts"), "{text}");
    assert!(text.contains("--allow-read=/etc/hosts"), "{text}");
    let denied = allow(Permission::Net, &["loopback"])
        .deny(Permission::Net, ["127.0.0.1"])
        .unwrap();
    let error = run(
        &engine(denied),
        "require('cla/http').get('http://127.0.0.1:1/')",
    )
    .unwrap_err();
    assert!(error.to_string().contains("--deny-net"), "{error}");
}

#[test]
fn what_is_given_is_reached() {
    let (canary, server) = (Canary::new(), Server::ok());
    let folder = canary.folder.path().to_str().unwrap();
    let permissions = allow(Permission::Read, &[folder])
        .allow(Permission::Write, [folder])
        .unwrap()
        .allow(Permission::Net, ["loopback"])
        .unwrap()
        .allow(Permission::Run, ["sh"])
        .unwrap()
        .allow(Permission::Env, ["PATH"])
        .unwrap()
        .allow(Permission::Steer, ["x*"])
        .unwrap();
    let engine = engine(permissions);
    let rule = |ops: Value| {
        run(
            &engine,
            &format!("require('cla/rule').create({{name: 'x'}}, {ops}).run({{}})"),
        )
    };
    let read = rule(json!([{"x = read_file": canary.path()}, {"return": "${x}"}]));
    assert_eq!(read.unwrap(), SECRET);
    let path = canary.folder.path().join("made.txt");
    rule(json!([{"write_file": {"path": path, "text": "a"}}, {"write_file": {"path": path, "text": "b", "append": true}}]))
        .unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "ab");
    let url = server.url();
    assert_eq!(
        run(&engine, &format!("require('cla/http').get('{url}').body")).unwrap(),
        "hello"
    );
    // A command sees the variables that its rule sees, PATH, and which runs wait for it.
    let seen = rule(
        json!([{"x = shell": "env | grep -v '^\\(PWD\\|SHLVL\\|_\\|PATH\\|CLA_DEPENDENTS\\)=' || true"}, {"return": "${x.output}"}]),
    );
    assert_eq!(seen.unwrap(), "");
    let env = "const { env } = require('cla/process'); [Object.keys(env), JSON.stringify(env) === JSON.stringify({PATH: env.PATH})]";
    assert_eq!(run(&engine, env).unwrap(), json!([["PATH"], true]));
    let steered = "const sem = require('cla/sem'); sem.slots('x1', 3); try { sem.slots('y', 3) } catch (e) { e.message.split(':')[0] }";
    assert_eq!(run(&engine, steered).unwrap(), "no steer permission for y");
}

#[test]
fn a_redirect_leads_no_further_than_a_request() {
    let inside = Server::ok();
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        inside.url()
    );
    let outside = Server::start(answer);
    let only = format!("127.0.0.1:{}", outside.port);
    let engine = engine(allow(Permission::Net, &[&only]));
    let script = format!(
        "try {{ require('cla/http').get('{}').status }} catch (e) {{ [e.name, e.resource] }}",
        outside.url()
    );
    let denied = json!(["PermissionError", format!("127.0.0.1:{}", inside.port)]);
    assert_eq!(run(&engine, &script).unwrap(), denied);
    assert_eq!((outside.requests(), inside.requests()), (1, 0));
    // One that is not followed is an answer.
    let script = format!(
        "require('cla/http').get('{}', {{ redirects: 0 }}).status",
        outside.url()
    );
    assert_eq!(run(&engine, &script).unwrap(), 302);
}

#[test]
fn a_name_that_leads_to_this_machine_is_not_what_was_meant() {
    let server = Server::ok();
    let get = format!(
        "try {{ require('cla/http').get('http://localhost:{}/').status }} catch (e) {{ e.name }}",
        server.port
    );
    let with = |permissions| run(&engine(permissions), &get).unwrap();
    assert_eq!(with(allow(Permission::Net, &["localhost"])), 200);
    assert_eq!(
        with(allow(Permission::Net, &["public", "private"])),
        "PermissionError"
    );
    let not_here = Permissions::default().allow_all(Permission::Net);
    let not_here = not_here.deny(Permission::Net, ["loopback"]).unwrap();
    assert_eq!(with(not_here), "PermissionError");
    assert_eq!(server.requests(), 1);
}

/// A connection that one run left open is not a way for another one.
#[test]
fn runs_with_other_permissions_do_not_share_connections() {
    let server = Server::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let engine = engine(Permissions::default().allow_all(Permission::Net));
    let get = format!("require('cla/http').get('{}').status", server.url());
    let with = |permissions: Permissions| {
        let options = RunOptions::new().permissions(permissions);
        report(&engine, Script::new("rule.js", get.as_str()), options).result
    };
    assert_eq!(with(Permissions::all()).unwrap(), 200);
    assert!(with(Permissions::default()).is_err());
    assert!(with(allow(Permission::Net, &["public"])).is_err());
}

#[test]
fn what_a_run_starts_never_may_more_than_the_run() {
    let canary = Canary::new();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    let read = json!([{"x = read_file": canary.path()}, {"return": "${x}"}]);
    write("child.yml", json!({"do": read}).to_string());
    write(
        "fork.yml",
        json!({"do": [{"parallel": "wait", "do": read}, {"wait_children": null}]}).to_string(),
    );
    write(
        "call.yml",
        json!({"do": [{"x = call": "./child.yml"}, {"return": "${x}"}]}).to_string(),
    );
    let caught = "catch (e) { done((e.cause ?? e).message) }";
    let run_later = |start: &str, work: &str| {
        format!(
            "import {{ create, run }} from 'cla/rule';
             export default await new Promise(done => {start}(() => {{ try {{ done({work}) }} {caught} }}, 1))"
        )
    };
    let create = format!("create({{name: 'x'}}, {read}).run({{}})");
    write(
        "rule.mjs",
        run_later("(work => work())", "run('./child.yml')"),
    );
    write("timer.mjs", run_later("setTimeout", &create));
    write(
        "callback.mjs",
        run_later("(work => Promise.resolve().then(work))", &create),
    );
    let engine = engine(Permissions::all());
    for file in [
        "child.yml",
        "fork.yml",
        "call.yml",
        "rule.mjs",
        "timer.mjs",
        "callback.mjs",
    ] {
        let run = |options| {
            let ended = report(&engine, Script::file(folder.path().join(file)), options);
            match &ended.result {
                Ok(value) => value.to_string(),
                Err(error) => error.to_string(),
            }
        };
        let said = run(RunOptions::new().permissions(Permissions::default()));
        assert!(said.contains("no read permission"), "{file}: {said}");
        // The engine itself may.
        let said = run(RunOptions::new());
        assert!(
            said.contains(SECRET) || file == "fork.yml" && !said.contains("permission"),
            "{file}: {said}"
        );
    }
}

#[test]
fn semaphores_that_a_rule_may_not_take_are_not_there_for_it() {
    let semaphores = Semaphores::memory();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let name = |name: &str| SemaphoreName::new(name).unwrap();
    let hold = |of: &str| {
        let request = Request::new().owner(Owner::process("another tenant"));
        runtime
            .block_on(semaphores.semaphore(&name(of)).acquire().with(request))
            .unwrap()
    };
    let _held = [hold("bank-db"), hold("shop-db")];
    let permissions = Permissions::none()
        .allow(Permission::Store, ["shop-*"])
        .unwrap()
        .allow(Permission::Steer, ["*"])
        .unwrap();
    let engine = Engine::builder()
        .permissions(permissions)
        .semaphores(semaphores.clone())
        .with(cla_stdlib::install)
        .build();
    let seen = run(
        &engine,
        "JSON.stringify([require('cla/sem').list(), require('cla/sem').audit()])",
    )
    .unwrap();
    assert!(
        seen.to_string().contains("shop-db") && !seen.to_string().contains("bank"),
        "{seen}"
    );
    let list = runtime.block_on(semaphores.list()).unwrap();
    let id = list
        .iter()
        .find(|view| view.name.as_str() == "bank-db")
        .unwrap()
        .requests[0]
        .id;
    let name_of = |script: &str| {
        run(
            &engine,
            &format!("try {{ {script} }} catch (e) {{ e.name }}"),
        )
        .unwrap()
    };
    for script in [
        "require('cla/sem').take('bank-db', () => 1)",
        "require('cla/sem').acquire('bank-db')",
        "require('cla/sem').show('bank-db')",
        "require('cla/sem').history('bank-db')",
        "require('cla/semaphore').semaphore?.('bank-db') ?? require('cla/sem').show('bank-db')",
    ] {
        assert_eq!(name_of(script), "PermissionError", "{script}");
    }
    for command in ["grant", "cancel"] {
        let said = run(
            &engine,
            &format!("try {{ require('cla/sem').{command}('{id}') }} catch (e) {{ e.message }}"),
        )
        .unwrap();
        assert!(
            said.to_string().contains("no request") && !said.to_string().contains("bank"),
            "{said}"
        );
    }
}

/// Calls every function of every module, and every method of what comes out of it, with paths, URLs and rules that would
/// reach something. Nothing may be reached, whatever they do.
#[test]
fn no_function_of_any_module_is_a_way_around() {
    let (canary, server) = (Canary::new(), Server::ok());
    let engine = engine(Permissions::default());
    let path = std::env::var("PATH").unwrap();
    let battery = json!([
        [canary.path()],
        [canary.path(), "x"],
        [{"path": canary.path(), "file": canary.path(), "url": server.url(), "text": "x"}],
        [server.url()],
        [server.url(), {"body": "x"}],
        [format!("redis://127.0.0.1:{}", server.port)],
        [format!("sqlite:{}.db", canary.path())],
        [format!("{}.db", canary.path())],
        ["PATH"],
        ["x", 3],
        ["${PATH}", {}],
        [{"name": "x"}, [{"x = read_file": canary.path()}, {"return": "${x}"}]],
        [{"name": "x"}, [{"x = shell": "env"}, {"return": "${x.output}"}]],
        [{"name": "x"}, [{"x = http": server.url()}, {"return": "${x}"}]],
        [{"name": "x"}, [{"write_file": {"path": format!("{}.new", canary.path()), "text": "x"}}]],
    ]);
    let modules: Vec<&str> = cla_stdlib::modules()
        .chain(cla_rulebook::modules())
        .collect();
    let mut called = 0;
    for module in modules {
        let names = run(&engine, &format!("Object.keys(require('{module}'))")).unwrap();
        for name in names.as_array().unwrap() {
            let script = WALK
                .replace("MODULE", module)
                .replace("NAME", &name.to_string())
                .replace("BATTERY", &battery.to_string());
            let options = RunOptions::new()
                .limits(Limits::default().timeout(Duration::from_secs(2)))
                .output(Arc::new(cla_tests::output::Discarded));
            let report = report(&engine, Script::new("walk.mjs", script), options);
            let what = format!("{module} {name}");
            let said = match &report.result {
                Ok(value) => {
                    // A function that ends the run leaves nothing to count.
                    let calls = value["calls"].as_u64();
                    assert!(calls.is_some() || report.exit_code.is_some(), "{what}");
                    called += calls.unwrap_or_default();
                    value.to_string()
                }
                // One that waits for ever is stopped.
                Err(error) => error.to_string(),
            };
            assert!(!said.contains(SECRET), "{what}: {said}");
            assert!(!said.contains(&path), "{what} shows the environment");
            assert_eq!(server.requests(), 0, "{what} reaches a server");
            assert!(canary.is_untouched(), "{what} changes files");
        }
    }
    assert!(called > 3_000, "only {called} calls");
}

const WALK: &str = r"
import * as module from 'MODULE';
import util from 'cla/util';
const said = [];
let calls = 0;
const show = value => { try { said.push(util.inspect?.(value) ?? String(value)); said.push(JSON.stringify(value) ?? '') } catch {} };
const settle = value => Promise.race([value, new Promise(done => setTimeout(done, 5))]);
async function look(value, depth) {
    show(value);
    if (value instanceof Promise || typeof value?.then === 'function') value = await settle(value).catch(error => (show(error?.message), undefined));
    show(value);
    if (value === null || typeof value !== 'object' || depth > 1) return;
    const names = new Set();
    for (let at = value; at && at !== Object.prototype && at !== Array.prototype; at = Object.getPrototypeOf(at))
        Object.getOwnPropertyNames(at).forEach(name => names.add(name));
    for (const name of names) {
        if (name === 'constructor') continue;
        let member;
        try { member = value[name] } catch (error) { show(error?.message); continue }
        if (typeof member === 'function') await attempt((...args) => member.apply(value, args), depth + 1, [[], ['x'], ['x', () => 1]]);
    }
}
async function attempt(call, depth, battery) {
    for (const args of battery) {
        calls++;
        try { await look(call(...args), depth) } catch (error) { show(error?.message); show(error?.cause?.message) }
    }
}
const target = module[NAME] ?? module.default?.[NAME];
if (typeof target === 'function') {
    await attempt((...args) => target(...args), 0, BATTERY);
    await attempt((...args) => new target(...args), 0, BATTERY);
} else {
    await look(target, 0);
    for (const [name, member] of Object.entries(target ?? {}))
        if (typeof member === 'function') await attempt((...args) => member.apply(target, args), 0, BATTERY);
}
export default { calls, said: said.join('\n') };
";

#[test]
fn imports_stay_where_they_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().canonicalize().unwrap();
    for (file, text) in [
        (
            "rules/main.mjs",
            "import x from './lib/a.mjs'; export default x",
        ),
        (
            "rules/out.mjs",
            "import x from '../shared/b.mjs'; export default x",
        ),
        ("rules/lib/a.mjs", "export default 'a'"),
        ("shared/b.mjs", "export default 'b'"),
    ] {
        std::fs::create_dir_all(top.join(file).parent().unwrap()).unwrap();
        std::fs::write(top.join(file), text).unwrap();
    }
    let with = |permissions: Permissions, file: &str| {
        let script = Script::file(top.join("rules").join(file));
        report(&engine(permissions), script, RunOptions::new()).result
    };
    let path = |path: &str| top.join(path).display().to_string();
    assert_eq!(with(Permissions::default(), "main.mjs").unwrap(), "a");
    assert!(with(Permissions::default(), "out.mjs").is_err());
    let shared = allow(Permission::Import, &[&path("shared")]);
    assert_eq!(with(shared.clone(), "out.mjs").unwrap(), "b");
    assert!(
        with(
            shared
                .deny(Permission::Import, [path("shared/b.mjs")])
                .unwrap(),
            "out.mjs"
        )
        .is_err()
    );
    let no_lib = Permissions::all()
        .deny(Permission::Import, [path("rules/lib")])
        .unwrap();
    assert!(with(no_lib, "main.mjs").is_err());
    assert!(with(Permissions::all().deny_all(Permission::Import), "main.mjs").is_err());
}

#[test]
fn a_path_is_given_with_what_lies_below_it() {
    let canary = Canary::new();
    let read = |permissions: Permissions, path: &Path| {
        let rule = json!([{"x = read_file": path}, {"return": "${x}"}]);
        run(
            &engine(permissions),
            &format!("require('cla/rule').create({{name: 'x'}}, {rule}).run({{}})"),
        )
    };
    let folder = canary.folder.path();
    assert_eq!(
        read(allow(Permission::Read, &[canary.path()]), &canary.file).unwrap(),
        SECRET
    );
    assert!(
        read(
            allow(Permission::Read, &[&format!("{}x", folder.display())]),
            &canary.file
        )
        .is_err()
    );
    let up = folder
        .join("..")
        .join(folder.file_name().unwrap())
        .join("secret.txt");
    assert_eq!(
        read(allow(Permission::Read, &[folder.to_str().unwrap()]), &up).unwrap(),
        SECRET
    );
}
