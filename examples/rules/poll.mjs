// Starts a job on a server and asks until it is done; gives up after a time, and tells the server then.
//
//   cla run poll.mjs --stash server=https://ci.example.com --stash limit=600
import http from "cla/http";
import { sleep } from "cla/util";

const { server, limit = 600 } = cla.stash();
const signal = AbortSignal.timeout(limit * 1000);

const { id } = http.post(`${server}/jobs`, { name: "nightly" }, { as: "json" }).data;
try {
  for (let wait = 0.1; ; wait = Math.min(wait * 2, 10)) {
    const job = http.get(`${server}/jobs/${id}`, { as: "json", signal }).data;
    if (job.state === "done") {
      print(`job ${id}: ${job.result}`);
      break;
    }
    sleep(wait, { signal });
  }
} catch (error) {
  if (!signal.aborted) throw error;
  http.del(`${server}/jobs/${id}`);
  throw new Error(`job ${id} took longer than ${limit} s`, { cause: error });
}
