//! `cla token`: who may ask `cla serve`, and for what.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use cla_admin::{Glob, Role, Token, TokenError, TokenStore, TokenUse};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use crate::render::{Align, BOLD, Column, DIM, Span, Table};

/// Make, list and revoke tokens for `cla serve`
///
/// A token lets a program, or a person, ask every `cla serve` that keeps its state in the same folder. Only a hash of it is
/// kept, in a file that only its owner can read. A token that is revoked is refused at once.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cla token create --role viewer
  cla token create --role operator --name ci --expires 30d --semaphores 'shop-*'
  cla token list
  cla token revoke 3f2a9c01b7de

Exit code:
  0  done
  1  not done; the reason is on standard error
  2  wrong usage";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token, and print it: it is shown this once
    Create {
        /// What it may do: viewers see, operators steer and run rules, admins do everything
        #[arg(long)]
        role: Role,
        /// What people call it; changes are recorded under this name
        #[arg(long, default_value = "token", value_parser = name)]
        name: String,
        /// When it is void by itself: 12h, 30d
        #[arg(long, value_name = "DURATION", value_parser = crate::durations::limit)]
        expires: Option<Duration>,
        /// The semaphores that it sees and steers, if not all: a name in which `*` stands for any characters
        #[arg(long, value_name = "PATTERN")]
        semaphores: Option<Glob>,
        /// Print a line of JSON: token, id, name, role, semaphores, expires_at
        #[arg(long)]
        json: bool,
    },
    /// List the tokens, with when each was last used, and from where
    List {
        /// Print a line of JSON: an array of id, name, role, semaphores, created_at, expires_at, last_used_at,
        /// last_used_from
        #[arg(long)]
        json: bool,
    },
    /// Make a token void, at once
    Revoke {
        /// Its id, as `list` shows it
        id: String,
    },
}

/// A token, as JSON shows it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    id: &'a str,
    name: &'a str,
    role: Role,
    semaphores: Option<&'a Glob>,
    created_at: f64,
    expires_at: Option<f64>,
    #[serde(flatten)]
    last_use: Option<LastUse>,
}

/// When a token was last used, as JSON shows it.
#[derive(Serialize)]
struct LastUse {
    last_used_at: Option<f64>,
    last_used_from: Option<String>,
}

/// Reads a name for people.
fn name(text: &str) -> Result<String, &'static str> {
    /// The longest name: longer ones do not fit into a list.
    const LONGEST: usize = 64;
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST {
        return Err("a name has 1 to 64 characters");
    }
    if text.contains(cla_runtime::semaphore::is_unprintable) {
        return Err("a name has no characters that cannot be seen");
    }
    Ok(text.to_owned())
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let Some(folder) = crate::store::state_folder() else {
        crate::exit::report(&"there is no folder to keep tokens in: set HOME or CLA_HOME");
        return ExitCode::from(crate::exit::USAGE);
    };
    let store = TokenStore::new(folder.join(crate::serve::TOKENS));
    match carry_out(&store, &args.command) {
        Ok(text) => {
            crate::exit::finish(crate::out::print(&text).and_then(|()| crate::out::flush()))
        }
        Err(problem) => {
            crate::exit::report(&problem);
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// Gives what is to be printed.
fn carry_out(store: &TokenStore, command: &Command) -> Result<String, TokenError> {
    match command {
        Command::Create {
            role,
            name,
            expires,
            semaphores,
            json,
        } => {
            let (token, text) = store.create(name, *role, semaphores.clone(), *expires)?;
            Ok(match json {
                true => line(&Shown::of(&token, Some(&text))),
                false => format!("{text}\n"),
            })
        }
        Command::List { json: true } => {
            let (tokens, uses) = (store.list()?, store.last_uses()?);
            let shown = tokens.iter().map(|token| Shown {
                last_use: Some(LastUse::of(uses.get(&token.id))),
                ..Shown::of(token, None)
            });
            Ok(line(&shown.collect::<Vec<_>>()))
        }
        Command::List { json: false } => Ok(table(&store.list()?, &store.last_uses()?)),
        Command::Revoke { id } => {
            let token = store.revoke(id)?;
            let name = cla_runtime::semaphore::printable(&token.name);
            Ok(format!("revoked {} ({name})\n", token.id))
        }
    }
}

fn line(value: &impl Serialize) -> String {
    // Texts and numbers only.
    serde_json::to_string(value).unwrap_or_default() + "\n"
}

fn table(tokens: &[Token], uses: &HashMap<String, TokenUse>) -> String {
    let mut table = Table::new([
        Column::new("ID", Align::Left),
        Column::new("NAME", Align::Left).that_gives_way(),
        Column::new("ROLE", Align::Left),
        Column::new("SEMAPHORES", Align::Left).that_gives_way(),
        Column::new("EXPIRES", Align::Left),
        Column::new("LAST USED", Align::Left),
    ]);
    for token in tokens {
        let semaphores = token.semaphores.as_ref().map(Glob::to_string);
        let expires = match token.expires_at {
            _ if token.is_expired() => Span::new("expired", DIM),
            Some(at) => Span::plain(date(at)),
            None => Span::plain("never"),
        };
        let last_use = match uses.get(&token.id) {
            Some(TokenUse { at, from, .. }) => Span::plain(match from {
                Some(from) => format!("{} from {from}", date(*at)),
                None => date(*at),
            }),
            None => Span::new("never", DIM),
        };
        table.row([
            Span::new(token.id.as_str(), BOLD),
            Span::plain(token.name.as_str()),
            Span::plain(token.role.to_string()),
            Span::plain(semaphores.as_deref().unwrap_or("all")),
            expires,
            last_use,
        ]);
    }
    let lines = table.lines(None);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Day and time, in the world's time.
fn date(seconds: f64) -> String {
    match Timestamp::from_second(seconds as i64) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%MZ").to_string(),
        Err(_) => seconds.to_string(),
    }
}

impl<'a> Shown<'a> {
    fn of(token: &'a Token, text: Option<&'a str>) -> Self {
        Self {
            token: text,
            id: &token.id,
            name: &token.name,
            role: token.role,
            semaphores: token.semaphores.as_ref(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_use: None,
        }
    }
}

impl LastUse {
    fn of(used: Option<&TokenUse>) -> Self {
        Self {
            last_used_at: used.map(|used| used.at),
            last_used_from: used.and_then(|used| used.from).map(|from| from.to_string()),
        }
    }
}
