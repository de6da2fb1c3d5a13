//! Bounds how deeply a TypeScript source can nest, without recursion, before a recursive parser sees it.
//!
//! oxc parses, transforms and prints by recursion, and none of those steps checks its stack. What
//! they recurse into always costs at least one token on the path from the file to the innermost
//! node, so the number of *nesting tokens* on the worst path bounds the depth of every step. This scan
//! counts them:
//!
//! - Each bracket pair is a level. A level weighs the operators and keywords that stand directly
//!   in it **plus** the heaviest bracket pair inside it, because in `a(x).b.c` what comes after a bracket
//!   lies above it in the tree.
//! - `;` begins a level anew, and so does a line that can only begin a new statement, for sources
//!   without semicolons. `,` begins anew everything but what may enclose a comma: statement heads
//!   (`if (a) x, y`), labels, and `<`, which may be a bracket or an operator.
//! - Names, numbers and strings max_depth nothing: they are leaves.
//!
//! The result may be too high, never too low. The one thing that only a parser knows, whether a `/`
//! divides or begins a regular expression, is asked only where the token before does not tell, and
//! where the answer would change the count, the scan gives up: [`Refusal::Ambiguous`].

use std::ops::Range;

/// Why no bound could be given. Each holds the place in the source, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// More than the permitted number of nesting tokens lie on one path.
    TooDeep(usize),
    /// More `<` are open at once than permitted: a parser tries each as a bracket, to the end.
    TooManyAngles(usize),
    /// A `/` that may divide or begin a regular expression, or `<!--` and `-->`, which may begin a comment.
    Ambiguous(usize),
    /// A bracket that closes nothing, or another kind than the one open.
    Unbalanced(usize),
    /// A string, template or comment that never ends.
    Unterminated(Range<usize>),
}

/// What the last token leaves behind; decides what a `/` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// A value ended: `/` divides.
    Operand,
    /// A value is due: `/` begins a regular expression.
    Operator,
    /// A parser would know.
    Unknown,
}

/// One open bracket pair; the file itself is the outermost.
#[derive(Debug)]
struct Level {
    /// The byte that opened it; `$` for the `${` of a template, `0` for the file.
    open: u8,
    /// Follows `if`, `while`, `for` or `with`, so that a statement follows its `)`.
    heads_statement: bool,
    /// Tokens that may enclose even what follows a comma.
    sticky: usize,
    /// How many of `sticky` are `<`.
    angles: usize,
    /// The other nesting tokens since the last separator.
    tokens: usize,
    /// The weight of the heaviest pair since the last separator.
    inner: usize,
    /// The heaviest stretch between separators so far.
    heaviest: usize,
    /// How many `<` were open where it began.
    angles_outside: usize,
    /// Tokens of any kind since the last `{`, `(`, `[` or `,`; tells a key's `:` from a label's.
    since_comma: usize,
}

impl Level {
    fn new(open: u8, heads_statement: bool, angles_outside: usize) -> Self {
        Self {
            open,
            heads_statement,
            angles_outside,
            sticky: 0,
            angles: 0,
            tokens: 0,
            inner: 0,
            heaviest: 0,
            since_comma: 0,
        }
    }

    fn weight(&self) -> usize {
        self.heaviest.max(self.sticky + self.tokens + self.inner)
    }

    /// `;`: nothing before it encloses anything after it.
    fn end_statement(&mut self) {
        self.heaviest = self.weight();
        self.sticky = 0;
        self.angles = 0;
        self.tokens = 0;
        self.inner = 0;
    }

    /// `,`: what may enclose it stays. Behind a `<`, later tokens may still enclose what came
    /// before (`A<{}, B>[]`), so that is kept as if it were a closed pair.
    fn end_item(&mut self) {
        self.heaviest = self.weight();
        self.inner = if self.angles > 0 {
            self.inner + self.tokens
        } else {
            0
        };
        self.tokens = 0;
        self.since_comma = 0;
    }
}

/// How many `<` may be open at once. The parser tries each as the bracket of type arguments and
/// reads on until that fails, so that `n` comparisons in a row cost `n²` steps: 5 ms for 128, but 25 s for 8,192.
const MAX_ANGLES: usize = 128;

