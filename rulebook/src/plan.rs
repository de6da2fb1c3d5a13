//! What a rulebook would do, without doing it.

use std::collections::HashSet;
use std::path::Path;

use cla_runtime::RuleError;
use cla_runtime::internal::{LineEnds, Subject, pointing};
use cla_runtime::plan::{
    Plan, PlannedConcurrency, PlannedFork, PlannedImport, PlannedOp, PlannedSemaphore,
};
use serde_json::Value as Json;

use crate::check;
use crate::inputs;
use crate::parse::concurrency::word;
use crate::template::{Piece, Template};
use crate::tree::{
    Block, Book, Callee, Condition, Data, Import, Imported, OnError, Op, Parallel, Planned,
    Planner, Region, first_line,
};
use crate::yaml::json_number;

/// Tells what a rulebook would do with this stash, for this event, without doing anything.
///
/// # Errors
///
/// All that is wrong with the rulebook; an event that it does not have.
///
/// ```
/// let plan = cla_rulebook::plan(
///     "deploy.yml",
///     "{vars: {env: test}, do: [{semaphore: 'deploy-${env}', shell: make deploy}]}",
///     None,
///     &serde_json::Value::Null,
/// )?;
/// assert_eq!(plan.semaphores[0].name, "deploy-test");
/// # Ok::<(), cla_runtime::RuleError>(())
/// ```
pub fn plan(name: &str, text: &str, event: Option<&str>, stash: &Json) -> Result<Plan, RuleError> {
    let book = check::read(name, Some(check::folder_of(Path::new(name))), &text.into())?;
    plan_of(&book, name, event, stash)
}

/// What this rulebook would do. `name` is the one that its user knows.
pub(crate) fn plan_of(
    book: &Book,
    name: &str,
    event: Option<&str>,
    stash: &Json,
) -> Result<Plan, RuleError> {
    let block = match event {
        Some(event) => book
            .on
            .iter()
            .find(|(on, _)| on == event)
            .map(|(_, ops)| ops),
        None => book.body.as_ref(),
    };
    let Some(block) = block else {
        let message = match event {
            Some(event) => format!("{} has no event {event:?}", book.title),
            None => format!("{} has no `do`; run it with an event", book.title),
        };
        return Err(RuleError::load(message, None));
    };
    let stash = given(book, name, stash, event.is_some())?;
    let mut planner = BookPlanner {
        book,
        known: known(book, &stash),
        calls: Vec::new(),
        semaphores: Vec::new(),
    };
    let mut plan = Plan::of(name);
    plan.concurrency = book.concurrency.as_ref().map(|concurrency| {
        let semaphore = planner.region(&concurrency.region);
        PlannedConcurrency::new(semaphore, word(concurrency.cancel))
    });
    let ops = planner.block(block);
    plan.event = event.map(str::to_owned);
    plan.ops = Some(ops);
    plan.semaphores = planner.semaphores;
    plan.imports = book.imports.iter().map(imported).collect();
    Ok(plan)
}

fn imported(import: &Import) -> PlannedImport {
    let module = match &import.what {
        Imported::Book(book) => book.name.clone(),
        Imported::Module(module) => module.shown.clone(),
        Imported::Programs(programs) => {
            let paths = programs.iter().map(|program| program.path.as_str());
            paths.collect::<Vec<_>>().join(", ")
        }
    };
    PlannedImport::new(import.from.as_str(), Some(module), import.line)
}

/// The stash with the defaults of the inputs that it does not have.
fn given(book: &Book, name: &str, stash: &Json, is_event: bool) -> Result<Json, RuleError> {
    let mut given = match stash {
        Json::Object(stash) => stash.clone(),
        _ => serde_json::Map::new(),
    };
    inputs::give_inputs(&book.inputs, &mut given, is_event).map_err(|error| {
        let subject = Subject {
            name,
            text: &book.text,
            ends: LineEnds::Plain,
        };
        pointing(subject, error.at.into(), "InputError", error.message, None)
    })?;
    Ok(given.into())
}

