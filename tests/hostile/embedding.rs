//! A host that embeds the engine on a current-thread runtime, in a process of its own: a crash is its exit code.
//!
//! The process gets one job per line on standard input and answers each with a line; it lives on from job to job, as a
//! service does, with one engine of one worker.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::output::OutputStream;
use cla_runtime::semaphore::{Request, SemaphoreName};
use cla_runtime::{Engine, Limits, Output, RunOptions, Script};
use serde::{Deserialize, Serialize};

use crate::bounds::{self, Broken, End, Machine, Seen};
use crate::child::{self, Ended};
use crate::corpus::{Case, Host, SLOT};
use crate::program::TOO_MUCH;
use crate::run::{command_line, neighbour, neighbour_ends};
use crate::settings::Settings;
use crate::suite::lanes;
use crate::summary::Outcome;
use crate::{leftovers, server};

/// The argument that makes this program the host.
pub(crate) const HOST: &str = "--be-the-embedding-host";

/// A script for the host.
#[derive(Clone, Serialize, Deserialize)]
struct Job {
    script: PathBuf,
    limit: Duration,
    grace: Option<Duration>,
    /// When the neighbour ends.
    until: Duration,
    memory: u64,
}

/// What the host saw.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: String,
    took: Duration,
    late: Duration,
    slot: Option<Duration>,
    value: Option<serde_json::Value>,
    said: String,
}

/// What rules print, its beginning.
#[derive(Default)]
struct Kept(Mutex<String>);

impl Output for Kept {
    fn write(&self, _: OutputStream, text: &str) {
        const MOST: usize = 1 << 16;
        let mut kept = self.0.lock().unwrap();
        if kept.len() + text.len() < MOST {
            kept.push_str(text);
        }
    }
}

/// How much longer than the script's limit the neighbour may look at it: the end of a run is part of it.
const AFTER: Duration = Duration::from_millis(500);

/// The host's process: answers jobs until there is none.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build();
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line.unwrap()).unwrap();
        let answer = runtime.block_on(answer(&engine, &job));
        let mut line = serde_json::to_string(&answer).unwrap();
        line.push('\n');
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

async fn answer(engine: &Engine, job: &Job) -> Answer {
    let began = Instant::now();
    let kept = Arc::new(Kept::default());
    let until = job.until;
    let beside = engine.run(
        Script::new("neighbour.js", neighbour(until)),
        RunOptions::new().limits(Limits::default().timeout(until + AFTER)),
    );
    let limits = Limits::default();
    let limits = limits
        .grace(job.grace.unwrap_or(limits.grace))
        .memory(usize::try_from(job.memory << 20).unwrap())
        .timeout(job.limit);
    let options = RunOptions::new()
        .limits(limits)
        .allow_folder(job.script.parent().unwrap())
        .output(Arc::clone(&kept) as Arc<dyn Output>);
    let hostile = engine.run(Script::file(&job.script), options);
    let host_late = Mutex::new(Duration::ZERO);
    let (report, took) = tokio::select! {
        report = hostile => (report, began.elapsed()),
        () = tick(&host_late) => unreachable!("it ticks for ever"),
    };
    let name = SemaphoreName::new(SLOT).unwrap();
    let wait = Request::new().timeout(Duration::from_secs(1));
    let permit = engine
        .semaphores()
        .semaphore(&name)
        .acquire()
        .with(wait)
        .await
        .ok();
    let slot = permit.as_ref().map(|_| began.elapsed());
    drop(permit);
    let beside = beside.await;
    // As at `cla run`: its value in ms, or how long after its end it got its turn.
    let neighbour_late = beside
        .result
        .as_ref()
        .ok()
        .and_then(|value| value.to_string().parse().ok())
        .map_or_else(
            || (beside.ran + beside.waited).saturating_sub(until),
            |ms: f64| Duration::from_secs_f64(ms.max(0.0) / 1e3),
        );
    let mut said = std::mem::take(&mut *kept.0.lock().unwrap());
    let status = match &report.result {
        Ok(_) => "ok",
        Err(error) => {
            said.push_str(&error.to_string());
            match error.kind {
                ErrorKind::Cancelled => "cancelled",
                ErrorKind::TimedOut => "timed_out",
                ErrorKind::OutOfMemory => "out_of_memory",
                ErrorKind::StackOverflow => "stack_overflow",
                ErrorKind::Panic => "panic",
                _ => "failed",
            }
        }
    };
    let host_late = *host_late.lock().unwrap();
    Answer {
        status: status.to_owned(),
        took,
        late: neighbour_late.max(host_late),
        slot,
        value: report.result.ok(),
        said,
    }
}

