//! Names that people look for and rules do not have: what to use instead.

/// Names, each with a sentence. Those with a dot are members of globals.
pub(crate) const HINTS: &[(&str, &str)] = &[
    (
        "Semaphore",
        "semaphores are taken by their names: require(\"cla/sem\").take(\"prod-db\", () => { ... });",
    ),
    (
        "Mutex",
        "a semaphore of one slot is a mutex: require(\"cla/sem\").take(\"prod-db\", () => { ... });",
    ),
    (
        "lock",
        "a semaphore of one slot is a lock: require(\"cla/sem\").take(\"prod-db\", () => { ... });",
    ),
    (
        "Deno",
        "this is no Deno: cla/fs has files, cla/shell commands, cla/process the environment and arguments",
    ),
    (
        "Bun",
        "this is no Bun: cla/fs has files, cla/shell commands, cla/process the environment and arguments",
    ),
    (
        "Temporal",
        "there is no Temporal: Intl.DateTimeFormat writes dates in any time zone, and packages such as luxon and date-fns \
         calculate with them",
    ),
    (
        "Intl.DisplayNames",
        "there is no Intl.DisplayNames: a table of the rule's own has the names of languages, regions and currencies",
    ),
    (
        "Intl.DurationFormat",
        "there is no Intl.DurationFormat: Intl.NumberFormat writes a number with its unit, { style: \"unit\", unit: \
         \"hour\" }, and Intl.ListFormat joins them",
    ),
    (
        "window",
        "a rule runs in no browser; globalThis is the global object",
    ),
    ("self", "globalThis is the global object"),
    ("global", "globalThis is the global object"),
    ("document", "a rule runs in no browser, and has no page"),
    (
        "localStorage",
        "a rule runs in no browser; cla/fs keeps what is to stay",
    ),
    (
        "XMLHttpRequest",
        "fetch makes requests, and so does cla/http",
    ),
    (
        "axios",
        "cla/http makes requests: require(\"cla/http\").get(url).data",
    ),
    (
        "WebSocket",
        "there are no web sockets; cla/http and fetch make requests",
    ),
    (
        "Worker",
        "a rule has no workers; rules and forks run beside each other",
    ),
    ("alert", "print(...) writes to the output"),
    ("echo", "print(...) writes to the output"),
    ("println", "print(...) writes to the output"),
    (
        "exec",
        "cla/shell runs commands: const { $ } = require(\"cla/shell\");",
    ),
    (
        "execSync",
        "cla/shell runs commands: const { $ } = require(\"cla/shell\");",
    ),
    (
        "spawn",
        "cla/shell runs commands: const { $ } = require(\"cla/shell\");",
    ),
    (
        "readFileSync",
        "cla/fs reads files: require(\"cla/fs\").readFile(path)",
    ),
    (
        "writeFileSync",
        "cla/fs writes files: require(\"cla/fs\").writeFile(path, text)",
    ),
    (
        "existsSync",
        "cla/fs looks at files: require(\"cla/fs\").exists(path)",
    ),
];
