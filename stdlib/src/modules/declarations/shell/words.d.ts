// Made of shell/words.ts by `cargo xtask types --write`.

/**
 * Texts as words of a shell command. A value in a template is data, whatever stands in it and around it.
 *
 * The template's own text is read as the shell reads it (`command/words.rs`, which rulebooks use as well), as far as it takes
 * to know in which quotes a value stands. Where no quoting would keep a value from being run, as in a here-document, it is
 * refused.
 */
declare module "cla/shell/words" {
  /** A text that is put into a command as it is. */
  export class Raw {
    readonly text: string;
    constructor(text: string);
  }
  /** A text as one word of a shell command. */
  export function quote(text: string): string;
  /** A command of a template: its own text, with each value in its place. */
  export function commandOf(strings: readonly (string | undefined)[], values: readonly unknown[]): string;
}
