//! The terminal while this program has it: taken over, always given back, and the keys and signals that it
//! sends. Knows nothing of what is drawn.

use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    Event,
};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, style};
use ratatui::layout::{Position, Rect};
use tokio::sync::mpsc::UnboundedSender;

use super::state::Input;

pub(super) use self::system::{Sent, Signals};

/// Whether the terminal is not as we found it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A screenful of changes is written in one go.
const BUFFER: usize = 64 * 1024;

/// The terminal, taken over. Dropping it gives it back.
pub(super) struct Screen {
    pub(super) terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over. From here on a panic gives it back before it is reported.
    pub(super) fn take(colours: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                report(panic);
            }));
        });
        if colours {
            // The choice of colours is made already: `--color` outranks NO_COLOR.
            style::force_color_output(true);
        }
        // First of all, so that what fails half-way is undone.
        let guard = GiveBack;
        take_over()?;
        let out = BufWriter::with_capacity(BUFFER, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out))?;
        std::mem::forget(guard);
        Ok(Self { terminal })
    }

    /// Takes the terminal over again, after others have had it.
    pub(super) fn take_again(&mut self) -> io::Result<()> {
        give_back();
        take_over()?;
        self.repaint()
    }

    /// Draws the next picture as a whole, over anything on the screen.
    pub(super) fn repaint(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`, which asks the terminal where its cursor is: the answer would have to be
        // found among the keys.
        let area = self.area()?;
        self.terminal.resize(area)
    }

    pub(super) fn area(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.terminal.size()?)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The rest of a picture would appear on the user's own screen.
        let _ = Write::flush(self.terminal.backend_mut());
        give_back();
    }
}

struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste,
        Hide
    )
}

/// Leaves the terminal as it was found. Does nothing the second time.
pub(super) fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // A terminal that is gone needs nothing. If it is there, each part is tried, even after an error.
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Sends keys, clicks and new sizes until the receiver is gone. An error is the last message.
///
/// The thread ends with the program: a thread that waits for a key cannot be woken.
pub(super) fn listen(inputs: UnboundedSender<io::Result<Input>>) -> io::Result<()> {
    let listen = move || {
        loop {
            let input = match event::read() {
                Ok(Event::Key(key)) => Input::Key(key),
                Ok(Event::Mouse(mouse)) => Input::Mouse(mouse),
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(Event::Resize(width, height)) => Input::Resized(Rect::new(0, 0, width, height)),
                Ok(_) => continue,
                Err(error) => {
                    let _ = inputs.send(Err(error));
                    return;
                }
            };
            if inputs.send(Ok(input)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(listen)
        .map(drop)
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::time::Duration;

    use rustix::process::{Signal, kill_current_process_group};
    use tokio::signal::unix::{self, SignalKind};

    /// How long the system may take to stop this program. It does not stop one that no other process could
    /// continue.
    const STOPPED_BY: Duration = Duration::from_millis(200);

    /// What the system sends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) enum Sent {
        /// End, with this exit code: what a shell says of a program that the signal ended.
        End(u8),
        /// We were stopped, and others had the terminal.
        Continued,
    }

    /// The signals that have arrived and those that will. None of them ends the program by itself any
    /// more: the terminal has to be given back.
    pub(in super::super) struct Signals {
        interrupt: unix::Signal,
        terminate: unix::Signal,
        hangup: unix::Signal,
        continued: unix::Signal,
    }

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            let continued = SignalKind::from_raw(Signal::CONT.as_raw());
            Ok(Self {
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
                hangup: unix::signal(SignalKind::hangup())?,
                continued: unix::signal(continued)?,
            })
        }

        /// The next one.
        pub(in super::super) async fn next(&mut self) -> Sent {
            tokio::select! {
                _ = self.interrupt.recv() => Sent::End(128 + 2),
                _ = self.terminate.recv() => Sent::End(128 + 15),
                _ = self.hangup.recv() => Sent::End(128 + 1),
                _ = self.continued.recv() => Sent::Continued,
            }
        }

        /// Stops the program, as Ctrl-Z does where the terminal itself sees it; ends when it goes on.
        pub(in super::super) async fn suspend(&mut self) -> io::Result<()> {
            kill_current_process_group(Signal::TSTP)?;
            // The system may stop the program through another thread, a moment later.
            let _ = tokio::time::timeout(STOPPED_BY, self.continued.recv()).await;
            Ok(())
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;

    use tokio::signal::windows::{self, CtrlC};

    /// What the system sends.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(in super::super) enum Sent {
        /// End, with this exit code.
        End(u8),
        /// We were stopped, and others had the terminal.
        #[expect(dead_code, reason = "this system stops no programs")]
        Continued,
    }

    /// The requests that have arrived and those that will.
    pub(in super::super) struct Signals(CtrlC);

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            windows::ctrl_c().map(Self)
        }

        /// The next one.
        pub(in super::super) async fn next(&mut self) -> Sent {
            self.0.recv().await;
            Sent::End(128 + 2)
        }

        /// Does nothing: this system stops no programs.
        pub(in super::super) async fn suspend(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
