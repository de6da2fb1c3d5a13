//! A host that gives rules a module of its own.
//!
//! ```console
//! $ cargo run -p cla-examples --example host_module
//! 3 screws cost 0.75
//! there is no nail
//! {"stock":[40,12]}
//! ```
//!
//! Rules import `app/shop` like any other module. Its functions are plain Rust closures: arguments come as
//! one tuple and go back as anything that serde knows; an `Err` is thrown as an `Error`. Three kinds exist:
//!
//! - [`HostModule::function`] returns at once;
//! - [`HostModule::blocking_function`] is a future that the rule waits for, without `await`: the rule
//!   blocks, its thread runs others;
//! - [`HostModule::async_function`] returns a promise.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::{Engine, HostModule, RunOptions, Script};
use serde::Serialize;
use tokio::time::sleep;

const RULE: &str = r#"
    import { cost, find, stock } from "app/shop";

    const screw = find("screw");                     // blocks, as a query would
    print(`3 screws cost ${cost(screw.price, 3)}`);

    try {
        find("nail");
    } catch (error) {
        print(error.message);
    }

    // Both at once: promises are for what should not wait for each other.
    export default { stock: await Promise.all([stock("screw"), stock("nut")]) };
"#;

#[derive(Clone, Serialize)]
struct Article {
    price: f64,
    stock: u32,
}

/// The module `app/shop`. What its functions share is captured by them.
fn shop() -> HostModule {
    let screw = Article {
        price: 0.25,
        stock: 40,
    };
    let nut = Article {
        price: 0.1,
        stock: 12,
    };
    let articles = Arc::new(HashMap::from([
        ("screw".to_owned(), screw),
        ("nut".to_owned(), nut),
    ]));
    let look_up = move |name: String| {
        let found = articles.get(&name).cloned();
        async move {
            sleep(Duration::from_millis(5)).await; // a database would take as long
            found.ok_or_else(|| format!("there is no {name}"))
        }
    };
    let find = look_up.clone();
    HostModule::new("app/shop")
        .function("cost", |(price, count): (f64, u32)| {
            Ok::<_, String>(price * f64::from(count))
        })
        .blocking_function("find", move |(name,): (String,)| find(name))
        .async_function("stock", move |(name,): (String,)| {
            let article = look_up(name);
            async move { Ok::<_, String>(article.await?.stock) }
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
    let run = shop_engine().run(Script::javascript("shop", RULE), RunOptions::new());
    match run.await.result {
        Ok(value) => println!("{value}"),
        Err(error) => eprintln!("{}", error.render(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_rule_reaches_its_host() {
        let report = shop_engine()
            .run(Script::javascript("shop", RULE), RunOptions::new())
            .await;
        assert_eq!(
            report.result.unwrap(),
            serde_json::json!({ "stock": [40, 12] })
        );
    }
}
