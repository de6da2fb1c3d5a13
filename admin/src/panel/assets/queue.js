// The queue of one semaphore.

import { piece, soon } from "./ask.js";
import { morph } from "./morph.js";
import { Rows } from "./rows.js";
import { learn, tick } from "./times.js";

/** Rows that have ended are looked at again after this: nothing says when they go. */
const ENDED = 1000;

const pane = () => document.querySelector("#queue");

export class Queue {
  constructor() {
    this.name = pane().dataset.semaphore;
    /** The ids of the rows that are selected. */
    this.picked = new Set();
    this.refresh = soon(() => this.read());
    const scroller = () => document.querySelector("#rows-scroll");
    this.rows = new Rows(scroller, () => document.querySelector("#requests"), () => this.refresh());
    this.show(pane());
    setInterval(() => document.hidden || this.refresh(), 10_000);
  }

  /** Shows another semaphore. */
  open(name) {
    if (name !== this.name) {
      this.name = name;
      this.picked.clear();
      this.rows.toTop();
    }
    return this.refresh();
  }

  async read() {
    const { name } = this;
    if (name === undefined) return;
    const fresh = await piece("/panel/queue", { name, ...this.rows.window });
    // Another one was chosen meanwhile; it is read next.
    if (name !== this.name) return;
    this.show(fresh);
  }

  show(fresh) {
    learn(fresh);
    const old = pane();
    if (old !== fresh) {
      const within = old.contains(document.activeElement);
      // What was open belongs to the other one.
      if (old.dataset.semaphore !== fresh.dataset.semaphore) old.replaceWith(fresh);
      else morph(old, fresh);
      if (within && !pane().contains(document.activeElement)) {
        document.querySelector("#rows-scroll")?.focus({ preventScroll: true });
      }
    }
    this.rows.fit();
    this.showPicked();
    tick(pane());
    clearTimeout(this.later);
    if (pane().querySelector("tr.request:not(.is-waiting, .is-busy)")) this.later = setTimeout(this.refresh, ENDED);
  }

  pick(id, is) {
    if (is) this.picked.add(id);
    else this.picked.delete(id);
    this.showPicked();
  }

  pickAll(is) {
    for (const row of pane().querySelectorAll("tr.request.is-waiting")) {
      if (is) this.picked.add(row.dataset.request);
      else this.picked.delete(row.dataset.request);
    }
    if (!is) this.picked.clear();
    this.showPicked();
  }

  showPicked() {
    const boxes = [...pane().querySelectorAll("tr.request")];
    const body = document.querySelector("#requests");
    // All rows are here: those that are not have ended, or have been let in.
    if (body && Number(body.dataset.total) <= boxes.length) {
      const waiting = new Set(boxes.filter((row) => row.dataset.status === "waiting").map((row) => row.dataset.request));
      for (const id of this.picked) if (!waiting.has(id)) this.picked.delete(id);
    }
    let shown = 0;
    for (const row of boxes) {
      const box = row.querySelector("input[type=checkbox]");
      if (!box) continue;
      box.checked = this.picked.has(row.dataset.request);
      row.classList.toggle("is-picked", box.checked);
      shown += 1;
    }
    const count = this.picked.size;
    const bulk = document.querySelector("#bulk");
    if (bulk) {
      bulk.hidden = count === 0;
      document.querySelector("#picked").textContent = `${count} selected`;
    }
    const all = document.querySelector("#pick-all");
    if (all) {
      all.checked = count > 0 && count >= shown;
      all.indeterminate = count > 0 && count < shown;
      all.disabled = shown === 0;
    }
  }
}
