//! `cla/http`, against real servers on this machine.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod support;

#[path = "support/server.rs"]
mod server;

use std::future::pending;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::{any, get};
use cla_runtime::{Limits, RunOptions, Script};
use flate2::Compression;
use flate2::write::GzEncoder;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use server::{Server, answer};
use support::{engine, run_script, run_with, value};
use tokio::sync::Notify;

/// Longer than anything here takes; only a test that fails waits for it.
const FOREVER: Duration = Duration::from_secs(60);

/// The value of a script that finds the module in `http` and the server's address in `base`.
#[track_caller]
fn with(server: &Server, script: &str) -> Value {
    value(&prelude(server, script))
}

fn prelude(server: &Server, script: &str) -> String {
    let base = server.url("");
    format!("const http = require('cla/http'), base = '{base}';\n{script}")
}

/// What an expression throws: name, code and message, with the server's address as `BASE`.
#[track_caller]
fn thrown_by(server: &Server, expression: &str) -> String {
    let script = format!(
        "let thrown = 'nothing';
         try {{ {expression} }} catch (error) {{
             thrown = [error.name, error.code].filter(Boolean).join(' ') + ': ' + error.message
         }}
         thrown"
    );
    let thrown = with(server, &script);
    thrown.as_str().unwrap().replace(&server.url(""), "BASE")
}

fn echo() -> Server {
    Server::start(Router::new())
}

/// A server that answers every request to `/` like this.
fn answering(make: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Server {
    Server::start(Router::new().route("/", any(move || async move { make() })))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_module_can_be_required_and_imported() {
    assert_eq!(
        value("const http = require('cla/http'); [Object.keys(http), http.del === http.delete]"),
        json!([
            [
                "request",
                "get",
                "post",
                "put",
                "patch",
                "del",
                "head",
                "delete",
                "promises",
                "HttpError"
            ],
            true
        ])
    );
    let script = Script::new(
        "test.mjs",
        "import http, { get, delete as remove } from 'cla/http';
         export default [http.get === get, http.delete === remove];",
    );
    let ran = run_script(&engine(), script, RunOptions::new());
    assert_eq!(ran.value, Ok(json!([true, true])));
}

#[test]
fn an_answer_has_status_headers_text_and_the_value_of_json() {
    let server = answering(|| {
        Response::builder()
            .status(201)
            .header("Content-Type", "application/problem+json; charset=utf-8")
            .header("X-One", "1")
            .header("X-Many", "a")
            .header("X-Many", "b")
            .header("Set-Cookie", "a=1")
            .header("Set-Cookie", "b=2")
            .header("__proto__", "polluted")
            .body(Body::from("{\"name\":\"é\"}"))
            .unwrap()
    });
    assert_eq!(
        with(
            &server,
            "const { headers, ...rest } = http.get(base + '/');
             [rest, Object.keys(rest), headers['x-one'], headers['x-many'], headers['set-cookie'],
              Object.getPrototypeOf(headers) === Object.prototype, Object.keys(headers).includes('__proto__')]"
        ),
        json!([
            {
                "status": 201, "ok": true, "statusText": "Created", "url": server.url("/"),
                "body": "{\"name\":\"é\"}", "data": { "name": "é" }
            },
            ["status", "ok", "statusText", "url", "body", "data"],
            "1", "a, b", ["a=1", "b=2"], true, true
        ])
    );
}

#[test]
fn any_status_is_an_answer() {
    for (status, ok, text) in [
        (200, true, "OK"),
        (404, false, "Not Found"),
        (500, false, "Internal Server Error"),
        (599, false, ""),
    ] {
        let server =
            answering(move || Response::builder().status(status).body("x".into()).unwrap());
        assert_eq!(
            with(
                &server,
                "const { status, ok, statusText, body, data } = http.get(base + '/');
                 [status, ok, statusText, body, data === undefined]"
            ),
            json!([status, ok, text, "x", true])
        );
    }
}

#[test]
fn each_function_has_its_method() {
    assert_eq!(
        with(
            &echo(),
            "const method = answer => answer.data.method;
             [http.get(base), http.post(base), http.put(base), http.patch(base), http.del(base), http.delete(base),
              http.request(base), http.request({ url: base }), http.request({ url: base, body: 1 }),
              http.request(base, { method: 'propfind' }), http.request({ url: base, method: 'GET', body: 'x' }),
              http.request(new URL(base))].map(method)"
        ),
        json!([
            "GET", "POST", "PUT", "PATCH", "DELETE", "DELETE", "GET", "GET", "POST", "PROPFIND",
            "GET", "GET"
        ])
    );
}

#[test]
fn head_has_headers_and_no_body() {
    let server = answering(|| answer("application/json", "[1, 2, 3]"));
    assert_eq!(
        with(
            &server,
            "const { headers, body, data } = http.head(base + '/', { as: 'json', maxBody: 1 });
             [headers['content-length'], body, data === undefined]"
        ),
        json!(["9", "", true])
    );
}

#[test]
fn a_body_is_sent_as_what_it_is() {
    let cases = [
        (
            "http.post(base, { a: [1, 'é'] })",
            "application/json",
            "{\"a\":[1,\"é\"]}",
        ),
        ("http.post(base, [])", "application/json", "[]"),
        ("http.post(base, 0)", "application/json", "0"),
        ("http.post(base, false)", "application/json", "false"),
        (
            "http.put(base, new Date(0))",
            "application/json",
            "\"1970-01-01T00:00:00.000Z\"",
        ),
        (
            "http.patch(base, 'text é')",
            "text/plain;charset=UTF-8",
            "text é",
        ),
        (
            "http.post(base, '\\ud800')",
            "text/plain;charset=UTF-8",
            "\u{fffd}",
        ),
        (
            "http.post(base, new Uint8Array([120, 65, 66, 121]).subarray(1, 3))",
            "application/octet-stream",
            "AB",
        ),
        (
            "http.post(base, new Uint8Array([65, 66]).buffer)",
            "application/octet-stream",
            "AB",
        ),
        (
            "http.post(base, new Uint8Array())",
            "application/octet-stream",
            "",
        ),
        (
            "http.post(base, new URLSearchParams('a=1&b=x y'))",
            "application/x-www-form-urlencoded",
            "a=1&b=x+y",
        ),
        (
            "http.post(base, 'a,b', { headers: { 'Content-Type': 'text/csv' } })",
            "text/csv",
            "a,b",
        ),
        (
            "http.post(base, { a: 1 }, { headers: { 'content-type': 'application/vnd.x+json' } })",
            "application/vnd.x+json",
            "{\"a\":1}",
        ),
        (
            "http.post(base, undefined, { json: 'text' })",
            "application/json",
            "\"text\"",
        ),
        (
            "http.post(base, null, { json: null })",
            "application/json",
            "null",
        ),
        (
            "http.request({ url: base, form: { a: 'x&y', b: [1, true, null], c: null, d: 'é' } })",
            "application/x-www-form-urlencoded",
            "a=x%26y&b=1&b=true&d=%C3%A9",
        ),
        (
            "http.del(base, { body: 'x' })",
            "text/plain;charset=UTF-8",
            "x",
        ),
    ];
    let server = echo();
    for (call, content_type, body) in cases {
        assert_eq!(
            with(
                &server,
                &format!(
                    "const {{ headers, body }} = {call}.data; [headers['content-type'], body]"
                )
            ),
            json!([content_type, body]),
            "{call}"
        );
    }
    assert_eq!(
        with(
            &server,
            "const { headers, body } = http.post(base, null).data;
             [headers['content-type'] === undefined, headers['content-length'], body]"
        ),
        json!([true, "0", ""])
    );
}

#[test]
fn a_query_is_added_to_the_url() {
    let server = echo();
    let cases = [
        (
            "'/a?x=1', { query: { y: 'ä &=?' } }",
            "/a?x=1&y=%C3%A4+%26%3D%3F",
        ),
        (
            "'/a', { query: { n: 1.5, b: false, list: [1, 'two', null, undefined], no: null, none: undefined } }",
            "/a?n=1.5&b=false&list=1&list=two",
        ),
        ("'/a', { query: {} }", "/a"),
        ("'/a', { query: { no: null } }", "/a"),
        ("'/a', { query: null }", "/a"),
        (
            "'/a', { query: new URLSearchParams('p=1&p=2') }",
            "/a?p=1&p=2",
        ),
        ("'/ü b#part'", "/%C3%BC%20b"),
    ];
    for (arguments, uri) in cases {
        assert_eq!(
            with(&server, &format!("http.get(base + {arguments}).data.uri")),
            json!(uri),
            "{arguments}"
        );
    }
}

#[test]
fn headers_are_sent() {
    assert_eq!(
        with(
            &echo(),
            "const { headers } = http.get(base, {
                 headers: { 'X-Text': 'a b', 'X-Number': 7, 'X-List': ['a', 1], 'X-None': null, Accept: 'text/html' }
             }).data;
             const agent = name => http.get(base, name).data.headers['user-agent'];
             [headers['x-text'], headers['x-number'], headers['x-list'], 'x-none' in headers, headers.accept,
              headers['accept-encoding'], agent().replace(/[0-9.]+$/, 'N'), agent({ headers: { 'User-Agent': 'me' } })]"
        ),
        json!(["a b", "7", "a|1", false, "text/html", "gzip", "cla/N", "me"])
    );
}

