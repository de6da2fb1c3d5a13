//! What administrators ask for in words: [`SlotsChange`], [`PlaceChange`]. One way to write them in every front end.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::slots::Slots;

/// What to do with a semaphore's number of slots.
///
/// As text it is a number, `unlimited` (or `inf`, `∞`), `+N` or `-N` (so many more or fewer; `+` and `-` alone are one),
/// or `default`. In JSON a number is a number, `-1` stands for unlimited there, and all else is such a text.
///
/// ```
/// use cla_semaphore::{Slots, SlotsChange};
///
/// let one_fewer: SlotsChange = "-".parse()?;
/// assert_eq!(one_fewer.of(Slots::ONE)?, Some(Slots::LOCKED));
/// assert_eq!(one_fewer.of(Slots::LOCKED)?, Some(Slots::Unlimited), "one step below 0 is unlimited");
/// # Ok::<(), cla_semaphore::ChangeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotsChange {
    /// This number.
    To(Slots),
    /// So many more.
    Up(u32),
    /// So many fewer.
    Down(u32),
    /// The code decides again.
    Default,
}

/// Where in line a waiting request is to be.
///
/// As text it is a number from 1, which is next, or `up`, `down`, `first` or `last`. In JSON a number is a number.
///
/// ```
/// use cla_semaphore::PlaceChange;
///
/// let up: PlaceChange = "up".parse()?;
/// assert_eq!(up.of(3, 5), 2);
/// assert_eq!(up.of(1, 5), 1, "nothing is in front of the first");
/// assert_eq!("first".parse::<PlaceChange>()?, PlaceChange::At(1));
/// assert_eq!(PlaceChange::At(9).of(3, 5), 5);
/// # Ok::<(), cla_semaphore::ChangeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceChange {
    /// At this place, from 1.
    At(usize),
    /// One place further to the front.
    Up,
    /// One place further to the back.
    Down,
    /// Behind all others.
    Last,
}

/// Why a text says neither.
///
/// ```
/// use cla_semaphore::{PlaceChange, Slots, SlotsChange};
///
/// let error = "0".parse::<PlaceChange>().unwrap_err();
/// assert_eq!(error.to_string(), "places count from 1, which is next");
/// let error = SlotsChange::Down(3).of(Slots::Limited(2)).unwrap_err();
/// assert!(error.to_string().starts_with("there are not 3 slots but 2"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChangeError(String);

impl SlotsChange {
    /// The number of slots that it makes of `slots`; `None` where the code decides.
    ///
    /// # Errors
    ///
    /// So many fewer than there are. Only a single step, from a locked semaphore, goes below 0, which is unlimited: more
    /// would open a semaphore for all that was only to get narrower.
    pub fn of(self, slots: Slots) -> Result<Option<Slots>, ChangeError> {
        Ok(match self {
            Self::To(slots) => Some(slots),
            Self::Default => None,
            Self::Up(0) | Self::Down(0) => Some(slots),
            // The first step is the one that may come from unlimited.
            Self::Up(steps) => Some(match slots.raise() {
                Slots::Limited(first) => Slots::Limited(first.saturating_add(steps - 1)),
                Slots::Unlimited => Slots::Unlimited,
            }),
            Self::Down(1) => Some(slots.lower()),
            Self::Down(steps) => Some(match slots {
                Slots::Limited(slots) => {
                    Slots::Limited(slots.checked_sub(steps).ok_or_else(|| {
                        ChangeError(format!(
                            "there are not {steps} slots but {slots}: give 0 to lock the semaphore, or unlimited to open it"
                        ))
                    })?)
                }
                Slots::Unlimited => Slots::Unlimited,
            }),
        })
    }
}

impl FromStr for SlotsChange {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        let wrong = || {
            ChangeError(format!(
                "give a number from 0 to {}, unlimited, +N, -N, or default",
                u32::MAX
            ))
        };
        let steps = |digits: &str| match digits {
            "" => Ok(1),
            _ if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| wrong())
            }
            _ => Err(wrong()),
        };
        let text = text.trim();
        if text.eq_ignore_ascii_case("default") {
            Ok(Self::Default)
        } else if let Some(digits) = text.strip_prefix('+') {
            steps(digits).map(Self::Up)
        } else if let Some(digits) = text.strip_prefix(['-', '−']) {
            steps(digits).map(Self::Down)
        } else if text.eq_ignore_ascii_case("inf") {
            Ok(Self::To(Slots::Unlimited))
        } else {
            text.parse().map(Self::To).map_err(|_| wrong())
        }
    }
}

impl PlaceChange {
    /// The place that it makes of the place `from` in a line of this length.
    #[must_use]
    pub fn of(self, from: usize, length: usize) -> usize {
        let last = length.max(1);
        match self {
            Self::At(place) => place.clamp(1, last),
            Self::Up => from.saturating_sub(1).max(1),
            Self::Down => from.saturating_add(1).min(last),
            Self::Last => last,
        }
    }
}

impl FromStr for PlaceChange {
    type Err = ChangeError;

    fn from_str(text: &str) -> Result<Self, ChangeError> {
        match text.to_ascii_lowercase().as_str() {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            "first" => Ok(Self::At(1)),
            "last" => Ok(Self::Last),
            digits => match digits.parse() {
                Ok(0) => Err("places count from 1, which is next"),
                Ok(place) => Ok(Self::At(place)),
                Err(_) => Err("give a number from 1, up, down, first, or last"),
            },
        }
        .map_err(|problem| ChangeError(problem.to_owned()))
    }
}

