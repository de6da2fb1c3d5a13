/**
 * Requests to HTTP servers.
 *
 * ```js
 * var http = require("cla/http");
 * var answer = http.get("https://api.example.com/servers", { query: { state: "up" } });
 * if (answer.ok) {
 *     answer.data.forEach(function (server) { print(server.name); });
 * }
 * http.post("https://api.example.com/deploys", { server: "web-1" }, { timeout: "2m" });
 * ```
 *
 * The rule is blocked until the whole answer is there; other rules go on. Cancelling the rule ends the request.
 *
 * Whatever status a server answers with is an answer: look at `ok` or `status`. An {@link HttpError} is thrown if there
 * is none.
 *
 * HTTP/1.1 is spoken, over TLS 1.2 or 1.3 for `https:`, with certificates that the system trusts (or those in the file
 * that the environment variable `SSL_CERT_FILE` names). The proxies in `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and
 * `NO_PROXY` are used. Bodies that the server compressed with gzip are expanded.
 */
declare module "cla/http" {
  /** Seconds, or a duration such as `"250ms"`, `"5m"` or `"1h30m"`. */
  export type Duration = number | string;

  /** A value in a query or a form: once per element if it is an array, not at all if it is `null` or `undefined`. */
  export type Param = Scalar | readonly Scalar[];
  type Scalar = string | number | boolean | bigint | null | undefined;

  /** The value of a header; an array stands for several headers of that name. */
  export type HeaderValue = string | number | null | undefined | readonly (string | number)[];

  /** Names and values of a query or a form. */
  export type Params = { readonly [name: string]: Param } | URLSearchParams;

  /**
   * What is made of the body of an answer: `"auto"` gives its text, and in `data` its value if it is JSON; `"text"` its
   * text alone; `"json"` insists on JSON; `"bytes"` gives the bytes as they are.
   */
  export type ReadAs = "auto" | "text" | "json" | "bytes";

  /** How a request is made. At most one of `body`, `json` and `form` is given. */
  export interface HttpOptions<As extends ReadAs = ReadAs> {
    /** Headers, by name. */
    headers?: { readonly [name: string]: HeaderValue };
    /** What is added to the query of the URL. */
    query?: Params | null;
    /**
     * The body: a string, bytes, a `URLSearchParams`, or any other value, which is sent as JSON. The header
     * `content-type` says which, unless `headers` have one. None if it is `null`.
     */
    body?: unknown;
    /** A body that is sent as JSON whatever it is, also a string or `null`. */
    json?: unknown;
    /** A body as HTML forms send it. */
    form?: Params | null;
    /** How long all of it may take, redirects and body included. Default: 30 s. */
    timeout?: Duration;
    /**
     * How many redirects are followed, from 0 to 20; one more is an {@link HttpError}. With 0, a redirect is an answer
     * like others. The headers `authorization` and `cookie` are not sent on to another server. Default: 10.
     */
    redirects?: number;
    /** The most bytes of the answer's body, after it is expanded. Default: 16 MiB. */
    maxBody?: number;
    /** Who asks. Outranks a user in the URL. */
    auth?: { user: string; password?: string } | { bearer: string } | null;
    /** What is made of the answer's body. Default: `"auto"`. */
    as?: As;
    /**
     * Ends the request, which then throws the signal's reason. While a call blocks, only the time of an
     * `AbortSignal.timeout` can do that.
     */
    signal?: AbortSignal | null;
  }

  /** A whole request, for {@link request}. */
  export interface HttpRequest<As extends ReadAs = ReadAs> extends HttpOptions<As> {
    /** Where to: an `http:` or `https:` URL. */
    url: string | URL;
    /** Default: `"GET"`, or `"POST"` if there is a body. */
    method?: string;
  }

  /** The headers of an answer. */
  export interface HttpHeaders {
    "set-cookie"?: string[];
    "cache-control"?: string;
    "content-length"?: string;
    "content-type"?: string;
    date?: string;
    etag?: string;
    "last-modified"?: string;
    link?: string;
    location?: string;
    "retry-after"?: string;
    server?: string;
    "www-authenticate"?: string;
    [name: string]: string | string[] | undefined;
  }

  /** What a server answered. */
  export interface HttpResponse<As extends ReadAs = "auto"> {
    /** The status, for instance 404. */
    status: number;
    /** Whether the status is one of success, from 200 to 299. */
    ok: boolean;
    /** What the status means, for instance `"Not Found"`; empty for one that no standard knows. */
    statusText: string;
    /** Where the answer came from, after redirects; without user and password. */
    url: string;
    /**
     * The headers, by name in lower case. Several of one name are joined by `", "`, but those of `set-cookie` are an
     * array.
     */
    headers: HttpHeaders;
    /**
     * The body. Text is decoded as the server says, and as UTF-8 if it does not say; what does not fit the encoding
     * becomes U+FFFD.
     */
    body: As extends "bytes" ? Uint8Array : string;
    /**
     * The value of a body that is JSON: with `as: "json"` always (but `undefined` where there can be no body, as for
     * status 204), with `as: "auto"` if the server says that it is JSON and it can be read. `undefined` otherwise.
     * It counts towards the run's memory as any value does.
     */
    data: As extends "auto" | "json" ? any : undefined;
  }

