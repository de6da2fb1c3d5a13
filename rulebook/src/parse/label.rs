//! Labels of ops: `shell [build ${app}]: make`.

use super::BookParser;
use crate::tree::{ATTRIBUTES, Op};
use crate::yaml::{Node, Text};

/// Keys that belong to an op and are none.
const PARTS: [&str; 7] = [
    "then", "catch", "finally", "elsif", "else", "message", "every",
];

/// What an op has.
type Entries = Vec<(Text, Node)>;

/// The key of an op without its label, and the label.
fn split(key: &Text) -> Option<(Text, Text)> {
    let text = key.text.trim_end();
    let end = text.strip_suffix(']')?.len();
    let open = text.find(" [")?;
    let op = text[..open].trim_end();
    // `x =` sets a variable.
    let is_op = !op.is_empty() && !op.ends_with('=') && !ATTRIBUTES.contains(&op);
    let is_op = is_op && !PARTS.contains(&op) && open + 2 <= end;
    is_op.then(|| (key.part(0..op.len()), key.part(open + 2..end)))
}

/// The keys of an op without labels, and the labels. `None` where there are none.
pub(super) fn without(entries: &[(Text, Node)]) -> Option<(Entries, Vec<Text>)> {
    if !entries.iter().any(|(key, _)| split(key).is_some()) {
        return None;
    }
    let mut labels = Vec::new();
    let entries = entries
        .iter()
        .map(|(key, node)| match split(key) {
            Some((op, label)) => {
                labels.push(label);
                (op, node.clone())
            }
            None => (key.clone(), node.clone()),
        })
        .collect();
    Some((entries, labels))
}

impl BookParser<'_> {
    /// Names an op by its label.
    pub(super) fn label(&mut self, op: &mut Op, labels: &[Text]) {
        for label in labels {
            if label.text.trim().is_empty() {
                self.problem(label.at, "the label is empty");
            } else if op.name.is_some() {
                self.problem(label.at, "an op has one name: `name`, or a label");
            } else {
                op.name = Some(self.template(label));
            }
        }
    }
}
