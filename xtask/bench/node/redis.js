// Measures npm's redis-semaphore as its users would use it, and prints JSON: node redis.js NAME PORT [--quick]

import { Redis } from "ioredis";
import { Mutex } from "redis-semaphore";

const [name, port, quick] = process.argv.slice(2);

const connect = () => new Redis(Number(port), "127.0.0.1");

const measurements = {
  // From the release at one client to the permit at another that waits: the median, in nanoseconds.
  async "hand-over"() {
    const clients = [connect(), connect()];
    const mutexes = clients.map((client) => new Mutex(client, "slot"));
    const turns = quick ? 100 : 400;
    const times = [];
    await mutexes[0].acquire();
    for (let turn = 1; turn <= turns; turn++) {
      const [next, held] = turn % 2 ? [mutexes[1], mutexes[0]] : [mutexes[0], mutexes[1]];
      let acquired;
      const waiting = next.acquire().then(() => (acquired = process.hrtime.bigint()));
      // It has asked, and asks again every few milliseconds; at which of them the release comes is chance.
      await new Promise((resolve) => setTimeout(resolve, 15 + Math.random() * 20));
      const released = process.hrtime.bigint();
      await Promise.all([held.release(), waiting]);
      times.push(Number(acquired - released));
    }
    await mutexes[turns % 2].release();
    for (const client of clients) client.disconnect();
    times.sort((a, b) => a - b);
    return { value: times[times.length >> 1], unit: "ns" };
  },

  // How often a second one slot goes from hand to hand between 64 clients.
  async crowd() {
    const clients = Array.from({ length: 64 }, connect);
    const mutexes = clients.map((client) => new Mutex(client, "slot", { acquireTimeout: 60_000 }));
    const end = Date.now() + (quick ? 1000 : 3000);
    const started = process.hrtime.bigint();
    let handedOver = 0;
    let last;
    await Promise.all(
      mutexes.map(async (mutex) => {
        while (Date.now() < end) {
          await mutex.acquire();
          // Who gives it back and takes it again before anybody else has asked hands nothing over.
          if (last !== mutex) handedOver++;
          last = mutex;
          await mutex.release();
        }
      }),
    );
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    for (const client of clients) client.disconnect();
    return { value: handedOver / seconds, unit: "/s" };
  },
};

console.log(JSON.stringify(await measurements[name]()));
