//! `cla/semaphore`: however much is taken, made and dropped, nothing is left, and nothing is done while nobody waits.
//!
//! In a program of its own, and one test at a time: they look at the memory of the whole process.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cla_runtime::output::OutputStream;
use cla_runtime::semaphore::Semaphores;
use cla_runtime::{Engine, Output, RunOptions, Script};
use cla_tests::redis::Server;
use peak_alloc::PeakAlloc;
use serde_json::json;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What the heap may grow by: some blocks for small objects and a larger table or two, not one byte per round.
const ROOM: usize = 256 * 1024;

const IMPORTS: &str = "
    import { MemorySemaphoreAdapter, RedisSemaphoreAdapter, SEMAPHORE_EVENTS, SemaphoreProvider, SqliteSemaphoreAdapter, StoreSemaphoreAdapter } from 'cla/semaphore';
    import { EventBus } from 'cla/event-bus';
    import { MemoryEventBusAdapter } from 'cla/event-bus/memory';
    import { Namespace } from 'cla/namespace';
    import { Serde } from 'cla/serde';
    import { SuperJsonSerdeAdapter } from 'cla/serde/super-json';
    import { Task } from 'cla/task';
    import { TimeSpan } from 'cla/time-span';
    import * as sem from 'cla/sem';
    const ms = TimeSpan.fromMilliseconds, hour = TimeSpan.fromHours(1);
    const provider = new SemaphoreProvider();
    const memory = new SemaphoreProvider({ adapter: new MemorySemaphoreAdapter() });
";

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes how much memory the process uses whenever a rule prints.
#[derive(Default)]
struct Marks(Mutex<Vec<usize>>);

impl Output for Marks {
    fn write(&self, _: OutputStream, text: &str) {
        assert_eq!(text, "mark\n", "what a rule has to say here");
        self.0.lock().unwrap().push(HEAP.current_usage());
    }
}

/// Does `round` so many times, and then a multiple of it, in one run. Fails unless that leaves the memory where it was.
#[track_caller]
fn leaves_memory_flat(setup: &str, round: &str, few: u32, many: u32) {
    let _turn = one_at_a_time();
    let text = |count: u32| {
        format!(
            "{IMPORTS} {setup}
             let n = 0;
             for (; n < {few}; n += 1) {{ {round} }}
             print('mark');
             for (; n < {count}; n += 1) {{ {round} }}
             print('mark');"
        )
    };
    let engine = support::engine();
    let run = |count: u32| {
        let marks = Arc::<Marks>::default();
        let options = RunOptions::new().output(marks.clone());
        let report = engine
            .run(Script::new("rounds.mjs", text(count)), options)
            .wait();
        report
            .result
            .unwrap_or_else(|error| panic!("{round}: {error}"));
        let marks = marks.0.lock().unwrap().clone();
        (marks, report.peak_memory)
    };
    let (_, peak_of_few) = run(few);
    let (marks, peak) = run(many);
    assert!(
        peak <= peak_of_few + ROOM,
        "{round}\nthe rule's memory: from {peak_of_few} to {peak} bytes at most"
    );
    assert!(
        marks[1] <= marks[0] + ROOM,
        "{round}\nthe process' memory: from {} to {} bytes",
        marks[0],
        marks[1]
    );
}

#[test]
fn a_million_runs_with_a_slot() {
    leaves_memory_flat(
        "const semaphore = provider.create('x');",
        "await semaphore.runOrFail(() => n);",
        100_000,
        1_000_000,
    );
}

#[test]
fn runs_with_a_slot_in_every_other_way() {
    let setup = "
        const semaphore = memory.create('x'), told = new SemaphoreProvider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
        await told.events.addListener(Object.values(SEMAPHORE_EVENTS), () => {});
        const heard = told.create('heard');
        const own = new SemaphoreProvider({ adapter: new (class extends MemorySemaphoreAdapter { acquire(settings) { return super.acquire(settings) } })() }).create('x');
        const thrown = () => { throw new Error('no') };
    ";
    let round = "
        await semaphore.runOrFail(async () => n);
        await semaphore.runOrFail(thrown).then(null, () => {});
        await semaphore.runBlockingOrFail(() => n);
        await semaphore.runOrFail(() => n).pipe((args, next) => next());
        await heard.runOrFail(() => n);
        await own.runBlockingOrFail(() => n);
        await semaphore.acquire(); await semaphore.acquire(); await semaphore.refresh(); await semaphore.getState(); await semaphore.release(); await semaphore.release();
        await semaphore.runOrFail(() => semaphore.runOrFail(() => {})).then(null, () => {});
    ";
    leaves_memory_flat(setup, round, 300, 2_000);
}

