//! Numbers in requests, within the bounds that the description of the interface states.

use cla_runtime::semaphore::PlaceChange;
use serde::de::{Deserialize, Deserializer, Error as _};

/// The longest list.
const MOST: u64 = 1_000_000_000;

/// A number of things.
pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(from)?;
    if number > MOST {
        return Err(D::Error::custom(format_args!(
            "{number} is more than {MOST}"
        )));
    }
    Ok(number)
}

/// The same, as a place in memory.
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    usize::try_from(number(from)?).map_err(D::Error::custom)
}

/// The same, where nothing may be said.
pub(super) fn count_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    count(from).map(Some)
}

/// A place in line.
pub(super) fn place<'de, D: Deserializer<'de>>(from: D) -> Result<PlaceChange, D::Error> {
    /// The longest line.
    const LAST: usize = u32::MAX as usize;
    match PlaceChange::deserialize(from)? {
        PlaceChange::At(place) if place > LAST => {
            Err(D::Error::custom(format_args!("no line has {place} places")))
        }
        place => Ok(place),
    }
}
