//! How the functions of `cla/fs` read their arguments.

use std::path::PathBuf;

use cla_runtime::js::function::Params;
use cla_runtime::js::{self, Ctx, Value};

use super::answer::Answer;
use super::failure::{Failure, Named};
use super::job::Job;
use super::{Module, Step, Work};
use crate::call::argument;
use crate::options::{entries, unknown};
use crate::throw::{name_argument, string_argument, type_error, wrong};

/// The arguments of a call.
pub(super) struct Call<'a, 'p, 'js> {
    pub(super) module: &'a Module,
    /// Its name.
    pub(super) function: &'static str,
    pub(super) params: &'a Params<'p, 'js>,
}

impl<'js> Call<'_, '_, 'js> {
    pub(super) fn ctx(&self) -> &Ctx<'js> {
        self.params.ctx()
    }

    pub(super) fn what(&self, name: &str) -> String {
        format!("fs.{}: {name}", self.function)
    }

    /// An argument that is a path.
    pub(super) fn path(&self, at: usize, name: &str) -> js::Result<String> {
        path_of(self.ctx(), &self.what(name), &argument(self.params, at))
    }

    /// The options: an object, or nothing.
    pub(super) fn options(&self, at: usize, known: &[&str]) -> js::Result<Options<'js>> {
        let value = argument(self.params, at);
        let mut found = Vec::new();
        if let Some(object) = value.as_object().filter(|_| !value.is_function()) {
            for entry in entries(object) {
                let (key, value) = entry?;
                if !known.contains(&key.as_str()) {
                    let function = format!("fs.{}", self.function);
                    return Err(unknown(self.ctx(), &function, &key, known, &[]));
                }
                found.push((key, value));
            }
        } else if !value.is_undefined() {
            let what = self.what("options");
            return Err(wrong(self.ctx(), &what, "an object", &value));
        }
        Ok(Options {
            ctx: self.ctx().clone(),
            function: self.function,
            found,
        })
    }

    /// Work at one path.
    pub(super) fn work<A: Into<Answer>>(
        &self,
        path: String,
        perform: impl FnOnce(&Job, PathBuf) -> Result<A, Failure> + Send + 'static,
    ) -> Step {
        let call = Named {
            function: self.function,
            path: path.clone(),
            dest: None,
        };
        Step::Work(Work {
            call,
            place: None,
            reservation: None,
            perform: Box::new(move |job| Ok(perform(job, PathBuf::from(path))?.into())),
        })
    }

    /// Work with two paths.
    pub(super) fn work_with_two(
        &self,
        [from, to]: [String; 2],
        perform: impl FnOnce(&Job, PathBuf, PathBuf) -> Result<(), Failure> + Send + 'static,
    ) -> Step {
        let call = Named {
            function: self.function,
            path: from.clone(),
            dest: Some(to.clone()),
        };
        Step::Work(Work {
            call,
            place: None,
            reservation: None,
            perform: Box::new(move |job| {
                perform(job, PathBuf::from(from), PathBuf::from(to))?;
                Ok(Answer::Nothing)
            }),
        })
    }
}

/// A path: a text that names something.
pub(super) fn path_of<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<String> {
    let path = name_argument(ctx, what, value)?;
    if path.is_empty() {
        return Err(type_error(ctx, format_args!("{what} must not be empty")));
    }
    if path.contains('\0') {
        return Err(type_error(
            ctx,
            format_args!("{what} must not have a zero character"),
        ));
    }
    Ok(path)
}

/// The options of a call.
pub(super) struct Options<'js> {
    ctx: Ctx<'js>,
    function: &'static str,
    found: Vec<(String, Value<'js>)>,
}

impl<'js> Options<'js> {
    pub(super) fn get(&self, name: &str) -> Option<&Value<'js>> {
        let mut found = self.found.iter();
        found.find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn wrong<T>(&self, name: &str, expected: &str, value: &Value<'js>) -> js::Result<T> {
        let what = format!("fs.{}: {name}", self.function);
        Err(wrong(&self.ctx, &what, expected, value))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> js::Result<bool> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => match value.as_bool() {
                Some(flag) => Ok(flag),
                None => self.wrong(name, "true or false", value),
            },
        }
    }

    pub(super) fn text(&self, name: &str) -> js::Result<Option<String>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let what = format!("fs.{}: {name}", self.function);
        string_argument(&self.ctx, &what, value).map(Some)
    }

    pub(super) fn path(&self, name: &str) -> js::Result<Option<String>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let what = format!("fs.{}: {name}", self.function);
        path_of(&self.ctx, &what, value).map(Some)
    }

    pub(super) fn mode(&self) -> js::Result<Option<u32>> {
        match self.get("mode") {
            None => Ok(None),
            Some(value) => {
                let what = format!("fs.{}: mode", self.function);
                mode_of(&self.ctx, &what, value).map(Some)
            }
        }
    }

    pub(super) fn count(&self, name: &str) -> js::Result<Option<usize>> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_number() {
                Some(number) if number >= 1.0 => Ok(Some(number as usize)),
                _ => self.wrong(name, "a number of at least 1", value),
            },
        }
    }
}

/// A mode as `chmod` takes it: `0o644`, or `"644"`.
pub(super) fn mode_of<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<u32> {
    let mode = match (value.as_number(), value.as_string()) {
        (Some(number), _) if number.fract() == 0.0 && (0.0..=4095.0).contains(&number) => {
            Some(number as u32)
        }
        (_, Some(text)) => u32::from_str_radix(&crate::text::text(text)?, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777),
        _ => None,
    };
    mode.ok_or_else(|| wrong(ctx, what, "a mode such as 0o644 or \"644\"", value))
}
