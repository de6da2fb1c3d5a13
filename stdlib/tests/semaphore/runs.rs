//! Semaphores between runs and between processes, what a run leaves behind, and stores that fail.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_runtime::error::ErrorKind;
use cla_runtime::semaphore::{SemaphoreName, Semaphores};
use cla_runtime::{Engine, Limits, RunHandle, RunOptions, RunReport, Script};
use cla_tests::output::Printed;
use cla_tests::redis::{Server, eventually};
use serde_json::{Value, json};

use crate::Adapter;

/// Longer than anything here takes, and shorter than any lease would be.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A run, and what it prints.
struct Started {
    handle: RunHandle,
    printed: Arc<Printed>,
}

impl Started {
    fn printed(&self) -> String {
        self.printed.text()
    }

    fn until_it_prints(&self, text: &str) {
        eventually(&format!("it prints {text}"), || {
            self.printed().contains(text)
        });
    }

    fn report(self) -> RunReport {
        self.handle.wait()
    }

    #[track_caller]
    fn value(self) -> Value {
        let printed = Arc::clone(&self.printed);
        let result = self.report().result;
        result.unwrap_or_else(|error| panic!("{error}\n{}", printed.text()))
    }
}

fn start(adapter: &Adapter, body: &str) -> Started {
    start_with(adapter, body, RunOptions::new())
}

fn start_with(adapter: &Adapter, body: &str, options: RunOptions) -> Started {
    start_on(&adapter.engine, &adapter.text(body), options)
}

fn start_on(engine: &Engine, text: &str, options: RunOptions) -> Started {
    let printed = Arc::<Printed>::default();
    let script = Script::new("cases.mjs", text);
    let handle = engine.run(script, options.output(printed.clone()));
    Started { handle, printed }
}

/// A store, for the test's own looks at it.
fn look(semaphores: &Semaphores, name: &str) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let name = SemaphoreName::new(name).unwrap();
    let view = runtime.block_on(semaphores.show(&name)).unwrap();
    view.map_or((0, 0), |view| (view.busy, view.waiting))
}

