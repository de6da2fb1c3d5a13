//! Keeps the README true: runs the commands that it shows and compares what they print.
//!
//! `README.md` and `docs/**/*.md` are read. What their fenced blocks are held to:
//!
//! - ` ```console `: each line that starts with `$ ` is a command, run by `sh` in the repository's root, with the
//!   `cla` just built first in the `PATH` and no standard input; the lines after it are what it prints (standard
//!   output and error together). The commands of one block share one shell. A command that ends in `\` goes on in
//!   the next line. A command must succeed, unless `$ echo $?` follows it.
//! - ` ```console no-run `: shown, never run: for what asks for a terminal, a network, or an hour.
//! - ` ```LANG PATH `, as in ` ```js examples/first.js `: an excerpt; its lines stand in that file as they stand here.
//! - Every other block is free text.
//!
//! In what a command prints,
//!
//! - a line `...` stands for any number of lines, and `...` within a line for any text;
//! - a number with a unit (`0.2 s`, `12 ms`, `1.5 MB`, `40 %`) stands for any number with that unit;
//! - blanks at the end of a line and blank lines at the end do not matter.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{Captured, Log, seconds, without_escapes};
use crate::test::Outcome;
use crate::{cargo, root, target_dir};

/// A reader will not wait longer for what a README shows.
const BLOCK_LIMIT: Duration = Duration::from_secs(120);

/// The debug build of one program, most of which the tests have built before.
const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Starts the lines in which the shell says where a command ended, and how.
const MARK: &str = "@@xtask-command-ended";

/// Runs every checked block of every page; the outcome counts commands and excerpts.
pub(crate) fn check(log: &mut Log) -> Result<Outcome> {
    log.run(
        cargo().args(["build", "--workspace", "--bin", "cla", "--locked"]),
        BUILD_LIMIT,
    )?;
    let programs = target_dir()?.join("debug");
    let (mut commands, mut excerpts, mut wrong) = (0, 0, 0);
    for page in pages()? {
        let shown = page.strip_prefix(root()).unwrap_or(&page);
        let text = std::fs::read_to_string(&page)
            .with_context(|| format!("cannot read {}", page.display()))?;
        for block in blocks(&text) {
            let place = format!("{}:{}", shown.display(), block.line);
            let complaint = match block.kind()? {
                Kind::Text => continue,
                Kind::Console => {
                    let steps = console(&block.body);
                    ensure!(!steps.is_empty(), "{place}: no `$ ` line in this block");
                    commands += steps.len();
                    run_block(&steps, &programs, log)?
                }
                Kind::Excerpt(path) => {
                    excerpts += 1;
                    excerpt(&block.body, path)
                }
            };
            if let Some(complaint) = complaint {
                wrong += 1;
                log.note(&format!("\n{place}: {complaint}"))?;
            }
        }
    }
    ensure!(commands > 0, "README.md shows no command that could be run");
    ensure!(wrong == 0, "{wrong} blocks are not true");
    Ok(Outcome {
        said: format!("{commands} commands, {excerpts} excerpts"),
        passed: commands + excerpts,
    })
}

/// README.md, then every page under docs/.
fn pages() -> Result<Vec<PathBuf>> {
    let readme = root().join("README.md");
    ensure!(readme.exists(), "there is no README.md");
    let mut pages = vec![readme];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages[1..].sort();
    Ok(pages)
}

/// A fenced block of a page.
#[derive(Debug, PartialEq)]
struct Block {
    /// What follows the opening fence.
    tag: String,
    /// The line of the page on which its first line stands.
    line: usize,
    body: Vec<String>,
}

#[derive(Debug, PartialEq)]
enum Kind<'a> {
    Console,
    Excerpt(&'a str),
    Text,
}

impl Block {
    fn kind(&self) -> Result<Kind<'_>> {
        let words: Vec<&str> = self.tag.split_whitespace().collect();
        Ok(match words[..] {
            ["console"] => Kind::Console,
            ["console", "no-run"] => Kind::Text,
            ["console", other, ..] => bail!(
                "line {}: `console {other}` means nothing: `console` is run, `console no-run` is not",
                self.line
            ),
            [_, path] if path.contains('.') => Kind::Excerpt(path),
            _ => Kind::Text,
        })
    }
}

/// The fenced blocks of a page, without the indentation of a list that they may stand in.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let fence = line.trim_start();
        let ticks = fence.len() - fence.trim_start_matches('`').len();
        if ticks < 3 {
            continue;
        }
        let indent = line.len() - fence.len();
        let close = |line: &str| {
            let line = line.trim();
            line.len() >= ticks && line.bytes().all(|byte| byte == b'`')
        };
        let body = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !close(line))
            .map(|line| {
                let blanks = line.len() - line.trim_start_matches(' ').len();
                line[blanks.min(indent)..].to_owned()
            })
            .collect();
        blocks.push(Block {
            tag: fence[ticks..].trim().to_owned(),
            line: number + 2,
            body,
        });
    }
    blocks
}

