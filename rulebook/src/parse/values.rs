//! Texts, templates, code and data.

use super::BookParser;
use crate::template::{self, Code, Template};
use crate::tree::{Condition, Data};
use crate::yaml::{Node, Text, Yaml};

impl BookParser<'_> {
    pub(crate) fn condition(&mut self, node: &Node) -> Condition {
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

    pub(crate) fn variable(&mut self, name: &Text) -> String {
        if !template::is_path(&name.text) || name.text.contains(['.', '[']) {
            let message = format!("{:?} is no name for a variable", name.text);
            self.problem(name.at, message);
        }
        name.text.clone()
    }

    pub(crate) fn word(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Yaml::Text(text) => Some(text.text.clone()),
            _ => None,
        }
    }

    pub(crate) fn code(&mut self, text: &Text) -> Code {
        let code = Code::of(text);
        if let Some(indent) = code.indent {
            let lines = text.text.lines().count() as u32;
            for line in code.at.line..code.at.line + lines {
                self.indents.insert(line, indent);
            }
        }
        code
    }

    pub(crate) fn template(&mut self, text: &Text) -> Template {
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

    pub(crate) fn data(&mut self, node: &Node) -> Data {
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