/// How often the scan looks ahead to the end of a line in vain; more often, it would take time in the
/// square of a long line.
const MAX_UNCLOSED_SLASHES: usize = 256;

/// Statement heads: they may enclose what follows a comma or a closed block.
const HEADS: &[&str] = &[
    "if", "else", "for", "while", "do", "with", "try", "catch", "finally", "switch", "case",
    "default",
];

/// Reserved words after which a value is due.
const RESERVED: &[&str] = &[
    "break",
    "class",
    "const",
    "continue",
    "debugger",
    "delete",
    "enum",
    "export",
    "extends",
    "function",
    "import",
    "in",
    "instanceof",
    "new",
    "return",
    "throw",
    "typeof",
    "var",
    "void",
];

/// Words that are operators, modifiers or names, depending on where they stand.
const CONTEXTUAL: &[&str] = &[
    "abstract",
    "accessor",
    "any",
    "as",
    "assert",
    "asserts",
    "async",
    "await",
    "bigint",
    "boolean",
    "constructor",
    "declare",
    "defer",
    "from",
    "get",
    "global",
    "implements",
    "infer",
    "interface",
    "intrinsic",
    "is",
    "keyof",
    "let",
    "meta",
    "module",
    "namespace",
    "never",
    "number",
    "object",
    "of",
    "out",
    "override",
    "package",
    "private",
    "protected",
    "public",
    "readonly",
    "require",
    "satisfies",
    "set",
    "source",
    "static",
    "string",
    "symbol",
    "type",
    "undefined",
    "unique",
    "unknown",
    "using",
    "yield",
];

/// Words that, first on a line and after a complete value, can only begin a new statement.
const DECLARES: &[&str] = &[
    "class", "const", "export", "function", "import", "let", "return", "throw", "var",
];

/// Returns the number of nesting tokens on the heaviest path through `source`.
///
/// # Errors
/// As soon as the path is longer than `limit`, and where no bound is known.
pub(super) fn max_depth(source: &str, limit: usize) -> Result<usize, Refusal> {
    Scan {
        source,
        bytes: source.as_bytes(),
        at: 0,
        limit,
        levels: vec![Level::new(0, false, 0)],
        outer: 0,
        last: Last::Operator,
        plain_value: false,
        after_dot: false,
        head: false,
        new_line: true,
        angles_open: 0,
        unclosed_slashes: 0,
        glue: usize::MAX,
    }
    .run()
}

struct Scan<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    limit: usize,
    levels: Vec<Level>,
    /// The weight of the stretches that enclose the innermost level.
    outer: usize,
    last: Last,
    /// The last token certainly ended a value: a name that is no keyword, a literal, a bracket.
    plain_value: bool,
    /// The last token was `.` or `?.`, so that a keyword is a mere name.
    after_dot: bool,
    /// The last token was `if`, `while`, `for`, `with`.
    head: bool,
    new_line: bool,
    /// How many `<` have not met their `>`, as far as one can tell.
    angles_open: usize,
    /// How often a `/` might have begun a regular expression, were there an end to it in its line.
    unclosed_slashes: usize,
    /// Where the last operator ended that a `=` or `>` may complete.
    glue: usize,
}

