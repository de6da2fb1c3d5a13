//! From YAML to a rulebook. Finds all that is wrong with it, not only the first thing.

mod attributes;
pub(crate) mod concurrency;
mod defs;
mod imports;
mod label;
mod loader;
mod ops;
mod sections;
mod signature;
mod values;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cla_runtime::internal::{SyntaxProblem, nearest};

pub(crate) use self::imports::specifiers;
pub(crate) use self::loader::{Loader, UnknownImport};
use crate::inputs::{self, Input};
use crate::template::Code;
use crate::template::Template;
use crate::tree::{
    Action, Block, Book, Callee, Condition, Data, Import, Note, OnError, Op, OpTable, Parser,
};
use crate::yaml::{self, Node, Place, Text, Yaml};

/// More problems than this are not reported.
const MOST_PROBLEMS: usize = 20;

/// The hint for what was probably meant.
fn meant(name: &str) -> String {
    format!("did you mean {name}?")
}

pub(crate) const TOP_KEYS: [&str; 10] = [
    "name",
    "description",
    "import",
    "concurrency",
    "inputs",
    "secrets",
    "vars",
    "def",
    "on",
    "do",
];

/// Makes a rulebook of what was read of it. `name` is its canonical name; what it imports is on the loader already.
///
/// # Errors
///
/// Everything that is wrong with it, at least one problem.
pub(crate) fn parse(
    name: &str,
    text: &Arc<str>,
    root: &Node,
    loader: &Loader<'_>,
) -> Result<Book, Vec<SyntaxProblem>> {
    let title = std::path::Path::new(name).file_name().map_or_else(
        || name.to_owned(),
        |file| file.to_string_lossy().into_owned(),
    );
    let mut book = Book {
        name: name.to_owned(),
        title,
        text: Arc::clone(text),
        table: loader.table(),
        imports: Vec::new(),
        services: Vec::new(),
        notes: Vec::new(),
        open_filters: false,
        uses_filters: false,
        open: false,
        // A rulebook that never names the module cannot.
        registers: text.contains("cla/reg"),
        concurrency: None,
        inputs: Vec::new(),
        secrets: Vec::new(),
        vars: Vec::new(),
        defs: HashMap::new(),
        on: Vec::new(),
        body: None,
        codes: Vec::new(),
        family: Vec::new(),
    };
    let mut parser = BookParser::new(name, loader);
    parser.next_line = yaml::lines(text).count() as u32 + 1;
    parser.open = book.registers;
    parser.open_filters = text.contains("cla.filter");
    parser.book(root, &mut book);
    if parser.problems.is_empty() {
        book.codes = parser.codes;
        book.codes.sort_by_key(|code| (code.line, code.at.column));
        book.imports = parser.imports;
        book.services = parser.services;
        book.notes = parser.notes;
        book.open_filters = parser.open_filters;
        book.uses_filters = parser.uses_filters;
        book.open = parser.open;
        Ok(book)
    } else {
        let mut problems = parser.problems;
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.truncate(MOST_PROBLEMS);
        Err(problems)
    }
}

pub(crate) struct BookParser<'s> {
    /// The rulebook's canonical name.
    name: &'s str,
    loader: &'s Loader<'s>,
    table: &'static OpTable,
    problems: Vec<SyntaxProblem>,
    /// What can be called, by name.
    callees: HashMap<String, Callable>,
    imports: Vec<Import>,
    /// Where the ops stand that were carried out already: what they import has been read.
    hoisted: HashSet<(u32, u32)>,
    services: Vec<(Place, String)>,
    notes: Vec<Note>,
    /// The events that have a section.
    events: HashSet<String>,
    /// Whether there may be ops that only a run knows.
    open: bool,
    /// Whether there may be filters that only a run knows.
    open_filters: bool,
    /// Whether one of these is used.
    uses_filters: bool,
    /// How many loops are around what is being read.
    loops: usize,
    /// Whether a function is being read.
    in_def: bool,
    /// The JavaScript of the rulebook.
    codes: Vec<Code>,
    /// The next line that is none of the file's.
    next_line: u32,
}

/// Something that can be called.
#[derive(Clone)]
struct Callable {
    target: Target,
    /// The names of its arguments and whether they must be given; `None` if it takes what it is given.
    arguments: Option<Vec<(String, bool)>>,
}

/// What a call leads to.
#[derive(Clone)]
enum Target {
    Callee(Callee),
    /// An executable file.
    Program(String),
}

impl<'s> BookParser<'s> {
    fn new(name: &'s str, loader: &'s Loader<'s>) -> Self {
        Self {
            name,
            loader,
            table: loader.table(),
            problems: Vec::new(),
            callees: HashMap::new(),
            imports: Vec::new(),
            hoisted: HashSet::new(),
            services: Vec::new(),
            notes: Vec::new(),
            events: HashSet::new(),
            open: false,
            open_filters: false,
            uses_filters: false,
            loops: 0,
            in_def: false,
            codes: Vec::new(),
            next_line: 0,
        }
    }

    /// Something is wrong at this place.
    pub(crate) fn problem(&mut self, at: Place, message: impl Into<String>) {
        self.problems.push(at.problem(message, None));
    }

    fn problem_with_help(&mut self, at: Place, message: String, help: Option<String>) {
        self.problems.push(at.problem(message, help));
    }

