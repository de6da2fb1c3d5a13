//! `cla run --dry-run`: what rules would do, as a tree, and the semaphores that they would take. Runs nothing.

use std::io::Write;
use std::path::{Path, PathBuf};

use cla_runtime::check::Severity;
use cla_runtime::plan::{
    Plan, PlannedBlock, PlannedConcurrency, PlannedFork, PlannedOp, PlannedSemaphore,
};
use cla_runtime::semaphore::{SemaphoreName, Semaphores};
use cla_runtime::{Engine, Script};
use serde_json::json;

use super::plan::{Lang, STDIN, STDIN_NAME};
use super::settings::ByFolder;
use crate::render::{Align, BOLD, Column, DIM, Line, Span, Table, YELLOW};

/// The longest text of an op; the rest is cut off.
const MOST_TEXT: usize = 60;

/// Shows what the files would do. Gives an exit code.
pub(super) async fn run(
    engine: &Engine,
    files: &[PathBuf],
    lang: Option<Lang>,
    options: &ByFolder,
    as_json: bool,
) -> u8 {
    let mut code = 0;
    let mut plans = Vec::new();
    let mut rules: Vec<(&Path, Script)> = Vec::new();
    for file in files {
        let script = if file == Path::new(STDIN) {
            match std::io::read_to_string(std::io::stdin()) {
                Ok(text) => lang.unwrap_or_else(|| Lang::of(&text)).script(text.into()),
                Err(error) => {
                    crate::exit::report(&format_args!("cannot read standard input: {error}"));
                    code = crate::exit::FAILED;
                    continue;
                }
            }
        } else {
            Script::file(file)
        };
        rules.push((file, script));
    }
    let scripts: Vec<Script> = rules.iter().map(|(_, script)| script.clone()).collect();
    let mut wrong = Vec::new();
    for finding in engine.check_all(&scripts, options.any()).await {
        anstream::eprintln!("{}", finding.render(true));
        if finding.severity == Severity::Error {
            code = crate::exit::FAILED;
            wrong.extend(finding.error.location.map(|at| at.file));
        }
    }
    for (file, script) in &rules {
        let is_text = *file == Path::new(STDIN);
        let shown = match is_text {
            true => STDIN_NAME.to_owned(),
            false => file.display().to_string(),
        };
        if wrong.contains(&shown) || !(is_text || file.is_file()) {
            continue;
        }
        match engine.plan(script, options.of(file)).await {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                anstream::eprint!("{}", error.render(true));
                code = crate::exit::FAILED;
            }
        }
    }
    let states = states(&plans, engine.semaphores()).await;
    let text = if as_json {
        json!(plans).to_string() + "\n"
    } else {
        people(&plans, &states)
    };
    let written = anstream::stdout().write_all(text.as_bytes());
    crate::exit::written(written).max(code)
}

/// A semaphore that the plans take, and how it is now: slots, busy, waiting, if it is there at all.
struct State {
    semaphore: PlannedSemaphore,
    now: Option<(String, usize, usize)>,
}

async fn states(plans: &[Plan], semaphores: &Semaphores) -> Vec<State> {
    let mut states: Vec<State> = Vec::new();
    for plan in plans {
        for semaphore in &plan.semaphores {
            if states
                .iter()
                .any(|state| state.semaphore.name == semaphore.name)
            {
                continue;
            }
            let name = SemaphoreName::new(semaphore.name.as_str());
            let now = match name {
                Ok(name) if semaphore.known => semaphores.show(&name).await.ok().flatten(),
                _ => None,
            };
            states.push(State {
                semaphore: semaphore.clone(),
                now: now.map(|view| (view.slots.to_string(), view.busy, view.waiting)),
            });
        }
    }
    states
}

