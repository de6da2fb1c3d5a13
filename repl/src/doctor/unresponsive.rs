//! Runs that do not answer: what they hold and wait for, and what an administrator can do.

use cla_runtime::semaphore::{RequestId, RunId, SemaphoreName, SemaphoreView, Status, printable};
use serde::Serialize;

use crate::durations::short;
use crate::render::{Align, Column, Line, RED, Span, Table};

/// A request of a run that does not answer, for programs.
#[derive(Clone, Serialize)]
pub(super) struct Unresponsive {
    semaphore: SemaphoreName,
    request: RequestId,
    status: Status,
    who: Option<String>,
    run: Option<RunId>,
    host: Option<String>,
    pid: Option<u32>,
    /// In seconds since 1970.
    since: f64,
    /// How many seconds that is ago, by the clock of the store.
    silent: f64,
}

/// What such runs hold and wait for.
pub(super) fn find(views: &[SemaphoreView]) -> Vec<Unresponsive> {
    let mut found = Vec::new();
    for view in views {
        for request in &view.requests {
            if let (Some(since), Some(silent)) =
                (request.unresponsive_since, request.unresponsive_for())
            {
                found.push(Unresponsive {
                    semaphore: view.name.clone(),
                    request: request.id,
                    status: request.status,
                    who: request.who.clone(),
                    run: request.run,
                    host: request.host.clone(),
                    pid: request.pid,
                    since,
                    silent: silent.as_secs_f64(),
                });
            }
        }
    }
    found
}

/// One row per request.
pub(super) fn lines(found: &[Unresponsive], width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("DOES NOT ANSWER", Align::Left).that_gives_way(),
        Column::new("HOST", Align::Left),
        Column::new("PID", Align::Right),
        Column::new("FOR", Align::Right),
        Column::new("SEMAPHORE", Align::Left).that_gives_way(),
        Column::new("STATUS", Align::Left),
    ]);
    for one in found {
        table.row([
            Span::new(one.who.as_deref().unwrap_or_default(), RED),
            Span::plain(one.host.as_deref().unwrap_or_default()),
            Span::plain(one.pid.map(|pid| pid.to_string()).unwrap_or_default()),
            Span::plain(short(one.silent)),
            Span::plain(one.semaphore.as_str()),
            Span::plain(one.status.as_str()),
        ]);
    }
    table.lines(width)
}

/// What to do, once for each run.
pub(super) fn hints(found: &[Unresponsive]) -> Vec<String> {
    let mut hints = Vec::new();
    for (nth, first) in found.iter().enumerate() {
        let is_same = |other: &&Unresponsive| (other.run, other.pid) == (first.run, first.pid);
        if found.iter().take(nth).any(|earlier| is_same(&earlier)) {
            continue;
        }
        let held: Vec<String> = found
            .iter()
            .filter(is_same)
            .filter(|one| one.status == Status::Busy)
            .map(|one| format!("`cla sem release {}`", word(one.semaphore.as_str())))
            .collect();
        let who = printable(first.who.as_deref().unwrap_or("a run")).to_string();
        let mut hint = format!(
            "{who} has not answered for {}: it is inside one built-in function, which nothing can stop from outside. \
             It is given up a second past its time limit.",
            short(first.silent)
        );
        if !held.is_empty() {
            let commands = held.join(", ");
            hint.push_str(&format!(
                " {commands} frees by force what it holds, and all other slots there, although its work goes on."
            ));
        }
        if let Some(pid) = first.pid {
            let host = first.host.as_deref().unwrap_or("its machine");
            hint.push_str(&format!(
                " `kill -KILL {pid}` on {} ends its process with all that this runs.",
                printable(host)
            ));
        }
        hints.push(hint);
    }
    hints
}

/// The text as one word for a shell.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !name.starts_with('-') && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let quoted = format!("'{}'", name.replace('\'', "'\\''"));
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    format!("{dashes}{}", printable(&quoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stuck(semaphore: &str, status: Status) -> Unresponsive {
        Unresponsive {
            semaphore: SemaphoreName::new(semaphore).unwrap(),
            request: "aaaa0000-0000-8000-8000-000000000000".parse().unwrap(),
            status,
            who: Some("deploy.js".to_owned()),
            run: None,
            host: Some("db1".to_owned()),
            pid: Some(7),
            since: 1000.0,
            silent: 12.0,
        }
    }

    #[test]
    fn a_run_has_one_hint_that_says_what_frees_its_slots() {
        let found = [
            stuck("x", Status::Busy),
            stuck("my sem", Status::Busy),
            stuck("y", Status::Waiting),
        ];
        let hints = hints(&found);
        assert_eq!(hints.len(), 1, "{hints:?}");
        for part in [
            "deploy.js has not answered for 12s",
            "`cla sem release x`, `cla sem release 'my sem'` frees",
            "`kill -KILL 7` on db1",
        ] {
            assert!(hints[0].contains(part), "{part} in {}", hints[0]);
        }
        assert!(!hints[0].contains("release y"), "{}", hints[0]);
    }

    #[test]
    fn a_name_is_one_word_for_a_shell() {
        assert_eq!(word("deploy-target"), "deploy-target");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("-x y"), "-- '-x y'");
        assert_eq!(word("$(rm)"), "'$(rm)'");
    }
}
