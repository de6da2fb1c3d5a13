//! The web's names: events, signals to abort and what they end, `crypto`, and the table of them all.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod support;

#[path = "support/server.rs"]
mod server;

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::any;
use cla_runtime::RunOptions;
use serde_json::{Value, json};
use server::Server;
use support::{engine, run, run_with, value};
use tokio::sync::Barrier;

/// What an expression throws, or what its promise is rejected with.
#[track_caller]
fn thrown(expression: &str) -> Value {
    value(&format!(
        "(async () => {{
             try {{ await ({expression}); return 'nothing' }}
             catch (error) {{ return `${{error?.name}}: ${{error?.message ?? error}}` }}
         }})()"
    ))
}

#[test]
fn listeners_are_called_in_order_until_one_stops_the_event() {
    assert_eq!(
        value(
            "const target = new EventTarget(), seen = [];
             const once = () => seen.push('once');
             target.addEventListener('x', once, { once: true });
             target.addEventListener('x', once, { once: true });
             target.addEventListener('x', { handleEvent(event) { seen.push([this !== undefined, event.type, event.target === target, event.eventPhase]) } });
             target.addEventListener('x', (event) => { event.preventDefault(); event.stopImmediatePropagation() });
             target.addEventListener('x', () => seen.push('never'));
             const event = new Event('x', { cancelable: true });
             const first = target.dispatchEvent(event);
             const second = target.dispatchEvent(new Event('x'));
             [seen, first, second, event.defaultPrevented, event.isTrusted, event.currentTarget, event.timeStamp > 0]"
        ),
        json!([
            ["once", [true, "x", true, 2], [true, "x", true, 2]],
            false,
            true,
            true,
            false,
            null,
            true
        ])
    );
}

#[test]
fn a_listener_that_is_removed_or_whose_signal_is_aborted_is_not_called() {
    assert_eq!(
        value(
            "const target = new EventTarget(), seen = [], one = () => seen.push(1), control = new AbortController();
             target.addEventListener('x', one); target.removeEventListener('x', one);
             target.addEventListener('x', () => seen.push(2), { signal: control.signal });
             target.dispatchEvent(new CustomEvent('x', { detail: 5 }));
             control.abort();
             target.dispatchEvent(new CustomEvent('x'));
             [seen, new CustomEvent('x', { detail: 5 }).detail, String(target), String(new Event('a')), Event.name]"
        ),
        json!([[2], 5, "[object EventTarget]", "[object Event]", "Event"])
    );
}

