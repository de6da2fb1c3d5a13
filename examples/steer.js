// What an administrator can do while rules wait. It takes nothing itself; give it a line to steer:
//
//   cd examples && cla run queue.js queue.js queue.js queue.js steer.js
//
// The runs start in this order, so the first has the slot and three wait when this one looks. It
// locks the semaphore, lets one waiter through, makes another fail, and unlocks it again.

const sem = require("cla/sem");
const util = require("cla/util");

const NAME = "deploy-target";

/** The ids of those who wait, the next one first. */
function waiters() {
  const requests = sem.show(NAME)?.requests ?? [];
  return requests.filter((request) => request.status === "waiting").map((request) => request.id);
}

util.sleep(0.05); // the first says that it has the slot
for (const { name, slots, busy, waiting } of sem.list()) {
  print(`${name}: ${slots} slots, ${busy} busy, ${waiting} waiting`);
}
for (const { status, place, who } of sem.show(NAME)?.requests ?? []) {
  print(`  ${place ?? "-"} ${status} ${who}`);
}

const [next, ...others] = waiters();
const last = others.at(-1);
if (next === undefined || last === undefined) {
  throw new Error(`too few wait for ${NAME}: run this together with queue.js`);
}

sem.slots(NAME, 0); // a global lock: who is busy goes on, nobody else gets in
print("locked");

sem.grant(next); // but this one starts now, without a slot
sem.cancel(last); // and this one fails with a "Semaphore cancel" error
util.sleep(0.3); // by now whoever had the slot has given it back
print(`still waiting: ${waiters().length}`);

sem.slots(NAME, 1); // the line goes on in order
print("unlocked");
