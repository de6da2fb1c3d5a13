// Drags a request that waits to another place. With the keyboard, `u` and `d` do it step by step.

import { attempt, post, say } from "./ask.js";

/** So far the pointer has to go before a press is a drag, in pixels. */
const FAR = 4;

/** A list scrolls when the pointer is so near its edge, in pixels, and by so much. */
const EDGE = 36;
const STEP = 12;

const waiting = (element) => element?.closest?.("#requests tr.is-waiting");
const place = (row) => Number(row.querySelector("[data-place]").dataset.place);

/** The row under the pointer, and whether the pointer is in its lower half. */
function target(x, y) {
  const row = waiting(document.elementFromPoint(x, y));
  if (!row) return null;
  const { top, height } = row.getBoundingClientRect();
  return { row, below: y > top + height / 2 };
}

function unmark() {
  for (const row of document.querySelectorAll(".drop-above, .drop-below")) row.classList.remove("drop-above", "drop-below");
}

/** Lets rows be dragged by their places. */
export function drag() {
  let held = null;

  const end = () => {
    unmark();
    document.body.classList.remove("is-dragging");
    document.querySelector("tr.is-dragged")?.classList.remove("is-dragged");
    held = null;
  };

  document.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest?.(".grip");
    if (!grip || event.button !== 0) return;
    const row = waiting(grip);
    if (!row) return;
    event.preventDefault();
    held = { id: row.dataset.request, x: event.clientX, y: event.clientY, drags: false };
  });

  document.addEventListener("pointermove", (event) => {
    if (!held) return;
    const { clientX: x, clientY: y } = event;
    if (!held.drags && Math.hypot(x - held.x, y - held.y) < FAR) return;
    held.drags = true;
    document.body.classList.add("is-dragging");
    // Read anew: the list may have been brought up to date meanwhile.
    document.querySelector(`tr[data-request="${held.id}"]`)?.classList.add("is-dragged");
    const list = document.querySelector("#rows-scroll");
    const { top, bottom } = list.getBoundingClientRect();
    if (y < top + EDGE) list.scrollBy(0, -STEP);
    else if (y > bottom - EDGE) list.scrollBy(0, STEP);
    unmark();
    const over = target(x, y);
    over?.row.classList.add(over.below ? "drop-below" : "drop-above");
  });

  document.addEventListener("pointerup", async (event) => {
    if (!held) return;
    const { id, drags } = held;
    const over = drags && target(event.clientX, event.clientY);
    const row = document.querySelector(`tr[data-request="${id}"]`);
    end();
    // It may have got its turn meanwhile.
    if (!over || !waiting(row) || over.row === row) return;
    const from = place(row);
    const gap = place(over.row) + (over.below ? 1 : 0);
    const to = gap > from ? gap - 1 : gap;
    if (to === from) return;
    const name = row.querySelector(".who").textContent;
    if (await attempt(() => post(`/api/v1/requests/${id}/move`, { to }))) say(`${name} moved to place ${to}`);
  });

  document.addEventListener("pointercancel", end);
  document.addEventListener("keydown", (event) => {
    if (held && event.key === "Escape") end();
  });
}
