//! Feeding ECMAScript modules to QuickJS.
//!
//! What is not an ECMAScript module (a built-in one, JSON, CommonJS) is [wrapped](super::wrap) into a small one.

use std::collections::HashSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use percent_encoding::{AsciiSet, utf8_percent_encode};
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Coerced, Ctx, Exception, Function, Module, Value};

use super::cache::Goal;
use super::loader::TextLanguage;
use super::resolve::Resolved;
use super::wrap::commonjs_names;
use super::{BuiltIn, LoadedSource, ModuleCache, Reference, assets, require, wrap};
use crate::error::RuleError;
use crate::error::source::{Sources, SyntaxProblem};
use crate::line_ends::LineEnds;
use crate::run::Run;
use crate::sys::quickjs;
use crate::typescript::{self, Shape, exports, suspects};

/// What a file holds, by its name and, where that leaves it open, its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An ECMAScript module for certain: `.mjs`, `.mts`.
    Module,
    /// A CommonJS module for certain: `.cjs`, `.cts`.
    CommonJs,
    /// JSON data.
    Json,
    /// JavaScript or TypeScript of either kind.
    Either,
}

impl Kind {
    /// That of a file, by its extension.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match extension(name) {
            Some("mjs" | "mts") => Kind::Module,
            Some("cjs" | "cts") => Kind::CommonJs,
            Some("json") => Kind::Json,
            _ => Kind::Either,
        }
    }
}

pub(crate) fn is_typescript(name: &str) -> bool {
    matches!(extension(name), Some("ts" | "mts" | "cts" | "tsx"))
}

fn extension(name: &str) -> Option<&str> {
    Path::new(name).extension()?.to_str()
}

/// What is wrong with the text of a module in a file, before it is compiled.
pub fn problems(name: &str, text: &str) -> Vec<SyntaxProblem> {
    if is_typescript(name) {
        return typescript::strip(name, text).err().unwrap_or_default();
    }
    let kind = Kind::of(name);
    typescript::js_problems(text, kind != Kind::CommonJs, kind != Kind::Module)
}

/// What is wrong with a text of JSON.
pub(crate) fn json_problem(text: &str) -> Option<SyntaxProblem> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    let lines = text.split_inclusive('\n');
    let start: usize = lines
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    // Counted in bytes.
    let at = text.floor_char_boundary(start + error.column().saturating_sub(1));
    let characters = text[start..at].chars().count();
    Some(SyntaxProblem {
        message: format!("no valid JSON: {said}"),
        help: not_json(&text[..at], &text[at..]).map(str::to_owned),
        line: error.line().max(1) as u32,
        column: characters as u32 + 1,
        length: 1,
    })
}

/// What JSON does not have, and JavaScript has: what stands before a place, and what stands there.
fn not_json(before: &str, from: &str) -> Option<&'static str> {
    let before = before.trim_end();
    match from.chars().next()? {
        '}' | ']' if before.ends_with(',') => Some("JSON has no comma behind the last item"),
        '\'' => Some("in JSON, texts stand in double quotes"),
        '/' => Some("JSON has no comments"),
        c if c.is_alphabetic() && before.ends_with(['{', ',']) => {
            Some("in JSON, names and texts stand in double quotes")
        }
        _ => None,
    }
}

/// The regular expression of a text that is none: QuickJS says what is wrong with it, and not where it stands.
pub(crate) fn pattern_problem(ctx: &Ctx<'_>, text: &str) -> Option<SyntaxProblem> {
    let written = suspects::patterns(text);
    if written.is_empty() {
        return None;
    }
    // The rule may have another one of this name.
    let source = "(pattern, flags) => { new (/a/).constructor(pattern, flags) }";
    let compile: Function<'_> = match ctx.eval(source) {
        Ok(compile) => compile,
        Err(_) => {
            drop(ctx.catch());
            return None;
        }
    };
    written.into_iter().find_map(|one| {
        let failed = compile
            .call::<_, Value<'_>>((one.pattern.as_str(), one.flags.as_str()))
            .is_err();
        let reason = failed.then(|| ctx.catch())?;
        let said = reason.as_exception()?.message()?;
        let (line, column, length) = one.at;
        Some(SyntaxProblem {
            message: format!("this regular expression is not valid: {said}"),
            help: None,
            line,
            column,
            length,
        })
    })
}

