//! What the session, its background runs and the prompt share: one terminal.
//!
//! While a line is being typed, other output appears above it, in whole lines; else it is written as it comes. Nothing
//! here blocks: output that the reader does not take at once waits in a queue, and runs wait for room in that queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anstream::adapter::StripStr;
use cla_runtime::Output;
use cla_runtime::output::{OutputStream, OutputWait, QueuedOutput};
use cla_runtime::secrets::Secrets;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// An unfinished line that is longer than this is written as if it were whole: it is kept in the host's memory.
const LONGEST_LINE: usize = 1 << 20;

/// While so many bytes wait to be printed above the prompt, runs wait before they add to them.
const MOST_ABOVE: usize = 1 << 20;

/// While so many bytes are not written yet, the session's own messages between inputs are dropped.
const MOST_BEHIND: usize = 1 << 20;

/// Prints lines above the prompt; they are off the [`Backlog`] when they are printed.
pub(super) type Above = Box<dyn FnMut(&str) + Send>;

/// The terminal, or a file or a pipe in its place.
pub(super) struct Screen {
    queue: Arc<QueuedOutput>,
    above: Arc<Backlog>,
    state: Mutex<State>,
    /// What is masked in texts of the program's own. Runs mask their output themselves.
    secrets: Secrets,
}

/// How many bytes wait to be printed above the prompt.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    printed: Notify,
}

impl Backlog {
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn printed(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.printed.notify_waiters();
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > MOST_ABOVE
    }

    async fn until_room(&self) {
        loop {
            let printed = self.printed.notified();
            if !self.is_full() {
                return;
            }
            printed.await;
        }
    }
}

struct State {
    /// How to print while a line is being typed.
    above: Option<Above>,
    reading: bool,
    /// A line that has begun while another one was being typed.
    begun: String,
    /// Whether what was written last left its line open.
    open: bool,
    /// Take escape sequences out of what is written to standard output and to standard error, where they are not wanted.
    strip: [Option<StripStr>; 2],
}

impl Screen {
    pub(super) fn new(secrets: Secrets) -> Self {
        let strip = |stream| (!crate::out::is_coloured(stream)).then(StripStr::new);
        Self {
            queue: crate::out::queue(),
            above: Arc::default(),
            state: Mutex::new(State {
                above: None,
                reading: false,
                begun: String::new(),
                open: false,
                strip: OutputStream::ALL.map(strip),
            }),
            secrets,
        }
    }

    /// The queue before the standard streams.
    pub(super) fn queue(&self) -> &QueuedOutput {
        &self.queue
    }

    /// What is to be printed above the prompt.
    pub(super) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.above)
    }

    /// From now on, `above` prints while a line is being typed.
    pub(super) fn set_above(&self, above: Above) {
        self.state.lock().above = Some(above);
    }

    /// A line is about to be typed. An open line is ended first.
    pub(super) fn begin_reading(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) {
            self.queue.write(OutputStream::Stdout, "\n");
        }
        state.reading = true;
    }

    /// The line was typed.
    pub(super) fn end_reading(&self) {
        let mut state = self.state.lock();
        state.reading = false;
        let begun = std::mem::take(&mut state.begun);
        if !begun.is_empty() {
            self.put(&mut state, OutputStream::Stdout, &begun);
        }
    }

    /// Whether the reader of the output has gone.
    pub(super) fn is_lost(&self) -> bool {
        let lost = |stream| self.queue.failure(stream).is_some();
        OutputStream::ALL.into_iter().any(lost)
    }

    /// Writes a text of the program's own, in lines.
    pub(super) fn say(&self, text: &str) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) && !state.reading {
            self.put(&mut state, OutputStream::Stdout, "\n");
        }
        let text = &*self.secrets.mask(text);
        self.put(&mut state, OutputStream::Stdout, text);
        if !text.ends_with('\n') {
            self.put(&mut state, OutputStream::Stdout, "\n");
        }
    }

    /// Writes a message that may come again and again, unless too much waits to be written already.
    pub(super) fn mention(&self, text: &str) {
        if self.queue.backlog() < MOST_BEHIND && !self.above.is_full() {
            self.say(text);
        }
    }

    /// Writes lines to standard error.
    pub(super) fn complain(&self, text: &str) {
        let text = self.secrets.mask(text);
        self.put(&mut self.state.lock(), OutputStream::Stderr, &text);
    }

    fn put(&self, state: &mut State, stream: OutputStream, text: &str) {
        if text.is_empty() {
            return;
        }
        if state.reading
            && let Some(above) = &mut state.above
        {
            state.begun.push_str(text);
            let end = match state.begun.rfind('\n') {
                Some(end) => end + 1,
                None if state.begun.len() > LONGEST_LINE => state.begun.len(),
                None => return,
            };
            let lines: String = state.begun.drain(..end).collect();
            above(&lines);
            return;
        }
        state.open = !text.ends_with('\n');
        match &mut state.strip[usize::from(stream == OutputStream::Stderr)] {
            Some(strip) if text.contains('\x1b') => {
                let plain: String = strip.strip_next(text).collect();
                self.queue.write(stream, &plain);
            }
            // The rest of an escape sequence that came in pieces.
            Some(strip) => strip
                .strip_next(text)
                .for_each(|plain| self.queue.write(stream, plain)),
            None => self.queue.write(stream, text),
        }
    }
}

impl Output for Screen {
    fn write(&self, stream: OutputStream, text: &str) {
        self.put(&mut self.state.lock(), stream, text);
    }

    fn ready(&self, stream: OutputStream) -> Option<OutputWait<'_>> {
        if self.above.is_full() {
            return Some(Box::pin(self.above.until_room()));
        }
        self.queue.ready(stream)
    }

    fn given(&self, stream: OutputStream) -> u64 {
        self.queue.given(stream)
    }

    fn flushed(&self, stream: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        self.queue.flushed(stream, given)
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
        let end = match begun.rfind('\n') {
            Some(end) => end + 1,
            None if begun.len() > LONGEST_LINE => begun.len(),
            None => return,
        };
        let lines: String = begun.drain(..end).collect();
        drop(begun);
        self.lines(&lines);
    }

    fn ready(&self, _: OutputStream) -> Option<OutputWait<'_>> {
        self.screen.ready(OutputStream::Stdout)
    }

    fn given(&self, _: OutputStream) -> u64 {
        self.screen.given(OutputStream::Stdout)
    }

    fn flushed(&self, _: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        self.screen.flushed(OutputStream::Stdout, given)
    }
}
