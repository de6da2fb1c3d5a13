//! Reading and writing whole files for rules and rulebooks: in pieces, on another thread, until it is done or the waiter is
//! gone.
//!
//! A file may be endless, or deliver nothing for ever: a device, a named pipe. Such are not read. What is written may go
//! to one, as long as its reader takes it.
//!
//! A file is replaced in one step: the new contents are written to another file of the same folder, which then gets its
//! name. So a reader sees the old contents or the new ones, and never a part, also if the program is killed in between.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cla_runtime::Permissions;
use cla_runtime::internal::{Entry, EntryKind, LastLink, blocking};
use cla_runtime::permissions::{FileError, OpenFor, Permission};

use super::failure::Failure;
use super::folders;
use super::job::{Budget, Job, Taken};

/// How much is read or written at once, in bytes; then it is seen whether it is still wanted.
pub(super) const CHUNK: usize = 128 << 10;
/// How often it is tried to write to what takes nothing at the moment.
const AGAIN: Duration = Duration::from_millis(5);

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Behind what it holds.
    pub append: bool,
    /// In one step.
    pub atomic: bool,
    /// The mode of a file that is made, or of one that is replaced.
    pub mode: Option<u32>,
}

impl Writing {
    /// In place of what the file holds, in one step; or behind that.
    pub fn new(append: bool) -> Self {
        Self {
            append,
            atomic: !append,
            mode: None,
        }
    }
}

/// Reads a text of at most `most` bytes.
///
/// # Errors
///
/// There is none, it is no regular file, it is larger, or it is not UTF-8.
pub async fn read_text(
    permissions: Permissions,
    path: PathBuf,
    most: usize,
) -> Result<String, FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), most);
    let read = move || {
        let (bytes, _) = read(&job, &path)?;
        Ok(String::from_utf8(bytes).map_err(|_| not_utf8())?)
    };
    blocking(read).await?
}

/// Writes a text to a file, which is made if there is none.
///
/// # Errors
///
/// It cannot be opened or written.
pub async fn write_text(
    permissions: Permissions,
    path: PathBuf,
    text: String,
    how: Writing,
) -> Result<(), FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), usize::MAX);
    blocking(move || write(&job, &path, text.as_bytes(), how)).await?
}

/// As [`write_text`], and makes the folders above the file that there are not.
///
/// # Errors
///
/// It, or a folder, cannot be made or written.
pub async fn write_text_with_folders(
    permissions: Permissions,
    path: PathBuf,
    text: String,
    how: Writing,
) -> Result<(), FileError> {
    let (job, _wanted) = Job::new(&permissions, &Budget::default(), usize::MAX);
    blocking(move || write_with_folders(&job, &path, text.as_bytes(), how)).await?
}

pub(super) fn write_with_folders(
    job: &Job,
    path: &Path,
    bytes: &[u8],
    how: Writing,
) -> Result<(), FileError> {
    match (write(job, path, bytes, how), path.parent()) {
        (Err(FileError::System(error)), Some(folder))
            if error.kind() == ErrorKind::NotFound && !folder.as_os_str().is_empty() =>
        {
            folders::make(job, folder, folders::NEW_FOLDER, true).map_err(Failure::into_error)?;
            write(job, path, bytes, how)
        }
        (written, _) => written,
    }
}

/// As the standard library says it.
pub(super) fn not_utf8() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8")
}

/// What a file holds, as far as the run's memory has room for it.
pub(super) fn read(job: &Job, path: &Path) -> Result<(Vec<u8>, Taken), FileError> {
    let file = job.permissions.open(path, OpenFor::Reading)?;
    Ok(read_open(job, file, path)?)
}

fn read_open(job: &Job, mut file: File, path: &Path) -> io::Result<(Vec<u8>, Taken)> {
    let about = file.metadata()?;
    if !about.is_file() && !is_null(path) {
        return Err(unreadable(&about));
    }
    let mut taken = job.share();
    // A file that is too large is not even begun. Some files have no size, and contents all the same.
    let size = usize::try_from(about.len()).unwrap_or(usize::MAX);
    job.take(&mut taken, size)?;
    let mut bytes = Vec::with_capacity(size);
    let mut counted = size;
    loop {
        job.go_on()?;
        let count = (&mut file).take(CHUNK as u64).read_to_end(&mut bytes)?;
        if bytes.len() > counted {
            job.take(&mut taken, bytes.len() - counted)?;
            counted = bytes.len();
        }
        if count == 0 {
            return Ok((bytes, taken));
        }
    }
}

