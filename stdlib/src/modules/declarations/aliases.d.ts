// By which names programs written for the library `@daiso-tech/core` import what our modules have.

declare module "@daiso-tech/core/time-span" {
  export * from "cla/time-span";
}

declare module "@daiso-tech/core/time-span/contracts" {
  export * from "cla/time-span";
}

declare module "@daiso-tech/core/task" {
  export * from "cla/task";
}

declare module "@daiso-tech/core/task/contracts" {
  export * from "cla/task";
}

declare module "@daiso-tech/core/namespace" {
  export * from "cla/namespace";
}

declare module "@daiso-tech/core/namespace/contracts" {
  export * from "cla/namespace";
}

declare module "@daiso-tech/core/resilience" {
  export * from "cla/resilience";
}

declare module "@daiso-tech/core/backoff-policies" {
  export * from "cla/resilience";
}

declare module "@daiso-tech/core/serde" {
  export * from "cla/serde";
}

declare module "@daiso-tech/core/serde/contracts" {
  export * from "cla/serde";
}

declare module "@daiso-tech/core/serde/super-json-serde-adapter" {
  export * from "cla/serde/super-json";
}

declare module "@daiso-tech/core/event-bus" {
  export * from "cla/event-bus";
}

declare module "@daiso-tech/core/event-bus/contracts" {
  export * from "cla/event-bus";
}

declare module "@daiso-tech/core/event-bus/memory-event-bus-adapter" {
  export * from "cla/event-bus/memory";
}

declare module "@daiso-tech/core/event-bus/no-op-event-bus-adapter" {
  export * from "cla/event-bus/no-op";
}

declare module "@daiso-tech/core/semaphore" {
  export * from "cla/semaphore";
}

declare module "@daiso-tech/core/semaphore/contracts" {
  export * from "cla/semaphore/contracts";
}

declare module "@daiso-tech/core/semaphore/memory-semaphore-adapter" {
  export * from "cla/semaphore/memory";
}

declare module "@daiso-tech/core/semaphore/no-op-semaphore-adapter" {
  export * from "cla/semaphore/no-op";
}

declare module "@daiso-tech/core/semaphore/redis-semaphore-adapter" {
  export * from "cla/semaphore/redis";
}

declare module "@daiso-tech/core/event-bus/redis-pub-sub-event-bus-adapter" {
  export * from "cla/event-bus/redis";
}

declare module "ioredis" {
  export * from "cla/redis";
  export { default } from "cla/redis";
}
