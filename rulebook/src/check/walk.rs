//! A walk through a rulebook: which semaphores are held where, which variables are set and read, which code there is.

use std::collections::{BTreeSet, HashSet};

use cla_runtime::internal::{CalledRule, HeldSlot, SlotSummary, TakenSlot};

use super::assigned;
use crate::template::{Code, Piece, Template};
use crate::tree::{
    Block, Book, Callee, Condition, Data, Note, OnError, Op, Parallel, Region, Walk,
};
use crate::yaml::{Place, json_number};

/// The most paths through defs that are walked: their number can double with each def.
const MOST_CALLS: usize = 2_000;

/// How deep calls within calls are walked: only a def that calls itself goes deeper.
const DEEPEST_CALL: usize = 32;

/// A rule that is called.
pub(super) struct CalledFile {
    pub(super) file: String,
    /// The event that it gets; within, `None` if only a run knows which.
    pub(super) event: Option<Option<String>>,
    pub(super) at: Place,
}

/// A walk through all ops of a rulebook, on every path that a run could take.
pub(super) struct BookWalk<'a> {
    book: &'a Book,
    /// The semaphores that are held here, by names without templates; where they were taken.
    held: Vec<(String, Place)>,
    /// The defs that were walked, with the semaphores that were held then: a second walk would find nothing new.
    calls: HashSet<(&'a str, &'a str, BTreeSet<String>)>,
    /// How many calls deep the walk is.
    depth: usize,
    pub(super) codes: Vec<Code>,
    /// Those that decide something.
    pub(super) conditions: Vec<Code>,
    /// Those among them whose variables are known here: not those of events.
    pub(super) own: Vec<Code>,
    /// The variables that are read by `${}`, except in events, which bring variables that are not known here.
    pub(super) paths: Vec<Code>,
    pub(super) set: HashSet<String>,
    /// The variables that ops other than loops set.
    pub(super) assigned: HashSet<String>,
    /// The variables that ops set.
    pub(super) changed: HashSet<String>,
    /// Semaphores that are taken within themselves: where, which, and where it is held.
    pub(super) nested: Vec<(Place, String, Place)>,
    pub(super) pairs: Vec<(String, String, Place)>,
    /// What is taken, and which rules are called meanwhile.
    pub(super) slots: SlotSummary,
    /// The rules that this rulebook calls itself, by names without templates.
    pub(super) files: Vec<CalledFile>,
    /// The services that it launches, by names without templates.
    pub(super) launched: Vec<(Place, String)>,
    /// What is probably not meant.
    pub(super) notes: Vec<Note>,
    /// The variables that forks set, and where.
    in_forks: Vec<(String, Place)>,
    /// The variables that are set or read outside of forks.
    shared: HashSet<String>,
    /// The fork that is walked.
    fork: Option<Place>,
    in_event: bool,
    /// Where a def of another rulebook was called: what is found in there is reported here.
    called_at: Option<Place>,
}

impl<'a> BookWalk<'a> {
    pub(super) fn through(book: &'a Book) -> Self {
        let mut walk = BookWalk {
            book,
            held: Vec::new(),
            calls: HashSet::new(),
            depth: 0,
            codes: Vec::new(),
            conditions: Vec::new(),
            own: Vec::new(),
            paths: Vec::new(),
            set: HashSet::new(),
            assigned: HashSet::new(),
            changed: HashSet::new(),
            nested: Vec::new(),
            pairs: Vec::new(),
            slots: SlotSummary::default(),
            files: Vec::new(),
            launched: Vec::new(),
            notes: Vec::new(),
            in_forks: Vec::new(),
            shared: HashSet::new(),
            fork: None,
            in_event: false,
            called_at: None,
        };
        walk.whole();
        walk
    }

    fn whole(&mut self) {
        let book = self.book;
        let inputs = book.inputs.iter().map(|input| input.name.clone());
        self.set.extend(inputs);
        let secrets = book.secrets.iter().map(|(_, name)| name.clone());
        self.set.extend(secrets);
        for (name, data) in &book.vars {
            self.sets(name);
            self.data(data);
        }
        // Variables of the rulebook are not changed by ops.
        self.changed.clear();
        self.assigned.clear();
        for def in book.defs.values() {
            for argument in &def.arguments {
                self.set.insert(argument.name.clone());
                if let Some(default) = &argument.default {
                    self.data(default);
                }
            }
            self.with_own_variables(&def.body);
            self.say_what_is_lost();
            self.shared.clear();
        }
        if let Some(concurrency) = &book.concurrency {
            self.region(&concurrency.region);
        }
        if let Some(body) = &book.body {
            self.block(body);
        }
        self.in_event = true;
        for (_, block) in &book.on {
            self.block(block);
        }
        self.held.clear();
        self.say_what_is_lost();
        // Several paths may lead to the same place; it is reported once.
        let mut seen = HashSet::new();
        self.nested
            .retain(|(at, ..)| seen.insert((at.line, at.column)));
        let mut seen = HashSet::new();
        self.slots.calls.retain(|call| {
            let held: Vec<_> = call
                .within
                .iter()
                .map(|held| held.semaphore.clone())
                .collect();
            seen.insert((call.at.line, call.at.column, held))
        });
        let mut seen = HashSet::new();
        self.notes
            .retain(|note| seen.insert((note.at.line, note.at.column)));
        let mut seen = HashSet::new();
        self.codes
            .retain(|code| seen.insert((code.at.line, code.at.column)));
        let mut seen = HashSet::new();
        self.own
            .retain(|code| seen.insert((code.at.line, code.at.column)));
        let mut seen = HashSet::new();
        self.paths
            .retain(|code| seen.insert((code.at.line, code.at.column)));
    }

