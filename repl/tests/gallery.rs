//! The gallery of mistakes in `docs/errors/`: what is printed for each mistake that an author makes.
//!
//! `docs/errors/sources/THEME.toml` lists mistakes, and `docs/errors/sources/THEME/` has their files. Each mistake is run in a
//! folder of its own, and its page shows the files, the command and what it printed. This test compares the pages with
//! that; `cargo xtask gallery --write` writes them.
//!
//! Nothing of the machine stands in a page: see [`plain`] for what is replaced.
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;

/// The pages, in the order of the index.
const THEMES: [&str; 17] = [
    "syntax",
    "typescript",
    "names",
    "calls",
    "imports",
    "semaphores",
    "deadlocks",
    "permissions",
    "files",
    "secrets",
    "yaml",
    "ops",
    "values",
    "commands",
    "loops",
    "limits",
    "program",
];

/// How many mistakes the gallery has at least.
const LEAST: usize = 80;

/// The folder that stands in the pages for the one in which a mistake was run.
const SHOWN_FOLDER: &str = "/srv/rules";

/// How many mistakes are run at once.
const LANES: usize = 2;

/// One page, as its file says.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Theme {
    title: String,
    about: String,
    mistake: Vec<Mistake>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    title: String,
    /// What is typed. Files that it names are among those of the mistake.
    command: String,
    /// What the author meant, and what the message must do.
    wanted: String,
    /// More files of the theme's folder.
    #[serde(default)]
    also: Vec<String>,
    /// A folder of the theme's folder: all that is in it are files of the mistake.
    folder: Option<String>,
}

