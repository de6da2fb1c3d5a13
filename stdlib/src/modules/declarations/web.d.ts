// Made of web.ts by `cargo xtask types --write`.

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
declare module "cla/web" {
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
    ssl_opts?: {
      verify_hostname?: number | boolean;
    };
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
    #private;
    /** The status; 500 if there was no answer. */
    code(): number;
    /** What the status means, or why there was no answer. */
    message(): string;
    /** Whether the status is one of success, from 200 to 299. */
    isSuccess(): boolean;
    /** Whether the status is a redirect that was not followed. */
    isRedirect(): boolean;
    /** Whether the status is an error, from 400 on. */
    isError(): boolean;
    /** The body as text; with a number, its first so many bytes. */
    content(bytes?: number): string;
    /** The body as it came. */
    bytes(): Uint8Array;
    /** The value of a header; several are joined by `", "`. */
    header(name: string): string | undefined;
    /** All headers, by their names in lower case. */
    headers(): Record<string, string>;
    /** Where it came from, after redirects. */
    url(): string;
  }
  /** Makes requests, all in the same way. */
  export class Agent {
    #private;
    /** A GET request. A form becomes the query of the URL; so it does with HEAD and DELETE. */
    get(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A HEAD request. */
    head(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A DELETE request. */
    delete(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A POST request: a form, followed by names and values of headers; or `{ headers, content }`. */
    post(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A PUT request, as {@link post}. */
    put(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A PATCH request, as {@link post}. */
    patch(url: string | URL, payload?: Payload | null, ...fields: unknown[]): WebResponse;
    /** A request with any method. */
    request(method: string, url: string | URL, options?: Content | null): WebResponse;
    /**
     * Gets what is at a URL into a file, unless the file is as new as that already. The answer's code is 304 then.
     */
    mirror(url: string | URL, file: string): WebResponse;
    /** Whether requests reach the web: whether there is any answer from `options.url`. */
    isOnline(options?: OnlineOptions): boolean;
  }
  /** Makes an agent. */
  export function agent(options?: AgentOptions): Agent;
  const web: {
    agent: typeof agent;
  };
  export default web;
}

interface ClaModules {
  "cla/web": typeof import("cla/web");
}
