//! Looks after a child process: its end, its memory, what it prints.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::bounds::End;
use crate::program::TOO_MUCH;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What is kept of a stream, in bytes: its beginning.
const KEPT: usize = 1 << 26;

/// The most resident memory that the process had so far, in MiB; 0 if the system does not say.
pub(crate) fn peak(pid: u32) -> u64 {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Waits for the end of the process, and kills it when it has more memory than the machine can bear or goes on after
/// `deadline`. Gives how it ended, and its peak in MiB.
pub(crate) fn wait(child: &mut Child, deadline: Instant) -> (End, u64) {
    let mut most = 0;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let end = status
                .code()
                .map_or_else(|| End::Signal(status.signal().unwrap_or(0)), End::Code);
            return (end, most);
        }
        most = most.max(peak(child.id()));
        let end = if most > TOO_MUCH {
            Some(End::TooMuch)
        } else if Instant::now() > deadline {
            Some(End::TooLong)
        } else {
            None
        };
        if let Some(end) = end {
            let _ = child.kill();
            child.wait().unwrap();
            return (end, most);
        }
        std::thread::sleep(LOOK);
    }
}

/// A stream that a thread reads to its end, keeping the beginning.
pub(crate) struct Stream {
    kept: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Stream {
    pub(crate) fn read(mut from: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&kept);
        let thread = std::thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let mut kept = into.lock().unwrap();
                let room = KEPT - kept.len();
                kept.extend_from_slice(&bytes[..count.min(room)]);
            }
        });
        Self { kept, thread }
    }

    /// What was read so far.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.kept.lock().unwrap()).into_owned()
    }

    /// What was read. A process that the child started may keep the stream open: then what there is by now.
    pub(crate) fn text(self) -> String {
        let deadline = Instant::now() + Duration::from_millis(500);
        while !self.thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        self.so_far()
    }
}
