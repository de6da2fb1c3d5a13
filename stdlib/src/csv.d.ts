/** `cla/csv`: tables as texts with separated values. */
declare module "cla/csv" {
  /**
   * Reads a table: an object for each line, by the names in the first one; or an array, without a `header`.
   *
   * @param options.header Whether the first line has the names of the columns. Default: true.
   * @param options.separator What stands between two values. Default: `","`.
   * @throws {SyntaxError} A line has more or fewer values than there are names.
   */
  export function parse(text: string, options?: { header?: true; separator?: string }): Record<string, string>[];
  export function parse(text: string, options: { header: false; separator?: string }): string[][];
  /**
   * Writes a table, of objects or of arrays. `null` and `undefined` are empty.
   *
   * @param options.columns The names of the columns, in their order. Default: those of the first object.
   */
  export function stringify(
    rows: readonly (object | readonly unknown[])[],
    options?: { header?: boolean; separator?: string; columns?: readonly string[] },
  ): string;

  const csv: { parse: typeof parse; stringify: typeof stringify };
  export default csv;
}

interface ClaModules {
  "cla/csv": typeof import("cla/csv").default;
}
