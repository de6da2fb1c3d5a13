//! The global `console`.
//!
//! What informs goes to the standard output, what warns to the standard error. Lines are laid out as in
//! Node; labels, counters and groups are the run's own.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

pub(crate) mod labels;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use cla_runtime::internal::MemoryReservation;
use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Coerced, Ctx, FromJs, Object, Value};
use cla_runtime::output::OutputStream::{self, Stderr, Stdout};
use cla_runtime::semaphore::printable;
use unicode_width::UnicodeWidthStr;

use crate::call::{Arg, named};
use crate::format::{format, join};
use crate::inspect::{InspectOptions, inspect};
use crate::intrinsics::{Intrinsic, Property};
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::wrong;

/// How much further in each group is, in columns.
const GROUP_INDENTATION: usize = 2;
/// Groups nested deeper are not further in.
const MAX_GROUPS: usize = 40;
/// Of so many labels the counts and the start times are kept; others are not counted.
const MAX_LABELS: usize = 10_000;
/// The largest table that is drawn, in cells; larger ones are printed like any other value.
const MAX_CELLS: usize = 100_000;

/// What a label counts for beside its text against the run's memory limit, in bytes.
const LABEL_BYTES: usize = 128;

/// What a label that is kept counts for.
fn count_memory(state: &State, label: &str) -> MemoryReservation {
    state.run().count_memory(LABEL_BYTES + label.len())
}

/// Makes the console.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    let console = Object::new(ctx.clone())?;
    for (name, stream) in [
        ("log", Stdout),
        ("info", Stdout),
        ("debug", Stdout),
        ("warn", Stderr),
        ("error", Stderr),
    ] {
        let log = move |ctx: Ctx<'js>, values: Rest<Value<'js>>| {
            let line = format(&ctx, &values)?;
            write(&ctx, &*State::of(&ctx)?, stream, line)
        };
        console.set(name, named(ctx, name, log)?)?;
    }
    let group = named(ctx, "group", group)?;
    console.set("groupCollapsed", group.clone())?;
    console.set("group", group)?;
    console.set("groupEnd", named(ctx, "groupEnd", group_end)?)?;
    console.set("trace", named(ctx, "trace", trace)?)?;
    console.set("assert", named(ctx, "assert", assert)?)?;
    console.set("count", named(ctx, "count", count)?)?;
    console.set("countReset", named(ctx, "countReset", count_reset)?)?;
    console.set("time", named(ctx, "time", time)?)?;
    console.set("timeLog", named(ctx, "timeLog", time_log)?)?;
    console.set("timeEnd", named(ctx, "timeEnd", time_end)?)?;
    console.set("dir", named(ctx, "dir", dir)?)?;
    console.set("table", named(ctx, "table", print_table)?)?;
    Ok(console.into_value())
}

/// Writes a text, indented as deep as groups are open.
fn write(ctx: &Ctx<'_>, state: &State, stream: OutputStream, text: String) -> js::Result<()> {
    let margin = " ".repeat(state.console.groups.get().min(MAX_GROUPS) * GROUP_INDENTATION);
    let breaks = text.bytes().filter(|byte| *byte == b'\n').count();
    // A text of many lines stays where it is, rather than to take a multiple of its memory.
    let fits = breaks.saturating_mul(margin.len()) <= state.run().memory_left();
    let mut lines = if margin.is_empty() || !fits {
        text
    } else {
        format!("{margin}{}", text.replace('\n', &format!("\n{margin}")))
    };
    lines.push('\n');
    state.write(ctx, stream, &lines)
}

fn group<'js>(ctx: Ctx<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    if !values.is_empty() {
        write(&ctx, &state, Stdout, format(&ctx, &values)?)?;
    }
    let groups = &state.console.groups;
    groups.set(groups.get().saturating_add(1));
    Ok(())
}

fn group_end(ctx: Ctx<'_>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let groups = &state.console.groups;
    groups.set(groups.get().saturating_sub(1));
    Ok(())
}

