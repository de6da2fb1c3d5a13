// A rule in TypeScript. It runs as it is: types are stripped, not checked. To have them checked, give
// your editor the declarations that `cla types` writes.
//
//   cla run examples/typed.ts
//   cla run --stash 'hosts=["web1","web2"]' examples/typed.ts

import { take, SemaphoreTimeoutError } from "cla/sem";
import { sleep } from "cla/util";

interface Deployment {
  host: string;
  /** Grows with every permit of a semaphore, so that a host can refuse who comes too late. */
  token: number;
}

function deploy(host: string): Deployment {
  // The options declare two slots, and give up after a while. What the function returns, and its
  // type, is what `take` returns.
  return take(`deploy to ${host}`, { slots: 2, timeout: "5s" }, (permit): Deployment => {
    sleep(0.02);
    return { host, token: permit.token };
  });
}

// A default export that is a function is called with the stash; what it returns is the rule's value.
export default function main(stash: { hosts?: string[] }): Deployment[] {
  const done: Deployment[] = [];
  for (const host of stash.hosts ?? ["db1"]) {
    try {
      done.push(deploy(host));
      print(`deployed to ${host}`);
    } catch (error) {
      if (!(error instanceof SemaphoreTimeoutError)) throw error;
      print(`${host} is busy, skipped`);
    }
  }
  return done;
}
