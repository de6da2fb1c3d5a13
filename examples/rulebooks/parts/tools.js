// What this module exports are ops of the rulebook that imports it, and so is the service that it registers.
import { register } from "cla/reg";

/** @param {string} host */
export function disks(host) {
  return ["a", "b", "c"].map((letter) => `${host}:/dev/sd${letter}`);
}

register("chat.post", ({ room, text }) => print(`posted to #${room}: ${text}`));
