//! What only few live requests have: who steered them, since when their run does not answer. Kept beside the records, by
//! sequence number, so that all others pay nothing for it.

use std::collections::BTreeMap;

use crate::actor::Actor;
use crate::time::Timestamp;

/// Nearly always empty. A request that ends takes its remark with it.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Remarks(BTreeMap<u64, Remark>);

/// Has at least one of the two.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone))]
struct Remark {
    /// Which administrator steered it last.
    actor: Option<Actor>,
    unresponsive_since: Option<Timestamp>,
}

impl Remarks {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn actor(&self, request: u64) -> Option<&Actor> {
        self.0.get(&request)?.actor.as_ref()
    }

    pub(super) fn unresponsive_since(&self, request: u64) -> Option<Timestamp> {
        self.0.get(&request)?.unresponsive_since
    }

    pub(super) fn note_actor(&mut self, request: u64, actor: Actor) {
        self.0.entry(request).or_default().actor = Some(actor);
    }

    /// Says whether that is a change. A time that is noted already stays.
    pub(super) fn note_unresponsive(&mut self, request: u64, since: Option<Timestamp>) -> bool {
        if self.unresponsive_since(request).is_some() == since.is_some() {
            return false;
        }
        let remark = self.0.entry(request).or_default();
        remark.unresponsive_since = since;
        if remark.actor.is_none() && since.is_none() {
            self.0.remove(&request);
        }
        true
    }

    /// Who steered the request, which ends: its remark goes.
    pub(super) fn take_actor(&mut self, request: u64) -> Option<Actor> {
        self.0.remove(&request)?.actor
    }
}
