//! Texts, templates, code and data.

use super::BookParser;
use crate::filter;
use crate::template::{self, Code, Hole, Piece, Template};
use crate::tree::{Condition, Data, Note};
use crate::yaml::{Node, Text, Yaml};

impl BookParser<'_> {
    pub(crate) fn condition(&mut self, node: &Node) -> Condition {
        match &node.value {
            Yaml::Text(text) => {
                let template = self.template(text);
                match template.pieces.as_slice() {
                    [Piece::Path(_) | Piece::Code(_)] => {}
                    _ if template.literal().is_some() => {
                        self.refuse_word(text);
                        return Condition::Code(self.code(text));
                    }
                    // Nothing more is wrong with a text that could not be read.
                    [] => {}
                    pieces => {
                        let message = "this is a text with values in it, which would always hold";
                        let help = format!(
                            "a condition is JavaScript, in which variables go by their names: {}",
                            as_code(pieces)
                        );
                        self.problem_with_help(node.at, message.to_owned(), Some(help));
                    }
                }
                Condition::Data(Data::Text(template))
            }
            _ => Condition::Data(self.data(node)),
        }
    }

    /// Words that are values elsewhere, and names in JavaScript.
    fn refuse_word(&mut self, text: &Text) {
        let Some(meant) = switch(text.text.trim()) else {
            return;
        };
        let message = format!("{:?} is neither true nor false", text.text);
        let help = format!(
            "write {meant}; a variable of that name is ${{{}}}",
            text.text.trim()
        );
        self.problem_with_help(text.at, message, Some(help));
    }

    pub(crate) fn variable(&mut self, name: &Text) -> String {
        if !template::is_path(&name.text) || name.text.contains(['.', '[']) {
            let message = format!("{:?} is no name for a variable", name.text);
            self.problem(name.at, message);
        }
        name.text.clone()
    }

    pub(crate) fn word(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Yaml::Text(text) => Some(text.text.clone()),
            _ => None,
        }
    }

    pub(crate) fn code(&mut self, text: &Text) -> Code {
        let mut code = Code::of(text);
        self.register(&mut code);
        code
    }

    /// Gives code the lines that the interpreter counts, so that it can be found by them.
    fn register(&mut self, code: &mut Code) {
        // Lines that are none of the file's come after those of all else.
        if !code.keeps_lines() {
            code.line = self.next_line;
            self.next_line += code.line_feeds() + 1;
        }
        self.codes.push(code.clone());
    }

    pub(crate) fn template(&mut self, text: &Text) -> Template {
        match template::parse(text) {
            Ok(mut template) => {
                for piece in &mut template.pieces {
                    match piece {
                        template::Piece::Code(code) => {
                            self.register(code);
                            self.refuse_holes(code);
                        }
                        template::Piece::Path(hole) => self.filters(hole),
                        template::Piece::Literal(_) => {}
                    }
                }
                template
            }
            Err(problem) => {
                self.problems.push(problem);
                Template { pieces: Vec::new() }
            }
        }
    }

    /// A part of data. What is alone, as behind `echo`, is mostly printed as it stands there.
    fn part(&mut self, node: &Node) -> Data {
        if let Yaml::Text(text) = &node.value {
            self.note_look(text);
        }
        self.data(node)
    }

    /// Notes that a text looks like something else.
    fn note_look(&mut self, text: &Text) {
        let word = text.text.as_str();
        let note = |message: String, help: String| Note {
            at: text.at,
            name: "Text",
            message,
            help,
        };
        if let Some(number) = text.number() {
            let number = match number.abs() {
                size if size.is_infinite() => "Infinity".to_owned(),
                size if size < 1e21 => number.to_string(),
                _ => format!("{number:e}"),
            };
            self.notes.push(note(
                format!("{word} is a text here, as the number would be {number}"),
                format!("write \"{word}\" for a text, or the number as a rule prints it"),
            ));
        } else if text.is_plain
            && let Some(meant) = switch(word)
        {
            self.notes.push(note(
                format!("{word} is a text here, which is true in a condition"),
                format!("write {meant}, or \"{word}\" for a text"),
            ));
        }
    }

    /// Notes which filters there are not.
    fn filters(&mut self, hole: &Hole) {
        for filter in &hole.filters {
            if let Some((message, help)) = filter::problem(filter, self.open_filters) {
                self.problem_with_help(filter.at, message, help);
            }
            self.uses_filters |= !filter.is_known();
        }
    }

    /// Notes `${...}` in JavaScript, where it means nothing outside of texts.
    fn refuse_holes(&mut self, code: &Code) {
        if let Some(at) = hole_in_code(&code.text) {
            let inside = code.text[at + 2..].split('}').next().unwrap_or_default();
            let message = "in JavaScript, a variable goes by its name".to_owned();
            let help = format!("write {inside} without ${{ }}");
            self.problem_with_help(code.at, message, Some(help));
        }
    }

    pub(crate) fn data(&mut self, node: &Node) -> Data {
        match &node.value {
            Yaml::Null => Data::Null,
            Yaml::Bool(value) => Data::Bool(*value),
            Yaml::Number(value) => Data::Number(*value),
            Yaml::Text(text) => Data::Text(self.template(text)),
            Yaml::List(items) => Data::List(items.iter().map(|item| self.part(item)).collect()),
            Yaml::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(key, node)| (self.template(key), self.part(node)))
                    .collect(),
            ),
        }
    }
}

