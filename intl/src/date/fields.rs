//! What can be chosen about dates, in the words of ECMA-402.

/// How long a date or a time is.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `Sunday, November 29, 2026`
    Full,
    /// `November 29, 2026`
    Long,
    /// `Nov 29, 2026`
    Medium,
    /// `11/29/26`
    Short,
}

/// How long a name is.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// `S`
    Narrow,
    /// `Sun`
    Short,
    /// `Sunday`
    Long,
}

/// How a number is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numeric {
    /// `7`
    Numeric,
    /// `07`
    TwoDigit,
}

/// How a month is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A number.
    Number(Numeric),
    /// A name.
    Name(Text),
}

/// How parts of the day are written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub type DayPeriod = Text;

/// How hours are counted.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourCycle {
    /// From 0 to 11.
    H11,
    /// From 1 to 12.
    H12,
    /// From 0 to 23.
    H23,
    /// From 1 to 24.
    H24,
}

impl HourCycle {
    /// The letter that stands for it in patterns.
    pub(super) fn letter(self) -> char {
        match self {
            Self::H11 => 'K',
            Self::H12 => 'h',
            Self::H23 => 'H',
            Self::H24 => 'k',
        }
    }

    /// Whether it tells morning from afternoon by a word.
    pub(super) fn is_half(self) -> bool {
        matches!(self, Self::H11 | Self::H12)
    }
}

/// How the time zone is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneName {
    /// `CET`
    Short,
    /// `Central European Standard Time`
    Long,
    /// `GMT+1`
    ShortOffset,
    /// `GMT+01:00`
    LongOffset,
    /// `CET`, all year
    ShortGeneric,
    /// `Central European Time`
    LongGeneric,
}

/// What can be chosen. A style of the date or the time leaves no room for single fields.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DateOptions {
    /// The date in a usual form.
    pub date: Option<Style>,
    /// The time in a usual form.
    pub time: Option<Style>,
    /// The day of the week.
    pub weekday: Option<Text>,
    /// Before or after the first year.
    pub era: Option<Text>,
    /// The year.
    pub year: Option<Numeric>,
    /// The month.
    pub month: Option<Size>,
    /// The day of the month.
    pub day: Option<Numeric>,
    /// The part of the day.
    pub day_period: Option<DayPeriod>,
    /// The hour.
    pub hour: Option<Numeric>,
    /// The minute.
    pub minute: Option<Numeric>,
    /// The second.
    pub second: Option<Numeric>,
    /// So many digits of the fraction of a second; 0 for none.
    pub fraction: u8,
    /// The time zone.
    pub zone_name: Option<ZoneName>,
    /// How hours are counted.
    pub hour_cycle: Option<HourCycle>,
    /// The numbering system.
    pub numbering: Option<String>,
    /// The calendar; only the Gregorian one is known.
    pub calendar: Option<String>,
}
