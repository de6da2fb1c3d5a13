//! YAML as a tree that knows where everything stands, for errors that point at it. Knows nothing of rulebooks.

mod part;
mod places;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use cla_runtime::internal::{Spot, SyntaxProblem};
use cla_stdlib::internal::{Scalar, resolve_core_scalar, resolve_scalar};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use serde_json::Value as Json;

use self::places::literal_lines;
pub(crate) use self::places::{Ruler, Stretch, position};

/// Deeper documents are refused: what walks through the tree calls itself.
const MAX_DEPTH: usize = 64;

/// The most nodes of one document, aliases counted each time they stand for something, with [`TEXT_NODE`].
const MAX_NODES: usize = 200_000;

/// As many bytes of a text that is repeated count as a node: a short document must not fill the memory.
const TEXT_NODE: usize = 32;

/// A stretch of one line of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// From 1.
    pub(crate) line: u32,
    /// From 1, in characters.
    pub(crate) column: u32,
    /// In characters, at least 1.
    pub(crate) length: u32,
}

/// Where a document starts.
pub(super) const START: Place = Place {
    line: 1,
    column: 1,
    length: 1,
};

impl From<Place> for Spot {
    fn from(place: Place) -> Self {
        Self {
            line: place.line,
            column: place.column,
            length: place.length,
        }
    }
}

impl Place {
    /// A problem there.
    pub(crate) fn problem(self, message: impl Into<String>, help: Option<String>) -> SyntaxProblem {
        SyntaxProblem {
            message: message.into(),
            help,
            line: self.line,
            column: self.column,
            length: self.length.max(1),
        }
    }
}

/// A text of the source, and where its characters stand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// Whether it stands there without quotes, on one line.
    pub(crate) is_plain: bool,
    /// Where its parts stand, in the order of the text; the first part begins it.
    stretches: Vec<Stretch>,
}

impl Text {
    /// The place of these bytes of the text.
    pub(crate) fn place(&self, bytes: Range<usize>) -> Place {
        Ruler::new(self).place(bytes)
    }

    /// Where the parts of these bytes stand, as those of a text of its own.
    pub(crate) fn stretches(&self, bytes: Range<usize>) -> Vec<Stretch> {
        let (line, column) = position(&self.text, &self.stretches, bytes.start);
        let first = Stretch {
            offset: 0,
            line,
            column,
        };
        let later = self.stretches.iter();
        let later = later.filter(|part| part.offset > bytes.start && part.offset < bytes.end);
        let later = later.map(|part| Stretch {
            offset: part.offset - bytes.start,
            ..*part
        });
        std::iter::once(first).chain(later).collect()
    }
}

/// A node of the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Place,
    pub(crate) value: Yaml,
}

impl Node {
    /// The number that is written here, also one that is a text elsewhere because it would not come back as it was
    /// written: `2.0`.
    pub(crate) fn number(&self) -> Option<f64> {
        match &self.value {
            Yaml::Number(number) => Some(*number),
            Yaml::Text(text) => text.number(),
            _ => None,
        }
    }
}

impl Text {
    /// The number that YAML would make of a text without quotes.
    pub(crate) fn number(&self) -> Option<f64> {
        match resolve_core_scalar(&self.text) {
            Some(Scalar::Number(number)) if self.is_plain => Some(number),
            _ => None,
        }
    }
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Yaml {
    Null,
    Bool(bool),
    Number(f64),
    Text(Text),
    List(Vec<Node>),
    Map(Vec<(Text, Node)>),
}

impl Yaml {
    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads the one document of a source, unless it must end before: that is asked at each node.
///
/// # Errors
///
/// What is no YAML, twice the same key, more than one document, and what is too large.
pub(crate) fn read(
    source: &str,
    must_end: &mut dyn FnMut() -> bool,
) -> Result<Node, SyntaxProblem> {
    // A byte order mark is no part of a text.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines: Vec<&str> = lines(source).collect();
    let mut reader = Reader {
        widths: lines.iter().map(|line| line.chars().count()).collect(),
        lines,
        open: Vec::new(),
        anchors: HashMap::new(),
        document: None,
        nodes: 0,
    };
    let mut parser = Parser::new_from_str(source);
    while let Some(next) = parser.next_event() {
        if must_end() {
            return Err(START.problem("the run was stopped", None));
        }
        match next {
            Ok((event, span)) => reader.event(event, span)?,
            Err(error) => {
                let marker = error.marker();
                let place = reader.place(Span::new(*marker, *marker));
                let place = Place { length: 1, ..place };
                // The parser's own limit is that of lists and maps in brackets.
                if error.info().contains("recursion limit") {
                    return Err(too_deep(place));
                }
                let help = help(error.info());
                return Err(place.problem(format!("no valid YAML: {}", error.info()), help));
            }
        }
    }
    Ok(reader.document.unwrap_or(Node {
        at: START,
        value: Yaml::Null,
    }))
}

fn too_deep(at: Place) -> SyntaxProblem {
    let help = "give inner ops a name in `def` and call them by it, or put them in a rulebook of their own that is called";
    let problem = format!("nested more than {MAX_DEPTH} levels deep");
    at.problem(problem, Some(help.to_owned()))
}

/// The lines of a source. As in YAML, a carriage return ends one, alone or with a line feed.
pub(crate) fn lines(source: &str) -> impl Iterator<Item = &str> {
    source.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    })
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    /// How many characters each line has: a long one is not to be counted for each of its nodes.
    widths: Vec<usize>,
    /// The collections that are being read, outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    document: Option<Node>,
    nodes: usize,
}

