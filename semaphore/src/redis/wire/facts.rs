//! What a server says of itself.

use std::collections::BTreeMap;

use redis::Value;

use super::value::{array, text};

/// What `INFO` says, of one node if there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    facts: BTreeMap<String, String>,
    /// How many nodes there are.
    pub(crate) nodes: usize,
}

impl Facts {
    /// Of one server that says nothing.
    pub(crate) fn unknown() -> Self {
        Self {
            facts: BTreeMap::new(),
            nodes: 1,
        }
    }

    pub(super) fn read(answer: &Value) -> Self {
        let (answer, nodes) = match answer {
            Value::Map(nodes) => match nodes.first() {
                Some((_, first)) => (first, nodes.len()),
                None => (answer, 0),
            },
            one => (one, 1),
        };
        let lines = text(answer).unwrap_or_default().lines();
        let facts = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { facts, nodes }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

/// When the server saves snapshots, as `CONFIG GET save` says.
pub(super) fn save_points(answer: &Value) -> Option<String> {
    match answer {
        Value::Map(pairs) => text(&pairs.first()?.1).map(str::to_owned),
        other => text(array(other)?.get(1)?).map(str::to_owned),
    }
}

/// The host and the port of a master, as a Sentinel says them.
pub(crate) fn master_address(answer: &Value) -> Option<(String, u16)> {
    let [host, port, ..] = array(answer)? else {
        return None;
    };
    Some((text(host)?.to_owned(), text(port)?.parse().ok()?))
}
