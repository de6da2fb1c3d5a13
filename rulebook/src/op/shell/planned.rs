//! Commands as a dry run shows them: with the values that are known, quoted as a run quotes them.

use cla_stdlib::internal::command::Words;
use serde_json::Value as Json;

use super::{CommandText, Manner, Part, Shell};
use crate::template::Piece;
use crate::tree::{Data, Planner};

impl Shell {
    /// Each command, as it would be run.
    pub(super) fn planned(&self, planner: &dyn Planner<'_>) -> Vec<String> {
        let mut texts: Vec<String> = self
            .commands
            .iter()
            .map(|command| command.planned(planner))
            .collect();
        let given = [&self.program, &self.arguments];
        let given: Vec<String> = given
            .into_iter()
            .flatten()
            .flat_map(|data| planned_words(planner, data))
            .collect();
        if !given.is_empty() {
            texts.push(given.join(" "));
        }
        texts
    }
}

impl CommandText {
    /// The command as it would be run: values that are known are quoted as a run quotes them, others stand as written.
    fn planned(&self, planner: &dyn Planner<'_>) -> String {
        let mut reader = Words::new();
        let mut command = String::new();
        for part in &self.parts {
            let (piece, manner) = match part {
                Part::Text(text) => {
                    reader.read(text);
                    command.push_str(text);
                    continue;
                }
                Part::Value { piece, manner, .. } => (piece, *manner),
            };
            let texts = planner.known_piece(piece).map(|value| known_words(&value));
            let twice = manner == Manner::QuotedTwice;
            let inserted = match texts {
                Some(texts) if manner == Manner::Raw => {
                    let text = texts.join(",");
                    reader.read(&text);
                    Some(text)
                }
                Some(texts) => match reader.refusal(twice) {
                    Some(_) => None,
                    None => reader.value(&texts, twice).ok(),
                },
                None => {
                    reader.unknown_value();
                    None
                }
            };
            command.push_str(&inserted.unwrap_or_else(|| match (piece, manner) {
                (Piece::Path(hole), _) => format!("${{{}}}", hole.written),
                (Piece::Code(code), _) => format!("{{{{ {} }}}}", code.text),
                (Piece::Literal(text), _) => text.clone(),
            }));
        }
        command
    }
}

/// The words of a program and its arguments, as one would write them for a shell.
fn planned_words(planner: &dyn Planner<'_>, data: &Data) -> Vec<String> {
    if let Data::List(items) = data {
        let items = items.iter();
        return items
            .flat_map(|item| planned_words(planner, item))
            .collect();
    }
    match planner.known(data) {
        Some(value) => known_words(&value)
            .into_iter()
            .map(|word| {
                Words::new()
                    .value(std::slice::from_ref(&word), false)
                    .unwrap_or(word)
            })
            .collect(),
        None => vec![planner.text(data)],
    }
}

/// The texts of a value that is known before a run, as [`words`] gives those of one that a run has.
fn known_words(value: &Json) -> Vec<String> {
    let shown = |value: &Json| match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Json::Array(items) => items.iter().map(shown).collect(),
        other => vec![shown(other)],
    }
}
