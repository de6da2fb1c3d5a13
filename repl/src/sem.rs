//! `cla sem`: the terminal's panel. Shows the semaphores of the store, and steers them.
//!
//! One file per subcommand. What they share is here: the [`Panel`] that they work on, and how they
//! fail. What semaphores look like is `render`'s business.

mod audit;
mod cancel;
mod confirm;
mod events;
mod exec;
mod forget;
mod grant;
mod history;
mod list;
mod move_to;
mod purge;
mod release;
mod show;
mod slots;
mod source;
mod top;
mod wait;

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use cla_runtime::semaphore::{
    Actor, AdminError, RequestView, SemaphoreName, SemaphoreView, Semaphores, StoreError, printable,
};
use clap::Subcommand;
use serde::Serialize;

use self::source::Source;
use crate::render::{Line, ShortIds};
use crate::server::{RemoteStore, ServerArgs};
use crate::signals::Signal;
use crate::store::{Choice, StoreArgs};

/// Watch and steer semaphores: those of all programs that share the store
///
/// NAME is a semaphore's name. ID is a request's id, or so much of its beginning that it is unique;
/// `cla sem list -v` shows that much of each.
///
/// With --json, what is printed for programs is one line: the semaphore (`list`: an array of them) with
/// name, slots (a number or "unlimited"), pinned, busy, waiting, and requests: each with id, status
/// (waiting, busy, done, cancelled, expired, killed, timed_out, released, left), granted, who, run, host, pid, place,
/// priority, slot (its slot id), token, requested_at, started_at, expires_at (seconds since 1970), waited
/// and ran (seconds), ended_at, by: the administrator (login, host, program) who granted, cancelled,
/// moved or ended it last, and unresponsive_since: since when its run does not answer, or null.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cla sem list                          every semaphore in a row
  cla sem show deploy-target            one, with who is busy and who waits
  cla sem slots deploy-target 0         lock it: everybody waits
  cla sem grant 3f2a                    let this one through, beside the slots
  cla sem cancel 3f2a                   make this one fail with `Semaphore cancel`
  cla sem exec deploy-target -- make    hold a slot while a command runs
  cla sem events --json                 everything that happens, as it happens
  cla sem history deploy-target         who held it and who waited, how long
  cla sem audit --since 1h              who changed what
  cla sem top                           all of this on one screen
  cla sem --server https://cla.example.com --token-file token list
                                        the semaphores of a `cla serve`

Exit code:
  0    done
  1    not done; the reason is on standard error
  2    wrong usage, which includes CLA_STORE and cla.toml
  75   waited as long as --timeout allows
  130  interrupted by Ctrl-C; 143 is the same by SIGTERM
  141  the reader of the output is gone";

#[derive(Debug, Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Slots(slots::Args),
    Grant(grant::Args),
    Cancel(cancel::Args),
    Move(move_to::Args),
    Purge(purge::Args),
    Release(release::Args),
    Forget(forget::Args),
    Events(events::Args),
    History(history::Args),
    Audit(audit::Args),
    Top(top::Args),
    Wait(wait::Args),
    Exec(exec::Args),
    /// The process that `exec` starts to keep its slot if it is killed
    #[cfg(unix)]
    #[command(hide = true)]
    Keep(exec::KeepArgs),
}

/// `--json`, as most subcommands have it.
#[derive(Debug, clap::Args)]
struct JsonArgs {
    /// Print a line of JSON instead: see `cla sem --help`
    #[arg(long)]
    json: bool,
}

