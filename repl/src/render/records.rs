//! Tables of the audit and the history: what administrators changed, and the requests that ended.

use cla_runtime::semaphore::{Actor, AdminAction, AuditEntry, RequestId, RequestView, SlotId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::semaphores::{colour, slots, symbol};
use super::{Align, BOLD, Column, DIM, GREEN, Line, RED, Span, Table, YELLOW};
use crate::durations::short;

/// How many digits of an id are shown: enough to distinguish all ids on a screen.
const ID: usize = 8;

/// One row per command.
pub(crate) fn audit(entries: &[AuditEntry], zone: &TimeZone, width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("TIME", Align::Left),
        Column::new("BY", Align::Left).that_gives_way(),
        Column::new("COMMAND", Align::Left),
        Column::new("SEMAPHORE", Align::Left).that_gives_way(),
        Column::new("REQUEST", Align::Left),
        Column::new("WHO", Align::Left).that_gives_way(),
        Column::new("CHANGE", Align::Left),
    ]);
    for entry in entries {
        let style = match entry.command {
            AdminAction::Grant => GREEN,
            AdminAction::Cancel
            | AdminAction::Purge
            | AdminAction::ForceRelease
            | AdminAction::Release => RED,
            _ => YELLOW,
        };
        table.row([
            Span::new(time(entry.at, zone), DIM),
            Span::plain(by(entry.actor.as_ref())),
            Span::new(entry.command.as_str().replace('_', " "), style),
            Span::new(entry.semaphore.as_str(), BOLD),
            Span::plain(entry.request.map(id).unwrap_or_default()),
            Span::plain(entry.who.as_deref().unwrap_or_default()),
            Span::plain(change(entry)),
        ]);
    }
    table.lines(width)
}

/// What a command changed: `1 → 2 slots, 3 → 2 waiting`.
fn change(entry: &AuditEntry) -> String {
    let (before, after) = match (&entry.before, &entry.after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(after)) => return format!("new, {} slots", slots(after.slots)),
        (Some(_), None) => return "forgotten".to_owned(),
        (None, None) => return String::new(),
    };
    let mut changes = Vec::new();
    if before.slots != after.slots {
        let (from, to) = (slots(before.slots), slots(after.slots));
        changes.push(format!("{from} → {to} slots"));
    }
    match (before.pinned, after.pinned) {
        (false, true) => changes.push("pinned".to_owned()),
        (true, false) => changes.push("unpinned".to_owned()),
        _ => {}
    }
    let counts = [
        (before.busy, after.busy, "busy"),
        (before.waiting, after.waiting, "waiting"),
    ];
    for (from, to, what) in counts {
        if from != to {
            changes.push(format!("{from} → {to} {what}"));
        }
    }
    if let (Some(from), Some(to)) = (before.place, after.place)
        && from != to
    {
        changes.push(format!("place {from} → {to}"));
    }
    changes.join(", ")
}

/// One row per request that ended.
pub(crate) fn history(ended: &[RequestView], zone: &TimeZone, width: Option<usize>) -> Vec<Line> {
    let mut table = Table::new([
        Column::new("", Align::Left),
        Column::new("ENDED", Align::Left),
        Column::new("ID", Align::Left),
        Column::new("STATUS", Align::Left),
        Column::new("WHO", Align::Left).that_gives_way(),
        Column::new("SLOT", Align::Left).that_gives_way(),
        Column::new("WAITED", Align::Right),
        Column::new("HELD", Align::Right),
        Column::new("TOKEN", Align::Right),
        Column::new("BY", Align::Left).that_gives_way(),
        Column::new("HOST", Align::Left).that_gives_way(),
        Column::new("PID", Align::Right),
    ]);
    for request in ended {
        let style = colour(request.status);
        let granted = if request.granted { ", granted" } else { "" };
        let status = request.status.as_str().replace('_', " ");
        let number = |number: Option<u64>| {
            Span::plain(number.map(|number| number.to_string()).unwrap_or_default())
        };
        table.row([
            Span::new(symbol(request.status), style),
            Span::new(
                request
                    .ended_at
                    .map(|at| time(at, zone))
                    .unwrap_or_default(),
                DIM,
            ),
            Span::new(id(request.id), BOLD),
            Span::new(format!("{status}{granted}"), style),
            Span::plain(request.who.as_deref().unwrap_or_default()),
            Span::plain(
                request
                    .slot
                    .as_ref()
                    .map(SlotId::as_str)
                    .unwrap_or_default(),
            ),
            Span::plain(short(request.waited)),
            Span::plain(request.ran.map(short).unwrap_or_default()),
            number(request.token),
            Span::plain(by(request.by.as_ref())),
            Span::plain(request.host.as_deref().unwrap_or_default()),
            number(request.pid.map(u64::from)),
        ]);
    }
    table.lines(width)
}

