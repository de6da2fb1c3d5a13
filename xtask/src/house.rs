//! `cargo xtask house`: the code keeps the order that docs/architecture.md describes.
//!
//! - A crate depends only on crates below it, and its code names none above it, not even in a string.
//! - No circle of imports ties more than a file and its folder together.
//! - The public names of each crate are listed in `xtask/house/names.txt`: a change of them is seen in review.
//! - Each public item has an example in its documentation, or names the item that has it.
//! - No file has more than 700 lines of code, unless its first comment says why ("One file because ...").
//!
//! What still breaks a rule stands in `xtask/house/exceptions.txt`, each with its reason. The list can only get
//! shorter: an entry that is no longer needed is a failure, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::Log;
use crate::test::Outcome;
use crate::{cargo, root};

mod circles;
mod examples;
mod source;

/// The crates that make the product, lowest first. Each may use those before it.
const LAYERS: &[&str] = &[
    "cla-queue",
    "cla-semaphore",
    "cla-intl",
    "cla-runtime",
    "cla-stdlib",
    "cla-rulebook",
    "cla-admin",
    "cla",
];

/// From this layer on, the names of modules such as `cla/sem` are known.
const STDLIB: &str = "cla-stdlib";

const MOST_LINES: usize = 700;
const REASON: &str = "One file because";
const NAMES: &str = "xtask/house/names.txt";
const EXCEPTIONS: &str = "xtask/house/exceptions.txt";

/// The arguments of `cargo xtask house`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the list of public names anew.
    #[arg(long)]
    write: bool,
}

