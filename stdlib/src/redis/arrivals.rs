//! What a bus has received, on its way to the run.
#![expect(
    clippy::disallowed_methods,
    reason = "the server answers in the time of the machine"
)]

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use cla_runtime::internal::{EventSource, MemoryReservation, SourceEvent};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::Sleep;

use super::link::{Order, Task};

/// A run that could end waits no longer for what was published until then.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Messages that wait for the run take at most so many bytes, and at most half of the memory that it has left; later
/// ones are dropped.
pub(super) const ROOM: usize = 32 * 1024 * 1024;

/// What a message takes beside its text and its channel, in bytes.
const OVERHEAD: usize = 64;

/// What came from the server.
pub(super) enum Arrival {
    Message {
        channel: String,
        text: String,
    },
    /// Why the connection was closed while the run listened, when that was for what came.
    Refused(String),
    /// What was sent before this order was carried out is in front of it.
    Mark(u64),
}

/// Where the connection puts what comes.
#[derive(Clone)]
pub(super) struct Inbox {
    sender: UnboundedSender<Arrival>,
    fill: Arc<Fill>,
}

/// How much waits.
struct Fill {
    bytes: AtomicUsize,
    /// How much may wait, in bytes.
    room: usize,
    /// Messages for which there was no room.
    dropped: AtomicUsize,
}

/// Where the run takes it from.
pub(super) struct Outlet {
    receiver: UnboundedReceiver<Arrival>,
    fill: Arc<Fill>,
}

/// An inbox and its outlet, with so much room in bytes.
pub(super) fn inbox(room: usize) -> (Inbox, Outlet) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let fill = Arc::new(Fill {
        bytes: AtomicUsize::new(0),
        room,
        dropped: AtomicUsize::new(0),
    });
    let outlet = Outlet {
        receiver,
        fill: Arc::clone(&fill),
    };
    (Inbox { sender, fill }, outlet)
}

impl Inbox {
    pub(super) fn put(&self, channel: String, text: String) {
        let size = size(&channel, &text);
        if self.fill.bytes.fetch_add(size, Ordering::Relaxed) + size > self.fill.room {
            self.fill.bytes.fetch_sub(size, Ordering::Relaxed);
            self.fill.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // It is not taken out any more when the run has ended.
        let _ = self.sender.send(Arrival::Message { channel, text });
    }

    pub(super) fn refuse(&self, problem: String) {
        let _ = self.sender.send(Arrival::Refused(problem));
    }

    pub(super) fn mark(&self, number: u64) {
        let _ = self.sender.send(Arrival::Mark(number));
    }
}

fn size(channel: &str, text: &str) -> usize {
    channel.len() + text.len() + OVERHEAD
}

impl Outlet {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival>> {
        // `poll_recv` pretends now and then that nothing is there, for fairness; but what is there comes first.
        let arrival = match self.receiver.try_recv() {
            Ok(arrival) => Poll::Ready(Some(arrival)),
            Err(_) => self.receiver.poll_recv(cx),
        };
        if let Poll::Ready(Some(Arrival::Message { channel, text })) = &arrival {
            let size = size(channel, text);
            self.fill.bytes.fetch_sub(size, Ordering::Relaxed);
        }
        arrival
    }
}

/// For the run.
pub(super) enum Event {
    Message {
        channel: String,
        text: String,
    },
    /// So many were dropped.
    Dropped(usize),
    /// Why the connection was closed, when that was for what came.
    Refused(String),
}

/// What arrives, as a run listens to it.
pub(super) struct Arrivals {
    task: Rc<Task>,
    /// The marks that answer what the run has asked.
    asked: VecDeque<u64>,
    /// When it waits no longer for the first.
    alarm: Option<Pin<Box<Sleep>>>,
    /// For what waits, as of the last look.
    count_memory: MemoryReservation,
}

impl Arrivals {
    /// `count_memory` is what counts against the run's memory.
    pub(super) fn new(task: Rc<Task>, count_memory: MemoryReservation) -> Self {
        Self {
            task,
            asked: VecDeque::new(),
            alarm: None,
            count_memory,
        }
    }

    fn answered(&mut self) -> Poll<Option<SourceEvent<Event>>> {
        self.asked.pop_front();
        if self.asked.is_empty() {
            self.alarm = None;
        }
        Poll::Ready(Some(SourceEvent::UpToDate))
    }
}

impl EventSource for Arrivals {
    type Event = Event;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<Event>>> {
        loop {
            let mut outlet = self.task.outlet();
            let dropped = outlet.fill.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                return Poll::Ready(Some(SourceEvent::Event(Event::Dropped(dropped))));
            }
            let arrival = outlet.poll(cx);
            self.count_memory
                .resize(outlet.fill.bytes.load(Ordering::Relaxed));
            drop(outlet);
            match arrival {
                Poll::Ready(Some(Arrival::Message { channel, text })) => {
                    let event = Event::Message { channel, text };
                    return Poll::Ready(Some(SourceEvent::Event(event)));
                }
                Poll::Ready(Some(Arrival::Refused(problem))) => {
                    return Poll::Ready(Some(SourceEvent::Event(Event::Refused(problem))));
                }
                // Others were asked for by those who listened before, or come too late.
                Poll::Ready(Some(Arrival::Mark(number))) => {
                    if self.asked.front() == Some(&number) {
                        return self.answered();
                    }
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => {
                    let alarm = self.alarm.as_mut();
                    if alarm.is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready()) {
                        return self.answered();
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn ask(&mut self) {
        let number = self.task.next_mark();
        self.asked.push_back(number);
        self.alarm = Some(Box::pin(tokio::time::sleep(LAST_CALL)));
        self.task.give(Order::Mark(number));
    }
}
