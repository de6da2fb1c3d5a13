//! What a run would refuse of the rules that a rulebook calls by name, before they do anything.

use std::path::Path;
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::internal::{Resolved, Surroundings, exports};

use super::walk::CalledFile;
use super::{folder_of, read};
use crate::extension::is_rulebook;
use crate::op::OPS;
use crate::parse::{Loader, UnknownImport};
use crate::tree::Book;

/// A rule that is called.
pub(super) enum Loaded {
    /// Its canonical name, and what was read.
    Book(String, Arc<Book>),
    Script(Arc<str>),
}

/// The rule `file`, which one of the name `from` calls. `None` if that is not known.
///
/// # Errors
///
/// Why there is none, in the words of a run.
pub(super) fn load(
    around: Surroundings<'_, '_>,
    from: &str,
    file: &str,
) -> Result<Option<Loaded>, String> {
    let run = around.run.map(|(_, run)| run);
    let modules = match around.modules {
        Some(modules) if !run.is_some_and(|run| run.must_stop()) => modules,
        _ => return Ok(None),
    };
    let specifier = match file.starts_with(['.', '/']) {
        true => file.to_owned(),
        false => format!("./{file}"),
    };
    let path = match modules.resolve(from, &specifier) {
        Ok(Resolved::File(path)) => path,
        Ok(Resolved::BuiltIn(_)) => return Err(format!("{file} is no file")),
        Err(error) => return Err(error.to_string()),
    };
    let Some(name) = path.to_str() else {
        return Ok(None);
    };
    let text = modules.read(name, run.map(|run| &**run))?;
    if !is_rulebook(name) {
        return Ok(Some(Loaded::Script(text)));
    }
    let book = match run {
        Some(run) => {
            Loader::new(&OPS, run.modules(), UnknownImport::Refused, Some(run)).main(name, &text)
        }
        None => read(name, Some(folder_of(Path::new(name))), &text),
    };
    let book = book.map_err(|error| reason(file, &error))?;
    Ok(Some(Loaded::Book(name.to_owned(), book)))
}

/// What is wrong with a call of a rule, in the words of a run.
pub(super) fn problem(
    around: Surroundings<'_, '_>,
    from: &str,
    called: &CalledFile,
) -> Option<String> {
    let file = called.file.as_str();
    let book = match load(around, from, file) {
        Ok(Some(Loaded::Book(_, book))) => book,
        Ok(Some(Loaded::Script(text))) => {
            let names = called.event.as_ref().and_then(|_| exports(&text))?;
            let has_events = names.iter().any(|name| name == "on");
            return (!has_events)
                .then(|| format!("{file} does not export `on`, so it has no events"));
        }
        Ok(None) => return None,
        Err(problem) => return Some(problem),
    };
    match &called.event {
        None if book.body.is_none() => Some(format!("{file} has no `do`; call it with an `event`")),
        Some(Some(event)) if !book.on.iter().any(|(on, _)| on == event) => {
            let known: Vec<&str> = book.on.iter().map(|(on, _)| on.as_str()).collect();
            Some(match known.as_slice() {
                [] => format!("{file} has no `on`, so no event {event:?}"),
                known => format!("{file} has no event {event:?}; it has {}", known.join(", ")),
            })
        }
        _ => None,
    }
}

fn reason(file: &str, error: &RuleError) -> String {
    let place = error.location.as_ref().map_or_else(String::new, |at| {
        format!(" ({}:{}:{})", at.file, at.line, at.column)
    });
    format!("{file} is not as it should be: {}{place}", error.message)
}
