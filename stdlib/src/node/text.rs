//! What `errors.js` and `util.js` need of Rust: how values are shown, and what they are.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::function::{Opt, Rest};
use cla_runtime::js::{self, Array, Ctx, Function, Object, Value};

use crate::format;
use crate::inspect::{Custom, InspectOptions, MAX_DEPTH, inspect_with};

/// The styles that `util.inspect.colors` has, each with the codes that begin and end it.
const STYLES: &[(&str, u8, u8)] = &[
    ("reset", 0, 0),
    ("bold", 1, 22),
    ("dim", 2, 22),
    ("italic", 3, 23),
    ("underline", 4, 24),
    ("blink", 5, 25),
    ("inverse", 7, 27),
    ("hidden", 8, 28),
    ("strikethrough", 9, 29),
    ("doubleunderline", 21, 24),
    ("black", 30, 39),
    ("red", 31, 39),
    ("green", 32, 39),
    ("yellow", 33, 39),
    ("blue", 34, 39),
    ("magenta", 35, 39),
    ("cyan", 36, 39),
    ("white", 37, 39),
    ("bgBlack", 40, 49),
    ("bgRed", 41, 49),
    ("bgGreen", 42, 49),
    ("bgYellow", 43, 49),
    ("bgBlue", 44, 49),
    ("bgMagenta", 45, 49),
    ("bgCyan", 46, 49),
    ("bgWhite", 47, 49),
    ("framed", 51, 54),
    ("overlined", 53, 55),
    ("gray", 90, 39),
    ("redBright", 91, 39),
    ("greenBright", 92, 39),
    ("yellowBright", 93, 39),
    ("blueBright", 94, 39),
    ("magentaBright", 95, 39),
    ("cyanBright", 96, 39),
    ("whiteBright", 97, 39),
    ("bgGray", 100, 49),
    ("bgRedBright", 101, 49),
    ("bgGreenBright", 102, 49),
    ("bgYellowBright", 103, 49),
    ("bgBlueBright", 104, 49),
    ("bgMagentaBright", 105, 49),
    ("bgCyanBright", 106, 49),
    ("bgWhiteBright", 107, 49),
];

/// Adds what `util.js` is given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    shown(ctx, run, natives)?;
    define(
        "format",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, values: Rest<Value<'js>>| {
            format::format(&ctx, &values)
        }),
    )?;
    define(
        "isError",
        Function::new(ctx.clone(), |value: Value<'js>| value.is_error()),
    )?;
    define(
        "isPromise",
        Function::new(ctx.clone(), |value: Value<'js>| value.is_promise()),
    )?;
    define(
        "isProxy",
        Function::new(ctx.clone(), |value: Value<'js>| {
            value.is_object() && value.is_proxy()
        }),
    )?;
    define("styles", Function::new(ctx.clone(), styles))
}

/// Adds what `errors.js` is given.
pub(super) fn shown<'js>(ctx: &Ctx<'js>, _run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    natives.set("inspect", Function::new(ctx.clone(), inspected)?)
}

/// `inspect(value, options, symbol, show)`; the last two say how objects show themselves.
fn inspected<'js>(
    ctx: Ctx<'js>,
    value: Value<'js>,
    options: Object<'js>,
    symbol: Opt<Value<'js>>,
    show: Opt<Function<'js>>,
) -> js::Result<String> {
    let number = |name: &str| -> js::Result<Option<usize>> {
        let number: Option<f64> = options.get(name)?;
        Ok(number.map(|number| number as usize))
    };
    let mut chosen = InspectOptions::default();
    if let Some(depth) = number("depth")? {
        chosen = chosen.depth(depth.min(MAX_DEPTH));
    }
    if let Some(length) = number("maxArrayLength")? {
        chosen = chosen.max_array_length(length);
    }
    if let Some(length) = number("maxStringLength")? {
        chosen.max_string_length = length;
    }
    if let Some(length) = number("breakLength")? {
        chosen = chosen.break_length(length);
    }
    if let Some(levels) = number("compact")? {
        chosen.compact = levels;
    }
    let flag = |name: &str| -> js::Result<bool> {
        let flag: Option<bool> = options.get(name)?;
        Ok(flag.unwrap_or(false))
    };
    chosen.sorted = flag("sorted")?;
    chosen.show_hidden = flag("showHidden")?;
    let chosen = chosen.colors(flag("colors")?);
    let custom = symbol.0.zip(show.0);
    let custom = custom.map(|(symbol, show)| Custom { symbol, show });
    inspect_with(&ctx, &value, &chosen, custom)
}

/// `styles()`.
fn styles(ctx: Ctx<'_>) -> js::Result<Object<'_>> {
    let styles = Object::new(ctx.clone())?;
    for (name, on, off) in STYLES {
        let codes = Array::new(ctx.clone())?;
        codes.set(0, *on)?;
        codes.set(1, *off)?;
        styles.set(*name, codes)?;
    }
    Ok(styles)
}
