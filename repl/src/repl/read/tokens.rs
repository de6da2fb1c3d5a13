//! Takes JavaScript and TypeScript apart into tokens, for colours and for what stands before the cursor.
//!
//! Not a parser's lexer: what is being typed is incomplete nearly all the time, and must be coloured and
//! completed then too. Every text has tokens, which cover all of it; where a parser would need to know the
//! grammar (is `/` a division or a regular expression?), the token before decides.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Comment,
    Keyword,
    /// `true`, `null` and their like.
    Constant,
    Name,
    Number,
    /// A string in single or double quotes.
    Text,
    /// A part of a template literal.
    Template,
    /// The `${` and `}` around what a template literal or a rulebook's string inserts.
    Hole,
    Regex,
    /// Brackets, operators, the rest.
    Mark,
    /// A key of a rulebook.
    Key,
}

/// A piece of a text, by byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether its end is missing: a string without its closing quote.
    pub(crate) open: bool,
}

impl Token {
    pub(crate) fn text<'t>(&self, text: &'t str) -> &'t str {
        &text[self.start..self.end]
    }

    /// Whether it is neither space nor comment.
    pub(crate) fn counts(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }
}

/// The words that are offered and coloured as keywords.
pub(crate) const KEYWORDS: &[&str] = &[
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "of",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Names that always mean the same.
pub(crate) const CONSTANTS: &[&str] = &["Infinity", "NaN", "false", "null", "true", "undefined"];

/// The tokens of a text, in order and without gaps.
pub(crate) fn javascript(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
        holes: Vec::new(),
        before: None,
    };
    while lexer.at < text.len() {
        lexer.next();
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    /// For each hole that we are in, how many braces are open in it.
    holes: Vec<usize>,
    /// The last token that counts.
    before: Option<Token>,
}

impl Lexer<'_> {
    fn next(&mut self) {
        let rest = &self.text[self.at..];
        let Some(first) = rest.chars().next() else {
            return;
        };
        match first {
            _ if first.is_whitespace() => {
                let length = length_while(rest, char::is_whitespace);
                self.push(Kind::Space, length, false);
            }
            '/' if rest.starts_with("//") => {
                let end = rest.find('\n');
                self.push(Kind::Comment, end.unwrap_or(rest.len()), end.is_none());
            }
            '#' if rest.starts_with("#!") && self.at == 0 => {
                let end = rest.find('\n');
                self.push(Kind::Comment, end.unwrap_or(rest.len()), end.is_none());
            }
            '/' if rest.starts_with("/*") => {
                let end = rest[2..].find("*/").map(|end| end + 4);
                self.push(Kind::Comment, end.unwrap_or(rest.len()), end.is_none());
            }
            '/' => self.slash(rest),
            '"' | '\'' => {
                let (length, open) = quoted(rest, first);
                self.push(Kind::Text, length, open);
            }
            '`' => self.template(1),
            '{' => {
                if let Some(depth) = self.holes.last_mut() {
                    *depth += 1;
                }
                self.push(Kind::Mark, 1, false);
            }
            '}' => match self.holes.last_mut() {
                Some(0) => {
                    self.holes.pop();
                    self.push(Kind::Hole, 1, false);
                    self.template(0);
                }
                Some(depth) => {
                    *depth -= 1;
                    self.push(Kind::Mark, 1, false);
                }
                None => self.push(Kind::Mark, 1, false),
            },
            '0'..='9' => self.number(rest),
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => self.number(rest),
            '.' if rest.starts_with("...") => self.push(Kind::Mark, 3, false),
            '?' if rest.starts_with("?.")
                && !rest[2..].starts_with(|next: char| next.is_ascii_digit()) =>
            {
                self.push(Kind::Mark, 2, false);
            }
            _ if begins_name(first) || first == '#' => self.name(rest, first.len_utf8()),
            _ => self.push(Kind::Mark, first.len_utf8(), false),
        }
    }

    fn push(&mut self, kind: Kind, length: usize, open: bool) {
        let token = Token {
            kind,
            start: self.at,
            end: self.at + length,
            open,
        };
        self.at = token.end;
        if token.counts() {
            self.before = Some(token);
        }
        self.tokens.push(token);
    }

    fn name(&mut self, rest: &str, first: usize) {
        let length = first + length_while(&rest[first..], in_name);
        let name = &rest[..length];
        let member = self
            .before
            .is_some_and(|before| matches!(before.text(self.text), "." | "?."));
        let kind = if member {
            Kind::Name
        } else if KEYWORDS.binary_search(&name).is_ok() {
            Kind::Keyword
        } else if CONSTANTS.binary_search(&name).is_ok() {
            Kind::Constant
        } else {
            Kind::Name
        };
        self.push(kind, length, false);
    }

    fn number(&mut self, rest: &str) {
        let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        let mut before = '0';
        let length = length_while(rest, |next| {
            let exponent = matches!(next, '+' | '-') && matches!(before, 'e' | 'E') && !hexadecimal;
            before = next;
            exponent || next == '.' || next == '_' || next.is_ascii_alphanumeric()
        });
        self.push(Kind::Number, length, false);
    }

    /// A regular expression, or a division.
    fn slash(&mut self, rest: &str) {
        let value_before = self.before.is_some_and(|before| match before.kind {
            Kind::Name
            | Kind::Constant
            | Kind::Number
            | Kind::Text
            | Kind::Template
            | Kind::Regex => true,
            Kind::Mark => matches!(before.text(self.text), ")" | "]" | "}"),
            Kind::Keyword => matches!(before.text(self.text), "this" | "super"),
            _ => false,
        });
        if value_before {
            return self.push(Kind::Mark, 1, false);
        }
        let mut escaped = false;
        let mut class = false;
        for (offset, next) in rest.char_indices().skip(1) {
            match next {
                '\n' => return self.push(Kind::Mark, 1, false),
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => {
                    let flags =
                        length_while(&rest[offset + 1..], |flag| flag.is_ascii_alphabetic());
                    return self.push(Kind::Regex, offset + 1 + flags, false);
                }
                _ => {}
            }
        }
        self.push(Kind::Regex, rest.len(), true);
    }

    /// A part of a template literal: up to its end, or up to the next hole.
    fn template(&mut self, quote: usize) {
        let rest = &self.text[self.at..];
        let mut escaped = false;
        for (offset, next) in rest.char_indices().skip(quote) {
            match next {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '`' => return self.push(Kind::Template, offset + 1, false),
                '$' if rest[offset + 1..].starts_with('{') => {
                    if offset > 0 {
                        self.push(Kind::Template, offset, false);
                    }
                    self.push(Kind::Hole, 2, false);
                    self.holes.push(0);
                    return;
                }
                _ => {}
            }
        }
        if !rest.is_empty() {
            self.push(Kind::Template, rest.len(), true);
        }
    }
}

