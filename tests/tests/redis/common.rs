//! What these tests share.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::future::Future;
use std::time::Duration;

use cla_semaphore::{AcquireError, Permit, Request, RequestId, SemaphoreName, Semaphores};
use tokio::task::JoinHandle;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn store(url: &str) -> Semaphores {
    Semaphores::connect(url).expect("a good URL")
}

pub(crate) fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).expect("a name")
}

/// What it becomes, within a minute.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("within a minute")
}

/// Asks at once, beside the test.
pub(crate) fn acquire(
    semaphores: &Semaphores,
    name: &SemaphoreName,
    request: Request,
) -> JoinHandle<Result<Permit, AcquireError>> {
    tokio::spawn(semaphores.semaphore(name).acquire().with(request))
}

/// Waits until so many wait.
pub(crate) async fn until_waiting(semaphores: &Semaphores, name: &SemaphoreName, waiting: usize) {
    soon(async {
        loop {
            let view = semaphores.show(name).await.expect("the store answers");
            if view.is_some_and(|view| view.waiting == waiting) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// The ids of those that wait, in line.
pub(crate) async fn line(semaphores: &Semaphores, name: &SemaphoreName) -> Vec<RequestId> {
    let view = soon(semaphores.show(name))
        .await
        .expect("the store answers");
    let rows = view.map(|view| view.requests).unwrap_or_default();
    let waiting = rows.into_iter().filter(|row| row.place.is_some());
    waiting.map(|row| row.id).collect()
}
