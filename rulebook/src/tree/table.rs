//! What the language says of its ops: a description of each, and the table of all.
//!
//! The table itself is made where the ops are, and handed to the parser. A rulebook that was read keeps it.

use cla_runtime::internal::nearest;

use super::{Action, Block, Callee, Data, Filter, Parser, Written};
use crate::schema::parts::OpSchema;
use crate::template::{Code, Template};
use crate::yaml::Text;

/// What any op may carry.
pub(crate) const ATTRIBUTES: [&str; 7] = [
    "semaphore",
    "timeout",
    "parallel",
    "on_error",
    "name",
    "when",
    "register",
];

/// Keys that belong to ops and cannot be the name of anything else.
const PARTS: [&str; 2] = ["then", "catch"];

/// What the language says of an op.
pub(crate) struct Description {
    /// Its key.
    pub(crate) name: &'static str,
    /// What it does, for people.
    pub(crate) about: &'static str,
    /// A whole rulebook, as short as can be.
    pub(crate) example: &'static str,
    /// Keys that stand beside this one, but for the attributes.
    pub(crate) companions: &'static [&'static str],
    /// What may be written.
    pub(crate) schema: fn() -> OpSchema,
    /// Reads it; `None` if that was not possible, and then the parser knows why. A part of another op has no reader.
    pub(crate) read: Option<Reader>,
}

type Reader = fn(&mut dyn Parser, &Written<'_, '_>) -> Option<Box<dyn Action>>;

/// All ops of the language.
pub(crate) struct OpTable {
    /// In the order in which editors list them.
    pub(crate) ops: &'static [&'static Description],
    pub(crate) short: ShortForms,
}

/// The ops that can be written without their keys.
pub(crate) struct ShortForms {
    /// A text in place of a block: JavaScript.
    pub(crate) script: fn(Code) -> Box<dyn Action>,
    /// A text in place of an op: a command of the shell.
    pub(crate) command: fn(&mut dyn Parser, &Text) -> Box<dyn Action>,
    /// `name =`: sets a variable.
    pub(crate) assignment: fn(Template, Data) -> Box<dyn Action>,
    /// The name of something that can be called, and what it is called with.
    pub(crate) call: fn(Callee, Data) -> Box<dyn Action>,
    /// The path of an executable file, and what it is called with.
    pub(crate) program: fn(String, Data) -> Box<dyn Action>,
    /// The name of an event, the filters that it has, and what is done for it.
    pub(crate) event: fn(String, Vec<Filter>, Block) -> Box<dyn Action>,
}

impl OpTable {
    /// The names of all ops, and of those parts of them that people take for ops.
    pub(crate) fn names<'n>(&self) -> impl Iterator<Item = &'n str> {
        self.ops.iter().map(|op| op.name).chain(PARTS)
    }

    /// The op of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&'static Description> {
        self.ops.iter().copied().find(|op| op.name == name)
    }

    /// Whether the language itself has given a meaning to this key.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.names().any(|op| op == name) || ATTRIBUTES.contains(&name) || name == "finally"
    }

    /// The op that was probably meant, or one of `others`.
    pub(crate) fn nearest<'k>(
        &self,
        word: &str,
        others: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        nearest(word, self.names().chain(others))
    }
}

impl std::fmt::Debug for OpTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
