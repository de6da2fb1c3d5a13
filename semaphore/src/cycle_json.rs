//! A cycle of runs that wait for each other, as the shared stores keep it and send it: JSON, a list of
//! `[run, who, holds, waits for]`.

use crate::error::DeadlockLink;
use crate::id::RunId;
use crate::name::SemaphoreName;

/// The text of a cycle.
pub(crate) fn write(cycle: &[DeadlockLink]) -> String {
    let links: Vec<_> = cycle
        .iter()
        .map(|link| (link.run, &link.who, &link.holds, &link.waits_for))
        .collect();
    // Texts and ids can always be written.
    serde_json::to_string(&links).unwrap_or_default()
}

/// Reads what [`write`] wrote. A cycle has at least one link.
pub(crate) fn read(text: &str) -> Option<Vec<DeadlockLink>> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn a_cycle_is_read_as_it_was_written() {
        let cycle = vec![DeadlockLink {
            run: RunId::unique(),
            who: "a \"quoted\" name".to_owned(),
            holds: SemaphoreName::new("x|y").unwrap(),
            waits_for: SemaphoreName::new("z").unwrap(),
        }];
        assert_eq!(read(&write(&cycle)), Some(cycle));
    }

    #[test]
    fn what_is_no_cycle_is_not_read() {
        for text in ["", "[]", "{}", r#"[["run"]]"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
