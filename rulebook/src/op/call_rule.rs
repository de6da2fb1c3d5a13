//! `call`: another rule, in any language.

use cla_runtime::RunOptions;
use cla_runtime::js::Value;
use cla_runtime::plan::PlannedCall;
use cla_runtime::value::{RuleValue, Wanted};
use serde_json::json;

use crate::schema::parts::{OpSchema, any, described, reference, short};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static CALL: Description = Description {
    name: "call",
    about: "Runs another rule, in YAML, JavaScript or TypeScript, with a stash of its own. Gives what it returns.",
    example: "- cost = call: {file: parts/price.js, stash: {fruit: pear}}\n- call: parts/deploy.yml",
    companions: &[],
    schema: || {
        OpSchema::new(short(
            &["string", "number", "boolean"],
            json!({
                "file": described("The rule, seen from the folder of this one.", reference("text")),
                "stash": described("The values that it begins with.", any()),
                "event": described("Does what it has in `on` for this event.", reference("text")),
            }),
            &["file"],
        ))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let [file, stash, event] = parser.parts(written.argument, "file", ["file", "stash", "event"]);
    parser.text(written.argument, "event", event.as_ref());
    Some(Box::new(CallRule {
        file: parser.required(written.argument, "file", file)?,
        stash,
        event,
    }))
}

#[derive(Debug)]
struct CallRule {
    file: Data,
    stash: Option<Data>,
    event: Option<Data>,
}

impl Action for CallRule {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let file = runner.text(&self.file, scope)?;
        let script = runner
            .run()
            .rule_file(&scope.book().name, &file)
            .map_err(|problem| runner.throw(&problem))?;
        let stash = match &self.stash {
            Some(stash) => {
                let value = runner.value(stash, scope)?;
                runner.js(RuleValue::read(runner.ctx(), "stash", value))?
            }
            None => RuleValue::Null,
        };
        let name = format!("{} › {file}", runner.run().name());
        let mut options = RunOptions::new()
            .name(name)
            .stash_value(stash)
            .wanted(Wanted::Value);
        if let Some(event) = &self.event {
            options = options.event(runner.text(event, scope)?);
        }
        let report = runner.js(runner.run().run_rule(runner.ctx(), script, options))?;
        match report.result {
            Ok(_) => runner.js(report.value.make(runner.ctx())),
            Err(error) => {
                let abort = runner.throw(&format!("{file} failed: {}", error.message));
                Err(runner.failed(abort, error))
            }
        }
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, op: &'a Op) {
        walk.calls_rule(&self.file, self.event.as_ref(), op.at);
        walk.parts([Some(&self.file), self.stash.as_ref(), self.event.as_ref()]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let parts = [Some(&self.file), self.stash.as_ref(), self.event.as_ref()];
        let mut call = PlannedCall::new(planner.text(&self.file), true);
        call.event = self.event.as_ref().map(|event| planner.text(event));
        let mut planned = Planned::what(planner.parts(parts));
        planned.call = Some(call);
        let block = planner.call_rule(&self.file, self.event.as_ref(), self.stash.as_ref());
        planned.blocks.extend(block);
        planned
    }
}
