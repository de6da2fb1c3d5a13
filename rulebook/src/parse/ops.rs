//! Ops, one by one: their keys, their arguments, their blocks.

use std::sync::Arc;

use cla_runtime::internal::nearest;

use super::{BookParser, label, plain};
use crate::template::{self, Template};
use crate::tree::{ATTRIBUTES, Action, Block, Callee, Op, Written, literal};
use crate::yaml::{Node, Text, Yaml};

/// Ops that take nothing, so that one forgets their colon.
const BARE: [&str; 3] = ["wait_children", "break", "continue"];

/// What a word of other languages is called here.
pub(super) fn elsewhere(word: &str) -> Option<&'static str> {
    Some(match word {
        "steps" | "tasks" | "jobs" | "stages" | "plays" | "actions" => {
            "the ops of a rulebook stand below `do`"
        }
        "hosts" => {
            "a rulebook runs on this machine: go through hosts with foreach, and reach them with shell: ssh ..."
        }
        "uses" | "include" | "include_tasks" | "import_tasks" | "roles" => {
            "another rulebook is called by call: FILE, and its functions are ops after an import"
        }
        "become" | "sudo" => "it is a part of the command: shell: sudo ...",
        "loop" | "with_items" | "for" | "each" | "forEach" => {
            "a loop is {foreach: [...], do: [...]}, in which `it` is the item"
        }
        "retry" | "retries" => "to try again is on_error: {retry: 3}; also with a delay: 1s",
        "ignore_errors" | "continue-on-error" | "continue_on_error" => {
            "to go on after an error is on_error: ignore"
        }
        "run" | "command" | "cmd" | "exec" | "script" | "bash" | "sh" => {
            "a command is shell: COMMAND, a program {shell: {run: [program, argument]}}"
        }
        "needs" | "depends_on" => "ops run one after the other; parallel: wait forks one",
        "env" | "cwd" | "working-directory" | "args" | "stdin" => {
            "it belongs to the map of a shell: {cmd: ..., env: {...}, cwd: ...}"
        }
        "vars" => "variables are set by {set: {name: value}}, or by vars at the top",
        "debug" | "msg" => "to print is echo: TEXT, or dump: VALUE",
        "until" => "until has a `do` beside it",
        "lock" | "mutex" => "one at a time is semaphore: NAME",
        "concurrency" => {
            "for a whole rulebook it stands at the top, beside `do`; for an op, one at a time is semaphore: NAME"
        }
        "unless" => "a condition is when: !(...)",
        "rescue" | "except" => "what fails in a try is caught by `catch`",
        "always" | "ensure" => "what is done in any case is `finally`, beside a try",
        _ => return None,
    })
}

