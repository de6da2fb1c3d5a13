//! How an op ends.

use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::js::Value;

use super::Book;
use crate::yaml::Place;

pub(crate) type OpResult<'js, T = ()> = Result<T, Abort<'js>>;

/// Why an op ends before its end.
pub(crate) enum Abort<'js> {
    /// `return`: the def, or the whole, ends with this value.
    Return(Value<'js>),
    /// `break`: the innermost loop ends.
    Break,
    /// `continue`: the innermost loop goes on with its next turn.
    Continue,
    Thrown(Box<Thrown<'js>>),
    /// The run is stopped, or an op around this one is out of time.
    Stopped,
}

/// What went wrong.
pub(crate) struct Thrown<'js> {
    pub(crate) value: Value<'js>,
    pub(crate) span: Span,
    /// The ops around it, outermost first.
    pub(crate) path: Vec<Step>,
    /// The error of a fork, or of another rule.
    pub(crate) cause: Option<Box<RuleError>>,
}

/// A place in one of the rulebooks.
#[derive(Clone)]
pub(crate) struct Span {
    pub(crate) book: Arc<Book>,
    pub(crate) at: Place,
}

/// An op that is being carried out.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) label: String,
    /// Whether administrators see it: it has a name, or is a def.
    pub(crate) named: bool,
    pub(crate) span: Span,
}
