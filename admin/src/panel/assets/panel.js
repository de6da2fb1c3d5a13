// The panel: puts its parts together on the page that was loaded.

import { actions } from "./actions.js";
import { audit } from "./audit.js";
import { drag } from "./drag.js";
import { Explorer } from "./explorer.js";
import { keys } from "./keys.js";
import { follow } from "./live.js";
import { Queue } from "./queue.js";
import { repl } from "./repl.js";
import * as runs from "./runs.js";
import { tick } from "./times.js";
import { tokens } from "./tokens.js";

const panes = document.querySelector("#panes");
const panel = {};

tick();
// On a small screen there are more pages than fit beside each other.
document.querySelector("header nav [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });

if (panes) {
  panel.queue = new Queue();
  panel.explorer = new Explorer(() => panel.queue.name);
  drag();

  const open = (name) => {
    panel.queue.open(name);
    panel.explorer.mark();
  };
  const view = (name) => {
    panes.dataset.view = name;
  };

  // Another queue without another page. With a key held, browsers open a new one as ever.
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".explorer a, #queue a.back");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    const name = link.closest("[data-semaphore]").dataset.semaphore;
    const back = link.matches(".back");
    const url = new URL(link.href);
    url.search += (url.search ? "&" : "?") + location.search.slice(1).replace(/(^|&)semaphore=[^&]*/, "");
    history.pushState({ name: back ? null : name }, "", url);
    document.title = back ? "Semaphores · cla" : `${name} · cla`;
    view(back ? "list" : "queue");
    if (!back) open(name);
  });
  history.replaceState({ name: panes.dataset.view === "queue" ? panel.queue.name : null }, "");
  addEventListener("popstate", ({ state }) => {
    view(state?.name ? "queue" : "list");
    if (state?.name) open(state.name);
  });

  follow(panes.dataset.after, {
    changes(events) {
      const names = events.map((event) => event.semaphore);
      // The queue first: one semaphore is read sooner than all of them.
      if (panel.queue.name === undefined) open(names[0]);
      else if (names.includes(panel.queue.name)) panel.queue.refresh();
      panel.explorer.change(names);
    },
    run: () => panel.queue.refresh(),
    again() {
      panel.explorer.all();
      panel.queue.refresh();
    },
  });
}

const page = document.querySelector("#runs");

if (page) {
  runs.rules();
  const refresh = page.dataset.view === "run" ? runs.one() : runs.table();
  follow(page.dataset.after, { changes: page.dataset.view === "run" ? refresh : undefined, run: refresh, again: refresh });
}

const trail = document.querySelector("#audit");

if (trail) {
  const refresh = audit();
  follow(trail.dataset.after, { changes: refresh, again: refresh });
}

const desk = document.querySelector("#repl");

if (desk) {
  repl(desk);
  follow(desk.dataset.after, { again() {} });
}

const keyring = document.querySelector("#tokens");

if (keyring) follow(keyring.dataset.after, { again: tokens() });

const docs = document.querySelector("#docs");

if (docs) follow(docs.dataset.after, { again() {} });

actions(panel);
keys(panel);
