//! The words of the status line: how many runs run, wait and are done.

use cla_runtime::semaphore::SemaphoreView;

/// Describes `live` runs, `done` ones, and what the live ones wait for.
pub(super) fn describe(live: usize, done: usize, semaphores: &[SemaphoreView]) -> String {
    let queues: Vec<&SemaphoreView> = semaphores.iter().filter(|view| view.waiting > 0).collect();
    let waiting: usize = queues.iter().map(|view| view.waiting).sum();
    let mut parts = vec![format!("{} running", live.saturating_sub(waiting))];
    match queues[..] {
        [] => {}
        [one] => parts.push(format!("{waiting} waiting for \"{}\"", one.name)),
        _ => parts.push(format!("{waiting} waiting for {} semaphores", queues.len())),
    }
    parts.push(format!("{done} done"));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::{SemaphoreName, SemaphoreView, Slots};

    use super::describe;

    fn queue(name: &str, waiting: usize) -> SemaphoreView {
        SemaphoreView {
            name: SemaphoreName::new(name).unwrap(),
            slots: Slots::default(),
            pinned: false,
            busy: 1,
            waiting,
            requests: Vec::new(),
        }
    }

    #[test]
    fn a_status_tells_who_waits_for_what() {
        assert_eq!(describe(3, 0, &[]), "3 running, 0 done");
        assert_eq!(
            describe(5, 5, &[queue("a", 0), queue("mysem", 2)]),
            "3 running, 2 waiting for \"mysem\", 5 done"
        );
        assert_eq!(
            describe(5, 5, &[queue("a", 1), queue("b", 2)]),
            "2 running, 3 waiting for 2 semaphores, 5 done"
        );
    }
}