/// Writes to a file, which is made if there is none.
pub(super) fn write(job: &Job, path: &Path, bytes: &[u8], how: Writing) -> Result<(), FileError> {
    if how.atomic
        && !how.append
        && let Some(replacement) = Replacement::begin(job, path, how.mode)?
    {
        return replacement.finish(job, |job, file| write_all(job, file, bytes));
    }
    let for_what = match how.append {
        true => OpenFor::Appending,
        false => OpenFor::Writing,
    };
    let is_new = how.mode.is_some() && !exists(job, path);
    let mut file = job.permissions.open(path, for_what)?;
    if let Some(mode) = how.mode.filter(|_| is_new || !how.append) {
        set_mode(&file, mode)?;
    }
    Ok(write_all(job, &mut file, bytes)?)
}

fn exists(job: &Job, path: &Path) -> bool {
    let entry = job
        .permissions
        .entry(Permission::Write, path, LastLink::Followed);
    entry.is_ok_and(|entry| entry.facts().is_ok())
}

/// Writes all of it, in pieces.
pub(super) fn write_all(job: &Job, file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        job.go_on()?;
        match file.write(&rest[..rest.len().min(CHUNK)]) {
            Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero)),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            #[expect(
                clippy::disallowed_methods,
                reason = "a pipe is read in the time of the machine"
            )]
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
    file.flush()
}

/// A file that will take another one's place. Removed if that does not come to pass.
pub(super) struct Replacement {
    file: Option<File>,
    temporary: Entry,
    target: Entry,
}

