//! What is so of some adapters alone: those that a rule's author writes, the one that says yes to everything, and how
//! each is set up.

use serde_json::{Value, json};

use crate::{Adapter, support};

/// The value that a rule exports which has the adapter.
#[track_caller]
fn value(adapter: &str, body: &str) -> Value {
    Adapter::of(adapter).value(body)
}

// ---- NoOpSemaphoreAdapter

#[test]
fn the_one_that_does_nothing_lets_everybody_in() {
    let body = "
        const [a, b] = [create('x'), create('x')];
        const all = [a, b].flatMap((one) => [
            one.acquire(), one.acquireOrFail(), one.acquireBlocking(), one.acquireBlockingOrFail(), one.refresh(), one.refreshOrFail(),
            one.release(), one.releaseOrFail(), one.forceReleaseAll(), one.runOrFail(() => 'work'), one.runBlockingOrFail(async () => 'work'),
        ]);
        const answers = [];
        for (const task of all) answers.push(`${(await task) ?? null}`);
        export default [answers, await a.getState(), `${a.key}`];
    ";
    let answers = [
        "true", "null", "true", "null", "true", "null", "true", "null", "true", "work", "work",
    ];
    assert_eq!(
        value("new NoOpSemaphoreAdapter()", body),
        json!([answers.repeat(2), { "type": "EXPIRED" }, "x"])
    );
}

#[test]
fn the_one_that_does_nothing_still_checks_and_tells() {
    let adapter = Adapter::of("new NoOpSemaphoreAdapter()");
    for case in [
        "bad_settings_are_told_at_once",
        "what_is_no_work_is_refused",
        "what_a_semaphore_is_can_be_read",
        "work_that_waits_for_its_own_task_waits_until_it_gives_up",
        "what_work_throws_comes_through_and_the_slot_is_given_back",
    ] {
        adapter.passes(case);
    }
    let body = "
        const told = provider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
        await told.events.addListener(Object.values(SEMAPHORE_EVENTS), ({ type }) => note(type));
        const semaphore = told.create('x');
        await semaphore.acquire(); await semaphore.refresh(); await semaphore.release(); await semaphore.forceReleaseAll();
        await others();
        export default log;
    ";
    assert_eq!(
        adapter.value(body),
        json!(["ACQUIRED", "REFRESHED", "RELEASED", "ALL_FORCE_RELEASED"])
    );
}

// ---- adapters of a rule's own

/// An adapter that counts what it is asked, and does as it is told.
const TOLD: &str = "{
    asked: 0, free: false,
    async acquire() { this.asked += 1; return this.free; },
    async release() { return this.free; },
    async forceReleaseAll() { return false; },
    async refresh() { return false; },
    async getState() { return null; },
}";

#[test]
fn an_adapter_of_ones_own_is_asked_in_intervals() {
    let body = "
        const semaphore = create('x');
        same(await semaphore.acquireBlocking({ time: ms(200), interval: ms(1) }), false);
        const often = adapter.asked;
        adapter.asked = 0;
        // At the beginning and at the end.
        same(await semaphore.acquireBlocking({ time: brief, interval: hour }), false);
        const twice = adapter.asked;
        adapter.asked = 0;
        same(await semaphore.acquireBlocking({ time: ms(0), interval: ms(1) }), false);
        const once = adapter.asked;
        const waiting = semaphore.acquireBlocking({ time: hour, interval: ms(1) }).then((acquired) => acquired);
        await until(() => adapter.asked > 5);
        adapter.free = true;
        export default [often > 2, twice, once, await waiting];
    ";
    assert_eq!(value(TOLD, body), json!([true, 2, 1, true]));
}

