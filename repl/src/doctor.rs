//! `cla doctor`: which store the semaphores are in, who chose it, and whether it works.

mod unresponsive;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use cla_runtime::semaphore::{
    ClientView, Diagnosis, Fact, Owner, SemaphoreView, Semaphores, StoreUrl,
};
use serde::Serialize;

use self::unresponsive::Unresponsive;
use crate::durations::short;
use crate::permissions::{Granted, PermissionArgs, Shown};
use crate::render::{Align, BOLD, Column, DIM, GREEN, Line, RED, Span, Table, YELLOW};
use crate::store::{Choice, Origin, StoreArgs};

/// A store that takes longer than this counts as one that does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Say which store the semaphores are in, who chose it, and whether it works
///
/// Shows what the store is, how fast it answers, the processes that share it, with their leases, and runs that do
/// not answer: they are inside one built-in function, and keep what they hold.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    permissions: PermissionArgs,
    /// Print one JSON object
    ///
    /// Its fields: version (of this program), store (its URL), chosen_by (flag, environment, file or
    /// default), file (the cla.toml that names it, or null), reachable, error, latency (seconds), facts
    /// (name, value), clients (id, host, pid, alive, lease_left, busy, waiting), unresponsive (what runs that do
    /// not answer hold and wait for: semaphore, request, status, who, run, host, pid, since, silent), hints,
    /// permissions (what rules may that are run here: permission, given), permissions_by (options, file, both, default).
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  cla doctor
  cla doctor --store redis://cache.example:6379/0
  cla doctor --json | jq .latency

Exit code:
  0    the store can be used
  1    it cannot; the reason is shown
  2    wrong usage, which includes CLA_STORE and cla.toml";

/// What is found, for programs.
#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    store: String,
    chosen_by: &'static str,
    file: Option<&'a Path>,
    reachable: bool,
    error: Option<String>,
    latency: Option<f64>,
    facts: Vec<Fact>,
    clients: Vec<ClientView>,
    unresponsive: Vec<Unresponsive>,
    hints: Vec<String>,
    permissions: Vec<Shown>,
    permissions_by: &'static str,
}

pub(crate) fn run(args: &Args) -> ExitCode {
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
    let granted = match args.permissions.grant(Path::new(".")) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let runtime = crate::event_loop::event_loop();
    let found = runtime.map(|runtime| {
        runtime.block_on(async {
            let found = tokio::time::timeout(PATIENCE, semaphores.diagnose()).await;
            let found = match found {
                Ok(Ok(diagnosis)) => Ok(diagnosis),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("{} did not answer within {PATIENCE:?}", choice.url)),
            };
            let found = match found {
                Ok(diagnosis) => Ok((diagnosis, listed(&semaphores).await)),
                Err(error) => Err(error),
            };
            if found.is_ok() {
                crate::store::close(&semaphores).await;
            }
            found
        })
    });
    let report = match found {
        Ok(found) => report(&choice, &granted, found),
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let mut out = anstream::stdout().lock();
    let lines = if args.json {
        serde_json::to_string(&report)
            .map(|text| vec![text])
            .map_err(std::io::Error::from)
    } else {
        Ok(lines(&choice, &granted, &report)
            .iter()
            .map(Line::to_string)
            .collect())
    };
    let written = lines.and_then(|lines| {
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        out.flush()
    });
    match crate::exit::written(written) {
        0 if !report.reachable => ExitCode::from(crate::exit::FAILED),
        code => ExitCode::from(code),
    }
}

/// All semaphores, or why they cannot be read: a store with very many may take too long, and then the rest is shown.
async fn listed(semaphores: &Semaphores) -> Result<Vec<SemaphoreView>, String> {
    match tokio::time::timeout(PATIENCE, semaphores.list()).await {
        Ok(Ok(views)) => Ok(views),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("they were not listed within {PATIENCE:?}")),
    }
}

type Found = (Diagnosis, Result<Vec<SemaphoreView>, String>);

fn report<'a>(choice: &'a Choice, granted: &Granted, found: Result<Found, String>) -> Report<'a> {
    let (chosen_by, file) = match &choice.origin {
        Origin::Flag => ("flag", None),
        Origin::Environment => ("environment", None),
        Origin::File(path) => ("file", Some(path.as_path())),
        Origin::Default => ("default", None),
    };
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        store: choice.url.to_string(),
        chosen_by,
        file,
        reachable: found.is_ok(),
        error: None,
        latency: None,
        facts: Vec::new(),
        clients: Vec::new(),
        unresponsive: Vec::new(),
        hints: Vec::new(),
        permissions: granted.shown(),
        permissions_by: granted.origin.kind(),
    };
    match found {
        Ok((diagnosis, views)) => {
            report.hints = hints(choice, &diagnosis.clients);
            match views {
                Ok(views) => report.unresponsive = unresponsive::find(&views),
                Err(error) => report
                    .hints
                    .push(format!("whether all runs answer is not known: {error}")),
            }
            report
                .hints
                .extend(unresponsive::hints(&report.unresponsive));
            report.latency = Some(diagnosis.latency);
            report.facts = diagnosis.facts;
            report.clients = diagnosis.clients;
        }
        Err(error) => report.error = Some(error),
    }
    report
}

