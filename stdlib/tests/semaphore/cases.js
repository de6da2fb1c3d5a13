// The cases of `semaphore.rs`. Each is run on each adapter; in front of this stands what makes that adapter:
//
//   adapter   the adapter, `undefined` for none
//   again     makes another adapter of the same semaphores
//   watched   whether the run's store has the same semaphores, so that `cla/sem` sees them

const ms = TimeSpan.fromMilliseconds;
/** Longer than any test takes. */
const hour = TimeSpan.fromHours(1);
const brief = ms(20);

const log = [];
const note = (entry) => {
  log.push(entry);
  return entry;
};

const settings = (more) => ({ defaultBlockingInterval: ms(1), ...more });
/** A provider with the adapter. */
const provider = (more) => new SemaphoreProvider(settings({ adapter, ...more }));
/** A provider as another program would make it, of the same semaphores. */
const other = (more) => new SemaphoreProvider(settings({ adapter: again(), ...more }));

const create = (key, more) => provider().create(key, more);
const elsewhere = (key, more) => other().create(key, more);

/** Fails unless both are the same JSON. */
function same(actual, expected) {
  const [a, b] = [actual, expected].map((value) => JSON.stringify(value, sorted));
  if (a !== b) {
    throw new Error(`\n  it is     ${a}\n  and not   ${b}`);
  }
}

const sorted = (_, value) =>
  value?.constructor === Object ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;

/** The error with which something fails, as text. */
async function failure(work) {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  throw new Error("it did not fail");
}

/** A method that notes its call, then does what the semaphore's own does. */
const noting = (name, own = Object.getPrototypeOf(create("x"))[name]) =>
  function (...args) {
    note(name);
    return own.apply(this, args);
  };

const RUN_METHODS = ["acquireOrFail", "acquireBlockingOrFail", "release"];
const ofEach = (replacement) => Object.fromEntries(RUN_METHODS.map((name) => [name, replacement(name)]));

/** Every way to have other methods than the semaphore's own; `undo` gets what must be undone. */
const REPLACE = {
  subclass(semaphore, replacement) {
    class Ours extends semaphore.constructor {}
    Object.assign(Ours.prototype, ofEach(replacement));
    return Object.setPrototypeOf(semaphore, Ours.prototype);
  },
  property: (semaphore, replacement) => Object.assign(semaphore, ofEach(replacement)),
  proxy(semaphore, replacement) {
    const own = ofEach(replacement);
    return new Proxy(semaphore, { get: (target, name, receiver) => own[name] ?? Reflect.get(target, name, receiver) });
  },
  wrapper: (semaphore, replacement) => Object.assign(Object.create(semaphore), ofEach(replacement)),
  prototype(semaphore, replacement, undo) {
    const prototype = Object.getPrototypeOf(semaphore);
    const before = Object.getOwnPropertyDescriptors(prototype);
    undo.push(() => RUN_METHODS.forEach((name) => Object.defineProperty(prototype, name, before[name])));
    Object.assign(prototype, ofEach(replacement));
    return semaphore;
  },
};

/** Waits until it is so. */
async function until(isSo) {
  while (!(await isSo())) {
    await Task.delay(ms(1));
  }
}

/** A task that has this value after a while. */
const late = (value = "late") =>
  Task.delay(brief).pipe(async (args, next) => {
    await next();
    return value;
  });

/** Lets whatever can go on do so. */
const others = () => Task.delay(ms(2));

const typeOf = async (semaphore) => (await semaphore.getState()).type;

/** Begins a task that waits for a slot of the semaphore `key`, and waits until it does. */
async function queued(key, task) {
  const before = watched ? sem.show(key).waiting : 0;
  const promise = task.then((value) => value);
  if (watched) {
    await until(() => sem.show(key).waiting > before);
  } else {
    await others();
  }
  // A promise would be awaited with this one.
  return { promise };
}

const limitReached = (key) =>
  `LimitReachedSemaphoreError: no slot of semaphore "${key}" is free: its limit is reached; wait for one with acquireBlocking`;
const notReleased = (key, id) =>
  `FailedReleaseSemaphoreError: the slot "${id}" of semaphore "${key}" cannot be released: it is not held, or it has expired`;
const notRefreshed = (key, id) =>
  `FailedRefreshSemaphoreError: the slot "${id}" of semaphore "${key}" cannot be refreshed: it is not held, has expired, or has no TTL`;

