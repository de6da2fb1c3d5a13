//! Where the output of one run goes: to the screen as it is, or line by line under the run's name.

use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use cla_runtime::Output;
use cla_runtime::output::{OutputStream, OutputWait};
use cla_runtime::semaphore::printable;
use parking_lot::Mutex;

use super::screen::Screen;

/// An unfinished line is broken up when it is longer than this: a rule that never ends its line must
/// not fill the host's memory, which its own limit does not cover.
const LONGEST_LINE: usize = 1024 * 1024;

/// The colours of names, in turn. Red is for errors.
const COLOURS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightBlack,
];

/// The output of one run.
pub(super) struct RunOutput {
    screen: Arc<Screen>,
    /// Sends everything to standard error.
    diverted: bool,
    /// How lines begin; without it the text passes as it is.
    prefix: Option<Prefix>,
    unfinished: Mutex<Unfinished>,
}

/// What stands in front of each line, for each of the streams.
struct Prefix {
    stdout: String,
    stderr: String,
}

/// The lines that a run has begun on each of the streams.
#[derive(Default)]
struct Unfinished {
    stdout: String,
    stderr: String,
}

/// Which of the streams show colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colours {
    pub(super) stdout: bool,
    pub(super) stderr: bool,
}

impl Colours {
    /// What `--color`, the environment (`NO_COLOR`, `CLICOLOR_FORCE`) and the terminal say.
    pub(super) fn detect() -> Self {
        Self {
            stdout: crate::out::is_coloured(OutputStream::Stdout),
            stderr: crate::out::is_coloured(OutputStream::Stderr),
        }
    }
}

impl RunOutput {
    /// Output that passes as it is.
    pub(super) fn plain(screen: Arc<Screen>, diverted: bool) -> Self {
        Self {
            screen,
            diverted,
            prefix: None,
            unfinished: Mutex::default(),
        }
    }

    /// Output under the name of the run, which is the `index`th of several.
    pub(super) fn named(
        screen: Arc<Screen>,
        diverted: bool,
        name: &str,
        index: usize,
        colours: Colours,
    ) -> Self {
        let style = COLOURS[index % COLOURS.len()].on_default();
        let prefix = |coloured| {
            let style = if coloured { style } else { Style::new() };
            format!("{style}[{}]{style:#} ", printable(name))
        };
        Self {
            prefix: Some(Prefix {
                stdout: prefix(colours.stdout),
                stderr: prefix(colours.stderr),
            }),
            ..Self::plain(screen, diverted)
        }
    }

    /// Writes lines that are not the rule's but about it: its error, its value.
    pub(super) fn add(&self, stream: OutputStream, text: &str) {
        let text = match &self.prefix {
            Some(prefix) => &prefixed(prefix.of(stream), text),
            None => text,
        };
        match stream {
            OutputStream::Stdout => self.screen.write(stream, text),
            OutputStream::Stderr => self.screen.complain(text),
        }
    }

    /// Writes the unfinished line of the run.
    pub(super) fn finish(&self) {
        let Unfinished { stdout, stderr } = std::mem::take(&mut *self.unfinished.lock());
        for (stream, rest) in [
            (OutputStream::Stdout, stdout),
            (OutputStream::Stderr, stderr),
        ] {
            if !rest.is_empty() {
                self.add(stream, &format!("{rest}\n"));
            }
        }
    }
}

impl RunOutput {
    /// Where it really goes.
    fn stream(&self, stream: OutputStream) -> OutputStream {
        if self.diverted {
            OutputStream::Stderr
        } else {
            stream
        }
    }
}

impl Output for RunOutput {
    fn ready(&self, stream: OutputStream) -> Option<OutputWait<'_>> {
        self.screen.queue().ready(self.stream(stream))
    }

    fn given(&self, stream: OutputStream) -> u64 {
        self.screen.queue().given(self.stream(stream))
    }

    fn flushed(&self, stream: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        let stream = self.stream(stream);
        self.screen.queue().flushed(stream, given)
    }

    fn write(&self, stream: OutputStream, text: &str) {
        let stream = self.stream(stream);
        let Some(prefix) = &self.prefix else {
            return self.screen.write(stream, text);
        };
        let mut unfinished = self.unfinished.lock();
        let lines = take_lines(unfinished.of(stream), text);
        if !lines.is_empty() {
            self.screen
                .write(stream, &prefixed(prefix.of(stream), &lines));
        }
    }
}

impl Prefix {
    fn of(&self, stream: OutputStream) -> &str {
        match stream {
            OutputStream::Stdout => &self.stdout,
            OutputStream::Stderr => &self.stderr,
        }
    }
}

impl Unfinished {
    fn of(&mut self, stream: OutputStream) -> &mut String {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }
}

/// The whole lines of `unfinished` and `text` together; what follows the last of them stays behind.
fn take_lines(unfinished: &mut String, text: &str) -> String {
    let end = text.rfind('\n').map_or(0, |at| at + 1);
    let (whole, rest) = text.split_at(end);
    let mut lines = String::new();
    if !whole.is_empty() {
        lines = std::mem::take(unfinished);
        lines.push_str(whole);
    }
    unfinished.push_str(rest);
    if unfinished.len() > LONGEST_LINE {
        lines.push_str(unfinished);
        lines.push('\n');
        unfinished.clear();
    }
    lines
}

fn prefixed(prefix: &str, lines: &str) -> String {
    lines
        .split_inclusive('\n')
        .flat_map(|line| [prefix, line])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_LINE, prefixed, take_lines};

    #[test]
    fn a_line_is_written_when_it_is_whole() {
        let mut unfinished = String::new();
        assert_eq!(take_lines(&mut unfinished, "one "), "");
        assert_eq!(
            take_lines(&mut unfinished, "line\ntwo\nthr"),
            "one line\ntwo\n"
        );
        assert_eq!(take_lines(&mut unfinished, "ee\n"), "three\n");
        assert_eq!(unfinished, "");
    }

    #[test]
    fn a_line_without_end_is_broken_up() {
        let mut unfinished = String::new();
        let half = "x".repeat(LONGEST_LINE / 2 + 1);
        assert_eq!(take_lines(&mut unfinished, &half), "");
        assert_eq!(take_lines(&mut unfinished, &half).len(), 2 * half.len() + 1);
        assert_eq!(unfinished, "");
    }

    #[test]
    fn every_line_gets_the_name_also_an_empty_one() {
        assert_eq!(prefixed("[a] ", "one\n\ntwo\n"), "[a] one\n[a] \n[a] two\n");
    }
}
