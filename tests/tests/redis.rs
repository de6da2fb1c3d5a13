//! Semaphores on a Redis or Valkey server: the line across stores, permits, and what becomes of all that when the server
//! or a client does not behave.

#[path = "redis/common.rs"]
mod common;

use std::time::Duration;

use cla_semaphore::{Request, Slots};
use cla_tests::redis::Server;
use common::{acquire, name, soon, store, until_waiting};

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_share_a_semaphore_in_order_of_arrival() {
    let server = Server::start();
    let (here, there) = (store(&server.url()), store(&server.url()));
    let x = name("x");
    let held = soon(here.semaphore(&x).acquire()).await.unwrap();
    let second = acquire(&there, &x, Request::new());
    until_waiting(&here, &x, 1).await;
    let third = acquire(&here, &x, Request::new());
    until_waiting(&here, &x, 2).await;
    let view = there.show(&x).await.unwrap().unwrap();
    assert_eq!((view.slots, view.busy, view.waiting), (Slots::ONE, 1, 2));
    assert_eq!(view.requests[0].token, Some(held.token()));
    assert_eq!(view.requests[1].place, Some(1));

    let first_token = held.token();
    held.release().await.unwrap();
    let second = soon(second).await.unwrap().unwrap();
    assert!(second.token() > first_token);
    drop(second);
    let third = soon(third).await.unwrap().unwrap();
    assert!(third.waited() > Duration::ZERO);
    assert!(
        here.semaphore(&x)
            .acquire()
            .if_free()
            .await
            .unwrap()
            .is_none()
    );
    third.release().await.unwrap();
    drop(
        there
            .semaphore(&x)
            .acquire()
            .if_free()
            .await
            .unwrap()
            .unwrap(),
    );
    assert_eq!(here.list().await.unwrap().len(), 1);
}
