//! What is wrong with a rule, found without running it: see [`Engine::check`](crate::Engine::check).

pub(crate) mod checker;
pub(crate) mod slots;

use serde::{Deserialize, Serialize};

use crate::error::RuleError;

/// How bad a [`Finding`] is.
///
/// See [`Finding`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It fails when it is run, or never ends.
    Error,
    /// It is probably not meant, or fails in certain cases.
    Warning,
}

/// Something that a check found. It serializes as an object: `severity`, `rule`, and the fields of the error.
///
/// ```
/// use cla_runtime::check::Severity;
/// use cla_runtime::{Engine, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let found = Engine::new().check(&Script::javascript("rule", "const a = 1;\nlet b = ;")).await;
/// assert_eq!(found[0].severity, Severity::Error);
/// assert_eq!(found[0].error.location.as_ref().map(|at| at.line), Some(2));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The id of what it breaks: one of [`RULES`].
    #[serde(default)]
    pub rule: String,
    /// What it is and where, as if it had happened.
    #[serde(flatten)]
    pub error: RuleError,
}

/// The ids of what is checked, each of which has a page in `docs/check/`. A comment `cla-ignore: ID` in a line, or alone in the
/// line before, takes a finding away.
///
/// ```
/// assert!(cla_runtime::check::RULES.contains(&"deadlock"));
/// ```
pub const RULES: [&str; 16] = [
    "assignment-in-condition",
    "cannot-load",
    "deadlock",
    "floating-promise",
    "lock-order",
    "missing-export",
    "syntax",
    "undeclared-name",
    "unknown-member",
    "unknown-op",
    "unreachable-code",
    "unresolved-import",
    "unset-variable",
    "unused-ignore",
    "unused-variable",
    "other",
];

/// The rule that an error of a check breaks.
pub(crate) fn rule_of(error: &RuleError) -> &'static str {
    match error.name.as_str() {
        "Assignment" => "assignment-in-condition",
        "Deadlock" => "deadlock",
        "Ignore" => "unused-ignore",
        "LoadError" => "cannot-load",
        "Member" => "unknown-member",
        "Order" => "lock-order",
        "Promise" => "floating-promise",
        "ReferenceError" => "undeclared-name",
        "SyntaxError" => "syntax",
        "Unknown" => "unknown-op",
        "Unreachable" => "unreachable-code",
        "Unset" => "unset-variable",
        "Unused" => "unused-variable",
        "Error" if error.location.is_some() => "unresolved-import",
        _ => "other",
    }
}

impl Finding {
    /// Shows it with its source line, in lines that end with `\n`; `colour` as for [`RuleError::render`].
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        match self.severity {
            Severity::Error => self.error.render(colour),
            Severity::Warning => self.error.render_warning(colour),
        }
    }
}
