//! Names that a module imports and no module exports: who imports them, and what was probably meant.

use std::rc::Rc;

use rquickjs::{Ctx, Value};

use super::{ModuleCache, Resolved, exported_names};
use crate::error::{ErrorKind, RuleError};
use crate::nearest::nearest;
use crate::run::Run;
use crate::typescript::facts::NamedExport;
use crate::typescript::references::references;

/// The export that is imported without braces.
const DEFAULT: &str = "default";

/// Most exports that a sentence names.
const MOST_LISTED: usize = 8;

/// Puts what was meant, and the place, into an error of QuickJS's about an export that it cannot find. Others stay as they
/// are.
pub(super) fn explain<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, reason: &Value<'js>) {
    if reason.is_uncatchable_error() {
        return;
    }
    let Some(error) = reason.as_exception() else {
        return;
    };
    let Some(message) = error.message() else {
        return;
    };
    let Some((name, module)) = missing(&message) else {
        return;
    };
    let explained = explained(ctx, run, name, module);
    let text = match &explained.location {
        Some(at) => format!(
            "{} ({}:{}:{})",
            explained.message, at.file, at.line, at.column
        ),
        None => explained.message.clone(),
    };
    if error.as_object().set("message", text.as_str()).is_err() {
        // A setter of the script's own may have thrown.
        drop(ctx.catch());
        return;
    }
    run.modules().prepare_error(&text, explained);
}

/// The export and the module of QuickJS's message.
fn missing(message: &str) -> Option<(&str, &str)> {
    let rest = message.strip_prefix("Could not find export '")?;
    let (name, module) = rest.split_once("' in module '")?;
    Some((name, module.strip_suffix('\'')?))
}

fn explained(ctx: &Ctx<'_>, run: &Rc<Run>, name: &str, module: &str) -> RuleError {
    let modules = run.modules();
    let shown = modules.display(module);
    let message = format!("{shown} exports no {name}");
    let mut error = RuleError::new(ErrorKind::Syntax, "SyntaxError", message);
    let exported = exports(ctx, run, module);
    error.help = about_export(modules, module, name, &exported);
    match modules.importer(name, module) {
        Some((importer, at)) => error.located(modules, &importer, at.at, at.length as usize),
        None => error,
    }
}

/// What helps with the name of an export that a module does not have.
pub(crate) fn about_export(
    modules: &ModuleCache,
    module: &str,
    name: &str,
    exported: &[String],
) -> Option<String> {
    if name == DEFAULT {
        let listed = listed(exported)?;
        return Some(format!("{listed}: name in braces what is imported"));
    }
    if let Some(near) = nearest(name, exported.iter().map(String::as_str)) {
        return Some(format!("did you mean {near}?"));
    }
    match modules.settings.declares_type(module, name) {
        true => Some(format!(
            "{name} is a type, of which nothing is left when the rule runs: import type {{ {name} }}"
        )),
        false => listed(exported),
    }
}

/// The names that a module exports, as far as they are known without running it.
fn exports(ctx: &Ctx<'_>, run: &Rc<Run>, module: &str) -> Vec<String> {
    let modules = run.modules();
    let names = match modules.settings.built_in(module) {
        Some(_) if !modules.is_main(module) => exported_names(ctx, run, module),
        _ => {
            let text = modules
                .sources
                .borrow()
                .get(module)
                .map(|source| source.text.clone());
            text.and_then(|text| crate::typescript::exports(&text))
        }
    };
    names.unwrap_or_default()
}

fn listed(exported: &[String]) -> Option<String> {
    let named: Vec<&str> = exported
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "default")
        .collect();
    match named.len() {
        0 if exported.is_empty() => None,
        0 => Some("it has a default export only".to_owned()),
        count if count <= MOST_LISTED => Some(format!("it exports {}", named.join(", "))),
        count => Some(format!(
            "it exports {} and {} others",
            named[..MOST_LISTED].join(", "),
            count - MOST_LISTED
        )),
    }
}

impl ModuleCache {
    /// Who imports a name from a module, and where that is written.
    fn importer(&self, name: &str, module: &str) -> Option<(String, NamedExport)> {
        let texts: Vec<_> = {
            let sources = self.sources.borrow();
            let own = sources.iter().filter(|(file, _)| !self.is_source(file));
            own.map(|(file, source)| (file.clone(), source.text.clone()))
                .collect()
        };
        texts.into_iter().find_map(|(file, text)| {
            if name != DEFAULT && !text.contains(name) {
                return None;
            }
            let named = references(&text).into_iter().filter(|named| named.declared);
            let mut of_module = named.filter(|named| match self.resolve(&file, &named.specifier) {
                Ok(Resolved::BuiltIn(found)) => found == module,
                Ok(Resolved::File(path)) => path.to_str() == Some(module),
                Err(_) => false,
            });
            let found = of_module
                .find_map(|named| named.names.into_iter().find(|export| export.name == name))?;
            Some((file, found))
        })
    }
}
