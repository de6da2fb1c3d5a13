//! Errors that the engine itself reports: about its own state, and about imports.

use super::{ErrorKind, Location, RuleError, Sources, place};

/// The `code` of the `Error` that a failed import throws, as in Node.js.
pub(crate) const MODULE_NOT_FOUND: &str = "MODULE_NOT_FOUND";

impl RuleError {
    /// The engine could not do its part.
    pub(crate) fn internal(message: &str) -> Self {
        Self::new(ErrorKind::Panic, "InternalError", message)
    }

    /// The rule's value is a promise that nothing can settle any more.
    pub(crate) fn unsettled() -> Self {
        let mut error = Self::new(
            ErrorKind::Exception,
            "Error",
            "the rule awaits a promise that is never settled: nothing else is pending",
        );
        error.help = Some("look for a promise whose resolve function is never called".to_owned());
        error
    }

    /// What the rule returned does not fit its memory limit.
    pub(crate) fn value_too_large(message: String) -> Self {
        let mut error = Self::new(ErrorKind::OutOfMemory, "MemoryError", message);
        error.help = Some(
            "return less, or nothing, or raise the memory limit; who starts the run can also say that it does not want \
             the value"
                .to_owned(),
        );
        error
    }

    /// Whether it is what a failed import throws.
    pub(crate) fn is_failed_import(&self) -> bool {
        self.details.get("code").and_then(|code| code.as_str()) == Some(MODULE_NOT_FOUND)
    }

    /// Points at `length` characters of a source of the rule.
    #[doc(hidden)]
    #[must_use]
    pub fn located(
        mut self,
        sources: &dyn Sources,
        file: &str,
        (line, column): (u32, u32),
        length: usize,
    ) -> Self {
        self.location = Some(Location {
            file: sources.display_name(file),
            line,
            column,
        });
        self.snippet = sources.text(file).and_then(|text| {
            let lines = place::Lines::of(text, sources.line_ends(file));
            let start = column as usize - 1;
            lines
                .line(line)
                .map(|line| place::snippet(line, start..start + length))
        });
        self
    }
}