#[test]
fn what_a_listener_throws_fails_the_run_and_stops_no_other_listener() {
    let ran = run("const target = new EventTarget();
         target.addEventListener('x', () => { throw new Error('broken') });
         target.addEventListener('x', () => print('second'));
         target.dispatchEvent(new Event('x')); print('after'); 1");
    assert_eq!(ran.stdout, "second\nafter\n");
    assert!(ran.value.unwrap_err().contains("broken"));
}

#[test]
fn a_signal_is_aborted_once_with_its_reason() {
    assert_eq!(
        value(
            "const control = new AbortController(), { signal } = control, seen = [];
             signal.onabort = function (event) { seen.push([event.type, event.isTrusted, this === signal]) };
             const before = [signal.aborted, signal.reason === undefined];
             control.abort('why'); control.abort('again');
             let thrown; try { signal.throwIfAborted() } catch (error) { thrown = error }
             const plain = AbortSignal.abort().reason;
             [before, signal.aborted, signal.reason, thrown, seen, plain.name, plain instanceof DOMException, signal instanceof EventTarget]"
        ),
        json!([
            [false, true],
            true,
            "why",
            "why",
            [["abort", true, true]],
            "AbortError",
            true,
            true
        ])
    );
    assert_eq!(
        thrown("new AbortSignal()"),
        "TypeError: Illegal constructor: AbortController and AbortSignal.timeout make signals"
    );
}

#[test]
fn any_follows_all_of_its_signals() {
    assert_eq!(
        value(
            "const a = new AbortController(), b = new AbortController();
             const any = AbortSignal.any([a.signal, AbortSignal.any([b.signal])]), seen = [];
             any.addEventListener('abort', () => seen.push(any.reason, b.signal.aborted));
             b.abort('b'); a.abort('a');
             // It is kept for its listener's sake alone.
             const c = new AbortController();
             AbortSignal.any([c.signal]).addEventListener('abort', () => seen.push('kept'));
             c.abort();
             [any.aborted, any.reason, seen, AbortSignal.any([]).aborted, AbortSignal.any([a.signal]).reason]"
        ),
        json!([true, "b", ["b", true, "kept"], false, "a"])
    );
    assert_eq!(
        thrown("AbortSignal.any([1])"),
        "TypeError: AbortSignal.any: each must be an AbortSignal"
    );
}

#[test]
fn a_time_limit_fires_by_itself_and_keeps_no_run_from_ending() {
    assert_eq!(
        value(
            "const signal = AbortSignal.timeout(20);
             new Promise((done) => signal.addEventListener('abort', () => done([signal.reason.name, signal.aborted])))"
        ),
        json!(["TimeoutError", true])
    );
    // A run that waited for this would never end.
    assert_eq!(value("AbortSignal.timeout(2 ** 40); 1"), json!(1));
    for bad in ["-1", "NaN", "'5'", "Infinity", "{}"] {
        let message = thrown(&format!("AbortSignal.timeout({bad})"));
        assert!(
            message.as_str().unwrap().starts_with(
                "TypeError: AbortSignal.timeout: the time must be a number of milliseconds"
            ),
            "{message}"
        );
    }
}

#[test]
fn a_blocking_wait_ends_with_its_signal_and_its_place_in_the_line_is_free() {
    assert_eq!(
        value(
            "const sem = require('cla/sem'), util = require('cla/util');
             sem.acquire('db', { ttl: 100 });
             const names = [];
             const attempt = (work) => { try { work(); names.push('none') } catch (error) { names.push(error.name ?? error) } };
             attempt(() => sem.acquire('db', { who: 'other', signal: AbortSignal.timeout(10) }));
             attempt(() => sem.take('db', { who: 'other', signal: AbortSignal.timeout(10) }, () => 1));
             attempt(() => sem.take('db', { signal: AbortSignal.abort('before') }, () => 1));
             attempt(() => sem.take('free', { signal: AbortSignal.timeout(10000) }, () => 1));
             attempt(() => util.sleep('1h', { signal: AbortSignal.timeout(10) }));
             attempt(() => util.sleep('1ms', { signal: undefined }));
             [names, sem.list().map((view) => [view.name, view.waiting])]"
        ),
        json!([
            ["TimeoutError", "TimeoutError", "before", "none", "TimeoutError", "none"],
            [["db", 0], ["free", 0]]
        ])
    );
    assert_eq!(
        thrown("require('cla/sem').acquire('db', { signal: {} })"),
        "TypeError: sem.acquire: option signal must be an AbortSignal, not an object"
    );
}

#[test]
fn async_code_of_one_run_waits_for_itself_without_blocking_it() {
    assert_eq!(
        value(
            "const sem = require('cla/sem'), order = [];
             const work = (name) => sem.take.async('db', async (permit) => {
                 order.push(`${name} in`, permit.held);
                 await new Promise((done) => setTimeout(done, 1));
                 order.push(`${name} out`);
                 return name;
             });
             Promise.all([work('a'), work('b'), work('c')]).then((names) => [names, order, sem.list()[0].busy])"
        ),
        json!([
            ["a", "b", "c"],
            ["a in", true, "a out", "b in", true, "b out", "c in", true, "c out"],
            0
        ])
    );
}

#[test]
fn an_asynchronous_wait_can_be_given_up_and_fails_like_a_blocking_one() {
    assert_eq!(
        value(
            "const sem = require('cla/sem');
             (async () => {
                 const permit = await sem.acquire.async('db'), seen = [];
                 const attempt = async (promise) => { try { await promise; seen.push('none') } catch (error) { seen.push(error.name ?? error) } };
                 const control = new AbortController();
                 const waiting = attempt(sem.take.async('db', { signal: control.signal }, () => 1));
                 seen.push(sem.list()[0].waiting);
                 control.abort('enough');
                 await waiting;
                 await attempt(sem.acquire.async('db', { timeout: 0.01 }));
                 await attempt(sem.acquire.async('db', { signal: AbortSignal.abort('before') }));
                 await attempt(sem.take.async('other', () => { throw new RangeError('x') }));
                 await attempt(sem.take.async('other', async () => { throw 'later' }));
                 const next = sem.acquire.async('db');
                 permit.release();
                 (await next).release();
                 return [seen, sem.list().map((view) => view.busy + view.waiting)];
             })()"
        ),
        json!([
            [1, "enough", "SemaphoreTimeoutError", "before", "RangeError", "later"],
            [0, 0]
        ])
    );
}

#[test]
fn a_run_that_blocks_for_its_own_async_code_is_told_the_way_out() {
    let around = |code: &str| {
        format!(
            "(async () => {{
                 const sem = require('cla/sem'), soon = () => new Promise((done) => setTimeout(done, 1));
                 {code}
             }})()"
        )
    };
    let deadlock = |code: &str| {
        let message = thrown(&around(code));
        let message = message.as_str().unwrap().to_owned();
        assert!(
            message.starts_with("SemaphoreDeadlockError"),
            "{code}: {message}"
        );
        message
    };
    let take = "if other async code of this rule gives a slot back, sem.take.async waits";
    let acquire = "if other async code of this rule gives a slot back, sem.acquire.async waits";
    // What waits without blocking ends well: the same code with `.async` does.
    for (code, advice) in [
        (
            "const work = async () => sem.take('db', async () => { await soon(); return 1 });
             return Promise.all([work(), work()])",
            take,
        ),
        (
            "const work = async () => sem.take('db', async () => { await null; return 1 });
             return Promise.all([work(), work()])",
            take,
        ),
        (
            "const work = async () => { using permit = sem.acquire('db'); await soon(); return 1 };
             return Promise.all([work(), work()])",
            acquire,
        ),
        (
            "const work = async () => { const permit = sem.acquire('db'); await null; permit.release(); return 1 };
             return Promise.all([work(), work()])",
            acquire,
        ),
        (
            "const holds = async () => { using permit = sem.acquire('db'); await soon(); return 1 };
             const takes = async () => sem.take('db', () => 1);
             return Promise.all([holds(), takes()])",
            take,
        ),
    ] {
        let message = deadlock(code);
        assert!(message.contains(advice), "{code}: {message}");
        let function = &advice[advice.find("sem.").unwrap()..advice.find(".async").unwrap()];
        let with_advice = code
            .replace("= sem.acquire(", "= await sem.acquire.async(")
            .replace("sem.take(", "sem.take.async(");
        assert!(with_advice.contains(&format!("{function}.async(")));
        assert_eq!(value(&around(&with_advice)), json!([1, 1]), "{with_advice}");
    }
    // There is no other code that could give a slot back.
    for code in [
        "sem.take('db', () => sem.take('db', () => 1))",
        "sem.acquire('db'); sem.acquire('db')",
        "await sem.take('db', async () => sem.take('db', () => 1))",
    ] {
        let message = deadlock(code);
        assert!(!message.contains(".async"), "{code}: {message}");
    }
}

