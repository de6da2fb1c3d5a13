//! The task that drives a command: it starts the programs, reads what they write, and ends them.

#![expect(
    clippy::disallowed_methods,
    reason = "commands run in the time of the machine"
)]

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::host::Run;
use cla_runtime::internal::DEPENDENTS_VARIABLE;
use cla_runtime::output::OutputStream;
use futures_util::future::{Either, join_all, try_join_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::shared::{Ended, Shared};
use super::{Stage, check_folder};

/// What a command left running in the background may go on writing; that is read no longer than this after
/// the command itself has ended.
const LINGER: Duration = Duration::from_millis(250);

/// How much is read at once, in bytes.
const CHUNK: usize = 16 << 10;

/// How often it is seen whether a process group is gone.
const LOOK: Duration = Duration::from_millis(10);

/// A program with all that it started. Killed when dropped, unless it has ended by itself: then what it left in the
/// background lives on.
pub(super) struct Group {
    child: Child,
    id: u32,
}

impl Group {
    /// Starts the programs of a command, each reading what the one before it writes.
    pub(super) fn start_all(run: &Run, stages: &[Stage]) -> io::Result<Vec<Self>> {
        let mut groups: Vec<Self> = Vec::new();
        let mut input = Stdio::piped();
        for (at, stage) in stages.iter().enumerate() {
            let (output, next) = match at + 1 < stages.len() {
                true => {
                    let (reader, writer) = io::pipe()?;
                    (Stdio::from(writer), Stdio::from(reader))
                }
                false => (Stdio::piped(), Stdio::null()),
            };
            // If it cannot be started, those before it are dropped, and so killed.
            groups.push(Self::start(run, stage, input, output)?);
            input = next;
        }
        Ok(groups)
    }

    fn start(run: &Run, stage: &Stage, input: Stdio, output: Stdio) -> io::Result<Self> {
        let mut command = Command::new(&stage.program);
        command.args(&stage.arguments);
        if let Some(folder) = &stage.folder {
            check_folder(folder)?;
            command.current_dir(folder);
        }
        see_only_permitted(&mut command, run);
        if let Some(dependents) = run.dependents_of_command() {
            command.env(DEPENDENTS_VARIABLE, dependents);
        }
        for (name, value) in &stage.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let child = command.spawn()?;
        let id = child.id().unwrap_or_default();
        Ok(Self { child, id })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // There is none once it was waited for.
        #[cfg(unix)]
        if self.child.id().is_some() {
            send(self.id, Some(nix::sys::signal::Signal::SIGKILL));
        }
    }
}

/// Sends a signal to a process group. `false`: there is none any more. Without a signal, it is only seen whether there is one.
#[cfg(unix)]
pub(super) fn send(group: u32, signal: Option<nix::sys::signal::Signal>) -> bool {
    let group = nix::unistd::Pid::from_raw(group.cast_signed());
    // It may have ended at this moment.
    group.as_raw() > 1 && nix::sys::signal::killpg(group, signal).is_ok()
}

/// A command sees of the environment what its rule sees; and `PATH`, or it would find no program.
fn see_only_permitted(command: &mut Command, run: &Run) {
    if run.sees_process_environment() {
        return;
    }
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(run.visible_environment());
}

/// See the module.
pub(super) struct Driver {
    pub(super) groups: Vec<Group>,
    pub(super) input: Vec<u8>,
    pub(super) timeout: Option<Duration>,
    pub(super) grace: Duration,
}

/// Why a command must end before it does so by itself.
enum MustEnd {
    Asked,
    TimedOut,
    WritesTooMuch(String),
}

impl Driver {
    /// The process groups.
    pub(super) fn ids(&self) -> Vec<u32> {
        self.groups.iter().map(|group| group.id).collect()
    }

    /// Drives the command until it has ended.
    pub(super) async fn drive(self, shared: Arc<Shared>) {
        let ids = self.ids();
        let Self {
            mut groups,
            input,
            timeout,
            grace,
        } = self;
        let stdin = groups
            .first_mut()
            .and_then(|group| group.child.stdin.take());
        let mut readers = Vec::new();
        for group in &mut groups {
            let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
            readers.push(read(
                stdout.map(Either::Left),
                OutputStream::Stdout,
                &shared,
            ));
            readers.push(read(
                stderr.map(Either::Right),
                OutputStream::Stderr,
                &shared,
            ));
        }
        let mut reading = pin!(try_join_all(readers));
        let mut writing = pin!(write(stdin, &input));
        let waits = groups.iter_mut().map(|group| group.child.wait());
        let mut waiting = pin!(join_all(waits));
        let mut out_of_time = pin!(async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        });
        let (mut read_all, mut written_all) = (false, false);
        let ended = loop {
            tokio::select! {
                statuses = &mut waiting => break Ok(statuses),
                done = &mut reading, if !read_all => {
                    read_all = true;
                    if let Err(problem) = done {
                        break Err(MustEnd::WritesTooMuch(problem));
                    }
                }
                () = &mut writing, if !written_all => written_all = true,
                () = &mut out_of_time => break Err(MustEnd::TimedOut),
                () = shared.must_end() => break Err(MustEnd::Asked),
            }
        };
        let (statuses, why) = match ended {
            Ok(statuses) => (statuses, None),
            Err(why) => {
                ask_to_end(&ids);
                let mut grace = pin!(tokio::time::sleep(grace));
                let (mut statuses, mut pause) = (None, LOOK);
                loop {
                    tokio::select! {
                        done = &mut waiting, if statuses.is_none() => statuses = Some(done),
                        // It may have something to say while it ends, and must not wait for a reader.
                        _ = &mut reading, if !read_all => read_all = true,
                        () = tokio::time::sleep(pause), if statuses.is_some() => pause *= 2,
                        () = &mut grace => break,
                    }
                    // What it has started has the same time as itself.
                    if statuses.is_some() && !ids.iter().any(|id| is_alive(*id)) {
                        break;
                    }
                }
                kill(&ids);
                let statuses = match statuses {
                    Some(statuses) => statuses,
                    None => waiting.await,
                };
                (statuses, Some(why))
            }
        };
        let mut problem = None;
        if !read_all && let Ok(Err(too_much)) = tokio::time::timeout(LINGER, reading).await {
            problem = Some(too_much);
        }
        let timed_out = matches!(why, Some(MustEnd::TimedOut));
        if let Some(MustEnd::WritesTooMuch(too_much)) = why {
            problem = Some(too_much);
        }
        shared.finish(match problem {
            Some(problem) => Err(problem),
            None => how(statuses, timed_out),
        });
    }
}

