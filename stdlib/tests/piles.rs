//! A rule that piles things up in Rust's memory runs out of its own, and takes no more of the process's.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Engine, HostModule, Limits, RunOptions, RunReport, Script};
use cla_tests::output::Discarded;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;

/// What each rule may take.
const LIMIT: usize = 16 * MIB;

/// What the process may take for it: with what a rule may have beyond its limit to end, tables that grow by doubling, and
/// what is not counted to the byte.
const MOST: usize = 3 * LIMIT;

fn engine() -> Engine {
    let app = HostModule::new("app/never").async_function("never", |(): ()| async {
        std::future::pending::<()>().await;
        Ok::<_, String>(())
    });
    Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .module(app)
        .build()
}

/// Runs a script, and gives how much memory the process took for it at most.
fn run(text: &str) -> (RunReport, usize) {
    let engine = engine();
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let limits = Limits::default()
        .memory(LIMIT)
        .timeout(Duration::from_secs(240));
    let options = RunOptions::new().limits(limits).output(Arc::new(Discarded));
    let report = engine.run(Script::new("piles.js", text), options).wait();
    (report, HEAP.peak_usage().saturating_sub(before))
}

/// Each goes on for ever, and keeps something each time.
const PILES: &[&str] = &[
    "for (let i = 0; ; i++) console.time('x'.repeat(100000) + i)",
    "for (let i = 0; ; i++) console.count('x'.repeat(100000) + i)",
    "const rule = require('cla/rule'), kept = [];
     for (let i = 0; ; i++) kept.push(rule.create({ name: 'n' + i }, [{ echo: 'x'.repeat(100000) }]))",
    "const reg = require('cla/reg'); for (let i = 0; ; i++) reg.register('s' + i, () => 1)",
    "for (;;) setTimeout(() => 1, 1e9)",
    "const many = new Array(60000).fill(0); for (;;) setTimeout(() => 1, 1e9, ...many)",
    "const many = new Array(60000).fill(0); for (;;) setInterval(() => 1, 1e9, ...many)",
    "const { never } = require('app/never'); for (;;) never()",
    "for (;;) Promise.reject(1)",
    "const sem = require('cla/sem'), kept = []; for (let i = 0; ; i++) kept.push(sem.acquire('n' + i))",
    "const sem = require('cla/sem'); for (let i = 0; ; i++) sem.acquire('x', { slots: 'unlimited' })",
    "const sem = require('cla/sem'); for (let i = 0; ; i++) sem.take('n' + i, () => new Promise(() => 1))",
    "const sem = require('cla/sem'), kept = [];
     for (let i = 0; ; i++) sem.take('x', permit => { kept.push(permit) })",
    "const rule = require('cla/rule'), self = rule.create({ name: 'self' }, [{ js: 'const kept = []; for (;;) kept.push([1])' }]);
     const kept = [];
     for (;;) { try { self.run({ text: 'x'.repeat(1000000) }) } catch (e) { kept.push(new Array(100000).fill(e)) } }",
];

#[test]
fn what_a_rule_piles_up_counts_towards_its_memory() {
    let only = std::env::var("ONLY_PILE").ok();
    for text in PILES {
        if only.as_ref().is_some_and(|only| !text.contains(only)) {
            continue;
        }
        let (report, took) = run(text);
        println!(
            "{} MiB of {}, peak {}: {text}",
            took / MIB,
            LIMIT / MIB,
            report.peak_memory
        );
        let error = report.result.expect_err(text);
        // What can tell before refuses, in words that the rule could have caught.
        let refused = error.name == "RangeError" && error.message.contains("memory");
        assert!(
            error.kind == ErrorKind::OutOfMemory || refused,
            "{text}: {error}"
        );
        assert!(took < MOST, "{} MiB: {text}", took / MIB);
        assert!(
            report.peak_memory > LIMIT / 2,
            "{}: {text}",
            report.peak_memory
        );
    }

    // What has a bound of its own goes on, and takes little.
    for text in [
        "const rule = require('cla/rule');
         for (let i = 0; i < 300; i++) rule.region({ key: 'x', name: 'y'.repeat(1000000) }, () => 1)",
        "const sem = require('cla/sem');
         for (let i = 0; i < 100; i++) sem.acquire('x', { slots: 'unlimited', who: 'w'.repeat(2000000) })",
        "const sem = require('cla/sem');
         for (const text of ['a', 'ü', '\\u{1f6a6}']) {
             sem.acquire('x', { slots: 'unlimited', who: text.repeat(1000) });
         }
         for (const { who } of sem.show('x').requests) if ([...who].length > 256) throw new Error(who.length)",
        "console.group(); for (let i = 0; i < 50; i++) console.group(); console.log('\\n'.repeat(4000000))",
        "console.table(Array.from({ length: 1000 }, (_, n) => n ? [1] : ['x'.repeat(1000000)]))",
        "const sem = require('cla/sem');
         for (const f of [sem.grant, sem.cancel]) {
             try { f('x'.repeat(5000000)); throw 1 } catch (e) { if (e.message.length > 300) throw e }
         }
         for (const name of ['x'.repeat(5000000), '']) {
             for (const f of [sem.acquire, sem.slots, sem.show, sem.purge]) {
                 try { f(name, 1); throw 1 } catch (e) { if (e === 1 || e.message.length > 300) throw e }
             }
         }",
        "const { SemaphoreProvider, MemorySemaphoreAdapter } = require('cla/semaphore');
         for (const make of [
             () => new SemaphoreProvider({ adapter: new MemorySemaphoreAdapter(), namespace: 'n'.repeat(5000000) }),
             () => new SemaphoreProvider({ adapter: new MemorySemaphoreAdapter() }).create('k'.repeat(5000000), { limit: 1 }),
         ]) {
             try { make(); throw 1 } catch (e) { if (e !== 1 && e.message.length > 500) throw new Error('long') }
         }",
        "for (let i = 0; i < 20000; i++) { setTimeout(() => 1, 1e6, i); clearTimeout(setTimeout(() => 1, 1e9, 1)) }
         for (let i = 1; i < 50000; i++) clearTimeout(i)",
        "const reg = require('cla/reg');
         try { reg.register('s'.repeat(5000000), () => 1); throw 1 } catch (e) { if (e === 1 || e.message.length > 300) throw e }
         for (let i = 0; i < 3000; i++) reg.register('s'.repeat(200) + i, () => 1);
         try { reg.launch('z'.repeat(5000000)); throw 1 } catch (e) { if (e === 1) throw e }",
        "for (let i = 0; i < 3000; i++) { const p = Promise.reject(i); p.catch(() => 1) }",
    ] {
        if only.as_ref().is_some_and(|only| !text.contains(only)) {
            continue;
        }
        let (report, took) = run(text);
        println!("{} MiB, peak {}: {text}", took / MIB, report.peak_memory);
        report.result.unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(took < MOST, "{} MiB: {text}", took / MIB);
    }
}

#[test]
fn a_list_that_would_not_fit_is_an_error_that_can_be_caught() {
    let text = "const sem = require('cla/sem');
        for (let i = 0; i < 20000; i++) sem.slots('n' + i, 5);
        try { sem.list(); 'listed' } catch (e) { `${e.name}: ${e.message}` }";
    let (report, took) = run(text);
    let refused = report.result.unwrap();
    let refused = refused.as_str().unwrap();
    assert!(
        refused.starts_with("RangeError: the list of semaphores"),
        "{refused}"
    );
    assert!(took < 2 * MOST, "{} MiB", took / MIB);
}
