//! `cargo xtask bench`: us and our peers, side by side in one go, as one table of ratios. Never a test.
//!
//! Every sample is a process of its own. Ours and theirs take turns, and the ratio is the median of the ratios of
//! neighbours, so that a machine that slows down halfway slows both sides of a ratio.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::process::{Log, seconds, show};
use crate::{cargo, root, target_dir, tools};

/// The peers of the JavaScript world, their pinned versions, and the program that measures them.
const NODE_FOLDER: &str = "xtask/bench/node";

/// What both sides of the start-up row run.
const HELLO: &str = "xtask/bench/hello.js";

/// The release build, with the engine and its link-time optimisation.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// A sample takes seconds; one that takes this long is no measurement but a finding.
const SAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// What `cargo xtask bench` is told.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench                    every row, about ten minutes
  cargo xtask bench --quick            every row, fewer and shorter samples
  cargo xtask bench --only take        the rows with `take` in their name
  cargo xtask bench --json > now.json  every sample, for a program to read")]
pub(crate) struct Args {
    /// Measure only the rows whose text has PATTERN in it.
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Take fewer and shorter samples.
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// List the rows and stop.
    #[arg(long)]
    list: bool,
}

/// How to get one sample.
#[derive(Clone, Copy)]
enum Probe {
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
enum Target {
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
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Cost(_) | Self::Rate(_) | Self::ShownRate => ours / theirs,
            Self::Faster(_) | Self::Shown => theirs / ours,
        }
    }

    fn met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::Cost(most) => Some(ratio <= most),
            Self::Faster(least) | Self::Rate(least) => Some(ratio >= least),
            Self::Shown | Self::ShownRate => None,
        }
    }

    fn show(self) -> String {
        match self {
            Self::Cost(most) => format!("≤ {most} ×"),
            Self::Faster(least) => format!("≥ {least} × faster"),
            Self::Rate(least) => format!("≥ {least} ×"),
            Self::Shown | Self::ShownRate => "—".to_owned(),
        }
    }

    fn show_ratio(self, ratio: f64) -> String {
        let digits = if ratio < 10.0 { 2 } else { 0 };
        match self {
            Self::Cost(_) | Self::Rate(_) => format!("{ratio:.digits$} ×"),
            _ if ratio >= 1.0 => format!("{ratio:.digits$} × faster"),
            _ => format!("{:.2} × slower", 1.0 / ratio),
        }
    }
}

struct Row {
    name: &'static str,
    against: &'static str,
    ours: Probe,
    theirs: Probe,
    target: Target,
    /// Samples of each side; a quick run takes a third.
    rounds: usize,
}

