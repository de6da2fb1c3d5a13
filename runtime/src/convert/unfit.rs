//! Why a value cannot be read, in words: what it is, and the path to the part that is no data.

use rquickjs::{Atom, Ctx, Error, Exception, Object, Value};

use crate::sys::values::with_text;
use crate::text::without_surrogates;

/// The longest path that is shown in full, in characters; of longer ones the beginning and the end.
const LONGEST_PATH: usize = 120;

/// Why a value cannot be read.
pub(crate) enum Unfit {
    /// An exception, or the error of an interpreter that was stopped.
    Thrown(Error),
    /// It is no data: what and where.
    NoData(String),
    /// It needs more memory than the run has left: which value, and where in it that was noticed.
    TooLarge(String),
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        Self::Thrown(error)
    }
}

impl Unfit {
    /// `what` needs too much memory, which was noticed at `path`.
    pub(super) fn too_large(what: &str, path: &str) -> Self {
        Self::TooLarge(format!(
            "{what} needs more memory than the run has left (noticed at {path}); a part that is used in several places \
             counts in each of them"
        ))
    }

    /// The exception for the script that wanted the value to be read.
    pub(crate) fn throw(self, ctx: &Ctx<'_>) -> Error {
        let (error, message) = match self {
            Self::Thrown(error) => return error,
            Self::NoData(message) => (Exception::throw_type(ctx, "unfit"), message),
            Self::TooLarge(message) => (Exception::throw_range(ctx, "unfit"), message),
        };
        // QuickJS cuts long messages.
        let thrown = ctx.catch();
        if let Some(object) = thrown.as_object()
            && let Err(error) = object.set("message", message)
        {
            return error;
        }
        if thrown.is_exception() {
            error
        } else {
            ctx.throw(thrown)
        }
    }
}

/// One step of a path.
pub(super) enum Step<'js> {
    Index(u64),
    Key(Key<'js>),
    /// What `toJSON` returned is where the object was.
    Start,
}

#[derive(Clone)]
pub(super) enum Key<'js> {
    Atom(Atom<'js>),
    Value(Value<'js>),
}

/// The path that leads to a part of `what` by these steps.
pub(super) fn path<'s, 'js: 's>(what: &str, steps: impl Iterator<Item = &'s Step<'js>>) -> String {
    let mut path = what.to_owned();
    for step in steps {
        match step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                let value = match key {
                    Key::Atom(atom) => atom.to_js_string().map(rquickjs::String::into_value),
                    Key::Value(value) => Ok(value.clone()),
                };
                let name = value.and_then(|value| with_text(&value, without_surrogates));
                push_name(&mut path, &name.unwrap_or_default());
            }
            Step::Start => {}
        }
    }
    let length = path.chars().count();
    if length <= LONGEST_PATH {
        return path;
    }
    let half = LONGEST_PATH / 2;
    let start: String = path.chars().take(half).collect();
    let end: String = path.chars().skip(length - half).collect();
    format!("{start} … {end}")
}

/// A property's name as code that reaches it would write it.
fn push_name(path: &mut String, name: &str) {
    let mut characters = name.chars();
    let first = |c: char| c.is_alphabetic() || c == '_' || c == '$';
    let plain =
        characters.next().is_some_and(first) && characters.all(|c| first(c) || c.is_ascii_digit());
    if plain {
        path.push('.');
        path.push_str(name);
    } else {
        path.push_str(&format!("[{name:?}]"));
    }
}

/// A function in words.
pub(crate) fn function_in_words(object: &Object<'_>) -> String {
    let name = match object.get::<_, Value<'_>>("name") {
        Ok(name) if name.is_string() => with_text(&name, without_surrogates).unwrap_or_default(),
        Ok(_) => String::new(),
        Err(_) => {
            drop(object.ctx().catch());
            String::new()
        }
    };
    if name.is_empty() {
        "is a function".to_owned()
    } else {
        format!(
            "is the function {}",
            name.chars().take(40).collect::<String>()
        )
    }
}
