//! A session that knows what its tests say, and parses nothing.

use std::cell::Cell;

use super::{Knowledge, Member, Mode, State};

#[derive(Default)]
pub(crate) struct Fake {
    /// How often members or semaphores were asked for.
    pub(crate) asked: Cell<usize>,
}

impl Knowledge for Fake {
    /// Brackets must match; a `!` is an error.
    fn state(&self, text: &str, _: Mode) -> State {
        let count = |brackets: [char; 2]| text.matches(brackets).count();
        if let Some(at) = text.find('!') {
            let before = &text[..at];
            let line = before.rfind('\n').map_or(0, |end| end + 1);
            let number = |count: usize| u32::try_from(count + 1).unwrap();
            State::Invalid {
                message: "unexpected !".to_owned(),
                line: number(before.matches('\n').count()),
                column: number(before[line..].chars().count()),
            }
        } else if count(['(', '{']) > count([')', '}']) || text.ends_with(':') {
            State::Incomplete
        } else {
            State::Complete
        }
    }

    fn members(&self, path: &[String]) -> Vec<Member> {
        self.asked.set(self.asked.get() + 1);
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let names: &[&str] = match *path {
            [] => &[
                "cla()",
                "sem",
                "util",
                "take()",
                "utilities",
                "a-b",
                "servers",
            ],
            ["cla"] => &["stash()", "printf()", "parseVars()"],
            ["sem"] => &["take()", "acquire()", "list()"],
            ["servers"] => &["db one", "db2", "db10", "0", "1"],
            ["servers", "db2"] => &["host"],
            _ => &[],
        };
        let member = |name: &&str| Member {
            name: name.trim_end_matches("()").to_owned(),
            function: name.ends_with("()"),
        };
        names.iter().map(member).collect()
    }

    fn semaphores(&self) -> Vec<String> {
        self.asked.set(self.asked.get() + 1);
        owned(&["prod-db", "deploy", "say \"hi\"", "evil\u{1b}[2J"])
    }

    fn modules(&self) -> Vec<String> {
        owned(&["cla/util", "cla/sem", "cla/sem"])
    }

    fn commands(&self) -> Vec<(String, String)> {
        let command = |name: &&str| (name.to_string(), String::new());
        [".sem", ".slots", ".spawn", ".help"]
            .iter()
            .map(command)
            .collect()
    }

    fn snippets(&self) -> Vec<String> {
        owned(&["backup"])
    }

    fn requests(&self) -> Vec<String> {
        owned(&["0af3", "1bc4"])
    }

    fn runs(&self) -> Vec<String> {
        owned(&["run1"])
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
