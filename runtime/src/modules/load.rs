//! Feeding ECMAScript modules to QuickJS.
//!
//! What is not an ECMAScript module (a built-in one, JSON, CommonJS) is wrapped into a small one
//! that takes its exports from `import.meta`, where the loader has put them.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, Function, IntoJs, Module};

use super::cache::Goal;
use super::resolve::Resolved;
use super::{BuiltIn, LoadedSource, ModuleCache};
use crate::run::Run;
use crate::sys::quickjs;

/// What a file holds, by its name and, where that leaves it open, its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An ECMAScript module for certain: `.mjs`, `.mts`.
    Module,
    /// A CommonJS module for certain: `.cjs`, `.cts`.
    CommonJs,
    /// JSON data.
    Json,
    /// A rulebook: `.yml`, `.yaml`.
    Rulebook,
    /// JavaScript or TypeScript of either kind.
    Either,
}

impl Kind {
    pub(crate) fn of(name: &str) -> Self {
        match extension(name) {
            Some("mjs" | "mts") => Kind::Module,
            Some("cjs" | "cts") => Kind::CommonJs,
            Some("json") => Kind::Json,
            Some("yml" | "yaml") => Kind::Rulebook,
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

/// Whether a text has `import` or `export` declarations, judged by the start of its lines.
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

/// Whether a text assigns to `module.exports` or `exports.x` and is no ECMAScript module.
fn looks_like_commonjs(text: &str) -> bool {
    (text.contains("module.exports") || text.contains("exports.")) && !looks_like_module(text)
}

/// QuickJS's way to the modules of a run.
pub(crate) struct ModuleLoader {
    pub(crate) run: Rc<Run>,
}

impl Resolver for ModuleLoader {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        let modules = &self.run.modules;
        if modules.is_main(name) && !Path::new(base).is_absolute() {
            return Ok(name.to_owned());
        }
        resolve_or_throw(ctx, modules, base, name)
    }
}

/// The canonical name that a specifier stands for.
pub(super) fn resolve_or_throw(
    ctx: &Ctx<'_>,
    modules: &ModuleCache,
    importer: &str,
    specifier: &str,
) -> rquickjs::Result<String> {
    match modules.resolve(importer, specifier) {
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
pub(super) fn read(ctx: &Ctx<'_>, name: &str) -> rquickjs::Result<Arc<str>> {
    match std::fs::read_to_string(name) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            let message = format!("cannot read module '{name}': {error}");
            Err(throw_load_error(ctx, &message))
        }
    }
}

/// Reads a source and prepares it; a TypeScript syntax error is thrown as a `SyntaxError`.
pub(super) fn read_source(
    ctx: &Ctx<'_>,
    modules: &ModuleCache,
    name: &str,
) -> rquickjs::Result<LoadedSource> {
    if let Some(source) = modules.sources.borrow().get(name) {
        return Ok(source.clone());
    }
    let prepared = match modules.settings.source(name) {
        Some(text) => modules.prepare_as(name, Arc::clone(text), true),
        None => modules.prepare(name, read(ctx, name)?),
    };
    prepared.map_err(|error| {
        let message = error.to_string();
        let message = message.strip_prefix("SyntaxError: ").unwrap_or(&message);
        match &error.location {
            Some(at) => Exception::throw_syntax(
                ctx,
                &format!("{message} ({}:{}:{})", at.file, at.line, at.column),
            ),
            None => Exception::throw_syntax(ctx, message),
        }
    })
}

impl Loader for ModuleLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let run = Rc::clone(&self.run);
        let modules = &run.modules;
        match modules.settings.built_in(name) {
            Some(_) if modules.is_main(name) => {}
            Some(BuiltIn::Native(_)) => {
                let exports = modules.native_exports(ctx, &run, name)?;
                let names: Vec<String> = exports.keys::<String>().collect::<Result<_, _>>()?;
                return wrap(ctx, modules, name, &names, exports);
            }
            Some(BuiltIn::Source { .. }) => {
                let source = read_source(ctx, modules, name)?;
                return declare(ctx, modules, name, &source.code());
            }
            None => {}
        }
        let source = match Kind::of(name) {
            Kind::Json => {
                let text = read(ctx, name)?;
                let value = super::require::parse_json(ctx, name, &text)?;
                return wrap(ctx, modules, name, &[], value);
            }
            Kind::CommonJs => {
                return wrap_commonjs(ctx, &run, name, &read_source(ctx, modules, name)?);
            }
            Kind::Rulebook => return Err(super::require::no_module(ctx, name)),
            Kind::Module => read_source(ctx, modules, name)?,
            Kind::Either => {
                let source = read_source(ctx, modules, name)?;
                if !modules.is_main(name) && looks_like_commonjs(&source.text) {
                    return wrap_commonjs(ctx, &run, name, &source);
                }
                source
            }
        };
        let module = declare(ctx, modules, name, &source.code())?;
        let meta = module.meta()?;
        let path = Path::new(name);
        if path.is_absolute() {
            meta.set("url", format!("file://{name}"))?;
            meta.set("filename", name)?;
            meta.set("dirname", path.parent().and_then(Path::to_str))?;
        }
        meta.set("main", modules.is_main(name))?;
        Ok(module)
    }
}

