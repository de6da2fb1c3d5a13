//! Tags, and what is known of them.

use cla_intl::zone::Zone;
use cla_intl::{Tag, best_available, hour_cycle_of, number, world};
use cla_runtime::js::{self, Ctx, Function, IntoJs, Object, Value};

use super::{parsed, refused};
use crate::call::Arg;
use crate::text::coerce;
use crate::throw::range_error;

/// Units that ECMA-402 has.
pub(super) const UNITS: &[&str] = &[
    "acre",
    "bit",
    "byte",
    "celsius",
    "centimeter",
    "day",
    "degree",
    "fahrenheit",
    "fluid-ounce",
    "foot",
    "gallon",
    "gigabit",
    "gigabyte",
    "gram",
    "hectare",
    "hour",
    "inch",
    "kilobit",
    "kilobyte",
    "kilogram",
    "kilometer",
    "liter",
    "megabit",
    "megabyte",
    "meter",
    "microsecond",
    "mile",
    "mile-scandinavian",
    "milliliter",
    "millimeter",
    "millisecond",
    "minute",
    "month",
    "nanosecond",
    "ounce",
    "percent",
    "petabyte",
    "pound",
    "second",
    "stone",
    "terabit",
    "terabyte",
    "week",
    "yard",
    "year",
];

/// Adds what the scripts are given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("canonical", Function::new(ctx.clone(), canonical))?;
    define("available", Function::new(ctx.clone(), available))?;
    define("extension", Function::new(ctx.clone(), extension))?;
    define("isKnown", Function::new(ctx.clone(), is_known))?;
    define("isType", Function::new(ctx.clone(), is_type))?;
    define("isCurrency", Function::new(ctx.clone(), is_currency))?;
    define("isUnit", Function::new(ctx.clone(), is_unit))?;
    define(
        "lower",
        Function::new(ctx.clone(), |text: String| text.to_ascii_lowercase()),
    )?;
    define(
        "upper",
        Function::new(ctx.clone(), |text: String| text.to_ascii_uppercase()),
    )?;
    define("maximized", Function::new(ctx.clone(), maximized))?;
    define("minimized", Function::new(ctx.clone(), minimized))?;
    define("withSubtags", Function::new(ctx.clone(), with_subtags))?;
    define("withKeyword", Function::new(ctx.clone(), with_keyword))?;
    define("hourCycle", Function::new(ctx.clone(), hour_cycle))?;
    define("calendar", Function::new(ctx.clone(), calendar))?;
    define("direction", Function::new(ctx.clone(), direction))?;
    define("week", Function::new(ctx.clone(), week))?;
    define("zone", Function::new(ctx.clone(), zone))?;
    define(
        "supportedValues",
        Function::new(ctx.clone(), supported_values),
    )
}

fn tag(ctx: &Ctx<'_>, text: &str) -> js::Result<Tag> {
    parsed(ctx, "Intl", text)
}

/// `canonical(who, text)`: the canonical form of a tag.
fn canonical<'js>(ctx: Ctx<'js>, who: String, text: Arg<'js>) -> js::Result<String> {
    let text = coerce(&ctx, &text)?;
    parsed(&ctx, &who, &text).map(|tag| tag.to_string())
}

/// `available(tag)`: as much of the tag as something is known of, or `null`.
fn available<'js>(ctx: Ctx<'js>, text: String) -> js::Result<Value<'js>> {
    match best_available(&tag(&ctx, &text)?) {
        Some(found) => found.into_js(&ctx),
        None => Ok(Value::new_null(ctx)),
    }
}

/// `extension(tag, key)`: the value of an extension, or `"language"`, `"script"`, `"region"`; for `""` the tag without any.
fn extension(ctx: Ctx<'_>, text: String, key: String) -> js::Result<Option<String>> {
    let tag = tag(&ctx, &text)?;
    Ok(match key.as_str() {
        "" => Some(tag.base()),
        "language" => Some(tag.language()),
        "script" => tag.script(),
        "region" => tag.region(),
        key => tag.keyword(key),
    })
}

/// `isKnown(key, value, locale)`: whether an extension can have that value.
fn is_known(key: String, value: String) -> bool {
    match key.as_str() {
        "ca" => matches!(value.as_str(), "gregory" | "iso8601"),
        "hc" => matches!(value.as_str(), "h11" | "h12" | "h23" | "h24"),
        "kf" => matches!(value.as_str(), "upper" | "lower" | "false"),
        "kn" => matches!(value.as_str(), "" | "true" | "false"),
        "nu" => world::numbering_systems().is_ok_and(|mut all| all.any(|known| known == value)),
        _ => false,
    }
}

