//! The sections of a rulebook: its variables, and what it does for which event.
//!
//! An event is below `on`, or a section of its own, as `deploy:` or `on deploy:`. A map of it with `do` can have filters: for
//! which values of which variables it is.

use std::collections::HashSet;
use std::sync::Arc;

use cla_runtime::internal::nearest;

use super::ops::elsewhere;
use super::{BookParser, TOP_KEYS, plain};
use crate::tree::{ATTRIBUTES, Block, Book, Data, Filter};
use crate::yaml::{Node, Text, Yaml};

/// What stands before the name of an event in a key at the top.
const ON: &str = "on ";

/// The entries of a map, or of a list of maps.
pub(super) fn entries(node: &Node) -> Vec<(&Text, &Node)> {
    let maps = match &node.value {
        Yaml::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let maps = maps.iter().filter_map(|map| match &map.value {
        Yaml::Map(entries) => Some(entries),
        _ => None,
    });
    maps.flatten().map(|(key, node)| (key, node)).collect()
}

/// Whether this can be what is done for an event, where others could stand as well.
fn is_section(node: &Node) -> bool {
    match &node.value {
        Yaml::List(_) => true,
        Yaml::Map(parts) => parts.iter().any(|(key, _)| key.text == "do"),
        _ => false,
    }
}

/// The event whose section this is.
fn event(key: &Text, node: &Node) -> Option<Text> {
    if TOP_KEYS.contains(&key.text.as_str()) || key.text.starts_with("x-") {
        return None;
    }
    if !is_section(node) {
        return None;
    }
    if key.text.starts_with(ON) {
        let event = key.trimmed_part(ON.len()..key.text.len());
        return Some(event).filter(|event| !event.text.is_empty());
    }
    let is_slip = nearest(&key.text, TOP_KEYS).is_some();
    Some(key.clone()).filter(|_| !is_slip)
}

/// What is done for an event, without its filters.
fn body(node: &Node) -> &Node {
    match &node.value {
        Yaml::Map(parts) => {
            let body = parts.iter().find(|(key, _)| key.text == "do");
            body.map_or(node, |(_, body)| body)
        }
        _ => node,
    }
}

/// All blocks of a rulebook: what it does, what it does for events, what its functions do.
pub(super) fn blocks(root: &Node) -> Vec<&Node> {
    let Yaml::Map(sections) = &root.value else {
        return vec![root];
    };
    let mut blocks = Vec::new();
    for (key, node) in sections {
        match (key.text.as_str(), &node.value) {
            ("do", _) => blocks.push(node),
            ("on", Yaml::Map(events)) => {
                blocks.extend(events.iter().map(|(_, block)| body(block)));
            }
            ("def", _) => {
                for (_, def) in entries(node) {
                    match &def.value {
                        Yaml::Map(_) => blocks.push(body(def)),
                        Yaml::List(_) => blocks.push(def),
                        _ => {}
                    }
                }
            }
            _ if event(key, node).is_some() => blocks.push(body(node)),
            _ => {}
        }
    }
    blocks
}

impl BookParser<'_> {
    /// `vars`: a map, or a list of maps, whose order counts.
    pub(super) fn variables(&mut self, node: &Node, book: &mut Book) {
        let maps = match &node.value {
            Yaml::Null => return,
            Yaml::List(items) => items.as_slice(),
            Yaml::Map(_) => std::slice::from_ref(node),
            _ => return self.problem(node.at, "vars must be a map of names and values"),
        };
        let mut seen = HashSet::new();
        for map in maps {
            let Yaml::Map(entries) = &map.value else {
                let message = "an item of vars is a name with a value".to_owned();
                let help = "vars:\n  - env: prod".to_owned();
                self.problem_with_help(map.at, message, Some(help));
                continue;
            };
            if let Data::Map(vars) = self.data(map) {
                for ((key, _), (name, value)) in entries.iter().zip(vars) {
                    if name
                        .literal()
                        .is_some_and(|name| !seen.insert(name.to_owned()))
                    {
                        let message = format!("the variable {:?} is there twice", key.text);
                        self.problem(key.at, message);
                    }
                    book.vars.push((name, value));
                }
            }
        }
    }

    /// `secrets`: the names of those that are variables here.
    pub(super) fn secrets(&mut self, node: &Node, book: &mut Book) {
        let items = match &node.value {
            Yaml::Null => return,
            Yaml::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut seen = HashSet::new();
        for item in items {
            let Yaml::Text(text) = &item.value else {
                let message = "secrets is a list of names".to_owned();
                let help = "secrets: [TOKEN]; cla run --secret TOKEN gives it".to_owned();
                self.problem_with_help(item.at, message, Some(help));
                continue;
            };
            let name = self.variable(text);
            if !seen.insert(name.clone()) {
                self.problem(item.at, format!("the secret {name:?} is there twice"));
            }
            book.secrets.push((item.at, name));
        }
    }

    /// What stands below `on`.
    pub(super) fn events(&mut self, node: &Node, book: &mut Book) {
        let Yaml::Map(events) = &node.value else {
            return self.problem(node.at, "on must be a map from events to ops");
        };
        for (event, node) in events {
            self.event(event, node, book);
        }
    }

    /// A section at the top that is none of the language: an event's, or a mistake.
    pub(super) fn section(&mut self, key: &Text, node: &Node, book: &mut Book) {
        if let Some(here) = elsewhere(&key.text) {
            let message = format!("a rulebook has no {:?}", key.text);
            return self.problem_with_help(key.at, message, Some(here.to_owned()));
        }
        if let Some(event) = event(key, node) {
            return self.event(&event, node, book);
        }
        let message = format!("a rulebook has no {:?}", key.text);
        let help = match nearest(&key.text, TOP_KEYS) {
            Some(near) if is_section(node) => {
                format!(
                    "did you mean {near}? An event of that name is `on {}`",
                    key.text
                )
            }
            Some(near) => format!("did you mean {near}?"),
            None => format!(
                "a rulebook has {}; what it does for an event is a list of ops, or a map with `do`",
                TOP_KEYS.join(", ")
            ),
        };
        self.problem_with_help(key.at, message, Some(help));
    }

    fn event(&mut self, event: &Text, node: &Node, book: &mut Book) {
        if event.text.trim().is_empty() {
            self.problem(event.at, "an event must have a name");
        }
        if !self.events.insert(event.text.clone()) {
            let message = format!("the event {:?} is there twice", event.text);
            return self.problem(event.at, message);
        }
        let block = self.event_block(event, node);
        book.on.push((event.text.clone(), block));
    }

    /// What is done for an event, behind its filters.
    fn event_block(&mut self, event: &Text, node: &Node) -> Block {
        let Yaml::Map(parts) = &node.value else {
            return self.block(node);
        };
        let has_body = parts.iter().any(|(key, _)| key.text == "do");
        let (filters, rest): (Vec<_>, Vec<_>) = parts
            .iter()
            .partition(|(key, _)| has_body && self.is_filter(key));
        if filters.is_empty() {
            return self.block(node);
        }
        let filters = filters
            .into_iter()
            .filter_map(|(key, node)| self.filter(key, node))
            .collect();
        let rest = Node {
            at: node.at,
            value: Yaml::Map(rest.into_iter().cloned().collect()),
        };
        let body = self.block(&rest);
        let action = (self.table.short.event)(event.text.clone(), filters, body);
        Arc::new([Arc::new(plain(event.text.clone(), event.at, action))])
    }

    /// Whether a key beside `do` is a filter.
    fn is_filter(&self, key: &Text) -> bool {
        let name = key.text.as_str();
        let is_slip = nearest(name, ATTRIBUTES).is_some();
        let is_op = self.table.is_taken(name) || self.callees.contains_key(name);
        crate::template::is_path(name) && !name.contains(['.', '[']) && !is_op && !is_slip
    }

    fn filter(&mut self, key: &Text, node: &Node) -> Option<Filter> {
        let items = match &node.value {
            Yaml::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let is_scalar =
            |node: &Node| matches!(node.value, Yaml::Text(_) | Yaml::Number(_) | Yaml::Bool(_));
        if items.is_empty() || !items.iter().all(is_scalar) {
            let message = format!(
                "the filter {:?} is a text or a list of them, of which one must fit",
                key.text
            );
            let help = "deploy:\n  branches: [main, 'release/*']\n  do: ...".to_owned();
            self.problem_with_help(node.at, message, Some(help));
            return None;
        }
        Some(Filter {
            name: key.text.clone(),
            fitting: items.iter().map(|item| self.data(item)).collect(),
        })
    }
}