/// How long the string that a text begins with is, and whether it lacks its closing quote. It ends with its
/// line at the latest.
pub(crate) fn quoted(text: &str, quote: char) -> (usize, bool) {
    let mut escaped = false;
    for (offset, next) in text.char_indices().skip(1) {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return (offset, true),
            _ if next == quote => return (offset + 1, false),
            _ => {}
        }
    }
    (text.len(), true)
}

fn length_while(text: &str, mut belongs: impl FnMut(char) -> bool) -> usize {
    text.find(|next| !belongs(next)).unwrap_or(text.len())
}

fn begins_name(character: char) -> bool {
    character == '_' || character == '$' || character.is_alphabetic()
}

fn in_name(character: char) -> bool {
    character == '_' || character == '$' || character.is_alphanumeric()
}

/// Whether a member of this name can be written after a dot.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(in_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What counts of a text, as `kind:text`.
    fn kinds(text: &str) -> Vec<String> {
        let tokens = javascript(text);
        let whole: String = tokens.iter().map(|token| token.text(text)).collect();
        assert_eq!(whole, text, "tokens cover the text");
        let counting = tokens.iter().filter(|token| token.kind != Kind::Space);
        counting
            .map(|token| format!("{:?}:{}", token.kind, token.text(text)))
            .collect()
    }

    #[test]
    fn keywords_are_in_order() {
        assert!(KEYWORDS.is_sorted());
        assert!(CONSTANTS.is_sorted());
    }

    #[test]
    fn keywords_are_names_behind_a_dot() {
        assert_eq!(
            kinds("delete http.delete"),
            ["Keyword:delete", "Name:http", "Mark:.", "Name:delete"]
        );
    }

    #[test]
    fn a_template_is_taken_apart_at_its_holes() {
        assert_eq!(
            kinds("`a${ {b: `c${1}`} }d`"),
            [
                "Template:`a",
                "Hole:${",
                "Mark:{",
                "Name:b",
                "Mark::",
                "Template:`c",
                "Hole:${",
                "Number:1",
                "Hole:}",
                "Template:`",
                "Mark:}",
                "Hole:}",
                "Template:d`"
            ]
        );
    }

    #[test]
    fn a_slash_is_a_division_behind_a_value() {
        assert_eq!(
            kinds("a / 2 / b"),
            ["Name:a", "Mark:/", "Number:2", "Mark:/", "Name:b"]
        );
        assert_eq!(kinds("= /[/]\\//g"), ["Mark:=", "Regex:/[/]\\//g"]);
        assert_eq!(kinds("return /a/"), ["Keyword:return", "Regex:/a/"]);
    }

    #[test]
    fn numbers_have_exponents_and_separators() {
        assert_eq!(
            kinds("1e-3+0xe-1"),
            ["Number:1e-3", "Mark:+", "Number:0xe", "Mark:-", "Number:1"]
        );
        assert_eq!(kinds("1_000n .5"), ["Number:1_000n", "Number:.5"]);
    }

    #[test]
    fn what_is_not_finished_is_open() {
        for text in ["'abc", "`abc", "/* abc", "// abc", "= /abc"] {
            assert!(javascript(text).last().unwrap().open, "{text}");
        }
        for text in ["'abc'", "`abc`", "/* abc */", "= /abc/"] {
            assert!(!javascript(text).last().unwrap().open, "{text}");
        }
    }

    #[test]
    fn any_text_has_tokens() {
        for text in [
            "", "\\", "'\\", "`\\", "`$", "}", "é'é", "`${", "?.", "?.5", "…", "/",
        ] {
            kinds(text);
        }
    }
}
