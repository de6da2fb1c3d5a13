//! Modules of the host: what their functions learn, throw, take and give.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;
#[path = "host_modules/passed.rs"]
mod passed;

use std::cell::Cell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::host::{Bytes, Call, Callback, HostClass, HostError};
use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, HostModule, Limits, Permissions, RunOptions, Script};
use common::report;
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a rule gives that imports everything of a module, `host`.
fn run(module: HostModule, rule: &str) -> Value {
    let engine = Engine::builder().workers(1).module(module).build();
    report(
        &engine,
        "rule.mjs",
        &format!("import * as host from 'host';\n{rule}"),
    )
    .result
    .unwrap_or_else(|error| panic!("{}", error.render(false)))
}

// ---- the call

#[test]
fn a_function_learns_which_run_calls_it() {
    let (sender, seen) = mpsc::channel();
    let later = sender.clone();
    let module = HostModule::new("host")
        .function_with("now", move |call: &Call, (): ()| {
            sender.send((call.run_id(), call.run_name().to_owned(), call.is_stopped()))?;
            Ok(())
        })
        .blocking_function_with("blocked", |call: Call, (): ()| async move {
            tokio::task::yield_now().await;
            Ok(call.run_name().to_owned())
        })
        .async_function_with("promised", move |call: Call, (): ()| {
            let later = later.clone();
            async move {
                tokio::task::yield_now().await;
                later.send((call.run_id(), call.run_name().to_owned(), call.is_stopped()))?;
                Ok(())
            }
        });
    let engine = Engine::builder().module(module).build();
    let rule = "
        import { now, blocked, promised } from 'host';
        now();
        await promised();
        export default blocked();";
    let report = report(&engine, "rule.mjs", rule);
    assert_eq!(report.result.unwrap(), "rule.mjs");
    for _ in 0..2 {
        assert_eq!(
            seen.recv().unwrap(),
            (report.id, "rule.mjs".to_owned(), false)
        );
    }
}

#[test]
fn what_the_run_may_not_is_a_permission_error_in_every_kind_of_function() {
    let read = |call: &Call, path: &str| {
        call.permitted(call.permissions().read(path.as_ref()))?;
        Ok("read")
    };
    let module = HostModule::new("host")
        .function_with("now", move |call, (path,): (String,)| read(call, &path))
        .blocking_function_with("blocked", move |call, (path,): (String,)| async move {
            read(&call, &path)
        })
        .async_function_with("promised", move |call, (path,): (String,)| async move {
            // `?` alone does it as well.
            call.permissions().read(path.as_ref())?;
            Ok("read")
        });
    let permissions = Permissions::none()
        .allow(Permission::Read, ["/usr"])
        .unwrap();
    let engine = Engine::builder()
        .permissions(permissions)
        .module(module)
        .build();
    let rule = "
        import * as host from 'host';
        const out = [];
        for (const name of ['now', 'blocked', 'promised']) {
            out.push(await host[name]('/usr'));
            try { await host[name]('/etc/passwd') }
            catch (e) { out.push([e.name, e.permission, e.resource, e.flag, e.message.includes('no read permission')]) }
        }
        export default out;";
    let denied = json!([
        "PermissionError",
        "read",
        "/etc/passwd",
        "--allow-read=/etc/passwd",
        true
    ]);
    assert_eq!(
        report(&engine, "rule.mjs", rule).result.unwrap(),
        json!(["read", denied, "read", denied, "read", denied])
    );
}

#[test]
fn a_task_of_the_host_sees_that_the_run_was_cancelled_and_that_it_is_over() {
    let (sender, seen) = mpsc::channel();
    let (started, start) = mpsc::channel();
    let module = HostModule::new("host").function_with("watch", move |call, (): ()| {
        let (call, sender, started) = (call.clone(), sender.clone(), started.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            started.send(call.is_stopped()).unwrap();
            runtime.block_on(call.stopped());
            sender.send(call.is_stopped()).unwrap();
        });
        Ok(())
    });
    let engine = Engine::builder().module(module).build();
    let endless = "require('host').watch(); await new Promise(done => setTimeout(done, 60_000))";
    let handle = engine.run(Script::javascript("endless", endless), RunOptions::new());
    assert!(!start.recv().unwrap());
    handle.canceller().cancel();
    assert!(seen.recv_timeout(Duration::from_secs(20)).unwrap());
    assert_eq!(handle.wait().result.unwrap_err().kind, ErrorKind::Cancelled);

    report(&engine, "short.js", "require('host').watch()")
        .result
        .unwrap();
    assert!(seen.recv_timeout(Duration::from_secs(20)).unwrap());
}

