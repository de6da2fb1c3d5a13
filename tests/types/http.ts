// cla/http

import http, {
  del,
  get,
  head,
  HttpError,
  patch,
  post,
  put,
  request,
  type HttpErrorCode,
  type HttpResponse,
} from "cla/http";
import { delete as remove } from "cla/http";
import { exactly, type IsAny, type Same, type True } from "./assert.ts";

const answer = get("https://example.com/servers", {
  query: { state: "up", page: 2, tags: ["a", 1, true], none: null },
  headers: { accept: "application/json", "x-tries": 3, "x-many": ["a", "b"] },
  timeout: "5s",
  redirects: 0,
  maxBody: 1024,
  auth: { user: "me", password: "secret" },
});
exactly<HttpResponse<"auto">>()(answer);
exactly<number>()(answer.status);
exactly<boolean>()(answer.ok);
exactly<string>()(answer.statusText);
exactly<string>()(answer.url);
exactly<string>()(answer.body);
exactly<string | undefined>()(answer.headers["content-type"]);
exactly<string[] | undefined>()(answer.headers["set-cookie"]);
type _ = True<Same<IsAny<typeof answer.data>, true>>;

exactly<Uint8Array>()(get("https://example.com/", { as: "bytes" }).body);
exactly<undefined>()(get("https://example.com/", { as: "text" }).data);
const names: string[] = http.get("https://example.com/", { as: "json" }).data;
exactly<Uint8Array>()(request({ url: new URL("https://example.com/"), as: "bytes" }).body);

post("https://example.com/deploys", { server: "web-1" }, { auth: { bearer: "abc" } });
post("https://example.com/deploys");
put("https://example.com/file", new Uint8Array([1, 2]));
patch("https://example.com/file", "text");
post("https://example.com/form", undefined, { form: new URLSearchParams("a=1") });
del("https://example.com/file");
remove("https://example.com/file", { timeout: 5 });
http.delete("https://example.com/file");
exactly<string>()(head("https://example.com/").body);
request("https://example.com/", { method: "PROPFIND" });

try {
  get("https://example.com/");
} catch (error) {
  if (error instanceof HttpError) {
    exactly<HttpErrorCode>()(error.code);
    exactly<string | undefined>()(error.url);
    // @ts-expect-error no such code
    if (error.code === "nonsense") error.message;
  }
}

// @ts-expect-error where to?
get();
// @ts-expect-error where to?
request({ method: "GET" });
// @ts-expect-error a function with a method of its own
get("https://example.com/", { method: "POST" });
// @ts-expect-error no such option
get("https://example.com/", { timeot: 5 });
// @ts-expect-error no such way to read
get("https://example.com/", { as: "xml" });
// @ts-expect-error either one
get("https://example.com/", { auth: { password: "secret" } });
// @ts-expect-error no value of a query
get("https://example.com/", { query: { a: {} } });
// @ts-expect-error no value of a header
get("https://example.com/", { headers: { a: true } });
// @ts-expect-error bytes, not text
get("https://example.com/", { as: "bytes" }).body.toUpperCase();
// @ts-expect-error options come after the body
post("https://example.com/", "text", "5s");
