/**
 * Texts as words of a shell command. A value in a template is data, whatever stands in it and around it.
 *
 * The template's own text is read as the shell reads it, as far as it takes to know in which quotes a value stands. Where no
 * quoting would keep a value from being run, in a here-document or behind a backtick, it is refused.
 */

/** A text that is put into a command as it is. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What needs no quotes, wherever it stands. */
const PLAIN = /^[A-Za-z0-9_./:@%+,-]+$/;

/** A text as one word of a shell command. */
export function quote(text: string): string {
  if (typeof text !== "string") {
    throw new TypeError(`sh.quote: the text must be a string, not ${typeof text}`);
  }
  checkText(text, "sh.quote: the text");
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function checkText(text: string, what: string): void {
  if (text.includes("\0")) {
    throw new TypeError(`${what} has a zero character, which no command can have`);
  }
  if (!text.isWellFormed()) {
    throw new TypeError(`${what} has half a surrogate pair`);
  }
}

/** In what a value stands. */
type Place = "plain" | "single" | "double";

/** Reads a template's own text. */
class Reader {
  place: Place = "plain";
  /** Why no value may stand here. */
  refused: string | undefined;
  #comment = false;
  /** Whether a word begins here. */
  #start = true;

  /** Reads the text between two values. */
  read(text: string): void {
    if (!this.#sticky) {
      this.refused = undefined;
    }
    for (let at = 0; at < text.length; at += 1) {
      at += this.#step(text, at);
    }
    if (this.#comment) {
      this.refused ??= "in a comment";
    }
  }

  /** Whether what refuses values goes on: it cannot be seen for sure where it ends. */
  #sticky = false;

  #refuse(why: string): void {
    this.refused ??= why;
    this.#sticky = true;
  }

  /** A value stood here. */
  passValue(): void {
    this.#start = false;
  }

  /** Reads a character, and says how many more it took. */
  #step(text: string, at: number): number {
    const c = text[at];
    const rest = text.slice(at);
    if (this.#comment) {
      this.#comment = c !== "\n";
      this.#start = !this.#comment;
      return 0;
    }
    if (this.place === "single") {
      if (c === "'") {
        this.place = "plain";
      }
      return 0;
    }
    const starts = this.#start;
    this.#start = false;
    switch (c) {
      case "\\":
        if (at + 1 === text.length) {
          this.refused ??= "behind a backslash";
        }
        // A line that goes on in the next one.
        this.#start = starts && text[at + 1] === "\n";
        return 1;
      case "`":
        this.#refuse("behind a backtick; $(...) can have one");
        return 0;
      case "$":
        if (at + 1 === text.length) {
          this.refused ??= "behind a dollar sign";
        } else if (rest.startsWith("$((")) {
          this.#refuse("behind $((...)), where it would be calculated");
        } else if (rest.startsWith("${")) {
          this.#refuse("behind ${...}; put what it gives into a variable of its own");
        } else if (rest.startsWith("$(") && this.place === "double") {
          this.#refuse('behind $(...) within "..."; put what it gives into a variable of its own');
        } else if (rest.startsWith("$'") && this.place === "plain") {
          this.#refuse("behind $'...'");
        }
        return 0;
      case '"':
        this.place = this.place === "double" ? "plain" : "double";
        return 0;
    }
    if (this.place === "double") {
      return 0;
    }
    switch (c) {
      case "'":
        this.place = "single";
        return 0;
      case "#":
        this.#comment = starts;
        return 0;
      case "<":
        if (rest.startsWith("<<") && !rest.startsWith("<<<")) {
          this.#refuse("behind <<, as nothing is quoted in a here-document; give it to .stdin()");
        }
        this.#start = true;
        return rest.startsWith("<<<") ? 2 : 0;
      case "(":
        if (rest.startsWith("((")) {
          this.#refuse("behind ((...)), where it would be calculated");
        }
        break;
      case "[":
        if (rest.startsWith("[[")) {
          this.#refuse("behind [[...]], where it could be calculated; [ ... ] takes it as it is");
        }
        break;
    }
    // What the shell takes as blanks and operators, and no more: what begins a comment must be what it takes as one.
    this.#start = " \t\n;&|()<>".includes(c as string);
    return 0;
  }
}

/** A command of a template: its own text, with each value in its place. */
export function commandOf(strings: readonly (string | undefined)[], values: readonly unknown[]): string {
  const reader = new Reader();
  let command = "";
  strings.forEach((text, at) => {
    if (text === undefined) {
      throw new SyntaxError("$: the template has an escape that means nothing; write \\\\ for a backslash");
    }
    checkText(text, "$: the template");
    reader.read(text);
    command += text;
    if (at < values.length) {
      const value = values[at];
      if (!(value instanceof Raw) && reader.refused !== undefined) {
        throw new TypeError(`$: no value may stand ${reader.refused}`);
      }
      command += wordsOf(value, reader.place, at + 1);
      reader.passValue();
      if (value instanceof Raw) {
        reader.read(value.text);
      }
    }
  });
  return command;
}

function wordsOf(value: unknown, place: Place, nth: number): string {
  if (value instanceof Raw) {
    return value.text;
  }
  if (!Array.isArray(value)) {
    return inPlace(textOf(value, nth), place);
  }
  return value.map((item) => inPlace(textOf(item, nth), place)).join(" ");
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

function inPlace(text: string, place: Place): string {
  switch (place) {
    case "single":
      return text.replaceAll("'", "'\\''");
    case "double":
      return text.replace(/[\\$"`]/g, "\\$&");
    case "plain":
      return quote(text);
  }
}
