//! What begins with a dot at the prompt.

use cla_runtime::semaphore::printable;
use std::path::{Path, PathBuf};

use super::console::{Console, Timing};
use super::print::Format;
use super::{Mode, read, watch};
use crate::render::{Align, BOLD, Column, DIM, Line, Span, Table};

/// A command: its name, what stands behind it, and what it does.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) arguments: &'static str,
    pub(super) about: &'static str,
}

const fn command(name: &'static str, arguments: &'static str, about: &'static str) -> Command {
    Command {
        name,
        arguments,
        about,
    }
}

/// All of them, in the order of `.help`.
pub(super) const COMMANDS: &[Command] = &[
    command(
        ".sem",
        "[NAME | --watch]",
        "semaphores: slots, who is busy, who waits",
    ),
    command(
        ".slots",
        "NAME N|+|-|unlimited|default",
        "set how many may be busy",
    ),
    command(
        ".grant",
        "ID",
        "let a waiting request through, outside the slots",
    ),
    command(".cancel", "ID", "make a waiting request fail"),
    command(".move", "ID PLACE", "change a waiting request's place"),
    command(".purge", "NAME", "free every slot, and let everybody in"),
    command(
        ".release",
        "NAME",
        "free every slot, and let the queue go on",
    ),
    command(
        ".spawn",
        "FILE | CODE",
        "start another run beside this session",
    ),
    command(".runs", "", "list what was spawned"),
    command(".stop", "RUN", "cancel one of them"),
    command(
        ".mode",
        "js|yaml",
        "what is typed: JavaScript, or rulebooks",
    ),
    command(".output", "inspect|yaml|json|table", "how values are shown"),
    command(
        ".time",
        "on|off|auto",
        "say how long inputs take (auto: if it is long)",
    ),
    command(".load", "FILE", "evaluate a file here"),
    command(
        ".edit",
        "[NAME]",
        "edit the last input, or a snippet, in $EDITOR, and evaluate it",
    ),
    command(".tidy", "", "reformat the last input"),
    command(".save", "NAME", "keep the last input as a snippet"),
    command(".snippets", "", "list the snippets"),
    command(".run", "NAME", "evaluate a snippet"),
    command(".delete", "NAME", "forget a snippet"),
    command(".export", "DIR", "write all snippets into a folder"),
    command(".help", "", "this"),
    command(".exit", "", "leave, as Ctrl-D does"),
];

/// The result of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Well,
    Badly,
    Leave,
}

/// Carries out a command.
pub(super) fn carry_out(console: &mut Console, command: read::Command<'_>) -> Done {
    let (name, rest) = (command.name, command.argument.trim());
    let outcome = match name {
        ".exit" | ".quit" => return Done::Leave,
        ".help" => {
            help(console);
            Ok(())
        }
        ".sem" if rest == "--watch" => watch_semaphores(console),
        ".sem" | ".slots" | ".grant" | ".cancel" | ".move" | ".purge" | ".release" => {
            semaphores(console, name, rest)
        }
        ".spawn" => spawn(console, rest),
        ".runs" => {
            say(console, &console.background.table());
            Ok(())
        }
        ".stop" => one(rest, ".stop")
            .and_then(|which| console.background.stop(which))
            .map(|said| console.screen.say(&printable(&said))),
        ".mode" => mode(console, rest),
        ".output" => output(console, rest),
        ".time" => timing(console, rest),
        ".load" => return load(console, rest),
        ".edit" => return edit(console, rest),
        ".tidy" => tidy(console),
        ".save" => save(console, rest),
        ".snippets" => snippets(console),
        ".run" => return run(console, rest),
        ".delete" => delete(console, rest),
        ".export" => export(console, rest),
        _ => Err(unknown(name)),
    };
    match outcome {
        Ok(()) => Done::Well,
        Err(problem) => {
            console.complain(&problem);
            Done::Badly
        }
    }
}

