//! The session at the prompt: evaluates inputs, shows what they give, and can be interrupted.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::internal::{InputState, inherited_dependents};
use cla_runtime::output::OutputStream;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::{Actor, Semaphores};
use cla_runtime::{Engine, EngineBuilder, Limits, Output, RuleError, RunOptions, Session};
use futures_util::FutureExt;
use tokio::runtime::Runtime;

use super::background::Background;
use super::print::{self, Format, Look};
use super::screen::Screen;
use super::snippets::Snippets;
use super::{Args, Mode};
use crate::permissions::Granted;
use crate::render::{DIM, Span};
use crate::store::Choice;

/// If an input takes longer than this, its time is shown.
const LONG: Duration = Duration::from_secs(1);

/// How long to wait for a reader that takes nothing when the session has ended.
const FAREWELL: Duration = Duration::from_millis(500);

/// Everything at the prompt but the reading of lines.
pub(super) struct Console {
    pub(super) runtime: Runtime,
    engine: Engine,
    pub(super) session: Session,
    pub(super) semaphores: Semaphores,
    pub(super) choice: Choice,
    pub(super) screen: Arc<Screen>,
    pub(super) background: Background,
    pub(super) snippets: Snippets,
    pub(super) mode: Mode,
    pub(super) format: Format,
    pub(super) timing: Timing,
    secrets: Secrets,
    /// What was evaluated last.
    pub(super) last: Option<(Mode, String)>,
    /// Whether a user types the inputs.
    interactive: bool,
    colour: bool,
    interrupts: Interrupts,
    /// Signals that are ignored from now on.
    over: bool,
    /// With what an input has ended the session.
    exit_code: Option<u8>,
    /// Ctrl-C ended work for a program.
    interrupted: bool,
    /// Work for a program ended because the reader of its output has gone.
    unread: bool,
}

/// What inputs may, and what they may read.
pub(super) struct Rights {
    pub(super) granted: Granted,
    pub(super) secrets: Secrets,
    /// What `cla.toml` files say to rules, the most important last.
    pub(super) settings: Vec<serde_json::Value>,
}

/// When to show how long an input took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timing {
    Always,
    /// If it took long.
    Long,
    Never,
}

/// Ctrl-C, while no line is being typed.
#[cfg(unix)]
type Interrupts = tokio::signal::unix::Signal;
#[cfg(windows)]
type Interrupts = tokio::signal::windows::CtrlC;

impl Console {
    pub(super) fn new(
        args: &Args,
        stash: serde_json::Value,
        choice: Choice,
        semaphores: Semaphores,
        interactive: bool,
        Rights {
            granted,
            secrets,
            settings,
        }: Rights,
    ) -> io::Result<Self> {
        let runtime = crate::event_loop::event_loop()?;
        let colour = crate::out::is_coloured(OutputStream::Stdout);
        let limits = Limits::default().memory(args.memory).stack(args.stack);
        let mut engine = Engine::builder()
            // At least one worker for the session, so that runs that compute do not make the prompt slow.
            .workers(std::thread::available_parallelism().map_or(2, |count| count.get().max(2)))
            .limits(limits)
            .semaphores(semaphores.acting_as(Actor::process("repl")))
            .permissions(granted.permissions)
            .strict(granted.strict);
        if granted.imports_current_folder {
            engine = engine.allow_folder(".");
        }
        let engine = settings
            .into_iter()
            .fold(engine, EngineBuilder::config)
            .with(cla_stdlib::install)
            .with(cla_rulebook::install)
            .build();
        let screen = Arc::new(Screen::new(secrets.clone()));
        let options = RunOptions::new()
            .name("repl")
            .waited_for_by(inherited_dependents())
            .stash(stash)
            .secrets(secrets.clone())
            .arguments(args.arguments.clone())
            .output(Arc::clone(&screen) as Arc<dyn Output>);
        let session = {
            let screen = Arc::clone(&screen);
            let folder = std::env::current_dir().ok();
            Session::start(&engine, options, folder, move |error| {
                screen.mention(error.render(colour).trim_end());
            })
        };
        let interrupts = {
            let _inside = runtime.enter();
            interrupts()?
        };
        let folder = crate::store::state_folder().map(|folder| folder.join("snippets"));
        Ok(Self {
            background: Background::new(
                engine.clone(),
                secrets.clone(),
                Arc::clone(&screen),
                colour,
            ),
            runtime,
            engine,
            session,
            semaphores,
            choice,
            screen,
            snippets: Snippets::new(folder),
            mode: args.mode,
            format: Format::default(),
            timing: Timing::Long,
            secrets,
            last: None,
            interactive,
            colour,
            interrupts,
            over: false,
            exit_code: None,
            interrupted: false,
            unread: false,
        })
    }

    pub(super) fn colour(&self) -> bool {
        self.colour
    }

    /// The secrets that inputs may read.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Whether the session has ended, or the reader of its output has gone.
    pub(super) fn is_over(&self) -> bool {
        self.over || self.interrupted || self.screen.is_lost()
    }

    /// With what an input has ended the session: `process.exit(3)`.
    pub(super) fn exit_code(&self) -> Option<u8> {
        self.exit_code
    }

