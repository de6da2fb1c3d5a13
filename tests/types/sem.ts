// cla/sem: what a rule may say to semaphores, and what it is told.

import sem, {
  acquire,
  list,
  show,
  SemaphoreCancelError,
  SemaphoreDeadlockError,
  SemaphoreLostError,
  SemaphoreError,
  SemaphoreTimeoutError,
  take,
} from "cla/sem";
import { exactly, type IsAny, type Same, type True } from "./assert.ts";

// `take` returns what its function returns.
exactly<number>()(take("a", () => 42 as number));
exactly<string>()(sem.take("a", () => "text" as string));
exactly<void>()(take("a", () => {}));
exactly<{ rows: string[] }>()(take("a", { slots: 2 }, () => ({ rows: ["x"] })));
exactly<Promise<boolean>>()(take("a", async () => true as boolean));

// Every option, each in every unit it may have.
take("a", { slots: 3, timeout: "5m", ttl: 1.5, priority: 10, who: "deploy" }, () => {});
take("a", { timeout: 0.25, ttl: "250ms" }, () => {});
take("a", {}, () => {});

// The function gets the permit, and the permit is typed.
take("a", (permit) => {
  type _ = True<Same<IsAny<typeof permit>, false>>;
  exactly<number>()(permit.token);
  exactly<number>()(permit.waited);
  permit.refresh(30);
  permit.refresh("30s");
  permit.release();
});

// @ts-expect-error no name
take(() => {});
// @ts-expect-error no function
take("a");
// @ts-expect-error options, but no function
take("a", { slots: 2 });
// @ts-expect-error a name is text
take(7, () => {});
// @ts-expect-error the function comes last
take("a", () => {}, { slots: 2 });
// @ts-expect-error an unknown option
take("a", { slot: 2 }, () => {});
// @ts-expect-error a number of slots is not free text
take("a", { slots: "many" }, () => {});
// @ts-expect-error a timeout is seconds or a duration
take("a", { timeout: true }, () => {});
// @ts-expect-error a priority is a number
take("a", { priority: "high" }, () => {});
// @ts-expect-error what is returned is not a string
const wrong: string = take("a", () => 42);

// `acquire` returns a permit, the same as `take` gives to its function.
const permit = acquire("a", { slots: 2, timeout: "1s" });
type PermitOfAcquire = typeof permit;
take("a", (given) => exactly<PermitOfAcquire>()(given));
acquire("a").release();
sem.acquire("a", { ttl: 60 }).refresh("1m");
// @ts-expect-error nothing to acquire
acquire();
// @ts-expect-error an unknown option
acquire("a", { until: 5 });
// @ts-expect-error a permit has no such method
permit.renew();
// @ts-expect-error the fencing token cannot be chosen
permit.token = 7;

// What an administrator's script sees: the shape that every interface keeps.
const shown = show("a");
type Shown = NonNullable<typeof shown>;
type _Shown = True<Same<IsAny<Shown>, false>>;
declare const semaphore: Shown;
exactly<string>()(semaphore.name);
exactly<number | "unlimited">()(semaphore.slots);
exactly<boolean>()(semaphore.pinned);
exactly<number>()(semaphore.busy);
exactly<number>()(semaphore.waiting);
// @ts-expect-error `unlimited` is not a number
const free: number = semaphore.slots - semaphore.busy;
if (semaphore.slots !== "unlimited") {
  exactly<number>()(semaphore.slots);
}

for (const request of semaphore.requests) {
  exactly<boolean>()(request.granted);
  exactly<number>()(request.priority);
  exactly<number>()(request.waited);
  exactly<number | null>()(request.pid);
  const who: string | null | undefined = request.who;
  const place: number | null | undefined = request.place;
  const slot: string | null | undefined = request.slot;
  const token: number | null | undefined = request.token;
  const ran: number | null | undefined = request.ran;
  const columns = [
    request.id, request.run, request.host,
    request.requested_at, request.started_at, request.expires_at, request.unresponsive_since,
  ];
  switch (request.status) {
    case "waiting":
    case "busy":
    case "done":
    case "cancelled":
    case "expired":
    case "killed":
    case "timed_out":
    case "released":
    case "left":
      break;
    default:
      // No status is left over.
      exactly<never>()(request.status);
  }
  // @ts-expect-error there is no such status
  if (request.status === "paused") {}
  // @ts-expect-error there is no such column
  request.started;

  sem.grant(request.id);
  sem.cancel(request.id);
  sem.move(request.id, 1);
}

for (const each of list()) {
  exactly<string>()(each.name);
  exactly<number | "unlimited">()(each.slots);
  exactly<number>()(each.busy);
  exactly<number>()(each.waiting);
}

// What an administrator's script does.
sem.slots("a", 4);
sem.slots("a", 0);
sem.slots("a", -1);
sem.slots("a", "unlimited");
sem.purge("a");
sem.forceReleaseAll("a");

// What was: commands that changed something, and requests that ended.
for (const entry of sem.audit({ semaphore: "a", since: "1h", limit: 10 })) {
  exactly<number>()(entry.sequence);
  exactly<string | undefined>()(entry.actor?.login);
  exactly<number | "unlimited" | undefined>()(entry.before?.slots);
  if (entry.command === "move") {
    exactly<number | null | undefined>()(entry.after?.place);
  }
  // @ts-expect-error there is no such command
  if (entry.command === "lock") {}
}
sem.audit();
for (const request of sem.history("a", { since: 60 })) {
  exactly<number | null>()(request.ended_at);
  exactly<string | null | undefined>()(request.by?.host);
}
// @ts-expect-error a history is one semaphore's
sem.history();
// @ts-expect-error how many?
sem.slots("a");
// @ts-expect-error not a number of slots
sem.slots("a", "lots");
// @ts-expect-error where to?
sem.move(permit.id);
// @ts-expect-error no such function
sem.takeAll("a");

// Errors are classes, and every one says which semaphore it is about.
try {
  take("a", { timeout: 1 }, () => {});
} catch (error) {
  if (error instanceof SemaphoreTimeoutError) {
    const base: SemaphoreError = error;
    exactly<string>()(base.message);
  } else if (error instanceof SemaphoreCancelError || error instanceof SemaphoreDeadlockError || error instanceof SemaphoreLostError) {
    const base: SemaphoreError & Error = error;
    exactly<string>()(error.semaphore);
    exactly<string>()(base.message);
  } else if (error instanceof sem.SemaphoreError) {
    exactly<string | undefined>()(error.semaphore);
  }
}
