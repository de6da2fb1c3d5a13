/**
 * `cla/web`: a web agent, with the names that rules for Clarive use. `cla/http` below it is shorter, and says more.
 *
 * ```js
 * import { agent } from "cla/web";
 * const answer = agent({ timeout: 20 }).get("https://api.example.com/servers");
 * if (!answer.isSuccess()) throw new Error(`${answer.code()} ${answer.message()}`);
 * const servers = JSON.parse(answer.content());
 * ```
 *
 * Each call blocks the rule, and needs the permission `net` for the server. Where there is no answer, the agent gives one of its own
 * with the code 500, whose message says why.
 */

import fs from "cla/fs";
import http, { HttpError } from "cla/http";

/** The value of a field of a form or of a header. */
export type FieldValue = string | number | boolean | null | undefined;

/** A form: each field has a value or several. */
export type Form = Readonly<Record<string, FieldValue | readonly FieldValue[]>>;

/** Headers by their names, where `_` stands for `-`. */
export type HeaderFields = Readonly<Record<string, string | number | null | undefined>>;

/** Headers and the body of a request. */
export interface Content {
  headers?: HeaderFields;
  /** A text, bytes, or a form. */
  content?: string | Uint8Array | Form | null;
}

/** What a request may be given: a form, headers and a body, or a list of names and values in which `Content` is the body. */
export type Payload = Form | Content | readonly unknown[];

/** How an agent behaves. */
export interface AgentOptions {
  /** Who asks: the header `user-agent`. Default: `"clarive/js"`. */
  agent?: string;
  /** The header `from`. */
  from?: string;
  /** Headers of each request. */
  default_headers?: HeaderFields;
  /** The most bytes of an answer's body. Default: 16 MiB. */
  max_size?: number;
  /** How many redirects are followed, 20 at most. Default: 7. */
  max_redirect?: number;
  /** The methods whose redirects are followed. Default: `["GET", "HEAD"]`. */
  requests_redirectable?: readonly string[];
  /** The only protocols that may be used, of `"http"` and `"https"`. */
  protocols_allowed?: readonly string[];
  /** Protocols that may not be used. */
  protocols_forbidden?: readonly string[];
  /** How long a request may take, in seconds or as a text such as `"2m"`. Default: 180. */
  timeout?: number | string;
  /** Certificates are always checked: `verify_hostname` can only be 1. */
  ssl_opts?: { verify_hostname?: number | boolean };
  /** The same as in `ssl_opts`. */
  verify_SSL?: number | boolean;
  /** These change nothing here: connections are kept, and pages are not looked into. */
  conn_cache?: unknown;
  parse_head?: unknown;
}

/** Where an agent looks whether it is online. */
export interface OnlineOptions {
  /** Default: a page of Microsoft's for this purpose. */
  url?: string;
}

/** What came of a request. */
export class WebResponse {
  readonly #code: number;
  readonly #message: string;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly #bytes: Uint8Array;

  /** @internal */
  constructor(
    code: number,
    message: string,
    url: string,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    bytes: Uint8Array,
  ) {
    this.#code = code;
    this.#message = message;
    this.#url = url;
    this.#headers = headers;
    this.#bytes = bytes;
  }

  /** The status; 500 if there was no answer. */
  code(): number {
    return this.#code;
  }

  /** What the status means, or why there was no answer. */
  message(): string {
    return this.#message;
  }

  /** Whether the status is one of success, from 200 to 299. */
  isSuccess(): boolean {
    return this.#code >= 200 && this.#code < 300;
  }

  /** Whether the status is a redirect that was not followed. */
  isRedirect(): boolean {
    return this.#code >= 300 && this.#code < 400;
  }

  /** Whether the status is an error, from 400 on. */
  isError(): boolean {
    return this.#code >= 400;
  }

  /** The body as text; with a number, its first so many bytes. */
  content(bytes?: number): string {
    if (bytes !== undefined && !(Number.isInteger(bytes) && bytes >= 0)) {
      throw new TypeError("response.content: bytes must be a whole number of at least 0");
    }
    const part = bytes === undefined ? this.#bytes : this.#bytes.subarray(0, bytes);
    return decoder(this.header("content-type")).decode(part);
  }

  /** The body as it came. */
  bytes(): Uint8Array {
    return this.#bytes.slice();
  }