/// The variables whose values are known from the beginning to the end.
fn known(book: &Book, stash: &Json) -> serde_json::Map<String, Json> {
    let mut known = serde_json::Map::new();
    for (name, data) in &book.vars {
        if let (Some(name), Some(value)) = (name.literal(), constant(data)) {
            known.insert(name.to_owned(), value);
        }
    }
    if let Json::Object(stash) = stash {
        known.extend(stash.clone());
    }
    let changed: HashSet<String> = check::changed(book);
    known.retain(|name, _| !changed.contains(name));
    known
}

fn constant(data: &Data) -> Option<Json> {
    Some(match data {
        Data::Null => Json::Null,
        Data::Bool(value) => (*value).into(),
        Data::Number(value) => json_number(*value),
        Data::Text(template) => template.literal()?.into(),
        Data::List(items) => items.iter().map(constant).collect::<Option<_>>()?,
        Data::Map(entries) => entries
            .iter()
            .map(|(key, value)| Some((key.literal()?.to_owned(), constant(value)?)))
            .collect::<Option<_>>()?,
    })
}

struct BookPlanner<'a> {
    book: &'a Book,
    known: serde_json::Map<String, Json>,
    /// The defs that are being planned.
    calls: Vec<(&'a str, &'a str)>,
    semaphores: Vec<PlannedSemaphore>,
}

impl<'a> BookPlanner<'a> {
    fn op(&mut self, op: &'a Op) -> PlannedOp {
        let semaphore = op.semaphore.as_ref().map(|region| self.region(region));
        let Planned { what, blocks, call } = op.action.plan(self);
        let mut planned = PlannedOp::new(op.at.line, op.kind.clone());
        planned.name = op.name.as_ref().map(|name| self.template(name));
        planned.what = what.filter(|what| !what.is_empty());
        planned.semaphore = semaphore;
        planned.timeout = op.timeout.as_ref().map(|limit| self.text(limit));
        planned.parallel = op.parallel.map(|parallel| match parallel {
            Parallel::Wait => PlannedFork::Wait,
            Parallel::Leave => PlannedFork::Leave,
        });
        planned.on_error = match &op.on_error {
            OnError::Fail => None,
            OnError::Ignore => Some("ignore".to_owned()),
            OnError::Retry {
                times,
                delay,
                backoff,
            } => {
                let mut text = format!("retry {times} times");
                if let Some(delay) = delay {
                    text.push_str(&format!(", after {}", self.text(delay)));
                }
                if *backoff != 1.0 {
                    text.push_str(&format!(", each time {backoff} times longer"));
                }
                Some(text)
            }
        };
        planned.when = op.when.as_ref().map(|when| self.condition(when));
        planned.register = op.register.as_ref().map(|name| self.template(name));
        planned.blocks = blocks;
        planned.call = call.map(|mut call| {
            let event = call.event.as_deref().unwrap_or_default();
            call.known = is_whole(&call.file) && is_whole(event);
            call
        });
        planned
    }

    fn region(&mut self, region: &Region) -> PlannedSemaphore {
        let name = self.text(&region.key);
        let of = |part: &Option<Data>| part.as_ref().map(|part| self.text(part));
        let is_known = is_whole(&name);
        let mut semaphore = PlannedSemaphore::new(name, is_known);
        semaphore.slots = of(&region.slots);
        semaphore.timeout = of(&region.timeout);
        semaphore.ttl = of(&region.ttl);
        if !self
            .semaphores
            .iter()
            .any(|other| other.name == semaphore.name)
        {
            self.semaphores.push(semaphore.clone());
        }
        semaphore
    }

