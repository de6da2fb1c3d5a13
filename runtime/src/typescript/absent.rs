//! Stands in for the parser where the engine is built without the feature `typescript`.
//!
//! Nothing is known of a text before it is compiled: QuickJS decides whether it is a script or a module, and says what is
//! wrong with it. TypeScript is an error that names the feature.

use std::sync::Arc;

use crate::error::source::SyntaxProblem;

pub(crate) mod input {
    //! The inputs of a session, which are scripts as they are: what they declare with `const` cannot be declared again.

    use std::sync::Arc;

    use super::{PositionMap, SyntaxProblem};

    /// An input that is ready to be compiled.
    #[derive(Debug)]
    pub(crate) struct Input {
        pub(crate) code: Arc<str>,
        pub(crate) prefix: u32,
        pub(crate) positions: Option<PositionMap>,
    }

    /// Makes an input ready. It never fails.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "with the feature, an input may be wrong"
    )]
    pub(crate) fn prepare(source: &str) -> Result<Input, Vec<SyntaxProblem>> {
        Ok(Input {
            code: source.into(),
            prefix: 0,
            positions: None,
        })
    }
}

pub(crate) mod commonjs {
    //! Which names a CommonJS module exports: not known.

    /// What a CommonJS module exports.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct CommonJs {
        /// The names.
        pub names: Vec<String>,
        /// The modules of which it exports all.
        pub all_of: Vec<String>,
    }
}

pub(crate) mod lints {
    //! What is probably not meant in a script: not known.

    /// Something in a script that is probably not meant.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Lint {
        /// The class of its error.
        pub(crate) name: &'static str,
        /// What it is.
        pub(crate) message: String,
        /// What to do.
        pub(crate) help: String,
        /// Line and column, from 1, the column in characters.
        pub(crate) at: (u32, u32),
        /// The length in the source, in characters.
        pub(crate) length: u32,
    }

    /// A member of a module that a script reads.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct MemberUse {
        /// The module, as it is written.
        pub(crate) module: String,
        /// The member's name.
        pub(crate) name: String,
        /// It is called.
        pub(crate) is_called: bool,
        /// Line and column, from 1, the column in characters.
        pub(crate) at: (u32, u32),
        /// The length of the name, in characters.
        pub(crate) length: u32,
    }

    /// What was found in a script.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Lints {
        /// In the order of the source.
        pub(crate) found: Vec<Lint>,
        /// In the order of the source.
        pub(crate) members: Vec<MemberUse>,
    }

    /// Finds nothing.
    pub(crate) fn lints(_source: &str) -> Lints {
        Lints::default()
    }
}

pub(crate) mod lock_order {
    //! Which semaphores a script takes while it holds others: not known.

    /// A semaphore that a script takes.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Take {
        /// Its name.
        pub semaphore: String,
        /// Line and column, from 1, the column in characters.
        pub at: (u32, u32),
        /// The length of the name as it is written, in characters.
        pub length: u32,
        /// Whether it waits for the only slot, without a time limit.
        pub one_slot_for_ever: bool,
        /// The ones that are held then, by their places in the list, outermost first.
        pub within: Vec<usize>,
    }

    /// A rule that a script calls.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Call {
        /// Its file, as it is written.
        pub file: String,
        /// Line and column, from 1, the column in characters.
        pub at: (u32, u32),
        /// The length of the file's name as it is written, in characters.
        pub length: u32,
        /// What is held then, by its places in the list of takes, outermost first.
        pub within: Vec<usize>,
    }

    /// Finds none.
    pub fn lock_order(_source: &str, _calls: bool) -> (Vec<Take>, Vec<Call>) {
        Default::default()
    }
}

pub(crate) mod references {
    //! Which other modules a script names: not known.

    /// A module's name in a script.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Named {
        /// What is imported, as it is written.
        pub specifier: String,
        /// Line and column, from 1, the column in characters.
        pub at: (u32, u32),
        /// The length of that in the source, in characters.
        pub length: u32,
        /// By a declaration: without that module, the script cannot run at all.
        pub declared: bool,
        /// By a call of `require`.
        pub required: bool,
        /// As something else than a module.
        pub kind: Option<String>,
        /// The exports of the module that are named as well.
        pub names: Vec<NamedExport>,
    }

    /// The name of another module's export in a script.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct NamedExport {
        /// The name.
        pub name: String,
        /// Line and column, from 1, the column in characters.
        pub at: (u32, u32),
        /// The length of the name in the source, in characters.
        pub length: u32,
        /// Nothing in the script uses it.
        pub unused: bool,
    }

    /// Finds none.
    pub fn references(_source: &str) -> Vec<Named> {
        Vec::new()
    }
}

pub(crate) mod suspects {
    //! The expressions that may have failed at a position: not known.

    use super::PositionMap;
    use crate::error::suspect::Suspect;

    /// Finds none.
    pub(crate) fn suspects(_source: &str, _prefix: u32, _line: u32, _column: u32) -> Vec<Suspect> {
        Vec::new()
    }

