//! Loads and evaluates ES modules, with all that they import.
//!
//! QuickJS ends the process when it is to link a module that it is evaluating, and keeps pointers to modules that it has
//! freed when a module of a circle cannot be loaded. What is done about it:
//!
//! 1. A module is declared after what it imports. If that cannot be loaded, the module is not declared at all. In a
//!    circle, QuickJS asks for what is not declared yet: there a module that cannot be loaded is declared as an empty one,
//!    and nothing that leads to it is ever linked ([`Stage::Failed`]).
//! 2. Modules are evaluated one by one, in the order of the language. So it is known which of them is being evaluated when
//!    its code asks for another one, and what leads back to it is refused with an error that names the circle.
//! 3. What failed to be linked is not linked again.
//!
//! `import()` begins with the [`Resolver`](rquickjs::loader::Resolver), when QuickJS is at rest: the module is loaded and
//! evaluated there, and QuickJS finds it done.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::loader::ImportAttributes;
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Exception, Module, Object, Persistent, Promise, Value};
use serde_json::Value as Json;

use super::graph::{Graph, Stage};
use super::load::{self, Form};
use super::{ModuleCache, Reference, assets, linking};
use crate::error::source::Sources;
use crate::run::Run;
use crate::sys::quickjs::{self, KeptModule};

/// The `code` of the error that names a circle.
const CIRCLE: &str = "MODULE_CIRCLE";

/// The name of a module that throws.
const GATE: &str = "\u{1}gate";

/// What the names of modules begin with that link others.
const LINK: &str = "\u{1}link";

/// So many modules of a circle are named in an error.
const MOST_NAMED: usize = 12;

/// The ES modules of a run.
#[derive(Default)]
pub(super) struct EsModules {
    graph: RefCell<Graph>,
    /// What QuickJS knows, by canonical name.
    declared: RefCell<HashMap<String, KeptModule>>,
    /// In the order in which they were declared.
    order: RefCell<Vec<String>>,
    /// Why modules cannot be loaded or linked.
    failures: RefCell<HashMap<String, Persistent<Value<'static>>>>,
    /// What the specifiers in declarations mean, by importer.
    specifiers: RefCell<HashMap<(String, String), String>>,
    /// How many modules are being declared, each for the one before.
    declaring: Cell<u32>,
    /// What `require` gives of those that have a default export.
    views: RefCell<HashMap<String, KeptModule>>,
    /// How many modules were made to link others.
    links: Cell<u64>,
    /// How many modules are in each of the units that are being evaluated.
    running: RefCell<Vec<usize>>,
}

impl EsModules {
    /// Drops every JavaScript value.
    pub(super) fn clear(&self) {
        self.declared.borrow_mut().clear();
        self.views.borrow_mut().clear();
        self.failures.borrow_mut().clear();
    }

    pub(super) fn is_declared(&self, name: &str) -> bool {
        self.declared.borrow().contains_key(name)
    }

    /// Whether QuickJS is in the midst of declaring a module.
    pub(super) fn is_declaring(&self) -> bool {
        self.declaring.get() > 0
    }

    /// Whether modules that import each other are being evaluated: then no job may run, for QuickJS does not expect that
    /// one of them goes on.
    pub(super) fn is_circle_running(&self) -> bool {
        self.running.borrow().iter().any(|members| *members > 1)
    }

