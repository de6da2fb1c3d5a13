//! From YAML to a rulebook. Finds all that is wrong with it, not only the first thing.

use std::collections::HashMap;
use std::sync::Arc;

use super::book::{
    Action, Argument, Block, Book, Condition, Data, Def, Items, OnError, Op, Parallel, Region,
};
use super::template::{self, Code, Template};
use super::yaml::{self, Node, Place, Text, Yaml};
use crate::typescript::SyntaxProblem;

/// More problems than this are not reported.
const MOST_PROBLEMS: usize = 20;

pub(super) const TOP_KEYS: [&str; 6] = ["name", "description", "vars", "def", "on", "do"];

pub(super) const ATTRIBUTES: [&str; 7] = [
    "semaphore",
    "timeout",
    "parallel",
    "on_error",
    "name",
    "when",
    "register",
];

pub(super) const OPS: [&str; 25] = [
    "do",
    "var",
    "set",
    "if",
    "elsif",
    "else",
    "foreach",
    "while",
    "try",
    "fail",
    "return",
    "wait_children",
    "echo",
    "print",
    "log",
    "dump",
    "sleep",
    "shell",
    "js",
    "parse",
    "read_file",
    "write_file",
    "call",
    "then",
    "catch",
];

/// Keys that stand beside an op's own, for some ops.
pub(super) const COMPANIONS: [(&str, &[&str]); 4] = [
    ("if", &["then", "elsif", "else"]),
    ("foreach", &["do"]),
    ("while", &["do"]),
    ("try", &["catch", "finally"]),
];

/// Reads a rulebook. `name` is its canonical name.
///
/// # Errors
///
/// Everything that is wrong with it, at least one problem.
pub(crate) fn parse(name: &str, text: &Arc<str>) -> Result<Book, Vec<SyntaxProblem>> {
    let root = yaml::read(text).map_err(|problem| vec![problem])?;
    let title = std::path::Path::new(name).file_name().map_or_else(
        || name.to_owned(),
        |file| file.to_string_lossy().into_owned(),
    );
    let mut book = Book {
        name: name.to_owned(),
        title,
        text: Arc::clone(text),
        vars: Vec::new(),
        defs: HashMap::new(),
        on: Vec::new(),
        body: None,
        indents: HashMap::new(),
    };
    let mut parser = Parser::default();
    parser.book(&root, &mut book);
    if parser.problems.is_empty() {
        book.indents = parser.indents;
        Ok(book)
    } else {
        let mut problems = parser.problems;
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.truncate(MOST_PROBLEMS);
        Err(problems)
    }
}

#[derive(Default)]
struct Parser {
    problems: Vec<SyntaxProblem>,
    /// The defs, by name, with the names of their arguments and whether they must be given.
    defs: HashMap<String, Vec<(String, bool)>>,
    indents: HashMap<u32, u32>,
}

impl Parser {
    fn problem(&mut self, at: Place, message: impl Into<String>) {
        self.problems.push(at.problem(message, None));
    }

    fn problem_with_help(&mut self, at: Place, message: String, help: Option<String>) {
        self.problems.push(at.problem(message, help));
    }

    fn unknown_key(&mut self, key: &Text, of: &str, known: &[&str]) {
        let help = match nearest(&key.text, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("{of} has {}", known.join(", ")),
        };
        let message = format!("{of} has no {:?}", key.text);
        self.problem_with_help(key.at, message, Some(help));
    }

    // ---- the rulebook

