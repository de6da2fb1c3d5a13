// Made of event-bus/memory.ts by `cargo xtask types --write`.

/** `cla/event-bus/memory`: events within one run. */
declare module "cla/event-bus/memory" {
  import type { BaseEvent, EventListenerFn, IEventBusAdapter } from "cla/event-bus";
  /** Brings events to all buses of this run that have this very adapter. */
  export class MemoryEventBusAdapter implements IEventBusAdapter {
    #private;
    addListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void>;
    removeListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void>;
    dispatch(eventName: string, event: BaseEvent): Promise<void>;
  }
}

interface ClaModules {
  "cla/event-bus/memory": typeof import("cla/event-bus/memory");
}
