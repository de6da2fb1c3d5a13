//! Keeps the slot of a `cla sem exec` that is killed, as long as its command lives. Only for stores where nothing that the
//! command inherits can do that: a Redis server frees a slot whose lease is not renewed.
//!
//! `exec` starts a second process of this program, the *keeper*, which waits and needs no connection. It has two pipes:
//!
//! ```text
//! exec    --- stdin:  the permit, the command's id, "done" --->  keeper
//! command --- stdout: nothing; open while anything of it lives ---> keeper
//! ```
//!
//! If `exec` ends in order, the last thing that it writes is "done", and the keeper ends, too. If the first pipe is closed
//! without that, `exec` was killed: the keeper goes on with its permit, and gives it back when the command has ended with
//! all that it has started. The keeper is in a process group of its own: if the group of `exec` is killed, so is the command,
//! and the keeper sees that. Only if the keeper is killed as well, the lease decides.

use std::fs::File;
use std::io::{self, BufRead as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, ExitCode, Stdio};

use cla_runtime::semaphore::{Permit, Semaphores, StoreUrl};
use rustix::io::FdFlags;
use serde::{Deserialize, Serialize};

/// The last line of an `exec` that ends in order.
const DONE: &str = "done";

/// The first line that the keeper reads.
#[derive(Deserialize, Serialize)]
struct KeeperInput {
    /// With its password.
    store: String,
    permit: String,
}

/// Nothing to decide: what is kept comes by the standard input.
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args;

/// The keeper, as `exec` has it. Dropped, it hears that all ended in order.
pub(super) struct Keeper {
    pipe: ChildStdin,
    /// The command's end of its pipe.
    life: Option<io::PipeWriter>,
}

impl Keeper {
    /// Starts a keeper for this permit, if its store needs one.
    pub(super) async fn start(url: &StoreUrl, permit: &Permit) -> io::Result<Option<Self>> {
        let Some(succession) = permit.succession().await else {
            return Ok(None);
        };
        let kept = KeeperInput {
            store: url.reveal(),
            permit: succession,
        };
        let (ended, life) = io::pipe()?;
        let mut process = Command::new(this_program()?)
            .arg0("cla")
            .args(["sem", "keep"])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(ended)
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = process.stdin.take();
        let mut keeper = Self {
            pipe: pipe.ok_or(io::ErrorKind::BrokenPipe)?,
            life: Some(life),
        };
        keeper.write(&serde_json::to_string(&kept)?)?;
        Ok(Some(keeper))
    }

    /// Processes that are started from now on inherit the pipe that shows that they live.
    pub(super) fn share_life(&self) -> io::Result<()> {
        match &self.life {
            Some(life) => Ok(rustix::io::fcntl_setfd(life, FdFlags::empty())?),
            None => Ok(()),
        }
    }

    /// The command was started.
    pub(super) fn watch(&mut self, command: Option<u32>) {
        self.life = None;
        // A keeper that is gone cannot help.
        let _ = self.write(&command.unwrap_or(0).to_string());
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.pipe, "{line}")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.life.is_some() {
            // There was no command.
            self.watch(None);
        }
        let _ = self.write(DONE);
    }
}

/// This very program, even if its file was replaced.
fn this_program() -> io::Result<std::path::PathBuf> {
    let running = std::path::Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running.to_owned());
    }
    std::env::current_exe()
}

/// What the keeper does. Its output has no reader.
pub(in super::super) fn run(Args: &Args) -> ExitCode {
    match kept_on() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(crate::exit::FAILED),
    }
}

fn kept_on() -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = io::stdin().lock().lines();
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let kept: KeeperInput = serde_json::from_str(&first?)?;
    let command = lines.next().transpose()?;
    let command = command.and_then(|id| id.parse().ok()).and_then(Watched::of);
    if let Some(Ok(line)) = lines.next()
        && line == DONE
    {
        return Ok(());
    }
    let (said, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        until_ended(command);
        let _ = said.send(());
    });
    crate::event_loop::event_loop()?.block_on(async {
        let store: StoreUrl = kept.store.parse()?;
        let Some((semaphores, permit)) = Semaphores::succeed(&store, &kept.permit).await? else {
            return Ok(());
        };
        tokio::select! {
            _ = ended => {}
            () = permit.lost() => {}
        }
        let _ = super::give_back(permit).await;
        crate::store::close(&semaphores).await;
        Ok(())
    })
}

/// Ends when the command has, and all that has inherited its pipe.
fn until_ended(command: Option<Watched>) {
    if let Ok(pipe) = io::stdout().as_fd().try_clone_to_owned() {
        // The bytes themselves mean nothing.
        let _ = io::copy(&mut File::from(pipe), &mut io::sink());
    }
    // The command may have closed the inherited pipe, as sudo does.
    if let Some(command) = command {
        command.wait();
    }
}

/// The command's own process. Only Linux lets others than its parent wait for it.
struct Watched(#[cfg(target_os = "linux")] std::os::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Watched {
    fn of(id: i32) -> Option<Self> {
        use rustix::process::{Pid, PidfdFlags, pidfd_open};
        let process = pidfd_open(Pid::from_raw(id)?, PidfdFlags::empty());
        process.ok().map(Self)
    }

    fn wait(&self) {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut ended = [PollFd::new(&self.0, PollFlags::IN)];
        while let Err(rustix::io::Errno::INTR) = poll(&mut ended, None) {}
    }
}

#[cfg(not(target_os = "linux"))]
impl Watched {
    fn of(_: i32) -> Option<Self> {
        None
    }

    fn wait(&self) {}
}
