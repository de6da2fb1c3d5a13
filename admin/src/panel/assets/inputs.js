// The form of what a rulebook is given. What it says is checked by the server.

const READ = {
  choice: JSON.parse,
  number: Number,
  integer: Number,
  list: JSON.parse,
  map: JSON.parse,
  string: (text) => text,
  // As `--stash` reads it: JSON, or else a text.
  any(text) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  },
};

const fields = (form) => [...form.querySelectorAll("[data-input]")].map((label) => ({
  label, name: label.dataset.input, control: label.querySelector("input, select, textarea"),
}));

/** Puts values into the fields; gives those that have none. */
export function fill(form, stash) {
  const rest = { ...stash };
  for (const { name, control } of fields(form)) {
    if (!Object.hasOwn(rest, name)) continue;
    const value = rest[name];
    const { kind } = control.dataset;
    const text = kind === "choice" || (typeof value !== "string") ? JSON.stringify(value) : value;
    // A choice that is there no more stays what it is by default.
    if (kind !== "choice" || [...control.options].some((option) => option.value === text)) control.value = text;
    delete rest[name];
  }
  return rest;
}

/** What is wrong in a field. */
export class WrongInput extends Error {
  constructor(input, message) {
    super(message);
    this.input = input;
  }
}

/** The values of the fields; those that are empty are not given. */
export function values(form) {
  const given = {};
  for (const { name, control } of fields(form)) {
    const { kind, hasDefault } = control.dataset;
    const text = control.value;
    // Who empties a text that has a default wants an empty one.
    if (text.trim() === "" && !(hasDefault && kind !== "choice")) continue;
    try {
      given[name] = READ[kind](text);
    } catch (error) {
      throw new WrongInput(name, `${name} is not JSON: ${error.message}`);
    }
  }
  return given;
}

/** Shows which field a problem is about, or none. */
export function point(form, input) {
  for (const { label, name, control } of fields(form)) {
    const is = name === input;
    label.classList.toggle("is-wrong", is);
    if (is) {
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", "run-now-problem");
      control.focus();
    } else {
      control.removeAttribute("aria-invalid");
      control.removeAttribute("aria-describedby");
    }
  }
}
