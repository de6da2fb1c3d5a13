//! The checker: reads what the workers have written, and says what does not fit together. It knows the promises, and nothing of
//! how a store keeps them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::worker::SEMAPHORES;

/// A holder looks each millisecond whether it still holds. On a busy machine it sees it this much later at most, in
/// nanoseconds; one that was stopped has an excuse of its own.
const NOTICE: u64 = 250_000_000;

/// What was done to a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// It was killed not before this moment.
    pub(crate) killed: Option<u64>,
    /// It stood still from one moment to the other.
    pub(crate) stopped: Vec<(u64, u64)>,
}

/// A stay, as its process wrote it down.
#[derive(Clone, Debug)]
struct Stay {
    worker: usize,
    asked: u64,
    entered: u64,
    /// Until then it relied on its slot.
    until: u64,
    token: u64,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) faults: BTreeMap<String, usize>,
    pub(crate) processes: usize,
    pub(crate) permits: usize,
    pub(crate) lost: usize,
    pub(crate) errors: BTreeMap<String, usize>,
    pub(crate) violations: Vec<String>,
    /// The longest time in which nobody got a slot.
    pub(crate) outage: Duration,
    /// The longest time from a request to its slot.
    pub(crate) wait: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|(fault, n)| format!("{n} {fault}"))
            .collect();
        writeln!(f, "{}", self.title)?;
        writeln!(
            f,
            "  faults      {}: {}",
            self.faults.values().sum::<usize>(),
            faults.join(", ")
        )?;
        writeln!(f, "  processes   {}", self.processes)?;
        writeln!(
            f,
            "  permits     {}, of which {} were lost while they were held",
            self.permits, self.lost
        )?;
        writeln!(
            f,
            "  no slot for {:.1?} at most; one request waited for {:.1?}",
            self.outage, self.wait
        )?;
        for (error, n) in &self.errors {
            writeln!(f, "  error       {n} x {error}")?;
        }
        writeln!(f, "  violations  {}", self.violations.len())?;
        for violation in &self.violations {
            writeln!(f, "    {violation}")?;
        }
        Ok(())
    }
}

/// Reads the histories in this folder, and notes in the report what they say.
pub(crate) fn check(
    folder: &Path,
    done: &HashMap<usize, Done>,
    calm_from: u64,
    report: &mut Report,
) {
    let mut stays: BTreeMap<String, Vec<Stay>> = BTreeMap::new();
    for (&worker, done) in done {
        let text =
            std::fs::read_to_string(folder.join(format!("{worker}.history"))).unwrap_or_default();
        read(worker, &text, done, &mut stays, report);
    }
    let mut all_entries: Vec<u64> = Vec::new();
    for (name, slots) in SEMAPHORES {
        let mut stays = stays.remove(name).unwrap_or_default();
        stays.sort_by_key(|stay| stay.entered);
        all_entries.extend(stays.iter().map(|stay| stay.entered));
        too_many_at_once(name, slots as usize, &stays, report);
        tokens_go_up(name, &stays, report);
        report.permits += stays.len();
        let waits = stays.iter().map(|stay| stay.entered - stay.asked);
        let longest = Duration::from_nanos(waits.max().unwrap_or(0));
        report.wait = report.wait.max(longest);
    }
    all_entries.sort_unstable();
    let gaps = all_entries.windows(2).map(|two| two[1] - two[0]);
    report.outage = Duration::from_nanos(gaps.max().unwrap_or(0));
    if all_entries.last().is_none_or(|&last| last < calm_from) {
        report
            .violations
            .push("nobody got a slot after the last fault".to_owned());
    }
}

