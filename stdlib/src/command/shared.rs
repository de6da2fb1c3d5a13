//! What a command's task and its rule share: what was written, how it ended, and that it must end.

use std::collections::VecDeque;

use cla_runtime::output::OutputStream;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The most that is kept of what a command writes, in bytes.
const MOST_KEPT: usize = 16 << 20;

/// A line that is longer, in bytes, is handed to the run's output in pieces of this size.
const MOST_OF_A_LINE: usize = 64 << 10;

/// So much may wait to be taken, in bytes, before the command is not read any more.
const MOST_WAITING: usize = 128 << 10;

/// The end of the errors that is kept where all of them are not, in bytes.
const TAIL: usize = 64 << 10;

/// What becomes of what a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept, as far as the run's memory allows.
    All,
    /// The end of it is kept.
    Tail,
    /// It is handed on as it comes.
    Handed,
}

/// How a command ended.
#[derive(Clone, Debug, Default)]
pub struct Ended {
    /// Its exit code; 128 + N if signal N ended it.
    pub code: i32,
    /// The number of the signal that ended it; 0 if none did.
    pub signal: i32,
    /// Its time was over.
    pub timed_out: bool,
}

/// See the module.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Something was written, or it has ended.
    changed: Notify,
    /// Something was taken, so that more may be read.
    room: Notify,
    /// It must end.
    ending: Notify,
    most: usize,
}

struct State {
    output: Stream,
    error: Stream,
    /// The process groups, of which the first process's number is the id; empty once all have ended.
    groups: Vec<u32>,
    pid: u32,
    ended: Option<Result<Ended, String>>,
    must_end: bool,
}

struct Stream {
    keeping: Keeping,
    bytes: VecDeque<u8>,
    /// Nothing more is taken from it.
    discarded: bool,
}

impl Stream {
    fn new(keeping: Keeping) -> Self {
        Self {
            keeping,
            bytes: VecDeque::new(),
            discarded: false,
        }
    }

    /// The beginning of what waits, up to the end of a line; `None` if there is none to be handed on yet.
    fn piece(&mut self, is_last: bool) -> Option<Vec<u8>> {
        if self.bytes.is_empty() {
            return None;
        }
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        let end = match end {
            Some(end) => end + 1,
            None if self.bytes.len() >= MOST_OF_A_LINE => {
                whole_characters(self.bytes.make_contiguous())
            }
            None if is_last => self.bytes.len(),
            None => return None,
        };
        Some(self.bytes.drain(..end).collect())
    }
}

impl Shared {
    pub(super) fn new(output: Keeping, error: Keeping, room: usize) -> Self {
        Self {
            state: Mutex::new(State {
                output: Stream::new(output),
                error: Stream::new(error),
                groups: Vec::new(),
                pid: 0,
                ended: None,
                must_end: false,
            }),
            changed: Notify::new(),
            room: Notify::new(),
            ending: Notify::new(),
            most: room.min(MOST_KEPT),
        }
    }

    // ---- for the command's task

    pub(super) fn started(&self, groups: Vec<u32>) {
        let mut state = self.state.lock();
        state.pid = groups.first().copied().unwrap_or_default();
        state.groups = groups;
    }

    /// Takes what was written, when there is room for it.
    ///
    /// # Errors
    ///
    /// It is more than can be kept.
    pub(super) async fn put(&self, which: OutputStream, bytes: &[u8]) -> Result<(), String> {
        loop {
            let room = self.room.notified();
            {
                let mut state = self.state.lock();
                let other = match which {
                    OutputStream::Stdout => state.error.bytes.len(),
                    OutputStream::Stderr => state.output.bytes.len(),
                };
                let stream = state.stream(which);
                let full = stream.bytes.len() >= MOST_WAITING
                    && stream.keeping == Keeping::Handed
                    && stream.bytes.contains(&b'\n');
                if stream.discarded {
                    return Ok(());
                }
                if !full {
                    stream.bytes.extend(bytes);
                    match stream.keeping {
                        Keeping::Tail => {
                            let more = stream.bytes.len().saturating_sub(TAIL);
                            stream.bytes.drain(..more);
                        }
                        Keeping::Handed if stream.bytes.len() <= MOST_WAITING => {}
                        Keeping::All | Keeping::Handed => {
                            if stream.bytes.len() + other > self.most {
                                return Err(self.too_much());
                            }
                        }
                    }
                    drop(state);
                    self.changed.notify_waiters();
                    return Ok(());
                }
            }
            room.await;
        }
    }

    fn too_much(&self) -> String {
        match self.most == MOST_KEPT {
            true => format!("the command writes more than {MOST_KEPT} bytes"),
            false => "the command writes more than the run's memory can hold".to_owned(),
        }
    }