/// Prints how the code is divided, and what breaks a rule.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let house = House::read()?;
    if args.write {
        std::fs::write(root().join(NAMES), house.show_names())?;
    }
    print!("{}", house.summary());
    let faults = house.faults()?;
    for fault in &faults {
        println!("\n{fault}");
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The step of `cargo xtask test`.
pub(crate) fn check(_log: &mut Log) -> Result<Outcome> {
    let house = House::read()?;
    let faults = house.faults()?;
    if !faults.is_empty() {
        bail!("\n{}", faults.join("\n\n"));
    }
    Ok(Outcome::quiet())
}

struct House {
    crates: Vec<(Package, source::Crate)>,
    /// Lines of code of each file of the workspace.
    lines: BTreeMap<PathBuf, usize>,
}

/// A crate of ours.
struct Package {
    name: String,
    root_file: PathBuf,
    /// The crates that it depends on in every build.
    needs: Vec<String>,
}

impl House {
    fn read() -> Result<Self> {
        let packages = packages()?;
        let mut lines = BTreeMap::new();
        for package in &packages {
            let folder = package.root_file.ancestors().nth(2).unwrap_or(root());
            count_lines(folder, &mut lines)?;
        }
        let mut crates = Vec::new();
        for package in packages {
            if LAYERS.contains(&package.name.as_str()) {
                let read = source::Crate::read(root(), &package.root_file)?;
                crates.push((package, read));
            }
        }
        crates.sort_by_key(|(package, _)| layer(&package.name));
        Ok(Self { crates, lines })
    }

    /// Each breach of a rule, in words.
    fn faults(&self) -> Result<Vec<String>> {
        let text = std::fs::read_to_string(root().join(EXCEPTIONS)).unwrap_or_default();
        let mut exceptions = Exceptions::parse(&text);
        let mut faults = Vec::new();
        self.arrows(&mut faults);
        self.strings(&mut faults);
        self.circles(&mut exceptions, &mut faults);
        self.sizes(&mut exceptions, &mut faults)?;
        self.names(&mut faults);
        self.examples(&mut exceptions, &mut faults);
        faults.extend(exceptions.unused());
        Ok(faults)
    }

    fn arrows(&self, faults: &mut Vec<String>) {
        for (package, _) in &self.crates {
            for need in &package.needs {
                if layer(need) > layer(&package.name) && LAYERS.contains(&need.as_str()) {
                    faults.push(format!(
                        "{} depends on {need}, which is above it. The order, lowest first: {}",
                        package.name,
                        LAYERS.join(", ")
                    ));
                }
            }
        }
    }

    fn strings(&self, faults: &mut Vec<String>) {
        let modules: Vec<String> = self
            .crates
            .iter()
            .filter(|(package, _)| layer(&package.name) >= layer(STDLIB))
            .flat_map(|(package, _)| declared_modules(package))
            .collect();
        for (package, read) in &self.crates {
            let higher: Vec<String> = LAYERS[layer(&package.name) + 1..]
                .iter()
                // The program's name is the product's, too.
                .filter(|name| **name != "cla")
                .flat_map(|name| [(*name).to_owned(), name.replace('-', "_")])
                .collect();
            let modules = if layer(&package.name) < layer(STDLIB) {
                modules.as_slice()
            } else {
                &[]
            };
            for module in read.modules.values() {
                for text in &module.strings {
                    for name in higher.iter().chain(modules) {
                        if has_word(text, name) {
                            faults.push(format!(
                                "{}: the string {text:?} names {name}, which is above {}",
                                module.file.display(),
                                package.name
                            ));
                        }
                    }
                }
            }
        }
    }

    fn circles(&self, exceptions: &mut Exceptions<'_>, faults: &mut Vec<String>) {
        for (_, read) in &self.crates {
            let imports = read.imports();
            for circle in circles::find(&imports) {
                if circles::is_within_a_folder(&circle) || exceptions.allow(&circle) {
                    continue;
                }
                let mut fault = format!("{} files import each other in a circle:", circle.len());
                for file in &circle {
                    let _ = write!(fault, "\n  {}", file.display());
                    for to in imports[file].intersection(&circle) {
                        let _ = write!(fault, "\n    -> {}", to.display());
                    }
                }
                faults.push(fault);
            }
        }
    }

    fn sizes(&self, exceptions: &mut Exceptions<'_>, faults: &mut Vec<String>) -> Result<()> {
        for (file, lines) in &self.lines {
            if *lines <= MOST_LINES {
                continue;
            }
            let text = std::fs::read_to_string(root().join(file))?;
            let has_reason = text
                .lines()
                .take_while(|line| line.starts_with("//!"))
                .any(|line| line.contains(REASON));
            if !has_reason && !exceptions.allow(&BTreeSet::from([file.as_path()])) {
                faults.push(format!(
                    "{}: {lines} lines of code, and {MOST_LINES} is the most. Cut it by concept, or let its first \
                     comment (//!) say why it is whole: \"{REASON} ...\"",
                    file.display()
                ));
            }
        }
        Ok(())
    }

    fn names(&self, faults: &mut Vec<String>) {
        let is = self.show_names();
        let listed = std::fs::read_to_string(root().join(NAMES)).unwrap_or_default();
        let (is, listed): (BTreeSet<_>, BTreeSet<_>) = (named(&is), named(&listed));
        let mut fault = String::new();
        for new in is.difference(&listed) {
            let _ = write!(fault, "\n  + {new}");
        }
        for gone in listed.difference(&is) {
            let _ = write!(fault, "\n  - {gone}");
        }
        if !fault.is_empty() {
            faults.push(format!(
                "the public names are not those of {NAMES} (`cargo xtask house --write` writes it anew):{fault}"
            ));
        }
    }

    fn examples(&self, exceptions: &mut Exceptions<'_>, faults: &mut Vec<String>) {
        let modules = self
            .crates
            .iter()
            .flat_map(|(_, read)| read.modules.values());
        let shown: BTreeSet<&str> = modules
            .flat_map(|module| &module.docs)
            .filter(|(_, docs)| examples::has_example(docs))
            .map(|(name, _)| name.as_str())
            .collect();
        for (package, read) in &self.crates {
            for (path, name) in read.public_items() {
                let module = &read.modules[path];
                let Some(fault) = examples::fault(&module.docs[name], &shown) else {
                    continue;
                };
                let key = format!("{}::{name}", package.name);
                if !exceptions.allow(&BTreeSet::from([Path::new(&key)])) {
                    let file = module.file.display();
                    faults.push(format!("{file}: {name} has no example: {fault}"));
                }
            }
        }
    }

    /// The list of public names: a line for each crate, and below it a line for each name.
    fn show_names(&self) -> String {
        let mut text = String::from(
            "# What the users of each crate can name, hidden things apart. `cargo xtask house --write` writes this.\n",
        );
        for (package, read) in &self.crates {
            let nouns = read.nouns();
            if nouns.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n{}", package.name);
            for noun in nouns {
                let _ = writeln!(text, "  {noun}");
            }
        }
        text
    }

    fn summary(&self) -> String {
        let mut text = String::from("crate              files    lines    names  largest circle\n");
        for (package, read) in &self.crates {
            let files: BTreeSet<&PathBuf> =
                read.modules.values().map(|module| &module.file).collect();
            let lines: usize = files.iter().filter_map(|file| self.lines.get(*file)).sum();
            let imports = read.imports();
            let circles = circles::find(&imports);
            let across = circles
                .iter()
                .filter(|circle| !circles::is_within_a_folder(circle));
            let largest = across.map(BTreeSet::len).max().unwrap_or(0);
            let _ = writeln!(
                text,
                "{:<16} {:>7} {lines:>8} {:>8} {largest:>15}",
                package.name,
                files.len(),
                read.nouns().len()
            );
        }
        let production: BTreeSet<&PathBuf> = self
            .crates
            .iter()
            .flat_map(|(_, read)| read.modules.values().map(|module| &module.file))
            .collect();
        let (product, others): (Vec<_>, Vec<_>) = self
            .lines
            .iter()
            .partition(|(file, _)| production.contains(file));
        let sum =
            |files: &[(&PathBuf, &usize)]| files.iter().map(|(_, lines)| **lines).sum::<usize>();
        let _ = writeln!(
            text,
            "\n{} lines of production code, {} of tests, examples and tools beside it\n\nlargest files:",
            sum(&product),
            sum(&others)
        );
        let mut largest: Vec<_> = self.lines.iter().collect();
        largest.sort_by_key(|(_, lines)| std::cmp::Reverse(**lines));
        for (file, lines) in largest.into_iter().take(12) {
            let _ = writeln!(text, "{lines:>7}  {}", file.display());
        }
        text
    }
}

/// Each name of the list with its crate.
fn named(list: &str) -> BTreeSet<String> {
    let mut of = "";
    let mut names = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(name) => {
                names.insert(format!("{of}: {name}"));
            }
            None => of = line.trim(),
        }
    }
    names
}

