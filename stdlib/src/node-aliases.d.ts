// Node's modules by their names without the prefix, and all of them as `require` gives them.

declare module "assert" {
  export * from "node:assert";
  export { default } from "node:assert";
}

declare module "assert/strict" {
  export * from "node:assert/strict";
  export { default } from "node:assert/strict";
}

declare module "async_hooks" {
  export * from "node:async_hooks";
  export { default } from "node:async_hooks";
}

declare module "buffer" {
  export * from "node:buffer";
  export { default } from "node:buffer";
}

declare module "child_process" {
  export * from "node:child_process";
  export { default } from "node:child_process";
}

declare module "console" {
  export * from "node:console";
  export { default } from "node:console";
}

declare module "constants" {
  export * from "node:constants";
  export { default } from "node:constants";
}

declare module "crypto" {
  export * from "node:crypto";
  export { default } from "node:crypto";
}

declare module "events" {
  export * from "node:events";
  export { default } from "node:events";
}

declare module "fs" {
  export * from "node:fs";
  export { default } from "node:fs";
}

declare module "fs/promises" {
  export * from "node:fs/promises";
  export { default } from "node:fs/promises";
}

declare module "module" {
  export * from "node:module";
  export { default } from "node:module";
}

declare module "os" {
  export * from "node:os";
  export { default } from "node:os";
}

declare module "path" {
  export * from "node:path";
  export { default } from "node:path";
}

declare module "path/posix" {
  export * from "node:path/posix";
  export { default } from "node:path/posix";
}

declare module "perf_hooks" {
  export * from "node:perf_hooks";
  export { default } from "node:perf_hooks";
}

declare module "process" {
  export * from "node:process";
  export { default } from "node:process";
}

declare module "querystring" {
  export * from "node:querystring";
  export { default } from "node:querystring";
}

declare module "readline" {
  export * from "node:readline";
  export { default } from "node:readline";
}

declare module "readline/promises" {
  export * from "node:readline/promises";
  export { default } from "node:readline/promises";
}

declare module "stream" {
  export * from "node:stream";
  export { default } from "node:stream";
}

declare module "stream/promises" {
  export * from "node:stream/promises";
  export { default } from "node:stream/promises";
}

declare module "stream/consumers" {
  export * from "node:stream/consumers";
  export { default } from "node:stream/consumers";
}

declare module "stream/web" {
  export * from "node:stream/web";
  export { default } from "node:stream/web";
}

declare module "string_decoder" {
  export * from "node:string_decoder";
  export { default } from "node:string_decoder";
}

declare module "timers" {
  export * from "node:timers";
  export { default } from "node:timers";
}

declare module "timers/promises" {
  export * from "node:timers/promises";
  export { default } from "node:timers/promises";
}

declare module "tty" {
  export * from "node:tty";
  export { default } from "node:tty";
}

declare module "url" {
  export * from "node:url";
  export { default } from "node:url";
}

declare module "util" {
  export * from "node:util";
  export { default } from "node:util";
}

declare module "util/types" {
  export * from "node:util/types";
  export { default } from "node:util/types";
}

declare module "sys" {
  export * from "node:sys";
  export { default } from "node:sys";
}

interface ClaModules {
  "assert": typeof import("node:assert").default;
  "node:assert": typeof import("node:assert").default;
  "assert/strict": typeof import("node:assert/strict").default;
  "node:assert/strict": typeof import("node:assert/strict").default;
  "async_hooks": typeof import("node:async_hooks").default;
  "node:async_hooks": typeof import("node:async_hooks").default;
  "buffer": typeof import("node:buffer").default;
  "node:buffer": typeof import("node:buffer").default;
  "child_process": typeof import("node:child_process").default;
  "node:child_process": typeof import("node:child_process").default;
  "console": typeof import("node:console").default;
  "node:console": typeof import("node:console").default;
  "constants": typeof import("node:constants").default;
  "node:constants": typeof import("node:constants").default;
  "crypto": typeof import("node:crypto").default;
  "node:crypto": typeof import("node:crypto").default;
  "events": typeof import("node:events").default;
  "node:events": typeof import("node:events").default;
  "fs": typeof import("node:fs").default;
  "node:fs": typeof import("node:fs").default;
  "fs/promises": typeof import("node:fs/promises").default;
  "node:fs/promises": typeof import("node:fs/promises").default;
  "module": typeof import("node:module").default;
  "node:module": typeof import("node:module").default;
  "os": typeof import("node:os").default;
  "node:os": typeof import("node:os").default;
  "path": typeof import("node:path").default;
  "node:path": typeof import("node:path").default;
  "path/posix": typeof import("node:path/posix").default;
  "node:path/posix": typeof import("node:path/posix").default;
  "perf_hooks": typeof import("node:perf_hooks").default;
  "node:perf_hooks": typeof import("node:perf_hooks").default;
  "process": typeof import("node:process").default;
  "node:process": typeof import("node:process").default;
  "querystring": typeof import("node:querystring").default;
  "node:querystring": typeof import("node:querystring").default;
  "readline": typeof import("node:readline").default;
  "node:readline": typeof import("node:readline").default;
  "readline/promises": typeof import("node:readline/promises").default;
  "node:readline/promises": typeof import("node:readline/promises").default;
  "stream": typeof import("node:stream").default;
  "node:stream": typeof import("node:stream").default;
  "stream/promises": typeof import("node:stream/promises").default;
  "node:stream/promises": typeof import("node:stream/promises").default;
  "stream/consumers": typeof import("node:stream/consumers").default;
  "node:stream/consumers": typeof import("node:stream/consumers").default;
  "stream/web": typeof import("node:stream/web").default;
  "node:stream/web": typeof import("node:stream/web").default;
  "string_decoder": typeof import("node:string_decoder").default;
  "node:string_decoder": typeof import("node:string_decoder").default;
  "timers": typeof import("node:timers").default;
  "node:timers": typeof import("node:timers").default;
  "timers/promises": typeof import("node:timers/promises").default;
  "node:timers/promises": typeof import("node:timers/promises").default;
  "tty": typeof import("node:tty").default;
  "node:tty": typeof import("node:tty").default;
  "url": typeof import("node:url").default;
  "node:url": typeof import("node:url").default;
  "util": typeof import("node:util").default;
  "node:util": typeof import("node:util").default;
  "util/types": typeof import("node:util/types").default;
  "node:util/types": typeof import("node:util/types").default;
  "sys": typeof import("node:sys").default;
  "node:sys": typeof import("node:sys").default;
}