#[test]
fn a_login_is_sent_and_never_shown() {
    let server = echo();
    let base = server.url("").replace("http://", "http://me:s%20cret@");
    assert_eq!(
        with(
            &server,
            &format!(
                "const url = '{base}';
                 const by = (url, options) => http.get(url, options).data.headers.authorization;
                 [by(base, {{ auth: {{ user: 'me', password: 's cret' }} }}), by(base, {{ auth: {{ user: 'me' }} }}),
                  by(base, {{ auth: {{ bearer: 'abc' }} }}), by(url), by(url, {{ auth: {{ bearer: 'abc' }} }}),
                  by(url, {{ headers: {{ authorization: 'X' }} }}), http.get(url).url]"
            )
        ),
        json!([
            "Basic bWU6cyBjcmV0",
            "Basic bWU6",
            "Bearer abc",
            "Basic bWU6cyBjcmV0",
            "Bearer abc",
            "X",
            server.url("/")
        ])
    );
    let messages = with(
        &server,
        "const messages = [];
         for (const url of ['http://me:s%20cret@127.0.0.1:1/', 'http://me:s%20cret@ho st/', 'http://me:s%20/cret@[/',
                            'ftp://me:s%20cret@x/']) {
             try { http.get(url) } catch (error) { messages.push(error.message, error.url ?? '', error.stack) }
         }
         for (const auth of [{ bearer: 'se\\ncret' }, { password: 'secret' }, { user: 7, password: 'secret' },
                             { user: 'a:secret' }, { bearer: { secret: 1 } }]) {
             try { http.get(base, { auth }) } catch (error) { messages.push(error.message) }
         }
         messages",
    );
    let messages = messages.as_array().unwrap();
    assert_eq!(messages.len(), 4 * 3 + 5);
    for message in messages {
        let message = message.as_str().unwrap();
        assert!(!message.contains("cret"), "{message}");
    }
}

