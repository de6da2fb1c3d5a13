//! `fetch`, what it takes and gives, bodies and streams, against real servers on this machine.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

#[path = "support/server.rs"]
mod server;

use std::future::pending;
use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Response};
use axum::routing::any;
use cla_runtime::permissions::Permission;
use cla_runtime::{Limits, Permissions, RunOptions};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use serde_json::{Value, json};
use server::Server;
use support::{engine, printed, run_with, value};
use tokio::sync::Barrier;

/// A server for all of these tests.
fn server() -> Server {
    let barrier = Arc::new(Barrier::new(4));
    let together = move || {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            "met"
        }
    };
    let reply = |make: fn() -> axum::http::response::Builder, body: &'static [u8]| {
        any(move || async move { make().body(Body::from(body)).unwrap() })
    };
    let echo = |method: Method, headers: HeaderMap, body: Bytes| async move {
        let header = |name: &str| {
            headers
                .get(name)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let sent = json!({
            "method": method.as_str(), "type": header("content-type"), "x": header("x-one"), "length": header("content-length"),
            "body": String::from_utf8_lossy(&body),
        });
        Response::new(Body::from(sent.to_string()))
    };
    let bomb = || async {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..64 {
            gzip.write_all(&zeros).unwrap();
        }
        let body = Body::from(gzip.finish().unwrap());
        Response::builder()
            .header("content-encoding", "gzip")
            .body(body)
            .unwrap()
    };
    let endless = || async {
        let chunks =
            stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65536])));
        Response::new(Body::from_stream(chunks))
    };
    let slow = || async {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from("first"))]);
        let rest = stream::once(pending());
        Response::new(Body::from_stream(futures_util::StreamExt::chain(
            first, rest,
        )))
    };
    Server::start(
        Router::new()
            .route("/echo", any(echo))
            .route("/together", any(together))
            .route("/bomb", any(bomb))
            .route("/endless", any(endless))
            .route("/slow", any(slow))
            .route("/never", any(|| async { pending::<()>().await }))
            .route(
                "/json",
                reply(
                    || Response::builder().header("x-many", "b").header("x-many", "a").header("set-cookie", "k=1").header("set-cookie", "l=2"),
                    b"\xef\xbb\xbf{\"n\":[1,\"\xc3\xa9\"]}",
                ),
            )
            .route("/missing", reply(|| Response::builder().status(404), b"no"))
            .route("/empty", reply(|| Response::builder().status(204), b""))
            .route("/away", reply(|| Response::builder().status(302).header("location", "/json"), b"away"))
            .route("/round", reply(|| Response::builder().status(302).header("location", "/round"), b""))
            .route(
                "/form",
                reply(
                    || Response::builder().header("content-type", "multipart/form-data; boundary=x"),
                    b"--x\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\ncontent-disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\ncontent-type: text/plain\r\n\r\nhey\r\n--x--\r\n",
                ),
            ),
    )
}

/// The value of asynchronous code that finds the server's address in `base`.
#[track_caller]
fn with(server: &Server, code: &str) -> Value {
    value(&in_async(server, code))
}

fn in_async(server: &Server, code: &str) -> String {
    let base = server.url("");
    format!("(async () => {{ const base = '{base}'; {code} }})()")
}

/// What an expression or its promise fails with, with the server's address as `BASE`.
#[track_caller]
fn fails(server: &Server, expression: &str) -> String {
    let code = format!(
        "try {{ await ({expression}); return 'nothing' }} catch (error) {{ return `${{error?.name}}: ${{error?.message ?? error}}` }}"
    );
    let failed = with(server, &code);
    failed.as_str().unwrap().replace(&server.url(""), "BASE")
}

