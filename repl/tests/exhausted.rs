//! A process that is given few descriptors, threads or little memory says so, and ends by an exit code: no panic, no
//! signal, no hang.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cla");

/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the program is asked to do in such a state, with a text on standard input.
const COMMANDS: [(&str, &str); 9] = [
    ("run rule.js", ""),
    ("run --store memory: rule.js", ""),
    ("run --store memory: book.yml", ""),
    ("run --store memory: types.ts", ""),
    ("run --store memory: --copies 3 rule.js", ""),
    ("repl --store memory:", "1 + 1\n"),
    ("sem list", ""),
    ("doctor", ""),
    ("check rule.js book.yml", ""),
];

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // Another user is to write into it, too.
    let anybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(folder.path(), anybody).unwrap();
    for (name, text) in [
        (
            "rule.js",
            "print(require('cla/sem').take('x', () => 'done'))",
        ),
        ("book.yml", "do:\n  - shell: echo done\n"),
        ("types.ts", "const text: string = 'done'; print(text)"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Runs a line of the shell.
fn bash(folder: &Path, line: &str, input: &str) -> Output {
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    std::io::Write::write_all(&mut writer, input.as_bytes()).unwrap();
    drop(writer);
    let mut child = Command::new("bash")
        .args(["-c", line])
        .current_dir(folder)
        .env(
            "CLA_STORE",
            format!("sqlite:{}/semaphores.db", folder.display()),
        )
        .env("HOME", folder)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::from(reader.try_clone().unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = &mut reader;
    let until = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("{line}: it hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// It did what it should, or says why not: as the system does.
#[track_caller]
fn ends_well(line: &str, output: &Output, reasons: &[&str]) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    // Over 128 is how the shell says that it was a signal.
    assert!(
        code.is_some_and(|code| code < 128),
        "{line}: {:?}\n{said}",
        output.status
    );
    assert!(!said.contains("panicked"), "{line}: {said}");
    let done = code == Some(0);
    if !done {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let all = format!("{said}{stdout}");
        assert!(
            reasons.iter().any(|reason| all.contains(reason)),
            "{line}: {code:?}: {all}"
        );
    }
    done
}

#[test]
fn without_descriptors_the_reason_is_told() {
    let folder = folder();
    for (command, input) in COMMANDS {
        let mut done = Vec::new();
        for most in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18, 20, 24, 64] {
            let line = format!("ulimit -n {most}; exec {PROGRAM} {command}");
            let output = bash(folder.path(), &line, input);
            // With so few, the system's loader cannot even open the program's libraries.
            let reasons = ["os error 24", "error while loading shared libraries"];
            done.push(ends_well(&line, &output, &reasons));
        }
        assert!(
            done.last().is_some_and(|done| *done),
            "{command}: 64 are enough"
        );
    }
}

#[test]
fn without_threads_the_reason_is_told() {
    let switch = ["--reuid=65534", "--clear-groups"];
    let can_switch = Command::new("setpriv").args(switch).arg("true").output();
    if !can_switch.is_ok_and(|output| output.status.success()) {
        eprintln!("this needs setpriv and its rights");
        return;
    }
    let folder = folder();
    // Where the other user may read it.
    let program = folder.path().join("cla");
    std::fs::copy(PROGRAM, &program).unwrap();
    for (command, input) in COMMANDS {
        for most in 1..8 {
            let line = format!(
                "exec setpriv {} bash -c 'ulimit -u {most}; exec ./cla {command}'",
                switch.join(" ")
            );
            let output = bash(folder.path(), &line, input);
            ends_well(
                &line,
                &output,
                &["os error 11", "Resource temporarily unavailable"],
            );
        }
    }
}