/// A server that redirects `/N` to `/N-1`, down to `/0`, and by number to another server.
fn redirecting() -> Server {
    let to = |status: u16, location: String| {
        Response::builder()
            .status(status)
            .header("location", location)
            .body(Body::from("elsewhere"))
            .unwrap()
    };
    let count = move |axum::extract::Path(count): axum::extract::Path<u32>| async move {
        to(302, format!("/hop/{}", count - 1))
    };
    let by_status = move |axum::extract::Path(status): axum::extract::Path<u16>| async move {
        to(status, "/landed".to_owned())
    };
    let away = move |query: axum::extract::RawQuery| async move { to(302, query.0.unwrap()) };
    let zero = || async { answer("text/plain", "landed") };
    Server::start(
        Router::new()
            .route("/hop/0", get(zero))
            .route("/hop/{count}", get(count))
            .route("/status/{status}", any(by_status))
            .route("/away", any(away)),
    )
}

#[test]
fn redirects_are_followed_up_to_a_limit() {
    let server = redirecting();
    assert_eq!(
        with(
            &server,
            "const { status, body, url } = http.get(base + '/hop/10');
             const none = http.get(base + '/hop/1', { redirects: 0 });
             [status, body, url, http.get(base + '/hop/20', { redirects: 20 }).body,
              none.status, none.headers.location, none.body]"
        ),
        json!([
            200,
            "landed",
            server.url("/hop/0"),
            "landed",
            302,
            "/hop/0",
            "elsewhere"
        ])
    );
    assert_eq!(
        thrown_by(&server, "http.get(base + '/hop/4', { redirects: 3 })"),
        "HttpError redirect: http.get: BASE/hop/1: more than 3 redirects; the option redirects can allow up to 20"
    );
    assert_eq!(
        thrown_by(&server, "http.get(base + '/away?ftp://example.com/')"),
        "HttpError redirect: http.get: ftp://example.com/: redirected to what is no http or https URL"
    );
}

#[test]
fn redirects_keep_method_and_body_where_the_status_says_so() {
    let server = redirecting();
    let by = |status: u16| {
        let call = format!(
            "const {{ method, body, headers }} = http.post(base + '/status/{status}', 'x').data;
             [method, body, headers['content-type'] ?? null]"
        );
        with(&server, &call)
    };
    assert_eq!(by(302), json!(["GET", "", null]));
    assert_eq!(by(303), json!(["GET", "", null]));
    assert_eq!(by(307), json!(["POST", "x", "text/plain;charset=UTF-8"]));
    assert_eq!(by(308), json!(["POST", "x", "text/plain;charset=UTF-8"]));
}

#[test]
fn redirects_do_not_carry_secrets_to_another_server() {
    let (server, other) = (redirecting(), echo());
    let call = |target: &str| {
        format!(
            "const options = {{
                 auth: {{ bearer: 'secret' }}, headers: {{ cookie: 'secret=1', 'x-kept': 'yes' }}, query: {{}}
             }};
             const {{ headers }} = http.get(base + '/away?{target}', options).data;
             ['authorization', 'cookie', 'x-kept', 'referer'].map(name => headers[name] ?? null)"
        )
    };
    assert_eq!(
        with(&server, &call("/landed")),
        json!(["Bearer secret", "secret=1", "yes", null])
    );
    assert_eq!(
        with(&server, &call(&other.url("/landed"))),
        json!([null, null, "yes", null])
    );
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(Router::new().route("/", any(pending::<()>)));
    assert_eq!(
        thrown_by(&server, "http.get(base + '/', { timeout: '50ms' })"),
        "HttpError timeout: http.get: BASE/: no whole answer within 50ms; the option timeout can allow more"
    );
    assert_eq!(
        thrown_by(&server, "http.post(base + '/', null, { timeout: 0.05 })"),
        "HttpError timeout: http.post: BASE/: no whole answer within 50ms; the option timeout can allow more"
    );
}

/// A server that writes this to whoever asks, and then hangs up or falls silent.
fn raw(bytes: &'static [u8], close: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(bytes);
            if !close {
                open.push(stream);
            }
        }
    });
    format!("http://{address}/")
}

#[test]
fn the_timeout_is_for_the_body_too() {
    let url = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", false);
    let thrown = thrown_by(
        &echo(),
        &format!("http.get('{url}', {{ timeout: '50ms' }})"),
    );
    assert!(thrown.starts_with("HttpError timeout: "), "{thrown}");
}

#[test]
fn a_connection_that_breaks_is_an_error() {
    for half in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"nonsense\r\n\r\n",
    ] {
        let url = raw(half, true);
        let thrown = thrown_by(&echo(), &format!("http.get('{url}')"));
        assert!(
            thrown.starts_with(&format!("HttpError other: http.get: {url}: ")),
            "{thrown}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_told_from_others() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = echo();
    assert_eq!(
        thrown_by(&server, &format!("http.get('http://{nobody}/x')")),
        format!(
            "HttpError connect: http.get: http://{nobody}/x: cannot connect: connection refused"
        )
    );
    let thrown = thrown_by(&server, "http.get('http://nosuch.invalid/')");
    assert!(
        thrown.starts_with(
            "HttpError dns: http.get: http://nosuch.invalid/: cannot find the host nosuch.invalid: "
        ),
        "{thrown}"
    );
}

#[test]
fn errors_are_instances_of_a_class() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(
        value(&format!(
            "const http = require('cla/http');
             let error;
             try {{ http.put('http://{nobody}/', {{}}) }} catch (thrown) {{ error = thrown }}
             const own = new http.HttpError('mine', {{ url: 'u', code: 'timeout' }});
             [error instanceof http.HttpError, error instanceof Error, error.name, Object.entries(error),
              cla.lastError() === error.message, own.message, own.url, own.code, new http.HttpError().code]"
        )),
        json!([
            true,
            true,
            "HttpError",
            [["url", format!("http://{nobody}/")], ["method", "PUT"], ["code", "connect"]],
            true,
            "mine",
            "u",
            "timeout",
            "other"
        ])
    );
}

