//! A bounded queue before a writer that may block, and the thread that feeds the writer.
//!
//! What can be written at once, without blocking, is (see [`Direct`]); the thread starts when there is first something
//! that cannot. The bound is kept by those who write: they ask [`Output::ready`] first, and wait in line for room, so that
//! a run that writes much does not keep others from writing a little.
#![expect(
    clippy::disallowed_methods,
    reason = "writers take text in the time of the machine"
)]

use std::collections::VecDeque;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::direct::{self, Direct};
use super::{Output, OutputStream, OutputWait, PIECE};

/// While so many bytes are not written yet, no more are accepted.
const CAPACITY: usize = 256 * 1024;

/// Those who wait for room are let in when so much of it is free: fewer switches between threads.
const FREE_AGAIN: usize = CAPACITY / 2;

/// How much is written at once, in bytes: how slow a reader is shows after so much.
const CHUNK: usize = 16 * 1024;

/// How long to pause before a writer that does not block, and is full, is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// An [`Output`] that hands its text to a thread, which writes it: for writers that may block.
///
/// At most about 256 KiB wait to be written, and 64 KiB more for each run that writes; a run that has more to say is
/// suspended. When a writer fails, the text for it is dropped from then on; [`failure`](Self::failure) tells why.
///
/// Dropping it lets the thread write what it was given.
///
/// ```
/// use std::sync::Arc;
/// use cla_runtime::output::QueuedOutput;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let output = Arc::new(QueuedOutput::new(std::io::sink(), std::io::sink()));
/// let options = RunOptions::new().output(output);
/// let report = Engine::new().run(Script::javascript("sum", "1 + 2"), options).await;
/// assert!(report.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct QueuedOutput {
    stdout: Arc<Queue>,
    /// The same one where both go to the same place.
    stderr: Arc<Queue>,
}

/// Writes some of the bytes, and says how many. May block.
type Sink = Box<dyn FnMut(OutputStream, &[u8]) -> io::Result<usize> + Send>;

struct Queue {
    state: Mutex<State>,
    /// Taken by the thread.
    sink: Mutex<Option<Sink>>,
    /// Rings when there is something to write, or will be nothing any more.
    work: Condvar,
    /// Rings when some of it is written.
    progress: Condvar,
    failed: Notify,
}

struct State {
    /// What is to be written, in order.
    pieces: VecDeque<(OutputStream, Vec<u8>)>,
    /// How many bytes are not written yet: those of `pieces`, and what the thread has in its hands.
    queued: usize,
    /// How many bytes it was given, and how many of these are written or dropped.
    given: u64,
    done: u64,
    /// When something was written last, or the queue ceased to be empty.
    progressed: Instant,
    /// Those who wait for room, in line.
    waiters: VecDeque<(u64, Waker)>,
    /// Those who wait until `done` has reached a number.
    flushers: Vec<(u64, Waker)>,
    next_ticket: u64,
    /// How to write without the thread: for standard output and for standard error.
    direct: [Direct; 2],
    failures: [Option<Arc<io::Error>>; 2],
    /// Whether the thread was started.
    served: bool,
    /// Everything is dropped.
    abandoned: bool,
    /// Nothing more will come.
    closed: bool,
}

impl QueuedOutput {
    /// An output with a writer for each of the streams. Each has a thread of its own as soon as there is something to write.
    pub fn new(stdout: impl Write + Send + 'static, stderr: impl Write + Send + 'static) -> Self {
        Self {
            stdout: Queue::new(sink(stdout), [Direct::Never, Direct::Never]),
            stderr: Queue::new(sink(stderr), [Direct::Never, Direct::Never]),
        }
    }

    /// An output with one writer, which gets both streams in order. It writes some of the bytes, and says how many, as
    /// [`Write::write`] does.
    pub fn joined(
        write: impl FnMut(OutputStream, &[u8]) -> io::Result<usize> + Send + 'static,
    ) -> Self {
        let queue = Queue::new(Box::new(write), [Direct::Never, Direct::Never]);
        Self {
            stdout: Arc::clone(&queue),
            stderr: queue,
        }
    }

