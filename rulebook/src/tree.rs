//! A rulebook as a tree of ops, and what each op can do: be read, checked, planned and run.
//!
//! An [`Action`] does these four things for one op. It sees the rest of the tree only through four traits: [`Parser`],
//! [`Walk`], [`Planner`] and [`Runner`]. So nothing here knows a single op, and an op does not know how the tree is walked.
//! The ops are in `op`; `parse`, `check`, `plan` and `run` implement the traits.

mod action;
mod book;
mod outcome;
mod parser;
mod planner;
mod runner;
mod scope;
mod table;
mod walk;

pub(crate) use self::action::Action;
pub(crate) use self::book::{
    Argument, Block, Book, Callee, Concurrency, Condition, Data, Def, Filter, Import, Imported,
    Module, Note, OnError, Op, Parallel, Program, Region,
};
pub(crate) use self::outcome::{Abort, OpResult, Span, Step, Thrown};
pub(crate) use self::parser::{Parser, Written, literal};
pub(crate) use self::planner::{Planned, Planner, first_line};
pub(crate) use self::runner::{Runner, Turns, Values};
pub(crate) use self::scope::{BookSources, Evaluator, SCOPE_FILE, Scope, syntax_problem};
pub(crate) use self::table::{ATTRIBUTES, Description, OpTable, ShortForms};
pub(crate) use self::walk::Walk;
