//! What `cargo xtask bench` measures, against what, and what the ratio should be.

/// How to get one sample.
#[derive(Clone, Copy)]
pub(super) enum Probe {
    /// `cla-bench` with these arguments, which prints it.
    Bench(&'static [&'static str]),
    /// The same, with a server of its own.
    Redis(&'static [&'static str]),
    /// `cla-bench` with these arguments, which starts Node.js beside a server.
    RedisNode(&'static [&'static str]),
    /// `peers.js` with this argument, which prints it.
    Node(&'static str),
    /// The wall-clock time of a whole `cla run`.
    ClaRun,
    /// The wall-clock time of a whole `node`.
    NodeRun,
    /// `cla-bench` with these arguments, which starts `cla serve`.
    Serve(&'static [&'static str]),
    /// The same, beside a Redis server.
    RedisServe(&'static [&'static str]),
    /// `cla-bench` with these arguments, which starts `cla` many times.
    Cla(&'static [&'static str]),
    /// The same, beside a Redis server.
    RedisCla(&'static [&'static str]),
    /// `cla-bench` with these arguments, which starts Node.js.
    BenchNode(&'static [&'static str]),
    /// No measurement but a number that must not be exceeded, with its unit.
    Limit(f64, &'static str),
}

/// What the ratio is, and what it should be.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Ours over theirs, at most this: we may cost that much more.
    Cost(f64),
    /// Theirs over ours, at least this: we are that much faster.
    Faster(f64),
    /// Ours over theirs, at least this, where more is better.
    Rate(f64),
    /// Theirs over ours, for information: less is better.
    Shown,
    /// Ours over theirs, for information: more is better.
    ShownRate,
}

impl Target {
    pub(super) fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Cost(_) | Self::Rate(_) | Self::ShownRate => ours / theirs,
            Self::Faster(_) | Self::Shown => theirs / ours,
        }
    }

    pub(super) fn met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::Cost(most) => Some(ratio <= most),
            Self::Faster(least) | Self::Rate(least) => Some(ratio >= least),
            Self::Shown | Self::ShownRate => None,
        }
    }

    pub(super) fn show(self) -> String {
        match self {
            Self::Cost(most) => format!("≤ {most} ×"),
            Self::Faster(least) => format!("≥ {least} × faster"),
            Self::Rate(least) => format!("≥ {least} ×"),
            Self::Shown | Self::ShownRate => "—".to_owned(),
        }
    }

    pub(super) fn show_ratio(self, ratio: f64) -> String {
        let digits = if ratio < 10.0 { 2 } else { 0 };
        match self {
            Self::Cost(_) | Self::Rate(_) => format!("{ratio:.digits$} ×"),
            _ if ratio >= 1.0 => format!("{ratio:.digits$} × faster"),
            _ => format!("{:.2} × slower", 1.0 / ratio),
        }
    }
}

/// One line of the table: what is measured, and against what.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) against: &'static str,
    pub(super) ours: Probe,
    pub(super) theirs: Probe,
    pub(super) target: Target,
    /// Samples of each side; a quick run takes a third.
    pub(super) rounds: usize,
}