/// What is wrong with the text of a module that QuickJS could not compile.
pub(super) fn problems_of(modules: &ModuleCache, name: &str, text: &str) -> Vec<SyntaxProblem> {
    let is_typescript = modules
        .sources
        .borrow()
        .get(name)
        .is_some_and(|source| source.stripped.is_some());
    match modules.kind(name) {
        // What types were taken from has no mistake that is known.
        _ if is_typescript => Vec::new(),
        Kind::Json => json_problem(text).into_iter().collect(),
        kind => typescript::js_problems(text, kind != Kind::CommonJs, kind != Kind::Module),
    }
}

/// Whether a text that does not parse, or is too intricate to be looked at, has `import` or `export` declarations, judged
/// by the start of its lines.
///
/// A wrong guess costs nothing but a less fitting error message: QuickJS has the last word.
pub(crate) fn looks_like_module(text: &str) -> bool {
    text.lines().map(str::trim_start).any(|line| {
        ["import", "export"].iter().any(|keyword| {
            line.strip_prefix(keyword).is_some_and(|rest| {
                rest.starts_with([' ', '\t', '{', '*', '"', '\'']) && !rest.starts_with(" =")
            })
        })
    })
}

/// What a module is, once its text was looked at.
pub(super) enum Form {
    /// Its exports are made by the host.
    Native,
    /// An ES module; what it imports, if that is known.
    Module(LoadedSource, Option<Arc<Shape>>),
    CommonJs(LoadedSource),
    Json,
}

/// What the module of this name is.
///
/// # Errors
///
/// It cannot be read, or is nothing that can be imported.
pub(super) fn form(ctx: &Ctx<'_>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Form> {
    let modules = run.modules();
    if !modules.is_main(name) && matches!(modules.settings.built_in(name), Some(BuiltIn::Native(_)))
    {
        return Ok(Form::Native);
    }
    modules.text_of_loader(ctx, run, name)?;
    let kind = match modules.kind(name) {
        _ if modules.is_source(name) => Kind::Module,
        Kind::Json => return Ok(Form::Json),
        kind => kind,
    };
    if kind == Kind::Either
        && !modules.is_free_name(name)
        && !modules.is_of_loader(name)
        && let Some(language) = modules.settings.language(name)
    {
        return Err(Exception::throw_message(ctx, &language.cannot_import(name)));
    }
    let source = read_source(ctx, run, name)?;
    require::add_properties(ctx, run, &source.text)?;
    // What runs as the main script or module is not anything else when it is imported.
    let kind = match kind {
        Kind::Either if modules.is_main_script(name) || modules.is_main_commonjs(name) => {
            Kind::CommonJs
        }
        Kind::Either if modules.is_main(name) => Kind::Module,
        kind => kind,
    };
    match kind {
        Kind::CommonJs => Ok(Form::CommonJs(source)),
        Kind::Module => {
            let shape = modules.shape(name, &source);
            Ok(Form::Module(source, shape))
        }
        _ => either(ctx, run, name, source),
    }
}

