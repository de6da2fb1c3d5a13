//! The program's own output. It goes through the queue that rules write to: a reader that stalls blocks no thread, so that
//! a signal ends the program at once.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::Output;
use cla_runtime::output::{OutputStream, ProcessOutput, QueuedOutput};

/// The queue before the standard streams.
pub(crate) fn queue() -> Arc<QueuedOutput> {
    ProcessOutput::queue()
}

/// Whether a stream shows colours: by `--color`, the environment (`NO_COLOR`, `CLICOLOR_FORCE`) and the terminal.
pub(crate) fn is_coloured(stream: OutputStream) -> bool {
    let choice = match stream {
        OutputStream::Stdout => anstream::AutoStream::choice(&io::stdout()),
        OutputStream::Stderr => anstream::AutoStream::choice(&io::stderr()),
    };
    choice != anstream::ColorChoice::Never
}

/// The text, without escape sequences where they are not wanted.
pub(crate) fn plain(text: &str, coloured: bool) -> Cow<'_, str> {
    if coloured || !text.contains('\x1b') {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(anstream::adapter::strip_str(text).to_string())
    }
}

/// Writes to standard output, without waiting for its reader.
///
/// # Errors
///
/// Standard output has failed.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let coloured = is_coloured(OutputStream::Stdout);
    queue().write(OutputStream::Stdout, &plain(text, coloured));
    failure()
}

/// Blocks until everything that was printed is written, with no time limit for the reader. A stream that cannot be opened
/// again (a pipe of another user, as under `sudo -u` or in a container) is written by another thread, which ends with the
/// program.
///
/// # Errors
///
/// Standard output has failed.
pub(crate) fn flush() -> io::Result<()> {
    /// Ten years: in effect no limit.
    const PATIENCE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    queue().flush(PATIENCE);
    failure()
}

/// Waits until all is written that was printed.
///
/// # Errors
///
/// Standard output has failed.
pub(crate) async fn written() -> io::Result<()> {
    if let Some(unwritten) = queue().unwritten() {
        unwritten.await;
    }
    failure()
}

fn failure() -> io::Result<()> {
    match queue().failure(OutputStream::Stdout) {
        Some(error) => Err(io::Error::new(error.kind(), error)),
        None => Ok(()),
    }
}
