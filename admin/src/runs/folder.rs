//! The rules of a folder: [`Folder`].

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Serialize;
use utoipa::ToSchema;

/// How many folders deep rules are listed.
const DEEPEST: usize = 8;

/// The most rules in a list.
const MOST: usize = 2000;

/// The most entries of folders that are looked at.
const MOST_ENTRIES: usize = 50_000;

/// What the names of rules end with.
const KINDS: [&str; 8] = ["js", "mjs", "cjs", "ts", "mts", "cts", "yml", "yaml"];

/// The folder whose rules can be run.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

/// A rule that can be run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleFile {
    /// Its path from the folder on, with `/` between folders: what a client names it by.
    pub(crate) rule: String,
    pub(crate) bytes: u64,
    /// In seconds since the Unix epoch.
    pub(crate) modified_at: Option<f64>,
}

impl Folder {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        // This says why it is no folder.
        std::fs::read_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// All rules, by name. Links, hidden files and folders and `node_modules` are passed over.
    pub(super) fn rules(&self) -> io::Result<Vec<RuleFile>> {
        let mut rules = Vec::new();
        let mut entries = MOST_ENTRIES;
        self.walk(&self.0, "", 0, &mut entries, &mut rules)?;
        rules.sort_by(|a, b| a.rule.cmp(&b.rule));
        Ok(rules)
    }

    fn walk(
        &self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        entries: &mut usize,
        rules: &mut Vec<RuleFile>,
    ) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            if *entries == 0 || rules.len() >= MOST {
                return Ok(());
            }
            *entries -= 1;
            let entry = entry?;
            let name = entry.file_name();
            // No client can name a file whose name is not text.
            let Some(name) = name.to_str() else { continue };
            if name.starts_with('.') || name == "node_modules" {
                continue;
            }
            // Not following links.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            let rule = format!("{prefix}{name}");
            if about.is_dir() && depth < DEEPEST {
                // A folder that may not be read is skipped.
                let _ = self.walk(
                    &entry.path(),
                    &format!("{rule}/"),
                    depth + 1,
                    entries,
                    rules,
                );
            } else if about.is_file() && is_rule(name) {
                let modified = about.modified().ok();
                let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
                rules.push(RuleFile {
                    rule,
                    bytes: about.len(),
                    modified_at: modified.map(|since| since.as_secs_f64()),
                });
            }
        }
        Ok(())
    }
}

/// Whether the name is that of a rule. Declarations of types are none.
fn is_rule(name: &str) -> bool {
    let Some((stem, kind)) = name.rsplit_once('.') else {
        return false;
    };
    KINDS.contains(&kind) && !stem.ends_with(".d")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn rules_are_listed_by_their_paths_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "b.js",
            "a.yml",
            "deep/er/c.ts",
            "types.d.ts",
            ".hidden/x.js",
            "node_modules/y.js",
            "read.me",
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "1").unwrap();
        }
        let rules = Folder::new(folder.path()).unwrap().rules().unwrap();
        let rules: Vec<_> = rules.iter().map(|rule| rule.rule.as_str()).collect();
        assert_eq!(rules, ["a.yml", "b.js", "deep/er/c.ts"]);
    }
}
