//! `cla sem top` on a real terminal, while rules in other processes hold and wait.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::process::Command;

use common::screen::Screen;
use common::{Folder, HOLD, QUEUE, Running};
use nix::sys::signal::Signal;

/// A folder in which one rule holds the slot and another waits for it.
fn one_holds_one_waits() -> (Folder, Running, Running) {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let holder = folder.hold();
    let waiter = folder.start(&["run", "queue.js"]);
    folder.until_waiting(1);
    (folder, holder, waiter)
}

#[test]
fn who_holds_and_who_waits_is_seen_and_grant_lets_one_through() {
    let (folder, _holder, waiter) = one_holds_one_waits();
    let mut screen = Screen::top(&folder);
    screen.shows("1 semaphore, 1 busy, 1 waiting");
    screen.shows("slot: 1 slot, 1 busy, 1 waiting");
    screen.shows_line(&["● busy", "hold.js"]);
    let pid = waiter.child.id().to_string();
    screen.shows_line(&["○ waiting", " 1 ", "queue.js", &pid]);
    screen.shows_line(&["▸ slot", "1", "1"]);

    screen.types("\t\x1b[Bg");
    screen.shows("granted ");
    assert!(waiter.end().printed().starts_with("granted "));
    screen.shows("slot: 1 slot, 1 busy, 0 waiting");
    screen.shows_line(&["✓ done", "queue.js"]);
    // Such rows leave by themselves, without anything happening.
    screen.until("without it", |screen| {
        let contents = screen.contents();
        !contents
            .lines()
            .any(|line| line.contains("✓ done") && line.contains("queue.js"))
    });

    screen.types("q");
    assert_eq!(screen.ends(), 0);
}

#[test]
fn cancel_asks_and_then_makes_one_fail() {
    let (folder, _holder, waiter) = one_holds_one_waits();
    let mut screen = Screen::top(&folder);
    screen.shows("○ waiting    1");
    screen.types("ljc");
    screen.shows("would fail with");
    screen.types("n");
    screen.shows("nothing was done");
    assert_eq!(folder.semaphore("slot")["waiting"], 1);
    screen.types("cy");
    screen.shows("it no longer waits for \"slot\"");
    let ended = waiter.end();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("Semaphore cancel"), "{ended:?}");
    screen.shows_line(&["■ cancelled", "queue.js"]);
}

#[test]
fn plus_and_minus_change_the_slots() {
    let (folder, _holder, waiter) = one_holds_one_waits();
    let mut screen = Screen::top(&folder);
    screen.types("+");
    assert!(waiter.end().printed().starts_with("in "));
    screen.shows("slot: 2 slots (pinned), 1 busy, 0 waiting");
    screen.shows_line(&["▸ slot", "2*"]);
    // However quickly they are pressed, each counts; but 0 is not passed by accident.
    screen.types("+++");
    screen.shows_line(&["▸ slot", "5*"]);
    screen.types("-------");
    screen.shows("once more makes it unlimited");
    screen.shows_line(&["▸ slot", "0*"]);
    screen.types("-");
    screen.shows("Lower \"slot\" below 0?");
    screen.types("y");
    screen.shows_line(&["▸ slot", "∞*"]);
    screen.types("d");
    screen.shows("slot: 1 slot, 1 busy");
    assert_eq!(folder.semaphore("slot")["pinned"], false);
}

#[test]
fn purge_release_and_forget_ask_first() {
    let (folder, holder, waiter) = one_holds_one_waits();
    let mut screen = Screen::top(&folder);
    screen.types("P");
    screen.shows("Purge \"slot\"? 1 busy would lose their permits");
    screen.types("y");
    screen.shows("purged \"slot\": 2 requests");
    assert!(waiter.end().printed().starts_with("granted "));
    folder.stop_holding();
    holder.end();
    screen.types("/stop\r");
    screen.shows_line(&["▸ stop", "1*"]);
    screen.types("Fy");
    screen.shows("forgot \"stop\"");
    screen.shows("nothing matches");
}

#[test]
fn a_search_filters_as_one_types() {
    let (folder, _holder, _waiter) = one_holds_one_waits();
    for name in ["alpha", "beta"] {
        folder.cla(&["sem", "slots", name, "3"]).printed();
    }
    let mut screen = Screen::top(&folder);
    screen.shows_line(&["alpha", "3*"]);
    screen.types("/QUEUE");
    screen.hides("alpha");
    screen.hides("hold.js");
    screen.shows_line(&["○ waiting", "queue.js"]);
    screen.types("\x1b");
    screen.shows_line(&["● busy", "hold.js"]);
    screen.shows("beta");
}