    pub(super) fn module<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        match self.declared.borrow().get(name) {
            Some(module) => module.get(ctx),
            None => Err(rquickjs::Error::Unknown),
        }
    }

    fn fail<'js>(&self, ctx: &Ctx<'js>, name: &str, reason: &Value<'js>) {
        let reason = Persistent::save(ctx, reason.clone());
        let mut failures = self.failures.borrow_mut();
        failures.entry(name.to_owned()).or_insert(reason);
        self.graph.borrow_mut().set(name, Stage::Failed);
    }

    /// Throws why something that `name` leads to, or itself, cannot be loaded.
    fn throw_failed(&self, ctx: &Ctx<'_>, name: &str) -> rquickjs::Result<()> {
        let Some(way) = self.graph.borrow().way_to(name, Stage::Failed) else {
            return Ok(());
        };
        let failed = way.last().map_or("", |name| name);
        let reason = self.failures.borrow().get(failed).cloned();
        match reason {
            Some(reason) => Err(ctx.throw(reason.restore(ctx)?)),
            None => Err(rquickjs::Error::Unknown),
        }
    }

    /// Declares a module, and those that QuickJS asks for meanwhile.
    fn declare<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Rc<Run>,
        name: &str,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        let before = self.order.borrow().len();
        self.declaring.set(self.declaring.get() + 1);
        let module = load::declare(ctx, run, name);
        self.declaring.set(self.declaring.get() - 1);
        match module {
            Ok(module) => {
                self.note(name, &module);
                Ok(module)
            }
            Err(error) if error.is_exception() => {
                // QuickJS has freed the module, and others may still point to it.
                let reason = ctx.catch();
                let since = self.order.borrow()[before..].to_vec();
                for name in since {
                    self.fail(ctx, &name, &reason);
                }
                Err(ctx.throw(reason))
            }
            Err(error) => Err(error),
        }
    }

    fn note(&self, name: &str, module: &Module<'_, Declared>) {
        let module = KeptModule::new(module.clone());
        self.declared.borrow_mut().insert(name.to_owned(), module);
        self.order.borrow_mut().push(name.to_owned());
        let mut graph = self.graph.borrow_mut();
        if graph.stage(name).is_none() {
            graph.set(name, Stage::Idle);
        }
    }

    /// Declares a module for which QuickJS asks.
    pub(super) fn asked<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Rc<Run>,
        name: &str,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        if self.failures.borrow().contains_key(name) {
            return self.asked_with(ctx, name, || Err(rquickjs::Error::Unknown));
        }
        self.asked_with(ctx, name, || self.declare(ctx, run, name))
    }

    /// Declares, in this way, a module for which QuickJS asks.
    fn asked_with<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        declare: impl FnOnce() -> rquickjs::Result<Module<'js, Declared>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        match declare() {
            Ok(module) => Ok(module),
            // No other module has heard of it yet.
            Err(error) if !self.is_declaring() => Err(error),
            Err(error) => {
                if error.is_exception() {
                    self.fail(ctx, name, &ctx.catch());
                }
                let empty = Module::declare(ctx.clone(), name, "")?;
                self.note(name, &empty);
                Ok(empty)
            }
        }
    }

    /// What a specifier in a declaration means.
    pub(super) fn resolve(
        &self,
        ctx: &Ctx<'_>,
        modules: &ModuleCache,
        importer: &str,
        specifier: &str,
    ) -> rquickjs::Result<String> {
        let key = (importer.to_owned(), specifier.to_owned());
        if let Some(name) = self.specifiers.borrow().get(&key) {
            return Ok(name.clone());
        }
        let name = load::resolve_or_throw(ctx, modules, importer, specifier, Reference::Declared)?;
        self.specifiers.borrow_mut().insert(key, name.clone());
        Ok(name)
    }

    /// What a specifier means for which QuickJS asks while it declares a module.
    pub(super) fn resolve_asked<'js>(
        &self,
        ctx: &Ctx<'js>,
        modules: &ModuleCache,
        importer: &str,
        specifier: &str,
        attributes: Option<&ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if importer.starts_with(LINK) {
            return Ok(specifier.to_owned());
        }
        let resolved = self.resolve(ctx, modules, importer, specifier);
        let resolved = match attributes {
            Some(attributes) => {
                resolved.and_then(|name| assets::name(ctx, modules, &name, attributes))
            }
            None => resolved,
        };
        let name = match resolved {
            Ok(name) => name,
            Err(error) => {
                let mut specifiers = self.specifiers.borrow_mut();
                let name = format!("unresolved {}", specifiers.len());
                if error.is_exception() {
                    self.fail(ctx, &name, &ctx.catch());
                }
                // With attributes, it is not what it is without.
                let specifier = match attributes {
                    Some(_) => name.clone(),
                    None => specifier.to_owned(),
                };
                specifiers.insert((importer.to_owned(), specifier), name.clone());
                name
            }
        };
        self.graph.borrow_mut().import(importer, &name);
        Ok(name)
    }
}

/// A module that is being loaded.
struct Visit {
    name: String,
    imports: std::vec::IntoIter<String>,
}

impl Visit {
    fn of(ctx: &Ctx<'_>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Self> {
        let modules = run.modules();
        let imports = match load::form(ctx, run, name)? {
            Form::Module(_, Some(shape)) => {
                let names = shape
                    .imports
                    .iter()
                    .map(|specifier| modules.es.resolve(ctx, modules, name, specifier));
                names.collect::<Result<Vec<_>, _>>()?
            }
            _ => Vec::new(),
        };
        Ok(Self {
            name: name.to_owned(),
            imports: imports.into_iter(),
        })
    }
}

