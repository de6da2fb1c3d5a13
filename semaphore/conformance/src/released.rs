//! Rule 6: what was released by force, while its work goes on.

use super::Subject;
use super::stage::{At, Fixture, by, done, refused};
use cla_semaphore::Permit;
use cla_semaphore::RequestId;
use cla_semaphore::{AdminError, ReleaseError};
use cla_semaphore::{SemaphoreView, Status};

/// So many end after it that it is not one of those that ended a moment ago.
fn is_over_for_long(at: &At) {
    for _ in 0..40 {
        at.release(at.take());
    }
}

/// "`released` (by force; shown while its process goes on)". Then it is gone.
pub(super) fn what_was_released_by_force_is_shown_until_its_permit_is_dropped(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let stuck = a.take_as(by("stuck").slots(3));
    let others = [a.take(), b.take()];
    let ids = others.each_ref().map(Permit::id);
    done(b.release_request(stuck.id()));
    assert_eq!(done(a.force_release()), 2);
    for permit in others.iter().chain([&stuck]) {
        a.lost(permit);
    }
    is_over_for_long(b);
    for client in [a, b] {
        let row = client.row(stuck.id());
        assert_eq!(row.status, Status::Released);
        assert_eq!(row.who.as_deref(), Some("stuck"));
        assert!(row.ran.is_some() && row.ended_at.is_some(), "{row:?}");
        assert_eq!(client.view().busy, 0);
        assert_eq!(done(client.find(&stuck.id().to_string())), stuck.id());
    }
    let rows = |view: &SemaphoreView| -> Vec<RequestId> {
        let released = view.requests.iter();
        let released = released.filter(|row| row.status == Status::Released);
        released.map(|row| row.id).collect()
    };
    assert_eq!(rows(&b.view()), [stuck.id(), ids[0], ids[1]]);
    let stuck_id = stuck.id();
    drop(stuck);
    b.until("what was dropped is gone", |view| rows(view) == ids);
    let [first, second] = others;
    let error = refused(a.wait_for("release", first.release()));
    assert!(matches!(error, ReleaseError::Lost { .. }), "{error}");
    b.until("what was given back is gone", |view| rows(view) == ids[1..]);
    done(b.purge());
    drop(second);
    b.until("all are gone", |view| rows(view).is_empty());
    assert!(matches!(
        b.find(&stuck_id.to_string()),
        Err(AdminError::UnknownRequest { .. })
    ));
}

/// A release by force, after which the client ends.
pub(super) fn what_was_released_by_force_is_shown_no_longer_than_its_client_is_there(
    subject: &dyn Subject,
) {
    let Fixture { a, b, shared, .. } = &Fixture::new(subject);
    let stuck = a.take();
    done(b.force_release());
    a.lost(&stuck);
    is_over_for_long(b);
    assert_eq!(b.row(stuck.id()).status, Status::Released);
    if !shared {
        return;
    }
    done(a.wait_for("close", a.semaphores.close()));
    b.until("what the client had is gone", |view| {
        view.requests.iter().all(|row| row.id != stuck.id())
    });
    drop(stuck);
}
