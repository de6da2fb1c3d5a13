//! What a rulebook would do, without doing it.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::RuleError;
use cla_runtime::internal::{LineEnds, Subject, pointing};
use cla_runtime::plan::{
    Plan, PlannedBlock, PlannedConcurrency, PlannedFork, PlannedImport, PlannedOp, PlannedSemaphore,
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
    let folder = check::folder_of(Path::new(name));
    let book = check::read(name, Some(folder), &text.into())?;
    let load = |from: &str, file: &str| check::load_called(Some(folder), from, file);
    plan_of(&book, name, event, stash, &load)
}

/// Reads the rulebook that a rulebook of the name `from` calls; gives its canonical name, too. `None` if it is none.
pub(crate) type LoadBook<'l> = dyn Fn(&str, &str) -> Option<(String, Arc<Book>)> + 'l;

/// The most turns of a loop that are shown.
const MOST_TURNS: usize = 24;

/// How deep calls within calls are shown.
const DEEPEST_CALL: usize = 16;

/// The most ops that are shown of calls and of loops: their number can double with each of them.
const MOST_EXPANDED: usize = 5_000;

/// What this rulebook would do. `name` is the one that its user knows.
pub(crate) fn plan_of(
    book: &Book,
    name: &str,
    event: Option<&str>,
    stash: &Json,
    load: &LoadBook<'_>,
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
        files: vec![book.name.clone()],
        left: MOST_EXPANDED,
        depth: 0,
        load,
        facts: HashMap::new(),
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
    /// The rulebooks that are being planned, each called by the one before.
    files: Vec<String>,
    /// How many ops of calls and loops are still shown.
    left: usize,
    /// How many calls and loops deep this is.
    depth: usize,
    load: &'a LoadBook<'a>,
    /// Of each rulebook whose ops were planned, by its name.
    facts: HashMap<String, Rc<Facts>>,
}

/// Which variables change in a rulebook.
struct Facts {
    changed: HashSet<String>,
    /// By other ops than loops.
    assigned: HashSet<String>,
}

/// A line in place of ops that are not shown.
fn instead(label: impl Into<String>) -> PlannedBlock {
    PlannedBlock::new(Some(label.into()), Vec::new())
}