fn unknown(name: &str) -> String {
    match cla_runtime::internal::nearest(name, COMMANDS.iter().map(|command| command.name)) {
        Some(near) => format!("there is no command {name}; did you mean {near}?"),
        None => format!("there is no command {name}; .help shows all"),
    }
}

fn say(console: &Console, lines: &[Line]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    console.screen.say(&text);
}

/// The only argument of the command `name`.
fn one<'t>(rest: &'t str, name: &str) -> Result<&'t str, String> {
    if rest.is_empty() {
        let command = COMMANDS.iter().find(|command| command.name == name);
        let arguments = command.map_or("", |command| command.arguments);
        return Err(format!("something is missing: {name} {arguments}"));
    }
    Ok(rest)
}

/// On one screen of 24 lines and 80 columns: a heading, and what stands beside and below it.
const HELP: [(&str, &[&str]); 7] = [
    (
        "Type",
        &[
            "JavaScript or TypeScript. _ is the last value, _error the last error, await",
            "works anywhere, const may be declared again. Ctrl-C stops what runs, Tab",
            "completes, Ctrl-R searches the history, Ctrl-D leaves and frees everything.",
        ],
    ),
    (
        "Semaphores",
        &[
            ".sem  .sem NAME  .sem --watch     who is busy, who waits, and their ids",
            ".slots NAME N|+|-|unlimited       how many may be busy; default unpins",
            ".grant ID  .cancel ID  .move ID PLACE     one that waits",
            ".purge NAME  .release NAME        let everybody in; free the slots in order",
        ],
    ),
    (
        "Runs",
        &[".spawn FILE  .spawn CODE  .runs  .stop RUN     beside this session"],
    ),
    (
        "Modes",
        &[
            ".mode js|yaml        yaml: rulebooks, which share the stash; an empty line ends one",
            ".output inspect|yaml|json|table   .time on|off|auto",
        ],
    ),
    (
        "Inputs",
        &[
            ".load FILE  .edit [NAME]  .tidy   a file; $EDITOR; the last input, reformatted",
            ".save NAME  .run NAME  .delete NAME  .snippets  .export DIR     kept inputs",
        ],
    ),
    (
        "Try",
        &[
            "const sem = require(\"cla/sem\"), util = require(\"cla/util\")",
            ".spawn require(\"cla/sem\").take(\"x\", () => require(\"cla/util\").sleep(60))",
            "sem.take(\"x\", () => \"my turn\")      waits; Ctrl-C leaves the queue",
            ".slots x +                           or let it in",
        ],
    ),
    (
        "Leave",
        &[".exit, or Ctrl-D. IDs and RUNs may be shortened as long as they are unique."],
    ),
];

fn help(console: &Console) {
    let mut lines = Vec::new();
    for (heading, texts) in HELP {
        for (nth, text) in texts.iter().enumerate() {
            let heading = if nth == 0 { heading } else { "" };
            lines.push(Line(vec![
                Span::new(format!("{heading:<12}"), BOLD),
                Span::plain(*text),
            ]));
        }
    }
    say(console, &lines);
}

fn semaphores(console: &Console, name: &str, rest: &str) -> Result<(), String> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let command = name.trim_start_matches('.');
    let words: Vec<&str> = match (command, words.as_slice()) {
        ("sem", []) => return overview(console),
        // Any command of `cla sem` works behind .sem.
        ("sem", [first, ..])
            if [
                "list", "show", "slots", "grant", "cancel", "move", "purge", "release", "forget",
                "history", "audit",
            ]
            .contains(first) =>
        {
            words
        }
        ("sem", _) => ["show"].into_iter().chain(words).collect(),
        _ => [command].into_iter().chain(words).collect(),
    };
    console.runtime.block_on(crate::sem::prompted(
        &console.semaphores,
        &console.choice,
        &words,
    ))
}

fn overview(console: &Console) -> Result<(), String> {
    let views = console.runtime.block_on(console.semaphores.list());
    let views = views.map_err(|error| console.choice.complaint(&error))?;
    if views.is_empty() {
        console
            .screen
            .say("there are no semaphores yet: the first request for one creates it");
        return Ok(());
    }
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    say(console, &crate::sem::all(&views, width));
    Ok(())
}

