//! What a hostile script leaves behind when its run is over: processes, temporary files, open files. Nothing should be left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The variable of the environment by which what a script has started is known.
pub(crate) const MARK: &str = "HOSTILE_MARK";

/// How long it may take until it is gone: the system tells of an end a little later.
const SOON: Duration = Duration::from_secs(3);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// The processes below this one, but for those that have ended.
pub(crate) fn descendants(of: u32) -> Vec<(u32, String)> {
    let all = processes();
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut parents = vec![of];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.id);
            found.push((process.id, process.name.clone()));
        }
    }
    found
}

/// The processes whose environment has this mark.
fn marked(mark: &str) -> Vec<(u32, String)> {
    let wanted = format!("{MARK}={mark}");
    let has_mark = |id: u32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    };
    let all = processes().into_iter();
    all.filter(|process| has_mark(process.id))
        .map(|process| (process.id, process.name))
        .collect()
}

struct Process {
    id: u32,
    parent: u32,
    name: String,
}

fn processes() -> Vec<Process> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let read = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name is in brackets, and may have any characters.
        let (name, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let (_, name) = name.split_once('(')?;
        (state != "Z").then(|| Process {
            id,
            parent,
            name: name.to_owned(),
        })
    };
    entries.flatten().filter_map(read).collect()
}

/// How many files a process has open.
pub(crate) fn open_files(of: u32) -> usize {
    std::fs::read_dir(format!("/proc/{of}/fd")).map_or(0, Iterator::count)
}

/// What is left of a script that had this mark and this folder for temporary files. Processes are ended.
pub(crate) fn of_run(mark: &str, temporary: &Path) -> Vec<String> {
    let mut left = until_none(|| {
        let processes = marked(mark).into_iter();
        processes
            .map(|(id, name)| format!("the process {id} ({name})"))
            .collect()
    });
    for (id, _) in marked(mark) {
        kill(id);
    }
    left.extend(
        files(temporary)
            .iter()
            .map(|file| format!("the temporary file {}", file.display())),
    );
    left
}

/// What a script left behind in a process that goes on: more open files than before, and other processes.
pub(crate) fn of_host(id: u32, files_before: usize, temporary: &Path) -> Vec<String> {
    /// What an engine may keep: a connection for the next request, for instance.
    const KEPT: usize = 8;
    let mut left = until_none(|| {
        let mut left: Vec<String> = descendants(id)
            .into_iter()
            .map(|(id, name)| format!("the process {id} ({name})"))
            .collect();
        let files = open_files(id);
        if files > files_before + KEPT {
            left.push(format!(
                "{files} open files, where there were {files_before}"
            ));
        }
        left
    });
    for (id, _) in descendants(id) {
        kill(id);
    }
    left.extend(
        files(temporary)
            .iter()
            .map(|file| format!("the temporary file {}", file.display())),
    );
    left
}

/// Asks until there is nothing, for a while.
fn until_none(look: impl Fn() -> Vec<String>) -> Vec<String> {
    let until = Instant::now() + SOON;
    loop {
        let left = look();
        if left.is_empty() || Instant::now() > until {
            return left;
        }
        std::thread::sleep(LOOK);
    }
}

/// The entries of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn kill(id: u32) {
    if let Ok(id) = i32::try_from(id) {
        // It may be gone by now.
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(id),
            nix::sys::signal::Signal::SIGKILL,
        );
    }
}
