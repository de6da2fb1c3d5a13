//! Archives of files: folders put into `tar` and `zip` files, and taken out of them.
//!
//! Both go through what the run may read and write. No link is followed, neither of the folder that is packed nor in the one that
//! is filled, and nothing is made outside of that, whatever the names in an archive say.

#[cfg(test)]
mod hostile;
mod pack;
mod unpack;

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use cla_runtime::Permissions;
use cla_runtime::internal::blocking;
use cla_runtime::permissions::FileError;
use regex::RegexSet;

use super::failure::Failure;
use super::job::{Budget, Job};

/// The most files that an archive may have, either way.
const MOST_FILES: usize = 100_000;

/// The longest target of a link that is taken out, in bytes.
const LONGEST_TARGET: u64 = 4096;

/// What kind of archive is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveKind {
    /// `tar`.
    Tar,
    /// `tar`, compressed by gzip.
    TarGz,
    /// `zip`.
    Zip,
}

/// Which files are meant: those whose paths match one of the first patterns, if there are any, and none of the second.
#[derive(Clone, Debug)]
pub struct Choice {
    include: Option<RegexSet>,
    exclude: RegexSet,
}

impl Choice {
    /// Reads regular expressions.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, String> {
        let set = |patterns: &[String]| {
            RegexSet::new(patterns).map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "the patterns are too large".to_owned(),
                error => error.to_string(),
            })
        };
        Ok(Self {
            include: (!include.is_empty()).then(|| set(include)).transpose()?,
            exclude: set(exclude)?,
        })
    }

    /// Whether a path is meant.
    pub(super) fn takes(&self, path: &str) -> bool {
        let is_included = self.include.as_ref().is_none_or(|set| set.is_match(path));
        is_included && !self.exclude.is_match(path)
    }

    /// Whether all below this path is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        self.exclude.is_match(path)
    }
}

/// What is put into which archive.
#[derive(Clone, Debug)]
pub struct Packing {
    /// A file, or a folder with all in it.
    pub from: PathBuf,
    /// The archive.
    pub to: PathBuf,
    /// Its kind.
    pub kind: ArchiveKind,
    /// What stands before the names in it: a relative path, or nothing.
    pub base: String,
    /// Which files are put into it.
    pub choice: Choice,
    /// The time that all in it has, in seconds since 1970; without, each file's own.
    pub time: Option<i64>,
}

/// What is taken out of which archive.
#[derive(Clone, Debug)]
pub struct Unpacking {
    /// The archive.
    pub from: PathBuf,
    /// The folder that is filled; it is made if need be.
    pub to: PathBuf,
    /// Its kind. A `tar` says itself whether it is compressed.
    pub kind: ArchiveKind,
    /// The most bytes that all files may have together.
    pub most: u64,
}

/// Makes an archive, and says how many files and links are in it. `memory` is the most that names may take, in bytes.
///
/// # Errors
///
/// Something cannot be read or written, a name is not UTF-8, a link leads out of the folder, there are more than 100,000 files.
pub async fn pack(
    permissions: Permissions,
    packing: Packing,
    memory: usize,
) -> Result<usize, FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), memory);
    blocking(move || pack::pack(&job, &packing)).await?
}

/// Takes all out of an archive, and says how many files and links it made. What was made before an error stays.
///
/// # Errors
///
/// Something cannot be read or written, it is no archive, a name or a link in it leads out of the folder, there is something in
/// it that is neither file nor folder nor link, it has more bytes than it may or more than 100,000 files.
pub async fn unpack(
    permissions: Permissions,
    unpacking: Unpacking,
    memory: usize,
) -> Result<usize, FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), memory);
    blocking(move || unpack::unpack(&job, &unpacking)).await?
}

/// Something that is wrong with what a rule gave, or with an archive.
fn invalid(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message.into())
}

fn too_many() -> io::Error {
    invalid(format!("it has more than {MOST_FILES} files"))
}

/// A path within an archive as one of plain names. `None` if it leads elsewhere.
fn relative(path: &str) -> Option<PathBuf> {
    // What separates names on another system must not become one here.
    if path.contains(['\\', '\0']) || path.get(1..2) == Some(":") {
        return None;
    }
    let mut plain = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Whether a link at this path, within a folder, leads to something in that folder.
///
/// It may go up only at its beginning: behind a name, which may be a link itself, `..` leads who knows where.
fn stays_within(link: &Path, target: &str) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    let mut is_down = false;
    if target.is_empty() || target.contains(['\\', '\0']) {
        return false;
    }
    for part in Path::new(target).components() {
        match part {
            Component::Normal(_) => is_down = true,
            Component::CurDir => {}
            Component::ParentDir if is_down || depth == 0 => return false,
            Component::ParentDir => depth -= 1,
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// A reader of which each piece is read only as long as it is wanted, and that counts.
struct Wanted<'j, R> {
    job: &'j Job,
    inner: R,
    count: u64,
}

impl<'j, R> Wanted<'j, R> {
    fn new(job: &'j Job, inner: R) -> Self {
        Self {
            job,
            inner,
            count: 0,
        }
    }
}

impl<R: Read> Read for Wanted<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.job.go_on()?;
        let count = self.inner.read(bytes)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// What went wrong at a file, with its name.
fn at(path: &Path, error: impl Into<FileError>) -> FileError {
    Failure::of(error, "open").at(path).into_error()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Choice, relative, stays_within};

    #[test]
    fn a_name_in_an_archive_leads_nowhere_else() {
        for (name, plain) in [
            ("a/b", "a/b"),
            ("./a//b/", "a/b"),
            ("a/./b", "a/b"),
            (".", ""),
            ("a..b/...", "a..b/..."),
        ] {
            assert_eq!(relative(name).as_deref(), Some(Path::new(plain)), "{name}");
        }
        for name in [
            "/etc/passwd",
            "../a",
            "a/../../b",
            "a/..",
            "c:/a",
            "a\\..\\b",
            "a\0b",
        ] {
            assert_eq!(relative(name), None, "{name}");
        }
    }

    #[test]
    fn a_link_stays_within_its_folder() {
        for (link, target) in [
            ("a", "b"),
            ("a/b", "../c"),
            ("a/b", "./c/d"),
            ("a/b/c", "../../d"),
            ("a/b", ".."),
        ] {
            assert!(stays_within(Path::new(link), target), "{link} {target}");
        }
        for (link, target) in [
            ("a", "../b"),
            ("a", "/etc"),
            ("a/b", "../../c"),
            // `d` may be a link.
            ("a/b/c", "d/../.."),
            ("a", "b/.."),
            ("a", ""),
            ("a", "..\\b"),
        ] {
            assert!(!stays_within(Path::new(link), target), "{link} {target}");
        }
    }

    #[test]
    fn patterns_choose_paths() {
        let list = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        let all = Choice::new(&[], &[]);
        assert!(all.is_ok_and(|all| all.takes("a/b.txt")));
        let some = Choice::new(&list(&["file-", "x$"]), &list(&[r"\.txt"]));
        let Ok(some) = some else {
            panic!("they are patterns")
        };
        assert!(some.takes("a/file-1") && some.takes("ax"));
        assert!(!some.takes("a/file-1.txt") && !some.takes("other"));
        assert!(Choice::new(&list(&["("]), &[]).is_err());
        assert!(Choice::new(&[], &list(&[&"(a{1000}){1000}".repeat(9)])).is_err());
    }
}
