//! What requests have that do not say otherwise: [`Semaphores::with_defaults`](cla_semaphore::Semaphores::with_defaults).

use std::time::Duration;

use super::Subject;
use super::stage::{At, Fixture, by, name, ttl};
use cla_semaphore::{Defaults, Owner, Request, SlotId, Status};

/// Longer than any case takes.
const LONG: Duration = Duration::from_secs(3600);

fn with(at: &At, defaults: Defaults) -> At {
    At {
        semaphores: at.semaphores.with_defaults(defaults),
        ..at.clone()
    }
}

/// Whichever way it is asked, and also while it waits.
pub(super) fn what_a_request_does_not_say_comes_from_the_defaults(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let shop = with(a, Defaults::new().ttl(ttl(LONG)).owner(Owner::new("shop")));
    let (taken, tried) = (shop.take(), shop.on("y").try_take().expect("it is free"));
    let slot = SlotId::new("mine").expect("it is an id");
    let named = shop.on("z").take_as(Request::new().slot(slot));
    for (at, permit) in [("x", &taken), ("y", &tried), ("z", &named)] {
        let row = b.on(at).row(permit.id());
        assert_eq!(row.who.as_deref(), Some("shop"), "{row:?}");
        let deadline = row.expires_at.zip(row.started_at);
        let lives = deadline.map(|(end, start)| end - start);
        assert!(
            lives.is_some_and(|lives| (lives - LONG.as_secs_f64()).abs() < 60.0),
            "{row:?}"
        );
    }
    let waiter = shop.wait();
    assert_eq!(b.row(waiter.id).who.as_deref(), Some("shop"));
    shop.release(taken);
    let permit = waiter.permit();
    assert!(b.row(permit.id()).expires_at.is_some());
}

/// Each of them by itself.
pub(super) fn what_a_request_says_outranks_the_defaults(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let defaults = Defaults::new()
        .ttl(ttl(Duration::from_millis(1)))
        .owner(Owner::new("shop"));
    let shop = with(a, defaults);
    let permit = shop.take_as(by("till").ttl(ttl(LONG)));
    let row = b.row(permit.id());
    assert_eq!(row.who.as_deref(), Some("till"));
    assert_eq!(row.status, Status::Busy);
    assert!(row.expires_at.is_some());
    let permit = shop.on("y").take_as(Request::new().ttl(ttl(LONG)));
    let row = b.on("y").row(permit.id());
    assert_eq!(row.who.as_deref(), Some("shop"));
    assert!(!permit.is_lost());
}

/// They belong to a handle of a client, not to the store.
pub(super) fn defaults_concern_nobody_else(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let shop = with(a, Defaults::new().ttl(ttl(LONG)).owner(Owner::new("shop")));
    let bank = with(&shop, Defaults::new().owner(Owner::new("bank")));
    for (at, client, who, expires) in [
        ("p", &shop, Some("shop"), true),
        ("q", &bank, Some("bank"), false),
        ("r", a, None, false),
        ("s", b, None, false),
    ] {
        let permit = client.on(at).take();
        let row = b.on(at).row(permit.id());
        assert_eq!(row.who.as_deref(), who, "{at}");
        assert_eq!(row.expires_at.is_some(), expires, "{at}");
    }
}

/// A whole name reaches every semaphore all the same.
pub(super) fn tenants_with_namespaces_do_not_meet(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let tenant = |at: &At, text| {
        let semaphores = at.semaphores.with_defaults(Defaults::new().namespace(text));
        let db = semaphores.get("db").expect("it is a name");
        at.wait_for("the request for a slot", db.acquire())
            .expect("nobody else has it")
    };
    let (shop, bank) = (tenant(a, "shop"), tenant(b, "bank"));
    let names: Vec<_> = a.list().into_iter().map(|view| view.name).collect();
    assert_eq!(names, [name("bank/db"), name("shop/db")]);
    assert!(b.on("shop/db").try_take().is_none(), "the shop has it");
    drop((shop, bank));
    drop(b.on("shop/db").take_when_free());
}
