//! What is known of a source: what those who look at it give. The same with the feature `typescript` and without it, which
//! finds nothing.

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
    /// The line that the message has for `{line}`.
    pub(crate) line: Option<u32>,
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

/// A semaphore that a script takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    /// Its name.
    pub semaphore: String,
    /// Line and column, from 1, the column in characters; and how many characters.
    pub at: (u32, u32),
    /// The length of the name as it is written, in characters.
    pub length: u32,
    /// Whether it waits for the only slot, without a time limit.
    pub one_slot_for_ever: bool,
    /// The ones that are held then, by their places in the list, outermost first.
    pub within: Vec<usize>,
}

/// A rule that a script calls, and waits for.
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

/// A module's name in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What is imported, as it is written.
    pub specifier: String,
    /// Line and column, from 1, the column in characters; and how many characters, quotes included.
    pub at: (u32, u32),
    /// The length of that in the source, in characters.
    pub length: u32,
    /// By a declaration: without that module, the script cannot run at all.
    pub declared: bool,
    /// By a call of `require`.
    pub required: bool,
    /// As something else than a module: `with { type: "text" }`.
    pub kind: Option<String>,
    /// The exports of the module that are named as well: `{ a, b as c }` of a declaration, or of `const { a } = require(...)`.
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
    /// Nothing in the script uses it. In TypeScript, it is not even imported then.
    pub unused: bool,
}

/// A regular expression that is written in a source.
#[derive(Clone, Debug)]
pub(crate) struct WrittenPattern {
    pub(crate) pattern: String,
    pub(crate) flags: String,
    /// Line and column, from 1, the column in characters, and the length in that line.
    pub(crate) at: (u32, u32, u32),
}

/// What a source has of a function of some name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// How many functions of that name it makes, and how many of them are asynchronous.
    pub(crate) made: u32,
    pub(crate) asynchronous: u32,
    /// How often it is named elsewhere than in a call.
    pub(crate) named: u32,
    /// Where it is called.
    pub(crate) calls: Vec<Use>,
}

/// A call of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// What is called: line and column, from 1, the column in characters.
    pub(crate) at: (u32, u32),
    pub(crate) is_awaited: bool,
    /// The function around the call: `None` outside of functions, `Some(None)` for one without a name.
    pub(crate) within: Option<Option<String>>,
}

/// Throws what may be the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Throw {
    /// What is thrown: line and column, from 1, the column in characters, and the length in that line.
    pub(crate) at: (u32, u32, u32),
    /// It is written there with this value; otherwise it may have any.
    pub(crate) is_written: bool,
}

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
    /// What of it is called: the names of methods, or nothing for itself.
    pub calls: Vec<String>,
}

/// What a CommonJS module exports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommonJs {
    /// The names, each once, in the order of the text.
    pub names: Vec<String>,
    /// The modules of which it exports all.
    pub all_of: Vec<String>,
}

/// What kind of source this is, and what it imports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// It has `import` or `export` declarations, or `import.meta`: it can only be an ES module.
    pub declares: bool,
    /// It awaits at its top level.
    pub awaits: bool,
    /// What stands behind `from` and `import`, in this order, each once. Calls of `import()` do not count, nor does what
    /// is imported as something else than a module (`with { type: "text" }`).
    pub imports: Vec<String>,
    /// Whether it imports something as something else than a module.
    pub has_attributes: bool,
    /// What it exports if it is a CommonJS module.
    pub commonjs: CommonJs,
}
