/** `cla/event-bus/no-op`: events that nobody hears. */

import type { IEventBusAdapter } from "cla/event-bus";

/** Brings no event to anybody. */
export class NoOpEventBusAdapter implements IEventBusAdapter {
  async addListener(): Promise<void> {}

  async removeListener(): Promise<void> {}

  async dispatch(): Promise<void> {}
}
