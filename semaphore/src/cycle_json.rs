//! A cycle of runs that wait for each other, as the shared stores keep it and send it: JSON, a list of
//! `[run, who, holds, waits for]`, and behind these the runs through which it waits, if there are any.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::DeadlockLink;

/// The text of a cycle.
pub(crate) fn write(cycle: &[DeadlockLink]) -> String {
    let links: Vec<Value> = cycle
        .iter()
        .map(|link| {
            let DeadlockLink {
                run,
                who,
                holds,
                waits_for,
                through,
            } = link;
            match through.as_slice() {
                // As programs of before have it, which read nothing else.
                [] => json!([run, who, holds, waits_for]),
                through => json!([run, who, holds, waits_for, through]),
            }
        })
        .collect();
    Value::from(links).to_string()
}

/// Reads what [`write`] wrote. A cycle has at least one link.
pub(crate) fn read(text: &str) -> Option<Vec<DeadlockLink>> {
    let links: Vec<Vec<Value>> = serde_json::from_str(text).ok()?;
    let links: Option<Vec<_>> = links.into_iter().map(link).collect();
    links.filter(|links| !links.is_empty())
}

fn link(parts: Vec<Value>) -> Option<DeadlockLink> {
    let mut parts = parts.into_iter();
    Some(DeadlockLink {
        run: part(parts.next()?)?,
        who: part(parts.next()?)?,
        holds: part(parts.next()?)?,
        waits_for: part(parts.next()?)?,
        through: match parts.next() {
            Some(through) => part(through)?,
            None => Vec::new(),
        },
    })
}

fn part<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;
    use crate::id::RunId;
    use crate::name::SemaphoreName;
    use crate::owner::NamedRun;

    #[test]
    fn a_cycle_is_read_as_it_was_written() {
        let link = |through| DeadlockLink {
            run: RunId::unique(),
            who: "a \"quoted\" name".to_owned(),
            holds: SemaphoreName::new("x|y").unwrap(),
            waits_for: SemaphoreName::new("z").unwrap(),
            through,
        };
        let child = NamedRun {
            run: RunId::unique(),
            who: "child".to_owned(),
        };
        let cycle = vec![link(Vec::new()), link(vec![child])];
        assert_eq!(read(&write(&cycle)), Some(cycle));
        // As programs of before wrote it.
        let run = RunId::unique();
        let before = read(&json!([[run, "who", "a", "b"]]).to_string()).unwrap();
        assert_eq!((before[0].run, before[0].through.len()), (run, 0));
    }

    #[test]
    fn what_is_no_cycle_is_not_read() {
        for text in ["", "[]", "{}", r#"[["run"]]"#, r#"[[1, 2, 3, 4, 5]]"#] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
