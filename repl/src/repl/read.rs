//! Reads what is typed at the prompt: one whole input at a time, with all that makes typing pleasant. It evaluates
//! nothing; it asks the session for the names that it needs ([`Knowledge`]).
//!
//! One file per job: [`complete`], [`highlight`], [`hint`], [`validate`], [`history`]; [`place`] finds out where the
//! cursor is, for the first and the third.

mod commands;
mod complete;
#[cfg(test)]
mod fake;
mod highlight;
mod hint;
mod history;
mod place;
mod printer;
mod rulebook;
mod session_cache;
mod signatures;
mod tokens;
mod validate;

use std::borrow::Cow;
use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::secrets::Secrets;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult};
use rustyline::{
    Cmd, ColorMode, CompletionType, ConditionalEventHandler, Config, Context, EditMode, Editor,
    Event, EventContext, EventHandler, Helper, InputMode, KeyCode, KeyEvent, Modifiers,
    RepeatCount,
};
use unicode_width::UnicodeWidthStr;

pub(crate) use self::commands::{Command, parse as command};
pub(crate) use self::history::HistoryError;
pub(crate) use self::printer::Printer;

use self::complete::{Candidate, Files};
use self::history::InputHistory;
use self::printer::ExternalPrinter;
use self::session_cache::SessionCache;
use self::validate::{Screen, Validator};
use super::screen::Backlog;

/// What the reading side must know of the session. An answer that takes long is felt at the next key.
pub(crate) trait Knowledge {
    /// Whether a text is whole.
    fn state(&self, text: &str, mode: Mode) -> State;
    /// The members of what a path leads to (`["cla"]`; `[]` is the global scope), found without running
    /// getters or any other code.
    fn members(&self, path: &[String]) -> Vec<Member>;
    /// The names of all semaphores.
    fn semaphores(&self) -> Vec<String>;
    /// The names of the built-in modules.
    fn modules(&self) -> Vec<String>;
    /// The commands, with their dots, and what each does in a line.
    fn commands(&self) -> Vec<(String, String)>;
    /// The names of the snippets.
    fn snippets(&self) -> Vec<String>;
    /// The ids of the requests that can be granted, cancelled or moved.
    fn requests(&self) -> Vec<String>;
    /// The ids of the background runs.
    fn runs(&self) -> Vec<String>;
}

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// JavaScript or TypeScript.
    Js,
    /// Rulebooks.
    Yaml,
}

/// How far along a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It can be evaluated.
    Complete,
    /// More may make it complete.
    Incomplete,
    /// Nothing that follows makes it complete. Line and column are from 1, the column in characters.
    Invalid {
        message: String,
        line: u32,
        column: u32,
    },
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) function: bool,
}

/// How the prompt behaves.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) colour: bool,
    /// The keys of vi rather than those of Emacs.
    pub(crate) vi: bool,
    /// The file that the history is kept in.
    pub(crate) history: Option<PathBuf>,
    /// What is masked in the history.
    pub(crate) secrets: Secrets,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Read {
    /// A whole input, which may have several lines. Or one with a mistake that the user insists on.
    Input(String),
    /// Ctrl-C: what was typed is forgotten.
    Interrupted,
    /// Ctrl-D: there is no more to read.
    End,
    Failed(ReadlineError),
}

/// The prompt. Must not be used unless standard input and output are a terminal.
pub(crate) struct Reader {
    editor: Editor<Prompt, InputHistory>,
    printer: Option<ExternalPrinter>,
    problem: Option<HistoryError>,
    secrets: Secrets,
}

