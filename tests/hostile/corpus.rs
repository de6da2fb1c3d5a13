//! Reads the tables in `tables/` and makes the cases of them: each row is a script, or a pattern of scripts with axes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

/// Where the tables and the README are.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hostile");

/// The folder for temporary files, in that of the script.
pub(crate) const TEMPORARY: &str = "temporary";

/// Where a script is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Host {
    /// `cla run`, in a process of its own, beside a neighbour.
    Run,
    /// A program with a current-thread runtime that embeds the engine.
    Embedding,
    /// `cla repl` at a terminal, with Ctrl-C.
    Prompt,
}

impl Host {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "run" => Self::Run,
            "embedding" => Self::Embedding,
            "prompt" => Self::Prompt,
            _ => panic!("{name} is no host: run, embedding or prompt"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Embedding => "embedding",
            Self::Prompt => "prompt",
        }
    }
}

/// A script with its bounds.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// `family/row/axes`.
    pub(crate) id: String,
    pub(crate) family: String,
    /// Its place in the corpus.
    pub(crate) index: usize,
    /// The name of the file that is run, and the files in its folder, itself included.
    pub(crate) main: String,
    pub(crate) files: BTreeMap<String, String>,
    /// Files that are too large to be kept, or too many.
    made: Vec<Made>,
    chains: Vec<Chain>,
    /// The row's text as it stands in the table, for the prompt.
    pub(crate) text: String,
    pub(crate) hosts: BTreeSet<Host>,
    /// More arguments for `cla run`.
    pub(crate) arguments: Vec<String>,
    /// What is swapped while it runs.
    pub(crate) swap: Option<Swap>,
    pub(crate) bounds: Bounds,
}

/// A link that leads now here, now there, while a script runs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Swap {
    pub(crate) link: String,
    pub(crate) between: [String; 2],
}

impl Case {
    /// Writes its files into a folder.
    pub(crate) fn write_files(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join(TEMPORARY)).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (name, text) in &self.files {
            write(name, text);
        }
        for Made {
            path,
            head,
            body,
            times,
            tail,
        } in &self.made
        {
            write(path, &format!("{head}{}{tail}", body.repeat(*times)));
        }
        for chain in &self.chains {
            for number in 0..chain.length {
                let is_last = number + 1 == chain.length;
                let text = if is_last { &chain.last } else { &chain.text };
                let next = (number + 1).to_string();
                write(
                    &chain.path.replace('#', &number.to_string()),
                    &text.replace('+', &next),
                );
            }
        }
    }
}

impl Bounds {
    /// When the run is over by its limits, counted from its start.
    pub(crate) fn last(&self) -> Duration {
        self.limit + self.grace.unwrap_or_default()
    }
}

/// What must hold for a case.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// The time limit that the run is given.
    pub(crate) limit: Duration,
    /// How long it may go on after that, if that is said.
    pub(crate) grace: Option<Duration>,
    /// Until when it has ended, counted from its start.
    pub(crate) ends: Duration,
    /// The memory limit that the run is given, in MiB.
    pub(crate) memory: u64,
    /// The most resident memory of the whole process, in MiB.
    pub(crate) peak: u64,
    /// By how much a timer of the neighbour may be late.
    pub(crate) late: Duration,
    /// How the run may end: words of the report's `status`; any, if there is none.
    pub(crate) status: Vec<String>,
    /// What the error or the output has in it.
    pub(crate) says: Vec<String>,
    /// What neither the error nor the output has in it.
    pub(crate) never: Vec<String>,
    /// What a run that succeeded gives; unchecked, if there is none.
    pub(crate) value: Option<serde_json::Value>,
    /// What a run that succeeded does not give.
    pub(crate) value_not: Vec<serde_json::Value>,
    /// Whether what the rules print is read while they run.
    pub(crate) reads_output: bool,
    /// Whether the script takes the slot that a waiter wants.
    pub(crate) waiter: bool,
}

/// A file of rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What the family has in common.
    #[allow(dead_code)] // for readers of the table
    about: String,
    #[serde(default)]
    bounds: Row,
    row: Vec<Row>,
}

