//! How events come from a store to its subscribers: [`EventHub`], [`Events`].
//!
//! # The decision
//!
//! A subscriber must never slow a semaphore down, and one that is slow should lose nothing that could be kept for it. So
//! the hub keeps every event until all subscribers have read it, up to a bound: [`KEPT`] events or [`KEPT_BYTES`]. Each
//! subscriber is a position in that queue. One that falls out of the queue at its old end learns how many events it
//! missed, and goes on with the oldest that is left.
//!
//! An event counts how many have yet to read it. So a queue that all have read is empty, however fast events come, and
//! the last reader takes the event instead of a copy.

use std::collections::VecDeque;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use parking_lot::Mutex;
use slab::Slab;

use super::{Event, EventsError};

/// So many events are kept for a subscriber that is behind: six purges of ten thousand requests.
const KEPT: usize = 65_536;
/// And so many bytes of them, as `who` may be long.
const KEPT_BYTES: usize = 16 << 20;
/// Room for more events than this is given back once all of them are read.
const SPARE: usize = 1024;

/// What a hub passes on.
pub trait Emitted: Clone {
    /// Its number is this.
    fn number(&mut self, _sequence: u64) {}

    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize {
        size_of::<Self>()
    }
}

/// A subscription to everything that happens in a store, or at a [provider](crate::provider::Provider::subscribe).
/// Dropping it ends it.
///
/// A store's events of one semaphore come in the order in which they happened. What is not read yet is kept, up to 65,536
/// events or 16 MB.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{EventKind, SemaphoreName, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let mut events = semaphores.subscribe();
/// let permit = semaphores.semaphore(&SemaphoreName::new("a")?).acquire().await?;
/// drop(permit);
///
/// assert_eq!(events.recv().await?.kind, EventKind::Created);
/// assert_eq!(events.recv().await?.kind, EventKind::Acquired);
/// assert_eq!(events.recv().await?.kind, EventKind::Released);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Events<E: Emitted = Event> {
    shared: Arc<Shared<E>>,
    /// Which of the readers it is.
    reader: usize,
}

impl<E: Emitted> Events<E> {
    /// Waits for the next event. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`EventsError::Missed`] once after events were lost, [`EventsError::Closed`] at the end.
    pub async fn recv(&mut self) -> Result<E, EventsError> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Result<E, EventsError>> {
        let mut queue = self.shared.queue.lock();
        if let Some(next) = queue.read(self.reader) {
            return Poll::Ready(next);
        }
        let reader = &mut queue.readers[self.reader];
        let stale = reader.waker.replace(cx.waker().clone());
        if stale.is_none() {
            queue.waiting += 1;
        }
        drop(queue);
        // To drop a waker may drop its task, and with it this hub.
        drop(stale);
        Poll::Pending
    }

    /// The next event if it is there already.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<E>, EventsError> {
        self.shared.queue.lock().read(self.reader).transpose()
    }
}

/// The events as a stream, for `StreamExt::next` and its relatives. After [`EventsError::Closed`] would come, it ends;
/// [`EventsError::Missed`] is an item, and more come after it.
///
/// ```
/// # futures::executor::block_on(async {
/// use cla_semaphore::{EventKind, Semaphores};
/// use futures::StreamExt as _;
///
/// let semaphores = Semaphores::memory();
/// let mut events = semaphores.subscribe();
/// drop(semaphores.get("x")?.acquire().await?);
/// let kinds: Vec<_> = events.by_ref().take(3).map(|event| event.map(|event| event.kind)).collect().await;
/// assert_eq!(kinds, [EventKind::Created, EventKind::Acquired, EventKind::Released].map(Ok));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<E: Emitted> Stream for Events<E> {
    type Item = Result<E, EventsError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_recv(cx).map(|next| match next {
            Err(EventsError::Closed) => None,
            next => Some(next),
        })
    }
}

