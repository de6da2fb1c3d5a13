//! What an error needs to know of the sources that it points into.

use std::sync::Arc;

use crate::line_ends::LineEnds;

/// What is wrong with a source, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// What is wrong.
    pub message: String,
    /// What to do about it, if that is known.
    pub help: Option<String>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters are concerned; at least 1, and all in that line.
    pub length: u32,
}

/// What the engine knows about the files that run, needed to point into them.
pub trait Sources {
    /// The text of a file as its author wrote it; `None` if the engine does not have it.
    fn text(&self, file: &str) -> Option<Arc<str>>;

    /// Where the author wrote what runs at this place; from 1, columns in bytes in and in characters out.
    /// `None` where a file runs as it was written.
    fn original(&self, file: &str, line: u32, column: u32) -> Option<(u32, u32)>;

    /// The place from which that was made by a compiler or bundler, if a source map of the file says so: the file as
    /// [`text`](Self::text) knows it, line and column. All from 1, columns in characters.
    fn mapped(&self, file: &str, line: u32, column: u32) -> Option<(String, u32, u32)> {
        let _ = (file, line, column);
        None
    }

    /// The name of a file as shown to people.
    fn display_name(&self, file: &str) -> String;

    /// What ends a line of a file.
    fn line_ends(&self, file: &str) -> LineEnds {
        let _ = file;
        LineEnds::Script
    }
}
