//! Every error goes where a host wants it: into a box, to another thread, through `?`.

use std::error::Error;

use cla_semaphore::{
    AcquireError, AdminError, ChangeError, DeadlockError, EventsError, IdError, NameError,
    RefreshError, ReleaseError, SlotIdError, SlotsError, StoreError, StoreUrlError, TtlError,
    provider,
};

const fn is_portable<E: Error + Send + Sync + 'static>() {}

#[test]
fn every_error_can_be_boxed_and_sent_to_another_thread() {
    is_portable::<AcquireError>();
    is_portable::<AdminError>();
    is_portable::<ChangeError>();
    is_portable::<DeadlockError>();
    is_portable::<EventsError>();
    is_portable::<IdError>();
    is_portable::<NameError>();
    is_portable::<RefreshError>();
    is_portable::<ReleaseError>();
    is_portable::<SlotIdError>();
    is_portable::<SlotsError>();
    is_portable::<StoreError>();
    is_portable::<StoreUrlError>();
    is_portable::<TtlError>();
    is_portable::<provider::Error>();
    is_portable::<provider::KeyError>();
}
