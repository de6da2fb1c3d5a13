//! The selected row of a pane: [`Cursor`]. It follows what was selected, not the row's number.

/// Which row is selected, and which are to be seen.
#[derive(Debug)]
pub(super) struct Cursor<K> {
    /// What is selected; none while there are no rows.
    key: Option<K>,
    /// Where that is.
    at: usize,
    /// The first row to be seen.
    top: usize,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self {
            key: None,
            at: 0,
            top: 0,
        }
    }
}

impl<K: PartialEq> Cursor<K> {
    pub(super) fn key(&self) -> Option<&K> {
        self.key.as_ref()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn top(&self) -> usize {
        self.top
    }

    /// The rows are others now: finds the selected one again. When it is gone, the one in its place
    /// is selected.
    pub(super) fn follow(&mut self, rows: usize, height: usize, key: impl Fn(usize) -> K) {
        let stays = |at: usize| at < rows && self.key.as_ref() == Some(&key(at));
        if !stays(self.at)
            && let Some(at) = (0..rows).find(|at| stays(*at))
        {
            self.at = at;
        }
        self.go(self.at, rows, height, key);
    }

    /// Selects the row `at`, or the last one.
    pub(super) fn go(&mut self, at: usize, rows: usize, height: usize, key: impl Fn(usize) -> K) {
        self.at = at.min(rows.saturating_sub(1));
        self.key = (rows > 0).then(|| key(self.at));
        let lowest_top = (self.at + 1).saturating_sub(height);
        let highest_top = self.at.min(rows.saturating_sub(height));
        self.top = self.top.min(highest_top).max(lowest_top);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(cursor: &mut Cursor<char>, rows: &str, height: usize) {
        let rows: Vec<char> = rows.chars().collect();
        cursor.follow(rows.len(), height, |at| rows[at]);
    }

    fn go(cursor: &mut Cursor<char>, at: usize, rows: &str, height: usize) {
        let rows: Vec<char> = rows.chars().collect();
        cursor.go(at, rows.len(), height, |at| rows[at]);
    }

    #[test]
    fn the_selection_follows_what_is_selected() {
        let mut cursor = Cursor::default();
        follow(&mut cursor, "abcd", 4);
        assert_eq!(cursor.key(), Some(&'a'));
        go(&mut cursor, 2, "abcd", 4);
        follow(&mut cursor, "cxab", 4);
        assert_eq!((cursor.key(), cursor.at()), (Some(&'c'), 0));
    }

    #[test]
    fn what_takes_the_place_of_what_is_gone_is_selected() {
        let mut cursor = Cursor::default();
        go(&mut cursor, 1, "abc", 3);
        follow(&mut cursor, "ac", 3);
        assert_eq!(cursor.key(), Some(&'c'));
        follow(&mut cursor, "a", 3);
        assert_eq!(cursor.key(), Some(&'a'));
        follow(&mut cursor, "", 3);
        assert_eq!(cursor.key(), None);
        follow(&mut cursor, "xy", 3);
        assert_eq!(cursor.key(), Some(&'x'));
    }

    #[test]
    fn the_selected_row_is_always_to_be_seen() {
        let rows = "abcdefghij";
        let mut cursor = Cursor::default();
        for (at, height, top) in [
            (0, 3, 0),
            (5, 3, 3),
            (4, 3, 3),
            (99, 3, 7),
            (8, 5, 5),
            (1, 5, 1),
        ] {
            go(&mut cursor, at, rows, height);
            assert_eq!(cursor.top(), top, "row {at}, {height} rows");
        }
        // A larger screen is filled with rows.
        follow(&mut cursor, rows, 20);
        assert_eq!(cursor.top(), 0);
    }
}
