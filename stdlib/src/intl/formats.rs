//! What writes numbers, dates, lists and spans of time, and what compares and divides texts.
//!
//! A script asks for a text (mode 0) or for its parts (mode 1): an array of kinds and texts in turn. Modes 2 and 3 are
//! those of ranges; their parts say in addition what they belong to.

use std::rc::Rc;

use cla_intl::collation::{CaseFirst, Collation, CollationOptions, Strength};
use cla_intl::date::DateFormat;
use cla_intl::list::{self, ListFormat};
use cla_intl::number::{NumberFormat, NumberOptions, Quantity};
use cla_intl::plural::{Kind, Plurals};
use cla_intl::relative::{RelativeFormat, Width};
use cla_intl::segment::{Granularity, segments as divide};
use cla_intl::zone::Zone;
use cla_intl::{Part, text_of};
use cla_runtime::js::function::Opt;
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Object, Value};

use super::{FORMAT_BYTES, choices, locales, option, parsed, refused};
use crate::state::State;
use crate::text::text;
use crate::throw::range_error;

/// The most elements that a list is made of.
const MOST_ELEMENTS: usize = 100_000;

/// Adds what the scripts are given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define(
        "currencyDigits",
        Function::new(ctx.clone(), locales::currency_digits),
    )?;
    define("digits", Function::new(ctx.clone(), digits))?;
    define("number", Function::new(ctx.clone(), number))?;
    define("numbering", Function::new(ctx.clone(), numbering))?;
    define("dates", Function::new(ctx.clone(), dates))?;
    define("collator", Function::new(ctx.clone(), collator))?;
    define("plural", Function::new(ctx.clone(), plural))?;
    define("relative", Function::new(ctx.clone(), relative))?;
    define("list", Function::new(ctx.clone(), list_format))?;
    define("segments", Function::new(ctx.clone(), segments))
}

/// `digits(text)`: a number in decimal notation, or `undefined` for what is none.
fn digits(text: js::String<'_>) -> js::Result<Option<String>> {
    let text = crate::text::text(&text)?;
    let trimmed = text.trim();
    let is_decimal = !trimmed.is_empty()
        && trimmed
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
        && trimmed.bytes().any(|byte| byte.is_ascii_digit());
    Ok((is_decimal && Quantity::from_decimal(trimmed).is_some()).then(|| trimmed.to_owned()))
}

/// A number, or the digits of one.
fn quantity(ctx: &Ctx<'_>, value: &Value<'_>) -> js::Result<Quantity> {
    if let Some(number) = value.as_number() {
        return Ok(number.into());
    }
    let written = value.as_string().map(text).transpose()?.unwrap_or_default();
    Quantity::from_decimal(&written).ok_or_else(|| {
        let count = written.len();
        range_error(
            ctx,
            format_args!("a number of {count} digits is too long to be written for people"),
        )
    })
}

/// Parts as a script wants them.
fn answer<'js>(ctx: &Ctx<'js>, mode: u8, parts: &[Part]) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    if mode == 0 {
        let text = text_of(parts);
        state.wrote(ctx, text.len())?;
        return text.into_js(ctx);
    }
    let flat = Array::new(ctx.clone())?;
    for (at, part) in parts.iter().enumerate() {
        state.wrote(ctx, part.text.len())?;
        flat.set(2 * at, part.kind)?;
        flat.set(2 * at + 1, part.text.as_str())?;
    }
    Ok(flat.into_value())
}

/// Parts that say in addition what they belong to.
fn marked<'js>(ctx: &Ctx<'js>, is_text: bool, parts: &[(Part, &str)]) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    if is_text {
        let text: String = parts.iter().map(|(part, _)| part.text.as_str()).collect();
        state.wrote(ctx, text.len())?;
        return text.into_js(ctx);
    }
    let flat = Array::new(ctx.clone())?;
    for (at, (part, mark)) in parts.iter().enumerate() {
        state.wrote(ctx, part.text.len())?;
        flat.set(3 * at, part.kind)?;
        flat.set(3 * at + 1, part.text.as_str())?;
        flat.set(3 * at + 2, *mark)?;
    }
    Ok(flat.into_value())
}