/// Why a subcommand ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The arguments cannot be fulfilled: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It cannot be done now: exit code 1.
    #[error("{0}")]
    Refused(String),
    /// The wait has timed out.
    #[error("{0}")]
    TimedOut(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Output(#[from] io::Error),
    #[error("interrupted")]
    Interrupted(u8),
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Store(error) => Self::Store(error),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<Signal> for Failure {
    fn from(signal: Signal) -> Self {
        Self::Interrupted(signal.exit_code())
    }
}

/// The semaphores of the chosen store, before an administrator.
struct Panel {
    semaphores: Semaphores,
    source: Source,
}

/// Opens what the arguments name: a server, or else a store.
fn opened(args: &Args) -> Result<(Semaphores, Source), String> {
    if let Some(client) = args.server.connect()? {
        if args.store.is_given() {
            return Err(
                "the server has a store of its own: give --server or --store, not both".to_owned(),
            );
        }
        let source = Source::Server(client.url().to_string());
        return Ok((Semaphores::with_store(RemoteStore::new(client)), source));
    }
    let choice = args.store.choose().map_err(|problem| problem.to_string())?;
    let semaphores = choice.open().map_err(|problem| problem.to_string())?;
    Ok((semaphores, Source::Store(Box::new(choice))))
}

pub(crate) fn run(args: &Args) -> ExitCode {
    #[cfg(unix)]
    if let Command::Keep(args) = &args.command {
        return exec::keep(args);
    }
    let opened = opened(args);
    let program = match args.command {
        Command::Top(_) => "top",
        _ => "sem",
    };
    let panel = match opened {
        Ok((semaphores, source)) => Panel {
            semaphores: semaphores.acting_as(Actor::process(program)),
            source,
        },
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let runtime = crate::event_loop::event_loop();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let code = runtime.block_on(async {
        let mut ended = panel.carry_out(&args.command).await;
        if ended.is_ok() {
            // A signal ends the program here: commands that handle signals themselves have waited already.
            let written = crate::out::written().await;
            ended = ended.and_then(|code| Ok(written.map(|()| code)?));
        }
        crate::store::close(&panel.semaphores).await;
        match ended {
            Ok(code) => code,
            Err(failure) => panel.exit_code(failure, &args.command),
        }
    });
    ExitCode::from(code)
}

impl Panel {
    async fn carry_out(&self, command: &Command) -> Result<u8, Failure> {
        match command {
            Command::List(args) => list::run(self, args).await?,
            Command::Show(args) => show::run(self, args).await?,
            Command::Slots(args) => slots::run(self, args).await?,
            Command::Grant(args) => grant::run(self, args).await?,
            Command::Cancel(args) => cancel::run(self, args).await?,
            Command::Move(args) => move_to::run(self, args).await?,
            Command::Purge(args) => purge::run(self, args).await?,
            Command::Release(args) => release::run(self, args).await?,
            Command::Forget(args) => forget::run(self, args).await?,
            Command::Events(args) => events::run(self, args).await?,
            Command::History(args) => history::run(self, args).await?,
            Command::Audit(args) => audit::run(self, args).await?,
            Command::Top(args) => top::run(self, args).await?,
            Command::Wait(args) => wait::run(self, args).await?,
            Command::Exec(args) => return exec::run(self, args).await,
            #[cfg(unix)]
            Command::Keep(_) => {
                let problem = "only `cla sem exec` starts `cla sem keep`";
                return Err(Failure::Usage(problem.to_owned()));
            }
        }
        Ok(0)
    }

    /// Says what went wrong.
    fn exit_code(&self, failure: Failure, command: &Command) -> u8 {
        match failure {
            Failure::Usage(problem) => {
                crate::exit::report(&problem);
                crate::exit::USAGE
            }
            Failure::Refused(problem) => {
                crate::exit::report(&problem);
                crate::exit::FAILED
            }
            Failure::TimedOut(problem) => {
                crate::exit::report(&problem);
                crate::exit::TIMED_OUT
            }
            Failure::Store(error) => {
                crate::exit::report(&self.source.complaint(&error));
                match command {
                    Command::Exec(_) => exec::STORE_FAILED,
                    _ => crate::exit::FAILED,
                }
            }
            Failure::Output(error) => crate::exit::written(Err(error)),
            Failure::Interrupted(code) => code,
        }
    }

    /// The semaphore, which must be there.
    async fn view(&self, name: &SemaphoreName) -> Result<SemaphoreView, Failure> {
        match self.semaphores.show(name).await? {
            Some(view) => Ok(view),
            None => Err(Failure::Refused(self.unknown(name).await?)),
        }
    }

    /// Says that there is no such semaphore, and which one may have been meant.
    async fn unknown(&self, name: &SemaphoreName) -> Result<String, StoreError> {
        let hint = match self.alike(name).await? {
            Some(other) => format!("did you mean \"{other}\"?"),
            None if self.is_alone() => "each process has its own in memory:".to_owned(),
            None => "it comes into being with the first request for it".to_owned(),
        };
        Ok(format!("there is no semaphore \"{name}\"; {hint}"))
    }

    /// The semaphore whose name is most like this one.
    async fn alike(&self, name: &SemaphoreName) -> Result<Option<SemaphoreName>, StoreError> {
        let mut views = self.semaphores.list().await?;
        views.retain(|view| view.name != *name);
        let names = views.iter().map(|view| view.name.as_str());
        let alike = cla_runtime::internal::nearest(name.as_str(), names).map(str::to_owned);
        let found = views
            .into_iter()
            .find(|view| Some(view.name.as_str()) == alike.as_deref());
        Ok(found.map(|view| view.name))
    }

    /// Whether no other process can see these semaphores.
    fn is_alone(&self) -> bool {
        self.source.is_alone()
    }

    /// A hint for an empty audit or history.
    fn whose_past(&self) -> &'static str {
        if self.is_alone() {
            "; each process has its own semaphores in memory:"
        } else {
            ""
        }
    }

    /// The request whose id begins with `prefix`, at which semaphore.
    async fn locate(&self, prefix: &str) -> Result<Located, Failure> {
        let id = self.semaphores.find(prefix).await?;
        let views = self.semaphores.list().await?;
        let short = ShortIds::of(&views).get(id);
        let found = views.into_iter().find_map(|view| {
            let request = view.requests.iter().find(|request| request.id == id)?;
            Some(Located {
                short: short.clone(),
                request: request.clone(),
                view,
            })
        });
        // It may have ended since.
        found.ok_or_else(|| {
            Failure::from(AdminError::UnknownRequest {
                id: prefix.to_owned(),
            })
        })
    }

    /// Ends a command that changed the semaphore `name`: prints it as it is now, or what was done.
    async fn conclude(
        &self,
        name: &SemaphoreName,
        json: &JsonArgs,
        done: &dyn Display,
    ) -> Result<(), Failure> {
        if json.json {
            return print_json(&self.view(name).await?);
        }
        print(&[printable(&done.to_string())])
    }
}

/// A request that an administrator named.
struct Located {
    /// As much of its id as is unique.
    short: String,
    request: RequestView,
    view: SemaphoreView,
}

impl Located {
    fn name(&self) -> &SemaphoreName {
        &self.view.name
    }
}

/// `3f2a (deploy.js)`.
impl Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.short)?;
        match self.request.who.as_deref() {
            Some(who) if !who.is_empty() => {
                write!(f, " ({})", printable(who))
            }
            _ => Ok(()),
        }
    }
}