// ---- errors

#[test]
fn an_error_has_the_class_that_the_module_exports_with_code_and_details() {
    let fail = || {
        let error = HostError::new("there is no order 7").class("OrderError");
        error.code("E_GONE").details(json!({ "id": 7 }))
    };
    let module = HostModule::new("host")
        .error_class("OrderError")
        .function_with("now", move |_, (): ()| Err::<(), _>(fail()))
        .blocking_function_with(
            "blocked",
            move |_, (): ()| async move { Err::<(), _>(fail()) },
        )
        .async_function_with(
            "promised",
            move |_, (): ()| async move { Err::<(), _>(fail()) },
        );
    let rule = "
        const out = [];
        for (const name of ['now', 'blocked', 'promised']) {
            try { await host[name]() } catch (e) {
                const { OrderError } = host;
                out.push([e instanceof OrderError, e instanceof Error, e.name, e.message, e.code, e.details]);
            }
        }
        const own = new host.OrderError('mine', { code: 'E_OWN', cause: 1 });
        out.push([own instanceof host.OrderError, String(own), own.code, own.cause, host.OrderError.name]);
        export default out;";
    let seen = json!([true, true, "OrderError", "there is no order 7", "E_GONE", { "id": 7 }]);
    assert_eq!(
        run(module, rule),
        json!([
            seen,
            seen,
            seen,
            [true, "OrderError: mine", "E_OWN", 1, "OrderError"]
        ])
    );
}

#[test]
fn an_uncaught_error_tells_the_host_its_class_code_and_details() {
    let module = HostModule::new("host")
        .error_class("OrderError")
        .function_with("fail", |_, (): ()| {
            let error = HostError::new("x".repeat(600)).class("OrderError");
            Err::<(), _>(error.code("E_GONE").details(vec![1, 2]))
        });
    let engine = Engine::builder().module(module).build();
    let error = report(&engine, "rule.js", "\n  require('host').fail()")
        .result
        .unwrap_err();
    assert_eq!(error.name, "OrderError");
    assert_eq!(error.message, "x".repeat(600));
    assert_eq!(
        error.details,
        json!({ "code": "E_GONE", "details": [1, 2] })
    );
    assert_eq!(error.location.unwrap().line, 2);
}

#[test]
fn javascripts_own_classes_and_unknown_ones_are_thrown_too() {
    let module = HostModule::new("host").function_with("fail", |_, (class,): (String,)| {
        Err::<(), _>(HostError::new("no").class(class))
    });
    let rule = "
        globalThis.RangeError = class {};
        const seen = name => { try { host.fail(name) } catch (e) { return e } };
        const range = seen('RangeError');
        const other = seen('Bad\\nName');
        export default [
            seen('TypeError') instanceof TypeError, range.name, range instanceof Error,
            other instanceof Error, other.name, Object.keys(other),
        ];";
    assert_eq!(
        run(module, rule),
        json!([true, "RangeError", true, true, "Bad\nName", []])
    );
}

#[test]
fn a_rust_error_is_thrown_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot load the order")]
    struct LoadError(#[source] std::num::ParseIntError);

    let module = HostModule::new("host").function_with("load", |_, (id,): (String,)| {
        let id: u32 = id.parse().map_err(LoadError)?;
        Ok(id)
    });
    let rule = "
        let message; try { host.load('x') } catch (e) { message = e.message }
        export default [host.load('7'), message];";
    assert_eq!(
        run(module, rule),
        json!([7, "cannot load the order: invalid digit found in string"])
    );
}

#[test]
fn an_uncaught_rejection_shows_the_place_of_the_await() {
    let module = HostModule::new("host")
        .async_function("old", |(): ()| async { Err::<(), _>("old") })
        .async_function_with("new", |_, (): ()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err::<(), _>(HostError::new("new"))
        });
    let engine = Engine::builder().module(module).build();
    for name in ["old", "new"] {
        let rule = format!(
            "import * as host from 'host';\nconst promise = host['{name}']();\nawait\n    promise;"
        );
        let error = report(&engine, "rule.mjs", &rule).result.unwrap_err();
        assert_eq!(error.message, name);
        let place = error.location.unwrap();
        assert_eq!(place.file, "rule.mjs");
        assert!((3..=4).contains(&place.line), "{place:?}");
    }
}