#[test]
fn who_does_not_wait_any_more_asks_no_more() {
    let body = "
        const wait = create('x').acquireBlocking({ time: hour, interval: ms(1) });
        same(await Task.race([wait, late()]), 'late');
        const asked = adapter.asked;
        await Task.delay(ms(50));
        // One question may have been on its way.
        same(adapter.asked - asked <= 1, true);
        // An interval of an hour keeps no run alive either.
        await Task.race([create('y').runBlockingOrFail(() => {}, { time: hour, interval: hour }), Task.delay(brief)]);
        export default asked > 1;
    ";
    let start = std::time::Instant::now();
    assert_eq!(value(TOLD, body), true);
    assert!(start.elapsed().as_secs() < 60, "a timer kept the run alive");
}

#[test]
fn a_slot_that_comes_when_nobody_wants_it_any_more_is_given_back() {
    let body = "
        let give;
        adapter.acquire = () => new Promise((resolve) => { give = resolve });
        adapter.release = async (key, slotId) => { note([key, slotId]); return true; };
        const semaphore = create('x', { slotId: 'mine' });
        const wait = semaphore.runBlockingOrFail(() => note('ran'), { time: hour });
        same(await Task.race([wait, late()]), 'late');
        give(true);
        await others();
        export default log;
    ";
    assert_eq!(value(TOLD, body), json!([["x", "mine"]]));
}

#[test]
fn what_an_adapter_throws_comes_through_and_is_told() {
    let body = "
        const told = provider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
        await told.events.addListener(Object.values(SEMAPHORE_EVENTS), ({ type, error }) => note(`${type} ${error ?? ''}`.trim()));
        const semaphore = told.create('x');
        const results = [];
        const fails = { at_once(method) { throw new Error(`${method} at once`) }, async later(method) { throw new Error(`${method} later`) } };
        const calls = {
            acquire: ['acquire', 'acquireOrFail', 'acquireBlocking', 'acquireBlockingOrFail', 'runOrFail', 'runBlockingOrFail'],
            release: ['release', 'releaseOrFail', 'runOrFail', 'runBlockingOrFail'],
            forceReleaseAll: ['forceReleaseAll'],
            refresh: ['refresh', 'refreshOrFail'],
            getState: ['getState'],
        };
        adapter.free = true;
        for (const [method, callers] of Object.entries(calls)) {
            const works = adapter[method];
            for (const fail of Object.values(fails)) {
                adapter[method] = () => fail(method);
                const message = await failure(() => fail(method));
                for (const caller of callers) {
                    const work = caller.startsWith('run') ? [() => 'worked'] : [];
                    same(await failure(semaphore[caller](...work)), message);
                    await others();
                    const expected = [`UNEXPECTED_ERROR ${message}`];
                    if (method === 'release' && caller.startsWith('run')) expected.unshift('ACQUIRED');
                    same(log.splice(0), expected);
                    results.push(caller);
                }
            }
            adapter[method] = works;
        }
        // What the work throws counts for more than what goes wrong after it.
        adapter.release = () => { throw new Error('release') };
        const thrown = () => { throw new RangeError('no') };
        for (const run of ['runOrFail', 'runBlockingOrFail'])
            for (const work of [thrown, async () => thrown()]) same(await failure(semaphore[run](work)), 'RangeError: no');
        export default results.length;
    ";
    assert_eq!(value(TOLD, body), 28);
}

#[test]
fn one_made_of_another_may_do_something_in_its_own_way() {
    let adapter = "new (class extends MemorySemaphoreAdapter {
        acquire(settings) { note(`${settings.slotId} of ${settings.limit} for ${settings.ttl?.toMilliseconds()}`); return super.acquire(settings); }
    })()";
    let body = "
        const semaphore = create('x', { slotId: 'mine', limit: 2, ttl: hour });
        const state = async () => (await semaphore.getState()).type;
        export default [await semaphore.acquire(), await state(), await semaphore.release(), await semaphore.runOrFail(state), log];
    ";
    let line = "mine of 2 for 3600000";
    assert_eq!(
        value(adapter, body),
        json!([true, "ACQUIRED", true, "ACQUIRED", [line, line]])
    );
}

// ---- how they are set up

/// What making it throws.
#[track_caller]
fn refused(expression: &str) -> String {
    let body = format!("export default await failure(() => {expression})");
    match value("undefined", &body) {
        Value::String(error) => error,
        other => panic!("{expression} gave {other}"),
    }
}

