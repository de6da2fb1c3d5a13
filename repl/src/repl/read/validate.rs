//! Whether an input is whole, and what to show when it can never be.
//!
//! The mistake of an input is shown once. At a second Enter the input is taken as it is: then the engine reports the
//! mistake.

use std::cell::RefCell;

use rustyline::validate::ValidationResult;
use unicode_width::UnicodeWidthChar;

use super::{Knowledge, Mode, State, commands};
use cla_runtime::semaphore::{is_unprintable, printable};

/// How far apart the editor puts tab stops.
const TAB: usize = 8;

/// The last input that was shown its mistake.
#[derive(Default)]
pub(crate) struct Validator {
    refused: RefCell<Option<String>>,
}

/// Where an input stands on the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// How wide the prompt is.
    pub(crate) prompt: usize,
    pub(crate) columns: usize,
}

impl Validator {
    pub(crate) fn validate(
        &self,
        text: &str,
        mode: Mode,
        session: &dyn Knowledge,
        screen: Screen,
    ) -> ValidationResult {
        let refused = self.refused.take();
        if text.trim().is_empty() {
            return ValidationResult::Valid(None);
        }
        let whole = match state(text, mode, session) {
            State::Complete => ValidationResult::Valid(None),
            State::Incomplete => return ValidationResult::Incomplete,
            State::Invalid {
                message,
                line,
                column,
            } if refused.as_deref() != Some(text) => {
                self.refused.replace(Some(text.to_owned()));
                let message = under(text, &message, line as usize, column as usize, screen);
                return ValidationResult::Invalid(Some(message));
            }
            State::Invalid { .. } => ValidationResult::Valid(None),
        };
        // An empty message removes the message before it from the screen.
        match refused {
            Some(_) => ValidationResult::Valid(Some(String::new())),
            None => whole,
        }
    }

    pub(crate) fn forget(&self) {
        self.refused.replace(None);
    }
}

fn state(text: &str, mode: Mode, session: &dyn Knowledge) -> State {
    if let Some(command) = commands::parse(text) {
        // What is no code is a name of a file, so only unfinished code counts.
        let unfinished = commands::takes_code(command.name)
            && !command.argument.is_empty()
            && session.state(command.argument, Mode::Js) == State::Incomplete;
        return if unfinished {
            State::Incomplete
        } else {
            State::Complete
        };
    }
    let ended = text
        .rsplit('\n')
        .next()
        .is_some_and(|line| line.trim().is_empty());
    match mode {
        Mode::Js => session.state(text, mode),
        Mode::Yaml if !text.contains('\n') => session.state(text, mode),
        // Another line can always continue a rulebook.
        Mode::Yaml if !ended => State::Incomplete,
        Mode::Yaml => match session.state(text, mode) {
            State::Incomplete => State::Complete,
            state => state,
        },
    }
}

/// A message below the input, with a caret under the place that it is about.
fn under(text: &str, message: &str, line: usize, column: usize, screen: Screen) -> String {
    let message = printable(message);
    let lines = text.split('\n').count();
    let line = line.clamp(1, lines);
    let source = text.split('\n').nth(line - 1).unwrap_or_default();
    let prompt = if line == 1 { screen.prompt } else { 0 };
    let start = column.saturating_sub(1);
    let caret = width(source, start, prompt);
    let end = width(source, usize::MAX, prompt);
    if line == lines && end < screen.columns {
        return format!("\n{}", pointed(caret, &message, screen));
    }
    // The place is not in the line above. The line is shown again, so that the place is in sight.
    let number = format!("{line}: ");
    let room = screen.columns.saturating_sub(number.len() + 1).max(1);
    let ahead = room / 2;
    let skipped = if end >= room {
        start.saturating_sub(ahead)
    } else {
        0
    };
    let shown: String = source
        .chars()
        .skip(skipped)
        .take(room / 2 + ahead)
        .map(|character| {
            if is_unprintable(character) {
                ' '
            } else {
                character
            }
        })
        .collect();
    let caret = number.len() + width(&shown, start - skipped, 0);
    format!("\n{number}{shown}\n{}", pointed(caret, &message, screen))
}

fn pointed(caret: usize, message: &str, screen: Screen) -> String {
    let space = " ".repeat(caret);
    if caret + 2 + message.chars().count() < screen.columns {
        format!("{space}^ {message}")
    } else {
        format!("{space}^\n{message}")
    }
}