/// Reads the beginning of an id. An empty one would be any request's.
fn id_prefix(text: &str) -> Result<String, &'static str> {
    let digits = text.trim().replace('-', "");
    if !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err("give the beginning of an id, in hexadecimal digits, as `cla sem list -v` shows it")
    }
}

/// `1 request`, `2 requests`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Does not wait for the reader. The end of a command does, see [`run`].
fn print(lines: &[impl Display]) -> Result<(), Failure> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok(crate::out::print(&text)?)
}

/// Waits until all that was printed is written, or a signal comes.
async fn written(signals: &mut crate::signals::Signals) -> Result<(), Failure> {
    tokio::select! {
        biased;
        written = crate::out::written() => Ok(written?),
        signal = signals.next() => Err(signal.into()),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(io::Error::from)?;
    print(&[text])
}

/// How wide lines may be; as wide as they are where there is no terminal.
fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// A semaphore with everybody at it.
fn describe(view: &SemaphoreView, ids: &ShortIds) -> Vec<Line> {
    let mut lines = vec![crate::render::headline(view)];
    if !view.requests.is_empty() {
        lines.extend(crate::render::requests(view, ids, width()));
    }
    lines
}

/// All semaphores with everybody at them.
pub(crate) fn all(views: &[SemaphoreView], width: Option<usize>) -> Vec<Line> {
    let ids = ShortIds::of(views);
    let mut lines = crate::render::overview(views, width);
    for view in views.iter().filter(|view| !view.requests.is_empty()) {
        lines.push(Line::default());
        lines.push(crate::render::headline(view));
        lines.extend(crate::render::requests(view, &ids, width));
    }
    lines
}

/// A command of `cla sem` as words, without the ones that need the whole terminal.
#[derive(Debug, clap::Parser)]
#[command(name = ".sem", no_binary_name = true, disable_help_subcommand = true)]
struct Words {
    #[command(subcommand)]
    command: Command,
}

/// The message of clap, without the parts that only a command line needs.
fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let end = text.find("\n\nFor more information").unwrap_or(text.len());
    text[..end].trim_end().to_owned()
}

/// Carries out a command of `cla sem` for a prompt, and prints what it prints.
///
/// # Errors
///
/// Says what went wrong.
pub(crate) async fn prompted(
    semaphores: &Semaphores,
    choice: &Choice,
    words: &[&str],
) -> Result<(), String> {
    let parsed = <Words as clap::Parser>::try_parse_from(words);
    let command = parsed.map_err(|error| said(&error))?.command;
    if matches!(
        command,
        Command::Events(_) | Command::Top(_) | Command::Exec(_) | Command::Wait(_)
    ) {
        return Err("that is for a terminal of its own: `cla sem`".to_owned());
    }
    let panel = Panel {
        semaphores: semaphores.acting_as(Actor::process("repl")),
        source: Source::Store(Box::new(choice.clone())),
    };
    match panel.carry_out(&command).await {
        Ok(_) => Ok(()),
        Err(Failure::Store(error)) => Err(choice.complaint(&error)),
        Err(failure) => Err(failure.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::id_prefix;

    #[test]
    fn the_beginning_of_an_id_is_hexadecimal_and_not_empty() {
        assert_eq!(id_prefix("3F2a").as_deref(), Ok("3F2a"));
        assert_eq!(id_prefix("cccccccc-c1").as_deref(), Ok("ccccccccc1"));
        for text in ["", " ", "-", "xyz", "3f2a!"] {
            assert!(id_prefix(text).is_err(), "{text:?}");
        }
    }
}
