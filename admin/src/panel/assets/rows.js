// Long lists: the page has only the rows around what its reader sees, and asks for others when they come into view.

/** Rows that the page has at once. */
const LIMIT = 200;

/** Rows that are left above what is seen. */
const ABOVE = 60;

/** Whether a form says something else than the address: it was changed before this script was there. */
export function differs(look) {
  const query = new URLSearchParams(location.search);
  return Object.entries(look).some(([name, value]) => (query.get(name) ?? "") !== value);
}

export class Rows {
  /** `more` reads the rows that are to be seen now. */
  constructor(scroller, body, more) {
    this.scroller = scroller;
    this.body = body;
    this.more = more;
    this.offset = 0;
    this.height = 44;
    // A list scrolls by itself, or, on a small screen, with the page.
    document.addEventListener("scroll", () => this.look(), { capture: true, passive: true });
    addEventListener("resize", () => this.look(), { passive: true });
  }

  /** Which rows to ask for. */
  get window() {
    return { offset: this.offset, limit: LIMIT };
  }

  toTop() {
    this.offset = 0;
    this.scroller()?.scrollTo(0, 0);
  }

  /** Gives what stands for missing rows their height. To be called after each change of the rows. */
  fit() {
    const body = this.body();
    const row = body?.querySelector("tr:not(.spacer)");
    if (row?.offsetHeight) this.height = row.offsetHeight;
    for (const spacer of body?.querySelectorAll("tr.spacer") ?? []) {
      spacer.style.height = `${spacer.dataset.rows * this.height}px`;
    }
  }

  /** Asks for other rows if some that are seen are missing. */
  look() {
    const body = this.body();
    const total = Number(body?.dataset.total ?? 0);
    if (total <= LIMIT && this.offset === 0) return;
    const view = this.scroller().getBoundingClientRect();
    const top = Math.max(view.top, 0);
    const bottom = Math.min(view.bottom, innerHeight);
    const start = body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor((top - start) / this.height));
    const last = Math.min(total, Math.ceil((bottom - start) / this.height));
    const has = Number(body.dataset.offset);
    if (first >= has && last <= has + LIMIT) return;
    const offset = Math.max(0, Math.min(first, total) - ABOVE);
    if (offset === this.offset) return;
    this.offset = offset;
    this.more();
  }
}