/// All rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "take, free slot",
        against: "bare JS→Rust→JS callback",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Bench(&["bare-callback"]),
        target: Target::Cost(1.3),
        rounds: 7,
    },
    Row {
        name: "take, free slot",
        against: "npm p-limit",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("p-limit"),
        target: Target::Faster(1.5),
        rounds: 5,
    },
    Row {
        name: "take, free slot",
        against: "npm async-mutex",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("async-mutex"),
        target: Target::Faster(5.0),
        rounds: 5,
    },
    // That one isolates nothing, so we may cost more.
    Row {
        name: "take, free slot",
        against: "npm async-sema",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("async-sema"),
        target: Target::Cost(3.0),
        rounds: 5,
    },
    Row {
        name: "runOrFail, memory adapter",
        against: "npm async-mutex runExclusive",
        ours: Probe::Bench(&["our-run-or-fail"]),
        theirs: Probe::Node("async-mutex"),
        target: Target::Faster(1.0),
        rounds: 7,
    },
    Row {
        name: "runOrFail, async work",
        against: "npm async-mutex runExclusive",
        ours: Probe::Bench(&["our-run-or-fail-async"]),
        theirs: Probe::Node("async-mutex-async"),
        target: Target::Shown,
        rounds: 5,
    },
    Row {
        name: "Rust acquire + release, free slot",
        against: "tokio::sync::Semaphore",
        ours: Probe::Bench(&["our-acquire"]),
        theirs: Probe::Bench(&["tokio-acquire"]),
        target: Target::Cost(1.5),
        rounds: 7,
    },
    Row {
        name: "Rust hand-overs/s, 1,000 waiting",
        against: "tokio::sync::Semaphore",
        ours: Probe::Bench(&["our-task-hand-overs", "--count", "1000"]),
        theirs: Probe::Bench(&["tokio-hand-overs", "--count", "1000"]),
        target: Target::Rate(1.0),
        rounds: 7,
    },
    Row {
        name: "rule hand-over, 1,000 waiting",
        against: "one thread per rule, condvar",
        ours: Probe::Bench(&["our-rule-hand-over", "--count", "1000"]),
        theirs: Probe::Bench(&["thread-hand-over", "--count", "1000"]),
        target: Target::Faster(4.0),
        rounds: 5,
    },
    Row {
        name: "memory per blocked rule, 10,000",
        against: "bare QuickJS context",
        ours: Probe::Bench(&["our-rule-memory", "--count", "10000"]),
        theirs: Probe::Bench(&["context-memory", "--count", "10000"]),
        target: Target::Cost(1.1),
        rounds: 3,
    },
    Row {
        name: "queue hand-over, 100,000 waiting",
        against: "the same, 100 waiting",
        ours: Probe::Bench(&["our-queue", "--count", "100000"]),
        theirs: Probe::Bench(&["our-queue", "--count", "100"]),
        target: Target::Cost(1.2),
        rounds: 5,
    },
    Row {
        name: "queue hand-over of runs, 100,000",
        against: "the same, 100 waiting",
        ours: Probe::Bench(&["our-run-queue", "--count", "100000"]),
        theirs: Probe::Bench(&["our-run-queue", "--count", "100"]),
        target: Target::Cost(1.5),
        rounds: 3,
    },
    Row {
        name: "queue hand-over, 100,000 waiting",
        against: "tokio::sync::Semaphore",
        ours: Probe::Bench(&["our-queue", "--count", "100000"]),
        theirs: Probe::Bench(&["tokio-queue", "--count", "100000"]),
        target: Target::Shown,
        rounds: 3,
    },
    Row {
        name: "Redis: take + release, free slot",
        against: "two empty EVALSHA",
        ours: Probe::Redis(&["redis-take"]),
        theirs: Probe::Redis(&["redis-scripts"]),
        target: Target::Cost(0.65),
        rounds: 5,
    },
    Row {
        name: "Redis: hand-over, median",
        against: "npm redis-semaphore",
        ours: Probe::Redis(&["redis-hand-over"]),
        theirs: Probe::RedisNode(&["node-hand-over"]),
        target: Target::Faster(30.0),
        rounds: 3,
    },
    Row {
        name: "Redis: hand-overs/s, 64 clients",
        against: "npm redis-semaphore",
        ours: Probe::Redis(&["redis-crowd"]),
        theirs: Probe::RedisNode(&["node-crowd"]),
        target: Target::Rate(30.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: take + release, free slot",
        against: "two SQLite transactions",
        ours: Probe::Bench(&["sqlite-take"]),
        theirs: Probe::Bench(&["sqlite-transactions"]),
        target: Target::Cost(2.5),
        rounds: 5,
    },
    Row {
        name: "SQLite: hand-over between processes",
        against: "a byte through a pipe",
        ours: Probe::Bench(&["sqlite-hand-over"]),
        theirs: Probe::Bench(&["pipe-hand-over"]),
        target: Target::Cost(8.0),
        rounds: 5,
    },
    Row {
        name: "SQLite: hand-over between processes",
        against: "a transaction, then a byte",
        ours: Probe::Bench(&["sqlite-hand-over"]),
        theirs: Probe::Bench(&["file-hand-over"]),
        target: Target::Shown,
        rounds: 5,
    },
    Row {
        name: "SQLite: idle CPU, 1 waiting",
        against: "1 % of a core",
        ours: Probe::Cla(&["sqlite-idle", "--count", "1"]),
        theirs: Probe::Limit(1.0, "%"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: idle CPU, 10 waiting",
        against: "1 % of a core",
        ours: Probe::Cla(&["sqlite-idle", "--count", "10"]),
        theirs: Probe::Limit(1.0, "%"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: idle CPU, 50 waiting",
        against: "1 % of a core",
        ours: Probe::Cla(&["sqlite-idle", "--count", "50"]),
        theirs: Probe::Limit(1.0, "%"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: idle CPU, 100 waiting",
        against: "1 % of a core",
        ours: Probe::Cla(&["sqlite-idle", "--count", "100"]),
        theirs: Probe::Limit(1.0, "%"),
        target: Target::Shown,
        rounds: 3,
    },
    Row {
        name: "SQLite: 100 commands at once",
        against: "the same on Redis",
        ours: Probe::Cla(&["sqlite-commands", "--count", "100"]),
        theirs: Probe::RedisCla(&["redis-commands", "--count", "100"]),
        target: Target::Cost(3.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: 100 commands at once",
        against: "flock(1)",
        ours: Probe::Cla(&["sqlite-commands", "--count", "100"]),
        theirs: Probe::Bench(&["flock-commands", "--count", "100"]),
        target: Target::Shown,
        rounds: 3,
    },
    Row {
        name: "SQLite: 200 commands at once",
        against: "the same on Redis",
        ours: Probe::Cla(&["sqlite-commands", "--count", "200"]),
        theirs: Probe::RedisCla(&["redis-commands", "--count", "200"]),
        target: Target::Cost(3.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: 200 commands at once",
        against: "flock(1)",
        ours: Probe::Cla(&["sqlite-commands", "--count", "200"]),
        theirs: Probe::Bench(&["flock-commands", "--count", "200"]),
        target: Target::Shown,
        rounds: 3,
    },
    Row {
        name: "SQLite: 400 commands at once",
        against: "the same on Redis",
        ours: Probe::Cla(&["sqlite-commands", "--count", "400"]),
        theirs: Probe::RedisCla(&["redis-commands", "--count", "400"]),
        target: Target::Cost(3.0),
        rounds: 3,
    },
    Row {
        name: "SQLite: 400 commands at once",
        against: "flock(1)",
        ours: Probe::Cla(&["sqlite-commands", "--count", "400"]),
        theirs: Probe::Bench(&["flock-commands", "--count", "400"]),
        target: Target::Shown,
        rounds: 3,
    },
    Row {
        name: "cla run hello.js, whole process",
        against: "node hello.js",
        ours: Probe::ClaRun,
        theirs: Probe::NodeRun,
        target: Target::Faster(15.0),
        rounds: 21,
    },
    Row {
        name: "serve: event to 100 streams, p99",
        against: "200 ms, at 500 transitions/s",
        ours: Probe::Serve(&["admin-event"]),
        theirs: Probe::Limit(200e6, "ns"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "serve: memory when idle",
        against: "40 MB",
        ours: Probe::Serve(&["admin-memory"]),
        theirs: Probe::Limit(40e6, "B"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "serve: memory per open panel",
        against: "200 KB",
        ours: Probe::Serve(&["admin-panel"]),
        theirs: Probe::Limit(200e3, "B"),
        target: Target::Cost(1.0),
        rounds: 3,
    },
    Row {
        name: "serve: runs over HTTP/s",
        against: "node, express and vm",
        ours: Probe::Serve(&["admin-runs"]),
        theirs: Probe::BenchNode(&["express-runs"]),
        target: Target::ShownRate,
        rounds: 3,
    },
    Row {
        name: "serve: hand-over by HTTP, median",
        against: "npm redis-semaphore",
        ours: Probe::RedisServe(&["admin-hand-over"]),
        theirs: Probe::RedisNode(&["node-hand-over"]),
        target: Target::Shown,
        rounds: 3,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_target_knows_when_it_is_met() {
        assert_eq!(Target::Cost(1.5).met(1.4), Some(true));
        assert_eq!(Target::Cost(1.5).met(1.6), Some(false));
        assert_eq!(Target::Faster(4.0).met(4.1), Some(true));
        assert_eq!(Target::Rate(1.0).met(0.9), Some(false));
        assert_eq!(Target::Shown.met(0.1), None);
    }

    #[test]
    fn a_slower_side_is_not_called_faster() {
        assert_eq!(Target::Shown.show_ratio(0.25), "4.00 × slower");
        assert_eq!(Target::Faster(4.0).show_ratio(12.3), "12 × faster");
        let more_is_better = Target::ShownRate;
        let ratio = more_is_better.ratio(3_000.0, 2_000.0);
        assert_eq!(more_is_better.show_ratio(ratio), "1.50 × faster");
        assert_eq!(Target::Cost(1.5).show_ratio(1.207), "1.21 ×");
    }
}