/// The adapters whose semaphores other runs have as well.
fn shared() -> [(&'static str, Adapter); 5] {
    [
        ("none, in memory", Adapter::none_in_memory()),
        ("none, in a file", Adapter::none_in_a_file()),
        ("sqlite", Adapter::sqlite()),
        ("a store by its URL", Adapter::store()),
        ("redis", Adapter::redis()),
    ]
}

// ---- between runs

#[test]
fn runs_wait_for_each_other_in_one_line_whichever_way_they_ask() {
    for adapter in [
        Adapter::none_in_memory(),
        Adapter::none_in_a_file(),
        Adapter::redis(),
    ] {
        let semaphores = adapter.engine.semaphores().clone();
        let waiting = |count| {
            eventually(&format!("{count} wait, with {}", adapter.new), || {
                look(&semaphores, "x").1 == count
            });
        };
        let holder = start(
            &adapter,
            "const semaphore = create('x');
             await semaphore.acquireOrFail();
             print('holds');
             await until(() => sem.show('go'));
             await semaphore.releaseOrFail();",
        );
        holder.until_it_prints("holds");
        // Each of them says, in its turn, how many are still behind it.
        let ask = [
            "sem.take('x', () => sem.show('x').waiting)",
            "await create('x').runBlockingOrFail(() => sem.show('x').waiting, { time: hour })",
            "sem.take('x', { timeout: '1h' }, () => sem.show('x').waiting)",
            "await provider({ namespace: undefined }).create('x', { limit: 9 }).runBlockingOrFail(async () => sem.show('x').waiting, { time: hour })",
        ];
        let runs: Vec<Started> = (1..)
            .zip(ask)
            .map(|(count, ask)| {
                let run = start(&adapter, &format!("export default {ask}"));
                waiting(count);
                run
            })
            .collect();
        adapter.value("sem.take('go', () => {})");
        holder.value();
        let behind: Vec<Value> = runs.into_iter().map(Started::value).collect();
        assert_eq!(json!(behind), json!([3, 2, 1, 0]), "{}", adapter.new);
        assert_eq!(look(&semaphores, "x"), (0, 0));
    }
}

#[test]
fn another_run_steers_who_waits() {
    for adapter in [
        Adapter::none_in_memory(),
        Adapter::none_in_a_file(),
        Adapter::redis(),
    ] {
        let holder = start(
            &adapter,
            "const semaphore = create('x');
             await semaphore.acquireOrFail();
             print('holds');
             await until(() => sem.show('x').slots === 2 && sem.show('x').waiting === 0);
             export default await typeOf(semaphore);",
        );
        holder.until_it_prints("holds");
        let waiters: Vec<Started> = ["cancelled", "granted", "let in"]
            .into_iter()
            .map(|id| {
                let body = format!(
                    "const semaphore = create('x', {{ slotId: '{id}' }});
                     const outcome = await semaphore.acquireBlocking({{ time: hour }}).then(null, (error) => error.name);
                     export default [outcome, await typeOf(semaphore)];"
                );
                start(&adapter, &body)
            })
            .collect();
        adapter.value(
            "await until(() => sem.show('x').waiting === 3);
             const id = (name) => sem.show('x').requests.find(({ slot }) => slot === name).id;
             sem.cancel(id('cancelled'));
             sem.grant(id('granted'));
             sem.slots('x', 2);
             export default null;",
        );
        let outcomes: Vec<Value> = waiters.into_iter().map(Started::value).collect();
        assert_eq!(outcomes[0][0], "SemaphoreCancelError", "{}", adapter.new);
        assert_eq!(
            json!(outcomes[1..]),
            json!([[true, "ACQUIRED"], [true, "ACQUIRED"]])
        );
        assert_eq!(holder.value(), "ACQUIRED");
    }
}

#[test]
fn memory_adapters_of_different_runs_and_objects_share_nothing() {
    let body = "
        const [a, b] = [new MemorySemaphoreAdapter(), new MemorySemaphoreAdapter()].map((adapter) => provider({ adapter }));
        const acquired = [await a.create('x').acquire(), await b.create('x').acquire(), await a.create('x').acquire()];
        print('holds');
        sem.take('x', () => acquired.push('cla/sem as well'));
        export default acquired;
    ";
    let adapter = Adapter::memory();
    let (one, two) = (start(&adapter, body), start(&adapter, body));
    let expected = json!([true, true, false, "cla/sem as well"]);
    assert_eq!((one.value(), two.value()), (expected.clone(), expected));
}

// ---- what a run leaves behind

/// Takes slots in every way, and waits for others.
const TAKE: &str = "
    for (const [key, settings] of Object.entries({ a: {}, b: { ttl: null }, c: { ttl: hour, limit: 2 } })) {
        await create(key, settings).acquireOrFail();
    }
    await create('d').acquireBlockingOrFail();
    await create('c', { limit: 2 }).acquireOrFail();
    create('a').acquireBlocking({ time: long }).detach();
    create('a').runBlockingOrFail(() => {}, { time: long }).then(null, (error) => print(error.name));
    create('e').runOrFail(() => Task.delay(long)).detach();
    create('f').runBlockingOrFail(async () => { await Task.delay(long); }).detach();
    await until(async () => (await typeOf(create('e'))) === 'LIMIT_REACHED' && (await typeOf(create('f'))) === 'LIMIT_REACHED');
    // What stands for them may be gone long before.
    print('all taken');
";

/// What another run gets at once.
const TAKE_AGAIN: &str = "
    const all = [];
    for (const key of ['a', 'b', 'c', 'c', 'd', 'e', 'f', 'g']) all.push(await create(key, { limit: key === 'c' ? 2 : 1 }).acquire());
    export default all;
";

mod however_a_run_ends_what_it_took_is_free_at_once {
    use super::free_at_once;
    use crate::Adapter;

    #[test]
    fn none_in_memory() {
        free_at_once(&Adapter::none_in_memory());
    }

    #[test]
    fn none_in_a_file() {
        free_at_once(&Adapter::none_in_a_file());
    }

    #[test]
    fn sqlite() {
        free_at_once(&Adapter::sqlite());
    }

    #[test]
    fn store() {
        free_at_once(&Adapter::store());
    }

    #[test]
    fn redis() {
        free_at_once(&Adapter::redis());
    }
}

fn free_at_once(adapter: &Adapter) {
    let work = |work: &str| format!("await create('g').runOrFail({work})");
    let endings: [(&str, String, Option<ErrorKind>); 9] = [
        (
            "it throws",
            "throw new Error('no')".into(),
            Some(ErrorKind::Exception),
        ),
        ("it ends", "export default 'done'".into(), None),
        (
            "it is cancelled",
            work("() => Task.delay(hour)"),
            Some(ErrorKind::Cancelled),
        ),
        (
            "cancelled in a loop",
            work("() => { print('loops'); for (;;); }"),
            Some(ErrorKind::Cancelled),
        ),
        (
            "cancelled in a loop after a promise",
            work("async () => { await null; print('loops'); for (;;); }"),
            Some(ErrorKind::Cancelled),
        ),
        (
            "cancelled while it blocks",
            work("() => util.sleep('1h')"),
            Some(ErrorKind::Cancelled),
        ),
        (
            "cancelled in a wait",
            "await create('a').acquireBlocking({ time: hour })".into(),
            Some(ErrorKind::Cancelled),
        ),
        (
            "it runs out of time",
            work("() => util.sleep('1h')"),
            Some(ErrorKind::TimedOut),
        ),
        (
            "it runs out of memory",
            work("() => { const all = []; for (;;) all.push(new Array(1000).fill(0)); }"),
            Some(ErrorKind::OutOfMemory),
        ),
    ];
    for (how, ending, kind) in &endings {
        let mut options = RunOptions::new();
        let limits = Limits::default();
        match kind {
            // It has taken everything by then, or the test would not see it.
            Some(ErrorKind::TimedOut) => {
                options = options.limits(limits.timeout(Duration::from_secs(2)));
            }
            Some(ErrorKind::OutOfMemory) => options = options.limits(limits.memory(64 << 20)),
            _ => {}
        }
        // A run that is not stopped ends when nothing is left to wait for.
        let time = if kind.is_none() { "ms(50)" } else { "hour" };
        let body = format!("const long = {time};\n{TAKE}\n{ending};");
        let run = start_with(adapter, &body, options);
        run.until_it_prints("all taken");
        if *kind == Some(ErrorKind::Cancelled) {
            if ending.contains("loops") {
                run.until_it_prints("loops");
            }
            run.handle.cancel();
        }
        let ended = Instant::now();
        match (run.report().result, kind) {
            (Err(error), Some(kind)) => assert_eq!(error.kind, *kind, "{how}: {error}"),
            (result, kind) => assert!(result.is_ok() && kind.is_none(), "{how}: {result:?}"),
        }
        assert_eq!(adapter.value(TAKE_AGAIN), json!(vec![true; 8]), "{how}");
        assert!(ended.elapsed() < AT_ONCE, "{how}: {:?}", ended.elapsed());
    }
}

#[test]
fn what_nothing_in_the_rule_stands_for_any_more_is_held_until_its_end() {
    for (name, adapter) in shared() {
        let run = start(
            &adapter,
            "await create('x', { ttl: null, slotId: 'mine' }).acquireOrFail();
             for (let n = 0; n < 200; n += 1) await create(`y${n}`).acquireOrFail();
             // It may get one again, though.
             print(await create('x', { slotId: 'mine' }).release(), await create('x', { slotId: 'mine' }).acquire());
             print('forgotten');
             await until(async () => (await typeOf(create('go'))) !== 'EXPIRED');
             export default await typeOf(create('x', { slotId: 'mine' }));",
        );
        run.until_it_prints("forgotten");
        assert!(
            run.printed().starts_with("true true\n"),
            "{name}: {}",
            run.printed()
        );
        let meanwhile = start(
            &adapter,
            "const acquired = [await create('x').acquire(), await create('y7').acquire(), await create('go').acquire()];
             await until(async () => (await typeOf(create('y199'))) === 'EXPIRED');
             export default acquired;",
        );
        assert_eq!(run.value(), "ACQUIRED", "{name}");
        assert_eq!(meanwhile.value(), json!([false, false, true]), "{name}");
        let again = "export default [await create('x').acquire(), await create('y7').acquire(), await create('y199').acquire()];";
        assert_eq!(adapter.value(again), json!([true, true, true]), "{name}");
    }
}

#[test]
fn a_report_counts_what_was_taken_of_the_runs_own_store() {
    let body = "
        const semaphore = create('x', { limit: 2 });
        for (let n = 0; n < 10; n += 1) { await semaphore.acquireOrFail(); await semaphore.releaseOrFail(); await semaphore.runOrFail(() => {}); await semaphore.runOrFail(async () => {}); }
        await create('y').acquireBlocking();
    ";
    for (adapter, expected) in [
        (Adapter::none_in_memory(), json!([["x", 30], ["y", 1]])),
        (Adapter::none_in_a_file(), json!([["x", 30], ["y", 1]])),
        (Adapter::store(), json!([])),
        (Adapter::memory(), json!([])),
    ] {
        let report = start(&adapter, body).report();
        assert!(report.is_ok(), "{:?}", report.result);
        let listed = report
            .semaphores
            .iter()
            .map(|taken| json!([taken.name.as_str(), taken.taken]));
        assert_eq!(listed.collect::<Value>(), expected, "{}", adapter.new);
        if expected == json!([]) {
            assert_eq!(
                (report.others.count, report.others.taken),
                (2, 31),
                "{}",
                adapter.new
            );
        }
    }
}

// ---- revived

#[test]
fn another_run_revives_it_and_the_first_holder_sees_that_it_is_gone() {
    for (name, adapter) in shared() {
        revived(name, &adapter, |text| {
            let body = format!("const text = {};\n{REVIVE}", json!(text));
            start(&adapter, &body).value()
        });
    }
}

#[test]
fn another_process_revives_it_and_the_first_holder_sees_that_it_is_gone() {
    for (name, adapter) in [
        ("sqlite", Adapter::sqlite()),
        ("a store by its URL", Adapter::store()),
        ("redis", Adapter::redis()),
    ] {
        revived(name, &adapter, |text| {
            let output = Command::new(std::env::current_exe().unwrap())
                .args([
                    "runs::the_other_process",
                    "--exact",
                    "--ignored",
                    "--nocapture",
                ])
                .env("CLA_TEST_ADAPTER", &adapter.new)
                .env("CLA_TEST_TEXT", text)
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            let value = printed
                .lines()
                .find_map(|line| line.strip_prefix("revived: "));
            let value = value.unwrap_or_else(|| {
                panic!("{printed}\n{}", String::from_utf8_lossy(&output.stderr))
            });
            serde_json::from_str(value).unwrap()
        });
    }
}

/// What is done there with the semaphore of which `text` tells.
const REVIVE: &str = "
    const serde = new Serde(new SuperJsonSerdeAdapter());
    other({ serde });
    const semaphore = serde.deserialize(text);
    const { remainingTime, ...state } = await semaphore.getState();
    const acquired = await create('x').acquire();
    const refreshed = await semaphore.refresh(TimeSpan.fromMinutes(20));
    const left = (await semaphore.getState()).remainingTime;
    export default [
        state, remainingTime > TimeSpan.fromMinutes(8) && remainingTime <= TimeSpan.fromMinutes(10), acquired,
        refreshed, left > TimeSpan.fromMinutes(18) && left <= TimeSpan.fromMinutes(20), await semaphore.release(), await semaphore.release(),
        `${semaphore.key}`, semaphore.id,
    ];
";

#[test]
#[ignore = "run by another_process_revives_it_and_the_first_holder_sees_that_it_is_gone"]
fn the_other_process() {
    let [adapter, text] =
        ["CLA_TEST_ADAPTER", "CLA_TEST_TEXT"].map(|name| std::env::var(name).unwrap());
    let value = Adapter::of(adapter).value(&format!("const text = {};\n{REVIVE}", json!(text)));
    println!("revived: {value}");
}

#[track_caller]
fn revived(name: &str, adapter: &Adapter, revive: impl Fn(&str) -> Value) {
    let holder = start(
        adapter,
        "const serde = new Serde(new SuperJsonSerdeAdapter());
         const semaphore = provider({ serde }).create('x', { ttl: TimeSpan.fromMinutes(10), slotId: 'mine' });
         await semaphore.acquireOrFail();
         print(serde.serialize({ semaphore }) && serde.serialize(semaphore));
         await until(async () => (await typeOf(semaphore)) !== 'ACQUIRED');
         export default [await semaphore.release(), await semaphore.refresh(), await failure(semaphore.releaseOrFail()), await semaphore.acquire()];",
    );
    holder.until_it_prints("\n");
    let text = holder.printed().trim().to_owned();
    let state = json!({ "type": "ACQUIRED", "limit": 1, "freeSlotsCount": 0, "acquiredSlotsCount": 1, "acquiredSlots": ["mine"] });
    assert_eq!(
        revive(&text),
        json!([state, true, false, true, true, true, false, "x", "mine"]),
        "{name}"
    );
    let error = "FailedReleaseSemaphoreError: the slot \"mine\" of semaphore \"x\" cannot be released: it is not held, or it has expired";
    assert_eq!(holder.value(), json!([false, false, error, true]), "{name}");
}

#[test]
fn a_slot_travels_over_redis_in_an_event_and_is_released_there() {
    let adapter = Adapter::redis();
    let bus = "
        import { RedisPubSubEventBusAdapter } from 'cla/event-bus/redis';
        import Redis from 'ioredis';
        const serde = new Serde(new SuperJsonSerdeAdapter());
        const client = new Redis(URL);
        const eventBus = new EventBus({ adapter: new RedisPubSubEventBusAdapter({ client, serde }) });
        const semaphores = provider({ serde, eventBus });
    ";
    let url = json!(adapter.server.as_ref().unwrap().url()).to_string();
    let bus = bus.replace("URL", &url);
    let listener = start(
        &adapter,
        &format!(
            "{bus}
             const sent = eventBus.asPromise('sending-semaphore').then((event) => event);
             await until(async () => {{ await eventBus.dispatch('ready', {{}}); await Task.delay(ms(10)); return (await typeOf(create('x'))) !== 'EXPIRED'; }});
             const {{ semaphore }} = await sent;
             export default [semaphore.id, await semaphore.releaseOrFail().then(() => 'released')];"
        ),
    );
    let sender = start(
        &adapter,
        &format!(
            "{bus}
             await eventBus.asPromise('ready');
             const semaphore = semaphores.create('x', {{ slotId: 'mine' }});
             const released = semaphores.events.asPromise('RELEASED').then(({{ semaphore }}) => semaphore);
             await semaphore.acquireOrFail();
             await eventBus.dispatch('sending-semaphore', {{ semaphore }});
             // What the other one does is told here, too.
             const there = await released;
             export default [there.id, `${{there.key}}`, await there.getState(), await semaphore.release()];"
        ),
    );
    assert_eq!(listener.value(), json!(["mine", "released"]));
    assert_eq!(
        sender.value(),
        json!(["mine", "x", { "type": "EXPIRED" }, false])
    );
}

// ---- stores that fail

#[test]
fn a_server_that_is_not_there_is_an_error_within_seconds() {
    let mut server = Server::start();
    server.kill();
    let adapter = Adapter::of(format!(
        "new RedisSemaphoreAdapter({})",
        json!(server.url())
    ));
    let body = "
        const told = provider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
        await told.events.addListener(Object.values(SEMAPHORE_EVENTS), ({ type, error, semaphore }) => note([type, `${error}`, `${semaphore.key}`]));
        const semaphore = told.create('x');
        const silent = create('x');
        const calls = (one) => ({
            acquire: one.acquire(), acquireOrFail: one.acquireOrFail(), release: one.release(), releaseOrFail: one.releaseOrFail(),
            forceReleaseAll: one.forceReleaseAll(), refresh: one.refresh(), refreshOrFail: one.refreshOrFail(), getState: one.getState(),
            runOrFail: one.runOrFail(() => note('ran')),
        });
        const errors = await Promise.all([semaphore, silent].flatMap((one) => Object.values(calls(one))).map((task) => task.then((value) => value, (error) => {
            same([error instanceof sem.SemaphoreError, error.semaphore, isSemaphoreError(error)], [true, 'x', false]);
            return `${error}`;
        })));
        await others();
        same(log.splice(0), errors.slice(0, 9).map((error) => ['UNEXPECTED_ERROR', error, 'x']));
        // Who waits in line waits for the server as well, for as long as it wants to. Then it is the server that it has
        // waited for, and not the limit of the semaphore.
        const unreachable = async (task) => same(/cannot be reached/.test(await task.then(() => 'no error', (error) => `${error}`)), true);
        await unreachable(semaphore.acquireBlocking({ time: brief }));
        await unreachable(semaphore.acquireBlockingOrFail({ time: brief }));
        await unreachable(semaphore.runBlockingOrFail(() => note('ran'), { time: brief }));
        await others();
        same(log.map(([type]) => type), new Array(3).fill('UNEXPECTED_ERROR'));
        export default errors;
    ";
    let begun = Instant::now();
    let errors = adapter.value(body);
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    let errors = errors.as_array().unwrap();
    assert_eq!(errors.len(), 18);
    for error in errors {
        let error = error.as_str().unwrap();
        assert!(error.starts_with("SemaphoreError: "), "{error}");
        assert!(error.contains(&server.url()), "{error}");
    }
    // It is there again, for the next run.
    server.restart();
    assert_eq!(
        adapter.value("export default await create('x').acquire()"),
        true
    );
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    let mut server = Server::start();
    let adapter = Adapter::of(format!(
        "new RedisSemaphoreAdapter({})",
        json!(format!("{}?lease=1s", server.url()))
    ));
    let run = start(
        &adapter,
        "const semaphore = create('x');
         await semaphore.acquireOrFail();
         await semaphore.releaseOrFail();
         print('up');
         const fails = () => semaphore.acquire().then((acquired) => acquired && semaphore.release().then(() => false, () => true), () => true);
         await until(fails);
         print('down');
         await until(async () => !(await fails()));
         export default await semaphore.runBlockingOrFail(() => 'back');",
    );
    run.until_it_prints("up");
    server.kill();
    run.until_it_prints("down");
    server.restart();
    assert_eq!(run.value(), "back");
}

#[test]
fn a_server_that_stands_still_does_not_keep_a_run_from_ending() {
    let server = Server::start();
    let adapter = Adapter::of(format!(
        "new RedisSemaphoreAdapter({})",
        json!(server.url())
    ));
    let run = start(
        &adapter,
        "await create('x').acquireOrFail();
         print('holds');
         await create('x').acquireBlocking({ time: hour });",
    );
    run.until_it_prints("holds");
    server.freeze();
    let stopped = Instant::now();
    run.handle.cancel();
    let error = run.report().result.unwrap_err();
    server.thaw();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert!(
        stopped.elapsed() < Duration::from_secs(30),
        "{:?}",
        stopped.elapsed()
    );
}

#[test]
fn a_file_that_cannot_be_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder").join("semaphores.db");
    std::fs::write(folder.path().join("no such folder"), "a file").unwrap();
    let adapter = Adapter::of(format!("new SqliteSemaphoreAdapter({})", json!(path)));
    let error = adapter.value("export default await failure(create('x').acquire())");
    let error = error.as_str().unwrap();
    assert!(error.starts_with("SemaphoreError: "), "{error}");
    assert!(error.contains("no such folder"), "{error}");
}

#[test]
fn no_timer_keeps_a_run_alive_that_only_has_semaphores() {
    for (name, adapter) in shared() {
        let begun = Instant::now();
        let body = "
            await create('x', { ttl: hour }).acquireOrFail();
            const lost = Task.race([create('x').acquireBlocking({ time: hour }), late()]);
            export default await lost;
        ";
        assert_eq!(adapter.value(body), "late", "{name}");
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{name}: {:?}",
            begun.elapsed()
        );
    }
}