fn people(plans: &[Plan], states: &[State]) -> String {
    let mut lines = Vec::new();
    for plan in plans {
        match &plan.ops {
            Some(block) => {
                let title = match &plan.event {
                    Some(event) => format!("{}, event {event}", plan.file),
                    None => plan.file.clone(),
                };
                let mut spans = vec![Span::new(title, BOLD)];
                if let Some(concurrency) = &plan.concurrency {
                    spans.push(Span::new(one_at_a_time(concurrency), YELLOW));
                }
                lines.push(Line(spans));
                ops(block, "", &mut lines);
            }
            None => lines.push(Line(vec![
                Span::new(plan.file.clone(), BOLD),
                Span::new(" is a script: only running it shows what it does", DIM),
            ])),
        }
        lines.push(Line::default());
    }
    if states.is_empty() {
        lines.push(Line(vec![Span::plain("No semaphore is taken.")]));
    } else {
        let mut table = Table::new([
            Column::new("TAKES", Align::Left),
            Column::new("SLOTS", Align::Right),
            Column::new("BUSY", Align::Right),
            Column::new("WAITING", Align::Right),
        ]);
        for State { semaphore, now } in states {
            let (slots, busy, waiting) = match now {
                Some((slots, busy, waiting)) => {
                    (slots.clone(), busy.to_string(), waiting.to_string())
                }
                None => {
                    let declared = semaphore.slots.clone();
                    let slots = declared.unwrap_or_else(|| "1".to_owned());
                    (slots, "-".to_owned(), "-".to_owned())
                }
            };
            table.row([
                Span::new(semaphore.name.clone(), YELLOW),
                Span::plain(slots),
                Span::plain(busy),
                Span::plain(waiting),
            ]);
        }
        lines.extend(table.lines(None));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn one_at_a_time(concurrency: &PlannedConcurrency) -> String {
    let replaces = match concurrency.cancel.as_str() {
        "waiting" => ", instead of who waits",
        "running" => ", instead of who waits or runs",
        _ => "",
    };
    format!("  holds {}{replaces}", concurrency.semaphore.name)
}

/// The ops of a block, as branches of a tree.
fn ops(block: &[PlannedOp], indent: &str, lines: &mut Vec<Line>) {
    for (index, op) in block.iter().enumerate() {
        let last = index + 1 == block.len();
        let mut spans = branch(indent, last);
        spans.extend(described(op));
        lines.push(Line(spans));
        let indent = deeper(indent, last);
        blocks(&op.blocks, &indent, lines);
    }
}

fn blocks(blocks: &[PlannedBlock], indent: &str, lines: &mut Vec<Line>) {
    for (index, block) in blocks.iter().enumerate() {
        let last = index + 1 == blocks.len();
        let Some(label) = &block.label else {
            if last {
                ops(&block.ops, indent, lines);
            } else {
                // More of the same op follows, so its lines go on.
                ops_before(&block.ops, indent, lines);
            }
            continue;
        };
        let mut spans = branch(indent, last);
        spans.push(Span::new(short(label), DIM));
        lines.push(Line(spans));
        ops(&block.ops, &deeper(indent, last), lines);
    }
}

/// As [`ops`], of which the last is not the last branch.
fn ops_before(block: &[PlannedOp], indent: &str, lines: &mut Vec<Line>) {
    for op in block {
        let mut spans = branch(indent, false);
        spans.extend(described(op));
        lines.push(Line(spans));
        blocks(&op.blocks, &deeper(indent, false), lines);
    }
}

fn branch(indent: &str, last: bool) -> Vec<Span> {
    let corner = if last { "└─ " } else { "├─ " };
    vec![Span::new(format!("{indent}{corner}"), DIM)]
}

fn deeper(indent: &str, last: bool) -> String {
    format!("{indent}{}", if last { "   " } else { "│  " })
}

fn described(op: &PlannedOp) -> Vec<Span> {
    let mut spans = Vec::new();
    if let Some(name) = &op.name {
        spans.push(Span::new(name.clone(), BOLD));
    }
    // What a block with a name does is below it.
    if op.name.is_none() || op.op != "do" {
        let space = if spans.is_empty() { "" } else { ": " };
        spans.push(Span::plain(format!("{space}{}", op.op)));
    }
    if let Some(what) = &op.what {
        spans.push(Span::plain(format!(" {}", short(what))));
    }
    if let Some(semaphore) = &op.semaphore {
        let mut text = format!("  holds {}", semaphore.name);
        if let Some(slots) = &semaphore.slots {
            text.push_str(&format!(", slots {slots}"));
        }
        if let Some(timeout) = &semaphore.timeout {
            text.push_str(&format!(", waits at most {timeout}"));
        }
        spans.push(Span::new(text, YELLOW));
    }
    let mut notes = Vec::new();
    notes.extend(op.when.as_ref().map(|when| format!("when {}", short(when))));
    notes.extend(op.timeout.as_ref().map(|limit| format!("at most {limit}")));
    notes.extend(op.parallel.map(|parallel| match parallel {
        PlannedFork::Leave => "in parallel, left alone".to_owned(),
        _ => "in parallel".to_owned(),
    }));
    notes.extend(op.on_error.as_ref().map(|what| format!("on error {what}")));
    notes.extend(op.register.as_ref().map(|name| format!("gives {name}")));
    if !notes.is_empty() {
        spans.push(Span::new(format!("  {}", notes.join(", ")), DIM));
    }
    spans
}

/// A text in one line, and not too long.
fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    crate::render::cut(&Span::plain(text), MOST_TEXT).text
}