#[test]
fn an_answer_has_status_headers_and_a_body_that_is_read_once() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "const answer = await fetch(base + '/json#part'), { headers } = answer, data = await answer.json();
             let again; try { await answer.text() } catch (error) { again = error.message }
             let fixed; try { headers.set('a', 'b') } catch (error) { fixed = error.name }
             return [answer.status, answer.ok, answer.statusText, answer.url.slice(base.length), answer.redirected, answer.type, data, answer.bodyUsed, again,
                     headers.get('X-Many'), headers.getSetCookie(), fixed, answer instanceof Response, String(answer)]"
        ),
        json!([
            200, true, "OK", "/json", false, "basic", { "n": [1, "é"] }, true, "the body was read already; clone() gives another to read",
            "b, a", ["k=1", "l=2"], "TypeError", true, "[object Response]"
        ])
    );
    assert_eq!(
        with(
            &server,
            "const one = await fetch(base + '/missing'), two = await fetch(base + '/empty'); return [one.ok, one.status, await one.text(), two.status, two.body, await two.text()]"
        ),
        json!([false, 404, "no", 204, null, ""])
    );
}

#[test]
fn a_body_comes_as_bytes_buffer_blob_form_and_chunks() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "const get = () => fetch(base + '/missing');
             const bytes = await (await get()).bytes(), buffer = await (await get()).arrayBuffer(), blob = await (await get()).blob();
             const form = await (await fetch(base + '/form')).formData(), file = form.get('f');
             let chunks = ''; const answer = await get();
             for await (const chunk of answer.body) chunks += new TextDecoder().decode(chunk);
             return [bytes instanceof Uint8Array, [...bytes], buffer instanceof ArrayBuffer, buffer.byteLength, blob.size, await blob.text(),
                     form.get('a'), file.name, file.type, await file.text(), file instanceof Blob, chunks, answer.bodyUsed]"
        ),
        json!([true, [110, 111], true, 2, 2, "no", "1", "n.txt", "text/plain", "hey", true, "no", true])
    );
}

#[test]
fn a_body_is_sent_as_what_it_is() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "const send = async (body, rest) => { const { method, type, body: text, length } = await (await fetch(base + '/echo', { method: 'post', body, ...rest })).json(); return [method, type, text, length] };
             const form = new FormData(); form.append('a', '1'); form.append('f', new File(['hey'], 'n\"1.txt', { type: 'text/html' }));
             const sent = await send(form);
             return [await send('é'), await send(new URLSearchParams({ a: 'b c' })), await send(new Uint8Array([104, 105])), await send(new DataView(new Uint8Array([120, 121, 122]).buffer, 1)),
                     await send(new Blob(['b'], { type: 'Text/X' })), await send(undefined), await send('x', { headers: { 'content-type': 'a/b', 'X-One': '1' } }),
                     await send(ReadableStream.from(['a', 'b'].map((text) => new TextEncoder().encode(text)))),
                     sent[1].startsWith('multipart/form-data; boundary=----cla'), sent[2].replaceAll(/----cla[0-9a-f]+/g, 'B')]"
        ),
        json!([
            ["POST", "text/plain;charset=UTF-8", "é", "2"],
            ["POST", "application/x-www-form-urlencoded;charset=UTF-8", "a=b+c", "5"],
            ["POST", null, "hi", "2"],
            ["POST", null, "yz", "2"],
            ["POST", "text/x", "b", "1"],
            ["POST", null, "", "0"],
            ["POST", "a/b", "x", "1"],
            ["POST", null, "ab", "2"],
            true,
            "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n%221.txt\"\r\nContent-Type: text/html\r\n\r\nhey\r\n--B--\r\n"
        ])
    );
}

#[test]
fn redirects_are_followed_shown_or_refused() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "const followed = await fetch(base + '/away'), shown = await fetch(base + '/away', { redirect: 'manual' });
             return [followed.redirected, followed.url.slice(base.length), shown.status, shown.headers.get('location'), await shown.text()]"
        ),
        json!([true, "/json", 302, "/json", "away"])
    );
    assert_eq!(
        fails(&server, "fetch(base + '/away', { redirect: 'error' })"),
        "TypeError: fetch: BASE/away: it redirects, and redirect is \"error\""
    );
    assert_eq!(
        fails(&server, "fetch(base + '/round')"),
        "TypeError: fetch: BASE/round: more than 20 redirects"
    );
}

