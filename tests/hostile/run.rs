//! The host `cla run`: the hostile script beside a neighbour on one worker, and a waiter in this process.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cla_semaphore::{Request, SemaphoreName, Semaphores};
use serde_json::Value;

use crate::bounds::{self, Broken, Machine, Seen};
use crate::child::{self, Stream};
use crate::corpus::{Bounds, Case, Host, SLOT, TEMPORARY};
use crate::settings::Settings;
use crate::summary::Outcome;
use crate::swap::Swapping;
use crate::{leftovers, server};

/// The neighbour: timers of 10 ms until shortly before its own time limit. Its value is the worst lateness in ms.
const NEIGHBOUR: &str = "neighbour.js";

/// How long before its limit the neighbour begins its last round: a sleep of 10 ms and two looks at the slot, each as
/// late as it may be. A neighbour that is stopped by its limit has no value to tell.
const BEFORE: Duration = Duration::from_millis(60);

/// How long the neighbour goes on beside a script that takes no slot.
const WITHOUT_SLOT: Duration = Duration::from_millis(120);

/// How much longer than its bound a run whose output is not read is waited for, so that the message says how late it was.
const UNREAD: Duration = Duration::from_secs(2);

/// The neighbour's text: it ends when the hostile run has had its slot, or after `until`.
pub(crate) fn neighbour(until: Duration) -> String {
    let until = until.as_millis();
    format!(
        "const {{ sleep }} = require('cla/util'), sem = require('cla/sem');
         const requests = () => sem.show('{SLOT}')?.requests ?? [];
         const token = () => Math.max(0, ...requests().map((request) => request.token ?? 0));
         const first = token(); let worst = 0, goesOn = true;
         do {{
             const t = performance.now();
             sleep(0.01);
             worst = Math.max(worst, performance.now() - t - 10);
             goesOn = token() === first || sem.show('{SLOT}').busy > 0;
         }} while (goesOn && performance.now() < {until});
         worst"
    )
}

/// When the neighbour ends by itself, at the latest.
pub(crate) fn neighbour_ends(bounds: &Bounds) -> Duration {
    // Without a slot it cannot see when the hostile run ends, and looks at its beginning.
    let most = if bounds.waiter {
        bounds.last()
    } else {
        bounds.last().min(WITHOUT_SLOT)
    };
    most.saturating_sub(BEFORE)
}

/// The arguments of `cla` for a case.
fn arguments(case: &Case, store: &str) -> Vec<String> {
    let bounds = &case.bounds;
    let mut arguments: Vec<String> = vec![
        "run".to_owned(),
        "--json".to_owned(),
        format!("--timeout={}ms", bounds.limit.as_millis()),
        format!("--memory={}M", bounds.memory),
        format!("--store={store}"),
    ];
    arguments.extend(bounds.grace.map(grace));
    arguments.extend(case.arguments.iter().cloned());
    arguments.extend([NEIGHBOUR.to_owned(), case.main.clone()]);
    arguments
}

fn grace(grace: Duration) -> String {
    format!("--grace={}ms", grace.as_millis())
}

/// The command with which a user runs a case alone, once its files are written.
pub(crate) fn command_line(program: &Path, case: &Case) -> String {
    let bounds = &case.bounds;
    let mut line = format!(
        "{} run --timeout {}ms --memory {}M",
        program.display(),
        bounds.limit.as_millis(),
        bounds.memory
    );
    let grace = bounds.grace.map(grace);
    for argument in grace.iter().chain(&case.arguments).chain([&case.main]) {
        line.push(' ');
        line.push_str(argument);
    }
    line
}

