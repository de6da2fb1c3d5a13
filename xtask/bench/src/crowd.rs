//! Many processes at one semaphore: what they cost while they wait, and how long it takes until all have had their turn.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use cla_semaphore::{SemaphoreName, Semaphores};
use cla_tests::redis::Server;

use crate::sample::Effort;

/// How often to look whether all wait.
const LOOK: Duration = Duration::from_millis(20);

/// What they have to do at their start is over then.
const SETTLED: Duration = Duration::from_secs(3);

/// The CPU time that `count` processes take which wait at a semaphore in a file, in percent of a core.
pub(crate) fn idle(count: usize, effort: Effort) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = in_file(folder.path());
    let semaphores = Semaphores::connect(&store)?;
    let name = SemaphoreName::new("held")?;
    let _held = semaphores.semaphore(&name).acquire().blocking()?;
    let crowd = Crowd(
        (0..count)
            .map(|_| exec(&store, "held"))
            .collect::<Result<_>>()?,
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let all_wait = || -> Result<bool> {
        let view = runtime.block_on(semaphores.show(&name))?;
        Ok(view.is_some_and(|view| view.waiting == count))
    };
    while !all_wait()? {
        sleep(LOOK);
    }
    sleep(SETTLED);
    let before = crowd.cpu_time()?;
    let since = Instant::now();
    sleep(Duration::from_secs(effort.times(12).into()));
    let spent = crowd.cpu_time()? - before;
    Ok(spent.as_secs_f64() / since.elapsed().as_secs_f64() * 100.0)
}

/// Until `count` commands that begin together have had one slot in a file each, and have ended.
pub(crate) fn in_a_file(count: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = in_file(folder.path());
    all_of(count, || exec(&store, "crowd"))
}

/// The same, on a Redis server.
pub(crate) fn on_redis(count: usize) -> Result<f64> {
    let server = Server::start();
    let store = server.url();
    all_of(count, || exec(&store, "crowd"))
}

/// The same, with flock(1).
pub(crate) fn with_flock(count: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("lock");
    all_of(count, || {
        Ok(quiet(Command::new("flock").arg(&file).arg("true")).spawn()?)
    })
}

fn all_of(count: usize, start: impl Fn() -> Result<Child>) -> Result<f64> {
    let since = Instant::now();
    let mut crowd = Crowd((0..count).map(|_| start()).collect::<Result<_>>()?);
    for child in &mut crowd.0 {
        ensure!(child.wait()?.success(), "one of them failed");
    }
    Ok(since.elapsed().as_nanos() as f64)
}

fn in_file(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("semaphores.db").display())
}

fn exec(store: &str, name: &str) -> Result<Child> {
    let mut command = Command::new(cla()?);
    command.args(["sem", "exec", "--store", store, name, "--", "true"]);
    Ok(quiet(&mut command).spawn()?)
}

fn quiet(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// The program, which is built with this one.
pub(crate) fn cla() -> Result<PathBuf> {
    let program =
        std::env::current_exe()?.with_file_name(format!("cla{}", std::env::consts::EXE_SUFFIX));
    ensure!(program.exists(), "{} is not built", program.display());
    Ok(program)
}

/// They end with this.
struct Crowd(Vec<Child>);

impl Crowd {
    /// What all their threads have spent so far.
    fn cpu_time(&self) -> Result<Duration> {
        let times = self.0.iter().map(|child| cpu_time_of(child.id()));
        times.sum()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

/// Linux has it in nanoseconds for each thread.
fn cpu_time_of(process: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task")).context("this needs Linux")? {
        let spent = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let spent = spent.split_whitespace().next().context("a time")?;
        nanos += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}