    fn book(&mut self, root: &Node, book: &mut Book) {
        let entries = match &root.value {
            // Nothing but ops.
            Yaml::List(_) => {
                book.body = Some(self.block(root));
                return;
            }
            Yaml::Map(entries) => entries,
            other => {
                let message = format!("a rulebook is a map with `do`, not {}", other.kind());
                return self.problem(root.at, message);
            }
        };
        // Calls may come before what they call.
        for (key, node) in entries {
            if key.text == "def" {
                self.declare(node);
            }
        }
        for (key, node) in entries {
            match key.text.as_str() {
                "name" | "description" => {
                    if !matches!(node.value, Yaml::Text(_)) {
                        self.problem(node.at, format!("the {} must be a text", key.text));
                    }
                }
                "vars" => match self.data(node) {
                    Data::Map(vars) => book.vars = vars,
                    Data::Null => {}
                    _ => self.problem(node.at, "vars must be a map of names and values"),
                },
                "def" => self.definitions(node, book),
                "on" => self.events(node, book),
                "do" => book.body = Some(self.block(node)),
                _ => self.unknown_key(key, "a rulebook", &TOP_KEYS),
            }
        }
        if book.body.is_none() && book.on.is_empty() && book.defs.is_empty() {
            let message = "there is nothing to run: a rulebook has `do`, `on` or `def`";
            self.problem(root.at, message);
        }
    }

