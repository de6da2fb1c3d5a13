//! The memory of one isolate, counted and bounded.
//!
//! QuickJS has a limit of its own, but an allocation that fails at the wrong place makes it abort
//! the whole process (settling an `async` function's promise is one such place). So the limit has
//! two steps. Beyond [`MemoryGauge::limit`] the run is doomed: the gauge says so, the interrupt
//! handler ends the run with an error that no `catch` can hold, and big requests fail at once.
//! Small ones still succeed, up to a grace amount, so that QuickJS can unwind in good order.
//!
//! A run shares its limit with all that it starts. The gauge reserves memory from that [family](crate::family) in steps,
//! so that nearly every allocation is counted with plain numbers of this thread.

use std::cell::{Cell, OnceCell, RefCell};
use std::ptr::{NonNull, null_mut};
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::allocator::Allocator;
use rquickjs::{Ctx, qjs};

use super::blocks::{Blocks, HEADER};
use crate::family::{SEAT_BYTES, Seat};
use crate::ticker::Pulse;

/// Beyond the limit, a request of this size or more fails at once. QuickJS fetches memory for small
/// objects in blocks of 4 KiB; anything this large is a script's own string, array or buffer.
const LARGE_REQUEST: usize = 32 * 1024;

/// Beyond the limit, small requests go on for this many bytes at least ...
const MIN_GRACE: usize = 4 * 1024 * 1024;

/// ... and at most. Between two interrupt checks a script executes some ten thousand steps.
const MAX_GRACE: usize = 64 * 1024 * 1024;

/// The smallest and the largest amount that a gauge reserves ahead, in bytes: an eighth of what is in use, within these.
/// A small run keeps little from the others of its family, and a large one asks seldom.
const STEP: std::ops::RangeInclusive<usize> = 16 * 1024..=1024 * 1024;
/// Answers for the run when the clock says that it should ask: gives way to others, and says whether the run may have
/// more memory. See [`Run::on_allocation`](crate::host::Run::on_allocation).
type Attendant = Box<dyn Fn() -> bool>;

/// How much memory an isolate uses, and whether that was ever more than it may.
pub(crate) struct MemoryGauge {
    /// Says that the run should ask. Looked at with every request, which reaches the inside of long built-in functions.
    pulse: Arc<Pulse>,
    attendant: OnceCell<Attendant>,
    /// Requests may be refused: the isolate is set up, and not being taken down.
    may_refuse: Cell<bool>,
    /// The run must stop and does not ask otherwise: what is large is refused.
    refuses_large: Cell<bool>,
    /// The runtime whose memory this is; null before there is one.
    runtime: Cell<*mut qjs::JSRuntime>,
    /// At how many bytes the runtime will look for garbage again, once that is allowed.
    collect_at: Cell<Option<qjs::size_t>>,
    /// A request was refused at least once: QuickJS may have forgotten a reference.
    refused: Cell<bool>,
    blocks: Blocks,
    used: Cell<usize>,
    peak: Cell<usize>,
    /// Up to here a request is served without asking the family: what is reserved, once the limit counts.
    granted: Cell<usize>,
    limit: Cell<usize>,
    exceeded: Cell<bool>,
    /// It was the family that had no more, while this run was below the limit.
    crowded: Cell<bool>,
    /// What is reserved; `None` once all was given back.
    seat: RefCell<Option<Seat>>,
}

impl std::fmt::Debug for MemoryGauge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryGauge")
            .field("used", &self.used)
            .field("peak", &self.peak)
            .field("limit", &self.limit)
            .field("exceeded", &self.exceeded)
            .finish_non_exhaustive()
    }
}

impl MemoryGauge {
    /// A gauge without a limit; [`MemoryGauge::set_limit`] arms it.
    ///
    /// An isolate is created before its limit counts, because QuickJS does not check every
    /// allocation while it sets up a context.
    pub(crate) fn new(seat: Seat) -> Rc<Self> {
        Rc::new(Self {
            pulse: Arc::default(),
            attendant: OnceCell::new(),
            may_refuse: Cell::new(false),
            refuses_large: Cell::new(false),
            runtime: Cell::new(null_mut()),
            collect_at: Cell::new(None),
            refused: Cell::new(false),
            blocks: Blocks::default(),
            used: Cell::new(0),
            peak: Cell::new(0),
            granted: Cell::new(usize::MAX),
            limit: Cell::new(usize::MAX),
            exceeded: Cell::new(false),
            crowded: Cell::new(false),
            seat: RefCell::new(Some(seat)),
        })
    }

