//! Engines for tests: with one worker, so that rules start, and queue, in the order in which they are given to it.

use cla_runtime::permissions::Permission;
use cla_runtime::{Engine, Permissions};

/// What rules may in most tests: everything, but to import files from outside of their own folder.
pub fn permissions() -> Permissions {
    let all = Permission::ALL.into_iter();
    all.filter(|permission| *permission != Permission::Import)
        .fold(Permissions::none(), Permissions::allow_all)
}

/// An engine with nothing but the language.
pub fn bare() -> Engine {
    Engine::builder()
        .permissions(permissions())
        .workers(1)
        .build()
}

/// An engine with rulebooks, and without the standard library.
pub fn with_rulebooks() -> Engine {
    Engine::builder()
        .permissions(permissions())
        .workers(1)
        .with(cla_rulebook::install)
        .build()
}

/// An engine with the standard library and with rulebooks.
pub fn with_library() -> Engine {
    Engine::builder()
        .permissions(permissions())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}