/// A collection that is being read.
struct Open {
    at: Place,
    anchor: usize,
    parts: Parts,
}

enum Parts {
    List(Vec<Node>),
    Map {
        entries: Vec<(Text, Node)>,
        /// Merged in with `<<`: only what is not there itself counts.
        merged: Vec<(Text, Node)>,
        key: Option<Text>,
        known: Keys,
    },
}

/// The keys that a map has, if it has many: a long map is not to be walked through for each of them.
#[derive(Default)]
struct Keys(HashSet<String>);

impl Keys {
    /// Whether one of the entries has this key. They only grow from call to call.
    fn contains(&mut self, entries: &[(Text, Node)], key: &str) -> bool {
        const FEW: usize = 16;
        if entries.len() <= FEW {
            return entries.iter().any(|(own, _)| own.text == key);
        }
        let new = entries.iter().skip(self.0.len());
        self.0.extend(new.map(|(own, _)| own.text.clone()));
        self.0.contains(key)
    }
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxProblem> {
        let at = self.place(span);
        match event {
            Event::DocumentStart(_) if self.document.is_some() => {
                Err(at.problem("a second document starts here; a rulebook is one", None))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let has_properties = (anchor != 0 || tag.is_some()) && !text.is_empty();
                let (span, at) = if has_properties {
                    let span = self.without_properties(span);
                    (span, self.place(span))
                } else {
                    (span, at)
                };
                let text = self.text(&text, style, span, at, has_properties);
                let value = match (tag.as_deref(), style) {
                    (Some(tag), _) => {
                        tagged(text, tag).map_err(|problem| at.problem(problem, None))?
                    }
                    (None, ScalarStyle::Plain) if !self.wants_key() => plain(text),
                    _ => Yaml::Text(text),
                };
                self.add(Node { at, value }, anchor)
            }
            Event::SequenceStart(_, Some(tag)) | Event::MappingStart(_, Some(tag))
                if !(tag.is_yaml_core_schema()
                    && ["seq", "map"].contains(&tag.suffix.as_str())) =>
            {
                let problem = format!("there is no tag {}{}", shown_handle(&tag), tag.suffix);
                Err(at.problem(problem, None))
            }
            Event::SequenceStart(anchor, _) => self.start(at, anchor, Parts::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.start(
                at,
                anchor,
                Parts::Map {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                    known: Keys::default(),
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = self.open.pop() else {
                    return Ok(());
                };
                let value = match done.parts {
                    Parts::List(items) => Yaml::List(items),
                    Parts::Map {
                        mut entries,
                        merged,
                        mut known,
                        ..
                    } => {
                        for (key, node) in merged {
                            if !known.contains(&entries, &key.text) {
                                entries.push((key, node));
                            }
                        }
                        Yaml::Map(entries)
                    }
                };
                self.add(Node { at: done.at, value }, done.anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(at.problem("an alias within what it stands for", None));
                };
                self.nodes += size(&node);
                self.add(node, 0)
            }
            _ => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                parts: Parts::Map { key: None, .. },
                ..
            })
        )
    }

