//! How wide columns are: the least important ones go where there is no room, and what is left over
//! goes to those that could use it.

/// A column before the width of the screen is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<F> {
    pub(super) field: F,
    /// The least width; with less room the column is not shown.
    pub(super) least: u16,
    /// The largest useful width.
    pub(super) most: u16,
    /// The highest stays longest.
    pub(super) importance: u8,
}

/// The columns that are shown, in the same order, each with its width; `gap` stands between them.
pub(super) fn fit<F: Copy>(wishes: &[Wish<F>], gap: u16, width: u16) -> Vec<(F, u16)> {
    let mut shown: Vec<Wish<F>> = wishes.to_vec();
    let needed = |shown: &[Wish<F>]| {
        let gaps = gap.saturating_mul(shown.len().saturating_sub(1) as u16);
        let columns = shown.iter().map(|wish| wish.least);
        columns.fold(gaps, u16::saturating_add)
    };
    while needed(&shown) > width && shown.len() > 1 {
        let least = (0..shown.len()).min_by_key(|at| shown[*at].importance);
        shown.remove(least.unwrap_or(0));
    }
    let mut left = width.saturating_sub(needed(&shown));
    let mut widths: Vec<u16> = shown.iter().map(|wish| wish.least.min(width)).collect();
    // Column by column in turn, so that columns that need more share it evenly.
    while left > 0 {
        let before = left;
        for (wish, width) in shown.iter().zip(&mut widths) {
            if left > 0 && *width < wish.most {
                *width += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    let fields = shown.iter().map(|wish| wish.field);
    fields.zip(widths).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(field: char, least: u16, most: u16, importance: u8) -> Wish<char> {
        Wish {
            field,
            least,
            most,
            importance,
        }
    }

    #[test]
    fn what_matters_least_goes_first_and_what_is_left_over_is_shared() {
        let wishes = [wish('a', 4, 10, 9), wish('b', 3, 3, 1), wish('c', 4, 8, 5)];
        assert_eq!(fit(&wishes, 1, 40), [('a', 10), ('b', 3), ('c', 8)]);
        assert_eq!(fit(&wishes, 1, 17), [('a', 6), ('b', 3), ('c', 6)]);
        assert_eq!(fit(&wishes, 1, 13), [('a', 4), ('b', 3), ('c', 4)]);
        assert_eq!(fit(&wishes, 1, 12), [('a', 6), ('c', 5)]);
        assert_eq!(fit(&wishes, 1, 6), [('a', 6)]);
        assert_eq!(fit(&wishes, 1, 2), [('a', 2)]);
    }
}