    /// The process's standard streams.
    pub(super) fn standard_streams() -> Self {
        use OutputStream::{Stderr, Stdout};
        let direct = || [Direct::of(Stdout), Direct::of(Stderr)];
        if direct::are_one() {
            let queue = Queue::new(Box::new(direct::blocking), direct());
            return Self {
                stdout: Arc::clone(&queue),
                stderr: queue,
            };
        }
        let [stdout, stderr] = direct();
        Self {
            stdout: Queue::new(Box::new(direct::blocking), [stdout, Direct::Never]),
            stderr: Queue::new(Box::new(direct::blocking), [Direct::Never, stderr]),
        }
    }

    fn queue(&self, stream: OutputStream) -> &Arc<Queue> {
        match stream {
            OutputStream::Stdout => &self.stdout,
            OutputStream::Stderr => &self.stderr,
        }
    }

    fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        let other = (!Arc::ptr_eq(&self.stdout, &self.stderr)).then_some(&self.stderr);
        std::iter::once(&self.stdout).chain(other)
    }

    /// Why a stream can no longer be written to, if it cannot.
    pub fn failure(&self, stream: OutputStream) -> Option<Arc<io::Error>> {
        self.queue(stream).state.lock().failures[stream.index()].clone()
    }

    /// Waits until a stream can no longer be written to.
    pub async fn until_failed(&self, stream: OutputStream) {
        let queue = self.queue(stream);
        loop {
            let failed = queue.failed.notified();
            if queue.state.lock().failures[stream.index()].is_some() {
                return;
            }
            failed.await;
        }
    }

    /// How many bytes are not written yet.
    pub fn backlog(&self) -> usize {
        self.queues().map(|queue| queue.state.lock().queued).sum()
    }

    /// How long nothing could be written although there is something to write; `None` if there is nothing.
    pub fn stalled(&self) -> Option<Duration> {
        let stalled = self.queues().filter_map(|queue| {
            let state = queue.state.lock();
            (state.queued > 0).then(|| state.progressed.elapsed())
        });
        stalled.max()
    }

    /// Drops what is not written yet, and everything from now on. Nothing waits for it any more.
    pub fn abandon(&self) {
        for queue in self.queues() {
            let mut state = queue.state.lock();
            state.abandoned = true;
            state.pieces.clear();
            state.queued = 0;
            state.done = state.given;
            queue.wake(state);
        }
    }

    /// What there is to wait for until all that it was given is written; `None` if it is.
    pub fn unwritten(&self) -> Option<OutputWait<'_>> {
        let wait = |stream| self.flushed(stream, self.given(stream));
        match OutputStream::ALL.map(wait) {
            [Some(stdout), Some(stderr)] => Some(Box::pin(async move {
                stdout.await;
                stderr.await;
            })),
            [one, other] => one.or(other),
        }
    }

    /// Blocks the thread until all is written, or nothing could be written for as long as `patience`. Says whether all is.
    pub fn flush(&self, patience: Duration) -> bool {
        for queue in self.queues() {
            let mut state = queue.state.lock();
            while state.queued > 0 {
                let left = patience.saturating_sub(state.progressed.elapsed());
                if left.is_zero() {
                    return false;
                }
                queue.progress.wait_for(&mut state, left);
            }
        }
        true
    }
}

impl Drop for QueuedOutput {
    fn drop(&mut self) {
        for queue in self.queues() {
            queue.state.lock().closed = true;
            queue.work.notify_one();
        }
    }
}

impl Output for QueuedOutput {
    fn write(&self, stream: OutputStream, text: &str) {
        self.queue(stream).push(stream, text.as_bytes());
    }

    fn ready(&self, stream: OutputStream) -> Option<OutputWait<'_>> {
        let queue = self.queue(stream);
        {
            let state = queue.state.lock();
            if state.drops(stream) || state.queued < CAPACITY && state.waiters.is_empty() {
                return None;
            }
        }
        Some(Box::pin(Room {
            queue,
            stream,
            ticket: None,
        }))
    }

    fn given(&self, stream: OutputStream) -> u64 {
        self.queue(stream).state.lock().given
    }

    fn flushed(&self, stream: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        let queue = self.queue(stream);
        let is_done = queue.state.lock().done >= given;
        (!is_done).then(|| {
            let until = given;
            Box::pin(Flushed { queue, until }) as OutputWait<'_>
        })
    }
}

