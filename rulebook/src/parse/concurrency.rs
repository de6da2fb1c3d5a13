//! `concurrency`: runs with one key go one after the other.

use cla_runtime::internal::Cancel;

use super::BookParser;
use crate::template::{Piece, Template};
use crate::tree::{Concurrency, Data, Region};
use crate::yaml::{Node, Yaml};

/// How the semaphore of a key begins.
const PREFIX: &str = "concurrency:";

/// What `cancel` may say.
const WORDS: [(&str, Cancel); 3] = [
    ("none", Cancel::Nobody),
    ("waiting", Cancel::Waiting),
    ("running", Cancel::Running),
];

/// How a word of `cancel` is written.
pub(crate) fn word(cancel: Cancel) -> &'static str {
    let known = WORDS.iter().find(|(_, known)| *known == cancel);
    known.map_or("none", |(word, _)| word)
}

impl BookParser<'_> {
    /// A key, or a map with `key` and `cancel`.
    pub(super) fn concurrency(&mut self, node: &Node) -> Option<Concurrency> {
        const HELP: &str = "concurrency: deploy-${env}, or {key: deploy-${env}, cancel: waiting}";
        let mut cancel = Cancel::Nobody;
        let mut key = None;
        match &node.value {
            Yaml::Text(_) => key = Some(node),
            Yaml::Map(parts) => {
                for (name, part) in parts {
                    match name.text.as_str() {
                        "key" => key = Some(part),
                        "cancel" => cancel = self.cancel(part),
                        "group" | "cancel-in-progress" => {
                            let message = format!("concurrency has no {:?}", name.text);
                            let help = match name.text.as_str() {
                                "group" => "write key in place of group",
                                _ => {
                                    "cancel: running also stops the run that goes on; cancel: waiting does not"
                                }
                            };
                            self.problem_with_help(name.at, message, Some(help.to_owned()));
                        }
                        _ => self.unknown_key(name, "concurrency", &["key", "cancel"]),
                    }
                }
            }
            _ => {}
        }
        let Some(node) = key else {
            let message = "concurrency is a key, or a map with `key`".to_owned();
            self.problem_with_help(node.at, message, Some(HELP.to_owned()));
            return None;
        };
        let Data::Text(template) = self.data(node) else {
            let message = "the key is a text".to_owned();
            self.problem_with_help(node.at, message, Some(HELP.to_owned()));
            return None;
        };
        if template.literal().is_some_and(|key| key.trim().is_empty()) {
            self.problem(node.at, "the key is empty");
            return None;
        }
        let region = Region {
            at: node.at,
            key: Data::Text(prefixed(template)),
            slots: Some(Data::Number(1.0)),
            timeout: None,
            ttl: None,
            priority: None,
        };
        self.check_region(&region, &[]);
        Some(Concurrency { region, cancel })
    }

    fn cancel(&mut self, node: &Node) -> Cancel {
        let text = match &node.value {
            Yaml::Text(text) => text.text.as_str(),
            _ => "",
        };
        let known = WORDS.iter().find(|(word, _)| *word == text);
        known.map_or_else(
            || {
                let message = "cancel is none, waiting or running".to_owned();
                let help = "waiting: a newcomer takes the place of the run that waits; running: also of the one that goes on";
                self.problem_with_help(node.at, message, Some(help.to_owned()));
                Cancel::Nobody
            },
            |(_, cancel)| *cancel,
        )
    }
}

fn prefixed(mut template: Template) -> Template {
    match template.pieces.first_mut() {
        Some(Piece::Literal(text)) => text.insert_str(0, PREFIX),
        _ => template.pieces.insert(0, Piece::Literal(PREFIX.to_owned())),
    }
    template
}
