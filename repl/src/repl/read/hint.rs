//! What is shown dimly behind the cursor: how the function before it is called, the rest of the likeliest
//! completion, or the rest of what was typed before.

use rustyline::Context;
use rustyline::hint::{Hinter, HistoryHinter};

use super::Mode;
use super::complete::{self, Candidate, Files};
use super::session_cache::SessionCache;
use super::tokens;
use super::{commands, place, signatures};

/// The fewest characters for a guess among several: fewer fit too much.
const MIN_TO_GUESS: usize = 2;

/// The longest input that gets hints, in bytes.
const MAX_HINTED: usize = 16 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    text: String,
    /// Whether the cursor may move over it: a signature is not to be typed.
    taken: bool,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.text
    }

    fn completion(&self) -> Option<&str> {
        self.taken.then_some(&self.text)
    }
}

/// What is shown behind a text whose end the cursor is at.
pub(crate) fn hint(
    line: &str,
    cursor: usize,
    mode: Mode,
    cache: &SessionCache,
    history: &Context<'_>,
) -> Option<Hint> {
    if cursor < line.len() || line.trim().is_empty() || line.len() > MAX_HINTED {
        return None;
    }
    if let Some(text) = signature(line, mode, cache) {
        return Some(Hint { text, taken: false });
    }
    let text = rest_of_word(line, mode, cache).or_else(|| rest_of_history(line, history))?;
    Some(Hint { text, taken: true })
}

/// The parameters of the function whose opening parenthesis a text ends with.
fn signature(line: &str, mode: Mode, cache: &SessionCache) -> Option<String> {
    let code = match commands::parse(line) {
        Some(command) if commands::takes_code(command.name) => command.argument,
        Some(_) => return None,
        None if mode == Mode::Yaml => return None,
        None => line,
    };
    if !code.ends_with('(') {
        return None;
    }
    let tokens = tokens::javascript(code);
    let opening = tokens.len() - 1;
    if tokens[opening].kind != tokens::Kind::Mark {
        return None;
    }
    let call = place::call_before(code, &tokens, opening)?;
    match call.path.as_slice() {
        [class] if call.new => signatures::of_class(class),
        [function] => {
            let members = cache.members(&[]);
            members
                .iter()
                .any(|member| member.function && member.name == *function)
                .then(|| signatures::of(&call.path))?
        }
        _ => signatures::of(&call.path),
    }
}

/// What is left of the only completion, or of the shortest.
fn rest_of_word(line: &str, mode: Mode, cache: &SessionCache) -> Option<String> {
    let (start, candidates) = complete::complete(line, line.len(), mode, cache, Files::LeftOut);
    let word = &line[start..];
    let likeliest = match candidates.as_slice() {
        [only] => only,
        several if word.chars().count() >= MIN_TO_GUESS => several
            .iter()
            .min_by_key(|Candidate { text, .. }| text.chars().count())?,
        _ => return None,
    };
    let rest = likeliest.text.strip_prefix(word)?;
    (!word.is_empty() && !rest.is_empty()).then(|| rest.to_owned())
}

fn rest_of_history(line: &str, history: &Context<'_>) -> Option<String> {
    if line.contains('\n') {
        return None;
    }
    let rest = HistoryHinter::new().hint(line, line.len(), history)?;
    // Several lines would jump up and down below the cursor.
    (!rest.contains(cla_runtime::semaphore::is_unprintable)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use rustyline::history::{History, MemHistory};

    use super::*;
    use crate::repl::read::fake::Fake;

    fn hinted(line: &str) -> Option<String> {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let mut history = MemHistory::new();
        for entry in ["sem.take('a', f)", "const x = 1", "const y =\n  2"] {
            history.add(entry).unwrap();
        }
        hint(line, line.len(), Mode::Js, &cache, &Context::new(&history)).map(|hint| hint.text)
    }

    #[test]
    fn a_call_shows_its_parameters() {
        assert_eq!(hinted("sem.take(").unwrap(), "name: string, options?, fn)");
        assert_eq!(
            hinted("x = util.sleep(").unwrap(),
            "seconds: number | string, options?)"
        );
        assert_eq!(hinted("take(").unwrap(), "name: string, options?, fn)");
        assert_eq!(hinted("new URL(").unwrap(), "url, base?)");
        assert_eq!(
            hinted(".spawn sem.take(").unwrap(),
            "name: string, options?, fn)"
        );
    }

    #[test]
    fn a_function_of_the_author_shows_nothing() {
        for call in [
            "acquire(",
            "function take(",
            "f().take(",
            "\"take(",
            "// take(",
        ] {
            assert_eq!(hinted(call), None, "{call}");
        }
    }

    #[test]
    fn a_signature_cannot_be_taken_over() {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let history = MemHistory::new();
        let hint = hint("sem.take(", 9, Mode::Js, &cache, &Context::new(&history)).unwrap();
        assert_eq!(rustyline::hint::Hint::completion(&hint), None);
    }

    #[test]
    fn the_rest_of_the_likeliest_completion_is_shown() {
        assert_eq!(hinted("cla.st").unwrap(), "ash");
        assert_eq!(hinted("uti").unwrap(), "l");
        assert_eq!(hinted("sem.take(\"pro").unwrap(), "d-db\"");
        assert_eq!(hinted(".sl").unwrap(), "ots");
        assert_eq!(hinted("u"), None, "too little to guess among several");
        assert_eq!(hinted("cla."), None);
    }

    #[test]
    fn history_helps_where_nothing_else_fits() {
        assert_eq!(hinted("const x").unwrap(), " = 1");
        assert_eq!(hinted("sem.take('a'").unwrap(), ", f)");
        assert_eq!(hinted("const y"), None, "not over several lines");
        assert_eq!(hinted("a\nconst x"), None);
    }
}
