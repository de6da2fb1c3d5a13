//! Giving slots back.

use tokio::sync::oneshot;

use super::{Call, PendingRelease, Phase, ReplyTo, Session};
use crate::error::StoreError;
use crate::id::RequestId;
use crate::redis::wire::Payload;

impl Session {
    pub(super) fn release(
        &mut self,
        id: RequestId,
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    ) {
        let Some(request) = self.remove(id) else {
            // It was lost before.
            self.drop_ended(id);
            if let Some(answer) = answer {
                let _ = answer.send(Ok(false));
            }
            return;
        };
        if let (Some(_), Phase::Busy(permit)) = (&request.slot, &request.phase) {
            // There may be other permits of it.
            permit.lose();
        }
        let (has_slot_id, is_asked) = (request.slot.is_some(), request.is_asked);
        let at_leisure = answer.is_none() && !has_slot_id && !is_asked && !request.asked_again;
        let name = request.name;
        let until = self.semaphore(&name).leased_until;
        let release = PendingRelease { id, name, until };
        if at_leisure && self.is_up() && !self.subscribing {
            // One that is kept already comes first.
            self.flush_release();
            self.pending_release = Some(release);
        } else {
            let name = release.name.clone();
            let call = self.releasing(release, answer);
            self.send(call);
            if is_asked {
                // If it was ended by force meanwhile, what asks for it makes it anew, and it may wait then.
                self.abandon(id, &name, false);
            }
        }
    }

    /// The server does not know that the request is busy. It was ended there; and if it was asked for again, that may have
    /// made it anew, so that it now waits.
    pub(super) fn release_failed(&mut self, id: RequestId, payload: &Payload) {
        if let Payload::Release { keys, .. } = payload {
            let payload = Payload::Abandon {
                keys: keys.clone(),
                id,
                run_is_lost: false,
            };
            self.send(Call::new(payload, ReplyTo::Nothing { lasting: true }));
        }
    }

    pub(super) fn releasing(
        &mut self,
        release: PendingRelease,
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    ) -> Call {
        let PendingRelease { id, name, until } = release;
        let keys = self.keys(&name);
        let reply_to = ReplyTo::Release { id, until, answer };
        Call::new(Payload::Release { keys, id }, reply_to)
    }

    /// Sends the pending release, if there is one.
    pub(super) fn flush_release(&mut self) {
        if let Some(release) = self.pending_release.take() {
            let call = self.releasing(release, None);
            self.send(call);
        }
    }

    /// Gives one request back and asks for another of the same semaphore. Two scripts cost nearly twice as much.
    pub(super) fn exchange(&mut self, returned: PendingRelease, id: RequestId) {
        let Some(acquire) = self.asking(id, Some(returned.id)) else {
            let call = self.releasing(returned, None);
            self.send(call);
            return;
        };
        let now = self.now;
        self.semaphore(&returned.name).used = now;
        // If the connection is lost, two calls take the place of this one.
        let _ = self.serial();
        let payload = Payload::Acquire(Box::new(acquire));
        let acquired = id;
        self.send(Call::new(payload, ReplyTo::Exchange { returned, acquired }));
    }

    /// A permit that was ended by force is dropped: the work of its request has ended.
    pub(super) fn drop_ended(&mut self, id: RequestId) {
        let Some(name) = self.ended_by_force.remove(&id) else {
            return;
        };
        self.semaphore(&name).ended_by_force -= 1;
        let keys = self.keys(&name);
        let nothing = ReplyTo::Nothing { lasting: true };
        self.send(Call::new(Payload::Release { keys, id }, nothing));
    }
}
