// Made of event-bus/no-op.ts by `cargo xtask types --write`.

/** `cla/event-bus/no-op`: events that nobody hears. */
declare module "cla/event-bus/no-op" {
  import type { IEventBusAdapter } from "cla/event-bus";
  /** Brings no event to anybody. */
  export class NoOpEventBusAdapter implements IEventBusAdapter {
    addListener(): Promise<void>;
    removeListener(): Promise<void>;
    dispatch(): Promise<void>;
  }
}

interface ClaModules {
  "cla/event-bus/no-op": typeof import("cla/event-bus/no-op");
}
