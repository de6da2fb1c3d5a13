//! The global `cla`.

mod support;

use cla_runtime::RunOptions;
use serde_json::json;
use support::{engine, printed, run, run_with, thrown, value};

/// The value of a script whose stash has some data.
#[track_caller]
fn with_stash(source: &str) -> serde_json::Value {
    let stash =
        json!({ "name": "web", "server": { "ports": [80, 443], "a/b": { "m~n": 8 } }, "list": [] });
    let ran = run_with(&engine(), source, RunOptions::new().stash(stash));
    ran.value
        .unwrap_or_else(|error| panic!("{source}\nfailed: {error}"))
}

#[test]
fn the_stash_is_read_by_key_and_by_pointer() {
    assert_eq!(
        with_stash(
            "[cla.stash('name'), cla.stash('/name'), cla.stash('/server/ports/1'), cla.stash('/server/a~1b/m~0n'), cla.stash().name, cla.stash('').name,
              cla.stash('/nope/x'), cla.stash('/name/x'), cla.stash('/server/ports/-'), cla.stash('/server/ports/01'), cla.stash('/server/ports/length')]"
        ),
        json!(["web", "web", 443, 8, "web", "web", null, null, null, null, null])
    );
}

#[test]
fn setting_makes_what_is_missing_on_the_way() {
    assert_eq!(
        with_stash(
            "cla.stash('/a/b/c', 1); cla.stash('/list/-', 'x'); cla.stash('/list/0', 'y'); cla.stash('/new/-/k', 2); cla.stash('/zero/0', 3);
             cla.stash('top.level', 4); cla.stash('/gone', undefined);
             const { a, list, new: made, zero } = cla.stash(); [a, list, made, zero, cla.stash('top.level'), 'gone' in cla.stash(), cla.stash('/server/ports/0', 8080)]"
        ),
        json!([{ "b": { "c": 1 } }, ["y"], [{ "k": 2 }], [3], 4, true, 8080])
    );
}

#[test]
fn paths_never_reach_the_prototype() {
    assert_eq!(
        with_stash(
            "cla.stash('/__proto__/polluted', 1); cla.stash('/constructor/prototype/polluted', 2);
             [{}.polluted, cla.stash('/toString'), cla.stash('constructor'), Object.keys(cla.stash()).includes('__proto__')]"
        ),
        json!([null, null, { "prototype": { "polluted": 2 } }, true])
    );
}

#[test]
fn unfit_paths_are_refused() {
    let cases = [
        (
            "cla.stash(5)",
            "TypeError: cla.stash: path must be a string, not 5",
        ),
        (
            "cla.stash('', 1)",
            "TypeError: cla.stash: the path must name a key to set",
        ),
        (
            "cla.stash('/a~2')",
            "SyntaxError: cla.stash: in \"/a~2\" write ~0 for ~ and ~1 for /",
        ),
        (
            "cla.stash('a', 'x'); cla.stash('/a/b', 1)",
            "TypeError: cla.stash: \"a\" is no object, so nothing can be set in it",
        ),
        (
            "cla.stash('/l/0', 1); cla.stash('/l/5', 1)",
            "RangeError: cla.stash: index 5 is beyond the end of an array of 1",
        ),
        (
            "cla.stash('/l/0', 1); cla.stash('/l/x', 1)",
            "TypeError: cla.stash: \"x\" is no index of an array",
        ),
        (
            "cla.stash('/a'.repeat(2000), 1)",
            "RangeError: cla.stash: the path has more than 1000 parts",
        ),
    ];
    for (expression, message) in cases {
        assert_eq!(thrown(expression), message);
    }
}

#[test]
fn variables_are_replaced_in_strings_and_nested_data() {
    assert_eq!(
        with_stash(
            "[cla.parseVars('Hello ${name}!'), cla.parseVars('${server.ports}'), cla.parseVars('${server.ports.0}/${/server/ports/1}'),
              cla.parseVars({ a: ['${name}', 5, { b: '${ name }' }], n: null }), cla.parseVars('ports: ${server.ports}')]"
        ),
        json!(["Hello web!", [80, 443], "80/443", { "a": ["web", 5, { "b": "web" }], "n": null }, "ports: [80,443]"])
    );
    assert_eq!(
        value(
            "const vars = { x: 1, 'a.b': 2, n: null, f: 1.5, t: '${x}' };
             [cla.parseVars('${x}', vars), cla.parseVars('${a.b}', vars), cla.parseVars('v${n}', vars), cla.parseVars('${t}', vars), cla.parseVars('${f}${x}', vars)]"
        ),
        json!([1, 2, "vnull", "${x}", "1.51"])
    );
}

#[test]
fn unknown_variables_and_escaped_ones_stay() {
    assert_eq!(
        value(
            "['${nope}', 'a ${nope} b', '$${x}', 'a $${x} ${x}', '$$', '${', 'a ${x', '${}', '${toString}', '${__proto__}', '$x'].map((text) => cla.parseVars(text, { x: 1 }))"
        ),
        json!([
            "${nope}",
            "a ${nope} b",
            "${x}",
            "a ${x} 1",
            "$$",
            "${",
            "a ${x",
            "${}",
            "${toString}",
            "${__proto__}",
            "$x"
        ])
    );
}

