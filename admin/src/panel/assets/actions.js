// What the buttons do.

import { Refused, ask, attempt, piece, post, say, toast } from "./ask.js";
import { REPL_ACTS } from "./repl.js";
import { RUN_ACTS } from "./runs.js";
import { tick } from "./times.js";
import { TOKEN_ACTS } from "./tokens.js";

const quoted = (name) => `“${name}”`;
const requests = (count) => (count === 1 ? "1 request" : `${count} requests`);

/** One action on semaphores, by the route that takes any name. */
async function act(action, more = {}) {
  const { results, failed } = await post("/api/v1/actions", { action, ...more });
  if (failed > 0 && results.length === 1) {
    throw new Refused(results[0].problem.status, results[0].problem.detail);
  }
  return { results, failed };
}

/** What the page knows of the semaphore of a button. */
function semaphore(button) {
  const near = button.closest("[data-semaphore]");
  const name = near.dataset.semaphore;
  const slots = near.dataset.slots ?? near.querySelector("[data-slots]").dataset.slots;
  const count = (kind) => Number(near.dataset[kind] ?? near.querySelector(`.c-count.of-${kind}`)?.textContent ?? 0);
  const pinned = near.dataset.pinned ? near.dataset.pinned === "true" : Boolean(near.querySelector(".i-pin"));
  return { name, slots, pinned, busy: count("busy"), waiting: count("waiting") };
}

function back({ name, slots, pinned }) {
  return () => attempt(async () => {
    if (pinned) await act("slots", { semaphores: [name], slots: given(slots) });
    else await act("unpin", { semaphores: [name] });
    say(`${name} is as it was`);
  });
}

const given = (slots) => (/^\d+$/.test(slots) ? Number(slots) : slots);

async function setSlots(of, to, sure = false) {
  const { name, waiting, busy } = of;
  const unlimited = ["unlimited", "∞", "inf", "-1"].includes(to);
  const locked = to === "0";
  if (!sure && unlimited) {
    sure = await ask({
      title: `Open ${quoted(name)} for all?`,
      text: `With ∞ slots no request has to wait. ${waiting ? `The ${requests(waiting)} that wait now start at once.` : ""}`,
      yes: "Open it",
    });
  } else if (!sure && locked) {
    sure = await ask({
      title: `Lock ${quoted(name)}?`,
      text: `With 0 slots all requests have to wait. ${busy ? `The ${requests(busy)} that are busy go on.` : ""}`,
      yes: "Lock it",
    });
  } else {
    sure = true;
  }
  if (!sure) return;
  await attempt(async () => {
    await act("slots", { semaphores: [name], slots: unlimited ? "unlimited" : given(to) });
    if (locked) toast(`${quoted(name)} is locked.`, { undo: back(of) });
    else if (unlimited) toast(`${quoted(name)} has ∞ slots.`, { undo: back(of) });
    else say(`${name} has ${to} slots`);
  });
}

