//! `import` and `require()`: built-in modules, files of every kind, and what was loaded so far.
//!
//! [`resolve`] decides what a name means, [`packages`] finds packages, [`read`] reads files, [`load`] feeds ECMAScript modules to QuickJS,
//! [`evaluate`] evaluates them in the order that [`graph`] knows, [`require`] runs CommonJS ones, and [`cache`] keeps
//! compiled code for the other runs of the engine.

mod assets;
pub(crate) mod cache;
mod evaluate;
mod graph;
mod importable;
mod json;
mod linking;
mod load;
mod loader;
mod lookup;
mod manifest;
#[cfg_attr(not(feature = "packages"), path = "modules/no_packages.rs")]
mod packages;
mod places;
pub(crate) mod read;
mod require;
mod resolve;
#[cfg_attr(not(feature = "packages"), path = "modules/no_source_map.rs")]
mod source_map;
mod wrap;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Ctx, Exception, Object, Persistent};

pub(crate) use assets::problem as asset_problem;
pub use evaluate::{import, namespace};
pub(crate) use linking::about_export;
pub use load::{Kind, problems};
pub(crate) use load::{
    QuickJsLoader, json_problem, looks_like_module, may_be_module, pattern_problem,
};
pub use loader::{ModuleLoader, ModuleText};
pub(crate) use lookup::is_in_package;
pub use require::require;
pub(crate) use require::{
    add_properties, compiles_as_commonjs, exported, install, install_names, run_main,
};

use self::cache::{Code, CodeCache};
use self::evaluate::EsModules;
use self::importable::Importable;
use self::loader::{LoadedTexts, TextLanguage};
use self::manifest::PackageType;
use self::packages::Packages;
pub(crate) use self::resolve::beside;
pub use self::resolve::{ResolveError, Resolved};
use self::source_map::FileMap;
use crate::error::{Location, RuleError};
use crate::hints::{self, Known};
use crate::host_module::Call;
use crate::line_ends::LineEnds;
use crate::memory_reservation::MemoryReservation;
use crate::native::NativeModule;
use crate::permissions::Permissions;
use crate::program::{Language, Program, SourceText};
use crate::run::Run;
use crate::typescript::{Shape, exports};

/// What all runs of an engine share: the built-in modules, where files may lie, compiled code.
#[derive(Default)]
pub struct ModuleSettings {
    /// In the order in which they were added, which is the order errors list them in.
    built_ins: Vec<BuiltIn>,
    /// Other names of built-in modules.
    pub(crate) aliases: HashMap<String, String>,
    /// Names that rules may expect and that mean nothing here, each with what to use instead.
    pub(crate) left_out: HashMap<String, String>,
    /// Scripts and CommonJS modules of rules are strict.
    pub(crate) strict: bool,
    /// Folders that every rule may import from, besides its own.
    pub(crate) folders: Vec<PathBuf>,
    /// The languages besides JavaScript and TypeScript.
    pub(crate) languages: Vec<Arc<dyn Language>>,
    /// Where modules come from that are no files.
    pub(crate) loader: Option<Arc<dyn ModuleLoader>>,
    /// TypeScript declarations, by the names of files.
    pub(crate) types: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Sentences about names that other programs have and rules have not.
    pub(crate) hints: Vec<(&'static str, &'static str)>,
    pub(crate) code: CodeCache,
}

/// The file of what the modules declare themselves.
const HOST_FILE: &str = "host.d.ts";

/// A module that belongs to no file.
#[derive(Clone)]
pub(crate) enum BuiltIn {
    /// Its exports are made by the host.
    Native(Arc<dyn NativeModule>),
    /// An ECMAScript module in TypeScript.
    Source { name: Arc<str>, text: Arc<str> },
}

impl BuiltIn {
    fn name(&self) -> &str {
        match self {
            BuiltIn::Native(module) => module.name(),
            BuiltIn::Source { name, .. } => name,
        }
    }

    /// Whether only the built-in modules that have a text may import it.
    fn is_internal(&self) -> bool {
        matches!(self, BuiltIn::Native(module) if module.is_internal())
    }
}

/// Who asks for a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    /// An `import` or `export` declaration of a module.
    Declared,
    /// A call: `import()`, and what programs of other languages and hosts ask for.
    Called,
    /// A call of `require()`.
    Required,
}

