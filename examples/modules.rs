//! A host module of each kind, in a few lines each; and what editors get to know of them.
//!
//! ```console
//! $ cargo run -p cla-examples --example modules
//! [3.5,42,["a","b"],[3,2,1],"OrderError E_GONE: there is no order 7",["started",true],55]
//! $ ls target/host-types                  # beside the declarations of the library
//! host.d.ts ...
//! ```
//!
//! [`write_declarations`](Engine::write_declarations) writes what editors and `tsc` read, made of the same descriptions.
//! [host_module.rs](../host_module/index.html) is one module with all kinds in it.

use std::cell::Cell;
use std::error::Error;
use std::path::Path;

use cla_runtime::host::{Bytes, Call, Callback, HostClass, HostError};
use cla_runtime::{Engine, HostModule, RunOptions, Script};
use futures_util::stream;

/// A function that returns at once.
fn function() -> HostModule {
    HostModule::new("app/prices")
        .function("total", |(price, count): (f64, Option<u32>)| {
            Ok::<_, HostError>(price * f64::from(count.unwrap_or(1)))
        })
        .types("(price: number, count?: number): number")
}

/// A class whose objects have a state.
fn class() -> HostModule {
    HostModule::new("app/counters").class("Counter", |class: HostClass<Cell<u32>>| {
        class
            .constructor(|_call, (start,): (u32,)| Ok(Cell::new(start)))
            .method("add", |counter, _call, (n,): (u32,)| {
                counter.set(counter.get() + n);
                Ok(())
            })
            .getter("value", |counter| Ok(counter.get()))
    })
}

/// What `for await` goes through. It is dropped when the loop ends.
fn streaming() -> HostModule {
    HostModule::new("app/lines")
        .stream("lines", |_call, (text,): (String,)| {
            let lines: Vec<_> = text.lines().map(str::to_owned).collect();
            stream::iter(lines.into_iter().map(Ok::<_, HostError>))
        })
        .types("(text: string): AsyncIterableIterator<string>")
}

/// Bytes, both ways.
fn bytes() -> HostModule {
    HostModule::new("app/bytes").function_with("reverse", |_call: &Call, (bytes,): (Bytes,)| {
        let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
        Ok(Bytes::from(reversed))
    })
}

/// An error that rules tell from others.
fn error() -> HostModule {
    HostModule::new("app/orders")
        .error_class("OrderError")
        .function_with("find", |_call: &Call, (id,): (u64,)| {
            let error = HostError::new(format!("there is no order {id}"));
            Err::<String, _>(error.class("OrderError").code("E_GONE"))
        })
}

/// A function of the rule's that is kept, and called from another thread.
fn callback() -> HostModule {
    HostModule::new("app/events").function_with("once", |_call: &Call, (seen,): (Callback,)| {
        seen.hold(true); // the run waits for the event
        std::thread::spawn(move || drop(seen.call::<_, ()>(("started", true))));
        Ok(())
    })
}

/// A function that waits: the rule blocks, and no thread.
fn blocking() -> HostModule {
    HostModule::new("app/jobs").blocking_function("sum", |(up_to,): (u32,)| async move {
        let task = tokio::task::spawn_blocking(move || (1..=up_to).sum::<u32>());
        task.await
    })
}

fn engine() -> Engine {
    [
        function(),
        class(),
        streaming(),
        bytes(),
        error(),
        callback(),
        blocking(),
    ]
    .into_iter()
    .fold(Engine::builder(), |builder, module| builder.module(module))
    .with(cla_stdlib::install)
    .build()
}

const RULE: &str = r#"
import { total } from "app/prices";
import { Counter } from "app/counters";
import { lines } from "app/lines";
import { reverse } from "app/bytes";
import { find, OrderError } from "app/orders";
import { once } from "app/events";
import { sum } from "app/jobs";
import { take } from "cla/sem";

const counter = new Counter(40);
counter.add(2);
const read: string[] = [];
for await (const line of lines("a\nb")) read.push(line);
let problem = "";
try {
    find(7);
} catch (error) {
    if (error instanceof OrderError) problem = `${error.name} ${error.code}: ${error.message}`;
}
const event = await new Promise(done => once((...seen: unknown[]) => done(seen)));
const reversed: number[] = [...reverse(new Uint8Array([1, 2, 3]))];
export default [
    take("till", () => total(1.75, 2)),
    counter.value, read, reversed, problem, event, sum(10),
];
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = engine();
    let run = engine.run(Script::typescript("rule", RULE), RunOptions::new());
    println!("{}", run.wait().result?);
    engine.write_declarations(Path::new("target/host-types"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use std::fs;
    use std::process::Command;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_uses_a_module_of_each_kind() {
        let run = engine().run(Script::typescript("rule", RULE), RunOptions::new());
        let problem = "OrderError E_GONE: there is no order 7";
        let wanted = json!([
            3.5,
            42,
            ["a", "b"],
            [3, 2, 1],
            problem,
            ["started", true],
            55
        ]);
        assert_eq!(run.wait().result.unwrap(), wanted);
    }

    #[test]
    fn each_kind_takes_fifteen_lines_at_most() {
        let source = include_str!("modules.rs");
        let mut kinds = 0;
        for function in source.split("\nfn ").skip(1) {
            if function
                .lines()
                .next()
                .unwrap()
                .ends_with("-> HostModule {")
            {
                let lines = function.split("\n}").next().unwrap().lines().count();
                assert!(lines < 15, "{function}");
                kinds += 1;
            }
        }
        assert_eq!(kinds, 7);
    }

    /// Runs the TypeScript compiler, which `cargo xtask types` installs, over a rule with the declarations of the engine.
    fn check(rule: &str) -> (bool, String) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let compiler = root.join("tests/types/node_modules/typescript/bin/tsc");
        assert!(
            compiler.exists(),
            "there is no TypeScript compiler: `cargo xtask types` installs it"
        );
        let folder = tempfile::tempdir().unwrap();
        engine()
            .write_declarations(&folder.path().join("types"))
            .unwrap();
        fs::write(folder.path().join("rule.ts"), rule).unwrap();
        let options = json!({
            "compilerOptions": {
                "noEmit": true, "strict": true, "target": "es2024", "lib": ["es2024"], "types": [],
                "module": "esnext", "moduleResolution": "bundler", "moduleDetection": "force",
            },
            "include": ["types", "rule.ts"],
        });
        fs::write(folder.path().join("tsconfig.json"), options.to_string()).unwrap();
        let checked = Command::new("node")
            .arg(compiler)
            .arg("--project")
            .arg(folder.path())
            .output()
            .expect("Node.js runs");
        let printed = String::from_utf8(checked.stdout).unwrap();
        (checked.status.success(), printed)
    }

    #[test]
    fn the_compiler_checks_rules_against_the_modules_of_the_host() {
        let (is_right, printed) = check(RULE);
        assert!(is_right, "{printed}");
        let (is_right, printed) = check(&RULE.replace("total(1.75, 2)", "total('much')"));
        assert!(!is_right);
        assert!(
            printed.contains("'string' is not assignable to parameter of type 'number'"),
            "{printed}"
        );
    }
}
