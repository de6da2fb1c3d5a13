//! Runs that do not answer: marks at their requests, for those who look.

use std::collections::HashMap;
use std::time::Instant;

use super::{CHUNK, Call, ReplyTo, Session};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::redis::wire::Payload;

impl Session {
    /// The run does not answer since then, or answers again: marks what it holds and waits for.
    pub(super) fn mark_unresponsive(&mut self, run: RunId, since: Option<Instant>) {
        let mut marked: HashMap<SemaphoreName, Vec<(bool, RequestId)>> = HashMap::new();
        for (id, request) in &self.requests {
            if request.run() == Some(run) && !request.is_foreign && request.sent {
                let waits = request.waits();
                let name = request.name.clone();
                marked.entry(name).or_default().push((waits, *id));
            }
        }
        let silent = since.map(|since| self.now.saturating_duration_since(since));
        for (name, mut ids) in marked {
            // In the order of every store: what is busy comes first.
            ids.sort_unstable();
            let ids: Vec<RequestId> = ids.into_iter().map(|(_, id)| id).collect();
            for ids in ids.chunks(CHUNK) {
                let payload = Payload::MarkUnresponsive {
                    keys: self.semaphore(&name).keys.clone(),
                    silent,
                    ids: ids.to_vec(),
                };
                self.send(Call::new(payload, ReplyTo::Nothing { lasting: true }));
            }
        }
    }
}
