//! An object that is being shown: what was shown of it, and what is still to come.

use cla_runtime::js::{Object, Value};

/// An object that is being shown.
pub(super) struct Frame<'js> {
    pub(super) object: Object<'js>,
    /// What stands before the opening bracket: a function, a date, an error's stack, ...
    pub(super) base: String,
    pub(super) open: String,
    pub(super) close: &'static str,
    /// Whether it is an array's, which may be set in columns.
    pub(super) columns: bool,
    /// Whether everything in it is a number, which columns align at the right.
    pub(super) numbers: bool,
    /// What follows the elements, like `... 3 more items`.
    pub(super) trailer: Option<String>,
    pub(super) depth: usize,
    pub(super) indentation: usize,
    pub(super) output: Vec<String>,
    pub(super) elements: Elements<'js>,
    pub(super) keys: std::vec::IntoIter<Key<'js>>,
    /// Where in `output` the properties begin, once there is one.
    pub(super) first_property: Option<usize>,
    /// The entry that is being put together.
    pub(super) entry: String,
    /// The value of a map's entry whose key was just shown.
    pub(super) then: Option<Value<'js>>,
}

/// The key of a property that is shown.
pub(super) enum Key<'js> {
    Named(Value<'js>),
    Symbol(Value<'js>),
}

/// What is in an object besides its properties.
pub(super) enum Elements<'js> {
    None,
    /// Texts that are entries by themselves.
    Texts(std::vec::IntoIter<String>),
    /// An array's elements.
    Array {
        next: usize,
        length: usize,
        shown: usize,
        /// The indices that have an element, once a gap was met.
        present: Option<std::vec::IntoIter<usize>>,
    },
    /// Values with what is put before each.
    Values(std::vec::IntoIter<(&'static str, Value<'js>)>),
    /// A map's entries.
    Pairs(std::vec::IntoIter<(Value<'js>, Value<'js>)>),
}

impl Elements<'_> {
    /// How many are still to be shown.
    pub(super) fn left(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Texts(texts) => texts.len(),
            Self::Array { next, length, .. } => length - next,
            Self::Values(values) => values.len(),
            Self::Pairs(pairs) => pairs.len(),
        }
    }
}

/// What comes next in a frame.
pub(super) enum Next<'js> {
    /// A whole entry.
    Entry(String),
    /// A value to show after what `Frame::entry` has.
    Value(Value<'js>),
    Done,
}

/// How a value starts out.
pub(super) enum Opened<'js> {
    Shown(String),
    Frame(Box<Frame<'js>>),
}

impl<'js> Frame<'js> {
    /// Adds what a value looks like to the entry it belongs to.
    pub(super) fn deliver(&mut self, shown: &str) {
        self.entry.push_str(shown);
        if self.then.is_some() {
            self.entry.push_str(" => ");
        } else {
            self.output.push(std::mem::take(&mut self.entry));
        }
    }
}
