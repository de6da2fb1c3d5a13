//! Filters: `${name|upper|default('none')}`. What stands behind a `|` makes another value of the one before it.
//!
//! Those of the language are here; a rule adds its own with `cla.filter`. In a command of `shell`, `quote` and `raw` at the
//! end say how the value gets into the command: see `op/shell.rs`.

use cla_runtime::internal::{nearest, run_of};
use cla_runtime::js::{self, Array, Ctx, Exception, IntoJs, Object, Value};
use cla_stdlib::internal::{self as library, command};
use serde_json::Value as Json;

use crate::data::{self, Format};
use crate::shown::shown;
use crate::yaml::Place;

/// The longest text that a filter makes of shorter ones, in bytes.
const MOST_MADE: usize = 16 << 20;

/// A filter as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Filter {
    pub(crate) name: String,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) at: Place,
}

/// What a filter is given in brackets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Argument {
    Value(Json),
    /// A variable, or a part of one.
    Path(String),
}

/// A filter of the language.
struct Known {
    name: &'static str,
    /// How many arguments it must have, and may have.
    arguments: (usize, usize),
    apply: Apply,
}

type Apply = for<'js> fn(&Given<'_, 'js>) -> js::Result<Value<'js>>;

/// What a filter works with.
struct Given<'a, 'js> {
    ctx: &'a Ctx<'js>,
    value: Value<'js>,
    arguments: &'a [Value<'js>],
}

impl<'js> Given<'_, 'js> {
    fn text(&self) -> js::Result<String> {
        shown(&self.value)
    }

    fn argument(&self, nth: usize, otherwise: &str) -> js::Result<String> {
        match self.arguments.get(nth) {
            Some(value) => shown(value),
            None => Ok(otherwise.to_owned()),
        }
    }

    /// Refuses a text of so many bytes that the run has no room for it.
    fn within(&self, bytes: usize) -> js::Result<()> {
        match bytes > MOST_MADE {
            true => Err(Exception::throw_range(
                self.ctx,
                "the text would be longer than 16 MiB",
            )),
            false => Ok(()),
        }
    }

    fn make(&self, text: impl AsRef<str>) -> js::Result<Value<'js>> {
        text.as_ref().into_js(self.ctx)
    }
}

static KNOWN: &[Known] = &[
    Known {
        name: "default",
        arguments: (1, 1),
        apply: |given| {
            let value = &given.value;
            let is_empty = value
                .as_string()
                .is_some_and(|text| text.to_string().is_ok_and(|text| text.is_empty()));
            Ok(match value.is_undefined() || value.is_null() || is_empty {
                true => given.arguments[0].clone(),
                false => value.clone(),
            })
        },
    },
    Known {
        name: "quote",
        arguments: (0, 0),
        apply: |given| {
            let text = given.text()?;
            if text.contains('\0') {
                let message = "the value has a zero character, which no command can have";
                return Err(Exception::throw_type(given.ctx, message));
            }
            given.make(command::quote(&text))
        },
    },
    Known {
        name: "raw",
        arguments: (0, 0),
        apply: |given| Ok(given.value.clone()),
    },
    Known {
        name: "json",
        arguments: (0, 0),
        apply: |given| match given.ctx.json_stringify(given.value.clone())? {
            Some(json) => Ok(json.into_value()),
            None => Err(Exception::throw_type(
                given.ctx,
                "JSON has no word for this value",
            )),
        },
    },
    Known {
        name: "yaml",
        arguments: (0, 0),
        apply: |given| {
            let Some(run) = run_of(given.ctx) else {
                return Err(Exception::throw_message(given.ctx, "there is no run"));
            };
            let text = data::write(given.ctx, &run, given.value.clone(), Format::Yaml)?;
            given.make(text.trim_end_matches('\n'))
        },
    },
    Known {
        name: "upper",
        arguments: (0, 0),
        apply: |given| given.make(given.text()?.to_uppercase()),
    },
    Known {
        name: "lower",
        arguments: (0, 0),
        apply: |given| given.make(given.text()?.to_lowercase()),
    },
    Known {
        name: "trim",
        arguments: (0, 0),
        apply: |given| given.make(given.text()?.trim()),
    },
    Known {
        name: "replace",
        arguments: (2, 2),
        apply: |given| {
            let (from, to) = (given.argument(0, "")?, given.argument(1, "")?);
            let text = given.text()?;
            if from.is_empty() {
                return given.make(text);
            }
            given.within(text.len() + text.matches(&from).count().saturating_mul(to.len()))?;
            given.make(text.replace(&from, &to))
        },
    },
    Known {
        name: "join",
        arguments: (0, 1),
        apply: |given| {
            let Some(items) = given.value.as_array() else {
                return Err(Exception::throw_type(given.ctx, "join takes a list"));
            };
            let between = given.argument(0, ",")?;
            let mut joined = String::new();
            for (nth, item) in items.iter::<Value<'_>>().enumerate() {
                if nth > 0 {
                    joined.push_str(&between);
                }
                joined.push_str(&shown(&item?)?);
                given.within(joined.len())?;
            }
            given.make(joined)
        },
    },
    Known {
        name: "length",
        arguments: (0, 0),
        apply: |given| {
            let length = match (given.value.as_array(), given.value.as_object()) {
                (Some(items), _) => items.len(),
                (None, Some(map)) => map.keys::<String>().count(),
                (None, None) => given.text()?.chars().count(),
            };
            (length as f64).into_js(given.ctx)
        },
    },
    Known {
        name: "base64",
        arguments: (0, 0),
        apply: |given| given.make(library::base64(given.text()?.as_bytes())),
    },
    Known {
        name: "basename",
        arguments: (0, 0),
        apply: |given| {
            let text = given.text()?;
            let path = text.trim_end_matches('/');
            given.make(path.rsplit('/').next().unwrap_or_default())
        },
    },
    Known {
        name: "dirname",
        arguments: (0, 0),
        apply: |given| {
            let text = given.text()?;
            let path = text.trim_end_matches('/');
            given.make(match path.rsplit_once('/') {
                Some((folder, _)) if folder.trim_end_matches('/').is_empty() => "/",
                Some((folder, _)) => folder.trim_end_matches('/'),
                None if path.is_empty() && !text.is_empty() => "/",
                None => ".",
            })
        },
    },
];

