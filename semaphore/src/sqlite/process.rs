//! Which process this is, and whether another one still lives. Asks the operating system; never the
//! database.
//!
//! A process id alone proves nothing, for ids are used again. With the time at which the process started and
//! the boot in which it did, it names one process for ever.

use std::sync::OnceLock;

/// One process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// In the system's own unit; only ever compared.
    pub(super) started: i64,
    /// The boot of the system in which it started.
    pub(super) boot: String,
    /// The namespace in which `pid` counts: containers that share a file see different processes under
    /// the same number.
    pub(super) namespace: String,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Dead,
    /// There is a process with its id, of which this one may not see more (`hidepid`): it may be another.
    Hidden,
    /// It has its id in another namespace (another container): only its lease shows whether it lives.
    Unknown,
}

/// What the system says of a process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    /// A process that started then.
    Started(i64),
    Gone,
    /// A process of which no more is to be seen.
    Hidden,
}

impl Process {
    /// This one.
    pub(super) fn this() -> &'static Self {
        static THIS: OnceLock<Process> = OnceLock::new();
        THIS.get_or_init(|| {
            let pid = std::process::id();
            let started = match system::look(pid) {
                Sight::Started(started) => started,
                Sight::Gone | Sight::Hidden => NOT_KNOWN,
            };
            Self {
                pid,
                started,
                boot: system::boot(),
                namespace: system::namespace(),
            }
        })
    }

    /// The process with this id, which lives.
    #[cfg(test)]
    pub(super) fn of(pid: u32) -> Self {
        let Sight::Started(started) = system::look(pid) else {
            panic!("it is not to be seen");
        };
        Self {
            pid,
            started,
            ..Self::this().clone()
        }
    }

    /// Whether it lives.
    pub(super) fn life(&self) -> Life {
        let this = Self::this();
        // Without `/proc` neither boot nor namespace are known.
        if self.boot.is_empty() || this.boot.is_empty() {
            return Life::Unknown;
        }
        if self.boot != this.boot {
            return Life::Dead;
        }
        if self.namespace != this.namespace {
            return Life::Unknown;
        }
        match system::look(self.pid) {
            Sight::Gone => Life::Dead,
            Sight::Hidden => Life::Hidden,
            Sight::Started(_) if self.started == NOT_KNOWN => Life::Hidden,
            Sight::Started(started) if started == self.started => Life::Alive,
            Sight::Started(_) => Life::Dead,
        }
    }
}

/// The start of a process that cannot see its own.
const NOT_KNOWN: i64 = 0;

