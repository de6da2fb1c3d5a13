//! From JavaScript: the walk through a value.

use std::collections::HashSet;
use std::rc::Rc;

use rquickjs::function::This;
use rquickjs::object::{Filter, ObjectKeysIter};
use rquickjs::{Atom, Ctx, Error, Function, Object, Value};
use serde_json::Value as Json;

use super::unfit::{Key, Step, Unfit, function_in_words, path};
use crate::memory_reservation::MemoryReservation;
use crate::run::{Run, run_of};
use crate::sys::values::{self, Class, class_prototype, with_bytes, with_text};
use crate::text::without_surrogates;
use crate::value::{ALLOCATION, MAX_DEPTH, RuleValue, Tree};

/// How many steps go by between two questions whether the run may go on.
const STEPS_PER_QUESTION: u32 = 512;

/// How many bytes are made between two looks at how many are left.
const BYTES_PER_LOOK: usize = 64 * 1024;

/// What becomes of functions and symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Functions {
    /// They are refused, with an error that names the path.
    Refused,
    /// They are refused, but for the value as a whole, which is `null` then.
    NullOnTop,
    /// They are left out, as `JSON.stringify` leaves them out.
    LeftOut,
}

/// What was read; it counts as the run's memory while this lives.
pub(crate) struct Read<T> {
    pub(crate) tree: T,
    /// Dropped after the tree.
    pub(crate) reservations: Vec<MemoryReservation>,
}

/// The value as JSON. `what` names it in errors.
pub(crate) fn json<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: Value<'js>,
    functions: Functions,
) -> Result<Read<Json>, Unfit> {
    Walk::new(ctx, what, functions)?.read(value)
}

/// The value with all that JSON does not know.
pub(crate) fn value<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: Value<'js>,
    functions: Functions,
) -> Result<Read<RuleValue>, Unfit> {
    Walk::new(ctx, what, functions)?.read(value)
}

/// The value, with a number in the place of each function and object that `keep` keeps; see
/// [`passed`](crate::value::passed).
pub(crate) fn value_keeping<'a, 'js>(
    ctx: &'a Ctx<'js>,
    what: &'a str,
    value: Value<'js>,
    keep: &'a mut Keep<'a, 'js>,
) -> Result<Read<RuleValue>, Unfit> {
    let mut walk = Walk::new(ctx, what, Functions::Refused)?;
    walk.keep = Some(keep);
    walk.read(value)
}

/// Keeps a function or an object that is no data, and gives it a number.
pub(crate) type Keep<'a, 'js> = dyn FnMut(&Object<'js>) -> Option<usize> + 'a;

struct Walk<'a, 'js, T: Tree> {
    ctx: &'a Ctx<'js>,
    what: &'a str,
    functions: Functions,
    keep: Option<&'a mut Keep<'a, 'js>>,
    run: Option<Rc<Run>>,
    /// The values that are being read, each inside the one before.
    open: Vec<Open<'js, T>>,
    steps: u32,
    /// Bytes that are not charged yet.
    bytes: usize,
    reservations: Vec<MemoryReservation>,
}

/// A value that is being read.
struct Open<'js, T: Tree> {
    /// By which it is known again.
    identity: Object<'js>,
    parts: Parts<'js>,
    made: Made<T>,
    /// The part that is being read.
    at: Step<'js>,
    /// The names so far in which something may have been replaced.
    replaced: HashSet<String>,
}

/// Where the parts of a value come from.
enum Parts<'js> {
    /// The elements of an array.
    Elements { next: u64, length: u64 },
    /// Values that were fetched already.
    List(std::vec::IntoIter<Value<'js>>),
    /// Keys and values that were fetched already, to be arrays of two.
    Pairs(std::vec::IntoIter<(Value<'js>, Value<'js>)>),
    /// Properties that were fetched already.
    Fields(std::vec::IntoIter<(Value<'js>, Value<'js>)>),
    /// Properties by their names; those that were read as fields are left out.
    Properties(ObjectKeysIter<'js, Atom<'js>>),
}

enum Made<T: Tree> {
    Array(Vec<T>),
    Object(T::Fields),
}

/// What a value is at first sight.
enum Seen<'js, T: Tree> {
    /// All of it.
    Whole(T),
    /// Something with parts.
    Open(Open<'js, T>),
    /// Nothing: it is left out.
    Nothing,
}

