//! Time that a test moves: everything in a run follows the clock of its engine.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use cla_runtime::clock::TestClock;
use cla_runtime::engine::WhenFull;
use cla_runtime::host::{Call, HostError};
use cla_runtime::semaphore::Semaphores;
use cla_runtime::trace::Trace;
use cla_runtime::{
    Engine, EngineBuilder, HostModule, Limits, RunOptions, RunReport, Script, Session,
};
use cla_tests::engine::permissions;
use cla_tests::output::Printed;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn builder(clock: &TestClock) -> EngineBuilder {
    Engine::builder()
        .clock(clock)
        .permissions(permissions())
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
}

fn engine(clock: &TestClock) -> Engine {
    builder(clock).build()
}

fn js(name: &str, text: &str) -> Script {
    Script::javascript(name, text)
}

fn book_of(text: &str) -> Script {
    Script::new("rule.yml", text)
}

/// Runs a script to its end, and gives its report and what it printed.
fn run(engine: &Engine, script: Script) -> (RunReport, Vec<String>) {
    let printed = Arc::new(Printed::default());
    let options = RunOptions::new().output(printed.clone());
    let report = engine.run(script, options).wait();
    (report, printed.lines())
}

fn value(engine: &Engine, text: &str) -> serde_json::Value {
    let (report, _) = run(engine, js("rule", text));
    report.result.unwrap()
}

/// Runs several scripts at once on an auto clock, and gives all that they printed, in order.
fn print_all(engine: &Engine, scripts: &[&str]) -> Vec<String> {
    let printed = Arc::new(Printed::default());
    let start = |text: &&str| {
        let options = RunOptions::new().output(printed.clone());
        engine.run(js("rule", text), options)
    };
    let handles: Vec<_> = scripts.iter().map(start).collect();
    for handle in handles {
        handle.wait().result.unwrap();
    }
    printed.lines()
}

// ---- sleeps, timers and dates

