//! The commands of the prompt as the reading side sees them: which text is one, and what they are given.

use super::place::Wanted;

/// An input that is a command, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Command<'t> {
    /// With its dot: `.sem`.
    pub(crate) name: &'t str,
    /// What follows, as it was typed, without the space before it.
    pub(crate) argument: &'t str,
}

/// The command that a text is: a dot and a letter begin one.
pub(crate) fn parse(text: &str) -> Option<Command<'_>> {
    let text = text.trim_start();
    text.strip_prefix('.')?
        .starts_with(|first: char| first.is_ascii_alphabetic())
        .then_some(())?;
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (name, argument) = text.split_at(end);
    let argument = argument.trim_start();
    Some(Command { name, argument })
}

/// Whether what follows the command is code, which may go on in the next line.
pub(crate) fn takes_code(name: &str) -> bool {
    name == ".spawn"
}

/// Whether all that follows the command is one name of a file, spaces included.
pub(crate) fn takes_file(name: &str) -> bool {
    matches!(name, ".load" | ".export")
}

/// What a command is given, by the number of the argument from 0.
pub(crate) fn wanted(name: &str, index: usize) -> &'static [Wanted] {
    use Wanted::{Commands, Files, Requests, Runs, Semaphores, Snippets, Words};
    match (name, index) {
        (".sem", 0) => &[Semaphores, Words(&["--watch"])],
        (".sem", 1) => &[Words(&["--watch"])],
        (".slots" | ".purge" | ".release" | ".forget", 0) => &[Semaphores],
        (".slots", 1) => &[Words(&["+", "-", "default", "unlimited"])],
        (".grant" | ".cancel" | ".move", 0) => &[Requests],
        (".stop", 0) => &[Runs],
        (".run" | ".delete" | ".save", 0) => &[Snippets],
        (".load" | ".export" | ".spawn", 0) => &[Files],
        (".output", 0) => &[Words(&["inspect", "json", "table", "yaml"])],
        (".mode", 0) => &[Words(&["js", "yaml"])],
        (".time", 0) => &[Words(&["off", "on"])],
        (".help", 0) => &[Commands],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_and_a_letter_begin_a_command() {
        let command = parse(" .slots  prod-db 2").unwrap();
        assert_eq!((command.name, command.argument), (".slots", "prod-db 2"));
        assert_eq!(parse(".sem").unwrap().argument, "");
        for text in [".5 + 1", "...all", ".", "", "a.sem", ". sem"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