/// Loads an ES module, and all that it imports; nothing of it is evaluated.
fn load_all(ctx: &Ctx<'_>, run: &Rc<Run>, root: &str) -> rquickjs::Result<()> {
    let es = &run.modules().es;
    if es.is_declared(root) {
        return Ok(());
    }
    if es.is_declaring() {
        // A hook of the script's own, such as `Error.prepareStackTrace`.
        let message = format!("module '{root}' cannot be loaded while another one is being loaded");
        return Err(Exception::throw_message(ctx, &message));
    }
    let mut known = HashSet::from([root.to_owned()]);
    let mut way = vec![Visit::of(ctx, run, root)?];
    while let Some(visit) = way.last_mut() {
        if let Some(imported) = visit.imports.next() {
            if !es.is_declared(&imported) && known.insert(imported.clone()) {
                run.checkpoint(ctx)?;
                way.push(Visit::of(ctx, run, &imported)?);
            }
            continue;
        }
        // In a circle, QuickJS may have asked for it already.
        if !es.is_declared(&visit.name) {
            es.declare(ctx, run, &visit.name)?;
            es.throw_failed(ctx, &visit.name)?;
        }
        way.pop();
    }
    Ok(())
}

/// Evaluates an ES module and what it imports, as far as that was not done, and gives the promise of its end.
///
/// # Errors
///
/// Something cannot be loaded or linked, or the module leads back to one that is being evaluated. What the code of the
/// modules throws is in the promise.
pub fn import<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, root: &str) -> rquickjs::Result<Promise<'js>> {
    let es = &run.modules().es;
    load_all(ctx, run, root)?;
    if es.is_declaring() {
        let message = format!("module '{root}' cannot run while another one is being loaded");
        return Err(Exception::throw_message(ctx, &message));
    }
    let way = es.graph.borrow().way_to(root, Stage::Running);
    if let Some(way) = way {
        return Err(throw_circle(ctx, run.modules(), &way));
    }
    es.throw_failed(ctx, root)?;
    let units = match es.graph.borrow().stage(root) {
        Some(Stage::Done) => Vec::new(),
        _ => es.graph.borrow().units(root),
    };
    link(ctx, run, &units)?;
    for unit in units {
        let promise = evaluate(ctx, run, &unit)?;
        if promise.state() == PromiseState::Rejected {
            // What imports it fails likewise, without running.
            break;
        }
    }
    // What was evaluated stays so: this gives its promise.
    let root: Arc<str> = root.into();
    evaluate(ctx, run, &[root])
}

/// Links those that could fail to be linked only after others have run: where nothing fits, nothing runs.
///
/// QuickJS links and evaluates in one go. So each is imported by a small module that first imports one that throws.
fn link(ctx: &Ctx<'_>, run: &Rc<Run>, units: &[Vec<Arc<str>>]) -> rquickjs::Result<()> {
    let modules = run.modules();
    let es = &modules.es;
    let runs_code = |unit: &&Vec<Arc<str>>| unit.iter().any(|name| !modules.is_source(name));
    let Some(first) = units.iter().position(|unit| runs_code(&unit)) else {
        return Ok(());
    };
    for unit in &units[first + 1..] {
        let has_imports = |name: &Arc<str>| es.graph.borrow().has_imports(name);
        let Some(name) = unit.first().filter(|_| unit.iter().any(has_imports)) else {
            continue;
        };
        if !es.is_declared(GATE) {
            let gate = Module::declare(ctx.clone(), GATE, "throw 0")?;
            es.note(GATE, &gate);
        }
        let number = es.links.get() + 1;
        es.links.set(number);
        let (gate, name) = (Json::from(GATE), Json::from(&**name));
        let code = format!("import {gate}; import * as it from {name};");
        es.declaring.set(es.declaring.get() + 1);
        let around = Module::declare(ctx.clone(), format!("{LINK}{number}"), code);
        es.declaring.set(es.declaring.get() - 1);
        match around?.eval() {
            Ok((_, promise)) => forget(ctx, run, &promise),
            Err(error) if error.is_exception() => {
                let reason = ctx.catch();
                linking::explain(ctx, run, &reason);
                for name in unit {
                    es.fail(ctx, name, &reason);
                }
                return Err(ctx.throw(reason));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the promise is rejected is of no interest to the event loop.
fn forget<'js>(ctx: &Ctx<'js>, run: &Run, promise: &Promise<'js>) {
    quickjs::mark_handled(promise);
    let (promise, nothing) = (
        promise.clone().into_value(),
        Value::new_undefined(ctx.clone()),
    );
    run.event_loop.track_rejection(ctx, promise, nothing, true);
}

/// Evaluates a module, or several that import each other, whose other imports are evaluated.
fn evaluate<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    unit: &[Arc<str>],
) -> rquickjs::Result<Promise<'js>> {
    let es = &run.modules().es;
    let set = |stage| {
        let mut graph = es.graph.borrow_mut();
        for name in unit {
            graph.set(name, stage);
        }
    };
    let module = es.module(ctx, unit.first().map_or("", |name| name))?;
    set(Stage::Running);
    es.running.borrow_mut().push(unit.len());
    let evaluated = module.eval();
    es.running.borrow_mut().pop();
    match evaluated {
        Ok((_, promise)) => {
            set(Stage::Done);
            // Whether it was rejected is looked at by the module that imports it.
            forget(ctx, run, &promise);
            Ok(promise)
        }
        Err(error) if error.is_exception() => {
            let reason = ctx.catch();
            linking::explain(ctx, run, &reason);
            for name in unit {
                es.fail(ctx, name, &reason);
            }
            Err(ctx.throw(reason))
        }
        Err(error) => {
            set(Stage::Failed);
            Err(error)
        }
    }
}

/// The exports of an ES module that was evaluated.
pub fn namespace<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Object<'js>> {
    run.modules().es.module(ctx, name)?.namespace()
}

