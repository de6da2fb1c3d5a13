//! Transitions, for subscribers. Nothing is written down while there is none.

use super::Queue;
use super::answers::{Effects, Transition};
use super::record::Ticket;
use crate::event::EventKind;
use crate::owner::Owner;

impl<W> Queue<W> {
    #[inline]
    pub(super) fn note(&self, kind: EventKind, index: u32, fx: &mut Effects<W>) {
        if fx.observed {
            let record = &self.records[index as usize];
            let ticket = Ticket::new(index, record.sequence);
            let transition = self.transition(kind, Some(ticket), record.owner.clone(), fx);
            fx.transitions.push(transition);
        }
    }

    #[inline]
    pub(super) fn note_all(&self, kind: EventKind, fx: &mut Effects<W>) {
        if fx.observed {
            let transition = self.transition(kind, None, None, fx);
            fx.transitions.push(transition);
        }
    }

    #[cold]
    pub(super) fn transition(
        &self,
        kind: EventKind,
        ticket: Option<Ticket>,
        owner: Option<Owner>,
        fx: &Effects<W>,
    ) -> Transition {
        Transition {
            kind,
            ticket,
            owner,
            busy: self.busy(),
            waiting: self.waiting(),
            slots: self.slots,
            by: fx.actor.clone().filter(|_| kind.is_of_a_command()),
        }
    }
}
