//! How values are shown: as Node's inspector would, as YAML, as JSON, as a table.

use std::str::FromStr;

use cla_runtime::js::{Coerced, Ctx, Result, Value};
use cla_stdlib::InspectOptions;

/// How values are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Inspect,
    Yaml,
    Json,
    Table,
}

impl Format {
    pub(super) const NAMES: [&str; 4] = ["inspect", "yaml", "json", "table"];

    pub(super) fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Ok(match text {
            "inspect" => Self::Inspect,
            "yaml" | "yml" => Self::Yaml,
            "json" => Self::Json,
            "table" => Self::Table,
            _ => return Err(format!("values are shown as {}", Self::NAMES.join(", "))),
        })
    }
}

/// Where values are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) format: Format,
    pub(super) colour: bool,
    pub(super) width: usize,
    /// A text is shown as it is, for programs; else in quotes.
    pub(super) plain: bool,
}

/// A value as a text that ends its last line; nothing if there is no value.
fn shown<'js>(ctx: &Ctx<'js>, value: &Value<'js>, look: &Look) -> Result<Option<String>> {
    if value.is_undefined() {
        return Ok(None);
    }
    let mut text = match look.format {
        _ if look.plain && value.is_string() => value.get()?,
        Format::Inspect => {
            let mut options = InspectOptions::default();
            options.colors = look.colour;
            options.break_length = look.width;
            cla_stdlib::inspect(ctx, value, &options)?
        }
        Format::Yaml => cla_stdlib::to_yaml(ctx, value)?,
        Format::Json => match ctx.json_stringify_replacer_space(value.clone(), (), 2)? {
            Some(text) => text.to_string()?,
            // A function, a symbol: JSON has none.
            None => value.get::<Coerced<String>>()?.0,
        },
        Format::Table => cla_stdlib::table(ctx, value)?,
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(Some(text))
}

/// The text of [`shown`], or the message of the error that the value throws when it is read.
pub(super) fn shown_or_error<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    look: &Look,
) -> std::result::Result<Option<String>, String> {
    shown(ctx, value, look).map_err(|_| {
        let thrown = ctx.catch();
        let message = thrown
            .as_object()
            .and_then(|thrown| thrown.get("message").ok());
        message.unwrap_or_else(|| "the value cannot be shown".to_owned())
    })
}