#[test]
fn a_permit_is_given_back_at_the_end_of_its_block() {
    assert_eq!(
        value(
            "const sem = require('cla/sem'), busy = () => sem.list().reduce((sum, view) => sum + view.busy, 0), seen = [];
             { using permit = sem.acquire('db'); seen.push(busy(), permit.held) }
             seen.push(busy());
             try { using permit = sem.acquire('db'); throw 1 } catch { seen.push(busy()) }
             (async () => { { await using permit = await sem.acquire.async('db'); seen.push(busy()) } seen.push(busy()); return seen })()"
        ),
        json!([1, true, 0, 0, 1, 0])
    );
}

#[test]
fn runs_that_end_while_they_wait_leave_nothing_behind() {
    let engine = engine();
    let source = "const sem = require('cla/sem'); sem.acquire('held'); sem.acquire.async('held'); sem.take.async('held', () => 1);
         AbortSignal.timeout(1e9).addEventListener('abort', () => {}); throw new Error('end')";
    assert!(run_with(&engine, source, RunOptions::new()).value.is_err());
    let ran = run_with(
        &engine,
        "require('cla/sem').list().map((view) => view.busy + view.waiting)",
        RunOptions::new(),
    );
    assert!(
        ran.value == Ok(json!([0])) || ran.value == Ok(json!([])),
        "{ran:?}"
    );
}

/// A server whose `/together` answers when four requests are there, and whose `/never` does not answer.
fn meeting() -> Server {
    let barrier = Arc::new(Barrier::new(4));
    let together = any(move || {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
            Response::builder()
                .header("content-type", "application/json")
                .body(Body::from("{\"n\":1}"))
                .unwrap()
        }
    });
    let never = any(|| async { pending::<Response<Body>>().await });
    Server::start(
        Router::new()
            .route("/together", together)
            .route("/never", never),
    )
}