    fn start(&mut self, at: Place, anchor: usize, parts: Parts) -> Result<(), SyntaxProblem> {
        if self.wants_key() {
            let help = "a text that begins with a brace, such as {{ code }}, stands in quotes";
            let problem = "a key must be a text, no list and no map";
            return Err(at.problem(problem, Some(help.to_owned())));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.open.push(Open { at, anchor, parts });
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), SyntaxProblem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            let problem = format!("more than {MAX_NODES} values");
            let help = "what repeats is a foreach, and much data is a file that read_file reads; what an alias stands for \
                        counts each time";
            return Err(node.at.problem(problem, Some(help.to_owned())));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.document = Some(node),
            Some(Parts::List(items)) => items.push(node),
            Some(Parts::Map {
                entries,
                merged,
                key,
                known,
            }) => match key.take() {
                None => match node.value {
                    Yaml::Text(text) => *key = Some(text),
                    _ => return Err(node.at.problem("a key must be a text", None)),
                },
                Some(name) if name.text == "<<" => match node.value {
                    Yaml::Map(entries) => merge(merged, entries),
                    Yaml::List(maps) => {
                        for map in maps {
                            let Yaml::Map(entries) = map.value else {
                                return Err(map.at.problem("only maps can be merged in", None));
                            };
                            // Of two with one key, the first counts.
                            merge(merged, entries);
                        }
                    }
                    _ => return Err(node.at.problem("only maps can be merged in", None)),
                },
                Some(name) => {
                    if known.contains(entries, &name.text) {
                        let problem = format!("the key {:?} is there twice", name.text);
                        let mut keys = entries.iter().map(|(key, _)| key);
                        let first = keys.find(|key| key.text == name.text);
                        let help =
                            first.map(|key| format!("it is in line {} already", key.at.line));
                        return Err(name.at.problem(problem, help));
                    }
                    entries.push((name, node));
                }
            },
        }
        Ok(())
    }

    fn place(&self, span: Span) -> Place {
        // What is missing at the end is reported as missing in the line after it.
        let line = span.start.line().clamp(1, self.lines.len());
        let width = self.widths[line - 1];
        let column = if line == span.start.line() {
            span.start.col().min(width)
        } else {
            width
        };
        let to_end_of_line = || {
            let rest = self.lines[line - 1].trim_end().chars().count();
            rest.saturating_sub(column)
        };
        let length = if span.end.line() == line && span.end.col() > column {
            span.end.col() - column
        } else {
            to_end_of_line()
        };
        Place {
            line: line as u32,
            column: column as u32 + 1,
            length: length.max(1) as u32,
        }
    }

    /// A line from this column on, counted from 0.
    fn rest_of_line(&self, nth: usize, column: usize) -> &str {
        let line = self.lines[nth];
        let from = if self.widths[nth] == line.len() {
            Some(column)
        } else {
            line.char_indices().nth(column).map(|(at, _)| at)
        };
        from.and_then(|from| line.get(from..)).unwrap_or_default()
    }

    /// From where the content of a scalar begins: its anchor and its tag (`&name !!str`) come before.
    fn without_properties(&self, span: Span) -> Span {
        let mut column = span.start.col();
        for nth in span.start.line() - 1..span.end.line().min(self.lines.len()) {
            let line = self.rest_of_line(nth, column);
            let mut rest = line.trim_start();
            while rest.starts_with(['&', '!']) {
                rest = rest.trim_start_matches(|c: char| !c.is_whitespace());
                rest = rest.trim_start();
            }
            if !rest.is_empty() && !rest.starts_with('#') {
                column += line[..line.len() - rest.len()].chars().count();
                let start = Marker::new(span.start.index(), nth + 1, column);
                return Span::new(start, span.end);
            }
            column = 0;
        }
        span
    }

    fn text(
        &self,
        text: &str,
        style: ScalarStyle,
        span: Span,
        at: Place,
        has_properties: bool,
    ) -> Text {
        let mut start = (at.line, at.column);
        let stretches = match style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                start.1 += 1;
                self.quoted(text, style, start)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                // Where the content begins, or else the line with the `|` before it.
                let first = at.line + u32::from(has_properties);
                let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
                let is_filled = |(_, line): &(usize, &str)| !line.trim().is_empty();
                let lines = self.lines.iter().copied().enumerate();
                let content = lines.skip(first as usize - 1).find(is_filled);
                // Lines that are empty may come before, and with an indicator (`|2`) more spaces.
                let own = text.lines().enumerate().find(is_filled);
                let mut columns = 0;
                if let (Some((nth, line)), Some((before, own))) = (content, own) {
                    // Only a literal block keeps them as lines.
                    let before = if style == ScalarStyle::Literal {
                        before
                    } else {
                        0
                    };
                    start.0 = (nth + 1).saturating_sub(before).max(1) as u32;
                    columns = spaces(line).saturating_sub(spaces(own)) as u32;
                }
                start.1 = columns + 1;
                match style {
                    ScalarStyle::Literal => literal_lines(text, start),
                    _ => self.folded(text, start, span.end.line()),
                }
            }
            ScalarStyle::Plain => self.folded(text, start, span.end.line()),
        };
        Text {
            text: text.to_owned(),
            at,
            is_plain: style == ScalarStyle::Plain,
            stretches,
        }
    }

    /// The parts of a text that has spaces and line feeds between the lines of the source.
    fn folded(&self, text: &str, start: (u32, u32), last: usize) -> Vec<Stretch> {
        let mut stretches = vec![Stretch {
            offset: 0,
            line: start.0,
            column: start.1,
        }];
        let mut offset = 0;
        let first = start.0 as usize - 1;
        for nth in first..last.min(self.lines.len()) {
            let from = if nth == first {
                start.1 as usize - 1
            } else {
                0
            };
            let rest = self.rest_of_line(nth, from);
            let content = rest.trim();
            if content.is_empty() {
                continue;
            }
            let spaces = rest.len() - rest.trim_start().len();
            offset += text[offset..].len() - text[offset..].trim_start().len();
            let column = from + rest[..spaces].chars().count();
            stretches.push(Stretch {
                offset,
                line: nth as u32 + 1,
                column: column as u32 + 1,
            });
            if !text[offset..].starts_with(content) {
                break;
            }
            offset += content.len();
        }
        stretches
    }
}