/// The table, in the order of the design's section 8.
const ROWS: &[Row] = &[
    Row {
        name: "take, free slot",
        against: "bare JS→Rust→JS callback",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Bench(&["bare-callback"]),
        target: Target::Cost(1.5),
        rounds: 7,
    },
    Row {
        name: "take, free slot",
        against: "npm p-limit",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("p-limit"),
        target: Target::Faster(1.0),
        rounds: 5,
    },
    Row {
        name: "take, free slot",
        against: "npm async-mutex",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("async-mutex"),
        target: Target::Faster(1.0),
        rounds: 5,
    },
    Row {
        name: "take, free slot",
        against: "npm async-sema",
        ours: Probe::Bench(&["our-take"]),
        theirs: Probe::Node("async-sema"),
        target: Target::Shown,
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
        target: Target::Cost(2.0),
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
        target: Target::Cost(1.2),
        rounds: 3,
    },
    Row {
        name: "queue hand-over, 100,000 waiting",
        against: "the same, 100 waiting",
        ours: Probe::Bench(&["our-queue", "--count", "100000"]),
        theirs: Probe::Bench(&["our-queue", "--count", "100"]),
        target: Target::Cost(1.5),
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
        target: Target::Cost(0.7),
        rounds: 5,
    },
    Row {
        name: "Redis: hand-over, median",
        against: "npm redis-semaphore",
        ours: Probe::Redis(&["redis-hand-over"]),
        theirs: Probe::RedisNode(&["node-hand-over"]),
        target: Target::Faster(20.0),
        rounds: 3,
    },
    Row {
        name: "Redis: hand-overs/s, 64 clients",
        against: "npm redis-semaphore",
        ours: Probe::Redis(&["redis-crowd"]),
        theirs: Probe::RedisNode(&["node-crowd"]),
        target: Target::Rate(10.0),
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
        target: Target::Faster(10.0),
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

/// A number with its unit: `ns`, `B` or `/s`.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    value: f64,
    unit: String,
}

impl Sample {
    /// As `cla-bench` and `peers.js` print it.
    fn parse(printed: &str) -> Result<Self> {
        let sample: Value = serde_json::from_str(printed.trim())?;
        Ok(Self {
            value: sample["value"].as_f64().context("no `value`")?,
            unit: sample["unit"].as_str().context("no `unit`")?.to_owned(),
        })
    }

    fn show(&self) -> String {
        match self.unit.as_str() {
            "ns" => scaled(self.value, &[(1e3, "ns"), (1e3, "µs"), (1e3, "ms")], "s"),
            "B" => scaled(self.value, &[(1e3, "B"), (1e3, "KB")], "MB"),
            "/s" => scaled(self.value, &[(1e3, "/s"), (1e3, "k/s")], "M/s"),
            unit => format!("{:.1} {unit}", self.value),
        }
    }
}

/// `value` in the largest of the steps that leaves at least one digit before the point.
fn scaled(mut value: f64, steps: &[(f64, &str)], last: &str) -> String {
    let mut name = last;
    for (factor, unit) in steps {
        if value < *factor {
            name = unit;
            break;
        }
        value /= factor;
    }
    let digits = if value < 10.0 {
        2
    } else {
        usize::from(value < 100.0)
    };
    format!("{value:.digits$} {name}")
}

/// The programs that take samples.
struct Programs {
    bench: PathBuf,
    cla: PathBuf,
    quick: bool,
    log: Log,
}

impl Programs {
    fn build(rows: &[&Row], quick: bool) -> Result<Self> {
        let target = target_dir()?;
        let mut log = Log::create(&target.join("xtask/bench.log"), "building", false)?;
        let any = |wanted: fn(&Probe) -> bool| {
            rows.iter()
                .any(|row| wanted(&row.ours) || wanted(&row.theirs))
        };
        let prepared = (|| {
            if any(|probe| {
                matches!(
                    probe,
                    Probe::Redis(_)
                        | Probe::RedisNode(_)
                        | Probe::RedisServe(_)
                        | Probe::RedisCla(_)
                )
            }) {
                tools::need_redis(&mut log)?;
            }
            if any(|probe| {
                matches!(
                    probe,
                    Probe::Node(_) | Probe::RedisNode(_) | Probe::BenchNode(_)
                )
            }) {
                tools::npm_ci(&root().join(NODE_FOLDER), &mut log)?;
            } else if any(|probe| matches!(probe, Probe::NodeRun)) {
                tools::need(&[&tools::NODE], &mut log)?;
            }
            let mut build = cargo();
            build.args(["build", "--release", "--locked", "-p", "cla-bench"]);
            if any(|probe| {
                matches!(
                    probe,
                    Probe::ClaRun
                        | Probe::Serve(_)
                        | Probe::RedisServe(_)
                        | Probe::Cla(_)
                        | Probe::RedisCla(_)
                )
            }) {
                build.args(["-p", "cla"]);
            }
            log.run(&mut build, BUILD_LIMIT)
        })();
        if prepared.is_err() {
            eprint!("{}", log.text());
        }
        prepared?;
        let release = target.join("release");
        let program = |name: &str| release.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        Ok(Self {
            bench: program("cla-bench"),
            cla: program("cla"),
            quick,
            log,
        })
    }

    fn sample(&self, probe: Probe) -> Result<Sample> {
        match probe {
            Probe::Limit(value, unit) => Ok(Sample {
                value,
                unit: unit.to_owned(),
            }),
            Probe::Bench(arguments)
            | Probe::Redis(arguments)
            | Probe::RedisNode(arguments)
            | Probe::Serve(arguments)
            | Probe::RedisServe(arguments)
            | Probe::Cla(arguments)
            | Probe::RedisCla(arguments)
            | Probe::BenchNode(arguments) => {
                let mut command = Command::new(&self.bench);
                command.args(arguments);
                self.printed_by(command)
            }
            Probe::Node(peer) => {
                let mut command = tools::NODE.command();
                command
                    .arg(Path::new(NODE_FOLDER).join("peers.js"))
                    .arg(peer);
                self.printed_by(command)
            }
            Probe::ClaRun => {
                let mut command = Command::new(&self.cla);
                command.args(["run", HELLO]);
                wall_clock(command)
            }
            Probe::NodeRun => {
                let mut command = tools::NODE.command();
                command.arg(HELLO);
                wall_clock(command)
            }
        }
    }

    fn printed_by(&self, mut command: Command) -> Result<Sample> {
        command.current_dir(root());
        if self.quick {
            command.arg("--quick");
        }
        let shown = show(&command);
        let output = self.log.capture(&mut command, SAMPLE_LIMIT)?;
        match output.status {
            Some(status) if status.success() => Sample::parse(&output.printed)
                .with_context(|| format!("`{shown}` printed {:?}", output.printed)),
            Some(_) => bail!("{}", output.printed.trim()),
            None => bail!("one sample took more than {}", seconds(SAMPLE_LIMIT)),
        }
    }
}

/// How long `command` takes from its start to its end.
fn wall_clock(mut command: Command) -> Result<Sample> {
    command
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let started = Instant::now();
    let output = command.output().with_context(|| show(&command))?;
    let time = started.elapsed();
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && printed.trim() == "hello",
        "`{}` did not print hello ({})",
        show(&command),
        output.status
    );
    Ok(Sample {
        value: time.as_nanos() as f64,
        unit: "ns".to_owned(),
    })
}

