//! `cla serve` behind a proxy: whom it believes, and what.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

mod common;

use common::Folder;
use common::http::Service;
use serde_json::json;

const SLOTS: &str = "/api/v1/semaphores/slot/slots";

#[test]
fn a_trusted_proxy_says_who_asks_and_from_where() {
    let folder = Folder::with(&[]);
    let arguments = [
        "--trusted-proxy",
        "127.0.0.1",
        "--user-header",
        "Remote-User",
        "--user-role",
        "Remote-Role",
    ];
    let service = Service::start(&folder, &arguments);
    let proxy = service
        .stranger()
        .with("X-Forwarded-For", "10.9.9.9, 203.0.113.7");
    let anna = proxy
        .with("Remote-User", "anna")
        .with("Remote-Role", "operator");
    let origin = format!("http://{}", service.address);

    // A page of another site cannot make the proxy's users change anything.
    assert_eq!(
        anna.post(SLOTS, &json!({"slots": 3})).refused(403),
        "foreign-origin"
    );
    anna.with("Origin", &origin)
        .post(SLOTS, &json!({"slots": 3}))
        .ok();
    let audit = anna.get("/api/v1/audit").ok();
    let actor = &audit[0]["actor"];
    assert_eq!(
        (&actor["login"], &actor["host"]),
        (&json!("anna"), &json!("203.0.113.7"))
    );

    let viewer = proxy
        .with("Remote-User", "bert")
        .with("Remote-Role", "viewer")
        .with("Origin", &origin);
    assert_eq!(viewer.get("/api/v1/semaphores").status, 200);
    assert_eq!(
        viewer.post(SLOTS, &json!({"slots": 9})).refused(403),
        "forbidden"
    );
    let mut events = viewer.with("Cookie", "proxy=its-own").events("");
    assert_eq!(events.next().unwrap().name, "hello");

    let wrong = proxy
        .with("Remote-User", "carl")
        .with("Remote-Role", "root");
    assert_eq!(
        wrong.get("/api/v1/semaphores").refused(403),
        "wrong-proxy-user"
    );
    assert_eq!(
        proxy
            .with("Remote-User", "carl")
            .get("/api/v1/semaphores")
            .refused(403),
        "wrong-proxy-user"
    );
    // Without a user, tokens count.
    assert_eq!(
        proxy.get("/api/v1/semaphores").refused(401),
        "unauthenticated"
    );
    let token = service.client(&folder, "viewer", &[]);
    assert_eq!(token.get("/api/v1/semaphores").status, 200);
}

#[test]
fn others_are_not_believed() {
    let folder = Folder::with(&[]);
    let arguments = [
        "--trusted-proxy",
        "192.0.2.1",
        "--user-header",
        "Remote-User",
        "--user-role",
        "admin",
    ];
    let service = Service::start(&folder, &arguments);
    let stranger = service.stranger().with("Remote-User", "root");
    for path in ["/api/v1/semaphores", "/", "/healthz"] {
        assert_eq!(stranger.get(path).refused(403), "untrusted-proxy");
    }
    // The address that a client claims is not written down.
    let operator = service
        .client(&folder, "operator", &[])
        .with("X-Forwarded-For", "203.0.113.7");
    operator.post(SLOTS, &json!({"slots": 3})).ok();
    assert_eq!(
        operator.get("/api/v1/audit").ok()[0]["actor"]["host"],
        "127.0.0.1"
    );
    assert_eq!(
        operator
            .with("Remote-User", "root")
            .get("/api/v1/audit")
            .refused(403),
        "untrusted-proxy"
    );
}

#[test]
fn wrong_tokens_through_a_proxy_are_counted_by_the_address_of_the_client() {
    let folder = Folder::with(&[]);
    let service = Service::start(&folder, &["--trusted-proxy", "127.0.0.0/8"]);
    let wrong = service
        .stranger()
        .with("Authorization", "Bearer cla_000000000000_wrong");
    let from = |way: &str| {
        wrong
            .with("X-Forwarded-For", way)
            .get("/api/v1/semaphores")
            .status
    };
    let mut tries = 0;
    while from("203.0.113.7") == 401 {
        tries += 1;
        assert!(tries < 100, "it is never too often");
    }
    // The client cannot begin anew by a step of its own in front.
    assert_eq!(from("198.51.100.1, 203.0.113.7"), 429);
    assert_eq!(from("203.0.113.8"), 401);
}

#[test]
fn a_user_header_needs_a_trusted_proxy() {
    let folder = Folder::with(&[]);
    for wrong in [
        &["serve", "--user-header", "Remote-User"][..],
        &["serve", "--trusted-proxy", "10.1.2.3/8"],
        &[
            "serve",
            "--trusted-proxy",
            "10.0.0.1",
            "--user-header",
            "no header",
        ],
    ] {
        assert_eq!(folder.cla(wrong).code, Some(2), "{wrong:?}");
    }
}
