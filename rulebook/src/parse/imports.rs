//! What a rulebook imports. It is read before anything else, so that its ops are known wherever they are called.

use super::sections::blocks;
use super::{BookParser, Callable, Target};
use crate::template;
use crate::tree::{Callee, Import, Imported};
use crate::yaml::{Node, Place, Text, Yaml};

/// An import, as it is written.
struct Written<'n> {
    from: &'n Text,
    prefix: Option<&'n Text>,
    /// Between the prefix and a name.
    between: char,
}

/// Where a rulebook may say what it imports: at its top, and as ops that stand directly in one of its sections.
fn places(root: &Node) -> Vec<&Node> {
    let Yaml::Map(entries) = &root.value else {
        return ops(root).map(|(_, node)| node).collect();
    };
    let top = entries.iter().filter(|(key, _)| key.text == "import");
    let mut places: Vec<&Node> = top.map(|(_, node)| node).collect();
    let blocks = blocks(root).into_iter();
    places.extend(blocks.flat_map(ops).map(|(_, node)| node));
    places
}

/// The keys and values of the ops of a block that import.
fn ops(block: &Node) -> impl Iterator<Item = (&Text, &Node)> {
    items(block).iter().filter_map(|item| match &item.value {
        Yaml::Map(entries) => {
            let import = entries.iter().find(|(key, _)| key.text == "import");
            import.map(|(key, node)| (key, node))
        }
        _ => None,
    })
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Yaml::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// What a rulebook imports, as it is written, before anything is known of the rest.
pub(crate) fn specifiers(root: &Node) -> Vec<String> {
    let mut specifiers: Vec<String> = Vec::new();
    for item in places(root).into_iter().flat_map(items) {
        let from = match &item.value {
            Yaml::Text(text) => Some(text),
            Yaml::Map(parts) => {
                let is_from = |key: &Text| matches!(key.text.as_str(), "from" | "path");
                let mut froms = parts.iter().filter(|(key, _)| is_from(key));
                match froms.next_back().map(|(_, part)| &part.value) {
                    Some(Yaml::Text(text)) => Some(text),
                    _ => None,
                }
            }
            _ => None,
        };
        if let Some(from) = from
            && !specifiers.contains(&from.text)
        {
            specifiers.push(from.text.clone());
        }
    }
    specifiers
}

impl BookParser<'_> {
    /// All imports of the rulebook.
    pub(crate) fn imports(&mut self, root: &Node) {
        for block in blocks(root) {
            self.hoist(block);
        }
        for node in places(root) {
            self.import(node);
        }
    }

    /// Notes the ops of a block that import: what they import is read before anything else.
    fn hoist(&mut self, block: &Node) {
        let keys = ops(block).map(|(key, _)| (key.at.line, key.at.column));
        self.hoisted.extend(keys);
    }

    fn import(&mut self, node: &Node) {
        for item in items(node) {
            if let Some(written) = self.written(item) {
                self.import_one(&written);
            }
        }
    }

    fn written<'n>(&mut self, node: &'n Node) -> Option<Written<'n>> {
        let (mut from, mut prefix, mut between) = (None, None, '.');
        match &node.value {
            Yaml::Text(text) => from = Some(text),
            Yaml::Map(parts) => {
                for (key, part) in parts {
                    match (key.text.as_str(), &part.value) {
                        ("from" | "path", Yaml::Text(text)) => from = Some(text),
                        ("as", Yaml::Text(text)) => prefix = Some(text),
                        ("into", Yaml::Text(text)) => {
                            prefix = Some(text);
                            between = '/';
                        }
                        ("from" | "path" | "as" | "into", _) => {
                            self.problem(part.at, format!("`{}` must be a text", key.text));
                        }
                        ("image", _) => {
                            let message = "executables run on this machine, in no image".to_owned();
                            let help = "a container is a command: shell: {run: [docker, run, ...]}";
                            self.problem_with_help(key.at, message, Some(help.to_owned()));
                        }
                        _ => self.unknown_key(key, "an import", &["from", "as", "path", "into"]),
                    }
                }
            }
            _ => {}
        }
        let Some(from) = from else {
            let message = "an import names a file or a module, or is {from: FILE, as: NAME}";
            self.problem(node.at, message);
            return None;
        };
        if self.template(from).literal().is_none() {
            let message = "what is imported must be known before anything runs: no templates here";
            self.problem(from.at, message);
            return None;
        }
        if let Some(prefix) = prefix {
            self.variable(prefix);
        }
        Some(Written {
            from,
            prefix,
            between,
        })
    }

    fn import_one(&mut self, written: &Written<'_>) {
        let from = written.from;
        let what = match self.loader.import(self.name, &from.text) {
            Ok(what) => what,
            Err(problem) => return self.problem(from.at, problem),
        };
        match &what {
            Imported::Book(book) => {
                self.open_filters |= book.open_filters;
                let mut names: Vec<&String> = book.defs.keys().collect();
                names.sort();
                if names.is_empty() {
                    let message =
                        format!("{} has no `def`, so there is nothing to import", from.text);
                    self.problem(from.at, message);
                }
                for name in names {
                    let arguments = book.defs[name].arguments.iter();
                    let arguments = arguments
                        .map(|argument| (argument.name.clone(), argument.default.is_none()))
                        .collect();
                    let callable = Callable {
                        target: Target::Callee(Callee::Imported {
                            book: book.clone(),
                            def: name.clone(),
                        }),
                        arguments: Some(arguments),
                    };
                    self.know(written, name, callable);
                }
            }
            Imported::Module(module) => {
                self.open |= module.exports.is_none() || module.registers;
                self.open_filters |= module.filters;
                for export in module.exports.iter().flatten() {
                    let callable = Callable {
                        target: Target::Callee(Callee::Export {
                            module: module.clone(),
                            export: export.clone(),
                        }),
                        arguments: None,
                    };
                    self.know(written, export, callable);
                }
            }
            Imported::Programs(programs) => {
                for program in programs {
                    let callable = Callable {
                        target: Target::Program(program.path.clone()),
                        arguments: None,
                    };
                    self.know(written, &program.name, callable);
                }
            }
        }
        self.imports.push(Import {
            from: from.text.clone(),
            line: from.at.line,
            prefix: written.prefix.map(|prefix| prefix.text.clone()),
            what,
        });
    }

    /// Notes that `name` can be called, as what the import makes of it.
    fn know(&mut self, written: &Written<'_>, name: &str, callable: Callable) {
        let from = &written.from.text;
        let name = match (written.prefix, name) {
            (Some(prefix), "default") => prefix.text.clone(),
            (Some(prefix), name) => format!("{}{}{name}", prefix.text, written.between),
            // A default export is called as its file is.
            (None, "default") => {
                let file = from.rsplit('/').next().unwrap_or_default();
                let stem = file.split('.').next().unwrap_or_default();
                if !template::is_path(stem) {
                    return;
                }
                stem.to_owned()
            }
            (None, name) => name.to_owned(),
        };
        let at: Place = written.from.at;
        let help = format!(
            "import it under a name: {{from: {from}, as: NAME}}; its ops are NAME.{name} then"
        );
        if self.table.is_taken(&name) {
            let message = format!("{name:?} of {from} has the name of an op");
            self.problem_with_help(at, message, Some(help));
        } else if let Some(other) = self.callees.get(&name) {
            let message = match &other.target {
                Target::Callee(Callee::Def(_)) => {
                    format!("{name:?} of {from} has the name of a def of this rulebook")
                }
                _ => format!("{name:?} of {from} has the name of something else that was imported"),
            };
            self.problem_with_help(at, message, Some(help));
        } else {
            self.callees.insert(name, callable);
        }
    }
}
