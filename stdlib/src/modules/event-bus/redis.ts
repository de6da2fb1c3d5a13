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

import type { BaseEvent, EventListenerFn, IEventBusAdapter } from "cla/event-bus";
import { onDisconnect, Redis, RedisError } from "cla/redis";
import { type Bus, open } from "cla/redis/native";
import type { ISerde } from "cla/serde";

export interface RedisPubSubEventBusAdapterSettings {
  /** The server. */
  client: Redis;
  /** Makes text of events and events of text. All who share events need the same. */
  serde: ISerde<string>;
}

/** Those who listen to a channel. */
interface Channel {
  listeners: Set<EventListenerFn<BaseEvent>>;
  subscribed: Promise<void>;
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
  readonly #serde: ISerde<string>;
  readonly #bus: Bus;
  readonly #channels = new Map<string, Channel>();
  /** How many wait for an event. */
  #waiting = 0;

  constructor(settings: RedisPubSubEventBusAdapterSettings) {
    const { client, serde } = (settings ?? {}) as Partial<RedisPubSubEventBusAdapterSettings>;
    if (!(client instanceof Redis)) {
      throw new TypeError(
        'RedisPubSubEventBusAdapter: the setting `client` is missing; try new Redis("redis://localhost")',
      );
    }
    if (typeof serde?.serialize !== "function" || typeof serde.deserialize !== "function") {
      throw new TypeError(
        "RedisPubSubEventBusAdapter: the setting `serde` is missing; try new Serde(new SuperJsonSerdeAdapter())",
      );
    }
    this.#serde = serde;
    this.#bus = open(client.url, (channel, text) => this.#deliver(channel, text));
    onDisconnect(client, () => {
      this.#channels.clear();
      this.#bus.close();
    });
  }

  async addListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void> {
    let channel = this.#channels.get(eventName);
    if (channel === undefined) {
      channel = { listeners: new Set(), subscribed: this.#bus.subscribe(eventName) };
      this.#channels.set(eventName, channel);
    }
    channel.listeners.add(listener);
    try {
      await channel.subscribed;
    } catch (error) {
      if (this.#channels.get(eventName) === channel) {
        this.#leave(eventName);
      }
      throw redisError("listening", error);
    }
  }

  async removeListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void> {
    const channel = this.#channels.get(eventName);
    if (channel?.listeners.delete(listener) && channel.listeners.size === 0) {
      await this.#leave(eventName);
    }
  }

  async dispatch(eventName: string, event: BaseEvent): Promise<void> {
    const text: unknown = this.#serde.serialize(event);
    if (typeof text !== "string") {
      throw new TypeError("RedisPubSubEventBusAdapter: the setting `serde` must make text of events");
    }
    try {
      await this.#bus.publish(eventName, text);
    } catch (error) {
      throw redisError("dispatching", error);
    }
  }

  /** @internal */
  hold(): () => void {
    this.#waiting += 1;
    this.#bus.hold(true);
    return () => {
      this.#waiting -= 1;
      this.#bus.hold(this.#waiting > 0);
    };
  }

  async #leave(eventName: string): Promise<void> {
    this.#channels.delete(eventName);
    try {
      await this.#bus.unsubscribe(eventName);
    } catch {
      // Nobody is told any more, whether the server has heard of it or not.
    }
  }

  #deliver(channel: string | undefined, text: string): void {
    if (channel === undefined) {
      throw new RedisError(`listening: ${text}`);
    }
    const listeners = this.#channels.get(channel)?.listeners;
    if (listeners === undefined) {
      return;
    }
    let event: BaseEvent;
    try {
      event = this.#serde.deserialize(text);
    } catch (error) {
      console.error(`an event of ${JSON.stringify(channel)} cannot be read:`, error);
      return;
    }
    for (const listener of [...listeners]) {
      listener(event);
    }
  }
}

function redisError(what: string, cause: unknown): RedisError {
  return new RedisError(`${what}: ${(cause as Error).message}`);
}
