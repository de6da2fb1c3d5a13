//! A `cla sem exec` inside of another's command: a variable of the environment has what the outer ones hold.

use cla_runtime::semaphore::{Permit, SemaphoreName, Semaphores, Status, StoreError};
use serde::{Deserialize, Serialize};

/// Names what the `cla sem exec` around a command hold, as JSON.
pub(super) const VARIABLE: &str = "CLA_HELD";

/// One slot that is held around this program.
#[derive(Debug, Deserialize, Serialize)]
struct Held {
    store: String,
    name: SemaphoreName,
    token: u64,
}

/// What is held around this program; nothing if the variable cannot be read.
fn around() -> Vec<Held> {
    std::env::var(VARIABLE)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// The variable for a command that runs with `permit` of `store`.
pub(super) fn with(permit: &Permit, store: String) -> String {
    let mut held = around();
    held.push(Held {
        store,
        name: permit.name().clone(),
        token: permit.token(),
    });
    // JSON can express all of it, so this does not fail.
    serde_json::to_string(&held).unwrap_or_default()
}

/// Whether a slot of the semaphore is held around this program, and still is: a program that was left running in the
/// background keeps the variable.
pub(super) async fn holds(
    semaphores: &Semaphores,
    store: &str,
    name: &SemaphoreName,
) -> Result<bool, StoreError> {
    let tokens: Vec<u64> = around()
        .into_iter()
        .filter(|held| held.store == store && held.name == *name)
        .map(|held| held.token)
        .collect();
    if tokens.is_empty() {
        return Ok(false);
    }
    let view = semaphores.show(name).await?;
    Ok(view.is_some_and(|view| {
        view.requests.iter().any(|request| {
            request.status == Status::Busy
                && request.token.is_some_and(|token| tokens.contains(&token))
        })
    }))
}