// ---- arguments

#[test]
fn an_argument_that_does_not_fit_is_named_with_its_function() {
    #[derive(Deserialize)]
    #[allow(dead_code)] // only read
    struct Item {
        price: f64,
        tags: Vec<String>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Size {
        Small,
        Large,
    }

    let module = HostModule::new("host")
        .function("total", |(_, _): (String, f64)| Ok::<_, String>(()))
        .function("buy", |(_, _): (Item, Option<u8>)| Ok::<_, String>(()))
        .function("size", |(size,): (Size,)| {
            Ok::<_, String>(matches!(size, Size::Small | Size::Large))
        })
        .async_function_with("later", |_, (_,): (NonZeroU32,)| async { Ok(()) })
        .function_with("send", |_, (_,): (Bytes,)| Ok(()))
        .function_with("on", |_, (_, _): (Callback, Option<Callback>)| Ok(()))
        .class("Point", |class: HostClass<()>| {
            class
                .constructor(|_, (_,): (i32,)| Ok(()))
                .method("move", |(), _, (_,): (i32,)| Ok(()))
        });
    let rule = r"
        const item = { price: 1, tags: ['a'] };
        const cases = [
            () => host.total('a', 'b'), () => host.total('a'), () => host.total(1, 2), () => host.total('a', {}),
            () => host.buy({ ...item, price: true }), () => host.buy({ ...item, tags: ['a', 'b', 3] }),
            () => host.buy({ price: 1 }), () => host.buy(item, 300), () => host.buy(item, 1.5), () => host.buy([1]),
            () => host.size('medium'), () => host.later(0), () => host.send('text'), () => host.send([1, 999]),
            () => host.on('text'), () => host.on(() => 1, 5), () => host.on(), () => host.total(function named() {}, 1),
            () => new host.Point('a'), () => new host.Point(1).move(), () => host.Point(1),
            () => host.Point.prototype.move.call({}, 1),
        ];
        const out = [];
        for (const attempt of cases) {
            try { await attempt(); out.push('fits') }
            catch (e) { out.push(e instanceof TypeError ? e.message : String(e)) }
        }
        export default out;";
    assert_eq!(
        run(module, rule),
        json!([
            "total: argument 2 must be a number, not a string",
            "total: argument 2 is missing; it must be a number",
            "total: argument 1 must be a string, not 1",
            "total: argument 2 must be a number, not an object",
            "buy: argument 1.price must be a number, not true",
            "buy: argument 1.tags[2] must be a string, not 3",
            "buy: argument 1 lacks the property \"tags\"",
            "buy: argument 2 must be a whole number from 0 to 255, not 300",
            "buy: argument 2 must be a whole number from 0 to 255, not 1.5",
            "buy: argument 1 must be an object, not an array of 1",
            "size: argument 1 must be one of \"small\", \"large\", not \"medium\"",
            "later: argument 1 must be a nonzero u32, not 0",
            "send: argument 1 must be bytes (a Uint8Array), not a string",
            "send: argument 1[1] must be a whole number from 0 to 255, not 999",
            "on: argument 1 must be a function, not a string",
            "on: argument 2 must be a function, not 5",
            "on: argument 1 is missing; it must be a function",
            "total: argument 1 is the function named, which is no data",
            "Point: argument 1 must be a whole number from -2147483648 to 2147483647, not a string",
            "Point.move: argument 1 is missing; it must be a whole number from -2147483648 to 2147483647",
            "Point is a class: call it with new",
            "Point.move is called on what is no Point",
        ])
    );
}

#[test]
fn bytes_go_both_ways_as_uint8_arrays() {
    let module = HostModule::new("host")
        .function_with("reversed", |_, (bytes,): (Bytes,)| {
            let mut bytes = bytes;
            bytes.reverse();
            Ok(bytes)
        })
        .async_function_with(
            "parts",
            |_, (parts,): (HashMap<String, Bytes>,)| async move {
                Ok(parts.values().map(|part| part.len()).sum::<usize>())
            },
        );
    let rule = "
        const bytes = new Uint8Array([1, 2, 3, 255]);
        const turned = host.reversed(bytes);
        export default [
            turned instanceof Uint8Array, [...turned], [...host.reversed(bytes.subarray(1, 3))],
            [...host.reversed(bytes.buffer)], [...host.reversed(new DataView(bytes.buffer, 3))],
            [...host.reversed([1, 2])], host.reversed(new Uint8Array(1 << 20)).length,
            await host.parts({ a: bytes, b: new Uint8Array(7) }), [...bytes],
        ];";
    assert_eq!(
        run(module, rule),
        json!([
            true,
            [255, 3, 2, 1],
            [3, 2],
            [255, 3, 2, 1],
            [255],
            [2, 1],
            1 << 20,
            11,
            [1, 2, 3, 255]
        ])
    );
}

// ---- callbacks

/// A module whose function `on` hands over a callback.
fn with_callback() -> (HostModule, mpsc::Receiver<Callback>) {
    let (sender, callbacks) = mpsc::channel();
    let module = HostModule::new("host").function_with("on", move |_, args: (Callback, bool)| {
        let (callback, hold) = args;
        callback.hold(hold);
        sender.send(callback)?;
        Ok(())
    });
    (module, callbacks)
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

#[test]
fn a_held_callback_keeps_the_run_and_is_called_from_another_thread() {
    let (module, callbacks) = with_callback();
    let host = std::thread::spawn(move || {
        let callback = callbacks.recv().unwrap();
        let sum: u32 = block_on(callback.call((20, 1))).unwrap();
        let later: u32 = block_on(callback.call((sum, sum))).unwrap();
        let error = block_on(callback.call::<_, u32>(("a", Value::Null))).unwrap_err();
        let wrong = block_on(callback.call::<_, String>((1, 2))).unwrap_err();
        callback.hold(false);
        (later, error, wrong)
    });
    let rule = "
        host.on(async (a, b) => {
            if (b === null) throw Object.assign(new RangeError('no number'), { code: 'E_NULL' });
            await null;
            return a + b;
        }, true);
        export default new Promise(done => setTimeout(done, 0)).then(() => 'over');";
    assert_eq!(run(module, rule), "over");
    let (later, error, wrong) = host.join().unwrap();
    assert_eq!(later, 42);
    assert_eq!((error.name(), error.message()), ("RangeError", "no number"));
    assert_eq!(
        wrong.message(),
        "what the callback returned must be a string, not 3"
    );
}

#[test]
fn a_callback_that_is_not_held_does_not_keep_the_run_and_fails_clearly_afterwards() {
    let (module, callbacks) = with_callback();
    assert_eq!(
        run(module, "host.on(() => 1, false); export default 'over'"),
        "over"
    );
    let callback = callbacks.recv().unwrap();
    assert!(callback.is_over());
    let error = block_on(callback.call::<_, u32>(())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CallbackError: the run that this callback belongs to is over"
    );
    callback.hold(true);
}

#[test]
fn a_cancelled_run_ends_the_calls_that_wait() {
    let (module, callbacks) = with_callback();
    let engine = Engine::builder().workers(1).module(module).build();
    let rule = "require('host').on(() => new Promise(() => {}), true)";
    let handle = engine.run(Script::javascript("rule", rule), RunOptions::new());
    let callback = callbacks.recv().unwrap();
    let waiting = callback.call::<_, ()>(());
    handle.canceller().cancel();
    assert_eq!(handle.wait().result.unwrap_err().kind, ErrorKind::Cancelled);
    assert_eq!(block_on(waiting).unwrap_err().name(), "CallbackError");
}

#[test]
fn an_error_of_a_call_whose_answer_is_not_awaited_fails_the_run() {
    let (module, callbacks) = with_callback();
    let host = std::thread::spawn(move || {
        let callback = callbacks.recv().unwrap();
        drop(callback.call::<_, ()>(()));
    });
    let engine = Engine::builder().module(module).build();
    let rule = "require('host').on(() => { throw new Error('lost') }, true)";
    let error = report(&engine, "rule.js", rule).result.unwrap_err();
    assert_eq!(error.message, "lost");
    host.join().unwrap();
}

#[test]
fn an_async_function_calls_back_and_a_blocking_one_is_refused() {
    let module = HostModule::new("host")
        .async_function_with("map", |_, args: (Vec<u32>, Callback)| async move {
            let (items, callback) = args;
            let mut mapped = Vec::new();
            for item in items {
                mapped.push(callback.call::<_, u32>((item,)).await?);
            }
            Ok(mapped)
        })
        .blocking_function_with("blocked", |_, (callback,): (Callback,)| async move {
            callback.call::<_, u32>(()).await
        });
    let rule = "
        let refused; try { host.blocked(() => 1) } catch (e) { refused = e.message }
        export default [await host.map([1, 2, 3], n => n * n), refused];";
    assert_eq!(
        run(module, rule),
        json!([
            [1, 4, 9],
            "a blocking function cannot wait for a callback of the rule that it blocks; make it an async function"
        ])
    );
}

#[test]
fn a_callback_that_returns_a_promise_is_awaited_whatever_the_rule_has_overwritten() {
    let module = HostModule::new("host").async_function_with(
        "ask",
        |_, (callback,): (Callback,)| async move {
            Ok(callback
                .call::<_, u32>(())
                .await
                .map_or_else(|error| error.to_string(), |value| value.to_string()))
        },
    );
    let rule = "
        const called = [], { then } = Promise.prototype;
        Promise.prototype.then = function (...all) { called.push('then'); return Reflect.apply(then, this, all) };
        const work = async (fails) => { if (fails) throw new RangeError('too far'); return 7 };
        const note = (name) => ({ get() { called.push(name) } });
        const own = (fails) => Object.defineProperties(work(fails), { then: note('own'), constructor: note('constructor') });
        const answers = [];
        for (const callback of [() => work(false), () => work(true), () => own(false), () => own(true)])
            answers.push(await host.ask(callback));
        export default [answers, called];";
    assert_eq!(
        run(module, rule),
        json!([["7", "RangeError: too far", "7", "RangeError: too far"], []])
    );
}

// ---- classes

/// Counts how many of it there are.
struct Account {
    balance: Cell<i64>,
    live: Arc<AtomicUsize>,
}

impl Drop for Account {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

fn bank(live: Arc<AtomicUsize>) -> HostModule {
    HostModule::new("host").class("Account", |class: HostClass<Account>| {
        class
            .constructor(move |_, (balance,): (i64,)| {
                if balance < 0 {
                    return Err(HostError::new("no debts").class("RangeError"));
                }
                live.fetch_add(1, Ordering::SeqCst);
                Ok(Account {
                    balance: Cell::new(balance),
                    live: Arc::clone(&live),
                })
            })
            .method("add", |account, _, (amount,): (i64,)| {
                account.balance.set(account.balance.get() + amount);
                Ok(())
            })
            .blocking_method("wait", |account, call, (): ()| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok((call.run_name().to_owned(), account.balance.get()))
            })
            .async_method("later", |account, _, (): ()| async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Ok(account.balance.get())
            })
            .getter("balance", |account| Ok(account.balance.get()))
    })
}

#[test]
fn objects_of_a_class_have_state_methods_and_getters_and_end_with_the_run() {
    let live = Arc::new(AtomicUsize::new(0));
    let rule = "
        const { Account } = host;
        class Savings extends Account {
            constructor(balance) { super(balance); this.rate = 2 }
            grow() { this.add(this.balance * (this.rate - 1)); return this.balance }
        }
        const account = new Account(40), savings = new Savings(10);
        account.add(2);
        let refused; try { new Account(-1) } catch (e) { refused = e.name + ': ' + e.message }
        export default [
            account.balance, account.wait(), await account.later(), savings.grow(), refused,
            account instanceof Account, savings instanceof Savings, savings instanceof Account,
            account.constructor === Account, Account.name, Object.keys(account),
            Object.getOwnPropertyNames(Account.prototype).sort(),
        ];";
    assert_eq!(
        run(bank(Arc::clone(&live)), rule),
        json!([
            42,
            ["rule.mjs", 42],
            42,
            20,
            "RangeError: no debts",
            true,
            true,
            true,
            true,
            "Account",
            [],
            ["add", "balance", "constructor", "later", "wait"]
        ])
    );
    assert_eq!(live.load(Ordering::SeqCst), 0);
}

#[test]
fn objects_count_as_the_runs_memory() {
    let live = Arc::new(AtomicUsize::new(0));
    let engine = Engine::builder()
        .limits(Limits::default().memory(16 << 20))
        .module(bank(Arc::clone(&live)))
        .build();
    let rule = "
        const { Account } = require('host');
        const all = [];
        for (;;) all.push(new Account(1));";
    let error = report(&engine, "rule.js", rule).result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfMemory);
    assert_eq!(live.load(Ordering::SeqCst), 0);
}

