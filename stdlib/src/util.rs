//! The module `cla/util`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;
use std::time::{Duration, Instant};

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, Ctx, Null, Object, Value};
use cla_runtime::output::OutputStream;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::call::{Arg, define};
use crate::duration::duration;
use crate::options::{entries, unknown};
use crate::signal::Signal;
use crate::state::State;
use crate::throw::{range_error, string_argument, syntax_error, wrong};
use crate::{cpu, ini, json, toml, xml, yaml};

/// The widest that `dumpJSON` indents a level: as far as `JSON.stringify` goes.
const MAX_INDENT: f64 = 10.0;
/// How often `benchmark` runs its function at most.
const MAX_RUNS: f64 = 1e12;

/// How many bytes `unaccent` goes through between two questions whether the run may go on.
const PIECE: usize = 256 * 1024;

/// The module.
pub(crate) struct Util;

impl NativeModule for Util {
    fn name(&self) -> &str {
        "cla/util"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let sleeper = Rc::clone(run);
        define(
            &exports,
            "sleep",
            move |ctx: Ctx<'js>, seconds: Arg<'js>, options: Arg<'js>| {
                let duration = duration(&ctx, &seconds, "util.sleep: seconds")?;
                let Some(signal) = sleep_signal(&ctx, &options)? else {
                    return sleeper.sleep(&ctx, duration);
                };
                signal.check(&ctx)?;
                let sleep = Signal::unless(Some(&signal), sleeper.clock().sleep(duration));
                match sleeper.block_durably(&ctx, sleep)? {
                    Some(()) => Ok(()),
                    None => Err(signal.throw(&ctx)),
                }
            },
        )?;
        define(&exports, "dumpYAML", dump_yaml)?;
        define(&exports, "loadYAML", load_yaml)?;
        define(&exports, "dumpJSON", dump_json)?;
        define(&exports, "loadJSON", load_json)?;
        define(&exports, "dumpTOML", |ctx: Ctx<'js>, value: Arg<'js>| {
            toml::dump(&ctx, &value, "util.dumpTOML")
        })?;
        define(&exports, "loadTOML", |ctx: Ctx<'js>, source: Arg<'js>| {
            let source = string_argument(&ctx, "util.loadTOML: text", &source)?;
            toml::load(&ctx, &source, "util.loadTOML")
        })?;
        define(&exports, "dumpINI", |ctx: Ctx<'js>, value: Arg<'js>| {
            ini::dump(&ctx, &value, "util.dumpINI")
        })?;
        define(&exports, "loadINI", |ctx: Ctx<'js>, source: Arg<'js>| {
            let source = string_argument(&ctx, "util.loadINI: text", &source)?;
            ini::load(&ctx, &source, "util.loadINI")
        })?;
        define(
            &exports,
            "dumpXML",
            |ctx: Ctx<'js>, value: Arg<'js>, options: Arg<'js>| {
                xml::dump(&ctx, &value, &options, "util.dumpXML")
            },
        )?;
        define(
            &exports,
            "loadXML",
            |ctx: Ctx<'js>, source: Arg<'js>, options: Arg<'js>| {
                let source = string_argument(&ctx, "util.loadXML: text", &source)?;
                xml::load(&ctx, &source, &options, "util.loadXML")
            },
        )?;
        define(&exports, "unaccent", unaccent)?;
        define(&exports, "benchmark", benchmark)?;
        Ok(exports)
    }
}

/// The signal in the options of `util.sleep`.
fn sleep_signal<'js>(ctx: &Ctx<'js>, options: &Arg<'js>) -> js::Result<Option<Signal>> {
    const WHAT: &str = "util.sleep";
    let Some(given) = options.given() else {
        return Ok(None);
    };
    let Some(object) = given.as_object() else {
        let expected = "an object such as { signal }";
        return Err(wrong(ctx, "util.sleep: options", expected, given));
    };
    let mut signal = None;
    for entry in entries(object) {
        match entry? {
            (key, value) if key == "signal" => {
                signal = Signal::read(ctx, "util.sleep: option signal", &value)?;
            }
            (key, _) => return Err(unknown(ctx, WHAT, &key, &["signal"], &[])),
        }
    }
    Ok(signal)
}

fn dump_yaml<'js>(ctx: Ctx<'js>, value: Arg<'js>) -> js::Result<String> {
    yaml::dump(&ctx, &value, "util.dumpYAML")
}

fn load_yaml<'js>(ctx: Ctx<'js>, source: Arg<'js>) -> js::Result<Value<'js>> {
    let source = string_argument(&ctx, "util.loadYAML: text", &source)?;
    yaml::load(&ctx, &source, "util.loadYAML")
}

fn dump_json<'js>(ctx: Ctx<'js>, value: Arg<'js>, indent: Arg<'js>) -> js::Result<Value<'js>> {
    if let Some(indent) = indent.given() {
        let fits = match indent.as_number() {
            Some(spaces) => (0.0..=MAX_INDENT).contains(&spaces) && spaces.fract() == 0.0,
            None => indent.is_string(),
        };
        if !fits {
            let expected = "a string or a whole number from 0 to 10";
            return Err(wrong(&ctx, "util.dumpJSON: indent", expected, indent));
        }
    }
    let value = match value.given() {
        Some(value) => value.clone(),
        None => Value::new_null(ctx.clone()),
    };
    match ctx.json_stringify_replacer_space(value, Null, indent.0)? {
        Some(json) => Ok(json.into_value()),
        // A function or a symbol, which JSON has no word for.
        None => js::IntoJs::into_js("null", &ctx),
    }
}