/// Timers of the host's own thread, which no rule may hold up.
async fn tick(worst: &Mutex<Duration>) {
    const TICK: Duration = Duration::from_millis(10);
    loop {
        let before = Instant::now();
        tokio::time::sleep(TICK).await;
        let late = before.elapsed().saturating_sub(TICK);
        let mut worst = worst.lock().unwrap();
        *worst = (*worst).max(late);
    }
}

/// A host's process, as the test sees it.
struct Process {
    child: Child,
    answers: Receiver<String>,
    /// For temporary files of all its scripts.
    temporary: tempfile::TempDir,
}

impl Process {
    fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(HOST)
            .env_remove("CLA_STORE")
            .env("TMPDIR", temporary.path())
            .env(server::VARIABLE, server::address())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            answers,
            temporary,
        }
    }

    /// The answer, or how the process ended instead.
    fn ask(&mut self, job: &Job, deadline: Instant) -> Result<Answer, Ended> {
        let line = serde_json::to_string(job).unwrap();
        let stdin = self.child.stdin.as_mut().unwrap();
        // A process that is gone has no answer either.
        let _ = writeln!(stdin, "{line}");
        while Instant::now() < deadline && child::peak(self.child.id()) < TOO_MUCH {
            match self.answers.recv_timeout(Duration::from_millis(5)) {
                Ok(answer) => {
                    if let Ok(answer) = serde_json::from_str(&answer) {
                        return Ok(answer);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // Gone, or to be killed; closing its input lets it end by itself.
        Err(child::wait(&mut self.child, deadline))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs cases, several processes side by side.
pub(crate) fn run(cases: &[&Case], machine: &Machine, settings: &Settings) -> Vec<Outcome> {
    lanes(settings, cases, |process, case| {
        one(process, case, machine, settings)
    })
}

fn one(
    process: &mut Option<Process>,
    case: &Case,
    machine: &Machine,
    settings: &Settings,
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    case.write_files(folder.path());
    let job = Job {
        script: folder.path().join(&case.main),
        limit: case.bounds.limit,
        grace: case.bounds.grace,
        until: if case.bounds.waiter {
            case.bounds.last() + AFTER
        } else {
            neighbour_ends(&case.bounds)
        },
        memory: case.bounds.memory,
    };
    let began = Instant::now();
    let deadline = began + case.bounds.ends * machine.slower + machine.margin + settings.patience;
    let is_new = process.is_none();
    let host = process.get_or_insert_with(Process::start);
    if is_new {
        // What an engine opens for its first run, it keeps.
        let script = folder.path().join("first.js");
        std::fs::write(&script, "1").unwrap();
        let first = Job {
            script,
            until: Duration::from_millis(50),
            ..job.clone()
        };
        // Should that fail, so does the next one.
        let _ = host.ask(&first, deadline);
    }
    let before = child::waits(host.child.id());
    let files = leftovers::open_files(host.child.id());
    let answer = host.ask(&job, deadline);
    let starved = child::starved(&before, &child::waits(host.child.id()));
    let seen = match answer {
        Ok(answer) => Seen {
            end: Some(End::Code(0)),
            starved,
            took: answer.took,
            peak: 0,
            late: Some(answer.late),
            slot: answer.slot,
            status: Some(answer.status),
            value: answer.value,
            said: answer.said,
        },
        Err(ended) => {
            *process = None;
            Seen {
                end: Some(match ended.end {
                    // It ends when its input does, and that is open.
                    End::Code(code) => End::Gone(code),
                    end => end,
                }),
                took: began.elapsed(),
                peak: ended.peak,
                ..Seen::default()
            }
        }
    };
    let mut broken = bounds::broken(case, &seen, machine);
    if let Some(process) = process {
        let left = leftovers::of_host(process.child.id(), files, process.temporary.path());
        broken.extend(left.iter().map(|what| Broken::left(what)));
    }
    let grown = process
        .as_ref()
        .is_some_and(|process| child::peak(process.child.id()) > TOO_MUCH / 2);
    if !broken.is_empty() || grown {
        // What it left behind is not to be taken for a failure of the next one.
        *process = None;
    }
    let how = command_line(Path::new("cla"), case);
    Outcome::new(case, Host::Embedding, seen, broken, how)
}
