// cla/semaphore: what the document's comments say of types

import {
  MemorySemaphoreAdapter,
  SEMAPHORE_EVENTS,
  SEMAPHORE_STATE,
  SemaphoreProvider,
} from "@daiso-tech/core/semaphore";
import type {
  ISemaphore,
  ISemaphoreListenable,
  ISemaphoreProvider,
  ISemaphoreProviderBase,
} from "@daiso-tech/core/semaphore/contracts";
import { TimeSpan } from "cla/time-span";
import { exactly } from "./assert.ts";

const provider = new SemaphoreProvider({ adapter: new MemorySemaphoreAdapter(), defaultTtl: null });

async function manipulate(semaphore: ISemaphore) {
  exactly<boolean>()(await semaphore.acquire());
  exactly<void>()(await semaphore.acquireOrFail());
  exactly<number>()(await semaphore.runOrFail(async () => 1));
  exactly<TimeSpan | null>()(semaphore.ttl);
  const state = await semaphore.getState();
  if (state.type === SEMAPHORE_STATE.ACQUIRED) {
    exactly<TimeSpan | null>()(state.remainingTime);
  }
  // @ts-expect-error it does not make semaphores
  semaphore.create("a");
  // @ts-expect-error it tells nobody of events
  semaphore.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
}

// The documents: "You cannot access the listener methods. You will get typescript error if you try"
async function create(base: ISemaphoreProviderBase, provider: ISemaphoreProvider) {
  await manipulate(base.create("a", { limit: 2, ttl: TimeSpan.fromSeconds(1), slotId: "mine" }));
  await manipulate(provider.create("a"));
  // @ts-expect-error no listener methods
  base.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
  // @ts-expect-error no listener methods
  provider.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
  // @ts-expect-error nor anything that has them
  base.events;
  // @ts-expect-error not the number of slots
  base.create("a", { limit: "2" });
}

// "You cannot access the semaphoreProvider methods. You will get typescript error if you try"
async function listen(listenable: ISemaphoreListenable) {
  await listenable.addListener(SEMAPHORE_EVENTS.ALL_FORCE_RELEASED, (event) => exactly<boolean>()(event.hasReleased));
  // @ts-expect-error no provider methods
  listenable.create("a");
  // @ts-expect-error nor does it tell of events itself
  listenable.dispatch(SEMAPHORE_EVENTS.ACQUIRED, {});
}

await create(provider, provider);
await listen(provider.events);
