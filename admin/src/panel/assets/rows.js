// Long lists: the page has only the rows around what its reader sees, and asks for others when they come into view.

/** Rows that the page has at once, at least; on a tall screen as many as fill it three times. What it has it lays out. */
const LIMIT = 100;

/** Others are asked for when fewer than this are left below or above what is seen. */
const NEAR = 12;

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
    /** The row that gets the focus as soon as it is there. */
    this.reaching = null;
    // A list scrolls by itself, or, on a small screen, with the page.
    document.addEventListener("scroll", () => this.look(), { capture: true, passive: true });
    addEventListener("resize", () => this.look(), { passive: true });
  }

  /** Which rows to ask for. */
  get window() {
    return { offset: this.offset, limit: this.limit };
  }

  get limit() {
    return Math.max(LIMIT, 3 * this.page);
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
    this.arrive();
  }

  /** Gives the focus to the row at this place of the whole list; `focus` gives what can have it. */
  reach(place, focus) {
    const total = Number(this.body()?.dataset.total ?? 0);
    if (total === 0) return;
    this.reaching = { place: Math.min(Math.max(place, 0), total - 1), focus };
    if (this.arrive()) return;
    this.offset = Math.max(0, this.reaching.place - Math.floor(this.limit / 2));
    this.more();
  }

  arrive() {
    if (!this.reaching) return true;
    const body = this.body();
    const { place, focus } = this.reaching;
    const rows = body?.querySelectorAll("tr:not(.spacer)") ?? [];
    // The list may have become shorter meanwhile.
    const last = Number(body?.dataset.total ?? 0) - 1;
    if (last < 0) this.reaching = null;
    const row = rows[Math.min(place, last) - Number(body?.dataset.offset ?? 0)];
    if (!row) return false;
    this.reaching = null;
    const target = focus(row);
    if (target === row) row.tabIndex = -1;
    target?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    return true;
  }

  /** The place of a row in the whole list. */
  place(row) {
    const body = this.body();
    return Number(body.dataset.offset ?? 0) + [...body.querySelectorAll("tr:not(.spacer)")].indexOf(row);
  }

  /** So many rows are seen at once. */
  get page() {
    const view = this.scroller()?.getBoundingClientRect();
    const height = view ? Math.min(view.bottom, innerHeight) - Math.max(view.top, 0) : 0;
    return Math.max(1, Math.floor(height / this.height) - 1);
  }

  /** Asks for other rows if some that are seen are missing. */
  look() {
    // What is seen now is about to be left.
    if (this.reaching) return;
    const body = this.body();
    const total = Number(body?.dataset.total ?? 0);
    const has = body?.querySelectorAll("tr:not(.spacer)").length ?? 0;
    if (has >= total && this.offset === 0) return;
    const view = this.scroller().getBoundingClientRect();
    const top = Math.max(view.top, 0);
    const bottom = Math.min(view.bottom, innerHeight);
    const origin = body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor((top - origin) / this.height));
    const last = Math.min(total, Math.ceil((bottom - origin) / this.height));
    const from = Number(body.dataset.offset);
    const before = from === 0 || first >= from + NEAR;
    const behind = from + has >= total || last <= from + has - NEAR;
    if (before && behind) return;
    const offset = Math.max(0, Math.min(first, total) - Math.floor(this.limit / 3));
    if (offset === this.offset) return;
    this.offset = offset;
    this.more();
  }
}