impl Reader {
    pub(crate) fn new(knowledge: Rc<dyn Knowledge>, settings: Settings) -> rustyline::Result<Self> {
        let Settings {
            colour,
            vi,
            history,
            secrets,
        } = settings;
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .color_mode(if colour {
                ColorMode::Enabled
            } else {
                ColorMode::Disabled
            })
            .edit_mode(if vi { EditMode::Vi } else { EditMode::Emacs })
            .bracketed_paste(true)
            .build();
        let (history, problem) = InputHistory::open(history);
        let mut editor = Editor::with_history(config, history)?;
        editor.set_helper(Some(Prompt::new(knowledge)));
        editor.bind_sequence(
            KeyEvent(KeyCode::Tab, Modifiers::NONE),
            EventHandler::Conditional(Box::new(Tab)),
        );
        editor.bind_sequence(KeyEvent::alt('\r'), Cmd::Newline);
        Ok(Self {
            editor,
            printer: None,
            problem,
            secrets,
        })
    }

    /// Reads one whole input, and remembers it in the history.
    pub(crate) fn read(&mut self, prompt: &str, mode: Mode) -> Read {
        if let Some(helper) = self.editor.helper_mut() {
            helper.begin(prompt, mode);
        }
        match self.editor.readline(prompt) {
            Ok(input) => {
                let kept = self.secrets.mask(&input);
                if let Err(problem) = self.editor.history_mut().remember(&kept) {
                    self.problem = Some(problem);
                }
                Read::Input(input)
            }
            Err(ReadlineError::Interrupted) => Read::Interrupted,
            Err(ReadlineError::Eof) => Read::End,
            Err(error) => Read::Failed(error),
        }
    }

    /// Why the history is not kept, if that became known since it was asked for last.
    pub(crate) fn problem(&mut self) -> Option<HistoryError> {
        self.problem.take()
    }

    /// Prints above the prompt while an input is being typed, and right away otherwise; from any thread.
    /// `backlog` counts what is not printed yet.
    pub(crate) fn printer(&mut self, backlog: Arc<Backlog>) -> rustyline::Result<Printer> {
        let printer = match self.printer.take() {
            Some(printer) => printer,
            None => ExternalPrinter::start(self.editor.create_external_printer()?, backlog)?,
        };
        Ok(self.printer.insert(printer).printer())
    }

    /// Ends reading, and prints what printers were given up to now.
    pub(crate) fn finish(self) {
        drop(self.editor);
        if let Some(printer) = self.printer {
            printer.finish();
        }
    }
}

/// All that the editor asks while an input is being typed.
struct Prompt {
    cache: SessionCache,
    validator: Validator,
    mode: Cell<Mode>,
    /// How wide the prompt is, in columns.
    width: Cell<usize>,
    /// Where the bracket is that belongs to the one at the cursor.
    matching: Cell<Option<usize>>,
}

impl Prompt {
    fn new(knowledge: Rc<dyn Knowledge>) -> Self {
        Self {
            cache: SessionCache::new(knowledge),
            validator: Validator::default(),
            mode: Cell::new(Mode::Js),
            width: Cell::new(0),
            matching: Cell::new(None),
        }
    }

    fn begin(&self, prompt: &str, mode: Mode) {
        self.cache.forget();
        self.validator.forget();
        self.mode.set(mode);
        self.width.set(prompt.width());
        self.matching.set(None);
    }
}

impl Helper for Prompt {}

impl Completer for Prompt {
    type Candidate = Candidate;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Candidate>)> {
        // Others may have made semaphores and requests since.
        self.cache.forget();
        Ok(complete::complete(
            line,
            cursor,
            self.mode.get(),
            &self.cache,
            Files::Listed,
        ))
    }
}

impl Hinter for Prompt {
    type Hint = hint::Hint;

    fn hint(&self, line: &str, cursor: usize, history: &Context<'_>) -> Option<hint::Hint> {
        if more_is_typed() {
            return None;
        }
        hint::hint(line, cursor, self.mode.get(), &self.cache, history)
    }
}

impl rustyline::validate::Validator for Prompt {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        /// Where the terminal does not say.
        const COLUMNS: usize = 80;
        let screen = Screen {
            prompt: self.width.get(),
            columns: terminal_size::terminal_size()
                .map_or(COLUMNS, |(width, _)| usize::from(width.0)),
        };
        let session = self.cache.session();
        Ok(self
            .validator
            .validate(context.input(), self.mode.get(), session, screen))
    }
}