/// Tells when it is dropped.
struct Dropped(mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn cancelling_a_run_ends_its_request_at_once() {
    let (arrived, has_arrived) = mpsc::channel();
    let (gone, is_gone) = mpsc::channel();
    let handler = move || {
        arrived.send(()).unwrap();
        // The server drops what works on a request whose connection was closed.
        let guard = Dropped(gone.clone());
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    };
    let server = Server::start(Router::new().route("/", get(handler)));
    let engine = engine();
    let source = prelude(&server, "try { http.get(base + '/') } catch {} 'caught'");
    let run = engine.run(Script::new("test.js", source), RunOptions::new());
    has_arrived.recv_timeout(FOREVER).unwrap();
    run.cancel();
    let report = run.wait();
    assert!(!report.is_ok(), "{report:?}");
    is_gone.recv_timeout(FOREVER).unwrap();
}

#[test]
fn a_run_that_is_out_of_time_ends_its_request() {
    let server = Server::start(Router::new().route("/", get(pending::<()>)));
    let limits = Limits::default().timeout(Duration::from_millis(50));
    let source = prelude(&server, "http.get(base + '/', { timeout: '1h' })");
    let started = Instant::now();
    let ran = run_with(&engine(), &source, RunOptions::new().limits(limits));
    assert!(ran.value.is_err(), "{ran:?}");
    assert!(started.elapsed() < FOREVER);
}

#[test]
fn while_one_run_waits_for_its_answer_others_of_its_thread_go_on() {
    let released = Arc::new(Notify::new());
    let (arrived, has_arrived) = mpsc::channel();
    let wait = {
        let released = Arc::clone(&released);
        move || {
            arrived.send(()).unwrap();
            async move { released.notified().await }
        }
    };
    let release = move || async move { released.notify_one() };
    let routes = Router::new()
        .route("/wait", get(wait))
        .route("/release", get(release));
    let server = Server::start(routes);
    let engine = engine();
    let start = |path: &str| {
        let source = prelude(&server, &format!("http.get(base + '{path}').status"));
        engine.run(Script::new("test.js", source), RunOptions::new())
    };
    let first = start("/wait");
    has_arrived.recv_timeout(FOREVER).unwrap();
    // Only the second lets the first go on, and both are on the engine's one thread.
    assert_eq!(start("/release").wait().result.unwrap(), json!(200));
    assert_eq!(first.wait().result.unwrap(), json!(200));
}

#[test]
fn runs_of_a_thread_share_its_connections() {
    let server = echo();
    let engine = engine();
    let port = || {
        let source = prelude(&server, "http.get(base).data.port");
        run_with(&engine, &source, RunOptions::new()).value.unwrap()
    };
    assert_eq!(port(), port());
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let megabyte = || vec![b' '; 1024 * 1024];
    let sized = answering(move || answer("text/plain", megabyte()));
    let compressed = answering(move || {
        let mut response = answer("text/plain", gzip(&megabyte()));
        let headers = response.headers_mut();
        headers.insert("content-encoding", "gzip".parse().unwrap());
        response
    });
    for server in [sized, compressed] {
        assert_eq!(
            thrown_by(&server, "http.get(base + '/', { maxBody: 1048575 })"),
            "HttpError body_too_large: http.get: BASE/: the body is larger than 1048575 bytes; \
             the option maxBody can allow more"
        );
        assert_eq!(
            with(
                &server,
                "http.get(base + '/', { maxBody: 1048576 }).body.length"
            ),
            json!(1024 * 1024)
        );
    }
    let endless = raw(b"HTTP/1.1 200 OK\r\n\r\n0123456789", false);
    let thrown = thrown_by(&echo(), &format!("http.get('{endless}', {{ maxBody: 9 }})"));
    assert!(thrown.contains("larger than 9 bytes"), "{thrown}");
}

#[test]
fn a_body_beyond_the_runs_memory_is_an_error_that_can_be_caught() {
    let ascii = answering(|| answer("text/plain", vec![b'x'; 8 * 1024 * 1024]));
    let wide = answering(|| answer("text/plain", "€".repeat(1024 * 1024)));
    for (server, read_as) in [(&ascii, "text"), (&ascii, "bytes"), (&wide, "text")] {
        let source = prelude(
            server,
            &format!(
                "try {{ http.get(base + '/', {{ as: '{read_as}' }}); 'fits' }}
                 catch (error) {{ error.code + ': ' + error.message }}"
            ),
        );
        let limits = Limits::default().memory(4 * 1024 * 1024);
        let ran = run_with(&engine(), &source, RunOptions::new().limits(limits));
        let message = ran.value.unwrap();
        let message = message.as_str().unwrap();
        assert!(
            message.starts_with("body_too_large: ")
                && message.contains("does not fit the memory that the run has left"),
            "{message}"
        );
    }
    let source = prelude(&ascii, "http.get(base + '/', { as: 'bytes' }).body.length");
    let limits = Limits::default().memory(10 * 1024 * 1024);
    let ran = run_with(&engine(), &source, RunOptions::new().limits(limits));
    assert_eq!(ran.value, Ok(json!(8 * 1024 * 1024)));
    assert!(ran.memory > 8 * 1024 * 1024, "bytes count: {}", ran.memory);
}

#[test]
fn a_compressed_body_is_expanded() {
    let server = answering(|| {
        let mut response = answer("application/json", gzip(b"{\"a\":1}"));
        let headers = response.headers_mut();
        headers.insert("content-encoding", "gzip".parse().unwrap());
        response
    });
    assert_eq!(
        with(
            &server,
            "const { body, data } = http.get(base + '/'); [body, data]"
        ),
        json!(["{\"a\":1}", { "a": 1 }])
    );
}

#[test]
fn text_is_decoded_as_the_server_says() {
    let cases: [(&str, &[u8], &str); 8] = [
        ("text/plain", "é€".as_bytes(), "é€"),
        ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
        (
            "text/plain;format=flowed;Charset=\"windows-1252\"",
            b"\x80",
            "€",
        ),
        (
            "text/plain; charset=shift_jis",
            b"\x83\x65\x83\x58\x83\x67",
            "テスト",
        ),
        ("text/plain; charset=utf-16le", b"a\0b\0", "ab"),
        ("text/plain; charset=nonsense", "é".as_bytes(), "é"),
        ("text/plain", b"\xef\xbb\xbfbom", "bom"),
        ("text/plain", b"a\xffb", "a\u{fffd}b"),
    ];
    for (content_type, bytes, text) in cases {
        let server = answering(move || answer(content_type, bytes));
        assert_eq!(
            with(&server, "http.get(base + '/').body"),
            json!(text),
            "{content_type}"
        );
    }
    let server = answering(|| answer("application/json; charset=latin1", &b"\"\xe9\""[..]));
    assert_eq!(with(&server, "http.get(base + '/').data"), json!("é"));
}

#[test]
fn bytes_are_given_as_they_are() {
    let server = answering(|| answer("application/json", &b"\x00\xff\xfe\x80"[..]));
    assert_eq!(
        with(
            &server,
            "const { body, data } = http.get(base + '/', { as: 'bytes' });
             [body instanceof Uint8Array, [...body], data === undefined]"
        ),
        json!([true, [0, 255, 254, 128], true])
    );
}

#[test]
fn json_is_read_where_the_server_or_the_rule_says_so() {
    let read = |content_type: &'static str, body: &'static str, read_as: &str| {
        let server = answering(move || answer(content_type, body));
        let script = format!(
            "const {{ body, data }} = http.get(base + '/', {{ as: '{read_as}' }}); [body, data === undefined ? 'none' : data]"
        );
        with(&server, &script)
    };
    assert_eq!(read("text/plain", "[1]", "auto"), json!(["[1]", "none"]));
    assert_eq!(read("text/plain", "[1]", "json"), json!(["[1]", [1]]));
    assert_eq!(
        read("application/json", "[1]", "text"),
        json!(["[1]", "none"])
    );
    assert_eq!(
        read("application/json", "[1", "auto"),
        json!(["[1", "none"])
    );
    assert_eq!(read("Application/JSON", "[1]", "auto"), json!(["[1]", [1]]));
    assert_eq!(read("application/jsonl", "1", "auto"), json!(["1", "none"]));

    let server = answering(|| Response::builder().status(204).body(Body::empty()).unwrap());
    assert_eq!(
        with(
            &server,
            "http.get(base + '/', { as: 'json' }).data === undefined"
        ),
        json!(true)
    );
}

#[test]
fn what_should_be_json_and_is_not_is_an_error_that_says_where() {
    let server = answering(|| {
        let mut response = answer("text/html", "{\"a\": 1,\n<html>");
        *response.status_mut() = 502.try_into().unwrap();
        response
    });
    assert_eq!(
        thrown_by(&server, "http.get(base + '/', { as: 'json' })"),
        "HttpError json: http.get: BASE/: the body is no JSON: key must be a string at line 2, column 1 \
         (status 502, content-type text/html)"
    );
    let nested = answering(|| answer("application/json", "[".repeat(1_000_000)));
    for read_as in ["auto", "json"] {
        with(
            &nested,
            &format!("try {{ http.get(base + '/', {{ as: '{read_as}' }}) }} catch {{}} 'goes on'"),
        );
    }
}

#[test]
fn bad_arguments_are_named_before_anything_is_sent() {
    let cases = [
        (
            "get()",
            "http.get: the URL must be an http or https URL, not undefined",
        ),
        (
            "get({})",
            "http.get: the URL must be an http or https URL, not an object",
        ),
        (
            "get('example.com')",
            "http.get: the URL must be an http or https URL with its host, not \"example.com\" (relative URL without a base)",
        ),
        (
            "get('http://')",
            "http.get: the URL must be an http or https URL with its host, not \"http://\" (empty host)",
        ),
        (
            "get('file:///etc/passwd')",
            "http.get: the URL must begin with http:// or https://, not with file:",
        ),
        (
            "request()",
            "http.request: the URL must be an http or https URL, not undefined",
        ),
        ("request({})", "http.request: option url is missing"),
        (
            "request({ url: 7 })",
            "http.request: option url must be an http or https URL, not 7",
        ),
        (
            "request({ url: base }, {})",
            "http.request: the second argument must be left out when the first has the options, not an object",
        ),
        (
            "get(base, { url: base })",
            "http.get: the URL is given twice: as an argument and as option url",
        ),
        (
            "get(base, 5)",
            "http.get: options must be an object such as { timeout: \"5s\" }, not 5",
        ),
        (
            "get(base, () => 1)",
            "http.get: options must be an object such as { timeout: \"5s\" }, not a function",
        ),
        (
            "get(base, { timeot: 5 })",
            "http.get: unknown option \"timeot\"; did you mean timeout?",
        ),
        (
            "post(base, 1, { data: 5 })",
            "http.post: unknown option \"data\"; did you mean body?",
        ),
        (
            "get(base, { params: {} })",
            "http.get: unknown option \"params\"; did you mean query?",
        ),
        (
            "get(base, { zzz: 5 })",
            "http.get: unknown option \"zzz\"; there are url, method, headers, query, body, json, form, timeout, redirects, maxBody, auth, as",
        ),
        (
            "get(base, { method: 'POST' })",
            "http.get: option method is for http.request; this function has a method of its own",
        ),
        (
            "request(base, { method: 'GET IT' })",
            "http.request: option method must be a method such as \"GET\" or \"POST\", not \"GET IT\"",
        ),
        (
            "request(base, { method: 'connect' })",
            "http.request: option method must be a method such as \"GET\" or \"POST\", not \"connect\"",
        ),
        (
            "request(base, { method: 1 })",
            "http.request: option method must be a string, not 1",
        ),
        (
            "post(base, 1, { json: 2 })",
            "http.post: the second argument and json are both given; a request has one body",
        ),
        (
            "request({ url: base, form: {}, body: 'x' })",
            "http.request: form and body are both given; a request has one body",
        ),
        (
            "post(base, () => 1)",
            "http.post: the body must be a value that JSON has a word for, not a function",
        ),
        (
            "post(base, new Float32Array(2))",
            "http.post: the body must be a Uint8Array or an ArrayBuffer if it has bytes, not an object",
        ),
        (
            "const bytes = new Uint8Array(2); bytes.buffer.transfer(); http.post(base, bytes)",
            "the buffer was given away, and has no bytes any more",
        ),
        (
            "get(base, { query: 'a=1' })",
            "http.get: option query must be an object of names and values, not \"a=1\"",
        ),
        (
            "get(base, { query: { a: {} } })",
            "http.get: option query.a must be a string, a number, a boolean or an array of them, not an object",
        ),
        (
            "get(base, { form: { a: [[]] } })",
            "http.get: option form.a must be a string, a number, a boolean or an array of them, not an array",
        ),
        (
            "get(base, { headers: [] })",
            "http.get: option headers must be an object of names and values, not an array",
        ),
        (
            "get(base, { headers: { 'a b': 1 } })",
            "http.get: option headers: \"a b\" is not the name of a header",
        ),
        (
            "get(base, { headers: { X: 'a\\r\\nEvil: 1' } })",
            "http.get: option headers.x has a line break or another character that no header may have",
        ),
        (
            "get(base, { headers: { X: true } })",
            "http.get: option headers.x must be a string, a number or an array of them, not true",
        ),
        (
            "get(base, { headers: { 'Content-Length': 1 } })",
            "http.get: option headers: content-length cannot be set; it follows from the body",
        ),
        (
            "get(base, { timeout: 'soon' })",
            "http.get: option timeout must be a number of seconds or a duration such as \"250ms\", \"5m\" or \"1h30m\", not \"soon\"",
        ),
        (
            "get(base, { timeout: 0 })",
            "http.get: option timeout must be longer than nothing, as in \"5s\", not 0",
        ),
        (
            "get(base, { redirects: 21 })",
            "http.get: option redirects must be a whole number from 0 to 20, not 21",
        ),
        (
            "get(base, { redirects: true })",
            "http.get: option redirects must be a whole number from 0 to 20, not true",
        ),
        (
            "get(base, { maxBody: -1 })",
            "http.get: option maxBody must be a whole number of bytes, not -1",
        ),
        (
            "get(base, { maxBody: '1M' })",
            "http.get: option maxBody must be a whole number of bytes, not \"1M\"",
        ),
        (
            "get(base, { as: 'xml' })",
            "http.get: option as must be \"auto\", \"text\", \"json\" or \"bytes\", not \"xml\"",
        ),
        (
            "get(base, { auth: 'me' })",
            "http.get: option auth must be an object such as { user, password } or { bearer }, not \"me\"",
        ),
        (
            "get(base, { auth: {} })",
            "http.get: option auth must have either a user (and a password) or a bearer",
        ),
        (
            "get(base, { auth: { user: 'a', bearer: 'b' } })",
            "http.get: option auth must have either a user (and a password) or a bearer",
        ),
        (
            "get(base, { auth: { username: 'a' } })",
            "http.get: option auth: unknown option \"username\"; did you mean user?",
        ),
        (
            "get(base, { auth: { user: 'a:b' } })",
            "http.get: option auth.user must not have a colon, which is where its password begins",
        ),
        (
            "get(base, { auth: { bearer: 'a\\nb' } })",
            "http.get: option auth.bearer has a character that no header may have",
        ),
        (
            "get(base, { auth: { user: 'a' }, headers: { Authorization: 'x' } })",
            "http.get: option auth and a header authorization are both given",
        ),
        (
            "get(base, { headers: { Authorization: 'x' }, auth: { bearer: 'a' } })",
            "http.get: option auth and a header authorization are both given",
        ),
    ];
    let (asked, was_asked) = mpsc::channel();
    let server = answering(move || {
        asked.send(()).unwrap();
        answer("text/plain", "")
    });
    for (call, message) in cases {
        let call = if call.contains("http.") {
            call.to_owned()
        } else {
            format!("http.{call}")
        };
        assert_eq!(
            thrown_by(&server, &call),
            format!("TypeError: {message}"),
            "{call}"
        );
    }
    assert!(was_asked.try_recv().is_err());
}

#[test]
fn what_a_getter_throws_is_thrown_on() {
    assert_eq!(
        thrown_by(
            &echo(),
            "http.get(base, { get timeout() { throw new RangeError('mine') } })"
        ),
        "RangeError: mine"
    );
    assert_eq!(
        thrown_by(
            &echo(),
            "http.post(base, { toJSON() { throw new RangeError('mine') } })"
        ),
        "RangeError: mine"
    );
}

/// A server that speaks TLS with a certificate of its own making: its URL, and the certificate.
fn secure(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // Who does not trust us hangs up.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret");
            }
        }
    });
    (format!("https://localhost:{port}/"), made.cert.pem())
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (url, _) = secure("localhost");
    assert_eq!(
        thrown_by(&echo(), &format!("http.get('{url}')")),
        format!(
            "HttpError tls: http.get: {url}: no secure connection: the server's certificate was issued by nobody \
             whom this machine trusts; if you do, add the issuer to the system's certificates, or name a file that \
             has it in SSL_CERT_FILE"
        )
    );
}