    /// A regular expression that is written in a source.
    #[derive(Clone, Debug)]
    pub(crate) struct WrittenPattern {
        pub(crate) pattern: String,
        pub(crate) flags: String,
        pub(crate) at: (u32, u32, u32),
    }

    /// Finds none.
    pub(crate) fn patterns(_source: &str) -> Vec<WrittenPattern> {
        Vec::new()
    }

    /// Marks none.
    pub(crate) fn mark(
        _code: &str,
        _text: &str,
        _positions: Option<&PositionMap>,
        _suspect: &Suspect,
    ) -> Option<(u32, u32, u32)> {
        None
    }
}

pub(crate) mod awaits {
    //! Who awaits an asynchronous function: not known.

    /// What a source has of a function of some name.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Uses {
        /// How many functions of that name it makes.
        pub(crate) made: u32,
        /// How many of them are asynchronous.
        pub(crate) asynchronous: u32,
        /// How often it is named elsewhere than in a call.
        pub(crate) named: u32,
        /// Where it is called.
        pub(crate) calls: Vec<Use>,
    }

    /// A call of a function.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) struct Use {
        /// What is called.
        pub(crate) at: (u32, u32),
        /// It is awaited.
        pub(crate) is_awaited: bool,
        /// The function around the call.
        pub(crate) within: Option<Option<String>>,
    }

    /// Finds none.
    pub(crate) fn uses(_source: &str, _name: &str) -> Uses {
        Uses::default()
    }
}

pub(crate) mod throws {
    //! Where a source throws a value that is no error: not known.

    /// Throws what may be the value.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Throw {
        /// What is thrown.
        pub(crate) at: (u32, u32, u32),
        /// It is written there with this value.
        pub(crate) is_written: bool,
    }

    /// Finds none.
    pub(crate) fn throws(_source: &str, _value: &serde_json::Value) -> Vec<Throw> {
        Vec::new()
    }
}

pub(crate) mod undeclared {
    //! Names in a script that are declared nowhere in it: not known.

    /// A name that is declared nowhere in a script, where it first stands.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Undeclared {
        /// The name.
        pub name: String,
        /// Line and column, from 1, the column in characters.
        pub at: (u32, u32),
        /// The length of the name in the source, in characters.
        pub length: u32,
        /// A value is given to it somewhere.
        pub is_assigned: bool,
        /// What of it is called.
        pub calls: Vec<String>,
    }

    /// Finds none.
    pub(crate) fn members(_source: &str, _name: &str) -> Vec<Undeclared> {
        Vec::new()
    }

    /// Finds none.
    pub fn undeclared(_source: &str) -> Vec<Undeclared> {
        Vec::new()
    }
}

/// From places in JavaScript to places in its TypeScript, of which there is none.
#[derive(Debug, Default)]
pub struct PositionMap;

impl PositionMap {
    pub(crate) fn original(&self, _line: u32, _column: u32) -> Option<(u32, u32)> {
        None
    }
}

/// JavaScript made of TypeScript.
#[derive(Debug)]
pub struct Stripped {
    /// The JavaScript.
    pub code: Arc<str>,
    /// From places in `code` to places in the TypeScript.
    pub positions: PositionMap,
    /// What it exports.
    pub exports: Option<Vec<String>>,
    /// What kind of source it is.
    pub shape: Shape,
}

/// What kind of source this is, and what it imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// It can only be an ES module.
    pub declares: bool,
    /// It awaits at its top level.
    pub awaits: bool,
    /// What it imports.
    pub imports: Vec<String>,
    /// Whether it imports something as something else than a module.
    pub has_attributes: bool,
    /// What it exports if it is a CommonJS module.
    pub commonjs: commonjs::CommonJs,
}

/// The shape of JavaScript, which is not known.
pub(crate) fn shape(_source: &str) -> Option<Shape> {
    None
}

/// What is wrong with JavaScript: nothing that is known before it is compiled.
pub(crate) fn js_problems(
    _source: &str,
    _may_be_module: bool,
    _may_be_script: bool,
) -> Vec<SyntaxProblem> {
    Vec::new()
}

/// Whether JavaScript is none because of JSX: not known.
pub(crate) fn jsx_problem(_source: &str) -> Option<SyntaxProblem> {
    None
}

/// What a module exports, which is not known.
pub fn exports(_source: &str) -> Option<Vec<String>> {
    None
}

/// Refuses TypeScript.
///
/// # Errors
/// Always: the problem says which feature is missing.
pub fn strip(_file_name: &str, _source: &str) -> Result<Stripped, Vec<SyntaxProblem>> {
    Err(vec![SyntaxProblem {
        message: "this engine runs no TypeScript".to_owned(),
        help: Some(
            "write it in JavaScript, or build cla-runtime with its feature `typescript`".to_owned(),
        ),
        line: 1,
        column: 1,
        length: 1,
    }])
}
