// cla/redis, cla/event-bus/redis

import { EventBus } from "cla/event-bus";
import { RedisPubSubEventBusAdapter, type RedisPubSubEventBusAdapterSettings } from "cla/event-bus/redis";
import { RedisPubSubEventBusAdapter as SameAdapter } from "@daiso-tech/core/event-bus/redis-pub-sub-event-bus-adapter";
import Redis, { Redis as Named, RedisError, type RedisOptions } from "cla/redis";
import Ioredis, { Redis as NamedIoredis } from "ioredis";
import { Serde } from "cla/serde";
import { SuperJsonSerdeAdapter } from "cla/serde/super-json";
import { exactly } from "./assert.ts";

const options: RedisOptions = { host: "example.org", port: 6380, username: "me", password: "pw", db: 1, tls: {} };
const redis = new Redis("redis://me:pw@example.org:6379/0");
const all: Redis[] = [
  new Redis(),
  new Redis(6380),
  new Redis(6380, "example.org"),
  new Redis(options),
  new Redis(6380, "example.org", options),
  new Redis("redis://example.org", options),
  new Redis({ host: "example.org", maxRetriesPerRequest: null }),
  new Named("redis://example.org"),
  new Ioredis("redis://example.org"),
  new NamedIoredis("redis://example.org"),
  redis.duplicate({ db: 1 }),
];
exactly<string>()(redis.url);
exactly<void>()(all[0]?.disconnect());
exactly<"OK">()(await redis.quit());
new RedisError("text") satisfies Error;
// @ts-expect-error no URL, no port, no options
new Redis(true);
// @ts-expect-error a host is a text
new Redis({ host: 5 });
// @ts-expect-error it is what it was made with
redis.url = "redis://other";

const serde = new Serde(new SuperJsonSerdeAdapter());
const settings: RedisPubSubEventBusAdapterSettings = { client: redis, serde };
const bus = new EventBus<{ add: { n: number } }>({ adapter: new RedisPubSubEventBusAdapter(settings) });
await bus.addListener("add", ({ n }) => exactly<number>()(n));
new EventBus({ adapter: new SameAdapter({ client: new Ioredis(), serde }) });
// @ts-expect-error events become text
new RedisPubSubEventBusAdapter({ client: redis });