    fn json(&self, data: &Data) -> Json {
        match data {
            Data::Null => Json::Null,
            Data::Bool(value) => (*value).into(),
            Data::Number(value) => json_number(*value),
            Data::Text(template) => match template.pieces.as_slice() {
                [Piece::Path(hole)] if hole.filters.is_empty() => match self.value(&hole.path.text)
                {
                    Some(value) => value.clone(),
                    None => self.template(template).into(),
                },
                _ => self.template(template).into(),
            },
            Data::List(items) => items.iter().map(|item| self.json(item)).collect(),
            Data::Map(entries) => entries
                .iter()
                .map(|(key, value)| (self.template(key), self.json(value)))
                .collect(),
        }
    }

    /// What is known to be at a path.
    fn value(&self, path: &str) -> Option<&Json> {
        let mut keys = path.split(['.', '[']).map(|key| key.trim_end_matches(']'));
        let mut value = self.known.get(keys.next()?)?;
        for key in keys {
            value = match value {
                Json::Array(items) => items.get(key.parse::<usize>().ok()?)?,
                other => other.get(key)?,
            };
        }
        Some(value)
    }
}

impl<'a> Planner<'a> for BookPlanner<'a> {
    fn block(&mut self, block: &'a Block) -> Vec<PlannedOp> {
        block.iter().map(|op| self.op(op)).collect()
    }

    /// The ops of a def, in which nothing is known but its arguments.
    fn call(&mut self, callee: &'a Callee, arguments: &Data) -> Option<Vec<PlannedOp>> {
        let (book, name) = match callee {
            Callee::Def(name) => (self.book, name),
            Callee::Imported { book, def } => (&**book, def),
            Callee::Export { .. } | Callee::Service(_) => return None,
        };
        let def = book.defs.get(name)?;
        if self.calls.contains(&(&book.name, name)) {
            return None;
        }
        self.calls.push((&book.name, name));
        let mut given = serde_json::Map::new();
        for argument in &def.arguments {
            if let Some(value) = argument.default.as_ref().and_then(constant) {
                given.insert(argument.name.clone(), value);
            }
        }
        if let Data::Map(entries) = arguments {
            for (name, value) in entries {
                let Some(name) = name.literal() else { continue };
                match self.json(value) {
                    value if is_known(&value) => given.insert(name.to_owned(), value),
                    _ => given.remove(name),
                };
            }
        }
        let changed = check::changed(book);
        given.retain(|name, _| !changed.contains(name));
        let known = std::mem::replace(&mut self.known, given);
        let before = std::mem::replace(&mut self.book, book);
        let ops = self.block(&def.body);
        self.book = before;
        self.known = known;
        self.calls.pop();
        Some(ops)
    }

    fn condition(&self, condition: &Condition) -> String {
        match condition {
            Condition::Code(code) => first_line(&code.text),
            Condition::Data(data) => self.text(data),
        }
    }

    fn text(&self, data: &Data) -> String {
        match data {
            Data::Text(template) => self.template(template),
            other => self.json(other).to_string(),
        }
    }

    fn template(&self, template: &Template) -> String {
        let pieces = template.pieces.iter().map(|piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Code(code) => format!("{{{{ {} }}}}", code.text),
            // What a filter makes of a value, only a run knows.
            Piece::Path(hole) if !hole.filters.is_empty() => format!("${{{}}}", hole.written),
            Piece::Path(hole) => match self.value(&hole.path.text) {
                Some(Json::String(text)) => text.clone(),
                Some(Json::Null) => String::new(),
                Some(value) => value.to_string(),
                None => format!("${{{}}}", hole.written),
            },
        });
        pieces.collect()
    }
}

/// Whether nothing in a text is left open.
fn is_whole(text: &str) -> bool {
    !(text.contains("${") || text.contains("{{"))
}

fn is_known(value: &Json) -> bool {
    match value {
        Json::String(text) => is_whole(text),
        Json::Array(items) => items.iter().all(is_known),
        Json::Object(entries) => entries.values().all(is_known),
        _ => true,
    }
}
