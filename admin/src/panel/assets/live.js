// The connection over which the server tells what changes.

import { say } from "./ask.js";

const shown = document.querySelector("#link");
const banner = document.querySelector("#banner");

/** A stream that is back within this is no matter to the reader, in milliseconds. */
const GRACE = 800;

/** A page that is hidden gives its connection up: browsers have only six for all pages of a server. */
const UNSEEN = 30_000;

/** Follows the events after `after`. `on` has a function for each kind, and `again`, for when the state is to be read anew. */
export function follow(after, on) {
  let stream = null;
  let last = after;
  let lost = null;
  let tries = 0;
  let unseen = null;

  function listen(name, act) {
    stream.addEventListener(name, (event) => {
      last = event.lastEventId || last;
      act?.(JSON.parse(event.data));
    });
  }

  function open() {
    stream?.close();
    stream = new EventSource(`/api/v1/events?coalesce=50&after=${encodeURIComponent(last)}`);
    stream.addEventListener("hello", (event) => {
      const was = lost;
      clearTimeout(lost);
      lost = null;
      tries = 0;
      if (JSON.parse(event.data).reachable === false) {
        away();
        return;
      }
      state("live", "live");
      if (!banner.hidden) {
        banner.hidden = true;
        say("Connected again");
      }
      // What was missed follows; what the server itself has forgotten does not.
      if (was) on.again();
    });
    listen("hello");
    listen("changes", on.changes);
    listen("run", on.run);
    listen("reset", on.again);
    listen("alert", (alert) => {
      say(alert.text);
      on.changes?.([alert]);
    });
    listen("store", ({ reachable }) => {
      if (!reachable) {
        away();
        return;
      }
      state("live", "live");
      banner.hidden = true;
      say("The store answers again");
      on.again();
    });
    stream.addEventListener("error", () => {
      lost ??= setTimeout(() => {
        state("lost", "connection lost");
        tell("Connection lost, trying again");
      }, GRACE);
      if (stream.readyState === EventSource.CLOSED) setTimeout(retry, Math.min(500 * 2 ** tries++, 5000));
    });
  }

  /** After an answer that was none: finds out why. */
  async function retry() {
    let status = 0;
    try {
      status = (await fetch("/panel/here")).status;
    } catch {
      // It is still away.
    }
    if (status === 401 || status === 403) {
      clearTimeout(lost);
      lost = setTimeout(() => {});
      state("lost", "signed out");
      const here = encodeURIComponent(location.pathname + location.search);
      tell("You are signed out.", { text: "Sign in again", href: `/login?next=${here}` });
      return;
    }
    open();
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(unseen);
    if (document.hidden) {
      unseen = setTimeout(() => {
        stream.close();
        unseen = null;
        lost ??= setTimeout(() => {});
      }, UNSEEN);
    } else if (stream.readyState === EventSource.CLOSED) {
      open();
    } else {
      on.again();
    }
  });
  addEventListener("online", open);
  open();
}

/** The server is there, and its store is not: what is shown is as it was. */
function away() {
  state("lost", "store away");
  tell("The server cannot reach its store, and tries again. What you see is as it was.");
}

function state(name, text) {
  shown.dataset.state = name;
  shown.querySelector(".text").textContent = text;
}

function tell(text, link) {
  banner.textContent = `${text} `;
  if (link) {
    const anchor = document.createElement("a");
    anchor.textContent = link.text;
    anchor.href = link.href;
    banner.append(anchor);
  }
  banner.hidden = false;
}
