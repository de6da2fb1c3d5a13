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
/// How far one of several requests that are moved in order stands from the last, in the first four digits. There are 65,536
/// of them before keys get longer.
const STEP: u32 = 1 << 16;

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
        // After as many moves to the front as there are numbers.
        None => between(&[], first),
    }
}

/// A key above `low` and below `high`, which is higher.
///
/// Keys get longer only where requests are moved into the same gap again and again: by a byte for some 250 moves
/// that go up or down in order, as when a whole line is sorted, and at worst by a byte for 8 moves.
pub(super) fn between(low: &[u8], high: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(high.len() + 1);
    // Whether the digits so far are below those of `high`, so that the others are free.
    let mut below = false;
    for at in 0.. {
        let rest = low.get(at..).unwrap_or_default();
        let step = if below {
            step_up(rest)
        } else if rest.is_empty() {
            step_down(high.get(at..).unwrap_or_default())
        } else {
            None
        };
        if let Some(step) = step {
            key.extend(step);
            break;
        }
        let low = rest.first().copied().map_or(0, u16::from);
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

/// Digits a little above `low`, which leave nearly all of the room above them.
fn step_up(low: &[u8]) -> Option<Vec<u8>> {
    first_digits(low).checked_add(STEP).and_then(digits)
}

/// Digits a little below `high`, which leave nearly all of the room below them.
fn step_down(high: &[u8]) -> Option<Vec<u8>> {
    first_digits(high).checked_sub(STEP).and_then(digits)
}

fn first_digits(key: &[u8]) -> u32 {
    let mut digits = [0; size_of::<u32>()];
    for (digit, from) in digits.iter_mut().zip(key) {
        *digit = *from;
    }
    u32::from_be_bytes(digits)
}

/// The digits of a number without zeros at the end; none if it is zero.
fn digits(number: u32) -> Option<Vec<u8>> {
    let mut digits = number.to_be_bytes().to_vec();
    while digits.last() == Some(&0) {
        digits.pop();
    }
    Some(digits).filter(|digits| !digits.is_empty())
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

    #[test]
    fn keys_stay_short_when_a_line_is_sorted_by_moves() {
        let (mut low, end) = (joined(1), joined(2));
        let (start, mut high) = (joined(2), joined(3));
        for _ in 0..10_000 {
            let up = between(&low, &end);
            assert!(low < up && up < end);
            let down = between(&start, &high);
            assert!(start < down && down < high);
            (low, high) = (up, down);
        }
        assert!(low.len() <= NUMBER + 4, "{low:?}");
        assert!(high.len() <= NUMBER + 8 + 10_000 / 250, "{high:?}");
    }

    #[test]
    fn there_is_room_in_a_gap_that_gets_smaller_from_both_sides() {
        let (mut low, mut high) = (joined(1), joined(2));
        for _ in 0..1_000 {
            let up = between(&low, &high);
            assert!(low < up && up < high && up.last() != Some(&0));
            low = up;
            let down = between(&low, &high);
            assert!(low < down && down < high && down.last() != Some(&0));
            high = down;
        }
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