    /// Whether something behind this place has a key that should probably have been this one.
    pub(crate) fn was_misspelt(&self, from: Place, key: &str) -> bool {
        let hint = meant(key);
        let mut problems = self.problems.iter();
        problems.any(|problem| {
            problem.line >= from.line && problem.help.as_deref() == Some(hint.as_str())
        })
    }

    /// Something has no such key.
    pub(crate) fn unknown_key(&mut self, key: &Text, of: &str, known: &[&str]) {
        let help = match nearest(&key.text, known.iter().copied()) {
            Some(near) => meant(near),
            None => format!("{of} has {}", known.join(", ")),
        };
        let message = format!("{of} has no {:?}", key.text);
        self.problem_with_help(key.at, message, Some(help));
    }

    fn book(&mut self, root: &Node, book: &mut Book) {
        let entries = match &root.value {
            // Nothing but ops.
            Yaml::List(_) => {
                self.imports(root);
                book.body = Some(self.block(root));
                return;
            }
            Yaml::Map(entries) => entries,
            other => {
                let message = format!("a rulebook is a map with `do`, not {}", other.kind());
                return self.problem(root.at, message);
            }
        };
        // Calls may come before what they call.
        for (key, node) in entries {
            if key.text == "def" {
                self.declare(node);
            }
        }
        self.imports(root);
        for (key, node) in entries {
            match key.text.as_str() {
                "name" | "description" => {
                    if !matches!(node.value, Yaml::Text(_)) {
                        self.problem(node.at, format!("the {} must be a text", key.text));
                    }
                }
                "import" => {}
                "concurrency" => book.concurrency = self.concurrency(node),
                "inputs" => book.inputs = inputs::read(node, &mut self.problems),
                "vars" => self.variables(node, book),
                "secrets" => self.secrets(node, book),
                "def" => self.definitions(node, book),
                "on" => self.events(node, book),
                "do" => book.body = Some(self.block(node)),
                // A place for what anchors name.
                key if key.starts_with("x-") => {}
                _ => self.section(key, node, book),
            }
        }
        for (name, _) in &book.vars {
            let same = |input: &&Input| name.literal() == Some(&input.name);
            if let Some(input) = book.inputs.iter().find(same) {
                let message = format!(
                    "{:?} is an input and in vars: give the input a default",
                    input.name
                );
                self.problem(input.at, message);
            }
        }
        let vars = book.vars.iter().filter_map(|(var, _)| var.literal());
        let inputs = book.inputs.iter().map(|input| input.name.as_str());
        let others: HashSet<&str> = vars.chain(inputs).collect();
        for (at, name) in &book.secrets {
            if others.contains(name.as_str()) {
                let message = format!("{name:?} is a secret, and no other variable besides");
                self.problem(*at, message);
            }
        }
        let is_empty = book.body.is_none() && book.on.is_empty() && book.defs.is_empty();
        // What is wrong with a section was said.
        if is_empty && self.problems.is_empty() {
            let message = "there is nothing to run: a rulebook has `do`, `on` or `def`";
            self.problem(root.at, message);
        }
    }
}

/// What ops see of the parser.
impl Parser for BookParser<'_> {
    fn note(&mut self, at: Place, message: String) {
        self.problem(at, message);
    }

    fn note_with_help(&mut self, at: Place, message: String, help: String) {
        self.problem_with_help(at, message, Some(help));
    }

    fn unknown_key(&mut self, key: &Text, of: &str, known: &[&str]) {
        self.unknown_key(key, of, known);
    }

    fn was_misspelt(&self, from: Place, key: &str) -> bool {
        self.was_misspelt(from, key)
    }

    fn block(&mut self, node: &Node) -> Block {
        self.block(node)
    }

    fn turn(&mut self, node: &Node) -> Block {
        self.loops += 1;
        let block = self.block(node);
        self.loops -= 1;
        block
    }

    fn apart(&mut self, node: &Node) -> Block {
        let loops = std::mem::take(&mut self.loops);
        let block = self.block(node);
        self.loops = loops;
        block
    }

    fn is_in_def(&self) -> bool {
        self.in_def
    }

    fn is_in_loop(&self) -> bool {
        self.loops > 0
    }

    fn condition(&mut self, node: &Node) -> Condition {
        self.condition(node)
    }

    fn data(&mut self, node: &Node) -> Data {
        self.data(node)
    }

    fn duration(&mut self, node: &Node) -> Data {
        self.duration(node)
    }

    fn limit(&mut self, node: &Node) -> Data {
        self.limit(node)
    }

    fn code(&mut self, text: &Text) -> Code {
        self.code(text)
    }

    fn template(&mut self, text: &Text) -> Template {
        self.template(text)
    }

    fn variable(&mut self, name: &Text) -> String {
        self.variable(name)
    }

    fn is_hoisted(&self, key: &Text) -> bool {
        self.hoisted.contains(&(key.at.line, key.at.column))
    }
}

fn plain(kind: impl Into<String>, at: Place, action: Box<dyn Action>) -> Op {
    Op {
        at,
        kind: kind.into(),
        name: None,
        when: None,
        semaphore: None,
        timeout: None,
        parallel: None,
        on_error: OnError::Fail,
        register: None,
        action,
    }
}
