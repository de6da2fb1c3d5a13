//! The parts of the web's names that are JavaScript: each is loaded when a rule first names something of it, and then kept.
//!
//! A part is a function of its *natives*, which are what JavaScript cannot do, or cannot do safely once a rule has changed
//! the built-in classes. It gives an object with its classes, and what other parts and Rust need of it.

use std::cell::OnceCell;
use std::rc::Rc;

use cla_runtime::internal::{LibraryScript, Rooted, mark_handled, state_of};
use cla_runtime::js::atom::PredefinedAtom;
use cla_runtime::js::function::{Rest, This};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Exception, Function, Object, Promise, Symbol, Value};

use super::{bodies, crypto, events, fetch};
use crate::state::State;
use crate::throw::error_of;

/// A part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Events,
    Streams,
    Bodies,
    Fetch,
    Crypto,
}

static EVENTS: LibraryScript = LibraryScript::new("cla:web/events", include_str!("events.js"));
static STREAMS: LibraryScript = LibraryScript::new("cla:web/streams", include_str!("streams.js"));
static BODIES: LibraryScript = LibraryScript::new("cla:web/bodies", include_str!("bodies.js"));
static FETCH: LibraryScript = LibraryScript::new("cla:web/fetch", include_str!("fetch.js"));
static CRYPTO: LibraryScript = LibraryScript::new("cla:web/crypto", include_str!("crypto.js"));

impl Part {
    /// How many there are.
    pub(crate) const COUNT: usize = 5;

    const ALL: [Self; Self::COUNT] = [
        Self::Events,
        Self::Streams,
        Self::Bodies,
        Self::Fetch,
        Self::Crypto,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Streams => "streams",
            Self::Bodies => "bodies",
            Self::Fetch => "fetch",
            Self::Crypto => "crypto",
        }
    }

    fn script(self) -> &'static LibraryScript {
        match self {
            Self::Events => &EVENTS,
            Self::Streams => &STREAMS,
            Self::Bodies => &BODIES,
            Self::Fetch => &FETCH,
            Self::Crypto => &CRYPTO,
        }
    }

    /// The part, if the run has loaded it.
    pub(crate) fn loaded<'js>(self, ctx: &Ctx<'js>) -> js::Result<Option<Object<'js>>> {
        let parts: Option<Rc<Parts>> = state_of(ctx);
        let part = parts.and_then(|parts| parts.0[self as usize].get().cloned());
        part.map(|part| part.get(ctx)).transpose()
    }

    /// The part, loaded if it was not.
    pub(crate) fn load<'js>(self, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        if let Some(part) = self.loaded(ctx)? {
            return Ok(part);
        }
        let natives = Object::new(ctx.clone())?;
        common(ctx, &natives)?;
        match self {
            Self::Events => events::natives(ctx, &natives)?,
            Self::Streams => bodies::stream_natives(ctx, &natives)?,
            Self::Bodies => bodies::natives(ctx, &natives)?,
            Self::Fetch => fetch::natives(ctx, &natives)?,
            Self::Crypto => crypto::natives(ctx, &natives)?,
        }
        let make: Function<'js> = self.script().run(ctx)?.get()?;
        let part: Object<'js> = make.call((natives,))?;
        let state = State::of(ctx)?;
        let run = state.run();
        let parts = run.state().unwrap_or_else(|| {
            let parts = Rc::new(Parts::default());
            run.set_state(Rc::clone(&parts));
            parts
        });
        // It was not set meanwhile: making a part runs no code of the rule's.
        let _ = parts.0[self as usize].set(run.keep(ctx, part.clone()));
        Ok(part)
    }
}

/// The parts that a run has loaded.
#[derive(Default)]
struct Parts([OnceCell<Rooted<Object<'static>>>; Part::COUNT]);

/// What every part is given.
fn common<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("apply", Function::new(ctx.clone(), apply))?;
    define("tag", Function::new(ctx.clone(), tag))?;
    define("report", Function::new(ctx.clone(), report))?;
    define("domException", Function::new(ctx.clone(), dom_exception))?;
    define("failure", Function::new(ctx.clone(), failure))?;
    define("deferred", Function::new(ctx.clone(), deferred))?;
    define("handled", Function::new(ctx.clone(), handled))?;
    define("part", Function::new(ctx.clone(), part))?;
    define("loaded", Function::new(ctx.clone(), loaded))?;
    natives.set("iterator", Symbol::iterator(ctx.clone()))?;
    natives.set("asyncIterator", Symbol::async_iterator(ctx.clone()))
}

/// `apply(function, this, ...values)`.
fn apply<'js>(
    function: Function<'js>,
    this: Value<'js>,
    values: Rest<Value<'js>>,
) -> js::Result<Value<'js>> {
    function.call((This(this), values))
}

/// `tag(Class, name)`: what `Object.prototype.toString` says of its instances.
fn tag<'js>(class: Object<'js>, name: String) -> js::Result<()> {
    let prototype: Object<'js> = class.get("prototype")?;
    let tag = PredefinedAtom::SymbolToStringTag;
    prototype.prop(tag, Property::from(name).configurable())
}

/// `report(error)`: nothing will catch it, and the run fails.
pub(super) fn report<'js>(ctx: Ctx<'js>, error: Value<'js>) -> js::Result<()> {
    State::of(&ctx)?.run().report_uncaught(&ctx, error);
    Ok(())
}

/// `domException(message, name)`.
fn dom_exception<'js>(ctx: Ctx<'js>, message: String, name: String) -> Value<'js> {
    let _ = Exception::throw_dom(&ctx, &name, &message);
    ctx.catch()
}

/// `failure(class, message)`: an error for a promise, which has the place of the `await` that it ends.
fn failure<'js>(ctx: Ctx<'js>, class: String, message: String) -> js::Result<Value<'js>> {
    error_of(&ctx, &class, &message)
}

/// `deferred()`: a promise, and what settles it.
fn deferred<'js>(ctx: Ctx<'js>) -> js::Result<Object<'js>> {
    let (promise, resolve, reject) = ctx.promise()?;
    let deferred = Object::new(ctx)?;
    deferred.set("promise", promise)?;
    deferred.set("resolve", resolve)?;
    deferred.set("reject", reject)?;
    Ok(deferred)
}

/// `handled(promise)`: that it is rejected fails no run.
fn handled<'js>(promise: Promise<'js>) -> Promise<'js> {
    mark_handled(&promise);
    promise
}

/// `part(name)`: another part.
fn part<'js>(ctx: Ctx<'js>, name: String) -> js::Result<Object<'js>> {
    named(&name)?.load(&ctx)
}

/// `loaded(name)`: another part, if there is anything of it yet.
fn loaded<'js>(ctx: Ctx<'js>, name: String) -> js::Result<Option<Object<'js>>> {
    named(&name)?.loaded(&ctx)
}

fn named(name: &str) -> js::Result<Part> {
    let part = Part::ALL.into_iter().find(|part| part.name() == name);
    part.ok_or(js::Error::Unknown)
}