#[test]
fn an_hour_of_sleep_is_over_at_once() {
    let clock = TestClock::auto();
    let begun = Instant::now();
    let (report, _) = run(
        &engine(&clock),
        js("rule", "require('cla/util').sleep(3600)"),
    );
    assert!(report.is_ok());
    assert_eq!(clock.elapsed(), HOUR);
    assert_eq!(report.ran, HOUR);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn dates_are_those_of_the_clock() {
    let monday = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let clock = TestClock::auto_at(monday);
    let rule = "
        const { sleep } = require('cla/util');
        const before = [Date.now(), performance.now()];
        sleep(1.5);
        class Later extends Date {}
        [...before, Date.now(), new Date().toISOString(), new Date(0).getTime(), new Date(2020, 0).getFullYear(),
            performance.now(), new Later() instanceof Date, new Later().getTime(), typeof Date(), Date.UTC(1970, 0),
            Date.name, Date.length, new Date(1).constructor === Date, Date.parse('1970-01-01'), Object.keys(Date)]";
    assert_eq!(
        value(&engine(&clock), rule),
        serde_json::json!([
            1_700_000_000_000_u64,
            0,
            1_700_000_001_500_u64,
            "2023-11-14T22:13:21.500Z",
            0,
            2020,
            1500,
            true,
            1_700_000_001_500_u64,
            "string",
            0,
            "Date",
            7,
            true,
            0,
            []
        ])
    );
}

#[test]
fn timers_fire_in_the_order_of_their_deadlines() {
    let rule = "
        const start = Date.now();
        const say = (text) => console.log(`${text} ${Date.now() - start}`);
        setTimeout(say, 86_400_000, 'a day');
        setTimeout(say, 1000, 'a second');
        setImmediate(say, 'at once');
        let beats = 0;
        const beat = setInterval(() => { say('beat'); if (++beats === 3) clearInterval(beat); }, 400);
        say('begun');";
    let clock = TestClock::auto();
    assert_eq!(
        print_all(&engine(&clock), &[rule]),
        [
            "begun 0",
            "at once 0",
            "beat 400",
            "beat 800",
            "a second 1000",
            "beat 1200",
            "a day 86400000"
        ]
    );
}

#[test]
fn intervals_with_equal_deadlines_take_turns_in_the_order_in_which_they_began() {
    let beat = |name: &str| {
        format!(
            "let n = 0; const t = setInterval(() => {{ console.log('{name}' + ++n); if (n === 3) clearInterval(t); }}, 10)"
        )
    };
    let (a, b) = (beat("a"), beat("b"));
    let clock = TestClock::auto();
    assert_eq!(
        print_all(&engine(&clock), &[&a, &b]),
        ["a1", "b1", "a2", "b2", "a3", "b3"]
    );
}

#[test]
fn sleeps_end_in_order_every_time() {
    for _ in 0..100 {
        let clock = TestClock::auto();
        // More threads than one, so that order is the clock's doing.
        let sleep = |hours: u32| {
            format!(
                "new Promise((done) => setTimeout(done, {hours} * 3_600_000)).then(() => print({hours}))"
            )
        };
        let engine = builder(&clock).workers(2).build();
        let rules: Vec<_> = [2, 1, 3].map(sleep).into();
        let rules: Vec<_> = rules.iter().map(String::as_str).collect();
        assert_eq!(print_all(&engine, &rules), ["1", "2", "3"]);
        assert_eq!(clock.elapsed(), 3 * HOUR);
    }
}

#[test]
fn console_times_and_reports_follow_the_clock() {
    let clock = TestClock::auto();
    let rule = "console.time('t'); require('cla/util').sleep(90); console.timeEnd('t')";
    let (report, printed) = run(&engine(&clock), js("rule", rule));
    assert_eq!(printed, ["t: 1:30.000 (m:ss.mmm)"]);
    assert_eq!(report.ran, Duration::from_secs(90));
}

#[test]
fn the_same_rules_take_the_same_course_each_time() {
    const ROUNDS: usize = 10;
    let rule = |number: u32| {
        format!(
            "const sem = require('cla/sem'), {{ sleep }} = require('cla/util');
             let seed = {number};
             const next = (below) => (seed = (seed * 16807) % 2147483647) % below;
             const say = (text) => print(`${{Date.now() - 946684800000}} {number} ${{text}}`);
             for (let i = 0; i < 6; i++) {{
               sleep(next(3));
               try {{
                 sem.take('x' + next(2), {{ slots: 2, timeout: 2 + next(3), ttl: 3 }}, () => {{ say('has it'); sleep(next(5)); }});
               }} catch (error) {{ say(error.name); }}
               if (i === 3) await_timer();
             }}
             function await_timer() {{ setTimeout(say, next(9) * 1000, 'timer'); }}"
        )
    };
    let rules: Vec<_> = (1..=8).map(rule).collect();
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    let course = || print_all(&engine(&TestClock::auto()), &rules);
    let first = course();
    assert!(first.iter().any(|line| line.contains("Error")), "{first:?}");
    assert!(first.len() > 40, "{first:?}");
    for _ in 1..ROUNDS {
        assert_eq!(course(), first);
    }
}

// ---- a clock that is moved by hand

#[test]
fn a_clock_that_is_not_moved_stands_still() {
    let clock = TestClock::new();
    let engine = engine(&clock);
    let printed = Arc::new(Printed::default());
    let rule = "const { sleep } = require('cla/util'); for (let i = 1; i < 4; i++) { sleep(60); print(i) }";
    let handle = engine.run(js("rule", rule), RunOptions::new().output(printed.clone()));
    clock.advance(59 * SECOND);
    assert_eq!(printed.lines(), [""; 0]);
    clock.advance(SECOND);
    assert_eq!(printed.take_lines(), ["1"]);
    // Each deadline on the way happens in its time.
    clock.advance(10 * HOUR);
    assert_eq!(printed.take_lines(), ["2", "3"]);
    assert_eq!(handle.wait().ran, 3 * 60 * SECOND);
}

#[test]
fn an_interval_misses_no_beat_while_the_clock_is_moved() {
    let clock = TestClock::new();
    let engine = engine(&clock);
    let printed = Arc::new(Printed::default());
    let rule = "const start = Date.now(); setInterval(() => print(Date.now() - start), 1000)";
    let handle = engine.run(js("rule", rule), RunOptions::new().output(printed.clone()));
    clock.advance(3 * SECOND);
    assert_eq!(printed.lines(), ["1000", "2000", "3000"]);
    handle.cancel();
    assert_eq!(handle.wait().status(), "cancelled");
}

#[test]
fn other_threads_may_move_the_clock() {
    let clock = TestClock::new();
    let engine = engine(&clock);
    let handle = engine.run(
        js("rule", "require('cla/util').sleep(3600)"),
        RunOptions::new(),
    );
    let half_an_hour = || {
        let clock = clock.clone();
        std::thread::spawn(move || clock.advance(HOUR / 2))
    };
    let threads = [half_an_hour(), half_an_hour()];
    assert_eq!(handle.wait().ran, HOUR);
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(clock.elapsed(), HOUR);
}

#[test]
fn a_function_of_the_host_may_move_the_clock_of_the_run_that_calls_it() {
    let clock = TestClock::new();
    let moved = clock.clone();
    let module = HostModule::new("test/clock").function("advance", move |(seconds,): (u64,)| {
        moved.advance(Duration::from_secs(seconds));
        Ok::<(), HostError>(())
    });
    let engine = builder(&clock).module(module).build();
    let rule = "const start = Date.now(); require('test/clock').advance(60); Date.now() - start";
    assert_eq!(value(&engine, rule), 60_000);
}

#[test]
fn engines_with_two_clocks_do_not_disturb_each_other() {
    let (first, second) = (TestClock::new(), TestClock::new());
    let engines = [engine(&first), builder(&second).build()];
    let start = |engine: &Engine| {
        engine.run(
            js("rule", "require('cla/util').sleep(60)"),
            RunOptions::new(),
        )
    };
    let [one, other] = [start(&engines[0]), start(&engines[1])];
    first.advance(60 * SECOND);
    assert!(one.wait().is_ok());
    assert_eq!(second.elapsed(), Duration::ZERO);
    assert_eq!(engines[1].runs().len(), 1);
    second.advance(60 * SECOND);
    assert!(other.wait().is_ok());
}

// ---- when a clock may jump

#[test]
fn the_clock_waits_for_the_host() {
    let clock = TestClock::auto();
    let engine = engine(&clock);
    let long = engine.run(
        js("long", "require('cla/util').sleep(7200)"),
        RunOptions::new(),
    );
    // Time would be over for the first one, if it passed before the host waits.
    clock.advance(Duration::ZERO);
    assert_eq!(clock.elapsed(), Duration::ZERO);
    let short = engine.run(
        js("short", "require('cla/util').sleep(3600)"),
        RunOptions::new(),
    );
    assert_eq!(short.wait().ran, HOUR);
    assert_eq!(clock.elapsed(), HOUR);
    assert_eq!(long.wait().ran, 2 * HOUR);
}

#[test]
fn a_host_call_in_flight_keeps_the_clock_from_jumping() {
    let clock = TestClock::auto();
    let (asked, is_asked) = mpsc::channel();
    let (answer, answered) = tokio::sync::oneshot::channel::<u32>();
    let answered = std::sync::Mutex::new(Some(answered));
    let module = HostModule::new("test/io").blocking_function("ask", move |(): ()| {
        let answered = answered.lock().unwrap().take();
        asked.send(()).unwrap();
        async move { Ok::<_, HostError>(answered.unwrap().await.unwrap()) }
    });
    let engine = builder(&clock).module(module).build();
    let sleeper = engine.run(
        js("sleeper", "require('cla/util').sleep(60)"),
        RunOptions::new(),
    );
    let caller = engine.run(js("caller", "require('test/io').ask()"), RunOptions::new());
    let (ended, has_ended) = mpsc::channel();
    let waiter = std::thread::spawn(move || ended.send(sleeper.wait()).unwrap());
    is_asked.recv().unwrap();
    clock.advance(Duration::ZERO);
    assert!(has_ended.try_recv().is_err());
    assert_eq!(clock.elapsed(), Duration::ZERO);
    answer.send(7).unwrap();
    assert_eq!(caller.wait().result.unwrap(), 7);
    assert_eq!(has_ended.recv().unwrap().ran, 60 * SECOND);
    waiter.join().unwrap();
}

#[test]
fn a_hold_keeps_the_clock_from_jumping() {
    let clock = TestClock::auto();
    let engine = engine(&clock);
    let hold = clock.hold();
    let handle = engine.run(
        js("rule", "require('cla/util').sleep(60)"),
        RunOptions::new(),
    );
    let waiter = std::thread::spawn(move || handle.wait());
    clock.advance(Duration::ZERO);
    assert_eq!(clock.elapsed(), Duration::ZERO);
    drop(hold);
    assert_eq!(waiter.join().unwrap().ran, 60 * SECOND);
}

#[tokio::test]
async fn the_host_sleeps_on_the_clock() {
    let clock = TestClock::auto();
    let engine = engine(&clock);
    let handle = engine.run(js("rule", "setInterval(() => {}, 1000)"), RunOptions::new());
    clock.sleep(HOUR).await;
    assert_eq!(clock.elapsed(), HOUR);
    handle.cancel();
    assert_eq!(handle.await.status(), "cancelled");
}

#[tokio::test]
async fn a_shutdown_waits_by_the_clock() {
    let clock = TestClock::auto();
    let engine = engine(&clock);
    let short = engine.run(
        js("short", "require('cla/util').sleep(59)"),
        RunOptions::new(),
    );
    let long = engine.run(
        js("long", "require('cla/util').sleep(61)"),
        RunOptions::new(),
    );
    assert_eq!(engine.shutdown(60 * SECOND).await, 1);
    assert_eq!(clock.elapsed(), 60 * SECOND);
    assert_eq!(
        (short.await.status(), long.await.status()),
        ("ok", "cancelled")
    );
}

#[tokio::test]
async fn inputs_of_a_session_sleep_on_the_clock() {
    let clock = TestClock::auto();
    let session = Session::start(&engine(&clock), RunOptions::new(), None, |_| {});
    session
        .evaluate("const { sleep } = require('cla/util')", |_, _, _| ())
        .await
        .unwrap();
    session.evaluate("sleep(3600)", |_, _, _| ()).await.unwrap();
    session
        .evaluate(
            "await new Promise((done) => setTimeout(done, 3_600_000))",
            |_, _, _| (),
        )
        .await
        .unwrap();
    assert_eq!(clock.elapsed(), 2 * HOUR);
    session.close().await;
}

#[tokio::test]
async fn runs_that_wait_for_their_start_do_not_keep_the_clock_from_jumping() {
    let clock = TestClock::auto();
    let engine = builder(&clock).max_runs(1, WhenFull::Wait).build();
    for _ in 0..3 {
        drop(engine.run(
            js("rule", "require('cla/util').sleep(3600)"),
            RunOptions::new(),
        ));
    }
    engine.idle().await;
    assert_eq!(clock.elapsed(), 3 * HOUR);
}

// ---- semaphores

#[test]
fn a_ttl_that_is_over_wakes_the_next_in_line() {
    let holder = "
        const sem = require('cla/sem'), { sleep } = require('cla/util');
        sem.take('printer', { ttl: 3600 }, () => { print('holds'); sleep(7200) });";
    let next = "
        const start = Date.now();
        require('cla/sem').take('printer', () => print(`next ${Date.now() - start}`));";
    let clock = TestClock::auto();
    let engine = engine(&clock);
    let printed = Arc::new(Printed::default());
    let start = |text| engine.run(js("rule", text), RunOptions::new().output(printed.clone()));
    let handles = [start(holder), start(next)];
    let [holder, next] = handles.map(cla_runtime::RunHandle::wait);
    assert_eq!(printed.lines(), ["holds", "next 3600000"]);
    assert!(next.is_ok());
    assert_eq!(next.waited, HOUR);
    assert_eq!(next.semaphores[0].waited, HOUR);
    assert_eq!(holder.ran, 2 * HOUR);
}

#[test]
fn a_wait_for_a_slot_ends_by_the_clock() {
    let holder = "
        require('cla/sem').take('printer', () => require('cla/util').sleep(7200))";
    let impatient = "
        const start = Date.now();
        try { require('cla/sem').take('printer', { timeout: 3600 }, () => print('taken')) }
        catch (error) { print(`${error.name} ${Date.now() - start}`) }";
    let clock = TestClock::auto();
    assert_eq!(
        print_all(&engine(&clock), &[holder, impatient]),
        ["SemaphoreTimeoutError 3600000"]
    );
    assert_eq!(clock.elapsed(), 2 * HOUR);
}

#[test]
fn the_awaiting_semaphores_follow_the_clock() {
    let rule = "
        import { MemorySemaphoreAdapter, SemaphoreProvider } from 'cla/semaphore';
        import { TimeSpan } from 'cla/time-span';
        const provider = new SemaphoreProvider({ adapter: new MemorySemaphoreAdapter() });
        const [a, b] = [1, 2].map(() => provider.create('x', { limit: 1, ttl: TimeSpan.fromHours(1) }));
        const start = Date.now();
        const first = await a.acquire();
        const none = await b.acquireBlocking({ time: TimeSpan.fromMinutes(30), interval: TimeSpan.fromSeconds(1) });
        const between = Date.now() - start;
        const second = await b.acquireBlocking({ time: TimeSpan.fromHours(2), interval: TimeSpan.fromSeconds(1) });
        export default [first, none, between, second, Date.now() - start];";
    let clock = TestClock::auto();
    assert_eq!(
        value(&engine(&clock), rule),
        serde_json::json!([true, false, 1_800_000, true, HOUR.as_millis() as u64])
    );
}

#[test]
fn semaphores_of_the_clock_are_shared_by_engines_and_the_host() {
    let clock = TestClock::new();
    let semaphores = clock.semaphores();
    let engines = [1, 2].map(|_| builder(&clock).semaphores(semaphores.clone()).build());
    let rule = "require('cla/sem').take('x', () => require('cla/util').sleep(60))";
    let handles = engines
        .each_ref()
        .map(|engine| engine.run(js("rule", rule), RunOptions::new()));
    clock.advance(60 * SECOND);
    assert_eq!(
        engines
            .each_ref()
            .map(|engine| engine.runs().len())
            .iter()
            .sum::<usize>(),
        1
    );
    clock.advance(60 * SECOND);
    let waited: Duration = handles.into_iter().map(|handle| handle.wait().waited).sum();
    assert_eq!(waited, 60 * SECOND);
}

#[test]
fn stores_with_another_time_are_refused() {
    let clock = TestClock::auto();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("semaphores.db").display());
    let shared = Semaphores::open(&url.parse().unwrap()).unwrap();
    for semaphores in [shared, Semaphores::memory()] {
        let engine = builder(&clock).semaphores(semaphores).build();
        let error = engine
            .run(js("rule", "1"), RunOptions::new())
            .wait()
            .result
            .unwrap_err();
        assert_eq!(error.name, "Refused");
        assert!(error.message.contains("test clock"), "{}", error.message);
    }
    let rule = format!(
        "import {{ SqliteSemaphoreAdapter }} from 'cla/semaphore/sqlite'; export default new SqliteSemaphoreAdapter('{url}')"
    );
    let error = run(&engine(&clock), js("rule", &rule))
        .0
        .result
        .unwrap_err();
    assert!(error.message.contains("test clock"), "{}", error.message);
}