#[test]
fn four_take_as_long_as_one() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "return (await Promise.all([1, 2, 3, 4].map(() => fetch(base + '/together').then((answer) => answer.text())))).join()"
        ),
        json!("met,met,met,met")
    );
}

#[test]
fn a_signal_ends_a_request_and_a_body() {
    let server = server();
    assert_eq!(
        fails(
            &server,
            "fetch(base + '/never', { signal: AbortSignal.timeout(20) })"
        ),
        "TimeoutError: The operation was aborted due to timeout"
    );
    assert_eq!(
        fails(
            &server,
            "fetch(base + '/json', { signal: AbortSignal.abort('before') })"
        ),
        "undefined: before"
    );
    assert_eq!(
        with(
            &server,
            "const control = new AbortController(), answer = await fetch(base + '/slow', { signal: control.signal });
             const reader = answer.body.getReader(), first = new TextDecoder().decode((await reader.read()).value);
             const second = reader.read(); control.abort('enough');
             return [first, await second.catch((reason) => reason)]"
        ),
        json!(["first", "enough"])
    );
    assert_eq!(
        with(
            &server,
            "const control = new AbortController(), request = new Request(base + '/slow', { signal: control.signal });
             const answer = await fetch(request); setTimeout(() => control.abort(), 1);
             return answer.text().catch((error) => [error.name, request.signal.aborted])"
        ),
        json!(["AbortError", true])
    );
}

#[test]
fn endless_bodies_and_bombs_stop_at_the_runs_memory() {
    let server = server();
    let engine = engine();
    for (path, read) in [("/endless", "text"), ("/bomb", "bytes"), ("/bomb", "blob")] {
        let code = format!(
            "try {{ await (await fetch(base + '{path}')).{read}(); return 'all' }} catch (error) {{ return error.name + ': ' + error.message }}"
        );
        let limits = Limits::default().memory(16 << 20);
        let ran = run_with(
            &engine,
            &in_async(&server, &code),
            RunOptions::new().limits(limits),
        );
        let message = ran.value.unwrap();
        let message = message.as_str().unwrap();
        assert!(message.starts_with("RangeError: fetch: "), "{message}");
        assert!(
            message.contains("the body does not fit the memory"),
            "{message}"
        );
    }
    // Read piece by piece, it has no end, and takes no memory.
    let code = "let seen = 0; for await (const chunk of (await fetch(base + '/endless')).body) { seen += chunk.length; if (seen > 64 << 20) break } return seen > 64 << 20";
    let limits = Limits::default().memory(16 << 20);
    let ran = run_with(
        &engine,
        &in_async(&server, code),
        RunOptions::new().limits(limits),
    );
    assert_eq!(ran.value, Ok(json!(true)));
}

#[test]
fn a_host_that_is_not_permitted_is_not_asked() {
    let server = server();
    let permissions = Permissions::none()
        .allow(Permission::Net, ["example.com"])
        .unwrap();
    let code = "try { await fetch(base + '/json') } catch (error) { return [error.name, error.permission] }";
    let ran = run_with(
        &engine(),
        &in_async(&server, code),
        RunOptions::new().permissions(permissions),
    );
    assert_eq!(ran.value, Ok(json!(["PermissionError", "net"])));
}