fn watch_semaphores(console: &Console) -> Result<(), String> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err("--watch needs a terminal".to_owned());
    }
    watch::watch(&console.runtime, &console.semaphores).map_err(|error| error.to_string())
}

fn spawn(console: &mut Console, rest: &str) -> Result<(), String> {
    let what = one(rest, ".spawn")?;
    console.background.spawn(what)
}

fn mode(console: &mut Console, rest: &str) -> Result<(), String> {
    console.mode = match rest {
        "" => {
            console.screen.say(console.mode.name());
            return Ok(());
        }
        "js" | "javascript" | "ts" => Mode::Js,
        "yaml" | "yml" => Mode::Yaml,
        _ => return Err("the mode is js or yaml".to_owned()),
    };
    Ok(())
}

fn output(console: &mut Console, rest: &str) -> Result<(), String> {
    if rest.is_empty() {
        console.screen.say(console.format.name());
        return Ok(());
    }
    console.format = rest.parse::<Format>()?;
    Ok(())
}

fn timing(console: &mut Console, rest: &str) -> Result<(), String> {
    console.timing = match rest {
        "on" | "" => Timing::Always,
        "off" => Timing::Never,
        "auto" => Timing::Long,
        _ => return Err(".time is on, off or auto".to_owned()),
    };
    Ok(())
}

fn evaluated(well: bool) -> Done {
    if well { Done::Well } else { Done::Badly }
}

fn failed(console: &Console, problem: &dyn std::fmt::Display) -> Done {
    console.complain(problem);
    Done::Badly
}

fn load(console: &mut Console, rest: &str) -> Done {
    let path = match one(rest, ".load") {
        Ok(path) => Path::new(path),
        Err(problem) => return failed(console, &problem),
    };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mode = Mode::of(path).unwrap_or(Mode::Js);
            evaluated(console.evaluate_as(mode, &text, true))
        }
        Err(error) => failed(console, &format_args!("{}: {error}", path.display())),
    }
}

fn edit(console: &mut Console, rest: &str) -> Done {
    let (mode, text) = if rest.is_empty() {
        let last = console.last.clone();
        last.unwrap_or_else(|| (console.mode, String::new()))
    } else {
        match console.snippets.get(rest) {
            Ok(Some(snippet)) => (snippet.mode, snippet.text),
            Ok(None) => return failed(console, &no_snippet(console, rest)),
            Err(error) => return failed(console, &error),
        }
    };
    match edited(&text, mode) {
        Ok(text) => {
            console.screen.say(text.trim_end());
            if !rest.is_empty()
                && let Err(error) = console.snippets.save(rest, mode, &text)
            {
                console.complain(&error);
            }
            evaluated(console.evaluate_as(mode, &text, true))
        }
        Err(problem) => failed(console, &problem),
    }
}

/// The text as the user leaves it in an editor.
fn edited(text: &str, mode: Mode) -> Result<String, String> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| if cfg!(windows) { "notepad" } else { "vi" }.to_owned());
    let file = tempfile::Builder::new()
        .prefix("cla-")
        .suffix(&format!(".{}", mode.extension()))
        .tempfile()
        .map_err(|error| error.to_string())?;
    std::fs::write(file.path(), text).map_err(|error| error.to_string())?;
    // The variable may hold arguments, as git and others allow.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    let status = std::process::Command::new(program)
        .args(words)
        .arg(file.path())
        .status()
        .map_err(|error| format!("cannot start the editor {editor}: {error}; set EDITOR"))?;
    if !status.success() {
        return Err(format!("the editor {editor} failed: {status}"));
    }
    std::fs::read_to_string(file.path()).map_err(|error| error.to_string())
}

fn last(console: &Console) -> Result<(Mode, String), String> {
    let last = console.last.clone();
    last.ok_or_else(|| "nothing was typed yet".to_owned())
}

