//! What can follow a dot: the members of a value, found without running any of the rule's code. For prompts that complete
//! names.

use cla_runtime::js::{self, Ctx, Filter, IntoJs, Object, Value};

use crate::intrinsics::{Intrinsics, Property};
use crate::lazy;
use crate::state::State;
use crate::web::late;

/// No value has more members than anybody wants to choose from.
const MOST_MEMBERS: usize = 2_000;

/// A member of a value.
///
/// See [`members`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Whether it is a function.
    pub function: bool,
}

/// The members, own and inherited, of what a path of names leads to from the global scope; those of the scope itself for
/// an empty path. Sorted, without symbols and indices.
///
/// Nothing of the rule's runs: a getter or a proxy on the way leads to nothing, and is a member like others at its end.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Session};
/// use cla_stdlib::{Member, members};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let session = Session::start(&engine, RunOptions::new(), None, |_| {});
/// session.evaluate("globalThis.db = {host: 'db1', connect() {}}", |_, _, _| ()).await?;
/// let found = session.look(|ctx, _| members(ctx, &["db".to_owned()])).await?;
/// let member = |name: &str, function| Member { name: name.to_owned(), function };
/// assert!(found.contains(&member("connect", true)) && found.contains(&member("host", false)));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Lack of memory; or the library is not installed in this run.
pub fn members(ctx: &Ctx<'_>, path: &[String]) -> js::Result<Vec<Member>> {
    let intrinsics = State::of(ctx)?.intrinsics(ctx)?;
    let mut value = ctx.globals().into_value();
    for (at, name) in path.iter().enumerate() {
        let next = match object_of(ctx, &value)? {
            Some(object) => step(&intrinsics, &object, name, at == 0)?,
            None => None,
        };
        match next {
            Some(next) => value = next,
            None => return Ok(Vec::new()),
        }
    }
    let mut members: Vec<Member> = Vec::new();
    if path.is_empty() {
        // Those of the library that nothing has named yet.
        let late = late::NAMES.iter().map(|name| Member {
            name: (*name).to_owned(),
            function: !matches!(*name, "crypto" | "global" | "navigator" | "process"),
        });
        members.extend(late);
    }
    let mut holder = object_of(ctx, &value)?;
    while let Some(object) = holder {
        if object.is_proxy() || members.len() > MOST_MEMBERS {
            break;
        }
        for key in object.own_keys::<js::String<'_>>(Filter::new().string()) {
            let Ok(name) = key?.to_string() else { continue };
            if name.bytes().all(|digit| digit.is_ascii_digit()) {
                continue;
            }
            let key = name.as_str().into_js(ctx)?;
            let function = matches!(
                intrinsics.own_property(&object, &key),
                Ok(Some(Property::Data { value, .. })) if value.is_function()
            );
            members.push(Member { name, function });
        }
        holder = object.get_prototype();
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    // Own ones come first among equals, for the sort keeps their order.
    members.dedup_by(|later, first| later.name == first.name);
    members.truncate(MOST_MEMBERS);
    Ok(members)
}

/// The property of that name. The library's own globals are made when they are first read, so they are.
fn step<'js>(
    intrinsics: &Intrinsics<'js>,
    object: &Object<'js>,
    name: &str,
    global: bool,
) -> js::Result<Option<Value<'js>>> {
    let key = name.into_js(object.ctx())?;
    if global && (lazy::NAMES.contains(&name) || late::NAMES.contains(&name)) {
        return object.get(name).map(Some);
    }
    intrinsics.data(object, &key)
}

/// The object in which a value's members are: itself, or the prototype of a primitive's class.
fn object_of<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<Option<Object<'js>>> {
    if let Some(object) = value.as_object() {
        return Ok(Some(object.clone()));
    }
    let class = match value.type_of() {
        js::Type::String => "String",
        js::Type::Int | js::Type::Float => "Number",
        js::Type::Bool => "Boolean",
        js::Type::BigInt => "BigInt",
        js::Type::Symbol => "Symbol",
        _ => return Ok(None),
    };
    let intrinsics = State::of(ctx)?.intrinsics(ctx)?;
    let key = class.into_js(ctx)?;
    let class = intrinsics.data(&ctx.globals(), &key)?;
    let prototype = match class.as_ref().and_then(Value::as_object) {
        Some(class) => intrinsics.data(class, &"prototype".into_js(ctx)?)?,
        None => None,
    };
    Ok(prototype.and_then(Value::into_object))
}
