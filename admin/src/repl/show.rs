//! A value as texts: [`Shown`].

use cla_runtime::js::{Coerced, Ctx, Result, Value};
use cla_runtime::secrets::Secrets;

/// A longer text is cut, in bytes.
const LONGEST: usize = 256 * 1024;

/// A value in each of the ways in which the panel shows it.
pub(crate) struct Shown {
    pub(crate) yaml: String,
    pub(crate) json: String,
    pub(crate) table: String,
}

impl Shown {
    /// The texts of a value, with its secrets masked; nothing for `undefined`.
    pub(super) fn of<'js>(ctx: &Ctx<'js>, value: &Value<'js>, secrets: &Secrets) -> Option<Self> {
        if value.is_undefined() {
            return None;
        }
        let shown = |format, made| shortened(secrets.mask(&text(ctx, format, made)).into_owned());
        Some(Self {
            yaml: shown("YAML", cla_stdlib::to_yaml(ctx, value)),
            json: shown("JSON", json(ctx, value)),
            table: shown("a table", cla_stdlib::table(ctx, value)),
        })
    }
}

fn json<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<String> {
    match ctx.json_stringify_replacer_space(value.clone(), (), 2)? {
        Some(text) => text.to_string(),
        // A function, a symbol: JSON has none.
        None => Ok(value.get::<Coerced<String>>()?.0),
    }
}

/// The text without what is too long.
fn shortened(mut text: String) -> String {
    text.truncate(text.trim_end().len());
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push_str("\n... and more");
    }
    text
}

/// The text; or why the value cannot be shown so.
fn text(ctx: &Ctx<'_>, format: &str, text: Result<String>) -> String {
    match text {
        Ok(text) => text,
        Err(_) => {
            let thrown = ctx.catch();
            let message: Option<String> = thrown
                .as_object()
                .and_then(|thrown| thrown.get("message").ok());
            let message = message.unwrap_or_else(|| "it throws when it is looked at".to_owned());
            format!("(this value cannot be shown as {format}: {message})")
        }
    }
}