fn tidy(console: &mut Console) -> Result<(), String> {
    let (mode, text) = last(console)?;
    if mode == Mode::Yaml {
        return Err("only JavaScript and TypeScript are reformatted".to_owned());
    }
    let text = cla_runtime::internal::tidy(&text).map_err(|error| error.message)?;
    console.screen.say(text.trim_end());
    console.last = Some((mode, text));
    Ok(())
}

fn save(console: &Console, rest: &str) -> Result<(), String> {
    let name = one(rest, ".save")?;
    let (mode, text) = last(console)?;
    if console.secrets().are_in(&text) {
        return Err("the last input has a secret in it, and a snippet is kept in a file: write cla.secret(\"NAME\")".to_owned());
    }
    let replaced = console.snippets.save(name, mode, &text);
    let done = match replaced.map_err(|error| error.to_string())? {
        true => "replaced",
        false => "saved",
    };
    let said = format!("{done} {name}");
    console.screen.say(&Span::new(said, DIM).to_string());
    Ok(())
}

fn snippets(console: &Console) -> Result<(), String> {
    let snippets = console.snippets.list().map_err(|error| error.to_string())?;
    if snippets.is_empty() {
        console
            .screen
            .say("no snippets; .save NAME keeps the last input");
        return Ok(());
    }
    let mut table = Table::new([
        Column::new("NAME", Align::Left),
        Column::new("MODE", Align::Left),
        Column::new("BEGINS", Align::Left).that_gives_way(),
    ]);
    for snippet in &snippets {
        let first = snippet.text.lines().find(|line| !line.trim().is_empty());
        table.row([
            Span::new(snippet.name.clone(), BOLD),
            Span::plain(snippet.mode.name()),
            Span::new(first.unwrap_or_default(), DIM),
        ]);
    }
    let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    say(console, &table.lines(width));
    Ok(())
}

fn no_snippet(console: &Console, name: &str) -> String {
    let names: Vec<String> = console
        .snippets
        .list()
        .map(|snippets| snippets.into_iter().map(|snippet| snippet.name).collect())
        .unwrap_or_default();
    match cla_runtime::internal::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("there is no snippet {name}; did you mean {near}?"),
        None => format!("there is no snippet {name}"),
    }
}

fn run(console: &mut Console, rest: &str) -> Done {
    let name = match one(rest, ".run") {
        Ok(name) => name,
        Err(problem) => return failed(console, &problem),
    };
    match console.snippets.get(name) {
        Ok(Some(snippet)) => evaluated(console.evaluate_as(snippet.mode, &snippet.text, true)),
        Ok(None) => failed(console, &no_snippet(console, name)),
        Err(error) => failed(console, &error),
    }
}

fn delete(console: &Console, rest: &str) -> Result<(), String> {
    let name = one(rest, ".delete")?;
    match console.snippets.delete(name) {
        Ok(true) => Ok(()),
        Ok(false) => Err(no_snippet(console, name)),
        Err(error) => Err(error.to_string()),
    }
}

fn export(console: &Console, rest: &str) -> Result<(), String> {
    let folder = PathBuf::from(one(rest, ".export")?);
    let count = console.snippets.export(&folder);
    let count = count.map_err(|error| format!("{}: {error}", folder.display()))?;
    let said = format!("wrote {count} to {}", folder.display());
    console.screen.say(&Span::new(said, DIM).to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, HELP};

    #[test]
    fn help_names_every_command_and_fits_on_a_screen() {
        let lines: Vec<&str> = HELP
            .iter()
            .flat_map(|(_, texts)| texts.iter().copied())
            .collect();
        assert!(lines.len() <= 22, "{}", lines.len());
        for line in &lines {
            assert!(line.chars().count() + 12 <= 96, "{line}");
        }
        for command in COMMANDS.iter().filter(|command| command.name != ".help") {
            let named = lines.iter().any(|line| line.contains(command.name));
            assert!(named, "{}", command.name);
        }
    }
}
