//! What a semaphore looks like to administrators.

use super::entry::Entry;
use crate::history::HistoryQuery;
use crate::owner::Owner;
use crate::queue::Row;
use crate::time::Timestamp;
use crate::view::{RequestView, SemaphoreView};

impl Entry {
    pub(crate) fn view(&self) -> Option<SemaphoreView> {
        self.transact(|queue, now, fx| {
            queue.advance(now, fx);
            if !queue.exists() {
                return None;
            }
            let wall = self.shared.clock.wall();
            Some(SemaphoreView {
                name: self.name.clone(),
                slots: queue.slots(),
                pinned: queue.is_pinned(),
                busy: queue.busy(),
                waiting: queue.waiting(),
                requests: queue
                    .rows(now)
                    .map(|row| self.request_view(&row, now, wall))
                    .collect(),
            })
        })
    }

    fn request_view(&self, row: &Row<'_>, now: Timestamp, wall: f64) -> RequestView {
        let on_the_wall = |at: Timestamp| {
            // One of the two differences is zero.
            wall - now.since(at).as_secs_f64() + at.since(now).as_secs_f64()
        };
        let end = row.ended_at.unwrap_or(now);
        let owner = row.owner;
        RequestView {
            id: self.id(row.ticket),
            status: row.status,
            granted: row.granted,
            who: owner.map(|owner| owner.who().to_owned()),
            run: owner.and_then(Owner::run),
            host: owner.and_then(Owner::host).map(str::to_owned),
            pid: owner.and_then(Owner::pid),
            place: row.place,
            priority: row.priority,
            slot: row.slot.cloned(),
            token: row.token,
            requested_at: on_the_wall(row.requested_at),
            started_at: row.started_at.map(on_the_wall),
            expires_at: row.expires_at.map(on_the_wall),
            waited: row
                .started_at
                .unwrap_or(end)
                .since(row.requested_at)
                .as_secs_f64(),
            ran: row.started_at.map(|start| end.since(start).as_secs_f64()),
            ended_at: row.ended_at.map(on_the_wall),
            by: row.by.cloned(),
            unresponsive_since: row.unresponsive_since.map(on_the_wall),
        }
    }

    /// Requests that ended, newest first.
    pub(super) fn history(&self, query: &HistoryQuery) -> Vec<RequestView> {
        self.transact(|queue, now, fx| {
            queue.advance(now, fx);
            let wall = self.shared.clock.wall();
            let is_wanted =
                |row: &Row<'_>| row.ended_at.is_some_and(|at| now.since(at) <= query.age());
            queue
                .history()
                .take_while(is_wanted)
                .take(query.most())
                .map(|row| self.request_view(&row, now, wall))
                .collect()
        })
    }
}
