//! What the session, its background runs and the prompt share: one terminal.
//!
//! While a line is being typed, what others write appears above it, in whole lines; else it is written as it comes.

use std::io::Write;
use std::sync::Arc;

use cla_runtime::{Output, OutputStream};
use parking_lot::Mutex;

/// Prints lines above the prompt.
pub(super) type Above = Box<dyn FnMut(&str) + Send>;

/// The terminal, or whatever stands in its place.
#[derive(Default)]
pub(super) struct Screen {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How to print while a line is being typed.
    above: Option<Above>,
    reading: bool,
    /// A line that has begun while another one was being typed.
    begun: String,
    /// Whether what was written last left its line open.
    open: bool,
    /// Nobody reads any more.
    lost: bool,
}

impl Screen {
    /// From now on, `above` prints while a line is being typed.
    pub(super) fn set_above(&self, above: Above) {
        self.state.lock().above = Some(above);
    }

    /// A line is about to be typed. An open line is ended first.
    pub(super) fn begin_reading(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) {
            state.lost |= anstream::stdout().write_all(b"\n").is_err();
        }
        state.reading = true;
    }

    /// The line was typed.
    pub(super) fn end_reading(&self) {
        let mut state = self.state.lock();
        state.reading = false;
        let begun = std::mem::take(&mut state.begun);
        if !begun.is_empty() {
            state.write(OutputStream::Stdout, &begun);
        }
    }

    /// Whether nobody reads what is printed.
    pub(super) fn is_lost(&self) -> bool {
        self.state.lock().lost
    }

    /// Writes a text of the program's own, in lines.
    pub(super) fn say(&self, text: &str) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) && !state.reading {
            state.write(OutputStream::Stdout, "\n");
        }
        let text = if text.ends_with('\n') {
            text.to_owned()
        } else {
            format!("{text}\n")
        };
        state.write(OutputStream::Stdout, &text);
    }
}

impl State {
    fn write(&mut self, stream: OutputStream, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.reading
            && let Some(above) = &mut self.above
        {
            self.begun.push_str(text);
            if let Some(end) = self.begun.rfind('\n') {
                let lines: String = self.begun.drain(..=end).collect();
                above(&lines);
            }
            return;
        }
        self.open = !text.ends_with('\n');
        let written = match stream {
            OutputStream::Stdout => {
                let mut out = anstream::stdout().lock();
                out.write_all(text.as_bytes()).and_then(|()| out.flush())
            }
            OutputStream::Stderr => anstream::stderr().write_all(text.as_bytes()),
        };
        self.lost |= written.is_err();
    }
}

impl Output for Screen {
    fn write(&self, stream: OutputStream, text: &str) {
        self.state.lock().write(stream, text);
    }
}

/// What a background run writes: whole lines under its name.
pub(super) struct Named {
    screen: Arc<Screen>,
    prefix: String,
    begun: Mutex<String>,
}

impl Named {
    pub(super) fn new(screen: Arc<Screen>, prefix: String) -> Self {
        Self {
            screen,
            prefix,
            begun: Mutex::default(),
        }
    }

    /// Writes lines about the run, after what it has left unfinished.
    pub(super) fn conclude(&self, text: &str) {
        let rest = std::mem::take(&mut *self.begun.lock());
        if !rest.is_empty() {
            self.lines(&format!("{rest}\n"));
        }
        self.lines(text);
    }

    fn lines(&self, text: &str) {
        let lines = text.split_inclusive('\n');
        let lines: String = lines
            .flat_map(|line| [self.prefix.as_str(), line])
            .collect();
        if !lines.is_empty() {
            self.screen.say(&lines);
        }
    }
}

impl Output for Named {
    fn write(&self, _: OutputStream, text: &str) {
        let mut begun = self.begun.lock();
        begun.push_str(text);
        if let Some(end) = begun.rfind('\n') {
            let lines: String = begun.drain(..=end).collect();
            drop(begun);
            self.lines(&lines);
        }
    }
}
