//! Engines for tests: with one worker, so that rules start, and queue, in the order in which they are given to it.

use cla_runtime::Engine;

/// An engine with nothing but the language.
pub fn bare() -> Engine {
    Engine::builder()
        .permissions(cla_runtime::Permissions::all())
        .workers(1)
        .build()
}

/// An engine with rulebooks, and without the standard library.
pub fn with_rulebooks() -> Engine {
    Engine::builder()
        .permissions(cla_runtime::Permissions::all())
        .workers(1)
        .with(cla_rulebook::install)
        .build()
}

/// An engine with the standard library and with rulebooks.
pub fn with_library() -> Engine {
    Engine::builder()
        .permissions(cla_runtime::Permissions::all())
        .workers(1)
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}
