// Made of event-bus/redis.ts by `cargo xtask types --write`.

/**
 * `cla/event-bus/redis`: events between all rules and programs that share a Redis or Valkey server.
 *
 * ```js
 * import { EventBus } from "cla/event-bus";
 * import { RedisPubSubEventBusAdapter } from "cla/event-bus/redis";
 * import Redis from "cla/redis";
 * import { Serde } from "cla/serde";
 * import { SuperJsonSerdeAdapter } from "cla/serde/super-json";
 * const client = new Redis("redis://localhost");
 * const serde = new Serde(new SuperJsonSerdeAdapter());
 * const bus = new EventBus({ adapter: new RedisPubSubEventBusAdapter({ client, serde }) });
 * await bus.addListener("deployed", ({ server }) => print(server));
 * ```
 */
declare module "cla/event-bus/redis" {
  import type { BaseEvent, EventListenerFn, IEventBusAdapter } from "cla/event-bus";
  import { Redis } from "cla/redis";
  import type { ISerde } from "cla/serde";
  export interface RedisPubSubEventBusAdapterSettings {
    /** The server. */
    client: Redis;
    /** Makes text of events and events of text. All who share events need the same. */
    serde: ISerde<string>;
  }
  /**
   * Brings events to all who listen to the same names at the same server, in whatever process.
   *
   * A listener gets what is dispatched from when `addListener` is done, as long as its run goes on and the connection
   * stands. Listening alone does not keep a run from ending: awaiting an event does (`asPromise`). What was dispatched
   * until a run could end is told before it ends. While the connection is lost, events are lost; it is made again by itself.
   * Dispatching fails with a `RedisError` if the server does not take the event within four seconds.
   *
   * All that listens and dispatches by one adapter shares one connection. A run that does not get round to its events for so
   * long that more than 32 MB of them wait loses the later ones, and says so on the standard error.
   *
   * An event may take 16 MB, or half of the memory that the run had left when it first used the adapter, if that is less.
   * Should the server send a larger one, the connection is closed: what is being dispatched fails with a `RedisError` that
   * names the limit, and so does a run that listens.
   */
  export class RedisPubSubEventBusAdapter implements IEventBusAdapter {
    #private;
    constructor(settings: RedisPubSubEventBusAdapterSettings);
    addListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void>;
    removeListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void>;
    dispatch(eventName: string, event: BaseEvent): Promise<void>;
  }
}

interface ClaModules {
  "cla/event-bus/redis": typeof import("cla/event-bus/redis");
}