impl Replacement {
    /// Begins to replace a file. `None`: it cannot be done in one step, because it is no regular file, or because the rule or
    /// the process may not make another file beside it. Then it is to be written in place.
    pub(super) fn begin(
        job: &Job,
        path: &Path,
        mode: Option<u32>,
    ) -> Result<Option<Self>, FileError> {
        let mut target = job
            .permissions
            .entry(Permission::Write, path, LastLink::Followed)?;
        let before = match target.facts() {
            Ok(facts) if facts.kind != EntryKind::File => return Ok(None),
            Ok(facts) => Some(facts),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        // Where everything is permitted, the path may end in a link, which stays: what it leads to is replaced.
        let links = std::fs::symlink_metadata(target.place());
        if links.is_ok_and(|about| about.is_symlink()) {
            let Ok(place) = target.place().canonicalize() else {
                return Ok(None);
            };
            target = job
                .permissions
                .entry(Permission::Write, &place, LastLink::Meant)?;
        }
        // Another name of the file would go on to mean the old contents.
        if before.as_ref().is_some_and(|facts| facts.links > 1) {
            return Ok(None);
        }
        let name = format!(".{}.tmp", uuid::Uuid::new_v4().simple());
        let temporary = target.sibling(name.as_ref())?;
        if job
            .permissions
            .check_place(Permission::Write, temporary.place())
            .is_err()
        {
            return Ok(None);
        }
        let file = match temporary.open(OpenFor::Creating) {
            Ok(file) => file,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let begun = Self {
            file: Some(file),
            temporary,
            target,
        };
        if let Some(before) = &before {
            // A file that the process may not write is not replaced either, although its folder would allow it.
            drop(begun.target.open(OpenFor::Appending)?);
            begun.keep_owner(before.uid, before.gid);
        }
        if let Some(mode) = mode.or(before.map(|facts| facts.mode))
            && let Some(file) = &begun.file
        {
            set_mode(file, mode)?;
        }
        Ok(Some(begun))
    }

    /// Fills the new file, and puts it in the place of the old one.
    pub(super) fn finish(
        mut self,
        job: &Job,
        fill: impl FnOnce(&Job, &mut File) -> io::Result<()>,
    ) -> Result<(), FileError> {
        if let Some(mut file) = self.file.take() {
            let done = fill(job, &mut file).and_then(|()| self.temporary.rename(&self.target));
            if let Err(error) = done {
                self.file = Some(file);
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// The new file belongs to the same people as the old one, as far as the process may give it to them.
    fn keep_owner(&self, uid: u32, gid: u32) {
        #[cfg(unix)]
        if let Some(file) = &self.file
            && let Ok(about) = file.metadata()
        {
            use std::os::unix::fs::MetadataExt;
            if (about.uid(), about.gid()) != (uid, gid) {
                // Only an administrator may; for others the file becomes their own.
                let _ = std::os::unix::fs::fchown(file, Some(uid), Some(gid));
            }
        }
        #[cfg(not(unix))]
        let _ = (uid, gid);
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if self.file.is_some() {
            // It may be gone already.
            let _ = self.temporary.remove_file();
        }
    }
}

/// Sets the mode of an open file.
pub(super) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, mode);
        Ok(())
    }
}

pub(super) fn is_null(path: &Path) -> bool {
    cfg!(unix) && path == Path::new("/dev/null")
}

/// Why something is not read.
pub(super) fn unreadable(about: &std::fs::Metadata) -> io::Error {
    let kind = match about.is_dir() {
        true => ErrorKind::IsADirectory,
        false => ErrorKind::InvalidInput,
    };
    io::Error::new(
        kind,
        format!("it is {}, and only files are read", kind_of(about)),
    )
}

fn kind_of(about: &std::fs::Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = about.file_type();
        if kind.is_fifo() {
            return "a named pipe";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if about.is_dir() {
        "a folder"
    } else {
        "no file"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use std::fs::File;
    use std::io;
    use std::path::Path;

    use cla_runtime::Permissions;
    use cla_runtime::permissions::OpenFor;

    use super::{Budget, Job, read_open};

    fn read_now(path: &Path, most: usize) -> io::Result<String> {
        let (job, _wanted) = Job::new(&Permissions::all(), &Budget::default(), most);
        let (bytes, _) = read_open(&job, open(path)?, path)?;
        String::from_utf8(bytes).map_err(|_| super::not_utf8())
    }

    fn open(path: &Path) -> io::Result<File> {
        let opened = Permissions::all().open(path, OpenFor::Reading);
        opened.map_err(io::Error::other)
    }

    #[test]
    fn a_text_is_read_as_far_as_it_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "x".repeat(300_000)).unwrap();
        assert_eq!(read_now(&path, 300_000).unwrap().len(), 300_000);
        let error = read_now(&path, 299_999).unwrap_err().to_string();
        assert!(error.contains("more than 299999 bytes"), "{error}");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read_now(&path, 10).is_err());
        assert!(read_now(&folder.path().join("none"), 10).is_err());
        let file = open(&path).unwrap();
        let (job, wanted) = Job::new(&Permissions::all(), &Budget::default(), 10);
        drop(wanted);
        assert!(read_open(&job, file, &path).is_err(), "no one waits");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_read() {
        for (path, kind) in [("/dev/zero", "a device"), ("/dev", "a folder")] {
            let error = read_now(path.as_ref(), 10).unwrap_err().to_string();
            assert!(error.contains(kind), "{path}: {error}");
        }
        assert_eq!(read_now("/dev/null".as_ref(), 10).unwrap(), "");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = read_now(&pipe, 10).unwrap_err().to_string();
        assert!(error.contains("a named pipe"), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_size_is_read_to_its_end() {
        let text = read_now("/proc/self/status".as_ref(), 1 << 20).unwrap();
        assert!(text.contains("Pid:"));
        assert!(read_now("/proc/self/status".as_ref(), 100).is_err());
    }

    #[test]
    fn all_reads_of_a_run_share_its_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        std::fs::write(&path, "x".repeat(60)).unwrap();
        let (job, _wanted) = Job::new(&Permissions::all(), &Budget::default(), 100);
        let read = |job: &Job| read_open(job, open(&path).unwrap(), &path);
        let first = read(&job).unwrap();
        assert!(read(&job).is_err());
        drop(first);
        assert!(read(&job).is_ok());
    }
}
