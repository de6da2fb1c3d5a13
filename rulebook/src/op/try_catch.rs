//! `try`, with `catch` and `finally`.

use cla_runtime::js::{self, IntoJs, Value};
use cla_runtime::output::OutputStream;
use serde_json::json;

use crate::schema::parts::{OpSchema, reference};
use crate::shown::shown;
use crate::tree::{
    Abort, Action, Block, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope,
    Values, Walk, Written,
};

pub(super) static TRY: Description = Description {
    name: "try",
    about: "Does something; what fails in it is caught by `catch`.",
    example: "- try:\n    - shell: make\n  catch:\n    - echo: ${error_message}\n  finally:\n    - echo: done",
    companions: &["catch", "finally"],
    schema: || {
        OpSchema::new(reference("block"))
            .with(json!({"anyOf": [{"required": ["catch"]}, {"required": ["finally"]}]}))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let (catch, finally) = ((written.beside)("catch"), (written.beside)("finally"));
    if catch.is_none() && finally.is_none() {
        parser.problem(written.key.at, "a try has a `catch`, a `finally`, or both");
    }
    Some(Box::new(Try {
        body: parser.block(written.argument),
        catch: catch.map(|node| parser.block(node)),
        finally: finally.map(|node| parser.block(node)),
    }))
}

#[derive(Debug)]
struct Try {
    body: Block,
    catch: Option<Block>,
    finally: Option<Block>,
}

impl Action for Try {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let mut result = runner.block(&self.body, scope);
        if let (Err(Abort::Thrown(thrown)), Some(catch)) = (&result, &self.catch) {
            let error = thrown.value.clone();
            let message = match error.as_object() {
                Some(object) => object.get::<_, Value<'js>>("message"),
                None => Ok(error.clone()),
            };
            // What has no message is its own.
            let message = match message {
                Ok(none) if none.is_undefined() => {
                    shown(&error).and_then(|text| text.into_js(runner.ctx()))
                }
                message => message,
            };
            let caught = runner
                .js(message)
                .and_then(|message| {
                    runner.assign("error_message", message, scope)?;
                    runner.assign("error", error, scope)
                })
                .and_then(|()| runner.block(catch, scope));
            match (&result, &caught) {
                // What is thrown again has failed where it was thrown first.
                (Err(Abort::Thrown(first)), Err(Abort::Thrown(again)))
                    if first.value.is_object() && first.value == again.value => {}
                _ => result = caught,
            }
        }
        if let Some(finally) = &self.finally {
            let done = runner.run().shielded(|| runner.block(finally, scope));
            match (&result, done) {
                // If the run is stopped, that counts more than an error here.
                (Err(Abort::Stopped), _) => {}
                // The first error is why the op failed; the second one must not hide it.
                (Err(Abort::Thrown(_)), Err(Abort::Thrown(second))) => {
                    let text = runner.js(shown_error(&second.value))?;
                    let line = second.span.at.line;
                    let text = format!("the `finally` failed as well, in line {line}: {text}");
                    runner.print(OutputStream::Stderr, text)?;
                }
                (_, done) => drop(done?),
            }
        }
        result
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.block(&self.body);
        if let Some(catch) = &self.catch {
            walk.knows(&["error", "error_message"]);
            walk.block(catch);
        }
        if let Some(finally) = &self.finally {
            walk.block(finally);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::block(planner.block(&self.body));
        for (label, block) in [("catch", &self.catch), ("finally", &self.finally)] {
            if let Some(block) = block {
                planned.add(Some(label), planner.block(block));
            }
        }
        planned
    }
}

/// What an error says, for people.
fn shown_error(error: &Value<'_>) -> js::Result<String> {
    match error.as_object() {
        Some(object) if object.contains_key("message")? => {
            shown(&object.get::<_, Value<'_>>("message")?)
        }
        _ => shown(error),
    }
}
