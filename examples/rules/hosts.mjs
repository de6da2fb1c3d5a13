// Runs a command on many hosts, at most three at once, and says at the end which failed. Other rules that deploy share the three.
//
//   cla run hosts.mjs --stash 'hosts=["web1", "web2"]' --stash command=uptime
import sem from "cla/sem";
import { $ } from "cla/shell";

const { hosts, command } = cla.stash();

/** @param {string} host */
async function ask(host) {
  return sem.take.async("ssh", { slots: 3 }, async () => {
    const { ok, output, error } = await $`ssh -o BatchMode=yes ${host} -- ${command}`.timeout("30s").nothrow();
    print(`${host}: ${ok ? output : `failed: ${error}`}`);
    return ok ? undefined : host;
  });
}

const failed = (await Promise.all(hosts.map(ask))).filter(Boolean);
if (failed.length > 0) {
  throw new Error(`${failed.length} of ${hosts.length} hosts failed: ${failed.join(", ")}`);
}
