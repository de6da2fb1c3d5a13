//! The picture of a session in the README, made by the program itself.
//!
//! `CLA_RECORD=1 cargo test -p cla --test recording` makes `docs/repl.svg` anew; without, the test sees to it that the
//! session still looks so.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

mod common;

use std::path::Path;

use common::Folder;
use common::screen::Screen;
use regex::Regex;

const COLUMNS: u16 = 96;
const ROWS: u16 = 28;

/// What differs from session to session, and what stands for it in the picture.
const CHANGES: [(&str, &str); 4] = [
    (r"m[0-9a-f]{4,8}\x1b", "m3f2a\x1b"),
    (r"\d+\.\ds", "0.4s"),
    (
        r"(?P<lead>[●○].*  )\S+ +\d+(?P<end>\D*0m)$",
        "${lead}db1   4021$end",
    ),
    (r"(?P<host>HOST\S*) +(?P<pid>\S*PID)", "${host}   ${pid}"),
];

fn typed(screen: &mut Screen, line: &str, shown: &str) {
    screen.until("at its prompt", |screen| {
        screen.contents().trim_end().ends_with("js>")
    });
    // What comes at once is no typing, and is not coloured.
    let (most, last) = line.split_at(line.len() - 1);
    screen.types(most);
    screen.shows(most);
    screen.types(last);
    screen.shows(line);
    screen.types("\r");
    screen.shows(shown);
}

/// A row with the escape sequences of its colours, blanks included.
fn coloured(screen: &vt100::Screen, row: u16) -> String {
    let mut text = String::new();
    let mut current = String::new();
    for column in 0..COLUMNS {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        let mut codes = vec!["0".to_owned()];
        if cell.bold() {
            codes.push("1".to_owned());
        }
        if cell.dim() {
            codes.push("2".to_owned());
        }
        match cell.fgcolor() {
            vt100::Color::Idx(index @ 0..8) => codes.push((30 + index).to_string()),
            vt100::Color::Idx(index) => codes.push(format!("38;5;{index}")),
            vt100::Color::Rgb(r, g, b) => codes.push(format!("38;2;{r};{g};{b}")),
            vt100::Color::Default => {}
        }
        let code = format!("\x1b[{}m", codes.join(";"));
        if code != current {
            text.push_str(&code);
            current = code;
        }
        let contents = cell.contents();
        text.push_str(if contents.is_empty() { " " } else { contents });
    }
    text.truncate(text.trim_end_matches(' ').len());
    text + "\x1b[0m"
}

/// The session, as it stands on the screen at its end.
fn session() -> Vec<String> {
    let folder = Folder::with(&[(
        "deploy.js",
        "require('cla/sem').take('deploy-target', ({ token }) => { if (token === 1) print('deploying'); require('cla/util').sleep(60) })",
    )]);
    let mut screen = Screen::start(&folder.command(&["repl"]), COLUMNS, ROWS);
    typed(
        &mut screen,
        "const hosts = new Map([[\"web-1\", { up: true }], [\"web-2\", { up: false }]])",
        "js> ",
    );
    typed(&mut screen, "hosts", "Map(2)");
    typed(&mut screen, ".spawn deploy.js", "[1 deploy.js] deploying");
    typed(&mut screen, ".spawn deploy.js", "[2 deploy.js] started");
    folder.until("deploy-target", |target| target["waiting"] == 1);
    typed(&mut screen, ".sem", "1 waiting");
    typed(&mut screen, ".slots deploy-target +", "2 busy");
    typed(
        &mut screen,
        "const sem = require(\"cla/sem\"); sem.list().map(s => [s.name, s.busy])",
        "'deploy-target', 2",
    );
    typed(&mut screen, "depoly(hosts)", "ReferenceError");
    screen.until("at its prompt", |screen| {
        screen.contents().trim_end().ends_with("js>")
    });
    let shown = screen.parser.screen().clone();
    let rows = (0..ROWS).map(|row| coloured(&shown, row)).collect();
    screen.types("\x04");
    screen.ends();
    rows
}

fn steady(row: &str) -> String {
    CHANGES.iter().fold(row.to_owned(), |row, (change, to)| {
        Regex::new(change)
            .unwrap()
            .replace_all(&row, *to)
            .into_owned()
    })
}

#[test]
fn the_picture_in_the_readme_is_what_a_session_looks_like() {
    let rows: Vec<String> = session().iter().map(|row| steady(row)).collect();
    let text = rows.join("\n");
    let picture = anstyle_svg::Term::new().render_svg(text.trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/repl.svg");
    if std::env::var_os("CLA_RECORD").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap();
    // Which of two colours a word has when it is looked at is a matter of moments.
    let words = |picture: &str| {
        Regex::new("(?s)<style>.*?</style>|<[^>]*>")
            .unwrap()
            .replace_all(picture, "")
            .into_owned()
    };
    assert!(
        words(&before) == words(&picture),
        "the session looks different now: look at it, then CLA_RECORD=1 cargo test -p cla --test recording\n{text}"
    );
}