/// Runs one of the ignored tests below in a process with another environment.
#[track_caller]
fn in_environment(test: &str, variables: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_certificate_that_the_system_trusts_is_taken_for_its_name_alone() {
    let (right, mut trusted) = secure("localhost");
    let (wrong, certificate) = secure("example.com");
    trusted.push_str(&certificate);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, trusted).unwrap();
    in_environment(
        "trusting",
        &[
            ("SSL_CERT_FILE", file.to_str().unwrap()),
            ("RIGHT", &right),
            ("WRONG", &wrong),
        ],
    );
}

#[test]
#[ignore = "run by a_certificate_that_the_system_trusts_is_taken_for_its_name_alone"]
fn trusting() {
    let [right, wrong] = ["RIGHT", "WRONG"].map(|name| std::env::var(name).unwrap());
    let server = echo();
    assert_eq!(
        with(&server, &format!("http.get('{right}').body")),
        json!("secret")
    );
    assert_eq!(
        thrown_by(&server, &format!("http.get('{wrong}')")),
        format!(
            "HttpError tls: http.get: {wrong}: no secure connection: the server's certificate is for another name"
        )
    );
}

#[test]
fn the_proxies_of_the_environment_are_used() {
    let proxy = echo();
    in_environment(
        "behind_a_proxy",
        &[
            ("http_proxy", &proxy.url("")),
            ("no_proxy", "127.0.0.1"),
            ("PROXY", &proxy.address().to_string()),
        ],
    );
}

