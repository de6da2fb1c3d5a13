//! Values in files and texts: JSON, YAML, plain text.

use std::path::Path;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::require;
use cla_runtime::js::{self, Ctx, Exception, Function, IntoJs, Object, Value};
use cla_stdlib::internal::with_quoted_integers;

/// How a text is to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
    Text,
}

impl Format {
    /// The format of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "text" => Some(Self::Text),
            _ => None,
        }
    }

    /// That of a file, by its name.
    pub(super) fn of(path: &str) -> Self {
        let extension = Path::new(path).extension().and_then(|text| text.to_str());
        extension
            .and_then(|extension| Self::named(&extension.to_ascii_lowercase()))
            .unwrap_or(Self::Text)
    }
}

/// The value that a text holds. `what` names the text in errors.
pub(super) fn read<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    text: &str,
    format: Format,
    what: &str,
) -> js::Result<Value<'js>> {
    // A byte order mark is no part of a text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Text => text.into_js(ctx),
        Format::Json => {
            if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
                let message = format!("{what} is no JSON: {error}");
                return Err(Exception::throw_syntax(ctx, &message));
            }
            // As everywhere where a rulebook reads values.
            ctx.json_parse(&*with_quoted_integers(text))
        }
        Format::Yaml => library(ctx, run, "cla/util", "loadYAML")?.call((text,)),
    }
}

/// A value as a text, with a line feed at its end.
pub(super) fn write<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    value: Value<'js>,
    format: Format,
) -> js::Result<String> {
    match format {
        Format::Yaml => library(ctx, run, "cla/util", "dumpYAML")?.call((value,)),
        Format::Text if value.is_string() => value.get(),
        _ => match ctx.json_stringify_replacer_space(value, (), 2)? {
            Some(text) => Ok(text.to_string()? + "\n"),
            None => Err(Exception::throw_type(ctx, "there is no value to write")),
        },
    }
}

/// A function of the standard library, which may not be there.
pub(super) fn library<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    module: &str,
    name: &str,
) -> js::Result<Function<'js>> {
    if !run.modules().has_built_in(module) {
        let message =
            format!("this op needs the module {module}, which this program does not have");
        return Err(Exception::throw_message(ctx, &message));
    }
    let module = module.into_js(ctx)?;
    let module: Object<'js> = require(ctx, run, "", &module)?.get()?;
    module.get(name)
}
