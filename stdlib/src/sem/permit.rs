//! The permits that `take` and `acquire` give, as JavaScript sees them.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{HeldPermit, HostObject, Rooted};
use cla_runtime::js::function::This;
use cla_runtime::js::object::{Accessor, Property};
use cla_runtime::js::{self, Ctx, Function, IntoAtom, IntoJs, Object, Value};

use super::Module;
use super::request::ttl;
use crate::call::Arg;
use crate::statements;
use crate::throw::type_error;

impl Module {
    /// The JavaScript side of a permit.
    pub(super) fn permit_object<'js>(
        &self,
        ctx: &Ctx<'js>,
        held: &Rc<HeldPermit>,
    ) -> js::Result<Value<'js>> {
        if let Some(permits) = &*self.permits.borrow() {
            return HostObject::create(Some(Rc::clone(held)), permits.prototype.get(ctx)?);
        }
        let prototype = permit_prototype(ctx, &self.run)?;
        let layout = HostObject::create(None::<Rc<HeldPermit>>, prototype.clone())?;
        *self.permits.borrow_mut() = Some(Permits {
            prototype: self.run.keep(ctx, prototype.clone()),
            _layout: self.run.keep(ctx, layout),
        });
        HostObject::create(Some(Rc::clone(held)), prototype)
    }
}

/// What permits are made of.
pub(super) struct Permits {
    prototype: Rooted<Object<'static>>,
    /// A permit of nothing, which lives as long as the module. QuickJS forgets the layout of objects
    /// of which there are none, and would work it out anew for the next one.
    _layout: Rooted<Value<'static>>,
}

/// The prototype of the permits that `take` and `acquire` give.
fn permit_prototype<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
    let prototype = Object::new(ctx.clone())?;
    for fact in Fact::ALL {
        let get = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
            let held = held(&ctx, fact.name(), &this.0)?;
            fact.of(&ctx, &held)
        };
        prototype.prop(fact.name(), Accessor::from(get).enumerable().configurable())?;
    }
    let release = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, this: This<Value<'js>>| {
            let held = held(&ctx, "release", &this.0)?;
            if held.with(|_| ()).is_none() {
                return Ok(false);
            }
            let nothing = Value::new_undefined(ctx.clone());
            let finished = statements::finish(&ctx, &Module::of(&run).statements, &nothing);
            let Some(permit) = run.permits().take_permit(&held) else {
                return Ok(false);
            };
            let released = run.block_on(&ctx, permit.release())?;
            finished?;
            js::Result::Ok(released.is_ok())
        }
    };
    let refresh = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, this: This<Value<'js>>, new_ttl: Arg<'js>| {
            let held = held(&ctx, "refresh", &this.0)?;
            let new_ttl = ttl(&ctx, "permit.refresh: ttl", &new_ttl)?;
            let refreshed = held.with(|permit| run.block_on(&ctx, permit.refresh(new_ttl)));
            match refreshed {
                None => Ok(false),
                Some(refreshed) => js::Result::Ok(refreshed?.is_ok()),
            }
        }
    };
    let methods = [
        ("release", Function::new(ctx.clone(), release)?),
        ("refresh", Function::new(ctx.clone(), refresh)?),
    ];
    for (name, method) in methods {
        let property = Property::from(method.with_name(name)?)
            .writable()
            .configurable();
        prototype.prop(name, property)?;
    }
    // `using permit = sem.acquire("db")` gives the slot back at the end of its block, and so does `await using`.
    let symbols: Object<'js> = ctx.globals().get("Symbol")?;
    let release: Value<'js> = prototype.get("release")?;
    for name in ["dispose", "asyncDispose"] {
        let symbol: Value<'js> = symbols.get(name)?;
        // A rule may have another `Symbol`.
        if symbol.is_symbol() {
            let property = Property::from(release.clone()).writable().configurable();
            prototype.prop(symbol.into_atom(ctx)?, property)?;
        }
    }
    let tag = js::atom::PredefinedAtom::SymbolToStringTag;
    prototype.prop(tag, Property::from("SemaphorePermit").configurable())?;
    Ok(prototype)
}

/// The permit inside `this`.
fn held(ctx: &Ctx<'_>, member: &str, this: &Value<'_>) -> js::Result<Rc<HeldPermit>> {
    HostObject::<Option<Rc<HeldPermit>>>::with(this, Option::clone)
        .flatten()
        .ok_or_else(|| {
            type_error(
                ctx,
                format_args!("permit.{member}: this is not a semaphore's permit"),
            )
        })
}

/// What a rule reads from a permit.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Name,
    Id,
    Token,
    Waited,
    Granted,
    Held,
    Lost,
}

impl Fact {
    const ALL: [Self; 7] = [
        Self::Name,
        Self::Id,
        Self::Token,
        Self::Waited,
        Self::Granted,
        Self::Held,
        Self::Lost,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Id => "id",
            Self::Token => "token",
            Self::Waited => "waited",
            Self::Granted => "granted",
            Self::Held => "held",
            Self::Lost => "lost",
        }
    }

    fn of<'js>(self, ctx: &Ctx<'js>, held: &HeldPermit) -> js::Result<Value<'js>> {
        let Some(facts) = held.facts() else {
            return Ok(Value::new_undefined(ctx.clone())); // it was kept for us, who can ask
        };
        match self {
            Self::Name => held.usage().semaphore.name().as_str().into_js(ctx),
            Self::Id => facts.id.to_string().into_js(ctx),
            // Exact up to 2^53: a million permits a second for 285 years.
            Self::Token => (facts.token as f64).into_js(ctx),
            Self::Waited => facts.waited.as_secs_f64().into_js(ctx),
            Self::Granted => facts.granted.into_js(ctx),
            Self::Held => facts.held.into_js(ctx),
            Self::Lost => facts.lost.into_js(ctx),
        }
    }
}