/// The stays of one process.
fn read(
    worker: usize,
    text: &str,
    done: &Done,
    stays: &mut BTreeMap<String, Vec<Stay>>,
    report: &mut Report,
) {
    let mut asked = 0;
    let mut open: Option<(String, Stay)> = None;
    // A line that was cut off by a full disk has no end.
    let whole = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    for line in whole {
        let mut words = line.splitn(4, ' ');
        let (Some(what), Some(Ok(at)), Some(name)) = (
            words.next(),
            words.next().map(str::parse::<u64>),
            words.next(),
        ) else {
            report
                .violations
                .push(format!("worker {worker} wrote {line:?}"));
            continue;
        };
        let rest = words.next().unwrap_or_default();
        match what {
            "ask" => asked = at,
            "enter" => {
                let token = rest.parse().unwrap_or(0);
                let stay = Stay {
                    worker,
                    asked,
                    entered: at,
                    until: u64::MAX,
                    token,
                };
                open = Some((name.to_owned(), stay));
            }
            "leave" | "lost" => {
                let Some((name, mut stay)) = open.take() else {
                    report
                        .violations
                        .push(format!("worker {worker} left what it did not enter"));
                    continue;
                };
                stay.until = at;
                if what == "lost" {
                    report.lost += 1;
                    // What it did from the moment at which it was stopped, it knew to be late only afterwards.
                    let stopped = done
                        .stopped
                        .iter()
                        .find(|(from, to)| *from <= at && stay.entered <= *to);
                    let noticed = at.saturating_sub(NOTICE);
                    stay.until = stopped
                        .map_or(noticed, |(from, _)| (*from).min(noticed))
                        .max(stay.entered);
                }
                stays.entry(name).or_default().push(stay);
            }
            "error" => {
                *report.errors.entry(plain(rest)).or_default() += 1;
            }
            _ => {}
        }
    }
    if let Some((name, mut stay)) = open {
        match done.killed {
            Some(killed) => {
                // A stopped process may have lost its slot before it was killed.
                let stopped = done.stopped.iter().find(|(_, to)| stay.entered <= *to);
                stay.until = stopped
                    .map_or(killed, |(from, _)| (*from).min(killed))
                    .max(stay.entered);
                stays.entry(name).or_default().push(stay);
            }
            None => report
                .violations
                .push(format!("worker {worker} ended within a stay")),
        }
    }
}

/// An error without what is different each time.
fn plain(error: &str) -> String {
    let mut plain = String::new();
    for part in error.split(|c: char| c.is_ascii_digit()) {
        if !part.is_empty() || !plain.ends_with('#') {
            plain.push_str(part);
            plain.push('#');
        }
    }
    plain.pop();
    plain.chars().take(160).collect()
}

fn too_many_at_once(name: &str, slots: usize, stays: &[Stay], report: &mut Report) {
    let mut inside: Vec<&Stay> = Vec::new();
    for stay in stays {
        inside.retain(|other| other.until > stay.entered);
        if inside.len() >= slots && stay.until > stay.entered {
            let ms = |at: u64| (at as i128 - stay.entered as i128) as f64 / 1e6;
            let others: Vec<String> = inside
                .iter()
                .map(|other| {
                    format!(
                        "worker {} (token {}) from {:.1} to {:+.1} ms",
                        other.worker,
                        other.token,
                        ms(other.entered),
                        ms(other.until)
                    )
                })
                .collect();
            report.violations.push(format!(
                "{name}: worker {} (token {}) entered beside {}",
                stay.worker,
                stay.token,
                others.join(", ")
            ));
        }
        inside.push(stay);
    }
}

/// Who asks after another one has entered gets a higher token; no token comes twice.
fn tokens_go_up(name: &str, stays: &[Stay], report: &mut Report) {
    let mut seen = HashMap::new();
    for stay in stays {
        if let Some(other) = seen.insert(stay.token, stay.worker) {
            report.violations.push(format!(
                "{name}: workers {other} and {} both got token {}",
                stay.worker, stay.token
            ));
        }
    }
    let mut by_request: Vec<&Stay> = stays.iter().collect();
    by_request.sort_by_key(|stay| stay.asked);
    let mut entered = stays.iter().peekable();
    let mut highest = 0;
    for stay in by_request {
        while let Some(before) = entered.next_if(|before| before.entered < stay.asked) {
            highest = highest.max(before.token);
        }
        if stay.token <= highest {
            report.violations.push(format!(
                "{name}: worker {} asked after token {highest} was used, and got token {}",
                stay.worker, stay.token
            ));
        }
    }
}

