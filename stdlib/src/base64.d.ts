/** `cla/base64`: bytes and texts as base64, and back. */
declare module "cla/base64" {
  /**
   * A text, in UTF-8, or bytes as base64.
   *
   * @param options.url Whether it is for a URL: with `-` and `_` for `+` and `/`, and without padding.
   */
  export function encode64(data: string | Uint8Array | ArrayBuffer, options?: { url?: boolean }): string;
  /** What base64 says, in either alphabet, with or without padding and line ends: a text, or bytes. */
  export function decode64(text: string, encoding?: "utf8"): string;
  export function decode64(text: string, encoding: "bytes"): Uint8Array;

  const base64: { encode64: typeof encode64; decode64: typeof decode64 };
  export default base64;
}

interface ClaModules {
  "cla/base64": typeof import("cla/base64").default;
}
