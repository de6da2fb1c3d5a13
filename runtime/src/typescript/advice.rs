//! What the parser finds wrong with a source, in words for its author: what stands there instead of the names of tokens, the
//! place that is to be changed, and what was probably meant.

use oxc::diagnostics::OxcDiagnostic;
use oxc::span::Span;

use super::brackets::{Balance, balance};
use super::positions::LineIndex;
use crate::error::source::SyntaxProblem;

/// A longer text is not put into a message, in bytes.
const LONGEST_TEXT: usize = 40;

/// Words that other languages have for what is written otherwise here.
const FOREIGN: [(&str, &str); 11] = [
    ("and", "write && for `and`"),
    ("or", "write || for `or`"),
    ("not", "write ! for `not`"),
    ("is", "write === for `is`"),
    ("then", "write braces: if (...) { ... }"),
    ("elif", "write `else if` for `elif`"),
    ("elsif", "write `else if` for `elsif`"),
    ("elseif", "write `else if` for `elseif`"),
    ("def", "write `function` for `def`"),
    ("fn", "write `function` for `fn`"),
    ("func", "write `function` for `func`"),
];

/// What the parser calls the sort of a token.
const SORTS: [&str; 5] = ["Identifier", "string", "decimal", "number", "#identifier"];

/// One problem, as its author needs to see it.
pub(super) fn problem(
    source: &str,
    index: &LineIndex<'_>,
    diagnostic: &OxcDiagnostic,
) -> SyntaxProblem {
    let message = diagnostic.message.to_string();
    let label = |nth: usize| diagnostic.labels.get(nth).map(|label| label.span());
    let first = label(0).unwrap_or_default();
    let line_of = |span: Span| {
        let (line, _, _) = index.characters(span.start as usize..span.end as usize);
        line
    };
    let at = |span: Span, message: String, help: Option<String>| {
        let (line, column, length) = index.characters(span.start as usize..span.end as usize);
        SyntaxProblem {
            message,
            help,
            line,
            column,
            length,
        }
    };
    if message.ends_with(" has already been declared")
        && let Some(again) = label(1)
    {
        let (declared, again) = match first.start < again.start {
            true => (first, again),
            false => (again, first),
        };
        let help = format!("it is declared in line {} already", line_of(declared));
        return at(again, message, Some(help));
    }
    let message = in_words(source, first, message);
    // At the end of a file there is nothing to see; what is open there is more of a help.
    let is_end = source[..source.floor_char_boundary(first.start as usize)]
        .trim_end()
        .len()
        == source.trim_end().len();
    let opened = label(1).filter(|opened| is_end && opened.start < first.start);
    let help = || diagnostic.help.as_ref().map(ToString::to_string);
    match (balance(source, first.start as usize), opened) {
        (Balance::Open { at: open, bracket }, _) if is_end => {
            let span = Span::sized(open as u32, bracket.len_utf8() as u32);
            at(span, message, Some(NEVER_CLOSED.to_owned()))
        }
        (_, Some(opened)) => at(opened, message, Some(NEVER_CLOSED.to_owned())),
        (Balance::Crossed { at: open, bracket }, None) => {
            let span = Span::sized(open as u32, bracket.len_utf8() as u32);
            let help = format!("the `{bracket}` of line {} is not closed", line_of(span));
            at(first, message, Some(help))
        }
        _ => at(first, message, foreign(source, first).or_else(help)),
    }
}

const NEVER_CLOSED: &str = "what is opened here is closed nowhere";

/// `found `Identifier`` with what stands there.
fn in_words(source: &str, span: Span, message: String) -> String {
    let Some((start, sort)) = message
        .strip_suffix('`')
        .and_then(|start| start.rsplit_once(" but found `"))
    else {
        return message;
    };
    if sort == "EOF" {
        return format!("{start} but found the end of the file");
    }
    let text = written(source, span);
    match text {
        Some(text) if SORTS.contains(&sort) => format!("{start} but found `{text}`"),
        _ => message,
    }
}

/// What stands at a place, if that is short.
fn written(source: &str, span: Span) -> Option<&str> {
    let text = source.get(span.start as usize..span.end as usize)?;
    let is_short = !text.is_empty() && text.len() <= LONGEST_TEXT && !text.contains(['\n', '`']);
    is_short.then_some(text)
}

/// What is written here for a word of another language: at the place, just before it, or as the first word of the line.
fn foreign(source: &str, span: Span) -> Option<String> {
    let before = source.get(..span.start as usize)?.trim_end();
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let last = before.rsplit(|c| !is_part(c)).next();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let first = line.trim_start().split(|c| !is_part(c)).next();
    let first = first.filter(|word| word.starts_with("els") || word.starts_with("eli"));
    let words = [written(source, span), last, first];
    let mut hints = FOREIGN.iter();
    let found = hints.find(|(word, _)| words.contains(&Some(*word)));
    found.map(|(_, hint)| (*hint).to_owned())
}