// ---- streams

/// Items that say when they are dropped.
struct Watched {
    next: u32,
    dropped: mpsc::Sender<u32>,
}

impl Stream for Watched {
    type Item = Result<u32, HostError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.next += 1;
        Poll::Ready(match self.next {
            13 => Some(Err(HostError::new("unlucky").class("RangeError"))),
            20.. => None,
            next => Some(Ok(next)),
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.dropped.send(self.next);
    }
}

#[test]
fn a_stream_is_an_async_iterator_that_is_dropped_when_its_loop_ends() {
    let (sender, dropped) = mpsc::channel();
    let dropped = parking_lot::Mutex::new(dropped);
    let module = HostModule::new("host")
        .stream("from", move |_, (next,): (u32,)| Watched {
            next,
            dropped: sender.clone(),
        })
        .function_with("dropped", move |_, (): ()| {
            Ok(dropped.lock().try_recv().ok())
        });
    let rule = "
        const loop = async (first, until) => {
            const seen = [];
            try {
                for await (const n of host.from(first)) {
                    seen.push(n);
                    if (n === until) break;
                }
            } catch (e) { seen.push(e instanceof RangeError, e.message) }
            return [seen, host.dropped()];
        };
        const unread = host.from(1);
        export default [await loop(0, 2), await loop(17), await loop(11), host.dropped(), typeof unread.next];";
    assert_eq!(
        run(module, rule),
        json!([
            [[1, 2], 2],
            [[18, 19], 20],
            [[12, true, "unlucky"], 13],
            null,
            "function"
        ])
    );
}

#[test]
fn streams_go_on_side_by_side_and_fail_with_the_error_of_the_host() {
    let module = HostModule::new("host").stream("ticks", |_, (count,): (u32,)| {
        stream::iter(0..count).then(|n| async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, HostError>(n)
        })
    });
    let rule = "
        const all = async count => { const seen = []; for await (const n of host.ticks(count)) seen.push(n); return seen };
        const both = host.ticks(3);
        // Three steps at once, and one after the end.
        const steps = await Promise.all([both.next(), both.next(), both.next(), both.next()]);
        let wrong; try { host.ticks('x') } catch (e) { wrong = e.message }
        export default [await Promise.all([all(2), all(3), all(0)]), steps, wrong];";
    assert_eq!(
        run(module, rule),
        json!([
            [[0, 1], [0, 1, 2], []],
            [
                { "value": 0, "done": false }, { "value": 1, "done": false }, { "value": 2, "done": false },
                { "done": true }
            ],
            "ticks: argument 1 must be a whole number from 0 to 4294967295, not a string"
        ])
    );
}

