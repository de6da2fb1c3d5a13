//! `cla.sprintf`: C's formats for JavaScript's values.
//!
//! No crate that takes its arguments at run time knows `%j`, `%b`, BigInts and `%2$s`, so the
//! conversions are spelled out here; the digits of numbers come from the standard library.

use cla_runtime::js::{self, Coerced, Ctx, FromJs, Value};

use crate::format::display;
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{range_error, syntax_error, type_error};

/// The widest that a value is padded to.
const MAX_WIDTH: usize = 100_000;
/// The most digits after the point.
const MAX_PRECISION: usize = 100;
/// The longest result, in bytes.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// How one value is to be written.
#[derive(Debug, Default, PartialEq)]
struct Spec {
    argument: Option<usize>,
    left: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: Option<Amount>,
    precision: Option<Amount>,
    conversion: char,
}

/// A width or precision.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    Fixed(usize),
    /// `*`: the next argument says.
    Argument,
}

/// Formats values; `what` begins error messages.
pub(crate) fn sprintf<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    format: &str,
    values: &[Value<'js>],
) -> js::Result<String> {
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let mut output = String::with_capacity(format.len());
    let mut values = Values {
        ctx,
        what,
        values,
        next: 0,
    };
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let before = output.len();
        output.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((mut spec, length)) = parse(rest) else {
            let shown: String = rest.chars().take(12).collect();
            let message = format!("{what}: \"%{shown}\" is no format; write %% for a percent sign");
            return Err(syntax_error(ctx, message));
        };
        rest = &rest[length..];
        if spec.conversion == '%' {
            output.push('%');
            continue;
        }
        let width = match spec.width {
            Some(Amount::Fixed(width)) => width,
            Some(Amount::Argument) => {
                let width = values.amount("width")?;
                spec.left |= width < 0;
                width.unsigned_abs() as usize
            }
            None => 0,
        };
        let precision = match spec.precision {
            Some(Amount::Fixed(precision)) => Some(precision),
            // A negative one counts as none.
            Some(Amount::Argument) => usize::try_from(values.amount("precision")?).ok(),
            None => None,
        };
        if width > MAX_WIDTH {
            let message = format!("{what}: a width must be at most {MAX_WIDTH}, not {width}");
            return Err(range_error(ctx, message));
        }
        if !"scj".contains(spec.conversion) && precision > Some(MAX_PRECISION) {
            let message = format!("{what}: a precision must be at most {MAX_PRECISION}");
            return Err(range_error(ctx, message));
        }
        let value = values.take(spec.argument, spec.conversion)?;
        let piece = convert(ctx, what, &spec, precision, &value)?;
        pad(&mut output, &piece, &spec, width);
        state.wrote(ctx, output.len() - before)?;
        if output.len() > MAX_OUTPUT {
            return Err(range_error(
                ctx,
                format_args!("{what}: the result is longer than 16 MiB"),
            ));
        }
    }
    output.push_str(rest);
    Ok(output)
}

/// The arguments that are still to be used.
struct Values<'a, 'js> {
    ctx: &'a Ctx<'js>,
    what: &'a str,
    values: &'a [Value<'js>],
    next: usize,
}

impl<'js> Values<'_, 'js> {
    fn take(&mut self, position: Option<usize>, conversion: char) -> js::Result<Value<'js>> {
        let at = position.unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        self.values.get(at).cloned().ok_or_else(|| {
            let message = format!(
                "{}: there is no argument {} for %{conversion}",
                self.what,
                at + 1
            );
            type_error(self.ctx, message)
        })
    }

    fn amount(&mut self, name: &str) -> js::Result<i64> {
        let value = self.take(None, '*')?;
        match value.as_number() {
            Some(number) if number.fract() == 0.0 && number.abs() <= 1e9 => Ok(number as i64),
            _ => {
                let what = format!("{}: the {name} for *", self.what);
                Err(crate::throw::wrong(
                    self.ctx,
                    &what,
                    "a whole number",
                    &value,
                ))
            }
        }
    }
}