#[test]
fn requests_in_a_promise_all_are_under_way_at_once() {
    let server = meeting();
    let base = server.url("");
    assert_eq!(
        value(&format!(
            "const http = require('cla/http');
             Promise.all([1, 2, 3, 4].map(() => http.promises.get('{base}/together'))).then((all) => all.map(({{ data, status }}) => data.n + status))"
        )),
        json!([201, 201, 201, 201])
    );
}

#[test]
fn a_request_ends_with_its_signal() {
    let server = meeting();
    let base = server.url("");
    assert_eq!(
        thrown(&format!(
            "require('cla/http').get('{base}/never', {{ signal: AbortSignal.timeout(20) }})"
        )),
        "TimeoutError: The operation was aborted due to timeout"
    );
    assert_eq!(
        value(&format!(
            "const http = require('cla/http'), control = new AbortController();
             const waiting = http.promises.get('{base}/never', {{ signal: control.signal }});
             setTimeout(() => control.abort('enough'), 5);
             waiting.then(() => 'answered', (reason) => reason)"
        )),
        json!("enough")
    );
    assert_eq!(
        thrown(&format!(
            "require('cla/http').promises.get('{base}/never', {{ timeout: 0.02 }})"
        )),
        format!(
            "HttpError: http.get: {base}/never: no whole answer within 20ms; the option timeout can allow more"
        )
    );
    assert_eq!(
        thrown("require('cla/http').promises.get(5)"),
        "TypeError: http.get: the URL must be an http or https URL, not 5"
    );
}

#[test]
fn a_rule_that_breaks_the_built_in_classes_breaks_no_signal() {
    assert_eq!(
        value(
            "const log = [];
             Array.prototype.push = Array.prototype.forEach = Promise.prototype.then = Function.prototype.call = () => { throw new Error('broken') };
             globalThis.Promise = globalThis.DOMException = undefined;
             const control = new AbortController(), target = new EventTarget();
             target.addEventListener('x', () => { log[log.length] = 'x' });
             target.dispatchEvent(new Event('x'));
             AbortSignal.any([control.signal]).onabort = (event) => { log[log.length] = event.type };
             control.abort();
             [log, control.signal.reason.name]"
        ),
        json!([["x", "abort"], "AbortError"])
    );
}

#[test]
fn unfit_arguments_are_refused() {
    for (expression, message) in [
        ("new Event()", "TypeError: Event: the type is missing"),
        (
            "new Event('x', 5)",
            "TypeError: Event: the options must be an object",
        ),
        (
            "new EventTarget().addEventListener('x', 5)",
            "TypeError: addEventListener: the listener must be a function or an object with handleEvent",
        ),
        (
            "new EventTarget().addEventListener('x', () => 1, { signal: 1 })",
            "TypeError: addEventListener: option signal must be an AbortSignal",
        ),
        (
            "new EventTarget().dispatchEvent({})",
            "TypeError: dispatchEvent: the event must be an Event",
        ),
        (
            "new Event('x', { get bubbles() { throw new Error('getter') } })",
            "Error: getter",
        ),
    ] {
        assert_eq!(thrown(expression), message, "{expression}");
    }
    assert_eq!(
        value("const e = new Event('x'), t = new EventTarget(); let o = 'none';
               t.addEventListener('x', () => { try { t.dispatchEvent(e) } catch (error) { o = error.name } }); t.dispatchEvent(e); o"),
        json!("InvalidStateError")
    );
}

#[test]
fn names_that_are_not_there_are_still_not_there() {
    assert_eq!(
        thrown("nothingOfTheKind"),
        "ReferenceError: nothingOfTheKind is not defined"
    );
    assert_eq!(
        value(
            "[typeof nothing, 'AbortSignal' in globalThis, 'nothing' in globalThis, typeof AbortSignal, Symbol('Event') in globalThis,
              Object.getOwnPropertyDescriptor(globalThis, 'AbortSignal').enumerable, globalThis instanceof Object, typeof WebAssembly]"
        ),
        json!(["undefined", true, false, "function", false, false, true, "undefined"])
    );
    assert_eq!(
        value("var Event = 5; globalThis.EventTarget = 6; [Event, EventTarget]"),
        json!([5, 6])
    );
    assert_eq!(
        value("Object.freeze(globalThis); [typeof Event, Event === Event]"),
        json!(["function", true])
    );
}

