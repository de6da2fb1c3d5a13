//! What is done with folders: made, listed, walked through, removed.
//!
//! A tree is walked by paths that have no links, each looked at and opened anew from the top. So no step follows a link, a
//! folder that is denied is not entered, and a tree of any depth needs one open folder at a time.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use cla_runtime::internal::{Entry, EntryKind, LastLink};
use cla_runtime::permissions::Permission::{Read, Write};

use super::failure::Failure;
use super::job::{Job, Taken};

/// The mode of a folder that is made, before the process's own mask is applied.
pub(super) const NEW_FOLDER: u32 = 0o777;

/// What was found in a folder.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: OsString,
    /// Beginning as the rule's path does.
    pub(super) path: PathBuf,
    pub(super) kind: EntryKind,
}

/// Makes a folder; with all above it that there are not.
pub(super) fn make(job: &Job, path: &Path, mode: u32, with_parents: bool) -> Result<(), Failure> {
    let failed = |error| Failure::of(error, "mkdir").at(path);
    let entry = job.permissions.entry(Write, path, LastLink::Followed);
    let made = entry.and_then(|entry| Ok(entry.make_folder(mode)?));
    let failure = match made {
        Ok(()) => return Ok(()),
        Err(error) => failed(error),
    };
    if !with_parents {
        return Err(failure);
    }
    job.go_on().map_err(|error| failed(error.into()))?;
    match failure.kind() {
        Some(io::ErrorKind::AlreadyExists) => {
            let entry = job.permissions.entry(Write, path, LastLink::Followed);
            let facts = entry.and_then(|entry| Ok(entry.facts()?)).map_err(failed)?;
            match facts.kind {
                EntryKind::Folder => Ok(()),
                _ => Err(failure),
            }
        }
        Some(io::ErrorKind::NotFound) => match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => {
                make(job, parent, mode, true)?;
                let entry = job.permissions.entry(Write, path, LastLink::Followed);
                match entry.and_then(|entry| Ok(entry.make_folder(mode)?)) {
                    Ok(()) => Ok(()),
                    // Another process has made it at the same moment.
                    Err(cla_runtime::permissions::FileError::System(error))
                        if error.kind() == io::ErrorKind::AlreadyExists =>
                    {
                        Ok(())
                    }
                    Err(error) => Err(failed(error)),
                }
            }
            _ => Err(failure),
        },
        _ => Err(failure),
    }
}

/// What a folder holds.
pub(super) fn list(job: &Job, path: &Path) -> Result<(Vec<Found>, Taken), Failure> {
    let failed = |error| Failure::of(error, "scandir").at(path);
    let entry = job.permissions.entry(Read, path, LastLink::Followed);
    let mut taken = job.share();
    let names = entry
        .and_then(|entry| Ok(entry.list(job.most)?))
        .map_err(failed)?;
    let mut found = Vec::with_capacity(names.len());
    for (name, kind) in names {
        let path = path.join(&name);
        let size = size_of::<Found>() + name.len() + path.as_os_str().len();
        job.take(&mut taken, size).map_err(|_| failed(too_many()))?;
        found.push(Found { name, path, kind });
    }
    Ok((found, taken))
}

fn too_many() -> cla_runtime::permissions::FileError {
    let message = "there are more files than the run's memory has room for";
    io::Error::new(io::ErrorKind::OutOfMemory, message).into()
}

/// What is in a tree of folders, each folder before what it holds. `depth` is how many levels are looked at, and `wanted`
/// says which entries are given, and whether a folder is entered.
pub(super) fn walk(
    job: &Job,
    top: &Path,
    depth: usize,
    mut wanted: impl FnMut(&Found) -> Step,
) -> Result<(Vec<Found>, Taken), Failure> {
    let mut all = Vec::new();
    let mut taken = job.share();
    // Of each folder that is being looked at, what is left of it.
    let (first, first_taken) = list(job, top)?;
    let mut levels = vec![(first.into_iter(), first_taken)];
    while let Some((level, _)) = levels.last_mut() {
        let Some(found) = level.next() else {
            levels.pop();
            continue;
        };
        job.go_on().map_err(|error| Failure::of(error, "scandir"))?;
        let step = wanted(&found);
        let below = (found.kind == EntryKind::Folder && step.enter && levels.len() < depth)
            .then(|| list(job, &found.path));
        if step.give {
            let size = size_of::<Found>() + found.name.len() + found.path.as_os_str().len();
            job.take(&mut taken, size)
                .map_err(|_| Failure::of(too_many(), "scandir").at(top))?;
            all.push(found);
        }
        match below {
            None => {}
            Some(Ok((found, taken))) => levels.push((found.into_iter(), taken)),
            // It was removed meanwhile.
            Some(Err(failure)) if failure.is_not_found() => {}
            Some(Err(failure)) => return Err(failure),
        }
    }
    Ok((all, taken))
}

/// What is done with an entry of a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) give: bool,
    pub(super) enter: bool,
}

