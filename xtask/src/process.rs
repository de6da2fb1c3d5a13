//! Runs child processes with their output kept in a file: silent while all goes well, there in full when it does not.
//!
//! A file instead of a pipe, because a grandchild that outlives its parent may hold a pipe open for ever.

use std::fs::File;
use std::io::{IsTerminal, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(20);

/// How often the line that shows a child's progress is redrawn.
const REDRAW: Duration = Duration::from_millis(250);

/// The columns that the progress line keeps to: a wrapped line could not be redrawn.
const WIDTH: usize = 79;

/// The output of one step, as a file that children write to directly.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    /// Also copied to the terminal while it is written.
    pub(crate) verbose: bool,
    /// What stands in front of the progress line.
    label: String,
}

impl Log {
    /// Starts an empty log at `path`; `label` says whose it is. With `verbose`, it is shown as it grows.
    pub(crate) fn create(path: &Path, label: &str, verbose: bool) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: empty_file(path)?,
            verbose,
            label: label.to_owned(),
        })
    }

    /// Everything written so far.
    pub(crate) fn text(&self) -> String {
        text_of(&self.path)
    }

    /// The last line of what was written so far that is not empty.
    pub(crate) fn last_line(&self) -> String {
        last_line(&self.path).unwrap_or_default()
    }

    /// A second log, for what runs at the same time. The terminal does not see it.
    pub(crate) fn beside(&self, name: &str) -> Result<Self> {
        let path = self.path.with_extension(format!("{name}.log"));
        Ok(Self {
            file: empty_file(&path)?,
            path,
            verbose: false,
            label: String::new(),
        })
    }

    /// Adds all that another log has.
    pub(crate) fn append(&mut self, other: &Self) -> Result<()> {
        let text = other.text();
        if self.verbose {
            print!("{text}");
        }
        self.file.write_all(text.as_bytes())?;
        Ok(())
    }

    /// Adds a line of our own between those of the children.
    pub(crate) fn note(&mut self, line: &str) -> Result<()> {
        if self.verbose {
            println!("{line}");
        }
        writeln!(self.file, "{line}")?;
        Ok(())
    }

    /// Runs `command` to its end. An error names the command if it cannot start, fails, or outlives `limit`.
    pub(crate) fn run(&mut self, command: &mut Command, limit: Duration) -> Result<()> {
        self.note(&format!("$ {}", show(command)))?;
        self.run_quietly(command, limit)
    }

    /// As [`run`](Self::run), without a line in the log that says what is run.
    pub(crate) fn run_quietly(&mut self, command: &mut Command, limit: Duration) -> Result<()> {
        let shown = show(command);
        command
            .stdin(Stdio::null())
            .stdout(self.file.try_clone()?)
            .stderr(self.file.try_clone()?);
        let mut watch = Watch::new(&self.path, &self.label, self.verbose)?;
        let status = wait(command, limit, || watch.look())?;
        drop(watch);
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`{shown}` failed ({status})"),
            None => bail!("`{shown}` was still running after {}", seconds(limit)),
        }
    }

    /// Runs `command` with any exit code, and keeps what it prints out of the log.
    ///
    /// The command and all that it started are killed when they outlive `limit`.
    pub(crate) fn capture(&self, command: &mut Command, limit: Duration) -> Result<Captured> {
        let path = self.path.with_extension("out");
        let file = empty_file(&path)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let status = wait(command, limit, || {})?;
        Ok(Captured {
            printed: text_of(&path),
            status,
        })
    }
}

/// How a captured command ended.
pub(crate) struct Captured {
    pub(crate) printed: String,
    /// Nothing if it had to be killed.
    pub(crate) status: Option<ExitStatus>,
}

fn empty_file(path: &Path) -> Result<File> {
    std::fs::write(path, "").with_context(|| format!("cannot write {}", path.display()))?;
    // Appending, so that two handles on the file never write over each other.
    Ok(File::options().append(true).open(path)?)
}

fn text_of(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// Starts `command` and waits for it, calling `meanwhile` again and again. Returns nothing if it outlived `limit` and
/// was killed.
fn wait(
    command: &mut Command,
    limit: Duration,
    mut meanwhile: impl FnMut(),
) -> Result<Option<ExitStatus>> {
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", show(command)))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            meanwhile();
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            // The group, if `command` leads one, and then the child itself. Both may be gone already.
            let _ = Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", child.id())])
                .stderr(Stdio::null())
                .status();
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        meanwhile();
        std::thread::sleep(POLL);
    }
}

/// What a terminal sees of a log that grows: all of it, or one line with the last thing it said.
enum Watch {
    Copy(File),
    Progress {
        label: String,
        log: PathBuf,
        since: Instant,
        drawn: Option<Instant>,
    },
    Silent,
}

impl Watch {
    fn new(log: &Path, label: &str, verbose: bool) -> Result<Self> {
        Ok(if label.is_empty() {
            Self::Silent
        } else if verbose {
            let mut file = File::open(log)?;
            file.seek(SeekFrom::End(0))?;
            Self::Copy(file)
        } else if std::io::stdout().is_terminal() {
            Self::Progress {
                label: label.to_owned(),
                log: log.to_owned(),
                since: Instant::now(),
                drawn: None,
            }
        } else {
            Self::Silent
        })
    }

    fn look(&mut self) {
        match self {
            // A terminal that went away ends us soon enough; showing the output need not.
            Self::Copy(log) => drop(std::io::copy(log, &mut std::io::stdout())),
            Self::Progress { drawn, .. } if drawn.is_some_and(|at| at.elapsed() < REDRAW) => {}
            Self::Progress {
                label,
                log,
                since,
                drawn,
            } => {
                *drawn = Some(Instant::now());
                let last = last_line(log).unwrap_or_default();
                let line = format!("{label} {}  {last}", seconds(since.elapsed()));
                let line: String = line.chars().take(WIDTH).collect();
                print!("\r\x1b[2K{line}");
                let _ = std::io::stdout().flush();
            }
            Self::Silent => {}
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Self::Progress { drawn: Some(_), .. } = self {
            print!("\r\x1b[2K");
            let _ = std::io::stdout().flush();
        }
    }
}

fn last_line(path: &Path) -> Option<String> {
    const TAIL: u64 = 400;
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))
        .ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    let tail = String::from_utf8_lossy(&tail).into_owned();
    let line = tail.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(without_escapes(line).trim().to_owned())
}

/// `text` without the escape sequences that colour it.
pub(crate) fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\x1b' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            // A control sequence ends at its first letter, `~` or `@`.
            let _ = chars.find(|c| ('@'..='~').contains(c));
        }
    }
    plain
}

/// A duration as a reader wants it: `0.4 s`, `1 min 12 s`.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(100) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// The command as a user would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_leave_no_trace() {
        assert_eq!(
            without_escapes("\x1b[1m\x1b[32m   Compiling\x1b[0m xtask"),
            "   Compiling xtask"
        );
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(192)), "3 min 12 s");
    }
}
