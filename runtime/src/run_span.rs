//! A run, and the regions that it is in, as spans of the crate `tracing`.
//!
//! A span is entered while the run's fiber executes, and only then: between two polls, other runs use the thread. The
//! subscriber is that of the thread on which the run was started, so a host may have one for a part of its code.

use std::cell::RefCell;
use std::rc::Rc;

use cla_semaphore::{RunId, printable};
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::EnteredSpan;
use tracing::{Level, Span};

use crate::run_data::RunData;
use crate::trace::RegionRecord;

/// A run's span on its way to the worker; with the subscriber, which the worker's thread may not have.
#[derive(Clone)]
pub(crate) struct RunSpan {
    span: Span,
    dispatch: Dispatch,
}

impl RunSpan {
    /// The span of a run that is started here, in the span that is entered here. `None` if nothing listens.
    #[inline]
    pub(crate) fn begin(id: RunId, name: &str, rule: &str, data: &RunData) -> Option<Self> {
        // Most hosts have no subscriber; then this is one comparison.
        if tracing::level_filters::LevelFilter::current() < Level::INFO {
            return None;
        }
        Self::begin_traced(id, name, rule, data)
    }

    #[cold]
    fn begin_traced(id: RunId, name: &str, rule: &str, data: &RunData) -> Option<Self> {
        let label = data.label().map(printable);
        let span = tracing::info_span!(
            target: "cla",
            "run",
            %id,
            name = &*printable(name),
            rule = &*printable(rule),
            label = label.as_deref(),
        );
        let listens = !span.is_disabled() || tracing::event_enabled!(target: "cla", Level::INFO);
        listens.then(|| Self {
            span,
            dispatch: dispatcher::get_default(Clone::clone),
        })
    }

    /// Does something in the span, on any thread.
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        dispatcher::with_default(&self.dispatch, || self.span.in_scope(work))
    }
}

/// Does something in a span, if there is one.
pub(crate) fn within<R>(span: Option<&RunSpan>, work: impl FnOnce() -> R) -> R {
    match span {
        Some(span) => span.within(work),
        None => work(),
    }
}

impl std::fmt::Debug for RunSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunSpan").finish_non_exhaustive()
    }
}

/// The spans of a run on its worker: its own, and those of the regions that it is in.
pub(crate) struct RunSpans {
    run: RunSpan,
    /// The innermost last. A region that was entered by asynchronous code may end before one that is inside of it.
    regions: RefCell<Vec<(u32, Span)>>,
    /// The span that is entered now.
    entered: RefCell<Option<EnteredSpan>>,
}

/// The run's spans are entered while this lives. On the worker's own stack, not on the fiber's.
pub(crate) struct Entered {
    spans: Rc<RunSpans>,
    _default: DefaultGuard,
}

impl RunSpans {
    pub(crate) fn new(run: RunSpan) -> Rc<Self> {
        Rc::new(Self {
            run,
            regions: RefCell::default(),
            entered: RefCell::default(),
        })
    }

    /// Enters the innermost span, for one poll of the fiber.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        let default = dispatcher::set_default(&self.run.dispatch);
        *self.entered.borrow_mut() = Some(self.innermost().entered());
        Entered {
            spans: Rc::clone(self),
            _default: default,
        }
    }

    fn innermost(&self) -> Span {
        let regions = self.regions.borrow();
        let innermost = regions.last().map_or(&self.run.span, |(_, span)| span);
        innermost.clone()
    }

    /// The innermost span has changed while one is entered.
    fn change(&self) {
        let before = self.entered.borrow_mut().take();
        let is_entered = before.is_some();
        // The old one is left before the new one is entered: subscribers keep a stack.
        drop(before);
        if is_entered {
            *self.entered.borrow_mut() = Some(self.innermost().entered());
        }
    }

    /// The run asks for the slot of a region.
    pub(crate) fn begin_region(&self, key: u32, region: &RegionRecord) {
        let span = tracing::info_span!(
            target: "cla",
            parent: &self.innermost(),
            "region",
            semaphore = &*printable(region.semaphore.as_str()),
            who = &*printable(&region.who),
            line = region.line,
        );
        self.regions.borrow_mut().push((key, span));
        self.change();
    }

    /// The region is left.
    pub(crate) fn end_region(&self, key: u32) {
        let ended = {
            let mut regions = self.regions.borrow_mut();
            let place = regions.iter().rposition(|(known, _)| *known == key);
            place.map(|place| regions.remove(place))
        };
        self.change();
        drop(ended);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let entered = self.spans.entered.borrow_mut().take();
        drop(entered);
    }
}
