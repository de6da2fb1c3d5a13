//! What was typed before, in a file that several sessions share.
//!
//! Each entry is appended as soon as it is made, with one write and under the file's lock. So sessions lose no entries
//! of each other, and a session that is killed loses none. A session reads the entries of the others when it starts.
//! Duplicates stay in the file until a session finds many of them at its start and writes the file anew.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustyline::history::{History, MemHistory, SearchDirection, SearchResult};

/// How many entries are kept.
const MAX_ENTRIES: usize = 10_000;

/// How many lines of the file may be of no use before it is written anew.
const MAX_USELESS: usize = 1_000;

/// The entries, and the file that they are in.
pub(crate) struct InputHistory {
    entries: MemHistory,
    file: Option<PathBuf>,
}

/// Why the history is lost at the end of the session.
#[derive(Debug, thiserror::Error)]
#[error("the history is not kept: {}: {problem}", path.display())]
pub(crate) struct HistoryError {
    path: PathBuf,
    problem: io::Error,
}

impl InputHistory {
    /// The entries of a file; without one, they are gone with the session. With a problem, they are too.
    pub(crate) fn open(file: Option<PathBuf>) -> (Self, Option<HistoryError>) {
        let mut entries = MemHistory::new();
        // Infallible: it is in memory.
        let _ = entries.set_max_len(MAX_ENTRIES);
        entries.ignore_space(true);
        let mut history = Self {
            entries,
            file: None,
        };
        let Some(path) = file else {
            return (history, None);
        };
        match history.load(&path) {
            Ok(()) => {
                history.file = Some(path);
                (history, None)
            }
            Err(problem) => (history, Some(HistoryError { path, problem })),
        }
    }

    /// Remembers an input, unless it begins with a space.
    pub(crate) fn remember(&mut self, input: &str) -> Result<(), HistoryError> {
        let input = input.trim_end();
        if input.is_empty() || input.starts_with(char::is_whitespace) {
            return Ok(());
        }
        let again = self
            .entries
            .into_iter()
            .next_back()
            .is_some_and(|last| last == input);
        if again {
            return Ok(());
        }
        self.fold(input);
        let Some(path) = &self.file else {
            return Ok(());
        };
        let written = locked(path).and_then(|mut file| file.write_all(escaped(input).as_bytes()));
        written.map_err(|problem| HistoryError {
            // One warning is enough.
            path: self.file.take().unwrap_or_default(),
            problem,
        })
    }

    /// Adds an entry at the end, and takes away what is the same further up.
    fn fold(&mut self, entry: &str) {
        if self.entries.into_iter().any(|other| other == entry) {
            let others: Vec<_> = self
                .entries
                .into_iter()
                .filter(|other| *other != entry)
                .cloned()
                .collect();
            // Infallible, all of them: it is in memory.
            let _ = self.entries.clear();
            for other in others {
                let _ = self.entries.add_owned(other);
            }
        }
        let _ = self.entries.add(entry);
    }

    fn load(&mut self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let mut file = locked(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut seen = HashSet::new();
        let mut latest: Vec<_> = text
            .lines()
            .rev()
            .filter(|line| seen.insert(*line))
            .take(MAX_ENTRIES)
            .collect();
        latest.reverse();
        for line in &latest {
            let _ = self.entries.add_owned(unescaped(line));
        }
        if text.lines().count() > latest.len() + MAX_USELESS {
            // Under the lock, so that no other session appends to the old file.
            let mut anew = tempfile_beside(path)?;
            for line in &latest {
                writeln!(anew.1, "{line}")?;
            }
            anew.1.flush()?;
            fs::rename(anew.0, path)?;
        }
        Ok(())
    }
}

/// The file, to append to, while no other session writes. Made for its owner's eyes only.
fn locked(path: &Path) -> io::Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let file = private(&mut options).open(path)?;
        match file.lock() {
            // Some network's file systems have no locks; entries of two sessions may then get mixed up.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(file),
            Err(error) => return Err(error),
        }
        if !is_replaced(&file)? {
            return Ok(file);
        }
    }
}

/// Whether another session wrote the file anew between opening and locking.
#[cfg(unix)]
fn is_replaced(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.nlink() == 0)
}

#[cfg(not(unix))]
fn is_replaced(_: &File) -> io::Result<bool> {
    Ok(false)
}

