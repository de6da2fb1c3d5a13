// A rule in two files. Imports are relative to the file that has them, and stay below the rule's own
// folder (or the one that `cla` was started in).
//
//   cla run examples/two-files/main.js
//
// `import` and `require` both work, on modules of both kinds.

import { guarded } from "./lib.mjs";

const total = guarded("ledger", () => [12.5, 30, 7.25].reduce((sum, price) => sum + price));

print(`the total is ${total}`);
