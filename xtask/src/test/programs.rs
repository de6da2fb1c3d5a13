//! The test programs of the workspace: built by cargo, run by us, two at a time.
//!
//! `cargo test` runs one program after the other. Some of ours wait nearly all of their time (for a lease to run out, for a
//! server to come back) and compute next to nothing. Those are run one after the other beside the rest, which saves
//! minutes and disturbs nobody.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::Log;
use crate::{cargo, root};

/// Programs that wait and hardly compute: package and name. What is measured of each is in seconds, of the clock and
/// of the processor.
const WAITING: &[(&str, &str)] = &[
    ("cla", "documents"),               // 60.6, 4.6
    ("cla-tests", "redis_faults"),      // 47.6, 0.7
    ("cla-conformance", "conformance"), // 30.4, 2.0
    ("cla", "serve"),                   // 28.8, 4.9
    ("cla", "serve_two"),               // 26.2, 1.3
];

/// The slowest takes four minutes on two cores: a program that takes longer than this hangs.
const PROGRAM_LIMIT: Duration = Duration::from_secs(12 * 60);

/// A test program that cargo built.
pub(crate) struct Program {
    package: String,
    /// The folder of its package, where it is run.
    folder: PathBuf,
    name: String,
    /// Its main file, as `cargo test` shows it.
    source: PathBuf,
    file: PathBuf,
}

impl Program {
    /// Reads one line of what cargo says; nothing if it is about something else than a test program.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let message: Value = serde_json::from_str(line).ok()?;
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            return None;
        }
        let manifest = Path::new(message["manifest_path"].as_str()?);
        let source = Path::new(message["target"]["src_path"].as_str()?);
        let folder = manifest.parent()?.to_owned();
        Some(Self {
            // `path+file:///…/semaphore#cla-semaphore@0.1.0`, or `…/runtime#0.1.0` where the folder has the name.
            package: package_name(message["package_id"].as_str()?)?,
            source: source.strip_prefix(&folder).unwrap_or(source).to_owned(),
            folder,
            name: message["target"]["name"].as_str()?.to_owned(),
            file: message["executable"].as_str()?.into(),
        })
    }

    /// The program itself.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    fn waits(&self) -> bool {
        WAITING.contains(&(self.package.as_str(), self.name.as_str()))
    }

    /// What cargo would say before it runs it.
    fn heading(&self) -> String {
        let file = self.file.strip_prefix(root()).unwrap_or(&self.file);
        format!(
            "     Running {} of {} ({})",
            self.source.display(),
            self.package,
            file.display()
        )
    }

    /// The command that runs it as cargo does.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.file);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .env("CARGO_PKG_NAME", &self.package)
            // The build made the program too: the hostile scripts need not build it again, with other features.
            .env("CLA_HOSTILE_BUILT", "1");
        command
    }
}

fn package_name(id: &str) -> Option<String> {
    let (path, rest) = id.rsplit_once('#')?;
    Some(match rest.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => path.rsplit('/').next()?.to_owned(),
    })
}

/// Runs test programs. The log has what they print. An error says which failed.
pub(super) fn run(programs: &[Program], log: &mut Log) -> Result<()> {
    let (waiting, others): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.waits());
    for (package, name) in WAITING {
        ensure!(
            waiting
                .iter()
                .any(|program| (program.package.as_str(), program.name.as_str())
                    == (*package, *name)),
            "there is no test program {name} in {package}: the list of those that wait is out of date"
        );
    }
    let mut beside = log.beside("waiting")?;
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| -> Result<()> {
        let lane = scope.spawn(|| run_each(&waiting, &mut beside, &failed));
        let here = run_each(&others, log, &failed);
        let there = lane.join();
        here?;
        match there {
            Ok(done) => done,
            Err(_) => bail!("the thread of the programs that wait panicked"),
        }
    })?;
    log.append(&beside)?;
    let failed = failed.into_inner().unwrap_or_default();
    ensure!(
        failed.is_empty(),
        "{} of {} test programs failed:\n{}\n",
        failed.len(),
        programs.len(),
        failed.join("\n")
    );
    Ok(())
}

/// Runs one program after the other, and goes on after one that failed.
fn run_each(programs: &[&Program], log: &mut Log, failed: &Mutex<Vec<String>>) -> Result<()> {
    for program in programs {
        log.note(&program.heading())?;
        if let Err(error) = log.run_quietly(&mut program.command(), PROGRAM_LIMIT) {
            // A program that was killed, or ended itself, has not said which test it was: its last line is what there is.
            let last = log.last_line();
            log.note(&format!("error: {error:#}"))?;
            if let Ok(mut failed) = failed.lock() {
                failed.push(format!(
                    "{} of {}: {error:#}, after {last:?}",
                    program.source.display(),
                    program.package
                ));
            }
        }
    }
    Ok(())
}

/// Lets cargo build all test programs of the workspace. What it says of the build is in the log; which programs there are, it says as JSON.
pub(super) fn build(log: &mut Log, limit: Duration) -> Result<Vec<Program>> {
    const BUILD: [&str; 4] = ["test", "--workspace", "--locked", "--no-run"];
    log.run(cargo().args(BUILD), limit)?;
    // Built by now: this only lists them.
    let listed = cargo()
        .args(BUILD)
        .arg("--message-format=json")
        .output()
        .context("cannot run `cargo test --no-run`")?;
    ensure!(
        listed.status.success(),
        "cannot list the test programs: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let programs: Vec<Program> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(Program::read)
        .collect();
    ensure!(!programs.is_empty(), "cargo built no test program");
    log.note(&format!(
        "{} test programs, {} of them beside the others",
        programs.len(),
        programs.iter().filter(|program| program.waits()).count()
    ))?;
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_read_from_what_cargo_says() {
        let line = r##"{"reason":"compiler-artifact","package_id":"path+file:///w/repl#cla@0.1.0","manifest_path":"/w/repl/Cargo.toml","target":{"kind":["test"],"name":"documents","src_path":"/w/repl/tests/documents/main.rs"},"profile":{"test":true},"executable":"/w/target/debug/deps/documents-1"}"##;
        let program = Program::read(line).expect("a program");
        assert_eq!(
            (program.package.as_str(), program.name.as_str()),
            ("cla", "documents")
        );
        assert_eq!(program.source, Path::new("tests/documents/main.rs"));
        assert_eq!(program.folder, Path::new("/w/repl"));
        assert!(program.waits());
    }

    #[test]
    fn what_is_no_test_program_is_left_out() {
        let library = r##"{"reason":"compiler-artifact","package_id":"path+file:///w/repl#cla@0.1.0","manifest_path":"/w/repl/Cargo.toml","target":{"name":"cla","src_path":"/w/repl/src/lib.rs"},"profile":{"test":false},"executable":null}"##;
        assert!(Program::read(library).is_none());
        assert!(Program::read("no JSON").is_none());
    }

    #[test]
    fn a_package_has_its_name_from_the_end_of_its_id() {
        assert_eq!(
            package_name("path+file:///w/semaphore#cla-semaphore@0.1.0").as_deref(),
            Some("cla-semaphore")
        );
        assert_eq!(
            package_name("path+file:///w/xtask#0.1.0").as_deref(),
            Some("xtask")
        );
    }
}
