// What keys do, beside what browsers do by themselves.

const inText = (element) => element.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");

/** The rows of a list that can be gone through. */
const lists = {
  explorer: { rows: "#semaphores tr[data-semaphore]", focus: (row) => row.querySelector("a") },
  queue: { rows: "#requests tr.request", focus: (row) => row },
};

/** Goes on by so many rows: from the one with the focus, or from the first that the page has. */
function go(list, step) {
  const rows = [...document.querySelectorAll(list.rows)];
  if (!list.all || rows.length === 0) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  // Keys that come faster than rows go on from the row that is still to come.
  const coming = list.all.reaching?.place;
  const place = coming ?? list.all.place(rows[Math.max(at, 0)]);
  list.all.reach(at < 0 && coming === undefined ? place : place + step, list.focus);
}

/** Goes to this row of the whole list. */
function goTo(list, place) {
  list.all?.reach(place, list.focus);
}

function press(row, act) {
  row?.querySelector(`[data-act="${act}"]:not(:disabled)`)?.click();
}

function step(row, up) {
  const buttons = row?.querySelectorAll(".stepper [data-act=slots]") ?? [];
  (up ? buttons[1] : buttons[0])?.click();
}

/** Listens to the keyboard. */
export function keys({ explorer, queue }) {
  lists.explorer.all = explorer?.rows;
  lists.queue.all = queue?.rows;
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (inText(target)) {
      if (key === "Escape") target.blur();
      if (key === "ArrowDown" && target.closest("#filter input")) go(lists.explorer, 0);
      return;
    }
    const list = target.closest(".side") ? lists.queue : lists.explorer;
    const row = target.closest("tr");
    const done = {
      "/": () => document.querySelector("#filter input, .filter input")?.focus(),
      "?": () => document.querySelector("#keys").showModal(),
      ArrowDown: () => go(list, 1),
      ArrowUp: () => go(list, -1),
      PageDown: list.all && (() => go(list, list.all.page)),
      PageUp: list.all && (() => go(list, -list.all.page)),
      Home: list.all && (() => goTo(list, 0)),
      End: list.all && (() => goTo(list, Infinity)),
      ArrowRight: () => list === lists.explorer && go(lists.queue, 0),
      ArrowLeft: () => list === lists.queue && document.querySelector("#semaphores tr.is-current a")?.focus(),
      "+": () => step(row ?? document.querySelector("#queue"), true),
      "-": () => step(row ?? document.querySelector("#queue"), false),
      " ": row?.matches(".request") && target === row ? () => press(row, "pick") : undefined,
      g: row?.matches(".request") ? () => press(row, "grant") : undefined,
      c: row?.matches(".request") ? () => press(row, "cancel") : undefined,
      u: row?.matches(".request") ? () => row.querySelector("[data-act=move][data-to=up]:not(:disabled)")?.click() : undefined,
      d: row?.matches(".request") ? () => row.querySelector("[data-act=move][data-to=down]:not(:disabled)")?.click() : undefined,
    }[key];
    if (!done) return;
    event.preventDefault();
    done();
  });
}
