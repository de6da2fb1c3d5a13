// Shows as a patch what a file on some hosts has that it should not have, and what it lacks. Fails if there is anything.
// It uses a package of npm: npm install diff
//
//   cla run drift.mjs --stash file=nginx.conf --stash path=/etc/nginx/nginx.conf --stash 'hosts=["web1", "web2"]'
import fs from "cla/fs";
import sem from "cla/sem";
import { $, sh } from "cla/shell";
import { createTwoFilesPatch, diffLines } from "diff";

/** @type {{ file: string, path: string, hosts: string[] }} */
const { file, path, hosts } = /** @type {any} */ (cla.stash());
const wanted = fs.readFile(file);

/** Gives the host's name if its file is not as it should be. @param {string} host */
async function look(host) {
  const command = `cat ${sh.quote(path)}`;
  const ask = () => $`ssh -o BatchMode=yes ${host} -- ${command}`.timeout("30s").nothrow();
  const shown = await sem.take.async("ssh", { slots: 3 }, ask);
  if (!shown.ok) {
    print(`${host}: cannot be read: ${shown.error}`);
    return host;
  }
  const found = new TextDecoder().decode(shown.bytes());
  const changes = diffLines(wanted, found).filter((part) => part.added || part.removed);
  if (changes.length === 0) return undefined;
  const count = changes.reduce((sum, part) => sum + part.count, 0);
  print(`${host}: ${count} lines differ\n${createTwoFilesPatch(file, `${host}:${path}`, wanted, found)}`);
  return host;
}

const wrong = (await Promise.all(hosts.map(look))).filter((host) => host !== undefined);
if (wrong.length > 0) throw new Error(`${wrong.length} of ${hosts.length} hosts differ: ${wrong.join(", ")}`);
print(`${hosts.length} hosts have ${path} as it should be`);