impl ModuleSettings {
    /// Adds a module, in place of one of the same name.
    pub(crate) fn add(&mut self, module: BuiltIn) {
        self.built_ins.retain(|other| other.name() != module.name());
        self.built_ins.push(module);
    }

    pub(crate) fn built_in(&self, name: &str) -> Option<&BuiltIn> {
        self.built_ins.iter().find(|module| module.name() == name)
    }

    /// The language of a file, by its extension; `None` for scripts and data.
    pub(crate) fn language(&self, name: &str) -> Option<&Arc<dyn Language>> {
        self.language_of(Path::new(name).extension()?.to_str()?)
    }

    /// The language of files with this extension.
    pub(crate) fn language_of(&self, extension: &str) -> Option<&Arc<dyn Language>> {
        let mut languages = self.languages.iter();
        languages.find(|language| language.extensions().contains(&extension))
    }

    /// What is declared of the modules, by the names of files. What modules say of themselves is in one file.
    pub(crate) fn declarations(&self) -> Vec<(String, String)> {
        let modules = self.built_ins.iter().filter_map(|module| match module {
            BuiltIn::Native(module) if !module.is_internal() => module.declarations(),
            BuiltIn::Native(_) | BuiltIn::Source { .. } => None,
        });
        let of_host = modules.collect::<Vec<_>>().join("\n");
        let of_host = (!of_host.is_empty()).then(|| (HOST_FILE.to_owned(), of_host));
        let given = self.types.iter();
        let given = given.map(|(file, text)| (file.to_string(), text.to_string()));
        given.chain(of_host).collect()
    }

    /// The names of the modules that rules can import.
    fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let open = self.built_ins.iter().filter(|module| !module.is_internal());
        open.map(BuiltIn::name)
    }

    /// A sentence that helps with an error about a name that is not there. `file` and `text` are those of the code, as far as
    /// they are known: they say whether it imports modules or requires them.
    pub(crate) fn hint(&self, message: &str, file: &str, text: Option<&str>) -> Option<String> {
        let kind = file.rsplit_once('.').map(|(_, kind)| kind);
        let imports = match kind {
            Some("mjs" | "ts" | "mts") => true,
            Some("js") => text.is_some_and(looks_like_module),
            _ => false,
        };
        let declarations = self.declarations();
        let modules: Vec<&str> = self.names().collect();
        let known = Known {
            declarations: &declarations,
            hints: &self.hints,
            modules: &modules,
            imports,
        };
        hints::for_message(message, &known)
    }

    /// Whether the declarations of a module have a type of this name.
    fn declares_type(&self, module: &str, name: &str) -> bool {
        let declarations = self.declarations();
        declarations
            .iter()
            .any(|(_, text)| hints::declares_type(text, module, name))
    }

    /// A sentence that helps with a line in which something was used that is not there.
    pub(crate) fn hint_for_line(&self, line: &str) -> Option<String> {
        let known = Known {
            declarations: &[],
            hints: &self.hints,
            modules: &[],
            imports: false,
        };
        hints::for_line(line, &known)
    }

    /// The members of globals that rules look for and do not have, each with a sentence.
    pub(crate) fn missing_members(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let hints = self.hints.iter().copied();
        hints.filter(|(name, _)| name.contains('.'))
    }

    fn is_internal(&self, name: &str) -> bool {
        self.built_in(name).is_some_and(BuiltIn::is_internal)
    }

    /// The text of a built-in module that has one.
    fn source(&self, name: &str) -> Option<&Arc<str>> {
        match self.built_in(name)? {
            BuiltIn::Source { text, .. } => Some(text),
            BuiltIn::Native(_) => None,
        }
    }

    /// The built-in module that a specifier means, by its own name or by another one.
    fn meant(&self, specifier: &str) -> Option<&str> {
        let built_in = self.built_in(specifier).or_else(|| {
            let name = self.aliases.get(specifier)?;
            self.built_in(name)
        });
        built_in.map(BuiltIn::name)
    }

    /// What a specifier means that is the name of no file, whoever imports it.
    fn named(&self, specifier: &str) -> Named<'_> {
        match (self.meant(specifier), self.left_out.get(specifier)) {
            (Some(name), _) => Named::BuiltIn(name),
            (None, Some(instead)) => Named::LeftOut(instead),
            (None, None) => Named::Nothing,
        }
    }
}

