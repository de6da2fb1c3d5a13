// Times that count up and down, in the words of the reader's language.

const number = (unit, digits = 0) =>
  new Intl.NumberFormat(undefined, {
    style: "unit", unit, unitDisplay: "narrow", minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
const days = number("day");
const hours = number("hour");
const minutes = number("minute");
const seconds = number("second");
const tenths = number("second", 1);
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** How far the clock of the server is ahead, in seconds. */
let ahead = 0;

/** Learns the time of the server from a piece of a page. */
export function learn(element) {
  const now = Number(element.dataset.now);
  if (now) ahead = now - Date.now() / 1000;
}

/** A length of time in short words. */
export function length(time, exact = false) {
  time = Math.max(0, time);
  if (exact && time >= 0.05 && time < 9.95) return tenths.format(time);
  const whole = Math.floor(time);
  if (whole < 60) return seconds.format(whole);
  if (whole < 3600) return `${minutes.format(Math.floor(whole / 60))} ${seconds.format(whole % 60)}`;
  if (whole < 86400) return `${hours.format(Math.floor(whole / 3600))} ${minutes.format(Math.floor(whole / 60) % 60)}`;
  return `${days.format(Math.floor(whole / 86400))} ${hours.format(Math.floor(whole / 3600) % 24)}`;
}

function write(time, text) {
  if (time.textContent !== text) time.textContent = text;
}

/** Writes all times of a piece of the page. */
export function tick(within = document) {
  const now = Date.now() / 1000 + ahead;
  for (const time of within.querySelectorAll("time")) {
    const { from, until, took, at } = time.dataset;
    if (from) write(time, length(now - from));
    else if (until) write(time, length(until - now));
    else if (took) write(time, length(Number(took), true));
    else if (at && !time.title) {
      const date = new Date(at * 1000);
      time.title = day.format(date);
      time.dateTime = date.toISOString();
      const today = new Date().toDateString() === date.toDateString();
      write(time, (today ? clock : day).format(date));
    }
  }
}

setInterval(tick, 1000);
