//! The page "Semaphore usage": `SemaphoreProvider` and what it makes.

use crate::stage::{Stage, with_ids_hidden};
use crate::table::{CASE, Case, Document, ENTRY, Entry};

/// What most blocks lack: `semaphoreProvider`, with these settings, and what the next names stand for.
macro_rules! provider {
    ($settings:literal) => {
        concat!(
            r#"
import { EventBus } from "@daiso-tech/core/event-bus";
import { MemoryEventBusAdapter } from "@daiso-tech/core/event-bus/memory-event-bus-adapter";
import { SEMAPHORE_EVENTS, SemaphoreProvider } from "@daiso-tech/core/semaphore";
import { MemorySemaphoreAdapter } from "@daiso-tech/core/semaphore/memory-semaphore-adapter";
import { Task } from "@daiso-tech/core/task";
import { TimeSpan } from "@daiso-tech/core/time-span";

const adapter = new MemorySemaphoreAdapter();
const semaphoreProvider = new SemaphoreProvider({ adapter, "#,
            $settings,
            r#" });

/** Others take so many of the two slots, until they give them back. */
async function othersTake(count: number, key: string) {
    const provider = new SemaphoreProvider({ adapter, defaultTtl: null });
    const others = Array.from({ length: count }, () => provider.create(key, { limit: 2 }));
    for (const other of others) {
        await other.acquireOrFail();
    }
    return others;
}

/** A bus that prints the name of every event. */
async function told() {
    const bus = new EventBus({ adapter: new MemoryEventBusAdapter() });
    await bus.addListener(Object.values(SEMAPHORE_EVENTS), ({ type }) => console.log(type));
    return bus;
}

/** What there is to see of a semaphore. */
async function look(semaphore) {
    const { type, freeSlotsCount, remainingTime } = await semaphore.getState();
    const free = freeSlotsCount === undefined ? "" : `, ${freeSlotsCount} free`;
    const expires = remainingTime === undefined ? "" : remainingTime === null ? ", never expires" : ", expires";
    return `${type}${free}${expires}`;
}
"#
        )
    };
}

const PROVIDER: &str = provider!("");

/// All its semaphores of a key have the same slot, so that what is in front of a block can take the block's.
const AS_MINE: &str = provider!("createSlotId: () => 'mine',");

/// Prints its events.
const TOLD: &str = provider!("eventBus: await told(),");

/// Does not wait for long by itself.
const IMPATIENT: &str = provider!("defaultBlockingTime: TimeSpan.fromMilliseconds(100),");

const SEMAPHORE: &str = r#"
const semaphore = semaphoreProvider.create("shared-resource", { limit: 2 });
"#;

/// The work of the blocks that declare `semaphore`.
const WORK: &str = r#"
async function doWork() {
    console.log("works:", await look(semaphore));
}
"#;

const FAILING_WORK: &str = r#"
async function doWork() {
    throw new Error("the work failed");
}
"#;

/// Both slots are taken, and one is given back after 50 ms. `doWork` says whether it began then.
const FREED_SOON: &str = r#"
const [first] = await othersTake(2, "resource");
let freed = Infinity;
setTimeout(async () => {
    await first.release();
    freed = performance.now();
}, 50);
async function doWork() {
    const late = performance.now() - freed;
    console.log("works", late < 900 ? "at once" : `${late} ms late`);
}
"#;

const AFTERWARDS: &str = r#"
console.log("afterwards:", await look(semaphore));
"#;

const SHARED_RESOURCE_FULL: &str = r#"await othersTake(2, "shared-resource");"#;
const RESOURCE_FULL: &str = r#"await othersTake(2, "resource");"#;
const SEMAPHORE_FULL: &str = r#"await othersTake(2, "semaphore");"#;

/// Others have both slots of `semaphore`, and give one back when two attempts have failed.
const FREED_AFTER_TWO_ATTEMPTS: &str = r#"
const [first] = await othersTake(2, "semaphore");
let attempts = 0;
await semaphoreProvider.events.addListener(SEMAPHORE_EVENTS.LIMIT_REACHED, async () => {
    attempts += 1;
    if (attempts === 2) {
        await first.release();
    }
});
"#;

/// A provider whose server is gone.
const BROKEN: &str = r#"
import { SemaphoreProvider } from "@daiso-tech/core/semaphore";
const semaphoreProvider = new SemaphoreProvider({
    adapter: {
        acquire() {
            console.log("asked");
            throw new Error("the server is gone");
        },
        release: () => false,
        forceReleaseAll: () => false,
        refresh: () => false,
        getState: () => null,
    },
});
"#;

/// The name that the block asks, for the one that it declares.
const HAS_ACQUIRED: &str = r#"
Object.defineProperty(globalThis, "hasAcquired", { get: () => hasAcquire });
"#;

const SERDE: &str = r#"
import { Serde } from "@daiso-tech/core/serde";
import { SuperJsonSerdeAdapter } from "@daiso-tech/core/serde/super-json-serde-adapter";
"#;

const REDIS: &str = r#"
import Redis from "ioredis";
"#;

/// Who is told of what, when all that has been dispatched so far has been told.
const LISTEN: &str = r#"
import { SemaphoreProvider } from "@daiso-tech/core/semaphore";
import { SEMAPHORE_EVENTS } from "@daiso-tech/core/semaphore/contracts";

const told: string[] = [];
async function listen(providers) {
    for (const [name, provider] of Object.entries(providers)) {
        await provider.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => told.push(name));
    }
}

/** What comes last is told last: all of it takes the same way. */
async function tellAll() {
    const bus = new EventBus({ adapter: redisPubSubEventBusAdapter });
    const last = Promise.withResolvers();
    await bus.addListener("last", last.resolve);
    await bus.dispatch("last", {});
    await last.promise;
    console.log(told.splice(0).sort().join(" and ") || "nobody", "heard of it");
}
"#;

const LIMIT_REACHED: &str = "LimitReachedSemaphoreError: no slot of semaphore \"resource\" is free: its limit is reached; \
                             wait for one with acquireBlocking";

const GAVE_UP: &str = "RetryResilienceError: all 4 attempts failed: no slot of semaphore \"semaphore\" is free: \
                       its limit is reached; wait for one with acquireBlocking";

pub(crate) const DOCUMENT: Document = Document {
    file: "000_fe123e9a5bfcded1.txt",
    blocks: &[
        Entry {
            block: ("Initial configuration", 1),
            cases: &[
                Case {
                    situation: "its TTL is two seconds unless it is null, and its semaphores are not those of the run's store",
                    after: r#"
                        const semaphore = semaphoreProvider.create("a");
                        console.log(String(semaphore.ttl), await semaphore.acquire());
                        const lasting = new SemaphoreProvider({ defaultTtl: null, adapter: new MemorySemaphoreAdapter() });
                        console.log(lasting.create("a").ttl);
                        console.log(require("cla/sem").list());
                    "#,
                    prints: "2s true\nnull\n[]\n",
                    ..CASE
                },
                Case {
                    situation: "a slot is free after two seconds, unless its TTL is null",
                    after: r#"
                        await semaphoreProvider.create("a").acquireOrFail();
                        await semaphoreProvider.create("b", { ttl: null }).acquireOrFail();
                        const before = performance.now();
                        await semaphoreProvider.create("a").acquireBlockingOrFail();
                        console.log(performance.now() - before > 1_900, await semaphoreProvider.create("b").acquire());
                    "#,
                    prints: "true false\n",
                    seconds: 2..30,
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Creating a semaphore", 1),
            contradiction: Some(
                "a limit need not be defined: the document's own blocks leave it out, and then it is 1",
            ),
            cases: &[
                Case {
                    situation: "two may hold a slot at once",
                    before: &[PROVIDER],
                    after: r#"
                        const other = () => semaphoreProvider.create("shared-resource", { limit: 2 });
                        console.log(await semaphore.acquire(), await other().acquire(), await other().acquire());
                    "#,
                    prints: "true true false\n",
                    ..CASE
                },
                Case {
                    situation: "it goes on from the configuration; without a limit, one may",
                    continues: &[("Initial configuration", 1)],
                    after: r#"
                        console.log(String(semaphore.key), String(semaphore.ttl));
                        const other = () => semaphoreProvider.create("without-limit");
                        console.log(await other().acquire(), await other().acquire());
                    "#,
                    prints: "shared-resource 2s\ntrue false\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Acquiring and releasing the semaphore", 1),
            contradiction: Some(
                "it releases in `finally` before it acquires again, so that its last line logs false only if others \
                 have reached the limit",
            ),
            cases: &[
                Case {
                    situation: "alone it has released both, and so logs true",
                    continues: &[("Initial configuration", 1), ("Creating a semaphore", 1)],
                    prints: "Acquired\nAcquired\ntrue\n",
                    ..CASE
                },
                Case {
                    situation: "with one slot taken, the other is enough",
                    before: &[
                        PROVIDER,
                        SEMAPHORE,
                        r#"await othersTake(1, "shared-resource");"#,
                    ],
                    prints: "Acquired\nAcquired\ntrue\n",
                    ..CASE
                },
                Case {
                    situation: "with the limit reached it logs false",
                    before: &[PROVIDER, SEMAPHORE, SHARED_RESOURCE_FULL],
                    prints: "Unable to acquire\nUnable to acquire\nfalse\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Acquiring and releasing the semaphore", 2),
            contradiction: Some(
                "it releases in `finally` before it acquires again, so that its last line throws only if others have \
                 reached the limit; and it logs \"Acquired\" before it tries",
            ),
            cases: &[
                Case {
                    situation: "alone it has released both, and so does not throw",
                    continues: &[("Initial configuration", 1), ("Creating a semaphore", 1)],
                    after: "console.log((await semaphore.getState()).type);",
                    prints: "Acquired\nAcquired\nACQUIRED\n",
                    ..CASE
                },
                Case {
                    situation: "with the limit reached it throws",
                    before: &[PROVIDER, SEMAPHORE, SHARED_RESOURCE_FULL],
                    prints: "Acquired\nUnable to acquire\nAcquired\nUnable to acquire\n",
                    fails: Some(
                        "LimitReachedSemaphoreError: no slot of semaphore \"shared-resource\" is free: its limit is \
                         reached; wait for one with acquireBlocking",
                    ),
                    points_at: Some("await semaphore.acquireOrFail();"),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Semaphore with custom TTL", 1),
            cases: &[
                Case {
                    situation: "its TTL is 30 s, which is 5 min by default, and none if null",
                    before: &[PROVIDER],
                    after: r#"
                        await semaphore.acquireOrFail();
                        const { remainingTime } = await semaphore.getState();
                        const left = remainingTime.toMilliseconds();
                        console.log(String(semaphore.ttl), left > 20_000 && left <= 30_000);
                        console.log(String(semaphoreProvider.create("a").ttl));
                        const lasting = semaphoreProvider.create("a", { ttl: null });
                        await lasting.acquireOrFail();
                        console.log(lasting.ttl, await look(lasting));
                    "#,
                    prints: "30s true\n5m\nnull ACQUIRED, 0 free, never expires\n",
                    ..CASE
                },
                Case {
                    situation: "its slot is free after 30 s, another's without TTL is not",
                    before: &[PROVIDER, r#"await othersTake(1, "shared-resource");"#],
                    after: r#"
                        await semaphore.acquireOrFail();
                        const before = performance.now();
                        await semaphoreProvider.create("shared-resource", { limit: 2 }).acquireBlockingOrFail();
                        console.log(performance.now() - before > 29_000, await look(semaphore), await semaphore.release());
                    "#,
                    prints: "true LIMIT_REACHED false\n",
                    seconds: 29..60,
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Checking semaphore state", 1),
            cases: &[
                Case {
                    situation: "nobody holds a slot",
                    before: &[AS_MINE],
                    prints: "The semaphore doesnt exists\n",
                    ..CASE
                },
                Case {
                    situation: "its slot has expired",
                    before: &[
                        AS_MINE,
                        r#"
                        const mine = semaphoreProvider.create("shared-resource", { ttl: TimeSpan.fromMilliseconds(1) });
                        await mine.acquireOrFail();
                        await Task.delay(TimeSpan.fromMilliseconds(20));
                        "#,
                    ],
                    prints: "The semaphore doesnt exists\n",
                    ..CASE
                },
                Case {
                    situation: "another holds one of the slots",
                    before: &[AS_MINE, r#"await othersTake(1, "shared-resource");"#],
                    prints: "There are avilable slots but the semaphore is not acquired\n",
                    ..CASE
                },
                Case {
                    situation: "it holds one itself",
                    before: &[
                        AS_MINE,
                        r#"await semaphoreProvider.create("shared-resource", { limit: 2 }).acquireOrFail();"#,
                    ],
                    prints: "The semaphore is acquired\n",
                    ..CASE
                },
                Case {
                    situation: "it holds one itself, and another the other",
                    before: &[
                        AS_MINE,
                        r#"await othersTake(1, "shared-resource");
                           await semaphoreProvider.create("shared-resource", { limit: 2 }).acquireOrFail();"#,
                    ],
                    prints: "The semaphore is acquired\n",
                    ..CASE
                },
                Case {
                    situation: "others hold both",
                    before: &[AS_MINE, SHARED_RESOURCE_FULL],
                    prints: "The limit have been reached and all slots are unavailable\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Acquire blocking", 1),
            contradiction: Some(
                "\"END\" is logged after a minute only if no slot becomes free; and nobody tries at intervals: whoever \
                 waits is told at once",
            ),
            cases: &[
                Case {
                    situation: "with a free slot it works and ends at once",
                    before: &[PROVIDER, WORK],
                    after: AFTERWARDS,
                    prints: "works: ACQUIRED, 1 free, expires\nEND\nafterwards: EXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "with a slot that becomes free it works at once, not after the interval",
                    before: &[PROVIDER, FREED_SOON],
                    after: AFTERWARDS,
                    prints: "works at once\nEND\nafterwards: UNACQUIRED, 1 free\n",
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it gives up after a minute, and does not work; meanwhile, others do",
                    before: &[
                        PROVIDER,
                        WORK,
                        RESOURCE_FULL,
                        r#"
                        const begun = performance.now();
                        setTimeout(() => console.log("others go on"), 1_000);
                        "#,
                    ],
                    after: r#"
                        const waited = performance.now() - begun;
                        console.log(hasAcquired, waited >= 60_000 || `after ${waited} ms`, await look(semaphore));
                    "#,
                    prints: "others go on\nEND\nfalse true LIMIT_REACHED\n",
                    seconds: 60..75,
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Refreshing semaphores", 1),
            cases: &[
                Case {
                    situation: "each round gives its slot a minute anew, until the work is finished",
                    before: &[
                        PROVIDER,
                        r#"
                        const deadlines: number[] = [];
                        async function doWork() {
                            const { remainingTime } = await semaphore.getState();
                            deadlines.push(performance.now() + remainingTime.toMilliseconds());
                            return deadlines.length === 3;
                        }
                        const begun = performance.now();
                        "#,
                    ],
                    after: r#"
                        const [first, second, third] = deadlines.map((deadline) => deadline - begun);
                        console.log(first >= 59_990, second - first >= 500, third - second >= 500);
                        console.log(await look(semaphore));
                    "#,
                    prints: "true true true\nEXPIRED\n",
                    seconds: 2..30,
                    ..CASE
                },
                Case {
                    situation: "it is told of, and the slot given back",
                    before: &[TOLD, "const doWork = async () => true;"],
                    prints: "ACQUIRED\nREFRESHED\nRELEASED\n",
                    ..CASE
                },
                Case {
                    situation: "when the work fails, the slot is given back",
                    before: &[TOLD, FAILING_WORK],
                    prints: "ACQUIRED\nREFRESHED\nRELEASED\n",
                    fails: Some("the work failed"),
                    points_at: Some("throw new Error(\"the work failed\");"),
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it does nothing",
                    before: &[TOLD, FAILING_WORK, RESOURCE_FULL],
                    prints: "LIMIT_REACHED\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Refreshing semaphores", 2),
            contradiction: Some(
                "it never acquires, so that it logs false with any TTL; what it means shows when it is acquired",
            ),
            cases: &[
                Case {
                    situation: "as it stands, it is not acquired",
                    before: &[PROVIDER],
                    prints: "false\n",
                    ..CASE
                },
                Case {
                    situation: "acquired without a TTL it cannot be refreshed, and is held as before; with one it can",
                    before: &[
                        AS_MINE,
                        r#"await semaphoreProvider.create("resource", { limit: 2, ttl: null }).acquireOrFail();"#,
                    ],
                    after: r#"
                        console.log(await look(semaphore));
                        const expiring = semaphoreProvider.create("other", { ttl: TimeSpan.fromMinutes(1) });
                        await expiring.acquireOrFail();
                        console.log(await expiring.refresh());
                    "#,
                    prints: "false\nACQUIRED, 1 free, never expires\ntrue\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 1),
            cases: &[
                Case {
                    situation: "with a free slot it has it",
                    before: &[PROVIDER],
                    after: AFTERWARDS,
                    prints: "afterwards: ACQUIRED, 1 free, expires\n",
                    ..CASE
                },
                Case {
                    situation: "with a slot that becomes free it has that",
                    before: &[PROVIDER, FREED_SOON],
                    after: "await doWork();",
                    prints: "works at once\n",
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it throws when its time is over",
                    before: &[IMPATIENT, RESOURCE_FULL],
                    fails: Some(LIMIT_REACHED),
                    points_at: Some("await semaphore.acquireBlockingOrFail({"),
                    ..CASE
                },
                Case {
                    situation: "it takes the configuration of acquireBlocking",
                    before: &[PROVIDER],
                    after: r#"
                        await othersTake(1, "resource");
                        const late = semaphoreProvider.create("resource", { limit: 2 });
                        await late.acquireBlockingOrFail({
                            time: TimeSpan.fromMilliseconds(100),
                            interval: TimeSpan.fromMilliseconds(10),
                        });
                    "#,
                    fails: Some(LIMIT_REACHED),
                    points_at: Some("interval: TimeSpan.fromMilliseconds(10),"),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 2),
            contradiction: Some("it never acquires, so that alone it shows the error"),
            cases: &[
                Case {
                    situation: "as it stands, there is nothing to release",
                    before: &[AS_MINE],
                    fails: Some(
                        "FailedReleaseSemaphoreError: the slot \"mine\" of semaphore \"resource\" cannot be released: \
                         it is not held, or it has expired",
                    ),
                    points_at: Some("await semaphore.releaseOrFail();"),
                    ..CASE
                },
                Case {
                    situation: "what is held it releases",
                    before: &[
                        AS_MINE,
                        r#"await semaphoreProvider.create("resource", { limit: 2 }).acquireOrFail();"#,
                    ],
                    after: AFTERWARDS,
                    prints: "afterwards: EXPIRED\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 3),
            cases: &[
                Case {
                    situation: "it releases the slots of others",
                    before: &[TOLD, r#"const others = await othersTake(2, "resource");"#],
                    after: r#"
                        console.log(await look(semaphore));
                        console.log(await others[0].release(), await semaphore.acquire());
                    "#,
                    prints: "ALL_FORCE_RELEASED\nEXPIRED\nACQUIRED\nfalse true\n",
                    ..CASE
                },
                Case {
                    situation: "there may be none",
                    before: &[PROVIDER],
                    after: "console.log(await semaphore.forceReleaseAll());",
                    prints: "false\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 4),
            contradiction: Some("it never acquires, so that alone it shows the error"),
            cases: &[
                Case {
                    situation: "as it stands, there is nothing to refresh",
                    before: &[AS_MINE],
                    fails: Some(
                        "FailedRefreshSemaphoreError: the slot \"mine\" of semaphore \"resource\" cannot be refreshed: \
                         it is not held, has expired, or has no TTL",
                    ),
                    points_at: Some("await semaphore.refreshOrFail();"),
                    ..CASE
                },
                Case {
                    situation: "what is held it refreshes",
                    before: &[
                        AS_MINE,
                        r#"
                        const settings = { ttl: TimeSpan.fromSeconds(1) };
                        await semaphoreProvider.create("resource", settings).acquireOrFail();
                        "#,
                    ],
                    after: r#"
                        const { remainingTime } = await semaphore.getState();
                        console.log(remainingTime.toMilliseconds() > 1_000);
                    "#,
                    prints: "true\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 5),
            cases: &[
                Case {
                    situation: "it works with a slot, and gives it back",
                    before: &[PROVIDER, WORK],
                    after: AFTERWARDS,
                    prints: "works: ACQUIRED, 1 free, expires\nafterwards: EXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "when the work fails, it gives it back",
                    before: &[TOLD, FAILING_WORK],
                    prints: "ACQUIRED\nRELEASED\n",
                    fails: Some("the work failed"),
                    points_at: Some("throw new Error(\"the work failed\");"),
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it throws, and does not work",
                    before: &[PROVIDER, WORK, RESOURCE_FULL],
                    fails: Some(LIMIT_REACHED),
                    points_at: Some("await semaphore.runOrFail(async () => {"),
                    ..CASE
                },
                Case {
                    situation: "the work may be a task, or an object that can be called",
                    before: &[PROVIDER, WORK],
                    after: r#"
                        console.log(await semaphore.runOrFail(new Task(async () => look(semaphore))));
                        console.log(await semaphore.runOrFail({ invoke: () => look(semaphore) }));
                        console.log(await semaphore.runOrFail(() => "at once"));
                    "#,
                    prints: "works: ACQUIRED, 1 free, expires\nACQUIRED, 1 free, expires\nACQUIRED, 1 free, expires\nat once\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Additional methods", 6),
            cases: &[
                Case {
                    situation: "it works with a slot, and gives it back",
                    before: &[PROVIDER, WORK],
                    after: AFTERWARDS,
                    prints: "works: ACQUIRED, 1 free, expires\nafterwards: EXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "with a slot that becomes free it works at once",
                    before: &[PROVIDER, FREED_SOON],
                    after: AFTERWARDS,
                    prints: "works at once\nafterwards: UNACQUIRED, 1 free\n",
                    ..CASE
                },
                Case {
                    situation: "when the work fails, it gives it back",
                    before: &[TOLD, FAILING_WORK],
                    prints: "ACQUIRED\nRELEASED\n",
                    fails: Some("the work failed"),
                    points_at: Some("throw new Error(\"the work failed\");"),
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it throws when its time is over, and does not work",
                    before: &[IMPATIENT, WORK, RESOURCE_FULL],
                    fails: Some(LIMIT_REACHED),
                    points_at: Some("await semaphore.runBlockingOrFail("),
                    ..CASE
                },
                Case {
                    situation: "it takes the configuration of acquireBlocking, and the work may be a task or an object",
                    before: &[PROVIDER, WORK],
                    after: r#"
                        const settings = { time: TimeSpan.fromMilliseconds(100), interval: TimeSpan.fromMilliseconds(10) };
                        console.log(await semaphore.runBlockingOrFail(new Task(() => look(semaphore)), settings));
                        await othersTake(2, "resource");
                        await semaphore.runBlockingOrFail({ invoke: doWork }, settings);
                    "#,
                    prints: "works: ACQUIRED, 1 free, expires\nACQUIRED, 1 free, expires\n",
                    fails: Some(LIMIT_REACHED),
                    points_at: Some(
                        "await semaphore.runBlockingOrFail({ invoke: doWork }, settings);",
                    ),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Semaphore instance variables", 1),
            cases: &[
                Case {
                    situation: "the id is a random one",
                    before: &[PROVIDER],
                    after: r#"
                        console.log(semaphore.id === semaphoreProvider.create("resource").id);
                        console.log(semaphore.key.get(), semaphore.key.equals(semaphoreProvider.create("resource").key));
                    "#,
                    prints: "resource\n<id>\nTimeSpan { milliseconds: 300000 }\nfalse\nresource true\n",
                    ..CASE
                },
                Case {
                    situation: "the provider can choose ids and TTL",
                    before: &[provider!(
                        "createSlotId: () => 'mine', defaultTtl: TimeSpan.fromSeconds(2)"
                    )],
                    prints: "resource\nmine\nTimeSpan { milliseconds: 2000 }\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Semaphore slot id", 1),
            contradiction: Some(
                "it declares `hasAcquire` but asks `hasAcquired`, which is nowhere declared; completed, the one means the other",
            ),
            cases: &[
                Case {
                    situation: "as it stands, a name is not defined",
                    before: &[PROVIDER],
                    fails: Some("hasAcquired is not defined"),
                    points_at: Some("if (hasAcquired) {"),
                    ..CASE
                },
                Case {
                    situation: "it acquires the slot of that id, and releases it",
                    before: &[TOLD, HAS_ACQUIRED],
                    after: "console.log(semaphore.id, await look(semaphore));",
                    prints: "ACQUIRED\nShared resource\nRELEASED\nmy-slot-id EXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "others see the id",
                    before: &[
                        PROVIDER,
                        r#"
                        const other = semaphoreProvider.create("semaphore");
                        Object.defineProperty(globalThis, "hasAcquired", { value: false });
                        "#,
                    ],
                    after: "console.log(await other.getState());",
                    prints: "{ type: 'LIMIT_REACHED', limit: 1, acquiredSlots: [ 'my-slot-id' ] }\n",
                    ..CASE
                },
                Case {
                    situation: "with the only slot taken by another id it does nothing",
                    before: &[
                        TOLD,
                        HAS_ACQUIRED,
                        r#"await new SemaphoreProvider({ adapter }).create("semaphore").acquireOrFail();"#,
                    ],
                    prints: "LIMIT_REACHED\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Namespacing", 1),
            contradiction: Some(
                "the state of a semaphore that is acquired has more to it than its type and the remaining time; \
                 and `Serde` and `SuperJsonSerdeAdapter` are not imported",
            ),
            cases: &[Case {
                situation: "the same key in two namespaces is two semaphores",
                before: &[SERDE],
                after: r#"
                    const again = semaphoreProviderA.create("key", { limit: 1 });
                    console.log(String(semaphoreA.key), String(semaphoreB.key), await again.acquire());
                "#,
                prints: "true\ntrue\ntrue\n\
                         {\n  type: 'ACQUIRED',\n  remainingTime: null,\n  limit: 1,\n  freeSlotsCount: 0,\n  \
                         acquiredSlotsCount: 1,\n  acquiredSlots: [ '<id>' ]\n}\n\
                         { type: 'EXPIRED' }\n\
                         @semaphore-a:_rt:key @semaphore-b:_rt:key false\n",
                ..CASE
            }],
            ..ENTRY
        },
        Entry {
            block: ("Retrying acquiring semaphore", 1),
            contradiction: Some(
                "it releases in `finally` also what it has not acquired, which is refused and harms nobody",
            ),
            cases: &[
                Case {
                    situation: "with a free slot the first attempt succeeds",
                    before: &[TOLD],
                    prints: "ACQUIRED\nRELEASED\n",
                    ..CASE
                },
                Case {
                    situation: "it tries again until a slot is free",
                    before: &[TOLD, FREED_AFTER_TWO_ATTEMPTS],
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nACQUIRED\nRELEASED\n",
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it tries four times",
                    before: &[TOLD, SEMAPHORE_FULL],
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\nFAILED_RELEASE\n",
                    fails: Some(GAVE_UP),
                    points_at: Some("retry({"),
                    seconds: 1..30,
                    ..CASE
                },
                Case {
                    situation: "another error is not one to retry after",
                    before: &[BROKEN],
                    prints: "asked\n",
                    fails: Some("the server is gone"),
                    points_at: Some("throw new Error(\"the server is gone\");"),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Retrying acquiring semaphore", 2),
            cases: &[
                Case {
                    situation: "with a free slot the first attempt succeeds",
                    before: &[TOLD],
                    after: "console.log(hasAquired);",
                    prints: "ACQUIRED\nRELEASED\ntrue\n",
                    ..CASE
                },
                Case {
                    situation: "it tries again until a slot is free",
                    before: &[TOLD, FREED_AFTER_TWO_ATTEMPTS],
                    after: "console.log(hasAquired);",
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nACQUIRED\nRELEASED\ntrue\n",
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it tries four times",
                    before: &[TOLD, SEMAPHORE_FULL],
                    after: "console.log(hasAquired);",
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\nfalse\n",
                    seconds: 1..30,
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Retrying acquiring semaphore", 3),
            cases: &[
                Case {
                    situation: "with a free slot the first attempt succeeds",
                    before: &[TOLD],
                    prints: "ACQUIRED\nRELEASED\n",
                    ..CASE
                },
                Case {
                    situation: "without anybody to be told it does as well",
                    before: &[PROVIDER],
                    after: AFTERWARDS,
                    prints: "afterwards: EXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "it tries again until a slot is free",
                    before: &[TOLD, FREED_AFTER_TWO_ATTEMPTS],
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nACQUIRED\nRELEASED\n",
                    ..CASE
                },
                Case {
                    situation: "with both slots taken it tries four times",
                    before: &[TOLD, SEMAPHORE_FULL],
                    prints: "LIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\nLIMIT_REACHED\n",
                    fails: Some(GAVE_UP),
                    points_at: Some("retry({"),
                    seconds: 1..30,
                    ..CASE
                },
                Case {
                    situation: "another error is not one to retry after",
                    before: &[BROKEN],
                    prints: "asked\n",
                    fails: Some("the server is gone"),
                    points_at: Some("throw new Error(\"the server is gone\");"),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Serialization and deserialization of semaphore", 1),
            contradiction: Some("`Redis` is not imported"),
            cases: &[
                Case {
                    situation: "what comes back is the same slot of the same semaphore",
                    before: &[REDIS],
                    after: r#"
                        console.log(typeof serializedSemaphore, deserializedSemaphore === semaphore);
                        console.log(String(deserializedSemaphore.key), deserializedSemaphore.id === semaphore.id);
                        console.log(await semaphore.acquire(), await deserializedSemaphore.release());
                        console.log((await semaphore.getState()).type);
                    "#,
                    prints: "string false\nresource true\ntrue true\nEXPIRED\n",
                    ..CASE
                },
                Case {
                    situation: "another process releases it",
                    play: Some(a_second_process_releases_what_the_first_has_written),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Serialization and deserialization of semaphore", 2),
            contradiction: Some(
                "it listens after it has sent, so that alone it logs nothing: another process does, once it listens; \
                 what that gets is deserialized, not serialized; and `Redis` is not imported",
            ),
            cases: &[
                Case {
                    situation: "alone it sends, listens, and ends",
                    before: &[REDIS],
                    ..CASE
                },
                Case {
                    situation: "another process gets the semaphore, and releases it",
                    play: Some(a_process_that_listens_gets_the_semaphore_and_releases_it),
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Semaphore events", 1),
            cases: &[
                Case {
                    situation: "the listener is told",
                    prints: "Lock acquired\n",
                    ..CASE
                },
                Case {
                    situation: "it is told of that event only, each time",
                    after: r#"
                        const semaphore = semaphoreProvider.create("b");
                        await semaphore.acquire();
                        await semaphore.release();
                        console.log(await semaphoreProvider.create("a").acquire());
                    "#,
                    prints: "Lock acquired\nLock acquired\nfalse\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: ("Semaphore events", 2),
            cases: &[
                Case {
                    situation: "each provider's listener is told of its own semaphores only",
                    before: &[LISTEN],
                    after: r#"
                        await listen({ memory: memorySemaphoreProvider, redis: redisSemaphoreProvider });
                        await memorySemaphoreProvider.create("a").acquireOrFail();
                        await tellAll();
                        await redisSemaphoreProvider.create("a").acquireOrFail();
                        await tellAll();
                    "#,
                    prints: "memory heard of it\nredis heard of it\n",
                    ..CASE
                },
                Case {
                    situation: "without namespaces both are told of all",
                    before: &[LISTEN],
                    after: r#"
                        const eventBus = new EventBus({ adapter: redisPubSubEventBusAdapter });
                        const memory = new SemaphoreProvider({ adapter: memorySemaphoreAdapter, eventBus });
                        const redis = new SemaphoreProvider({ adapter: redisSemaphoreAdapter, eventBus });
                        await listen({ memory, redis });
                        await memory.create("a").acquireOrFail();
                        await tellAll();
                        await redis.create("a").acquireOrFail();
                        await tellAll();
                    "#,
                    prints: "memory and redis heard of it\nmemory and redis heard of it\n",
                    ..CASE
                },
            ],
            ..ENTRY
        },
        Entry {
            block: (
                "Separating creating, listening to and manipulating semaphore",
                1,
            ),
            contradiction: Some(
                "no error comes from the types when a rule runs: they are checked by the editor (tests/types/semaphore-document.ts)",
            ),
            cases: &[
                Case {
                    situation: "the listeners are told of what the other two do",
                    before: &[r#"
                        async function doWork() {
                            console.log("works");
                        }
                    "#],
                    prints: "\
ACQUIRED: {
  semaphore: Semaphore {
    key: Key { prefix: '', key: 'resource' },
    id: '<id>',
    ttl: TimeSpan { milliseconds: 300000 }
  },
  type: 'ACQUIRED'
}
works
RELEASED: {
  semaphore: Semaphore {
    key: Key { prefix: '', key: 'resource' },
    id: '<id>',
    ttl: TimeSpan { milliseconds: 300000 }
  },
  type: 'RELEASED'
}
",
                    ..CASE
                },
                Case {
                    situation: "when the work fails, they are told as well",
                    before: &[FAILING_WORK],
                    prints: "\
ACQUIRED: {
  semaphore: Semaphore {
    key: Key { prefix: '', key: 'resource' },
    id: '<id>',
    ttl: TimeSpan { milliseconds: 300000 }
  },
  type: 'ACQUIRED'
}
RELEASED: {
  semaphore: Semaphore {
    key: Key { prefix: '', key: 'resource' },
    id: '<id>',
    ttl: TimeSpan { milliseconds: 300000 }
  },
  type: 'RELEASED'
}
",
                    fails: Some("the work failed"),
                    points_at: Some("throw new Error(\"the work failed\");"),
                    ..CASE
                },
            ],
            ..ENTRY
        },
    ],
};

/// Goes on until another process has given the slot of `semaphore` back.
const UNTIL_GIVEN_BACK: &str = r#"
while ((await semaphore.getState()).type === "ACQUIRED") {
    await Task.delay(TimeSpan.fromMilliseconds(20));
}
console.log("given back by another");
"#;

const TASKS: &str = r#"
import { Task } from "@daiso-tech/core/task";
import { TimeSpan } from "@daiso-tech/core/time-span";
"#;

fn a_second_process_releases_what_the_first_has_written(stage: &Stage<'_>) {
    let acquire = r#"
        await semaphore.acquireOrFail();
        console.log(serializedSemaphore);
    "#;
    let mut first = stage.start(
        "first.ts",
        &[REDIS, TASKS],
        &[acquire, UNTIL_GIVEN_BACK].concat(),
        &[],
    );
    let written = first.stdout_line();

    let revive = r#"
        const moved = serde.deserialize(args[0]);
        console.log(String(moved.key), moved.id, String(moved.ttl), (await moved.getState()).type);
        console.log(await moved.release(), await moved.release());
    "#;
    let imports = r#"import { args } from "cla/process";"#;
    let arguments = ["--", written.trim_end()];
    let second = stage.start("second.ts", &[REDIS, imports], revive, &arguments);
    let printed = second.end().printed().to_owned();
    assert_eq!(
        with_ids_hidden(&printed),
        "resource <id> 5m ACQUIRED\ntrue false\n"
    );
    assert_eq!(first.end().printed(), "given back by another\n");
}

fn a_process_that_listens_gets_the_semaphore_and_releases_it(stage: &Stage<'_>) {
    // Both run the block. The listener has sent its own before anybody listened.
    let release = r#"
        console.log("listens");
        const { semaphore: sent } = await eventBus.asPromise("sending-semaphore-over-network");
        while ((await sent.getState()).type !== "ACQUIRED") {
            await Task.delay(TimeSpan.fromMilliseconds(20));
        }
        console.log(String(sent.key), sent.id !== semaphore.id, await sent.release());
    "#;
    let mut listener = stage.start("listener.ts", &[REDIS, TASKS], release, &[]);
    assert_eq!(listener.stdout_line(), "listens\n");

    let acquire = "console.log(await semaphore.acquire());";
    let sender = stage.start(
        "sender.ts",
        &[REDIS, TASKS],
        &[acquire, UNTIL_GIVEN_BACK].concat(),
        &[],
    );
    assert_eq!(sender.end().printed(), "true\ngiven back by another\n");
    assert_eq!(
        with_ids_hidden(listener.end().printed()),
        "\
SEMAPHORE: Semaphore {
  key: Key { prefix: '', key: 'resource' },
  id: '<id>',
  ttl: TimeSpan { milliseconds: 300000 }
}
resource true true
"
    );
}
