//! Copying and moving files and folders, and making links.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cla_runtime::internal::{EntryKind, LastLink};
use cla_runtime::permissions::Permission::{self, Read as MayRead, Write as MayWrite};
use cla_runtime::permissions::{FileError, OpenFor};

use super::contents::{CHUNK, Replacement, Writing, write_all};
use super::failure::Failure;
use super::folders;
use super::job::Job;

/// How something is copied or moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    /// Folders, too.
    pub(super) recursive: bool,
    /// In place of what is there.
    pub(super) overwrite: bool,
}

/// Copies a file, a link, or a folder with all in it.
pub(super) fn copy(job: &Job, from: &Path, to: &Path, how: Transfer) -> Result<(), Failure> {
    let failed = |error: FileError| Failure::of(error, "copyfile").at(from);
    let facts = job
        .permissions
        .entry(MayRead, from, LastLink::Followed)
        .and_then(|entry| Ok(entry.facts()?))
        .map_err(failed)?;
    match facts.kind {
        EntryKind::File => copy_file(job, from, to, facts.mode, how.overwrite),
        EntryKind::Folder if how.recursive => copy_folder(job, from, to, how),
        EntryKind::Folder => {
            let message = "it is a folder; {recursive: true} copies it with all in it";
            Err(failed(
                io::Error::new(io::ErrorKind::IsADirectory, message).into(),
            ))
        }
        _ => Err(failed(
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "only files, links and folders are copied",
            )
            .into(),
        )),
    }
}

fn copy_file(job: &Job, from: &Path, to: &Path, mode: u32, overwrite: bool) -> Result<(), Failure> {
    let failed = |error: FileError| Failure::of(error, "copyfile").at(from);
    let to_failed = |error: FileError| Failure::of(error, "copyfile").at(to);
    let mut source = job
        .permissions
        .open(from, OpenFor::Reading)
        .map_err(failed)?;
    let target = job
        .permissions
        .entry(MayWrite, to, LastLink::Followed)
        .map_err(to_failed)?;
    match target.facts() {
        Ok(_) if !overwrite => {
            let message = "there is something of that name already";
            return Err(to_failed(
                io::Error::new(io::ErrorKind::AlreadyExists, message).into(),
            ));
        }
        Ok(facts) if facts.kind == EntryKind::Folder => {
            let message = "it is a folder; the copy needs the name of a file";
            return Err(to_failed(
                io::Error::new(io::ErrorKind::IsADirectory, message).into(),
            ));
        }
        _ => {}
    }
    let copy = |job: &Job, file: &mut std::fs::File| {
        let mut chunk = vec![0; CHUNK];
        loop {
            match source.read(&mut chunk)? {
                0 => return Ok(()),
                count => write_all(job, file, &chunk[..count])?,
            }
        }
    };
    let replacement = Replacement::begin(job, to, Some(mode)).map_err(to_failed)?;
    match replacement {
        Some(replacement) => replacement.finish(job, copy).map_err(to_failed),
        None => {
            let file = job.permissions.open(to, OpenFor::Writing);
            let mut copy = copy;
            file.and_then(|mut file| Ok(copy(job, &mut file)?))
                .map_err(to_failed)
        }
    }
}

fn copy_folder(job: &Job, from: &Path, to: &Path, how: Transfer) -> Result<(), Failure> {
    let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let (source, target) = (absolute(from), absolute(to.parent().unwrap_or(to)));
    if target.starts_with(&source) {
        let message = "a folder is not copied into itself";
        let error = io::Error::new(io::ErrorKind::InvalidInput, message);
        return Err(Failure::of(error, "copyfile").at(to));
    }
    folders::make(job, to, folders::NEW_FOLDER, true)?;
    let everything = |_: &folders::Found| folders::Step {
        give: true,
        enter: true,
    };
    let (all, _taken) = folders::walk(job, from, usize::MAX, everything)?;
    for found in all {
        let below = found.path.strip_prefix(from).unwrap_or(&found.path);
        let target = to.join(below);
        match found.kind {
            EntryKind::Folder => folders::make(job, &target, folders::NEW_FOLDER, true)?,
            EntryKind::Link => {
                let failed = |error: FileError| Failure::of(error, "symlink").at(&target);
                if how.overwrite {
                    // There may be nothing of that name.
                    let _ = folders::remove(job, &target, false, true);
                }
                let link = read_link(job, &found.path)?;
                make_link(job, &link, &target).map_err(failed)?;
            }
            _ => copy(job, &found.path, &target, how)?,
        }
    }
    Ok(())
}