/** What each `data-act` does. */
const ACTS = {
  ...RUN_ACTS,
  ...REPL_ACTS,
  ...TOKEN_ACTS,

  slots: (button) => setSlots(semaphore(button), button.dataset.to),

  async "type-slots"(button) {
    const of = semaphore(button);
    const text = await ask({
      title: `Slots of ${quoted(of.name)}`,
      text: "How many may be busy at once. 0 locks it; ∞ (or “unlimited”) lets all in.",
      yes: "Set",
      field: { label: "Slots", value: of.slots === "unlimited" ? "∞" : of.slots },
    });
    if (text) await setSlots(of, text, true);
  },

  pin: (button) => attempt(() => act("pin", { semaphores: [semaphore(button).name] })),
  unpin: (button) => attempt(() => act("unpin", { semaphores: [semaphore(button).name] })),

  async emergency(button) {
    const of = semaphore(button);
    const sure = await ask({
      title: `Lock ${quoted(of.name)} and cancel all that wait?`,
      text: `${requests(of.waiting)} will fail with “Semaphore cancel”. New ones wait until there are slots again. `
        + "What is busy goes on. Cancelled requests cannot be brought back.",
      yes: `Lock and cancel ${of.waiting}`,
      danger: true,
    });
    if (!sure) return;
    await attempt(async () => {
      const { results } = await act("lock", { semaphores: [of.name], cancel_waiting: true });
      toast(`${quoted(of.name)} is locked; ${requests(results[0].requests)} cancelled.`, { undo: back(of) });
    });
  },

  async purge(button) {
    const { name, busy, waiting } = semaphore(button);
    const sure = await ask({
      title: `Purge ${quoted(name)}?`,
      text: `All ${busy} slots that are taken are freed while their processes go on, and the ${requests(waiting)} that wait start at once. `
        + "What the semaphore protects is not protected meanwhile.",
      yes: `Purge ${busy + waiting}`,
      danger: true,
    });
    if (!sure) return;
    await attempt(async () => {
      const { results } = await act("purge", { semaphores: [name] });
      toast(`${quoted(name)} was purged: ${requests(results[0].requests)}.`);
    });
  },

  async "force-release"(button) {
    const { name, busy } = semaphore(button);
    const sure = await ask({
      title: `Release all slots of ${quoted(name)} by force?`,
      text: `${requests(busy)} lose their slots, and those that wait have their turn. The processes that held them go on.`,
      yes: `Release ${busy}`,
      danger: true,
    });
    if (!sure) return;
    await attempt(async () => {
      const { results } = await act("force_release", { semaphores: [name] });
      toast(`${requests(results[0].requests)} of ${quoted(name)} released.`);
    });
  },

  async forget(button) {
    const { name } = semaphore(button);
    const sure = await ask({
      title: `Forget ${quoted(name)}?`,
      text: "It is idle. It comes back, with the code's number of slots, with the next request for it.",
      yes: "Forget it",
    });
    if (sure) await attempt(() => act("forget", { semaphores: [name] }));
  },

  grant: (button) => request(button, "grant", "granted"),
  cancel: (button) => request(button, "cancel", "cancelled"),
  move: (button) => request(button, "move", `moved ${button.dataset.to}`, { to: button.dataset.to }),

  async release(button) {
    const sure = await ask({
      title: "Release this slot by force?",
      text: `${who(button)} loses its slot, and the next has its turn. Its process goes on.`,
      yes: "Release it",
      danger: true,
    });
    if (sure) await request(button, "release", "released");
  },

  "grant-picked": (button, panel) => picked(panel, "grant"),
  "cancel-picked": (button, panel) => picked(panel, "cancel"),
  "pick-none": (button, panel) => panel.queue.pickAll(false),
  "pick-all": (box, panel) => panel.queue.pickAll(box.checked),
  pick: (box, panel) => panel.queue.pick(box.closest("[data-request]").dataset.request, box.checked),

  async copy(button) {
    const { textContent } = document.getElementById(button.dataset.from);
    try {
      await navigator.clipboard.writeText(textContent);
      toast("Copied.");
    } catch {
      // Browsers allow it only over TLS or on this machine.
      getSelection().selectAllChildren(document.getElementById(button.dataset.from));
      toast("Selected: copy it with Ctrl+C.");
    }
  },

  history: (button) => attempt(async () => {
    const dialog = document.querySelector("#history");
    const fresh = await piece("/panel/history", { name: semaphore(button).name });
    dialog.querySelector("#history-rows").replaceWith(fresh);
    tick(dialog);
    dialog.showModal();
  }),

  keys: () => document.querySelector("#keys").showModal(),
};

const who = (button) => button.closest("tr")?.querySelector(".who").textContent ?? "The run";

async function request(button, action, done, body) {
  const { request: id } = button.closest("[data-request]").dataset;
  const name = who(button);
  const ok = await attempt(() => post(`/api/v1/requests/${id}/${action}`, body));
  if (ok) say(`${name} ${done}`);
}

async function picked({ queue }, action) {
  const ids = [...queue.picked];
  if (action === "cancel") {
    const sure = await ask({
      title: `Cancel ${requests(ids.length)}?`, text: "They fail with “Semaphore cancel”.", yes: `Cancel ${ids.length}`, danger: true,
    });
    if (!sure) return;
  }
  await attempt(async () => {
    const { done, failed, results } = await post("/api/v1/actions", { action, requests: ids });
    queue.pickAll(false);
    const what = action === "grant" ? "granted" : "cancelled";
    const why = results.find((result) => !result.ok)?.problem.detail;
    if (failed > 0) toast(`${requests(done)} ${what}; ${failed} not: ${why}`, { error: true });
    else toast(`${requests(done)} ${what}.`);
  });
}

/** Lets the buttons of the page act. */
export function actions(panel) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button || button.disabled) return;
    ACTS[button.dataset.act]?.(button, panel);
    // A menu closes with what was chosen in it.
    if (button.localName === "button") button.closest("details.more")?.removeAttribute("open");
  });
}
