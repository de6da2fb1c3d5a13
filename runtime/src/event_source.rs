//! What calls into a run from outside, any number of times: subscriptions and the like.
//!
//! A [`EventSource`] is driven whenever the run waits for something. It does not keep the run from ending, unless it is
//! [held](Subscription::hold); only a promise that the run awaits may wait for an event of it. Before the run ends, each
//! source is asked once for what has happened until then, and that is delivered first. What comes meanwhile is not:
//! events that never stop do not keep a run going.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use rquickjs::Ctx;

use crate::memory_reservation::MemoryReservation;
use crate::sys::memory::MemoryGauge;

/// How many events are delivered in a row while the result of a host future waits.
const MOST_IN_A_ROW: u32 = 4096;

/// What a source counts for beside its own size, in bytes: its entry, and what it subscribed to.
const SOURCE_BYTES: usize = 512;

/// What a finished host future does with its result, or a source with its event, inside the isolate.
pub(crate) type Completion = Box<dyn for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<()>>;

/// What a [`EventSource`] brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceEvent<E> {
    /// Something for the run.
    Event(E),
    /// Everything that had happened when the source was [asked](EventSource::ask) has been brought.
    UpToDate,
}

/// Something outside of a run that brings events: see [`Run::listen`](crate::host::Run::listen).
///
/// Dropped when the run ends or the [`Subscription`] is dropped, on the run's thread.
pub trait EventSource: 'static {
    /// What it brings.
    type Event;

    /// The next happening; `None` when there will be no more. Called on the run's fiber.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<Self::Event>>>;

    /// The run could end: let [`SourceEvent::UpToDate`] follow, once for each call, on all events until now. It must come
    /// within a bounded time, also if some of these events cannot be had.
    fn ask(&mut self);
}

/// The sources of a run.
#[derive(Default)]
pub(crate) struct EventSources {
    list: RefCell<Vec<Rc<Entry>>>,
    /// Which one is looked at first.
    turn: Cell<usize>,
    /// How many events a result has waited for.
    in_a_row: Cell<u32>,
}

struct Entry {
    /// `None` once it is closed.
    source: RefCell<Option<Box<dyn Delivering>>>,
    held: Cell<bool>,
    /// Questions that have not been answered.
    asked: Cell<u32>,
    /// Whether nothing has been done since the last question that may have brought events about.
    fresh: Cell<bool>,
    _charge: MemoryReservation,
}

/// A source, and what is done with its events.
trait Delivering {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<Completion>>>;
    fn ask(&mut self);
}

struct Delivered<S, D> {
    source: S,
    deliver: Rc<D>,
}

impl<S, D> Delivering for Delivered<S, D>
where
    S: EventSource,
    D: for<'js> Fn(&Ctx<'js>, S::Event) -> rquickjs::Result<()> + 'static,
{
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<Completion>>> {
        self.source.poll_next(cx).map(|happening| {
            Some(match happening? {
                SourceEvent::UpToDate => SourceEvent::UpToDate,
                SourceEvent::Event(event) => {
                    let deliver = Rc::clone(&self.deliver);
                    let completion: Completion = Box::new(move |ctx| deliver(ctx, event));
                    SourceEvent::Event(completion)
                }
            })
        })
    }

    fn ask(&mut self) {
        self.source.ask();
    }
}

impl Entry {
    fn is_open(&self) -> bool {
        self.source.borrow().is_some()
    }

    /// Whether all that happened has been delivered; asks for it if that was not done.
    fn is_up_to_date(&self) -> bool {
        if !self.fresh.replace(true)
            && let Some(source) = &mut *self.source.borrow_mut()
        {
            self.asked.set(self.asked.get() + 1);
            source.ask();
        }
        self.asked.get() == 0
    }
}

impl EventSources {
    /// Adds a source, and what is done with its events.
    pub(crate) fn add<S, D>(&self, gauge: &Rc<MemoryGauge>, source: S, deliver: D) -> Subscription
    where
        S: EventSource,
        D: for<'js> Fn(&Ctx<'js>, S::Event) -> rquickjs::Result<()> + 'static,
    {
        let deliver = Rc::new(deliver);
        let bytes = SOURCE_BYTES + size_of::<S>() + size_of::<D>();
        let source: Box<dyn Delivering> = Box::new(Delivered { source, deliver });
        let entry = Rc::new(Entry {
            source: RefCell::new(Some(source)),
            held: Cell::new(false),
            asked: Cell::new(0),
            fresh: Cell::new(false),
            _charge: MemoryReservation::new(gauge, bytes),
        });
        let mut list = self.list.borrow_mut();
        if list.len() == list.capacity() {
            // Those that were closed make room.
            list.retain(|entry| entry.is_open());
        }
        list.push(Rc::clone(&entry));
        Subscription(entry)
    }

    /// Whether they let a run end in which nothing else is pending. `awaited`: it waits for a promise.
    pub(crate) fn allow_end(&self, awaited: bool) -> bool {
        let mut list = self.list.borrow_mut();
        list.retain(|entry| entry.is_open());
        if awaited {
            return list.is_empty();
        }
        // All are asked before the first answer is awaited.
        let up_to_date = |all, entry: &Rc<Entry>| all & entry.is_up_to_date();
        !list.iter().any(|entry| entry.held.get()) && list.iter().fold(true, up_to_date)
    }

    /// Something was done that may have brought events about.
    pub(crate) fn note_work(&self) {
        for entry in &*self.list.borrow() {
            entry.fresh.set(false);
        }
    }

    /// Whether the next event is delivered now, or the result of a host future that `waits` has waited for too many.
    pub(crate) fn take_turn(&self, waits: bool) -> bool {
        let before = if waits { self.in_a_row.get() } else { 0 };
        let turn = before < MOST_IN_A_ROW;
        self.in_a_row.set(if turn { before + 1 } else { 0 });
        turn
    }

    /// The next event; `None` if something else about them has changed.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Completion>> {
        let list = self.list.borrow();
        let first = self.turn.get();
        for step in 0..list.len() {
            let at = (first + step) % list.len();
            let entry = &list[at];
            let mut source = entry.source.borrow_mut();
            let Some(Poll::Ready(happening)) = source.as_mut().map(|source| source.poll_next(cx))
            else {
                continue;
            };
            self.turn.set(at + 1);
            return Poll::Ready(match happening {
                Some(SourceEvent::Event(deliver)) => Some(deliver),
                Some(SourceEvent::UpToDate) => {
                    entry.asked.set(entry.asked.get().saturating_sub(1));
                    None
                }
                None => {
                    *source = None;
                    None
                }
            });
        }
        Poll::Pending
    }

    /// Drops them all.
    pub(crate) fn clear(&self) {
        for entry in self.list.borrow_mut().drain(..) {
            entry.source.take();
        }
    }
}

/// A [`EventSource`] that a run listens to, until this is dropped: see [`Run::listen`](crate::host::Run::listen).
#[must_use = "dropping it ends the listening"]
pub struct Subscription(Rc<Entry>);

impl Subscription {
    /// Whether the run goes on for the source's sake, even if nothing else is pending. At first it does not.
    pub fn hold(&self, held: bool) {
        self.0.held.set(held);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.source.take();
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("open", &self.0.is_open())
            .field("held", &self.0.held.get())
            .finish()
    }
}
