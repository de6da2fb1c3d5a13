// The list of all semaphores.

import { piece, soon } from "./ask.js";
import { morph } from "./morph.js";
import { Rows, differs } from "./rows.js";
import { learn, tick } from "./times.js";

/** If more have changed, all rows are read. */
const FEW = 40;

const panes = document.querySelector("#panes");
const filter = document.querySelector("#filter");
const body = () => document.querySelector("#semaphores");

export class Explorer {
  /** `chosen` gives the semaphore whose queue is shown. */
  constructor(chosen) {
    this.chosen = chosen;
    this.changed = new Set();
    this.everything = false;
    this.refresh = soon(() => this.read());
    this.rows = new Rows(() => document.querySelector("#semaphores-scroll"), body, () => this.all());
    this.rows.fit();
    learn(body());
    const again = () => {
      this.rows.toTop();
      this.keep();
      this.all();
    };
    filter.addEventListener("input", again);
    // For what sets a field without typing.
    filter.addEventListener("change", again);
    filter.addEventListener("submit", (event) => {
      event.preventDefault();
      again();
    });
    if (differs(this.look)) again();
    // Lines move on, also where nothing happens.
    setInterval(() => document.hidden || this.all(), 10_000);
  }

  get look() {
    const { q, state, label = "", sort } = Object.fromEntries(new FormData(filter));
    return { q: q.trim(), state, label, sort: sort === "name" ? "" : sort };
  }

  /** Keeps what is looked at in the address. */
  keep() {
    const url = new URL(location);
    for (const [name, value] of Object.entries(this.look)) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    history.replaceState(history.state, "", url);
  }

  /** These have changed. */
  change(names) {
    for (const name of names) this.changed.add(name);
    this.refresh();
  }

  /** Everything may have changed. */
  all() {
    this.everything = true;
    this.refresh();
  }

  async read() {
    const names = [...this.changed];
    const { sort, state } = this.look;
    const some = !this.everything && names.length > 0 && names.length <= FEW && !sort && !state;
    this.changed.clear();
    this.everything = false;
    const query = { ...this.look, ...this.rows.window, semaphore: this.chosen() };
    try {
      const fresh = await piece("/panel/semaphores", some ? { ...query, only: JSON.stringify(names) } : query);
      learn(fresh);
      if (!some) this.replace(fresh);
      else if (!this.patch(fresh)) this.all();
    } catch (error) {
      this.everything = true;
      throw error;
    }
  }

  replace(fresh) {
    const none = fresh.dataset.none === "yes";
    if (none) panes.dataset.empty = "yes";
    else delete panes.dataset.empty;
    // A list that has become shorter.
    const total = Number(fresh.dataset.total);
    if (this.rows.offset && this.rows.offset >= total) this.rows.offset = 0;
    morph(body(), fresh);
    this.rows.fit();
    tick(body());
  }

  /** Changes some rows; `false` if that is not enough. */
  patch(fresh) {
    if (fresh.dataset.total !== body().dataset.total) return false;
    for (const row of [...fresh.querySelectorAll("tr[data-key]")]) {
      const old = body().querySelector(`tr[data-key="${CSS.escape(row.dataset.key)}"]`);
      if (!old) return false;
      morph(old, row);
      tick(old);
    }
    return true;
  }

  /** Shows which one is chosen. */
  mark() {
    for (const row of body().querySelectorAll("tr[data-semaphore]")) {
      const is = row.dataset.semaphore === this.chosen();
      row.classList.toggle("is-current", is);
      const link = row.querySelector("a");
      if (is) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  first() {
    return body().querySelector("tr[data-semaphore]")?.dataset.semaphore;
  }
}
