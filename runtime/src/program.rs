//! What a run executes: a [`Program`].
//!
//! A script is a program, and so is the session of a prompt. Crates above this one add their own: a [`Language`] makes
//! programs of the files with its extensions, and a host registers it with the engine. This module never looks at a text.

use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Ctx, Value};

use crate::check::checker::Checker;
use crate::check::slots::SlotSummary;
use crate::error::RuleError;
use crate::evaluation::Evaluated;
use crate::plan::Plan;
use crate::run::Run;

/// What a run executes, from its start to its value.
pub trait Program: fmt::Debug + Send + Sync {
    /// The name for people.
    fn title(&self) -> &str;

    /// The canonical name: an absolute path, or the name of a text.
    fn name(&self) -> &str;

    /// The canonical folder against which its imports resolve; `None` if it cannot import files.
    fn folder(&self) -> Option<PathBuf>;

    /// Executes it in the run's isolate, on the run's fiber, and gives its value.
    ///
    /// # Errors
    ///
    /// What it threw, why it cannot start, or that the run was stopped.
    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>>;

    /// Whether it is a part of a program that runs elsewhere, as a fork is.
    fn is_part(&self) -> bool {
        false
    }

    /// Looks for mistakes without executing anything. `shown` is the name that findings have; the run knows the modules.
    /// A program that has no text, such as a session, finds none.
    fn check(&self, ctx: &Ctx<'_>, run: &Rc<Run>, shown: &str, checker: &mut Checker) {
        let _ = (ctx, run, shown, checker);
    }

    /// Which semaphores it takes, and which rules it calls meanwhile; `None` if that is not known. Executes nothing.
    fn slots(&self, run: &Rc<Run>) -> Option<SlotSummary> {
        let _ = run;
        None
    }

    /// Says what it would do, without executing anything, with the run's event and this stash.
    ///
    /// # Errors
    ///
    /// What is so wrong that there is no plan; that the run was stopped.
    fn plan(
        &self,
        ctx: &Ctx<'_>,
        run: &Rc<Run>,
        shown: &str,
        stash: &serde_json::Value,
    ) -> Result<Plan, RuleError> {
        let _ = (ctx, run, stash);
        Ok(Plan::of(shown))
    }
}

/// The text of a program, read and named.
#[derive(Clone)]
pub struct SourceText {
    /// The canonical name: an absolute path, or the name of a text.
    pub name: String,
    /// What the author wrote.
    pub text: Arc<str>,
    /// The canonical folder against which its imports resolve.
    pub folder: Option<PathBuf>,
}

/// Its name; never the text, which may be long.
impl fmt::Debug for SourceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceText")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl SourceText {
    /// The name without its folder.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }
}

/// A language of rules besides JavaScript and TypeScript.
pub trait Language: Send + Sync {
    /// The extensions of its files, without the dot.
    fn extensions(&self) -> &'static [&'static str];

    /// A program for a text. `event` is the event that it shall handle. The text is parsed when the program executes.
    fn program(&self, source: SourceText, event: Option<String>) -> Arc<dyn Program>;

    /// The error message when a script imports the file `name`.
    fn cannot_import(&self, name: &str) -> String;
}