impl BookParser<'_> {
    pub(crate) fn block(&mut self, node: &Node) -> Block {
        let items = match &node.value {
            Yaml::List(items) => items.as_slice(),
            Yaml::Null => &[],
            // One op needs no list; a text is JavaScript, as everywhere after `do`.
            Yaml::Text(text) => {
                let code = self.code(text);
                let action = (self.table.short.script)(code);
                return Arc::new([Arc::new(plain("js", node.at, action))]);
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
                Yaml::Text(text) if BARE.contains(&text.text.trim()) => {
                    let word = text.text.trim();
                    let message = format!("{word:?} is a shell command here");
                    self.problem_with_help(item.at, message, Some(format!("add a colon: {word}:")));
                }
                Yaml::Text(text) => {
                    let action = (self.table.short.command)(self, text);
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
    pub(crate) fn branch(
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
        if !before.is_some_and(|op| op.action.add_branch(condition, body)) {
            let message = format!("`{}` must follow an `if` without `else`", key.text);
            self.problem(key.at, message);
        }
    }

    pub(crate) fn op(&mut self, node: &Node, entries: &[(Text, Node)]) -> Option<Op> {
        let Some((entries, labels)) = label::without(entries) else {
            return self.bare_op(node, entries);
        };
        let mut op = self.bare_op(node, &entries)?;
        self.label(&mut op, &labels);
        Some(op)
    }

    /// An op whose key has no label.
    fn bare_op(&mut self, node: &Node, entries: &[(Text, Node)]) -> Option<Op> {
        let get = |name: &str| {
            entries
                .iter()
                .find(|(key, _)| key.text == name)
                .map(|(_, node)| node)
        };
        let companions = self
            .table
            .ops
            .iter()
            .find(|op| !op.companions.is_empty() && get(op.name).is_some())
            .map_or(&[][..], |op| op.companions);
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
                    self.table.names().any(|op| op == key.text)
                        || self.callees.contains_key(&key.text)
                };
                if first.text == "if" && second.text == "do"
                    || first.text == "do" && second.text == "if"
                {
                    let help = "write `then` in place of `do`".to_owned();
                    let at = if first.text == "do" {
                        first.at
                    } else {
                        second.at
                    };
                    self.problem_with_help(at, "an if has a `then`".to_owned(), Some(help));
                    return None;
                }
                // The keys that belong to `foreach` do not belong to `x = foreach`.
                let assigned = own.iter().find_map(|(key, _)| {
                    let (name, op) = key.text.split_once(" = ")?;
                    let known = self.table.named(op)?;
                    let belongs = |(other, _): &&(Text, Node)| {
                        known.companions.contains(&other.text.as_str())
                    };
                    own.iter().any(belongs).then_some((key.at, name, op))
                });
                if let Some((at, name, op)) = assigned {
                    let message = format!("the result of {op} is not assigned so");
                    let help = format!("write {op}: ..., and beside it register: {name}");
                    self.problem_with_help(at, message, Some(help));
                    return None;
                }
                let (wrong, other) = if is_op(second) && !is_op(first) {
                    (first, second)
                } else {
                    (second, first)
                };
                let near = nearest(&wrong.text, ATTRIBUTES.iter().chain(companions).copied());
                let help = match (elsewhere(&wrong.text), near) {
                    (Some(here), _) => here.to_owned(),
                    (None, Some(near)) => format!("did you mean {near}?"),
                    (None, None) => "begin each op with a dash of its own".to_owned(),
                };
                let message = format!("{:?} cannot stand beside {:?}", wrong.text, other.text);
                let at = wrong.at;
                self.problem_with_help(at, message, Some(help));
                return None;
            }
        };
        // A fork is no part of the loop in which it stands.
        let is_fork = get("parallel").is_some_and(|node| node.number().is_none());
        let loops = self.loops;
        if is_fork {
            self.loops = 0;
        }
        let read = self.action(key, argument, &get);
        self.loops = loops;
        let (kind, assigned, action) = read?;
        let mut op = plain(kind, key.at, action);
        op.register = assigned;
        for (key, node) in entries {
            self.attribute(&mut op, &key.text, node);
        }
        Some(op)
    }

    /// What the op does; its name; where its result goes, for `name = op`.
    pub(crate) fn action<'n>(
        &mut self,
        key: &Text,
        argument: &Node,
        get: &dyn Fn(&str) -> Option<&'n Node>,
    ) -> Option<(String, Option<Template>, Box<dyn Action>)> {
        if let Some((name, op)) = key.text.split_once(" =") {
            let name = name.trim();
            if !template::is_path(name) {
                self.problem(key.at, format!("{name:?} names no variable"));
                return None;
            }
            let variable = literal(name);
            let op = op.trim();
            if op.is_empty() || op == ":" {
                let action = (self.table.short.assignment)(variable, self.data(argument));
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
        let reader = self.table.named(kind).and_then(|op| op.read);
        let action = match reader {
            Some(read) => read(
                self,
                &Written {
                    key,
                    argument,
                    beside: get,
                },
            )?,
            None if self.callees.contains_key(kind) => self.call(key, argument)?,
            None if self.open && !kind.contains(char::is_whitespace) => {
                self.services.push((key.at, kind.to_owned()));
                let arguments = self.data(argument);
                (self.table.short.call)(Callee::Service(kind.to_owned()), arguments)
            }
            None => {
                let known = self.table.names().chain(ATTRIBUTES);
                let defs: Vec<String> = self.callees.keys().cloned().collect();
                let near = nearest(kind, known.chain(defs.iter().map(String::as_str)));
                let help = elsewhere(kind)
                    .map(str::to_owned)
                    .or_else(|| near.map(|near| format!("did you mean {near}?")));
                self.problem_with_help(key.at, format!("there is no op {kind:?}"), help);
                return None;
            }
        };
        Some((kind.to_owned(), None, action))
    }
}
