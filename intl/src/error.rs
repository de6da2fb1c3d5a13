//! What cannot be done.

/// Why a format could not be made.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no language tag.
    #[error("{0:?} is not a language tag; one looks like \"de\", \"en-GB\" or \"zh-Hant-TW\"")]
    BadTag(String),
    /// Nothing is known of the language.
    #[error("the locale {0:?} is not in this build")]
    UnknownLocale(String),
    /// The locale counts its years in a way that is not known here.
    #[error(
        "the calendar {calendar:?} of the locale {locale:?} is not in this build; write \"{locale}-u-ca-gregory\""
    )]
    UnknownCalendar {
        /// The locale.
        locale: String,
        /// The calendar.
        calendar: String,
    },
    /// There is no such time zone.
    #[error("{0:?} is not a time zone; one looks like \"Europe/Berlin\", \"UTC\" or \"+05:30\"")]
    UnknownZone(String),
    /// The locale has no such unit.
    #[error("the unit {0:?} is not in this build")]
    UnknownUnit(String),
    /// The text is in a script that writes words without spaces.
    #[error(
        "words of a text with {0:?} cannot be told apart: this build has no dictionary of that script"
    )]
    NoDictionary(char),
    /// What belongs to the program itself cannot be read.
    #[error("the data of locales is damaged: {0}")]
    Damaged(String),
}
