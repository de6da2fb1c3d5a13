//! `cla/rule`: rules from within rules. Runs other rules, makes rulebooks of data, marks regions.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run, value_to_json};
use cla_runtime::internal::{HostObject, MemoryReservation, Rooted};
use cla_runtime::js::function::{Constructor, This};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Function, Object, Value};
use cla_runtime::value::{RuleValue, Wanted};
use cla_runtime::{RuleError, RunOptions, Script};
use cla_stdlib::internal::{
    Arg, define, define_region, entries, error, name_argument, named, syntax_error, type_error,
    unknown_option, wrong,
};
use serde_json::{Map, Value as Json, json};

use crate::program;

/// The module.
pub(crate) struct Rule;

impl NativeModule for Rule {
    fn name(&self) -> &str {
        "cla/rule"
    }

    fn takes_slots(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let module = Rc::new(Module {
            run: Rc::clone(run),
            error: RefCell::default(),
            prototype: RefCell::default(),
        });
        let exports = Object::new(ctx.clone())?;
        let this = Rc::clone(&module);
        define(
            &exports,
            "run",
            move |ctx: Ctx<'js>, rule: Arg<'js>, stash: Arg<'js>, options: Arg<'js>| {
                this.start(&ctx, &rule, &stash, &options)
            },
        )?;
        let this = Rc::clone(&module);
        define(
            &exports,
            "create",
            move |ctx: Ctx<'js>, options: Arg<'js>, tree: Arg<'js>| {
                this.create(&ctx, &options, &tree)
            },
        )?;
        define_region(run, &exports)?;
        exports.set("RuleError", module.error_class(ctx)?)?;
        Ok(exports)
    }
}

/// The module in one run.
struct Module {
    run: Rc<Run>,
    error: RefCell<Option<Rooted<Constructor<'static>>>>,
    /// Of the rules that `create` makes.
    prototype: RefCell<Option<Rooted<Object<'static>>>>,
}

/// A rulebook that was made of data.
struct Created {
    name: String,
    text: String,
    _charge: MemoryReservation,
}

/// What a created rule may have besides its tree: first the keys of a rulebook, then what any op may carry.
const BOOK: [&str; 6] = ["name", "description", "vars", "def", "on", "import"];
const CARRIED: [&str; 3] = ["semaphore", "timeout", "on_error"];