#[test]
fn a_new_size_is_filled_at_once() {
    let (folder, _holder, _waiter) = one_holds_one_waits();
    let mut screen = Screen::top(&folder);
    screen.shows("┛");
    screen.resize(60, 12);
    screen.until("one pane of 60 by 12", |screen| {
        let lines: Vec<String> = screen.rows(0, 60).collect();
        lines[1].starts_with("┏ Semaphores") && lines[1].ends_with('┓') && lines[9].ends_with('┛')
    });
    screen.types("\t");
    screen.shows_line(&["○ waiting", "queue.js"]);
    screen.resize(30, 5);
    screen.shows("too small");
    screen.resize(200, 50);
    screen.until("two panes of 200 by 50", |screen| {
        let lines: Vec<String> = screen.rows(0, 200).collect();
        lines[1].ends_with('┓') && lines[46].ends_with('┛')
    });
    screen.shows_line(&["○ waiting", "queue.js"]);
}

#[test]
fn whatever_ends_it_the_terminal_is_as_it_was() {
    let folder = Folder::with(&[]);
    for (signal, code) in [
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
        (Signal::SIGINT, 130),
    ] {
        let mut screen = Screen::top(&folder);
        assert!(screen.parser.screen().alternate_screen());
        assert!(screen.parser.screen().hide_cursor());
        screen.send(signal);
        assert_eq!(screen.ends(), code, "{signal}");
    }
    for (keys, code) in [("q", 0), ("\x1b", 0), ("\x03", 130), ("?qPq", 0)] {
        let mut screen = Screen::top(&folder);
        screen.types(keys);
        assert_eq!(screen.ends(), code, "{keys:?}");
    }
}

#[test]
fn ctrl_z_suspends_and_fg_resumes() {
    let folder = Folder::with(&[]);
    let mut shell = folder.command(&[]);
    let cla = shell.get_program().to_owned();
    let mut command = Command::new("sh");
    command.arg("-i").env("PS1", "$ ").env("CLA", cla);
    command.current_dir(shell.current_dir(folder.path()).get_current_dir().unwrap());
    for (name, value) in shell.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut screen = Screen::start(&command, 100, 24);
    screen.shows("$ ");
    screen.types("\"$CLA\" sem top\n");
    screen.shows("● live");
    screen.types("\x1a");
    screen.until("on the shell's own screen", |screen| {
        !screen.alternate_screen()
    });
    screen.shows("Stopped");
    screen.types("echo still $((40 + 2))\n");
    screen.shows("still 42");
    screen.types("fg\n");
    screen.until("on its own screen again", vt100::Screen::alternate_screen);
    screen.shows("● live");
    screen.types("q");
    // What is typed before it has ended is not for the shell.
    screen.until("left", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("top\n$")
    });
    screen.types("exit\n");
    assert_eq!(screen.ends(), 0);
}

#[test]
fn a_store_that_cannot_be_read_is_told_of_until_it_can() {
    let folder = Folder::with(&[("blocked", "a file where a folder should be")]);
    let store = "--store=sqlite:blocked/x.db";
    let command = folder.command(&["sem", "top", store]);
    let mut screen = Screen::start(&command, 120, 24);
    screen.shows("✗ reconnecting");
    screen.shows("! ");
    screen.types("?");
    screen.shows("Keys and symbols");
    screen.types("q");
    let blocked = folder.path().join("blocked");
    std::fs::remove_file(&blocked).unwrap();
    std::fs::create_dir(&blocked).unwrap();
    screen.shows("● live");
    screen.shows("the semaphore store answers again");
    // Events are heard, too.
    folder.cla(&["sem", "slots", "new", "7", store]).printed();
    screen.shows_line(&["▸ new", "7*"]);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let folder = Folder::with(&[]);
    let ended = folder.cla(&["sem", "top"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("cla sem list --json"), "{ended:?}");
    assert!(ended.stdout.is_empty());
}

#[test]
fn a_long_line_is_shown_and_walked_through() {
    let folder = Folder::with(&[HOLD, QUEUE]);
    let _holder = folder.hold();
    let _waiters = folder.start(&["run", "--copies", "300", "queue.js"]);
    folder.until_waiting(300);
    let mut screen = Screen::top(&folder);
    screen.shows("of 301");
    screen.types("l\x1b[F");
    screen.shows_line(&["▸ ○ waiting", " 300 "]);
    screen.types("1");
    screen.shows("from place 300 to 1");
    // The selection goes along.
    screen.shows_line(&["▸ ○ waiting", "   1 "]);
}

#[test]
fn colours_are_the_users_choice() {
    let (folder, _holder, _waiter) = one_holds_one_waits();
    let coloured = |screen: &vt100::Screen| {
        let (rows, columns) = screen.size();
        (0..rows.get())
            .flat_map(|row| (0..columns.get()).map(move |column| (row, column)))
            .filter_map(|(row, column)| screen.cell(row, column))
            .any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    for (arguments, no_colour, expected) in [
        (&["sem", "top"][..], false, true),
        (&["sem", "top"], true, false),
        (&["--color=never", "sem", "top"], false, false),
        (&["--color=always", "sem", "top"], true, true),
    ] {
        let mut command = folder.command(arguments);
        if no_colour {
            command.env("NO_COLOR", "1");
        }
        let mut screen = Screen::start(&command, 120, 24);
        screen.shows("○ waiting    1");
        let seen = coloured(screen.parser.screen());
        assert_eq!(seen, expected, "{arguments:?}, NO_COLOR: {no_colour}");
    }
}
