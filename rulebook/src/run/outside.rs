//! What ops do outside of the rulebook: commands, files, requests.

use cla_runtime::js::{Object, Value};
use std::path::PathBuf;

use super::super::book::{Data, Op};
use super::super::data::{self, Format};
use super::super::scope::Scope;
use super::super::shell;
use super::{OpResult, Runner};
use crate::files;

impl<'js> Runner<'_, 'js> {
    pub(super) fn shell(
        &self,
        op: &Op,
        data: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let command = self.text(data, scope)?;
        let assigned = op.register.is_some();
        let ended = self
            .wait(shell::run(self.run, &command, !assigned))?
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
    ) -> OpResult<'js, Format> {
        let Some(format) = format else {
            return Ok(otherwise);
        };
        let name = self.text(format, scope)?;
        Format::named(&name)
            .ok_or_else(|| self.throw(&format!("the format is json, yaml or text, not {name:?}")))
    }

    /// The text of a file, as far as the run's memory allows: with its text as a string, and what that says.
    pub(super) fn read_file(&self, path: &str) -> OpResult<'js, String> {
        let most = self.run.memory_left() / 3;
        let read = self.wait(files::read(PathBuf::from(path), most))?;
        read.map_err(|error| self.throw(&format!("{path}: {error}")))
    }

    pub(super) fn write_file(&self, path: &str, text: String, append: bool) -> OpResult<'js> {
        let _kept = self.run.count_memory(text.len());
        let written = self.wait(files::write(PathBuf::from(path), text, append))?;
        written.map_err(|error| self.throw(&format!("{path}: {error}")))
    }

    /// A request; what the server answers. An answer that is no success fails the op unless it is assigned.
    pub(super) fn http(
        &self,
        op: &Op,
        request: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let request = self.value(request, scope)?;
        let send = self.js(data::library(&self.ctx, self.run, "cla/http", "request"))?;
        let answer = self.js(send.call::<_, Object<'js>>((request,)))?;
        let ok: bool = self.js(answer.get("ok"))?;
        if op.register.is_none() && !ok {
            let status: u16 = self.js(answer.get("status"))?;
            let url: String = self.js(answer.get("url"))?;
            let message = format!("{url} answered {status}; assign the answer to look at it");
            return Err(self.throw(&message));
        }
        Ok(answer.into_value())
    }
}