/// What a file exports by name, `default` included, as an import finds it; `None` where that is not known before it runs.
///
/// # Errors
///
/// It cannot be read, or is nothing that can be imported.
pub(super) fn file_exports(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Option<Vec<String>>> {
    match form(ctx, run, name)? {
        Form::Module(source, _) => match exports(&source.text) {
            Some(names) => Ok(Some(names)),
            None => all_exports(ctx, run, name, &source.text),
        },
        Form::CommonJs(source) => {
            let mut names = commonjs_names(ctx, run, name, &source)?;
            names.extend(["default", "module.exports"].map(str::to_owned));
            Ok(Some(names))
        }
        Form::Native | Form::Json => Ok(None),
    }
}

/// What a module exports that exports all of others, too. `None` if one of these does not say what it exports.
fn all_exports(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    name: &str,
    text: &str,
) -> rquickjs::Result<Option<Vec<String>>> {
    /// The most modules that are looked at.
    const MOST: usize = 200;
    let Some((mut names, stars)) = typescript::own_exports(text) else {
        return Ok(None);
    };
    let mut seen = HashSet::from([name.to_owned()]);
    let mut left: Vec<(String, String)> = stars
        .into_iter()
        .map(|star| (name.to_owned(), star))
        .collect();
    while let Some((importer, specifier)) = left.pop() {
        let Ok(Resolved::File(path)) = run.modules().resolve(&importer, &specifier) else {
            return Ok(None);
        };
        let Some(name) = path.to_str() else {
            return Ok(None);
        };
        if !seen.insert(name.to_owned()) {
            continue;
        }
        if seen.len() > MOST || run.must_stop() {
            return Ok(None);
        }
        let Form::Module(source, _) = form(ctx, run, name)? else {
            return Ok(None);
        };
        let Some((own, stars)) = typescript::own_exports(&source.text) else {
            return Ok(None);
        };
        // All but the default one.
        names.extend(own.into_iter().filter(|name| name != "default"));
        left.extend(stars.into_iter().map(|star| (name.to_owned(), star)));
    }
    Ok(Some(names))
}

/// Whether JavaScript, whose name leaves that open, is an ES module: if it declares imports or exports, or if it awaits
/// at its top level.
fn either(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    name: &str,
    source: LoadedSource,
) -> rquickjs::Result<Form> {
    if !may_be_module(&source.code()) {
        return Ok(Form::CommonJs(source));
    }
    if let Some(shape) = run.modules().shape(name, &source) {
        return Ok(if shape.declares || shape.awaits {
            Form::Module(source, Some(shape))
        } else {
            Form::CommonJs(source)
        });
    }
    // It is broken, or too intricate to be looked at: QuickJS has the last word.
    if !looks_like_module(&source.text) {
        match require::compile(ctx, run, name, &source.code()) {
            Ok(_) => return Ok(Form::CommonJs(source)),
            Err(error) if error.is_exception() && !run.must_stop() => drop(ctx.catch()),
            Err(error) => return Err(error),
        }
        run.modules().set_prefix(name, 0);
        // With nothing but `module.exports` in it, the error is to be that of a CommonJS module.
        let text = source.text.replace("exports", "");
        if !may_be_module(&text) {
            return Ok(Form::CommonJs(source));
        }
    }
    Ok(Form::Module(source, None))
}

/// Whether a text has a word that only ES modules need.
pub(crate) fn may_be_module(text: &str) -> bool {
    ["import", "export", "await"]
        .iter()
        .any(|word| text.contains(word))
}

/// QuickJS's way to the modules of a run.
pub(crate) struct QuickJsLoader {
    pub(crate) run: Rc<Run>,
}

impl Resolver for QuickJsLoader {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        let run = Rc::clone(&self.run);
        let modules = run.modules();
        if modules.es.is_declaring() {
            return modules
                .es
                .resolve_asked(ctx, modules, base, name, attributes.as_ref());
        }
        // An `import()`. QuickJS is at rest, and finds the module evaluated.
        let name = resolve_or_throw(ctx, modules, base, name, Reference::Called)?;
        if let Some(attributes) = attributes {
            let typed = assets::name(ctx, modules, &name, &attributes)?;
            if typed != name {
                return Ok(typed);
            }
        }
        super::import(ctx, &run, &name)?;
        Ok(name)
    }
}

/// The canonical name that a specifier stands for.
pub(super) fn resolve_or_throw(
    ctx: &Ctx<'_>,
    modules: &ModuleCache,
    importer: &str,
    specifier: &str,
    reference: Reference,
) -> rquickjs::Result<String> {
    match modules.resolve_for(importer, specifier, reference) {
        Ok(Resolved::BuiltIn(name)) => Ok(name),
        Ok(Resolved::File(path)) => match path.to_str() {
            Some(path) => Ok(path.to_owned()),
            None => {
                let message = format!("the path {} is not valid UTF-8", path.display());
                Err(throw_load_error(ctx, &message))
            }
        },
        Err(error) => Err(throw_load_error(ctx, &error.to_string())),
    }
}

/// Throws an `Error` whose `code` tells that a module could not be loaded.
pub(super) fn throw_load_error(ctx: &Ctx<'_>, message: &str) -> rquickjs::Error {
    let error = Exception::from_message(ctx.clone(), message);
    match error {
        Ok(error) => match error
            .as_object()
            .set("code", crate::error::MODULE_NOT_FOUND)
        {
            Ok(()) => error.throw(),
            Err(error) => error,
        },
        Err(error) => error,
    }
}

/// Reads a source file.
pub(super) fn read(ctx: &Ctx<'_>, run: &Run, name: &str) -> rquickjs::Result<Arc<str>> {
    if let Some(loaded) = run.modules().text_of_loader(ctx, run, name)? {
        return Ok(loaded.text);
    }
    run.modules().read(name, Some(run)).map_err(|message| {
        if run.stopped() {
            return run.throw_stopped(ctx);
        }
        throw_load_error(ctx, &message)
    })
}

