//! What the modules `cla/redis` and `cla/event-bus/redis` are made with: the native module `cla/redis/native`, which is
//! theirs alone.
//!
//! A *bus* is one connection for pub/sub (`link`), opened at its first use. A run that has subscribed listens to it
//! (`Run::listen`): events are told as long as the run goes on, and do not keep it from ending. When it could end, the
//! server is asked once, over the same connection, for what was published until then.
#![expect(
    clippy::disallowed_methods,
    reason = "the server answers in the time of the machine"
)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{Rooted, Subscription};
use cla_runtime::js::{self, Ctx, Function, Object, Promise, Value};
use cla_runtime::output::OutputStream;
use cla_runtime::semaphore::{RedisUrl, StoreUrlError};
use tokio::sync::oneshot;

use crate::call::Arg;
use crate::permitted;
use crate::throw::{self, name_argument, string_argument, type_error};

use self::arrivals::{Arrivals, Event, ROOM};
use self::link::{Answer, LIMIT, Order, Task};

mod arrivals;
mod link;

/// The module.
pub(crate) struct Redis;

impl NativeModule for Redis {
    fn name(&self) -> &str {
        "cla/redis/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let shown =
            |ctx: Ctx<'js>, url: Arg<'js>| Ok::<_, js::Error>(read(&ctx, &url)?.to_string());
        exports.set("shown", Function::new(ctx.clone(), shown)?)?;
        let run = Rc::clone(run);
        let open = move |ctx: Ctx<'js>, url: Arg<'js>, deliver: Function<'js>| {
            let bus = Rc::new(Bus {
                run: Rc::clone(&run),
                url: permitted::redis(&ctx, &run, read(&ctx, &url)?)?,
                deliver: run.keep(&ctx, deliver),
                task: RefCell::default(),
                channels: RefCell::default(),
                listening: RefCell::default(),
                held: Cell::default(),
            });
            bus.object(&ctx)
        };
        exports.set("open", Function::new(ctx.clone(), open)?)?;
        Ok(exports)
    }
}

/// A URL that names a server.
fn read<'js>(ctx: &Ctx<'js>, url: &Arg<'js>) -> js::Result<RedisUrl> {
    let text = name_argument(ctx, "Redis: the URL", url)?;
    RedisUrl::from_str(&text).map_err(|error| match error {
        StoreUrlError::Malformed { given, problem } => type_error(
            ctx,
            format_args!("Redis: {given} names no server: {problem}"),
        ),
        other => type_error(ctx, format_args!("Redis: {other}")),
    })
}

/// A connection for pub/sub, as the run sees it.
struct Bus {
    run: Rc<Run>,
    url: RedisUrl,
    /// Called with the channel and the text of each message; with `undefined` and the problem when the connection was
    /// closed for what came.
    deliver: Rooted<Function<'static>>,
    /// From the first use on.
    task: RefCell<Option<Rc<Task>>>,
    /// Those that the rule listens to.
    channels: RefCell<BTreeSet<String>>,
    /// While there are any.
    listening: RefCell<Option<Subscription>>,
    held: Cell<bool>,
}

impl Bus {
    /// What the TypeScript side gets.
    fn object<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        let this = Rc::clone(self);
        let subscribe = move |ctx: Ctx<'js>, channel: Arg<'js>| {
            let channel = name_argument(&ctx, "a channel", &channel)?;
            this.listen_to(&channel);
            this.ask(&ctx, |answer| Order::Subscribe { channel, answer })
        };
        object.set("subscribe", Function::new(ctx.clone(), subscribe)?)?;
        let this = Rc::clone(self);
        let unsubscribe = move |ctx: Ctx<'js>, channel: Arg<'js>| {
            let channel = name_argument(&ctx, "a channel", &channel)?;
            this.leave(&channel);
            this.ask(&ctx, |answer| Order::Unsubscribe { channel, answer })
        };
        object.set("unsubscribe", Function::new(ctx.clone(), unsubscribe)?)?;
        let this = Rc::clone(self);
        let publish = move |ctx: Ctx<'js>, channel: Arg<'js>, text: Arg<'js>| {
            let channel = name_argument(&ctx, "a channel", &channel)?;
            let text = string_argument(&ctx, "an event", &text)?;
            let order = |answer| Order::Publish {
                channel,
                text,
                answer,
            };
            this.ask(&ctx, order)
        };
        object.set("publish", Function::new(ctx.clone(), publish)?)?;
        let this = Rc::clone(self);
        let hold = move |held: bool| {
            this.held.set(held);
            if let Some(listening) = &*this.listening.borrow() {
                listening.hold(held);
            }
        };
        object.set("hold", Function::new(ctx.clone(), hold)?)?;
        let this = Rc::clone(self);
        let close = move || {
            this.channels.borrow_mut().clear();
            this.listening.take();
            this.task.take();
        };
        object.set("close", Function::new(ctx.clone(), close)?)?;
        Ok(object)
    }

    fn task(&self) -> Rc<Task> {
        let mut task = self.task.borrow_mut();
        Rc::clone(task.get_or_insert_with(|| {
            let room = ROOM.min(self.run.memory_left() / 2);
            Rc::new(Task::start(self.url.clone(), room))
        }))
    }

    /// From now on, messages of this channel are told.
    fn listen_to(&self, channel: &str) {
        self.channels.borrow_mut().insert(channel.to_owned());
        let mut listening = self.listening.borrow_mut();
        if listening.is_none() {
            let (run, deliver) = (Rc::clone(&self.run), self.deliver.clone());
            let arrivals = Arrivals::new(self.task(), self.run.count_memory(0));
            let new = self
                .run
                .listen(arrivals, move |ctx, event| match event {
                    Event::Message { channel, text } => {
                        let deliver = deliver.get(ctx)?;
                        deliver.call::<_, Value<'_>>((channel, text)).map(drop)
                    }
                    Event::Dropped(count) => {
                        let said = format!(
                            "{count} events were dropped: the rule did not get round to so many that waited\n"
                        );
                        run.write(ctx, OutputStream::Stderr, &said)
                    }
                    Event::Refused(problem) => {
                        let deliver = deliver.get(ctx)?;
                        deliver.call::<_, Value<'_>>((js::Undefined, problem)).map(drop)
                    }
                });
            new.hold(self.held.get());
            *listening = Some(new);
        }
    }

    fn leave(&self, channel: &str) {
        let mut channels = self.channels.borrow_mut();
        channels.remove(channel);
        if channels.is_empty() {
            self.listening.take();
        }
    }

    /// Gives an order; a promise of its being carried out, within [`LIMIT`].
    fn ask<'js>(
        &self,
        ctx: &Ctx<'js>,
        order: impl FnOnce(Answer) -> Order,
    ) -> js::Result<Promise<'js>> {
        let task = self.task();
        let (answer, answered) = oneshot::channel();
        task.give(order(Answer::new(answer)));
        let url = self.url.to_string();
        // Not the task itself: when the bus is closed, it ends, whatever was asked of it.
        let trouble = Arc::clone(task.trouble());
        drop(task);
        let outcome = async move {
            match tokio::time::timeout(LIMIT, answered).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(format!("the connection to {url} was closed")),
                Err(_) => Err(trouble.lock().clone().unwrap_or_else(|| {
                    format!("{url} does not answer within {} seconds", LIMIT.as_secs())
                })),
            }
        };
        self.run
            .promise(ctx, outcome, |ctx, outcome| match outcome {
                Ok(()) => Ok(Value::new_undefined(ctx.clone())),
                Err(message) => Err(throw::error(ctx, message)),
            })
    }
}
