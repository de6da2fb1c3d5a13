//! `cla sem exec`: a slot around any command. Where there is no `sh`, there is nothing to test.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use common::terminal::Terminal;
use common::{Ended, Folder, HOLD, QUEUE, Running, let_in};
use nix::sys::signal::Signal;

/// Runs a script of the shell with a slot.
fn exec(folder: &Folder, script: &str) -> Ended {
    folder.cla(&["sem", "exec", "slot", "--", "sh", "-c", script])
}

/// A script that says when it is there, what it is sent, and ends after SIGUSR1.
const TELLS_SIGNALS: &str = "
    trap 'echo got INT' INT; trap 'echo got TERM' TERM; trap 'echo got HUP' HUP; trap 'echo got QUIT' QUIT
    trap 'echo the end; exit 9' USR1
    echo ready
    while :; do sleep 0.02; done";

#[test]
fn the_commands_exit_code_is_the_programs() {
    let folder = Folder::with(&[]);
    assert_eq!(exec(&folder, "true").code, Some(0));
    assert_eq!(exec(&folder, "exit 7").code, Some(7));
    assert_eq!(exec(&folder, "kill -9 $$").code, Some(137));
    assert_eq!(exec(&folder, "kill -TERM $$").code, Some(143));
    let semaphore = folder.semaphore("slot");
    assert_eq!(
        (&semaphore["busy"], &semaphore["waiting"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn a_command_that_cannot_be_run_is_what_shells_say_and_frees_the_slot() {
    let folder = Folder::with(&[("data.txt", "no program")]);
    let ended = folder.cla(&["sem", "exec", "slot", "--", "no-such-command"]);
    assert_eq!(ended.code, Some(127));
    assert!(ended.stderr.contains("no-such-command"), "{}", ended.stderr);
    let ended = folder.cla(&["sem", "exec", "slot", "--", "./data.txt"]);
    assert_eq!(ended.code, Some(126));
    assert_eq!(folder.semaphore("slot")["busy"], 0);
}

#[test]
fn the_command_has_the_programs_streams_and_knows_its_permit() {
    let folder = Folder::with(&[]);
    let script = "read line; echo \"$line $CLA_SEMAPHORE $CLA_TOKEN\"; echo oh >&2";
    let mut command = folder.command(&["sem", "exec", "slot", "sh", "-c", script]);
    command.stdin(std::process::Stdio::piped());
    let mut running = Running::start(command);
    running.feed("hello\n");
    let ended = running.end();
    let token = ended
        .printed()
        .strip_prefix("hello slot ")
        .unwrap()
        .trim_end();
    assert!(token.parse::<u64>().unwrap() > 0, "{token}");
    assert_eq!(ended.stderr, "oh\n");
}

#[test]
fn it_queues_with_rules() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let holder = folder.hold();
    let command = folder.start(&["sem", "exec", "--who", "nightly", "slot", "echo", "my turn"]);
    let semaphore = folder.until_waiting(1);
    assert_eq!(semaphore["requests"][1]["who"], "nightly");
    assert_eq!(semaphore["requests"][1]["pid"], command.child.id());
    folder.stop_holding();
    holder.end().printed();
    assert_eq!(command.end().printed(), "my turn\n");
}

#[test]
fn two_commands_take_their_turns_in_the_order_of_their_coming() {
    let folder = Folder::with(&[HOLD]);
    let _holder = folder.hold();
    let commands = ["first", "second", "urgent"].map(|name| {
        let script = format!("echo {name} >> log; sleep 0.05; echo {name} >> log");
        let priority = if name == "urgent" { "1" } else { "0" };
        let arguments = [
            "sem",
            "exec",
            "--priority",
            priority,
            "slot",
            "--",
            "sh",
            "-c",
            &script,
        ];
        let running = folder.start(&arguments);
        folder.until("slot", |semaphore| {
            let place = if name == "urgent" {
                3
            } else {
                usize::from(name == "second") + 1
            };
            semaphore["waiting"] == place
        });
        running
    });
    folder.stop_holding();
    for command in commands {
        command.end().printed();
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let order: Vec<&str> = log.lines().collect();
    assert_eq!(
        order,
        ["urgent", "urgent", "first", "first", "second", "second"]
    );
}

#[test]
fn more_slots_let_more_commands_run_at_once() {
    let folder = Folder::with(&[]);
    // Each ends only when the other has begun.
    let script = "touch began.$0; while [ ! -e began.$1 ]; do sleep 0.02; done";
    let start = |own: &str, other: &str| {
        folder.start(&[
            "sem", "exec", "--slots", "2", "slot", "--", "sh", "-c", script, own, other,
        ])
    };
    let (one, two) = (start("1", "2"), start("2", "1"));
    one.end().printed();
    two.end().printed();
}

#[test]
fn who_waits_too_long_exits_75_without_having_run() {
    let folder = Folder::with(&[HOLD]);
    let _holder = folder.hold();
    for timeout in ["0", "100ms"] {
        let ended = folder.cla(&[
            "sem",
            "exec",
            "--timeout",
            timeout,
            "slot",
            "--",
            "touch",
            "ran",
        ]);
        assert_eq!(ended.code, Some(75), "{ended:?}");
        assert!(
            ended.stderr.contains("no slot of semaphore \"slot\""),
            "{}",
            ended.stderr
        );
    }
    assert!(!folder.path().join("ran").exists());
    assert_eq!(folder.semaphore("slot")["waiting"], 0);
}

#[test]
fn an_administrator_can_cancel_it() {
    let folder = Folder::with(&[HOLD]);
    let _holder = folder.hold();
    let command = folder.start(&["sem", "exec", "slot", "--", "touch", "ran"]);
    let semaphore = folder.until_waiting(1);
    let id = semaphore["requests"][1]["id"].as_str().unwrap();
    folder.cla(&["sem", "cancel", id]).printed();
    let ended = command.end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.contains("Semaphore cancel"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn signals_in_line_leave_it() {
    let folder = Folder::with(&[HOLD]);
    let _holder = folder.hold();
    for (signal, code) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let command = folder.start(&["sem", "exec", "slot", "--", "touch", "ran"]);
        folder.until_waiting(1);
        command.send(signal);
        let ended = command.end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(code), ""));
        assert_eq!(folder.semaphore("slot")["waiting"], 0);
    }
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn signals_are_passed_on_and_the_slot_is_held_until_the_command_ends() {
    let folder = Folder::with(&[]);
    let mut running = folder.start(&["sem", "exec", "slot", "--", "sh", "-c", TELLS_SIGNALS]);
    assert_eq!(running.stdout_line(), "ready\n");
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        running.send(signal);
        assert_eq!(
            running.stdout_line(),
            format!("got {}\n", &signal.as_str()[3..])
        );
        assert_eq!(folder.semaphore("slot")["busy"], 1);
    }
    running.send(Signal::SIGUSR1);
    let ended = running.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(9), "the end\n"));
    assert_eq!(folder.semaphore("slot")["busy"], 0);
}

#[test]
fn ctrl_c_at_a_terminal_reaches_the_command_once() {
    let folder = Folder::with(&[]);
    // `read` is interrupted by a signal: none waits long enough to become one with the next.
    let script = TELLS_SIGNALS.replace("sleep 0.02", "read line");
    let arguments = ["sem", "exec", "slot", "--", "sh", "-c", &script];
    let mut terminal = Terminal::start(&folder.command(&arguments));
    terminal.shows("ready");
    terminal.types("\x03");
    terminal.shows("got INT");
    // Passed on behind whatever was passed on before.
    let program = nix::unistd::Pid::from_raw(terminal.id().cast_signed());
    nix::sys::signal::kill(program, Signal::SIGUSR1).unwrap();
    let (code, seen) = terminal.end();
    assert_eq!(code, 9, "{seen}");
    assert_eq!(seen.matches("got INT").count(), 1, "{seen}");
}

#[test]
fn a_hang_up_that_is_ignored_stays_ignored() {
    let folder = Folder::with(&[]);
    let cla = env!("CARGO_BIN_EXE_cla");
    let script = format!(
        "trap '' HUP; exec '{cla}' sem exec slot -- sh -c 'echo ready; kill -HUP $PPID $$; echo alive'"
    );
    let model = folder.command(&[]);
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .current_dir(folder.path())
        .envs(
            model
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdout(std::process::Stdio::piped());
    assert_eq!(Running::start(command).end().printed(), "ready\nalive\n");
}

#[test]
fn a_command_goes_on_when_its_permit_is_lost_and_that_is_said() {
    let waits = "while [ ! -e go ]; do sleep 0.02; done; echo done; exit $CODE";
    for (code, expected) in [("0", 1), ("5", 5)] {
        let folder = Folder::with(&[]);
        let arguments = [
            "sem", "exec", "--ttl", "100ms", "slot", "--", "sh", "-c", waits,
        ];
        let mut command = folder.command(&arguments);
        command.env("CODE", code);
        let mut running = Running::start(command);
        let said = running.stderr_line();
        assert!(
            said.contains("the permit of semaphore \"slot\" was lost"),
            "{said}"
        );
        std::fs::write(folder.path().join("go"), "").unwrap();
        let ended = running.end();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(expected), "done\n")
        );
    }
}

