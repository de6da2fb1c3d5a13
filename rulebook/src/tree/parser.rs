//! What reads ops, as an op sees it.

use super::{Block, Condition, Data};
use crate::data::{FORMATS, Format};
use crate::template::{Code, Piece, Template, is_path};
use crate::yaml::{Node, Place, Text, Yaml};

/// An op as it is written.
pub(crate) struct Written<'w, 'n> {
    pub(crate) key: &'w Text,
    /// What stands after the key.
    pub(crate) argument: &'w Node,
    /// What stands after another key beside it.
    pub(crate) beside: &'w dyn Fn(&str) -> Option<&'n Node>,
}

/// Reads the parts of an op. What is wrong with one is noted, and reading goes on, so that all problems are reported.
pub(crate) trait Parser {
    /// Notes that something is wrong at this place.
    fn note(&mut self, at: Place, message: String);

    /// Notes that something is wrong at this place, and what to do.
    fn note_with_help(&mut self, at: Place, message: String, help: String);

    /// Notes that `of` has no such key.
    fn unknown_key(&mut self, key: &Text, of: &str, known: &[&str]);

    /// Ops one after the other; or one op, or JavaScript.
    fn block(&mut self, node: &Node) -> Block;

    /// The ops of a loop, in which `break` and `continue` may stand.
    fn turn(&mut self, node: &Node) -> Block;

    /// Ops that run apart from what is around them: no `break` in them leads out.
    fn apart(&mut self, node: &Node) -> Block;

    /// Whether this stands in a function.
    fn is_in_def(&self) -> bool;

    /// Whether this stands in a loop.
    fn is_in_loop(&self) -> bool;

    /// JavaScript, or a value.
    fn condition(&mut self, node: &Node) -> Condition;

    /// Whether something behind this place has a key that should probably have been this one.
    fn was_misspelt(&self, from: Place, key: &str) -> bool;

    /// A value with templates in it.
    fn data(&mut self, node: &Node) -> Data;

    /// A duration; one without templates is checked now.
    fn duration(&mut self, node: &Node) -> Data;

    /// A duration that is longer than nothing.
    fn limit(&mut self, node: &Node) -> Data;

    fn code(&mut self, text: &Text) -> Code;

    fn template(&mut self, text: &Text) -> Template;

    /// The name of a variable.
    fn variable(&mut self, name: &Text) -> String;

    /// Whether what an `import` names has been read before anything else.
    fn is_hoisted(&self, key: &Text) -> bool;
}

impl dyn Parser + '_ {
    /// Notes that something is wrong at this place.
    pub(crate) fn problem(&mut self, at: Place, message: impl Into<String>) {
        self.note(at, message.into());
    }

    /// The parts of an op's argument, by these names. What is no map is the part `short`.
    pub(crate) fn parts<const N: usize>(
        &mut self,
        argument: &Node,
        short: &str,
        names: [&str; N],
    ) -> [Option<Data>; N] {
        let Yaml::Map(entries) = &argument.value else {
            if let Yaml::List(_) = argument.value {
                let message = format!(
                    "this op takes a `{short}`, or a map with {}",
                    names.join(", ")
                );
                self.problem(argument.at, message);
            }
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

    /// The parts of an op's argument, which is a map with these names.
    pub(crate) fn map_parts<const N: usize>(
        &mut self,
        argument: &Node,
        op: &str,
        names: [&str; N],
    ) -> Option<[Option<Data>; N]> {
        if !matches!(argument.value, Yaml::Map(_)) {
            let message = format!("{op} is a map with {}", names.join(", "));
            self.problem(argument.at, message);
            return None;
        }
        Some(self.parts(argument, "", names))
    }

    /// One of two parts that mean the same.
    pub(crate) fn either(
        &mut self,
        argument: &Node,
        [(one, first), (other, second)]: [(&str, Option<Data>); 2],
    ) -> Option<Data> {
        if first.is_some() && second.is_some() {
            let message = format!("`{one}` and `{other}` mean the same here: write one of them");
            self.problem(argument.at, message);
        }
        first.or(second)
    }

    /// The variable that gets what an op gives, from a part of its argument.
    pub(crate) fn returning(&mut self, argument: &Node) -> Option<Template> {
        let Yaml::Map(entries) = &argument.value else {
            return None;
        };
        let (_, node) = entries.iter().find(|(key, _)| key.text == "returning")?;
        let Yaml::Text(name) = &node.value else {
            self.problem(node.at, "returning names a variable");
            return None;
        };
        let variable = self.template(name);
        if variable.literal().is_some_and(|name| !is_path(name)) {
            self.problem(node.at, format!("{:?} names no variable", name.text));
        }
        Some(variable)
    }

    /// Notes a format that there is not.
    pub(crate) fn known_format(&mut self, argument: &Node, format: Option<&Data>) {
        let name = match format {
            None => return,
            Some(Data::Text(template)) => template.literal().map(str::to_owned),
            Some(_) => Some(String::new()),
        };
        match name {
            Some(name) if name.is_empty() => {
                self.problem(argument.at, format!("the format is {FORMATS}"));
            }
            Some(name) if Format::named(&name).is_none() => {
                let message = format!("the format is {FORMATS}, not {name:?}");
                self.problem(argument.at, message);
            }
            _ => {}
        }
    }

    /// Notes which of these parts of an op's argument are no texts. Whether what must be there is there, others look at.
    pub(crate) fn texts(&mut self, argument: &Node, required: &[&str], optional: &[&str]) {
        let Yaml::Map(entries) = &argument.value else {
            return;
        };
        for (key, node) in entries {
            let name = key.text.as_str();
            let is_wrong = match node.value {
                Yaml::List(_) | Yaml::Map(_) => {
                    required.contains(&name) || optional.contains(&name)
                }
                Yaml::Null => optional.contains(&name),
                _ => false,
            };
            if is_wrong {
                let message = format!("`{name}` is a text, not {}", node.value.kind());
                self.problem(node.at, message);
            }
        }
    }

    /// A part of an op's argument that must be there.
    pub(crate) fn required(
        &mut self,
        argument: &Node,
        name: &str,
        part: Option<Data>,
    ) -> Option<Data> {
        let is_blank = |template: &Template| {
            name != "text"
                && template
                    .literal()
                    .is_some_and(|text| text.trim().is_empty())
        };
        match part {
            None | Some(Data::Null) => {
                // A misspelt key is told once.
                if !self.was_misspelt(argument.at, name) {
                    self.problem(argument.at, format!("this op needs a `{name}`"));
                }
                None
            }
            Some(Data::Text(template)) if is_blank(&template) => {
                self.problem(argument.at, format!("the `{name}` of this op is empty"));
                None
            }
            part => {
                self.text(argument, name, part.as_ref());
                part
            }
        }
    }

    /// Notes that a part of an op's argument is no text, and nothing that is shown as one.
    pub(crate) fn text(&mut self, argument: &Node, name: &str, part: Option<&Data>) {
        if let Some(Data::List(_) | Data::Map(_) | Data::Null) = part {
            self.problem(
                argument.at,
                format!("the `{name}` of this op must be a text"),
            );
        }
    }
}

/// A text without holes.
pub(crate) fn literal(text: &str) -> Template {
    Template {
        pieces: vec![Piece::Literal(text.to_owned())],
    }
}