impl<'a, 'js, T: Tree> Walk<'a, 'js, T> {
    fn new(ctx: &'a Ctx<'js>, what: &'a str, functions: Functions) -> Result<Self, Unfit> {
        values::prepare(ctx)?;
        Ok(Self {
            ctx,
            what,
            functions,
            keep: None,
            run: run_of(ctx),
            open: Vec::new(),
            steps: 0,
            bytes: 0,
            reservations: Vec::new(),
        })
    }

    fn read(mut self, value: Value<'js>) -> Result<Read<T>, Unfit> {
        self.ask()?;
        let mut made = match self.see(value)? {
            Seen::Whole(tree) => Some(tree),
            Seen::Open(open) => {
                self.open.push(open);
                None
            }
            Seen::Nothing => Some(T::null()),
        };
        loop {
            if let Some(tree) = made.take() {
                if self.open.is_empty() {
                    self.count(0, true)?;
                    return Ok(Read {
                        tree,
                        reservations: self.reservations,
                    });
                }
                self.put(tree)?;
            }
            match self.next()? {
                Some(part) => match self.see(part)? {
                    Seen::Whole(tree) => made = Some(tree),
                    Seen::Open(open) => self.open.push(open),
                    // Without it an array would lose its order.
                    Seen::Nothing if self.is_in_array() => made = Some(T::null()),
                    Seen::Nothing => {}
                },
                None => {
                    made = self.open.pop().map(|open| match open.made {
                        Made::Array(items) => T::array(items),
                        Made::Object(object) => T::object(object),
                    });
                }
            }
        }
    }

