//! Values in files and texts: JSON, YAML, tables, settings, plain text.

use std::path::Path;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::require;
use cla_runtime::js::{self, Ctx, Exception, Function, IntoJs, Object, Value};
use cla_stdlib::internal::{load_properties, with_quoted_integers};

/// How a text is to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
    Text,
    Csv,
    Ini,
    Properties,
    Toml,
    Xml,
}

/// The names of all formats, for people.
pub(super) const FORMATS: &str = "json, yaml, text, csv, ini, properties, toml or xml";

impl Format {
    /// The format of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            "text" => Some(Self::Text),
            "csv" => Some(Self::Csv),
            "ini" => Some(Self::Ini),
            "properties" => Some(Self::Properties),
            "toml" => Some(Self::Toml),
            "xml" => Some(Self::Xml),
            _ => None,
        }
    }

    /// That of a file whose contents are wanted, by its name: JSON, YAML or a text.
    pub(super) fn of(path: &str) -> Self {
        match Self::by_extension(path) {
            format @ (Self::Json | Self::Yaml) => format,
            _ => Self::Text,
        }
    }

    /// That of a file that is to be parsed, by its name.
    pub(super) fn by_extension(path: &str) -> Self {
        let extension = Path::new(path).extension().and_then(|text| text.to_str());
        extension
            .and_then(|extension| Self::named(&extension.to_ascii_lowercase()))
            .unwrap_or(Self::Text)
    }

    /// What may be said of how a text in it is read.
    pub(super) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Csv => &["header", "separator"],
            Self::Xml => &["attributes", "lists", "nodes", "root", "KeepRoot"],
            _ => &[],
        }
    }
}

/// The value that a text holds. `what` names the text in errors.
pub(super) fn read<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    text: &str,
    format: Format,
    options: Option<Object<'js>>,
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
        Format::Csv => library(ctx, run, "cla/csv", "parse")?.call((text, options)),
        Format::Ini => library(ctx, run, "cla/util", "loadINI")?.call((text,)),
        Format::Toml => library(ctx, run, "cla/util", "loadTOML")?.call((text,)),
        Format::Properties => load_properties(ctx, text, what),
        Format::Xml => xml(ctx, run, text, options),
    }
}

/// The value of a document in XML. Its attributes go by their names alone, so that `${host.name}` finds them.
fn xml<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    text: &str,
    given: Option<Object<'js>>,
) -> js::Result<Value<'js>> {
    let options = Object::new(ctx.clone())?;
    let mut has_root = true;
    let mut has_nodes = false;
    for entry in given
        .into_iter()
        .flat_map(|given| given.props::<String, Value<'js>>())
    {
        let (name, value) = entry?;
        let is_on = || Ok::<_, js::Error>(value.get::<js::Coerced<bool>>()?.0);
        match name.as_str() {
            "root" => has_root = is_on()?,
            // As Clarive documents it: the root is left out.
            "KeepRoot" => has_root = !is_on()?,
            _ => {
                has_nodes |= name == "nodes" && is_on()?;
                options.set(name, value)?;
            }
        }
    }
    // A node has the names of its attributes apart.
    if !has_nodes && !options.contains_key("attributes")? {
        options.set("attributes", "")?;
    }
    let value: Value<'js> = library(ctx, run, "cla/util", "loadXML")?.call((text, options))?;
    match value.as_object() {
        Some(document) if !has_root && !has_nodes => match document.values::<Value<'js>>().next() {
            Some(root) => root,
            None => Ok(value),
        },
        _ => Ok(value),
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
        Format::Csv => library(ctx, run, "cla/csv", "stringify")?.call((value,)),
        Format::Ini => library(ctx, run, "cla/util", "dumpINI")?.call((value,)),
        Format::Toml => library(ctx, run, "cla/util", "dumpTOML")?.call((value,)),
        Format::Xml => library(ctx, run, "cla/util", "dumpXML")?.call((value,)),
        Format::Properties => {
            let message = "properties are only read here; ini has the same lines";
            Err(Exception::throw_type(ctx, message))
        }
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
