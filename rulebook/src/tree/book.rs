//! A rulebook as a tree of ops: plain data, ready to run, shared by all who run it.

use std::collections::HashMap;
use std::sync::Arc;

use cla_runtime::internal::Cancel;

use super::{Action, OpTable};
use crate::inputs::Input;
use crate::template::{Code, Piece, Template};
use crate::yaml::Place;

/// A rulebook that was read.
#[derive(Debug)]
pub(crate) struct Book {
    /// Its canonical name: an absolute path, or the name of a text.
    pub(crate) name: String,
    /// As people see it, without its folder. Owners that administrators see begin with it.
    pub(crate) title: String,
    pub(crate) text: Arc<str>,
    /// The ops of the language that it is written in.
    pub(crate) table: &'static OpTable,
    pub(crate) imports: Vec<Import>,
    /// Ops of which only a run knows whether there are any: registered services, exports of modules that do not say what
    /// they export.
    pub(crate) services: Vec<(Place, String)>,
    /// What is probably not meant, found while it was read.
    pub(crate) notes: Vec<Note>,
    /// Whether there may be services that only a run knows.
    pub(crate) open: bool,
    /// Whether there may be filters that only a run knows.
    pub(crate) open_filters: bool,
    /// Whether one of these is used.
    pub(crate) uses_filters: bool,
    /// Whether its own JavaScript may register services.
    pub(crate) registers: bool,
    /// What makes runs of it go one after the other.
    pub(crate) concurrency: Option<Concurrency>,
    /// What it is given when it is run.
    pub(crate) inputs: Vec<Input>,
    /// The secrets that are variables in it.
    pub(crate) secrets: Vec<(Place, String)>,
    pub(crate) vars: Vec<(Template, Data)>,
    pub(crate) defs: HashMap<String, Def>,
    /// What runs for which event, in the order of the file.
    pub(crate) on: Vec<(String, Block)>,
    pub(crate) body: Option<Block>,
    /// Its JavaScript, in the order of the lines and columns that the interpreter counts.
    pub(crate) codes: Vec<Code>,
    /// Only in the rulebook that was started: all that it imports, also through others. Importers come before what they
    /// import, so that each is freed on its own: a long chain of imports would otherwise need a deep stack.
    pub(crate) family: Vec<Arc<Book>>,
}

/// Something that is probably not meant.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) at: Place,
    /// Its kind, as errors have a name.
    pub(crate) name: &'static str,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// Ops, one after the other.
pub(crate) type Block = Arc<[Arc<Op>]>;

/// Another file whose functions are ops here.
#[derive(Debug)]
pub(crate) struct Import {
    /// As it is written, and in which line.
    pub(crate) from: String,
    pub(crate) line: u32,
    /// The beginning of its ops' names, before a dot.
    pub(crate) prefix: Option<String>,
    pub(crate) what: Imported,
}

#[derive(Debug)]
pub(crate) enum Imported {
    Book(Arc<Book>),
    Module(Arc<Module>),
    /// Executable files.
    Programs(Vec<Program>),
}

/// An executable file.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of its op: that of the file, without its extension.
    pub(crate) name: String,
    /// Its canonical path.
    pub(crate) path: String,
}

/// A JavaScript module, a built-in one or a file.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its canonical name.
    pub(crate) name: String,
    /// As people see it.
    pub(crate) shown: String,
    /// `None`: they are known only after the module is evaluated.
    pub(crate) exports: Option<Vec<String>>,
    /// Whether it may register services.
    pub(crate) registers: bool,
    /// Whether it may add filters.
    pub(crate) filters: bool,
}

/// What a call goes to.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    /// A function of the same rulebook.
    Def(String),
    Imported {
        book: Arc<Book>,
        def: String,
    },
    Export {
        module: Arc<Module>,
        export: String,
    },
    /// Known when it is called.
    Service(String),
}

/// For which values of a variable an event is.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The variable, or several of it.
    pub(crate) name: String,
    pub(crate) fitting: Vec<Data>,
}

/// A function of the rulebook.
#[derive(Debug)]
pub(crate) struct Def {
    pub(crate) arguments: Vec<Argument>,
    /// The names of what it promises to return.
    pub(crate) returning: Vec<String>,
    pub(crate) body: Block,
}

/// What a def is called with.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    /// None: it must be given.
    pub(crate) default: Option<Data>,
}

/// One op, with what any op may carry.
#[derive(Debug)]
pub(crate) struct Op {
    /// Of its key.
    pub(crate) at: Place,
    /// Its key: `echo`, `if`, the name of a def.
    pub(crate) kind: String,
    pub(crate) name: Option<Template>,
    pub(crate) when: Option<Condition>,
    pub(crate) semaphore: Option<Region>,
    pub(crate) timeout: Option<Data>,
    pub(crate) parallel: Option<Parallel>,
    pub(crate) on_error: OnError,
    /// Where the result goes: a variable, or a part of one.
    pub(crate) register: Option<Template>,
    pub(crate) action: Box<dyn Action>,
}

impl Op {
    /// Its name, as it is written, and its key.
    pub(crate) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({})", name.written(), self.kind),
            None => self.kind.clone(),
        }
    }
}

/// A semaphore that is held while an op and its children run.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) at: Place,
    pub(crate) key: Data,
    pub(crate) slots: Option<Data>,
    pub(crate) timeout: Option<Data>,
    pub(crate) ttl: Option<Data>,
    pub(crate) priority: Option<Data>,
}

/// Runs with one key go one after the other.
#[derive(Debug)]
pub(crate) struct Concurrency {
    /// What they hold: a semaphore with one slot, named by the key.
    pub(crate) region: Region,
    /// Whose place a newcomer takes.
    pub(crate) cancel: Cancel,
}

/// Whether a fork is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parallel {
    /// It is joined at the end of the enclosing block.
    Wait,
    /// Never.
    Leave,
}

/// What a failure of an op does.
#[derive(Debug)]
pub(crate) enum OnError {
    Fail,
    Ignore,
    Retry {
        times: u32,
        delay: Option<Data>,
        backoff: f64,
    },
}

/// A value with templates in it.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Number(f64),
    Text(Template),
    List(Vec<Data>),
    Map(Vec<(Template, Data)>),
}

/// What is true or not.
#[derive(Debug)]
pub(crate) enum Condition {
    /// JavaScript.
    Code(Code),
    Data(Data),
}

impl Condition {
    /// Where its value comes from.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Code(code) => Some(code.at),
            Self::Data(Data::Text(template)) => template.pieces.iter().find_map(Piece::place),
            Self::Data(_) => None,
        }
    }
}
