//! The modules that are written in TypeScript, and the other names that modules go by.
//!
//! Their sources lie in the folder of this file's name; the engine strips and compiles them when a run first imports
//! them. `cargo xtask types` type-checks them and sees that the declarations made of them are current.

use cla_runtime::EngineBuilder;

/// Names and sources. None where the engine runs no TypeScript.
pub(crate) const SOURCES: &[(&str, &str)] = match cfg!(feature = "typescript") {
    true => ALL,
    false => &[],
};

const ALL: &[(&str, &str)] = &[
    ("cla/time-span", include_str!("modules/time-span.ts")),
    ("cla/task", include_str!("modules/task.ts")),
    ("cla/namespace", include_str!("modules/namespace.ts")),
    ("cla/resilience", include_str!("modules/resilience.ts")),
    ("cla/serde", include_str!("modules/serde.ts")),
    (
        "cla/serde/super-json",
        include_str!("modules/serde/super-json.ts"),
    ),
    ("cla/event-bus", include_str!("modules/event-bus.ts")),
    (
        "cla/event-bus/memory",
        include_str!("modules/event-bus/memory.ts"),
    ),
    (
        "cla/event-bus/no-op",
        include_str!("modules/event-bus/no-op.ts"),
    ),
    ("cla/semaphore", include_str!("modules/semaphore.ts")),
    (
        "cla/semaphore/contracts",
        include_str!("modules/semaphore/contracts.ts"),
    ),
    (
        "cla/semaphore/memory",
        include_str!("modules/semaphore/memory.ts"),
    ),
    (
        "cla/semaphore/no-op",
        include_str!("modules/semaphore/no-op.ts"),
    ),
    #[cfg(feature = "redis")]
    (
        "cla/semaphore/redis",
        include_str!("modules/semaphore/redis.ts"),
    ),
    (
        "cla/semaphore/sqlite",
        include_str!("modules/semaphore/sqlite.ts"),
    ),
    (
        "cla/semaphore/store",
        include_str!("modules/semaphore/store.ts"),
    ),
    #[cfg(feature = "redis")]
    (
        "cla/event-bus/redis",
        include_str!("modules/event-bus/redis.ts"),
    ),
    #[cfg(feature = "redis")]
    ("cla/redis", include_str!("modules/redis.ts")),
    ("cla/path", include_str!("modules/path.ts")),
    ("cla/shell", include_str!("modules/shell.ts")),
    ("cla/shell/words", include_str!("modules/shell/words.ts")),
    ("cla/t", include_str!("modules/t.ts")),
    #[cfg(feature = "http")]
    ("cla/web", include_str!("modules/web.ts")),
];

/// By which names programs written for the library `@daiso-tech/core` import what our modules have, and `ioredis`, which
/// they use to name a server.
const ALIASES: &[(&str, &str)] = &[
    ("@daiso-tech/core/time-span", "cla/time-span"),
    ("@daiso-tech/core/time-span/contracts", "cla/time-span"),
    ("@daiso-tech/core/task", "cla/task"),
    ("@daiso-tech/core/task/contracts", "cla/task"),
    ("@daiso-tech/core/namespace", "cla/namespace"),
    ("@daiso-tech/core/namespace/contracts", "cla/namespace"),
    ("@daiso-tech/core/resilience", "cla/resilience"),
    ("@daiso-tech/core/backoff-policies", "cla/resilience"),
    ("@daiso-tech/core/serde", "cla/serde"),
    ("@daiso-tech/core/serde/contracts", "cla/serde"),
    (
        "@daiso-tech/core/serde/super-json-serde-adapter",
        "cla/serde/super-json",
    ),
    ("@daiso-tech/core/event-bus", "cla/event-bus"),
    ("@daiso-tech/core/event-bus/contracts", "cla/event-bus"),
    (
        "@daiso-tech/core/event-bus/memory-event-bus-adapter",
        "cla/event-bus/memory",
    ),
    (
        "@daiso-tech/core/event-bus/no-op-event-bus-adapter",
        "cla/event-bus/no-op",
    ),
    ("@daiso-tech/core/semaphore", "cla/semaphore"),
    (
        "@daiso-tech/core/semaphore/contracts",
        "cla/semaphore/contracts",
    ),
    (
        "@daiso-tech/core/semaphore/memory-semaphore-adapter",
        "cla/semaphore/memory",
    ),
    (
        "@daiso-tech/core/semaphore/no-op-semaphore-adapter",
        "cla/semaphore/no-op",
    ),
    (
        "@daiso-tech/core/semaphore/redis-semaphore-adapter",
        "cla/semaphore/redis",
    ),
    (
        "@daiso-tech/core/event-bus/redis-pub-sub-event-bus-adapter",
        "cla/event-bus/redis",
    ),
    ("ioredis", "cla/redis"),
];

/// The other names of modules that are there, each with the module's own name.
pub(crate) fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_there = |wanted: &str| SOURCES.iter().any(|(name, _)| *name == wanted);
    ALIASES.iter().copied().filter(move |(_, to)| is_there(to))
}

/// Adds the one of this name.
pub(crate) fn add(builder: EngineBuilder, name: &str) -> EngineBuilder {
    match SOURCES.iter().find(|(source, _)| *source == name) {
        Some((name, text)) => builder.source_module(*name, *text),
        None => builder,
    }
}

/// Adds all of them to an engine.
pub(crate) fn install(builder: EngineBuilder) -> EngineBuilder {
    let builder = SOURCES.iter().fold(builder, |builder, (name, text)| {
        builder.source_module(*name, *text)
    });
    aliases().fold(builder, |builder, (from, to)| builder.alias(from, to))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::{ALIASES, SOURCES};

    /// The declarations that the aliases need.
    fn declarations() -> String {
        let mut text = String::from(
            "// By which names programs written for the library `@daiso-tech/core` import what our modules have.\n",
        );
        for &(from, to) in ALIASES {
            let source = SOURCES.iter().find(|(name, _)| *name == to);
            // `*` leaves out the default.
            let default = match source {
                Some((_, text)) if text.contains("\nexport default ") => {
                    format!("  export {{ default }} from \"{to}\";\n")
                }
                _ => String::new(),
            };
            write!(
                text,
                "\ndeclare module \"{from}\" {{\n  export * from \"{to}\";\n{default}}}\n"
            )
            .expect("a String can be written to");
        }
        text
    }

    #[test]
    fn editors_know_every_alias() {
        let file = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/modules/declarations/aliases.d.ts"
        );
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let wanted = declarations();
        assert!(
            text == wanted,
            "{file} is not what the table says; it should be:\n{wanted}"
        );
    }

    #[test]
    fn an_alias_means_a_module_that_is_there() {
        let modules: BTreeSet<_> = crate::modules().collect();
        for (name, _) in SOURCES {
            assert!(modules.contains(name), "{name}");
        }
        for (from, to) in ALIASES {
            assert!(modules.contains(to), "{from} means {to}, which is nothing");
            assert!(!modules.contains(from), "{from} is a module's own name");
        }
    }
}