/// Reads a number or a text.
struct NumberOrText<T>(fn(i64) -> Result<T, String>, &'static str);

impl<T: FromStr<Err = ChangeError>> de::Visitor<'_> for NumberOrText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        (self.0)(number).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        // Numbers beyond are too large for either.
        (self.0)(i64::try_from(number).unwrap_or(i64::MAX)).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        // In JSON, 3.0 is a whole number; those beyond are too large for either.
        if number.fract() != 0.0 {
            return Err(E::invalid_type(de::Unexpected::Float(number), &self));
        }
        (self.0)(number as i64).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for SlotsChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText(
            |number| {
                let slots = Slots::try_from(number);
                slots.map(Self::To).map_err(|error| error.to_string())
            },
            "a number of slots, or \"unlimited\", \"+N\", \"-N\" or \"default\"",
        ))
    }
}

impl<'de> Deserialize<'de> for PlaceChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText(
            |number| {
                let place: Result<Self, ChangeError> = number.to_string().parse();
                place.map_err(|error| error.to_string())
            },
            "a place from 1, or \"up\", \"down\", \"first\" or \"last\"",
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn slots_are_a_number_a_word_or_a_step() {
        for (text, change) in [
            ("3", SlotsChange::To(Slots::Limited(3))),
            ("0", SlotsChange::To(Slots::LOCKED)),
            ("unlimited", SlotsChange::To(Slots::Unlimited)),
            ("Inf", SlotsChange::To(Slots::Unlimited)),
            ("∞", SlotsChange::To(Slots::Unlimited)),
            ("+", SlotsChange::Up(1)),
            ("+1", SlotsChange::Up(1)),
            ("+12", SlotsChange::Up(12)),
            ("-", SlotsChange::Down(1)),
            ("-1", SlotsChange::Down(1)),
            ("−2", SlotsChange::Down(2)),
            ("default", SlotsChange::Default),
        ] {
            assert_eq!(text.parse(), Ok(change), "{text}");
        }
        for text in [
            "",
            "many",
            "1.5",
            "+-1",
            "--1",
            "++",
            "4294967296",
            "-4294967296",
        ] {
            let error = text.parse::<SlotsChange>().unwrap_err().to_string();
            assert!(error.contains("unlimited, +N, -N"), "{text}: {error}");
        }
    }

    #[test]
    fn steps_are_those_of_the_arrows() {
        let slots = [0, 1, 2, u32::MAX].map(Slots::Limited);
        for start in slots.into_iter().chain([Slots::Unlimited]) {
            let (mut up, mut down) = (start, start);
            for steps in 1..4 {
                (up, down) = (up.raise(), down.lower());
                let change = SlotsChange::Up(steps);
                assert_eq!(change.of(start), Ok(Some(up)), "{start} +{steps}");
                let change = SlotsChange::Down(steps);
                let wanted = match start {
                    Slots::Limited(slots) if steps > 1 && steps > slots => None,
                    _ => Some(down),
                };
                assert_eq!(change.of(start).ok(), wanted.map(Some), "{start} -{steps}");
            }
        }
        let said = SlotsChange::Down(4).of(Slots::Limited(3)).unwrap_err();
        assert!(said.to_string().contains("not 4 slots but 3"), "{said}");
    }

    #[test]
    fn a_place_is_a_number_from_1_or_a_word() {
        assert_eq!("1".parse(), Ok(PlaceChange::At(1)));
        assert_eq!("First".parse(), Ok(PlaceChange::At(1)));
        assert_eq!("up".parse(), Ok(PlaceChange::Up));
        assert_eq!("down".parse(), Ok(PlaceChange::Down));
        assert_eq!("last".parse(), Ok(PlaceChange::Last));
        let refused = |text: &str| text.parse::<PlaceChange>().unwrap_err().to_string();
        assert!(refused("0").contains("from 1"));
        assert!(refused("-1").contains("from 1"));
        assert!(refused("middle").contains("up, down"));
        assert_eq!(PlaceChange::Up.of(1, 3), 1);
        assert_eq!(PlaceChange::Down.of(3, 3), 3);
        assert_eq!(PlaceChange::At(9).of(1, 3), 3);
        assert_eq!(PlaceChange::Last.of(1, 0), 1);
    }

    #[test]
    fn in_json_numbers_are_numbers() {
        let slots = |json: &str| serde_json::from_str::<SlotsChange>(json);
        assert_eq!(slots("3").unwrap(), SlotsChange::To(Slots::Limited(3)));
        assert_eq!(slots("3.0").unwrap(), SlotsChange::To(Slots::Limited(3)));
        assert_eq!(slots("-1").unwrap(), SlotsChange::To(Slots::Unlimited));
        assert_eq!(slots("\"-1\"").unwrap(), SlotsChange::Down(1));
        assert!(slots("1.5").is_err() && slots("null").is_err() && slots("4294967296").is_err());
        let place = |json: &str| serde_json::from_str::<PlaceChange>(json);
        assert_eq!(place("2").unwrap(), PlaceChange::At(2));
        assert_eq!(place("\"up\"").unwrap(), PlaceChange::Up);
        assert!(place("0").is_err());
    }
}