fn tempfile_beside(path: &Path) -> io::Result<(PathBuf, io::BufWriter<File>)> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let path = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let file = private(&mut options).open(&path)?;
    Ok((path, io::BufWriter::new(file)))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// An entry as a line of the file.
fn escaped(entry: &str) -> String {
    entry
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
        + "\n"
}

fn unescaped(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        entry.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    entry
}

/// What the editor looks at; it adds nothing by itself.
impl History for InputHistory {
    fn get(
        &self,
        index: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        self.entries.get(index, direction)
    }

    fn add(&mut self, line: &str) -> rustyline::Result<bool> {
        self.entries.add(line)
    }

    fn add_owned(&mut self, line: String) -> rustyline::Result<bool> {
        self.entries.add_owned(line)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn set_max_len(&mut self, len: usize) -> rustyline::Result<()> {
        self.entries.set_max_len(len)
    }

    fn ignore_dups(&mut self, yes: bool) -> rustyline::Result<()> {
        self.entries.ignore_dups(yes)
    }

    fn ignore_space(&mut self, yes: bool) {
        self.entries.ignore_space(yes);
    }

    fn save(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn append(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn load(&mut self, _: &Path) -> rustyline::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> rustyline::Result<()> {
        self.entries.clear()
    }

    fn search(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        self.entries.search(term, start, direction)
    }

    fn starts_with(
        &self,
        term: &str,
        start: usize,
        direction: SearchDirection,
    ) -> rustyline::Result<Option<SearchResult<'_>>> {
        self.entries.starts_with(term, start, direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> InputHistory {
        let (history, problem) = InputHistory::open(Some(path.to_owned()));
        assert!(problem.is_none());
        history
    }

    fn entries(history: &InputHistory) -> Vec<&str> {
        history.entries.into_iter().map(String::as_str).collect()
    }

    #[test]
    fn the_next_session_has_what_this_one_typed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/history");
        let mut history = open(&path);
        for input in ["1 + 1", "f(\n  'a\\n'\n)\n", "1 + 1", "a\r\\"] {
            history.remember(input).unwrap();
        }
        assert_eq!(
            entries(&open(&path)),
            ["f(\n  'a\\n'\n)", "1 + 1", "a\r\\"].map(str::trim_end)
        );
    }

    #[test]
    fn duplicates_are_folded() {
        let mut history = InputHistory::open(None).0;
        for input in ["a", "b", "a", "a"] {
            history.remember(input).unwrap();
        }
        assert_eq!(entries(&history), ["b", "a"]);
    }

    #[test]
    fn what_begins_with_a_space_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut history = open(&path);
        history.remember(" secret").unwrap();
        history.remember("  \n").unwrap();
        assert!(history.is_empty());
        assert_eq!(fs::read_to_string(path).unwrap(), "");
    }

    #[test]
    fn two_sessions_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut one = open(&path);
        let mut other = open(&path);
        one.remember("one").unwrap();
        other.remember("other").unwrap();
        one.remember("one again").unwrap();
        assert_eq!(entries(&open(&path)), ["one", "other", "one again"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cla/history");
        open(&path);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        fs::write(&path, "a\n".repeat(MAX_USELESS + 2)).unwrap();
        open(&path);
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn a_file_of_duplicates_is_written_anew_and_goes_on_being_shared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut earlier = open(&path);
        fs::write(&path, "a\nb\n".repeat(MAX_USELESS)).unwrap();
        open(&path);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\n");
        earlier.remember("c").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a\nb\nc\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_so_many_entries_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let lines: String = (0..MAX_ENTRIES + 10)
            .map(|number| format!("{number}\n"))
            .collect();
        fs::write(&path, lines).unwrap();
        let history = open(&path);
        assert_eq!(history.len(), MAX_ENTRIES);
        assert_eq!(entries(&history)[0], "10");
    }

    #[test]
    fn a_history_that_cannot_be_written_is_a_problem_shown_once() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, problem) = InputHistory::open(Some(folder.path().to_owned()));
        assert!(
            problem
                .unwrap()
                .to_string()
                .contains("the history is not kept")
        );
        history.remember("a").unwrap();
        assert_eq!(entries(&history), ["a"]);
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        fs::write(&path, b"a\xff\nb\\").unwrap();
        assert_eq!(entries(&open(&path)), ["a\u{fffd}", "b\\"]);
    }
}