/// The exports of an ES module that was evaluated, for `require`, as Node.js gives them: what it exports as
/// `"module.exports"`; or all of it, and `__esModule` if it has a default export, by which compiled code knows that.
pub(super) fn required<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Value<'js>> {
    let namespace = namespace(ctx, run, name)?;
    if namespace.contains_key("module.exports")? {
        return namespace.get("module.exports");
    }
    if !namespace.contains_key("default")? || namespace.contains_key("__esModule")? {
        return Ok(namespace.into_value());
    }
    let es = &run.modules().es;
    if let Some(view) = es.views.borrow().get(name) {
        return Ok(view.get(ctx)?.namespace()?.into_value());
    }
    let number = es.links.get() + 1;
    es.links.set(number);
    let from = Json::from(name);
    let code = format!(
        "export * from {from}; export {{ default }} from {from}; export const __esModule = true;"
    );
    es.declaring.set(es.declaring.get() + 1);
    let view = Module::declare(ctx.clone(), format!("{LINK}{number}"), code);
    es.declaring.set(es.declaring.get() - 1);
    let view = view?;
    let kept = KeptModule::new(view.clone());
    let (_, promise) = view.eval()?;
    forget(ctx, run, &promise);
    es.views.borrow_mut().insert(name.to_owned(), kept);
    let views = es.views.borrow();
    match views.get(name) {
        Some(view) => Ok(view.get(ctx)?.namespace()?.into_value()),
        None => Err(rquickjs::Error::Unknown),
    }
}

/// Throws an error that names a circle: the way from what was asked for to the module that is being evaluated.
fn throw_circle(ctx: &Ctx<'_>, modules: &ModuleCache, way: &[Arc<str>]) -> rquickjs::Error {
    let shown = |name: &Arc<str>| modules.display_name(name);
    let (Some(first), Some(last)) = (way.first(), way.last()) else {
        return rquickjs::Error::Unknown;
    };
    let mut names: Vec<String> = way.iter().map(shown).collect();
    if way.len() > 1 {
        names.insert(0, shown(last));
    }
    if names.len() > MOST_NAMED {
        let tail = names.split_off(names.len() - MOST_NAMED / 2);
        names.truncate(MOST_NAMED / 2);
        names.push("…".to_owned());
        names.extend(tail);
    }
    let message = if way.len() == 1 {
        format!(
            "cannot load the ES module {}: it is being evaluated, so it has nothing to give yet",
            shown(first)
        )
    } else {
        format!(
            "cannot load the ES module {}: it imports {}, which is being evaluated and needs it: {}",
            shown(first),
            shown(last),
            names.join(" → ")
        )
    };
    match Exception::from_message(ctx.clone(), &message) {
        Ok(error) => match error.as_object().set("code", CIRCLE) {
            Ok(()) => error.throw(),
            Err(error) => error,
        },
        Err(error) => error,
    }
}