#[test]
fn a_provider_says_what_is_wrong_with_its_settings() {
    let setting = |setting: &str| refused(&format!("new SemaphoreProvider({{ {setting} }})"));
    let about = |name: &str, what: &str, example: &str| {
        format!("TypeError: SemaphoreProvider: the setting `{name}` {what}; try {example}")
    };
    let adapter = |what: &str| about("adapter", what, "new MemorySemaphoreAdapter()");
    for none in ["null", "{}", "5", "MemorySemaphoreAdapter", "() => {}"] {
        assert_eq!(setting(&format!("adapter: {none}")), adapter("is none"));
    }
    for method in [
        "acquire",
        "release",
        "forceReleaseAll",
        "refresh",
        "getState",
    ] {
        assert_eq!(
            setting(&format!("adapter: {{ ...{TOLD}, {method}: undefined }}")),
            adapter(&format!("has no method `{method}`"))
        );
    }
    let bus = "new EventBus({ adapter: new MemoryEventBusAdapter() })";
    assert_eq!(setting("eventBus: {}"), about("eventBus", "is none", bus));
    assert_eq!(setting("eventBus: null"), about("eventBus", "is none", bus));
    let namespace = "new Namespace(\"name\")";
    for none in ["'@ours'", "null", "{}"] {
        assert_eq!(
            setting(&format!("namespace: {none}")),
            about("namespace", "is none", namespace)
        );
    }
    let serde = "new Serde(new SuperJsonSerdeAdapter())";
    for none in [
        "{}",
        "null",
        "[new Serde(new SuperJsonSerdeAdapter()), {}]",
        "[null]",
    ] {
        assert_eq!(
            setting(&format!("serde: {none}")),
            about("serde", "is none", serde)
        );
    }
    assert_eq!(
        setting("createSlotId: 'id'"),
        "TypeError: SemaphoreProvider: the setting `createSlotId` must be a function, or an object with a method `invoke`"
    );
    for name in [
        "defaultTtl",
        "defaultBlockingInterval",
        "defaultBlockingTime",
        "defaultRefreshTime",
    ] {
        assert_eq!(
            setting(&format!("{name}: 5")),
            format!(
                "TypeError: SemaphoreProvider: the setting `{name}`: a length of time must be a TimeSpan, such as TimeSpan.fromSeconds(1), not 5"
            )
        );
    }
    for name in ["defaultTtl", "defaultRefreshTime"] {
        assert_eq!(
            setting(&format!("{name}: ms(0)")),
            format!(
                "TypeError: SemaphoreProvider: the setting `{name}`: a TTL must be longer than nothing: a permit with a TTL of 0 would be lost at once"
            )
        );
    }
}

#[test]
fn an_adapter_says_what_is_wrong_with_its_settings() {
    let redis = "TypeError: RedisSemaphoreAdapter: give it a Redis, as in new RedisSemaphoreAdapter(new Redis(url))";
    for none in ["", "null", "{}", "5", "{ database: {} }", "{ database: 5 }"] {
        assert_eq!(
            refused(&format!("new RedisSemaphoreAdapter({none})")),
            redis,
            "{none}"
        );
    }
    let sqlite = "TypeError: SqliteSemaphoreAdapter: give it the path of a file";
    for none in ["", "null", "''", "{}", "5", "{ path: '' }"] {
        assert_eq!(
            refused(&format!("new SqliteSemaphoreAdapter({none})")),
            sqlite,
            "{none}"
        );
    }
    for (made, error) in [
        (
            "new RedisSemaphoreAdapter('redis://h:x')",
            "TypeError: RedisSemaphoreAdapter: the URL: ",
        ),
        (
            "new RedisSemaphoreAdapter('http://h')",
            "TypeError: RedisSemaphoreAdapter: the URL: ",
        ),
        (
            "new RedisSemaphoreAdapter('sqlite:x.db')",
            "TypeError: RedisSemaphoreAdapter: the URL: \"sqlite:x.db\" is no server; ",
        ),
        (
            "new RedisSemaphoreAdapter({ database: 'memory:' })",
            "TypeError: RedisSemaphoreAdapter: the URL: \"memory:\" is no server; ",
        ),
        (
            "new StoreSemaphoreAdapter('nowhere')",
            "TypeError: StoreSemaphoreAdapter: the URL: ",
        ),
        (
            "new StoreSemaphoreAdapter(5)",
            "TypeError: StoreSemaphoreAdapter: the URL must be a string, not 5",
        ),
        (
            "new StoreSemaphoreAdapter(null)",
            "TypeError: StoreSemaphoreAdapter: the URL must be a string, not null",
        ),
    ] {
        let refused = refused(made);
        assert!(refused.starts_with(error), "{made}: {refused}");
    }
}