/// Whether the checker sees what it is there to see: histories that were made up, each with one fault.
///
/// # Panics
/// When it does not.
pub(crate) fn sees_faults() {
    // Who, and what it wrote; times in milliseconds.
    type Histories = &'static [(usize, &'static str)];
    let cases: &[(&str, Histories, Done)] = &[
        (
            "",
            &[
                (0, "ask 1 one,enter 2 one 1,leave 5 one 1"),
                (1, "ask 3 one,enter 6 one 2,leave 7 one 2"),
            ],
            Done::default(),
        ),
        (
            "entered beside",
            &[
                (0, "ask 1 one,enter 2 one 1,leave 5 one 1"),
                (1, "ask 3 one,enter 4 one 2,leave 7 one 2"),
            ],
            Done::default(),
        ),
        (
            "was used, and got",
            &[
                (0, "ask 1 one,enter 2 one 9,leave 5 one 9"),
                (1, "ask 6 one,enter 7 one 8,leave 8 one 8"),
            ],
            Done::default(),
        ),
        (
            "both got token",
            &[
                (0, "ask 1 one,enter 2 one 1,leave 3 one 1"),
                (1, "ask 1 one,enter 4 one 1,leave 5 one 1"),
            ],
            Done::default(),
        ),
        (
            "ended within a stay",
            &[(0, "ask 1 one,enter 2 one 1")],
            Done::default(),
        ),
        // It was killed while the other one was in.
        (
            "entered beside",
            &[
                (0, "ask 1 one,enter 2 one 1"),
                (1, "ask 3 one,enter 4 one 2,leave 7 one 2"),
            ],
            Done {
                killed: Some(5_000_000),
                stopped: Vec::new(),
            },
        ),
        (
            "",
            &[
                (0, "ask 1 one,enter 2 one 1"),
                (1, "ask 3 one,enter 6 one 2,leave 7 one 2"),
            ],
            Done {
                killed: Some(5_000_000),
                stopped: Vec::new(),
            },
        ),
        // It stood still, and learned afterwards that it had lost its slot.
        (
            "",
            &[
                (0, "ask 1 one,enter 2 one 1,lost 900 one 1"),
                (1, "ask 3 one,enter 600 one 2,leave 700 one 2"),
            ],
            Done {
                killed: None,
                stopped: vec![(3_000_000, 899_000_000)],
            },
        ),
        // It learned that too late, and had no excuse.
        (
            "entered beside",
            &[
                (0, "ask 1 one,enter 2 one 1,lost 900 one 1"),
                (1, "ask 3 one,enter 600 one 2,leave 700 one 2"),
            ],
            Done::default(),
        ),
        ("nobody got a slot", &[(0, "ask 1 one")], Done::default()),
    ];
    for (expected, histories, done) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut all = HashMap::new();
        for (worker, history) in *histories {
            let lines = history.split(',').map(|line| {
                let words: Vec<&str> = line.splitn(3, ' ').collect();
                let millis: u64 = words[1].parse().unwrap();
                format!("{} {} {}\n", words[0], millis * 1_000_000, words[2])
            });
            let file = folder.path().join(format!("{worker}.history"));
            std::fs::write(file, lines.collect::<String>()).unwrap();
            all.insert(
                *worker,
                if *worker == 0 {
                    done.clone()
                } else {
                    Done::default()
                },
            );
        }
        let mut report = Report::default();
        check(folder.path(), &all, 0, &mut report);
        let seen = report.violations.join("; ");
        if expected.is_empty() {
            assert_eq!(seen, "", "{histories:?}");
        } else {
            assert!(
                seen.contains(expected),
                "{histories:?}: {expected:?} was not seen: {seen:?}"
            );
        }
    }
}