impl Scan<'_> {
    fn run(mut self) -> Result<usize, Refusal> {
        if self.source.starts_with("#!") {
            self.at = self.line_end(0);
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\n' | b'\r' => {
                    self.new_line = true;
                    self.at += 1;
                }
                b' ' | b'\t' | 0x0b | 0x0c => self.at += 1,
                b'/' => self.slash()?,
                b'\'' | b'"' => self.string(byte)?,
                b'`' => {
                    self.at += 1;
                    self.template(self.at - 1)?;
                }
                b'0'..=b'9' => self.number()?,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'\\' | 0x80.. => self.word()?,
                b'(' | b'[' | b'{' => self.open(byte)?,
                b')' | b']' | b'}' => self.close(byte)?,
                b';' => self.semicolon(),
                b',' => {
                    self.level().end_item();
                    self.punctuated(Last::Operator, 1);
                }
                _ => self.operator(byte)?,
            }
        }
        if self.levels.len() > 1 {
            return Err(Refusal::Unbalanced(self.bytes.len()));
        }
        Ok(self.level().weight())
    }

    fn level(&mut self) -> &mut Level {
        let innermost = self.levels.len() - 1;
        &mut self.levels[innermost]
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Steps over punctuation of `length` bytes.
    fn punctuated(&mut self, last: Last, length: usize) {
        self.at += length;
        self.last = last;
        self.plain_value = false;
        self.after_dot = false;
        self.head = false;
        self.new_line = false;
    }

    /// Notes that a value ended at `self.at`.
    fn value(&mut self) -> Result<(), Refusal> {
        self.level().since_comma += 1;
        self.punctuated(Last::Operand, 0);
        self.plain_value = true;
        Ok(())
    }

    fn check(&mut self) -> Result<(), Refusal> {
        let limit = self.limit;
        let outer = self.outer;
        if outer + self.level().weight() > limit {
            return Err(Refusal::TooDeep(self.at));
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Refusal> {
        let level = self.level();
        level.tokens += 1;
        level.since_comma += 1;
        self.check()
    }

    fn count_sticky(&mut self) -> Result<(), Refusal> {
        let level = self.level();
        level.sticky += 1;
        level.since_comma += 1;
        self.check()
    }

    fn open(&mut self, byte: u8) -> Result<(), Refusal> {
        self.count()?;
        let heads_statement = byte == b'(' && self.head;
        let level = self.level();
        self.outer += level.sticky + level.tokens;
        let angles_open = self.angles_open;
        self.levels
            .push(Level::new(byte, heads_statement, angles_open));
        self.punctuated(Last::Operator, 1);
        Ok(())
    }

    fn close(&mut self, byte: u8) -> Result<(), Refusal> {
        let closed = match self.levels.pop() {
            Some(level) if !self.levels.is_empty() => level,
            _ => return Err(Refusal::Unbalanced(self.at)),
        };
        let expected = match closed.open {
            b'(' => b')',
            b'[' => b']',
            _ => b'}',
        };
        if byte != expected {
            return Err(Refusal::Unbalanced(self.at));
        }
        let weight = closed.weight();
        self.angles_open = closed.angles_outside;
        let level = self.level();
        let enclosing = level.sticky + level.tokens;
        level.inner = level.inner.max(weight);
        self.outer -= enclosing;
        self.check()?;
        self.at += 1;
        if closed.open == b'$' {
            return self.template(self.at - 1);
        }
        let last = match byte {
            b')' if closed.heads_statement => Last::Operator,
            b'}' => Last::Unknown,
            _ => Last::Operand,
        };
        self.punctuated(last, 0);
        self.plain_value = !closed.heads_statement;
        Ok(())
    }

    /// Ends a statement, unless `else` or the `while` of a `do` goes on with it.
    fn semicolon(&mut self) {
        let rest = self.skip_trivia(self.at + 1);
        let goes_on = ["else", "while"]
            .iter()
            .any(|word| self.source[rest..].starts_with(word));
        if !goes_on {
            self.level().end_statement();
            self.angles_open = self.level().angles_outside;
        }
        self.punctuated(Last::Operator, 1);
    }

    /// The next byte after white space and comments, for a look ahead.
    fn skip_trivia(&self, mut at: usize) -> usize {
        while let Some(character) = self.source[at..].chars().next() {
            let rest = &self.source[at..];
            if character.is_whitespace() || character == '\u{feff}' {
                at += character.len_utf8();
            } else if rest.starts_with("//") {
                at = self.line_end(at);
            } else if rest.starts_with("/*") {
                at = rest.find("*/").map_or(self.bytes.len(), |end| at + end + 2);
            } else {
                break;
            }
        }
        at
    }

    fn operator(&mut self, byte: u8) -> Result<(), Refusal> {
        let rest = &self.source[self.at..];
        if rest.starts_with("<!--") || (self.new_line && rest.starts_with("-->")) {
            // A comment in old scripts, operators in modules.
            return Err(Refusal::Ambiguous(self.at));
        }
        let glued = self.glue == self.at;
        match byte {
            b'<' => {
                self.level().angles += 1;
                self.angles_open += 1;
                if self.angles_open > MAX_ANGLES {
                    return Err(Refusal::TooManyAngles(self.at));
                }
                self.count_sticky()?;
                self.punctuated(Last::Operator, 1);
            }
            b':' => {
                let level = self.level();
                let is_key = level.since_comma == 1 && level.open != 0;
                if is_key {
                    self.count()?;
                } else {
                    self.count_sticky()?;
                }
                self.punctuated(Last::Operator, 1);
            }
            // The second half of `=>`, `==`, `+=`, `>=`, `>>` belongs to the token already counted.
            b'=' | b'>' if glued => {
                if byte == b'>' && self.bytes[self.at - 1] != b'=' {
                    self.angles_open = self.angles_open.saturating_sub(1);
                }
                let last = if byte == b'>' {
                    Last::Unknown
                } else {
                    Last::Operator
                };
                self.punctuated(last, 1);
            }
            b'>' => {
                self.angles_open = self.angles_open.saturating_sub(1);
                self.count()?;
                self.punctuated(Last::Unknown, 1);
            }
            b'+' | b'-' if self.peek(1) == byte => {
                self.count()?;
                self.punctuated(Last::Unknown, 2);
            }
            b'!' => {
                let last = if self.last == Last::Operator {
                    Last::Operator
                } else {
                    Last::Unknown
                };
                self.count()?;
                self.punctuated(last, 1);
            }
            b'.' if self.source[self.at..].starts_with("...") => {
                self.count()?;
                self.punctuated(Last::Operator, 3);
            }
            // What follows is a name, be it spelled like a keyword.
            b'#' => {
                self.count()?;
                self.punctuated(Last::Operator, 1);
                self.after_dot = true;
            }
            b'.' => {
                self.count()?;
                self.punctuated(Last::Operator, 1);
                self.after_dot = true;
            }
            _ => {
                self.count()?;
                self.punctuated(Last::Operator, 1);
            }
        }
        if b"=!<>+-*&|^%?".contains(&byte) {
            self.glue = self.at;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Refusal> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        while word(self.peek(0)) {
            self.at += 1;
        }
        if self.peek(0) == b'.' {
            self.count()?;
            self.at += 1;
            while word(self.peek(0)) {
                self.at += 1;
            }
        }
        self.value()
    }

    /// A name, a keyword, or white space beyond ASCII.
    fn word(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        let mut odd = false;
        for character in self.source[start..].chars() {
            match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '$' => {}
                '\u{2028}' | '\u{2029}' if self.at == start => {
                    self.new_line = true;
                    self.at += character.len_utf8();
                    return Ok(());
                }
                '\u{a0}'
                | '\u{feff}'
                | '\u{1680}'
                | '\u{2000}'..='\u{200a}'
                | '\u{202f}'
                | '\u{205f}'
                | '\u{3000}'
                    if self.at == start =>
                {
                    self.at += character.len_utf8();
                    return Ok(());
                }
                _ if character.is_ascii() && character != '\\' => break,
                _ if character.is_alphanumeric() => {}
                _ if self.at > start && (character.is_whitespace() || character == '\u{feff}') => {
                    break;
                }
                // An escape, a combining mark, something stray: a name, or not; a parser would know.
                _ => odd = true,
            }
            self.at += character.len_utf8();
        }
        let word = &self.source[start..self.at];
        if odd {
            self.count()?;
            self.punctuated(Last::Unknown, 0);
            return Ok(());
        }
        if std::mem::take(&mut self.after_dot) {
            return self.value();
        }
        if self.new_line && self.plain_value && DECLARES.contains(&word) {
            // What was open is complete: none of these words goes on with an `if` or a `do`.
            self.level().end_statement();
            self.angles_open = self.level().angles_outside;
        }
        if HEADS.contains(&word) {
            self.count_sticky()?;
            self.punctuated(Last::Operator, 0);
            self.head = matches!(word, "if" | "while" | "for" | "with");
        } else if RESERVED.contains(&word) {
            self.count()?;
            self.punctuated(Last::Operator, 0);
        } else if CONTEXTUAL.contains(&word) {
            let for_await = word == "await" && self.head;
            self.count()?;
            self.punctuated(Last::Unknown, 0);
            self.head = for_await;
        } else {
            self.value()?;
        }
        Ok(())
    }

    fn string(&mut self, quote: u8) -> Result<(), Refusal> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                b'\\' if self.peek(1) == b'\r' && self.peek(2) == b'\n' => self.at += 3,
                b'\\' => self.at += 2,
                b'\n' | b'\r' => return Err(Refusal::Unterminated(start..self.at)),
                byte if byte == quote => break,
                _ => self.at += 1,
            }
            if self.at >= self.bytes.len() {
                return Err(Refusal::Unterminated(start..self.bytes.len()));
            }
        }
        self.at += 1;
        self.value()
    }

    /// The text of a template up to its end or to its next `${`; `start` is where that text begins.
    fn template(&mut self, start: usize) -> Result<(), Refusal> {
        loop {
            match self.bytes.get(self.at) {
                None => return Err(Refusal::Unterminated(start..self.bytes.len())),
                Some(b'\\') => self.at += 2,
                Some(b'`') => {
                    // Counts, as templates tag one another: `` f`a``b``c` ``.
                    self.count()?;
                    self.at += 1;
                    return self.value();
                }
                Some(b'$') if self.peek(1) == b'{' => {
                    self.at += 1;
                    self.open(b'{')?;
                    self.level().open = b'$';
                    return Ok(());
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn slash(&mut self) -> Result<(), Refusal> {
        match self.peek(1) {
            b'/' => {
                self.at = self.line_end(self.at);
                return Ok(());
            }
            b'*' => {
                let rest = &self.source[self.at..];
                let length = 2 + rest[2..]
                    .find("*/")
                    .ok_or(Refusal::Unterminated(self.at..self.bytes.len()))?;
                self.new_line |= rest[..length].contains(['\n', '\r', '\u{2028}', '\u{2029}']);
                self.at += length + 2;
                return Ok(());
            }
            _ => {}
        }
        match self.last {
            Last::Operand => self.divide(),
            Last::Operator => match self.regular_expression(self.at) {
                Some(end) => {
                    self.at = end;
                    self.value()
                }
                None => Err(Refusal::Unterminated(self.at..self.line_end(self.at))),
            },
            Last::Unknown => {
                let Some(end) = self.regular_expression(self.at) else {
                    self.unclosed_slashes += 1;
                    if self.unclosed_slashes > MAX_UNCLOSED_SLASHES {
                        return Err(Refusal::Ambiguous(self.at));
                    }
                    return self.divide();
                };
                // Harmless if both readings count the same and leave the same tokens to read.
                let between = &self.bytes[self.at + 1..end];
                let telling = between
                    .iter()
                    .any(|byte| !byte.is_ascii() || b"()[]{}'\"`;,\\".contains(byte))
                    || matches!(self.bytes.get(end), Some(b'/' | b'*'));
                if telling {
                    return Err(Refusal::Ambiguous(self.at));
                }
                for _ in between {
                    self.count()?;
                }
                self.at = end;
                self.punctuated(Last::Unknown, 0);
                Ok(())
            }
        }
    }

    fn divide(&mut self) -> Result<(), Refusal> {
        self.count()?;
        self.punctuated(Last::Operator, 1);
        Ok(())
    }

    /// The end of the regular expression, with its flags, that begins at `start`; `None` if its line ends
    /// first.
    fn regular_expression(&self, start: usize) -> Option<usize> {
        let mut at = start + 1;
        let mut in_class = false;
        loop {
            match *self.bytes.get(at)? {
                b'\n' | b'\r' => return None,
                b'\\' if !matches!(self.bytes.get(at + 1), Some(b'\n' | b'\r' | 0xe2)) => at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => break,
                // U+2028 and U+2029 end lines, too.
                0xe2 if matches!(self.bytes.get(at + 1..at + 3), Some([0x80, 0xa8 | 0xa9])) => {
                    return None;
                }
                _ => {}
            }
            at += 1;
        }
        at += 1;
        let is_flag = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        at += self.bytes[at..]
            .iter()
            .take_while(|byte| is_flag(byte))
            .count();
        Some(at)
    }

    fn line_end(&self, from: usize) -> usize {
        self.source[from..]
            .find(['\n', '\r', '\u{2028}', '\u{2029}'])
            .map_or(self.bytes.len(), |length| from + length)
    }
}