#[test]
fn a_permit_that_an_administrator_released_is_lost() {
    let folder = Folder::with(&[QUEUE]);
    let script = "echo ready; while [ ! -e go ]; do sleep 0.02; done";
    let mut running = folder.start(&["sem", "exec", "slot", "--", "sh", "-c", script]);
    assert_eq!(running.stdout_line(), "ready\n");
    folder.cla(&["sem", "release", "slot", "--yes"]).printed();
    let said = running.stderr_line();
    assert!(said.contains("was lost"), "{said}");
    assert_eq!(let_in(&folder.cla(&["run", "queue.js"])).0, "in");
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(running.end().code, Some(1));
}

#[test]
fn a_store_that_fails_exits_69_without_having_run_the_command() {
    let folder = Folder::with(&[("file", "no folder")]);
    let arguments = [
        "sem",
        "exec",
        "--store",
        "sqlite:file/x.db",
        "slot",
        "--",
        "touch",
        "ran",
    ];
    let ended = folder.cla(&arguments);
    assert_eq!(ended.code, Some(69), "{ended:?}");
    assert!(
        ended.stderr.contains("--store names this store"),
        "{}",
        ended.stderr
    );
    assert!(!folder.path().join("ran").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn the_slot_of_a_killed_exec_is_held_until_its_command_has_ended() {
    let folder = Folder::with(&[QUEUE]);
    // What the command starts has inherited the lock as well.
    let script = "(echo ready; while [ ! -e go ]; do sleep 0.02; done; echo end) & exit 0";
    let mut running = folder.start(&[
        "sem",
        "exec",
        "slot",
        "--",
        "sh",
        "-c",
        &format!("{script} & wait"),
    ]);
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGKILL);
    assert_eq!(running.exit_code(), None);
    let second = [
        "sem",
        "exec",
        "--timeout",
        "500ms",
        "slot",
        "--",
        "echo",
        "two in",
    ];
    assert_eq!(folder.cla(&second).code, Some(75));
    let next = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(let_in(&next.end()).0, "in");
}

/// Runs `script` below `cla sem exec` on a server, whose lease is short, and kills that `exec` when the script says
/// "ready". It ends when there is a file `go`.
#[cfg(target_os = "linux")]
fn killed_on_a_server(
    server: &cla_tests::redis::Server,
    script: &str,
) -> (Folder, Running, String) {
    let folder = Folder::with(&[]);
    let store = format!("{}?lease=1s", server.url());
    let mut running = folder.start(&[
        "sem", "exec", "--store", &store, "slot", "--", "sh", "-c", script,
    ]);
    assert_eq!(running.stdout_line(), "ready\n");
    running.send(Signal::SIGKILL);
    assert_eq!(running.exit_code(), None);
    (folder, running, store)
}

/// An `exec` that waits no longer than `timeout`.
#[cfg(target_os = "linux")]
fn next_on_a_server(folder: &Folder, store: &str, timeout: &str) -> Ended {
    folder.cla(&[
        "sem",
        "exec",
        "--store",
        store,
        "--timeout",
        timeout,
        "slot",
        "--",
        "echo",
        "in",
    ])
}

#[cfg(target_os = "linux")]
#[test]
fn the_slot_of_a_killed_exec_on_a_server_is_held_until_all_of_its_command_has_ended() {
    let server = cla_tests::redis::Server::start();
    // What the command starts counts as well.
    let script = "(echo ready; while [ ! -e go ]; do sleep 0.02; done) & exit 0";
    let script = format!("{script} & wait");
    let (folder, _running, store) = killed_on_a_server(&server, &script);
    // Three times its lease.
    assert_eq!(next_on_a_server(&folder, &store, "3s").code, Some(75));
    std::fs::write(folder.path().join("go"), "").unwrap();
    let next = next_on_a_server(&folder, &store, "30s");
    assert_eq!((next.code, next.stdout.as_str()), (Some(0), "in\n"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_command_that_closes_all_that_it_inherits_keeps_the_slot_of_a_killed_exec_on_a_server() {
    let server = cla_tests::redis::Server::start();
    let close = "for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; done";
    let script = format!("{close}; echo ready; while [ ! -e go ]; do sleep 0.02; done");
    let (folder, _running, store) = killed_on_a_server(&server, &script);
    assert_eq!(next_on_a_server(&folder, &store, "3s").code, Some(75));
    std::fs::write(folder.path().join("go"), "").unwrap();
    assert_eq!(next_on_a_server(&folder, &store, "30s").code, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn an_administrator_can_release_the_slot_of_a_killed_exec_on_a_server() {
    let server = cla_tests::redis::Server::start();
    let script = "echo ready; while [ ! -e go ]; do sleep 0.02; done";
    let (folder, _running, store) = killed_on_a_server(&server, script);
    assert_eq!(next_on_a_server(&folder, &store, "2s").code, Some(75));
    let released = folder.cla(&["sem", "release", "--store", &store, "slot", "--yes"]);
    assert_eq!(released.code, Some(0), "{}", released.stderr);
    assert_eq!(next_on_a_server(&folder, &store, "30s").code, Some(0));
    std::fs::write(folder.path().join("go"), "").unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn when_an_exec_on_a_server_ends_in_order_nothing_keeps_its_slot() {
    let server = cla_tests::redis::Server::start();
    let folder = Folder::with(&[]);
    let store = format!("{}?lease=1h", server.url());
    let script = "while [ ! -e go ]; do sleep 0.02; done > /dev/null 2>&1 & exit 0";
    let first = folder.cla(&[
        "sem", "exec", "--store", &store, "slot", "--", "sh", "-c", script,
    ]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert_eq!(next_on_a_server(&folder, &store, "30s").code, Some(0));
    std::fs::write(folder.path().join("go"), "").unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_leaves_in_the_background_does_not_hold_the_slot_when_exec_ends_in_order() {
    let folder = Folder::with(&[QUEUE]);
    let script = "(while [ ! -e go ]; do sleep 0.02; done) > /dev/null 2>&1 &";
    assert_eq!(exec(&folder, script).code, Some(0));
    assert_eq!(let_in(&folder.cla(&["run", "queue.js"])).0, "in");
    std::fs::write(folder.path().join("go"), "").unwrap();
}

#[test]
fn a_command_whose_permit_is_lost_can_be_ended_or_left_alone() {
    let waits =
        "trap 'echo ended; exit 3' TERM; echo ready; while [ ! -e go ]; do sleep 0.02; done";
    for (on_lost, expected, printed) in [("kill", 3, "ended\n"), ("ignore", 0, "")] {
        let folder = Folder::with(&[QUEUE]);
        let arguments = [
            "sem",
            "exec",
            "--on-lost",
            on_lost,
            "slot",
            "--",
            "sh",
            "-c",
            waits,
        ];
        let mut running = folder.start(&arguments);
        assert_eq!(running.stdout_line(), "ready\n");
        folder.cla(&["sem", "release", "slot", "--yes"]).printed();
        assert_eq!(let_in(&folder.cla(&["run", "queue.js"])).0, "in");
        if on_lost == "ignore" {
            std::fs::write(folder.path().join("go"), "").unwrap();
        }
        let ended = running.end();
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(expected), printed)
        );
        assert_eq!(
            ended.stderr.contains("the command is ended"),
            on_lost == "kill",
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn the_exit_code_of_a_wait_that_took_too_long_can_be_chosen() {
    let folder = Folder::with(&[HOLD]);
    let holder = folder.hold();
    let arguments = [
        "sem",
        "exec",
        "--timeout",
        "0",
        "--conflict-exit-code",
        "9",
        "slot",
        "--",
        "true",
    ];
    assert_eq!(folder.cla(&arguments).code, Some(9));
    folder.stop_holding();
    holder.end().printed();
}

#[test]
fn a_script_that_does_not_say_what_runs_it_is_run_by_sh() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&[
        ("script", "echo $CLA_SEMAPHORE $1\n"),
        ("-odd", "echo odd\n"),
        ("data", "\0\u{1}"),
    ]);
    for name in ["script", "-odd", "data"] {
        let path = folder.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = |program: &str| {
        let mut command = folder.command(&["sem", "exec", "slot", "--", program, "one"]);
        command.env(
            "PATH",
            format!(
                "{}:{}",
                folder.path().display(),
                std::env::var("PATH").unwrap()
            ),
        );
        Running::start(command).end()
    };
    assert_eq!(run("./script").printed(), "slot one\n");
    assert_eq!(run("script").printed(), "slot one\n");
    assert_eq!(run("-odd").printed(), "odd\n");
    assert_eq!(run("./data").code, Some(126));
}

#[test]
fn an_exec_inside_of_another_does_not_wait_for_itself() {
    let folder = Folder::with(&[]);
    let cla = env!("CARGO_BIN_EXE_cla");
    let nested = |slots: &str| {
        let script = format!("{cla} sem exec slot -- echo inner; echo code $?");
        folder.cla(&[
            "sem", "exec", "--slots", slots, "slot", "--", "sh", "-c", &script,
        ])
    };
    let refused = nested("1");
    assert_eq!(refused.printed(), "code 1\n");
    assert!(
        refused.stderr.contains("would wait for itself"),
        "{}",
        refused.stderr
    );
    assert_eq!(nested("2").printed(), "inner\ncode 0\n");
    // Another semaphore is none of its business.
    let script = format!("{cla} sem exec other -- echo inner");
    assert_eq!(exec(&folder, &script).printed(), "inner\n");
    // What is not held any more holds nobody back: who was left in the background waits like all others.
    let late = format!(
        "(while [ ! -e go ]; do sleep 0.02; done; {cla} sem exec --slots 1 slot -- touch late) > /dev/null 2>&1 &"
    );
    exec(&folder, &late).printed();
    let mut holder = folder.start(&[
        "sem",
        "exec",
        "--slots",
        "1",
        "slot",
        "--",
        "sh",
        "-c",
        "echo in; while [ ! -e stop ]; do sleep 0.02; done",
    ]);
    assert_eq!(holder.stdout_line(), "in\n");
    std::fs::write(folder.path().join("go"), "").unwrap();
    folder.until_waiting(1);
    std::fs::write(folder.path().join("stop"), "").unwrap();
    holder.end().printed();
    folder.until("slot", |semaphore| {
        semaphore["busy"] == 0 && semaphore["waiting"] == 0
    });
    assert!(folder.path().join("late").exists());
}

/// A script that says it is there, and goes on when the other one is, too.
fn meets(mine: &str, other: &str, then: &str) -> String {
    format!("touch {mine}; while [ ! -e {other} ]; do sleep 0.02; done; {then}")
}

#[test]
fn two_that_want_within_theirs_what_the_other_has_do_not_hang() {
    let folder = Folder::with(&[]);
    let cla = env!("CARGO_BIN_EXE_cla");
    let start = |mine: &str, other: &str| {
        let inner = format!("{cla} sem exec {other} --who inner-{mine} -- echo both; echo code $?");
        let script = meets(mine, other, &inner);
        folder.start(&[
            "sem", "exec", mine, "--who", mine, "--", "sh", "-c", &script,
        ])
    };
    let ends = [start("a", "b"), start("b", "a")].map(Running::end);
    let mut printed: Vec<&str> = ends.iter().map(|ended| ended.stdout.as_str()).collect();
    printed.sort_unstable();
    assert_eq!(printed, ["both\ncode 0\n", "code 1\n"]);
    let told: String = ends.iter().map(|ended| ended.stderr.as_str()).collect();
    for named in [
        "Semaphore deadlock",
        "holds \"a\"",
        "holds \"b\"",
        "waits for inner-a",
        "waits for inner-b",
    ] {
        assert!(told.contains(named), "{named} in {told}");
    }
}

#[test]
fn a_rule_within_a_command_and_a_command_within_a_rule_do_not_wait_for_themselves() {
    let cla = env!("CARGO_BIN_EXE_cla");
    let command = format!("{cla} sem exec slot -- echo in");
    let folder = Folder::with(&[
        ("takes.js", "require('cla/sem').take('slot', () => 1)"),
        ("calls.yml", "do:\n  - call: takes.js\n"),
        (
            "runs.js",
            &format!(
                "const {{ $ }} = require('cla/shell');
                 require('cla/sem').take('slot', () => print($`{command}`.nothrow().error))"
            ),
        ),
        (
            "shell.yml",
            &format!("do:\n  - semaphore: slot\n    shell: {command}\n"),
        ),
        (
            "forked.yml",
            "do:\n  - semaphore: slot\n    do:\n      - call: inner.yml\n",
        ),
        ("inner.yml", &format!("do:\n  - shell: {command}\n")),
    ]);
    for rule in ["takes.js", "calls.yml"] {
        let ended = exec(&folder, &format!("{cla} run -A {rule}; echo code $?"));
        assert_eq!(ended.stdout, "code 1\n", "{}", ended.stderr);
        assert!(
            ended.stderr.contains("Semaphore deadlock"),
            "{}",
            ended.stderr
        );
    }
    for rule in ["runs.js", "shell.yml", "forked.yml"] {
        let ended = folder.cla(&["run", "-A", rule]);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains("Semaphore deadlock"), "{rule}: {all}");
        assert!(all.contains("waits for echo"), "{rule}: {all}");
    }
    // Without the slot around it, the same command has its turn, and is told nothing of others.
    let free = folder.cla(&["run", "-A", "inner.yml"]);
    assert!(free.stdout.contains("in"), "{}{}", free.stdout, free.stderr);
}
