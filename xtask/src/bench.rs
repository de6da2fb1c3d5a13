//! `cargo xtask bench`: us and our peers, side by side in one go, as one table of ratios. Never a test.
//!
//! Every sample is a process of its own. Ours and theirs take turns, and the ratio is the median of the ratios of
//! neighbours, so that a machine that slows down halfway slows both sides of a ratio.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use self::rows::{Probe, ROWS, Row, Target};
use self::sample::Sample;
use crate::process::{Log, seconds, show};
use crate::{cargo, root, target_dir, tools};

mod rows;
mod sample;

/// The peers of the JavaScript world, their pinned versions, and the program that measures them.
const NODE_FOLDER: &str = "xtask/bench/node";

/// What both sides of the start-up row run.
const HELLO: &str = "xtask/bench/hello.js";

/// The release build, with the engine and its link-time optimisation.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// A sample takes seconds; one that takes this long is no measurement but a finding.
const SAMPLE_LIMIT: Duration = Duration::from_secs(120);

/// The arguments of `cargo xtask bench`.
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
