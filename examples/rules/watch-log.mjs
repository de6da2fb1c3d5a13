// Follows a log, and reports errors together, not each by itself: at most one message for each host and minute.
//
//   cla run watch-log.mjs --stash log=/var/log/app.log --stash tell=https://chat.example.com/hook
import http from "cla/http";
import { $ } from "cla/shell";

const { log, tell, until = "" } = cla.stash();
const told = new Map(); // the minute in which a host was told of

for (const line of $`tail -n 0 -F ${log}`.quiet()) {
  if (until !== "" && line.includes(until)) break; // the loop ends, and tail with it
  const found = /^(\S+) \[error\] (.*)$/.exec(line);
  if (found === null) continue;
  const [, host, message] = found;
  const minute = Math.floor(Date.now() / 60_000);
  if (told.get(host) === minute) continue;
  told.set(host, minute);
  const { ok, status } = http.post(tell, { text: `${host}: ${message}` });
  print(ok ? `told of ${host}` : `cannot tell of ${host}: status ${status}`);
}