/// How a command ended: as the last of its programs that failed. One that ends because the next one reads no more has not
/// failed.
fn how(statuses: Vec<io::Result<ExitStatus>>, timed_out: bool) -> Result<Ended, String> {
    const SIGPIPE: i32 = 13;
    let last = statuses.len().saturating_sub(1);
    let mut ended = Ended {
        timed_out,
        ..Ended::default()
    };
    for (at, status) in statuses.into_iter().enumerate() {
        let status = status.map_err(|error| error.to_string())?;
        let signal = signal_of(status);
        let code = match signal {
            0 => status.code().unwrap_or(1),
            signal => 128 + signal,
        };
        let ended_by_next = at < last && (signal == SIGPIPE || code == 128 + SIGPIPE);
        if code != 0 && !ended_by_next {
            (ended.code, ended.signal) = (code, signal);
        }
    }
    Ok(ended)
}

fn signal_of(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    return std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(0);
    #[cfg(not(unix))]
    {
        let _ = status;
        0
    }
}

fn ask_to_end(groups: &[u32]) {
    #[cfg(unix)]
    for group in groups {
        send(*group, Some(nix::sys::signal::Signal::SIGTERM));
    }
    #[cfg(not(unix))]
    let _ = groups;
}

fn kill(groups: &[u32]) {
    #[cfg(unix)]
    for group in groups {
        send(*group, Some(nix::sys::signal::Signal::SIGKILL));
    }
    #[cfg(not(unix))]
    let _ = groups;
}

/// Whether a process of the group is left that has not ended.
fn is_alive(group: u32) -> bool {
    #[cfg(unix)]
    {
        send(group, None) && !has_only_ended(group)
    }
    #[cfg(not(unix))]
    {
        let _ = group;
        false
    }
}

/// Whether all processes of a group have ended, and only their parents have not asked how. Not every system has a first
/// process that does so for orphans: a container need not.
#[cfg(target_os = "linux")]
fn has_only_ended(group: u32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return false;
    };
    let is_live_member = |stat: String| {
        // The name in brackets may hold anything.
        let Some((_, facts)) = stat.rsplit_once(") ") else {
            return false;
        };
        let mut facts = facts.split(' ');
        let (state, pgrp) = (facts.next(), facts.nth(1));
        pgrp.and_then(|pgrp| pgrp.parse().ok()) == Some(group) && !matches!(state, Some("Z" | "X"))
    };
    !processes.flatten().any(|process| {
        let name = process.file_name();
        let is_process = name
            .as_encoded_bytes()
            .first()
            .is_some_and(u8::is_ascii_digit);
        is_process && std::fs::read_to_string(process.path().join("stat")).is_ok_and(is_live_member)
    })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn has_only_ended(_group: u32) -> bool {
    false
}

/// Gives a command what it is to read. It need not read it.
async fn write(to: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut to) = to {
        let _ = to.write_all(input).await;
        let _ = to.shutdown().await;
    }
}

async fn read(
    from: Option<Either<ChildStdout, ChildStderr>>,
    which: OutputStream,
    shared: &Shared,
) -> Result<(), String> {
    let Some(mut from) = from else { return Ok(()) };
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = match &mut from {
            Either::Left(from) => from.read(&mut chunk).await,
            Either::Right(from) => from.read(&mut chunk).await,
        };
        match count {
            Ok(0) => return Ok(()),
            Ok(count) => shared.put(which, &chunk[..count]).await?,
            Err(error) => return Err(error.to_string()),
        }
    }
}
