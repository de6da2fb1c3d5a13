//! Modules that are no files: those of a host's own loader.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rquickjs::Ctx;

use super::load::throw_load_error;
use super::read::{self, ReadError};
use super::{ModuleCache, resolve};
use crate::run::Run;

/// Where modules come from that are no files: a database, an archive, a table in memory. The engine asks it for every name
/// that is none of a built-in module.
///
/// What it gives is not subject to the run's permissions: a loader is the host's, and decides itself what it gives.
///
/// ```
/// # use std::collections::HashMap;
/// # use cla_runtime::host::{ModuleLoader, ModuleText};
/// # use cla_runtime::{Engine, RunOptions, Script};
/// struct Table(HashMap<String, String>);
/// impl ModuleLoader for Table {
///     fn resolve(&self, specifier: &str, _importer: &str) -> Result<Option<String>, String> {
///         Ok(specifier.starts_with("db:").then(|| specifier.to_owned()))
///     }
///     fn load(&self, name: &str) -> Result<ModuleText, String> {
///         let text = self.0.get(name).ok_or_else(|| format!("there is no module {name}"))?;
///         Ok(ModuleText::typescript(text.as_str()))
///     }
/// }
/// let table = Table([("db:tax".into(), "export const rate: number = 0.25".into())].into());
/// let engine = Engine::builder().loader(table).build();
/// let rule = Script::javascript("rule", "import { rate } from 'db:tax'; export default rate");
/// assert_eq!(engine.run(rule, RunOptions::new()).wait().result.unwrap(), 0.25);
/// ```
pub trait ModuleLoader: Send + Sync + 'static {
    /// The name of the module that `specifier` means, as written in the module `importer`; `None` if it is none of this
    /// loader, so that it may be a file. One module has one name, however it is imported: it is what
    /// [`load`](Self::load) gets, what stack traces show, and by what a run knows that it has the module already. It means
    /// itself when it is resolved again. It must
    /// not begin like the path of a file, and not be the name of a built-in module or of the rule.
    ///
    /// The importer is the name of a module of this loader, the path of a file, or the name of the rule that was started.
    ///
    /// This is called on the run's worker thread, and must not wait for anything.
    ///
    /// # Errors
    ///
    /// Why there is no such module, for the rule.
    fn resolve(&self, specifier: &str, importer: &str) -> Result<Option<String>, String>;

    /// The text of the module of this name. It is asked for once in each run. This is called on a thread of its own, and may
    /// wait.
    ///
    /// # Errors
    ///
    /// Why it cannot be loaded, for the rule.
    fn load(&self, name: &str) -> Result<ModuleText, String>;
}

/// The text of a module, and its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleText {
    pub(super) language: TextLanguage,
    pub(super) text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextLanguage {
    JavaScript,
    TypeScript,
    Json,
}

impl ModuleText {
    /// JavaScript: an ECMAScript module or a CommonJS one, as its text says.
    pub fn javascript(text: impl Into<Arc<str>>) -> Self {
        let (language, text) = (TextLanguage::JavaScript, text.into());
        Self { language, text }
    }

    /// TypeScript, an ECMAScript module or a CommonJS one.
    pub fn typescript(text: impl Into<Arc<str>>) -> Self {
        let (language, text) = (TextLanguage::TypeScript, text.into());
        Self { language, text }
    }

    /// JSON: the value is the module's default export.
    pub fn json(text: impl Into<Arc<str>>) -> Self {
        let (language, text) = (TextLanguage::Json, text.into());
        Self { language, text }
    }
}

/// The modules of the host's loader that a run has heard of: their texts, once they were loaded.
#[derive(Default)]
pub(super) struct LoadedTexts(RefCell<HashMap<String, Option<ModuleText>>>);

impl ModuleCache {
    /// What the host's loader says that a specifier means.
    pub(super) fn ask_loader(
        &self,
        specifier: &str,
        importer: &str,
    ) -> Result<Option<String>, String> {
        let Some(loader) = &self.settings.loader else {
            return Ok(None);
        };
        let Some(name) = loader.resolve(specifier, importer)? else {
            return Ok(None);
        };
        let is_taken = self.settings.built_in(&name).is_some() || self.is_main(&name);
        let is_path = name.starts_with(['/', '.', '\u{1}']) || name.starts_with("file:");
        if name.is_empty()
            || name.len() > resolve::MOST_NAME
            || name.contains('\0')
            || is_taken
            || is_path
        {
            let shown = cla_semaphore::printable(&name);
            return Err(format!(
                "the loader of the program that runs the rule gives the module a name that it cannot have: '{shown}'"
            ));
        }
        self.texts.0.borrow_mut().entry(name.clone()).or_default();
        Ok(Some(name))
    }

    /// Whether a module is one of the host's loader.
    pub(super) fn is_of_loader(&self, name: &str) -> bool {
        self.settings.loader.is_some() && self.texts.0.borrow().contains_key(name)
    }

    /// The text of a module of the host's loader, which is asked for it at first; `None` if it is none.
    ///
    /// # Errors
    ///
    /// The loader's own one, or that the run was stopped.
    pub(super) fn text_of_loader(
        &self,
        ctx: &Ctx<'_>,
        run: &Run,
        name: &str,
    ) -> rquickjs::Result<Option<ModuleText>> {
        let (Some(loader), true) = (&self.settings.loader, self.is_of_loader(name)) else {
            return Ok(None);
        };
        if let Some(Some(text)) = self.texts.0.borrow().get(name) {
            return Ok(Some(text.clone()));
        }
        let (loader, owned) = (Arc::clone(loader), name.to_owned());
        let text = match read::off_thread(run, move || Ok(loader.load(&owned))) {
            Ok(Ok(text)) => text,
            Err(ReadError::Stopped) => return Err(run.throw_stopped(ctx)),
            Ok(Err(problem)) => return Err(throw_load_error(ctx, &problem)),
            Err(problem) => return Err(throw_load_error(ctx, &format!("{name}: {problem}"))),
        };
        self.count_memory(run, &text.text);
        let mut texts = self.texts.0.borrow_mut();
        texts.insert(name.to_owned(), Some(text.clone()));
        Ok(Some(text))
    }

    /// The language of a module of the host's loader that was loaded.
    pub(super) fn language_of_loader(&self, name: &str) -> Option<TextLanguage> {
        let texts = self.texts.0.borrow();
        texts.get(name)?.as_ref().map(|text| text.language)
    }
}