// ---- the data of a run

#[test]
fn a_function_reads_the_data_of_its_run_and_a_rule_does_not() {
    struct Tenant(&'static str);

    let module = HostModule::new("host")
        .function_with("tenant", |call, (): ()| {
            Ok(call.data::<Tenant>().map(|tenant| tenant.0))
        })
        .async_function_with("number", |call, (): ()| async move {
            Ok(call.data::<u32>().map(|number| *number))
        });
    let engine = Engine::builder().module(module).build();
    let rule = "
        import * as host from 'host';
        export default [host.tenant(), await host.number(), JSON.stringify(globalThis).includes('acme')];";
    let run = |options| {
        let script = Script::javascript("rule", rule);
        engine.run(script, options).wait().result.unwrap()
    };
    assert_eq!(
        run(RunOptions::new().data(Tenant("acme")).data(7_u32)),
        json!(["acme", 7, false])
    );
    assert_eq!(run(RunOptions::new()), json!([null, null, false]));
}

// ---- declarations

#[test]
fn a_module_declares_itself_for_typescript() {
    #[derive(Deserialize)]
    #[allow(dead_code)] // only described
    struct Order {
        id: u64,
        tags: Vec<String>,
        note: Option<String>,
        size: Size,
        parent: Option<Box<Order>>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)] // only described
    enum Size {
        Small,
        Large,
    }

    let text = |module: &HostModule, line: &str| {
        let text = module.declarations();
        assert!(text.contains(line), "no {line:?} in\n{text}");
    };
    let module = HostModule::new("app/orders")
        .error_class("OrderError")
        .function("none", |(): ()| Ok::<_, String>(()))
        .function("put", |(_, _): (Order, bool)| Ok::<_, String>(()))
        .function(
            "some",
            |_: (Option<u32>, String, Option<HashMap<String, f64>>)| Ok::<_, String>(()),
        )
        .async_function_with("send", |_, (_,): (Bytes,)| async { Ok(()) })
        .function_with("on", |_, (_,): (Callback,)| Ok(()))
        .function("any", |(_,): (Value,)| Ok::<_, String>(()))
        .function("exact", |(_,): (Value,)| Ok::<_, String>(()))
        .types("(id: string): number[]")
        .function("delete", |(_,): (String,)| Ok::<_, String>(()))
        .stream("rows", |_, (): ()| stream::iter([Ok::<_, HostError>(1)]))
        .class("Cart", |class: HostClass<Cell<u32>>| {
            class
                .constructor(|_, (n,): (u32,)| Ok(Cell::new(n)))
                .method("add", |_, _, (_,): (u32,)| Ok(()))
                .async_method("pay", |_, _, (): ()| async { Ok(()) })
                .getter("size", |cart| Ok(cart.get()))
        });
    text(&module, "declare module \"app/orders\" {\n");
    text(
        &module,
        "    export class OrderError extends Error { code?: string; details?: any }\n",
    );
    text(&module, "    export function none(): any;\n");
    text(
        &module,
        "export function put(argument1: { id: number | bigint; tags: Array<string>; note?: string | null; size: \"Small\" | \"Large\" | Record<string, any>; parent?: { id: number | bigint;",
    );
    text(&module, "}, argument2: boolean): any;\n");
    text(
        &module,
        "export function some(argument1: number | null | undefined, argument2: string, argument3?: Record<string, number> | null): any;\n",
    );
    text(
        &module,
        "export function send(argument1: Uint8Array): Promise<any>;\n",
    );
    text(
        &module,
        "export function on(argument1: (...parameters: any[]) => any): any;\n",
    );
    text(&module, "export function any(argument1: any): any;\n");
    text(&module, "export function exact(id: string): number[];\n");
    text(&module, "        delete(argument1: string): any;\n");
    text(
        &module,
        "export function rows(): AsyncIterableIterator<any>;\n",
    );
    text(
        &module,
        "    export class Cart {\n        constructor(argument1: number);\n        add(argument1: number): any;\n        pay(): Promise<any>;\n        readonly size: any;\n    }\n",
    );
    text(&module, "        Cart: typeof Cart;\n");
    assert!(!module.declarations().contains("export function delete"));
    // What is declared is TypeScript that the engine itself can read.
    let declared = module.declarations();
    let engine = Engine::new();
    let script = Script::typescript("declared", format!("{declared}\nexport default 1;"));
    assert_eq!(
        engine.run(script, RunOptions::new()).wait().result.unwrap(),
        1
    );
}

#[test]
fn texts_of_rules_are_shown_without_control_characters() {
    let (module, callbacks) = with_callback();
    let module = module.function("put", |_: (HashMap<String, u32>,)| Ok::<_, String>(()));
    let host = std::thread::spawn(move || {
        let callback = callbacks.recv().unwrap();
        block_on(callback.call::<_, ()>(()))
            .unwrap_err()
            .to_string()
    });
    let rule = "
        host.on(() => { throw new Error('a\\u001b[31mb\\nc') }, true);
        const wrong = key => { try { host.put({ [key]: 'x' }) } catch (e) { return e.message } };
        export default [wrong('k'.repeat(500)).length < 200, wrong('\\n\\u001b'), wrong('plain')];";
    let must = "must be a whole number from 0 to 4294967295, not a string";
    assert_eq!(
        run(module, rule),
        json!([
            true,
            format!("put: argument 1[\"\\n\\u{{1b}}\"] {must}"),
            format!("put: argument 1.plain {must}")
        ])
    );
    let shown = host.join().unwrap();
    assert!(shown.starts_with("Error: a"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\n']), "{shown}");
}
