//! The terminal's settings, as they were before a line was read.
//!
//! While a line is being typed the terminal is in raw mode. A panic or a signal that ends the program there must not leave
//! it so.

#[cfg(unix)]
pub(super) use self::unix::restored_at_the_end;

/// On other systems, the console restores itself.
#[cfg(not(unix))]
pub(super) fn restored_at_the_end() {}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::sync::OnceLock;

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGTERM};
    use signal_hook::iterator::Signals;

    static SETTINGS: OnceLock<Termios> = OnceLock::new();

    fn restore() {
        /// No bracketed paste, and a cursor to be seen.
        const MODES: &[u8] = b"\x1b[?2004l\x1b[?25h";
        if let Some(settings) = SETTINGS.get() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
            let _ = rustix::io::write(io::stdout(), MODES);
        }
    }

    /// Restores the terminal when it is dropped.
    pub(crate) struct Restored;

    impl Drop for Restored {
        fn drop(&mut self) {
            restore();
        }
    }

    /// Notes the terminal's settings. Restores them when the program ends, unless SIGKILL ends it.
    pub(crate) fn restored_at_the_end() -> Restored {
        if let Ok(settings) = tcgetattr(io::stdin()) {
            let _ = SETTINGS.set(settings);
        }
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
        if let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP]) {
            // It lives as long as the program.
            let _ = std::thread::Builder::new()
                .name("cla-signals".to_owned())
                .spawn(move || {
                    if let Some(signal) = signals.forever().next() {
                        restore();
                        // The store frees what this process holds, because it sees that the process is gone.
                        std::process::exit(128 + signal);
                    }
                });
        }
        Restored
    }
}
