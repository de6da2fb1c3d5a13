//! What came of it: a table per family, and each failure with its bound, by how much, and how to run it alone.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bounds::{Broken, Seen, ms};
use crate::corpus::{Case, Host};
use crate::settings::Settings;

/// How one case at one host came out.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    pub(crate) host: Host,
    family: String,
    seen: Seen,
    broken: Vec<Broken>,
    how: String,
    folder: Option<PathBuf>,
}

impl Outcome {
    /// An outcome; the files of a case that failed are kept.
    pub(crate) fn new(
        case: &Case,
        host: Host,
        seen: Seen,
        broken: Vec<Broken>,
        how: String,
    ) -> Self {
        let folder = (!broken.is_empty()).then(|| {
            let name: String = case
                .id
                .chars()
                .map(|char| {
                    if char.is_alphanumeric() || "._-".contains(char) {
                        char
                    } else {
                        '_'
                    }
                })
                .collect();
            // A name of a file is short; the beginning of many is the same.
            let number = case.id.bytes().fold(5381_u32, |hash, byte| {
                hash.wrapping_mul(33).wrapping_add(byte.into())
            });
            let name: String = name.chars().take(100).collect();
            let folder =
                Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile/{name}-{number:08x}"));
            case.write_files(&folder);
            folder
        });
        Self {
            id: case.id.clone(),
            host,
            family: case.family.clone(),
            seen,
            broken,
            how,
            folder,
        }
    }

    fn held(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether only bounds of time were broken.
    pub(crate) fn was_only_late(&self) -> bool {
        !self.held() && self.broken.iter().all(|broken| broken.by_time)
    }

    /// One line about it.
    pub(crate) fn line(&self) -> String {
        let Self { id, host, seen, .. } = self;
        let word = if self.held() { "ok    " } else { "BROKEN" };
        let status = seen.status.as_deref().unwrap_or("no report");
        let mut line = format!(
            "{word} {:<9} {id}  ({status}, {}",
            host.name(),
            ms(seen.took)
        );
        if seen.peak > 0 {
            line.push_str(&format!(", {} MiB", seen.peak));
        }
        if let Some(late) = seen.late {
            line.push_str(&format!(", neighbour {}", ms(late)));
        }
        line.push(')');
        line
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, host, .. } = self;
        f.write_str(&self.line())?;
        for broken in &self.broken {
            write!(f, "\n         {}", broken.what)?;
        }
        if let Some(folder) = &self.folder {
            write!(f, "\n         cd '{}' && {}", folder.display(), self.how)?;
            write!(
                f,
                "\n         CLA_HOSTILE_ONLY='{id}' CLA_HOSTILE_HOSTS={} cargo test -p cla-tests --test hostile",
                host.name()
            )?;
            let said = self.seen.said.trim();
            if !said.is_empty() {
                let said: String = said
                    .chars()
                    .take(300)
                    .flat_map(char::escape_debug)
                    .collect();
                write!(f, "\n         said: {said}")?;
            }
        }
        Ok(())
    }
}

/// A line of the table.
#[derive(Default)]
struct Line {
    kinds: usize,
    held: usize,
    worst_time: Duration,
    worst_memory: u64,
    worst_late: Duration,
}

impl Line {
    fn add(&mut self, outcome: &Outcome) {
        self.kinds += 1;
        self.held += usize::from(outcome.held());
        self.worst_time = self.worst_time.max(outcome.seen.took);
        self.worst_memory = self.worst_memory.max(outcome.seen.peak);
        self.worst_late = self.worst_late.max(outcome.seen.late.unwrap_or_default());
    }
}

/// All outcomes.
pub(crate) struct Summary<'a> {
    outcomes: &'a [Outcome],
    program: &'a Path,
    took: Duration,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(outcomes: &'a [Outcome], program: &'a Path, took: Duration) -> Self {
        Self {
            outcomes,
            program,
            took,
        }
    }

    pub(crate) fn held_all(&self) -> bool {
        self.outcomes.iter().all(Outcome::held)
    }

    /// Prints failures and the table, and writes what the settings ask for.
    pub(crate) fn print(&self, settings: &Settings) {
        let failures = self.failures();
        let table = self.table();
        println!("{failures}\n{table}");
        // The words of other test programs, for those that count tests.
        let passed = self
            .outcomes
            .iter()
            .filter(|outcome| outcome.held())
            .count();
        let failed = self.outcomes.len() - passed;
        println!(
            "test result: {}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
            if failed == 0 { "ok" } else { "FAILED" },
            self.took.as_secs_f64()
        );
        if let Some(path) = &settings.table {
            std::fs::write(path, &table).unwrap();
        }
        if let Some(path) = &settings.failures {
            std::fs::write(path, format!("{table}\n{failures}")).unwrap();
        }
    }

    fn failures(&self) -> String {
        let mut failed: Vec<&Outcome> = self
            .outcomes
            .iter()
            .filter(|outcome| !outcome.held())
            .collect();
        failed.sort_by(|a, b| (a.host, &a.id).cmp(&(b.host, &b.id)));
        failed
            .iter()
            .map(|outcome| format!("{outcome}\n"))
            .collect()
    }

    /// The table of the note, in Markdown.
    fn table(&self) -> String {
        let mut lines: BTreeMap<(Host, &str), Line> = BTreeMap::new();
        let mut sums: BTreeMap<Host, Line> = BTreeMap::new();
        for outcome in self.outcomes {
            lines
                .entry((outcome.host, &outcome.family))
                .or_default()
                .add(outcome);
            sums.entry(outcome.host).or_default().add(outcome);
        }
        let mut table = format!(
            "{} scripts at {}, in {:.0?}\n\n\
             | host | family | kinds | held | worst time | worst memory | worst lateness |\n\
             | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
            self.outcomes.len(),
            self.program.display(),
            self.took
        );
        let mut add = |host: Host, family: &str, line: &Line| {
            let memory = match line.worst_memory {
                0 => "-".to_owned(),
                mib => format!("{mib} MiB"),
            };
            table.push_str(&format!(
                "| {} | {family} | {} | {} | {} | {memory} | {} |\n",
                host.name(),
                line.kinds,
                line.held,
                ms(line.worst_time),
                ms(line.worst_late)
            ));
        };
        for (host, sum) in &sums {
            for ((_, family), line) in lines
                .range((*host, "")..)
                .take_while(|((of, _), _)| of == host)
            {
                add(*host, family, line);
            }
            add(*host, "**all**", sum);
        }
        table
    }
}