  /** The value of a header; several are joined by `", "`. */
  header(name: string): string | undefined {
    const value = this.#headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** All headers, by their names in lower case. */
  headers(): Record<string, string> {
    const names = Object.keys(this.#headers);
    return Object.fromEntries(names.map((name) => [name, this.header(name) ?? ""]));
  }

  /** Where it came from, after redirects. */
  url(): string {
    return this.#url;
  }
}

/** Makes requests, all in the same way. */
export class Agent {
  readonly #options: AgentOptions;

  /** @internal */
  constructor(options: AgentOptions) {
    this.#options = options;
  }

  /** A GET request. A form becomes the query of the URL; so it does with HEAD and DELETE. */
  get(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("get", "GET", url, payload, fields);
  }

  /** A HEAD request. */
  head(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("head", "HEAD", url, payload, fields);
  }

  /** A DELETE request. */
  delete(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("delete", "DELETE", url, payload, fields);
  }

  /** A POST request: a form, followed by names and values of headers; or `{ headers, content }`. */
  post(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("post", "POST", url, payload, fields);
  }

  /** A PUT request, as {@link post}. */
  put(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("put", "PUT", url, payload, fields);
  }

  /** A PATCH request, as {@link post}. */
  patch(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse {
    return this.#send("patch", "PATCH", url, payload, fields);
  }

  /** A request with any method. */
  request(method: string, url: string | URL, options?: Content | null): WebResponse {
    if (typeof method !== "string") {
      throw new TypeError('agent.request: the method must be a string such as "GET"');
    }
    return this.#send("request", method.toUpperCase(), url, options ?? {}, [], true);
  }

  /**
   * Gets what is at a URL into a file, unless the file is as new as that already. The answer's code is 304 then.
   */
  mirror(url: string | URL, file: string): WebResponse {
    const there = fs.exists(file) ? fs.stat(file) : undefined;
    const since = there && { "if-modified-since": there.mtime.toUTCString() };
    const answer = this.#send("mirror", "GET", url, { headers: since ?? {} }, [], true);
    if (answer.isSuccess()) {
      fs.writeFile(file, answer.bytes());
      const changed = Date.parse(answer.header("last-modified") ?? "");
      if (!Number.isNaN(changed)) {
        fs.touch(file, { time: changed });
      }
    }
    return answer;
  }

  /** Whether requests reach the web: whether there is any answer from `options.url`. */
  isOnline(options: OnlineOptions = {}): boolean {
    const url = options?.url ?? "http://www.msftconnecttest.com/connecttest.txt";
    const { timeout = 180 } = this.#options;
    try {
      http.head(url, { timeout, redirects: 0 });
      return true;
    } catch (error) {
      if (error instanceof HttpError) {
        return false;
      }
      throw error;
    }
  }

  #send(
    name: string,
    method: string,
    url: string | URL,
    payload: Payload | null | undefined,
    fields: readonly unknown[],
    isContent = false,
  ): WebResponse {
    const what = `agent.${name}`;
    const options = this.#options;
    const { headers, body } = contentOf(what, payload, isContent);
    addFields(what, headers, fields);
    this.#checkProtocol(what, url);
    const follows = (options.requests_redirectable ?? ["GET", "HEAD"]).includes(method);
    const form = isForm(body) ? body : undefined;
    const inQuery = form !== undefined && ["GET", "HEAD", "DELETE"].includes(method);
    try {
      const answer = http.request(url, {
        method,
        headers: {
          "user-agent": options.agent ?? "clarive/js",
          ...(options.from === undefined ? {} : { from: options.from }),
          ...named(options.default_headers),
          ...headers,
        },
        timeout: options.timeout ?? 180,
        redirects: follows ? (options.max_redirect ?? 7) : 0,
        as: "bytes",
        ...(options.max_size === undefined ? {} : { maxBody: options.max_size }),
        ...(form === undefined ? (body == null ? {} : { body }) : inQuery ? { query: form } : { form }),
      });
      return new WebResponse(answer.status, answer.statusText, answer.url, answer.headers, answer.body);
    } catch (error) {
      if (!(error instanceof HttpError)) {
        throw error;
      }
      const text = new TextEncoder().encode(error.message);
      const headers = { "client-warning": "Internal response", "content-type": "text/plain;charset=utf-8" };
      return new WebResponse(500, error.message, String(error.url ?? url), headers, text);
    }
  }

  #checkProtocol(what: string, url: string | URL): void {
    const { protocols_allowed: allowed, protocols_forbidden: forbidden } = this.#options;
    const protocol = String(url).split(":", 1)[0]?.toLowerCase() ?? "";
    if ((allowed && !allowed.includes(protocol)) || forbidden?.includes(protocol)) {
      throw new TypeError(`${what}: this agent may not use ${protocol}:`);
    }
  }
}

/** The options that there are. */
const OPTIONS = [
  "agent", "from", "default_headers", "max_size", "max_redirect", "requests_redirectable", "protocols_allowed",
  "protocols_forbidden", "timeout", "ssl_opts", "verify_SSL", "conn_cache", "parse_head",
];

/** Makes an agent. */
export function agent(options: AgentOptions = {}): Agent {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError("web.agent: the options must be an object such as { timeout: 20 }");
  }
  for (const key of Object.keys(options)) {
    if (key === "cookie_jar") {
      throw new TypeError("web.agent: an agent keeps no cookies; send the header cookie");
    }
    if (key === "local_address") {
      throw new TypeError("web.agent: the system chooses the local address; leave local_address out");
    }
    if (!OPTIONS.includes(key)) {
      throw new TypeError(`web.agent: unknown option ${JSON.stringify(key)}; there are ${OPTIONS.join(", ")}`);
    }
  }
  const verify = [options.verify_SSL, options.ssl_opts?.verify_hostname];
  if (verify.some((value) => value !== undefined && !Number(value))) {
    throw new TypeError(
      "web.agent: certificates are always checked; name a file that has the issuer in the variable SSL_CERT_FILE",
    );
  }
  return new Agent({ ...options });
}

