// One slot, and many who want it: they take turns, first come, first served.
//
//   cla run --copies 5 examples/queue.js
//
// `take` blocks the rule: no `await`, no callback later. It does not block the thread, though: all
// five run on the same one, and ten thousand would too.

const sem = require("cla/sem");
const util = require("cla/util");

sem.take("deploy-target", (permit) => {
  print(`took the slot after ${permit.waited.toFixed(1)} s`);
  util.sleep(0.2);
});
