//! What ops do outside of the rulebook: commands, files, other rules.

use rquickjs::{Object, Value};
use std::path::{Path, PathBuf};

use super::super::book::{Data, Op};
use super::super::data::Format;
use super::super::scope::Scope;
use super::super::shell;
use super::{Abort, GRACE, Ran, Runner};
use crate::engine::RunOptions;
use crate::modules::Resolved;
use crate::native::{json_to_value, value_to_json};
use crate::output::OutputStream;
use crate::script::Script;

impl<'js> Runner<'_, 'js> {
    pub(super) fn shell(&self, op: &Op, data: &Data, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let command = self.text(data, scope)?;
        let write = |stream: OutputStream, text: &str| self.run.write(stream, text);
        let assigned = op.register.is_some();
        let stream: Option<shell::Writer<'_>> = if assigned { None } else { Some(&write) };
        let ended = self
            .wait(shell::run(&command, stream))?
            .map_err(|error| self.throw(&format!("the command cannot be run: {error}")))?;
        if !assigned && ended.code != 0 {
            let message = format!("the command exited with {}: {}", ended.code, command.trim());
            return Err(self.throw(&message));
        }
        let result = self.js(Object::new(self.ctx.clone()))?;
        self.js(result.set("rc", ended.code))?;
        self.js(result.set("output", ended.output.trim_end_matches('\n')))?;
        self.js(result.set("error", ended.error.trim_end_matches('\n')))?;
        Ok(result.into_value())
    }

    pub(super) fn format(
        &self,
        format: Option<&Data>,
        otherwise: Format,
        scope: &Scope<'js>,
    ) -> Ran<'js, Format> {
        let Some(format) = format else {
            return Ok(otherwise);
        };
        let name = self.text(format, scope)?;
        Format::named(&name)
            .ok_or_else(|| self.throw(&format!("the format is json, yaml or text, not {name:?}")))
    }

    /// Does something to a file, on a thread that may block.
    pub(super) fn file<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Ran<'js, T> {
        let owned = PathBuf::from(path);
        let done = self.wait(tokio::task::spawn_blocking(move || work(&owned)))?;
        let done = done.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        done.map_err(|error| self.throw(&format!("{path}: {error}")))
    }

    /// Runs another rule, and gives what it returns.
    pub(super) fn rule(
        &self,
        file: &Data,
        stash: Option<&Data>,
        event: Option<&Data>,
        scope: &Scope<'js>,
    ) -> Ran<'js, Value<'js>> {
        let file = self.text(file, scope)?;
        let specifier = if file.starts_with(['.', '/']) {
            file.clone()
        } else {
            format!("./{file}")
        };
        let path = match self.run.modules.resolve("", &specifier) {
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::Native(_)) => return Err(self.throw(&format!("{file} is no file"))),
            Err(error) => return Err(self.throw(&error.to_string())),
        };
        let stash = match stash {
            Some(stash) => {
                let value = self.value(stash, scope)?;
                self.js(value_to_json(&self.ctx, value))?
            }
            None => serde_json::Value::Null,
        };
        let name = format!("{} › {file}", self.run.name());
        let mut options = RunOptions::new().name(name).stash(stash);
        if let Some(event) = event {
            options = options.event(self.text(event, scope)?);
        }
        let script = Script::file(path);
        let handle = self
            .run
            .spawn(script, options, false)
            .map_err(|problem| self.throw(problem))?;
        let canceller = handle.canceller();
        let mut handle = std::pin::pin!(handle);
        let report = self.wait(handle.as_mut()).inspect_err(|_| {
            canceller.cancel();
            self.run.shielded(GRACE, || {
                let _ = self.wait(handle.as_mut());
            });
        })?;
        match report.result {
            Ok(value) => self.js(json_to_value(&self.ctx, &value)),
            Err(error) => {
                let mut abort = self.throw(&format!("{file} failed: {}", error.message));
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.cause = Some(Box::new(error));
                }
                Err(abort)
            }
        }
    }
}
