//! What calls into a run from outside: when it is heard, and whether the run waits for it.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{EventSource, SourceEvent, Subscription};
use cla_runtime::js::{self, Ctx, Function, Object, Value};
use cla_runtime::{Engine, Limits, RunOptions, Script};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What a test sends into a run.
type Sender = UnboundedSender<Option<u32>>;

/// Numbers from a channel; `None` ends it.
struct Numbers {
    received: UnboundedReceiver<Option<u32>>,
    asked: u32,
    /// Somebody never stops sending.
    flooded: bool,
    open: Arc<AtomicUsize>,
}

impl EventSource for Numbers {
    type Event = u32;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<u32>>> {
        // `poll_recv` pretends now and then that nothing is there, for fairness.
        let received = match self.received.try_recv() {
            Ok(number) => Poll::Ready(Some(number)),
            Err(_) => self.received.poll_recv(cx),
        };
        if let Poll::Ready(number) = received {
            return Poll::Ready(number.flatten().map(SourceEvent::Event));
        }
        if self.asked > 0 {
            self.asked -= 1;
            return Poll::Ready(Some(SourceEvent::UpToDate));
        }
        if self.flooded {
            return Poll::Ready(Some(SourceEvent::Event(0)));
        }
        Poll::Pending
    }

    fn ask(&mut self) {
        self.asked += 1;
    }
}

impl Drop for Numbers {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// `listen(fn)`, `hold(bool)`, `close()`, `send(n)` at once, `told(n)`: a promise of having sent it.
#[derive(Clone, Default)]
struct Module {
    senders: Arc<Mutex<Vec<Sender>>>,
    open: Arc<AtomicUsize>,
    flooded: bool,
}

impl NativeModule for Module {
    fn name(&self) -> &str {
        "test/numbers"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let listening: Rc<RefCell<Vec<Subscription>>> = Rc::default();
        let (module, all, this) = (self.clone(), Rc::clone(&listening), Rc::clone(run));
        let listen = move |ctx: Ctx<'js>, listener: Function<'js>| {
            let (sender, received) = mpsc::unbounded_channel();
            module.senders.lock().unwrap().push(sender);
            module.open.fetch_add(1, Ordering::SeqCst);
            let listener = this.keep(&ctx, listener);
            let source = Numbers {
                received,
                asked: 0,
                flooded: module.flooded,
                open: Arc::clone(&module.open),
            };
            let deliver = move |ctx: &Ctx<'_>, number: u32| {
                listener.get(ctx)?.call::<_, Value<'_>>((number,)).map(drop)
            };
            all.borrow_mut().push(this.listen(source, deliver));
        };
        exports.set("listen", Function::new(ctx.clone(), listen)?)?;
        let all = Rc::clone(&listening);
        let hold = move |held: bool| all.borrow().iter().for_each(|one| one.hold(held));
        exports.set("hold", Function::new(ctx.clone(), hold)?)?;
        let close = move || listening.borrow_mut().clear();
        exports.set("close", Function::new(ctx.clone(), close)?)?;
        let senders = Arc::clone(&self.senders);
        let send = move |number: u32| {
            for sender in &*senders.lock().unwrap() {
                let _ = sender.send(Some(number));
            }
        };
        exports.set("send", Function::new(ctx.clone(), send.clone())?)?;
        let run = Rc::clone(run);
        let told = move |ctx: Ctx<'js>, number: u32| {
            let send = send.clone();
            let sending = async move {
                tokio::task::yield_now().await;
                send(number);
            };
            run.promise(&ctx, sending, |ctx, ()| {
                Ok(Value::new_undefined(ctx.clone()))
            })
        };
        exports.set("told", Function::new(ctx.clone(), told)?)?;
        Ok(exports)
    }
}

const IMPORTS: &str = "
    import { listen, hold, close, send, told } from 'test/numbers';
    const heard = [];
    export default heard;
";

fn script(body: &str) -> Script {
    Script::new("test.mjs", format!("{IMPORTS}{body}"))
}

fn engine(module: &Module) -> Engine {
    Engine::builder().workers(1).module(module.clone()).build()
}