/// One command of a console block.
#[derive(Debug, PartialEq)]
struct Step {
    command: String,
    /// The lines that it prints.
    prints: Vec<String>,
}

fn console(body: &[String]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in body {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                prints: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            if step.prints.is_empty() && step.command.ends_with('\\') {
                step.command.push('\n');
                step.command.push_str(line);
            } else {
                step.prints.push(line.clone());
            }
        }
    }
    steps
}

/// Runs the commands of one block in one shell. Returns what is not as the page says.
fn run_block(steps: &[Step], programs: &Path, log: &mut Log) -> Result<Option<String>> {
    let mut script = format!(
        "mark() {{ status=$?; printf '\\n{MARK} %s %s\\n' \"$1\" \"$status\"; return \"$status\"; }}\n"
    );
    for (index, step) in steps.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(script, "{}\nmark {index}", step.command);
    }
    let output = shell(&script, programs, log)?;
    let (ended, unfinished) = split_at_marks(&output.printed);
    for (index, step) in steps.iter().enumerate() {
        let shows_status = steps
            .get(index + 1)
            .is_some_and(|next| next.command.trim() == "echo $?");
        let complaint = match ended.get(index) {
            None if output.status.is_some() => {
                Some("the shell ended before this command did".to_owned())
            }
            None => Some(format!(
                "this command was still running after {}",
                seconds(BLOCK_LIMIT)
            )),
            Some((_, status)) if *status != 0 && !shows_status => {
                Some(format!("this command failed with exit code {status}"))
            }
            Some((printed, _)) => difference(&step.prints, printed),
        };
        if let Some(complaint) = complaint {
            let printed = ended.get(index).map_or(&unfinished, |(text, _)| text);
            return Ok(Some(format!(
                "{complaint}\n$ {}\nthe page says:\n{}\nit printed:\n{}",
                step.command,
                quoted(step.prints.iter().map(String::as_str)),
                quoted(printed.trim_end().lines()),
            )));
        }
    }
    Ok(None)
}

fn shell(script: &str, programs: &Path, log: &Log) -> Result<Captured> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path)),
    )?;
    // Neither the semaphores and settings of the user who runs this, nor those of another block.
    let script = format!(
        "CLA_HOME=$(mktemp -d) && trap 'rm -rf \"$CLA_HOME\"' EXIT\n\
         export CLA_HOME XDG_CONFIG_HOME=\"$CLA_HOME/config\"\n{script}"
    );
    let mut sh = Command::new("sh");
    sh.arg("-c")
        .arg(script)
        .current_dir(root())
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env_remove("CLA_STORE")
        .env_remove("RUST_BACKTRACE");
    log.capture(&mut sh, BLOCK_LIMIT)
}

/// Cuts a block's output at its marks: what each command printed, with its exit code, and what came after the last.
fn split_at_marks(output: &str) -> (Vec<(String, i32)>, String) {
    let mut ended = Vec::new();
    let mut printed = String::new();
    for line in output.lines() {
        if let Some(mark) = line.strip_prefix(MARK) {
            let status = mark.rsplit(' ').next().and_then(|code| code.parse().ok());
            ended.push((std::mem::take(&mut printed), status.unwrap_or(-1)));
        } else {
            printed.push_str(line);
            printed.push('\n');
        }
    }
    (ended, printed)
}

/// Says so if `printed` is not what the page promises.
fn difference(promised: &[String], printed: &str) -> Option<String> {
    let promised: Vec<String> = trimmed(promised.iter().map(String::as_str));
    let printed = without_escapes(printed);
    let printed: Vec<String> = trimmed(printed.lines());
    (!lines_match(&promised, &printed)).then(|| "this command printed something else".to_owned())
}

fn trimmed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn lines_match(promised: &[String], printed: &[String]) -> bool {
    match promised.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line.trim() == "..." => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others)),
    }
}

