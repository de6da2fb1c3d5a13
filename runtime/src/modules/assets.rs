//! Files that are imported as something else than a module: `import text from "./a.txt" with { type: "text" }`.
//!
//! To QuickJS each is a module of its own, with a name that is none of a file, and its value as the default export.

use std::path::Path;
use std::rc::Rc;

use rquickjs::loader::ImportAttributes;
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, IntoJs, Module, TypedArray, Value};

use super::load::{self, throw_load_error};
use super::wrap::wrap;
use super::{ModuleCache, read};
use crate::error::source::Sources;
use crate::run::Run;

/// What a file can be imported as.
const TYPES: [&str; 3] = ["json", "text", "bytes"];

/// What the names of these modules begin with; the type, a space and the name of the file follow.
const PREFIX: char = '\u{1}';

/// The name of the module that a file is with these attributes.
///
/// # Errors
///
/// There is no such attribute or type.
pub(super) fn name<'js>(
    ctx: &Ctx<'js>,
    modules: &ModuleCache,
    file: &str,
    attributes: &ImportAttributes<'js>,
) -> rquickjs::Result<String> {
    for key in attributes.keys() {
        let key: String = key?;
        if key != "type" {
            let message = format!("there is no import attribute {key:?}, only \"type\"");
            return Err(Exception::throw_type(ctx, &message));
        }
    }
    let Some(kind) = attributes.get_type()? else {
        return Ok(file.to_owned());
    };
    match problem(modules, file, &kind) {
        Some(message) => Err(Exception::throw_type(ctx, &message)),
        None => Ok(format!("{PREFIX}{kind} {file}")),
    }
}

/// Why a module cannot be imported as something of this type.
pub(crate) fn problem(modules: &ModuleCache, file: &str, kind: &str) -> Option<String> {
    if !TYPES.contains(&kind) {
        let shown = modules.display(file);
        return Some(format!(
            "{shown} cannot be imported as {kind:?}: with {{ type: \"json\" }} it is a value, with \"text\" its text, with \
             \"bytes\" a Uint8Array, and without a type JavaScript or TypeScript"
        ));
    }
    let is_built_in = modules.settings.built_in(file).is_some();
    is_built_in.then(|| format!("the built-in module {file} cannot be imported as {kind:?}"))
}

/// The type and the file that a name means which [`name`] made.
fn parse(name: &str) -> Option<(&str, &str)> {
    let (kind, file) = name.strip_prefix(PREFIX)?.split_once(' ')?;
    TYPES.contains(&kind).then_some((kind, file))
}

/// Declares the module of this name; `None` if it is no name that [`name`] made.
pub(super) fn declare<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> Option<rquickjs::Result<Module<'js, Declared>>> {
    let (kind, file) = parse(name)?;
    let modules = run.modules();
    let value = modules
        .text_of_loader(ctx, run, file)
        .and_then(|_| value(ctx, run, kind, file));
    Some(value.and_then(|value| wrap(ctx, modules, name, &[], value)))
}

fn value<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    kind: &str,
    file: &str,
) -> rquickjs::Result<Value<'js>> {
    if kind == "json" {
        return load::json(ctx, run, file);
    }
    if kind == "text" || run.modules().is_of_loader(file) {
        let text = load::read(ctx, run, file)?;
        // QuickJS's copy is counted when it is made.
        return match kind {
            "text" => (&*text).into_js(ctx),
            _ => Ok(TypedArray::new(ctx.clone(), text.as_bytes())?.into_value()),
        };
    }
    match read::read_bytes(Path::new(file), &run.modules().importable, run) {
        Ok(bytes) => Ok(TypedArray::new(ctx.clone(), bytes)?.into_value()),
        Err(_) if run.stopped() => Err(run.throw_stopped(ctx)),
        Err(error) => {
            let shown = run.modules().display_name(file);
            Err(throw_load_error(
                ctx,
                &format!("cannot read {shown}: {error}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_name_says_the_type_and_the_file() {
        assert_eq!(parse("\u{1}text /a b/c.txt"), Some(("text", "/a b/c.txt")));
        assert_eq!(parse("\u{1}link 1"), None);
        assert_eq!(parse("/a/text b"), None);
    }
}
