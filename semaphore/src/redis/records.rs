//! What the server keeps of the past: the audit of administrators' commands, and the history of ended requests. Knows how
//! their rows are written (see `lua/admin.lua` and `remember` in `lua/lib.lua`), and what to ask for them.

use redis::Value;

use super::desk::{Desk, What};
use super::keys::{Names, decode, encode};
use super::reply::{self, Asker, array, natural, seconds, text};
use super::{RedisStore, Script, Unreadable};
use crate::actor::{Actor, ActorText as _};
use crate::audit::{AuditEntry, AuditQuery, AuditState};
use crate::command::AdminAction;
use crate::error::StoreError;
use crate::history::HistoryQuery;
use crate::name::SemaphoreName;
use crate::view::RequestView;

/// So many rows of the audit are in memory at once, or ten thousand of each of four semaphores.
const ROWS_AT_ONCE: usize = 20_000;

/// Who gives a command, as scripts keep and publish it without looking. Has no bar in it; empty if that is not known.
pub(super) fn actor(by: Option<&Actor>) -> String {
    by.map(|by| encode(&by.to_text())).unwrap_or_default()
}

/// What [`actor`] wrote.
pub(super) fn read_actor(text: &str) -> Option<Actor> {
    if text.is_empty() {
        return None;
    }
    Actor::from_text(&decode(text)?)
}

impl RedisStore {
    /// Entries of the audit, newest first.
    pub(super) async fn read_audit(
        &self,
        query: AuditQuery,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let desk = self.desk()?;
        let names = match &query.semaphore {
            Some(name) => vec![name.clone()],
            None => audited_names(&desk).await?,
        };
        let oldest = query.oldest(server_time(&desk).await?);
        let most = query.most();
        let mut entries = Vec::new();
        for some in names.chunks((ROWS_AT_ONCE / most.max(1)).clamp(4, 256)) {
            // All of these are asked before the first answer is awaited.
            let asked: Vec<_> = some
                .iter()
                .map(|name| {
                    let mut command = redis::cmd("LRANGE");
                    // A range without any cannot be asked for.
                    let last = most.saturating_sub(1);
                    command
                        .arg(desk.settings.names.audit(name))
                        .arg(0)
                        .arg(last);
                    (name, desk.asking(What::Plain(command.into()), true))
                })
                .collect();
            for (name, answered) in asked {
                let answer = answered.await?;
                let rows = array(&answer).unwrap_or_default();
                if rows.is_empty() && query.semaphore.is_none() {
                    forget_audited(&desk, name).await?;
                }
                let rows = rows.iter().filter_map(text);
                entries.extend(
                    rows.filter_map(|row| entry(name, row))
                        .take_while(|entry| entry.at >= oldest),
                );
            }
            entries.sort_by(|a, b| {
                let newer = b.at.total_cmp(&a.at);
                newer.then_with(|| b.sequence.cmp(&a.sequence))
            });
            entries.truncate(most);
        }
        Ok(entries)
    }

    /// Requests that ended, newest first.
    pub(super) async fn read_history(
        &self,
        name: SemaphoreName,
        query: HistoryQuery,
    ) -> Result<Vec<RequestView>, StoreError> {
        let desk = self.desk()?;
        let most = query.most();
        let what = Self::command(&desk, Script::History, &name, |command| {
            command.arg(most.max(1));
        });
        let answer = desk.ask(what, true).await?;
        let unreadable = || desk.settings.failed(Unreadable);
        let [now, rows] = array(&answer).ok_or_else(unreadable)? else {
            return Err(unreadable());
        };
        let now = natural(now).ok_or_else(unreadable)?;
        let oldest = seconds(now) - query.age().as_secs_f64();
        Ok(array(rows)
            .ok_or_else(unreadable)?
            .iter()
            .filter_map(text)
            .filter_map(reply::ended_row)
            .take_while(|row| row.ended_at.is_some_and(|at| at >= oldest))
            .take(most)
            .collect())
    }

    /// Puts a semaphore into the set of those that have an audit: where the scripts cannot.
    pub(super) async fn note_audited(desk: &Desk, name: &SemaphoreName) -> Result<(), StoreError> {
        let names = &desk.settings.names;
        if !names.together {
            ask_set(desk, "SADD", name).await?;
        }
        Ok(())
    }
}

/// The names of all semaphores that have an audit, in no order.
async fn audited_names(desk: &Desk) -> Result<Vec<SemaphoreName>, StoreError> {
    let names: &Names = &desk.settings.names;
    let mut command = redis::cmd("SMEMBERS");
    command.arg(&names.audited);
    let members = desk.ask(What::Plain(command.into()), true).await?;
    let members = array(&members).unwrap_or_default();
    Ok(members
        .iter()
        .filter_map(text)
        .filter_map(|key| names.name(key))
        .collect())
}

/// The audit of a semaphore has expired: takes its name out of the set, unless it comes back meanwhile. Who writes an
/// entry adds the name after that, so either it sees the entry, or the name comes after it was taken out.
async fn forget_audited(desk: &Desk, name: &SemaphoreName) -> Result<(), StoreError> {
    ask_set(desk, "SREM", name).await?;
    let mut command = redis::cmd("EXISTS");
    command.arg(desk.settings.names.audit(name));
    if reply::integer(&desk.ask(What::Plain(command.into()), true).await?) == Some(1) {
        ask_set(desk, "SADD", name).await?;
    }
    Ok(())
}

async fn ask_set(desk: &Desk, word: &str, name: &SemaphoreName) -> Result<Value, StoreError> {
    let names = &desk.settings.names;
    let mut command = redis::cmd(word);
    command.arg(&names.audited).arg(&*names.keys(name)[0]);
    desk.ask(What::Plain(command.into()), true).await
}

/// The server's clock, in seconds since the Unix epoch.
async fn server_time(desk: &Desk) -> Result<f64, StoreError> {
    let answer = desk
        .ask(What::Plain(redis::cmd("TIME").into()), true)
        .await?;
    let time = match array(&answer) {
        Some([whole, micros]) => natural(whole).zip(natural(micros)),
        _ => None,
    };
    let (whole, micros) = time.ok_or_else(|| desk.settings.failed(Unreadable))?;
    Ok(seconds(whole * 1_000_000 + micros))
}

/// `number|at|command|request|hits|before|after|who gave it|who asked`.
fn entry(name: &SemaphoreName, row: &str) -> Option<AuditEntry> {
    let mut parts = row.splitn(9, '|');
    let mut next = || parts.next();
    let (sequence, at) = (next()?.parse().ok()?, seconds(next()?.parse().ok()?));
    let command = AdminAction::parse(next()?)?;
    let (request, hits) = (reply::id(next()?), next()?.parse().ok()?);
    let (before, after) = (state(next()?), state(next()?));
    Some(AuditEntry {
        sequence,
        at,
        actor: read_actor(next()?),
        command,
        semaphore: name.clone(),
        request,
        who: Asker::read(next()?).who,
        before,
        after,
        hits,
    })
}

/// `slots,pinned,busy,waiting,place`; nothing if there is no semaphore.
fn state(text: &str) -> Option<AuditState> {
    let mut parts = text.split(',');
    let mut next = || parts.next();
    Some(AuditState {
        slots: reply::slots(next()?)?,
        pinned: next()? == "1",
        busy: next()?.parse().ok()?,
        waiting: next()?.parse().ok()?,
        place: next()?.parse().ok(),
    })
}
