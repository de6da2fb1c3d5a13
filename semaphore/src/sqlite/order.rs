//! Order keys: byte strings that stand for places in a line, so that a place between any two others can be
//! made without touching either.
//!
//! A request that joins gets a key above all others, made of a growing number. A key before the first is made by
//! counting down, one between two neighbours by adding digits. Keys compare byte by byte, and none ends
//! with a zero byte: below such a one there might be no room.

/// Where counting starts: half of the numbers are below, for those who are moved to the front.
const MIDDLE: u64 = 1 << 63;
const LAST_DIGIT: u8 = 0x80;
const NUMBER: usize = size_of::<u64>();

/// The key of the `sequence`th to join.
pub(super) fn joined(sequence: u64) -> Vec<u8> {
    numbered(MIDDLE + sequence)
}

/// A key before `first`, which is the first of its class.
pub(super) fn before(first: &[u8]) -> Vec<u8> {
    let number = first
        .first_chunk()
        .map_or(0, |number: &[u8; NUMBER]| u64::from_be_bytes(*number));
    match number.checked_sub(1) {
        Some(number) => numbered(number),
        // Nobody moves things to the front so often; if somebody does, digits are left.
        None => between(&[], first),
    }
}

/// A key above `low` and below `high`, which is higher.
pub(super) fn between(low: &[u8], high: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(high.len() + 1);
    // Whether the digits so far are below those of `high`, so that the others are free.
    let mut below = false;
    for at in 0.. {
        let low = low.get(at).copied().map_or(0, u16::from);
        let high = match high.get(at) {
            Some(high) if !below => u16::from(*high),
            _ => 256,
        };
        if high > low + 1 {
            key.push(((low + high) / 2) as u8);
            break;
        }
        below |= high > low;
        key.push(low as u8);
    }
    key
}

fn numbered(number: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(NUMBER + 1);
    key.extend(number.to_be_bytes());
    key.push(LAST_DIGIT);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_joins_later_stands_behind() {
        assert!(joined(1) < joined(2));
        assert!(joined(255) < joined(256));
    }

    #[test]
    fn there_is_always_room_at_the_front_and_keys_stay_short() {
        let mut first = joined(0);
        for _ in 0..10_000 {
            let front = before(&first);
            assert!(front < first);
            first = front;
        }
        assert_eq!(first.len(), NUMBER + 1);
        let first_of_all = numbered(0);
        assert!(before(&first_of_all) < first_of_all);
    }

    proptest! {
        #[test]
        fn there_is_always_room_between_two(places in prop::collection::vec(any::<prop::sample::Index>(), 1..300)) {
            let mut line = vec![joined(1), joined(2)];
            for place in places {
                let at = place.index(line.len() - 1);
                let key = between(&line[at], &line[at + 1]);
                prop_assert!(line[at] < key && key < line[at + 1]);
                prop_assert!(key.last() != Some(&0));
                line.insert(at + 1, key);
            }
        }
    }
}