#[test]
fn digests_signatures_and_sealed_data_are_what_the_standards_say() {
    assert_eq!(
        value(
            "(async () => {
                 const text = (string) => new TextEncoder().encode(string), hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
                 const digests = []; for (const name of ['sha-1', 'SHA-256', { name: 'SHA-384' }, 'SHA-512']) digests.push(hex(await crypto.subtle.digest(name, text('abc'))).slice(0, 16));
                 const mac = await crypto.subtle.importKey('raw', text('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']), said = text('what do ya want for nothing?');
                 const signature = await crypto.subtle.sign('HMAC', mac, said), made = await crypto.subtle.generateKey({ name: 'HMAC', hash: { name: 'SHA-512' } }, false, ['sign']);
                 const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']), iv = crypto.getRandomValues(new Uint8Array(12)), additionalData = text('with');
                 const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, text('secret'));
                 const opened = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, sealed);
                 const broken = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed).catch((error) => error.name);
                 const zero = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']);
                 const known = hex(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(12) }, zero, new Uint8Array(16)));
                 return [digests, hex(signature), await crypto.subtle.verify('HMAC', mac, signature, said), await crypto.subtle.verify('HMAC', mac, signature, text('other')), made.algorithm, made.usages, made.type,
                         new TextDecoder().decode(opened), broken, known, hex(await crypto.subtle.exportKey('raw', mac)), sealed.byteLength];
             })()"
        ),
        json!([
            ["a9993e364706816a", "ba7816bf8f01cfea", "cb00753f45a35e8b", "ddaf35a193617aba"],
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            true,
            false,
            { "name": "HMAC", "length": 1024, "hash": { "name": "SHA-512" } },
            ["sign"],
            "secret",
            "secret",
            "OperationError",
            "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf",
            "4a656665",
            22
        ])
    );
}

#[test]
fn random_values_fill_what_they_are_given() {
    assert_eq!(
        value(
            "const bytes = new Uint8Array(64), words = crypto.getRandomValues(new Uint32Array(bytes.buffer, 32, 4)), id = crypto.randomUUID();
             [bytes.slice(0, 32).every((byte) => byte === 0), words.some((word) => word !== 0), bytes.slice(48).every((byte) => byte === 0), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), id !== crypto.randomUUID()]"
        ),
        json!([true, true, true, true, true])
    );
}

#[test]
fn a_key_is_never_shown_and_unfit_uses_are_refused() {
    assert_eq!(
        value(
            "(async () => {
                 const key = await crypto.subtle.importKey('raw', new TextEncoder().encode('topsecret'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
                 const shown = [JSON.stringify(key), String(key), cla.sprintf('%s', key), require('cla/util').dumpYAML(key)].join();
                 return [shown.includes('topsecret'), Object.getOwnPropertyNames(key)];
             })()"
        ),
        json!([false, []])
    );
    let shown = run(
        "(async () => console.log(await crypto.subtle.importKey('raw', new TextEncoder().encode('topsecret'), 'AES-GCM', false, ['encrypt']).catch((e) => e.message)))()",
    );
    assert!(!shown.stdout.contains("topsecret"), "{shown:?}");
    for (expression, message) in [
        (
            "crypto.getRandomValues(new Float64Array(1))",
            "TypeMismatchError: getRandomValues: a typed array of whole numbers is needed",
        ),
        (
            "crypto.getRandomValues([])",
            "TypeMismatchError: getRandomValues: a typed array of whole numbers is needed",
        ),
        (
            "crypto.getRandomValues(new Uint8Array(65537))",
            "QuotaExceededError: getRandomValues: more than 65536 bytes at once",
        ),
        (
            "crypto.subtle.digest('MD5', new Uint8Array())",
            "NotSupportedError: there is no MD5 here: there are SHA-1, SHA-256, SHA-384, SHA-512, HMAC and AES-GCM",
        ),
        (
            "crypto.subtle.digest('SHA-1', 'text')",
            "TypeError: crypto.subtle: the data must be an ArrayBuffer or a view of one",
        ),
        (
            "crypto.subtle.digest()",
            "TypeError: crypto.subtle: the algorithm must be a name, or an object with one",
        ),
        (
            "crypto.subtle.importKey('jwk', {}, 'HMAC', true, ['sign'])",
            "NotSupportedError: a key can be imported as \"raw\" alone",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(5), 'AES-GCM', true, ['encrypt'])",
            "DataError: a key of AES-GCM must have 128 or 256 bits",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', true, ['sign'])",
            "SyntaxError: a key of AES-GCM is not for sign",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', true, [])",
            "SyntaxError: a key needs a usage",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']).then((key) => crypto.subtle.exportKey('raw', key))",
            "InvalidAccessError: the key is not extractable",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']).then((key) => crypto.subtle.sign('HMAC', key, new Uint8Array()))",
            "InvalidAccessError: the key is one of AES-GCM, not of HMAC",
        ),
        (
            "crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']).then((key) => crypto.subtle.encrypt({ name: 'AES-GCM', iv: new Uint8Array(5) }, key, new Uint8Array()))",
            "NotSupportedError: the iv of AES-GCM must have 12 bytes",
        ),
        (
            "crypto.subtle.sign('HMAC', {}, new Uint8Array())",
            "TypeError: crypto.subtle: the key must be a CryptoKey",
        ),
        (
            "crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 1e9 }, true, ['sign'])",
            "OperationError: the key's length must be from 8 to 65536 bits, in whole bytes",
        ),
        (
            "new CryptoKey()",
            "TypeError: Illegal constructor: crypto.subtle makes keys",
        ),
        ("new Crypto()", "TypeError: Illegal constructor"),
    ] {
        assert_eq!(thrown(expression), message, "{expression}");
    }
}

