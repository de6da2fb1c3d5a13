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
mod inputs;
mod loader;
mod parse;
mod plan;
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
pub use self::inputs::{Input, InputError, InputKind, give_inputs, rulebook_inputs};
pub use self::plan::{Plan, PlannedBlock, PlannedOp, PlannedSemaphore, plan};
pub(crate) use self::region::{SemaphoreSpec, enter};
pub(crate) use self::run::{Part, execute};
pub use self::schema::rulebook_schema;
use crate::error::RuleError;
use crate::modules::ModuleCache;
use crate::run::Run;

/// A part of a rulebook that runs in a run of its own.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    /// The one in which the op stands.
    book: Arc<Book>,
    op: Arc<Op>,
    /// What the op is called where it was forked.
    label: String,
    /// What administrators see before that.
    path: Vec<String>,
    /// The rulebook that was started. Dropped last: see [`Book::family`].
    pub(crate) main: Arc<Book>,
}

/// The longest name of a service, in bytes of UTF-8.
const MOST_SERVICE_NAME: usize = 255;

/// Why a service cannot have a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceNameError {
    /// Ops are called by words.
    #[error(
        "{0:?} is no name for a service: it consists of letters, digits, `_` and `-`, with dots in between"
    )]
    NoWord(String),
    /// Such a name helps no reader, and every message that lists the services would hold it.
    #[error("the name of a service is {bytes} bytes long: shorten it to at most {most}", most = MOST_SERVICE_NAME)]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// It could never be called.
    #[error("a service cannot be called {0:?}: that is an op's")]
    Op(String),
}

/// Whether rulebooks can call something by this name.
///
/// # Errors
///
/// Says why not.
pub(crate) fn service_name(name: &str) -> Result<(), ServiceNameError> {
    if name.len() > MOST_SERVICE_NAME {
        return Err(ServiceNameError::TooLong { bytes: name.len() });
    }
    let word = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    if !name.split('.').all(word) {
        return Err(ServiceNameError::NoWord(name.to_owned()));
    }
    if parse::is_taken(name) {
        return Err(ServiceNameError::Op(name.to_owned()));
    }
    Ok(())
}

/// Reads a rulebook, and those that it imports. `name` is its canonical name.
///
/// # Errors
///
/// All that is wrong with it.
pub(crate) fn read(
    modules: &ModuleCache,
    name: &str,
    text: &Arc<str>,
    run: &Run,
) -> Result<Arc<Book>, RuleError> {
    loader::Loader::new(modules, loader::UnknownImport::Refused, Some(run)).main(name, text)
}
