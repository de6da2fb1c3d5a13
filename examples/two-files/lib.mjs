// What the rules of a team share: one place that says how their semaphores are used.

import { take } from "cla/sem";

/**
 * Runs `work` while nobody else is in `name`, and gives up after a minute.
 *
 * @template T
 * @param {string} name
 * @param {() => T} work
 * @returns {T}
 */
export function guarded(name, work) {
  return take(`team/${name}`, { timeout: "1m" }, work);
}