fn trace<'js>(ctx: Ctx<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let message = format(&ctx, &values)?;
    let error = js::Exception::from_message(ctx.clone(), "")?;
    let stack: String = state
        .intrinsics(&ctx)?
        .on(Intrinsic::ErrorStack, error.as_object().as_value())?;
    let mut text = String::from("Trace");
    if !message.is_empty() {
        let _ = write!(text, ": {message}");
    }
    for frame in stack.lines().filter(|frame| !frame.ends_with("(native)")) {
        let _ = write!(text, "\n{}", printable(frame));
    }
    write(&ctx, &state, Stderr, text)
}

fn assert<'js>(ctx: Ctx<'js>, condition: Arg<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    if Coerced::<bool>::from_js(&ctx, condition.0)?.0 {
        return Ok(());
    }
    let mut text = String::from("Assertion failed");
    if !values.is_empty() {
        let _ = write!(text, ": {}", format(&ctx, &values)?);
    }
    write(&ctx, &*State::of(&ctx)?, Stderr, text)
}

/// The label of a counter or timer.
fn label<'js>(ctx: &Ctx<'js>, label: &Arg<'js>) -> js::Result<String> {
    match label.given() {
        Some(label) => match label.as_string() {
            // Two labels stay two.
            Some(label) => cla_runtime::internal::escaped_text(label),
            None => coerce(ctx, label),
        },
        None => Ok("default".to_owned()),
    }
}

fn count<'js>(ctx: Ctx<'js>, name: Arg<'js>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let name = label(&ctx, &name)?;
    let count = {
        let mut counts = state.console.counts.borrow_mut();
        match counts.get_mut(&name) {
            Some((count, _)) => {
                *count += 1;
                *count
            }
            None => {
                if counts.len() < MAX_LABELS {
                    counts.insert(name.clone(), (1, count_memory(&state, &name)));
                }
                1
            }
        }
    };
    write(
        &ctx,
        &state,
        Stdout,
        format!("{}: {count}", printable(&name)),
    )
}

fn count_reset<'js>(ctx: Ctx<'js>, name: Arg<'js>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let name = label(&ctx, &name)?;
    if state.console.counts.borrow_mut().remove(&name).is_none() {
        let text = format!("console.countReset: no count named '{}'", printable(&name));
        write(&ctx, &state, Stderr, text)?;
    }
    Ok(())
}

fn time<'js>(ctx: Ctx<'js>, name: Arg<'js>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let name = label(&ctx, &name)?;
    let known = state.console.timers.borrow().contains_key(&name);
    if known {
        let text = format!(
            "console.time: a timer named '{}' runs already",
            printable(&name)
        );
        write(&ctx, &state, Stderr, text)?;
    } else if state.console.timers.borrow().len() < MAX_LABELS {
        let timer = (state.run().clock().now(), count_memory(&state, &name));
        state.console.timers.borrow_mut().insert(name, timer);
    }
    Ok(())
}

fn time_log<'js>(ctx: Ctx<'js>, name: Arg<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let name = label(&ctx, &name)?;
    let started = state
        .console
        .timers
        .borrow()
        .get(&name)
        .map(|(started, _)| *started);
    report_time(&ctx, &state, "timeLog", &name, started, &values)
}

fn time_end<'js>(ctx: Ctx<'js>, name: Arg<'js>) -> js::Result<()> {
    let state = State::of(&ctx)?;
    let name = label(&ctx, &name)?;
    let timer = state.console.timers.borrow_mut().remove(&name);
    let started = timer.map(|(started, _)| started);
    report_time(&ctx, &state, "timeEnd", &name, started, &[])
}

fn report_time<'js>(
    ctx: &Ctx<'js>,
    state: &State,
    method: &str,
    name: &str,
    started: Option<Instant>,
    values: &[Value<'js>],
) -> js::Result<()> {
    let Some(started) = started else {
        let text = format!("console.{method}: no timer named '{}'", printable(name));
        return write(ctx, state, Stderr, text);
    };
    let mut line = format!(
        "{}: {}",
        printable(name),
        elapsed(state.run().clock().now().saturating_duration_since(started))
    );
    if !values.is_empty() {
        line.push(' ');
        line.push_str(&join(ctx, values)?);
    }
    write(ctx, state, Stdout, line)
}