#[test]
#[ignore = "run by the_proxies_of_the_environment_are_used"]
fn behind_a_proxy() {
    let server = echo();
    let uri = with(
        &server,
        "[http.get('http://nosuch.invalid/x').data.uri, http.get(base + '/x').data.uri]",
    );
    assert_eq!(uri, json!(["http://nosuch.invalid/x", "/x"]));
}

// ---- the op of rulebooks

/// Runs a rulebook that finds the server's address in `base`.
fn rulebook(server: &Server, text: &str) -> support::Ran {
    let options = RunOptions::new().stash(json!({"base": server.url("")}));
    run_script(&engine(), Script::new("book.yml", text), options)
}

#[test]
fn a_rulebook_makes_requests() {
    let server = echo();
    let ran = rulebook(
        &server,
        "do:
- answer = http: {url: '${base}/echo', method: PUT, query: {a: 1}, headers: {x-a: b}, json: {n: 2}}
- {http: '${base}/echo', register: plain}
- return: ['${answer.data.method}', '${answer.data.uri}', '${answer.data.body}', '${plain.status}']",
    );
    assert_eq!(ran.value, Ok(json!(["PUT", "/echo?a=1", "{\"n\":2}", 200])));
}

#[test]
fn an_answer_that_is_no_success_fails_the_op_unless_it_is_assigned() {
    let server = answering(|| {
        let mut busy = answer("text/plain", "busy");
        *busy.status_mut() = axum::http::StatusCode::SERVICE_UNAVAILABLE;
        busy
    });
    let ran = rulebook(&server, "do: [{http: '${base}/'}]");
    let error = ran.value.unwrap_err();
    assert!(error.contains("answered 503"), "{error}");
    let ran = rulebook(
        &server,
        "do: [{x = http: '${base}/'}, {return: '${x.status} ${x.body}'}]",
    );
    assert_eq!(ran.value, Ok(json!("503 busy")));
    // Asked again, as any op that fails may be.
    let ran = rulebook(
        &server,
        "do:
- try: [{http: '${base}/', on_error: {retry: 2}}]
  catch: [{return: '{{ error.message.includes(503) }}'}]",
    );
    assert_eq!(ran.value, Ok(json!(true)));
}

