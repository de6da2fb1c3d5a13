//! The host `cla repl` at a terminal: a script is typed, Ctrl-C stops it, and the prompt works as before.

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use cla_tests::pty::Pty;

use crate::bounds::{self, End, Machine, Seen, ms};
use crate::child;
use crate::corpus::{Case, Host};
use crate::program::TOO_MUCH;
use crate::settings::Settings;
use crate::suite::lanes;
use crate::summary::Outcome;

/// How long a script runs before Ctrl-C.
const RUNS: Duration = Duration::from_millis(150);

/// How long Ctrl-C may take: what evaluates gives way within a few slices, and then the prompt is drawn.
const BACK: Duration = Duration::from_millis(500);

/// How often Ctrl-C is pressed, if the prompt is not back.
const PRESS: Duration = Duration::from_secs(1);

/// A prompt at a terminal of its own.
struct Prompt {
    pty: Pty,
    seen: String,
    answers: usize,
    _folder: tempfile::TempDir,
}

/// Why a prompt does not answer.
enum Lost {
    Ended(End),
    Silent,
    TooMuch(u64),
}

impl Prompt {
    fn start(program: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["repl", "--color=never"]);
        command.current_dir(folder.path());
        command.env("CLA_HOME", folder.path());
        command.env("XDG_CONFIG_HOME", folder.path());
        command.env("TERM", "xterm-256color");
        command.env_remove("CLA_STORE");
        Self {
            pty: Pty::start(&command, 200, 40),
            seen: String::new(),
            answers: 0,
            _folder: folder,
        }
    }

    fn types(&mut self, text: &str) {
        // A terminal whose program is gone takes nothing; that is seen elsewhere.
        let _ = self.pty.types(text);
    }

    /// Waits until `text` is to be read; `false` if it is not there in time.
    fn shows(&mut self, text: &str, until: Instant) -> Result<bool, Lost> {
        const KEPT: usize = 1 << 16;
        loop {
            if self.seen.contains(text) {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.pty.next(left.min(Duration::from_millis(20))) {
                Ok(bytes) => {
                    self.seen.push_str(&String::from_utf8_lossy(&bytes));
                    if self.seen.len() > 2 * KEPT {
                        let from = self.seen.ceil_char_boundary(self.seen.len() - KEPT);
                        self.seen.drain(..from);
                    }
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(false),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if let Some(status) = self.pty.ended() {
                let code = status.exit_code().cast_signed();
                let signal = status.signal().map(str::to_owned);
                return Err(Lost::Ended(
                    signal.map_or(End::Code(code), |name| End::Signal(number(&name))),
                ));
            }
            let peak = child::peak(self.pty.id());
            if peak > TOO_MUCH {
                return Err(Lost::TooMuch(peak));
            }
        }
    }

    /// Waits for the first prompt: before that, Ctrl-C ends the program.
    fn is_there(&mut self) -> Result<(), Lost> {
        let until = Instant::now() + Duration::from_secs(20);
        if self.shows("js> ", until)? {
            Ok(())
        } else {
            Err(Lost::Silent)
        }
    }

    /// Whether the prompt is there and evaluates: it gets Ctrl-C, and a sum when it is drawn anew.
    fn answers(&mut self, until: Instant) -> Result<(), Lost> {
        loop {
            self.answers += 1;
            let number = 1_000_000 + self.answers;
            self.seen.clear();
            self.types("\x03");
            // What is typed before the prompt is there may be thrown away with what Ctrl-C stops.
            if self.shows("js> ", until.min(Instant::now() + PRESS))? {
                self.types(&format!("'answer ' + ({number} + 1)\r"));
                let next = until.min(Instant::now() + PRESS);
                if self.shows(&format!("answer {}", number + 1), next)? {
                    return Ok(());
                }
            }
            if Instant::now() >= until {
                return Err(Lost::Silent);
            }
        }
    }
}

/// The signal of this name; the library says only that.
fn number(name: &str) -> i32 {
    const NAMES: [(&str, i32); 7] = [
        ("Interrupt", 2),
        ("Terminated", 15),
        ("Segmentation", 11),
        ("Aborted", 6),
        ("Killed", 9),
        ("Bus", 7),
        ("Illegal", 4),
    ];
    let known = NAMES.iter().find(|(part, _)| name.contains(part));
    known.map_or(0, |(_, number)| *number)
}

/// Types cases at prompts, several side by side; a prompt is used again as long as it answers.
pub(crate) fn run(
    program: &Path,
    cases: &[&Case],
    machine: &Machine,
    settings: &Settings,
) -> Vec<Outcome> {
    lanes(settings, cases, |prompt, case| {
        one(prompt, program, case, machine, settings)
    })
}

fn one(
    kept: &mut Option<Prompt>,
    program: &Path,
    case: &Case,
    machine: &Machine,
    settings: &Settings,
) -> Outcome {
    let mut prompt = kept.take().unwrap_or_else(|| Prompt::start(program));
    let id = prompt.pty.id();
    let before = child::waits(id);
    let seen = typed(&mut prompt, case, machine, settings);
    let starved = child::starved(&before, &child::waits(id));
    let mut seen = match seen {
        Ok(back) => {
            *kept = Some(prompt);
            Seen {
                end: Some(End::Code(0)),
                starved,
                took: back,
                status: Some("ok".to_owned()),
                ..Seen::default()
            }
        }
        Err(lost) => {
            let end = match lost {
                Lost::Ended(End::Code(code)) => End::Gone(code),
                Lost::Ended(end) => end,
                Lost::Silent => End::TooLong,
                Lost::TooMuch(_) => End::TooMuch,
            };
            let said = prompt.seen.chars().rev().take(300).collect::<Vec<_>>();
            Seen {
                end: Some(end),
                took: settings.patience,
                peak: if let Lost::TooMuch(peak) = lost {
                    peak
                } else {
                    0
                },
                said: said.into_iter().rev().collect(),
                ..Seen::default()
            }
        }
    };
    // At a prompt there is no limit but Ctrl-C, and a value is shown, not given.
    let mut at_prompt = case.clone();
    at_prompt.bounds.ends = BACK.max(case.bounds.ends.saturating_sub(case.bounds.limit));
    at_prompt.bounds.waiter = false;
    at_prompt.bounds.status.clear();
    at_prompt.bounds.says.clear();
    at_prompt.bounds.value = None;
    seen.value = None;
    let mut broken = bounds::broken(&at_prompt, &seen, machine);
    for broken in &mut broken {
        broken.what = format!("{} (after Ctrl-C)", broken.what);
    }
    let how = format!(
        "{} repl  # type the script, then Ctrl-C after {}",
        program.display(),
        ms(RUNS)
    );
    Outcome::new(case, Host::Prompt, seen, broken, how)
}

/// Types the script; gives how long after Ctrl-C the prompt answered.
fn typed(
    prompt: &mut Prompt,
    case: &Case,
    machine: &Machine,
    settings: &Settings,
) -> Result<Duration, Lost> {
    if prompt.answers == 0 {
        prompt.is_there()?;
    }
    // A block: what one script declares is not in the way of the next.
    let script = format!("{{ {} }}\r", case.text);
    prompt.types(&script);
    let _ = prompt.shows("no script prints this", Instant::now() + RUNS)?;
    let began = Instant::now();
    prompt.answers(began + BACK + machine.margin + settings.patience)?;
    Ok(began.elapsed())
}
