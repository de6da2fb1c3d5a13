//! The rules of a check: files as they are named, and those in folders.

use std::path::{Path, PathBuf};

/// What rules end with, without the dot.
const SCRIPTS: [&str; 6] = ["js", "mjs", "cjs", "ts", "mts", "cts"];
const RULEBOOKS: [&str; 2] = ["yml", "yaml"];

/// What a rulebook has at the beginning of a line, and other YAML seldom.
const SECTIONS: [&str; 3] = ["do:", "def:", "on:"];

/// How deep folders are looked at.
const DEEPEST: usize = 64;

/// The most files of one check.
const MOST: usize = 100_000;

/// The files that are named, and the rules in the folders that are named, with all folders in them: scripts, and YAML that
/// looks like a rulebook. What is hidden, `node_modules` and links to folders are left out, and types (`.d.ts`).
pub(super) fn expanded(named: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let before = files.len();
            collect(path, DEEPEST, &mut files)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            if files.len() == before {
                return Err(format!("there are no rules in {}", path.display()));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn collect(folder: &Path, deep: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || name == "node_modules" || files.len() >= MOST {
            continue;
        }
        let path = match folder == Path::new(".") {
            true => PathBuf::from(entry.file_name()),
            false => entry.path(),
        };
        if entry.file_type()?.is_dir() {
            if deep > 0 {
                collect(&path, deep - 1, files)?;
            }
        } else if is_rule(&path, &name) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_rule(path: &Path, name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return false;
    };
    if SCRIPTS.contains(&extension) {
        return !stem.ends_with(".d");
    }
    // A file that cannot be read is told where it is checked.
    let looks_like_one = |text: String| has_sections(&text);
    RULEBOOKS.contains(&extension) && std::fs::read_to_string(path).map_or(true, looks_like_one)
}

/// Whether a text of YAML has sections of a rulebook.
pub(crate) fn has_sections(text: &str) -> bool {
    let mut lines = text.lines();
    lines.any(|line| SECTIONS.iter().any(|section| line.starts_with(section)))
}