/// What a name means to the engine, before files are looked at.
enum Named<'a> {
    /// The built-in module of this name.
    BuiltIn(&'a str),
    /// A module that is left out: what to use instead.
    LeftOut(&'a str),
    /// Nothing: it may be that of a file, or of a package.
    Nothing,
}

/// The modules of one run.
pub struct ModuleCache {
    pub(crate) settings: Arc<ModuleSettings>,
    importable: Importable,
    /// The main script's canonical name, which is not looked up as a file.
    main: RefCell<Option<Main>>,
    /// Every source that was compiled, by its canonical name: stack traces point into them.
    sources: RefCell<HashMap<String, LoadedSource>>,
    /// The memory that their texts take.
    reservations: RefCell<Vec<MemoryReservation>>,
    /// Of modules of the host's loader.
    texts: LoadedTexts,
    /// The run, for the host's loader.
    call: OnceCell<Call>,
    es: EsModules,
    /// Exports of native modules that were imported, and of other built-in ones that were required.
    built_ins: RefCell<HashMap<String, Persistent<Object<'static>>>>,
    /// What is `require.cache` to rules: CommonJS `module` objects, by canonical name.
    commonjs: RefCell<Option<Persistent<Object<'static>>>>,
    /// Whether the global `require` has its properties.
    has_require_properties: Cell<bool>,
    /// Made when the first name is looked for that may be a package's.
    packages: OnceCell<Packages>,
    /// Source maps of the files that errors have pointed into, if they have one.
    maps: RefCell<HashMap<String, Option<Rc<FileMap>>>>,
    /// The texts that those come from, by the names that the maps have for them.
    mapped: RefCell<HashMap<String, Arc<str>>>,
    /// What is said of the files in folders, as far as it was looked at.
    package_types: RefCell<HashMap<PathBuf, Option<PackageType>>>,
    /// The last import that failed: QuickJS does not say where in the source it was.
    failed_import: RefCell<Option<FailedImport>>,
    /// Errors that were thrown before any code of their file ran, by their messages: QuickJS knows no place of them.
    prepared: RefCell<VecDeque<(String, RuleError)>>,
}

/// Most errors kept whose places QuickJS does not know.
const MOST_PREPARED: usize = 32;

#[derive(Clone, Debug)]
struct Main {
    name: String,
    folder: Option<PathBuf>,
    /// It runs as a script, so it exports nothing.
    is_script: Cell<bool>,
    /// It runs as a CommonJS module, which its name does not say.
    is_commonjs: Cell<bool>,
    /// Its language was said, and so its name is not that of a file.
    has_free_name: Cell<bool>,
}

#[derive(Clone, Debug)]
struct FailedImport {
    importer: String,
    specifier: String,
}

/// Where an import's specifier is written, quotes included.
#[derive(Clone, Debug)]
pub(crate) struct ImportPlace {
    pub(crate) file: String,
    /// Line and column, from 1, in characters.
    pub(crate) at: (u32, u32),
    pub(crate) length: usize,
}

/// A source that was compiled in this run.
#[derive(Clone)]
pub(crate) struct LoadedSource {
    /// What the author wrote.
    pub(crate) text: Arc<str>,
    /// What QuickJS compiled, when that is something else.
    stripped: Option<Arc<Code>>,
    /// Characters that were put in front of the first line.
    prefix: u32,
}

impl LoadedSource {
    /// The JavaScript to compile.
    pub(crate) fn code(&self) -> Arc<str> {
        match &self.stripped {
            Some(stripped) => Arc::clone(&stripped.code),
            None => Arc::clone(&self.text),
        }
    }
}

impl ModuleCache {
    /// The modules of a run that may import files below `roots`.
    pub fn new(settings: Arc<ModuleSettings>, roots: Vec<PathBuf>) -> Self {
        Self::permitted(settings, roots, Permissions::none())
    }

    /// The modules of a run that may import files below `roots`, and what else it is permitted to import.
    pub(crate) fn permitted(
        settings: Arc<ModuleSettings>,
        mut roots: Vec<PathBuf>,
        permissions: Permissions,
    ) -> Self {
        roots.extend(settings.folders.iter().cloned());
        Self {
            settings,
            importable: Importable::new(roots, permissions),
            main: RefCell::default(),
            sources: RefCell::default(),
            reservations: RefCell::default(),
            texts: LoadedTexts::default(),
            call: OnceCell::new(),
            es: EsModules::default(),
            built_ins: RefCell::default(),
            commonjs: RefCell::default(),
            has_require_properties: Cell::new(false),
            packages: OnceCell::new(),
            maps: RefCell::default(),
            prepared: RefCell::default(),
            mapped: RefCell::default(),
            package_types: RefCell::default(),
            failed_import: RefCell::default(),
        }
    }

    /// Whether the engine has a built-in module of this name.
    pub fn has_built_in(&self, name: &str) -> bool {
        self.settings.built_in(name).is_some()
    }

    /// Whether a script may take slots: it names a module that does so.
    pub(crate) fn may_take_slots(&self, text: &str) -> bool {
        self.settings.built_ins.iter().any(|module| {
            matches!(module, BuiltIn::Native(native) if native.takes_slots())
                && text.contains(module.name())
        })
    }

    /// Whether a file is in a language that is neither JavaScript nor TypeScript.
    pub(crate) fn is_of_a_language(&self, name: &str) -> bool {
        self.settings.language(name).is_some()
    }

    /// The program of a file in a language that is neither JavaScript nor TypeScript.
    pub(crate) fn program_of_language(
        &self,
        name: &str,
        text: &Arc<str>,
    ) -> Option<Arc<dyn Program>> {
        let language = self.settings.language(name)?;
        let source = SourceText {
            name: name.to_owned(),
            text: Arc::clone(text),
            folder: Path::new(name).parent().map(Path::to_path_buf),
        };
        Some(language.program(source, None))
    }

    /// Drops every JavaScript value.
    pub(crate) fn clear(&self) {
        self.built_ins.borrow_mut().clear();
        self.commonjs.borrow_mut().take();
        self.es.clear();
    }

    /// Names the main script, so that importing it by this name means its text.
    pub fn set_main(&self, name: &str, folder: Option<PathBuf>) {
        *self.main.borrow_mut() = Some(Main {
            name: name.to_owned(),
            folder,
            is_script: Cell::new(false),
            is_commonjs: Cell::new(false),
            has_free_name: Cell::new(false),
        });
    }

    /// Notes that the main script runs as a script: a module that imports it gets an empty module.
    pub(crate) fn main_is_script(&self) {
        if let Some(main) = &*self.main.borrow() {
            main.is_script.set(true);
        }
    }

    /// Notes that the main script runs as a CommonJS module.
    pub(crate) fn main_is_commonjs(&self) {
        if let Some(main) = &*self.main.borrow() {
            main.is_commonjs.set(true);
        }
    }

    fn is_main_commonjs(&self, name: &str) -> bool {
        self.main
            .borrow()
            .as_ref()
            .is_some_and(|main| main.name == name && main.is_commonjs.get())
    }

    /// Notes that the language of the main script was said: its name is for people, and says nothing.
    pub(crate) fn main_has_free_name(&self) {
        if let Some(main) = &*self.main.borrow() {
            main.has_free_name.set(true);
        }
    }

    /// Whether this is the name of the main script, and not that of a file.
    fn is_free_name(&self, name: &str) -> bool {
        self.main
            .borrow()
            .as_ref()
            .is_some_and(|main| main.name == name && main.has_free_name.get())
    }

    /// What a source holds, as far as its name says it.
    pub(crate) fn kind(&self, name: &str) -> Kind {
        if self.is_free_name(name) {
            return Kind::Either;
        }
        if self.is_of_loader(name) {
            return match self.language_of_loader(name) {
                Some(TextLanguage::Json) => Kind::Json,
                _ => Kind::Either,
            };
        }
        match Kind::of(name) {
            Kind::Either if self.is_of_module_package(name) => Kind::Module,
            kind => kind,
        }
    }

    /// Whether this is the main script, and it is no module of any kind.
    fn is_main_script(&self, name: &str) -> bool {
        self.main
            .borrow()
            .as_ref()
            .is_some_and(|main| main.name == name && main.is_script.get())
    }

    /// The folder of the main script.
    pub fn folder(&self) -> Option<PathBuf> {
        self.main.borrow().as_ref()?.folder.clone()
    }

    /// Prepares a source for compiling: strips its types if it is TypeScript, and remembers it.
    pub(crate) fn prepare(&self, name: &str, text: Arc<str>) -> Result<LoadedSource, RuleError> {
        self.prepare_as(name, text, load::is_typescript(name))
    }

    /// Prepares a source whose language is known.
    pub(crate) fn prepare_as(
        &self,
        name: &str,
        text: Arc<str>,
        is_typescript: bool,
    ) -> Result<LoadedSource, RuleError> {
        let stripped = if is_typescript {
            let has_no_file = self.is_free_name(name) || self.is_of_loader(name);
            let as_file = if has_no_file { "" } else { name };
            let stripped = self
                .settings
                .code
                .strip(as_file, &text)
                .map_err(|problems| {
                    RuleError::from_problems(&self.display(name), &text, LineEnds::Script, problems)
                })?;
            Some(stripped)
        } else {
            None
        };
        let source = LoadedSource {
            text,
            stripped,
            prefix: 0,
        };
        self.sources
            .borrow_mut()
            .insert(name.to_owned(), source.clone());
        Ok(source)
    }

    /// Prepares an input of a session, and gives what is to be compiled.
    pub(crate) fn prepare_input(&self, name: &str, text: &Arc<str>) -> Result<Arc<str>, RuleError> {
        let input = crate::typescript::input::prepare(text)
            .map_err(|problems| RuleError::from_problems(name, text, LineEnds::Script, problems))?;
        let code = Arc::clone(&input.code);
        let stripped = input.positions.map(|positions| {
            Arc::new(Code {
                code: input.code,
                positions,
                shape: Arc::default(),
            })
        });
        let source = LoadedSource {
            text: Arc::clone(text),
            stripped,
            prefix: input.prefix,
        };
        self.sources.borrow_mut().insert(name.to_owned(), source);
        Ok(code)
    }

    /// Notes that the first line of a source was compiled with `prefix` characters in front.
    fn set_prefix(&self, name: &str, prefix: u32) {
        if let Some(source) = self.sources.borrow_mut().get_mut(name) {
            source.prefix = prefix;
        }
    }

    /// What kind of JavaScript a source is; `None` if that cannot be known before it is compiled.
    pub(crate) fn shape(&self, name: &str, source: &LoadedSource) -> Option<Arc<Shape>> {
        match &source.stripped {
            Some(stripped) => Some(Arc::clone(&stripped.shape)),
            None => self.settings.code.shape(name, &source.text),
        }
    }

    /// Reads a file that was resolved, for the run if there is one. The error names the file.
    pub fn read(&self, name: &str, run: Option<&Run>) -> Result<Arc<str>, String> {
        read::read(Path::new(name), &self.importable, run)
            .map_err(|error| format!("cannot read {}: {error}", self.display(name)))
    }

    /// Counts a text that this run keeps against its memory.
    pub fn count_memory(&self, run: &Run, text: &str) {
        self.reservations
            .borrow_mut()
            .push(run.count_memory(text.len()));
    }

    /// Resolves `specifier` as written in the module `importer` (empty: the main script).
    pub fn resolve(&self, importer: &str, specifier: &str) -> Result<Resolved, ResolveError> {
        self.resolve_for(importer, specifier, Reference::Called)
    }

    /// Resolves like [`resolve`](Self::resolve), for a call of `require` where one asks.
    pub(crate) fn resolve_named(
        &self,
        importer: &str,
        specifier: &str,
        required: bool,
    ) -> Result<Resolved, ResolveError> {
        let reference = match required {
            true => Reference::Required,
            false => Reference::Called,
        };
        self.resolve_for(importer, specifier, reference)
    }

    /// Resolves like [`resolve`](Self::resolve). Internal modules are for declarations of built-in modules only: a call
    /// of `require` may come from anywhere, also when a built-in module makes it.
    fn resolve_for(
        &self,
        importer: &str,
        specifier: &str,
        reference: Reference,
    ) -> Result<Resolved, ResolveError> {
        let may_be_internal = reference == Reference::Declared && self.is_source(importer);
        match self.settings.named(specifier) {
            Named::BuiltIn(name) if may_be_internal || !self.settings.is_internal(name) => {
                return Ok(Resolved::BuiltIn(name.to_owned()));
            }
            Named::LeftOut(instead) => {
                // A package may stand in for it, such as those that bundlers use.
                if let Some(Ok(package)) = self.package_from(importer, specifier, reference) {
                    return Ok(package);
                }
                self.note_failed_import(&self.name_of(importer), specifier);
                return Err(ResolveError::LeftOut {
                    specifier: specifier.to_owned(),
                    instead: instead.to_owned(),
                });
            }
            Named::BuiltIn(_) | Named::Nothing => {}
        }
        if !self.is_source(importer) {
            let importer = self.name_of(importer);
            let asked = self.ask_loader(specifier, &importer);
            let asked = asked.map_err(|problem| {
                self.note_failed_import(&importer, specifier);
                ResolveError::Loader { problem }
            })?;
            if let Some(name) = asked {
                return Ok(Resolved::BuiltIn(name));
            }
        }
        let resolved = match self.package_from(importer, specifier, reference) {
            Some(package) => package,
            None => {
                let folder = self.folder_of(importer);
                let built_ins = self.settings.names();
                resolve::resolve(specifier, folder.as_deref(), &self.importable, built_ins)
            }
        };
        if resolved.is_err() {
            self.note_failed_import(&self.name_of(importer), specifier);
        }
        resolved
    }

    /// The folder in which a module lies.
    fn folder_of(&self, importer: &str) -> Option<PathBuf> {
        let path = Path::new(importer);
        if path.is_absolute() && !self.is_free_name(importer) {
            path.parent().map(Path::to_path_buf)
        } else if self.is_source(importer) || self.is_of_loader(importer) {
            None
        } else {
            self.folder()
        }
    }

    /// The name of an importer, also where it is the main script.
    fn name_of(&self, importer: &str) -> String {
        match &*self.main.borrow() {
            Some(main) if importer.is_empty() => main.name.clone(),
            _ => importer.to_owned(),
        }
    }

    fn note_failed_import(&self, importer: &str, specifier: &str) {
        *self.failed_import.borrow_mut() = Some(FailedImport {
            importer: importer.to_owned(),
            specifier: specifier.to_owned(),
        });
    }

    fn is_main(&self, name: &str) -> bool {
        self.main
            .borrow()
            .as_ref()
            .is_some_and(|main| main.name == name)
    }

    /// Whether a module is a built-in one with a text of its own.
    fn is_source(&self, name: &str) -> bool {
        self.settings.source(name).is_some() && !self.is_main(name)
    }

    /// The exports of a native module, made at its first use in this run.
    fn native_exports<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Rc<crate::run::Run>,
        name: &str,
    ) -> rquickjs::Result<Object<'js>> {
        if let Some(exports) = self.built_ins.borrow().get(name) {
            return exports.clone().restore(ctx);
        }
        let Some(BuiltIn::Native(module)) = self.settings.built_in(name).cloned() else {
            return Err(Exception::throw_reference(
                ctx,
                &format!("there is no built-in module '{name}'"),
            ));
        };
        let exports = crate::run::contain_panic(ctx, || module.exports(ctx, run))?;
        self.built_ins
            .borrow_mut()
            .insert(name.to_owned(), Persistent::save(ctx, exports.clone()));
        Ok(exports)
    }

    /// Keeps how another rule failed, for when it is reported as the cause of an error of this one.
    pub fn prepare_cause(&self, error: &RuleError) {
        if let Some(key) = error.cause_key() {
            self.prepare_error(&key, error.clone());
        }
    }

    /// Keeps an error with its place for when what is thrown with this message is reported.
    fn prepare_error(&self, message: &str, error: RuleError) {
        let mut prepared = self.prepared.borrow_mut();
        prepared.retain(|(known, _)| known != message);
        if prepared.len() >= MOST_PREPARED {
            prepared.pop_front();
        }
        prepared.push_back((message.to_owned(), error));
    }

    /// Throws a `SyntaxError` about a file, whose message has the place, since who catches it may see nothing else.
    fn throw_prepared(&self, ctx: &Ctx<'_>, error: RuleError) -> rquickjs::Error {
        let message = match &error.location {
            Some(at) => format!("{} ({}:{}:{})", error.message, at.file, at.line, at.column),
            None => error.message.clone(),
        };
        self.prepare_error(&message, error);
        Exception::throw_syntax(ctx, &message)
    }

    /// Where the import that failed last is written, if that can be found.
    pub(crate) fn failed_import(&self) -> Option<ImportPlace> {
        let failed = self.failed_import.borrow().clone()?;
        let sources = self.sources.borrow();
        let text = &sources.get(&failed.importer)?.text;
        let literal = |quote| format!("{quote}{}{quote}", failed.specifier);
        let position = ['"', '\'', '`']
            .into_iter()
            .find_map(|quote| text.find(&literal(quote)))?;
        let before = &text[..position];
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next()?.chars().count() as u32 + 1;
        Some(ImportPlace {
            file: failed.importer,
            at: (line, column),
            length: failed.specifier.chars().count() + 2,
        })
    }

    /// The text of a file, by the name that people see.
    pub(crate) fn text_of_shown(&self, shown: &str) -> Option<Arc<str>> {
        let sources = self.sources.borrow();
        let found = sources.iter().find(|(name, _)| self.display(name) == shown);
        found.map(|(_, source)| Arc::clone(&source.text))
    }

    fn display(&self, name: &str) -> String {
        let path = Path::new(name);
        let here = std::env::current_dir().and_then(|folder| folder.canonicalize());
        match here {
            Ok(here) => path.strip_prefix(&here).unwrap_or(path),
            Err(_) => path,
        }
        .display()
        .to_string()
    }
}

