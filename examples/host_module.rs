//! A host that gives rules a module of its own.
//!
//! ```console
//! $ cargo run -p cla-examples --example host_module
//! 3 screws cost 0.75
//! ShopError E_ARTICLE: there is no nail
//! cost: argument 2 must be a whole number from 0 to 4294967295, not a string
//! 2 screws and 1 nut cost 0.6
//! screw, nut
//! acme has 52 articles and hears that 5 of them are sold
//! ```
//!
//! Rules import `app/shop` like any other module. Its functions are plain Rust closures: arguments come as
//! one tuple and go back as anything that serde knows. Here is one of each kind:
//!
//! - [`HostModule::function`] returns at once;
//! - [`HostModule::blocking_function_with`] is a future that the rule waits for, without `await`: the rule
//!   blocks, its thread runs others; its error is of a class that the module exports;
//! - [`HostModule::async_function`] returns a promise;
//! - [`HostModule::stream`] is what `for await` goes through;
//! - [`HostModule::class`] has objects with a state;
//! - [`HostModule::function_with`] learns which run calls it; this one also keeps a function of the rule, and
//!   calls it from another thread.
//!
//! What editors read to help the authors of rules, [`HostModule::declarations`] makes of it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::host::{Call, Callback, HostClass, HostError};
use cla_runtime::{Engine, HostModule, RunOptions, Script};
use futures_util::stream;
use serde::Serialize;
use tokio::time::sleep;

const RULE: &str = r#"
    import { Basket, ShopError, articles, cost, find, sold, stock } from "app/shop";

    const screw = find("screw");                     // blocks, as a query would
    print(`3 screws cost ${cost(screw.price, 3)}`);

    try {
        find("nail");
    } catch (error) {
        if (error instanceof ShopError) print(`${error.name} ${error.code}: ${error.message}`);
    }
    try {
        cost(screw.price, "many");
    } catch (error) {
        print(error.message);
    }

    const basket = new Basket();
    basket.add(screw.price, 2);
    basket.add(0.1, 1);
    print(`2 screws and 1 nut cost ${basket.total}`);

    const names = [];
    for await (const name of articles()) {
        if (names.push(name) === 2) break;           // the stream is dropped here
    }
    print(names.join(", "));

    // Both at once: promises are for what should not wait for each other.
    const [screws, nuts] = await Promise.all([stock("screw"), stock("nut")]);
    const [tenant, count] = await new Promise(seen => sold(seen));
    print(`${tenant} has ${screws + nuts} articles and hears that ${count} of them are sold`);
    export default { screws, nuts, tenant, count };
"#;

#[derive(Clone, Serialize)]
struct Article {
    price: f64,
    stock: u32,
}

/// Whose rule runs. Its host says it, and no rule can change it.
struct Tenant(&'static str);

/// The module `app/shop`. What its functions share is captured by them.
fn shop() -> HostModule {
    let article = |price, stock| Article { price, stock };
    let articles = BTreeMap::from([
        ("bolt".to_owned(), article(0.4, 3)),
        ("nut".to_owned(), article(0.1, 12)),
        ("screw".to_owned(), article(0.25, 40)),
    ]);
    let articles = Arc::new(articles);
    let names: Vec<_> = articles.keys().rev().cloned().collect();
    let look_up = move |name: String| {
        let found = articles.get(&name).cloned();
        async move {
            sleep(Duration::from_millis(5)).await; // a database would take as long
            let missing = || HostError::new(format!("there is no {name}"));
            found.ok_or_else(|| missing().class("ShopError").code("E_ARTICLE"))
        }
    };
    let find = look_up.clone();
    HostModule::new("app/shop")
        .error_class("ShopError")
        .function("cost", |(price, count): (f64, u32)| {
            Ok::<_, HostError>(price * f64::from(count))
        })
        .types("(price: number, count: number): number")
        .blocking_function_with("find", move |_call, (name,): (String,)| find(name))
        .async_function("stock", move |(name,): (String,)| {
            let article = look_up(name);
            async move { Ok::<_, HostError>(article.await?.stock) }
        })
        .stream("articles", move |_call, (): ()| {
            stream::iter(names.clone().into_iter().map(Ok::<_, HostError>))
        })
        .class("Basket", |class: HostClass<Cell<f64>>| {
            class
                .constructor(|_call, (): ()| Ok(Cell::new(0.0)))
                .method("add", |total, _call, (price, count): (f64, u32)| {
                    total.set(total.get() + price * f64::from(count));
                    Ok(())
                })
                .getter("total", |total| Ok(total.get()))
        })
        .function_with("sold", |call: &Call, (seen,): (Callback,)| {
            let tenant = call.data::<Tenant>().map(|tenant| tenant.0);
            // Without this, the run would not wait for the call.
            seen.hold(true);
            // The call is queued at once; the rule is called when it next waits.
            std::thread::spawn(move || drop(seen.call::<_, ()>(((tenant, 5),))));
            Ok(())
        })
}

fn shop_engine() -> Engine {
    Engine::builder()
        .with(cla_stdlib::install)
        .module(shop())
        .build()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let options = RunOptions::new().data(Tenant("acme"));
    let run = shop_engine().run(Script::javascript("shop", RULE), options);
    if let Err(error) = run.await.result {
        eprintln!("{}", error.render(false));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_rule_reaches_its_host() {
        let options = RunOptions::new().data(Tenant("acme"));
        let report = shop_engine()
            .run(Script::javascript("shop", RULE), options)
            .await;
        assert_eq!(
            report.result.unwrap(),
            serde_json::json!({ "screws": 40, "nuts": 12, "tenant": "acme", "count": 5 })
        );
    }

    #[test]
    fn editors_learn_what_the_module_has() {
        let declarations = shop().declarations();
        assert!(
            declarations.contains("export function cost(price: number, count: number): number;")
        );
        assert!(
            declarations
                .contains("export function sold(argument1: (...parameters: any[]) => any): any;")
        );
    }
}