/// Declares a module from its source, by way of the engine's cache.
fn declare<'js>(
    ctx: &Ctx<'js>,
    modules: &ModuleCache,
    name: &str,
    code: &Arc<str>,
) -> rquickjs::Result<Module<'js, Declared>> {
    let cache = &modules.settings.code;
    if let Some(bytecode) = cache.bytecode(Goal::Module, name, code) {
        return quickjs::load_module(ctx, &bytecode);
    }
    let (module, bytecode) = quickjs::declare_module(ctx, name, code)?;
    cache.store(Goal::Module, name, code, bytecode);
    Ok(module)
}

/// A module whose exports are those of `exports`: itself as the default, and `names` by name.
fn wrap<'js>(
    ctx: &Ctx<'js>,
    modules: &ModuleCache,
    name: &str,
    names: &[String],
    exports: impl IntoJs<'js>,
) -> rquickjs::Result<Module<'js, Declared>> {
    let code = wrapper("import.meta.exports", names);
    let module = declare(ctx, modules, name, &code)?;
    module.meta()?.set("exports", exports)?;
    Ok(module)
}

/// A module that runs a CommonJS one when it is evaluated.
fn wrap_commonjs<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    source: &LoadedSource,
) -> rquickjs::Result<Module<'js, Declared>> {
    let names = commonjs_exports(&source.text);
    let code = wrapper("import.meta.load()", &names);
    let module = declare(ctx, &run.modules, name, &code)?;
    let load = {
        let run = Rc::clone(run);
        let name = name.to_owned();
        move |ctx: Ctx<'js>| super::require::load(&ctx, &run, &name)
    };
    module
        .meta()?
        .set("load", Function::new(ctx.clone(), load)?)?;
    Ok(module)
}

/// The source of a wrapping module.
fn wrapper(exports: &str, names: &[String]) -> Arc<str> {
    use std::fmt::Write;
    let mut code = format!("const m = {exports};\nexport default m;\n");
    for (index, name) in names.iter().enumerate() {
        if name != "default" && is_identifier(name) {
            // A String cannot fail to be written to.
            let _ = writeln!(
                code,
                "const v{index} = m.{name}; export {{ v{index} as {name} }};"
            );
        }
    }
    code.into()
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    characters.next().is_some_and(first) && characters.all(|c| first(c) || c.is_ascii_digit())
}

/// The names that a CommonJS module assigns, found without running it, as Node.js does:
/// `exports.name =`, `module.exports.name =` and the keys of `module.exports = { a, b: 1 }`.
fn commonjs_exports(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &str| {
        if is_identifier(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    };
    for (position, _) in text.match_indices("exports") {
        let rest = &text[position + "exports".len()..];
        if let Some(rest) = rest.strip_prefix('.') {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'))
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            if after.starts_with('=') && !after.starts_with("==") {
                add(name);
            }
        } else if let Some(list) = rest
            .trim_start()
            .strip_prefix('=')
            .and_then(|rest| rest.trim_start().strip_prefix('{'))
            && let Some(end) = list.find('}')
        {
            for item in list[..end].split(',') {
                add(item.split([':', '(']).next().unwrap_or("").trim());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{Kind, commonjs_exports, looks_like_commonjs, looks_like_module, wrapper};

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
        assert!(looks_like_commonjs("exports.a = 1"));
        assert!(!looks_like_commonjs("export const a = module.exports"));
    }

    #[test]
    fn exports_of_commonjs_are_found_without_running_it() {
        assert_eq!(
            commonjs_exports("exports.a = 1; module.exports.b = 2; exports.a == 3; exports.c == 1"),
            ["a", "b"]
        );
        assert_eq!(
            commonjs_exports("module.exports = { x, y: 1, 'odd-one': 2, z() {} };"),
            ["x", "y", "z"]
        );
    }

    #[test]
    fn names_that_are_no_identifiers_stay_out_of_the_wrapper() {
        let code = wrapper("m0", &["take".into(), "default".into(), "a-b".into()]);
        assert!(code.contains("export { v0 as take }"));
        assert!(!code.contains("a-b"));
        assert_eq!(code.matches("default").count(), 1);
    }
}