fn load_json<'js>(ctx: Ctx<'js>, source: Arg<'js>, options: Arg<'js>) -> js::Result<Value<'js>> {
    const WHAT: &str = "util.loadJSON";
    let source = string_argument(&ctx, "util.loadJSON: text", &source)?;
    // A byte order mark is no part of a text.
    let source = source.strip_prefix('\u{feff}').unwrap_or(&source);
    let mut keeps_integers = false;
    if let Some(given) = options.given() {
        let Some(object) = given.as_object() else {
            let expected = "an object such as { bigints: true }";
            return Err(wrong(&ctx, "util.loadJSON: options", expected, given));
        };
        for entry in entries(object) {
            match entry? {
                (key, value) if key == "bigints" => {
                    keeps_integers = value.as_bool().ok_or_else(|| {
                        wrong(
                            &ctx,
                            "util.loadJSON: option bigints",
                            "true or false",
                            &value,
                        )
                    })?;
                }
                (key, _) => return Err(unknown(&ctx, WHAT, &key, &["bigints"], &[])),
            }
        }
    }
    let read = match keeps_integers {
        true => json::parse_exact(&ctx, source)?,
        false => json::parse(&ctx, source)?,
    };
    read.map_err(|problem| syntax_error(&ctx, format_args!("util.loadJSON: {problem}")))
}

/// Takes accents and other marks off letters: what is left when a letter is decomposed.
///
/// Letters that only look like others with something on them (`ß`, `ø`, `ł`, `æ`) are letters of their
/// own and stay. So do scripts whose marks are no accents, such as Devanagari's vowels.
fn unaccent<'js>(ctx: Ctx<'js>, string: Arg<'js>) -> js::Result<String> {
    let string = string_argument(&ctx, "util.unaccent: text", &string)?;
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let mut bare = String::with_capacity(string.len());
    // Marks belong to the letter before them, so a piece ends where a letter begins that has none of its own.
    let mut rest = string.as_str();
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .skip_while(|(at, _)| *at < PIECE)
            .find(|(_, character)| character.is_ascii_alphanumeric() || *character == ' ')
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        bare.push_str(&without_accents(piece));
        rest = after;
        state.pause(&ctx)?;
    }
    Ok(bare)
}

fn without_accents(string: &str) -> String {
    if string.is_ascii() {
        return string.to_owned();
    }
    let mut after_accented = false;
    let bare = string.nfd().filter(|character| {
        if is_combining_mark(*character) {
            return !after_accented;
        }
        // Marks are accents in the scripts of Europe.
        after_accented = matches!(*character as u32, 0..=0x52f | 0x1e00..=0x1fff | 0x2c60..=0x2c7f | 0xa640..=0xa7ff);
        true
    });
    bare.nfc().collect()
}

/// Runs a function many times and says how long that took.
fn benchmark<'js>(ctx: Ctx<'js>, runs: Arg<'js>, function: Arg<'js>) -> js::Result<Object<'js>> {
    let count = match runs.as_number() {
        Some(count) if (1.0..=MAX_RUNS).contains(&count) && count.fract() == 0.0 => count as u64,
        Some(count) if count > MAX_RUNS => {
            return Err(range_error(&ctx, "util.benchmark: n must be at most 1e12"));
        }
        _ => {
            let expected = "a whole number of at least 1";
            return Err(wrong(&ctx, "util.benchmark: n", expected, &runs));
        }
    };
    let Some(function) = function.as_function() else {
        return Err(wrong(&ctx, "util.benchmark: fn", "a function", &function));
    };
    let state = State::of(&ctx)?;
    let before = cpu::times();
    #[expect(clippy::disallowed_methods, reason = "it measures the machine")]
    let started = Instant::now();
    for _ in 0..count {
        function.call::<_, Value<'js>>(())?;
        state.step(&ctx)?;
    }
    #[expect(clippy::disallowed_methods, reason = "it measures the machine")]
    let wall = started.elapsed();
    let after = cpu::times();
    let [user, system] = match (before, after) {
        (Some(before), Some(after)) => [
            after.user.saturating_sub(before.user),
            after.system.saturating_sub(before.system),
        ]
        .map(|time| time.as_secs_f64()),
        _ => [f64::NAN; 2],
    };
    let rate = count as f64 / wall.max(Duration::from_nanos(1)).as_secs_f64();
    let wall = wall.as_secs_f64();
    let line = format!(
        "{count} runs: {wall:.2} s wall ({user:.2} s user + {system:.2} s system), {rate:.1}/s\n"
    );
    State::of(&ctx)?.write(&ctx, OutputStream::Stdout, &line)?;
    let result = Object::new(ctx)?;
    result.set("count", count as f64)?;
    result.set("wall", wall)?;
    result.set("user", user)?;
    result.set("system", system)?;
    result.set("rate", rate)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::without_accents;

    #[test]
    fn takes_accents_off_and_leaves_letters_alone() {
        let cases = [
            ("résumé", "resume"),
            ("Ångström", "Angstrom"),
            ("crème brûlée", "creme brulee"),
            ("Tiếng Việt", "Tieng Viet"),
            ("žluťoučký kůň", "zlutoucky kun"),
            ("Ελλάδα", "Ελλαδα"),
            ("ёлка", "елка"),
            ("straße", "straße"),
            ("Łódź", "Łodz"),
            ("æøå", "æøa"),
            ("ﬁn", "ﬁn"),
            ("हिन्दी", "हिन्दी"),
            ("が", "が"),
            ("한국어", "한국어"),
            ("plain", "plain"),
            ("e\u{301}", "e"),
        ];
        for (given, expected) in cases {
            assert_eq!(without_accents(given), expected);
        }
    }
}
