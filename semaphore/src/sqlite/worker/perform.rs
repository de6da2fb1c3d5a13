//! Commands in a transaction: each becomes a transition, or a query.

use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;

use super::command::{Command, CommandResult};
use super::session::Session;
use crate::diagnosis::Diagnosis;
use crate::id::RunId;
use crate::sqlite::presence::Presence;
use crate::sqlite::problem::Problem;
use crate::sqlite::transitions::Transition;
use crate::sqlite::{records, view};

/// What commands need to know of this store.
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) session: &'a Session,
    pub(super) presence: Option<&'a Presence>,
    /// Whether other sessions can wake this one.
    pub(super) is_woken: bool,
}

/// Carries out one command in a transaction.
pub(super) fn perform(
    transition: &mut Transition<'_>,
    context: &Context<'_>,
    command: &Command,
) -> Result<CommandResult, Problem> {
    Ok(match command {
        Command::Acquire {
            id, name, request, ..
        } => {
            transition.acquire(*id, name, request)?;
            CommandResult::Nothing
        }
        Command::TryAcquire {
            id, name, request, ..
        } => CommandResult::Tried(transition.try_acquire(*id, name, request)?),
        Command::Abandon(id) => {
            transition.abandon(*id)?;
            CommandResult::Nothing
        }
        Command::AbandonRun(run) => {
            transition.abandon_run(*run, &context.session.left_by(*run))?;
            CommandResult::Nothing
        }
        Command::MarkUnresponsive(run, since) => {
            mark_unresponsive(transition, *run, *since)?;
            CommandResult::Nothing
        }
        Command::NoteDependents(run, dependents) => {
            transition.note_dependents(*run, dependents)?;
            CommandResult::Nothing
        }
        Command::DropOutlived(id) => {
            transition.drop_outlived(*id)?;
            CommandResult::Nothing
        }
        Command::Refresh(id, ttl, _) => CommandResult::Refreshed(transition.refresh(*id, *ttl)?),
        Command::Release(id, _) => CommandResult::Released(transition.release(*id)?),
        Command::ReleaseSlot(name, slot, _) => {
            CommandResult::Released(transition.release_slot(name, slot)?)
        }
        Command::RefreshSlot(name, slot, ttl, _) => {
            CommandResult::Refreshed(transition.refresh_slot(name, slot, *ttl)?)
        }
        Command::Administer(command, by, _) => {
            CommandResult::Administered(transition.administer(command, by.as_ref())?)
        }
        Command::Audit(query, _) => {
            CommandResult::Audit(records::read_audit(transition.db, query)?)
        }
        Command::History(name, query, _) => {
            transition.advance_all()?;
            CommandResult::History(records::history(transition.db, name, query)?)
        }
        Command::Show(name, _) => {
            transition.reap_sessions()?;
            transition.advance_all()?;
            CommandResult::Views(view::list(transition.db, name.as_ref())?)
        }
        Command::Find(prefix, _) => CommandResult::Found(view::find(transition.db, prefix)?),
        Command::Observe => CommandResult::Observed(transition.observe()?),
        Command::Diagnose(_) => CommandResult::Diagnosis(Box::new(diagnose(
            transition.db,
            context.path,
            context.is_woken,
        )?)),
        Command::ShareWithChildren(_) => CommandResult::Shared(match context.presence {
            Some(presence) => presence
                .share_with_children()
                .map_err(|error| Problem::Io(error.to_string()).error(context.path)),
            None => Ok(false),
        }),
        Command::Close(_) => unreachable!("a batch ends before it"),
    })
}

/// Carries out a command that only reads. `None`: this one would write.
pub(super) fn read(
    db: &Connection,
    path: &Path,
    command: &Command,
) -> Result<Option<CommandResult>, Problem> {
    Ok(Some(match command {
        Command::Audit(query, _) => CommandResult::Audit(records::read_audit(db, query)?),
        Command::History(name, query, _) => {
            CommandResult::History(records::history(db, name, query)?)
        }
        Command::Show(name, _) => CommandResult::Views(view::list(db, name.as_ref())?),
        Command::Find(prefix, _) => CommandResult::Found(view::find(db, prefix)?),
        Command::Diagnose(_) => CommandResult::Diagnosis(Box::new(diagnose(db, path, false)?)),
        Command::Observe => CommandResult::Nothing,
        _ => return Ok(None),
    }))
}

pub(super) fn mark_unresponsive(
    transition: &mut Transition<'_>,
    run: RunId,
    since: Option<Instant>,
) -> Result<(), Problem> {
    let since = since.map(|since| transition.now.before(since.elapsed()));
    transition.mark_unresponsive(run, since)
}

fn diagnose(db: &Connection, path: &Path, is_woken: bool) -> Result<Diagnosis, Problem> {
    const QUESTIONS: usize = 5;
    let mut latencies = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let asked = Instant::now();
        let _: i64 = db.query_row("SELECT count(*) FROM session", [], |row| row.get(0))?;
        latencies.push(asked.elapsed());
    }
    latencies.sort_unstable();
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0));
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(Diagnosis::new(
        format!("sqlite:{}", path.display()),
        latencies[QUESTIONS / 2],
    )
    .fact("file", path.display().to_string())
    .fact("SQLite", text("SELECT sqlite_version()")?)
    .fact("schema", number("PRAGMA user_version")?.to_string())
    .fact("journal", text("PRAGMA journal_mode")?)
    .fact("size", format!("{size} bytes"))
    .fact(
        "wake-ups",
        if is_woken {
            "pushed"
        } else {
            "none (the folder beside the file cannot be used); it looks every few milliseconds"
        },
    )
    .fact(
        "semaphores",
        number("SELECT count(*) FROM semaphore")?.to_string(),
    )
    .clients(view::clients(db)?))
}
