//! What ends a line, which differs between languages.

/// The characters that end a line of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// As in JavaScript: line feed, carriage return, and the two separators of Unicode.
    #[default]
    Script,
    /// Line feed and carriage return only.
    Plain,
}

impl LineEnds {
    /// The characters; a carriage return with a line feed after it ends one line, not two.
    #[must_use]
    pub const fn characters(self) -> &'static [char] {
        match self {
            Self::Script => &['\n', '\r', '\u{2028}', '\u{2029}'],
            Self::Plain => &['\n', '\r'],
        }
    }
}
