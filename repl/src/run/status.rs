//! The words of the status line: how many runs run, wait and are done.

use std::collections::HashSet;

use cla_runtime::semaphore::{RunId, SemaphoreView, Status, printable};

use crate::waiting;

/// The semaphores for which some of `runs` wait, and how many do. Other programs that share the store do
/// not count.
pub(super) fn queues<'v>(
    semaphores: &'v [SemaphoreView],
    runs: &HashSet<RunId>,
) -> Vec<(&'v str, usize)> {
    semaphores
        .iter()
        .map(|view| {
            let waiting = view.requests.iter().filter(|request| {
                request.status == Status::Waiting
                    && request.run.is_some_and(|run| runs.contains(&run))
            });
            (view.name.as_str(), waiting.count())
        })
        .filter(|(_, waiting)| *waiting > 0)
        .collect()
}

/// What the only run of a program waits for, if it waits.
pub(super) fn wait(semaphores: &[SemaphoreView], runs: &HashSet<RunId>) -> Option<String> {
    semaphores.iter().find_map(|view| {
        let own = view.requests.iter().find(|request| {
            request.status == Status::Waiting && request.run.is_some_and(|run| runs.contains(&run))
        });
        Some(waiting::sentence(view, own?.place))
    })
}

/// Describes `live` runs, `done` ones, and what the live ones wait for.
pub(super) fn describe(live: usize, done: usize, queues: &[(&str, usize)]) -> String {
    let waiting: usize = queues.iter().map(|(_, waiting)| waiting).sum();
    let mut parts = vec![format!("{} running", live.saturating_sub(waiting))];
    match queues {
        [] => {}
        [(name, _)] => parts.push(format!("{waiting} waiting for \"{}\"", printable(name))),
        _ => parts.push(format!("{waiting} waiting for {} semaphores", queues.len())),
    }
    parts.push(format!("{done} done"));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::{Owner, Request, SemaphoreName, Semaphores};

    use super::*;

    #[test]
    fn a_status_tells_who_waits_for_what() {
        assert_eq!(describe(3, 0, &[]), "3 running, 0 done");
        assert_eq!(
            describe(5, 5, &[("mysem", 2)]),
            "3 running, 2 waiting for \"mysem\", 5 done"
        );
        assert_eq!(
            describe(5, 5, &[("a", 1), ("b", 2)]),
            "2 running, 3 waiting for 2 semaphores, 5 done"
        );
    }

    #[tokio::test]
    async fn only_the_runs_of_this_program_count() {
        let semaphores = Semaphores::memory();
        let [mine, other] = [RunId::unique(), RunId::unique()];
        let request = |run| Request::new().owner(Owner::new("rule").with_run(run));
        let name = SemaphoreName::new("slot").unwrap();
        let _held = semaphores.semaphore(&name).acquire().await.unwrap();
        for run in [mine, other] {
            let semaphores = semaphores.clone();
            let name = name.clone();
            tokio::spawn(async move {
                semaphores
                    .semaphore(&name)
                    .acquire()
                    .with(request(run))
                    .await
                    .map(drop)
            });
        }
        while semaphores.show(&name).await.unwrap().unwrap().waiting < 2 {
            tokio::task::yield_now().await;
        }
        let all = semaphores.list().await.unwrap();
        assert_eq!(queues(&all, &HashSet::from([mine])), [("slot", 1)]);
    }
}
