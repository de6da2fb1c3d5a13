//! The program that runs the scripts, and what protects the machine from it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use nix::sys::resource::{Resource, setrlimit};

use crate::settings::Settings;

/// Address space of every process that the test starts. A fiber reserves more than it uses.
const ADDRESS_SPACE: u64 = 6 << 30;

/// Resident memory with which a process is killed, in MiB: no bound is near it.
pub(crate) const TOO_MUCH: u64 = 1500;

/// Limits what the test and every process that it starts may take.
pub(crate) fn protect_this_machine() {
    // A system without this limit still has the look at resident memory.
    let _ = setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE, ADDRESS_SPACE);
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}

/// The program: another one if the settings name it, or `cla` beside this test, built if it is older than its sources.
pub(crate) fn find(settings: &Settings) -> PathBuf {
    if let Some(program) = &settings.program {
        return program
            .canonicalize()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    }
    let test = std::env::current_exe().unwrap();
    // `target/debug/deps/hostile-...` and `target/debug/cla`.
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = folder.join("cla");
    if !settings.is_built && !is_current(&program) {
        build(folder);
    }
    program
}

/// Whether no source of the program, as cargo lists them beside it, is newer than it.
fn is_current(program: &Path) -> bool {
    let Ok(built) = modified(program) else {
        return false;
    };
    let Ok(list) = std::fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    sources
        .split_whitespace()
        .all(|source| modified(Path::new(source)).is_ok_and(|source| source <= built))
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    path.metadata()?.modified()
}

fn build(folder: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    // With the features that the whole workspace asks for, as `cargo test` has them: nothing is compiled twice.
    cargo.args(["build", "--workspace", "--bin", "cla"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "the program cannot be built"
    );
}
