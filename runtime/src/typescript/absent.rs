//! Stands in for the parser where the engine is built without the feature `typescript`.
//!
//! Nothing is known of a text before it is compiled: QuickJS decides whether it is a script or a module, and says what is
//! wrong with it. TypeScript is an error that names the feature.

use std::sync::Arc;

use crate::error::source::SyntaxProblem;

pub(crate) mod facts;

pub use self::facts::Shape;

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

pub(crate) mod lints {
    //! What is probably not meant in a script: not known.

    use super::facts::Lints;

    /// Finds nothing.
    pub(crate) fn lints(_source: &str) -> Lints {
        Lints::default()
    }
}

pub(crate) mod lock_order {
    //! Which semaphores a script takes while it holds others: not known.

    use super::facts::{Call, Take};

    /// Finds none.
    pub fn lock_order(_source: &str, _calls: bool) -> (Vec<Take>, Vec<Call>) {
        Default::default()
    }
}

pub(crate) mod references {
    //! Which other modules a script names: not known.

    use super::facts::Named;

    /// Finds none.
    pub fn references(_source: &str) -> Vec<Named> {
        Vec::new()
    }
}

pub(crate) mod suspects {
    //! The expressions that may have failed at a position: not known.

    use super::PositionMap;
    use super::facts::WrittenPattern;
    use crate::error::suspect::Suspect;

    /// Finds none.
    pub fn suspects(_source: &str, _prefix: u32, _line: u32, _column: u32) -> Vec<Suspect> {
        Vec::new()
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

    use super::facts::Uses;

    /// Finds none.
    pub(crate) fn uses(_source: &str, _name: &str) -> Uses {
        Uses::default()
    }
}

pub(crate) mod declared {
    //! Where a source declares a name: not known.

    use crate::error::source::Declaration;

    /// Finds none.
    pub(crate) fn declaration(_source: &str, _name: &str) -> Option<Declaration> {
        None
    }
}

pub(crate) mod throws {
    //! Where a source throws a value that is no error: not known.

    use super::facts::Throw;

    /// Finds none.
    pub(crate) fn throws(_source: &str, _value: &serde_json::Value) -> Vec<Throw> {
        Vec::new()
    }
}

pub(crate) mod undeclared {
    //! Names in a script that are declared nowhere in it: not known.

    use super::facts::Undeclared;

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

/// What a module exports itself, which is not known.
pub(crate) fn own_exports(_source: &str) -> Option<(Vec<String>, Vec<String>)> {
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
