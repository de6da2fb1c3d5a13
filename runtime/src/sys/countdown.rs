//! The interpreter's countdown to its next question, reached from outside.
//!
//! QuickJS counts down in a field of its context, at each call and each jump back, and asks its host when the count is
//! used up. Nothing of its interface leads to that field. So its place is found once per process, by looking at the
//! memory of a context while the count goes down; if that is not certain, there is no countdown, and the
//! interpreter asks by counting alone.

use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use rquickjs::{Ctx, Value, qjs};

/// What the count starts from (`JS_INTERRUPT_COUNTER_INIT`); it is never above.
const START: i32 = 10_000;

/// The countdown of one context. Valid as long as the context is.
#[derive(Debug)]
pub(crate) struct Countdown(NonNull<AtomicI32>);

// SAFETY: the field is only written as an atomic; see `expire`.
unsafe impl Send for Countdown {}
// SAFETY: as above.
unsafe impl Sync for Countdown {}

impl Countdown {
    /// The countdown of a context; `None` if its place is not known.
    ///
    /// The caller forgets it before the context is freed.
    pub(crate) fn of(ctx: &Ctx<'_>) -> Option<Self> {
        /// Where the field is in a context, in units of four bytes.
        static PLACE: OnceLock<Option<usize>> = OnceLock::new();

        let place = (*PLACE.get_or_init(|| find(ctx)))?;
        let context = ctx.as_raw().as_ptr().cast::<AtomicI32>();
        // SAFETY: `find` checked that the place lies within the context.
        NonNull::new(unsafe { context.add(place) }).map(Self)
    }

    /// Has the interpreter ask at its next step.
    ///
    /// Another thread may count down at the same moment and overwrite this: then it asks at the next attempt.
    pub(crate) fn expire(&self) {
        // SAFETY: the context exists, as its owner promises. The interpreter's own access is a plain read and write of
        // an aligned `int`, which no compiler that builds it splits or keeps across calls; either value may win.
        unsafe { self.0.as_ref() }.store(0, Ordering::Relaxed);
    }
}

/// Looks for the field that goes down by one at each step.
fn find(ctx: &Ctx<'_>) -> Option<usize> {
    let context = ctx.as_raw().as_ptr();
    // SAFETY: a context is a block of its own, and this only asks for the block's size.
    let size = unsafe { qjs::js_malloc_usable_size(context, context.cast()) } as usize;
    let fields = size / size_of::<i32>();
    let look = || -> Vec<i32> {
        (0..fields)
            // SAFETY: within the block, aligned, and the context is not being changed meanwhile.
            .map(|place| unsafe { context.cast::<AtomicI32>().add(place).as_ref() })
            .map(|field| field.map_or(0, |field| field.load(Ordering::Relaxed)))
            .collect()
    };
    // A new context has not counted yet.
    ctx.eval::<Value<'_>, _>("0").ok()?;
    // Three looks, with a call and some jumps in between: it goes down each time, the second time by more.
    let before = look();
    ctx.eval::<Value<'_>, _>("0").ok()?;
    let after_one = look();
    ctx.eval::<Value<'_>, _>("for (let i = 0; i < 50; i++);")
        .ok()?;
    let after_many = look();
    let mut places = (0..fields).filter(|&place| {
        let (first, second, third) = (before[place], after_one[place], after_many[place]);
        let in_range = |count: i32| (1..=START).contains(&count);
        in_range(first)
            && in_range(second)
            && in_range(third)
            && (1..10).contains(&(first - second))
            && (50..200).contains(&(second - third))
    });
    let place = places.next()?;
    places.next().is_none().then_some(place)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use rquickjs::{Context, Runtime, Value};

    use super::Countdown;

    #[test]
    fn the_interpreter_asks_at_its_next_step_once_the_countdown_has_expired() {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            count.set(count.get() + 1);
            false
        })));
        context.with(|ctx| {
            let countdown = Countdown::of(&ctx).expect("the place is known for this QuickJS");
            let before = asked.get();
            ctx.eval::<Value<'_>, _>("1").unwrap();
            assert_eq!(asked.get(), before);
            countdown.expire();
            ctx.eval::<Value<'_>, _>("1").unwrap();
            assert_eq!(asked.get(), before + 1);
        });
    }
}