#[test]
fn an_adapter_takes_all_that_names_its_store() {
    let adapter = Adapter::redis();
    let Some(url) = adapter.new.split('"').nth(1) else {
        panic!("{}", adapter.new);
    };
    let body = format!(
        "import Redis from 'ioredis';
         const named = [{url:?}, new Redis({url:?}), {{ database: new Redis({url:?}), serde: new Serde(new SuperJsonSerdeAdapter()) }}, {{ database: {url:?} }}];
         const adapters = [...named.map((name) => new RedisSemaphoreAdapter(name)), new StoreSemaphoreAdapter({url:?})];
         const acquired = adapters.map((adapter) => new SemaphoreProvider({{ adapter }}).create('x', {{ limit: 4 }}).acquire());
         export default await Task.all(acquired);"
    );
    assert_eq!(adapter.value(&body), json!([true, true, true, true, false]));
    let folder = tempfile::tempdir().unwrap();
    let path = json!(folder.path().join("semaphores.db"));
    let body = format!(
        "const path = {path};
         const adapters = [path, {{ path }}, `sqlite:${{path}}`].map((name) => new SqliteSemaphoreAdapter(name)).concat(new StoreSemaphoreAdapter(`sqlite:${{path}}`));
         const acquired = [];
         for (const adapter of adapters) acquired.push(await new SemaphoreProvider({{ adapter }}).create('x', {{ limit: 3 }}).acquire());
         export default acquired;"
    );
    assert_eq!(value("undefined", &body), json!([true, true, true, false]));
}

#[test]
fn every_module_has_its_adapter_by_both_names() {
    let names = [
        ("memory", "Memory"),
        ("redis", "Redis"),
        ("sqlite", "Sqlite"),
        ("no-op", "NoOp"),
    ];
    for (file, class) in names {
        let body = format!(
            "import * as own from 'cla/semaphore/{file}';
             import * as all from 'cla/semaphore';
             export default own.{class}SemaphoreAdapter === all.{class}SemaphoreAdapter;"
        );
        assert_eq!(support::value(&body), true, "{file}");
    }
    let body = "
        import { SemaphoreProvider, SEMAPHORE_EVENTS } from '@daiso-tech/core/semaphore';
        import { SEMAPHORE_STATE, LimitReachedSemaphoreError } from '@daiso-tech/core/semaphore/contracts';
        import { MemorySemaphoreAdapter } from '@daiso-tech/core/semaphore/memory-semaphore-adapter';
        import { RedisSemaphoreAdapter } from '@daiso-tech/core/semaphore/redis-semaphore-adapter';
        import { NoOpSemaphoreAdapter } from '@daiso-tech/core/semaphore/no-op-semaphore-adapter';
        import * as all from 'cla/semaphore';
        const same = { SemaphoreProvider, SEMAPHORE_EVENTS, SEMAPHORE_STATE, LimitReachedSemaphoreError, MemorySemaphoreAdapter, RedisSemaphoreAdapter, NoOpSemaphoreAdapter };
        export default Object.entries(same).filter(([name, value]) => all[name] !== value).map(([name]) => name);
    ";
    assert_eq!(support::value(body), json!([]));
}