impl Highlighter for Prompt {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if more_is_typed() {
            return Cow::Borrowed(line);
        }
        highlight::highlight(line, self.mode.get(), &self.cache, self.matching.get())
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        default: bool,
    ) -> Cow<'b, str> {
        if default {
            Cow::Owned(highlight::prompt(prompt))
        } else {
            Cow::Borrowed(prompt)
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(highlight::hint(hint))
    }

    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        if more_is_typed() {
            self.matching.set(None);
            return false;
        }
        let matching = match kind {
            CmdKind::ForcedRefresh => None,
            _ => highlight::matching_bracket(line, cursor, self.mode.get()),
        };
        self.matching.set(matching);
        match kind {
            CmdKind::Other => line.len() <= highlight::MAX_COLOURED,
            _ => matching.is_some(),
        }
    }
}

/// Whether there is more to read already, as while a terminal without bracketed paste is pasting. Drawing after each
/// such character would be in vain.
#[cfg(unix)]
fn more_is_typed() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    const AT_ONCE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let input = std::io::stdin();
    let mut input = [PollFd::new(&input, PollFlags::IN)];
    cfg!(not(test)) && poll(&mut input, Some(&AT_ONCE)).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
fn more_is_typed() -> bool {
    false
}

/// Tab indents at the beginning of a line, and completes elsewhere. So pasted code keeps its indentation, and starts no
/// completions.
struct Tab;

impl ConditionalEventHandler for Tab {
    fn handle(
        &self,
        _: &Event,
        _: RepeatCount,
        _: bool,
        context: &EventContext<'_>,
    ) -> Option<Cmd> {
        let typing =
            context.mode() == EditMode::Emacs || context.input_mode() != InputMode::Command;
        let indents = is_indent(&context.line()[..context.pos()]) || more_is_typed();
        (typing && indents).then(|| Cmd::Insert(1, INDENT.to_owned()))
    }
}

const INDENT: &str = "  ";

/// Whether nothing but space stands between the beginning of the line and the cursor.
fn is_indent(before: &str) -> bool {
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    before[line..].trim().is_empty()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::fake::Fake;
    use super::*;

    #[test]
    fn tab_indents_only_at_the_beginning_of_a_line() {
        for before in ["", "  ", "f(\n", "f(\n  "] {
            assert!(is_indent(before), "{before:?}");
        }
        for before in ["f", "f(\n  a"] {
            assert!(!is_indent(before), "{before:?}");
        }
    }

    #[test]
    fn a_bracket_stands_out_only_while_typing() {
        let prompt = Prompt::new(Rc::new(Fake::default()));
        assert!(prompt.highlight_char("(1)", 3, CmdKind::MoveCursor));
        assert_eq!(prompt.matching.get(), Some(0));
        assert!(!prompt.highlight_char("(1)", 1, CmdKind::ForcedRefresh));
        assert_eq!(prompt.matching.get(), None);
    }

    #[test]
    fn two_thousand_lines_are_coloured_completed_and_checked_quickly() {
        let prompt = Prompt::new(Rc::new(Fake::default()));
        let text: String = (0..2_000)
            .map(|number| format!("sem.take('x', () => print(`${{{number}}}`));\n"))
            .collect();
        let history = InputHistory::open(None).0;
        let context = Context::new(&history);
        let started = Instant::now();
        prompt.highlight_char(&text, text.len(), CmdKind::Other);
        prompt.highlight(&text, text.len());
        prompt.hint(&text, text.len(), &context);
        prompt.validator.validate(
            &text,
            Mode::Js,
            prompt.cache.session(),
            Screen {
                prompt: 5,
                columns: 80,
            },
        );
        prompt.complete(&text, text.len(), &context).unwrap();
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