/// `isType(text)`: whether it is letters and digits, in pieces of three to eight.
fn is_type(text: String) -> bool {
    let is_piece = |piece: &str| {
        (3..=8).contains(&piece.len()) && piece.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    text.split('-').all(is_piece)
}

fn is_currency(code: String) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_unit(unit: String) -> bool {
    let is_known = |unit: &str| UNITS.contains(&unit);
    is_known(&unit)
        || unit
            .split_once("-per-")
            .is_some_and(|(of, per)| is_known(of) && is_known(per))
}

fn maximized(ctx: Ctx<'_>, text: String) -> js::Result<String> {
    Ok(tag(&ctx, &text)?.maximized().to_string())
}

fn minimized(ctx: Ctx<'_>, text: String) -> js::Result<String> {
    Ok(tag(&ctx, &text)?.minimized().to_string())
}

/// `withSubtags(who, tag, language, script, region)`.
fn with_subtags(
    ctx: Ctx<'_>,
    who: String,
    text: String,
    language: Option<String>,
    script: Option<String>,
    region: Option<String>,
) -> js::Result<String> {
    let tag = parsed(&ctx, &who, &text)?;
    let changed = tag.with_subtags(language.as_deref(), script.as_deref(), region.as_deref());
    changed
        .map(|tag| tag.to_string())
        .map_err(refused(&ctx, &who))
}

/// `withKeyword(who, tag, key, value)`.
fn with_keyword(
    ctx: Ctx<'_>,
    who: String,
    text: String,
    key: String,
    value: String,
) -> js::Result<String> {
    let changed = parsed(&ctx, &who, &text)?.with_keyword(&key, Some(&value));
    changed
        .map(|tag| tag.to_string())
        .map_err(refused(&ctx, &who))
}

/// `hourCycle(tag, hour12)`: how hours are counted in a locale, or in half or whole days.
fn hour_cycle(
    ctx: Ctx<'_>,
    text: String,
    is_half: js::function::Opt<bool>,
) -> js::Result<&'static str> {
    let tag = tag(&ctx, &text)?;
    let usual = hour_cycle_of(&tag);
    let usual_is_half = matches!(usual, "h11" | "h12");
    Ok(match is_half.0 {
        None => usual,
        Some(is_half) if is_half == usual_is_half => usual,
        Some(true) if tag.likely_region().as_deref() == Some("JP") => "h11",
        Some(true) => "h12",
        Some(false) => "h23",
    })
}

fn calendar(ctx: Ctx<'_>, text: String) -> js::Result<String> {
    let tag = tag(&ctx, &text)?;
    world::calendar(&tag).map_err(refused(&ctx, "Intl.Locale"))
}

/// `direction(tag)`: to which side people write.
fn direction(ctx: Ctx<'_>, text: String) -> js::Result<&'static str> {
    let is_rtl = tag(&ctx, &text)?.is_right_to_left();
    Ok(if is_rtl { "rtl" } else { "ltr" })
}

/// `week(tag)`: its first day, and what else is about weeks; 1 is Monday.
fn week<'js>(ctx: Ctx<'js>, text: String) -> js::Result<Object<'js>> {
    let tag = tag(&ctx, &text)?;
    let week = world::week(&tag).map_err(refused(&ctx, "Intl.Locale"))?;
    let object = Object::new(ctx)?;
    object.set("first", week.first)?;
    object.set("minimal", week.minimal)?;
    object.set("start", week.weekend.0)?;
    object.set("end", week.weekend.1)?;
    Ok(object)
}

/// `zone(who, name)`: the name of a time zone as it is usually written; that of this machine for `undefined`.
fn zone(ctx: Ctx<'_>, who: String, name: Option<String>) -> js::Result<String> {
    match name {
        None => Ok(Zone::system().name().to_owned()),
        Some(name) => {
            let zone = Zone::named(&name).map_err(refused(&ctx, &who))?;
            Ok(zone.name().to_owned())
        }
    }
}

/// `supportedValues(key)`: what there is of that kind, or `null`.
fn supported_values<'js>(ctx: Ctx<'js>, key: String) -> js::Result<Value<'js>> {
    let error =
        |error: cla_intl::Error| range_error(&ctx, format_args!("Intl.supportedValuesOf: {error}"));
    let values: Vec<String> = match key.as_str() {
        "calendar" => vec!["gregory".to_owned(), "iso8601".to_owned()],
        "collation" => Vec::new(),
        "currency" => world::currencies().map_err(error)?.to_vec(),
        "locale" => world::locales().map_err(error)?,
        "numberingSystem" => world::numbering_systems()
            .map_err(error)?
            .map(str::to_owned)
            .collect(),
        "timeZone" => Zone::all(),
        "unit" => UNITS.iter().map(|unit| (*unit).to_owned()).collect(),
        _ => return Ok(Value::new_null(ctx)),
    };
    values.into_js(&ctx)
}

/// How many digits follow the point in amounts of a currency.
pub(super) fn currency_digits(code: String) -> u8 {
    number::currency_digits(&code)
}
