//! The objects in which functions of the library take their options.

use cla_runtime::js::object::Filter;
use cla_runtime::js::{self, Atom, Ctx, Error, Object, Value};
use cla_runtime::slot_options::{Misfit, OptionValue};

use crate::text::{atom_text, text};
use crate::throw::{describe, quote, type_error};
use cla_runtime::internal::nearest;

/// The properties of an object in turn. What is `undefined` counts as left out.
///
/// # Errors
///
/// What a getter of the rule's throws.
pub fn entries<'js>(
    object: &Object<'js>,
) -> impl Iterator<Item = js::Result<(String, Value<'js>)>> {
    let filter = Filter::new().string().enum_only();
    object
        .own_props::<Atom<'js>, Value<'js>>(filter)
        .map(|entry| {
            let (key, value) = entry?;
            Ok((atom_text(&key)?, value))
        })
        .filter(|entry| !matches!(entry, Ok((_, value)) if value.is_undefined()))
}

/// The `TypeError` for an option that there is not, with the one that was probably meant.
///
/// `aliases` are names that people know from elsewhere, each with ours.
pub fn unknown(
    ctx: &Ctx<'_>,
    function: &str,
    key: &str,
    known: &[&str],
    aliases: &[(&str, &str)],
) -> Error {
    let alias = aliases.iter().find(|(alias, _)| *alias == key);
    let meant = alias
        .map(|(_, option)| *option)
        .or_else(|| nearest(key, known.iter().copied()));
    let hint = match meant {
        Some(option) => format!("; did you mean {option}?"),
        None => format!("; there are {}", known.join(", ")),
    };
    type_error(
        ctx,
        format_args!("{function}: unknown option {}{hint}", quote(key)),
    )
}

/// A JavaScript value as the value of an option.
pub(crate) fn option_value<'js>(value: &Value<'js>) -> js::Result<OptionValue<'js>> {
    if let Some(number) = value.as_number() {
        return Ok(OptionValue::Number(number));
    }
    match value.as_string() {
        Some(string) => Ok(OptionValue::Text(text(string)?.into())),
        None => Ok(OptionValue::Other),
    }
}

/// Throws why a value does not fit an option.
pub(crate) fn unfit<'js>(ctx: &Ctx<'js>, what: &str, misfit: Misfit, value: &Value<'js>) -> Error {
    match misfit {
        Misfit::Must(be) => type_error(
            ctx,
            format_args!("{what} must {be}, not {}", describe(value)),
        ),
        Misfit::Because(reason) => type_error(ctx, format_args!("{what}: {reason}")),
    }
}