    pub(super) fn finish(&self, ended: Result<Ended, String>) {
        let mut state = self.state.lock();
        state.groups.clear();
        if ended.is_err() {
            // More than fits is of no use, and would take the room that the rule needs to go on.
            state.output.bytes = VecDeque::new();
            let more = state.error.bytes.len().saturating_sub(TAIL);
            state.error.bytes.drain(..more);
        }
        state.ended = Some(ended);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Waits until it must end.
    pub(super) async fn must_end(&self) {
        loop {
            let ending = self.ending.notified();
            if self.state.lock().must_end {
                return;
            }
            ending.await;
        }
    }

    // ---- for the rule

    pub(super) fn pid(&self) -> u32 {
        self.state.lock().pid
    }

    /// How it ended, once it has.
    pub(super) async fn ended(&self) -> Result<Ended, String> {
        self.until(|state| state.ended.clone()).await
    }

    /// The next piece for the run's output; `None` when there will be no more.
    pub(super) async fn next_piece(&self) -> Option<(OutputStream, Vec<u8>)> {
        let next = self.until(|state| {
            let is_last = state.ended.is_some();
            for which in [OutputStream::Stdout, OutputStream::Stderr] {
                let stream = state.stream(which);
                if stream.keeping == Keeping::Handed
                    && let Some(piece) = stream.piece(is_last)
                {
                    return Some(Some((which, piece)));
                }
            }
            is_last.then_some(None)
        });
        let piece = next.await;
        self.room.notify_waiters();
        piece
    }

    /// The next line of its output; `None` when there will be no more.
    pub(super) async fn next_line(&self) -> Result<Option<String>, String> {
        let line = self
            .until(|state| {
                let is_last = state.ended.is_some();
                let stream = &mut state.output;
                let end = stream.bytes.iter().position(|byte| *byte == b'\n');
                let line: Vec<u8> = match end {
                    Some(end) => stream.bytes.drain(..=end).collect(),
                    None if is_last && !stream.bytes.is_empty() => stream.bytes.drain(..).collect(),
                    None if is_last => {
                        return Some(match &state.ended {
                            Some(Err(problem)) => Err(problem.clone()),
                            _ => Ok(None),
                        });
                    }
                    None => return None,
                };
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Some(Ok(Some(String::from_utf8_lossy(line).into_owned())))
            })
            .await;
        self.room.notify_waiters();
        line
    }

    /// What it writes from now on is lost.
    pub(super) fn discard(&self) {
        let mut state = self.state.lock();
        for which in [OutputStream::Stdout, OutputStream::Stderr] {
            let stream = state.stream(which);
            if stream.keeping == Keeping::Handed {
                stream.bytes.clear();
                stream.discarded = true;
            }
        }
        drop(state);
        self.room.notify_waiters();
    }

    /// How much is kept, in bytes.
    pub(super) fn kept(&self) -> usize {
        let state = self.state.lock();
        state.output.bytes.len() + state.error.bytes.len()
    }

    pub(super) fn written(&self, which: OutputStream) -> Vec<u8> {
        let mut state = self.state.lock();
        let stream = state.stream(which);
        stream.bytes.make_contiguous().to_vec()
    }

    pub(super) fn end(&self) {
        self.state.lock().must_end = true;
        self.ending.notify_waiters();
    }

    /// Whether it has ended, and all that is to be known of it is known.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended.is_some()
    }

    /// Kills it at once.
    pub(super) fn kill(&self) {
        self.signal("SIGKILL");
    }

    /// See [`Command::signal`](super::Command::signal).
    pub(super) fn signal(&self, name: &str) -> bool {
        #[cfg(unix)]
        {
            use nix::sys::signal::Signal;
            let full = match name.starts_with("SIG") {
                true => name.to_owned(),
                false => format!("SIG{name}"),
            };
            let Ok(signal) = full.parse::<Signal>() else {
                return false;
            };
            for group in &self.state.lock().groups {
                super::driver::send(*group, Some(signal));
            }
            true
        }
        #[cfg(not(unix))]
        {
            self.end();
            !name.is_empty()
        }
    }

    /// Waits until `look` finds something.
    async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // What happens after the look, and before the wait, is not missed.
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.state.lock()) {
                return found;
            }
            changed.await;
        }
    }
}

impl State {
    fn stream(&mut self, which: OutputStream) -> &mut Stream {
        match which {
            OutputStream::Stdout => &mut self.output,
            OutputStream::Stderr => &mut self.error,
        }
    }
}

/// How much of this is no beginning of a character whose end is still to come, in bytes.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character begins within the last four bytes, or it is none.
    let from = bytes.len().saturating_sub(4);
    let begins = |byte: &u8| *byte & 0b1100_0000 != 0b1000_0000;
    let Some(last) = bytes[from..].iter().rposition(begins) else {
        return bytes.len();
    };
    match std::str::from_utf8(&bytes[from + last..]) {
        Err(error) if error.error_len().is_none() && from + last > 0 => from + last,
        _ => bytes.len(),
    }
}
