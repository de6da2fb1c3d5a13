//! What a run says: its last lines, with levels, in bounded memory. See [`Tail`].

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use cla_runtime::Output;
use cla_runtime::output::OutputStream;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many bytes of a run's output are kept: the last ones.
const MOST_BYTES: usize = 1 << 20;

/// How many lines of a run's output are kept at most.
const MOST_LINES: usize = 10_000;

/// A longer line is broken up.
const LONGEST_LINE: usize = 16 * 1024;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// `print`, `console.log`.
    Out,
    /// `console.warn`, `console.error`, and what comes from the engine.
    Err,
    /// The levels of `cla/log`.
    Debug,
    /// As above.
    Info,
    /// As above.
    Warn,
    /// As above.
    Error,
    /// As above.
    Fatal,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct OutputLine {
    /// Counts from 1 within the run.
    pub(crate) n: u64,
    /// When it was said, in seconds since the Unix epoch.
    pub(crate) at: f64,
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// Some lines of a run's output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Lines {
    pub(crate) lines: Vec<OutputLine>,
    /// How many lines are gone because there were too many.
    pub(crate) dropped: u64,
    /// The line after which the next question goes on.
    pub(crate) next: u64,
    /// Nothing more comes.
    pub(crate) ended: bool,
}

/// The last lines of a run. It always has room, so no run waits for it.
pub(crate) struct Tail(Mutex<TailState>);

#[derive(Default)]
struct TailState {
    lines: VecDeque<OutputLine>,
    bytes: usize,
    count: u64,
    ended: bool,
    /// Lines that were begun, by stream.
    begun: [String; 2],
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// At most `most` lines after this one.
    pub(crate) fn lines(&self, after: u64, most: usize) -> Lines {
        let kept = self.0.lock();
        let oldest = kept.lines.front().map_or(kept.count + 1, |line| line.n);
        let skip = usize::try_from((after + 1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        let lines: Vec<_> = kept.lines.iter().skip(skip).take(most).cloned().collect();
        Lines {
            next: lines.last().map_or(after.min(kept.count), |line| line.n),
            dropped: oldest - 1,
            ended: kept.ended,
            lines,
        }
    }

    /// How many lines there were so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.lock().count
    }

    /// Lines that were begun are lines.
    pub(crate) fn end_lines(&self) {
        self.0.lock().end_lines();
    }

    /// The run has ended: lines that were begun are lines.
    pub(super) fn finish(&self) {
        let mut kept = self.0.lock();
        kept.end_lines();
        kept.ended = true;
    }
}

impl Output for Tail {
    fn write(&self, stream: OutputStream, text: &str) {
        let mut kept = self.0.lock();
        for piece in text.split_inclusive('\n') {
            let mut line = std::mem::take(&mut kept.begun[index(stream)]);
            line.push_str(piece);
            while line.len() > LONGEST_LINE {
                let rest = line.split_off(line.floor_char_boundary(LONGEST_LINE));
                kept.add(stream, std::mem::replace(&mut line, rest));
            }
            if line.ends_with('\n') {
                line.pop();
                kept.add(stream, line);
            } else {
                kept.begun[index(stream)] = line;
            }
        }
    }
}

impl TailState {
    fn end_lines(&mut self) {
        for stream in OutputStream::ALL {
            let line = std::mem::take(&mut self.begun[index(stream)]);
            if !line.is_empty() {
                self.add(stream, line);
            }
        }
    }

    fn add(&mut self, stream: OutputStream, text: String) {
        self.count += 1;
        self.bytes += text.len();
        self.lines.push_back(OutputLine {
            n: self.count,
            at: now(),
            level: Level::of(stream, &text),
            text,
        });
        while self.bytes > MOST_BYTES || self.lines.len() > MOST_LINES {
            match self.lines.pop_front() {
                Some(line) => self.bytes -= line.text.len(),
                None => return,
            }
        }
    }
}

impl Lines {
    /// At most `most` lines after this one.
    pub(super) fn after(mut self, after: u64, most: usize) -> Self {
        self.lines.retain(|line| line.n > after);
        self.lines.truncate(most);
        self.next = self
            .lines
            .last()
            .map_or(after.min(self.next), |line| line.n);
        self
    }
}

impl Level {
    /// By the stream, and by how `cla/log` begins its lines: `2026-01-31 23:59:59 WARN  ...`.
    fn of(stream: OutputStream, text: &str) -> Self {
        /// As long as the time and a blank.
        const TIME: usize = 20;
        if stream == OutputStream::Stdout {
            return Self::Out;
        }
        let is_time = text.get(..TIME).is_some_and(|time| {
            let shape = |(at, byte): (usize, u8)| match at {
                4 | 7 => byte == b'-',
                10 | 19 => byte == b' ',
                13 | 16 => byte == b':',
                _ => byte.is_ascii_digit(),
            };
            time.bytes().enumerate().all(shape)
        });
        let label = text.get(TIME..TIME + 6).filter(|_| is_time);
        match label {
            Some("DEBUG ") => Self::Debug,
            Some("INFO  ") => Self::Info,
            Some("WARN  ") => Self::Warn,
            Some("ERROR ") => Self::Error,
            Some("FATAL ") => Self::Fatal,
            _ => Self::Err,
        }
    }
}

fn index(stream: OutputStream) -> usize {
    match stream {
        OutputStream::Stdout => 0,
        OutputStream::Stderr => 1,
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_with_their_levels() {
        let tail = Tail::new();
        tail.write(OutputStream::Stdout, "one\ntw");
        tail.write(OutputStream::Stderr, "2026-01-31 23:59:59 WARN  careful\n");
        tail.write(OutputStream::Stdout, "o\nthree");
        tail.finish();
        let all = tail.lines(0, 9);
        let shown: Vec<_> = all
            .lines
            .iter()
            .map(|line| (line.n, line.level, line.text.as_str()))
            .collect();
        let warning = "2026-01-31 23:59:59 WARN  careful";
        assert_eq!(
            shown,
            [
                (1, Level::Out, "one"),
                (2, Level::Warn, warning),
                (3, Level::Out, "two"),
                (4, Level::Out, "three"),
            ]
        );
        assert!(all.ended && all.next == 4 && all.dropped == 0);
        assert_eq!(tail.lines(3, 9).lines.len(), 1);
        assert_eq!(all.after(1, 2).next, 3);
    }

    #[test]
    fn endless_output_takes_bounded_memory() {
        let tail = Tail::new();
        for _ in 0..100 {
            tail.write(OutputStream::Stdout, &"x".repeat(64 * 1024));
        }
        for _ in 0..20_000 {
            tail.write(OutputStream::Stdout, "y\n");
        }
        let kept = tail.lines(0, usize::MAX);
        let bytes: usize = kept.lines.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= MOST_BYTES && kept.lines.len() <= MOST_LINES);
        assert_eq!(kept.dropped + kept.lines.len() as u64, kept.next);
    }
}