/// `anna@db1 (sem)`; empty if that is not known.
pub(super) fn by(actor: Option<&Actor>) -> String {
    actor.map(ToString::to_string).unwrap_or_default()
}

fn id(id: RequestId) -> String {
    id.to_string().chars().take(ID).collect()
}

/// The day and the time, to the second.
fn time(seconds: f64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond((seconds * 1e3) as i64) {
        Ok(at) => {
            let at = at.to_zoned_datetime(zone.clone());
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => seconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::{AuditState, SemaphoreName, Slots, Status};

    use super::super::semaphores::tests::request;
    use super::super::text;
    use super::*;

    const A: &str = "aaaa0000-0000-8000-8000-000000000000";

    fn state(slots: u32, busy: usize, waiting: usize) -> Option<AuditState> {
        Some(AuditState {
            slots: Slots::Limited(slots),
            pinned: true,
            busy,
            waiting,
            place: None,
        })
    }

    fn entry(command: AdminAction, before: Option<AuditState>) -> AuditEntry {
        AuditEntry {
            sequence: 1,
            at: 86_399.9,
            actor: Some(Actor::new("anna", "db1", "sem")),
            command,
            semaphore: SemaphoreName::new("x").unwrap(),
            request: None,
            who: None,
            before,
            after: state(2, 1, 1),
            hits: 0,
        }
    }

    #[test]
    fn an_audit_says_who_did_what_and_what_that_changed() {
        let unpinned = state(1, 1, 1).map(|state| AuditState {
            pinned: false,
            ..state
        });
        let entries = [
            AuditEntry {
                after: None,
                actor: None,
                ..entry(AdminAction::Forget, state(2, 0, 0))
            },
            AuditEntry {
                request: Some(A.parse().unwrap()),
                who: Some("b\u{202e}.js".to_owned()),
                ..entry(AdminAction::Cancel, state(2, 1, 2))
            },
            entry(AdminAction::SetSlots, unpinned),
            entry(AdminAction::Pin, None),
        ];
        assert_eq!(
            text(&audit(&entries, &TimeZone::UTC, None)),
            [
                "TIME                 BY              COMMAND    SEMAPHORE  REQUEST   WHO           CHANGE",
                "1970-01-01 23:59:59                  forget     x                                  forgotten",
                "1970-01-01 23:59:59  anna@db1 (sem)  cancel     x          aaaa0000  b\\u{202e}.js  2 → 1 waiting",
                "1970-01-01 23:59:59  anna@db1 (sem)  set slots  x                                  1 → 2 slots, pinned",
                "1970-01-01 23:59:59  anna@db1 (sem)  pin        x                                  new, 2 slots",
            ]
        );
    }

    #[test]
    fn a_history_says_who_held_and_who_waited_and_how_it_ended() {
        let held = RequestView {
            status: Status::Done,
            granted: true,
            place: None,
            ran: Some(61.0),
            token: Some(7),
            ended_at: Some(3600.0),
            by: Some(Actor::new("anna", "", "top")),
            ..request(A, "a.js")
        };
        let waited = RequestView {
            status: Status::TimedOut,
            place: None,
            ended_at: Some(60.0),
            ..request(A, "b.js")
        };
        assert_eq!(
            text(&history(&[held, waited], &TimeZone::UTC, None)),
            [
                "   ENDED                ID        STATUS         WHO   WAITED    HELD  TOKEN  BY          HOST  PID",
                "✓  1970-01-01 01:00:00  aaaa0000  done, granted  a.js  1m 05s  1m 01s      7  anna (top)  db1     7",
                "◷  1970-01-01 00:01:00  aaaa0000  timed out      b.js  1m 05s                             db1     7",
            ]
        );
    }
}