    /// Warns of what forks set, and the rulebook, or the function, uses outside of them.
    fn say_what_is_lost(&mut self) {
        for (name, at) in std::mem::take(&mut self.in_forks) {
            if self.shared.contains(&name) {
                let message = format!(
                    "{name} is set in a fork, which has a copy of the variables: what it sets is lost"
                );
                let help = "let the fork `return` it, with a `register` beside its `parallel`";
                self.warns(at, "Lost", message, help.to_owned());
            }
        }
    }

    /// The ops of a function, which has variables of its own. What it sets in forks is left for the caller.
    fn with_own_variables(&mut self, body: &'a Block) {
        let fork = self.fork.take();
        self.block(body);
        self.fork = fork;
    }

    fn op(&mut self, op: &'a Op) {
        if let Some(name) = &op.name {
            self.template(name);
        }
        if let Some(when) = &op.when {
            self.condition(when);
        }
        if let Some(timeout) = &op.timeout {
            self.data(timeout);
        }
        if let Some(register) = &op.register {
            self.sets(register);
        }
        if let OnError::Retry {
            delay: Some(delay), ..
        } = &op.on_error
        {
            self.data(delay);
        }
        // A fork that is left holds nothing of what is held here. A fork that is joined keeps this op, and what it holds, waiting.
        let before = match op.parallel {
            Some(Parallel::Leave) => Some(std::mem::take(&mut self.held)),
            _ => None,
        };
        let fork = self.fork;
        if op.parallel.is_some() {
            self.fork = Some(op.at);
        }
        let depth = self.held.len();
        if let Some(region) = &op.semaphore {
            self.region(region);
        }
        op.action.check(self, op);
        self.held.truncate(depth);
        self.fork = fork;
        if let Some(before) = before {
            self.held = before;
        }
    }

    fn region(&mut self, region: &'a Region) {
        let at = self.called_at.unwrap_or(region.at);
        self.data(&region.key);
        let parts = [
            &region.slots,
            &region.timeout,
            &region.ttl,
            &region.priority,
        ];
        for part in parts.into_iter().flatten() {
            self.data(part);
        }
        let Data::Text(key) = &region.key else { return };
        let Some(key) = key.literal() else { return };
        // A wait that ends by itself is no deadlock.
        let one_slot = match &region.slots {
            None => true,
            Some(Data::Number(slots)) => *slots == 1.0,
            Some(_) => false,
        };
        let for_ever = one_slot && region.timeout.is_none();
        self.slots.takes.push(TakenSlot {
            slot: held_slot(key, at),
            one_slot_for_ever: for_ever,
            within: self.held_slots(),
        });
        let outer = self.held.iter().find(|(held, _)| held == key);
        if let Some((_, outer)) = outer {
            if for_ever {
                self.nested.push((at, key.to_owned(), *outer));
            }
        } else {
            for (outer, _) in &self.held {
                let pair = (outer.clone(), key.to_owned(), at);
                self.pairs.push(pair);
            }
        }
        self.held.push((key.to_owned(), at));
    }

    fn held_slots(&self) -> Vec<HeldSlot> {
        let held = self.held.iter();
        held.map(|(name, at)| held_slot(name, *at)).collect()
    }

    /// A variable is set, in a fork or outside of one.
    fn note_set(&mut self, name: &str) {
        match self.fork {
            Some(at) => self.in_forks.push((name.to_owned(), at)),
            None => drop(self.shared.insert(name.to_owned())),
        }
    }

    fn template(&mut self, template: &'a Template) {
        for piece in &template.pieces {
            match piece {
                Piece::Literal(_) => {}
                Piece::Code(code) => self.code(code),
                Piece::Path(hole) => {
                    if self.fork.is_none() && self.called_at.is_none() {
                        let name = hole.path.text.split(['.', '[']).next().unwrap_or_default();
                        self.shared.insert(name.to_owned());
                    }
                    let is_known = self.in_event || self.called_at.is_some() || hole.has_default();
                    if !is_known {
                        self.paths.push(hole.path.clone());
                    }
                }
            }
        }
    }
}

