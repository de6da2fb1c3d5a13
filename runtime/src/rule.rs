//! Rulebooks: rules as trees of ops, written in YAML, any of which can be tagged with a semaphore.
//!
//! "Every time the rule code execution enters the semaphored region, it will request exclusivity before executing
//! the op (and any children ops)" (seed: *Semaphores*).
//!
//! [`yaml`] reads a document with the places of everything in it, [`parse`] makes a [`Book`] of it and finds all that
//! is wrong, [`run`] walks through the tree on a run's fiber. JavaScript in a rulebook is evaluated in the
//! run's isolate, with the variables in [`scope`].

mod book;
mod check;
mod data;
mod parse;
mod region;
mod run;
mod schema;
mod scope;
mod shell;
mod template;
mod yaml;

use std::sync::Arc;

pub(crate) use self::book::Book;
use self::book::Op;
pub use self::check::{Finding, Severity, check, check_text};
pub(crate) use self::region::{Tag, enter};
pub(crate) use self::run::{Part, execute};
pub use self::schema::rulebook_schema;
use crate::error::RuleError;

/// A part of a rulebook that runs in a run of its own.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    pub(crate) book: Arc<Book>,
    op: Arc<Op>,
    /// What the op is called where it was forked.
    label: String,
    /// What administrators see before that.
    path: Vec<String>,
}

/// Reads a rulebook. `name` is its canonical name, `shown` the one for people.
///
/// # Errors
///
/// All that is wrong with it.
pub(crate) fn read(name: &str, shown: &str, text: &Arc<str>) -> Result<Arc<Book>, RuleError> {
    match parse::parse(name, text) {
        Ok(book) => Ok(Arc::new(book)),
        Err(problems) => Err(RuleError::from_problems(shown, text, problems)),
    }
}
