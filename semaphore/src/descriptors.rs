//! Whether the process may open something still.

use std::fs::File;
use std::io;

/// What an event loop opens, with its signals; and one for what it is to do.
const OF_AN_EVENT_LOOP: usize = 9;

/// Whether there are descriptors for an event loop. One that runs out of them while it is made panics.
///
/// # Errors
/// Why not, as the system says.
pub fn for_an_event_loop() -> io::Result<()> {
    for_so_many(OF_AN_EVENT_LOOP)
}

/// Whether there are so many descriptors left.
///
/// # Errors
/// Why not, as the system says.
pub(crate) fn for_so_many(wanted: usize) -> io::Result<()> {
    let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
    let first = match File::open(null) {
        Ok(file) => file,
        // A machine without it has other worries.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut held = Vec::with_capacity(wanted);
    for _ in 1..wanted {
        held.push(first.try_clone()?);
    }
    Ok(())
}