/// The files whose paths match a pattern.
pub(super) fn glob(
    job: &Job,
    folder: &Path,
    pattern: &str,
    hidden: bool,
) -> Result<(Vec<Found>, Taken), Failure> {
    // The names in front of the first one with a special character are a folder.
    let parts: Vec<&str> = pattern.split('/').collect();
    let plain = parts
        .iter()
        .take(parts.len() - 1)
        .take_while(|part| !part.contains(['*', '?', '[', '{', '\\', '!']))
        .count();
    let (start, rest) = (parts[..plain].join("/"), parts[plain..].join("/"));
    let start = match start.is_empty() && pattern.starts_with('/') {
        true => Path::new("/"),
        false => Path::new(&start),
    };
    let top = folder.join(start);
    let shown_top = match top.as_os_str().is_empty() {
        true => Path::new("."),
        false => &top,
    };
    // Without `**`, and without a `/` in a group, there is nothing to be found deeper down.
    let depth = match rest.contains("**") || rest.contains('{') {
        true => usize::MAX,
        false => parts.len() - plain,
    };
    let hidden = hidden || rest.starts_with('.') || rest.contains("/.");
    let matching = |found: &Found| {
        let is_hidden = found.name.as_encoded_bytes().starts_with(b".") && !hidden;
        let below = found.path.strip_prefix(shown_top).unwrap_or(&found.path);
        let matches = fast_glob::glob_match(&rest, below.to_string_lossy().as_ref());
        Step {
            give: matches && !is_hidden,
            enter: !is_hidden,
        }
    };
    let found = walk(job, shown_top, depth, matching);
    let (mut found, taken) = match found {
        Err(failure) if failure.is_not_found() => (Vec::new(), job.share()),
        found => found?,
    };
    for found in &mut found {
        if let Ok(below) = found.path.strip_prefix(folder) {
            found.path = below.to_path_buf();
        }
        if let Ok(below) = found.path.strip_prefix(".") {
            found.path = below.to_path_buf();
        }
    }
    Ok((found, taken))
}

/// Removes a file, a link, or an empty folder; a folder with all in it, if it is `recursive`.
pub(super) fn remove(
    job: &Job,
    path: &Path,
    recursive: bool,
    files_only: bool,
) -> Result<(), Failure> {
    let failed = |error: cla_runtime::permissions::FileError| Failure::of(error, "rm").at(path);
    let entry = job
        .permissions
        .entry(Write, path, LastLink::Meant)
        .map_err(failed)?;
    let facts = entry.facts().map_err(|error| failed(error.into()))?;
    if facts.kind != EntryKind::Folder || files_only {
        return entry.remove_file().map_err(|error| failed(error.into()));
    }
    if !recursive {
        return entry.remove_folder().map_err(|error| failed(error.into()));
    }
    // Most folders that are removed are empty: those of a run's end, for one.
    match entry.remove_folder() {
        Ok(()) => Ok(()),
        Err(_) => remove_tree(job, &entry, path),
    }
}

/// Removes a folder with all in it. Links in it are removed, and what they lead to is not.
fn remove_tree(job: &Job, top: &Entry, path: &Path) -> Result<(), Failure> {
    type Error = cla_runtime::permissions::FileError;
    let failed = |error: Error| Failure::of(error, "rm").at(path);
    let whole = std::path::absolute(top.place()).map_err(|error| failed(error.into()))?;
    let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
        let message = "a whole file system is not removed";
        return Err(failed(io::Error::other(message).into()));
    };
    let parent = parent
        .canonicalize()
        .map_err(|error| failed(error.into()))?;
    let place = parent.join(name);
    // Before anything is removed.
    job.permissions
        .check_all_below(Write, &place)
        .map_err(failed)?;
    // What it has to go through, the innermost last; `true` once all in it was listed.
    let mut left = vec![(place, false)];
    while let Some((place, is_listed)) = left.pop() {
        let at = |error: Error| Failure::of(error, "rm").at(&place);
        job.go_on().map_err(|error| at(error.into()))?;
        let entry = match job.permissions.entry_without_links(Write, &place) {
            Ok(entry) => entry,
            Err(Error::System(error)) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(error)),
        };
        if is_listed {
            gone(entry.remove_folder()).map_err(at)?;
            continue;
        }
        let Some(names) = gone(entry.list(job.most)).map_err(at)? else {
            continue;
        };
        left.push((place.clone(), true));
        for (name, kind) in names {
            if kind == EntryKind::Folder {
                left.push((place.join(&name), false));
                continue;
            }
            let removed = entry.child(&name).and_then(|file| file.remove_file());
            gone(removed).map_err(|error| Failure::of(error, "rm").at(&place.join(&name)))?;
        }
    }
    Ok(())
}

/// `None` if another process has removed it meanwhile.
fn gone<T>(done: io::Result<T>) -> Result<Option<T>, cla_runtime::permissions::FileError> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