fn line_matches(promised: &str, printed: &str) -> bool {
    let promised = without_quantities(promised);
    let printed = without_quantities(printed);
    let mut parts = promised.split("...");
    let start = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(start) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((end, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(end)
}

/// `line` with `#` for each number that a unit follows.
fn without_quantities(line: &str) -> String {
    const UNITS: &[&str] = &[
        "ns", "µs", "us", "ms", "s", "min", "h", "B", "kB", "KB", "MB", "GB", "KiB", "MiB", "GiB",
        "%",
    ];
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    let mut after_word = false;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() && !after_word {
            let number = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let (digits, tail) = rest.split_at(number);
            let blank = if tail.starts_with(' ') { " " } else { "" };
            let unit_on = &tail[blank.len()..];
            let unit = unit_on
                .find(|c: char| !c.is_alphabetic() && c != '%')
                .map_or(unit_on, |end| &unit_on[..end]);
            plain.push_str(if UNITS.contains(&unit) { "#" } else { digits });
            rest = tail;
            after_word = false;
        } else {
            plain.push(c);
            after_word = c.is_alphanumeric() || c == '_';
            rest = &rest[c.len_utf8()..];
        }
    }
    plain
}

/// Says so if the lines of an excerpt do not stand in the file that it names.
fn excerpt(body: &[String], path: &str) -> Option<String> {
    let file = match std::fs::read_to_string(root().join(path)) {
        Ok(file) => file,
        Err(error) => return Some(format!("cannot read {path}: {error}")),
    };
    let file = trimmed(file.lines());
    let body = trimmed(body.iter().map(String::as_str));
    let found = !body.is_empty() && file.windows(body.len()).any(|lines| lines == body);
    (!found).then(|| format!("these lines do not stand in {path}"))
}

fn quoted<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "  | {line}");
    }
    if text.is_empty() {
        "  (nothing)\n".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn blocks_are_found_with_their_tag_and_place() {
        let page = "# Title\n\n```console\n$ true\n```\n\n1. in a list\n   ````js examples/a.js\n   if (x) {\n     ```\n   ````\n";
        let found = blocks(page);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].kind().expect("a kind"), Kind::Console);
        assert_eq!(found[0].line, 4);
        assert_eq!(found[0].body, ["$ true"]);
        assert_eq!(
            found[1].kind().expect("a kind"),
            Kind::Excerpt("examples/a.js")
        );
        assert_eq!(found[1].body, ["if (x) {", "  ```"]);
    }

    #[test]
    fn a_console_tag_that_means_nothing_is_refused() {
        let page = blocks("```console norun\n$ false\n```\n");
        assert!(page[0].kind().is_err());
    }

    #[test]
    fn commands_and_what_they_print_are_kept_apart() {
        let steps = console(&lines("$ echo one \\\n    two\none two\n$ true"));
        assert_eq!(steps.len(), 2);
        assert_eq!(steps[0].command, "echo one \\\n    two");
        assert_eq!(steps[0].prints, ["one two"]);
        assert!(steps[1].prints.is_empty());
    }

    #[test]
    fn dots_stand_for_any_lines_and_any_text() {
        let printed = lines("one\ntwo\nthree\nfour");
        assert!(lines_match(&lines("one\n...\nfour"), &printed));
        assert!(lines_match(&lines("...\nth...\n..."), &printed));
        assert!(lines_match(
            &lines("one\n...\ntwo\nthree\nfour\n..."),
            &printed
        ));
        assert!(!lines_match(&lines("one\n...\nthree"), &printed));
        assert!(!lines_match(&lines("one\ntwo\nthree"), &printed));
        assert!(line_matches("a...b...c", "axxbyyc"));
        assert!(!line_matches("a...b...c", "axxcyyb"));
        assert!(!line_matches("ab...b", "ab"));
    }

    #[test]
    fn a_number_with_a_unit_stands_for_any_such_number() {
        assert!(line_matches("took it after 0.2 s", "took it after 12.7 s"));
        assert!(line_matches("12ms, 40 % of 3 GB", "7.5ms, 9 % of 1.25 GB"));
        assert!(!line_matches("after 0.2 s", "after 200 ms"));
        assert!(!line_matches("exit code 1", "exit code 2"));
        assert!(!line_matches("copy2 s", "copy3 s"));
        assert!(!line_matches("3 slots", "4 slots"));
    }

    #[test]
    fn a_block_that_tells_the_truth_passes_and_one_that_does_not_is_named() {
        let log = std::env::temp_dir().join(format!("xtask-readme-{}.log", std::process::id()));
        let mut log = Log::create(&log, "readme", false).expect("a log");
        let mut check = |text: &str| {
            run_block(&console(&lines(text)), Path::new("."), &mut log).expect("a shell")
        };
        assert_eq!(check("$ x=1; echo hello\nhello\n$ echo $x\n1"), None);
        assert_eq!(check("$ sh -c 'exit 3'\n$ echo $?\n3"), None);
        assert_eq!(check("$ printf 'no newline'\nno newline"), None);
        let lie = check("$ echo hello\ngoodbye").expect("a complaint");
        assert!(
            lie.contains("| goodbye") && lie.contains("| hello"),
            "{lie}"
        );
        let fails = check("$ sh -c 'echo why >&2; exit 3'\nwhy").expect("a complaint");
        assert!(fails.contains("exit code 3"), "{fails}");
        let exits = check("$ exit 0\n$ echo never").expect("a complaint");
        assert!(exits.contains("the shell ended"), "{exits}");
    }
}
