//! Texts with holes: `${path.to.var}`, also with filters, and `{{ JavaScript }}`. `$${` is a `${` that is none.

use std::ops::Range;

use cla_runtime::internal::SyntaxProblem;
use serde_json::Value as Json;

use super::filter::{Argument, Filter};
use super::yaml::{self, Place, Ruler, Stretch, Text};

/// JavaScript of a rulebook, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// Where its parts stand.
    stretches: Vec<Stretch>,
    /// The number that its first line has for the interpreter: that of the file, if its lines are lines of the file.
    pub(crate) line: u32,
}

impl Code {
    /// A whole text as code.
    pub(crate) fn of(text: &Text) -> Self {
        Self::part(text, &mut Ruler::new(text), 0..text.text.len())
    }

    /// A part of a text as code.
    fn part(text: &Text, ruler: &mut Ruler<'_>, bytes: Range<usize>) -> Self {
        let at = ruler.place(bytes.clone());
        Self {
            text: text.text[bytes.clone()].to_owned(),
            at,
            stretches: text.stretches(bytes),
            line: at.line,
        }
    }

    /// How many lines it has more than one.
    pub(crate) fn line_feeds(&self) -> u32 {
        self.text.matches('\n').count() as u32
    }

    /// Whether each of its lines is one of the file.
    pub(crate) fn keeps_lines(&self) -> bool {
        let mut feeds = self.text.match_indices('\n').enumerate();
        feeds.all(|(nth, (at, _))| self.position(at + 1).0 == self.at.line + nth as u32 + 1)
    }

    /// Where the character at this offset, in bytes, stands: line and column, from 1, in characters.
    pub(crate) fn position(&self, offset: usize) -> (u32, u32) {
        yaml::position(&self.text, &self.stretches, offset)
    }

    /// Where a range of bytes begins that stands in one line, or the part of it that does, and its length.
    pub(crate) fn place(&self, bytes: Range<usize>) -> Place {
        let (line, column) = self.position(bytes.start);
        let part = self.text.get(bytes.clone()).unwrap_or_default();
        let within = part
            .char_indices()
            .map(|(at, _)| self.position(bytes.start + at));
        let end = within.take_while(|at| at.0 == line).last();
        Place {
            line,
            column,
            length: end.map_or(1, |(_, end)| (end + 1).saturating_sub(column).max(1)),
        }
    }

    /// Where something in it stands: `at` is its line and its column in this text, from 1, in characters.
    pub(crate) fn place_of(&self, at: (u32, u32), length: u32) -> Place {
        let (line, column) = at;
        let mut starts =
            std::iter::once(0).chain(self.text.match_indices('\n').map(|(at, _)| at + 1));
        let start = starts.nth(line as usize - 1).unwrap_or(self.text.len());
        let rest = &self.text[start..];
        let mut characters = rest.char_indices().map(|(at, _)| start + at);
        let from = characters
            .nth(column as usize - 1)
            .unwrap_or(self.text.len());
        let to = match length {
            0 => from,
            length => characters
                .nth(length as usize - 1)
                .unwrap_or(self.text.len()),
        };
        self.place(from..to)
    }

    /// The line and the column of its first character that is no white space.
    pub(crate) fn begin(&self) -> (u32, u32) {
        self.position(self.text.len() - self.text.trim_start().len())
    }
}

/// The most holes of a text.
const MOST_HOLES: usize = 10_000;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Literal(String),
    /// `${path}`, `${path|filter}`
    Path(Hole),
    /// `{{ code }}`
    Code(Code),
}

impl Piece {
    /// Where it stands, if it is a hole.
    pub(crate) fn place(&self) -> Option<Place> {
        match self {
            Self::Literal(_) => None,
            Self::Path(hole) => Some(hole.path.at),
            Self::Code(code) => Some(code.at),
        }
    }
}

/// A variable, or a part of one, and what is made of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hole {
    pub(crate) path: Code,
    pub(crate) filters: Vec<Filter>,
    /// All of it as it is written, without the braces.
    pub(crate) written: String,
}

impl Hole {
    /// Whether it has a value also where the variable is not set.
    pub(crate) fn has_default(&self) -> bool {
        self.filters.first().is_some_and(Filter::takes_nothing)
    }
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

