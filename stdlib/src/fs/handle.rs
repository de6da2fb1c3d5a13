//! Open files: read by lines and pieces, written, and closed at the latest with the run.
//!
//! What is read comes in large pieces, of which lines and small reads are served without another thread.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::host::Run;
use cla_runtime::internal::MemoryReservation;
use cla_runtime::permissions::{FileError, OpenFor};
use parking_lot::Mutex;

use super::contents::{is_null, unreadable, write_all};
use super::failure::Failure;
use super::job::Job;

/// How many files a run may have open at once.
pub(super) const MOST_OPEN: usize = 256;

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// How a rule opens a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    for_what: OpenFor,
    reads: bool,
    writes: bool,
}

impl Mode {
    /// What there is.
    pub(super) const KNOWN: &str = "\"r\" (read), \"w\" (write anew), \"a\" (append), \"r+\" (read and write) or \"wx\" (make)";

    /// By Node's names, and Perl's.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (for_what, reads, writes) = match name {
            "r" | "<" => (OpenFor::Reading, true, false),
            "w" | ">" => (OpenFor::Writing, false, true),
            "a" | ">>" => (OpenFor::Appending, false, true),
            "r+" | "+<" => (OpenFor::Updating, true, true),
            "wx" => (OpenFor::Creating, false, true),
            _ => return None,
        };
        Some(Self {
            for_what,
            reads,
            writes,
        })
    }
}

/// A file that is open, as the rule's object has it.
pub(super) struct Handle {
    pub(super) path: String,
    /// `None`: it was closed. A thread that reads or writes it at that moment has its own share.
    file: RefCell<Option<SharedFile>>,
    /// Its place among the files that the run has open; given back when it is closed.
    place: Cell<Option<Place>>,
}

/// What the threads share that read and write it.
pub(super) type SharedFile = Arc<Mutex<Open>>;

/// One of the files that a run may have open.
pub(super) struct Place {
    open: Rc<Cell<usize>>,
    _memory: MemoryReservation,
}

