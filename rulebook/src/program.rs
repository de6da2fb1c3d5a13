//! Rulebooks as a language of the engine, and the programs that they make: a whole rulebook, or a fork of one.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::internal::{Evaluated, Failure, Language, ModuleCache, Program, SourceText};
use cla_runtime::js::{Ctx, Value};
use cla_runtime::{RuleError, Run};

use crate::book::{Book, Op};
use crate::loader::{Loader, UnknownImport};
use crate::run::{Part, execute};

/// The extensions of rulebooks.
pub(crate) const EXTENSIONS: [&str; 2] = ["yml", "yaml"];

/// Whether the name of a file is that of a rulebook.
pub(crate) fn is_rulebook(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|text| text.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

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
}

/// A part of a rulebook that runs in a run of its own.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    /// The one in which the op stands.
    pub(crate) book: Arc<Book>,
    pub(crate) op: Arc<Op>,
    /// What the op is called where it was forked.
    pub(crate) label: String,
    /// What administrators see before that.
    pub(crate) path: Vec<String>,
    /// The rulebook that was started. Dropped last: see [`Book::family`].
    pub(crate) main: Arc<Book>,
}

impl Program for Fork {
    fn title(&self) -> &str {
        &self.main.title
    }

    fn name(&self) -> &str {
        &self.main.name
    }

    fn folder(&self) -> Option<PathBuf> {
        Path::new(&self.main.name).parent().map(PathBuf::from)
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        execute(ctx, run, &self.main, &Part::Fork(self))
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
    Loader::new(modules, UnknownImport::Refused, Some(run)).main(name, text)
}
