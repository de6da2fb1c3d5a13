//! Whether the documentation of a public item shows how to use it.
//!
//! An item has an example of its own, which the tests run, or names another that has one:
//! ``See [`Engine::plan`] for an example.``

use std::collections::BTreeSet;

/// What a block of code may say of itself and be Rust. A block of anything else is no example of an item.
const RUST: [&str; 4] = ["rust", "no_run", "should_panic", "compile_fail"];

/// Is there a block of Rust in this documentation?
pub(super) fn has_example(docs: &str) -> bool {
    let mut inside = false;
    for line in docs.lines() {
        let Some(words) = line.trim().strip_prefix("```") else {
            continue;
        };
        let is_rust = words.is_empty() || words.split(',').all(|word| RUST.contains(&word.trim()));
        if !inside && is_rust {
            return true;
        }
        inside = !inside;
    }
    false
}

/// The item that the documentation names as the one with the example.
fn named_instead(docs: &str) -> Option<&str> {
    docs.split("See [`").skip(1).find_map(|rest| {
        let (name, rest) = rest.split_once("`]")?;
        let rest = match rest.strip_prefix('(') {
            Some(rest) => rest.split_once(')')?.1,
            None => rest,
        };
        let sentence = rest.split_whitespace().take(3).collect::<Vec<_>>();
        let is_one = matches!(sentence[..], ["for", "an", word] if word.starts_with("example"));
        is_one.then_some(name)
    })
}

/// What is wrong with the documentation of a public item, if something is. `shown` are the items that have an example of
/// their own: types, traits and functions by their names, methods as `Engine::plan`.
pub(super) fn fault(docs: &str, shown: &BTreeSet<&str>) -> Option<String> {
    if has_example(docs) {
        return None;
    }
    match named_instead(docs) {
        Some(name) if shown.contains(name) => None,
        Some(name) => Some(format!("{name}, which it names, has none")),
        None => Some(
            "give it one, or name the item that has it: \"See [`Name`] for an example.\""
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_block_of_rust() {
        for (docs, is_one) in [
            ("Runs it.\n\n```\nrun();\n```\n", true),
            ("Runs it.\n\n```no_run\nrun();\n```\n", true),
            ("Runs it.\n\n```rust,should_panic\nrun();\n```\n", true),
            ("Runs it.", false),
            ("Its URL:\n\n```text\nredis://host\n```\n", false),
            (
                "In a rule:\n\n```js\nrun();\n```\n\nIn Rust:\n\n```\nrun();\n```\n",
                true,
            ),
            ("Such as `run()`.", false),
        ] {
            assert_eq!(has_example(docs), is_one, "{docs}");
        }
    }

    #[test]
    fn an_item_may_name_another_that_has_the_example() {
        let shown = BTreeSet::from(["Engine::plan", "Queue"]);
        for (docs, is_right) in [
            (
                "A plan.\n\nSee [`Engine::plan`](crate::Engine::plan) for an example.",
                true,
            ),
            ("A row.\n\nSee [`Queue`] for an\nexample of its rows.", true),
            ("A row. See [`Queue`] for more.", false),
            ("A row. See [`Graph`] for an example.", false),
            ("A row. [`Queue`] has rows.", false),
            ("See [`Graph`]. See [`Queue`] for an example.", true),
        ] {
            assert_eq!(fault(docs, &shown).is_none(), is_right, "{docs}");
        }
    }

    #[test]
    fn the_fault_says_what_to_write() {
        let fault = |docs| fault(docs, &BTreeSet::new()).unwrap_or_default();
        assert!(fault("A row.").contains("See [`Name`] for an example."));
        assert_eq!(
            fault("See [`Row`] for an example."),
            "Row, which it names, has none"
        );
    }
}