impl Module {
    /// `run(rule, stash, { event, name })`: blocks until the rule has ended.
    fn start<'js>(
        &self,
        ctx: &Ctx<'js>,
        rule: &Value<'js>,
        stash: &Value<'js>,
        options: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "rule.run";
        let created = HostObject::<Created>::with(rule, |created| {
            (created.name.clone(), created.text.clone())
        });
        let (shown, script) = match created {
            Some((name, text)) => {
                let script = Script::new(name.as_str(), text);
                let script = match self.run.folder() {
                    Some(folder) => script.in_folder(folder),
                    None => script,
                };
                (name, script)
            }
            None => {
                let file = name_argument(ctx, "rule.run: the rule", rule)?;
                let script = self
                    .run
                    .rule_file("", &file)
                    .map_err(|problem| error(ctx, format_args!("{WHAT}: {problem}")))?;
                (file, script)
            }
        };
        // Without a stash, it has that of this run, and what it changes there is changed here.
        let shares = stash.is_undefined();
        let stash = if shares {
            let stash = self.run.stash(ctx)?.into_value();
            RuleValue::read_data(ctx, "rule.run: the stash", stash)?
        } else if stash.is_null() {
            RuleValue::Null
        } else if stash.is_object() && !stash.is_array() && !stash.is_function() {
            RuleValue::read(ctx, "rule.run: stash", stash.clone())?
        } else {
            return Err(wrong(ctx, "rule.run: the stash", "an object", stash));
        };
        let before = shares.then(|| stash.clone());
        let _charge = self
            .run
            .count_memory(before.as_ref().map_or(0, RuleValue::weight));
        let name = format!("{} › {shown}", self.run.name());
        let mut start = RunOptions::new()
            .name(name)
            .stash_value(stash)
            .wanted(match shares {
                true => Wanted::ValueAndStash,
                false => Wanted::Value,
            });
        for (key, value) in given(ctx, WHAT, options)? {
            let what = format!("{WHAT}: option {key}");
            start = match key.as_str() {
                "event" => start.event(name_argument(ctx, &what, &value)?),
                "name" => start.name(name_argument(ctx, &what, &value)?),
                _ => return Err(unknown_option(ctx, WHAT, &key, &["event", "name"], &[])),
            };
        }
        let report = self.run.run_rule(ctx, script, start)?;
        if let Err(error) = report.result {
            return Err(self.failed(ctx, &shown, &error));
        }
        let Some(before) = before else {
            return report.value.make(ctx);
        };
        let RuleValue::Array(parts) = report.value else {
            return Err(js::Error::Unknown);
        };
        let mut parts = parts.into_iter();
        let value = parts.next().unwrap_or_default();
        self.take_over(ctx, before, parts.next().unwrap_or_default())?;
        value.make(ctx)
    }

    /// Changes in the stash of this run what another rule has changed in its copy; what it left alone stays the very same.
    fn take_over(&self, ctx: &Ctx<'_>, before: RuleValue, after: RuleValue) -> js::Result<()> {
        let (RuleValue::Object(before), RuleValue::Object(after)) = (before, after) else {
            return Ok(());
        };
        let stash = self.run.stash(ctx)?;
        let kept: HashSet<&str> = after.iter().map(|(key, _)| key.as_str()).collect();
        for (key, _) in &before {
            if !kept.contains(key.as_str()) {
                stash.remove(key.as_str())?;
            }
        }
        let before: HashMap<String, RuleValue> = before.into_iter().collect();
        for (key, value) in after {
            if before.get(&key) != Some(&value) {
                // Defined rather than set: `__proto__` is a key like any other.
                let value = value.make(ctx)?;
                let property = Property::from(value).writable().enumerable().configurable();
                stash.prop(key.as_str(), property)?;
            }
        }
        Ok(())
    }

    /// `create(options, tree)`: a rulebook made of data.
    fn create<'js>(
        &self,
        ctx: &Ctx<'js>,
        options: &Value<'js>,
        tree: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "rule.create";
        let (mut book, mut carried) = (Map::new(), Map::new());
        let mut name = "rule".to_owned();
        for (key, value) in given(ctx, WHAT, options)? {
            if key == "name" {
                name = name_argument(ctx, "rule.create: option name", &value)?;
            }
            let of = match key.as_str() {
                key if BOOK.contains(&key) => &mut book,
                key if CARRIED.contains(&key) => &mut carried,
                _ => {
                    let known: Vec<&str> = BOOK.into_iter().chain(CARRIED).collect();
                    return Err(unknown_option(ctx, WHAT, &key, &known, &[]));
                }
            };
            of.insert(key, data(ctx, value)?);
        }
        if !tree.is_undefined() {
            if !tree.is_object() && !tree.is_string() {
                return Err(wrong(ctx, "rule.create: the tree", "a list of ops", tree));
            }
            let tree = data(ctx, tree.clone())?;
            let block = if carried.is_empty() {
                tree
            } else {
                carried.insert("do".to_owned(), tree);
                carried.insert("name".to_owned(), name.clone().into());
                json!([carried])
            };
            book.insert("do".to_owned(), block);
        }
        // JSON is YAML; in lines, for errors that point at one.
        let mut text = format!("{:#}", Json::Object(book));
        text.shrink_to_fit();
        let file = format!("{name}.yml");
        program::read(self.run.modules(), &file, &text.as_str().into(), &self.run)
            .map(drop)
            .map_err(|error| syntax_error(ctx, format_args!("{WHAT}: {}", in_full(&error))))?;
        let created = Created {
            _charge: self.run.count_memory(file.len() + text.len()),
            name: file,
            text,
        };
        HostObject::create(created, self.prototype(ctx)?)
    }

    /// The prototype of created rules: `name`, `run(stash, options)` and the text.
    fn prototype<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        if let Some(prototype) = &*self.prototype.borrow() {
            return prototype.get(ctx);
        }
        let prototype = Object::new(ctx.clone())?;
        let module = Rc::new(Self {
            run: Rc::clone(&self.run),
            error: RefCell::new(self.error.borrow().clone()),
            prototype: RefCell::default(),
        });
        let run =
            move |ctx: Ctx<'js>, this: This<Value<'js>>, stash: Arg<'js>, options: Arg<'js>| {
                module.start(&ctx, &this.0, &stash, &options)
            };
        let method = |function: Function<'js>| Property::from(function).writable().configurable();
        prototype.prop("run", method(named(ctx, "run", run)?))?;
        let text = |ctx: Ctx<'js>, this: This<Value<'js>>| {
            HostObject::<Created>::with(&this.0, |created| created.text.clone())
                .ok_or_else(|| type_error(&ctx, "toString: this is no rule"))
        };
        prototype.prop("toString", method(named(ctx, "toString", text)?))?;
        let name = |ctx: Ctx<'js>, this: This<Value<'js>>| {
            HostObject::<Created>::with(&this.0, |created| created.name.clone())
                .ok_or_else(|| type_error(&ctx, "name: this is no rule"))
        };
        let name = js::object::Accessor::from(name).enumerable().configurable();
        prototype.prop("name", name)?;
        let tag = js::atom::PredefinedAtom::SymbolToStringTag;
        prototype.prop(tag, Property::from("Rule").configurable())?;
        *self.prototype.borrow_mut() = Some(self.run.keep(ctx, prototype.clone()));
        Ok(prototype)
    }

    /// Throws how another rule failed.
    fn failed(&self, ctx: &Ctx<'_>, rule: &str, error: &RuleError) -> js::Error {
        let place = error.location.as_ref();
        let place = place.map(|at| format!("{}:{}:{}", at.file, at.line, at.column));
        let message = match &place {
            Some(place) => format!("{rule} failed: {} ({place})", error.message),
            None => format!("{rule} failed: {}", error.message),
        };
        let thrown = self.error_class(ctx).and_then(|class| {
            class
                .construct::<_, Value<'_>>((
                    message,
                    rule,
                    error.name.as_str(),
                    error.message.as_str(),
                    place,
                ))
                .inspect(|_| self.run.modules().prepare_cause(error))
        });
        match thrown {
            Ok(thrown) => ctx.throw(thrown),
            Err(error) => error,
        }
    }

    fn error_class<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Constructor<'js>> {
        if let Some(class) = &*self.error.borrow() {
            return class.get(ctx);
        }
        let mut options = js::context::EvalOptions::default();
        options.filename = Some("cla/rule".into());
        options.backtrace_barrier = true;
        let class: Constructor<'js> = ctx.eval_with_options(ERROR_CLASS, options)?;
        *self.error.borrow_mut() = Some(self.run.keep(ctx, class.clone()));
        Ok(class)
    }
}

