//! `dump`: a value as JSON, for people.

use cla_runtime::internal::text as text_of;
use cla_runtime::js::Value;
use cla_runtime::output::OutputStream;

use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static DUMP: Description = Description {
    name: "dump",
    about: "Prints a value as JSON.",
    example: "- dump: ${hosts}",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Dump(parser.data(written.argument))))
}

#[derive(Debug)]
struct Dump(Data);

impl Action for Dump {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let value = runner.value(&self.0, scope)?;
        let text = runner.ctx().json_stringify_replacer_space(value, (), 2);
        let text = match runner.js(text)? {
            Some(json) => runner.js(text_of(&json))?,
            None => "undefined".to_owned(),
        };
        runner.print(OutputStream::Stdout, text)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
