//! Writing to a standard stream at once, without a thread, as far as that cannot block.
//!
//! A file, and a device such as `/dev/null`, take everything. A pipe and a terminal are opened once more, without
//! blocking: the mode belongs to the opened description, and other processes share the one that we were given.

use std::io;

use super::OutputStream;

/// A standard stream, as far as it can be written to without blocking.
#[derive(Debug)]
pub(super) enum Direct {
    /// It never blocks for long.
    #[cfg(unix)]
    Plain(OutputStream),
    /// It was opened once more, without blocking.
    #[cfg(target_os = "linux")]
    Reopened(std::fs::File),
    /// It may block.
    Never,
}

#[cfg(unix)]
impl Direct {
    pub(super) fn of(stream: OutputStream) -> Self {
        use std::os::unix::fs::{FileTypeExt, MetadataExt};
        let Ok(target) = std::fs::metadata(path(stream)) else {
            return Self::Never;
        };
        let kind = target.file_type();
        if kind.is_file() || kind.is_char_device() && is_memory(target.rdev()) {
            return Self::Plain(stream);
        }
        #[cfg(target_os = "linux")]
        if kind.is_fifo() || kind.is_char_device() {
            use std::os::unix::fs::OpenOptionsExt;
            let opened = std::fs::OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(path(stream));
            if let Ok(file) = opened {
                return Self::Reopened(file);
            }
        }
        Self::Never
    }

    /// Writes as much as fits now; an error of the kind `WouldBlock` if nothing does.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => blocking(*stream, text),
            #[cfg(target_os = "linux")]
            Self::Reopened(file) => io::Write::write(file, text),
            Self::Never => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// What `/proc` and `/dev/fd` call the stream.
#[cfg(unix)]
fn path(stream: OutputStream) -> &'static str {
    match (stream, cfg!(target_os = "linux")) {
        (OutputStream::Stdout, true) => "/proc/self/fd/1",
        (OutputStream::Stderr, true) => "/proc/self/fd/2",
        (OutputStream::Stdout, false) => "/dev/fd/1",
        (OutputStream::Stderr, false) => "/dev/fd/2",
    }
}

/// Whether it is one of the devices that are memory: `/dev/null`, `/dev/full`.
#[cfg(unix)]
fn is_memory(device: u64) -> bool {
    cfg!(target_os = "linux") && device >> 8 == 1
}

/// Writes as the system does; may block.
#[cfg(unix)]
pub(super) fn blocking(stream: OutputStream, text: &[u8]) -> io::Result<usize> {
    // Not through std's own handle: its lock would be held for as long as this blocks.
    let written = match stream {
        OutputStream::Stdout => nix::unistd::write(io::stdout(), text),
        OutputStream::Stderr => nix::unistd::write(io::stderr(), text),
    };
    written.map_err(io::Error::from)
}

/// Whether both streams are one terminal, file or pipe: then the order of what is written to them is seen.
#[cfg(unix)]
pub(super) fn are_one() -> bool {
    use std::os::unix::fs::MetadataExt;
    let target = |stream| std::fs::metadata(path(stream)).map(|to| (to.dev(), to.ino()));
    match (target(OutputStream::Stdout), target(OutputStream::Stderr)) {
        (Ok(stdout), Ok(stderr)) => stdout == stderr,
        // In doubt, the order is kept.
        _ => true,
    }
}

#[cfg(not(unix))]
impl Direct {
    pub(super) fn of(_: OutputStream) -> Self {
        Self::Never
    }

    pub(super) fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Writes as the system does; may block.
#[cfg(not(unix))]
pub(super) fn blocking(stream: OutputStream, text: &[u8]) -> io::Result<usize> {
    use io::Write;
    // A console takes text only through std.
    match stream {
        OutputStream::Stdout => {
            let mut out = io::stdout().lock();
            let written = out.write(text)?;
            out.flush().map(|()| written)
        }
        OutputStream::Stderr => io::stderr().lock().write(text),
    }
}

/// Whether both streams are one console.
#[cfg(not(unix))]
pub(super) fn are_one() -> bool {
    use io::IsTerminal;
    io::stdout().is_terminal() == io::stderr().is_terminal()
}
