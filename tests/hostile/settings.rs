//! What the environment asks for; `README.md` has the list.

use std::path::PathBuf;
use std::time::Duration;

use crate::corpus::Host;

/// How the corpus is run.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Only cases whose names have one of these in them; all, if there is none.
    pub(crate) only: Vec<String>,
    /// Every case at every host that it has, rather than a share of them for each.
    pub(crate) whole: bool,
    /// Another program than the one of this tree.
    pub(crate) program: Option<PathBuf>,
    /// Whether the program of this tree was built together with this test.
    pub(crate) is_built: bool,
    /// Whether nothing fails: the table is wanted, and nothing else.
    pub(crate) only_looks: bool,
    /// Bounds as the documents state them, for a machine that does nothing else.
    pub(crate) strict: bool,
    /// How many scripts run at once.
    pub(crate) lanes: usize,
    /// How long after its bound a case is killed.
    pub(crate) patience: Duration,
    /// Where the table is written.
    pub(crate) table: Option<PathBuf>,
    /// Where the failures are written.
    pub(crate) failures: Option<PathBuf>,
    /// Whether each case is printed as it ends.
    pub(crate) verbose: bool,
    hosts: Vec<Host>,
}

/// The words that are parts of names, as other tests take them: no options, and no words of options.
fn names(arguments: &[String]) -> impl Iterator<Item = String> {
    const WITH_WORD: [&str; 5] = [
        "--test-threads",
        "--skip",
        "--format",
        "--color",
        "--logfile",
    ];
    let options = std::iter::once("").chain(arguments.iter().map(String::as_str));
    let words = arguments.iter().zip(options);
    words
        .filter(|(word, before)| !word.starts_with('-') && !WITH_WORD.contains(before))
        .map(|(word, _)| word.clone())
}

impl Settings {
    /// The settings; arguments that are no options are parts of names, as with other tests.
    pub(crate) fn from_environment(arguments: &[String]) -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let number = |name: &str| text(name).map(|text| text.parse().expect(name));
        let mut only: Vec<String> = text("CLA_HOSTILE_ONLY")
            .map(|text| text.split(',').map(str::to_owned).collect())
            .unwrap_or_default();
        only.extend(names(arguments));
        let program: Option<PathBuf> = text("CLA_HOSTILE_PROGRAM").map(PathBuf::from);
        let strict = text("CLA_HOSTILE_STRICT").is_some();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let hosts = text("CLA_HOSTILE_HOSTS").map_or_else(
            || match program {
                // The engine that is embedded is that of this tree.
                Some(_) => vec![Host::Run, Host::Prompt],
                None => vec![Host::Run, Host::Embedding, Host::Prompt],
            },
            |text| text.split(',').map(Host::named).collect(),
        );
        Self {
            whole: !only.is_empty() || text("CLA_HOSTILE_ALL").is_some(),
            only,
            only_looks: program.is_some(),
            program,
            is_built: text("CLA_HOSTILE_BUILT").is_some(),
            strict,
            // A case computes, or waits; a strict one wants a processor for itself.
            lanes: number("CLA_HOSTILE_LANES").unwrap_or(if strict { 1 } else { cores + 1 }),
            patience: Duration::from_secs(
                number("CLA_HOSTILE_PATIENCE").map_or(10, |seconds| seconds as u64),
            ),
            table: text("CLA_HOSTILE_TABLE").map(PathBuf::from),
            failures: text("CLA_HOSTILE_FAILURES").map(PathBuf::from),
            verbose: text("CLA_HOSTILE_VERBOSE").is_some(),
            hosts,
        }
    }

    /// Whether a case of this name is asked for.
    pub(crate) fn wants(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| id.contains(part.as_str()))
    }

    /// Whether this host is asked for.
    pub(crate) fn host(&self, host: Host) -> bool {
        self.hosts.contains(&host)
    }
}
