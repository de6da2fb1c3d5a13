//! Programs in a permission.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::InvalidPermission;
use super::list::Rule;

/// A program, as it was found when the permission was given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Program {
    /// As it was written.
    name: OsString,
    /// Where it lies. Its folder's links are followed, and its own is not: where one program has many names, as busybox
    /// has, each name is a permission of its own.
    path: Option<PathBuf>,
    /// Where its own link leads.
    target: Option<PathBuf>,
}

impl Program {
    pub(super) fn new(name: &OsStr) -> Result<Self, InvalidPermission> {
        if name.is_empty() {
            return Err(InvalidPermission("a program has a name".to_owned()));
        }
        let path = find(name);
        let target = path.as_ref().and_then(|path| path.canonicalize().ok());
        Ok(Self {
            name: name.to_owned(),
            path,
            target,
        })
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name.display())?;
        match &self.path {
            Some(path) if path.as_os_str() != self.name => write!(f, " ({})", path.display()),
            Some(_) => Ok(()),
            None => f.write_str(" (not found)"),
        }
    }
}

/// Whether a program that was [found](find) may be started.
pub(super) fn permits(rule: &Rule<Program>, path: &Path) -> bool {
    !denies(rule, path) && rule.gives(|program| program.path.as_deref() == Some(path))
}

/// Whether it is denied, by whatever name and link it is called.
pub(super) fn denies(rule: &Rule<Program>, path: &Path) -> bool {
    let target = path.canonicalize().ok();
    rule.is_denied(|program| {
        program.path.as_deref() == Some(path) || (target.is_some() && program.target == target)
    })
}

/// Where a program lies that is started by this name: the path itself if it is one, or else what the first folder of `PATH`
/// has. The links of its folder are followed.
pub(super) fn find(name: &OsStr) -> Option<PathBuf> {
    let is_path = Path::new(name).components().count() > 1 || Path::new(name).is_absolute();
    if is_path {
        return place_of(Path::new(name));
    }
    let folders =
        std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/bin:/usr/bin"));
    let mut found =
        std::env::split_paths(&folders).flat_map(|folder| candidates(&folder.join(name)));
    found.find_map(|path| place_of(&path))
}

/// The names that a program may have in a folder.
fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_path_buf()];
    if cfg!(windows) {
        for extension in ["exe", "cmd", "bat", "com"] {
            let mut named = path.as_os_str().to_owned();
            named.push(".");
            named.push(extension);
            paths.push(named.into());
        }
    }
    paths
}

/// The path with its folder's links followed, if a program lies there.
fn place_of(path: &Path) -> Option<PathBuf> {
    let about = path.metadata().ok()?;
    if !about.is_file() {
        return None;
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o111 == 0 {
        return None;
    }
    let absolute = std::path::absolute(path).ok()?;
    let folder = absolute.parent()?.canonicalize().ok()?;
    Some(folder.join(absolute.file_name()?))
}
