//! A function of a rule's that the host keeps and calls later, from any thread.
//!
//! The [`Callback`] is one end of a queue. The other end is an [`EventSource`] of the run: its event loop takes the calls
//! out, one after the other, while the rule waits for something. So a call never interrupts the rule's own code.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use cla_semaphore::RunId;
use rquickjs::function::Rest;
use rquickjs::{Ctx, Function, Promise, Value};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::error::HostError;
use crate::error::RuleError;
use crate::event_source::{EventSource, SourceEvent, Subscription};
use crate::run::{Rooted, Run, run_of};
use crate::sys::quickjs::promise_then;
use crate::value::{RuleValue, ToValue, deserialize, passed};

/// By this name of a type, the arguments of a call know that a [`Callback`] is wanted.
pub(super) const CALLBACK: &str = "$cla::Callback";

type Answer = Result<RuleValue, HostError>;

/// A function of a rule's, as an argument of a function of a [`HostModule`](crate::HostModule), or as a part of one: a field of
/// a type that derives `Deserialize`, an element of a list. The host may keep it, clone it, and call it later from any thread.
///
/// A call waits in a queue until the rule waits for something: a callback never runs within other code of the rule's.
///
/// It does not keep the run from ending, unless it is [held](Self::hold). When the run is over, calls fail.
///
/// ```
/// # use cla_runtime::host::{Call, Callback, HostError};
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let events = HostModule::new("app/events")
///     .function_with("on", |_call: &Call, (callback,): (Callback,)| {
///         callback.hold(true); // the run waits for the event
///         std::thread::spawn(move || drop(callback.call::<_, ()>(("started", 7))));
///         Ok(())
///     })
///     .async_function_with("ask", |_call, (callback,): (Callback,)| async move {
///         callback.call::<_, u32>((20, 22)).await
///     });
/// let rule = "
///     import { on, ask } from 'app/events';
///     export default [await new Promise(done => on((...event) => done(event))), await ask((a, b) => a + b)];";
/// let engine = Engine::builder().module(events).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), serde_json::json!([["started", 7], 42]));
/// ```
#[derive(Clone)]
pub struct Callback(Arc<Handle>);

struct Handle {
    run: RunId,
    queue: mpsc::UnboundedSender<Message>,
}

/// What waits in the queue.
enum Message {
    Call {
        arguments: Vec<RuleValue>,
        answer: oneshot::Sender<Answer>,
    },
    Hold(bool),
    /// The last handle was dropped.
    Dropped,
}

