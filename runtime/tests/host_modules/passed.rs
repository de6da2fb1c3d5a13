//! What is no data and is passed all the same: functions and objects of classes, wherever they stand in an argument.

use std::cell::Cell;

use cla_runtime::host::{Callback, HostClass, HostError, Instance};
use cla_runtime::{Engine, HostModule, RunOptions, Script};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a rule gives to be told of: in the manner of options with functions in them.
#[derive(Deserialize)]
struct Hooks {
    name: String,
    done: Callback,
    failed: Option<Callback>,
    more: Vec<Callback>,
}

#[test]
fn functions_are_passed_wherever_they_stand_in_an_argument() {
    let module =
        HostModule::new("app/jobs").async_function("run", |(hooks,): (Hooks,)| async move {
            let done: String = hooks.done.call((hooks.name,)).await?;
            let mut all = vec![done];
            for (nth, more) in hooks.more.iter().enumerate() {
                all.push(more.call::<_, String>((nth,)).await?);
            }
            Ok::<_, HostError>((all, hooks.failed.is_some()))
        });
    let declared = module.declarations();
    assert!(
        declared.contains("done: (...parameters: any[]) => any"),
        "{declared}"
    );
    let engine = Engine::builder().module(module).build();
    let rule = "
        import { run } from 'app/jobs';
        const more = [n => `${n}!`, n => `${n}?`];
        const seen = await run({ name: 'backup', done: name => `did ${name}`, more });
        let problem;
        try { await run({ name: () => 1, done: () => 1, more: [] }) } catch (error) { problem = error.message }
        let other;
        try { await run({ name: 'x', done: 7, more: [] }) } catch (error) { other = `${error.name}: ${error.message}` }
        export default [...seen, problem, other];";
    let report = engine
        .run(Script::javascript("rule", rule), RunOptions::new())
        .wait();
    assert_eq!(
        report.result.unwrap(),
        json!([
            ["did backup", "0!", "1?"],
            false,
            "run: argument 1.name is the function name, which is no data",
            "TypeError: run: argument 1.done must be a function, not 7",
        ])
    );
}

#[test]
fn objects_of_classes_are_arguments_and_parts_of_them() {
    struct Other;
    type Counter = Cell<u32>;
    let module = HostModule::new("app/counters")
        .class("Counter", |class: HostClass<Counter>| {
            class
                .constructor(|_call, (start,): (u32,)| Ok(Cell::new(start)))
                .method(
                    "take_from",
                    |counter, _call, (other,): (Instance<Counter>,)| {
                        counter.set(counter.get() + other.take());
                        Ok(())
                    },
                )
                .getter("value", |counter| Ok(counter.get()))
        })
        .class("Other", |class: HostClass<Other>| {
            class.constructor(|_call, (): ()| Ok(Other))
        })
        .function_with(
            "sum",
            |_call, (all, first): (Vec<Instance<Counter>>, Option<Instance<Counter>>)| {
                let first = first.map_or(0, |first| first.get());
                Ok(first + all.iter().map(|counter| counter.get()).sum::<u32>())
            },
        )
        .function_with("text", |_call, (value,): (Value,)| Ok(value.to_string()));
    let engine = Engine::builder().module(module).build();
    let rule = "
        import { Counter, Other, sum, text } from 'app/counters';
        class Mine extends Counter { toJSON() { return 'mine' } }
        const a = new Counter(1), b = new Mine(2);
        a.take_from(b);
        const tried = [() => sum([new Other()]), () => sum([{}]), () => text({ part: a }), () => a.take_from(a.value)];
        const problems = tried.map(wrong => { try { wrong() } catch (error) { return `${error.name}: ${error.message}` } });
        export default [a.value, b.value, sum([a, a], a), sum([]), ...problems];";
    let report = engine
        .run(Script::javascript("rule", rule), RunOptions::new())
        .wait();
    assert_eq!(
        report.result.unwrap(),
        json!([
            3,
            0,
            9,
            0,
            "TypeError: sum: argument 1[0] must be an object of the class that is wanted, not one of another class",
            "TypeError: sum: argument 1[0] must be an object of the class that is wanted, not an object",
            "TypeError: text: argument 1.part is an object of a class of the host's, which is no data",
            "TypeError: Counter.take_from: argument 1 must be an object of the class that is wanted, not 3",
        ])
    );
}
