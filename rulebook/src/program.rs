//! Rulebooks as a language of the engine, and the program that each makes.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::host::Run;
use cla_runtime::internal::{
    Checker, Evaluated, Failure, Language, ModuleCache, Program, SlotSummary, SourceText,
    Surroundings,
};
use cla_runtime::js::{Ctx, Value};
use cla_runtime::plan::Plan;

use crate::check;
use crate::extension::EXTENSIONS;
use crate::op::OPS;
use crate::parse::{Loader, UnknownImport};
use crate::plan::plan_of;
use crate::run::{Part, execute};
use crate::tree::Book;

/// The language.
pub(crate) struct Rulebooks;

impl Language for Rulebooks {
    fn extensions(&self) -> &'static [&'static str] {
        &EXTENSIONS
    }

    fn program(&self, source: SourceText, event: Option<String>) -> Arc<dyn Program> {
        Arc::new(Main { source, event })
    }

    fn cannot_import(&self, name: &str) -> String {
        format!("{name} is YAML, which cannot be imported; read it, or run it as a rulebook")
    }
}

/// A rulebook that is run: its `do`, or what it has under `on` for an event.
#[derive(Debug)]
struct Main {
    source: SourceText,
    event: Option<String>,
}

impl Program for Main {
    fn title(&self) -> &str {
        self.source.title()
    }

    fn name(&self) -> &str {
        &self.source.name
    }

    fn folder(&self) -> Option<PathBuf> {
        self.source.folder.clone()
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        let SourceText { name, text, .. } = &self.source;
        // A run that is stopped meanwhile fails as stopped, and not with an error of what was read so far.
        let book = read(run.modules(), name, text, run).map_err(|error| match run.must_stop() {
            true => Failure::Stopped,
            false => Failure::from(error),
        })?;
        execute(ctx, run, &book, &Part::Section(self.event.as_deref()))
    }

    fn check(&self, ctx: &Ctx<'_>, run: &Rc<Run>, shown: &str, checker: &mut Checker) {
        let text = &self.source.text;
        let around = Surroundings {
            modules: Some(run.modules()),
            takes_slots: false,
            run: Some((ctx, run)),
        };
        check::rulebook(checker, shown, text, around, || {
            read(run.modules(), shown, text, run)
        });
    }

    fn slots(&self, run: &Rc<Run>) -> Option<SlotSummary> {
        let SourceText { name, text, .. } = &self.source;
        let book = read(run.modules(), name, text, run).ok()?;
        Some(check::slots(&book))
    }

    fn plan(
        &self,
        ctx: &Ctx<'_>,
        run: &Rc<Run>,
        shown: &str,
        stash: &serde_json::Value,
    ) -> Result<Plan, RuleError> {
        let book = read(run.modules(), shown, &self.source.text, run)?;
        let around = Surroundings {
            modules: Some(run.modules()),
            takes_slots: false,
            run: Some((ctx, run)),
        };
        let load = |from: &str, file: &str| check::loaded_book(around, from, file);
        plan_of(&book, shown, self.event.as_deref(), stash, &load)
    }
}

/// Reads a rulebook, and those that it imports. `name` is its canonical name.
///
/// # Errors
///
/// All that is wrong with it.
pub(crate) fn read(
    modules: &ModuleCache,
    name: &str,
    text: &Arc<str>,
    run: &Run,
) -> Result<Arc<Book>, RuleError> {
    Loader::new(&OPS, modules, UnknownImport::Refused, Some(run)).main(name, text)
}