/// Runs a case.
pub(crate) fn run(program: &Path, case: &Case, machine: &Machine, settings: &Settings) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    case.write_files(folder.path());
    std::fs::write(
        folder.path().join(NEIGHBOUR),
        neighbour(neighbour_ends(&case.bounds)),
    )
    .unwrap();
    let store = format!("sqlite:{}", folder.path().join("store.db").display());
    let patience = case.bounds.ends * machine.slower + machine.margin + settings.patience;
    let temporary = folder.path().join(TEMPORARY);
    let mark = store.clone();
    let swapping = case
        .swap
        .as_ref()
        .map(|swap| Swapping::start(folder.path(), swap));
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments(case, &store))
        .current_dir(folder.path())
        .env("CLA_HOME", folder.path().join("home"))
        .env("XDG_CONFIG_HOME", folder.path().join("home"))
        .env_remove("CLA_STORE")
        .env("NO_COLOR", "1")
        .env("TMPDIR", &temporary)
        .env(leftovers::MARK, &mark)
        .env(server::VARIABLE, server::address())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let reports = Stream::read(child.stdout.take().unwrap());
    let errors = child.stderr.take().unwrap();
    let waiter = case
        .bounds
        .waiter
        .then(|| Waiter::start(&store, began + patience));
    let (errors, reported) = if case.bounds.reads_output {
        (Stream::read(errors), None)
    } else {
        // The run must end although nobody reads its output; only then is the program let go.
        let last = began + case.bounds.ends + machine.startup + machine.margin + UNREAD;
        let reported = until_reported(&reports, case, began, last);
        (Stream::read(errors), Some(reported))
    };
    let ended = child::wait(&mut child, began + patience);
    let wall = reported.unwrap_or_else(|| began.elapsed());
    let slot = waiter.and_then(|waiter| waiter.got(settings.patience));
    let (status, value, late) = read_reports(&reports.text(), case);
    let mut said = errors.text();
    if let Some(error) = &value.1 {
        said.push_str(error);
    }
    let seen = Seen {
        end: Some(ended.end),
        starved: ended.starved,
        took: wall.saturating_sub(machine.startup),
        peak: ended.peak,
        late,
        slot: slot.map(|slot| (slot - began).saturating_sub(machine.startup)),
        status,
        value: value.0,
        said,
    };
    drop(swapping);
    let mut broken = bounds::broken(case, &seen, machine);
    let left = leftovers::of_run(&mark, &temporary).into_iter();
    broken.extend(left.map(|what| Broken::left(&what)));
    Outcome::new(case, Host::Run, seen, broken, command_line(program, case))
}

/// Waits for the report of a run; gives when it was there.
fn until_reported(reports: &Stream, case: &Case, began: Instant, last: Instant) -> Duration {
    let mark = format!("\"file\":\"{}\"", case.main);
    while Instant::now() < last && !reports.so_far().contains(&mark) {
        std::thread::sleep(Duration::from_millis(2));
    }
    began.elapsed()
}

type ValueOrError = (Option<Value>, Option<String>);

/// The hostile run's status, its value or its error, and the worst lateness of the neighbour.
fn read_reports(text: &str, case: &Case) -> (Option<String>, ValueOrError, Option<Duration>) {
    let (mut status, mut value, mut late) = (None, (None, None), None);
    for line in text.lines() {
        let Ok(report) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let file = report["file"].as_str().unwrap_or_default();
        if file == NEIGHBOUR {
            late = Some(lateness(&report, &case.bounds));
        } else if file == case.main {
            status = report["status"].as_str().map(str::to_owned);
            value = (
                Some(report["value"].clone()),
                (!report["error"].is_null()).then(|| report["error"].to_string()),
            );
        }
    }
    (status, value, late)
}

/// How late the neighbour's timers were: its value, or how long after its limit it got its turn.
fn lateness(report: &Value, bounds: &Bounds) -> Duration {
    let ran = Duration::from_secs_f64(report["ran"].as_f64().unwrap_or(0.0));
    report["value"].as_f64().map_or_else(
        || ran.saturating_sub(neighbour_ends(bounds)),
        |ms| Duration::from_secs_f64(ms.max(0.0) / 1e3),
    )
}

/// A thread that asks for the hostile run's slot once that has it, from this process.
struct Waiter {
    thread: std::thread::JoinHandle<Option<Instant>>,
    is_over: Arc<AtomicBool>,
}

impl Waiter {
    fn start(store: &str, deadline: Instant) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (store, over) = (store.to_owned(), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let name = SemaphoreName::new(SLOT).unwrap();
                let semaphores = Semaphores::connect(&store).ok()?;
                // The program makes the file; before that, and before the run has its slot, there is nothing to wait for.
                loop {
                    let was_taken = semaphores
                        .show(&name)
                        .await
                        .ok()
                        .flatten()
                        .is_some_and(|view| !view.requests.is_empty());
                    if was_taken || over.load(Ordering::Relaxed) {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                let left =
                    deadline.saturating_duration_since(Instant::now()) + Duration::from_secs(2);
                let permit = semaphores
                    .semaphore(&name)
                    .acquire()
                    .with(Request::new().timeout(left))
                    .await
                    .ok()?;
                let got = Instant::now();
                let _ = permit.release().await;
                let _ = semaphores.close().await;
                Some(got)
            })
        });
        Self { thread, is_over }
    }

    /// When it got the slot. The program has ended by now.
    fn got(self, patience: Duration) -> Option<Instant> {
        self.is_over.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        self.thread.join().unwrap()
    }
}