#[test]
fn a_weak_reference_leads_to_its_object_until_the_job_is_through() {
    assert_eq!(
        value(
            "const weak = new WeakRef({ a: 1 }), first = weak.deref()?.a, kept = {}, strong = new WeakRef(kept);
             new Promise((done) => setTimeout(() => setTimeout(() => done([first, weak.deref(), strong.deref() === kept, weak instanceof WeakRef, Object.prototype.toString.call(weak), WeakRef.name]), 1), 1))"
        ),
        json!([1, null, true, true, "[object WeakRef]", "WeakRef"])
    );
    assert_eq!(
        thrown("WeakRef({})"),
        "TypeError: WeakRef must be called with new"
    );
    assert_eq!(
        thrown("new WeakRef(5)").as_str().unwrap().split(':').next(),
        Some("TypeError")
    );
    assert_eq!(
        value("class Mine extends WeakRef {} new Mine({ b: 2 }).deref().b"),
        json!(2)
    );
}

#[test]
fn text_is_decoded_whole_and_in_pieces() {
    assert_eq!(
        value(
            "const bytes = new TextEncoder().encode('\\ufeffé€😀'), decoder = new TextDecoder();
             const whole = decoder.decode(bytes), kept = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).length;
             const first = decoder.decode(bytes.subarray(0, 4), { stream: true }), rest = decoder.decode(bytes.subarray(4)), bad = decoder.decode(new Uint8Array([97, 255]));
             [whole, kept, first + rest, bad, decoder.decode(), navigator.userAgent.startsWith('cla/')]"
        ),
        json!(["é€😀", 5, "é€😀", "a\u{fffd}", "", true])
    );
}