/// What an administrator might want to know or to do.
fn hints(choice: &Choice, clients: &[ClientView]) -> Vec<String> {
    let mut hints = Vec::new();
    if choice.url == StoreUrl::Memory {
        hints.push(
            "only this process sees the semaphores in memory: others that say memory: have their own; \
             sqlite:PATH is shared by the processes of a machine"
                .to_owned(),
        );
    }
    let stale = clients.iter().filter(|client| !client.alive);
    match stale.clone().count() {
        0 => {}
        count => {
            let at: usize = stale.map(|client| client.busy + client.waiting).sum();
            let owners = if count == 1 { "owner" } else { "owners" };
            let requests = if at == 1 { "request" } else { "requests" };
            hints.push(format!(
                "{count} stale {owners} left {at} {requests} behind: the next request for a slot there, \
                 or one that waits, frees them"
            ));
        }
    }
    hints
}

/// What is found, for people.
fn lines(choice: &Choice, granted: &Granted, report: &Report<'_>) -> Vec<Line> {
    let chosen = match &choice.origin {
        Origin::Default => "by default: no --store, no CLA_STORE, no cla.toml names one".to_owned(),
        origin => format!("by {origin}"),
    };
    let answer = match (&report.error, report.latency) {
        (None, Some(latency)) => Span::new(format!("yes, in {}", milliseconds(latency)), GREEN),
        (error, _) => Span::new(
            format!("no: {}", error.as_deref().unwrap_or("it did not answer")),
            RED,
        ),
    };
    let mut facts = Table::new([Column::new("", Align::Left), Column::new("", Align::Left)]);
    let mut fact = |name: &str, value: Span| facts.row([Span::new(name, DIM), value]);
    fact("version", Span::plain(format!("cla {}", report.version)));
    fact("store", Span::new(report.store.as_str(), BOLD));
    fact("chosen", Span::plain(chosen));
    fact("reachable", answer);
    fact("rules may", Span::plain(granted.summary()));
    for Fact { name, value } in &report.facts {
        fact(name, Span::plain(value));
    }
    if report.reachable {
        fact("clients", Span::plain(report.clients.len().to_string()));
    }
    // Columns without titles.
    let mut lines = facts.lines(None).split_off(1);
    if !report.clients.is_empty() {
        lines.push(Line::default());
        lines.extend(clients(&report.clients));
    }
    if !report.unresponsive.is_empty() {
        lines.push(Line::default());
        lines.extend(unresponsive::lines(&report.unresponsive, width()));
    }
    for hint in &report.hints {
        lines.push(Line::default());
        lines.push(Line(vec![
            Span::new("hint:", YELLOW),
            Span::plain(format!(" {hint}")),
        ]));
    }
    lines
}

fn clients(clients: &[ClientView]) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("CLIENT", Align::Left).that_gives_way(),
        Column::new("HOST", Align::Left),
        Column::new("PID", Align::Right),
        Column::new("STATE", Align::Left),
        Column::new("LEASE LEFT", Align::Right),
        Column::new("BUSY", Align::Right),
        Column::new("WAITING", Align::Right),
    ]);
    let this = Owner::process("");
    for client in clients {
        let (state, style) = match client.alive {
            true if client.pid == this.pid() && client.host.as_deref() == this.host() => {
                ("alive, this program", DIM)
            }
            true => ("alive", GREEN),
            false => ("gone", RED),
        };
        table.row([
            Span::plain(client.id.as_str()),
            Span::plain(client.host.as_deref().unwrap_or_default()),
            Span::plain(client.pid.map(|pid| pid.to_string()).unwrap_or_default()),
            Span::new(state, style),
            Span::plain(client.lease_left.map(lease).unwrap_or_default()),
            Span::plain(client.busy.to_string()),
            Span::plain(client.waiting.to_string()),
        ]);
    }
    table.lines(width())
}

fn width() -> Option<usize> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(width, _)| usize::from(width.0))
}

fn lease(left: f64) -> String {
    if left < 0.0 {
        format!("over for {}", short(-left))
    } else {
        short(left)
    }
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.3} ms", seconds * 1e3)
}
