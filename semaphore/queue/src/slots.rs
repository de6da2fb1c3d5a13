//! How many may be busy at once.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How many requests of one semaphore may be busy at once.
///
/// `0` locks the semaphore (README: *Steering*), `unlimited` disables its control
/// entirely (README: *Steering*), and the default is `1`.
///
/// As text it is a number or `unlimited`; `∞` and `-1` are understood too. In JSON it is a number
/// or `"unlimited"`.
///
/// ```
/// use cla_semaphore::Slots;
///
/// assert_eq!("3".parse::<Slots>()?, Slots::Limited(3));
/// assert_eq!("∞".parse::<Slots>()?, Slots::Unlimited);
/// assert_eq!(Slots::LOCKED.lower(), Slots::Unlimited, "one below 0 is infinite");
/// # Ok::<(), cla_semaphore::SlotsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slots {
    /// At most this many. `Limited(0)` holds every request back.
    Limited(u32),
    /// No bound: every request is admitted at once, and still listed as busy.
    Unlimited,
}

/// Why a text or number cannot be a number of slots.
///
/// ```
/// use cla_semaphore::Slots;
///
/// let error = "many".parse::<Slots>().unwrap_err();
/// assert!(error.to_string().starts_with("\"many\" is no number of slots: give a whole number"));
/// assert!(Slots::try_from(-2_i64).is_err(), "only -1 means unlimited");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is no number of slots: give a whole number from 0 (locked) to {max}, or `unlimited`",
    max = u32::MAX
)]
pub struct SlotsError {
    given: String,
}

impl Slots {
    /// No slots: every request is held back (README: *Steering*).
    pub const LOCKED: Self = Self::Limited(0);
    /// One slot, what a semaphore has unless something else is said.
    pub const ONE: Self = Self::Limited(1);

    /// Whether a slot is left when `taken` are taken.
    #[inline]
    #[must_use]
    pub const fn admits(self, taken: usize) -> bool {
        match self {
            Self::Limited(slots) => taken < slots as usize,
            Self::Unlimited => true,
        }
    }

    /// One step up, as the *up* arrow does: from unlimited back to `0`.
    #[must_use]
    pub const fn raise(self) -> Self {
        match self {
            Self::Limited(slots) => Self::Limited(slots.saturating_add(1)),
            Self::Unlimited => Self::LOCKED,
        }
    }

    /// One step down, as the *down* arrow does: below `0` is unlimited (README: *Steering*).
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Limited(0) | Self::Unlimited => Self::Unlimited,
            Self::Limited(slots) => Self::Limited(slots - 1),
        }
    }
}

impl Default for Slots {
    /// `1`: "only one process can use the semaphore at once" (README: *Steering*).
    fn default() -> Self {
        Self::ONE
    }
}

impl From<u32> for Slots {
    fn from(slots: u32) -> Self {
        Self::Limited(slots)
    }
}

impl TryFrom<i64> for Slots {
    type Error = SlotsError;

    /// `-1` is unlimited; any other negative number is an error.
    fn try_from(slots: i64) -> Result<Self, SlotsError> {
        match slots {
            -1 => Ok(Self::Unlimited),
            _ => u32::try_from(slots)
                .map(Self::Limited)
                .map_err(|_| SlotsError {
                    given: slots.to_string(),
                }),
        }
    }
}

impl FromStr for Slots {
    type Err = SlotsError;

    fn from_str(text: &str) -> Result<Self, SlotsError> {
        match text.trim() {
            "∞" | "-1" => Ok(Self::Unlimited),
            word if word.eq_ignore_ascii_case("unlimited") => Ok(Self::Unlimited),
            digits => digits.parse().map(Self::Limited).map_err(|_| SlotsError {
                given: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limited(slots) => fmt::Display::fmt(slots, f),
            Self::Unlimited => f.pad("unlimited"),
        }
    }
}

impl Serialize for Slots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Limited(slots) => serializer.serialize_u32(*slots),
            Self::Unlimited => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for Slots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Slots;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of slots or \"unlimited\"")
            }

            fn visit_i64<E: de::Error>(self, slots: i64) -> Result<Slots, E> {
                Slots::try_from(slots).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, slots: u64) -> Result<Slots, E> {
                u32::try_from(slots).map(Slots::Limited).map_err(|_| {
                    E::custom(SlotsError {
                        given: slots.to_string(),
                    })
                })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Slots, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_is_a_word_a_sign_and_minus_one() {
        for text in ["unlimited", "∞", "-1"] {
            assert_eq!(text.parse(), Ok(Slots::Unlimited), "{text}");
        }
        assert_eq!("0".parse(), Ok(Slots::LOCKED));
    }

    #[test]
    fn what_is_no_number_of_slots_is_refused_with_what_it_can_be() {
        for text in ["-2", "1.5", "many", ""] {
            let refused = text.parse::<Slots>().unwrap_err();
            assert!(refused.to_string().contains("unlimited"), "{refused}");
        }
    }
}