#[test]
fn marks_and_measures_are_kept_in_the_order_of_time() {
    assert_eq!(
        value(
            "const before = performance.now(), detail = { deep: [1] };
             const mark = performance.mark('a', { detail, startTime: 5 });
             performance.mark('late', { startTime: 50 });
             performance.mark('b', { startTime: 20 });
             performance.mark('a', { startTime: 10 });
             detail.deep[0] = 2;
             const show = (entry) => [entry.name, entry.entryType, entry.startTime, entry.duration];
             const measured = [performance.measure('ab', 'a', 'b'), performance.measure('from', { start: 'a', duration: 3 }),
                 performance.measure('to', { end: 'b', duration: 5, detail: 'x' }), performance.measure('both', { start: 1, end: 4 })].map(show);
             const names = () => performance.getEntries().map((entry) => entry.name).join(' ');
             const all = names(), byName = performance.getEntriesByName('a').length, byType = performance.getEntriesByType('measure').length;
             performance.clearMarks('a');
             const some = names();
             performance.clearMarks(); performance.clearMeasures('ab');
             const rest = names();
             performance.clearMeasures();
             const whole = performance.measure('whole');
             [mark.detail, measured, all, byName, byType, some, rest, whole.startTime, whole.duration >= before,
              performance instanceof Performance, performance instanceof EventTarget, mark instanceof PerformanceMark && mark instanceof PerformanceEntry,
              Object.prototype.toString.call(performance), JSON.stringify(performance) === JSON.stringify({ timeOrigin: performance.timeOrigin }),
              Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 60_000, performance.now() >= before, new PerformanceMark('m').name,
              performance.getEntriesByName('m').length, require('node:perf_hooks').performance === performance]"
        ),
        json!([
            {"deep": [1]},
            [["ab", "measure", 10, 10], ["from", "measure", 10, 3], ["to", "measure", 15, 5], ["both", "measure", 1, 3]],
            "both a a ab from to b late", 2, 4, "both ab from to b late", "both from to", 0, true,
            true, true, true, "[object Performance]", true, true, true, "m", 0, true
        ])
    );
    for (expression, message) in [
        (
            "performance.mark()",
            "TypeError: performance.mark: the name is missing",
        ),
        (
            "performance.mark('a', { startTime: -1 })",
            "TypeError: performance.mark: the time must not be negative",
        ),
        (
            "performance.mark('a', { startTime: 'x' })",
            "TypeError: performance.mark: the time must be a finite number of milliseconds",
        ),
        (
            "performance.mark('a', 5)",
            "TypeError: performance.mark: the options must be an object",
        ),
        (
            "performance.measure('a', 'none')",
            "SyntaxError: performance.measure: there is no mark \"none\"",
        ),
        (
            "performance.measure('a', { duration: 1 })",
            "TypeError: performance.measure: start or end is needed",
        ),
        (
            "performance.measure('a', { start: 1, end: 2, duration: 1 })",
            "TypeError: performance.measure: two of start, end and duration are enough",
        ),
        (
            "performance.measure('a', { start: 1 }, 'b')",
            "TypeError: performance.measure: either the options say the end, or the third argument",
        ),
        (
            "new Performance()",
            "TypeError: Illegal constructor: there is one, performance",
        ),
        (
            "new PerformanceMeasure()",
            "TypeError: Illegal constructor: performance.mark and performance.measure make entries",
        ),
    ] {
        assert_eq!(thrown(expression), message, "{expression}");
    }
    // It tells the time of the run's clock, whatever a rule makes of `Date`.
    assert_eq!(
        value(
            "const { now } = Date; Date.now = () => 0; const found = [performance.timeOrigin > 1e12, performance.now() < 1e9]; Date.now = now; found"
        ),
        json!([true, true])
    );
}

#[test]
fn ports_of_a_channel_send_each_other_copies() {
    assert_eq!(
        value(
            "(async () => {
                 const { port1, port2 } = new MessageChannel(), seen = [], sent = { n: 1, map: new Map([[1, 2]]) };
                 port1.postMessage(sent);
                 port1.postMessage('second');
                 sent.n = 2;
                 await null;
                 seen.push('nothing before it listens');
                 const heard = new Promise((done) => {
                     port2.onmessage = function (event) {
                         seen.push([event.type, event.data.n ?? event.data, event.data.map?.get(1) ?? 0, this === port2, event instanceof MessageEvent]);
                         if (event.data === 'second') done();
                     };
                 });
                 queueMicrotask(() => seen.push('micro'));
                 await heard;
                 const answered = new Promise((done) => port1.addEventListener('message', (event) => done(event.data), { once: true }));
                 port2.postMessage('answer');
                 port1.start();
                 seen.push(await answered);
                 const buffer = new ArrayBuffer(4);
                 port1.postMessage(buffer, [buffer]);
                 seen.push(buffer.byteLength);
                 port1.postMessage('before the end');
                 port1.close();
                 port1.postMessage('after');
                 await new Promise((done) => setTimeout(done, 5));
                 seen.push(port2 instanceof MessagePort, port2 instanceof EventTarget, port1.onmessage, new MessageEvent('x', { data: 5 }).data);
                 return seen;
             })()"
        ),
        json!([
            "nothing before it listens",
            "micro",
            ["message", 1, 2, true, true],
            ["message", "second", 0, true, true],
            "answer",
            0,
            ["message", [0, 0, 0, 0], 0, true, true],
            ["message", "before the end", 0, true, true],
            true,
            true,
            null,
            5
        ])
    );
    for (expression, message) in [
        (
            "new MessageChannel().port1.postMessage(() => 1)",
            "DataCloneError: ",
        ),
        (
            "new MessageChannel().port1.postMessage(new MessageChannel().port2)",
            "DataCloneError: ",
        ),
        (
            "new MessageChannel().port1.postMessage()",
            "TypeError: postMessage: the message is missing",
        ),
        (
            "new MessagePort()",
            "TypeError: Illegal constructor: new MessageChannel() makes ports",
        ),
    ] {
        let thrown = thrown(expression);
        let thrown = thrown.as_str().unwrap();
        assert!(thrown.starts_with(message), "{expression}: {thrown}");
    }
    // An open port keeps no run from ending.
    assert_eq!(
        value("const { port1 } = new MessageChannel(); port1.onmessage = () => 1; 'ends'"),
        json!("ends")
    );
}

