//! What editors and `tsc` know of the library: the files `*.d.ts`.

/// The type declarations, by file name.
///
/// ```
/// let (_, text) = cla_stdlib::TYPES.iter().find(|(file, _)| *file == "sem.d.ts").unwrap();
/// assert!(text.contains("declare module \"cla/sem\""));
/// ```
pub const TYPES: &[(&str, &str)] = &[
    ("base64.d.ts", include_str!("base64.d.ts")),
    ("config.d.ts", include_str!("config.d.ts")),
    ("csv.d.ts", include_str!("csv.d.ts")),
    ("digest.d.ts", include_str!("digest.d.ts")),
    ("fs.d.ts", include_str!("fs.d.ts")),
    ("globals.d.ts", include_str!("globals.d.ts")),
    ("globals-web.d.ts", include_str!("web.d.ts")),
    #[cfg(feature = "http")]
    ("http.d.ts", include_str!("http.d.ts")),
    ("log.d.ts", include_str!("log.d.ts")),
    ("node.d.ts", include_str!("node.d.ts")),
    ("node-fs.d.ts", include_str!("node-fs.d.ts")),
    ("node-aliases.d.ts", include_str!("node-aliases.d.ts")),
    ("process.d.ts", include_str!("process.d.ts")),
    ("sem.d.ts", include_str!("sem.d.ts")),
    ("stash.d.ts", include_str!("stash.d.ts")),
    ("util.d.ts", include_str!("util.d.ts")),
    #[cfg(feature = "typescript")]
    (
        "time-span.d.ts",
        include_str!("modules/declarations/time-span.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    ("task.d.ts", include_str!("modules/declarations/task.d.ts")),
    #[cfg(feature = "typescript")]
    (
        "namespace.d.ts",
        include_str!("modules/declarations/namespace.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "resilience.d.ts",
        include_str!("modules/declarations/resilience.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "serde.d.ts",
        include_str!("modules/declarations/serde.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "serde-super-json.d.ts",
        include_str!("modules/declarations/serde/super-json.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "event-bus.d.ts",
        include_str!("modules/declarations/event-bus.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "event-bus-memory.d.ts",
        include_str!("modules/declarations/event-bus/memory.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "event-bus-no-op.d.ts",
        include_str!("modules/declarations/event-bus/no-op.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore.d.ts",
        include_str!("modules/declarations/semaphore.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore-contracts.d.ts",
        include_str!("modules/declarations/semaphore/contracts.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore-memory.d.ts",
        include_str!("modules/declarations/semaphore/memory.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore-no-op.d.ts",
        include_str!("modules/declarations/semaphore/no-op.d.ts"),
    ),
    #[cfg(all(feature = "redis", feature = "typescript"))]
    (
        "semaphore-redis.d.ts",
        include_str!("modules/declarations/semaphore/redis.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore-sqlite.d.ts",
        include_str!("modules/declarations/semaphore/sqlite.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "semaphore-store.d.ts",
        include_str!("modules/declarations/semaphore/store.d.ts"),
    ),
    #[cfg(all(feature = "redis", feature = "typescript"))]
    (
        "event-bus-redis.d.ts",
        include_str!("modules/declarations/event-bus/redis.d.ts"),
    ),
    #[cfg(all(feature = "redis", feature = "typescript"))]
    (
        "redis.d.ts",
        include_str!("modules/declarations/redis.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    ("path.d.ts", include_str!("modules/declarations/path.d.ts")),
    #[cfg(feature = "typescript")]
    (
        "shell.d.ts",
        include_str!("modules/declarations/shell.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    (
        "shell-words.d.ts",
        include_str!("modules/declarations/shell/words.d.ts"),
    ),
    #[cfg(feature = "typescript")]
    ("t.d.ts", include_str!("modules/declarations/t.d.ts")),
    #[cfg(all(feature = "http", feature = "typescript"))]
    ("web.d.ts", include_str!("modules/declarations/web.d.ts")),
    #[cfg(feature = "typescript")]
    (
        "aliases.d.ts",
        include_str!("modules/declarations/aliases.d.ts"),
    ),
];
