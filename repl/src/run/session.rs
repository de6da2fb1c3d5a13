//! The runs of one command, from start to exit code.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::observe::EngineEvent;
use cla_runtime::output::OutputStream;
use cla_runtime::profile::Profile;
use cla_runtime::semaphore::{RunId, Semaphores, StoreUrl};
use cla_runtime::{Engine, EngineBuilder, Limits, Output, RunHandle, RunReport};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use super::output::{Colours, RunOutput};
use super::plan::Planned;
use super::screen::Screen;
use super::settings::ByFolder;
use super::{Args, status};
use crate::permissions::Granted;
use crate::signals::{Signal, Signals};
use crate::store::Cautions;

/// No status line appears before this: a user who waits for less needs none.
const STATUS_DELAY: Duration = Duration::from_secs(1);

/// How often the status line is brought up to date.
const STATUS_INTERVAL: Duration = Duration::from_millis(250);

/// How often to check whether a reader takes anything.
const LOOK_AFTER: Duration = Duration::from_millis(50);

/// While more bytes than this are not written yet, no further run is reported.
const MOST_BEHIND: usize = 8 << 20;

/// A run that was started.
pub(super) struct Started {
    file: String,
    output: Arc<RunOutput>,
}

/// The reports that are still to come.
pub(super) type Live =
    FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = (Started, RunReport)>>>>;

/// The runs of one command, from start to exit code.
pub(super) struct Session {
    engine: Engine,
    /// The runs of this command: a shared store has others, too.
    runs: HashSet<RunId>,
    screen: Arc<Screen>,
    /// Where the time of each run went, if that is wanted.
    profiles: Option<Vec<Arc<Profile>>>,
    colours: Colours,
    json: bool,
    print: bool,
    /// Whether it is said at a terminal what the runs wait for.
    shows_status: bool,
    /// For how many slots the only run waits.
    waits: Arc<AtomicUsize>,
    total: usize,
    done: usize,
    failed: usize,
    /// How many were cancelled: of those that failed.
    stopped: usize,
    /// Whether one was out of time.
    timed_out: bool,
    /// With what the rule said that the program is to exit, if it is the only one.
    exit_code: Option<u8>,
    /// Who asked for the end of all runs.
    signal: Option<Signal>,
}

/// The engine that the options ask for.
pub(super) fn engine(args: &Args, semaphores: Semaphores, granted: &Granted) -> Engine {
    builder(args, semaphores, granted).build()
}

fn builder(args: &Args, semaphores: Semaphores, granted: &Granted) -> EngineBuilder {
    let mut limits = Limits::default()
        .memory(args.memory)
        .stack(args.stack)
        .grace(args.grace);
    if let Some(timeout) = args.timeout {
        limits = limits.timeout(timeout);
    }
    let mut engine = Engine::builder()
        .workers(args.workers.into())
        .limits(limits)
        .semaphores(semaphores)
        .permissions(granted.permissions.clone())
        .strict(granted.strict);
    if granted.imports_current_folder {
        engine = engine.allow_folder(".");
    }
    engine.with(cla_stdlib::install).with(cla_rulebook::install)
}

impl Session {
    pub(super) fn new(
        args: &Args,
        total: usize,
        semaphores: Semaphores,
        granted: &Granted,
    ) -> Self {
        let screen = Arc::new(Screen::new());
        let shows_status = !args.quiet && !args.json && screen.has_status();
        let waits = Arc::new(AtomicUsize::new(0));
        let mut engine = builder(args, semaphores, granted);
        // A store that the only run does not wait for is not even opened.
        if shows_status && total == 1 {
            let waits = Arc::clone(&waits);
            engine = engine.on_event(move |event| match event {
                EngineEvent::WaitStarted { .. } => _ = waits.fetch_add(1, Ordering::Relaxed),
                EngineEvent::WaitEnded { .. } => _ = waits.fetch_sub(1, Ordering::Relaxed),
                _ => {}
            });
        }
        Self {
            engine: engine.build(),
            runs: HashSet::new(),
            screen,
            profiles: (args.profile || args.flamegraph.is_some()).then(Vec::new),
            shows_status,
            waits,
            colours: Colours::detect(),
            json: args.json,
            print: args.print,
            total,
            done: 0,
            failed: 0,
            stopped: 0,
            timed_out: false,
            exit_code: None,
            signal: None,
        }
    }

