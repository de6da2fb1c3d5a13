//! What is kept for ever, and what is shown, has a bound.

#![allow(clippy::unwrap_used)] // a test that cannot go on panics

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use cla_semaphore::provider::{KeyError, Namespace};
use cla_semaphore::{
    AdminError, NameError, Owner, SemaphoreName, Semaphores, SlotId, SlotIdError, Slots,
};

/// The memory store answers at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn the_store_of_a_process_keeps_so_many_pinned_semaphores_and_no_more() {
    let semaphores = Semaphores::memory();
    let name = |n: usize| SemaphoreName::new(format!("n{n}")).unwrap();
    let pin = |n| now(semaphores.set_slots(&name(n), Slots::Limited(5)));
    let mut kept = 0;
    let refused = loop {
        match pin(kept) {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, AdminError::TooManyPinned { most } if most == kept));
    assert_eq!(kept, 100_000);
    assert!(refused.to_string().contains("100000"), "{refused}");
    assert!(now(semaphores.pin(&name(kept))).is_err());
    // Those that are pinned can be changed, and all can be used.
    pin(0).unwrap();
    let permit = now(semaphores.semaphore(&name(kept)).acquire());
    drop(permit.unwrap());
    assert!(
        pin(kept).is_err(),
        "that it is there already makes no difference"
    );
    // One less makes room for one.
    now(semaphores.unpin(&name(1))).unwrap();
    pin(kept).unwrap();
    assert!(pin(kept + 1).is_err());
    now(semaphores.forget(&name(2))).unwrap();
    pin(kept + 1).unwrap();
    assert!(pin(kept + 2).is_err());
}

#[test]
fn texts_that_name_something_have_a_bound() {
    let huge = "n".repeat(20_000_000);
    assert!(matches!(
        SemaphoreName::new(&huge),
        Err(NameError::TooLong { .. })
    ));
    assert!(matches!(
        SlotId::new(&huge),
        Err(SlotIdError::TooLong { .. })
    ));
    let namespace = Namespace::new(&huge).unwrap_err();
    assert!(matches!(
        namespace,
        KeyError::Name(NameError::TooLong { .. })
    ));
    let reserved = format!("_rt:{huge}");
    assert!(Namespace::new(reserved).unwrap_err().to_string().len() < 200);
    assert!(Owner::process(&*huge).who().len() < 1024);
    let unknown = now(Semaphores::memory().find(&huge)).unwrap_err();
    assert!(unknown.to_string().len() < 200);
}