/// A time span as Node's timers show it: `12.345ms`, `1.234s`, `2:03.456 (m:ss.mmm)`.
fn elapsed(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        let text = format!("{milliseconds:.3}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        return format!("{text}ms");
    }
    if seconds < 60.0 {
        return format!("{seconds:.3}s");
    }
    let minutes = duration.as_secs() / 60;
    let rest = seconds - (minutes * 60) as f64;
    if minutes < 60 {
        return format!("{minutes}:{rest:06.3} (m:ss.mmm)");
    }
    format!(
        "{}:{:02}:{:02} (h:mm:ss)",
        minutes / 60,
        minutes % 60,
        rest as u64
    )
}

fn dir<'js>(ctx: Ctx<'js>, value: Arg<'js>, options: Arg<'js>) -> js::Result<()> {
    let mut shown = InspectOptions::default();
    if let Some(options) = options.as_object() {
        let depth: Value<'js> = options.get("depth")?;
        if depth.is_null() {
            shown = shown.depth(usize::MAX);
        } else if let Some(depth) = depth.as_number() {
            shown = shown.depth(depth.max(0.0) as usize);
        }
        shown = shown.colors(options.get::<_, Option<bool>>("colors")?.unwrap_or(false));
    }
    let text = inspect(&ctx, &value, &shown)?;
    write(&ctx, &*State::of(&ctx)?, Stdout, text)
}

/// A table that is being put together.
#[derive(Default)]
struct Table {
    head: Vec<String>,
    /// Where each column is.
    columns: HashMap<String, usize>,
    rows: Vec<Vec<Option<String>>>,
    cells: usize,
}

impl Table {
    fn put(&mut self, row: usize, column: &str, cell: String) {
        let at = match self.columns.get(column) {
            Some(at) => *at,
            None => {
                self.head.push(printable(column).into_owned());
                self.columns.insert(column.to_owned(), self.head.len() - 1);
                self.head.len() - 1
            }
        };
        let row = &mut self.rows[row];
        if row.len() <= at {
            row.resize(at + 1, None);
        }
        row[at] = Some(cell);
        self.cells += 1;
    }

    fn is_too_large(&self) -> bool {
        self.cells > MAX_CELLS || self.rows.len().saturating_mul(self.head.len()) > 4 * MAX_CELLS
    }

    /// The table as text; `None` if that would take more than `most` bytes.
    fn draw(&self, most: usize) -> Option<String> {
        let columns = 0..self.head.len();
        let cell = |row: &[Option<String>], at: usize| -> String {
            row.get(at).cloned().flatten().unwrap_or_default()
        };
        let widths: Vec<usize> = columns
            .map(|at| {
                let cells = self.rows.iter().map(|row| cell(row, at).width());
                cells.chain([self.head[at].width()]).max().unwrap_or(0)
            })
            .collect();
        // The rules take three bytes for each column.
        let line = widths.iter().map(|width| width + 3).sum::<usize>();
        if line.saturating_mul(self.rows.len() + 4 * 3) > most {
            return None;
        }
        let rule = |left: &str, middle: &str, right: &str| {
            let lines: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
            format!("{left}{}{right}", lines.join(middle))
        };
        let line = |cells: &mut dyn Iterator<Item = String>| {
            let padded: Vec<String> = cells
                .zip(&widths)
                .map(|(cell, width)| {
                    let padding = width.saturating_sub(cell.width());
                    format!("{cell}{:padding$}", "")
                })
                .collect();
            format!("│ {} │", padded.join(" │ "))
        };
        let mut drawn = vec![
            rule("┌", "┬", "┐"),
            line(&mut self.head.iter().cloned()),
            rule("├", "┼", "┤"),
        ];
        for row in &self.rows {
            drawn.push(line(&mut (0..self.head.len()).map(|at| cell(row, at))));
        }
        drawn.push(rule("└", "┴", "┘"));
        Some(drawn.join("\n"))
    }
}