/// A source that a mistake is made of.
struct Source {
    /// Its name where the mistake is run.
    name: String,
    text: String,
    /// Where it lies.
    path: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("gallery: test");
        return ExitCode::SUCCESS;
    }
    let mut filters = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'));
    if cfg!(not(unix))
        || filters.clone().count() > 0 && !filters.any(|filter| "gallery".contains(filter.as_str()))
    {
        println!("the gallery of mistakes was not asked for, or there is no shell here");
        return ExitCode::SUCCESS;
    }
    let pages = pages();
    if arguments.iter().any(|argument| argument == "--write") {
        write(&pages);
        return ExitCode::SUCCESS;
    }
    let faults = faults(&pages);
    for fault in &faults {
        println!("{fault}\n");
    }
    let failed = faults.len();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "test result: {word}. {} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out",
        pages.len().saturating_sub(failed)
    );
    if failed > 0 {
        println!(
            "if what is printed is right, `cargo xtask gallery --write` writes the pages anew"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors")
}

/// All pages: the name and the text of each.
fn pages() -> BTreeMap<String, String> {
    let themes: Vec<(&str, Theme)> = THEMES.map(|name| (name, theme(name))).into();
    let all: Vec<(&str, &Mistake)> = themes
        .iter()
        .flat_map(|(name, theme)| theme.mistake.iter().map(|mistake| (*name, mistake)))
        .collect();
    assert!(all.len() >= LEAST, "only {} mistakes", all.len());
    let shown = shown(&all);
    let mut shown = shown.iter();
    let mut pages = BTreeMap::new();
    let mut index = INDEX.to_owned();
    for (name, theme) in &themes {
        let mut page = format!("# {}\n\n{}\n\n{MADE}", theme.title, theme.about);
        for section in shown.by_ref().take(theme.mistake.len()) {
            page += section;
        }
        let titles: Vec<String> = theme
            .mistake
            .iter()
            .map(|mistake| mistake.title.clone())
            .collect();
        let _ = writeln!(
            index,
            "| [{}]({name}.md) | {} |",
            theme.title,
            titles.join("; ")
        );
        pages.insert(format!("{name}.md"), page);
    }
    pages.insert("README.md".to_owned(), index);
    pages
}

const MADE: &str = "Sources, commands and what they print: this page is made by `cargo xtask gallery --write` of [sources](sources).\n";

const INDEX: &str = "\
# A gallery of mistakes

What authors get wrong, and what they are told. Each mistake has its source, the command, and what it prints;
[how errors are read](../errors.md) explains the parts. Run in a folder of its own, which is called `/srv/rules` here; ids of runs
are left out (`...`).

These pages are made by `cargo xtask gallery --write` of [sources](sources), and compared by the tests with what the program
prints: a message that changes shows in review.

| page | mistakes |
| --- | --- |
";

fn theme(name: &str) -> Theme {
    let file = docs().join(format!("sources/{name}.toml"));
    let text = std::fs::read_to_string(&file).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// What the page says of each mistake, in order. Two are run at once.
fn shown(all: &[(&str, &Mistake)]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let done: Mutex<BTreeMap<usize, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((theme, mistake)) = all.get(at) else {
                        return;
                    };
                    let shown = section(theme, mistake);
                    done.lock().unwrap().insert(at, shown);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn section(theme: &str, mistake: &Mistake) -> String {
    let sources = sources(theme, mistake);
    let mut text = format!("\n## {}\n\n{}\n", mistake.title, mistake.wanted);
    for source in &sources {
        let language = match source.path.extension().and_then(|end| end.to_str()) {
            Some("js" | "mjs") => "js",
            Some("yml") => "yaml",
            Some(other) => other,
            None => "text",
        };
        if sources.len() > 1 {
            let _ = write!(text, "\n`{}`:\n", source.name);
        }
        let _ = write!(text, "\n```{language}\n{}```\n", source.text);
    }
    let (printed, code) = run(mistake, &sources);
    let _ = write!(
        text,
        "\n```console no-run\n$ {}\n{printed}",
        mistake.command
    );
    if code != 0 {
        let _ = write!(text, "$ echo $?\n{code}\n");
    }
    text + "```\n"
}

/// The files of a mistake: those that its command names come first.
fn sources(theme: &str, mistake: &Mistake) -> Vec<Source> {
    let folder = docs().join("sources").join(theme);
    let source = |name: &str, path: PathBuf| Source {
        text: std::fs::read_to_string(&path).unwrap(),
        name: name.to_owned(),
        path,
    };
    if let Some(own) = &mistake.folder {
        let files = files(&folder.join(own));
        return files
            .into_iter()
            .map(|path| source(path.file_name().unwrap().to_str().unwrap(), path.clone()))
            .collect();
    }
    let words = mistake.command.split_whitespace();
    let mut names: Vec<&str> = Vec::new();
    for word in words.chain(mistake.also.iter().map(String::as_str)) {
        if folder.join(word).is_file() && !names.contains(&word) {
            names.push(word);
        }
    }
    for name in &mistake.also {
        assert!(names.contains(&name.as_str()), "{theme} has no file {name}");
    }
    names
        .iter()
        .map(|name| source(name, folder.join(name)))
        .collect()
}

/// The files in a folder and below it, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// What the command prints, on both outputs in one, and its exit code.
fn run(mistake: &Mistake, sources: &[Source]) -> (String, i32) {
    let folder = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    for source in sources {
        let path = folder.path().join(&source.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &source.text).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_cla")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!("exec 2>&1\n{}", mistake.command))
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(path).unwrap())
        .env("CLA_HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env("LC_ALL", "C")
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("COLUMNS")
        .env_remove("CLA_STORE")
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let code = output.status.code();
    let code = code.unwrap_or_else(|| panic!("{}: ended by a signal", mistake.command));
    let printed = plain(&String::from_utf8_lossy(&output.stdout), folder.path());
    (printed, code)
}

/// What was printed, without what differs from machine to machine: the folder, and the ids of runs.
fn plain(printed: &str, folder: &Path) -> String {
    let mut text = printed.to_owned();
    let real = folder.canonicalize().unwrap();
    for folder in [real.as_path(), folder] {
        text = text.replace(folder.to_str().unwrap(), SHOWN_FOLDER);
    }
    let id = Regex::new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").unwrap();
    text = id.replace_all(&text, "...").into_owned();
    let lines = text.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

/// Writes the pages, and removes those that are no more.
fn write(pages: &BTreeMap<String, String>) {
    for page in committed() {
        if !pages.contains_key(&page) {
            std::fs::remove_file(docs().join(&page)).unwrap();
            println!("removed docs/errors/{page}");
        }
    }
    for (name, text) in pages {
        let file = docs().join(name);
        if std::fs::read_to_string(&file).is_ok_and(|committed| committed == *text) {
            continue;
        }
        std::fs::write(file, text).unwrap();
        println!("wrote docs/errors/{name}");
    }
}

/// The names of the pages that there are.
fn committed() -> Vec<String> {
    let names = std::fs::read_dir(docs()).unwrap();
    names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
        .collect()
}

/// What is not as the pages say.
fn faults(pages: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, text) in pages {
        let committed = std::fs::read_to_string(docs().join(name)).unwrap_or_default();
        if let Some(difference) = difference(&committed, text) {
            faults.push(format!(
                "docs/errors/{name} is not what is printed:\n{difference}"
            ));
        }
    }
    for page in committed() {
        if !pages.contains_key(&page) {
            faults.push(format!("docs/errors/{page} has no sources"));
        }
    }
    faults.extend(unused());
    faults
}

/// The first place where two texts differ, with a few lines of each.
fn difference(committed: &str, printed: &str) -> Option<String> {
    /// Enough to see what it is about.
    const LINES: usize = 12;
    if committed == printed {
        return None;
    }
    let same = committed
        .lines()
        .zip(printed.lines())
        .take_while(|(one, other)| one == other)
        .count();
    let part = |text: &str, sign: char| -> String {
        let lines = text.lines().skip(same).take(LINES);
        lines.map(|line| format!("{sign} {line}\n")).collect()
    };
    let (page, now) = (part(committed, '-'), part(printed, '+'));
    Some(format!("at line {}:\n{page}{now}", same + 1))
}

/// Sources that are in no mistake.
fn unused() -> Vec<String> {
    let mut used: BTreeSet<PathBuf> = BTreeSet::new();
    for name in THEMES {
        used.insert(docs().join(format!("sources/{name}.toml")));
        for mistake in &theme(name).mistake {
            used.extend(sources(name, mistake).into_iter().map(|source| source.path));
        }
    }
    files(&docs().join("sources"))
        .into_iter()
        .filter(|path| !used.contains(path))
        .map(|path| format!("{} is in no mistake of the gallery", path.display()))
        .collect()
}