/// The names of WinterTC's Minimum Common Web API, each with why it is not there, if it is not.
const WEB: &[(&str, &str)] = &[
    ("AbortController", ""),
    ("AbortSignal", ""),
    ("Blob", ""),
    ("ByteLengthQueuingStrategy", ""),
    ("CompressionStream", ""),
    ("CountQueuingStrategy", ""),
    ("Crypto", ""),
    ("CryptoKey", ""),
    ("CustomEvent", ""),
    ("DOMException", ""),
    ("DecompressionStream", ""),
    ("ErrorEvent", ""),
    ("Event", ""),
    ("EventTarget", ""),
    ("File", ""),
    ("FormData", ""),
    ("Headers", ""),
    ("MessageChannel", ""),
    ("MessageEvent", ""),
    ("MessagePort", ""),
    ("Performance", ""),
    (
        "PromiseRejectionEvent",
        "a rejection that is not handled fails the run",
    ),
    (
        "ReadableByteStreamController",
        "streams of bytes are read chunk by chunk",
    ),
    ("ReadableStream", ""),
    (
        "ReadableStreamBYOBReader",
        "streams of bytes are read chunk by chunk",
    ),
    (
        "ReadableStreamBYOBRequest",
        "streams of bytes are read chunk by chunk",
    ),
    ("ReadableStreamDefaultController", ""),
    ("ReadableStreamDefaultReader", ""),
    ("Request", ""),
    ("Response", ""),
    ("SubtleCrypto", ""),
    ("TextDecoder", ""),
    ("TextDecoderStream", ""),
    ("TextEncoder", ""),
    ("TextEncoderStream", ""),
    ("TransformStream", ""),
    ("TransformStreamDefaultController", ""),
    ("URL", ""),
    ("URLPattern", "not yet"),
    ("URLSearchParams", ""),
    ("WebAssembly", "code from data is not for rules"),
    ("WritableStream", ""),
    ("WritableStreamDefaultController", ""),
    ("WritableStreamDefaultWriter", ""),
    ("atob", ""),
    ("btoa", ""),
    ("clearInterval", ""),
    ("clearTimeout", ""),
    ("console", ""),
    ("crypto", ""),
    ("fetch", ""),
    ("globalThis", ""),
    ("navigator.userAgent", ""),
    ("onerror", "an error that is not caught fails the run"),
    (
        "onrejectionhandled",
        "a rejection that is not handled fails the run",
    ),
    (
        "onunhandledrejection",
        "a rejection that is not handled fails the run",
    ),
    ("performance.now", ""),
    ("performance.timeOrigin", ""),
    ("queueMicrotask", ""),
    ("reportError", ""),
    (
        "self",
        "programs take it for a browser's; there is `globalThis`",
    ),
    ("setInterval", ""),
    ("setTimeout", ""),
    ("structuredClone", ""),
];

#[test]
fn the_table_of_the_webs_names_is_what_a_rule_finds() {
    let names: Vec<_> = WEB.iter().map(|(name, _)| *name).collect();
    let source = format!(
        "{}.map((name) => name.split('.').reduce((object, part) => object?.[part], globalThis) !== undefined)",
        serde_json::to_string(&names).unwrap()
    );
    let there: Vec<bool> = serde_json::from_value(value(&source)).unwrap();
    let mut table = String::from("| name | there |\n| --- | --- |\n");
    for ((name, why), there) in WEB.iter().zip(&there) {
        assert_eq!(
            why.is_empty(),
            *there,
            "{name}: the list says something else"
        );
        let said = match there {
            true => "yes".to_owned(),
            false => format!("no: {why}"),
        };
        table.push_str(&format!("| `{name}` | {said} |\n"));
    }
    let count = there.iter().filter(|there| **there).count();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/web.md");
    let page = std::fs::read_to_string(file).unwrap();
    let said = format!("{count} of {} are there.\n\n{table}", WEB.len());
    assert!(page.contains(&said), "docs/web.md should have:\n\n{said}");
}