    /// Whether Ctrl-C ended work for a program.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted
    }

    /// Whether work for a program ended because the reader of its output has gone.
    pub(super) fn is_unread(&self) -> bool {
        self.unread
    }

    /// Waits until all output is written. Ctrl-C ends the wait, and work for a program.
    pub(super) fn settle(&mut self) {
        let queue = self.screen.queue();
        let Some(unwritten) = queue.unwritten() else {
            return;
        };
        let given_up = if self.interrupted {
            !queue.flush(FAREWELL)
        } else {
            self.runtime.block_on(async {
                tokio::select! {
                    () = unwritten => false,
                    _ = self.interrupts.recv() => true,
                }
            })
        };
        if given_up && !self.interactive {
            queue.abandon();
            self.interrupted = true;
        }
    }

    /// Whether a text is whole in this mode.
    pub(super) fn state(text: &str, mode: Mode) -> InputState {
        match mode {
            Mode::Js => cla_runtime::internal::input_state(text),
            // A user who types says when a rulebook is whole.
            Mode::Yaml => InputState::Complete,
        }
    }

    /// Evaluates an input in the current mode, and shows its value. `false` if it failed.
    pub(super) fn evaluate(&mut self, text: &str) -> bool {
        self.evaluate_as(self.mode, text, true)
    }

    pub(super) fn evaluate_as(&mut self, mode: Mode, text: &str, show: bool) -> bool {
        if text.trim().is_empty() {
            return true;
        }
        self.settle();
        if self.interrupted {
            return false;
        }
        self.last = Some((mode, text.to_owned()));
        let look = Look {
            format: self.format,
            colour: self.colour,
            width: terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
            plain: !self.interactive,
        };
        let started = Instant::now();
        // A Ctrl-C from before this input does not concern it.
        while self.interrupts.recv().now_or_never().is_some() {}
        let answer = match mode {
            Mode::Js => self.session.evaluate(text, move |ctx, _, value| {
                if show {
                    print::shown_or_error(ctx, &value, &look)
                } else {
                    Ok(None)
                }
            }),
            Mode::Yaml => self
                .session
                .run_text(".yml", text, None, move |ctx, _, value| {
                    if show {
                        print::shown_or_error(ctx, &value, &look)
                    } else {
                        Ok(None)
                    }
                }),
        };
        let queue = self.screen.queue();
        let mut lost = false;
        let answer = self.runtime.block_on(async {
            let mut answer = std::pin::pin!(answer);
            loop {
                tokio::select! {
                    biased;
                    answer = &mut answer => break answer,
                    _ = self.interrupts.recv() => self.session.interrupt(),
                    // The reader of its output has gone.
                    () = queue.until_failed(OutputStream::Stdout), if !lost => {
                        lost = true;
                        self.session.interrupt();
                    }
                }
            }
        });
        let succeeded = match answer {
            Ok(Ok(Some(text))) => {
                self.screen.say(&text);
                true
            }
            Ok(Ok(None)) => true,
            Ok(Err(problem)) => {
                self.complain(&problem);
                false
            }
            Err(error) => {
                self.report(&error);
                false
            }
        };
        let took = started.elapsed();
        let worth_it = match self.timing {
            Timing::Always => true,
            Timing::Long => self.interactive && took >= LONG,
            Timing::Never => false,
        };
        if worth_it {
            let text = if took >= LONG {
                format!("took {:.1} s", took.as_secs_f64())
            } else {
                format!("took {:.1} ms", took.as_secs_f64() * 1000.0)
            };
            self.screen.say(&Span::new(text, DIM).to_string());
        }
        succeeded
    }

    fn report(&mut self, error: &RuleError) {
        if error.kind == ErrorKind::Exited {
            self.over = true;
            // The system keeps eight bits of it.
            let code = error.details["code"].as_i64().unwrap_or_default();
            self.exit_code = Some(code.to_le_bytes()[0]);
            return;
        }
        if error.kind == ErrorKind::Cancelled && error.name != "Interrupted" {
            self.over = true;
        }
        if error.kind == ErrorKind::Load && error.message == "the session has ended" {
            self.over = true;
        }
        if error.name == "Interrupted" && !self.interactive {
            self.unread = self.screen.is_lost();
            self.interrupted = !self.unread;
        }
        if error.name == "Interrupted" {
            self.screen.say(&Span::new("interrupted", DIM).to_string());
        } else if self.interactive {
            self.screen.say(error.render(self.colour).trim_end());
        } else {
            let text = error.render(true);
            self.screen.complain(&format!("{}\n", text.trim_end()));
        }
    }

    /// Reports that something could not be done.
    pub(super) fn complain(&self, problem: &dyn std::fmt::Display) {
        if self.interactive {
            self.screen.say(&crate::exit::reported(problem));
        } else {
            self.screen.complain(&crate::exit::reported(problem));
        }
    }

    /// Ends the session and all that runs beside it, and frees what they hold.
    pub(super) fn close(self) {
        let Self {
            runtime,
            engine,
            session,
            semaphores,
            screen,
            ..
        } = self;
        runtime.block_on(async {
            session.interrupt();
            engine.cancel_all();
            let report = session.close().await;
            // The session ended by itself, or never began. So far only the prompt has shown that.
            if let Err(error) = &report.result
                && error.kind == ErrorKind::Panic
            {
                anstream::eprintln!("{}", error.render(false).trim_end());
            }
            engine.idle().await;
            crate::store::close(&semaphores).await;
        });
        // The last lines of output.
        screen.queue().flush(FAREWELL);
    }
}

#[cfg(unix)]
fn interrupts() -> io::Result<Interrupts> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

#[cfg(windows)]
fn interrupts() -> io::Result<Interrupts> {
    tokio::signal::windows::ctrl_c()
}