    /// The text as it is written, with its holes.
    pub(crate) fn written(&self) -> String {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Code(code) => format!("{{{{ {} }}}}", code.text),
            Piece::Path(hole) => format!("${{{}}}", hole.written),
        });
        pieces.collect()
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
            let end = end_of_hole(inside).ok_or_else(|| unclosed(text, at, "${", "}"))?;
            let hole = hole(&inside[..end], at, text, &mut ruler)?;
            (end + 3, Some(Piece::Path(hole)))
        } else if let Some(inside) = rest.strip_prefix("{{") {
            let end = end_of_code(inside).ok_or_else(|| unclosed(text, at, "{{", "}}"))?;
            let code = &inside[..end];
            let lead = code.len() - code.trim_start().len();
            let code = code.trim();
            let bytes = at + 2 + lead..at + 2 + lead + code.len();
            if code.is_empty() {
                let place = ruler.place(bytes);
                return Err(place.problem("there is nothing between {{ and }}", None));
            }
            let hole = Piece::Code(Code::part(text, &mut ruler, bytes));
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

/// What stands between `${`, at this offset of the text, and `}`.
fn hole(
    inside: &str,
    at: usize,
    text: &Text,
    ruler: &mut Ruler<'_>,
) -> Result<Hole, SyntaxProblem> {
    let (path, filters) = match inside.split_once('|') {
        Some((path, filters)) if !filters.starts_with('|') => (path, Some(filters)),
        _ => (inside, None),
    };
    let begin = at + 2 + path.len() - path.trim_start().len();
    let name = path.trim();
    if let Some(code) = inside.strip_prefix('{') {
        let place = ruler.place(at..at + inside.len() + 4);
        let code = code.trim();
        let help = match is_path(code) {
            true => format!("write ${{{code}}}"),
            false => format!("write {{{{ {code} }}}} for JavaScript, and ${{name}} for a variable"),
        };
        let problem = "a rulebook has no ${{ ... }}".to_owned();
        return Err(place.problem(problem, Some(help)));
    }
    if !is_path(name) {
        let place = ruler.place(at..at + inside.len() + 3);
        let problem = format!("${{{inside}}} names no variable");
        return Err(place.problem(problem, Some(meant(inside.trim()))));
    }
    let path = Code::part(text, ruler, begin..begin + name.len());
    let mut hole = Hole {
        path,
        filters: Vec::new(),
        written: inside.trim().to_owned(),
    };
    let Some(written) = filters else {
        return Ok(hole);
    };
    let mut rest = Filters {
        rest: written,
        offset: at + 2 + inside.len() - written.len(),
    };
    loop {
        let from = rest.offset;
        match rest.filter() {
            Ok((name, arguments, begin)) => hole.filters.push(Filter {
                at: ruler.place(begin..begin + name.len()),
                name: name.to_owned(),
                arguments,
            }),
            Err(problem) => {
                let place = ruler.place(from..from + rest.rest.len().max(1));
                let help = "filters stand behind |, with arguments in brackets: ${name|default('none')|upper}";
                return Err(place.problem(problem, Some(help.to_owned())));
            }
        }
        if rest.rest.is_empty() {
            return Ok(hole);
        }
    }
}

/// What was probably meant by a `${...}` that names no variable.
fn meant(inside: &str) -> String {
    let of_shell = inside.split_once(":-").or_else(|| inside.split_once(":="));
    if let Some((name, otherwise)) = of_shell.filter(|(name, _)| is_path(name)) {
        let otherwise = otherwise.replace('\'', "");
        return format!(
            "write ${{{name}|default('{otherwise}')}}; or $${{{inside}}} where the braces are for the shell"
        );
    }
    let is_shell = inside.starts_with(['#', '!'])
        || inside.contains(['#', '%', ':', '^', '@']) && !inside.contains([' ', '(', '"', '\'']);
    if !is_shell
        && inside.contains([
            '+', '-', '*', '/', '%', '<', '>', '=', '!', '?', '&', '|', '(', '"', '\'',
        ])
    {
        return format!("JavaScript stands between {{{{ and }}}}: {{{{ {inside} }}}}");
    }
    "inside ${ } stands a name, with dots and [numbers] for what is in it, and |filters; write $${ where the braces \
     are not meant for the rulebook"
        .to_owned()
}

/// Reads filters, one after the other.
struct Filters<'a> {
    rest: &'a str,
    /// Where it begins in the text.
    offset: usize,
}

impl<'a> Filters<'a> {
    fn skip(&mut self, length: usize) {
        self.rest = &self.rest[length..];
        self.offset += length;
    }

    fn blanks(&mut self) {
        self.skip(self.rest.len() - self.rest.trim_start().len());
    }