/// Reads a source and prepares it; a TypeScript syntax error is thrown as a `SyntaxError`.
pub(super) fn read_source(ctx: &Ctx<'_>, run: &Run, name: &str) -> rquickjs::Result<LoadedSource> {
    let modules = run.modules();
    if let Some(source) = modules.sources.borrow().get(name) {
        return Ok(source.clone());
    }
    let prepared = match modules.settings.source(name) {
        Some(text) => {
            let is_typescript = cfg!(feature = "typescript");
            modules.prepare_as(name, Arc::clone(text), is_typescript)
        }
        None if modules.is_of_loader(name) => {
            let text = read(ctx, run, name)?;
            let is_typescript = modules.language_of_loader(name) == Some(TextLanguage::TypeScript);
            modules.prepare_as(name, text, is_typescript)
        }
        None => {
            let text = read(ctx, run, name)?;
            modules.count_memory(run, &text);
            modules.prepare(name, text)
        }
    };
    prepared.map_err(|error| modules.throw_prepared(ctx, error))
}

/// The value in a JSON file, read once per run.
pub(super) fn json<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Value<'js>> {
    if let Some(module) = require::known(ctx, run, name)? {
        return module.get("exports");
    }
    let text = read(ctx, run, name)?;
    let value = {
        // The text, and QuickJS's copy of it.
        let _charge = run.count_memory(2 * text.len());
        require::parse_json(ctx, run, name, &text)?
    };
    let module = require::remember(ctx, run, name, None)?;
    module.set("exports", value.clone())?;
    module.set("loaded", true)?;
    Ok(value)
}

impl Loader for QuickJsLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        // The resolver has put them into the name.
        self.run.modules().es.asked(ctx, &self.run, name)
    }
}

/// Declares a module. QuickJS asks for what it imports and does not know.
pub(super) fn declare<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Module<'js, Declared>> {
    if let Some(declared) = assets::declare(ctx, run, name) {
        return declared;
    }
    let modules = run.modules();
    let (source, shape) = match form(ctx, run, name)? {
        Form::Native => {
            let exports = modules.native_exports(ctx, run, name)?;
            let names: Vec<String> = exports.keys::<String>().collect::<Result<_, _>>()?;
            return wrap::wrap(ctx, modules, name, &names, exports);
        }
        Form::Json => {
            let value = json(ctx, run, name)?;
            return wrap::wrap(ctx, modules, name, &[], value);
        }
        Form::CommonJs(source) => return wrap::wrap_commonjs(ctx, run, name, &source),
        Form::Module(source, shape) => (source, shape),
    };
    // QuickJS asks for the imports of bytecode while it reads it, and must not find the half of it then.
    // And bytecode does not say as what something is imported.
    let is_ready = shape.is_some_and(|shape| {
        !shape.has_attributes
            && shape.imports.iter().all(|specifier| {
                let imported = modules.es.resolve(ctx, modules, name, specifier);
                imported.is_ok_and(|imported| modules.es.is_declared(&imported))
            })
    });
    let module = compile(ctx, modules, name, &source.code(), is_ready)
        .map_err(|error| name_place(ctx, modules, name, error))?;
    if modules.is_source(name) {
        return Ok(module);
    }
    let meta = module.meta()?;
    let path = Path::new(name);
    if path.is_absolute() && !modules.is_free_name(name) {
        meta.set("url", file_url(name))?;
        meta.set("filename", name)?;
        meta.set("dirname", path.parent().and_then(Path::to_str))?;
    }
    meta.set("main", modules.is_main(name))?;
    // A function for each module would cost those that do not ask.
    if source.text.contains(".resolve") {
        let (run, importer) = (Rc::clone(run), name.to_owned());
        let resolve = move |ctx: Ctx<'js>, specifier: Coerced<String>| {
            resolve_to_url(&ctx, &run, &importer, &specifier.0)
        };
        meta.set(
            "resolve",
            Function::new(ctx.clone(), resolve)?.with_name("resolve")?,
        )?;
    }
    Ok(module)
}

/// What `import.meta.resolve(specifier)` gives: the URL of a file, or the name of a built-in module.
fn resolve_to_url(
    ctx: &Ctx<'_>,
    run: &Run,
    importer: &str,
    specifier: &str,
) -> rquickjs::Result<String> {
    match run
        .modules()
        .resolve_for(importer, specifier, Reference::Called)
    {
        Ok(Resolved::BuiltIn(name)) => Ok(name),
        Ok(Resolved::File(path)) => Ok(file_url(&path.to_string_lossy())),
        Err(error) => Err(throw_load_error(ctx, &error.to_string())),
    }
}