#[test]
fn what_cannot_be_reached_is_a_type_error_with_its_place() {
    let server = server();
    // Nobody listens on port 1.
    assert_eq!(
        fails(&server, "fetch('http://127.0.0.1:1/')"),
        "TypeError: fetch: http://127.0.0.1:1/: cannot connect: connection refused"
    );
    let ran = support::run("\n\nawait fetch('http://127.0.0.1:1/')");
    assert!(ran.value.unwrap_err().contains("cannot connect"));
    for (expression, message) in [
        ("fetch()", "TypeError: fetch: the URL is missing"),
        (
            "fetch('/x')",
            "TypeError: Invalid URL: \"/x\"; fetch needs one with its host",
        ),
        (
            "fetch('ftp://x')",
            "TypeError: fetch: the URL must begin with http:// or https://, not with ftp:",
        ),
        (
            "fetch('http://me:secret@x')",
            "TypeError: fetch: the URL must have no user and password; send the header authorization",
        ),
        (
            "fetch(base, { method: 'a b' })",
            "TypeError: Request: \"a b\" is no method that a request may have",
        ),
        (
            "fetch(base, { method: 'trace' })",
            "TypeError: Request: \"trace\" is no method that a request may have",
        ),
        (
            "fetch(base, { body: 'x' })",
            "TypeError: Request: a request with GET has no body",
        ),
        (
            "fetch(base, { redirect: 'x' })",
            "TypeError: Request: redirect must not be x",
        ),
        (
            "fetch(base, { signal: 1 })",
            "TypeError: Request: option signal must be an AbortSignal",
        ),
        (
            "fetch(base, { headers: { 'a b': '1' } })",
            "TypeError: \"a b\" is not the name of a header",
        ),
        (
            "fetch(base, { headers: { a: 'x\\ny' } })",
            "TypeError: a header's value has a line break or another character that no header may have",
        ),
        (
            "fetch(base, { headers: [['a']] })",
            "TypeError: Headers: each must be a pair of name and value",
        ),
        (
            "fetch(base, { get method() { throw new Error('getter') } })",
            "Error: getter",
        ),
        (
            "fetch({ toString() { throw new Error('text') } })",
            "Error: text",
        ),
        (
            "new Response('x', { status: 204 })",
            "TypeError: Response: one with status 204 has no body",
        ),
        (
            "new Response('', { status: 99 })",
            "RangeError: Response: the status must be from 200 to 599",
        ),
        (
            "new Response('{').json()",
            "SyntaxError: the body is no JSON: EOF while parsing an object at line 1, column 1",
        ),
        (
            "new Response('x').formData()",
            "TypeError: formData: the header content-type names no form",
        ),
        (
            "new FormData().append('a')",
            "TypeError: FormData.append: a name and a value are needed",
        ),
        ("new Blob(5)", "TypeError: Blob: the parts must be an array"),
        (
            "new ReadableStream(5)",
            "TypeError: ReadableStream: the source must be an object",
        ),
        (
            "new ReadableStream({ start: 5 })",
            "TypeError: start must be a function",
        ),
        (
            "new CompressionStream('zip')",
            "TypeError: CompressionStream: the format must be \"gzip\", \"deflate\" or \"deflate-raw\"",
        ),
        (
            "new TextDecoderStream('klingon')",
            "RangeError: The encoding \"klingon\" is not supported",
        ),
    ] {
        assert_eq!(fails(&server, expression), message, "{expression}");
    }
}

#[test]
fn headers_are_a_list_by_name() {
    assert_eq!(
        value(
            "const headers = new Headers([['B', ' 2 '], ['a', '1'], ['b', '3'], ['Set-Cookie', 'x'], ['set-cookie', 'y']]);
             headers.append('c', '4'); headers.set('A', '0'); headers.delete('C');
             const other = new Headers(headers); other.set('z', 5);
             const seen = []; headers.forEach((value, name, self) => seen.push(name + value, self === headers));
             [[...headers], headers.get('b'), headers.get('none'), headers.has('A'), [...other.keys()], [...new Headers({ x: '1' }).values()], seen.length, headers.has('z'), String(headers)]"
        ),
        json!([
            [["a", "0"], ["b", "2, 3"], ["set-cookie", "x"], ["set-cookie", "y"]],
            "2, 3",
            null,
            true,
            ["a", "b", "set-cookie", "set-cookie", "z"],
            ["1"],
            8,
            false,
            "[object Headers]"
        ])
    );
}