/// The writer as a sink. Its own buffer is flushed, for who reads must not wait for more.
fn sink(mut writer: impl Write + Send + 'static) -> Sink {
    Box::new(move |_, text| {
        let written = writer.write(text)?;
        writer.flush().map(|()| written)
    })
}

impl State {
    /// Whether what is written to the stream is dropped.
    fn drops(&self, stream: OutputStream) -> bool {
        self.abandoned || self.failures[stream.index()].is_some()
    }

    /// Notes that so many bytes are written or dropped.
    fn complete(&mut self, bytes: usize) {
        // What is abandoned while the thread has it in its hands is counted already.
        self.queued = self.queued.saturating_sub(bytes);
        self.done = self.given.min(self.done + bytes as u64);
        self.progressed = Instant::now();
    }

    fn fail(&mut self, stream: OutputStream, error: io::Error) {
        self.failures[stream.index()] = Some(Arc::new(error));
        let mut dropped = 0;
        self.pieces.retain(|(of, piece)| {
            dropped += if *of == stream { piece.len() } else { 0 };
            *of != stream
        });
        self.complete(dropped);
    }

    fn enqueue(&mut self, stream: OutputStream, text: &[u8]) {
        self.queued += text.len();
        match self.pieces.back_mut() {
            Some((of, piece)) if *of == stream && piece.len() + text.len() <= PIECE => {
                piece.extend_from_slice(text);
            }
            _ => self.pieces.push_back((stream, text.to_vec())),
        }
    }
}

impl Queue {
    fn new(sink: Sink, direct: [Direct; 2]) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                pieces: VecDeque::new(),
                queued: 0,
                given: 0,
                done: 0,
                progressed: Instant::now(),
                waiters: VecDeque::new(),
                flushers: Vec::new(),
                next_ticket: 0,
                direct,
                failures: [None, None],
                served: false,
                abandoned: false,
                closed: false,
            }),
            sink: Mutex::new(Some(sink)),
            work: Condvar::new(),
            progress: Condvar::new(),
            failed: Notify::new(),
        })
    }

    fn push(self: &Arc<Self>, stream: OutputStream, text: &[u8]) {
        let mut state = self.state.lock();
        if state.drops(stream) || text.is_empty() {
            return;
        }
        state.given += text.len() as u64;
        let mut rest = text;
        // With nothing before it, it need not wait for the thread.
        while state.queued == 0 && !rest.is_empty() {
            match state.direct[stream.index()].write(rest) {
                Ok(written) if written > 0 => {
                    rest = rest.get(written..).unwrap_or_default();
                    state.complete(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    state.complete(rest.len());
                    return self.fail(state, stream, error);
                }
            }
        }
        if rest.is_empty() {
            return;
        }
        if state.queued == 0 {
            state.progressed = Instant::now();
        }
        state.enqueue(stream, rest);
        let served = std::mem::replace(&mut state.served, true);
        drop(state);
        if served {
            self.work.notify_one();
            return;
        }
        let queue = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("cla-output".to_owned())
            .spawn(move || queue.serve(true));
        if thread.is_err() {
            // The system has no thread left: blocking is better than silence.
            self.serve(false);
            self.state.lock().served = false;
        }
    }

    /// Writes what is there; and what comes, if it is to stay.
    fn serve(&self, stay: bool) {
        let Some(mut sink) = self.sink.lock().take() else {
            return;
        };
        while let Some((stream, piece)) = self.next(stay) {
            let mut rest = piece.as_slice();
            while !rest.is_empty() {
                let chunk = rest.get(..CHUNK).unwrap_or(rest);
                // A writer of the host's that panics is one that has failed.
                let written = catch_unwind(AssertUnwindSafe(|| sink(stream, chunk)));
                let written = written
                    .unwrap_or_else(|_| Err(io::Error::other("the program's writer panicked")))
                    .and_then(|written| match written {
                        0 => Err(io::ErrorKind::WriteZero.into()),
                        written => Ok(written),
                    });
                match written {
                    Ok(written) => {
                        rest = rest.get(written..).unwrap_or_default();
                        let mut state = self.state.lock();
                        state.complete(written);
                        if state.abandoned {
                            rest = &[];
                        }
                        self.wake(state);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        std::thread::sleep(RETRY);
                        if self.state.lock().abandoned {
                            rest = &[];
                        }
                    }
                    Err(error) => {
                        let mut state = self.state.lock();
                        state.complete(rest.len());
                        self.fail(state, stream, error);
                        rest = &[];
                    }
                }
            }
        }
        *self.sink.lock() = Some(sink);
    }

    /// What is to be written next; waits for it if the thread is to stay.
    fn next(&self, stay: bool) -> Option<(OutputStream, Vec<u8>)> {
        let mut state = self.state.lock();
        loop {
            if let Some(next) = state.pieces.pop_front() {
                return Some(next);
            }
            if state.closed || !stay {
                return None;
            }
            self.work.wait(&mut state);
        }
    }

    fn fail(
        &self,
        mut state: parking_lot::MutexGuard<'_, State>,
        stream: OutputStream,
        error: io::Error,
    ) {
        state.fail(stream, error);
        // All of them: for those of this stream there is nothing to wait for any more.
        let waiters: Vec<Waker> = state
            .waiters
            .iter()
            .map(|(_, waker)| waker.clone())
            .collect();
        self.wake(state);
        waiters.into_iter().for_each(Waker::wake);
        self.failed.notify_waiters();
    }

    /// Wakes those for whom something has changed.
    fn wake(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        let mut woken = Vec::new();
        if state.abandoned {
            woken.extend(state.waiters.iter().map(|(_, waker)| waker.clone()));
        } else if state.queued <= FREE_AGAIN
            && let Some((_, first)) = state.waiters.front()
        {
            woken.push(first.clone());
        }
        let done = state.done;
        state.flushers.retain(|(until, waker)| {
            let is_done = *until <= done;
            if is_done {
                woken.push(waker.clone());
            }
            !is_done
        });
        drop(state);
        self.progress.notify_all();
        woken.into_iter().for_each(Waker::wake);
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue")
            .field("queued", &self.state.lock().queued)
            .finish_non_exhaustive()
    }
}

