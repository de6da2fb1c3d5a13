//! Shows a [`RuleError`] to people.

use std::borrow::Cow;
use std::ops::Range;

use cla_semaphore::{printable, printable_lines};
use codespan_reporting::diagnostic::{Diagnostic, Label, Severity};
use codespan_reporting::files::{Error as FilesError, Files};
use codespan_reporting::term::{self, Config, termcolor};

use super::{Frame, Location, RuleError, Snippet};

/// Of a stack longer than both together, this many innermost and outermost frames are shown.
const FRAMES_INNERMOST: usize = 7;
const FRAMES_OUTERMOST: usize = 3;

/// Most properties of an error that are shown, most characters of a line of one, and most lines: the last ones.
const PROPERTIES: usize = 12;
const PROPERTY_LENGTH: usize = 200;
const PROPERTY_LINES: usize = 10;

pub(super) fn render(error: &RuleError, severity: Severity, colour: bool) -> String {
    let mut notes = own_notes(error);
    for (index, part) in error.errors.iter().enumerate() {
        let role = format!("error {} of {}", index + 1, error.errors.len());
        let role = if error.name == "AggregateError" {
            &role
        } else {
            "also"
        };
        notes.extend(nested(role, &title(part), part));
    }
    let mut outer = error;
    while let Some(current) = outer.cause.as_deref() {
        // What the outer message says already is not repeated.
        let is_said = !current.message.is_empty() && outer.message.contains(&current.message);
        let title = match is_said {
            true => printable(&current.name).into_owned(),
            false => title(current),
        };
        notes.extend(nested("caused by", &title, current));
        outer = current;
    }
    emit(error, severity, notes, colour)
}

/// The notes that tell of `error` as a part of another: a line, its source, its stack.
fn nested(role: &str, title: &str, error: &RuleError) -> Vec<String> {
    let mut note = format!("{role}: {title}");
    match (&error.snippet, &error.location) {
        (Some(_), _) => {
            let shown = emit(error, Severity::Error, own_notes(error), false);
            for line in shown.lines().skip_while(|line| !line.contains("┌─")) {
                note.push_str("\n  ");
                note.push_str(line);
            }
        }
        (None, Some(location)) => {
            if error.frames.is_empty() {
                note.push_str(&format!(" ({location})"));
            }
            note.extend(own_notes(error).iter().map(|own| format!("\n  = {own}")));
        }
        (None, None) => {}
    }
    vec![note]
}

/// Help and stack.
fn own_notes(error: &RuleError) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(help) = &error.help {
        notes.push(format!("help: {}", printable_lines(help)));
    }
    notes.extend(properties(error));
    // The place already shown is not repeated.
    let shown = error.snippet.as_ref().and(error.location.as_ref());
    let mut skipped = false;
    let frames = error
        .frames
        .iter()
        .filter(|frame| {
            let skip = !skipped && shown == Some(&frame.location);
            skipped |= skip;
            !skip
        })
        .map(called)
        .collect::<Vec<_>>();
    let frames = without_repetition(frames);
    let most = FRAMES_INNERMOST + FRAMES_OUTERMOST;
    // Leaving out a single line would save nothing.
    if frames.len() <= most + 1 {
        notes.extend(frames);
    } else {
        let outermost = frames.len() - FRAMES_OUTERMOST;
        notes.extend_from_slice(&frames[..FRAMES_INNERMOST]);
        notes.push(format!("... {} more ...", outermost - FRAMES_INNERMOST));
        notes.extend_from_slice(&frames[outermost..]);
    }
    notes
}

/// A function that calls itself is shown once, with how often.
fn without_repetition(frames: Vec<String>) -> Vec<String> {
    let mut shown: Vec<(String, usize)> = Vec::new();
    for frame in frames {
        match shown.last_mut() {
            Some((last, count)) if *last == frame => *count += 1,
            _ => shown.push((frame, 1)),
        }
    }
    let each = shown.into_iter().flat_map(|(frame, count)| match count {
        1 => vec![frame],
        2 => vec![frame.clone(), frame],
        _ => vec![frame, format!("... the same {} times more ...", count - 1)],
    });
    each.collect()
}

/// By these, programs tell errors apart.
const ALWAYS_SHOWN: [&str; 2] = ["code", "rc"];

/// Whether a property tells something: it is no empty text, nor one that stands in the message.
fn tells(error: &RuleError, name: &str, value: &serde_json::Value) -> bool {
    let text = value.as_str().map(str::trim_end);
    let is_said = |text: &str| text.is_empty() || error.message.contains(text);
    ALWAYS_SHOWN.contains(&name) || !text.is_some_and(is_said)
}

