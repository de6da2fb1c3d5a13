//! Scripts without `#!`: programs that a shell runs, and the system does not.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The file to run with `sh`, if it is a script without `#!`.
pub(super) fn behind(program: &OsStr, error: &io::Error) -> Option<PathBuf> {
    if error.raw_os_error() != Some(rustix::io::Errno::NOEXEC.raw_os_error()) {
        return None;
    }
    let path = found(program)?;
    is_text(&path).then_some(path)
}

/// Where the system found it.
fn found(program: &OsStr) -> Option<PathBuf> {
    let path = Path::new(program);
    if path.components().count() > 1 || path.parent() != Some(Path::new("")) {
        return Some(path.to_owned());
    }
    let is_executable = |path: &PathBuf| {
        path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
    };
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(is_executable)
}

/// A program of another machine begins with bytes that no text has, as shells see it.
fn is_text(path: &Path) -> bool {
    const BEGINNING: usize = 256;
    let mut beginning = [0; BEGINNING];
    File::open(path)
        .and_then(|mut file| file.read(&mut beginning))
        .is_ok_and(|read| !beginning[..read].contains(&0))
}
