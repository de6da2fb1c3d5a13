// The page of the REPL.

import { Refused, ask, attempt, piece, post, postForPiece, postForText, say, toast } from "./ask.js";
import { tick } from "./times.js";

/** How often output is asked for while an input is carried out, in milliseconds. */
const OFTEN = 250;

/** Results that the page has at most. */
const MOST_RESULTS = 100;

/** Inputs that the browser remembers at most ... */
const MOST_INPUTS = 200;

/** ... and the longest, in characters. */
const LONGEST_INPUT = 20_000;

const KEY = "cla-repl-history";

const code = document.querySelector("#code");
const results = document.querySelector("#results");

/** The inputs of this browser, the newest last. */
let inputs = [];

/** Which input of the history is shown, and what stood in the editor before. */
let at = 0;
let draft = "";

let busy = false;

function remember(text) {
  if (text.length > LONGEST_INPUT) return;
  inputs = [...inputs.filter((known) => known !== text), text].slice(-MOST_INPUTS);
  keep();
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(inputs));
  } catch {
    // Browsers may refuse, or be full: then it lasts as long as the page.
  }
  at = inputs.length;
  list();
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (Array.isArray(kept)) inputs = kept.filter((text) => typeof text === "string");
  } catch {
    inputs = [];
  }
  at = inputs.length;
  list();
}

function list() {
  const items = inputs.toReversed().map((text) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.dataset.act = "repl-again";
    button.dataset.code = text;
    button.title = "put it into the editor";
    button.textContent = text.trim().split("\n")[0];
    item.append(button);
    return item;
  });
  document.querySelector("#repl-history").replaceChildren(...items);
}

/** Goes through the history. */
function step(by) {
  const to = Math.min(Math.max(at + by, 0), inputs.length);
  if (to === at) return;
  if (at === inputs.length) draft = code.value;
  at = to;
  put(at === inputs.length ? draft : inputs[at]);
}

function put(text) {
  code.value = text;
  code.focus();
  code.setSelectionRange(text.length, text.length);
}

function refuse(error) {
  const problem = document.querySelector("#repl-problem");
  problem.textContent = error instanceof Refused ? error.message : "The server cannot be reached.";
  problem.hidden = false;
}

function working(is) {
  busy = is;
  document.querySelector("#repl-run").disabled = is;
  document.querySelector("#repl-stop").disabled = !is;
}

/** An input, with room for what becomes of it. */
function entry(text) {
  document.querySelector("#repl-hint").hidden = true;
  const box = document.createElement("article");
  const shown = document.createElement("pre");
  shown.className = "input";
  shown.tabIndex = 0;
  shown.textContent = text;
  const lines = document.createElement("div");
  lines.className = "lines";
  const waits = document.createElement("p");
  waits.className = "quiet";
  const time = document.createElement("time");
  time.dataset.from = Date.now() / 1000;
  waits.append("running for ", time);
  box.append(shown, lines, waits);
  results.prepend(box);
  while (results.children.length > MOST_RESULTS) results.lastElementChild.remove();
  results.scrollTop = 0;
  tick(box);
  return { box, lines };
}

async function run() {
  const text = code.value;
  if (busy || !text.trim()) return;
  document.querySelector("#repl-problem").hidden = true;
  remember(text);
  working(true);
  const desk = document.querySelector("#repl");
  let next = Number(desk.dataset.next);
  const { box, lines } = entry(text);
  let over = false;
  // What it prints is shown while it goes on.
  const watch = async () => {
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, OFTEN));
      if (over) return;
      try {
        const fresh = await piece("/panel/repl/output", { after: next });
        if (over) return;
        next = Number(fresh.dataset.next);
        tick(fresh);
        lines.append(...fresh.children);
      } catch (error) {
        if (!(error instanceof TypeError) && !(error instanceof Refused)) throw error;
      }
    }
  };
  watch();
  try {
    const result = await postForPiece("/panel/repl", { code: text });
    over = true;
    desk.dataset.next = result.dataset.next;
    tick(result);
    box.replaceChildren(box.firstElementChild, result);
    // What was changed meanwhile is kept.
    if (code.value === text && !result.dataset.failed) code.value = "";
    say(result.dataset.failed ? "It failed" : "Done");
  } catch (error) {
    over = true;
    refuse(error);
    box.lastElementChild.textContent = "not carried out";
  }
  working(false);
}

/** What the buttons of the REPL do. */
export const REPL_ACTS = {
  "repl-run": run,
  "repl-stop": () => attempt(() => post("/panel/repl/stop")),

  async "repl-tidy"() {
    document.querySelector("#repl-problem").hidden = true;
    try {
      code.value = (await postForText("/panel/repl/tidy", { code: code.value })).trimEnd();
    } catch (error) {
      refuse(error);
    }
  },

  async "repl-save"() {
    const name = await ask({
      title: "Save as a snippet", text: "All administrators of this service find it. One of the same name is replaced.", yes: "Save",
      field: { label: "Name", value: "" },
    });
    if (!name) return;
    await attempt(async () => snippets(await postForPiece("/panel/repl/snippets", { name, code: code.value })));
  },

  "snippet-load": (button) => put(button.closest("[data-code]").dataset.code),

  async "snippet-delete"(button) {
    const name = button.closest("[data-snippet]").dataset.snippet;
    const sure = await ask({ title: `Delete “${name}”?`, text: "No administrator finds it any more.", yes: "Delete it", danger: true });
    if (sure) await attempt(async () => snippets(await postForPiece("/panel/repl/snippets/delete", { name })));
  },

  async "repl-end"() {
    const sure = await ask({
      title: "Begin a new session?", text: "All variables are forgotten, and what the session holds is given back.", yes: "Begin anew", danger: true,
    });
    if (!sure) return;
    await attempt(async () => {
      await post("/panel/repl/end");
      document.querySelector("#repl").dataset.next = 0;
      toast("The next input begins a new session.");
    });
  },

  "repl-again": (button) => put(button.dataset.code),

  "repl-forget"() {
    inputs = [];
    keep();
  },
};

function snippets(fresh) {
  tick(fresh);
  document.querySelector("#snippets").replaceWith(fresh);
}

/** Lets the page of the REPL work. */
export function repl(desk) {
  recall();
  code?.focus();
  code?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      step(event.key === "ArrowUp" ? -1 : 1);
    }
  });
  for (const choice of desk.querySelectorAll("[name=format]")) {
    choice.addEventListener("change", () => {
      desk.dataset.format = choice.value;
    });
    // What browsers keep over a reload.
    if (choice.checked) desk.dataset.format = choice.value;
  }
}
