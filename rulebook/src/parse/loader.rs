//! Rulebooks that import each other, each of them read once; and what is to be known of the modules that they import.
//!
//! What a rulebook imports is read before it, without recursion, so that no chain of imports is too long for a stack.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cla_runtime::RuleError;
use cla_runtime::host::Run;
use cla_runtime::internal::{
    Kind, LineEnds, ModuleCache, Resolved, Sources, SyntaxProblem, blocking, exports, problems,
};

use super::{parse, specifiers};
use crate::extension::is_rulebook;
use crate::op::{executables, is_executable};
use crate::tree::{Book, Imported, Module, OpTable, Program};
use crate::yaml::{self, Node};

/// The most rulebooks that one can import, directly and through others.
const MOST_BOOKS: usize = 2_000;

/// What to do with an import that is no file and no built-in module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownImport {
    Refused,
    /// It is taken for a built-in module of the program that will run the rulebook.
    BuiltIn,
}

/// The rulebooks of one run.
pub(crate) struct Loader<'a> {
    table: &'static OpTable,
    modules: &'a ModuleCache,
    unknown_imports: UnknownImport,
    /// The run on whose fiber this is.
    run: Option<&'a Run>,
    read: RefCell<HashMap<String, Arc<Book>>>,
    /// In the order in which they were read: what is imported comes first.
    order: RefCell<Vec<Arc<Book>>>,
    /// Why others cannot be imported. If a rulebook fails because of one that it imports, it has the reason of that one, so that
    /// reasons do not grow with a chain of imports.
    failed: RefCell<HashMap<String, String>>,
    /// The rulebooks that are being read.
    open: RefCell<HashSet<String>>,
}

/// A rulebook that is being read.
struct Reading {
    name: String,
    text: Arc<str>,
    root: Node,
    /// The rulebooks that it imports and that were not looked at yet.
    imports: std::vec::IntoIter<String>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(
        table: &'static OpTable,
        modules: &'a ModuleCache,
        unknown_imports: UnknownImport,
        run: Option<&'a Run>,
    ) -> Self {
        Self {
            table,
            modules,
            unknown_imports,
            run,
            read: RefCell::default(),
            order: RefCell::default(),
            failed: RefCell::default(),
            open: RefCell::default(),
        }
    }

