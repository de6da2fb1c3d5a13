//! The options that the scripts have checked, as `cla-intl` wants them.

use cla_intl::date::{DateOptions, HourCycle, Numeric, Size, Style as DateStyle, Text, ZoneName};
use cla_intl::number::{
    CompactDisplay, CurrencyDisplay, Digits, Grouping, Notation, NumberOptions, Priority, Rounding,
    SignDisplay, Style, UnitDisplay,
};
use cla_runtime::js::{self, Object};

use super::option;

/// Which digits are written, and how the rest is rounded away.
pub(super) fn digits<'js>(options: &Object<'js>, chosen: &mut NumberOptions) -> js::Result<()> {
    let count = |name: &str| -> js::Result<Option<i16>> {
        let number: Option<f64> = options.get(name)?;
        Ok(number.map(|number| number as i16))
    };
    let pair = |least: Option<i16>, most: Option<i16>| least.zip(most);
    let fraction = pair(
        count("minimumFractionDigits")?,
        count("maximumFractionDigits")?,
    );
    let significant = pair(
        count("minimumSignificantDigits")?,
        count("maximumSignificantDigits")?,
    );
    let priority = match option(options, "roundingPriority")?.as_deref() {
        Some("lessPrecision") => Priority::LessPrecision,
        _ => Priority::MorePrecision,
    };
    chosen.digits = match (fraction, significant) {
        (Some(fraction), Some(significant)) => Digits::Both {
            fraction,
            significant,
            priority,
        },
        (Some((least, most)), None) => Digits::Fraction(least, most),
        (None, Some((least, most))) => Digits::Significant(least, most),
        (None, None) => chosen.digits,
    };
    chosen.integer_digits = count("minimumIntegerDigits")?.map_or(1, |count| count as u8);
    chosen.increment = count("roundingIncrement")?.map_or(1, |count| count as u16);
    chosen.strips_zeros =
        option(options, "trailingZeroDisplay")?.as_deref() == Some("stripIfInteger");
    chosen.rounding = match option(options, "roundingMode")?.as_deref() {
        Some("ceil") => Rounding::Ceil,
        Some("floor") => Rounding::Floor,
        Some("expand") => Rounding::Expand,
        Some("trunc") => Rounding::Trunc,
        Some("halfCeil") => Rounding::HalfCeil,
        Some("halfFloor") => Rounding::HalfFloor,
        Some("halfTrunc") => Rounding::HalfTrunc,
        Some("halfEven") => Rounding::HalfEven,
        _ => Rounding::HalfExpand,
    };
    Ok(())
}

/// How numbers are written.
pub(super) fn number(options: &Object<'_>) -> js::Result<NumberOptions> {
    let mut chosen = NumberOptions::default();
    digits(options, &mut chosen)?;
    let text = |name: &str| option(options, name);
    chosen.style = match text("style")?.as_deref() {
        Some("percent") => Style::Percent,
        Some("currency") => Style::Currency {
            code: text("currency")?.unwrap_or_default(),
            display: match text("currencyDisplay")?.as_deref() {
                Some("code") => CurrencyDisplay::Code,
                Some("narrowSymbol") => CurrencyDisplay::NarrowSymbol,
                Some("name") => CurrencyDisplay::Name,
                _ => CurrencyDisplay::Symbol,
            },
            is_accounting: text("currencySign")?.as_deref() == Some("accounting"),
        },
        Some("unit") => Style::Unit {
            unit: text("unit")?.unwrap_or_default(),
            display: match text("unitDisplay")?.as_deref() {
                Some("long") => UnitDisplay::Long,
                Some("narrow") => UnitDisplay::Narrow,
                _ => UnitDisplay::Short,
            },
        },
        _ => Style::Decimal,
    };
    chosen.notation = match text("notation")?.as_deref() {
        Some("scientific") => Notation::Scientific,
        Some("engineering") => Notation::Engineering,
        Some("compact") => Notation::Compact(match text("compactDisplay")?.as_deref() {
            Some("long") => CompactDisplay::Long,
            _ => CompactDisplay::Short,
        }),
        _ => Notation::Standard,
    };
    chosen.grouping = match text("grouping")?.as_deref() {
        Some("always") => Grouping::Always,
        Some("min2") => Grouping::Min2,
        Some("never") => Grouping::Never,
        _ => Grouping::Auto,
    };
    chosen.sign = match text("signDisplay")?.as_deref() {
        Some("never") => SignDisplay::Never,
        Some("always") => SignDisplay::Always,
        Some("exceptZero") => SignDisplay::ExceptZero,
        Some("negative") => SignDisplay::Negative,
        _ => SignDisplay::Auto,
    };
    chosen.numbering = text("nu")?;
    Ok(chosen)
}

/// How dates are written.
pub(super) fn date(options: &Object<'_>) -> js::Result<DateOptions> {
    let text = |name: &str| option(options, name);
    let name = |field: &str| -> js::Result<Option<Text>> {
        Ok(text(field)?.as_deref().and_then(name_size))
    };
    let number = |field: &str| -> js::Result<Option<Numeric>> {
        Ok(text(field)?.as_deref().and_then(number_size))
    };
    let style = |field: &str| -> js::Result<Option<DateStyle>> {
        Ok(text(field)?.as_deref().and_then(|style| match style {
            "full" => Some(DateStyle::Full),
            "long" => Some(DateStyle::Long),
            "medium" => Some(DateStyle::Medium),
            "short" => Some(DateStyle::Short),
            _ => None,
        }))
    };
    let month = text("month")?;
    let month = month.as_deref().and_then(|month| {
        let number = number_size(month).map(Size::Number);
        number.or_else(|| name_size(month).map(Size::Name))
    });
    let fraction: Option<f64> = options.get("fractionalSecondDigits")?;
    Ok(DateOptions {
        date: style("dateStyle")?,
        time: style("timeStyle")?,
        weekday: name("weekday")?,
        era: name("era")?,
        year: number("year")?,
        month,
        day: number("day")?,
        day_period: name("dayPeriod")?,
        hour: number("hour")?,
        minute: number("minute")?,
        second: number("second")?,
        fraction: fraction.map_or(0, |count| count as u8),
        zone_name: text("timeZoneName")?
            .as_deref()
            .and_then(|name| match name {
                "short" => Some(ZoneName::Short),
                "long" => Some(ZoneName::Long),
                "shortOffset" => Some(ZoneName::ShortOffset),
                "longOffset" => Some(ZoneName::LongOffset),
                "shortGeneric" => Some(ZoneName::ShortGeneric),
                "longGeneric" => Some(ZoneName::LongGeneric),
                _ => None,
            }),
        hour_cycle: text("hourCycle")?.as_deref().and_then(|cycle| match cycle {
            "h11" => Some(HourCycle::H11),
            "h12" => Some(HourCycle::H12),
            "h23" => Some(HourCycle::H23),
            "h24" => Some(HourCycle::H24),
            _ => None,
        }),
        numbering: text("nu")?,
        calendar: text("ca")?,
    })
}

fn name_size(size: &str) -> Option<Text> {
    match size {
        "narrow" => Some(Text::Narrow),
        "short" => Some(Text::Short),
        "long" => Some(Text::Long),
        _ => None,
    }
}

fn number_size(size: &str) -> Option<Numeric> {
    match size {
        "numeric" => Some(Numeric::Numeric),
        "2-digit" => Some(Numeric::TwoDigit),
        _ => None,
    }
}