/// Breaches that are known, each a line with a comment above it that says why. A line has files, or an item without an
/// example with its crate: `cla-queue::Row`.
struct Exceptions<'a> {
    entries: Vec<(BTreeSet<&'a Path>, bool)>,
}

impl<'a> Exceptions<'a> {
    fn parse(text: &'a str) -> Self {
        let lines = text.lines().map(str::trim);
        let entries = lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| (line.split_whitespace().map(Path::new).collect(), false));
        Self {
            entries: entries.collect(),
        }
    }

    /// Does an entry name exactly these files?
    fn allow(&mut self, files: &BTreeSet<&Path>) -> bool {
        let entry = self.entries.iter_mut().find(|(entry, _)| entry == files);
        entry.is_some_and(|(_, is_used)| {
            *is_used = true;
            true
        })
    }

    fn unused(&self) -> Vec<String> {
        let unused = self.entries.iter().filter(|(_, is_used)| !is_used);
        unused
            .map(|(files, _)| {
                let files: Vec<_> = files
                    .iter()
                    .map(|file| file.display().to_string())
                    .collect();
                format!(
                    "{EXCEPTIONS}: no longer true, remove it: {}",
                    files.join(" ")
                )
            })
            .collect()
    }
}

fn layer(name: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| *layer == name)
        .unwrap_or(LAYERS.len())
}

/// Does `text` contain `word`, and not as a part of a longer name?
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The modules that a crate gives to scripts: each has its declarations beside it.
fn declared_modules(package: &Package) -> Vec<String> {
    let folder = package.root_file.parent().unwrap_or(root());
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    files
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(format!("cla/{}", name.strip_suffix(".d.ts")?)))
        .collect()
}

fn packages() -> Result<Vec<Package>> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("`cargo metadata` failed")?;
    let listed = metadata["packages"].as_array().context("no packages")?;
    let mut packages = Vec::new();
    for package in listed {
        let targets = package["targets"].as_array();
        let root_file = targets.into_iter().flatten().find(|target| {
            let kinds = target["kind"].as_array();
            kinds
                .is_some_and(|kinds| kinds.contains(&"lib".into()) || kinds.contains(&"bin".into()))
        });
        let Some(root_file) = root_file.and_then(|target| target["src_path"].as_str()) else {
            continue;
        };
        let needs = package["dependencies"].as_array();
        packages.push(Package {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            root_file: PathBuf::from(root_file),
            needs: needs
                .into_iter()
                .flatten()
                .filter(|need| need["kind"].is_null())
                .filter_map(|need| Some(need["name"].as_str()?.to_owned()))
                .collect(),
        });
    }
    Ok(packages)
}

/// Counts the code of each file below `folder`.
fn count_lines(folder: &Path, lines: &mut BTreeMap<PathBuf, usize>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                count_lines(&path, lines)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path)?;
            let count = source::lines_of_code(&text).with_context(|| path.display().to_string())?;
            let file = path.strip_prefix(root()).unwrap_or(&path).to_owned();
            lines.insert(file, count);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_within_a_longer_name_is_not_named() {
        assert!(has_word("uses cla_stdlib::sem", "cla_stdlib"));
        assert!(!has_word("cla_stdlib_extra", "cla_stdlib"));
        assert!(!has_word("my-cla-stdlib", "cla-stdlib"));
        assert!(has_word("import \"cla/sem\"", "cla/sem"));
        assert!(!has_word("cla/semaphores", "cla/sem"));
    }

    #[test]
    fn an_exception_counts_for_exactly_its_files_and_must_be_needed() {
        let mut exceptions = Exceptions::parse("# both are one\na.rs b.rs\n\n# gone\nc.rs\n");
        assert!(!exceptions.allow(&BTreeSet::from([Path::new("a.rs")])));
        assert!(exceptions.allow(&["b.rs", "a.rs"].map(Path::new).into()));
        let unused = exceptions.unused();
        assert_eq!(unused.len(), 1);
        assert!(unused[0].ends_with("c.rs"), "{unused:?}");
    }

    #[test]
    fn a_name_that_is_new_or_gone_is_a_difference() {
        let list = "# words\n\ncla-queue\n  Slots\n  time::Time\n";
        let names = named(list);
        assert!(names.contains("cla-queue: time::Time"));
        assert_eq!(names.len(), 2);
    }
}