#[test]
fn slots_that_expire_and_that_nobody_releases() {
    leaves_memory_flat(
        "",
        "const semaphore = provider.create('x', { limit: Infinity, ttl: ms(1) }); if (!(await semaphore.acquire())) throw new Error('refused');",
        50_000,
        200_000,
    );
    leaves_memory_flat(
        "",
        "const semaphore = memory.create(`x${n % 10}`, { limit: 1_000_000, ttl: ms(1) }); if (!(await semaphore.acquire())) throw new Error('refused');",
        10_000,
        30_000,
    );
}

#[test]
fn adapters_in_memory_that_are_dropped_with_all_they_hold() {
    leaves_memory_flat(
        "",
        "const adapter = new MemorySemaphoreAdapter();
         if (n % 20 === 0) await new SemaphoreProvider({ adapter }).create('x').acquireOrFail();",
        5_000,
        200_000,
    );
}

#[test]
fn keys_that_are_made_up_as_it_goes() {
    leaves_memory_flat(
        "",
        "await memory.create(`key ${n}`).runOrFail(() => {}); memory.create(`unused ${n}`);",
        2_000,
        30_000,
    );
}

#[test]
fn providers_and_buses_and_all_that_belongs_to_them() {
    let round = "
        const adapter = new MemorySemaphoreAdapter(), serde = new Serde(new SuperJsonSerdeAdapter());
        const eventBus = new EventBus({ adapter: new MemoryEventBusAdapter(), namespace: new Namespace('a') });
        const one = new SemaphoreProvider({ adapter, eventBus, serde, namespace: new Namespace(`@${n}`) });
        await one.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => one);
        const semaphore = one.create('x');
        await semaphore.acquireOrFail();
        if (!(await serde.deserialize(serde.serialize({ semaphore })).semaphore.release())) throw new Error('lost');
        await new SemaphoreProvider({ eventBus }).create('x').acquire();
        // The audit keeps what was changed by force, up to a bound that is not reached here.
        if (n % 20 === 0) await provider.create('x').forceReleaseAll(); else await provider.create('x').getState();
    ";
    // What the semaphores keep of what is over has its full size by then.
    leaves_memory_flat("", round, 6_000, 12_000);
}

#[test]
fn waits_that_nobody_waits_for() {
    let setup = "
        await provider.create('x').acquireOrFail();
        await memory.create('x').acquireOrFail();
        const own = new SemaphoreProvider({ adapter: { acquire: () => false, release() {}, forceReleaseAll() {}, refresh() {}, getState() {} } });
    ";
    let round = "
        for (const one of [provider, memory, own]) {
            const wait = one.create('x').acquireBlocking({ time: hour, interval: hour });
            await Task.race([wait, Task.delay(ms(0))]);
            await Task.race([one.create('x').runBlockingOrFail(() => {}, { time: hour, interval: hour }), 0]);
        }
    ";
    leaves_memory_flat(setup, round, 500, 5_000);
}

#[test]
fn hand_overs() {
    let setup = "
        const turns = async (one, count) => { for (let n = 0; n < count; n += 1) await one.create('x').runBlockingOrFail(async () => {}, { time: hour }); };
    ";
    leaves_memory_flat(
        setup,
        "await Promise.all([provider, provider, memory, memory].map((one) => turns(one, 10)));",
        200,
        1_000,
    );
}

#[test]
fn slots_in_files_and_on_servers() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (path, url) = (
        json!(folder.path().join("semaphores.db")),
        json!(server.url()),
    );
    let setup = format!(
        "const providers = [new SqliteSemaphoreAdapter({path}), new RedisSemaphoreAdapter({url})].map((adapter) => new SemaphoreProvider({{ adapter }}));"
    );
    let round = "
        for (const one of providers) {
            await one.create('x').runOrFail(() => n);
            await one.create('expires', { limit: Infinity, ttl: ms(1) }).acquireOrFail();
        }
    ";
    leaves_memory_flat(&setup, round, 200, 1_000);
}

#[test]
fn an_adapter_for_the_same_store_costs_next_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = json!(folder.path().join("semaphores.db"));
    let round = format!(
        "new SemaphoreProvider({{ adapter: new SqliteSemaphoreAdapter({path}) }}).create('x'); new StoreSemaphoreAdapter(); new RedisSemaphoreAdapter('redis://127.0.0.1:1');"
    );
    leaves_memory_flat("", &round, 1_000, 20_000);
}