/// What a module exports, a built-in one or a file. `None` where that is not known without evaluating it.
///
/// The exports of a native module are made for this, as by an import; none of them is looked at.
pub(crate) fn exported_names(ctx: &Ctx<'_>, run: &Rc<Run>, name: &str) -> Option<Vec<String>> {
    let modules = run.modules();
    let Some(built_in) = modules.settings.built_in(name) else {
        return load::file_exports(ctx, run, name).unwrap_or_else(|_| {
            // What is wrong with the file is said where it is looked at itself.
            if !run.must_stop() {
                drop(ctx.catch());
            }
            None
        });
    };
    match built_in {
        BuiltIn::Native(_) => {
            let names = modules
                .native_exports(ctx, run, name)
                .and_then(|exports| exports.keys::<String>().collect::<rquickjs::Result<_>>());
            match names {
                Ok(names) => {
                    let mut names: Vec<String> = names;
                    names.push("default".to_owned());
                    Some(names)
                }
                Err(_) if run.must_stop() => None,
                Err(_) => {
                    drop(ctx.catch());
                    None
                }
            }
        }
        BuiltIn::Source { text, .. } => exports(text),
    }
}

impl ModuleCache {
    /// A sentence that helps with an error about a name that is not there: `x is not defined`, or in rulebooks `x is not set`.
    /// `file` and `text` are those of the code.
    pub fn hint(&self, message: &str, file: &str, text: Option<&str>) -> Option<String> {
        self.settings.hint(message, file, text)
    }
}

impl Run {
    /// The modules that this run can import.
    #[doc(hidden)]
    #[inline]
    pub fn modules(&self) -> &ModuleCache {
        self.layer()
    }

    /// The folder of the rule that was started; `None` if it is a text that has none.
    pub fn folder(&self) -> Option<PathBuf> {
        self.modules().folder()
    }

    /// The path of the rule's file; the run's name if it is a text that has none.
    pub fn script_path(&self) -> String {
        let main = self.modules().main.borrow();
        match &*main {
            Some(main) if Path::new(&main.name).is_absolute() && !main.has_free_name.get() => {
                main.name.clone()
            }
            _ => self.name.to_string(),
        }
    }

    /// Where the rule's code, which calls the host function that is being executed, stands.
    pub fn caller(&self, ctx: &Ctx<'_>) -> Option<Location> {
        let here = Exception::from_message(ctx.clone(), "").ok()?;
        RuleError::roughly_from_js(ctx, here.as_value(), self.modules()).location
    }
}
