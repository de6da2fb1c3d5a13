//! A store in a file on real machines: several users, processes that cannot see each other, disks that are full, only to
//! be read, or another machine's.
//!
//! They need root, mounts and other users. Where these are not to be had, a test says on standard error that it was not
//! run, and why.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Ended, Folder, Running};

/// Users and groups of the tests: numbers are enough, they need no names.
const ALICE: u32 = 61_001;
const BOB: u32 = 61_002;
const EVE: u32 = 61_003;
const OPS: u32 = 62_000;

/// Waits for the file that lets it go on.
const UNTIL_GO: &str = "while [ ! -e go ]; do sleep 0.02; done";

/// A folder in which all users can start the program and make files.
fn open_folder() -> Folder {
    let folder = Folder::with(&[]);
    let program = folder.path().join("cla");
    let built = Path::new(env!("CARGO_BIN_EXE_cla"));
    if std::fs::hard_link(built, &program).is_err() {
        std::fs::copy(built, &program).unwrap();
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

/// Runs a script of the shell, as root with mounts and processes of its own, in the folder. `None`: that is not to be had.
///
/// It has the functions `as USER GROUPS COMMAND...`, `waits_for FILE`, and the variable `D`, the folder.
fn in_own_mounts(folder: &Folder, test: &str, needs: &[&str], script: &str) -> Option<Ended> {
    let works = |program: &str, arguments: &[&str]| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let mut why = None;
    if !works(
        "unshare",
        &["-p", "-f", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
    ) {
        why = Some("no right to mount: root is needed".to_owned());
    }
    for program in needs {
        if !works(program, &["--version"]) {
            why = Some(format!("there is no {program}"));
        }
    }
    if let Some(why) = why {
        // Past the test runner, which shows only what failed.
        let said = format!("NOT RUN: {test}: {why}\n");
        std::io::stderr().write_all(said.as_bytes()).unwrap();
        return None;
    }
    let script = format!(
        "set -u; D=$PWD; umask 000
         as() {{ u=$1 g=$2; shift 2; setpriv --reuid=$u --regid=$u --groups=$g env -i PATH=\"$PATH\" \"$@\"; }}
         waits_for() {{ while [ ! -e \"$1\" ]; do sleep 0.02; done; }}
         {script}"
    );
    let mut command = Command::new("unshare");
    command
        .args(["-p", "-f", "-m", "--mount-proc", "sh", "-c", &script])
        .current_dir(folder.path())
        .env_remove("CLA_STORE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Some(Running::start(command).end())
}

#[test]
fn a_holder_that_proc_hides_is_not_taken_for_dead_and_one_that_ended_is() {
    let folder = open_folder();
    let script = format!(
        "mount -t proc -o hidepid=2 proc /proc || exit 9
         S=\"sqlite:$D/s.db?mode=0666\"
         as {ALICE} {ALICE} ./cla sem --store $S exec x -- sh -c 'echo $PPID > in; {UNTIL_GO}' & waits_for in
         as {BOB} {BOB} ls /proc/$(cat in) 2> /dev/null && echo 'it is not hidden'
         as {BOB} {BOB} ./cla sem --store $S exec --timeout 500ms x -- echo 'two in'; echo second $?
         kill -9 $(cat in)
         as {BOB} {BOB} ./cla sem --store $S exec --timeout 500ms x -- echo 'two in'; echo third $?
         touch go; wait
         as {BOB} {BOB} ./cla sem --store $S exec --timeout 60s x -- echo in; echo fourth $?"
    );
    let test = "a holder that /proc hides";
    let Some(ended) = in_own_mounts(&folder, test, &["setpriv"], &script) else {
        return;
    };
    assert_eq!(
        ended.stdout, "second 75\nthird 75\nin\nfourth 0\n",
        "{ended:?}"
    );
}

#[test]
fn a_holder_in_another_container_is_seen() {
    let folder = open_folder();
    let script = format!(
        "S=sqlite:$D/s.db
         unshare -p -f --mount-proc ./cla sem --store $S exec x -- sh -c 'touch in; {UNTIL_GO}' & waits_for in
         ./cla sem --store $S exec --timeout 500ms x -- echo 'two in'; echo second $?
         touch go; wait
         ./cla sem --store $S exec --timeout 60s x -- echo in"
    );
    let Some(ended) = in_own_mounts(&folder, "a holder in another container", &[], &script) else {
        return;
    };
    assert_eq!(ended.stdout, "second 75\nin\n", "{ended:?}");
}

#[test]
fn a_group_of_users_shares_a_file_and_others_do_not_get_in() {
    let folder = open_folder();
    let script = format!(
        "umask 077; S=\"sqlite:$D/store/s.db?mode=0660&group={OPS}\"
         as {ALICE} {OPS} ./cla sem --store \"$S\" exec x -- sh -c 'touch in; {UNTIL_GO}' & waits_for in
         stat -c '%a %g %n' store store/s.db store/s.db-lock store/s.db-shm store/s.db-wal
         as {BOB} {OPS} ./cla sem --store \"$S\" exec --timeout 100ms x -- echo 'two in'; echo bob $?
         as {EVE} {EVE} ./cla sem --store \"$S\" exec --timeout 100ms x -- echo 'two in' 2> /dev/null; echo eve $?
         as {ALICE} {ALICE} touch go; wait
         as {BOB} {OPS} ./cla sem --store \"$S\" exec x -- echo in"
    );
    let Some(ended) = in_own_mounts(&folder, "a group of users", &["setpriv"], &script) else {
        return;
    };
    let rights = ["", "-lock", "-shm", "-wal"].map(|file| format!("660 {OPS} store/s.db{file}\n"));
    let expected = format!("2770 {OPS} store\n{}bob 75\neve 69\nin\n", rights.concat());
    assert_eq!(ended.stdout, expected, "{ended:?}");
}

#[test]
fn those_who_may_only_read_see_what_happens_and_change_nothing() {
    let folder = open_folder();
    let script = format!(
        "umask 022; mkdir store; S=\"sqlite:$D/store/s.db?mode=0644\"; R=sqlite:$D/store/s.db
         ./cla sem --store $S exec x -- sh -c 'touch in; {UNTIL_GO}' & waits_for in
         see() {{ as {BOB} {BOB} ./cla sem --store $1 \"$2\" ${{3-}} --json | grep -o '\"busy\":[0-9]*'; }}
         see $R list; see $R show x; see \"$R?mode=ro\" list
         as {BOB} {BOB} ./cla sem --store $R exec --timeout 0 x -- echo 'two in'; echo exec $?
         as {BOB} {BOB} ./cla sem --store $R slots x 5; echo slots $?
         touch go; wait
         see $R list; see $R show x
         as {BOB} {BOB} ./cla sem --store $R history x --json | grep -c '\"done\"'"
    );
    let Some(ended) = in_own_mounts(&folder, "those who may only read", &["setpriv"], &script)
    else {
        return;
    };
    let one = "\"busy\":1\n".repeat(3);
    let none = "\"busy\":0\n".repeat(2);
    assert_eq!(
        ended.stdout,
        format!("{one}exec 69\nslots 1\n{none}1\n"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("it cannot be written"), "{ended:?}");
}

#[test]
fn on_a_disk_that_is_only_to_be_read_there_is_only_reading() {
    let folder = open_folder();
    let script = "
         mkdir disk; mount -t tmpfs tmpfs disk; S=sqlite:$D/disk/s.db
         ./cla sem --store $S slots x 3
         mount -o remount,ro disk
         ./cla sem --store $S show x --json | grep -o '\"slots\":3'
         ./cla sem --store $S exec x -- echo in; echo exec $?
         ./cla sem --store sqlite:$D/disk/new.db list; echo new $?";
    let Some(ended) = in_own_mounts(&folder, "a disk that is only to be read", &[], script) else {
        return;
    };
    assert!(
        ended.stdout.ends_with("\"slots\":3\nexec 69\nnew 1\n"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("it cannot be written"), "{ended:?}");
    assert!(ended.stderr.contains("it cannot be made"), "{ended:?}");
}

#[test]
fn on_a_full_disk_nobody_is_let_in_and_what_is_held_is_given_back_later() {
    let folder = open_folder();
    let script = format!(
        "mkdir disk; mount -t tmpfs -o size=2m tmpfs disk; S=sqlite:$D/disk/s.db
         ./cla sem --store $S exec x -- sh -c 'touch in; {UNTIL_GO}' & waits_for in
         dd if=/dev/zero of=disk/filler bs=4k 2> /dev/null
         n=0 c=0; while [ $c = 0 ]; do ./cla sem --store $S exec y$n -- true 2> said; c=$?; n=$((n + 1)); done; echo full $c
         cat said
         rm disk/filler
         ./cla sem --store $S exec y -- echo in
         ./cla sem --store $S exec --timeout 0 x -- echo 'two in'; echo x $?
         touch go; wait
         ./cla sem --store $S exec --timeout 60s x -- echo in
         ./cla sem --store $S list --json | grep -c '\"busy\":[1-9]'"
    );
    let Some(ended) = in_own_mounts(&folder, "a full disk", &[], &script) else {
        return;
    };
    let said = ended.stdout.lines().nth(1).unwrap_or_default();
    assert!(said.contains("the disk is full"), "{ended:?}");
    let rest: Vec<&str> = ended.stdout.lines().filter(|line| *line != said).collect();
    assert_eq!(rest, ["full 69", "in", "x 75", "in", "0"], "{ended:?}");
}

#[test]
fn a_file_system_that_machines_can_share_is_refused_unless_the_user_accepts_it() {
    let folder = open_folder();
    let script = format!(
        "mkdir disk seen; bindfs disk seen || exit 9; S=sqlite:$D/seen/s.db; A=\"$S?shared-filesystem=accept\"
         ./cla sem --store $S list; echo refused $?
         ./cla sem --store $A exec x -- sh -c 'touch in; {UNTIL_GO}' & waits_for in
         ./cla sem --store $A exec --timeout 500ms x -- echo 'two in'; echo second $?
         touch go; wait
         ./cla sem --store $A exec x -- echo in
         umount seen"
    );
    let Some(ended) = in_own_mounts(&folder, "a FUSE file system", &["bindfs"], &script) else {
        return;
    };
    assert_eq!(ended.stdout, "refused 1\nsecond 75\nin\n", "{ended:?}");
    assert!(
        ended.stderr.contains("several machines can share (FUSE)")
            && ended.stderr.contains("shared-filesystem=accept"),
        "{ended:?}"
    );
}
