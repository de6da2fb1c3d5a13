//! Taking slots for ever leaves memory where it was.

mod common;

use common::{engine, report, start};

/// What the heap of a rule may grow by: some blocks for small objects, not one byte per `take`.
const ROOM: usize = 64 * 1024;

#[test]
fn a_million_free_takes_leave_the_rules_memory_where_it_was() {
    let engine = engine();
    let takes = |count: u32| {
        let rule = format!("for (let i = 0; i < {count}; i++) sem.take('free', () => i)");
        let report = report(&engine, "takes.js", &rule);
        assert!(report.is_ok(), "{:?}", report.result);
        assert_eq!(report.semaphores[0].taken, u64::from(count));
        report.peak_memory
    };
    let (few, million) = (takes(1_000), takes(1_000_000));
    assert!(million <= few + ROOM, "from {few} to {million} bytes");
}

#[test]
fn a_hundred_thousand_contended_takes_leave_the_rules_memory_where_it_was() {
    let engine = engine();
    // The first to hold the slot keeps it until the other waits. From then on each gives it back to
    // the other, and so finds it taken when it asks again.
    let takes = |count: u32| {
        let rule = format!(
            "for (let i = 0; i < {count}; i++) {{
                 sem.take('contended', () => {{ if (i === 0) until(() => waiting('contended') === 1) }});
             }}"
        );
        let runs: Vec<_> = ["a.js", "b.js"]
            .map(|name| start(&engine, name, &rule))
            .into();
        let reports = runs.into_iter().map(cla_runtime::RunHandle::wait);
        let peaks = reports.map(|report| {
            assert!(report.is_ok(), "{:?}", report.result);
            assert!(!report.waited.is_zero(), "it never waited");
            report.peak_memory
        });
        peaks.max().unwrap_or_default()
    };
    let (few, many) = (takes(500), takes(50_000));
    assert!(many <= few + ROOM, "from {few} to {many} bytes");
}
