//! Reading the files that a rule imports: what is read is what was allowed.
//!
//! Between the check of a path and the opening of the file, a folder can be replaced by a link that leads elsewhere. So
//! the file is opened first, and then it is the opened file whose place is looked at. Opening never waits: what is no
//! regular file (a pipe, a device) is refused before anything is read of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::importable::Importable;
use crate::run::Run;

/// So much is read at once on the run's own thread, in bytes; the rest of a larger file is read on another one.
const AT_ONCE: u64 = 64 * 1024;

/// The largest file that is read where there is no run whose memory bounds it, in bytes.
const MOST_WITHOUT_RUN: u64 = 64 * 1024 * 1024;

/// What a source needs is so many times its size: the text itself, and what is made of it.
const MEMORY_PER_BYTE: u64 = 3;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum ReadError {
    #[error("{}", in_words(.0))]
    System(#[from] io::Error),
    #[error("it is no regular file")]
    NotRegular,
    #[error("it lies outside of the folders that this rule may import from: {0}")]
    Outside(String),
    #[error(
        "it is too large: {size}; with the memory that is left to this run, it can read {most}"
    )]
    TooLarge { size: String, most: String },
    #[error("it is no text: the bytes are not valid UTF-8")]
    NotText,
    #[error("the run was stopped")]
    Stopped,
}

/// What people often meet, without the words and numbers of the system.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, and a file is needed".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system does not permit it to the user of this process".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Reads a file that must be one that may be imported, without its byte order mark. With a `run`, on its fiber, a large
/// file keeps no other run waiting, and the run's memory bounds it.
pub(crate) fn read(
    path: &Path,
    importable: &Importable,
    run: Option<&Run>,
) -> Result<Arc<str>, ReadError> {
    let file = open(path)?;
    if !place_of(&file, path)?.is_some_and(|place| importable.has(&place)) {
        return Err(ReadError::Outside(importable.list()));
    }
    read_opened(file, run)
}

/// Reads the bytes of a file that must be one that may be imported, for a run.
pub(crate) fn read_bytes(
    path: &Path,
    importable: &Importable,
    run: &Run,
) -> Result<Vec<u8>, ReadError> {
    let file = open(path)?;
    if !place_of(&file, path)?.is_some_and(|place| importable.has(&place)) {
        return Err(ReadError::Outside(importable.list()));
    }
    bytes_within(file, Some(run), run.memory_left() as u64 / MEMORY_PER_BYTE)
}

/// Reads a file that must lie below a folder, which is canonical, where no run asks; says where it lies.
pub(crate) fn read_below(folder: &Path, path: &Path) -> Result<(PathBuf, Arc<str>), ReadError> {
    let path = folder.join(path);
    let file = open(&path)?;
    let importable = Importable::below([folder.to_path_buf()]);
    match place_of(&file, &path)? {
        Some(place) if importable.has(&place) => Ok((place, read_opened(file, None)?)),
        _ => Err(ReadError::Outside(importable.list())),
    }
}

/// Reads a regular file wherever it lies.
pub fn read_anywhere(path: &Path, run: Option<&Run>) -> Result<Arc<str>, ReadError> {
    read_opened(open(path)?, run)
}

/// Reads what a host has named as the rule to run, which may be a pipe.
pub(crate) fn read_main(path: &Path, run: &Run, memory: usize) -> Result<Arc<str>, ReadError> {
    let most = memory as u64 / MEMORY_PER_BYTE;
    if std::fs::metadata(path)?.is_file() {
        let file = open(path)?;
        return read_within(file, Some(run), most);
    }
    let owned = path.to_path_buf();
    let bytes = off_thread(run, move || {
        let file = File::open(owned)?;
        read_to(file, Vec::new(), most)
    })?;
    text(bytes)
}

fn read_opened(file: File, run: Option<&Run>) -> Result<Arc<str>, ReadError> {
    let most = match run {
        Some(run) => run.memory_left() as u64 / MEMORY_PER_BYTE,
        None => MOST_WITHOUT_RUN,
    };
    read_within(file, run, most)
}

fn read_within(file: File, run: Option<&Run>, most: u64) -> Result<Arc<str>, ReadError> {
    text(bytes_within(file, run, most)?)
}

fn bytes_within(mut file: File, run: Option<&Run>, most: u64) -> Result<Vec<u8>, ReadError> {
    let size = file.metadata()?.len();
    if size > most {
        return Err(too_large(size, most));
    }
    let mut bytes = Vec::with_capacity(size.min(AT_ONCE) as usize + 1);
    // One more, to see whether that was all.
    file.by_ref().take(AT_ONCE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > AT_ONCE {
        bytes = match run {
            Some(run) => off_thread(run, move || read_to(file, bytes, most))?,
            None => read_to(file, bytes, most)?,
        };
    }
    Ok(bytes)
}

/// Reads the rest of a file, and fails as soon as it is more than `most` bytes.
fn read_to(file: File, mut bytes: Vec<u8>, most: u64) -> Result<Vec<u8>, ReadError> {
    let left = most.saturating_sub(bytes.len() as u64);
    file.take(left + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large(bytes.len() as u64, most));
    }
    Ok(bytes)
}

