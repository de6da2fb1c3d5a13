//! What a rule says of the slot that it wants: how many there are, how long it waits, how long it may hold one, who goes
//! first. JavaScript and rulebooks read these options here, so that both accept the same and refuse it in the same words.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use cla_semaphore::{Request, Slots, Ttl};

use crate::duration;

/// The value of an option, as far as both languages have it.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue<'a> {
    /// A number.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
    /// Anything else.
    Other,
}

/// Why a value does not fit an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// What the value must be instead, to follow the word "must".
    Must(&'static str),
    /// A whole sentence.
    Because(String),
}

impl Misfit {
    /// The message about the value of `option`, without the value.
    #[must_use]
    pub fn message(&self, option: impl fmt::Display) -> String {
        match self {
            Self::Must(be) => format!("the {option} must {be}"),
            Self::Because(reason) => reason.clone(),
        }
    }
}

/// The options of a request for a slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlotOptions {
    slots: Option<Slots>,
    timeout: Option<Duration>,
    ttl: Option<Ttl>,
    priority: Option<i32>,
}

impl SlotOptions {
    /// The names of the options.
    pub const NAMES: [&'static str; 4] = ["slots", "timeout", "ttl", "priority"];

    /// Sets an option. Gives `false` if there is none of this name.
    ///
    /// # Errors
    ///
    /// Why the value does not fit.
    pub fn set(&mut self, name: &str, value: &OptionValue<'_>) -> Result<bool, Misfit> {
        match name {
            "slots" => self.slots = Some(slots(value)?),
            "timeout" => self.timeout = Some(length(value)?),
            "ttl" => self.ttl = Some(ttl(value)?),
            "priority" => self.priority = Some(priority(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The request with these options.
    pub fn apply(&self, mut request: Request) -> Request {
        if let Some(slots) = self.slots {
            request = request.slots(slots);
        }
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        if let Some(ttl) = self.ttl {
            request = request.ttl(ttl);
        }
        if let Some(priority) = self.priority {
            request = request.priority(priority);
        }
        request
    }
}

/// A number of slots.
///
/// # Errors
///
/// Why the value is none.
pub fn slots(value: &OptionValue<'_>) -> Result<Slots, Misfit> {
    // Beyond this, a float is no exact whole number any more.
    const MOST: f64 = 9e15;
    let slots = match value {
        OptionValue::Number(f64::INFINITY) => Some(Slots::Unlimited),
        OptionValue::Number(number) if number.fract() == 0.0 && number.abs() < MOST => {
            Slots::try_from(*number as i64).ok()
        }
        OptionValue::Text(text) => text.parse().ok(),
        _ => None,
    };
    slots.ok_or(Misfit::Must(
        "be a whole number of slots from 0, or \"unlimited\"",
    ))
}

/// A length of time: a number of seconds, or a text with units.
///
/// # Errors
///
/// Why the value is none.
pub fn length(value: &OptionValue<'_>) -> Result<Duration, Misfit> {
    match value {
        OptionValue::Number(seconds) => duration::from_seconds(*seconds),
        OptionValue::Text(text) => duration::parse(text),
        OptionValue::Other => Err("be a number or a duration such as \"250ms\""),
    }
    .map_err(Misfit::Must)
}

/// How long a slot may be held.
///
/// # Errors
///
/// Why the value is no TTL.
pub fn ttl(value: &OptionValue<'_>) -> Result<Ttl, Misfit> {
    Ttl::new(length(value)?).map_err(|error| Misfit::Because(error.to_string()))
}

fn priority(value: &OptionValue<'_>) -> Result<i32, Misfit> {
    match value {
        OptionValue::Number(number)
            if number.fract() == 0.0
                && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number) =>
        {
            Ok(*number as i32)
        }
        _ => Err(Misfit::Must("be a whole number (higher goes first)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> OptionValue<'_> {
        OptionValue::Text(text.into())
    }

    #[test]
    fn slots_are_whole_numbers_or_unlimited() {
        for (value, expected) in [
            (OptionValue::Number(0.0), Some(Slots::Limited(0))),
            (OptionValue::Number(3.0), Some(Slots::Limited(3))),
            (OptionValue::Number(-1.0), Some(Slots::Unlimited)),
            (OptionValue::Number(f64::INFINITY), Some(Slots::Unlimited)),
            (text("7"), Some(Slots::Limited(7))),
            (text("unlimited"), Some(Slots::Unlimited)),
            (OptionValue::Number(1.5), None),
            (OptionValue::Number(-2.0), None),
            (OptionValue::Number(f64::NAN), None),
            (OptionValue::Number(1e300), None),
            (text("many"), None),
            (OptionValue::Other, None),
        ] {
            assert_eq!(slots(&value).ok(), expected, "{value:?}");
        }
    }

    #[test]
    fn an_option_that_does_not_fit_says_what_it_must_be() {
        let mut options = SlotOptions::default();
        let mut message = |name: &str, value| match options.set(name, &value) {
            Err(misfit) => misfit.message(name),
            Ok(known) => format!("known: {known}"),
        };
        assert_eq!(
            message("priority", OptionValue::Number(0.5)),
            "the priority must be a whole number (higher goes first)"
        );
        assert_eq!(
            message("timeout", text("10")),
            "the timeout must have a unit (as in \"10s\") or be a number"
        );
        assert_eq!(
            message("priority", OptionValue::Number(-3.0)),
            "known: true"
        );
        assert_eq!(message("who", text("me")), "known: false");
    }
}
