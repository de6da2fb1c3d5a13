//! Texts replaced in many files.

use std::path::{Path, PathBuf};

use cla_runtime::Permissions;
use cla_runtime::internal::{EntryKind, LastLink, blocking};
use cla_runtime::permissions::{FileError, Permission};

use super::archive::Choice;
use super::contents::{Writing, read, write};
use super::failure::Failure;
use super::folders::{self, Found, Step};
use super::job::{Budget, Job};

/// The text files of a path: of a folder all that are meant, at any depth; or the file itself. Links are not followed.
///
/// # Errors
///
/// There is no such path, or it may not be read.
pub async fn files(
    permissions: Permissions,
    path: PathBuf,
    choice: Choice,
    memory: usize,
) -> Result<Vec<PathBuf>, FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), memory);
    blocking(move || list(&job, &path, &choice)).await?
}

fn list(job: &Job, path: &Path, choice: &Choice) -> Result<Vec<PathBuf>, FileError> {
    let entry = job
        .permissions
        .entry(Permission::Read, path, LastLink::Followed)?;
    if entry.facts()?.kind != EntryKind::Folder {
        return Ok(match choice.takes(&path.to_string_lossy()) {
            true => vec![path.to_path_buf()],
            false => Vec::new(),
        });
    }
    let wanted = |found: &Found| {
        let path = found.path.to_string_lossy();
        Step {
            give: found.kind == EntryKind::File && choice.takes(&path),
            enter: !choice.leaves_out(&path),
        }
    };
    let (found, _taken) =
        folders::walk(job, path, usize::MAX, wanted).map_err(Failure::into_error)?;
    let mut files: Vec<PathBuf> = found.into_iter().map(|found| found.path).collect();
    files.sort();
    Ok(files)
}

/// Reads a text file. `None`: it is no text.
///
/// # Errors
///
/// It may not be read, or is larger than the memory allows.
pub async fn text(
    permissions: Permissions,
    path: PathBuf,
    memory: usize,
) -> Result<Option<String>, FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), memory);
    let read = move || {
        let (bytes, _taken) = read(&job, &path)?;
        Ok(String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0')))
    };
    blocking(read).await?
}

/// Writes a text in place of what a file holds, in one step. Its mode stays.
///
/// # Errors
///
/// It may not be written.
pub async fn rewrite(
    permissions: Permissions,
    path: PathBuf,
    text: String,
) -> Result<(), FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), usize::MAX);
    blocking(move || write(&job, &path, text.as_bytes(), Writing::new(false))).await?
}
