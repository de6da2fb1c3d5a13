/**
 * Texts as words of a shell command. A value in a template is data, whatever stands in it and around it.
 *
 * The template's own text is read as the shell reads it (`command/words.rs`, which rulebooks use as well), as far as it takes
 * to know in which quotes a value stands. Where no quoting would keep a value from being run, as in a here-document, it is
 * refused.
 */

import { command, quote as quoted } from "cla/shell/native";

/** A text that is put into a command as it is. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A text as one word of a shell command. */
export function quote(text: string): string {
  if (typeof text !== "string") {
    throw new TypeError(`sh.quote: the text must be a string, not ${typeof text}`);
  }
  checkText(text, "sh.quote: the text");
  return quoted(text);
}

function checkText(text: string, what: string): void {
  if (text.includes("\0")) {
    throw new TypeError(`${what} has a zero character, which no command can have`);
  }
  if (!text.isWellFormed()) {
    throw new TypeError(`${what} has half a surrogate pair`);
  }
}

/** A command of a template: its own text, with each value in its place. */
export function commandOf(strings: readonly (string | undefined)[], values: readonly unknown[]): string {
  const texts = strings.map((text) => {
    if (text === undefined) {
      throw new SyntaxError("$: the template has an escape that means nothing; write \\\\ for a backslash");
    }
    checkText(text, "$: the template");
    return text;
  });
  return command(
    texts,
    values.map((value, at) => {
      if (value instanceof Raw) {
        return value.text;
      }
      return Array.isArray(value) ? value.map((item) => textOf(item, at + 1)) : [textOf(value, at + 1)];
    }),
  );
}

function textOf(value: unknown, nth: number): string {
  switch (typeof value) {
    case "string":
      checkText(value, `$: value ${nth}`);
      return value;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
  }
  const kind = value === null ? "null" : typeof value;
  throw new TypeError(`$: value ${nth} must be a text, a number, true or false, or an array of these, not ${kind}`);
}
