//! How the server keeps the audit of administrators' commands: see `lua/admin.lua`.

use super::keys::{decode, encode};
use super::rows::{self, Asker, seconds};
use crate::actor::{Actor, ActorText as _};
use crate::audit::{AuditEntry, AuditState};
use crate::command::AdminAction;
use crate::name::SemaphoreName;

/// Who gives a command, as scripts keep and publish it without looking at it. There is no bar in it. It is empty if that
/// is not known.
pub(super) fn write_actor(by: Option<&Actor>) -> String {
    by.map(|by| encode(&by.to_text())).unwrap_or_default()
}

/// Reads what [`write_actor`] wrote.
pub(super) fn read_actor(text: &str) -> Option<Actor> {
    if text.is_empty() {
        return None;
    }
    Actor::from_text(&decode(text)?)
}

/// `number|at|command|request|hits|before|after|who gave it|who asked`.
pub(super) fn entry(name: &SemaphoreName, row: &str) -> Option<AuditEntry> {
    let mut parts = row.splitn(9, '|');
    let mut next = || parts.next();
    let (sequence, at) = (next()?.parse().ok()?, seconds(next()?.parse().ok()?));
    let command = AdminAction::parse(next()?)?;
    let (request, hits) = (rows::id(next()?), next()?.parse().ok()?);
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
        slots: rows::slots(next()?)?,
        pinned: next()? == "1",
        busy: next()?.parse().ok()?,
        waiting: next()?.parse().ok()?,
        place: next()?.parse().ok(),
    })
}
