//! What the word before the cursor can become. Looks at names only, and runs nothing.

use std::fs;
use std::path::PathBuf;

use super::Mode;
use super::place::{self, Place, Wanted};
use super::session_cache::{List, SessionCache};
use super::tokens::{self, KEYWORDS};
use cla_runtime::semaphore::is_unprintable;

/// The most completions: a longer list is not read, and the editor takes no more than 65,535.
const MAX_CANDIDATES: usize = 1_000;

/// One of the things that a word can become.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Candidate {
    /// What stands in the list.
    pub(crate) shown: String,
    /// What replaces the word.
    pub(crate) text: String,
}

impl rustyline::completion::Candidate for Candidate {
    fn display(&self) -> &str {
        &self.shown
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

/// Whether files are looked for: that may take a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    Listed,
    LeftOut,
}

/// Where the word before the cursor begins, and what it can become; sorted, without duplicates.
pub(crate) fn complete(
    line: &str,
    cursor: usize,
    mode: Mode,
    cache: &SessionCache,
    files: Files,
) -> (usize, Vec<Candidate>) {
    let (text, rest) = line.split_at(cursor);
    for place in place::places(text, mode) {
        let (start, mut candidates) = candidates(text, rest, &place, cache, files);
        candidates.retain(|candidate| !candidate.text.contains(is_unprintable));
        candidates.sort();
        candidates.dedup();
        candidates.truncate(MAX_CANDIDATES);
        if !candidates.is_empty() {
            return (start, candidates);
        }
    }
    (cursor, Vec::new())
}

fn candidates(
    text: &str,
    rest: &str,
    place: &Place,
    cache: &SessionCache,
    files: Files,
) -> (usize, Vec<Candidate>) {
    let word = &text[place.start..];
    let mut start = place.start;
    let mut found = Vec::new();
    for wanted in &place.wanted {
        match wanted {
            Wanted::Names => {
                let members = cache.members(&[]);
                let names = members
                    .iter()
                    .filter(|member| tokens::is_name(&member.name));
                found.extend(names.filter_map(|member| name(&member.name, member.function, word)));
                // A list of all keywords helps no one.
                if !word.is_empty() {
                    found.extend(
                        KEYWORDS
                            .iter()
                            .filter_map(|keyword| name(keyword, false, word)),
                    );
                }
            }
            Wanted::Members { path, dot } => {
                let members = cache.members(path);
                let fitting = || {
                    members
                        .iter()
                        .filter(|member| member.name.starts_with(word))
                };
                let odd = |name: &str| !tokens::is_name(name) && !is_index(name);
                if fitting().any(|member| odd(&member.name)) {
                    // Names that need brackets replace the dot too, so all begin there.
                    let dotted = &text[*dot..place.start];
                    start = *dot;
                    found.extend(fitting().filter(|member| !is_index(&member.name)).map(
                        |member| {
                            let optional = if dotted.starts_with('?') { "?." } else { "" };
                            let text = match odd(&member.name) {
                                true => format!("{optional}[{}]", quoted(&member.name, '"')),
                                false => format!("{dotted}{}", member.name),
                            };
                            Candidate {
                                shown: shown(&member.name, member.function),
                                text,
                            }
                        },
                    ));
                } else {
                    let names = fitting().filter(|member| !is_index(&member.name));
                    found.extend(
                        names.filter_map(|member| name(&member.name, member.function, word)),
                    );
                }
            }
            Wanted::Keys(path) => {
                let members = cache.members(path);
                let keys = members.iter().filter(|member| !is_index(&member.name));
                let ending = if rest.is_empty() { "]" } else { "" };
                found.extend(
                    keys.filter_map(|member| in_quotes(&member.name, word, place, rest, ending)),
                );
            }
            Wanted::Files if files == Files::LeftOut => {}
            Wanted::Files => found.extend(file_names(word).into_iter().filter_map(|file| {
                let folder = file.ends_with('/');
                match place.quote {
                    // More may follow a folder.
                    Some(_) if !folder => in_quotes(&file, word, place, rest, ""),
                    _ => name(&file, false, word),
                }
            })),
            Wanted::Commands => {
                let commands = cache.commands();
                found.extend(
                    commands
                        .iter()
                        .filter_map(|(command, _)| name(command, false, word)),
                );
            }
            Wanted::Words(words) => {
                found.extend(words.iter().filter_map(|cache| name(cache, false, word)));
            }
            Wanted::Modules => found.extend(listed(cache, List::Modules, word, place, rest)),
            Wanted::Semaphores => found.extend(listed(cache, List::Semaphores, word, place, rest)),
            Wanted::Requests => found.extend(listed(cache, List::Requests, word, place, rest)),
            Wanted::Runs => found.extend(listed(cache, List::Runs, word, place, rest)),
            Wanted::Snippets => found.extend(listed(cache, List::Snippets, word, place, rest)),
        }
    }
    (start, found)
}

fn listed(
    cache: &SessionCache,
    list: List,
    word: &str,
    place: &Place,
    rest: &str,
) -> Vec<Candidate> {
    let names = cache.list(list);
    let candidate = |listed: &String| match place.quote {
        Some(_) => in_quotes(listed, word, place, rest, ""),
        // Outside of quotes, a space would begin another word.
        None => name(listed, false, word).filter(|_| !listed.contains(char::is_whitespace)),
    };
    names.iter().filter_map(candidate).collect()
}

fn name(name: &str, function: bool, word: &str) -> Option<Candidate> {
    name.starts_with(word).then(|| Candidate {
        shown: shown(name, function),
        text: name.to_owned(),
    })
}

fn shown(name: &str, function: bool) -> String {
    if function {
        format!("{name}()")
    } else {
        name.to_owned()
    }
}

/// A name in a string that the author has begun, up to the closing quote unless that is there.
fn in_quotes(name: &str, word: &str, place: &Place, rest: &str, ending: &str) -> Option<Candidate> {
    let quote = place.quote.unwrap_or('"');
    let quoted = quoted(name, quote);
    let inner = &quoted[1..quoted.len() - 1];
    inner.starts_with(word).then(|| Candidate {
        shown: name.to_owned(),
        text: match rest.starts_with(quote) {
            true => inner.to_owned(),
            false => format!("{inner}{quote}{ending}"),
        },
    })
}

fn quoted(name: &str, quote: char) -> String {
    let mut quoted = String::from(quote);
    for character in name.chars() {
        if character == quote || character == '\\' {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push(quote);
    quoted
}

fn is_index(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The files whose path begins with a word; folders end in a slash.
fn file_names(word: &str) -> Vec<String> {
    let (folder, beginning) = word.rsplit_once('/').map_or(("", word), |(folder, _)| {
        let folder = &word[..=folder.len()];
        (folder, &word[folder.len()..])
    });
    let path = match folder.strip_prefix("~/") {
        Some(below) => std::env::home_dir().unwrap_or_default().join(below),
        None if folder.is_empty() => PathBuf::from("."),
        None => PathBuf::from(folder),
    };
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !beginning.starts_with('.');
            let fits = name.starts_with(beginning) && !hidden;
            fits.then(|| {
                let slash = if entry.path().is_dir() { "/" } else { "" };
                format!("{folder}{name}{slash}")
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::repl::read::fake::Fake;

    /// The lines that completing the end of a line can give.
    fn lines(line: &str, mode: Mode) -> Vec<String> {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let (start, candidates) = complete(line, line.len(), mode, &cache, Files::Listed);
        let complete = |candidate: Candidate| format!("{}{}", &line[..start], candidate.text);
        candidates.into_iter().map(complete).collect()
    }

    fn js(line: &str) -> Vec<String> {
        lines(line, Mode::Js)
    }

    #[test]
    fn names_and_keywords_are_completed() {
        assert_eq!(js("1 + ut"), ["1 + util", "1 + utilities"]);
        assert_eq!(js("ret"), ["return"]);
        assert_eq!(js("s"), ["sem", "servers", "static", "super", "switch"]);
        assert!(!js("f(").contains(&"f(return".to_owned()));
    }

    #[test]
    fn members_are_completed() {
        assert_eq!(js("cla.p"), ["cla.parseVars", "cla.printf"]);
        assert_eq!(js("servers?.db2.h"), ["servers?.db2.host"]);
        assert_eq!(js("servers[\"db2\"].h"), ["servers[\"db2\"].host"]);
        assert_eq!(js("nothing.a"), [""; 0]);
    }

    #[test]
    fn odd_names_are_put_in_brackets() {
        assert_eq!(
            js("servers.db"),
            ["servers[\"db one\"]", "servers.db10", "servers.db2"]
        );
        assert_eq!(js("servers?.db "), [""; 0]);
        assert_eq!(js("servers?.db2"), ["servers?.db2"]);
        assert_eq!(js("servers[\"db "), ["servers[\"db one\"]"]);
    }

    #[test]
    fn keys_are_completed_in_brackets() {
        assert_eq!(js("servers['db1"), ["servers['db10']"]);
        assert_eq!(js("servers[\"db o"), ["servers[\"db one\"]"]);
    }

    #[test]
    fn strings_are_completed_up_to_their_end() {
        assert_eq!(js("require(\"cla/u"), ["require(\"cla/util\""]);
        assert_eq!(
            js("import { a } from 'cla/"),
            [
                "import { a } from 'cla/sem'",
                "import { a } from 'cla/util'"
            ]
        );
        assert_eq!(js("sem.take(\"pro"), ["sem.take(\"prod-db\""]);
        assert_eq!(js("sem.take(\"say"), ["sem.take(\"say \\\"hi\\\"\""]);
        assert_eq!(js("sem.take('say"), ["sem.take('say \"hi\"'"]);
    }

    #[test]
    fn a_quote_that_is_there_is_not_written_again() {
        let cache = SessionCache::new(Rc::new(Fake::default()));
        let (_, candidates) = complete("take(\"pro\")", 9, Mode::Js, &cache, Files::Listed);
        assert_eq!(candidates[0].text, "prod-db");
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        assert_eq!(js(".s"), [".sem", ".slots", ".spawn"]);
        assert_eq!(js(".slots pro"), [".slots prod-db"]);
        assert_eq!(js(".slots prod-db u"), [".slots prod-db unlimited"]);
        assert_eq!(js(".grant 0"), [".grant 0af3"]);
        assert_eq!(js(".stop r"), [".stop run1"]);
        assert_eq!(js(".run "), [".run backup"]);
        assert_eq!(js(".spawn sem.li"), [".spawn sem.list"]);
        assert_eq!(lines("semaphore: d", Mode::Yaml), ["semaphore: deploy"]);
    }

    #[test]
    fn names_that_could_steer_the_terminal_are_not_offered() {
        assert_eq!(js("sem.take(\"ev"), [""; 0]);
        assert_eq!(
            js(".sem s"),
            [""; 0],
            "nor those that a command would not read as one word"
        );
    }

    #[test]
    fn files_are_completed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        for file in ["rule.js", "rule two.js", ".hidden"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::create_dir(folder.path().join("rules")).unwrap();
        let below = |names: &[&str]| {
            names
                .iter()
                .map(|name| format!("{path}/{name}"))
                .collect::<Vec<_>>()
        };
        let load = |names: &[&str]| {
            below(names)
                .iter()
                .map(|file| format!(".load {file}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            js(&format!(".load {path}/ru")),
            load(&["rule two.js", "rule.js", "rules/"])
        );
        assert_eq!(js(&format!(".load {path}/rule t")), load(&["rule two.js"]));
        assert_eq!(js(&format!(".load {path}/.h")), load(&[".hidden"]));
        assert_eq!(
            js(&format!(".spawn {path}/rules")),
            [format!(".spawn {path}/rules/")]
        );
        let spawn = |names: &[&str]| {
            below(names)
                .iter()
                .map(|file| format!("f(\"{file}\""))
                .collect::<Vec<_>>()
        };
        assert_eq!(js(&format!("f(\"{path}/rule.")), spawn(&["rule.js"]));
        assert_eq!(
            js(&format!("f(\"{path}/rules")),
            [format!("f(\"{path}/rules/")]
        );
        assert_eq!(js(".load /nowhere/at/all/"), [""; 0]);
    }
}