#[test]
fn data_are_copied_and_other_objects_are_not() {
    assert_eq!(
        value(
            "const when = new Date(0), inner = { s: '${x}' }, data = { inner, when, list: ['${x}'] };
             const parsed = cla.parseVars(data, { x: 1 });
             [parsed.inner !== inner, parsed.when === when, inner.s, parsed.inner.s, parsed.list,
              cla.parseVars(JSON.parse('{\"__proto__\": \"${x}\"}'), { x: 1 }) instanceof Object]"
        ),
        json!([true, true, "${x}", 1, [1], true])
    );
    let cases = [
        (
            "const a = {}; a.a = a; cla.parseVars(a, {})",
            "TypeError: cla.parseVars: the value contains itself",
        ),
        (
            "let deep = {}; for (let i = 0; i < 1e5; i++) deep = { deep }; cla.parseVars(deep, {})",
            "RangeError: cla.parseVars: the value is nested more than 1000 levels deep",
        ),
        (
            "cla.parseVars('${x} '.repeat(1e5), { x: 'y'.repeat(1e5) })",
            "RangeError: cla.parseVars: the result is longer than 16 MiB",
        ),
        (
            "cla.parseVars('x', 5)",
            "TypeError: cla.parseVars: vars must be an object, not 5",
        ),
    ];
    for (expression, message) in cases {
        assert_eq!(thrown(expression), message);
    }
}

#[test]
fn printf_and_dump_write_to_the_output() {
    assert_eq!(
        printed("cla.printf('%d%%', 5); cla.printf('\\n'); cla.dump({ a: [1] }); cla.dump('text')"),
        "5%\na:\n  - 1\ntext\n"
    );
}

#[test]
fn the_last_error_is_that_of_a_module() {
    let ran = run("const util = require('cla/util');
         const seen = [cla.lastError()];
         try { util.sleep(-1) } catch {}
         seen.push(cla.lastError());
         try { throw new Error('the rule’s own') } catch {}
         try { null.x } catch {}
         seen.push(cla.lastError());
         try { require('cla/log').fatal('stop') } catch {}
         seen.push(cla.lastError());
         try { util.benchmark(1, () => { throw 'a string' }) } catch {}
         seen.push(cla.lastError());
         seen");
    let sleep = "util.sleep: seconds must not be negative, not -1";
    assert_eq!(
        ran.value,
        Ok(json!([null, sleep, sleep, "stop", "a string"]))
    );
    assert_eq!(
        value("cla.lastError()"),
        json!(null),
        "another run knows nothing of it"
    );
}

/// The value of a script that has settings.
#[track_caller]
fn with_config(source: &str) -> serde_json::Value {
    let config = json!({
        "deploy": { "host": "web1", "keep": 3, "dry": false, "none": null }, "hosts": ["a", { "port": 22 }], "a.b": 1, "a/b": 2,
    });
    let ran = run_with(&engine(), source, RunOptions::new().config(config));
    ran.value
        .unwrap_or_else(|error| panic!("{source}\nfailed: {error}"))
}

#[test]
fn settings_are_read_by_their_paths_with_their_types() {
    assert_eq!(
        with_config(
            "const config = require('cla/config');
             [cla.config('deploy.host'), cla.config('/deploy/keep'), cla.config('deploy.dry', true), cla.config('hosts.1.port'), cla.config('a.b'), cla.config('/a~1b'),
              cla.config('deploy.none', 5), cla.config('deploy.no', 'x'), cla.config('no.way') === undefined, cla.config('deploy'), Object.keys(cla.config()),
              config.get('config.deploy.host'), config.get('deploy.host'), config.get('config.no', 7), config.has('deploy'), config.has('constructor'), Object.keys(config.all()).length,
              cla.configTable('config.deploy.keep')]"
        ),
        json!([
            "web1", 3, false, 22, 1, 2, null, "x", true, { "host": "web1", "keep": 3, "dry": false, "none": null },
            ["deploy", "hosts", "a.b", "a/b"], "web1", "web1", 7, true, false, 4, 3
        ])
    );
    assert_eq!(
        with_config(
            "cla.config('deploy').host = 'x'; cla.config().deploy = 1; cla.config('deploy.host')"
        ),
        "web1",
        "each gets a copy"
    );
    assert_eq!(value("[cla.config(), cla.config('x', 1)]"), json!([{}, 1]));
    assert_eq!(
        thrown("cla.config(5)"),
        "TypeError: cla.config: path must be a string, not 5"
    );
}

#[test]
fn settings_of_a_run_lie_over_those_of_its_engine_and_go_on_to_what_it_starts() {
    let engine = cla_runtime::Engine::builder()
        .workers(1)
        .permissions(cla_tests::engine::permissions())
        .config(json!({ "a": { "x": 1, "y": 1 }, "b": 1 }))
        .config(json!({ "a": { "y": 2 } }))
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    let rule = "require('cla/rule').create({ name: 'r' }, [{ return: '${config.a} ${config.b} {{ cla.config(\"a.z\") }}' }]).run({})";
    let options = RunOptions::new().config(json!({ "a": { "z": 3 }, "b": [4] }));
    let ran = run_with(&engine, &format!("[{rule}, cla.config()]"), options);
    assert_eq!(
        ran.value,
        Ok(
            json!(["{\"x\":1,\"y\":2,\"z\":3} [4] 3", { "a": { "x": 1, "y": 2, "z": 3 }, "b": [4] }])
        )
    );
    let ran = run_with(&engine, "cla.config()", RunOptions::new());
    assert_eq!(ran.value, Ok(json!({ "a": { "x": 1, "y": 2 }, "b": 1 })));
}

#[test]
fn texts_become_expressions_and_have_values_put_in() {
    assert_eq!(
        value(
            "globalThis.RegExp = null;
             [cla.regex('^a.$', 'i').test('AB'), String(cla.regex('x')), cla.loc('es', '%1 of %2, %3 and 100%', 1, 'b'), cla.loc('es', '%'), cla.loc('es', '%0%12', 1)]"
        ),
        json!([true, "/x/", "1 of b, %3 and 100%", "%", "%0%12"])
    );
    assert!(thrown("cla.regex('(')").starts_with("SyntaxError"));
}