/** What a request is to carry. */
interface Carried {
  headers: Record<string, string | number>;
  body: unknown;
}

function contentOf(what: string, payload: unknown, isContent: boolean): Carried {
  if (payload == null) {
    return { headers: {}, body: null };
  }
  if (Array.isArray(payload)) {
    const headers: Record<string, string | number> = {};
    return { headers, body: addFields(what, headers, payload) };
  }
  if (typeof payload !== "object") {
    throw new TypeError(`${what}: a form, or headers and content, are an object, not ${typeof payload}`);
  }
  const given = payload as Content & Form;
  const keys = Object.keys(given);
  const unknown = keys.filter((key) => key !== "headers" && key !== "content");
  if (isContent && unknown.length > 0) {
    throw new TypeError(`${what}: unknown option ${JSON.stringify(unknown[0])}; there are headers, content`);
  }
  const hasHeaders = typeof given.headers === "object" && given.headers !== null;
  if (isContent || (unknown.length === 0 && hasHeaders)) {
    return { headers: named(given.headers as HeaderFields | undefined), body: given.content };
  }
  return { headers: {}, body: given };
}

/** Adds headers that are given as names and values in turn; gives the value of `Content`. */
function addFields(what: string, headers: Record<string, string | number>, fields: readonly unknown[]): unknown {
  if (fields.length % 2 === 1) {
    throw new TypeError(`${what}: the header ${JSON.stringify(fields.at(-1))} has no value`);
  }
  let content: unknown = null;
  for (let at = 0; at < fields.length; at += 2) {
    const [name, value] = [String(fields[at]), fields[at + 1]];
    if (name.toLowerCase() === "content") {
      content = value;
    } else if (value != null) {
      headers[headerName(name)] = value as string | number;
    }
  }
  return content;
}

/** Headers by the names that they are sent with. */
function named(fields: HeaderFields | undefined): Record<string, string | number> {
  const headers: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (value != null) {
      headers[headerName(name)] = value;
    }
  }
  return headers;
}

function headerName(name: string): string {
  return name.replaceAll("_", "-").toLowerCase();
}

/** Whether a body is a form, and no text and no bytes. */
function isForm(body: unknown): body is Form {
  return (
    typeof body === "object" && body !== null && !ArrayBuffer.isView(body) && !(body instanceof ArrayBuffer) &&
    !(body instanceof URLSearchParams)
  );
}

/** What decodes a body of this type. */
function decoder(type: string | undefined): TextDecoder {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? "")?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

const web = { agent };

export default web;