/// Both sides of a row. A side that failed has no sample, and its error stands in `errors`.
#[derive(Default)]
struct Measured {
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
    errors: Vec<String>,
}

impl Measured {
    /// Takes the samples of a row, ours and theirs in turn.
    fn take(row: &Row, programs: &Programs) -> Self {
        let rounds = if programs.quick {
            row.rounds.div_ceil(3)
        } else {
            row.rounds
        };
        // A whole process has to be read from the disk once before its time means anything.
        let cold = usize::from(matches!(row.ours, Probe::ClaRun));
        let (mut ours, mut theirs) = (Ok(Vec::new()), Ok(Vec::new()));
        for _ in 0..cold + rounds {
            for (side, probe) in [(&mut ours, row.ours), (&mut theirs, row.theirs)] {
                if let Ok(samples) = side {
                    match programs.sample(probe) {
                        Ok(sample) => samples.push(sample),
                        Err(error) => *side = Err(format!("{error:#}")),
                    }
                }
            }
        }
        let mut measured = Self::default();
        for (kept, side) in [(&mut measured.ours, ours), (&mut measured.theirs, theirs)] {
            match side {
                Ok(samples) => kept.extend(samples.into_iter().skip(cold)),
                Err(error) => measured.errors.push(error),
            }
        }
        measured
    }

