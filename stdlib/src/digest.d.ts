/** `cla/digest`: what a text, in UTF-8, or bytes hash to. */
declare module "cla/digest" {
  /** What is hashed. */
  export type Data = string | Uint8Array | ArrayBuffer;

  /** A hash as a text. Default: `"hex"`. `md5` and `sha1` are for checksums, and for nothing that has to be safe. */
  export function md5(data: Data, encoding?: "hex" | "base64"): string;
  export function md5(data: Data, encoding: "bytes"): Uint8Array;
  export function sha1(data: Data, encoding?: "hex" | "base64"): string;
  export function sha1(data: Data, encoding: "bytes"): Uint8Array;
  export function sha256(data: Data, encoding?: "hex" | "base64"): string;
  export function sha256(data: Data, encoding: "bytes"): Uint8Array;
  export function sha384(data: Data, encoding?: "hex" | "base64"): string;
  export function sha384(data: Data, encoding: "bytes"): Uint8Array;
  export function sha512(data: Data, encoding?: "hex" | "base64"): string;
  export function sha512(data: Data, encoding: "bytes"): Uint8Array;

  /** How {@link hmac} hashes. */
  export type Algorithm = "md5" | "sha1" | "sha256" | "sha384" | "sha512";
  /** The signature of data with a key that both sides know. */
  export function hmac(algorithm: Algorithm, key: Data, data: Data, encoding?: "hex" | "base64"): string;
  export function hmac(algorithm: Algorithm, key: Data, data: Data, encoding: "bytes"): Uint8Array;

  /** Whether two texts or bytes are the same, in a time that does not tell where they differ: for signatures. */
  export function equal(a: Data, b: Data): boolean;

  const digest: {
    md5: typeof md5;
    sha1: typeof sha1;
    sha256: typeof sha256;
    sha384: typeof sha384;
    sha512: typeof sha512;
    hmac: typeof hmac;
    equal: typeof equal;
  };
  export default digest;
}

interface ClaModules {
  "cla/digest": typeof import("cla/digest").default;
}
