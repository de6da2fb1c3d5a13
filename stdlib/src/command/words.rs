//! Values as words of a shell command: what the shell takes for data, wherever in the command it stands.
//!
//! [`Words`] reads the command's own text as a shell of POSIX reads it, character by character, as far as it takes to know
//! where a value would stand: outside of quotes, within `'...'` or `"..."`, and all of that within `$(...)`, `(...)` and
//! backticks, as deep as they come. A value is then quoted for that place. Where no quoting would keep it from being run, or
//! where the place cannot be known for sure, it is refused, with the reason.
//!
//! Some commands take a text that is run in its turn: `eval`, `sh -c`, `ssh host`, `python3 -c`. A value that is quoted for
//! the first shell is code for the second. [`Words`] knows the most common of these by name and refuses values in such a text.
//! For a text that a shell runs, a value can be quoted twice, when its place within that text is outside of quotes.
//!
//! It never runs anything, and never changes the command's own text.

use super::programs::{self, Taking};

/// The longest word of the command's own text that is kept to find out which program it names, in bytes.
const LONGEST_NAME: usize = 256;

/// The deepest nesting of quotes, `$(...)`, `(...)` and backticks.
const MAX_DEPTH: usize = 100;

/// Words that mean something to the shell where a command begins.
const RESERVED: [&str; 19] = [
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac",
    "in", "select", "function", "time", "coproc", "{", "}",
];

/// Those after which another command begins.
const LEADING: [&str; 10] = [
    "if", "then", "elif", "else", "while", "until", "do", "{", "!", "time",
];

/// Why no value may stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where it would stand, after "no value may stand": `in a comment`.
    pub place: String,
    /// Whether it may stand there when it is quoted for a second shell.
    pub is_for_second_shell: bool,
}

impl Refusal {
    fn new(place: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            is_for_second_shell: false,
        }
    }
}

