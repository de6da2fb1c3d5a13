//! `cla/rule`.

#[path = "../../stdlib/tests/support/mod.rs"]
mod support;

use cla_runtime::semaphore::SemaphoreName;
use cla_runtime::trace::{RegionOutcome, Trace};
use cla_runtime::{RunOptions, Script};
use serde_json::json;
use support::{engine, run, run_script, run_with, value};

#[test]
fn a_created_rule_runs_with_a_stash_of_its_own() {
    assert_eq!(
        value(
            "const rule = require('cla/rule');
             const greet = rule.create({ name: 'greet', vars: { greeting: 'hello' }, def: { join: { args: ['a', 'b'], do: [{ return: '${a} ${b}' }] } } }, [
                 { 'text = join': { a: '${greeting}', b: '${who}' } },
                 { return: '${text}' },
             ]);
             const stash = { who: 'you' };
             [greet.run(stash), rule.run(greet, { who: 'me', greeting: 'hi' }), stash, greet.name, String(greet), String(greet).includes('join')]"
        )
        .as_array()
        .map(|values| values[..4].to_vec()),
        Some(vec![json!("hello you"), json!("hi me"), json!({"who": "you"}), json!("greet.yml")])
    );
}

#[test]
fn rules_in_files_are_run_and_blocked_on() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("there is room");
    };
    write(
        "main.js",
        "
        const { run } = require('cla/rule');
        [run('./b.yml', { n: 2 }), run('c.js', { n: 3 }), run('./b.yml', {}, { event: 'ping' })]",
    );
    write(
        "b.yml",
        "{do: [{return: '{{ n * 2 }}'}], on: {ping: [{return: pong}]}}",
    );
    write("c.js", "export default ({ n }) => n + 1;");
    let ran = run_script(
        &engine(),
        Script::file(folder.path().join("main.js")),
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(json!([4, 4, "pong"])));
}

#[test]
fn a_rule_that_fails_throws_an_error_that_tells_why_and_where() {
    assert_eq!(
        value(
            "const { create, RuleError } = require('cla/rule');
             try { create({ name: 'bad' }, [{ fail: 'no luck' }]).run() } catch (e) {
                 [e instanceof RuleError, e.name, e.message, e.rule, e.location, e.cause.message]
             }"
        ),
        json!([
            true,
            "RuleError",
            "bad.yml failed: no luck (bad.yml:5:7)",
            "bad.yml",
            "bad.yml:5:7",
            "no luck"
        ])
    );
}

#[test]
fn mistakes_are_told_when_a_rule_is_created() {
    for (code, expected) in [
        (
            "create({}, [{ ecoh: 1 }])",
            "there is no op \"ecoh\"; did you mean echo? (rule.yml:4:7)",
        ),
        (
            "create({ semphore: 'x' }, [])",
            "unknown option \"semphore\"; did you mean semaphore?",
        ),
        (
            "create({}, [{ js: () => 1 }])",
            "a rule is data, without functions",
        ),
        ("create(7, [])", "rule.create: options must be an object"),
        (
            "create({}, 7)",
            "rule.create: the tree must be a list of ops",
        ),
        ("create({})", "there is nothing to run"),
        (
            "create({ timeout: 'soon' }, [])",
            "this must be a number of seconds or a duration",
        ),
        ("run('./none.yml')", "rule.run: cannot import './none.yml'"),
        (
            "run(create({}, []), 5)",
            "rule.run: the stash must be an object, not 5",
        ),
        (
            "run(create({}, []), {}, { evnt: 1 })",
            "did you mean event?",
        ),
        ("const a = []; a.push(a); create({}, a)", "circular"),
        (
            "region({ key: 'x', slotz: 1 }, () => {})",
            "rule.region: unknown option \"slotz\"; did you mean slots?",
        ),
        ("region('x')", "the last argument must be the function"),
        (
            "region({}, () => {})",
            "rule.region: the semaphore's name must be a string",
        ),
    ] {
        let ran = run(&format!(
            "const {{ run, create, region }} = require('cla/rule'); {code}"
        ));
        let error = ran.value.unwrap_err();
        assert!(error.contains(expected), "{code}: {error}");
    }
}