/// A value's text before padding.
struct Piece {
    /// A sign, or the prefix of another base: stays before the zeros that pad.
    prefix: String,
    body: String,
    /// Whether zeros may pad it.
    numeric: bool,
}

impl Piece {
    fn text(body: String) -> Self {
        Self {
            prefix: String::new(),
            body,
            numeric: false,
        }
    }
}

fn pad(output: &mut String, piece: &Piece, spec: &Spec, width: usize) {
    let length = piece.prefix.len() + piece.body.chars().count();
    let padding = width.saturating_sub(length);
    let zeros = spec.zero && !spec.left && piece.numeric;
    if !spec.left && !zeros {
        output.extend(std::iter::repeat_n(' ', padding));
    }
    output.push_str(&piece.prefix);
    if zeros {
        output.extend(std::iter::repeat_n('0', padding));
    }
    output.push_str(&piece.body);
    if spec.left {
        output.extend(std::iter::repeat_n(' ', padding));
    }
}

/// Reads what follows a percent sign; gives its length, too.
fn parse(text: &str) -> Option<(Spec, usize)> {
    let mut spec = Spec::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    let number = |at: &mut usize| -> Option<usize> {
        let start = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        // Numbers beyond any limit stay beyond it.
        (*at > start).then(|| text[start..*at].parse().unwrap_or(usize::MAX))
    };
    let mut ahead = 0;
    if let Some(position) = number(&mut ahead)
        && bytes.get(ahead) == Some(&b'$')
    {
        spec.argument = Some(position.checked_sub(1)?);
        at = ahead + 1;
    }
    loop {
        match bytes.get(at)? {
            b'-' => spec.left = true,
            b'+' => spec.plus = true,
            b' ' => spec.space = true,
            b'0' => spec.zero = true,
            b'#' => spec.alternate = true,
            _ => break,
        }
        at += 1;
    }
    let amount = |at: &mut usize| {
        if bytes.get(*at) == Some(&b'*') {
            *at += 1;
            Some(Amount::Argument)
        } else {
            number(at).map(Amount::Fixed)
        }
    };
    spec.width = amount(&mut at);
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        spec.precision = Some(amount(&mut at).unwrap_or(Amount::Fixed(0)));
    }
    let conversion = *bytes.get(at)?;
    if !b"diuxXobBeEfFgGcsj%".contains(&conversion) {
        return None;
    }
    spec.conversion = char::from(conversion);
    Some((spec, at + 1))
}

fn convert<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    spec: &Spec,
    precision: Option<usize>,
    value: &Value<'js>,
) -> js::Result<Piece> {
    match spec.conversion {
        's' => {
            let string = display(ctx, value)?;
            Ok(Piece::text(match precision {
                Some(most) => string.chars().take(most).collect(),
                None => string,
            }))
        }
        'j' => match ctx.json_stringify(value.clone())? {
            Some(json) => Ok(Piece::text(text(&json)?)),
            None => Ok(Piece::text("undefined".to_owned())),
        },
        'c' => {
            let character = match value.as_number() {
                Some(code) => char::from_u32(code as u32).unwrap_or(char::REPLACEMENT_CHARACTER),
                None => match display(ctx, value)?.chars().next() {
                    Some(first) => first,
                    None => return Ok(Piece::text(String::new())),
                },
            };
            Ok(Piece::text(character.to_string()))
        }
        conversion if "diuxXobB".contains(conversion) => integer(ctx, what, spec, precision, value),
        _ => {
            let number = number(ctx, what, spec, value)?;
            if !number.is_finite() {
                return Ok(not_finite(spec, number));
            }
            let digits = float(spec, precision.unwrap_or(6), number.abs());
            Ok(Piece {
                prefix: sign(spec, number.is_sign_negative()),
                body: digits,
                numeric: true,
            })
        }
    }
}

fn number<'js>(ctx: &Ctx<'js>, what: &str, spec: &Spec, value: &Value<'js>) -> js::Result<f64> {
    if value.is_symbol() {
        let message = format!("{what}: %{} cannot show a symbol", spec.conversion);
        return Err(type_error(ctx, message));
    }
    if value.is_big_int() {
        // Digits that Rust reads as the nearest number.
        return Ok(coerce(ctx, value)?.parse().unwrap_or(f64::NAN));
    }
    Ok(Coerced::<f64>::from_js(ctx, value.clone())?.0)
}

