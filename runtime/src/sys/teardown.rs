//! Takes a QuickJS runtime down, also one that has lost count of its references.
//!
//! At some places QuickJS forgets to give a reference back when it gets no memory, or when a script is stopped. At its
//! end, the runtime finds the object that this keeps alive, and an assertion ends the process: with it would go every
//! other run. So a runtime that may have lost a reference is looked at first. If anything is left in it, QuickJS is not
//! asked to free it; all its blocks are freed at once instead.
//!
//! Of such a runtime a kilobyte of `rquickjs` stays, and the Rust side of host objects that the lost reference keeps alive.
//!
//! Pending jobs keep objects alive as well, so they are ended first. Where there are too many of them, a run that was
//! refused memory is given up, and one that was only stopped is freed by QuickJS: no lost reference of those is known.
#![expect(
    clippy::disallowed_methods,
    reason = "how long a run keeps its thread is measured by the machine"
)]

use std::mem::{self, ManuallyDrop};
use std::time::{Duration, Instant};

use rquickjs::loader::{BuiltinLoader, BuiltinResolver};
use rquickjs::runtime::MemoryUsage;
use rquickjs::{Context, Ctx, Runtime, qjs};

use super::memory::MemoryGauge;

/// Pending jobs are ended for so long at most. Each ends at its first step, so that only their number counts.
const JOBS_LIMIT: Duration = Duration::from_millis(20);

/// Ends the jobs of a run that must stop: each asks whether to go on, and is stopped.
///
/// Here as below, `between` is called after each piece of the work, and may let other runs go first.
pub(crate) fn end_jobs(runtime: &Runtime, gauge: &MemoryGauge, mut between: impl FnMut()) {
    let began = Instant::now();
    while runtime.is_job_pending() && began.elapsed() < JOBS_LIMIT {
        gauge.pulse().expire();
        // An error is that the job was stopped. It holds the context, and the runtime the exception.
        if let Err(stopped) = runtime.execute_pending_job() {
            stopped.0.with(|ctx| drop(ctx.catch()));
        }
        between();
    }
}

/// Frees the context, and then the runtime. With `is_doubtful`, what is left in it is looked at before.
///
/// Neither may be used again.
pub(crate) fn free(
    context: &mut ManuallyDrop<Context>,
    runtime: &mut ManuallyDrop<Runtime>,
    gauge: &MemoryGauge,
    is_doubtful: bool,
    between: impl FnMut(),
) {
    if is_doubtful {
        // An exception that was thrown and not caught keeps an object alive.
        context.with(|ctx| drop(ctx.catch()));
    }
    let raw = context.with(|ctx| raw(&ctx));
    // SAFETY: the caller does not use them again.
    let runtime = unsafe {
        ManuallyDrop::drop(context);
        ManuallyDrop::take(runtime)
    };
    let has_jobs = runtime.is_job_pending();
    if !is_doubtful || (has_jobs && !gauge.has_refused()) {
        return;
    }
    runtime.set_interrupt_handler(None);
    runtime.set_host_promise_rejection_tracker(None);
    runtime.set_loader(BuiltinResolver::default(), BuiltinLoader::default());
    // SAFETY: `raw` is the runtime, and it has no context any more.
    let empty = unsafe { forget_prototypes(raw) };
    runtime.run_gc();
    if !has_jobs && empty.is_some_and(|empty| is_empty(&runtime.memory_usage(), &empty)) {
        return;
    }
    mem::forget(runtime);
    // SAFETY: the runtime is never used again, and neither is anything in it: the run has forgotten its values.
    unsafe { gauge.free_blocks(between) };
}

fn raw(ctx: &Ctx<'_>) -> *mut qjs::JSRuntime {
    // SAFETY: the context is alive; the call only reads a field.
    unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) }
}

/// Lets go of the objects that `rquickjs` keeps with a runtime: prototypes, and through them all of a context.
///
/// `rquickjs` does that only when it frees the runtime. So its record of this runtime is freed with another, empty one,
/// whose own record this one gets; gives what that one had in it. None if there is no memory for it.
///
/// # Safety
///
/// The runtime was made by `rquickjs`, has no context, and nothing is done with it but to free what is in it.
unsafe fn forget_prototypes(runtime: *mut qjs::JSRuntime) -> Option<MemoryUsage> {
    let other = Runtime::new().ok()?;
    let raw = Context::base(&other).ok()?.with(|ctx| raw(&ctx));
    let empty = other.memory_usage();
    // SAFETY: both runtimes are alive, and each has a record, made by the same code: the classes in them have the same
    // ids. That of `other` is freed with that of `runtime` set in its place, while the objects in it are alive.
    unsafe {
        let record = qjs::JS_GetRuntimeOpaque(runtime);
        qjs::JS_SetRuntimeOpaque(runtime, qjs::JS_GetRuntimeOpaque(raw));
        qjs::JS_SetRuntimeOpaque(raw, record);
    }
    drop(other);
    Some(empty)
}

/// Whether nothing is left in a runtime that an `empty` one has not, too.
fn is_empty(usage: &MemoryUsage, empty: &MemoryUsage) -> bool {
    // Blocks that are none of those that QuickJS knows how to count: closures' variables, and strings.
    let uncounted = |usage: &MemoryUsage| usage.malloc_count - usage.memory_used_count;
    usage.obj_count == 0
        && usage.shape_count == 0
        && usage.js_func_count == 0
        && uncounted(usage) <= uncounted(empty)
}

#[cfg(test)]
mod tests {
    use std::mem::{self, ManuallyDrop};
    use std::rc::Rc;

    use rquickjs::{Context, Object, Runtime};

    use super::{end_jobs, free};
    use crate::family::Family;
    use crate::limits::Limits;
    use crate::sys::memory::{CountingAllocator, MemoryGauge};

    /// Makes a runtime, does something in it, and takes it down; gives its gauge.
    fn torn_down(work: impl FnOnce(&Context)) -> Rc<MemoryGauge> {
        let gauge = MemoryGauge::new(Family::first(&Limits::default()));
        let runtime = Runtime::new_with_alloc(CountingAllocator::new(Rc::clone(&gauge))).unwrap();
        let context = Context::full(&runtime).unwrap();
        work(&context);
        end_jobs(&runtime, &gauge, || ());
        free(
            &mut ManuallyDrop::new(context),
            &mut ManuallyDrop::new(runtime),
            &gauge,
            true,
            || (),
        );
        gauge
    }

    #[test]
    fn a_runtime_without_lost_references_is_freed_as_ever() {
        let gauge = torn_down(|context| {
            context.with(|ctx| {
                ctx.eval::<(), _>(
                    "globalThis.a = { f() { return a }, s: 'x'.repeat(1000) }; Promise.reject(a)",
                )
                .unwrap();
            });
        });
        assert_eq!(gauge.used(), 0, "QuickJS has given everything back");
    }

    #[test]
    fn a_runtime_that_has_lost_a_reference_is_freed_all_the_same() {
        for lost in [
            "({})",
            "(() => globalThis)",
            "(function* () { let x = {}; yield () => x })().next().value",
            "Promise.resolve()",
            "[new Map([[{}, []]]), /a/, 'x'.repeat(5000), 2n ** 999n]",
        ] {
            let gauge = torn_down(|context| {
                context.with(|ctx| mem::forget(ctx.eval::<Object<'_>, _>(lost).unwrap()));
            });
            assert!(gauge.holds_no_block(), "{lost}");
        }
    }
}
