//! Semaphores in a file, and the floors under them: SQLite itself, and two processes that do nothing but wake each
//! other.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cla_semaphore::{SemaphoreName, Semaphores};
use rusqlite::Connection;

use crate::sample::Effort;

/// A free slot, taken and given back.
pub(crate) fn take(effort: Effort) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let semaphores = open(&folder.path().join("semaphores.db"))?;
    let handle = semaphores.semaphore(&SemaphoreName::new("free")?);
    let times = effort.times(2_000);
    effort.nanoseconds(times, || {
        for _ in 0..times {
            drop(handle.acquire().blocking()?);
        }
        Ok(())
    })
}

/// Two transactions that each add one to a number, with the settings that the store has.
pub(crate) fn two_transactions(effort: Effort) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let number = Number::open(&folder.path().join("number.db"))?;
    let times = effort.times(2_000);
    effort.nanoseconds(times, || {
        for _ in 0..2 * times {
            number.add_one()?;
        }
        Ok(())
    })
}

/// One hand-over from process to process: from the release by one to the permit of the other.
///
/// Two processes take turns, so that one always waits while the other holds. A turn is two hand-overs: away, and back.
pub(crate) fn hand_over(effort: Effort) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("semaphores.db");
    let semaphores = open(&path)?;
    let name = SemaphoreName::new("turns")?;
    let partner = Partner::start(&["sqlite-partner", path.to_str().context("a path")?])?;
    let turns = effort.times(2_000) as usize;
    let mut times = Vec::with_capacity(turns);
    let mut permit = semaphores.semaphore(&name).acquire().blocking()?;
    while times.len() < turns {
        let released = Instant::now();
        drop(permit);
        permit = semaphores.semaphore(&name).acquire().blocking()?;
        // Not at the start, while the other one is not there yet.
        if !permit.waited().is_zero() {
            times.push(released.elapsed());
        }
    }
    drop(permit);
    partner.end()?;
    times.sort_unstable();
    Ok(times[turns / 2].as_nanos() as f64 / 2.0)
}

/// The other process of [`hand_over`]: takes the slot until there is nothing more to read.
pub(crate) fn hand_over_partner(path: &Path) -> Result<()> {
    let semaphores = open(path)?;
    let name = SemaphoreName::new("turns")?;
    let over = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    while !over.is_finished() {
        drop(semaphores.semaphore(&name).acquire().blocking()?);
    }
    Ok(())
}

/// A byte that goes from process to process through pipes: as fast as processes can wake each other.
pub(crate) fn pipe_hand_over(effort: Effort) -> Result<f64> {
    let times = effort.times(10_000);
    let mut partner = Partner::start(&["pipe-partner"])?;
    let nanos = effort.nanoseconds(2 * times, || {
        let mut byte = [b'.'];
        for _ in 0..times {
            partner.input.write_all(&byte)?;
            partner.input.flush()?;
            partner.output.read_exact(&mut byte)?;
        }
        Ok(())
    })?;
    partner.end()?;
    Ok(nanos)
}

/// The other process of [`pipe_hand_over`].
pub(crate) fn pipe_partner() -> Result<()> {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut byte = [0];
    while input.read(&mut byte)? == 1 {
        output.write_all(&byte)?;
        output.flush()?;
    }
    Ok(())
}

/// Two processes that take turns at one small transaction of SQLite each, and pass a byte in between: what a hand-over
/// costs at least if it is written into a file.
pub(crate) fn file_hand_over(effort: Effort) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("number.db");
    let number = Number::open(&path)?;
    let mut partner = Partner::start(&["file-partner", path.to_str().context("a path")?])?;
    let times = effort.times(2_000);
    let nanos = effort.nanoseconds(2 * times, || {
        let mut byte = [b'.'];
        for _ in 0..times {
            number.add_one()?;
            partner.input.write_all(&byte)?;
            partner.input.flush()?;
            partner.output.read_exact(&mut byte)?;
        }
        Ok(())
    })?;
    partner.end()?;
    Ok(nanos)
}

/// The other process of [`file_hand_over`].
pub(crate) fn file_partner(path: &Path) -> Result<()> {
    let number = Number::open(path)?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut byte = [0];
    while input.read(&mut byte)? == 1 {
        number.add_one()?;
        output.write_all(&byte)?;
        output.flush()?;
    }
    Ok(())
}

/// A number in a file, with the settings that the store has.
struct Number(Connection);

impl Number {
    fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE IF NOT EXISTS number (id INTEGER PRIMARY KEY, n INTEGER);
             INSERT OR IGNORE INTO number VALUES (1, 0);",
        )?;
        Ok(Self(connection))
    }

    fn add_one(&self) -> Result<()> {
        let Self(connection) = self;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        connection
            .prepare_cached("UPDATE number SET n = n + 1")?
            .execute([])?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }
}

fn open(path: &Path) -> Result<Semaphores> {
    Ok(Semaphores::connect(&format!("sqlite:{}", path.display()))?)
}

/// This program once more.
struct Partner {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Partner {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self {
            input: process.stdin.take().context("a pipe")?,
            output: BufReader::new(process.stdout.take().context("a pipe")?),
            process,
        })
    }

    fn end(mut self) -> Result<()> {
        drop(self.input);
        let mut said = String::new();
        while self.output.read_line(&mut said)? > 0 {}
        ensure!(self.process.wait()?.success(), "the other process failed");
        Ok(())
    }
}