  /**
   * Why there is no answer:
   *
   * - `"timeout"`: it took longer than the option `timeout`,
   * - `"dns"`: the server's name is not known,
   * - `"connect"`: the server cannot be reached, or refuses connections,
   * - `"tls"`: there is no secure connection, for instance because the server's certificate is not trusted,
   * - `"redirect"`: there were more redirects than the option `redirects`, or one to no http or https URL,
   * - `"body_too_large"`: the body is larger than the option `maxBody`, or than the memory that the run has left,
   * - `"json"`: the body is no JSON, with `as: "json"`,
   * - `"other"`: for instance, the connection broke.
   */
  export type HttpErrorCode =
    | "timeout"
    | "dns"
    | "connect"
    | "tls"
    | "redirect"
    | "body_too_large"
    | "json"
    | "other";

  /** There is no answer, or none of use. The message says why, and what to do. */
  export class HttpError extends Error {
    constructor(message?: string, details?: { url?: string; method?: string; code?: HttpErrorCode });
    /** Where it failed, without user and password: the URL of the request, or one that a redirect led to. */
    readonly url?: string;
    /** The method of the request. */
    readonly method?: string;
    /** What failed. */
    readonly code: HttpErrorCode;
  }

  /**
   * Makes a request and waits for the answer.
   *
   * @throws {HttpError} if there is none
   * @throws {TypeError} if an argument or option does not fit; nothing was sent then
   */
  export function request<As extends ReadAs = "auto">(options: HttpRequest<As>): HttpResponse<As>;
  export function request<As extends ReadAs = "auto">(
    url: string | URL,
    options?: HttpOptions<As> & { method?: string },
  ): HttpResponse<As>;

  /** Makes a GET request. Throws as {@link request} does. */
  export function get<As extends ReadAs = "auto">(
    url: string | URL,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;

  /** Makes a HEAD request: what GET would answer, without the body. Throws as {@link request} does. */
  export function head<As extends ReadAs = "auto">(
    url: string | URL,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;

  /**
   * Makes a DELETE request. Throws as {@link request} does.
   *
   * Also exported as `delete`, which `import` must give another name.
   */
  export function del<As extends ReadAs = "auto">(
    url: string | URL,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;
  export { del as delete };

  /**
   * Makes a POST request. Throws as {@link request} does.
   *
   * @param body As the option of that name.
   */
  export function post<As extends ReadAs = "auto">(
    url: string | URL,
    body?: unknown,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;

  /**
   * Makes a PUT request. Throws as {@link request} does.
   *
   * @param body As the option of that name.
   */
  export function put<As extends ReadAs = "auto">(
    url: string | URL,
    body?: unknown,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;

  /**
   * Makes a PATCH request. Throws as {@link request} does.
   *
   * @param body As the option of that name.
   */
  export function patch<As extends ReadAs = "auto">(
    url: string | URL,
    body?: unknown,
    options?: HttpOptions<As>,
  ): HttpResponse<As>;

  /**
   * The functions of this module for code that awaits: each gives a promise, and others go on meanwhile.
   *
   * ```js
   * const [one, two] = await Promise.all([http.promises.get(first), http.promises.get(second)]);
   * ```
   */
  export const promises: HttpPromises;

  /** See {@link promises}. */
  export interface HttpPromises {
    request<As extends ReadAs = "auto">(options: HttpRequest<As>): Promise<HttpResponse<As>>;
    request<As extends ReadAs = "auto">(
      url: string | URL,
      options?: HttpOptions<As> & { method?: string },
    ): Promise<HttpResponse<As>>;
    get<As extends ReadAs = "auto">(url: string | URL, options?: HttpOptions<As>): Promise<HttpResponse<As>>;
    head<As extends ReadAs = "auto">(url: string | URL, options?: HttpOptions<As>): Promise<HttpResponse<As>>;
    del<As extends ReadAs = "auto">(url: string | URL, options?: HttpOptions<As>): Promise<HttpResponse<As>>;
    delete<As extends ReadAs = "auto">(url: string | URL, options?: HttpOptions<As>): Promise<HttpResponse<As>>;
    post<As extends ReadAs = "auto">(
      url: string | URL,
      body?: unknown,
      options?: HttpOptions<As>,
    ): Promise<HttpResponse<As>>;
    put<As extends ReadAs = "auto">(
      url: string | URL,
      body?: unknown,
      options?: HttpOptions<As>,
    ): Promise<HttpResponse<As>>;
    patch<As extends ReadAs = "auto">(
      url: string | URL,
      body?: unknown,
      options?: HttpOptions<As>,
    ): Promise<HttpResponse<As>>;
  }

  const http: {
    promises: HttpPromises;
    request: typeof request;
    get: typeof get;
    head: typeof head;
    post: typeof post;
    put: typeof put;
    patch: typeof patch;
    del: typeof del;
    delete: typeof del;
    HttpError: typeof HttpError;
  };
  export default http;
}

interface ClaModules {
  "cla/http": typeof import("cla/http").default;
}
