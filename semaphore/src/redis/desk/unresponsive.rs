//! Runs that do not answer: marks at their requests, for those who look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{CHUNK, Call, Driver, Purpose, What, digits, micros};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::redis::scripts::{self, Script};

impl Driver {
    /// The run does not answer since then, or answers again: marks what it holds and waits for.
    pub(super) fn mark_unresponsive(&mut self, run: RunId, since: Option<Instant>) {
        let mut marked: HashMap<SemaphoreName, Vec<(bool, RequestId)>> = HashMap::new();
        for (id, asked) in &self.requests {
            if asked.run() == Some(run) && !asked.anothers && asked.sent {
                let waits = asked.waits();
                marked
                    .entry(asked.name.clone())
                    .or_default()
                    .push((waits, *id));
            }
        }
        let silent = since.map(|since| micros(since.elapsed()).to_string());
        let silent = silent.unwrap_or_default();
        for (name, mut ids) in marked {
            // In the order of every store: what is busy comes first.
            ids.sort_unstable();
            for ids in ids.chunks(CHUNK) {
                let mut command = scripts::run(Script::Unresponsive, &self.sem(&name).keys);
                command.arg(&self.settings.names.prefix).arg(&silent);
                for (_, id) in ids {
                    command.arg(digits(*id));
                }
                // It brings its text along: a server that does not know the script would have it asked again, and a later
                // mark might overtake it.
                let text = scripts::with_text(&command, Script::Unresponsive);
                self.send(Call {
                    what: What::Plain(Arc::new(text)),
                    purpose: Purpose::Nothing { lasting: true },
                });
            }
        }
    }
}
