//! The shortest program that runs a rule.
//!
//! ```console
//! $ cargo run -p cla-examples --example embed
//! hello, Ada
//! ```

use cla_runtime::{Engine, RuleError, RunOptions, Script};
use serde_json::json;

fn main() -> Result<(), RuleError> {
    let engine = Engine::builder().with(cla_stdlib::install).build();
    let rule = Script::javascript(
        "greet",
        "export default ({ name }) => require('cla/sem').take('voice', () => `hello, ${name}`)",
    );
    let options = RunOptions::new().stash(json!({ "name": "Ada" }));
    let greeting: String = engine.run(rule, options).wait().value()?;
    println!("{greeting}");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rule_greets() -> Result<(), cla_runtime::RuleError> {
        super::main()
    }
}
