// The page of the runs.

import { Refused, ask, attempt, piece, post, soon, toast } from "./ask.js";
import { WrongInput, fill, point, values } from "./inputs.js";
import { morph } from "./morph.js";
import { Rows, differs } from "./rows.js";
import { learn, tick } from "./times.js";

/** How often output is asked for, in milliseconds. */
const OFTEN = 250;

/** Lines that the page has at most. */
const MOST = 5000;

const dialog = document.querySelector("#run-now");
const inputs = () => document.querySelector("#run-now-inputs");

/** The table of all runs. */
export function table() {
  const filter = document.querySelector("#run-filter");
  const body = () => document.querySelector("#run-rows");
  const rows = new Rows(() => document.querySelector("#runs-scroll"), body, () => refresh());
  const look = () => Object.fromEntries(new FormData(filter));
  const refresh = soon(async () => {
    const fresh = await piece("/panel/runs", { ...look(), ...rows.window });
    learn(fresh);
    morph(body(), fresh);
    rows.fit();
    tick(body());
  });
  const again = (event) => {
    event.preventDefault();
    rows.toTop();
    const url = new URL(location);
    for (const [name, value] of Object.entries(look())) {
      if (value) url.searchParams.set(name, value);
      else url.searchParams.delete(name);
    }
    history.replaceState(null, "", url);
    refresh();
  };
  filter.addEventListener("input", again);
  // For what sets a field without typing.
  filter.addEventListener("change", again);
  filter.addEventListener("submit", again);
  learn(body());
  rows.fit();
  if (differs(look())) refresh();
  return refresh;
}

/** One run, with its output as it comes. */
export function one() {
  const head = () => document.querySelector("#run");
  const output = document.querySelector("#output");
  const { run } = output.dataset;
  let next = 0;
  let ended = false;

  const refresh = soon(async () => {
    const fresh = await piece("/panel/run", { id: run });
    learn(fresh);
    morph(head(), fresh);
    tick(head());
  });

  const more = soon(async () => {
    const fresh = await piece("/panel/output", { id: run, after: next });
    next = Number(fresh.dataset.next);
    ended = fresh.dataset.ended === "yes";
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
    tick(fresh);
    output.append(...fresh.children);
    while (output.children.length > MOST) output.firstElementChild.remove();
    if (atEnd) output.scrollTop = output.scrollHeight;
    if (!ended) setTimeout(more, OFTEN);
  });

  learn(head());
  more();
  // What it holds and waits for grows, also where nothing happens.
  setInterval(() => document.hidden || head().dataset.ended || refresh(), 1000);
  return () => {
    refresh();
    if (!ended) more();
  };
}

/** What the buttons of the runs do. */
export const RUN_ACTS = {
  async "run-rule"(button) {
    const { rule } = button.closest("[data-rule]").dataset;
    dialog.dataset.rule = rule;
    dialog.querySelector("h2").textContent = `Run ${rule}`;
    let form = null;
    if (!await attempt(async () => { form = await piece("/panel/inputs", { rule }); })) return;
    inputs().replaceWith(form);
    const remembered = JSON.parse(sessionStorage.getItem(`stash:${rule}`) ?? "{}");
    const rest = fill(form, remembered);
    const stash = dialog.querySelector("[name=stash]");
    stash.value = form.hidden || Object.keys(rest).length > 0 ? JSON.stringify(rest, null, 2) : "{}";
    stash.rows = form.hidden ? 6 : 2;
    document.querySelector("#run-now-stash-label").textContent = form.hidden
      ? "Stash: what the rule finds in `stash`, as a JSON object"
      : "What else is in the stash, as a JSON object";
    dialog.querySelector(".problem").hidden = true;
    dialog.showModal();
    (form.querySelector("input, select, textarea") ?? stash).focus();
  },

  async "run-start"() {
    const { rule } = dialog.dataset;
    const text = dialog.querySelector("[name=stash]").value.trim() || "{}";
    const timeout = dialog.querySelector("[name=timeout]").value.trim();
    const refuse = (why, input) => {
      point(inputs(), input);
      const problem = dialog.querySelector(".problem");
      problem.textContent = why;
      problem.hidden = false;
    };
    let stash;
    try {
      stash = JSON.parse(text);
    } catch (error) {
      return refuse(`The stash is not JSON: ${error.message}`);
    }
    if (stash === null || typeof stash !== "object" || Array.isArray(stash)) return refuse("The stash is an object: {\"name\": value}");
    try {
      stash = { ...stash, ...values(inputs()) };
      const { id } = await post("/api/v1/runs", { rule, stash, ...(timeout && { timeout }) });
      sessionStorage.setItem(`stash:${rule}`, JSON.stringify(stash));
      location.assign(`/runs/${id}`);
    } catch (error) {
      const isSaid = error instanceof Refused || error instanceof WrongInput;
      refuse(isSaid ? error.message : "the server cannot be reached", error.input);
    }
  },

  async "stop-run"(button) {
    const { run } = button.dataset;
    const name = button.closest("tr")?.querySelector(".who")?.textContent ?? document.querySelector("#run-title")?.textContent;
    const sure = await ask({
      title: "Stop this run?", text: `${name} ends with an error, and gives back what it holds.`, yes: "Stop it", danger: true,
    });
    if (sure && await attempt(() => post(`/api/v1/runs/${run}/stop`))) toast(`${name} is asked to stop.`);
  },
};

/** Filters the list of rules. */
export function rules() {
  const filter = document.querySelector("#rule-filter");
  filter.addEventListener("input", () => {
    const text = filter.value.trim().toLowerCase();
    for (const item of document.querySelectorAll(".rules li")) {
      item.hidden = !item.dataset.rule.toLowerCase().includes(text);
    }
  });
}
