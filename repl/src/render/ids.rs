//! Ids as short as they can be typed.

use std::collections::HashMap;

use cla_runtime::semaphore::{RequestId, SemaphoreView};

/// Shorter prefixes are unique today and ambiguous a moment later.
const SHORTEST: usize = 4;

/// For each request the shortest beginning of its id, of at least 4 digits, that no other has.
#[derive(Debug, Default)]
pub(crate) struct ShortIds(HashMap<RequestId, String>);

impl ShortIds {
    /// Of all the requests in `views`, which should be all that the store has.
    pub(crate) fn of(views: &[SemaphoreView]) -> Self {
        let requests = views.iter().flat_map(|view| &view.requests);
        let mut ids: Vec<(String, RequestId)> = requests
            .map(|request| (request.id.to_string(), request.id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let alike = |a: usize, b: usize| match (ids.get(a), ids.get(b)) {
            (Some((a, _)), Some((b, _))) => {
                a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
            }
            _ => 0,
        };
        let short = ids.iter().enumerate().map(|(at, (text, id))| {
            // In alphabetical order only the neighbours matter.
            let longest = alike(at.wrapping_sub(1), at).max(alike(at, at + 1));
            let length = (longest + 1).max(SHORTEST);
            let prefix = text.get(..length).unwrap_or(text);
            (*id, prefix.trim_end_matches('-').to_owned())
        });
        Self(short.collect())
    }

    /// The short form; all of it for a request that was not there.
    pub(crate) fn get(&self, id: RequestId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::semaphores::tests::{request, view};
    use super::*;

    #[test]
    fn an_id_is_cut_where_no_other_begins_alike() {
        let ids = [
            "aaaa0000-0000-8000-8000-000000000000",
            "aaaab000-0000-8000-8000-000000000000",
            "bbbb0000-0000-8000-8000-000000000000",
            "cccccccc-c100-8000-8000-000000000000",
            "cccccccc-c200-8000-8000-000000000000",
        ];
        let requests = ids.map(|id| request(id, "rule"));
        let (one, other) = requests.split_at(2);
        let short = ShortIds::of(&[view("a", one), view("b", other)]);
        let short = ids.map(|id| short.get(id.parse().unwrap()));
        assert_eq!(
            short,
            ["aaaa0", "aaaab", "bbbb", "cccccccc-c1", "cccccccc-c2"]
        );
    }
}
