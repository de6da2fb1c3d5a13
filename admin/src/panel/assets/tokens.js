// The page of the tokens.

import { Refused, ask, attempt, piece, post, remove, soon, toast } from "./ask.js";
import { morph } from "./morph.js";
import { tick } from "./times.js";

/** How often the last uses are read anew, in milliseconds. */
const OFTEN = 10_000;

const refresh = soon(async () => {
  const fresh = await piece("/panel/tokens");
  morph(document.querySelector("#token-rows"), fresh);
  tick(document.querySelector("#token-rows"));
});

/** Keeps the page up to date. Gives what reads it anew. */
export function tokens() {
  setInterval(() => document.hidden || refresh(), OFTEN);
  const dialog = document.querySelector("#token-made");
  // The page keeps no secret longer than it shows it.
  dialog.addEventListener("close", () => dialog.querySelector("#token-text").replaceChildren());
  document.querySelector("#token-new").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.localName !== "input") return;
    event.preventDefault();
    document.querySelector("#token-new-yes").click();
  });
  return refresh;
}

/** What the buttons of the tokens do. */
export const TOKEN_ACTS = {
  "token-new"() {
    const dialog = document.querySelector("#token-new");
    dialog.querySelector("form").reset();
    dialog.querySelector(".problem").hidden = true;
    dialog.showModal();
    dialog.querySelector("[name=name]").focus();
  },

  async "token-create"() {
    const dialog = document.querySelector("#token-new");
    const given = Object.entries(Object.fromEntries(new FormData(dialog.querySelector("form"))));
    const wanted = given.map(([name, value]) => [name, value.trim()]).filter(([name, value]) => value || name === "name");
    try {
      const { token } = await post("/api/v1/tokens", Object.fromEntries(wanted));
      dialog.close();
      const made = document.querySelector("#token-made");
      made.querySelector("#token-text").textContent = token;
      made.showModal();
      refresh();
    } catch (error) {
      const problem = dialog.querySelector(".problem");
      problem.textContent = error instanceof Refused ? error.message : "the server cannot be reached";
      problem.hidden = false;
    }
  },

  async "token-revoke"(button) {
    const row = button.closest("[data-token]");
    const name = row.querySelector(".who").textContent;
    const sure = await ask({
      title: `Revoke “${name}”?`, text: "Programs that use it are refused from now on, and its browsers are signed out.", yes: "Revoke it", danger: true,
    });
    if (!sure) return;
    if (await attempt(() => remove(`/api/v1/tokens/${row.dataset.token}`))) toast(`“${name}” is revoked.`);
    refresh();
  },
};
