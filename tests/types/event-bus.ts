// cla/event-bus

import { type BaseEvent, EventBus, type IEventBus, type IEventDispatcher, type IEventListenable } from "cla/event-bus";
import { MemoryEventBusAdapter } from "cla/event-bus/memory";
import { EventBus as SameBus } from "@daiso-tech/core/event-bus";
import type { IEventBus as SameIEventBus } from "@daiso-tech/core/event-bus/contracts";
import { MemoryEventBusAdapter as SameAdapter } from "@daiso-tech/core/event-bus/memory-event-bus-adapter";
import { Namespace } from "cla/namespace";
import { exactly } from "./assert.ts";

type EventMap = {
  add: { a: number; b: number };
  remove: { name: string };
};
const bus = new EventBus<EventMap>({ adapter: new MemoryEventBusAdapter(), namespace: new Namespace("a") });
const any: IEventBus = new SameBus({ adapter: new SameAdapter() });
any.dispatch("whatever", { a: 1 });
any.addListener("whatever", (event: BaseEvent) => event["a"]);

await bus.addListener("add", (event) => exactly<number>()(event.a));
await bus.addListener(["add", "remove"], (event) => {
  if (event.type === "remove") {
    exactly<string>()(event.name);
  }
});
await bus.listenOnce("remove", { invoke: async ({ name }) => exactly<string>()(name) });
exactly<void>()(await bus.dispatch("add", { a: 1, b: 2 }));
exactly<"add">()((await bus.asPromise("add")).type);
const unsubscribe = await bus.subscribe("add", () => {});
await unsubscribe();
await (await bus.subscribeOnce("remove", () => {}))();
// @ts-expect-error no such event
bus.dispatch("addd", { a: 1, b: 2 });
// @ts-expect-error an event of another form
bus.dispatch("add", { name: "text" });
// @ts-expect-error no such event
bus.addListener("addd", () => {});
// @ts-expect-error events travel by an adapter
new EventBus({});

const listenable: IEventListenable<EventMap> = bus;
const dispatcher: IEventDispatcher<EventMap> = bus;
const both: SameIEventBus<EventMap> = bus;
both.dispatch("add", { a: 1, b: 2 });
// @ts-expect-error who listens does not dispatch
listenable.dispatch("add", { a: 1, b: 2 });
// @ts-expect-error who dispatches does not listen
dispatcher.addListener("add", () => {});
