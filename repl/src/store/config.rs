//! `cla.toml`: read, and refused with the place of what is wrong in it.

use std::ops::Range;
use std::path::Path;

use cla_runtime::semaphore::StoreUrl;
use codespan_reporting::diagnostic::{Diagnostic, Label};
use codespan_reporting::files::SimpleFile;
use codespan_reporting::term::{self, termcolor};
use toml::de::{DeTable, DeValue};

use super::ChoiceError;

/// All keys that there are.
const KEYS: [&str; 1] = ["store"];

/// No configuration is longer; what is was not meant to be one.
const LONGEST: u64 = 1024 * 1024;

/// What a `cla.toml` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    pub(super) store: Option<StoreUrl>,
}

/// What is wrong, and where.
struct Mistake {
    message: String,
    at: Range<usize>,
}

impl Config {
    /// Reads the file, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ChoiceError> {
        let read = || {
            if std::fs::metadata(path)?.len() > LONGEST {
                return Err(std::io::Error::other("it is longer than 1 MiB"));
            }
            std::fs::read_to_string(path)
        };
        let text = match read() {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(problem) => {
                return Err(ChoiceError::Unreadable {
                    path: path.to_owned(),
                    problem,
                });
            }
        };
        match Self::parse(&text) {
            Ok(config) => Ok(Some(config)),
            Err(mistake) => Err(ChoiceError::Config(mistake.shown(path, &text))),
        }
    }

    fn parse(text: &str) -> Result<Self, Mistake> {
        let table = DeTable::parse(text).map_err(|error| Mistake {
            message: error.message().to_owned(),
            at: error.span().unwrap_or_default(),
        })?;
        let mut config = Self::default();
        for (key, value) in table.get_ref() {
            match key.get_ref().as_ref() {
                "store" => {
                    let url = match value.get_ref() {
                        DeValue::String(url) => url.parse().map_err(|error| format!("{error}")),
                        other => Err(format!("a store is a text, not {}", kind(other))),
                    };
                    let at = value.span();
                    config.store = Some(url.map_err(|message| Mistake { message, at })?);
                }
                unknown => {
                    return Err(Mistake {
                        message: unknown_key(unknown),
                        at: key.span(),
                    });
                }
            }
        }
        Ok(config)
    }
}

fn unknown_key(key: &str) -> String {
    match crate::nearest(key, KEYS) {
        Some(nearest) => format!("unknown key {key:?}; did you mean {nearest:?}?"),
        None => format!("unknown key {key:?}; there are: {}", KEYS.join(", ")),
    }
}

/// A value's type, with its article.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl Mistake {
    /// The message, the place, and the line with what is wrong underlined.
    ///
    /// A line with an `@` or a `?` is not shown: in front of the one, and behind the other, there may be a password.
    fn shown(&self, path: &Path, text: &str) -> String {
        let (line, column, source) = self.place(text);
        if source.contains(['@', '?']) {
            return format!("{}:{line}:{column}: {}", path.display(), self.message);
        }
        let file = SimpleFile::new(path.display().to_string(), text);
        let diagnostic = Diagnostic::error()
            .with_message(&self.message)
            .with_labels(vec![Label::primary((), self.at.clone())]);
        let mut buffer = termcolor::Buffer::no_color();
        let written =
            term::emit_to_write_style(&mut buffer, &term::Config::default(), &file, &diagnostic);
        if written.is_err() {
            return format!("{}: {}", path.display(), self.message);
        }
        let shown = String::from_utf8_lossy(buffer.as_slice());
        let shown = shown.trim_end();
        // Who reports it says that it is an error.
        shown.strip_prefix("error: ").unwrap_or(shown).to_owned()
    }

    /// The line and the column at which it begins, from 1, and the text of that line.
    fn place<'t>(&self, text: &'t str) -> (usize, usize, &'t str) {
        let before = text.get(..self.at.start).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |end| end + 1);
        let source = text[begin..].lines().next().unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        (line, before[begin..].chars().count() + 1, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        match Config::parse(text) {
            Ok(config) => panic!("{text:?} is {config:?}"),
            Err(mistake) => mistake.shown(Path::new("cla.toml"), text),
        }
    }

    #[test]
    fn a_store_is_named_by_its_url() {
        let config = Config::parse("# shared\nstore = \"sqlite:x.db\"\n")
            .ok()
            .unwrap();
        assert_eq!(config.store, Some(StoreUrl::Sqlite("x.db".into())));
        assert_eq!(Config::parse("").ok(), Some(Config::default()));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place_and_the_nearest() {
        let shown = refused("\n  stroe = \"memory:\"\n");
        for part in [
            "unknown key \"stroe\"",
            "did you mean \"store\"?",
            "cla.toml:2:3",
            "^^^^^",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(refused("[semaphores]\nx = 1").contains("there are: store"));
    }

    #[test]
    fn a_value_of_another_kind_or_no_store_is_refused_with_its_place() {
        let shown = refused("store = 5");
        assert!(
            shown.contains("not a number") && shown.contains("cla.toml:1:9"),
            "{shown}"
        );
        let shown = refused("store = 'radis://me:secret@host'");
        let expected = "cla.toml:1:9: \"radis://me:***@host\" is no store";
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_place() {
        let shown = refused("store = \"memory:\"\nstore = 'x'\n");
        assert!(shown.contains("cla.toml:2:1"), "{shown}");
        assert!(
            refused("store = \"mem").contains("cla.toml:1:"),
            "unfinished"
        );
    }
}
