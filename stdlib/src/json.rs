//! JSON texts as values, with the place of what is wrong with them.

use cla_runtime::js::{self, Ctx, Value};
use serde::de::IgnoredAny;

use crate::state::State;

/// Reads a JSON text; the inner error says what is wrong and where.
///
/// # Errors
///
/// What is not the text's fault: no memory, or more nesting than the stack has room for.
pub(crate) fn parse<'js>(ctx: &Ctx<'js>, source: &str) -> js::Result<Result<Value<'js>, String>> {
    State::of(ctx)?.pause(ctx)?;
    let error = match ctx.json_parse(source) {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    // QuickJS does not always say where, so another reader has the word.
    let Err(problem) = serde_json::from_str::<IgnoredAny>(source) else {
        return Err(error);
    };
    if error.is_exception() {
        let thrown = ctx.catch();
        if thrown.is_uncatchable_error() {
            return Err(ctx.throw(thrown));
        }
    }
    let (line, column) = (problem.line(), problem.column());
    let problem = problem.to_string();
    let problem = problem.split(" at line ").next().unwrap_or_default();
    Ok(Err(format!("{problem} at line {line}, column {column}")))
}