    /// The memory is that of the context's runtime, which lives as long as requests come from it.
    pub(crate) fn set_runtime(&self, ctx: &Ctx<'_>) {
        // SAFETY: the context is alive; the call only reads a field.
        self.runtime
            .set(unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) });
    }

    /// Notes that a request was refused: until [`allow_collection`](Self::allow_collection), no garbage is collected.
    ///
    /// QuickJS makes an error of a refusal at once, and may collect garbage for it. But while it resizes the shape of an
    /// object, that shape is in none of the lists that the collector goes through, and the process would crash.
    #[cold]
    fn note_refusal(&self) {
        self.refused.set(true);
        let runtime = self.runtime.get();
        if runtime.is_null() || self.collect_at.get().is_some() {
            return;
        }
        // SAFETY: the runtime is alive, as it has just asked for memory; the calls read and write a field.
        unsafe {
            self.collect_at.set(Some(qjs::JS_GetGCThreshold(runtime)));
            qjs::JS_SetGCThreshold(runtime, qjs::size_t::MAX);
        }
    }

    /// Lets garbage be collected again. To be called by the interpreter's questions: it is in good order then.
    pub(crate) fn allow_collection(&self) {
        if let Some(threshold) = self.collect_at.take() {
            // SAFETY: as above: the runtime asks.
            unsafe { qjs::JS_SetGCThreshold(self.runtime.get(), threshold) };
        }
    }

    /// Whether a request was ever refused.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused.get()
    }

    /// Frees every block of the isolate.
    ///
    /// # Safety
    ///
    /// Nothing uses the runtime again.
    pub(super) unsafe fn free_blocks(&self, between: impl FnMut()) {
        self.runtime.set(null_mut());
        // SAFETY: the caller's promise.
        unsafe { self.blocks.free_all(between) };
    }

    /// Whether every block was freed.
    #[cfg(test)]
    pub(super) fn holds_no_block(&self) -> bool {
        self.blocks.is_empty()
    }

    /// What the clock rings.
    pub(crate) fn pulse(&self) -> &Arc<Pulse> {
        &self.pulse
    }

    /// From now on, `attendant` is called with requests that come while the run should ask.
    pub(crate) fn set_attendant(&self, attendant: impl Fn() -> bool + 'static) {
        // There is one isolate to a gauge, which sets it once.
        let _ = self.attendant.set(Box::new(attendant));
        self.may_refuse.set(true);
    }

    /// From now on, no request is refused for the sake of time.
    pub(crate) fn refuse_nothing(&self) {
        self.may_refuse.set(false);
        self.refuses_large.set(false);
    }

    /// Whether large requests are refused.
    pub(crate) fn refuse_large(&self, refuse: bool) {
        self.refuses_large.set(refuse);
    }

    /// Asks for a run that should ask; `false` if the request is to be refused.
    #[cold]
    fn attend(&self) -> bool {
        self.attendant.get().is_none_or(|attendant| attendant()) || !self.may_refuse.get()
    }

    /// Whether a request of that size may be served now, as far as time goes.
    #[inline]
    fn has_time_for(&self, size: usize) -> bool {
        if self.pulse.is_due() && !self.attend() {
            return false;
        }
        size < LARGE_REQUEST || !self.refuses_large.get()
    }

    /// From now on, more than `bytes` in use is too much, and so is what the family has no room for.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.limit.set(bytes);
        let reserved = self.seat.borrow().as_ref().map_or(0, Seat::reserved);
        self.granted.set(reserved);
        let used = self.used.get();
        if used > reserved && !self.reserve(used) {
            self.exceeded.set(true);
        }
    }

    /// Whether the isolate has ever asked for more than it may have.
    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.get()
    }

    /// Whether it was refused memory while it was below the limit itself: the others of its family used the rest.
    pub(crate) fn crowded(&self) -> bool {
        self.crowded.get()
    }

    /// Forgets that it was too much, if it no longer is.
    pub(crate) fn recover(&self) -> bool {
        let used = self.used.get();
        let fits = used <= self.granted.get() || self.reserve(used);
        if fits {
            self.exceeded.set(false);
            self.crowded.set(false);
        }
        fits
    }

    /// The most that was in use at once, in bytes.
    pub(crate) fn peak(&self) -> usize {
        self.peak.get()
    }

    /// The most that the run and all that it started used at once, in bytes, as far as is known.
    pub(crate) fn family_peak(&self) -> usize {
        let seat = self.seat.borrow();
        let family = seat.as_ref().and_then(|seat| seat.family().peak());
        self.peak().max(family.unwrap_or(0))
    }

    /// How many bytes are in use.
    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// How many bytes are left below the limit.
    pub(crate) fn left(&self) -> usize {
        let (used, granted) = (self.used.get(), self.granted.get());
        let shared = self
            .seat
            .borrow()
            .as_ref()
            .map_or(0, |seat| seat.family().left());
        let left = granted.saturating_sub(used).saturating_add(shared);
        left.min(self.limit.get().saturating_sub(used))
    }

    /// Reserves enough that `wanted` bytes may be in use, and some ahead. Says whether that was possible.
    fn reserve(&self, wanted: usize) -> bool {
        let limit = self.limit.get();
        let mut seat = self.seat.borrow_mut();
        let Some(seat) = seat.as_mut().filter(|_| wanted <= limit) else {
            return false;
        };
        let missing = wanted.saturating_sub(seat.reserved());
        let ahead = step(wanted).min(limit - wanted);
        let enough = missing == 0 || seat.reserve(missing, missing + ahead);
        self.granted.set(seat.reserved());
        if !enough {
            self.crowded.set(seat.family().living() > 1);
        }
        enough
    }

    /// Gives back what is reserved and not needed soon. Cheap when there is not much of it.
    pub(crate) fn trim(&self) {
        let (used, granted) = (self.used.get(), self.granted.get());
        if granted != usize::MAX
            && granted.saturating_sub(used) > 4 * step(used)
            && let Some(seat) = &mut *self.seat.borrow_mut()
        {
            seat.shrink_to((used + step(used)).max(SEAT_BYTES).min(granted));
            self.granted.set(seat.reserved());
        }
    }

    /// Gives everything back to the family: the run has ended.
    pub(crate) fn close(&self) {
        self.seat.take();
        self.granted.set(usize::MAX);
    }

    /// Whether `extra` more bytes may be handed out; counts them if so.
    fn admit(&self, extra: usize) -> bool {
        let wanted = self.used.get().saturating_add(extra);
        if wanted > self.granted.get() && !self.exceed(wanted, extra) {
            return false;
        }
        self.used.set(wanted);
        if wanted > self.peak.get() {
            self.peak.set(wanted);
        }
        true
    }

    /// Beyond what is reserved: reserves more; or else dooms the run, and says whether it may have this much to end.
    #[cold]
    fn exceed(&self, wanted: usize, extra: usize) -> bool {
        if self.reserve(wanted) {
            return true;
        }
        self.exceeded.set(true);
        // The run is to ask at its next step, before it has used up the grace.
        self.pulse.expire();
        let grace = (self.limit.get() / 4).clamp(MIN_GRACE, MAX_GRACE);
        extra < LARGE_REQUEST && wanted <= self.granted.get().saturating_add(grace)
    }

    fn give_back(&self, size: usize) {
        self.used.set(self.used.get() - size);
    }

    /// Counts `bytes` that the Rust side keeps on behalf of the rule: a timer, a permit.
    ///
    /// They are never refused, but a rule that piles them up runs into its limit like any other.
    pub(crate) fn count_memory(&self, bytes: usize) {
        let used = self.used.get().saturating_add(bytes);
        self.used.set(used);
        if used > self.peak.get() {
            self.peak.set(used);
        }
        if used > self.granted.get() && !self.reserve(used) {
            self.exceeded.set(true);
            self.pulse.expire();
        }
    }

    /// Takes back a [`count_memory`](Self::count_memory).
    pub(crate) fn refund(&self, bytes: usize) {
        self.give_back(bytes);
    }
}