    /// Starts all runs.
    pub(super) fn start(&mut self, plan: Vec<Planned>, options: &ByFolder) -> Live {
        let started = plan.into_iter().enumerate().map(|(index, planned)| {
            let output = Arc::new(self.output(&planned.name, index));
            let mut options = options
                .of(Path::new(&planned.file))
                .name(planned.name)
                .output(Arc::clone(&output) as Arc<dyn Output>);
            if let Some(profiles) = &mut self.profiles {
                let profile = Profile::start();
                options = options.profile(Arc::clone(&profile));
                profiles.push(profile);
            }
            let handle: RunHandle = self.engine.run(planned.script, options);
            self.runs.insert(handle.id());
            let file = planned.file;
            Box::pin(async move { (Started { file, output }, handle.await) }) as _
        });
        started.collect()
    }

    fn output(&self, name: &str, index: usize) -> RunOutput {
        let screen = Arc::clone(&self.screen);
        if self.total == 1 {
            RunOutput::plain(screen, self.json)
        } else {
            RunOutput::named(screen, self.json, name, index, self.colours)
        }
    }

    /// Looks after the runs until the last one has ended.
    pub(super) async fn attend(&mut self, mut live: Live, signals: &mut Signals) {
        let screen = Arc::clone(&self.screen);
        let with_status = self.shows_status;
        let mut ticks = interval_at(Instant::now() + STATUS_DELAY, STATUS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cancelled = false;
        while !live.is_empty() {
            let behind = screen.queue().backlog() > MOST_BEHIND;
            let lost = screen.until_lost();
            tokio::select! {
                biased;
                signal = signals.next() => self.on_signal(signal),
                () = lost, if !cancelled => {
                    cancelled = true;
                    self.engine.cancel_all();
                }
                Some((started, report)) = live.next(), if !behind => self.conclude(&started, &report),
                () = sleep(LOOK_AFTER), if behind || self.signal.is_some() => {
                    if self.signal.is_some() {
                        screen.give_up_if_stalled();
                    }
                }
                _ = ticks.tick(), if with_status && self.signal.is_none() => self.show_status(live.len()).await,
            }
        }
        self.screen.clear_status();
        // What rulebooks forked and left.
        let engine = self.engine.clone();
        let idle = engine.idle();
        tokio::pin!(idle);
        loop {
            tokio::select! {
                biased;
                signal = signals.next() => self.on_signal(signal),
                () = &mut idle => return,
                () = sleep(LOOK_AFTER), if self.signal.is_some() => {
                    screen.give_up_if_stalled();
                }
            }
        }
    }

    /// Waits until all output is written: without a limit, or only briefly if the reader takes nothing and the program is to
    /// end. Returns the exit code, which a signal changes.
    pub(super) async fn drain(&mut self, signals: &mut Signals, code: u8) -> u8 {
        let screen = Arc::clone(&self.screen);
        let signalled = self.signal.is_some();
        while let Some(unwritten) = screen.queue().unwritten() {
            tokio::select! {
                biased;
                () = unwritten => break,
                signal = signals.next() => self.on_signal(signal),
                () = sleep(LOOK_AFTER), if self.signal.is_some() || self.timed_out => {
                    if screen.give_up_if_stalled() {
                        break;
                    }
                }
            }
        }
        match self.signal {
            Some(signal) if !signalled => signal.exit_code(),
            None if code == 0 && screen.lost().is_some() => crate::exit::PIPE_CLOSED,
            _ => code,
        }
    }

    /// Writes a text with styles to a standard stream; without them where they are not wanted.
    pub(super) fn show(&self, stream: OutputStream, text: &str) {
        let coloured = match stream {
            OutputStream::Stdout => self.colours.stdout,
            OutputStream::Stderr => self.colours.stderr,
        };
        self.screen
            .write(stream, &crate::out::plain(text, coloured));
    }

    /// Where the time of the runs went.
    pub(super) fn profiles(&self) -> &[Arc<Profile>] {
        self.profiles.as_deref().unwrap_or_default()
    }

    /// Reports what is wrong with the store.
    pub(super) fn caution(&self, store: &StoreUrl, semaphores: &Semaphores) -> Cautions {
        let (screen, coloured) = (Arc::clone(&self.screen), self.colours.stderr);
        Cautions::of(store, semaphores, move |caution| {
            let text = crate::out::plain(&crate::exit::warned(&caution), coloured).into_owned();
            screen.write(OutputStream::Stderr, &text);
        })
    }

    pub(super) fn report(&self, problem: &dyn std::fmt::Display) {
        self.show(OutputStream::Stderr, &crate::exit::reported(problem));
    }

    /// The first signal cancels every run; the second ends the program, if it got this far.
    fn on_signal(&mut self, signal: Signal) {
        if self.signal.is_some() {
            std::process::exit(signal.exit_code().into());
        }
        self.signal = Some(signal);
        // Nothing may be left on the terminal if there is a second one.
        self.screen.clear_status();
        self.engine.cancel_all();
    }

    /// Says how a run ended.
    fn conclude(&mut self, run: &Started, report: &RunReport) {
        run.output.finish();
        self.done += 1;
        let ended_itself = match &report.result {
            Ok(_) => true,
            Err(error) => error.kind == ErrorKind::Exited,
        };
        if let Some(code) = report.exit_code.filter(|_| ended_itself) {
            // The system keeps eight bits of it. Of several rules, one that says so has failed.
            match self.total {
                1 => self.exit_code = Some(code.to_le_bytes()[0]),
                _ => self.failed += usize::from(report.is_ok() && code != 0),
            }
        }
        if self.json {
            let line = report.to_json(&run.file) + "\n";
            self.screen.write(OutputStream::Stdout, &line);
        }
        match &report.result {
            Ok(value) if self.print => run.output.add(OutputStream::Stdout, &format!("{value}\n")),
            Ok(_) => {}
            Err(error) => {
                self.failed += 1;
                let stopped = error.kind == ErrorKind::Cancelled;
                self.stopped += usize::from(stopped);
                self.timed_out |= error.kind == ErrorKind::TimedOut;
                // One that ends itself has said what it had to say.
                let is_told =
                    (stopped && error.name != "Replaced") || error.kind == ErrorKind::Exited;
                if !is_told && !self.json {
                    let text = error.render(self.colours.stderr);
                    let text = format!("{}\n", text.trim_end());
                    run.output.add(OutputStream::Stderr, &text);
                }
            }
        }
    }

    async fn show_status(&self, live: usize) {
        if self.total == 1 && self.waits.load(Ordering::Relaxed) == 0 {
            self.screen.clear_status();
            return;
        }
        // A store that does not answer must not make the status line fail or wait.
        let list = self.engine.semaphores().list();
        let semaphores = match tokio::time::timeout(STATUS_INTERVAL, list).await {
            Ok(Ok(semaphores)) => semaphores,
            _ => Vec::new(),
        };
        if self.total == 1 {
            match status::wait(&semaphores, &self.runs) {
                Some(wait) => self.screen.show_status(&wait),
                None => self.screen.clear_status(),
            }
            return;
        }
        let queues = status::queues(&semaphores, &self.runs);
        self.screen
            .show_status(&status::describe(live, self.done, &queues));
    }

    /// Reports on all runs together, and returns the exit code.
    pub(super) fn end(&self) -> u8 {
        if let Some(signal) = self.signal {
            let runs = if self.stopped == 1 { "run" } else { "runs" };
            self.screen
                .complain(&format!("cancelled {} {runs}\n", self.stopped));
            return signal.exit_code();
        }
        let is_lost = self.screen.lost().is_some();
        if let Some(code) = self.exit_code.filter(|_| !is_lost) {
            return code;
        }
        match self.screen.lost() {
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => crate::exit::PIPE_CLOSED,
            Some(error) => {
                self.report(&format_args!("cannot write to standard output: {error}"));
                crate::exit::FAILED
            }
            None if self.failed == 0 => 0,
            None => {
                if self.total > 1 && !self.json {
                    self.report(&format_args!(
                        "{} of {} runs failed",
                        self.failed, self.total
                    ));
                }
                crate::exit::FAILED
            }
        }
    }
}
