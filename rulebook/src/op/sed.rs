//! `sed`: texts replaced in files.

use std::path::PathBuf;

use cla_runtime::js::{IntoJs, Value};
use cla_stdlib::internal::replace;
use serde_json::json;

use super::choice::{Patterns, list_of_texts};
use crate::schema::parts::{OpSchema, described, reference, short};
use crate::shown::shown;
use crate::template::is_path;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::{Node, Yaml};

pub(super) static SED: Description = Description {
    name: "sed",
    about: "Replaces texts in a file, or in all text files of a folder: each ${name} by the variable, if it is set; or with \
            `replace` the texts that it names. Gives the paths of the files that it changed.",
    example: "- sed: templates\n- sed: {path: conf, include: ['\\.ini$'], replace: {localhost: '${host}'}}",
    companions: &[],
    schema: || {
        OpSchema::new(short(
            &["string", "number", "boolean"],
            json!({
                "path": described("The file, or the folder.", reference("text")),
                "include": described("Regular expressions: only files whose path matches one.", list_of_texts()),
                "exclude": described("Regular expressions: no files whose path matches one.", list_of_texts()),
                "replace": {
                    "description": "Texts, and what comes in their place.",
                    "type": "object",
                    "propertyNames": {"minLength": 1},
                    "minProperties": 1,
                },
            }),
            &["path"],
        ))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let names = ["path", "include", "exclude", "replace"];
    let [path, include, exclude, replaced] = parser.parts(argument, "path", names);
    let replaced = match replaced {
        None => None,
        Some(Data::Map(entries)) if !entries.is_empty() => {
            if has_empty_key(argument) {
                parser.problem(argument.at, "an empty text cannot be replaced");
            }
            Some(entries)
        }
        Some(_) => {
            parser.problem(argument.at, "replace is a map: {OLD: NEW}");
            None
        }
    };
    let choice = Patterns::read(parser, argument, include, exclude);
    Some(Box::new(Sed {
        path: parser.required(argument, "path", path)?,
        choice,
        replaced: replaced.map(Data::Map),
    }))
}

/// Whether one of the texts to replace is empty.
fn has_empty_key(argument: &Node) -> bool {
    let Yaml::Map(parts) = &argument.value else {
        return false;
    };
    parts.iter().any(|(key, part)| match &part.value {
        Yaml::Map(entries) if key.text == "replace" => {
            entries.iter().any(|(old, _)| old.text.is_empty())
        }
        _ => false,
    })
}

#[derive(Debug)]
struct Sed {
    path: Data,
    choice: Patterns,
    /// What is replaced in place of variables.
    replaced: Option<Data>,
}

impl Sed {
    /// The texts that are replaced, and by what.
    fn pairs<'js>(
        &self,
        runner: &dyn Runner<'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Option<Vec<(String, String)>>> {
        let Some(replaced) = &self.replaced else {
            return Ok(None);
        };
        let value = runner.value(replaced, scope)?;
        let mut pairs = Vec::new();
        for entry in value.as_object().into_iter().flat_map(|map| map.props()) {
            let (old, new): (String, Value<'js>) = runner.js(entry)?;
            if old.is_empty() {
                return Err(runner.throw("an empty text cannot be replaced"));
            }
            pairs.push((old, runner.js(shown(&new))?));
        }
        Ok(Some(pairs))
    }
}

/// The longest name of a variable that is looked for in files, in bytes.
const LONGEST_NAME: usize = 1_000;

/// A text with the variables that are set in place of `${name}`.
fn with_variables<'js>(
    text: &str,
    runner: &dyn Runner<'js>,
    scope: &Scope<'js>,
) -> OpResult<'js, String> {
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        runner.checkpoint()?;
        let (before, hole) = rest.split_at(at);
        new.push_str(before);
        // A name ends soon, and in its line.
        let inside = hole[2..].bytes().take(LONGEST_NAME);
        let end = inside.clone().position(|byte| matches!(byte, b'}' | b'\n'));
        let name = end.map(|end| &hole[2..2 + end]);
        let name = name.filter(|name| hole[2 + name.len()..].starts_with('}') && is_path(name));
        let value = match name {
            Some(name) => runner.js(scope.variable(name))?,
            None => None,
        };
        match (name, value) {
            (Some(name), Some(value)) => {
                new.push_str(&runner.js(shown(&value))?);
                rest = &hole[name.len() + 3..];
            }
            _ => {
                new.push_str("${");
                rest = &hole[2..];
            }
        }
    }
    new.push_str(rest);
    Ok(new)
}