/// The column of the screen in which the first `characters` of a line end, if the line begins in column `from`.
fn width(line: &str, characters: usize, from: usize) -> usize {
    line.chars()
        .take(characters)
        .fold(from, |at, character| match character {
            '\t' => at + TAB - at % TAB,
            _ => at + character.width().unwrap_or(0),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repl::read::fake::Fake;

    const SCREEN: Screen = Screen {
        prompt: 5,
        columns: 40,
    };

    /// `valid`, `incomplete`, or what the message is.
    fn said(validator: &Validator, text: &str, mode: Mode) -> String {
        match validator.validate(text, mode, &Fake::default(), SCREEN) {
            ValidationResult::Valid(None) => "valid".to_owned(),
            ValidationResult::Valid(Some(message)) => format!("valid{message:?}"),
            ValidationResult::Invalid(Some(message)) => message,
            ValidationResult::Incomplete => "incomplete".to_owned(),
            _ => "invalid".to_owned(),
        }
    }

    fn once(text: &str, mode: Mode) -> String {
        said(&Validator::default(), text, mode)
    }

    #[test]
    fn code_goes_on_until_it_is_whole() {
        assert_eq!(once("f(", Mode::Js), "incomplete");
        assert_eq!(once("f(\n)", Mode::Js), "valid");
        assert_eq!(once("  \n", Mode::Js), "valid");
    }

    #[test]
    fn a_mistake_is_pointed_at() {
        assert_eq!(once("f(!)", Mode::Js), "\n       ^ unexpected !");
        assert_eq!(once("f(\n界\t!)", Mode::Js), "\n        ^ unexpected !");
    }

    #[test]
    fn a_mistake_further_up_is_shown_with_its_line() {
        assert_eq!(once("a\nb !\nc", Mode::Js), "\n2: b !\n     ^ unexpected !");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mistake_is_shown() {
        let text = format!("{}!{}", "a".repeat(100), "b".repeat(100));
        let said = once(&text, Mode::Js);
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines[1].chars().nth(lines[2].find('^').unwrap()), Some('!'));
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= SCREEN.columns),
            "{said}"
        );
    }

    #[test]
    fn a_message_that_does_not_fit_has_a_line_of_its_own() {
        let text = format!("{}!", "a".repeat(30));
        assert_eq!(
            once(&text, Mode::Js),
            format!("\n{}^\nunexpected !", " ".repeat(35))
        );
    }

    #[test]
    fn enter_a_second_time_takes_the_input_as_it_is() {
        let validator = Validator::default();
        assert!(said(&validator, "!", Mode::Js).contains("unexpected"));
        assert_eq!(said(&validator, "!", Mode::Js), "valid\"\"");
        assert!(
            said(&validator, "!", Mode::Js).contains("unexpected"),
            "another input"
        );
        assert!(
            said(&validator, "a!", Mode::Js).contains("unexpected"),
            "it was changed"
        );
        assert_eq!(
            said(&validator, "a", Mode::Js),
            "valid\"\"",
            "what was said is wiped off"
        );
    }

    #[test]
    fn commands_are_whole_at_once() {
        assert_eq!(once(".sem (", Mode::Js), "valid");
        assert_eq!(once(".spawn", Mode::Js), "valid");
        assert_eq!(once(".spawn f(", Mode::Yaml), "incomplete");
        assert_eq!(once(".spawn ./a!.js", Mode::Js), "valid");
        assert_eq!(once(".5!", Mode::Js), "\n       ^ unexpected !");
    }

    #[test]
    fn a_rulebook_of_several_lines_ends_with_an_empty_line() {
        assert_eq!(once("echo: hi", Mode::Yaml), "valid");
        assert_eq!(once("do:", Mode::Yaml), "incomplete");
        assert_eq!(once("do:\n  - echo: hi", Mode::Yaml), "incomplete");
        assert_eq!(once("do:\n  - echo: hi\n", Mode::Yaml), "valid");
        assert_eq!(once("do:\n  - echo:\n  ", Mode::Yaml), "valid");
        assert_eq!(
            once("do: !\n", Mode::Yaml),
            "\n1: do: !\n       ^ unexpected !"
        );
    }

    #[test]
    fn places_outside_of_the_text_do_no_harm() {
        for (line, column) in [(0, 0), (9, 9), (1, 1000)] {
            under("a\nb", "odd", line, column, SCREEN);
            under(
                "a\nb",
                "odd",
                line,
                column,
                Screen {
                    prompt: 0,
                    columns: 0,
                },
            );
        }
    }
}
