//! The module `cla/log`: lines for the people who look after the rules.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::fmt::Write as _;
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, Ctx, Object, Value};
use cla_runtime::output::{LogLevel, LogRecord, OutputStream};
use cla_runtime::value::RuleValue;
use jiff::ZonedDateTime;

use crate::call::{Arg, define};
use crate::format::display;
use crate::inspect::{InspectOptions, inspect};
use crate::state::State;
use crate::throw::error;
use crate::yaml;

/// How far a dumped value is further in than its line.
const DUMP_INDENTATION: &str = "    ";

/// The module.
pub(crate) struct Log;

impl NativeModule for Log {
    fn name(&self) -> &str {
        "cla/log"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        for level in [
            LogLevel::Debug,
            LogLevel::Info,
            LogLevel::Warn,
            LogLevel::Error,
        ] {
            let log = move |ctx: Ctx<'js>, message: Arg<'js>, dump: Arg<'js>| {
                write(&ctx, level, &message, &dump).map(drop)
            };
            define(&exports, level.name(), log)?;
        }
        define(&exports, "fatal", fatal)?;
        Ok(exports)
    }
}

fn fatal<'js>(ctx: Ctx<'js>, message: Arg<'js>, dump: Arg<'js>) -> js::Result<()> {
    let message = write(&ctx, LogLevel::Fatal, &message, &dump)?;
    Err(error(&ctx, message))
}

/// A level as lines show it, all equally wide.
fn label(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "DEBUG",
        LogLevel::Info => "INFO ",
        LogLevel::Warn => "WARN ",
        LogLevel::Error => "ERROR",
        LogLevel::Fatal => "FATAL",
    }
}

/// Logs a message and what is to be dumped with it: as a record if the output takes them, or else as lines. Gives the
/// message.
fn write<'js>(
    ctx: &Ctx<'js>,
    level: LogLevel,
    message: &Value<'js>,
    dump: &Arg<'js>,
) -> js::Result<String> {
    let message = display(ctx, message)?;
    let state = State::of(ctx)?;
    if state.run().logs_records() {
        let fields = match dump.given() {
            Some(dump) => fields(ctx, dump)?,
            None => RuleValue::Null,
        };
        let record = LogRecord::new(level, message.as_str(), fields);
        state.run().log(ctx, &record)?;
        return Ok(message);
    }
    let label = label(level);
    let time = ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S");
    let mut lines = format!("{time} {label} {message}\n");
    if let Some(dump) = dump.given() {
        for line in dumped(ctx, dump)?.lines() {
            let _ = writeln!(lines, "{DUMP_INDENTATION}{line}");
        }
    }
    state.write(ctx, OutputStream::Stderr, &lines)?;
    Ok(message)
}

/// A value as data, or as the text that `print` shows where it is none.
fn fields<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<RuleValue> {
    match RuleValue::read_data(ctx, "log", value.clone()) {
        Err(error) if error.is_exception() => {
            let thrown = ctx.catch();
            if thrown.is_uncatchable_error() {
                return Err(ctx.throw(thrown));
            }
            inspect(ctx, value, &InspectOptions::default()).map(RuleValue::String)
        }
        result => result,
    }
}

/// A value as YAML, or as `print` shows it where YAML cannot: a log line is no reason to fail.
fn dumped<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<String> {
    if value.is_error() {
        return inspect(ctx, value, &InspectOptions::default());
    }
    match yaml::dump(ctx, value, "log") {
        Err(error) if error.is_exception() => {
            let thrown = ctx.catch();
            if thrown.is_uncatchable_error() {
                return Err(ctx.throw(thrown));
            }
            inspect(ctx, value, &InspectOptions::default())
        }
        result => result,
    }
}