/// The text that a run would make of a value, if nothing in it is open.
fn as_text(data: &Data) -> Option<String> {
    match data {
        Data::Text(template) => template.literal().map(str::to_owned),
        Data::Number(number) => Some(json_number(*number).to_string()),
        Data::Bool(value) => Some(value.to_string()),
        Data::Null | Data::List(_) | Data::Map(_) => None,
    }
}

fn held_slot(name: &str, at: Place) -> HeldSlot {
    HeldSlot {
        semaphore: name.to_owned(),
        line: at.line,
    }
}

impl<'a> Walk<'a> for BookWalk<'a> {
    fn block(&mut self, block: &'a Block) {
        for op in block.iter() {
            self.op(op);
        }
    }

    fn forked(&mut self, block: &'a Block, at: Place) {
        let fork = self.fork.replace(at);
        self.block(block);
        self.fork = fork;
    }

    fn call(&mut self, callee: &'a Callee, at: Place) {
        let (book, name) = match callee {
            Callee::Def(name) => (self.book, name),
            Callee::Imported { book, def } => (&**book, def),
            Callee::Export { .. } | Callee::Service(_) => return,
        };
        let Some(def) = book.defs.get(name) else {
            return;
        };
        let held = self.held.iter().map(|(name, _)| name.clone()).collect();
        if self.depth >= DEEPEST_CALL
            || self.calls.len() >= MOST_CALLS
            || !self.calls.insert((&book.name, name, held))
        {
            return;
        }
        self.depth += 1;
        let before = (self.book, self.called_at);
        if !std::ptr::eq(book, self.book) {
            self.called_at = Some(self.called_at.unwrap_or(at));
            self.book = book;
        }
        // What the function says of its own variables was said where it is defined.
        let outside = (self.in_forks.len(), self.shared.clone());
        self.with_own_variables(&def.body);
        self.in_forks.truncate(outside.0);
        self.shared = outside.1;
        (self.book, self.called_at) = before;
        self.depth -= 1;
    }

    fn calls_rule(&mut self, file: &'a Data, event: Option<&'a Data>, at: Place) {
        let Some(file) = as_text(file) else { return };
        if self.called_at.is_none() {
            self.files.push(CalledFile {
                file: file.clone(),
                event: event.map(as_text),
                at,
            });
        }
        let from = self.called_at.map(|_| self.book.name.clone());
        let call = CalledRule {
            from,
            file,
            at: self.called_at.unwrap_or(at).into(),
            within: self.held_slots(),
        };
        self.slots.calls.push(call);
    }

    fn launches(&mut self, name: &'a Data, at: Place) {
        if let Data::Text(name) = name
            && let Some(name) = name.literal()
            && self.called_at.is_none()
        {
            self.launched.push((at, name.to_owned()));
        }
    }

    fn condition(&mut self, condition: &'a Condition) {
        match condition {
            Condition::Code(code) => {
                if self.called_at.is_none() {
                    self.conditions.push(code.clone());
                }
                self.code(code);
            }
            Condition::Data(data) => self.data(data),
        }
    }

    fn data(&mut self, data: &'a Data) {
        match data {
            Data::Text(template) => self.template(template),
            Data::List(items) => items.iter().for_each(|item| self.data(item)),
            Data::Map(entries) => {
                for (key, value) in entries {
                    self.template(key);
                    self.data(value);
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(_) => {}
        }
    }

    /// Code of this very rulebook is compiled later.
    fn code(&mut self, code: &'a Code) {
        if self.called_at.is_none() {
            for name in assigned(&code.text) {
                self.note_set(&name);
            }
            self.codes.push(code.clone());
            if !self.in_event {
                self.own.push(code.clone());
            }
        }
    }

    fn sets_variable(&mut self, name: &str) {
        self.set.insert(name.to_owned());
        self.changed.insert(name.to_owned());
    }

    fn warns(&mut self, at: Place, name: &'static str, message: String, help: String) {
        // What is called in another rulebook is reported there.
        if self.called_at.is_none() {
            self.notes.push(Note {
                at,
                name,
                message,
                help,
            });
        }
    }

    fn knows(&mut self, names: &[&str]) {
        self.set.extend(names.iter().map(|name| (*name).to_owned()));
    }

    fn sets(&mut self, name: &'a Template) {
        self.template(name);
        if let Some(Piece::Literal(name)) = name.pieces.first() {
            let name = name.split(['.', '[']).next().unwrap_or_default();
            self.set.insert(name.to_owned());
            self.changed.insert(name.to_owned());
            self.assigned.insert(name.to_owned());
            let name = name.to_owned();
            self.note_set(&name);
        }
    }
}
