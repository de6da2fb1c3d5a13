//! Signatures of functions: `greet (who, greeting = hello)`.

use cla_runtime::internal::SyntaxProblem;
use cla_stdlib::internal::{Scalar, resolve_scalar};

use crate::yaml::{Node, Place, Text, Yaml};

/// The most arguments of a function that stand in its signature.
pub(super) const MOST_ARGUMENTS: usize = 200;

/// The name of a function, and what stands in brackets behind it.
pub(super) struct Signature {
    pub(super) name: Text,
    /// `None` without brackets.
    pub(super) arguments: Option<Vec<(Text, Option<Node>)>>,
}

impl Signature {
    /// Reads a key.
    ///
    /// # Errors
    ///
    /// The brackets do not close, something stands behind them, an argument has no name or no value.
    pub(super) fn read(key: &Text) -> Result<Self, SyntaxProblem> {
        let text = key.text.as_str();
        let Some(open) = text.find('(') else {
            let name = key.clone();
            return Ok(Self {
                name,
                arguments: None,
            });
        };
        let name = key.trimmed_part(0..open);
        let problem = |at: Place, message: &str| {
            let help = "a signature is: greet (who, greeting = hello)";
            at.problem(message, Some(help.to_owned()))
        };
        if name.text.is_empty() {
            return Err(problem(key.at, "there is no name before the arguments"));
        }
        let Some(close) = closing(text, open) else {
            let at = key.place(open..open + 1);
            return Err(problem(at, "this ( is not closed"));
        };
        if !text[close + 1..].trim().is_empty() {
            let at = key.trimmed_part(close + 1..text.len()).at;
            return Err(problem(at, "something stands behind the arguments"));
        }
        let mut arguments: Vec<(Text, Option<Node>)> = Vec::new();
        if text[open + 1..close].trim().is_empty() {
            return Ok(Self {
                name,
                arguments: Some(arguments),
            });
        }
        let all = ends(text, open + 1, close);
        if all.len() > MOST_ARGUMENTS {
            let message = format!("a function has at most {MOST_ARGUMENTS} arguments");
            return Err(problem(name.at, &message));
        }
        let mut begin = open + 1;
        for end in all {
            let equals = unquoted(&text[begin..end]).find(|(_, c)| *c == '=');
            let equals = equals.map(|(at, _)| begin + at);
            let argument = key.trimmed_part(begin..equals.unwrap_or(end));
            if argument.text.is_empty() {
                let at = key.place(begin..end);
                return Err(problem(at, "here must stand the name of an argument"));
            }
            if arguments.iter().any(|(name, _)| name.text == argument.text) {
                let message = format!("the argument {:?} is there twice", argument.text);
                return Err(problem(argument.at, &message));
            }
            let default = match equals {
                None => None,
                Some(equals) => {
                    let written = key.trimmed_part(equals + 1..end);
                    if written.text.is_empty() {
                        let at = key.place(equals..equals + 1);
                        return Err(problem(at, "here must stand a value"));
                    }
                    Some(value(&written))
                }
            };
            arguments.push((argument, default));
            begin = end + 1;
        }
        Ok(Self {
            name,
            arguments: Some(arguments),
        })
    }
}

/// The value that a default stands for, as YAML would read it.
fn value(written: &Text) -> Node {
    let text = written.text.as_str();
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote);
        if inner.is_some_and(|inner| inner.ends_with(quote)) && text.len() >= 2 {
            let mut inner = written.part(1..text.len() - 1);
            inner.is_plain = false;
            return Node {
                at: written.at,
                value: Yaml::Text(inner),
            };
        }
    }
    let value = match resolve_scalar(text) {
        Some(Scalar::Null) => Yaml::Null,
        Some(Scalar::Bool(value)) => Yaml::Bool(value),
        Some(Scalar::Number(value)) => Yaml::Number(value),
        None => Yaml::Text(written.clone()),
    };
    Node {
        at: written.at,
        value,
    }
}

/// The characters of a text that stand in no quotes, and where.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    text.char_indices().filter(move |(_, c)| match quote {
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None if matches!(c, '\'' | '"') => {
            quote = Some(*c);
            false
        }
        None => true,
    })
}

/// Where the bracket closes that opens here.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in unquoted(&text[open..]) {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the arguments between these places end: at commas in no brackets, and at the last place.
fn ends(text: &str, begin: usize, close: usize) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut ends = Vec::new();
    for (at, c) in unquoted(&text[begin..close]) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => ends.push(begin + at),
            _ => {}
        }
    }
    ends.push(close);
    ends
}
