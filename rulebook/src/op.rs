//! The ops of the language, one file each. A file has all that there is to know of its op: how it is described to people
//! and editors, how it is read, what a check and a plan see of it, and what it does.
//!
//! A new op is a new file, and a line in [`ALL`].

mod block;
pub(crate) mod call;
mod call_rule;
pub(crate) mod conditional;
mod dump;
mod echo;
mod fail;
mod foreach;
mod http;
mod import;
mod launch;
mod parse_text;
mod read_file;
mod return_value;
mod script;
mod set;
mod shell;
mod sleep;
mod try_catch;
mod wait_children;
mod while_loop;
mod write_file;

use std::fmt;

use cla_runtime::js::Value;

pub(crate) use self::call::Call;
pub(crate) use self::script::Script;
pub(crate) use self::set::Set;
pub(crate) use self::shell::Shell;
use crate::book::Op;
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::OpSchema;
use crate::scope::Scope;
use crate::yaml::{Node, Text};

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

type Reader = fn(&mut Parser<'_>, &Written<'_, '_>) -> Option<Box<dyn Action>>;

/// An op as it is written.
pub(crate) struct Written<'w, 'n> {
    pub(crate) key: &'w Text,
    /// What stands after the key.
    pub(crate) argument: &'w Node,
    /// What stands after another key beside it.
    pub(crate) beside: &'w dyn Fn(&str) -> Option<&'n Node>,
}

/// What an op does, ready to be done.
pub(crate) trait Action: fmt::Debug + Send + Sync {
    /// Does it, and gives its result.
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>>;

    /// Walks through all that it has in it.
    fn check<'a>(&'a self, walk: &mut Walk<'a>, op: &'a Op);

    /// Says what it would do.
    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned;

    /// Whether people see it by its own name, as they do with a function.
    fn is_named(&self) -> bool {
        false
    }

    /// The branches of an `if`, to which `elsif` and `else` that follow add theirs.
    fn branches(&mut self) -> Option<&mut conditional::If> {
        None
    }
}

/// All ops, in the order in which editors list them.
pub(crate) static ALL: [&Description; 26] = [
    &block::DO,
    &set::SET,
    &set::VAR,
    &conditional::IF,
    &conditional::ELSIF,
    &conditional::ELSE,
    &foreach::FOREACH,
    &while_loop::WHILE,
    &try_catch::TRY,
    &fail::FAIL,
    &return_value::RETURN,
    &wait_children::WAIT_CHILDREN,
    &echo::ECHO,
    &echo::PRINT,
    &echo::LOG,
    &dump::DUMP,
    &sleep::SLEEP,
    &shell::SHELL,
    &script::JS,
    &parse_text::PARSE,
    &read_file::READ_FILE,
    &write_file::WRITE_FILE,
    &call_rule::CALL,
    &import::IMPORT,
    &http::HTTP,
    &launch::LAUNCH,
];

/// Keys that belong to ops and cannot be the name of anything else.
const PARTS: [&str; 2] = ["then", "catch"];

/// The names of all ops, and of those parts of them that people take for ops.
pub(crate) fn names<'n>() -> impl Iterator<Item = &'n str> {
    ALL.iter().map(|op| op.name).chain(PARTS)
}

/// The op of that name.
pub(crate) fn named(name: &str) -> Option<&'static Description> {
    ALL.iter().copied().find(|op| op.name == name)
}
