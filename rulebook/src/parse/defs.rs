//! Functions of the rulebook: what they declare, and calls of them.

use super::{BookParser, Callable, declared};
use crate::tree::{Action, Argument, Book, Callee, Data, Def, literal};
use crate::yaml::{Node, Text, Yaml};

impl BookParser<'_> {
    /// Notes which defs there are, and what they want.
    pub(crate) fn declare(&mut self, node: &Node) {
        let Yaml::Map(defs) = &node.value else { return };
        for (name, def) in defs {
            let Yaml::Map(parts) = &def.value else {
                continue;
            };
            let arguments = parts
                .iter()
                .find(|(key, _)| key.text == "args")
                .map(|(_, args)| declared(args))
                .unwrap_or_default();
            let callable = Callable {
                callee: Callee::Def(name.text.clone()),
                arguments: Some(arguments),
            };
            self.callees.insert(name.text.clone(), callable);
        }
    }

    pub(crate) fn definitions(&mut self, node: &Node, book: &mut Book) {
        let Yaml::Map(defs) = &node.value else {
            let help = Some("def:\n  greet:\n    args: [who]\n    do: ...".to_owned());
            return self.problem_with_help(node.at, "def must be a map of names".to_owned(), help);
        };
        for (name, def) in defs {
            if name.text.trim().is_empty() {
                self.problem(name.at, "a def must have a name");
                continue;
            }
            if self.table.is_taken(&name.text) {
                let message = format!("a def cannot be called {:?}: that is an op's", name.text);
                self.problem(name.at, message);
                continue;
            }
            let Yaml::Map(parts) = &def.value else {
                self.problem(def.at, "a def is a map with `args` and `do`");
                continue;
            };
            let (mut arguments, mut body) = (Vec::new(), None);
            for (key, part) in parts {
                match key.text.as_str() {
                    "args" => arguments = self.arguments(part),
                    "do" => body = Some(self.block(part)),
                    "description" => {}
                    _ => self.unknown_key(key, "a def", &["args", "do", "description"]),
                }
            }
            match body {
                Some(body) => {
                    book.defs.insert(name.text.clone(), Def { arguments, body });
                }
                None => self.problem(name.at, format!("the def {:?} has no `do`", name.text)),
            }
        }
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
        let Callable { callee, arguments } = self.callees.get(&key.text).cloned()?;
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
                    if *required && !given.iter().any(|(key, _)| key.text == *name) {
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
