// Measures one JavaScript peer and prints nanoseconds per operation as JSON: node peers.js NAME [--quick]
//
// One operation is what a rule does with `sem.take("x", () => {})` when the slot is free: take it, run a function that
// does nothing, give it back.

import { Mutex } from "async-mutex";
import { Sema } from "async-sema";
import pLimit from "p-limit";

const nothing = () => {};
const nothingAsync = async () => {};

const peers = {
  async "p-limit"(times) {
    const limit = pLimit(1);
    for (let i = 0; i < times; i++) await limit(nothing);
  },
  async "async-mutex"(times) {
    const mutex = new Mutex();
    for (let i = 0; i < times; i++) await mutex.runExclusive(nothing);
  },
  async "async-mutex-async"(times) {
    const mutex = new Mutex();
    for (let i = 0; i < times; i++) await mutex.runExclusive(nothingAsync);
  },
  async "async-sema"(times) {
    const sema = new Sema(1);
    for (let i = 0; i < times; i++) {
      await sema.acquire();
      try {
        nothing();
      } finally {
        sema.release();
      }
    }
  },
};

const [name, quick] = process.argv.slice(2);
const peer = peers[name];
if (!peer) {
  console.error(`no such peer: ${name}; there are ${Object.keys(peers).join(", ")}`);
  process.exit(2);
}

const times = quick ? 50_000 : 200_000;
const [groups, batches] = quick ? [2, 5] : [4, 9];

async function nanoseconds() {
  const started = process.hrtime.bigint();
  await peer(times);
  return Number(process.hrtime.bigint() - started) / times;
}

// The best of a few medians, as on our side: see xtask/bench/src/sample.rs.
await nanoseconds(); // warm: let the compiler see it
let best = Infinity;
for (let group = 0; group < groups; group++) {
  const samples = [];
  for (let batch = 0; batch < batches; batch++) samples.push(await nanoseconds());
  samples.sort((a, b) => a - b);
  best = Math.min(best, samples[samples.length >> 1]);
}
console.log(JSON.stringify({ value: best, unit: "ns" }));
