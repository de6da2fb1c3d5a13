//! Scripts that are rulebooks.

use std::sync::Arc;

use cla_runtime::Script;

use crate::extension::EXTENSIONS;

/// Makes rulebooks of texts in memory, beside [`Script::javascript`] and [`Script::typescript`].
///
/// ```
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// let script = Script::rulebook("add", "do: [return: '{{ 1 + 2 }}']");
/// assert_eq!(engine.run(script, RunOptions::new()).await.result.unwrap(), 3);
/// # }
/// ```
pub trait RulebookScript {
    /// A rule in YAML. The name is for people: errors and lists show it, and it says nothing about the text.
    ///
    /// An engine without [`install`](crate::install) fails the run, with an error that says so.
    fn rulebook(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self;
}

impl RulebookScript for Script {
    fn rulebook(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self::in_language(EXTENSIONS[0], name, text)
    }
}