#[test]
fn requests_and_responses_are_made_and_cloned() {
    assert_eq!(
        value(
            "(async () => {
                 const request = new Request('http://x/a', { method: 'put', body: 'text', headers: { a: 'b' } }), copy = request.clone(), moved = new Request(request, { headers: { c: 'd' } });
                 const response = Response.json({ a: 1 }, { status: 201 }), twin = response.clone(), away = Response.redirect('http://x/', 301);
                 const streamed = new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array([97])); c.close() } })), second = streamed.clone();
                 return [request.method, request.url, await copy.text(), request.bodyUsed, await moved.text(), moved.headers.get('a'), moved.headers.get('c'), request.signal.aborted,
                         response.status, response.headers.get('content-type'), await response.json(), await twin.text(), away.status, away.headers.get('location'), Response.error().type,
                         await streamed.text(), await second.text(), new Response().body, await new Response().text()];
             })()"
        ),
        json!([
            "PUT", "http://x/a", "text", true, "text", null, "d", false, 201, "application/json", { "a": 1 }, "{\"a\":1}", 301, "http://x/", "error", "a", "a", null, ""
        ])
    );
}

#[test]
fn blobs_and_forms_keep_what_they_were_given() {
    assert_eq!(
        value(
            "(async () => {
                 const given = new Uint8Array([98, 99]), blob = new Blob(['aé', given.buffer, new Blob(['d'])], { type: 'TEXT/plain' }); given[0] = 0;
                 const file = new File([blob], 'f', { lastModified: 5 }), form = new FormData();
                 form.append('a', 1); form.append('a', 2); form.append('b', blob); form.set('a', 3); form.append('c', 'x'); form.delete('c');
                 let text = ''; for await (const chunk of blob.stream()) text += new TextDecoder().decode(chunk);
                 return [blob.size, blob.type, await blob.text(), await blob.slice(-1).text(), await blob.slice(0, 1, 'x/y').text(), text, file.name, file.lastModified, file.size,
                         form.getAll('a'), form.get('b').name, form.has('c'), form.get('none'), [...form.keys()], (await blob.arrayBuffer()).byteLength, [...await new Blob(['a']).bytes()]];
             })()"
        ),
        json!([6, "text/plain", "aébcd", "d", "a", "aébcd", "f", 5, 6, ["3"], "blob", false, null, ["a", "b"], 6, [97]])
    );
}

#[test]
fn streams_pull_when_they_are_read_and_stop_when_they_are_cancelled() {
    assert_eq!(
        value(
            "(async () => {
                 const seen = []; let n = 0;
                 const stream = new ReadableStream({ pull(c) { c.enqueue(++n); if (n === 3) c.close() }, cancel(reason) { seen.push(reason) } }, { highWaterMark: 0 });
                 const all = []; for await (const value of stream) all.push(value);
                 const stopped = new ReadableStream({ pull(c) { c.enqueue(1) }, cancel(reason) { seen.push(['cancel', reason]) } });
                 for await (const value of stopped) break;
                 const [a, b] = ReadableStream.from([1, 2]).tee(), left = [], right = [];
                 for await (const value of a) left.push(value); for await (const value of b) right.push(value);
                 const broken = new ReadableStream({ start(c) { c.error(new Error('x')) } });
                 let failed; try { for await (const value of broken); } catch (error) { failed = error.message }
                 const locked = new ReadableStream(), reader = locked.getReader(); let twice; try { locked.getReader() } catch (error) { twice = error.name }
                 reader.releaseLock();
                 async function* numbers() { yield 1; yield 2 }
                 const from = []; for await (const value of ReadableStream.from(numbers())) from.push(value);
                 return [all, seen, left, right, failed, twice, locked.locked, from, n];
             })()"
        ),
        json!([[1, 2, 3], [["cancel", null]], [1, 2], [1, 2], "x", "TypeError", false, [1, 2], 3])
    );
}