/// What people mean by `yes` and `no`, which are texts in YAML 1.2.
fn switch(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "no" | "off" => Some("false"),
        "yes" | "on" => Some("true"),
        _ => None,
    }
}

/// Where a `${` stands in code, outside of texts and comments.
fn hole_in_code(code: &str) -> Option<usize> {
    let mut quote = None;
    let mut characters = code.char_indices();
    while let Some((at, c)) = characters.next() {
        match quote {
            Some(_) if c == '\\' => drop(characters.next()),
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if code[at..].starts_with("//") => quote = Some('\n'),
            None if code[at..].starts_with("${") => return Some(at),
            None => {}
        }
    }
    None
}

/// The JavaScript that was probably meant by a text with values: quotes around a value were meant for its text.
pub(super) fn as_code(pieces: &[Piece]) -> String {
    let mut code = String::new();
    // Within backticks, `$${name}` is JavaScript's own way.
    let is_template = |piece: &Piece| matches!(piece, Piece::Literal(text) if text.contains('`'));
    if pieces.iter().any(is_template) {
        for piece in pieces {
            match piece {
                Piece::Literal(text) => code.push_str(text),
                Piece::Path(hole) => code += &format!("$${{{}}}", hole.path.text),
                Piece::Code(inner) => code += &format!("$${{{}}}", inner.text),
            }
        }
        return code;
    }
    let mut quote = None;
    for (nth, piece) in pieces.iter().enumerate() {
        let value = match piece {
            Piece::Literal(text) => {
                let text = match quote.take() {
                    Some(quote) => text.strip_prefix(quote).unwrap_or(text),
                    None => text,
                };
                code.push_str(text);
                continue;
            }
            Piece::Path(hole) => hole.path.text.clone(),
            Piece::Code(inner) => match inner
                .text
                .chars()
                .all(|c| c.is_alphanumeric() || "_.$".contains(c))
            {
                true => inner.text.clone(),
                false => format!("({})", inner.text),
            },
        };
        let next = match pieces.get(nth + 1) {
            Some(Piece::Literal(text)) => text.chars().next(),
            _ => None,
        };
        if let Some(last) = code.chars().last().filter(|c| ['\'', '"'].contains(c))
            && next == Some(last)
        {
            code.pop();
            quote = Some(last);
        }
        code.push_str(&value);
    }
    code
}
