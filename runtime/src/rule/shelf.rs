//! Rulebooks that import each other, each of them read once; and what is to be known of the modules that they import.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::book::{Book, Imported, Module};
use super::parse;
use crate::error::{RuleError, Sources};
use crate::modules::{Kind, ModuleCache, Resolved};
use crate::typescript::{self, SyntaxProblem};

/// What becomes of an import that is no file and no built-in module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strange {
    Refused,
    /// It is taken for one of the modules of whoever will run the rulebook.
    BuiltIn,
}

/// The rulebooks of one run.
pub(super) struct Shelf<'a> {
    modules: &'a ModuleCache,
    strange: Strange,
    read: RefCell<HashMap<String, Arc<Book>>>,
    /// Those that are being read, outermost first.
    open: RefCell<Vec<String>>,
}

impl<'a> Shelf<'a> {
    pub(super) fn new(modules: &'a ModuleCache, strange: Strange) -> Self {
        Self {
            modules,
            strange,
            read: RefCell::default(),
            open: RefCell::default(),
        }
    }

    /// The rulebook that is to be run.
    pub(super) fn main(&self, name: &str, text: &Arc<str>) -> Result<Arc<Book>, RuleError> {
        self.book(name, text).map_err(|problems| {
            RuleError::from_problems(&self.modules.display_name(name), text, problems)
        })
    }

    fn book(&self, name: &str, text: &Arc<str>) -> Result<Arc<Book>, Vec<SyntaxProblem>> {
        self.open.borrow_mut().push(name.to_owned());
        let book = parse::parse(name, text, self).map(Arc::new);
        self.open.borrow_mut().pop();
        let book = book?;
        self.read
            .borrow_mut()
            .insert(name.to_owned(), Arc::clone(&book));
        Ok(book)
    }

    /// What `specifier` means in the rulebook `importer`.
    ///
    /// # Errors
    ///
    /// Says why it cannot be imported.
    pub(super) fn import(&self, importer: &str, specifier: &str) -> Result<Imported, String> {
        let path = match self.modules.resolve(importer, specifier) {
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::BuiltIn(name)) => return Ok(built_in(&name)),
            Err(_) if self.strange == Strange::BuiltIn && !specifier.starts_with(['.', '/']) => {
                return Ok(built_in(specifier));
            }
            Err(error) => return Err(error.to_string()),
        };
        let Some(name) = path.to_str() else {
            return Err(format!("the path {} is not valid UTF-8", path.display()));
        };
        let shown = self.modules.display_name(name);
        let read = || -> Result<Arc<str>, String> {
            let text = crate::files::read_now(&path, crate::files::MOST_SOURCE);
            let text = text.map_err(|error| format!("cannot read {shown}: {error}"))?;
            Ok(text.into())
        };
        match Kind::of(name) {
            Kind::Json => Err(format!("{shown} is JSON: read it with read_file")),
            Kind::Rulebook => {
                if let Some(book) = self.read.borrow().get(name) {
                    return Ok(Imported::Book(Arc::clone(book)));
                }
                if self.open.borrow().iter().any(|open| open == name) {
                    return Err(format!(
                        "{shown} imports itself, directly or through others"
                    ));
                }
                let text = read()?;
                let book = self.book(name, &text).map_err(|problems| {
                    let problem = problems.first().map_or_else(String::new, |problem| {
                        let SyntaxProblem { line, column, .. } = problem;
                        format!(": {} ({shown}:{line}:{column})", problem.message)
                    });
                    format!("{shown} is not as it should be{problem}")
                })?;
                Ok(Imported::Book(book))
            }
            kind => {
                let text = read()?;
                let exports = match kind {
                    Kind::CommonJs => None,
                    _ => typescript::exports(&text),
                };
                // What it imports in its turn may do so as well.
                let registers = exports.is_none()
                    || text.contains("cla/reg")
                    || text.contains("from '.")
                    || text.contains("from \".")
                    || text.contains("import '.")
                    || text.contains("import \".");
                Ok(Imported::Module(Arc::new(Module {
                    name: name.to_owned(),
                    shown,
                    exports,
                    registers,
                })))
            }
        }
    }
}

fn built_in(name: &str) -> Imported {
    Imported::Module(Arc::new(Module {
        name: name.to_owned(),
        shown: name.to_owned(),
        exports: None,
        registers: false,
    }))
}