impl Callback {
    /// A handle on a function of this run.
    pub(super) fn new<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, function: Function<'js>) -> Self {
        let (queue, calls) = mpsc::unbounded_channel();
        let function = run.keep(ctx, function);
        let subscriptions = Subscriptions::of(run);
        let id = subscriptions.next_id();
        let calls = Calls {
            calls,
            is_dropped: false,
            asked: 0,
        };
        let subscription = run.listen(calls, move |ctx, message| match message {
            Message::Call { arguments, answer } => call(ctx, &function, arguments, answer),
            Message::Hold(held) => {
                if let Some(run) = run_of(ctx) {
                    Subscriptions::of(&run).hold(id, held);
                }
                Ok(())
            }
            Message::Dropped => {
                if let Some(run) = run_of(ctx) {
                    Subscriptions::of(&run).remove(id);
                }
                Ok(())
            }
        });
        subscriptions.insert(id, subscription);
        Self(Arc::new(Handle {
            run: run.id(),
            queue,
        }))
    }

    /// One that no run has. It stands for one where only types matter.
    pub(super) fn detached() -> Self {
        let (queue, _) = mpsc::unbounded_channel();
        Self(Arc::new(Handle {
            run: RunId::unique(),
            queue,
        }))
    }

    /// Calls the function. The call is queued at once, and made when the rule next waits for something; the future gives
    /// what the function returns, or what the promise gives that it returns.
    ///
    /// `arguments` is a tuple, as those of a function of the host's: `callback.call(("started", 7))`. If the future is
    /// dropped, the call is made all the same, and an error of the function fails the run.
    ///
    /// # Errors
    ///
    /// What the function throws, with its class and its message. The run is over. The result does not fit `R`, or the
    /// arguments are nothing that a rule can have. A blocking function waits for it that the rule itself has called: the
    /// rule would wait for itself.
    pub fn call<A, R>(
        &self,
        arguments: A,
    ) -> impl Future<Output = Result<R, HostError>> + Send + use<A, R>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let run = self.0.run;
        let queued = self.queue(arguments);
        async move {
            let mut answer = queued?;
            let answer = std::future::poll_fn(|cx| {
                // A call that can never be made is an error, and no wait without end.
                if BLOCKED.get() == Some(run) && answer.is_empty() && !answer.is_terminated() {
                    return Poll::Ready(Err(waits_for_itself()));
                }
                Pin::new(&mut answer)
                    .poll(cx)
                    .map(|answer| answer.unwrap_or_else(|_| Err(is_over())))
            });
            deserialize(answer.await?)
                .map_err(|misfit| HostError::new(misfit.of("what the callback returned")))
        }
    }

    fn queue<A: Serialize>(&self, arguments: A) -> Result<oneshot::Receiver<Answer>, HostError> {
        let arguments = match arguments.serialize(ToValue) {
            Ok(RuleValue::Array(arguments)) => arguments,
            Ok(RuleValue::Null) => Vec::new(),
            Ok(argument) => vec![argument],
            Err(misfit) => return Err(HostError::new(misfit.of("an argument of the callback"))),
        };
        let (answer, receiver) = oneshot::channel();
        let message = Message::Call { arguments, answer };
        match self.0.queue.send(message) {
            Ok(()) => Ok(receiver),
            Err(_) => Err(is_over()),
        }
    }

    /// Whether the run goes on for the callback's sake, even if nothing else is pending in it. At first it does not. Once
    /// all clones are dropped, it counts no more.
    pub fn hold(&self, held: bool) {
        // After the run's end there is nothing to hold.
        let _ = self.0.queue.send(Message::Hold(held));
    }

    /// The run whose function it is.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        self.0.run
    }

    /// Whether the run is over, so that every call fails.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.queue.is_closed()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("run_id", &self.0.run)
            .field("is_over", &self.is_over())
            .finish()
    }
}

fn is_over() -> HostError {
    HostError::new("the run that this callback belongs to is over").class("CallbackError")
}

fn waits_for_itself() -> HostError {
    let message = "a blocking function cannot wait for a callback of the rule that it blocks; make it an async function";
    HostError::new(message).class("CallbackError")
}

// ---- in the run

/// The queue's end in the run.
struct Calls {
    calls: mpsc::UnboundedReceiver<Message>,
    is_dropped: bool,
    asked: u32,
}

impl EventSource for Calls {
    type Event = Message;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<Message>>> {
        // Not only by `poll_recv`, which may say "pending" although something is there, when the task has done much.
        let message = match self.calls.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => match self.calls.poll_recv(cx) {
                Poll::Ready(message) => message,
                Poll::Pending if self.asked > 0 => {
                    self.asked -= 1;
                    return Poll::Ready(Some(SourceEvent::UpToDate));
                }
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(match message {
            Some(message) => Some(SourceEvent::Event(message)),
            None if self.is_dropped => None,
            None => {
                self.is_dropped = true;
                Some(SourceEvent::Event(Message::Dropped))
            }
        })
    }

    fn ask(&mut self) {
        self.asked += 1;
    }
}

/// The subscriptions by which a run listens to the calls of its callbacks.
///
/// They lie here and not beside their functions: a source cannot hold on to what keeps it open.
#[derive(Default)]
struct Subscriptions {
    last_id: Cell<u64>,
    open: RefCell<HashMap<u64, Subscription>>,
}

impl Subscriptions {
    fn of(run: &Run) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let made = Rc::<Self>::default();
            run.set_state(Rc::clone(&made));
            made
        })
    }

    fn next_id(&self) -> u64 {
        self.last_id.set(self.last_id.get() + 1);
        self.last_id.get()
    }

    fn insert(&self, id: u64, subscription: Subscription) {
        self.open.borrow_mut().insert(id, subscription);
    }

    fn hold(&self, id: u64, held: bool) {
        if let Some(subscription) = self.open.borrow().get(&id) {
            subscription.hold(held);
        }
    }

    fn remove(&self, id: u64) {
        // Not while the map is borrowed: with the subscription the function is dropped.
        let removed = self.open.borrow_mut().remove(&id);
        drop(removed);
    }
}