/// Waits in line for room.
struct Room<'a> {
    queue: &'a Queue,
    stream: OutputStream,
    ticket: Option<u64>,
}

impl Room<'_> {
    /// Leaves the line, and lets the next one look if there is room.
    fn leave(&self, state: &mut State) -> Option<Waker> {
        let ticket = self.ticket?;
        let at = state.waiters.iter().position(|(of, _)| *of == ticket)?;
        state.waiters.remove(at);
        let next = state.waiters.front().map(|(_, waker)| waker.clone());
        next.filter(|_| at == 0 && state.queued < CAPACITY)
    }
}

impl Future for Room<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let queue = self.queue;
        let mut state = queue.state.lock();
        let is_first = match state.waiters.front() {
            None => true,
            Some((first, _)) => self.ticket == Some(*first),
        };
        if state.drops(self.stream) || is_first && state.queued < CAPACITY {
            let next = self.leave(&mut state);
            drop(state);
            self.ticket = None;
            if let Some(next) = next {
                next.wake();
            }
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        match self.ticket {
            None => {
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                state.waiters.push_back((ticket, waker));
                drop(state);
                self.ticket = Some(ticket);
            }
            Some(ticket) => {
                let mut waiters = state.waiters.iter_mut();
                if let Some((_, registered)) = waiters.find(|(of, _)| *of == ticket) {
                    *registered = waker;
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.queue.state.lock();
            self.leave(&mut state)
        };
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// Waits until what the queue has been given up to now is written.
struct Flushed<'a> {
    queue: &'a Queue,
    until: u64,
}

impl Future for Flushed<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.queue.state.lock();
        if state.done >= self.until || state.abandoned {
            return Poll::Ready(());
        }
        let registered =
            |(until, waker): &(u64, Waker)| *until == self.until && waker.will_wake(cx.waker());
        if !state.flushers.iter().any(registered) {
            state.flushers.push((self.until, cx.waker().clone()));
        }
        Poll::Pending
    }
}