impl<'a> BookPlanner<'a> {
    fn facts(&mut self) -> Rc<Facts> {
        if let Some(facts) = self.facts.get(&self.book.name) {
            return Rc::clone(facts);
        }
        let facts = Rc::new(Facts {
            changed: check::changed(self.book),
            assigned: check::assigned_in(self.book),
        });
        self.facts.insert(self.book.name.clone(), Rc::clone(&facts));
        facts
    }

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
        if self.depth > 0 {
            self.left = self.left.saturating_sub(block.len());
        }
        block.iter().map(|op| self.op(op)).collect()
    }

    fn turns(
        &mut self,
        variable: &str,
        items: Option<Vec<Json>>,
        block: &'a Block,
    ) -> Vec<PlannedBlock> {
        let items = items.filter(|_| !self.facts().assigned.contains(variable));
        let Some(items) = items else {
            // The name may be known from outside of the loop.
            let before = self.known.remove(variable);
            let ops = self.block(block);
            self.known
                .extend(before.map(|value| (variable.to_owned(), value)));
            return vec![PlannedBlock::new(None, ops)];
        };
        let before = self.known.remove(variable);
        self.depth += 1;
        let mut blocks = Vec::new();
        let count = items.len();
        for (nth, item) in items.into_iter().enumerate() {
            if nth == MOST_TURNS || self.left == 0 || self.depth > DEEPEST_CALL {
                blocks.push(instead(match count - nth {
                    1 => "1 more turn".to_owned(),
                    more => format!("{more} more turns"),
                }));
                break;
            }
            let shown = match &item {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            };
            self.known.insert(variable.to_owned(), item);
            let ops = self.block(block);
            blocks.push(PlannedBlock::new(
                Some(format!("{variable} = {shown}")),
                ops,
            ));
        }
        if count == 0 {
            blocks.push(instead("no turn"));
        }
        self.depth -= 1;
        self.known.remove(variable);
        self.known
            .extend(before.map(|value| (variable.to_owned(), value)));
        blocks
    }

    fn known(&self, data: &Data) -> Option<Json> {
        Some(match data {
            Data::Null => Json::Null,
            Data::Bool(value) => (*value).into(),
            Data::Number(value) => json_number(*value),
            Data::Text(template) => match template.pieces.as_slice() {
                [piece] => self.known_piece(piece)?,
                pieces => {
                    let texts = pieces.iter().map(|piece| match self.known_piece(piece)? {
                        Json::Null => Some(String::new()),
                        Json::String(text) => Some(text),
                        other => Some(other.to_string()),
                    });
                    texts.collect::<Option<String>>()?.into()
                }
            },
            Data::List(items) => items
                .iter()
                .map(|item| self.known(item))
                .collect::<Option<_>>()?,
            Data::Map(entries) => entries
                .iter()
                .map(|(key, value)| {
                    let key = self.known(&Data::Text(key.clone()))?;
                    Some((key.as_str()?.to_owned(), self.known(value)?))
                })
                .collect::<Option<_>>()?,
        })
    }

    fn known_piece(&self, piece: &Piece) -> Option<Json> {
        match piece {
            Piece::Literal(text) => Some(text.as_str().into()),
            Piece::Path(hole) if hole.filters.is_empty() => self.value(&hole.path.text).cloned(),
            Piece::Path(_) | Piece::Code(_) => None,
        }
    }

    /// The ops of a rulebook that is called, in which its variables are known and what it is given.
    fn call_rule(
        &mut self,
        file: &Data,
        event: Option<&Data>,
        stash: Option<&Data>,
    ) -> Option<PlannedBlock> {
        let text = |data: &Data| match self.known(data)? {
            Json::String(text) => Some(text),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let file = text(file)?;
        let event = match event {
            Some(event) => Some(text(event)?),
            None => None,
        };
        let (name, book) = (self.load)(&self.book.name, &file)?;
        if self.files.contains(&name) {
            return Some(instead(format!("{file} is called again: it calls itself")));
        }
        if self.depth >= DEEPEST_CALL {
            return Some(instead("deeper calls are not shown"));
        }
        if self.left == 0 {
            return Some(instead("more is not shown: this is too much"));
        }
        let block = match &event {
            Some(event) => book.on.iter().find(|(on, _)| on == event).map(|on| &on.1),
            None => book.body.as_ref(),
        }?;
        let mut given = serde_json::Map::new();
        if let Some(Data::Map(entries)) = stash {
            for (name, value) in entries {
                if let (Some(name), Some(value)) = (name.literal(), self.known(value)) {
                    given.insert(name.to_owned(), value);
                }
            }
        }
        // What is not known must not be taken for the default of the rulebook that is called.
        let open: Vec<String> = match stash {
            Some(Data::Map(entries)) => entries
                .iter()
                .filter_map(|(name, _)| name.literal().map(str::to_owned))
                .filter(|name| !given.contains_key(name))
                .collect(),
            Some(_) => return Some(instead("what it is given is not known")),
            None => Vec::new(),
        };
        let mut known = known(&book, &given.into());
        known.retain(|name, _| !open.contains(name));
        let mut files = self.files.clone();
        files.push(name);
        let mut inner = BookPlanner {
            book: &book,
            known,
            calls: Vec::new(),
            semaphores: std::mem::take(&mut self.semaphores),
            files,
            left: self.left,
            depth: self.depth + 1,
            load: self.load,
            facts: HashMap::new(),
        };
        let ops = inner.block(block);
        self.semaphores = std::mem::take(&mut inner.semaphores);
        self.left = inner.left;
        Some(PlannedBlock::new(None, ops))
    }

    /// The ops of a def, in which nothing is known but its arguments.
    fn call(&mut self, callee: &'a Callee, arguments: &Data) -> Option<PlannedBlock> {
        let (book, name) = match callee {
            Callee::Def(name) => (self.book, name),
            Callee::Imported { book, def } => (&**book, def),
            Callee::Export { .. } | Callee::Service(_) => return None,
        };
        let def = book.defs.get(name)?;
        if self.calls.contains(&(&book.name, name)) {
            return Some(instead(format!("{name} is called again: it calls itself")));
        }
        if self.depth >= DEEPEST_CALL {
            return Some(instead("deeper calls are not shown"));
        }
        if self.left == 0 {
            return Some(instead("more is not shown: this is too much"));
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
        let known = std::mem::take(&mut self.known);
        let before = std::mem::replace(&mut self.book, book);
        let facts = self.facts();
        given.retain(|name, _| !facts.changed.contains(name));
        self.known = given;
        self.depth += 1;
        let ops = self.block(&def.body);
        self.depth -= 1;
        self.book = before;
        self.known = known;
        self.calls.pop();
        Some(PlannedBlock::new(None, ops))
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
