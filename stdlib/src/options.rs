//! The objects in which functions of the library take their options.

use cla_runtime::js::object::Filter;
use cla_runtime::js::{self, Atom, Ctx, Error, Object, Value};

use crate::text::atom_text;
use crate::throw::{quote, type_error};

/// How alike an unknown name and a known one must be for the one to be taken for the other, from 0 to 1.
const ALIKE: f64 = 0.75;

/// The properties of an object in turn. What is `undefined` counts as left out.
///
/// # Errors
///
/// What a getter of the rule's throws.
pub(crate) fn entries<'js>(
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

/// A longer name, in bytes, was no slip of the finger: comparing takes time for each pair of its characters and the other's.
pub(crate) const MOST_COMPARED: usize = 128;

/// The `TypeError` for an option that there is not, with the one that was probably meant.
///
/// `aliases` are names that people know from elsewhere, each with ours.
pub(crate) fn unknown(
    ctx: &Ctx<'_>,
    function: &str,
    key: &str,
    known: &[&str],
    aliases: &[(&str, &str)],
) -> Error {
    let alias = aliases.iter().find(|(alias, _)| *alias == key);
    let nearest = known
        .iter()
        .filter(|_| key.len() <= MOST_COMPARED)
        .map(|option| (strsim::jaro_winkler(key, option), option))
        .filter(|(similarity, _)| *similarity > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match (alias, nearest) {
        (Some((_, option)), _) | (None, Some((_, option))) => format!("; did you mean {option}?"),
        (None, None) => format!("; there are {}", known.join(", ")),
    };
    type_error(
        ctx,
        format_args!("{function}: unknown option {}{hint}", quote(key)),
    )
}