    /// The middle of the neighbours' ratios; nothing if a side is missing.
    fn ratio(&self, target: Target) -> Option<f64> {
        let ratios: Vec<f64> = self
            .ours
            .iter()
            .zip(&self.theirs)
            .map(|(ours, theirs)| target.ratio(ours.value, theirs.value))
            .collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// The sample in the middle; nothing if there is none.
fn typical(samples: &[Sample]) -> Option<Sample> {
    let first = samples.first()?;
    let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
    Some(Sample {
        value: median(&values),
        unit: first.unit.clone(),
    })
}

/// Measures the rows that `args` asks for and prints them. Fails only if a row could not be measured.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| {
            let text = format!("{} {}", row.name, row.against).to_lowercase();
            args.only
                .as_ref()
                .is_none_or(|pattern| text.contains(&pattern.to_lowercase()))
        })
        .collect();
    ensure!(
        !rows.is_empty(),
        "no row has this text; `--list` shows them"
    );
    if args.list {
        for row in rows {
            println!("{:<34} against {}", row.name, row.against);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let programs = Programs::build(&rows, args.quick)?;
    let mut results = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        eprintln!(
            "[{}/{}] {} against {}",
            index + 1,
            rows.len(),
            row.name,
            row.against
        );
        results.push((*row, Measured::take(row, &programs)));
    }
    let complete = results
        .iter()
        .all(|(_, measured)| measured.errors.is_empty());
    if args.json {
        let all: Vec<Value> = results
            .iter()
            .map(|(row, measured)| to_json(row, measured))
            .collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        eprintln!();
        print!("{}", table(&results));
    }
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn to_json(row: &Row, measured: &Measured) -> Value {
    let side = |samples: &[Sample]| {
        typical(samples).map(|middle| {
            let all: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
            json!({ "value": middle.value, "unit": middle.unit, "samples": all })
        })
    };
    let ratio = measured.ratio(row.target);
    json!({
        "name": row.name,
        "against": row.against,
        "ours": side(&measured.ours),
        "theirs": side(&measured.theirs),
        "ratio": ratio,
        "target": row.target.show(),
        "met": ratio.and_then(|ratio| row.target.met(ratio)),
        "errors": measured.errors,
    })
}

/// The table, and under it why a cell is empty.
fn table(results: &[(&Row, Measured)]) -> String {
    let head = ["what", "against", "ours", "theirs", "ratio", "target", ""];
    let mut lines = vec![head.map(str::to_owned)];
    let mut reasons = Vec::new();
    for (row, measured) in results {
        let side = |samples: &[Sample]| {
            typical(samples).map_or_else(|| "—".to_owned(), |sample| sample.show())
        };
        let ratio = measured.ratio(row.target);
        let met = match ratio.map(|ratio| row.target.met(ratio)) {
            Some(Some(true)) => "✓",
            Some(Some(false)) => "✗",
            Some(None) => "",
            None => "?",
        };
        lines.push([
            row.name.to_owned(),
            row.against.to_owned(),
            side(&measured.ours),
            side(&measured.theirs),
            ratio.map_or_else(|| "—".to_owned(), |ratio| row.target.show_ratio(ratio)),
            row.target.show(),
            met.to_owned(),
        ]);
        for error in &measured.errors {
            reasons.push(format!("  {} against {}: {error}\n", row.name, row.against));
        }
    }
    let mut text = aligned(&lines);
    if !reasons.is_empty() {
        text.push_str("\nnot measured:\n");
        text.extend(reasons);
    }
    text
}

/// Columns as wide as their widest cell: words to the left, numbers to the right.
fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    const WORDS: usize = 2;
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, cell) in line.iter().enumerate() {
            let blanks = " ".repeat(width(column) - cell.chars().count());
            if column < WORDS {
                row.push_str(&format!("{cell}{blanks}  "));
            } else {
                row.push_str(&format!("{blanks}{cell}  "));
            }
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[f64]) -> Vec<Sample> {
        values
            .iter()
            .map(|value| Sample {
                value: *value,
                unit: "ns".to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_ratio_is_the_middle_of_the_neighbours_ratios() {
        // The machine was half as fast in the second round: neighbours agree all the same.
        let measured = Measured {
            ours: samples(&[100.0, 200.0, 110.0]),
            theirs: samples(&[200.0, 400.0, 200.0]),
            errors: Vec::new(),
        };
        assert_eq!(measured.ratio(Target::Cost(1.0)), Some(0.5));
        assert_eq!(measured.ratio(Target::Faster(1.0)), Some(2.0));
        assert_eq!(median(&[1.0, 4.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn each_kind_of_target_knows_when_it_is_met() {
        assert_eq!(Target::Cost(1.5).met(1.4), Some(true));
        assert_eq!(Target::Cost(1.5).met(1.6), Some(false));
        assert_eq!(Target::Faster(4.0).met(4.1), Some(true));
        assert_eq!(Target::Rate(1.0).met(0.9), Some(false));
        assert_eq!(Target::Shown.met(0.1), None);
    }

    #[test]
    fn numbers_are_shown_in_the_unit_that_fits() {
        let show = |value, unit: &str| {
            Sample {
                value,
                unit: unit.to_owned(),
            }
            .show()
        };
        assert_eq!(show(257.4, "ns"), "257 ns");
        assert_eq!(show(4_120.0, "ns"), "4.12 µs");
        assert_eq!(show(41_200_000.0, "ns"), "41.2 ms");
        assert_eq!(show(165_000.0, "B"), "165 KB");
        assert_eq!(show(3_400_000.0, "/s"), "3.40 M/s");
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

    #[test]
    fn a_row_that_could_not_be_measured_says_why() {
        let measured = Measured {
            theirs: samples(&[200.0]),
            errors: vec!["no engine".to_owned()],
            ..Measured::default()
        };
        let text = table(&[(&ROWS[0], measured)]);
        assert!(text.contains("200 ns"), "{text}");
        assert!(text.contains("not measured:"), "{text}");
        assert!(text.contains("no engine"), "{text}");
    }
}
