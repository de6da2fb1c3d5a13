//! Texts with holes: `${path.to.var}` and `{{ JavaScript }}`. `$${` is a `${` that is none.

use cla_runtime::internal::SyntaxProblem;

use super::yaml::{Place, Ruler, Text};

/// JavaScript of a rulebook, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// See [`Text::indent`]: of how many columns its lines after the first were relieved.
    pub(crate) indent: Option<u32>,
}

impl Code {
    /// A whole text as code.
    pub(crate) fn of(text: &Text) -> Self {
        Self {
            text: text.text.clone(),
            at: text.place(0..text.text.len()),
            indent: text.indent,
        }
    }

    /// Where something in it stands: `at` is its line and its column in this text, from 1.
    pub(crate) fn place_of(&self, at: (u32, u32), length: u32) -> Place {
        let (line, column) = at;
        match (line, self.indent) {
            (1, _) => Place {
                column: self.at.column + column - 1,
                length,
                ..self.at
            },
            (_, Some(indent)) => Place {
                line: self.at.line + line - 1,
                column: indent + column,
                length,
            },
            // Its lines are not those of the file.
            (_, None) => self.at,
        }
    }

    /// The line and the column of its first character that is no white space.
    pub(crate) fn begin(&self) -> (u32, u32) {
        let blank = self.text.len() - self.text.trim_start().len();
        match (self.indent, self.text[..blank].rsplit_once('\n')) {
            (Some(indent), Some((lines, spaces))) => {
                let line = self.at.line + lines.matches('\n').count() as u32 + 1;
                (line, indent + spaces.chars().count() as u32 + 1)
            }
            _ => (self.at.line, self.at.column),
        }
    }
}

/// The most holes of a text.
const MOST_HOLES: usize = 10_000;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Literal(String),
    /// `${path}`
    Path(Code),
    /// `{{ code }}`
    Code(Code),
}

/// A text with holes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

impl Template {
    /// The text, if there is no hole in it.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// Finds the holes of a text.
///
/// # Errors
///
/// A hole that is not closed, an empty one, a path that is none.
pub(crate) fn parse(text: &Text) -> Result<Template, SyntaxProblem> {
    let source = text.text.as_str();
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    let mut ruler = Ruler::new(text);
    while let Some(found) = source[at..].find(['$', '{']) {
        literal.push_str(&source[at..at + found]);
        at += found;
        let rest = &source[at..];
        let (length, hole) = if rest.starts_with("$${") {
            literal.push_str("${");
            (3, None)
        } else if let Some(inside) = rest.strip_prefix("${") {
            let end = inside
                .find('}')
                .ok_or_else(|| unclosed(text, at, "${", "}"))?;
            let path = inside[..end].trim();
            let place = ruler.place(at..at + end + 3);
            if !is_path(path) {
                let problem = format!("${{{}}} names no variable", &inside[..end]);
                let help = "inside ${ } stands a name, with dots and [numbers] for what is in it; \
                            write $${ where the braces are not meant for the rulebook";
                return Err(place.problem(problem, Some(help.to_owned())));
            }
            let lead = inside.len() - inside.trim_start().len();
            let begin = at + 2 + lead;
            let hole = Piece::Path(Code {
                text: path.to_owned(),
                at: ruler.place(begin..begin + path.len()),
                indent: None,
            });
            (end + 3, Some(hole))
        } else if let Some(inside) = rest.strip_prefix("{{") {
            let end = end_of_code(inside).ok_or_else(|| unclosed(text, at, "{{", "}}"))?;
            let code = &inside[..end];
            let lead = code.len() - code.trim_start().len();
            let code = code.trim();
            let place = ruler.place(at + 2 + lead..at + 2 + lead + code.len());
            if code.is_empty() {
                return Err(place.problem("there is nothing between {{ and }}", None));
            }
            let hole = Piece::Code(Code {
                text: code.to_owned(),
                at: place,
                indent: text.indent,
            });
            (end + 4, Some(hole))
        } else {
            literal.push_str(&rest[..1]);
            (1, None)
        };
        if let Some(hole) = hole {
            if pieces.len() >= 2 * MOST_HOLES {
                let problem = format!("a text has at most {MOST_HOLES} holes");
                let help = "let JavaScript put a longer text together";
                return Err(text
                    .place(at..at + 1)
                    .problem(problem, Some(help.to_owned())));
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(hole);
        }
        at += length;
    }
    literal.push_str(&source[at..]);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(Template { pieces })
}

fn unclosed(text: &Text, at: usize, opened: &str, closed: &str) -> SyntaxProblem {
    let problem = format!("this {opened} is not closed: {closed} is missing");
    text.place(at..at + opened.len()).problem(problem, None)
}

/// `deploy.hosts[0].name`
pub(crate) fn is_path(path: &str) -> bool {
    let mut rest = path;
    let mut first = true;
    loop {
        let name = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
            .unwrap_or(rest.len());
        if name == 0 || (first && rest.starts_with(|c: char| c.is_ascii_digit())) {
            return false;
        }
        rest = &rest[name..];
        while let Some(index) = rest.strip_prefix('[') {
            match index.split_once(']') {
                Some((digits, after))
                    if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) =>
                {
                    rest = after;
                }
                _ => return false,
            }
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return rest.is_empty(),
        }
        first = false;
    }
}

/// Where the `}}` that ends the code begins: not one inside of a string or of nested braces.
fn end_of_code(code: &str) -> Option<usize> {
    let bytes = code.as_bytes();
    let (mut depth, mut quote, mut at) = (0_usize, None, 0);
    while at < bytes.len() {
        let c = bytes[at];
        match quote {
            Some(_) if c == b'\\' => at += 1,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                b'\'' | b'"' | b'`' => quote = Some(c),
                b'{' => depth += 1,
                b'}' if depth > 0 => depth -= 1,
                b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
                _ => {}
            },
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::yaml::{Yaml, read};
    use super::*;

    fn text(source: &str) -> Text {
        match read(source, &mut || false).expect("it is YAML").value {
            Yaml::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }

    fn pieces(source: &str) -> Vec<String> {
        let template = parse(&text(source)).expect("it is a template");
        let shown = template.pieces.into_iter().map(|piece| match piece {
            Piece::Literal(text) => text,
            Piece::Path(code) => format!("path {} {}", code.at.column, code.text),
            Piece::Code(code) => format!("code {} {}", code.at.column, code.text),
        });
        shown.collect()
    }

    #[test]
    fn holes_are_found_with_their_columns() {
        assert_eq!(pieces("'a ${b.c[0]} d'"), ["a ", "path 6 b.c[0]", " d"]);
        assert_eq!(pieces("'{{ {a: {b: 1}} }}!'"), ["code 5 {a: {b: 1}}", "!"]);
        assert_eq!(pieces("'{{ \"}}\" }}'"), ["code 5 \"}}\""]);
        assert_eq!(pieces("$${HOME} and $x {y}"), ["${HOME} and $x {y}"]);
    }

    #[test]
    fn a_hole_that_is_none_is_a_problem() {
        for source in [
            "'${a b}'",
            "'${}'",
            "'${a'",
            "'{{ a }'",
            "'{{ }}'",
            "'${HOME:-x}'",
        ] {
            assert!(parse(&text(source)).is_err(), "{source}");
        }
    }
}