impl<E: Emitted> Drop for Events<E> {
    fn drop(&mut self) {
        self.shared.subscribers.fetch_sub(1, Ordering::Relaxed);
        let mut queue = self.shared.queue.lock();
        let left = queue.leave(self.reader);
        drop(queue);
        // Neither a waker nor an event is dropped under the lock.
        drop(left);
    }
}

/// Where a store puts its events and subscribers take them out. For implementations of
/// [`Store`](crate::Store).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{EventHub, Semaphores};
///
/// # let semaphores = Semaphores::memory();
/// # let mut source = semaphores.subscribe();
/// # let _permit = semaphores.get("db")?.acquire().await?;
/// # let event = source.recv().await?;
/// let hub = EventHub::new();
/// assert!(!hub.is_observed(), "an event would go nowhere");
/// let mut events = hub.subscribe();
/// hub.emit(event);
/// assert_eq!(events.recv().await?.semaphore.as_str(), "db");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EventHub<E: Emitted = Event> {
    shared: Arc<Shared<E>>,
}

#[derive(Debug)]
struct Shared<E> {
    queue: Mutex<Queue<E>>,
    subscribers: AtomicUsize,
}

#[derive(Debug)]
struct Queue<E> {
    /// In order of number, without a gap.
    items: VecDeque<Item<E>>,
    /// The number of the first of them; of the next one if there is none.
    first: u64,
    /// The number of the first event among them, or of the next one. Larger than `first` by what was missed on its way
    /// here.
    first_event: u64,
    /// The number of the next event.
    next_event: u64,
    bytes: usize,
    readers: Slab<Reader>,
    /// How many readers have a waker.
    waiting: usize,
    closed: bool,
}

#[derive(Debug)]
struct Item<E> {
    what: What<E>,
    /// How many events it stands for.
    events: u64,
    /// How many readers have not come to it yet.
    unread: usize,
    weight: usize,
}

#[derive(Debug)]
enum What<E> {
    Event(E),
    /// This many events were missed here; 0: it is not known how many.
    Gap(u64),
    /// All readers have it.
    Read,
}

#[derive(Debug)]
struct Reader {
    /// The number of what it reads next.
    next: u64,
    /// The number of the next event that it reads.
    next_event: u64,
    waker: Option<Waker>,
}

impl<E: Emitted> Default for EventHub<E> {
    fn default() -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(Queue {
                    items: VecDeque::new(),
                    first: 1,
                    first_event: 1,
                    next_event: 1,
                    bytes: 0,
                    readers: Slab::new(),
                    waiting: 0,
                    closed: false,
                }),
                subscribers: AtomicUsize::new(0),
            }),
        }
    }
}

impl<E: Emitted> EventHub<E> {
    /// A hub without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is a subscriber. One load, so that it costs nothing when there is no watcher.
    #[inline]
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.shared.subscribers.load(Ordering::Relaxed) > 0
    }

    /// Gives `event` to all subscribers, without waiting for any.
    pub fn emit(&self, event: E) {
        if self.is_observed() {
            self.put(What::Event(event));
        }
    }

    /// All subscribers learn that they missed events, and that it is not known how many: the connection over which
    /// they come was interrupted.
    pub fn gap(&self) {
        self.gap_of(0);
    }

    /// All subscribers learn that they missed this many events, which the store no longer has. Their numbers are left
    /// out.
    pub fn gap_of(&self, events: u64) {
        if self.is_observed() {
            self.put(What::Gap(events));
        }
    }

    fn put(&self, what: What<E>) {
        let mut queue = self.shared.queue.lock();
        let dropped = queue.put(what);
        let wakers = queue.wakers();
        drop(queue);
        drop(dropped);
        for waker in wakers {
            waker.wake();
        }
    }

    /// Everything emitted from now on.
    #[must_use]
    pub fn subscribe(&self) -> Events<E> {
        let mut queue = self.shared.queue.lock();
        let reader = Reader {
            next: queue.end(),
            next_event: queue.next_event,
            waker: None,
        };
        let reader = queue.readers.insert(reader);
        self.shared.subscribers.fetch_add(1, Ordering::Relaxed);
        drop(queue);
        Events {
            shared: Arc::clone(&self.shared),
            reader,
        }
    }
}