#[track_caller]
fn value(body: &str) -> Json {
    let module = Module::default();
    let report = engine(&module).run(script(body), RunOptions::new()).wait();
    assert_eq!(module.open.load(Ordering::SeqCst), 0, "all are closed");
    report.result.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn who_only_listens_does_not_keep_the_run_from_ending() {
    assert_eq!(value("listen((n) => heard.push(n));"), json!([]));
}

#[test]
fn what_happened_when_the_run_could_end_is_heard_before() {
    let body = "listen((n) => heard.push(n)); for (let n = 0; n < 1000; n += 1) send(n);";
    assert_eq!(value(body), json!(Vec::from_iter(0..1000)));
    // A listener that begins something which brings about the next event is heard again.
    let body = "listen((n) => { heard.push(n); if (n < 5) told(n + 1); }); send(0);";
    assert_eq!(value(body), json!([0, 1, 2, 3, 4, 5]));
    let body = "
        listen((n) => { heard.push(n); if (n < 3) setTimeout(() => send(n + 1), 1); });
        setTimeout(() => send(0), 1);
    ";
    assert_eq!(value(body), json!([0, 1, 2, 3]));
}

#[test]
fn an_event_is_heard_before_the_promise_of_what_brought_it_about_is_settled() {
    let body = "
        listen((n) => heard.push(n));
        for (let n = 0; n < 100; n += 1) { await told(n); heard.push(-n); }
    ";
    let expected: Vec<i32> = (0..100).flat_map(|n| [n, -n]).collect();
    assert_eq!(value(body), json!(expected));
}

#[test]
fn nothing_is_heard_within_code_that_does_not_wait() {
    let body = "
        listen((n) => heard.push(n));
        send(1);
        for (let n = 0; n < 100_000; n += 1);
        heard.push('code');
        await null;
        heard.push('job');
    ";
    assert_eq!(value(body), json!(["code", "job", 1]));
}

/// Runs the body, and sends the number from outside as soon as there is somebody to listen.
#[track_caller]
fn value_with_a_late(number: Option<u32>, body: &str) -> Result<Json, String> {
    let module = Module::default();
    let handle = engine(&module).run(script(body), RunOptions::new());
    let sender = loop {
        let sender = module.senders.lock().unwrap().first().cloned();
        if let Some(sender) = sender {
            break sender;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    std::thread::sleep(Duration::from_millis(20));
    let _ = sender.send(number);
    handle.wait().result.map_err(|error| error.summary())
}

#[test]
fn a_rule_that_awaits_a_promise_waits_for_the_event_that_settles_it() {
    let body = "heard.push(await new Promise((done) => listen(done)));";
    assert_eq!(value_with_a_late(Some(7), body), Ok(json!([7])));
}

#[test]
fn a_promise_that_no_source_can_settle_any_more_is_an_error() {
    let body = "await new Promise((done) => listen(done));";
    let error = value_with_a_late(None, body).unwrap_err();
    assert!(error.contains("never settled"), "{error}");
    let body = "await new Promise((done) => { listen(done); close(); });";
    let module = Module::default();
    let report = engine(&module).run(script(body), RunOptions::new()).wait();
    let error = report.result.unwrap_err();
    assert!(error.to_string().contains("never settled"), "{error}");
}

#[test]
fn a_source_that_is_held_keeps_the_run_going_until_it_is_let_go() {
    let body = "listen((n) => { heard.push(n); hold(false); }); hold(true);";
    assert_eq!(value_with_a_late(Some(3), body), Ok(json!([3])));
    let body = "listen((n) => heard.push(n)); hold(true); setTimeout(close, 2);";
    assert_eq!(value(body), json!([]));
    let body = "listen(() => {}); hold(true); setTimeout(() => hold(false), 2);";
    assert_eq!(value(body), json!([]));
}

#[test]
fn events_that_never_stop_keep_no_run_from_ending() {
    let module = Module {
        flooded: true,
        ..Module::default()
    };
    let mut limits = Limits::default();
    limits.timeout = Some(Duration::from_secs(60));
    let options = RunOptions::new().limits(limits);
    let report = engine(&module)
        .run(script("listen(() => {});"), options)
        .wait();
    assert_eq!(report.result.unwrap(), json!([]));
}

#[test]
fn events_that_never_stop_let_timers_and_host_futures_have_their_turn() {
    let body = "
        listen((n) => send(n));
        send(1);
        setTimeout(() => { heard.push('timer'); told(2).then(() => { heard.push('future'); close(); }); }, 2);
    ";
    assert_eq!(value(body), json!(["timer", "future"]));
}

#[test]
fn what_a_listener_throws_fails_the_run() {
    let module = Module::default();
    let body = "listen(() => { throw new RangeError('too much'); }); send(1);";
    let report = engine(&module).run(script(body), RunOptions::new()).wait();
    let error = report.result.unwrap_err();
    assert!(error.to_string().contains("too much"), "{error}");
    assert_eq!(module.open.load(Ordering::SeqCst), 0);
}

#[test]
fn a_run_that_is_stopped_drops_its_sources() {
    let module = Module::default();
    let body = "await new Promise((done) => listen(done));";
    let handle = engine(&module).run(script(body), RunOptions::new());
    while module.senders.lock().unwrap().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    handle.canceller().cancel();
    let error = handle.wait().result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    assert_eq!(module.open.load(Ordering::SeqCst), 0);
}
