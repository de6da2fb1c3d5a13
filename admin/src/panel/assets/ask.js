// Asks the server, and asks the reader: requests, questions, short messages.

/** The server refused, and says why. */
export class Refused extends Error {
  constructor(status, detail, input) {
    super(detail);
    this.status = status;
    /** The input of a rule that it is about. */
    this.input = input;
  }
}

async function answer(response) {
  if (response.ok) return response;
  let detail = `the server answered ${response.status}`;
  let input;
  try {
    const problem = await response.json();
    detail = problem.detail ?? detail;
    ({ input } = problem);
  } catch {
    // It has said no more than its status.
  }
  throw new Refused(response.status, detail, input);
}

/** A piece of HTML. */
export async function piece(path, query = {}) {
  const wanted = Object.entries(query).filter(([, value]) => value !== undefined && value !== "" && value !== null);
  const text = await (await answer(await fetch(`${path}?${new URLSearchParams(wanted)}`))).text();
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstElementChild;
}

export async function get(path) {
  return (await answer(await fetch(path))).json();
}

/** Posts something, and gets a piece of HTML. */
export async function postForPiece(path, body) {
  const template = document.createElement("template");
  template.innerHTML = await postForText(path, body);
  return template.content.firstElementChild;
}

/** Posts something, and gets a text. */
export async function postForText(path, body) {
  const response = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return (await answer(response)).text();
}

export async function post(path, body = {}) {
  const response = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const text = await (await answer(response)).text();
  return text ? JSON.parse(text) : null;
}

export async function remove(path) {
  await answer(await fetch(path, { method: "DELETE" }));
}

const dialog = document.querySelector("#ask");

/** Asks a question. Gives whether the reader says yes; with a field, the text in it or `null`. */
export function ask({ title, text, yes, danger = false, field }) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("#ask-text").textContent = text;
  const label = dialog.querySelector("#ask-field");
  const input = label.querySelector("input");
  label.hidden = !field;
  input.disabled = !field;
  if (field) {
    label.querySelector("span").textContent = field.label;
    input.value = field.value;
    input.inputMode = field.inputMode ?? "text";
  }
  const button = dialog.querySelector("#ask-yes");
  button.textContent = yes;
  button.className = danger ? "danger solid" : "primary";
  dialog.returnValue = "";
  dialog.showModal();
  if (field) input.select();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const agreed = dialog.returnValue === "yes";
      resolve(field ? (agreed ? input.value.trim() : null) : agreed);
    }, { once: true });
  });
}

// Enter in the field says yes: else the first button of the form, which says no, would be taken.
dialog?.querySelector("input").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  dialog.close("yes");
});

const toasts = document.querySelector("#toasts");

/** Shows a short message for a while, with something that can be done about it. */
export function toast(text, { error = false, undo } = {}) {
  const box = document.createElement("div");
  box.className = error ? "toast error" : "toast";
  if (error) box.role = "alert";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  const button = (label, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link";
    button.textContent = label;
    button.addEventListener("click", () => {
      box.remove();
      act?.();
    });
    box.append(button);
  };
  if (undo) button("Undo", undo);
  button("Close");
  toasts.append(box);
  while (toasts.children.length > 4) toasts.firstElementChild.remove();
  setTimeout(() => box.remove(), error ? 15_000 : 8_000);
}

/** Does something, and shows why if it was refused. Gives whether it was done. */
export async function attempt(work) {
  try {
    await work();
    return true;
  } catch (error) {
    const text = error instanceof Refused ? error.message : "the server cannot be reached; nothing was changed";
    toast(text.charAt(0).toUpperCase() + text.slice(1), { error: true });
    return false;
  }
}

const said = document.querySelector("#said");

/** Says something to those who do not see the screen. */
export function say(text) {
  if (said) said.textContent = text;
}

/** When what was changed is on the screen. A page that is hidden paints nothing. */
function painted() {
  return new Promise((resolve) => {
    if (document.hidden) resolve();
    else requestAnimationFrame(() => setTimeout(resolve));
  });
}

/**
 * Does the work soon, never twice at once, and not more often than every `pause` milliseconds, and rests half as long as
 * it takes until it is on the screen: so some of the time is left for what the reader does.
 */
export function soon(work, pause = 50) {
  let asked = false;
  let running = false;
  return async function run() {
    asked = true;
    if (running) return;
    running = true;
    while (asked) {
      asked = false;
      const start = performance.now();
      try {
        await work();
        await painted();
      } catch (error) {
        // What cannot be read now is read when the connection is back.
        if (!(error instanceof TypeError) && !(error instanceof Refused)) throw error;
      }
      const took = performance.now() - start;
      await new Promise((resolve) => setTimeout(resolve, Math.max(pause, Math.min(took / 2, 1000))));
    }
    running = false;
  };
}