    fn is_in_array(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                made: Made::Array(_),
                ..
            })
        )
    }

    /// The next part of what is being read.
    fn next(&mut self) -> Result<Option<Value<'js>>, Unfit> {
        self.step()?;
        let Some(open) = self.open.last_mut() else {
            return Ok(None);
        };
        let value = match &mut open.parts {
            Parts::Elements { next, length } => {
                if next == length {
                    return Ok(None);
                }
                open.at = Step::Index(*next);
                let at = *next;
                *next += 1;
                match u32::try_from(at) {
                    Ok(index) => open.identity.get(index)?,
                    Err(_) => open.identity.get(at as f64)?,
                }
            }
            Parts::List(values) => match values.next() {
                Some(value) => {
                    open.at = next_index(&open.at);
                    value
                }
                None => return Ok(None),
            },
            Parts::Pairs(pairs) => match pairs.next() {
                Some((key, value)) => {
                    open.at = next_index(&open.at);
                    let pair = rquickjs::Array::new(self.ctx.clone())?;
                    pair.set(0, key)?;
                    pair.set(1, value)?;
                    pair.into_value()
                }
                None => return Ok(None),
            },
            Parts::Fields(fields) => match fields.next() {
                Some((key, value)) => {
                    open.at = Step::Key(Key::Value(key));
                    value
                }
                None => return Ok(None),
            },
            Parts::Properties(keys) => match keys.next().transpose()? {
                Some(key) => {
                    open.at = Step::Key(Key::Atom(key.clone()));
                    open.identity.get(key)?
                }
                None => return Ok(None),
            },
        };
        Ok(Some(value))
    }

    /// Puts a part in its place.
    fn put(&mut self, tree: T) -> Result<(), Unfit> {
        let key = match self.open.last() {
            Some(Open {
                made: Made::Object(_),
                at: Step::Key(key),
                ..
            }) => Some(key.clone()),
            _ => None,
        };
        let key = match key {
            Some(key) => Some(self.key_text(&key)?),
            None => None,
        };
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        match (&mut open.made, key) {
            (Made::Object(object), Some(key)) => {
                // Two names may become the same only where a surrogate is replaced.
                if key.contains('\u{fffd}') && !open.replaced.insert(key.clone()) {
                    return Err(self.no_data(
                        "has the name of another property, when surrogates without their other half are replaced",
                    ));
                }
                T::insert(object, key, tree);
            }
            (Made::Array(items), _) => items.push(tree),
            (Made::Object(_), None) => {}
        }
        Ok(())
    }

    fn key_text(&mut self, key: &Key<'js>) -> Result<String, Unfit> {
        let value = match key {
            Key::Atom(atom) => atom.to_js_string()?.into_value(),
            Key::Value(value) => value.clone(),
        };
        let text = self.text(&value)?;
        self.count(T::ENTRY, false)?;
        Ok(text)
    }

    /// The text of a string.
    fn text(&mut self, value: &Value<'js>) -> Result<String, Unfit> {
        let mut fits = Ok(());
        let text = with_text(value, |bytes| {
            fits = self.count(bytes.len() + ALLOCATION, false);
            if fits.is_err() {
                return String::new();
            }
            match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => without_surrogates(bytes),
            }
        })?;
        fits?;
        Ok(text)
    }

    /// What a value is.
    fn see(&mut self, value: Value<'js>) -> Result<Seen<'js, T>, Unfit> {
        let mut value = value;
        // Before `toJSON`, which an object of the host's may have.
        if let Some(keep) = &mut self.keep
            && let Some(number) = value.as_object().and_then(&mut **keep)
            && let Some(tree) = T::passed(number)
        {
            return self.whole(tree);
        }
        if value.is_object() || value.is_big_int() {
            value = self.replaced(value)?;
        }
        if let Some(number) = value.as_number() {
            return self.whole(T::number(number));
        }
        if value.is_string() {
            let text = self.text(&value)?;
            return self.whole(T::string(text));
        }
        if let Some(boolean) = value.as_bool() {
            return self.whole(T::bool(boolean));
        }
        if value.is_null() {
            return self.whole(T::null());
        }
        if value.is_undefined() {
            return Ok(Seen::Nothing);
        }
        if value.is_big_int() {
            let digits = self.text(&value)?;
            return self.whole(T::big_int(digits));
        }
        match value.as_object() {
            Some(object) => self.see_object(object),
            None if value.is_symbol() => self.no_function("is a symbol"),
            None => Err(self.no_data("is nothing that can leave a run")),
        }
    }

    fn whole(&mut self, tree: T) -> Result<Seen<'js, T>, Unfit> {
        if self.is_in_array() && !self.is_counted_array() {
            self.count(2 * T::ITEM, false)?;
        }
        Ok(Seen::Whole(tree))
    }

    /// Whether the innermost value is an array whose items were counted when it was opened.
    fn is_counted_array(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                parts: Parts::Elements { .. },
                ..
            })
        )
    }

    /// What `toJSON` gives instead, if there is one.
    fn replaced(&mut self, value: Value<'js>) -> Result<Value<'js>, Unfit> {
        let method: Value<'js> = match value.as_object() {
            Some(object) => object.get("toJSON")?,
            None => match self
                .ctx
                .globals()
                .get::<_, Value<'js>>("BigInt")?
                .as_object()
            {
                Some(class) => match class.get::<_, Value<'js>>("prototype")?.as_object() {
                    Some(prototype) => prototype.get("toJSON")?,
                    None => return Ok(value),
                },
                None => return Ok(value),
            },
        };
        let Some(method) = method.as_function() else {
            return Ok(value);
        };
        let key = match self.open.last().map(|open| &open.at) {
            Some(Step::Key(Key::Atom(atom))) => atom.to_js_string()?.into_value(),
            Some(Step::Key(Key::Value(value))) => value.clone(),
            Some(Step::Index(index)) => {
                rquickjs::String::from_str(self.ctx.clone(), &index.to_string())?.into_value()
            }
            Some(Step::Start) | None => {
                rquickjs::String::from_str(self.ctx.clone(), "")?.into_value()
            }
        };
        Ok(method.call((This(value), key))?)
    }

    fn see_object(&mut self, object: &Object<'js>) -> Result<Seen<'js, T>, Unfit> {
        let depth = self.open.len();
        if let Some(known) = (0..depth).find(|at| self.open[*at].identity == *object) {
            let whole = self.path_to(known);
            return Err(self.no_data(&format!(
                "refers back to {whole}: it is circular, which no data is"
            )));
        }
        let class = Class::of(object);
        let refused = match class {
            Class::Function => return self.no_function(&function_in_words(object)),
            Class::Promise => Some("is a promise; await it first"),
            Class::Weak => Some("is a weak collection or reference, which is no data"),
            _ => None,
        };
        if let Some(problem) = refused {
            return Err(self.no_data(problem));
        }
        match class {
            Class::Bytes => return self.bytes(object),
            Class::DataView => return self.view(object),
            Class::RegExp => {
                let text = self.original(object, "toString")?;
                let text = self.text(&text)?;
                return self.whole(T::string(text));
            }
            // One without `toJSON`.
            Class::Date => {
                let text = match self.original(object, "toISOString") {
                    Err(Unfit::Thrown(Error::Exception)) if !self.is_stopped() => {
                        drop(self.ctx.catch());
                        return self.whole(T::null());
                    }
                    text => text?,
                };
                let text = self.text(&text)?;
                return self.whole(T::string(text));
            }
            Class::Other => {
                if let Some(seen) = self.see_other(object)? {
                    return Ok(seen);
                }
            }
            _ => {}
        }
        if depth >= MAX_DEPTH {
            return Err(self.no_data(&format!("is nested more than {MAX_DEPTH} levels deep")));
        }
        // The object itself, and its place in the one around it.
        self.count(2 * T::ITEM, false)?;
        let (parts, made) = match class {
            Class::Array | Class::Numbers => {
                let length: f64 = object
                    .get::<_, rquickjs::Coerced<f64>>("length")?
                    .0
                    .clamp(0.0, 9_007_199_254_740_991.0);
                let length = length as u64;
                let room = usize::try_from(length).unwrap_or(usize::MAX);
                // At once, so that a length alone makes no list that does not fit.
                self.count(room.saturating_mul(T::ITEM), true)?;
                let mut items = Vec::new();
                if items.try_reserve_exact(room).is_err() {
                    return Err(self.too_large());
                }
                (Parts::Elements { next: 0, length }, Made::Array(items))
            }
            Class::Set => {
                let values = self.entries(object, "values")?;
                (Parts::List(values.into_iter()), Made::Array(Vec::new()))
            }
            Class::Map => {
                let entries = self.entries(object, "entries")?;
                let mut pairs: Vec<(Value<'js>, Value<'js>)> = Vec::with_capacity(entries.len());
                for entry in entries {
                    self.step()?;
                    if let Some(pair) = entry.as_object() {
                        pairs.push((pair.get(0)?, pair.get(1)?));
                    }
                }
                if pairs.iter().all(|(key, _)| key.is_string()) {
                    (
                        Parts::Fields(pairs.into_iter()),
                        Made::Object(T::Fields::default()),
                    )
                } else {
                    (Parts::Pairs(pairs.into_iter()), Made::Array(Vec::new()))
                }
            }
            Class::Error => {
                let fields = self.error_fields(object)?;
                (
                    Parts::Fields(fields.into_iter()),
                    Made::Object(T::Fields::default()),
                )
            }
            _ => {
                let keys = object.own_keys(Filter::default());
                (Parts::Properties(keys), Made::Object(T::Fields::default()))
            }
        };
        Ok(Seen::Open(Open {
            identity: object.clone(),
            parts,
            made,
            at: Step::Start,
            replaced: HashSet::new(),
        }))
    }

    /// An object of a class that is none of the known ones: what is in a box, the bytes of a shared buffer, or nothing
    /// special.
    fn see_other(&mut self, object: &Object<'js>) -> Result<Option<Seen<'js, T>>, Unfit> {
        let Some(prototype) = class_prototype(object) else {
            return Ok(None);
        };
        if prototype.contains_key("grow")? && prototype.contains_key("growable")? {
            return self.bytes(object).map(Some);
        }
        let own = Filter::new().string();
        let mut has_value = false;
        for key in prototype.own_keys::<Atom<'js>>(own) {
            has_value |= key?
                .to_js_string()
                .ok()
                .is_some_and(|key| key.to_string().is_ok_and(|key| key == "valueOf"));
        }
        // `Object.prototype` has one too, which gives the object itself.
        if !has_value {
            return Ok(None);
        }
        let value: Value<'js> = self.original(object, "valueOf")?;
        if value.is_object() {
            return Ok(None);
        }
        if value.is_symbol() {
            return self.no_function("is a symbol").map(Some);
        }
        self.see(value).map(Some)
    }

    /// Calls a method that the object's class has from the start.
    fn original(&mut self, object: &Object<'js>, method: &str) -> Result<Value<'js>, Unfit> {
        let Some(prototype) = class_prototype(object) else {
            return Ok(Value::new_undefined(self.ctx.clone()));
        };
        let method: Function<'js> = prototype.get(method)?;
        Ok(method.call((This(object.clone()),))?)
    }

    /// The entries of a map, as arrays, or the values of a set.
    fn entries(&mut self, object: &Object<'js>, method: &str) -> Result<Vec<Value<'js>>, Unfit> {
        let mut values = Vec::new();
        let iterator = self.original(object, method)?;
        let Some(iterator) = iterator.as_object() else {
            return Ok(values);
        };
        let next: Function<'js> = iterator.get("next")?;
        loop {
            self.step()?;
            let result: Object<'js> = next.call((This(iterator.clone()),))?;
            if result.get::<_, rquickjs::Coerced<bool>>("done")?.0 {
                return Ok(values);
            }
            self.count(2 * size_of::<(Value<'js>, Value<'js>)>(), false)?;
            values.push(result.get("value")?);
        }
    }

    /// What becomes data of an error.
    fn error_fields(
        &mut self,
        error: &Object<'js>,
    ) -> Result<Vec<(Value<'js>, Value<'js>)>, Unfit> {
        const TOLD: [&str; 4] = ["name", "message", "cause", "errors"];
        let mut fields = Vec::new();
        for name in TOLD {
            let value: Value<'js> = error.get(name)?;
            if !value.is_undefined() {
                let name = rquickjs::String::from_str(self.ctx.clone(), name)?;
                fields.push((name.into_value(), value));
            }
        }
        for key in error.own_keys::<Atom<'js>>(Filter::default()) {
            self.step()?;
            let key = key?;
            let name = key.to_js_string()?.into_value();
            let known = name.as_string().is_some_and(|name| {
                name.to_string()
                    .is_ok_and(|name| TOLD.contains(&name.as_str()) || name == "stack")
            });
            if !known {
                self.count(size_of::<(Value<'js>, Value<'js>)>(), false)?;
                fields.push((name, error.get(key)?));
            }
        }
        Ok(fields)
    }

    fn bytes(&mut self, object: &Object<'js>) -> Result<Seen<'js, T>, Unfit> {
        self.part_of_bytes(object, 0, usize::MAX)
    }

    fn view(&mut self, view: &Object<'js>) -> Result<Seen<'js, T>, Unfit> {
        let number = |name: &str| -> Result<usize, Unfit> {
            Ok(view.get::<_, rquickjs::Coerced<f64>>(name)?.0 as usize)
        };
        let (start, length) = (number("byteOffset")?, number("byteLength")?);
        let buffer: Value<'js> = view.get("buffer")?;
        match buffer.as_object() {
            Some(buffer) if Class::of(buffer) != Class::DataView => {
                self.part_of_bytes(buffer, start, length)
            }
            _ => Err(self.no_data("has no bytes")),
        }
    }

    fn part_of_bytes(
        &mut self,
        object: &Object<'js>,
        start: usize,
        length: usize,
    ) -> Result<Seen<'js, T>, Unfit> {
        let mut fits = Ok(());
        let tree = with_bytes(object, |bytes| {
            let bytes = bytes.get(start..).unwrap_or_default();
            let bytes = bytes.get(..length).unwrap_or(bytes);
            fits = self.count(T::weight_of_bytes(bytes.len()) + ALLOCATION, true);
            fits.is_ok().then(|| T::bytes(bytes))
        });
        fits?;
        match tree.flatten() {
            Some(tree) => self.whole(tree),
            None => Err(self.no_data("has given its bytes away")),
        }
    }

    // ---- limits

    fn step(&mut self) -> Result<(), Unfit> {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS_PER_QUESTION) {
            self.ask()?;
        }
        Ok(())
    }

    /// Asks whether the run may go on.
    fn ask(&self) -> Result<(), Unfit> {
        match &self.run {
            Some(run) => Ok(run.checkpoint(self.ctx)?),
            None => Ok(()),
        }
    }

    fn is_stopped(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.stopped())
    }

    /// Counts what is about to be made; `now` says that it may be much.
    fn count(&mut self, bytes: usize, now: bool) -> Result<(), Unfit> {
        self.bytes = self.bytes.saturating_add(bytes);
        if !now && self.bytes < BYTES_PER_LOOK {
            return Ok(());
        }
        if let Some(run) = &self.run {
            if run.memory_left() < self.bytes {
                return Err(self.too_large());
            }
            if self.bytes > 0 {
                self.reservations.push(run.count_memory(self.bytes));
            }
        }
        self.bytes = 0;
        Ok(())
    }

    // ---- errors

    fn no_function(&self, problem: &str) -> Result<Seen<'js, T>, Unfit> {
        match self.functions {
            Functions::LeftOut => Ok(Seen::Nothing),
            Functions::NullOnTop if self.open.is_empty() => Ok(Seen::Nothing),
            _ => Err(self.no_data(&format!("{problem}, which is no data"))),
        }
    }

    fn no_data(&self, problem: &str) -> Unfit {
        Unfit::NoData(format!("{} {problem}", self.path_to(self.open.len())))
    }

    fn too_large(&self) -> Unfit {
        Unfit::too_large(self.what, &self.path_to(self.open.len()))
    }

    /// The path to the value at that depth.
    fn path_to(&self, depth: usize) -> String {
        path(self.what, self.open[..depth].iter().map(|open| &open.at))
    }
}

fn next_index<'js>(at: &Step<'js>) -> Step<'js> {
    match at {
        Step::Index(index) => Step::Index(index + 1),
        _ => Step::Index(0),
    }
}