// ---- limits of time

#[test]
fn the_time_limit_of_a_run_is_on_the_clock() {
    let clock = TestClock::auto();
    let limits = Limits::default().timeout(HOUR);
    let engine = builder(&clock).limits(limits).build();
    let (report, _) = run(&engine, js("rule", "require('cla/util').sleep(3601)"));
    assert_eq!(report.status(), "timed_out");
    assert_eq!(report.ran, HOUR);
    let (report, _) = run(&engine, js("rule", "require('cla/util').sleep(3599)"));
    assert!(report.is_ok());
}

#[test]
fn a_run_that_computes_without_an_end_is_out_of_time_though_the_clock_stands_still() {
    let clock = TestClock::new();
    let limits = Limits::default().timeout(Duration::from_millis(50));
    let engine = builder(&clock).limits(limits).build();
    let (report, _) = run(&engine, js("rule", "for (;;);"));
    assert_eq!(report.status(), "timed_out");
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_run_that_computes_does_not_keep_the_clock_from_being_moved() {
    let clock = TestClock::new();
    let limits = Limits::default().timeout(HOUR);
    let engine = builder(&clock).limits(limits).build();
    let handle = engine.run(js("rule", "for (;;);"), RunOptions::new());
    clock.advance(HOUR);
    assert_eq!(handle.wait().status(), "timed_out");
}

#[test]
fn a_run_that_was_given_up_does_not_hold_the_clock() {
    let clock = TestClock::auto();
    let (end, ended) = mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    let module = HostModule::new("test/stuck").function("wait", move |(): ()| {
        // Blocks the thread, as no function of a host should.
        let _ = ended.lock().unwrap().recv();
        Ok::<(), HostError>(())
    });
    let limits = Limits::default().timeout(Duration::from_millis(1));
    let engine = builder(&clock).module(module).build();
    let options = RunOptions::new().limits(limits);
    let stuck = engine.run(js("stuck", "require('test/stuck').wait()"), options);
    assert_eq!(stuck.wait().status(), "timed_out");
    let (report, _) = run(&engine, js("rule", "require('cla/util').sleep(3600)"));
    assert_eq!(report.ran, HOUR);
    drop(end);
}

#[test]
fn what_must_happen_in_the_end_has_ten_seconds_of_the_clock() {
    let book = "
do:
  - try:
      - sleep: 1h
    finally:
      - echo: begins
      - sleep: 9s
      - echo: goes on
      - sleep: 9s
      - echo: too late
";
    let clock = TestClock::auto();
    let limits = Limits::default().timeout(60 * SECOND);
    let engine = builder(&clock).limits(limits).build();
    let (report, printed) = run(&engine, book_of(book));
    assert_eq!(printed, ["begins", "goes on"]);
    assert_eq!(report.status(), "timed_out");
    assert_eq!(clock.elapsed(), 70 * SECOND);
}

// ---- rulebooks

#[test]
fn rulebooks_sleep_retry_and_time_out_by_the_clock() {
    let book = "
do:
  - set: {start: '{{ Date.now() }}', tries: 0}
  - sleep: 1h
  - echo: 'slept {{ Date.now() - start }}'
  - try:
      - timeout: 30m
        sleep: 2h
    catch:
      - echo: 'out of time {{ Date.now() - start }}'
  - on_error: {retry: 3, delay: 10m, backoff: 2}
    do:
      - js: 'tries++; print(`try ${(Date.now() - start) / 60000}`); if (tries < 4) throw new Error(\"not yet\")'
";
    let clock = TestClock::auto();
    let (report, printed) = run(&engine(&clock), book_of(book));
    assert_eq!(
        printed,
        [
            "slept 3600000",
            "out of time 5400000",
            "try 90",
            "try 100",
            "try 120",
            "try 160"
        ],
        "{report:?}"
    );
    assert!(report.is_ok());
}

#[test]
fn forks_and_children_share_the_clock_of_their_run() {
    let book = "
do:
  - set: {start: '{{ Date.now() }}'}
  - do:
      - parallel: wait
        do: [{sleep: 2h}, {echo: 'second {{ Date.now() - start }}'}]
      - parallel: wait
        do: [{sleep: 1h}, {echo: 'first {{ Date.now() - start }}'}]
  - echo: 'all {{ Date.now() - start }}'
";
    let clock = TestClock::auto();
    let trace = Trace::start();
    let printed = Arc::new(Printed::default());
    let options = RunOptions::new()
        .output(printed.clone())
        .trace(trace.clone());
    let report = engine(&clock).run(book_of(book), options).wait();
    assert!(report.is_ok(), "{report:?}");
    assert_eq!(
        printed.lines(),
        ["first 3600000", "second 7200000", "all 7200000"]
    );
    let times: Vec<_> = trace
        .runs()
        .iter()
        .map(|run| (run.began, run.ended))
        .collect();
    assert_eq!(
        times,
        [HOUR, 2 * HOUR, 2 * HOUR].map(|ended| (Duration::ZERO, ended))
    );
}

// ---- modules of the host

#[test]
fn functions_of_the_host_sleep_on_the_clock() {
    async fn nap(call: Call, (): ()) -> Result<u32, HostError> {
        call.sleep(HOUR).await;
        Ok(1)
    }
    let module = || {
        HostModule::new("test/time")
            .blocking_function_with("nap", nap)
            .async_function_with("doze", nap)
    };
    let rules = ["require('test/time').nap()", "require('test/time').doze()"];
    for rule in rules {
        let clock = TestClock::new();
        let engine = builder(&clock).module(module()).build();
        let handle = engine.run(js("rule", rule), RunOptions::new());
        clock.advance(HOUR);
        assert_eq!(handle.wait().result.unwrap(), 1);

        let clock = TestClock::auto();
        let engine = builder(&clock).module(module()).build();
        assert_eq!(value(&engine, rule), 1);
        assert_eq!(clock.elapsed(), HOUR);
    }
}

#[test]
fn a_sleep_of_nothing_lets_others_go_first() {
    let book = "
do:
  - parallel: wait
    do: [{echo: a1}, {sleep: 0s}, {echo: a2}, {sleep: 0s}, {echo: a3}]
  - parallel: wait
    do: [{echo: b1}, {sleep: 0s}, {echo: b2}, {sleep: 0s}, {echo: b3}]
";
    let clock = TestClock::new();
    let (_, printed) = run(&engine(&clock), book_of(book));
    assert_eq!(printed, ["a1", "b1", "a2", "b2", "a3", "b3"]);
}

#[test]
fn a_run_goes_on_until_it_waits_before_the_next_one_starts() {
    let clock = TestClock::new();
    let engine = builder(&clock).workers(2).build();
    let printed = Arc::new(Printed::default());
    let rule = |name: &str| {
        format!(
            "print('{name} begins'); require('cla/sem').take('x', () => require('cla/util').sleep(1)); print('{name} ends')"
        )
    };
    for name in ["a", "b"] {
        let options = RunOptions::new().output(printed.clone());
        drop(engine.run(js(name, &rule(name)), options));
        assert_eq!(printed.take_lines(), [format!("{name} begins")]);
    }
    clock.advance(2 * SECOND);
    assert_eq!(printed.lines(), ["a ends", "b ends"]);
}
