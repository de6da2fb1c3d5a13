//! A stream of the host's as an async iterator: what `for await` goes through.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use futures_util::{Stream, StreamExt};
use rquickjs::function::{Opt, This};
use rquickjs::object::Property;
use rquickjs::{Ctx, Exception, Function, Object, Symbol, Value};
use tokio::sync::Mutex;

use super::function::{Installed, Outcome};
use crate::memory_reservation::MemoryReservation;
use crate::run::Run;
use crate::sys::host_object::HostObject;

/// The items of a stream, as values for rules.
pub(super) type LocalStream = Pin<Box<dyn Stream<Item = Outcome>>>;

/// What an iterator counts for in the run's memory, beside its arguments, in bytes.
const ITERATOR_BYTES: usize = 512;

/// The state of an iterator. Calls of `next` that do not wait for each other take turns.
struct Items {
    /// `None` once it is at its end.
    stream: Mutex<Option<LocalStream>>,
    /// What the arguments count for, which the stream may still use.
    reservations: RefCell<Vec<MemoryReservation>>,
}

impl Items {
    async fn next(&self) -> Option<Outcome> {
        let mut stream = self.stream.lock().await;
        let item = match &mut *stream {
            Some(items) => items.next().await,
            None => None,
        };
        // After an error there is no more, as after a throw in a generator.
        if !matches!(item, Some(Ok(_))) {
            self.end(&mut stream);
        }
        item
    }

    async fn close(&self) {
        let mut stream = self.stream.lock().await;
        self.end(&mut stream);
    }

    fn end(&self, stream: &mut Option<LocalStream>) {
        drop(stream.take());
        drop(self.reservations.take());
    }
}

/// An async iterator of the items. The stream is dropped when it has ended, when a loop over it ends early, when it is
/// garbage, and with the run.
pub(super) fn iterator<'js>(
    ctx: &Ctx<'js>,
    installed: &Rc<Installed>,
    stream: LocalStream,
    mut reservations: Vec<MemoryReservation>,
) -> rquickjs::Result<Value<'js>> {
    let prototype = prototype(ctx, installed)?;
    reservations.push(installed.run.count_memory(ITERATOR_BYTES));
    let items = Rc::new(Items {
        stream: Mutex::new(Some(stream)),
        reservations: RefCell::new(reservations),
    });
    HostObject::create(items, prototype)
}

fn prototype<'js>(ctx: &Ctx<'js>, installed: &Rc<Installed>) -> rquickjs::Result<Object<'js>> {
    let known = installed.iterators.borrow().clone();
    if let Some(prototype) = known {
        return prototype.get(ctx);
    }
    let prototype = Object::new(ctx.clone())?;
    let method = |name: &str, function: Function<'js>| {
        let function = function.with_name(name)?;
        prototype.prop(name, Property::from(function).writable().configurable())
    };
    let with_installed = Rc::clone(installed);
    let next = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let items = items(&ctx, &this.0)?;
        let installed = Rc::clone(&with_installed);
        let run = Rc::clone(&installed.run);
        let next = async move { items.next().await };
        run.promise(&ctx, next, move |ctx, item| match item {
            Some(outcome) => result(ctx, installed.give(ctx, outcome)?, false),
            None => result(ctx, Value::new_undefined(ctx.clone()), true),
        })
    };
    method("next", Function::new(ctx.clone(), next)?)?;
    let run = Rc::clone(&installed.run);
    let end = move |ctx: Ctx<'js>, this: This<Value<'js>>, value: Opt<Value<'js>>| {
        let items = items(&ctx, &this.0)?;
        let value = value.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        close(&ctx, &run, items, value)
    };
    method("return", Function::new(ctx.clone(), end)?)?;
    let itself = Function::new(ctx.clone(), |this: This<Value<'js>>| this.0)?;
    let itself = itself.with_name("[Symbol.asyncIterator]")?;
    let itself = Property::from(itself).writable().configurable();
    prototype.prop(Symbol::async_iterator(ctx.clone()), itself)?;
    *installed.iterators.borrow_mut() = Some(installed.run.keep(ctx, prototype.clone()));
    Ok(prototype)
}

fn close<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    items: Rc<Items>,
    value: Value<'js>,
) -> rquickjs::Result<rquickjs::Promise<'js>> {
    let value = run.keep(ctx, value);
    let close = async move { items.close().await };
    run.promise(ctx, close, move |ctx, ()| {
        let value = value.get(ctx)?;
        result(ctx, value, true)
    })
}

/// What each step of an iterator gives.
fn result<'js>(ctx: &Ctx<'js>, value: Value<'js>, done: bool) -> rquickjs::Result<Value<'js>> {
    let result = Object::new(ctx.clone())?;
    result.set("value", value)?;
    result.set("done", done)?;
    Ok(result.into_value())
}

fn items(ctx: &Ctx<'_>, this: &Value<'_>) -> rquickjs::Result<Rc<Items>> {
    let items = HostObject::<Rc<Items>>::with(this, Rc::clone);
    items.ok_or_else(|| Exception::throw_type(ctx, "this is no iterator of a host's stream"))
}
