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
    /// It counts its ids elsewhere (another container): only its lease tells.
    Unknown,
}

impl Process {
    /// This one.
    pub(super) fn this() -> &'static Self {
        static THIS: OnceLock<Process> = OnceLock::new();
        THIS.get_or_init(|| {
            let pid = std::process::id();
            Self {
                pid,
                started: system::started(pid).unwrap_or(0),
                boot: system::boot(),
                namespace: system::namespace(),
            }
        })
    }

    /// Whether it lives.
    pub(super) fn life(&self) -> Life {
        let this = Self::this();
        if self.boot != this.boot {
            return Life::Dead;
        }
        if self.namespace != this.namespace {
            return Life::Unknown;
        }
        if system::started(self.pid) == Some(self.started) {
            Life::Alive
        } else {
            Life::Dead
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    /// When the process started, in clock ticks since the boot; `None` if it does not live. One that ended
    /// and whose parent has not asked for its exit code is dead, too.
    pub(super) fn started(pid: u32) -> Option<i64> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started_of(&stat)
    }

    /// The same, of what the system says about a process.
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

    /// When the process started, in seconds since the Unix epoch; `None` if it does not live.
    pub(super) fn started(pid: u32) -> Option<i64> {
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
        let process = Process {
            pid: child.id(),
            started: system::started(child.id()).unwrap(),
            ..Process::this().clone()
        };
        assert_eq!(process.life(), Life::Alive);
        child.kill().unwrap();
        while process.life() == Life::Alive {
            std::thread::yield_now();
        }
        assert_eq!(process.life(), Life::Dead, "nobody has waited for it yet");
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
    fn nobody_lives_through_a_reboot() {
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
}