fn not_finite(spec: &Spec, number: f64) -> Piece {
    if number.is_nan() {
        return Piece::text("NaN".to_owned());
    }
    Piece::text(format!("{}Infinity", sign(spec, number < 0.0)))
}

fn sign(spec: &Spec, negative: bool) -> String {
    let sign = match (negative, spec.plus, spec.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    sign.to_owned()
}

fn integer<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    spec: &Spec,
    precision: Option<usize>,
    value: &Value<'js>,
) -> js::Result<Piece> {
    let (radix, prefix) = match spec.conversion {
        'x' => (16, "0x"),
        'X' => (16, "0X"),
        'o' => (8, "0"),
        'b' => (2, "0b"),
        'B' => (2, "0B"),
        _ => (10, ""),
    };
    let (negative, mut digits) = if value.is_big_int() {
        let to_string: js::Function<'js> = ctx
            .globals()
            .get::<_, js::Object<'js>>("BigInt")?
            .get::<_, js::Object<'js>>("prototype")?
            .get("toString")?;
        let digits: String = to_string.call((js::function::This(value.clone()), radix))?;
        match digits.strip_prefix('-') {
            Some(digits) => (true, digits.to_owned()),
            None => (false, digits),
        }
    } else {
        let number = number(ctx, what, spec, value)?;
        if !number.is_finite() {
            return Ok(not_finite(spec, number));
        }
        let number = number.trunc();
        (number < 0.0, whole(number.abs(), radix))
    };
    if spec.conversion == 'X' {
        digits.make_ascii_uppercase();
    }
    if let Some(least) = precision {
        let missing = least.saturating_sub(digits.len());
        digits.insert_str(0, &"0".repeat(missing));
    }
    let mut before = sign(spec, negative);
    if spec.alternate && digits.bytes().any(|digit| digit != b'0') {
        before.push_str(prefix);
    }
    Ok(Piece {
        prefix: before,
        body: digits,
        // As in C, a precision leaves nothing for zeros to do.
        numeric: precision.is_none(),
    })
}

/// The digits of a whole number that is not negative, exactly.
fn whole(number: f64, radix: u32) -> String {
    if radix == 10 {
        return format!("{number:.0}");
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let (radix, mut number) = (f64::from(radix), number);
    let mut digits = Vec::new();
    while number >= 1.0 {
        let digit = number % radix;
        digits.push(char::from_digit(digit as u32, radix as u32).unwrap_or('?'));
        // Exact: the radix is a power of two, or the rest was subtracted before.
        number = (number - digit) / radix;
    }
    digits.iter().rev().collect()
}

/// The digits of a number that is not negative, by `%e`, `%f` or `%g`.
fn float(spec: &Spec, precision: usize, number: f64) -> String {
    let mut text = match spec.conversion {
        'e' | 'E' => exponential(number, precision),
        'f' | 'F' => format!("{number:.precision$}"),
        _ => {
            let precision = precision.max(1);
            let digits = format!("{number:.*e}", precision - 1);
            let exponent: i32 = digits
                .split_once('e')
                .and_then(|(_, exponent)| exponent.parse().ok())
                .unwrap_or(0);
            if exponent < -4 || exponent >= precision as i32 {
                let text = exponential(number, precision - 1);
                match text.split_once('e') {
                    Some((mantissa, exponent)) if !spec.alternate => {
                        format!("{}e{exponent}", without_zeros(mantissa))
                    }
                    _ => text,
                }
            } else {
                let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
                let text = format!("{number:.decimals$}");
                if spec.alternate {
                    text
                } else {
                    without_zeros(&text).to_owned()
                }
            }
        }
    };
    if spec.conversion.is_ascii_uppercase() {
        text.make_ascii_uppercase();
    }
    text
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// `1.5e+03` as C writes it.
fn exponential(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}
