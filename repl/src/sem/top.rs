//! `cla sem top`: all semaphores on one screen, as they change, and keys to steer them.
//!
//! ```text
//! keyboard, signals ─► State ─► Effects ─► command ─► the store
//!            readings ─┘  └► draw ─► the terminal    │ events
//!                 └────────────── watch ◄────────────┘
//! ```
//!
//! [`state`] decides and [`draw`] draws, both without a clock or a store; this file connects them with both. All of it
//! runs in turn on one thread, so that any panic ends the program, and the terminal is given back.

mod command;
mod cursor;
mod draw;
mod keys;
mod layout;
mod screen;
mod state;
mod watch;

use std::io::{self, IsTerminal};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch as latest;
use tokio::time::{Instant, sleep_until};

use self::command::TopCommand;
use self::screen::{Screen, Sent, Signals};
use self::state::{Effect, Input, State};
use super::{Failure, Panel};

/// The shortest time between two pictures: people cannot see more than 30 of them in a second.
const FRAME: Duration = Duration::from_millis(33);

/// How often durations move on while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Watch and steer everything on one screen
///
/// On the left the semaphores, on the right who is busy at the selected one and who waits for it. It
/// changes as they do. The keys are shown below; `?` explains them.
#[derive(Debug, clap::Args)]
#[command(after_help = keys::after_help())]
pub(super) struct Args {}

pub(super) async fn run(panel: &Panel, _: &Args) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "`cla sem top` needs a terminal to draw on and to read keys from; for programs there are \
             `cla sem list --json` and `cla sem events --json`"
                .to_owned(),
        ));
    }
    if std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb") {
        return Err(Failure::Usage(
            "`cla sem top` cannot draw on this terminal (TERM is dumb); `cla sem list` and \
             `cla sem events` can"
                .to_owned(),
        ));
    }
    let colours = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
    let signals = Signals::listen()?;
    let screen = Screen::take(colours)?;
    let (keyboard, typed) = mpsc::unbounded_channel();
    screen::listen(keyboard)?;
    let (sender, inputs) = mpsc::unbounded_channel();
    let (commands, given) = mpsc::unbounded_channel();
    let (pause, paused) = latest::channel(false);
    let state = State::new(panel.source.to_string(), TimeZone::system(), screen.area()?);
    let shown = Shown {
        state,
        screen,
        colours,
        opened: Instant::now(),
        signals,
        commands,
        pause,
    };
    let (semaphores, source) = (&panel.semaphores, &panel.source);
    // The other two never end before the first.
    tokio::select! {
        ended = shown.until_left(typed, inputs) => ended,
        () = watch::watch(semaphores, source, paused, sender.clone()) => Ok(()),
        () = command::carry_out(semaphores, source, given, sender) => Ok(()),
    }
}

/// The panel on its screen.
struct Shown {
    state: State,
    screen: Screen,
    colours: bool,
    opened: Instant,
    signals: Signals,
    commands: UnboundedSender<TopCommand>,
    pause: latest::Sender<bool>,
}

impl Shown {
    /// Shows what happens and does what keys say, until the user leaves.
    async fn until_left(
        mut self,
        mut typed: UnboundedReceiver<io::Result<Input>>,
        mut inputs: UnboundedReceiver<Input>,
    ) -> Result<(), Failure> {
        let mut drawn = self.opened;
        self.draw()?;
        loop {
            let next = drawn + if self.state.is_dirty() { FRAME } else { TICK };
            let input = tokio::select! {
                biased;
                sent = self.signals.next() => match sent {
                    Sent::End(code) => return Err(Failure::Interrupted(code)),
                    Sent::Continued => {
                        self.take_again()?;
                        continue;
                    }
                },
                () = sleep_until(next) => {
                    if !self.state.is_dirty() {
                        self.learn(Input::Tick);
                    }
                    drawn = Instant::now();
                    if self.state.take_dirty() {
                        self.draw()?;
                    }
                    continue;
                }
                input = typed.recv() => input.transpose()?,
                input = inputs.recv() => input,
            };
            let Some(input) = input else {
                return Ok(());
            };
            match self.learn(input) {
                None => {}
                Some(Effect::Leave) => return Ok(()),
                Some(Effect::Interrupt) => return Err(Failure::Interrupted(128 + 2)),
                Some(Effect::Suspend) => {
                    screen::give_back();
                    self.signals.suspend().await?;
                    self.take_again()?;
                }
                Some(Effect::Repaint) => self.screen.repaint()?,
                // The task that receives it ends together with this one.
                Some(Effect::Command(command)) => drop(self.commands.send(command)),
                Some(Effect::Pause(pause)) => drop(self.pause.send(pause)),
            }
        }
    }

    fn learn(&mut self, input: Input) -> Option<Effect> {
        self.state
            .handle(input, self.opened.elapsed().as_secs_f64())
    }

    fn take_again(&mut self) -> io::Result<()> {
        self.state.spoil();
        self.screen.take_again()
    }

    fn draw(&mut self) -> io::Result<()> {
        let now = self.opened.elapsed().as_secs_f64();
        let Self {
            state,
            screen,
            colours,
            ..
        } = self;
        screen.terminal.draw(|frame| {
            // The size may have changed since the last message about it.
            if frame.area() != state.screen {
                state.handle(Input::Resized(frame.area()), now);
                state.take_dirty();
            }
            draw::draw(state, frame.buffer_mut(), *colours);
        })?;
        Ok(())
    }
}
