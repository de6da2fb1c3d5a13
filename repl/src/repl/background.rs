//! Runs beside the session: started at the prompt, listed, stopped. What they print appears above the prompt.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::handle::RunCanceller;
use cla_runtime::internal::inherited_dependents;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::{RunId, printable};
use cla_runtime::{Engine, RunOptions, RunReport, Script};
use parking_lot::Mutex;

use super::screen::{Named, Screen};
use crate::render::{Align, Column, DIM, GREEN, Line, RED, Span, Table};

/// How many runs that have ended stay in the list.
const MOST_ENDED: usize = 20;

/// The runs beside the session.
pub(super) struct Background {
    engine: Engine,
    secrets: Secrets,
    screen: Arc<Screen>,
    colour: bool,
    runs: Vec<Spawned>,
    count: usize,
}

struct Spawned {
    number: usize,
    id: RunId,
    name: String,
    canceller: RunCanceller,
    started: Instant,
    ended: Arc<Mutex<Option<Ended>>>,
}

/// How a run ended.
struct Ended {
    how: &'static str,
    after: Duration,
}

impl Background {
    pub(super) fn new(engine: Engine, secrets: Secrets, screen: Arc<Screen>, colour: bool) -> Self {
        Self {
            engine,
            secrets,
            screen,
            colour,
            runs: Vec::new(),
            count: 0,
        }
    }

    /// Starts a file, or code, and says so.
    pub(super) fn spawn(&mut self, what: &str) -> Result<(), String> {
        let is_rule = |path: &Path| {
            let kind = path.extension().and_then(|kind| kind.to_str());
            matches!(
                kind,
                Some("js" | "mjs" | "cjs" | "ts" | "mts" | "cts" | "yml" | "yaml")
            )
        };
        let path = Path::new(what);
        let (name, script) = if path.is_file() {
            let name = path.file_name().unwrap_or(path.as_os_str());
            (name.to_string_lossy().into_owned(), Script::file(path))
        } else if is_rule(path) && !what.contains(['(', ';', ' ']) {
            return Err(format!("there is no file {what}"));
        } else {
            let name = format!("spawn{}", self.count + 1);
            (name.clone(), Script::new(name, what).in_folder("."))
        };
        self.count += 1;
        let number = self.count;
        let output = Arc::new(Named::new(
            Arc::clone(&self.screen),
            format!("[{number} {}] ", printable(&name)),
        ));
        let options = RunOptions::new()
            .name(name.as_str())
            .waited_for_by(inherited_dependents())
            .secrets(self.secrets.clone())
            .output(output.clone());
        // Before the run prints anything itself.
        let said = Span::new(format!("[{number} {name}] started"), DIM);
        self.screen.say(&said.to_string());
        let handle = self.engine.run(script, options);
        let ended = Arc::new(Mutex::new(None));
        self.runs.push(Spawned {
            number,
            id: handle.id(),
            name,
            canceller: handle.canceller(),
            started: Instant::now(),
            ended: Arc::clone(&ended),
        });
        let colour = self.colour;
        let started = Instant::now();
        // The prompt blocks its thread, so another one has to wait for the end.
        let waiter = std::thread::Builder::new()
            .name("cla-spawned".to_owned())
            .spawn(move || {
                let report = handle.wait();
                output.conclude(&conclusion(&report, colour));
                *ended.lock() = Some(Ended {
                    how: how(&report),
                    after: started.elapsed(),
                });
            });
        if let Err(error) = waiter {
            return Err(format!("cannot wait for it: {error}"));
        }
        self.forget_old();
        Ok(())
    }

    fn forget_old(&mut self) {
        let is_ended = |run: &Spawned| run.ended.lock().is_some();
        let mut surplus = self.runs.iter().filter(|run| is_ended(run)).count();
        self.runs.retain(|run| {
            let forget = surplus > MOST_ENDED && is_ended(run);
            surplus -= usize::from(forget);
            !forget
        });
    }

    /// The numbers of those that have not ended.
    pub(super) fn live(&self) -> Vec<String> {
        let live = self.runs.iter().filter(|run| run.ended.lock().is_none());
        live.map(|run| run.number.to_string()).collect()
    }

    /// Stops a run, which is named by its number, its name, or the beginning of its id.
    pub(super) fn stop(&self, which: &str) -> Result<String, String> {
        let live: Vec<&Spawned> = self
            .runs
            .iter()
            .filter(|run| run.ended.lock().is_none())
            .collect();
        let by_number = live.iter().find(|run| run.number.to_string() == which);
        let found = match by_number {
            Some(run) => vec![*run],
            None => live
                .iter()
                .filter(|run| run.name == which || run.id.to_string().starts_with(which))
                .copied()
                .collect(),
        };
        match found.as_slice() {
            [run] => {
                run.canceller.cancel();
                Ok(format!("[{} {}] is being stopped", run.number, run.name))
            }
            [] => Err(format!("no run {which:?} is going on; .runs lists them")),
            _ => Err(format!("{which:?} may mean several runs; say their number")),
        }
    }

    /// The runs, in a table.
    pub(super) fn table(&self) -> Vec<Line> {
        if self.runs.is_empty() {
            return vec![Line(vec![Span::new(
                "nothing was started; .spawn FILE or .spawn CODE does",
                DIM,
            )])];
        }
        let mut table = Table::new([
            Column::new("RUN", Align::Right),
            Column::new("NAME", Align::Left).that_gives_way(),
            Column::new("STATE", Align::Left),
            Column::new("TIME", Align::Right),
            Column::new("ID", Align::Left),
        ]);
        for run in &self.runs {
            let ended = run.ended.lock();
            let (state, style, time) = match &*ended {
                None => ("running", GREEN, run.started.elapsed()),
                Some(Ended { how: "done", after }) => ("done", DIM, *after),
                Some(Ended { how, after }) => (*how, RED, *after),
            };
            table.row([
                Span::plain(run.number.to_string()),
                Span::plain(run.name.clone()),
                Span::new(state, style),
                Span::plain(format!("{:.1}s", time.as_secs_f64())),
                Span::new(run.id.to_string().chars().take(8).collect::<String>(), DIM),
            ]);
        }
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        table.lines(width)
    }
}

fn how(report: &RunReport) -> &'static str {
    match &report.result {
        Ok(_) => "done",
        Err(error) if error.kind == ErrorKind::Cancelled => "stopped",
        Err(_) => "failed",
    }
}

/// What is said when a run has ended.
fn conclusion(report: &RunReport, colour: bool) -> String {
    match &report.result {
        Ok(value) if value.is_null() => "done\n".to_owned(),
        Ok(value) => format!("done: {value}\n"),
        Err(error) if error.kind == ErrorKind::Cancelled => "stopped\n".to_owned(),
        Err(error) => {
            let text = error.render(colour);
            format!("{}\n", text.trim_end())
        }
    }
}