/// What has a meaning in a URL, or must not be in one, besides what is not ASCII.
const IN_URL: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The URL of a file.
fn file_url(path: &str) -> String {
    format!("file://{}", utf8_percent_encode(path, IN_URL))
}

/// Compiles a module, or finds it compiled.
pub(super) fn compile<'js>(
    ctx: &Ctx<'js>,
    modules: &ModuleCache,
    name: &str,
    code: &Arc<str>,
    is_ready: bool,
) -> rquickjs::Result<Module<'js, Declared>> {
    let cache = &modules.settings.code;
    let known = cache.bytecode(Goal::Module, name, code);
    if let Some(bytecode) = known.filter(|_| is_ready) {
        return quickjs::load_module(ctx, name, &bytecode);
    }
    let (module, bytecode) = quickjs::declare_module(ctx, name, code)?;
    cache.store(Goal::Module, name, code, bytecode);
    Ok(module)
}

/// Puts the place into the message of a syntax error: who catches it may see nothing else.
pub(super) fn name_place(
    ctx: &Ctx<'_>,
    modules: &ModuleCache,
    name: &str,
    error: rquickjs::Error,
) -> rquickjs::Error {
    if !error.is_exception() {
        return error;
    }
    let value = ctx.catch();
    // The main script's errors are shown with their place.
    if !modules.is_main(name) && !value.is_uncatchable_error() {
        let named = value.as_exception().and_then(|error| {
            let object = error.as_object();
            let kind: String = object.get("name").ok()?;
            let message = error.message()?;
            let shown = modules.display(name);
            if kind != "SyntaxError" || message.contains(&shown) {
                return None;
            }
            let text = modules.sources.borrow().get(name)?.text.clone();
            let mut problems = problems_of(modules, name, &text);
            let stack = error.stack().unwrap_or_default();
            if problems.is_empty() && place_in(&stack, name).is_none() {
                problems.extend(pattern_problem(ctx, &text));
            }
            if !problems.is_empty() {
                let error = RuleError::from_problems(&shown, &text, LineEnds::Script, problems);
                let at = error.location.as_ref()?;
                let message = format!("{} ({shown}:{}:{})", error.message, at.line, at.column);
                modules.prepare_error(&message, error.clone());
                return object.set("message", message).ok();
            }
            let place = place_in(&stack, name);
            let place = place.map(|(line, column)| {
                let original = modules.original(name, line, column);
                original.unwrap_or((line, column))
            });
            let message = match place {
                Some((line, column)) => format!("{message} ({shown}:{line}:{column})"),
                None => format!("{message} ({shown})"),
            };
            object.set("message", message).ok()
        });
        if named.is_none() {
            // A getter of the script's own may have thrown.
            drop(ctx.catch());
        }
    }
    ctx.throw(value)
}

/// Where the first line of a stack points, if that is this file.
fn place_in(stack: &str, name: &str) -> Option<(u32, u32)> {
    let first = stack.lines().next()?.trim_start();
    let place = first.strip_prefix("at ")?.strip_prefix(name)?;
    let mut numbers = place.strip_prefix(':')?.split(':');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Kind, file_url, looks_like_module, place_in};

    #[test]
    fn the_extension_decides_the_kind_where_it_can() {
        assert_eq!(Kind::of("/a/b.mjs"), Kind::Module);
        assert_eq!(Kind::of("/a/b.cts"), Kind::CommonJs);
        assert_eq!(Kind::of("/a/b.json"), Kind::Json);
        assert_eq!(Kind::of("/a/b.ts"), Kind::Either);
        assert_eq!(Kind::of("<stdin>"), Kind::Either);
    }

    #[test]
    fn declarations_tell_a_module_from_a_script() {
        assert!(looks_like_module("import sem from 'cla/sem';"));
        assert!(looks_like_module("var x;\n  export default x"));
        assert!(looks_like_module("export{a}"));
        assert!(!looks_like_module("const important = 1; exports.a = 2"));
        assert!(!looks_like_module("import('x')"));
    }

    #[test]
    fn the_place_of_a_syntax_error_is_in_its_stack() {
        let stack = "    at /a b/c.js:3:14\n    at f (/x.js:1:1)\n";
        assert_eq!(place_in(stack, "/a b/c.js"), Some((3, 14)));
        assert_eq!(place_in(stack, "/x.js"), None);
        assert_eq!(place_in("", "/x.js"), None);
    }

    #[test]
    fn the_url_of_a_file_has_no_character_with_a_meaning() {
        assert_eq!(file_url("/a b/ü#?%.js"), "file:///a%20b/%C3%BC%23%3F%25.js");
    }
}
