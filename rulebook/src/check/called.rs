//! What a run would refuse of the rules that a rulebook calls by name, before they do anything.

use std::path::Path;

use cla_runtime::RuleError;
use cla_runtime::internal::{Resolved, Surroundings, exports};

use super::walk::CalledFile;
use super::{folder_of, read};
use crate::extension::is_rulebook;
use crate::program;

/// What is wrong with a call of a rule, in the words of a run.
pub(super) fn problem(
    around: Surroundings<'_, '_>,
    from: &str,
    called: &CalledFile,
) -> Option<String> {
    let modules = around.modules?;
    let run = around.run.map(|(_, run)| run);
    if run.is_some_and(|run| run.must_stop()) {
        return None;
    }
    let file = called.file.as_str();
    let specifier = match file.starts_with(['.', '/']) {
        true => file.to_owned(),
        false => format!("./{file}"),
    };
    let path = match modules.resolve(from, &specifier) {
        Ok(Resolved::File(path)) => path,
        Ok(Resolved::BuiltIn(_)) => return Some(format!("{file} is no file")),
        Err(error) => return Some(error.to_string()),
    };
    let name = path.to_str()?;
    let text = match modules.read(name, run.map(|run| &**run)) {
        Ok(text) => text,
        Err(problem) => return Some(problem),
    };
    if !is_rulebook(name) {
        let names = called.event.as_ref().and_then(|_| exports(&text))?;
        let has_events = names.iter().any(|name| name == "on");
        return (!has_events).then(|| format!("{file} does not export `on`, so it has no events"));
    }
    let book = match run {
        Some(run) => program::read(run.modules(), name, &text, run),
        None => read(name, Some(folder_of(Path::new(name))), &text),
    };
    let book = match book {
        Ok(book) => book,
        Err(error) => return Some(reason(file, &error)),
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
