//! `shell`: a command of the shell.

use cla_runtime::js::Value;
use cla_runtime::output::OutputStream;
use cla_stdlib::internal::command::{self, Command, Plan, Stage};
use serde_json::json;

use crate::schema::parts::OpSchema;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static SHELL: Description = Description {
    name: "shell",
    about: "Runs a command of the shell. One that fails makes the op fail, unless its result is assigned: that has \
            `rc`, `output` and `error`.",
    example: "- shell: make all\n- found = shell: grep banana fruits.txt\n- echo: ${found.rc}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "string"})),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    match &written.argument.value {
        Yaml::Text(_) => Some(Box::new(Shell(parser.data(written.argument)))),
        other => {
            let message = format!("shell is a command, not {}", other.kind());
            parser.problem(written.argument.at, message);
            None
        }
    }
}

/// The command.
#[derive(Debug)]
pub(super) struct Shell(pub(super) Data);

impl Action for Shell {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let command = runner.text(&self.0, scope)?;
        let assigned = op.register.is_some();
        let permissions = runner.run().permissions();
        let run = runner.run();
        let program = runner.js(run.permitted(runner.ctx(), permissions.run(command::SHELL)))?;
        let plan = Plan::new(vec![Stage::of_shell(program, command.to_string())]);
        let plan = if assigned { plan } else { plan.shown() };
        let cannot = |error: &dyn std::fmt::Display| {
            runner.throw(&format!("the command cannot be run: {error}"))
        };
        let started = Command::start(run, plan).map_err(|error| cannot(&error))?;
        let ended = match runner.wait(started.finished(run)) {
            Ok(ended) => ended.map_err(|problem| cannot(&problem))?,
            Err(stopped) => {
                started.end_with(run);
                return Err(stopped);
            }
        };
        if !assigned && ended.code != 0 {
            let message = format!("the command exited with {}: {}", ended.code, command.trim());
            return Err(runner.throw(&message));
        }
        let written = |which| {
            let mut text = command::text(started.written(which));
            text.truncate(text.trim_end_matches('\n').len());
            text
        };
        let result = runner.js(runner.object())?;
        runner.js(result.set("rc", ended.code))?;
        runner.js(result.set("output", written(OutputStream::Stdout)))?;
        runner.js(result.set("error", written(OutputStream::Stderr)))?;
        Ok(result.into_value())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
