//! Inputs that were kept under a name: a file each, in the program's own folder.

use std::io;
use std::path::{Path, PathBuf};

use super::Mode;

/// The kept inputs.
pub(super) struct Snippets {
    folder: Option<PathBuf>,
}

/// A snippet.
pub(super) struct Snippet {
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) text: String,
}

impl Snippets {
    /// Those in a folder, which need not be there yet. Without one, nothing can be kept.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    fn folder(&self) -> io::Result<&Path> {
        let missing = || io::Error::other("there is no home folder to keep snippets in");
        self.folder.as_deref().ok_or_else(missing)
    }

    fn path(&self, name: &str, mode: Mode) -> io::Result<PathBuf> {
        Ok(self.folder()?.join(format!("{name}.{}", mode.extension())))
    }

    /// Keeps a text. Gives what had that name before, if anything.
    pub(super) fn save(&self, name: &str, mode: Mode, text: &str) -> io::Result<bool> {
        if !is_name(name) {
            let message =
                "a snippet's name has letters, digits, `_`, `-` and `.`, and begins with a letter";
            return Err(io::Error::other(message));
        }
        let replaced = self.delete(name)?;
        std::fs::create_dir_all(self.folder()?)?;
        let text = format!("{}\n", text.trim_end());
        std::fs::write(self.path(name, mode)?, text)?;
        Ok(replaced)
    }

    /// All of them, by name.
    pub(super) fn list(&self) -> io::Result<Vec<Snippet>> {
        let entries = match std::fs::read_dir(self.folder()?) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut snippets = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let (Some(name), Some(mode)) = (
                path.file_stem().and_then(|name| name.to_str()),
                Mode::of(&path),
            ) else {
                continue;
            };
            snippets.push(Snippet {
                name: name.to_owned(),
                mode,
                text: std::fs::read_to_string(&path)?,
            });
        }
        snippets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(snippets)
    }

    /// The one of that name.
    pub(super) fn get(&self, name: &str) -> io::Result<Option<Snippet>> {
        let mut snippets = self.list()?.into_iter();
        Ok(snippets.find(|snippet| snippet.name == name))
    }

    /// Forgets one; `false` if there was none.
    pub(super) fn delete(&self, name: &str) -> io::Result<bool> {
        let Some(snippet) = self.get(name)? else {
            return Ok(false);
        };
        std::fs::remove_file(self.path(&snippet.name, snippet.mode)?)?;
        Ok(true)
    }

    /// Writes all of them into a folder, a file each. Gives how many.
    pub(super) fn export(&self, folder: &Path) -> io::Result<usize> {
        let snippets = self.list()?;
        std::fs::create_dir_all(folder)?;
        for snippet in &snippets {
            let file = format!("{}.{}", snippet.name, snippet.mode.extension());
            std::fs::write(folder.join(file), &snippet.text)?;
        }
        Ok(snippets.len())
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_alphabetic())
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on panics

    use super::*;

    #[test]
    fn what_is_kept_is_found_and_replaced_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let snippets = Snippets::new(Some(folder.path().join("deep/snippets")));
        assert!(snippets.list().unwrap().is_empty());
        assert!(!snippets.save("lock", Mode::Js, "1 + 1").unwrap());
        assert!(!snippets.save("book", Mode::Yaml, "- echo: hi").unwrap());
        assert!(snippets.save("lock", Mode::Yaml, "- echo: locked").unwrap());
        let names: Vec<_> = snippets
            .list()
            .unwrap()
            .into_iter()
            .map(|snippet| (snippet.name, snippet.mode, snippet.text))
            .collect();
        let book = |name: &str, text: &str| (name.to_owned(), Mode::Yaml, text.to_owned());
        assert_eq!(
            names,
            [
                book("book", "- echo: hi\n"),
                book("lock", "- echo: locked\n")
            ]
        );
        let out = folder.path().join("out");
        assert_eq!(snippets.export(&out).unwrap(), 2);
        assert_eq!(
            std::fs::read_to_string(out.join("book.yml")).unwrap(),
            "- echo: hi\n"
        );
        assert!(snippets.delete("lock").unwrap());
        assert!(!snippets.delete("lock").unwrap());
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let snippets = Snippets::new(Some(folder.path().to_path_buf()));
        for name in ["", "../x", "a/b", ".hidden", "-x", "a b"] {
            assert!(snippets.save(name, Mode::Js, "1").is_err(), "{name}");
        }
        assert!(Snippets::new(None).save("x", Mode::Js, "1").is_err());
    }
}