#[cfg(target_os = "linux")]
mod system {
    use std::sync::OnceLock;

    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};

    use super::Sight;

    /// Starts are in clock ticks since the boot. A process that ended and whose parent has not asked for its exit code
    /// is gone, too.
    pub(super) fn look(pid: u32) -> Sight {
        if is_proc_ours()
            && let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        {
            return started_of(&stat).map_or(Sight::Gone, Sight::Started);
        }
        // `/proc` may be mounted so that it hides processes of other users. A signal still finds them.
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Sight::Gone;
        };
        match test_kill_process(pid) {
            Err(Errno::SRCH) => Sight::Gone,
            _ => Sight::Hidden,
        }
    }

    /// Whether `/proc` shows the processes that this one counts: a container may have that of another.
    fn is_proc_ours() -> bool {
        static OURS: OnceLock<bool> = OnceLock::new();
        *OURS.get_or_init(|| {
            std::fs::read_link("/proc/self")
                .is_ok_and(|link| link.as_os_str() == std::process::id().to_string().as_str())
        })
    }

    /// When the process started, of what the system says about it; `None` if it does not live.
    ///
    /// It gives the state of the first thread, which may end before the others: also after `kill -9`, they finish what
    /// they do in the system, a write for instance, and hold the process's file locks until then. The process is
    /// dead with the last of them.
    pub(super) fn started_of(stat: &str) -> Option<i64> {
        // The name of the program, in parentheses, may contain anything.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        // The third of all fields, the 20th and the 22nd.
        let state = fields.next()?;
        let threads: u32 = fields.nth(16)?.parse().ok()?;
        if matches!(state, "Z" | "X" | "x") && threads <= 1 {
            return None;
        }
        fields.nth(1)?.parse().ok()
    }

    pub(super) fn boot() -> String {
        read("/proc/sys/kernel/random/boot_id")
    }

    pub(super) fn namespace() -> String {
        std::fs::read_link("/proc/self/ns/pid")
            .map(|link| link.to_string_lossy().into_owned())
            .unwrap_or_default()
    }

    fn read(path: &str) -> String {
        std::fs::read_to_string(path).map_or_else(|_| String::new(), |text| text.trim().to_owned())
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System};

    use super::Sight;

    pub(super) fn look(pid: u32) -> Sight {
        started(pid).map_or(Sight::Gone, Sight::Started)
    }

    /// When the process started, in seconds since the Unix epoch; `None` if it does not live.
    fn started(pid: u32) -> Option<i64> {
        let pid = Pid::from_u32(pid);
        let mut system = System::new();
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[pid]),
            false,
            ProcessRefreshKind::nothing(),
        );
        let process = system.process(pid)?;
        if matches!(
            process.status(),
            ProcessStatus::Zombie | ProcessStatus::Dead
        ) {
            return None;
        }
        i64::try_from(process.start_time()).ok()
    }

    pub(super) fn boot() -> String {
        System::boot_time().to_string()
    }

    pub(super) fn namespace() -> String {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        assert_eq!(Process::this().life(), Life::Alive);
    }

    #[test]
    fn a_process_that_ended_is_dead_also_before_its_parent_asks() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let process = Process::of(child.id());
        assert_eq!(process.life(), Life::Alive);
        child.kill().unwrap();
        while process.life() == Life::Alive {
            std::thread::yield_now();
        }
        assert_eq!(
            process.life(),
            Life::Dead,
            "its parent has not waited for it yet"
        );
        child.wait().unwrap();
        assert_eq!(process.life(), Life::Dead);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_lives_until_its_last_thread_has_ended() {
        let stat = |state: &str, threads: u32| {
            format!(
                "7 (a) b) {state} 1 7 7 0 -1 4194560 1 0 0 0 2 3 0 0 20 0 {threads} 0 4711 8 9 18446744073709551615"
            )
        };
        assert_eq!(system::started_of(&stat("S", 3)), Some(4711));
        assert_eq!(system::started_of(&stat("Z", 3)), Some(4711));
        assert_eq!(system::started_of(&stat("Z", 1)), None);
        assert_eq!(system::started_of(&stat("X", 0)), None);
        assert_eq!(system::started_of("7 (cut off) S"), None);
    }

    #[test]
    fn an_id_that_was_used_again_is_another_process() {
        let earlier = Process {
            started: Process::this().started - 1,
            ..Process::this().clone()
        };
        assert_eq!(earlier.life(), Life::Dead);
    }

    #[test]
    fn no_process_lives_through_a_reboot() {
        let before = Process {
            boot: "another".to_owned(),
            ..Process::this().clone()
        };
        assert_eq!(before.life(), Life::Dead);
    }

    #[test]
    fn of_a_process_in_another_container_nothing_is_known() {
        let elsewhere = Process {
            namespace: "another".to_owned(),
            ..Process::this().clone()
        };
        assert_eq!(elsewhere.life(), Life::Unknown);
    }

    #[test]
    fn of_a_process_that_did_not_see_its_own_start_nothing_but_its_id_is_known() {
        let blind = Process {
            started: NOT_KNOWN,
            ..Process::this().clone()
        };
        assert_eq!(blind.life(), Life::Hidden);
        let without_proc = Process {
            boot: String::new(),
            ..Process::this().clone()
        };
        assert_eq!(without_proc.life(), Life::Unknown);
    }
}