/// Makes a call, and answers it now or when the promise settles that the function returns.
fn call<'js>(
    ctx: &Ctx<'js>,
    function: &Rooted<Function<'static>>,
    arguments: Vec<RuleValue>,
    answer: oneshot::Sender<Answer>,
) -> rquickjs::Result<()> {
    let arguments = arguments.into_iter().map(|argument| argument.make(ctx));
    let arguments = arguments.collect::<rquickjs::Result<Vec<_>>>()?;
    match function.get(ctx)?.call::<_, Value<'js>>((Rest(arguments),)) {
        Ok(value) => match value.as_promise() {
            Some(promise) => answer_later(ctx, promise, answer),
            None => fulfil(ctx, value, answer),
        },
        Err(error) if error.is_exception() => fail(ctx, ctx.catch(), answer),
        Err(error) => Err(error),
    }
}

fn answer_later<'js>(
    ctx: &Ctx<'js>,
    promise: &Promise<'js>,
    answer: oneshot::Sender<Answer>,
) -> rquickjs::Result<()> {
    // One of the two is called, and once.
    let answer = Rc::new(Cell::new(Some(answer)));
    let fulfilled = {
        let answer = Rc::clone(&answer);
        move |ctx: Ctx<'js>, value: Value<'js>| match answer.take() {
            Some(answer) => fulfil(&ctx, value, answer),
            None => Ok(()),
        }
    };
    let rejected = move |ctx: Ctx<'js>, reason: Value<'js>| match answer.take() {
        Some(answer) => fail(&ctx, reason, answer),
        None => Ok(()),
    };
    let fulfilled = Function::new(ctx.clone(), fulfilled)?;
    let rejected = Function::new(ctx.clone(), rejected)?;
    promise_then(promise, &fulfilled, &rejected)?;
    Ok(())
}

fn fulfil<'js>(
    ctx: &Ctx<'js>,
    value: Value<'js>,
    answer: oneshot::Sender<Answer>,
) -> rquickjs::Result<()> {
    if answer.is_closed() {
        return Ok(());
    }
    let value = match value.is_undefined() {
        true => Ok(RuleValue::Null),
        false => RuleValue::read(ctx, "what the callback returned", value),
    };
    match value {
        Ok(value) => {
            let _ = answer.send(Ok(value));
            Ok(())
        }
        Err(error) if error.is_exception() => fail(ctx, ctx.catch(), answer),
        Err(error) => Err(error),
    }
}

/// Hands an exception to the caller. If it does not wait for an answer, nothing in the run has handled the exception.
fn fail<'js>(
    ctx: &Ctx<'js>,
    thrown: Value<'js>,
    answer: oneshot::Sender<Answer>,
) -> rquickjs::Result<()> {
    let Some(run) = run_of(ctx).filter(|_| !thrown.is_uncatchable_error()) else {
        return Err(ctx.throw(thrown));
    };
    if answer.is_closed() {
        return Err(ctx.throw(thrown));
    }
    let error = RuleError::from_js(ctx, &thrown, run.modules());
    match answer.send(Err(HostError::thrown_by_rule(error))) {
        Ok(()) => Ok(()),
        // The caller has gone meanwhile.
        Err(_) => Err(ctx.throw(thrown)),
    }
}

// ---- a rule that waits for itself

thread_local! {
    /// The run that is blocked by the function whose future is being polled.
    static BLOCKED: Cell<Option<RunId>> = const { Cell::new(None) };
}

/// The future of a function that blocks this run.
pub(super) async fn blocking<F: Future>(run: RunId, future: F) -> F::Output {
    struct Restore(Option<RunId>);

    impl Drop for Restore {
        fn drop(&mut self) {
            BLOCKED.set(self.0);
        }
    }

    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let _restore = Restore(BLOCKED.replace(Some(run)));
        future.as_mut().poll(cx)
    })
    .await
}

// ---- as an argument

impl<'de> Deserialize<'de> for Callback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Callback;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a function")
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Callback, E> {
                let callback = passed::take().and_then(|value| value.downcast().ok());
                let none = || E::invalid_type(serde::de::Unexpected::Unit, &self);
                callback
                    .map(|callback| Self::Value::clone(&callback))
                    .ok_or_else(none)
            }

            // Any other argument, so that the error says what it is.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                other: D,
            ) -> Result<Callback, D::Error> {
                other.deserialize_any(self)
            }
        }

        deserializer.deserialize_newtype_struct(CALLBACK, Read)
    }
}
