//! Looks after a child process: its end, its memory, what it prints.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::bounds::End;
use crate::program::TOO_MUCH;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What is kept of a stream, in bytes: its beginning.
const KEPT: usize = 1 << 26;

/// The most resident memory that the process had so far, in MiB; 0 if the system does not say.
///
/// Between its start and its `exec`, a child still has the memory of this process, and that is not its own.
pub(crate) fn peak(pid: u32) -> u64 {
    if !runs_its_program(pid) {
        return 0;
    }
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else {
        return 0;
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// Whether the process is past its `exec`: until then its command line is this process's.
fn runs_its_program(pid: u32) -> bool {
    static OURS: LazyLock<Vec<u8>> =
        LazyLock::new(|| std::fs::read("/proc/self/cmdline").unwrap_or_default());
    std::fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|theirs| !theirs.is_empty() && theirs != *OURS)
}

/// How long each thread of a process has waited for a processor that others had. Empty where the system does not say.
pub(crate) fn waits(pid: u32) -> BTreeMap<OsString, Duration> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return BTreeMap::new();
    };
    let wait = |thread: std::fs::DirEntry| {
        let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let nanoseconds = times.split_whitespace().nth(1)?.parse().ok()?;
        Some((thread.file_name(), Duration::from_nanos(nanoseconds)))
    };
    threads.flatten().filter_map(wait).collect()
}

/// By how much the thread that waited most waited longer than `before`.
pub(crate) fn starved(
    before: &BTreeMap<OsString, Duration>,
    now: &BTreeMap<OsString, Duration>,
) -> Duration {
    let longer = |(thread, wait): (&OsString, &Duration)| {
        wait.saturating_sub(before.get(thread).copied().unwrap_or_default())
    };
    now.iter().map(longer).max().unwrap_or_default()
}

/// What was seen of a process until its end.
pub(crate) struct Ended {
    pub(crate) end: End,
    /// Its most resident memory in MiB.
    pub(crate) peak: u64,
    /// How long it waited for a processor.
    pub(crate) starved: Duration,
}

/// Waits for the end of the process, and kills it when it has more memory than the machine can bear or goes on after
/// `deadline`.
pub(crate) fn wait(child: &mut Child, deadline: Instant) -> Ended {
    let (mut peak_so_far, mut starved_so_far) = (0, Duration::ZERO);
    for look in 0_u32.. {
        let end = if let Some(status) = child.try_wait().unwrap() {
            status
                .code()
                .map_or_else(|| End::Signal(status.signal().unwrap_or(0)), End::Code)
        } else {
            peak_so_far = peak(child.id()).max(peak_so_far);
            // Every fourth time, for there are several files to read.
            if look % 4 == 0 {
                starved_so_far = starved(&BTreeMap::new(), &waits(child.id())).max(starved_so_far);
            }
            let end = if peak_so_far > TOO_MUCH {
                End::TooMuch
            } else if Instant::now() > deadline {
                End::TooLong
            } else {
                std::thread::sleep(LOOK);
                continue;
            };
            let _ = child.kill();
            child.wait().unwrap();
            end
        };
        return Ended {
            end,
            peak: peak_so_far,
            starved: starved_so_far,
        };
    }
    unreachable!("it looks until the end")
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
