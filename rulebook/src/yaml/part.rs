//! Parts of a text that are read as texts of their own.

use std::ops::Range;

use super::Text;

impl Text {
    /// What stands at these bytes, with its place.
    pub(crate) fn part(&self, bytes: Range<usize>) -> Self {
        Self {
            at: self.place(bytes.clone()),
            stretches: self.stretches(bytes.clone()),
            text: self.text.get(bytes).unwrap_or_default().to_owned(),
            is_plain: self.is_plain,
        }
    }

    /// As [`part`](Self::part), without the white space around it.
    pub(crate) fn trimmed_part(&self, bytes: Range<usize>) -> Self {
        let part = self.text.get(bytes.clone()).unwrap_or_default();
        let start = bytes.start + part.len() - part.trim_start().len();
        self.part(start..start.max(bytes.start + part.trim_end().len()))
    }
}
