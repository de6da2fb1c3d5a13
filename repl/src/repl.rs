//! `cla repl`: a prompt at which rules are tried and semaphores are steered.
//!
//! [`read`] reads whole inputs from a terminal, [`console`] evaluates them in one long session, [`commands`] does what
//! begins with a dot, [`background`] runs others beside it. Without a terminal, inputs come from a pipe, and the first
//! that fails ends the program.

mod background;
mod batch;
mod commands;
mod console;
mod knowledge;
mod print;
mod read;
mod screen;
mod snippets;
mod terminal;
mod watch;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use self::commands::Done;
use self::console::{Console, Rights};
use self::knowledge::Session;
use self::read::{Mode, Read, Reader, Settings};
use crate::permissions::PermissionArgs;
use crate::run::{sizes, stash};
use crate::secrets::SecretArgs;
use crate::store::{Origin, StoreArgs};

/// Try rules and steer semaphores at a prompt
///
/// Evaluates JavaScript and TypeScript in one long session: what is declared stays, `await` works anywhere, `_` is the
/// last value. What begins with a dot is a command; `.help` shows all of them. Ctrl-C stops what runs and keeps the
/// session; Ctrl-D leaves, and frees everything.
///
/// Without a terminal, inputs are read from standard input and values printed plainly; the first error ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// Evaluate this, and leave
    #[arg(long, short, value_name = "CODE", conflicts_with = "print")]
    eval: Option<String>,
    /// Evaluate this, print its value, and leave
    #[arg(long, short, value_name = "CODE")]
    print: Option<String>,
    /// What is typed: JavaScript, or rulebooks
    #[arg(long, value_name = "MODE", default_value = "js", value_parser = mode)]
    mode: Mode,
    /// Keys as in vi, rather than as in Emacs
    #[arg(long)]
    vi: bool,
    /// End a session that uses more memory: 64M, 1GiB (powers of 1024)
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = sizes::memory)]
    memory: usize,
    /// How deep calls may nest, as bytes of stack: 512K, 4M
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = sizes::stack)]
    stack: usize,
    /// Data for the session, in `cla.stash`: VALUE is JSON, or else text
    ///
    /// KEY is a name, or a JSON pointer such as /server/port. May be given many times.
    #[arg(long, value_name = "KEY=VALUE|@FILE", value_parser = stash::Entry::parse)]
    stash: Vec<stash::Entry>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    permissions: PermissionArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    /// Arguments for the session, in `args` of the module cla/process
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

const AFTER_HELP: &str = "\
Examples:
  cla repl
  cla repl --store redis://db1/0         steer the semaphores of many machines
  cla repl -p 'require(\"cla/sem\").list().length'
  cla repl --secret TOKEN                cla.secret('TOKEN') is the variable TOKEN, and never shown
  cla repl < setup.js                    evaluate a file, input by input
  echo '- echo: hello' | cla repl --mode yaml

Exit code:
  0    left, or everything was evaluated
  1    what was evaluated failed
  2    wrong usage, which includes CLA_STORE and cla.toml
  130  interrupted by Ctrl-C, without a terminal
  141  the reader of the output is gone";