#[test]
fn the_time_limit_of_an_op_ends_its_request() {
    let server = Server::start(Router::new().route("/", any(pending::<Response<Body>>)));
    let ran = rulebook(&server, "do: [{timeout: 50ms, http: '${base}/'}]");
    let error = ran.value.unwrap_err();
    assert!(error.contains("took longer than its 50ms"), "{error}");
}

/// The value of a script that finds an agent in `ag` and the server's address in `base`.
#[track_caller]
fn by_agent(server: &Server, script: &str) -> Value {
    with(
        server,
        &format!("const web = require('cla/web'), ag = web.agent({{ timeout: 20 }});\n{script}"),
    )
}

#[test]
fn an_agent_sends_forms_headers_and_bodies_in_each_way_that_is_documented() {
    let server = echo();
    let value = by_agent(
        &server,
        "const show = (answer) => { const { method, uri, headers, body } = JSON.parse(answer.content());
             return [method, uri, headers['content-type'] ?? null, headers['x-a'] ?? null, body] };
         [show(ag.get(base + '/e')), show(ag.get(base + '/e?q=1', { a: 1, b: ['x', 'y z'] })), show(ag.post(base + '/e', { a: 1, b: ['x', 'y z'] })),
          show(ag.post(base + '/e', { a: 1 }, 'X_A', 'b', 'X-None', null)), show(ag.put(base + '/e', ['X-A', 1, 'Content-Type', 'application/json', 'Content', '{}'])),
          show(ag.post(base + '/e', ['Content', { f: 2 }])), show(ag.post(base + '/e', { headers: { 'X-A': 'h', content_type: 'text/x' }, content: 'raw' })),
          show(ag.request('patch', base + '/e', { content: 'x' })), show(ag.delete(base + '/e', { headers: { 'x-a': '2' } })), ag.head(base + '/e').content(),
          show(web.agent({ default_headers: { X_A: 'default' }, agent: 'me' }).get(base + '/e'))]",
    );
    let form = "application/x-www-form-urlencoded";
    let text = "text/plain;charset=UTF-8";
    assert_eq!(
        value,
        json!([
            ["GET", "/e", null, null, ""],
            ["GET", "/e?q=1&a=1&b=x&b=y+z", null, null, ""],
            ["POST", "/e", form, null, "a=1&b=x&b=y+z"],
            ["POST", "/e", form, "b", "a=1"],
            ["PUT", "/e", "application/json", "1", "{}"],
            ["POST", "/e", form, null, "f=2"],
            ["POST", "/e", "text/x", "h", "raw"],
            ["PATCH", "/e", text, null, "x"],
            ["DELETE", "/e", null, "2", ""],
            "",
            ["GET", "/e", null, "default", ""]
        ])
    );
}