/// The error's own properties, each with its value.
fn properties(error: &RuleError) -> Vec<String> {
    let serde_json::Value::Object(fields) = &error.details else {
        return Vec::new();
    };
    // What was thrown without being an error is shown already, as is what the engine says of its own errors.
    if error.name == "uncaught" || !is_class(error) || error.is_failed_import() {
        return Vec::new();
    }
    let telling = || {
        fields
            .iter()
            .filter(|(name, value)| tells(error, name, value))
    };
    let shown = telling().take(PROPERTIES).map(|(name, value)| {
        let value = match value.as_str().map(str::trim_end) {
            Some(text) if text.contains('\n') => {
                let lines = text.lines();
                let count = lines.clone().count();
                let skipped = count.saturating_sub(PROPERTY_LINES);
                let kept = lines
                    .skip(skipped)
                    .map(|line| format!("\n  {}", short(line)));
                let kept: String = kept.collect();
                match skipped {
                    0 => kept,
                    skipped => format!("\n  ... {skipped} more ...{kept}"),
                }
            }
            _ => format!(" {}", short(&value.to_string())),
        };
        printable_lines(&format!("{name}:{value}")).into_owned()
    });
    let left = telling().count().saturating_sub(PROPERTIES);
    let more = (left > 0).then(|| format!("... {left} more properties ..."));
    shown.chain(more).collect()
}

/// So many of a text's characters as a line has room for.
fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(PROPERTY_LENGTH) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

fn called(frame: &Frame) -> String {
    let place = &frame.location;
    match &frame.function {
        Some(function) => format!("at {} ({place})", printable(&function.replace('\n', " "))),
        None => format!("at {place}"),
    }
}

fn title(error: &RuleError) -> String {
    match (printable(&error.name), printable_lines(&error.message)) {
        (name, message) if message.is_empty() => name.into_owned(),
        (name, message) => format!("{name}: {message}"),
    }
}

fn emit(error: &RuleError, severity: Severity, mut notes: Vec<String>, colour: bool) -> String {
    // With a source line, the error's class stands below it.
    let header = match &error.snippet {
        Some(_) if !error.message.is_empty() => printable_lines(&error.message).into_owned(),
        Some(_) => printable(&error.name).into_owned(),
        // That an error is an error is said already.
        None if error.name == "uncaught" || is_class(error) && error.name != "Error" => {
            title(error)
        }
        None => printable_lines(&error.message).into_owned(),
    };
    let mut diagnostic = Diagnostic::new(severity).with_message(header);
    let file = match (&error.snippet, &error.location) {
        (Some(snippet), Some(location)) => {
            let file = SourceLine::new(location, snippet);
            diagnostic = diagnostic.with_labels(vec![
                Label::primary((), file.underlined.clone()).with_message(printable(&error.name)),
            ]);
            Some(file)
        }
        (_, Some(location)) if error.frames.is_empty() => {
            notes.insert(0, format!("at {location}"));
            None
        }
        _ => None,
    };
    let file = file.unwrap_or_else(SourceLine::empty);
    let mut buffer = if colour {
        termcolor::Buffer::ansi()
    } else {
        termcolor::Buffer::no_color()
    };
    diagnostic = diagnostic.with_notes(notes);
    let written = term::emit_to_write_style(&mut buffer, &Config::default(), &file, &diagnostic);
    if written.is_err() {
        return format!("error: {}\n", title(error));
    }
    let shown = String::from_utf8_lossy(buffer.as_slice());
    let mut text = String::new();
    for line in shown.trim_end().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Whether the error's name says more than its message: of those that a script throws.
fn is_class(error: &RuleError) -> bool {
    use super::ErrorKind::{Exception, Syntax};
    matches!(error.kind, Exception | Syntax)
}

/// The one line of a file that codespan needs to see.
struct SourceLine<'e> {
    name: Cow<'e, str>,
    text: &'e str,
    line: usize,
    column: usize,
    /// In bytes.
    underlined: Range<usize>,
}

impl<'e> SourceLine<'e> {
    fn new(location: &'e Location, snippet: &'e Snippet) -> Self {
        let text = snippet.text.as_str();
        let byte = |character: usize| {
            text.char_indices()
                .nth(character)
                .map_or(text.len(), |(at, _)| at)
        };
        let start = (snippet.column as usize).saturating_sub(1);
        Self {
            name: printable(&location.file),
            text,
            line: location.line as usize,
            column: location.column as usize,
            underlined: byte(start)..byte(start + snippet.length as usize),
        }
    }

    fn empty() -> Self {
        Self {
            name: Cow::Borrowed(""),
            text: "",
            line: 1,
            column: 1,
            underlined: 0..0,
        }
    }
}

impl<'f> Files<'f> for SourceLine<'_> {
    type FileId = ();
    type Name = &'f str;
    type Source = &'f str;

    fn name(&'f self, (): ()) -> Result<&'f str, FilesError> {
        Ok(&self.name)
    }

    fn source(&'f self, (): ()) -> Result<&'f str, FilesError> {
        Ok(self.text)
    }

    fn line_index(&'f self, (): (), _: usize) -> Result<usize, FilesError> {
        Ok(0)
    }

    fn line_number(&'f self, (): (), _: usize) -> Result<usize, FilesError> {
        Ok(self.line)
    }

    fn column_number(&'f self, (): (), _: usize, _: usize) -> Result<usize, FilesError> {
        Ok(self.column)
    }

    fn line_range(&'f self, (): (), _: usize) -> Result<Range<usize>, FilesError> {
        Ok(0..self.text.len())
    }
}
