// The page of the audit.

import { piece, soon } from "./ask.js";
import { morph } from "./morph.js";
import { tick } from "./times.js";

/** Keeps the page up to date. Gives what reads it anew. */
export function audit() {
  const filter = document.querySelector("#audit-filter");
  const body = () => document.querySelector("#audit-rows");
  const refresh = soon(async () => {
    const limit = new URLSearchParams(location.search).get("limit");
    const fresh = await piece("/panel/audit", { ...Object.fromEntries(new FormData(filter)), limit });
    morph(body(), fresh);
    tick(body());
  }, 250);
  filter.addEventListener("input", () => {
    const { semaphore } = Object.fromEntries(new FormData(filter));
    history.replaceState(null, "", semaphore ? `?semaphore=${encodeURIComponent(semaphore)}` : location.pathname);
    refresh();
  });
  return refresh;
}