fn mode(text: &str) -> Result<Mode, String> {
    match text {
        "js" => Ok(Mode::Js),
        "yaml" => Ok(Mode::Yaml),
        _ => Err("the mode is js or yaml".to_owned()),
    }
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Js => "js",
            Self::Yaml => "yaml",
        }
    }

    /// What files with such texts end in.
    fn extension(self) -> &'static str {
        match self {
            Self::Js => "js",
            Self::Yaml => "yml",
        }
    }

    /// The mode of a file, by its name.
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => Some(Self::Js),
            "yml" | "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let stash = match stash::stash(args.stash.clone(), Some("the prompt")) {
        Ok(stash) => stash,
        Err(problem) => crate::exit::wrong_usage::<Args>("repl", &problem),
    };
    let opened = args
        .store
        .choose()
        .and_then(|choice| choice.open().map(|semaphores| (choice, semaphores)));
    let (choice, semaphores) = match opened {
        Ok(opened) => opened,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let asked = args.eval.is_some() || args.print.is_some();
    let interactive = !asked && io::stdin().is_terminal() && io::stdout().is_terminal();
    let granted = match args.permissions.grant(Path::new(".")) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let settings = match crate::store::settings(Path::new(".")) {
        Ok(settings) => settings,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let here = Path::new(".");
    let secrets = match args.secrets.of_rules(here, &args.permissions, &choice.url) {
        Ok(secrets) => secrets,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let rights = Rights {
        granted,
        secrets,
        settings,
    };
    let console = Console::new(args, stash, choice, semaphores, interactive, rights);
    let mut console = match console {
        Ok(console) => console,
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let mut code = if let Some(code) = args.eval.as_ref().or(args.print.as_ref()) {
        let well = console.evaluate_as(args.mode, code, args.print.is_some());
        if well { 0 } else { crate::exit::FAILED }
    } else if interactive {
        return at_the_prompt(args, console);
    } else {
        batch::run(&mut console)
    };
    console.settle();
    if console.is_over() && code == 0 || console.is_unread() {
        code = crate::exit::PIPE_CLOSED;
    }
    if console.is_interrupted() {
        code = crate::exit::INTERRUPTED;
    }
    code = console.exit_code().unwrap_or(code);
    console.close();
    ExitCode::from(code)
}

/// Reads and evaluates until the user leaves.
fn at_the_prompt(args: &Args, console: Console) -> ExitCode {
    // The terminal is restored even after a panic or a signal.
    let _restored = terminal::restored_at_the_end();
    let console = Rc::new(std::cell::RefCell::new(console));
    let settings = Settings {
        colour: console.borrow().colour(),
        vi: args.vi,
        history: crate::store::state_folder().map(|folder| folder.join("history")),
        secrets: console.borrow().secrets().clone(),
    };
    let knowledge = Rc::new(Session::new(Rc::clone(&console)));
    let mut reader = match Reader::new(knowledge, settings) {
        Ok(reader) => reader,
        Err(error) => {
            crate::exit::report(&format_args!("cannot read from this terminal: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let backlog = console.borrow().screen.backlog();
    match reader.printer(backlog) {
        Ok(printer) => console
            .borrow()
            .screen
            .set_above(Box::new(move |text| printer.print(text))),
        Err(error) => crate::exit::warn(&format_args!(
            "what runs beside this may tear the line: {error}"
        )),
    }
    greet(&console.borrow());
    loop {
        if let Some(problem) = reader.problem() {
            console
                .borrow()
                .screen
                .say(&format!("the history is not kept: {problem}"));
        }
        let mode = console.borrow().mode;
        let screen = std::sync::Arc::clone(&console.borrow().screen);
        screen.begin_reading();
        // The editor writes to the terminal by itself.
        console.borrow_mut().settle();
        let read = reader.read(&format!("{}> ", mode.name()), mode);
        screen.end_reading();
        match read {
            Read::Input(text) => match read::command(&text) {
                Some(command) => {
                    let done = commands::carry_out(&mut console.borrow_mut(), command);
                    if done == Done::Leave {
                        break;
                    }
                }
                None => {
                    console.borrow_mut().evaluate(&text);
                }
            },
            Read::Interrupted => {}
            Read::End => break,
            Read::Failed(error) => {
                crate::exit::report(&format_args!("cannot read from this terminal: {error}"));
                break;
            }
        }
        if console.borrow().is_over() {
            break;
        }
    }
    reader.finish();
    let code = console.borrow().exit_code();
    // The reader held the only other one.
    if let Some(console) = Rc::into_inner(console) {
        console.into_inner().close();
    }
    ExitCode::from(code.unwrap_or_default())
}

fn greet(console: &Console) {
    let whose = match console.choice.origin {
        Origin::Default => "this machine".to_owned(),
        _ => console.choice.url.to_string(),
    };
    let text = format!(
        "cla {}, with the semaphores of {whose}; .help explains, Ctrl-D leaves",
        env!("CARGO_PKG_VERSION")
    );
    let text = crate::render::Span::new(text, crate::render::DIM);
    console.screen.say(&text.to_string());
}
