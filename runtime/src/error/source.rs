//! What an error needs to know of the sources that it points into.

use std::sync::Arc;

use rquickjs::{Ctx, Value};

use super::RuleError;
use super::suspect::{Origin, Suspect};
use crate::line_ends::LineEnds;

/// Begins the names of scripts that are part of the engine's library.
const LIBRARY: &str = "cla:";

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

/// A place that awaits an asynchronous function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaiting {
    /// The file.
    pub file: String,
    /// Line and column, from 1, the column in characters.
    pub at: (u32, u32),
    /// The function around the place; `None` outside of functions, `Some(None)` for one without a name.
    pub function: Option<Option<String>>,
}

/// Where a name is declared, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// As what.
    pub kind: DeclarationKind,
    /// The line, from 1.
    pub line: u32,
}

/// As what a name is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclarationKind {
    /// By `const`.
    Constant,
    /// It is imported from this module.
    Import(String),
    /// As an interface, or another type: of those nothing is left when the code runs.
    Type,
    /// Otherwise.
    Other,
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

    /// The expressions that may have failed at a place that QuickJS reports; line and column from 1, the column in bytes.
    fn suspects(&self, file: &str, line: u32, column: u32) -> Vec<Suspect> {
        let _ = (file, line, column);
        Vec::new()
    }

    /// Where a file declares a name; `None` if it does not, or more than once.
    fn declaration(&self, file: &str, name: &str) -> Option<Declaration> {
        let _ = (file, name);
        None
    }

    /// Where to mark an expression: line and column, from 1, the column in characters, and the length in that line.
    fn mark(&self, file: &str, suspect: &Suspect) -> Option<(u32, u32, u32)> {
        let _ = (file, suspect);
        None
    }

    /// What a name of a file comes from, if it is a built-in module, or an export of one, that the run has loaded.
    fn imported<'js>(&self, ctx: &Ctx<'js>, file: &str, origin: &Origin) -> Option<Value<'js>> {
        let _ = (ctx, file, origin);
        None
    }

    /// What is wrong with a source that QuickJS could not compile, in better words and with a better place; nothing if
    /// that is not known.
    fn problems(&self, file: &str) -> Vec<SyntaxProblem> {
        let _ = file;
        Vec::new()
    }

    /// What is known of an error that was thrown with this message before any code of its file ran.
    fn prepared(&self, message: &str) -> Option<RuleError> {
        let _ = message;
        None
    }

    /// Where a value that is no error was thrown, if only one place can have thrown it: the file, line and column from 1, the
    /// column in characters, and the length in that line.
    fn thrown(&self, value: &serde_json::Value) -> Option<(String, (u32, u32), u32)> {
        let _ = value;
        None
    }

    /// Who awaits an asynchronous function of this name that a file makes, if the sources leave no doubt: the file, line and
    /// column from 1, the column in characters, and the function there; `None` outside of functions.
    fn awaiting(&self, file: &str, function: &str) -> Option<Awaiting> {
        let _ = (file, function);
        None
    }

    /// Whether a file is part of a library: no place of an author's.
    fn is_library(&self, file: &str) -> bool {
        file.starts_with(LIBRARY)
    }

    /// What ends a line of a file.
    fn line_ends(&self, file: &str) -> LineEnds {
        let _ = file;
        LineEnds::Script
    }
}
