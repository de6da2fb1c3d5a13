// cla/log

import log, { debug, error, fatal, info, warn } from "cla/log";
import { exactly } from "./assert.ts";

exactly<void>()(info("a message"));
exactly<void>()(log.info("a message", { something: ["to", "dump"] }));
debug("a message", 42);
warn("a message", null);
error("a message", new Error("why"));
// @ts-expect-error no message
info();
// @ts-expect-error no such level
log.trace("a message");

/** `fatal` throws, so nothing has to follow it. */
export function port(text: string): number {
  const port = Number(text);
  if (port > 0) {
    return port;
  }
  fatal("not a port", text);
}
exactly<never>()(fatal("the end"));