#[test]
fn what_nothing_stands_for_any_more_is_gone() {
    let _turn = one_at_a_time();
    let body = "
        const refs = {};
        const make = async () => {
            const adapter = new MemorySemaphoreAdapter(), eventBus = new EventBus({ adapter: new MemoryEventBusAdapter() });
            const one = new SemaphoreProvider({ adapter, eventBus });
            const listener = () => one;
            await one.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, listener);
            const semaphore = one.create('x'), task = semaphore.runBlockingOrFail(() => semaphore), wait = semaphore.acquireBlocking();
            await task;
            await semaphore.acquireOrFail();
            await Task.race([wait, Task.delay(ms(1))]);
            for (const [name, value] of Object.entries({ adapter, eventBus, one, listener, semaphore, task, wait })) refs[name] = new WeakRef(value);
        };
        await make();
        const left = () => Object.keys(refs).filter((name) => refs[name].deref() !== undefined);
        // Circles are found when enough was made.
        for (let n = 0; n < 2_000 && left().length > 0; n += 1) {
            await Task.delay(ms(0));
            for (let m = 0; m < 1_000; m += 1) { const circle = {}; circle.circle = circle; }
        }
        export default [Object.keys(refs).length, left()];
    ";
    assert_eq!(support::value(&format!("{IMPORTS}{body}")), json!([7, []]));
}

/// Notes how often the process went to sleep and how long it worked, whenever a rule prints.
#[cfg(unix)]
#[derive(Default)]
struct Usage(Mutex<Vec<(i64, std::time::Duration)>>);

#[cfg(unix)]
impl Output for Usage {
    fn write(&self, _: OutputStream, _: &str) {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let time = [usage.user_time(), usage.system_time()]
            .into_iter()
            .map(|time| {
                std::time::Duration::from_secs(time.tv_sec().try_into().unwrap())
                    + std::time::Duration::from_micros(time.tv_usec().try_into().unwrap())
            })
            .sum();
        let slept = usage.voluntary_context_switches();
        self.0.lock().unwrap().push((slept, time));
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_done_while_nobody_waits() {
    let _turn = one_at_a_time();
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (path, url) = (
        folder.path().join("semaphores.db"),
        json!(server.url()).to_string(),
    );
    let engine = Engine::builder()
        .permissions(cla_tests::engine::permissions())
        .workers(1)
        .semaphores(Semaphores::connect(&format!("sqlite:{}", path.display())).unwrap())
        .with(cla_stdlib::install)
        .build();
    let body = "
        const adapters = [undefined, new MemorySemaphoreAdapter(), new SqliteSemaphoreAdapter(PATH), new RedisSemaphoreAdapter(URL)];
        const providers = adapters.map((adapter) => new SemaphoreProvider({ adapter, eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) }));
        const idle = async () => {
            await Task.delay(ms(300));
            print('mark');
            await Task.delay(ms(1500));
            print('mark');
        };
        for (const one of providers) {
            await one.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
            await one.create('x').runOrFail(() => {});
            const semaphore = one.create('x', { ttl: hour });
            await semaphore.acquireOrFail();
            await Task.race([one.create('x').acquireBlocking({ time: hour }), Task.delay(ms(5))]);
            await semaphore.releaseOrFail();
        }
        await idle();
        for (const one of providers) await one.create('held').acquireOrFail();
        await idle();
    ";
    let path = json!(folder.path().join("another.db")).to_string();
    let body = body.replace("PATH", &path).replace("URL", &url);
    let usage = Arc::<Usage>::default();
    let options = RunOptions::new().output(usage.clone());
    let script = Script::new("idle.mjs", format!("{IMPORTS}{body}"));
    engine.run(script, options).wait().result.unwrap();
    let marks = usage.0.lock().unwrap().clone();
    let during: Vec<_> = marks
        .chunks(2)
        .map(|ends| (ends[1].0 - ends[0].0, ends[1].1 - ends[0].1))
        .collect();
    println!("woke up and worked: {during:?}");
    let [(nothing_held, worked), (held, worked_too)] = during[..] else {
        panic!("{marks:?}");
    };
    // A single look every 10 ms would be 150.
    assert!(nothing_held < 50, "woke up {nothing_held} times");
    // While a slot is held, each of the two files is looked at every 50 ms, for somebody may release it by force.
    assert!(held < 120, "woke up {held} times while slots were held");
    for time in [worked, worked_too] {
        assert!(time.as_millis() < 150, "worked {time:?}");
    }
}
