// A JavaScript rule that makes a rulebook of data, runs it, and marks a region of its own.
//
// $ cla run from-javascript.js
// restarting web-1
// web-1 is up
// restarting web-2
// web-2 is up
import { create, region } from "cla/rule";

const restart = create({ name: "restart", semaphore: "restarts", vars: { host: "web-1" } }, [
  { echo: "restarting ${host}" },
  { return: "${host} is up" },
]);

region({ key: "maintenance", name: "all hosts" }, () => {
  for (const host of ["web-1", "web-2"]) print(restart.run({ host }));
});