/// What to do about YAML that is none.
fn help(problem: &str) -> Option<String> {
    let help = if problem.contains("mapping values are not allowed") {
        "a colon and a space begin a map: put a text that has them in quotes, or in lines of its own below |"
    } else if problem.contains("tab") {
        "YAML is indented by spaces, never by tabs"
    } else if problem.contains("quoted scalar") {
        "the quote that begins here is not closed"
    } else if problem.contains("did not find expected '-' indicator")
        || problem.contains("did not find expected key")
    {
        "what belongs together begins in one column: look at the spaces before this line, and those around it"
    } else {
        return None;
    };
    Some(help.to_owned())
}

/// Merges entries in; those that are there already stay.
fn merge(merged: &mut Vec<(Text, Node)>, entries: Vec<(Text, Node)>) {
    let known: HashSet<String> = merged.iter().map(|(key, _)| key.text.clone()).collect();
    let new = entries
        .into_iter()
        .filter(|(key, _)| !known.contains(&key.text));
    merged.extend(new);
}

/// What a tag makes of a scalar: `!!str 5` is a text.
fn tagged(text: Text, tag: &Tag) -> Result<Yaml, String> {
    if tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty() {
        return Ok(Yaml::Text(text));
    }
    let of_yaml = tag.is_yaml_core_schema().then_some(tag.suffix.as_str());
    let value = resolve_core_scalar(&text.text);
    let fits = match (of_yaml, value) {
        (Some("str"), _) => Some(Yaml::Text(text.clone())),
        (Some("int"), Some(Scalar::Number(number))) if number.fract() == 0.0 => {
            Some(Yaml::Number(number))
        }
        (Some("float"), Some(Scalar::Number(number))) => Some(Yaml::Number(number)),
        (Some("bool"), Some(Scalar::Bool(value))) => Some(Yaml::Bool(value)),
        (Some("null"), Some(Scalar::Null)) => Some(Yaml::Null),
        (Some("int" | "float" | "bool" | "null"), _) => None,
        _ => {
            return Err(format!(
                "there is no tag {}{}; there are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map",
                shown_handle(tag),
                tag.suffix
            ));
        }
    };
    fits.ok_or_else(|| format!("{:?} is no {}", text.text, tag.suffix))
}

/// The beginning of a tag as people write it.
fn shown_handle(tag: &Tag) -> &str {
    match tag.is_yaml_core_schema() {
        true => "!!",
        false => tag.handle.as_str(),
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Yaml::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Yaml::Map(entries) => 1 + entries.iter().map(|(_, node)| size(node)).sum::<usize>(),
        Yaml::Text(text) => 1 + text.text.len() / TEXT_NODE,
        _ => 1,
    }
}

/// What a plain scalar means.
fn plain(text: Text) -> Yaml {
    match resolve_scalar(&text.text) {
        Some(Scalar::Null) => Yaml::Null,
        Some(Scalar::Bool(value)) => Yaml::Bool(value),
        Some(Scalar::Number(value)) => Yaml::Number(value),
        None => Yaml::Text(text),
    }
}

/// A number as JSON: 3 rather than 3.0.
pub(crate) fn json_number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}