/// How much is reserved ahead while so much is in use, in bytes.
fn step(used: usize) -> usize {
    (used / 8).clamp(*STEP.start(), *STEP.end())
}

/// The allocator of one isolate: Rust's global one, counted by a [`MemoryGauge`].
pub(crate) struct CountingAllocator {
    gauge: Rc<MemoryGauge>,
}

impl CountingAllocator {
    pub(crate) fn new(gauge: Rc<MemoryGauge>) -> Self {
        Self { gauge }
    }

    fn allocate(&self, size: usize, zeroed: bool) -> *mut u8 {
        let gauge = &self.gauge;
        let total = size.saturating_add(HEADER);
        if !gauge.has_time_for(size) || !gauge.admit(total) {
            gauge.note_refusal();
            return null_mut();
        }
        let Some(block) = gauge.blocks.allocate(size, zeroed) else {
            gauge.give_back(total);
            gauge.note_refusal();
            return null_mut();
        };
        block.as_ptr()
    }
}

// SAFETY: blocks come from the global allocator, aligned to 16 bytes, and carry their size in a header that only
// `Blocks` reads and writes.
unsafe impl Allocator for CountingAllocator {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        self.allocate(size, false)
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        self.allocate(count.saturating_mul(size), true)
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        let gauge = &self.gauge;
        // Freeing much takes long, too; others go first. It cannot be refused.
        if gauge.pulse.is_due() {
            gauge.attend();
        }
        let Some(block) = NonNull::new(ptr) else {
            return;
        };
        // SAFETY: the caller passes a live block of ours.
        unsafe {
            gauge.give_back(Blocks::size_of(block) + HEADER);
            gauge.blocks.free(block);
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        let Some(block) = NonNull::new(ptr) else {
            return self.alloc(new_size);
        };
        let gauge = &self.gauge;
        // SAFETY: the caller passes a live block of ours.
        let old_size = unsafe { Blocks::size_of(block) };
        let extra = new_size.saturating_sub(old_size);
        if extra > 0 && !(gauge.has_time_for(new_size) && gauge.admit(extra)) {
            gauge.note_refusal();
            return null_mut();
        }
        // SAFETY: as above.
        let Some(block) = (unsafe { gauge.blocks.resize(block, new_size) }) else {
            gauge.give_back(extra);
            gauge.note_refusal();
            return null_mut();
        };
        gauge.give_back(old_size.saturating_sub(new_size));
        block.as_ptr()
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: the caller passes a live block of ours.
        NonNull::new(ptr).map_or(0, |block| unsafe { Blocks::size_of(block) })
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::{Allocator, CountingAllocator, LARGE_REQUEST, MemoryGauge};
    use crate::family::Family;
    use crate::limits::Limits;

    const MIB: usize = 1024 * 1024;

    fn gauge() -> Rc<MemoryGauge> {
        MemoryGauge::new(Family::first(&Limits::default()))
    }

    #[test]
    fn what_is_freed_is_no_longer_counted() {
        let gauge = gauge();
        let mut allocator = CountingAllocator::new(gauge.clone());
        let a = allocator.alloc(100);
        let b = allocator.calloc(10, 10);
        // SAFETY: live blocks of this allocator, each freed once.
        unsafe {
            assert_eq!(*b.add(99), 0);
            let a = allocator.realloc(a, 5000);
            assert_eq!(CountingAllocator::usable_size(a), 5000);
            assert!(gauge.used.get() > 5100);
            let a = allocator.realloc(a, 10);
            allocator.dealloc(a);
            allocator.dealloc(b);
        }
        assert_eq!(gauge.used.get(), 0);
        assert!(gauge.peak() > 5100);
        assert!(!gauge.exceeded());
    }

    #[test]
    fn beyond_the_limit_big_requests_fail_and_small_ones_pass_within_the_grace() {
        let gauge = gauge();
        gauge.set_limit(MIB);
        gauge.count_memory(MIB);
        assert!(!gauge.exceeded(), "the whole limit may be used");
        let mut allocator = CountingAllocator::new(gauge.clone());
        assert!(allocator.alloc(LARGE_REQUEST).is_null());
        assert!(gauge.exceeded());
        let small = allocator.alloc(2000);
        assert!(!small.is_null());
        let mut blocks = Vec::new();
        loop {
            let block = allocator.alloc(LARGE_REQUEST / 2);
            if block.is_null() {
                break;
            }
            blocks.push(block);
        }
        assert!(blocks.len() > 100, "the grace is some megabytes");
        // SAFETY: live blocks of this allocator, each freed once.
        unsafe {
            for block in blocks {
                allocator.dealloc(block);
            }
            allocator.dealloc(small);
        }
        assert_eq!(gauge.used.get(), MIB);
    }

    #[test]
    fn gauges_of_one_family_share_a_limit_and_what_one_frees_the_other_gets() {
        let seat = Family::first(&Limits::default().memory(8 * MIB));
        let second = MemoryGauge::new(seat.family().seat(0).unwrap());
        let first = MemoryGauge::new(seat);
        first.set_limit(8 * MIB);
        second.set_limit(8 * MIB);
        assert!(first.admit(6 * MIB));
        assert!(!second.admit(3 * MIB));
        assert!(second.exceeded() && second.crowded() && !first.exceeded());
        assert!(second.recover());
        assert!(second.left() < 2 * MIB);
        first.give_back(5 * MIB);
        first.trim();
        assert!(second.left() > 4 * MIB);
        assert!(second.admit(3 * MIB));
        second.close();
        assert_eq!(first.left() + first.used.get(), 8 * MIB);
        assert!(first.family_peak() >= 6 * MIB);
    }

    #[test]
    fn what_is_charged_counts_for_the_peak() {
        let gauge = gauge();
        gauge.set_limit(8 * MIB);
        gauge.count_memory(3 * MIB);
        gauge.refund(3 * MIB);
        assert_eq!(gauge.peak(), 3 * MIB);
        gauge.count_memory(9 * MIB);
        assert!(gauge.exceeded() && !gauge.crowded());
        gauge.refund(9 * MIB);
        assert!(gauge.recover());
    }

    #[test]
    fn absurd_sizes_are_refused() {
        let mut allocator = CountingAllocator::new(gauge());
        assert!(allocator.alloc(usize::MAX).is_null());
        assert!(allocator.calloc(usize::MAX, 2).is_null());
    }
}