/// `number(who, tag, options)`: `{ write(mode, value, end), numberingSystem }`.
fn number<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    options: Object<'js>,
) -> js::Result<Object<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let format =
        NumberFormat::new(&tag, choices::number(&options)?).map_err(refused(&ctx, &who))?;
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    let made = Object::new(ctx.clone())?;
    made.set("numberingSystem", format.numbering())?;
    let write = move |ctx: Ctx<'js>, mode: u8, value: Value<'js>, end: Opt<Value<'js>>| {
        let _ = &counted;
        let value = quantity(&ctx, &value)?;
        match end.0 {
            Some(end) if mode > 1 => {
                let end = quantity(&ctx, &end)?;
                marked(&ctx, mode == 2, &format.format_range(&value, &end))
            }
            _ => answer(&ctx, mode, &format.format(&value)),
        }
    };
    made.set("write", Function::new(ctx, write)?)?;
    Ok(made)
}

/// `numbering(who, tag)`: the numbering system of a locale.
fn numbering(ctx: Ctx<'_>, who: String, tag: String) -> js::Result<String> {
    let tag = parsed(&ctx, &who, &tag)?;
    let format = NumberFormat::new(&tag, NumberOptions::default()).map_err(refused(&ctx, &who))?;
    Ok(format.numbering().to_owned())
}

/// `dates(who, tag, options)`: `{ write(mode, time, end), numberingSystem, fields, cycle }`.
fn dates<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    options: Object<'js>,
) -> js::Result<Object<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let name = option(&options, "zone")?.unwrap_or_default();
    let own = Zone::system();
    let zone = if own.name() == name {
        own
    } else {
        Zone::named(&name).map_err(refused(&ctx, &who))?
    };
    let format =
        DateFormat::new(&tag, zone, choices::date(&options)?).map_err(refused(&ctx, &who))?;
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    let made = Object::new(ctx.clone())?;
    made.set("numberingSystem", format.numbering())?;
    made.set("cycle", format.hour_cycle().unwrap_or(""))?;
    let fields: Vec<&str> = format
        .resolved()
        .into_iter()
        .flat_map(|(field, size)| [field, size])
        .collect();
    made.set("fields", fields)?;
    let write = move |ctx: Ctx<'js>, mode: u8, time: f64, end: Opt<f64>| {
        let _ = &counted;
        match end.0 {
            Some(end) if mode > 1 => marked(
                &ctx,
                mode == 2,
                &format.format_range(time as i64, end as i64),
            ),
            _ if mode == 0 => format.text(time as i64).into_js(&ctx),
            _ => answer(&ctx, mode, &format.format(time as i64)),
        }
    };
    made.set("write", Function::new(ctx, write)?)?;
    Ok(made)
}

/// `collator(who, tag, options)`: a function that compares two strings.
fn collator<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    options: Object<'js>,
) -> js::Result<Function<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let chosen = CollationOptions {
        strength: match option(&options, "sensitivity")?.as_deref() {
            Some("base") => Strength::Base,
            Some("accent") => Strength::Accent,
            Some("case") => Strength::Case,
            _ => Strength::Variant,
        },
        ignores_punctuation: options.get("ignorePunctuation")?,
        is_numeric: options.get("numeric")?,
        case_first: match option(&options, "caseFirst")?.as_deref() {
            Some("upper") => CaseFirst::Upper,
            Some("lower") => CaseFirst::Lower,
            _ => CaseFirst::Off,
        },
    };
    let collation = Collation::new(&tag, &chosen).map_err(refused(&ctx, &who))?;
    let collation = Rc::new(collation);
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    Function::new(
        ctx,
        move |ctx: Ctx<'js>, first: js::String<'js>, second: js::String<'js>| {
            let _ = &counted;
            let (first, second) = (text(&first)?, text(&second)?);
            State::of(&ctx)?.wrote(&ctx, first.len().min(second.len()))?;
            Ok::<_, js::Error>(collation.compare(&first, &second) as i32)
        },
    )
}