fn print_table<'js>(ctx: Ctx<'js>, data: Arg<'js>, columns: Arg<'js>) -> js::Result<()> {
    let columns = match columns.given() {
        Some(value) => match value.as_array() {
            Some(array) => Some(
                array
                    .iter::<js::String<'js>>()
                    .collect::<js::Result<Vec<_>>>()?,
            ),
            None => {
                return Err(wrong(
                    &ctx,
                    "console.table: columns",
                    "an array of names",
                    value,
                ));
            }
        },
        None => None,
    };
    let text = tabulated(&ctx, &data, columns)?;
    write(&ctx, &*State::of(&ctx)?, Stdout, text)
}

/// A value as `console.table` draws it: the rows of an array or object; any other value as `console.log` shows it.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let session = Session::start(&engine, RunOptions::new(), None, |_| {});
/// let rows = "[{host: 'db1', free: 3}, {host: 'db2', free: 0}]";
/// let drawn = session.evaluate(rows, |ctx, _, value| cla_stdlib::table(ctx, &value));
/// let drawn = drawn.await?.unwrap();
/// assert!(drawn.contains("host") && drawn.contains("'db2'"), "{drawn}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What a getter of the value throws; or the library is not installed in this run.
pub fn table<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<String> {
    tabulated(ctx, value, None)
}

fn tabulated<'js>(
    ctx: &Ctx<'js>,
    data: &Value<'js>,
    columns: Option<Vec<js::String<'js>>>,
) -> js::Result<String> {
    let state = State::of(ctx)?;
    let drawn = match data.as_object() {
        Some(object) if !object.is_proxy() => draw_table(ctx, &state, object, columns)?,
        _ => None,
    };
    match drawn {
        Some(text) => Ok(text),
        None => crate::format::display(ctx, data),
    }
}

/// Draws a table of an object's or array's rows; `None` when it would be too large.
fn draw_table<'js>(
    ctx: &Ctx<'js>,
    state: &State,
    data: &Object<'js>,
    columns: Option<Vec<js::String<'js>>>,
) -> js::Result<Option<String>> {
    const INDEX: &str = "(index)";
    const VALUES: &str = "Values";
    let intrinsics = state.intrinsics(ctx)?;
    let show = |value: &Value<'js>| {
        // Large objects only by their name, small ones with what is in them.
        let depth = InspectOptions::default()
            .depth(0)
            .max_array_length(3)
            .break_length(usize::MAX);
        inspect(ctx, value, &depth)
    };
    let mut table = Table::default();
    table.head.push(INDEX.to_owned());
    let mut values: Vec<Option<String>> = Vec::new();
    for key in data.own_keys::<js::String<'js>>(js::Filter::default()) {
        state.step(ctx)?;
        let key = key?;
        let row = table.rows.len();
        table
            .rows
            .push(vec![Some(printable(&text(&key)?).into_owned())]);
        values.push(None);
        let Some(Property::Data { value, .. }) = intrinsics.own_property(data, key.as_value())?
        else {
            continue;
        };
        let item = value.as_object().filter(|item| !item.is_proxy());
        match (item, &columns) {
            (None, None) => values[row] = Some(show(&value)?),
            (None, Some(columns)) => {
                for column in columns {
                    table.put(row, &text(column)?, String::new());
                }
            }
            (Some(item), columns) => {
                let names: Vec<js::String<'js>> = match columns {
                    Some(columns) => columns.clone(),
                    None => item
                        .own_keys(js::Filter::default())
                        .collect::<js::Result<_>>()?,
                };
                for name in names {
                    let cell = match intrinsics.own_property(item, name.as_value())? {
                        Some(Property::Data { value, .. }) => show(&value)?,
                        Some(Property::Accessor { .. }) => "[Getter]".to_owned(),
                        None => String::new(),
                    };
                    table.put(row, &text(&name)?, cell);
                    if table.is_too_large() {
                        return Ok(None);
                    }
                }
            }
        }
        if table.is_too_large() {
            return Ok(None);
        }
    }
    if values.iter().any(Option::is_some) {
        table.head.push(VALUES.to_owned());
        let at = table.head.len() - 1;
        for (row, value) in table.rows.iter_mut().zip(values) {
            row.resize(at + 1, None);
            row[at] = value;
        }
    }
    // It is written as a copy.
    Ok(table.draw(state.run().memory_left() / 2))
}