    /// Goes on behind this sign, if it is there.
    fn sign(&mut self, sign: char) -> bool {
        self.blanks();
        let found = self.rest.starts_with(sign);
        if found {
            self.skip(sign.len_utf8());
            self.blanks();
        }
        found
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.skip(end);
        word
    }

    /// The name of a filter, its arguments, and where it begins.
    fn filter(&mut self) -> Result<(&'a str, Vec<Argument>, usize), &'static str> {
        self.blanks();
        let begin = self.offset;
        let name = self.word(|c| c.is_alphanumeric() || c == '_');
        if name.is_empty() {
            return Err("here must stand the name of a filter");
        }
        let mut arguments = Vec::new();
        if self.sign('(') && !self.sign(')') {
            loop {
                arguments.push(self.argument()?);
                if self.sign(')') {
                    break;
                }
                if !self.sign(',') {
                    return Err("here must stand , or )");
                }
            }
        }
        self.blanks();
        if self.rest.is_empty() || (self.sign('|') && !self.rest.is_empty()) {
            return Ok((name, arguments, begin));
        }
        Err("here must stand | and another filter, or }")
    }

    fn argument(&mut self) -> Result<Argument, &'static str> {
        if let Some(quote) = self.rest.chars().next().filter(|c| ['\'', '"'].contains(c)) {
            let mut text = String::new();
            let mut characters = self.rest.char_indices().skip(1);
            while let Some((at, c)) = characters.next() {
                match c {
                    _ if c == quote => {
                        self.skip(at + 1);
                        return Ok(Argument::Value(text.into()));
                    }
                    '\\' => match characters.next() {
                        Some((_, 'n')) => text.push('\n'),
                        Some((_, 't')) => text.push('\t'),
                        Some((_, c)) => text.push(c),
                        None => break,
                    },
                    _ => text.push(c),
                }
            }
            return Err("this text has no end");
        }
        let word = self.word(|c| c.is_alphanumeric() || "_$.[]+-".contains(c));
        if let Ok(value) = serde_json::from_str::<Json>(word) {
            return Ok(Argument::Value(value));
        }
        match is_path(word) {
            true => Ok(Argument::Path(word.to_owned())),
            false => {
                Err("an argument is a text in quotes, a number, true, false, null, or a variable")
            }
        }
    }
}

/// Where the `}` that ends a `${` stands: not one in quotes behind a `|`.
fn end_of_hole(inside: &str) -> Option<usize> {
    let simple = inside.find(['}', '|'])?;
    if inside[simple..].starts_with('}') {
        return Some(simple);
    }
    let (mut quote, mut escaped) = (None, false);
    for (at, c) in inside.char_indices().skip_while(|(at, _)| *at < simple) {
        match quote {
            _ if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '}' => return Some(at),
            None => {}
        }
    }
    None
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
            Piece::Path(Hole { path, filters, .. }) => {
                let mut text = format!("path {} {}", path.at.column, path.text);
                for Filter {
                    name,
                    arguments,
                    at,
                } in filters
                {
                    text.push_str(&format!(" | {} {name} {arguments:?}", at.column));
                }
                text
            }
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
    fn filters_are_read_with_their_arguments() {
        assert_eq!(
            pieces(r#"a ${ b.c | trim |replace("}", '|') } d"#),
            [
                "a ",
                "path 6 b.c | 12 trim [] | 18 replace [Value(String(\"}\")), Value(String(\"|\"))]",
                " d"
            ]
        );
        assert_eq!(
            pieces("${a|default(5)|x(b.c, null)}"),
            ["path 3 a | 5 default [Value(Number(5))] | 16 x [Path(\"b.c\"), Value(Null)]"]
        );
    }

    #[test]
    fn what_was_meant_is_said() {
        for (source, help) in [
            ("${a:-y}", "${a|default('y')}"),
            ("${a % 2}", "{{ a % 2 }}"),
            ("${a || 'b'}", "{{ a || 'b' }}"),
            ("${a.b()}", "{{ a.b() }}"),
            ("${a|}", "filters stand behind |"),
            ("${a|b(}", "filters stand behind |"),
            ("${a|b c}", "filters stand behind |"),
            ("${#a}", "write $${"),
            ("${a%.txt}", "write $${"),
        ] {
            let problem = parse(&text(source)).expect_err(source);
            let given = problem.help.unwrap_or_default();
            assert!(given.contains(help), "{source}: {given}");
        }
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