/// `plural(who, tag, type, digits)`: `{ select(value), categories }`.
fn plural<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    kind: String,
    options: Object<'js>,
) -> js::Result<Object<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let kind = match kind.as_str() {
        "ordinal" => Kind::Ordinal,
        _ => Kind::Cardinal,
    };
    let mut chosen = NumberOptions::default();
    choices::digits(&options, &mut chosen)?;
    let format = NumberFormat::new(&tag, chosen).map_err(refused(&ctx, &who))?;
    let rules = Plurals::new(&tag, kind).map_err(refused(&ctx, &who))?;
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    let made = Object::new(ctx.clone())?;
    let categories: Vec<_> = rules
        .categories()
        .into_iter()
        .map(|category| category.name())
        .collect();
    made.set("categories", categories)?;
    let select = move |ctx: Ctx<'js>, value: Value<'js>| {
        let _ = &counted;
        let value = quantity(&ctx, &value)?;
        Ok::<_, js::Error>(format.select(&rules, &value).name())
    };
    made.set("select", Function::new(ctx, select)?)?;
    Ok(made)
}

/// `relative(who, tag, style, hasWords, numbering)`: `{ write(mode, value, unit), numberingSystem }`.
fn relative<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    style: String,
    has_words: bool,
    numbering: Option<String>,
) -> js::Result<Object<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let width = match style.as_str() {
        "short" => Width::Short,
        "narrow" => Width::Narrow,
        _ => Width::Long,
    };
    let format =
        RelativeFormat::new(&tag, width, has_words, numbering).map_err(refused(&ctx, &who))?;
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    let made = Object::new(ctx.clone())?;
    made.set("numberingSystem", format.numbers().numbering())?;
    let write = move |ctx: Ctx<'js>, mode: u8, value: f64, unit: String| {
        let _ = &counted;
        let parts = format.format(value, &unit).unwrap_or_default();
        let mark = |is_number: bool| if is_number { unit.as_str() } else { "" };
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(part, is_number)| (part, mark(is_number)))
            .collect();
        marked(&ctx, mode == 0, &parts)
    };
    made.set("write", Function::new(ctx, write)?)?;
    Ok(made)
}

/// `list(who, tag, type, style)`: a function of a mode and an array of strings.
fn list_format<'js>(
    ctx: Ctx<'js>,
    who: String,
    tag: String,
    kind: String,
    style: String,
) -> js::Result<Function<'js>> {
    let tag = parsed(&ctx, &who, &tag)?;
    let kind = match kind.as_str() {
        "disjunction" => list::Kind::Or,
        "unit" => list::Kind::Unit,
        _ => list::Kind::And,
    };
    let width = match style.as_str() {
        "short" => list::Width::Short,
        "narrow" => list::Width::Narrow,
        _ => list::Width::Long,
    };
    let format = ListFormat::new(&tag, kind, width).map_err(refused(&ctx, &who))?;
    let counted = State::of(&ctx)?.run().count_memory(FORMAT_BYTES);
    Function::new(ctx, move |ctx: Ctx<'js>, mode: u8, elements: Array<'js>| {
        let _ = &counted;
        let state = State::of(&ctx)?;
        if elements.len() > MOST_ELEMENTS {
            let count = elements.len();
            return Err(range_error(
                &ctx,
                format_args!("Intl.ListFormat: {count} elements are more than {MOST_ELEMENTS}"),
            ));
        }
        let mut texts = Vec::new();
        let mut bytes = 0;
        for element in elements.iter::<js::String<'js>>() {
            let element = text(&element?)?;
            bytes += element.len();
            crate::text::within_memory(&ctx, "the list", bytes)?;
            state.wrote(&ctx, element.len())?;
            texts.push(element);
        }
        answer(&ctx, mode, &format.format(&texts))
    })
}

/// `segments(text, granularity)`: where each segment ends, in units of UTF-16; negative if it is a word.
fn segments<'js>(
    ctx: Ctx<'js>,
    input: js::String<'js>,
    granularity: String,
) -> js::Result<Array<'js>> {
    let state = State::of(&ctx)?;
    let granularity = match granularity.as_str() {
        "word" => Granularity::Word,
        "sentence" => Granularity::Sentence,
        _ => Granularity::Grapheme,
    };
    let input = text(&input)?;
    state.pause(&ctx)?;
    let ends = Array::new(ctx.clone())?;
    let mut end = 0.0;
    let found = divide(&input, granularity).map_err(refused(&ctx, "Intl.Segmenter"))?;
    for (at, segment) in found.enumerate() {
        state.wrote(&ctx, segment.text.len())?;
        end += segment.text.encode_utf16().count() as f64;
        ends.set(at, if segment.is_word { -end } else { end })?;
    }
    Ok(ends)
}
