//! A cycle of runs that wait for each other, as it is sent to the request that is refused for it.

use crate::error::DeadlockLink;
use crate::id::RunId;
use crate::name::SemaphoreName;

pub(super) fn write(cycle: &[DeadlockLink]) -> String {
    let links: Vec<_> = cycle
        .iter()
        .map(|link| (link.run, &link.who, &link.holds, &link.waits_for))
        .collect();
    // Texts and ids can always be written.
    serde_json::to_string(&links).unwrap_or_default()
}

/// Reads what [`write`] wrote. A cycle has at least one link.
pub(super) fn read(text: &str) -> Option<Vec<DeadlockLink>> {
    let links: Vec<(RunId, String, SemaphoreName, SemaphoreName)> =
        serde_json::from_str(text).ok()?;
    let links: Vec<_> = links
        .into_iter()
        .map(|(run, who, holds, waits_for)| DeadlockLink {
            run,
            who,
            holds,
            waits_for,
        })
        .collect();
    (!links.is_empty()).then_some(links)
}
