//! Ops, one by one: their keys, their arguments, their blocks.

use std::sync::Arc;

use super::super::book::{Action, Block, Callee, Data, Items, Op};
use super::super::template::{self, Template};
use super::super::yaml::{Node, Text, Yaml};
use super::{ATTRIBUTES, COMPANIONS, OPS, Parser, literal, plain};
use cla_runtime::nearest;

/// What can be said of a request.
const REQUEST: [&str; 12] = [
    "url",
    "method",
    "headers",
    "query",
    "body",
    "json",
    "form",
    "timeout",
    "redirects",
    "maxBody",
    "auth",
    "as",
];

impl Parser<'_> {
    pub(super) fn block(&mut self, node: &Node) -> Block {
        let items = match &node.value {
            Yaml::List(items) => items.as_slice(),
            Yaml::Null => &[],
            // One op needs no list; a text is JavaScript, as everywhere after `do`.
            Yaml::Text(text) => {
                let code = self.code(text);
                return Arc::new([Arc::new(plain("js", node.at, Action::Script(code)))]);
            }
            _ => std::slice::from_ref(node),
        };
        let mut ops: Vec<Arc<Op>> = Vec::with_capacity(items.len());
        for item in items {
            if self.loader.must_end() {
                self.problem(item.at, "the run was stopped");
                break;
            }
            match &item.value {
                Yaml::Text(text) => {
                    let command = self.template(text);
                    let action = Action::Shell(Data::Text(command));
                    ops.push(Arc::new(plain("shell", item.at, action)));
                }
                Yaml::Map(entries) => {
                    if let Some((key, branch)) = entries
                        .iter()
                        .find(|(key, _)| matches!(key.text.as_str(), "elsif" | "else"))
                        && !entries.iter().any(|(key, _)| key.text == "if")
                    {
                        self.branch(key, branch, entries, &mut ops);
                        continue;
                    }
                    if let Some(op) = self.op(item, entries) {
                        ops.push(Arc::new(op));
                    }
                }
                other => {
                    let message = format!(
                        "an op is a map such as `echo: hello`, or a shell command, not {}",
                        other.kind()
                    );
                    self.problem(item.at, message);
                }
            }
        }
        ops.into()
    }

    /// `elsif` and `else` as ops of their own, after an `if`.
    pub(super) fn branch(
        &mut self,
        key: &Text,
        node: &Node,
        entries: &[(Text, Node)],
        ops: &mut [Arc<Op>],
    ) {
        let (condition, body) = if key.text == "else" {
            (None, self.block(node))
        } else {
            let condition = self.condition(node);
            let body = entries.iter().find(|(key, _)| key.text == "then");
            let Some((_, body)) = body else {
                return self.problem(key.at, "an elsif has a `then`");
            };
            (Some(condition), self.block(body))
        };
        for (other, _) in entries {
            if other.text != key.text && !(condition.is_some() && other.text == "then") {
                let message = format!("{:?} cannot stand beside `{}`", other.text, key.text);
                self.problem(other.at, message);
            }
        }
        let before = ops.last_mut().and_then(Arc::get_mut);
        match before.map(|op| &mut op.action) {
            Some(Action::If {
                branches,
                otherwise: otherwise @ None,
            }) => match condition {
                Some(condition) => branches.push((condition, body)),
                None => *otherwise = Some(body),
            },
            _ => {
                let message = format!("`{}` must follow an `if` without `else`", key.text);
                self.problem(key.at, message);
            }
        }
    }

    pub(super) fn op(&mut self, node: &Node, entries: &[(Text, Node)]) -> Option<Op> {
        let get = |name: &str| {
            entries
                .iter()
                .find(|(key, _)| key.text == name)
                .map(|(_, node)| node)
        };
        let companions = COMPANIONS
            .iter()
            .find(|(op, _)| get(op).is_some())
            .map_or(&[][..], |(_, companions)| companions);
        let own: Vec<&(Text, Node)> = entries
            .iter()
            .filter(|(key, _)| {
                let key = key.text.as_str();
                !(ATTRIBUTES.contains(&key) || companions.contains(&key))
            })
            .collect();
        let (key, argument) = match own.as_slice() {
            [] => {
                let help = get("semaphore").map(|_| "a region has `do` beside it".to_owned());
                let message = "this says how to do something, but not what".to_owned();
                self.problem_with_help(node.at, message, help);
                return None;
            }
            [(key, argument)] => (key, argument),
            [(first, _), (second, _), ..] => {
                // A misspelt attribute is more likely than two ops.
                let is_op = |key: &Text| {
                    OPS.contains(&key.text.as_str()) || self.callees.contains_key(&key.text)
                };
                let (wrong, other) = if is_op(second) && !is_op(first) {
                    (first, second)
                } else {
                    (second, first)
                };
                let near = nearest(&wrong.text, ATTRIBUTES.iter().chain(companions).copied());
                let help = match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => "begin each op with a dash of its own".to_owned(),
                };
                let message = format!("{:?} cannot stand beside {:?}", wrong.text, other.text);
                let at = wrong.at;
                self.problem_with_help(at, message, Some(help));
                return None;
            }
        };
        let (kind, assigned, action) = self.action(key, argument, &get)?;
        let mut op = plain(kind, key.at, action);
        op.register = assigned;
        for (key, node) in entries {
            self.attribute(&mut op, &key.text, node);
        }
        Some(op)
    }

    /// What the op does; its name; where its result goes, for `name = op`.
    pub(super) fn action<'n>(
        &mut self,
        key: &Text,
        argument: &Node,
        get: &dyn Fn(&str) -> Option<&'n Node>,
    ) -> Option<(String, Option<Template>, Action)> {
        if let Some((name, op)) = key.text.split_once(" =") {
            let name = name.trim();
            if !template::is_path(name) {
                self.problem(key.at, format!("{name:?} names no variable"));
                return None;
            }
            let variable = literal(name);
            let op = op.trim();
            if op.is_empty() || op == ":" {
                let action = Action::Set(vec![(variable, self.data(argument))]);
                return Some(("set".to_owned(), None, action));
            }
            let mut inner = key.clone();
            inner.text = op.to_owned();
            let (kind, also, action) = self.action(&inner, argument, get)?;
            if also.is_some() {
                self.problem(key.at, "the result goes to one variable only");
                return None;
            }
            return Some((kind, Some(variable), action));
        }
        let kind = key.text.as_str();
        let action = match kind {
            "do" => match &argument.value {
                Yaml::Text(code) => Action::Script(self.code(code)),
                _ => Action::Block(self.block(argument)),
            },
            "js" => match &argument.value {
                Yaml::Text(code) => Action::Script(self.code(code)),
                other => {
                    let message = format!("js is JavaScript, not {}", other.kind());
                    self.problem(argument.at, message);
                    return None;
                }
            },
            "var" | "set" => match self.data(argument) {
                Data::Map(values) => Action::Set(values),
                _ => {
                    let message = format!("{kind} is a map of names and values");
                    self.problem(argument.at, message);
                    return None;
                }
            },
            "if" => self.conditional(key, argument, get)?,
            "foreach" => self.for_each(key, argument, get)?,
            "while" => {
                let Some(body) = get("do") else {
                    self.problem(key.at, "a while has a `do`");
                    return None;
                };
                Action::While {
                    condition: self.condition(argument),
                    body: self.block(body),
                }
            }
            "try" => {
                let (catch, finally) = (get("catch"), get("finally"));
                if catch.is_none() && finally.is_none() {
                    self.problem(key.at, "a try has a `catch`, a `finally`, or both");
                }
                Action::Try {
                    body: self.block(argument),
                    catch: catch.map(|node| self.block(node)),
                    finally: finally.map(|node| self.block(node)),
                }
            }
            "fail" => Action::Fail(self.data(argument)),
            "return" => Action::Return(self.data(argument)),
            "wait_children" => Action::WaitChildren,
            "echo" | "print" => Action::Echo(self.data(argument)),
            "log" => Action::Log(self.data(argument)),
            "dump" => Action::Dump(self.data(argument)),
            "sleep" => Action::Sleep(self.duration(argument)),
            "shell" => match &argument.value {
                Yaml::Text(_) => Action::Shell(self.data(argument)),
                other => {
                    let message = format!("shell is a command, not {}", other.kind());
                    self.problem(argument.at, message);
                    return None;
                }
            },
            "parse" => {
                let [text, format] = self.parts(argument, "text", ["text", "format"]);
                Action::Parse {
                    text: self.required(argument, "text", text)?,
                    format,
                }
            }
            "read_file" => {
                let [path, format] = self.parts(argument, "path", ["path", "format"]);
                Action::ReadFile {
                    path: self.required(argument, "path", path)?,
                    format,
                }
            }
            "write_file" => {
                let names = ["path", "text", "data", "format", "append"];
                let [path, text, data, format, append] = self.parts(argument, "path", names);
                if text.is_some() == data.is_some() {
                    let message = "write_file has a `text`, or `data`";
                    self.problem(argument.at, message);
                    return None;
                }
                Action::WriteFile {
                    path: self.required(argument, "path", path)?,
                    value: text.or(data).unwrap_or(Data::Null),
                    format,
                    append: match append {
                        None | Some(Data::Bool(false)) => false,
                        Some(Data::Bool(true)) => true,
                        Some(_) => {
                            self.problem(argument.at, "append is true or false");
                            false
                        }
                    },
                }
            }
            "call" => {
                let names = ["file", "stash", "event"];
                let [file, stash, event] = self.parts(argument, "file", names);
                Action::Rule {
                    file: self.required(argument, "file", file)?,
                    stash,
                    event,
                }
            }
            "launch" => {
                let names = ["service", "config", "stash"];
                let [service, config, stash] = self.parts(argument, "service", names);
                Action::Launch {
                    service: self.required(argument, "service", service)?,
                    config,
                    stash,
                }
            }
            "http" => self.http(argument)?,
            "import" => {
                if !self.hoisted.contains(&(key.at.line, key.at.column)) {
                    let message = "an import stands at the top of the rulebook, or directly in `do`, an event or a def";
                    self.problem(key.at, message);
                }
                Action::Import
            }
            _ if self.callees.contains_key(kind) => self.call(key, argument)?,
            _ if self.open && !kind.contains(char::is_whitespace) => {
                self.services.push((key.at, kind.to_owned()));
                Action::Call {
                    callee: Callee::Service(kind.to_owned()),
                    arguments: self.data(argument),
                }
            }
            _ => {
                let known = OPS.into_iter().chain(ATTRIBUTES);
                let defs: Vec<String> = self.callees.keys().cloned().collect();
                let help = nearest(kind, known.chain(defs.iter().map(String::as_str)))
                    .map(|near| format!("did you mean {near}?"));
                self.problem_with_help(key.at, format!("there is no op {kind:?}"), help);
                return None;
            }
        };
        Some((kind.to_owned(), None, action))
    }

    /// The options of a request, or its URL alone.
    fn http(&mut self, argument: &Node) -> Option<Action> {
        let Yaml::Map(options) = &argument.value else {
            let url = self.data(argument);
            let url = self.required(argument, "url", Some(url))?;
            return Some(Action::Http(Data::Map(vec![(literal("url"), url)])));
        };
        for (key, node) in options {
            if !REQUEST.contains(&key.text.as_str()) {
                self.unknown_key(key, "http", &REQUEST);
            } else if key.text == "timeout" {
                self.duration(node);
            }
        }
        let mut bodies = options
            .iter()
            .filter(|(key, _)| matches!(key.text.as_str(), "body" | "json" | "form"));
        if let Some((key, _)) = bodies.nth(1) {
            self.problem(key.at, "a request has one of `body`, `json` and `form`");
        }
        if !options.iter().any(|(key, _)| key.text == "url") {
            self.problem(argument.at, "this op needs a `url`");
            return None;
        }
        Some(Action::Http(self.data(argument)))
    }

    /// The parts of an op's argument, by these names. What is no map is the part `short`.
    pub(super) fn parts<const N: usize>(
        &mut self,
        argument: &Node,
        short: &str,
        names: [&str; N],
    ) -> [Option<Data>; N] {
        let Yaml::Map(entries) = &argument.value else {
            let data = self.data(argument);
            return names.map(|name| (name == short).then(|| data.clone()));
        };
        for (key, _) in entries {
            if !names.contains(&key.text.as_str()) {
                self.unknown_key(key, "this op", &names);
            }
        }
        names.map(|name| {
            let entry = entries.iter().find(|(key, _)| key.text == name);
            entry.map(|(_, node)| self.data(node))
        })
    }

    pub(super) fn required(
        &mut self,
        argument: &Node,
        name: &str,
        part: Option<Data>,
    ) -> Option<Data> {
        if part.is_none() || matches!(part, Some(Data::Null)) {
            self.problem(argument.at, format!("this op needs a `{name}`"));
            return None;
        }
        part
    }

    pub(super) fn conditional<'n>(
        &mut self,
        key: &Text,
        argument: &Node,
        get: &dyn Fn(&str) -> Option<&'n Node>,
    ) -> Option<Action> {
        let Some(then) = get("then") else {
            self.problem(key.at, "an if has a `then`");
            return None;
        };
        let mut branches = vec![(self.condition(argument), self.block(then))];
        if let Some(node) = get("elsif") {
            let items = match &node.value {
                Yaml::List(items) => items.as_slice(),
                _ => std::slice::from_ref(node),
            };
            for item in items {
                let Yaml::Map(parts) = &item.value else {
                    self.problem(item.at, "an elsif is {if: condition, then: ops}");
                    continue;
                };
                for (key, _) in parts {
                    if !["if", "then"].contains(&key.text.as_str()) {
                        self.unknown_key(key, "an elsif", &["if", "then"]);
                    }
                }
                let part = |name: &str| parts.iter().find(|(key, _)| key.text == name);
                match (part("if"), part("then")) {
                    (Some((_, condition)), Some((_, then))) => {
                        let branch = (self.condition(condition), self.block(then));
                        branches.push(branch);
                    }
                    _ => self.problem(item.at, "an elsif is {if: condition, then: ops}"),
                }
            }
        }
        Some(Action::If {
            branches,
            otherwise: get("else").map(|node| self.block(node)),
        })
    }

    pub(super) fn for_each<'n>(
        &mut self,
        key: &Text,
        argument: &Node,
        get: &dyn Fn(&str) -> Option<&'n Node>,
    ) -> Option<Action> {
        let parts = match &argument.value {
            Yaml::Map(parts) if parts.iter().any(|(key, _)| key.text == "in") => Some(parts),
            _ => None,
        };
        let Some(parts) = parts else {
            let Some(body) = get("do") else {
                self.problem(key.at, "a foreach has a `do`");
                return None;
            };
            return Some(Action::ForEach {
                variable: "it".to_owned(),
                list: self.items(argument),
                body: self.block(body),
            });
        };
        let (mut variable, mut list, mut body) = ("it".to_owned(), None, None);
        for (key, node) in parts {
            match key.text.as_str() {
                "var" => match &node.value {
                    Yaml::Text(name) => variable = self.variable(name),
                    _ => self.problem(node.at, "var names a variable"),
                },
                "in" => list = Some(self.items(node)),
                "do" => body = Some(self.block(node)),
                _ => self.unknown_key(key, "a foreach", &["var", "in", "do"]),
            }
        }
        let body = body.or_else(|| get("do").map(|node| self.block(node)));
        match (list, body) {
            (Some(list), Some(body)) => Some(Action::ForEach {
                variable,
                list,
                body,
            }),
            _ => {
                self.problem(key.at, "a foreach has a `do`");
                None
            }
        }
    }

    /// What a loop goes through: a list, a map, or a text that says where one is.
    pub(super) fn items(&mut self, node: &Node) -> Items {
        match &node.value {
            Yaml::Text(text) => {
                let template = self.template(text);
                if template.literal().is_some() {
                    Items::Code(self.code(text))
                } else {
                    Items::Data(Data::Text(template))
                }
            }
            _ => Items::Data(self.data(node)),
        }
    }
}