/// A text as one word of a shell command.
pub fn quote(text: &str) -> String {
    match is_plain(text) {
        true => text.to_owned(),
        false => single_quoted(text),
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Whether a text needs no quotes as an argument.
fn is_plain(text: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "_./:@%+,-".contains(c);
    !text.is_empty() && text.chars().all(is_safe)
}

/// A command as far as it was read.
#[derive(Clone, Debug)]
pub struct Words {
    /// What is open, outermost first. The first one is the command itself, and it is never closed.
    open: Vec<Open>,
    /// What the last character may begin.
    last: Last,
    /// From here on no place is known, and why.
    lost: Option<&'static str>,
    /// Whether commands that run a text are looked at.
    knows_programs: bool,
}

/// Something that is open.
#[derive(Clone, Debug)]
enum Open {
    /// Commands: the whole, or those within `$(...)` or `(...)`.
    Commands(Simple),
    Single,
    Double,
    /// `$'...'`
    Ansi,
    Comment,
    /// `${...}`
    Braces,
    /// `$((...))`, and how many brackets of it are open.
    Arithmetic(usize),
    Backticks {
        inner: Box<Words>,
        escaped: bool,
        in_double: bool,
    },
}

/// What a character may begin together with the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Nothing,
    Backslash,
    Dollar,
    /// `$name`, which goes on with letters and digits.
    Name,
    /// `$(`
    DollarBracket,
    /// `(`
    Bracket,
    Less,
    LessLess,
    Greater,
}

/// A simple command as far as it was read: a program and its arguments.
#[derive(Clone, Debug, Default)]
struct Simple {
    /// Whether `)` ends it.
    is_group: bool,
    /// Whether a word has begun.
    started: bool,
    /// Whether a part of the word is quoted.
    quoted: bool,
    /// Whether the word has a part that only the shell knows.
    unknown: bool,
    /// Whether the word has a part that only the run knows.
    value: bool,
    /// What is known of the word.
    word: String,
    /// Whether a `[` of the word is open.
    bracket: bool,
    /// Whether the program has been named.
    named: bool,
    /// Whether the word is the file of a redirection.
    redirected: bool,
    /// What the program does with its arguments.
    taking: Taking,
    /// The text for a second shell, as far as it was read.
    script: Option<Box<Words>>,
}

impl Default for Words {
    fn default() -> Self {
        Self::new()
    }
}

impl Words {
    /// Nothing has been read.
    #[must_use]
    pub fn new() -> Self {
        Self {
            open: vec![Open::Commands(Simple::default())],
            last: Last::Nothing,
            lost: None,
            knows_programs: true,
        }
    }

    /// Takes no notice of which programs run a text that they are given.
    #[must_use]
    pub fn without_programs(mut self) -> Self {
        self.knows_programs = false;
        self
    }

    /// Reads a part of the command's own text.
    pub fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    /// Why no value may stand here; `None` if one may. `twice`: it would be quoted for a second shell, too.
    #[must_use]
    pub fn refusal(&self, twice: bool) -> Option<Refusal> {
        if let Some(place) = self.lost {
            return Some(Refusal::new(place));
        }
        match self.last {
            Last::Backslash => return Some(Refusal::new("behind a backslash")),
            Last::Dollar => return Some(Refusal::new("behind a dollar sign")),
            Last::LessLess => return Some(Refusal::new(HERE_DOCUMENT)),
            _ => {}
        }
        let place = match self.open.last() {
            Some(Open::Ansi) => "within $'...'",
            Some(Open::Comment) => "in a comment",
            Some(Open::Braces) => {
                "within ${...} of the shell; put what it gives into a variable of its own"
            }
            Some(Open::Arithmetic(_)) => "within $((...)), where it would be calculated",
            Some(Open::Backticks { escaped: true, .. }) => "behind a backslash",
            Some(Open::Backticks { inner, .. }) => return inner.refusal(twice),
            _ => return self.simple().and_then(|simple| simple.refusal(twice)),
        };
        Some(Refusal::new(place))
    }

    /// What is put into the command for a value here: `texts` are its words, which is one word except for a list. Ask
    /// [`Words::refusal`] before.
    ///
    /// # Errors
    ///
    /// This value may not stand here, although another one may.
    pub fn value(&mut self, texts: &[String], twice: bool) -> Result<String, Refusal> {
        let in_quotes = !matches!(self.place(), Open::Commands(_));
        let mut inserted = String::new();
        for (nth, text) in texts.iter().enumerate() {
            if nth > 0 {
                inserted.push(' ');
                self.innermost(|words| match in_quotes {
                    true => words.decoded(' '),
                    false => words.end_word(),
                });
                if let Some(refusal) = self.refusal(twice) {
                    return Err(refusal);
                }
            }
            let simple = self.innermost_simple();
            let is_second = simple.is_some_and(Simple::is_second_shell);
            if simple.is_some_and(|simple| simple.is_option_to_run(text)) {
                return Err(Refusal::new(
                    "where ssh takes it for an option, and this one begins with a dash",
                ));
            }
            let text = match twice && is_second {
                true => single_quoted(text),
                false => text.clone(),
            };
            let piece = self.quoted(&text);
            inserted.push_str(&piece);
            self.pass(&text);
        }
        Ok(inserted)
    }

    /// Goes on behind a value of which only the run knows what it is.
    pub fn unknown_value(&mut self) {
        self.innermost(|words| {
            words.last = Last::Nothing;
            if let Some(simple) = words.simple_mut() {
                simple.started = true;
                simple.quoted = true;
                simple.value = true;
                if let Some(script) = &mut simple.script {
                    script.unknown_value();
                }
            }
        });
    }

    /// Does something with the commands within the innermost backticks, or with these.
    fn innermost<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        match self.open.last_mut() {
            Some(Open::Backticks { inner, .. }) => inner.innermost(work),
            _ => work(self),
        }
    }

    /// What is open within the innermost backticks.
    fn place(&self) -> &Open {
        match self.open.last() {
            Some(Open::Backticks { inner, .. }) => inner.place(),
            Some(open) => open,
            None => &Open::Comment, // cannot happen: the first one is never closed
        }
    }

    fn innermost_simple(&self) -> Option<&Simple> {
        match self.open.last() {
            Some(Open::Backticks { inner, .. }) => inner.innermost_simple(),
            _ => self.simple(),
        }
    }

    fn simple(&self) -> Option<&Simple> {
        self.open.iter().rev().find_map(|open| match open {
            Open::Commands(simple) => Some(simple),
            _ => None,
        })
    }

    fn simple_mut(&mut self) -> Option<&mut Simple> {
        self.open.iter_mut().rev().find_map(|open| match open {
            Open::Commands(simple) => Some(simple),
            _ => None,
        })
    }

    /// A text, quoted for this place.
    fn quoted(&self, text: &str) -> String {
        match self.open.last() {
            Some(Open::Single) => text.replace('\'', "'\\''"),
            Some(Open::Double) => {
                let mut quoted = String::with_capacity(text.len() + 2);
                // The name before it must end.
                if self.last == Last::Name {
                    quoted.push_str("\"\"");
                }
                for c in text.chars() {
                    if matches!(c, '\\' | '$' | '"' | '`') {
                        quoted.push('\\');
                    }
                    quoted.push(c);
                }
                quoted
            }
            Some(Open::Backticks {
                inner, in_double, ..
            }) => {
                // The shell takes one level of backslashes away before it reads what is in backticks.
                let mut escaped = String::new();
                for c in inner.quoted(text).chars() {
                    if matches!(c, '\\' | '$' | '`') || (*in_double && c == '"') {
                        escaped.push('\\');
                    }
                    escaped.push(c);
                }
                escaped
            }
            _ => {
                let is_bare = self.last != Last::Name
                    && is_plain(text)
                    && !RESERVED.contains(&text)
                    && self.simple().is_some_and(|simple| simple.takes_bare(text));
                match is_bare {
                    true => text.to_owned(),
                    false => single_quoted(text),
                }
            }
        }
    }

    /// Goes on behind a value.
    fn pass(&mut self, text: &str) {
        self.innermost(|words| {
            words.last = Last::Nothing;
            if let Some(simple) = words.simple_mut() {
                simple.quoted = true;
                simple.push(text);
            }
        });
    }

    /// A character of a word as the program gets it.
    fn decoded(&mut self, c: char) {
        if let Some(simple) = self.simple_mut() {
            simple.push(c.encode_utf8(&mut [0; 4]));
        }
    }

    /// The word has a part that only the shell knows.
    fn unknown(&mut self) {
        if let Some(simple) = self.simple_mut() {
            simple.started = true;
            simple.unknown = true;
            if let Some(script) = &mut simple.script {
                script.lost = Some(SCRIPT_OF_SHELL);
            }
        }
    }

    fn push(&mut self, open: Open) {
        match self.open.len() >= MAX_DEPTH {
            true => self.lost = Some("here, as quotes and brackets nest too deep"),
            false => self.open.push(open),
        }
    }

    fn step(&mut self, c: char) {
        if self.lost.is_some() {
            return;
        }
        let last = std::mem::take(&mut self.last);
        match self.open.last_mut() {
            Some(Open::Single) => match c {
                '\'' => drop(self.open.pop()),
                _ => self.decoded(c),
            },
            Some(Open::Comment) => {
                if c == '\n' {
                    self.open.pop();
                    self.step(c);
                }
            }
            Some(Open::Ansi) => match c {
                // Not every shell knows these quotes, so a backslash in them may or may not keep them open.
                '\\' => self.lost = Some("behind such a $'...', as its end is not clear"),
                '\'' => drop(self.open.pop()),
                _ => {}
            },
            Some(Open::Braces) => match c {
                '}' => drop(self.open.pop()),
                '\\' | '\'' | '"' | '`' | '{' | '(' => self.lost = Some(AFTER_BRACES),
                _ => {}
            },
            Some(Open::Arithmetic(depth)) => match c {
                '(' => *depth += 1,
                ')' => {
                    *depth -= 1;
                    if *depth == 0 {
                        self.open.pop();
                    }
                }
                ' ' | '\t' | '\n' | '_' | '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!'
                | '&' | '|' | '^' | '~' | '?' | ':' | ',' | '$' => {}
                _ if c.is_ascii_alphanumeric() => {}
                _ => self.lost = Some("behind such a $((...)), as its end is not clear"),
            },
            Some(Open::Backticks {
                inner,
                escaped,
                in_double,
            }) => match c {
                _ if std::mem::take(escaped) => {
                    if !(matches!(c, '\\' | '$' | '`') || (*in_double && c == '"')) {
                        inner.step('\\');
                    }
                    inner.step(c);
                }
                '\\' => *escaped = true,
                '`' => drop(self.open.pop()),
                '"' if *in_double => {
                    self.lost = Some(
                        "behind quotes within backticks within quotes, which shells take apart in different ways; $(...) is clear",
                    );
                }
                _ => inner.step(c),
            },
            Some(Open::Double) => self.in_double(c, last),
            Some(Open::Commands(_)) | None => self.in_commands(c, last),
        }
    }

    fn in_double(&mut self, c: char, last: Last) {
        match last {
            Last::Backslash => {
                if !matches!(c, '\\' | '$' | '"' | '`' | '\n') {
                    self.decoded('\\');
                }
                if c != '\n' {
                    self.decoded(c);
                }
                return;
            }
            Last::Dollar if self.expansion(c) => return,
            Last::Dollar => self.decoded('$'),
            Last::Name if is_name(c) => {
                self.last = Last::Name;
                return;
            }
            _ => {}
        }
        match c {
            '"' => drop(self.open.pop()),
            '\\' => self.last = Last::Backslash,
            '$' => self.last = Last::Dollar,
            '`' => self.backticks(true),
            _ => self.decoded(c),
        }
    }

    fn backticks(&mut self, in_double: bool) {
        self.unknown();
        let mut inner = Box::new(Self::new());
        inner.knows_programs = self.knows_programs;
        // Backticks within backticks need twice as many backslashes each time, so they are never deep.
        self.push(Open::Backticks {
            inner,
            escaped: false,
            in_double,
        });
    }

    /// What begins with `$` and this character. `false`: nothing does.
    fn expansion(&mut self, c: char) -> bool {
        match c {
            '(' => {
                self.unknown();
                self.push(Open::Commands(Simple {
                    is_group: true,
                    ..Simple::default()
                }));
                self.last = Last::DollarBracket;
            }
            '{' => {
                self.unknown();
                self.push(Open::Braces);
            }
            '[' => self.lost = Some("behind $[...], where it would be calculated"),
            _ if c.is_ascii_digit() || "@*#?-!$".contains(c) => self.unknown(),
            _ if is_name(c) => {
                self.unknown();
                self.last = Last::Name;
            }
            _ => return false,
        }
        true
    }

    fn in_commands(&mut self, c: char, last: Last) {
        match last {
            Last::Backslash => {
                if c != '\n' {
                    if let Some(simple) = self.simple_mut() {
                        (simple.started, simple.quoted) = (true, true);
                    }
                    self.decoded(c);
                }
                return;
            }
            Last::Dollar => match c {
                '\'' => {
                    self.unknown();
                    return self.push(Open::Ansi);
                }
                // `$"..."` is a text that may be translated.
                '"' => {
                    self.unknown();
                    return self.push(Open::Double);
                }
                _ if self.expansion(c) => return,
                _ => self.decoded('$'),
            },
            Last::Name if is_name(c) => {
                self.last = Last::Name;
                return;
            }
            Last::DollarBracket if c == '(' => {
                self.open.pop();
                return self.push(Open::Arithmetic(2));
            }
            Last::Bracket if c == '(' => {
                self.lost = Some("behind ((...)), where it would be calculated");
                return;
            }
            Last::LessLess if c == '<' => {
                return self.redirected();
            }
            Last::LessLess => {
                self.lost = Some(HERE_DOCUMENT);
                return;
            }
            Last::Less if c == '<' => {
                self.last = Last::LessLess;
                return;
            }
            // `>&2` and `>|file`, which end nothing.
            Last::Less | Last::Greater if c == '&' || c == '|' => return,
            _ => {}
        }
        let started = self.simple().is_some_and(|simple| simple.started);
        match c {
            ' ' | '\t' => self.end_word(),
            '\n' | ';' | '&' | '|' => self.end_command(),
            '(' => {
                // The list of an array belongs to its word.
                self.end_command();
                self.push(Open::Commands(Simple {
                    is_group: true,
                    ..Simple::default()
                }));
                self.last = Last::Bracket;
            }
            ')' => {
                self.end_command();
                if self.lost.is_none() && self.simple().is_some_and(|simple| simple.is_group) {
                    self.open.pop();
                }
            }
            '<' => {
                self.redirected();
                self.last = Last::Less;
            }
            '>' => {
                self.redirected();
                self.last = Last::Greater;
            }
            '#' if !started => self.push(Open::Comment),
            '\'' | '"' => {
                if let Some(simple) = self.simple_mut() {
                    (simple.started, simple.quoted) = (true, true);
                }
                self.push(if c == '"' { Open::Double } else { Open::Single });
            }
            '\\' => self.last = Last::Backslash,
            '$' => {
                if let Some(simple) = self.simple_mut() {
                    simple.started = true;
                }
                self.last = Last::Dollar;
            }
            '`' => self.backticks(false),
            _ => {
                if let Some(simple) = self.simple_mut() {
                    if c == '[' && simple.word == "[" && !simple.quoted && !simple.named {
                        self.lost = Some(DOUBLE_BRACKETS);
                        return;
                    }
                    simple.bracket = match c {
                        '[' => true,
                        ']' => false,
                        _ => simple.bracket,
                    };
                    simple.started = true;
                }
                self.decoded(c);
            }
        }
    }

    fn redirected(&mut self) {
        self.end_word();
        if let Some(simple) = self.simple_mut() {
            simple.redirected = true;
        }
    }

    fn end_word(&mut self) {
        let knows_programs = self.knows_programs;
        if let Some(simple) = self.simple_mut()
            && let Err(place) = simple.end_word(knows_programs)
        {
            self.lost = Some(place);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        if let Some(simple) = self.simple_mut() {
            *simple = Simple {
                is_group: simple.is_group,
                ..Simple::default()
            };
        }
    }
}

const HERE_DOCUMENT: &str =
    "behind <<, as nothing is quoted in a here-document; give the text as standard input";
const DOUBLE_BRACKETS: &str =
    "behind [[...]], where it could be calculated; [ ... ] takes it as it is";
const AFTER_BRACES: &str = "behind such a ${...} of the shell, as its end is not clear; put what it gives into a variable of its own";
const SCRIPT_OF_SHELL: &str =
    "in a text that a second shell runs and that the first one puts together";
const CASE: &str = "behind a case within (...), as its end is not clear";

impl Simple {
    fn push(&mut self, text: &str) {
        self.started = true;
        if self.word.len() < LONGEST_NAME {
            self.word.push_str(text);
        }
        if let Some(script) = &mut self.script {
            script.read(text);
        }
    }

    /// Whether a word may stand here without quotes that is nothing but letters, digits and a few signs.
    fn takes_bare(&self, text: &str) -> bool {
        let is_digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
        // A command could be a word of the shell, a number before `>` the number of a stream, and braces could make more
        // words of a value.
        let is_number = is_digits(&self.word) && is_digits(text);
        let before = self.word.replace('=', "_");
        self.named && !self.redirected && !is_number && (before.is_empty() || is_plain(&before))
    }

    fn is_second_shell(&self) -> bool {
        self.script.is_some()
    }

    /// Whether this would be an option of a program that options can make run something.
    fn is_option_to_run(&self, text: &str) -> bool {
        self.taking == Taking::Host && !self.started && !self.redirected && text.starts_with('-')
    }

    fn refusal(&self, twice: bool) -> Option<Refusal> {
        if self.bracket {
            return Some(Refusal::new(
                "within [...], which could be the place in a list",
            ));
        }
        if self.redirected {
            return None;
        }
        if let Some(script) = &self.script {
            // Within the text that the second shell runs, it must stand alone.
            if twice {
                // It is quoted twice, and not once more for what that text runs in its turn.
                let inner = script.refusal(false);
                let is_outside = matches!(script.open.last(), Some(Open::Commands(_)));
                return match (inner, is_outside) {
                    (Some(inner), _) => Some(inner),
                    (None, true) => None,
                    (None, false) => Some(Refusal::new(
                        "in quotes within the text for a second shell; outside of them it is one word",
                    )),
                };
            }
            return Some(Refusal {
                place: format!(
                    "in what {} runs as a command of its own",
                    self.taking.name()
                ),
                is_for_second_shell: true,
            });
        }
        programs::refused(&self.taking, &self.word, self.started).map(Refusal::new)
    }

    /// A word has ended, if one had begun.
    fn end_word(&mut self, knows_programs: bool) -> Result<(), &'static str> {
        if !std::mem::take(&mut self.started) {
            return Ok(());
        }
        let word = std::mem::take(&mut self.word);
        let quoted = std::mem::take(&mut self.quoted);
        let unknown = std::mem::take(&mut self.unknown);
        let value = std::mem::take(&mut self.value);
        self.bracket = false;
        if std::mem::take(&mut self.redirected) {
            return Ok(());
        }
        let is_known = !unknown && !value;
        if !self.named {
            if is_known && !quoted {
                if word == "case" && self.is_group {
                    return Err(CASE);
                }
                if LEADING.contains(&word.as_str()) {
                    return Ok(());
                }
            }
            if is_assignment(&word) || (is_known && word.starts_with('-')) {
                return Ok(());
            }
        }
        let was_named = std::mem::replace(&mut self.named, true);
        if !knows_programs {
            return Ok(());
        }
        if was_named {
            programs::argument(&mut self.taking, &word, is_known);
        } else {
            // What the shell itself puts there may be anything; what the run puts there is known when it runs.
            self.taking = match (is_known, unknown) {
                (true, _) => programs::named(&word),
                (false, true) => Taking::shell("that program"),
                (false, false) => Taking::default(),
            };
            if self.taking.is_leading() {
                self.named = false;
            }
        }
        match (self.taking.is_script(), &mut self.script) {
            (true, Some(script)) => script.step(' '),
            (true, none) => *none = Some(Box::new(Words::new())),
            (false, some) => *some = None,
        }
        Ok(())
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// `NAME=...`
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else {
        return false;
    };
    let name = name.strip_suffix('+').unwrap_or(name);
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_name)
}
