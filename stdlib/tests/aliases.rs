//! The other names of modules: those that they have in the library `@daiso-tech/core`, and Node's without its prefix.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

use std::fmt::Write;

use cla_runtime::{Engine, RunOptions, Script};
use serde_json::json;

#[test]
fn every_other_name_means_the_very_same_module() {
    let mut rule = String::new();
    let mut same = String::new();
    for (at, (from, to)) in cla_stdlib::aliases().enumerate() {
        writeln!(
            rule,
            "import * as a{at} from '{from}'; import * as b{at} from '{to}';"
        )
        .unwrap();
        // Of a module that is made in Rust, `require` gives what is the default export to others.
        write!(
            same,
            "a{at} === b{at} && [b{at}, b{at}.default].includes(require('{from}')), "
        )
        .unwrap();
    }
    let value = support::value(&format!("{rule} export default [{same}].every(Boolean)"));
    assert_eq!(value, json!(true));
}

#[test]
fn types_may_be_imported_by_these_names_as_well() {
    let source = "
        import type { ITask } from '@daiso-tech/core/task/contracts';
        import { Task, type AsyncMiddleware } from '@daiso-tech/core/task';
        import { type BaseEvent, EventBus } from '@daiso-tech/core/event-bus';
        const twice: AsyncMiddleware<[], number> = async (args, next) => 2 * (await next(...args));
        const task: ITask<number> = new Task(() => 21).pipe(twice);
        export default await task;
    ";
    let script = cla_runtime::Script::new("rule.ts", source);
    let ran = support::run_script(&support::engine(), script, RunOptions::new());
    assert_eq!(ran.value, Ok(json!(42)));
}

#[test]
fn a_host_can_do_without_them() {
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .without_aliases()
        .build();
    let ran = support::run_with(
        &engine,
        "require('@daiso-tech/core/task')",
        RunOptions::new(),
    );
    let error = ran.value.unwrap_err();
    assert!(
        error.contains("there is no module '@daiso-tech/core/task'"),
        "{error}"
    );
    let ran = support::run_with(
        &engine,
        "typeof require('cla/task').Task",
        RunOptions::new(),
    );
    assert_eq!(ran.value, Ok(json!("function")));
}

#[test]
fn a_misspelt_one_is_told_with_real_names() {
    let error = support::run("require('@daiso-tech/core/tsk')")
        .value
        .unwrap_err();
    assert!(error.contains("built-in modules are cla/sem,"), "{error}");
    assert!(!error.contains("@daiso-tech/core/task"), "{error}");
}

#[test]
fn an_error_that_a_module_throws_points_at_the_rule() {
    let source = "const { TimeSpan } = require('cla/time-span');\nTimeSpan.fromStr('soon');";
    let report = support::engine()
        .run(
            cla_runtime::Script::new("rule.js", source),
            RunOptions::new(),
        )
        .wait();
    let error = report.result.unwrap_err();
    let location = error.location.as_ref().unwrap();
    assert_eq!((location.file.as_str(), location.line), ("rule.js", 2));
    // Where in our module is of no use to the author of the rule.
    let frames = error.frames.iter();
    assert_eq!(
        frames
            .filter(|frame| frame.location.file.starts_with("cla/"))
            .count(),
        0
    );
}

#[test]
fn what_our_modules_are_made_with_is_no_module_of_a_rule() {
    let messages = |specifier: &str| {
        support::value(&format!(
            "const told = [];
             try {{ require('{specifier}') }} catch (e) {{ told.push(e.message) }}
             try {{ await import('{specifier}') }} catch (e) {{ told.push(e.message) }}
             told"
        ))
    };
    for specifier in [
        "cla/redis/native",
        "cla/semaphore/native",
        "cla/task/native",
    ] {
        let told = messages(specifier);
        let told = told.as_array().unwrap();
        assert_eq!(told.len(), 2, "{specifier}");
        for message in told {
            let message = message.as_str().unwrap();
            assert!(
                message.starts_with(&format!("there is no module '{specifier}'")),
                "{message}"
            );
            assert!(
                !message[20 + specifier.len()..].contains("/native"),
                "{message}"
            );
        }
    }
    // Those that are made with them are there, and so nothing lists the others.
    for (from, _) in cla_stdlib::aliases() {
        assert!(!from.ends_with("/native"), "{from}");
    }
    assert!(cla_stdlib::modules().all(|name| !name.ends_with("/native")));
    assert_eq!(
        support::value(
            "Object.keys(require('cla/semaphore')).length > 0 && require('cla/event-bus/redis') != null"
        ),
        json!(true)
    );
}

/// Each module works alone, with what it is made with.
#[test]
fn every_module_can_be_installed_alone() {
    for name in cla_stdlib::modules() {
        let engine = Engine::builder()
            .with(cla_stdlib::install_only([name]).unwrap())
            .build();
        let text = format!(
            "import * as module from '{name}'; export default Object.keys(module).length > 0"
        );
        let ran = support::run_script(&engine, Script::new("rule.mjs", text), RunOptions::new());
        assert_eq!(ran.value, Ok(serde_json::json!(true)), "{name}");
    }
    let error = cla_stdlib::install_only(["cla/sme"]).err().unwrap();
    assert_eq!(
        error.to_string(),
        r#"the standard library has no module "cla/sme"; did you mean "cla/sem"?"#
    );
}
