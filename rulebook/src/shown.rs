//! Values as texts within texts.

use cla_runtime::js::{self, Value};

/// A value within a text: what is nothing is empty, what is no text is JSON.
pub(crate) fn shown(value: &Value<'_>) -> js::Result<String> {
    if let Some(text) = value.as_string() {
        return cla_runtime::internal::exact_text(value.ctx(), "the text", text);
    }
    if value.is_null() || value.is_undefined() {
        return Ok(String::new());
    }
    if value.is_object()
        && let Some(json) = value.ctx().json_stringify(value.clone())?
    {
        return cla_runtime::internal::text(&json);
    }
    cla_runtime::internal::text(&value.get::<js::Coerced<js::String<'_>>>()?.0)
}