/// A row: what it leaves out is as in the table's `bounds`, and then as `README.md` says.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    name: Option<String>,
    text: Option<String>,
    /// What stands for `@axis@` in the text, the files and the bounds `value`, `says`: every combination is a case.
    #[serde(default)]
    axes: BTreeMap<String, Axis>,
    main: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    make: Vec<Made>,
    #[serde(default)]
    chain: Vec<Chain>,
    arguments: Option<Vec<String>>,
    hosts: Option<BTreeSet<Host>>,
    swap: Option<Swap>,
    /// Whether the text is the whole file, without what takes the slot.
    bare: Option<bool>,
    limit: Option<u64>,
    grace: Option<u64>,
    worst: Option<u64>,
    memory: Option<u64>,
    peak: Option<u64>,
    late: Option<u64>,
    status: Option<Vec<String>>,
    says: Option<Vec<String>>,
    never: Option<Vec<String>>,
    value: Option<String>,
    value_not: Option<Vec<String>>,
    reads_output: Option<bool>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Axis {
    /// Each text is its own name.
    List(Vec<String>),
    /// Names and texts.
    Named(BTreeMap<String, String>),
}

/// A file that is too large for a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    path: String,
    #[serde(default)]
    head: String,
    body: String,
    times: usize,
    #[serde(default)]
    tail: String,
}

/// Files of which each refers to the next: `#` in the path stands for its number, `+` in the text for the next one's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    path: String,
    text: String,
    length: usize,
    last: String,
}

/// The limit of a run unless its row says otherwise, in milliseconds: enough for the interpreter to be deep in it.
const LIMIT: u64 = 100;
/// Its memory limit, in MiB.
const MEMORY: u64 = 64;
/// What the process may take besides: the program itself, the neighbour, texts that are compiled, in MiB.
const BESIDES: u64 = 96;
/// Three slices of the interpreter, in milliseconds.
pub(crate) const LATE: Duration = Duration::from_millis(15);

/// All cases, in the order of the files and rows. Two of one name are a mistake.
pub(crate) fn read() -> Vec<Case> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(Path::new(FOLDER).join("tables"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let table: Table =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let family = path.file_stem().unwrap().to_str().unwrap();
        for row in &table.row {
            let row = row.clone().or(&table.bounds);
            for words in combinations(&row.axes) {
                cases.push(row.case(family, &words));
            }
        }
    }
    for (index, case) in cases.iter_mut().enumerate() {
        case.index = index;
    }
    let mut names = BTreeSet::new();
    for case in &cases {
        assert!(names.insert(&case.id), "two cases are called {}", case.id);
    }
    cases
}

/// Every choice of one word per axis: axis, name and text.
fn combinations(axes: &BTreeMap<String, Axis>) -> Vec<Vec<(String, String, String)>> {
    let mut all = vec![Vec::new()];
    for (axis, words) in axes {
        let words: Vec<(String, String)> = match words {
            Axis::List(list) => list
                .iter()
                .map(|text| (text.clone(), text.clone()))
                .collect(),
            Axis::Named(map) => map.clone().into_iter().collect(),
        };
        all = all
            .iter()
            .flat_map(|chosen| {
                words.iter().map(move |(name, text)| {
                    let mut chosen = chosen.clone();
                    chosen.push((axis.clone(), name.clone(), text.clone()));
                    chosen
                })
            })
            .collect();
    }
    all
}

impl Row {
    /// This row, with what it leaves out as in `table`.
    fn or(mut self, table: &Self) -> Self {
        macro_rules! inherit {
            ($($field:ident),*) => { $(self.$field = self.$field.or_else(|| table.$field.clone());)* };
        }
        inherit!(
            main,
            arguments,
            hosts,
            swap,
            bare,
            limit,
            grace,
            worst,
            memory,
            peak,
            late,
            status,
            says,
            never,
            value,
            value_not,
            reads_output
        );
        for (name, text) in &table.files {
            self.files
                .entry(name.clone())
                .or_insert_with(|| text.clone());
        }
        self
    }