    /// The ops of the language.
    pub(crate) fn table(&self) -> &'static OpTable {
        self.table
    }

    /// The rulebook that is to be run.
    pub(crate) fn main(&self, name: &str, text: &Arc<str>) -> Result<Arc<Book>, RuleError> {
        let book = self.book(name, text).map_err(|problems| {
            RuleError::from_problems(
                &self.modules.display_name(name),
                text,
                LineEnds::Plain,
                problems,
            )
        })?;
        Ok(Arc::new(book))
    }

    fn book(&self, name: &str, text: &Arc<str>) -> Result<Book, Vec<SyntaxProblem>> {
        let mut way = vec![self.open(name, text).map_err(|problem| vec![problem])?];
        loop {
            let Some(reading) = way.last_mut() else {
                return Err(Vec::new()); // cannot happen: the first one returns below
            };
            if let Some(imported) = reading.imports.next() {
                way.extend(self.begin(&imported));
                continue;
            }
            let Some(reading) = way.pop() else {
                continue;
            };
            let Reading {
                name, text, root, ..
            } = reading;
            let parsed = parse(&name, &text, &root, self);
            self.open.borrow_mut().remove(&name);
            if way.is_empty() {
                let mut book = parsed?;
                let mut family = self.order.take();
                family.reverse();
                book.family = family;
                return Ok(book);
            }
            match parsed {
                Ok(book) => {
                    let book = Arc::new(book);
                    self.order.borrow_mut().push(Arc::clone(&book));
                    self.read.borrow_mut().insert(name, book);
                }
                Err(problems) => self.fail(&name, problems.first()),
            }
        }
    }

    /// Reads YAML. A long text is read on another thread, so that the runs that share this run's worker need not wait for it.
    fn yaml(&self, text: &Arc<str>) -> Result<Node, SyntaxProblem> {
        /// In bytes: less is read sooner than handed over.
        const LONG: usize = 8 * 1024;
        let stop = Arc::new(AtomicBool::new(false));
        let Some(run) = self.run.filter(|_| text.len() > LONG) else {
            return yaml::read(text, &mut || self.must_end());
        };
        let aside = {
            let (text, stop) = (Arc::clone(text), Arc::clone(&stop));
            blocking(move || yaml::read(&text, &mut || stop.load(Ordering::Relaxed)))
        };
        match run.wait(aside) {
            Some(Ok(read)) => read,
            // No thread was free: read it here, and let the others wait.
            Some(Err(_)) => yaml::read(text, &mut || self.must_end()),
            None => {
                stop.store(true, Ordering::Relaxed);
                Err(yaml::START.problem("the run was stopped", None))
            }
        }
    }

    /// Lets other runs go first, after a while; says whether the run is to end.
    pub(crate) fn must_end(&self) -> bool {
        self.run.is_some_and(Run::must_end)
    }

    /// Reads the YAML of a rulebook, and finds what it imports.
    fn open(&self, name: &str, text: &Arc<str>) -> Result<Reading, SyntaxProblem> {
        let root = self.yaml(text)?;
        let specifiers = specifiers(&root);
        let imports = specifiers.iter().filter_map(|specifier| {
            let Ok(Resolved::File(path)) = self.modules.resolve(name, specifier) else {
                return None; // reported later, at the place where it is written
            };
            let path = path.to_str()?;
            is_rulebook(path).then(|| path.to_owned())
        });
        let imports = imports.collect::<Vec<_>>().into_iter();
        self.open.borrow_mut().insert(name.to_owned());
        Ok(Reading {
            name: name.to_owned(),
            text: Arc::clone(text),
            root,
            imports,
        })
    }

    /// Begins to read a rulebook that is imported, if that was not tried yet.
    fn begin(&self, name: &str) -> Option<Reading> {
        let known = self.read.borrow().contains_key(name)
            || self.failed.borrow().contains_key(name)
            || self.open.borrow().contains(name);
        if known {
            return None;
        }
        let count = self.read.borrow().len() + self.open.borrow().len();
        if count > MOST_BOOKS {
            let problem = format!("more than {MOST_BOOKS} rulebooks import each other");
            self.failed.borrow_mut().insert(name.to_owned(), problem);
            return None;
        }
        let text = match self.text(name) {
            Ok(text) => text,
            Err(problem) => {
                self.failed.borrow_mut().insert(name.to_owned(), problem);
                return None;
            }
        };
        match self.open(name, &text) {
            Ok(reading) => Some(reading),
            Err(problem) => {
                self.fail(name, Some(&problem));
                None
            }
        }
    }

    fn text(&self, name: &str) -> Result<Arc<str>, String> {
        let text = self.modules.read(name, self.run)?;
        if let Some(run) = self.run {
            self.modules.count_memory(run, &text);
        }
        Ok(text)
    }

    /// Notes why a rulebook cannot be imported.
    fn fail(&self, name: &str, problem: Option<&SyntaxProblem>) {
        let mut failed = self.failed.borrow_mut();
        let reason = problem.map_or_else(String::new, |problem| {
            let inner = failed.values().any(|reason| *reason == problem.message);
            if inner {
                problem.message.clone()
            } else {
                self.reason(name, problem)
            }
        });
        failed.insert(name.to_owned(), reason);
    }

    fn reason(&self, name: &str, problem: &SyntaxProblem) -> String {
        let shown = self.modules.display_name(name);
        let SyntaxProblem { line, column, .. } = problem;
        format!(
            "{shown} is not as it should be: {} ({shown}:{line}:{column})",
            problem.message
        )
    }

    /// What `specifier` means in the rulebook `importer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be imported.
    pub(crate) fn import(&self, importer: &str, specifier: &str) -> Result<Imported, String> {
        let path = match self.modules.resolve(importer, specifier) {
            Ok(Resolved::File(path)) if is_program(&path) => {
                return Ok(Imported::Programs(vec![program(&path)?]));
            }
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::BuiltIn(name)) => return Ok(built_in(&name)),
            Err(_)
                if self.unknown_imports == UnknownImport::BuiltIn
                    && !specifier.starts_with(['.', '/']) =>
            {
                return Ok(built_in(specifier));
            }
            Err(error) => match self.programs(importer, specifier) {
                Some(programs) => return programs.map(Imported::Programs),
                None => return Err(error.to_string()),
            },
        };
        let Some(name) = path.to_str() else {
            return Err(format!("the path {} is not valid UTF-8", path.display()));
        };
        let shown = self.modules.display_name(name);
        if is_rulebook(name) {
            if let Some(book) = self.read.borrow().get(name) {
                return Ok(Imported::Book(Arc::clone(book)));
            }
            if self.open.borrow().contains(name) {
                return Err(format!(
                    "{shown} imports itself, directly or through others"
                ));
            }
            let failed = self.failed.borrow().get(name).cloned();
            return Err(failed.unwrap_or_else(|| format!("{shown} changed while it was read")));
        }
        match Kind::of(name) {
            Kind::Json => Err(format!("{shown} is JSON: read it with read_file")),
            kind => self.module(name, shown, kind),
        }
    }

    /// The executable files of a folder. `None`: it is no folder that has some.
    fn programs(&self, importer: &str, specifier: &str) -> Option<Result<Vec<Program>, String>> {
        if !specifier.starts_with(['.', '/']) {
            return None;
        }
        let folder = Path::new(importer).parent()?.join(specifier);
        let names = executables(&folder)?;
        let mut programs = Vec::new();
        for name in names.iter().filter(|name| is_program(Path::new(name))) {
            // Only files that may be imported.
            let specifier = format!("{}/{name}", specifier.trim_end_matches('/'));
            match self.modules.resolve(importer, &specifier) {
                Ok(Resolved::File(path)) => match program(&path) {
                    Ok(program) => programs.push(program),
                    Err(problem) => return Some(Err(problem)),
                },
                Ok(Resolved::BuiltIn(_)) => {}
                Err(error) => return Some(Err(error.to_string())),
            }
        }
        (!programs.is_empty()).then_some(Ok(programs))
    }

    /// What is to be known of a module in a file.
    fn module(&self, name: &str, shown: String, kind: Kind) -> Result<Imported, String> {
        let text = self.text(name)?;
        let problems = problems(name, &text);
        if let Some(problem) = problems.first() {
            return Err(self.reason(name, problem));
        }
        let exports = match kind {
            Kind::CommonJs => None,
            _ => exports(&text),
        };
        // What it imports in its turn may do so as well.
        let imports = ["from '.", "from \".", "import '.", "import \"."];
        let is_open = exports.is_none() || imports.iter().any(|import| text.contains(import));
        let registers = is_open || text.contains("cla/reg");
        let filters = is_open || text.contains("cla.filter");
        Ok(Imported::Module(Arc::new(Module {
            name: name.to_owned(),
            shown,
            exports,
            registers,
            filters,
        })))
    }
}

/// Whether a file is run as a program of its own, and not read as a rulebook or a module.
fn is_program(path: &Path) -> bool {
    const LANGUAGES: [&str; 9] = [
        "yml", "yaml", "js", "mjs", "cjs", "ts", "mts", "cts", "json",
    ];
    let extension = path.extension().and_then(|extension| extension.to_str());
    let is_language = extension.is_some_and(|extension| LANGUAGES.contains(&extension));
    // A name alone is one of a folder, of which only executable files are listed.
    !is_language && (!path.is_absolute() || is_executable(path))
}

fn program(path: &Path) -> Result<Program, String> {
    let name = path.file_stem().and_then(|stem| stem.to_str());
    match (name, path.to_str()) {
        (Some(name), Some(path)) => Ok(Program {
            name: name.to_owned(),
            path: path.to_owned(),
        }),
        _ => Err(format!("the path {} is not valid UTF-8", path.display())),
    }
}

fn built_in(name: &str) -> Imported {
    Imported::Module(Arc::new(Module {
        name: name.to_owned(),
        shown: name.to_owned(),
        exports: None,
        registers: false,
        filters: !name.starts_with("cla/"),
    }))
}
