//! `import`: ops of other rulebooks and of modules. What it names is imported before anything runs.

use cla_runtime::js::Value;

use crate::schema::parts::{OpSchema, reference};
use crate::tree::{
    Action, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static IMPORT: Description = Description {
    name: "import",
    about: "Makes ops of the functions of other rulebooks and of JavaScript modules. It is done before anything else.",
    example: "- import: ./hosts.yml\n- import: [{from: ./prices.js, as: prices}]",
    companions: &[],
    schema: || OpSchema::new(reference("import")),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    if !parser.is_hoisted(written.key) {
        let message =
            "an import stands at the top of the rulebook, or directly in `do`, an event or a def";
        parser.problem(written.key.at, message);
    }
    Some(Box::new(Import))
}

#[derive(Debug)]
struct Import;

impl Action for Import {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        _: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, _: &mut dyn Walk<'a>, _: &'a Op) {}

    fn plan<'a>(&'a self, _: &mut dyn Planner<'a>) -> Planned {
        Planned::default()
    }
}