impl<E: Emitted> Drop for EventHub<E> {
    fn drop(&mut self) {
        let mut queue = self.shared.queue.lock();
        queue.closed = true;
        let wakers = queue.wakers();
        drop(queue);
        for waker in wakers {
            waker.wake();
        }
    }
}

impl<E: Emitted> Queue<E> {
    /// The number of what comes next.
    fn end(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    /// Takes in what happened; hands back what there is no room for any more.
    fn put(&mut self, mut what: What<E>) -> Vec<Item<E>> {
        let mut dropped = Vec::new();
        // The last subscriber may have left a moment ago.
        let unread = self.readers.len();
        let (events, weight) = match &mut what {
            What::Event(event) => {
                event.number(self.next_event);
                (1, event.weight())
            }
            What::Gap(missed) => ((*missed).max(1), 0),
            What::Read => (0, 0),
        };
        self.next_event += events;
        self.bytes += weight;
        self.items.push_back(Item {
            what,
            events,
            unread,
            weight,
        });
        while self.items.len() > KEPT
            || self.bytes > KEPT_BYTES
            || self.items.front().is_some_and(|first| first.unread == 0)
        {
            let Some(first) = self.items.pop_front() else {
                break;
            };
            self.first += 1;
            self.first_event += first.events;
            self.bytes -= first.weight;
            dropped.push(first);
        }
        dropped
    }

    fn wakers(&mut self) -> Vec<Waker> {
        if self.waiting == 0 {
            return Vec::new();
        }
        self.waiting = 0;
        self.readers
            .iter_mut()
            .filter_map(|(_, reader)| reader.waker.take())
            .collect()
    }

    /// The next for a reader; `None` if there is none yet.
    fn read(&mut self, reader: usize) -> Option<Result<E, EventsError>> {
        let reader = &mut self.readers[reader];
        if reader.next < self.first {
            let missed = self.first_event - reader.next_event;
            reader.next = self.first;
            reader.next_event = self.first_event;
            return Some(Err(EventsError::Missed(missed)));
        }
        let at = usize::try_from(reader.next - self.first).unwrap_or(usize::MAX);
        let Some(item) = self.items.get_mut(at) else {
            return self.closed.then_some(Err(EventsError::Closed));
        };
        reader.next += 1;
        reader.next_event += item.events;
        item.unread -= 1;
        let read = if item.unread == 0 {
            self.bytes -= mem::take(&mut item.weight);
            match mem::replace(&mut item.what, What::Read) {
                What::Event(event) => Ok(event),
                What::Gap(missed) => Err(EventsError::Missed(missed)),
                What::Read => Err(EventsError::Missed(0)),
            }
        } else {
            match &item.what {
                What::Event(event) => Ok(event.clone()),
                What::Gap(missed) => Err(EventsError::Missed(*missed)),
                What::Read => Err(EventsError::Missed(0)),
            }
        };
        self.drop_read();
        Some(read)
    }

    /// Lets go of what all have read. Nothing is in there any more.
    fn drop_read(&mut self) {
        while self.items.front().is_some_and(|first| first.unread == 0)
            && let Some(first) = self.items.pop_front()
        {
            self.first += 1;
            self.first_event += first.events;
        }
        if self.items.is_empty() && self.items.capacity() > SPARE {
            self.items = VecDeque::new();
        }
    }

    /// A reader goes; hands back what only it had yet to read, and its waker.
    fn leave(&mut self, reader: usize) -> (Vec<What<E>>, Option<Waker>) {
        let reader = self.readers.remove(reader);
        if reader.waker.is_some() {
            self.waiting -= 1;
        }
        let mut left = Vec::new();
        let from = usize::try_from(reader.next.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for item in self.items.iter_mut().skip(from) {
            item.unread -= 1;
            if item.unread == 0 {
                self.bytes -= mem::take(&mut item.weight);
                left.push(mem::replace(&mut item.what, What::Read));
            }
        }
        self.drop_read();
        (left, reader.waker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Numbered(u64, usize);

    impl Emitted for Numbered {
        fn number(&mut self, sequence: u64) {
            self.0 = sequence;
        }

        fn weight(&self) -> usize {
            self.1
        }
    }

    fn read_all(events: &mut Events<Numbered>) -> (Vec<u64>, u64) {
        let (mut heard, mut missed) = (Vec::new(), 0);
        loop {
            match events.try_recv() {
                Ok(Some(event)) => heard.push(event.0),
                Ok(None) | Err(EventsError::Closed) => return (heard, missed),
                Err(EventsError::Missed(events)) => missed += events,
            }
        }
    }

    fn kept<E: Emitted>(hub: &EventHub<E>) -> (usize, usize) {
        let queue = hub.shared.queue.lock();
        (queue.items.len(), queue.bytes)
    }

    #[test]
    fn one_who_is_behind_loses_nothing_that_is_kept_and_all_else_is_counted() {
        let hub = EventHub::new();
        let (mut idle, mut eager) = (hub.subscribe(), hub.subscribe());
        for nth in 1..=KEPT as u64 {
            hub.emit(Numbered(0, 1));
            assert_eq!(eager.try_recv(), Ok(Some(Numbered(nth, 1))));
        }
        assert_eq!(kept(&hub), (KEPT, KEPT));
        for _ in 0..7 {
            hub.emit(Numbered(0, 1));
        }
        let (heard, missed) = read_all(&mut idle);
        assert_eq!((heard.len(), missed), (KEPT, 7));
        assert!(heard.is_sorted_by(|a, b| a + 1 == *b));
        assert_eq!(read_all(&mut eager).0.len(), 7);
        assert_eq!(kept(&hub), (0, 0), "all have read all");
    }

    #[test]
    fn what_the_store_no_longer_had_is_counted_and_numbered() {
        let hub = EventHub::new();
        let mut events = hub.subscribe();
        hub.emit(Numbered(0, 1));
        hub.gap_of(7);
        hub.emit(Numbered(0, 1));
        assert_eq!(events.try_recv(), Ok(Some(Numbered(1, 1))));
        assert_eq!(events.try_recv(), Err(EventsError::Missed(7)));
        assert_eq!(events.try_recv(), Ok(Some(Numbered(9, 1))));

        hub.gap_of(5);
        for _ in 0..KEPT {
            hub.emit(Numbered(0, 1));
        }
        let (heard, missed) = read_all(&mut events);
        assert_eq!((heard.len(), missed), (KEPT, 5), "the gap itself has gone");
        assert_eq!(heard[0], 15);
    }

    #[test]
    fn long_events_are_bounded_by_their_bytes() {
        let hub = EventHub::new();
        let mut idle = hub.subscribe();
        for _ in 0..100 {
            hub.emit(Numbered(0, KEPT_BYTES / 10));
        }
        assert!(kept(&hub).1 <= KEPT_BYTES);
        let (heard, missed) = read_all(&mut idle);
        assert_eq!((heard.len(), missed), (10, 90));
    }

    #[test]
    fn one_who_leaves_keeps_nothing_and_one_who_comes_later_hears_what_comes_later() {
        let hub = EventHub::new();
        let idle = hub.subscribe();
        hub.emit(Numbered(0, 1));
        let mut late = hub.subscribe();
        assert_eq!(late.try_recv(), Ok(None));
        hub.emit(Numbered(0, 1));
        drop(idle);
        assert_eq!(kept(&hub), (1, 1));
        hub.gap();
        assert_eq!(late.try_recv(), Ok(Some(Numbered(2, 1))));
        assert_eq!(late.try_recv(), Err(EventsError::Missed(0)));
        drop(late);
        assert!(!hub.is_observed());
        hub.emit(Numbered(0, 1));
        assert_eq!(kept(&hub), (0, 0));
    }
}