/// Moves a file or a folder, also to another file system.
pub(super) fn rename(job: &Job, from: &Path, to: &Path, how: Transfer) -> Result<(), Failure> {
    let failed = |error: FileError| Failure::of(error, "rename").at(from);
    let to_failed = |error: FileError| Failure::of(error, "rename").at(to);
    let permissions = &job.permissions;
    // It can be read where it comes to lie, so it must be readable where it lies.
    let source = permissions
        .entry(MayWrite, from, LastLink::Meant)
        .map_err(failed)?;
    permissions
        .check_place(MayRead, source.place())
        .map_err(failed)?;
    let facts = source.facts().map_err(|error| failed(error.into()))?;
    if facts.kind == EntryKind::Folder {
        // What is denied in a folder would be permitted under its new name.
        for permission in [MayRead, MayWrite] {
            check_below(job, permission, source.place()).map_err(failed)?;
        }
    }
    let target = permissions
        .entry(MayWrite, to, LastLink::Meant)
        .map_err(to_failed)?;
    if let Ok(there) = target.facts() {
        if !how.overwrite {
            let message = "there is something of that name already";
            return Err(to_failed(
                io::Error::new(io::ErrorKind::AlreadyExists, message).into(),
            ));
        }
        if there.kind == EntryKind::Folder {
            check_below(job, MayWrite, target.place()).map_err(to_failed)?;
        }
    }
    match source.rename(&target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            if facts.kind == EntryKind::Link {
                let link = read_link(job, from)?;
                make_link(job, &link, to).map_err(to_failed)?;
            } else {
                let all = Transfer {
                    recursive: true,
                    ..how
                };
                copy(job, from, to, all)?;
            }
            folders::remove(job, from, true, false)
        }
        moved => moved.map_err(|error| to_failed(error.into())),
    }
}

fn check_below(job: &Job, permission: Permission, place: &Path) -> Result<(), FileError> {
    job.permissions.check_all_below(permission, place)
}

/// Where a link leads, as it is written.
pub(super) fn read_link(job: &Job, path: &Path) -> Result<PathBuf, Failure> {
    job.permissions
        .entry(MayRead, path, LastLink::Meant)
        .and_then(|entry| Ok(entry.read_link()?))
        .map_err(|error| Failure::of(error, "readlink").at(path))
}

/// Makes a link. What it leads to must be permitted as well, for reading and writing: the rule itself could not follow it
/// otherwise, and other programs should not be led there by a rule that may not go there.
pub(super) fn make_link(job: &Job, target: &Path, path: &Path) -> Result<(), FileError> {
    let entry = job.permissions.entry(MayWrite, path, LastLink::Meant)?;
    let leads_to = match entry.place().parent() {
        Some(folder) => folder.join(target),
        None => target.to_path_buf(),
    };
    job.permissions.read(&leads_to)?;
    job.permissions.write(&leads_to)?;
    Ok(entry.make_link(target)?)
}

/// Makes a file if there is none, and sets when it was changed.
pub(super) fn touch(job: &Job, path: &Path, time: Option<f64>) -> Result<(), Failure> {
    let failed = |error: FileError| Failure::of(error, "utime").at(path);
    let entry = job
        .permissions
        .entry(MayWrite, path, LastLink::Followed)
        .map_err(failed)?;
    match entry.set_times(time, time) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            super::contents::write(job, path, b"", Writing::new(true)).map_err(failed)?;
            match time {
                None => Ok(()),
                Some(_) => entry
                    .set_times(time, time)
                    .map_err(|error| failed(error.into())),
            }
        }
        set => set.map_err(|error| failed(error.into())),
    }
}
