//! Reading and writing files for rules: in pieces, on another thread, until it is done or the waiter is gone.
//!
//! A file may be endless, or deliver nothing for ever: a device, a named pipe. Such are not read. What is written may go
//! to one, as long as its reader takes it.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cla_runtime::Permissions;
use cla_runtime::internal::blocking;
use cla_runtime::permissions::{FileError, OpenFor};

/// How much is read or written at once, in bytes; then it is seen whether it is still wanted.
const CHUNK: usize = 128 << 10;
/// How often it is tried to write to what takes nothing at the moment.
const AGAIN: Duration = Duration::from_millis(5);

/// Reads a text of at most `most` bytes.
///
/// # Errors
///
/// There is none, it is no regular file, it is larger, or it is not UTF-8.
pub(crate) async fn read(
    permissions: Permissions,
    path: PathBuf,
    most: usize,
) -> Result<String, FileError> {
    let wanted = Wanted::new();
    let flag = wanted.flag();
    let read = move || {
        let file = permissions.open(&path, OpenFor::Reading)?;
        Ok(read_while(file, &path, most, || {
            flag.load(Ordering::Relaxed)
        })?)
    };
    blocking(read).await?
}

fn read_while(
    mut file: File,
    path: &Path,
    most: usize,
    wanted: impl Fn() -> bool,
) -> io::Result<String> {
    let about = file.metadata()?;
    if !about.is_file() && !is_null(path) {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("it is {}, and only files are read", kind_of(&about)),
        ));
    }
    let too_large = || {
        let message = format!("it has more than {most} bytes, which is all that may be read here");
        io::Error::new(ErrorKind::FileTooLarge, message)
    };
    if about.len() > most as u64 {
        return Err(too_large());
    }
    // Some files have no size, and contents all the same.
    let mut text = Vec::with_capacity(about.len() as usize);
    loop {
        if !wanted() {
            return Err(not_wanted());
        }
        let count = (&mut file).take(CHUNK as u64).read_to_end(&mut text)?;
        if text.len() > most {
            return Err(too_large());
        }
        if count == 0 {
            break;
        }
    }
    String::from_utf8(text).map_err(|_| {
        // As the standard library says it.
        io::Error::new(ErrorKind::InvalidData, "stream did not contain valid UTF-8")
    })
}

/// Writes a text to a file, which is made if there is none; in place of what it has, or behind that.
///
/// # Errors
///
/// It cannot be opened or written.
pub(crate) async fn write(
    permissions: Permissions,
    path: PathBuf,
    text: String,
    append: bool,
) -> Result<(), FileError> {
    let wanted = Wanted::new();
    let flag = wanted.flag();
    blocking(move || {
        let for_what = match append {
            true => OpenFor::Appending,
            false => OpenFor::Writing,
        };
        let mut file = permissions.open(&path, for_what)?;
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            if !flag.load(Ordering::Relaxed) {
                return Err(not_wanted().into());
            }
            match file.write(&rest[..rest.len().min(CHUNK)]) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a pipe is read in the time of the machine"
                )]
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(file.flush()?)
    })
    .await?
}

fn is_null(path: &Path) -> bool {
    cfg!(unix) && path == Path::new("/dev/null")
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

fn not_wanted() -> io::Error {
    io::Error::other("the wait for it has ended")
}

/// When it is dropped, the thread sees that the waiter is gone.
struct Wanted(Arc<AtomicBool>);

impl Wanted {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use cla_runtime::Permissions;
    use cla_runtime::permissions::OpenFor;

    use super::read_while;

    fn read_now(path: &Path, most: usize) -> io::Result<String> {
        read_while(open(path)?, path, most, || true)
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
        assert!(
            read_while(file, &path, 10, || false).is_err(),
            "no one waits"
        );
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
}