    /// Notes which defs there are, and what they want.
    fn declare(&mut self, node: &Node) {
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
            self.defs.insert(name.text.clone(), arguments);
        }
    }

    fn definitions(&mut self, node: &Node, book: &mut Book) {
        let Yaml::Map(defs) = &node.value else {
            let help = Some("def:\n  greet:\n    args: [who]\n    do: ...".to_owned());
            return self.problem_with_help(node.at, "def must be a map of names".to_owned(), help);
        };
        for (name, def) in defs {
            if OPS.contains(&name.text.as_str()) || ATTRIBUTES.contains(&name.text.as_str()) {
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

    fn arguments(&mut self, node: &Node) -> Vec<Argument> {
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

    fn events(&mut self, node: &Node, book: &mut Book) {
        let Yaml::Map(events) = &node.value else {
            return self.problem(node.at, "on must be a map from events to ops");
        };
        for (event, ops) in events {
            let block = self.block(ops);
            book.on.push((event.text.clone(), block));
        }
    }

    // ---- ops

    fn block(&mut self, node: &Node) -> Block {
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
    fn branch(&mut self, key: &Text, node: &Node, entries: &[(Text, Node)], ops: &mut [Arc<Op>]) {
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

    fn op(&mut self, node: &Node, entries: &[(Text, Node)]) -> Option<Op> {
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
                    OPS.contains(&key.text.as_str()) || self.defs.contains_key(&key.text)
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

    fn attribute(&mut self, op: &mut Op, key: &str, node: &Node) {
        match key {
            "semaphore" => op.semaphore = self.region(node),
            "timeout" => op.timeout = Some(self.duration(node)),
            "parallel" => {
                op.parallel = match self.word(node).as_deref() {
                    Some("wait") => Some(Parallel::Wait),
                    Some("leave") => Some(Parallel::Leave),
                    _ => {
                        self.problem(node.at, "parallel is `wait` or `leave`");
                        None
                    }
                };
            }
            "on_error" => op.on_error = self.on_error(node),
            "name" => match &node.value {
                Yaml::Text(text) => op.name = Some(self.template(text)),
                _ => self.problem(node.at, "the name must be a text"),
            },
            "when" => op.when = Some(self.condition(node)),
            "register" => match &node.value {
                Yaml::Text(name) if op.register.is_none() => {
                    let register = self.template(name);
                    if register
                        .literal()
                        .is_some_and(|name| !template::is_path(name))
                    {
                        self.problem(node.at, format!("{:?} names no variable", name.text));
                    }
                    op.register = Some(register);
                }
                Yaml::Text(_) => self.problem(node.at, "the result goes to one variable only"),
                _ => self.problem(node.at, "register names a variable"),
            },
            _ => {}
        }
    }

    /// What the op does; its name; where its result goes, for `name = op`.
    fn action<'n>(
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
            let (kind, _, action) = self.action(&inner, argument, get)?;
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
                    append: matches!(append, Some(Data::Bool(true))),
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
            _ if self.defs.contains_key(kind) => self.call(key, argument)?,
            _ => {
                let known = OPS.into_iter().chain(ATTRIBUTES);
                let defs: Vec<String> = self.defs.keys().cloned().collect();
                let help = nearest(kind, known.chain(defs.iter().map(String::as_str)))
                    .map(|near| format!("did you mean {near}?"));
                self.problem_with_help(key.at, format!("there is no op {kind:?}"), help);
                return None;
            }
        };
        Some((kind.to_owned(), None, action))
    }

    /// The parts of an op's argument, by these names. What is no map is the part `short`.
    fn parts<const N: usize>(
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

    fn required(&mut self, argument: &Node, name: &str, part: Option<Data>) -> Option<Data> {
        if part.is_none() || matches!(part, Some(Data::Null)) {
            self.problem(argument.at, format!("this op needs a `{name}`"));
            return None;
        }
        part
    }

    fn conditional<'n>(
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

    fn for_each<'n>(
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
    fn items(&mut self, node: &Node) -> Items {
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

    fn call(&mut self, key: &Text, argument: &Node) -> Option<Action> {
        let wanted = self.defs.get(&key.text).cloned().unwrap_or_default();
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
        Some(Action::Call {
            def: key.text.clone(),
            arguments,
        })
    }

    // ---- attributes and their parts

    fn region(&mut self, node: &Node) -> Option<Region> {
        let mut region = Region {
            at: node.at,
            key: Data::Null,
            slots: None,
            timeout: None,
            ttl: None,
            priority: None,
        };
        match &node.value {
            Yaml::Text(_) => region.key = self.data(node),
            Yaml::Map(parts) => {
                for (key, part) in parts {
                    match key.text.as_str() {
                        "key" => region.key = self.data(part),
                        "slots" => region.slots = Some(self.data(part)),
                        "timeout" => region.timeout = Some(self.duration(part)),
                        "ttl" => region.ttl = Some(self.duration(part)),
                        "priority" => region.priority = Some(self.data(part)),
                        _ => {
                            let known = ["key", "slots", "timeout", "ttl", "priority"];
                            self.unknown_key(key, "a semaphore", &known);
                        }
                    }
                }
            }
            _ => {}
        }
        if matches!(region.key, Data::Text(_)) {
            Some(region)
        } else {
            let message = "a semaphore is a name, or a map with `key`";
            self.problem(node.at, message);
            None
        }
    }

    fn on_error(&mut self, node: &Node) -> OnError {
        match &node.value {
            Yaml::Text(text) if text.text == "fail" => OnError::Fail,
            Yaml::Text(text) if text.text == "ignore" => OnError::Ignore,
            Yaml::Map(parts) => {
                let (mut times, mut delay, mut backoff) = (None, None, 1.0);
                for (key, part) in parts {
                    match (key.text.as_str(), &part.value) {
                        ("retry", Yaml::Number(n)) if *n >= 1.0 && n.fract() == 0.0 && *n < 1e6 => {
                            times = Some(*n as u32);
                        }
                        ("delay", _) => delay = Some(self.duration(part)),
                        ("backoff", Yaml::Number(factor)) if (1.0..=1000.0).contains(factor) => {
                            backoff = *factor;
                        }
                        ("retry", _) => self.problem(part.at, "retry is a whole number from 1"),
                        ("backoff", _) => self.problem(part.at, "backoff is a number from 1"),
                        _ => self.unknown_key(key, "on_error", &["retry", "delay", "backoff"]),
                    }
                }
                match times {
                    Some(times) => OnError::Retry {
                        times,
                        delay,
                        backoff,
                    },
                    None => {
                        self.problem(node.at, "on_error with a map has `retry`, how often");
                        OnError::Fail
                    }
                }
            }
            _ => {
                let message = "on_error is `fail`, `ignore` or {retry: N}";
                self.problem(node.at, message);
                OnError::Fail
            }
        }
    }

    /// A duration; one without templates is looked at now.
    fn duration(&mut self, node: &Node) -> Data {
        let data = self.data(node);
        let problem = match &data {
            Data::Number(seconds) => crate::duration::from_seconds(*seconds).err(),
            Data::Text(template) => template
                .literal()
                .and_then(|text| crate::duration::parse(text).err()),
            _ => Some("be a duration such as 30s"),
        };
        if let Some(problem) = problem {
            self.problem(node.at, format!("this must {problem}"));
        }
        data
    }

    fn condition(&mut self, node: &Node) -> Condition {
        match &node.value {
            Yaml::Text(text) => {
                let template = self.template(text);
                if template.literal().is_some() {
                    Condition::Code(self.code(text))
                } else {
                    Condition::Data(Data::Text(template))
                }
            }
            _ => Condition::Data(self.data(node)),
        }
    }

    fn variable(&mut self, name: &Text) -> String {
        if !template::is_path(&name.text) || name.text.contains(['.', '[']) {
            let message = format!("{:?} is no name for a variable", name.text);
            self.problem(name.at, message);
        }
        name.text.clone()
    }

    fn word(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Yaml::Text(text) => Some(text.text.clone()),
            _ => None,
        }
    }

    fn code(&mut self, text: &Text) -> Code {
        let code = Code::of(text);
        if let Some(indent) = code.indent {
            let lines = text.text.lines().count() as u32;
            for line in code.at.line..code.at.line + lines {
                self.indents.insert(line, indent);
            }
        }
        code
    }

    fn template(&mut self, text: &Text) -> Template {
        match template::parse(text) {
            Ok(template) => {
                for piece in &template.pieces {
                    if let template::Piece::Code(code) = piece
                        && let Some(indent) = code.indent
                    {
                        let lines = code.text.lines().count() as u32;
                        // The first line is filled up with spaces.
                        for line in code.at.line + 1..code.at.line + lines {
                            self.indents.insert(line, indent);
                        }
                    }
                }
                template
            }
            Err(problem) => {
                self.problems.push(problem);
                Template { pieces: Vec::new() }
            }
        }
    }

    fn data(&mut self, node: &Node) -> Data {
        match &node.value {
            Yaml::Null => Data::Null,
            Yaml::Bool(value) => Data::Bool(*value),
            Yaml::Number(value) => Data::Number(*value),
            Yaml::Text(text) => Data::Text(self.template(text)),
            Yaml::List(items) => Data::List(items.iter().map(|item| self.data(item)).collect()),
            Yaml::Map(entries) => Data::Map(
                entries
                    .iter()
                    .map(|(key, node)| (self.template(key), self.data(node)))
                    .collect(),
            ),
        }
    }
}

fn plain(kind: impl Into<String>, at: Place, action: Action) -> Op {
    Op {
        at,
        kind: kind.into(),
        name: None,
        when: None,
        semaphore: None,
        timeout: None,
        parallel: None,
        on_error: OnError::Fail,
        register: None,
        action,
    }
}

fn literal(text: &str) -> Template {
    Template {
        pieces: vec![template::Piece::Literal(text.to_owned())],
    }
}

/// The arguments that a def declares, and whether each must be given.
fn declared(args: &Node) -> Vec<(String, bool)> {
    let items = match &args.value {
        Yaml::List(items) => items.as_slice(),
        _ => std::slice::from_ref(args),
    };
    let mut arguments = Vec::new();
    for item in items {
        match &item.value {
            Yaml::Text(name) => arguments.push((name.text.clone(), true)),
            Yaml::Map(entries) => {
                arguments.extend(entries.iter().map(|(name, _)| (name.text.clone(), false)));
            }
            _ => {}
        }
    }
    arguments
}

/// The one of `known` that was probably meant.
fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|other| (strsim::jaro_winkler(&word, other), other))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}
