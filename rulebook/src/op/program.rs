//! A call of an executable file that was imported: it reads its arguments as JSON, and writes what it gives as JSON.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use cla_runtime::js::{IntoJs, Value};
use cla_runtime::output::OutputStream;
use cla_stdlib::internal::command::{Command, Plan, Stage};
use serde_json::Value as Json;

use super::shell::{Outcome, failed, written};
use crate::tree::{Action, Data, Op, OpResult, Planned, Planner, Runner, Scope, Values, Walk};

/// The variables of the environment that name the key of what a program gives: ours, and that of Clarive.
const RETURN: [&str; 2] = ["CLA_RETURN", "CLARIVE_RETURN"];

/// A file that is run, and with what.
#[derive(Debug)]
pub(super) struct Program {
    /// Its canonical path.
    pub(super) path: String,
    pub(super) arguments: Data,
}

impl Action for Program {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let (run, ctx) = (runner.run(), runner.ctx());
        let arguments = runner.value(&self.arguments, scope)?;
        let arguments = match arguments.is_null() || arguments.is_undefined() {
            true => "{}".to_owned(),
            false => match runner.js(ctx.json_stringify(arguments))? {
                Some(json) => runner.js(json.to_string())?,
                None => "{}".to_owned(),
            },
        };
        let permitted = run.permitted(ctx, run.permissions().run(&self.path));
        let key = key();
        let mut stage = Stage {
            program: runner.js(permitted)?,
            ..Stage::default()
        };
        for name in RETURN {
            stage.environment.push((name.to_owned(), Some(key.clone())));
        }
        let mut plan = Plan::new(vec![stage]);
        plan.input = (arguments + "\n").into_bytes();
        let name = &op.kind;
        let cannot =
            |error: &dyn std::fmt::Display| runner.throw(&format!("{name} cannot be run: {error}"));
        let started = Command::start(run, plan).map_err(|error| cannot(&error))?;
        let ended = match runner.wait(started.finished(run)) {
            Ok(ended) => ended.map_err(|problem| cannot(&problem))?,
            Err(stopped) => {
                started.end_with(run);
                return Err(stopped);
            }
        };
        let output = started.written(OutputStream::Stdout);
        let error = started.written(OutputStream::Stderr);
        let _reservation = run.count_memory(output.len());
        let text = written(&error);
        if !text.is_empty() {
            runner.print(OutputStream::Stderr, text)?;
        }
        if ended.code != 0 {
            let outcome = Outcome {
                code: ended.code,
                output,
                error,
            };
            let message = format!("{name} exited with {}", ended.code);
            return Err(failed(runner, &message, &ended, &outcome, &self.path));
        }
        let (printed, given) = answer(&written(&output), &key);
        if !printed.is_empty() {
            runner.print(OutputStream::Stdout, printed)?;
        }
        match given {
            Some(json) => runner.js(ctx.json_parse(json)),
            None => runner.js(().into_js(ctx)),
        }
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.arguments);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.arguments))
    }

    fn is_named(&self) -> bool {
        true
    }
}

/// A key that no output has by chance.
fn key() -> String {
    let part = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", part(), part())
}

/// What of an output is to be printed, and the JSON that was given.
///
/// A line that is an object with the key alone gives what it has there. Where there is none, an output that is JSON as a whole
/// is given.
fn answer(output: &str, key: &str) -> (String, Option<String>) {
    let mut given = None;
    let mut printed = Vec::new();
    for line in output.lines() {
        match by_key(line, key) {
            Some(json) => given = Some(json),
            None => printed.push(line),
        }
    }
    if given.is_some() {
        return (printed.join("\n"), given);
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(output) {
        Ok(_) => (String::new(), Some(output.to_owned())),
        Err(_) => (output.to_owned(), None),
    }
}

/// What a line has for this key, if it has nothing else.
fn by_key(line: &str, key: &str) -> Option<String> {
    if !line.contains(key) {
        return None;
    }
    let Ok(Json::Object(mut object)) = serde_json::from_str(line) else {
        return None;
    };
    let json = object.remove(key).filter(|_| object.is_empty())?;
    Some(json.to_string())
}

/// The executable files of a folder that is imported, in the order of their names. `None`: it is no folder.
pub(crate) fn executables(folder: &PathBuf) -> Option<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && is_executable(&folder.join(name)))
        .collect();
    names.sort();
    Some(names)
}

/// Whether a file can be run.
pub(crate) fn is_executable(path: &std::path::Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let about = std::fs::metadata(path);
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn what_stands_by_the_key_is_given() {
        let (printed, given) = answer("hello\n{\"k1\": {\"a\": 1}}\nbye", "k1");
        assert_eq!(printed, "hello\nbye");
        assert_eq!(given.as_deref(), Some("{\"a\":1}"));
        // Of two, the last one counts.
        let (_, given) = answer("{\"k1\": 1}\n{\"k1\": 2}", "k1");
        assert_eq!(given.as_deref(), Some("2"));
    }

    #[test]
    fn json_alone_is_given_and_all_else_printed() {
        assert_eq!(
            answer("{\"a\": 1}", "k1"),
            (String::new(), Some("{\"a\": 1}".to_owned()))
        );
        assert_eq!(answer("{\n\"a\": 1}\n", "k1").0, "");
        assert_eq!(answer("hello", "k1"), ("hello".to_owned(), None));
        assert_eq!(answer("", "k1"), (String::new(), None));
        // Not the key alone.
        let line = "{\"k1\": 1, \"b\": 2}";
        assert_eq!(answer(line, "k1").1.as_deref(), Some(line));
        assert_eq!(answer("x {\"k1\": 1}", "k1").1, None);
    }
}
