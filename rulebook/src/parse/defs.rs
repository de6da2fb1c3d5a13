//! Functions of the rulebook: what they declare, and calls of them.

use std::collections::HashSet;

use super::sections::entries;
use super::signature::{MOST_ARGUMENTS, Signature};
use super::{BookParser, Callable, Target};
use crate::tree::{Action, Argument, Book, Callee, Data, Def, literal};
use crate::yaml::{Node, Text, Yaml};

/// The parts of a function that is written as a map.
const PARTS: [&str; 5] = ["args", "required", "returning", "do", "description"];

/// The arguments that a function declares, and whether each must be given. What is wrong with it is found later.
fn declared(signature: &Signature, def: &Node) -> Vec<(String, bool)> {
    let in_brackets = signature.arguments.iter().flatten();
    let mut arguments: Vec<(String, bool)> = in_brackets
        .map(|(name, default)| (name.text.clone(), default.is_none()))
        .collect();
    let Yaml::Map(parts) = &def.value else {
        return arguments;
    };
    for wanted in ["args", "required"] {
        let part = parts.iter().find(|(key, _)| key.text == wanted);
        for item in part.into_iter().flat_map(|(_, part)| items(part)) {
            match &item.value {
                Yaml::Text(name) => arguments.push((name.text.clone(), true)),
                Yaml::Map(entries) if wanted == "args" => {
                    arguments.extend(entries.iter().map(|(name, _)| (name.text.clone(), false)));
                }
                _ => {}
            }
        }
    }
    let mut seen = HashSet::new();
    arguments.retain(|(name, _)| seen.insert(name.clone()));
    arguments
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Yaml::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

impl BookParser<'_> {
    /// Notes which defs there are, and what they want.
    pub(crate) fn declare(&mut self, node: &Node) {
        for (key, def) in entries(node) {
            let Ok(signature) = Signature::read(key) else {
                continue;
            };
            let name = signature.name.text.clone();
            let callable = Callable {
                target: Target::Callee(Callee::Def(name.clone())),
                arguments: Some(declared(&signature, def)),
            };
            self.callees.insert(name, callable);
        }
    }

    pub(crate) fn definitions(&mut self, node: &Node, book: &mut Book) {
        let help = || Some("def:\n  greet (who):\n    - echo: hello ${who}".to_owned());
        if !matches!(node.value, Yaml::Map(_) | Yaml::List(_)) {
            let message = "def must be a map of names, or a list of such maps".to_owned();
            return self.problem_with_help(node.at, message, help());
        }
        for item in items(node) {
            if !matches!(item.value, Yaml::Map(_)) {
                let message = "an item of def is a name with what it does".to_owned();
                self.problem_with_help(item.at, message, help());
            }
        }
        for (key, def) in entries(node) {
            if key.text.trim().is_empty() {
                self.problem(key.at, "a def must have a name");
                continue;
            }
            let signature = match Signature::read(key) {
                Ok(signature) => signature,
                Err(problem) => {
                    self.problems.push(problem);
                    continue;
                }
            };
            let name = signature.name.clone();
            if self.table.is_taken(&name.text) {
                let message = format!("a def cannot be called {:?}: that is an op's", name.text);
                self.problem(name.at, message);
                continue;
            }
            if book.defs.contains_key(&name.text) {
                let message = format!("the def {:?} is there twice", name.text);
                self.problem(name.at, message);
                continue;
            }
            self.in_def = true;
            let def = self.definition(&signature, def);
            self.in_def = false;
            if let Some(def) = def {
                book.defs.insert(name.text, def);
            }
        }
    }

    fn definition(&mut self, signature: &Signature, node: &Node) -> Option<Def> {
        let mut def = Def {
            arguments: Vec::new(),
            returning: Vec::new(),
            body: [].into(),
        };
        for (name, default) in signature.arguments.iter().flatten() {
            let default = default.as_ref().map(|default| self.data(default));
            let name = self.variable(name);
            def.arguments.push(Argument { name, default });
        }
        let parts = match &node.value {
            Yaml::List(_) => {
                def.body = self.block(node);
                return Some(def);
            }
            Yaml::Map(parts) => parts,
            _ => {
                let message = "a def is a list of ops, or a map with `args` and `do`";
                self.problem(node.at, message);
                return None;
            }
        };
        let mut body = None;
        for (key, part) in parts {
            match key.text.as_str() {
                "args" if signature.arguments.is_some() => {
                    let message = "the arguments stand behind the name already";
                    self.problem(key.at, message);
                }
                "args" => def
                    .arguments
                    .splice(0..0, self.arguments(part))
                    .for_each(drop),
                "required" => {
                    for name in self.names(part, "required") {
                        self.requires(&mut def, part, name);
                    }
                }
                "returning" => def.returning = self.names(part, "returning"),
                "do" => body = Some(self.block(part)),
                "description" => {}
                _ => self.unknown_key(key, "a def", &PARTS),
            }
        }
        if body.is_none() {
            let name = &signature.name;
            self.problem(name.at, format!("the def {:?} has no `do`", name.text));
        }
        def.body = body?;
        Some(def)
    }

    /// An argument must be given.
    fn requires(&mut self, def: &mut Def, node: &Node, name: String) {
        match def.arguments.iter().find(|known| known.name == name) {
            None => def.arguments.push(Argument {
                name,
                default: None,
            }),
            Some(known) if known.default.is_some() => {
                let message = format!("{name:?} has a default, so it is not required");
                self.problem(node.at, message);
            }
            Some(_) => {}
        }
    }

    /// One name, or a list of them.
    fn names(&mut self, node: &Node, of: &str) -> Vec<String> {
        let mut names = Vec::new();
        if items(node).len() > MOST_ARGUMENTS {
            let message = format!("{of} has at most {MOST_ARGUMENTS} names");
            self.problem(node.at, message);
            return names;
        }
        for item in items(node) {
            match &item.value {
                Yaml::Text(name) => names.push(self.variable(name)),
                _ => self.problem(item.at, format!("{of} is a name, or a list of names")),
            }
        }
        names
    }

    pub(crate) fn arguments(&mut self, node: &Node) -> Vec<Argument> {
        let items: Vec<&Node> = match &node.value {
            Yaml::List(items) => items.iter().collect(),
            Yaml::Map(_) => vec![node],
            _ => {
                self.problem(node.at, "args must be a list: [who, {greeting: hello}]");
                return Vec::new();
            }
        };
        let mut arguments = Vec::new();
        for item in items {
            match &item.value {
                Yaml::Text(name) => arguments.push(Argument {
                    name: self.variable(name),
                    default: None,
                }),
                Yaml::Map(entries) => {
                    for (name, default) in entries {
                        arguments.push(Argument {
                            name: self.variable(name),
                            default: Some(self.data(default)),
                        });
                    }
                }
                other => {
                    let message = format!(
                        "an argument is a name, or a name with a default, not {}",
                        other.kind()
                    );
                    self.problem(item.at, message);
                }
            }
        }
        arguments
    }

    pub(crate) fn call(&mut self, key: &Text, argument: &Node) -> Option<Box<dyn Action>> {
        let Callable { target, arguments } = self.callees.get(&key.text).cloned()?;
        let callee = match target {
            Target::Callee(callee) => callee,
            Target::Program(path) => {
                let arguments = self.data(argument);
                return Some((self.table.short.program)(path, arguments));
            }
        };
        let Some(wanted) = arguments else {
            let arguments = self.data(argument);
            return Some((self.table.short.call)(callee, arguments));
        };
        let names: Vec<&str> = wanted.iter().map(|(name, _)| name.as_str()).collect();
        let arguments = match &argument.value {
            Yaml::Map(given) => {
                for (name, _) in given {
                    if !names.contains(&name.text.as_str()) {
                        self.unknown_key(name, &format!("the def {:?}", key.text), &names);
                    }
                }
                for (name, required) in &wanted {
                    let is_there = given.iter().any(|(key, _)| key.text == *name);
                    if *required && !is_there && !self.was_misspelt(argument.at, name) {
                        let message = format!("{:?} needs the argument {name:?}", key.text);
                        self.problem(key.at, message);
                    }
                }
                self.data(argument)
            }
            Yaml::Null => {
                if let Some((name, _)) = wanted.iter().find(|(_, required)| *required) {
                    let message = format!("{:?} needs the argument {name:?}", key.text);
                    self.problem(key.at, message);
                }
                Data::Map(Vec::new())
            }
            // The first argument needs no name.
            _ => match names.as_slice() {
                [] => {
                    let message = format!("the def {:?} takes no argument", key.text);
                    self.problem(argument.at, message);
                    return None;
                }
                [first, ..] => {
                    if let Some((name, _)) = wanted.iter().skip(1).find(|(_, required)| *required) {
                        let message = format!("{:?} needs the argument {name:?}", key.text);
                        self.problem(key.at, message);
                    }
                    Data::Map(vec![(literal(first), self.data(argument))])
                }
            },
        };
        Some((self.table.short.call)(callee, arguments))
    }
}