impl Place {
    /// `None`: as many files are open as may be.
    pub(super) fn take(run: &Run, open: &Rc<Cell<usize>>) -> Option<Self> {
        if open.get() >= MOST_OPEN {
            return None;
        }
        open.set(open.get() + 1);
        Some(Self {
            open: Rc::clone(open),
            _memory: run.count_memory(PIECE + size_of::<Handle>()),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

impl Handle {
    pub(super) fn new(path: String, file: Open, place: Place) -> Self {
        Self {
            path,
            file: RefCell::new(Some(Arc::new(Mutex::new(file)))),
            place: Cell::new(Some(place)),
        }
    }

    /// The file itself; `None` if it was closed.
    pub(super) fn shared(&self) -> Option<SharedFile> {
        self.file.borrow().clone()
    }

    /// Closes it, as soon as what is being done with it is done.
    pub(super) fn close(&self) {
        self.place.take();
        self.file.take();
    }

    /// A line that has been read already.
    pub(super) fn ready_line(&self) -> Option<String> {
        let file = self.file.borrow();
        let mut file = file.as_ref()?.try_lock()?;
        let end = file.line_end(0)?;
        Some(file.take_line(end))
    }
}

/// An open file.
#[derive(Debug)]
pub(super) struct Open {
    file: File,
    mode: Mode,
    /// What has been read and not been given yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
}

/// Opens a file.
pub(super) fn open(job: &Job, path: &Path, mode: Mode) -> Result<Open, Failure> {
    let opened = job.permissions.open(path, mode.for_what).and_then(|file| {
        let about = file.metadata()?;
        if about.is_dir() || mode.reads && !about.is_file() && !is_null(path) {
            return Err(FileError::System(unreadable(&about)));
        }
        Ok(file)
    });
    let file = opened.map_err(|error| Failure::of(error, "open"))?;
    Ok(Open {
        file,
        mode,
        buffer: Vec::new(),
        start: 0,
    })
}

impl Open {
    fn readable(&self) -> io::Result<()> {
        match self.mode.reads {
            true => Ok(()),
            false => Err(io::Error::new(
                ErrorKind::BrokenPipe,
                "the file was opened to be written; \"r+\" opens it for both",
            )),
        }
    }

    /// Reads the next piece. `false`: there is none.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut piece = (&mut self.file).take(PIECE as u64);
        let count = piece.read_to_end(&mut self.buffer)?;
        Ok(count > 0)
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Where the first line of what is there ends, if it does; `known` bytes have no end.
    fn line_end(&self, known: usize) -> Option<usize> {
        let rest = self.unread().get(known..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        Some(known + end)
    }

    fn take_line(&mut self, end: usize) -> String {
        let line = &self.unread()[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line).into_owned();
        self.start += end + 1;
        text
    }

    /// The next line, without what ends it; `None` at the end of the file.
    pub(super) fn read_line(&mut self, job: &Job) -> io::Result<Option<String>> {
        self.readable()?;
        let mut known = 0;
        loop {
            if let Some(end) = self.line_end(known) {
                return Ok(Some(self.take_line(end)));
            }
            known = self.unread().len();
            if known > job.most {
                let message = "a line has more bytes than the run's memory has room for";
                return Err(io::Error::new(ErrorKind::FileTooLarge, message));
            }
            job.go_on()?;
            if !self.fill()? {
                if known == 0 {
                    return Ok(None);
                }
                let last = String::from_utf8_lossy(self.unread()).into_owned();
                self.buffer.clear();
                self.start = 0;
                return Ok(Some(last));
            }
        }
    }

    /// The next bytes, at most so many, and at most an eighth of what the run's memory has room for; none at the end of the
    /// file.
    pub(super) fn read(&mut self, job: &Job, size: usize) -> io::Result<Vec<u8>> {
        self.readable()?;
        // It is in memory several times until it is a value of the rule.
        let size = size.min((job.most / 8).max(4));
        while self.unread().len() < size {
            job.go_on()?;
            if !self.fill()? {
                break;
            }
        }
        let count = self.unread().len().min(size);
        let bytes = self.unread()[..count].to_vec();
        self.start += count;
        Ok(bytes)
    }

    /// The next characters, at most so many bytes; `None` at the end of the file.
    pub(super) fn read_text(&mut self, job: &Job, size: usize) -> io::Result<Option<String>> {
        let bytes = self.read(job, size.max(4))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        // A character that is cut comes with the next piece.
        let whole = match std::str::from_utf8(&bytes) {
            Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
                error.valid_up_to()
            }
            _ => bytes.len(),
        };
        self.start -= bytes.len() - whole;
        Ok(Some(String::from_utf8_lossy(&bytes[..whole]).into_owned()))
    }

    /// Whether all of it has been read.
    pub(super) fn eof(&mut self) -> io::Result<bool> {
        self.readable()?;
        Ok(self.unread().is_empty() && !self.fill()?)
    }

    /// Writes at its place, or behind what it holds.
    pub(super) fn write(&mut self, job: &Job, bytes: &[u8]) -> io::Result<()> {
        if !self.mode.writes {
            let message = "the file was opened to be read; \"r+\" opens it for both";
            return Err(io::Error::new(ErrorKind::BrokenPipe, message));
        }
        self.forget_buffer()?;
        write_all(job, &mut self.file, bytes)
    }

    /// Goes to another place, and says which one that is.
    pub(super) fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.forget_buffer()?;
        self.file.seek(to)
    }

    /// The file's own place is again where the rule's is.
    fn forget_buffer(&mut self) -> io::Result<()> {
        let ahead = self.unread().len();
        self.buffer.clear();
        self.start = 0;
        if ahead > 0 {
            self.file
                .seek(SeekFrom::Current(-i64::try_from(ahead).unwrap_or(0)))?;
        }
        Ok(())
    }

    /// The number by which the system knows it; -1 where it has none.
    pub(super) fn number(&self) -> i32 {
        #[cfg(unix)]
        return std::os::fd::AsRawFd::as_raw_fd(&self.file);
        #[cfg(not(unix))]
        return -1;
    }
}