/// A text with all of these replaced at once: what comes in place of one is not looked at again. Of two that begin at one
/// place, the longer one counts.
fn with_pairs(text: &str, pairs: &[(String, String)]) -> String {
    let mut new = String::with_capacity(text.len());
    let find = |from: usize, old: &str| text[from..].find(old).map(|at| from + at);
    let mut next: Vec<Option<usize>> = pairs.iter().map(|(old, _)| find(0, old)).collect();
    let mut from = 0;
    loop {
        let places = next
            .iter()
            .zip(pairs)
            .filter_map(|(at, pair)| Some(((*at)?, pair)));
        let first = places.min_by_key(|(at, (old, _))| (*at, std::cmp::Reverse(old.len())));
        let Some((at, (old, with))) = first else {
            break;
        };
        new.push_str(&text[from..at]);
        new.push_str(with);
        from = at + old.len();
        for (at, (old, _)) in next.iter_mut().zip(pairs) {
            if at.is_some_and(|at| at < from) {
                *at = find(from, old);
            }
        }
    }
    new.push_str(&text[from..]);
    new
}

impl Action for Sed {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let path = runner.text(&self.path, scope)?;
        let pairs = self.pairs(runner, scope)?;
        let choice = self.choice.choice(runner, scope)?;
        let (run, ctx) = (runner.run(), runner.ctx());
        let failed = |path: &str, error: std::io::Error| runner.throw(&format!("{path}: {error}"));
        let permissions = || run.permissions().clone();
        let most = || run.memory_left() / 3;
        let files = replace::files(permissions(), PathBuf::from(&path), choice, most());
        let files = runner
            .js(run.permitted_file(ctx, runner.wait(files)?))?
            .map_err(|error| failed(&path, error))?;
        let mut changed = Vec::new();
        for file in files {
            let shown_file = file.to_string_lossy().into_owned();
            let text = runner.wait(replace::text(permissions(), file.clone(), most()))?;
            let text = runner
                .js(run.permitted_file(ctx, text))?
                .map_err(|error| failed(&shown_file, error))?;
            // What is no text has no texts to be replaced.
            let Some(text) = text else { continue };
            let _reservation = run.count_memory(2 * text.len());
            let new = match &pairs {
                Some(pairs) => with_pairs(&text, pairs),
                None => with_variables(&text, runner, scope)?,
            };
            if new == text {
                continue;
            }
            let written = runner.wait(replace::rewrite(permissions(), file, new))?;
            runner
                .js(run.permitted_file(ctx, written))?
                .map_err(|error| failed(&shown_file, error))?;
            changed.push(shown_file);
        }
        runner.js(changed.into_js(ctx))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.path), self.replaced.as_ref(), None]);
        self.choice.check(walk);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.path), self.replaced.as_ref(), None]))
    }
}

#[cfg(test)]
mod tests {
    use super::with_pairs;

    #[test]
    fn texts_are_replaced_at_once() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(with_pairs("a b", &pairs(&[("a", "b"), ("b", "a")])), "b a");
        assert_eq!(with_pairs("aab", &pairs(&[("a", "1"), ("aa", "2")])), "2b");
        assert_eq!(with_pairs("aaa", &pairs(&[("a", "aa")])), "aaaaaa");
        assert_eq!(with_pairs("none", &pairs(&[("x", "y")])), "none");
    }
}
