//! Requests from outside to end: Ctrl-C everywhere, SIGTERM on unix.
//!
//! Signals for a command that `cla sem exec` runs are in `sem/exec/signals.rs`.

/// A request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM: what service managers and `kill` send.
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "other systems have no such signal")
    )]
    Terminate,
}

impl Signal {
    /// The exit code that a shell gives to a program that this signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::flag;
    use tokio::signal::unix::{self, SignalKind};

    use super::Signal;

    /// The signals that have arrived and those that will.
    ///
    /// From its creation on the first signal no longer ends the program by itself. The second one
    /// does, in the signal's handler: the program's threads may be stuck in writing to a pipe that
    /// has no reader.
    pub(crate) struct Signals {
        interrupt: unix::Signal,
        terminate: unix::Signal,
    }

    impl Signals {
        pub(crate) fn listen() -> io::Result<Self> {
            let second = Arc::new(AtomicBool::new(false));
            for (kind, signal) in [
                (SignalKind::interrupt(), Signal::Interrupt),
                (SignalKind::terminate(), Signal::Terminate),
            ] {
                let number = kind.as_raw_value();
                let exit_code = i32::from(signal.exit_code());
                // In this order: the first handler looks at what the second one sets.
                flag::register_conditional_shutdown(number, exit_code, Arc::clone(&second))?;
                flag::register(number, Arc::clone(&second))?;
            }
            Ok(Self {
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
            })
        }

        /// The next one.
        pub(crate) async fn next(&mut self) -> Signal {
            tokio::select! {
                _ = self.interrupt.recv() => Signal::Interrupt,
                _ = self.terminate.recv() => Signal::Terminate,
            }
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;

    use tokio::signal::windows::{self, CtrlC};

    use super::Signal;

    /// The requests that have arrived and those that will. From its creation on they no longer end
    /// the program by themselves.
    pub(crate) struct Signals(CtrlC);

    impl Signals {
        pub(crate) fn listen() -> io::Result<Self> {
            windows::ctrl_c().map(Self)
        }

        /// The next one.
        pub(crate) async fn next(&mut self) -> Signal {
            self.0.recv().await;
            Signal::Interrupt
        }
    }
}

pub(crate) use system::Signals;
