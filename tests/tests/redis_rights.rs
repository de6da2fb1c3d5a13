//! The rights that a user of the server needs, as `docs/records.md` lists them: everything works with them, and nothing
//! else can be done.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

#[path = "redis/common.rs"]
mod common;

use cla_semaphore::{
    Actor, AuditQuery, EventKind, HistoryQuery, Request, RunId, Semaphores, SlotId, Slots, Ttl,
};
use cla_tests::redis::Server;
use common::{name, soon, store};

/// The rights in the page's block.
fn rights() -> Vec<&'static str> {
    let page = include_str!("../../docs/records.md");
    let from = page.find("ACL SETUSER").unwrap();
    let block = page[from..].split("```").next().unwrap();
    let words = block.split_whitespace().filter(|word| *word != "\\");
    words.skip(3).collect()
}

async fn uses_everything(semaphores: &Semaphores) {
    let x = name("x");
    let mut events = semaphores.subscribe();
    let admin = semaphores.acting_as(Actor::new("anna", "db1", "panel"));
    let ttl = Ttl::from_secs(60).unwrap();
    let held = soon(
        semaphores
            .semaphore(&x)
            .acquire()
            .with(Request::new().ttl(ttl)),
    )
    .await
    .unwrap();
    assert_eq!(soon(events.recv()).await.unwrap().kind, EventKind::Created);
    soon(held.refresh(ttl)).await.unwrap();
    assert!(
        soon(semaphores.semaphore(&x).acquire().if_free())
            .await
            .unwrap()
            .is_none()
    );
    let owner = cla_semaphore::Owner::new("a.js").with_run(RunId::unique());
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let asked = semaphores
            .semaphore(&x)
            .acquire()
            .with(Request::new().owner(owner.clone()));
        waiting.push(tokio::spawn(asked));
    }
    let ids = loop {
        let view = soon(semaphores.show(&x)).await.unwrap().unwrap();
        if view.waiting == 3 {
            let waiting = view.requests.iter().filter(|row| row.place.is_some());
            break waiting.map(|row| row.id).collect::<Vec<_>>();
        }
    };
    soon(admin.move_to(ids[2], 1)).await.unwrap();
    soon(admin.grant(ids[0])).await.unwrap();
    soon(admin.cancel(ids[1])).await.unwrap();
    assert_eq!(soon(admin.force_release(&x)).await.unwrap(), 2);
    soon(admin.purge(&x)).await.unwrap();
    for asked in waiting {
        drop(soon(asked).await.unwrap());
    }
    soon(admin.set_slots(&x, Slots::Limited(2))).await.unwrap();
    soon(admin.pin(&x)).await.unwrap();
    soon(admin.unpin(&x)).await.unwrap();
    let slot = SlotId::new("mine").unwrap();
    soon(
        semaphores
            .semaphore(&x)
            .acquire()
            .with(Request::new().slot(slot.clone())),
    )
    .await
    .unwrap()
    .leave();
    assert!(soon(semaphores.release_slot(&x, &slot)).await.unwrap());
    assert!(
        !soon(semaphores.history(&x, HistoryQuery::new()))
            .await
            .unwrap()
            .is_empty()
    );
    soon(semaphores.list()).await.unwrap();
    soon(semaphores.find(&ids[0].to_string())).await.unwrap();
    soon(admin.forget(&x)).await.unwrap();
    let audit = soon(semaphores.audit(AuditQuery::new())).await.unwrap();
    assert_eq!(audit.len(), 8, "{audit:#?}");
    soon(semaphores.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_the_docs_list_are_enough_and_reach_no_other_keys() {
    let server = Server::start();
    let user = ["ACL", "SETUSER", "cla"];
    let rights = rights();
    assert!(rights.contains(&"~cla:*"), "{rights:?}");
    server.command(&[&user[..], &rights[..], &[">s3cret"]].concat());
    let mine = format!("redis://cla:s3cret@127.0.0.1:{}", server.port());
    uses_everything(&store(&mine)).await;

    let elsewhere = store(&format!("{mine}?prefix=other"));
    let refused = soon(elsewhere.semaphore(&name("x")).acquire()).await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("permission"), "{said}");
}