fn too_large(size: u64, most: u64) -> ReadError {
    ReadError::TooLarge {
        size: shown_size(size),
        most: shown_size(most),
    }
}

/// A number of bytes, for people.
fn shown_size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes / (1024 * 1024)),
    }
}

/// Does something that takes its time on another thread, while the run's fiber is suspended.
pub(super) fn off_thread<T: Send + 'static>(
    run: &Run,
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    match run.wait(tokio::task::spawn_blocking(work)) {
        None => Err(ReadError::Stopped),
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(ReadError::System(io::Error::other(error))),
    }
}

fn text(bytes: Vec<u8>) -> Result<Arc<str>, ReadError> {
    let text = String::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).into())
}

/// Opens a regular file; never waits.
fn open(path: &Path) -> Result<File, ReadError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
        options.custom_flags(flags.bits());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(ReadError::NotRegular)
    }
}

/// Where an opened file lies, as the system itself says it.
#[cfg(target_os = "linux")]
fn place_of(file: &File, path: &Path) -> io::Result<Option<PathBuf>> {
    use std::os::fd::AsRawFd;
    match std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(place) => Ok(Some(place)),
        // Without /proc, as in some containers.
        Err(error) if error.kind() == io::ErrorKind::NotFound => place_by_number(file, path),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn place_of(file: &File, path: &Path) -> io::Result<Option<PathBuf>> {
    place_by_number(file, path)
}

/// The path by which a file was opened, links followed, if that still leads to this very file.
#[cfg(unix)]
fn place_by_number(file: &File, path: &Path) -> io::Result<Option<PathBuf>> {
    use std::os::unix::fs::MetadataExt;
    let place = path.canonicalize()?;
    // Not following links: a canonical path has none.
    let (opened, there) = (file.metadata()?, std::fs::symlink_metadata(&place)?);
    let same = opened.dev() == there.dev() && opened.ino() == there.ino();
    Ok(same.then_some(place))
}

#[cfg(not(unix))]
fn place_by_number(_file: &File, path: &Path) -> io::Result<Option<PathBuf>> {
    path.canonicalize().map(Some)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Importable, ReadError, place_by_number, read, read_anywhere};

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.js");
        fs::write(&path, "\u{feff}1").unwrap();
        assert_eq!(&*read_anywhere(&path, None).unwrap(), "1");
        fs::write(&path, [0xff, 0xfe, 0x41]).unwrap();
        let error = read_anywhere(&path, None).unwrap_err();
        assert!(matches!(error, ReadError::NotText), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        use nix::sys::stat::Mode;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.js");
        nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        for path in [&pipe, std::path::Path::new("/dev/zero"), folder.path()] {
            let error = read_anywhere(path, None).unwrap_err();
            assert!(matches!(error, ReadError::NotRegular), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_replaced_by_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for name in ["rules", "rules/lib", "secret"] {
            fs::create_dir(top.join(name)).unwrap();
        }
        fs::write(top.join("secret/a.js"), "secret").unwrap();
        fs::write(top.join("rules/lib/a.js"), "fine").unwrap();
        let importable = Importable::below([top.join("rules")]);
        let path = top.join("rules/lib/a.js");
        assert_eq!(&*read(&path, &importable, None).unwrap(), "fine");
        fs::rename(top.join("rules/lib"), top.join("rules/old")).unwrap();
        std::os::unix::fs::symlink(top.join("secret"), top.join("rules/lib")).unwrap();
        let error = read(&path, &importable, None).unwrap_err();
        assert!(matches!(error, ReadError::Outside(_)), "{error}");
        // A link that stays inside is fine.
        fs::remove_file(top.join("rules/lib")).unwrap();
        std::os::unix::fs::symlink("old", top.join("rules/lib")).unwrap();
        assert_eq!(&*read(&path, &importable, None).unwrap(), "fine");
        // So it is without /proc.
        let file = fs::File::open(&path).unwrap();
        let place = place_by_number(&file, &path).unwrap();
        assert_eq!(place, Some(top.join("rules/old/a.js")));
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.json");
        fs::File::create(&path).unwrap().set_len(2 << 30).unwrap();
        let error = read_anywhere(&path, None).unwrap_err();
        assert!(error.to_string().contains("2048 MiB"), "{error}");
    }
}