/// As JavaScript would write it; the error of the other rule is its cause.
const ERROR_CLASS: &str = "(() => {
    class RuleError extends Error {
        constructor(message, rule, name, reason, place) {
            const cause = new Error(reason);
            if (place !== undefined) cause.stack = `    at <anonymous> (${place})\\n`;
            if (name !== undefined && name !== 'Error') {
                Object.defineProperty(cause, 'name', { value: name, writable: true, configurable: true });
            }
            super(message, { cause });
            this.rule = rule;
            if (place !== undefined) this.location = place;
        }
    }
    Object.defineProperty(RuleError.prototype, 'name', { value: 'RuleError', writable: true, configurable: true });
    return RuleError;
})()";

/// What is wrong, where, and what to do.
fn in_full(error: &RuleError) -> String {
    let mut text = error.message.clone();
    if let Some(help) = &error.help {
        text.push_str(&format!("; {help}"));
    }
    if let Some(at) = &error.location {
        text.push_str(&format!(" ({}:{}:{})", at.file, at.line, at.column));
    }
    text
}

/// The entries of an options object, in order.
fn given<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    options: &Value<'js>,
) -> js::Result<Vec<(String, Value<'js>)>> {
    if options.is_undefined() || options.is_null() {
        return Ok(Vec::new());
    }
    let object = options
        .as_object()
        .filter(|_| !options.is_function() && !options.is_array());
    match object {
        Some(object) => entries(object).collect(),
        None => Err(wrong(
            ctx,
            &format!("{what}: options"),
            "an object",
            options,
        )),
    }
}

/// A part of a rule as data; functions have no place in it, as nothing of this run exists in the other.
fn data<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> js::Result<Json> {
    const MOST: usize = 100_000;
    let mut left = vec![value.clone()];
    let mut seen = 0;
    while let Some(value) = left.pop() {
        if value.is_function() {
            let message = "rule.create: a rule is data, without functions: write their code as a text, as in \
                           { js: \"print(1)\" }";
            return Err(type_error(ctx, message));
        }
        seen += 1;
        // Larger ones, and circles, are refused when they become JSON or a rulebook.
        if seen + left.len() > MOST {
            break;
        }
        if let Some(array) = value.as_array() {
            // An array of nothing may be billions long.
            left.extend(array.iter::<Value<'js>>().take(MOST).flatten());
        } else if let Some(object) = value.as_object() {
            left.extend(
                object
                    .props::<String, Value<'js>>()
                    .take(MOST)
                    .flatten()
                    .take(MOST)
                    .map(|(_, value)| value),
            );
        }
    }
    value_to_json(ctx, value)
}