    fn case(&self, family: &str, words: &[(String, String, String)]) -> Case {
        let name = self.name.as_deref().expect("a row has a name");
        let fill = |text: &str| {
            words
                .iter()
                .fold(text.to_owned(), |text, (axis, name, word)| {
                    text.replace(&format!("@{axis}.name@"), name)
                        .replace(&format!("@{axis}@"), word)
                })
        };
        let mut id = format!("{family}/{name}");
        for (_, word, _) in words {
            id = format!("{id}/{word}");
        }
        // A row whose only axis is its text says no more.
        let text = fill(self.text.as_deref().unwrap_or("@text@"));
        let main = self.main.as_deref().map_or("hostile.js".to_owned(), fill);
        let bare = self.bare.unwrap_or_default();
        let mut files: BTreeMap<String, String> = self
            .files
            .iter()
            .map(|(path, text)| (fill(path), fill(text)))
            .collect();
        // Several rows may make large files of which each needs one.
        let mut made = self.make.clone();
        made.retain(|made| made.path == main || text.contains(&made.path));
        if !made.iter().any(|made| made.path == main) {
            let whole = if bare {
                text.clone()
            } else {
                with_slot(&main, &text)
            };
            files.insert(main.clone(), whole);
        }
        let limit = self.limit.unwrap_or(LIMIT);
        // What a rulebook has to do in the end is a part of its bounds.
        let grace = self.grace.or((!main.ends_with(".yml")).then_some(0));
        let ends = limit.max(self.worst.unwrap_or(0)) + grace.unwrap_or(0);
        let memory = self.memory.unwrap_or(MEMORY);
        let json = |text: &String| {
            let text = fill(text);
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{id}: {text}: {error}"))
        };
        let list = |texts: &Option<Vec<String>>| -> Vec<String> {
            texts.iter().flatten().map(|text| fill(text)).collect()
        };
        let one_line = !text.trim().contains('\n');
        let mut hosts = self
            .hosts
            .clone()
            .unwrap_or_else(|| [Host::Run, Host::Embedding].into());
        assert!(
            one_line || !hosts.contains(&Host::Prompt),
            "{id}: a prompt takes one line"
        );
        if self.reads_output == Some(false) || self.swap.is_some() {
            hosts = [Host::Run].into();
        }
        Case {
            family: family.to_owned(),
            index: 0,
            text: text.trim().to_owned(),
            main,
            files,
            made,
            chains: self.chain.clone(),
            hosts,
            arguments: list(&self.arguments),
            swap: self.swap.clone(),
            bounds: Bounds {
                limit: Duration::from_millis(limit),
                grace: grace.map(Duration::from_millis),
                ends: Duration::from_millis(ends),
                memory,
                peak: self.peak.unwrap_or(memory + BESIDES),
                // A single call that takes so long holds up the neighbour for that time.
                late: Duration::from_millis(self.late.or(self.worst).unwrap_or(0)).max(LATE),
                status: list(&self.status),
                says: list(&self.says),
                never: list(&self.never),
                value: self.value.as_ref().map(json),
                value_not: self.value_not.iter().flatten().map(json).collect(),
                reads_output: self.reads_output.unwrap_or(true),
                waiter: !bare,
            },
            id,
        }
    }
}

/// The semaphore of which a hostile run has the only slot, until its end.
pub(crate) const SLOT: &str = "hostile";

/// The text, after it has taken the slot. Lines keep their numbers in JavaScript.
fn with_slot(main: &str, text: &str) -> String {
    if main.ends_with(".yml") {
        let mut rulebook = format!("do:\n  - semaphore: {SLOT}\n    do:\n");
        for line in text.trim_matches('\n').lines() {
            rulebook.push_str(&format!("      {line}\n"));
        }
        return rulebook;
    }
    if main.ends_with(".mjs") {
        return format!(
            "import {{ acquire as theSlotOf }} from 'cla/sem'; theSlotOf('{SLOT}'); {text}"
        );
    }
    format!("require('cla/sem').acquire('{SLOT}'); {text}")
}