#[test]
fn streams_are_piped_and_changed_on_the_way() {
    assert_eq!(
        value(
            "(async () => {
                 const got = [], sink = new WritableStream({ write(chunk) { got.push(chunk) }, close() { got.push('closed') }, abort(reason) { got.push(['aborted', reason]) } });
                 const double = new TransformStream({ start(c) { c.enqueue(0) }, transform(chunk, c) { c.enqueue(chunk); c.enqueue(chunk * 2) }, flush(c) { c.enqueue('end') } });
                 await ReadableStream.from([1, 2]).pipeThrough(double).pipeTo(sink);
                 const text = []; for await (const piece of ReadableStream.from(['é', 'x']).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream())) text.push(piece);
                 const squeezed = new Response(ReadableStream.from([new TextEncoder().encode('a'.repeat(10000))]).pipeThrough(new CompressionStream('gzip')));
                 const small = await squeezed.bytes(), back = await new Response(new Blob([small]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
                 let bad; try { await new Response(new Blob(['no gzip']).stream().pipeThrough(new DecompressionStream('gzip'))).text() } catch (error) { bad = error.name }
                 const failing = new WritableStream({ write() { throw new Error('full') } }); let full; try { await ReadableStream.from([1, 2, 3]).pipeTo(failing) } catch (error) { full = error.message }
                 const control = new AbortController(), aborted = []; setTimeout(() => control.abort('stop'), 1);
                 const other = new WritableStream({ abort(reason) { aborted.push(reason) } });
                 let why; try { await new ReadableStream({ cancel(reason) { aborted.push(reason) } }).pipeTo(other, { signal: control.signal }) } catch (error) { why = error }
                 const writer = new WritableStream({}, new CountQueuingStrategy({ highWaterMark: 2 })).getWriter(), sizes = [writer.desiredSize];
                 writer.write(1); sizes.push(writer.desiredSize); await writer.ready; await writer.close(); sizes.push(await writer.closed === undefined);
                 return [got, text, small.length < 100, back.length, bad, full, aborted, why, sizes];
             })()"
        ),
        json!([
            [0, 1, 2, 2, 4, "end", "closed"],
            ["é", "x"],
            true,
            10000,
            "TypeError",
            "full",
            ["stop", "stop"],
            "stop",
            [2, 1, true]
        ])
    );
}

#[test]
fn a_rule_that_breaks_the_built_in_classes_breaks_no_request() {
    let server = server();
    let base = server.url("");
    assert_eq!(
        printed(&format!(
            "const base = '{base}', bad = () => {{ throw new Error('broken') }};
             for (const [object, name] of [[Array.prototype, 'push'], [Array.prototype, 'shift'], [Promise.prototype, 'then'], [Function.prototype, 'call'],
                  [Uint8Array.prototype, 'set'], [String.prototype, 'toLowerCase'], [Map.prototype, 'get'], [Array.prototype, Symbol.iterator]])
                 object[name] = bad;
             globalThis.Promise = globalThis.Uint8Array = globalThis.ArrayBuffer = globalThis.JSON = globalThis.TextDecoder = undefined;
             (async () => {{
                 const form = new FormData(); form.append('a', 'b');
                 const answer = await fetch(base + '/echo', {{ method: 'POST', body: form, headers: {{ 'X-One': '1' }} }}), data = await answer.json();
                 const text = await new Response(new Response('x').body).text();
                 let chunks = 0; for await (const chunk of (await fetch(base + '/missing')).body) chunks += chunk.length;
                 print(data.x + data.method + text + chunks);
             }})(); 1"
        )),
        "1POSTx2\n"
    );
}

#[test]
fn a_body_that_nobody_reads_keeps_no_run_from_ending() {
    let server = server();
    assert_eq!(
        with(
            &server,
            "const answer = await fetch(base + '/endless'); answer.body.getReader(); await fetch(base + '/slow'); return answer.status"
        ),
        json!(200)
    );
    assert_eq!(
        printed("print(typeof fetch, fetch.name, fetch.length)"),
        "function fetch 2\n"
    );
}