/// What is wrong with a filter, and what may help. `is_open`: a rule may add filters that are not known here.
pub(crate) fn problem(filter: &Filter, is_open: bool) -> Option<(String, Option<String>)> {
    let names = KNOWN.iter().map(|known| known.name);
    let Some(known) = KNOWN.iter().find(|known| known.name == filter.name) else {
        if is_open {
            return None;
        }
        let help = match nearest(&filter.name, names.clone()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!(
                "filters are {}; cla.filter(name, function) adds one",
                names.collect::<Vec<_>>().join(", ")
            ),
        };
        return Some((format!("there is no filter {:?}", filter.name), Some(help)));
    };
    let (least, most) = known.arguments;
    let given = filter.arguments.len();
    if (least..=most).contains(&given) {
        return None;
    }
    let wanted = match (least, most) {
        (0, 0) => "no argument".to_owned(),
        (0, 1) => "at most one argument".to_owned(),
        (1, 1) => "one argument".to_owned(),
        _ => format!("{most} arguments"),
    };
    let message = format!("the filter {} takes {wanted}, not {given}", known.name);
    let help = match known.name {
        "default" => Some("${name|default('none')}".to_owned()),
        "replace" => Some("${name|replace('_', '-')}".to_owned()),
        _ => None,
    };
    Some((message, help))
}

impl Filter {
    /// What the filter makes of a value, which is `undefined` where there is none.
    ///
    /// # Errors
    ///
    /// The value does not fit; or there is no such filter in this run.
    pub(crate) fn apply<'js>(
        &self,
        ctx: &Ctx<'js>,
        value: Value<'js>,
        arguments: &[Value<'js>],
    ) -> js::Result<Value<'js>> {
        if let Some(known) = KNOWN.iter().find(|known| known.name == self.name) {
            let given = Given {
                ctx,
                value,
                arguments,
            };
            return (known.apply)(&given);
        }
        let Some(function) = library::filter(ctx, &self.name)? else {
            let message = format!(
                "there is no filter {:?}: cla.filter has not added it in this run",
                self.name
            );
            return Err(Exception::throw_reference(ctx, &message));
        };
        let mut all = js::function::Args::new(ctx.clone(), 1 + arguments.len());
        all.push_arg(value)?;
        all.push_args(arguments.iter().cloned())?;
        function.call_arg(all)
    }

    /// Whether it is one of the language.
    pub(crate) fn is_known(&self) -> bool {
        KNOWN.iter().any(|known| known.name == self.name)
    }

    /// Whether it takes what is not set.
    pub(crate) fn takes_nothing(&self) -> bool {
        self.name == "default"
    }
}

/// The texts of a value that is put into a command: one, or those of a list.
pub(crate) fn words(value: &Value<'_>) -> js::Result<Vec<String>> {
    match value.as_array() {
        Some(list) => texts(list),
        None => Ok(vec![shown(value)?]),
    }
}

fn texts(list: &Array<'_>) -> js::Result<Vec<String>> {
    list.iter::<Value<'_>>().map(|item| shown(&item?)).collect()
}

/// Whether there is a filter of this name in every rulebook.
pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.name == name)
}

/// The names of a map's own entries.
pub(crate) fn names(map: &Object<'_>) -> Vec<String> {
    map.keys::<String>().filter_map(Result::ok).collect()
}