const cases = {
  async a_free_slot_is_acquired_and_released() {
    const semaphore = create("x", { slotId: "mine" });
    same(await semaphore.getState(), { type: "EXPIRED" });
    same(await semaphore.acquire(), true);
    const { remainingTime, ...state } = await semaphore.getState();
    same(state, { type: "ACQUIRED", limit: 1, freeSlotsCount: 0, acquiredSlotsCount: 1, acquiredSlots: ["mine"] });
    same(await semaphore.release(), true);
    same(await semaphore.getState(), { type: "EXPIRED" });
    same(await semaphore.release(), false);
    same(await semaphore.acquireOrFail(), undefined);
    same(await semaphore.releaseOrFail(), undefined);
    same(await semaphore.acquireBlocking(), true);
    same(await semaphore.release(), true);
    same(await semaphore.acquireBlockingOrFail(), undefined);
    same(await semaphore.release(), true);
  },

  async nobody_is_let_in_at_the_limit() {
    const [first, second, third] = ["1", "2", "3"].map((slotId) => create("x", { limit: 2, slotId }));
    same(await first.acquire(), true);
    same(await third.getState(), {
      type: "UNACQUIRED",
      limit: 2,
      freeSlotsCount: 1,
      acquiredSlotsCount: 1,
      acquiredSlots: ["1"],
    });
    same(await second.acquire(), true);
    same(await third.acquire(), false);
    same(await elsewhere("x", { limit: 2 }).acquire(), false);
    same(await third.getState(), { type: "LIMIT_REACHED", limit: 2, acquiredSlots: ["1", "2"] });
    same(await failure(third.acquireOrFail()), limitReached("x"));
    // It holds a slot, and that comes first.
    const { remainingTime, ...state } = await first.getState();
    same(state, { type: "ACQUIRED", limit: 2, freeSlotsCount: 0, acquiredSlotsCount: 2, acquiredSlots: ["1", "2"] });
    same(await first.release(), true);
    same(await third.acquire(), true);
    same(await second.getState().then(({ acquiredSlots }) => acquiredSlots), ["2", "3"]);
  },

  async one_at_a_time_is_the_default() {
    same(await create("x").acquire(), true);
    same(await create("x").acquire(), false);
  },

  async without_a_limit_everybody_is_let_in() {
    for (let n = 0; n < 20; n += 1) {
      await create("x", { limit: Infinity }).acquireOrFail();
    }
    const { limit, freeSlotsCount, acquiredSlotsCount, type } = await create("x").getState();
    same([limit === Infinity, freeSlotsCount === Infinity, acquiredSlotsCount, type], [true, true, 20, "UNACQUIRED"]);
  },

  async acquiring_again_takes_no_second_slot_and_is_false_at_the_limit() {
    const mine = create("x", { limit: 2, slotId: "mine" });
    const same_slot = elsewhere("x", { limit: 2, slotId: "mine" });
    for (const semaphore of [mine, mine, same_slot, same_slot]) {
      same(await semaphore.acquire(), true);
      same(await semaphore.acquireBlocking(), true);
      same((await mine.getState()).acquiredSlotsCount, 1);
    }
    const another = create("x", { limit: 2 });
    same(await another.acquire(), true);
    for (const holder of [mine, same_slot, another]) {
      same(await holder.acquire(), false);
      same(await holder.acquireBlocking({ time: brief }), false);
      same(await failure(holder.runOrFail(() => note("ran"))), limitReached("x"));
      same(await typeOf(holder), "ACQUIRED");
    }
    same(await same_slot.release(), true);
    same(await mine.release(), false);
    same(await typeOf(another), "ACQUIRED");
    same(log, []);
  },

  async at_a_limit_of_one_acquiring_again_is_false() {
    const mine = create("x");
    same([await mine.acquire(), await mine.acquire()], [true, false]);
    same(await typeOf(mine), "ACQUIRED");
    same([await mine.release(), await mine.acquire()], [true, true]);
  },

  async the_slot_id_and_not_the_object_holds_the_slot() {
    await create("x", { slotId: "mine" }).acquireOrFail();
    const again = create("x", { slotId: "mine" });
    same([again.id, await typeOf(again)], ["mine", "ACQUIRED"]);
    same(await elsewhere("x", { slotId: "mine" }).release(), true);
    same(await again.release(), false);
    // At another semaphore, it is another slot.
    await again.acquireOrFail();
    const another = create("y", { slotId: "mine" });
    same([await typeOf(another), await another.release(), await again.release()], ["EXPIRED", false, true]);
  },

  async another_limit_counts_once_no_slot_is_held() {
    const [one, two] = [create("x"), create("x", { limit: 2 })];
    same([await one.acquire(), await two.acquire()], [true, false]);
    same((await two.getState()).limit, 1);
    same(await one.release(), true);
    same([await two.acquire(), await one.acquire()], [true, true]);
    same((await one.getState()).limit, 2);
    same(await create("x", { limit: 3 }).acquire(), false);
    same([await one.release(), await two.release(), await one.acquire(), await two.acquire()], [true, true, true, false]);
  },

  async a_slot_expires_by_itself_and_its_holder_is_told() {
    const slow = create("x", { ttl: brief });
    same(await slow.acquire(), true);
    await until(async () => (await typeOf(slow)) === "EXPIRED");
    same([await slow.release(), await slow.refresh()], [false, false]);
    same(await failure(slow.releaseOrFail()), notReleased("x", slow.id));
    same(await failure(slow.refreshOrFail()), notRefreshed("x", slow.id));
    same(slow.ttl, brief);
    const next = create("x");
    same([await next.acquire(), await slow.release(), await typeOf(next)], [true, false, "ACQUIRED"]);
    same(await next.release(), true);
    same(await slow.acquire(), true);
  },

  async who_waits_gets_a_slot_that_expires() {
    const slow = create("x", { ttl: ms(50) });
    await slow.acquireOrFail();
    const next = elsewhere("x", { ttl: null });
    same(await next.acquireBlocking({ time: hour, interval: ms(1) }), true);
    same([await typeOf(slow), await slow.release(), await typeOf(next)], ["LIMIT_REACHED", false, "ACQUIRED"]);
  },

  async a_slot_is_held_for_its_ttl() {
    const left = async (semaphore) => (await semaphore.getState()).remainingTime;
    const semaphore = create("x", { ttl: TimeSpan.fromMinutes(10) });
    await semaphore.acquireOrFail();
    const first = await left(semaphore);
    same([first instanceof TimeSpan, first <= TimeSpan.fromMinutes(10), first > TimeSpan.fromMinutes(8)], [true, true, true]);
    // It shrinks.
    await until(async () => (await left(semaphore)) < first);
    // 5 minutes are the default.
    const standard = create("y");
    await standard.acquireOrFail();
    const second = await left(standard);
    same([second <= TimeSpan.fromMinutes(5), second > TimeSpan.fromMinutes(3)], [true, true]);
    // `null` is for ever.
    for (const endless of [create("z", { ttl: null }), provider({ defaultTtl: null }).create("zz")]) {
      await endless.acquireOrFail();
      same([endless.ttl, await left(endless)], [null, null]);
    }
    const chosen = provider({ defaultTtl: TimeSpan.fromHours(2) });
    same([chosen.create("a").ttl, chosen.create("a", { ttl: brief }).ttl, chosen.create("a", { ttl: null }).ttl], [7_200_000, 20, null]);
  },

  async refreshing_moves_the_deadline() {
    const left = async (semaphore) => (await semaphore.getState()).remainingTime;
    const between = (time, low, high) => same([time > TimeSpan.fromMinutes(low), time <= TimeSpan.fromMinutes(high)], [true, true]);
    const semaphore = create("x", { ttl: TimeSpan.fromMinutes(60), slotId: "mine" });
    same([await semaphore.acquire(), await semaphore.refresh(TimeSpan.fromMinutes(100))], [true, true]);
    between(await left(semaphore), 98, 100);
    same(semaphore.ttl, TimeSpan.fromMinutes(100));
    // Without a time it is 5 minutes, or what the provider says; it may be sooner than before.
    same(await semaphore.refreshOrFail(), undefined);
    between(await left(semaphore), 3, 5);
    same(semaphore.ttl, TimeSpan.fromMinutes(5));
    const patient = other({ defaultRefreshTime: TimeSpan.fromMinutes(30) }).create("x", { slotId: "mine" });
    same(await patient.refresh(), true);
    between(await left(semaphore), 28, 30);
    // That was told to another object.
    same([semaphore.ttl, patient.ttl], [300_000, 1_800_000]);
    // A time is whatever says how many milliseconds it is.
    same(await semaphore.refresh({ [TO_MILLISECONDS]: () => 600_000 }), true);
    between(await left(semaphore), 8, 10);
    same(semaphore.ttl instanceof TimeSpan, true);
  },

  async a_refreshed_slot_outlives_its_first_ttl() {
    const semaphore = create("x", { ttl: ms(400) });
    await semaphore.acquireOrFail();
    same(await semaphore.refresh(hour), true);
    await Task.delay(ms(450));
    same([await typeOf(semaphore), await create("x").acquire()], ["ACQUIRED", false]);
    // And no longer than the next one.
    same(await semaphore.refresh(ms(1)), true);
    same(await create("x").acquireBlocking({ time: hour }), true);
  },

  async what_has_no_ttl_or_is_not_held_cannot_be_refreshed() {
    const endless = create("x", { ttl: null });
    same(await endless.refresh(), false);
    await endless.acquireOrFail();
    same([await endless.refresh(), await endless.refresh(hour), endless.ttl], [false, false, null]);
    same(await failure(endless.refreshOrFail(hour)), notRefreshed("x", endless.id));
    same((await endless.getState()).remainingTime, null);
    same(await endless.release(), true);
    const free = create("y", { limit: 2 });
    await create("y", { limit: 2 }).acquireOrFail();
    same(await free.refresh(), false);
    same(await failure(free.refreshOrFail()), notRefreshed("y", free.id));
    same(await failure(free.releaseOrFail()), notReleased("y", free.id));
  },

  async force_release_frees_every_slot() {
    const [first, second] = [create("x", { limit: 2 }), elsewhere("x", { limit: 2 })];
    same(await first.forceReleaseAll(), false);
    await first.acquireOrFail();
    await second.acquireOrFail();
    const stranger = create("x", { limit: 2 });
    same(await stranger.forceReleaseAll(), true);
    same([await typeOf(first), await first.release(), await second.release(), await second.refresh()], ["EXPIRED", false, false, false]);
    same(await stranger.forceReleaseAll(), false);
    same([await first.acquire(), await second.acquire(), await stranger.acquire()], [true, true, false]);
    same([await first.release(), await second.release()], [true, true]);
  },

  async after_a_force_release_the_line_goes_on() {
    const [holder, next] = [create("x"), create("x")];
    await holder.acquireOrFail();
    const { promise } = await queued("x", next.acquireBlocking({ time: hour }));
    same(await holder.forceReleaseAll(), true);
    same([await promise, await typeOf(holder), await next.release()], [true, "LIMIT_REACHED", true]);
  },

  async who_blocks_gets_the_slot_that_frees() {
    const [holder, first, second] = [create("x"), create("x"), elsewhere("x")];
    await holder.acquireOrFail();
    const waiting = await queued("x", first.acquireBlocking({ time: hour }));
    same(await holder.release(), true);
    same([await waiting.promise, await typeOf(first)], [true, "ACQUIRED"]);
    const last = await queued("x", second.acquireBlockingOrFail({ time: hour }));
    same(await first.release(), true);
    same([await last.promise, await typeOf(second)], [undefined, "ACQUIRED"]);
  },

  async who_blocks_gives_up_in_time() {
    const holder = create("x");
    await holder.acquireOrFail();
    const semaphore = elsewhere("x");
    const start = performance.now();
    same(await semaphore.acquireBlocking({ time: ms(40) }), false);
    same(performance.now() - start >= 39, true);
    same(await semaphore.acquireBlocking({ time: ms(0) }), false);
    same(await failure(semaphore.acquireBlockingOrFail({ time: brief })), limitReached("x"));
    // Long before the hour is over, also where it is looked once an hour only.
    same(await semaphore.acquireBlocking({ time: brief, interval: hour }), false);
    // As the provider says.
    const impatient = provider({ defaultBlockingTime: brief, defaultBlockingInterval: hour }).create("x");
    same(await impatient.acquireBlocking(), false);
    same(await failure(impatient.runBlockingOrFail(() => note("ran"))), limitReached("x"));
    same(log, []);
    // Nobody is left in the line.
    same([await holder.release(), await semaphore.acquire(), await holder.acquire()], [true, true, false]);
  },

  async who_waits_for_its_own_slot_gets_it_anew() {
    const [mine, same_slot] = ["a", "a"].map((slotId) => create("x", { slotId }));
    await mine.acquireOrFail();
    const { promise } = await queued("x", same_slot.acquireBlocking({ time: hour }));
    same([await mine.release(), await promise, await typeOf(mine)], [true, true, "ACQUIRED"]);
    same([await mine.release(), await same_slot.release()], [true, false]);
  },

  async a_wait_that_lost_a_race_leaves_the_line() {
    const [holder, loser, next] = [create("x"), create("x"), create("x")];
    await holder.acquireOrFail();
    for (const wait of [
      () => loser.acquireBlocking({ time: hour }),
      () => loser.acquireBlockingOrFail({ time: hour }),
      () => loser.runBlockingOrFail(() => note("ran"), { time: hour }),
    ]) {
      same(await Task.race([wait(), late()]), "late");
      same(await failure(wait().pipe(timeout({ waitTime: brief }))), "TimeoutResilienceError: it took longer than 20ms");
    }
    if (watched) {
      await until(() => sem.show("x").waiting === 0);
    }
    same(await holder.release(), true);
    await others();
    same([await typeOf(loser), await next.acquire(), log], ["EXPIRED", true, []]);
  },

  async a_wait_that_is_awaited_again_goes_on() {
    const [holder, next] = [create("x"), create("x")];
    await holder.acquireOrFail();
    const wait = next.acquireBlocking({ time: hour });
    same(await Task.race([wait, late()]), "late");
    await holder.release();
    same([await wait, await wait, await typeOf(next)], [true, true, "ACQUIRED"]);
  },

  async nothing_happens_before_it_is_awaited() {
    const semaphore = create("x");
    semaphore.acquire(), semaphore.acquireOrFail(), semaphore.acquireBlocking(), semaphore.acquireBlockingOrFail();
    semaphore.runOrFail(() => note("ran")), semaphore.runBlockingOrFail(() => note("ran"));
    const state = semaphore.getState();
    await others();
    same([await typeOf(semaphore), log], ["EXPIRED", []]);
    await semaphore.acquireOrFail();
    semaphore.release(), semaphore.releaseOrFail(), semaphore.forceReleaseAll(), semaphore.refresh(ms(1));
    await others();
    same([(await state).type, semaphore.ttl], ["ACQUIRED", 300_000]);
  },

  async awaited_twice_it_is_done_once() {
    const semaphore = create("x", { limit: 2 });
    const [acquired, released] = [semaphore.acquire(), semaphore.release()];
    same([await acquired, await acquired, (await semaphore.getState()).acquiredSlotsCount], [true, true, 1]);
    same([await released, await released], [true, true]);
    const work = semaphore.runOrFail(() => note("a"));
    same([await work, await work, await Promise.all([work, work])], ["a", "a", ["a", "a"]]);
    const blocking = semaphore.runBlockingOrFail(async () => note("b"));
    same([await Promise.all([blocking, blocking]), await blocking], [["b", "b"], "b"]);
    const failing = semaphore.runOrFail(async () => {
      note("c");
      throw new RangeError("no");
    });
    same([await failure(failing), await failure(failing)], ["RangeError: no", "RangeError: no"]);
    const refused = new Array(2).fill(create("y").runOrFail(() => note("d")));
    await create("y").acquireOrFail();
    same([await failure(refused[0]), await failure(refused[1])], [limitReached("y"), limitReached("y")]);
    same(log, ["a", "b", "c"]);
  },

  async detached_it_is_done_by_itself() {
    const semaphore = create("x");
    semaphore.acquire().detach();
    await until(async () => (await typeOf(semaphore)) === "ACQUIRED");
    semaphore.release().detach();
    await until(async () => (await typeOf(semaphore)) === "EXPIRED");
    semaphore.runOrFail(() => note("run")).detach();
    await until(() => log.length === 1);
    semaphore.runBlockingOrFail(async () => note("blocking")).detach();
    await until(() => log.length === 2);
    await until(async () => (await typeOf(semaphore)) === "EXPIRED");
  },

  async work_runs_while_the_slot_is_held() {
    const semaphore = create("x", { slotId: "mine" });
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      const inside = async () => {
        same([await typeOf(semaphore), await create("x").acquire()], ["ACQUIRED", false]);
        return run;
      };
      const at_once = () => run;
      for (const work of [inside, at_once, { run, invoke() { return this.run } }, { invoke: inside }, new Task(inside), new Task(at_once)]) {
        same(await semaphore[run](work), run);
        same(await typeOf(semaphore), "EXPIRED");
      }
      same(await semaphore[run](() => {}), undefined);
      same(await semaphore[run](() => ({ then: (resolve) => resolve("thenable") })), "thenable");
      same(await semaphore[run](() => new Task(() => "task")), "task");
      // As with every promise, also by hand.
      same(await semaphore[run](at_once).then((value) => `${value}!`), `${run}!`);
      same(await typeOf(semaphore), "EXPIRED");
    }
  },

  async what_work_throws_comes_through_and_the_slot_is_given_back() {
    const semaphore = create("x");
    const error = new RangeError("no");
    const thrown = () => {
      throw error;
    };
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      for (const work of [
        thrown,
        async () => thrown(),
        () => Task.delay(ms(1)).then(thrown),
        { invoke: thrown },
        new Task(thrown),
        new Task(async () => thrown()),
        () => Promise.reject(error),
        () => ({ then: (_, reject) => reject(error) }),
        // What comes after that is not heard of.
        () => ({ then: (_, reject) => { reject(error); throw new Error("again") } }),
        () => ({ then: thrown }),
        () => ({ get then() { return thrown() } }),
        (reads = 0) => ({ get then() { return reads++ === 0 ? () => {} : thrown() } }),
      ]) {
        same(await semaphore[run](work).then(() => "value", (caught) => caught === error), true);
        same(await typeOf(semaphore), "EXPIRED");
      }
      for (const odd of [undefined, null, "text", 0]) {
        same(await semaphore[run](() => { throw odd }).then(() => "value", (caught) => [caught === odd]), [true]);
      }
      same(await typeOf(semaphore), "EXPIRED");
    }
  },

  async what_is_no_work_is_refused() {
    const semaphore = create("x");
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      for (const work of [undefined, null, 5, "work", {}]) {
        same(
          await failure(() => semaphore[run](work)),
          `TypeError: ${run}: the work must be a function, an object with a method \`invoke\`, or a task`,
        );
      }
    }
    same(await typeOf(semaphore), "EXPIRED");
  },

  async work_is_not_done_without_a_slot() {
    const holder = create("x");
    await holder.acquireOrFail();
    same(await failure(create("x").runOrFail(() => note("ran"))), limitReached("x"));
    same(await failure(create("x").runOrFail(new Task(() => note("ran")))), limitReached("x"));
    same(await failure(create("x").runBlockingOrFail(() => note("ran"), { time: brief })), limitReached("x"));
    same([log, await typeOf(holder)], [[], "ACQUIRED"]);
    // The holder's own work needs a slot like any other.
    same(await failure(holder.runOrFail(() => note("ran"))), limitReached("x"));
    same([log, await typeOf(holder)], [[], "ACQUIRED"]);
  },

  async blocking_work_waits_for_its_turn() {
    const holder = create("x");
    await holder.acquireOrFail();
    const semaphore = create("x");
    const { promise } = await queued("x", semaphore.runBlockingOrFail(async () => note(await typeOf(semaphore)), { time: hour }));
    same(log, []);
    await holder.release();
    same([await promise, log, await typeOf(semaphore)], ["ACQUIRED", ["ACQUIRED"], "EXPIRED"]);
  },

  async never_more_than_the_limit_are_at_work() {
    let now = 0;
    let most = 0;
    const work = async () => {
      now += 1;
      most = Math.max(most, now);
      await Task.delay(ms(1));
      now -= 1;
      return 1;
    };
    const all = Array.from({ length: 40 }, (_, n) => (n % 2 ? create : elsewhere)("x", { limit: 3 }).runBlockingOrFail(work, { time: hour }));
    const done = await Task.all(all);
    same([done.length, now, most, await typeOf(create("x"))], [40, 0, 3, "EXPIRED"]);
  },

  async work_may_release_its_slot_itself() {
    const [semaphore, another] = [create("x"), create("x")];
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      const worked = await semaphore[run](async () => {
        same([await semaphore.release(), await another.acquire()], [true, true]);
        return "worked";
      });
      // The end of the work takes nothing from the other.
      same([worked, await typeOf(another), await another.release()], ["worked", "ACQUIRED", true]);
      // It may also come by the slot anew.
      await semaphore[run](async () => {
        same([await semaphore.release(), await semaphore.acquire()], [true, true]);
      });
      same(await typeOf(semaphore), "EXPIRED");
      // Or have it released by whoever may.
      same(await semaphore[run](() => another.forceReleaseAll()), true);
      same(await typeOf(semaphore), "EXPIRED");
    }
  },

  async work_that_takes_longer_than_its_ttl_takes_nothing_from_the_next() {
    const [slow, next] = [create("x", { ttl: brief }), create("x")];
    const value = await slow.runOrFail(async () => {
      same(await next.acquireBlocking({ time: hour }), true);
      return "done";
    });
    same([value, await typeOf(next), await typeOf(slow)], ["done", "ACQUIRED", "LIMIT_REACHED"]);
  },

  async work_may_do_more_with_the_same_semaphore() {
    const semaphore = create("x", { limit: 2, slotId: "mine" });
    const nested = await semaphore.runOrFail(async () => {
      same(await semaphore.refresh(hour), true);
      // It is the same slot, which the inner work gives back.
      return semaphore.runOrFail(async () => (await semaphore.getState()).acquiredSlotsCount);
    });
    same([nested, await typeOf(semaphore), semaphore.ttl], [1, "EXPIRED", hour]);
    const inner = create("y").runOrFail(() => create("z").runOrFail(() => create("y").acquire()));
    same([await inner, await typeOf(create("y")), await typeOf(create("z"))], [false, "EXPIRED", "EXPIRED"]);
  },

  async work_that_waits_for_its_own_task_waits_until_it_gives_up() {
    const semaphore = create("x");
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      const task = semaphore[run](async () => Task.race([task, late("gave up")]));
      same([await task, await task, await typeOf(semaphore)], ["gave up", "gave up", "EXPIRED"]);
      const begun = semaphore[run](() => {
        begun.then((value) => note(value));
        return run;
      });
      same([await begun, await typeOf(semaphore)], [run, "EXPIRED"]);
    }
    await others();
    same(log, ["runOrFail", "runBlockingOrFail"]);
  },

  async retrying_does_the_work_anew() {
    const again = (more) => retry({ maxAttempts: 3, backoffPolicy: constantBackoff({ delay: ms(1) }), ...more });
    const semaphore = create("x");
    for (const run of ["runOrFail", "runBlockingOrFail"]) {
      let attempts = 0;
      const work = async () => {
        attempts += 1;
        same(await typeOf(semaphore), "ACQUIRED");
        if (attempts % 3 !== 0) {
          throw new RangeError(`attempt ${attempts}`);
        }
        return attempts;
      };
      const task = semaphore[run](work).pipe(again());
      same([await task, await task, await typeOf(semaphore)], [3, 3, "EXPIRED"]);
      same(await semaphore[run](work).pipeWhen(async () => true, again()), 6);
      same(await failure(semaphore[run](work).pipeWhen(false, again())), "RangeError: attempt 7");
      same(await typeOf(semaphore), "EXPIRED");
    }
    // A task that was done leaves its work to be done again.
    let runs = 0;
    const counted = semaphore.runOrFail(() => ++runs);
    same([await counted, await counted.pipe((args, next) => next(...args)), await counted], [1, 2, 1]);
    const twice = counted.pipe(async (args, next) => [await next(), await next()]);
    same([await twice, await typeOf(semaphore)], [[3, 4], "EXPIRED"]);
  },

  async retrying_acquires_once_there_is_a_slot() {
    const holder = create("x");
    await holder.acquireOrFail();
    const release = async ({ attempt }) => {
      if (attempt === 2) {
        await holder.release();
      }
    };
    const attempts = (errorPolicy) => retry({ maxAttempts: 4, errorPolicy, backoffPolicy: constantBackoff({ delay: brief }), onExecutionAttempt: release });
    const semaphore = create("x");
    same(await semaphore.acquireOrFail().pipe(attempts(FailedAcquireSemaphoreError)), undefined);
    same([await semaphore.release(), await holder.acquire()], [true, true]);
    same(await semaphore.acquire().pipe(attempts({ treatFalseAsError: true })), true);
    same([await semaphore.release(), await holder.acquire()], [true, true]);
    same(await semaphore.runOrFail(() => note("ran")).pipe(attempts(FailedAcquireSemaphoreError)), "ran");
    same([await holder.acquire(), log], [true, ["ran"]]);
    // It gives up, too.
    const quick = (more) => retry({ maxAttempts: 2, backoffPolicy: constantBackoff({ delay: ms(1) }), ...more });
    same(await semaphore.acquire().pipe(quick({ errorPolicy: { treatFalseAsError: true } })), false);
    same(await failure(semaphore.acquireOrFail().pipe(quick({ throwLastError: true }))), limitReached("x"));
    const error = await semaphore.acquireOrFail().pipe(quick()).then(null, (error) => error);
    same([error.name, error.errors.map(String)], ["RetryResilienceError", [limitReached("x"), limitReached("x")]]);
    // Another policy does not mean this error.
    same(await failure(semaphore.acquireOrFail().pipe(attempts(FailedReleaseSemaphoreError))), limitReached("x"));
  },

  async tasks_of_semaphores_are_tasks_like_others() {
    const [a, b] = [create("a"), create("b")];
    same(await Task.all([a.runOrFail(() => 1), b.runOrFail(async () => 2), create("c").getState(), create("d").acquire()]).then(([one, two, { type }, four]) => [one, two, type, four]), [1, 2, "EXPIRED", true]);
    await b.acquireOrFail();
    same(await Task.any([b.runOrFail(() => "b"), a.runOrFail(() => "a")]), "a");
    same(await Task.race([a.runOrFail(() => "first"), Task.delay(hour)]), "first");
    const [done, refused] = await Task.allSettled([a.runOrFail(() => 1), b.runOrFail(() => 2)]);
    same([done, refused.status, String(refused.reason)], [{ status: "fulfilled", value: 1 }, "rejected", limitReached("b")]);
    same(await new Task(a.runOrFail(() => "wrapped")), "wrapped");
    same(await a.runOrFail(a.runOrFail(() => "inner")).then(null, String), limitReached("a"));
    const tasks = [a.acquire(), a.acquireOrFail(), a.acquireBlocking(), a.acquireBlockingOrFail(), a.release(), a.releaseOrFail(), a.forceReleaseAll(), a.refresh(), a.refreshOrFail(), a.runOrFail(() => {}), a.runBlockingOrFail(() => {}), a.getState()];
    same(tasks.map((task) => task instanceof Task), tasks.map(() => true));
    same(await typeOf(a), "EXPIRED");
  },

  async what_a_semaphore_is_can_be_read() {
    const semaphore = create("resource", { ttl: TimeSpan.fromSeconds(30) });
    same([semaphore.key.toString(), semaphore.key.get(), `${semaphore.key}`, semaphore.ttl], ["resource", "resource", "resource", 30_000]);
    same([typeof semaphore.id, semaphore.ttl instanceof TimeSpan, create("x").id === create("x").id], ["string", true, false]);
    const inside = provider({ namespace: new Namespace("@ours") }).create("resource");
    same([inside.key.toString(), inside.key.get(), inside.key.equals(semaphore.key)], ["@ours:_rt:resource", "resource", false]);
    // None of it can be changed.
    same([semaphore.slotId === semaphore.id, create("x", { slotId: "mine" }).slotId], [true, "mine"]);
    for (const name of ["key", "id", "slotId", "ttl"]) {
      same(await failure(() => { semaphore[name] = "other" }).then((text) => text.startsWith("TypeError")), true);
    }
  },

  async a_run_calls_the_methods_that_replace_the_semaphores_own() {
    for (const [way, replace] of Object.entries(REPLACE)) {
      const semaphore = create(way);
      const undo = [];
      const replaced = replace(semaphore, noting, undo);
      const work = async () => note(await typeOf(replaced));
      const taken = elsewhere(way);
      try {
        log.length = 0;
        same(await replaced.runOrFail(work), "ACQUIRED");
        same(await replaced.runBlockingOrFail(work), "ACQUIRED");
        // Not by `await`, with middlewares around it, and with work that is no function.
        same(await replaced.runOrFail(work).then((value) => value), "ACQUIRED");
        same(await replaced.runOrFail(work).pipe(async (_, next) => `${await next()}!`), "ACQUIRED!");
        same(await replaced.runOrFail({ invoke: work }), "ACQUIRED");
        const once = ["acquireOrFail", "ACQUIRED", "release"];
        same([way, log], [way, [once, ["acquireBlockingOrFail", "ACQUIRED", "release"], once, once, once].flat()]);

        // A slot that was not acquired is not released.
        await taken.acquire();
        log.length = 0;
        same(await failure(replaced.runOrFail(work)), limitReached(way));
        same(await failure(replaced.runBlockingOrFail(work, { time: brief })), limitReached(way));
        same(log, ["acquireOrFail", "acquireBlockingOrFail"]);
      } finally {
        undo.forEach((restore) => restore());
      }
      await taken.releaseOrFail();
      // Its own methods are as good as before.
      same(await create(way).runOrFail(() => "done"), "done");
      same(await typeOf(semaphore), "EXPIRED");
    }
  },

  async a_run_fails_with_what_its_semaphores_own_methods_throw() {
    const fails = (name) => () => {
      note(name);
      throw new Error(`no ${name}`);
    };
    for (const [way, replace] of Object.entries(REPLACE)) {
      for (const failing of [fails, (name) => async () => fails(name)()]) {
        const runs = [["acquireOrFail", "runOrFail"], ["acquireBlockingOrFail", "runBlockingOrFail"]];
        for (const [acquire, run] of runs) {
          const undo = [];
          const only = (...names) => (name) => (names.includes(name) ? failing(name) : noting(name));
          try {
            log.length = 0;
            same(await failure(replace(create(way), only(acquire), undo)[run](() => note("work"))), `Error: no ${acquire}`);
            same(log, [acquire]);
          } finally {
            undo.splice(0).forEach((restore) => restore());
          }
          const semaphore = create(way);
          try {
            const replaced = replace(semaphore, only("release"), undo);
            log.length = 0;
            same(await failure(replaced[run](() => note("work"))), "Error: no release");
            same(log, [acquire, "work", "release"]);
          } finally {
            undo.splice(0).forEach((restore) => restore());
          }
          await semaphore.releaseOrFail();
          try {
            const replaced = replace(semaphore, only("release"), undo);
            const broken = () => {
              throw new Error("the work failed");
            };
            same(await failure(replaced[run](broken)), "Error: the work failed");
          } finally {
            undo.splice(0).forEach((restore) => restore());
          }
          await semaphore.releaseOrFail();
        }
      }
    }
  },

  async a_run_takes_own_methods_that_return_nothing_at_their_word() {
    const silent = (name) => () => void note(name);
    for (const [way, replace] of Object.entries(REPLACE)) {
      const undo = [];
      try {
        const semaphore = create(way);
        const replaced = replace(semaphore, silent, undo);
        log.length = 0;
        same([await replaced.runOrFail(() => "a"), await replaced.runBlockingOrFail(async () => "b")], ["a", "b"]);
        same([way, log], [way, ["acquireOrFail", "release", "acquireBlockingOrFail", "release"]]);
        same(await typeOf(semaphore), "EXPIRED");
      } finally {
        undo.forEach((restore) => restore());
      }
    }
  },

  async a_run_that_waits_by_methods_of_its_own_can_be_given_up() {
    const holder = create("x", { slotId: "holder" });
    await holder.acquireOrFail();
    const own = { acquireBlockingOrFail: noting("acquireBlockingOrFail") };
    const semaphore = Object.assign(create("x"), own);
    const run = semaphore.runBlockingOrFail(() => note("work"), { time: hour });
    log.length = 0;
    same(await Task.race([run, late()]), "late");
    await holder.releaseOrFail();
    await Task.delay(brief);
    same([log, await create("x").acquire()], [["acquireBlockingOrFail"], true]);
  },

  async slot_ids_are_made_as_the_provider_says() {
    let n = 0;
    const counted = provider({ createSlotId: () => `slot-${++n}` });
    same([counted.create("x").id, counted.create("x").id, counted.create("x", { slotId: "mine" }).id, n], ["slot-1", "slot-2", "mine", 2]);
    class Ids {
      next = 0;
      invoke() {
        return `id ${this.next++}`;
      }
    }
    const object = provider({ createSlotId: new Ids() });
    const semaphore = [object.create("x"), object.create("x")][1];
    await semaphore.acquireOrFail();
    same([semaphore.id, (await semaphore.getState()).acquiredSlots], ["id 1", ["id 1"]]);
  },

  async every_key_and_slot_id_is_a_semaphore_and_a_slot_of_its_own() {
    const texts = ["a", "A", "a b", "a:b", "a%3Ab", "{a}", "*", "'; DROP TABLE", "\\", "\"", "constructor", "__proto__", "信号", "🚦", "\u00e9", "e\u0301", "k".repeat(200)];
    for (const text of texts) {
      same([await create(text).acquire(), await create(text).acquire()], [true, false]);
      await create("slots", { limit: 100, slotId: text }).acquireOrFail();
    }
    same((await create("slots").getState()).acquiredSlots, texts);
    for (const slotId of texts) {
      same(await elsewhere("slots", { slotId }).release(), true);
    }
    same(await typeOf(create("slots")), "EXPIRED");
  },

  async namespaces_keep_keys_apart() {
    const [a, b] = ["@semaphore-a", "@semaphore-b"].map((name) => provider({ namespace: new Namespace(name) }));
    const none = provider();
    const [inA, inB, inNone] = [a, b, none].map((one) => one.create("key", { ttl: null, limit: 1 }));
    same([await inA.acquire(), await inB.acquire(), await inB.release()], [true, true, true]);
    const { type, remainingTime } = await inA.getState();
    same([type, remainingTime, await inB.getState(), await inNone.acquire()], ["ACQUIRED", null, { type: "EXPIRED" }, true]);
    same(await other({ namespace: new Namespace("@semaphore-a") }).create("key").acquire(), false);
    same([await inB.forceReleaseAll(), await typeOf(inA), await typeOf(inNone)], [false, "ACQUIRED", "ACQUIRED"]);
    same(await none.create("@semaphore-a:_rt:key").acquire(), false);
  },

  async bad_settings_are_told_at_once() {
    const made = async (key, more) => (await failure(() => create(key, more))).replace(/^TypeError: SemaphoreProvider.create: /, "");
    const limit = (shown) => `limit must be a whole number of slots from 1, not ${shown}`;
    same(await made("x", { limit: 0 }), limit("0"));
    same(await made("x", { limit: 1.5 }), limit("1.5"));
    same(await made("x", { limit: -1 }), limit("-1"));
    same(await made("x", { limit: -Infinity }), limit("-Infinity"));
    same(await made("x", { limit: 2 ** 32 }), limit("4294967296"));
    same(await made("x", { limit: NaN }), limit("NaN"));
    same(await made("x", { limit: "2" }), limit('"2"'));
    same(await made("x", { limit: null }), limit("null"));
    const time = (shown) => `TypeError: a length of time must be a TimeSpan, such as TimeSpan.fromSeconds(1), not ${shown}`;
    same(await made("x", { ttl: ms(0) }), "ttl: a TTL must be longer than nothing: a permit with a TTL of 0 would be lost at once");
    same(await made("x", { ttl: 1000 }), time("1000"));
    same(await made("x", { ttl: "5s" }), time('"5s"'));
    same(await made(""), "a semaphore needs a name: give a text of 1 to 255 bytes");
    same(await made("a\nb"), "the semaphore name has the control character '\\n' at byte 1: remove it");
    same(await made("k".repeat(256)), "the semaphore name is 256 bytes long: shorten it to at most 255");
    same(await made(), "TypeError: a key must be a string, not undefined");
    same(await made(5), "TypeError: a key must be a string, not number");
    same(await made("x", { slotId: "" }), "a slot id needs at least one character: give a text of 1 to 256 bytes");
    same(await made("x", { slotId: "a\tb" }), "the slot id has the control character '\\t' at byte 1: remove it");
    same(await made("x", { slotId: "s".repeat(257) }), "the slot id is 257 bytes long: shorten it to at most 256");
    same(await made("x", { slotId: 5 }), "slotId must be a string, not 5");
    same(await failure(() => provider({ createSlotId: () => 5 }).create("x")), "TypeError: SemaphoreProvider.create: slotId must be a string, not 5");
    const semaphore = create("x");
    same(await failure(() => semaphore.refresh(5)), time("5"));
    same(await failure(() => semaphore.refreshOrFail(null)), time("null"));
    same(await failure(() => semaphore.refresh(ms(0))), "TypeError: refresh: ttl: a TTL must be longer than nothing: a permit with a TTL of 0 would be lost at once");
    same(await failure(() => semaphore.acquireBlocking({ time: 5 })), time("5"));
    same(await failure(() => semaphore.acquireBlockingOrFail({ interval: "1s" })), time('"1s"'));
    same(await failure(() => semaphore.runBlockingOrFail(() => {}, { time: 5 })), time("5"));
    same(await typeOf(semaphore), "EXPIRED");
  },

  async its_errors_can_be_told_apart() {
    const semaphore = create("x");
    const caught = async (task) => {
      try {
        return await task;
      } catch (error) {
        return error;
      }
    };
    const [release, refresh] = [await caught(semaphore.releaseOrFail()), await caught(semaphore.refreshOrFail())];
    await create("x").acquireOrFail();
    const limit = await caught(semaphore.acquireOrFail());
    const classes = [FailedAcquireSemaphoreError, LimitReachedSemaphoreError, FailedRefreshSemaphoreError, FailedReleaseSemaphoreError];
    const is = (error) => classes.map((class_) => Number(error instanceof class_)).join("");
    same([is(limit), is(refresh), is(release)], ["1100", "0010", "0001"]);
    same([limit, refresh, release].map((error) => [error instanceof Error, isSemaphoreError(error), error.name === error.constructor.name]), new Array(3).fill([true, true, true]));
    same([isSemaphoreError(new Error("x")), isSemaphoreError(undefined), isSemaphoreError(new TypeError("x"))], [false, false, false]);
    same(SEMAPHORE_ERRORS.ReachedLimit === LimitReachedSemaphoreError && SEMAPHORE_ERRORS.FailedAcquire === FailedAcquireSemaphoreError, true);
    // They say where they were awaited.
    const awaited = /^ +at caught \(/;
    same([limit, refresh, release].map(({ stack }) => awaited.test(stack)), [true, true, true]);
  },

  async events_are_told_in_order() {
    const bus = new EventBus({ adapter: new MemoryEventBusAdapter() });
    const told = provider({ eventBus: bus });
    await told.events.addListener(Object.values(SEMAPHORE_EVENTS), ({ type, semaphore, ...more }) => {
      note([type, semaphore.key.get(), semaphore.id, ...Object.entries(more).flat()].join(" "));
    });
    const [a, b] = ["a", "b"].map((slotId) => told.create("x", { slotId }));
    const after = async (task, ...expected) => {
      await task.then(null, () => {});
      await until(() => log.length >= expected.length);
      await others();
      same(log.splice(0), expected);
    };
    await after(a.acquire(), "ACQUIRED x a");
    await after(b.acquire(), "LIMIT_REACHED x b");
    await after(b.acquireOrFail(), "LIMIT_REACHED x b");
    await after(b.acquireBlocking({ time: ms(1) }), "LIMIT_REACHED x b");
    await after(b.acquireBlockingOrFail({ time: ms(1) }), "LIMIT_REACHED x b");
    await after(b.release(), "FAILED_RELEASE x b");
    await after(b.releaseOrFail(), "FAILED_RELEASE x b");
    await after(b.refresh(), "FAILED_REFRESH x b");
    await after(b.refreshOrFail(), "FAILED_REFRESH x b");
    await after(a.refresh(), "REFRESHED x a");
    await after(a.refreshOrFail(), "REFRESHED x a");
    await after(a.getState());
    await after(a.release(), "RELEASED x a");
    await after(a.acquireOrFail(), "ACQUIRED x a");
    await after(b.forceReleaseAll(), "ALL_FORCE_RELEASED x b hasReleased true");
    await after(b.forceReleaseAll(), "ALL_FORCE_RELEASED x b hasReleased false");
    await after(a.acquireBlocking(), "ACQUIRED x a");
    await after(a.releaseOrFail(), "RELEASED x a");
    await after(a.acquireBlockingOrFail(), "ACQUIRED x a");
    await after(b.runOrFail(() => note("work")), "LIMIT_REACHED x b");
    await after(b.runBlockingOrFail(() => note("work"), { time: ms(1) }), "LIMIT_REACHED x b");
    await after(a.release(), "RELEASED x a");
    await after(a.runOrFail(() => note("work")), "ACQUIRED x a", "work", "RELEASED x a");
    await after(a.runBlockingOrFail(async () => note("work")), "ACQUIRED x a", "work", "RELEASED x a");
    await after(a.runOrFail(() => { note("work"); throw new Error("no"); }), "ACQUIRED x a", "work", "RELEASED x a");
    await after(a.runOrFail(() => a.release()), "ACQUIRED x a", "RELEASED x a", "FAILED_RELEASE x a");
    await after(a.runOrFail(() => note("work")).pipe(async (args, next) => [await next(), await next()]), "ACQUIRED x a", "work", "RELEASED x a", "ACQUIRED x a", "work", "RELEASED x a");
    // Also what another provider does that tells the same bus, and nothing else.
    await after(other({ eventBus: bus }).create("y", { slotId: "c" }).acquire(), "ACQUIRED y c");
    await after(provider().create("y").acquire());
    // Who gave up waiting had no slot and did not reach the limit.
    await a.acquireOrFail();
    await after(Task.race([b.acquireBlocking({ time: hour }), Task.delay(brief)]), "ACQUIRED x a");
  },

  async an_event_says_of_which_semaphore_it_is() {
    const told = provider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
    const semaphore = told.create("x", { slotId: "mine", ttl: hour });
    const event = told.events.asPromise(SEMAPHORE_EVENTS.ACQUIRED).then((event) => event);
    await semaphore.acquireOrFail();
    const { type, semaphore: of, ...more } = await event;
    same([type, of.key.toString(), of.id, of.ttl, (await of.getState()).type, more], ["ACQUIRED", "x", "mine", 3_600_000, "ACQUIRED", {}]);
  },

  async events_reach_those_who_listen_as_long_as_they_do() {
    const { ACQUIRED, RELEASED } = SEMAPHORE_EVENTS;
    const told = provider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
    const semaphore = told.create("x");
    const round = async () => {
      await semaphore.acquireOrFail();
      await semaphore.releaseOrFail();
      await others();
      return log.splice(0);
    };
    const listener = ({ type }) => note(type);
    await told.events.addListener([ACQUIRED, RELEASED], listener);
    same(await round(), [ACQUIRED, RELEASED]);
    await told.events.removeListener(ACQUIRED, listener);
    same(await round(), [RELEASED]);
    await told.events.removeListener(RELEASED, listener);
    same(await round(), []);
    await told.events.listenOnce(RELEASED, listener);
    same([await round(), await round()], [[RELEASED], []]);
    const unsubscribe = await told.events.subscribe([ACQUIRED], { invoke: listener });
    same(await round(), [ACQUIRED]);
    await unsubscribe();
    same(await round(), []);
    await (await told.events.subscribeOnce(ACQUIRED, listener))();
    same(await round(), []);
    // What a listener throws is no business of the semaphore's.
    await told.events.addListener(ACQUIRED, () => { throw new Error("a listener") });
    await told.events.addListener(RELEASED, listener);
    same(await round(), [RELEASED]);
  },

  async buses_with_another_namespace_hear_nothing() {
    const eventBusAdapter = new MemoryEventBusAdapter();
    const [a, b] = ["a", "b"].map((name) => provider({ eventBus: new EventBus({ adapter: eventBusAdapter, namespace: new Namespace([name, "event-bus"]) }) }));
    for (const [name, { events }] of Object.entries({ a, b })) {
      await events.addListener(Object.values(SEMAPHORE_EVENTS), ({ type }) => note(`${name} ${type}`));
    }
    await a.create("x").acquireOrFail();
    await b.create("x").acquire();
    await until(() => log.length >= 2);
    await others();
    same(log, ["a ACQUIRED", "b LIMIT_REACHED"]);
  },

  async without_a_bus_nobody_is_told_and_listening_is_fine() {
    const silent = provider();
    await silent.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, note);
    await silent.create("x").acquireOrFail();
    await others();
    same(log, []);
  },

  async a_bus_that_fails_changes_nothing_but_says_so() {
    const broken = { addListener() {}, removeListener() {}, dispatch() { throw new Error("no bus today") } };
    for (const eventBus of [new EventBus({ adapter: broken }), broken]) {
      const semaphore = provider({ eventBus }).create("x");
      same([await semaphore.acquire(), await semaphore.release(), await semaphore.runOrFail(() => 5), await typeOf(semaphore)], [true, true, 5, "EXPIRED"]);
    }
  },

  async serialized_and_revived_it_is_the_same_slot() {
    const serde = new Serde(new SuperJsonSerdeAdapter());
    const one = provider({ serde });
    const semaphore = one.create("resource", { limit: 2, ttl: TimeSpan.fromMinutes(10), slotId: "mine" });
    same(await semaphore.acquire(), true);
    const text = serde.serialize(semaphore);
    same(typeof text, "string");
    const revived = serde.deserialize(text);
    same([revived.key.toString(), revived.id, revived.ttl, revived === semaphore], ["resource", "mine", 600_000, false]);
    const { remainingTime, ...state } = await revived.getState();
    same(state, { type: "ACQUIRED", limit: 2, freeSlotsCount: 1, acquiredSlotsCount: 1, acquiredSlots: ["mine"] });
    same([await revived.refresh(TimeSpan.fromMinutes(20)), revived.ttl, semaphore.ttl], [true, 1_200_000, 600_000]);
    same([await revived.release(), await semaphore.release(), await semaphore.refresh()], [true, false, false]);
    same(await failure(semaphore.releaseOrFail()), notReleased("resource", "mine"));
    // The limit and the TTL came along.
    same([await revived.acquire(), await create("resource", { limit: 5 }).acquire(), await create("resource").acquire()], [true, true, false]);
    // What was refreshed is written as it is now; so is one that has no TTL, and one in the middle of other values.
    same(serde.deserialize(serde.serialize(revived)).ttl, 1_200_000);
    const endless = one.create("endless", { ttl: null, limit: Infinity });
    same([await serde.deserialize(serde.serialize(endless)).acquire(), (await endless.getState()).limit === Infinity], [true, true]);
    const [{ deep }] = serde.deserialize(serde.serialize([{ deep: new Map([[1, endless]]) }]));
    same([deep.get(1).ttl, deep.get(1).id], [null, endless.id]);
  },

  async another_provider_with_the_same_serde_settings_revives_it() {
    const [here, there] = [new Serde(new SuperJsonSerdeAdapter()), new Serde(new SuperJsonSerdeAdapter())];
    const namespace = new Namespace("@ours");
    const semaphore = provider({ serde: [here], namespace }).create("x");
    other({ serde: [there, new Serde(new SuperJsonSerdeAdapter())], namespace });
    same(await semaphore.acquire(), true);
    const revived = there.deserialize(here.serialize(semaphore));
    same([revived.key.toString(), await typeOf(revived), await revived.release(), await typeOf(semaphore)], ["@ours:_rt:x", "ACQUIRED", true, "EXPIRED"]);
    // Nobody there knows semaphores of another kind.
    const stranger = new Serde(new SuperJsonSerdeAdapter());
    other({ serde: stranger, namespace, serdeTransformerName: "special" });
    same(await failure(() => stranger.deserialize(here.serialize(semaphore))).then((text) => text.split(":")[0]), "DeserializationSerdeError");
    // Of two of the same name, either writes what the later one reads.
    const again = provider({ serde: here, namespace });
    for (const one of [semaphore, again.create("x", { slotId: semaphore.id })]) {
      same(await one.acquire(), true);
      same(await here.deserialize(here.serialize(one)).release(), true);
    }
  },

  async a_semaphore_travels_in_an_event() {
    const serde = new Serde(new SuperJsonSerdeAdapter());
    const semaphore = provider({ serde }).create("x");
    await semaphore.acquireOrFail();
    const bus = new EventBus({ adapter: new MemoryEventBusAdapter() });
    const event = bus.asPromise("sending").then((event) => event);
    await bus.dispatch("sending", { text: serde.serialize({ semaphore }) });
    const { semaphore: arrived } = serde.deserialize((await event).text);
    same([await arrived.release(), await typeOf(semaphore)], [true, "EXPIRED"]);
  },

  async an_adapter_can_be_used_by_itself() {
    const one = adapter ?? new StoreSemaphoreAdapter();
    const ask = (slotId, ttl = hour) => one.acquire({ key: "x", slotId, limit: 2, ttl });
    same(await one.getState("x"), null);
    same([await ask("a"), await ask("b", null), await ask("c"), await ask("a")], [true, true, false, false]);
    const { limit, acquiredSlots } = await one.getState("x");
    same([limit, acquiredSlots instanceof Map, [...acquiredSlots.keys()], acquiredSlots.get("b")], [2, true, ["a", "b"], null]);
    const expires = acquiredSlots.get("a");
    same([expires instanceof Date, expires - Date.now() > 3_000_000, expires - Date.now() <= 3_600_000], [true, true, true]);
    same([await one.refresh("x", "a", hour), await one.refresh("x", "b", hour), await one.refresh("x", "c", hour)], [true, false, false]);
    same([await one.release("x", "c"), await one.release("x", "a"), await one.release("x", "a")], [false, true, false]);
    same([await create("x", { slotId: "b" }).release(), await one.forceReleaseAll("x")], [true, false]);
    same([await ask("a"), await one.forceReleaseAll("x"), await one.getState("x")], [true, true, null]);
  },

  async everybody_in_a_crowd_gets_a_turn() {
    // Every one of them gets its turn, whoever comes by in between.
    const turns = new Map();
    const worker = async (name) => {
      for (let n = 0; n < 5; n += 1) {
        await create("x", { limit: 2 }).runBlockingOrFail(() => turns.set(name, (turns.get(name) ?? 0) + 1), { time: hour });
      }
    };
    await Promise.all(["a", "b", "c", "d", "e"].map(worker));
    same([...turns.values()], [5, 5, 5, 5, 5]);
  },

  // ---- stores of `cla`: who waits is in line, and is told at once

  async waiters_get_their_turn_in_order_of_arrival() {
    const turns = [
      (semaphore, n) => semaphore.runBlockingOrFail(() => note(n), { time: hour }),
      (semaphore, n) => semaphore.runBlockingOrFail(async () => note(n), { time: hour }),
      (semaphore, n) =>
        semaphore.acquireBlocking({ time: hour }).pipe(async (args, next) => {
          same(await next(), true);
          note(n);
          await semaphore.releaseOrFail();
        }),
    ];
    const holder = create("x");
    await holder.acquireOrFail();
    const all = [];
    for (let n = 0; n < 30; n += 1) {
      const semaphore = (n % 2 ? create : elsewhere)("x");
      all.push(await queued("x", turns[n % 3](semaphore, n)));
    }
    await holder.releaseOrFail();
    await Promise.all(all.map(({ promise }) => promise));
    same(log, all.map((_, n) => n));
  },

  async nobody_overtakes_who_waits() {
    const [holder, next, late] = [create("x"), create("x"), elsewhere("x")];
    await holder.acquireOrFail();
    const { promise } = await queued("x", next.acquireBlocking({ time: hour }));
    // Whoever comes when the slot is given back comes too late.
    const [released, acquired] = await Promise.all([holder.release(), late.acquire()]);
    same([released, acquired, await late.acquire(), await promise], [true, false, false, true]);
    same(await failure(late.runOrFail(() => note("ran"))), limitReached("x"));
    same([await next.release(), await late.acquire(), log], [true, true, []]);
  },

  async the_interval_is_accepted_and_nobody_waits_for_it() {
    const semaphores = [create("x"), elsewhere("x")];
    await semaphores[0].acquireOrFail();
    const start = performance.now();
    // Each waits for the other a hundred times: an hour each, if it looked in intervals.
    for (let n = 0; n < 100; n += 1) {
      const [holder, next] = n % 2 ? semaphores.toReversed() : semaphores;
      const { promise } = await queued("x", next.acquireBlocking({ time: TimeSpan.fromDays(10), interval: hour }));
      same([await holder.release(), await promise], [true, true]);
    }
    same(performance.now() - start < 60_000, true);
  },

  async who_waits_is_told_at_once_of_a_slot_that_expires() {
    const start = performance.now();
    for (let n = 0; n < 3; n += 1) {
      await create("x", { ttl: brief }).acquireOrFail();
      const next = create("x", { ttl: brief });
      same(await next.acquireBlocking({ time: hour, interval: hour }), true);
      await until(async () => (await typeOf(next)) === "EXPIRED");
    }
    same(performance.now() - start < 60_000, true);
  },

  // ---- one semaphore underneath: what `cla/sem` sees, and can do

  async what_is_taken_is_seen_by_cla_sem() {
    const semaphore = create("x", { limit: 2, slotId: "mine", ttl: hour });
    await semaphore.acquireOrFail();
    const { name, slots, pinned, busy, waiting, requests } = sem.show("x");
    same([name, slots, pinned, busy, waiting, requests.length], ["x", 2, false, 1, 0, 1]);
    const [{ status, granted, who, slot, place, token, expires_at, pid, run }] = requests;
    same([status, granted, who, slot, place, token > 0, typeof pid, typeof run], ["busy", false, "cases.mjs", "mine", null, true, "number", "string"]);
    const left = expires_at - Date.now() / 1000;
    same([left > 3_000, left < 3_610], [true, true]);
    same(sem.list().some(({ name, busy }) => name === "x" && busy === 1), true);
    await semaphore.release();
    same([sem.show("x").busy, sem.show("x").requests.filter(({ status }) => status === "busy")], [0, []]);
    // What `sem.take` takes is one of the slots here; it has no id but that of its request.
    sem.take("x", { slots: 2 }, (permit) => same(sem.show("x").requests.find(({ id }) => id === permit.id).slot, null));
    const permit = sem.acquire("x", { slots: 1 });
    same(await semaphore.acquire(), false);
    same(await semaphore.getState(), { type: "LIMIT_REACHED", limit: 1, acquiredSlots: [permit.id] });
    same([await semaphore.forceReleaseAll(), await semaphore.acquire()], [true, true]);
    await until(() => permit.lost);
    same([sem.forceReleaseAll("x"), await semaphore.release()], [1, false]);
  },

  async who_waits_is_seen_by_cla_sem() {
    await create("x").acquireOrFail();
    const { promise } = await queued("x", create("x", { slotId: "next" }).acquireBlocking({ time: hour }));
    const row = sem.show("x").requests.find(({ status }) => status === "waiting");
    same([row.slot, row.place, row.who, row.token, row.expires_at], ["next", 1, "cases.mjs", null, null]);
    same([await create("x").forceReleaseAll(), await promise], [true, true]);
  },

  async what_an_administrator_sets_outranks_the_limit() {
    const [first, second, third] = [1, 2, 3].map(() => create("x", { limit: 2 }));
    sem.slots("x", 1);
    same([await first.acquire(), await second.acquire()], [true, false]);
    same(await second.getState().then(({ type, limit }) => [type, limit]), ["LIMIT_REACHED", 1]);
    // Who waits is let in at once.
    const wait = await queued("x", second.acquireBlocking({ time: hour }));
    sem.slots("x", 2);
    same([await wait.promise, await third.acquire()], [true, false]);
    // Those who are in stay in.
    sem.slots("x", 0);
    same([await typeOf(first), await typeOf(second), await first.release(), await second.release(), await first.acquire()], ["ACQUIRED", "ACQUIRED", true, true, false]);
    same(await first.getState(), { type: "LIMIT_REACHED", limit: 0, acquiredSlots: [] });
    sem.slots("x", "unlimited");
    same([await first.acquire(), await second.acquire(), await third.acquire()], [true, true, true]);
    same(await create("x").getState().then(({ type, limit, freeSlotsCount }) => [type, limit === Infinity, freeSlotsCount === Infinity]), ["UNACQUIRED", true, true]);
    sem.slots("x", "default");
    same(await create("x", { limit: 2 }).acquire(), false);
  },

  async a_wait_that_an_administrator_cancels_fails() {
    const eventBus = new EventBus({ adapter: new MemoryEventBusAdapter() });
    const told = provider({ eventBus });
    await told.events.addListener([SEMAPHORE_EVENTS.UNEXPECTED_ERROR, SEMAPHORE_EVENTS.LIMIT_REACHED], ({ type, error, semaphore }) => {
      note([type, error.name, semaphore.id]);
    });
    await create("x").acquireOrFail();
    for (const wait of [
      (semaphore) => semaphore.acquireBlocking({ time: hour }),
      (semaphore) => semaphore.acquireBlockingOrFail({ time: hour }),
      (semaphore) => semaphore.runBlockingOrFail(() => note("ran"), { time: hour }),
    ]) {
      const { promise } = await queued("x", wait(told.create("x", { slotId: "next" })).pipe(async (args, next) => {
        const error = await next().then(() => note("acquired"), (error) => error);
        same([error instanceof sem.SemaphoreCancelError, error.semaphore, isSemaphoreError(error)], [true, "x", false]);
        return error.message;
      }));
      sem.cancel(sem.show("x").requests.find(({ status }) => status === "waiting").id);
      same((await promise).startsWith("Semaphore cancel"), true);
      await until(() => log.length > 0);
      await others();
      same(log.splice(0), [["UNEXPECTED_ERROR", "SemaphoreCancelError", "next"]]);
    }
    same(sem.show("x").waiting, 0);
  },

  async a_wait_that_an_administrator_grants_has_acquired_outside_of_the_slots() {
    const [holder, next] = [create("x", { slotId: "a" }), create("x", { slotId: "b" })];
    await holder.acquireOrFail();
    const { promise } = await queued("x", next.acquireBlocking({ time: hour }));
    sem.grant(sem.show("x").requests.find(({ slot }) => slot === "b").id);
    same(await promise, true);
    const { remainingTime, ...state } = await next.getState();
    same(state, { type: "ACQUIRED", limit: 1, freeSlotsCount: 0, acquiredSlotsCount: 1, acquiredSlots: ["a"] });
    same([await next.refresh(), await next.release(), await typeOf(holder), await create("x").acquire()], [true, true, "ACQUIRED", false]);
    // The same for work.
    const work = await queued("x", next.runBlockingOrFail(() => "worked", { time: hour }));
    sem.grant(sem.show("x").requests.find(({ slot, status }) => slot === "b" && status === "waiting").id);
    same([await work.promise, await typeOf(next), await typeOf(holder)], ["worked", "LIMIT_REACHED", "ACQUIRED"]);
  },

  async an_administrator_moves_who_waits() {
    const holder = create("x");
    await holder.acquireOrFail();
    const all = [];
    for (const slotId of ["a", "b", "c"]) {
      all.push(await queued("x", create("x", { slotId }).runBlockingOrFail(() => note(slotId), { time: hour })));
    }
    sem.move(sem.show("x").requests.find(({ slot }) => slot === "c").id, 1);
    await holder.release();
    await Promise.all(all.map(({ promise }) => promise));
    same(log, ["c", "a", "b"]);
  },

  async a_purge_lets_everybody_in() {
    const holder = create("x");
    await holder.acquireOrFail();
    const waits = [];
    for (let n = 0; n < 3; n += 1) {
      waits.push(await queued("x", create("x").acquireBlocking({ time: hour })));
    }
    same(sem.purge("x"), 4);
    same([await Promise.all(waits.map(({ promise }) => promise)), await holder.release()], [[true, true, true], false]);
  },

  async a_rule_that_blocks_behind_its_own_slot_gives_up_in_time() {
    const semaphore = create("x", { ttl: null });
    await semaphore.acquireOrFail();
    // Nothing else of this run goes on while it blocks, but whoever knows the slot's id may release it.
    same((await failure(() => sem.take("x", { timeout: "20ms" }, () => note("ran")))).split(":")[0], "SemaphoreTimeoutError");
    const { promise } = await queued("x", create("x").acquireBlocking({ time: hour }));
    same([await semaphore.release(), await promise, await create("x").forceReleaseAll()], [true, true, true]);
    // The other way round.
    sem.take("x", () => {});
    const permit = sem.acquire("x");
    same([await semaphore.acquireBlocking({ time: brief }), permit.release(), await semaphore.acquire(), log], [false, true, true, []]);
  },
};
