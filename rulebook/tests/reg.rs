//! `cla/reg`.

#[path = "../../stdlib/tests/support/mod.rs"]
mod support;

use serde_json::json;
use support::{run, value};

#[test]
fn a_registered_service_is_launched_by_name() {
    assert_eq!(
        value(
            "const reg = require('cla/reg');
             reg.register('app.add', ({ a, b }, stash) => [a + b, stash === cla.stash()]);
             reg.register('own', { handler: (context, config) => context.stash('x') + (config?.y ?? 0) });
             [reg.launch('app.add', { a: 1, b: 2 }), reg.launch('own', null, { x: 5 }), reg.names(), reg.has('own'), reg.has('no')]"
        ),
        json!([[3, true], 5, ["app.add", "own"], true, false])
    );
}

#[test]
fn what_a_service_throws_and_promises_reaches_who_launched_it() {
    assert_eq!(
        value(
            "const reg = require('cla/reg');
             reg.register('fails', () => { throw new RangeError('no') });
             reg.register('later', async () => 7);
             let error; try { reg.launch('fails') } catch (e) { error = e.name }
             (async () => [error, await reg.launch('later')])()"
        ),
        json!(["RangeError", 7])
    );
}

#[test]
fn mistakes_are_told() {
    for (code, expected) in [
        (
            "reg.launch('shuot')",
            "reg.launch: there is no service \"shuot\"; did you mean shout?",
        ),
        ("reg.register('echo', () => {})", "that is an op's"),
        ("reg.register('semaphore', () => {})", "that is an op's"),
        (
            "reg.register('two words', () => {})",
            "is no name for a service",
        ),
        ("reg.register('', () => {})", "is no name for a service"),
        (
            "reg.register('x', {})",
            "a function, or an object with a function `handler`",
        ),
        (
            "reg.launch('shout', 1, 2)",
            "reg.launch: the stash must be an object, not 2",
        ),
    ] {
        let ran = run(&format!(
            "const reg = require('cla/reg'); reg.register('shout', () => 1); {code}"
        ));
        let error = ran.value.unwrap_err();
        assert!(error.contains(expected), "{code}: {error}");
    }
}