fn with_status(status: u16, (name, value): (&str, &str), body: &'static str) -> Response<Body> {
    let answer = Response::builder().status(status).header(name, value);
    answer.body(Body::from(body)).unwrap()
}

#[test]
fn an_agent_gives_an_answer_for_each_status_and_for_none() {
    let routes = Router::new()
        .route(
            "/latin",
            get(|| async {
                Response::builder()
                    .header("content-type", "text/plain; charset=iso-8859-1")
                    .body(Body::from(vec![b'g', b'r', 0xfc, b'n']))
                    .unwrap()
            }),
        )
        .route(
            "/there",
            get(|| async { with_status(302, ("location", "/latin"), "") }),
        )
        .route(
            "/gone",
            any(|| async { with_status(410, ("x-one", "1"), "no more") }),
        );
    let server = Server::start(routes);
    let value = by_agent(
        &server,
        "const show = (answer) => [answer.code(), answer.message(), answer.isSuccess(), answer.isRedirect(), answer.isError(), answer.content()];
         const none = ag.get('http://127.0.0.1:1/');
         [show(ag.get(base + '/there')), show(ag.post(base + '/gone')), show(web.agent({ max_redirect: 0 }).get(base + '/there')),
          ag.get(base + '/latin').content(2), ag.get(base + '/gone').header('X-One'), ag.get(base + '/latin').bytes().length,
          none.code(), none.isSuccess(), /127.0.0.1:1/.test(none.message()), none.header('client-warning'), ag.get(base + '/there').url().slice(base.length)]",
    );
    assert_eq!(
        value,
        json!([
            [200, "OK", true, false, false, "grün"],
            [410, "Gone", false, false, true, "no more"],
            [302, "Found", false, true, false, ""],
            "gr",
            "1",
            4,
            500,
            false,
            true,
            "Internal response",
            "/latin"
        ])
    );
}

#[test]
fn mistakes_with_an_agent_are_told_before_anything_is_sent() {
    let server = echo();
    for (expression, expected) in [
        (
            "web.agent({ timeuot: 1 })",
            "TypeError: web.agent: unknown option \"timeuot\"; there are agent",
        ),
        (
            "web.agent({ ssl_opts: { verify_hostname: 0 } })",
            "TypeError: web.agent: certificates are always checked",
        ),
        (
            "web.agent({ verify_SSL: false })",
            "TypeError: web.agent: certificates are always checked",
        ),
        (
            "web.agent({ cookie_jar: {} })",
            "TypeError: web.agent: an agent keeps no cookies",
        ),
        (
            "web.agent(5)",
            "TypeError: web.agent: the options must be an object",
        ),
        (
            "ag.post(base, 'text')",
            "TypeError: agent.post: a form, or headers and content, are an object, not string",
        ),
        (
            "ag.post(base, {}, 'X')",
            "TypeError: agent.post: the header \"X\" has no value",
        ),
        (
            "ag.request('GET', base, { form: {} })",
            "TypeError: agent.request: unknown option \"form\"",
        ),
        (
            "ag.request(5, base)",
            "TypeError: agent.request: the method must be a string",
        ),
        (
            "web.agent({ protocols_allowed: ['https'] }).get(base)",
            "TypeError: agent.get: this agent may not use http:",
        ),
        (
            "ag.get(base).content(-1)",
            "TypeError: response.content: bytes",
        ),
        (
            "ag.get('ftp://x')",
            "TypeError: http.request: the URL must begin with http:// or https://",
        ),
    ] {
        let thrown = thrown_by(
            &server,
            &format!("const web = require('cla/web'), ag = web.agent(); {expression}"),
        );
        assert!(thrown.starts_with(expected), "{expression}: {thrown}");
    }
}