#[test]
fn what_a_created_rule_carries_holds_while_its_ops_run() {
    let script = "
        const { create } = require('cla/rule'), sem = require('cla/sem');
        const seen = create({ name: 'careful', semaphore: { key: 'x', slots: 2 }, timeout: '5s' }, [
            { 'now = js': \"require('cla/sem').show('x')\" }, { return: '${now}' },
        ]).run();
        [seen.busy, seen.slots, seen.requests.map(r => r.who), sem.show('x').busy]";
    let ran = run(script);
    assert_eq!(
        ran.value,
        Ok(json!([1, 2, ["careful.yml › careful, line 5"], 0]))
    );
}

#[test]
fn a_region_has_a_name_in_the_trace_and_to_administrators() {
    let trace = Trace::start();
    let script = "const { region } = require('cla/rule'), sem = require('cla/sem');

region({ key: 'db', name: 'migrate', slots: 1 }, permit => {
    print(sem.list()[0].requests[0].who, permit.name);
});
try { region('db', () => { throw new Error('x') }) } catch {}
try { region('db', () => region('db', () => {})) } catch (e) { print(e instanceof sem.SemaphoreDeadlockError) }
(async () => region('db', async () => { await null; return 5 }))()";
    let options = RunOptions::new().name("deploy").trace(trace.clone());
    let engine = engine();
    let ran = run_with(&engine, script, options);
    assert_eq!(ran.value, Ok(json!(5)));
    assert_eq!(ran.stdout, "deploy › migrate, line 3 db\ntrue\n");
    let runs = trace.runs();
    let regions: Vec<_> = runs[0]
        .regions
        .iter()
        .map(|region| (region.who.as_str(), region.line, region.outcome))
        .collect();
    assert_eq!(
        regions,
        [
            ("deploy › migrate, line 3", 3, RegionOutcome::Done),
            ("deploy, line 6", 6, RegionOutcome::Failed),
            ("deploy, line 7", 7, RegionOutcome::Deadlock),
            ("deploy, line 7", 7, RegionOutcome::Failed),
            ("deploy, line 8", 8, RegionOutcome::Done),
        ]
    );
    let name = SemaphoreName::new("db").expect("it is a name");
    let view = futures_util::FutureExt::now_or_never(engine.semaphores().show(&name));
    let view = view
        .expect("the memory store answers at once")
        .expect("it can be read");
    assert_eq!(view.map(|view| (view.busy, view.waiting)), Some((0, 0)));
}

#[test]
fn a_rule_that_is_cancelled_takes_those_that_it_runs_along() {
    let engine = engine();
    let script =
        "require('cla/rule').create({ name: 'inner', semaphore: 'held' }, [{ sleep: '1h' }]).run()";
    let handle = engine.run(Script::new("outer.js", script), RunOptions::new());
    let name = SemaphoreName::new("held").expect("it is a name");
    let busy = || {
        let view = futures_util::FutureExt::now_or_never(engine.semaphores().show(&name));
        view.and_then(Result::ok)
            .flatten()
            .map_or(0, |view| view.busy)
    };
    while busy() == 0 {
        std::thread::yield_now();
    }
    handle.cancel();
    assert!(handle.wait().result.is_err());
    assert_eq!(busy(), 0);
    assert!(engine.runs().is_empty());
}

#[test]
fn what_take_waits_for_and_holds_is_in_the_trace() {
    let trace = Trace::start();
    let script = "const sem = require('cla/sem');
sem.take('x', () => sem.take('y', { timeout: '1s' }, () => 1));
try { sem.take('x', () => { throw new Error('no') }) } catch {}
(async () => sem.take('z', async () => 2))()";
    let options = RunOptions::new().name("rule").trace(trace.clone());
    let ran = run_with(&engine(), script, options);
    assert_eq!(ran.value, Ok(json!(2)));
    let runs = trace.runs();
    let regions: Vec<_> = runs[0]
        .regions
        .iter()
        .map(|region| {
            (
                region.semaphore.as_str(),
                region.who.as_str(),
                region.outcome,
            )
        })
        .collect();
    assert_eq!(
        regions,
        [
            ("y", "rule, line 2", RegionOutcome::Done),
            ("x", "rule, line 2", RegionOutcome::Done),
            ("x", "rule, line 3", RegionOutcome::Failed),
            ("z", "rule, line 4", RegionOutcome::Done),
        ]
    );
}

#[test]
fn a_rule_that_is_given_no_stash_shares_the_current_one() {
    assert_eq!(
        value(
            "const rule = require('cla/rule'), kept = { deep: 1 };
             const made = rule.create({ name: 'made' }, [{ js: \"cla.stash('n', cla.stash('n') + 1); cla.stash('/new/list', [1]); delete cla.stash().gone\" }, { return: 7 }]);
             cla.stash('n', 1); cla.stash('gone', 2); cla.stash('kept', kept); cla.stash('fn', () => 1);
             const shared = [rule.run(made), cla.stash('n'), cla.stash('/new/list'), 'gone' in cla.stash(), cla.stash('kept') === kept, typeof cla.stash('fn')];
             const own = { n: 5 };
             made.run(own); made.run(null);
             try { rule.create({ name: 'bad' }, [{ js: \"cla.stash('n', 99)\" }, { fail: 'no' }]).run() } catch { }
             [...shared, own, cla.stash('n')]"
        ),
        json!([7, 2, [1], false, true, "function", { "n": 5 }, 2])
    );
}

#[test]
fn a_service_with_a_handler_gets_a_context_and_what_it_is_launched_with() {
    assert_eq!(
        value(
            "const reg = require('cla/reg'), rule = require('cla/rule'); cla.stash('n', 1);
             reg.register('keep', { name: 'Keep', handler(context, config) { context.stash('/made/by', config?.by ?? 'nobody'); return [context.stash('n'), config, context.stash() === cla.stash()] } });
             [reg.launch('keep', { name: 'x', config: { by: 'me' } }), cla.stash('/made/by'), reg.launch('keep', { by: 'you', name: 'x' }), reg.launch('keep', { config: 5, stash: { n: 3 } }),
              reg.launch('keep', null, { n: 4 })[0], reg.launch('keep')[1] === undefined]"
        ),
        json!([[1, { "by": "me" }, true], "me", [1, { "by": "you", "name": "x" }, true], [3, 5, false], 4, true])
    );
}

#[test]
fn the_cause_of_a_rule_that_failed_has_its_own_place() {
    let folder = tempfile::tempdir().expect("there is room");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("there is room");
    };
    write("inner.js", "// inner\nfunction f() {\n  null.a;\n}\nf();\n");
    write(
        "outer.js",
        "const { run } = require('cla/rule');\nrun('./inner.js');\n",
    );
    write("outer.yml", "- js: require('cla/rule').run('./inner.js')\n");
    for (file, line) in [("outer.js", 2), ("outer.yml", 1)] {
        let script = Script::file(folder.path().join(file));
        let report = engine().run(script, RunOptions::new()).wait();
        let error = report.result.expect_err(file);
        assert_eq!(error.location.as_ref().map(|at| at.line), Some(line));
        let cause = error.cause.expect("it has a cause");
        let at = cause.location.expect("it has a place");
        assert!(at.file.ends_with("inner.js"), "{at:?}");
        assert_eq!((at.line, at.column), (3, 3), "{file}");
        assert_eq!(cause.name, "TypeError");
        assert_eq!(cause.snippet.expect("it is shown").text, "  null.a;");
    }
}
