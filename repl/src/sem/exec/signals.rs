//! Signals that this program gets while a command runs, and passes on to it.

#[cfg(unix)]
mod system {
    use std::io;
    use std::thread;

    use rustix::process::{Pid, kill_process};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    use signal_hook::iterator::SignalsInfo;
    use signal_hook::iterator::exfiltrator::origin::WithOrigin;
    use signal_hook::low_level::siginfo::Cause;
    use tokio::process::Child;
    use tokio::sync::mpsc::{self, UnboundedReceiver};

    /// One signal.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Signal {
        number: i32,
        /// The terminal sends its signals (Ctrl-C, a hang-up) to the command as well. The command must not get
        /// the same signal twice: many programs take a second Ctrl-C as a stronger request.
        from_terminal: bool,
    }

    /// The signals that have arrived and those that will. From its creation on they no longer end the
    /// program by themselves.
    pub(in super::super) struct Signals(UnboundedReceiver<Signal>);

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            let mut numbers = vec![SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2];
            // Under nohup(1) it stays as it is, for the command too.
            if !is_ignored(SIGHUP) {
                numbers.push(SIGHUP);
            }
            let mut arriving = SignalsInfo::<WithOrigin>::new(numbers)?;
            let (sender, receiver) = mpsc::unbounded_channel();
            thread::Builder::new()
                .name("signals".to_owned())
                .spawn(move || {
                    for origin in arriving.forever() {
                        let signal = Signal {
                            number: origin.signal,
                            from_terminal: matches!(origin.cause, Cause::Kernel),
                        };
                        if sender.send(signal).is_err() {
                            break;
                        }
                    }
                })?;
            Ok(Self(receiver))
        }

        /// The next one.
        pub(in super::super) async fn next(&mut self) -> Signal {
            match self.0.recv().await {
                Some(signal) => signal,
                // Its thread never ends before this.
                None => std::future::pending().await,
            }
        }

        /// One that has arrived.
        pub(in super::super) fn pending(&mut self) -> Option<Signal> {
            self.0.try_recv().ok()
        }
    }

    impl Signal {
        /// The exit code that a shell gives to a program that this signal ended.
        pub(in super::super) fn exit_code(self) -> u8 {
            u8::try_from(128 + self.number).unwrap_or(u8::MAX)
        }

        /// Sends it to the command, unless the command has it already.
        pub(in super::super) fn pass_on(self, child: &Child) {
            // A command that has ended has no id any more.
            let Some(pid) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else {
                return;
            };
            if let Some(signal) = rustix::process::Signal::from_named_raw(self.number)
                && !self.from_terminal
            {
                // It may have ended just now.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Asks the command to end.
    pub(in super::super) fn terminate(child: &mut Child) {
        let signal = Signal {
            number: SIGTERM,
            from_terminal: false,
        };
        signal.pass_on(child);
    }

    /// Whether the program's parent made it ignore the signal. Only Linux shows that.
    fn is_ignored(signal: i32) -> bool {
        let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
            return false;
        };
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
    }
}

#[cfg(windows)]
mod system {
    use std::io;

    use tokio::process::Child;

    /// A Ctrl-C, which the console sends to all programs in it.
    #[derive(Clone, Copy, Debug)]
    pub(in super::super) struct Signal;

    /// The requests that have arrived and those that will.
    pub(in super::super) struct Signals(crate::signals::Signals);

    impl Signals {
        pub(in super::super) fn listen() -> io::Result<Self> {
            crate::signals::Signals::listen().map(Self)
        }

        /// The next one.
        pub(in super::super) async fn next(&mut self) -> Signal {
            self.0.next().await;
            Signal
        }

        /// This system cannot say it without waiting.
        pub(in super::super) fn pending(&mut self) -> Option<Signal> {
            None
        }
    }

    impl Signal {
        pub(in super::super) fn exit_code(self) -> u8 {
            crate::signals::Signal::Interrupt.exit_code()
        }

        /// The command has it already.
        pub(in super::super) fn pass_on(self, _: &Child) {}
    }

    /// Ends the command: there is no way to ask it.
    pub(in super::super) fn terminate(child: &mut Child) {
        // It may have ended just now.
        let _ = child.start_kill();
    }
}

pub(super) use system::{Signals, terminate};
