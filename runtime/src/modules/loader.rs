//! Modules that are no files: those of a host's own loader.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rquickjs::Ctx;

use super::load::throw_load_error;
use super::read::{self, ReadError};
use super::{ModuleCache, resolve};
use crate::host_module::Call;
use crate::run::Run;

/// Where modules come from that are no files: a database, an archive, a table in memory. The engine asks it for every name
/// that is none of a built-in module.
///
/// What it gives is not subject to the run's permissions: a loader is the host's, and decides itself what it gives. The
/// [`Call`] says which run asks: its data, such as a tenant, and what it is permitted.
///
/// ```
/// # use std::collections::HashMap;
/// # use cla_runtime::host::{Call, ModuleLoader, ModuleText};
/// # use cla_runtime::{Engine, RunOptions, Script};
/// struct Tenant(&'static str);
/// struct Table(HashMap<String, String>);
/// impl ModuleLoader for Table {
///     fn resolve(&self, call: &Call, specifier: &str, _importer: &str) -> Result<Option<String>, String> {
///         let Some(name) = specifier.strip_prefix("db:") else {
///             return Ok(None);
///         };
///         let tenant = call.data::<Tenant>().ok_or("this run has no tenant")?;
///         Ok(Some(format!("db:{}/{name}", tenant.0)))
///     }
///     fn load(&self, _call: &Call, name: &str) -> Result<ModuleText, String> {
///         let text = self.0.get(name).ok_or_else(|| format!("there is no module {name}"))?;
///         Ok(ModuleText::typescript(text.as_str()))
///     }
/// }
/// let table = Table([("db:acme/tax".into(), "export const rate: number = 0.25".into())].into());
/// let engine = Engine::builder().loader(table).build();
/// let rule = Script::javascript("rule", "import { rate } from 'db:tax'; export default rate");
/// let report = engine.run(rule, RunOptions::new().data(Tenant("acme"))).wait();
/// assert_eq!(report.result.unwrap(), 0.25);
/// ```
pub trait ModuleLoader: Send + Sync + 'static {
    /// The name of the module that `specifier` means, as written in the module `importer`; `None` if it is none of this
    /// loader, so that it may be a file. One module has one name, however it is imported: it is what
    /// [`load`](Self::load) gets, what stack traces show, and by what a run knows that it has the module already. It must
    /// not begin like the path of a file, and not be the name of a built-in module or of the rule.
    ///
    /// The importer is the name of a module of this loader, the path of a file, or the name of the rule that was started.
    ///
    /// This is called on the run's worker thread, and must not wait for anything.
    ///
    /// # Errors
    ///
    /// Why there is no such module, for the rule.
    fn resolve(
        &self,
        call: &Call,
        specifier: &str,
        importer: &str,
    ) -> Result<Option<String>, String>;

    /// The text of the module of this name. It is asked for once in each run. This is called on a thread of its own, and may
    /// wait.
    ///
    /// # Errors
    ///
    /// Why it cannot be loaded, for the rule.
    fn load(&self, call: &Call, name: &str) -> Result<ModuleText, String>;
}

/// The text of a module, and its language.
///
/// See [`ModuleLoader`] for an example.
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
    /// Says which run these modules are of, for the host's loader. Without a run it is asked for nothing.
    pub(crate) fn belong_to(&self, run: &Run) {
        if self.settings.loader.is_some() {
            self.call.get_or_init(|| Call::new(run));
        }
    }

    /// What the host's loader says that a specifier means.
    pub(super) fn ask_loader(
        &self,
        specifier: &str,
        importer: &str,
    ) -> Result<Option<String>, String> {
        let (Some(loader), Some(call)) = (&self.settings.loader, self.call.get()) else {
            return Ok(None);
        };
        let Some(name) = loader.resolve(call, specifier, importer)? else {
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
        let (Some(loader), Some(call), true) = (
            &self.settings.loader,
            self.call.get(),
            self.is_of_loader(name),
        ) else {
            return Ok(None);
        };
        if let Some(Some(text)) = self.texts.0.borrow().get(name) {
            return Ok(Some(text.clone()));
        }
        let (loader, call, owned) = (Arc::clone(loader), call.clone(), name.to_owned());
        let text = match read::off_thread(run, move || Ok(loader.load(&call, &owned))) {
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
